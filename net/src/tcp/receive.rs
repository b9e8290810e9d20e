//! The receive sequence space (RFC 9293, Section 3.3.1): data in order, waiting to be read, data
//! behind holes, and the window.
//!
//! Received packets stay in their buffers; only short segments are copied together, so that a
//! flood of them does not eat the buffers. Of two copies of an octet the first one counts.

use super::micros::Micros;
use super::right_sizing::RightSizing;
use super::store::{Piece, Place, Queue, Store};
use crate::buffer::PacketBuffer;
use crate::limits;
use crate::time::Instant;
use crate::wire::tcp::{SackBlock, SackBlocks};
use crate::wire::tcp_sequence::SequenceNumber;

/// Segments shorter than this are copied behind the data before them.
const SHORT: usize = 512;
/// Who holds fewer buffers than this may use the last ones.
const FEW: usize = 16;

/// The receiving half of a connection.
#[derive(Debug)]
pub(crate) struct ReceiveSide {
    /// RCV.NXT.
    pub(crate) nxt: SequenceNumber,
    /// The number behind the last one that the other side was allowed to send.
    edge: SequenceNumber,
    /// In order, not yet read.
    ready: Queue,
    ready_octets: u32,
    /// Behind holes: sorted, not overlapping, all after RCV.NXT.
    reassembly: Queue,
    /// The number of the FIN.
    fin: Option<SequenceNumber>,
    /// The FIN was reached: RCV.NXT is behind it.
    pub(crate) finished: bool,
    /// Octets that may wait to be read.
    pub(crate) limit: u32,
    /// The limit grows by itself.
    pub(crate) automatic: bool,
    /// Rcv.Wind.Shift (RFC 7323, Section 2.3).
    pub(crate) window_shift: u8,
    /// A segment that came twice, for a D-SACK (RFC 2883).
    duplicate: Option<SackBlock>,
    /// Where data behind holes came last, the latest first.
    recent: heapless::Vec<SequenceNumber, { SackBlocks::MAX }, u8>,
    pub(crate) sizing: RightSizing,
    /// Data behind a hole was dropped for want of memory.
    pruned: bool,
}

/// What became of a segment's data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Taken {
    /// RCV.NXT moved.
    pub(crate) advanced: bool,
    /// There is or was a hole, or a duplicate: the sender should know at once
    /// (RFC 5681, Section 4.2).
    pub(crate) irregular: bool,
    /// Everything had arrived before.
    pub(crate) duplicate: bool,
    /// It was dropped for want of memory.
    pub(crate) refused: bool,
    /// Data behind a hole was dropped for want of memory.
    pub(crate) pruned: bool,
}

impl ReceiveSide {
    /// Nothing received; the other side's number is not known yet.
    pub(crate) const fn new(limit: u32, automatic: bool, window_shift: u8) -> Self {
        Self {
            nxt: SequenceNumber(0),
            edge: SequenceNumber(0),
            ready: Queue::new(),
            ready_octets: 0,
            reassembly: Queue::new(),
            fin: None,
            finished: false,
            limit,
            automatic,
            window_shift,
            duplicate: None,
            recent: heapless::Vec::new(),
            sizing: RightSizing::new(),
            pruned: false,
        }
    }

    /// The other side's SYN had the number before `first`. The window that an own SYN advertised
    /// counts from there.
    pub(crate) fn begin(&mut self, first: SequenceNumber) {
        let window = self.advertised();
        self.nxt = first;
        self.edge = first + window;
    }

    /// The window that was advertised last, as far as it is not used.
    #[inline]
    pub(crate) const fn advertised(&self) -> u32 {
        let left = self.edge.offset_from(self.nxt);
        if left > 0 { left as u32 } else { 0 }
    }

    /// The number behind the last one that the other side was allowed to send.
    pub(crate) const fn edge(&self) -> SequenceNumber {
        self.edge
    }

