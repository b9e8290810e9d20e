//! From a segment to a packet: what a connection wants to send goes out, as long as there is
//! room; resets and acknowledgments without a connection.

use super::TcpId;
use super::connection::{Context, advertised_mss};
use super::isn::FourTuple;
use super::packed_options::PackedOptions;
use super::segment::Segment;
use super::table::TcpSocket;
use super::template::Template;
use super::timers::RETRY;
use crate::address::AddressExt;
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::counters::DropReason;
use crate::interface::InterfaceIndex;
use crate::ipv6_input::Received;
use crate::ipv6_output::{NoRoute, Outgoing, Path, Urgency};
use crate::memo::Memo;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::checksum::Checksum;
use crate::wire::ipv6::{Ecn, FlowLabel, HopLimit, NextHeader, TrafficClass};
use crate::wire::tcp::{TcpFlags, TcpHeader, TcpOptions};
use crate::wire::tcp_sequence::SequenceNumber;

/// Where a segment goes, and how.
#[derive(Clone, Copy)]
pub(crate) struct Envelope {
    pub(crate) outgoing: Outgoing,
    /// The ports of this side and of the other one.
    pub(crate) ports: (u16, u16),
    pub(crate) hop: Path,
}

/// What a user may want different on a connection's packets.
#[derive(Clone, Copy)]
pub(crate) struct Marking {
    pub(crate) hop_limit: Option<HopLimit>,
    pub(crate) traffic_class: TrafficClass,
    pub(crate) auto_flow_label: bool,
}

impl Marking {
    /// Of segments that belong to no connection.
    pub(crate) const NONE: Self =
        Self { hop_limit: None, traffic_class: TrafficClass(0), auto_flow_label: true };

    pub(crate) const fn new(options: &PackedOptions) -> Self {
        Self {
            hop_limit: options.unicast_hops(),
            traffic_class: options.traffic_class(),
            auto_flow_label: options.auto_flow_label(),
        }
    }
}

/// The way of a connection's segments.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub(super) envelope: Envelope,
    /// The source address is this node's.
    pub(super) own: bool,
    /// It is neither a detour nor narrow, which are not for long: it holds until the question
    /// becomes another one.
    lasting: bool,
    /// The headers of plain segments.
    pub(super) template: Template,
}

/// Which way is meant: what [`Stack::epoch`] said, and the socket.
pub(super) type WayQuestion = (u32, TcpId);

/// Ways, in the place that the number of the socket's slot says. Whoever changes a socket's
/// addresses or options forgets its way; new sockets have new numbers.
pub(crate) type WayMemo = Memo<WayQuestion, Way, 16>;

