//! Neighbor Discovery messages and their options (RFC 4861, Section 4).

use super::Frame;
use super::icmpv6::kind;
use crate::station::{Mac, PREFIX};
use std::net::Ipv6Addr;

/// What a Router Advertisement says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouterAdvertisement {
    /// Cur Hop Limit.
    pub hop_limit: u8,
    /// The octet with M, O, preference and more.
    pub flags: u8,
    /// Router Lifetime in seconds.
    pub lifetime: u16,
    /// Reachable Time in milliseconds.
    pub reachable_time: u32,
    /// Retrans Timer in milliseconds.
    pub retrans_timer: u32,
}

/// That of the common set-up.
impl Default for RouterAdvertisement {
    fn default() -> Self {
        Self { hop_limit: 64, flags: 0, lifetime: 600, reachable_time: 30_000, retrans_timer: 1000 }
    }
}

/// A Prefix Information option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrefixInformation {
    /// Prefix Length.
    pub length: u8,
    /// L flag.
    pub on_link: bool,
    /// A flag.
    pub autonomous: bool,
    /// Valid Lifetime in seconds.
    pub valid: u32,
    /// Preferred Lifetime in seconds.
    pub preferred: u32,
    /// Prefix.
    pub prefix: Ipv6Addr,
}

/// That of the common set-up.
impl Default for PrefixInformation {
    fn default() -> Self {
        Self {
            length: 64,
            on_link: true,
            autonomous: true,
            valid: 2_592_000,
            preferred: 604_800,
            prefix: PREFIX,
        }
    }
}

impl Frame {
    fn neighbor_discovery(self, kind: u8, body: &[u8]) -> Self {
        self.hop_limit(255).icmpv6(kind, 0, body)
    }

    /// A Router Solicitation.
    #[must_use]
    pub fn router_solicitation(self) -> Self {
        self.neighbor_discovery(kind::ROUTER_SOLICITATION, &[0; 4])
    }

    /// A Router Advertisement.
    #[must_use]
    pub fn router_advertisement(self, what: RouterAdvertisement) -> Self {
        let mut body = vec![what.hop_limit, what.flags];
        body.extend(what.lifetime.to_be_bytes());
        body.extend(what.reachable_time.to_be_bytes());
        body.extend(what.retrans_timer.to_be_bytes());
        self.neighbor_discovery(kind::ROUTER_ADVERTISEMENT, &body)
    }

    /// A Neighbor Solicitation.
    #[must_use]
    pub fn neighbor_solicitation(self, target: Ipv6Addr) -> Self {
        let body = [&[0; 4][..], &target.octets()].concat();
        self.neighbor_discovery(kind::NEIGHBOR_SOLICITATION, &body)
    }

    /// A Neighbor Advertisement with the flags in `flags`, such as "RSO" or "S".
    #[must_use]
    pub fn neighbor_advertisement(self, target: Ipv6Addr, flags: &str) -> Self {
        let bit = |letter: char, value: u8| if flags.contains(letter) { value } else { 0 };
        let first = bit('R', 0x80) | bit('S', 0x40) | bit('O', 0x20);
        let body = [&[first, 0, 0, 0][..], &target.octets()].concat();
        self.neighbor_discovery(kind::NEIGHBOR_ADVERTISEMENT, &body)
    }

    /// A Redirect.
    #[must_use]
    pub fn redirect(self, target: Ipv6Addr, destination: Ipv6Addr) -> Self {
        let body = [&[0; 4][..], &target.octets(), &destination.octets()].concat();
        self.neighbor_discovery(kind::REDIRECT, &body)
    }

    /// An option of any kind: `body` is what follows the length, padded to eight octets.
    #[must_use]
    pub fn option(mut self, kind: u8, body: &[u8]) -> Self {
        let length = (2 + body.len()).div_ceil(8);
        let start = self.upper.1.len();
        self.upper.1.extend([kind, length as u8]);
        self.upper.1.extend(body);
        self.upper.1.resize(start + length * 8, 0);
        self
    }

    /// An option that says its length is zero.
    #[must_use]
    pub fn option_of_length_zero(mut self) -> Self {
        self.upper.1.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        self
    }

    /// Source Link-Layer Address.
    #[must_use]
    pub fn source_link_layer(self, mac: Mac) -> Self {
        self.option(1, &mac.0)
    }

    /// Target Link-Layer Address.
    #[must_use]
    pub fn target_link_layer(self, mac: Mac) -> Self {
        self.option(2, &mac.0)
    }

    /// Prefix Information.
    #[must_use]
    pub fn prefix(self, what: PrefixInformation) -> Self {
        let flags = u8::from(what.on_link) << 7 | u8::from(what.autonomous) << 6;
        let mut body = vec![what.length, flags];
        body.extend(what.valid.to_be_bytes());
        body.extend(what.preferred.to_be_bytes());
        body.extend([0; 4]);
        body.extend(what.prefix.octets());
        self.option(3, &body)
    }

    /// Redirected Header: as much of the packet as fits.
    #[must_use]
    pub fn redirected_header(self, invoking: &[u8]) -> Self {
        let quoted = &invoking[..invoking.len().min(1128) & !7];
        self.option(4, &[&[0; 6][..], quoted].concat())
    }

    /// MTU.
    #[must_use]
    pub fn mtu(self, octets: u32) -> Self {
        self.option(5, &[&[0; 2][..], &octets.to_be_bytes()].concat())
    }

    /// Nonce (RFC 3971, Section 5.3.2).
    #[must_use]
    pub fn nonce(self, nonce: [u8; 6]) -> Self {
        self.option(14, &nonce)
    }

    /// Route Information (RFC 4191, Section 2.3): `preference` is the two bits.
    #[must_use]
    pub fn route_information(
        self,
        prefix: Ipv6Addr,
        length: u8,
        preference: u8,
        lifetime: u32,
    ) -> Self {
        let mut body = vec![length, preference << 3];
        body.extend(lifetime.to_be_bytes());
        body.extend(prefix.octets());
        self.option(24, &body)
    }
}
