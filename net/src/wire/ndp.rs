//! Neighbor Discovery messages (RFC 4861, Section 4). Their options are in [`super::ndp_option`].
//!
//! The structures hold what follows the ICMPv6 checksum; [`super::icmpv6::Icmpv6Message`] holds
//! them. A message with an option of length zero or one that runs past its end does not parse
//! (RFC 4861, Sections 4.6 and 6.1).

use super::Result;
use super::checksum::Checksum;
use super::cursor::{Reader, Writer};
use super::icmpv6::Icmpv6Type;
use super::ipv6::{HopLimit, NextHeader};
use super::ndp_option::{NdpOptionType, NdpOptions, RouterPreference};
use crate::netif::MacAddress;
use core::net::Ipv6Addr;
use core::time::Duration;

/// Router Solicitation (RFC 4861, Section 4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouterSolicitation<'a> {
    /// Valid here: source link-layer address.
    pub options: NdpOptions<'a>,
}

impl<'a> RouterSolicitation<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let _reserved = reader.u32()?;
        Ok(Self { options: NdpOptions::parse(reader.rest())? })
    }

    pub(super) fn body_len(&self) -> usize {
        4 + self.options.len()
    }

    pub(super) fn put(&self, writer: Writer<'_>) {
        let Self { options } = self;
        options.put(writer.u32(0));
    }
}

/// Router Advertisement (RFC 4861, Section 4.2). `None` is a field that the router leaves
/// unspecified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouterAdvertisement<'a> {
    /// The hop limit that hosts should use.
    pub hop_limit: Option<HopLimit>,
    /// M: addresses are available by DHCPv6.
    pub managed: bool,
    /// O: other configuration is available by DHCPv6.
    pub other: bool,
    /// How much the router wants to be a default router (RFC 4191, Section 2.2); the reserved
    /// value is read as medium.
    pub preference: RouterPreference,
    /// How long it is a default router: whole seconds up to 65535, zero if it is none.
    pub router_lifetime: Duration,
    /// How long a neighbor is taken to be reachable: whole milliseconds.
    pub reachable_time: Option<Duration>,
    /// Time between retransmitted solicitations: whole milliseconds.
    pub retrans_timer: Option<Duration>,
    /// Valid here: source link-layer address, MTU, prefix and route information, DNS.
    pub options: NdpOptions<'a>,
}

impl<'a> RouterAdvertisement<'a> {
    const MANAGED: u8 = 0x80;
    const OTHER: u8 = 0x40;
    const PREFERENCE_SHIFT: u8 = 3;

    pub(super) fn parse(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let hop_limit = reader.u8()?;
        let flags = reader.u8()?;
        Ok(Self {
            hop_limit: (hop_limit != 0).then_some(HopLimit(hop_limit)),
            managed: flags & Self::MANAGED != 0,
            other: flags & Self::OTHER != 0,
            preference: RouterPreference::from_low_bits(flags >> Self::PREFERENCE_SHIFT)
                .unwrap_or(RouterPreference::Medium),
            router_lifetime: Duration::from_secs(reader.u16()?.into()),
            reachable_time: milliseconds(reader.u32()?),
            retrans_timer: milliseconds(reader.u32()?),
            options: NdpOptions::parse(reader.rest())?,
        })
    }

    pub(super) fn body_len(&self) -> usize {
        12 + self.options.len()
    }

    pub(super) fn put(&self, writer: Writer<'_>) {
        let Self {
            hop_limit,
            managed,
            other,
            preference,
            router_lifetime,
            reachable_time,
            retrans_timer,
            options,
        } = self;
        let flags = if *managed { Self::MANAGED } else { 0 }
            | if *other { Self::OTHER } else { 0 }
            | preference.bits() << Self::PREFERENCE_SHIFT;
        let writer = writer
            .u8(hop_limit.map_or(0, |hop_limit| hop_limit.0))
            .u8(flags)
            .u16(u16::try_from(router_lifetime.as_secs()).unwrap_or(u16::MAX))
            .u32(from_milliseconds(*reachable_time))
            .u32(from_milliseconds(*retrans_timer));
        options.put(writer);
    }
}

