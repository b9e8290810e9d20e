//! The UDP header (RFC 768) over IPv6 (RFC 8200, Section 8.1).

use super::checksum::Checksum;
use super::cursor::{Reader, Writer};
use super::ipv6::NextHeader;
use super::{ParseError, Result};
use core::net::Ipv6Addr;

/// The eight octets in front of every datagram.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UdpHeader {
    /// Where answers go; zero when none are expected.
    pub source_port: u16,
    /// The receiving port.
    pub destination_port: u16,
    /// Octets of this header and the payload.
    pub length: u16,
    /// The checksum; never zero on IPv6 (RFC 8200, Section 8.1).
    pub checksum: u16,
}

impl UdpHeader {
    /// Octets on the wire.
    pub const LEN: usize = 8;

    /// Splits a datagram into header and payload, the latter cut to the length field.
    ///
    /// A checksum of zero is [`ParseError::BadValue`]: over IPv6 it is not optional. Whether
    /// another one is right is for [`super::checksum::verify`] to say, over the first
    /// [`Self::length`] octets.
    #[inline]
    pub fn parse(segment: &[u8]) -> Result<(Self, &[u8])> {
        let (header, payload) = Self::parse_unchecked(segment)?;
        if header.checksum == 0 { Err(ParseError::BadValue) } else { Ok((header, payload)) }
    }

    /// The same for who takes datagrams without a checksum (RFC 6936).
    #[inline]
    pub fn parse_unchecked(segment: &[u8]) -> Result<(Self, &[u8])> {
        let (header, rest) = Self::parse_quoted(segment)?;
        let payload_length =
            usize::from(header.length).checked_sub(Self::LEN).ok_or(ParseError::BadLength)?;
        Ok((header, rest.get(..payload_length).ok_or(ParseError::Truncated)?))
    }

    /// Parses the header of a datagram of which only the beginning is there, such as the one
    /// that an ICMPv6 error quotes, and gives the octets behind it.
    #[inline]
    pub fn parse_quoted(segment: &[u8]) -> Result<(Self, &[u8])> {
        let mut reader = Reader::new(segment);
        let header = Self {
            source_port: reader.u16()?,
            destination_port: reader.u16()?,
            length: reader.u16()?,
            checksum: reader.u16()?,
        };
        Ok((header, reader.rest()))
    }

    /// The header for a payload of `payload_length` octets whose sum is `payload`, between
    /// `source` and the final `destination`. `None` when the payload is too long for UDP.
    #[inline]
    pub fn new(
        (source, source_port): (Ipv6Addr, u16),
        (destination, destination_port): (Ipv6Addr, u16),
        payload_length: usize,
        payload: Checksum,
    ) -> Option<Self> {
        let common = Self::common_sum((source, source_port), (destination, destination_port));
        Self::with_sum((source_port, destination_port), payload_length, common, payload)
    }

    /// What the checksums of all datagrams from one end to another have in common: addresses,
    /// protocol and ports.
    #[inline]
    pub fn common_sum(
        (source, source_port): (Ipv6Addr, u16),
        (destination, destination_port): (Ipv6Addr, u16),
    ) -> Checksum {
        let mut sum = Checksum::pseudo_header(source, destination, NextHeader::UDP, 0);
        sum.add_word(source_port);
        sum.add_word(destination_port);
        sum
    }

    /// [`Self::new`] for whoever keeps what [`Self::common_sum`] gives.
    #[inline]
    pub fn with_sum(
        (source_port, destination_port): (u16, u16),
        payload_length: usize,
        common: Checksum,
        payload: Checksum,
    ) -> Option<Self> {
        let length = u16::try_from(payload_length).ok()?.checked_add(Self::LEN as u16)?;
        let mut sum = common;
        // Once in the pseudo-header, once in the header.
        sum.add_word(length);
        sum.add_word(length);
        sum.append(payload);
        Some(Self { source_port, destination_port, length, checksum: sum.finish_udp() })
    }

