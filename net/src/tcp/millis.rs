//! Points in time of which every connection keeps several: milliseconds in 32 bits.

use crate::time::{Duration, Instant};

/// A point in time in the past. After 49 days it seems to be recent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Millis(u32);

impl Millis {
    /// Milliseconds from then to `now`.
    #[inline]
    pub(crate) const fn passed(self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_sub(self.0)
    }

    /// Time from then to `now`.
    #[inline]
    pub(crate) const fn until(self, now: Instant) -> Duration {
        Duration::from_millis(self.passed(now) as u64)
    }
}

impl From<Instant> for Millis {
    #[inline]
    fn from(now: Instant) -> Self {
        Self(now.as_millis() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_across_the_wrap() {
        let then = Instant::from_millis(u64::from(u32::MAX) - 5);
        assert_eq!(Millis::from(then).until(then), Duration::ZERO);
        let later = then + Duration::from_secs(7200);
        assert_eq!(Millis::from(then).until(later), Duration::from_secs(7200));
    }
}
