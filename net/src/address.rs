//! Kinds and scopes of IPv6 addresses (RFC 4291, RFC 4007), prefixes and interface identifiers.
//!
//! Addresses themselves are [`core::net::Ipv6Addr`]; [`AddressExt`] adds what it lacks. Choosing
//! among addresses (RFC 6724) is not done here.

use crate::netif::MacAddress;
use core::fmt;
use core::net::Ipv6Addr;
use core::str::FromStr;

/// All nodes of this node: ff01::1 (RFC 4291, Section 2.7.1).
pub const ALL_NODES_OF_INTERFACE: Ipv6Addr = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 1);
/// All nodes on the link: ff02::1.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All routers on the link: ff02::2.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// All MLDv2-capable routers on the link: ff02::16 (RFC 3810, Section 11).
pub const MLDV2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
/// Link-local unicast prefix: fe80::/10 (RFC 4291, Section 2.5.6).
pub const LINK_LOCAL: Prefix = Prefix::literal(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10);
/// The one link-local subnet in use: fe80::/64.
pub const LINK_LOCAL_SUBNET: Prefix =
    Prefix::literal(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 64);
/// Multicast: ff00::/8 (RFC 4291, Section 2.7).
pub const MULTICAST: Prefix = Prefix::literal(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8);
/// Solicited-node multicast: ff02::1:ff00:0/104 (RFC 4291, Section 2.7.1).
pub const SOLICITED_NODE: Prefix =
    Prefix::literal(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0), 104);

/// How far an address means the same thing: the four bits of a multicast address's scope field
/// (RFC 4291, Section 2.7, and RFC 7346). Unicast addresses have one too (RFC 6724, Section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(u8);

impl Scope {
    /// 0: reserved; a packet to such a group is dropped.
    pub const RESERVED: Self = Self(0);
    /// 1: within one interface, for loopback.
    pub const INTERFACE_LOCAL: Self = Self(1);
    /// 2: one link.
    pub const LINK_LOCAL: Self = Self(2);
    /// 3: one network of the technology's own definition.
    pub const REALM_LOCAL: Self = Self(3);
    /// 4: configured by an administrator.
    pub const ADMIN_LOCAL: Self = Self(4);
    /// 5: one site.
    pub const SITE_LOCAL: Self = Self(5);
    /// 8: the sites of one organization.
    pub const ORGANIZATION_LOCAL: Self = Self(8);
    /// e: everywhere.
    pub const GLOBAL: Self = Self(0xe);

    /// The number in the scope field, 0 to 14.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The scope of the low four bits of `bits`, where f is treated as e
    /// (RFC 4291, Section 2.7).
    const fn from_low_bits(bits: u8) -> Self {
        match bits & 0xf {
            0xf => Self::GLOBAL,
            scope => Self(scope),
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::RESERVED => f.write_str("RESERVED"),
            Self::INTERFACE_LOCAL => f.write_str("INTERFACE_LOCAL"),
            Self::LINK_LOCAL => f.write_str("LINK_LOCAL"),
            Self::REALM_LOCAL => f.write_str("REALM_LOCAL"),
            Self::ADMIN_LOCAL => f.write_str("ADMIN_LOCAL"),
            Self::SITE_LOCAL => f.write_str("SITE_LOCAL"),
            Self::ORGANIZATION_LOCAL => f.write_str("ORGANIZATION_LOCAL"),
            Self::GLOBAL => f.write_str("GLOBAL"),
            Self(other) => write!(f, "Scope({other})"),
        }
    }
}

/// What the stack asks of an address beyond the standard library's methods.
pub trait AddressExt {
    /// Whether it is a group's, as [`Ipv6Addr::is_multicast`] says, but with the address looked at
    /// as one number. That is for the ways of a packet: asked for single octets, a compiler takes
    /// an address apart and writes it back in pieces, and a processor that reads them together
    /// again has to wait.
    fn is_group(&self) -> bool;

    /// The scope. Loopback is link-local, unique local addresses are global, fec0::/10 is
    /// site-local (RFC 6724, Section 3.1).
    fn scope(&self) -> Scope;

