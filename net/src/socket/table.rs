//! The sockets, found by number or by the port a packet is for, and the memory for what they
//! received.

use super::receive::{QueuedError, Received};
use super::{Socket, SocketId, SocketKind};
use crate::hash::{Chains, HashKey};
use crate::interface::InterfaceIndex;
use crate::limits;
use crate::list::{Arena, List};
use heapless::Vec;

/// Errors that wait in the error queues of all sockets together.
const ERRORS: usize = 128;

/// Where received datagrams and queued errors lie.
pub(crate) struct Memory<B> {
    pub(crate) received: Arena<Received<B>, { limits::RECEIVE_PACKETS }>,
    pub(crate) errors: Arena<QueuedError<B>, ERRORS>,
    /// What datagrams that came in fragments have beyond their first buffer.
    pub(crate) tails: Arena<B, { limits::RECEIVE_TAILS }>,
}

impl<B> Memory<B> {
    /// Drops the oldest datagram of a socket, giving the interface that it came in by.
    #[inline]
    pub(crate) fn drop_received(&mut self, list: &mut List) -> Option<InterfaceIndex> {
        let received = self.received.front_mut(list)?;
        let interface = received.meta.interface;
        self.tails.clear(&mut received.tail);
        self.received.drop_front(list);
        Some(interface)
    }
}

struct Slot {
    generation: u32,
    socket: Option<Socket>,
}

/// All datagram sockets.
pub(crate) struct SocketTable<B> {
    slots: Vec<Slot, { limits::SOCKETS }>,
    /// No slot before this one is free.
    vacant: usize,
    /// Sockets with a port, by kind and port; raw sockets, by kind.
    chains: Chains<{ limits::SOCKETS }>,
    /// How often somebody could have changed what sending depends on.
    changes: u32,
    /// Secret and odd.
    multiplier: u64,
    /// Chooses between sockets that share a port.
    pub(super) key: HashKey,
    pub(crate) memory: Memory<B>,
    /// Sockets that wait for room to send.
    pub(crate) waiting_to_send: usize,
    /// How many raw sockets there are, as is asked for every ICMPv6 message.
    raw: usize,
}

