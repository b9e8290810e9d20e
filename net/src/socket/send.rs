//! Sending a datagram: destination, route, source address, size, then the payload is written once
//! into the packet that goes out.

use super::extension::{SendHeaders, prepend};
use super::plan::{Plan, header_len};
use super::{SendError, SocketId, SocketKind};
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::counters::DropReason;
use crate::fragmentation::{FragmentError, capacity, fill_icmpv6_checksum, fragment_count};
use crate::interface::InterfaceIndex;
use crate::ipv6_output::{Outgoing, Urgency};
use crate::random::Random;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::wire::checksum::Checksum;
use crate::wire::icmpv6::{self, Icmpv6Type};
use crate::wire::ipv6::{FlowLabel, HopLimit, TrafficClass};
use crate::wire::udp::UdpHeader;
use core::net::{Ipv6Addr, SocketAddrV6};

/// How long a sender that found no free buffer waits before it tries again: nothing tells when
/// one is free.
const SEND_RETRY: Duration = Duration::from_millis(10);

/// What one datagram wants different from its socket: control messages of sendmsg
/// (RFC 3542, Section 6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SendOptions<'a> {
    /// IPV6_PKTINFO: the source address.
    pub source: Option<Ipv6Addr>,
    /// IPV6_PKTINFO: the interface.
    pub interface: Option<InterfaceIndex>,
    /// IPV6_HOPLIMIT.
    pub hop_limit: Option<HopLimit>,
    /// IPV6_TCLASS.
    pub traffic_class: Option<TrafficClass>,
    /// The flow label (IPV6_FLOWINFO_SEND); otherwise the stack's choice.
    pub flow_label: Option<FlowLabel>,
    /// IPV6_HOPOPTS and IPV6_DSTOPTS.
    pub headers: SendHeaders<'a>,
    /// MSG_CONFIRM: the last answer proves that the neighbor is reachable
    /// (RFC 4861, Section 7.3.1).
    pub confirm: bool,
}

impl SendOptions<'_> {
    /// Whether nothing is different.
    #[inline]
    pub(super) const fn is_default(&self) -> bool {
        matches!(
            self,
            Self {
                source: None,
                interface: None,
                hop_limit: None,
                traffic_class: None,
                flow_label: None,
                headers: SendHeaders { hop_by_hop: None, destination: None },
                confirm: false
            }
        )
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
        mut fill: impl FnMut(&mut [u8]) -> Result<(), E>,
        options: &SendOptions<'_>,
        now: Instant,
    ) -> Result<(), SendError<E>> {
        let sent = if options.is_default() {
            self.send_as_before(id, destination, length, &mut fill, now)
        } else {
            None
        };
        let result = match sent {
            Some(result) => result,
            None => self.send_anew(id, destination, length, fill, options, now),
        };
        self.finish(now);
        result
    }

    #[inline(never)]
    fn send_anew<E>(
        &mut self,
        id: SocketId,
        destination: Option<SocketAddrV6>,
        length: usize,
        fill: impl FnMut(&mut [u8]) -> Result<(), E>,
        options: &SendOptions<'_>,
        now: Instant,
    ) -> Result<(), SendError<E>> {
        let headers = &options.headers;
        let plan = self.plan(id, destination, length, options, now).map_err(widen)?;
        if plan.fragmented {
            self.send_in_fragments(id, &plan, headers, length, fill, now)
        } else {
            self.send_planned(id, &plan, headers, length, fill, now)
        }
    }

    #[inline(never)]
    fn send_planned<E>(
        &mut self,
        id: SocketId,
        plan: &Plan,
        headers: &SendHeaders<'_>,
        length: usize,
        mut fill: impl FnMut(&mut [u8]) -> Result<(), E>,
        now: Instant,
    ) -> Result<(), SendError<E>> {
        let &Plan { kind, local_port, remote_port, hop, ref outgoing, .. } = plan;
        let Outgoing { source, destination, .. } = *outgoing;
        if !self.has_room(&hop, Urgency::User, 1) {
            self.wait_to_send(id, now);
            return Err(SendError::WouldBlock);
        }
        let headroom = PAYLOAD_OFFSET + headers.len();
        let Some(mut packet) = self.pool.allocate(headroom) else {
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
                let ports = (local_port, remote_port);
                let header = UdpHeader::with_sum(ports, length, plan.common, sum)
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
                icmpv6::fill_checksum(source, destination, message);
            }
            SocketKind::Icmpv6Raw => {
                icmpv6::fill_checksum(source, destination, packet.data_mut());
            }
        }
        self.count_datagram(plan, packet.data());
        let next_header = prepend(&mut packet, headers.fragmentable(), outgoing.next_header)
            .and_then(|next| prepend(&mut packet, headers.unfragmentable(), next));
        let Some(next_header) = next_header else { return Err(SendError::TooBig(0)) };
        let outgoing = &Outgoing { next_header, ..*outgoing };
        // What is lost from here on is counted there, and no error for the user: the network
        // may lose datagrams.
        self.send_packet(outgoing, &hop, packet, now);
        Ok(())
    }

    /// Sends a datagram that is longer than the path allows.
    #[inline(never)]
    fn send_in_fragments<E>(
        &mut self,
        id: SocketId,
        plan: &Plan,
        headers: &SendHeaders<'_>,
        length: usize,
        fill: impl FnMut(&mut [u8]) -> Result<(), E>,
        now: Instant,
    ) -> Result<(), SendError<E>> {
        let &Plan { kind, local_port, remote_port, hop, ref outgoing, .. } = plan;
        let Outgoing { source, destination, .. } = *outgoing;
        let header = header_len(kind);
        // What comes before the fragment header is in every fragment.
        let mtu = hop.mtu.saturating_sub(headers.unfragmentable_len() as u16);
        // RFC 7112: all headers are in the first fragment.
        let first = headers.fragmentable_len() + header;
        if capacity(mtu) < first + 8 {
            self.count_fragmentation_failure(hop.interface);
            return Err(SendError::TooBig(0));
        }
        if !self.has_room(&hop, Urgency::User, fragment_count(first + length, mtu)) {
            self.wait_to_send(id, now);
            return Err(SendError::WouldBlock);
        }
        let too_big = SendError::TooBig(usize::from(u16::MAX) - first);
        let headroom = PAYLOAD_OFFSET + headers.unfragmentable_len();
        let filled = self.fill_fragments(headroom, (first, length), capacity(mtu), fill);
        let mut fragments = match filled {
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
            let ports = (local_port, remote_port);
            let header = UdpHeader::with_sum(ports, length, plan.common, sum)
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
            fill_icmpv6_checksum((source, destination), &mut fragments);
        }
        self.count_datagram(plan, fragments.first().map_or(&[], |first| first.data()));
        let next_header = fragments
            .first_mut()
            .and_then(|first| prepend(first, headers.fragmentable(), outgoing.next_header));
        let Some(next_header) = next_header else { return Err(SendError::TooBig(0)) };
        let outgoing = &Outgoing { next_header, ..*outgoing };
        self.send_fragments(outgoing, &hop, headers.unfragmentable(), fragments, now);
        Ok(())
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
