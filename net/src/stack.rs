//! The stack: what the system around it calls, and what its mechanisms share.
//!
//! ```text
//!   frames ──► input ──► ethernet ─► ipv6_input ─► icmpv6_input ─► ndp, mld_message, sockets
//!                                        │   └───► sockets (UDP)
//!                                        └ local packets ◄─┐
//!   frames ◄── poll_transmit ◄─ neighbor ◄─ ipv6_output ◄──┴── sockets, ndp, errors
//!   time   ──► poll, next_deadline            events ──► poll_event
//! ```
//!
//! The methods of [`Stack`] are spread over the files of the mechanisms that they belong to.

use crate::anycast::Anycast;
use crate::buffer::{BufferPool, PacketBuffer};
use crate::config::Config;
use crate::counters::{DropReason, InterfaceCounters, NodeCounters, TableFull};
use crate::destination::DestinationCache;
use crate::event::{Event, EventQueue};
use crate::hash::HashKey;
use crate::interface::{Interface, InterfaceIndex};
use crate::interface_table::InterfaceTable;
use crate::ipv6_input::AdmissionMemo;
use crate::ipv6_output::{LabelMemo, PathMemo, ReplyMemo, SourceMemo};
use crate::limits;
use crate::neighbor::{NeighborCache, Timers};
use crate::policy::PolicyTable;
use crate::random::Random;
use crate::rate_limit::TokenBucket;
use crate::reassembly::Reassembly;
use crate::route::RouteTable;
use crate::router_option::RouterOption;
use crate::socket::{Membership, MembershipSource, PlanMemo, SocketTable};
use crate::tap::Tap;
use crate::tcp::{TcpTable, WayMemo};
use crate::time::Instant;
use core::net::Ipv6Addr;
use heapless::{Deque, Vec};

/// ICMPv6 errors that may be sent at once.
const ERROR_BURST: u32 = 50;

/// A packet from this node to itself.
pub(crate) struct LocalPacket<B> {
    /// The interface it counts as received by.
    pub(crate) interface: InterfaceIndex,
    pub(crate) packet: B,
}

