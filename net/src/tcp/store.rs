//! Where stream data lies: packet buffers in slots of one arena, linked into the queues of all
//! connections.
//!
//! A queue is a run of [`Piece`]s in the order of their sequence numbers. On the sending side a
//! piece is a segment, with the marks of the scoreboard; on the receiving side it is what is left
//! of a received packet.

use super::delivery_rate::SendSnapshot;
use crate::buffer::PacketBuffer;
use crate::limits;
use crate::time::Instant;
use crate::wire::tcp_sequence::SequenceNumber;
use bitflags::bitflags;
use heapless::Vec;

const NIL: u16 = u16::MAX;

bitflags! {
    /// What is known of a sent piece: the scoreboard (RFC 6675, Section 3; RFC 8985, Section 5.1).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub(crate) struct Marks: u8 {
        /// The other side has it, behind a hole.
        const SACKED = 1 << 0;
        /// Its last but one transmission, or its only one, is taken to be lost.
        const LOST = 1 << 1;
        /// It was lost, and a retransmission is on its way.
        const IN_FLIGHT_AGAIN = 1 << 2;
        /// It was sent more than once (Karn's algorithm).
        const RETRANSMITTED = 1 << 3;
        /// It was sent while there was too little to send (see [`super::delivery_rate`]).
        const LIMITED = 1 << 4;
    }
}

/// A run of sequence numbers with what they stand for.
#[derive(Debug)]
pub(crate) struct Piece<B> {
    /// The octets; without a buffer, only the control bits count.
    pub(crate) buffer: Option<B>,
    /// The first number.
    pub(crate) sequence: SequenceNumber,
    /// A SYN comes first.
    pub(crate) syn: bool,
    /// A FIN comes last.
    pub(crate) fin: bool,
    /// When it was sent last.
    pub(crate) sent_at: Instant,
    pub(crate) marks: Marks,
    /// What was known of the network's rate when it was sent last.
    pub(crate) snapshot: SendSnapshot,
}

impl<B: PacketBuffer> Piece<B> {
    #[inline]
    pub(crate) const fn new(sequence: SequenceNumber, buffer: Option<B>) -> Self {
        Self {
            buffer,
            sequence,
            syn: false,
            fin: false,
            sent_at: Instant::ZERO,
            marks: Marks::empty(),
            snapshot: SendSnapshot::NONE,
        }
    }

    /// Octets of data.
    #[inline]
    pub(crate) fn data_len(&self) -> u32 {
        self.data().len() as u32
    }

    /// The data.
    #[inline]
    pub(crate) fn data(&self) -> &[u8] {
        self.buffer.as_ref().map_or(&[], PacketBuffer::data)
    }

    /// Sequence numbers that it takes.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.data_len() + u32::from(self.syn) + u32::from(self.fin)
    }

    /// The number behind its last one.
    #[inline]
    pub(crate) fn end(&self) -> SequenceNumber {
        self.sequence + self.len()
    }

    /// What it says when it arrives.
    pub(crate) fn arrived(&self) -> Arrived {
        let Self { sent_at, marks, snapshot, .. } = *self;
        Arrived { sent_at, end: self.end(), len: self.len(), marks, snapshot }
    }

    /// Forgets the data before `sequence`.
    pub(crate) fn trim_front(&mut self, sequence: SequenceNumber) {
        let Ok(count) = usize::try_from(sequence.offset_from(self.sequence)) else { return };
        if let Some(buffer) = &mut self.buffer {
            buffer.trim_front(count);
        }
        self.sequence = sequence;
    }

    /// Forgets the data from `sequence` on.
    pub(crate) fn truncate(&mut self, sequence: SequenceNumber) {
        let len = usize::try_from(sequence.offset_from(self.sequence)).unwrap_or(0);
        if let Some(buffer) = &mut self.buffer {
            buffer.truncate(len);
        }
    }
}

/// What a piece says about the network when it has arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    /// When it was sent last.
    pub(crate) sent_at: Instant,
    /// The number behind its last one.
    pub(crate) end: SequenceNumber,
    /// Sequence numbers that it takes.
    pub(crate) len: u32,
    pub(crate) marks: Marks,
    pub(crate) snapshot: SendSnapshot,
}

/// Where a piece lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place(u16);

/// A queue of pieces. Dropping it without [`Store::clear`] would leave its slots taken.
#[derive(Debug)]
pub(crate) struct Queue {
    head: u16,
    tail: u16,
    len: u16,
}

impl Queue {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { head: NIL, tail: NIL, len: 0 }
    }

    /// How many pieces it has.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) const fn front(&self) -> Option<Place> {
        place(self.head)
    }

    pub(crate) const fn back(&self) -> Option<Place> {
        place(self.tail)
    }
}

