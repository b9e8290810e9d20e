//! Netlink sockets (netlink(7)). Of the family NETLINK_ROUTE: how `ip` and others show and change
//! interfaces, addresses, routes and neighbors (rtnetlink(7)); of NETLINK_SOCK_DIAG: how `ss` shows
//! sockets (sock_diag(7)).
//!
//! A request is answered before `send` returns; the answers wait in the socket's queue. What the
//! messages mean is in `link`, `address`, `route` and `neighbor`, and in `diag`.

mod address;
mod address_label;
mod diag;
pub(super) mod link;
mod link_ipv6;
mod message;
mod neighbor;
mod notify;
mod request;
mod route;
mod router_option;
#[cfg(test)]
mod tests;
mod vlan;

pub(in crate::net) use notify::{publish, publish_router_option};

use super::option::Kind;
use super::socket::{Incoming, MessageFlags, Outgoing, Socket, SocketBase};
use super::{option, socket_address};
use crate::fs::file::Readiness;
use crate::sync::TaskCell;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserWriter};
use crate::time::{Duration, Instant};
use alloc::collections::VecDeque;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::net::Ipv6Addr;
use linux_raw_sys::net::{AF_NETLINK, SOCK_RAW, SOL_NETLINK};
use linux_raw_sys::netlink::{
    NETLINK_ADD_MEMBERSHIP, NETLINK_CAP_ACK, NETLINK_DROP_MEMBERSHIP, NETLINK_EXT_ACK,
    NETLINK_GET_STRICT_CHK, NETLINK_ROUTE, NETLINK_SOCK_DIAG,
};

/// Length of `sockaddr_nl`.
const ADDRESS_LENGTH: usize = 12;
/// The longest request taken; more is `EMSGSIZE`.
const REQUEST_LIMIT: usize = 64 << 10;
/// How much may wait for a slow reader before further notifications are lost (SO_RCVBUF's default).
const QUEUE_LIMIT: usize = 212_992;

/// All netlink sockets, for notifications and so that no two have the same port.
static SOCKETS: TaskCell<Vec<Weak<NetlinkSocket>>> = TaskCell::new(Vec::new());

/// Whom a netlink socket talks to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    /// NETLINK_ROUTE.
    Route,
    /// NETLINK_SOCK_DIAG.
    SocketDiagnosis,
}

impl Family {
    const fn number(self) -> u32 {
        match self {
            Self::Route => NETLINK_ROUTE,
            Self::SocketDiagnosis => NETLINK_SOCK_DIAG,
        }
    }
}

/// A netlink socket.
pub(in crate::net) struct NetlinkSocket {
    base: SocketBase,
    family: Family,
    /// The program's choice, or what automatic binding gave; 0 before.
    port: Cell<u32>,
    process: u32,
    /// Bit n-1 is set for a subscription to group n.
    groups: Cell<u32>,
    queue: RefCell<VecDeque<Vec<u8>>>,
    queued_bytes: Cell<usize>,
    /// NETLINK_EXT_ACK: it hears why it is refused in words, too.
    extended: Cell<bool>,
    /// A notification was lost; the next receive says ENOBUFS.
    overrun: Cell<bool>,
}

impl NetlinkSocket {
    /// A socket of `process` for `protocol`; `EPROTONOSUPPORT` for a family that is not here.
    pub(in crate::net) fn new(process: u32, protocol: u32) -> Result<Rc<Self>, Errno> {
        let family = match protocol {
            NETLINK_ROUTE => Family::Route,
            NETLINK_SOCK_DIAG => Family::SocketDiagnosis,
            _ => return Err(Errno::PROTONOSUPPORT),
        };
        let socket = Rc::new(Self {
            base: SocketBase::fresh(),
            family,
            port: Cell::new(0),
            process,
            groups: Cell::new(0),
            queue: RefCell::new(VecDeque::new()),
            queued_bytes: Cell::new(0),
            extended: Cell::new(false),
            overrun: Cell::new(false),
        });
        SOCKETS.with(|sockets| {
            sockets.retain(|socket| socket.strong_count() > 0);
            sockets.push(Rc::downgrade(&socket));
        });
        Ok(socket)
    }

