//! A neighbor that stopped to answer (RFC 7048), as it is seen on the cable and by programs.

use crate::address::AddressExt;
use crate::neighbor::NeighborState;
use crate::netif::MacAddress;
use crate::socket::{SendOptions, SetOption, SocketError, SocketId, SocketKind};
use crate::tcp::TcpError;
use crate::test_host::{Host, LINK_LOCAL, Peer, ROUTER, Seen, USB0, ip, router_advertisement};
use crate::time::{Duration, Instant};
use crate::wire::ethernet::multicast_mac;
use crate::wire::icmpv6::{Echo, Icmpv6Message};
use crate::wire::ndp::{NeighborAdvertisement, NeighborSolicitation, Redirect};
use crate::wire::ndp_option::{NdpOption, NdpOptions};
use core::net::{Ipv6Addr, SocketAddrV6};

const PEER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 9]),
    address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9),
};
const OTHER_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 0xee]);
const SECOND: Duration = Duration::from_secs(1);

fn state(host: &Host) -> Option<NeighborState> {
    host.stack.neighbors().find(|info| info.address == PEER.address).map(|info| info.state)
}

/// The peer asks for an echo reply, which is a packet for it.
fn traffic(host: &mut Host) {
    let echo = Echo { identifier: 7, sequence: 1, data: b"traffic" };
    host.message(PEER, LINK_LOCAL, &Icmpv6Message::EchoRequest(echo));
}

/// A host whose peer has answered nothing for eight seconds: DELAY, and three probes.
fn host(seed: u64) -> Host {
    let mut host = Host::up(seed);
    host.stack.set_neighbor(USB0, PEER.address, PEER.mac, false, true, host.now).unwrap();
    traffic(&mut host);
    host.run(Duration::from_secs(8));
    assert_eq!(state(&host), Some(NeighborState::Unreachable));
    host
}

/// Without traffic for it, but not forgotten yet.
fn resting(seed: u64) -> Host {
    let mut host = host(seed);
    host.run(Duration::from_secs(10));
    host.events();
    assert_eq!(state(&host), Some(NeighborState::Unreachable));
    host
}

/// When everybody was asked for the peer.
fn questions(seen: &[Seen]) -> Vec<Instant> {
    let group = PEER.address.solicited_node();
    seen.iter()
        .filter(|seen| seen.icmpv6_type() == 135)
        .map(|seen| {
            assert_eq!((seen.header.destination, seen.mac), (group, multicast_mac(group)));
            seen.at
        })
        .collect()
}

fn advertise(host: &mut Host, mac: MacAddress, solicited: bool) {
    let options = [NdpOption::TargetLinkLayerAddress(mac)];
    let message = Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
        router: false,
        solicited,
        overrides: true,
        target: PEER.address,
        options: NdpOptions::new(&options),
    });
    host.message(PEER, LINK_LOCAL, &message);
}

fn there() -> SocketAddrV6 {
    SocketAddrV6::new(PEER.address, 9, 0, USB0.get())
}

/// Rows: NUD-5
#[test]
fn everybody_is_asked_ever_more_seldom() {
    for seed in 1..20 {
        let mut host = host(seed);
        let mut seen = Vec::new();
        for _ in 0..400 {
            traffic(&mut host);
            seen.extend(host.run(SECOND));
        }
        // Packets go on to the address that is known.
        let replies = seen.iter().filter(|seen| seen.icmpv6_type() == 129);
        assert_eq!(replies.filter(|seen| seen.mac == PEER.mac).count(), 400);
        // The first question was when the last probe had been in vain.
        let mut last = host.now - Duration::from_secs(400);
        let asked = questions(&seen);
        for (&at, base) in asked.iter().zip([3, 9, 27].into_iter().chain(core::iter::repeat(60))) {
            let gap = at.saturating_since(last);
            let base = Duration::from_secs(base);
            assert!(
                gap >= base / 2 && gap <= (base * 3 / 2).min(Duration::from_secs(60)),
                "{gap:?}"
            );
            last = at;
        }
        assert!((8..=14).contains(&asked.len()), "{asked:?}");
    }
}

/// Rows: NUD-5
#[test]
fn without_traffic_nobody_is_asked_and_the_neighbor_is_forgotten() {
    let mut host = host(1);
    // The last packet was that which began it all, eight seconds ago.
    assert_eq!(questions(&host.run(Duration::from_secs(51))), []);
    assert_eq!(state(&host), Some(NeighborState::Unreachable));
    host.run(Duration::from_secs(2));
    assert_eq!(state(&host), None);
    // With the next packet it is resolved like any other.
    traffic(&mut host);
    assert_eq!(questions(&host.sent()).len(), 1);
    assert_eq!(state(&host), Some(NeighborState::Incomplete));
}

/// Rows: NUD-5
#[test]
fn the_first_packet_after_a_rest_asks_at_once_and_goes_out() {
    let mut host = resting(2);
    traffic(&mut host);
    let sent = host.sent();
    assert_eq!((questions(&sent).len(), sent.len()), (1, 2));
    assert!(sent.iter().any(|seen| seen.icmpv6_type() == 129 && seen.mac == PEER.mac));
}

