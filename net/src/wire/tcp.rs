//! The TCP header (RFC 9293, Section 3.1) and its options (RFC 9293, Section 3.2, RFC 7323 and
//! RFC 2018).

use super::cursor::{Reader, Writer};
use super::tcp_sequence::SequenceNumber;
use super::{ParseError, Result};
use bitflags::bitflags;

bitflags! {
    /// Control bits.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct TcpFlags: u16 {
        /// No more data from the sender.
        const FIN = 1 << 0;
        /// Synchronize sequence numbers.
        const SYN = 1 << 1;
        /// Reset the connection.
        const RST = 1 << 2;
        /// Push function.
        const PSH = 1 << 3;
        /// The acknowledgment field counts.
        const ACK = 1 << 4;
        /// The urgent pointer counts.
        const URG = 1 << 5;
        /// ECN echo (RFC 3168, Section 6.1).
        const ECE = 1 << 6;
        /// Congestion window reduced (RFC 3168, Section 6.1).
        const CWR = 1 << 7;
        /// Accurate ECN (RFC 9768).
        const AE = 1 << 8;
    }
}

/// What is in front of every segment's data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TcpHeader {
    /// The sending port.
    pub source_port: u16,
    /// The receiving port.
    pub destination_port: u16,
    /// Of the first octet of data, or of the SYN: SEG.SEQ.
    pub sequence: SequenceNumber,
    /// The next number that the sender expects, when [`TcpFlags::ACK`] is set: SEG.ACK.
    pub acknowledgment: SequenceNumber,
    /// Control bits.
    pub flags: TcpFlags,
    /// The receive window, not yet scaled: SEG.WND.
    pub window: u16,
    /// The checksum; verified and computed by the caller, see [`super::checksum`].
    pub checksum: u16,
    /// Offset of the octet behind the urgent data, when [`TcpFlags::URG`] is set: SEG.UP.
    pub urgent_pointer: u16,
    /// Options.
    pub options: TcpOptions,
}

impl TcpHeader {
    /// Octets of a header without options.
    pub const MIN_LEN: usize = 20;
    /// Octets of the longest header.
    pub const MAX_LEN: usize = 60;
    /// Offset of the checksum field.
    pub const CHECKSUM_OFFSET: usize = 16;

    /// Splits a segment into header and data.
    ///
    /// Options cannot make it fail: a known one of the wrong length is ignored, and a list that
    /// makes no sense is ignored from there on, as RFC 9293 (MUST-7) leaves it to the receiver.
    #[inline]
    pub fn parse(segment: &[u8]) -> Result<(Self, &[u8])> {
        let mut reader = Reader::new(segment);
        let source_port = reader.u16()?;
        let destination_port = reader.u16()?;
        let sequence = SequenceNumber(reader.u32()?);
        let acknowledgment = SequenceNumber(reader.u32()?);
        let offset_and_flags = reader.u16()?;
        let window = reader.u16()?;
        let checksum = reader.u16()?;
        let urgent_pointer = reader.u16()?;
        let header_len = usize::from(offset_and_flags >> 12) * 4;
        let options_len = header_len.checked_sub(Self::MIN_LEN).ok_or(ParseError::BadLength)?;
        let options = TcpOptions::parse(reader.take(options_len)?);
        let header = Self {
            source_port,
            destination_port,
            sequence,
            acknowledgment,
            flags: TcpFlags::from_bits_truncate(offset_and_flags),
            window,
            checksum,
            urgent_pointer,
            options,
        };
        Ok((header, reader.rest()))
    }

    /// The ports and sequence number of a segment of which only the beginning is there, such as
    /// the one that an ICMPv6 error quotes.
    pub fn parse_quoted(segment: &[u8]) -> Result<(u16, u16, SequenceNumber)> {
        let mut reader = Reader::new(segment);
        Ok((reader.u16()?, reader.u16()?, SequenceNumber(reader.u32()?)))
    }

    /// Octets on the wire.
    #[inline]
    pub fn len(&self) -> usize {
        Self::MIN_LEN + self.options.len()
    }

