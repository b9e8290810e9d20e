//! The addresses of this host as `/proc/net/if_inet6` lists them.

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
        let (interface, _prefix, scope, flags) = (number()?, number()?, number()?, number()?);
        Some(Self { address: Ipv6Addr::from_bits(bits), interface, scope, flags })
    }
}

/// The addresses in the text of the file.
pub fn assigned(text: &str) -> impl Iterator<Item = Assigned> {
    text.lines().filter_map(Assigned::parse)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Assigned, assigned};

    #[test]
    fn the_list_of_the_kernel() {
        let text = "00000000000000000000000000000001 01 80 10 80       lo\n\
                    fe80000000000000505400fffe123457 02 40 20 80     usb0\n\
                    fe80000000000000505400fffe123458 03 40 20 c0     usb1\n\
                    fec0000000000000505400fffe123457 02 40 40 20     usb0\n\
                    nonsense\n";
        let all: Vec<Assigned> = assigned(text).collect();
        assert_eq!(all.len(), 4);
        let links: Vec<u32> =
            all.iter().filter(|one| one.opens_link()).map(|one| one.interface).collect();
        assert_eq!(links, [2]);
        let deprecated = all.iter().find(|one| one.is_deprecated()).unwrap();
        assert_eq!(
            deprecated.address,
            "fec0::5054:ff:fe12:3457".parse::<core::net::Ipv6Addr>().unwrap()
        );
    }
}
