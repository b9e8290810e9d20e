//! Sending ICMPv6 errors (RFC 4443, Sections 2.4 and 3), and acting on received ones.

use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::counters::{DropReason, TableFull};
use crate::interface::{InterfaceIndex, MINIMUM_MTU};
use crate::ipv6_input::Received;
use crate::ipv6_output::{Outgoing, Path, Urgency};
use crate::random::Random;
use crate::socket::Quoted;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::extension::{ChainError, ChainItem, ExtensionHeader, HeaderChain};
use crate::wire::icmpv6::{
    DestinationUnreachableCode, Icmpv6Message, Icmpv6Type, ParameterProblemCode, TimeExceededCode,
};
use crate::wire::ipv6::{FlowLabel, Ipv6Header, NextHeader, TrafficClass};

/// What is wrong with a packet, to be told its source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Problem {
    /// It could not be delivered.
    DestinationUnreachable(DestinationUnreachableCode),
    /// Its other fragments did not come in time.
    ReassemblyTimeExceeded,
    /// A field makes no sense.
    Parameter {
        code: ParameterProblemCode,
        /// Where the field is.
        pointer: u32,
        /// Tell even if the packet was multicast: unknown options with action 10
        /// (RFC 4443, Section 2.4(e.3)).
        any_destination: bool,
    },
}

impl Problem {
    fn message(self, invoking: &[u8]) -> Icmpv6Message<'_> {
        match self {
            Self::DestinationUnreachable(code) => {
                Icmpv6Message::DestinationUnreachable { code, invoking }
            }
            Self::ReassemblyTimeExceeded => {
                Icmpv6Message::TimeExceeded { code: TimeExceededCode::Reassembly, invoking }
            }
            Self::Parameter { code, pointer, .. } => {
                Icmpv6Message::ParameterProblem { code, pointer, invoking }
            }
        }
    }

    const fn answers_multicast(self) -> bool {
        matches!(self, Self::Parameter { any_destination: true, .. })
    }
}

