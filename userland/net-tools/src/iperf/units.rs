//! Amounts and rates as iperf 2 reads and prints them.
//!
//! Bytes are counted in powers of 1024, bits in powers of 1000. On the command line a small letter
//! is a power of 1000, a capital one a power of 1024.
#![allow(clippy::cast_precision_loss, reason = "three or four digits are printed")]

use alloc::format;
use alloc::string::String;

/// How `-f` wants rates; transfers are in bytes whatever it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Bits a second, in the prefix that fits.
    Bits,
    /// Bytes a second, in the prefix that fits.
    Bytes,
    /// Bits a second with the prefix of this index in [`PREFIXES`].
    FixedBits(usize),
    /// Bytes a second with the prefix of this index in [`PREFIXES`].
    FixedBytes(usize),
}

/// What comes before the unit.
const PREFIXES: [&str; 5] = ["", "K", "M", "G", "T"];

impl Format {
    /// What the letter after `-f` means.
    #[must_use]
    pub fn parse(letter: &[u8]) -> Option<Self> {
        Some(match letter {
            b"a" => Self::Bits,
            b"A" => Self::Bytes,
            b"k" => Self::FixedBits(1),
            b"m" => Self::FixedBits(2),
            b"g" => Self::FixedBits(3),
            b"K" => Self::FixedBytes(1),
            b"M" => Self::FixedBytes(2),
            b"G" => Self::FixedBytes(3),
            _ => return None,
        })
    }

    /// The prefix it asks for.
    const fn prefix(self) -> Option<usize> {
        match self {
            Self::Bits | Self::Bytes => None,
            Self::FixedBits(prefix) | Self::FixedBytes(prefix) => Some(prefix),
        }
    }
}

/// Three digits that count, and the prefix with the unit: `9.26 G`.
fn scaled(amount: f64, base: f64, prefix: Option<usize>, unit: &str) -> String {
    let mut value = amount;
    let mut index = 0;
    let last = prefix.unwrap_or(PREFIXES.len() - 1);
    while index < last && (prefix.is_some() || value >= base) {
        value /= base;
        index += 1;
    }
    let name = PREFIXES.get(index).copied().unwrap_or_default();
    // The bounds are where rounding would make a fourth digit.
    if value < 9.995 {
        format!("{value:4.2} {name}{unit}")
    } else if value < 99.95 {
        format!("{value:4.1} {name}{unit}")
    } else {
        format!("{value:4.0} {name}{unit}")
    }
}

/// An amount of bytes: `1.08 GByte`.
#[must_use]
pub fn bytes(amount: u64, format: Format) -> String {
    scaled(amount as f64, 1024.0, format.prefix(), "Byte")
}

/// A rate of `amount` bytes in `microseconds`, without the `/sec`: `9.26 Gbits`.
#[must_use]
pub fn rate(amount: u64, microseconds: u64, format: Format) -> String {
    let seconds = microseconds as f64 / 1e6;
    let rate = if microseconds == 0 { 0.0 } else { amount as f64 / seconds };
    match format {
        Format::Bits | Format::FixedBits(_) => scaled(rate * 8.0, 1000.0, format.prefix(), "bits"),
        Format::Bytes | Format::FixedBytes(_) => scaled(rate, 1024.0, format.prefix(), "Bytes"),
    }
}

/// Reads an amount: digits, perhaps a fraction, perhaps a letter of `kmgt` or `KMGT`. The fraction
/// has six digits at most.
#[must_use]
pub fn amount(text: &[u8]) -> Option<u64> {
    let (number, factor) = match text.split_last()? {
        (b'k', number) => (number, 1000),
        (b'm', number) => (number, 1_000_000),
        (b'g', number) => (number, 1_000_000_000),
        (b't', number) => (number, 1_000_000_000_000),
        (b'K', number) => (number, 1 << 10),
        (b'M', number) => (number, 1 << 20),
        (b'G', number) => (number, 1 << 30),
        (b'T', number) => (number, 1u64 << 40),
        _ => (text, 1),
    };
    let mut halves = number.splitn(2, |byte| *byte == b'.');
    let whole = rt::number::decimal(halves.next()?)?.checked_mul(factor)?;
    let Some(fraction) = halves.next() else { return Some(whole) };
    if fraction.len() > 6 {
        return None;
    }
    let parts = rt::number::decimal(fraction)?;
    let scale = 10u64.pow(fraction.len() as u32);
    whole.checked_add((u128::from(parts) * u128::from(factor) / u128::from(scale)) as u64)
}

#[cfg(test)]
mod tests {
    use super::{Format, amount, bytes, rate};

    #[test]
    fn printed() {
        // The amounts and what iperf 2.1.8 prints for them.
        for (value, expected) in [
            (1 << 20, "1.00 MByte"),
            (103_850, " 101 KByte"),
            (10 << 20, "10.0 MByte"),
            (3_939_840, "3.76 MByte"),
            (0, "0.00 Byte"),
            (131_072, " 128 KByte"),
        ] {
            assert_eq!(bytes(value, Format::Bits), expected);
        }
        assert_eq!(bytes(3 << 20, Format::FixedBytes(1)), "3072 KByte");
        assert_eq!(rate(1 << 20, 16_600, Format::Bits), " 505 Mbits");
        assert_eq!(rate(125_000_000, 1_000_000, Format::Bits), "1.00 Gbits");
        assert_eq!(rate(125_000_000, 1_000_000, Format::FixedBits(1)), "1000000 Kbits");
        assert_eq!(rate(1 << 30, 2_000_000, Format::Bytes), " 512 MBytes");
        assert_eq!(rate(1, 0, Format::Bits), "0.00 bits");
    }

    #[test]
    fn read() {
        for (text, expected) in [
            ("10", Some(10)),
            ("10M", Some(10_485_760)),
            ("10m", Some(10_000_000)),
            ("1.5k", Some(1500)),
            ("0.5K", Some(512)),
            ("", None),
            ("M", None),
            ("-1", None),
            ("1x", None),
            ("1.", None),
            ("99999999999999999999", None),
            ("99999999999T", None),
        ] {
            assert_eq!(amount(text.as_bytes()), expected, "{text}");
        }
    }
}
