//! The stream sockets, found by number, by the connection a segment is for, or by the port that
//! somebody listens at.

use super::TcpId;
use super::congestion::{CongestionAlgorithm, Models};
use super::connection::{Connection, Owner};
use super::deadline_heap::DeadlineHeap;
use super::half_open::HalfOpenTable;
use super::isn::{FourTuple, HashedTuple, Secrets};
use super::option::TcpSocketOptions;
use super::packed_options::PackedOptions;
use super::port::PortSelection;
use super::store::Store;
use super::syn_cookie::SynCookies;
use super::time_wait::TimeWaitTable;
use crate::buffer::PacketBuffer;
use crate::hash::{Chains, HashKey};
use crate::interface::InterfaceIndex;
use crate::limits;
use crate::list::{Arena, List};
use crate::rate_limit::TokenBucket;
use crate::socket::{Endpoint, QueuedError};
use crate::time::{Duration, Instant};
use core::cell::Cell;
use heapless::{Deque, Vec};

pub(crate) const NIL: u16 = u16::MAX;

/// Resets for segments without a connection that may be sent at once, and how soon one more.
const RESET_BURST: u32 = 200;
const RESET_INTERVAL: Duration = Duration::from_millis(1);

/// Where connections wait to be accepted.
#[derive(Debug)]
pub(crate) struct Listener {
    /// What the connections begin with.
    pub(crate) options: PackedOptions,
    /// How many may wait.
    pub(crate) backlog: u16,
    /// The queue, linked through [`TcpSocket::next`].
    pub(crate) head: u16,
    pub(crate) tail: u16,
    pub(crate) len: u16,
}

impl Listener {
    /// Whether one more connection may not wait. As on Linux, the backlog is what may wait
    /// besides one.
    pub(crate) const fn is_full(&self) -> bool {
        self.len > self.backlog
    }
}

/// What a segment belongs to, with the slot in its table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    Connection(usize),
    /// A connection of a listener whose handshake is not over.
    HalfOpen(usize),
    /// What is left of a connection.
    TimeWait(usize),
}

/// What a socket is.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all sockets are connections")]
pub(crate) enum Body {
    /// Neither; so far, it has options.
    Idle(PackedOptions),
    Listener(Listener),
    Connection(Connection),
}

/// A socket.
#[derive(Debug)]
pub(crate) struct TcpSocket {
    pub(crate) local: Endpoint,
    /// The user chose the address.
    pub(crate) address_bound: bool,
    pub(crate) remote: Option<Endpoint>,
    pub(crate) body: Body,
    /// The connection can be found by its addresses and ports.
    pub(crate) filed: bool,
    /// It is in the event queue already.
    pub(crate) notified: bool,
    /// It waits in [`TcpTable::pending`].
    pub(crate) pending: bool,
    /// The next one in the queue of a listener.
    pub(crate) next: u16,
    /// Errors for a user who asked for them in detail.
    pub(crate) errors: List,
}

impl TcpSocket {
    pub(crate) const fn new(body: Body) -> Self {
        Self {
            local: Endpoint::ANY,
            address_bound: false,
            remote: None,
            body,
            filed: false,
            notified: false,
            pending: false,
            next: NIL,
            errors: List::new(),
        }
    }

    pub(crate) fn options(&self) -> TcpSocketOptions {
        self.packed_options().unpack()
    }

    #[inline]
    pub(crate) const fn packed_options(&self) -> &PackedOptions {
        match &self.body {
            Body::Idle(options) => options,
            Body::Listener(listener) => &listener.options,
            Body::Connection(connection) => &connection.options,
        }
    }

    pub(crate) fn set_options(&mut self, options: &TcpSocketOptions) {
        let packed = PackedOptions::pack(options);
        match &mut self.body {
            Body::Idle(options) => *options = packed,
            Body::Listener(listener) => listener.options = packed,
            Body::Connection(connection) => connection.options = packed,
        }
    }

