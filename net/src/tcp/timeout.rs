//! What a connection does when a timer runs out.

use super::connection::{Connection, Context, Forced};
use super::recovery::{Phase, TimeoutCheck, Undo};
use super::rtt::{INITIAL_RTO, MAX_RTO};
use super::state::TcpState;
use super::timers::{CONNECT_TIMEOUT, DATA_TIMEOUT, ORPHAN_TIMEOUT, Purpose, RETRY};
use super::{TcpError, connection::Owner};
use crate::buffer::BufferPool;
use crate::time::{Duration, Instant};

/// What became of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// It goes on; there may be something to send.
    Goes,
    /// It has ended, with the error in it if it has one.
    Ended,
}

/// How long it takes to send a SYN again so often, and to wait for an answer to the last one.
fn time_of_retries(count: u8) -> Duration {
    let timeouts =
        (0..=u32::from(count)).map(|backoff| INITIAL_RTO.times(1 << backoff.min(16)).min(MAX_RTO));
    timeouts.map(Duration::from).sum()
}

impl Connection {
    /// Does what is due.
    pub(crate) fn on_timers<P: BufferPool>(&mut self, context: &mut Context<'_, P>) -> Outcome {
        let now = context.now;
        if self.timers.delayed_ack <= now {
            self.timers.delayed_ack = Instant::FAR_FUTURE;
            self.acknowledging.now = true;
            context.counters.delayed_acks += 1;
        }
        if self.timers.pacing <= now {
            self.timers.pacing = Instant::FAR_FUTURE;
        }
        if self.timers.retry <= now {
            let waits = self.waits_to_send.get()
                && self.send.data < self.send_limit()
                && !self.is_writable(context.store);
            self.timers.retry = if waits { now + RETRY } else { Instant::FAR_FUTURE };
        }
        if self.timers.silence <= now && self.on_silence(context) == Outcome::Ended {
            return Outcome::Ended;
        }
        match self.timers.retransmit {
            Some((at, purpose)) if at <= now => {
                self.timers.retransmit = None;
                self.on_retransmit_timer(context, purpose)
            }
            _ => Outcome::Goes,
        }
    }

