//! Lengths of time that are measured with every segment, and points in time between which they
//! lie: microseconds in 32 bits, 71 minutes at most.

use crate::time::{Duration, Instant};
use core::ops::Add;

/// A length of time. Arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Micros(u32);

impl Micros {
    pub(crate) const ZERO: Self = Self(0);

    pub(crate) const fn new(micros: u32) -> Self {
        Self(micros)
    }

    pub(crate) const fn from_millis(millis: u32) -> Self {
        Self(millis.saturating_mul(1000))
    }

    pub(crate) const fn from_secs(secs: u32) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// From `earlier` to `now`; nothing when that is later.
    #[inline]
    pub(crate) fn between(earlier: Instant, now: Instant) -> Self {
        let micros = now.as_nanos().saturating_sub(earlier.as_nanos()) / 1000;
        Self(u32::try_from(micros).unwrap_or(u32::MAX))
    }

    /// The number.
    pub(crate) const fn get(self) -> u32 {
        self.0
    }

    const fn as_nanos(self) -> u64 {
        self.0 as u64 * 1000
    }

    pub(crate) const fn times(self, factor: u32) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

/// A point in time in the past. After 71 minutes it seems to be recent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MicrosTime(u32);

impl MicrosTime {
    pub(crate) const ZERO: Self = Self(0);

    /// From then to `later`.
    #[inline]
    pub(crate) const fn until(self, later: Self) -> Micros {
        Micros(later.0.wrapping_sub(self.0))
    }
}

impl From<Instant> for MicrosTime {
    #[inline]
    fn from(at: Instant) -> Self {
        Self((at.as_nanos() / 1000) as u32)
    }
}

impl Add for Micros {
    type Output = Self;

    #[inline]
    fn add(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl Add<Micros> for Instant {
    type Output = Self;

    #[inline]
    fn add(self, rhs: Micros) -> Self {
        Self::from_nanos(self.as_nanos().saturating_add(rhs.as_nanos()))
    }
}

impl From<Micros> for Duration {
    fn from(micros: Micros) -> Self {
        Self::from_micros(micros.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_as_long_as_can_be() {
        let (begin, end) = (Instant::from_nanos(1_999), Instant::from_secs(10_000));
        assert_eq!(Micros::between(begin, Instant::from_nanos(4_998)), Micros::new(2));
        assert_eq!(Micros::between(end, begin), Micros::ZERO);
        assert_eq!(Micros::between(begin, end), Micros::new(u32::MAX));
        assert_eq!(Micros::from_secs(5000) + Micros::new(1), Micros::new(u32::MAX));
        assert_eq!(begin + Micros::from_millis(3), Instant::from_nanos(3_001_999));
        let time = MicrosTime::from;
        assert_eq!(time(begin).until(time(Instant::from_nanos(4_998))), Micros::new(3));
        let wrap = Instant::from_nanos((1 << 32) * 1000 - 1);
        assert_eq!(time(wrap).until(time(wrap + Micros::new(9))), Micros::new(9));
        assert_eq!(Duration::from(Micros::from_secs(2).times(2)), Duration::from_secs(4));
    }
}
