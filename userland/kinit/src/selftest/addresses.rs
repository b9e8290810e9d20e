//! Addresses and routes set by hand, over rtnetlink: duplicate address detection (RFC 4862 section
//! 5.4), what depends on an address, what the kernel refuses.

use alloc::format;
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::netlink::{IFA_F_PERMANENT, IFA_F_TENTATIVE, RTPROT_STATIC};
use rustix::io::Errno;
use rustix::net::bind;

use super::datagram::{self, udp};
use super::network::{Network, refused_with};
use super::waiting::until;
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "DAD: a new address is tentative, then ours", run: duplicate_detection },
    Test { name: "netlink: an address brings its prefix's route and takes it away", run: prefix },
    Test { name: "netlink: routes are added and deleted", run: routes },
    Test { name: "netlink: what is there or not there is refused", run: refusals },
];

/// An address of the documentation prefix (RFC 3849) for the adapter.
const ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0x5e1f, 0, 0, 0, 0x7e57);
const NETWORK: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0x5e1f, 0, 0, 0, 0);
const ELSEWHERE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0xffff, 0, 0, 0, 0);

/// Runs `body` while the adapter has [`ADDRESS`].
fn with_address(body: impl FnOnce(&mut Network, u32) -> Outcome) -> Outcome {
    let mut network = Network::open()?;
    let index = network.adapter()?.index;
    let added = network.add_address(index, ADDRESS, 64);
    added.map_err(|error| format!("adding {ADDRESS}: {error}"))?;
    let outcome = body(&mut network, index);
    let deleted = network.delete_address(index, ADDRESS, 64);
    outcome.and(deleted.map_err(|error| format!("deleting {ADDRESS}: {error}")))
}

fn duplicate_detection() -> Outcome {
    let place = SocketAddrV6::new(ADDRESS, 0, 0, 0);
    with_address(|network, index| {
        let all = network.addresses(index)?;
        let new = all.iter().find(|address| address.local == ADDRESS);
        let new = new.ok_or_else(|| format!("{ADDRESS} is not among {all:?}"))?;
        check!(new.flags & IFA_F_TENTATIVE != 0, "it is not tested: flags {:#x}", new.flags);
        check!(new.flags & IFA_F_PERMANENT != 0, "it ends: flags {:#x}", new.flags);
        let bound = bind(udp()?, &place);
        check!(bound == Err(Errno::ADDRNOTAVAIL), "bound before it is ours: {bound:?}");
        network.settled_address(index, "new address", |address| address.local == ADDRESS)?;
        because("bind", bind(udp()?, &place))?;
        // Packets to it stay here.
        let (server, to) = datagram::bound_udp(ADDRESS, 0)?;
        datagram::send(&udp()?, b"x", to)?;
        let from = datagram::receive_any(&server)?.from()?;
        check!(*from.ip() == ADDRESS, "the sender is {from}");
        Ok(())
    })?;
    let bound = bind(udp()?, &place);
    check!(bound == Err(Errno::ADDRNOTAVAIL), "bound after it is gone: {bound:?}");
    Ok(())
}

/// Whether there is a route to this prefix by an interface.
fn has_route(
    network: &mut Network,
    prefix: Ipv6Addr,
    index: u32,
) -> Result<bool, alloc::string::String> {
    let routes = network.routes()?;
    Ok(routes.iter().any(|route| {
        route.destination.address == prefix
            && route.destination.length == 64
            && route.interface == Some(index)
    }))
}

fn prefix() -> Outcome {
    let mut found = None;
    with_address(|network, index| {
        found = Some(index);
        until(|| {
            let there = has_route(network, NETWORK, index)?;
            if there { Ok(()) } else { Err(format!("no route to {NETWORK}")) }
        })
    })?;
    let mut network = Network::open()?;
    let index = found.ok_or("the adapter is gone")?;
    check!(!has_route(&mut network, NETWORK, index)?, "the route stays without the address");
    Ok(())
}

fn routes() -> Outcome {
    let mut network = Network::open()?;
    let place = network.user_network()?;
    let (target, index) = ((ELSEWHERE, 64), place.index);
    let added = network.add_route(target, Some(place.router()), index);
    added.map_err(|error| format!("adding: {error}"))?;
    let again = refused_with(network.add_route(target, Some(place.router()), index), Errno::EXIST);
    let routes = network.routes()?;
    let route = routes.iter().find(|route| route.destination.address == ELSEWHERE);
    let is_right = route.is_some_and(|route| {
        route.gateway == Some(place.router().into())
            && route.interface == Some(index)
            && u32::from(route.protocol) == RTPROT_STATIC
    });
    let deleted = network.delete_route(target, index);
    check!(is_right, "{route:?}");
    again?;
    deleted.map_err(|error| format!("deleting: {error}"))?;
    check!(!has_route(&mut network, ELSEWHERE, index)?, "still there");
    refused_with(network.delete_route(target, index), Errno::SRCH)
}

fn refusals() -> Outcome {
    with_address(|network, index| {
        refused_with(network.add_address(index, ADDRESS, 64), Errno::EXIST)
    })?;
    let mut network = Network::open()?;
    let index = network.adapter()?.index;
    refused_with(network.delete_address(index, ADDRESS, 64), Errno::ADDRNOTAVAIL)?;
    refused_with(network.add_address(999, ADDRESS, 64), Errno::NODEV)?;
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x99);
    refused_with(network.add_address(index, group, 64), Errno::INVAL)?;
    let unreachable = network.add_route((ELSEWHERE, 64), Some(ELSEWHERE), index);
    check!(unreachable.is_err(), "a router beyond itself is accepted");
    Ok(())
}
