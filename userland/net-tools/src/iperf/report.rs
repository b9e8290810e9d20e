//! The lines of iperf 2.1.
#![allow(clippy::cast_precision_loss, reason = "three or four digits are printed")]

use alloc::format;
use alloc::string::String;
use core::net::SocketAddrV6;

use super::header::ServerReport;
use super::units::{Format, bytes, rate};
use crate::host;

/// What stands between parts.
const SEPARATOR: &str = "------------------------------------------------------------";

/// Prints and writes out a line.
pub fn print(line: &str) {
    rt::println!("{line}");
    rt::output::flush();
}

/// Prints what the program is about to do, framed.
pub fn preamble(lines: &[String]) {
    rt::println!("{SEPARATOR}");
    for line in lines {
        rt::println!("{line}");
    }
    print(SEPARATOR);
}

/// The size of a socket buffer, and what was asked for.
#[must_use]
pub fn buffer_size(name: &str, size: usize, wanted: Option<usize>) -> String {
    let remark = match wanted {
        None => "(default)".into(),
        Some(wanted) if wanted != size => {
            format!("(WARNING: requested {})", bytes(wanted as u64, Format::Bits))
        }
        Some(_) => String::new(),
    };
    let size = bytes(size as u64, Format::Bits);
    String::from(format!("{name}: {size} {remark}").trim_end())
}

/// Who a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A stream by its number.
    Stream(usize),
    /// A stream of a client that receives.
    Reversed(usize),
    /// All streams.
    Sum,
}

impl Subject {
    /// `[  1]`, `[ *1]`, `[SUM]`.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Stream(number) => format!("[{number:3}]"),
            Self::Reversed(number) => format!("[{:>3}]", format!("*{number}")),
            Self::Sum => "[SUM]".into(),
        }
    }
}

/// Who is connected with whom.
#[must_use]
pub fn connected(
    number: usize,
    local: &SocketAddrV6,
    peer: &SocketAddrV6,
    reverse: bool,
    path: Option<Path>,
) -> String {
    let subject = Subject::Stream(number).text();
    let reverse = if reverse { " (reverse)" } else { "" };
    let path = path.map_or_else(String::new, |path| {
        let Path { window, segment, round_trip } = path;
        format!(" (icwnd/mss/irtt={window}/{segment}/{round_trip})")
    });
    format!(
        "{subject} local {} port {} connected with {} port {}{reverse}{path}",
        host::with_zone(local),
        local.port(),
        host::with_zone(peer),
        peer.port(),
    )
}

/// What TCP knows of the path after the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The congestion window, units of 1024 octets.
    pub window: u32,
    /// The maximum segment size, octets.
    pub segment: u32,
    /// The round-trip time, microseconds.
    pub round_trip: u32,
}

/// The heading of lines without, or with jitter and losses.
#[must_use]
pub const fn heading(with_losses: bool) -> &'static str {
    if with_losses {
        "[ ID] Interval       Transfer     Bandwidth        Jitter   Lost/Total Datagrams"
    } else {
        "[ ID] Interval       Transfer     Bandwidth"
    }
}

/// An amount in a span; times are microseconds since the start.
#[must_use]
pub fn transfer(subject: Subject, from: u64, to: u64, amount: u64, format: Format) -> String {
    let seconds = |time: u64| time as f64 / 1e6;
    format!(
        "{} {:6.4}-{:6.4} sec  {}s  {}/sec",
        subject.text(),
        seconds(from),
        seconds(to),
        bytes(amount, format),
        rate(amount, to.saturating_sub(from), format)
    )
}

/// The same with jitter and losses; the report's duration and amount are those of the span.
#[must_use]
pub fn datagrams(
    subject: Subject,
    from: u64,
    to: u64,
    report: &ServerReport,
    format: Format,
) -> String {
    let line = transfer(subject, from, to, report.bytes, format);
    let jitter = report.jitter as f64 / 1e3;
    let (lost, total) = (report.lost, report.datagrams);
    format!("{line}  {jitter:6.3} ms {lost}/{total} ({}%)", percent(lost, total))
}

/// Losses of all streams.
#[must_use]
pub fn datagrams_sum(from: u64, to: u64, report: &ServerReport, format: Format) -> String {
    let line = transfer(Subject::Sum, from, to, report.bytes, format);
    let (lost, total) = (report.lost, report.datagrams);
    format!("{line}   {lost}/{total} ({}%)", percent(lost, total))
}

/// A part of a whole with two digits that count, as `%.2g` has it: `0`, `0.54`, `1.1`, `12`.
fn percent(part: u32, whole: u32) -> String {
    let value = f64::from(part) * 100.0 / f64::from(whole.max(1));
    if part == 0 {
        return "0".into();
    }
    let mut digits = 1;
    let mut scale = value;
    // Digits after the point: as many as leave two that count.
    while scale < 0.995 && digits < 8 {
        scale *= 10.0;
        digits += 1;
    }
    if value >= 9.95 {
        digits = 0;
    }
    let text = format!("{value:.digits$}");
    if digits == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').into() }
}

#[cfg(test)]
mod tests {
    use super::{ServerReport, Subject, buffer_size, datagrams, datagrams_sum, percent, transfer};
    use crate::iperf::units::Format;

    #[test]
    fn lines() {
        // As iperf 2.1.8 printed them.
        assert_eq!(
            transfer(Subject::Stream(1), 1_000_000, 2_000_000, 130_500, Format::Bits),
            "[  1] 1.0000-2.0000 sec   127 KBytes  1.04 Mbits/sec"
        );
        assert_eq!(
            transfer(Subject::Reversed(1), 0, 900, 1 << 20, Format::Bits),
            "[ *1] 0.0000-0.0009 sec  1.00 MBytes  9.32 Gbits/sec"
        );
        let report = ServerReport {
            bytes: 265_350,
            lost: 1,
            datagrams: 184,
            jitter: 35,
            ..Default::default()
        };
        assert_eq!(
            datagrams(Subject::Stream(2), 0, 1_999_500, &report, Format::Bits),
            "[  2] 0.0000-1.9995 sec   259 KBytes  1.06 Mbits/sec   0.035 ms 1/184 (0.54%)"
        );
        assert_eq!(
            datagrams_sum(0, 1_999_500, &report, Format::Bits),
            "[SUM] 0.0000-1.9995 sec   259 KBytes  1.06 Mbits/sec   1/184 (0.54%)"
        );
        assert_eq!(
            buffer_size("TCP window size", 131_072, Some(65536)),
            "TCP window size:  128 KByte (WARNING: requested 64.0 KByte)"
        );
        assert_eq!(buffer_size("UDP buffer size", 4096, Some(4096)), "UDP buffer size: 4.00 KByte");
    }

    #[test]
    fn percents() {
        for (part, whole, expected) in [
            (0, 0, "0"),
            (1, 93, "1.1"),
            (1, 185, "0.54"),
            (1, 368, "0.27"),
            (50, 100, "50"),
            (100, 100, "100"),
            (1, 100, "1"),
            (1, 100_000, "0.001"),
        ] {
            assert_eq!(percent(part, whole), expected, "{part}/{whole}");
        }
    }
}