    /// Where what can be read and what waits behind holes begin.
    pub(crate) const fn fronts(&self) -> [Option<Place>; 2] {
        [self.ready.front(), self.reassembly.front()]
    }

    /// Sets the edge as the half-open connection advertised it.
    pub(crate) fn set_advertised(&mut self, window: u32) {
        self.edge = self.nxt + window;
    }

    /// Octets that can be read.
    #[inline]
    pub(crate) const fn readable(&self) -> u32 {
        self.ready_octets
    }

    /// Buffers in use.
    #[inline]
    pub(crate) const fn pieces(&self) -> usize {
        self.ready.len() + self.reassembly.len()
    }

    /// Whether data waits behind a hole.
    pub(crate) const fn has_holes(&self) -> bool {
        !self.reassembly.is_empty()
    }

    /// The window that could be advertised, if memory has `room` for so many octets more.
    #[inline]
    fn free(&self, room: u32) -> u32 {
        self.limit.saturating_sub(self.ready_octets).min(room)
    }

    /// Octets that memory has room for, in segments of `mss` octets. Nobody is promised more than
    /// half of what the others leave; who holds nothing is always promised a little.
    #[inline]
    pub(crate) fn room<B: PacketBuffer>(&self, store: &Store<B>, mss: u32) -> u32 {
        let least = if self.pieces() == 0 { 2 } else { 0 };
        let segments = (store.available() / 2).max(least);
        u32::try_from(segments).unwrap_or(u32::MAX).saturating_mul(mss)
    }

    /// The window field of a segment to be sent now. The right edge never moves back (SHLD-14),
    /// and forward only by a full segment or half of the buffer (RFC 9293, Section 3.8.6.2.2), and
    /// not beyond the `room` that memory has.
    #[inline]
    pub(crate) fn window_field(&mut self, mss: u32, syn: bool, room: u32) -> u16 {
        let shift = if syn { 0 } else { self.window_shift };
        let (mut edge, free) = (self.edge, self.nxt + self.free(room));
        let step = mss.min(self.limit / 2).max(1);
        if free.offset_from(edge) >= step as i32 {
            edge = free;
        }
        // Rounded up, so that scaling does not move the edge back. Each segment may move it forward
        // by that; if many tiny ones have, the field is rounded down, but what the edge was is
        // still taken in.
        let window = u32::try_from(edge.offset_from(self.nxt)).unwrap_or(0);
        let crept = self.ready_octets.saturating_add(window) > self.limit + self.limit / 4;
        let units = if crept { window >> shift } else { window.div_ceil(1 << shift) };
        let units = units.min(u16::MAX.into());
        self.edge = self.edge.max(self.nxt + (units << shift));
        units as u16
    }

    /// Whether reading made so much room that the sender should be told now.
    #[inline]
    pub(crate) fn wants_update(&self, mss: u32, room: impl FnOnce() -> u32) -> bool {
        let advertised = self.advertised();
        if advertised > self.limit / 2 {
            return false;
        }
        let free = self.free(room());
        free >= 2 * advertised && free.saturating_sub(advertised) >= mss.min(self.limit / 2).max(1)
    }

    /// Whether a segment is acceptable (RFC 9293, Section 3.10.7.4, first step). What ends exactly
    /// at RCV.NXT or begins exactly at the edge is let in, so that its acknowledgment counts: of
    /// its data nothing is left.
    pub(crate) fn is_acceptable(&self, sequence: SequenceNumber, end: SequenceNumber) -> bool {
        end.is_at_or_after(self.nxt) && sequence.is_at_or_before(self.nxt + self.advertised())
    }

    /// Whether so many octets from RCV.NXT on fit the window, with nothing that complicates it.
    #[inline]
    pub(crate) const fn expects(&self, octets: u32) -> bool {
        !self.has_holes() && self.fin.is_none() && octets <= self.advertised()
    }

