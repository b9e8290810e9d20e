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

/// A tuple with its hash, for all tables in which it is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HashedTuple {
    pub(crate) tuple: FourTuple,
    pub(crate) hash: u64,
}

impl HashedTuple {
    #[inline]
    pub(crate) fn new(key: &HashKey, tuple: FourTuple) -> Self {
        Self { tuple, hash: key.hash(&tuple) }
    }
}

/// The secret behind the numbers of all connections.
pub(crate) struct Secrets(HashKey);

impl Secrets {
    pub(crate) const UNSET: Self = Self(HashKey::UNSET);

    pub(crate) const fn new(key: HashKey) -> Self {
        Self(key)
    }

    /// Where the numbers of connections between these endpoints begin.
    pub(crate) fn of(&self, tuple: &FourTuple) -> Origins {
        let hash = self.0.hash(tuple);
        // Two functions, as the halves of a hash have nothing to do with each other.
        Origins { sequence: hash as u32, timestamp: (hash >> 32) as u32 }
    }
}

/// What nobody outside can foresee about the numbers of two endpoints' connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Origins {
    sequence: u32,
    timestamp: u32,
}

impl Origins {
    /// ISN = M + F(localip, localport, remoteip, remoteport, secretkey), where M is a clock of
    /// 4 µs.
    fn initial_sequence(self, now: Instant) -> SequenceNumber {
        let clock = now.as_nanos() / 4000;
        SequenceNumber((clock as u32).wrapping_add(self.sequence))
    }

    /// The initial sequence number of a connection that follows one which had come to the number
    /// `before`: it must not repeat what may still be under way (RFC 6191, Section 2).
    pub(crate) fn number_after(
        self,
        before: Option<SequenceNumber>,
        now: Instant,
    ) -> SequenceNumber {
        let number = self.initial_sequence(now);
        match before.map(|before| before + u32::from(u16::MAX) + 2) {
            Some(least) if number.is_before(least) => least,
            _ => number,
        }
    }

    /// The timestamp of a segment that is sent now: milliseconds (RFC 7323, Section 5.4).
    pub(crate) const fn timestamp(self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_add(self.timestamp)
    }

    /// What is added to the clock for it. The same for all connections of these two endpoints, so
    /// that a new one's timestamps are later than an old one's (RFC 6191).
    pub(crate) const fn timestamp_offset(self) -> u32 {
        self.timestamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: MUST-8, MUST-9, SHLD-1, TCP-ISN
    #[test]
    fn numbers_grow_with_time_and_differ_between_tuples() {
        let secrets = Secrets::new(HashKey::new([1; 16]));
        let of = |port| {
            secrets.of(&FourTuple {
                local: (Ipv6Addr::LOCALHOST, port),
                remote: (Ipv6Addr::LOCALHOST, 80),
            })
        };
        let at = |port, millis| of(port).initial_sequence(Instant::from_millis(millis));
        assert_eq!(at(1, 1001).offset_from(at(1, 1)), 250_000);
        assert_ne!(at(1, 1), at(2, 1));
        let now = Instant::from_millis(1);
        let after = |before| of(1).number_after(before, now);
        assert_eq!((after(None), after(Some(at(1, 1) - 100_000))), (at(1, 1), at(1, 1)));
        assert_eq!(after(Some(at(1, 1) + 5)), at(1, 1) + 5 + 65_537);
        assert_ne!(of(1).timestamp_offset(), of(2).timestamp_offset());
        assert_ne!(of(1).sequence, of(1).timestamp);
        let other = Secrets::new(HashKey::new([2; 16]));
        let tuple =
            FourTuple { local: (Ipv6Addr::LOCALHOST, 1), remote: (Ipv6Addr::LOCALHOST, 80) };
        assert_ne!(other.of(&tuple), secrets.of(&tuple));
    }
}
