//! How many messages a client sends at most (RFC 8415 section 14.1): a token bucket, so that a
//! server that answers nonsense can't keep it busy.

use net_tools::clock::SECOND;

/// How many messages may go out at once.
const BURST: u64 = 20;
/// The time in which one more may go, microseconds.
const INTERVAL: u64 = SECOND;

/// The bucket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limit {
    /// When it will be full.
    full: u64,
}

impl Limit {
    /// When a message may be sent: now, or when there is a token again.
    #[must_use]
    pub const fn next(&self, now: u64) -> u64 {
        let allowed = self.full.saturating_sub((BURST - 1) * INTERVAL);
        if allowed > now { allowed } else { now }
    }

    /// A message is sent.
    pub fn spend(&mut self, now: u64) {
        self.full = self.full.max(now).saturating_add(INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::{BURST, INTERVAL, Limit};

    /// Rows: DH6-13
    #[test]
    fn a_burst_then_one_each_second() {
        let mut limit = Limit::default();
        let start = 1_000_000_000;
        for _ in 0..BURST {
            assert_eq!(limit.next(start), start);
            limit.spend(start);
        }
        for second in 1..5 {
            let next = limit.next(start);
            assert_eq!(next, start + second * INTERVAL);
            limit.spend(next);
        }
        let later = start + 100 * BURST * INTERVAL;
        for _ in 0..BURST {
            assert_eq!(limit.next(later), later);
            limit.spend(later);
        }
        assert!(limit.next(later) > later, "no more than a burst is saved up");
    }
}
