//! The headers of a connection's plain segments, made once: from one segment to the next only
//! numbers, the window, the timestamps and the lengths change.

use super::transmit::Envelope;
use crate::buffer::PacketBuffer;
use crate::wire::checksum::Checksum;
use crate::wire::ipv6::{Ipv6Header, NextHeader};
use crate::wire::tcp_plain::PlainHeader;

/// What stays the same.
#[derive(Clone, Copy)]
pub(crate) struct Template {
    /// The IPv6 header, whose payload length is to be filled in.
    ipv6: [u8; Ipv6Header::LEN],
    /// The ports of this side and of the other one.
    ports: (u16, u16),
    /// The sum of the pseudo-header, without the length.
    pseudo: Checksum,
}

impl Template {
    /// For segments that travel in this envelope.
    pub(super) fn new(Envelope { outgoing, ports, .. }: &Envelope) -> Self {
        let mut ipv6 = [0; Ipv6Header::LEN];
        outgoing.header(0).emit(&mut ipv6);
        let (source, destination) = (outgoing.source, outgoing.destination);
        let pseudo = Checksum::pseudo_header(source, destination, NextHeader::TCP, 0);
        Self { ipv6, ports: *ports, pseudo }
    }

    /// Puts IPv6 and TCP header in front of a segment's data, whose sum is `data`. False when there
    /// is no room for them.
    #[inline]
    pub(super) fn put<B: PacketBuffer>(
        &self,
        header: &PlainHeader,
        data: Checksum,
        packet: &mut B,
    ) -> bool {
        let length = header.len() + packet.len();
        let Some(room) = packet.prepend(Ipv6Header::LEN + header.len()) else { return false };
        let Some((ipv6, tcp)) = room.split_first_chunk_mut() else { return false };
        *ipv6 = self.ipv6;
        let field = Ipv6Header::PAYLOAD_LENGTH_OFFSET;
        if let Some(field) = ipv6.get_mut(field..field + 2) {
            field.copy_from_slice(&(length as u16).to_be_bytes());
        }
        let mut pseudo = self.pseudo;
        pseudo.add_words([(length as u32).to_be()]);
        header.emit(self.ports, (pseudo, data), tcp)
    }
}
