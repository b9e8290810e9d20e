//! Bytes that follow from a seed and from where they stand, so that whatever comes back can be
//! checked without keeping what was sent, and every change shows: of a bit, of the order, even the
//! answer to another question.

/// An endless sequence of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    key: u64,
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
/// Generators): every bit of the result depends on every bit of `value`.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The odd step of SplitMix64: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Pattern {
    /// The sequence number `which` of a seed.
    #[must_use]
    pub fn new(seed: u64, which: u64) -> Self {
        Self { key: mix(seed.wrapping_add(mix(which.wrapping_add(STEP)))) }
    }

    /// The eight bytes from place `8 * index`.
    fn word(self, index: u64) -> [u8; 8] {
        mix(self.key.wrapping_add(index.wrapping_add(1).wrapping_mul(STEP))).to_le_bytes()
    }

    /// Writes the bytes from `place` on.
    pub fn fill(self, place: u64, buffer: &mut [u8]) {
        let ahead = (place % 8) as usize;
        let (head, rest) = buffer.split_at_mut(buffer.len().min((8 - ahead) % 8));
        for (to, from) in head.iter_mut().zip(self.word(place / 8).iter().skip(ahead)) {
            *to = *from;
        }
        for (chunk, index) in rest.chunks_mut(8).zip(place.div_ceil(8)..) {
            for (to, from) in chunk.iter_mut().zip(self.word(index)) {
                *to = from;
            }
        }
    }

    /// The first of `bytes`, which should stand at `place`, that differs: where it is among them,
    /// and what it should be.
    #[must_use]
    pub fn first_difference(self, place: u64, bytes: &[u8]) -> Option<(usize, u8)> {
        const PIECE: usize = 512;
        let mut expected = [0; PIECE];
        for (number, piece) in bytes.chunks(PIECE).enumerate() {
            let start = number * PIECE;
            self.fill(place + start as u64, &mut expected);
            let expected = expected.get(..piece.len()).unwrap_or_default();
            if piece != expected {
                return (piece.iter().zip(expected).enumerate())
                    .find(|(_, (is, should_be))| is != should_be)
                    .map(|(at, (_, should_be))| (start + at, *should_be));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::Pattern;

    #[test]
    fn any_part_of_the_sequence_is_the_same() {
        let pattern = Pattern::new(7, 1);
        let mut whole = vec![0; 200];
        pattern.fill(0, &mut whole);
        for start in 0..40 {
            for end in start..=60 {
                let mut part = vec![0; end - start];
                pattern.fill(start as u64, &mut part);
                assert_eq!(part, whole[start..end], "{start}..{end}");
            }
        }
    }

    #[test]
    fn sequences_differ() {
        let first = |seed, which| {
            let mut bytes = [0; 16];
            Pattern::new(seed, which).fill(0, &mut bytes);
            bytes
        };
        assert_ne!(first(1, 0), first(1, 1));
        assert_ne!(first(1, 0), first(2, 0));
        assert_eq!(first(1, 0), first(1, 0));
    }

    #[test]
    fn every_change_shows() {
        let pattern = Pattern::new(1, 2);
        let mut bytes = vec![0; 1500];
        pattern.fill(3, &mut bytes);
        assert_eq!(pattern.first_difference(3, &bytes), None);
        assert!(pattern.first_difference(4, &bytes).is_some());
        for at in [0, 1, 511, 512, 1499] {
            let right = bytes[at];
            bytes[at] ^= 1;
            assert_eq!(pattern.first_difference(3, &bytes), Some((at, right)));
            bytes[at] = right;
        }
    }
}
