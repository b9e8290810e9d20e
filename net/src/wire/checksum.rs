//! The Internet checksum (RFC 1071) and the IPv6 pseudo-header (RFC 8200, Section 8.1).
//!
//! The sum does not care about byte order (RFC 1071, Section 2(B)), so octets are added as words
//! of the machine, 64 bits at a time, and swapped once at the end.

use super::ipv6::{Ipv6Header, NextHeader};
use core::net::Ipv6Addr;

/// A one's complement sum in progress, over as many slices as it takes.
///
/// The slices count as one run of octets: a slice of odd length is continued by the next one in
/// the middle of a 16-bit word.
#[derive(Clone, Copy, Debug)]
pub struct Checksum {
    /// One's complement sum of native-endian 64-bit words. As 2^16 - 1 divides 2^64 - 1, it stands
    /// for that of the 16-bit words.
    sum: u64,
    /// Whether an odd number of octets has been added.
    odd: bool,
}

impl Checksum {
    /// The sum of nothing.
    #[inline]
    pub const fn new() -> Self {
        Self { sum: 0, odd: false }
    }

    /// The sum of the pseudo-header of `length` octets of `protocol` on their way from `source`
    /// to the final `destination`.
    #[inline]
    pub fn pseudo_header(
        source: Ipv6Addr,
        destination: Ipv6Addr,
        protocol: NextHeader,
        length: u32,
    ) -> Self {
        let [a, b] = words(source);
        let [c, d] = words(destination);
        // The length and the protocol are 16-bit words like any other in their places.
        let rest = u128::from(length.to_be()) + u128::from(u32::from(protocol.0).to_be());
        Self { sum: reduce(a + b + c + d + rest), odd: false }
    }

    /// Adds `bytes`.
    #[inline]
    pub fn add(&mut self, bytes: &[u8]) {
        self.join(sum_of(bytes), bytes.len());
    }

    /// Adds words as they lie in memory.
    #[inline]
    pub(crate) fn add_words<const N: usize>(&mut self, words: [u32; N]) {
        self.join(words.into_iter().map(u64::from).sum(), 0);
    }

    /// Adds eight octets as they lie in memory.
    #[inline]
    pub(crate) fn add_long(&mut self, octets: u64) {
        self.join(octets, 0);
    }

    /// Adds an address.
    #[inline]
    pub(crate) fn add_address(&mut self, address: Ipv6Addr) {
        let [high, low] = words(address);
        self.join(reduce(high + low), 0);
    }

    /// Adds one 16-bit word, as a field of a header.
    #[inline]
    pub fn add_word(&mut self, word: u16) {
        self.join(word.to_be().into(), 2);
    }

    /// Copies `source` to `destination` and adds it, reading each octet once.
    ///
    /// # Panics
    /// When the lengths differ.
    #[inline]
    pub fn add_copied(&mut self, destination: &mut [u8], source: &[u8]) {
        assert_eq!(destination.len(), source.len(), "a copy has the length of its source");
        self.join(copy_and_sum(destination, source), source.len());
    }

    /// Adds what `other` has summed, as if its octets came next.
    #[inline]
    pub fn append(&mut self, other: Self) {
        self.join(other.sum, usize::from(other.odd));
    }

    #[inline]
    fn join(&mut self, sum: u64, len: usize) {
        // Turning the whole sum swaps the octets of each 16-bit word.
        self.sum = plus(self.sum, if self.odd { sum.rotate_left(8) } else { sum });
        self.odd ^= len % 2 == 1;
    }

    /// The value for the checksum field: the complement of the sum.
    #[inline]
    pub fn finish(self) -> u16 {
        !u16::from_be(fold(self.sum))
    }

    /// The value for UDP's checksum field, where zero means "none" and is sent as all ones
    /// (RFC 8200, Section 8.1).
    #[inline]
    pub fn finish_udp(self) -> u16 {
        match self.finish() {
            0 => 0xffff,
            value => value,
        }
    }

    /// Whether the sum is that of octets with a right checksum among them.
    #[inline]
    pub fn is_valid(self) -> bool {
        fold(self.sum) == 0xffff
    }
}

impl Default for Checksum {
    fn default() -> Self {
        Self::new()
    }
}

/// The halves of an address.
#[inline]
fn words(address: Ipv6Addr) -> [u128; 2] {
    let both = u128::from_ne_bytes(address.octets());
    [both & u128::from(u64::MAX), both >> 64]
}

/// The sum with end-around carry.
#[inline]
const fn plus(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    sum + carry as u64
}

/// The end-around carry of many additions at once.
#[inline]
const fn reduce(sum: u128) -> u64 {
    plus(sum as u64, (sum >> 64) as u64)
}

