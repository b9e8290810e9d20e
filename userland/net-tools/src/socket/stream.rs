//! TCP sockets of programs that wait in one place only: all of them non-blocking.

use core::net::SocketAddrV6;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::sockopt::{set_ipv6_v6only, set_socket_reuseaddr, socket_error};
use rustix::net::{
    AddressFamily, SocketAddrAny, SocketFlags, SocketType, acceptfrom_with, bind, listen,
    socket_with,
};

use super::failure::Failure;
use crate::clock::{now, timespec};

/// A TCP socket that waits for nothing.
pub fn socket() -> Result<OwnedFd, Failure> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::INET6, SocketType::STREAM, flags, None)
        .map_err(Failure::of("socket"))
}

/// A socket that listens at `address`, with room for `backlog` connections not yet accepted. The
/// port may still be in TIME-WAIT from an earlier listener (SO_REUSEADDR).
pub fn listener(address: &SocketAddrV6, backlog: i32) -> Result<OwnedFd, Failure> {
    let socket = socket()?;
    set_socket_reuseaddr(&socket, true).map_err(Failure::of("setsockopt"))?;
    // Where it can't be said, it is so already.
    let _ = set_ipv6_v6only(&socket, true);
    bind(&socket, address).map_err(Failure::of("bind"))?;
    listen(&socket, backlog).map_err(Failure::of("listen"))?;
    Ok(socket)
}

/// A connection that waits at the listener, and who is at its other end; EAGAIN when none does.
pub fn accept(listener: impl AsFd) -> Result<(OwnedFd, Option<SocketAddrV6>), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (socket, peer) = acceptfrom_with(listener, flags)?;
    Ok((socket, peer.and_then(ipv6)))
}

/// The IPv6 address in an address of any family.
#[must_use]
pub fn ipv6(address: SocketAddrAny) -> Option<SocketAddrV6> {
    SocketAddrV6::try_from(address).ok()
}

/// Begins to connect a non-blocking socket; true when it is connected already.
pub fn begin_to_connect(socket: impl AsFd, to: &SocketAddrV6) -> Result<bool, Errno> {
    match rustix::net::connect(socket, to) {
        Ok(()) => Ok(true),
        Err(Errno::INPROGRESS | Errno::INTR) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Connects a non-blocking socket within `limit` microseconds; ETIMEDOUT when that was too short,
/// as when the peer never answers.
pub fn connect(socket: impl AsFd, to: &SocketAddrV6, limit: Option<u64>) -> Result<(), Errno> {
    let deadline = limit.map(|limit| now().saturating_add(limit));
    if begin_to_connect(&socket, to)? {
        return Ok(());
    }
    loop {
        let timeout = deadline.map(|deadline| timespec(deadline.saturating_sub(now())));
        let mut wanted = [PollFd::new(&socket, PollFlags::OUT)];
        match poll(&mut wanted, timeout.as_ref()) {
            Ok(0) => return Err(Errno::TIMEDOUT),
            Ok(_) => return socket_error(&socket)?,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
