//! The Gregorian calendar in UTC: seconds since 1970 to a date and back, and strftime(3)'s formats.

use alloc::string::String;
use core::fmt::Write;

const SECONDS_PER_DAY: i64 = 86_400;
/// Days of 400 years, after which the calendar repeats.
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01, where an era begins, to 1970-01-01.
const EPOCH_IN_ERA: i64 = 719_468;

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

/// A moment, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    /// The year.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 is Sunday.
    pub weekday: u8,
    /// 1 is the first of January.
    pub day_of_year: u16,
}

/// Days since 1970-01-01 of a date. Years are counted from March, so that the day that is missing
/// in most years is the last one.
fn days_of(year: i64, month: u8, day: u8) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - EPOCH_IN_ERA
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl DateTime {
    /// The moment `seconds` after 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        let days = seconds.div_euclid(SECONDS_PER_DAY);
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let shifted = days + EPOCH_IN_ERA;
        let era = shifted.div_euclid(DAYS_PER_ERA);
        let day_of_era = shifted.rem_euclid(DAYS_PER_ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * from_march + 2) / 153;
        let day = (from_march - (153 * month_from_march + 2) / 5 + 1) as u8;
        let month = ((month_from_march + 2) % 12 + 1) as u8;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year,
            month,
            day,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
            weekday: (days + 4).rem_euclid(7) as u8,
            day_of_year: (days - days_of(year, 1, 1) + 1) as u16,
        }
    }

    /// Seconds since 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub fn to_unix(&self) -> i64 {
        let of_day =
            i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        days_of(self.year, self.month, self.day) * SECONDS_PER_DAY + of_day
    }

    /// Reads `@SECONDS`, `YYYY-MM-DD`, or that with ` HH:MM` or ` HH:MM:SS` (or `T` for the space);
    /// seconds since 1970. `None` when it is no such moment.
    #[must_use]
    pub fn parse(text: &str) -> Option<i64> {
        if let Some(seconds) = text.strip_prefix('@') {
            return seconds.parse().ok();
        }
        let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
        let mut date = date.splitn(3, '-');
        let year: i64 = date.next()?.parse().ok()?;
        let month: u8 = date.next()?.parse().ok()?;
        let day: u8 = date.next()?.parse().ok()?;
        let mut time = time.splitn(3, ':');
        let hour: u8 = time.next()?.parse().ok()?;
        let minute: u8 = time.next()?.parse().ok()?;
        let second: u8 = time.next().unwrap_or("0").parse().ok()?;
        let good = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        let moment = Self { year, month, day, hour, minute, second, weekday: 0, day_of_year: 0 };
        good.then(|| moment.to_unix())
    }

    /// The moment in a format of date(1); `nanoseconds` is what `%N` shows. An unknown conversion
    /// is left as it stands.
    #[must_use]
    pub fn format(&self, format: &str, nanoseconds: u32) -> String {
        let mut text = String::new();
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                text.push(character);
                continue;
            }
            let Some(conversion) = characters.next() else {
                text.push('%');
                break;
            };
            self.convert(&mut text, conversion, nanoseconds);
        }
        text
    }

    fn convert(&self, text: &mut String, conversion: char, nanoseconds: u32) {
        let weekday = WEEKDAYS.get(usize::from(self.weekday)).copied().unwrap_or_default();
        let month = usize::from(self.month).checked_sub(1).and_then(|index| MONTHS.get(index));
        let month = month.copied().unwrap_or_default();
        let hour_12 = if self.hour.is_multiple_of(12) { 12 } else { self.hour % 12 };
        // Writing to a String can't fail.
        let _ = match conversion {
            'a' => write!(text, "{weekday:.3}"),
            'A' => write!(text, "{weekday}"),
            'b' | 'h' => write!(text, "{month:.3}"),
            'B' => write!(text, "{month}"),
            'c' => write!(text, "{}", self.format("%a %b %e %H:%M:%S %Y", nanoseconds)),
            'd' => write!(text, "{:02}", self.day),
            'D' => write!(text, "{}", self.format("%m/%d/%y", nanoseconds)),
            'e' => write!(text, "{:2}", self.day),
            'F' => write!(text, "{}", self.format("%Y-%m-%d", nanoseconds)),
            'H' => write!(text, "{:02}", self.hour),
            'I' => write!(text, "{hour_12:02}"),
            'j' => write!(text, "{:03}", self.day_of_year),
            'm' => write!(text, "{:02}", self.month),
            'M' => write!(text, "{:02}", self.minute),
            'n' => writeln!(text),
            'N' => write!(text, "{nanoseconds:09}"),
            'p' => write!(text, "{}", if self.hour < 12 { "AM" } else { "PM" }),
            'R' => write!(text, "{}", self.format("%H:%M", nanoseconds)),
            's' => write!(text, "{}", self.to_unix()),
            'S' => write!(text, "{:02}", self.second),
            't' => write!(text, "\t"),
            'T' => write!(text, "{}", self.format("%H:%M:%S", nanoseconds)),
            'u' => write!(text, "{}", if self.weekday == 0 { 7 } else { self.weekday }),
            'w' => write!(text, "{}", self.weekday),
            'y' => write!(text, "{:02}", self.year.rem_euclid(100)),
            'Y' => write!(text, "{}", self.year),
            'z' => write!(text, "+0000"),
            'Z' => write!(text, "UTC"),
            '%' => write!(text, "%"),
            other => write!(text, "%{other}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let epoch = DateTime::from_unix(0);
        assert_eq!(epoch.format("%c", 0), "Thu Jan  1 00:00:00 1970");
        let leap = DateTime::from_unix(951_782_400);
        assert_eq!(leap.format("%F %T %a %j", 0), "2000-02-29 00:00:00 Tue 060");
        let moment = DateTime::from_unix(1_795_176_276);
        assert_eq!(moment.format("%a %b %e %H:%M:%S %Z %Y", 0), "Fri Nov 20 12:04:36 UTC 2026");
        assert_eq!(DateTime::from_unix(-1).format("%F %T", 0), "1969-12-31 23:59:59");
    }

    #[test]
    fn every_day_of_two_eras_comes_back() {
        for day in -DAYS_PER_ERA..DAYS_PER_ERA {
            let seconds = day * SECONDS_PER_DAY + 3723;
            assert_eq!(DateTime::from_unix(seconds).to_unix(), seconds);
        }
    }

    #[test]
    fn what_can_be_set() {
        assert_eq!(DateTime::parse("@17"), Some(17));
        assert_eq!(DateTime::parse("1970-01-02"), Some(86_400));
        assert_eq!(DateTime::parse("2026-11-20 12:04:36"), Some(1_795_176_276));
        assert_eq!(DateTime::parse("2026-11-20T12:04"), Some(1_795_176_240));
        for bad in ["", "2026", "2026-02-29", "2026-13-01", "2026-01-01 24:00", "tomorrow"] {
            assert_eq!(DateTime::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn conversions() {
        let noon = DateTime::from_unix(43_200);
        assert_eq!(noon.format("%I%p %u %w %y %% %q%", 0), "12PM 4 4 70 % %q%");
        assert_eq!(noon.format("%s.%N", 5), "43200.000000005");
    }
}