/// The sum of `octets` as words, the last one filled up with zeros.
fn sum_of(octets: &[u8]) -> u64 {
    // Two sums, neither of which waits for the other.
    let (mut sum, mut other) = (0, 0);
    let (pairs, rest) = octets.as_chunks::<{ 2 * BLOCK }>();
    for pair in pairs {
        if let ([first, second], _) = pair.as_chunks() {
            sum = add_block(sum, first);
            other = add_block(other, second);
        }
    }
    let (blocks, rest) = rest.as_chunks();
    for block in blocks {
        sum = add_block(sum, block);
    }
    let (words, tail) = rest.as_chunks();
    for &word in words {
        sum = plus(sum, u64::from_ne_bytes(word));
    }
    plus(plus(sum, other), last_word(tail))
}

/// [`sum_of`] `source`, which is copied on the way to `destination` of the same length.
fn copy_and_sum(destination: &mut [u8], source: &[u8]) -> u64 {
    let (mut sum, mut other) = (0, 0);
    let (pairs, rest) = source.as_chunks::<{ 2 * BLOCK }>();
    let (pair_copies, copy_rest) = destination.as_chunks_mut::<{ 2 * BLOCK }>();
    for (pair, copies) in pairs.iter().zip(pair_copies) {
        if let (([first, second], _), ([copy, other_copy], _)) =
            (pair.as_chunks(), copies.as_chunks_mut())
        {
            sum = copy_block(sum, copy, first);
            other = copy_block(other, other_copy, second);
        }
    }
    let (blocks, rest) = rest.as_chunks();
    let (copies, copy_rest) = copy_rest.as_chunks_mut();
    for (block, copy) in blocks.iter().zip(copies) {
        sum = copy_block(sum, copy, block);
    }
    let (words, tail) = rest.as_chunks();
    let (copies, copy_tail) = copy_rest.as_chunks_mut();
    for (&word, copy) in words.iter().zip(copies) {
        sum = plus(sum, u64::from_ne_bytes(word));
        *copy = word;
    }
    copy_last(copy_tail, tail);
    plus(plus(sum, other), last_word(tail))
}

/// Octets that are added with one carry from word to word.
const BLOCK: usize = 64;

/// Adds the words of a block. The carry goes from one to the next and around once at the end: a sum
/// with a carry is less than all ones.
#[inline]
fn add_block(mut sum: u64, block: &[u8; BLOCK]) -> u64 {
    let mut carry = false;
    for &word in block.as_chunks().0 {
        (sum, carry) = sum.carrying_add(u64::from_ne_bytes(word), carry);
    }
    sum + u64::from(carry)
}

/// [`add_block`], and copies it.
#[inline]
fn copy_block(mut sum: u64, copy: &mut [u8; BLOCK], block: &[u8; BLOCK]) -> u64 {
    let mut carry = false;
    for (&word, copy) in block.as_chunks().0.iter().zip(copy.as_chunks_mut().0) {
        (sum, carry) = sum.carrying_add(u64::from_ne_bytes(word), carry);
        *copy = word;
    }
    sum + u64::from(carry)
}

/// Up to seven octets as the beginning of a word whose rest is zero. They are put together in a
/// register: a word that is read where shorter ones were just written waits for these to reach the
/// cache, behind all that was copied before.
#[inline]
fn last_word(tail: &[u8]) -> u64 {
    let (fours, rest) = tail.as_chunks();
    let (twos, ones) = rest.as_chunks();
    let (mut word, mut shift) = (0, 0);
    if let Some(&four) = fours.first() {
        (word, shift) = (u64::from(u32::from_le_bytes(four)), 32);
    }
    if let Some(&two) = twos.first() {
        word |= u64::from(u16::from_le_bytes(two)) << shift;
        shift += 16;
    }
    if let Some(&one) = ones.first() {
        word |= u64::from(one) << shift;
    }
    word.to_le()
}

/// Copies up to seven octets.
#[inline]
fn copy_last(to: &mut [u8], from: &[u8]) {
    let ((to_fours, to_rest), (fours, rest)) = (to.as_chunks_mut::<4>(), from.as_chunks());
    let ((to_twos, to_ones), (twos, ones)) = (to_rest.as_chunks_mut::<2>(), rest.as_chunks());
    if let (Some(to), Some(&four)) = (to_fours.first_mut(), fours.first()) {
        *to = four;
    }
    if let (Some(to), Some(&two)) = (to_twos.first_mut(), twos.first()) {
        *to = two;
    }
    if let (Some(to), Some(&one)) = (to_ones.first_mut(), ones.first()) {
        *to = one;
    }
}

/// Adds the 16-bit words of `sum` with end-around carry.
#[inline]
const fn fold(sum: u64) -> u16 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 32) + (sum >> 16 & 0xffff) + (sum & 0xffff);
    ((sum >> 16) + (sum & 0xffff)) as u16
}