fn milliseconds(field: u32) -> Option<Duration> {
    (field != 0).then_some(Duration::from_millis(field.into()))
}

fn from_milliseconds(time: Option<Duration>) -> u32 {
    time.map_or(0, |time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
}

/// Neighbor Solicitation (RFC 4861, Section 4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NeighborSolicitation<'a> {
    /// Whose link-layer address is asked for.
    pub target: Ipv6Addr,
    /// Valid here: source link-layer address, nonce.
    pub options: NdpOptions<'a>,
}

impl<'a> NeighborSolicitation<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let _reserved = reader.u32()?;
        Ok(Self { target: reader.address()?, options: NdpOptions::parse(reader.rest())? })
    }

    pub(super) fn body_len(&self) -> usize {
        20 + self.options.len()
    }

    pub(super) fn put(&self, writer: Writer<'_>) {
        let Self { target, options } = self;
        options.put(writer.u32(0).address(*target));
    }
}

/// A solicitation as nearly all are that ask for an address in use: a source link-layer address is
/// its only option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlainSolicitation {
    /// Whose link-layer address is asked for.
    pub target: Ipv6Addr,
    /// Who asks.
    pub source: MacAddress,
}

/// Octets of a plain message, ICMPv6 header and option included.
const PLAIN_LEN: usize = 32;

impl PlainSolicitation {
    /// Reads a whole message, ICMPv6 header included; `None` for all others. The checksum is not
    /// looked at.
    #[inline]
    pub fn parse(message: &[u8]) -> Option<Self> {
        let message: &[u8; PLAIN_LEN] = message.try_into().ok()?;
        let &[kind, code, _, _, _, _, _, _, ref rest @ ..] = message;
        let (target, option) = rest.split_first_chunk()?;
        let &[option, length, ref source @ ..] = option.first_chunk::<8>()?;
        let (target, source) = (Ipv6Addr::from(*target), MacAddress(*source));
        let plain = (kind, code) == (Icmpv6Type::NEIGHBOR_SOLICITATION.0, 0)
            && (option, length) == (NdpOptionType::SOURCE_LINK_LAYER_ADDRESS.0, 1)
            && source.is_station();
        plain.then_some(Self { target, source })
    }
}

/// The answer to a [`PlainSolicitation`]: solicited, from the target itself, not by a router, and
/// better than what is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlainAdvertisement {
    /// Whose link-layer address is told.
    pub target: Ipv6Addr,
    /// The address.
    pub mac: MacAddress,
}

impl PlainAdvertisement {
    /// Writes a whole message to `destination`, ICMPv6 header and checksum included.
    #[inline]
    pub fn emit(&self, destination: Ipv6Addr, out: &mut [u8; PLAIN_LEN]) {
        let flags = NeighborAdvertisement::SOLICITED | NeighborAdvertisement::OVERRIDE;
        let kind = u16::from_be_bytes([Icmpv6Type::NEIGHBOR_ADVERTISEMENT.0, 0]);
        let [m0, m1, m2, m3, m4, m5] = self.mac.0;
        let option = [NdpOptionType::TARGET_LINK_LAYER_ADDRESS.0, 1, m0, m1, m2, m3, m4, m5];
        // Summed from its parts: reading what was just written in pieces takes longer.
        let mut sum =
            Checksum::pseudo_header(self.target, destination, NextHeader::ICMPV6, PLAIN_LEN as u32);
        sum.add_word(kind);
        sum.add_words([flags.to_be()]);
        sum.add_address(self.target);
        sum.add_long(u64::from_ne_bytes(option));
        Writer::new(out).u16(kind).u16(sum.finish()).u32(flags).address(self.target).bytes(&option);
    }
}