/// What ends the state: an answer, another link-layer address, and progress of an upper layer.
/// Rows: NUD-5, NUD-6
#[test]
fn ways_back() {
    let ends = |what: &dyn Fn(&mut Host), expected, mac| {
        let mut host = host(3);
        what(&mut host);
        assert_eq!(state(&host), Some(expected));
        host.run(SECOND);
        traffic(&mut host);
        assert!(host.sent().iter().any(|seen| seen.icmpv6_type() == 129 && seen.mac == mac));
    };
    ends(&|host| advertise(host, PEER.mac, true), NeighborState::Reachable, PEER.mac);
    ends(&|host| advertise(host, OTHER_MAC, true), NeighborState::Reachable, OTHER_MAC);
    ends(&|host| advertise(host, OTHER_MAC, false), NeighborState::Stale, OTHER_MAC);
    let solicit = |host: &mut Host| {
        let options = [NdpOption::SourceLinkLayerAddress(OTHER_MAC)];
        let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
            target: ip(LINK_LOCAL),
            options: NdpOptions::new(&options),
        });
        host.message(PEER, LINK_LOCAL, &message);
    };
    // The answer to it was a packet for the new address.
    ends(&solicit, NeighborState::Delay, OTHER_MAC);
    ends(
        &|host| host.stack.confirm_neighbor(USB0, PEER.address, host.now),
        NeighborState::Reachable,
        PEER.mac,
    );
}

/// A message with the known link-layer address proves nothing, but makes us ask at once; not more
/// often than once in RetransTimer.
/// Rows: NUD-5, NUD-7, ND-16
#[test]
fn a_sign_of_life_is_a_reason_to_ask() {
    let mut host = resting(4);
    for _ in 0..10 {
        advertise(&mut host, PEER.mac, false);
        assert_eq!(state(&host), Some(NeighborState::Unreachable));
    }
    assert_eq!(questions(&host.run(Duration::from_millis(900))).len(), 1);
    for _ in 0..10 {
        advertise(&mut host, PEER.mac, false);
    }
    assert_eq!(questions(&host.run(Duration::from_millis(900))).len(), 1);
    advertise(&mut host, PEER.mac, true);
    assert_eq!(state(&host), Some(NeighborState::Reachable));
}

fn say(host: &mut Host, id: SocketId) -> Option<SocketError> {
    let fill = |room: &mut [u8]| -> Result<(), ()> {
        room.fill(b'x');
        Ok(())
    };
    let options = SendOptions::default();
    let sent = host.stack.send(id, Some(there()), 2, fill, &options, host.now);
    sent.unwrap();
    host.stack.take_socket_error(id)
}

/// Rows: NUD-4, NUD-5
#[test]
fn who_sends_is_told_after_as_long_as_resolution_takes() {
    let mut host = resting(5);
    let id = host.stack.open_socket(SocketKind::Udp).unwrap();
    host.stack.set_socket_option(id, SetOption::ReceiveErrors(true)).unwrap();
    for second in 0..6 {
        let error = say(&mut host, id);
        let expected = (second >= 3).then_some(SocketError::HostUnreachable);
        assert_eq!(error, expected, "after {second} s");
        let sent = host.run(SECOND);
        assert!(sent.iter().any(|seen| seen.mac == PEER.mac), "the packet goes out all the same");
    }
    // Sending again after an answer is no error.
    advertise(&mut host, PEER.mac, true);
    assert_eq!(say(&mut host, id), None);
}

/// Rows: NUD-5, API-20
#[test]
fn a_connection_to_an_unreachable_neighbor() {
    // Nobody answers: the attempt ends with EHOSTUNREACH, with the second SYN after three seconds.
    let mut host = resting(6);
    let connect = |host: &mut Host| {
        let id = host.stack.tcp_open().unwrap();
        host.stack.tcp_connect(id, there(), host.now).unwrap();
        id
    };
    let id = connect(&mut host);
    let sent = host.run(Duration::from_millis(2900));
    assert!(sent.iter().filter(|seen| seen.mac == PEER.mac).count() >= 2, "SYNs go out");
    assert_eq!(host.stack.tcp_take_error(id), None);
    host.run(Duration::from_secs(2));
    assert_eq!(host.stack.tcp_take_error(id), Some(TcpError::HostUnreachable));
    // It comes back in between: the attempt goes on.
    let mut host = resting(7);
    let id = connect(&mut host);
    host.run(SECOND);
    advertise(&mut host, PEER.mac, true);
    host.run(Duration::from_secs(10));
    assert_eq!(host.stack.tcp_take_error(id), None);
}

/// RFC 7048, Section 3: packets are not redirected to it.
/// Rows: RED-10, NUD-5
#[test]
fn a_redirect_to_it_is_not_followed() {
    let mut host = host(8);
    let options = [NdpOption::SourceLinkLayerAddress(ROUTER.mac)];
    host.message(ROUTER, "ff02::1", &router_advertisement(&options));
    let destination = ip("2001:db8:9::1");
    let options = [NdpOption::TargetLinkLayerAddress(PEER.mac)];
    let redirect = Icmpv6Message::Redirect(Redirect {
        target: PEER.address,
        destination,
        options: NdpOptions::new(&options),
    });
    let next_hop = |host: &Host| host.stack.route_to(destination, None, host.now).unwrap().gateway;
    host.message(ROUTER, LINK_LOCAL, &redirect);
    assert_eq!(next_hop(&host), Some(ROUTER.address));
    // But it is a reason to ask whether it is there. It is.
    assert_eq!(questions(&host.run(SECOND)).len(), 1);
    advertise(&mut host, PEER.mac, true);
    host.message(ROUTER, LINK_LOCAL, &redirect);
    assert_eq!(next_hop(&host), Some(PEER.address));
}