/// Whether `segment`, transport header included, has a right checksum for the pseudo-header.
#[inline]
pub fn verify(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    protocol: NextHeader,
    segment: &[u8],
) -> bool {
    let mut sum = Checksum::pseudo_header(source, destination, protocol, segment.len() as u32);
    sum.add(segment);
    sum.is_valid()
}

/// The same for a packet without extension headers, from the first octet of its IPv6 header to the
/// last one of the segment: the addresses stand in front of the segment there, so all is added in
/// one go. False when the packet is shorter than the header.
#[inline]
pub fn verify_packet(packet: &[u8], protocol: NextHeader) -> bool {
    let Some(length) = packet.len().checked_sub(Ipv6Header::LEN) else { return false };
    let summed = packet.get(Ipv6Header::SOURCE_OFFSET..).map_or(0, sum_of);
    // The length and the protocol of the pseudo-header, as above; a packet is shorter than 2^32.
    let rest = u64::from((length as u32).to_be()) + u64::from(u32::from(protocol.0).to_be());
    fold(plus(summed, rest)) == 0xffff
}

/// The checksum field after one 16-bit word under it changed from `old` to `new`
/// (RFC 1624, Section 3, equation 3).
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    let sum = !checksum as u32 + !old as u32 + new as u32;
    let sum = (sum & 0xffff) + (sum >> 16);
    !((sum & 0xffff) + (sum >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 1071, Section 4.1, word by word.
    fn slow(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    fn of(bytes: &[u8]) -> Checksum {
        let mut sum = Checksum::new();
        sum.add(bytes);
        sum
    }

    #[test]
    fn example_of_rfc_1071() {
        // Section 3: the sum of these is ddf2.
        assert_eq!(of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]).finish(), !0xddf2);
    }

    #[test]
    fn echo_request_with_its_pseudo_header() {
        let (source, destination) = ("fe80::1".parse().unwrap(), "fe80::2".parse().unwrap());
        // Hexadecimal: 2 × fe80 + 1 + 2 + length 8 + 3a + 8000 + 1234 + 1 = 28f7a, folded 8f7c.
        let checksum = !0x8f7cu16;
        let mut echo = [0x80, 0, 0, 0, 0x12, 0x34, 0, 1];
        let mut sum = Checksum::pseudo_header(source, destination, NextHeader::ICMPV6, 8);
        sum.add(&echo);
        assert_eq!(sum.finish(), checksum);
        echo[2..4].copy_from_slice(&checksum.to_be_bytes());
        assert!(verify(source, destination, NextHeader::ICMPV6, &echo));
        for bit in 0..64 {
            let mut broken = echo;
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify(source, destination, NextHeader::ICMPV6, &broken));
        }
    }

    /// Rows: UDP-1
    #[test]
    fn zero_is_sent_as_ones_by_udp_alone() {
        assert_eq!(of(&[0xff, 0xff]).finish(), 0);
        assert_eq!(of(&[0xff, 0xff]).finish_udp(), 0xffff);
        assert_eq!(of(&[]).finish_udp(), 0xffff);
        assert_eq!(of(&[0x12, 0x34]).finish_udp(), !0x1234);
    }

    #[test]
    fn full_words_carry_around() {
        assert_eq!(of(&vec![0xff; 65_536]).finish(), 0);
        assert!(!of(&[0; 64]).is_valid());
    }

    proptest! {
        #[test]
        fn agrees_with_the_rfc(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(of(&bytes).finish(), slow(&bytes));
        }

        #[test]
        fn slices_count_as_one_run(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut added = Checksum::new();
            let mut copied = Checksum::new();
            let mut appended = Checksum::new();
            let mut copy = vec![0; bytes.len()];
            let mut start = 0;
            for end in cuts.into_iter().chain([bytes.len()]) {
                added.add(&bytes[start..end]);
                copied.add_copied(&mut copy[start..end], &bytes[start..end]);
                appended.append(of(&bytes[start..end]));
                start = end;
            }
            prop_assert_eq!(added.finish(), slow(&bytes));
            prop_assert_eq!(copied.finish(), slow(&bytes));
            prop_assert_eq!(appended.finish(), slow(&bytes));
            prop_assert_eq!(copy, bytes);
        }

        #[test]
        fn update_agrees_with_summing_again(
            mut bytes in proptest::collection::vec(any::<u8>(), 4..40),
            new in any::<u16>(),
        ) {
            // A run of nothing but zeros has two representations of its sum.
            bytes[3] |= 1;
            let before = slow(&bytes);
            let old = u16::from_be_bytes([bytes[0], bytes[1]]);
            bytes[..2].copy_from_slice(&new.to_be_bytes());
            prop_assert_eq!(update(before, old, new), slow(&bytes));
        }
    }
}
