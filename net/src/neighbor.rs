//! The neighbor cache: address resolution and Neighbor Unreachability Detection
//! (RFC 4861, Sections 5.1, 7.2 and 7.3; RFC 7048).
//!
//! This is the state machine; building and checking the messages is in `ndp`. An entry
//! is made when there is a packet to send to a neighbor, when a neighbor tells us its address
//! while asking for ours, by an advertisement of a router, or by the user; never by an
//! unsolicited Neighbor Advertisement (RFC 4861, Section 7.2.5).

mod ready;
mod room;
mod unreachable;

use crate::hash::{Chains, HashKey};
use crate::interface::InterfaceIndex;
use crate::limits;
use crate::list::{Arena, List};
use crate::netif::MacAddress;
use crate::time::{Duration, Instant};
use core::cell::Cell;
use core::fmt;
use core::net::Ipv6Addr;
use heapless::Vec;
use unreachable::{Tick, Unreachable};

pub(crate) use room::Sender;
pub(crate) use unreachable::patience;

/// DELAY_FIRST_PROBE_TIME (RFC 4861, Section 10).
const DELAY_FIRST_PROBE_TIME: Duration = Duration::from_secs(5);
/// MAX_MULTICAST_SOLICIT (RFC 4861, Section 10).
const MAX_MULTICAST_SOLICIT: u8 = 3;
/// MAX_UNICAST_SOLICIT (RFC 4861, Section 10).
const MAX_UNICAST_SOLICIT: u8 = 3;
/// How long a failure is remembered, and how often a router that failed, and so is avoided, is
/// asked again at most (RFC 4191, Section 3.5: once per minute).
const FAILED_TIME: Duration = Duration::from_secs(60);

/// A neighbor: its interface and address.
pub(crate) type Key = (InterfaceIndex, Ipv6Addr);

/// The states of RFC 4861, Section 7.3.2, and of RFC 7048, Section 3, and two more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NeighborState {
    /// Its link-layer address is being asked for.
    Incomplete,
    /// Known to have been reachable lately.
    Reachable,
    /// Nothing known about reachability; nothing to be done before it is used.
    Stale,
    /// In use again; waiting for a sign of reachability from upper layers.
    Delay,
    /// Being asked whether it is there.
    Probe,
    /// It stopped to answer. Packets go on to its link-layer address while everybody is asked for
    /// it.
    Unreachable,
    /// Its link-layer address was asked for in vain.
    Failed,
    /// Set by the user, never questioned.
    Permanent,
}

/// A neighbor as `ip neighbor` shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NeighborInfo {
    /// On which interface.
    pub interface: InterfaceIndex,
    /// Its address.
    pub address: Ipv6Addr,
    /// Its state.
    pub state: NeighborState,
    /// Its link-layer address, where known.
    pub mac: Option<MacAddress>,
    /// Whether it is a router.
    pub is_router: bool,
    /// Solicitations sent in this state.
    pub probes: u8,
    /// When it was last confirmed to be reachable.
    pub confirmed: Instant,
    /// When a packet was last sent to it.
    pub used: Instant,
    /// When its state or link-layer address last changed.
    pub updated: Instant,
}

/// The timers of an interface that matter here (RFC 4861, Section 6.3.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers {
    pub(crate) reachable_time: Duration,
    pub(crate) retrans_timer: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Incomplete { sent: u8, due: Instant },
    Reachable { mac: MacAddress, until: Instant },
    Stale { mac: MacAddress },
    Delay { mac: MacAddress, until: Instant },
    Probe { mac: MacAddress, sent: u8, due: Instant },
    Unreachable(Unreachable),
    Failed { until: Instant, asked: Instant },
    Permanent { mac: MacAddress },
}

impl State {
    const fn mac(self) -> Option<MacAddress> {
        match self {
            Self::Incomplete { .. } | Self::Failed { .. } => None,
            Self::Reachable { mac, .. }
            | Self::Stale { mac }
            | Self::Delay { mac, .. }
            | Self::Probe { mac, .. }
            | Self::Unreachable(Unreachable { mac, .. })
            | Self::Permanent { mac } => Some(mac),
        }
    }

