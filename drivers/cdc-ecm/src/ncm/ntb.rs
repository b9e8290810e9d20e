//! Reading 16-bit transfer blocks (NCM 1.0 chapter 3).
//!
//! ```text
//!  ┌───────┬ … ┬──────────┬ … ┬───────┬─────────────────────┬ … ┐
//!  │ NTH16 │   │ datagram │   │ NDP16 │ index, length  …  0 │   │
//!  └───────┴ … ┴──────────┴ … ┴───────┴─────────────────────┴ … ┘
//!      │ wNdpIndex ───────────────▲ │ wNextNdpIndex → another table, or 0
//! ```
//!
//! Tables and datagrams may be anywhere, so everything is an index that is checked. What a block
//! costs is bounded: a few tables, and never more bytes of datagrams than the block has, which
//! datagrams that overlap would have.

use core::fmt;
use core::ops::Range;

/// dwSignature of NTH16.
pub(super) const NTH16_SIGNATURE: [u8; 4] = *b"NCMH";
/// dwSignature of NDP16: Ethernet frames without CRC.
pub(super) const NDP16_SIGNATURE: [u8; 4] = *b"NCM0";
/// Bytes of NTH16.
pub(super) const NTH16: usize = 12;
/// Bytes of NDP16 in front of its entries.
pub(super) const NDP16: usize = 8;
/// Bytes of an entry: wDatagramIndex and wDatagramLength.
pub(super) const ENTRY: usize = 4;
/// Tables in a block. Devices use one.
const MAX_TABLES: u8 = 8;

/// What is wrong with a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NtbError {
    /// It does not begin with a header of the 16-bit format.
    Header,
    /// It is shorter than its header says.
    Truncated,
    /// A datagram pointer table outside of the block, or of another kind.
    Table,
    /// More tables than any device has a use for, or a loop of them.
    TooManyTables,
    /// A datagram that is not in the block, or shares its bytes with others.
    Datagram,
}

impl fmt::Display for NtbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "not a 16-bit block",
            Self::Truncated => "cut off",
            Self::Table => "datagram pointer table makes no sense",
            Self::TooManyTables => "too many datagram pointer tables",
            Self::Datagram => "datagram outside of the block",
        })
    }
}

/// The header of a block, NTH16.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// wSequence: one more for each block, modulo 2^16.
    pub sequence: u16,
    /// wBlockLength; 0 when the end of the transfer is the end of the block.
    pub block_length: u16,
    /// wNdpIndex: the first datagram pointer table.
    pub table: u16,
}

impl Header {
    /// Reads the header that `bytes` begin with.
    pub fn parse(bytes: &[u8]) -> Result<Self, NtbError> {
        let header: &[u8; NTH16] = bytes.first_chunk().ok_or(NtbError::Truncated)?;
        let [s0, s1, s2, s3, h0, h1, q0, q1, b0, b1, n0, n1] = *header;
        if [s0, s1, s2, s3] != NTH16_SIGNATURE || usize::from(u16::from_le_bytes([h0, h1])) < NTH16
        {
            return Err(NtbError::Header);
        }
        Ok(Self {
            sequence: u16::from_le_bytes([q0, q1]),
            block_length: u16::from_le_bytes([b0, b1]),
            table: u16::from_le_bytes([n0, n1]),
        })
    }
}

/// The datagrams of a block, in its order. `bytes` reads two bytes of the block as a
/// little-endian number, `None` outside.
///
/// An error in a datagram's entry passes over that one; any other is the last item.
pub struct Datagrams<F> {
    word: F,
    /// Bytes of the block.
    length: usize,
    /// The table to read next; 0 for none.
    table: usize,
    tables_left: u8,
    /// The entries of the present table that are still to be read.
    entries: Range<usize>,
    /// Bytes that datagrams may still have.
    bytes_left: usize,
}

impl<F: Fn(usize) -> Option<u16>> Datagrams<F> {
    /// The datagrams of a block of `length` bytes with that header.
    pub fn new(header: Header, length: usize, word: F) -> Self {
        Self {
            word,
            length,
            table: usize::from(header.table),
            tables_left: MAX_TABLES,
            entries: 0..0,
            bytes_left: length,
        }
    }

    fn next_table(&mut self) -> Result<(), NtbError> {
        let at = core::mem::take(&mut self.table);
        self.tables_left = self.tables_left.checked_sub(1).ok_or(NtbError::TooManyTables)?;
        let word = |offset: usize| (self.word)(at + offset).ok_or(NtbError::Table);
        let [s0, s1] = word(0)?.to_le_bytes();
        let [s2, s3] = word(2)?.to_le_bytes();
        let length = usize::from(word(4)?);
        let next = usize::from(word(6)?);
        let end = at + length;
        if [s0, s1, s2, s3] != NDP16_SIGNATURE || at < NTH16 || length < NDP16 || end > self.length
        {
            return Err(NtbError::Table);
        }
        self.entries = at + NDP16..end;
        self.table = next;
        Ok(())
    }