    /// Takes in data and FIN of an acceptable segment: `piece` is its data.
    pub(crate) fn take<B: PacketBuffer>(
        &mut self,
        store: &mut Store<B>,
        mut piece: Piece<B>,
        fin: bool,
    ) -> Taken {
        let mut taken = Taken::default();
        let (start, end) = (piece.sequence, piece.end());
        let edge = self.nxt + self.advertised();
        if fin && self.fin.is_none() && end.is_at_or_before(edge) && end.is_at_or_after(self.nxt) {
            self.fin = Some(end);
        }
        // Nothing comes after the FIN, and nothing beyond the window.
        let limit = self.fin.map_or(edge, |fin| fin.min(edge));
        if end.is_after(limit) {
            piece.truncate(limit.max(start));
            taken.irregular = true;
        }
        if start.is_before(self.nxt) {
            let right = end.min(self.nxt);
            if end.is_after(start) {
                self.duplicate = Some(SackBlock { left: start, right });
                taken.irregular = true;
            }
            if piece.end().is_at_or_before(self.nxt) {
                taken.duplicate = end.is_after(start);
                taken.advanced = self.reach_fin();
                return taken;
            }
            piece.trim_front(self.nxt);
        }
        let before = self.nxt;
        if piece.data_len() > 0 {
            taken.irregular |= self.has_holes();
            let in_order = piece.sequence == self.nxt && !self.has_holes();
            if let Some(buffer) = piece.buffer.take_if(|_| in_order) {
                taken.refused = !self.push_ready(store, piece.sequence, buffer);
            } else {
                let inserted = self.insert(store, piece);
                taken.refused = inserted == Inserted::Refused;
                taken.duplicate = inserted == Inserted::Duplicate;
                taken.irregular = true;
                self.drain(store);
            }
        }
        taken.pruned = core::mem::take(&mut self.pruned);
        self.reach_fin();
        taken.advanced = self.nxt != before;
        // A FIN behind a hole.
        taken.irregular |= fin && !self.finished;
        taken
    }

    fn reach_fin(&mut self) -> bool {
        if self.finished || self.fin != Some(self.nxt) {
            return false;
        }
        self.nxt += 1;
        self.finished = true;
        true
    }

    /// Puts data that is in order where it can be read; false without memory.
    #[inline]
    pub(super) fn push_ready<B: PacketBuffer>(
        &mut self,
        store: &mut Store<B>,
        sequence: SequenceNumber,
        buffer: B,
    ) -> bool {
        let len = buffer.len() as u32;
        let last = self.ready.back();
        let joined = last.is_some_and(|last| join(store, last, sequence, buffer.data()));
        if !joined {
            // What the window promised must fit, so what is behind a hole makes room. The last
            // memory is for those who hold little.
            let left = if self.pieces() < FEW { 0 } else { limits::TCP_RECEIVE_SCARCE };
            while store.available() <= left {
                let Some(last) = self.reassembly.back() else { return false };
                drop(store.remove(&mut self.reassembly, last));
                self.pruned = true;
            }
            if store.push_back(&mut self.ready, Piece::new(sequence, Some(buffer))).is_err() {
                return false;
            }
        }
        self.ready_octets += len;
        self.nxt = sequence + len;
        true
    }

