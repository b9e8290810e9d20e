//! Where a sender stands with its losses, and how much it sends meanwhile: fast recovery with
//! proportional rate reduction (RFC 9937), NewReno without SACK (RFC 6582), and what shows that
//! there was nothing to recover from (RFC 3522, RFC 3708, RFC 5682).

use super::congestion::Window;
use crate::wire::tcp::SackBlock;
use crate::wire::tcp_sequence::SequenceNumber;

/// Proportional rate reduction, RFC 9937, Section 6.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RateReduction {
    /// RecoverFS.
    flight: u32,
    /// prr_delivered.
    delivered: u32,
    /// prr_out.
    out: u32,
}

impl RateReduction {
    /// A recovery begins with so many octets in flight that can still be delivered: without those
    /// of which it is known that they arrived.
    pub(crate) const fn new(flight: u32) -> Self {
        Self { flight, delivered: 0, out: 0 }
    }

    /// The recovery was begun by the acknowledgment that delivered these octets, which were in
    /// flight before.
    pub(crate) const fn begun_by(&mut self, delivered: u32) {
        self.flight = self.flight.saturating_add(delivered);
    }

    /// The window after an acknowledgment that delivered `delivered` octets, with `pipe` left.
    /// `safe` is SafeACK: the cumulative acknowledgment goes on and there are no signs of further
    /// losses.
    pub(crate) fn on_ack(&mut self, window: &mut Window, delivered: u32, pipe: u32, safe: bool) {
        if delivered == 0 {
            return;
        }
        self.delivered = self.delivered.saturating_add(delivered);
        let budget = if pipe > window.ssthresh {
            let share = u64::from(self.delivered) * u64::from(window.ssthresh);
            let share = share.div_ceil(u64::from(self.flight.max(1)));
            u32::try_from(share).unwrap_or(u32::MAX).saturating_sub(self.out)
        } else {
            // The conservative bound; the bound of slow start while all goes well.
            let limit = self.delivered.saturating_sub(self.out).max(delivered);
            let limit = if safe { limit.saturating_add(window.mss) } else { limit };
            (window.ssthresh - pipe).min(limit)
        };
        // The first retransmission is never held back.
        let least = if self.out == 0 { window.mss } else { 0 };
        // Windows are counted in segments (RFC 5681, Section 4.1): one always fits.
        window.cwnd = (pipe + budget.max(least)).max(window.mss);
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
    Loss { high: SequenceNumber, check: TimeoutCheck },
}

/// Whether a timeout was spurious, without timestamps: F-RTO (RFC 5682, Section 2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimeoutCheck {
    /// Step 2: the first segment was sent again.
    Retransmitted,
    /// Step 3: it was acknowledged, and new data goes out instead of old.
    NewData,
    /// It is known, or not looked for.
    Over,
}

/// What a recovery changed, in case nothing had been lost. Two things show that: the echo of a
/// timestamp from before the first retransmission (RFC 3522), and reports that all that was sent
/// again arrived twice (RFC 2883, as in RFC 3708).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Undo {
    pub(crate) cwnd: u32,
    pub(crate) ssthresh: u32,
    /// SND.UNA when it began, or the end of what had been sent again by then: what is known of
    /// numbers before it may be about retransmissions of an earlier recovery.
    from: SequenceNumber,
    again: SentAgain,
}

/// What was sent again since a recovery began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SentAgain {
    /// Nothing.
    Nothing,
    /// So many octets of which no duplicate was reported yet, first with this timestamp, whose
    /// acknowledgment has not come.
    Unanswered { unreported: u32, timestamp: u32 },
    /// So many octets of which no duplicate was reported yet.
    Answered { unreported: u32 },
}

impl Undo {
    /// A recovery begins; everything that was sent again before is in front of `from`.
    pub(crate) const fn new(window: &Window, from: SequenceNumber) -> Self {
        let Window { cwnd, ssthresh, .. } = *window;
        Self { cwnd, ssthresh, from, again: SentAgain::Nothing }
    }

    /// Octets were sent again, in a segment with this timestamp.
    pub(crate) const fn on_retransmission(&mut self, octets: u32, timestamp: u32) {
        match &mut self.again {
            SentAgain::Nothing => {
                self.again = SentAgain::Unanswered { unreported: octets, timestamp };
            }
            SentAgain::Unanswered { unreported, .. } | SentAgain::Answered { unreported } => {
                *unreported = unreported.saturating_add(octets);
            }
        }
    }

    /// Something that was sent again is acknowledged, from `una` on and with this echo. Whether
    /// the original had arrived; only the first such acknowledgment tells, and not if it is about
    /// an earlier recovery, whose retransmissions are older than the first of this one too.
    pub(crate) fn is_echo_of_original(&mut self, una: SequenceNumber, echo: Option<u32>) -> bool {
        let SentAgain::Unanswered { unreported, timestamp } = self.again else { return false };
        self.again = SentAgain::Answered { unreported };
        let earlier = echo.is_some_and(|echo| (echo.wrapping_sub(timestamp) as i32) < 0);
        earlier && una.is_at_or_after(self.from)
    }

