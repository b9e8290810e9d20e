//! Extension headers in and out (RFC 3542, Sections 7 to 9).

use super::*;
use crate::wire::extension::{ExtensionHeader, HeaderChain};

/// An option that is skipped where it is unknown, with five octets of data, and padding.
const HOP_BY_HOP: [u8; 16] = [0xaa, 1, 0x1e, 5, 1, 2, 3, 4, 5, 1, 3, 0, 0, 0, 0, 0];
const DESTINATION: [u8; 8] = [0xaa, 0, 0x3e, 4, 9, 8, 7, 6];
const ROUTING: [u8; 8] = [17, 0, 0, 0, 0, 0, 0, 0];

fn headers() -> SendHeaders<'static> {
    SendHeaders {
        hop_by_hop: OptionsOctets::new(&HOP_BY_HOP),
        destination: OptionsOctets::new(&DESTINATION),
    }
}

fn to() -> SocketAddrV6 {
    address("2001:db8::9", 99)
}

/// The extension headers of a packet: which, and their octets but for the next header field.
fn seen_headers(packet: &[u8]) -> Vec<(HeaderKind, Vec<u8>)> {
    super::super::extension::headers_of(packet)
        .map(|(kind, octets)| (kind, octets[1..].to_vec()))
        .collect()
}

/// Rows: API-11
#[test]
fn options_are_sent_in_their_order() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    let options = SendOptions { headers: headers(), ..SendOptions::default() };
    send_with(&mut host, id, Some(to()), b"hello", &options).unwrap();
    let sent = host.sent();
    let expected = [
        (HeaderKind::HopByHop, HOP_BY_HOP[1..].to_vec()),
        (HeaderKind::Destination, DESTINATION[1..].to_vec()),
    ];
    assert_eq!(seen_headers(&sent[0].packet), expected);
    // The datagram behind them is as ever, checksum and all.
    let (header, payload) = Ipv6Header::parse(&sent[0].packet).unwrap();
    let mut chain = HeaderChain::new(&header, payload);
    chain.by_ref().for_each(|item| assert!(item.is_ok()));
    let upper = chain.upper_layer();
    assert_eq!(upper.next_header, NextHeader::UDP);
    let (source, destination) = (header.source, header.destination);
    assert!(checksum::verify(source, destination, NextHeader::UDP, upper.payload));
    assert_eq!(UdpHeader::parse(upper.payload).unwrap().1, b"hello");
    // The next one has none.
    send(&mut host, id, Some(to()), b"hello").unwrap();
    assert_eq!(seen_headers(&host.sent()[0].packet), []);
}

/// Hop-by-hop options are in every fragment, destination options in what is fragmented, and they
/// take their room (RFC 8200, Section 4.5).
/// Rows: API-11
#[test]
fn options_of_a_datagram_in_fragments() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    let options = SendOptions { headers: headers(), ..SendOptions::default() };
    let mtu = 1500;
    let longest = mtu - Ipv6Header::LEN - UdpHeader::LEN - HOP_BY_HOP.len() - DESTINATION.len();
    send_with(&mut host, id, Some(to()), &vec![7; longest], &options).unwrap();
    let sent = host.sent();
    assert_eq!((sent.len(), sent[0].packet.len()), (1, mtu), "just fits");
    let before = host.stack.node_counters().ipv6.out_requests;
    send_with(&mut host, id, Some(to()), &vec![7; 2 * longest], &options).unwrap();
    assert_eq!(host.stack.node_counters().ipv6.out_requests, before + 1, "one packet");
    let sent = host.sent();
    assert_eq!(sent.len(), 3);
    let mut whole = Vec::new();
    let mut first_header = NextHeader::NONE;
    for seen in &sent {
        assert!(seen.packet.len() <= mtu);
        let (header, payload) = Ipv6Header::parse(&seen.packet).unwrap();
        let mut chain = HeaderChain::new(&header, payload);
        let hop_by_hop = chain.next().unwrap().unwrap();
        assert!(matches!(hop_by_hop.header, ExtensionHeader::HopByHop(_)));
        let fragment = chain.next().unwrap().unwrap();
        let ExtensionHeader::Fragment(fragment_header) = fragment.header else { panic!() };
        assert_eq!(usize::from(fragment_header.offset), whole.len());
        first_header = fragment_header.next_header;
        whole.extend(fragment.rest);
    }
    assert_eq!(first_header, NextHeader::DESTINATION_OPTIONS);
    assert_eq!(whole[..8], [&[17], &DESTINATION[1..]].concat());
    let (source, destination) = (sent[0].header.source, sent[0].header.destination);
    assert!(checksum::verify(source, destination, NextHeader::UDP, &whole[8..]));
    // Headers that leave no room for anything are refused.
    let mut long = vec![0; 2048];
    long[1] = 255;
    let headers = SendHeaders { hop_by_hop: OptionsOctets::new(&long), destination: None };
    let options = SendOptions { headers, ..SendOptions::default() };
    let refused = send_with(&mut host, id, Some(to()), b"x", &options);
    assert!(matches!(refused, Err(SendError::TooBig(_))), "{refused:?}");
    assert_eq!(host.sent(), []);
}

