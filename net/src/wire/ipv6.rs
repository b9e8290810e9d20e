//! The IPv6 header (RFC 8200, Section 3).
//!
//! Extension headers are in [`super::extension`].

use super::cursor::Writer;
use super::{ParseError, Result};
use core::fmt;
use core::net::Ipv6Addr;

/// The type of the header that follows (IANA "Protocol Numbers").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NextHeader(pub u8);

impl NextHeader {
    /// Hop-by-hop options (RFC 8200, Section 4.3): only directly behind the IPv6 header.
    pub const HOP_BY_HOP: Self = Self(0);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// Routing header (RFC 8200, Section 4.4).
    pub const ROUTING: Self = Self(43);
    /// Fragment header (RFC 8200, Section 4.5).
    pub const FRAGMENT: Self = Self(44);
    /// Encapsulating security payload (RFC 4303).
    pub const ESP: Self = Self(50);
    /// Authentication header (RFC 4302).
    pub const AUTHENTICATION: Self = Self(51);
    /// ICMPv6.
    pub const ICMPV6: Self = Self(58);
    /// Nothing follows (RFC 8200, Section 4.7).
    pub const NONE: Self = Self(59);
    /// Destination options (RFC 8200, Section 4.6).
    pub const DESTINATION_OPTIONS: Self = Self(60);
}

impl fmt::Debug for NextHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::HOP_BY_HOP => f.write_str("HOP_BY_HOP"),
            Self::TCP => f.write_str("TCP"),
            Self::UDP => f.write_str("UDP"),
            Self::ROUTING => f.write_str("ROUTING"),
            Self::FRAGMENT => f.write_str("FRAGMENT"),
            Self::ESP => f.write_str("ESP"),
            Self::AUTHENTICATION => f.write_str("AUTHENTICATION"),
            Self::ICMPV6 => f.write_str("ICMPV6"),
            Self::NONE => f.write_str("NONE"),
            Self::DESTINATION_OPTIONS => f.write_str("DESTINATION_OPTIONS"),
            Self(other) => write!(f, "NextHeader({other})"),
        }
    }
}

/// How many more nodes may forward the packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HopLimit(pub u8);

impl HopLimit {
    /// What a host uses until a router says otherwise.
    pub const DEFAULT: Self = Self(64);
    /// The value that proves that nobody forwarded the packet: demanded of Neighbor Discovery
    /// (RFC 4861, Section 11.2).
    pub const MAX: Self = Self(255);
    /// Stays on the link: Multicast Listener Discovery (RFC 3810, Section 5) and multicast by
    /// default (RFC 3493, Section 5.2).
    pub const ONE: Self = Self(1);
}

/// Explicit Congestion Notification field (RFC 3168, Section 5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Ecn {
    /// The transport does not take part.
    NotCapable = 0b00,
    /// ECN-capable transport, code point 1.
    Capable1 = 0b01,
    /// ECN-capable transport, code point 0.
    Capable0 = 0b10,
    /// Congestion experienced.
    CongestionExperienced = 0b11,
}

/// The traffic class octet: six bits of differentiated services (RFC 2474), two of ECN.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TrafficClass(pub u8);

impl TrafficClass {
    /// A traffic class of the low six bits of `dscp` and of `ecn`.
    pub const fn new(dscp: u8, ecn: Ecn) -> Self {
        Self(dscp << 2 | ecn as u8)
    }

    /// The differentiated services code point, 0 to 63.
    pub const fn dscp(self) -> u8 {
        self.0 >> 2
    }

    /// The ECN field.
    pub const fn ecn(self) -> Ecn {
        match self.0 & 0b11 {
            0b00 => Ecn::NotCapable,
            0b01 => Ecn::Capable1,
            0b10 => Ecn::Capable0,
            _ => Ecn::CongestionExperienced,
        }
    }

    /// The same class with another ECN field.
    #[must_use]
    pub const fn with_ecn(self, ecn: Ecn) -> Self {
        Self(self.0 & !0b11 | ecn as u8)
    }
}

