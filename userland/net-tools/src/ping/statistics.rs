//! What `ping6` counts and measures, and the lines it ends with.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::fmt::Write;

/// How many sequence numbers there are.
const SEQUENCES: usize = 1 << 16;

/// Counters and round-trip times. All times are microseconds.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// Requests sent.
    pub transmitted: u64,
    /// Replies, without duplicates.
    pub received: u64,
    /// Replies that had come before.
    pub duplicates: u64,
    /// Errors reported.
    pub errors: u64,
    /// The longest time.
    pub longest: u64,
    shortest: u64,
    sum: u64,
    sum_of_squares: u128,
    /// Eight times the moving average.
    smoothed: u64,
    /// How many times were measured.
    measured: u64,
    /// The last sequence number that was answered, and the most requests in flight.
    acknowledged: u16,
    pipe: u16,
    /// A bit for each sequence number that has been answered.
    seen: Box<[u8]>,
}

impl Default for Statistics {
    fn default() -> Self {
        Self {
            transmitted: 0,
            received: 0,
            duplicates: 0,
            errors: 0,
            longest: 0,
            shortest: u64::MAX,
            sum: 0,
            sum_of_squares: 0,
            smoothed: 0,
            measured: 0,
            acknowledged: 0,
            pipe: 0,
            seen: vec![0; SEQUENCES / 8].into_boxed_slice(),
        }
    }
}

impl Statistics {
    fn bit(sequence: u16) -> (usize, u8) {
        (usize::from(sequence / 8), 1 << (sequence % 8))
    }

    /// Whether `sequence` has been answered.
    #[must_use]
    pub fn is_answered(&self, sequence: u16) -> bool {
        let (place, bit) = Self::bit(sequence);
        self.seen.get(place).is_some_and(|byte| byte & bit != 0)
    }

    /// The sequence number of the next request; from now on it counts as unanswered.
    pub fn next_sequence(&mut self) -> u16 {
        let sequence = (self.transmitted as u16).wrapping_add(1);
        let (place, bit) = Self::bit(sequence);
        if let Some(byte) = self.seen.get_mut(place) {
            *byte &= !bit;
        }
        sequence
    }

    /// A request has been sent, or could not be.
    pub fn sent(&mut self) {
        self.transmitted += 1;
    }

