//! Our stack and smoltcp side by side: the same work, on the same link, in one process.
//!
//! [`host::Host`] is what both stacks can do; [`ours::Ours`] and [`smoltcp_host::Smoltcp`] are the
//! two. Everything measured is written once, against the trait:
//! - [`work`]: pieces of work whose cost counts, in time or instructions; no clock, no system
//!   calls, so that the same code runs on the host and on the bare machine.
//! - [`path`] and [`transfer`]: what a connection reaches over a link with a rate, a delay, a queue
//!   and losses, in virtual time.
//!
//! Neither stack is copied for by the harness: a frame is a block of memory that moves from one
//! host to the other, as a network adapter would move it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod block;
pub mod frame;
pub mod host;
pub mod ours;
pub mod path;
pub mod random;
pub mod smoltcp_host;
pub mod transfer;
pub mod work;
