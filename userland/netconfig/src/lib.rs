//! How the machine gets addresses and name servers: `dhcp6c`, a DHCPv6 client, and `netconfigd`,
//! which starts it where routers say so and keeps `/etc/resolv.conf`.
//!
//! - [`dhcp6`]: the protocol, without I/O;
//! - [`client`]: the program `dhcp6c`, one process for each interface;
//! - [`servers`]: which name servers there are, by routers (RFC 8106) and by DHCPv6;
//! - [`daemon`]: the program `netconfigd`;
//! - [`files`], [`signals`]: what both need.
//!
//! The programs use Linux system calls only and behave the same on Linux.
#![no_std]

extern crate alloc;

pub mod client;
pub mod daemon;
pub mod dhcp6;
pub mod files;
pub mod servers;
pub mod signals;
