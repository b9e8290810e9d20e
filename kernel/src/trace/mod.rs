//! Compact traces of the hot path (feature `trace`): `defmt` frames out of the second port.
//!
//! The crates `net`, `usb-dwc2` and `cdc-ecm` say what happens with `defmt::trace!`: an index into
//! a table of format strings, which stays in the ELF file, and the arguments' bytes. [`logger`]
//! encodes that into a [`Ring`]; [`drain`] carries it to the mini-UART when nothing else is to do
//! first. Nobody ever waits: a frame that finds the ring full is dropped whole and counted, and the
//! trace says so where it goes on.
//!
//! `defmt-print` turns the bytes back into text with the very ELF file that wrote them.

#[cfg(target_os = "none")]
mod drain;
#[cfg(target_os = "none")]
mod logger;
mod ring;

#[cfg(target_os = "none")]
pub(crate) use drain::{flush, start};
pub use ring::Ring;
