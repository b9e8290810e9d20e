//! Calls in, packets and errors out. What Linux does in each situation is the expectation.

use super::*;
use crate::address::AddressExt;
use crate::config::Config;
use crate::counters::DropReason;
use crate::event::Event;
use crate::interface::InterfaceIndex;
use crate::limits;
use crate::manage::NewAddress;
use crate::netif::MacAddress;
use crate::test_host::{Host, LINK_LOCAL, Peer, Seen, USB0, icmpv6_packet, ip, ipv6_packet};
use crate::time::Duration;
use crate::wire::checksum::{self, Checksum};
use crate::wire::icmpv6::{DestinationUnreachableCode, Echo, Icmpv6Message, TimeExceededCode};
use crate::wire::ipv6::{HopLimit, Ipv6Header, NextHeader, TrafficClass};
use crate::wire::udp::UdpHeader;
use core::net::SocketAddrV6;

const PEER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 9]),
    address: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9),
};
const OWN: &str = "2001:db8::1";
const LO: InterfaceIndex = InterfaceIndex::LOOPBACK;

fn address(text: &str, port: u16) -> SocketAddrV6 {
    SocketAddrV6::new(ip(text), port, 0, 0)
}

fn scoped(text: &str, port: u16) -> SocketAddrV6 {
    SocketAddrV6::new(ip(text), port, 0, USB0.get())
}

/// A host with a global address, whose neighbor is known.
fn host() -> Host {
    let mut host = Host::up(1);
    let new = NewAddress {
        address: ip(OWN),
        prefix_length: 64,
        preferred_lifetime: u32::MAX,
        valid_lifetime: u32::MAX,
        no_duplicate_detection: true,
        no_prefix_route: false,
    };
    host.stack.add_address(USB0, &new, false, host.now).unwrap();
    host.stack.set_neighbor(USB0, PEER.address, PEER.mac, true, false, host.now).unwrap();
    host.run(Duration::from_secs(2));
    host.events();
    host
}

fn udp(host: &mut Host) -> SocketId {
    host.stack.open_socket(SocketKind::Udp).unwrap()
}

fn bound(host: &mut Host, to: SocketAddrV6) -> SocketId {
    let id = udp(host);
    host.stack.bind(id, to).unwrap();
    id
}

fn connected(host: &mut Host, to: SocketAddrV6) -> SocketId {
    let id = udp(host);
    host.stack.connect(id, to, host.now).unwrap();
    id
}

fn send_with(
    host: &mut Host,
    id: SocketId,
    to: Option<SocketAddrV6>,
    payload: &[u8],
    options: &SendOptions,
) -> Result<(), SendError<()>> {
    let fill = |room: &mut [u8]| {
        room.copy_from_slice(payload);
        Ok(())
    };
    host.stack.send(id, to, payload.len(), fill, options, host.now)
}

fn send(
    host: &mut Host,
    id: SocketId,
    to: Option<SocketAddrV6>,
    payload: &[u8],
) -> Result<(), SendError<()>> {
    send_with(host, id, to, payload, &SendOptions::default())
}

fn receive(host: &mut Host, id: SocketId) -> Result<(ReceiveMeta, Vec<u8>), ReceiveError> {
    host.stack.receive(id, false, |meta, data| (*meta, data.to_vec()))
}

fn datagram(from: (&str, u16), to: (&str, u16), payload: &[u8]) -> Vec<u8> {
    let mut sum = Checksum::new();
    sum.add(payload);
    let (source, destination) = (ip(from.0), ip(to.0));
    let header = UdpHeader::new((source, from.1), (destination, to.1), payload.len(), sum).unwrap();
    let mut segment = vec![0; UdpHeader::LEN];
    header.emit(&mut segment);
    segment.extend(payload);
    ipv6_packet(source, destination, NextHeader::UDP, &segment)
}

/// The datagram that was seen, after checking its checksum.
fn as_udp(seen: &Seen) -> (UdpHeader, &[u8]) {
    let (header, segment) = Ipv6Header::parse(&seen.packet).unwrap();
    assert_eq!(header.next_header, NextHeader::UDP);
    assert!(checksum::verify(header.source, header.destination, NextHeader::UDP, segment));
    UdpHeader::parse(segment).unwrap()
}

#[test]
fn to_a_neighbor_and_back() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    send(&mut host, id, Some(address("2001:db8::9", 99)), b"hello").unwrap();
    let sent = host.sent();
    let (header, payload) = as_udp(&sent[0]);
    assert_eq!((header.source_port, header.destination_port, payload), (7, 99, &b"hello"[..]));
    assert_eq!((sent[0].header.source, sent[0].mac), (ip(OWN), PEER.mac));
    assert_eq!(sent[0].header.hop_limit, HopLimit::DEFAULT);
    assert_ne!(sent[0].header.flow_label.get(), 0);
    assert!(!host.stack.readiness(id).unwrap().readable);
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), b"hi"));
    assert_eq!(host.events(), [Event::Socket(id)]);
    assert!(host.stack.readiness(id).unwrap().readable);
    assert_eq!(host.stack.next_receive_len(id), 2);
    let peek = host.stack.receive(id, true, |_, data| data.to_vec());
    assert_eq!(peek.unwrap(), b"hi");
    let (meta, data) = receive(&mut host, id).unwrap();
    assert_eq!(data, b"hi");
    assert_eq!(meta.source, address("2001:db8::9", 99));
    assert_eq!((meta.destination, meta.interface, meta.hop_limit), (ip(OWN), USB0, HopLimit::MAX));
    assert_eq!(receive(&mut host, id), Err(ReceiveError::WouldBlock));
    // UDP-12: nothing is something.
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), b""));
    assert_eq!(receive(&mut host, id).unwrap().1, b"");
}