impl<B> SocketTable<B> {
    pub(crate) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            vacant: 0,
            chains: Chains::new(),
            changes: 0,
            multiplier: 1,
            key: HashKey::UNSET,
            memory: Memory { received: Arena::new(), errors: Arena::new(), tails: Arena::new() },
            waiting_to_send: 0,
            raw: 0,
        }
    }

    /// Whether there are raw sockets.
    #[inline]
    pub(crate) const fn has_raw(&self) -> bool {
        self.raw > 0
    }

    /// Sets the key, while there is nothing in the table.
    pub(crate) fn set_key(&mut self, key: &HashKey) {
        self.multiplier = key.hash(&()) | 1;
        self.key = key.clone();
    }

    /// Adds a socket; `None` when there is no room.
    pub(crate) fn insert(&mut self, socket: Socket) -> Option<SocketId> {
        let kind = socket.kind;
        let mut slot = self.vacant;
        while self.slots.get(slot).is_some_and(|slot| slot.socket.is_some()) {
            slot += 1;
        }
        self.vacant = slot;
        if slot == self.slots.len() {
            self.slots.push(Slot { generation: 0, socket: None }).ok()?;
        }
        let place = self.slots.get_mut(slot)?;
        place.generation = place.generation.wrapping_add(1);
        place.socket = Some(socket);
        let id = SocketId { slot: slot as u16, generation: place.generation };
        if kind == SocketKind::Icmpv6Raw {
            self.chains.insert(self.hash(kind, 0), slot);
            self.raw += 1;
        }
        Some(id)
    }

    /// Takes a socket out of the table.
    pub(crate) fn remove(&mut self, id: SocketId) -> Option<Socket> {
        let kind = self.get(id)?.kind;
        self.touch();
        self.chains.remove(id.slot.into());
        self.raw -= usize::from(kind == SocketKind::Icmpv6Raw);
        self.vacant = self.vacant.min(id.slot.into());
        self.slots.get_mut(usize::from(id.slot))?.socket.take()
    }

    /// Which ports are in use is chosen here, and there are few: multiplying by a secret spreads
    /// them well enough.
    #[inline]
    fn hash(&self, kind: SocketKind, port: u16) -> u64 {
        let value = u64::from(port) << 2 | kind as u64;
        value.wrapping_mul(self.multiplier) >> 32
    }

    #[inline]
    pub(crate) fn get(&self, id: SocketId) -> Option<&Socket> {
        let slot = self.slots.get(usize::from(id.slot))?;
        slot.socket.as_ref().filter(|_| slot.generation == id.generation)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        let slot = self.slots.get_mut(usize::from(id.slot))?;
        slot.socket.as_mut().filter(|_| slot.generation == id.generation)
    }

    /// Another number whenever a socket's addresses or options could have changed.
    pub(crate) const fn changes(&self) -> u32 {
        self.changes
    }

    /// Addresses or options of a socket are about to change.
    pub(crate) const fn touch(&mut self) {
        self.changes = self.changes.wrapping_add(1);
    }

    /// A socket together with the memory its queues lie in.
    #[inline]
    pub(crate) fn with_memory(&mut self, id: SocketId) -> Option<(&mut Socket, &mut Memory<B>)> {
        let slot = self.slots.get_mut(usize::from(id.slot))?;
        let socket = slot.socket.as_mut().filter(|_| slot.generation == id.generation)?;
        Some((socket, &mut self.memory))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SocketId, &Socket)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let id = SocketId { slot: index as u16, generation: slot.generation };
            Some((id, slot.socket.as_ref()?))
        })
    }

    /// Gives a socket another local port (0: none) and files it there. Raw sockets have none.
    pub(crate) fn set_port(&mut self, id: SocketId, port: u16) {
        self.touch();
        let Some(socket) = self.get_mut(id) else { return };
        let kind = socket.kind;
        if kind == SocketKind::Icmpv6Raw {
            return;
        }
        socket.local.port = port;
        self.chains.remove(id.slot.into());
        if port != 0 {
            self.chains.insert(self.hash(kind, port), id.slot.into());
        }
    }

    /// The first one that [`Self::at_port`] gives, and whether there can be no other.
    #[inline]
    pub(crate) fn latest_at_port(
        &self,
        kind: SocketKind,
        port: u16,
    ) -> Option<(SocketId, &Socket, bool)> {
        let first = self.chains.iter(self.hash(kind, port)).next()?;
        let alone = self.chains.after(first).is_none();
        let slot = self.slots.get(first)?;
        let socket = slot.socket.as_ref()?;
        if socket.kind == kind && socket.local.port == port {
            let id = SocketId { slot: first as u16, generation: slot.generation };
            return Some((id, socket, alone));
        }
        // Others share the chain.
        let (id, socket) = self.at_port(kind, port).next()?;
        Some((id, socket, false))
    }

    /// The sockets of a kind at a port (of raw sockets: all), the latest bound first.
    pub(crate) fn at_port(
        &self,
        kind: SocketKind,
        port: u16,
    ) -> impl Iterator<Item = (SocketId, &Socket)> {
        self.at_port_from(kind, port, self.chains.iter(self.hash(kind, port)).next())
    }

    /// The same behind `after`, which is one of them: for whoever changes sockets on the way.
    pub(crate) fn at_port_after(
        &self,
        kind: SocketKind,
        port: u16,
        after: SocketId,
    ) -> impl Iterator<Item = (SocketId, &Socket)> {
        self.at_port_from(kind, port, self.chains.after(after.slot.into()))
    }

    fn at_port_from(
        &self,
        kind: SocketKind,
        port: u16,
        first: Option<usize>,
    ) -> impl Iterator<Item = (SocketId, &Socket)> {
        let slots = core::iter::successors(first, |&slot| self.chains.after(slot));
        slots.filter_map(move |index| {
            let slot = self.slots.get(index)?;
            let socket = slot.socket.as_ref()?;
            let id = SocketId { slot: index as u16, generation: slot.generation };
            (socket.kind == kind && socket.local.port == port).then_some((id, socket))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_numbers_find_nothing() {
        let mut table: SocketTable<()> = SocketTable::new();
        let a = table.insert(Socket::new(SocketKind::Udp)).unwrap();
        table.set_port(a, 53);
        assert_eq!(table.at_port(SocketKind::Udp, 53).count(), 1);
        assert_eq!(table.at_port(SocketKind::Icmpv6Echo, 53).count(), 0);
        table.remove(a).unwrap();
        assert_eq!(table.at_port(SocketKind::Udp, 53).count(), 0);
        let b = table.insert(Socket::new(SocketKind::Udp)).unwrap();
        assert_ne!(a, b);
        assert!(table.get(a).is_none() && table.get(b).is_some());
        assert!(table.remove(a).is_none());
    }

    #[test]
    fn a_full_table_refuses() {
        let mut table: SocketTable<()> = SocketTable::new();
        let ids: std::vec::Vec<_> =
            core::iter::from_fn(|| table.insert(Socket::new(SocketKind::Icmpv6Raw))).collect();
        assert_eq!(ids.len(), limits::SOCKETS);
        assert_eq!(table.at_port(SocketKind::Icmpv6Raw, 0).count(), limits::SOCKETS);
        table.remove(ids[7]).unwrap();
        assert_eq!(table.at_port(SocketKind::Icmpv6Raw, 0).count(), limits::SOCKETS - 1);
        assert!(table.insert(Socket::new(SocketKind::Udp)).is_some());
        assert!(table.insert(Socket::new(SocketKind::Udp)).is_none());
    }
}
