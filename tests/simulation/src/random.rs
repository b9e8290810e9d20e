//! The generator behind every decision of a simulation: SplitMix64 (Steele, Lea, Flood, 2014).

use net::time::Duration;

/// A seeded generator. Its sequence must never change, or old seeds would mean something else.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// The generator of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator of its own for one purpose, so that more draws here move nothing there.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.draw())
    }

    /// 64 random bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    /// A number from 0 to `bound` - 1; 0 when `bound` is 0.
    pub fn index(&mut self, bound: usize) -> usize {
        ((u128::from(self.draw()) * bound as u128) >> 64) as usize
    }

    /// True once in `per_mille` of 1000 calls.
    pub fn chance(&mut self, per_mille: u32) -> bool {
        self.index(1000) < per_mille as usize
    }

    /// A time from `shortest` to `longest`.
    pub fn time(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let span = longest.saturating_sub(shortest).as_nanos() as usize;
        shortest + Duration::from_nanos(self.index(span + 1) as u64)
    }

    /// One of `items`, which are not empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_the_paper() {
        let mut random = Seeded::new(1_234_567);
        let drawn: Vec<_> = (0..3).map(|_| random.draw()).collect();
        let published =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(drawn, published);
    }

    #[test]
    fn ranges() {
        let mut random = Seeded::new(1);
        let (shortest, longest) = (Duration::from_millis(3), Duration::from_millis(5));
        let mut seen = [0; 4];
        for _ in 0..4000 {
            seen[random.index(4)] += 1;
            assert!((shortest..=longest).contains(&random.time(shortest, longest)));
        }
        assert!(seen.iter().all(|count| (900..1100).contains(count)), "{seen:?}");
        let hits = (0..10_000).filter(|_| random.chance(250)).count();
        assert!((2300..2700).contains(&hits), "{hits}");
        assert!(!random.chance(0) && random.chance(1000));
        assert_eq!(random.index(0), 0);
    }
}