/// A datagram with hop-by-hop, destination and (empty) routing headers, in that order.
fn with_headers(payload: &[u8]) -> Vec<u8> {
    let plain = datagram(("2001:db8::9", 99), (OWN, 7), payload);
    let mut chain = [&[60], &HOP_BY_HOP[1..], &[43], &DESTINATION[1..], &ROUTING].concat();
    chain.extend(&plain[Ipv6Header::LEN..]);
    let source = ip("2001:db8::9");
    ipv6_packet(source, ip(OWN), NextHeader::HOP_BY_HOP, &chain)
}

fn received_headers(host: &mut Host, id: SocketId) -> Vec<(HeaderKind, Vec<u8>)> {
    let read = |_: &ReceiveMeta, payload: &Payload<'_, HeapBuffer>| {
        assert_eq!(octets(payload), b"hi");
        payload.headers().map(|(kind, octets)| (kind, octets.to_vec())).collect()
    };
    host.stack.receive(id, false, read).unwrap()
}

/// Rows: API-11
#[test]
fn options_are_seen_by_who_asks() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    host.packet(PEER, &with_headers(b"hi"));
    assert_eq!(received_headers(&mut host, id), []);
    host.stack.set_socket_option(id, SetOption::ReceiveHeaders(true)).unwrap();
    host.packet(PEER, &with_headers(b"hi"));
    let expected = [
        (HeaderKind::HopByHop, [&[60], &HOP_BY_HOP[1..]].concat()),
        (HeaderKind::Destination, [&[43], &DESTINATION[1..]].concat()),
        (HeaderKind::Routing, ROUTING.to_vec()),
    ];
    assert_eq!(received_headers(&mut host, id), expected);
    // A plain one has none.
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), b"hi"));
    assert_eq!(received_headers(&mut host, id), []);
    // Members of a group see them, too.
    let group = ip("ff05::7");
    host.stack.join_group(id, group, Some(USB0), host.now).unwrap();
    let mut packet = with_headers(b"hi");
    packet[24..40].copy_from_slice(&group.octets());
    let end = packet.len();
    let segment = &mut packet[Ipv6Header::LEN + 32..end];
    segment[6..8].fill(0);
    let mut sum =
        Checksum::pseudo_header(PEER.address, group, NextHeader::UDP, segment.len() as u32);
    sum.add(segment);
    let sum = sum.finish_udp();
    segment[6..8].copy_from_slice(&sum.to_be_bytes());
    host.packet(PEER, &packet);
    assert_eq!(received_headers(&mut host, id), expected);
}

/// Rows: API-11
#[test]
fn a_header_has_the_length_that_it_says() {
    assert_eq!(OptionsOctets::new(&[0; 7]), None);
    assert_eq!(OptionsOctets::new(&[]), None);
    assert_eq!(OptionsOctets::new(&[0, 1, 0, 0, 0, 0, 0, 0]), None);
    let header = OptionsOctets::new(&[0; 24]).unwrap();
    assert_eq!(header.octets().len(), 8, "what follows is none of it");
}

/// Rows: API-11
#[test]
fn an_error_about_a_datagram_with_options_finds_its_socket() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    host.stack.set_socket_option(id, SetOption::ReceiveErrors(true)).unwrap();
    let options = SendOptions { headers: headers(), ..SendOptions::default() };
    send_with(&mut host, id, Some(to()), b"hello", &options).unwrap();
    let invoking = host.sent()[0].packet.clone();
    let code = DestinationUnreachableCode::PortUnreachable;
    let message = Icmpv6Message::DestinationUnreachable { code, invoking: &invoking };
    host.message(PEER, OWN, &message);
    assert_eq!(host.stack.take_socket_error(id), Some(SocketError::ConnectionRefused));
}
