//! Extension headers (RFC 8200, Section 4) and the walk along their chain.
//!
//! The chain is followed through hop-by-hop options (in first place only), destination options,
//! routing and fragment headers. Everything else ends it: transports, ESP and AH (which nobody
//! here can look behind), "no next header", unknown types and hop-by-hop options in any other
//! place, which RFC 8200 treats like an unknown type. Options are in [`super::option`].

use super::cursor::{Reader, Writer};
use super::ipv6::{Ipv6Header, NextHeader};
use super::option::Options;
use super::{ParseError, Result};

/// Hop-by-hop or destination options header (RFC 8200, Sections 4.3 and 4.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OptionsHeader<'a> {
    /// The type of the header behind this one.
    pub next_header: NextHeader,
    /// The options, padding included.
    pub options: Options<'a>,
}

impl<'a> OptionsHeader<'a> {
    /// Offset of the first option from the beginning of the header.
    pub const OPTIONS_OFFSET: usize = 2;

    /// Splits a packet at the end of this header. An option that runs past that end is
    /// [`ParseError::BadLength`].
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let (next_header, body, rest) = split(bytes)?;
        Ok((Self { next_header, options: Options::parse(body)? }, rest))
    }

    /// Octets on the wire.
    pub fn len(&self) -> usize {
        (Self::OPTIONS_OFFSET + self.options.len()).next_multiple_of(8)
    }

    /// Always false: the header has at least eight octets.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Writes [`Self::len`] octets, with padding options up to a multiple of eight.
    ///
    /// # Panics
    /// Also when the options exceed the 2046 octets that the header can hold.
    pub fn emit(&self, out: &mut [u8]) {
        let len = self.len();
        assert!(len <= 2048, "an options header holds 2046 octets");
        let (fixed, body) = out[..len].split_at_mut(Self::OPTIONS_OFFSET);
        Writer::new(fixed).u8(self.next_header.0).u8((len / 8 - 1) as u8);
        self.options.emit_padded(body);
    }
}

/// Routing header (RFC 8200, Section 4.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RoutingHeader<'a> {
    /// The type of the header behind this one.
    pub next_header: NextHeader,
    /// The variant; none is supported, type 0 is deprecated (RFC 5095).
    pub routing_type: u8,
    /// Nodes still to be visited.
    pub segments_left: u8,
    /// Type-specific data.
    pub data: &'a [u8],
}

impl<'a> RoutingHeader<'a> {
    /// Offset of the routing type: where the Parameter Problem about an unknown one points.
    pub const ROUTING_TYPE_OFFSET: usize = 2;

    /// Splits a packet at the end of this header.
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let (next_header, body, rest) = split(bytes)?;
        let mut reader = Reader::new(body);
        let header = Self {
            next_header,
            routing_type: reader.u8()?,
            segments_left: reader.u8()?,
            data: reader.rest(),
        };
        Ok((header, rest))
    }
}

/// Fragment header (RFC 8200, Section 4.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FragmentHeader {
    /// The type of the first header of the fragmentable part.
    pub next_header: NextHeader,
    /// Where this fragment's data belongs, in octets: a multiple of eight, at most 65528.
    pub offset: u16,
    /// Whether more fragments follow.
    pub more: bool,
    /// What ties the fragments of one packet together.
    pub identification: u32,
}

impl FragmentHeader {
    /// Octets on the wire.
    pub const LEN: usize = 8;
    /// Offset of the fragment offset field: where FRG-10's Parameter Problem points.
    pub const FRAGMENT_OFFSET_OFFSET: usize = 2;

    /// Splits a packet at the end of this header.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8])> {
        let mut reader = Reader::new(bytes);
        let next_header = NextHeader(reader.u8()?);
        let _reserved = reader.u8()?;
        let offset_and_flags = reader.u16()?;
        let header = Self {
            next_header,
            offset: offset_and_flags & !7,
            more: offset_and_flags & 1 != 0,
            identification: reader.u32()?,
        };
        Ok((header, reader.rest()))
    }

    /// Writes [`Self::LEN`] octets; of the offset, its multiple of eight.
    pub fn emit(&self, out: &mut [u8]) {
        Writer::new(out)
            .u8(self.next_header.0)
            .u8(0)
            .u16(self.offset & !7 | u16::from(self.more))
            .u32(self.identification);
    }

    /// Whether the packet is whole in this one fragment (RFC 6946).
    pub const fn is_atomic(self) -> bool {
        self.offset == 0 && !self.more
    }
}

/// Next header field, body behind the length field, and what follows, of a header whose second
/// octet counts its units of eight octets beyond the first.
fn split(bytes: &[u8]) -> Result<(NextHeader, &[u8], &[u8])> {
    let mut reader = Reader::new(bytes);
    let next_header = NextHeader(reader.u8()?);
    let body_len = usize::from(reader.u8()?) * 8 + 6;
    Ok((next_header, reader.take(body_len)?, reader.rest()))
}

