//! A segment arrives at a connection (RFC 9293, Section 3.10.7.3 and 3.10.7.4, in its order; with
//! RFC 7323, Section 5, and RFC 5961).
//!
//! LISTEN and passive SYN-RECEIVED are in `listener_input` and `half_open`, TIME-WAIT in `time_wait`.

use super::TcpError;
use super::connection::{Connection, Context, Owner, TimestampState};
use super::micros::Micros;
use super::segment::Segment;
use super::state::TcpState;
use super::store::Piece;
use super::timers::{DELAYED_ACK, FIN_WAIT_2};
use crate::buffer::BufferPool;
use crate::counters::DropReason;
use crate::time::Instant;
use crate::wire::tcp::Timestamps;
use crate::wire::tcp_sequence::SequenceNumber;

/// RFC 7323, Section 5.5: a timestamp older than this, in seconds, says nothing.
const TIMESTAMP_AGE: u32 = 24 * 24 * 3600;

/// What is to be done about a segment, besides sending what the connection wants to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Arrival {
    /// It disappeared for this reason.
    pub(crate) dropped: Option<DropReason>,
    /// Answer with a reset as for a segment without a connection (RFC 9293, Section 3.10.7.1).
    pub(crate) reset: bool,
    /// The user may find something changed.
    pub(crate) news: bool,
    /// What became of the connection.
    pub(crate) end: End,
}

/// What became of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum End {
    /// It goes on.
    #[default]
    None,
    /// Both sides have closed; it has to wait until old segments have died out.
    TimeWait,
    /// It is gone.
    Closed,
}

impl Arrival {
    const NOTHING: Self = Self { dropped: None, reset: false, news: false, end: End::None };

    const fn dropped(reason: DropReason) -> Self {
        Self { dropped: Some(reason), ..Self::NOTHING }
    }

    const fn closed() -> Self {
        Self { news: true, end: End::Closed, ..Self::NOTHING }
    }
}

