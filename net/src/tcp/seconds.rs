//! Points in time that have to be compared for many days: seconds in 32 bits.

use crate::time::Instant;
use core::num::NonZeroU32;

/// A point in time in the past. None is 0, so that an `Option` of it takes no more: the first second
/// is the second one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seconds(NonZeroU32);

impl Seconds {
    /// Seconds from then to `now`.
    #[inline]
    pub(crate) fn passed(self, now: Instant) -> u32 {
        Self::from(now).0.get().wrapping_sub(self.0.get())
    }
}

impl From<Instant> for Seconds {
    #[inline]
    fn from(now: Instant) -> Self {
        Self(NonZeroU32::new((now.as_millis() / 1000) as u32).unwrap_or(NonZeroU32::MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_days_pass() {
        let passed =
            |from, to| Seconds::from(Instant::from_secs(from)).passed(Instant::from_secs(to));
        assert_eq!((passed(5, 5), passed(5, 100 * 86_400 + 5)), (0, 100 * 86_400));
        assert_eq!((passed(0, 1), passed(0, 2)), (0, 1));
        assert_eq!(size_of::<Option<Seconds>>(), 4);
    }
}
