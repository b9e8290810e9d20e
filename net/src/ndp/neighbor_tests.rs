//! Messages in, messages out: solicitations, advertisements, resolution on the cable.

use crate::address::AddressExt;
use crate::counters::DropReason;
use crate::neighbor::NeighborState;
use crate::netif::MacAddress;
use crate::test_host::{
    Host, LINK_LOCAL, MAC, Peer, ROUTER, Seen, USB0, address_at_once, icmpv6_packet, ip,
    router_advertisement,
};
use crate::time::Duration;
use crate::wire::ethernet::multicast_mac;
use crate::wire::icmpv6::{Echo, Icmpv6Message};
use crate::wire::ipv6::HopLimit;
use crate::wire::ndp::{NeighborAdvertisement, NeighborSolicitation, Redirect, RouterSolicitation};
use crate::wire::ndp_option::{NdpOption, NdpOptionType, NdpOptions};
use core::net::Ipv6Addr;

const GROUP: &str = "ff02::1:ff12:3457";
const PEER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 9]),
    address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9),
};

fn solicitation<'a>(target: &str, options: &'a [NdpOption<'a>]) -> Icmpv6Message<'a> {
    Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
        target: ip(target),
        options: NdpOptions::new(options),
    })
}

const LINK_LAYER: [NdpOption<'_>; 1] = [NdpOption::SourceLinkLayerAddress(PEER.mac)];

fn state(host: &Host, address: Ipv6Addr) -> Option<(NeighborState, Option<MacAddress>)> {
    host.stack.neighbors().find(|info| info.address == address).map(|info| (info.state, info.mac))
}

fn assert_advertisement(seen: &Seen, to: Ipv6Addr, mac: Option<MacAddress>, solicited: bool) {
    assert_eq!((seen.header.source, seen.header.destination), (ip(LINK_LOCAL), to));
    assert_eq!(seen.header.hop_limit, HopLimit::MAX);
    if let Some(mac) = mac {
        assert_eq!(seen.mac, mac);
    }
    let expected = NeighborAdvertisement {
        router: false,
        solicited,
        overrides: true,
        target: ip(LINK_LOCAL),
        options: NdpOptions::new(&[NdpOption::TargetLinkLayerAddress(MAC)]),
    };
    assert_eq!(seen.icmpv6(), Some(Icmpv6Message::NeighborAdvertisement(expected)));
}

/// The host asks for routers now and then; that is not the question here.
fn without_router_solicitations(mut seen: Vec<Seen>) -> Vec<Seen> {
    seen.retain(|seen| seen.icmpv6_type() != 133);
    seen
}

fn echo(data: &[u8]) -> Icmpv6Message<'_> {
    Icmpv6Message::EchoRequest(Echo { identifier: 7, sequence: 1, data })
}

/// ND-4, ND-7: multicast and unicast, answered at once and remembered as STALE.
#[test]
fn solicitations_are_answered() {
    for destination in [GROUP, LINK_LOCAL] {
        let mut host = Host::up(1);
        host.message(PEER, destination, &solicitation(LINK_LOCAL, &LINK_LAYER));
        let sent = host.sent();
        assert_eq!(sent.len(), 1);
        assert_advertisement(&sent[0], PEER.address, Some(PEER.mac), true);
        // The answer was traffic, so the stale entry is delayed already.
        assert_eq!(state(&host, PEER.address), Some((NeighborState::Delay, Some(PEER.mac))));
    }
}

/// ND-8: without the option, our own resolution comes first.
#[test]
fn a_solicitation_without_link_layer_address() {
    let mut host = Host::up(2);
    host.message(PEER, LINK_LOCAL, &solicitation(LINK_LOCAL, &[]));
    let sent = host.sent();
    assert_eq!(sent.len(), 1);
    let expected = [NdpOption::SourceLinkLayerAddress(MAC)];
    assert_eq!(sent[0].icmpv6(), Some(solicitation("fe80::9", &expected)));
    assert_eq!(sent[0].header.destination, PEER.address.solicited_node());
    advertise(&mut host, true, true, true);
    let sent = host.sent();
    assert_advertisement(&sent[0], PEER.address, Some(PEER.mac), true);
}

