//! Points in time of which every connection keeps several: milliseconds in 32 bits.

use crate::time::{Duration, Instant};
use core::num::NonZeroU32;

/// A point in time in the past. After 49 days it seems to be recent again. None is 0, so that an
/// `Option` takes no more: what would be 0 is a millisecond later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Millis(NonZeroU32);

impl Millis {
    #[inline]
    const fn new(millis: u32) -> Self {
        match NonZeroU32::new(millis) {
            Some(millis) => Self(millis),
            None => Self(NonZeroU32::MIN),
        }
    }

    /// So many milliseconds later.
    #[inline]
    pub(crate) const fn later(self, millis: u32) -> Self {
        Self::new(self.0.get().wrapping_add(millis))
    }

    /// Milliseconds from then to `now`.
    #[inline]
    pub(crate) const fn passed(self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_sub(self.0.get())
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
        Self::new(now.as_millis() as u32)
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
        assert_eq!(Millis::from(then).later(7_200_000), Millis::from(later));
    }

    #[test]
    fn the_time_that_is_none_is_a_millisecond_later() {
        let wrap = Instant::from_millis(1 << 32);
        assert_eq!(Millis::from(wrap), Millis::from(wrap + Duration::from_millis(1)));
        assert_eq!(size_of::<Option<Millis>>(), 4);
    }
}
