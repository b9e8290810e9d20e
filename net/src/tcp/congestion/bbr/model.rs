//! The model of the path (Section "Updating Network Path Model Parameters").

use super::{AckSample, BETA, Bbr, Flags, INFINITE, LostPiece, RateSample, State, Window};
use super::{millis, percent, reached};
use crate::time::Instant;

/// BBR.LossThresh in percent: losses of a round trip that are no sign of a full queue. The draft's
/// default of 2 takes random losses, as radio links have them, for a full queue most of the time:
/// over 100 Mbit/s and 20 ms it leaves 41 Mbit/s at 3 % and 13 at 5 %. This leaves 87 and 82, being
/// four standard deviations away from 5 % of a window of 160 segments, and is still well below the
/// fifth that is lost of what a full queue gets in ProbeBW_UP. In front of a queue of 25 kB it
/// costs 0.6 % of the segments instead of 0.2.
const LOSS_THRESH: u32 = 12;
/// BBR.MinRTTFilterLen in milliseconds.
const MIN_RTT_FILTER_LEN: u32 = 10_000;
/// BBR.ProbeRTTInterval in milliseconds.
const PROBE_RTT_INTERVAL: u32 = 5_000;
/// Half of BBR.ExtraAckedFilterLen, in round trips.
const EXTRA_ACKED_HALF: u8 = 5;

impl Bbr {
    /// BBR.max_bw.
    pub(super) fn max_bw(&self) -> u32 {
        self.max_bw.into_iter().max().unwrap_or(0)
    }

    /// UpdateLatestDeliverySignals.
    pub(super) fn update_latest_delivery_signals(&mut self, sample: &RateSample) {
        self.bw_latest = self.bw_latest.max(sample.rate);
        self.inflight_latest = self.inflight_latest.max(sample.delivered);
        let start = reached(sample.prior_delivered, self.loss_round_delivered);
        if start {
            self.loss_round_delivered = sample.total;
        }
        self.flags.set(Flags::LOSS_ROUND_START, start);
    }

    /// AdvanceLatestDeliverySignals.
    pub(super) const fn advance_latest_delivery_signals(&mut self, sample: &RateSample) {
        if self.is(Flags::LOSS_ROUND_START) {
            self.bw_latest = sample.rate;
            self.inflight_latest = sample.delivered;
        }
    }

    /// ResetCongestionSignals.
    pub(super) fn reset_congestion_signals(&mut self) {
        self.flags.remove(Flags::LOSS_IN_ROUND);
        self.bw_latest = 0;
        self.inflight_latest = 0;
    }

    /// UpdateCongestionSignals, with UpdateMaxBw.
    pub(super) fn update_congestion_signals(&mut self, window: &Window, sample: &RateSample) {
        self.update_round(sample);
        if sample.rate > 0 && (sample.rate >= self.max_bw() || !sample.limited) {
            self.max_bw[1] = self.max_bw[1].max(sample.rate);
        }
        if !self.is(Flags::LOSS_ROUND_START) {
            return;
        }
        self.adapt_lower_bounds(window, sample);
        self.flags.remove(Flags::LOSS_IN_ROUND);
    }

    /// AdvanceMaxBwFilter. A cycle without samples does not push out the one before.
    pub(super) const fn advance_max_bw_filter(&mut self) {
        if self.max_bw[1] > 0 {
            self.max_bw = [self.max_bw[1], 0];
        }
    }

    /// UpdateRound.
    fn update_round(&mut self, sample: &RateSample) {
        let start = reached(sample.prior_delivered, self.next_round_delivered);
        if start {
            self.start_round();
            self.round_count = self.round_count.wrapping_add(1);
            self.rounds_since_probe_up = self.rounds_since_probe_up.saturating_add(1);
        }
        self.flags.set(Flags::ROUND_START, start);
    }

    /// StartRound.
    pub(super) const fn start_round(&mut self) {
        self.next_round_delivered = self.delivered;
    }

    /// AdaptLowerBoundsFromCongestion: once in a round trip with losses, unless bandwidth is
    /// being probed.
    fn adapt_lower_bounds(&mut self, window: &Window, sample: &RateSample) {
        if self.state.is_probing() || !self.is(Flags::LOSS_IN_ROUND) {
            return;
        }
        // The draft has no threshold here. Random losses would then slow the sender down in each
        // round trip until the next probe, to half of what the path carries at 1 %.
        if !Self::is_inflight_too_high(sample.in_flight_then, sample.lost) {
            return;
        }
        if self.bw_shortterm == INFINITE {
            self.bw_shortterm = self.max_bw();
        }
        if self.inflight_shortterm == INFINITE {
            self.inflight_shortterm = window.cwnd;
        }
        self.bw_shortterm = self.bw_latest.max(percent(self.bw_shortterm, BETA));
        self.inflight_shortterm = self.inflight_latest.max(percent(self.inflight_shortterm, BETA));
    }

    /// ResetShortTermModel.
    pub(super) const fn reset_short_term_model(&mut self) {
        self.bw_shortterm = INFINITE;
        self.inflight_shortterm = INFINITE;
    }

    /// BoundBWForModel.
    pub(super) fn bound_bw_for_model(&mut self) {
        self.bandwidth = self.max_bw().min(self.bw_shortterm);
    }