    /// How many requests are not answered and not given up by a later answer.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        let distance = (self.transmitted as u16).wrapping_sub(self.acknowledged);
        if distance <= 0x7fff {
            return distance.into();
        }
        self.transmitted.saturating_sub(self.received + self.errors)
    }

    /// Something came back for `sequence`, be it an error.
    pub fn acknowledge(&mut self, sequence: u16) {
        let behind = (self.transmitted as u16).wrapping_sub(sequence);
        if behind > 0x7fff {
            return;
        }
        self.pipe = self.pipe.max(behind + 1);
        let newer = sequence.wrapping_sub(self.acknowledged);
        let lagging = (self.transmitted as u16).wrapping_sub(self.acknowledged) > 0x7fff;
        if (newer != 0 && newer <= 0x7fff) || lagging {
            self.acknowledged = sequence;
        }
    }

    /// A reply came, after `time` if that is known; returns whether it is a duplicate.
    pub fn reply(&mut self, sequence: u16, time: Option<u64>) -> bool {
        self.acknowledge(sequence);
        if let Some(time) = time {
            self.measured += 1;
            self.sum = self.sum.saturating_add(time);
            self.sum_of_squares += u128::from(time) * u128::from(time);
            self.shortest = self.shortest.min(time);
            self.longest = self.longest.max(time);
            self.smoothed = match self.smoothed {
                0 => time.saturating_mul(8),
                smoothed => (smoothed - smoothed / 8).saturating_add(time),
            };
        }
        if self.is_answered(sequence) {
            self.duplicates += 1;
            return true;
        }
        let (place, bit) = Self::bit(sequence);
        if let Some(byte) = self.seen.get_mut(place) {
            *byte |= bit;
        }
        self.received += 1;
        false
    }

    /// The moving average of the times.
    #[must_use]
    pub fn moving_average(&self) -> u64 {
        self.smoothed / 8
    }

    /// The mean, and the root of the mean squared deviation from it.
    fn average_and_deviation(&self) -> (u64, u64) {
        let count = u128::from(self.measured.max(1));
        let sum = u128::from(self.sum);
        let variance = self.sum_of_squares.saturating_sub(sum * sum / count) / count;
        (self.sum / self.measured.max(1), variance.isqrt() as u64)
    }

    /// The block at the end, under `title`, which counts `unit`s. `elapsed` is the time from the first
    /// request to the last; `paced` tells that requests were sent as fast as answers came.
    #[must_use]
    // Writing to a string does not fail.
    pub fn summary(&self, title: &str, unit: &str, elapsed: u64, paced: bool) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "--- {title} statistics ---");
        let _ =
            write!(text, "{} {unit}s transmitted, {} received", self.transmitted, self.received);
        if self.duplicates != 0 {
            let _ = write!(text, ", +{} duplicates", self.duplicates);
        }
        if self.errors != 0 {
            let _ = write!(text, ", +{} errors", self.errors);
        }
        if self.transmitted != 0 {
            let lost = self.transmitted.saturating_sub(self.received);
            let loss = percentage(lost, self.transmitted);
            let _ = write!(text, ", {loss}% {unit} loss, time {}ms", (elapsed + 500) / 1000);
        }
        text.push('\n');
        let mut parts = alloc::vec::Vec::new();
        if self.received != 0 && self.measured != 0 {
            let (average, deviation) = self.average_and_deviation();
            let times = [self.shortest, average, self.longest, deviation].map(milliseconds);
            parts.push(format!("rtt min/avg/max/mdev = {} ms", times.join("/")));
        }
        if self.pipe > 1 {
            parts.push(format!("pipe {}", self.pipe));
        }
        if self.received != 0 && paced && self.transmitted > 1 {
            let gap = milliseconds(elapsed / (self.transmitted - 1));
            parts.push(format!("ipg/ewma {gap}/{} ms", milliseconds(self.moving_average())));
        }
        let _ = writeln!(text, "{}", parts.join(", "));
        text
    }

    /// The line that SIGQUIT asks for.
    #[must_use]
    pub fn snapshot(&self) -> String {
        let lost = self.transmitted.saturating_sub(self.received);
        let loss = lost * 100 / self.transmitted.max(1);
        let mut text = format!("\r{}/{} packets, {loss}% loss", self.received, self.transmitted);
        if self.measured != 0 {
            let (average, _) = self.average_and_deviation();
            let times = [self.shortest, average, self.moving_average(), self.longest];
            let times = times.map(milliseconds).join("/");
            let _ = write!(text, ", min/avg/ewma/max = {times} ms");
        }
        text
    }
}

/// Microseconds as milliseconds with three decimals.
fn milliseconds(time: u64) -> String {
    format!("{}.{:03}", time / 1000, time % 1000)
}

