//! Which router advertised which prefix on an interface (RFC 8028, Section 2.1). A packet whose
//! source address is of such a prefix goes to such a router: others may not know the prefix, and
//! drop the packet as forged.

use crate::address::Prefix;
use crate::expiry::Expiry;
use crate::limits;
use crate::time::Instant;
use core::net::Ipv6Addr;
use heapless::Vec;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    router: Ipv6Addr,
    prefix: Prefix,
    expires: Expiry,
}

/// The prefixes of an interface's routers. What is there stays until it ends or its router says
/// so; each router has a share, so a flood of advertisements changes nothing about others.
#[derive(Clone, Debug)]
pub(crate) struct RouterPrefixes {
    entries: Vec<Entry, { limits::ROUTER_PREFIXES }>,
    /// Not later than the first end.
    next_expiry: Instant,
}

impl RouterPrefixes {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), next_expiry: Instant::FAR_FUTURE }
    }

    /// Gives a prefix that is there another end, if that is still to come; false otherwise.
    pub(crate) fn renew(
        &mut self,
        router: Ipv6Addr,
        prefix: Prefix,
        expires: Expiry,
        now: Instant,
    ) -> bool {
        let is_it = |entry: &&mut Entry| entry.router == router && entry.prefix == prefix;
        match self.entries.iter_mut().find(is_it) {
            Some(entry) if !expires.is_over(now) => {
                entry.expires = expires;
                self.next_expiry = self.next_expiry.min(expires.deadline());
                true
            }
            _ => false,
        }
    }

    /// Notes what a router says; false when there is no room.
    pub(crate) fn adopt(
        &mut self,
        router: Ipv6Addr,
        prefix: Prefix,
        expires: Expiry,
        now: Instant,
    ) -> bool {
        let is_it = |entry: &Entry| entry.router == router && entry.prefix == prefix;
        if expires.is_over(now) {
            self.entries.retain(|entry| !is_it(entry));
            return true;
        }
        if self.renew(router, prefix, expires, now) {
            return true;
        }
        self.next_expiry = self.next_expiry.min(expires.deadline());
        let of_router = self.entries.iter().filter(|entry| entry.router == router).count();
        of_router < limits::PREFIXES_OF_ROUTER
            && self.entries.push(Entry { router, prefix, expires }).is_ok()
    }

    /// Whether the router advertises a prefix of this address.
    pub(crate) fn has(&self, router: Ipv6Addr, address: Ipv6Addr) -> bool {
        self.entries.iter().any(|entry| entry.router == router && entry.prefix.contains(address))
    }

    /// Forgets the prefixes of a node that is no router any more.
    pub(crate) fn forget(&mut self, router: Ipv6Addr) {
        self.entries.retain(|entry| entry.router != router);
    }

    /// Forgets what is over.
    pub(crate) fn expire(&mut self, now: Instant) {
        if now < self.next_expiry {
            return;
        }
        self.entries.retain(|entry| !entry.expires.is_over(now));
        let ends = self.entries.iter().map(|entry| entry.expires.deadline());
        self.next_expiry = ends.min().unwrap_or(Instant::FAR_FUTURE);
    }

    /// When [`Self::expire`] has something to do.
    pub(crate) const fn next_deadline(&self) -> Instant {
        self.next_expiry
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manage::NewAddress;
    use crate::netif::MacAddress;
    use crate::test_host::{Host, Peer, ROUTER, USB0, ipv6_packet};
    use crate::time::Duration;
    use crate::wire::icmpv6::Icmpv6Message;
    use crate::wire::ipv6::NextHeader;
    use crate::wire::ndp::{Redirect, RouterAdvertisement};
    use crate::wire::ndp_option::{
        Lifetime, NdpOption, NdpOptions, PrefixInformation, RouterPreference,
    };

    const NOW: Instant = Instant::from_secs(10);

    fn ip(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    /// Rows: NH-16
    #[test]
    fn prefixes_come_and_go_router_by_router() {
        let mut table = RouterPrefixes::new();
        let (one, two) = (ip("fe80::1"), ip("fe80::2"));
        let prefix: Prefix = "2001:db8:1::/64".parse().unwrap();
        let end = Expiry::from_secs(100, NOW);
        assert!(table.adopt(one, prefix, end, NOW));
        assert!(table.adopt(two, prefix, Expiry::Never, NOW));
        let inside = ip("2001:db8:1::5");
        assert!(table.has(one, inside) && table.has(two, inside));
        assert!(!table.has(one, ip("2001:db8:2::5")));
        table.expire(NOW + Duration::from_secs(99));
        assert!(table.has(one, inside));
        assert_eq!(table.next_deadline(), NOW + Duration::from_secs(100));
        table.expire(NOW + Duration::from_secs(100));
        assert!(!table.has(one, inside) && table.has(two, inside));
        assert_eq!(table.next_deadline(), Instant::FAR_FUTURE);
        // Lifetime zero, and a router that is none any more.
        table.adopt(one, prefix, end, NOW);
        table.adopt(two, prefix, Expiry::from_secs(0, NOW), NOW);
        assert!(table.has(one, inside) && !table.has(two, inside));
        table.forget(one);
        assert!(!table.has(one, inside));
    }

    /// Rows: RD-20
    #[test]
    fn a_flood_changes_nothing_about_others() {
        let mut table = RouterPrefixes::new();
        let (good, bad) = (ip("fe80::1"), ip("fe80::bad"));
        let prefix = |number: u16| {
            Prefix::new(Ipv6Addr::new(0x2001, 0xdb8, number, 0, 0, 0, 0, 0), 64).unwrap()
        };
        assert!(table.adopt(good, prefix(0), Expiry::Never, NOW));
        let taken =
            (1..1000).filter(|&number| table.adopt(bad, prefix(number), Expiry::Never, NOW));
        assert_eq!(taken.count(), limits::PREFIXES_OF_ROUTER);
        assert!(table.has(good, prefix(0).address()));
        assert!(table.adopt(good, prefix(1), Expiry::Never, NOW));
    }

    const PREFIXES: [&str; 2] = ["2001:db8:1::/64", "2001:db8:2::/64"];
    const FAR: &str = "2001:db8:9::1";
    const OTHER: Peer = Peer {
        mac: MacAddress([2, 0, 0, 0, 0, 2]),
        address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2),
    };

    /// A router with a prefix of its own: for addresses, or only to be known.
    fn advertise(host: &mut Host, router: Peer, preference: RouterPreference, flags: bool) {
        let prefix = PREFIXES[usize::from(router.address == OTHER.address)].parse().unwrap();
        let options = [
            NdpOption::SourceLinkLayerAddress(router.mac),
            NdpOption::PrefixInformation(PrefixInformation {
                prefix,
                on_link: flags,
                autonomous: flags,
                valid_lifetime: Lifetime::INFINITE,
                preferred_lifetime: Lifetime::INFINITE,
            }),
        ];
        let message = Icmpv6Message::RouterAdvertisement(RouterAdvertisement {
            hop_limit: None,
            managed: false,
            other: false,
            preference,
            router_lifetime: Duration::from_secs(9000),
            reachable_time: None,
            retrans_timer: None,
            options: NdpOptions::new(&options),
        });
        host.message(router, "ff02::1", &message);
    }

    fn own(host: &Host, prefix: &str) -> Ipv6Addr {
        let prefix: Prefix = prefix.parse().unwrap();
        let mut addresses = host.stack.interface(USB0).unwrap().addresses();
        addresses.find(|info| prefix.contains(info.address)).unwrap().address
    }

    fn first_hop(host: &Host, source: Option<Ipv6Addr>) -> Ipv6Addr {
        host.stack.route_from(source, ip(FAR), None, host.now).unwrap().next_hop
    }

    /// Rows: NH-14, NH-10, SEL-2
    #[test]
    fn each_source_has_its_router() {
        for preference in [RouterPreference::Low, RouterPreference::Medium, RouterPreference::High]
        {
            let mut host = Host::up(1);
            advertise(&mut host, ROUTER, RouterPreference::Medium, true);
            advertise(&mut host, OTHER, preference, true);
            host.run(Duration::from_secs(4));
            for (prefix, router) in [(PREFIXES[0], ROUTER), (PREFIXES[1], OTHER)] {
                let source = own(&host, prefix);
                assert_eq!(first_hop(&host, Some(source)), router.address, "{preference:?}");
            }
            // Who has no source yet gets the better router, and then a source of its prefix.
            let router = first_hop(&host, None);
            if preference != RouterPreference::Medium {
                let better = if preference == RouterPreference::High { OTHER } else { ROUTER };
                assert_eq!(router, better.address);
            }
            let source = host.stack.route_to(ip(FAR), None, host.now).unwrap().source;
            let prefix = PREFIXES[usize::from(router == OTHER.address)];
            assert_eq!(source, Some(own(&host, prefix)));
        }
    }

    /// Rows: NH-16
    #[test]
    fn a_prefix_without_flags_tells_its_router() {
        let mut host = Host::up(2);
        advertise(&mut host, ROUTER, RouterPreference::Medium, true);
        advertise(&mut host, OTHER, RouterPreference::High, false);
        host.run(Duration::from_secs(4));
        // The only source there is decides, even for who did not choose it.
        let route = host.stack.route_to(ip(FAR), None, host.now).unwrap();
        assert_eq!(route.gateway, Some(ROUTER.address));
        assert_eq!(route.source, Some(own(&host, PREFIXES[0])));
        let manual = NewAddress {
            address: ip("2001:db8:2::5"),
            prefix_length: 128,
            preferred_lifetime: u32::MAX,
            valid_lifetime: u32::MAX,
            no_duplicate_detection: true,
            no_prefix_route: true,
        };
        host.stack.add_address(USB0, &manual, false, host.now).unwrap();
        assert_eq!(first_hop(&host, Some(manual.address)), OTHER.address);
        assert_eq!(first_hop(&host, Some(own(&host, PREFIXES[0]))), ROUTER.address);
        // Any router is better than none.
        host.stack.remove_neighbor(USB0, OTHER.address).unwrap();
        let gone = RouterAdvertisement {
            hop_limit: None,
            managed: false,
            other: false,
            preference: RouterPreference::Medium,
            router_lifetime: Duration::ZERO,
            reachable_time: None,
            retrans_timer: None,
            options: NdpOptions::EMPTY,
        };
        host.message(OTHER, "ff02::1", &Icmpv6Message::RouterAdvertisement(gone));
        assert_eq!(first_hop(&host, Some(manual.address)), ROUTER.address);
    }

    /// Rows: NH-15
    #[test]
    fn a_redirect_holds_for_the_sources_of_its_router() {
        let mut host = Host::up(3);
        advertise(&mut host, ROUTER, RouterPreference::Medium, true);
        advertise(&mut host, OTHER, RouterPreference::High, true);
        host.run(Duration::from_secs(4));
        let sources = PREFIXES.map(|prefix| own(&host, prefix));
        let better = ip("fe80::77");
        let quoted = |source| ipv6_packet(source, ip(FAR), NextHeader::UDP, &[0; 8]);
        let redirect = |host: &mut Host, packet: &[u8]| {
            let options = [NdpOption::RedirectedHeader(packet)];
            let message = Icmpv6Message::Redirect(Redirect {
                target: better,
                destination: ip(FAR),
                options: NdpOptions::new(&options),
            });
            let to = host.stack.interface(USB0).unwrap().addresses().next().unwrap().address;
            host.message(ROUTER, &to.to_string(), &message);
        };
        // Not about packets that do not go there.
        redirect(&mut host, &quoted(sources[1]));
        assert_eq!(first_hop(&host, Some(sources[0])), ROUTER.address);
        redirect(&mut host, &quoted(sources[0]));
        assert_eq!(first_hop(&host, Some(sources[0])), better);
        assert_eq!(first_hop(&host, Some(sources[1])), OTHER.address);
        assert_eq!(first_hop(&host, None), OTHER.address);
    }
}
