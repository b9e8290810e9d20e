//! BBR version 3 (draft-ietf-ccwg-bbr), in integers: a model of the path, made of the highest
//! rate at which it delivered lately and the shortest round trip, decides how fast and how much
//! to send. Names are the draft's.
//!
//! - `model`: what is known of the path, from acknowledgments and losses
//! - `state`: Startup, Drain, ProbeBW and ProbeRTT, by which the model is kept fresh
//! - here: the variables, and what rate and window follow from them
//!
//! ECN is answered as a loss is: marks count among the losses of a round trip.

mod model;
mod state;
#[cfg(test)]
mod tests;

use super::{AckSample, CongestionControl, Idle, Window};
use crate::tcp::delivery_rate::{LostPiece, RateSample, reached};
use crate::tcp::micros::Micros;
use crate::tcp::pacing;
use crate::time::Instant;
use bitflags::bitflags;

/// "Infinity" of rates and volumes.
const INFINITE: u32 = u32::MAX;
/// BBR.PacingMarginPercent: how much below the rate of the path to send.
const PACING_MARGIN_PERCENT: u32 = 1;
/// BBR.StartupPacingGain: 4 ln 2, in percent.
const STARTUP_PACING_GAIN: u32 = 277;
/// BBR.DefaultCwndGain, in percent.
const DEFAULT_CWND_GAIN: u32 = 200;
/// BBR.Beta, in percent: what a round trip with losses leaves at least.
const BETA: u32 = 70;
/// BBR.MinPipeCwnd in segments.
const MIN_PIPE_SEGMENTS: u32 = 4;
/// What C.srtt is taken for before it is known.
const NOMINAL_RTT_MICROS: u32 = 1000;

/// The states (Section "State Machine").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Startup,
    Drain,
    ProbeBwDown,
    ProbeBwCruise,
    ProbeBwRefill,
    ProbeBwUp,
    ProbeRtt,
}

impl State {
    /// BBR.pacing_gain in percent.
    const fn pacing_gain(self) -> u32 {
        match self {
            Self::Startup => STARTUP_PACING_GAIN,
            Self::Drain => 50,
            Self::ProbeBwDown => 90,
            Self::ProbeBwCruise | Self::ProbeBwRefill | Self::ProbeRtt => 100,
            Self::ProbeBwUp => 125,
        }
    }

    /// BBR.cwnd_gain in percent.
    const fn cwnd_gain(self) -> u32 {
        match self {
            Self::ProbeBwUp => 225,
            Self::ProbeRtt => 50,
            _ => DEFAULT_CWND_GAIN,
        }
    }

    /// IsInAProbeBWState.
    const fn is_probe_bw(self) -> bool {
        matches!(
            self,
            Self::ProbeBwDown | Self::ProbeBwCruise | Self::ProbeBwRefill | Self::ProbeBwUp
        )
    }

    /// IsProbingBW: sends at least as fast as the path may be.
    const fn is_probing(self) -> bool {
        matches!(self, Self::Startup | Self::ProbeBwRefill | Self::ProbeBwUp)
    }
}

/// BBR.ack_phase: what the acknowledgments that arrive now are about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum AckPhase {
    Init,
    Refilling,
    ProbeStarting,
    ProbeFeedback,
    ProbeStopping,
}

bitflags! {
    /// Booleans of the draft.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    struct Flags: u16 {
        const ROUND_START = 1 << 0;
        const LOSS_ROUND_START = 1 << 1;
        const LOSS_IN_ROUND = 1 << 2;
        const FULL_BW_NOW = 1 << 3;
        const FULL_BW_REACHED = 1 << 4;
        const BW_PROBE_SAMPLE = 1 << 5;
        const PREV_PROBE_TOO_HIGH = 1 << 6;
        const PREV_PROBE_PRECAUTIONARY = 1 << 7;
        const PROBE_RTT_EXPIRED = 1 << 8;
        const PROBE_RTT_ROUND_DONE = 1 << 9;
        const IDLE_RESTART = 1 << 10;
        /// The sender is in fast recovery or in recovery from a timeout.
        const RECOVERING = 1 << 11;
        /// C.pacing_rate comes from a measured round trip.
        const RATE_KNOWN = 1 << 12;
    }
}

