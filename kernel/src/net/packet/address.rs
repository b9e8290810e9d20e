//! `struct sockaddr_ll`: link-layer addresses (packet(7)).

use crate::net::socket_address;
use crate::syscall::errno::Errno;
use ::net::interface::InterfaceIndex;
use ::net::netif::MacAddress;
use alloc::vec::Vec;
use linux_raw_sys::net::AF_PACKET;

/// Length of `sockaddr_ll`.
pub(super) const LENGTH: usize = 20;
/// Where the hardware address begins.
const ADDRESS_OFFSET: usize = 12;

/// Whose a frame is, as seen from this node (`linux/if_packet.h`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(in crate::net) enum PacketType {
    /// For this node.
    Host = 0,
    /// For everybody.
    Broadcast = 1,
    /// For a group.
    Multicast = 2,
    /// For another node.
    OtherHost = 3,
    /// From this node.
    Outgoing = 4,
}

fn field<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], Errno> {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).copied().ok_or(Errno::INVAL)
}

/// What a `sockaddr_ll` holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LinkAddress {
    /// The EtherType, or ETH_P_ALL.
    pub(super) protocol: u16,
    /// The interface; none is any.
    pub(super) interface: Option<InterfaceIndex>,
    /// Its ARPHRD_ number.
    pub(super) hardware: u16,
    /// Whose frame it was.
    pub(super) packet_type: PacketType,
    /// The station, where there is one to tell.
    pub(super) station: Option<MacAddress>,
}

impl LinkAddress {
    /// The structure as bind(2) and sendto(2) take it: protocol, interface and station count.
    /// `EINVAL` when it is too short or of another family.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Errno> {
        if bytes.len() < LENGTH || socket_address::family(bytes)? != AF_PACKET {
            return Err(Errno::INVAL);
        }
        let [length] = field(bytes, 11)?;
        let station = (usize::from(length) == size_of::<MacAddress>())
            .then(|| field(bytes, ADDRESS_OFFSET).map(MacAddress));
        Ok(Self {
            protocol: u16::from_be_bytes(field(bytes, 2)?),
            interface: InterfaceIndex::new(u32::from_ne_bytes(field(bytes, 4)?)),
            hardware: 0,
            packet_type: PacketType::Host,
            station: station.transpose()?,
        })
    }

    /// The structure up to the end of the address that is in it, as getsockname(2) returns it.
    pub(super) fn emit(&self) -> Vec<u8> {
        let station = self.station.as_ref().map_or(&[][..], |station| &station.0);
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&(AF_PACKET as u16).to_ne_bytes());
        bytes.extend_from_slice(&self.protocol.to_be_bytes());
        bytes.extend_from_slice(&self.interface.map_or(0, InterfaceIndex::get).to_ne_bytes());
        bytes.extend_from_slice(&self.hardware.to_ne_bytes());
        bytes.extend_from_slice(&[self.packet_type as u8, station.len() as u8]);
        bytes.extend_from_slice(station);
        bytes
    }

    /// The whole structure, as recvfrom(2) returns it.
    pub(super) fn emit_whole(&self) -> Vec<u8> {
        let mut bytes = self.emit();
        bytes.resize(LENGTH, 0);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: LinkAddress = LinkAddress {
        protocol: 0x86dd,
        interface: Some(InterfaceIndex::LOOPBACK),
        hardware: 772,
        packet_type: PacketType::Outgoing,
        station: Some(MacAddress([2, 0, 0, 0, 0, 9])),
    };

    #[test]
    fn the_layout_is_that_of_linux() {
        let bytes = ADDRESS.emit_whole();
        assert_eq!(
            bytes,
            [17, 0, 0x86, 0xdd, 1, 0, 0, 0, 4, 3, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0],
            "as a compiler lays it out"
        );
        assert_eq!(ADDRESS.emit().len(), 18);
        assert_eq!(LinkAddress { station: None, ..ADDRESS }.emit().len(), 12);
        let parsed = LinkAddress { hardware: 0, packet_type: PacketType::Host, ..ADDRESS };
        assert_eq!(LinkAddress::parse(&bytes), Ok(parsed));
    }

    #[test]
    fn what_is_no_link_address_is_refused() {
        let bytes = ADDRESS.emit_whole();
        for length in 0..LENGTH {
            assert_eq!(LinkAddress::parse(&bytes[..length]), Err(Errno::INVAL), "{length} octets");
        }
        let mut other = bytes.clone();
        other[0] = 10;
        assert_eq!(LinkAddress::parse(&other), Err(Errno::INVAL));
        let mut long = bytes;
        long[11] = 8;
        assert_eq!(LinkAddress::parse(&long).map(|address| address.station), Ok(None));
    }
}
