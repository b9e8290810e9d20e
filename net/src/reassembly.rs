//! Putting fragments together (RFC 8200, Section 4.5; RFC 5722 on overlaps).
//!
//! This is the state machine: which fragments belong together, when they are complete, and which
//! are given up when there is no room. Fragments stay in the buffers that they arrived in. What
//! may be a fragment at all, and what happens to a complete packet, is in `fragment_input`.
//! Packets whose only fragment is whole (RFC 6946) never come here.

use crate::buffer::PacketBuffer;
use crate::interface::InterfaceIndex;
use crate::ipv6_input::Headers;
use crate::limits;
use crate::time::{Duration, Instant};
use core::net::Ipv6Addr;
use heapless::{Vec, VecView};

/// How long after its first fragment the last one may arrive (RFC 8200, Section 4.5).
const REASSEMBLY_TIME: Duration = Duration::from_secs(60);

/// What fragments of one packet have in common: not the next header (RFC 8200, Section 4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    pub(crate) interface: InterfaceIndex,
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    pub(crate) identification: u32,
}

/// The fragments of a packet behind its first one, in order; their windows hold the data alone.
pub(crate) type Tail<B> = VecView<B>;
/// Where a tail lies.
pub(crate) type OwnTail<B> = Vec<B, { limits::FRAGMENTS_OF_PACKET }>;
/// The tail of a packet that came whole.
pub(crate) type NoTail<B> = Vec<B, 0>;

/// A fragment of more than nothing, of a packet of no more than 65535 octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fragment {
    pub(crate) key: Key,
    /// Where its data belongs in the packet.
    pub(crate) offset: u16,
    /// Where its data begins in its buffer, whose end is the end of the data.
    pub(crate) data_offset: usize,
    /// Whether more follow.
    pub(crate) more: bool,
    /// It was marked "congestion experienced" on the way.
    pub(crate) congestion: bool,
    /// What the headers of the first one say, which holds for the packet.
    pub(crate) headers: Option<Headers>,
}

/// Why a packet will never be complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ruin {
    /// Fragments overlap, or disagree about where the packet ends (RFC 5722, Section 4).
    Overlap,
    /// There are more than the stack keeps of one packet.
    TooMany,
}

/// What became of a fragment.
#[derive(Debug)]
pub(crate) enum Outcome<B> {
    /// It waits for others.
    Waiting,
    /// It is there already: dropped.
    Duplicate,
    /// It belongs to a packet that was given up: dropped.
    Ruined,
    /// It makes the packet impossible: dropped, together with so many that waited.
    Ruin(Ruin, usize),
    /// It was the last one that was missing.
    Complete {
        /// What the headers say.
        headers: Headers,
        /// A fragment was marked "congestion experienced".
        congestion: bool,
        /// The first fragment, headers and all.
        first: B,
        /// The others.
        tail: OwnTail<B>,
    },
}

/// A packet whose time is over, or that made room for others.
#[derive(Debug)]
pub(crate) struct Lost<B> {
    /// Its interface.
    pub(crate) interface: InterfaceIndex,
    /// How many fragments are lost; none if it was given up before.
    pub(crate) fragments: usize,
    /// The first one, if it had arrived.
    pub(crate) first: Option<(Headers, B)>,
}

#[derive(Debug)]
struct Piece<B> {
    offset: u32,
    end: u32,
    data_offset: usize,
    buffer: B,
}

impl<B: PacketBuffer> Piece<B> {
    fn data(&self) -> &[u8] {
        self.buffer.data().get(self.data_offset..).unwrap_or(&[])
    }
}

#[derive(Debug)]
struct Packet<B> {
    key: Key,
    expires: Instant,
    /// Counts packets: the older, the lower.
    number: u64,
    /// In order, without overlaps.
    pieces: Vec<Piece<B>, { limits::FRAGMENTS_OF_PACKET }>,
    /// Octets in the pieces.
    received: u32,
    /// Where it ends, once the last fragment has told.
    total: Option<u32>,
    headers: Option<Headers>,
    congestion: bool,
    /// It was given up: what still arrives of it is dropped.
    ruined: bool,
}

impl<B: PacketBuffer> Packet<B> {
    fn contradicts(&self, offset: u32, end: u32, more: bool) -> bool {
        let beyond = match (self.total, more) {
            (Some(total), true) => end >= total,
            (Some(total), false) => end != total,
            (None, true) => false,
            (None, false) => self.pieces.last().is_some_and(|piece| piece.end > end),
        };
        beyond || self.pieces.iter().any(|piece| offset < piece.end && piece.offset < end)
    }

    fn ruin(&mut self, why: Ruin) -> Outcome<B> {
        let waited = self.pieces.len();
        self.pieces.clear();
        self.headers = None;
        self.ruined = true;
        Outcome::Ruin(why, waited)
    }

