//! ICMPv6 messages (RFC 4443): errors, echo, and the frame that Neighbor Discovery
//! ([`super::ndp`]) and Multicast Listener Discovery ([`super::mld`]) messages travel in.

use super::checksum::Checksum;
use super::cursor::{Reader, Writer};
use super::ipv6::{Ipv6Header, NextHeader};
use super::mld::{MulticastListenerQuery, MulticastRecords};
use super::ndp::{
    NeighborAdvertisement, NeighborSolicitation, Redirect, RouterAdvertisement, RouterSolicitation,
};
use super::{ParseError, Result};
use core::net::Ipv6Addr;

/// The type of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Icmpv6Type(pub u8);

impl Icmpv6Type {
    /// Destination Unreachable (RFC 4443, Section 3.1).
    pub const DESTINATION_UNREACHABLE: Self = Self(1);
    /// Packet Too Big (RFC 4443, Section 3.2).
    pub const PACKET_TOO_BIG: Self = Self(2);
    /// Time Exceeded (RFC 4443, Section 3.3).
    pub const TIME_EXCEEDED: Self = Self(3);
    /// Parameter Problem (RFC 4443, Section 3.4).
    pub const PARAMETER_PROBLEM: Self = Self(4);
    /// Echo Request (RFC 4443, Section 4.1).
    pub const ECHO_REQUEST: Self = Self(128);
    /// Echo Reply (RFC 4443, Section 4.2).
    pub const ECHO_REPLY: Self = Self(129);
    /// Multicast Listener Query (RFC 2710, RFC 3810).
    pub const MULTICAST_LISTENER_QUERY: Self = Self(130);
    /// Version 1 Multicast Listener Report (RFC 2710).
    pub const MULTICAST_LISTENER_REPORT: Self = Self(131);
    /// Multicast Listener Done (RFC 2710).
    pub const MULTICAST_LISTENER_DONE: Self = Self(132);
    /// Router Solicitation (RFC 4861, Section 4.1).
    pub const ROUTER_SOLICITATION: Self = Self(133);
    /// Router Advertisement (RFC 4861, Section 4.2).
    pub const ROUTER_ADVERTISEMENT: Self = Self(134);
    /// Neighbor Solicitation (RFC 4861, Section 4.3).
    pub const NEIGHBOR_SOLICITATION: Self = Self(135);
    /// Neighbor Advertisement (RFC 4861, Section 4.4).
    pub const NEIGHBOR_ADVERTISEMENT: Self = Self(136);
    /// Redirect (RFC 4861, Section 4.5).
    pub const REDIRECT: Self = Self(137);
    /// Version 2 Multicast Listener Report (RFC 3810, Section 5.2).
    pub const MULTICAST_LISTENER_REPORT_V2: Self = Self(143);

    /// Whether it is an error message: the high bit is zero (RFC 4443, Section 2.1).
    pub const fn is_error(self) -> bool {
        self.0 < 128
    }
}

/// An enum for a code field that keeps values without a meaning.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $code:ident = $value:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $name {
            $($(#[$doc])* $code,)*
            /// A code without a meaning here.
            Unknown(u8),
        }

        impl From<u8> for $name {
            fn from(code: u8) -> Self {
                match code {
                    $($value => Self::$code,)*
                    other => Self::Unknown(other),
                }
            }
        }

        impl From<$name> for u8 {
            fn from(code: $name) -> Self {
                match code {
                    $($name::$code => $value,)*
                    $name::Unknown(other) => other,
                }
            }
        }
    };
}

codes! {
    /// Why a destination is unreachable (RFC 4443, Section 3.1).
    DestinationUnreachableCode {
        /// No route to the destination.
        NoRoute = 0,
        /// Communication administratively prohibited.
        Prohibited = 1,
        /// Beyond the scope of the source address.
        BeyondScope = 2,
        /// Address unreachable, such as a neighbor that does not resolve.
        AddressUnreachable = 3,
        /// Port unreachable: no listener.
        PortUnreachable = 4,
        /// The source address failed an ingress or egress policy.
        SourceFailedPolicy = 5,
        /// Reject route to the destination.
        RejectRoute = 6,
    }
}

codes! {
    /// Which time was exceeded (RFC 4443, Section 3.3).
    TimeExceededCode {
        /// Hop limit exceeded in transit.
        HopLimit = 0,
        /// Fragment reassembly time exceeded.
        Reassembly = 1,
    }
}

