//! Which packets are wanted: expressions as of pcap-filter(7), for IPv6 and Ethernet.
//!
//! Other than in libpcap a protocol is found behind extension headers, so `icmp6` shows reports of
//! multicast listeners too, and `tcp[tcpflags]` is found in IPv6 packets. It does not do: IPv4, more
//! arithmetic on octets than a mask, `gateway`, `protochain`, names of ports.

pub mod field;
pub mod parser;
pub mod program;
pub mod view;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::Ipv6Addr;

use field::Field;
use view::View;

/// Which end of a packet is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// One of them.
    #[default]
    Either,
    /// The source.
    Source,
    /// The destination.
    Destination,
    /// Both of them.
    Both,
}

impl Direction {
    fn holds(self, source: bool, destination: bool) -> bool {
        match self {
            Self::Either => source || destination,
            Self::Source => source,
            Self::Destination => destination,
            Self::Both => source && destination,
        }
    }
}

/// A question about a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// One of the addresses of a host.
    Host(Direction, Vec<Ipv6Addr>),
    /// An address of this prefix length and these bits.
    Network(Direction, Ipv6Addr, u8),
    /// A port of a range, of TCP or UDP, or of one of them.
    Port(Direction, Option<u8>, u16, u16),
    /// The transport protocol, or an extension header.
    Protocol(u8),
    /// An Ethernet address.
    Ethernet(Direction, [u8; 6]),
    /// The EtherType behind tags.
    Kind(u16),
    /// A VLAN tag, perhaps with this number.
    Vlan(Option<u16>),
    /// So many octets at least.
    AtLeast(usize),
    /// So many octets at most.
    AtMost(usize),
    /// To a multicast address of IPv6.
    Multicast,
    /// To a multicast address of Ethernet.
    EthernetMulticast,
    /// Octets of a header.
    Field(Field),
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A question.
    Test(Test),
    /// The opposite.
    Not(Box<Expression>),
    /// Both.
    And(Box<Expression>, Box<Expression>),
    /// One of them.
    Or(Box<Expression>, Box<Expression>),
}

impl Expression {
    /// Whether a packet is wanted.
    #[must_use]
    pub fn matches(&self, packet: &View<'_>) -> bool {
        match self {
            Self::Test(test) => test.holds(packet),
            Self::Not(inner) => !inner.matches(packet),
            Self::And(left, right) => left.matches(packet) && right.matches(packet),
            Self::Or(left, right) => left.matches(packet) || right.matches(packet),
        }
    }
}

/// Whether the first `length` bits are the same.
fn same_prefix(one: Ipv6Addr, other: Ipv6Addr, length: u8) -> bool {
    let difference = one.to_bits() ^ other.to_bits();
    difference.leading_zeros() >= u32::from(length.min(128))
}

impl Test {
    fn holds(&self, packet: &View<'_>) -> bool {
        match *self {
            Self::Host(direction, ref addresses) => {
                let inside = |address: Option<Ipv6Addr>| {
                    address.is_some_and(|address| addresses.contains(&address))
                };
                direction.holds(inside(packet.source), inside(packet.destination))
            }
            Self::Network(direction, prefix, length) => {
                let inside = |address: Option<Ipv6Addr>| {
                    address.is_some_and(|address| same_prefix(address, prefix, length))
                };
                direction.holds(inside(packet.source), inside(packet.destination))
            }
            Self::Port(direction, protocol, least, most) => {
                let inside =
                    |port: Option<u16>| port.is_some_and(|port| (least..=most).contains(&port));
                (protocol.is_none() || packet.transport == protocol)
                    && direction.holds(inside(packet.source_port), inside(packet.destination_port))
            }
            Self::Protocol(protocol) => packet.protocols.contains(&protocol),
            Self::Ethernet(direction, address) => packet.ethernet.is_some_and(|ends| {
                let (source, destination) = ends;
                direction.holds(source == address, destination == address)
            }),
            Self::Kind(kind) => packet.kind == Some(kind),
            Self::Vlan(number) => {
                packet.vlan.is_some_and(|found| number.is_none_or(|number| number == found))
            }
            Self::AtLeast(length) => packet.length >= length,
            Self::AtMost(length) => packet.length <= length,
            Self::Multicast => {
                packet.destination.is_some_and(|destination| destination.is_multicast())
            }
            Self::EthernetMulticast => {
                packet.ethernet.is_some_and(|(_, destination)| destination[0] & 1 != 0)
            }
            Self::Field(field) => field.holds(packet),
        }
    }
}
