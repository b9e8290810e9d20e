//! `ping6`: sends ICMPv6 echo requests and tells what comes back, as iputils' `ping` does: the same
//! lines, the same exit statuses (0 replies came, 1 none, 2 it could not be tried).
//!
//! It does not do: IPv4, node information queries, record route.

pub mod echo;
pub mod endpoint;
pub mod options;
pub mod session;
pub mod statistics;
pub mod text;

use alloc::format;
use alloc::string::String;
use core::net::{Ipv6Addr, SocketAddrV6};

use endpoint::{Endpoint, source_for};
use options::{Options, Refusal, TOOL};
use session::{Names, Session};

use crate::{host, interface};

/// Where requests leave from.
#[derive(Debug, Default)]
struct Origin {
    device: Option<String>,
    source: Option<SocketAddrV6>,
}

/// What `-I` names: an address, or an interface (or both, `ADDRESS%INTERFACE`).
fn origin(text: &str) -> Result<Origin, String> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    if let Ok(address) = address.parse::<Ipv6Addr>() {
        let scope = match zone {
            Some(zone) => interface::index_of(zone).ok_or(format!("unknown iface: {zone}"))?,
            None => 0,
        };
        return Ok(Origin { device: None, source: Some(SocketAddrV6::new(address, 0, 0, scope)) });
    }
    if interface::index_of(text).is_none() {
        return Err(format!("unknown iface: {text}"));
    }
    Ok(Origin { device: Some(text.into()), source: None })
}

/// Whether an address means something only on one link (RFC 4291 sections 2.5.6 and 2.7).
fn needs_zone(address: &Ipv6Addr) -> bool {
    address.is_unicast_link_local()
        || (address.is_multicast() && matches!(address.octets()[1] & 0xf, 1 | 2))
}

fn ping(mut options: Options) -> Result<u8, String> {
    let mut destination = host::resolve(&options.destination)
        .map_err(|error| format!("{}: {error}", options.destination))?;
    options.numeric |= options.destination.contains(':');
    let origin = options.interface.as_deref().map(origin).transpose()?.unwrap_or_default();
    if destination.scope_id() == 0
        && needs_zone(destination.ip())
        && let Some(index) = origin.device.as_deref().and_then(interface::index_of)
    {
        destination.set_scope_id(index);
    }
    let source = match origin.source {
        Some(source) => source,
        // Such an address without a zone has no route; whether it can be sent to anyway is the
        // kernel's decision at each request.
        None if needs_zone(destination.ip()) && destination.scope_id() == 0 => {
            SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0)
        }
        None => source_for(destination, origin.device.as_deref())?,
    };
    let endpoint = Endpoint::open(&options, destination, origin.device.as_deref(), origin.source)?;
    if options.pattern.is_some() && !options.quiet {
        let digits = options.pattern.iter().flatten().map(|byte| format!("{byte:02x}"));
        rt::println!("PATTERN: 0x{}", digits.collect::<String>());
    }
    let mut names = Names::new(options.numeric);
    rt::print!("PING {}({}) ", options.destination, names.text(&destination));
    if options.interface.is_some() {
        let device = origin.device.as_deref().unwrap_or_default();
        rt::print!("from {} {device}: ", host::with_zone(&source));
    }
    rt::println!("{} data bytes", options.size);
    rt::output::flush();
    Ok(Session::new(&options, &endpoint, destination, names).run())
}

/// Runs the program; returns the exit status.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    let root = rustix::process::getuid().is_root();
    let outcome = match options::parse(TOOL.parse(arguments), root) {
        Ok(options) => ping(options),
        Err(Refusal::Usage) => {
            rt::eprint!("\n{}", TOOL.help());
            return TOOL.status;
        }
        Err(Refusal::Version) => {
            rt::println!("ping6 from net-tools {}", env!("CARGO_PKG_VERSION"));
            return 0;
        }
        Err(Refusal::Wrong(status, message)) => {
            rt::warn!("{message}");
            return status;
        }
    };
    outcome.unwrap_or_else(|message| {
        rt::warn!("{message}");
        2
    })
}

#[cfg(test)]
mod tests {
    use super::needs_zone;

    #[test]
    fn zones() {
        for (address, expected) in [
            ("fe80::1", true),
            ("ff02::1", true),
            ("ff01::1", true),
            ("ff05::2", false),
            ("::1", false),
        ] {
            assert_eq!(needs_zone(&address.parse().unwrap()), expected, "{address}");
        }
    }
}
