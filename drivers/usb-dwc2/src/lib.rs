//! Synopsys DWC2 (DesignWare USB 2.0 OTG) host controller driver: host mode, buffer DMA, as found
//! in the BCM283x and in QEMU's model of it.
//!
//! [`Dwc2`] implements [`usb_core::host::HostController`]. It is given everything it needs: the
//! registers ([`registers::Registers`]; [`registers::mmio::MmioRegisters`] for a memory-mapped
//! block), a clock, DMA memory ([`Board`]), and the state it shares with the interrupt
//! handler ([`Interrupts`], which belongs in a `static`). It holds no address and reads no clock
//! of its own, so that the same code runs against a software model in this crate's tests.
//!
//! From the outside in:
//!
//! - `host`: the [`usb_core::host::HostController`] methods, and the root port's timing.
//! - `control`, `transfer`, `split`, `periodic_split`, `translators`: what USB 2.0 says about
//!   transfers: stages, retries, toggles, transaction translators.
//! - `receive`, `ring`: bulk IN transfers that the interrupt handler starts one behind the other.
//! - `channels`, `program`: a host channel's life: who has it, how it is started, halted, and
//!   what happens to its buffer when nobody waits any more.
//! - `controller`, `recovery`, `port`, `limits`, `fifo`, `frames`, `interrupts`: the core: power-up,
//!   reset, what is done when it hangs, HPRT0, FIFOs, the interrupt handler.
//! - `quirks`: everything that is there for QEMU's model only.
//!
//! Not supported: isochronous transfers, slave mode and descriptor DMA, device mode, suspend.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[macro_use]
mod trace;

mod at_once;
mod channels;
mod control;
mod controller;
mod fifo;
mod frames;
mod host;
mod interrupts;
mod limits;
mod outcome;
mod periodic_split;
mod pipes;
mod port;
mod program;
mod quirks;
mod receive;
mod recovery;
pub mod registers;
mod ring;
mod split;
mod statistics;
mod transfer;
mod translators;
mod waiting;

pub use controller::{Board, Dwc2, StartError};
pub use fifo::{Fifo, FifoTooSmall};
pub use interrupts::Interrupts;
pub use pipes::Pipe;
pub use quirks::Quirks;
pub use recovery::PowerError;
pub use statistics::Statistics;
