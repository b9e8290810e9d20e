//! Sockets of the kernel by NETLINK_SOCK_DIAG (sock_diag(7), include/uapi/linux/inet_diag.h).

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use crate::netlink::{Attributes, Error, Request, RouteSocket, field};
use rustix::io::Errno;

/// NETLINK_SOCK_DIAG, a netlink family of its own.
const FAMILY: u32 = 4;
/// SOCK_DIAG_BY_FAMILY: what there is.
const BY_FAMILY: u32 = 20;
/// SOCK_DESTROY: an end to it.
const DESTROY: u32 = 21;
/// AF_INET6.
const INET6: u8 = 10;

/// The length of `struct inet_diag_req_v2`.
const REQUEST: usize = 56;
/// The length of `struct inet_diag_msg`.
const ANSWER: usize = 72;
/// The length of `struct inet_diag_sockid`, which is at 8 in a request and at 4 in an answer.
const SOCKET_ID: usize = 48;

/// Attributes of an answer.
mod attribute {
    /// `struct inet_diag_meminfo`.
    pub(super) const INFO: u32 = 2;
    /// The congestion control.
    pub(super) const CONGESTION: u32 = 4;
    /// The traffic class.
    pub(super) const CLASS: u32 = 6;
    /// Memory as SK_MEMINFO_ numbers.
    pub(super) const MEMORY: u32 = 7;
    /// Which directions are closed.
    pub(super) const SHUTDOWN: u32 = 8;
    /// IPV6_V6ONLY.
    pub(super) const V6_ONLY: u32 = 11;
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Raw sockets.
    Raw,
}

impl Protocol {
    /// The column Netid.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Raw => "raw",
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Raw => 255,
        }
    }
}

/// A state, by the numbers of include/net/tcp_states.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State(pub u8);

/// The names of the states in the column State, by number.
const NAMES: [&str; 13] = [
    "UNKNOWN",
    "ESTAB",
    "SYN-SENT",
    "SYN-RECV",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "TIME-WAIT",
    "UNCONN",
    "CLOSE-WAIT",
    "LAST-ACK",
    "LISTEN",
    "CLOSING",
    "SYN-RECV",
];

impl State {
    /// A socket that is connected.
    pub const ESTABLISHED: Self = Self(1);
    /// A connection that is remembered.
    pub const TIME_WAIT: Self = Self(6);
    /// A socket that is not connected.
    pub const CLOSED: Self = Self(7);
    /// A socket that waits for connections.
    pub const LISTEN: Self = Self(10);

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("UNKNOWN")
    }
}

/// The timer that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// 0 for none; retransmission, keep-alive, time-wait, zero window probe.
    pub kind: u8,
    /// How often it has run out in a row.
    pub count: u8,
    /// When it runs out, milliseconds.
    pub expires: u32,
}

/// What a listening socket has are connections, what others have are octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The state.
    pub state: State,
    /// The timer.
    pub timer: Timer,
    /// The local address; the scope is the interface it is bound to.
    pub local: SocketAddrV6,
    /// The remote address.
    pub peer: SocketAddrV6,
    /// The number of the interface that it is bound to.
    pub interface: u32,
    /// A number of the kernel for this socket.
    pub cookie: u64,
    /// What was received and not read; of a listening socket, connections to be accepted.
    pub receive_queue: u32,
    /// What was sent and not acknowledged; of a listening socket, how many may wait.
    pub send_queue: u32,
    /// The user.
    pub user: u32,
    /// The inode, by which `/proc` names it.
    pub inode: u32,
    /// IPV6_V6ONLY, if the kernel says it.
    pub v6_only: Option<bool>,
    /// Bit 0: no more is received, bit 1: no more is sent.
    pub shutdown: Option<u8>,
    /// The traffic class.
    pub class: Option<u8>,
    /// The congestion control.
    pub congestion: Option<String>,
    /// `struct inet_diag_sockid`, which names it to the kernel.
    pub id: [u8; SOCKET_ID],
    /// `struct tcp_info`.
    pub info: Option<Vec<u8>>,
    /// The SK_MEMINFO_ numbers.
    pub memory: Option<Vec<u32>>,
}

impl Socket {
    /// Reads an answer; `None` when it is no socket of IPv6.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        if field::u8_at(payload, 0)? != INET6 || payload.len() < ANSWER {
            return None;
        }
        let interface = field::u32_at(payload, 40)?;
        let end = |port, address: usize| {
            let octets: [u8; 16] = payload.get(address..)?.first_chunk().copied()?;
            let port = u16::from_be(field::u16_at(payload, port)?);
            Some(SocketAddrV6::new(Ipv6Addr::from(octets), port, 0, interface))
        };
        let number = |offset| field::u32_at(payload, offset);
        let attributes = Attributes::after(payload, ANSWER);
        let memory = attributes.find(attribute::MEMORY).map(|attribute| {
            let numbers = attribute.value.chunks_exact(4);
            numbers.filter_map(|number| field::u32_at(number, 0)).collect()
        });
        let u8_of = |kind| attributes.find(kind).and_then(crate::netlink::Attribute::u8);
        Some(Self {
            state: State(field::u8_at(payload, 1)?),
            timer: Timer {
                kind: field::u8_at(payload, 2)?,
                count: field::u8_at(payload, 3)?,
                expires: number(52)?,
            },
            local: end(4, 8)?,
            peer: end(6, 24)?,
            interface,
            cookie: field::u64_at(payload, 44)?,
            receive_queue: number(56)?,
            send_queue: number(60)?,
            user: number(64)?,
            inode: number(68)?,
            id: payload.get(4..)?.first_chunk().copied()?,
            v6_only: u8_of(attribute::V6_ONLY).map(|value| value != 0),
            shutdown: u8_of(attribute::SHUTDOWN),
            class: u8_of(attribute::CLASS),
            congestion: attributes
                .find(attribute::CONGESTION)
                .and_then(|attribute| attribute.text().map(Into::into)),
            info: attributes.find(attribute::INFO).map(|attribute| attribute.value.into()),
            memory,
        })
    }
}