/// One header of a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExtensionHeader<'a> {
    /// Options for every node on the way.
    HopByHop(OptionsHeader<'a>),
    /// Options for the destination.
    Destination(OptionsHeader<'a>),
    /// Nodes to visit.
    Routing(RoutingHeader<'a>),
    /// A piece of a packet.
    Fragment(FragmentHeader),
}

/// A header of a chain and where it was found. Offsets count from the first octet of the IPv6
/// header, as the pointer of a Parameter Problem does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainItem<'a> {
    /// The header.
    pub header: ExtensionHeader<'a>,
    /// Where it begins.
    pub offset: usize,
    /// Where the next header field is that named it.
    pub named_at: usize,
    /// The octets behind it: for a fragment, the piece of the packet.
    pub rest: &'a [u8],
}

/// A header that could not be parsed. Offsets as in [`ChainItem`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainError {
    /// What is wrong.
    pub error: ParseError,
    /// What kind of header it was to be.
    pub header: NextHeader,
    /// Where it begins.
    pub offset: usize,
    /// Where the next header field is that named it.
    pub named_at: usize,
}

/// What a chain ends with. Offsets as in [`ChainItem`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UpperLayer<'a> {
    /// Its type; [`NextHeader::HOP_BY_HOP`] when such a header stood in the wrong place.
    pub next_header: NextHeader,
    /// Where it begins.
    pub offset: usize,
    /// Where the next header field is that named it: where the Parameter Problem about an unknown
    /// type points.
    pub named_at: usize,
    /// Its octets.
    pub payload: &'a [u8],
}

/// An iterator over the extension headers of a packet.
///
/// It ends behind a fragment header with an offset other than zero, whose data is not a header,
/// and after an error. Each step consumes octets of the packet, so the work is linear in its size.
#[derive(Clone, Debug)]
pub struct HeaderChain<'a> {
    next_header: NextHeader,
    offset: usize,
    named_at: usize,
    rest: &'a [u8],
    done: bool,
}

impl<'a> HeaderChain<'a> {
    /// The chain of a packet with this header and payload.
    pub const fn new(header: &Ipv6Header, payload: &'a [u8]) -> Self {
        Self {
            next_header: header.next_header,
            offset: Ipv6Header::LEN,
            named_at: Ipv6Header::NEXT_HEADER_OFFSET,
            rest: payload,
            done: false,
        }
    }

    /// What follows the headers that the iterator has given; the upper layer once it has ended
    /// without an error.
    pub const fn upper_layer(&self) -> UpperLayer<'a> {
        UpperLayer {
            next_header: self.next_header,
            offset: self.offset,
            named_at: self.named_at,
            payload: self.rest,
        }
    }

    fn step(&mut self) -> Result<Option<ExtensionHeader<'a>>> {
        let (header, next_header, rest) = match self.next_header {
            NextHeader::HOP_BY_HOP if self.offset == Ipv6Header::LEN => {
                let (header, rest) = OptionsHeader::parse(self.rest)?;
                (ExtensionHeader::HopByHop(header), header.next_header, rest)
            }
            NextHeader::DESTINATION_OPTIONS => {
                let (header, rest) = OptionsHeader::parse(self.rest)?;
                (ExtensionHeader::Destination(header), header.next_header, rest)
            }
            NextHeader::ROUTING => {
                let (header, rest) = RoutingHeader::parse(self.rest)?;
                (ExtensionHeader::Routing(header), header.next_header, rest)
            }
            NextHeader::FRAGMENT => {
                let (header, rest) = FragmentHeader::parse(self.rest)?;
                self.done = header.offset != 0;
                (ExtensionHeader::Fragment(header), header.next_header, rest)
            }
            _ => return Ok(None),
        };
        self.named_at = self.offset;
        self.offset += self.rest.len() - rest.len();
        self.next_header = next_header;
        self.rest = rest;
        Ok(Some(header))
    }
}

