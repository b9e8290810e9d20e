//! The reference: slow start and congestion avoidance (RFC 5681, Section 3.1) with appropriate
//! byte counting (RFC 3465). Recovery itself is the sender's business.

use super::{AckSample, CongestionControl, Window};
use crate::time::Instant;

/// The algorithm; it has no variables of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewReno;

impl CongestionControl for NewReno {
    fn on_ack(&mut self, window: &mut Window, sample: &AckSample) {
        if !sample.grows {
            return;
        }
        if window.in_slow_start() {
            // RFC 3465, Section 2.2: at most two segments for an acknowledgment.
            window.grow(sample.acked.min(2 * window.mss));
        } else {
            // One segment in a round trip.
            let growth = u64::from(sample.acked) * u64::from(window.mss);
            window.grow((growth / u64::from(window.cwnd.max(1))).max(1) as u32);
        }
    }

    fn on_loss(&mut self, window: &mut Window, flight: u32, _now: Instant) {
        window.ssthresh = (flight / 2).max(window.floor());
    }

    fn on_timeout(&mut self, window: &mut Window, flight: u32, now: Instant) {
        self.on_loss(window, flight, now);
    }

    fn on_undo(&mut self, _window: &mut Window, _now: Instant) {}
}

#[cfg(test)]
mod tests {
    use super::super::growth;
    use super::*;

    fn sample(acked: u32) -> AckSample {
        growth(acked, Instant::ZERO)
    }

    /// Rows: TCP-CC0, MUST-19
    #[test]
    fn doubles_then_adds_one_segment_a_round_trip() {
        let mut window = Window { cwnd: 10_000, ssthresh: 20_000, mss: 1000 };
        for _ in 0..10 {
            NewReno.on_ack(&mut window, &sample(1000));
        }
        assert_eq!(window.cwnd, 20_000);
        for _ in 0..20 {
            NewReno.on_ack(&mut window, &sample(1000));
        }
        assert!((20_950..=21_000).contains(&window.cwnd), "{}", window.cwnd);
    }

    /// Rows: TCP-CC0
    #[test]
    fn a_loss_halves_what_is_in_flight() {
        let mut window = Window { cwnd: 30_000, ssthresh: 60_000, mss: 1000 };
        NewReno.on_loss(&mut window, 24_000, Instant::ZERO);
        assert_eq!(window.ssthresh, 12_000);
        NewReno.on_loss(&mut window, 1000, Instant::ZERO);
        assert_eq!(window.ssthresh, 2000);
    }
}
