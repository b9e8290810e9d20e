//! Extension headers and fragments (RFC 8200, Section 4).

use super::{Frame, Sum, next_header};

/// An option of one octet that does nothing.
pub const PAD1: &[u8] = &[0];
/// An option of six octets that does nothing.
pub const PADN: &[u8] = &[1, 4, 0, 0, 0, 0];

/// The options, and what pads them to a multiple of eight octets.
fn options_header(options: &[&[u8]]) -> Vec<u8> {
    let mut header = vec![0, 0];
    for option in options {
        header.extend(*option);
    }
    match (8 - header.len() % 8) % 8 {
        0 => {}
        1 => header.push(0),
        missing => {
            header.extend([1, missing as u8 - 2]);
            header.resize(header.len() + missing - 2, 0);
        }
    }
    header[1] = (header.len() / 8 - 1) as u8;
    header
}

impl Frame {
    /// A Hop-by-Hop Options header behind what is there already. An option is its type, its
    /// length and its data.
    #[must_use]
    pub fn hop_by_hop(self, options: &[&[u8]]) -> Self {
        self.header(next_header::HOP_BY_HOP, options_header(options))
    }

    /// A Destination Options header.
    #[must_use]
    pub fn destination_options(self, options: &[&[u8]]) -> Self {
        self.header(next_header::DESTINATION, options_header(options))
    }

    /// A Routing header of this type, with one address in it.
    #[must_use]
    pub fn routing(self, kind: u8, segments_left: u8) -> Self {
        let mut header = vec![0, 2, kind, segments_left, 0, 0, 0, 0];
        header.extend(self.destination.octets());
        self.header(next_header::ROUTING, header)
    }

    /// A Fragment header; `offset` is in octets.
    #[must_use]
    pub fn fragment(self, offset: u16, more: bool, identification: u32) -> Self {
        let mut header = vec![0, 0];
        header.extend((offset & !7 | u16::from(more)).to_be_bytes());
        header.extend(identification.to_be_bytes());
        self.header(next_header::FRAGMENT, header)
    }

    /// An extension header of any type, whose first octet is filled in.
    #[must_use]
    pub fn extension(self, number: u8, octets: &[u8]) -> Self {
        self.header(number, octets.to_vec())
    }

    /// Cuts everything behind the IPv6 header and the first `whole` extension headers into
    /// fragments of `size` octets, a multiple of eight; in order.
    #[must_use]
    pub fn fragments(&self, whole: usize, size: usize, identification: u32) -> Vec<Self> {
        let mut rest = self.clone();
        let first = rest.headers.drain(..whole).collect::<Vec<_>>();
        let (number, payload) = rest.payload();
        let pieces = payload.chunks(size).enumerate();
        let last = payload.len().div_ceil(size).saturating_sub(1);
        pieces
            .map(|(index, piece)| {
                let mut fragment = self.clone();
                fragment.headers.clone_from(&first);
                fragment.upper = (number, piece.to_vec());
                fragment.sum = Sum::None;
                fragment.fragment((index * size) as u16, index < last, identification)
            })
            .collect()
    }
}