/// UDP-2, UDP-4.
#[test]
fn broken_datagrams() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    let good = datagram(("2001:db8::9", 99), (OWN, 7), b"hi");
    let with = |offset: usize, bytes: [u8; 2]| {
        let mut packet = good.clone();
        packet[offset..offset + 2].copy_from_slice(&bytes);
        packet
    };
    for (packet, reason) in [
        (with(46, [0, 0]), DropReason::UdpZeroChecksum),
        (with(46, [0x12, 0x34]), DropReason::UdpChecksum),
        (with(44, [0, 7]), DropReason::UdpMalformed),
        (with(44, [0, 11]), DropReason::UdpMalformed),
    ] {
        host.packet(PEER, &packet);
        assert_eq!(host.drops(reason), 1 + u64::from(packet[45] == 11), "{reason}");
        assert_eq!(receive(&mut host, id), Err(ReceiveError::WouldBlock));
    }
    assert_eq!(host.stack.node_counters().udp.in_errors, 4);
    // A UDP length shorter than the packet counts.
    let mut longer = good.clone();
    longer.extend(b"tail");
    longer[5] += 4;
    host.packet(PEER, &longer);
    assert_eq!(receive(&mut host, id).unwrap().1, b"hi");
}

#[test]
fn bind_rules() {
    let mut host = host();
    let first = bound(&mut host, address("::", 7));
    assert_eq!(host.stack.bind(first, address("::", 8)), Err(BindError::AlreadyBound));
    let second = udp(&mut host);
    assert_eq!(host.stack.bind(second, address(OWN, 7)), Err(BindError::AddressInUse));
    assert_eq!(
        host.stack.bind(second, address("2001:db8::77", 8)),
        Err(BindError::AddressNotAvailable)
    );
    assert_eq!(host.stack.bind(second, address(LINK_LOCAL, 8)), Err(BindError::ScopeRequired));
    let nowhere = SocketAddrV6::new(ip(LINK_LOCAL), 8, 0, 99);
    assert_eq!(host.stack.bind(second, nowhere), Err(BindError::NoInterface));
    let elsewhere = SocketAddrV6::new(ip(LINK_LOCAL), 8, 0, 1);
    assert_eq!(host.stack.bind(second, elsewhere), Err(BindError::AddressNotAvailable));
    host.stack.bind(second, scoped(LINK_LOCAL, 8)).unwrap();
    assert_eq!(host.stack.local_address(second), Some(scoped(LINK_LOCAL, 8)));
    // Two addresses, one port.
    bound(&mut host, address(OWN, 9));
    bound(&mut host, address("::1", 9));
    // Both must agree to share.
    let (third, fourth) = (udp(&mut host), udp(&mut host));
    host.stack.set_socket_option(third, SetOption::ReuseAddress(true)).unwrap();
    host.stack.bind(third, address("::", 10)).unwrap();
    assert_eq!(host.stack.bind(fourth, address("::", 10)), Err(BindError::AddressInUse));
    host.stack.set_socket_option(fourth, SetOption::ReuseAddress(true)).unwrap();
    host.stack.bind(fourth, address("::", 10)).unwrap();
    // A multicast address is fine, and so is port 0.
    bound(&mut host, address("ff05::1", 11));
    let fifth = bound(&mut host, address("::", 0));
    let port = host.stack.local_address(fifth).unwrap().port();
    assert!((32_768..=60_999).contains(&port));
    // Closing frees the port.
    host.stack.close_socket(first, host.now);
    bound(&mut host, address("::", 7));
    assert_eq!(host.stack.bind(first, address("::", 1)), Err(BindError::Closed));
}

#[test]
fn ephemeral_ports_are_not_sequential() {
    let mut host = host();
    let ports: Vec<u16> = (0..32)
        .map(|_| {
            let id = bound(&mut host, address("::", 0));
            host.stack.local_address(id).unwrap().port()
        })
        .collect();
    let steps = ports.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) == 1).count();
    assert!(steps <= 1, "{ports:?}");
    let mut distinct = ports.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 32);
}

