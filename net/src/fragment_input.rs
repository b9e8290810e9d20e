//! Fragments on their way in (RFC 8200, Section 4.5): which are taken, and what happens to the
//! packets that they make. Which belong together is known in `reassembly`.

use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::DropReason;
use crate::icmpv6_error::Problem;
use crate::interface::InterfaceIndex;
use crate::ipv6_input::{Headers, Piece, Received};
use crate::random::Random;
use crate::reassembly::{Fragment, Key, Lost, Outcome, OwnTail, Ruin, Tail};
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::checksum::{self, Checksum};
use crate::wire::ipv6::{Ecn, Ipv6Header, NextHeader};

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// A fragment arrived that is not a whole packet.
    pub(crate) fn fragment_input(
        &mut self,
        headers: Headers,
        piece: &Piece,
        packet: P::Buffer,
        now: Instant,
    ) {
        let received = &headers.received;
        let index = received.interface;
        if let Some(counters) = self.interface_counters(index) {
            counters.ipv6.reassembly_requests += 1;
        }
        // What may come from `::` is never sent in fragments.
        if received.source.is_unspecified() {
            return self.drop_received(index, DropReason::Ipv6SourceUnspecified);
        }
        let key = Key {
            interface: index,
            source: received.source,
            destination: received.destination,
            identification: piece.header.identification,
        };
        let fragment = Fragment {
            key,
            offset: piece.header.offset,
            data_offset: piece.data_offset,
            more: piece.header.more,
            congestion: received.traffic_class.ecn() == Ecn::CongestionExperienced,
            headers: (piece.header.offset == 0).then_some(headers),
        };
        while let Some(lost) = self.reassembly.make_room(&key) {
            self.count_lost_fragments(&lost, DropReason::FragmentNoRoom);
        }
        let (reason, lost) = match self.reassembly.insert(&fragment, packet, now) {
            Outcome::Waiting => return,
            Outcome::Complete { mut headers, congestion, first, mut tail } => {
                if let Some(counters) = self.interface_counters(index) {
                    counters.ipv6.reassembly_ok += 1;
                }
                if congestion {
                    // RFC 3168, Section 5.3.
                    let class = &mut headers.received.traffic_class;
                    *class = class.with_ecn(Ecn::CongestionExperienced);
                }
                return self.upper_input(&headers, first, &mut tail, now);
            }
            Outcome::Duplicate => {
                return self.count_drop(Some(index), DropReason::FragmentDuplicate);
            }
            Outcome::Ruined => return self.count_drop(Some(index), DropReason::FragmentOverlap),
            Outcome::Ruin(Ruin::Overlap, waited) => (DropReason::FragmentOverlap, waited),
            Outcome::Ruin(Ruin::TooMany, waited) => (DropReason::FragmentTooMany, waited),
        };
        if let Some(counters) = self.interface_counters(index) {
            counters.ipv6.reassembly_failures += 1;
        }
        for _ in 0..=lost {
            self.count_drop(Some(index), reason);
        }
    }

    fn count_lost_fragments(&mut self, lost: &Lost<P::Buffer>, reason: DropReason) {
        let index = Some(lost.interface).filter(|&index| self.interface(index).is_some());
        if lost.fragments > 0 {
            match index.and_then(|index| self.interface_counters(index)) {
                Some(counters) => counters.ipv6.reassembly_failures += 1,
                None => self.counters.ipv6.reassembly_failures += 1,
            }
        }
        for _ in 0..lost.fragments {
            self.count_drop(index, reason);
        }
    }

    /// How many packets are being put together, and how many octets of them have come.
    pub fn reassembly_use(&self) -> (usize, u32) {
        self.reassembly.usage()
    }

    /// Gives up packets whose time is over. If the first fragment had come, its source is told
    /// (RFC 4443, Section 3.3).
    pub(crate) fn poll_reassembly(&mut self, now: Instant) {
        while let Some(lost) = self.reassembly.expire(now) {
            self.count_lost_fragments(&lost, DropReason::FragmentTimeout);
            if lost.fragments == 0 {
                continue;
            }
            if let Some(counters) = self.interface_counters(lost.interface) {
                counters.ipv6.reassembly_timeouts += 1;
            }
            if let Some((headers, first)) = lost.first {
                let problem = Problem::ReassemblyTimeExceeded;
                self.send_error(&headers.received, problem, first.data(), now);
            }
        }
    }

    /// A packet that came in fragments, in one buffer, for protocols that want it so. `None`,
    /// with the loss counted, if it does not fit into one.
    pub(crate) fn in_one_buffer(
        &mut self,
        index: InterfaceIndex,
        packet: P::Buffer,
        tail: &mut Tail<P::Buffer>,
    ) -> Option<P::Buffer> {
        if tail.is_empty() {
            return Some(packet);
        }
        let Some(mut joined) = self.pool.allocate(0) else {
            self.count_drop(Some(index), DropReason::NoBuffer);
            return None;
        };
        for slice in core::iter::once(&packet).chain(&*tail).map(PacketBuffer::data) {
            let Some(room) = joined.append(slice.len()) else {
                self.count_drop(Some(index), DropReason::FragmentTooLong);
                return None;
            };
            room.copy_from_slice(slice);
        }
        tail.clear();
        Some(joined)
    }

    /// A copy of a packet, and of what came of it in further fragments.
    pub(crate) fn copy_of_all(
        &mut self,
        bytes: &[u8],
        tail: &Tail<P::Buffer>,
    ) -> Option<(P::Buffer, OwnTail<P::Buffer>)> {
        let first = self.copy_of(bytes)?;
        let mut copies = OwnTail::new();
        for piece in tail {
            copies.push(self.copy_of(piece.data())?).ok()?;
        }
        Some((first, copies))
    }
}

/// Octets of a segment whose first ones are these.
#[inline]
pub(crate) fn total_len<B: PacketBuffer>(first: &[u8], tail: &Tail<B>) -> usize {
    first.len() + tail.iter().map(PacketBuffer::len).sum::<usize>()
}

/// Whether a segment, possibly in several pieces, has a right checksum; `packet` begins with the
/// IPv6 header and ends with the segment's last octet in this buffer.
#[inline]
pub(crate) fn verify<B: PacketBuffer>(
    received: &Received,
    protocol: NextHeader,
    packet: &[u8],
    tail: &Tail<B>,
) -> bool {
    if received.upper_offset == Ipv6Header::LEN && tail.is_empty() {
        return checksum::verify_packet(packet, protocol);
    }
    let first = packet.get(received.upper_offset..).unwrap_or(&[]);
    verify_pieces(received, protocol, first, tail)
}

fn verify_pieces<B: PacketBuffer>(
    received: &Received,
    protocol: NextHeader,
    first: &[u8],
    tail: &Tail<B>,
) -> bool {
    let len = total_len(first, tail) as u32;
    let mut sum = Checksum::pseudo_header(received.source, received.destination, protocol, len);
    sum.add(first);
    for piece in tail {
        sum.add(piece.data());
    }
    sum.is_valid()
}
