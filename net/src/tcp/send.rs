//! The send sequence space (RFC 9293, Section 3.3.1) and what waits in it: sent and not
//! acknowledged, or not sent yet.
//!
//! The queue holds segments as they are sent, SYN and FIN included, each with its marks: the
//! scoreboard and the retransmission queue are one.

use super::delivery_rate::SendSnapshot;
use super::store::{Arrived, Marks, Piece, Place, Queue, Store};
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::time::Instant;
use crate::wire::tcp_sequence::SequenceNumber;

/// The sending half of a connection.
#[derive(Debug)]
pub(crate) struct SendSide {
    queue: Queue,
    /// The first piece that was never sent.
    unsent: Option<Place>,
    /// SND.UNA.
    pub(crate) una: SequenceNumber,
    /// SND.NXT.
    pub(crate) nxt: SequenceNumber,
    /// The number behind everything queued.
    pub(crate) end: SequenceNumber,
    /// SND.WND, scaled.
    pub(crate) window: u32,
    /// The largest SND.WND seen.
    pub(crate) max_window: u32,
    /// SND.WL1 and SND.WL2: the segment that set the window.
    wl1: SequenceNumber,
    wl2: SequenceNumber,
    /// Snd.Wind.Shift (RFC 7323, Section 2.3).
    pub(crate) window_shift: u8,
    /// Numbers that are sacked, lost, and lost but sent again.
    sacked: u32,
    lost: u32,
    again: u32,
    /// Pieces that are sacked.
    pub(crate) sacked_pieces: u32,
    /// Octets of data in the queue.
    pub(crate) data: u32,
    /// A FIN is in the queue, or was.
    pub(crate) fin_queued: bool,
    /// The end of the last segment sent that was not full (Nagle's algorithm as Minshall put it).
    pub(crate) small_end: SequenceNumber,
    /// The end of all that was sent again, see [`Self::ambiguous_end`].
    again_end: SequenceNumber,
}

/// What a cumulative acknowledgment took out of the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Acknowledged {
    /// Numbers acknowledged.
    pub(crate) numbers: u32,
    /// Of these, those not sacked before.
    pub(crate) newly: u32,
    /// When the newest of them was sent, if all were sent just once.
    pub(crate) sent_at: Option<Instant>,
    /// Some were sent more than once.
    pub(crate) ambiguous: bool,
}

impl SendSide {
    /// Nothing sent; the SYN is going to have the number `iss`.
    pub(crate) const fn new(iss: SequenceNumber) -> Self {
        Self {
            queue: Queue::new(),
            unsent: None,
            una: iss,
            nxt: iss,
            end: iss,
            window: 0,
            max_window: 0,
            wl1: iss,
            wl2: iss,
            window_shift: 0,
            sacked: 0,
            lost: 0,
            again: 0,
            sacked_pieces: 0,
            data: 0,
            fin_queued: false,
            small_end: iss,
            again_end: iss,
        }
    }

    /// Numbers sent and not acknowledged.
    #[inline]
    pub(crate) const fn flight(&self) -> u32 {
        self.nxt.offset_from(self.una) as u32
    }

    /// The estimate of what is in the network (RFC 6675, Section 4).
    #[inline]
    pub(crate) const fn pipe(&self) -> u32 {
        (self.flight() + self.again).saturating_sub(self.sacked + self.lost)
    }

    pub(crate) const fn lost(&self) -> u32 {
        self.lost
    }

    pub(crate) const fn sacked(&self) -> u32 {
        self.sacked
    }

    pub(crate) const fn again(&self) -> u32 {
        self.again
    }

    /// The end of all that was sent more than once and is not acknowledged yet, at least SND.UNA.
    pub(crate) fn ambiguous_end(&self) -> SequenceNumber {
        // Two gigabytes later it would seem to be ahead.
        let outstanding =
            self.again_end.is_after(self.una) && self.again_end.is_at_or_before(self.nxt);
        if outstanding { self.again_end } else { self.una }
    }

