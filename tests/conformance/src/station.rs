//! Who else is on the link: the nodes of the test topology.
//!
//! ```text
//!   TN2 ── link A ── TR1 ┐
//!          link C ── TR2 ┤ link B
//!                    TN1 ┤
//!                    DUT ┘
//! ```

use std::net::Ipv6Addr;

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Where a multicast address is sent to (RFC 2464, Section 7).
    pub const fn of_group(group: Ipv6Addr) -> Self {
        let [.., a, b, c, d] = group.octets();
        Self([0x33, 0x33, a, b, c, d])
    }
}

/// A node that the test plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Station {
    /// The name the test descriptions have for it.
    pub name: &'static str,
    /// Its Ethernet address; for a node behind a router, the router's.
    pub mac: Mac,
    /// Its link-local address.
    pub link_local: Ipv6Addr,
    /// Its global address.
    pub global: Ipv6Addr,
    /// It sets the R flag in its advertisements.
    pub router: bool,
}

const fn station(name: &'static str, number: u16, router: bool) -> Station {
    Station {
        name,
        mac: Mac([0x02, 0, 0, 0, 0, number as u8]),
        link_local: Ipv6Addr::new(0xfe80, 0, 0, 0, 0x0200, 0xff, 0xfe00, number),
        global: Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0x0200, 0xff, 0xfe00, number),
        router,
    }
}

/// A host on the link of the device under test.
pub const TN1: Station = station("TN1", 0x11, false);
/// Another one.
pub const TN3: Station = station("TN3", 0x13, false);
/// A router of the link.
pub const TR1: Station = station("TR1", 0xa1, true);
/// Another one.
pub const TR2: Station = station("TR2", 0xa2, true);
/// A third one.
pub const TR3: Station = station("TR3", 0xa3, true);
/// A host that is reached through [`TR1`].
pub const TN2: Station =
    Station { name: "TN2", mac: TR1.mac, global: remote(0x22), ..station("TN2", 0x22, false) };
/// Another host that is reached through [`TR1`].
pub const TN4: Station =
    Station { name: "TN4", mac: TR1.mac, global: remote(0x24), ..station("TN4", 0x24, false) };

const fn remote(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, number)
}

/// The prefix of the link in the common set-up, 64 bits long.
pub const PREFIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0);

/// All nodes of the link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All routers of the link.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// The solicited-node group of an address (RFC 4291, Section 2.7.1).
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    let high = 0xff00 | a as u16;
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, high, (b as u16) << 8 | c as u16)
}

/// The address that modified EUI-64 makes of a prefix of 64 bits and an Ethernet address
/// (RFC 4291, Appendix A).
pub fn eui64(prefix: Ipv6Addr, mac: Mac) -> Ipv6Addr {
    let mut octets = prefix.octets();
    octets[8..11].copy_from_slice(&mac.0[..3]);
    octets[8] ^= 2;
    octets[11..13].copy_from_slice(&[0xff, 0xfe]);
    octets[13..].copy_from_slice(&mac.0[3..]);
    octets.into()
}
