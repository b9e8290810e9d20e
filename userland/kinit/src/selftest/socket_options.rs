//! Socket options with an effect on packets: control messages (RFC 3542), multicast (RFC 3493
//! section 5.2), the interface.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::net::{
    AF_INET6, IPV6_DONTFRAG, IPV6_HOPLIMIT, IPV6_PATHMTU, IPV6_PKTINFO, IPV6_RECVHOPLIMIT,
    IPV6_RECVPATHMTU, IPV6_RECVPKTINFO, IPV6_RECVTCLASS, IPV6_TCLASS, MCAST_BLOCK_SOURCE,
    MCAST_EXCLUDE, MCAST_INCLUDE, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP,
    MCAST_MSFILTER, MCAST_UNBLOCK_SOURCE, SO_BINDTODEVICE,
};
use net_tools::netlink::field;
use net_tools::socket::message::{self, ControlMessage};
use net_tools::socket::option::{IPV6, SOCKET, get, get_i32, set, set_i32};
use rt::rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::{
    set_ipv6_add_membership, set_ipv6_drop_membership, set_ipv6_multicast_hops,
    set_ipv6_multicast_if, set_ipv6_multicast_loop, set_ipv6_unicast_hops,
};

use super::datagram::{Datagram, bound_udp, local_address, receive_any, receive_none, send, udp};
use super::network::{ADAPTER, Network};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    // Rows: UDP-7
    Test { name: "sockets: IPV6_PKTINFO and IPV6_HOPLIMIT of what arrives", run: received_info },
    // Rows: UDP-8
    Test { name: "sockets: hop limit and traffic class of what is sent", run: sent_fields },
    Test { name: "sockets: IPV6_PKTINFO chooses the source address", run: chosen_source },
    Test { name: "sockets: a stream keeps what it was asked to tell", run: told_of_streams },
    Test { name: "sockets: datagrams without a checksum, where both ends agree", run: unchecked },
    // Rows: API-9
    Test { name: "sockets: IPV6_RECVPATHMTU tells what would have fitted", run: path_mtu },
    Test { name: "sockets: a group's datagrams come to its members", run: group },
    Test { name: "sockets: IPV6_MULTICAST_LOOP off keeps them away", run: no_loop },
    Test { name: "sockets: memberships have rules", run: memberships },
    // Rows: API-13, MLD-16
    Test { name: "sockets: of a group only the sources that were joined", run: sources },
    // Rows: API-13
    Test { name: "sockets: a filter of sources is read as it was set", run: filter },
    Test { name: "sockets: SO_BINDTODEVICE keeps other interfaces out", run: bound_to_device },
];

const HERE: Ipv6Addr = Ipv6Addr::LOCALHOST;

/// Options of UDP (linux/udp.h), which the crate with the others lacks.
const SOL_UDP: u32 = 17;
const UDP_NO_CHECK6_TX: u32 = 101;
const UDP_NO_CHECK6_RX: u32 = 102;

/// A group of the link's scope that nobody else uses (RFC 4291 section 2.7: T is 1, transient).
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff12, 0, 0, 0, 0, 0, 0x5e1f, 0x7e57);

fn number(datagram: &Datagram, kind: u32) -> Option<u32> {
    field::u32_at(datagram.with.control().find(IPV6, kind)?, 0)
}

/// `struct in6_pktinfo`: address and interface.
fn packet_info(datagram: &Datagram) -> Option<(Ipv6Addr, u32)> {
    let data = datagram.with.control().find(IPV6, IPV6_PKTINFO)?;
    let octets: [u8; 16] = data.first_chunk().copied()?;
    Some((octets.into(), field::u32_at(data, 16)?))
}

fn index_of(name: &str) -> Result<u32, String> {
    net_tools::interface::index_of(name).ok_or_else(|| format!("there is no {name}"))
}