    /// A segment arrived twice. Whether all that was sent again has by now.
    pub(crate) fn on_duplicate(&mut self, block: SackBlock) -> bool {
        if !block.right.is_after(self.from) {
            return false;
        }
        let octets = u32::try_from(block.right.offset_from(block.left)).unwrap_or(0);
        match &mut self.again {
            SentAgain::Nothing => false,
            SentAgain::Unanswered { unreported, .. } | SentAgain::Answered { unreported } => {
                *unreported = unreported.saturating_sub(octets);
                *unreported == 0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 segments in flight, one lost, CUBIC's 0.7.
    /// Rows: TCP-PRR
    #[test]
    fn the_window_goes_down_in_proportion() {
        let mut window = Window { cwnd: 20_000, ssthresh: 14_000, mss: 1000 };
        let mut rate = RateReduction::new(20_000);
        let (mut pipe, mut sent) = (19_000u32, 0);
        for _ in 0..19 {
            pipe -= 1000;
            rate.on_ack(&mut window, 1000, pipe, false);
            while pipe + 1000 <= window.cwnd {
                pipe += 1000;
                sent += 1000;
                rate.on_sent(1000);
            }
        }
        assert!((13_000..=14_000).contains(&pipe), "{pipe}");
        assert!((13_000..=14_000).contains(&sent), "{sent}");
    }

    /// With half of the flight lost, what is sent equals what arrives, and a segment more only for
    /// each acknowledgment that shows progress.
    #[test]
    fn heavy_losses_are_followed_by_caution_and_then_by_slow_start() {
        let mut window = Window { cwnd: 20_000, ssthresh: 14_000, mss: 1000 };
        let mut rate = RateReduction::new(20_000);
        rate.on_ack(&mut window, 1000, 5000, false);
        assert_eq!(window.cwnd, 6000);
        rate.on_sent(1000);
        rate.on_ack(&mut window, 1000, 5000, true);
        assert_eq!(window.cwnd, 7000);
        rate.on_sent(2000);
        // What was sent beyond what arrived is not sent again.
        rate.on_ack(&mut window, 1000, 6000, false);
        assert_eq!(window.cwnd, 7000);
        rate.on_ack(&mut window, 0, 3000, true);
        assert_eq!(window.cwnd, 7000, "nothing arrived");
        // Not above the threshold.
        rate.on_ack(&mut window, 9000, 8000, true);
        assert_eq!(window.cwnd, 14_000);
    }

    /// What had arrived before does not arrive again: the share is of the rest.
    #[test]
    fn the_acknowledgment_that_begins_a_recovery_counts() {
        let mut window = Window { cwnd: 20_000, ssthresh: 14_000, mss: 1000 };
        let mut rate = RateReduction::new(17_000);
        rate.begun_by(3000);
        rate.on_ack(&mut window, 3000, 16_000, false);
        assert_eq!(window.cwnd, 16_000 + 3000 * 14 / 20);
    }

    #[test]
    fn the_first_segment_is_never_held_back() {
        let mut window = Window { cwnd: 20_000, ssthresh: 4000, mss: 1000 };
        let mut rate = RateReduction::new(20_000);
        rate.on_ack(&mut window, 1, 18_000, false);
        assert_eq!(window.cwnd, 19_000);
    }

    const UNA: SequenceNumber = SequenceNumber(u32::MAX - 500);
    const WINDOW: Window = Window { cwnd: 10_000, ssthresh: 20_000, mss: 1000 };

    fn block(from: u32, to: u32) -> SackBlock {
        SackBlock { left: UNA + from, right: UNA + to }
    }

    #[test]
    fn all_that_was_sent_again_must_have_arrived_twice() {
        let mut undo = Undo::new(&WINDOW, UNA);
        assert!(!undo.on_duplicate(block(0, 1000)), "nothing was sent again");
        undo.on_retransmission(1000, 5);
        undo.on_retransmission(1000, 6);
        let old = SackBlock { left: UNA - 1000, right: UNA };
        assert!(!undo.on_duplicate(old), "sent before the recovery");
        assert!(!undo.on_duplicate(block(0, 1000)));
        undo.on_retransmission(500, 7);
        assert!(!undo.on_duplicate(block(3000, 4000)));
        assert!(undo.on_duplicate(block(5000, 5500)));
    }

    /// Rows: MUST-18
    #[test]
    fn only_the_first_echo_tells() {
        let early = u32::MAX - 1;
        for (echo, expected) in
            [(Some(early), true), (Some(1), false), (Some(2), false), (None, false)]
        {
            let mut undo = Undo::new(&WINDOW, UNA);
            assert!(!undo.is_echo_of_original(UNA, Some(early)), "nothing was sent again");
            undo.on_retransmission(1000, 1);
            undo.on_retransmission(1000, 9);
            assert_eq!(undo.is_echo_of_original(UNA, echo), expected, "{echo:?}");
            assert!(!undo.is_echo_of_original(UNA, Some(early)));
        }
    }

    /// What the echo is of may have been sent again before this recovery.
    #[test]
    fn the_echo_of_an_earlier_retransmission_tells_nothing() {
        for (una, expected) in [(UNA, false), (UNA + 999, false), (UNA + 1000, true)] {
            let mut undo = Undo::new(&WINDOW, UNA + 1000);
            undo.on_retransmission(1000, 9);
            assert_eq!(undo.is_echo_of_original(una, Some(8)), expected, "{una:?}");
        }
        let mut undo = Undo::new(&WINDOW, UNA + 1000);
        undo.on_retransmission(1000, 9);
        assert!(!undo.on_duplicate(block(0, 1000)), "this one arrived twice");
        assert!(undo.on_duplicate(block(1000, 2000)));
    }
}
