//! IPv6 input: validation, extension headers, and which protocol gets the packet
//! (RFC 8200; RFC 4291 for what addresses may appear).

use crate::address::{AddressExt, Scope};
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::DropReason;
use crate::icmpv6_error::Problem;
use crate::interface::{Interface, InterfaceIndex};
use crate::ipv6_output::place;
use crate::limits;
use crate::memo::Memo;
use crate::random::Random;
use crate::reassembly::{NoTail, Tail};
use crate::stack::Stack;
use crate::time::Instant;
use crate::unicast::State;
use crate::wire::ParseError;
use crate::wire::extension::{
    ChainItem, ExtensionHeader, FragmentHeader, HeaderChain, OptionsHeader, RoutingHeader,
};
use crate::wire::icmpv6::ParameterProblemCode;
use crate::wire::ipv6::{Ecn, FlowLabel, HopLimit, Ipv6Header, NextHeader, TrafficClass};
use crate::wire::option::{HeaderOption, OptionType, UnknownOptionAction};
use core::net::Ipv6Addr;

/// How a packet came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// The interface it counts as received by.
    pub(crate) interface: InterfaceIndex,
    /// It came in a link-layer multicast frame.
    pub(crate) link_multicast: bool,
    /// This node sent it.
    pub(crate) looped: bool,
}

/// Addresses of packets that were taken lately, with what [`crate::interface_table`] counted then.
pub(crate) type AdmissionMemo = Memo<(u32, InterfaceIndex, bool, Ipv6Addr, Ipv6Addr), (), 16>;

/// A packet that is being processed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) interface: InterfaceIndex,
    pub(crate) link_multicast: bool,
    pub(crate) looped: bool,
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    pub(crate) hop_limit: HopLimit,
    pub(crate) traffic_class: TrafficClass,
    pub(crate) flow_label: FlowLabel,
    /// It has a fragment header.
    pub(crate) fragment: bool,
    /// It has a Router Alert option for MLD (RFC 2711).
    pub(crate) router_alert: bool,
    /// Where the upper layer begins, from the first octet of the IPv6 header.
    pub(crate) upper_offset: usize,
}

/// What the headers of a packet say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Headers {
    pub(crate) received: Received,
    /// The protocol of the upper layer.
    pub(crate) next_header: NextHeader,
    /// Where the field is that named it.
    pub(crate) named_at: usize,
}

/// A fragment, unless it is a whole packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Piece {
    pub(crate) header: FragmentHeader,
    /// Where its data begins, from the first octet of the IPv6 header.
    pub(crate) data_offset: usize,
}

/// Why a packet goes no further, and what is said about it to its source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Refusal {
    reason: DropReason,
    problem: Option<Problem>,
}

impl Refusal {
    const fn silent(reason: DropReason) -> Self {
        Self { reason, problem: None }
    }

    const fn problem(reason: DropReason, code: ParameterProblemCode, pointer: usize) -> Self {
        let problem = Problem::Parameter { code, pointer: pointer as u32, any_destination: false };
        Self { reason, problem: Some(problem) }
    }
}

/// What the header chain leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Upper {
    next_header: NextHeader,
    offset: usize,
    named_at: usize,
    fragment: bool,
    piece: Option<Piece>,
    router_alert: bool,
}

/// Checks a fragment header (RFC 8200, Section 4.5). `None` when the fragment is a whole packet,
/// which is processed as such (RFC 6946, Section 4).
fn check_fragment(
    item: &ChainItem<'_>,
    header: FragmentHeader,
    payload_len: usize,
) -> Result<Option<Piece>, Refusal> {
    let reason = DropReason::FragmentMalformed;
    if header.is_atomic() {
        return Ok(None);
    }
    if header.more && !item.rest.len().is_multiple_of(8) {
        let pointer = Ipv6Header::PAYLOAD_LENGTH_OFFSET;
        return Err(Refusal::problem(reason, ParameterProblemCode::ErroneousField, pointer));
    }
    // The packet's payload is what stands before the fragment header, and all fragments' data.
    let before = payload_len.saturating_sub(FragmentHeader::LEN + item.rest.len());
    if before + usize::from(header.offset) + item.rest.len() > usize::from(u16::MAX) {
        let pointer = item.offset + FragmentHeader::FRAGMENT_OFFSET_OFFSET;
        return Err(Refusal::problem(reason, ParameterProblemCode::ErroneousField, pointer));
    }
    if item.rest.is_empty() {
        return Err(Refusal::silent(reason));
    }
    Ok(Some(Piece { header, data_offset: item.offset + FragmentHeader::LEN }))
}

