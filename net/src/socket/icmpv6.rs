//! ICMPv6 sockets: raw ones with their filter (RFC 3542, Section 3), and echo ("ping") sockets.

use super::receive::scoped;
use super::{ReceiveMeta, Socket, SocketId, SocketKind};
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::DropReason;
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::reassembly::Tail;
use crate::stack::Stack;
use crate::time::Instant;

/// Which message types a raw socket does not want: a bit for each, 1 blocks, as Linux has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Icmpv6Filter(pub [u32; 8]);

impl Icmpv6Filter {
    /// Lets everything pass: what a new socket has.
    pub const PASS_ALL: Self = Self([0; 8]);
    /// Lets nothing pass.
    pub const BLOCK_ALL: Self = Self([u32::MAX; 8]);

    /// Whether messages of this type pass.
    pub const fn passes(&self, message_type: u8) -> bool {
        self.0[message_type as usize >> 5] & 1 << (message_type & 31) == 0
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    fn icmpv6_meta(received: &Received, now: Instant) -> ReceiveMeta {
        ReceiveMeta {
            source: scoped(received.source, 0, received.interface),
            destination: received.destination,
            interface: received.interface,
            hop_limit: received.hop_limit,
            traffic_class: received.traffic_class,
            flow_label: received.flow_label,
            arrived: now,
            unchecked: false,
        }
    }

    /// Whether anybody has a raw socket.
    #[inline]
    pub(crate) fn has_raw_sockets(&self) -> bool {
        self.sockets.has_raw()
    }

    /// Gives every raw socket that wants it a copy of the message in a packet.
    pub(crate) fn raw_input(
        &mut self,
        received: &Received,
        message_type: u8,
        packet: &[u8],
        tail: &Tail<P::Buffer>,
        now: Instant,
    ) {
        let kind = SocketKind::Icmpv6Raw;
        let message = packet.get(received.upper_offset..).unwrap_or(&[]);
        let meta = Self::icmpv6_meta(received, now);
        let fits = |(_, socket): &(SocketId, &Socket)| {
            socket.filter.passes(message_type) && socket.accepts(&meta)
        };
        let mut found = self.sockets.at_port(kind, 0).find(fits).map(|(id, _)| id);
        while let Some(id) = found {
            let headers = self.headers_for(id, received, packet);
            match self.copy_of_all(message, tail) {
                Some((copy, mut tail)) => {
                    // A full buffer is counted there, and nobody else's business.
                    let _delivered = self.deliver(id, &meta, headers, copy, &mut tail);
                }
                None => self.count_drop(Some(received.interface), DropReason::NoBuffer),
            }
            found = self.sockets.at_port_after(kind, 0, id).find(fits).map(|(id, _)| id);
        }
    }

    /// An echo reply arrived: it goes to the socket with its identifier. False when there is none.
    pub(crate) fn echo_reply_input(
        &mut self,
        received: &Received,
        identifier: u16,
        mut packet: P::Buffer,
        tail: &mut Tail<P::Buffer>,
        now: Instant,
    ) -> bool {
        let meta = Self::icmpv6_meta(received, now);
        let Some(id) = self.find_receiver(SocketKind::Icmpv6Echo, identifier, &meta) else {
            return false;
        };
        let headers = self.headers_for(id, received, packet.data());
        packet.trim_front(received.upper_offset);
        let _delivered = self.deliver(id, &meta, headers, packet, tail);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_bits_are_those_of_linux() {
        // ICMP6_FILTER_SETBLOCKALL and SETPASS(129), as ping sets it.
        let mut words = [u32::MAX; 8];
        words[4] = 0xffff_fffd;
        let filter = Icmpv6Filter(words);
        for message_type in 0..=u8::MAX {
            assert_eq!(filter.passes(message_type), message_type == 129);
            assert!(Icmpv6Filter::PASS_ALL.passes(message_type));
            assert!(!Icmpv6Filter::BLOCK_ALL.passes(message_type));
        }
    }
}
