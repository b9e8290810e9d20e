//! `tcpdump`: shows packets as they pass an interface or as a file has them, in the words of
//! tcpdump 4.99.
//!
//! One file a protocol: [`link`], [`ipv6`], [`extension`], [`icmpv6`], [`neighbor`], [`listener`],
//! [`tcp`], [`udp`]. A printer appends to a line and gives up with [`octets::Truncated`] where the
//! packet ends too soon, which the line then says.
//!
//! It does not do: names, IPv4 and ARP beyond saying so, application protocols, pcapng.

pub mod extension;
pub mod filter;
pub mod hex;
pub mod icmpv6;
pub mod ipv6;
pub mod link;
pub mod listener;
pub mod neighbor;
pub mod octets;
pub mod options;
pub mod pcap;
pub mod session;
pub mod source;
pub mod style;
pub mod tcp;
pub mod timestamp;
pub mod udp;

#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::String;

use options::{TOOL, parse};

use crate::ip::interfaces::Interfaces;
use crate::netlink::{Error, RouteSocket};

/// The first interface that is up and no loopback, as libpcap chooses it.
fn default_interface() -> Result<String, String> {
    let failed = |error: Error| format!("can't list the interfaces: {error}");
    let mut socket = RouteSocket::open(0).map_err(failed)?;
    let interfaces = Interfaces::read(&mut socket).map_err(failed)?;
    Ok(interfaces.first_up().unwrap_or("lo").into())
}

/// Runs the program; returns the exit status.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    let options = match parse(TOOL.parse(arguments)) {
        Ok(options) => options,
        Err(message) => TOOL.usage_error(message),
    };
    let outcome = filter::parser::parse(&options.expression)
        .map_err(|message| format!("can't parse filter expression: {message}"))
        .and_then(|filter| match (&options.read, &options.interface) {
            (Some(path), _) => session::read(&options, path, filter),
            (None, Some(name)) => session::capture(&options, name, filter),
            (None, None) => session::capture(&options, &default_interface()?, filter),
        });
    match outcome {
        Ok(()) => 0,
        Err(message) => {
            rt::warn!("{message}");
            1
        }
    }
}
