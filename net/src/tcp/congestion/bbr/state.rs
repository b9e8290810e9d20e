//! The state machine (Section "State Machine Operation").

use super::{AckPhase, Undo};
use super::{AckSample, Bbr, Flags, INFINITE, RateSample, State, Window, millis};
use crate::time::Instant;

/// BBRStartupFullLossCnt: acknowledgments of a round trip with losses that end Startup.
const STARTUP_FULL_LOSS_COUNT: u8 = 6;
/// Round trips without much growth after which the path counts as full.
const FULL_BW_ROUNDS: u8 = 3;
/// Round trips that Drain takes at most.
const DRAIN_ROUNDS: u16 = 3;
/// BBR.ProbeRTTDuration in milliseconds.
const PROBE_RTT_DURATION: u32 = 200;
/// The most round trips between probes: what Reno would need for a window of this many segments.
const RENO_ROUNDS: u32 = 63;

impl Bbr {
    /// ResetFullBW.
    pub(super) fn reset_full_bw(&mut self) {
        self.full_bw = 0;
        self.full_bw_count = 0;
        self.flags.remove(Flags::FULL_BW_NOW);
    }

    /// CheckFullBWReached: the rate grew by less than a quarter for three round trips.
    pub(super) fn check_full_bw_reached(&mut self, sample: &RateSample) {
        if self.is(Flags::FULL_BW_NOW) || !self.is(Flags::ROUND_START) || sample.limited {
            return;
        }
        if u64::from(sample.rate) * 4 >= u64::from(self.full_bw) * 5 {
            self.reset_full_bw();
            self.full_bw = sample.rate;
            return;
        }
        self.full_bw_count = self.full_bw_count.saturating_add(1);
        if self.full_bw_count >= FULL_BW_ROUNDS {
            self.flags.insert(Flags::FULL_BW_NOW | Flags::FULL_BW_REACHED);
        }
    }

    /// CheckStartupDone.
    pub(super) fn check_startup_done(&mut self, window: &Window, ack: &AckSample) {
        self.check_startup_high_loss(window, ack);
        if self.state == State::Startup && self.is(Flags::FULL_BW_REACHED) {
            // EnterDrain.
            self.state = State::Drain;
            self.drain_start_round = self.round_count;
        }
    }

    /// CheckStartupHighLoss.
    fn check_startup_high_loss(&mut self, window: &Window, ack: &AckSample) {
        if self.is(Flags::FULL_BW_REACHED) {
            return;
        }
        let sample = &ack.delivery;
        if sample.newly_lost > 0 {
            self.loss_events = self.loss_events.saturating_add(1);
        }
        if !self.is(Flags::LOSS_ROUND_START) {
            return;
        }
        let many = core::mem::replace(&mut self.loss_events, 0) >= STARTUP_FULL_LOSS_COUNT;
        let lossy = Self::is_inflight_too_high(sample.in_flight_then, sample.lost);
        if self.state == State::Startup && self.is(Flags::RECOVERING) && many && lossy {
            self.undo = Undo { state: Some(State::Startup), ..self.undo };
            self.flags.insert(Flags::FULL_BW_REACHED);
            self.inflight_longterm = self.bdp_multiple(window, 100).max(self.inflight_latest);
        }
    }

    /// CheckDrainDone.
    pub(super) fn check_drain_done(&mut self, window: &Window, ack: &AckSample) {
        let long = self.round_count.wrapping_sub(self.drain_start_round) > DRAIN_ROUNDS;
        if self.state == State::Drain && (ack.in_flight <= self.inflight(window, 100) || long) {
            self.start_probe_bw_down(ack.now);
        }
    }

    /// StartProbeBW_DOWN, which is also how ProbeBW is entered.
    pub(super) fn start_probe_bw_down(&mut self, now: Instant) {
        self.reset_congestion_signals();
        self.probe_up_acked_per_inc = INFINITE;
        self.pick_probe_wait();
        self.cycle_stamp = millis(now);
        self.ack_phase = AckPhase::ProbeStopping;
        self.start_round();
        self.state = State::ProbeBwDown;
    }