codes! {
    /// What the problem is with a parameter (RFC 4443, Section 3.4).
    ParameterProblemCode {
        /// An erroneous header field.
        ErroneousField = 0,
        /// An unrecognized next header type.
        UnrecognizedNextHeader = 1,
        /// An unrecognized IPv6 option.
        UnrecognizedOption = 2,
        /// The first fragment lacks part of the header chain (RFC 7112, Section 5).
        IncompleteChain = 3,
    }
}

/// Echo request or reply.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Echo<'a> {
    /// Matches replies to the program that asks.
    pub identifier: u16,
    /// Matches replies to requests.
    pub sequence: u16,
    /// Any octets; the reply has the same.
    pub data: &'a [u8],
}

/// Octets in front of the data of an echo message and of the packet that an error quotes.
pub const HEADER_LEN: usize = 8;

/// Offset of the checksum field.
pub const CHECKSUM_OFFSET: usize = 2;

/// The most that an error message quotes, so that it fits the minimum MTU of 1280 together with
/// its IPv6 header (RFC 4443, Section 2.4(c)).
pub const MAX_INVOKING: usize = 1280 - Ipv6Header::LEN - HEADER_LEN;

/// A message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Icmpv6Message<'a> {
    /// A packet could not be delivered.
    DestinationUnreachable {
        /// Why.
        code: DestinationUnreachableCode,
        /// The beginning of the packet.
        invoking: &'a [u8],
    },
    /// A packet exceeds the MTU of a link on its way.
    PacketTooBig {
        /// That MTU, in octets.
        mtu: u32,
        /// The beginning of the packet.
        invoking: &'a [u8],
    },
    /// A packet was too long on its way.
    TimeExceeded {
        /// In which respect.
        code: TimeExceededCode,
        /// The beginning of the packet.
        invoking: &'a [u8],
    },
    /// A packet makes no sense.
    ParameterProblem {
        /// In which respect.
        code: ParameterProblemCode,
        /// Offset of the problem in the packet, possibly behind what is quoted of it.
        pointer: u32,
        /// The beginning of the packet.
        invoking: &'a [u8],
    },
    /// Asks for an echo reply.
    EchoRequest(Echo<'a>),
    /// Answers an echo request.
    EchoReply(Echo<'a>),
    /// Asks who listens to which groups.
    MulticastListenerQuery(MulticastListenerQuery<'a>),
    /// Version 1: somebody listens to the group.
    MulticastListenerReport(Ipv6Addr),
    /// Version 1: somebody stopped listening to the group.
    MulticastListenerDone(Ipv6Addr),
    /// Version 2: what somebody listens to, or has begun or stopped to.
    MulticastListenerReportV2(MulticastRecords<'a>),
    /// Asks for Router Advertisements.
    RouterSolicitation(RouterSolicitation<'a>),
    /// A router and what it knows of the link.
    RouterAdvertisement(RouterAdvertisement<'a>),
    /// Asks for a neighbor's link-layer address.
    NeighborSolicitation(NeighborSolicitation<'a>),
    /// A neighbor's link-layer address.
    NeighborAdvertisement(NeighborAdvertisement<'a>),
    /// A better first hop.
    Redirect(Redirect<'a>),
    /// Any other message.
    Unknown {
        /// Its type.
        kind: Icmpv6Type,
        /// Its code.
        code: u8,
        /// What follows the checksum.
        body: &'a [u8],
    },
}

impl<'a> Icmpv6Message<'a> {
    /// Parses a message, whose checksum [`super::checksum::verify`] has verified.
    ///
    /// A Neighbor Discovery message with a code other than zero is [`ParseError::BadValue`]
    /// (RFC 4861, Sections 6.1, 7.1 and 8.1); the other codes that have no meaning are ignored.
    pub fn parse(message: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(message);
        let kind = Icmpv6Type(reader.u8()?);
        let code = reader.u8()?;
        let _checksum = reader.u16()?;
        let body = reader.rest();
        if (Icmpv6Type::ROUTER_SOLICITATION..=Icmpv6Type::REDIRECT).contains(&kind) && code != 0 {
            return Err(ParseError::BadValue);
        }
        Ok(match kind {
            Icmpv6Type::DESTINATION_UNREACHABLE => {
                let _unused = reader.u32()?;
                Self::DestinationUnreachable { code: code.into(), invoking: reader.rest() }
            }
            Icmpv6Type::PACKET_TOO_BIG => {
                Self::PacketTooBig { mtu: reader.u32()?, invoking: reader.rest() }
            }
            Icmpv6Type::TIME_EXCEEDED => {
                let _unused = reader.u32()?;
                Self::TimeExceeded { code: code.into(), invoking: reader.rest() }
            }
            Icmpv6Type::PARAMETER_PROBLEM => Self::ParameterProblem {
                code: code.into(),
                pointer: reader.u32()?,
                invoking: reader.rest(),
            },
            Icmpv6Type::ECHO_REQUEST => Self::EchoRequest(Echo::parse(body)?),
            Icmpv6Type::ECHO_REPLY => Self::EchoReply(Echo::parse(body)?),
            Icmpv6Type::MULTICAST_LISTENER_QUERY => {
                Self::MulticastListenerQuery(MulticastListenerQuery::parse(body)?)
            }
            Icmpv6Type::MULTICAST_LISTENER_REPORT => {
                let _response_delay_and_reserved = reader.u32()?;
                Self::MulticastListenerReport(reader.address()?)
            }
            Icmpv6Type::MULTICAST_LISTENER_DONE => {
                let _response_delay_and_reserved = reader.u32()?;
                Self::MulticastListenerDone(reader.address()?)
            }
            Icmpv6Type::MULTICAST_LISTENER_REPORT_V2 => {
                Self::MulticastListenerReportV2(MulticastRecords::parse(body)?)
            }
            Icmpv6Type::ROUTER_SOLICITATION => {
                Self::RouterSolicitation(RouterSolicitation::parse(body)?)
            }
            Icmpv6Type::ROUTER_ADVERTISEMENT => {
                Self::RouterAdvertisement(RouterAdvertisement::parse(body)?)
            }
            Icmpv6Type::NEIGHBOR_SOLICITATION => {
                Self::NeighborSolicitation(NeighborSolicitation::parse(body)?)
            }
            Icmpv6Type::NEIGHBOR_ADVERTISEMENT => {
                Self::NeighborAdvertisement(NeighborAdvertisement::parse(body)?)
            }
            Icmpv6Type::REDIRECT => Self::Redirect(Redirect::parse(body)?),
            _ => Self::Unknown { kind, code, body },
        })
    }

    /// The type field.
    pub const fn kind(&self) -> Icmpv6Type {
        match self {
            Self::DestinationUnreachable { .. } => Icmpv6Type::DESTINATION_UNREACHABLE,
            Self::PacketTooBig { .. } => Icmpv6Type::PACKET_TOO_BIG,
            Self::TimeExceeded { .. } => Icmpv6Type::TIME_EXCEEDED,
            Self::ParameterProblem { .. } => Icmpv6Type::PARAMETER_PROBLEM,
            Self::EchoRequest(_) => Icmpv6Type::ECHO_REQUEST,
            Self::EchoReply(_) => Icmpv6Type::ECHO_REPLY,
            Self::MulticastListenerQuery(_) => Icmpv6Type::MULTICAST_LISTENER_QUERY,
            Self::MulticastListenerReport(_) => Icmpv6Type::MULTICAST_LISTENER_REPORT,
            Self::MulticastListenerDone(_) => Icmpv6Type::MULTICAST_LISTENER_DONE,
            Self::MulticastListenerReportV2(_) => Icmpv6Type::MULTICAST_LISTENER_REPORT_V2,
            Self::RouterSolicitation(_) => Icmpv6Type::ROUTER_SOLICITATION,
            Self::RouterAdvertisement(_) => Icmpv6Type::ROUTER_ADVERTISEMENT,
            Self::NeighborSolicitation(_) => Icmpv6Type::NEIGHBOR_SOLICITATION,
            Self::NeighborAdvertisement(_) => Icmpv6Type::NEIGHBOR_ADVERTISEMENT,
            Self::Redirect(_) => Icmpv6Type::REDIRECT,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    /// The code field.
    pub fn code(&self) -> u8 {
        match *self {
            Self::DestinationUnreachable { code, .. } => code.into(),
            Self::TimeExceeded { code, .. } => code.into(),
            Self::ParameterProblem { code, .. } => code.into(),
            Self::Unknown { code, .. } => code,
            _ => 0,
        }
    }

    /// Octets on the wire. Of an invoking packet, as much counts as is sent of it.
    pub fn len(&self) -> usize {
        4 + match self {
            Self::DestinationUnreachable { invoking, .. }
            | Self::PacketTooBig { invoking, .. }
            | Self::TimeExceeded { invoking, .. }
            | Self::ParameterProblem { invoking, .. } => 4 + invoking.len().min(MAX_INVOKING),
            Self::EchoRequest(echo) | Self::EchoReply(echo) => 4 + echo.data.len(),
            Self::MulticastListenerQuery(query) => query.body_len(),
            Self::MulticastListenerReport(_) | Self::MulticastListenerDone(_) => 20,
            Self::MulticastListenerReportV2(records) => records.body_len(),
            Self::RouterSolicitation(message) => message.body_len(),
            Self::RouterAdvertisement(message) => message.body_len(),
            Self::NeighborSolicitation(message) => message.body_len(),
            Self::NeighborAdvertisement(message) => message.body_len(),
            Self::Redirect(message) => message.body_len(),
            Self::Unknown { body, .. } => body.len(),
        }
    }

    /// Always false: a message has at least four octets.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes [`Self::len`] octets, with the checksum for a packet from `source` to the final
    /// `destination`.
    ///
    /// An invoking packet is cut to [`MAX_INVOKING`] octets.
    pub fn emit(&self, source: Ipv6Addr, destination: Ipv6Addr, out: &mut [u8]) {
        let out = &mut out[..self.len()];
        let writer = Writer::new(out).u8(self.kind().0).u8(self.code()).u16(0);
        match self {
            Self::DestinationUnreachable { invoking, .. } | Self::TimeExceeded { invoking, .. } => {
                writer.u32(0).bytes(quoted(invoking));
            }
            Self::PacketTooBig { mtu: word, invoking }
            | Self::ParameterProblem { pointer: word, invoking, .. } => {
                writer.u32(*word).bytes(quoted(invoking));
            }
            Self::EchoRequest(Echo { identifier, sequence, data })
            | Self::EchoReply(Echo { identifier, sequence, data }) => {
                writer.u16(*identifier).u16(*sequence).bytes(data);
            }
            Self::MulticastListenerQuery(query) => query.put(writer),
            Self::MulticastListenerReport(group) | Self::MulticastListenerDone(group) => {
                writer.u32(0).address(*group);
            }
            Self::MulticastListenerReportV2(records) => records.put(writer),
            Self::RouterSolicitation(message) => message.put(writer),
            Self::RouterAdvertisement(message) => message.put(writer),
            Self::NeighborSolicitation(message) => message.put(writer),
            Self::NeighborAdvertisement(message) => message.put(writer),
            Self::Redirect(message) => message.put(writer),
            Self::Unknown { body, .. } => {
                writer.bytes(body);
            }
        }
        fill_checksum(source, destination, out);
    }
}

impl<'a> Echo<'a> {
    fn parse(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        Ok(Self { identifier: reader.u16()?, sequence: reader.u16()?, data: reader.rest() })
    }
}

fn quoted(invoking: &[u8]) -> &[u8] {
    invoking.get(..MAX_INVOKING).unwrap_or(invoking)
}

/// Puts the right checksum into a message of at least four octets, whatever is in the field now.
pub fn fill_checksum(source: Ipv6Addr, destination: Ipv6Addr, message: &mut [u8]) {
    let field = CHECKSUM_OFFSET..CHECKSUM_OFFSET + 2;
    message[field.clone()].fill(0);
    let length = message.len() as u32;
    let mut sum = Checksum::pseudo_header(source, destination, NextHeader::ICMPV6, length);
    sum.add(message);
    message[field].copy_from_slice(&sum.finish().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::checksum;
    use proptest::prelude::*;

    const SOURCE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const DESTINATION: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

    fn emitted(message: &Icmpv6Message<'_>) -> Vec<u8> {
        let mut out = vec![0xff; message.len() + 2];
        message.emit(SOURCE, DESTINATION, &mut out);
        assert_eq!(out.split_off(message.len()), [0xff, 0xff]);
        assert!(checksum::verify(SOURCE, DESTINATION, NextHeader::ICMPV6, &out));
        out
    }

    #[test]
    fn echo_golden() {
        // The checksum is worked out in the tests of the checksum.
        let golden = [128, 0, 0x70, 0x83, 0x12, 0x34, 0, 1];
        let echo = Echo { identifier: 0x1234, sequence: 1, data: &[] };
        assert_eq!(emitted(&Icmpv6Message::EchoRequest(echo)), golden);
        assert_eq!(Icmpv6Message::parse(&golden), Ok(Icmpv6Message::EchoRequest(echo)));
        let reply = [129, 0, 0, 0, 0x12, 0x34, 0, 1, b'h', b'i'];
        let echo = Echo { data: b"hi", ..echo };
        assert_eq!(Icmpv6Message::parse(&reply), Ok(Icmpv6Message::EchoReply(echo)));
        for len in 0..8 {
            assert_eq!(Icmpv6Message::parse(&golden[..len]), Err(ParseError::Truncated));
        }
    }

    #[test]
    fn errors_golden() {
        use Icmpv6Message as M;
        let invoking = &[0x60, 0, 0][..];
        for (bytes, message) in [
            (
                [1, 4, 0, 0, 0, 0, 0, 0, 0x60, 0, 0],
                M::DestinationUnreachable {
                    code: DestinationUnreachableCode::PortUnreachable,
                    invoking,
                },
            ),
            ([2, 0, 0, 0, 0, 0, 5, 0, 0x60, 0, 0], M::PacketTooBig { mtu: 1280, invoking }),
            (
                [3, 1, 0, 0, 0, 0, 0, 0, 0x60, 0, 0],
                M::TimeExceeded { code: TimeExceededCode::Reassembly, invoking },
            ),
            (
                [4, 2, 0, 0, 0, 0, 0, 42, 0x60, 0, 0],
                M::ParameterProblem {
                    code: ParameterProblemCode::UnrecognizedOption,
                    pointer: 42,
                    invoking,
                },
            ),
        ] {
            assert_eq!(M::parse(&bytes), Ok(message));
            let mut out = emitted(&message);
            out[2..4].fill(0);
            assert_eq!(out, bytes);
            for len in 0..8 {
                assert_eq!(M::parse(&bytes[..len]), Err(ParseError::Truncated));
            }
        }
        // The code of Packet Too Big is ignored (RFC 4443, Section 3.2).
        let odd = [2, 0xff, 0, 0, 0, 0, 5, 0];
        assert_eq!(M::parse(&odd), Ok(M::PacketTooBig { mtu: 1280, invoking: &[] }));
    }

    #[test]
    fn an_error_quotes_no_more_than_fits_the_minimum_mtu() {
        let message = Icmpv6Message::PacketTooBig { mtu: 1400, invoking: &[0xab; 1500] };
        let out = emitted(&message);
        assert_eq!(Ipv6Header::LEN + out.len(), 1280);
        assert_eq!(out[8..], [0xab; MAX_INVOKING]);
    }

    #[test]
    fn unknown_types_and_codes_are_kept() {
        let bytes = [200, 9, 0, 0, 1, 2];
        let message = Icmpv6Message::Unknown { kind: Icmpv6Type(200), code: 9, body: &bytes[4..] };
        assert_eq!(Icmpv6Message::parse(&bytes), Ok(message));
        assert!(!message.kind().is_error() && Icmpv6Type(127).is_error());
        for code in 0..=255 {
            assert_eq!(u8::from(DestinationUnreachableCode::from(code)), code);
            assert_eq!(u8::from(TimeExceededCode::from(code)), code);
            assert_eq!(u8::from(ParameterProblemCode::from(code)), code);
        }
    }

    #[test]
    fn neighbor_discovery_has_code_zero() {
        for (kind, len) in [(133, 8), (134, 16), (135, 24), (136, 24), (137, 40)] {
            let mut bytes = vec![0; len];
            bytes[0] = kind;
            let valid = Icmpv6Message::parse(&bytes).unwrap();
            assert_eq!((valid.kind(), valid.len()), (Icmpv6Type(kind), len));
            bytes[1] = 1;
            assert_eq!(Icmpv6Message::parse(&bytes), Err(ParseError::BadValue));
        }
    }

    fn types() -> impl Strategy<Value = u8> {
        prop_oneof![1u8..=4, 128u8..=143, any::<u8>()]
    }

    proptest! {
        /// What parses is sent the same way again, but for ignored fields, and then for ever.
        /// Rows: QOS-12
        #[test]
        fn emit_inverts_parse(
            kind in types(),
            code in prop_oneof![3 => Just(0u8), 1 => any::<u8>()],
            body in proptest::collection::vec(
                prop_oneof![2 => Just(0u8), 2 => 1u8..8, 1 => any::<u8>()], 0..200,
            ),
        ) {
            let bytes = [&[kind, code, 0, 0][..], &body].concat();
            if let Ok(message) = Icmpv6Message::parse(&bytes) {
                let out = emitted(&message);
                prop_assert_eq!(Icmpv6Message::parse(&out), Ok(message));
                prop_assert_eq!(emitted(&Icmpv6Message::parse(&out).unwrap()), out);
            }
        }
    }
}