    /// What the other side's window has room for.
    #[inline]
    pub(crate) fn usable_window(&self) -> u32 {
        u32::try_from((self.una + self.window).offset_from(self.nxt)).unwrap_or(0)
    }

    /// Octets of data that were never sent.
    pub(crate) fn unsent_octets(&self) -> u32 {
        let numbers = self.end.offset_from(self.nxt) as u32;
        numbers.saturating_sub(self.fin_queued.into()).min(self.data)
    }

    /// Whether something was never sent.
    #[inline]
    pub(crate) const fn has_unsent(&self) -> bool {
        self.unsent.is_some()
    }

    #[inline]
    pub(crate) const fn unsent(&self) -> Option<Place> {
        self.unsent
    }

    /// Pieces in the queue.
    #[inline]
    pub(crate) const fn pieces(&self) -> usize {
        self.queue.len()
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    #[inline]
    pub(crate) const fn front(&self) -> Option<Place> {
        self.queue.front()
    }

    #[inline]
    fn push<B: PacketBuffer>(&mut self, store: &mut Store<B>, piece: Piece<B>) -> bool {
        let end = piece.end();
        let Ok(at) = store.push_back(&mut self.queue, piece) else { return false };
        self.unsent = self.unsent.or(Some(at));
        self.end = end;
        true
    }

    /// Queues the SYN; false when there is no room.
    pub(crate) fn push_syn<B: PacketBuffer>(&mut self, store: &mut Store<B>) -> bool {
        let mut piece = Piece::new(self.end, None);
        piece.syn = true;
        self.push(store, piece)
    }

    /// Queues the FIN, on the last piece if that was not sent yet; false when there is no room.
    pub(crate) fn push_fin<B: PacketBuffer>(&mut self, store: &mut Store<B>) -> bool {
        if self.fin_queued {
            return true;
        }
        if self.unsent.is_some()
            && let Some(last) = self.queue.back().and_then(|at| store.get_mut(at))
            && !last.syn
        {
            last.fin = true;
            self.end += 1;
            self.fin_queued = true;
            return true;
        }
        let mut piece = Piece::new(self.end, None);
        piece.fin = true;
        self.fin_queued = self.push(store, piece);
        self.fin_queued
    }

    /// Lets `fill` write up to `length` octets behind the last data that was not sent yet, so that
    /// segments are full. Gives how many, none when another piece is needed.
    #[inline]
    pub(crate) fn extend<B: PacketBuffer, E>(
        &mut self,
        store: &mut Store<B>,
        mss: u32,
        length: usize,
        fill: &mut impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        if self.unsent.is_none() {
            return Ok(0);
        }
        let Some(last) = self.queue.back().and_then(|at| store.get_mut(at)) else { return Ok(0) };
        let space = mss.saturating_sub(last.data_len()) as usize;
        let Some(buffer) = &mut last.buffer else { return Ok(0) };
        let (before, count) = (buffer.len(), length.min(space).min(buffer.tailroom()));
        if count == 0 {
            return Ok(0);
        }
        let Some(room) = buffer.append(count) else { return Ok(0) };
        if let Err(error) = fill(room) {
            buffer.truncate(before);
            return Err(error);
        }
        self.end += count as u32;
        self.data += count as u32;
        Ok(count)
    }

    /// Queues a buffer of data; false when there is no room.
    #[inline]
    pub(crate) fn push_data<B: PacketBuffer>(&mut self, store: &mut Store<B>, buffer: B) -> bool {
        let count = buffer.len() as u32;
        let pushed = self.push(store, Piece::new(self.end, Some(buffer)));
        if pushed {
            self.data += count;
        }
        pushed
    }

    #[inline]
    const fn uncount(&mut self, marks: Marks, len: u32) {
        if marks.is_empty() {
            return;
        }
        if marks.contains(Marks::SACKED) {
            self.sacked -= len;
        }
        if marks.contains(Marks::LOST) {
            self.lost -= len;
        }
        if marks.contains(Marks::IN_FLIGHT_AGAIN) {
            self.again -= len;
        }
    }

    /// SND.UNA moves to `ack`, which is not beyond SND.NXT. `delivered` sees each piece that is
    /// acknowledged as a whole, and was not sacked.
    #[inline]
    pub(crate) fn acknowledge<B: PacketBuffer>(
        &mut self,
        store: &mut Store<B>,
        ack: SequenceNumber,
        mut delivered: impl FnMut(&Arrived),
    ) -> Acknowledged {
        let mut result =
            Acknowledged { numbers: ack.offset_from(self.una) as u32, ..Default::default() };
        while let Some(piece) = self.queue.front().and_then(|at| store.get_mut(at)) {
            if !piece.sequence.is_before(ack) {
                break;
            }
            let marks = piece.marks;
            let sacked = marks.contains(Marks::SACKED);
            result.ambiguous |= marks.contains(Marks::RETRANSMITTED);
            let data = piece.data_len();
            let len = data + u32::from(piece.syn) + u32::from(piece.fin);
            let end = piece.sequence + len;
            if end.is_after(ack) {
                let len = ack.offset_from(piece.sequence) as u32;
                let data = len - u32::from(piece.syn);
                piece.syn = false;
                piece.sequence = ack - data;
                piece.trim_front(ack);
                self.uncount(marks, len);
                self.data -= data;
                result.newly += if sacked { 0 } else { len };
                break;
            }
            if sacked {
                self.sacked_pieces -= 1;
            } else {
                result.newly += len;
                result.sent_at = Some(piece.sent_at);
                let (sent_at, snapshot) = (piece.sent_at, piece.snapshot);
                delivered(&Arrived { sent_at, end, len, marks, snapshot });
            }
            store.drop_front(&mut self.queue);
            self.uncount(marks, len);
            self.data -= data;
        }
        self.una = ack;
        if result.ambiguous {
            result.sent_at = None;
        }
        result
    }

    /// The other side has this piece behind a hole.
    pub(crate) fn mark_sacked<B: PacketBuffer>(&mut self, store: &mut Store<B>, at: Place) {
        let Some(piece) = store.get_mut(at) else { return };
        let len = piece.len();
        let before = piece.marks;
        piece.marks = before & (Marks::RETRANSMITTED | Marks::LIMITED) | Marks::SACKED;
        if before.contains(Marks::LOST) {
            self.lost -= len;
        }
        if before.contains(Marks::IN_FLIGHT_AGAIN) {
            self.again -= len;
        }
        if !before.contains(Marks::SACKED) {
            self.sacked += len;
            self.sacked_pieces += 1;
        }
    }

    /// Its last transmission is taken to be lost. Gives the piece if that is new.
    pub(crate) fn mark_lost<'a, B: PacketBuffer>(
        &mut self,
        store: &'a mut Store<B>,
        at: Place,
    ) -> Option<&'a Piece<B>> {
        let piece = store.get_mut(at)?;
        let len = piece.len();
        if piece.marks.contains(Marks::SACKED) {
            return None;
        }
        if piece.marks.contains(Marks::IN_FLIGHT_AGAIN) {
            piece.marks.remove(Marks::IN_FLIGHT_AGAIN);
            self.again -= len;
            return Some(piece);
        }
        if piece.marks.contains(Marks::LOST) {
            return None;
        }
        piece.marks.insert(Marks::LOST);
        self.lost += len;
        Some(piece)
    }

    /// Everything sent is taken to be lost. After a timeout nothing that was sacked counts
    /// (RFC 2018, Section 8): the other side may have thrown it away. `lost` sees each piece that
    /// was not taken to be lost before.
    pub(crate) fn mark_all_lost<B: PacketBuffer>(
        &mut self,
        store: &mut Store<B>,
        mut lost: impl FnMut(&Piece<B>),
    ) {
        let mut at = self.queue.front();
        while let Some(place) = at.filter(|&at| Some(at) != self.unsent) {
            if let Some(piece) = store.get_mut(place)
                && piece.marks.contains(Marks::SACKED)
            {
                piece.marks.remove(Marks::SACKED);
                self.sacked -= piece.len();
                self.sacked_pieces -= 1;
            }
            if let Some(piece) = self.mark_lost(store, place) {
                lost(piece);
            }
            at = store.next(place);
        }
    }

    /// Nothing is lost after all.
    pub(crate) fn clear_lost<B: PacketBuffer>(&mut self, store: &mut Store<B>) {
        let mut at = self.queue.front();
        while let Some(place) = at.filter(|&at| Some(at) != self.unsent) {
            if let Some(piece) = store.get_mut(place) {
                piece.marks.remove(Marks::LOST | Marks::IN_FLIGHT_AGAIN);
            }
            at = store.next(place);
        }
        (self.lost, self.again) = (0, 0);
    }

    /// The places of all sent pieces, in order.
    pub(crate) fn sent<B: PacketBuffer>(&self, store: &Store<B>) -> impl Iterator<Item = Place> {
        store.places(self.queue.front()).take_while(|&at| Some(at) != self.unsent)
    }

    /// The last piece that was sent.
    pub(crate) fn last_sent<B: PacketBuffer>(&self, store: &Store<B>) -> Option<Place> {
        match self.unsent {
            Some(unsent) => store.previous(unsent),
            None => self.queue.back(),
        }
    }

    /// Whether something is lost and not sent again.
    pub(crate) const fn has_lost(&self) -> bool {
        self.lost > self.again
    }

    /// The first piece that is lost and not sent again.
    pub(crate) fn next_lost<B: PacketBuffer>(&self, store: &Store<B>) -> Option<Place> {
        if !self.has_lost() {
            return None;
        }
        self.sent(store).find(|&at| {
            store.get(at).is_some_and(|piece| {
                piece.marks & (Marks::LOST | Marks::IN_FLIGHT_AGAIN) == Marks::LOST
            })
        })
    }

    /// A piece was sent: the first unsent one, or another one again.
    #[inline]
    pub(crate) fn on_sent<B: PacketBuffer>(
        &mut self,
        store: &mut Store<B>,
        at: Place,
        (snapshot, limited): (SendSnapshot, bool),
        now: Instant,
    ) {
        let next = store.next(at);
        let Some(piece) = store.get_mut(at) else { return };
        (piece.sent_at, piece.snapshot) = (now, snapshot);
        piece.marks.set(Marks::LIMITED, limited);
        if Some(at) == self.unsent {
            self.nxt = piece.end();
            self.unsent = next;
            return;
        }
        let (len, end) = (piece.len(), piece.end());
        piece.marks.insert(Marks::RETRANSMITTED);
        if piece.marks.contains(Marks::LOST) && !piece.marks.contains(Marks::IN_FLIGHT_AGAIN) {
            piece.marks.insert(Marks::IN_FLIGHT_AGAIN);
            self.again += len;
        }
        self.again_end = self.ambiguous_end().max(end);
    }

    /// Cuts a piece in two behind `len` octets of data; false when there is no room for that.
    pub(crate) fn split<P: BufferPool>(
        &mut self,
        store: &mut Store<P::Buffer>,
        pool: &mut P,
        at: Place,
        len: u32,
    ) -> bool {
        if store.available() == 0 {
            return false;
        }
        let Some(piece) = store.get_mut(at) else { return false };
        let Some(rest) = piece.data().get(len as usize..).filter(|rest| !rest.is_empty()) else {
            return false;
        };
        let Some(mut buffer) = pool.allocate(PAYLOAD_OFFSET) else { return false };
        let Some(room) = buffer.append(rest.len()) else { return false };
        room.copy_from_slice(rest);
        let sequence = piece.sequence + u32::from(piece.syn) + len;
        let mut second = Piece::new(sequence, Some(buffer));
        second.fin = core::mem::replace(&mut piece.fin, false);
        (second.sent_at, second.marks) = (piece.sent_at, piece.marks);
        second.snapshot = piece.snapshot;
        piece.truncate(sequence);
        let sacked = second.marks.contains(Marks::SACKED);
        if store.insert_after(&mut self.queue, Some(at), second).is_err() {
            return false;
        }
        self.sacked_pieces += u32::from(sacked);
        true
    }

    /// Takes the window of an acceptable segment if it is not older than the last one
    /// (RFC 9293, Section 3.10.7.4). One with an acknowledgment from before SND.UNA always is: its
    /// window counts from there. A new acknowledgment is never old: after a timeout, a sender
    /// may acknowledge from numbers that it had passed already, and the window before, counted
    /// from there, would reach too far. Tells whether it changed.
    #[inline]
    pub(crate) fn update_window(
        &mut self,
        sequence: SequenceNumber,
        ack: SequenceNumber,
        window: u32,
    ) -> bool {
        let newer = ack.is_after(self.una)
            || self.wl1.is_before(sequence)
            || self.wl1 == sequence && self.wl2.is_at_or_before(ack);
        if !newer || ack.is_before(self.una) {
            return false;
        }
        (self.wl1, self.wl2) = (sequence, ack);
        self.set_window(window)
    }

    #[inline]
    fn set_window(&mut self, window: u32) -> bool {
        self.max_window = self.max_window.max(window);
        core::mem::replace(&mut self.window, window) != window
    }

    /// The window of the segment that opened the connection.
    pub(crate) fn first_window(
        &mut self,
        sequence: SequenceNumber,
        ack: SequenceNumber,
        window: u32,
    ) {
        (self.wl1, self.wl2) = (sequence, ack);
        self.set_window(window);
    }

    /// Drops everything.
    pub(crate) fn clear<B: PacketBuffer>(&mut self, store: &mut Store<B>) {
        store.clear(&mut self.queue);
        self.unsent = None;
        (self.sacked, self.lost, self.again, self.sacked_pieces, self.data) = (0, 0, 0, 0, 0);
    }
}

