//! Addresses and routes that the stack gives itself: the loopback's, the link-local one, those of
//! router advertisements (RFC 4862, RFC 4861 section 6.3.4).

use alloc::format;
use alloc::string::String;
use core::net::{IpAddr, Ipv6Addr};

use linux_raw_sys::netlink::{
    IFA_F_PERMANENT, IFA_F_STABLE_PRIVACY, NTF_ROUTER, RTPROT_KERNEL, RTPROT_RA, rt_scope_t,
};
use net_tools::ip::address::Address;
use net_tools::prefix::Prefix;

use super::network::{
    ADAPTER, Network, UserNetwork, eui64_link_local, link_address, solicited_node,
};
use super::waiting::until;
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "loopback: lo has ::1/128", run: loopback },
    Test { name: "link-local: usb0 has an address of fe80::/64", run: link_local },
    Test { name: "link-local: the addresses' groups are joined", run: groups },
    Test { name: "link-local: fe80::/64 is on the link", run: link_local_route },
    Test { name: "SLAAC: usb0 has an address of the advertised prefix", run: global_address },
    Test { name: "SLAAC: the advertised prefix is on the link", run: prefix_route },
    Test {
        name: "SLAAC: the default route leads to the router that advertises",
        run: default_route,
    },
];

fn is_link_local(address: &Address) -> bool {
    matches!(address.local, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

fn loopback() -> Outcome {
    let mut network = Network::open()?;
    let links = network.links()?;
    let lo = links.iter().find(|link| link.name == "lo").ok_or("there is no lo")?;
    let addresses = network.addresses(lo.index)?;
    let own = addresses.iter().find(|address| address.local == Ipv6Addr::LOCALHOST);
    let own = own.ok_or_else(|| format!("no ::1 among {addresses:?}"))?;
    check!(own.prefix_length == 128, "::1/{}", own.prefix_length);
    check!(own.scope == rt_scope_t::RT_SCOPE_HOST as u8, "the scope is {}", own.scope);
    Ok(())
}

fn link_local() -> Outcome {
    let mut network = Network::open()?;
    let link = network.adapter()?;
    let address = network.settled_address(link.index, "link-local address", is_link_local)?;
    check!(address.prefix_length == 64, "{}/{}", address.local, address.prefix_length);
    check!(address.scope == rt_scope_t::RT_SCOPE_LINK as u8, "the scope is {}", address.scope);
    let by_eui64 = eui64_link_local(link_address(&link)?);
    // The boot argument for opaque identifiers (RFC 7217) shows in this flag.
    let opaque = address.flags & IFA_F_STABLE_PRIVACY != 0;
    check!(
        (address.local == by_eui64) != opaque,
        "{} where the EUI-64 gives {by_eui64}; flags {:#x}",
        address.local,
        address.flags
    );
    Ok(())
}

/// Whether `/proc/net/igmp6` shows the adapter as a member of a group.
fn is_member(group: Ipv6Addr) -> Outcome {
    let text = because("/proc/net/igmp6", rt::input::read_file("/proc/net/igmp6"))?;
    let text = String::from_utf8_lossy(&text);
    let group_text = format!("{:032x}", group.to_bits());
    let is_there = text.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        words.next() == Some(ADAPTER) && words.next() == Some(&group_text)
    });
    if is_there { Ok(()) } else { Err(format!("{ADAPTER} is no member of {group}:\n{text}")) }
}

fn groups() -> Outcome {
    const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let mut network = Network::open()?;
    let link = network.adapter()?;
    let address = network.settled_address(link.index, "link-local address", is_link_local)?;
    is_member(ALL_NODES)?;
    match address.local {
        IpAddr::V6(address) => is_member(solicited_node(address)),
        IpAddr::V4(address) => Err(format!("{address} is no IPv6 address")),
    }
}

/// Waits for a route of the adapter to `prefix`, made by `protocol`; returns its router.
fn route_to(prefix: Prefix, protocol: u32) -> Result<Option<IpAddr>, String> {
    let mut network = Network::open()?;
    let link = network.adapter()?;
    until(|| {
        let routes = network.routes()?;
        let route = routes.iter().find(|route| {
            route.interface == Some(link.index)
                && route.destination.address == prefix.address
                && route.destination.length == prefix.length
        });
        let route = route.ok_or_else(|| format!("no route to {prefix:?} among {routes:?}"))?;
        check!(u32::from(route.protocol) == protocol, "made by protocol {}", route.protocol);
        Ok(route.gateway)
    })
}

fn prefix(address: Ipv6Addr, length: u8) -> Prefix {
    Prefix { address: address.into(), length, explicit: true }
}

fn link_local_route() -> Outcome {
    let fe80 = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);
    let router = route_to(prefix(fe80, 64), RTPROT_KERNEL)?;
    check!(router.is_none(), "it leads through {router:?}");
    Ok(())
}

fn global_address() -> Outcome {
    let mut network = Network::open()?;
    let place = network.user_network()?;
    let all = network.addresses(place.index)?;
    let address = all
        .iter()
        .find(|address| address.local == place.own)
        .ok_or_else(|| format!("{} is gone: {all:?}", place.own))?;
    check!(address.prefix_length == 64, "{}/{}", address.local, address.prefix_length);
    check!(address.flags & IFA_F_PERMANENT == 0, "{} is permanent", address.local);
    let (preferred, valid) = network.lifetimes(place.own)?;
    check!(
        preferred > 0 && preferred <= valid && valid < u32::MAX,
        "preferred for {preferred} s, valid for {valid} s"
    );
    Ok(())
}

fn prefix_route() -> Outcome {
    let place = Network::open()?.user_network()?;
    let router = route_to(prefix(place.host(0), 64), RTPROT_KERNEL)?;
    check!(router.is_none(), "it leads through {router:?}");
    Ok(())
}

fn default_route() -> Outcome {
    let mut network = Network::open()?;
    let index = network.adapter()?.index;
    let router = route_to(prefix(Ipv6Addr::UNSPECIFIED, 0), RTPROT_RA)?;
    let expected = UserNetwork::router_link_local();
    check!(router == Some(expected.into()), "the default router is {router:?}, not {expected}");
    // Its advertisement told its link-layer address, too.
    let entry = network.neighbor(index, expected)?;
    let entry = entry.ok_or_else(|| format!("{expected} is not in the neighbor cache"))?;
    let mac = UserNetwork::link_address(expected);
    check!(entry.link_address.as_deref() == Some(&mac[..]), "the router's entry: {entry:?}");
    check!(u32::from(entry.flags) & NTF_ROUTER != 0, "no router in the cache: {entry:?}");
    Ok(())
}