    /// Writes [`Self::LEN`] octets.
    #[inline]
    pub fn emit(&self, out: &mut [u8]) {
        let mut octets = [0; Self::LEN];
        Writer::new(&mut octets)
            .u16(self.source_port)
            .u16(self.destination_port)
            .u16(self.length)
            .u16(self.checksum);
        Writer::new(out).bytes(&octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::checksum;
    use proptest::prelude::*;

    const SOURCE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const DESTINATION: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

    /// Ports 1234 and 7, "abc". Hexadecimal sum: 2 × fe80 + 1 + 2 + 2 × length b + 11 + 04d2 + 7
    /// + 6162 + 6300 = 2c665, folded c667.
    const GOLDEN: [u8; 11] = [0x04, 0xd2, 0, 7, 0, 11, 0x39, 0x98, b'a', b'b', b'c'];

    fn sum(bytes: &[u8]) -> Checksum {
        let mut sum = Checksum::new();
        sum.add(bytes);
        sum
    }

    #[test]
    fn golden() {
        let header = UdpHeader::new((SOURCE, 1234), (DESTINATION, 7), 3, sum(b"abc")).unwrap();
        let mut out = [0; 11];
        header.emit(&mut out);
        out[8..].copy_from_slice(b"abc");
        assert_eq!(out, GOLDEN);
        assert_eq!(UdpHeader::parse(&GOLDEN), Ok((header, &b"abc"[..])));
        assert!(checksum::verify(SOURCE, DESTINATION, NextHeader::UDP, &GOLDEN));
    }

    /// Rows: UDP-4
    #[test]
    fn lengths() {
        for len in 0..GOLDEN.len() {
            assert_eq!(UdpHeader::parse(&GOLDEN[..len]), Err(ParseError::Truncated));
        }
        for (length, expected) in [
            (0, Err(ParseError::BadLength)),
            (7, Err(ParseError::BadLength)),
            (8, Ok(0)),
            (10, Ok(2)),
            (11, Ok(3)),
            (12, Err(ParseError::Truncated)),
            (255, Err(ParseError::Truncated)),
        ] {
            let mut datagram = GOLDEN;
            datagram[5] = length;
            assert_eq!(UdpHeader::parse(&datagram).map(|(_, payload)| payload.len()), expected);
        }
    }

    /// Rows: UDP-1, UDP-2
    #[test]
    fn no_checksum_is_refused_on_input_and_never_sent() {
        let mut datagram = GOLDEN;
        datagram[6..8].fill(0);
        assert_eq!(UdpHeader::parse(&datagram), Err(ParseError::BadValue));
        let unchecked = UdpHeader::parse_unchecked(&datagram).unwrap();
        assert_eq!((unchecked.0.checksum, unchecked.1), (0, &b"abc"[..]));
        let header = |payload: [u8; 2]| {
            UdpHeader::new((SOURCE, 1), (DESTINATION, 7), 2, sum(&payload)).unwrap()
        };
        // What is missing to a sum of all ones, as payload.
        let ones = header(header([0, 0]).checksum.to_be_bytes());
        assert_eq!(ones.checksum, 0xffff);
    }

    #[test]
    fn longest_payload() {
        let header = |len| UdpHeader::new((SOURCE, 1), (DESTINATION, 2), len, sum(&[]));
        assert_eq!(header(65_527).map(|header| header.length), Some(65_535));
        assert_eq!(header(65_528), None);
        assert_eq!(header(usize::MAX), None);
    }

    proptest! {
        /// Rows: QOS-12
        #[test]
        fn parse_inverts_emit(
            source_port: u16,
            destination_port: u16,
            payload in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let header = UdpHeader::new(
                (SOURCE, source_port), (DESTINATION, destination_port), payload.len(), sum(&payload),
            ).unwrap();
            let mut datagram = vec![0; UdpHeader::LEN];
            header.emit(&mut datagram);
            datagram.extend(&payload);
            prop_assert_eq!(UdpHeader::parse(&datagram), Ok((header, &payload[..])));
            prop_assert!(checksum::verify(SOURCE, DESTINATION, NextHeader::UDP, &datagram));
        }

        #[test]
        fn any_octets(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok((header, payload)) = UdpHeader::parse(&bytes) {
                let mut out = [0; UdpHeader::LEN];
                header.emit(&mut out);
                prop_assert_eq!(&out, &bytes[..8]);
                prop_assert_eq!(payload.len() + 8, usize::from(header.length));
            }
        }
    }
}
