//! A raw ICMPv6 socket for messages that do not leave the link (RFC 4861 section 3.1: hop limit
//! 255 on the way out and on arrival).

use alloc::vec::Vec;
use core::net::SocketAddrV6;

use linux_raw_sys::net::{
    IPV6_HOPLIMIT, IPV6_MULTICAST_HOPS, IPV6_RECVHOPLIMIT, IPV6_UNICAST_HOPS, MSG_DONTWAIT,
};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, sendto, socket_with,
};

use crate::netlink::field;
use crate::socket::message::receive;
use crate::socket::option::{ICMPV6, IPV6, set, set_i32};

/// `ICMP6_FILTER` (RFC 3542 section 3.2): 256 bits, 1 blocks the type.
const ICMP6_FILTER: u32 = 1;
/// The hop limit of every message.
const HOP_LIMIT: i32 = 255;

/// The socket.
#[derive(Debug)]
pub struct LinkSocket(OwnedFd);

impl LinkSocket {
    /// Opens a socket that hears messages of one type, or none at all.
    pub fn open(kind: Option<u8>) -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC;
        let protocol = Some(ipproto::ICMPV6);
        let fd = socket_with(AddressFamily::INET6, SocketType::RAW, flags, protocol)?;
        let mut words = [u32::MAX; 8];
        if let Some(kind) = kind
            && let Some(word) = words.get_mut(usize::from(kind / 32))
        {
            *word &= !(1 << (kind % 32));
        }
        let filter: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
        set(&fd, ICMPV6, ICMP6_FILTER, &filter)?;
        set_i32(&fd, IPV6, IPV6_UNICAST_HOPS, HOP_LIMIT)?;
        set_i32(&fd, IPV6, IPV6_MULTICAST_HOPS, HOP_LIMIT)?;
        set_i32(&fd, IPV6, IPV6_RECVHOPLIMIT, 1)?;
        Ok(Self(fd))
    }

    /// Sends from this address only.
    pub fn bind(&self, source: &SocketAddrV6) -> Result<(), Errno> {
        rustix::net::bind(&self.0, source)
    }

    /// Sends a message; the kernel fills in the checksum.
    pub fn send(&self, message: &[u8], to: &SocketAddrV6) -> Result<(), Errno> {
        sendto(&self.0, message, SendFlags::empty(), to).map(|_| ())
    }

    /// Takes a message that is there and says who sent it; `None` for one that was longer than the
    /// buffer or came from beyond the link.
    pub fn receive<'a>(
        &self,
        buffer: &'a mut [u8],
    ) -> Result<Option<(&'a [u8], SocketAddrV6)>, Errno> {
        let received = receive(&self.0, buffer, MSG_DONTWAIT)?;
        let control = received.control();
        let limit = control.find(IPV6, IPV6_HOPLIMIT).and_then(|data| field::u32_at(data, 0));
        let from = received.from.filter(|_| !received.truncated && limit == Some(255));
        let message = buffer.get(..received.length).unwrap_or_default();
        Ok(from.map(|from| (message, from)))
    }
}

impl AsFd for LinkSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
