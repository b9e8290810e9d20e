//! What a link does to frames besides carrying them.

use crate::random::Seeded;
use net::time::Duration;

/// How bad a link is. Chances are per frame and receiver, in thousandths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Impairment {
    /// The frame is lost.
    pub loss: u32,
    /// The frame arrives twice.
    pub duplication: u32,
    /// One bit of the frame arrives wrong and the frame check sequence does not notice.
    pub corruption: u32,
    /// The shortest time on the way.
    pub shortest_delay: Duration,
    /// The longest time on the way. Frames whose delays differ overtake each other.
    pub longest_delay: Duration,
}

impl Impairment {
    /// Nothing but 10 µs on the way.
    pub const NONE: Self = Self {
        loss: 0,
        duplication: 0,
        corruption: 0,
        shortest_delay: Duration::from_micros(10),
        longest_delay: Duration::from_micros(10),
    };

    /// A bad day: one frame in ten lost, delays up to 50 ms with reordering, duplicates.
    pub const BAD: Self = Self {
        loss: 100,
        duplication: 50,
        corruption: 0,
        shortest_delay: Duration::from_micros(10),
        longest_delay: Duration::from_millis(50),
    };

    /// What arrives of `frame`, and after which time: nothing, one frame or two.
    pub(crate) fn apply(self, frame: &[u8], random: &mut Seeded) -> Vec<(Duration, Vec<u8>)> {
        let copies = match (random.chance(self.loss), random.chance(self.duplication)) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        (0..copies)
            .map(|_| {
                let delay = random.time(self.shortest_delay, self.longest_delay);
                let mut frame = frame.to_vec();
                if random.chance(self.corruption) && !frame.is_empty() {
                    let bit = random.index(frame.len() * 8);
                    frame[bit / 8] ^= 1 << (bit % 8);
                }
                (delay, frame)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_impairment_shows_as_often_as_it_says() {
        let frame = [0x55; 60];
        let mut random = Seeded::new(7);
        let bad = Impairment { loss: 200, duplication: 100, corruption: 300, ..Impairment::BAD };
        let (mut lost, mut doubled, mut corrupt, mut arrived) = (0, 0, 0, 0);
        for _ in 0..10_000 {
            let copies = bad.apply(&frame, &mut random);
            lost += usize::from(copies.is_empty());
            doubled += usize::from(copies.len() == 2);
            for (delay, copy) in copies {
                arrived += 1;
                assert!((bad.shortest_delay..=bad.longest_delay).contains(&delay));
                let bits: u32 = copy.iter().zip(frame).map(|(a, b)| (a ^ b).count_ones()).sum();
                corrupt += usize::from(bits == 1);
                assert!(bits <= 1);
            }
        }
        assert!((1800..2200).contains(&lost), "{lost}");
        assert!((650..950).contains(&doubled), "{doubled}");
        let per_mille = corrupt * 1000 / arrived;
        assert!((270..330).contains(&per_mille), "{per_mille}");
    }

    #[test]
    fn none_is_none() {
        let mut random = Seeded::new(7);
        for _ in 0..100 {
            let copies = Impairment::NONE.apply(&[1, 2, 3], &mut random);
            assert_eq!(copies, [(Duration::from_micros(10), vec![1, 2, 3])]);
        }
    }
}