#[test]
fn connect_and_disconnect() {
    let mut host = host();
    let id = udp(&mut host);
    assert_eq!(send(&mut host, id, None, b"x"), Err(SendError::DestinationRequired));
    assert_eq!(
        host.stack.connect(id, address("fe80::9", 9), host.now),
        Err(ConnectError::ScopeRequired)
    );
    assert_eq!(
        host.stack.connect(id, address("2600::1", 9), host.now),
        Err(ConnectError::NetworkUnreachable)
    );
    host.stack.connect(id, address("2001:db8::9", 99), host.now).unwrap();
    assert_eq!(host.stack.remote_address(id), Some(address("2001:db8::9", 99)));
    let local = host.stack.local_address(id).unwrap();
    assert_eq!(*local.ip(), ip(OWN));
    // Only the peer is heard.
    let port = local.port();
    host.packet(PEER, &datagram(("2001:db8::9", 98), (OWN, port), b"no"));
    host.packet(PEER, &datagram(("2001:db8::8", 99), (OWN, port), b"no"));
    assert_eq!(host.drops(DropReason::UdpNoPort), 2);
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, port), b"yes"));
    assert_eq!(receive(&mut host, id).unwrap().1, b"yes");
    send(&mut host, id, None, b"x").unwrap();
    // Dissolved: the port was never asked for, so it is gone as well.
    host.stack.disconnect(id).unwrap();
    assert_eq!(host.stack.remote_address(id), None);
    assert_eq!(host.stack.local_address(id), Some(address("::", 0)));
    // The unspecified address is this node.
    host.stack.connect(id, address("::", 5), host.now).unwrap();
    assert_eq!(host.stack.remote_address(id), Some(address("::1", 5)));
}

/// UDP-10: connected before bound before wildcard.
#[test]
fn the_most_specific_socket_wins() {
    let mut host = host();
    let ids = [udp(&mut host), udp(&mut host), udp(&mut host)];
    for id in ids {
        host.stack.set_socket_option(id, SetOption::ReuseAddress(true)).unwrap();
    }
    host.stack.bind(ids[0], address("::", 7)).unwrap();
    host.stack.bind(ids[1], address(OWN, 7)).unwrap();
    host.stack.bind(ids[2], address("::", 7)).unwrap();
    host.stack.connect(ids[2], address("2001:db8::9", 99), host.now).unwrap();
    for (from, to, expected) in [
        (("2001:db8::9", 99), OWN, ids[2]),
        (("2001:db8::9", 98), OWN, ids[1]),
        (("fe80::9", 99), LINK_LOCAL, ids[0]),
    ] {
        host.packet(PEER, &datagram(from, (to, 7), b"x"));
        for id in ids {
            assert_eq!(receive(&mut host, id).is_ok(), id == expected, "{from:?} {to}");
        }
    }
}

/// API-3, API-8, SEL-4: options of the socket and of the datagram.
#[test]
fn options_of_a_datagram() {
    let mut host = host();
    let id = udp(&mut host);
    let to = Some(address("2001:db8::9", 99));
    host.stack.set_socket_option(id, SetOption::UnicastHops(Some(HopLimit(9)))).unwrap();
    let class = TrafficClass(0x28);
    host.stack.set_socket_option(id, SetOption::TrafficClass(Some(class))).unwrap();
    send(&mut host, id, to, b"x").unwrap();
    let options = SendOptions {
        source: Some(ip(OWN)),
        interface: Some(USB0),
        hop_limit: Some(HopLimit(3)),
        traffic_class: Some(TrafficClass(4)),
        confirm: false,
    };
    send_with(&mut host, id, to, b"x", &options).unwrap();
    let sent = host.sent();
    assert_eq!((sent[0].header.hop_limit, sent[0].header.traffic_class), (HopLimit(9), class));
    assert_eq!(
        (sent[1].header.hop_limit, sent[1].header.traffic_class),
        (HopLimit(3), TrafficClass(4))
    );
    for (options, error) in [
        (SendOptions { source: Some(ip("2001:db8::77")), ..options }, SendError::BadSource),
        (SendOptions { interface: InterfaceIndex::new(99), ..options }, SendError::NoInterface),
    ] {
        assert_eq!(send_with(&mut host, id, to, b"x", &options), Err(error));
    }
    // A device and another interface contradict each other.
    host.stack.set_socket_option(id, SetOption::Device(Some(LO))).unwrap();
    assert_eq!(send_with(&mut host, id, to, b"x", &options), Err(SendError::Invalid));
}

#[test]
fn destinations_that_are_none() {
    let mut host = host();
    let id = udp(&mut host);
    for (to, error) in [
        (address("2001:db8::9", 0), SendError::Invalid),
        (address("::ffff:192.0.2.1", 9), SendError::Invalid),
        (address("fe80::9", 9), SendError::Invalid),
        (address("2600::1", 9), SendError::NetworkUnreachable),
    ] {
        assert_eq!(send(&mut host, id, Some(to), b"x"), Err(error), "{to}");
    }
    assert_eq!(host.drops(DropReason::NoRoute), 1);
    assert_eq!(host.stack.node_counters().ipv6.out_no_routes, 1);
    let to = Some(address("2001:db8::9", 9));
    let result = host.stack.send(id, to, 5, |_| Err("fault"), &SendOptions::default(), host.now);
    assert_eq!(result, Err(SendError::Fill("fault")));
    assert_eq!(host.sent(), []);
}

