//! Optimistic Duplicate Address Detection (RFC 4429) on the cable.

use crate::config::{Config, InterfaceSettings};
use crate::event::Event;
use crate::manage::NewAddress;
use crate::netif::{LinkState, MacAddress};
use crate::socket::{SendOptions, SocketKind};
use crate::test_host::{Host, LINK_LOCAL, Peer, ROUTER, Seen, USB0, ip, router_advertisement};
use crate::time::Duration;
use crate::unicast::AddressState;
use crate::wire::icmpv6::{Echo, Icmpv6Message};
use crate::wire::ndp::{NeighborAdvertisement, NeighborSolicitation};
use crate::wire::ndp_option::{Lifetime, NdpOption, NdpOptions, PrefixInformation};
use core::net::{Ipv6Addr, SocketAddrV6};
use std::vec::Vec;

const GLOBAL: &str = "2001:db8:1:0:5054:ff:fe12:3457";
const GROUP: &str = "ff02::1:ff12:3457";
const PEER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 9]),
    address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9),
};
const SOLICITATION: u8 = 135;
const ECHO_REPLY: u8 = 129;

fn optimist(seed: u64) -> Host {
    let interface = InterfaceSettings { optimistic: true, ..InterfaceSettings::DEFAULT };
    Host::new(seed, Config { interface, ..Config::DEFAULT })
}

/// An optimist who has just got its link-local address and, from the router, a global one; with
/// what it sent for the latter.
fn with_prefix(seed: u64) -> (Host, Vec<Seen>) {
    let mut host = optimist(seed);
    host.plug_in();
    host.run(Duration::ZERO);
    let options = [NdpOption::PrefixInformation(PrefixInformation {
        prefix: "2001:db8:1::/64".parse().unwrap(),
        on_link: true,
        autonomous: true,
        valid_lifetime: Lifetime::from_secs(3600),
        preferred_lifetime: Lifetime::from_secs(1800),
    })];
    let advertisement = router_advertisement(&options);
    host.message(ROUTER, "ff02::1", &advertisement);
    let seen = host.run(Duration::ZERO);
    (host, seen)
}

fn state(host: &Host, address: &str) -> Option<AddressState> {
    let interface = host.stack.interface(USB0).unwrap();
    interface.addresses().find(|info| info.address == ip(address)).map(|info| info.state)
}

fn resolve<'a>(host: &mut Host, target: &str, options: &'a [NdpOption<'a>]) -> Vec<Seen> {
    let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
        target: ip(target),
        options: NdpOptions::new(options),
    });
    host.message(PEER, GROUP, &message);
    host.sent()
}

fn advertised(seen: &[Seen]) -> Vec<NeighborAdvertisement<'_>> {
    seen.iter()
        .filter_map(|seen| match seen.icmpv6() {
            Some(Icmpv6Message::NeighborAdvertisement(advertisement)) => Some(advertisement),
            _ => None,
        })
        .collect()
}

/// RFC 4429, Sections 3.2 and 3.3: probe and Router Solicitation leave at once, the latter without
/// the option; answers do not override.
#[test]
fn in_use_from_the_first_probe() {
    for seed in 0..10 {
        let mut host = optimist(seed);
        host.plug_in();
        let seen = host.run(Duration::ZERO);
        let probe = seen.iter().position(|seen| seen.icmpv6_type() == SOLICITATION).unwrap();
        assert_eq!(seen[probe].header.source, Ipv6Addr::UNSPECIFIED);
        let solicitation = seen.iter().position(|seen| seen.icmpv6_type() == 133).unwrap();
        assert!(solicitation > probe, "the address is not used before its probe");
        assert_eq!(seen[solicitation].header.source, ip(LINK_LOCAL));
        let Some(Icmpv6Message::RouterSolicitation(message)) = seen[solicitation].icmpv6() else {
            panic!("a Router Solicitation");
        };
        assert_eq!(message.options.source_link_layer_address(), None);
        assert_eq!(state(&host, LINK_LOCAL), Some(AddressState::Optimistic));

        let options = [NdpOption::SourceLinkLayerAddress(PEER.mac)];
        let seen = resolve(&mut host, LINK_LOCAL, &options);
        let answers = advertised(&seen);
        assert_eq!(answers.len(), 1);
        assert!(answers[0].solicited && !answers[0].overrides);

        host.run(Duration::from_secs(1));
        assert_eq!(state(&host, LINK_LOCAL), Some(AddressState::Preferred));
        let seen = resolve(&mut host, LINK_LOCAL, &options);
        assert!(advertised(&seen)[0].overrides);
        // Who was asked need not be asked again because the test is over.
        let later = host.run(Duration::from_secs(2));
        assert!(later.iter().all(|seen| seen.icmpv6_type() != 133));
    }
}