impl Connection {
    /// Takes in a segment whose data is all that `buffer` holds.
    pub(crate) fn on_segment<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        segment: &Segment,
        buffer: P::Buffer,
    ) -> Arrival {
        self.counts.on_arrival(segment.data_len);
        match self.state {
            TcpState::SynSent => self.in_syn_sent(context, segment, buffer),
            TcpState::Closed | TcpState::Listen | TcpState::TimeWait => {
                Arrival { reset: true, ..Arrival::dropped(DropReason::TcpNoSocket) }
            }
            _ => self.in_other_states(context, segment, buffer),
        }
    }

    /// Section 3.10.7.3.
    fn in_syn_sent<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        segment: &Segment,
        buffer: P::Buffer,
    ) -> Arrival {
        let acceptable = segment
            .ack
            .map(|ack| ack.is_after(self.send.una) && ack.is_at_or_before(self.send.nxt));
        if acceptable == Some(false) {
            return Arrival {
                reset: !segment.rst,
                ..Arrival::dropped(DropReason::TcpAcknowledgment)
            };
        }
        if segment.rst {
            if acceptable != Some(true) {
                return Arrival::dropped(DropReason::TcpReset);
            }
            context.counters.attempt_fails += 1;
            self.fail(context.store, TcpError::ConnectionRefused);
            return Arrival::closed();
        }
        if !segment.syn {
            return Arrival::dropped(DropReason::TcpUnacceptable);
        }
        self.receive.begin(segment.sequence + 1);
        self.acknowledging.last = self.receive.nxt;
        self.agree(&segment.options, context.now);
        self.ecn.on_syn_ack(segment);
        // RFC 7323, Section 2.2: the window of a SYN is never scaled.
        let window = segment.window.into();
        let ack = segment.ack.unwrap_or(self.send.una);
        self.send.first_window(segment.sequence, ack, window);
        self.acknowledging.now = true;
        if let Some(ack) = segment.ack {
            let taken = self.send.acknowledge(context.store, ack, |_| {});
            if let Some(sent) = taken.sent_at {
                self.rtt.sample(Micros::between(sent, context.now));
            }
            self.establish(context.now);
            self.timers.retransmit = None;
            self.progress = true;
            let mut rest = *segment;
            rest.sequence += 1;
            rest.syn = false;
            let mut arrival = self.data_and_fin(context, &rest, buffer);
            arrival.news = true;
            return arrival;
        }
        // Simultaneous open: the SYN goes out again, with an acknowledgment.
        self.state = TcpState::SynReceived;
        self.send.mark_all_lost(context.store, |_| {});
        self.timers.retransmit = None;
        self.arm_retransmit(context.now);
        Arrival::NOTHING
    }

    /// Section 3.10.7.4.
    fn in_other_states<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        segment: &Segment,
        buffer: P::Buffer,
    ) -> Arrival {
        // Simultaneous open: the other side's SYN comes again, now with an acknowledgment.
        if self.state == TcpState::SynReceived
            && segment.syn
            && segment.sequence + 1 == self.receive.nxt
            && segment.ack == Some(self.send.nxt)
        {
            let rest = Segment { syn: false, sequence: segment.sequence + 1, ..*segment };
            return self.in_synchronized_states(context, &rest, buffer);
        }
        self.in_synchronized_states(context, segment, buffer)
    }

    fn in_synchronized_states<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        segment: &Segment,
        buffer: P::Buffer,
    ) -> Arrival {
        let now = context.now;
        if let Some(reason) = self.check_sequence(context, segment) {
            return Arrival::dropped(reason);
        }
        if segment.rst {
            return self.on_reset(context, segment);
        }
        // RFC 5961, Section 4.
        if segment.syn {
            return self.challenge(context, DropReason::TcpSyn);
        }
        let Some(ack) = segment.ack else {
            return Arrival::dropped(DropReason::TcpUnacceptable);
        };
        if self.state == TcpState::SynReceived {
            if !(ack.is_after(self.send.una) && ack.is_at_or_before(self.send.nxt)) {
                return Arrival { reset: true, ..Arrival::dropped(DropReason::TcpAcknowledgment) };
            }
            self.establish(now);
            let window = u32::from(segment.window) << self.send.window_shift;
            self.send.first_window(segment.sequence, ack, window);
        }
        // RFC 5961, Section 5.
        if ack.is_after(self.send.nxt) || ack.is_before(self.send.una - self.send.max_window) {
            return self.challenge(context, DropReason::TcpAcknowledgment);
        }
        self.take_timestamp(segment, now);
        self.last_received = now.into();
        if self.keep_alive_probes > 0 {
            self.keep_alive_probes = 0;
            self.arm_keep_alive(now);
        }
        let una = self.send.una;
        self.acknowledge(context, segment, ack);
        let mut news = self.take_writable(context.store);
        if self.send.una != una && self.send.is_empty() && self.send.fin_queued {
            news = true;
            match self.state {
                TcpState::FinWait1 => {
                    self.state = TcpState::FinWait2;
                    if self.waits_for_fin() {
                        self.timers.silence = now + FIN_WAIT_2;
                    }
                }
                TcpState::Closing => {
                    return Arrival { news, end: End::TimeWait, ..Arrival::NOTHING };
                }
                TcpState::LastAck => {
                    self.close(context.store);
                    return Arrival { news, end: End::Closed, ..Arrival::NOTHING };
                }
                _ => {}
            }
        }
        news |= self.take_urgent(segment);
        let mut arrival = self.data_and_fin(context, segment, buffer);
        arrival.news |= news;
        arrival
    }

    /// The first step: PAWS (RFC 7323, Section 5.3), then the sequence number. What is not
    /// acceptable is answered with an acknowledgment, except a reset.
    fn check_sequence<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        segment: &Segment,
    ) -> Option<DropReason> {
        let now = context.now;
        let old = match (self.timestamps, segment.options.timestamps) {
            (Some(state), Some(stamps)) => {
                (stamps.value.wrapping_sub(state.recent) as i32) < 0
                    && state.recent_at.passed(now) < TIMESTAMP_AGE
            }
            _ => false,
        };
        let reason = if old && !segment.rst {
            context.counters.paws_drops += 1;
            DropReason::TcpTimestamp
        } else if !self.receive.is_acceptable(segment.sequence, segment.end()) {
            DropReason::TcpUnacceptable
        } else {
            return None;
        };
        if segment.rst {
            return Some(DropReason::TcpReset);
        }
        // Data is a retransmission whose acknowledgment was lost: it must be answered. The rest
        // could be half of a war of acknowledgments.
        if segment.data_len > 0 && !segment.syn || segment.fin || self.may_challenge(now) {
            self.acknowledging.now = true;
            if segment.data_len > 0 {
                self.receive.note_duplicate(segment.sequence, segment.end());
            }
        }
        Some(reason)
    }

    /// RFC 5961, Section 3: only the exact number resets; one in the window is asked about.
    fn on_reset<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        segment: &Segment,
    ) -> Arrival {
        if segment.sequence != self.receive.nxt {
            return self.challenge(context, DropReason::TcpReset);
        }
        context.counters.established_resets += 1;
        let error = match self.state {
            TcpState::SynReceived => Some(TcpError::ConnectionRefused),
            TcpState::CloseWait => Some(TcpError::BrokenPipe),
            // The other side has everything that it will take.
            TcpState::Closing | TcpState::LastAck => None,
            _ => Some(TcpError::ConnectionReset),
        };
        match error {
            Some(error) => self.fail(context.store, error),
            None => self.close(context.store),
        }
        Arrival::closed()
    }

    fn challenge<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        reason: DropReason,
    ) -> Arrival {
        if self.may_challenge(context.now) {
            self.acknowledging.now = true;
            context.counters.challenge_acks += 1;
        }
        Arrival::dropped(reason)
    }

    /// RFC 7323, Section 4.3: the value to echo is that of the earliest segment not yet
    /// acknowledged.
    fn take_timestamp(&mut self, segment: &Segment, now: Instant) {
        let last = self.acknowledging.last;
        if let (Some(state), Some(stamps)) = (&mut self.timestamps, segment.options.timestamps)
            && segment.sequence.is_at_or_before(last)
        {
            *state = TimestampState { recent: stamps.value, recent_at: now.into() };
        }
    }

    /// The seventh and the eighth step.
    fn data_and_fin<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        segment: &Segment,
        buffer: P::Buffer,
    ) -> Arrival {
        if segment.data_len == 0 && !segment.fin {
            return Arrival::NOTHING;
        }
        let now = context.now;
        if !self.state.can_receive() {
            // After the other side's FIN there is nothing more; it is acknowledged again.
            self.acknowledging.now = true;
            return Arrival::dropped(DropReason::TcpAfterFin);
        }
        if segment.data_len > 0 && self.ecn.on_data(segment) {
            self.acknowledging.now = true;
        }
        let new = (segment.data_start() + segment.data_len).is_after(self.receive.nxt);
        if segment.data_len > 0 && new && self.owner == Owner::Nobody {
            // RFC 9293, Section 3.6.1: nobody is going to read it, and the sender must know.
            context.counters.aborts_on_data += 1;
            self.discard(context.store);
            return Arrival {
                reset: true,
                dropped: Some(DropReason::TcpAfterClose),
                news: true,
                end: End::Closed,
            };
        }
        let before = self.receive.nxt;
        let behind_hole = segment.data_start().is_after(before);
        let piece = Piece::new(segment.data_start(), Some(buffer));
        let taken = self.receive.take(context.store, piece, segment.fin);
        let octets = self.receive.nxt.offset_from(before) as u32;
        let octets = octets.saturating_sub(self.receive.finished.into());
        self.counts.octets_received += u64::from(octets);
        if segment.data_len > 0 {
            self.measure_as_receiver(segment.options.timestamps, segment.data_len, now);
            self.last_data_received = now.into();
            let early = &mut self.counts.segments_out_of_order;
            *early = early.wrapping_add(behind_hole.into());
        }
        let mut arrival = Arrival::NOTHING;
        context.counters.out_of_order += u64::from(behind_hole && !taken.refused);
        context.counters.out_of_order_pruned += u64::from(taken.pruned);
        if taken.refused {
            context.counters.receive_memory_drops += 1;
            arrival.dropped = Some(DropReason::TcpMemoryFull);
        } else if taken.duplicate {
            arrival.dropped = Some(DropReason::TcpDuplicate);
        }
        if self.receive_shut_down {
            // The user does not want it, but the other side may not know yet.
            let len = self.receive.readable() as usize;
            let _read = self.receive.read(context.store, len, false, |_| Ok::<_, ()>(()));
        }
        self.schedule_ack(segment.data_len, taken.irregular || taken.refused, now);
        arrival.news = taken.advanced;
        self.progress |= taken.advanced;
        if self.receive.finished {
            self.acknowledging.now = true;
            match self.state {
                TcpState::Established => self.state = TcpState::CloseWait,
                TcpState::FinWait1 => self.state = TcpState::Closing,
                TcpState::FinWait2 => arrival.end = End::TimeWait,
                _ => {}
            }
        }
        arrival
    }

    #[inline]
    pub(super) fn measure_as_receiver(
        &mut self,
        stamps: Option<Timestamps>,
        data_len: u32,
        now: Instant,
    ) {
        let (nxt, window) = (self.receive.nxt, self.receive.advertised());
        match stamps.filter(|_| self.timestamps.is_some()) {
            // Short segments come when the other side has something to say.
            Some(stamps) if data_len >= self.acknowledging.full.into() => {
                let age = self.timestamp(now).wrapping_sub(stamps.echo_reply);
                self.receive.sizing.on_echo(stamps.echo_reply, age);
            }
            Some(_) => {}
            None => self.receive.sizing.on_data(nxt, window, now),
        }
    }

    /// RFC 9293, Section 3.8.6.3; RFC 5681, Section 4.2.
    #[inline]
    pub(super) fn schedule_ack(&mut self, data_len: u32, irregular: bool, now: Instant) {
        let acknowledging = &mut self.acknowledging;
        acknowledging.octets += data_len;
        acknowledging.full = acknowledging.full.max(u16::try_from(data_len).unwrap_or(u16::MAX));
        // More than one full segment is two segments, even if the second one is short: a sender
        // that has no more waits for it, and would soon probe for it (RFC 8985, Section 7).
        let enough = acknowledging.octets > u32::from(acknowledging.full).min(self.window.mss);
        let quick = acknowledging.quick > 0 || self.options.quick_ack();
        if irregular || enough || quick || self.receive.has_holes() {
            acknowledging.now = true;
        } else if self.timers.delayed_ack == Instant::FAR_FUTURE {
            self.timers.delayed_ack = now + DELAYED_ACK;
        }
    }

    /// Where the sequence spaces stand: what TIME-WAIT has to remember.
    pub(crate) const fn numbers(&self) -> (SequenceNumber, SequenceNumber) {
        (self.send.nxt, self.receive.nxt)
    }
}
