//! The Gregorian calendar in UTC: seconds since 1970 to date and back (POSIX.1-2024, 4.19).

/// A moment as people write it, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The year.
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 59.
    pub second: u32,
    /// 0 to 999,999,999.
    pub nanosecond: u32,
    /// 0 for Sunday to 6.
    pub weekday: u32,
    /// 1 to 366.
    pub day_of_year: u32,
}

const SECONDS_A_DAY: i64 = 86400;
/// In 400 years the calendar repeats.
const DAYS_AN_ERA: i64 = 146_097;

/// Whether February has 29 days.
#[must_use]
pub const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The days of a month (1 to 12); 0 for any other.
#[must_use]
pub const fn days_in(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    }
}

/// Days from 1970-01-01 to a date.
#[must_use]
pub const fn days_from(year: i64, month: u32, day: u32) -> i64 {
    // Years that begin in March have the leap day at their end.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = (month as i64 + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day as i64 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_AN_ERA + day_of_era - 719_468
}

impl Moment {
    /// The date and time `seconds` after 1970-01-01 00:00:00.
    #[must_use]
    pub fn from_seconds(seconds: i64, nanosecond: u32) -> Self {
        let days = seconds.div_euclid(SECONDS_A_DAY);
        let of_day = seconds.rem_euclid(SECONDS_A_DAY);
        let shifted = days + 719_468;
        let era = shifted.div_euclid(DAYS_AN_ERA);
        let day_of_era = shifted.rem_euclid(DAYS_AN_ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * month_index + 2) / 5 + 1) as u32;
        let month = (if month_index < 10 { month_index + 3 } else { month_index - 9 }) as u32;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year,
            month,
            day,
            hour: (of_day / 3600) as u32,
            minute: (of_day / 60 % 60) as u32,
            second: (of_day % 60) as u32,
            nanosecond,
            weekday: (days + 4).rem_euclid(7) as u32,
            day_of_year: (days - days_from(year, 1, 1) + 1) as u32,
        }
    }

    /// Seconds since 1970-01-01 00:00:00.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        days_from(self.year, self.month, self.day) * SECONDS_A_DAY
            + i64::from(self.hour) * 3600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
    }

    /// Week of the year by ISO 8601, with the year it belongs to.
    #[must_use]
    pub fn iso_week(&self) -> (i64, u32) {
        // The week belongs to the year of its Thursday.
        let monday_based = (self.weekday + 6) % 7;
        let thursday = i64::from(self.day_of_year) - i64::from(monday_based) + 3;
        let length = |year| if is_leap(year) { 366 } else { 365 };
        let (year, thursday) = if thursday < 1 {
            (self.year - 1, thursday + length(self.year - 1))
        } else if thursday > length(self.year) {
            (self.year + 1, thursday - length(self.year))
        } else {
            (self.year, thursday)
        };
        (year, ((thursday - 1) / 7 + 1) as u32)
    }
}

/// Reads a date for `date -s` and `date -d`: `@SECONDS`, or `YYYY-MM-DD` with an optional
/// ` HH:MM[:SS]` (a `T` may stand instead of the space, a `Z` at the end), or `HH:MM[:SS]` of
/// today. `now` is in seconds.
#[must_use]
pub fn parse(text: &str, now: i64) -> Option<i64> {
    let text = text.trim();
    if let Some(seconds) = text.strip_prefix('@') {
        return seconds.parse().ok();
    }
    match text {
        "now" | "today" => return Some(now),
        "yesterday" => return Some(now - SECONDS_A_DAY),
        "tomorrow" => return Some(now + SECONDS_A_DAY),
        _ => {}
    }
    let text = text.strip_suffix(['Z', 'z']).or(text.strip_suffix("UTC")).unwrap_or(text).trim();
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (Some(date), Some(time.trim())),
        None if text.contains('-') => (Some(text), None),
        None => (None, Some(text)),
    };
    let day = match date {
        Some(date) => {
            let mut parts = date.splitn(3, '-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            let (year, month, day) = (digits(year)?, digits(month)? as u32, digits(day)? as u32);
            (1..=days_in(year, month)).contains(&day).then(|| days_from(year, month, day))?
        }
        None => now.div_euclid(SECONDS_A_DAY),
    };
    let of_day = match time {
        Some(time) => {
            let mut parts = time.splitn(3, ':');
            let (hour, minute) = (digits(parts.next()?)?, digits(parts.next()?)?);
            let second = parts.next().map_or(Some(0), digits)?;
            (hour < 24 && minute < 60 && second < 61)
                .then_some(hour * 3600 + minute * 60 + second)?
        }
        None => 0,
    };
    Some(day * SECONDS_A_DAY + of_day)
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::{Moment, parse};

    #[test]
    fn there_and_back() {
        for seconds in
            [0, -1, 951_782_400, 1_700_000_000, 4_102_444_800, -62_135_596_800, 68_169_600]
        {
            assert_eq!(Moment::from_seconds(seconds, 0).seconds(), seconds);
        }
        for day in -200_000..200_000 {
            let moment = Moment::from_seconds(day * 86400, 0);
            assert_eq!(moment.seconds(), day * 86400);
        }
    }

    #[test]
    fn known_moments() {
        let moment = Moment::from_seconds(951_782_399, 5);
        assert_eq!((moment.year, moment.month, moment.day), (2000, 2, 28));
        assert_eq!((moment.hour, moment.minute, moment.second), (23, 59, 59));
        assert_eq!((moment.weekday, moment.day_of_year), (1, 59));
        // 2021-01-01 was a Friday in the last week of 2020.
        assert_eq!(Moment::from_seconds(1_609_459_200, 0).iso_week(), (2020, 53));
        assert_eq!(Moment::from_seconds(1_577_750_400, 0).iso_week(), (2020, 1));
    }

    #[test]
    fn dates_in_words() {
        for (text, seconds) in [
            ("@5", Some(5)),
            ("1970-01-02", Some(86400)),
            ("2000-02-29 12:00", Some(951_825_600)),
            ("2000-02-29T12:00:01Z", Some(951_825_601)),
            ("01:00", Some(86400 * 3 + 3600)),
            ("1999-02-29", None),
            ("1999-13-01", None),
            ("24:00", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(parse(text, 86400 * 3 + 5), seconds, "{text}");
        }
    }
}
