//! The tag of a virtual LAN (IEEE 802.1Q, Clause 9), which sits behind the Ethernet header when
//! its type is [`EtherType::VLAN`].

use super::Result;
use super::cursor::{Reader, Writer};
use super::ethernet::EtherType;

/// A VLAN identifier: 12 bits (IEEE 802.1Q, Table 9-2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VlanId(u16);

impl VlanId {
    /// The null identifier: the tag tells a priority, and of no VLAN.
    pub const PRIORITY_ONLY: Self = Self(0);
    /// Reserved: never on the wire.
    pub const RESERVED: Self = Self(0xfff);

    /// The identifier of a VLAN: 1 to 4094.
    pub const fn new(number: u16) -> Option<Self> {
        if matches!(number, 1..=0xffe) { Some(Self(number)) } else { None }
    }

    /// The low 12 bits of `bits`.
    pub const fn from_low_bits(bits: u16) -> Self {
        Self(bits & 0xfff)
    }

    /// The identifier as a number below 4096.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// The tag control information and the type that follows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VlanTag {
    /// Priority code point, 0 to 7.
    pub priority: u8,
    /// Whether the frame may be dropped first under congestion.
    pub drop_eligible: bool,
    /// The virtual LAN.
    pub id: VlanId,
    /// What follows.
    pub ethertype: EtherType,
}

impl VlanTag {
    /// Octets on the wire, behind the Ethernet header.
    pub const LEN: usize = 4;

    /// Splits what follows an Ethernet header of type VLAN.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8])> {
        let mut reader = Reader::new(bytes);
        let control = reader.u16()?;
        let tag = Self {
            priority: (control >> 13) as u8,
            drop_eligible: control & 0x1000 != 0,
            id: VlanId::from_low_bits(control),
            ethertype: EtherType(reader.u16()?),
        };
        Ok((tag, reader.rest()))
    }

    /// Writes [`Self::LEN`] octets; of the priority, its low three bits.
    pub fn emit(&self, out: &mut [u8]) {
        let control = u16::from(self.priority & 7) << 13
            | u16::from(self.drop_eligible) << 12
            | self.id.get();
        Writer::new(out).u16(control).u16(self.ethertype.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ParseError;

    #[test]
    fn golden() {
        let bytes = [0xb0, 0x64, 0x86, 0xdd, 0x60];
        let tag = VlanTag {
            priority: 5,
            drop_eligible: true,
            id: VlanId::from_low_bits(100),
            ethertype: EtherType::IPV6,
        };
        assert_eq!(VlanTag::parse(&bytes), Ok((tag, &[0x60][..])));
        let mut out = [0; VlanTag::LEN];
        tag.emit(&mut out);
        assert_eq!(out, bytes[..4]);
        for len in 0..VlanTag::LEN {
            assert_eq!(VlanTag::parse(&bytes[..len]), Err(ParseError::Truncated));
        }
    }

    #[test]
    fn identifiers_of_vlans() {
        for number in [0, 0xfff, 0x1000, u16::MAX] {
            assert_eq!(VlanId::new(number), None, "{number}");
        }
        for number in [1, 5, 0xffe] {
            assert_eq!(VlanId::new(number).map(VlanId::get), Some(number));
        }
    }

    #[test]
    fn emit_inverts_parse_for_every_control_value() {
        for control in 0..=u16::MAX {
            let [a, b] = control.to_be_bytes();
            let bytes = [a, b, 8, 0];
            let (tag, rest) = VlanTag::parse(&bytes).unwrap();
            let mut out = [0; VlanTag::LEN];
            tag.emit(&mut out);
            assert_eq!((out, rest.len()), (bytes, 0));
        }
    }
}