/// What became of an attempt to send.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Sent {
        /// There may be more to send.
        more: bool,
    },
    Nothing,
    NoBuffer,
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The MTU of the interface that a path uses: what the other side's segments may fill.
    pub(crate) fn link_mtu(&self, hop: &Path) -> u16 {
        let index = if hop.local { InterfaceIndex::LOOPBACK } else { hop.interface };
        self.interface(index).map_or(hop.mtu, crate::interface::Interface::mtu)
    }

    /// Whether a segment would find room on its way out now.
    fn tcp_has_room(&self, hop: &Path) -> bool {
        if hop.local {
            return self.local.len() < crate::limits::LOCAL_QUEUE / 2;
        }
        let queued = self.interfaces.queued(hop.interface);
        queued.is_none_or(|queued| queued < Urgency::User.transmit_limit())
    }

    /// How segments between these ends travel on a path.
    pub(crate) fn envelope(
        &self,
        tuple: &FourTuple,
        hop: &Path,
        marking: Marking,
        urgency: Urgency,
    ) -> Envelope {
        let FourTuple { local, remote } = *tuple;
        let outgoing = Outgoing {
            source: local.0,
            destination: remote.0,
            next_header: NextHeader::TCP,
            hop_limit: marking.hop_limit.unwrap_or_else(|| self.default_hop_limit(hop.interface)),
            traffic_class: marking.traffic_class,
            flow_label: if marking.auto_flow_label {
                self.flow_label(local, remote, NextHeader::TCP)
            } else {
                FlowLabel::NONE
            },
            urgency,
            multicast_loop: false,
        };
        Envelope { outgoing, ports: (local.1, remote.1), hop: *hop }
    }

    /// Puts the header in front of the data, whose sum is `data`, and sends the segment. The ECN
    /// field is TCP's and not the user's (RFC 3168, Section 6.1).
    fn send_segment(
        &mut self,
        envelope: &Envelope,
        (header, ecn): (&mut TcpHeader, Ecn),
        mut packet: P::Buffer,
        data: Checksum,
        now: Instant,
    ) {
        let Envelope { outgoing, ports, hop } = envelope;
        (header.source_port, header.destination_port) = *ports;
        header.checksum = 0;
        let header_len = header.len();
        let length = header_len + packet.len();
        let Some(room) = packet.prepend(header_len) else {
            return self.count_drop(Some(hop.interface), DropReason::NoBuffer);
        };
        header.emit(room);
        let Outgoing { source, destination, .. } = *outgoing;
        let mut sum = Checksum::pseudo_header(source, destination, NextHeader::TCP, length as u32);
        sum.add(room);
        sum.append(data);
        let field = TcpHeader::CHECKSUM_OFFSET..TcpHeader::CHECKSUM_OFFSET + 2;
        if let Some(field) = room.get_mut(field) {
            field.copy_from_slice(&sum.finish().to_be_bytes());
        }
        let traffic_class = outgoing.traffic_class.with_ecn(ecn);
        self.send_packet(&Outgoing { traffic_class, ..*outgoing }, hop, packet, now);
    }

    /// Sends a segment without data; false when no buffer is free.
    pub(crate) fn send_bare_segment(
        &mut self,
        envelope: &Envelope,
        mut header: TcpHeader,
        now: Instant,
    ) -> bool {
        let Some(packet) = self.pool.allocate(PAYLOAD_OFFSET) else {
            self.count_drop(Some(envelope.hop.interface), DropReason::NoBuffer);
            return false;
        };
        let header = (&mut header, Ecn::NotCapable);
        self.send_segment(envelope, header, packet, Checksum::new(), now);
        true
    }

    /// [`Self::tcp_flush`] after a segment: most give no reason to send, and need no route.
    pub(crate) fn tcp_flush_after_input(&mut self, slot: usize, now: Instant) {
        match self.tcp.at_mut(slot).and_then(TcpSocket::connection_mut) {
            Some(connection) if !connection.may_send() => self.tcp_rest(slot, now),
            _ => self.tcp_flush(slot, now),
        }
    }

    /// The path of a connection's segments, if they still travel as they did.
    #[inline]
    fn recall_way(&mut self, question: &WayQuestion, now: Instant) -> Option<Path> {
        let Way { envelope: Envelope { hop, outgoing, .. }, lasting, .. } =
            self.ways.find(question.1.slot.into(), question)?;
        let (hop, destination) = (*hop, outgoing.destination);
        (*lasting && self.revisit(&hop, destination, now) == Some(hop.mtu)).then_some(hop)
    }

    /// Finds out how the segments of a connection travel, and remembers it. Without a route they
    /// get lost here.
    fn find_way(&self, question: &WayQuestion, now: Instant) -> Option<Result<Path, NoRoute>> {
        let id = question.1;
        let socket = self.tcp.at(id.slot.into())?;
        let (tuple, remote) = (socket.tuple()?, socket.remote?);
        let options = socket.packed_options();
        let device = options.device().or(remote.zone).or(socket.local.zone);
        let zone = device.or(options.unicast_interface());
        let mut hop = match self.route_from(Some(tuple.local.0), remote.address, zone, now) {
            Ok(hop) => hop,
            Err(error) => return Some(Err(error)),
        };
        hop.mtu = self.mtu_of(&hop, options.path_mtu_discovery());
        let zone = tuple.local.0.needs_zone().then_some(hop.interface);
        let envelope = self.envelope(&tuple, &hop, Marking::new(options), Urgency::User);
        let own = self.is_own_address(tuple.local.0, zone);
        let lasting = own && self.lasts(&hop);
        let way = Way { envelope, own, lasting, template: Template::new(&envelope) };
        self.ways.put(id.slot.into(), *question, way);
        Some(Ok(hop))
    }

    /// Sends what the connection in a slot may send now, and sets its timer.
    pub(crate) fn tcp_flush(&mut self, slot: usize, now: Instant) {
        let Some(id) = self.tcp.id_at(slot) else { return };
        let question = (self.epoch(), id);
        let hop = match self.recall_way(&question, now) {
            Some(hop) => Some(hop),
            None => match self.find_way(&question, now) {
                Some(found) => found.ok(),
                None => return,
            },
        };
        let question = hop.is_some().then_some(&question);
        loop {
            if let Some(hop) = &hop
                && !self.tcp_has_room(hop)
            {
                self.tcp_wait_for_room(slot, hop.local);
                break;
            }
            match self.tcp_send_next(slot, question, now) {
                Step::Sent { more: true } => {}
                // There is nearly always nothing more.
                Step::Sent { more: false } | Step::Nothing => break,
                Step::NoBuffer => {
                    if let Some(connection) =
                        self.tcp.at_mut(slot).and_then(TcpSocket::connection_mut)
                    {
                        connection.timers.retry = connection.timers.retry.min(now + RETRY);
                    }
                    break;
                }
            }
        }
        self.tcp_rest(slot, now);
    }

    /// The connection in a slot waits for something else now.
    pub(super) fn tcp_rest(&mut self, slot: usize, now: Instant) {
        let connection = self.tcp.at_mut(slot).and_then(TcpSocket::connection_mut);
        let next = connection.map_or(Instant::FAR_FUTURE, |connection| {
            connection.busy.note(connection.business(), now);
            connection.timers.next()
        });
        self.tcp.deadlines.set(slot, next);
    }

    fn tcp_wait_for_room(&mut self, slot: usize, local: bool) {
        self.tcp.pending_local |= local;
        self.tcp_wait(slot);
    }

    /// The connection in a slot sends when the burst of frames is over.
    pub(super) fn tcp_wait_for_end_of_burst(&mut self, slot: usize) {
        self.tcp.burst_pending = true;
        self.tcp_wait(slot);
    }

    /// Puts the connection in a slot into the queue of those that wait.
    fn tcp_wait(&mut self, slot: usize) {
        let Some(socket) = self.tcp.at_mut(slot) else { return };
        if !core::mem::replace(&mut socket.pending, true) {
            // Each slot is in the queue once at most, so there is room.
            let _always_fits = self.tcp.pending.push_back(slot as u16);
        }
    }

    /// Lets those that waited for room, or for the end of a burst, send.
    pub(crate) fn tcp_flush_pending(&mut self, now: Instant) {
        if !core::mem::take(&mut self.tcp.pending_due) {
            return;
        }
        self.tcp.pending_local = false;
        for _ in 0..self.tcp.pending.len() {
            let Some(slot) = self.tcp.pending.pop_front() else { return };
            if let Some(socket) = self.tcp.at_mut(slot.into()) {
                socket.pending = false;
                self.tcp_flush_after_input(slot.into(), now);
            }
        }
    }

    /// Sends one segment. Without a way to the other side it counts as lost on the way.
    fn tcp_send_next(&mut self, slot: usize, question: Option<&WayQuestion>, now: Instant) -> Step {
        let Self { tcp, pool, counters, ways, .. } = self;
        let Some((connection, store, models)) = tcp.connection_and_memory(slot) else {
            return Step::Nothing;
        };
        let way = question.and_then(|question| ways.find(slot, question));
        if let Some(way) = way
            && connection.path_mtu != way.envelope.hop.mtu
        {
            connection.set_path_mtu(way.envelope.hop.mtu);
        }
        let mut context = Context { pool, store, models, counters: &mut counters.tcp, now };
        // It is read where it was put.
        let emission = connection.next_output(&mut context);
        let Some(emission) = &emission else {
            connection.forced = super::connection::Forced::Nothing;
            connection.note_idle();
            return Step::Nothing;
        };
        let interface = way.map(|way| way.envelope.hop.interface);
        let mut sum = Checksum::new();
        let Some(mut packet) = context.pool.allocate(PAYLOAD_OFFSET) else {
            self.count_drop(interface, DropReason::NoBuffer);
            return Step::NoBuffer;
        };
        if let Some(piece) = emission.place.and_then(|at| context.store.get(at)) {
            let data = piece.data();
            let Some(room) = packet.append(data.len()) else {
                self.count_drop(interface, DropReason::NoBuffer);
                return Step::NoBuffer;
            };
            sum.add_copied(room, data);
        }
        if let (Some(way), Some(question)) = (way.filter(|way| way.own), question)
            && let Some(header) = connection.plain_header(context.store, emission, now)
        {
            connection.on_sent(&mut context, emission);
            let progress = core::mem::take(&mut connection.progress);
            let sent = Step::Sent { more: connection.may_send() };
            let headed = way.template.put(&header, sum, &mut packet);
            self.tcp_send_plain(question, headed.then_some(packet), progress, now);
            return sent;
        }
        let mut header = connection.header(context.store, emission, now);
        let capable = connection.ecn.is_capable(emission.data_len, emission.again);
        connection.on_sent(&mut context, emission);
        let progress = core::mem::take(&mut connection.progress);
        let asked = connection.options.maximum_segment();
        let sent = Step::Sent { more: connection.may_send() };
        let Some(&Way { envelope, own, .. }) = way else {
            self.count_drop(None, DropReason::NoRoute);
            return sent;
        };
        if !own {
            self.count_drop(interface, DropReason::NoSourceAddress);
            return sent;
        }
        if emission.syn {
            let mss = advertised_mss(self.link_mtu(&envelope.hop), asked);
            header.options.maximum_segment_size = Some(mss);
        }
        // RFC 4861, Section 7.3.1: the other side got something or sent something new.
        if progress && !envelope.hop.local {
            self.confirm_neighbor(envelope.hop.interface, envelope.hop.next_hop, now);
        }
        let ecn = if capable { Ecn::Capable0 } else { Ecn::NotCapable };
        self.send_segment(&envelope, (&mut header, ecn), packet, sum, now);
        sent
    }

    /// The way back to where a segment came from.
    pub(crate) fn tcp_way_back(
        &mut self,
        received: &Received,
        tuple: FourTuple,
        now: Instant,
    ) -> Option<Envelope> {
        let zone = received.source.needs_zone().then_some(received.interface);
        match self.route_from(Some(tuple.local.0), received.source, zone, now) {
            Ok(hop) => Some(self.envelope(&tuple, &hop, Marking::NONE, Urgency::Control)),
            Err(error) => {
                self.count_no_route(Some(received.interface), error);
                None
            }
        }
    }

    /// Answers a segment that has no connection with a reset (RFC 9293, Section 3.10.7.1).
    pub(crate) fn tcp_reset_answer(
        &mut self,
        received: &Received,
        tuple: FourTuple,
        segment: &Segment,
        now: Instant,
    ) {
        if segment.rst {
            return;
        }
        if !received.looped && !self.tcp.reset_limit.take(now) {
            return self.count_drop(Some(received.interface), DropReason::TcpResetRateLimited);
        }
        let (sequence, acknowledgment, flags) = match segment.ack {
            Some(ack) => (ack, SequenceNumber(0), TcpFlags::RST),
            None => (SequenceNumber(0), segment.end(), TcpFlags::RST | TcpFlags::ACK),
        };
        let Some(envelope) = self.tcp_way_back(received, tuple, now) else { return };
        let header = bare_header(sequence, acknowledgment, flags, 0, TcpOptions::NONE);
        self.counters.tcp.out_resets += 1;
        self.counters.tcp.out_segments += 1;
        self.send_bare_segment(&envelope, header, now);
    }

    /// Tells the other side that a connection is gone.
    pub(crate) fn tcp_send_reset(&mut self, slot: usize, now: Instant) {
        let Some(socket) = self.tcp.at(slot) else { return };
        let (Some(tuple), Some(remote), options) =
            (socket.tuple(), socket.remote, *socket.packed_options())
        else {
            return;
        };
        let Some((sequence, acknowledgment)) =
            socket.connection().map(super::connection::Connection::numbers)
        else {
            return;
        };
        let zone = socket.device().or(remote.zone).or(options.unicast_interface());
        let hop = match self.route_from(Some(tuple.local.0), remote.address, zone, now) {
            Ok(hop) => hop,
            Err(error) => return self.count_no_route(zone, error),
        };
        let envelope = self.envelope(&tuple, &hop, Marking::new(&options), Urgency::Control);
        let flags = TcpFlags::RST | TcpFlags::ACK;
        let header = bare_header(sequence, acknowledgment, flags, 0, TcpOptions::NONE);
        self.counters.tcp.out_resets += 1;
        self.counters.tcp.out_segments += 1;
        self.send_bare_segment(&envelope, header, now);
    }
}

/// A header without ports and checksum.
pub(crate) const fn bare_header(
    sequence: SequenceNumber,
    acknowledgment: SequenceNumber,
    flags: TcpFlags,
    window: u16,
    options: TcpOptions,
) -> TcpHeader {
    TcpHeader {
        source_port: 0,
        destination_port: 0,
        sequence,
        acknowledgment,
        flags,
        window,
        checksum: 0,
        urgent_pointer: 0,
        options,
    }
}