    /// Always false: the header has at least 20 octets.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes [`Self::len`] octets, the checksum as the field has it.
    ///
    /// # Panics
    /// Also when the header is longer than [`Self::MAX_LEN`].
    #[inline]
    pub fn emit(&self, out: &mut [u8]) {
        let len = self.len();
        assert!(len <= Self::MAX_LEN, "TCP options exceed 40 octets");
        let data_offset = (len / 4) as u16;
        let mut octets = [0; Self::MIN_LEN];
        Writer::new(&mut octets)
            .u16(self.source_port)
            .u16(self.destination_port)
            .u32(self.sequence.0)
            .u32(self.acknowledgment.0)
            .u16(data_offset << 12 | self.flags.bits())
            .u16(self.window)
            .u16(self.checksum)
            .u16(self.urgent_pointer);
        let (fixed, options) = out.split_at_mut(Self::MIN_LEN);
        fixed.copy_from_slice(&octets);
        match self.options.only_timestamps() {
            Some(stamps) => stamps.put(Writer::new(options)),
            None => self.options.put(Writer::new(options)),
        }
    }

    /// The urgent pointer if there is one.
    pub const fn urgent(&self) -> Option<u16> {
        if self.flags.contains(TcpFlags::URG) { Some(self.urgent_pointer) } else { None }
    }

    /// The acknowledgment number if there is one.
    pub const fn ack(&self) -> Option<SequenceNumber> {
        if self.flags.contains(TcpFlags::ACK) { Some(self.acknowledgment) } else { None }
    }
}

/// Kinds of options.
mod kind {
    pub(super) const END: u8 = 0;
    pub(super) const NO_OPERATION: u8 = 1;
    pub(super) const MAXIMUM_SEGMENT_SIZE: u8 = 2;
    pub(super) const WINDOW_SCALE: u8 = 3;
    pub(super) const SACK_PERMITTED: u8 = 4;
    pub(super) const SACK: u8 = 5;
    pub(super) const TIMESTAMPS: u8 = 8;
}

/// The two values of the Timestamps option (RFC 7323, Section 3.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub value: u32,
    /// TSecr: the last value seen from the other side.
    pub echo_reply: u32,
}

impl Timestamps {
    /// How the option begins where it is the only one, padded (RFC 7323, Appendix A).
    const ALONE: [u8; 4] = [kind::NO_OPERATION, kind::NO_OPERATION, kind::TIMESTAMPS, 10];

    /// Writes the option as the only one.
    #[inline]
    fn put(self, writer: Writer<'_>) {
        let mut octets = [0; 12];
        Writer::new(&mut octets).bytes(&Self::ALONE).u32(self.value).u32(self.echo_reply);
        writer.bytes(&octets);
    }

    /// The words of the option as the only one, as they lie in memory.
    #[inline]
    pub(super) const fn alone(self) -> [u32; 3] {
        [u32::from_ne_bytes(Self::ALONE), self.value.to_be(), self.echo_reply.to_be()]
    }

    /// Reads the option if it is the only one, as nearly every segment has it.
    #[inline]
    pub(super) fn parse_alone(bytes: &[u8; 12]) -> Option<Self> {
        let (&[alone, value, echo_reply], []) = bytes.as_chunks() else { return None };
        (alone == Self::ALONE).then(|| Self {
            value: u32::from_be_bytes(value),
            echo_reply: u32::from_be_bytes(echo_reply),
        })
    }
}

/// A run of data that has arrived behind a hole (RFC 2018, Section 3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct SackBlock {
    /// The first number of the run.
    pub left: SequenceNumber,
    /// The number behind its last one.
    pub right: SequenceNumber,
}

/// Up to four blocks, the most that fit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct SackBlocks {
    blocks: [SackBlock; Self::MAX],
    len: u8,
}

impl SackBlocks {
    /// The most that 40 octets of options can hold.
    pub const MAX: usize = 4;
    /// The most that fit beside timestamps.
    pub const MAX_WITH_TIMESTAMPS: usize = 3;

    /// None.
    pub const fn new() -> Self {
        Self {
            blocks: [SackBlock { left: SequenceNumber(0), right: SequenceNumber(0) }; 4],
            len: 0,
        }
    }

    /// Adds a block; gives it back when there is no room.
    pub fn push(&mut self, block: SackBlock) -> core::result::Result<(), SackBlock> {
        let Some(slot) = self.blocks.get_mut(usize::from(self.len)) else { return Err(block) };
        *slot = block;
        self.len += 1;
        Ok(())
    }

