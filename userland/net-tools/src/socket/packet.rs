//! Packet sockets (packet(7)): frames as they pass an interface.

use core::mem::{offset_of, size_of};

use linux_raw_sys::general::__NR_bind;
use linux_raw_sys::if_packet::{
    PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC, PACKET_STATISTICS, packet_mreq, sockaddr_ll,
    tpacket_stats,
};
use linux_raw_sys::net::{AF_PACKET, SO_ATTACH_FILTER};
use rt::syscall::syscall;
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, socket_with};

use super::option::{SOCKET, get, set};
use crate::netlink::field;

/// SOL_PACKET (include/linux/socket.h).
const LEVEL: u32 = 263;
/// ETH_P_ALL (include/uapi/linux/if_ether.h): frames of every protocol.
const EVERY_PROTOCOL: u16 = 3;

/// The length of `struct sock_filter`.
const FILTER: usize = 8;
/// The length of `struct sockaddr_ll`.
const ADDRESS: usize = size_of::<sockaddr_ll>();

/// Where a frame passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkAddress {
    /// Its EtherType.
    pub protocol: u16,
    /// The index of the interface.
    pub interface: u32,
    /// ARPHRD_ of the interface.
    pub hardware: u16,
    /// PACKET_HOST, PACKET_OUTGOING and so on.
    pub kind: u8,
    /// The length of the sender's address.
    pub address_length: u8,
    /// The sender's address.
    pub address: [u8; 8],
}

impl LinkAddress {
    /// Reads a `struct sockaddr_ll`; `None` when it is none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let family = field::u16_at(bytes, offset_of!(sockaddr_ll, sll_family))?;
        if u32::from(family) != AF_PACKET {
            return None;
        }
        let address = bytes.get(offset_of!(sockaddr_ll, sll_addr)..)?.first_chunk().copied()?;
        Some(Self {
            protocol: u16::from_be(field::u16_at(bytes, offset_of!(sockaddr_ll, sll_protocol))?),
            interface: field::u32_at(bytes, offset_of!(sockaddr_ll, sll_ifindex))?,
            hardware: field::u16_at(bytes, offset_of!(sockaddr_ll, sll_hatype))?,
            kind: field::u8_at(bytes, offset_of!(sockaddr_ll, sll_pkttype))?,
            address_length: field::u8_at(bytes, offset_of!(sockaddr_ll, sll_halen))?,
            address,
        })
    }
}

/// A socket for the frames of an interface, with their link-layer header, or of all interfaces
/// (index 0), without.
pub fn open(interface: u32) -> Result<OwnedFd, Errno> {
    let kind = if interface == 0 { SocketType::DGRAM } else { SocketType::RAW };
    let protocol = Protocol::from_raw(
        core::num::NonZeroU32::new(u32::from(EVERY_PROTOCOL.to_be())).ok_or(Errno::INVAL)?,
    );
    let family = AddressFamily::from_raw(AF_PACKET as u16);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, Some(protocol))?;
    if interface != 0 {
        bind(&socket, interface)?;
    }
    Ok(socket)
}

fn bind(socket: &OwnedFd, interface: u32) -> Result<(), Errno> {
    let mut address = [0u8; ADDRESS];
    let family = (AF_PACKET as u16).to_ne_bytes();
    field::put(&mut address, offset_of!(sockaddr_ll, sll_family), &family);
    let protocol = EVERY_PROTOCOL.to_be_bytes();
    field::put(&mut address, offset_of!(sockaddr_ll, sll_protocol), &protocol);
    field::put(&mut address, offset_of!(sockaddr_ll, sll_ifindex), &interface.to_ne_bytes());
    let fd = socket.as_fd().as_raw_fd() as usize;
    let arguments = [fd, address.as_ptr() as usize, ADDRESS, 0, 0, 0];
    // SAFETY: the kernel only reads the address, which lives through the call.
    unsafe { syscall(__NR_bind, arguments) }.map(|_| ())
}

/// Has the interface take frames for others too, as long as the socket lives.
pub fn set_promiscuous(socket: impl AsFd, interface: u32) -> Result<(), Errno> {
    let mut request = [0; size_of::<packet_mreq>()];
    field::put(&mut request, offset_of!(packet_mreq, mr_ifindex), &interface.to_ne_bytes());
    let kind = (PACKET_MR_PROMISC as u16).to_ne_bytes();
    field::put(&mut request, offset_of!(packet_mreq, mr_type), &kind);
    set(socket, LEVEL, PACKET_ADD_MEMBERSHIP, &request)
}

/// Has the kernel leave out the frames that a program of classic BPF does not want: the octets of
/// an array of `struct sock_filter`.
pub fn attach_filter(socket: impl AsFd, program: &[u8]) -> Result<(), Errno> {
    let count = u16::try_from(program.len() / FILTER).map_err(|_| Errno::INVAL)?;
    // `struct sock_fprog`: how many instructions and, aligned, where they are.
    let mut value = [0; 2 * size_of::<usize>()];
    field::put(&mut value, 0, &count.to_ne_bytes());
    let address = program.as_ptr().expose_provenance();
    field::put(&mut value, size_of::<usize>(), &address.to_ne_bytes());
    set(socket, SOCKET, SO_ATTACH_FILTER, &value)
}

/// Counts of frames since the last time this was asked: all that passed, and those of them that the
/// socket had no room for.
pub fn statistics(socket: impl AsFd) -> Result<(u32, u32), Errno> {
    let mut counts = [0; size_of::<tpacket_stats>()];
    get(socket, LEVEL, PACKET_STATISTICS, &mut counts)?;
    let count = |offset| field::u32_at(&counts, offset).unwrap_or(0);
    Ok((count(offset_of!(tpacket_stats, tp_packets)), count(offset_of!(tpacket_stats, tp_drops))))
}

#[cfg(test)]
mod tests {
    use super::LinkAddress;

    #[test]
    fn addresses() {
        // Family 17, IPv6, interface 2, Ethernet, to a group, 6 octets.
        let mut bytes = [0u8; 20];
        bytes[..2].copy_from_slice(&17u16.to_ne_bytes());
        bytes[2..4].copy_from_slice(&[0x86, 0xdd]);
        bytes[4..8].copy_from_slice(&2u32.to_ne_bytes());
        bytes[8..10].copy_from_slice(&1u16.to_ne_bytes());
        bytes[10..18].copy_from_slice(&[2, 6, 0x52, 0x54, 0, 0x12, 0x34, 0x56]);
        let address = LinkAddress::parse(&bytes).unwrap();
        assert_eq!((address.protocol, address.interface, address.hardware), (0x86dd, 2, 1));
        assert_eq!((address.kind, address.address_length, address.address[5]), (2, 6, 0x56));
        assert_eq!(LinkAddress::parse(&bytes[..19]), None);
        assert_eq!(LinkAddress::parse(&[10; 20]), None);
    }
}