fn advertise(host: &mut Host, solicited: bool, overrides: bool, with_address: bool) {
    let option = [NdpOption::TargetLinkLayerAddress(PEER.mac)];
    let message = Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
        router: false,
        solicited,
        overrides,
        target: PEER.address,
        options: NdpOptions::new(if with_address { &option } else { &[] }),
    });
    host.message(PEER, LINK_LOCAL, &message);
}

/// ND-5: defending an address against another node's test.
#[test]
fn an_address_is_defended() {
    let mut host = Host::up(3);
    let nobody = Peer { address: Ipv6Addr::UNSPECIFIED, ..PEER };
    host.message(nobody, GROUP, &solicitation(LINK_LOCAL, &[]));
    let sent = host.sent();
    assert_eq!(sent.len(), 1);
    assert_advertisement(&sent[0], ip("ff02::1"), None, false);
    assert_eq!(host.stack.neighbor_count(), 0);
}

/// ND-1, ND-21, ND-22, LNK-8: one defect at a time, and then a good one.
#[test]
fn invalid_solicitations_are_silent() {
    let mut host = Host::up(4);
    let good = solicitation(LINK_LOCAL, &LINK_LAYER);
    let packet = |source: &str, destination: &str, message: &Icmpv6Message<'_>| {
        icmpv6_packet(ip(source), ip(destination), message)
    };
    let patched = |offset: usize, value: u8| {
        let mut packet = packet("fe80::9", GROUP, &good);
        packet[offset] = value;
        crate::wire::icmpv6::fill_checksum(PEER.address, ip(GROUP), &mut packet[40..]);
        packet
    };
    let mut short = packet("fe80::9", GROUP, &good)[..40 + 23].to_vec();
    short[5] = 23;
    crate::wire::icmpv6::fill_checksum(PEER.address, ip(GROUP), &mut short[40..]);
    let mut checksum = packet("fe80::9", GROUP, &good);
    checksum[42] ^= 0x80;
    // Same low 24 bits, another address.
    let foreign = "fe80::1:0:ff12:3457";
    for (packet, reason) in [
        (packet("fe80::9", GROUP, &solicitation("ff02::1", &LINK_LAYER)), DropReason::NdTarget),
        (packet("::", LINK_LOCAL, &solicitation(LINK_LOCAL, &[])), DropReason::NdDestination),
        (packet("::", GROUP, &good), DropReason::NdSource),
        (patched(7, 254), DropReason::NdHopLimit),
        (patched(41, 1), DropReason::NdCode),
        (patched(40 + 25, 0), DropReason::NdMalformed),
        (patched(40 + 25, 2), DropReason::NdMalformed),
        (short, DropReason::NdMalformed),
        (checksum, DropReason::Icmpv6Checksum),
        (
            packet("fe80::9", GROUP, &solicitation(foreign, &LINK_LAYER)),
            DropReason::NdForeignTarget,
        ),
    ] {
        let before = host.drops(reason);
        host.packet(PEER, &packet);
        assert_eq!(host.drops(reason), before + 1, "{reason}");
        assert_eq!(host.sent(), [], "{reason}");
        assert_eq!(host.stack.neighbor_count(), 0, "{reason}");
    }
    // Reserved field and unknown option are ignored (ND-3).
    let options = [
        NdpOption::Unknown { kind: NdpOptionType(253), body: &[1; 6] },
        NdpOption::SourceLinkLayerAddress(PEER.mac),
        NdpOption::Unknown { kind: NdpOptionType(253), body: &[1; 14] },
    ];
    let mut packet = packet("fe80::9", GROUP, &solicitation(LINK_LOCAL, &options));
    packet[44] = 0xff;
    crate::wire::icmpv6::fill_checksum(PEER.address, ip(GROUP), &mut packet[40..]);
    host.packet(PEER, &packet);
    assert_advertisement(&host.sent()[0], PEER.address, Some(PEER.mac), true);
}