/// An IPv6 host: interfaces, tables, sockets.
///
/// It is a state machine without I/O. The system around it
/// - hands in received frames ([`Self::input`]) and fetches those to send
///   ([`Self::poll_transmit`]),
/// - calls [`Self::poll`] when [`Self::next_deadline`] has come,
/// - fetches events ([`Self::poll_event`]) after any call.
///
/// A value is some hundred kilobytes big, too much for many a stack. [`Self::new`] is constant, so
/// that it can be made in a static.
pub struct Stack<P: BufferPool, R: Random> {
    pub(crate) pool: P,
    pub(crate) random: R,
    pub(crate) config: Config,
    pub(crate) interfaces: InterfaceTable<P::Buffer>,
    pub(crate) neighbors: NeighborCache<P::Buffer>,
    pub(crate) routes: RouteTable,
    pub(crate) policies: PolicyTable,
    pub(crate) destinations: DestinationCache,
    pub(crate) reassembly: Reassembly<P::Buffer>,
    pub(crate) sockets: SocketTable<P::Buffer>,
    pub(crate) tcp: TcpTable<P::Buffer>,
    pub(crate) memberships: Vec<Membership, { limits::MEMBERSHIPS }>,
    pub(crate) membership_sources: Vec<MembershipSource, { limits::MEMBERSHIP_SOURCES }>,
    pub(crate) anycast: Anycast,
    pub(crate) local: Deque<LocalPacket<P::Buffer>, { limits::LOCAL_QUEUE }>,
    /// Who sees what passes by no driver.
    pub(crate) tap: Option<Tap>,
    pub(crate) events: EventQueue,
    pub(crate) router_options: Deque<RouterOption<P::Buffer>, { limits::ROUTER_OPTIONS }>,
    pub(crate) counters: NodeCounters,
    pub(crate) error_limit: TokenBucket,
    /// What packets were taken from whom.
    pub(crate) admitted: AdmissionMemo,
    /// What [`Self::route`] found.
    pub(crate) paths: PathMemo,
    /// What [`Self::select_source`] found.
    pub(crate) sources: SourceMemo,
    /// What [`Self::plan_reply`] found.
    pub(crate) replies: ReplyMemo,
    /// How datagrams were sent lately.
    pub(crate) plans: PlanMemo,
    /// How segments travelled lately.
    pub(crate) ways: WayMemo,
    /// What [`Self::flow_label`] found.
    pub(crate) labels: LabelMemo,
    /// Key of flow labels and of the choice among equal routes.
    pub(crate) flow_key: HashKey,
    /// Secret of stable opaque identifiers (RFC 7217, Section 5).
    pub(crate) stable_secret: [u8; 16],
    /// Whether the secrets were drawn.
    seeded: bool,
    /// When senders that wait for room try again even if nothing tells them.
    pub(crate) send_retry: Instant,
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// A stack without interfaces. Its secrets are drawn when the first interface or socket is
    /// made.
    pub const fn new(config: Config, pool: P, random: R) -> Self {
        Self {
            pool,
            random,
            config,
            interfaces: InterfaceTable::new(),
            neighbors: NeighborCache::new(),
            routes: RouteTable::new(),
            policies: PolicyTable::DEFAULT,
            destinations: DestinationCache::new(),
            reassembly: Reassembly::new(),
            sockets: SocketTable::new(),
            tcp: TcpTable::new(),
            memberships: Vec::new(),
            membership_sources: Vec::new(),
            anycast: Anycast::new(),
            local: Deque::new(),
            tap: None,
            events: EventQueue::new(),
            router_options: Deque::new(),
            counters: NodeCounters::new(),
            error_limit: TokenBucket::new(ERROR_BURST, Config::DEFAULT.icmpv6.error_interval),
            admitted: AdmissionMemo::new(),
            paths: PathMemo::new(),
            sources: SourceMemo::new(),
            replies: ReplyMemo::new(),
            plans: PlanMemo::new(),
            ways: WayMemo::new(),
            labels: LabelMemo::new(),
            flow_key: HashKey::UNSET,
            stable_secret: [0; 16],
            seeded: false,
            send_retry: Instant::FAR_FUTURE,
        }
    }

    /// Gives the stack other settings, for interfaces that are added and stream sockets that are
    /// opened from now on. The secret counts only before the first interface.
    pub fn configure(&mut self, config: Config) {
        if self.config.icmpv6 != config.icmpv6 {
            self.error_limit = TokenBucket::new(ERROR_BURST, config.icmpv6.error_interval);
        }
        self.config = config;
    }

    /// The settings.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Draws the secrets, once, before anything is hashed.
    pub(crate) fn seed(&mut self) {
        if core::mem::replace(&mut self.seeded, true) {
            return;
        }
        let mut secret = || {
            let mut bytes = [0; 16];
            self.random.fill(&mut bytes);
            bytes
        };
        let stable_secret = secret();
        self.neighbors.set_key(HashKey::new(secret()));
        self.destinations.set_key(HashKey::new(secret()));
        self.sockets.set_key(&HashKey::new(secret()));
        self.flow_key = HashKey::new(secret());
        self.tcp.set_keys(&mut secret);
        self.stable_secret = self.config.stable_secret.unwrap_or(stable_secret);
    }

    /// An interface.
    pub fn interface(&self, index: InterfaceIndex) -> Option<&Interface<P::Buffer>> {
        self.interfaces.get(index)
    }

    pub(crate) fn interface_mut(
        &mut self,
        index: InterfaceIndex,
    ) -> Option<&mut Interface<P::Buffer>> {
        self.interfaces.get_mut(index)
    }

