//! Segments for listeners and for connections whose handshake is not over
//! (RFC 9293, Sections 3.10.7.2 and 3.10.7.4).

use super::connection::{Owner, advertised_mss, window_shift};
use super::half_open::{self, HalfOpen, Origin};
use super::isn::FourTuple;
use super::packed_options::PackedOptions;
use super::segment::Segment;
use super::syn_cookie;
use super::table::{Body, NIL, TcpSocket};
use super::transmit::{Marking, bare_header};
use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::counters::{DropReason, TableFull};
use crate::ipv6_input::Received;
use crate::ipv6_output::Urgency;
use crate::limits;
use crate::random::Random;
use crate::socket::Endpoint;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::tcp::{TcpFlags, TcpOptions};
use crate::wire::tcp_sequence::SequenceNumber;

/// The window that a SYN-ACK advertises; it is not scaled (RFC 7323, Section 2.2).
fn first_window(options: &PackedOptions) -> u16 {
    let limit = options.receive_buffer().unwrap_or(limits::TCP_RECEIVE_BUFFER);
    limit.min(u16::MAX.into()) as u16
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// RFC 9293, Section 3.10.7.2: LISTEN, in this slot. A connection that follows one in TIME-WAIT
    /// begins behind the number `after`.
    pub(super) fn tcp_listener_input(
        &mut self,
        (slot, after): (usize, Option<SequenceNumber>),
        received: &Received,
        tuple: FourTuple,
        segment: &Segment,
        packet: P::Buffer,
        now: Instant,
    ) {
        let from = received.interface;
        if segment.rst {
            return self.count_drop(Some(from), DropReason::TcpReset);
        }
        if let Some(ack) = segment.ack {
            let cookie = self.tcp_cookie_input(slot, received, tuple, segment, ack, now);
            if let Some(entry) = cookie {
                return self.tcp_establish(None, &entry, received, segment, packet, now);
            }
            self.count_drop(Some(from), DropReason::TcpNoSocket);
            return self.tcp_reset_answer(received, tuple, segment, now);
        }
        if !segment.syn {
            return self.count_drop(Some(from), DropReason::TcpUnacceptable);
        }
        let (Some(id), Some(socket)) = (self.tcp.id_at(slot), self.tcp.at(slot)) else { return };
        let window = first_window(socket.packed_options());
        if socket.listener().is_none_or(super::table::Listener::is_full) {
            self.counters.tcp.listen_overflows += 1;
            return self.count_drop(Some(from), DropReason::TcpBacklogFull);
        }
        let zone = received.source.needs_zone().then_some(from);
        if let Err(error) = self.route_from(Some(tuple.local.0), received.source, zone, now) {
            return self.count_no_route(Some(from), error);
        }
        let cookie = self.tcp.half_open.is_full() && self.config.tcp.syn_cookies;
        let iss = self.tcp.secrets.of(&tuple).number_after(after, now);
        let listener = (id.slot, id.generation);
        let origin = Origin { tuple, zone, listener, iss, window };
        let mut entry = HalfOpen::new(&origin, segment.sequence, &segment.options);
        // A cookie has room for it only in a timestamp.
        let remembers = !cookie || segment.options.timestamps.is_some();
        if remembers && self.config.tcp.ecn.accepts() && segment.asks_for_ecn() {
            entry.agree_on_ecn();
        }
        if cookie {
            entry.iss = self.tcp.cookies.make(&tuple, segment.sequence, entry.peer_mss(), now);
            self.counters.tcp.syn_cookies_sent += 1;
            return self.tcp_answer_syn(&entry, true, now);
        }
        let hash = self.tcp.hashed(&tuple).hash;
        let Some(entry) = self.tcp.half_open.insert(hash, entry) else {
            self.counters.tables.count(TableFull::TcpHalfOpen);
            return self.count_drop(Some(from), DropReason::TcpHalfOpenFull);
        };
        self.tcp_send_syn_ack(entry, now);
    }

    /// What the cookie in an acknowledgment of nothing stands for, if there may be one.
    fn tcp_cookie_input(
        &mut self,
        slot: usize,
        received: &Received,
        tuple: FourTuple,
        segment: &Segment,
        ack: SequenceNumber,
        now: Instant,
    ) -> Option<HalfOpen> {
        if segment.syn || !self.tcp.cookies.expected(now) {
            return None;
        }
        let (id, options) = (self.tcp.id_at(slot)?, self.tcp.at(slot)?.packed_options());
        let (iss, irs) = (ack - 1, segment.sequence - 1);
        let Some(mss) = self.tcp.cookies.check(&tuple, irs, iss, now) else {
            self.counters.tcp.syn_cookies_failed += 1;
            return None;
        };
        let timestamps = segment.options.timestamps;
        let remembered = timestamps
            .map(|stamps| syn_cookie::Remembered::from_echo(stamps.echo_reply))
            .unwrap_or_default();
        let offered = TcpOptions {
            maximum_segment_size: Some(mss),
            window_scale: remembered.window_scale,
            sack_permitted: remembered.sack_permitted,
            timestamps,
            ..TcpOptions::NONE
        };
        let zone = received.source.needs_zone().then_some(received.interface);
        let listener = (id.slot, id.generation);
        let origin = Origin { tuple, zone, listener, iss, window: first_window(options) };
        let mut entry = HalfOpen::new(&origin, irs, &offered);
        // What comes back could be anybody's invention, but may only ask for what is allowed.
        if remembered.ecn && self.config.tcp.ecn.accepts() {
            entry.agree_on_ecn();
        }
        let established = entry.on_segment(segment) == half_open::Verdict::Establish;
        self.counters.tcp.syn_cookies_received += u64::from(established);
        established.then_some(entry)
    }

    /// Sends the SYN-ACK of a half-open connection, for the first time or again.
    pub(crate) fn tcp_send_syn_ack(&mut self, slot: usize, now: Instant) {
        self.tcp.half_open.on_sent(slot, now);
        let Some(entry) = self.tcp.half_open.get(slot).copied() else { return };
        self.counters.tcp.retransmitted_segments += u64::from(entry.retransmits() > 0);
        self.tcp_answer_syn(&entry, false, now);
    }

    /// Sends a SYN-ACK; if its number is a cookie, what was offered is in its timestamp.
    fn tcp_answer_syn(&mut self, entry: &HalfOpen, cookie: bool, now: Instant) {
        let (listener, _) = entry.listener();
        let Some(socket) = self.tcp.at(listener.into()) else { return };
        let options = *socket.packed_options();
        let (address, _) = entry.tuple.remote;
        let zone = options.device().or(entry.zone.index());
        let (local, _) = entry.tuple.local;
        let hop = match self.route_from(Some(local), address, zone, now) {
            Ok(hop) => hop,
            Err(error) => return self.count_no_route(zone, error),
        };
        let marking = Marking::new(&options);
        let envelope = self.envelope(&entry.tuple, &hop, marking, Urgency::User);
        let mss = advertised_mss(self.link_mtu(&hop), options.maximum_segment());
        let mut clock = self.tcp.secrets.of(&entry.tuple).timestamp(now);
        if cookie {
            clock = syn_cookie::stamp(clock, &entry.offered(), entry.ecn());
        }
        let theirs = entry.answer_options(mss, window_shift(&options), clock);
        let mut flags = TcpFlags::SYN | TcpFlags::ACK;
        flags.set(TcpFlags::ECE, entry.ecn());
        let header = bare_header(entry.iss, entry.irs + 1, flags, entry.window, theirs);
        self.counters.tcp.out_segments += 1;
        self.send_bare_segment(&envelope, header, now);
    }

    pub(super) fn tcp_half_open_input(
        &mut self,
        slot: usize,
        received: &Received,
        segment: &Segment,
        packet: P::Buffer,
        now: Instant,
    ) {
        use half_open::Verdict;
        let Some(entry) = self.tcp.half_open.get(slot).copied() else { return };
        let from = Some(received.interface);
        match entry.on_segment(segment) {
            Verdict::Drop => self.count_drop(from, DropReason::TcpUnacceptable),
            Verdict::Remove => {
                self.tcp.half_open.remove(slot);
                self.counters.tcp.attempt_fails += 1;
                self.count_drop(from, DropReason::TcpReset);
            }
            Verdict::Answer => {
                self.count_drop(from, DropReason::TcpDuplicate);
                self.tcp_send_syn_ack(slot, now);
            }
            Verdict::Reset => {
                self.count_drop(from, DropReason::TcpAcknowledgment);
                self.tcp_reset_answer(received, entry.tuple, segment, now);
            }
            Verdict::Challenge => {
                self.count_drop(from, DropReason::TcpUnacceptable);
                if !received.looped && !self.tcp.reset_limit.take(now) {
                    return;
                }
                let clock = self.tcp.secrets.of(&entry.tuple).timestamp(now);
                let options = TcpOptions { timestamps: entry.stamps(clock), ..TcpOptions::NONE };
                let listener = self.tcp.at(entry.listener().0.into());
                let shift = listener.map_or(0, |socket| window_shift(socket.packed_options()));
                let window = entry.window_field(shift);
                let header =
                    bare_header(entry.iss + 1, entry.irs + 1, TcpFlags::ACK, window, options);
                if let Some(envelope) = self.tcp_way_back(received, entry.tuple, now) {
                    self.counters.tcp.out_segments += 1;
                    self.send_bare_segment(&envelope, header, now);
                }
            }
            Verdict::Establish => {
                self.tcp_establish(Some(slot), &entry, received, segment, packet, now);
            }
        }
    }

    /// The handshake of a half-open connection is over: it waits to be accepted.
    fn tcp_establish(
        &mut self,
        entry_slot: Option<usize>,
        entry: &HalfOpen,
        received: &Received,
        segment: &Segment,
        packet: P::Buffer,
        now: Instant,
    ) {
        let from = Some(received.interface);
        let (listener_slot, generation) = entry.listener();
        let current = self.tcp.id_at(listener_slot.into());
        let listener = self
            .tcp
            .at(listener_slot.into())
            .filter(|_| current.is_some_and(|id| id.generation == generation))
            .and_then(|socket| Some((*socket.packed_options(), socket.listener()?.is_full())));
        let Some((options, full)) = listener else {
            self.tcp_forget_half_open(entry_slot);
            self.count_drop(from, DropReason::TcpNoSocket);
            return self.tcp_reset_answer(received, entry.tuple, segment, now);
        };
        // The entry stays, if there is one: the other side sends again, and so does this one.
        if full {
            self.counters.tcp.listen_overflows += 1;
            return self.count_drop(from, DropReason::TcpBacklogFull);
        }
        let zone = options.device().or(entry.zone.index());
        let path_mtu = match self.route(received.source, zone, now) {
            Ok(hop) => self.mtu_of(&hop, options.path_mtu_discovery()),
            Err(error) => return self.count_no_route(from, error),
        };
        let offset = self.tcp.secrets.of(&entry.tuple).timestamp_offset();
        let mut connection = entry.establish(&options, segment, (path_mtu, offset), now);
        connection.owner = Owner::Listener(listener_slot);
        let mut socket = TcpSocket::new(Body::Connection(connection));
        let FourTuple { local, remote } = entry.tuple;
        socket.local = Endpoint { address: local.0, port: local.1, zone: entry.zone.index() };
        socket.remote =
            Some(Endpoint { address: remote.0, port: remote.1, zone: entry.zone.index() });
        let Some(id) = self.tcp.insert(socket) else {
            self.counters.tables.count(TableFull::TcpSockets);
            return self.count_drop(from, DropReason::TcpBacklogFull);
        };
        self.tcp_forget_half_open(entry_slot);
        self.tcp.file_connection(id.slot.into());
        self.tcp_choose_congestion(id.slot.into(), options.congestion(), now);
        self.counters.tcp.passive_opens += 1;
        self.tcp_queue_accept(listener_slot, id.slot);
        self.tcp_notify(listener_slot.into());
        self.tcp_connection_input(id.slot.into(), received, entry.tuple, segment, packet, now);
    }

    fn tcp_forget_half_open(&mut self, slot: Option<usize>) {
        if let Some(slot) = slot {
            self.tcp.half_open.remove(slot);
        }
    }

    /// Puts a connection behind those that wait to be accepted.
    fn tcp_queue_accept(&mut self, listener_slot: u16, slot: u16) {
        let Some(listener) =
            self.tcp.at_mut(listener_slot.into()).and_then(TcpSocket::listener_mut)
        else {
            return;
        };
        let last = core::mem::replace(&mut listener.tail, slot);
        listener.len += 1;
        if last == NIL {
            listener.head = slot;
        } else if let Some(previous) = self.tcp.at_mut(last.into()) {
            previous.next = slot;
        }
    }
}