    #[inline]
    pub(crate) const fn connection(&self) -> Option<&Connection> {
        match &self.body {
            Body::Connection(connection) => Some(connection),
            _ => None,
        }
    }

    #[inline]
    pub(crate) const fn connection_mut(&mut self) -> Option<&mut Connection> {
        match &mut self.body {
            Body::Connection(connection) => Some(connection),
            _ => None,
        }
    }

    pub(crate) const fn listener(&self) -> Option<&Listener> {
        match &self.body {
            Body::Listener(listener) => Some(listener),
            _ => None,
        }
    }

    pub(crate) const fn listener_mut(&mut self) -> Option<&mut Listener> {
        match &mut self.body {
            Body::Listener(listener) => Some(listener),
            _ => None,
        }
    }

    /// Whether a program has its number.
    #[inline]
    pub(crate) fn has_user(&self) -> bool {
        self.connection().is_none_or(|connection| connection.owner == Owner::User)
    }

    /// The interface that the socket is confined to.
    pub(crate) fn device(&self) -> Option<InterfaceIndex> {
        self.packed_options().device().or(self.local.zone)
    }

    /// Whether this is its tuple.
    #[inline]
    fn is_between(&self, tuple: &FourTuple) -> bool {
        self.remote.is_some_and(|remote| {
            (remote.port, self.local.port) == (tuple.remote.1, tuple.local.1)
                && remote.address == tuple.remote.0
                && self.local.address == tuple.local.0
        })
    }

    pub(crate) fn tuple(&self) -> Option<FourTuple> {
        let remote = self.remote?;
        Some(FourTuple {
            local: (self.local.address, self.local.port),
            remote: (remote.address, remote.port),
        })
    }
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    socket: Option<TcpSocket>,
}

/// All stream sockets, and what is left of connections.
pub(crate) struct TcpTable<B> {
    slots: Vec<Slot, { limits::TCP_SOCKETS }>,
    /// No slot before this one is free.
    vacant: usize,
    /// Where the connection was that was looked for last.
    last: Cell<u16>,
    connections: Chains<{ limits::TCP_SOCKETS }>,
    listeners: Chains<{ limits::TCP_SOCKETS }>,
    /// By their local port, those that took it by themselves and not from a listener.
    ports_taken: Chains<{ limits::TCP_SOCKETS }>,
    pub(crate) store: Store<B>,
    pub(crate) models: Models,
    pub(crate) deadlines: DeadlineHeap<{ limits::TCP_SOCKETS }>,
    pub(crate) half_open: HalfOpenTable,
    pub(crate) cookies: SynCookies,
    pub(crate) time_wait: TimeWaitTable,
    key: HashKey,
    /// Spreads local ports.
    multiplier: u32,
    pub(crate) secrets: Secrets,
    pub(crate) ports: PortSelection,
    /// Connections that wait for room on their way out.
    pub(crate) pending: Deque<u16, { limits::TCP_SOCKETS }>,
    /// There is room for them.
    pub(crate) pending_due: bool,
    /// Of these, some wait for the queue of packets from this node to itself.
    pub(crate) pending_local: bool,
    /// The frame that is looked at belongs to a burst.
    pub(crate) in_burst: bool,
    /// Of those in `pending`, some wait for the end of a burst.
    pub(crate) burst_pending: bool,
    pub(crate) reset_limit: TokenBucket,
    pub(crate) errors: Arena<QueuedError<B>, { limits::TCP_ERRORS }>,
}

