//! Ethernet frames (IEEE 802.3 with a type field) as IPv6 uses them (RFC 2464).
//!
//! The frame check sequence is the adapter's business and never seen here.

use super::cursor::Writer;
use super::{ParseError, Result};
use crate::netif::MacAddress;
use core::net::Ipv6Addr;

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv6 (RFC 2464, Section 3).
    pub const IPV6: Self = Self(0x86dd);
    /// ARP; dropped here.
    pub const ARP: Self = Self(0x0806);
    /// An 802.1Q customer tag follows, see [`super::vlan`].
    pub const VLAN: Self = Self(0x8100);
    /// An 802.1Q service tag follows (once 802.1ad, "QinQ"); dropped here.
    pub const SERVICE_VLAN: Self = Self(0x88a8);
}

/// The 14 octets in front of every frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EthernetHeader {
    /// The receiving station or group.
    pub destination: MacAddress,
    /// The sending station.
    pub source: MacAddress,
    /// What follows.
    pub ethertype: EtherType,
}

impl EthernetHeader {
    /// Octets on the wire.
    pub const LEN: usize = 14;

    /// Splits a frame into header and payload. The payload may end with padding: frames are at
    /// least 60 octets on a real wire.
    #[inline]
    pub fn parse(frame: &[u8]) -> Result<(Self, &[u8])> {
        let (fixed, payload) =
            frame.split_first_chunk::<{ Self::LEN }>().ok_or(ParseError::Truncated)?;
        let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, high, low] = fixed;
        let header = Self {
            destination: MacAddress([d0, d1, d2, d3, d4, d5]),
            source: MacAddress([s0, s1, s2, s3, s4, s5]),
            ethertype: EtherType(u16::from_be_bytes([high, low])),
        };
        Ok((header, payload))
    }

    /// Writes [`Self::LEN`] octets.
    #[inline]
    pub fn emit(&self, out: &mut [u8]) {
        // In place: octets that were just put together would be copied in larger words than they
        // were written in, which stalls a processor.
        let out = &mut out[..Self::LEN];
        Writer::new(out).mac(self.destination).mac(self.source).u16(self.ethertype.0);
    }
}

/// The group address that an IPv6 multicast packet is sent to: 33:33 and the low 32 bits of
/// `group` (RFC 2464, Section 7).
pub const fn multicast_mac(group: Ipv6Addr) -> MacAddress {
    let [.., a, b, c, d] = group.octets();
    MacAddress([0x33, 0x33, a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden() {
        let frame = [
            0x33, 0x33, 0xff, 0x12, 0x34, 0x56, // destination
            0x52, 0x54, 0x00, 0x12, 0x34, 0x56, // source
            0x86, 0xdd, // type
            0x60, 0x00, // payload
        ];
        let (header, payload) = EthernetHeader::parse(&frame).unwrap();
        assert_eq!(header.destination, multicast_mac("ff02::1:ff12:3456".parse().unwrap()));
        assert_eq!(header.source, MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]));
        assert_eq!(header.ethertype, EtherType::IPV6);
        assert_eq!(payload, [0x60, 0x00]);
        let mut out = [0; EthernetHeader::LEN];
        header.emit(&mut out);
        assert_eq!(out, frame[..14]);
    }

    #[test]
    fn shorter_frames_are_truncated() {
        for len in 0..EthernetHeader::LEN {
            assert_eq!(EthernetHeader::parse(&[0xff; 20][..len]), Err(ParseError::Truncated));
        }
        assert!(EthernetHeader::parse(&[0xff; 14]).unwrap().1.is_empty());
    }

    proptest! {
        /// Rows: QOS-12
        #[test]
        fn emit_inverts_parse(frame in proptest::collection::vec(any::<u8>(), 14..80)) {
            let (header, payload) = EthernetHeader::parse(&frame).unwrap();
            let mut out = [0; EthernetHeader::LEN];
            header.emit(&mut out);
            prop_assert_eq!(&out, &frame[..14]);
            prop_assert_eq!(payload, &frame[14..]);
        }
    }
}
