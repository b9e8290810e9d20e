//! The neighbor cache (RFC 4861 section 7): filled by resolution, corrected by an advertisement that
//! answers a hand-made solicitation, filled by solicitations for our addresses, emptied of who is
//! not there.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::net::{IPV6_HOPLIMIT, IPV6_RECVERR, IPV6_RECVHOPLIMIT};
use linux_raw_sys::netlink::{
    NUD_DELAY, NUD_FAILED, NUD_INCOMPLETE, NUD_PERMANENT, NUD_PROBE, NUD_REACHABLE, NUD_STALE,
};
use net_tools::ip::neighbor::Neighbor;
use net_tools::netlink::field;
use net_tools::socket::option::{IPV6, set_i32};
use rt::rustix::fd::{AsFd, OwnedFd};
use rt::rustix::fs::{Mode, OFlags, open};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::sockopt::set_ipv6_multicast_hops;
use rustix::net::{SendFlags, bind, connect, send};

use super::datagram::{self, Datagram, raw_icmpv6, receive_where};
use super::network::{
    ADAPTER, Change, LinkAddress, Network, UserNetwork, link_address, refused_with, solicited_node,
};
use super::waiting::{PATIENCE, is_ready, until};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "neighbor cache: an address is resolved when it is used", run: resolution },
    Test {
        name: "neighbor cache: the answer to a synthetic solicitation corrects a wrong entry",
        run: correction,
    },
    Test {
        name: "neighbor cache: who solicits us gets an answer and is remembered",
        run: solicited,
    },
    Test { name: "neighbor cache: a stale entry in use is probed", run: probed },
    Test { name: "neighbor cache: who does not answer becomes FAILED", run: failure },
    Test { name: "neighbor cache: a permanent entry is not corrected", run: permanent },
    Test { name: "neighbor cache: entries are added and deleted by the rules", run: changes },
];

/// ICMPv6 types (RFC 4861 sections 4.3 and 4.4).
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// Option types (RFC 4861 section 4.6).
const SOURCE_LINK_ADDRESS: u8 = 1;
const TARGET_LINK_ADDRESS: u8 = 2;
/// The bits of an advertisement.
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;
/// The hop limit that proves that a message comes from the link.
const HOP_LIMIT: u32 = 255;

/// The Ethernet address of nobody.
const NOBODY: LinkAddress = [0x02, 0, 0, 0, 0, 0x99];

/// A Neighbor Solicitation with a Source Link-Layer Address option; the checksum is the kernel's
/// business.
fn solicitation(target: Ipv6Addr, from: LinkAddress) -> Vec<u8> {
    let mut message = Vec::from([SOLICITATION, 0, 0, 0, 0, 0, 0, 0]);
    message.extend(target.octets());
    message.extend([SOURCE_LINK_ADDRESS, 1]);
    message.extend(from);
    message
}

/// Whether a message is a solicitation or advertisement of `kind` for `target`.
fn is_about(message: &[u8], kind: u8, target: Ipv6Addr) -> bool {
    message.first() == Some(&kind) && message.get(8..24) == Some(&target.octets()[..])
}

/// The link-layer address in the first option of a message, when it is of this type.
fn option(message: &[u8], kind: u8) -> Option<&[u8]> {
    let option = message.get(24..32)?;
    option.starts_with(&[kind, 1]).then_some(option.get(2..)?)
}

fn hop_limit(datagram: &Datagram) -> Option<u32> {
    let data = datagram.with.control().find(IPV6, IPV6_HOPLIMIT)?;
    field::u32_at(data, 0)
}

fn describe(entry: Option<&Neighbor>) -> String {
    entry.map_or_else(
        || String::from("no entry"),
        |entry| format!("state {:#x}, link-layer address {:?}", entry.state, entry.link_address),
    )
}

/// Waits until the entry is in one of `states` (`NUD_` bits) with this link-layer address; tells
/// through what it went instead.
fn entry_becomes(
    network: &mut Network,
    index: u32,
    address: Ipv6Addr,
    states: u32,
    mac: Option<LinkAddress>,
) -> Outcome {
    let mut history: Vec<String> = Vec::new();
    until(|| {
        let entry = network.neighbor(index, address)?;
        let found = entry.as_ref().is_some_and(|entry| {
            u32::from(entry.state) & states != 0
                && entry.link_address.as_deref() == mac.as_ref().map(|mac| &mac[..])
        });
        if found {
            return Ok(());
        }
        let seen = describe(entry.as_ref());
        if history.last() != Some(&seen) {
            history.push(seen);
        }
        Err(format!("{address} became: {}", history.join(", then ")))
    })
}

/// The entry need not be there.
fn forget(network: &mut Network, index: u32, address: Ipv6Addr) -> Outcome {
    match network.delete_neighbor(index, address) {
        Ok(()) => Ok(()),
        Err(error) if error.refusal() == Some(Errno::NOENT) => Ok(()),
        Err(error) => Err(format!("deleting {address}: {error}")),
    }
}