const fn place(index: u16) -> Option<Place> {
    if index == NIL { None } else { Some(Place(index)) }
}

#[derive(Debug)]
struct Slot<B> {
    piece: Option<Piece<B>>,
    next: u16,
    previous: u16,
}

/// All slots are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full;

/// The pieces of all connections.
#[derive(Debug)]
pub(crate) struct Store<B> {
    slots: Vec<Slot<B>, { limits::TCP_PIECES }>,
    free: u16,
    used: usize,
}

impl<B: PacketBuffer> Store<B> {
    /// Slots that are free.
    #[inline]
    pub(crate) const fn available(&self) -> usize {
        limits::TCP_PIECES - self.used
    }

    /// The piece at a place that a queue gave.
    #[inline]
    pub(crate) fn get(&self, at: Place) -> Option<&Piece<B>> {
        self.slots.get(usize::from(at.0))?.piece.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: Place) -> Option<&mut Piece<B>> {
        self.slots.get_mut(usize::from(at.0))?.piece.as_mut()
    }

    #[inline]
    pub(crate) fn next(&self, at: Place) -> Option<Place> {
        place(self.slots.get(usize::from(at.0))?.next)
    }

    #[inline]
    pub(crate) fn previous(&self, at: Place) -> Option<Place> {
        place(self.slots.get(usize::from(at.0))?.previous)
    }

    /// The places of a queue from `from` on.
    pub(crate) fn places(&self, from: Option<Place>) -> impl Iterator<Item = Place> + '_ {
        core::iter::successors(from, |&at| self.next(at))
    }

    /// Puts a piece behind `previous`, or in front of all. When all slots are taken, it is dropped.
    pub(crate) fn insert_after(
        &mut self,
        queue: &mut Queue,
        previous: Option<Place>,
        piece: Piece<B>,
    ) -> Result<Place, Full> {
        let before = previous.map_or(NIL, |at| at.0);
        let next = match previous {
            Some(at) => self.slots.get(usize::from(at.0)).map_or(NIL, |slot| slot.next),
            None => queue.head,
        };
        let index = self.fill_slot(piece, next, before)?;
        match self.slots.get_mut(usize::from(before)) {
            Some(slot) => slot.next = index,
            None => queue.head = index,
        }
        match self.slots.get_mut(usize::from(next)) {
            Some(slot) => slot.previous = index,
            None => queue.tail = index,
        }
        queue.len += 1;
        Ok(Place(index))
    }

    /// Puts a piece into a free slot.
    #[expect(
        clippy::inline_always,
        reason = "so that a new piece is made where it is going to lie"
    )]
    #[inline(always)]
    fn fill_slot(&mut self, piece: Piece<B>, next: u16, previous: u16) -> Result<u16, Full> {
        let index = if let Some(slot) = self.slots.get_mut(usize::from(self.free)) {
            let index = self.free;
            self.free = slot.next;
            (slot.piece, slot.next, slot.previous) = (Some(piece), next, previous);
            index
        } else {
            let index = self.slots.len() as u16;
            let slot = Slot { piece: Some(piece), next, previous };
            self.slots.push(slot).map_err(|_slot| Full)?;
            index
        };
        self.used += 1;
        Ok(index)
    }

    /// Puts a piece behind all. When all slots are taken, it is dropped.
    #[expect(clippy::inline_always, reason = "as for what it calls")]
    #[inline(always)]
    pub(crate) fn push_back(&mut self, queue: &mut Queue, piece: Piece<B>) -> Result<Place, Full> {
        let index = self.fill_slot(piece, NIL, queue.tail)?;
        match self.slots.get_mut(usize::from(queue.tail)) {
            Some(slot) => slot.next = index,
            None => queue.head = index,
        }
        queue.tail = index;
        queue.len += 1;
        Ok(Place(index))
    }

    /// Takes out the piece at a place of this queue.
    pub(crate) fn remove(&mut self, queue: &mut Queue, at: Place) -> Option<Piece<B>> {
        let slot = self.slots.get_mut(usize::from(at.0))?;
        let piece = slot.piece.take()?;
        let (next, previous) = (slot.next, slot.previous);
        slot.next = self.free;
        self.free = at.0;
        match self.slots.get_mut(usize::from(previous)) {
            Some(slot) => slot.next = next,
            None => queue.head = next,
        }
        match self.slots.get_mut(usize::from(next)) {
            Some(slot) => slot.previous = previous,
            None => queue.tail = previous,
        }
        queue.len -= 1;
        self.used -= 1;
        Some(piece)
    }

    /// Drops the first piece, whose slot is known to be filled.
    #[inline]
    pub(crate) fn drop_front(&mut self, queue: &mut Queue) {
        let Some(slot) = self.slots.get_mut(usize::from(queue.head)) else { return };
        slot.piece = None;
        let next = core::mem::replace(&mut slot.next, self.free);
        self.free = queue.head;
        queue.head = next;
        match self.slots.get_mut(usize::from(next)) {
            Some(slot) => slot.previous = NIL,
            None => queue.tail = NIL,
        }
        queue.len -= 1;
        self.used -= 1;
    }

    /// Takes out the first piece.
    pub(crate) fn pop_front(&mut self, queue: &mut Queue) -> Option<Piece<B>> {
        self.remove(queue, queue.front()?)
    }

    /// Drops all pieces of a queue.
    pub(crate) fn clear(&mut self, queue: &mut Queue) {
        while self.pop_front(queue).is_some() {}
    }
}

