//! Sending a datagram: destination, route, source address, size, then the payload is written once
//! into the packet that goes out.

use super::connect::{ZoneError, output_interface};
use super::{Endpoint, SendError, SocketId, SocketKind};
use crate::address::AddressExt;
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::DropReason;
use crate::fragmentation::{FragmentError, capacity, fill_icmpv6_checksum, fragment_count};
use crate::interface::InterfaceIndex;
use crate::ipv6_output::{NoRoute, Outgoing, Path, Urgency};
use crate::random::Random;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::wire::checksum::Checksum;
use crate::wire::icmpv6::{self, Icmpv6Type};
use crate::wire::ipv6::{FlowLabel, HopLimit, Ipv6Header, NextHeader, TrafficClass};
use crate::wire::udp::UdpHeader;
use core::net::{Ipv6Addr, SocketAddrV6};

/// How long a sender that found no free buffer waits before it tries again: nothing tells when
/// one is free.
const SEND_RETRY: Duration = Duration::from_millis(10);

/// What one datagram wants different from its socket: control messages of sendmsg
/// (RFC 3542, Section 6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SendOptions {
    /// IPV6_PKTINFO: the source address.
    pub source: Option<Ipv6Addr>,
    /// IPV6_PKTINFO: the interface.
    pub interface: Option<InterfaceIndex>,
    /// IPV6_HOPLIMIT.
    pub hop_limit: Option<HopLimit>,
    /// IPV6_TCLASS.
    pub traffic_class: Option<TrafficClass>,
    /// MSG_CONFIRM: the last answer proves that the neighbor is reachable
    /// (RFC 4861, Section 7.3.1).
    pub confirm: bool,
}

/// Everything about a datagram but its payload.
#[derive(Clone, Copy)]
struct Plan {
    kind: SocketKind,
    local_port: u16,
    remote: Endpoint,
    source: Ipv6Addr,
    hop: Path,
    hop_limit: HopLimit,
    traffic_class: TrafficClass,
    multicast_loop: bool,
    auto_flow_label: bool,
    /// It has no UDP checksum.
    unchecked: bool,
    /// It is longer than the path allows.
    fragmented: bool,
}

/// Octets of transport header that the stack puts in front of what the user writes.
const fn header_len(kind: SocketKind) -> usize {
    match kind {
        SocketKind::Udp => UdpHeader::LEN,
        SocketKind::Icmpv6Raw | SocketKind::Icmpv6Echo => 0,
    }
}

