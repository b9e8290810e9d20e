//! DNS servers and search domains that routers advertise (RFC 8106), as one interface knows them.
//!
//! The stack asks no name server itself. It keeps the list for programs that start after the
//! advertisement; those that are there already get each option as it came
//! ([`crate::stack::Stack::poll_router_option`]).

use crate::expiry::Expiry;
use crate::limits;
use crate::time::Instant;
use crate::wire::dns_name::{DomainName, OwnedName};
use crate::wire::ndp_option::Lifetime;
use core::net::Ipv6Addr;
use heapless::Vec;

/// Something that a router advertised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advertised<T> {
    /// What it is.
    pub value: T,
    /// The link-local address of the router.
    pub router: Ipv6Addr,
    /// Until when it may be used.
    pub expires: Expiry,
}

/// A list with an end for each entry and a share for each router, in the order of first arrival.
///
/// What is there stays until its router withdraws it or its time is over, so that a flood of
/// advertisements cannot push it out; and one router cannot fill the list before another is heard.
#[derive(Clone, Debug)]
struct AdvertisedList<T, const N: usize>(Vec<Advertised<T>, N>);

impl<T: PartialEq, const N: usize> AdvertisedList<T, N> {
    const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds, refreshes or (with lifetime zero) withdraws an entry of `router`; false when there is
    /// no room for it.
    fn adopt(&mut self, value: T, router: Ipv6Addr, lifetime: Lifetime, now: Instant) -> bool {
        self.0.retain(|entry| !entry.expires.is_over(now));
        let known = self.0.iter().position(|entry| entry.router == router && entry.value == value);
        if lifetime == Lifetime::ZERO {
            if let Some(position) = known {
                self.0.remove(position);
            }
            return true;
        }
        let expires = Expiry::from_secs(lifetime.as_secs(), now);
        if let Some(entry) = known.and_then(|position| self.0.get_mut(position)) {
            entry.expires = expires;
            return true;
        }
        let of_router = self.0.iter().filter(|entry| entry.router == router).count();
        of_router < limits::DNS_ENTRIES_OF_ROUTER
            && self.0.push(Advertised { value, router, expires }).is_ok()
    }

    fn iter(&self, now: Instant) -> impl Iterator<Item = &Advertised<T>> {
        self.0.iter().filter(move |entry| !entry.expires.is_over(now))
    }
}

/// The DNS configuration of one interface.
#[derive(Clone, Debug)]
pub(crate) struct RouterDns {
    servers: AdvertisedList<Ipv6Addr, { limits::DNS_SERVERS }>,
    domains: AdvertisedList<OwnedName, { limits::DNS_DOMAINS }>,
}

impl RouterDns {
    pub(crate) const fn new() -> Self {
        Self { servers: AdvertisedList::new(), domains: AdvertisedList::new() }
    }

    /// A server of an RDNSS option; false when there is no room.
    pub(crate) fn adopt_server(
        &mut self,
        server: Ipv6Addr,
        router: Ipv6Addr,
        lifetime: Lifetime,
        now: Instant,
    ) -> bool {
        self.servers.adopt(server, router, lifetime, now)
    }

    /// A domain of a DNSSL option; false when there is no room.
    pub(crate) fn adopt_domain(
        &mut self,
        domain: DomainName<'_>,
        router: Ipv6Addr,
        lifetime: Lifetime,
        now: Instant,
    ) -> bool {
        self.domains.adopt(domain.into(), router, lifetime, now)
    }

    pub(crate) fn servers(&self, now: Instant) -> impl Iterator<Item = &Advertised<Ipv6Addr>> {
        self.servers.iter(now)
    }

    pub(crate) fn domains(&self, now: Instant) -> impl Iterator<Item = &Advertised<OwnedName>> {
        self.domains.iter(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::dns_name::SearchList;

    const NOW: Instant = Instant::from_secs(50);

    fn ip(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    fn servers(dns: &RouterDns, now: Instant) -> std::vec::Vec<Ipv6Addr> {
        dns.servers(now).map(|server| server.value).collect()
    }

    /// Rows: RD-16
    #[test]
    fn order_refresh_withdrawal_and_end() {
        let mut dns = RouterDns::new();
        let router = ip("fe80::1");
        let [a, b, c] = ["2001:db8::53", "fe80::53", "2001:db8::54"].map(ip);
        for (server, lifetime) in [(a, 100), (b, 200), (c, u32::MAX)] {
            assert!(dns.adopt_server(server, router, Lifetime::from_secs(lifetime), NOW));
        }
        assert_eq!(servers(&dns, NOW), [a, b, c]);
        assert_eq!(servers(&dns, NOW + crate::time::Duration::from_secs(100)), [b, c]);
        // A refresh keeps the place.
        assert!(dns.adopt_server(a, router, Lifetime::from_secs(300), NOW));
        assert_eq!(servers(&dns, NOW + crate::time::Duration::from_secs(200)), [a, c]);
        // Lifetime zero is the end, but only of what the same router said.
        assert!(dns.adopt_server(c, ip("fe80::2"), Lifetime::ZERO, NOW));
        assert!(dns.adopt_server(a, router, Lifetime::ZERO, NOW));
        assert_eq!(servers(&dns, NOW), [b, c]);
    }

    /// Rows: RD-16, RD-20
    #[test]
    fn a_flood_takes_no_places_and_one_router_not_all() {
        let mut dns = RouterDns::new();
        let good = ip("2001:db8::53");
        assert!(dns.adopt_server(good, ip("fe80::1"), Lifetime::from_secs(10), NOW));
        let mut adopted = 0;
        for number in 0..1000u16 {
            let router = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, number / 50);
            let server = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, number);
            adopted += usize::from(dns.adopt_server(server, router, Lifetime::INFINITE, NOW));
            let of_router = dns.servers(NOW).filter(|entry| entry.router == router).count();
            assert!(of_router <= limits::DNS_ENTRIES_OF_ROUTER);
        }
        assert_eq!(adopted, limits::DNS_SERVERS - 1);
        assert_eq!(servers(&dns, NOW)[0], good);
        // What ran out makes room.
        let later = NOW + crate::time::Duration::from_secs(10);
        assert!(dns.adopt_server(good, ip("fe80::2"), Lifetime::INFINITE, later));
    }

    /// Rows: RD-16
    #[test]
    fn domains_are_kept_whole() {
        let mut dns = RouterDns::new();
        let list = SearchList::parse(b"\x03lab\x07example\0\x05local\0").unwrap();
        for domain in list.names() {
            assert!(dns.adopt_domain(domain, ip("fe80::1"), Lifetime::from_secs(9), NOW));
        }
        let names: std::vec::Vec<_> =
            dns.domains(NOW).map(|domain| domain.value.as_name().to_string()).collect();
        assert_eq!(names, ["lab.example", "local"]);
    }
}