    /// All interfaces, by number.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface<P::Buffer>> + '_ {
        self.interfaces.iter()
    }

    /// The interface with this name.
    pub fn interface_by_name(&self, name: &str) -> Option<InterfaceIndex> {
        self.interfaces().find(|interface| interface.name == name).map(|found| found.index)
    }

    pub(crate) fn indices(&self) -> impl Iterator<Item = InterfaceIndex> + use<P, R> {
        (0..self.interfaces.len()).map(InterfaceIndex::from_slot)
    }

    /// The next frame for an interface's driver. It begins on a multiple of
    /// [`crate::netif::FRAME_ALIGNMENT`] octets, if the pool's buffers do, with
    /// [`crate::netif::FRAME_HEADROOM`] or more in front.
    #[inline]
    pub fn poll_transmit(&mut self, index: InterfaceIndex) -> Option<P::Buffer> {
        let (queue, counters) = self.interfaces.driver_queue(index)?;
        let frame = queue.pop_front()?;
        let link = &mut counters.link;
        link.transmit_frames += 1;
        link.transmit_octets += frame.len() as u64;
        let senders = self.sockets.waiting_to_send > 0 || !self.tcp.pending.is_empty();
        if senders && queue.len() <= limits::TRANSMIT_QUEUE / 2 {
            self.queue_drained();
        }
        Some(frame)
    }

    /// A queue has room again for those who wait.
    #[cold]
    fn queue_drained(&mut self) {
        if self.sockets.waiting_to_send > 0 {
            self.wake_senders();
        }
        self.tcp.pending_due |= !self.tcp.pending.is_empty();
    }

    /// Whether [`Self::poll_transmit`] has a frame for this interface.
    #[inline]
    pub fn has_transmit(&self, index: InterfaceIndex) -> bool {
        self.interface(index).is_some_and(|interface| !interface.transmit.is_empty())
    }

    /// Does what is due.
    pub fn poll(&mut self, now: Instant) {
        self.finish(now);
        self.poll_routes(now);
        self.poll_reassembly(now);
        for index in self.indices() {
            self.poll_addresses(index, now);
            // Reports before probes: the group must be known before somebody answers in it
            // (RFC 4862, Section 5.4.2).
            self.poll_listener(index, now);
            self.poll_duplicate_detection(index, now);
            self.poll_announcements(index, now);
            self.poll_router_solicitation(index, now);
            self.poll_reachable_time(index, now);
        }
        self.poll_anycast(now);
        // After the addresses: one that has just passed its test may ask.
        self.poll_neighbors(now);
        self.tcp_poll(now);
        if now >= self.send_retry {
            self.wake_senders();
        }
        self.finish(now);
    }

    /// When to call [`Self::poll`] next; `None` is never, unless something else happens before.
    #[inline]
    pub fn next_deadline(&self) -> Option<Instant> {
        if !self.local.is_empty() {
            return Some(Instant::ZERO);
        }
        let next = self
            .interfaces
            .next_deadline()
            .min(self.routes.next_deadline())
            .min(self.neighbors.next_deadline())
            .min(self.reassembly.next_deadline())
            .min(self.anycast.next_deadline())
            .min(self.send_retry)
            .min(self.tcp.next_deadline());
        (next != Instant::FAR_FUTURE).then_some(next)
    }

    /// The next thing that happened. Call until `None`.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.events.is_empty() { None } else { self.take_event() }
    }

    fn take_event(&mut self) -> Option<Event> {
        if let Some(id) = self.events.pop_socket() {
            if let Some(socket) = self.sockets.get_mut(id) {
                socket.notified = false;
            }
            return Some(Event::Socket(id));
        }
        // A number that has come round to a new socket since is told twice at worst.
        if let Some(id) = self.events.pop_tcp() {
            if let Some(socket) = self.tcp.get_mut(id) {
                socket.notified = false;
            }
            return Some(Event::Tcp(id));
        }
        self.events.pop_change()
    }

    /// Whether [`Self::poll_event`] or [`Self::poll_router_option`] has something.
    pub fn has_event(&self) -> bool {
        !self.events.is_empty() || !self.router_options.is_empty()
    }

    pub(crate) fn emit(&mut self, event: Event) {
        if !self.events.push(event) {
            self.counters.tables.count(TableFull::Events);
        }
    }

    /// Delivers packets from this node to itself, one after the other, so that no call nests. A
    /// conversation of the node with itself could go on forever, so the rest waits for the next
    /// call.
    #[inline]
    pub(crate) fn finish(&mut self, now: Instant) {
        if !self.local.is_empty() || self.tcp.pending_local {
            self.finish_local(now);
        }
    }

    fn finish_local(&mut self, now: Instant) {
        for _ in 0..2 * limits::LOCAL_QUEUE {
            let Some(LocalPacket { interface, packet }) = self.local.pop_front() else { break };
            self.packet_input(interface, true, packet, now);
        }
        if self.local.is_empty() && core::mem::take(&mut self.tcp.pending_local) {
            self.tcp.pending_due = true;
        }
    }

    /// The node's counters: the sum over all interfaces, removed ones included.
    pub fn node_counters(&self) -> NodeCounters {
        let mut sum = self.counters.clone();
        for interface in self.interfaces() {
            sum.absorb(&interface.counters);
        }
        sum
    }

    /// How many neighbors are in the cache.
    pub fn neighbor_count(&self) -> usize {
        self.neighbors.len()
    }

    pub(crate) fn interface_counters(
        &mut self,
        index: InterfaceIndex,
    ) -> Option<&mut InterfaceCounters> {
        self.interfaces.counters(index)
    }

    /// Counts a packet that disappears.
    pub(crate) fn count_drop(&mut self, index: Option<InterfaceIndex>, reason: DropReason) {
        match index.and_then(|index| self.interfaces.counters(index)) {
            Some(counters) => counters.drops.count(reason),
            None => self.counters.drops.count(reason),
        }
        trace!("drop: {}", reason);
    }

    /// A copy of some octets in a buffer of its own.
    pub(crate) fn copy_of(&mut self, bytes: &[u8]) -> Option<P::Buffer> {
        let mut copy = self.pool.allocate(0)?;
        copy.append(bytes.len())?.copy_from_slice(bytes);
        Some(copy)
    }

    pub(crate) fn timers(&self, index: InterfaceIndex) -> Timers {
        timers_of(&self.interfaces, index)
    }

    /// Whether `address` is ours and usable: on the given interface, or on any if it needs no
    /// zone.
    pub(crate) fn is_own_address(&self, address: Ipv6Addr, zone: Option<InterfaceIndex>) -> bool {
        self.owner_of(address, zone).is_some()
    }

    /// The interface whose usable address it is.
    pub(crate) fn owner_of(
        &self,
        address: Ipv6Addr,
        zone: Option<InterfaceIndex>,
    ) -> Option<InterfaceIndex> {
        let zoned = address.is_unicast_link_local();
        self.interfaces()
            .filter(|interface| !zoned || zone.is_none_or(|zone| zone == interface.index))
            .find(|interface| interface.admin_up && interface.addresses.is_assigned(address))
            .map(|interface| interface.index)
    }
}

/// Neighbor timers of an interface, from the table of interfaces alone.
pub(crate) fn timers_of<B>(interfaces: &InterfaceTable<B>, index: InterfaceIndex) -> Timers {
    match interfaces.get(index) {
        Some(interface) => Timers {
            reachable_time: interface.variables.reachable_time,
            retrans_timer: interface.variables.retrans_timer,
        },
        None => Timers {
            reachable_time: crate::interface::HostVariables::REACHABLE_TIME,
            retrans_timer: crate::interface::HostVariables::RETRANS_TIMER,
        },
    }
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod secret_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::test::TestRandom;
    use crate::test_host::HeapPool;

    /// A kernel keeps the stack in a static.
    #[test]
    fn the_constructor_is_constant() {
        const fn make() -> Stack<HeapPool, TestRandom> {
            Stack::new(Config::DEFAULT, HeapPool { left: 9 }, TestRandom(1))
        }
        static STACK: std::sync::Mutex<Stack<HeapPool, TestRandom>> = std::sync::Mutex::new(make());
        let stack = STACK.lock().unwrap();
        assert_eq!((stack.interfaces().count(), stack.next_deadline()), (0, None));
    }
}
