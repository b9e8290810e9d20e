//! What a cable does to the frames of one direction.

use super::Counts;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// How a cable treats frames. Probabilities are in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// A frame is lost.
    pub loss: u16,
    /// A frame comes out twice.
    pub duplication: u16,
    /// A frame is held back for [`hold`](Self::hold), while others pass it.
    pub reordering: u16,
    /// How long a frame is held back.
    pub hold: Duration,
    /// How long every frame takes.
    pub delay: Duration,
}

/// A frame on its way: when it comes out, its number, which keeps those of one moment in order,
/// and its octets.
type Travelling = Reverse<(Instant, u64, Vec<u8>)>;

/// One direction of a cable.
pub(super) struct Line {
    random: u64,
    travelling: BinaryHeap<Travelling>,
    sent: u64,
    pub(super) counts: Counts,
}

impl Line {
    pub(super) fn new(seed: u64) -> Self {
        // Neighboring seeds begin far from each other, and none with 0 (xorshift64*).
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { random, travelling: BinaryHeap::new(), sent: 0, counts: Counts::default() }
    }

    /// Whether something of this probability happens.
    fn draw(&mut self, thousandths: u16) -> bool {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let number = self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        number % 1000 < u64::from(thousandths)
    }

    /// A frame goes in.
    pub(super) fn take(&mut self, frame: &[u8], faults: Faults) {
        let lost = self.draw(faults.loss);
        let doubled = self.draw(faults.duplication);
        let held = self.draw(faults.reordering);
        self.counts.frames += 1;
        if lost {
            self.counts.lost += 1;
            return;
        }
        self.counts.doubled += u64::from(doubled);
        self.counts.held += u64::from(held);
        let hold = if held { faults.hold } else { Duration::ZERO };
        let at = Instant::now() + faults.delay + hold;
        for _ in 0..=u8::from(doubled) {
            self.sent += 1;
            self.travelling.push(Reverse((at, self.sent, frame.to_vec())));
        }
    }

    /// When the next frame comes out.
    pub(super) fn due(&self) -> Option<Instant> {
        self.travelling.peek().map(|Reverse((at, ..))| *at)
    }

    /// A frame that comes out by now.
    pub(super) fn give(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.due().filter(|at| *at <= now)?;
        self.travelling.pop().map(|Reverse((.., frame))| frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULTS: Faults = Faults {
        loss: 100,
        duplication: 100,
        reordering: 100,
        hold: Duration::from_secs(100),
        delay: Duration::ZERO,
    };

    fn through(seed: u64, faults: Faults) -> (Vec<u16>, Counts) {
        let mut line = Line::new(seed);
        for number in 0..2000_u16 {
            line.take(&number.to_be_bytes(), faults);
        }
        let later = Instant::now() + Duration::from_secs(1000);
        let out = std::iter::from_fn(|| line.give(later));
        let numbers = out.map(|frame| u16::from_be_bytes([frame[0], frame[1]])).collect();
        (numbers, line.counts)
    }

    #[test]
    fn without_faults_everything_passes_in_order() {
        let (numbers, counts) = through(1, Faults::default());
        assert_eq!(numbers, (0..2000).collect::<Vec<_>>());
        assert_eq!(counts, Counts { frames: 2000, ..Counts::default() });
    }

    #[test]
    fn a_seed_decides_what_happens() {
        let (numbers, counts) = through(7, FAULTS);
        assert_eq!((&numbers, counts), (&through(7, FAULTS).0, through(7, FAULTS).1));
        assert_ne!(numbers, through(8, FAULTS).0);
        for count in [counts.lost, counts.doubled, counts.held] {
            assert!((100..300).contains(&count), "{counts:?}");
        }
        assert_eq!(numbers.len() as u64, 2000 - counts.lost + counts.doubled);
        // What was held back comes last.
        assert!(!numbers.is_sorted());
        // The same frames are lost when nothing else happens.
        let only_loss = Faults { loss: 100, ..Faults::default() };
        let mut left = numbers;
        left.sort_unstable();
        left.dedup();
        assert_eq!(left, through(7, only_loss).0);
    }
}
