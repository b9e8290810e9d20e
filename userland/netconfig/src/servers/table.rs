//! All name servers and search domains that are known, each with the time for which it holds.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv6Addr;

use net_tools::clock::SECOND;

use super::advertised::Advertised;
use super::text::{Server, Text};

/// How many servers, and how many domains, of an interface's routers are kept (RFC 8106 section
/// 5.3.1: at least three). A router that advertises more, or many routers, can't push out what is
/// there: what comes when the table is full is not taken.
pub const MOST: usize = 8;

/// A server or domain of a router.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry<T> {
    interface: u32,
    value: T,
    /// Microseconds of the monotonic clock; `None` is never.
    expires: Option<u64>,
}

/// What routers advertise, and what DHCPv6 servers said.
#[derive(Clone, Debug, Default)]
pub struct Table {
    servers: Vec<Entry<Ipv6Addr>>,
    domains: Vec<Entry<String>>,
    /// By interface, in the order in which they came.
    leased: Vec<(u32, Text)>,
    /// What was not taken because the table was full.
    refused: u32,
}

/// Enters a value or prolongs it; returns false when there is no room.
fn enter<T: PartialEq>(
    entries: &mut Vec<Entry<T>>,
    interface: u32,
    value: T,
    expires: Option<u64>,
) -> bool {
    let known = |entry: &&mut Entry<T>| entry.interface == interface && entry.value == value;
    if let Some(entry) = entries.iter_mut().find(known) {
        entry.expires = expires;
        return true;
    }
    let count = entries.iter().filter(|entry| entry.interface == interface).count();
    if count < MOST {
        entries.push(Entry { interface, value, expires });
    }
    count < MOST
}

impl Table {
    /// Takes what a router advertised.
    pub fn advertise(&mut self, interface: u32, advertised: Advertised, now: u64) {
        let expires = |lifetime: u32| match lifetime {
            u32::MAX => None,
            lifetime => Some(now.saturating_add(u64::from(lifetime) * SECOND)),
        };
        let taken = match advertised {
            Advertised::Servers(servers, lifetime) => {
                servers.into_iter().fold(true, |all, server| {
                    let known =
                        |entry: &Entry<_>| entry.interface == interface && entry.value == server;
                    if lifetime == 0 {
                        self.servers.retain(|entry| !known(entry));
                        return all;
                    }
                    enter(&mut self.servers, interface, server, expires(lifetime)) && all
                })
            }
            Advertised::Domains(domains, lifetime) => {
                domains.into_iter().fold(true, |all, domain| {
                    if lifetime == 0 {
                        let known = |entry: &Entry<_>| {
                            entry.interface == interface && entry.value == domain
                        };
                        self.domains.retain(|entry| !known(entry));
                        return all;
                    }
                    enter(&mut self.domains, interface, domain, expires(lifetime)) && all
                })
            }
        };
        if !taken {
            self.refused = self.refused.saturating_add(1);
        }
    }

    /// Takes what a DHCPv6 client wrote; nothing takes back what it wrote before.
    pub fn lease(&mut self, interface: u32, text: Option<Text>) {
        match (self.leased.iter_mut().find(|(other, _)| *other == interface), text) {
            (Some((_, old)), Some(text)) => *old = text,
            (None, Some(text)) => self.leased.push((interface, text)),
            (_, None) => self.leased.retain(|(other, _)| *other != interface),
        }
    }

    /// An interface is gone, and what was learned by it.
    pub fn forget(&mut self, interface: u32) {
        self.servers.retain(|entry| entry.interface != interface);
        self.domains.retain(|entry| entry.interface != interface);
        self.leased.retain(|(other, _)| *other != interface);
    }

    /// Removes what has expired; returns when the next one does.
    pub fn expire(&mut self, now: u64) -> Option<u64> {
        let holds = |expires: Option<u64>| expires.is_none_or(|expires| expires > now);
        self.servers.retain(|entry| holds(entry.expires));
        self.domains.retain(|entry| holds(entry.expires));
        let servers = self.servers.iter().filter_map(|entry| entry.expires);
        servers.chain(self.domains.iter().filter_map(|entry| entry.expires)).min()
    }

