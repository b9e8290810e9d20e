//! TCP input: which connection, half-open entry, TIME-WAIT entry or listener a segment is for
//! (RFC 9293, Section 3.10.7).

use super::arrival::End;
use super::connection::{Context, Opening, Owner, advertised_mss, window_shift};
use super::half_open::{self, HalfOpen, Origin};
use super::isn::FourTuple;
use super::segment::Segment;
use super::table::{Body, NIL, TcpSocket};
use super::time_wait::{self, TimeWait};
use super::transmit::bare_header;
use crate::address::AddressExt;
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::{DropReason, TableFull};
use crate::ipv6_input::Received;
use crate::limits;
use crate::random::Random;
use crate::socket::Endpoint;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::wire::checksum;
use crate::wire::ipv6::NextHeader;
use crate::wire::tcp::{TcpFlags, TcpHeader, TcpOptions, Timestamps};
use crate::wire::tcp_sequence::SequenceNumber;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// A segment arrived; the window is the whole packet.
    pub(crate) fn tcp_input(&mut self, received: &Received, mut packet: P::Buffer, now: Instant) {
        self.counters.tcp.in_segments += 1;
        let bytes = packet.data().get(received.upper_offset..).unwrap_or(&[]);
        let drop = |reason| Err((reason, reason == DropReason::TcpChecksum));
        let parsed = match TcpHeader::parse(bytes) {
            Err(_) => drop(DropReason::TcpMalformed),
            Ok(_)
                if !checksum::verify(
                    received.source,
                    received.destination,
                    NextHeader::TCP,
                    bytes,
                ) =>
            {
                drop(DropReason::TcpChecksum)
            }
            Ok((header, _)) if header.source_port == 0 || header.destination_port == 0 => {
                drop(DropReason::TcpMalformed)
            }
            Ok((header, data)) => Ok((header, data.len())),
        };
        let (header, data_len) = match parsed {
            Ok(parsed) => parsed,
            Err((reason, checksum)) => {
                self.counters.tcp.in_errors += 1;
                self.counters.tcp.in_checksum_errors += u64::from(checksum);
                return self.count_drop(Some(received.interface), reason);
            }
        };
        self.count_deliver(received.interface);
        // RFC 9293, Section 3.9.2.3: a connection is between two.
        if received.destination.is_multicast()
            || !received.source.is_assignable() && !received.looped
        {
            return self.count_drop(Some(received.interface), DropReason::TcpAddress);
        }
        let offset = packet.len() - data_len;
        packet.trim_front(offset);
        let segment = Segment::new(&header, data_len as u32);
        let tuple = FourTuple {
            local: (received.destination, header.destination_port),
            remote: (received.source, header.source_port),
        };
        self.tcp_dispatch(received, tuple, &segment, packet, now);
    }

    fn tcp_dispatch(
        &mut self,
        received: &Received,
        tuple: FourTuple,
        segment: &Segment,
        packet: P::Buffer,
        now: Instant,
    ) {
        let from = received.interface;
        if let Some(slot) = self.tcp.find_connection(&tuple, from) {
            return self.tcp_connection_input(slot, received, tuple, segment, packet, now);
        }
        if let Some(slot) = self.tcp.half_open.find(&tuple, from) {
            return self.tcp_half_open_input(slot, received, segment, packet, now);
        }
        let mut after = None;
        if let Some(slot) = self.tcp.time_wait.find(&tuple, from) {
            match self.tcp_time_wait_input(slot, received, segment, now) {
                Some(number) => after = Some(number),
                None => return,
            }
        }
        if let Some(slot) = self.tcp.find_listener(tuple.local, from) {
            return self.tcp_listener_input(slot, received, tuple, segment, after, now);
        }
        self.count_drop(Some(from), DropReason::TcpNoSocket);
        self.tcp_reset_answer(received, tuple, segment, now);
    }

    fn tcp_connection_input(
        &mut self,
        slot: usize,
        received: &Received,
        tuple: FourTuple,
        segment: &Segment,
        packet: P::Buffer,
        now: Instant,
    ) {
        let Self { tcp, pool, counters, .. } = self;
        let Some((connection, store)) = tcp.connection_and_store(slot) else { return };
        let mut context = Context { pool, store, counters: &mut counters.tcp, now };
        let was_connecting = !connection.state.is_synchronized();
        let arrival = connection.on_segment(&mut context, segment, packet);
        let established = was_connecting && connection.state.is_synchronized();
        if let Some(reason) = arrival.dropped {
            self.count_drop(Some(received.interface), reason);
        }
        if arrival.reset {
            self.tcp_reset_answer(received, tuple, segment, now);
        }
        if arrival.news || established {
            self.tcp_notify(slot);
        }
        self.tcp_after(slot, arrival.end, now);
    }

    /// Sends what an arrival gives reason to send, and ends what it ended.
    fn tcp_after(&mut self, slot: usize, end: End, now: Instant) {
        match end {
            End::None => self.tcp_flush(slot, now),
            End::Closed => self.tcp.retire(slot),
            End::TimeWait => {
                // The other side's FIN is acknowledged from the connection, the rest of what may
                // come from the entry.
                self.tcp_flush(slot, now);
                self.tcp_enter_time_wait(slot, now);
            }
        }
    }

    fn tcp_enter_time_wait(&mut self, slot: usize, now: Instant) {
        let Some(socket) = self.tcp.at(slot) else { return };
        let (Some(tuple), Some(connection)) = (socket.tuple(), socket.connection()) else { return };
        let (snd_nxt, rcv_nxt) = connection.numbers();
        let entry = TimeWait {
            tuple,
            zone: socket.local.zone,
            snd_nxt,
            rcv_nxt,
            timestamps: connection
                .timestamps
                .map(|state| (state.recent, connection.timestamp_offset)),
            answered: Instant::ZERO,
        };
        self.tcp.retire(slot);
        if self.tcp.time_wait.insert(entry, now) {
            self.counters.tables.count(TableFull::TcpTimeWait);
        }
    }

    /// A segment for a connection in TIME-WAIT. If it opens the connection again, gives the number
    /// that the new one's must be behind.
    fn tcp_time_wait_input(
        &mut self,
        slot: usize,
        received: &Received,
        segment: &Segment,
        now: Instant,
    ) -> Option<SequenceNumber> {
        const INTERVAL: Duration = Duration::from_millis(100);
        let entry = *self.tcp.time_wait.get(slot)?;
        match entry.on_segment(segment) {
            time_wait::Verdict::Reopen(number) => {
                self.tcp.time_wait.remove(slot);
                return Some(number);
            }
            time_wait::Verdict::Drop => {}
            time_wait::Verdict::Acknowledge => {
                if segment.fin {
                    self.tcp.time_wait.restart(slot, now);
                }
                if now.saturating_since(entry.answered) >= INTERVAL {
                    if let Some(entry) = self.tcp.time_wait.get_mut(slot) {
                        entry.answered = now;
                    }
                    let timestamps = entry.timestamps.map(|(recent, offset)| Timestamps {
                        value: (now.as_millis() as u32).wrapping_add(offset),
                        echo_reply: recent,
                    });
                    let options = TcpOptions { timestamps, ..TcpOptions::NONE };
                    let flags = TcpFlags::ACK;
                    let header =
                        bare_header(entry.snd_nxt, entry.rcv_nxt, flags, u16::MAX, options);
                    if let Some(envelope) = self.tcp_way_back(received, entry.tuple, now) {
                        self.counters.tcp.out_segments += 1;
                        self.send_bare_segment(&envelope, header, now);
                    }
                }
            }
        }
        self.count_drop(Some(received.interface), DropReason::TcpTimeWait);
        None
    }

    /// RFC 9293, Section 3.10.7.2: LISTEN.
    fn tcp_listener_input(
        &mut self,
        slot: usize,
        received: &Received,
        tuple: FourTuple,
        segment: &Segment,
        after: Option<SequenceNumber>,
        now: Instant,
    ) {
        let from = received.interface;
        if segment.rst {
            return self.count_drop(Some(from), DropReason::TcpReset);
        }
        if segment.ack.is_some() {
            self.count_drop(Some(from), DropReason::TcpNoSocket);
            return self.tcp_reset_answer(received, tuple, segment, now);
        }
        if !segment.syn {
            return self.count_drop(Some(from), DropReason::TcpUnacceptable);
        }
        let (Some(id), Some(socket)) = (self.tcp.id_at(slot), self.tcp.at(slot)) else { return };
        let options = socket.options();
        if socket.listener().is_none_or(super::table::Listener::is_full) {
            self.counters.tcp.listen_overflows += 1;
            return self.count_drop(Some(from), DropReason::TcpBacklogFull);
        }
        let Some(envelope) = self.tcp_way_back(received, tuple, now) else { return };
        let hash_number = self.tcp.secrets.initial_sequence(&tuple, now);
        // A connection that follows another one must not repeat its numbers.
        let iss = match after.map(|number| number + u32::from(u16::MAX) + 2) {
            Some(least) if hash_number.is_before(least) => least,
            _ => hash_number,
        };
        let opening = Opening {
            iss,
            timestamp_offset: self.tcp.secrets.timestamp_offset(&tuple),
            path_mtu: envelope.hop.mtu,
        };
        let limit = options.receive_buffer.unwrap_or(limits::TCP_RECEIVE_BUFFER);
        let origin = Origin {
            tuple,
            zone: received.source.needs_zone().then_some(from),
            listener: (id.slot, id.generation),
            opening,
            window: limit.min(u16::MAX.into()) as u16,
        };
        let Some(entry) = self.tcp.half_open.insert(HalfOpen::new(&origin, segment)) else {
            self.counters.tables.count(TableFull::TcpHalfOpen);
            return self.count_drop(Some(from), DropReason::TcpHalfOpenFull);
        };
        self.tcp_send_syn_ack(entry, now);
    }

    /// Sends the SYN-ACK of a half-open connection, for the first time or again.
    pub(crate) fn tcp_send_syn_ack(&mut self, slot: usize, now: Instant) {
        self.tcp.half_open.on_sent(slot, now);
        let Some(entry) = self.tcp.half_open.get(slot).copied() else { return };
        let Some(options) = self.tcp.at(entry.listener.0.into()).map(TcpSocket::options) else {
            return;
        };
        let (address, _) = entry.tuple.remote;
        let zone = options.device.or(entry.zone);
        let hop = match self.route(address, zone, now) {
            Ok(hop) => hop,
            Err(error) => return self.count_no_route(zone, error),
        };
        let envelope = super::transmit::Envelope {
            tuple: entry.tuple,
            hop,
            hop_limit: options.unicast_hops,
            traffic_class: options.traffic_class,
            auto_flow_label: options.auto_flow_label,
            urgency: crate::ipv6_output::Urgency::User,
        };
        let mss = advertised_mss(self.link_mtu(&hop), &options);
        let theirs = entry.answer_options(mss, window_shift(&options), now);
        let flags = TcpFlags::SYN | TcpFlags::ACK;
        let header = bare_header(entry.iss, entry.irs + 1, flags, entry.window, theirs);
        self.counters.tcp.out_segments += 1;
        self.send_bare_segment(&envelope, header, now);
    }

    fn tcp_half_open_input(
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
                let options = TcpOptions { timestamps: entry.stamps(now), ..TcpOptions::NONE };
                let window = entry.window;
                let header =
                    bare_header(entry.iss + 1, entry.irs + 1, TcpFlags::ACK, window, options);
                if let Some(envelope) = self.tcp_way_back(received, entry.tuple, now) {
                    self.counters.tcp.out_segments += 1;
                    self.send_bare_segment(&envelope, header, now);
                }
            }
            Verdict::Establish => {
                self.tcp_establish(slot, &entry, received, segment, packet, now);
            }
        }
    }

    /// The handshake of a half-open connection is over: it waits to be accepted.
    fn tcp_establish(
        &mut self,
        entry_slot: usize,
        entry: &HalfOpen,
        received: &Received,
        segment: &Segment,
        packet: P::Buffer,
        now: Instant,
    ) {
        let from = Some(received.interface);
        let (listener_slot, generation) = entry.listener;
        let current = self.tcp.id_at(listener_slot.into());
        let listener = self
            .tcp
            .at(listener_slot.into())
            .filter(|_| current.is_some_and(|id| id.generation == generation))
            .and_then(|socket| Some((socket.options(), socket.listener()?.is_full())));
        let Some((options, full)) = listener else {
            self.tcp.half_open.remove(entry_slot);
            self.count_drop(from, DropReason::TcpNoSocket);
            return self.tcp_reset_answer(received, entry.tuple, segment, now);
        };
        // The entry stays: the other side sends again, and so does this one.
        if full {
            self.counters.tcp.listen_overflows += 1;
            return self.count_drop(from, DropReason::TcpBacklogFull);
        }
        let mut connection = entry.establish(&options, segment, now);
        connection.owner = Owner::Listener(listener_slot);
        let mut socket = TcpSocket::new(options, Body::Connection(connection));
        let FourTuple { local, remote } = entry.tuple;
        socket.local = Endpoint { address: local.0, port: local.1, zone: entry.zone };
        socket.remote = Some(Endpoint { address: remote.0, port: remote.1, zone: entry.zone });
        let Some(id) = self.tcp.insert(socket) else {
            self.counters.tables.count(TableFull::TcpSockets);
            return self.count_drop(from, DropReason::TcpBacklogFull);
        };
        self.tcp.half_open.remove(entry_slot);
        self.tcp.file_connection(id.slot.into());
        self.counters.tcp.passive_opens += 1;
        self.tcp_queue_accept(listener_slot, id.slot);
        self.tcp_notify(listener_slot.into());
        self.tcp_connection_input(id.slot.into(), received, entry.tuple, segment, packet, now);
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

    /// Puts a socket that a user has into the event queue, once.
    pub(crate) fn tcp_notify(&mut self, slot: usize) {
        let Some(id) = self.tcp.id_at(slot) else { return };
        if let Some(socket) = self.tcp.get_mut(id)
            && !core::mem::replace(&mut socket.notified, true)
        {
            self.events.push_tcp(id);
        }
    }

    /// Does what is due.
    pub(crate) fn tcp_poll(&mut self, now: Instant) {
        self.tcp_flush_pending(now);
        self.tcp.time_wait.poll(now);
        let mut ended = 0;
        while let Some(slot) = self.tcp.half_open.poll(now, &mut ended) {
            self.tcp_send_syn_ack(slot, now);
        }
        self.counters.tcp.attempt_fails += ended;
        while let Some((at, slot)) = self.tcp.deadlines.first()
            && at <= now
        {
            let Self { tcp, pool, counters, .. } = self;
            let Some((connection, store)) = tcp.connection_and_store(slot) else {
                self.tcp.deadlines.set(slot, Instant::FAR_FUTURE);
                continue;
            };
            let mut context = Context { pool, store, counters: &mut counters.tcp, now };
            let outcome = connection.on_timers(&mut context);
            let writable = connection.take_writable(context.store);
            match outcome {
                super::timeout::Outcome::Goes => {
                    if writable {
                        self.tcp_notify(slot);
                    }
                    self.tcp_flush(slot, now);
                }
                super::timeout::Outcome::Ended => {
                    self.tcp_notify(slot);
                    self.tcp.retire(slot);
                }
            }
        }
    }
}