/// Octets of an upper-layer header that a first fragment must have (RFC 7112, Section 5).
const fn upper_header_len(next_header: NextHeader) -> usize {
    match next_header {
        NextHeader::TCP => 20,
        NextHeader::UDP => 8,
        NextHeader::ICMPV6 => 4,
        NextHeader::NONE => 0,
        _ => 1,
    }
}

/// Walks the extension headers strictly in order (RFC 8200, Section 4.1): the first one that
/// refuses the packet decides.
fn walk(header: &Ipv6Header, payload: &[u8]) -> Result<Upper, Refusal> {
    let multicast = header.destination.is_multicast();
    let (mut fragment, mut router_alert) = (false, false);
    let mut piece: Option<Piece> = None;
    let incomplete = Refusal::problem(
        DropReason::FragmentIncompleteChain,
        ParameterProblemCode::IncompleteChain,
        0,
    );
    let mut chain = HeaderChain::new(header, payload);
    let mut count = 0;
    for item in chain.by_ref() {
        let item = match item {
            Ok(item) => item,
            // RFC 8200 does not say what a header that runs past the packet is; a Parameter
            // Problem about the header's length tells its sender.
            Err(error) => {
                let reason = DropReason::ExtensionMalformed;
                return Err(match error.error {
                    ParseError::Truncated if piece.is_some() => incomplete,
                    ParseError::Truncated => Refusal::silent(reason),
                    _ => Refusal::problem(
                        reason,
                        ParameterProblemCode::ErroneousField,
                        error.offset + 1,
                    ),
                });
            }
        };
        count += 1;
        if count > limits::EXTENSION_HEADERS {
            return Err(Refusal::silent(DropReason::ExtensionTooMany));
        }
        match item.header {
            ExtensionHeader::HopByHop(options) => {
                router_alert |= check_options(&item, &options, multicast)?;
            }
            ExtensionHeader::Destination(options) => {
                check_options(&item, &options, multicast)?;
            }
            ExtensionHeader::Routing(routing) if routing.segments_left == 0 => {}
            // RFC 8200, Section 4.4: an unrecognized type with segments left. No type is
            // recognized; type 0 is treated the same (RFC 5095, Section 3).
            ExtensionHeader::Routing(_) => {
                return Err(Refusal::problem(
                    DropReason::RoutingHeader,
                    ParameterProblemCode::ErroneousField,
                    item.offset + RoutingHeader::ROUTING_TYPE_OFFSET,
                ));
            }
            ExtensionHeader::Fragment(header) => {
                fragment = true;
                if piece.is_some() {
                    return Err(Refusal::silent(DropReason::FragmentMalformed));
                }
                piece = check_fragment(&item, header, payload.len())?;
            }
        }
    }
    let upper = chain.upper_layer();
    if piece.is_some_and(|piece| piece.header.offset == 0)
        && upper.payload.len() < upper_header_len(upper.next_header)
    {
        return Err(incomplete);
    }
    Ok(Upper {
        next_header: upper.next_header,
        offset: upper.offset,
        named_at: upper.named_at,
        fragment,
        piece,
        router_alert,
    })
}