impl<B> Store<B> {
    #[inline]
    pub(crate) const fn new() -> Self {
        assert!(limits::TCP_PIECES < NIL as usize);
        Self { slots: Vec::new(), free: NIL, used: 0 }
    }

    /// Slots that are taken.
    pub(crate) const fn used(&self) -> usize {
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::BufferPool;
    use crate::test_host::{HeapBuffer, HeapPool};

    fn piece(sequence: u32, data: &[u8]) -> Piece<HeapBuffer> {
        let mut buffer = HeapPool { left: 1 }.allocate(0).unwrap();
        buffer.append(data.len()).unwrap().copy_from_slice(data);
        Piece::new(SequenceNumber(sequence), Some(buffer))
    }

    fn sequences(store: &Store<HeapBuffer>, queue: &Queue) -> std::vec::Vec<u32> {
        let forth: std::vec::Vec<_> =
            store.places(queue.front()).map(|at| store.get(at).unwrap().sequence.0).collect();
        let mut back: std::vec::Vec<_> =
            core::iter::successors(queue.back(), |&at| store.previous(at))
                .map(|at| store.get(at).unwrap().sequence.0)
                .collect();
        back.reverse();
        assert_eq!(forth, back);
        assert_eq!(forth.len(), queue.len());
        forth
    }

    #[test]
    fn queues_keep_their_order_through_insertions_and_removals() {
        let mut store = Store::new();
        let (mut a, mut b) = (Queue::new(), Queue::new());
        let first = store.push_back(&mut a, piece(1, b"x")).unwrap();
        store.push_back(&mut b, piece(7, b"y")).unwrap();
        let third = store.push_back(&mut a, piece(3, b"z")).unwrap();
        store.insert_after(&mut a, Some(first), piece(2, b"w")).unwrap();
        store.insert_after(&mut a, None, piece(0, b"v")).unwrap();
        assert_eq!(sequences(&store, &a), [0, 1, 2, 3]);
        assert_eq!(store.remove(&mut a, third).unwrap().data(), b"z");
        assert_eq!(store.remove(&mut a, first).unwrap().data(), b"x");
        assert_eq!((sequences(&store, &a), sequences(&store, &b)), (vec![0, 2], vec![7]));
        store.clear(&mut a);
        assert!(a.is_empty() && store.used() == 1);
        store.push_back(&mut a, piece(9, b"")).unwrap();
        assert_eq!(sequences(&store, &a), [9]);
    }

    #[test]
    fn a_full_store_takes_no_piece() {
        let mut store = Store::new();
        let mut queue = Queue::new();
        for number in 0..limits::TCP_PIECES {
            let piece: Piece<HeapBuffer> = Piece::new(SequenceNumber(number as u32), None);
            store.push_back(&mut queue, piece).unwrap();
        }
        assert_eq!(store.available(), 0);
        assert_eq!(store.push_back(&mut queue, piece(77, b"x")), Err(Full));
        assert_eq!((queue.len(), store.used()), (limits::TCP_PIECES, limits::TCP_PIECES));
        store.pop_front(&mut queue).unwrap();
        store.push_back(&mut queue, piece(77, b"x")).unwrap();
        store.clear(&mut queue);
        assert_eq!(store.used(), 0);
    }

    #[test]
    fn pieces_are_cut_at_sequence_numbers() {
        let mut piece = piece(u32::MAX - 1, b"abcdef");
        piece.fin = true;
        assert_eq!((piece.len(), piece.end()), (7, SequenceNumber(5)));
        piece.trim_front(SequenceNumber(1));
        assert_eq!((piece.data(), piece.end()), (&b"def"[..], SequenceNumber(5)));
        piece.truncate(SequenceNumber(3));
        assert_eq!(piece.data(), b"de");
    }
}
