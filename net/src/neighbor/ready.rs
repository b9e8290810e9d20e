//! Neighbors that are there: the way of nearly every packet, without a hash and without a change
//! of state.

use super::{Key, NeighborCache, State, Timers};
use crate::netif::MacAddress;
use crate::time::Instant;

/// How many neighbors are remembered to have been looked for. One of them has one place, by its
/// last octet: hosts of a link differ there.
pub(super) const RECENT: usize = 16;

fn place(key: Key) -> usize {
    usize::from(key.1.to_bits() as u8) % RECENT
}

impl<B> NeighborCache<B> {
    /// The slot of a neighbor.
    #[inline]
    pub(super) fn find(&self, key: Key) -> Option<usize> {
        let recent = self.recent.get(place(key))?;
        let slot = usize::from(recent.get());
        if matches!(self.entries.get(slot), Some(Some(entry)) if entry.key == key) {
            return Some(slot);
        }
        let found = self.search(key)?;
        recent.set(found as u16);
        Some(found)
    }

    fn search(&self, key: Key) -> Option<usize> {
        self.chains
            .iter(self.key.hash(&key))
            .find(|&slot| matches!(self.entries.get(slot), Some(Some(entry)) if entry.key == key))
    }

    /// Where a packet goes to a neighbor whose state it does not change; the neighbor is used.
    /// `None` when there is more to do: see [`Self::output`].
    #[inline]
    pub(crate) fn ready(&mut self, key: Key, now: Instant) -> Option<MacAddress> {
        let slot = self.find(key)?;
        let entry = self.entries.get_mut(slot)?.as_mut()?;
        let mac = match entry.state {
            State::Reachable { mac, .. }
            | State::Delay { mac, .. }
            | State::Probe { mac, .. }
            | State::Permanent { mac } => mac,
            State::Stale { .. }
            | State::Unreachable(_)
            | State::Incomplete { .. }
            | State::Failed { .. } => return None,
        };
        entry.used = now;
        Some(mac)
    }

    /// Whether this is the link-layer address that the cache has of a neighbor: hearing of it once
    /// more changes nothing, unless the neighbor has not been heard of for long.
    #[inline]
    pub(crate) fn knows(&self, key: Key, mac: MacAddress) -> bool {
        let entry = self.find(key).and_then(|slot| self.entries.get(slot)?.as_ref());
        entry.is_some_and(|entry| {
            entry.state.mac() == Some(mac) && !matches!(entry.state, State::Unreachable(_))
        })
    }

    /// An upper layer made progress with the neighbor: packets arrive there
    /// (RFC 4861, Section 7.3.1).
    #[inline]
    pub(crate) fn confirm(&mut self, key: Key, timers: Timers, now: Instant) {
        let Some(slot) = self.find(key) else { return };
        let Some(Some(entry)) = self.entries.get_mut(slot) else { return };
        match &mut entry.state {
            State::Permanent { .. } => {}
            // Nothing is due earlier than before.
            State::Reachable { until, .. } => {
                (entry.confirmed, *until) = (now, now + timers.reachable_time);
            }
            state => {
                let Some(mac) = state.mac() else { return };
                entry.confirm(mac, timers, now);
                let deadline = entry.state.deadline();
                self.schedule(deadline);
            }
        }
    }
}