    /// The blocks, in the order of the option.
    #[inline]
    pub fn as_slice(&self) -> &[SackBlock] {
        self.blocks.get(..self.len.into()).unwrap_or(&self.blocks)
    }
}

/// The options that this stack knows; each at most once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TcpOptions {
    /// Maximum segment size in octets (RFC 9293, Section 3.7.1); on SYN segments.
    pub maximum_segment_size: Option<u16>,
    /// Window scale shift (RFC 7323, Section 2); on SYN segments. More than 14 counts as 14.
    pub window_scale: Option<u8>,
    /// Whether selective acknowledgments are welcome (RFC 2018, Section 2); on SYN segments.
    pub sack_permitted: bool,
    /// Timestamps (RFC 7323, Section 3).
    pub timestamps: Option<Timestamps>,
    /// Selective acknowledgments (RFC 2018, Section 3).
    pub sack: SackBlocks,
}

impl TcpOptions {
    /// The largest window scale (RFC 7323, Section 2.3).
    pub const MAX_WINDOW_SCALE: u8 = 14;

    /// No options.
    pub const NONE: Self = Self {
        maximum_segment_size: None,
        window_scale: None,
        sack_permitted: false,
        timestamps: None,
        sack: SackBlocks::new(),
    };

    #[inline]
    fn parse(bytes: &[u8]) -> Self {
        match bytes.try_into().ok().and_then(Timestamps::parse_alone) {
            Some(stamps) => Self { timestamps: Some(stamps), ..Self::NONE },
            None if bytes.is_empty() => Self::NONE,
            None => Self::parse_list(bytes),
        }
    }

    fn parse_list(bytes: &[u8]) -> Self {
        let mut options = Self::NONE;
        let mut reader = Reader::new(bytes);
        while let Ok(kind) = reader.u8() {
            match kind {
                kind::END => break,
                kind::NO_OPERATION => continue,
                _ => {}
            }
            let data = reader
                .u8()
                .and_then(|len| len.checked_sub(2).ok_or(ParseError::BadLength))
                .and_then(|len| reader.take(len.into()));
            let Ok(data) = data else { break };
            options.set(kind, data);
        }
        options
    }

    /// Takes in one option; one that is unknown or of the wrong length changes nothing.
    fn set(&mut self, kind: u8, data: &[u8]) {
        match (kind, data) {
            (kind::MAXIMUM_SEGMENT_SIZE, &[a, b]) => {
                self.maximum_segment_size = Some(u16::from_be_bytes([a, b]));
            }
            (kind::WINDOW_SCALE, &[shift]) => {
                self.window_scale = Some(shift.min(Self::MAX_WINDOW_SCALE));
            }
            (kind::SACK_PERMITTED, []) => self.sack_permitted = true,
            (kind::TIMESTAMPS, data) => {
                let (&[value, echo_reply], []) = data.as_chunks() else { return };
                self.timestamps = Some(Timestamps {
                    value: u32::from_be_bytes(value),
                    echo_reply: u32::from_be_bytes(echo_reply),
                });
            }
            (kind::SACK, data) => {
                let (edges, []) = data.as_chunks() else { return };
                let (blocks, []) = edges.as_chunks() else { return };
                let mut sack = SackBlocks::new();
                for &[left, right] in blocks {
                    let left = SequenceNumber(u32::from_be_bytes(left));
                    let right = SequenceNumber(u32::from_be_bytes(right));
                    if sack.push(SackBlock { left, right }).is_err() {
                        return;
                    }
                }
                self.sack = sack;
            }
            _ => {}
        }
    }

    /// The timestamps, if there is nothing else.
    #[inline]
    const fn only_timestamps(&self) -> Option<Timestamps> {
        let Self { maximum_segment_size, window_scale, sack_permitted, timestamps, sack } = self;
        let others = maximum_segment_size.is_some()
            || window_scale.is_some()
            || *sack_permitted
            || sack.len > 0;
        if others { None } else { *timestamps }
    }