    /// The next entry of the present table; `None` at its end.
    fn next_entry(&mut self) -> Option<Result<Range<usize>, NtbError>> {
        let at = self.entries.start;
        if at + ENTRY > self.entries.end {
            return None;
        }
        self.entries.start += ENTRY;
        let start = usize::from((self.word)(at)?);
        let length = usize::from((self.word)(at + 2)?);
        if start == 0 || length == 0 {
            // The null entry is the last one, whatever wLength says.
            self.entries = 0..0;
            return None;
        }
        let end = start + length;
        Some(match self.bytes_left.checked_sub(length) {
            Some(left) if start >= NTH16 && end <= self.length => {
                self.bytes_left = left;
                Ok(start..end)
            }
            _ => Err(NtbError::Datagram),
        })
    }
}

impl<F: Fn(usize) -> Option<u16>> Iterator for Datagrams<F> {
    type Item = Result<Range<usize>, NtbError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.next_entry() {
                return Some(entry);
            }
            if self.table == 0 {
                return None;
            }
            if let Err(error) = self.next_table() {
                self.entries = 0..0;
                self.table = 0;
                return Some(Err(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn words(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn datagrams(block: &[u8]) -> Vec<Result<Range<usize>, NtbError>> {
        let header = Header::parse(block).expect("a good header");
        let word = |at: usize| Some(u16::from_le_bytes(*block.get(at..)?.first_chunk()?));
        Datagrams::new(header, block.len(), word).collect()
    }

    fn header(length: u16, table: u16) -> Vec<u8> {
        [NTH16_SIGNATURE.to_vec(), words(&[12, 7, length, table])].concat()
    }

    fn table(next: u16, entries: &[u16]) -> Vec<u8> {
        let length = (NDP16 + entries.len() * 2) as u16;
        [NDP16_SIGNATURE.to_vec(), words(&[length, next]), words(entries)].concat()
    }

    #[test]
    fn a_table_behind_the_datagrams_and_another_in_front() {
        let mut block = header(72, 52);
        block.extend(table(0, &[32, 4, 0, 0])); // at 12, 16 bytes
        block.extend([0; 24]);
        block.extend(table(12, &[36, 5, 44, 2, 0, 0])); // at 52
        assert_eq!(datagrams(&block), [Ok(36..41), Ok(44..46), Ok(32..36)]);
    }

    #[test]
    fn what_stands_behind_the_null_entry_is_no_datagram() {
        let mut block = header(48, 12);
        block.extend(table(0, &[36, 2, 0, 0, 38, 2, 40, 2]));
        block.extend([0; 12]);
        assert_eq!(datagrams(&block), [Ok(36..38)]);
    }

    #[test]
    fn datagrams_outside_or_on_top_of_each_other_are_passed_over() {
        let mut block = header(60, 12);
        block.extend(table(0, &[4, 8, 40, 21, 40, 20, 40, 20, 40, 20, 41, 1, 0, 0]));
        block.resize(60, 0);
        // 60 bytes of datagrams are as many as the block has; one more cannot be.
        let bad = || Err(NtbError::Datagram);
        let good = || Ok(40..60);
        assert_eq!(datagrams(&block), [bad(), bad(), good(), good(), good(), bad()]);
    }

    #[test]
    fn loops_and_wild_tables_end() {
        let mut block = header(28, 12);
        block.extend(table(12, &[12, 1, 0, 0]));
        let found = datagrams(&block);
        assert_eq!(found.len(), usize::from(MAX_TABLES) + 1);
        assert_eq!(found.last(), Some(&Err(NtbError::TooManyTables)));
        for (at, broken) in [(12, 0xff), (16, 4), (16, 17), (10, 4), (10, 27), (11, 0xff)] {
            let mut block = block.clone();
            block[at] = broken;
            assert_eq!(datagrams(&block), [Err(NtbError::Table)], "byte {at}");
        }
    }

    #[test]
    fn headers_of_other_formats_are_refused() {
        assert_eq!(Header::parse(&header(0, 12)[..11]), Err(NtbError::Truncated));
        let mut other = header(0, 12);
        other[..4].copy_from_slice(b"ncmh");
        assert_eq!(Header::parse(&other), Err(NtbError::Header));
        assert_eq!(datagrams(&header(12, 0)), []);
    }
}
