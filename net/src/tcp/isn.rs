//! Numbers that nobody outside can foresee: initial sequence numbers (RFC 6528, Section 3) and
//! where the clock of timestamps begins (RFC 7323, Section 7.1).

use crate::hash::HashKey;
use crate::time::Instant;
use crate::wire::tcp_sequence::SequenceNumber;
use core::hash::Hash;
use core::net::Ipv6Addr;

/// What identifies a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct FourTuple {
    pub(crate) local: (Ipv6Addr, u16),
    pub(crate) remote: (Ipv6Addr, u16),
}

/// The secrets, one for each purpose.
pub(crate) struct Secrets {
    pub(crate) sequence: HashKey,
    pub(crate) timestamp: HashKey,
}

impl Secrets {
    pub(crate) const UNSET: Self = Self { sequence: HashKey::UNSET, timestamp: HashKey::UNSET };

    /// ISN = M + F(localip, localport, remoteip, remoteport, secretkey), where M is a clock of
    /// 4 µs.
    pub(crate) fn initial_sequence(&self, tuple: &FourTuple, now: Instant) -> SequenceNumber {
        let clock = now.as_nanos() / 4000;
        SequenceNumber((clock as u32).wrapping_add(self.sequence.hash(tuple) as u32))
    }

    /// The initial sequence number of a connection that follows one which had come to the number
    /// `before`: it must not repeat what may still be under way (RFC 6191, Section 2).
    pub(crate) fn number_after(
        &self,
        before: Option<SequenceNumber>,
        tuple: &FourTuple,
        now: Instant,
    ) -> SequenceNumber {
        let number = self.initial_sequence(tuple, now);
        match before.map(|before| before + u32::from(u16::MAX) + 2) {
            Some(least) if number.is_before(least) => least,
            _ => number,
        }
    }

    /// The timestamp of a segment that is sent now: milliseconds (RFC 7323, Section 5.4).
    pub(crate) fn timestamp(&self, tuple: &FourTuple, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_add(self.timestamp_offset(tuple))
    }

    /// The same for all connections of these two endpoints, so that a new one's timestamps are
    /// later than an old one's (RFC 6191).
    pub(crate) fn timestamp_offset(&self, tuple: &FourTuple) -> u32 {
        self.timestamp.hash(tuple) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: MUST-8, MUST-9, SHLD-1, TCP-ISN
    #[test]
    fn numbers_grow_with_time_and_differ_between_tuples() {
        let secrets = Secrets { sequence: HashKey::new([1; 16]), timestamp: HashKey::new([2; 16]) };
        let tuple = |port| FourTuple {
            local: (Ipv6Addr::LOCALHOST, port),
            remote: (Ipv6Addr::LOCALHOST, 80),
        };
        let at =
            |port, millis| secrets.initial_sequence(&tuple(port), Instant::from_millis(millis));
        assert_eq!(at(1, 1001).offset_from(at(1, 1)), 250_000);
        assert_ne!(at(1, 1), at(2, 1));
        let now = Instant::from_millis(1);
        let after = |before| secrets.number_after(before, &tuple(1), now);
        assert_eq!((after(None), after(Some(at(1, 1) - 100_000))), (at(1, 1), at(1, 1)));
        assert_eq!(after(Some(at(1, 1) + 5)), at(1, 1) + 5 + 65_537);
        assert_ne!(secrets.timestamp_offset(&tuple(1)), secrets.timestamp_offset(&tuple(2)));
    }
}
