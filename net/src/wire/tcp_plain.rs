//! The TCP header of nearly every segment: an acknowledgment, perhaps the push bit, and timestamps
//! as the only option or no option at all. Reading and writing it needs no loop.

use super::checksum::Checksum;
use super::tcp::{TcpFlags, TcpHeader, Timestamps};
use super::tcp_sequence::SequenceNumber;

/// What such a header says, besides the ports and the checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PlainHeader {
    /// SEG.SEQ.
    pub(crate) sequence: SequenceNumber,
    /// SEG.ACK.
    pub(crate) acknowledgment: SequenceNumber,
    /// The push bit.
    pub(crate) push: bool,
    /// SEG.WND, not scaled.
    pub(crate) window: u16,
    /// The only option, if there is one.
    pub(crate) timestamps: Option<Timestamps>,
}

/// The control bits without and with the push bit.
const ACK: u32 = TcpFlags::ACK.bits() as u32;
const ACK_PUSH: u32 = ACK | TcpFlags::PSH.bits() as u32;
/// Octets of the timestamps option, padded.
const TIMESTAMPS_LEN: usize = 12;

/// A word as it lies in memory.
const fn wire(number: u32) -> u32 {
    number.to_be()
}

impl PlainHeader {
    /// Octets on the wire.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        TcpHeader::MIN_LEN + if self.timestamps.is_some() { TIMESTAMPS_LEN } else { 0 }
    }

    /// The source and the destination port and the header of a segment; `None` when its header is
    /// not plain, or no header.
    #[inline]
    pub(crate) fn parse(segment: &[u8]) -> Option<((u16, u16), Self)> {
        let (fixed, rest) = segment.split_first_chunk::<{ TcpHeader::MIN_LEN }>()?;
        let &[ports, sequence, acknowledgment, bits, _] = fixed.as_chunks().0 else { return None };
        let bits = u32::from_be_bytes(bits);
        let timestamps = match bits >> 28 {
            5 => None,
            8 => Some(Timestamps::parse_alone(rest.first_chunk::<TIMESTAMPS_LEN>()?)?),
            _ => return None,
        };
        // Reserved bits count as control bits: with one of them the header is not plain.
        let flags = bits >> 16 & 0xfff;
        if flags != ACK && flags != ACK_PUSH {
            return None;
        }
        let ports = u32::from_be_bytes(ports);
        let header = Self {
            sequence: SequenceNumber(u32::from_be_bytes(sequence)),
            acknowledgment: SequenceNumber(u32::from_be_bytes(acknowledgment)),
            push: flags == ACK_PUSH,
            window: bits as u16,
            timestamps,
        };
        Some((((ports >> 16) as u16, ports as u16), header))
    }

    /// Writes the header to the [`Self::len`] octets of `out`, with a checksum over the
    /// `pseudo`-header, this one and the `data` behind it. False, and nothing is written, when
    /// `out` has another length.
    #[inline]
    pub(crate) fn emit(
        &self,
        (source, destination): (u16, u16),
        (pseudo, data): (Checksum, Checksum),
        out: &mut [u8],
    ) -> bool {
        if out.len() != self.len() {
            return false;
        }
        let Some((fixed, options)) = out.split_first_chunk_mut::<{ TcpHeader::MIN_LEN }>() else {
            return false;
        };
        let flags = if self.push { ACK_PUSH } else { ACK };
        let offset = (self.len() / 4) as u32;
        let mut words = [
            wire(u32::from(source) << 16 | u32::from(destination)),
            wire(self.sequence.0),
            wire(self.acknowledgment.0),
            wire(offset << 28 | flags << 16 | u32::from(self.window)),
            0,
        ];
        let mut sum = pseudo;
        sum.add_words(words);
        if let (Some(stamps), Some(option)) =
            (self.timestamps, options.first_chunk_mut::<TIMESTAMPS_LEN>())
        {
            let words = stamps.alone();
            sum.add_words(words);
            put(words, option.as_chunks_mut().0);
        }
        sum.append(data);
        words[4] = wire(u32::from(sum.finish()) << 16);
        put(words, fixed.as_chunks_mut().0);
        true
    }
}