/// Sends an echo request with `data` from a socket.
fn ping(fd: &OwnedFd, to: Ipv6Addr, data: &[u8]) -> Outcome {
    let mut request = Vec::from([128, 0, 0, 0, 0, 0, 0, 1]);
    request.extend_from_slice(data);
    datagram::send(fd, &request, SocketAddrV6::new(to, 0, 0, 0))
}

/// Waits for the reply with `data`.
fn pong(fd: &OwnedFd, from: Ipv6Addr, data: &[u8]) -> Outcome {
    let reply = receive_where(fd, "reply", |datagram| {
        datagram.data.first() == Some(&129)
            && datagram.with.from.is_some_and(|sender| *sender.ip() == from)
    })?;
    check!(reply.data.get(8..) == Some(data), "the reply {:?} is not {data:?}", reply.data);
    Ok(())
}

fn resolution() -> Outcome {
    let mut network = Network::open()?;
    let place = network.user_network()?;
    let (index, peer) = (place.index, place.name_server());
    forget(&mut network, index, peer)?;
    let fd = datagram::echo()?;
    ping(&fd, peer, b"resolve me")?;
    let entry = network.neighbor(index, peer)?;
    let state = entry.as_ref().map_or(0, |entry| u32::from(entry.state));
    check!(
        state & (NUD_INCOMPLETE | NUD_REACHABLE) != 0,
        "right after the first packet: {}",
        describe(entry.as_ref())
    );
    pong(&fd, peer, b"resolve me")?;
    let mac = UserNetwork::link_address(peer);
    entry_becomes(&mut network, index, peer, NUD_REACHABLE, Some(mac))
}

/// Sends a solicitation made by hand for `target` and waits for the advertisement.
fn solicit(network: &mut Network, place: &UserNetwork, target: Ipv6Addr) -> Outcome {
    let own = link_address(&network.adapter()?)?;
    let fd = raw_icmpv6(ADVERTISEMENT)?;
    because("IPV6_MULTICAST_HOPS", set_ipv6_multicast_hops(&fd, HOP_LIMIT))?;
    because("IPV6_RECVHOPLIMIT", set_i32(&fd, IPV6, IPV6_RECVHOPLIMIT, 1))?;
    let group = SocketAddrV6::new(solicited_node(target), 0, 0, place.index);
    datagram::send(&fd, &solicitation(target, own), group)?;
    let answer = receive_where(&fd, "advertisement", |datagram| {
        is_about(&datagram.data, ADVERTISEMENT, target)
    })?;
    let mac = UserNetwork::link_address(target);
    check!(
        option(&answer.data, TARGET_LINK_ADDRESS) == Some(&mac[..]),
        "the advertisement says {:?}",
        answer.data
    );
    let flags = answer.data.get(4).copied().unwrap_or(0);
    check!(flags & SOLICITED != 0 && flags & OVERRIDE != 0, "its flags are {flags:#x}");
    check!(hop_limit(&answer) == Some(HOP_LIMIT), "its hop limit is {:?}", hop_limit(&answer));
    Ok(())
}

fn correction() -> Outcome {
    let mut network = Network::open()?;
    let place = network.user_network()?;
    let (index, peer) = (place.index, place.name_server());
    let set = network.set_neighbor(index, peer, NOBODY, NUD_STALE, Change::Replace);
    set.map_err(|error| format!("{error}"))?;
    entry_becomes(&mut network, index, peer, NUD_STALE, Some(NOBODY))?;
    solicit(&mut network, &place, peer)?;
    let mac = UserNetwork::link_address(peer);
    entry_becomes(&mut network, index, peer, NUD_REACHABLE, Some(mac))
}

/// Uses a new address that nobody has heard of: a host of the user network that wants to answer must
/// solicit it first.
fn solicited() -> Outcome {
    let mut network = Network::open()?;
    let place = network.user_network()?;
    let own = place.host(0x5e1f_7e57);
    // Otherwise the router hears of the address before anybody asks (RFC 9131).
    announce_addresses(false)?;
    let added = network.add_address(place.index, own, 64);
    let outcome = added.map_err(|error| format!("adding {own}: {error}")).and_then(|()| {
        let outcome = answer_from_new_address(&mut network, &place, own);
        let deleted = network.delete_address(place.index, own, 64);
        outcome.and(deleted.map_err(|error| format!("deleting {own}: {error}")))
    });
    outcome.and(announce_addresses(true))
}

/// Gratuitous Neighbor Advertisements for new addresses of the adapter, or none.
fn announce_addresses(on: bool) -> Outcome {
    let path = format!("/proc/sys/net/ipv6/conf/{ADAPTER}/ndisc_notify");
    let file = because("open ndisc_notify", open(&path, OFlags::WRONLY, Mode::empty()))?;
    let value: &[u8] = if on { b"1\n" } else { b"0\n" };
    because("write ndisc_notify", rt::output::write_all(file.as_fd(), value))
}

