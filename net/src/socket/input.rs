//! Which sockets a datagram is for.

use super::{ReceiveMeta, Socket, SocketId, SocketKind};
use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::random::Random;
use crate::stack::Stack;
use core::cmp::Ordering;

impl Socket {
    /// Whether the socket's addresses, device and peer allow it to receive a datagram.
    #[inline]
    pub(super) fn accepts(&self, meta: &ReceiveMeta) -> bool {
        let device = self.device().is_none_or(|device| device == meta.interface);
        let local = self.local.address.is_unspecified() || self.local.address == meta.destination;
        let remote = self.remote.is_none_or(|remote| {
            let port = self.kind != SocketKind::Udp || remote.port == meta.source.port();
            let zone = remote.zone.is_none_or(|zone| zone == meta.interface);
            // An echo to a group is answered by its members from their own addresses.
            let address = remote.address == *meta.source.ip()
                || remote.address.is_multicast() && self.kind == SocketKind::Icmpv6Echo;
            port && zone && address
        });
        let checked = !meta.unchecked || self.options.receive_unchecked;
        device && local && remote && checked
    }

    /// How closely it fits: connected beats bound to an address beats bound to a device.
    fn score(&self) -> u8 {
        u8::from(self.remote.is_some()) * 4
            + u8::from(!self.local.address.is_unspecified()) * 2
            + u8::from(self.options.device.is_some())
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The one socket that a unicast datagram is for: the most specific. Among equals that share the
    /// port (SO_REUSEPORT) each gets its part of the senders, otherwise the latest gets all.
    pub(super) fn find_receiver(
        &self,
        kind: SocketKind,
        port: u16,
        meta: &ReceiveMeta,
    ) -> Option<SocketId> {
        let (id, socket, alone) = self.sockets.latest_at_port(kind, port)?;
        // Nearly always there is one, whose score nobody asks for.
        if alone {
            return socket.accepts(meta).then_some(id);
        }
        self.choose_receiver(kind, port, meta)
    }

    #[inline(never)]
    fn choose_receiver(&self, kind: SocketKind, port: u16, meta: &ReceiveMeta) -> Option<SocketId> {
        let fitting = self.sockets.at_port(kind, port).filter(|(_, socket)| socket.accepts(meta));
        let sender = (meta.source.ip(), meta.source.port(), meta.destination, port);
        let weight = |id: SocketId| self.sockets.key.weight(&sender, id.slot.into());
        let best = fitting.reduce(|best, next| {
            let shared = best.1.options.reuse_port && next.1.options.reuse_port;
            let better = match next.1.score().cmp(&best.1.score()) {
                Ordering::Equal => shared && weight(next.0) > weight(best.0),
                order => order.is_gt(),
            };
            if better { next } else { best }
        });
        best.map(|(id, _)| id)
    }

    /// The next of the sockets that a multicast datagram is for.
    pub(super) fn next_multicast_receiver(
        &self,
        port: u16,
        meta: &ReceiveMeta,
        after: Option<SocketId>,
    ) -> Option<SocketId> {
        let fits = |&(id, socket): &(SocketId, &Socket)| {
            socket.accepts(meta) && self.wants_group(id, socket, meta)
        };
        let found = match after {
            None => self.sockets.at_port(SocketKind::Udp, port).find(fits),
            Some(after) => self.sockets.at_port_after(SocketKind::Udp, port, after).find(fits),
        };
        found.map(|(id, _)| id)
    }

    /// A socket gets the groups that it joined, from the sources that it wants, and, unless it says
    /// otherwise, those that others joined (IPV6_MULTICAST_ALL).
    fn wants_group(&self, id: SocketId, socket: &Socket, meta: &ReceiveMeta) -> bool {
        let zoned = meta.destination.needs_zone();
        let own = self.memberships.iter().find(|membership| {
            membership.socket == id
                && membership.group == meta.destination
                && (!zoned || membership.interface == meta.interface)
        });
        match own {
            Some(membership) => self.allows(membership, *meta.source.ip()),
            None => socket.options.multicast_all,
        }
    }
}
