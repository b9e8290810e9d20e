//! UDP input (RFC 768; RFC 8200, Section 8.1).

use super::receive::scoped;
use super::{ReceiveMeta, SocketKind};
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::DropReason;
use crate::icmpv6_error::Problem;
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::ParseError;
use crate::wire::checksum;
use crate::wire::icmpv6::DestinationUnreachableCode;
use crate::wire::ipv6::NextHeader;
use crate::wire::udp::UdpHeader;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// A UDP datagram arrived; the window is the whole packet.
    pub(crate) fn udp_input(&mut self, received: &Received, mut packet: P::Buffer, now: Instant) {
        let segment = packet.data().get(received.upper_offset..).unwrap_or(&[]);
        let (header, payload_len) = match UdpHeader::parse(segment) {
            Ok((header, payload)) => (header, payload.len()),
            Err(error) => {
                self.counters.udp.in_errors += 1;
                let reason = match error {
                    // RFC 6935, Section 5: without a checksum, discard.
                    ParseError::BadValue => DropReason::UdpZeroChecksum,
                    _ => DropReason::UdpMalformed,
                };
                return self.count_drop(Some(received.interface), reason);
            }
        };
        let covered = segment.get(..usize::from(header.length)).unwrap_or(&[]);
        if !checksum::verify(received.source, received.destination, NextHeader::UDP, covered) {
            self.counters.udp.in_errors += 1;
            self.counters.udp.in_checksum_errors += 1;
            return self.count_drop(Some(received.interface), DropReason::UdpChecksum);
        }
        self.count_deliver(received.interface);
        let meta = ReceiveMeta {
            source: scoped(received.source, header.source_port, received.interface),
            destination: received.destination,
            interface: received.interface,
            hop_limit: received.hop_limit,
            traffic_class: received.traffic_class,
            flow_label: received.flow_label,
            arrived: now,
        };
        let offset = received.upper_offset + UdpHeader::LEN;
        if received.destination.is_multicast() {
            return self.udp_multicast_input(&meta, header.destination_port, packet, offset);
        }
        let Some(id) = self.find_receiver(SocketKind::Udp, header.destination_port, &meta) else {
            self.counters.udp.no_ports += 1;
            self.count_drop(Some(received.interface), DropReason::UdpNoPort);
            let code = DestinationUnreachableCode::PortUnreachable;
            let problem = Problem::DestinationUnreachable(code);
            return self.send_error(received, problem, packet.data(), now);
        };
        packet.trim_front(offset);
        packet.truncate(payload_len);
        let delivered = self.deliver(id, meta, packet);
        self.count_udp_delivery(delivered);
    }

    fn udp_multicast_input(
        &mut self,
        meta: &ReceiveMeta,
        port: u16,
        packet: P::Buffer,
        offset: usize,
    ) {
        let mut packet = packet;
        let payload_len = {
            // The header was parsed already, so this finds it again.
            let segment = packet.data().get(offset - UdpHeader::LEN..).unwrap_or(&[]);
            UdpHeader::parse(segment).map_or(0, |(_, payload)| payload.len())
        };
        packet.trim_front(offset);
        packet.truncate(payload_len);
        let receivers = self.find_multicast_receivers(port, meta);
        let Some((&last, others)) = receivers.split_last() else {
            self.counters.udp.ignored_multicast += 1;
            return self.count_drop(Some(meta.interface), DropReason::UdpNoPort);
        };
        for &id in others {
            let delivered = if let Some(copy) = self.copy_of(packet.data()) {
                self.deliver(id, *meta, copy)
            } else {
                self.count_drop(Some(meta.interface), DropReason::NoBuffer);
                Err(DropReason::NoBuffer)
            };
            self.count_udp_delivery(delivered);
        }
        let delivered = self.deliver(last, *meta, packet);
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
