//! `struct inet_diag_req_v2`: which sockets are asked for, and what of them (linux/inet_diag.h).

use super::bytecode::Program;
use crate::net::netlink::message::{Attributes, read_u16, read_u32};
use crate::syscall::errno::Errno;
use core::net::{Ipv6Addr, SocketAddrV6};

/// Length of `inet_diag_req_v2`.
pub(super) const LENGTH: usize = 56;
/// Length of `inet_diag_sockid`.
pub(super) const SOCKET_ID_LENGTH: usize = 48;
/// Where it is in the request.
const SOCKET_ID: usize = 8;
/// INET_DIAG_REQ_BYTECODE.
const BYTECODE: u32 = 1;
/// INET_DIAG_NOCOOKIE in both words: any socket with these addresses.
const NO_COOKIE: [u32; 2] = [u32::MAX; 2];

/// What can be told of a socket besides the fixed part (INET_DIAG_*).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Attribute {
    Memory = 1,
    Info = 2,
    Congestion = 4,
    TrafficClass = 6,
    SocketMemory = 7,
    Shutdown = 8,
    Protocol = 10,
    OnlyV6 = 11,
}

/// A request for sockets of AF_INET6.
#[derive(Clone, Debug)]
pub(super) struct InternetRequest {
    /// IPPROTO_TCP and its like.
    pub(super) protocol: u8,
    extensions: u8,
    states: u32,
    /// The local end; of a list only the port counts, 0 being any.
    pub(super) local: SocketAddrV6,
    /// The other end.
    pub(super) remote: SocketAddrV6,
    cookie: Option<u64>,
    program: Option<Program>,
}

/// The cookie of a socket: its inode in two words.
pub(super) fn cookie(inode: u64) -> [u32; 2] {
    [inode as u32, (inode >> 32) as u32]
}

impl InternetRequest {
    /// Reads the request; `EINVAL` when it is too short or its filter is none.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Errno> {
        if payload.len() < LENGTH {
            return Err(Errno::INVAL);
        }
        let word = |offset| read_u32(payload, offset).ok_or(Errno::INVAL);
        let port = |offset| read_u16(payload, offset).map(u16::from_be).ok_or(Errno::INVAL);
        let address = |offset: usize| {
            let octets = payload.get(offset..).and_then(|rest| rest.first_chunk::<16>());
            octets.map(|octets| Ipv6Addr::from(*octets)).ok_or(Errno::INVAL)
        };
        let [_, protocol, extensions, _] = *payload.first_chunk().ok_or(Errno::INVAL)?;
        let scope = word(SOCKET_ID + 36)?;
        let end = |at: u16, offset| {
            address(offset).map(|address| SocketAddrV6::new(address, at, 0, scope))
        };
        let words = [word(SOCKET_ID + 40)?, word(SOCKET_ID + 44)?];
        let cookie = u64::from(words[0]) | u64::from(words[1]) << 32;
        let attributes = Attributes::after(payload, LENGTH);
        let program = attributes.get(BYTECODE).map(|code| Program::parse(code).ok_or(Errno::INVAL));
        Ok(Self {
            protocol,
            extensions,
            states: word(4)?,
            local: end(port(SOCKET_ID)?, SOCKET_ID + 4)?,
            remote: end(port(SOCKET_ID + 2)?, SOCKET_ID + 20)?,
            cookie: (words != NO_COOKIE).then_some(cookie),
            program: program.transpose()?,
        })
    }

    /// Whether this attribute is asked for.
    pub(super) fn wants(&self, attribute: Attribute) -> bool {
        self.extensions & (1 << (attribute as u8 - 1)) != 0
    }

    /// Whether a socket is to be listed: its state (as Linux numbers it) and ports, and what the
    /// filter says.
    pub(super) fn selects(
        &self,
        state: u8,
        local: SocketAddrV6,
        remote: SocketAddrV6,
        device: u32,
    ) -> bool {
        let is_port = |wanted: u16, port: u16| wanted == 0 || wanted == port;
        self.has_state(state)
            && is_port(self.local.port(), local.port())
            && is_port(self.remote.port(), remote.port())
            && self.program.as_ref().is_none_or(|program| program.run(local, remote, device))
    }

    /// Whether sockets in this state are asked for.
    pub(super) fn has_state(&self, state: u8) -> bool {
        1u32.checked_shl(state.into()).is_some_and(|bit| self.states & bit != 0)
    }

    /// Whether the cookie names this socket; one without a program has none.
    pub(super) fn has_cookie(&self, inode: u64) -> bool {
        self.cookie.is_none_or(|cookie| cookie == inode)
    }
}
