//! What the stack tells the system around it: sockets that became ready, configuration that
//! changed.

use crate::interface::{InterfaceIndex, InterfaceName};
use crate::limits;
use crate::neighbor::NeighborInfo;
use crate::route::Route;
use crate::socket::SocketId;
use crate::tcp::TcpId;
use crate::unicast::AddressInfo;
use core::net::Ipv6Addr;
use heapless::Deque;

/// Something happened. Values are those at the moment of the event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A socket may have become readable or writable, or have an error: ask
    /// [`crate::stack::Stack::readiness`].
    Socket(SocketId),
    /// The same of a stream socket: ask [`crate::stack::Stack::tcp_readiness`].
    Tcp(TcpId),
    /// An interface was added, or its state, MTU or settings changed.
    LinkChanged(InterfaceIndex),
    /// What [`crate::interface::HostVariables::router_flags`] says changed.
    RouterFlagsChanged(InterfaceIndex),
    /// An interface is gone.
    LinkRemoved {
        /// The number that it had.
        index: InterfaceIndex,
        /// The name that it had.
        name: InterfaceName,
    },
    /// An address was added, or its state or lifetimes changed.
    AddressChanged(AddressInfo),
    /// An address is gone.
    AddressRemoved(AddressInfo),
    /// Another node uses this address too: it is not usable here.
    DuplicateAddress {
        /// Whose address.
        interface: InterfaceIndex,
        /// The address.
        address: Ipv6Addr,
    },
    /// A route was added or changed.
    RouteChanged(Route),
    /// A route is gone.
    RouteRemoved(Route),
    /// A neighbor was added or changed its state or link-layer address.
    NeighborChanged(NeighborInfo),
    /// A neighbor is gone.
    NeighborRemoved(NeighborInfo),
    /// Events were lost because nobody fetched them in time; look at the tables.
    Lost,
}

/// Events that wait to be fetched.
pub(crate) struct EventQueue {
    sockets: Deque<SocketId, { limits::SOCKETS }>,
    streams: Deque<TcpId, { 2 * limits::TCP_SOCKETS }>,
    changes: Deque<Event, { limits::EVENTS }>,
    lost: bool,
    /// How many of all kinds wait, as is asked after every packet.
    waiting: usize,
}

impl EventQueue {
    pub(crate) const fn new() -> Self {
        Self {
            sockets: Deque::new(),
            streams: Deque::new(),
            changes: Deque::new(),
            lost: false,
            waiting: 0,
        }
    }

    /// Notes that a socket has news. Whoever calls makes sure that a socket is in the queue at
    /// most once, so that there is always room.
    #[inline]
    pub(crate) fn push_socket(&mut self, id: SocketId) {
        self.waiting += usize::from(self.sockets.push_back(id).is_ok());
    }

    /// The same of a stream socket.
    #[inline]
    pub(crate) fn push_tcp(&mut self, id: TcpId) {
        self.waiting += usize::from(self.streams.push_back(id).is_ok());
    }

    /// Notes a change; false when it was lost.
    pub(crate) fn push(&mut self, event: Event) -> bool {
        let fits = self.changes.push_back(event).is_ok();
        if fits {
            self.waiting += 1;
        } else {
            self.lose();
        }
        fits
    }

    /// Notes that something was lost.
    pub(crate) fn lose(&mut self) {
        self.waiting += usize::from(!core::mem::replace(&mut self.lost, true));
    }

    #[inline]
    pub(crate) fn pop_socket(&mut self) -> Option<SocketId> {
        let id = self.sockets.pop_front()?;
        self.waiting -= 1;
        Some(id)
    }

    #[inline]
    pub(crate) fn pop_tcp(&mut self) -> Option<TcpId> {
        let id = self.streams.pop_front()?;
        self.waiting -= 1;
        Some(id)
    }

    pub(crate) fn pop_change(&mut self) -> Option<Event> {
        let change = self.changes.pop_front();
        let change = change.or_else(|| core::mem::take(&mut self.lost).then_some(Event::Lost))?;
        self.waiting -= 1;
        Some(change)
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.waiting == 0
    }
}
