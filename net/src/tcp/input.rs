//! TCP input: which connection, half-open entry, TIME-WAIT entry or listener a segment is for
//! (RFC 9293, Section 3.10.7).

use super::arrival::End;
use super::connection::Context;
use super::isn::FourTuple;
use super::segment::Segment;
use super::table::Found;
use super::time_wait::{self, TimeWait};
use super::transmit::bare_header;
use crate::address::AddressExt;
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::{DropReason, TableFull};
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::checksum;
use crate::wire::ipv6::{Ecn, Ipv6Header, NextHeader};
use crate::wire::tcp::{TcpFlags, TcpHeader, TcpOptions, Timestamps};
use crate::wire::tcp_plain::PlainHeader;
use crate::wire::tcp_sequence::SequenceNumber;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// A segment arrived; the window is the whole packet.
    pub(crate) fn tcp_input(&mut self, received: &Received, packet: P::Buffer, now: Instant) {
        self.counters.tcp.in_segments += 1;
        let octets = packet.data();
        let bytes = octets.get(received.upper_offset..).unwrap_or(&[]);
        let verified = if received.upper_offset == Ipv6Header::LEN {
            checksum::verify_packet(octets, NextHeader::TCP)
        } else {
            let (source, destination) = (received.source, received.destination);
            checksum::verify(source, destination, NextHeader::TCP, bytes)
        };
        let plain = PlainHeader::parse(bytes).filter(|_| verified);
        let rest = match plain {
            Some((ports, header)) => self.tcp_take_foreseen(received, ports, &header, packet, now),
            None => Some(packet),
        };
        if let Some(packet) = rest {
            self.tcp_any_input(received, packet, verified, now);
        }
    }

    /// A segment arrived that was not foreseen; its checksum is right if it is `verified`.
    fn tcp_any_input(
        &mut self,
        received: &Received,
        mut packet: P::Buffer,
        verified: bool,
        now: Instant,
    ) {
        let bytes = packet.data().get(received.upper_offset..).unwrap_or(&[]);
        let drop = |reason| Err((reason, reason == DropReason::TcpChecksum));
        let parsed = match TcpHeader::parse(bytes) {
            Err(_) => drop(DropReason::TcpMalformed),
            Ok(_) if !verified => drop(DropReason::TcpChecksum),
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
            || self.anycast.has(received.interface, received.destination)
            || !received.source.is_assignable() && !received.looped
        {
            return self.count_drop(Some(received.interface), DropReason::TcpAddress);
        }
        let offset = packet.len() - data_len;
        packet.trim_front(offset);
        let mut segment = Segment::new(&header, data_len as u32);
        segment.marked = received.traffic_class.ecn() == Ecn::CongestionExperienced;
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
        let waiting = match self.tcp.find(&tuple, from) {
            Some(Found::Connection(slot)) => {
                return self.tcp_connection_input(slot, received, tuple, segment, packet, now);
            }
            Some(Found::HalfOpen(slot)) => {
                return self.tcp_half_open_input(slot, received, segment, packet, now);
            }
            Some(Found::TimeWait(slot)) => Some(slot),
            None => None,
        };
        let listener = self.tcp.find_listener(&tuple, from);
        let mut after = None;
        if let Some(slot) = waiting {
            let listens = listener.is_some();
            match self.tcp_time_wait_input(slot, received, segment, listens, now) {
                Some(number) => after = Some(number),
                None => return,
            }
        }
        if let Some(slot) = listener {
            return self.tcp_listener_input((slot, after), received, tuple, segment, packet, now);
        }
        self.count_drop(Some(from), DropReason::TcpNoSocket);
        self.tcp_reset_answer(received, tuple, segment, now);
    }

    pub(super) fn tcp_connection_input(
        &mut self,
        slot: usize,
        received: &Received,
        tuple: FourTuple,
        segment: &Segment,
        packet: P::Buffer,
        now: Instant,
    ) {
        let Self { tcp, pool, counters, .. } = self;
        let Some((connection, store, models)) = tcp.connection_and_memory(slot) else { return };
        let mut context = Context { pool, store, models, counters: &mut counters.tcp, now };
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
            End::None => self.tcp_flush_after_input(slot, now),
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
        let recent = connection.timestamps.map(|state| state.recent);
        let ends = (tuple, socket.local.zone);
        let entry = TimeWait::new(ends, (snd_nxt, rcv_nxt), recent, now);
        self.tcp.retire(slot);
        let hash = self.tcp.hashed(&tuple).hash;
        if self.tcp.time_wait.insert(hash, entry, now) {
            self.counters.tables.count(TableFull::TcpTimeWait);
        }
    }

    /// A segment for a connection in TIME-WAIT. If it opens the connection again, because somebody
    /// `listens` there, gives the number that the new one's must be behind.
    fn tcp_time_wait_input(
        &mut self,
        slot: usize,
        received: &Received,
        segment: &Segment,
        listens: bool,
        now: Instant,
    ) -> Option<SequenceNumber> {
        let entry = *self.tcp.time_wait.get(slot)?;
        match entry.on_segment(segment) {
            time_wait::Verdict::Reopen(number) if listens => {
                self.tcp.time_wait.remove(slot);
                return Some(number);
            }
            time_wait::Verdict::Drop => {}
            time_wait::Verdict::Reopen(_) | time_wait::Verdict::Acknowledge => {
                if segment.fin {
                    self.tcp.time_wait.restart(slot, now);
                }
                if self.tcp.time_wait.get_mut(slot).is_some_and(|entry| entry.may_answer(now)) {
                    let clock = self.tcp.secrets.of(&entry.tuple).timestamp(now);
                    let timestamps =
                        entry.recent().map(|echo_reply| Timestamps { value: clock, echo_reply });
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

    /// Puts a socket that a user has into the event queue, once.
    pub(crate) fn tcp_notify(&mut self, slot: usize) {
        let Some(socket) = self.tcp.at_mut(slot) else { return };
        if !socket.has_user() || core::mem::replace(&mut socket.notified, true) {
            return;
        }
        if let Some(id) = self.tcp.id_at(slot) {
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
            let Some((connection, store, models)) = tcp.connection_and_memory(slot) else {
                self.tcp.deadlines.set(slot, Instant::FAR_FUTURE);
                continue;
            };
            let mut context = Context { pool, store, models, counters: &mut counters.tcp, now };
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
