//! Numbers on command lines: counts with size suffixes, durations.

use core::time::Duration;

/// Reads a decimal number; nothing else may stand around it.
#[must_use]
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |value, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Reads a number with one of the size suffixes of GNU programs: `b` 512, `kB` 1000, `K` or `KiB`
/// 1024, `MB`, `M`, `GB`, `G`, `TB`, `T`; `c` and `w` (1 and 2) as `dd` has them.
#[must_use]
pub fn size(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, suffix) = text.split_at_checked(digits)?;
    let factor: u64 = match suffix {
        b"" | b"c" => 1,
        b"w" => 2,
        b"b" => 512,
        b"kB" | b"KB" => 1000,
        b"k" | b"K" | b"KiB" => 1 << 10,
        b"MB" => 1_000_000,
        b"M" | b"m" | b"MiB" => 1 << 20,
        b"GB" => 1_000_000_000,
        b"G" | b"GiB" => 1 << 30,
        b"TB" => 1_000_000_000_000,
        b"T" | b"TiB" => 1 << 40,
        _ => return None,
    };
    decimal(number)?.checked_mul(factor)
}

/// Reads a time in seconds with an optional fraction and an optional suffix `s`, `m`, `h` or `d`,
/// as `sleep` takes it. Beyond the nanosecond digits are dropped.
#[must_use]
pub fn duration(text: &[u8]) -> Option<Duration> {
    let (number, factor) = match text.split_last()? {
        (b's', number) => (number, 1),
        (b'm', number) => (number, 60),
        (b'h', number) => (number, 3600),
        (b'd', number) => (number, 86400),
        _ => (text, 1),
    };
    let mut halves = number.splitn(2, |&byte| byte == b'.');
    let whole = halves.next()?;
    let fraction = halves.next().unwrap_or_default();
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let seconds = if whole.is_empty() { 0 } else { decimal(whole)? };
    let mut nanoseconds = 0;
    for index in 0..9.max(fraction.len()) {
        let byte = fraction.get(index).copied().unwrap_or(b'0');
        if !byte.is_ascii_digit() {
            return None;
        }
        if index < 9 {
            nanoseconds = nanoseconds * 10 + u32::from(byte - b'0');
        }
    }
    Duration::new(seconds, nanoseconds).checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::{decimal, duration, size};

    #[test]
    fn numbers() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal(b"18446744073709551616"), None);
        for text in ["", "-1", "+1", "1 ", "x"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(size(b"4K"), Some(4096));
        assert_eq!(size(b"2b"), Some(1024));
        assert_eq!(size(b"3MB"), Some(3_000_000));
        for text in ["K", "1x", "99999999999T", ""] {
            assert_eq!(size(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn durations() {
        for (text, milliseconds) in [
            ("1", 1000),
            ("0.25", 250),
            (".5", 500),
            ("2.", 2000),
            ("1.5m", 90_000),
            ("1h", 3_600_000),
        ] {
            let expected = Some(Duration::from_millis(milliseconds));
            assert_eq!(duration(text.as_bytes()), expected, "{text}");
        }
        for text in ["", ".", "s", "x", "1x", "-1", "1.2.3"] {
            assert_eq!(duration(text.as_bytes()), None, "{text:?}");
        }
    }
}