/// UDP-13 without fragments: what fits, and what does not.
#[test]
fn sizes() {
    let mut host = host();
    let id = udp(&mut host);
    let to = Some(address("2001:db8::9", 9));
    send(&mut host, id, to, &[1; 1452]).unwrap();
    assert_eq!(host.sent()[0].packet.len(), 1500);
    assert_eq!(send(&mut host, id, to, &[1; 1453]), Err(SendError::TooBig(1452)));
    assert_eq!(host.drops(DropReason::TooBig), 1);
    // PMT-2 to -4, -7: a Packet Too Big about a datagram of ours counts for its destination.
    send(&mut host, id, to, &[1; 1452]).unwrap();
    let invoking = host.sent().remove(0).packet;
    let too_big = |mtu| Icmpv6Message::PacketTooBig { mtu, invoking: &invoking };
    for (mtu, expected) in [(1279, 1500), (1400, 1400), (1450, 1400), (1280, 1280), (9000, 1280)] {
        host.message(PEER, OWN, &too_big(mtu));
        let route = host.stack.route_to(PEER.address, None, host.now).unwrap();
        assert_eq!(route.mtu, expected, "{mtu}");
    }
    assert_eq!(send(&mut host, id, to, &[1; 1300]), Err(SendError::TooBig(1232)));
    assert_eq!(host.stack.route_to(ip("2001:db8::8"), None, host.now).unwrap().mtu, 1500);
    host.run(Duration::from_secs(601));
    send(&mut host, id, to, &[1; 1452]).unwrap();
    // PMT-6: about a packet that no socket of ours sent.
    let mut forged = invoking.clone();
    forged[40] ^= 1;
    host.sent();
    host.message(PEER, OWN, &Icmpv6Message::PacketTooBig { mtu: 1300, invoking: &forged });
    assert_eq!(host.stack.route_to(PEER.address, None, host.now).unwrap().mtu, 1500);
}

/// UDP-6, API-20: errors reach the socket that is connected.
#[test]
fn errors_reach_connected_sockets() {
    let mut host = host();
    let to = address("2001:db8::9", 99);
    let id = connected(&mut host, to);
    let unconnected = udp(&mut host);
    let unreachable = |invoking: &[u8], host: &mut Host| {
        let code = DestinationUnreachableCode::PortUnreachable;
        let message = Icmpv6Message::DestinationUnreachable { code, invoking };
        host.message(PEER, OWN, &message);
    };
    send(&mut host, unconnected, Some(to), b"x").unwrap();
    let packet = host.sent().remove(0).packet;
    unreachable(&packet, &mut host);
    assert!(!host.stack.readiness(unconnected).unwrap().error);
    send(&mut host, id, None, b"x").unwrap();
    let packet = host.sent().remove(0).packet;
    host.events();
    unreachable(&packet, &mut host);
    assert_eq!(host.events(), [Event::Socket(id)]);
    assert!(host.stack.readiness(id).unwrap().error);
    let refused = SocketError::ConnectionRefused;
    assert_eq!(send(&mut host, id, None, b"x"), Err(SendError::Pending(refused)));
    assert_eq!(send(&mut host, id, None, b"x"), Ok(()), "once");
    let packet = host.sent().remove(0).packet;
    unreachable(&packet, &mut host);
    assert_eq!(receive(&mut host, id), Err(ReceiveError::Pending(refused)));
    unreachable(&packet, &mut host);
    assert_eq!(host.stack.take_socket_error(id), Some(refused));
    // Soft errors are not for a socket that did not ask for them.
    let exceeded =
        Icmpv6Message::TimeExceeded { code: TimeExceededCode::HopLimit, invoking: &packet };
    host.message(PEER, OWN, &exceeded);
    assert_eq!(host.stack.take_socket_error(id), None);
    // An error about nothing of ours.
    let drops = host.drops(DropReason::Icmpv6ErrorUnmatched);
    unreachable(&datagram((OWN, 1), ("2001:db8::9", 2), b"x"), &mut host);
    unreachable(&datagram(("2001:db8::9", 1), (OWN, 2), b"x"), &mut host);
    unreachable(&packet[..30], &mut host);
    assert_eq!(host.drops(DropReason::Icmpv6ErrorUnmatched), drops + 3);
}

