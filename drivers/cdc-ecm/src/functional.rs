//! The class-specific ("functional") descriptors of CDC (CDC 1.2 section 5.2.3, ECM 1.2 section
//! 5.4, NCM 1.0 section 5.2) that matter here.

use bitflags::bitflags;
use usb_core::descriptor::{RawDescriptor, kind};

const SUBTYPE_UNION: u8 = 0x06;
const SUBTYPE_ETHERNET: u8 = 0x0f;
const SUBTYPE_NCM: u8 = 0x1a;

fn body(raw: RawDescriptor<'_>, subtype: u8) -> Option<&[u8]> {
    let bytes = raw.bytes();
    (raw.kind() == kind::CLASS_INTERFACE && raw.subtype() == Some(subtype)).then_some(bytes)
}

/// Which interfaces form the function (CDC 1.2 table 16).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnionDescriptor {
    /// bControlInterface.
    pub control: u8,
    /// bSubordinateInterface0: the data interface.
    pub subordinate: u8,
}

impl UnionDescriptor {
    /// Reads one; `None` for any other descriptor.
    pub fn parse(raw: RawDescriptor<'_>) -> Option<Self> {
        match *body(raw, SUBTYPE_UNION)? {
            [_, _, _, control, subordinate, ..] => Some(Self { control, subordinate }),
            _ => None,
        }
    }
}

/// The Ethernet networking functional descriptor (ECM 1.2 table 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EthernetDescriptor {
    /// iMACAddress: the string with the station address.
    pub mac_string: u8,
    /// bmEthernetStatistics.
    pub statistics: u32,
    /// wMaxSegmentSize: the longest frame without FCS, usually 1514.
    pub max_segment_size: u16,
    /// wNumberMCFilters; bit 15 set means imperfect filtering.
    pub multicast_filters: u16,
}

impl EthernetDescriptor {
    /// Reads one; `None` for any other descriptor.
    pub fn parse(raw: RawDescriptor<'_>) -> Option<Self> {
        match *body(raw, SUBTYPE_ETHERNET)? {
            [_, _, _, mac_string, s0, s1, s2, s3, m0, m1, f0, f1, ..] => Some(Self {
                mac_string,
                statistics: u32::from_le_bytes([s0, s1, s2, s3]),
                max_segment_size: u16::from_le_bytes([m0, m1]),
                multicast_filters: u16::from_le_bytes([f0, f1]),
            }),
            _ => None,
        }
    }
}

bitflags! {
    /// bmNetworkCapabilities: what an NCM function can be asked (NCM 1.0 table 5-2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct NcmCapabilities: u8 {
        /// SET_ETHERNET_PACKET_FILTER.
        const PACKET_FILTER = 1 << 0;
        /// GET_CRC_MODE and SET_CRC_MODE.
        const CRC_MODE = 1 << 4;
    }
}

/// The NCM functional descriptor (NCM 1.0 table 5-2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NcmDescriptor {
    /// bmNetworkCapabilities.
    pub capabilities: NcmCapabilities,
}

impl NcmDescriptor {
    /// Reads one; `None` for any other descriptor.
    pub fn parse(raw: RawDescriptor<'_>) -> Option<Self> {
        match *body(raw, SUBTYPE_NCM)? {
            [_, _, _, _, _, capabilities, ..] => {
                Some(Self { capabilities: NcmCapabilities::from_bits_truncate(capabilities) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use usb_core::descriptor::RawDescriptors;

    #[test]
    fn the_emulated_adapter() {
        let bytes =
            [5, 0x24, 6, 0, 1, 13, 0x24, 0xf, 3, 0, 0, 0, 0, 0xea, 5, 0, 0, 0, 4, 0x24, 6, 0];
        let mut walk = RawDescriptors::new(&bytes);
        let first = walk.next().expect("a union descriptor");
        assert_eq!(
            UnionDescriptor::parse(first),
            Some(UnionDescriptor { control: 0, subordinate: 1 })
        );
        assert_eq!(EthernetDescriptor::parse(first), None);
        let second = walk.next().expect("an Ethernet descriptor");
        let ethernet = EthernetDescriptor::parse(second).expect("a good descriptor");
        assert_eq!((ethernet.mac_string, ethernet.max_segment_size), (3, 1514));
        let short = walk.next().expect("a short descriptor");
        assert_eq!(UnionDescriptor::parse(short), None);
    }
}