/// LNK-8: a group's address is nobody's.
#[test]
fn multicast_link_layer_addresses_are_not_learned() {
    let mut host = Host::up(5);
    let group = [NdpOption::SourceLinkLayerAddress(MacAddress([0x33, 0x33, 0, 0, 0, 1]))];
    host.message(PEER, LINK_LOCAL, &solicitation(LINK_LOCAL, &group));
    assert_eq!(state(&host, PEER.address), Some((NeighborState::Incomplete, None)));
}

/// RD-4, RD-19: a host ignores solicitations for routers.
#[test]
fn router_solicitations_are_ignored() {
    let mut host = Host::up(6);
    let message = Icmpv6Message::RouterSolicitation(RouterSolicitation {
        options: NdpOptions::new(&LINK_LAYER),
    });
    for destination in ["ff02::1", LINK_LOCAL] {
        host.message(PEER, destination, &message);
    }
    host.message(PEER, "ff02::2", &message);
    assert_eq!(host.drops(DropReason::NdRouterSolicitation), 2);
    assert_eq!(host.drops(DropReason::Ipv6NotMember), 1, "ff02::2 is for routers");
    assert_eq!((host.sent(), host.stack.neighbor_count()), (vec![], 0));
}

/// FRG-17: Neighbor Discovery does not come in fragments, not even atomic ones.
#[test]
fn fragmented_messages_are_ignored() {
    let mut host = Host::up(7);
    let packet =
        icmpv6_packet(PEER.address, ip(LINK_LOCAL), &solicitation(LINK_LOCAL, &LINK_LAYER));
    let mut fragment = packet[..40].to_vec();
    fragment[6] = 44;
    fragment[5] += 8;
    fragment.extend([58, 0, 0, 0, 0, 0, 0, 1]);
    fragment.extend(&packet[40..]);
    host.packet(PEER, &fragment);
    assert_eq!(host.drops(DropReason::NdFragment), 1);
    assert_eq!((host.sent(), host.stack.neighbor_count()), (vec![], 0));
}

/// ND-14, ND-15, NUD-4: an echo request from a neighbor that then does not resolve.
#[test]
fn a_silent_neighbor() {
    let mut host = Host::up(8);
    for _ in 0..10 {
        host.message(PEER, LINK_LOCAL, &echo(b"abc"));
    }
    let start = host.now;
    let seen = without_router_solicitations(host.run(Duration::from_secs(60)));
    let times: Vec<u64> =
        seen.iter().map(|seen| seen.at.saturating_since(start).as_secs()).collect();
    assert_eq!(times, [0, 1, 2]);
    assert!(seen.iter().all(|seen| seen.icmpv6_type() == 135));
    assert!(seen.iter().all(|seen| seen.header.source == ip(LINK_LOCAL)));
    assert_eq!(host.drops(DropReason::NeighborQueueFull), 2);
    assert_eq!(host.drops(DropReason::NeighborUnreachable), 8);
    assert_eq!(state(&host, PEER.address).unwrap().0, NeighborState::Failed);
}

