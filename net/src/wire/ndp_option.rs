//! Options of Neighbor Discovery messages: RFC 4861, Section 4.6 (link-layer addresses, prefix
//! information, redirected header, MTU), RFC 4191 (route information), RFC 8106 (DNS), RFC 3971
//! (nonce), RFC 5175 (flags).

use super::address_list::AddressList;
use super::cursor::{Reader, Writer};
use super::dns_name::SearchList;
use super::{ParseError, Result};
use crate::address::Prefix;
use crate::netif::MacAddress;
use core::time::Duration;

/// The type of an option.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NdpOptionType(pub u8);

impl NdpOptionType {
    /// Source link-layer address (RFC 4861, Section 4.6.1).
    pub const SOURCE_LINK_LAYER_ADDRESS: Self = Self(1);
    /// Target link-layer address (RFC 4861, Section 4.6.1).
    pub const TARGET_LINK_LAYER_ADDRESS: Self = Self(2);
    /// Prefix information (RFC 4861, Section 4.6.2).
    pub const PREFIX_INFORMATION: Self = Self(3);
    /// Redirected header (RFC 4861, Section 4.6.3).
    pub const REDIRECTED_HEADER: Self = Self(4);
    /// MTU (RFC 4861, Section 4.6.4).
    pub const MTU: Self = Self(5);
    /// Nonce (RFC 3971, Section 5.3.2).
    pub const NONCE: Self = Self(14);
    /// Route information (RFC 4191, Section 2.3).
    pub const ROUTE_INFORMATION: Self = Self(24);
    /// Recursive DNS servers (RFC 8106, Section 5.1).
    pub const RECURSIVE_DNS_SERVER: Self = Self(25);
    /// More flags of a Router Advertisement (RFC 5175, Section 4).
    pub const FLAGS_EXTENSION: Self = Self(26);
    /// DNS search list (RFC 8106, Section 5.2).
    pub const DNS_SEARCH_LIST: Self = Self(31);
    /// Captive portal (RFC 8910, Section 2.3).
    pub const CAPTIVE_PORTAL: Self = Self(37);
    /// The prefix of a NAT64 (RFC 8781, Section 4).
    pub const PREF64: Self = Self(38);
}

/// How long something is to be believed, counted from its arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Lifetime(u32);

impl Lifetime {
    /// No longer.
    pub const ZERO: Self = Self(0);
    /// Forever: all ones.
    pub const INFINITE: Self = Self(u32::MAX);

    /// A lifetime of so many seconds; [`u32::MAX`] is [`Self::INFINITE`].
    pub const fn from_secs(secs: u32) -> Self {
        Self(secs)
    }

    /// Its seconds, as on the wire.
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// As a time span; `None` when it is infinite.
    pub const fn duration(self) -> Option<Duration> {
        match self {
            Self::INFINITE => None,
            Self(secs) => Some(Duration::from_secs(secs as u64)),
        }
    }
}

/// Which of several routers to prefer (RFC 4191, Section 2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum RouterPreference {
    /// Only when there is no other.
    Low,
    /// As usual.
    #[default]
    Medium,
    /// Before all others.
    High,
}

impl RouterPreference {
    /// The value of the two low bits; `None` for the reserved one.
    pub(super) const fn from_low_bits(bits: u8) -> Option<Self> {
        match bits & 0b11 {
            0b00 => Some(Self::Medium),
            0b01 => Some(Self::High),
            0b11 => Some(Self::Low),
            _ => None,
        }
    }

    pub(super) const fn bits(self) -> u8 {
        match self {
            Self::Medium => 0b00,
            Self::High => 0b01,
            Self::Low => 0b11,
        }
    }
}

/// Prefix information: what a router says about a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PrefixInformation {
    /// The prefix; the reserved bits behind its length are ignored.
    pub prefix: Prefix,
    /// L: its addresses are on the link.
    pub on_link: bool,
    /// A: hosts may form addresses from it.
    pub autonomous: bool,
    /// How long it is on the link, and addresses formed from it are valid.
    pub valid_lifetime: Lifetime,
    /// How long addresses formed from it are preferred.
    pub preferred_lifetime: Lifetime,
}

/// Route information: what can be reached through the router.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RouteInformation {
    /// The destinations.
    pub prefix: Prefix,
    /// How much the router wants the traffic.
    pub preference: RouterPreference,
    /// How long the route holds.
    pub lifetime: Lifetime,
}