/// IPV6_RECVERR: every error in detail.
#[test]
fn the_error_queue() {
    let mut host = host();
    let id = udp(&mut host);
    host.stack.set_socket_option(id, SetOption::ReceiveErrors(true)).unwrap();
    send(&mut host, id, Some(address("2001:db8::9", 99)), b"payload").unwrap();
    let packet = host.sent().remove(0).packet;
    let exceeded =
        Icmpv6Message::TimeExceeded { code: TimeExceededCode::HopLimit, invoking: &packet };
    host.message(Peer { address: ip("2001:db8::5"), ..PEER }, OWN, &exceeded);
    let (meta, payload) =
        host.stack.receive_error(id, |meta, payload| (*meta, payload.to_vec())).unwrap();
    assert_eq!(payload, b"payload");
    assert_eq!(meta.error, SocketError::HostUnreachable);
    assert_eq!(meta.origin, ErrorOrigin::Icmpv6 { message_type: 3, code: 0 });
    assert_eq!(meta.offender, address("2001:db8::5", 0));
    assert_eq!(meta.destination, address("2001:db8::9", 99));
    assert_eq!(host.stack.receive_error(id, |meta, _| *meta), Err(ReceiveError::WouldBlock));
    assert_eq!(host.stack.take_socket_error(id), None, "told already");
    // Too big for the link: told by the call, the MTU by the queue.
    let to = address("2001:db8::9", 99);
    assert_eq!(send(&mut host, id, Some(to), &[0; 1500]), Err(SendError::TooBig(1452)));
    assert!(host.stack.readiness(id).unwrap().error);
    assert_eq!(host.stack.take_socket_error(id), None);
    let meta = host.stack.receive_error(id, |meta, _| *meta).unwrap();
    assert_eq!((meta.origin, meta.info, meta.destination), (ErrorOrigin::Local, 1500, to));
}

/// UDP-11, QOS-8: a socket that is not read drops the newest, and the others do not suffer.
#[test]
fn receive_buffers_are_bounded() {
    let mut host = host();
    let (slow, other) = (bound(&mut host, address("::", 7)), bound(&mut host, address("::", 8)));
    host.stack.set_socket_option(slow, SetOption::ReceiveBuffer(2304)).unwrap();
    for number in 0..10 {
        host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), &[number; 1000]));
    }
    assert_eq!(host.drops(DropReason::SocketBufferFull), 8);
    assert_eq!(host.stack.node_counters().udp.receive_buffer_errors, 8);
    assert_eq!(receive(&mut host, slow).unwrap().1, [0; 1000]);
    // Room again.
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), b"new"));
    assert_eq!(receive(&mut host, slow).unwrap().1, [1; 1000]);
    assert_eq!(receive(&mut host, slow).unwrap().1, b"new");
    // However big the buffer, half of the memory is for others.
    host.stack.set_socket_option(slow, SetOption::ReceiveBuffer(1 << 30)).unwrap();
    for _ in 0..2 * limits::RECEIVE_PACKETS {
        host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), b"x"));
    }
    let mut kept = 0;
    for _ in 0..10 {
        host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 8), b"y"));
        kept += usize::from(receive(&mut host, other).is_ok());
    }
    assert_eq!(kept, 10);
    while receive(&mut host, slow).is_ok() {
        kept += 1;
    }
    assert_eq!(kept - 10, limits::RECEIVE_PACKETS / 2);
    assert!(host.drops(DropReason::SocketMemoryFull) > 0);
    // Closing drops, and counts, what was not read.
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 8), b"y"));
    host.stack.close_socket(other, host.now);
    assert_eq!(host.drops(DropReason::SocketClosed), 1);
}

/// A program that sends faster than the link: it waits, and is told when it may go on, and the
/// stack's own packets still find room.
#[test]
fn back_pressure() {
    let mut host = host();
    let id = udp(&mut host);
    let to = Some(address("2001:db8::9", 99));
    let mut sent = 0;
    while send(&mut host, id, to, b"x") == Ok(()) {
        sent += 1;
    }
    assert_eq!(sent, limits::TRANSMIT_QUEUE - limits::TRANSMIT_RESERVE);
    assert_eq!(send(&mut host, id, to, b"x"), Err(SendError::WouldBlock));
    assert!(!host.stack.readiness(id).unwrap().writable);
    host.message(
        PEER,
        OWN,
        &Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 1, data: b"" }),
    );
    host.events();
    for _ in 0..sent {
        host.stack.poll_transmit(USB0).unwrap();
    }
    assert_eq!(host.events(), [Event::Socket(id)]);
    assert!(host.stack.readiness(id).unwrap().writable);
    assert_eq!(host.sent()[0].icmpv6_type(), 129);
    send(&mut host, id, to, b"x").unwrap();
    // No buffer: tried again a little later.
    host.stack.pool.left = 0;
    assert_eq!(send(&mut host, id, to, b"x"), Err(SendError::WouldBlock));
    assert_eq!(host.drops(DropReason::NoBuffer), 1);
    host.events();
    host.run(Duration::from_millis(10));
    assert_eq!(host.events(), [Event::Socket(id)]);
}