const fn without_checksum_if(unchecked: bool, header: UdpHeader) -> UdpHeader {
    if unchecked { UdpHeader { checksum: 0, ..header } } else { header }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Sends a datagram of `length` octets, which `fill` writes: in one go, or, if it has to be
    /// fragmented (RFC 8200, Section 4.5), piece by piece from the beginning to the end. For ICMPv6 sockets these are a
    /// whole message; the stack puts in the checksum and, for echo sockets, the identifier.
    ///
    /// Without a destination it goes to the peer. A pending error is reported instead of sending.
    pub fn send<E>(
        &mut self,
        id: SocketId,
        destination: Option<SocketAddrV6>,
        length: usize,
        fill: impl FnMut(&mut [u8]) -> Result<(), E>,
        options: &SendOptions,
        now: Instant,
    ) -> Result<(), SendError<E>> {
        let result =
            self.plan(id, destination, length, options, now).map_err(widen).and_then(|plan| {
                if plan.fragmented {
                    self.send_in_fragments(id, &plan, length, fill, now)
                } else {
                    self.send_planned(id, &plan, length, fill, now)
                }
            });
        self.finish(now);
        result
    }

    fn plan(
        &mut self,
        id: SocketId,
        destination: Option<SocketAddrV6>,
        length: usize,
        options: &SendOptions,
        now: Instant,
    ) -> Result<Plan, SendError> {
        let socket = self.sockets.get_mut(id).ok_or(SendError::Closed)?;
        if let Some(error) = socket.take_pending_error() {
            return Err(SendError::Pending(error));
        }
        if socket.send_shut_down {
            return Err(SendError::ShutDown);
        }
        let kind = socket.kind;
        if kind == SocketKind::Icmpv6Echo && length < icmpv6::HEADER_LEN
            || kind == SocketKind::Icmpv6Raw && length < icmpv6::CHECKSUM_OFFSET + 2
        {
            return Err(SendError::Invalid);
        }
        let peer = socket.remote.map(|remote| {
            let scope_id = remote.zone.map_or(0, InterfaceIndex::get);
            SocketAddrV6::new(remote.address, remote.port, 0, scope_id)
        });
        let mut destination = destination.or(peer).ok_or(SendError::DestinationRequired)?;
        if destination.ip().is_unspecified() {
            destination.set_ip(Ipv6Addr::LOCALHOST);
        }
        let address = *destination.ip();
        if address.is_v4_mapped() || kind == SocketKind::Udp && destination.port() == 0 {
            return Err(SendError::Invalid);
        }
        if length > socket.options.send_buffer {
            return Err(SendError::TooBig(socket.options.send_buffer));
        }
        let interface = output_interface(socket, &destination, options.interface)
            .map_err(|ZoneError| SendError::Invalid)?;
        let socket_options = socket.options;
        let wanted_source =
            options.source.filter(|source| !source.is_unspecified()).or_else(|| {
                let local = socket.local.address;
                // A connected socket's own choice holds for its peer, the user's for everybody.
                let holds = socket.address_bound || Some(destination) == peer;
                (holds && local.is_assignable()).then_some(local)
            });
        if interface.is_some_and(|index| self.interface(index).is_none()) {
            return Err(SendError::NoInterface);
        }
        let hop = match self.route_from(wanted_source, address, interface, now) {
            Ok(hop) => hop,
            Err(error) => {
                self.count_no_route(interface, error);
                return Err(match error {
                    NoRoute::NoMatch => SendError::NetworkUnreachable,
                    NoRoute::Unreachable => SendError::HostUnreachable,
                    NoRoute::Prohibited => SendError::Prohibited,
                    NoRoute::Blackhole => SendError::Invalid,
                    NoRoute::InterfaceDown => SendError::InterfaceDown,
                });
            }
        };
        let source = if let Some(source) = wanted_source {
            let zone = source.needs_zone().then_some(hop.interface);
            if !self.is_own_address(source, zone) {
                return Err(if options.source.is_some() {
                    SendError::BadSource
                } else {
                    SendError::NoSourceAddress
                });
            }
            source
        } else {
            let preference = socket_options.source_preference;
            self.select_source_by(preference, address, &hop).ok_or_else(|| {
                self.count_drop(Some(hop.interface), DropReason::NoSourceAddress);
                SendError::NoSourceAddress
            })?
        };
        let discovery = socket_options.path_mtu_discovery;
        let refuses = socket_options.dont_fragment || !discovery.fragments();
        let size = socket_options.fragment_size.unwrap_or(u16::MAX);
        let hop = Path { mtu: self.mtu_of(&hop, discovery).min(size), ..hop };
        let headers = Ipv6Header::LEN + header_len(kind);
        let room = usize::from(hop.mtu).saturating_sub(headers);
        let fragmented = length > room;
        let longest = usize::from(u16::MAX) - header_len(kind);
        if fragmented && refuses || length > longest {
            self.count_fragmentation_failure(hop.interface);
            self.queue_too_big(id, destination, &hop);
            let room = if refuses { room } else { longest };
            return Err(SendError::TooBig(room));
        }
        if !self.ensure_port(id) {
            return Err(SendError::NoPort);
        }
        let local_port = self.sockets.get(id).map_or(0, |socket| socket.local.port);
        let default_hops = self.default_hop_limit(hop.interface);
        Ok(Plan {
            kind,
            local_port,
            remote: Endpoint { address, port: destination.port(), zone: None },
            source,
            hop,
            hop_limit: options.hop_limit.unwrap_or(if address.is_multicast() {
                socket_options.multicast_hops
            } else {
                socket_options.unicast_hops.unwrap_or(default_hops)
            }),
            traffic_class: options.traffic_class.unwrap_or(socket_options.traffic_class),
            multicast_loop: socket_options.multicast_loop,
            auto_flow_label: socket_options.auto_flow_label,
            unchecked: socket_options.send_unchecked,
            fragmented,
        })
        .inspect(|plan| {
            if options.confirm {
                self.confirm_neighbor(plan.hop.interface, plan.hop.next_hop, now);
            }
        })
    }

    fn send_planned<E>(
        &mut self,
        id: SocketId,
        plan: &Plan,
        length: usize,
        mut fill: impl FnMut(&mut [u8]) -> Result<(), E>,
        now: Instant,
    ) -> Result<(), SendError<E>> {
        let &Plan { kind, local_port, remote, source, hop, .. } = plan;
        if !self.has_room(&hop, Urgency::User, 1) {
            self.wait_to_send(id, now);
            return Err(SendError::WouldBlock);
        }
        let Some(mut packet) = self.pool.allocate(crate::buffer::PAYLOAD_OFFSET) else {
            self.count_drop(Some(hop.interface), DropReason::NoBuffer);
            self.wait_to_send(id, now);
            return Err(SendError::WouldBlock);
        };
        let Some(payload) = packet.append(length) else {
            self.count_fragmentation_failure(hop.interface);
            return Err(SendError::TooBig(packet.tailroom()));
        };
        fill(payload).map_err(SendError::Fill)?;
        match kind {
            SocketKind::Udp => {
                let mut sum = Checksum::new();
                sum.add(packet.data());
                let header = UdpHeader::new(
                    (source, local_port),
                    (remote.address, remote.port),
                    length,
                    sum,
                )
                .map(|header| without_checksum_if(plan.unchecked, header));
                let (Some(header), Some(room)) = (header, packet.prepend(UdpHeader::LEN)) else {
                    return Err(SendError::TooBig(usize::from(u16::MAX) - UdpHeader::LEN));
                };
                header.emit(room);
            }
            SocketKind::Icmpv6Echo => {
                let message = packet.data_mut();
                if !identify_echo(message, local_port) {
                    return Err(SendError::NotEchoRequest);
                }
                icmpv6::fill_checksum(source, remote.address, message);
            }
            SocketKind::Icmpv6Raw => {
                icmpv6::fill_checksum(source, remote.address, packet.data_mut());
            }
        }
        let outgoing = self.outgoing(plan);
        self.count_datagram(plan, packet.data());
        // What is lost from here on is counted there, and no error for the user: the network
        // may lose datagrams.
        self.send_packet(&outgoing, &hop, packet, now);
        Ok(())
    }

    /// Sends a datagram that is longer than the path allows.
    fn send_in_fragments<E>(
        &mut self,
        id: SocketId,
        plan: &Plan,
        length: usize,
        fill: impl FnMut(&mut [u8]) -> Result<(), E>,
        now: Instant,
    ) -> Result<(), SendError<E>> {
        let &Plan { kind, local_port, remote, source, hop, .. } = plan;
        let header = header_len(kind);
        if !self.has_room(&hop, Urgency::User, fragment_count(header + length, hop.mtu)) {
            self.wait_to_send(id, now);
            return Err(SendError::WouldBlock);
        }
        let too_big = SendError::TooBig(usize::from(u16::MAX) - header);
        let mut fragments = match self.fill_fragments((header, length), capacity(hop.mtu), fill) {
            Ok(fragments) => fragments,
            Err(FragmentError::NoBuffer) => {
                self.count_drop(Some(hop.interface), DropReason::NoBuffer);
                self.wait_to_send(id, now);
                return Err(SendError::WouldBlock);
            }
            Err(FragmentError::TooLong) => {
                self.count_fragmentation_failure(hop.interface);
                return Err(too_big);
            }
            Err(FragmentError::Fill(error)) => return Err(SendError::Fill(error)),
        };
        if kind == SocketKind::Udp {
            let mut sum = Checksum::new();
            for fragment in &fragments {
                sum.add(fragment.data());
            }
            let ends = ((source, local_port), (remote.address, remote.port));
            let header = UdpHeader::new(ends.0, ends.1, length, sum)
                .map(|header| without_checksum_if(plan.unchecked, header));
            let room = fragments.first_mut().and_then(|first| first.prepend(UdpHeader::LEN));
            let (Some(header), Some(room)) = (header, room) else { return Err(too_big) };
            header.emit(room);
        } else {
            let first = fragments.first_mut().map(PacketBuffer::data_mut);
            if kind == SocketKind::Icmpv6Echo
                && !first.is_some_and(|message| identify_echo(message, local_port))
            {
                return Err(SendError::NotEchoRequest);
            }
            fill_icmpv6_checksum((source, remote.address), &mut fragments);
        }
        let outgoing = self.outgoing(plan);
        self.count_datagram(plan, fragments.first().map_or(&[], |first| first.data()));
        self.send_fragments(&outgoing, &hop, fragments, now);
        Ok(())
    }

    fn outgoing(&self, plan: &Plan) -> Outgoing {
        let &Plan { kind, local_port, remote, source, .. } = plan;
        let next_header = match kind {
            SocketKind::Udp => NextHeader::UDP,
            SocketKind::Icmpv6Echo | SocketKind::Icmpv6Raw => NextHeader::ICMPV6,
        };
        Outgoing {
            source,
            destination: remote.address,
            next_header,
            hop_limit: plan.hop_limit,
            traffic_class: plan.traffic_class,
            flow_label: if plan.auto_flow_label {
                self.flow_label((source, local_port), (remote.address, remote.port), next_header)
            } else {
                FlowLabel::NONE
            },
            urgency: Urgency::User,
            multicast_loop: plan.multicast_loop,
        }
    }

    fn count_datagram(&mut self, plan: &Plan, segment: &[u8]) {
        if plan.kind == SocketKind::Udp {
            self.counters.udp.out_datagrams += 1;
        } else if let Some(&message_type) = segment.first() {
            self.count_icmpv6_out(plan.hop.interface, message_type);
        }
    }

    /// A send was refused for want of room: the socket is told when there is some.
    fn wait_to_send(&mut self, id: SocketId, now: Instant) {
        self.send_retry = self.send_retry.min(now + SEND_RETRY);
        if let Some(socket) = self.sockets.get_mut(id) {
            if socket.kind == SocketKind::Udp {
                self.counters.udp.send_buffer_errors += 1;
            }
            if !core::mem::replace(&mut socket.waits_to_send, true) {
                self.sockets.waiting_to_send += 1;
            }
        }
    }

    /// There is room to send again: whoever waits for that may try.
    pub(crate) fn wake_senders(&mut self) {
        self.send_retry = Instant::FAR_FUTURE;
        while self.sockets.waiting_to_send > 0 {
            let waiting =
                self.sockets.iter().find(|(_, socket)| socket.waits_to_send).map(|(id, _)| id);
            let Some(id) = waiting else {
                self.sockets.waiting_to_send = 0;
                return;
            };
            if let Some(socket) = self.sockets.get_mut(id) {
                socket.waits_to_send = false;
            }
            self.sockets.waiting_to_send -= 1;
            self.notify_socket(id);
        }
    }
}