/// Writes words as they are.
#[inline]
fn put<const N: usize>(words: [u32; N], out: &mut [[u8; 4]]) {
    for (word, out) in words.into_iter().zip(out) {
        *out = word.to_ne_bytes();
    }
}

impl From<&PlainHeader> for TcpHeader {
    /// Without ports and checksum.
    fn from(plain: &PlainHeader) -> Self {
        let mut flags = TcpFlags::ACK;
        flags.set(TcpFlags::PSH, plain.push);
        Self {
            source_port: 0,
            destination_port: 0,
            sequence: plain.sequence,
            acknowledgment: plain.acknowledgment,
            flags,
            window: plain.window,
            checksum: 0,
            urgent_pointer: 0,
            options: super::tcp::TcpOptions { timestamps: plain.timestamps, ..Default::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::checksum;
    use crate::wire::ipv6::NextHeader;
    use core::net::Ipv6Addr;
    use proptest::prelude::*;

    const ENDS: (Ipv6Addr, Ipv6Addr) = (Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED);

    prop_compose! {
        fn plain()(
            numbers in any::<(u32, u32, bool, u16)>(),
            stamps in proptest::option::of(any::<(u32, u32)>()),
        ) -> PlainHeader {
            let (sequence, acknowledgment, push, window) = numbers;
            PlainHeader {
                sequence: SequenceNumber(sequence),
                acknowledgment: SequenceNumber(acknowledgment),
                push,
                window,
                timestamps: stamps.map(|(value, echo_reply)| Timestamps { value, echo_reply }),
            }
        }
    }

    fn emitted(plain: &PlainHeader, ports: (u16, u16), data: &[u8]) -> Vec<u8> {
        let mut segment = vec![0; plain.len()];
        segment.extend_from_slice(data);
        let length = segment.len() as u32;
        let pseudo = Checksum::pseudo_header(ENDS.0, ENDS.1, NextHeader::TCP, length);
        let mut sum = Checksum::new();
        sum.add(data);
        assert!(plain.emit(ports, (pseudo, sum), &mut segment[..plain.len()]));
        segment
    }

    proptest! {
        /// Rows: MUST-64, QOS-12
        #[test]
        fn it_is_the_header_that_the_general_way_writes(
            plain in plain(),
            ports: (u16, u16),
            data in proptest::collection::vec(any::<u8>(), 0..70),
        ) {
            let segment = emitted(&plain, ports, &data);
            prop_assert!(checksum::verify(ENDS.0, ENDS.1, NextHeader::TCP, &segment));
            let (parsed, rest) = TcpHeader::parse(&segment).unwrap();
            let (source_port, destination_port) = ports;
            let checksum = parsed.checksum;
            let expected =
                TcpHeader { source_port, destination_port, checksum, ..TcpHeader::from(&plain) };
            prop_assert_eq!(parsed, expected);
            prop_assert_eq!(rest, &data);
            prop_assert_eq!(PlainHeader::parse(&segment), Some((ports, plain)));
            let mut other = vec![0; plain.len() + 1];
            prop_assert!(!plain.emit(ports, (Checksum::new(), Checksum::new()), &mut other));
        }

        /// Whatever arrives: what is plain says the same to the general way.
        #[test]
        fn what_is_plain_is_what_the_general_way_reads(
            mut segment in proptest::collection::vec(any::<u8>(), 0..80),
            bits in prop_oneof![Just(0x5010u16), Just(0x5018), Just(0x8010), any::<u16>()],
            stamps: bool,
        ) {
            if let Some(field) = segment.get_mut(12..14) {
                field.copy_from_slice(&bits.to_be_bytes());
            }
            if let Some(option) = segment.get_mut(20..24).filter(|_| stamps) {
                option.copy_from_slice(&[1, 1, 8, 10]);
            }
            if let Some((ports, plain)) = PlainHeader::parse(&segment) {
                let (header, _) = TcpHeader::parse(&segment).unwrap();
                let expected = TcpHeader {
                    source_port: ports.0,
                    destination_port: ports.1,
                    checksum: header.checksum,
                    urgent_pointer: header.urgent_pointer,
                    ..TcpHeader::from(&plain)
                };
                prop_assert_eq!(header, expected);
            }
        }
    }
}
