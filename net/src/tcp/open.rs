//! Opening, binding, listening, accepting and connecting (RFC 9293, Section 3.10.1).

use super::TcpId;
use super::connection::{Connection, Opening, Owner};
use super::ecn::EcnState;
use super::error::{TcpAcceptError, TcpConnectError, TcpListenError, TcpOpenError};
use super::isn::FourTuple;
use super::option::TcpSocketOptions;
use super::packed_options::PackedOptions;
use super::state::TcpState;
use super::table::{Body, Found, Listener, NIL, TcpSocket};
use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::counters::TableFull;
use crate::interface::InterfaceIndex;
use crate::ipv6_output::NoRoute;
use crate::limits;
use crate::random::Random;
use crate::socket::{BindError, EPHEMERAL, Endpoint};
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::wire::tcp_sequence::SequenceNumber;
use core::net::{Ipv6Addr, SocketAddrV6};

/// How many ports there are to choose from.
const EPHEMERAL_COUNT: u32 = (*EPHEMERAL.end() - *EPHEMERAL.start()) as u32 + 1;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Makes a stream socket.
    pub fn tcp_open(&mut self) -> Result<TcpId, TcpOpenError> {
        self.seed();
        let options = TcpSocketOptions {
            congestion: self.config.tcp.congestion,
            syn_retries: self.config.tcp.syn_retries,
            ..TcpSocketOptions::default()
        };
        let socket = TcpSocket::new(Body::Idle(PackedOptions::pack(&options)));
        self.tcp.insert(socket).ok_or_else(|| {
            self.counters.tables.count(TableFull::TcpSockets);
            TcpOpenError
        })
    }

    /// Gives a socket a local address and port. Port 0 means any.
    pub fn tcp_bind(&mut self, id: TcpId, address: SocketAddrV6) -> Result<(), BindError> {
        let socket = self.tcp.get(id).ok_or(BindError::Closed)?;
        if socket.local.port != 0 || !matches!(socket.body, Body::Idle(_)) {
            return Err(BindError::AlreadyBound);
        }
        let (ip, device) = (*address.ip(), socket.packed_options().device());
        let mut zone = None;
        if ip.is_multicast() || ip.is_v4_mapped() {
            return Err(BindError::AddressNotAvailable);
        }
        if ip.needs_zone() {
            let given = InterfaceIndex::new(address.scope_id());
            if given.is_some_and(|index| self.interface(index).is_none()) {
                return Err(BindError::NoInterface);
            }
            if device.is_some() && given.is_some() && given != device {
                return Err(BindError::ScopeRequired);
            }
            zone = Some(given.or(device).ok_or(BindError::ScopeRequired)?);
        }
        if !ip.is_unspecified() && !self.is_own_address(ip, zone.or(device)) {
            return Err(BindError::AddressNotAvailable);
        }
        let mut local = Endpoint { address: ip, port: address.port(), zone };
        if local.port == 0 {
            local.port = self
                .tcp_ephemeral_port(|stack, port| {
                    stack.tcp_port_is_free(id, Endpoint { port, ..local })
                })
                .ok_or(BindError::AddressInUse)?;
        } else if !self.tcp_port_is_free(id, local) {
            return Err(BindError::AddressInUse);
        }
        let socket = self.tcp.get_mut(id).ok_or(BindError::Closed)?;
        socket.local = local;
        socket.address_bound = !ip.is_unspecified();
        self.tcp.take_port(id.slot.into());
        Ok(())
    }

    /// Whether a socket may be bound here. SO_REUSEADDR shares a port with everybody who has it
    /// set too, except with one that listens; SO_REUSEPORT also with that.
    fn tcp_port_is_free(&self, id: TcpId, local: Endpoint) -> bool {
        let Some(options) = self.tcp.get(id).map(TcpSocket::options) else { return false };
        let same_address = |address: Ipv6Addr| {
            local.address.is_unspecified() || address.is_unspecified() || local.address == address
        };
        let taken = self.tcp.iter().any(|(other, socket)| {
            let theirs = socket.options();
            let device = match (options.device.or(local.zone), socket.device()) {
                (Some(a), Some(b)) => a == b,
                _ => true,
            };
            let shared =
                options.reuse_address && theirs.reuse_address && socket.listener().is_none()
                    || options.reuse_port && theirs.reuse_port;
            other != id
                && socket.local.port == local.port
                && device
                && same_address(socket.local.address)
                && !shared
        });
        let waiting = !options.reuse_address
            && self.tcp.time_wait.iter().any(|(entry, _)| {
                entry.tuple.local.1 == local.port && same_address(entry.tuple.local.0)
            });
        !taken && !waiting
    }

    /// A free port to listen at, at random (RFC 6056, Section 3.3.2): the search begins anywhere.
    fn tcp_ephemeral_port(&mut self, is_free: impl Fn(&Self, u16) -> bool) -> Option<u16> {
        let start = self.random.below(EPHEMERAL_COUNT);
        self.tcp_search_port(start, is_free).map(|(_, port)| port)
    }

    /// A free port for a connection between these addresses to a port over there.
    fn tcp_connection_port(
        &mut self,
        source: Ipv6Addr,
        destination: (Ipv6Addr, u16),
        is_free: impl Fn(&Self, u16) -> bool,
    ) -> Option<u16> {
        let sequence = self.tcp.ports.sequence(source, destination);
        let start = self.tcp.ports.start(sequence, EPHEMERAL_COUNT);
        let (steps, port) = self.tcp_search_port(start, is_free)?;
        self.tcp.ports.advance(sequence, steps, &mut self.random);
        Some(port)
    }

    /// The first port from `start` on that is free, and how many are in front of it.
    fn tcp_search_port(
        &self,
        start: u32,
        is_free: impl Fn(&Self, u16) -> bool,
    ) -> Option<(u32, u16)> {
        (0..EPHEMERAL_COUNT)
            .map(|step| (step, EPHEMERAL.start() + ((start + step) % EPHEMERAL_COUNT) as u16))
            .find(|&(_, port)| is_free(self, port))
    }

    /// Waits for connections, of which `backlog` may wait to be accepted. Called again, it changes
    /// the backlog. A socket without a port gets one.
    pub fn tcp_listen(&mut self, id: TcpId, backlog: usize) -> Result<(), TcpListenError> {
        let backlog = backlog.min(limits::TCP_BACKLOG) as u16;
        let socket = self.tcp.get_mut(id).ok_or(TcpListenError::Closed)?;
        match &mut socket.body {
            Body::Listener(listener) => {
                listener.backlog = backlog;
                return Ok(());
            }
            Body::Connection(connection) if connection.state != TcpState::Closed => {
                return Err(TcpListenError::Connected);
            }
            Body::Connection(_) => return Err(TcpListenError::Connected),
            Body::Idle(_) => {}
        }
        let local = socket.local;
        if local.port == 0 {
            let port = self
                .tcp_ephemeral_port(|stack, port| {
                    stack.tcp_port_is_free(id, Endpoint { port, ..local })
                })
                .ok_or(TcpListenError::AddressInUse)?;
            if let Some(socket) = self.tcp.get_mut(id) {
                socket.local.port = port;
            }
        } else if self.tcp_somebody_listens(id) {
            return Err(TcpListenError::AddressInUse);
        }
        let socket = self.tcp.get_mut(id).ok_or(TcpListenError::Closed)?;
        let options = *socket.packed_options();
        socket.body = Body::Listener(Listener { options, backlog, head: NIL, tail: NIL, len: 0 });
        self.tcp.file_listener(id.slot.into());
        self.tcp.take_port(id.slot.into());
        Ok(())
    }

    /// Whether another socket listens where this one is bound, and they do not both agree to it.
    fn tcp_somebody_listens(&self, id: TcpId) -> bool {
        let Some(socket) = self.tcp.get(id) else { return false };
        let local = socket.local.address;
        self.tcp.iter().any(|(other, found)| {
            let theirs = found.local.address;
            other != id
                && found.listener().is_some()
                && found.local.port == socket.local.port
                && (local.is_unspecified() || theirs.is_unspecified() || local == theirs)
                && !(found.options().reuse_port && socket.options().reuse_port)
        })
    }

    /// The connection that has waited longest, and the other side's address.
    pub fn tcp_accept(&mut self, id: TcpId) -> Result<(TcpId, SocketAddrV6), TcpAcceptError> {
        let socket = self.tcp.get_mut(id).ok_or(TcpAcceptError::Closed)?;
        let listener = socket.listener_mut().ok_or(TcpAcceptError::NotListening)?;
        let slot = listener.head;
        if slot == NIL {
            return Err(TcpAcceptError::WouldBlock);
        }
        listener.len -= 1;
        let next = self.tcp.at(slot.into()).map_or(NIL, |accepted| accepted.next);
        if let Some(listener) = self.tcp.get_mut(id).and_then(TcpSocket::listener_mut) {
            listener.head = next;
            if next == NIL {
                listener.tail = NIL;
            }
        }
        let accepted = self.tcp.id_at(slot.into()).ok_or(TcpAcceptError::WouldBlock)?;
        if let Some(socket) = self.tcp.at_mut(slot.into()) {
            socket.next = NIL;
            if let Some(connection) = socket.connection_mut() {
                connection.owner = Owner::User;
            }
        }
        let remote = self.tcp_remote_address(accepted).ok_or(TcpAcceptError::WouldBlock)?;
        Ok((accepted, remote))
    }

    /// Begins to open a connection. It is open when [`super::TcpReadiness::writable`]; it has
    /// failed when there is an error to take.
    pub fn tcp_connect(
        &mut self,
        id: TcpId,
        destination: SocketAddrV6,
        now: Instant,
    ) -> Result<(), TcpConnectError> {
        let socket = self.tcp.get(id).ok_or(TcpConnectError::Closed)?;
        match &socket.body {
            Body::Idle(_) => {}
            Body::Listener(_) => return Err(TcpConnectError::Listening),
            Body::Connection(connection) => {
                return Err(match connection.state {
                    TcpState::SynSent | TcpState::SynReceived => TcpConnectError::InProgress,
                    _ => TcpConnectError::Connected,
                });
            }
        }
        let mut address = *destination.ip();
        if address.is_unspecified() {
            address = Ipv6Addr::LOCALHOST;
        }
        // RFC 9293, Section 3.9.1.1 (MUST-46).
        if address.is_multicast() || address.is_v4_mapped() || destination.port() == 0 {
            return Err(TcpConnectError::NotUnicast);
        }
        let scope =
            if address.needs_zone() { InterfaceIndex::new(destination.scope_id()) } else { None };
        let (device, options, bound) = (socket.device(), *socket.packed_options(), socket.local);
        let interface = match (device, scope) {
            (Some(a), Some(b)) if a != b => return Err(TcpConnectError::ScopeRequired),
            (device, scope) => device.or(scope).or(options.unicast_interface()),
        };
        if interface.is_none() && address.needs_zone() {
            return Err(TcpConnectError::ScopeRequired);
        }
        let wanted = Some(bound.address).filter(|bound| !bound.is_unspecified());
        let hop =
            self.route_from(wanted, address, interface, now).map_err(|error| match error {
                NoRoute::Unreachable => TcpConnectError::HostUnreachable,
                NoRoute::Prohibited => TcpConnectError::Prohibited,
                NoRoute::Blackhole => TcpConnectError::Blackhole,
                NoRoute::NoMatch | NoRoute::InterfaceDown => TcpConnectError::NetworkUnreachable,
            })?;
        let source = if bound.address.is_unspecified() {
            self.select_source_by(options.source_preference(), address, &hop)
                .ok_or(TcpConnectError::NoSourceAddress)?
        } else {
            bound.address
        };
        let zone_of = |address: Ipv6Addr| address.needs_zone().then_some(hop.interface);
        let remote = Endpoint { address, port: destination.port(), zone: zone_of(address) };
        let tuple =
            |port| FourTuple { local: (source, port), remote: (address, destination.port()) };
        let mut before = None;
        let port = if bound.port == 0 {
            let there = (address, destination.port());
            self.tcp_connection_port(source, there, |stack, port| {
                stack.tcp.find(&tuple(port), hop.interface).is_none()
                    && !stack.tcp.has_taken_port(port)
            })
            .or_else(|| {
                self.tcp_connection_port(source, there, |stack, port| {
                    stack.tcp.find(&tuple(port), hop.interface).is_none()
                })
            })
            .ok_or(TcpConnectError::NoPort)?
        } else {
            before = self
                .tcp_claim(&tuple(bound.port), hop.interface, now)
                .map_err(|Taken| TcpConnectError::NoPort)?;
            bound.port
        };
        let origins = self.tcp.secrets.of(&tuple(port));
        let opening = Opening {
            iss: origins.number_after(before, now),
            timestamp_offset: origins.timestamp_offset(),
            path_mtu: self.mtu_of(&hop, options.path_mtu_discovery()),
        };
        let mut connection = Connection::new(&opening, &options, now);
        if !connection.send.push_syn(&mut self.tcp.store) {
            return Err(TcpConnectError::NoMemory);
        }
        connection.state = TcpState::SynSent;
        if self.config.tcp.ecn.requests() {
            connection.ecn = EcnState::asking(opening.iss);
        }
        let socket = self.tcp.get_mut(id).ok_or(TcpConnectError::Closed)?;
        socket.local = Endpoint { address: source, port, zone: zone_of(source) };
        socket.remote = Some(remote);
        socket.body = Body::Connection(connection);
        self.tcp.file_connection(id.slot.into());
        self.tcp.take_port(id.slot.into());
        self.tcp_choose_congestion(id.slot.into(), options.congestion(), now);
        self.counters.tcp.active_opens += 1;
        self.tcp_flush(id.slot.into(), now);
        self.finish(now);
        Ok(())
    }

    /// Takes the right to open a connection between these. One in TIME-WAIT gives way if
    /// timestamps tell old segments from new ones (RFC 6191), for which a second must have passed;
    /// then gives the number that it had come to.
    fn tcp_claim(
        &mut self,
        tuple: &FourTuple,
        interface: InterfaceIndex,
        now: Instant,
    ) -> Result<Option<SequenceNumber>, Taken> {
        const LEAST: Duration = Duration::from_secs(1);
        let slot = match self.tcp.find(tuple, interface) {
            None => return Ok(None),
            Some(Found::TimeWait(slot)) => slot,
            Some(Found::Connection(_) | Found::HalfOpen(_)) => return Err(Taken),
        };
        let table = &mut self.tcp.time_wait;
        let entry = table.get(slot).filter(|entry| entry.recent().is_some()).ok_or(Taken)?;
        let before = entry.snd_nxt;
        if table.age(slot, now) < LEAST {
            return Err(Taken);
        }
        table.remove(slot);
        Ok(Some(before))
    }
}

/// There is a connection between these already.
struct Taken;
