//! Who sends numbered datagrams at a rate.

use alloc::vec::Vec;

use super::flow::Limit;
use super::header::{Amount, CLIENT, DATAGRAM, Stamp, Test};
use super::pace::Pace;
use crate::clock::wall;

/// The state of a sender.
#[derive(Debug)]
pub struct Sender {
    datagram: Vec<u8>,
    limit: Limit,
    pace: Option<Pace>,
    /// The number of the last datagram.
    sequence: u64,
    /// Octets sent.
    pub bytes: u64,
    /// Octets sent when the last report was made.
    pub reported: u64,
}

/// What is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing for so long, microseconds.
    Wait(u64),
    /// A datagram of so many octets is in [`Sender::datagram`].
    Send(usize),
    /// Everything was sent; the last datagram remains.
    Over,
}

impl Sender {
    /// A sender that begins now, with the header of `test` in each datagram.
    #[must_use]
    pub fn new(test: &Test, length: usize, amount: Amount, now: u64) -> Self {
        let mut datagram: Vec<u8> = b"0123456789".iter().copied().cycle().take(length).collect();
        if let Some(place) = datagram.get_mut(DATAGRAM..DATAGRAM + CLIENT) {
            place.copy_from_slice(&test.encode(true));
        }
        let limit = Limit::new(amount, now);
        let pace = Pace::new(test.rate, now);
        Self { datagram, limit, pace, sequence: 0, bytes: 0, reported: 0 }
    }

    /// The octets of what [`Sender::next`] or [`Sender::last`] prepared.
    #[must_use]
    pub fn datagram(&self, length: usize) -> &[u8] {
        self.datagram.get(..length).unwrap_or(&self.datagram)
    }

    /// How many datagrams were sent.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.sequence
    }

    /// Stops as if the time were over.
    pub fn stop(&mut self, now: u64) {
        self.limit = Limit::At(now);
    }

    /// Prepares the next datagram, when it is due.
    pub fn next(&mut self, now: u64) -> Next {
        let allowed = self.limit.allows(self.datagram.len(), now);
        if allowed == 0 {
            return Next::Over;
        }
        if let Some(wait) = self.pace.map(|pace| pace.wait(now)).filter(|wait| *wait != 0) {
            return match self.limit {
                Limit::At(end) => Next::Wait(wait.min(end.saturating_sub(now))),
                Limit::Bytes(_) => Next::Wait(wait),
            };
        }
        // What the receiver needs has to fit in the last one, too.
        let length = allowed.max((DATAGRAM + CLIENT).min(self.datagram.len()));
        let stamp = Stamp { sequence: self.sequence + 1, last: false, time: wall() };
        stamp.write(&mut self.datagram);
        Next::Send(length)
    }

    /// The prepared datagram was sent, or lost on the way out, which is the same to the receiver.
    pub fn sent(&mut self, length: usize, now: u64) {
        self.sequence += 1;
        self.bytes += length as u64;
        if let Limit::Bytes(left) = &mut self.limit {
            *left = left.saturating_sub(length as u64);
        }
        if let Some(pace) = &mut self.pace {
            pace.sent(length, now);
        }
    }

    /// Prepares the last datagram, which may be sent several times; it counts as one.
    pub fn last(&mut self) -> usize {
        Stamp { sequence: self.sequence + 1, last: true, time: wall() }.write(&mut self.datagram);
        self.datagram.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, Next, Sender, Stamp};
    use crate::iperf::header::{Opening, Test};

    #[test]
    fn an_amount() {
        let amount = Amount::Bytes(3000);
        let test = Test {
            reverse: false,
            streams: 1,
            port: 5001,
            length: 0,
            window: 0,
            amount,
            rate: 8_000_000,
        };
        let mut sender = Sender::new(&test, 1450, amount, 1000);
        let mut now = 1000;
        let mut lengths = alloc::vec::Vec::new();
        loop {
            match sender.next(now) {
                Next::Wait(wait) => now += wait,
                Next::Send(length) => {
                    let datagram = sender.datagram(length);
                    let stamp = Stamp::parse(datagram).unwrap();
                    assert_eq!((stamp.sequence, stamp.last), (lengths.len() as u64 + 1, false));
                    assert!(matches!(Opening::parse(&datagram[16..], true), Opening::Test { .. }));
                    lengths.push(length);
                    sender.sent(length, now);
                }
                Next::Over => break,
            }
        }
        assert_eq!(lengths, [1450, 1450, 100]);
        assert_eq!((sender.bytes, sender.count()), (3000, 3));
        // 2900 octets at a megabyte a second were waited for.
        assert_eq!(now, 1000 + 2900);
        let length = sender.last();
        let stamp = Stamp::parse(sender.datagram(length)).unwrap();
        assert_eq!((stamp.sequence, stamp.last), (4, true));
        sender.stop(now);
        assert_eq!(sender.next(now), Next::Over);
    }
}
