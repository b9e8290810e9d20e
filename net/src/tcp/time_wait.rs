//! TIME-WAIT (RFC 9293, Sections 3.6.1 and 3.10.7.4): what is left of a connection that this side
//! closed first, so that old segments die out before its ports are used again.
//!
//! RFC 1337: a reset does not end it. RFC 6191: a SYN with a later timestamp or number does. When
//! the table is full, the oldest entry goes.

use super::isn::{FourTuple, HashedTuple};
use super::segment::Segment;
use super::timers::TIME_WAIT;
use super::waiting_line::WaitingLine;
use super::zone::Zone;
use crate::hash::Chains;
use crate::interface::InterfaceIndex;
use crate::limits;
use crate::slots::Slots;
use crate::time::{Duration, Instant};
use crate::wire::tcp_sequence::SequenceNumber;

/// An entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeWait {
    pub(crate) tuple: FourTuple,
    pub(crate) zone: Zone,
    /// Timestamps are used.
    stamped: bool,
    pub(crate) snd_nxt: SequenceNumber,
    pub(crate) rcv_nxt: SequenceNumber,
    /// TS.Recent.
    recent: u32,
    /// When an answer was sent last, in milliseconds.
    answered: u32,
}

/// What to do about a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Nothing.
    Drop,
    /// Acknowledge it again.
    Acknowledge,
    /// It opens the connection again: the entry goes, the segment is for a listener, whose number
    /// must be behind this one.
    Reopen(SequenceNumber),
}

/// How soon after an answer there is another one.
const ANSWER_INTERVAL: u32 = 100;

impl TimeWait {
    /// What is left of a connection with these numbers and, if timestamps are used, TS.Recent.
    pub(crate) fn new(
        (tuple, zone): (FourTuple, Option<InterfaceIndex>),
        (snd_nxt, rcv_nxt): (SequenceNumber, SequenceNumber),
        recent: Option<u32>,
        now: Instant,
    ) -> Self {
        Self {
            tuple,
            zone: zone.into(),
            stamped: recent.is_some(),
            snd_nxt,
            rcv_nxt,
            recent: recent.unwrap_or(0),
            answered: (now.as_millis() as u32).wrapping_sub(ANSWER_INTERVAL),
        }
    }

    /// TS.Recent, if timestamps are used.
    pub(crate) fn recent(&self) -> Option<u32> {
        self.stamped.then_some(self.recent)
    }

    /// Whether an answer may be sent now: rarely, so that two ends never keep each other busy.
    pub(crate) const fn may_answer(&mut self, now: Instant) -> bool {
        let millis = now.as_millis() as u32;
        let may = millis.wrapping_sub(self.answered) >= ANSWER_INTERVAL;
        if may {
            self.answered = millis;
        }
        may
    }

    pub(crate) fn on_segment(&self, segment: &Segment) -> Verdict {
        if segment.rst {
            return Verdict::Drop;
        }
        let newer_time = match (self.recent(), segment.options.timestamps) {
            (Some(recent), Some(stamps)) => Some(stamps.value.wrapping_sub(recent) as i32),
            _ => None,
        };
        let later = segment.sequence.is_after(self.rcv_nxt);
        // RFC 6191, Section 2.
        let reopens = match newer_time {
            Some(0) | None => later,
            Some(difference) => difference > 0,
        };
        if segment.syn && segment.ack.is_none() && reopens {
            return Verdict::Reopen(self.snd_nxt);
        }
        let old_ack = segment.len() == 0 && segment.sequence == self.rcv_nxt;
        if old_ack { Verdict::Drop } else { Verdict::Acknowledge }
    }
}

/// All entries.
pub(crate) struct TimeWaitTable {
    entries: Slots<TimeWait, { limits::TCP_TIME_WAIT }>,
    chains: Chains<{ limits::TCP_TIME_WAIT }>,
    /// They all wait equally long.
    line: WaitingLine<{ limits::TCP_TIME_WAIT }>,
}

