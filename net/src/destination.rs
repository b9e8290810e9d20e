//! The destination cache: what is known of single destinations beyond the routing table, a next
//! hop from a Redirect (RFC 4861, Section 8.3) or a path MTU (RFC 8201, Section 5.2).
//!
//! When the table is full, the entry that was set longest ago goes: an entry only saves a detour
//! or a packet that is too big, so losing one is harmless, and what makes entries is checked (a
//! Redirect must come from the first hop, a Packet Too Big must quote a packet of ours).

use crate::hash::{Chains, HashKey};
use crate::interface::InterfaceIndex;
use crate::limits;
use crate::time::{Duration, Instant};
use core::net::Ipv6Addr;
use heapless::Vec;

/// How long a path MTU is believed before a bigger packet is tried (RFC 8201, Section 4 demands
/// five minutes at least and advises ten).
const PATH_MTU_TIME: Duration = Duration::from_secs(600);

/// A destination: interface and address.
pub(crate) type Key = (InterfaceIndex, Ipv6Addr);

/// What a Redirect said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Redirected {
    /// The router that the routing table would have. A packet that has another one, because of its
    /// source address, goes its own way (RFC 8028, Section 3.4).
    instead_of: Ipv6Addr,
    next_hop: Ipv6Addr,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    key: Key,
    redirected: Option<Redirected>,
    /// The path MTU and until when it is believed.
    path_mtu: Option<(u16, Instant)>,
    set: Instant,
}

/// The table.
pub(crate) struct DestinationCache {
    entries: Vec<Option<Entry>, { limits::DESTINATIONS }>,
    chains: Chains<{ limits::DESTINATIONS }>,
    key: HashKey,
    len: usize,
    /// Counts changes of next hops.
    changes: u32,
}

