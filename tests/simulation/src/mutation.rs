//! Making hostile frames out of good ones.

use crate::packet::Packet;
use crate::random::Seeded;
use net::wire::checksum::Checksum;
use net::wire::ethernet::EthernetHeader;
use net::wire::icmpv6;
use net::wire::ipv6::{Ipv6Header, NextHeader};
use net::wire::tcp::TcpHeader;

/// Octets that mean something in many places: boundaries, types, lengths.
const INTERESTING: [u8; 24] =
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 17, 43, 44, 50, 51, 58, 59, 60, 64, 127, 128, 129, 134, 254, 255];

/// A frame like one of `corpus`, but changed in up to four ways, and in most cases with lengths
/// and checksum put right again, so that it gets past the first checks.
///
/// # Panics
/// When `corpus` is empty.
pub fn mutate(corpus: &[Vec<u8>], random: &mut Seeded) -> Vec<u8> {
    let mut frame = random.pick(corpus).clone();
    for _ in 0..random.index(5) {
        change(&mut frame, corpus, random);
    }
    if random.chance(800) {
        repair(&mut frame);
    }
    frame
}

fn change(frame: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Seeded) {
    // Addresses are kept more often than not: most of what is interesting lies behind them.
    let start = if random.chance(900) { EthernetHeader::LEN } else { 0 };
    let len = frame.len();
    if len <= start {
        return;
    }
    let at = start + random.index(len - start);
    match random.index(8) {
        0 => frame[at] ^= 1 << random.index(8),
        1 => frame[at] = *random.pick(&INTERESTING),
        2 => frame[at] = random.draw() as u8,
        3 => frame.truncate(at),
        4 => {
            // A longer one.
            let more = random.index(64);
            let octet = *random.pick(&INTERESTING);
            frame.extend(std::iter::repeat_n(octet, more));
        }
        5 => {
            // Some octets more in the middle: a header or option in front of another.
            let insert = *random.pick(&[8, 16, 24, 40]);
            let other = random.pick(corpus);
            let from = random.index(other.len().saturating_sub(insert) + 1);
            let piece: Vec<u8> = other.iter().skip(from).take(insert).copied().collect();
            frame.splice(at..at, piece);
        }
        6 => {
            // Some octets fewer in the middle.
            let end = (at + *random.pick(&[1, 2, 4, 8, 16])).min(len);
            frame.drain(at..end);
        }
        _ => {
            // The end of another one.
            let other = random.pick(corpus);
            frame.truncate(at);
            frame.extend(other.iter().skip(at));
        }
    }
}

/// Puts the payload length and an ICMPv6, UDP or TCP checksum right, if the frame still has them.
pub fn repair(frame: &mut [u8]) {
    const LENGTH: usize = EthernetHeader::LEN + Ipv6Header::PAYLOAD_LENGTH_OFFSET;
    let Some(payload) = frame.len().checked_sub(EthernetHeader::LEN + Ipv6Header::LEN) else {
        return;
    };
    let Ok(payload) = u16::try_from(payload) else { return };
    frame[LENGTH..LENGTH + 2].copy_from_slice(&payload.to_be_bytes());
    let Some(packet) = Packet::parse(frame) else { return };
    let (protocol, source, destination) =
        (packet.protocol, packet.ipv6.source, packet.ipv6.destination);
    let segment = EthernetHeader::LEN + packet.payload_offset;
    let segment = &mut frame[segment..];
    match protocol {
        NextHeader::ICMPV6 if segment.len() >= 4 => {
            icmpv6::fill_checksum(source, destination, segment);
        }
        NextHeader::UDP if segment.len() >= 8 => {
            let length = (segment.len() as u16).to_be_bytes();
            segment[4..6].copy_from_slice(&length);
            segment[6..8].fill(0);
            let mut sum =
                Checksum::pseudo_header(source, destination, NextHeader::UDP, segment.len() as u32);
            sum.add(segment);
            segment[6..8].copy_from_slice(&sum.finish_udp().to_be_bytes());
        }
        NextHeader::TCP if segment.len() >= TcpHeader::MIN_LEN => {
            let field = TcpHeader::CHECKSUM_OFFSET..TcpHeader::CHECKSUM_OFFSET + 2;
            segment[field.clone()].fill(0);
            let mut sum =
                Checksum::pseudo_header(source, destination, NextHeader::TCP, segment.len() as u32);
            sum.add(segment);
            segment[field].copy_from_slice(&sum.finish().to_be_bytes());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Envelope, link_local};
    use net::address::ALL_NODES;
    use net::netif::MacAddress;
    use net::wire::icmpv6::{Echo, Icmpv6Message};

    #[test]
    fn most_mutants_are_packets_with_right_checksums() {
        let mac = MacAddress([2, 0, 0, 0, 0, 1]);
        let envelope = Envelope::multicast(mac, link_local(mac), ALL_NODES);
        let echo = Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 2, data: &[0; 40] });
        let corpus = [envelope.icmpv6(&echo), envelope.udp(1, 2, &[0; 40])];
        let mut random = Seeded::new(1);
        let (mut valid, mut different) = (0, 0);
        for _ in 0..2000 {
            let frame = mutate(&corpus, &mut random);
            different += usize::from(!corpus.contains(&frame));
            let packet = Packet::parse(&frame);
            valid += usize::from(packet.is_some_and(|packet| packet.checksum_is_valid()));
        }
        assert!(valid > 1200 && different > 1000, "{valid} {different}");
    }
}
