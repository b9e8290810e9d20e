//! What the network and USB tools are made of.
//!
//! Each program in `src/bin` is a few lines over a module here, so that parsing and formatting are
//! tested on the host. They use Linux system calls only and behave the same on Linux.
//!
//! - [`ip`]: the program of that name, over [`netlink`], the messages with which the kernel's
//!   network configuration is read and changed;
//! - [`iperf`] measures throughput, [`tcpdump`] shows packets, [`ss`] sockets,
//!   [`nstat`] counters;
//! - [`nslookup`] asks name servers;
//! - [`ping`] is `ping6`, [`usb`] is `lsusb`, [`ifconfig`] and [`nc`] what they say, [`echo`] is
//!   `tcp-echo` and `udp-echo`, [`discovery`] is `rdisc6` and `ndisc6`, [`traceroute`] is
//!   `traceroute6`;
//! - [`host`], [`interface`], [`prefix`]: hosts, interfaces and addresses as people write them;
//! - [`socket`]: what sockets need beyond the functions of `rustix`;
//! - [`clock`], [`interrupt`]: the time, and the user who wants to stop.
#![no_std]

extern crate alloc;

pub mod clock;
pub mod discovery;
pub mod echo;
pub mod host;
pub mod ifconfig;
pub mod interface;
pub mod interrupt;
pub mod ip;
pub mod iperf;
pub mod nc;
pub mod netlink;
pub mod nslookup;
pub mod nstat;
pub mod ping;
pub mod prefix;
pub mod socket;
pub mod ss;
pub mod tcpdump;
pub mod traceroute;
pub mod usb;

use alloc::string::String;
use alloc::vec::Vec;

/// The arguments of the program as text; what is not UTF-8 becomes U+FFFD, which no command, name
/// or address contains.
#[must_use]
pub fn words(arguments: rt::Arguments) -> Vec<String> {
    arguments.map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
}
