//! Fragments in and out of a whole stack.

use super::*;
use crate::netif::MacAddress;
use crate::socket::{SendError, SendOptions, SetOption, SocketError, SocketId, SocketKind};
use crate::test_host::{
    Host, LINK_LOCAL, Peer, Seen, USB0, address_at_once, icmpv6_packet, ip, ipv6_packet,
};
use crate::time::Duration;
use crate::wire::checksum;
use crate::wire::icmpv6::{
    DestinationUnreachableCode, Echo, Icmpv6Message, ParameterProblemCode, TimeExceededCode,
};
use crate::wire::ndp::NeighborSolicitation;
use crate::wire::ndp_option::NdpOptions;
use crate::wire::udp::UdpHeader;
use core::net::SocketAddrV6;
use std::vec::Vec;

const PEER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 9]),
    address: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9),
};
const OWN: &str = "2001:db8::1";

fn host() -> Host {
    let mut host = Host::up(1);
    let new = address_at_once(ip(OWN));
    host.stack.add_address(USB0, &new, false, host.now).unwrap();
    host.stack.set_neighbor(USB0, PEER.address, PEER.mac, true, false, host.now).unwrap();
    host.run(Duration::from_secs(2));
    host
}

/// Lets time pass; what is sent but for Router Solicitations.
fn quiet(host: &mut Host, time: Duration) -> Vec<Seen> {
    let mut seen = host.run(time);
    seen.retain(|seen| seen.icmpv6_type() != 133);
    seen
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|octet| (octet * 7 % 251) as u8).collect()
}

/// The fragments of `segment` with `size` octets of data each.
fn cut(next_header: NextHeader, segment: &[u8], size: usize, identification: u32) -> Vec<Vec<u8>> {
    let count = segment.len().div_ceil(size);
    let pieces = segment.chunks(size).enumerate();
    pieces
        .map(|(number, data)| {
            let offset = (number * size) as u16;
            fragment(next_header, offset, number + 1 < count, identification, data)
        })
        .collect()
}

fn fragment(
    next_header: NextHeader,
    offset: u16,
    more: bool,
    identification: u32,
    data: &[u8],
) -> Vec<u8> {
    let mut payload = vec![0; FragmentHeader::LEN];
    FragmentHeader { next_header, offset, more, identification }.emit(&mut payload);
    payload.extend(data);
    ipv6_packet(PEER.address, ip(OWN), NextHeader::FRAGMENT, &payload)
}

fn echo_request(data: &[u8]) -> Vec<u8> {
    let echo = Echo { identifier: 1, sequence: 2, data };
    icmpv6_packet(PEER.address, ip(OWN), &Icmpv6Message::EchoRequest(echo))[40..].to_vec()
}

fn datagram(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut sum = Checksum::new();
    sum.add(payload);
    let ends = ((PEER.address, 1000), (ip(OWN), port));
    let mut segment = vec![0; UdpHeader::LEN];
    UdpHeader::new(ends.0, ends.1, payload.len(), sum).unwrap().emit(&mut segment);
    segment.extend(payload);
    segment
}

/// What fragments that were seen make together, after checking that they are clean: FRG-15.
fn join(seen: &[Seen], mtu: usize) -> (NextHeader, Vec<u8>) {
    let mut segment = Vec::new();
    let mut protocol = None;
    let mut identification = None;
    for seen in seen {
        assert_eq!(seen.header.next_header, NextHeader::FRAGMENT);
        assert!(seen.packet.len() <= mtu);
        let (header, data) = FragmentHeader::parse(&seen.packet[40..]).unwrap();
        assert_eq!(usize::from(header.offset), segment.len(), "in order, no overlap");
        assert_eq!(*identification.get_or_insert(header.identification), header.identification);
        assert_eq!(*protocol.get_or_insert(header.next_header), header.next_header);
        segment.extend(data);
    }
    assert!(seen.len() > 1);
    for (number, one) in seen.iter().enumerate() {
        let (header, data) = FragmentHeader::parse(&one.packet[40..]).unwrap();
        assert_eq!(header.more, number + 1 < seen.len());
        assert!(!header.more || data.len() % 8 == 0);
        assert!(!header.more || one.packet.len() + 8 > mtu, "as long as may be");
    }
    (protocol.unwrap(), segment)
}