#[cfg(test)]
impl SendSide {
    /// The counts agree with the marks, and the queue with the variables.
    pub(crate) fn check<B: PacketBuffer>(&self, store: &Store<B>) {
        let (mut sacked, mut lost, mut again, mut pieces, mut data) = (0, 0, 0, 0, 0);
        let mut sequence = self.una;
        let mut sent = true;
        for at in store.places(self.queue.front()) {
            let piece = store.get(at).unwrap();
            assert_eq!(piece.sequence, sequence, "pieces follow each other");
            sent &= Some(at) != self.unsent;
            assert_eq!(sent, piece.sequence.is_before(self.nxt));
            sequence = piece.end();
            data += piece.data_len();
            let has = |mark| piece.marks.contains(mark);
            assert!(sent || piece.marks.is_empty());
            assert!(!has(Marks::IN_FLIGHT_AGAIN) || has(Marks::LOST));
            assert!(!(has(Marks::LOST) && has(Marks::SACKED)));
            sacked += if has(Marks::SACKED) { piece.len() } else { 0 };
            pieces += u32::from(has(Marks::SACKED));
            lost += if has(Marks::LOST) { piece.len() } else { 0 };
            again += if has(Marks::IN_FLIGHT_AGAIN) { piece.len() } else { 0 };
        }
        assert_eq!(sequence, self.end);
        assert_eq!(
            (sacked, lost, again, pieces, data),
            (self.sacked, self.lost, self.again, self.sacked_pieces, self.data)
        );
        assert!(self.una.is_at_or_before(self.nxt) && self.nxt.is_at_or_before(self.end));
    }
}
