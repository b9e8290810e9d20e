//! The addresses of this host as `/proc/net/if_inet6` lists them.

use alloc::vec::Vec;
use core::net::Ipv6Addr;

/// Where they stand.
pub const FILE: &str = "/proc/net/if_inet6";

/// `IFA_F_DEPRECATED`.
const DEPRECATED: u32 = 0x20;
/// `IFA_F_TENTATIVE`: it can't be used yet.
const TENTATIVE: u32 = 0x40;
/// The scope number of link-local addresses there.
const LINK: u32 = 0x20;

/// One address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The address.
    pub address: Ipv6Addr,
    /// The number of its interface.
    pub interface: u32,
    /// How long its prefix is, which other hosts on the link have, too.
    pub prefix_length: u32,
    scope: u32,
    flags: u32,
}

impl Assigned {
    /// New connections should not use it any more (RFC 4862 section 5.5.4).
    #[must_use]
    pub const fn is_deprecated(&self) -> bool {
        self.flags & DEPRECATED != 0
    }

    /// It can be used on its link, whose other hosts can be reached with it.
    #[must_use]
    pub const fn opens_link(&self) -> bool {
        self.scope == LINK && self.flags & TENTATIVE == 0
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let bits = u128::from_str_radix(words.next().filter(|word| word.len() == 32)?, 16).ok()?;
        let mut number = || u32::from_str_radix(words.next()?, 16).ok();
        let (interface, prefix_length) = (number()?, number()?.min(128));
        let (scope, flags) = (number()?, number()?);
        let address = Ipv6Addr::from_bits(bits);
        Some(Self { address, interface, prefix_length, scope, flags })
    }
}

/// A link with other hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The number of the interface.
    pub index: u32,
    /// This host's addresses there.
    pub addresses: Vec<Assigned>,
}

impl Link {
    /// Whether an address is of the link, as far as this host can tell.
    #[must_use]
    pub fn is_near(&self, address: Ipv6Addr) -> bool {
        let common = |own: &Assigned| (own.address.to_bits() ^ address.to_bits()).leading_zeros();
        address.is_unicast_link_local()
            || self.addresses.iter().any(|own| common(own) >= own.prefix_length)
    }
}

/// The links in the text of the file.
#[must_use]
pub fn links(text: &str) -> Vec<Link> {
    let all: Vec<Assigned> = assigned(text).collect();
    let mut links: Vec<Link> = Vec::new();
    for address in all.iter().filter(|address| address.opens_link()) {
        let index = address.interface;
        if links.iter().all(|link| link.index != index) {
            let addresses = all.iter().filter(|other| other.interface == index).copied().collect();
            links.push(Link { index, addresses });
        }
    }
    links
}

/// The addresses in the text of the file.
pub fn assigned(text: &str) -> impl Iterator<Item = Assigned> {
    text.lines().filter_map(Assigned::parse)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Assigned, assigned, links};

    const TEXT: &str = "00000000000000000000000000000001 01 80 10 80       lo\n\
                        fe80000000000000505400fffe123457 02 40 20 80     usb0\n\
                        fe80000000000000505400fffe123458 03 40 20 c0     usb1\n\
                        fec0000000000000505400fffe123457 02 40 40 20     usb0\n\
                        nonsense\n";

    #[test]
    fn links_and_who_is_near() {
        let links = links(TEXT);
        let [link] = links.as_slice() else { panic!("{links:?}") };
        assert_eq!((link.index, link.addresses.len()), (2, 2));
        for (address, near) in
            [("fe80::1", true), ("fec0::1", true), ("fec0:0:0:1::1", false), ("2001:db8::1", false)]
        {
            assert_eq!(link.is_near(address.parse().unwrap()), near, "{address}");
        }
    }

    #[test]
    fn the_list_of_the_kernel() {
        let all: Vec<Assigned> = assigned(TEXT).collect();
        assert_eq!(all.len(), 4);
        let deprecated = all.iter().find(|one| one.is_deprecated()).unwrap();
        assert_eq!(
            deprecated.address,
            "fec0::5054:ff:fe12:3457".parse::<core::net::Ipv6Addr>().unwrap()
        );
    }
}