    fn on_retransmit_timer<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        purpose: Purpose,
    ) -> Outcome {
        match purpose {
            Purpose::Retransmit => return self.on_timeout(context),
            Purpose::TailLossProbe => {
                self.forced = Forced::TailProbe;
                let timeout = context.now + self.rtt.rto();
                self.timers.retransmit = Some((timeout, Purpose::Retransmit));
            }
            Purpose::Reordering => {
                self.detect(context);
                if self.timers.retransmit.is_none() {
                    self.arm_retransmit(context.now);
                }
            }
            Purpose::Override => self.forced = Forced::Data,
            Purpose::Persist => {
                if self.gives_up(context) {
                    return Outcome::Ended;
                }
                if self.send.usable_window() > 0 {
                    self.forced = Forced::Data;
                } else {
                    // RFC 9293, Section 3.8.6.1. The probe carries no new octet but an old
                    // number: it must be answered just the same, and leaves nothing in flight.
                    self.forced = Forced::Probe;
                    self.rtt.back_off();
                    context.counters.window_probes += 1;
                    let next = context.now + self.rtt.rto();
                    self.timers.retransmit = Some((next, Purpose::Persist));
                }
            }
        }
        Outcome::Goes
    }

    /// RFC 6298, Section 5.4 to 5.7; RFC 5681, Section 3.1.
    fn on_timeout<P: BufferPool>(&mut self, context: &mut Context<'_, P>) -> Outcome {
        if self.send.flight() == 0 {
            return Outcome::Goes;
        }
        if self.gives_up(context) {
            return Outcome::Ended;
        }
        let now = context.now;
        context.counters.timeouts += 1;
        self.suspect_path(context.store, context.counters);
        self.tail_probe = None;
        self.duplicate_acks = 0;
        if self.state.is_synchronized() {
            // The threshold is held when the same data is lost again, and what the first timeout
            // changed is what may be undone.
            let mut check = TimeoutCheck::Over;
            if !matches!(self.phase, Phase::Loss { .. }) {
                self.undo = Some(Undo::new(&self.window, self.send.ambiguous_end()));
                let flight = self.send.flight();
                let control = self.congestion.control(context.models);
                control.on_timeout(&mut self.window, flight, now);
                if self.timestamps.is_none() {
                    check = TimeoutCheck::Retransmitted;
                }
            }
            self.ecn.on_slowed_down(self.send.nxt);
            self.phase = Phase::Loss { high: self.send.nxt, check };
            self.window.cwnd = self.window.mss;
        } else {
            self.syn_lost = true;
        }
        let Self { send, delivery, congestion, window, .. } = self;
        let control = congestion.control(context.models);
        send.mark_all_lost(context.store, |piece| {
            let lost = delivery.on_lost(piece);
            control.on_piece_lost(window, &lost, now);
        });
        self.rtt.back_off();
        // Not later than it is time to give up.
        let last = self.stalled_since.map_or(Instant::FAR_FUTURE, |since| {
            now + self.patience().saturating_sub(since.until(now))
        });
        let next = (now + self.rtt.rto()).min(last);
        self.timers.retransmit = Some((next, Purpose::Retransmit));
        Outcome::Goes
    }

    /// How long the other side may be silent: R2 of RFC 9293, Section 3.8.3, or the user timeout
    /// of RFC 5482.
    fn patience(&self) -> Duration {
        self.options.user_timeout().unwrap_or(match self.state {
            TcpState::SynSent | TcpState::SynReceived => {
                self.options.syn_retries().map_or(CONNECT_TIMEOUT, time_of_retries)
            }
            _ if self.owner == Owner::Nobody => ORPHAN_TIMEOUT,
            _ => DATA_TIMEOUT,
        })
    }

    /// Whether the other side has been silent for too long. Then the connection has failed.
    fn gives_up<P: BufferPool>(&mut self, context: &mut Context<'_, P>) -> bool {
        let since = *self.stalled_since.get_or_insert(context.now.into());
        if since.until(context.now) < self.patience() {
            return false;
        }
        context.counters.aborts_on_timeout += 1;
        let error = self.soft_error.take().unwrap_or(TcpError::TimedOut);
        self.fail(context.store, error);
        true
    }

    /// The other side has said nothing for a long time.
    fn on_silence<P: BufferPool>(&mut self, context: &mut Context<'_, P>) -> Outcome {
        if self.waits_for_fin() {
            self.discard(context.store);
            return Outcome::Ended;
        }
        self.on_keep_alive(context)
    }

    /// RFC 9293, Section 3.8.4.
    fn on_keep_alive<P: BufferPool>(&mut self, context: &mut Context<'_, P>) -> Outcome {
        let now = context.now;
        let idle = self.last_received.until(now);
        // Data in flight or a closed window keep the connection busy by themselves.
        if self.send.flight() > 0 || self.send.has_unsent() {
            self.timers.silence = now + self.options.keep_idle().max(Duration::from_secs(1));
            return Outcome::Goes;
        }
        if idle < self.options.keep_idle() {
            self.keep_alive_probes = 0;
            self.arm_keep_alive(now);
            return Outcome::Goes;
        }
        if self.keep_alive_probes >= self.options.keep_count() {
            context.counters.aborts_on_timeout += 1;
            let error = self.soft_error.take().unwrap_or(TcpError::TimedOut);
            self.fail(context.store, error);
            return Outcome::Ended;
        }
        self.keep_alive_probes += 1;
        self.forced = Forced::Probe;
        context.counters.keep_alives += 1;
        self.arm_keep_alive(now);
        Outcome::Goes
    }
}
