//! USB Ethernet adapters as network interfaces: CDC-NCM, CDC-ECM, CDC-EEM and RNDIS devices, and
//! the chips that crate `smsc-lan` knows.
//!
//! [`Choice`] finds the Ethernet function of a device in any of its configurations;
//! [`Adapter::start`] brings it up and learns its address; [`Adapter::run`] moves frames between
//! it and a [`net::netif::Port`] until the device goes or fails.
//!
//! Read first: USB CDC 1.2 and its subclass specifications for Ethernet (ECM 1.2, NCM 1.0,
//! EEM 1.0), and Microsoft's Remote NDIS specification. Not here: other vendors' own protocols
//! ([`unsupported`] knows the usual adapters that speak nothing else).
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[macro_use]
mod trace;

mod adapter;
mod choice;
mod counters;
mod ecm;
mod eem;
mod error;
mod filter;
mod functional;
mod mac;
pub mod ncm;
mod notification;
mod probe;
mod protocol;
mod receive;
mod rndis;
mod smsc;
mod status;
mod stream;
mod transmit;
pub mod unsupported;

pub use adapter::{Adapter, Addresses};
pub use choice::Choice;
pub use counters::Counters;
pub use error::{Error, Step};
pub use functional::{EthernetDescriptor, NcmCapabilities, NcmDescriptor, UnionDescriptor};
pub use mac::{locally_administered, parse_mac};
pub use notification::{Notification, NotificationReader};
pub use probe::{Match, candidates, probe};
pub use protocol::{Preference, Protocol};
pub use rndis::{Command, MessageError, Response, data_header, parse_packet};
pub use smsc_lan::Model;
pub use stream::{Content, Format, Message, Reassembly};