/// BBR.undo_state with what belongs to it.
#[derive(Clone, Copy, Debug)]
struct Undo {
    /// Left because of the losses: Startup or ProbeBW_UP.
    state: Option<State>,
    bw_shortterm: u32,
    inflight_shortterm: u32,
    inflight_longterm: u32,
}

/// The algorithm's variables. Rates are octets a second, volumes octets, times milliseconds that
/// wrap around where nothing else is said.
#[derive(Clone, Debug)]
pub(crate) struct Bbr {
    state: State,
    ack_phase: AckPhase,
    flags: Flags,
    undo: Undo,
    /// BBR.max_bw_filter: the highest rate of the ProbeBW cycle before this one and of this one.
    max_bw: [u32; 2],
    bw_latest: u32,
    bw_shortterm: u32,
    /// BBR.bw.
    bandwidth: u32,
    full_bw: u32,
    pacing_rate: u32,
    inflight_latest: u32,
    inflight_shortterm: u32,
    inflight_longterm: u32,
    prior_cwnd: u32,
    /// Microseconds, as the next one.
    min_rtt: u32,
    probe_rtt_min_delay: u32,
    min_rtt_stamp: u32,
    probe_rtt_min_stamp: u32,
    probe_rtt_done_stamp: Option<u32>,
    cycle_stamp: u32,
    /// BBR.bw_probe_wait.
    probe_wait: u16,
    /// C.delivered, as far as told.
    delivered: u32,
    /// C.delivered at the end of the round trip.
    next_round_delivered: u32,
    loss_round_delivered: u32,
    round_count: u16,
    drain_start_round: u16,
    rounds_since_probe_up: u8,
    full_bw_count: u8,
    /// Acknowledgments of this round that showed losses.
    loss_events: u8,
    probe_up_rounds: u8,
    probe_up_acked: u32,
    probe_up_acked_per_inc: u32,
    extra_acked_from: Instant,
    extra_acked_delivered: u32,
    /// BBR.extra_acked_filter: of the present half of its window and of the one before.
    extra_acked: [u32; 2],
    extra_acked_rounds: u8,
    random: u32,
}

/// The clock of scheduling.
const fn millis(now: Instant) -> u32 {
    now.as_millis() as u32
}

fn percent(value: u32, percent: u32) -> u32 {
    u32::try_from(u64::from(value) * u64::from(percent) / 100).unwrap_or(INFINITE)
}

impl Bbr {
    /// OnInit. `random` makes the times between probes unlike others'.
    pub(crate) fn new(random: u32, now: Instant) -> Self {
        Self {
            state: State::Startup,
            ack_phase: AckPhase::Init,
            flags: Flags::empty(),
            undo: Undo {
                state: None,
                bw_shortterm: 0,
                inflight_shortterm: 0,
                inflight_longterm: 0,
            },
            max_bw: [0; 2],
            bw_latest: 0,
            bw_shortterm: INFINITE,
            bandwidth: 0,
            full_bw: 0,
            pacing_rate: 0,
            inflight_latest: 0,
            inflight_shortterm: INFINITE,
            inflight_longterm: INFINITE,
            prior_cwnd: 0,
            min_rtt: INFINITE,
            probe_rtt_min_delay: INFINITE,
            min_rtt_stamp: millis(now),
            probe_rtt_min_stamp: millis(now),
            probe_rtt_done_stamp: None,
            cycle_stamp: millis(now),
            probe_wait: 0,
            delivered: 0,
            next_round_delivered: 0,
            loss_round_delivered: 0,
            round_count: 0,
            drain_start_round: 0,
            rounds_since_probe_up: 0,
            full_bw_count: 0,
            loss_events: 0,
            probe_up_rounds: 0,
            probe_up_acked: 0,
            probe_up_acked_per_inc: INFINITE,
            extra_acked_from: now,
            extra_acked_delivered: 0,
            extra_acked: [0; 2],
            extra_acked_rounds: 0,
            random,
        }
    }