fn wants(fd: &OwnedFd, options: &[u32]) -> Outcome {
    for &option in options {
        because("setsockopt", set_i32(fd, IPV6, option, 1))?;
    }
    Ok(())
}

fn received_info() -> Outcome {
    let (server, address) = bound_udp(Ipv6Addr::UNSPECIFIED, 0)?;
    let to = SocketAddrV6::new(HERE, address.port(), 0, 0);
    let client = udp()?;
    send(&client, b"without", to)?;
    let datagram = receive_any(&server)?;
    check!(datagram.with.control().next().is_none(), "control messages that nobody asked for");
    wants(&server, &[IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT])?;
    send(&client, b"with", to)?;
    let datagram = receive_any(&server)?;
    let expected = (HERE, index_of("lo")?);
    check!(packet_info(&datagram) == Some(expected), "{:?}", packet_info(&datagram));
    let limit = number(&datagram, IPV6_HOPLIMIT);
    check!(limit == Some(64), "hop limit {limit:?}");
    Ok(())
}

fn told_of_streams() -> Outcome {
    let (client, fd) = super::stream::pair()?;
    for option in [IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS] {
        let before = because("getsockopt", get_i32(&fd, IPV6, option))?;
        wants(&fd, &[option])?;
        let after = because("getsockopt", get_i32(&fd, IPV6, option))?;
        check!((before, after) == (0, 1), "option {option} was {before}, is {after}");
    }
    // It is remembered, no more: what is read has no headers to tell of.
    because("write", rustix::io::write(&client, b"x"))?;
    super::stream::wait(&fd, rustix::event::PollFlags::IN)?;
    let read = because("recvmsg", super::datagram::try_receive(&fd, 0))?.ok_or("nothing came")?;
    check!(read.data == b"x", "{:?}", read.data);
    for kind in [IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_TCLASS] {
        check!(read.with.control().find(IPV6, kind).is_none(), "a message {kind} of a stream");
    }
    Ok(())
}

fn unchecked() -> Outcome {
    let (server, to) = bound_udp(HERE, 0)?;
    let client = udp()?;
    because("UDP_NO_CHECK6_TX", set_i32(&client, SOL_UDP, UDP_NO_CHECK6_TX, 1))?;
    send(&client, b"unwanted", to)?;
    receive_none(&server)?;
    because("UDP_NO_CHECK6_RX", set_i32(&server, SOL_UDP, UDP_NO_CHECK6_RX, 1))?;
    let shown = because("UDP_NO_CHECK6_RX", get_i32(&server, SOL_UDP, UDP_NO_CHECK6_RX))?;
    check!(shown == 1, "it is {shown}");
    send(&client, b"wanted", to)?;
    let data = receive_any(&server)?.data;
    check!(data == b"wanted", "{data:?}");
    Ok(())
}

fn path_mtu() -> Outcome {
    let (server, to) = bound_udp(HERE, 0)?;
    let client = udp()?;
    wants(&client, &[IPV6_RECVPATHMTU, IPV6_DONTFRAG])?;
    let data = alloc::vec![0; 65_000];
    let refused = rustix::net::sendto(&client, &data, rustix::net::SendFlags::empty(), &to);
    check!(refused == Err(Errno::MSGSIZE), "sendto: {refused:?}");
    let told = receive_any(&client)?;
    check!(told.data.is_empty(), "{} octets", told.data.len());
    // `struct ip6_mtuinfo`: an address and a number.
    let value = told.with.control().find(IPV6, IPV6_PATHMTU).ok_or("no IPV6_PATHMTU")?;
    let mtu = field::u32_at(value, 28);
    check!(value.len() == 32 && mtu.is_some_and(|mtu| (1280..65_000).contains(&mtu)), "{value:?}");
    receive_none(&server)
}

