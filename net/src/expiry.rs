//! How long something learned or configured stays valid.

use crate::time::{Duration, Instant};

/// The end of a lifetime. Later ends compare greater, `Never` the greatest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Expiry {
    /// It ends at this point.
    At(Instant),
    /// It does not end.
    Never,
}

impl Expiry {
    /// The seconds that stand for infinity on the wire (RFC 4861, Section 4.6.2) and in netlink.
    pub const INFINITE_SECS: u32 = u32::MAX;

    /// The lifetime of `secs` seconds from `now`; all ones is infinity.
    pub fn from_secs(secs: u32, now: Instant) -> Self {
        if secs == Self::INFINITE_SECS {
            Self::Never
        } else {
            Self::At(now + Duration::from_secs(secs.into()))
        }
    }

    /// Whether it has ended.
    pub fn is_over(self, now: Instant) -> bool {
        self <= Self::At(now)
    }

    /// What is left, or `None` for infinity.
    pub const fn remaining(self, now: Instant) -> Option<Duration> {
        match self {
            Self::At(end) => Some(end.saturating_since(now)),
            Self::Never => None,
        }
    }

    /// What is left in whole seconds, all ones for infinity: the form of netlink.
    pub fn remaining_secs(self, now: Instant) -> u32 {
        match self.remaining(now) {
            Some(left) => u32::try_from(left.as_secs()).unwrap_or(u32::MAX - 1).min(u32::MAX - 1),
            None => Self::INFINITE_SECS,
        }
    }

    /// The point at which a timer must fire; never for infinity.
    pub(crate) const fn deadline(self) -> Instant {
        match self {
            Self::At(end) => end,
            Self::Never => Instant::FAR_FUTURE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ones_is_infinite_and_greatest() {
        let now = Instant::from_secs(10);
        assert_eq!(Expiry::from_secs(u32::MAX, now), Expiry::Never);
        let long = Expiry::from_secs(u32::MAX - 1, now);
        assert!(long < Expiry::Never);
        assert!(!Expiry::Never.is_over(Instant::FAR_FUTURE - Duration::from_nanos(1)));
        assert_eq!(long.remaining_secs(now), u32::MAX - 1);
        assert_eq!(Expiry::Never.remaining_secs(now), u32::MAX);
    }

    #[test]
    fn zero_is_over_at_once() {
        let now = Instant::from_secs(10);
        assert!(Expiry::from_secs(0, now).is_over(now));
        let one = Expiry::from_secs(1, now);
        assert!(!one.is_over(now + Duration::from_millis(999)));
        assert!(one.is_over(now + Duration::from_secs(1)));
        assert_eq!(one.remaining_secs(now + Duration::from_secs(5)), 0);
    }
}
