//! How much may wait to be read: as much as the user reads in a round trip, and room for the
//! sender to double its rate (dynamic right-sizing).
//!
//! A receiver that sends nothing measures no round-trip time in the usual way. It looks at how old
//! the timestamps are that are echoed with data (RFC 7323, Section 4), or else at how long it
//! takes until a window full of data has come.

use super::micros::Micros;
use crate::time::Instant;
use crate::wire::tcp_sequence::SequenceNumber;

/// What is measured. Times are microseconds and wrap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RightSizing {
    /// The round-trip time; 0 if there is none yet.
    rtt: u32,
    /// The last echo seen, or the end of the window that is waited for.
    mark: u32,
    /// When the wait for the window began; 0 if it has not.
    marked: u32,
    /// Octets read since `read_from`.
    read: u32,
    read_from: u32,
    /// The most octets read in a round trip.
    space: u32,
}

const fn micros(now: Instant) -> u32 {
    (now.as_nanos() / 1000) as u32
}

impl RightSizing {
    pub(crate) const fn new() -> Self {
        Self { rtt: 0, mark: 0, marked: 0, read: 0, read_from: 0, space: 0 }
    }

    /// The round-trip time, if measured.
    #[inline]
    pub(crate) fn rtt(&self) -> Option<Micros> {
        (self.rtt > 0).then(|| Micros::new(self.rtt))
    }

    /// The most octets that were read in a round trip.
    pub(crate) const fn space(&self) -> u32 {
        self.space
    }

    /// Data came with an echo of the timestamp `echo`, sent `age` milliseconds ago. Only the first
    /// segment with it tells how long the way there and back is.
    #[inline]
    pub(crate) fn on_echo(&mut self, echo: u32, age: u32) {
        /// More is a mistake: nothing waits that long.
        const MOST: u32 = 60_000;
        if echo == self.mark || age > MOST {
            return;
        }
        self.mark = echo;
        let sample = age.max(1) * 1000;
        self.rtt = if self.rtt == 0 { sample } else { self.rtt - self.rtt / 8 + sample / 8 };
    }

    /// Data has come up to `nxt` without timestamps, and the window is `window`. As the sender may
    /// be slower than the window allows, the shortest time counts.
    pub(crate) fn on_data(&mut self, nxt: SequenceNumber, window: u32, now: Instant) {
        let now = micros(now);
        if self.marked != 0 {
            if nxt.is_before(SequenceNumber(self.mark)) {
                return;
            }
            let sample = now.wrapping_sub(self.marked).max(1);
            self.rtt = if self.rtt == 0 { sample } else { self.rtt.min(sample) };
        }
        (self.mark, self.marked) = ((nxt + window).0, now.max(1));
    }

    /// The user has read `octets`. After a round trip, given by `rtt`, tells how much should be
    /// able to wait if it is more than before.
    #[inline]
    pub(crate) fn on_read(&mut self, octets: u32, rtt: Micros, now: Instant) -> Option<u32> {
        let now = micros(now);
        self.read = self.read.saturating_add(octets);
        if now.wrapping_sub(self.read_from) < rtt.get() {
            return None;
        }
        let read = core::mem::take(&mut self.read);
        self.read_from = now;
        if read <= self.space {
            return None;
        }
        // The faster it grows, the more the next round trip brings.
        let growth = u64::from(read) * u64::from(read - self.space) / u64::from(self.space.max(1));
        self.space = read;
        let twice = 2 * u64::from(read);
        Some(u32::try_from(twice + growth.min(twice)).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Micros = Micros::from_millis(100);

    #[test]
    fn the_first_segment_with_an_echo_counts() {
        let mut sizing = RightSizing::new();
        assert_eq!(sizing.rtt(), None);
        sizing.on_echo(7, 100);
        sizing.on_echo(7, 900);
        sizing.on_echo(8, 100_000);
        assert_eq!(sizing.rtt(), Some(RTT));
        sizing.on_echo(9, 180);
        assert_eq!(sizing.rtt(), Some(Micros::from_millis(110)));
    }

    #[test]
    fn without_timestamps_a_window_takes_a_round_trip() {
        let mut sizing = RightSizing::new();
        let first = SequenceNumber(u32::MAX - 10);
        sizing.on_data(first, 1000, Instant::from_millis(5000));
        sizing.on_data(first + 999, 1000, Instant::from_millis(5090));
        assert_eq!(sizing.rtt(), None);
        sizing.on_data(first + 1000, 1000, Instant::from_millis(5100));
        assert_eq!(sizing.rtt(), Some(RTT));
        sizing.on_data(first + 2000, 1000, Instant::from_millis(9100));
        assert_eq!(sizing.rtt(), Some(RTT));
    }

    /// Rows: TCP-AUTO
    #[test]
    fn what_is_read_in_a_round_trip_may_wait_twice() {
        let mut sizing = RightSizing::new();
        let at = |millis: u64| Instant::from_millis(1_000_000 + millis);
        assert_eq!(sizing.on_read(1, RTT, at(0)), Some(3));
        assert_eq!(sizing.on_read(50_000, RTT, at(60)), None);
        assert_eq!(sizing.on_read(50_000, RTT, at(100)), Some(400_000));
        // No more than before: nothing to do.
        assert_eq!(sizing.on_read(100_000, RTT, at(200)), None);
        // A little more: twice that, and a little.
        assert_eq!(sizing.on_read(110_000, RTT, at(300)), Some(231_000));
        assert_eq!(sizing.space(), 110_000);
        assert_eq!(sizing.on_read(u32::MAX, RTT, at(400)), Some(u32::MAX));
    }
}
