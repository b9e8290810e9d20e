//! What an acknowledgment does to the sender: the queue, the scoreboard, round-trip time, loss
//! detection and the congestion window (RFC 9293, Section 3.10.7.4, fifth step; RFC 5681;
//! RFC 6582; RFC 8985).

use super::congestion::AckSample;
use super::connection::{Connection, Context};
use super::rack::Detected;
use super::recovery::{Phase, RateReduction};
use super::sack;
use super::segment::Segment;
use super::timers::Purpose;
use crate::buffer::BufferPool;
use crate::time::{Duration, Instant};
use crate::wire::tcp_sequence::SequenceNumber;

/// RFC 5681, Section 3.2: duplicate acknowledgments that mean a loss.
const DUPLICATE_THRESHOLD: u32 = 3;

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
        let rack = &mut self.rack;
        let (unacknowledged, mut arrived) = (self.send.data, 0);
        let taken = self.send.acknowledge(context.store, ack, |piece| {
            arrived += 1;
            rack.on_delivered(piece, path, now);
        });
        let advanced = taken.numbers > 0;
        let rtt = taken.sent_at.map(|sent| now.saturating_since(sent));
        if let Some(rtt) = rtt {
            self.rtt.sample(rtt);
        }
        let mut delivered = taken.newly;
        let mut duplicate = false;
        if self.sack && !segment.options.sack.as_slice().is_empty() {
            let rack = &mut self.rack;
            let blocks = segment.options.sack.as_slice();
            let sacked = sack::take_in(&mut self.send, context.store, blocks, ack, |piece| {
                arrived += 1;
                rack.on_delivered(piece, path, now);
            });
            delivered += sacked.newly;
            duplicate = sacked.duplicate;
        }
        self.counts.delivered = self.counts.delivered.wrapping_add(arrived);
        self.counts.octets_acknowledged += u64::from(unacknowledged - self.send.data);
        if duplicate {
            let reported = &mut self.counts.duplicates_reported;
            *reported = reported.wrapping_add(1);
            self.rack.on_duplicate(self.send.una, self.send.nxt);
        }
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
            self.duplicate_acks += 1;
            delivered = self.window.mss;
        }
        self.judge_probe(ack, advanced, plain_duplicate, duplicate, context.now);
        let was_loss = matches!(self.phase, Phase::Loss { .. });
        self.leave_phase(context, segment, ack, advanced);
        self.detect(context);
        if let Phase::Recovery { mut rate, high } = self.phase {
            let pipe = self.pipe();
            rate.on_ack(&mut self.window, delivered, pipe);
            self.phase = Phase::Recovery { rate, high };
        } else if advanced {
            self.grow_window(taken.numbers, rtt, prior_una, now);
        }
        let recovering = matches!(self.phase, Phase::Recovery { .. });
        if advanced || recovering && delivered > 0 || was_loss && self.phase == Phase::Open {
            self.rearm(now);
        }
        self.look_at_window(window_changed, now);
    }

    /// The other side has got something: it is there.
    fn on_progress(&mut self, now: Instant) {
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
    fn judge_probe(
        &mut self,
        ack: SequenceNumber,
        advanced: bool,
        plain_duplicate: bool,
        duplicate: bool,
        now: Instant,
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
                self.congestion.control().on_loss(&mut self.window, flight, now);
                self.window.cwnd = self.window.ssthresh;
            }
        }
    }

    /// Ends what an acknowledgment ends.
    fn leave_phase<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        segment: &Segment,
        ack: SequenceNumber,
        advanced: bool,
    ) {
        match self.phase {
            Phase::Open => {
                if advanced {
                    self.duplicate_acks = 0;
                }
            }
            Phase::Recovery { high, .. } if ack.is_at_or_after(high) => {
                self.window.cwnd = self.window.ssthresh;
                self.phase = Phase::Open;
                self.duplicate_acks = 0;
                self.rack.on_recovered();
            }
            Phase::Recovery { .. } => {
                // RFC 6582, Section 3.2, step 3: a partial acknowledgment shows the next loss.
                if advanced && !self.sack {
                    self.duplicate_acks = 0;
                    if let Some(first) = self.send.front() {
                        self.send.mark_lost(context.store, first);
                    }
                }
            }
            Phase::Loss { high, undo } => {
                let spurious = advanced
                    && undo.is_some_and(|undo| {
                        segment.options.timestamps.is_some_and(|stamps| {
                            (stamps.echo_reply.wrapping_sub(undo.timestamp) as i32) < 0
                        })
                    });
                if let (true, Some(undo)) = (spurious, undo) {
                    self.send.clear_lost(context.store);
                    self.window.cwnd = undo.cwnd;
                    self.window.ssthresh = undo.ssthresh;
                    self.congestion.control().on_undo(context.now);
                    self.phase = Phase::Open;
                    self.duplicate_acks = 0;
                    context.counters.spurious_timeouts += 1;
                } else if ack.is_at_or_after(high) {
                    self.phase = Phase::Open;
                    self.duplicate_acks = 0;
                } else if advanced {
                    self.phase = Phase::Loss { high, undo: None };
                    self.duplicate_acks = 0;
                }
            }
        }
    }

    /// Looks for losses and acts on them.
    pub(crate) fn detect<P: BufferPool>(&mut self, context: &mut Context<'_, P>) {
        let recovering = self.phase != Phase::Open;
        let found = if self.sack {
            let worth = self.send.sacked() > 0 || self.send.lost() > 0;
            let path = self.path_rtt();
            if worth {
                self.rack.detect(&mut self.send, context.store, path, recovering, context.now)
            } else {
                Detected::default()
            }
        } else {
            let enough = self.duplicate_acks >= DUPLICATE_THRESHOLD && !recovering;
            if let Some(first) = self.send.front().filter(|_| enough) {
                self.send.mark_lost(context.store, first);
            }
            Detected { lost: enough, again_in: None }
        };
        if self.phase == Phase::Open && self.send.lost() > 0 && found.lost {
            self.enter_recovery(context.now);
            context.counters.fast_recoveries += 1;
        }
        if let Some(after) = found.again_in {
            self.timers.retransmit = Some((context.now + after, Purpose::Reordering));
        } else if matches!(self.timers.retransmit, Some((_, Purpose::Reordering))) {
            self.timers.retransmit = None;
            self.arm_retransmit(context.now);
        }
    }

    fn enter_recovery(&mut self, now: Instant) {
        let flight = self.send.flight();
        self.congestion.control().on_loss(&mut self.window, flight, now);
        self.phase = Phase::Recovery { high: self.send.nxt, rate: RateReduction::new(flight) };
        self.tail_probe = None;
    }

    fn grow_window(
        &mut self,
        acked: u32,
        rtt: Option<Duration>,
        prior_una: SequenceNumber,
        now: Instant,
    ) {
        let round_ended = self.send.una.is_after(self.round_end) || prior_una == self.round_end;
        if round_ended {
            self.round_end = self.send.nxt;
        }
        // RFC 7661: a window that is not used tells nothing about the path. In slow start, half
        // of it is use enough.
        let flight = self.send.flight() + acked;
        let used =
            self.cwnd_limited || self.window.in_slow_start() && self.window.cwnd < 2 * flight;
        if used {
            let smoothed_rtt = self.rtt.smoothed();
            let sample = AckSample { acked, rtt, smoothed_rtt, round_ended, now };
            self.congestion.control().on_ack(&mut self.window, &sample);
        }
        if self.pipe() + self.window.mss <= self.window.cwnd {
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
