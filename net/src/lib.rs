//! An IPv6-only host stack that does no I/O.
//!
//! Frames, time and randomness come in as arguments; frames and the next deadline come out. Two
//! runs with the same inputs give the same bytes. [`stack::Stack`] is the whole of it; begin
//! there, or with `examples/echo.rs`, a program around it.
//!
//! - [`wire`]: what octets mean. No state.
//! - State machines, a file each, without knowledge of each other: [`neighbor`] (cache and
//!   unreachability detection), `dad`, `router_solicitation`, `mld`, [`route`] (with prefix list
//!   and default router list), `destination`, [`unicast`] (addresses and lifetimes),
//!   [`address_selection`], `rate_limit`, `reassembly`.
//! - What joins them, methods of the stack: `ethernet`, [`vlan`], `ipv6_input`, `fragment_input`,
//!   `ipv6_output`, `fragmentation`, `icmpv6_input`, `icmpv6_error`, `ndp`, `slaac`, `duplicate`,
//!   `mld_message`.
//! - [`socket`]: UDP and ICMPv6 sockets. [`tcp`]: TCP and stream sockets. [`raw_frame`], [`tap`]:
//!   what packet sockets need. [`manage`]: what the user configures.
//! - [`counters`], [`event`], [`limits`], [`config`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![allow(
    clippy::duration_suboptimal_units,
    reason = "the RFCs count in seconds; a constant is to be compared with them at a glance"
)]
#![allow(
    clippy::struct_excessive_bools,
    reason = "flags of headers, of socket options and of settings are just that"
)]

#[macro_use]
mod trace;

pub mod address;
pub mod address_selection;
mod announcement;
mod answer;
pub mod anycast;
pub mod buffer;
pub mod config;
pub mod counters;
mod dad;
mod destination;
mod duplicate;
mod ethernet;
pub mod event;
pub mod expiry;
mod fragment_input;
mod fragmentation;
mod hash;
mod icmpv6_error;
mod icmpv6_input;
pub mod interface;
mod interface_table;
mod ipv6_input;
mod ipv6_output;
mod ipv6_transmit;
pub mod limits;
mod list;
pub mod manage;
mod memo;
mod mld;
mod mld_message;
mod mld_source;
mod ndp;
pub mod neighbor;
pub mod netif;
mod optimistic;
pub mod policy;
pub mod random;
mod rate_limit;
pub mod raw_frame;
mod reassembly;
pub mod route;
pub mod router_dns;
mod router_option;
mod router_prefix;
mod router_solicitation;
mod slaac;
mod slots;
pub mod socket;
pub mod stack;
pub mod tap;
pub mod tcp;
mod temporary;
#[cfg(test)]
mod test_host;
pub mod time;
pub mod unicast;
pub mod vlan;
pub mod wire;

pub use ipv6_output::{NoRoute, RouteTo, Table};
pub use router_option::RouterOption;
