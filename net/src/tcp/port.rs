//! Local ports of connections (RFC 6056): a search that begins where nobody outside can foresee,
//! but not soon again where it began before.
//!
//! This is double-hash port selection (Section 3.3.4) with the small random increments of
//! Section 3.3.5. Where the ports of one destination begin is a keyed hash of it; how far they
//! have come is in one of many counters, chosen by the same hash. So the ports towards one
//! destination follow each other, as it takes to keep them apart from those in TIME-WAIT over
//! there, while they tell nothing about the ports towards another.

use crate::hash::HashKey;
use crate::random::Random;
use core::net::Ipv6Addr;

/// So many counters that a watcher learns little from two destinations that share one.
const COUNTERS: usize = 1024;
/// Each search goes on up to so many ports further than the last.
const STRIDE: u32 = 8;

/// Where the searches for a port begin.
pub(crate) struct PortSelection {
    pub(crate) key: HashKey,
    counters: [u16; COUNTERS],
}

/// The places of one destination: where its ports begin, and which counter it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PortSequence {
    offset: u32,
    counter: usize,
}

impl PortSelection {
    pub(crate) const fn new() -> Self {
        Self { key: HashKey::UNSET, counters: [0; COUNTERS] }
    }

    /// That of connections from a local address to a destination.
    pub(crate) fn sequence(&self, source: Ipv6Addr, destination: (Ipv6Addr, u16)) -> PortSequence {
        let hash = self.key.hash(&(source, destination));
        // Two functions, as their octets have nothing to do with each other.
        PortSequence { offset: hash as u32, counter: (hash >> 32) as usize % COUNTERS }
    }

    /// Where a search begins, of `count` ports.
    pub(crate) fn start(&self, sequence: PortSequence, count: u32) -> u32 {
        let counter = self.counters.get(sequence.counter).copied().unwrap_or(0);
        sequence.offset.wrapping_add(counter.into()) % count.max(1)
    }

    /// The search took the port so many steps behind where it began: the next begins behind it.
    pub(crate) fn advance(&mut self, sequence: PortSequence, steps: u32, random: &mut impl Random) {
        if let Some(counter) = self.counters.get_mut(sequence.counter) {
            *counter = counter.wrapping_add((steps + 1 + random.below(STRIDE)) as u16);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::test::TestRandom;

    const PORTS: u32 = 28_232;
    const HERE: Ipv6Addr = Ipv6Addr::LOCALHOST;

    fn selection() -> PortSelection {
        PortSelection { key: HashKey::new([3; 16]), ..PortSelection::new() }
    }

    fn to(number: u16) -> (Ipv6Addr, u16) {
        (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number), 80)
    }

    #[test]
    fn ports_towards_one_destination_go_up() {
        let (mut selection, mut random) = (selection(), TestRandom(1));
        let sequence = selection.sequence(HERE, to(1));
        let mut last = selection.start(sequence, PORTS);
        for steps in [0, 0, 5, 0, 100] {
            selection.advance(sequence, steps, &mut random);
            let start = selection.start(sequence, PORTS);
            let distance = (start + PORTS - last) % PORTS;
            assert!((steps + 1..=steps + STRIDE).contains(&distance), "{steps}: {distance}");
            last = start;
        }
    }

    #[test]
    fn other_destinations_begin_elsewhere_and_stay_there() {
        let (mut selection, mut random) = (selection(), TestRandom(1));
        let sequences = [1, 2, 3, 4].map(|number| selection.sequence(HERE, to(number)));
        let before = sequences.map(|sequence| selection.start(sequence, PORTS));
        for (at, start) in before.iter().enumerate() {
            assert!(before[..at].iter().all(|other| other.abs_diff(*start) > 16), "{before:?}");
        }
        for _ in 0..100 {
            selection.advance(sequences[0], 0, &mut random);
        }
        let after = sequences.map(|sequence| selection.start(sequence, PORTS));
        assert_ne!(after[0], before[0]);
        assert_eq!(after[1..], before[1..]);
        // Another secret, other places.
        let other = PortSelection { key: HashKey::new([4; 16]), ..PortSelection::new() };
        assert_ne!(other.sequence(HERE, to(1)), sequences[0]);
    }

    #[test]
    fn counters_wrap() {
        let (mut selection, mut random) = (selection(), TestRandom(1));
        let sequence = selection.sequence(HERE, to(1));
        for _ in 0..20_000 {
            selection.advance(sequence, 7, &mut random);
            assert!(selection.start(sequence, PORTS) < PORTS);
        }
    }
}
