//! Numbers for people.

use alloc::format;
use alloc::string::String;

/// A number of bytes with a unit of 1024, three significant places, as `free -h` prints it.
#[must_use]
pub fn bytes(count: u64) -> String {
    if count < 1024 {
        return format!("{count}B");
    }
    let mut unit = 0;
    let mut tenths = count.saturating_mul(10) / 1024;
    while tenths >= 10_240 && unit < 4 {
        tenths /= 1024;
        unit += 1;
    }
    let letter = ["Ki", "Mi", "Gi", "Ti", "Pi"][unit];
    if tenths < 100 {
        format!("{}.{}{letter}", tenths / 10, tenths % 10)
    } else {
        format!("{}{letter}", tenths / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn units() {
        for (count, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.0Ki"),
            (10_240, "10Ki"),
            (960 << 20, "960Mi"),
            (3 << 29, "1.5Gi"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