fn sent_fields() -> Outcome {
    let (server, to) = bound_udp(HERE, 0)?;
    wants(&server, &[IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS])?;
    let client = udp()?;
    let fields = || {
        let datagram = receive_any(&server)?;
        Ok::<_, String>((number(&datagram, IPV6_HOPLIMIT), number(&datagram, IPV6_TCLASS)))
    };
    because("IPV6_UNICAST_HOPS", set_ipv6_unicast_hops(&client, Some(7)))?;
    because("IPV6_TCLASS", set_i32(&client, IPV6, IPV6_TCLASS, 0x28))?;
    send(&client, b"options", to)?;
    let seen = fields()?;
    check!(seen == (Some(7), Some(0x28)), "by options: {seen:?}");
    let limit = 9i32.to_ne_bytes();
    let control = ControlMessage { level: IPV6, kind: IPV6_HOPLIMIT, data: &limit };
    because("sendmsg", message::send(&client, b"control message", &to, &control))?;
    let seen = fields()?;
    check!(seen == (Some(9), Some(0x28)), "by a control message: {seen:?}");
    because("IPV6_UNICAST_HOPS", set_ipv6_unicast_hops(&client, None))?;
    send(&client, b"default", to)?;
    let seen = fields()?;
    check!(seen == (Some(64), Some(0x28)), "by default: {seen:?}");
    let read_back = because("IPV6_TCLASS", get_i32(&client, IPV6, IPV6_TCLASS))?;
    check!(read_back == 0x28, "IPV6_TCLASS is {read_back}");
    Ok(())
}

fn chosen_source() -> Outcome {
    let place = Network::open()?.user_network()?;
    let (server, to) = bound_udp(HERE, 0)?;
    let client = udp()?;
    let info = |source: Ipv6Addr| {
        let mut info = [0; 20];
        field::put(&mut info, 0, &source.octets());
        info
    };
    let data = info(place.own);
    let control = ControlMessage { level: IPV6, kind: IPV6_PKTINFO, data: &data };
    because("sendmsg", message::send(&client, b"x", &to, &control))?;
    let from = receive_any(&server)?.from()?;
    check!(*from.ip() == place.own, "from {from}, not {}", place.own);
    let data = info(place.host(0xdead_beef));
    let control = ControlMessage { level: IPV6, kind: IPV6_PKTINFO, data: &data };
    let sent = message::send(&client, b"x", &to, &control);
    check!(sent == Err(Errno::INVAL), "somebody else's address: {sent:?}");
    Ok(())
}

/// A socket bound to a port at all addresses, and a sender to the group at that port.
fn listener_and_sender(index: u32) -> Result<(OwnedFd, OwnedFd, SocketAddrV6), String> {
    let (listener, address) = bound_udp(Ipv6Addr::UNSPECIFIED, 0)?;
    let sender = udp()?;
    because("IPV6_MULTICAST_IF", set_ipv6_multicast_if(&sender, index))?;
    Ok((listener, sender, SocketAddrV6::new(GROUP, address.port(), 0, 0)))
}

fn group() -> Outcome {
    let index = Network::open()?.user_network()?.index;
    let (listener, sender, to) = listener_and_sender(index)?;
    wants(&listener, &[IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT])?;
    send(&sender, b"before", to)?;
    receive_none(&listener)?;
    because("IPV6_JOIN_GROUP", set_ipv6_add_membership(&listener, &GROUP, index))?;
    send(&sender, b"joined", to)?;
    let datagram = receive_any(&listener)?;
    check!(datagram.data == b"joined", "{:?}", datagram.data);
    let (info, limit) = (packet_info(&datagram), number(&datagram, IPV6_HOPLIMIT));
    check!(info == Some((GROUP, index)) && limit == Some(1), "{info:?}, hop limit {limit:?}");
    let from = datagram.from()?;
    check!(from.port() == local_address(&sender)?.port(), "from {from}");
    because("IPV6_MULTICAST_HOPS", set_ipv6_multicast_hops(&sender, 5))?;
    send(&sender, b"far", to)?;
    let limit = number(&receive_any(&listener)?, IPV6_HOPLIMIT);
    check!(limit == Some(5), "hop limit {limit:?} after IPV6_MULTICAST_HOPS");
    because("IPV6_LEAVE_GROUP", set_ipv6_drop_membership(&listener, &GROUP, index))?;
    send(&sender, b"left", to)?;
    receive_none(&listener)
}

