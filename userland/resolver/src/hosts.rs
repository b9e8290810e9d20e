//! `/etc/hosts` (hosts(5)): addresses and their names.

use alloc::string::String;
use core::net::{IpAddr, Ipv6Addr};

/// Where it stands.
pub const FILE: &str = "/etc/hosts";

/// What the file says about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// This address.
    Address(Ipv6Addr),
    /// IPv4 addresses only.
    OnlyIpv4,
    /// Nothing.
    Nothing,
}

/// The lines: an address and its names.
fn entries(hosts: &str) -> impl Iterator<Item = (IpAddr, core::str::SplitAsciiWhitespace<'_>)> {
    hosts.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        Some((words.next()?.parse().ok()?, words))
    })
}

/// The address of `name`; a dot at its end makes no difference.
#[must_use]
pub fn address(name: &str, hosts: &str) -> Found {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut only_ipv4 = false;
    for (address, mut names) in entries(hosts) {
        if !names.any(|other| other.eq_ignore_ascii_case(name)) {
            continue;
        }
        match address {
            IpAddr::V6(address) => return Found::Address(address),
            IpAddr::V4(_) => only_ipv4 = true,
        }
    }
    if only_ipv4 { Found::OnlyIpv4 } else { Found::Nothing }
}

/// The first name of an address.
#[must_use]
pub fn name(address: Ipv6Addr, hosts: &str) -> Option<String> {
    let found = entries(hosts).find(|(other, _)| *other == IpAddr::V6(address));
    found.and_then(|(_, mut names)| names.next()).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::{Found, address, name};

    const HOSTS: &str = "127.0.0.1 localhost old\n\
                         # nothing\n\
                         ::1 ip6-localhost ip6-loopback # the same\n\
                         2001:db8::1\tserver Server.Example\n\
                         192.0.2.1 both\n\
                         2001:db8::2 both\n\
                         broken\n";

    #[test]
    fn addresses() {
        let found = |address: &str| Found::Address(address.parse().unwrap());
        for (text, expected) in [
            ("ip6-loopback", found("::1")),
            ("server.example", found("2001:db8::1")),
            ("SERVER.", found("2001:db8::1")),
            ("both", found("2001:db8::2")),
            ("old", Found::OnlyIpv4),
            ("broken", Found::Nothing),
            ("the", Found::Nothing),
        ] {
            assert_eq!(address(text, HOSTS), expected, "{text}");
        }
    }

    #[test]
    fn names() {
        let of = |address: &str| name(address.parse().unwrap(), HOSTS);
        assert_eq!(of("2001:db8::1").as_deref(), Some("server"));
        assert_eq!(of("::1").as_deref(), Some("ip6-localhost"));
        assert_eq!(of("::2"), None);
    }
}
