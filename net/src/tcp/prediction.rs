//! Header prediction: the way of nearly every segment of a transfer without incidents.
//!
//! A segment was foreseen when it is the next one in order, in a connection that is established
//! and has lost nothing, and says nothing but "here is more data" and "yours has arrived". Most
//! steps of RFC 9293, Section 3.10.7.4, can find nothing in such a segment; what is left of them
//! is here. It does exactly what `arrival` and `acknowledgment` would do, which
//! `connection_properties` compares.

use super::arrival::Arrival;
use super::connection::{Connection, Context, Owner, TimestampState, seconds};
use super::recovery::Phase;
use super::segment::Segment;
use super::state::TcpState;
use super::store::Piece;
use super::timers::Purpose;
use crate::buffer::BufferPool;
use crate::counters::DropReason;
use crate::wire::tcp_sequence::SequenceNumber;

impl Connection {
    /// Whether the segment was foreseen; then gives its SEG.ACK.
    #[inline]
    pub(super) fn foresees(&self, segment: &Segment) -> Option<SequenceNumber> {
        let ack = segment.ack?;
        let receive = &self.receive;
        let undisturbed = self.state == TcpState::Established
            && self.phase == Phase::Open
            && self.send.sacked() == 0
            && self.send.lost() == 0
            && self.tail_probe.is_none()
            && self.keep_alive_probes == 0
            && !matches!(self.timers.retransmit, Some((_, Purpose::Reordering | Purpose::Persist)));
        let plain = !segment.syn
            && !segment.fin
            && !segment.rst
            && !segment.ece
            && !segment.cwr
            && !segment.marked
            && segment.urgent.is_none()
            && segment.options.sack.as_slice().is_empty();
        // With data, or news of data: not one of two acknowledgments that say the same.
        let next = segment.sequence == receive.nxt
            && receive.expects(segment.data_len)
            && ack.is_at_or_before(self.send.nxt)
            && (ack.is_after(self.send.una) || ack == self.send.una && segment.data_len > 0);
        let young = match (&self.timestamps, &segment.options.timestamps) {
            (Some(state), Some(stamps)) => stamps.value.wrapping_sub(state.recent) as i32 >= 0,
            (None, _) => true,
            (Some(_), None) => false,
        };
        let read = segment.data_len == 0 || self.owner == Owner::User && !self.receive_shut_down;
        (undisturbed && plain && next && young && read).then_some(ack)
    }

    /// Takes in a segment that was foreseen.
    pub(super) fn take_foreseen<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        segment: &Segment,
        ack: SequenceNumber,
        buffer: P::Buffer,
    ) -> Arrival {
        let now = context.now;
        if let (Some(state), Some(stamps)) = (&mut self.timestamps, segment.options.timestamps)
            && segment.sequence.is_at_or_before(self.acknowledging.last)
        {
            *state = TimestampState { recent: stamps.value, recent_at: seconds(now) };
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
            self.adapt_to(delivery, &taken, path, prior_una, now);
            self.arm_retransmit(now);
        }
        let news = self.take_writable(context.store);
        if segment.data_len == 0 {
            return Arrival { news, ..Arrival::default() };
        }
        let piece = Piece::new(segment.sequence, Some(buffer));
        let kept = self.receive.push_ready(context.store, piece);
        if kept {
            self.counts.octets_received += u64::from(segment.data_len);
            self.progress = true;
        } else {
            context.counters.receive_memory_drops += 1;
        }
        self.measure_as_receiver(segment, now);
        self.last_data_received = now.into();
        self.schedule_ack(segment.data_len, !kept, now);
        let dropped = if kept { None } else { Some(DropReason::TcpMemoryFull) };
        Arrival { dropped, news: news || kept, ..Arrival::default() }
    }
}