    /// Whether an interface could have it as its own: neither unspecified nor multicast.
    fn is_assignable(&self) -> bool;

    /// Whether it is only unique together with a zone: link-local unicast, or multicast of
    /// link-local or smaller scope (RFC 4007, Section 6).
    fn needs_zone(&self) -> bool;

    /// Whether it is ::ffff:0:0/96, which never appears on a wire (RFC 4942, Section 2.2).
    fn is_v4_mapped(&self) -> bool;

    /// Whether it is a solicited-node group.
    fn is_solicited_node(&self) -> bool;

    /// The solicited-node group of the address (RFC 4291, Section 2.7.1).
    fn solicited_node(&self) -> Ipv6Addr;

    /// The low 64 bits.
    fn interface_identifier(&self) -> InterfaceIdentifier;
}

impl AddressExt for Ipv6Addr {
    #[inline]
    fn is_group(&self) -> bool {
        self.to_bits() >> 120 == 0xff
    }

    fn scope(&self) -> Scope {
        let [first, second, ..] = self.octets();
        if self.is_multicast() {
            Scope::from_low_bits(second)
        } else if self.is_unicast_link_local() || self.is_loopback() {
            Scope::LINK_LOCAL
        } else if first == 0xfe && second & 0xc0 == 0xc0 {
            Scope::SITE_LOCAL
        } else {
            Scope::GLOBAL
        }
    }

    #[inline]
    fn is_assignable(&self) -> bool {
        !self.is_multicast() && !self.is_unspecified()
    }

    #[inline]
    fn needs_zone(&self) -> bool {
        self.is_unicast_link_local() || self.is_multicast() && self.scope() <= Scope::LINK_LOCAL
    }

    fn is_v4_mapped(&self) -> bool {
        self.to_ipv4_mapped().is_some()
    }

    fn is_solicited_node(&self) -> bool {
        SOLICITED_NODE.contains(*self)
    }

    fn solicited_node(&self) -> Ipv6Addr {
        SOLICITED_NODE.join(self.to_bits())
    }

    fn interface_identifier(&self) -> InterfaceIdentifier {
        InterfaceIdentifier(self.to_bits() as u64)
    }
}

/// How many bits `a` and `b` have in common at the front: 0 to 128.
pub const fn common_prefix_len(a: Ipv6Addr, b: Ipv6Addr) -> u8 {
    (a.to_bits() ^ b.to_bits()).leading_zeros() as u8
}

/// A set of addresses with the same first bits. The bits behind the length are zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: Ipv6Addr,
    length: u8,
}

impl Prefix {
    /// Everything: ::/0.
    pub const ALL: Self = Self { address: Ipv6Addr::UNSPECIFIED, length: 0 };

    /// The prefix of `length` bits that `address` is in; `None` when `length` exceeds 128.
    pub const fn new(address: Ipv6Addr, length: u8) -> Option<Self> {
        if length > 128 {
            return None;
        }
        let address = Ipv6Addr::from_bits(address.to_bits() & mask(length));
        Some(Self { address, length })
    }

    /// The prefix of one address.
    pub const fn host(address: Ipv6Addr) -> Self {
        Self { address, length: 128 }
    }

    const fn literal(address: Ipv6Addr, length: u8) -> Self {
        match Self::new(address, length) {
            Some(prefix) => prefix,
            None => panic!("a prefix has at most 128 bits"),
        }
    }

    /// The first address.
    pub const fn address(self) -> Ipv6Addr {
        self.address
    }

    /// The number of bits that all addresses share.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Whether `address` is in it.
    pub const fn contains(self, address: Ipv6Addr) -> bool {
        common_prefix_len(self.address, address) >= self.length
    }

    /// Whether all of `other` is in it.
    pub const fn covers(self, other: Self) -> bool {
        self.length <= other.length && self.contains(other.address)
    }