    /// UpdateACKAggregation: how much more than expected is acknowledged at once.
    pub(super) fn update_ack_aggregation(&mut self, window: &Window, ack: &AckSample) {
        if self.is(Flags::ROUND_START) {
            let half = if self.is(Flags::FULL_BW_REACHED) { EXTRA_ACKED_HALF } else { 1 };
            self.extra_acked_rounds += 1;
            if self.extra_acked_rounds >= half {
                self.extra_acked = [0, self.extra_acked[0]];
                self.extra_acked_rounds = 0;
            }
        }
        let interval = ack.now.saturating_since(self.extra_acked_from).as_micros() as u64;
        let expected = u64::from(self.bandwidth).saturating_mul(interval) / 1_000_000;
        let mut expected = u32::try_from(expected).unwrap_or(INFINITE);
        if self.extra_acked_delivered <= expected {
            self.extra_acked_delivered = 0;
            self.extra_acked_from = ack.now;
            expected = 0;
        }
        self.extra_acked_delivered = self.extra_acked_delivered.saturating_add(ack.delivery.newly);
        let extra = self.extra_acked_delivered.saturating_sub(expected).min(window.cwnd);
        self.extra_acked[0] = self.extra_acked[0].max(extra);
    }

    /// UpdateMinRTT.
    pub(super) fn update_min_rtt(&mut self, ack: &AckSample) {
        let now = millis(ack.now);
        let expired = now.wrapping_sub(self.probe_rtt_min_stamp) > PROBE_RTT_INTERVAL;
        self.flags.set(Flags::PROBE_RTT_EXPIRED, expired);
        if let Some(rtt) = ack.delivery.rtt {
            let rtt = rtt.get().clamp(1, INFINITE - 1);
            if rtt < self.probe_rtt_min_delay || expired {
                self.probe_rtt_min_delay = rtt;
                self.probe_rtt_min_stamp = now;
            }
        }
        let min_rtt_expired = now.wrapping_sub(self.min_rtt_stamp) > MIN_RTT_FILTER_LEN;
        if self.probe_rtt_min_delay < self.min_rtt || min_rtt_expired {
            self.min_rtt = self.probe_rtt_min_delay;
            self.min_rtt_stamp = self.probe_rtt_min_stamp;
        }
    }

    /// IsInflightTooHigh: `lost` of `in_flight`.
    pub(super) fn is_inflight_too_high(in_flight: u32, lost: u32) -> bool {
        u64::from(lost) * 100 > u64::from(in_flight) * u64::from(LOSS_THRESH)
    }

    /// NoteLoss.
    pub(super) fn note_loss(&mut self) {
        if !self.is(Flags::LOSS_IN_ROUND) {
            self.loss_round_delivered = self.delivered;
            self.save_state_upon_loss();
        }
        self.flags.insert(Flags::LOSS_IN_ROUND);
    }

    /// SaveStateUponLoss, the window aside.
    pub(super) const fn save_state_upon_loss(&mut self) {
        self.undo = super::Undo {
            state: None,
            bw_shortterm: self.bw_shortterm,
            inflight_shortterm: self.inflight_shortterm,
            inflight_longterm: self.inflight_longterm,
        };
    }

    /// HandleLostPacket.
    pub(super) fn handle_lost_piece(&mut self, window: &Window, piece: &LostPiece, now: Instant) {
        self.delivered = piece.total;
        self.note_loss();
        if !self.is(Flags::BW_PROBE_SAMPLE)
            || !Self::is_inflight_too_high(piece.in_flight_then, piece.lost_since)
        {
            return;
        }
        // HandleInflightTooHigh: once for each probe.
        self.flags.insert(Flags::PREV_PROBE_TOO_HIGH);
        self.flags.remove(Flags::BW_PROBE_SAMPLE);
        if !piece.limited {
            let least = percent(self.target_inflight(window), BETA);
            self.inflight_longterm = inflight_at_loss(piece).max(least);
        }
        if self.state == State::ProbeBwUp {
            self.undo.state = Some(State::ProbeBwUp);
            self.start_probe_bw_down(now);
        }
    }

    /// What remains of HandleSpuriousLossDetection.
    pub(super) fn undo_losses(&mut self) {
        self.flags.remove(Flags::LOSS_IN_ROUND);
        self.reset_full_bw();
        self.bw_shortterm = self.bw_shortterm.max(self.undo.bw_shortterm);
        self.inflight_shortterm = self.inflight_shortterm.max(self.undo.inflight_shortterm);
        self.inflight_longterm = self.inflight_longterm.max(self.undo.inflight_longterm);
        match self.undo.state.take() {
            Some(State::Startup) if self.state != State::Startup => {
                self.flags.remove(Flags::FULL_BW_REACHED);
                if self.state != State::ProbeRtt {
                    self.state = State::Startup;
                }
            }
            Some(State::ProbeBwUp) if !matches!(self.state, State::ProbeBwUp | State::ProbeRtt) => {
                self.start_probe_bw_refill();
            }
            _ => {}
        }
    }
}

/// InflightAtLoss: how much was in flight when the losses became too many, somewhere in a piece.
fn inflight_at_loss(piece: &LostPiece) -> u32 {
    let before = u64::from(piece.in_flight_then.saturating_sub(piece.len));
    let lost_before = u64::from(piece.lost_since.saturating_sub(piece.len));
    let allowed = before * u64::from(LOSS_THRESH) / 100;
    let prefix = allowed.saturating_sub(lost_before) * 100 / u64::from(100 - LOSS_THRESH);
    u32::try_from(before + prefix).unwrap_or(INFINITE)
}