    /// Octets on the wire, a multiple of four. A header has room for 40; four SACK blocks and
    /// anything else, or three and more than timestamps, need more.
    #[inline]
    pub fn len(&self) -> usize {
        let Self { maximum_segment_size, window_scale, sack_permitted, timestamps, sack } = self;
        let mut len = 0;
        len += if maximum_segment_size.is_some() { 4 } else { 0 };
        len += if window_scale.is_some() { 4 } else { 0 };
        len += if timestamps.is_some() { 12 } else { 0 };
        // Its two octets take the place of the padding of the timestamps.
        len += if *sack_permitted && timestamps.is_none() { 4 } else { 0 };
        len += match sack.as_slice().len() {
            0 => 0,
            blocks => 4 + 8 * blocks,
        };
        len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn put(self, mut writer: Writer<'_>) {
        const NOP: u8 = kind::NO_OPERATION;
        let Self { maximum_segment_size, window_scale, sack_permitted, timestamps, sack } = self;
        if let Some(size) = maximum_segment_size {
            writer = writer.bytes(&[kind::MAXIMUM_SEGMENT_SIZE, 4]).u16(size);
        }
        writer = match (sack_permitted, timestamps.is_some()) {
            (true, _) => writer.bytes(&[kind::SACK_PERMITTED, 2]),
            (false, true) => writer.bytes(&[NOP, NOP]),
            (false, false) => writer,
        };
        writer = match timestamps {
            Some(Timestamps { value, echo_reply }) => {
                writer.bytes(&[kind::TIMESTAMPS, 10]).u32(value).u32(echo_reply)
            }
            None if sack_permitted => writer.bytes(&[NOP, NOP]),
            None => writer,
        };
        if let Some(shift) = window_scale {
            writer = writer.bytes(&[NOP, kind::WINDOW_SCALE, 3, shift]);
        }
        let blocks = sack.as_slice();
        if !blocks.is_empty() {
            writer = writer.bytes(&[NOP, NOP, kind::SACK, 2 + 8 * blocks.len() as u8]);
            for SackBlock { left, right } in blocks {
                writer = writer.u32(left.0).u32(right.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A SYN as Linux sends it: ports 4660 and 80, window 64800.
    const SYN: [u8; 40] = [
        0x12, 0x34, 0, 80, 0x89, 0xab, 0xcd, 0xef, 0, 0, 0, 0, // to acknowledgment
        0xa0, 0x02, 0xfd, 0x20, 0xbe, 0xef, 0, 0, // to urgent pointer
        2, 4, 0x05, 0xa0, // MSS 1440
        4, 2, 8, 10, 0, 0, 0x12, 0x34, 0, 0, 0, 0, // SACK permitted, timestamps
        1, 3, 3, 7, // window scale 7
    ];

    /// Rows: MUST-4
    #[test]
    fn syn_golden() {
        let header = TcpHeader {
            source_port: 0x1234,
            destination_port: 80,
            sequence: SequenceNumber(0x89ab_cdef),
            acknowledgment: SequenceNumber(0),
            flags: TcpFlags::SYN,
            window: 64_800,
            checksum: 0xbeef,
            urgent_pointer: 0,
            options: TcpOptions {
                maximum_segment_size: Some(1440),
                window_scale: Some(7),
                sack_permitted: true,
                timestamps: Some(Timestamps { value: 0x1234, echo_reply: 0 }),
                sack: SackBlocks::new(),
            },
        };
        assert_eq!(TcpHeader::parse(&SYN), Ok((header, &[][..])));
        assert_eq!((header.len(), header.ack()), (40, None));
        let mut out = [0xff; 40];
        header.emit(&mut out);
        assert_eq!(out, SYN);
    }

    #[test]
    fn header_lengths() {
        for len in 0..SYN.len() {
            assert_eq!(TcpHeader::parse(&SYN[..len]), Err(ParseError::Truncated));
        }
        for units in 0..16 {
            let mut segment = SYN;
            segment[12] = units << 4;
            let expected = match units {
                0..5 => Err(ParseError::BadLength),
                5..=10 => Ok(40 - usize::from(units) * 4),
                _ => Err(ParseError::Truncated),
            };
            assert_eq!(TcpHeader::parse(&segment).map(|(_, data)| data.len()), expected);
        }
        assert_eq!(
            TcpHeader::parse_quoted(&SYN[..8]),
            Ok((0x1234, 80, SequenceNumber(0x89ab_cdef)))
        );
        assert!(TcpHeader::parse_quoted(&SYN[..7]).is_err());
    }

    #[test]
    fn sack_golden() {
        let bytes = [1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4];
        let options = TcpOptions::parse(&bytes);
        let block =
            |left, right| SackBlock { left: SequenceNumber(left), right: SequenceNumber(right) };
        assert_eq!(options.sack.as_slice(), [block(1, 2), block(3, 4)]);
        let mut out = [0; 20];
        assert_eq!(options.len(), 20);
        options.put(Writer::new(&mut out));
        assert_eq!(out, bytes);
    }

    /// Rows: MUST-6, MUST-7, MUST-68
    #[test]
    fn options_that_make_no_sense() {
        let mss = TcpOptions { maximum_segment_size: Some(1440), ..TcpOptions::NONE };
        for (bytes, expected) in [
            (&[2, 4, 5, 0xa0][..], mss),
            (&[1, 1, 1, 2, 4, 5, 0xa0], mss),
            (&[0, 2, 4, 5, 0xa0], TcpOptions::NONE), // behind the end
            (&[3, 0, 2, 4, 5, 0xa0], TcpOptions::NONE), // length 0
            (&[3, 1, 2, 4, 5, 0xa0], TcpOptions::NONE), // length 1
            (&[2, 4, 5, 0xa0, 3, 0], mss),
            (&[2, 4, 5, 0xa0, 3], mss),
            (&[2, 4, 5, 0xa0, 3, 4, 7], mss), // runs past the end
            (&[2, 3, 5, 2, 4, 5, 0xa0], mss), // MSS of the wrong length, ignored
            (&[253, 6, 1, 2, 3, 4, 2, 4, 5, 0xa0], mss), // unknown
            (&[5, 9, 0, 0, 0, 0, 0, 0, 0, 2, 4, 5, 0xa0], mss), // SACK of odd length
            (&[3, 3, 15], TcpOptions { window_scale: Some(14), ..TcpOptions::NONE }),
        ] {
            assert_eq!(TcpOptions::parse(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_fifth_block_has_no_room() {
        let mut blocks = SackBlocks::new();
        for _ in 0..4 {
            blocks.push(SackBlock::default()).unwrap();
        }
        assert_eq!(blocks.push(SackBlock::default()), Err(SackBlock::default()));
        assert_eq!(blocks.as_slice().len(), 4);
    }

    prop_compose! {
        fn options()(
            maximum_segment_size: Option<u16>,
            window_scale in proptest::option::of(0u8..=14),
            sack_permitted: bool,
            timestamps in proptest::option::of(any::<(u32, u32)>()),
            blocks in proptest::collection::vec(any::<(u32, u32)>(), 0..=4),
        ) -> TcpOptions {
            let timestamps =
                timestamps.map(|(value, echo_reply)| Timestamps { value, echo_reply });
            let mut options = TcpOptions {
                maximum_segment_size, window_scale, sack_permitted, timestamps,
                sack: SackBlocks::new(),
            };
            for (left, right) in blocks {
                let mut sack = options.sack;
                let (left, right) = (SequenceNumber(left), SequenceNumber(right));
                let free = 36 - options.len() - if sack.len == 0 { 0 } else { 4 };
                if free >= 12 || sack.len > 0 && free >= 8 {
                    sack.push(SackBlock { left, right }).unwrap();
                    options.sack = sack;
                }
            }
            options
        }
    }

    proptest! {
        /// Rows: MUST-64, MUST-69, QOS-12
        #[test]
        fn parse_inverts_emit(
            ports: (u16, u16), numbers: (u32, u32), flags in 0u16..0x200, fields: (u16, u16, u16),
            options in options(), data in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let header = TcpHeader {
                source_port: ports.0,
                destination_port: ports.1,
                sequence: SequenceNumber(numbers.0),
                acknowledgment: SequenceNumber(numbers.1),
                flags: TcpFlags::from_bits_retain(flags),
                window: fields.0,
                checksum: fields.1,
                urgent_pointer: fields.2,
                options,
            };
            let mut segment = vec![0; header.len()];
            header.emit(&mut segment);
            segment.extend(&data);
            prop_assert_eq!(TcpHeader::parse(&segment), Ok((header, &data[..])));
        }

        /// Rows: MUST-5, MUST-7
        #[test]
        fn any_octets(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = TcpHeader::parse(&bytes);
            let options = TcpOptions::parse(&bytes);
            prop_assert!(options.sack.as_slice().len() <= SackBlocks::MAX);
            prop_assert!(options.window_scale.is_none_or(|shift| shift <= 14));
        }
    }
}
