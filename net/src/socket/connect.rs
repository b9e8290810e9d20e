//! Connecting a datagram socket: fixing its peer, its source address and, for link-local
//! addresses, its interface.

use super::{ConnectError, Endpoint, Socket, SocketId, SocketKind};
use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::interface::InterfaceIndex;
use crate::ipv6_output::NoRoute;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use core::net::{Ipv6Addr, SocketAddrV6};

/// A destination's interface cannot be told: link-local without a zone, or zones that differ.
pub(super) struct ZoneError;

/// The interface that a datagram must leave by, if the socket or the destination demand one.
pub(super) fn output_interface(
    socket: &Socket,
    destination: &SocketAddrV6,
    requested: Option<InterfaceIndex>,
) -> Result<Option<InterfaceIndex>, ZoneError> {
    let ip = destination.ip();
    let scope = if ip.needs_zone() { InterfaceIndex::new(destination.scope_id()) } else { None };
    let mut chosen = None;
    for demanded in [socket.device(), requested, scope].into_iter().flatten() {
        if *chosen.get_or_insert(demanded) != demanded {
            return Err(ZoneError);
        }
    }
    if chosen.is_none() && ip.is_multicast() {
        chosen = socket.options.multicast_interface;
    }
    if chosen.is_none() && !ip.is_multicast() {
        chosen = socket.options.unicast_interface;
    }
    // Linux: an echo socket needs the zone for multicast too, others get the default interface.
    let needed =
        ip.is_unicast_link_local() || ip.needs_zone() && socket.kind == SocketKind::Icmpv6Echo;
    if chosen.is_none() && needed { Err(ZoneError) } else { Ok(chosen) }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Fixes the peer of a socket: only its datagrams are received, sends need no destination.
    /// Connecting again changes the peer. The unspecified address means this node.
    pub fn connect(
        &mut self,
        id: SocketId,
        destination: SocketAddrV6,
        now: Instant,
    ) -> Result<(), ConnectError> {
        let mut destination = destination;
        if destination.ip().is_unspecified() {
            destination.set_ip(Ipv6Addr::LOCALHOST);
        }
        let address = *destination.ip();
        if address.is_v4_mapped() {
            return Err(ConnectError::Mapped);
        }
        let socket = self.sockets.get(id).ok_or(ConnectError::Closed)?;
        let interface = output_interface(socket, &destination, None)
            .map_err(|ZoneError| ConnectError::ScopeRequired)?;
        let bound = socket.address_bound.then_some(socket.local.address);
        let raw = socket.kind == SocketKind::Icmpv6Raw;
        let preference = socket.options.source_preference;
        let hop = self.route_from(bound, address, interface, now).map_err(|error| match error {
            NoRoute::Unreachable => ConnectError::HostUnreachable,
            NoRoute::Prohibited => ConnectError::Prohibited,
            NoRoute::Blackhole => ConnectError::Blackhole,
            NoRoute::NoMatch | NoRoute::InterfaceDown => ConnectError::NetworkUnreachable,
        })?;
        let source = match bound.filter(|bound| !bound.is_multicast()) {
            Some(bound) => bound,
            None => self
                .select_source_by(preference, address, &hop)
                .ok_or(ConnectError::NoSourceAddress)?,
        };
        if !self.ensure_port(id) {
            return Err(ConnectError::NoPort);
        }
        self.sockets.touch();
        let socket = self.sockets.get_mut(id).ok_or(ConnectError::Closed)?;
        let zone = address.needs_zone().then_some(hop.interface);
        let port = if raw { 0 } else { destination.port() };
        socket.remote = Some(Endpoint { address, port, zone });
        if bound.is_none() {
            socket.local.address = source;
            socket.local.zone = source.needs_zone().then_some(hop.interface);
        }
        Ok(())
    }

    /// Dissolves a connection (connect to AF_UNSPEC): the socket takes datagrams of all peers
    /// again. What the user bound stays.
    pub fn disconnect(&mut self, id: SocketId) -> Result<(), ConnectError> {
        self.sockets.touch();
        let socket = self.sockets.get_mut(id).ok_or(ConnectError::Closed)?;
        socket.remote = None;
        if !socket.address_bound {
            socket.local = Endpoint { port: socket.local.port, ..Endpoint::ANY };
        }
        if !socket.port_bound {
            self.sockets.set_port(id, 0);
        }
        Ok(())
    }
}