impl<B> TcpTable<B> {
    pub(crate) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            vacant: 0,
            last: Cell::new(NIL),
            connections: Chains::new(),
            listeners: Chains::new(),
            ports_taken: Chains::new(),
            store: Store::new(),
            models: Models::new(),
            deadlines: DeadlineHeap::new(),
            half_open: HalfOpenTable::new(),
            cookies: SynCookies::new(),
            time_wait: TimeWaitTable::new(),
            key: HashKey::UNSET,
            multiplier: 1,
            secrets: Secrets::UNSET,
            ports: PortSelection::new(),
            pending: Deque::new(),
            pending_due: false,
            pending_local: false,
            in_burst: false,
            burst_pending: false,
            reset_limit: TokenBucket::new(RESET_BURST, RESET_INTERVAL),
            errors: Arena::new(),
        }
    }

    /// Sets the keys, while there is nothing in the table.
    pub(crate) fn set_keys(&mut self, mut draw: impl FnMut() -> [u8; 16]) {
        self.key = HashKey::new(draw());
        self.multiplier = self.key.hash(&0u8) as u32 | 1;
        self.cookies.key = HashKey::new(draw());
        self.ports.key = HashKey::new(draw());
        self.secrets = Secrets::new(HashKey::new(draw()));
    }

    /// When anything here is due.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Instant {
        if self.pending_due {
            return Instant::ZERO;
        }
        self.deadlines
            .next()
            .min(self.half_open.next_deadline())
            .min(self.time_wait.next_deadline())
    }

    /// Adds a socket; `None` when there is no room.
    pub(crate) fn insert(&mut self, socket: TcpSocket) -> Option<TcpId> {
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
        Some(TcpId { slot: slot as u16, generation: place.generation })
    }

    #[inline]
    pub(crate) fn get(&self, id: TcpId) -> Option<&TcpSocket> {
        let slot = self.slots.get(usize::from(id.slot))?;
        slot.socket.as_ref().filter(|socket| slot.generation == id.generation && socket.has_user())
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: TcpId) -> Option<&mut TcpSocket> {
        let slot = self.slots.get_mut(usize::from(id.slot))?;
        slot.socket.as_mut().filter(|socket| slot.generation == id.generation && socket.has_user())
    }

    /// The socket in a slot, whoever owns it.
    #[inline]
    pub(crate) fn at(&self, slot: usize) -> Option<&TcpSocket> {
        self.slots.get(slot)?.socket.as_ref()
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, slot: usize) -> Option<&mut TcpSocket> {
        self.slots.get_mut(slot)?.socket.as_mut()
    }

    /// The number of the socket in a slot.
    #[inline]
    pub(crate) fn id_at(&self, slot: usize) -> Option<TcpId> {
        let found = self.slots.get(slot)?;
        found.socket.as_ref()?;
        Some(TcpId { slot: slot as u16, generation: found.generation })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (TcpId, &TcpSocket)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let id = TcpId { slot: index as u16, generation: slot.generation };
            Some((id, slot.socket.as_ref()?))
        })
    }

    /// A tuple, to be looked for in the tables of connections.
    #[inline]
    pub(crate) fn hashed(&self, tuple: &FourTuple) -> HashedTuple {
        HashedTuple::new(&self.key, *tuple)
    }

    /// Which ports are in use is chosen here: multiplying by a secret spreads them well enough.
    #[inline]
    const fn port_hash(&self, port: u16) -> u64 {
        (port as u32).wrapping_mul(self.multiplier).rotate_left(16) as u64
    }

    /// A socket took its local port by itself.
    pub(crate) fn take_port(&mut self, slot: usize) {
        let Some(port) = self.at(slot).map(|socket| socket.local.port) else { return };
        self.ports_taken.remove(slot);
        self.ports_taken.insert(self.port_hash(port), slot);
    }

    /// It has a port no more.
    pub(crate) fn give_port_back(&mut self, slot: usize) {
        self.ports_taken.remove(slot);
    }

    /// Whether a socket took this local port by itself.
    pub(crate) fn has_taken_port(&self, port: u16) -> bool {
        let is_it = |slot| self.at(slot).is_some_and(|socket| socket.local.port == port);
        self.ports_taken.iter(self.port_hash(port)).any(is_it)
    }

    /// Makes a connection, whose endpoints are set, one that segments find.
    pub(crate) fn file_connection(&mut self, slot: usize) {
        let Some(tuple) = self.at(slot).and_then(TcpSocket::tuple) else { return };
        let hash = self.key.hash(&tuple);
        if let Some(socket) = self.at_mut(slot)
            && !core::mem::replace(&mut socket.filed, true)
        {
            self.connections.insert(hash, slot);
        }
    }

    fn unfile_connection(&mut self, slot: usize) {
        if let Some(socket) = self.at_mut(slot) {
            socket.filed = false;
            self.connections.remove(slot);
        }
    }

    /// Makes a listener one that segments find.
    pub(crate) fn file_listener(&mut self, slot: usize) {
        let Some(port) = self.at(slot).map(|socket| socket.local.port) else { return };
        self.listeners.insert(self.port_hash(port), slot);
    }

    pub(crate) fn unfile_listener(&mut self, slot: usize) {
        self.listeners.remove(slot);
    }

    /// The slot of a connection.
    #[inline]
    pub(crate) fn find_connection(&self, tuple: &FourTuple, from: InterfaceIndex) -> Option<usize> {
        self.find_last(tuple, from).or_else(|| self.find_hashed(&self.hashed(tuple), from))
    }

    /// Whether the connection in a slot is this one.
    #[inline]
    fn is_connection(&self, slot: usize, tuple: &FourTuple, from: InterfaceIndex) -> bool {
        self.at(slot).is_some_and(|socket| {
            socket.filed
                && socket.is_between(tuple)
                && socket.local.zone.is_none_or(|zone| zone == from)
        })
    }

    /// The connection that was looked for last, if it is this one: segments come in trains.
    #[inline]
    fn find_last(&self, tuple: &FourTuple, from: InterfaceIndex) -> Option<usize> {
        let last = usize::from(self.last.get());
        self.is_connection(last, tuple, from).then_some(last)
    }

    fn find_hashed(&self, wanted: &HashedTuple, from: InterfaceIndex) -> Option<usize> {
        let is_it = |&slot: &usize| self.is_connection(slot, &wanted.tuple, from);
        let found = self.connections.iter(wanted.hash).find(is_it)?;
        self.last.set(found as u16);
        Some(found)
    }

    /// What a segment between these endpoints belongs to, if not to a listener.
    #[inline]
    pub(crate) fn find(&self, tuple: &FourTuple, from: InterfaceIndex) -> Option<Found> {
        if let Some(slot) = self.find_last(tuple, from) {
            return Some(Found::Connection(slot));
        }
        let wanted = self.hashed(tuple);
        let connection = self.find_hashed(&wanted, from).map(Found::Connection);
        connection
            .or_else(|| self.half_open.find(&wanted, from).map(Found::HalfOpen))
            .or_else(|| self.time_wait.find(&wanted, from).map(Found::TimeWait))
    }

    /// The slot of the listener that fits a destination best. Among equals that share the port
    /// (SO_REUSEPORT) each gets its part of the connections.
    pub(crate) fn find_listener(&self, tuple: &FourTuple, from: InterfaceIndex) -> Option<usize> {
        let (address, port) = tuple.local;
        let weight = |slot| self.key.weight(tuple, slot);
        let mut best: Option<(u8, usize)> = None;
        for slot in self.listeners.iter(self.port_hash(port)) {
            let Some(socket) = self.at(slot).filter(|socket| socket.listener().is_some()) else {
                continue;
            };
            let fits = socket.local.port == port
                && (socket.local.address.is_unspecified() || socket.local.address == address)
                && socket.device().is_none_or(|device| device == from);
            let score = u8::from(!socket.local.address.is_unspecified()) * 2
                + u8::from(socket.packed_options().device().is_some());
            let better = best.is_none_or(|(highest, other)| {
                score > highest || score == highest && weight(slot) > weight(other)
            });
            if fits && better {
                best = Some((score, slot));
            }
        }
        best.map(|(_, slot)| slot)
    }
}

