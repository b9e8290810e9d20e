//! What the receiver of numbered datagrams finds out: losses, order, jitter.

use super::header::{ServerReport, Stamp};

/// What was counted so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Losses {
    /// Octets that arrived.
    pub bytes: u64,
    /// The highest sequence number that arrived.
    highest: u64,
    /// Count of numbers below it that did not.
    missing: u64,
    /// Count of datagrams that came after a higher number.
    out_of_order: u64,
    /// How long the last datagram was under way, microseconds of two clocks that need not agree.
    transit: Option<i64>,
    /// 16 times the jitter, microseconds.
    jitter: u64,
    /// What the last interval report said.
    reported: Counted,
}

/// What an interval is the difference of.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    bytes: u64,
    highest: u64,
    missing: u64,
    out_of_order: u64,
}

/// A count in the width of the report.
fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Losses {
    /// A datagram came, of so many octets, at this time (microseconds since 1970).
    pub fn received(&mut self, stamp: &Stamp, octets: usize, time: u64) {
        self.bytes += octets as u64;
        if stamp.sequence > self.highest {
            self.missing += stamp.sequence - self.highest - 1;
            self.highest = stamp.sequence;
        } else {
            self.out_of_order += 1;
            self.missing = self.missing.saturating_sub(1);
        }
        // RFC 3550 section 6.4.1, in the integers of its appendix A.8.
        let transit = time.wrapping_sub(stamp.time) as i64;
        if let Some(last) = self.transit.replace(transit) {
            let difference = transit.wrapping_sub(last).unsigned_abs();
            self.jitter = (self.jitter - (self.jitter >> 4)).saturating_add(difference);
        }
    }

    /// All of it, for a span of microseconds.
    #[must_use]
    pub fn report(&self, duration: u64) -> ServerReport {
        self.since(Counted::default(), duration)
    }

    /// What came since the last call, for a span of microseconds.
    pub fn interval(&mut self, duration: u64) -> ServerReport {
        let report = self.since(self.reported, duration);
        let Self { bytes, highest, missing, out_of_order, .. } = *self;
        self.reported = Counted { bytes, highest, missing, out_of_order };
        report
    }

    fn since(&self, before: Counted, duration: u64) -> ServerReport {
        ServerReport {
            bytes: self.bytes - before.bytes,
            duration,
            // What was missing before may have come since.
            lost: narrow(self.missing.saturating_sub(before.missing)),
            out_of_order: narrow(self.out_of_order - before.out_of_order),
            datagrams: narrow(self.highest - before.highest),
            jitter: self.jitter >> 4,
        }
    }
}

/// Adds the counts of `other`; the jitter of many has no meaning.
pub fn add(sum: &mut ServerReport, other: &ServerReport) {
    sum.bytes = sum.bytes.saturating_add(other.bytes);
    sum.duration = sum.duration.max(other.duration);
    sum.lost = sum.lost.saturating_add(other.lost);
    sum.out_of_order = sum.out_of_order.saturating_add(other.out_of_order);
    sum.datagrams = sum.datagrams.saturating_add(other.datagrams);
}

#[cfg(test)]
mod tests {
    use super::{Losses, ServerReport, Stamp, add};

    fn stamp(sequence: u64, time: u64) -> Stamp {
        Stamp { sequence, last: false, time }
    }

    #[test]
    fn losses_and_order() {
        let mut losses = Losses::default();
        for sequence in [1, 2, 5, 4, 7] {
            losses.received(&stamp(sequence, 0), 100, 0);
        }
        let report = losses.interval(10);
        assert_eq!((report.lost, report.out_of_order, report.datagrams), (2, 1, 7));
        assert_eq!((report.bytes, report.duration), (500, 10));
        // One that was missing comes after all.
        losses.received(&stamp(3, 0), 100, 0);
        losses.received(&stamp(8, 0), 100, 0);
        let report = losses.interval(10);
        assert_eq!((report.lost, report.out_of_order, report.datagrams), (0, 1, 1));
        let report = losses.report(20);
        assert_eq!((report.lost, report.out_of_order, report.datagrams), (1, 2, 8));
        let mut sum = ServerReport::default();
        add(&mut sum, &report);
        add(&mut sum, &report);
        assert_eq!((sum.lost, sum.datagrams, sum.bytes, sum.duration), (2, 16, 1400, 20));
    }

    #[test]
    fn jitter() {
        let mut losses = Losses::default();
        // The sender's clock is ahead; every other datagram takes 160 microseconds more.
        for sequence in 1..1000 {
            let sent = sequence * 1000;
            let late = if sequence % 2 == 0 { 160 } else { 0 };
            losses.received(&stamp(sequence, sent + 5_000_000), 1, sent + late);
        }
        assert!((150..=160).contains(&losses.report(0).jitter), "{}", losses.report(0).jitter);
    }

    #[test]
    fn extremes() {
        let mut losses = Losses::default();
        for (sequence, time) in [(u64::MAX, u64::MAX), (0, 0), (1 << 63, 1 << 63), (1, u64::MAX)] {
            losses.received(&stamp(sequence, time), 1, 0);
        }
        assert_eq!(losses.report(0).datagrams, u32::MAX);
    }
}
