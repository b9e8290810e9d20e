//! A token bucket: bursts are allowed, the long-term rate is bounded
//! (RFC 4443, Section 2.4(f)).

use crate::time::{Duration, Instant};

/// Allows `burst` events at once and one more every `interval`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    burst: u32,
    interval: Duration,
    tokens: u32,
    /// Up to when tokens were given out.
    filled: Instant,
}

impl TokenBucket {
    pub(crate) const fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval, tokens: burst, filled: Instant::ZERO }
    }

    /// Whether one more event is allowed now.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_since(self.filled).as_nanos();
        let earned = elapsed / self.interval.as_nanos().max(1);
        if earned >= u128::from(self.burst - self.tokens) {
            self.tokens = self.burst;
            self.filled = now;
        } else {
            self.tokens += earned as u32;
            self.filled += self.interval * earned as u32;
        }
        let allowed = self.tokens > 0;
        self.tokens -= u32::from(allowed);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let mut bucket = TokenBucket::new(10, Duration::from_millis(100));
        let start = Instant::from_secs(5);
        assert_eq!((0..1000).filter(|_| bucket.take(start)).count(), 10);
        let mut allowed = 0;
        for millis in 0..1000 {
            allowed += usize::from(bucket.take(start + Duration::from_millis(millis)));
        }
        assert_eq!(allowed, 9);
        let later = Instant::from_secs(60);
        assert_eq!((0..1000).filter(|_| bucket.take(later)).count(), 10);
    }
}
