//! Dates by a format, as `date +FORMAT` prints them (POSIX.1-2024, `strftime`, C locale, UTC).

use alloc::string::String;
use core::fmt::Write;

use crate::calendar::Moment;

const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn name(names: &'static [&'static str], index: u32) -> &'static str {
    names.get(index as usize).copied().unwrap_or("?")
}

/// The first three letters.
fn short(name: &str) -> &str {
    name.get(..3).unwrap_or(name)
}

/// The moment as the format wants it. Unknown conversions stand for themselves.
#[must_use]
pub fn strftime(template: &str, moment: &Moment) -> String {
    let mut output = String::new();
    let mut rest = template.chars();
    while let Some(character) = rest.next() {
        if character != '%' {
            output.push(character);
            continue;
        }
        // GNU: `-` no padding, `_` spaces, `0` zeros.
        let mut padding = None;
        let mut after = rest.clone();
        if let Some(flag @ ('-' | '_' | '0')) = after.next() {
            padding = Some(flag);
            rest = after;
        }
        let Some(conversion) = rest.next() else {
            output.push('%');
            break;
        };
        convert(conversion, padding, moment, &mut output);
    }
    output
}

fn number(output: &mut String, value: i64, width: usize, default: char, padding: Option<char>) {
    // Writing to a string does not fail.
    let _ = match padding.unwrap_or(default) {
        '-' => write!(output, "{value}"),
        '_' => write!(output, "{value:width$}"),
        _ => write!(output, "{value:0width$}"),
    };
}

fn convert(conversion: char, padding: Option<char>, moment: &Moment, output: &mut String) {
    let weekday = name(&WEEKDAYS, moment.weekday);
    let month = name(&MONTHS, moment.month.wrapping_sub(1));
    let hour12 = match moment.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let since_sunday = i64::from(moment.day_of_year) + 6 - i64::from(moment.weekday);
    let since_monday = i64::from(moment.day_of_year) + 6 - i64::from((moment.weekday + 6) % 7);
    let mut digits = |value: i64, width: usize, default: char| {
        number(output, value, width, default, padding);
    };
    match conversion {
        'C' => digits(moment.year.div_euclid(100), 2, '0'),
        'd' => digits(moment.day.into(), 2, '0'),
        'e' => digits(moment.day.into(), 2, '_'),
        'G' => digits(moment.iso_week().0, 4, '0'),
        'g' => digits(moment.iso_week().0.rem_euclid(100), 2, '0'),
        'H' => digits(moment.hour.into(), 2, '0'),
        'I' => digits(hour12.into(), 2, '0'),
        'j' => digits(moment.day_of_year.into(), 3, '0'),
        'k' => digits(moment.hour.into(), 2, '_'),
        'l' => digits(hour12.into(), 2, '_'),
        'M' => digits(moment.minute.into(), 2, '0'),
        'm' => digits(moment.month.into(), 2, '0'),
        'N' => digits(moment.nanosecond.into(), 9, '0'),
        'q' => digits(moment.month.div_ceil(3).into(), 1, '0'),
        'S' => digits(moment.second.into(), 2, '0'),
        's' => digits(moment.seconds(), 1, '-'),
        'U' => digits(since_sunday / 7, 2, '0'),
        'u' => digits(((moment.weekday + 6) % 7 + 1).into(), 1, '0'),
        'V' => digits(moment.iso_week().1.into(), 2, '0'),
        'W' => digits(since_monday / 7, 2, '0'),
        'w' => digits(moment.weekday.into(), 1, '0'),
        'Y' => digits(moment.year, 1, '-'),
        'y' => digits(moment.year.rem_euclid(100), 2, '0'),
        'A' => output.push_str(weekday),
        'a' => output.push_str(short(weekday)),
        'B' => output.push_str(month),
        'b' | 'h' => output.push_str(short(month)),
        'c' => output.push_str(&strftime("%a %b %e %H:%M:%S %Y", moment)),
        'D' | 'x' => output.push_str(&strftime("%m/%d/%y", moment)),
        'F' => output.push_str(&strftime("%Y-%m-%d", moment)),
        'n' => output.push('\n'),
        'P' => output.push_str(if moment.hour < 12 { "am" } else { "pm" }),
        'p' => output.push_str(if moment.hour < 12 { "AM" } else { "PM" }),
        'R' => output.push_str(&strftime("%H:%M", moment)),
        'r' => output.push_str(&strftime("%I:%M:%S %p", moment)),
        'T' | 'X' => output.push_str(&strftime("%H:%M:%S", moment)),
        't' => output.push('\t'),
        'Z' => output.push_str("UTC"),
        'z' => output.push_str("+0000"),
        '%' => output.push('%'),
        other => output.extend(['%', other]),
    }
}

#[cfg(test)]
mod tests {
    use super::strftime;
    use crate::calendar::Moment;

    #[test]
    fn conversions() {
        let moment = Moment::from_seconds(951_782_399, 42);
        for (template, text) in [
            ("%Y-%m-%d %H:%M:%S.%N", "2000-02-28 23:59:59.000000042"),
            ("%a %A %b %B %e %k %l %p", "Mon Monday Feb February 28 23 11 PM"),
            ("%F %T %D %R %c", "2000-02-28 23:59:59 02/28/00 23:59 Mon Feb 28 23:59:59 2000"),
            ("%s %j %U %W %V %G %u %w", "951782399 059 09 09 09 2000 1 1"),
            ("%-m/%-d %_m %% %Q %Z", "2/28  2 % %Q UTC"),
            ("%", "%"),
        ] {
            assert_eq!(strftime(template, &moment), text, "{template}");
        }
    }
}