    /// Puts data between what waits behind holes already.
    fn insert<B: PacketBuffer>(&mut self, store: &mut Store<B>, mut piece: Piece<B>) -> Inserted {
        let (start, end) = (piece.sequence, piece.end());
        let mut before = self.reassembly.back();
        while let Some(at) = before {
            match store.get(at) {
                Some(other) if other.sequence.is_after(start) => before = store.previous(at),
                _ => break,
            }
        }
        if let Some(other) = before.and_then(|at| store.get(at))
            && other.end().is_after(start)
        {
            self.duplicate = Some(SackBlock { left: start, right: end.min(other.end()) });
            if other.end().is_at_or_after(end) {
                return Inserted::Duplicate;
            }
            piece.trim_front(other.end());
        }
        loop {
            let after = match before {
                Some(at) => store.next(at),
                None => self.reassembly.front(),
            };
            let Some(other) = after.and_then(|at| store.get(at)) else { break };
            if other.sequence.is_at_or_after(piece.end()) {
                break;
            }
            if other.end().is_after(piece.end()) {
                if other.sequence.is_at_or_before(piece.sequence) {
                    // What the piece before it did not have, this one has.
                    return Inserted::Duplicate;
                }
                piece.truncate(other.sequence);
                break;
            }
            // The new data covers old data: its octets are kept, its buffer is not.
            let offset = other.sequence.offset_from(piece.sequence) as usize;
            let room = piece.buffer.as_mut().and_then(|buffer| {
                buffer.data_mut().get_mut(offset..)?.get_mut(..other.data().len())
            });
            if let Some(room) = room {
                room.copy_from_slice(other.data());
            }
            let Some(at) = after else { break };
            drop(store.remove(&mut self.reassembly, at));
        }
        if let Some(at) = before
            && join(store, at, piece.sequence, piece.data())
        {
            self.note_recent(piece.sequence);
            return Inserted::Kept;
        }
        let in_order = piece.sequence == self.nxt;
        // Nobody takes more than half of what the others leave for data behind holes.
        if !in_order && self.pieces() >= store.available() {
            return Inserted::Refused;
        }
        if in_order && store.available() == 0 && !self.make_room(store, &mut before) {
            return Inserted::Refused;
        }
        self.note_recent(piece.sequence);
        if store.insert_after(&mut self.reassembly, before, piece).is_err() {
            return Inserted::Refused;
        }
        Inserted::Kept
    }

    /// Drops the last data behind a hole. Data in order goes in front of it.
    fn make_room<B: PacketBuffer>(
        &mut self,
        store: &mut Store<B>,
        before: &mut Option<Place>,
    ) -> bool {
        let Some(last) = self.reassembly.back() else { return false };
        if *before == Some(last) {
            *before = store.previous(last);
        }
        self.pruned = true;
        store.remove(&mut self.reassembly, last).is_some()
    }

    /// Moves what has become in order.
    fn drain<B: PacketBuffer>(&mut self, store: &mut Store<B>) {
        while let Some(at) = self.reassembly.front() {
            if store.get(at).is_none_or(|piece| piece.sequence != self.nxt) {
                return;
            }
            let Some(Piece { sequence, buffer: Some(buffer), .. }) =
                store.remove(&mut self.reassembly, at)
            else {
                return;
            };
            if !self.push_ready(store, sequence, buffer) {
                return;
            }
        }
    }

    /// A segment came that had come before.
    pub(crate) fn note_duplicate(&mut self, left: SequenceNumber, right: SequenceNumber) {
        if right.is_at_or_before(self.nxt) {
            self.duplicate = Some(SackBlock { left, right });
        }
    }

    fn note_recent(&mut self, sequence: SequenceNumber) {
        if self.recent.is_full() {
            self.recent.pop();
        }
        let _has_room = self.recent.insert(0, sequence);
    }

    /// The run of data behind a hole that `sequence` is in.
    fn block_at<B: PacketBuffer>(
        &self,
        store: &Store<B>,
        sequence: SequenceNumber,
    ) -> Option<SackBlock> {
        let mut block: Option<SackBlock> = None;
        for at in store.places(self.reassembly.front()) {
            let piece = store.get(at)?;
            block = match block {
                Some(SackBlock { left, right }) if right == piece.sequence => {
                    Some(SackBlock { left, right: piece.end() })
                }
                Some(block) if sequence.is_before(block.right) => break,
                _ => Some(SackBlock { left: piece.sequence, right: piece.end() }),
            };
        }
        let within = |block: &SackBlock| {
            block.left.is_at_or_before(sequence) && sequence.is_before(block.right)
        };
        // The last run before the loop ended is the one, unless there is none at all.
        block.filter(within)
    }