/// Whether a packet is an ICMPv6 error or a Redirect, which are never answered by an error
/// (RFC 4443, Section 2.4(e.1) and (e.2)).
fn is_error(packet: &[u8]) -> bool {
    let Ok((header, payload)) = Ipv6Header::parse_quoted(packet) else { return true };
    let mut chain = HeaderChain::new(&header, payload);
    for item in chain.by_ref() {
        match item.map(|item| item.header) {
            Err(_) => return false,
            // What follows is no header.
            Ok(ExtensionHeader::Fragment(fragment)) if fragment.offset > 0 => return false,
            Ok(_) => {}
        }
    }
    let upper = chain.upper_layer();
    upper.next_header == NextHeader::ICMPV6
        && upper.payload.first().is_none_or(|&message_type| {
            let message_type = Icmpv6Type(message_type);
            message_type.is_error() || message_type == Icmpv6Type::REDIRECT
        })
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Tells the source of a received packet what is wrong with it, unless that is forbidden
    /// (RFC 4443, Section 2.4(e)) or too frequent (2.4(f)).
    pub(crate) fn send_error(
        &mut self,
        received: &Received,
        problem: Problem,
        invoking: &[u8],
        now: Instant,
    ) {
        let multicast = received.destination.is_multicast() || received.link_multicast;
        if multicast && !problem.answers_multicast()
            || !received.source.is_assignable()
            || is_error(invoking)
        {
            return;
        }
        if matches!(problem, Problem::DestinationUnreachable(_))
            && !self.config.icmpv6.destination_unreachable
        {
            return;
        }
        if !received.looped && !self.error_limit.take(now) {
            if let Some(counters) = self.interface_counters(received.interface) {
                counters.icmpv6.out_rate_limit_host += 1;
            }
            return self.count_drop(Some(received.interface), DropReason::ErrorRateLimited);
        }
        self.reply(received, &problem.message(invoking), now);
    }

    /// Sends an ICMPv6 message to the source of a received packet, from the address that it was
    /// sent to, or for multicast and anycast from one of ours (RFC 4443, Section 2.2).
    pub(crate) fn reply(&mut self, received: &Received, message: &Icmpv6Message<'_>, now: Instant) {
        if let Some((outgoing, hop)) = self.plan_reply(received, now) {
            self.send_icmpv6(&outgoing, &hop, message, now);
        }
    }

    /// The header of a reply and its way; `None`, with the loss counted, if there is no way.
    pub(crate) fn plan_reply(
        &mut self,
        received: &Received,
        now: Instant,
    ) -> Option<(Outgoing, Path)> {
        let zone = received.source.needs_zone().then_some(received.interface);
        let anycast = self.anycast.has(received.interface, received.destination);
        let answers_as = Some(received.destination).filter(|own| !own.is_multicast() && !anycast);
        let hop = self
            .route_from(answers_as, received.source, zone, now)
            .inspect_err(|&error| self.count_no_route(Some(received.interface), error))
            .ok()?;
        let Some(source) = answers_as.or_else(|| self.select_source(received.source, &hop)) else {
            self.count_drop(Some(hop.interface), DropReason::NoSourceAddress);
            return None;
        };
        let outgoing = Outgoing {
            source,
            destination: received.source,
            next_header: NextHeader::ICMPV6,
            hop_limit: self.default_hop_limit(hop.interface),
            traffic_class: TrafficClass::default(),
            flow_label: FlowLabel::NONE,
            urgency: Urgency::Control,
            multicast_loop: false,
        };
        Some((outgoing, hop))
    }

    /// Builds and sends an ICMPv6 message.
    pub(crate) fn send_icmpv6(
        &mut self,
        outgoing: &Outgoing,
        hop: &Path,
        message: &Icmpv6Message<'_>,
        now: Instant,
    ) {
        use crate::buffer::{PAYLOAD_OFFSET, PacketBuffer};
        let mut packet = self.pool.allocate(PAYLOAD_OFFSET);
        let Some(room) = packet.as_mut().and_then(|packet| packet.append(message.len())) else {
            if let Some(counters) = self.interface_counters(hop.interface) {
                counters.icmpv6.out_errors += 1;
            }
            return self.count_drop(Some(hop.interface), DropReason::NoBuffer);
        };
        message.emit(outgoing.source, outgoing.destination, room);
        self.count_icmpv6_out(hop.interface, message.kind().0);
        if let Some(packet) = packet {
            self.send_packet(outgoing, hop, packet, now);
        }
    }

    pub(crate) fn count_icmpv6_out(&mut self, index: InterfaceIndex, message_type: u8) {
        if let Some(counters) = self.interface_counters(index) {
            counters.icmpv6.count_out(message_type);
        }
    }

    /// A packet of ours waited for a neighbor that does not answer, or went to one that has not
    /// answered for long: its sender, which may be a program here, gets "address unreachable"
    /// (RFC 4861, Section 7.2.2).
    pub(crate) fn fail_packet(&mut self, interface: InterfaceIndex, packet: &[u8], now: Instant) {
        let Ok((header, _)) = Ipv6Header::parse(packet) else { return };
        if !self.is_own_address(header.source, Some(interface)) {
            return;
        }
        // The message is from this node to itself, so it counts as received and sent by the
        // address of the packet that failed.
        let received = Received {
            interface,
            link_multicast: false,
            looped: true,
            source: header.source,
            destination: header.source,
            hop_limit: header.hop_limit,
            traffic_class: header.traffic_class,
            flow_label: header.flow_label,
            fragment: false,
            router_alert: false,
            upper_offset: Ipv6Header::LEN,
        };
        let code = DestinationUnreachableCode::AddressUnreachable;
        self.send_error(&received, Problem::DestinationUnreachable(code), packet, now);
    }

    /// An ICMPv6 error arrived. It acts only if it quotes a packet that this node may have sent
    /// (RFC 5927, Section 4).
    pub(crate) fn error_input(
        &mut self,
        received: &Received,
        message: &Icmpv6Message<'_>,
        now: Instant,
    ) {
        let invoking = match *message {
            Icmpv6Message::DestinationUnreachable { invoking, .. }
            | Icmpv6Message::PacketTooBig { invoking, .. }
            | Icmpv6Message::TimeExceeded { invoking, .. }
            | Icmpv6Message::ParameterProblem { invoking, .. } => invoking,
            // As in all errors there are, the packet stands behind one more word.
            Icmpv6Message::Unknown { body, .. } => body.get(4..).unwrap_or_default(),
            _ => return,
        };
        let unmatched = DropReason::Icmpv6ErrorUnmatched;
        let Ok((header, payload)) = Ipv6Header::parse_quoted(invoking) else {
            return self.count_drop(Some(received.interface), unmatched);
        };
        if !self.is_own_address(header.source, Some(received.interface)) {
            return self.count_drop(Some(received.interface), unmatched);
        }
        let mut chain = HeaderChain::new(&header, payload);
        let useless = |item: Result<ChainItem<'_>, ChainError>| match item.map(|item| item.header) {
            Err(_) => true,
            // Whose packet it was stands in its first fragment.
            Ok(ExtensionHeader::Fragment(fragment)) => fragment.offset > 0,
            Ok(_) => false,
        };
        if chain.by_ref().any(useless) {
            return self.count_drop(Some(received.interface), unmatched);
        }
        let upper = chain.upper_layer();
        let quoted = Quoted {
            source: header.source,
            destination: header.destination,
            next_header: upper.next_header,
            segment: upper.payload,
        };
        let matched = if upper.next_header == NextHeader::TCP {
            self.tcp_error_input(received, message, &quoted, now)
        } else {
            self.socket_error_input(received, message, &quoted)
        };
        if !matched {
            self.count_drop(Some(received.interface), unmatched);
        }
        // Echo requests of raw sockets match no socket but are ours as well.
        if let Icmpv6Message::PacketTooBig { mtu, .. } = *message
            && (matched || upper.next_header == NextHeader::ICMPV6)
        {
            self.path_mtu_input(received.interface, &quoted, mtu, now);
            if upper.next_header == NextHeader::TCP {
                self.tcp_path_mtu_changed(received, &quoted, now);
            }
        }
    }

    /// A router on the way to the destination of a packet of ours has a smaller MTU
    /// (RFC 8201, Sections 4 and 5.2).
    fn path_mtu_input(
        &mut self,
        interface: InterfaceIndex,
        quoted: &Quoted<'_>,
        mtu: u32,
        now: Instant,
    ) {
        let zone = quoted.destination.needs_zone().then_some(interface);
        let source = Some(quoted.source);
        let Ok(hop) = self.route_from(source, quoted.destination, zone, now) else { return };
        // Section 4: never below the minimum link MTU, and a Packet Too Big never raises it.
        let Ok(mtu) = u16::try_from(mtu) else { return };
        if mtu < MINIMUM_MTU || mtu >= hop.mtu || hop.local {
            return;
        }
        if self.destinations.set_path_mtu((hop.interface, quoted.destination), mtu, now) {
            self.counters.tables.count(TableFull::Destinations);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::icmpv6::Echo;

    fn packet(message: &Icmpv6Message<'_>) -> Vec<u8> {
        let (source, destination) = ("fe80::1".parse().unwrap(), "fe80::2".parse().unwrap());
        let mut packet = vec![0; Ipv6Header::LEN + message.len()];
        Ipv6Header {
            traffic_class: TrafficClass::default(),
            flow_label: FlowLabel::NONE,
            payload_length: message.len() as u16,
            next_header: NextHeader::ICMPV6,
            hop_limit: crate::wire::ipv6::HopLimit::DEFAULT,
            source,
            destination,
        }
        .emit(&mut packet);
        message.emit(source, destination, &mut packet[Ipv6Header::LEN..]);
        packet
    }

    #[test]
    fn errors_are_recognized() {
        let echo = Echo { identifier: 1, sequence: 2, data: &[] };
        assert!(!is_error(&packet(&Icmpv6Message::EchoRequest(echo))));
        assert!(is_error(&packet(&Icmpv6Message::PacketTooBig { mtu: 1300, invoking: &[] })));
        let unknown = |kind| Icmpv6Message::Unknown { kind: Icmpv6Type(kind), code: 0, body: &[] };
        assert!(is_error(&packet(&unknown(100))));
        assert!(!is_error(&packet(&unknown(200))));
        let redirect = packet(&unknown(137));
        assert!(is_error(&redirect));
        assert!(is_error(&redirect[..20]), "what cannot be told is not answered");
    }
}