    /// The address that `identifier` has in this subnet; `None` unless the prefix leaves exactly
    /// the identifier's 64 bits (RFC 4862, Section 5.5.3(d)).
    pub const fn with_interface_identifier(
        self,
        identifier: InterfaceIdentifier,
    ) -> Option<Ipv6Addr> {
        if self.length == 64 { Some(self.join(identifier.0 as u128)) } else { None }
    }

    /// The prefix followed by as many of the low bits as there is room for.
    const fn join(self, bits: u128) -> Ipv6Addr {
        Ipv6Addr::from_bits(self.address.to_bits() | bits & !mask(self.length))
    }
}

/// `length` ones, then zeros; `length` is at most 128.
const fn mask(length: u8) -> u128 {
    match u128::MAX.checked_shl(128 - length as u32) {
        Some(mask) => mask,
        None => 0,
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text is not a prefix in the form `address/length`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParsePrefixError;

impl fmt::Display for ParsePrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an IPv6 prefix")
    }
}

impl core::error::Error for ParsePrefixError {}

impl FromStr for Prefix {
    type Err = ParsePrefixError;

    fn from_str(text: &str) -> Result<Self, ParsePrefixError> {
        let (address, length) = text.split_once('/').ok_or(ParsePrefixError)?;
        let address = address.parse().map_err(|_| ParsePrefixError)?;
        let length = length.parse().map_err(|_| ParsePrefixError)?;
        Self::new(address, length).ok_or(ParsePrefixError)
    }
}

/// The part of an address that names an interface on its subnet: 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InterfaceIdentifier(pub u64);

impl InterfaceIdentifier {
    /// The modified EUI-64 identifier of an Ethernet address (RFC 4291, Appendix A).
    pub const fn from_mac(mac: MacAddress) -> Self {
        let mac = mac.0;
        Self(u64::from_be_bytes([
            mac[0] ^ 0x02,
            mac[1],
            mac[2],
            0xff,
            0xfe,
            mac[3],
            mac[4],
            mac[5],
        ]))
    }

    /// Whether it must not be used for an interface (RFC 5453, Section 3): the subnet-router
    /// anycast address, the reserved subnet anycast addresses (RFC 2526) and the block of
    /// Ethernet addresses of IANA.
    pub const fn is_reserved(self) -> bool {
        matches!(
            self.0,
            0 | 0x0200_5eff_fe00_0000..=0x0200_5eff_feff_ffff
                | 0xfdff_ffff_ffff_ff80..=0xfdff_ffff_ffff_ffff
        )
    }
}