    /// Takes a port: the one asked for, or for 0 the process's number, or one that is free.
    fn bind_port(&self, wanted: u32) -> Result<(), Errno> {
        let taken: Vec<u32> = SOCKETS.with(|sockets| {
            let live = sockets.iter().filter_map(Weak::upgrade);
            // Each family has ports of its own.
            live.filter(|socket| socket.family == self.family)
                .map(|socket| socket.port.get())
                .collect()
        });
        let is_free = |port: &u32| !taken.contains(port);
        let port = if wanted != 0 {
            Some(wanted).filter(is_free).ok_or(Errno::ADDRINUSE)?
        } else if is_free(&self.process) {
            self.process
        } else {
            // As Linux does: numbers that no process has.
            (0x8000_0000..0xffff_f000).rev().find(is_free).ok_or(Errno::ADDRINUSE)?
        };
        self.port.set(port);
        Ok(())
    }

    fn bind_if_needed(&self) -> Result<(), Errno> {
        if self.port.get() == 0 { self.bind_port(0) } else { Ok(()) }
    }

    /// Puts an answer into the queue; what is asked for always has room.
    fn answer(&self, datagram: Vec<u8>) {
        self.queued_bytes.set(self.queued_bytes.get() + datagram.len());
        self.queue.borrow_mut().push_back(datagram);
        self.base.wait_queue().wake_all();
    }

    /// Has the next receive say that notifications were lost.
    fn lose_notification(&self) {
        self.overrun.set(true);
        self.base.wait_queue().wake_all();
    }

    /// Puts a notification into the queue of a subscriber, unless it is full.
    fn notify(&self, datagram: &[u8]) {
        if self.queued_bytes.get() + datagram.len() > QUEUE_LIMIT {
            self.lose_notification();
        } else {
            self.answer(datagram.to_vec());
        }
    }
}

/// An IPv6 address in an attribute.
fn read_address(bytes: &[u8]) -> Option<Ipv6Addr> {
    <[u8; 16]>::try_from(bytes).ok().map(Ipv6Addr::from)
}

/// A duration in the hundredths of a second that the kernel's interface counts in (USER_HZ).
fn hundredths(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis() / 10).unwrap_or(u32::MAX)
}

/// A point in time in hundredths of a second since boot.
fn timestamp(instant: Instant) -> u32 {
    hundredths(instant.saturating_since(Instant::ZERO))
}

fn emit_address(port: u32, groups: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ADDRESS_LENGTH);
    bytes.extend_from_slice(&(AF_NETLINK as u16).to_ne_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&port.to_ne_bytes());
    bytes.extend_from_slice(&groups.to_ne_bytes());
    bytes
}

/// Port and groups of a `sockaddr_nl`.
fn parse_address(bytes: &[u8]) -> Result<(u32, u32), Errno> {
    if bytes.len() < ADDRESS_LENGTH || socket_address::family(bytes)? != AF_NETLINK {
        return Err(Errno::INVAL);
    }
    let field = |offset| message::read_u32(bytes, offset).ok_or(Errno::INVAL);
    Ok((field(4)?, field(8)?))
}

impl Socket for NetlinkSocket {
    fn base(&self) -> &SocketBase {
        &self.base
    }

    fn kind(&self) -> Kind {
        Kind { family: AF_NETLINK, protocol: self.family.number(), kind: SOCK_RAW }
    }

    fn bind(&self, address: &[u8]) -> Result<(), Errno> {
        let (port, groups) = parse_address(address)?;
        if self.port.get() == 0 || (port != 0 && port != self.port.get()) {
            if self.port.get() != 0 {
                return Err(Errno::INVAL);
            }
            self.bind_port(port)?;
        }
        self.groups.set(groups);
        Ok(())
    }

