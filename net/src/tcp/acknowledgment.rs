//! What an acknowledgment does to the sender: the queue, the scoreboard, round-trip time, loss
//! detection and the congestion window (RFC 9293, Section 3.10.7.4, fifth step; RFC 5681;
//! RFC 6582; RFC 8985).

use super::congestion::{AckSample, Models};
use super::connection::{Connection, Context};
use super::delivery_rate::{Delivery, RateSample};
use super::micros::Micros;
use super::rack::{Detected, PathRtt};
use super::recovery::{Phase, RateReduction, TimeoutCheck, Undo};
use super::sack;
use super::segment::Segment;
use super::send::Acknowledged;
use super::timers::Purpose;
use crate::buffer::BufferPool;
use crate::time::Instant;
use crate::wire::tcp::SackBlock;
use crate::wire::tcp_sequence::SequenceNumber;

/// RFC 5681, Section 3.2: duplicate acknowledgments that mean a loss.
const DUPLICATE_THRESHOLD: u16 = 3;

impl Connection {
    /// Takes in the acknowledgment, the blocks and the window of an acceptable segment whose
    /// SEG.ACK is neither beyond SND.NXT nor too old.
    pub(crate) fn acknowledge<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        segment: &Segment,
        ack: SequenceNumber,
    ) {
        let now = context.now;
        let prior_una = self.send.una;
        let window = u32::from(segment.window) << self.send.window_shift;
        let window_changed = self.send.update_window(segment.sequence, ack, window);
        let ack = ack.max(prior_una);
        let (flight, path) = (self.send.flight(), self.path_rtt());
        let (mut delivery, taken) = self.deliver(context, ack, path);
        let advanced = taken.numbers > 0;
        let mut delivered = taken.newly;
        let mut duplicate = None;
        if self.sack && !segment.options.sack.as_slice().is_empty() {
            let (rack, mut arrived) = (&mut self.rack, 0u32);
            let blocks = segment.options.sack.as_slice();
            let sacked = sack::take_in(&mut self.send, context.store, blocks, ack, |piece| {
                arrived += 1;
                rack.on_delivered(piece, path, now);
                delivery.add(piece);
            });
            delivered += sacked.newly;
            duplicate = sacked.duplicate;
            self.counts.delivered = self.counts.delivered.wrapping_add(arrived);
        }
        delivery.set_octets(delivered);
        self.delivery.on_delivered(&delivery, now);
        if advanced {
            self.on_progress(now);
        }
        let plain_duplicate = !advanced
            && flight > 0
            && segment.data_len == 0
            && !segment.fin
            && !window_changed
            && segment.ack == Some(prior_una);
        if plain_duplicate && !self.sack {
            self.duplicate_acks = self.duplicate_acks.saturating_add(1);
            delivered = self.window.mss;
        }
        self.judge_probe(context, ack, advanced, plain_duplicate, duplicate.is_some());
        let was_loss = matches!(self.phase, Phase::Loss { .. });
        if let Some(block) = duplicate {
            self.on_duplicate(context, block);
        }
        let echo = segment.options.timestamps.map(|stamps| stamps.echo_reply);
        if taken.ambiguous
            && self.phase != Phase::Open
            && self.undo.as_mut().is_some_and(|undo| undo.is_echo_of_original(prior_una, echo))
        {
            self.undo_recovery(context);
        }
        self.leave_phase(context, ack, advanced, plain_duplicate);
        if self.ecn.is_on() && segment.ece {
            let segments = delivered.div_ceil(self.window.mss);
            context.counters.marks_delivered += u64::from(segments);
        }
        if self.ecn.on_acknowledgment(segment, ack) {
            self.on_mark(context, delivered);
        }
        let recovered_before = matches!(self.phase, Phase::Recovery { .. });
        // Without SACK, an acknowledgment that ends no recovery shows the next loss (RFC 6582).
        let further_loss = self.detect(context) || !self.sack;
        if let Phase::Recovery { mut rate, high } = self.phase
            && !self.congestion.governs_window()
        {
            let pipe = self.pipe();
            if !recovered_before {
                rate.begun_by(delivered);
            }
            rate.on_ack(&mut self.window, delivered, pipe, advanced && !further_loss);
            self.phase = Phase::Recovery { rate, high };
        }
        if advanced || delivered > 0 {
            let sample = self.delivery.sample(&delivery, path.shortest, now);
            self.adapt_window(&taken, sample, context.models, now);
        }
        let recovering = matches!(self.phase, Phase::Recovery { .. });
        if advanced || recovering && delivered > 0 || was_loss && self.phase == Phase::Open {
            self.rearm(now);
        }
        self.look_at_window(window_changed, now);
    }

    /// SND.UNA moves to `ack`: what has arrived leaves the queue and is measured.
    #[inline]
    pub(super) fn deliver<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        ack: SequenceNumber,
        path: PathRtt,
    ) -> (Delivery, Acknowledged) {
        let now = context.now;
        let (before, mut arrived) = (self.send.data, 0u32);
        let mut delivery = Delivery::NONE;
        let Self { send, rack, .. } = self;
        let taken = send.acknowledge(context.store, ack, |piece| {
            arrived += 1;
            rack.on_delivered(piece, path, now);
            delivery.add(piece);
        });
        if let Some(sent) = taken.sent_at {
            self.rtt.sample(Micros::between(sent, now));
        }
        self.counts.delivered = self.counts.delivered.wrapping_add(arrived);
        self.counts.octets_acknowledged += u64::from(before - self.send.data);
        (delivery, taken)
    }

    /// Nothing is lost and this has arrived: what it says about the network.
    #[inline]
    pub(super) fn adapt_to(
        &mut self,
        mut delivery: Delivery,
        taken: &Acknowledged,
        path: PathRtt,
        models: &mut Models,
        now: Instant,
    ) {
        delivery.set_octets(taken.newly);
        self.delivery.on_delivered(&delivery, now);
        let sample = self.delivery.sample(&delivery, path.shortest, now);
        self.adapt_window(taken, sample, models, now);
    }

    /// The network marked what this side sent: RFC 3168, Section 6.1.2. What a recovery does
    /// already is enough.
    fn on_mark<P: BufferPool>(&mut self, context: &mut Context<'_, P>, delivered: u32) {
        if self.phase == Phase::Open {
            let flight = self.send.flight() + delivered;
            let total = self.delivery.delivered();
            self.undo = None;
            let control = self.congestion.control(context.models);
            control.on_mark(&mut self.window, total, flight, context.now);
            if !self.congestion.governs_window() {
                self.window.cwnd = self.window.cwnd.min(self.window.ssthresh);
            }
        }
        self.ecn.on_slowed_down(self.send.nxt);
    }

    /// The other side got something twice (RFC 2883).
    fn on_duplicate<P: BufferPool>(&mut self, context: &mut Context<'_, P>, block: SackBlock) {
        context.counters.duplicates_reported += 1;
        let reported = &mut self.counts.duplicates_reported;
        *reported = reported.wrapping_add(1);
        self.rack.on_duplicate(self.send.una, self.send.nxt);
        if self.undo.as_mut().is_some_and(|undo| undo.on_duplicate(block)) {
            context.counters.duplicate_undos += 1;
            self.undo_recovery(context);
        }
    }

    /// Nothing had been lost: everything is as before the recovery.
    fn undo_recovery<P: BufferPool>(&mut self, context: &mut Context<'_, P>) {
        let Some(undo) = self.undo.take() else { return };
        match self.phase {
            Phase::Open => {}
            Phase::Recovery { .. } => context.counters.full_undos += 1,
            Phase::Loss { .. } => context.counters.spurious_timeouts += 1,
        }
        if self.phase != Phase::Open {
            self.send.clear_lost(context.store);
            self.phase = Phase::Open;
            self.duplicate_acks = 0;
        }
        self.window.cwnd = self.window.cwnd.max(undo.cwnd);
        self.window.ssthresh = undo.ssthresh;
        let control = self.congestion.control(context.models);
        control.on_undo(&mut self.window, context.now);
        self.rack.on_spurious();
    }

    /// The other side has got something: it is there.
    #[inline]
    pub(super) fn on_progress(&mut self, now: Instant) {
        self.stalled_since = None;
        self.progress = true;
        self.soft_error = None;
        self.rtt.forget_backoff();
        if self.send.small_end.is_before(self.send.una) {
            self.send.small_end = self.send.una;
        }
        self.last_received = now.into();
    }

    /// Sets the retransmission timer, but lets a timer for reordering run.
    fn rearm(&mut self, now: Instant) {
        if !matches!(self.timers.retransmit, Some((at, Purpose::Reordering)) if at > now) {
            self.arm_retransmit(now);
        }
    }

    /// Whether a tail loss probe has hidden a loss (RFC 8985, Section 7.4).
    fn judge_probe<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        ack: SequenceNumber,
        advanced: bool,
        plain_duplicate: bool,
        duplicate: bool,
    ) {
        let Some(probe) = self.tail_probe else { return };
        if ack.is_before(probe.end) {
            return;
        }
        if !probe.retransmission || duplicate || plain_duplicate && ack == probe.end {
            // Both copies arrived, or there was just one.
            self.tail_probe = None;
        } else if ack.is_after(probe.end) || advanced && self.send.flight() == 0 && !self.sack {
            self.tail_probe = None;
            if self.phase == Phase::Open {
                let flight = self.window.cwnd;
                let control = self.congestion.control(context.models);
                control.on_loss(&mut self.window, flight, context.now);
                self.end_reduction(context.models);
            }
        }
    }

    /// All that was lost has arrived: the window is what the loss left.
    fn end_reduction(&mut self, models: &mut Models) {
        if !self.congestion.governs_window() {
            self.window.cwnd = self.window.ssthresh;
        }
        self.congestion.control(models).on_recovered(&mut self.window);
    }

    /// Ends what an acknowledgment ends.
    fn leave_phase<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        ack: SequenceNumber,
        advanced: bool,
        plain_duplicate: bool,
    ) {
        match self.phase {
            Phase::Open => {
                if advanced {
                    self.duplicate_acks = 0;
                }
            }
            Phase::Recovery { high, .. } if ack.is_at_or_after(high) => {
                self.end_reduction(context.models);
                self.phase = Phase::Open;
                self.duplicate_acks = 0;
                self.rack.on_recovered();
            }
            Phase::Recovery { .. } => {
                // RFC 6582, Section 3.2, step 3: a partial acknowledgment shows the next loss.
                if advanced && !self.sack {
                    self.duplicate_acks = 0;
                    self.lose_front(context);
                }
            }
            Phase::Loss { high, .. } if ack.is_at_or_after(high) => {
                self.congestion.control(context.models).on_recovered(&mut self.window);
                self.phase = Phase::Open;
                self.duplicate_acks = 0;
            }
            Phase::Loss { high, check } => {
                if advanced {
                    self.duplicate_acks = 0;
                }
                let next = match check {
                    // RFC 5682, Section 2.1, step 2b, as far as there is new data.
                    TimeoutCheck::Retransmitted if advanced => {
                        let new = self.send.has_unsent() && self.send.usable_window() > 0;
                        if new { TimeoutCheck::NewData } else { TimeoutCheck::Over }
                    }
                    // Step 3b: what was not sent again has arrived.
                    TimeoutCheck::NewData if advanced => return self.undo_recovery(context),
                    // Step 3a: slow start goes on, with what counts as lost.
                    TimeoutCheck::NewData if plain_duplicate => {
                        self.window.cwnd = 3 * self.window.mss;
                        TimeoutCheck::Over
                    }
                    // Step 2a.
                    _ if plain_duplicate => TimeoutCheck::Over,
                    check => check,
                };
                self.phase = Phase::Loss { high, check: next };
            }
        }
    }

    /// Without SACK, what is lost is the first piece.
    fn lose_front<P: BufferPool>(&mut self, context: &mut Context<'_, P>) {
        if let Some(first) = self.send.front()
            && let Some(piece) = self.send.mark_lost(context.store, first)
        {
            let lost = self.delivery.on_lost(piece);
            let control = self.congestion.control(context.models);
            control.on_piece_lost(&self.window, &lost, context.now);
        }
    }

    /// Looks for losses and acts on them. True when there were any.
    pub(crate) fn detect<P: BufferPool>(&mut self, context: &mut Context<'_, P>) -> bool {
        let recovering = self.phase != Phase::Open;
        let found = if self.sack {
            let worth = self.send.sacked() > 0 || self.send.lost() > 0;
            let path = self.path_rtt();
            if worth {
                let Self { rack, send, delivery, congestion, window, .. } = self;
                let now = context.now;
                let control = congestion.control(context.models);
                rack.detect(send, context.store, path, recovering, now, |piece| {
                    let lost = delivery.on_lost(piece);
                    control.on_piece_lost(window, &lost, now);
                })
            } else {
                Detected::default()
            }
        } else {
            let enough = self.duplicate_acks >= DUPLICATE_THRESHOLD && !recovering;
            if enough {
                self.lose_front(context);
            }
            Detected { lost: enough, again_at: None }
        };
        if self.phase == Phase::Open && self.send.lost() > 0 && found.lost {
            self.enter_recovery(context.models, context.now);
            context.counters.fast_recoveries += 1;
        }
        if let Some(at) = found.again_at {
            self.timers.retransmit = Some((at, Purpose::Reordering));
        } else if matches!(self.timers.retransmit, Some((_, Purpose::Reordering))) {
            self.timers.retransmit = None;
            self.arm_retransmit(context.now);
        }
        found.lost
    }

    fn enter_recovery(&mut self, models: &mut Models, now: Instant) {
        let flight = self.send.flight();
        self.undo = Some(Undo::new(&self.window, self.send.ambiguous_end()));
        self.congestion.control(models).on_loss(&mut self.window, flight, now);
        self.ecn.on_slowed_down(self.send.nxt);
        let rate = RateReduction::new(flight.saturating_sub(self.send.sacked()));
        self.phase = Phase::Recovery { high: self.send.nxt, rate };
        self.tail_probe = None;
    }

    /// Lets the algorithm set the window.
    #[inline]
    fn adapt_window(
        &mut self,
        taken: &Acknowledged,
        delivery: RateSample,
        models: &mut Models,
        now: Instant,
    ) {
        let acked = taken.numbers;
        // RFC 7661: a window that is not used tells nothing about the path. In slow start, half
        // of it is use enough.
        let flight = self.send.flight() + acked;
        let used =
            self.cwnd_limited || self.window.in_slow_start() && self.window.cwnd < 2 * flight;
        let recovering = matches!(self.phase, Phase::Recovery { .. });
        let grows = used && acked > 0 && !recovering;
        if grows || !self.congestion.on_ack_without_growth(now) {
            let sample = AckSample {
                acked,
                rtt: taken.sent_at.map(|sent| Micros::between(sent, now)),
                smoothed_rtt: self.rtt.smoothed(),
                una: self.send.una,
                nxt: self.send.nxt,
                grows,
                cwnd_limited: self.cwnd_limited,
                in_flight: self.pipe(),
                delivery,
                now,
            };
            let control = self.congestion.control(models);
            control.on_ack(&mut self.window, &sample);
            if control.is_holding_back() {
                self.delivery.mark_limited(self.pipe());
            }
        }
        if acked > 0 && self.pipe() + self.window.mss <= self.window.cwnd {
            self.cwnd_limited = false;
        }
    }

    /// A window that opens ends probing; one that is closed and answers keeps it going for ever.
    fn look_at_window(&mut self, changed: bool, now: Instant) {
        if let Some((_, Purpose::Persist)) = self.timers.retransmit {
            self.stalled_since = None;
            if changed && self.send.usable_window() > 0 {
                self.rtt.forget_backoff();
                self.timers.retransmit = None;
                self.arm_retransmit(now);
            }
        }
    }
}
