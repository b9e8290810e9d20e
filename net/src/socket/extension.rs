//! Extension headers that programs send and see (RFC 3542, Sections 7 to 9).
//!
//! Sent are a hop-by-hop and a destination options header. Routing headers are seen only: type 0,
//! the one that RFC 3542 is about, is deprecated (RFC 5095), and Linux refuses it, too.

use crate::buffer::{BufferPool, PacketBuffer};
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::stack::Stack;
use crate::wire::extension::{ExtensionHeader, HeaderChain};
use crate::wire::ipv6::{Ipv6Header, NextHeader};

use super::SocketId;

/// An options header as a program gives it, from the next header field, which is the stack's to
/// fill, to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OptionsOctets<'a>(&'a [u8]);

impl<'a> OptionsOctets<'a> {
    /// The header at the beginning of `octets`; `None` if that ends before the length that the
    /// header says. What is in the header is the program's business, as on Linux.
    pub fn new(octets: &'a [u8]) -> Option<Self> {
        let &[_, length, ..] = octets else { return None };
        octets.get(..(usize::from(length) + 1) * 8).map(Self)
    }

    /// Its octets, eight at least.
    pub const fn octets(self) -> &'a [u8] {
        self.0
    }
}

/// The extension headers that a datagram is sent with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SendHeaders<'a> {
    /// IPV6_HOPOPTS: options for every node on the way.
    pub hop_by_hop: Option<OptionsOctets<'a>>,
    /// IPV6_DSTOPTS: options for the destination.
    pub destination: Option<OptionsOctets<'a>>,
}

/// Octets of a header that may be absent.
fn len(header: Option<OptionsOctets<'_>>) -> usize {
    header.map_or(0, |header| header.octets().len())
}

/// Puts an options header in front of what `next` is. The type of what begins there then; `None`
/// without room.
pub(crate) fn prepend<B: PacketBuffer>(
    packet: &mut B,
    (header, kind): (Option<OptionsOctets<'_>>, NextHeader),
    next: NextHeader,
) -> Option<NextHeader> {
    let Some(header) = header else { return Some(next) };
    let room = packet.prepend(header.octets().len())?;
    room.copy_from_slice(header.octets());
    if let Some(first) = room.first_mut() {
        *first = next.0;
    }
    Some(kind)
}

impl<'a> SendHeaders<'a> {
    /// Octets of the headers that come before a fragment header.
    pub(crate) fn unfragmentable_len(&self) -> usize {
        len(self.hop_by_hop)
    }

    /// Octets of the headers that come behind it.
    pub(crate) fn fragmentable_len(&self) -> usize {
        len(self.destination)
    }

    /// Octets of all.
    pub(crate) fn len(&self) -> usize {
        self.unfragmentable_len() + self.fragmentable_len()
    }

    /// The hop-by-hop options, as [`prepend`] wants them.
    pub(crate) const fn unfragmentable(&self) -> (Option<OptionsOctets<'a>>, NextHeader) {
        (self.hop_by_hop, NextHeader::HOP_BY_HOP)
    }

    /// The destination options, likewise.
    pub(crate) const fn fragmentable(&self) -> (Option<OptionsOctets<'a>>, NextHeader) {
        (self.destination, NextHeader::DESTINATION_OPTIONS)
    }
}

/// Which extension header it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HeaderKind {
    /// Hop-by-hop options.
    HopByHop,
    /// Destination options.
    Destination,
    /// A routing header.
    Routing,
}

/// The extension headers of a packet that begins with its IPv6 header, in their order, each from
/// its next header field to its end. Fragment headers are not among them.
pub(super) fn headers_of(packet: &[u8]) -> impl Iterator<Item = (HeaderKind, &[u8])> {
    let chain = Ipv6Header::parse_quoted(packet).ok();
    let chain = chain.map(|(header, payload)| HeaderChain::new(&header, payload));
    chain.into_iter().flatten().map_while(Result::ok).filter_map(move |item| {
        let kind = match item.header {
            ExtensionHeader::HopByHop(_) => HeaderKind::HopByHop,
            ExtensionHeader::Destination(_) => HeaderKind::Destination,
            ExtensionHeader::Routing(_) => HeaderKind::Routing,
            ExtensionHeader::Fragment(_) => return None,
        };
        let end = packet.len().checked_sub(item.rest.len())?;
        Some((kind, packet.get(item.offset..end)?))
    })
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The headers of a packet, if there are extension headers and the socket wants to see them.
    #[inline]
    pub(super) fn headers_for(
        &mut self,
        id: SocketId,
        received: &Received,
        packet: &[u8],
    ) -> Option<P::Buffer> {
        let wanted = received.upper_offset > Ipv6Header::LEN
            && self.sockets.get(id).is_some_and(|socket| socket.options.receive_headers);
        if !wanted {
            return None;
        }
        self.copy_of(packet.get(..received.upper_offset)?)
    }
}
