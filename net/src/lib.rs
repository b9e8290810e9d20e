//! An IPv6-only host stack that does no I/O.
//!
//! Frames, time and randomness come in as arguments; frames and the next deadline come out. Two
//! runs with the same inputs give the same bytes.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod address;
pub mod buffer;
pub mod netif;
pub mod time;
pub mod wire;