/// Puts the identifier into an echo request; false if it is none.
fn identify_echo(message: &mut [u8], identifier: u16) -> bool {
    if message.first_chunk() != Some(&[Icmpv6Type::ECHO_REQUEST.0, 0]) {
        return false;
    }
    if let Some(octets) = message.get_mut(4..6) {
        octets.copy_from_slice(&identifier.to_be_bytes());
    }
    true
}

/// An error without a payload's, as one with.
fn widen<E>(error: SendError) -> SendError<E> {
    match error {
        SendError::Closed => SendError::Closed,
        SendError::Pending(error) => SendError::Pending(error),
        SendError::ShutDown => SendError::ShutDown,
        SendError::DestinationRequired => SendError::DestinationRequired,
        SendError::Invalid => SendError::Invalid,
        SendError::BadSource => SendError::BadSource,
        SendError::NoInterface => SendError::NoInterface,
        SendError::NetworkUnreachable => SendError::NetworkUnreachable,
        SendError::HostUnreachable => SendError::HostUnreachable,
        SendError::Prohibited => SendError::Prohibited,
        SendError::InterfaceDown => SendError::InterfaceDown,
        SendError::NoSourceAddress => SendError::NoSourceAddress,
        SendError::TooBig(room) => SendError::TooBig(room),
        SendError::NotEchoRequest => SendError::NotEchoRequest,
        SendError::WouldBlock => SendError::WouldBlock,
        SendError::NoPort => SendError::NoPort,
        SendError::Fill(never) => match never {},
    }
}