    /// Whether there is anything to tell in a SACK option.
    #[inline]
    pub(crate) const fn has_sack(&self) -> bool {
        self.duplicate.is_some() || self.has_holes()
    }

    /// The blocks of the SACK option, at most `room`: a duplicate, then the run that grew last
    /// (RFC 2018, Section 4; RFC 2883, Section 4).
    pub(crate) fn sack_blocks<B: PacketBuffer>(
        &mut self,
        store: &Store<B>,
        room: usize,
    ) -> SackBlocks {
        let mut blocks = SackBlocks::new();
        if room == 0 {
            return blocks;
        }
        if let Some(duplicate) = self.duplicate.take() {
            let _has_room = blocks.push(duplicate);
        }
        if self.has_holes() {
            for &sequence in &self.recent {
                let Some(block) = self.block_at(store, sequence) else { continue };
                if blocks.as_slice().len() >= room {
                    break;
                }
                if !blocks
                    .as_slice()
                    .iter()
                    .skip(1)
                    .chain(blocks.as_slice().first())
                    .any(|known| *known == block)
                {
                    let _has_room = blocks.push(block);
                }
            }
        }
        blocks
    }

    /// Gives up to `length` octets to `read`, in pieces, and forgets them unless `peek`. Gives how
    /// many were read.
    pub(crate) fn read<B: PacketBuffer, E>(
        &mut self,
        store: &mut Store<B>,
        length: usize,
        peek: bool,
        mut read: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut count = 0;
        let mut at = self.ready.front();
        while let Some(place) = at.filter(|_| count < length) {
            let Some(piece) = store.get_mut(place) else { break };
            let whole = piece.data();
            let data = whole.get(..length - count).unwrap_or(whole);
            if let Err(error) = read(data) {
                // What was read before is read.
                return if count == 0 { Err(error) } else { Ok(count) };
            }
            let (len, all) = (data.len(), whole.len());
            count += len;
            if peek {
                at = store.next(place);
                continue;
            }
            self.ready_octets -= len as u32;
            if len == all {
                store.drop_front(&mut self.ready);
                at = self.ready.front();
            } else {
                piece.trim_front(piece.sequence + len as u32);
            }
        }
        Ok(count)
    }

    /// The user has read `octets`: the limit follows, if it is not fixed.
    #[inline]
    pub(crate) fn grow(&mut self, octets: u32, rtt: Micros, now: Instant) {
        let wanted = self.sizing.on_read(octets, rtt, now).filter(|_| self.automatic);
        if let Some(wanted) = wanted {
            self.limit = self.limit.max(wanted.min(limits::TCP_RECEIVE_BUFFER_MAX));
        }
    }

    /// Drops everything.
    pub(crate) fn clear<B: PacketBuffer>(&mut self, store: &mut Store<B>) {
        store.clear(&mut self.ready);
        store.clear(&mut self.reassembly);
        self.ready_octets = 0;
    }
}

/// Copies short `data`, which begins at `sequence`, behind the piece at `at`, if it follows it;
/// false when it is not short or does not fit there.
#[inline]
fn join<B: PacketBuffer>(
    store: &mut Store<B>,
    at: Place,
    sequence: SequenceNumber,
    data: &[u8],
) -> bool {
    if data.len() >= SHORT {
        return false;
    }
    let before = store.get_mut(at).filter(|before| before.end() == sequence);
    let room = before.and_then(|before| before.buffer.as_mut()?.append(data.len()));
    room.map(|room| room.copy_from_slice(data)).is_some()
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Inserted {
    Kept,
    Duplicate,
    Refused,
}

#[cfg(test)]
impl ReceiveSide {
    /// Every run of data behind a hole.
    pub(crate) fn all_blocks<B: PacketBuffer>(&self, store: &Store<B>) -> Vec<SackBlock> {
        let piece = |at| store.get(at).unwrap();
        store
            .places(self.reassembly.front())
            .map(|at| SackBlock { left: piece(at).sequence, right: piece(at).end() })
            .collect()
    }
}
