//! The kernel: the only crate that owns hardware, memory and processes.
//!
//! - [`arch`]: the processor: boot, exceptions, page tables, user mode.
//! - `board`: the BCM2837 around it: interrupts, console, mailbox, power.
//! - [`machine`]: which board it is, how it fares, signs of life.
//! - [`memory`]: addresses, frames, heap, DMA memory.
//! - [`executor`], [`sync`], [`time`]: tasks, what they share, and the clock.
//! - [`process`], [`syscall`], [`fs`], [`tty`]: programs, what they ask for, files, the terminal.
//! - [`logging`], [`symbols`], [`random`], [`boot_arguments`]: services for everyone.
//!
//! Whatever touches hardware exists only on the target; the rest also builds on the host, where
//! `cargo test` tests it.
#![cfg_attr(target_os = "none", no_std)]

extern crate alloc;

pub mod arch;
#[cfg(target_os = "none")]
pub mod board;
pub mod boot_arguments;
pub mod executor;
pub mod fs;
pub mod logging;
pub mod machine;
#[cfg(target_os = "none")]
mod machine_tests;
pub mod memory;
pub mod net;
#[cfg(target_os = "none")]
pub mod panic;
pub mod process;
pub mod random;
#[cfg(target_os = "none")]
mod start;
pub mod symbols;
pub mod sync;
pub mod syscall;
pub mod time;
#[cfg(any(test, all(target_os = "none", feature = "trace")))]
pub mod trace;
pub mod tty;
#[cfg(target_os = "none")]
pub mod usb;

/// The programs and files of the system: a `newc` cpio archive (build.rs takes it from the
/// environment variable INITRAMFS; without one it is empty).
pub static INITRAMFS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/initramfs.cpio"));