fn answer_from_new_address(network: &mut Network, place: &UserNetwork, own: Ipv6Addr) -> Outcome {
    let (index, peer, asker) = (place.index, place.name_server(), place.router());
    network.settled_address(index, "new address", |address| address.local == own)?;
    // The peer must be known, or it would learn of the new address by our solicitation.
    let fd = datagram::echo()?;
    ping(&fd, peer, b"warm up")?;
    pong(&fd, peer, b"warm up")?;
    forget(network, index, asker)?;

    let listener = raw_icmpv6(SOLICITATION)?;
    let fd = datagram::echo()?;
    because("bind", bind(&fd, &SocketAddrV6::new(own, 0, 0, 0)))?;
    ping(&fd, peer, b"who am I")?;
    let question = receive_where(&listener, "solicitation", |datagram| {
        is_about(&datagram.data, SOLICITATION, own)
    })?;
    let from = *question.from()?.ip();
    check!(from == asker, "{from} asks, not {asker}");
    let mac = UserNetwork::link_address(asker);
    check!(
        option(&question.data, SOURCE_LINK_ADDRESS) == Some(&mac[..]),
        "the solicitation says {:?}",
        question.data
    );
    // The reply shows that our advertisement has told the address.
    pong(&fd, peer, b"who am I")?;
    let in_doubt = NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_REACHABLE;
    entry_becomes(network, index, asker, in_doubt, Some(mac))
}

fn probed() -> Outcome {
    let mut network = Network::open()?;
    let place = network.user_network()?;
    let (index, peer) = (place.index, place.name_server());
    let mac = UserNetwork::link_address(peer);
    let set = network.set_neighbor(index, peer, mac, NUD_STALE, Change::Replace);
    set.map_err(|error| format!("{error}"))?;
    let fd = datagram::echo()?;
    ping(&fd, peer, b"use it")?;
    // RFC 4861 section 7.3.3: DELAY for 5 seconds, then probes, then what they find.
    entry_becomes(&mut network, index, peer, NUD_DELAY, Some(mac))?;
    pong(&fd, peer, b"use it")?;
    entry_becomes(&mut network, index, peer, NUD_REACHABLE, Some(mac))
}

fn failure() -> Outcome {
    let mut network = Network::open()?;
    let place = network.user_network()?;
    let (index, nobody) = (place.index, place.host(0xdead_beef));
    forget(&mut network, index, nobody)?;
    let fd = datagram::udp()?;
    // Errors that may pass are told to those who ask for all.
    because("IPV6_RECVERR", set_i32(&fd, IPV6, IPV6_RECVERR, 1))?;
    because("connect", connect(&fd, &SocketAddrV6::new(nobody, 9, 0, 0)))?;
    because("send", send(&fd, b"is anybody there", SendFlags::empty()))?;
    entry_becomes(&mut network, index, nobody, NUD_INCOMPLETE, None)?;
    entry_becomes(&mut network, index, nobody, NUD_FAILED, None)?;
    // RFC 4861 section 7.2.2: the waiting packet comes back as an error.
    check!(is_ready(fd.as_fd(), PollFlags::ERR, PATIENCE)?, "the sender hears nothing");
    let result = datagram::try_receive(&fd, 0).map(|datagram| datagram.map(|it| it.data));
    check!(result == Err(Errno::HOSTUNREACH), "the sender gets {result:?}");
    forget(&mut network, index, nobody)
}

fn permanent() -> Outcome {
    let mut network = Network::open()?;
    let place = network.user_network()?;
    let (index, peer) = (place.index, place.name_server());
    let set = network.set_neighbor(index, peer, NOBODY, NUD_PERMANENT, Change::Replace);
    set.map_err(|error| format!("{error}"))?;
    let outcome = solicit(&mut network, &place, peer)
        .and_then(|()| entry_becomes(&mut network, index, peer, NUD_PERMANENT, Some(NOBODY)));
    outcome.and(forget(&mut network, index, peer))
}

fn changes() -> Outcome {
    let mut network = Network::open()?;
    let place = network.user_network()?;
    let (index, address) = (place.index, place.host(0x1234_5678));
    refused_with(network.delete_neighbor(index, address), Errno::NOENT)?;
    let added = network.set_neighbor(index, address, NOBODY, NUD_STALE, Change::Add);
    added.map_err(|error| format!("adding: {error}"))?;
    let again = network.set_neighbor(index, address, NOBODY, NUD_STALE, Change::Add);
    refused_with(again, Errno::EXIST)?;
    let deleted = network.delete_neighbor(index, address);
    deleted.map_err(|error| format!("deleting: {error}"))?;
    let entry = network.neighbor(index, address)?;
    check!(entry.is_none(), "still there: {entry:?}");
    let elsewhere = network.set_neighbor(999, address, NOBODY, NUD_STALE, Change::Add);
    refused_with(elsewhere, Errno::NODEV)
}
