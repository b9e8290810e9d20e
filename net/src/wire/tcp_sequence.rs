//! TCP sequence numbers: arithmetic modulo 2^32 (RFC 9293, Section 3.4).

use core::ops::{Add, AddAssign, Sub};

/// A point in a sequence space that wraps around.
///
/// Comparing is only meaningful for points less than 2^31 apart, which is all that TCP ever
/// compares; there is no `Ord`, because the order is not transitive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct SequenceNumber(pub u32);

impl SequenceNumber {
    /// How far `self` is ahead of `other`; negative when it is behind.
    #[inline]
    pub const fn offset_from(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// SEG < other.
    #[inline]
    pub const fn is_before(self, other: Self) -> bool {
        self.offset_from(other) < 0
    }

    /// SEG =< other.
    #[inline]
    pub const fn is_at_or_before(self, other: Self) -> bool {
        !other.is_before(self)
    }

    /// SEG > other.
    #[inline]
    pub const fn is_after(self, other: Self) -> bool {
        other.is_before(self)
    }

    /// SEG >= other.
    #[inline]
    pub const fn is_at_or_after(self, other: Self) -> bool {
        !self.is_before(other)
    }

    /// Whether it is among the `len` numbers from `start` on:
    /// `start` =< self < `start` + `len`, for any length.
    pub const fn is_within(self, start: Self, len: u32) -> bool {
        self.0.wrapping_sub(start.0) < len
    }

    /// The later of the two.
    #[must_use]
    #[inline]
    pub const fn max(self, other: Self) -> Self {
        if self.is_before(other) { other } else { self }
    }

    /// The earlier of the two.
    #[must_use]
    #[inline]
    pub const fn min(self, other: Self) -> Self {
        if other.is_before(self) { other } else { self }
    }
}

impl Add<u32> for SequenceNumber {
    type Output = Self;

    #[inline]
    fn add(self, rhs: u32) -> Self {
        Self(self.0.wrapping_add(rhs))
    }
}

impl AddAssign<u32> for SequenceNumber {
    #[inline]
    fn add_assign(&mut self, rhs: u32) {
        *self = *self + rhs;
    }
}

impl Sub<u32> for SequenceNumber {
    type Output = Self;

    #[inline]
    fn sub(self, rhs: u32) -> Self {
        Self(self.0.wrapping_sub(rhs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows: TCP-WRAP
    #[test]
    fn order_goes_around_the_wrap() {
        let (low, high) = (SequenceNumber(5), SequenceNumber(u32::MAX - 5));
        assert!(high.is_before(low) && low.is_after(high));
        assert!(high.is_at_or_before(low) && high.is_at_or_before(high));
        assert!(low.is_at_or_after(high) && low.is_at_or_after(low));
        assert_eq!(low.offset_from(high), 11);
        assert_eq!(high.offset_from(low), -11);
        assert_eq!((low.max(high), low.min(high)), (low, high));
        assert_eq!((high + 11, low - 11), (low, high));
    }

    /// Rows: MUST-1, TCP-WRAP
    #[test]
    fn windows() {
        let start = SequenceNumber(u32::MAX);
        assert!(start.is_within(start, 1) && !start.is_within(start, 0));
        assert!((start + 9).is_within(start, 10) && !(start + 10).is_within(start, 10));
        assert!(!(start - 1).is_within(start, u32::MAX));
        assert!((start - 2).is_within(start, u32::MAX));
    }

    proptest! {
        #[test]
        fn total(a: u32, b: u32, len: u32) {
            let (a, b) = (SequenceNumber(a), SequenceNumber(b));
            prop_assert_eq!(a.max(a), a);
            prop_assert_eq!(a.is_before(b), !b.is_at_or_before(a));
            prop_assert_eq!((a + len) - len, a);
            prop_assert_eq!(b + a.offset_from(b) as u32, a);
            prop_assert_eq!(a.is_within(b, len), a != b + len && a.is_within(b, len));
        }
    }
}
