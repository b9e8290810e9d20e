//! `/etc/resolv.conf` (resolv.conf(5)): the name servers, and what short names stand for.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr, SocketAddrV6};
use core::time::Duration;

use crate::name::{self, Name, PORT};

/// Where it stands.
pub const FILE: &str = "/etc/resolv.conf";

/// Servers that are asked; more are left out, as in Linux's resolvers.
pub const MOST_SERVERS: usize = 3;
/// Domains of the search list; more are left out.
pub const MOST_DOMAINS: usize = 6;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The name servers, the best first. One with only an IPv4 address stands here as an
    /// IPv4-mapped one (RFC 4291 section 2.5.5.2), which a kernel without IPv4 can't reach.
    pub servers: Vec<SocketAddrV6>,
    /// Domains that are added to short names, in this order.
    pub search: Vec<Name>,
    /// A name with this many dots is tried as it is first.
    pub ndots: u8,
    /// How long all servers together have to answer before they are asked again.
    pub timeout: Duration,
    /// How often they are asked.
    pub attempts: u8,
    /// Each question goes to another server first.
    pub rotate: bool,
    /// Questions go over TCP.
    pub stream: bool,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            rotate: false,
            stream: false,
        }
    }
}

impl Configuration {
    /// Reads the text of the file; `zone_index` is the number of an interface by its name. What
    /// can't be understood is passed over, as every resolver does.
    #[must_use]
    pub fn parse(text: &str, zone_index: impl Fn(&str) -> Option<u32>) -> Self {
        let mut found = Self::default();
        for line in text.lines() {
            let line = line.split(['#', ';']).next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let server = words.next().and_then(|word| server(word, &zone_index));
                    let room = found.servers.len() < MOST_SERVERS;
                    found.servers.extend(server.filter(|_| room));
                }
                // The last of these lines counts.
                Some("search" | "domain") => {
                    found.search = words.filter_map(name::parse).take(MOST_DOMAINS).collect();
                }
                Some("options") => words.for_each(|word| found.option(word)),
                _ => {}
            }
        }
        found
    }

    fn option(&mut self, word: &str) {
        let (name, value) = word.split_once(':').unwrap_or((word, ""));
        let number = rt::number::decimal(value.as_bytes());
        match (name, number) {
            ("ndots", Some(number)) => self.ndots = number.min(15) as u8,
            ("timeout", Some(number)) => self.timeout = Duration::from_secs(number.clamp(1, 30)),
            ("attempts", Some(number)) => self.attempts = number.clamp(1, 5) as u8,
            ("rotate", _) => self.rotate = true,
            ("use-vc", _) => self.stream = true,
            // EDNS is always there; the rest is about A records, or about trust in DNSSEC.
            _ => {}
        }
    }
}

/// The address of a name server: `fec0::3`, `fe80::1%usb0`, `192.0.2.1`.
#[must_use]
pub fn server(text: &str, zone_index: impl Fn(&str) -> Option<u32>) -> Option<SocketAddrV6> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, zone_index(zone).or_else(|| zone.parse().ok())?),
        None => (text, 0),
    };
    let address = match address.parse().ok()? {
        IpAddr::V6(address) => address,
        IpAddr::V4(address) => address.to_ipv6_mapped(),
    };
    // 0.0.0.0 and :: mean this host.
    let unspecified = address.is_unspecified() || address == Ipv6Addr::from_bits(0xffff_0000_0000);
    let address = if unspecified { Ipv6Addr::LOCALHOST } else { address };
    Some(SocketAddrV6::new(address, PORT, 0, zone))
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use core::time::Duration;

    use super::Configuration;
    use crate::name;

    fn parse(text: &str) -> Configuration {
        Configuration::parse(text, |zone| (zone == "usb0").then_some(2))
    }

    #[test]
    fn everything_in_it() {
        let found = parse(
            "# generated\n\
             nameserver fec0::3\n\
             nameserver fe80::1%usb0 ; of the router\n\
             nameserver fe80::1%eth7\n\
             nameserver nonsense\n\
             nameserver\n\
             nameserver 192.0.2.1\n\
             nameserver 2001:db8::4\n\
             domain old.example\n\
             search lab.test example..com example.com.\n\
             options timeout:2 attempts:9 ndots:99 rotate use-vc edns0 nonsense: ndots:x\n\
             sortlist 1.2.3.4\n",
        );
        let servers: Vec<String> = found.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["[fec0::3]:53", "[fe80::1%2]:53", "[::ffff:192.0.2.1]:53"]);
        let search: Vec<String> = found.search.iter().map(name::text).collect();
        assert_eq!(search, ["lab.test", "example.com"]);
        assert_eq!((found.timeout, found.attempts), (Duration::from_secs(2), 5));
        assert_eq!((found.ndots, found.rotate, found.stream), (15, true, true));
    }

    #[test]
    fn nothing_in_it() {
        assert_eq!(parse(""), Configuration::default());
        assert_eq!(parse("nameserver ::").servers[0].to_string(), "[::1]:53");
        assert_eq!(parse("nameserver 0.0.0.0").servers[0].to_string(), "[::1]:53");
    }
}