impl<B: PacketBuffer> TcpTable<B> {
    /// Keeps an error in the error queue of a socket. A full queue loses the details.
    pub(crate) fn queue_error(&mut self, slot: usize, error: QueuedError<B>) {
        let Some(socket) = self.slots.get_mut(slot).and_then(|slot| slot.socket.as_mut()) else {
            return;
        };
        if socket.errors.len() < self.errors.available() {
            let _kept = self.errors.push_back(&mut socket.errors, error);
        }
    }

    /// Takes the oldest error out of the error queue of a socket.
    pub(crate) fn pop_error(&mut self, id: TcpId) -> Option<QueuedError<B>> {
        self.get(id)?;
        let socket = self.slots.get_mut(usize::from(id.slot))?.socket.as_mut()?;
        self.errors.pop_front(&mut socket.errors)
    }

    /// Empties the error queue of a socket.
    pub(crate) fn clear_errors(&mut self, slot: usize) {
        if let Some(socket) = self.slots.get_mut(slot).and_then(|slot| slot.socket.as_mut()) {
            self.errors.clear(&mut socket.errors);
        }
    }

    /// The connection in a slot with the memory its data lies in.
    #[inline]
    pub(crate) fn connection_and_store(
        &mut self,
        slot: usize,
    ) -> Option<(&mut Connection, &mut Store<B>)> {
        let socket = self.slots.get_mut(slot)?.socket.as_mut()?;
        Some((socket.connection_mut()?, &mut self.store))
    }