/// UDP-9, API-3, API-4: groups.
#[test]
fn multicast() {
    let mut host = host();
    let (a, b, c) = (udp(&mut host), udp(&mut host), udp(&mut host));
    for id in [a, b, c] {
        host.stack.set_socket_option(id, SetOption::ReuseAddress(true)).unwrap();
        host.stack.bind(id, address("::", 7)).unwrap();
    }
    host.stack.set_socket_option(c, SetOption::MulticastAll(false)).unwrap();
    let group = ip("ff05::99");
    assert_eq!(
        host.stack.join_group(a, ip("fe80::1"), Some(USB0), host.now),
        Err(MembershipError::NotMulticast)
    );
    assert_eq!(
        host.stack.join_group(a, group, InterfaceIndex::new(9), host.now),
        Err(MembershipError::NoInterface)
    );
    assert_eq!(
        host.stack.leave_group(a, group, Some(USB0), host.now),
        Err(MembershipError::NotMember)
    );
    host.stack.join_group(a, group, Some(USB0), host.now).unwrap();
    assert_eq!(
        host.stack.join_group(a, group, Some(USB0), host.now),
        Err(MembershipError::AlreadyMember)
    );
    assert_eq!(host.sent()[0].icmpv6_type(), 143, "reported at once");
    host.packet(PEER, &datagram(("2001:db8::9", 99), ("ff05::99", 7), b"all"));
    for (id, gets) in [(a, true), (b, true), (c, false)] {
        assert_eq!(receive(&mut host, id).is_ok(), gets);
    }
    host.stack.join_group(c, group, Some(USB0), host.now).unwrap();
    host.packet(PEER, &datagram(("2001:db8::9", 99), ("ff05::99", 7), b"all"));
    for id in [a, b, c] {
        assert_eq!(receive(&mut host, id).unwrap().1, b"all");
    }
    // Sending: hop limit 1, and our own sockets hear it unless they do not want to.
    host.run(Duration::from_secs(2));
    let to = Some(address("ff05::99", 7));
    send(&mut host, a, to, b"me").unwrap();
    let sent = host.sent();
    assert_eq!((sent.len(), sent[0].header.hop_limit), (1, HopLimit::ONE));
    assert_eq!(sent[0].header.source, ip(OWN));
    let (meta, data) = receive(&mut host, b).unwrap();
    assert_eq!((meta.interface, data), (USB0, b"me".to_vec()));
    host.stack.set_socket_option(a, SetOption::MulticastLoop(false)).unwrap();
    receive(&mut host, a).unwrap();
    receive(&mut host, c).unwrap();
    send(&mut host, a, to, b"me").unwrap();
    assert_eq!(receive(&mut host, b), Err(ReceiveError::WouldBlock));
    // Leaving, by close as well.
    host.stack.leave_group(a, group, None, host.now).unwrap();
    assert!(host.stack.interface(USB0).unwrap().groups().any(|(found, _)| found == group));
    host.stack.close_socket(c, host.now);
    assert!(!host.stack.interface(USB0).unwrap().groups().any(|(found, _)| found == group));
    assert!(
        !host
            .stack
            .interface(USB0)
            .unwrap()
            .groups()
            .any(|(found, _)| found == group.solicited_node())
    );
}

/// IP-5: this node talks to itself, by ::1 and by its other addresses.
#[test]
fn to_itself() {
    let mut host = host();
    let server = bound(&mut host, address("::", 7));
    for (to, source, interface) in [
        (address("::1", 7), "::1", LO),
        (address(OWN, 7), OWN, USB0),
        (scoped(LINK_LOCAL, 7), LINK_LOCAL, USB0),
    ] {
        let client = udp(&mut host);
        send(&mut host, client, Some(to), b"ping").unwrap();
        let (meta, data) = receive(&mut host, server).unwrap();
        assert_eq!(data, b"ping");
        assert_eq!((*meta.source.ip(), meta.interface), (ip(source), interface));
        send(&mut host, server, Some(meta.source), b"pong").unwrap();
        assert_eq!(receive(&mut host, client).unwrap().1, b"pong");
    }
    assert_eq!(host.sent(), [], "nothing leaves the node");
    // A closed port refuses at once.
    let id = connected(&mut host, address("::1", 99));
    send(&mut host, id, None, b"x").unwrap();
    assert_eq!(receive(&mut host, id), Err(ReceiveError::Pending(SocketError::ConnectionRefused)));
    let lo = host.stack.interface(LO).unwrap().counters().link;
    assert_eq!(lo.transmit_frames, lo.receive_frames);
    assert_eq!(lo.transmit_frames, 8);
}

fn echo_request(identifier: u16, sequence: u16) -> Vec<u8> {
    let echo = Echo { identifier, sequence, data: b"data" };
    let message = Icmpv6Message::EchoRequest(echo);
    let mut bytes = vec![0; message.len()];
    message.emit(ip("::"), ip("::"), &mut bytes);
    bytes
}