/// `struct inet_diag_req_v2` for the sockets of a protocol in the states of the bits. The bit of an
/// extension is its attribute's number less 1.
fn request(protocol: Protocol, states: u32, internal: bool) -> [u8; REQUEST] {
    let mut extensions = 1u8 << (attribute::MEMORY - 1);
    if internal {
        extensions |= 1 << (attribute::INFO - 1) | 1 << (attribute::CONGESTION - 1);
    }
    extensions |= 1 << (attribute::CLASS - 1);
    extensions |= 1 << (attribute::SHUTDOWN - 1);
    let mut bytes = [0; REQUEST];
    field::put(&mut bytes, 0, &[INET6, protocol.number(), extensions, 0]);
    field::put(&mut bytes, 4, &states.to_ne_bytes());
    // No cookie: all bits set.
    field::put(&mut bytes, 48, &[0xff; 8]);
    bytes
}

/// A socket of the NETLINK_SOCK_DIAG family.
#[derive(Debug)]
pub struct DiagSocket(RouteSocket);

impl DiagSocket {
    /// Opens it.
    pub fn open() -> Result<Self, Error> {
        RouteSocket::open_family(FAMILY, 0).map(Self)
    }

    /// All sockets of a protocol in these states; with what TCP knows when `internal`.
    pub fn dump(
        &mut self,
        protocol: Protocol,
        states: u32,
        internal: bool,
    ) -> Result<Vec<Socket>, Error> {
        let request = Request::new(BY_FAMILY, 0, &request(protocol, states, internal));
        let records = self.0.dump(request)?;
        Ok(records.iter().filter_map(|record| Socket::parse(&record.payload)).collect())
    }

    /// Ends a socket: its owner finds ECONNABORTED, the other side of a connection gets a reset.
    /// False when it is not there any more, or of a kind that does not end so.
    pub fn destroy(&mut self, protocol: Protocol, socket: &Socket) -> Result<bool, Error> {
        let mut named = request(protocol, 1 << socket.state.0, false);
        field::put(&mut named, 8, &socket.id);
        match self.0.change(Request::new(DESTROY, 0, &named)) {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.refusal(), Some(Errno::NOENT | Errno::OPNOTSUPP)) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use alloc::vec::Vec;

    use super::{Protocol, Socket, State, request};

    /// A connection from `[::1]:37712` to `[::1]:5077`, as Linux tells it.
    pub(in crate::ss) fn answer() -> Vec<u8> {
        let mut bytes = Vec::from([10, 1, 1, 0]);
        bytes.extend(37712u16.to_be_bytes());
        bytes.extend(5077u16.to_be_bytes());
        for _ in 0..2 {
            bytes.extend([0; 15]);
            bytes.push(1);
        }
        bytes.extend([0; 4]);
        bytes.extend(0x1012u64.to_ne_bytes());
        for number in [4u32, 28, 2_818_120, 1000, 169_573] {
            bytes.extend(number.to_ne_bytes());
        }
        bytes.extend([5, 0, 8, 0, 2, 0, 0, 0]);
        bytes.extend([10, 0, 4, 0, b'c', b'u', b'b', b'i', b'c', 0, 0, 0]);
        bytes
    }

    #[test]
    fn answers() {
        let bytes = answer();
        let socket = Socket::parse(&bytes).unwrap();
        assert_eq!((socket.state, socket.state.name()), (State::ESTABLISHED, "ESTAB"));
        assert_eq!((socket.local.port(), socket.peer.port()), (37712, 5077));
        assert_eq!((socket.receive_queue, socket.send_queue), (28, 2_818_120));
        assert_eq!((socket.user, socket.inode, socket.cookie), (1000, 169_573, 0x1012));
        assert_eq!((socket.timer.kind, socket.timer.expires), (1, 4));
        assert_eq!((socket.shutdown, socket.v6_only), (Some(2), None));
        assert_eq!(socket.congestion.as_deref(), Some("cubic"));
        for length in 0..72 {
            assert_eq!(Socket::parse(&bytes[..length]), None);
        }
        let mut other = bytes;
        other[0] = 2;
        assert_eq!(Socket::parse(&other), None);
        assert_eq!(State(77).name(), "UNKNOWN");
    }

    #[test]
    fn requests() {
        let bytes = request(Protocol::Udp, 0xfff, false);
        assert_eq!(bytes[..4], [10, 17, 0xe0, 0]);
        assert_eq!(bytes[4..8], 0xfffu32.to_ne_bytes());
        assert_eq!(request(Protocol::Tcp, 0, true)[2], 0xea);
    }
}