/// One option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NdpOption<'a> {
    /// The sender's address.
    SourceLinkLayerAddress(MacAddress),
    /// The target's address.
    TargetLinkLayerAddress(MacAddress),
    /// A prefix of the link.
    PrefixInformation(PrefixInformation),
    /// The beginning of the packet that was redirected, and up to seven octets of padding.
    RedirectedHeader(&'a [u8]),
    /// The MTU of the link, in octets.
    Mtu(u32),
    /// Random octets that tell an own message that comes back from another's, six or more, and
    /// padding if that does not fill units of eight with the two octets in front.
    Nonce(&'a [u8]),
    /// A more specific route.
    RouteInformation(RouteInformation),
    /// DNS servers.
    RecursiveDnsServer {
        /// How long they may be used.
        lifetime: Lifetime,
        /// Their addresses, at least one.
        servers: AddressList<'a>,
    },
    /// Domains to complete short names with.
    DnsSearchList {
        /// How long they may be used.
        lifetime: Lifetime,
        /// Their names, at least one.
        domains: SearchList<'a>,
    },
    /// 48 more flags of a Router Advertisement.
    FlagsExtension([u8; 6]),
    /// An option unknown here.
    Unknown {
        /// Its type.
        kind: NdpOptionType,
        /// What follows its length field.
        body: &'a [u8],
    },
}

/// A known option whose body makes no sense; a receiver ignores it like an unknown one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MalformedOption {
    /// Its type.
    pub kind: NdpOptionType,
    /// What is wrong.
    pub error: ParseError,
}