    /// C.pacing_rate: octets a second that may be sent, as soon as it is known.
    pub(crate) fn pacing_rate(&self) -> Option<u32> {
        (self.pacing_rate > 0).then_some(self.pacing_rate)
    }

    const fn is(&self, flag: Flags) -> bool {
        self.flags.contains(flag)
    }

    /// SetPacingRateWithGain.
    fn set_pacing_rate(&mut self, gain: u32) {
        let rate = u64::from(self.bandwidth) * u64::from(gain) / 100
            * u64::from(100 - PACING_MARGIN_PERCENT)
            / 100;
        let rate = u32::try_from(rate).unwrap_or(INFINITE);
        if self.is(Flags::FULL_BW_REACHED) || rate > self.pacing_rate {
            self.pacing_rate = rate;
        }
    }

    /// InitPacingRate, as soon as a round trip is measured.
    fn init_pacing_rate(&mut self, window: &Window, smoothed: Option<Micros>) {
        let rtt = match smoothed {
            Some(rtt) => u64::from(rtt.get()).max(1),
            None => NOMINAL_RTT_MICROS.into(),
        };
        self.flags.set(Flags::RATE_KNOWN, smoothed.is_some());
        let initial = u64::from(Window::initial_window(window.mss));
        let rate = initial * 1_000_000 / rtt * u64::from(STARTUP_PACING_GAIN) / 100;
        self.pacing_rate = u32::try_from(rate).unwrap_or(INFINITE);
    }

    /// BDPMultiple: a multiple of what fits the path.
    fn bdp_multiple(&self, window: &Window, gain: u32) -> u32 {
        if self.min_rtt == INFINITE {
            return Window::initial_window(window.mss);
        }
        let bdp = u64::from(self.bandwidth) * u64::from(self.min_rtt) / 1_000_000;
        u32::try_from(bdp * u64::from(gain) / 100).unwrap_or(INFINITE)
    }

    /// QuantizationBudget: room for acknowledgments in pairs and sending in bursts.
    fn quantized(&self, window: &Window, volume: u32) -> u32 {
        let budget = 3 * pacing::quantum(self.pacing_rate, window.mss);
        let least = volume.max(budget).max(min_pipe(window));
        let more = if self.state == State::ProbeBwUp { 2 * window.mss } else { 0 };
        least.saturating_add(more)
    }

    /// Inflight(gain).
    fn inflight(&self, window: &Window, gain: u32) -> u32 {
        self.quantized(window, self.bdp_multiple(window, gain))
    }

    /// BBR.max_inflight.
    fn max_inflight(&self, window: &Window) -> u32 {
        let extra = self.extra_acked.into_iter().max().unwrap_or(0);
        let volume = self.bdp_multiple(window, self.state.cwnd_gain()).saturating_add(extra);
        self.quantized(window, volume)
    }

    /// TargetInflight.
    fn target_inflight(&self, window: &Window) -> u32 {
        self.bdp_multiple(window, 100).min(window.cwnd)
    }

    /// InflightWithHeadroom: leaves an eighth, nearly, to others.
    fn inflight_with_headroom(&self, window: &Window) -> u32 {
        const HEADROOM: u32 = 15;
        if self.inflight_longterm == INFINITE {
            return INFINITE;
        }
        let headroom = percent(self.inflight_longterm, HEADROOM).max(window.mss);
        self.inflight_longterm.saturating_sub(headroom).max(min_pipe(window))
    }

    /// SetCwnd.
    fn set_cwnd(&self, window: &mut Window, sample: &RateSample) {
        let most = self.max_inflight(window);
        if self.is(Flags::FULL_BW_REACHED) {
            window.cwnd = window.cwnd.saturating_add(sample.newly).min(most);
        } else if window.cwnd < most || sample.total < Window::initial_window(window.mss) {
            window.grow(sample.newly);
        }
        window.cwnd = window.cwnd.max(min_pipe(window));
        if self.state == State::ProbeRtt {
            window.cwnd = window.cwnd.min(self.probe_rtt_cwnd(window));
        }
        // BoundCwndForModel.
        let cap = match self.state {
            State::ProbeRtt | State::ProbeBwCruise => self.inflight_with_headroom(window),
            state if state.is_probe_bw() => self.inflight_longterm,
            _ => INFINITE,
        };
        let cap = cap.min(self.inflight_shortterm).max(min_pipe(window));
        window.cwnd = window.cwnd.min(cap);
    }

