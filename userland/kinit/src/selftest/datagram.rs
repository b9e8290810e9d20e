//! Sockets as the tests use them: every receive has a limit.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};
use core::time::Duration;

use linux_raw_sys::net::MSG_DONTWAIT;
use net_tools::socket::message::{Received, receive};
use net_tools::socket::option::{ICMPV6, set};
use rt::rustix::fd::{AsFd, OwnedFd};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, SendFlags, SocketFlags, SocketType, bind, getsockname, ipproto,
    sendto, socket_with,
};

use super::because;
use super::waiting::{PATIENCE, is_ready};

/// `ICMP6_FILTER` (RFC 3542 section 3.2): 256 bits, 1 blocks the type.
const ICMP6_FILTER: u32 = 1;

/// More than any datagram of these tests.
const LONGEST: usize = 4096;

/// How long the absence of a datagram is watched. Nothing is awaited here: what is sent within this
/// machine is there when the call that sent it returns.
pub(super) const SOON: Duration = Duration::from_millis(50);

fn socket(kind: SocketType, protocol: Option<Protocol>) -> Result<OwnedFd, String> {
    because("socket", socket_with(AddressFamily::INET6, kind, SocketFlags::CLOEXEC, protocol))
}

/// A UDP socket.
pub(super) fn udp() -> Result<OwnedFd, String> {
    socket(SocketType::DGRAM, None)
}

/// A UDP socket bound to an address and a free port, and what it is bound to.
pub(super) fn bound_udp(address: Ipv6Addr, scope: u32) -> Result<(OwnedFd, SocketAddrV6), String> {
    let fd = udp()?;
    because("bind", bind(&fd, &SocketAddrV6::new(address, 0, 0, scope)))?;
    let local = local_address(&fd)?;
    Ok((fd, local))
}

/// A socket for echo requests; the kernel gives it the replies to its own.
pub(super) fn echo() -> Result<OwnedFd, String> {
    socket(SocketType::DGRAM, Some(ipproto::ICMPV6))
}

/// A raw ICMPv6 socket that hears messages of one type.
pub(super) fn raw_icmpv6(kind: u8) -> Result<OwnedFd, String> {
    let fd = socket(SocketType::RAW, Some(ipproto::ICMPV6))?;
    let mut words = [u32::MAX; 8];
    if let Some(word) = words.get_mut(usize::from(kind / 32)) {
        *word &= !(1 << (kind % 32));
    }
    let filter: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    because("ICMP6_FILTER", set(&fd, ICMPV6, ICMP6_FILTER, &filter))?;
    Ok(fd)
}

pub(super) fn local_address(fd: &OwnedFd) -> Result<SocketAddrV6, String> {
    let address = because("getsockname", getsockname(fd))?;
    because("getsockname", SocketAddrV6::try_from(address))
}

/// Sends a datagram whole.
pub(super) fn send(fd: &OwnedFd, data: &[u8], to: SocketAddrV6) -> Result<(), String> {
    let sent = because("sendto", sendto(fd, data, SendFlags::empty(), &to))?;
    if sent == data.len() { Ok(()) } else { Err(format!("{sent} of {} bytes sent", data.len())) }
}

/// A datagram, and what came with it.
pub(super) struct Datagram {
    pub(super) data: Vec<u8>,
    pub(super) with: Received,
}

impl Datagram {
    /// Who sent it.
    pub(super) fn from(&self) -> Result<SocketAddrV6, String> {
        self.with.from.ok_or_else(|| String::from("a datagram without a sender's address"))
    }
}

/// Takes a datagram that is there; `None` when there is none. `flags` are `MSG_` bits.
pub(super) fn try_receive(fd: &OwnedFd, flags: u32) -> Result<Option<Datagram>, Errno> {
    let mut buffer = [0; LONGEST];
    match receive(fd, &mut buffer, flags | MSG_DONTWAIT) {
        Ok(with) => {
            let data = buffer.get(..with.length).unwrap_or_default().to_vec();
            Ok(Some(Datagram { data, with }))
        }
        Err(Errno::AGAIN) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Waits for a datagram that `is_meant`; others are thrown away.
pub(super) fn receive_where(
    fd: &OwnedFd,
    what: &str,
    is_meant: impl Fn(&Datagram) -> bool,
) -> Result<Datagram, String> {
    let deadline = super::waiting::now() + PATIENCE;
    let mut others = 0;
    loop {
        if let Some(datagram) = because("recvmsg", try_receive(fd, 0))? {
            if is_meant(&datagram) {
                return Ok(datagram);
            }
            others += 1;
        }
        let left = deadline.saturating_sub(super::waiting::now());
        if left.is_zero() || !is_ready(fd.as_fd(), PollFlags::IN, left)? {
            return Err(format!("no {what} came, but {others} other datagrams"));
        }
    }
}

/// Waits for a datagram.
pub(super) fn receive_any(fd: &OwnedFd) -> Result<Datagram, String> {
    receive_where(fd, "datagram", |_| true)
}

/// Makes sure that no datagram comes.
pub(super) fn receive_none(fd: &OwnedFd) -> Result<(), String> {
    if !is_ready(fd.as_fd(), PollFlags::IN, SOON)? {
        return Ok(());
    }
    let unwanted = because("recvmsg", try_receive(fd, 0))?;
    Err(match unwanted {
        Some(datagram) => format!("{:?} came from {:?}", datagram.data, datagram.with.from),
        None => String::from("ready for reading without anything to read"),
    })
}
