//! What the client of `udp-echo` sends: its number, the time of sending, and bytes that follow from
//! the number and the seed of the run.

use alloc::vec::Vec;

use super::pattern::Pattern;

/// Number and time.
pub const MIN_SIZE: usize = 16;
/// 65535 - 8, the most that fits a UDP datagram without a jumbogram.
pub const MAX_SIZE: usize = 65527;

/// Makes the datagram with this number and `size` bytes, sent at `now` (microseconds).
pub fn fill(buffer: &mut Vec<u8>, seed: u64, number: u64, now: u64, size: usize) {
    buffer.clear();
    buffer.extend(number.to_be_bytes());
    buffer.extend(now.to_be_bytes());
    buffer.resize(size, 0);
    if let Some(rest) = buffer.get_mut(MIN_SIZE..) {
        Pattern::new(seed, number).fill(0, rest);
    }
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A datagram came back as it was sent: its number and the time of sending.
    Same(u64, u64),
    /// Not as it was sent.
    Changed,
}

/// Compares an answer with what was sent; `last` is the number of the last datagram, `size` the
/// length of all.
#[must_use]
pub fn check(answer: &[u8], seed: u64, last: u64, size: usize) -> Answer {
    let Some((number, rest)) = answer.split_first_chunk::<8>() else { return Answer::Changed };
    let Some((time, rest)) = rest.split_first_chunk::<8>() else { return Answer::Changed };
    let number = u64::from_be_bytes(*number);
    let same = Pattern::new(seed, number).first_difference(0, rest).is_none();
    if answer.len() == size && (1..=last).contains(&number) && same {
        Answer::Same(number, u64::from_be_bytes(*time))
    } else {
        Answer::Changed
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Answer, check, fill};

    #[test]
    fn what_comes_back() {
        let mut datagram = Vec::new();
        for size in [16, 17, 56, 1452] {
            fill(&mut datagram, 5, 3, 99, size);
            assert_eq!(datagram.len(), size);
            assert_eq!(check(&datagram, 5, 3, size), Answer::Same(3, 99));
            assert_eq!(check(&datagram, 5, 2, size), Answer::Changed, "not asked yet");
            assert_eq!(check(&datagram[..size - 1], 5, 3, size), Answer::Changed);
        }
        assert_eq!(check(&datagram, 6, 3, 1452), Answer::Changed, "of another run");
        for place in (0..8).chain(16..1452) {
            let mut changed = datagram.clone();
            changed[place] ^= 0x40;
            assert_eq!(check(&changed, 5, 3, 1452), Answer::Changed, "{place}");
        }
        assert_eq!(check(&[], 5, 3, 16), Answer::Changed);
    }
}
