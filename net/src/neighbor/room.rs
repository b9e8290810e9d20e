//! Which neighbors make room for others when there is no more (RFC 6583, Section 7.1): never those in
//! use.

use super::{Entry, Key, NeighborCache, State};
use crate::limits;
use crate::list::List;
use crate::time::{Duration, Instant};

/// An entry whose reachability was confirmed is not thrown out for another one before it has been
/// unused for so long.
const IN_USE_TIME: Duration = Duration::from_secs(60);

/// For whom a neighbor is resolved. Answers are caused by whoever is on the link, with as many
/// made-up senders as they like (RFC 6583, Section 7.1), so they never cost programs a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sender {
    /// A program.
    Program,
    /// This node, to answer somebody.
    Answer,
}

impl Sender {
    /// How many neighbors may be in resolution for it.
    const fn resolutions(self) -> usize {
        match self {
            Self::Program => limits::NEIGHBORS_INCOMPLETE,
            Self::Answer => limits::NEIGHBORS_INCOMPLETE_ANSWERS,
        }
    }

    /// How many packets may wait for one neighbor.
    pub(super) const fn queue(self) -> usize {
        match self {
            Self::Program => limits::NEIGHBOR_QUEUE,
            Self::Answer => limits::NEIGHBOR_QUEUE_ANSWERS,
        }
    }

    /// Places for waiting packets that it must leave free.
    pub(super) const fn packet_reserve(self) -> usize {
        match self {
            Self::Program => 0,
            Self::Answer => limits::NEIGHBOR_PACKETS_RESERVE,
        }
    }
}

impl Entry {
    /// How willingly the entry is given up for a new one; `None` is not at all. Among equals, the
    /// one that was unused longest goes.
    fn eviction_rank(&self, now: Instant) -> Option<u8> {
        if self.is_router {
            return None;
        }
        match self.state {
            State::Failed { .. } | State::Unreachable(_) => Some(4),
            State::Stale { .. } if !self.known => Some(3),
            // Heard of, but never heard from: it may be an invention.
            State::Delay { .. } | State::Probe { .. } if !self.known => Some(2),
            State::Stale { .. } if now.saturating_since(self.used) >= IN_USE_TIME => Some(1),
            _ => None,
        }
    }
}

impl<B> NeighborCache<B> {
    /// A place for a new entry, that of another one if need be; `None` when all are in use.
    pub(super) fn free_slot(&mut self, now: Instant) -> Option<usize> {
        if let Some(slot) = self.entries.iter().position(Option::is_none) {
            return Some(slot);
        }
        if self.entries.push(None).is_ok() {
            return Some(self.entries.len() - 1);
        }
        let (slot, ..) = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(slot, entry)| {
                let entry = entry.as_ref()?;
                Some((slot, entry.eviction_rank(now)?, entry.used))
            })
            .max_by_key(|&(_, rank, used)| (rank, core::cmp::Reverse(used)))?;
        self.remove_slot(slot);
        self.evicted += 1;
        Some(slot)
    }

    /// The entry that has been in resolution longest for this sender.
    fn oldest_incomplete(&self, sender: Sender) -> Option<usize> {
        self.entries
            .iter()
            .enumerate()
            .filter_map(|(slot, entry)| {
                let entry = entry.as_ref()?;
                entry.is_resolved_for(sender).then_some((slot, entry.updated))
            })
            .min_by_key(|&(_, updated)| updated)
            .map(|(slot, _)| slot)
    }

    /// Before a neighbor is resolved: when too many are being resolved for the same kind of
    /// sender, the one that has tried longest makes room. In a full table, a program also takes
    /// the place of one that is resolved for an answer. Gives the waiting packets of the one that
    /// goes, to be dropped.
    pub(crate) fn make_room(&mut self, key: Key, sender: Sender, now: Instant) -> List {
        let known = self.entry(key);
        if known.is_some_and(|entry| match entry.state {
            State::Incomplete { .. } => sender == Sender::Answer || entry.sender == sender,
            State::Failed { .. } => false,
            _ => true,
        }) {
            return List::new();
        }
        let entries = self.entries.iter().flatten();
        let resolving = entries.filter(|entry| entry.is_resolved_for(sender)).count();
        let full = self.entries.len() == limits::NEIGHBORS
            && self.entries.iter().all(|entry| {
                entry.as_ref().is_some_and(|entry| entry.eviction_rank(now).is_none())
            });
        let victim = if resolving >= sender.resolutions() {
            self.oldest_incomplete(sender)
        } else if full && known.is_none() && sender == Sender::Program {
            self.oldest_incomplete(Sender::Answer)
        } else {
            None
        };
        self.evicted += u64::from(victim.is_some());
        victim.and_then(|slot| self.remove_slot(slot)).map_or(List::new(), |(_, queue)| queue)
    }
}