    fn insert(&mut self, fragment: &Fragment, buffer: B) -> Outcome<B> {
        if self.ruined {
            return Outcome::Ruined;
        }
        let offset = u32::from(fragment.offset);
        let len = buffer.len().saturating_sub(fragment.data_offset) as u32;
        let end = offset + len;
        let piece = Piece { offset, end, data_offset: fragment.data_offset, buffer };
        let known = self.pieces.iter().find(|other| (other.offset, other.end) == (offset, end));
        let last = self.total == Some(end);
        if known.is_some_and(|known| known.data() == piece.data()) && last != fragment.more {
            return Outcome::Duplicate;
        }
        if self.contradicts(offset, end, fragment.more) {
            return self.ruin(Ruin::Overlap);
        }
        let position =
            self.pieces.iter().position(|other| other.offset > offset).unwrap_or(self.pieces.len());
        if self.pieces.insert(position, piece).is_err() {
            return self.ruin(Ruin::TooMany);
        }
        self.received += len;
        self.congestion |= fragment.congestion;
        if !fragment.more {
            self.total = Some(end);
        }
        if fragment.offset == 0 {
            self.headers = fragment.headers;
        }
        Outcome::Waiting
    }

    /// Nothing overlaps, so what is as long as the whole has no holes.
    fn is_complete(&self) -> bool {
        self.total == Some(self.received) && self.headers.is_some()
    }

    fn lose(mut self) -> Lost<B> {
        let fragments = self.pieces.len();
        let first = match (self.headers, self.pieces.is_empty()) {
            (Some(headers), false) => Some((headers, self.pieces.remove(0).buffer)),
            _ => None,
        };
        Lost { interface: self.key.interface, fragments, first }
    }

    /// How willingly it is given up, least first: those that never will be complete, then those
    /// of which a single fragment came, as in a flood, then the oldest.
    fn worth(&self) -> (u8, u64) {
        let class = match self.pieces.len() {
            _ if self.ruined => 0,
            0 | 1 => 1,
            _ => 2,
        };
        (class, self.number)
    }
}

/// All packets of which some fragments have arrived.
#[derive(Debug)]
pub(crate) struct Reassembly<B> {
    packets: Vec<Packet<B>, { limits::REASSEMBLIES }>,
    /// The number of the next packet.
    next: u64,
}

impl<B: PacketBuffer> Reassembly<B> {
    pub(crate) const fn new() -> Self {
        Self { packets: Vec::new(), next: 0 }
    }

    /// How many packets are being put together, and how many octets of them have come.
    pub(crate) fn usage(&self) -> (usize, u32) {
        (self.packets.len(), self.packets.iter().map(|packet| packet.received).sum())
    }

    /// Makes room for a fragment: call until `None`, then insert it. A source that has its share
    /// makes room itself; else the packet that is worth least does.
    pub(crate) fn make_room(&mut self, key: &Key) -> Option<Lost<B>> {
        let of_source = |packet: &&Packet<B>| packet.key.source == key.source;
        let known = self.packets.iter().any(|packet| packet.key == *key);
        let fragments: usize = self.packets.iter().map(|packet| packet.pieces.len()).sum();
        let own = self.packets.iter().filter(of_source);
        let own_fragments: usize = own.clone().map(|packet| packet.pieces.len()).sum();
        let own_share = own_fragments >= limits::FRAGMENTS_OF_SOURCE
            || !known && own.count() >= limits::REASSEMBLIES_OF_SOURCE;
        let full = fragments >= limits::FRAGMENTS || !known && self.packets.is_full();
        if !own_share && !full {
            return None;
        }
        let (position, _) = self
            .packets
            .iter()
            .enumerate()
            .filter(|(_, packet)| packet.key != *key && (!own_share || of_source(packet)))
            .min_by_key(|(_, packet)| packet.worth())?;
        Some(self.packets.swap_remove(position).lose())
    }

    /// A fragment arrived.
    pub(crate) fn insert(&mut self, fragment: &Fragment, buffer: B, now: Instant) -> Outcome<B> {
        let known = self.packets.iter().position(|packet| packet.key == fragment.key);
        let position = known.unwrap_or(self.packets.len());
        if known.is_none() {
            let packet = Packet {
                key: fragment.key,
                expires: now + REASSEMBLY_TIME,
                number: self.next,
                pieces: Vec::new(),
                received: 0,
                total: None,
                headers: None,
                congestion: false,
                ruined: false,
            };
            self.next += 1;
            if self.packets.push(packet).is_err() {
                return Outcome::Ruin(Ruin::TooMany, 0);
            }
        }
        let Some(packet) = self.packets.get_mut(position) else {
            return Outcome::Ruin(Ruin::TooMany, 0);
        };
        let outcome = packet.insert(fragment, buffer);
        if !packet.is_complete() {
            return outcome;
        }
        let packet = self.packets.swap_remove(position);
        let mut pieces = packet.pieces.into_iter();
        let (Some(headers), Some(first)) = (packet.headers, pieces.next()) else {
            return outcome;
        };
        let tail = pieces.map(|mut piece| {
            piece.buffer.trim_front(piece.data_offset);
            piece.buffer
        });
        Outcome::Complete {
            headers,
            congestion: packet.congestion,
            first: first.buffer,
            tail: tail.collect(),
        }
    }

    /// One packet whose time is over. Call until `None`.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Lost<B>> {
        let position = self.packets.iter().position(|packet| packet.expires <= now)?;
        Some(self.packets.swap_remove(position).lose())
    }

    #[inline]
    pub(crate) fn next_deadline(&self) -> Instant {
        let expiries = self.packets.iter().map(|packet| packet.expires);
        expiries.min().unwrap_or(Instant::FAR_FUTURE)
    }
}

#[cfg(test)]
#[path = "reassembly_tests.rs"]
mod tests;
