//! From what people call a host to an address: literals with zones (RFC 4007 section 11), names of
//! `/etc/hosts`.
//!
//! It asks no name server.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6};

use crate::interface;

/// Where names of hosts stand (hosts(5)).
const HOSTS: &str = "/etc/hosts";

/// Why there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// Nobody knows the name, or the zone.
    Unknown,
    /// It is an IPv4 address.
    NotIpv6,
}

/// As `gai_strerror(3)` words it.
impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "Name or service not known",
            Self::NotIpv6 => "Address family for hostname not supported",
        })
    }
}

/// The address of a host, with port 0.
pub fn resolve(text: &str) -> Result<SocketAddrV6, Unresolved> {
    let hosts = rt::input::read_file(HOSTS).unwrap_or_default();
    look_up(text, &String::from_utf8_lossy(&hosts), |zone| {
        interface::index_of(zone).or_else(|| zone.parse().ok())
    })
}

/// [`resolve`] with the content of `/etc/hosts` and what a zone means.
fn look_up(
    text: &str,
    hosts: &str,
    zone_index: impl Fn(&str) -> Option<u32>,
) -> Result<SocketAddrV6, Unresolved> {
    let (host, zone) = match text.split_once('%') {
        Some((host, zone)) => (host, Some(zone)),
        None => (text, None),
    };
    let scope = match zone {
        Some(zone) => zone_index(zone).ok_or(Unresolved::Unknown)?,
        None => 0,
    };
    let address = if let Ok(address) = host.parse::<Ipv6Addr>() {
        address
    } else if host.parse::<Ipv4Addr>().is_ok() {
        return Err(Unresolved::NotIpv6);
    } else if host.is_empty() {
        return Err(Unresolved::Unknown);
    } else {
        find_address(host, hosts)?
    };
    Ok(SocketAddrV6::new(address, 0, 0, scope))
}

/// The lines of `/etc/hosts`: an address and its names.
fn entries(hosts: &str) -> impl Iterator<Item = (IpAddr, core::str::SplitAsciiWhitespace<'_>)> {
    hosts.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        Some((words.next()?.parse().ok()?, words))
    })
}

fn find_address(name: &str, hosts: &str) -> Result<Ipv6Addr, Unresolved> {
    let mut known = false;
    for (address, mut names) in entries(hosts) {
        if !names.any(|other| other.eq_ignore_ascii_case(name)) {
            continue;
        }
        known = true;
        if let IpAddr::V6(address) = address {
            return Ok(address);
        }
    }
    // RFC 6761 section 6.3: the name means this host everywhere.
    if name.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv6Addr::LOCALHOST);
    }
    Err(if known { Unresolved::NotIpv6 } else { Unresolved::Unknown })
}

/// The first name of an address in `/etc/hosts`.
#[must_use]
pub fn name_of(address: Ipv6Addr) -> Option<String> {
    let hosts = rt::input::read_file(HOSTS).unwrap_or_default();
    find_name(address, &String::from_utf8_lossy(&hosts))
}

fn find_name(address: Ipv6Addr, hosts: &str) -> Option<String> {
    let found = entries(hosts).find(|(other, _)| *other == IpAddr::V6(address));
    match found.and_then(|(_, mut names)| names.next()) {
        Some(name) => Some(name.into()),
        None => (address == Ipv6Addr::LOCALHOST).then(|| "localhost".into()),
    }
}

/// The address with its zone: `fe80::2%usb0`.
#[must_use]
pub fn with_zone(address: &SocketAddrV6) -> String {
    match address.scope_id() {
        0 => address.ip().to_string(),
        scope => format!("{}%{}", address.ip(), interface::name_of(scope)),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::{Unresolved, find_name, look_up};

    const HOSTS: &str = "127.0.0.1 localhost old\n\
                         # nothing\n\
                         ::1 ip6-localhost ip6-loopback # the same\n\
                         2001:db8::1\tserver Server.Example\n\
                         broken\n";

    #[test]
    fn names_and_literals() {
        let zone = |name: &str| (name == "usb0").then_some(3);
        let found = |text| {
            look_up(text, HOSTS, zone).map(|address| (address.ip().to_string(), address.scope_id()))
        };
        for (text, address, scope) in [
            ("::1", "::1", 0),
            ("fe80::2%usb0", "fe80::2", 3),
            ("localhost", "::1", 0),
            ("ip6-loopback", "::1", 0),
            ("server.example", "2001:db8::1", 0),
        ] {
            assert_eq!(found(text), Ok((address.into(), scope)), "{text}");
        }
        for (text, error) in [
            ("fe80::2%eth9", Unresolved::Unknown),
            ("nowhere", Unresolved::Unknown),
            ("", Unresolved::Unknown),
            ("1.2.3.4", Unresolved::NotIpv6),
            ("old", Unresolved::NotIpv6),
        ] {
            assert_eq!(found(text), Err(error), "{text}");
        }
    }

    #[test]
    fn addresses_by_name() {
        let name = |address: &str| find_name(address.parse().unwrap(), HOSTS);
        assert_eq!(name("2001:db8::1").as_deref(), Some("server"));
        assert_eq!(name("::1").as_deref(), Some("ip6-localhost"));
        assert_eq!(name("::2"), None);
        assert_eq!(find_name("::1".parse().unwrap(), "").as_deref(), Some("localhost"));
    }
}