/// ND-10, ND-15: it answers, and gets all that waited, in order.
#[test]
fn resolution_on_the_cable() {
    let mut host = Host::up(9);
    for sequence in 0..3 {
        let echo = Echo { identifier: 7, sequence, data: b"abc" };
        host.message(PEER, LINK_LOCAL, &Icmpv6Message::EchoRequest(echo));
    }
    assert_eq!(host.sent().len(), 1, "one solicitation");
    advertise(&mut host, true, true, true);
    let sent = host.sent();
    assert_eq!(sent.len(), 3);
    for (sequence, seen) in (0..).zip(&sent) {
        let echo = Echo { identifier: 7, sequence, data: b"abc" };
        assert_eq!(seen.icmpv6(), Some(Icmpv6Message::EchoReply(echo)));
        assert_eq!((seen.mac, seen.header.destination), (PEER.mac, PEER.address));
    }
    assert_eq!(state(&host, PEER.address), Some((NeighborState::Reachable, Some(PEER.mac))));
    // Reachable for at least 15 s, then stale; the next packet goes out, probes follow after 5 s.
    host.run(Duration::from_secs(46));
    assert_eq!(state(&host, PEER.address).unwrap().0, NeighborState::Stale);
    host.message(PEER, LINK_LOCAL, &echo(b"x"));
    let start = host.now;
    let seen = without_router_solicitations(host.run(Duration::from_secs(20)));
    let trace: Vec<(u64, u8, MacAddress)> = seen
        .iter()
        .map(|seen| (seen.at.saturating_since(start).as_secs(), seen.icmpv6_type(), seen.mac))
        .collect();
    assert_eq!(
        trace,
        [
            (0, 129, PEER.mac),
            (5, 135, PEER.mac),
            (6, 135, PEER.mac),
            (7, 135, PEER.mac),
            (8, 135, multicast_mac(PEER.address.solicited_node()))
        ]
    );
    assert_eq!(seen[1].header.destination, PEER.address, "unicast probes");
    assert_eq!(state(&host, PEER.address).unwrap().0, NeighborState::Unreachable);
}

/// ND-13, NH-18: a router that says it is none is used no more.
#[test]
fn the_router_flag_is_cleared() {
    let mut host = Host::up(10);
    let options = [NdpOption::SourceLinkLayerAddress(ROUTER.mac)];
    host.message(ROUTER, "ff02::1", &router_advertisement(&options));
    assert!(host.stack.route_to(ip("2001:db8::1"), None, host.now).is_ok());
    let message = Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
        router: false,
        solicited: false,
        overrides: false,
        target: ROUTER.address,
        options: NdpOptions::new(&[]),
    });
    host.message(ROUTER, "ff02::1", &message);
    let gone = host.stack.route_to(ip("2001:db8::1"), None, host.now);
    assert_eq!(gone, Err(crate::NoRoute::NoMatch));
}

/// ND-2: invalid advertisements confirm nothing.
#[test]
fn invalid_advertisements_are_ignored() {
    let mut host = Host::up(11);
    host.message(PEER, LINK_LOCAL, &echo(b"abc"));
    let options = [NdpOption::TargetLinkLayerAddress(PEER.mac)];
    let good = NeighborAdvertisement {
        router: false,
        solicited: true,
        overrides: true,
        target: PEER.address,
        options: NdpOptions::new(&options),
    };
    let mut send = |destination: &str, message: NeighborAdvertisement<'_>, reason| {
        let before = host.drops(reason);
        host.message(PEER, destination, &Icmpv6Message::NeighborAdvertisement(message));
        assert_eq!(host.drops(reason), before + 1, "{reason}");
        assert_eq!(state(&host, PEER.address).unwrap().0, NeighborState::Incomplete);
    };
    send("ff02::1", good, DropReason::NdDestination);
    send(LINK_LOCAL, NeighborAdvertisement { target: ip("ff02::1"), ..good }, DropReason::NdTarget);
    let own = NeighborAdvertisement { target: ip(LINK_LOCAL), ..good };
    send(LINK_LOCAL, own, DropReason::NdConflict);
    let unknown = NeighborAdvertisement { target: ip("fe80::77"), ..good };
    send(LINK_LOCAL, unknown, DropReason::NdUnknownNeighbor);
}

