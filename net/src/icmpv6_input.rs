//! ICMPv6 input: checksum, echo, and which mechanism gets a message (RFC 4443).

use crate::address::AddressExt;
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::DropReason;
use crate::fragment_input::verify;
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::reassembly::Tail;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::ParseError;
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
        let valid = verify(received, NextHeader::ICMPV6, packet.data(), tail);
        let bytes = packet.data().get(received.upper_offset..).unwrap_or(&[]);
        let (Some(&message_type), true) = (bytes.first(), valid) else {
            if let Some(counters) = self.interface_counters(received.interface) {
                counters.icmpv6.in_errors += 1;
                counters.icmpv6.in_checksum_errors += 1;
            }
            return self.count_drop(Some(received.interface), DropReason::Icmpv6Checksum);
        };
        if let Some(counters) = self.interface_counters(received.interface) {
            counters.icmpv6.count_in(message_type);
            counters.ipv6.in_delivers += 1;
        }
        if self.has_raw_sockets() {
            self.raw_input(received, message_type, packet.data(), tail, now);
        }
        // What is asked of a host most often has a short way, if it came whole.
        let packet = if tail.is_empty() && received.upper_offset == Ipv6Header::LEN {
            let passed = match Icmpv6Type(message_type) {
                Icmpv6Type::ECHO_REQUEST => self.answer_echo(received, packet, now),
                Icmpv6Type::NEIGHBOR_SOLICITATION => {
                    self.answer_solicitation(received, packet, now)
                }
                _ => Some(packet),
            };
            match passed {
                Some(packet) => packet,
                None => return,
            }
        } else {
            packet
        };
        self.message_input(received, message_type, packet, tail, now);
    }

    /// A message whose checksum is right.
    #[inline(never)]
    fn message_input(
        &mut self,
        received: &Received,
        message_type: u8,
        packet: P::Buffer,
        tail: &mut Tail<P::Buffer>,
        now: Instant,
    ) {
        let index = Some(received.interface);
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
