//! Header prediction: the way of nearly every segment of a transfer without incidents.
//!
//! A segment was foreseen when it is the next one in order, in a connection that is established
//! and has lost nothing, and says nothing but "here is more data" and "yours has arrived". Most
//! steps of RFC 9293, Section 3.10.7.4, can find nothing in such a segment; what is left of them
//! is here. It does exactly what `arrival` and `acknowledgment` would do, which
//! `connection_properties` compares.

use super::connection::{Connection, Context, Owner, TimestampState};
use super::isn::FourTuple;
use super::recovery::Phase;
use super::state::TcpState;
use super::timers::Purpose;
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::DropReason;
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::ipv6::Ecn;
use crate::wire::tcp_plain::PlainHeader;

/// What became of a segment that was foreseen.
#[derive(Clone, Copy)]
pub(super) struct Foreseen {
    /// There was no memory for its data.
    dropped: bool,
    /// The user may find something changed.
    news: bool,
}

impl Connection {
    /// Whether a segment with so many octets of data, whose packet had no mark, was foreseen.
    #[inline]
    pub(super) fn foresees(&self, segment: &PlainHeader, data_len: u32) -> bool {
        let (receive, ack) = (&self.receive, segment.acknowledgment);
        let undisturbed = self.state == TcpState::Established
            && self.phase == Phase::Open
            && self.send.sacked() == 0
            && self.send.lost() == 0
            && self.tail_probe.is_none()
            && self.keep_alive_probes == 0
            && !matches!(self.timers.retransmit, Some((_, Purpose::Reordering | Purpose::Persist)));
        // With data, or news of data: not one of two acknowledgments that say the same.
        let next = segment.sequence == receive.nxt
            && receive.expects(data_len)
            && ack.is_at_or_before(self.send.nxt)
            && (ack.is_after(self.send.una) || ack == self.send.una && data_len > 0);
        let young = match (&self.timestamps, &segment.timestamps) {
            (Some(state), Some(stamps)) => stamps.value.wrapping_sub(state.recent) as i32 >= 0,
            (None, _) => true,
            (Some(_), None) => false,
        };
        let read = data_len == 0 || self.owner == Owner::User && !self.receive_shut_down;
        undisturbed && next && young && read
    }

    /// Takes in a segment that was foreseen, whose data is all that `buffer` holds.
    #[inline]
    pub(super) fn take_foreseen<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        segment: &PlainHeader,
        buffer: P::Buffer,
    ) -> Foreseen {
        let (now, ack) = (context.now, segment.acknowledgment);
        let data_len = buffer.len() as u32;
        self.counts.on_arrival(data_len);
        if let (Some(state), Some(stamps)) = (&mut self.timestamps, segment.timestamps)
            && segment.sequence.is_at_or_before(self.acknowledging.last)
        {
            *state = TimestampState { recent: stamps.value, recent_at: now.into() };
        }
        self.last_received = now.into();
        let window = u32::from(segment.window) << self.send.window_shift;
        let prior_una = self.send.una;
        self.send.update_window(segment.sequence, ack, window);
        if ack != prior_una {
            let path = self.path_rtt();
            let (delivery, taken) = self.deliver(context, ack, path);
            self.on_progress(now);
            self.duplicate_acks = 0;
            self.adapt_to(delivery, &taken, path, context.models, now);
            self.arm_retransmit(now);
        }
        let news = self.take_writable(context.store);
        if data_len == 0 {
            return Foreseen { dropped: false, news };
        }
        let kept = self.receive.push_ready(context.store, segment.sequence, buffer);
        if kept {
            self.counts.octets_received += u64::from(data_len);
            self.progress = true;
        } else {
            context.counters.receive_memory_drops += 1;
        }
        self.measure_as_receiver(segment.timestamps, data_len, now);
        self.last_data_received = now.into();
        self.schedule_ack(data_len, !kept, now);
        Foreseen { dropped: !kept, news: news || kept }
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Takes in a segment whose checksum is right, if it was foreseen; else gives the packet back.
    /// `ports` are the source's and the destination's.
    #[inline]
    pub(super) fn tcp_take_foreseen(
        &mut self,
        received: &Received,
        ports: (u16, u16),
        segment: &PlainHeader,
        mut packet: P::Buffer,
        now: Instant,
    ) -> Option<P::Buffer> {
        let from = received.interface;
        let tuple = FourTuple {
            local: (received.destination, ports.1),
            remote: (received.source, ports.0),
        };
        let Self { tcp, pool, counters, .. } = self;
        let in_burst = tcp.in_burst;
        let found = tcp.find_connection(&tuple, from);
        let Some((slot, (connection, store, models))) =
            found.and_then(|slot| Some((slot, tcp.connection_and_memory(slot)?)))
        else {
            return Some(packet);
        };
        let header_len = received.upper_offset + segment.len();
        let data_len = packet.len().saturating_sub(header_len) as u32;
        let marked = received.traffic_class.ecn() == Ecn::CongestionExperienced;
        if marked || !connection.foresees(segment, data_len) {
            return Some(packet);
        }
        packet.trim_front(header_len);
        let mut context = Context { pool, store, models, counters: &mut counters.tcp, now };
        let taken = connection.take_foreseen(&mut context, segment, packet);
        let sends = connection.may_send();
        let waits = in_burst && sends && connection.acknowledges_later(now);
        self.count_deliver(from);
        if taken.dropped {
            self.count_drop(Some(from), DropReason::TcpMemoryFull);
        }
        if taken.news {
            self.tcp_notify(slot);
        }
        if waits {
            self.tcp_wait_for_end_of_burst(slot);
            self.tcp_rest(slot, now);
        } else if sends {
            self.tcp_flush(slot, now);
        } else {
            self.tcp_rest(slot, now);
        }
        None
    }
}