impl TimeWaitTable {
    pub(crate) const fn new() -> Self {
        Self { entries: Slots::new(), chains: Chains::new(), line: WaitingLine::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an entry whose tuple has this hash. True when the oldest had to go for it.
    pub(crate) fn insert(&mut self, hash: u64, entry: TimeWait, now: Instant) -> bool {
        let evicted = self.entries.is_full();
        if evicted && let Some((_, oldest)) = self.line.first() {
            self.remove(oldest);
        }
        if let Ok(slot) = self.entries.insert(entry) {
            self.chains.insert(hash, slot);
            self.line.join(slot, now + TIME_WAIT);
        }
        evicted
    }

    /// Begins the time anew.
    pub(crate) fn restart(&mut self, slot: usize, now: Instant) {
        self.line.join(slot, now + TIME_WAIT);
    }

    /// How long ago the time of an entry began.
    pub(crate) fn age(&self, slot: usize, now: Instant) -> Duration {
        let end = self.line.get(slot).unwrap_or(Instant::FAR_FUTURE);
        TIME_WAIT.saturating_sub(end.saturating_since(now))
    }

    pub(crate) fn find(&self, wanted: &HashedTuple, from: InterfaceIndex) -> Option<usize> {
        // Each entry stands in the line.
        self.line.first()?;
        self.chains.iter(wanted.hash).find(|&slot| {
            self.get(slot)
                .is_some_and(|entry| entry.tuple == wanted.tuple && entry.zone.admits(from))
        })
    }

    pub(crate) fn get(&self, slot: usize) -> Option<&TimeWait> {
        self.entries.get(slot)
    }

    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut TimeWait> {
        self.entries.get_mut(slot)
    }

    pub(crate) fn remove(&mut self, slot: usize) -> Option<TimeWait> {
        let entry = self.entries.remove(slot)?;
        self.chains.remove(slot);
        self.line.leave(slot);
        Some(entry)
    }

    /// The entries, each with when it ends.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TimeWait, Option<Instant>)> {
        self.entries.iter().map(move |(slot, entry)| (entry, self.line.get(slot)))
    }

    #[inline]
    pub(crate) fn next_deadline(&self) -> Instant {
        self.line.next()
    }

    /// Removes what has waited long enough.
    pub(crate) fn poll(&mut self, now: Instant) {
        while let Some((at, slot)) = self.line.first()
            && at <= now
        {
            self.remove(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::HashKey;
    use crate::wire::tcp::{TcpOptions, Timestamps};
    use core::net::Ipv6Addr;

    fn entry(port: u16) -> TimeWait {
        let local = (Ipv6Addr::LOCALHOST, port);
        let tuple = FourTuple { local, remote: (Ipv6Addr::LOCALHOST, 1) };
        let numbers = (SequenceNumber(100), SequenceNumber(200));
        TimeWait::new((tuple, None), numbers, Some(50), Instant::ZERO)
    }

    fn hashed(port: u16) -> HashedTuple {
        HashedTuple::new(&HashKey::new([1; 16]), entry(port).tuple)
    }

    fn segment(sequence: u32, syn: bool, time: Option<u32>) -> Segment {
        let timestamps = time.map(|value| Timestamps { value, echo_reply: 0 });
        Segment {
            sequence: SequenceNumber(sequence),
            ack: None,
            syn,
            fin: false,
            rst: false,
            ece: false,
            cwr: false,
            marked: false,
            window: 0,
            urgent: None,
            data_len: 0,
            options: TcpOptions { timestamps, ..TcpOptions::NONE },
        }
    }

    #[test]
    fn verdicts() {
        let reopen = Verdict::Reopen(SequenceNumber(100));
        let entry = entry(1);
        for (segment, expected) in [
            (segment(201, true, None), reopen),
            (segment(200, true, None), Verdict::Acknowledge),
            (segment(5, true, Some(51)), reopen),
            (segment(500, true, Some(49)), Verdict::Acknowledge),
            (segment(201, true, Some(50)), reopen),
            (segment(200, false, None), Verdict::Drop),
            (segment(199, false, None), Verdict::Acknowledge),
            (Segment { rst: true, ..segment(200, false, None) }, Verdict::Drop),
            (Segment { fin: true, ..segment(199, false, None) }, Verdict::Acknowledge),
        ] {
            assert_eq!(entry.on_segment(&segment), expected, "{segment:?}");
        }
    }

    #[test]
    fn the_oldest_goes_when_the_table_is_full() {
        let mut table = TimeWaitTable::new();
        let lo = InterfaceIndex::LOOPBACK;
        for number in 0..=limits::TCP_TIME_WAIT as u16 {
            let now = Instant::from_millis(number.into());
            let evicted = table.insert(hashed(number).hash, entry(number), now);
            assert_eq!(evicted, usize::from(number) == limits::TCP_TIME_WAIT);
        }
        assert_eq!(table.len(), limits::TCP_TIME_WAIT);
        assert!(table.find(&hashed(0), lo).is_none());
        assert!(table.find(&hashed(1), lo).is_some());
        table.poll(Instant::from_millis(1) + TIME_WAIT);
        assert!(table.find(&hashed(1), lo).is_none());
        assert_eq!(table.len(), limits::TCP_TIME_WAIT - 1);
        table.poll(Instant::from_secs(1000));
        assert_eq!((table.len(), table.next_deadline()), (0, Instant::FAR_FUTURE));
    }
}
