//! Sending at a rate.

use crate::clock::SECOND;

/// How late a sender may be and still catch up, microseconds; what is older is given up.
const MOST_DEBT: u64 = SECOND / 10;

/// When the next octets may go.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Bits a second, not 0.
    rate: u64,
    /// Nanoseconds of the monotonic clock.
    due: u64,
}

impl Pace {
    /// A rate in bits a second, from now (microseconds) on; `None` when the rate is 0: no limit.
    #[must_use]
    pub const fn new(rate: u64, now: u64) -> Option<Self> {
        if rate == 0 { None } else { Some(Self { rate, due: now * 1000 }) }
    }

    /// How long to wait for, microseconds; 0: send.
    #[must_use]
    pub const fn wait(&self, now: u64) -> u64 {
        (self.due / 1000).saturating_sub(now)
    }

    /// So many octets were sent.
    pub fn sent(&mut self, octets: usize, now: u64) {
        let span = octets as u128 * 8 * 1_000_000_000 / u128::from(self.rate);
        let earliest = now.saturating_sub(MOST_DEBT) * 1000;
        self.due = self.due.max(earliest).saturating_add(u64::try_from(span).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn a_rate() {
        // 1450 octets at 10 Mbit/s (of 1024 squared) are 1106.26 microseconds.
        let mut pace = Pace::new(10 << 20, 5_000_000).unwrap();
        let mut now = 5_000_000;
        for _ in 0..1000 {
            now += pace.wait(now);
            pace.sent(1450, now);
        }
        now += pace.wait(now);
        assert_eq!(now, 5_000_000 + 1_106_262);
        assert!(Pace::new(0, 0).is_none());
    }

    #[test]
    fn catches_up_a_little() {
        let mut pace = Pace::new(8_000_000, 0).unwrap();
        // A second late: 100 ms of it are made good.
        let mut sent = 0;
        while pace.wait(1_000_000) == 0 {
            pace.sent(1000, 1_000_000);
            sent += 1;
        }
        assert_eq!(sent, 101);
    }
}
