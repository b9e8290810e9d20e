//! USB Ethernet adapters: CDC-ECM and RNDIS devices as network interfaces.
//!
//! [`probe()`] finds the Ethernet function of a device in any of its configurations;
//! [`Adapter::start`] brings it up and learns its address; [`Adapter::run`] moves frames between
//! it and a [`net::netif::Port`] until the device goes or fails.
//!
//! Read first: USB CDC 1.2 and its subclass specification for Ethernet Control Model devices
//! (ECM 1.2), and Microsoft's Remote NDIS specification. Not here: NCM, and the vendors' own
//! protocols ([`unsupported`] knows the usual adapters that speak nothing else).
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[macro_use]
mod trace;

mod adapter;
mod counters;
mod ecm;
mod error;
mod functional;
mod mac;
mod notification;
mod probe;
mod receive;
mod rndis;
mod status;
mod transmit;
pub mod unsupported;

pub use adapter::Adapter;
pub use counters::Counters;
pub use error::{Error, Step};
pub use functional::{EthernetDescriptor, UnionDescriptor};
pub use mac::{locally_administered, parse_mac};
pub use notification::{Notification, NotificationReader};
pub use probe::{Match, Preference, Protocol, probe};
pub use rndis::{Command, DataPacket, MessageError, Reassembly, Response, data_header};