/// A flow label (RFC 6437): 20 bits, 0 meaning none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct FlowLabel(u32);

impl FlowLabel {
    /// No flow.
    pub const NONE: Self = Self(0);

    /// The low 20 bits of `bits`.
    pub const fn from_low_bits(bits: u32) -> Self {
        Self(bits & 0xf_ffff)
    }

    /// The label as a number below 2^20.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// The 40 octets in front of every packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ipv6Header {
    /// Differentiated services and ECN.
    pub traffic_class: TrafficClass,
    /// Which flow the packet belongs to.
    pub flow_label: FlowLabel,
    /// Octets behind this header, extension headers included.
    pub payload_length: u16,
    /// The type of the header behind this one.
    pub next_header: NextHeader,
    /// Hops left.
    pub hop_limit: HopLimit,
    /// Who sent it.
    pub source: Ipv6Addr,
    /// Who shall have it.
    pub destination: Ipv6Addr,
}

impl Ipv6Header {
    /// Octets on the wire.
    pub const LEN: usize = 40;
    /// Offset of the payload length field: where FRG-8's Parameter Problem points
    /// (RFC 8200, Section 4.5).
    pub const PAYLOAD_LENGTH_OFFSET: usize = 4;
    /// Offset of the source address; the destination follows, then the payload.
    pub const SOURCE_OFFSET: usize = 8;
    /// Offset of the next header field.
    pub const NEXT_HEADER_OFFSET: usize = 6;

