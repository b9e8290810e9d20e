//! Gratuitous Neighbor Advertisements (RFC 9131): routers hear of a new address before the first
//! packet for it comes from outside, so they need not hold that up with address resolution.

use crate::address::{ALL_ROUTERS, AddressExt};
use crate::buffer::BufferPool;
use crate::interface::InterfaceIndex;
use crate::ndp::Occasion;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::unicast::{InterfaceAddress, State};
use core::net::Ipv6Addr;

/// MAX_NEIGHBOR_ADVERTISEMENT (RFC 4861, Section 10).
const MAX_ADVERTISEMENTS: u8 = 3;

/// Advertisements of an address that are still to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Announcement {
    left: u8,
    due: Instant,
}

impl Announcement {
    const fn start(now: Instant) -> Self {
        Self { left: MAX_ADVERTISEMENTS, due: now }
    }

    pub(crate) const fn deadline(self) -> Instant {
        self.due
    }
}

impl InterfaceAddress {
    /// The address can be used now: routers are to hear of it. Of link-local addresses they hear
    /// when they are asked something.
    pub(crate) fn announce(&mut self, now: Instant) {
        if !self.address.needs_zone() && !self.address.is_loopback() {
            self.announcement = Some(Announcement::start(now));
        }
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Sends the gratuitous advertisements that are due, RetransTimer apart.
    pub(crate) fn poll_announcements(&mut self, index: InterfaceIndex, now: Instant) {
        while let Some(address) = self.next_announcement(index, now) {
            self.send_advertisement(index, address, ALL_ROUTERS, Occasion::News, now);
        }
    }

    fn next_announcement(&mut self, index: InterfaceIndex, now: Instant) -> Option<Ipv6Addr> {
        let interface = self.interfaces.get(index)?;
        let is_due = |entry: &InterfaceAddress| {
            entry.announcement.is_some_and(|announcement| announcement.due <= now)
        };
        if !interface.addresses.iter().any(is_due) {
            return None;
        }
        let interface = self.interfaces.get_mut(index)?;
        let (running, retrans_timer) = (interface.is_running(), interface.variables.retrans_timer);
        let entry = interface.addresses.iter_mut().find(|entry| is_due(entry))?;
        let usable = matches!(entry.state, State::Preferred | State::Optimistic(_));
        entry.announcement = entry
            .announcement
            .filter(|announcement| running && usable && announcement.left > 1)
            .map(|announcement| Announcement {
                left: announcement.left - 1,
                due: now + retrans_timer,
            });
        if running && usable {
            return Some(entry.address);
        }
        self.next_announcement(index, now)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, InterfaceSettings};
    use crate::manage::NewAddress;
    use crate::test_host::{Host, MAC, ROUTER, Seen, USB0, ip, router_advertisement};
    use crate::time::Duration;
    use crate::wire::icmpv6::Icmpv6Message;
    use crate::wire::ndp_option::{Lifetime, NdpOption, PrefixInformation};

    const ADDRESS: &str = "2001:db8:1::5";

    fn add(host: &mut Host, address: &str) {
        let new = NewAddress {
            address: ip(address),
            prefix_length: 64,
            preferred_lifetime: u32::MAX,
            valid_lifetime: u32::MAX,
            no_duplicate_detection: false,
            no_prefix_route: false,
        };
        host.stack.add_address(USB0, &new, false, host.now).unwrap();
    }

    fn announcements(seen: &[Seen]) -> Vec<&Seen> {
        seen.iter().filter(|seen| seen.header.destination == ip("ff02::2")).collect()
    }

    /// Rows: ND-19
    #[test]
    fn routers_hear_of_a_new_address_three_times() {
        let mut host = Host::new(1, Config::DEFAULT);
        host.plug_in();
        host.run(Duration::from_secs(3));
        // Nobody is solicited any more.
        let mut settings = host.stack.interface(USB0).unwrap().settings().clone();
        settings.accept_router_advertisements = false;
        host.stack.set_interface_settings(USB0, settings, host.now).unwrap();
        add(&mut host, ADDRESS);
        let start = host.now;
        let seen = host.run(Duration::from_secs(20));
        let told = announcements(&seen);
        let times: Vec<_> =
            told.iter().map(|seen| seen.at.saturating_since(start).as_secs()).collect();
        assert_eq!(times, [1, 2, 3], "when the address is tested, then a RetransTimer apart");
        for seen in told {
            assert_eq!((seen.header.source, seen.header.hop_limit.0), (ip(ADDRESS), 255));
            let Some(Icmpv6Message::NeighborAdvertisement(message)) = seen.icmpv6() else {
                panic!("no advertisement")
            };
            assert_eq!(message.target, ip(ADDRESS));
            assert!(!message.overrides && !message.solicited && !message.router);
            assert_eq!(message.options.target_link_layer_address(), Some(MAC));
        }
        // An address that is taken away is not announced any more, a link-local one never.
        add(&mut host, "2001:db8:1::6");
        add(&mut host, "fe80::6");
        host.run(Duration::from_millis(1500));
        host.stack.remove_address(USB0, ip("2001:db8:1::6"), None, host.now).unwrap();
        assert_eq!(announcements(&host.run(Duration::from_secs(20))).len(), 0);
    }

    /// Rows: ND-19, DAD-13
    #[test]
    fn an_optimistic_address_is_announced_while_it_is_tested() {
        let interface = InterfaceSettings { optimistic: true, ..InterfaceSettings::DEFAULT };
        let mut host = Host::new(2, Config { interface, ..Config::DEFAULT });
        host.plug_in();
        host.run(Duration::from_secs(3));
        let options = [NdpOption::PrefixInformation(PrefixInformation {
            prefix: "2001:db8:1::/64".parse().unwrap(),
            on_link: true,
            autonomous: true,
            valid_lifetime: Lifetime::INFINITE,
            preferred_lifetime: Lifetime::INFINITE,
        })];
        let message = router_advertisement(&options);
        host.message(ROUTER, "ff02::1", &message);
        let start = host.now;
        let seen = host.run(Duration::from_secs(9));
        let told = announcements(&seen);
        assert_eq!((told.len(), told[0].at), (3, start));
    }

    #[test]
    fn can_be_switched_off() {
        let interface =
            InterfaceSettings { announce_addresses: false, ..InterfaceSettings::DEFAULT };
        let mut host = Host::new(3, Config { interface, ..Config::DEFAULT });
        host.plug_in();
        host.run(Duration::from_secs(3));
        add(&mut host, ADDRESS);
        let seen = host.run(Duration::from_secs(9));
        assert!(seen.iter().all(|seen| seen.icmpv6_type() != 136));
    }
}
