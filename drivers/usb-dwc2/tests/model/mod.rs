//! A register-level model of the DWC2 in virtual time, with simulated devices behind it.
//!
//! The model plays one of two parts ([`Flavor`]): the hardware as the databook has it, including
//! what an emulator never does (toggles, high speed with NYET and PING, splits, errors, halts that
//! come late or never), or QEMU's model with its traps, where the step that makes QEMU abort is a
//! failed test. Rules that the driver must keep (minimum times, FIFO layout, DMA alignment, who
//! may touch a buffer) are assertions.
#![allow(dead_code, unused_imports, reason = "each test file uses its own part of the model")]
#![allow(missing_docs, unreachable_pub, reason = "test code")]
#![allow(clippy::pedantic, reason = "test code")]

pub mod bench;
pub mod core;
pub mod device;
pub mod echo;
pub mod execute;
pub mod hub;
pub mod memory;
pub mod qemu;
pub mod random;
pub mod time;
pub mod translator;

pub use bench::Bench;
pub use core::Flavor;
pub use device::{Device, Fault};