fn udp(host: &mut Host, port: u16) -> SocketId {
    let id = host.stack.open_socket(SocketKind::Udp).unwrap();
    host.stack.bind(id, SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0)).unwrap();
    id
}

fn received(host: &mut Host, id: SocketId) -> Option<Vec<u8>> {
    host.stack.receive(id, false, |_, payload| payload.slices().collect::<Vec<_>>().concat()).ok()
}

fn send(host: &mut Host, id: SocketId, payload: &[u8]) -> Result<(), SendError<()>> {
    let mut rest = payload;
    let fill = |room: &mut [u8]| {
        let (piece, behind) = rest.split_at(room.len());
        room.copy_from_slice(piece);
        rest = behind;
        Ok(())
    };
    let to = SocketAddrV6::new(PEER.address, 9, 0, 0);
    host.stack.send(id, Some(to), payload.len(), fill, &SendOptions::default(), host.now)
}

/// FRG-1, FRG-2, FRG-5, ICMP-4: echo requests in fragments, in both orders.
#[test]
fn echo_of_any_length() {
    let mut host = host();
    for (number, len) in [1452, 1500, 4000, 8000, 20_000, 65_527].into_iter().enumerate() {
        let request = echo_request(&pattern(len));
        for reversed in [false, true] {
            let id = (number * 2 + usize::from(reversed)) as u32;
            let mut fragments = cut(NextHeader::ICMPV6, &request, 1448, id);
            if reversed {
                fragments.reverse();
            }
            for packet in &fragments {
                assert_eq!(host.sent(), []);
                host.packet(PEER, packet);
            }
            let seen = host.sent();
            let reply = if len <= 1452 {
                // FRG-14: what fits has no fragment header.
                assert_eq!(seen.len(), 1);
                assert_eq!(seen[0].header.next_header, NextHeader::ICMPV6);
                seen[0].packet[40..].to_vec()
            } else {
                let (protocol, segment) = join(&seen, 1500);
                assert_eq!(protocol, NextHeader::ICMPV6);
                segment
            };
            assert!(checksum::verify(ip(OWN), PEER.address, NextHeader::ICMPV6, &reply));
            assert_eq!((reply[0], &reply[4..]), (129, &request[4..]), "{len}");
        }
    }
    let counters = host.stack.node_counters().ipv6;
    assert_eq!((counters.reassembly_ok, counters.fragmentation_ok), (12, 10));
    assert_eq!(host.all_drops(), 0);
}

/// FRG-15: a path MTU makes fragments of what the link would carry.
#[test]
fn a_small_path_mtu_fragments() {
    let mut host = host();
    let request = icmpv6_packet(
        PEER.address,
        ip(OWN),
        &Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 1, data: &pattern(1452) }),
    );
    host.packet(PEER, &request);
    let reply = host.sent().remove(0).packet;
    host.message(PEER, OWN, &Icmpv6Message::PacketTooBig { mtu: 1280, invoking: &reply });
    host.packet(PEER, &request);
    let (_, segment) = join(&host.sent(), 1280);
    assert_eq!(segment[4..], request[44..]);
    // FRG-14: below the minimum nothing changes, and what is short stays whole.
    host.message(PEER, OWN, &Icmpv6Message::PacketTooBig { mtu: 512, invoking: &reply });
    let short = icmpv6_packet(
        PEER.address,
        ip(OWN),
        &Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 1, data: &pattern(1200) }),
    );
    host.packet(PEER, &short);
    assert_eq!(host.sent()[0].header.next_header, NextHeader::ICMPV6);
}

