//! Sockets of AF_INET and AF_UNIX: handles for interface ioctls, without a network behind them.
//!
//! Programs open one to ask for interface names and flags (`if_nametoindex`, `ifconfig`). Whatever
//! would need IPv4 or local sockets answers as a Linux host without such addresses does.

use super::option::Kind;
use super::socket::{Incoming, MessageFlags, Outgoing, Socket, SocketBase};
use crate::fs::file::Readiness;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserWriter};
use alloc::rc::Rc;
use alloc::vec::Vec;
use linux_raw_sys::net::AF_UNIX;

/// A socket that can only be asked about interfaces.
pub(in crate::net) struct HandleSocket {
    base: SocketBase,
    kind: Kind,
}

impl HandleSocket {
    /// A handle of this kind.
    pub(in crate::net) fn new(kind: Kind) -> Rc<Self> {
        Rc::new(Self { base: SocketBase::fresh(), kind })
    }

    fn is_local(&self) -> bool {
        self.kind.family == AF_UNIX
    }
}

impl Socket for HandleSocket {
    fn base(&self) -> &SocketBase {
        &self.base
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn bind(&self, _address: &[u8]) -> Result<(), Errno> {
        // No IPv4 address is ours; no local socket can be made.
        Err(if self.is_local() { Errno::OPNOTSUPP } else { Errno::ADDRNOTAVAIL })
    }

    fn connect(&self, _address: &[u8]) -> Result<(), Errno> {
        // Nobody listens at a path; no IPv4 network can be reached.
        Err(if self.is_local() { Errno::NOENT } else { Errno::NETUNREACH })
    }

    fn local_address(&self) -> Result<Vec<u8>, Errno> {
        let length = if self.is_local() { 2 } else { 16 };
        let mut address = (self.kind.family as u16).to_ne_bytes().to_vec();
        address.resize(length, 0);
        Ok(address)
    }

    fn peer_address(&self) -> Result<Vec<u8>, Errno> {
        Err(Errno::NOTCONN)
    }

    fn shutdown(&self, _how: u32) -> Result<(), Errno> {
        Err(Errno::NOTCONN)
    }

    fn try_send(
        &self,
        _from: &mut UserReader<'_>,
        outgoing: Outgoing<'_>,
        _flags: MessageFlags,
    ) -> Result<usize, Errno> {
        Err(match (outgoing.address, self.is_local()) {
            (None, true) => Errno::NOTCONN,
            (None, false) => Errno::DESTADDRREQ,
            (Some(_), true) => Errno::NOENT,
            (Some(_), false) => Errno::NETUNREACH,
        })
    }

    fn try_receive(
        &self,
        _to: &mut UserWriter<'_>,
        _flags: MessageFlags,
    ) -> Result<Incoming, Errno> {
        Err(Errno::AGAIN)
    }

    fn set_option(&self, _level: u32, _name: u32, _value: &[u8]) -> Result<(), Errno> {
        Err(Errno::NOPROTOOPT)
    }

    fn option(&self, _level: u32, _name: u32) -> Result<Vec<u8>, Errno> {
        Err(Errno::NOPROTOOPT)
    }

    fn readiness(&self) -> Readiness {
        Readiness::OUT
    }
}