/// The global address serves as soon as its prefix is known, whatever way it was advertised.
#[test]
fn a_global_address_at_once() {
    let (mut host, seen) = with_prefix(1);
    assert_eq!(state(&host, GLOBAL), Some(AddressState::Optimistic));
    assert!(seen.iter().any(|seen| seen.icmpv6_type() == SOLICITATION
        && seen.header.source.is_unspecified()
        && matches!(seen.icmpv6(), Some(Icmpv6Message::NeighborSolicitation(probe))
            if probe.target == ip(GLOBAL))));
    resolve(&mut host, GLOBAL, &[NdpOption::SourceLinkLayerAddress(PEER.mac)]);
    let echo = Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 1, data: b"ping" });
    host.message(PEER, GLOBAL, &echo);
    let seen = host.sent();
    let reply = seen.iter().find(|seen| seen.icmpv6_type() == ECHO_REPLY).unwrap();
    assert_eq!((reply.header.source, reply.mac), (ip(GLOBAL), PEER.mac));
    host.run(Duration::from_secs(1));
    assert_eq!(state(&host, GLOBAL), Some(AddressState::Preferred));
}

/// RFC 4429, Section 3.2: no solicitation from an optimistic address; the datagram waits.
#[test]
fn nobody_is_asked_in_its_name() {
    let (mut host, _) = with_prefix(2);
    let id = host.stack.open_socket(SocketKind::Udp).unwrap();
    let to = SocketAddrV6::new(ip("2001:db8:1::9"), 9, 0, 0);
    let fill = |room: &mut [u8]| {
        room.fill(1);
        Ok::<(), ()>(())
    };
    host.stack.send(id, Some(to), 4, fill, &SendOptions::default(), host.now).unwrap();
    let seen = host.run(Duration::from_millis(999));
    let questions = |seen: &[Seen]| {
        seen.iter()
            .filter(|seen| seen.icmpv6_type() == SOLICITATION)
            .map(|seen| seen.header.source)
            .filter(|source| !source.is_unspecified())
            .collect::<Vec<_>>()
    };
    assert_eq!(questions(&seen), [] as [Ipv6Addr; 0]);
    let seen = host.run(Duration::from_millis(200));
    assert_eq!(questions(&seen), [ip(GLOBAL)]);
}

/// RFC 4429, Section 3.3: a duplicate is given up, and who used it is told.
#[test]
fn a_duplicate_is_given_up() {
    let (mut host, _) = with_prefix(3);
    let id = host.stack.open_socket(SocketKind::Udp).unwrap();
    host.stack.bind(id, SocketAddrV6::new(ip(GLOBAL), 7, 0, 0)).unwrap();
    host.events();
    let nobody = Peer { address: Ipv6Addr::UNSPECIFIED, ..PEER };
    let probe = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
        target: ip(GLOBAL),
        options: NdpOptions::new(&[]),
    });
    host.message(nobody, GROUP, &probe);
    assert_eq!(state(&host, GLOBAL), Some(AddressState::Duplicated));
    assert!(host.sent().is_empty(), "what is not ours is not defended");
    assert!(host.events().contains(&Event::Socket(id)));
    let echo = Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 1, data: b"ping" });
    host.message(PEER, GLOBAL, &echo);
    assert!(host.run(Duration::from_secs(1)).iter().all(|seen| seen.icmpv6_type() != ECHO_REPLY));
}

/// RFC 4429, Section 3.1: not for what a user typed.
#[test]
fn manual_addresses_are_tested_first() {
    let (mut host, _) = with_prefix(4);
    let new = NewAddress {
        address: ip("2001:db8::1"),
        prefix_length: 64,
        preferred_lifetime: u32::MAX,
        valid_lifetime: u32::MAX,
        no_duplicate_detection: false,
        no_prefix_route: false,
    };
    host.stack.add_address(USB0, &new, false, host.now).unwrap();
    host.run(Duration::from_millis(10));
    assert_eq!(state(&host, "2001:db8::1"), Some(AddressState::Tentative));
    host.run(Duration::from_secs(1));
    assert_eq!(state(&host, "2001:db8::1"), Some(AddressState::Preferred));
}

/// The carrier goes and comes: another link, another test.
#[test]
fn another_link_another_test() {
    let (mut host, _) = with_prefix(5);
    host.run(Duration::from_secs(2));
    host.stack.set_link(USB0, LinkState::Down, host.now).unwrap();
    host.run(Duration::from_secs(1));
    host.stack.set_link(USB0, LinkState::Up { speed: None }, host.now).unwrap();
    let seen = host.run(Duration::ZERO);
    assert_eq!(state(&host, LINK_LOCAL), Some(AddressState::Optimistic));
    assert!(seen.iter().any(|seen| seen.icmpv6_type() == 133), "routers are asked again");
    host.run(Duration::from_secs(1));
    assert_eq!(state(&host, LINK_LOCAL), Some(AddressState::Preferred));
}
