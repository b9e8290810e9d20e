//! The time at the beginning of a line.

use alloc::format;
use alloc::string::String;

use super::pcap::Time;

/// How `-t` wants it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stamps {
    /// The time of day, UTC.
    #[default]
    Day,
    /// `-t`: none.
    None,
    /// `-tt`: seconds since 1970.
    Epoch,
    /// `-ttt`: since the packet before.
    Difference,
    /// `-tttt`: date and time of day.
    Date,
    /// `-ttttt`: since the first packet.
    SinceFirst,
}

impl Stamps {
    /// What so many `-t` mean.
    #[must_use]
    pub const fn from_count(count: u32) -> Self {
        match count {
            0 => Self::Day,
            1 => Self::None,
            2 => Self::Epoch,
            3 => Self::Difference,
            4 => Self::Date,
            _ => Self::SinceFirst,
        }
    }
}

/// Writes times; remembers those before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    stamps: Stamps,
    /// What [`Stamps::Difference`] and [`Stamps::SinceFirst`] are relative to.
    reference: Option<Time>,
}

/// `22:13:20`.
fn time_of_day(seconds: u32) -> String {
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

/// `2023-11-14`, by the rules of the Gregorian calendar.
fn date(seconds: u32) -> String {
    let mut days = seconds / 86400;
    let mut year = 1970;
    let leap = |year: u32| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

impl Clock {
    /// A clock for this run.
    #[must_use]
    pub const fn new(stamps: Stamps) -> Self {
        Self { stamps, reference: None }
    }

    /// What stands before the packet of this time, with the space after it.
    pub fn stamp(&mut self, time: Time) -> String {
        let Time { seconds, microseconds } = time;
        match self.stamps {
            Stamps::None => String::new(),
            Stamps::Day => format!("{}.{microseconds:06} ", time_of_day(seconds)),
            Stamps::Epoch => format!("{seconds}.{microseconds:06} "),
            Stamps::Date => {
                format!("{} {}.{microseconds:06} ", date(seconds), time_of_day(seconds))
            }
            Stamps::Difference | Stamps::SinceFirst => {
                let reference = *self.reference.get_or_insert(time);
                if self.stamps == Stamps::Difference {
                    self.reference = Some(time);
                }
                let micros =
                    |time: Time| i64::from(time.seconds) * 1_000_000 + i64::from(time.microseconds);
                let difference = micros(time) - micros(reference);
                let sign = if difference < 0 { '-' } else { ' ' };
                let size = difference.unsigned_abs();
                let day = time_of_day((size / 1_000_000) as u32);
                format!("{sign}{day}.{:06} ", size % 1_000_000)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Stamps, Time, date};

    #[test]
    fn stamps() {
        let time = Time { seconds: 1_700_000_000, microseconds: 1234 };
        for (count, text) in [
            (0, "22:13:20.001234 "),
            (1, ""),
            (2, "1700000000.001234 "),
            (3, " 00:00:00.000000 "),
            (4, "2023-11-14 22:13:20.001234 "),
        ] {
            assert_eq!(Clock::new(Stamps::from_count(count)).stamp(time), text, "{count}");
        }
        let mut clock = Clock::new(Stamps::Difference);
        let at = |seconds| Time { seconds, microseconds: 0 };
        clock.stamp(at(10));
        assert_eq!(clock.stamp(at(12)), " 00:00:02.000000 ");
        assert_eq!(clock.stamp(at(11)), "-00:00:01.000000 ");
        let mut clock = Clock::new(Stamps::SinceFirst);
        clock.stamp(at(10));
        clock.stamp(at(12));
        assert_eq!(clock.stamp(at(13)), " 00:00:03.000000 ");
    }

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_709_251_199, "2024-02-29"),
            (1_709_251_200, "2024-03-01"),
            (u32::MAX, "2106-02-07"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }
}
