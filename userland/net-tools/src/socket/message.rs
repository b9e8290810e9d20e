//! recvmsg(2) and sendmsg(2) with addresses and control messages (RFC 3542 section 4).

use core::mem::{offset_of, size_of};
use core::net::{Ipv6Addr, SocketAddrV6};
use core::ptr;

use linux_raw_sys::general::{__NR_recvmsg, __NR_sendmsg, iovec};
use linux_raw_sys::net::{AF_INET6, MSG_TRUNC, cmsghdr, msghdr, sockaddr_in6};
use rt::syscall::syscall;
use rustix::fd::{AsFd, AsRawFd};
use rustix::io::Errno;

use crate::netlink::field;

/// Room for control messages: more than all that are asked for need.
const CONTROL: usize = 512;

/// The length of `struct sockaddr_in6`.
const ADDRESS: usize = size_of::<sockaddr_in6>();

/// What came with a datagram.
#[derive(Clone, Debug)]
pub struct Received {
    /// How many bytes of the buffer it filled.
    pub length: usize,
    /// What the call returned: with MSG_TRUNC the length of the datagram, however much of it the
    /// buffer took.
    pub whole: usize,
    /// It was longer than the buffer.
    pub truncated: bool,
    /// Who sent it, with the interface for a link-local address.
    pub from: Option<SocketAddrV6>,
    name: [u8; ADDRESS],
    name_length: usize,
    control: Aligned,
    control_length: usize,
}

/// Control messages begin at multiples of 8.
#[derive(Clone, Debug)]
#[repr(C, align(8))]
struct Aligned([u8; CONTROL]);

impl Received {
    /// The address that came with it, of whatever family.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.name.get(..self.name_length).unwrap_or_default()
    }

    /// The control messages.
    #[must_use]
    pub fn control(&self) -> ControlMessages<'_> {
        ControlMessages { rest: self.control.0.get(..self.control_length).unwrap_or_default() }
    }
}

/// A control message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlMessage<'a> {
    /// The level of the option that asked for it.
    pub level: u32,
    /// What it says.
    pub kind: u32,
    /// What comes after the header.
    pub data: &'a [u8],
}

/// Goes through control messages; stops at an impossible length.
#[derive(Clone, Debug)]
pub struct ControlMessages<'a> {
    rest: &'a [u8],
}

impl<'a> ControlMessages<'a> {
    /// The control messages in `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The first message of this level and kind.
    #[must_use]
    pub fn find(&self, level: u32, kind: u32) -> Option<&'a [u8]> {
        let mut messages = self.clone();
        messages.find_map(|message| {
            (message.level == level && message.kind == kind).then_some(message.data)
        })
    }
}

impl<'a> Iterator for ControlMessages<'a> {
    type Item = ControlMessage<'a>;

    fn next(&mut self) -> Option<ControlMessage<'a>> {
        const HEADER: usize = size_of::<cmsghdr>();
        let length = field::u64_at(self.rest, offset_of!(cmsghdr, cmsg_len))? as usize;
        let message = ControlMessage {
            level: field::u32_at(self.rest, offset_of!(cmsghdr, cmsg_level))?,
            kind: field::u32_at(self.rest, offset_of!(cmsghdr, cmsg_type))?,
            data: self.rest.get(HEADER..length)?,
        };
        self.rest = self.rest.get(length.next_multiple_of(8)..).unwrap_or_default();
        Some(message)
    }
}

/// Reads a `struct sockaddr_in6`; `None` when it is none.
#[must_use]
pub fn socket_address(bytes: &[u8]) -> Option<SocketAddrV6> {
    let family = field::u16_at(bytes, offset_of!(sockaddr_in6, sin6_family))?;
    if u32::from(family) != AF_INET6 {
        return None;
    }
    let octets: [u8; 16] =
        bytes.get(offset_of!(sockaddr_in6, sin6_addr)..)?.first_chunk().copied()?;
    Some(SocketAddrV6::new(
        Ipv6Addr::from(octets),
        u16::from_be(field::u16_at(bytes, offset_of!(sockaddr_in6, sin6_port))?),
        u32::from_be(field::u32_at(bytes, offset_of!(sockaddr_in6, sin6_flowinfo))?),
        field::u32_at(bytes, offset_of!(sockaddr_in6, sin6_scope_id)).unwrap_or(0),
    ))
}

/// Receives one datagram into `buffer`, with `MSG_` flags.
pub fn receive(fd: impl AsFd, buffer: &mut [u8], flags: u32) -> Result<Received, Errno> {
    let mut name = [0u8; ADDRESS];
    let mut control = Aligned([0; CONTROL]);
    let mut vector = iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() as _ };
    let mut header = msghdr {
        msg_name: name.as_mut_ptr().cast(),
        msg_namelen: ADDRESS as i32,
        msg_iov: ptr::from_mut(&mut vector).cast(),
        msg_iovlen: 1,
        msg_control: control.0.as_mut_ptr().cast(),
        msg_controllen: CONTROL,
        msg_flags: 0,
    };
    let arguments = [
        fd.as_fd().as_raw_fd() as usize,
        ptr::from_mut(&mut header) as usize,
        flags as usize,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes at most the lengths given into the three buffers, and the header;
    // all live through the call. The header is laid out as the kernel's `struct user_msghdr`, of
    // which the padding after the two `int`s is ignored.
    let length = unsafe { syscall(__NR_recvmsg, arguments) }?;
    let name_length = (header.msg_namelen.max(0) as usize).min(ADDRESS);
    Ok(Received {
        length: length.min(buffer.len()),
        whole: length,
        truncated: header.msg_flags & MSG_TRUNC != 0,
        from: socket_address(name.get(..name_length).unwrap_or_default()),
        name,
        name_length,
        control,
        control_length: header.msg_controllen.min(CONTROL),
    })
}