impl fmt::Debug for InterfaceIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    proptest! {
        #[test]
        fn a_group_is_a_multicast_address(rest in any::<u128>(), first in 0xf0..=0xffu128) {
            for bits in [rest, rest >> 8 | first << 120] {
                let address = Ipv6Addr::from_bits(bits);
                prop_assert_eq!(address.is_group(), address.is_multicast());
            }
        }
    }

    /// Rows: ADR-9, ADR-13
    #[test]
    fn scopes() {
        for (address, scope) in [
            ("::", Scope::GLOBAL),
            ("::1", Scope::LINK_LOCAL),
            ("fe80::1", Scope::LINK_LOCAL),
            ("febf::1", Scope::LINK_LOCAL),
            ("fec0::1", Scope::SITE_LOCAL),
            ("feff::1", Scope::SITE_LOCAL),
            ("fd00::1", Scope::GLOBAL),
            ("2001:db8::1", Scope::GLOBAL),
            ("ff00::1", Scope::RESERVED),
            ("ff01::1", Scope::INTERFACE_LOCAL),
            ("ff12::1", Scope::LINK_LOCAL),
            ("ff05::2", Scope::SITE_LOCAL),
            ("ff38::1", Scope::ORGANIZATION_LOCAL),
            ("ff7e::1", Scope::GLOBAL),
            ("ff0f::1", Scope::GLOBAL),
        ] {
            assert_eq!(ip(address).scope(), scope, "{address}");
        }
    }

    #[test]
    fn kinds() {
        for (address, assignable, zone, mapped) in [
            ("::", false, false, false),
            ("::1", true, false, false),
            ("fe80::1", true, true, false),
            ("2001:db8::1", true, false, false),
            ("::ffff:1.2.3.4", true, false, true),
            ("ff02::1", false, true, false),
            ("ff01::1", false, true, false),
            ("ff05::1", false, false, false),
        ] {
            let ip = ip(address);
            assert_eq!(ip.is_assignable(), assignable, "{address}");
            assert_eq!(ip.needs_zone(), zone, "{address}");
            assert_eq!(ip.is_v4_mapped(), mapped, "{address}");
        }
    }

    #[test]
    fn solicited_node_groups() {
        let group = ip("4037::01:800:200e:8c6c").solicited_node();
        assert_eq!(group, ip("ff02::1:ff0e:8c6c")); // the example of RFC 4291
        assert!(group.is_solicited_node());
        assert!(!ip("ff02::1:fe0e:8c6c").is_solicited_node());
    }

    #[test]
    fn prefixes_hold_what_shares_their_bits() {
        let subnet = prefix("2001:db8:0:fffe::1/63");
        assert_eq!(subnet.address(), ip("2001:db8:0:fffe::"));
        assert_eq!(subnet.to_string(), "2001:db8:0:fffe::/63");
        assert!(subnet.contains(ip("2001:db8:0:ffff:ffff:ffff:ffff:ffff")));
        assert!(!subnet.contains(ip("2001:db8:0:fffd:ffff:ffff:ffff:ffff")));
        assert!(subnet.covers(subnet) && Prefix::ALL.covers(subnet) && !subnet.covers(Prefix::ALL));
        assert!(Prefix::ALL.contains(ip("ff02::1")));
        let host = Prefix::host(ip("::1"));
        assert!(host.contains(ip("::1")) && !host.contains(ip("::")));
        assert_eq!(Prefix::new(ip("::1"), 129), None);
        for text in ["", "::", "::/", "/64", "::/129", "::/-1", "1.2.3.4/8", "::/64/64"] {
            assert_eq!(text.parse::<Prefix>(), Err(ParsePrefixError), "{text}");
        }
    }

    #[test]
    fn eui_64() {
        let identifier =
            InterfaceIdentifier::from_mac(MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]));
        assert_eq!(
            LINK_LOCAL_SUBNET.with_interface_identifier(identifier),
            Some(ip("fe80::5054:ff:fe12:3456"))
        );
        assert_eq!(LINK_LOCAL.with_interface_identifier(identifier), None);
        assert_eq!(prefix("::/65").with_interface_identifier(identifier), None);
        assert_eq!(ip("2001:db8::5054:ff:fe12:3456").interface_identifier(), identifier);
    }

    /// Rows: ADR-10
    #[test]
    fn reserved_identifiers() {
        for (identifier, reserved) in [
            (0, true),
            (1, false),
            (0x0200_5eff_fdff_ffff, false),
            (0x0200_5eff_fe00_0000, true),
            (0x0200_5eff_feff_ffff, true),
            (0x0200_5eff_ff00_0000, false),
            (0xfdff_ffff_ffff_ff7f, false),
            (0xfdff_ffff_ffff_ff80, true),
            (0xfdff_ffff_ffff_ffff, true),
            (0xfe00_0000_0000_0000, false),
        ] {
            assert_eq!(InterfaceIdentifier(identifier).is_reserved(), reserved, "{identifier:x}");
        }
    }

    proptest! {
        #[test]
        fn common_bits(a: u128, length in 0u8..=128) {
            let a = Ipv6Addr::from_bits(a);
            let prefix = Prefix::new(a, length).unwrap();
            prop_assert!(prefix.contains(a));
            prop_assert_eq!(prefix.to_string().parse(), Ok(prefix));
            if length > 0 {
                let outside = Ipv6Addr::from_bits(a.to_bits() ^ 1 << (128 - length));
                prop_assert_eq!(common_prefix_len(a, outside), length - 1);
                prop_assert!(!prefix.contains(outside));
            }
        }
    }
}