/// FRG-2, FRG-20, UDP-13: datagrams of all lengths, out and in.
#[test]
fn datagrams_of_all_lengths() {
    let mut host = host();
    let id = udp(&mut host, 4000);
    for len in [1453, 3000, 8192, 65_527] {
        let payload = pattern(len);
        send(&mut host, id, &payload).unwrap();
        let (protocol, segment) = join(&host.sent(), 1500);
        assert_eq!(protocol, NextHeader::UDP);
        assert!(checksum::verify(ip(OWN), PEER.address, NextHeader::UDP, &segment));
        assert_eq!(segment[8..], payload);
        for packet in cut(NextHeader::UDP, &datagram(4000, &payload), 1448, len as u32) {
            host.packet(PEER, &packet);
        }
        assert_eq!(host.stack.next_receive_len(id), len);
        assert_eq!(received(&mut host, id), Some(payload));
    }
    assert_eq!(send(&mut host, id, &pattern(65_528)), Err(SendError::TooBig(65_527)));
    host.stack.set_socket_option(id, SetOption::DontFragment(true)).unwrap();
    assert_eq!(send(&mut host, id, &pattern(1453)), Err(SendError::TooBig(1452)));
    let counters = host.stack.node_counters();
    assert_eq!((counters.ipv6.fragmentation_ok, counters.udp.out_datagrams), (4, 4));
    assert_eq!((counters.ipv6.reassembly_ok, counters.udp.in_datagrams), (4, 4));
}

/// This node to itself, through `lo`'s MTU.
#[test]
fn datagrams_to_ourselves() {
    let mut host = host();
    let id = udp(&mut host, 4000);
    let payload = pattern(30_000);
    let mut rest = &payload[..];
    let fill = |room: &mut [u8]| {
        let (piece, behind) = rest.split_at(room.len());
        room.copy_from_slice(piece);
        rest = behind;
        Ok::<(), ()>(())
    };
    let to = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 4000, 0, 0);
    let options = SendOptions::default();
    host.stack.send(id, Some(to), payload.len(), fill, &options, host.now).unwrap();
    assert_eq!(received(&mut host, id), Some(payload));
}

/// Ping sockets and raw sockets send and get long messages.
#[test]
fn long_echo_by_sockets() {
    let mut host = host();
    let to = SocketAddrV6::new(PEER.address, 0, 0, 0);
    let ping = host.stack.open_socket(SocketKind::Icmpv6Echo).unwrap();
    let raw = host.stack.open_socket(SocketKind::Icmpv6Raw).unwrap();
    host.stack.connect(ping, to, host.now).unwrap();
    let mut request = vec![128, 0, 0, 0, 0, 0, 0, 1];
    request.extend(pattern(4000));
    for id in [ping, raw] {
        send(&mut host, id, &request).unwrap();
        let (_, message) = join(&host.sent(), 1500);
        assert!(checksum::verify(ip(OWN), PEER.address, NextHeader::ICMPV6, &message));
        assert_eq!(message[8..], request[8..]);
        let echo = Echo {
            identifier: u16::from_be_bytes([message[4], message[5]]),
            sequence: 1,
            data: &message[8..],
        };
        let reply = icmpv6_packet(PEER.address, ip(OWN), &Icmpv6Message::EchoReply(echo));
        for packet in cut(NextHeader::ICMPV6, &reply[40..], 1448, u32::from(message[4])) {
            host.packet(PEER, &packet);
        }
        assert_eq!(received(&mut host, raw).unwrap(), reply[40..]);
        if id == ping {
            assert_eq!(received(&mut host, ping).unwrap(), reply[40..]);
        }
    }
}

fn assert_problem(host: &mut Host, packet: &[u8], code: ParameterProblemCode, pointer: u32) {
    host.packet(PEER, packet);
    let sent = host.sent();
    assert_eq!(sent.len(), 1);
    let invoking = &packet[..packet.len().min(1280 - 48)];
    assert_eq!(sent[0].icmpv6(), Some(Icmpv6Message::ParameterProblem { code, pointer, invoking }));
}