const MTU_AND_LINK_LAYER: [NdpOption<'_>; 2] =
    [NdpOption::Mtu(1280), NdpOption::TargetLinkLayerAddress(MacAddress([2, 0, 0, 0, 0, 2]))];

/// RED-1 to RED-8.
#[test]
fn redirects() {
    let mut host = Host::up(12);
    let destination = ip("2001:db8:9::1");
    let options = [NdpOption::SourceLinkLayerAddress(ROUTER.mac)];
    host.message(ROUTER, "ff02::1", &router_advertisement(&options));
    let next_hop = |host: &Host| host.stack.route_to(destination, None, host.now).unwrap().gateway;
    let redirect = |target: Ipv6Addr, options: &'static [NdpOption<'static>]| {
        Icmpv6Message::Redirect(Redirect { target, destination, options: NdpOptions::new(options) })
    };
    let other = Peer { mac: MacAddress([2, 0, 0, 0, 0, 2]), address: ip("fe80::2") };
    // Not from the first hop, target no router's address, multicast destination.
    host.message(other, LINK_LOCAL, &redirect(other.address, &[]));
    assert_eq!(host.drops(DropReason::NdRedirectIgnored), 1);
    host.message(ROUTER, LINK_LOCAL, &redirect(ip("2001:db8::2"), &[]));
    assert_eq!(host.drops(DropReason::NdTarget), 1);
    let global = Peer { address: ip("2001:db8::1"), ..ROUTER };
    host.message(global, LINK_LOCAL, &redirect(other.address, &[]));
    assert_eq!(host.drops(DropReason::NdSource), 1);
    let multicast = Icmpv6Message::Redirect(Redirect {
        target: other.address,
        destination: ip("ff05::1"),
        options: NdpOptions::new(&[]),
    });
    host.message(ROUTER, LINK_LOCAL, &multicast);
    assert_eq!(host.drops(DropReason::NdDestination), 1);
    assert_eq!(next_hop(&host), Some(ROUTER.address));
    // A better router, told with its address; options of other messages are ignored.
    host.message(ROUTER, LINK_LOCAL, &redirect(other.address, &MTU_AND_LINK_LAYER));
    assert_eq!(next_hop(&host), Some(other.address));
    assert_eq!(state(&host, other.address), Some((NeighborState::Stale, Some(other.mac))));
    assert_eq!(host.stack.interface(USB0).unwrap().mtu(), 1500);
    // Twice: the second must come from the new first hop; on-link now.
    host.message(ROUTER, LINK_LOCAL, &redirect(destination, &[]));
    assert_eq!(next_hop(&host), Some(other.address));
    host.message(other, LINK_LOCAL, &redirect(destination, &[]));
    assert_eq!(next_hop(&host), None);
    // RED-10, NH-18: the neighbor that we were sent to does not answer; back to the router.
    host.message(Peer { address: destination, ..PEER }, LINK_LOCAL, &echo(b"x"));
    assert_eq!(next_hop(&host), None);
    host.run(Duration::from_secs(5));
    assert_eq!(next_hop(&host), Some(ROUTER.address));
    // Other destinations still go to the router.
    let elsewhere = host.stack.route_to(ip("2001:db8:8::1"), None, host.now).unwrap();
    assert_eq!(elsewhere.gateway, Some(ROUTER.address));
}

/// Rows: ADR-6
#[test]
fn the_anycast_address_of_routers_is_not_ours() {
    let mut host = Host::up(30);
    let manual = address_at_once(ip("2001:db8:1::5"));
    host.stack.add_address(USB0, &manual, false, host.now).unwrap();
    host.run(Duration::from_secs(9));
    let drops = host.all_drops();
    for anycast in ["2001:db8:1::", "fe80::"] {
        host.message(ROUTER, "ff02::1:ff00:0", &solicitation(anycast, &[]));
        host.message(ROUTER, anycast, &echo(b"anybody?"));
    }
    assert_eq!(without_router_solicitations(host.run(Duration::from_secs(3))), []);
    assert_eq!(host.all_drops(), drops + 4);
}
