//! Randomness as the stack sees it: a generator that the caller hands in.

use crate::time::Duration;

/// A source of random octets.
///
/// The kernel's must be cryptographically strong: ports, identifiers and hash keys come from it.
/// A simulation's is seeded, so that a run can be repeated.
pub trait Random {
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);

    /// 32 random bits.
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    /// 64 random bits.
    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number from 0 to `bound - 1`; 0 for a `bound` of 0. The bias is below 2^-32.
    fn below(&mut self, bound: u32) -> u32 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u32
    }

    /// A duration from zero to `longest`, with the granularity of the clock.
    fn up_to(&mut self, longest: Duration) -> Duration {
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        let product = u128::from(self.next_u64()) * (u128::from(nanos) + 1);
        Duration::from_nanos((product >> 64) as u64)
    }

    /// A duration from `shortest` to `longest`.
    fn between(&mut self, shortest: Duration, longest: Duration) -> Duration {
        shortest + self.up_to(longest.saturating_sub(shortest))
    }
}

#[cfg(test)]
pub(crate) mod test {
    use super::Random;

    /// A seeded generator (SplitMix64).
    #[derive(Clone, Debug)]
    pub(crate) struct TestRandom(pub(crate) u64);

    impl Random for TestRandom {
        fn fill(&mut self, bytes: &mut [u8]) {
            for chunk in bytes.chunks_mut(8) {
                self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = self.0;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^= z >> 31;
                chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::test::TestRandom;
    use super::*;

    #[test]
    fn ranges_are_kept_and_filled() {
        let mut random = TestRandom(1);
        let mut seen = [false; 7];
        for _ in 0..1000 {
            seen[random.below(7) as usize] = true;
            let d = random.between(Duration::from_millis(500), Duration::from_millis(1500));
            assert!((500..=1500).contains(&d.as_millis()));
        }
        assert_eq!(seen, [true; 7]);
        assert_eq!(random.below(0), 0);
        assert_eq!(random.up_to(Duration::ZERO), Duration::ZERO);
        assert!(random.up_to(Duration::MAX) <= Duration::MAX);
    }
}
