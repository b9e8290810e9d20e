//! The kernel: the only crate that owns hardware, memory and processes.
//!
//! - `memory`: addresses, frames, heap, DMA memory.
//! - `executor`, `sync`, `time`: tasks, what they share, and the clock.
//!
//! Whatever touches hardware exists only on the target; the rest also builds on the host, where
//! `cargo test` tests it.
#![cfg_attr(target_os = "none", no_std)]

extern crate alloc;

pub mod executor;
pub mod memory;
pub mod sync;
pub mod time;
