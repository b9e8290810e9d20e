//! A limit of rate: a bucket of tokens that fills with time.

use core::time::Duration;

use resolver::Instant;

/// The bucket.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    capacity: u32,
    tokens: u32,
    /// How long a token takes.
    period: Duration,
    /// Until when its filling is accounted for.
    filled: Instant,
}

impl Bucket {
    /// A full bucket of `capacity` tokens, one more in each `period`.
    #[must_use]
    pub const fn new(capacity: u32, period: Duration) -> Self {
        Self { capacity, tokens: capacity, period, filled: Instant::ZERO }
    }

    /// Takes a token if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_sub(self.filled);
        let new = elapsed.as_nanos() / self.period.as_nanos().max(1);
        let missing = self.capacity - self.tokens;
        if new >= u128::from(missing) {
            self.tokens = self.capacity;
            self.filled = now;
        } else {
            self.tokens += new as u32;
            self.filled += self.period * new as u32;
        }
        let Some(left) = self.tokens.checked_sub(1) else { return false };
        self.tokens = left;
        true
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::Bucket;

    #[test]
    fn tokens_come_back() {
        let at = Duration::from_millis;
        let mut bucket = Bucket::new(3, at(100));
        for _ in 0..3 {
            assert!(bucket.take(at(5000)));
        }
        assert!(!bucket.take(at(5000)) && !bucket.take(at(5099)));
        assert!(bucket.take(at(5150)) && !bucket.take(at(5199)));
        // What was left over of a period counts.
        assert!(bucket.take(at(5200)));
        assert_eq!((0..10).filter(|_| bucket.take(at(9000))).count(), 3);
    }
}
