//! USB host core: descriptors, enumeration, hubs and the contract between class drivers and host
//! controllers.
//!
//! The crate is hardware-independent and straight-line async: a [`host::HostController`] moves
//! bytes on pipes, everything above it is USB 2.0 chapters 9 and 11.
//!
//! ```text
//!   class drivers (class::ClassDrivers) ── device::Device ──┐
//!   hub driver ─────────────────────────── device::Device ──┤
//!   bus::Bus: table of devices, enumeration ────────────────┤
//!                                                  host::HostController
//! ```
//!
//! What runs when is told in [`bus`]; what the kernel must bring along is in [`class`].
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod buffer;
pub mod bus;
pub mod class;
pub mod descriptor;
pub mod device;
pub mod host;
pub mod hub;
pub mod intake;
pub mod pipe;
pub mod request;
mod sync;