    fn connect(&self, address: &[u8]) -> Result<(), Errno> {
        // The kernel is the only peer there is.
        let (port, _) = parse_address(address)?;
        if port == 0 { self.bind_if_needed() } else { Err(Errno::CONNREFUSED) }
    }

    fn local_address(&self) -> Result<Vec<u8>, Errno> {
        Ok(emit_address(self.port.get(), self.groups.get()))
    }

    fn peer_address(&self) -> Result<Vec<u8>, Errno> {
        Ok(emit_address(0, 0))
    }

    fn shutdown(&self, _how: u32) -> Result<(), Errno> {
        Err(Errno::OPNOTSUPP)
    }

    fn try_send(
        &self,
        from: &mut UserReader<'_>,
        outgoing: Outgoing<'_>,
        _flags: MessageFlags,
    ) -> Result<usize, Errno> {
        if let Some(address) = outgoing.address {
            let (port, _) = parse_address(address)?;
            if port != 0 {
                return Err(Errno::CONNREFUSED);
            }
        }
        if from.remaining() > REQUEST_LIMIT {
            return Err(Errno::MSGSIZE);
        }
        self.bind_if_needed()?;
        let datagram = from.copy_all()?;
        for message in message::Messages::new(&datagram) {
            // Who asks and never reads gets no more answers.
            if self.queued_bytes.get() > QUEUE_LIMIT {
                self.lose_notification();
                break;
            }
            let sink = &mut |datagram| self.answer(datagram);
            let asker = (self.port.get(), self.extended.get());
            request::answer(self.family, &message, asker, sink);
        }
        Ok(datagram.len())
    }

    fn try_receive(&self, to: &mut UserWriter<'_>, flags: MessageFlags) -> Result<Incoming, Errno> {
        if self.overrun.take() {
            return Err(Errno::NOBUFS);
        }
        let mut queue = self.queue.borrow_mut();
        let datagram = queue.front().ok_or(Errno::AGAIN)?;
        let copied = to.copy(datagram)?;
        let truncated = copied < datagram.len();
        let incoming = Incoming {
            length: if flags.contains(MessageFlags::TRUNCATED) { datagram.len() } else { copied },
            address: emit_address(0, 0),
            control: Vec::new(),
            flags: if truncated { MessageFlags::TRUNCATED.bits() } else { 0 },
        };
        if !flags.contains(MessageFlags::PEEK) {
            self.queued_bytes.set(self.queued_bytes.get().saturating_sub(datagram.len()));
            queue.pop_front();
        }
        Ok(incoming)
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<(), Errno> {
        if level != SOL_NETLINK {
            return Err(Errno::NOPROTOOPT);
        }
        let value = option::read_u32(value)?;
        let group = || (1..=32).contains(&value).then(|| 1 << (value - 1)).ok_or(Errno::INVAL);
        match name {
            NETLINK_ADD_MEMBERSHIP => self.groups.set(self.groups.get() | group()?),
            NETLINK_DROP_MEMBERSHIP => self.groups.set(self.groups.get() & !group()?),
            NETLINK_EXT_ACK => self.extended.set(value != 0),
            // Requests are always checked, and an ack never repeats the request's payload: these
            // are on whatever a program says.
            NETLINK_GET_STRICT_CHK | NETLINK_CAP_ACK => {}
            _ => return Err(Errno::NOPROTOOPT),
        }
        Ok(())
    }

    fn option(&self, _level: u32, _name: u32) -> Result<Vec<u8>, Errno> {
        Err(Errno::NOPROTOOPT)
    }

    fn readiness(&self) -> Readiness {
        let mut readiness = Readiness::OUT;
        readiness.set(Readiness::IN, !self.queue.borrow().is_empty());
        readiness.set(Readiness::ERROR, self.overrun.get());
        readiness
    }

    fn readable_bytes(&self) -> Result<usize, Errno> {
        Ok(self.queue.borrow().front().map_or(0, Vec::len))
    }
}