/// FRG-8, FRG-9, FRG-10, and others that make no sense.
#[test]
fn malformed_fragments() {
    let mut host = host();
    let erroneous = ParameterProblemCode::ErroneousField;
    let icmpv6 = NextHeader::ICMPV6;
    assert_problem(&mut host, &fragment(icmpv6, 0, true, 1, &[128; 9]), erroneous, 4);
    assert_problem(&mut host, &fragment(icmpv6, 65_528, false, 1, &pattern(8)), erroneous, 42);
    // The chain goes on in the second fragment; the header of the upper layer does.
    let incomplete = ParameterProblemCode::IncompleteChain;
    let options = [58, 1, 1, 4, 0, 0, 0, 0];
    let chain = fragment(NextHeader::DESTINATION_OPTIONS, 0, true, 1, &options);
    assert_problem(&mut host, &chain, incomplete, 0);
    let tcp = fragment(NextHeader::TCP, 0, true, 1, &pattern(16));
    assert_problem(&mut host, &tcp, incomplete, 0);
    let silent = [
        fragment(icmpv6, 8, true, 1, &[]),
        fragment(
            NextHeader::FRAGMENT,
            0,
            true,
            1,
            &[58, 0, 0, 1, 0, 0, 0, 7, 1, 1, 1, 1, 1, 1, 1, 1],
        ),
    ];
    for packet in &silent {
        host.packet(PEER, packet);
        assert_eq!(host.sent(), []);
    }
    assert_eq!(host.drops(DropReason::FragmentMalformed), 4);
    assert_eq!(host.drops(DropReason::FragmentIncompleteChain), 2);
    assert_eq!(quiet(&mut host, Duration::from_secs(100)), [], "nothing was kept");
}

/// FRG-4: the first fragment says what it is.
#[test]
fn the_next_header_of_later_fragments_is_ignored() {
    let mut host = host();
    let request = echo_request(&pattern(40));
    host.packet(PEER, &fragment(NextHeader::UDP, 24, false, 1, &request[24..]));
    host.packet(PEER, &fragment(NextHeader::ICMPV6, 0, true, 1, &request[..24]));
    assert_eq!(host.sent()[0].icmpv6_type(), 129);
}

/// FRG-6, FRG-7: Time Exceeded, if the first fragment had come.
#[test]
fn reassembly_time_is_exceeded() {
    let mut host = host();
    let request = echo_request(&pattern(40));
    let first = fragment(NextHeader::ICMPV6, 0, true, 1, &request[..24]);
    let second = fragment(NextHeader::ICMPV6, 24, false, 1, &request[24..]);
    host.packet(PEER, &first);
    assert_eq!(quiet(&mut host, Duration::from_secs(59)), []);
    host.packet(PEER, &second);
    assert_eq!(host.sent()[0].icmpv6_type(), 129);
    host.packet(PEER, &first);
    let sent = quiet(&mut host, Duration::from_secs(61));
    assert_eq!(sent.len(), 1);
    let code = TimeExceededCode::Reassembly;
    // FRG-19: quoted as it came.
    assert_eq!(sent[0].icmpv6(), Some(Icmpv6Message::TimeExceeded { code, invoking: &first }));
    host.packet(PEER, &second);
    assert_eq!(quiet(&mut host, Duration::from_secs(61)), []);
    assert_eq!(host.drops(DropReason::FragmentTimeout), 2);
    let counters = host.stack.node_counters().ipv6;
    assert_eq!((counters.reassembly_timeouts, counters.reassembly_failures), (2, 2));
}

/// FRG-13: an atomic fragment has nothing to do with others of its identification.
#[test]
fn atomic_fragments_are_apart() {
    let mut host = host();
    let long = echo_request(&pattern(40));
    host.packet(PEER, &fragment(NextHeader::ICMPV6, 0, true, 1, &long[..24]));
    host.packet(PEER, &fragment(NextHeader::ICMPV6, 0, false, 1, &echo_request(b"atomic")));
    assert_eq!(host.sent()[0].packet[48..], *b"atomic");
    host.packet(PEER, &fragment(NextHeader::ICMPV6, 24, false, 1, &long[24..]));
    assert_eq!(host.sent()[0].packet[48..], pattern(40));
}

/// FRG-11: no reply and no error.
#[test]
fn overlapping_fragments_are_silent() {
    let mut host = host();
    let request = echo_request(&pattern(40));
    host.packet(PEER, &fragment(NextHeader::ICMPV6, 0, true, 1, &request[..24]));
    host.packet(PEER, &fragment(NextHeader::ICMPV6, 16, false, 1, &request[16..]));
    host.packet(PEER, &fragment(NextHeader::ICMPV6, 24, false, 1, &request[24..]));
    assert_eq!(quiet(&mut host, Duration::from_secs(100)), []);
    assert_eq!(host.drops(DropReason::FragmentOverlap), 3);
    assert_eq!(host.all_drops(), 3);
}