/// Obeys the action bits of unknown options, in order of appearance (RFC 8200, Section 4.2).
/// Gives whether a Router Alert for MLD is there.
fn check_options(
    item: &ChainItem<'_>,
    header: &OptionsHeader<'_>,
    multicast: bool,
) -> Result<bool, Refusal> {
    /// Jumbo Payload (RFC 2675, Section 2).
    const JUMBO_PAYLOAD: OptionType = OptionType(0xc2);
    let mut router_alert = false;
    let mut unknown = 0;
    for (offset, option) in header.options {
        let kind = match option {
            HeaderOption::Pad1 | HeaderOption::PadN(_) => continue,
            HeaderOption::RouterAlert(_) => {
                router_alert |= option == HeaderOption::ROUTER_ALERT_MLD;
                continue;
            }
            HeaderOption::Unknown { kind, .. } => kind,
        };
        unknown += 1;
        let pointer = item.offset + OptionsHeader::OPTIONS_OFFSET + offset;
        let reason =
            if kind == JUMBO_PAYLOAD { DropReason::OptionJumbo } else { DropReason::OptionUnknown };
        let report = |any_destination| {
            let code = ParameterProblemCode::UnrecognizedOption;
            let problem = Problem::Parameter { code, pointer: pointer as u32, any_destination };
            Err(Refusal { reason, problem: Some(problem) })
        };
        match kind.unknown_action() {
            UnknownOptionAction::Skip if unknown > limits::UNKNOWN_OPTIONS => {
                return Err(Refusal::silent(DropReason::OptionTooMany));
            }
            UnknownOptionAction::Skip => {}
            UnknownOptionAction::Discard => return Err(Refusal::silent(reason)),
            UnknownOptionAction::DiscardAndReport => return report(true),
            UnknownOptionAction::DiscardAndReportUnlessMulticast if multicast => {
                return Err(Refusal::silent(reason));
            }
            UnknownOptionAction::DiscardAndReportUnlessMulticast => return report(false),
        }
    }
    Ok(router_alert)
}

/// Whether a packet with these addresses may arrive in this way.
fn check_addresses(header: &Ipv6Header, looped: bool) -> Result<(), DropReason> {
    let (source, destination) = (header.source, header.destination);
    if source.is_multicast() {
        return Err(DropReason::Ipv6SourceMulticast);
    }
    if destination.is_unspecified() {
        return Err(DropReason::Ipv6DestinationUnspecified);
    }
    // RFC 4291, Section 2.5.3: ::1 never appears on a link.
    if !looped && (source.is_loopback() || destination.is_loopback()) {
        return Err(DropReason::Ipv6Loopback);
    }
    if source.is_v4_mapped() || destination.is_v4_mapped() {
        return Err(DropReason::Ipv6Mapped);
    }
    // RFC 4291, Section 2.7: scope 0 is dropped; scope 1 does not leave the interface.
    if destination.is_multicast() {
        let scope = destination.scope();
        if scope == Scope::RESERVED || scope == Scope::INTERFACE_LOCAL && !looped {
            return Err(DropReason::Ipv6MulticastScope);
        }
    }
    Ok(())
}

