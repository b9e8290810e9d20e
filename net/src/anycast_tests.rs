//! Anycast addresses as their users and their neighbors see them.

use super::*;
use crate::netif::MacAddress;
use crate::socket::{BindError, SendError, SendOptions, SocketKind};
use crate::test_host::{
    Host, LINK_LOCAL, MAC, Peer, Seen, USB0, address_at_once, icmpv6_packet, ip, ipv6_packet,
};
use crate::wire::icmpv6::Echo;
use crate::wire::ipv6::NextHeader;
use crate::wire::ndp::NeighborSolicitation;
use core::net::SocketAddrV6;
use std::vec::Vec;

const OWN: &str = "2001:db8:1::1";
const ANYCAST: &str = "2001:db8:1::53";
const GROUP: &str = "ff02::1:ff00:53";
const PEER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 9]),
    address: Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 9),
};

/// A host in a subnet, whose neighbor is known, with a UDP socket at port 53.
fn host(seed: u64) -> (Host, SocketId) {
    let mut host = Host::up(seed);
    let new = address_at_once(ip(OWN));
    host.stack.add_address(USB0, &new, false, host.now).unwrap();
    host.stack.set_neighbor(USB0, PEER.address, PEER.mac, true, false, host.now).unwrap();
    host.run(Duration::from_secs(5));
    let id = host.stack.open_socket(SocketKind::Udp).unwrap();
    host.stack.bind(id, SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 53, 0, 0)).unwrap();
    (host, id)
}

fn join(host: &mut Host, id: SocketId, address: &str) -> Result<(), AnycastError> {
    host.stack.join_anycast(id, ip(address), None, host.now)
}

fn solicit(host: &mut Host, from: Peer, destination: &str) {
    let options = [NdpOption::SourceLinkLayerAddress(from.mac)];
    let with = if from.address.is_unspecified() { &[][..] } else { &options[..] };
    let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
        target: ip(ANYCAST),
        options: NdpOptions::new(with),
    });
    host.packet(from, &icmpv6_packet(from.address, ip(destination), &message));
}

/// The advertisements among what was sent.
fn advertisements(seen: Vec<Seen>) -> Vec<Seen> {
    seen.into_iter().filter(|seen| seen.icmpv6_type() == 136).collect()
}

/// Rows: ND-17
#[test]
fn neighbors_are_answered_late_and_without_override() {
    let mut delays = Vec::new();
    for seed in 1..40 {
        let (mut host, id) = host(seed);
        join(&mut host, id, ANYCAST).unwrap();
        host.run(Duration::from_secs(5));
        let asked = host.now;
        solicit(&mut host, PEER, GROUP);
        solicit(&mut host, PEER, GROUP);
        assert_eq!(advertisements(host.sent()).len(), 0, "not at once");
        let seen = advertisements(host.run(Duration::from_secs(3)));
        assert_eq!(seen.len(), 1);
        assert_eq!(
            (seen[0].header.source, seen[0].header.destination),
            (ip(LINK_LOCAL), PEER.address)
        );
        let expected = NeighborAdvertisement {
            router: false,
            solicited: true,
            overrides: false,
            target: ip(ANYCAST),
            options: NdpOptions::new(&[NdpOption::TargetLinkLayerAddress(MAC)]),
        };
        assert_eq!(seen[0].icmpv6(), Some(Icmpv6Message::NeighborAdvertisement(expected)));
        delays.push(seen[0].at.saturating_since(asked));
    }
    assert!(delays.iter().all(|delay| *delay <= MAX_ANYCAST_DELAY_TIME), "{delays:?}");
    let (early, late) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(*late > *early + MAX_ANYCAST_DELAY_TIME / 2, "{delays:?}");
}