/// FRG-17: Neighbor Discovery in fragments is ignored (RFC 6980).
#[test]
fn neighbor_discovery_in_fragments() {
    let mut host = host();
    let solicitation = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
        target: ip(LINK_LOCAL),
        options: NdpOptions::new(&[]),
    });
    let whole = icmpv6_packet(PEER.address, ip(OWN), &solicitation);
    for packet in cut(NextHeader::ICMPV6, &whole[40..], 8, 1) {
        host.packet(PEER, &packet);
    }
    host.packet(PEER, &fragment(NextHeader::ICMPV6, 0, false, 1, &whole[40..]));
    assert_eq!(host.sent(), []);
    assert_eq!(host.drops(DropReason::NdFragment), 2);
}

/// A port nobody listens at: the first fragment is quoted, as it came.
#[test]
fn an_error_about_a_fragmented_datagram() {
    let mut host = host();
    let fragments = cut(NextHeader::UDP, &datagram(99, &pattern(1000)), 504, 1);
    for packet in &fragments {
        host.packet(PEER, packet);
    }
    let sent = host.sent();
    let code = DestinationUnreachableCode::PortUnreachable;
    let expected = Icmpv6Message::DestinationUnreachable { code, invoking: &fragments[0] };
    assert_eq!(sent[0].icmpv6(), Some(expected));
}

/// Errors about our fragments: the first one tells whose it is, the data of others are no header.
#[test]
fn errors_about_our_fragments() {
    let mut host = host();
    let id = udp(&mut host, 4000);
    // In the second fragment, what looks like a header of the same conversation.
    let ports = [4000_u16.to_be_bytes(), 9_u16.to_be_bytes(), [0, 8], [1, 1]].concat();
    send(&mut host, id, &ports.repeat(400)).unwrap();
    let sent = host.sent();
    let code = DestinationUnreachableCode::PortUnreachable;
    for (fragment, expected) in [(&sent[1], None), (&sent[0], Some(SocketError::ConnectionRefused))]
    {
        let error = Icmpv6Message::DestinationUnreachable { code, invoking: &fragment.packet };
        host.stack.connect(id, SocketAddrV6::new(PEER.address, 9, 0, 0), host.now).unwrap();
        host.message(PEER, OWN, &error);
        assert_eq!(host.stack.take_socket_error(id), expected);
    }
    assert_eq!(host.drops(DropReason::Icmpv6ErrorUnmatched), 1);
}

/// FRG-16: identifications tell nothing about each other.
#[test]
fn identifications_are_unpredictable() {
    let mut host = host();
    let id = udp(&mut host, 4000);
    let mut seen: Vec<u32> = (0..100)
        .map(|_| {
            send(&mut host, id, &pattern(2000)).unwrap();
            let sent = host.sent();
            FragmentHeader::parse(&sent[0].packet[40..]).unwrap().0.identification
        })
        .collect();
    assert!(seen.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > 1));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 100);
}

/// Every buffer comes back, whatever becomes of fragments.
#[test]
fn a_socket_that_is_closed_gives_its_fragments_back() {
    let mut host = host();
    let id = udp(&mut host, 4000);
    host.stack.set_socket_option(id, SetOption::ReceiveBuffer(1 << 20)).unwrap();
    let per_datagram = 8200_usize.div_ceil(1448) - 1;
    for number in 0..100 {
        for packet in cut(NextHeader::UDP, &datagram(4000, &pattern(8192)), 1448, number) {
            host.packet(PEER, &packet);
        }
    }
    let kept = limits::RECEIVE_TAILS / per_datagram;
    assert_eq!(host.drops(DropReason::SocketMemoryFull), 100 - kept as u64);
    host.stack.close_socket(id, host.now);
    let id = udp(&mut host, 4000);
    for packet in cut(NextHeader::UDP, &datagram(4000, &pattern(65_527)), 1448, 1000) {
        host.packet(PEER, &packet);
    }
    assert_eq!(received(&mut host, id), Some(pattern(65_527)));
}
