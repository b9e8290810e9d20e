//! Real traffic, taken apart and put together again: what parses must be sent as the same octets.

use net::wire::checksum::{self, Checksum};
use net::wire::ethernet::{EtherType, EthernetHeader, multicast_mac};
use net::wire::extension::{ExtensionHeader, HeaderChain};
use net::wire::icmpv6::Icmpv6Message;
use net::wire::ipv6::{Ipv6Header, NextHeader};
use net::wire::tcp::TcpHeader;
use net::wire::udp::UdpHeader;
use std::collections::BTreeMap;
use std::path::Path;

/// What was seen how often, by name.
type Seen = BTreeMap<String, usize>;

/// The frames of a pcap file with Ethernet frames, written on a little-endian machine.
fn frames(file: &[u8]) -> Vec<&[u8]> {
    assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1], "pcap with microseconds");
    assert_eq!(file[20..24], [1, 0, 0, 0], "Ethernet");
    let mut rest = &file[24..];
    let mut frames = Vec::new();
    while let Some((header, after)) = rest.split_first_chunk::<16>() {
        let length = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        assert_eq!(length(8), length(12), "whole frames");
        let (frame, after) = after.split_at(length(8) as usize);
        frames.push(frame);
        rest = after;
    }
    assert!(rest.is_empty());
    frames
}

fn count(seen: &mut Seen, what: impl Into<String>) {
    *seen.entry(what.into()).or_default() += 1;
}

/// Takes a frame apart, puts it together and notes what was in it.
fn again(frame: &[u8], seen: &mut Seen) -> Vec<u8> {
    let (ethernet, packet) = EthernetHeader::parse(frame).unwrap();
    let mut out = vec![0; EthernetHeader::LEN];
    ethernet.emit(&mut out);
    if ethernet.ethertype != EtherType::IPV6 {
        count(seen, "not IPv6");
        out.extend(packet);
        return out;
    }
    let (header, payload) = Ipv6Header::parse(packet).unwrap();
    if header.destination.is_multicast() {
        assert_eq!(ethernet.destination, multicast_mac(header.destination));
    }
    put(&mut out, Ipv6Header::LEN, |space| header.emit(space));

    let mut whole = true;
    let mut chain = HeaderChain::new(&header, payload);
    for item in chain.by_ref() {
        let item = item.unwrap();
        assert_eq!(item.offset, out.len() - EthernetHeader::LEN);
        match item.header {
            ExtensionHeader::HopByHop(options) | ExtensionHeader::Destination(options) => {
                count(seen, "options");
                put(&mut out, options.len(), |space| options.emit(space));
            }
            ExtensionHeader::Fragment(fragment) => {
                count(seen, "fragment");
                whole &= fragment.is_atomic();
                put(&mut out, 8, |space| fragment.emit(space));
            }
            ExtensionHeader::Routing(_) => panic!("nobody sent one"),
        }
    }

    let upper = chain.upper_layer();
    if !whole {
        out.extend(upper.payload);
        return out;
    }
    let (source, destination) = (header.source, header.destination);
    assert!(checksum::verify(source, destination, upper.next_header, upper.payload));
    match upper.next_header {
        NextHeader::ICMPV6 => {
            let message = Icmpv6Message::parse(upper.payload).unwrap();
            let name = format!("{message:?}");
            count(seen, name.split(['(', ' ']).next().unwrap());
            put(&mut out, message.len(), |space| message.emit(source, destination, space));
        }
        NextHeader::UDP => {
            count(seen, "UDP");
            let (udp, data) = UdpHeader::parse(upper.payload).unwrap();
            let mut sum = Checksum::new();
            sum.add(data);
            let ports = (udp.source_port, udp.destination_port);
            let made =
                UdpHeader::new((source, ports.0), (destination, ports.1), data.len(), sum).unwrap();
            put(&mut out, UdpHeader::LEN, |space| made.emit(space));
            out.extend(data);
        }
        NextHeader::TCP => {
            let (tcp, data) = TcpHeader::parse(upper.payload).unwrap();
            count(seen, format!("TCP {:?}", tcp.flags));
            put(&mut out, tcp.len(), |space| tcp.emit(space));
            out.extend(data);
        }
        other => panic!("nobody sent {other:?}"),
    }
    out
}

fn put(out: &mut Vec<u8>, len: usize, emit: impl FnOnce(&mut [u8])) {
    let start = out.len();
    // Not zeros, so that an octet that is not written shows.
    out.resize(start + len, 0xee);
    emit(&mut out[start..]);
}

#[test]
fn what_linux_sends_is_read_and_written_alike() {
    let mut seen = Seen::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "pcap"));
    files.sort();
    for path in files {
        let file = std::fs::read(&path).unwrap();
        for (number, frame) in frames(&file).into_iter().enumerate() {
            let out = again(frame, &mut seen);
            assert!(out == frame, "{} #{}:\n{frame:02x?}\n{out:02x?}", path.display(), number + 1);
        }
    }
    for (what, at_least) in [
        ("DestinationUnreachable", 3),
        ("EchoReply", 3),
        ("EchoRequest", 3),
        ("MulticastListenerQuery", 4),
        ("MulticastListenerReportV2", 10),
        ("NeighborAdvertisement", 3),
        ("NeighborSolicitation", 5),
        ("PacketTooBig", 1),
        ("RouterAdvertisement", 3),
        ("RouterSolicitation", 1),
        ("TCP TcpFlags(SYN)", 2),
        ("TCP TcpFlags(SYN | ACK)", 1),
        ("TCP TcpFlags(FIN | ACK)", 1),
        ("TCP TcpFlags(RST | ACK)", 1),
        ("TimeExceeded", 1),
        ("UDP", 2),
        ("fragment", 6),
        ("options", 10),
    ] {
        let times = seen.get(what).copied().unwrap_or(0);
        assert!(times >= at_least, "{what}: {times} times in {seen:#?}");
    }
}

/// Rows: QOS-1
#[test]
fn what_is_cut_short_or_broken_never_panics() {
    let file =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/linux.pcap"))
            .unwrap();
    let mut parsed = 0;
    for frame in frames(&file) {
        for len in 0..frame.len() {
            parsed += usize::from(parses(&frame[..len]));
        }
        let mut broken = frame.to_vec();
        for position in 0..frame.len() {
            for bit in [0x01, 0x10, 0x80, 0xff] {
                broken[position] ^= bit;
                parsed += usize::from(parses(&broken));
                broken[position] ^= bit;
            }
        }
    }
    assert!(parsed > 1000, "{parsed}");
}

/// Whether it is a packet down to a message; checksums do not count.
fn parses(frame: &[u8]) -> bool {
    let Ok((_, packet)) = EthernetHeader::parse(frame) else { return false };
    let Ok((header, payload)) = Ipv6Header::parse_quoted(packet) else { return false };
    let mut chain = HeaderChain::new(&header, payload);
    if chain.by_ref().any(|item| item.is_err()) {
        return false;
    }
    let upper = chain.upper_layer();
    match upper.next_header {
        NextHeader::UDP => UdpHeader::parse(upper.payload).is_ok(),
        NextHeader::TCP => TcpHeader::parse(upper.payload).is_ok(),
        NextHeader::ICMPV6 => {
            let message = Icmpv6Message::parse(upper.payload);
            // Comparing walks every list in the message.
            assert!(message == Icmpv6Message::parse(upper.payload));
            message.is_ok()
        }
        _ => false,
    }
}