    /// PickProbeWait: two to three seconds, and up to one round trip less.
    fn pick_probe_wait(&mut self) {
        // A linear congruential generator (Knuth's MMIX constants would need 64 bits): enough to
        // keep flows out of step.
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.rounds_since_probe_up = (self.random >> 31) as u8;
        self.probe_wait = 2000 + ((u64::from(self.random << 1 >> 1) * 1000) >> 31) as u16;
    }

    /// StartProbeBW_REFILL.
    pub(super) fn start_probe_bw_refill(&mut self) {
        self.reset_short_term_model();
        self.probe_up_rounds = 0;
        self.probe_up_acked = 0;
        self.flags.remove(Flags::PREV_PROBE_PRECAUTIONARY);
        self.ack_phase = AckPhase::Refilling;
        self.start_round();
        self.state = State::ProbeBwRefill;
    }

    /// StartProbeBW_UP.
    fn start_probe_bw_up(&mut self, window: &Window, sample: &RateSample) {
        self.ack_phase = AckPhase::ProbeStarting;
        self.start_round();
        self.reset_full_bw();
        self.full_bw = sample.rate;
        self.state = State::ProbeBwUp;
        self.raise_inflight_longterm_slope(window);
    }

    /// UpdateProbeBWCyclePhase.
    pub(super) fn update_probe_bw_cycle_phase(&mut self, window: &Window, ack: &AckSample) {
        if !self.is(Flags::FULL_BW_REACHED) || self.adapt_long_term_model(window, ack) {
            return;
        }
        let sample = &ack.delivery;
        match self.state {
            State::ProbeBwDown => {
                if !self.probe_bw_if_due(window, ack) && self.is_time_to_cruise(window, ack) {
                    self.state = State::ProbeBwCruise;
                }
            }
            State::ProbeBwCruise => {
                self.probe_bw_if_due(window, ack);
            }
            State::ProbeBwRefill => {
                if self.is(Flags::ROUND_START) {
                    self.flags.insert(Flags::BW_PROBE_SAMPLE);
                    self.start_probe_bw_up(window, sample);
                }
            }
            State::ProbeBwUp => {
                if self.is_time_to_go_down(window, ack) {
                    self.flags.remove(Flags::PREV_PROBE_TOO_HIGH);
                    self.start_probe_bw_down(ack.now);
                }
            }
            State::Startup | State::Drain | State::ProbeRtt => {}
        }
    }

    /// IsTimeToProbeBW.
    fn probe_bw_if_due(&mut self, window: &Window, ack: &AckSample) -> bool {
        let waited = millis(ack.now).wrapping_sub(self.cycle_stamp) > self.probe_wait.into();
        let segments = self.target_inflight(window) / window.mss.max(1);
        let rounds = segments.min(RENO_ROUNDS);
        let due = waited || u32::from(self.rounds_since_probe_up) >= rounds;
        if due {
            self.start_probe_bw_refill();
        }
        due
    }

    /// IsTimeToCruise.
    fn is_time_to_cruise(&self, window: &Window, ack: &AckSample) -> bool {
        ack.in_flight <= self.inflight_with_headroom(window)
            && ack.in_flight <= self.inflight(window, 100)
    }

    /// IsTimeToGoDown.
    fn is_time_to_go_down(&mut self, window: &Window, ack: &AckSample) -> bool {
        if self.is(Flags::PREV_PROBE_TOO_HIGH) && ack.in_flight >= self.inflight_longterm {
            self.flags.insert(Flags::PREV_PROBE_PRECAUTIONARY);
            return true;
        }
        if ack.cwnd_limited && window.cwnd >= self.inflight_longterm {
            self.reset_full_bw();
            self.full_bw = ack.delivery.rate;
            return false;
        }
        self.is(Flags::FULL_BW_NOW)
    }

    /// RaiseInflightLongtermSlope.
    fn raise_inflight_longterm_slope(&mut self, window: &Window) {
        let growth = 1u32 << self.probe_up_rounds.min(30);
        self.probe_up_rounds = (self.probe_up_rounds + 1).min(30);
        self.probe_up_acked_per_inc = (window.cwnd / growth).max(window.mss).max(1);
    }