/// Whether the interface takes packets to `destination`.
fn check_destination<B>(interface: &Interface<B>, destination: Ipv6Addr) -> Result<(), DropReason> {
    if destination.is_multicast() {
        return if interface.listener.is_member(destination) {
            Ok(())
        } else {
            Err(DropReason::Ipv6NotMember)
        };
    }
    match interface.addresses.get(destination).map(|entry| &entry.state) {
        Some(State::Preferred | State::Deprecated | State::Optimistic(_)) => Ok(()),
        // RFC 4862, Section 5.4: not assigned in the traditional sense.
        Some(State::Tentative(_) | State::Duplicated) => Err(DropReason::Ipv6Tentative),
        None => Err(DropReason::Ipv6NotForUs),
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// A packet arrived, behind so many octets of a link-layer header; it may end with padding.
    #[inline]
    pub(crate) fn ipv6_input(
        &mut self,
        arrival: Arrival,
        link_header: usize,
        mut packet: P::Buffer,
        now: Instant,
    ) {
        let index = arrival.interface;
        let octets = packet.data().get(link_header..).unwrap_or(&[]);
        let Some(counters) = self.interfaces.counters(index) else {
            return self.count_drop(None, DropReason::InterfaceDown);
        };
        let ipv6 = &mut counters.ipv6;
        ipv6.in_receives += 1;
        ipv6.in_octets += octets.len() as u64;
        let header = match Ipv6Header::parse(octets) {
            Ok((header, _)) => header,
            Err(ParseError::BadVersion) => {
                return self.drop_received(index, DropReason::Ipv6BadVersion);
            }
            Err(_) => return self.drop_received(index, DropReason::Ipv6Truncated),
        };
        *match header.traffic_class.ecn() {
            Ecn::NotCapable => &mut ipv6.in_not_ect_packets,
            Ecn::Capable1 => &mut ipv6.in_ect1_packets,
            Ecn::Capable0 => &mut ipv6.in_ect0_packets,
            Ecn::CongestionExperienced => &mut ipv6.in_ce_packets,
        } += 1;
        let length = Ipv6Header::LEN + usize::from(header.payload_length);
        // At once, so that it is done when the buffer is handed on.
        packet.trim_front(link_header);
        packet.truncate(length);
        trace!(
            "ipv6 in on {=u32}: {} to {}, next header {=u8}, {=usize} octets",
            index.get(),
            header.source,
            header.destination,
            header.next_header.0,
            length
        );
        if header.destination.is_group() {
            ipv6.in_multicast_packets += 1;
            ipv6.in_multicast_octets += length as u64;
        }
        if let Err(reason) = self.admit(arrival, &header) {
            return self.drop_received(index, reason);
        }
        let received = Received {
            interface: index,
            link_multicast: arrival.link_multicast,
            looped: arrival.looped,
            source: header.source,
            destination: header.destination,
            hop_limit: header.hop_limit,
            traffic_class: header.traffic_class,
            flow_label: header.flow_label,
            fragment: false,
            router_alert: false,
            upper_offset: Ipv6Header::LEN,
        };
        // Nearly all packets have no extension headers.
        match header.next_header {
            NextHeader::ICMPV6 => {
                return self.icmpv6_input(&received, packet, &mut NoTail::new(), now);
            }
            NextHeader::UDP if !received.source.is_unspecified() => {
                return self.udp_input(&received, packet, &mut NoTail::new(), now);
            }
            NextHeader::TCP if !received.source.is_unspecified() => {
                return self.tcp_input(&received, packet, now);
            }
            _ => {}
        }
        self.chain_input(received, &header, packet, now);
    }

    /// A packet with extension headers, or for no protocol known here.
    #[inline(never)]
    fn chain_input(
        &mut self,
        mut received: Received,
        header: &Ipv6Header,
        packet: P::Buffer,
        now: Instant,
    ) {
        let index = received.interface;
        let payload = packet.data().get(Ipv6Header::LEN..).unwrap_or(&[]);
        let upper = match walk(header, payload) {
            Ok(upper) => upper,
            Err(refusal) => {
                self.drop_received(index, refusal.reason);
                if let Some(problem) = refusal.problem {
                    self.send_error(&received, problem, packet.data(), now);
                }
                return;
            }
        };
        received.upper_offset = upper.offset;
        received.fragment = upper.fragment;
        received.router_alert = upper.router_alert;
        let headers =
            Headers { received, next_header: upper.next_header, named_at: upper.named_at };
        match upper.piece {
            Some(piece) => self.fragment_input(headers, &piece, packet, now),
            None => self.upper_input(&headers, packet, &mut NoTail::new(), now),
        }
    }

    /// Whether a packet with these addresses is taken. What was taken is remembered as long as
    /// addresses and groups stay as they are.
    #[inline]
    fn admit(&mut self, arrival: Arrival, header: &Ipv6Header) -> Result<(), DropReason> {
        let Arrival { interface, looped, .. } = arrival;
        let question =
            (self.interfaces.changes(), interface, looped, header.source, header.destination);
        let place = place(header.source);
        if self.admitted.find(place, &question).is_none() {
            self.check_admission(arrival, header)?;
            self.admitted.put(place, question, ());
        }
        Ok(())
    }

    #[inline(never)]
    fn check_admission(&self, arrival: Arrival, header: &Ipv6Header) -> Result<(), DropReason> {
        let index = arrival.interface;
        check_addresses(header, arrival.looped)?;
        if self.anycast.has(index, header.destination) {
            return Ok(());
        }
        let interface = self.interface(index).ok_or(DropReason::InterfaceDown)?;
        check_destination(interface, header.destination).map_err(|reason| {
            match self.owner_of(header.destination, Some(index)) {
                // Strong host model: our address, but on another link (RFC 8028, Section 1.1).
                Some(_) if reason == DropReason::Ipv6NotForUs => DropReason::Ipv6OtherInterface,
                _ => reason,
            }
        })
    }

    /// A whole packet goes to the protocol of its upper layer. If it came in several fragments,
    /// `packet` is the first one, headers and all, and `tail` are the others.
    pub(crate) fn upper_input(
        &mut self,
        headers: &Headers,
        packet: P::Buffer,
        tail: &mut Tail<P::Buffer>,
        now: Instant,
    ) {
        let &Headers { ref received, next_header, named_at } = headers;
        let index = received.interface;
        // RFC 4291, Section 2.5.2: `::` is a source for those who have no address yet, and those
        // speak ICMPv6 (Neighbor Discovery, MLD).
        if received.source.is_unspecified() && next_header != NextHeader::ICMPV6 {
            return self.drop_received(index, DropReason::Ipv6SourceUnspecified);
        }
        match next_header {
            NextHeader::ICMPV6 => self.icmpv6_input(received, packet, tail, now),
            NextHeader::UDP => self.udp_input(received, packet, tail, now),
            NextHeader::TCP => {
                if let Some(packet) = self.in_one_buffer(index, packet, tail) {
                    self.tcp_input(received, packet, now);
                }
            }
            // RFC 8200, Section 4.7: whatever follows is ignored.
            NextHeader::NONE => self.drop_received(index, DropReason::Ipv6NoNextHeader),
            _ => {
                self.drop_received(index, DropReason::Ipv6UnknownNextHeader);
                let problem = Problem::Parameter {
                    code: ParameterProblemCode::UnrecognizedNextHeader,
                    pointer: named_at as u32,
                    any_destination: false,
                };
                self.send_error(received, problem, packet.data(), now);
            }
        }
    }

    /// Counts a packet that was handed to a transport.
    pub(crate) fn count_deliver(&mut self, index: InterfaceIndex) {
        if let Some(counters) = self.interface_counters(index) {
            counters.ipv6.in_delivers += 1;
        }
    }

    /// Counts a received packet that goes no further, under its reason and under Linux's name.
    pub(crate) fn drop_received(&mut self, index: InterfaceIndex, reason: DropReason) {
        use DropReason as Reason;
        if let Some(counters) = self.interface_counters(index) {
            let ipv6 = &mut counters.ipv6;
            match reason {
                Reason::Ipv6Truncated => ipv6.in_truncated_packets += 1,
                Reason::Ipv6BadVersion
                | Reason::ExtensionMalformed
                | Reason::ExtensionTooMany
                | Reason::FragmentMalformed
                | Reason::FragmentIncompleteChain
                | Reason::OptionTooMany
                | Reason::OptionUnknown
                | Reason::OptionJumbo
                | Reason::RoutingHeader => ipv6.in_header_errors += 1,
                Reason::Ipv6SourceMulticast
                | Reason::Ipv6Loopback
                | Reason::Ipv6Mapped
                | Reason::Ipv6DestinationUnspecified
                | Reason::Ipv6SourceUnspecified
                | Reason::Ipv6MulticastScope
                | Reason::Ipv6NotForUs
                | Reason::Ipv6OtherInterface
                | Reason::Ipv6Tentative => ipv6.in_address_errors += 1,
                Reason::Ipv6UnknownNextHeader => ipv6.in_unknown_protocols += 1,
                _ => ipv6.in_discards += 1,
            }
        }
        self.count_drop(Some(index), reason);
    }
}

#[cfg(test)]
#[path = "ipv6_input_tests.rs"]
mod tests;