    /// ProbeRTTCwnd.
    fn probe_rtt_cwnd(&self, window: &Window) -> u32 {
        self.bdp_multiple(window, State::ProbeRtt.cwnd_gain()).max(min_pipe(window))
    }

    /// SaveCwnd.
    fn save_cwnd(&mut self, window: &Window) {
        self.prior_cwnd = if !self.is(Flags::RECOVERING) && self.state != State::ProbeRtt {
            window.cwnd
        } else {
            self.prior_cwnd.max(window.cwnd)
        };
    }

    /// RestoreCwnd.
    fn restore_cwnd(&self, window: &mut Window) {
        window.cwnd = window.cwnd.max(self.prior_cwnd);
    }

    fn enter_recovery(&mut self, window: &Window) {
        self.save_cwnd(window);
        // The losses that led here may have been noted already.
        if !self.is(Flags::LOSS_IN_ROUND) && self.undo.state.is_none() {
            self.save_state_upon_loss();
        }
        self.flags.insert(Flags::RECOVERING);
    }
}

/// BBR.MinPipeCwnd.
const fn min_pipe(window: &Window) -> u32 {
    MIN_PIPE_SEGMENTS * window.mss
}

impl CongestionControl for Bbr {
    /// UpdateOnACK.
    fn on_ack(&mut self, window: &mut Window, ack: &AckSample) {
        let sample = &ack.delivery;
        if sample.newly == 0 {
            return;
        }
        if !self.is(Flags::RATE_KNOWN) {
            self.init_pacing_rate(window, ack.smoothed_rtt);
        }
        self.delivered = sample.total;
        self.update_latest_delivery_signals(sample);
        self.update_congestion_signals(window, sample);
        self.update_ack_aggregation(window, ack);
        self.check_full_bw_reached(sample);
        self.check_startup_done(window, ack);
        self.check_drain_done(window, ack);
        self.update_probe_bw_cycle_phase(window, ack);
        self.update_min_rtt(ack);
        self.check_probe_rtt(window, ack);
        self.advance_latest_delivery_signals(sample);
        self.bound_bw_for_model();
        self.set_pacing_rate(self.state.pacing_gain());
        self.set_cwnd(window, sample);
    }

    /// OnEnterFastRecovery.
    fn on_loss(&mut self, window: &mut Window, _flight: u32, _now: Instant) {
        self.enter_recovery(window);
    }

    /// OnEnterRTO; the window is set by whoever calls.
    fn on_timeout(&mut self, window: &mut Window, _flight: u32, _now: Instant) {
        self.enter_recovery(window);
    }

    fn on_piece_lost(&mut self, window: &Window, piece: &LostPiece, now: Instant) {
        self.handle_lost_piece(window, piece, now);
    }

    fn on_recovered(&mut self, window: &mut Window) {
        self.flags.remove(Flags::RECOVERING);
        self.restore_cwnd(window);
    }

    /// HandleSpuriousLossDetection.
    fn on_undo(&mut self, window: &mut Window, _now: Instant) {
        self.flags.remove(Flags::RECOVERING);
        self.restore_cwnd(window);
        self.undo_losses();
    }

    fn on_mark(&mut self, window: &mut Window, delivered: u32, _flight: u32, _now: Instant) {
        self.delivered = delivered;
        self.note_loss();
        window.ssthresh = window.ssthresh.max(window.cwnd);
    }

    /// HandleRestartFromIdle.
    fn on_idle_restart(&mut self, window: &mut Window, limited: bool, idle: Idle) {
        if !limited {
            return;
        }
        self.flags.insert(Flags::IDLE_RESTART);
        self.extra_acked_from = idle.now;
        if self.state.is_probe_bw() {
            self.set_pacing_rate(100);
        } else if self.state == State::ProbeRtt {
            self.check_probe_rtt_done(window, idle.now);
        }
    }

    fn is_holding_back(&self) -> bool {
        self.state == State::ProbeRtt
    }
}