impl<'a> NdpOption<'a> {
    /// The type field.
    pub const fn kind(&self) -> NdpOptionType {
        match self {
            Self::SourceLinkLayerAddress(_) => NdpOptionType::SOURCE_LINK_LAYER_ADDRESS,
            Self::TargetLinkLayerAddress(_) => NdpOptionType::TARGET_LINK_LAYER_ADDRESS,
            Self::PrefixInformation(_) => NdpOptionType::PREFIX_INFORMATION,
            Self::RedirectedHeader(_) => NdpOptionType::REDIRECTED_HEADER,
            Self::Mtu(_) => NdpOptionType::MTU,
            Self::Nonce(_) => NdpOptionType::NONCE,
            Self::RouteInformation(_) => NdpOptionType::ROUTE_INFORMATION,
            Self::RecursiveDnsServer { .. } => NdpOptionType::RECURSIVE_DNS_SERVER,
            Self::DnsSearchList { .. } => NdpOptionType::DNS_SEARCH_LIST,
            Self::FlagsExtension(_) => NdpOptionType::FLAGS_EXTENSION,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    fn parse(kind: NdpOptionType, body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        Ok(match kind {
            NdpOptionType::SOURCE_LINK_LAYER_ADDRESS => Self::SourceLinkLayerAddress(mac(body)?),
            NdpOptionType::TARGET_LINK_LAYER_ADDRESS => Self::TargetLinkLayerAddress(mac(body)?),
            NdpOptionType::PREFIX_INFORMATION if body.len() == 30 => {
                let length = reader.u8()?;
                let flags = reader.u8()?;
                let valid_lifetime = Lifetime(reader.u32()?);
                let preferred_lifetime = Lifetime(reader.u32()?);
                let _reserved = reader.u32()?;
                let prefix = Prefix::new(reader.address()?, length).ok_or(ParseError::BadValue)?;
                Self::PrefixInformation(PrefixInformation {
                    prefix,
                    on_link: flags & ON_LINK != 0,
                    autonomous: flags & AUTONOMOUS != 0,
                    valid_lifetime,
                    preferred_lifetime,
                })
            }
            NdpOptionType::REDIRECTED_HEADER => {
                let _reserved = reader.take(6)?;
                Self::RedirectedHeader(reader.rest())
            }
            NdpOptionType::MTU if body.len() == 6 => {
                let _reserved = reader.u16()?;
                Self::Mtu(reader.u32()?)
            }
            NdpOptionType::NONCE => Self::Nonce(body),
            NdpOptionType::ROUTE_INFORMATION => {
                Self::RouteInformation(RouteInformation::parse(body)?)
            }
            NdpOptionType::RECURSIVE_DNS_SERVER => {
                let _reserved = reader.u16()?;
                let lifetime = Lifetime(reader.u32()?);
                let servers = AddressList::parse(reader.rest())?;
                if servers.is_empty() {
                    return Err(ParseError::BadLength);
                }
                Self::RecursiveDnsServer { lifetime, servers }
            }
            NdpOptionType::DNS_SEARCH_LIST => {
                let _reserved = reader.u16()?;
                let lifetime = Lifetime(reader.u32()?);
                Self::DnsSearchList { lifetime, domains: SearchList::parse(reader.rest())? }
            }
            NdpOptionType::FLAGS_EXTENSION => Self::FlagsExtension(reader.array()?),
            NdpOptionType::PREFIX_INFORMATION | NdpOptionType::MTU => {
                return Err(ParseError::BadLength);
            }
            _ => Self::Unknown { kind, body },
        })
    }

    /// Octets of the option without padding.
    fn unpadded_len(&self) -> usize {
        2 + match self {
            Self::SourceLinkLayerAddress(_)
            | Self::TargetLinkLayerAddress(_)
            | Self::Mtu(_)
            | Self::FlagsExtension(_) => 6,
            Self::PrefixInformation(_) => 30,
            Self::RedirectedHeader(packet) => 6 + packet.len(),
            Self::RouteInformation(route) => 6 + route.prefix_octets(),
            Self::RecursiveDnsServer { servers, .. } => 6 + 16 * servers.len(),
            Self::DnsSearchList { domains, .. } => 6 + domains.as_bytes().len(),
            Self::Nonce(body) | Self::Unknown { body, .. } => body.len(),
        }
    }

    /// Octets on the wire, padding included: a multiple of eight.
    pub fn len(&self) -> usize {
        self.unpadded_len().next_multiple_of(8)
    }

    /// Always false: an option has at least eight octets.
    pub const fn is_empty(&self) -> bool {
        false
    }

    fn put<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        let units = self.len() / 8;
        assert!(units <= 255, "an option has at most 2040 octets");
        let writer = writer.u8(self.kind().0).u8(units as u8);
        let writer = match *self {
            Self::SourceLinkLayerAddress(mac) | Self::TargetLinkLayerAddress(mac) => {
                writer.mac(mac)
            }
            Self::PrefixInformation(PrefixInformation {
                prefix,
                on_link,
                autonomous,
                valid_lifetime,
                preferred_lifetime,
            }) => {
                let flags =
                    if on_link { ON_LINK } else { 0 } | if autonomous { AUTONOMOUS } else { 0 };
                writer
                    .u8(prefix.length())
                    .u8(flags)
                    .u32(valid_lifetime.0)
                    .u32(preferred_lifetime.0)
                    .u32(0)
                    .address(prefix.address())
            }
            Self::RedirectedHeader(packet) => writer.zeros(6).bytes(packet),
            Self::Mtu(mtu) => writer.u16(0).u32(mtu),
            Self::RouteInformation(route) => writer
                .u8(route.prefix.length())
                .u8(route.preference.bits() << ROUTE_PREFERENCE_SHIFT)
                .u32(route.lifetime.0)
                .bytes(&route.prefix.address().octets()[..route.prefix_octets()]),
            Self::RecursiveDnsServer { lifetime, servers } => {
                servers.put(writer.u16(0).u32(lifetime.0))
            }
            Self::DnsSearchList { lifetime, domains } => {
                writer.u16(0).u32(lifetime.0).bytes(domains.as_bytes())
            }
            Self::FlagsExtension(flags) => writer.bytes(&flags),
            Self::Nonce(body) | Self::Unknown { body, .. } => writer.bytes(body),
        };
        writer.zeros(self.len() - self.unpadded_len())
    }
}

const ON_LINK: u8 = 0x80;
const AUTONOMOUS: u8 = 0x40;
const ROUTE_PREFERENCE_SHIFT: u8 = 3;

/// An Ethernet address fills the option exactly (RFC 2464, Section 6).
fn mac(body: &[u8]) -> Result<MacAddress> {
    body.try_into().map(MacAddress).map_err(|_| ParseError::BadLength)
}

impl RouteInformation {
    fn parse(body: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let length = reader.u8()?;
        let flags = reader.u8()?;
        let lifetime = Lifetime(reader.u32()?);
        let field = reader.rest();
        if field.len() > 16 || field.len() * 8 < length.into() {
            return Err(ParseError::BadLength);
        }
        let mut address = [0; 16];
        for (to, from) in address.iter_mut().zip(field) {
            *to = *from;
        }
        // The reserved preference: "the Route Information Option MUST be ignored" (RFC 4191,
        // Section 2.3).
        let preference = RouterPreference::from_low_bits(flags >> ROUTE_PREFERENCE_SHIFT)
            .ok_or(ParseError::BadValue)?;
        let prefix = Prefix::new(address.into(), length).ok_or(ParseError::BadValue)?;
        Ok(Self { prefix, preference, lifetime })
    }