/// `100 * part / whole` with six significant digits and no zeros at the end, as C's `%g` prints it.
#[must_use]
pub fn percentage(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0".into();
    }
    let (part, whole) = (u128::from(part) * 100, u128::from(whole));
    // Find the power of ten of the first digit: part / whole >= 10^exponent.
    let mut exponent = 2_i32;
    let scaled = |decimals: u32| (part * 10_u128.pow(decimals) + whole / 2) / whole;
    while exponent > -12 && {
        let (up, down) = (exponent.max(0) as u32, (-exponent).max(0) as u32);
        part * 10_u128.pow(down) < whole * 10_u128.pow(up)
    } {
        exponent -= 1;
    }
    let mut decimals = (5 - exponent) as u32;
    if scaled(decimals) >= 1_000_000 && decimals > 0 {
        // Rounding made one digit more.
        exponent += 1;
        decimals -= 1;
    }
    let digits = format!("{:06}", scaled(decimals));
    let trim = |text: &str| String::from(text.trim_end_matches('0').trim_end_matches('.'));
    if exponent < -4 {
        let (first, rest) = digits.split_at(1);
        return format!("{}e-{:02}", trim(&format!("{first}.{rest}")), -exponent);
    }
    let digits = format!("{digits:0>width$}", width = decimals as usize + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals as usize);
    trim(&format!("{whole}.{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::{Statistics, percentage};

    #[test]
    fn percentages() {
        for (part, whole, expected) in [
            (0, 4, "0"),
            (4, 4, "100"),
            (1, 3, "33.3333"),
            (2, 3, "66.6667"),
            (1, 4, "25"),
            (1, 8, "12.5"),
            (1, 30, "3.33333"),
            (1, 300, "0.333333"),
            (1, 3_000_000, "3.33333e-05"),
            (1, 1000, "0.1"),
            (999_999_999, 1_000_000_000, "100"),
            (99_999_949, 100_000_000, "99.9999"),
            (1, 1_000_000, "0.0001"),
            (1, 0, "0"),
        ] {
            assert_eq!(percentage(part, whole), expected, "{part}/{whole}");
        }
    }

    fn exchange(statistics: &mut Statistics, times: &[u64]) {
        for time in times {
            let sequence = statistics.next_sequence();
            statistics.sent();
            assert!(!statistics.reply(sequence, Some(*time)));
        }
    }

    #[test]
    fn the_last_lines() {
        let mut statistics = Statistics::default();
        exchange(&mut statistics, &[30, 47]);
        assert_eq!(
            statistics.summary("::1 ping", "packet", 201_499, false),
            "--- ::1 ping statistics ---\n\
             2 packets transmitted, 2 received, 0% packet loss, time 201ms\n\
             rtt min/avg/max/mdev = 0.030/0.038/0.047/0.008 ms\n"
        );
        assert_eq!(
            statistics.summary("::1 ping", "packet", 50, true).lines().last(),
            Some("rtt min/avg/max/mdev = 0.030/0.038/0.047/0.008 ms, ipg/ewma 0.050/0.032 ms")
        );
        assert_eq!(
            statistics.snapshot(),
            "\r2/2 packets, 0% loss, min/avg/ewma/max = 0.030/0.038/0.032/0.047 ms"
        );
    }

    #[test]
    fn nothing_came() {
        let mut statistics = Statistics::default();
        statistics.next_sequence();
        statistics.sent();
        statistics.errors += 1;
        assert_eq!(
            statistics.summary("2001:db8::1 ping", "packet", 0, false),
            "--- 2001:db8::1 ping statistics ---\n\
             1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n\n"
        );
        assert_eq!(statistics.in_flight(), 1);
    }

    #[test]
    fn duplicates_and_flight() {
        let mut statistics = Statistics::default();
        for expected in 1..=3 {
            assert_eq!(statistics.next_sequence(), expected);
            statistics.sent();
        }
        assert_eq!(statistics.in_flight(), 3);
        assert!(!statistics.reply(1, None));
        assert!(statistics.reply(1, None));
        assert_eq!(statistics.in_flight(), 2);
        assert!(!statistics.reply(3, None));
        assert_eq!(statistics.in_flight(), 0);
        assert_eq!((statistics.received, statistics.duplicates), (2, 1));
        let summary = statistics.summary("::1 ping", "packet", 0, false);
        assert!(
            summary
                .contains("3 packets transmitted, 2 received, +1 duplicates, 33.3333% packet loss")
        );
        assert!(summary.ends_with("\npipe 3\n"), "{summary}");
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut statistics = Statistics::default();
        exchange(&mut statistics, &alloc::vec![5; 65_600]);
        assert_eq!(statistics.received, 65_600);
        assert_eq!(statistics.duplicates, 0);
        assert_eq!(statistics.in_flight(), 0);
        assert_eq!(statistics.next_sequence(), 65);
    }
}
