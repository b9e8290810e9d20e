//! Opening, binding and closing; choosing ports (RFC 6056).

use super::{BindError, Endpoint, OpenError, Socket, SocketError, SocketId, SocketKind};
use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::counters::{DropReason, TableFull};
use crate::interface::InterfaceIndex;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use core::net::SocketAddrV6;

/// Ports that are given to sockets that ask for none: Linux's `ip_local_port_range`.
pub(crate) const EPHEMERAL: core::ops::RangeInclusive<u16> = 32_768..=60_999;

/// Whether two sockets cannot be bound to the same port: they could both get one datagram and do
/// not both agree to that.
fn conflicts(a: &Socket, a_local: Endpoint, b: &Socket) -> bool {
    let shared = a.options.reuse_address && b.options.reuse_address
        || a.options.reuse_port && b.options.reuse_port;
    let device = match (a.options.device.or(a_local.zone), b.device()) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    let address = a_local.address.is_unspecified()
        || b.local.address.is_unspecified()
        || a_local.address == b.local.address;
    !shared && device && (address || a.kind == SocketKind::Icmpv6Echo)
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Makes a socket.
    pub fn open_socket(&mut self, kind: SocketKind) -> Result<SocketId, OpenError> {
        self.seed();
        self.sockets.insert(Socket::new(kind)).ok_or_else(|| {
            self.counters.tables.count(TableFull::Sockets);
            OpenError
        })
    }

    /// Closes a socket: it leaves its groups and anycast addresses, what it did not read is dropped.
    pub fn close_socket(&mut self, id: SocketId, now: Instant) {
        self.leave_all_groups(id, now);
        self.leave_all_anycast(id, now);
        let Some(mut socket) = self.sockets.remove(id) else { return };
        if socket.waits_to_send {
            self.sockets.waiting_to_send -= 1;
        }
        while let Some(interface) = self.sockets.memory.drop_received(&mut socket.received) {
            self.count_drop(Some(interface), DropReason::SocketClosed);
        }
        self.sockets.memory.errors.clear(&mut socket.errors);
    }

    /// Ends what a socket does, on behalf of somebody else than its owner, who is told
    /// [`SocketError::Aborted`]: it is no longer connected, nor bound to a port that it did not
    /// choose. False when it is closed.
    pub fn destroy_socket(&mut self, id: SocketId) -> bool {
        if self.disconnect(id).is_err() {
            return false;
        }
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.pending_error = Some(SocketError::Aborted);
        }
        self.notify_socket(id);
        true
    }

    /// Gives a socket a local address and port (RFC 3493, Section 3.5). Port 0 means any. For an
    /// echo socket the port is the identifier; a raw socket ignores it and can be bound again.
    pub fn bind(&mut self, id: SocketId, address: SocketAddrV6) -> Result<(), BindError> {
        let socket = self.sockets.get(id).ok_or(BindError::Closed)?;
        let raw = socket.kind == SocketKind::Icmpv6Raw;
        if !raw && (socket.local.port != 0 || socket.address_bound) {
            return Err(BindError::AlreadyBound);
        }
        let (ip, device) = (*address.ip(), socket.options.device);
        let mut zone = None;
        if ip.needs_zone() {
            let given = InterfaceIndex::new(address.scope_id());
            if let Some(index) = given
                && self.interface(index).is_none()
            {
                return Err(BindError::NoInterface);
            }
            zone = match (given, device) {
                (Some(given), Some(device)) if given != device => {
                    return Err(BindError::ScopeRequired);
                }
                (Some(index), _) | (None, Some(index)) => Some(index),
                (None, None) => return Err(BindError::ScopeRequired),
            };
        }
        if ip.is_v4_mapped() {
            return Err(BindError::AddressNotAvailable);
        }
        if ip.is_assignable() && !self.is_own_address(ip, zone.or(device)) {
            return Err(BindError::AddressNotAvailable);
        }
        let local = Endpoint { address: ip, port: address.port(), zone };
        let port = if raw {
            0
        } else if local.port == 0 {
            self.ephemeral_port(id, local).ok_or(BindError::AddressInUse)?
        } else if self.is_port_free(id, local) {
            local.port
        } else {
            return Err(BindError::AddressInUse);
        };
        self.sockets.set_port(id, port);
        let socket = self.sockets.get_mut(id).ok_or(BindError::Closed)?;
        socket.local = Endpoint { port, ..local };
        socket.address_bound = !ip.is_unspecified();
        socket.port_bound = local.port != 0;
        Ok(())
    }

    /// The local address and port; `None` when the socket is closed.
    pub fn local_address(&self, id: SocketId) -> Option<SocketAddrV6> {
        self.sockets.get(id).map(|socket| endpoint_address(socket.local))
    }

    /// The address and port the socket is connected to, if it is.
    pub fn remote_address(&self, id: SocketId) -> Option<SocketAddrV6> {
        self.sockets.get(id)?.remote.map(endpoint_address)
    }

    /// All sockets, with local and remote address and octets in the receive buffer: what
    /// `/proc/net/udp6` shows.
    pub fn sockets(&self) -> impl Iterator<Item = SocketInfo> + '_ {
        self.sockets.iter().map(|(id, socket)| SocketInfo {
            id,
            kind: socket.kind,
            local: endpoint_address(socket.local),
            remote: socket.remote.map(endpoint_address),
            received_octets: socket.received_octets,
            drops: socket.drops,
        })
    }

    fn is_port_free(&self, id: SocketId, local: Endpoint) -> bool {
        let Some(socket) = self.sockets.get(id) else { return false };
        self.sockets
            .at_port(socket.kind, local.port)
            .all(|(other, entry)| other == id || !conflicts(socket, local, entry))
    }

    /// A free port at random (RFC 6056, Section 3.3.2): the search begins anywhere.
    fn ephemeral_port(&mut self, id: SocketId, local: Endpoint) -> Option<u16> {
        let (first, last) = (*EPHEMERAL.start(), *EPHEMERAL.end());
        let count = u32::from(last - first) + 1;
        let start = self.random.below(count);
        (0..count)
            .map(|step| first + ((start + step) % count) as u16)
            .find(|&port| self.is_port_free(id, Endpoint { port, ..local }))
    }

    /// Gives a socket that is about to send a port, if it has none. False when none is free.
    pub(super) fn ensure_port(&mut self, id: SocketId) -> bool {
        let Some(socket) = self.sockets.get(id) else { return false };
        if socket.kind == SocketKind::Icmpv6Raw || socket.local.port != 0 {
            return true;
        }
        let local = socket.local;
        match self.ephemeral_port(id, local) {
            Some(port) => {
                self.sockets.set_port(id, port);
                true
            }
            None => false,
        }
    }
}

/// A socket as a list of sockets shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketInfo {
    /// Its number.
    pub id: SocketId,
    /// What it speaks.
    pub kind: SocketKind,
    /// Its local address and port.
    pub local: SocketAddrV6,
    /// What it is connected to.
    pub remote: Option<SocketAddrV6>,
    /// Octets charged for what it has not read yet.
    pub received_octets: usize,
    /// Datagrams dropped because its buffer was full.
    pub drops: u64,
}

fn endpoint_address(endpoint: Endpoint) -> SocketAddrV6 {
    let scope_id = endpoint.zone.map_or(0, InterfaceIndex::get);
    SocketAddrV6::new(endpoint.address, endpoint.port, 0, scope_id)
}