    /// Octets that the prefix takes: 0, 8 or 16.
    fn prefix_octets(&self) -> usize {
        usize::from(self.prefix.length()).div_ceil(64) * 8
    }
}

/// The options of a message: octets whose framing has been checked, or values to be sent.
#[derive(Clone, Copy, Debug)]
pub struct NdpOptions<'a>(Repr<'a>);

#[derive(Clone, Copy, Debug)]
enum Repr<'a> {
    Wire(&'a [u8]),
    Values(&'a [NdpOption<'a>]),
}

impl<'a> NdpOptions<'a> {
    /// No options.
    pub const EMPTY: Self = Self::new(&[]);

    /// Options to be sent.
    pub const fn new(options: &'a [NdpOption<'a>]) -> Self {
        Self(Repr::Values(options))
    }

    /// Checks that options fill `bytes` exactly, each with a length other than zero; else
    /// [`ParseError::BadLength`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            (_, _, rest) = split(rest).map_err(|_| ParseError::BadLength)?;
        }
        Ok(Self(Repr::Wire(bytes)))
    }

    /// Octets on the wire.
    pub fn len(&self) -> usize {
        match self.0 {
            Repr::Wire(bytes) => bytes.len(),
            Repr::Values(options) => options.iter().map(NdpOption::len).sum(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The options in order.
    pub const fn iter(self) -> NdpOptionIter<'a> {
        NdpOptionIter(self.0)
    }

    /// The options of a received message as they came: the type, and all octets.
    pub fn iter_octets(self) -> impl Iterator<Item = (NdpOptionType, &'a [u8])> {
        let mut rest = match self.0 {
            Repr::Wire(bytes) => bytes,
            Repr::Values(_) => &[],
        };
        core::iter::from_fn(move || {
            let (kind, _, after) = split(rest).ok()?;
            let option = rest.get(..rest.len() - after.len())?;
            rest = after;
            Some((kind, option))
        })
    }

    /// The address in the first source link-layer address option.
    pub fn source_link_layer_address(&self) -> Option<MacAddress> {
        self.iter().flatten().find_map(|option| match option {
            NdpOption::SourceLinkLayerAddress(mac) => Some(mac),
            _ => None,
        })
    }

    /// The address in the first target link-layer address option.
    pub fn target_link_layer_address(&self) -> Option<MacAddress> {
        self.iter().flatten().find_map(|option| match option {
            NdpOption::TargetLinkLayerAddress(mac) => Some(mac),
            _ => None,
        })
    }

    pub(super) fn put(&self, writer: Writer<'_>) {
        match self.0 {
            Repr::Wire(bytes) => drop(writer.bytes(bytes)),
            Repr::Values(options) => {
                options.iter().fold(writer, |writer, option| option.put(writer));
            }
        }
    }
}

impl PartialEq for NdpOptions<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for NdpOptions<'_> {}

impl<'a> IntoIterator for NdpOptions<'a> {
    type Item = core::result::Result<NdpOption<'a>, MalformedOption>;
    type IntoIter = NdpOptionIter<'a>;

    fn into_iter(self) -> NdpOptionIter<'a> {
        self.iter()
    }
}

/// Iterator over the options of a message.
#[derive(Clone, Debug)]
pub struct NdpOptionIter<'a>(Repr<'a>);

impl<'a> Iterator for NdpOptionIter<'a> {
    type Item = core::result::Result<NdpOption<'a>, MalformedOption>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Repr::Wire(bytes) => {
                let (kind, body, rest) = split(bytes).ok()?;
                *bytes = rest;
                let option = NdpOption::parse(kind, body);
                Some(option.map_err(|error| MalformedOption { kind, error }))
            }
            Repr::Values(options) => {
                let (option, rest) = options.split_first()?;
                *options = rest;
                Some(Ok(*option))
            }
        }
    }
}

/// Type and body of the first option of `bytes`, and what follows it.
fn split(bytes: &[u8]) -> Result<(NdpOptionType, &[u8], &[u8])> {
    let mut reader = Reader::new(bytes);
    let kind = NdpOptionType(reader.u8()?);
    let body_len = (usize::from(reader.u8()?) * 8).checked_sub(2).ok_or(ParseError::BadLength)?;
    Ok((kind, reader.take(body_len)?, reader.rest()))
}

#[cfg(test)]
mod tests;
