//! Ports as `nc` takes them: one, or a range `LOW-HIGH`.

use alloc::format;
use alloc::string::String;
use core::ops::RangeInclusive;

/// Reads one port.
pub fn port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match rt::number::decimal(text.as_bytes()) {
        Some(0) => Err(format!("port number too small: {text}")),
        Some(number) => u16::try_from(number).map_err(|_| format!("port number too large: {text}")),
        // So many digits that not even 64 bits hold the number.
        None if digits => Err(format!("port number too large: {text}")),
        None => Err(format!("port number invalid: {text}")),
    }
}

/// Reads a port or a range of ports, which may be given in either order.
pub fn range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let (low, high) = match text.split_once('-') {
        Some((one, other)) if one.starts_with(|first: char| first.is_ascii_digit()) => {
            (port(one)?, port(other)?)
        }
        _ => {
            let port = port(text)?;
            (port, port)
        }
    };
    Ok(low.min(high)..=low.max(high))
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ports_and_ranges() {
        assert_eq!(range("80"), Ok(80..=80));
        assert_eq!(range("1-65535"), Ok(1..=65535));
        assert_eq!(range("9-3"), Ok(3..=9));
    }

    #[test]
    fn refusals() {
        for (text, message) in [
            ("0", "port number too small: 0"),
            ("65536", "port number too large: 65536"),
            ("99999999999999999999999", "port number too large: 99999999999999999999999"),
            ("http", "port number invalid: http"),
            ("+80", "port number invalid: +80"),
            ("", "port number invalid: "),
            ("9-", "port number invalid: "),
            ("-9", "port number invalid: -9"),
            ("www-data", "port number invalid: www-data"),
            ("1-2-3", "port number invalid: 2-3"),
        ] {
            assert_eq!(range(text), Err(message.into()), "{text}");
        }
    }
}