    /// The same with the models of paths.
    #[inline]
    pub(crate) fn connection_and_memory(
        &mut self,
        slot: usize,
    ) -> Option<(&mut Connection, &mut Store<B>, &mut Models)> {
        let socket = self.slots.get_mut(slot)?.socket.as_mut()?;
        Some((socket.connection_mut()?, &mut self.store, &mut self.models))
    }

    /// A connection goes by another algorithm from now on, as far as there is room for it. Without,
    /// it goes by CUBIC, which its options say too: then this is false.
    pub(crate) fn choose_congestion(
        &mut self,
        slot: usize,
        algorithm: CongestionAlgorithm,
        now: Instant,
    ) -> bool {
        let Some((connection, _, models)) = self.connection_and_memory(slot) else { return true };
        let random = connection.timestamp_offset;
        let chosen = connection.congestion.choose(algorithm, models, random, now);
        connection.options.set_congestion(connection.congestion.algorithm());
        chosen
    }

    /// The same by the number that a user has; `None` when the socket is closed.
    #[inline]
    pub(crate) fn user_connection(
        &mut self,
        id: TcpId,
    ) -> Option<(Option<&mut Connection>, &mut Store<B>)> {
        let slot = self.slots.get_mut(usize::from(id.slot))?;
        let socket = slot.socket.as_mut().filter(|_| slot.generation == id.generation)?;
        if !socket.has_user() {
            return None;
        }
        Some((socket.connection_mut(), &mut self.store))
    }

    /// A connection is over: segments do not find it any more. What can be read stays for its
    /// user; without one, its slot is free.
    pub(crate) fn retire(&mut self, slot: usize) {
        self.unfile_connection(slot);
        self.deadlines.set(slot, Instant::FAR_FUTURE);
        let orphan = self
            .at(slot)
            .and_then(TcpSocket::connection)
            .is_some_and(|connection| connection.owner == Owner::Nobody);
        if orphan {
            self.free(slot);
        } else if let Some(connection) =
            self.slots.get_mut(slot).and_then(|slot| slot.socket.as_mut()?.connection_mut())
        {
            connection.close(&mut self.store);
        }
    }

    /// Frees a slot and what its socket holds.
    pub(crate) fn free(&mut self, slot: usize) {
        self.unfile_connection(slot);
        self.give_port_back(slot);
        self.deadlines.set(slot, Instant::FAR_FUTURE);
        let Some(place) = self.slots.get_mut(slot) else { return };
        let Some(mut socket) = place.socket.take() else { return };
        self.vacant = self.vacant.min(slot);
        self.errors.clear(&mut socket.errors);
        if let Some(connection) = socket.connection_mut() {
            connection.discard(&mut self.store);
            connection.congestion.release(&mut self.models);
        }
    }
}