/// Rows: ND-17, ND-22
#[test]
fn it_is_there_as_long_as_a_socket_wants_it() {
    let (mut host, id) = host(1);
    let answered = |host: &mut Host| {
        solicit(host, PEER, GROUP);
        advertisements(host.run(Duration::from_secs(2))).len()
    };
    assert_eq!(answered(&mut host), 0, "not joined");
    let other = host.stack.open_socket(SocketKind::Udp).unwrap();
    join(&mut host, id, ANYCAST).unwrap();
    join(&mut host, other, ANYCAST).unwrap();
    let info = AnycastInfo { interface: USB0, address: ip(ANYCAST), users: 2 };
    assert!(host.stack.anycast_addresses().eq([info]));
    host.stack.leave_anycast(id, ip(ANYCAST), Some(USB0), host.now).unwrap();
    assert_eq!(answered(&mut host), 1);
    // What waits for its time when the address goes is not sent.
    solicit(&mut host, PEER, GROUP);
    host.stack.close_socket(other, host.now);
    assert_eq!(advertisements(host.run(Duration::from_secs(2))).len(), 0);
    assert_eq!(answered(&mut host), 0);
    assert_eq!(host.stack.anycast_addresses().count(), 0);
    let left = host.stack.leave_anycast(id, ip(ANYCAST), None, host.now);
    assert_eq!(left, Err(AnycastError::NotMember));
}

/// RFC 4862, Section 5.4: no test for duplicates; but who wants the address for itself alone
/// learns that it is in use.
/// Rows: ND-17, DAD-3
#[test]
fn it_is_not_tested_and_is_defended() {
    let (mut host, id) = host(2);
    join(&mut host, id, ANYCAST).unwrap();
    let seen = host.run(Duration::from_secs(5));
    assert!(seen.iter().all(|seen| seen.icmpv6_type() != 135));
    solicit(&mut host, Peer { address: Ipv6Addr::UNSPECIFIED, ..PEER }, GROUP);
    let seen = advertisements(host.run(Duration::from_secs(2)));
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header.destination, ip("ff02::1"));
    let Some(Icmpv6Message::NeighborAdvertisement(message)) = seen[0].icmpv6() else { panic!() };
    assert!(!message.solicited && !message.overrides);
}

fn datagram(port: u16) -> Vec<u8> {
    use crate::wire::checksum::Checksum;
    use crate::wire::udp::UdpHeader;
    let mut sum = Checksum::new();
    sum.add(b"query");
    let header = UdpHeader::new((PEER.address, 99), (ip(ANYCAST), port), 5, sum).unwrap();
    let mut segment = vec![0; UdpHeader::LEN];
    header.emit(&mut segment);
    segment.extend(b"query");
    ipv6_packet(PEER.address, ip(ANYCAST), NextHeader::UDP, &segment)
}

/// RFC 4443, Sections 2.2 and 4.2: answers have a unicast source.
/// Rows: ND-17
#[test]
fn it_is_never_a_source() {
    let (mut host, id) = host(3);
    join(&mut host, id, ANYCAST).unwrap();
    host.run(Duration::from_secs(5));
    let echo = Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 2, data: b"who?" });
    host.message(PEER, ANYCAST, &echo);
    let sent = host.sent();
    assert_eq!((sent[0].icmpv6_type(), sent[0].header.source), (129, ip(OWN)));
    // A datagram comes to a socket that listens everywhere, and the socket's answer comes from a
    // unicast address.
    host.packet(PEER, &datagram(53));
    let meta = host.stack.receive(id, false, |meta, _| *meta).unwrap();
    assert_eq!(meta.destination, ip(ANYCAST));
    let fill = |room: &mut [u8]| -> Result<(), ()> {
        room.fill(b'!');
        Ok(())
    };
    let now = host.now;
    host.stack.send(id, Some(meta.source), 6, fill, &SendOptions::default(), now).unwrap();
    assert_eq!(host.sent()[0].header.source, ip(OWN));
    let options = SendOptions { source: Some(ip(ANYCAST)), ..SendOptions::default() };
    let sent = host.stack.send(id, Some(meta.source), 6, fill, &options, now);
    assert!(matches!(sent, Err(SendError::BadSource)), "{sent:?}");
    let bound = host.stack.open_socket(SocketKind::Udp).unwrap();
    let bound = host.stack.bind(bound, SocketAddrV6::new(ip(ANYCAST), 54, 0, 0));
    assert_eq!(bound, Err(BindError::AddressNotAvailable));
    // Errors likewise: nobody is at that port.
    host.packet(PEER, &datagram(54));
    let sent = host.sent();
    assert_eq!((sent[0].icmpv6_type(), sent[0].header.source), (1, ip(OWN)));
    // A connection would have it as its source: no answer at all.
    let syn = [0, 99, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 255, 255, 0, 0, 0, 0];
    let mut syn = syn.to_vec();
    let sum = {
        use crate::wire::checksum::Checksum;
        let length = syn.len() as u32;
        let mut sum = Checksum::pseudo_header(PEER.address, ip(ANYCAST), NextHeader::TCP, length);
        sum.add(&syn);
        sum.finish()
    };
    syn[16..18].copy_from_slice(&sum.to_be_bytes());
    host.packet(PEER, &ipv6_packet(PEER.address, ip(ANYCAST), NextHeader::TCP, &syn));
    assert_eq!(host.drops(DropReason::TcpAddress), 1);
    assert_eq!(host.sent(), []);
}

