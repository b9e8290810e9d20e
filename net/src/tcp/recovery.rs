//! Where a sender stands with its losses, and how much it sends meanwhile: fast recovery with
//! proportional rate reduction (RFC 6937), NewReno without SACK (RFC 6582), and the detection of
//! spurious timeouts by timestamps (RFC 3522).

use super::congestion::Window;
use crate::wire::tcp_sequence::SequenceNumber;

/// Proportional rate reduction, Section 3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RateReduction {
    /// RecoverFS.
    flight: u32,
    delivered: u32,
    out: u32,
}

impl RateReduction {
    pub(crate) const fn new(flight: u32) -> Self {
        Self { flight, delivered: 0, out: 0 }
    }

    /// The window after an acknowledgment that delivered `delivered` octets, with `pipe` left.
    pub(crate) fn on_ack(&mut self, window: &mut Window, delivered: u32, pipe: u32) {
        self.delivered = self.delivered.saturating_add(delivered);
        let budget = if pipe > window.ssthresh {
            let share = u64::from(self.delivered) * u64::from(window.ssthresh);
            let share = share.div_ceil(u64::from(self.flight.max(1)));
            u32::try_from(share).unwrap_or(u32::MAX).saturating_sub(self.out)
        } else {
            // Slow start reduction bound.
            let limit = self.delivered.saturating_sub(self.out).max(delivered) + window.mss;
            (window.ssthresh - pipe).min(limit)
        };
        // The first retransmission is never held back.
        let least = if self.out == 0 { window.mss } else { 0 };
        window.cwnd = pipe + budget.max(least);
    }

    /// Octets were sent.
    pub(crate) const fn on_sent(&mut self, octets: u32) {
        self.out = self.out.saturating_add(octets);
    }
}

/// Whether something is lost, and until when it counts as one event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Nothing is known to be lost.
    Open,
    /// Fast recovery, until `high` is acknowledged.
    Recovery { high: SequenceNumber, rate: RateReduction },
    /// After a timeout, until `high` is acknowledged.
    Loss { high: SequenceNumber, undo: Option<Undo> },
}

/// What a timeout changed, in case it was spurious.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Undo {
    pub(crate) cwnd: u32,
    pub(crate) ssthresh: u32,
    /// The timestamp of the first retransmission: an echo of an earlier one shows that the
    /// original had arrived.
    pub(crate) timestamp: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6937, Section 4, the first example: 20 segments in flight, one lost, CUBIC's 0.7.
    #[test]
    fn the_window_goes_down_in_proportion() {
        let mut window = Window { cwnd: 20_000, ssthresh: 14_000, mss: 1000 };
        let mut rate = RateReduction::new(20_000);
        let (mut pipe, mut sent) = (19_000u32, 0);
        for _ in 0..19 {
            pipe -= 1000;
            rate.on_ack(&mut window, 1000, pipe);
            while pipe + 1000 <= window.cwnd {
                pipe += 1000;
                sent += 1000;
                rate.on_sent(1000);
            }
        }
        assert!((13_000..=14_000).contains(&pipe), "{pipe}");
        assert!((13_000..=14_000).contains(&sent), "{sent}");
    }

    /// With half of the flight lost, what is sent equals what arrives, plus one segment each.
    #[test]
    fn heavy_losses_are_followed_by_slow_start() {
        let mut window = Window { cwnd: 20_000, ssthresh: 14_000, mss: 1000 };
        let mut rate = RateReduction::new(20_000);
        rate.on_ack(&mut window, 1000, 5000);
        assert_eq!(window.cwnd, 7000);
        rate.on_sent(2000);
        rate.on_ack(&mut window, 1000, 6000);
        assert_eq!(window.cwnd, 8000);
    }
}