    /// ProbeInflightLongtermUpward.
    fn probe_inflight_longterm_upward(&mut self, window: &Window, ack: &AckSample) {
        if !ack.cwnd_limited || window.cwnd < self.inflight_longterm {
            return;
        }
        self.probe_up_acked = self.probe_up_acked.saturating_add(ack.delivery.newly);
        let steps = self.probe_up_acked / self.probe_up_acked_per_inc;
        self.probe_up_acked -= steps * self.probe_up_acked_per_inc;
        let growth = steps.saturating_mul(window.mss);
        self.inflight_longterm = self.inflight_longterm.saturating_add(growth);
        if self.is(Flags::ROUND_START) {
            self.raise_inflight_longterm_slope(window);
        }
    }

    /// AdaptLongTermModel; true when it has changed the state.
    fn adapt_long_term_model(&mut self, window: &Window, ack: &AckSample) -> bool {
        let sample = &ack.delivery;
        if self.is(Flags::ROUND_START) {
            match self.ack_phase {
                AckPhase::ProbeStarting => self.ack_phase = AckPhase::ProbeFeedback,
                AckPhase::ProbeStopping => {
                    self.flags.remove(Flags::BW_PROBE_SAMPLE);
                    self.ack_phase = AckPhase::Init;
                    if self.state.is_probe_bw() {
                        if !sample.limited {
                            self.advance_max_bw_filter();
                        }
                        if self.is(Flags::PREV_PROBE_PRECAUTIONARY)
                            && !self.is(Flags::PREV_PROBE_TOO_HIGH)
                        {
                            self.start_probe_bw_refill();
                            return true;
                        }
                    }
                }
                AckPhase::Init | AckPhase::Refilling | AckPhase::ProbeFeedback => {}
            }
        }
        if self.inflight_longterm < INFINITE
            && !Self::is_inflight_too_high(sample.in_flight_then, sample.lost)
        {
            self.inflight_longterm = self.inflight_longterm.max(sample.in_flight_then);
            if self.state == State::ProbeBwUp {
                self.probe_inflight_longterm_upward(window, ack);
            }
        }
        false
    }

    /// CheckProbeRTT.
    pub(super) fn check_probe_rtt(&mut self, window: &mut Window, ack: &AckSample) {
        if self.state != State::ProbeRtt
            && self.is(Flags::PROBE_RTT_EXPIRED)
            && !self.is(Flags::IDLE_RESTART)
        {
            self.save_cwnd(window);
            self.state = State::ProbeRtt;
            self.probe_rtt_done_stamp = None;
            self.ack_phase = AckPhase::ProbeStopping;
            self.start_round();
        }
        if self.state == State::ProbeRtt {
            self.handle_probe_rtt(window, ack);
        }
        if ack.delivery.delivered > 0 {
            self.flags.remove(Flags::IDLE_RESTART);
        }
    }

    /// HandleProbeRTT.
    fn handle_probe_rtt(&mut self, window: &mut Window, ack: &AckSample) {
        if self.probe_rtt_done_stamp.is_none() {
            if ack.in_flight <= self.probe_rtt_cwnd(window) {
                self.probe_rtt_done_stamp = Some(millis(ack.now).wrapping_add(PROBE_RTT_DURATION));
                self.flags.remove(Flags::PROBE_RTT_ROUND_DONE);
                self.start_round();
            }
        } else {
            if self.is(Flags::ROUND_START) {
                self.flags.insert(Flags::PROBE_RTT_ROUND_DONE);
            }
            if self.is(Flags::PROBE_RTT_ROUND_DONE) {
                self.check_probe_rtt_done(window, ack.now);
            }
        }
    }

    /// CheckProbeRTTDone, with ExitProbeRTT.
    pub(super) fn check_probe_rtt_done(&mut self, window: &mut Window, now: Instant) {
        let done = self
            .probe_rtt_done_stamp
            .is_some_and(|at| millis(now).wrapping_sub(at).wrapping_sub(1) as i32 >= 0);
        if !done {
            return;
        }
        self.probe_rtt_min_stamp = millis(now);
        self.restore_cwnd(window);
        self.reset_short_term_model();
        if self.is(Flags::FULL_BW_REACHED) {
            self.start_probe_bw_down(now);
            self.state = State::ProbeBwCruise;
        } else {
            self.state = State::Startup;
        }
    }
}
