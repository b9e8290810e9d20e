//! Octets like those of a corpus, but changed.

use simulation::random::Seeded;

/// Octets that mean something in many places: boundaries, types, lengths.
const INTERESTING: [u8; 16] =
    [0, 1, 2, 3, 4, 8, 12, 16, 24, 32, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff];
/// Longer than this, nothing new happens, only slower.
const LONGEST: usize = 4096;

/// A piece of `corpus`, changed in up to six ways.
///
/// # Panics
/// When `corpus` is empty.
pub fn mutate(corpus: &[Vec<u8>], random: &mut Seeded) -> Vec<u8> {
    let mut octets = random.pick(corpus).clone();
    for _ in 0..random.index(7) {
        change(&mut octets, corpus, random);
    }
    octets.truncate(LONGEST);
    octets
}

fn change(octets: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Seeded) {
    let at = random.index(octets.len() + 1);
    let left = octets.len() - at;
    match random.index(8) {
        0 if left > 0 => octets[at] ^= 1 << random.index(8),
        1 if left > 0 => octets[at] = *random.pick(&INTERESTING),
        // A length or a number of two octets, by a little.
        2 if left > 1 => {
            let word = u16::from_be_bytes([octets[at], octets[at + 1]]);
            let other = word.wrapping_add(random.index(9) as u16).wrapping_sub(4);
            octets[at..at + 2].copy_from_slice(&other.to_be_bytes());
        }
        3 => octets.truncate(at),
        4 => {
            let end = at + left.min(1 + random.index(16));
            octets.drain(at..end);
        }
        5 => {
            let octet = *random.pick(&INTERESTING);
            octets.splice(at..at, std::iter::repeat_n(octet, 1 + random.index(24)));
        }
        // A piece of its own or of another one, in between.
        6 => {
            let other = random.pick(corpus);
            let from = random.index(other.len() + 1);
            let piece: Vec<u8> = other[from..].iter().take(1 + random.index(64)).copied().collect();
            octets.splice(at..at, piece);
        }
        _ => {
            let other = random.pick(corpus);
            let from = random.index(other.len() + 1);
            octets.splice(at.., other[from..].iter().copied());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn mutants_differ_and_are_bounded() {
        let corpus = [(0..200).collect(), vec![7; 3000], Vec::new()];
        let mut random = Seeded::new(1);
        let all: HashSet<_> = (0..1000).map(|_| mutate(&corpus, &mut random)).collect();
        assert!(all.len() > 500);
        assert!(all.iter().all(|octets| octets.len() <= LONGEST));
    }
}