/// Rows: ND-17
#[test]
fn this_node_reaches_its_own() {
    let (mut host, id) = host(4);
    join(&mut host, id, ANYCAST).unwrap();
    let to = SocketAddrV6::new(ip(ANYCAST), 53, 0, 0);
    let fill = |room: &mut [u8]| -> Result<(), ()> {
        room.fill(b'?');
        Ok(())
    };
    host.run(Duration::from_secs(5));
    host.stack.send(id, Some(to), 3, fill, &SendOptions::default(), host.now).unwrap();
    let meta = host.stack.receive(id, false, |meta, _| *meta).unwrap();
    assert_eq!((*meta.source.ip(), meta.destination), (ip(OWN), ip(ANYCAST)));
    assert_eq!(host.sent(), []);
}

/// What Linux says in each case.
/// Rows: ND-17
#[test]
fn what_can_be_joined() {
    let (mut host, id) = host(5);
    for (address, error) in [
        ("ff02::1", AnycastError::BadAddress),
        ("::", AnycastError::BadAddress),
        (OWN, AnycastError::BadAddress),
        ("2001:db8:9::53", AnycastError::NotOnLink),
        ("fe80::53", AnycastError::NotOnLink),
    ] {
        assert_eq!(join(&mut host, id, address), Err(error), "{address}");
    }
    let now = host.now;
    let nowhere = InterfaceIndex::from_slot(4);
    let mut join_on =
        |address: &str, index| host.stack.join_anycast(id, ip(address), Some(index), now);
    assert_eq!(join_on(ANYCAST, nowhere), Err(AnycastError::NoInterface));
    assert_eq!(join_on(ANYCAST, InterfaceIndex::LOOPBACK), Err(AnycastError::NotOnLink));
    assert_eq!(join_on("fe80::53", USB0), Ok(()));
    for _ in 1..limits::ANYCAST_MEMBERSHIPS {
        assert_eq!(join_on(ANYCAST, USB0), Ok(()));
    }
    assert_eq!(join_on(ANYCAST, USB0), Err(AnycastError::TableFull));
    assert_eq!(host.stack.table_full(TableFull::Memberships), 1);
    // With the interface all of them go.
    host.stack.remove_interface(USB0, now).unwrap();
    assert_eq!(host.stack.anycast_addresses().count(), 0);
}

/// Many who ask at once: the delay is given up, not the answer.
/// Rows: ND-17
#[test]
fn more_questions_than_can_wait() {
    let (mut host, id) = host(6);
    join(&mut host, id, ANYCAST).unwrap();
    host.run(Duration::from_secs(5));
    let count = limits::ANYCAST_ANSWERS + 10;
    for number in 0..count as u16 {
        let address = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 1, number);
        solicit(&mut host, Peer { address, ..PEER }, GROUP);
    }
    assert_eq!(advertisements(host.sent()).len(), 10);
    assert_eq!(advertisements(host.run(MAX_ANYCAST_DELAY_TIME)).len(), limits::ANYCAST_ANSWERS);
}
