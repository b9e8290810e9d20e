//! `-e`: what else there is to tell of a TCP stream in each line. Of one that sends: its writes,
//! retransmissions, congestion window and round-trip time; of one that receives: how much its reads
//! brought.
#![allow(clippy::cast_precision_loss, reason = "few digits are printed")]

use alloc::format;
use alloc::string::{String, ToString};
use core::mem::{offset_of, size_of};

use linux_raw_sys::net::{IPPROTO_TCP, TCP_INFO, tcp_info};
use rustix::fd::AsFd;

use crate::netlink::field;
use crate::socket::option::get;

/// Reads are counted by eighths of the buffer that they fill.
const BINS: usize = 8;

/// The heading of lines about streams that send, or receive.
#[must_use]
pub const fn heading(sending: bool) -> &'static str {
    if sending {
        "[ ID] Interval            Transfer    Bandwidth       Write/Err  Rtry     \
         Cwnd/RTT(var)        NetPwr"
    } else {
        "[ ID] Interval            Transfer    Bandwidth       Reads=Dist"
    }
}

/// Calls of a stream, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Writes that took something.
    pub writes: u64,
    /// Writes that failed.
    pub errors: u64,
    /// Reads, by how much of the buffer they filled.
    pub reads: [u64; BINS],
    /// Segments sent again.
    pub retransmissions: u64,
}

impl Calls {
    /// A read filled so much of a buffer of `room` octets.
    pub fn read(&mut self, octets: usize, room: usize) {
        let bin = octets.saturating_sub(1) * BINS / room.max(1);
        if let Some(bin) = self.reads.get_mut(bin.min(BINS - 1)) {
            *bin += 1;
        }
    }

    /// What was counted since then.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut reads = self.reads;
        for (now, before) in reads.iter_mut().zip(before.reads) {
            *now -= before;
        }
        Self {
            writes: self.writes - before.writes,
            errors: self.errors - before.errors,
            reads,
            retransmissions: self.retransmissions.saturating_sub(before.retransmissions),
        }
    }

    /// Both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut reads = self.reads;
        for (sum, other) in reads.iter_mut().zip(other.reads) {
            *sum += other;
        }
        Self {
            writes: self.writes + other.writes,
            errors: self.errors + other.errors,
            reads,
            retransmissions: self.retransmissions + other.retransmissions,
        }
    }

    /// `1119=7:0:0:6:11:2:0:1093`.
    fn distribution(&self) -> String {
        let sum: u64 = self.reads.iter().sum();
        let bins: alloc::vec::Vec<String> = self.reads.iter().map(ToString::to_string).collect();
        format!("{sum}={}", bins.join(":"))
    }
}

/// What TCP says of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Segments sent again.
    pub retransmissions: u32,
    /// The congestion window, octets.
    pub window: u64,
    /// The round-trip time, microseconds.
    pub round_trip: u32,
    /// Its variation, microseconds.
    pub variation: u32,
}

impl Progress {
    /// Asks the kernel; `None` where it does not say.
    #[must_use]
    pub fn of(socket: impl AsFd) -> Option<Self> {
        let mut info = [0; size_of::<tcp_info>()];
        let length = get(socket, IPPROTO_TCP as u32, TCP_INFO, &mut info).ok()?;
        let info = info.get(..length)?;
        let word = |offset| field::u32_at(info, offset);
        let segment = word(offset_of!(tcp_info, tcpi_snd_mss))?;
        let window = word(offset_of!(tcp_info, tcpi_snd_cwnd))?;
        Some(Self {
            retransmissions: word(offset_of!(tcp_info, tcpi_total_retrans))?,
            window: u64::from(window) * u64::from(segment),
            round_trip: word(offset_of!(tcp_info, tcpi_rtt))?,
            variation: word(offset_of!(tcp_info, tcpi_rttvar))?,
        })
    }
}

/// What follows the bandwidth of a stream that sends: `octets` in `span` microseconds.
#[must_use]
pub fn sent(calls: &Calls, progress: &Progress, octets: u64, span: u64) -> String {
    let Progress { window, round_trip, variation, .. } = *progress;
    // Throughput over delay: millions of octets a second, squared.
    let power = octets as f64 * 1e6 / span.max(1) as f64 / f64::from(round_trip);
    let power = match power {
        power if !power.is_finite() => "NAN".into(),
        power if power < 100.0 => format!("{power:.2}"),
        power => format!("{power:.0}"),
    };
    format!(
        "  {}/{} {:>10} {:>8}K/{round_trip}({variation}) us  {power}",
        calls.writes,
        calls.errors,
        calls.retransmissions,
        window / 1024,
    )
}

/// The same of all streams together.
#[must_use]
pub fn sent_sum(calls: &Calls) -> String {
    format!("  {}/{}{:>10}", calls.writes, calls.errors, calls.retransmissions)
}

/// What follows the bandwidth of streams that receive.
#[must_use]
pub fn received(calls: &Calls) -> String {
    format!("  {}", calls.distribution())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As iperf 2.1.8 printed them.
    #[test]
    fn lines() {
        let calls = Calls { writes: 1167, retransmissions: 2, ..Calls::default() };
        let progress =
            Progress { window: 4475 << 10, round_trip: 2167, variation: 2857, retransmissions: 2 };
        assert_eq!(
            sent(&calls, &progress, 152_961_024, 1_000_000),
            "  1167/0          2     4475K/2167(2857) us  70587"
        );
        let sum = Calls { writes: 1769, retransmissions: 23, ..Calls::default() };
        assert_eq!(sent_sum(&sum), "  1769/0        23");
        let calls = Calls { reads: [7, 0, 0, 6, 11, 2, 0, 1093], ..Calls::default() };
        assert_eq!(received(&calls), "  1119=7:0:0:6:11:2:0:1093");
        let unknown = Progress::default();
        assert!(sent(&calls, &unknown, 1, 1).ends_with(" NAN"));
    }

    #[test]
    fn reads_are_sorted_by_size() {
        let mut calls = Calls::default();
        for octets in [1, 16, 17, 127, 128] {
            calls.read(octets, 128);
        }
        assert_eq!(calls.reads, [2, 1, 0, 0, 0, 0, 0, 2]);
        let before = calls;
        calls.read(128, 128);
        calls.writes += 3;
        let since = calls.since(&before);
        assert_eq!((since.reads[7], since.writes), (1, 3));
        assert_eq!(before.and(&since), calls);
    }
}
