//! Decimal numbers with a fraction, exactly: what `seq` counts with.

use core::fmt;

/// Digits kept after the point.
const DIGITS: usize = 9;
/// 10 to the power of [`DIGITS`].
const ONE: i128 = 1_000_000_000;

/// A number in billionths, with the count of digits after the point that it was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// In billionths.
    pub value: i128,
    /// Digits after the point.
    pub precision: usize,
}

impl Fixed {
    /// Reads an optional sign, digits and an optional fraction of at most nine digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let empty = whole.is_empty() && fraction.is_empty();
        if empty || !all_digits(whole) || !all_digits(fraction) || fraction.len() > DIGITS {
            return None;
        }
        let number = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u64>().ok() };
        let scale = 10i128.pow((DIGITS - fraction.len()) as u32);
        let value = i128::from(number(whole)?) * ONE + i128::from(number(fraction)?) * scale;
        Some(Self { value: if negative { -value } else { value }, precision: fraction.len() })
    }
}

impl fmt::Display for Fixed {
    /// Always with [`Fixed::precision`] digits after the point; a width pads with zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.value.unsigned_abs();
        let (whole, fraction) = (magnitude / ONE as u128, magnitude % ONE as u128);
        let sign = if self.value < 0 { "-" } else { "" };
        let tail = if self.precision > 0 { self.precision + 1 } else { 0 };
        let width = f.width().unwrap_or(0).saturating_sub(sign.len() + tail);
        write!(f, "{sign}{whole:0width$}")?;
        if self.precision > 0 {
            let shown = fraction / 10u128.pow((DIGITS - self.precision) as u32);
            write!(f, ".{shown:0precision$}", precision = self.precision)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::Fixed;

    #[test]
    fn written_as_read() {
        for text in ["0", "1.5", "-0.25", "12.000", "1000000000000"] {
            assert_eq!(format!("{}", Fixed::parse(text).expect("a number")), text);
        }
        assert_eq!(format!("{:6}", Fixed::parse("-1.5").expect("a number")), "-001.5");
        assert_eq!(Fixed::parse(".5").map(|number| number.value), Some(500_000_000));
        for text in ["", ".", "-", "1e3", "x", "1.2.3", "1.0000000001"] {
            assert_eq!(Fixed::parse(text), None, "{text}");
        }
    }
}