fn no_loop() -> Outcome {
    let index = Network::open()?.user_network()?.index;
    let (listener, sender, to) = listener_and_sender(index)?;
    because("IPV6_JOIN_GROUP", set_ipv6_add_membership(&listener, &GROUP, index))?;
    because("IPV6_MULTICAST_LOOP", set_ipv6_multicast_loop(&sender, false))?;
    send(&sender, b"not here", to)?;
    receive_none(&listener)?;
    because("IPV6_MULTICAST_LOOP", set_ipv6_multicast_loop(&sender, true))?;
    send(&sender, b"here", to)?;
    check!(receive_any(&listener)?.data == b"here", "another datagram");
    Ok(())
}

fn memberships() -> Outcome {
    let index = Network::open()?.user_network()?.index;
    let fd = udp()?;
    let left = set_ipv6_drop_membership(&fd, &GROUP, index);
    check!(left == Err(Errno::ADDRNOTAVAIL), "leaving before joining: {left:?}");
    because("IPV6_JOIN_GROUP", set_ipv6_add_membership(&fd, &GROUP, index))?;
    let again = set_ipv6_add_membership(&fd, &GROUP, index);
    check!(again == Err(Errno::ADDRINUSE), "joining twice: {again:?}");
    let no_group = set_ipv6_add_membership(&fd, &HERE, index);
    check!(no_group == Err(Errno::INVAL), "joining ::1: {no_group:?}");
    let nowhere = set_ipv6_add_membership(&fd, &GROUP, 999);
    check!(nowhere == Err(Errno::NODEV), "joining on interface 999: {nowhere:?}");
    Ok(())
}

/// `struct group_source_req`: the interface, and two addresses in 128 octets each.
fn group_source(index: u32, source: Ipv6Addr) -> [u8; 264] {
    let mut request = [0; 264];
    request[..4].copy_from_slice(&index.to_ne_bytes());
    for (at, address) in [(8, GROUP), (136, source)] {
        request[at..at + 2].copy_from_slice(&(AF_INET6 as u16).to_ne_bytes());
        request[at + 8..at + 24].copy_from_slice(&address.octets());
    }
    request
}

fn sources() -> Outcome {
    let index = Network::open()?.user_network()?.index;
    let (listener, sender, to) = listener_and_sender(index)?;
    because("IPV6_JOIN_GROUP", set_ipv6_add_membership(&listener, &GROUP, index))?;
    send(&sender, b"who are you?", to)?;
    let sender_address = *receive_any(&listener)?.from()?.ip();
    let own = group_source(index, sender_address);
    because("MCAST_BLOCK_SOURCE", set(&listener, IPV6, MCAST_BLOCK_SOURCE, &own))?;
    send(&sender, b"blocked", to)?;
    receive_none(&listener)?;
    because("MCAST_UNBLOCK_SOURCE", set(&listener, IPV6, MCAST_UNBLOCK_SOURCE, &own))?;
    send(&sender, b"unblocked", to)?;
    check!(receive_any(&listener)?.data == b"unblocked", "another datagram");
    because("IPV6_LEAVE_GROUP", set_ipv6_drop_membership(&listener, &GROUP, index))?;

    let other = group_source(index, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9));
    because("MCAST_JOIN_SOURCE_GROUP", set(&listener, IPV6, MCAST_JOIN_SOURCE_GROUP, &other))?;
    send(&sender, b"not joined", to)?;
    receive_none(&listener)?;
    because("MCAST_JOIN_SOURCE_GROUP", set(&listener, IPV6, MCAST_JOIN_SOURCE_GROUP, &own))?;
    send(&sender, b"joined", to)?;
    check!(receive_any(&listener)?.data == b"joined", "another datagram");
    because("MCAST_LEAVE_SOURCE_GROUP", set(&listener, IPV6, MCAST_LEAVE_SOURCE_GROUP, &own))?;
    send(&sender, b"left", to)?;
    receive_none(&listener)?;
    let again = set(&listener, IPV6, MCAST_LEAVE_SOURCE_GROUP, &own);
    check!(again == Err(Errno::ADDRNOTAVAIL), "leaving twice: {again:?}");
    Ok(())
}

