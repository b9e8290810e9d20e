//! Urgent data (RFC 9293, Section 3.8.5; RFC 6093): it stays in line, where it is a mark in the
//! stream. Kept for old programs; new ones should not use it.

use super::TcpId;
use super::connection::Connection;
use super::error::TcpSendError;
use super::segment::Segment;
use super::table::TcpSocket;
use crate::buffer::BufferPool;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::tcp_sequence::SequenceNumber;
use bitflags::bitflags;

bitflags! {
    /// Which of the two there are.
    #[derive(Clone, Copy, Debug)]
    struct Pointers: u8 {
        const SENT = 1 << 0;
        const RECEIVED = 1 << 1;
    }
}

/// The numbers behind urgent data: SND.UP and RCV.UP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Urgent {
    sent: SequenceNumber,
    received: SequenceNumber,
    pointers: Pointers,
}

impl Urgent {
    /// Nothing urgent.
    pub(crate) const NONE: Self =
        Self { sent: SequenceNumber(0), received: SequenceNumber(0), pointers: Pointers::empty() };

    /// Whether nothing urgent was sent that is not known to have arrived.
    #[inline]
    pub(crate) const fn is_quiet(&self) -> bool {
        !self.pointers.contains(Pointers::SENT)
    }

    fn sent(&self) -> Option<SequenceNumber> {
        self.pointers.contains(Pointers::SENT).then_some(self.sent)
    }

    #[inline]
    fn received(&self) -> Option<SequenceNumber> {
        self.pointers.contains(Pointers::RECEIVED).then_some(self.received)
    }

    fn set_sent(&mut self, end: Option<SequenceNumber>) {
        self.pointers.set(Pointers::SENT, end.is_some());
        self.sent = end.unwrap_or(self.sent);
    }

    #[inline]
    fn set_received(&mut self, end: Option<SequenceNumber>) {
        self.pointers.set(Pointers::RECEIVED, end.is_some());
        self.received = end.unwrap_or(self.received);
    }

    /// SEG.UP of a segment with this number, when everything before `una` is acknowledged. What is
    /// too far away for the field is as far as it reaches.
    pub(crate) fn pointer(&mut self, sequence: SequenceNumber, una: SequenceNumber) -> Option<u16> {
        let end = self.sent().filter(|end| end.is_after(una));
        self.set_sent(end);
        let offset = u32::try_from(end?.offset_from(sequence)).ok().filter(|offset| *offset > 0)?;
        Some(u16::try_from(offset).unwrap_or(u16::MAX))
    }
}

impl Connection {
    /// The number of the next octet that the user reads.
    #[inline]
    fn read_position(&self) -> SequenceNumber {
        self.receive.nxt - u32::from(self.receive.finished) - self.receive.readable()
    }

    /// The sixth step of RFC 9293, Section 3.10.7.4. True when there is news for the user.
    pub(crate) fn take_urgent(&mut self, segment: &Segment) -> bool {
        let Some(pointer) = segment.urgent.filter(|_| self.state.can_receive()) else {
            return false;
        };
        let end = segment.sequence + u32::from(pointer);
        let news = end.is_after(self.urgent.received().unwrap_or_else(|| self.read_position()));
        if news {
            self.urgent.set_received(Some(end));
        }
        news
    }

    /// The number of the last urgent octet: the mark. None if it was read.
    #[inline]
    fn mark(&mut self) -> Option<SequenceNumber> {
        let position = self.read_position();
        let end = self.urgent.received().filter(|end| end.is_after(position));
        self.urgent.set_received(end);
        end.map(|end| end - 1)
    }

    /// Whether urgent data waits, or is on its way.
    pub(crate) fn is_urgent(&self) -> bool {
        self.urgent.received().is_some_and(|end| end.is_after(self.read_position()))
    }

    /// How much of `length` octets may be read in one go: what is read ends at the mark, so that
    /// the user can see it.
    #[inline]
    pub(crate) fn up_to_mark(&mut self, length: usize) -> usize {
        if self.urgent.received().is_none() {
            return length;
        }
        let position = self.read_position();
        let before = self.mark().map_or(0, |mark| mark.offset_from(position));
        usize::try_from(before).ok().filter(|before| *before > 0).unwrap_or(length).min(length)
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// As [`Self::tcp_send`]; the last octet is urgent (MSG_OOB).
    pub fn tcp_send_urgent<E>(
        &mut self,
        id: TcpId,
        length: usize,
        fill: impl FnMut(&mut [u8]) -> Result<(), E>,
        now: Instant,
    ) -> Result<usize, TcpSendError<E>> {
        if self.tcp.get(id).is_some()
            && let Some((connection, store)) = self.tcp.connection_and_store(id.slot.into())
            && connection.state.can_send()
        {
            // What is taken now is known only afterwards, but is sent before.
            let room = connection.send_room(store) as usize;
            let taken = length.min(room) as u32;
            if taken > 0 {
                connection.urgent.set_sent(Some(connection.send.end + taken));
            }
        }
        self.tcp_send(id, length, fill, now)
    }

    /// Whether the next octet to be read is the urgent one (SIOCATMARK).
    pub fn tcp_at_mark(&self, id: TcpId) -> bool {
        self.tcp.get(id).and_then(TcpSocket::connection).is_some_and(|connection| {
            connection.urgent.received() == Some(connection.read_position() + 1)
        })
    }
}
