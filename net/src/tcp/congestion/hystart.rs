//! HyStart++ (RFC 9406): slow start ends when delays rise, before the queue overflows.

use crate::tcp::micros::Micros;
use crate::wire::tcp_sequence::SequenceNumber;
use core::num::NonZeroU32;

/// Section 4.3: bounds of the rise that counts, in microseconds.
const MIN_RTT_THRESHOLD: u32 = 4_000;
const MAX_RTT_THRESHOLD: u32 = 16_000;
/// The rise that counts is this part of the last round's shortest delay.
const MIN_RTT_DIVISOR: u32 = 8;
/// Measurements that a round needs to be judged.
const RTT_SAMPLES: u8 = 8;
/// How much slower the window grows in conservative slow start.
const CSS_GROWTH_DIVISOR: u32 = 4;
/// Rounds of conservative slow start before congestion avoidance.
const CSS_ROUNDS: u8 = 5;

/// Conservative slow start, Section 4.2.
#[derive(Clone, Copy, Debug)]
struct Conservative {
    baseline: NonZeroU32,
    rounds: u8,
}

/// What to do with the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Advice {
    /// Grow by this many octets.
    Grow(u32),
    /// Slow start is over.
    Leave,
}

/// The variables of Section 4.2, times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HyStart {
    last_round: Option<NonZeroU32>,
    current_round: Option<NonZeroU32>,
    conservative: Option<Conservative>,
    /// Where the round ends, once there is one.
    window_end: Option<SequenceNumber>,
    samples: u8,
}

impl HyStart {
    pub(super) const fn new() -> Self {
        Self {
            last_round: None,
            current_round: None,
            conservative: None,
            window_end: None,
            samples: 0,
        }
    }

    /// Whether a round has ended when everything before `una` is acknowledged; then the next one
    /// ends at `nxt`.
    pub(super) fn ends_round(&mut self, una: SequenceNumber, nxt: SequenceNumber) -> bool {
        // What is far away is from long ago, when the window did not grow.
        let goes_on =
            self.window_end.is_some_and(|end| end.is_at_or_after(una) && end.is_at_or_before(nxt));
        if !goes_on {
            self.window_end = Some(nxt);
        }
        !goes_on
    }

    /// An acknowledgment of `acked` octets during slow start.
    pub(super) fn on_ack(&mut self, acked: u32, rtt: Option<Micros>, round_ended: bool) -> Advice {
        if round_ended {
            if let Some(conservative) = &mut self.conservative {
                conservative.rounds += 1;
                if conservative.rounds >= CSS_ROUNDS {
                    return Advice::Leave;
                }
            }
            self.last_round = self.current_round.take().or(self.last_round);
            self.samples = 0;
        }
        if let Some(rtt) = rtt {
            let rtt = NonZeroU32::new(rtt.get()).unwrap_or(NonZeroU32::MIN);
            self.current_round = Some(self.current_round.map_or(rtt, |least| least.min(rtt)));
            self.samples = self.samples.saturating_add(1);
        }
        if let (Some(current), true) = (self.current_round, self.samples >= RTT_SAMPLES) {
            match (self.conservative, self.last_round) {
                // The rise was no sign of a queue: back to slow start.
                (Some(conservative), _) if current < conservative.baseline => {
                    self.conservative = None;
                }
                (None, Some(last)) => {
                    let rise = last.get() / MIN_RTT_DIVISOR;
                    let rise = rise.clamp(MIN_RTT_THRESHOLD, MAX_RTT_THRESHOLD);
                    if current >= last.saturating_add(rise) {
                        self.conservative = Some(Conservative { baseline: current, rounds: 0 });
                    }
                }
                _ => {}
            }
        }
        Advice::Grow(match self.conservative {
            None => acked,
            Some(_) => acked.div_ceil(CSS_GROWTH_DIVISOR),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(hystart: &mut HyStart, rtt: Micros) -> Advice {
        let mut advice = hystart.on_ack(1000, Some(rtt), true);
        for _ in 0..9 {
            if advice == Advice::Leave {
                return advice;
            }
            advice = hystart.on_ack(1000, Some(rtt), false);
        }
        advice
    }

    /// Rows: TCP-HSS
    #[test]
    fn rising_delay_ends_slow_start_in_steps() {
        let mut hystart = HyStart::new();
        let (low, high) = (Micros::from_millis(40), Micros::from_millis(50));
        assert_eq!(round(&mut hystart, low), Advice::Grow(1000));
        assert_eq!(round(&mut hystart, low), Advice::Grow(1000));
        assert_eq!(round(&mut hystart, high), Advice::Grow(250));
        for _ in 0..4 {
            assert_eq!(round(&mut hystart, high), Advice::Grow(250));
        }
        assert_eq!(round(&mut hystart, high), Advice::Leave);
    }

    #[test]
    fn a_round_ends_when_what_was_sent_by_its_beginning_has_arrived() {
        let mut hystart = HyStart::new();
        let ends = |hystart: &mut HyStart, una, nxt| {
            hystart.ends_round(SequenceNumber(una), SequenceNumber(nxt))
        };
        let begin = u32::MAX - 100;
        assert!(ends(&mut hystart, begin, begin + 100));
        assert!(!ends(&mut hystart, begin + 50, 50));
        assert!(!ends(&mut hystart, begin + 100, 100));
        assert!(ends(&mut hystart, 0, 200));
        assert!(!ends(&mut hystart, 200, 300));
        // Two gigabytes that did not let the window grow.
        assert!(ends(&mut hystart, 1 << 31, (1 << 31) + 300));
    }

    #[test]
    fn a_passing_rise_is_forgiven() {
        let mut hystart = HyStart::new();
        let (low, high) = (Micros::from_millis(40), Micros::from_millis(50));
        round(&mut hystart, low);
        assert_eq!(round(&mut hystart, high), Advice::Grow(250));
        assert_eq!(round(&mut hystart, low), Advice::Grow(1000));
    }
}