    const fn deadline(self) -> Instant {
        match self {
            Self::Incomplete { due, .. } | Self::Probe { due, .. } => due,
            Self::Reachable { until, .. }
            | Self::Delay { until, .. }
            | Self::Failed { until, .. } => until,
            Self::Unreachable(unreachable) => unreachable.deadline(),
            Self::Stale { .. } | Self::Permanent { .. } => Instant::FAR_FUTURE,
        }
    }
}

/// What a received Neighbor Advertisement says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Advertised {
    pub(crate) mac: Option<MacAddress>,
    pub(crate) router: bool,
    pub(crate) solicited: bool,
    pub(crate) override_: bool,
}

/// What a message did to the cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Outcome {
    /// State or link-layer address changed: tell the user.
    pub(crate) changed: bool,
    /// Packets wait for the address that is known now: send them.
    pub(crate) release: bool,
    /// It was a router and is none any more (RFC 4861, Section 7.2.5).
    pub(crate) no_router: bool,
}

/// What to do with a packet for a neighbor.
#[derive(Debug)]
pub(crate) enum Output<B> {
    /// Send it to this station.
    Transmit(B, MacAddress),
    /// The same, but nothing has been heard from it, while packets were sent there since this
    /// time.
    TransmitUnanswered(B, MacAddress, Instant),
    /// It waits for the neighbor's address. If it pushed out an older one, that is given back.
    Queued(Option<B>),
    /// There is no room for it.
    Full(B),
}

/// A timer of an entry fired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// Ask all for the neighbor's address: multicast solicitation.
    Resolve(Key),
    /// Ask the neighbor itself: unicast solicitation.
    Probe(Key, MacAddress),
    /// Nobody has its address. Its waiting packets are to be taken and failed.
    Failed(Key),
    /// It stopped to answer: another next hop is to be found, and everybody to be asked for it.
    Unreachable(Key),
    /// Nor did that bring an answer: everybody is to be asked again.
    Unanswered(Key),
    /// Only the state changed.
    Changed(Key),
    /// The memory of a failure is gone with the entry.
    Forgotten(NeighborInfo),
}

#[derive(Debug)]
struct Entry {
    key: Key,
    state: State,
    is_router: bool,
    /// Packets that wait for the link-layer address.
    queue: List,
    /// Source address of the packet that made us ask (RFC 4861, Section 7.2.2).
    prompted_by: Ipv6Addr,
    /// For whom it is resolved: a program, if one sends there.
    sender: Sender,
    /// Reachability was confirmed once: worth keeping.
    known: bool,
    confirmed: Instant,
    used: Instant,
    updated: Instant,
}

impl Entry {
    fn enter(&mut self, state: State, now: Instant) -> bool {
        let changed = core::mem::discriminant(&self.state) != core::mem::discriminant(&state)
            || self.state.mac() != state.mac();
        self.state = state;
        if changed {
            self.updated = now;
        }
        changed
    }

    fn confirm(&mut self, mac: MacAddress, timers: Timers, now: Instant) -> bool {
        self.known = true;
        self.confirmed = now;
        self.enter(State::Reachable { mac, until: now + timers.reachable_time }, now)
    }

    fn info(&self) -> NeighborInfo {
        let (state, probes) = match self.state {
            State::Incomplete { sent, .. } => (NeighborState::Incomplete, sent),
            State::Reachable { .. } => (NeighborState::Reachable, 0),
            State::Stale { .. } => (NeighborState::Stale, 0),
            State::Delay { .. } => (NeighborState::Delay, 0),
            State::Probe { sent, .. } => (NeighborState::Probe, sent),
            State::Unreachable(Unreachable { sent, .. }) => (NeighborState::Unreachable, sent),
            State::Failed { .. } => (NeighborState::Failed, 0),
            State::Permanent { .. } => (NeighborState::Permanent, 0),
        };
        NeighborInfo {
            interface: self.key.0,
            address: self.key.1,
            state,
            mac: self.state.mac(),
            is_router: self.is_router,
            probes,
            confirmed: self.confirmed,
            used: self.used,
            updated: self.updated,
        }
    }

    fn is_resolved_for(&self, sender: Sender) -> bool {
        matches!(self.state, State::Incomplete { .. }) && self.sender == sender
    }
}