/// A `struct sockaddr_in6`.
fn encode_address(address: &SocketAddrV6) -> [u8; ADDRESS] {
    let mut bytes = [0; ADDRESS];
    let family = AF_INET6 as u16;
    field::put(&mut bytes, offset_of!(sockaddr_in6, sin6_family), &family.to_ne_bytes());
    field::put(&mut bytes, offset_of!(sockaddr_in6, sin6_port), &address.port().to_be_bytes());
    let flow = address.flowinfo().to_be_bytes();
    field::put(&mut bytes, offset_of!(sockaddr_in6, sin6_flowinfo), &flow);
    field::put(&mut bytes, offset_of!(sockaddr_in6, sin6_addr), &address.ip().octets());
    let scope = address.scope_id().to_ne_bytes();
    field::put(&mut bytes, offset_of!(sockaddr_in6, sin6_scope_id), &scope);
    bytes
}

/// Sends `data` to an address, with one control message.
pub fn send(
    fd: impl AsFd,
    data: &[u8],
    to: &SocketAddrV6,
    with: &ControlMessage<'_>,
) -> Result<usize, Errno> {
    const HEADER: usize = size_of::<cmsghdr>();
    let mut name = encode_address(to);
    let mut control = Aligned([0; CONTROL]);
    let length = HEADER + with.data.len();
    if length.next_multiple_of(8) > CONTROL {
        return Err(Errno::INVAL);
    }
    let length_field = (length as u64).to_ne_bytes();
    field::put(&mut control.0, offset_of!(cmsghdr, cmsg_len), &length_field);
    field::put(&mut control.0, offset_of!(cmsghdr, cmsg_level), &with.level.to_ne_bytes());
    field::put(&mut control.0, offset_of!(cmsghdr, cmsg_type), &with.kind.to_ne_bytes());
    field::put(&mut control.0, HEADER, with.data);
    let mut vector = iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() as _ };
    let header = msghdr {
        msg_name: name.as_mut_ptr().cast(),
        msg_namelen: ADDRESS as i32,
        msg_iov: ptr::from_mut(&mut vector).cast(),
        msg_iovlen: 1,
        msg_control: control.0.as_mut_ptr().cast(),
        msg_controllen: length.next_multiple_of(8),
        msg_flags: 0,
    };
    let arguments = [fd.as_fd().as_raw_fd() as usize, ptr::from_ref(&header) as usize, 0, 0, 0, 0];
    // SAFETY: the kernel only reads the three buffers and the header, and all live through the
    // call.
    unsafe { syscall(__NR_sendmsg, arguments) }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{ControlMessage, ControlMessages, encode_address, socket_address};

    fn encoded(level: u32, kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::from((16 + data.len() as u64).to_ne_bytes());
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    #[test]
    fn control_messages() {
        let mut bytes = encoded(41, 52, &64u32.to_ne_bytes());
        bytes.extend(encoded(41, 50, &[7; 20]));
        let messages = ControlMessages::new(&bytes);
        assert_eq!(messages.find(41, 52), Some(&64u32.to_ne_bytes()[..]));
        assert_eq!(messages.find(41, 50), Some(&[7; 20][..]));
        assert_eq!(messages.find(1, 50), None);
        let all: Vec<ControlMessage<'_>> = messages.collect();
        assert_eq!(all.len(), 2);
        for bad in [15u64, 0, 1000, u64::MAX] {
            let mut bytes = bytes.clone();
            bytes[..8].copy_from_slice(&bad.to_ne_bytes());
            assert_eq!(ControlMessages::new(&bytes).count(), 0, "{bad}");
        }
    }

    #[test]
    fn addresses() {
        let mut bytes = Vec::from(10u16.to_ne_bytes());
        bytes.extend(7u16.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend("fe80::2".parse::<core::net::Ipv6Addr>().unwrap().octets());
        bytes.extend(3u32.to_ne_bytes());
        let address = socket_address(&bytes).unwrap();
        assert_eq!((address.port(), address.scope_id()), (7, 3));
        assert_eq!(encode_address(&address)[..], bytes[..]);
        // Without the scope, as Linux accepts it too.
        assert_eq!(socket_address(&bytes[..24]).unwrap().scope_id(), 0);
        assert_eq!(socket_address(&bytes[..23]), None);
        assert_eq!(socket_address(&[2, 0, 0, 0]), None);
    }
}
