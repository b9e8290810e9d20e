//! Names of numbers in rtnetlink messages, as iproute2's tables in /etc/iproute2 have them.

use alloc::borrow::Cow;
use alloc::format;

use linux_raw_sys::if_arp::{
    ARPHRD_ETHER, ARPHRD_LOOPBACK, ARPHRD_NONE, ARPHRD_SIT, ARPHRD_TUNNEL, ARPHRD_TUNNEL6,
};
use linux_raw_sys::netlink::{
    RTN_ANYCAST, RTN_BLACKHOLE, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_NAT, RTN_PROHIBIT,
    RTN_THROW, RTN_UNICAST, RTN_UNREACHABLE, RTN_UNSPEC, RTPROT_BOOT, RTPROT_KERNEL, RTPROT_RA,
    RTPROT_REDIRECT, RTPROT_STATIC, RTPROT_UNSPEC, rt_class_t, rt_scope_t,
};

use super::arguments::number;

/// Names and numbers.
type Table = &'static [(u32, &'static str)];

/// Scopes of addresses and routes.
pub const SCOPES: Table = &[
    (rt_scope_t::RT_SCOPE_UNIVERSE as u32, "global"),
    (rt_scope_t::RT_SCOPE_SITE as u32, "site"),
    (rt_scope_t::RT_SCOPE_LINK as u32, "link"),
    (rt_scope_t::RT_SCOPE_HOST as u32, "host"),
    (rt_scope_t::RT_SCOPE_NOWHERE as u32, "nowhere"),
];

/// Routing tables.
pub const TABLES: Table = &[
    (rt_class_t::RT_TABLE_UNSPEC as u32, "unspec"),
    (rt_class_t::RT_TABLE_DEFAULT as u32, "default"),
    (rt_class_t::RT_TABLE_MAIN as u32, "main"),
    (rt_class_t::RT_TABLE_LOCAL as u32, "local"),
];

/// Who made a route.
pub const PROTOCOLS: Table = &[
    (RTPROT_UNSPEC, "unspec"),
    (RTPROT_REDIRECT, "redirect"),
    (RTPROT_KERNEL, "kernel"),
    (RTPROT_BOOT, "boot"),
    (RTPROT_STATIC, "static"),
    (RTPROT_RA, "ra"),
    (linux_raw_sys::netlink::RTPROT_ZEBRA, "zebra"),
    (linux_raw_sys::netlink::RTPROT_BIRD, "bird"),
    (linux_raw_sys::netlink::RTPROT_DHCP, "dhcp"),
    (linux_raw_sys::netlink::RTPROT_BABEL, "babel"),
    (linux_raw_sys::netlink::RTPROT_BGP, "bgp"),
    (linux_raw_sys::netlink::RTPROT_OSPF, "ospf"),
];

/// What a route does with a packet.
pub const ROUTE_TYPES: Table = &[
    (RTN_UNSPEC as u32, "none"),
    (RTN_UNICAST as u32, "unicast"),
    (RTN_LOCAL as u32, "local"),
    (RTN_BROADCAST as u32, "broadcast"),
    (RTN_ANYCAST as u32, "anycast"),
    (RTN_MULTICAST as u32, "multicast"),
    (RTN_BLACKHOLE as u32, "blackhole"),
    (RTN_UNREACHABLE as u32, "unreachable"),
    (RTN_PROHIBIT as u32, "prohibit"),
    (RTN_THROW as u32, "throw"),
    (RTN_NAT as u32, "nat"),
];

/// Where an address came from (`IFAPROT_`, Linux 5.18).
pub const ADDRESS_PROTOCOLS: Table =
    &[(0, "unspec"), (1, "kernel_lo"), (2, "kernel_ra"), (3, "kernel_ll")];

/// Kinds of links by their ARPHRD number.
pub const LINK_TYPES: Table = &[
    (ARPHRD_ETHER, "ether"),
    (ARPHRD_LOOPBACK, "loopback"),
    (ARPHRD_NONE, "none"),
    (ARPHRD_SIT, "sit"),
    (ARPHRD_TUNNEL, "ipip"),
    (ARPHRD_TUNNEL6, "tunnel6"),
];

/// The name of a number; the number itself when it has none.
#[must_use]
pub fn name(table: Table, value: u32) -> Cow<'static, str> {
    match table.iter().find(|(number, _)| *number == value) {
        Some((_, name)) => Cow::Borrowed(name),
        None => Cow::Owned(format!("{value}")),
    }
}

/// The number of a name; a number stands for itself.
#[must_use]
pub fn value(table: Table, name: &str) -> Option<u32> {
    table
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(number, _)| *number)
        .or_else(|| number(name))
}

#[cfg(test)]
mod tests {
    use super::{PROTOCOLS, SCOPES, TABLES, name, value};

    #[test]
    fn both_ways() {
        assert_eq!(name(SCOPES, 253), "link");
        assert_eq!(name(SCOPES, 7), "7");
        assert_eq!(name(PROTOCOLS, 9), "ra");
        assert_eq!(value(TABLES, "local"), Some(255));
        assert_eq!(value(TABLES, "100"), Some(100));
        assert_eq!(value(TABLES, "nonsense"), None);
    }
}