/// Why a neighbor cannot be set or deleted by the user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NeighborError {
    /// No such neighbor.
    NotFound,
    /// No such interface, or one without link-layer addresses.
    NoInterface,
    /// The address is not a unicast address of a neighbor.
    BadAddress,
    /// There already.
    Exists,
    /// The cache is full of neighbors in use.
    TableFull,
}

impl fmt::Display for NeighborError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "no such neighbor",
            Self::NoInterface => "no such interface",
            Self::BadAddress => "bad address",
            Self::Exists => "neighbor exists",
            Self::TableFull => "neighbor cache is full",
        })
    }
}

impl core::error::Error for NeighborError {}

/// The neighbors of all interfaces.
pub(crate) struct NeighborCache<B> {
    entries: Vec<Option<Entry>, { limits::NEIGHBORS }>,
    chains: Chains<{ limits::NEIGHBORS }>,
    key: HashKey,
    /// Slots of neighbors that were looked for lately.
    recent: [Cell<u16>; ready::RECENT],
    packets: Arena<B, { limits::NEIGHBOR_PACKETS }>,
    /// Not later than the first deadline of an entry.
    next: Instant,
    evicted: u64,
}

impl<B> NeighborCache<B> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            chains: Chains::new(),
            key: HashKey::UNSET,
            recent: [const { Cell::new(0) }; ready::RECENT],
            packets: Arena::new(),
            next: Instant::FAR_FUTURE,
            evicted: 0,
        }
    }

    /// Sets the key, while there is nothing in the table.
    pub(crate) fn set_key(&mut self, key: HashKey) {
        self.key = key;
    }

    fn entry(&self, key: Key) -> Option<&Entry> {
        self.find(key).and_then(|slot| self.entries.get(slot)?.as_ref())
    }

    fn entry_mut(&mut self, key: Key) -> Option<&mut Entry> {
        let slot = self.find(key)?;
        self.entries.get_mut(slot)?.as_mut()
    }

    /// What is known of a neighbor.
    pub(crate) fn get(&self, key: Key) -> Option<NeighborInfo> {
        self.entry(key).map(Entry::info)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = NeighborInfo> + '_ {
        self.entries.iter().flatten().map(Entry::info)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.iter().flatten().count()
    }

    /// How many entries were thrown out for others since the last call.
    pub(crate) const fn take_evicted(&mut self) -> u64 {
        core::mem::replace(&mut self.evicted, 0)
    }

    /// Whether the neighbor is known not to answer: a router that is "known to be reachable" is
    /// none of these (RFC 4861, Section 6.3.6; RFC 7048, Section 3).
    pub(crate) fn has_failed(&self, key: Key) -> bool {
        self.entry(key).is_some_and(|entry| {
            matches!(entry.state, State::Failed { .. } | State::Unreachable(_))
        })
    }

    /// Whether the neighbor is UNREACHABLE: packets are not redirected to it (RFC 7048,
    /// Section 3).
    pub(crate) fn is_unreachable(&self, key: Key) -> bool {
        self.entry(key).is_some_and(|entry| matches!(entry.state, State::Unreachable(_)))
    }

    fn schedule(&mut self, at: Instant) {
        self.next = self.next.min(at);
    }

    /// Makes an entry, throwing out another if need be. Fails when all others are in use.
    fn insert(&mut self, key: Key, state: State, now: Instant) -> Option<&mut Entry> {
        let slot = self.free_slot(now)?;
        self.chains.insert(self.key.hash(&key), slot);
        self.schedule(state.deadline());
        let place = self.entries.get_mut(slot)?;
        Some(place.insert(Entry {
            key,
            state,
            is_router: false,
            queue: List::new(),
            prompted_by: Ipv6Addr::UNSPECIFIED,
            sender: Sender::Answer,
            known: false,
            confirmed: Instant::ZERO,
            used: now,
            updated: now,
        }))
    }

    fn remove_slot(&mut self, slot: usize) -> Option<(NeighborInfo, List)> {
        let entry = self.entries.get_mut(slot)?.take()?;
        self.chains.remove(slot);
        Some((entry.info(), entry.queue))
    }

    /// A packet from `source` is to be sent to the neighbor.
    pub(crate) fn output(
        &mut self,
        key: Key,
        packet: B,
        (source, sender): (Ipv6Addr, Sender),
        now: Instant,
    ) -> Output<B> {
        if self.find(key).is_none()
            && self.insert(key, State::Incomplete { sent: 0, due: now }, now).is_none()
        {
            return Output::Full(packet);
        }
        let mut schedule = Instant::FAR_FUTURE;
        let Some(entry) =
            self.find(key).and_then(|slot| self.entries.get_mut(slot)).and_then(Option::as_mut)
        else {
            return Output::Full(packet);
        };
        entry.used = now;
        if sender == Sender::Program || matches!(entry.state, State::Failed { .. }) {
            entry.sender = sender;
        }
        let output = match entry.state {
            State::Reachable { mac, .. }
            | State::Delay { mac, .. }
            | State::Probe { mac, .. }
            | State::Permanent { mac } => Output::Transmit(packet, mac),
            State::Stale { mac } => {
                // RFC 4861, Section 7.3.3: the first packet goes out at once; if nothing confirms
                // reachability within the delay, probes follow.
                let until = now + DELAY_FIRST_PROBE_TIME;
                entry.enter(State::Delay { mac, until }, now);
                entry.prompted_by = source;
                schedule = until;
                Output::Transmit(packet, mac)
            }
            State::Unreachable(ref mut unreachable) => {
                let since = unreachable.on_packet(now);
                entry.prompted_by = source;
                schedule = unreachable.deadline();
                Output::TransmitUnanswered(packet, unreachable.mac, since)
            }
            State::Incomplete { .. } | State::Failed { .. } => {
                if matches!(entry.state, State::Failed { .. }) {
                    entry.enter(State::Incomplete { sent: 0, due: now }, now);
                }
                if let State::Incomplete { sent: 0, due } = entry.state {
                    entry.prompted_by = source;
                    schedule = due;
                }
                // RFC 4861, Section 7.2.2: when the queue overflows, the new packet replaces the
                // oldest.
                let overflow = entry.queue.len() >= sender.queue()
                    || self.packets.available() <= sender.packet_reserve();
                let oldest = if overflow { self.packets.pop_front(&mut entry.queue) } else { None };
                if overflow && oldest.is_none() {
                    Output::Full(packet)
                } else {
                    match self.packets.push_back(&mut entry.queue, packet) {
                        Ok(()) => Output::Queued(oldest),
                        Err(packet) => Output::Full(packet),
                    }
                }
            }
        };
        self.schedule(schedule);
        output
    }

    /// A packet from `source` would go to this router, were it not known to be unreachable, and
    /// takes another way. Whether to ask for the router with one solicitation: that is how it is
    /// found again (RFC 4191, Section 3.5), once per minute and only while there is such traffic.
    pub(crate) fn ask_again(
        &mut self,
        key: Key,
        source: Ipv6Addr,
        timers: Timers,
        now: Instant,
    ) -> bool {
        let Some(entry) = self.entry_mut(key) else { return false };
        let due = match &mut entry.state {
            State::Failed { asked, .. } => {
                let due = now >= *asked + FAILED_TIME;
                if due {
                    *asked = now;
                }
                due
            }
            State::Unreachable(unreachable) => unreachable.ask_again(timers, now),
            _ => false,
        };
        if due {
            entry.prompted_by = source;
        }
        due
    }

    /// The next packet that waited for a neighbor whose address is known now. Like any first
    /// packet to a STALE neighbor, it begins the delay before probes.
    pub(crate) fn release(&mut self, key: Key, now: Instant) -> Option<(B, MacAddress)> {
        let slot = self.find(key)?;
        let entry = self.entries.get_mut(slot)?.as_mut()?;
        let mac = entry.state.mac()?;
        let packet = self.packets.pop_front(&mut entry.queue)?;
        if let State::Stale { mac } = entry.state {
            let until = now + DELAY_FIRST_PROBE_TIME;
            entry.enter(State::Delay { mac, until }, now);
            self.schedule(until);
        }
        Some((packet, mac))
    }

    /// The waiting packets of a neighbor that does not answer, to be taken one by one.
    pub(crate) fn take_queue(&mut self, key: Key) -> List {
        self.entry_mut(key).map_or(List::new(), |entry| entry.queue.take())
    }

    /// One packet of a list that was taken.
    pub(crate) fn pop(&mut self, list: &mut List) -> Option<B> {
        self.packets.pop_front(list)
    }

    /// The source address of the packet that made us ask for the neighbor.
    pub(crate) fn prompted_by(&self, key: Key) -> Option<Ipv6Addr> {
        self.entry(key).map(|entry| entry.prompted_by).filter(|source| !source.is_unspecified())
    }

    /// The neighbor told its link-layer address while asking or advertising something: Source
    /// Link-Layer Address option of a Neighbor Solicitation (RFC 4861, Section 7.2.3), Router
    /// Advertisement (6.3.4), or Target Link-Layer Address of a Redirect (8.3). `router` makes it
    /// a router, but never the contrary. `None` when the cache is full.
    pub(crate) fn on_link_layer_address(
        &mut self,
        key: Key,
        mac: MacAddress,
        router: bool,
        now: Instant,
    ) -> Option<Outcome> {
        if let Some(entry) = self.entry_mut(key) {
            entry.is_router |= router;
            let outcome = match &mut entry.state {
                State::Permanent { .. } => Outcome::default(),
                State::Unreachable(unreachable) if unreachable.mac == mac => {
                    unreachable.on_sign_of_life(now);
                    Outcome::default()
                }
                state if state.mac() == Some(mac) => Outcome::default(),
                _ => {
                    let changed = entry.enter(State::Stale { mac }, now);
                    Outcome { changed, release: !entry.queue.is_empty(), no_router: false }
                }
            };
            let deadline = entry.state.deadline();
            self.schedule(deadline);
            return Some(outcome);
        }
        let entry = self.insert(key, State::Stale { mac }, now)?;
        entry.is_router = router;
        Some(Outcome { changed: true, ..Outcome::default() })
    }

    /// The neighbor is a router, whatever its link-layer address (RFC 4861, Section 6.3.4).
    pub(crate) fn set_router(&mut self, key: Key) {
        if let Some(entry) = self.entry_mut(key) {
            entry.is_router = true;
        }
    }

    /// A valid Neighbor Advertisement arrived (RFC 4861, Section 7.2.5). `None` when nobody asked.
    pub(crate) fn on_advertisement(
        &mut self,
        key: Key,
        advertised: Advertised,
        timers: Timers,
        now: Instant,
    ) -> Option<Outcome> {
        let entry = self.entry_mut(key)?;
        let Advertised { mac, router, solicited, override_ } = advertised;
        let mut outcome = Outcome::default();
        match entry.state {
            State::Permanent { .. } => return Some(outcome),
            State::Incomplete { .. } | State::Failed { .. } => {
                // Without the address there is nothing to learn.
                let Some(mac) = mac else { return Some(outcome) };
                outcome.changed = if solicited {
                    entry.confirm(mac, timers, now)
                } else {
                    entry.enter(State::Stale { mac }, now)
                };
                outcome.release = !entry.queue.is_empty();
                entry.is_router = router;
            }
            State::Reachable { mac: known, .. }
            | State::Stale { mac: known }
            | State::Delay { mac: known, .. }
            | State::Probe { mac: known, .. }
            | State::Unreachable(Unreachable { mac: known, .. }) => {
                let differs = mac.is_some_and(|mac| mac != known);
                if differs && !override_ {
                    // Case I: somebody else answers too. Doubt, but keep the known address.
                    if matches!(entry.state, State::Reachable { .. }) {
                        outcome.changed = entry.enter(State::Stale { mac: known }, now);
                    }
                    return Some(outcome);
                }
                // Case II.
                let mac = mac.unwrap_or(known);
                if solicited {
                    outcome.changed = entry.confirm(mac, timers, now);
                } else if differs {
                    outcome.changed = entry.enter(State::Stale { mac }, now);
                } else if let State::Unreachable(unreachable) = &mut entry.state {
                    unreachable.on_sign_of_life(now);
                }
                outcome.no_router = entry.is_router && !router;
                entry.is_router = router;
            }
        }
        let deadline = entry.state.deadline();
        self.schedule(deadline);
        Some(outcome)
    }

    /// One thing that is due. Call until `None`. The failure of a router is not forgotten as long
    /// as `is_gateway` says that there are routes by way of it.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        timers: impl Fn(InterfaceIndex) -> Timers,
        is_gateway: impl Fn(Key) -> bool,
    ) -> Option<Due> {
        if now < self.next {
            return None;
        }
        let mut next = Instant::FAR_FUTURE;
        for slot in 0..self.entries.len() {
            let Some(Some(entry)) = self.entries.get_mut(slot) else { continue };
            if entry.state.deadline() > now {
                next = next.min(entry.state.deadline());
                continue;
            }
            let key = entry.key;
            let timers = timers(key.0);
            let retransmit = now + timers.retrans_timer;
            return Some(match entry.state {
                State::Incomplete { sent, .. } if sent < MAX_MULTICAST_SOLICIT => {
                    entry.state = State::Incomplete { sent: sent + 1, due: retransmit };
                    Due::Resolve(key)
                }
                State::Probe { mac, sent, .. } if sent < MAX_UNICAST_SOLICIT => {
                    entry.state = State::Probe { mac, sent: sent + 1, due: retransmit };
                    Due::Probe(key, mac)
                }
                State::Incomplete { .. } => {
                    entry.enter(State::Failed { until: now + FAILED_TIME, asked: now }, now);
                    Due::Failed(key)
                }
                State::Probe { mac, .. } => {
                    let random = self.key.hash(&(key, 0_u8));
                    let unreachable = Unreachable::new(mac, timers, random, now);
                    entry.enter(State::Unreachable(unreachable), now);
                    Due::Unreachable(key)
                }
                State::Unreachable(ref mut unreachable) => {
                    let random = self.key.hash(&(key, unreachable.sent));
                    match unreachable.on_timer(entry.used, timers, random, now) {
                        Tick::Ask => Due::Unanswered(key),
                        Tick::Forget if !is_gateway(key) => {
                            let info = entry.info();
                            self.remove_slot(slot);
                            Due::Forgotten(info)
                        }
                        Tick::Rest | Tick::Forget => {
                            next = next.min(entry.state.deadline());
                            continue;
                        }
                    }
                }
                State::Delay { mac, .. } => {
                    entry.enter(State::Probe { mac, sent: 1, due: retransmit }, now);
                    Due::Probe(key, mac)
                }
                State::Reachable { mac, .. } => {
                    entry.enter(State::Stale { mac }, now);
                    Due::Changed(key)
                }
                State::Failed { asked, .. } if is_gateway(key) => {
                    let until = now + FAILED_TIME;
                    entry.state = State::Failed { until, asked };
                    next = next.min(until);
                    continue;
                }
                State::Failed { .. } | State::Stale { .. } | State::Permanent { .. } => {
                    let info = entry.info();
                    self.remove_slot(slot);
                    Due::Forgotten(info)
                }
            });
        }
        self.next = next;
        None
    }

    pub(crate) const fn next_deadline(&self) -> Instant {
        self.next
    }

    /// Sets an entry that is never questioned, or (`permanent` false) one that will be.
    pub(crate) fn set(
        &mut self,
        key: Key,
        mac: MacAddress,
        permanent: bool,
        now: Instant,
    ) -> Result<Outcome, NeighborError> {
        let state = if permanent { State::Permanent { mac } } else { State::Stale { mac } };
        if let Some(entry) = self.entry_mut(key) {
            let changed = entry.enter(state, now);
            return Ok(Outcome { changed, release: !entry.queue.is_empty(), no_router: false });
        }
        self.insert(key, state, now).ok_or(NeighborError::TableFull)?;
        Ok(Outcome { changed: true, ..Outcome::default() })
    }

    /// Removes one entry for which `which` holds, giving its waiting packets.
    pub(crate) fn remove_one(
        &mut self,
        which: impl Fn(&NeighborInfo) -> bool,
    ) -> Option<(NeighborInfo, List)> {
        let slot = self
            .entries
            .iter()
            .position(|entry| entry.as_ref().is_some_and(|entry| which(&entry.info())))?;
        self.remove_slot(slot)
    }
}

#[cfg(test)]
#[path = "neighbor_tests.rs"]
mod tests;