/// ICMP-17: ping sockets.
#[test]
fn echo_sockets() {
    let mut host = host();
    let id = host.stack.open_socket(SocketKind::Icmpv6Echo).unwrap();
    let to = Some(address("2001:db8::9", 0));
    assert_eq!(send(&mut host, id, to, &[128, 0, 0, 0]), Err(SendError::Invalid));
    assert_eq!(send(&mut host, id, to, &[135; 24]), Err(SendError::NotEchoRequest));
    send(&mut host, id, to, &echo_request(0xdead, 1)).unwrap();
    let identifier = host.stack.local_address(id).unwrap().port();
    let sent = host.sent();
    let echo = Echo { identifier, sequence: 1, data: b"data" };
    assert_eq!(sent[0].icmpv6(), Some(Icmpv6Message::EchoRequest(echo)));
    host.message(PEER, OWN, &Icmpv6Message::EchoReply(echo));
    let (meta, data) = receive(&mut host, id).unwrap();
    assert_eq!((meta.source, data.len(), data[0]), (address("2001:db8::9", 0), 12, 129));
    // Another identifier is for another socket.
    let other = Echo { identifier: identifier ^ 1, ..echo };
    host.message(PEER, OWN, &Icmpv6Message::EchoReply(other));
    assert_eq!(host.drops(DropReason::Icmpv6EchoReplyUnexpected), 1);
    assert_eq!(receive(&mut host, id), Err(ReceiveError::WouldBlock));
    let second = host.stack.open_socket(SocketKind::Icmpv6Echo).unwrap();
    assert_eq!(host.stack.bind(second, address("::", identifier)), Err(BindError::AddressInUse));
    host.stack.bind(second, address(OWN, 7)).unwrap();
    // To this node.
    send(&mut host, id, Some(address("::1", 0)), &echo_request(0, 2)).unwrap();
    assert_eq!(receive(&mut host, id).unwrap().1[0], 129);
    // A link-local group needs its zone, and its members answer from their own addresses.
    assert_eq!(
        send(&mut host, id, Some(address("ff02::1", 0)), &echo_request(0, 3)),
        Err(SendError::Invalid)
    );
    let all = host.stack.open_socket(SocketKind::Icmpv6Echo).unwrap();
    host.stack.connect(all, scoped("ff02::1", 0), host.now).unwrap();
    send(&mut host, all, None, &echo_request(0, 3)).unwrap();
    let identifier = host.stack.local_address(all).unwrap().port();
    assert_eq!(host.sent()[0].header.destination, ip("ff02::1"));
    let reply = Icmpv6Message::EchoReply(Echo { identifier, ..echo });
    host.message(Peer { address: ip("fe80::9"), ..PEER }, LINK_LOCAL, &reply);
    let heard: Vec<_> = core::iter::from_fn(|| receive(&mut host, all).ok()).collect();
    assert!(heard.iter().any(|(meta, _)| meta.source == scoped("fe80::9", 0)));
}

/// ICMP-11: a neighbor that is not there.
#[test]
fn echo_to_a_silent_neighbor() {
    let mut host = host();
    let id = host.stack.open_socket(SocketKind::Icmpv6Echo).unwrap();
    host.stack.set_socket_option(id, SetOption::ReceiveErrors(true)).unwrap();
    let raw = host.stack.open_socket(SocketKind::Icmpv6Raw).unwrap();
    send(&mut host, id, Some(address("2001:db8::77", 0)), &echo_request(0, 1)).unwrap();
    let start = host.now;
    while !host.stack.readiness(id).unwrap().error {
        host.run(Duration::from_millis(100));
    }
    assert_eq!(host.now.saturating_since(start).as_secs(), 3);
    let (meta, payload) =
        host.stack.receive_error(id, |meta, payload| (*meta, payload.to_vec())).unwrap();
    assert_eq!(meta.error, SocketError::HostUnreachable);
    assert_eq!(meta.origin, ErrorOrigin::Icmpv6 { message_type: 1, code: 3 });
    assert_eq!(meta.offender, address(OWN, 0));
    assert_eq!(payload[0], 128);
    // A raw socket gets the message itself.
    assert_eq!(receive(&mut host, raw).unwrap().1[..2], [1, 3]);
}

/// API-10: raw sockets, their filter and checksum.
#[test]
fn raw_sockets() {
    let mut host = host();
    let (all, replies) = (
        host.stack.open_socket(SocketKind::Icmpv6Raw).unwrap(),
        host.stack.open_socket(SocketKind::Icmpv6Raw).unwrap(),
    );
    let mut words = [u32::MAX; 8];
    words[4] = 0xffff_fffd;
    let filter = Icmpv6Filter(words);
    host.stack.set_socket_option(replies, SetOption::Icmpv6Filter(filter)).unwrap();
    assert_eq!(host.stack.icmpv6_filter(replies), Some(filter));
    let datagram_socket = udp(&mut host);
    assert_eq!(
        host.stack.set_socket_option(datagram_socket, SetOption::Icmpv6Filter(filter)),
        Err(OptionError::NotSupported)
    );
    host.stack.bind(all, address("::", 77)).unwrap();
    assert_eq!(host.stack.local_address(all).unwrap().port(), 0, "raw sockets have no port");
    let request = echo_request(5, 6);
    send(&mut host, all, Some(address("2001:db8::9", 0)), &request).unwrap();
    let echo = Echo { identifier: 5, sequence: 6, data: b"data" };
    assert_eq!(host.sent()[0].icmpv6(), Some(Icmpv6Message::EchoRequest(echo)));
    host.message(PEER, OWN, &Icmpv6Message::EchoReply(echo));
    host.message(PEER, OWN, &Icmpv6Message::EchoRequest(echo));
    assert_eq!(receive(&mut host, all).unwrap().1[0], 129);
    assert_eq!(receive(&mut host, all).unwrap().1[0], 128);
    assert_eq!(receive(&mut host, replies).unwrap().1[0], 129);
    assert_eq!(receive(&mut host, replies), Err(ReceiveError::WouldBlock));
    assert_eq!(host.sent()[0].icmpv6_type(), 129, "the stack answers all the same");
    // A broken message is not shown.
    let mut packet = icmpv6_packet(PEER.address, ip(OWN), &Icmpv6Message::EchoReply(echo));
    packet[42] ^= 1;
    host.packet(PEER, &packet);
    assert_eq!(receive(&mut host, all), Err(ReceiveError::WouldBlock));
    assert_eq!(send(&mut host, all, Some(address("::1", 0)), &[128]), Err(SendError::Invalid));
}