    /// Splits a packet into header and payload, the latter cut to the payload length: whatever
    /// the link padded the frame with is gone.
    ///
    /// A payload length of zero gives an empty payload; jumbograms (RFC 2675) are not supported.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<(Self, &[u8])> {
        let (header, rest) = Self::parse_fixed(packet)?;
        let payload = rest.get(..header.payload_length.into()).ok_or(ParseError::Truncated)?;
        Ok((header, payload))
    }

    /// Parses the header of a packet that may be cut off, such as the one that an ICMPv6 error
    /// quotes: the payload is what is there of it.
    pub fn parse_quoted(packet: &[u8]) -> Result<(Self, &[u8])> {
        let (header, rest) = Self::parse_fixed(packet)?;
        Ok((header, rest.get(..header.payload_length.into()).unwrap_or(rest)))
    }

    #[inline]
    fn parse_fixed(packet: &[u8]) -> Result<(Self, &[u8])> {
        let Some((fixed, rest)) = packet.split_first_chunk::<{ Self::LEN }>() else {
            // Another version is worth more than too few octets.
            let foreign = packet.len() >= 4 && packet.first().is_some_and(|first| first >> 4 != 6);
            return Err(if foreign { ParseError::BadVersion } else { ParseError::Truncated });
        };
        // Every packet comes by here. A field that could be missing would be one in pieces: the
        // error shares its place with the first octet.
        let &[a, b, c, d, length_high, length_low, next_header, hop_limit, ref addresses @ ..] =
            fixed;
        let ([source, destination], _) = addresses.as_chunks() else {
            return Err(ParseError::Truncated);
        };
        let first = u32::from_be_bytes([a, b, c, d]);
        if first >> 28 != 6 {
            return Err(ParseError::BadVersion);
        }
        let header = Self {
            traffic_class: TrafficClass((first >> 20) as u8),
            flow_label: FlowLabel::from_low_bits(first),
            payload_length: u16::from_be_bytes([length_high, length_low]),
            next_header: NextHeader(next_header),
            hop_limit: HopLimit(hop_limit),
            source: Ipv6Addr::from(*source),
            destination: Ipv6Addr::from(*destination),
        };
        Ok((header, rest))
    }

    /// Writes [`Self::LEN`] octets.
    #[inline]
    pub fn emit(&self, out: &mut [u8]) {
        let first = 6 << 28 | u32::from(self.traffic_class.0) << 20 | self.flow_label.0;
        let mut octets = [0; Self::LEN];
        Writer::new(&mut octets)
            .u32(first)
            .u16(self.payload_length)
            .u8(self.next_header.0)
            .u8(self.hop_limit.0)
            .address(self.source)
            .address(self.destination);
        Writer::new(out).bytes(&octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An echo request's header: class 0x20, label 0x34567, 2 octets, hop limit 255.
    const GOLDEN: [u8; 42] = [
        0x62, 0x03, 0x45, 0x67, 0x00, 0x02, 0x3a, 0xff, // version to hop limit
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // source
        0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, // destination
        0xaa, 0xbb,
    ];

    #[test]
    fn golden() {
        let (header, payload) = Ipv6Header::parse(&GOLDEN).unwrap();
        let expected = Ipv6Header {
            traffic_class: TrafficClass(0x20),
            flow_label: FlowLabel::from_low_bits(0x34567),
            payload_length: 2,
            next_header: NextHeader::ICMPV6,
            hop_limit: HopLimit::MAX,
            source: "fe80::1".parse().unwrap(),
            destination: "ff02::2".parse().unwrap(),
        };
        assert_eq!(header, expected);
        assert_eq!(payload, [0xaa, 0xbb]);
        let mut out = [0; Ipv6Header::LEN];
        expected.emit(&mut out);
        assert_eq!(out, GOLDEN[..40]);
        assert_eq!(out[Ipv6Header::NEXT_HEADER_OFFSET], 58);
        assert_eq!(out[Ipv6Header::PAYLOAD_LENGTH_OFFSET..][..2], [0, 2]);
    }

    #[test]
    fn padding_behind_the_payload_is_cut_off() {
        let mut padded = GOLDEN.to_vec();
        padded.extend([0; 20]);
        assert_eq!(Ipv6Header::parse(&padded).unwrap().1, [0xaa, 0xbb]);
        assert_eq!(Ipv6Header::parse_quoted(&padded).unwrap().1, [0xaa, 0xbb]);
    }

    #[test]
    fn short_packets_are_truncated_and_quoted_ones_may_be() {
        for len in 0..GOLDEN.len() {
            assert_eq!(Ipv6Header::parse(&GOLDEN[..len]), Err(ParseError::Truncated));
            let quoted = Ipv6Header::parse_quoted(&GOLDEN[..len]);
            assert_eq!(quoted.map(|(_, payload)| payload.len()).ok(), len.checked_sub(40));
        }
    }

    #[test]
    fn versions_other_than_6() {
        for version in (0..16).filter(|&version| version != 6) {
            let mut packet = GOLDEN;
            packet[0] = version << 4 | 2;
            assert_eq!(Ipv6Header::parse(&packet), Err(ParseError::BadVersion));
        }
    }

    #[test]
    fn traffic_class_parts() {
        let class = TrafficClass::new(46, Ecn::Capable0);
        assert_eq!(class, TrafficClass(0xba));
        assert_eq!((class.dscp(), class.ecn()), (46, Ecn::Capable0));
        for ecn in [Ecn::NotCapable, Ecn::Capable1, Ecn::Capable0, Ecn::CongestionExperienced] {
            assert_eq!(class.with_ecn(ecn), TrafficClass::new(46, ecn));
            assert_eq!(class.with_ecn(ecn).ecn(), ecn);
        }
    }

    proptest! {
        /// Rows: QOS-12
        #[test]
        fn emit_inverts_parse(mut packet in proptest::collection::vec(any::<u8>(), 40..120)) {
            packet[0] = packet[0] & 0x0f | 0x60;
            let (header, payload) = Ipv6Header::parse_quoted(&packet).unwrap();
            prop_assert!(payload.len() <= header.payload_length.into());
            let mut out = [0; Ipv6Header::LEN];
            header.emit(&mut out);
            prop_assert_eq!(&out, &packet[..40]);
        }
    }
}
