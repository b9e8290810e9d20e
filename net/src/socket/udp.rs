//! UDP input (RFC 768; RFC 8200, Section 8.1).

use super::receive::scoped;
use super::{ReceiveMeta, SocketKind};
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::DropReason;
use crate::fragment_input::{total_len, verify};
use crate::icmpv6_error::Problem;
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::reassembly::Tail;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::icmpv6::DestinationUnreachableCode;
use crate::wire::ipv6::NextHeader;
use crate::wire::udp::UdpHeader;
use crate::wire::{self, ParseError};

/// The header, and the octets of payload behind it in its own buffer. What came in fragments has
/// to be as long as the header says: trailing octets there are no padding.
#[inline]
fn parse<B: PacketBuffer>(segment: &[u8], tail: &Tail<B>) -> wire::Result<(UdpHeader, usize)> {
    if tail.is_empty() {
        return UdpHeader::parse_unchecked(segment)
            .map(|(header, payload)| (header, payload.len()));
    }
    let (header, payload) = UdpHeader::parse_quoted(segment)?;
    if usize::from(header.length) != total_len(segment, tail) {
        return Err(ParseError::BadLength);
    }
    Ok((header, payload.len()))
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// A UDP datagram arrived; the window is the whole packet, but for what came in further
    /// fragments.
    pub(crate) fn udp_input(
        &mut self,
        received: &Received,
        mut packet: P::Buffer,
        tail: &mut Tail<P::Buffer>,
        now: Instant,
    ) {
        let segment = packet.data().get(received.upper_offset..).unwrap_or(&[]);
        let Ok((header, payload_len)) = parse(segment, tail) else {
            self.counters.udp.in_errors += 1;
            return self.count_drop(Some(received.interface), DropReason::UdpMalformed);
        };
        let unchecked = header.checksum == 0;
        let end = received.upper_offset + UdpHeader::LEN + payload_len;
        let covered = packet.data().get(..end).unwrap_or(&[]);
        if !unchecked && !verify(received, NextHeader::UDP, covered, tail) {
            self.counters.udp.in_errors += 1;
            self.counters.udp.in_checksum_errors += 1;
            return self.count_drop(Some(received.interface), DropReason::UdpChecksum);
        }
        let meta = ReceiveMeta {
            source: scoped(received.source, header.source_port, received.interface),
            destination: received.destination,
            interface: received.interface,
            hop_limit: received.hop_limit,
            traffic_class: received.traffic_class,
            flow_label: received.flow_label,
            arrived: now,
            unchecked,
        };
        // RFC 6935, Section 5: without a checksum, discard; but for sockets that take the risk,
        // which they know by port and addresses (RFC 6936, Section 4).
        if unchecked && !self.takes_unchecked(header.destination_port, &meta) {
            self.counters.udp.in_errors += 1;
            return self.count_drop(Some(received.interface), DropReason::UdpZeroChecksum);
        }
        self.count_deliver(received.interface);
        let offset = received.upper_offset + UdpHeader::LEN;
        if received.destination.is_multicast() {
            let window = (offset, payload_len);
            return self.udp_multicast_input(
                received,
                &meta,
                header.destination_port,
                window,
                packet,
                tail,
            );
        }
        let Some(id) = self.find_receiver(SocketKind::Udp, header.destination_port, &meta) else {
            return self.refuse_udp(received, packet.data(), now);
        };
        let headers = self.headers_for(id, received, packet.data());
        packet.trim_front(offset);
        packet.truncate(payload_len);
        let delivered = self.deliver(id, &meta, headers, packet, tail);
        self.count_udp_delivery(delivered);
    }

    /// Nobody listens at the port: the sender is told (RFC 4443, Section 3.1).
    #[inline(never)]
    fn refuse_udp(&mut self, received: &Received, packet: &[u8], now: Instant) {
        self.counters.udp.no_ports += 1;
        self.count_drop(Some(received.interface), DropReason::UdpNoPort);
        let code = DestinationUnreachableCode::PortUnreachable;
        self.send_error(received, Problem::DestinationUnreachable(code), packet, now);
    }

    /// Whether a datagram without a checksum is for somebody who wants it.
    fn takes_unchecked(&self, port: u16, meta: &ReceiveMeta) -> bool {
        if meta.destination.is_multicast() {
            self.next_multicast_receiver(port, meta, None).is_some()
        } else {
            self.find_receiver(SocketKind::Udp, port, meta).is_some()
        }
    }

    #[inline(never)]
    fn udp_multicast_input(
        &mut self,
        received: &Received,
        meta: &ReceiveMeta,
        port: u16,
        (offset, payload_len): (usize, usize),
        mut packet: P::Buffer,
        tail: &mut Tail<P::Buffer>,
    ) {
        let Some(mut id) = self.next_multicast_receiver(port, meta, None) else {
            self.counters.udp.ignored_multicast += 1;
            return self.count_drop(Some(meta.interface), DropReason::UdpNoPort);
        };
        // All but the last get a copy.
        while let Some(next) = self.next_multicast_receiver(port, meta, Some(id)) {
            let payload = packet.data().get(offset..).and_then(|rest| rest.get(..payload_len));
            let copy = self.copy_of_all(payload.unwrap_or(&[]), tail);
            let delivered = if let Some((copy, mut tail)) = copy {
                let headers = self.headers_for(id, received, packet.data());
                self.deliver(id, meta, headers, copy, &mut tail)
            } else {
                self.count_drop(Some(meta.interface), DropReason::NoBuffer);
                Err(DropReason::NoBuffer)
            };
            self.count_udp_delivery(delivered);
            id = next;
        }
        let headers = self.headers_for(id, received, packet.data());
        packet.trim_front(offset);
        packet.truncate(payload_len);
        let delivered = self.deliver(id, meta, headers, packet, tail);
        self.count_udp_delivery(delivered);
    }

    fn count_udp_delivery(&mut self, delivered: Result<(), DropReason>) {
        let udp = &mut self.counters.udp;
        match delivered {
            Ok(()) => udp.in_datagrams += 1,
            Err(reason) => {
                udp.in_errors += 1;
                match reason {
                    DropReason::SocketBufferFull => udp.receive_buffer_errors += 1,
                    DropReason::SocketMemoryFull | DropReason::NoBuffer => udp.memory_errors += 1,
                    _ => {}
                }
            }
        }
    }
}