/// `struct group_filter` with as many sources as there are, in 128 octets each.
fn group_filter(index: u32, mode: u32, sources: &[Ipv6Addr]) -> Vec<u8> {
    let mut filter = group_source(index, GROUP)[..136].to_vec();
    filter.extend(mode.to_ne_bytes());
    filter.extend((sources.len() as u32).to_ne_bytes());
    for source in sources {
        filter.extend(&group_source(index, *source)[136..]);
    }
    filter
}

/// Asks for the filter, with room for `room` sources.
fn filter_of(fd: &OwnedFd, index: u32, room: u32) -> Result<Vec<u8>, Errno> {
    let mut question = group_filter(index, 9, &[]);
    question[140..144].copy_from_slice(&room.to_ne_bytes());
    question.resize(144 + 128 * room as usize, 0xee);
    let length = get(fd, IPV6, MCAST_MSFILTER, &mut question)?;
    question.truncate(length);
    Ok(question)
}

fn filter() -> Outcome {
    let index = Network::open()?.user_network()?.index;
    let fd = udp()?;
    let sources = [1, 2, 3].map(|number| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number));
    let unset = filter_of(&fd, index, 3);
    check!(unset == Err(Errno::ADDRNOTAVAIL), "the filter of no member: {unset:?}");
    let wanted = group_filter(index, MCAST_INCLUDE, &sources);
    because("MCAST_MSFILTER", set(&fd, IPV6, MCAST_MSFILTER, &wanted))?;
    let found = because("reading it", filter_of(&fd, index, 9))?;
    check!(found == wanted, "{found:?} is not {wanted:?}");
    // What has no room is counted all the same.
    let found = because("reading two", filter_of(&fd, index, 2))?;
    check!(found == wanted[..144 + 256], "two of three are {found:?}");
    let wanted = group_filter(index, MCAST_EXCLUDE, &sources[..1]);
    because("MCAST_MSFILTER", set(&fd, IPV6, MCAST_MSFILTER, &wanted))?;
    let found = because("reading it", filter_of(&fd, index, 9))?;
    check!(found == wanted, "{found:?} is not {wanted:?}");
    let short = get(&fd, IPV6, MCAST_MSFILTER, &mut [0; 143]);
    check!(short == Err(Errno::INVAL), "asked with too little: {short:?}");
    Ok(())
}

fn bound_to_device() -> Outcome {
    Network::open()?.adapter()?;
    let (server, address) = bound_udp(Ipv6Addr::UNSPECIFIED, 0)?;
    let name = format!("{ADAPTER}\0");
    because("SO_BINDTODEVICE", set(&server, SOCKET, SO_BINDTODEVICE, name.as_bytes()))?;
    let client = udp()?;
    let to = SocketAddrV6::new(HERE, address.port(), 0, 0);
    send(&client, b"over lo", to)?;
    receive_none(&server)?;
    because("SO_BINDTODEVICE", set(&server, SOCKET, SO_BINDTODEVICE, b"\0"))?;
    send(&client, b"over lo again", to)?;
    check!(receive_any(&server)?.data == b"over lo again", "another datagram");
    let missing = set(&server, SOCKET, SO_BINDTODEVICE, b"nothing7\0");
    check!(missing == Err(Errno::NODEV), "a device that is not there: {missing:?}");
    Ok(())
}
