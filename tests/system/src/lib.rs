//! Drives the kernel in QEMU from outside, as a user would: what is typed at the console and what
//! goes over the cable.
//!
//! - `cable`: a cable that loses, doubles, delays and reorders frames (Linux).
//! - `flood`: a flood of SYNs (Linux, root).
//! - [`guest::Guest`]: a booted kernel; its console and QEMU's monitor.
//! - [`lab::Lab`]: a network namespace with a TAP, a router and Linux as the other host (root).
//! - [`script::ScriptedLab`]: the network of `tools/lab.sh` (root).
//! - [`wire_dut::WireDut`]: the guest as the device under test of the conformance suite.
//! - `linux_dut`: this machine's Linux in that place (Linux, root).
//! - [`redirected::Redirected`]: a simulated USB device in QEMU.
//! - [`peer`]: programs on the host for the guest to talk to.

#[cfg(target_os = "linux")]
pub mod cable;
#[cfg(target_os = "linux")]
pub mod flood;
pub mod guest;
pub mod lab;
#[cfg(target_os = "linux")]
pub mod linux_dut;
pub mod peer;
pub mod redirected;
pub mod script;
pub mod wire_dut;
