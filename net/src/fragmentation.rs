//! Sending packets that are longer than the path allows, in fragments (RFC 8200, Section 4.5).
//!
//! Only sources fragment, and only what is too long: there are no atomic fragments
//! (RFC 8021). Each fragment is written into the buffer that it is sent in.

use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::counters::DropReason;
use crate::ipv6_output::{Outgoing, Path};
use crate::limits;
use crate::random::Random;
use crate::socket::{OptionsOctets, SendHeaders, prepend_header};
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::checksum::Checksum;
use crate::wire::extension::FragmentHeader;
use crate::wire::icmpv6;
use crate::wire::ipv6::{Ipv6Header, NextHeader};
use core::convert::Infallible;
use core::net::Ipv6Addr;
use heapless::Vec;

/// The fragments of a packet, without their headers.
pub(crate) type Fragments<B> = Vec<B, { limits::FRAGMENTS_OF_PACKET }>;

/// Why a packet was not put into fragments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FragmentError<E> {
    /// No buffer is free.
    NoBuffer,
    /// It is longer than all fragments can be together.
    TooLong,
    /// The data could not be written.
    Fill(E),
}

/// Octets of data in a fragment, unless it is the last one: a multiple of eight.
pub(crate) fn capacity(mtu: u16) -> usize {
    usize::from(mtu).saturating_sub(Ipv6Header::LEN + FragmentHeader::LEN) & !7
}

/// How many fragments so many octets make.
pub(crate) fn fragment_count(length: usize, mtu: u16) -> usize {
    length.div_ceil(capacity(mtu).max(8))
}

/// Puts the checksum into an ICMPv6 message in several buffers.
pub(crate) fn fill_icmpv6_checksum<B: PacketBuffer>(
    (source, destination): (Ipv6Addr, Ipv6Addr),
    message: &mut [B],
) {
    let field = icmpv6::CHECKSUM_OFFSET..icmpv6::CHECKSUM_OFFSET + 2;
    let length = message.iter().map(PacketBuffer::len).sum::<usize>() as u32;
    let set = |message: &mut [B], value: u16| {
        let first = message.first_mut().map(PacketBuffer::data_mut);
        if let Some(octets) = first.and_then(|first| first.get_mut(field.clone())) {
            octets.copy_from_slice(&value.to_be_bytes());
        }
    };
    set(message, 0);
    let mut sum = Checksum::pseudo_header(source, destination, NextHeader::ICMPV6, length);
    for buffer in &*message {
        sum.add(buffer.data());
    }
    set(message, sum.finish());
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Writes `length` octets into fragments of `capacity` octets. `fill` is called for one
    /// fragment after the other. All have `headroom` in front, and the first one keeps room for
    /// headers of `header_len` octets, a multiple of four.
    pub(crate) fn fill_fragments<E>(
        &mut self,
        headroom: usize,
        (header_len, length): (usize, usize),
        capacity: usize,
        mut fill: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<Fragments<P::Buffer>, FragmentError<E>> {
        let mut fragments = Fragments::new();
        let mut left = length;
        let mut room = capacity.saturating_sub(header_len);
        while left > 0 {
            let taken = left.min(room);
            let front = if fragments.is_empty() { headroom + header_len } else { headroom };
            let mut buffer = self.pool.allocate(front).ok_or(FragmentError::NoBuffer)?;
            let data = buffer.append(taken).ok_or(FragmentError::TooLong)?;
            fill(data).map_err(FragmentError::Fill)?;
            fragments.push(buffer).map_err(|_| FragmentError::TooLong)?;
            left -= taken;
            room = capacity;
        }
        Ok(fragments)
    }

    /// Sends a packet in fragments, transport header and checksum and all, with hop-by-hop options
    /// in front of each if there are any.
    pub(crate) fn send_fragments(
        &mut self,
        outgoing: &Outgoing,
        hop: &Path,
        hop_by_hop: (Option<OptionsOctets<'_>>, NextHeader),
        fragments: Fragments<P::Buffer>,
        now: Instant,
    ) {
        // Section 4.5 and RFC 7739, Section 5.3: unpredictable for others, and as good as never
        // the same within the time that fragments live.
        let mut identification = [0; 4];
        self.random.fill(&mut identification);
        let identification = u32::from_ne_bytes(identification);
        if let Some(counters) = self.interface_counters(hop.interface) {
            counters.ipv6.out_requests += 1;
            counters.ipv6.fragmentation_ok += 1;
            counters.ipv6.fragments_created += fragments.len() as u64;
        }
        let mut offset = 0;
        let last = fragments.len().saturating_sub(1);
        for (number, mut buffer) in fragments.into_iter().enumerate() {
            let len = buffer.len() as u16;
            let Some(room) = buffer.prepend(FragmentHeader::LEN) else {
                self.drop_transmit(hop.interface, DropReason::NoBuffer);
                continue;
            };
            FragmentHeader {
                next_header: outgoing.next_header,
                offset,
                more: number < last,
                identification,
            }
            .emit(room);
            offset += len;
            let next_header = prepend_header(&mut buffer, hop_by_hop, NextHeader::FRAGMENT);
            let Some(next_header) = next_header else {
                self.drop_transmit(hop.interface, DropReason::NoBuffer);
                continue;
            };
            let fragment = Outgoing { next_header, ..*outgoing };
            self.send_packet(&fragment, hop, buffer, now);
        }
    }

    /// Sends an ICMPv6 message that comes in pieces, in as many fragments as the path demands.
    pub(crate) fn send_icmpv6_pieces<'a>(
        &mut self,
        outgoing: &Outgoing,
        hop: &Path,
        pieces: impl Iterator<Item = &'a [u8]> + Clone,
        now: Instant,
    ) {
        let length = pieces.clone().map(<[u8]>::len).sum();
        let whole = Ipv6Header::LEN + length <= usize::from(hop.mtu);
        let count = if whole { 1 } else { fragment_count(length, hop.mtu) };
        if !self.has_room(hop, outgoing.urgency, count) {
            return self.drop_transmit(hop.interface, DropReason::TransmitQueueFull);
        }
        let mut pieces = pieces.flatten();
        let fill = |room: &mut [u8]| {
            room.iter_mut().zip(&mut pieces).for_each(|(to, from)| *to = *from);
            Ok::<(), Infallible>(())
        };
        let room = if whole { length } else { capacity(hop.mtu) };
        let mut fragments = match self.fill_fragments(PAYLOAD_OFFSET, (0, length), room, fill) {
            Ok(fragments) => fragments,
            Err(error) => {
                if let Some(counters) = self.interface_counters(hop.interface) {
                    counters.icmpv6.out_errors += 1;
                    counters.ipv6.fragmentation_failures += 1;
                }
                let reason = match error {
                    FragmentError::NoBuffer => DropReason::NoBuffer,
                    FragmentError::TooLong => DropReason::TooBig,
                    FragmentError::Fill(never) => match never {},
                };
                return self.count_drop(Some(hop.interface), reason);
            }
        };
        fill_icmpv6_checksum((outgoing.source, outgoing.destination), &mut fragments);
        let kind = fragments.first().and_then(|first| first.data().first()).copied();
        self.count_icmpv6_out(hop.interface, kind.unwrap_or(0));
        if !whole {
            let none = SendHeaders::default().unfragmentable();
            return self.send_fragments(outgoing, hop, none, fragments, now);
        }
        if let Some(packet) = fragments.pop() {
            self.send_packet(outgoing, hop, packet, now);
        }
    }
}

#[cfg(test)]
#[path = "fragmentation_tests.rs"]
mod tests;
