//! Lists of numbers such as `1-3,5,7-`, as `cut` takes them.

use alloc::vec::Vec;

use rt::number;

/// Positions counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges(Vec<(u64, u64)>);

/// Why a list is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeError {
    /// Counting begins at 1.
    Zero,
    /// `3-1`
    Decreasing,
    /// Not numbers and dashes.
    Invalid,
}

impl Ranges {
    /// Reads a list.
    pub fn parse(text: &[u8]) -> Result<Self, RangeError> {
        let bound = |text: &[u8]| number::decimal(text).ok_or(RangeError::Invalid);
        let mut ranges = Vec::new();
        for item in text.split(|byte| matches!(byte, b',' | b' ')) {
            let mut ends = item.splitn(2, |&byte| byte == b'-');
            let first = ends.next().unwrap_or_default();
            let (from, to) = match ends.next() {
                None => (bound(first)?, bound(first)?),
                Some(b"") if first.is_empty() => return Err(RangeError::Invalid),
                Some(b"") => (bound(first)?, u64::MAX),
                Some(last) if first.is_empty() => (1, bound(last)?),
                Some(last) => (bound(first)?, bound(last)?),
            };
            if from == 0 || to == 0 {
                return Err(RangeError::Zero);
            }
            if from > to {
                return Err(RangeError::Decreasing);
            }
            ranges.push((from, to));
        }
        Ok(Self(ranges))
    }

    /// Whether a position is in one of the ranges.
    #[must_use]
    pub fn contains(&self, position: u64) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&position))
    }
}

#[cfg(test)]
mod tests {
    use super::{RangeError, Ranges};

    #[test]
    fn lists() {
        let ranges = Ranges::parse(b"2-3,5,8-").expect("valid");
        let chosen: alloc::vec::Vec<u64> = (1..=10).filter(|n| ranges.contains(*n)).collect();
        assert_eq!(chosen, [2, 3, 5, 8, 9, 10]);
        assert!(Ranges::parse(b"-2").is_ok_and(|ranges| ranges.contains(1) && !ranges.contains(3)));
        for (text, error) in [
            ("0", RangeError::Zero),
            ("3-1", RangeError::Decreasing),
            ("-", RangeError::Invalid),
            ("x", RangeError::Invalid),
            ("", RangeError::Invalid),
        ] {
            assert_eq!(Ranges::parse(text.as_bytes()), Err(error), "{text}");
        }
    }
}
