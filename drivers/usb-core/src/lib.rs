//! USB host core: descriptors, enumeration, hubs and the contract between class drivers and host
//! controllers.
//!
//! The crate is hardware-independent and straight-line async: a [`host::HostController`] moves
//! bytes on pipes, everything above it is USB 2.0 chapters 9 and 11.
#![no_std]
#![forbid(unsafe_code)]

pub mod buffer;
pub mod host;
pub mod pipe;