    /// How often something was not taken because the table was full.
    #[must_use]
    pub const fn refused(&self) -> u32 {
        self.refused
    }

    /// All of it, DHCPv6 first (RFC 8106 section 5.3.1), each once. `name_of` tells the names of
    /// interfaces, which link-local servers need.
    #[must_use]
    pub fn text(&self, name_of: impl Fn(u32) -> Option<String>) -> Text {
        let mut all = Text::default();
        for (_, text) in &self.leased {
            all.merge(text);
        }
        let zone = |address: &Ipv6Addr, interface| {
            if address.is_unicast_link_local() { name_of(interface).map(Some) } else { Some(None) }
        };
        let servers = self.servers.iter().filter_map(|entry| {
            let zone = zone(&entry.value, entry.interface)?;
            Some(Server { address: entry.value, zone })
        });
        let domains = self.domains.iter().map(|entry| entry.value.clone());
        all.merge(&Text { servers: servers.collect(), domains: domains.collect() });
        all
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use net_tools::clock::SECOND;

    use super::super::text::Text;
    use super::{Advertised, MOST, Table};

    fn servers(addresses: &[&str], lifetime: u32) -> Advertised {
        Advertised::Servers(addresses.iter().map(|text| text.parse().unwrap()).collect(), lifetime)
    }

    fn domain(name: &str, lifetime: u32) -> Advertised {
        Advertised::Domains([name.to_string()].into(), lifetime)
    }

    fn shown(table: &Table) -> String {
        table.text(|index| (index == 2).then(|| "usb0".into())).to_string()
    }

    /// Rows: RD-16
    #[test]
    fn lifetimes() {
        let mut table = Table::default();
        table.advertise(2, servers(&["fe80::1", "2001:db8::1"], 600), 0);
        table.advertise(2, domain("lab", 300), 0);
        let all = "search lab\nnameserver fe80::1%usb0\nnameserver 2001:db8::1\n";
        assert_eq!(shown(&table), all);
        assert_eq!(table.expire(299 * SECOND), Some(300 * SECOND));
        assert_eq!(table.expire(300 * SECOND), Some(600 * SECOND));
        assert_eq!(shown(&table), "nameserver fe80::1%usb0\nnameserver 2001:db8::1\n");
        table.advertise(2, servers(&["fe80::1"], 0), 301 * SECOND);
        table.advertise(2, servers(&["2001:db8::1"], u32::MAX), 302 * SECOND);
        assert_eq!(table.expire(u64::MAX), None);
        assert_eq!(shown(&table), "nameserver 2001:db8::1\n");
        // The same server on another interface is another entry; a link-local one without an
        // interface can't be used.
        table.advertise(9, servers(&["fe80::1"], 600), 0);
        assert_eq!(shown(&table), "nameserver 2001:db8::1\n");
        table.forget(2);
        assert_eq!(shown(&table), "");
    }

    /// Rows: DNS-1
    #[test]
    fn dhcp_comes_first() {
        let mut table = Table::default();
        table.advertise(2, servers(&["2001:db8::1", "2001:db8::2"], 600), 0);
        table.advertise(2, domain("lab", 600), 0);
        table.lease(2, Some(Text::parse("search dhcp\nnameserver 2001:db8::2\n")));
        assert_eq!(
            shown(&table),
            "search dhcp lab\nnameserver 2001:db8::2\nnameserver 2001:db8::1\n"
        );
        table.lease(2, Some(Text::parse("nameserver 2001:db8::9\n")));
        assert!(shown(&table).starts_with("search lab\nnameserver 2001:db8::9\n"));
        table.lease(2, None);
        assert!(!shown(&table).contains("::9"));
    }

    /// Rows: RD-16, RD-20
    #[test]
    fn floods_push_nothing_out() {
        let mut table = Table::default();
        table.advertise(2, servers(&["2001:db8::1"], 600), 0);
        for number in 0..1000u16 {
            let address = core::net::Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, number);
            table.advertise(2, Advertised::Servers([address].into(), u32::MAX), 0);
        }
        assert_eq!(table.servers.len(), MOST);
        assert!(shown(&table).starts_with("nameserver 2001:db8::1\n"));
        assert_eq!(table.refused(), 1000 - MOST as u32 + 1);
    }
}