/// Neighbor Advertisement (RFC 4861, Section 4.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NeighborAdvertisement<'a> {
    /// R: the sender is a router.
    pub router: bool,
    /// S: it answers a solicitation.
    pub solicited: bool,
    /// O: it should replace a link-layer address that is already known.
    pub overrides: bool,
    /// Whose link-layer address is told.
    pub target: Ipv6Addr,
    /// Valid here: target link-layer address.
    pub options: NdpOptions<'a>,
}

impl<'a> NeighborAdvertisement<'a> {
    const ROUTER: u32 = 1 << 31;
    const SOLICITED: u32 = 1 << 30;
    const OVERRIDE: u32 = 1 << 29;

    pub(super) fn parse(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let flags = reader.u32()?;
        Ok(Self {
            router: flags & Self::ROUTER != 0,
            solicited: flags & Self::SOLICITED != 0,
            overrides: flags & Self::OVERRIDE != 0,
            target: reader.address()?,
            options: NdpOptions::parse(reader.rest())?,
        })
    }

    pub(super) fn body_len(&self) -> usize {
        20 + self.options.len()
    }

    pub(super) fn put(&self, writer: Writer<'_>) {
        let Self { router, solicited, overrides, target, options } = self;
        let flags = if *router { Self::ROUTER } else { 0 }
            | if *solicited { Self::SOLICITED } else { 0 }
            | if *overrides { Self::OVERRIDE } else { 0 };
        options.put(writer.u32(flags).address(*target));
    }
}

/// Redirect (RFC 4861, Section 4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Redirect<'a> {
    /// The better first hop; the destination itself when that is a neighbor.
    pub target: Ipv6Addr,
    /// The destination that is redirected.
    pub destination: Ipv6Addr,
    /// Valid here: target link-layer address, redirected header.
    pub options: NdpOptions<'a>,
}

