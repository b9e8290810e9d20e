//! Quantities for people: sizes with a unit.

use alloc::format;
use alloc::string::String;

/// A size with at most three digits and a binary unit, rounded up, as `ls -h` shows it: `999`,
/// `1.0K`, `12M`.
#[must_use]
pub fn human(bytes: u64) -> String {
    scaled(bytes, 1024, &["", "K", "M", "G", "T", "P", "E"])
}

/// A size with a decimal unit, as `dd` shows what it has copied: `1.0 kB`.
#[must_use]
pub fn decimal(bytes: u64) -> String {
    rounded(bytes, 1000, &[" B", " kB", " MB", " GB", " TB", " PB", " EB"])
}

/// A size with a binary unit, rounded to the nearest, as `dd` shows it: `1.0 KiB`.
#[must_use]
pub fn binary(bytes: u64) -> String {
    rounded(bytes, 1024, &[" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"])
}

fn scaled(value: u64, base: u64, units: &[&str]) -> String {
    let mut divisor = 1u64;
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    while value / divisor >= base {
        let Some(next) = units.next() else { break };
        unit = next;
        divisor *= base;
    }
    if divisor == 1 {
        return format!("{value}{unit}");
    }
    let tenths = (u128::from(value) * 10).div_ceil(u128::from(divisor));
    if tenths < 100 {
        return format!("{}.{}{unit}", tenths / 10, tenths % 10);
    }
    let whole = u128::from(value).div_ceil(u128::from(divisor));
    match units.next() {
        // Rounding up made it a full one of the next unit.
        Some(next) if whole == u128::from(base) => format!("1.0{next}"),
        _ => format!("{whole}{unit}"),
    }
}

fn rounded(value: u64, base: u64, units: &[&str]) -> String {
    let mut divisor = 1u64;
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    while value / divisor >= base {
        let Some(next) = units.next() else { break };
        unit = next;
        divisor *= base;
    }
    if divisor == 1 {
        return format!("{value}{unit}");
    }
    let tenths = (u128::from(value) * 10 + u128::from(divisor / 2)) / u128::from(divisor);
    if tenths < 100 {
        format!("{}.{}{unit}", tenths / 10, tenths % 10)
    } else {
        format!("{}{unit}", (tenths + 5) / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::{decimal, human};

    #[test]
    fn binary_units_round_up() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (1025, "1.1K"),
            (10 * 1024 + 1, "11K"),
            (1024 * 1024 - 1, "1.0M"),
            (5 << 30, "5.0G"),
            (u64::MAX, "16E"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }

    #[test]
    fn decimal_units_round_to_nearest() {
        for (bytes, text) in [(5, "5 B"), (1000, "1.0 kB"), (1449, "1.4 kB"), (12_600, "13 kB")] {
            assert_eq!(decimal(bytes), text);
        }
    }
}
