//! ICMPv6 input: checksum, echo, and which mechanism gets a message (RFC 4443).

use crate::address::AddressExt;
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::counters::DropReason;
use crate::fragment_input::verify;
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::reassembly::Tail;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::ParseError;
use crate::wire::checksum;
use crate::wire::icmpv6::{self, Echo, Icmpv6Message, Icmpv6Type};
use crate::wire::ipv6::{Ipv6Header, NextHeader};

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// An ICMPv6 message arrived; the window is the whole packet, but for what came in further
    /// fragments.
    pub(crate) fn icmpv6_input(
        &mut self,
        received: &Received,
        packet: P::Buffer,
        tail: &mut Tail<P::Buffer>,
        now: Instant,
    ) {
        let index = Some(received.interface);
        let bytes = packet.data().get(received.upper_offset..).unwrap_or(&[]);
        let valid = verify(received, NextHeader::ICMPV6, bytes, tail);
        let (Some(&message_type), true) = (bytes.first(), valid) else {
            if let Some(counters) = self.interface_counters(received.interface) {
                counters.icmpv6.in_errors += 1;
                counters.icmpv6.in_checksum_errors += 1;
            }
            return self.count_drop(index, DropReason::Icmpv6Checksum);
        };
        if let Some(counters) = self.interface_counters(received.interface) {
            counters.icmpv6.count_in(message_type);
        }
        self.count_deliver(received.interface);
        self.raw_input(received, message_type, bytes, tail, now);
        if message_type == Icmpv6Type::ECHO_REQUEST.0
            && tail.is_empty()
            && self.answer_echo(received, bytes, now)
        {
            return;
        }
        // Only what echo carries may be longer than a buffer.
        let echo =
            matches!(Icmpv6Type(message_type), Icmpv6Type::ECHO_REQUEST | Icmpv6Type::ECHO_REPLY);
        let packet = if echo {
            packet
        } else {
            let joined = self.in_one_buffer(received.interface, packet, tail);
            let Some(joined) = joined else { return };
            joined
        };
        let bytes = packet.data().get(received.upper_offset..).unwrap_or(&[]);
        let message = match Icmpv6Message::parse(bytes) {
            Ok(message) => message,
            Err(error) => {
                let reason = malformed(Icmpv6Type(message_type), error);
                return self.drop_message(received, reason);
            }
        };
        match message {
            Icmpv6Message::EchoRequest(echo) => {
                self.echo_request_input(received, &echo, tail, now);
            }
            Icmpv6Message::EchoReply(echo) => {
                let identifier = echo.identifier;
                if !self.echo_reply_input(received, identifier, packet, tail, now) {
                    self.count_drop(index, DropReason::Icmpv6EchoReplyUnexpected);
                }
            }
            Icmpv6Message::DestinationUnreachable { .. }
            | Icmpv6Message::PacketTooBig { .. }
            | Icmpv6Message::TimeExceeded { .. }
            | Icmpv6Message::ParameterProblem { .. } => self.error_input(received, &message, now),
            Icmpv6Message::RouterSolicitation(_)
            | Icmpv6Message::RouterAdvertisement(_)
            | Icmpv6Message::NeighborSolicitation(_)
            | Icmpv6Message::NeighborAdvertisement(_)
            | Icmpv6Message::Redirect(_) => {
                if let Err(reason) = self.ndp_input(received, &message, now) {
                    self.drop_message(received, reason);
                }
            }
            Icmpv6Message::MulticastListenerQuery(_)
            | Icmpv6Message::MulticastListenerReport(_)
            | Icmpv6Message::MulticastListenerDone(_)
            | Icmpv6Message::MulticastListenerReportV2(_) => {
                if let Err(reason) = self.mld_input(received, &message, now) {
                    self.count_drop(index, reason);
                }
            }
            // RFC 4443, Section 2.4(a): who sent the packet is to hear of unknown errors, too.
            Icmpv6Message::Unknown { kind, .. } if kind.is_error() => {
                self.error_input(received, &message, now);
            }
            // Section 2.4(b): unknown informational messages are dropped silently.
            Icmpv6Message::Unknown { .. } => {
                self.count_drop(index, DropReason::Icmpv6UnknownType);
            }
        }
    }

    /// Counts a message that is broken or breaks a rule.
    fn drop_message(&mut self, received: &Received, reason: DropReason) {
        if let Some(counters) = self.interface_counters(received.interface) {
            counters.icmpv6.in_errors += 1;
        }
        self.count_drop(Some(received.interface), reason);
    }

    /// Answers an echo request that came and goes in one packet: the octets are copied as they
    /// are. False when it is another one.
    fn answer_echo(&mut self, received: &Received, request: &[u8], now: Instant) -> bool {
        const REQUEST: u16 = (Icmpv6Type::ECHO_REQUEST.0 as u16) << 8;
        const REPLY: u16 = (Icmpv6Type::ECHO_REPLY.0 as u16) << 8;
        let (heads, _) = request.as_chunks();
        let &[kind_and_code, sum, ..] = heads else { return false };
        let to_one = received.source.is_assignable() && !received.destination.is_multicast();
        if u16::from_be_bytes(kind_and_code) != REQUEST
            || request.len() < icmpv6::HEADER_LEN
            || !to_one
        {
            return false;
        }
        let Some((outgoing, hop)) = self.plan_reply(received, now) else { return true };
        if Ipv6Header::LEN + request.len() > usize::from(hop.mtu) {
            return false;
        }
        let mut packet = self.pool.allocate(PAYLOAD_OFFSET);
        let Some(room) = packet.as_mut().and_then(|packet| packet.append(request.len())) else {
            if let Some(counters) = self.interface_counters(hop.interface) {
                counters.icmpv6.out_errors += 1;
            }
            self.count_drop(Some(hop.interface), DropReason::NoBuffer);
            return true;
        };
        room.copy_from_slice(request);
        // The addresses have changed places, which the sum does not see.
        let checksum = checksum::update(u16::from_be_bytes(sum), REQUEST, REPLY);
        if let ([kind_and_code, sum, ..], _) = room.as_chunks_mut() {
            (*kind_and_code, *sum) = (REPLY.to_be_bytes(), checksum.to_be_bytes());
        }
        self.count_icmpv6_out(hop.interface, Icmpv6Type::ECHO_REPLY.0);
        if let Some(packet) = packet {
            self.send_packet(&outgoing, &hop, packet, now);
        }
        true
    }

    /// Answers an echo request with the same octets (RFC 4443, Section 4.2).
    fn echo_request_input(
        &mut self,
        received: &Received,
        echo: &Echo<'_>,
        tail: &Tail<P::Buffer>,
        now: Instant,
    ) {
        if !received.source.is_assignable() {
            return self.count_drop(Some(received.interface), DropReason::Icmpv6EchoSource);
        }
        let Some((outgoing, hop)) = self.plan_reply(received, now) else { return };
        let message = Icmpv6Message::EchoReply(*echo);
        if tail.is_empty() && Ipv6Header::LEN + message.len() <= usize::from(hop.mtu) {
            return self.send_icmpv6(&outgoing, &hop, &message, now);
        }
        let mut header = [0; icmpv6::HEADER_LEN];
        Icmpv6Message::EchoReply(Echo { data: &[], ..*echo }).emit(
            outgoing.source,
            outgoing.destination,
            &mut header,
        );
        let pieces = [&header, echo.data].into_iter().chain(tail.iter().map(PacketBuffer::data));
        self.send_icmpv6_pieces(&outgoing, &hop, pieces, now);
    }
}

/// Why a message that does not parse is dropped.
fn malformed(message_type: Icmpv6Type, error: ParseError) -> DropReason {
    match message_type {
        Icmpv6Type::ROUTER_SOLICITATION
        | Icmpv6Type::ROUTER_ADVERTISEMENT
        | Icmpv6Type::NEIGHBOR_SOLICITATION
        | Icmpv6Type::NEIGHBOR_ADVERTISEMENT
        | Icmpv6Type::REDIRECT => match error {
            ParseError::BadValue => DropReason::NdCode,
            _ => DropReason::NdMalformed,
        },
        Icmpv6Type::MULTICAST_LISTENER_QUERY
        | Icmpv6Type::MULTICAST_LISTENER_REPORT
        | Icmpv6Type::MULTICAST_LISTENER_DONE
        | Icmpv6Type::MULTICAST_LISTENER_REPORT_V2 => DropReason::MldInvalid,
        _ => DropReason::Icmpv6Truncated,
    }
}