impl<'a> Redirect<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let _reserved = reader.u32()?;
        Ok(Self {
            target: reader.address()?,
            destination: reader.address()?,
            options: NdpOptions::parse(reader.rest())?,
        })
    }

    pub(super) fn body_len(&self) -> usize {
        36 + self.options.len()
    }

    pub(super) fn put(&self, writer: Writer<'_>) {
        let Self { target, destination, options } = self;
        options.put(writer.u32(0).address(*target).address(*destination));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ParseError;
    use crate::wire::icmpv6::Icmpv6Message;
    use crate::wire::ndp_option::NdpOption;

    const MAC: MacAddress = MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
    const TARGET: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 7);

    /// Both directions, without the checksum; then every shorter message: valid where an option
    /// ends, else refused.
    fn check(message: &Icmpv6Message<'_>, golden: &[u8], whole: &[usize]) {
        let mut out = vec![0; message.len()];
        message.emit(Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST, &mut out);
        out[2..4].fill(0);
        assert_eq!(out, golden);
        assert_eq!(Icmpv6Message::parse(golden).as_ref(), Ok(message));
        for len in 0..golden.len() {
            let expected = match (whole.contains(&len), len < whole[0]) {
                (true, _) => None,
                (false, true) => Some(ParseError::Truncated),
                (false, false) => Some(ParseError::BadLength),
            };
            assert_eq!(Icmpv6Message::parse(&golden[..len]).err(), expected, "{len}");
        }
    }

    #[test]
    fn router_solicitation() {
        let options = [NdpOption::SourceLinkLayerAddress(MAC)];
        let message = RouterSolicitation { options: NdpOptions::new(&options) };
        let golden = [133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56];
        check(&Icmpv6Message::RouterSolicitation(message), &golden, &[8]);
        assert_eq!(message.options.source_link_layer_address(), Some(MAC));
        assert_eq!(message.options.target_link_layer_address(), None);
    }

    #[test]
    fn router_advertisement() {
        let options = [NdpOption::Mtu(1400)];
        let message = RouterAdvertisement {
            hop_limit: Some(HopLimit(64)),
            managed: true,
            other: true,
            preference: RouterPreference::High,
            router_lifetime: Duration::from_mins(30),
            reachable_time: Some(Duration::from_secs(30)),
            retrans_timer: None,
            options: NdpOptions::new(&options),
        };
        let golden = [
            134, 0, 0, 0, 64, 0xc8, 0x07, 0x08, 0, 0, 0x75, 0x30, 0, 0, 0, 0, // header
            5, 1, 0, 0, 0, 0, 0x05, 0x78, // MTU
        ];
        check(&Icmpv6Message::RouterAdvertisement(message), &golden, &[16]);
        for (flags, preference) in [
            (0x00, RouterPreference::Medium),
            (0x08, RouterPreference::High),
            (0x10, RouterPreference::Medium), // reserved
            (0x18, RouterPreference::Low),
        ] {
            let mut bytes = golden;
            bytes[5] = flags;
            let Ok(Icmpv6Message::RouterAdvertisement(parsed)) = Icmpv6Message::parse(&bytes)
            else {
                panic!("{flags}");
            };
            assert_eq!(
                (parsed.preference, parsed.managed, parsed.other),
                (preference, false, false)
            );
        }
    }

    #[test]
    fn times_that_exceed_their_fields_are_sent_as_the_most() {
        let message = Icmpv6Message::RouterAdvertisement(RouterAdvertisement {
            hop_limit: None,
            managed: false,
            other: false,
            preference: RouterPreference::Medium,
            router_lifetime: Duration::from_secs(65_536),
            reachable_time: Some(Duration::MAX),
            retrans_timer: Some(Duration::from_millis(1)),
            options: NdpOptions::EMPTY,
        });
        let mut out = [0; 16];
        message.emit(Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST, &mut out);
        assert_eq!(out[4..], [0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1]);
    }

    #[test]
    fn neighbor_solicitation() {
        let options = [NdpOption::Nonce(&[1, 2, 3, 4, 5, 6])];
        let message = NeighborSolicitation { target: TARGET, options: NdpOptions::new(&options) };
        let golden = [
            135, 0, 0, 0, 0, 0, 0, 0, // header
            0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, // target
            14, 1, 1, 2, 3, 4, 5, 6, // nonce
        ];
        check(&Icmpv6Message::NeighborSolicitation(message), &golden, &[24]);
    }

    #[test]
    fn neighbor_advertisement() {
        let options = [NdpOption::TargetLinkLayerAddress(MAC)];
        let message = NeighborAdvertisement {
            router: true,
            solicited: false,
            overrides: true,
            target: TARGET,
            options: NdpOptions::new(&options),
        };
        let golden = [
            136, 0, 0, 0, 0xa0, 0, 0, 0, // header
            0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, // target
            2, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56,
        ];
        check(&Icmpv6Message::NeighborAdvertisement(message), &golden, &[24]);
        assert_eq!(message.options.target_link_layer_address(), Some(MAC));
    }

    #[test]
    fn redirect() {
        let options =
            [NdpOption::TargetLinkLayerAddress(MAC), NdpOption::RedirectedHeader(&[0x60; 8])];
        let message = Redirect {
            target: TARGET,
            destination: Ipv6Addr::LOCALHOST,
            options: NdpOptions::new(&options),
        };
        let golden = [
            137, 0, 0, 0, 0, 0, 0, 0, // header
            0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, // target
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // destination
            2, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56, //
            4, 2, 0, 0, 0, 0, 0, 0, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60, 0x60,
        ];
        check(&Icmpv6Message::Redirect(message), &golden, &[40, 48]);
    }

    #[test]
    fn reserved_fields_are_ignored() {
        let mut bytes = [0xff; 24];
        bytes[..2].copy_from_slice(&[135, 0]);
        let message = NeighborSolicitation {
            target: Ipv6Addr::from_bits(u128::MAX),
            options: NdpOptions::EMPTY,
        };
        assert_eq!(Icmpv6Message::parse(&bytes), Ok(Icmpv6Message::NeighborSolicitation(message)));
    }
}