impl<'a> Iterator for HeaderChain<'a> {
    type Item = core::result::Result<ChainItem<'a>, ChainError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let (offset, named_at, kind) = (self.offset, self.named_at, self.next_header);
        match self.step() {
            Ok(Some(header)) => Some(Ok(ChainItem { header, offset, named_at, rest: self.rest })),
            Ok(None) => {
                self.done = true;
                None
            }
            Err(error) => {
                self.done = true;
                Some(Err(ChainError { error, header: kind, offset, named_at }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ipv6::{FlowLabel, HopLimit, TrafficClass};
    use crate::wire::option::{HeaderOption, OptionType};
    use core::net::Ipv6Addr;
    use proptest::prelude::*;

    fn header(next_header: NextHeader) -> Ipv6Header {
        Ipv6Header {
            traffic_class: TrafficClass(0),
            flow_label: FlowLabel::NONE,
            payload_length: 0,
            next_header,
            hop_limit: HopLimit::DEFAULT,
            source: Ipv6Addr::LOCALHOST,
            destination: Ipv6Addr::LOCALHOST,
        }
    }

    #[test]
    fn router_alert_golden() {
        let golden = [58, 0, 5, 2, 0, 0, 1, 0];
        let options = [HeaderOption::ROUTER_ALERT_MLD];
        let alert =
            OptionsHeader { next_header: NextHeader::ICMPV6, options: Options::new(&options) };
        assert_eq!(alert.len(), 8);
        let mut out = [0xff; 8];
        alert.emit(&mut out);
        assert_eq!(out, golden);
        let (parsed, rest) = OptionsHeader::parse(&golden).unwrap();
        assert!(rest.is_empty());
        let options: Vec<_> = parsed.options.iter().collect();
        assert_eq!(options, [(0, HeaderOption::ROUTER_ALERT_MLD), (4, HeaderOption::PadN(0))]);
    }

    #[test]
    fn options_that_run_past_the_header() {
        for bytes in
            [[58, 0, 5, 5, 0, 0, 1, 0], [58, 0, 1, 0, 0, 0, 0, 1], [58, 0, 0x1e, 3, 0, 0, 0, 0x1e]]
        {
            assert_eq!(OptionsHeader::parse(&bytes), Err(ParseError::BadLength), "{bytes:?}");
        }
        assert_eq!(OptionsHeader::parse(&[58, 1, 1, 4, 0, 0, 0, 0]), Err(ParseError::Truncated));
        assert!(OptionsHeader::parse(&[58, 0, 0x1e, 4, 0, 0, 0, 0]).is_ok());
    }

    #[test]
    fn fragment_golden() {
        let golden = [17, 0, 0x05, 0xa9, 0xde, 0xad, 0xbe, 0xef];
        let fragment = FragmentHeader {
            next_header: NextHeader::UDP,
            offset: 1448,
            more: true,
            identification: 0xdead_beef,
        };
        assert_eq!(FragmentHeader::parse(&golden), Ok((fragment, &[][..])));
        let mut out = [0; 8];
        fragment.emit(&mut out);
        assert_eq!(out, golden);
        assert!(!fragment.is_atomic());
        assert!(FragmentHeader { offset: 0, more: false, ..fragment }.is_atomic());
        // Reserved bits are ignored.
        let (parsed, _) = FragmentHeader::parse(&[17, 0xff, 0x05, 0xaf, 0, 0, 0, 0]).unwrap();
        assert_eq!((parsed.offset, parsed.more), (1448, true));
    }

    /// Hop-by-hop, routing, destination options, first fragment, UDP.
    const CHAIN: [u8; 44] = [
        43, 0, 5, 2, 0, 0, 1, 0, // at 40
        60, 0, 4, 0, 0, 0, 0, 0, // at 48
        44, 0, 1, 4, 0, 0, 0, 0, // at 56
        17, 0, 0, 1, 0, 0, 0, 9, // at 64
        0, 1, 0, 2, 0, 12, 0xab, 0xcd, 1, 2, 3, 4, // at 72
    ];

    #[test]
    fn chain_with_offsets() {
        let mut chain = HeaderChain::new(&header(NextHeader::HOP_BY_HOP), &CHAIN);
        let items: Vec<_> = chain.by_ref().flatten().collect();
        let places: Vec<_> =
            items.iter().map(|item| (item.offset, item.named_at, item.rest.len())).collect();
        assert_eq!(places, [(40, 6, 36), (48, 40, 28), (56, 48, 20), (64, 56, 12)]);
        assert!(matches!(items[0].header, ExtensionHeader::HopByHop(_)));
        let ExtensionHeader::Routing(routing) = items[1].header else { panic!("{items:?}") };
        assert_eq!((routing.routing_type, routing.segments_left), (4, 0));
        assert_eq!(routing.data, [0; 4]);
        assert!(matches!(items[2].header, ExtensionHeader::Destination(_)));
        let ExtensionHeader::Fragment(fragment) = items[3].header else { panic!("{items:?}") };
        assert_eq!((fragment.offset, fragment.more, fragment.identification), (0, true, 9));
        let upper = chain.upper_layer();
        assert_eq!((upper.next_header, upper.offset, upper.named_at), (NextHeader::UDP, 72, 64));
        assert_eq!(upper.payload, &CHAIN[32..]);
    }

    #[test]
    fn data_of_a_later_fragment_is_no_header() {
        let bytes = [60, 0, 0, 8, 0, 0, 0, 1, 60, 0xff, 0, 0];
        let mut chain = HeaderChain::new(&header(NextHeader::FRAGMENT), &bytes);
        assert!(matches!(
            chain.next(),
            Some(Ok(ChainItem { header: ExtensionHeader::Fragment(_), offset: 40, .. }))
        ));
        assert_eq!(chain.next(), None);
        assert_eq!(chain.upper_layer().payload, [60, 0xff, 0, 0]);
    }

    #[test]
    fn hop_by_hop_in_second_place_ends_the_chain() {
        let bytes = [0, 0, 1, 4, 0, 0, 0, 0, 58, 0, 1, 4, 0, 0, 0, 0];
        let mut chain = HeaderChain::new(&header(NextHeader::DESTINATION_OPTIONS), &bytes);
        assert!(chain.next().unwrap().is_ok());
        assert_eq!(chain.next(), None);
        let upper = chain.upper_layer();
        assert_eq!((upper.next_header, upper.named_at), (NextHeader::HOP_BY_HOP, 40));
    }

    #[test]
    fn what_cannot_be_parsed_ends_the_chain_with_its_place() {
        for len in 1..8 {
            let mut chain = HeaderChain::new(&header(NextHeader::HOP_BY_HOP), &CHAIN[..16 + len]);
            assert!(matches!(chain.next(), Some(Ok(_))) && matches!(chain.next(), Some(Ok(_))));
            let error = ChainError {
                error: ParseError::Truncated,
                header: NextHeader::DESTINATION_OPTIONS,
                offset: 56,
                named_at: 48,
            };
            assert_eq!(chain.next(), Some(Err(error)));
            assert_eq!(chain.next(), None);
        }
    }

    #[test]
    fn other_types_end_the_chain_at_once() {
        for next_header in (0..=255).map(NextHeader) {
            let known = [
                NextHeader::HOP_BY_HOP,
                NextHeader::DESTINATION_OPTIONS,
                NextHeader::ROUTING,
                NextHeader::FRAGMENT,
            ];
            let mut chain = HeaderChain::new(&header(next_header), &CHAIN);
            assert_eq!(chain.next().is_some(), known.contains(&next_header));
        }
    }

    fn option() -> impl Strategy<Value = (u8, Vec<u8>)> {
        (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..20))
    }

    fn as_option((kind, data): &(u8, Vec<u8>)) -> HeaderOption<'_> {
        match (*kind, &data[..]) {
            (0, _) => HeaderOption::Pad1,
            (1, zeros) => HeaderOption::PadN(zeros.len() as u8),
            (5, &[high, low]) => HeaderOption::RouterAlert(u16::from_be_bytes([high, low])),
            (kind, data) => HeaderOption::Unknown { kind: OptionType(kind), data },
        }
    }

    proptest! {
        #[test]
        fn options_survive(list in proptest::collection::vec(option(), 0..10), next: u8) {
            let options: Vec<_> = list.iter().map(as_option).collect();
            let header =
                OptionsHeader { next_header: NextHeader(next), options: Options::new(&options) };
            let mut out = vec![0xff; header.len() + 3];
            header.emit(&mut out);
            let (parsed, rest) = OptionsHeader::parse(&out).unwrap();
            prop_assert_eq!(rest, [0xff; 3]);
            prop_assert_eq!(parsed.next_header, NextHeader(next));
            let back: Vec<_> = parsed.options.iter().take(options.len()).collect();
            let expected: Vec<_> = header.options.iter().collect();
            prop_assert_eq!(back, expected);
            for (_, option) in parsed.options.iter().skip(options.len()) {
                prop_assert!(matches!(option, HeaderOption::Pad1 | HeaderOption::PadN(_)));
            }
            let mut again = vec![0xff; header.len() + 3];
            parsed.emit(&mut again);
            prop_assert_eq!(again, out);
        }

        /// Rows: EH-17
        #[test]
        fn any_octets(
            bytes in proptest::collection::vec(
                prop_oneof![Just(0), Just(1), Just(43), Just(44), Just(60), any::<u8>()], 0..200,
            ),
            first in prop_oneof![Just(0), Just(43), Just(44), Just(60)],
        ) {
            let mut chain = HeaderChain::new(&header(NextHeader(first)), &bytes);
            let mut offset = 40;
            for item in chain.by_ref().flatten() {
                prop_assert_eq!(item.offset, offset);
                offset = 40 + bytes.len() - item.rest.len();
                prop_assert!(offset >= item.offset + 8);
                if let ExtensionHeader::HopByHop(header) | ExtensionHeader::Destination(header)
                    = item.header
                {
                    let len: usize = header.options.iter().map(|(_, option)| option.len()).sum();
                    prop_assert_eq!(len, header.options.len());
                }
            }
            let upper = chain.upper_layer();
            prop_assert_eq!(upper.offset - 40 + upper.payload.len(), bytes.len());
        }
    }
}