impl DestinationCache {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), chains: Chains::new(), key: HashKey::UNSET, len: 0, changes: 0 }
    }

    /// Sets the key, while there is nothing in the table.
    pub(crate) fn set_key(&mut self, key: HashKey) {
        self.key = key;
    }

    /// Another number whenever a next hop could have changed.
    pub(crate) const fn changes(&self) -> u32 {
        self.changes
    }

    /// Whether nothing is known of any destination.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn find(&self, key: Key) -> Option<usize> {
        self.chains
            .iter(self.key.hash(&key))
            .find(|&slot| matches!(self.entries.get(slot), Some(Some(entry)) if entry.key == key))
    }

    fn get(&self, key: Key) -> Option<&Entry> {
        self.entries.get(self.find(key)?)?.as_ref()
    }

    /// The next hop that a Redirect gave for packets that would go to `router`.
    pub(crate) fn next_hop(&self, key: Key, router: Ipv6Addr) -> Option<Ipv6Addr> {
        let redirected = self.get(key)?.redirected?;
        (redirected.instead_of == router).then_some(redirected.next_hop)
    }

    /// The path MTU, where it is smaller than the link's.
    #[inline]
    pub(crate) fn path_mtu(&self, key: Key, now: Instant) -> Option<u16> {
        if self.is_empty() { None } else { self.narrow_path_mtu(key, now) }
    }

    fn narrow_path_mtu(&self, key: Key, now: Instant) -> Option<u16> {
        let (mtu, until) = self.get(key)?.path_mtu?;
        (now < until).then_some(mtu)
    }

    /// The entry of a destination, made if need be; true when another one was thrown out for it.
    fn entry(&mut self, key: Key, now: Instant) -> (Option<&mut Entry>, bool) {
        if let Some(slot) = self.find(key) {
            return (self.entries.get_mut(slot).and_then(Option::as_mut), false);
        }
        let mut evicted = false;
        let slot = if let Some(slot) = self.entries.iter().position(Option::is_none) {
            slot
        } else if self.entries.push(None).is_ok() {
            self.entries.len() - 1
        } else {
            evicted = true;
            let oldest = self
                .entries
                .iter()
                .enumerate()
                .min_by_key(|(_, entry)| entry.as_ref().map(|entry| entry.set))
                .map_or(0, |(slot, _)| slot);
            self.remove(oldest);
            oldest
        };
        self.chains.insert(self.key.hash(&key), slot);
        self.len += 1;
        let entry = Entry { key, redirected: None, path_mtu: None, set: now };
        (self.entries.get_mut(slot).map(|place| place.insert(entry)), evicted)
    }

    fn remove(&mut self, slot: usize) {
        self.changes = self.changes.wrapping_add(1);
        if self.entries.get_mut(slot).and_then(Option::take).is_some() {
            self.chains.remove(slot);
            self.len -= 1;
        }
    }

    /// Notes a Redirect: another next hop instead of a router. True when another destination was
    /// thrown out for it.
    pub(crate) fn redirect(
        &mut self,
        key: Key,
        (instead_of, next_hop): (Ipv6Addr, Ipv6Addr),
        now: Instant,
    ) -> bool {
        self.changes = self.changes.wrapping_add(1);
        let (entry, evicted) = self.entry(key, now);
        if let Some(entry) = entry {
            entry.redirected = Some(Redirected { instead_of, next_hop });
            entry.set = now;
        }
        evicted
    }

    /// Notes a path MTU; true when another destination was thrown out for it.
    pub(crate) fn set_path_mtu(&mut self, key: Key, mtu: u16, now: Instant) -> bool {
        let (entry, evicted) = self.entry(key, now);
        if let Some(entry) = entry {
            entry.path_mtu = Some((mtu, now + PATH_MTU_TIME));
            entry.set = now;
        }
        evicted
    }

    /// Forgets next hops for which `which` holds, given interface, destination and next hop.
    pub(crate) fn forget_next_hops(
        &mut self,
        which: impl Fn(InterfaceIndex, Ipv6Addr, Ipv6Addr) -> bool,
    ) {
        self.changes = self.changes.wrapping_add(1);
        for slot in 0..self.entries.len() {
            let Some(Some(entry)) = self.entries.get_mut(slot) else { continue };
            let (interface, destination) = entry.key;
            if entry.redirected.is_some_and(|to| which(interface, destination, to.next_hop)) {
                entry.redirected = None;
                if entry.path_mtu.is_none() {
                    self.remove(slot);
                }
            }
        }
    }

    /// Forgets everything about an interface's destinations.
    pub(crate) fn forget_interface(&mut self, interface: InterfaceIndex) {
        for slot in 0..self.entries.len() {
            if matches!(self.entries.get(slot), Some(Some(entry)) if entry.key.0 == interface) {
                self.remove(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USB0: InterfaceIndex = InterfaceIndex::from_slot(1);

    fn cache() -> DestinationCache {
        DestinationCache::new()
    }

    fn key(number: usize) -> Key {
        (USB0, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number as u16))
    }

    #[test]
    fn a_path_mtu_is_believed_for_ten_minutes() {
        let mut cache = cache();
        let now = Instant::from_secs(1);
        assert!(!cache.set_path_mtu(key(1), 1400, now));
        assert_eq!(cache.path_mtu(key(1), now + Duration::from_secs(599)), Some(1400));
        assert_eq!(cache.path_mtu(key(1), now + Duration::from_secs(600)), None);
        assert_eq!(cache.path_mtu(key(2), now), None);
    }

    #[test]
    fn the_oldest_goes_when_full() {
        let mut cache = cache();
        let [from, hop] = ["fe80::1", "fe80::9"].map(|text| text.parse().unwrap());
        for number in 0..limits::DESTINATIONS {
            assert!(!cache.redirect(key(number), (from, hop), Instant::from_secs(number as u64)));
        }
        assert!(cache.redirect(key(9999), (from, hop), Instant::from_secs(9999)));
        assert_eq!(cache.next_hop(key(0), from), None);
        assert_eq!(cache.next_hop(key(1), from), Some(hop));
        assert_eq!(cache.next_hop(key(9999), from), Some(hop));
    }

    #[test]
    fn forgetting_a_router_keeps_path_mtus() {
        let mut cache = cache();
        let [from, hop]: [Ipv6Addr; 2] = ["fe80::1", "fe80::9"].map(|text| text.parse().unwrap());
        cache.redirect(key(1), (from, hop), Instant::ZERO);
        cache.set_path_mtu(key(1), 1300, Instant::ZERO);
        cache.redirect(key(2), (from, hop), Instant::ZERO);
        assert_eq!(cache.next_hop(key(2), hop), None, "only instead of that router");
        cache.forget_next_hops(|_, _, next_hop| next_hop == hop);
        assert_eq!((cache.next_hop(key(1), from), cache.next_hop(key(2), from)), (None, None));
        assert_eq!(cache.path_mtu(key(1), Instant::ZERO), Some(1300));
        assert_eq!(cache.len, 1);
        cache.forget_interface(USB0);
        assert_eq!(cache.len, 0);
    }
}