#[test]
fn shutting_down() {
    let mut host = host();
    let id = udp(&mut host);
    assert_eq!(host.stack.shutdown(id, true, true), Err(ShutdownError::NotConnected));
    host.stack.connect(id, address("2001:db8::9", 99), host.now).unwrap();
    host.stack.shutdown(id, false, true).unwrap();
    assert_eq!(send(&mut host, id, None, b"x"), Err(SendError::ShutDown));
    let port = host.stack.local_address(id).unwrap().port();
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, port), b"x"));
    host.stack.shutdown(id, true, false).unwrap();
    assert!(host.stack.readiness(id).unwrap().readable);
    assert!(receive(&mut host, id).is_ok(), "what is there can be read");
    assert_eq!(receive(&mut host, id), Err(ReceiveError::ShutDown));
}

/// SLA-12: the address under a socket goes away.
#[test]
fn a_socket_outlives_its_address() {
    let mut host = host();
    let id = bound(&mut host, address(OWN, 7));
    host.events();
    host.stack.remove_address(USB0, ip(OWN), None, host.now).unwrap();
    assert!(host.events().contains(&Event::Socket(id)));
    assert_eq!(receive(&mut host, id), Err(ReceiveError::Pending(SocketError::NetworkDown)));
    let to = Some(scoped("fe80::9", 9));
    assert_eq!(send(&mut host, id, to, b"x"), Err(SendError::NoSourceAddress));
}

/// ADR-4: the same peer on two links.
#[test]
fn zones() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    host.stack.set_socket_option(id, SetOption::Device(Some(LO))).unwrap();
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), b"x"));
    assert_eq!(receive(&mut host, id), Err(ReceiveError::WouldBlock));
    host.stack.set_socket_option(id, SetOption::Device(Some(USB0))).unwrap();
    host.packet(PEER, &datagram(("fe80::9", 99), (LINK_LOCAL, 7), b"x"));
    assert_eq!(receive(&mut host, id).unwrap().0.source, scoped("fe80::9", 99));
    // The device is zone enough.
    send(&mut host, id, Some(address("fe80::9", 99)), b"x").unwrap();
    let wrong = SocketAddrV6::new(ip("fe80::9"), 9, 0, LO.get());
    assert_eq!(send(&mut host, id, Some(wrong), b"x"), Err(SendError::Invalid));
    assert_eq!(
        host.stack.set_socket_option(id, SetOption::Device(InterfaceIndex::new(9))),
        Err(OptionError::NoInterface)
    );
}

#[test]
fn without_a_link() {
    let mut host = Host::new(3, Config::default());
    let id = udp(&mut host);
    assert_eq!(
        send(&mut host, id, Some(scoped("fe80::9", 9)), b"x"),
        Err(SendError::InterfaceDown)
    );
    assert_eq!(
        send(&mut host, id, Some(address("2001:db8::9", 9)), b"x"),
        Err(SendError::NetworkUnreachable)
    );
    send(&mut host, id, Some(address("::1", 9)), b"x").unwrap();
}

#[test]
fn a_full_table_of_memberships() {
    let mut host = host();
    let ids: Vec<SocketId> = (0..4).map(|_| udp(&mut host)).collect();
    let mut joined = 0;
    // The groups of an interface are fewer than the memberships of all sockets.
    for number in 0..limits::GROUPS as u16 {
        let group = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 1, number);
        for &id in &ids {
            match host.stack.join_group(id, group, Some(USB0), host.now) {
                Ok(()) => joined += 1,
                Err(error) => assert_eq!(error, MembershipError::TableFull),
            }
        }
    }
    assert_eq!(joined, limits::MEMBERSHIPS);
    for id in ids {
        host.stack.close_socket(id, host.now);
    }
    host.run(Duration::from_secs(3));
    let own = [ip("ff01::1"), ip("ff02::1"), ip("ff02::1:ff12:3457"), ip("ff02::1:ff00:1")];
    let interface = host.stack.interface(USB0).unwrap();
    assert!(interface.groups().all(|(group, users)| own.contains(&group) && users == 1));
}

#[test]
fn a_full_table_of_sockets() {
    let mut host = host();
    for _ in 0..limits::SOCKETS {
        udp(&mut host);
    }
    assert_eq!(host.stack.open_socket(SocketKind::Udp), Err(OpenError));
    assert_eq!(host.stack.sockets().count(), limits::SOCKETS);
    let first = host.stack.sockets().next().unwrap().id;
    host.stack.close_socket(first, host.now);
    udp(&mut host);
}
