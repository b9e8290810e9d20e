//! Socket options of datagram sockets: numbers and bytes to the stack's typed options.

use super::control_message::{mtu_info, octet, options_header, parse_packet_info};
use super::{DatagramSocket, Wanted, errno, interface_by_name, source_filter};
use crate::net::option::{
    emit_address_preferences, emit_bool, emit_u32, read_address_preferences, read_bool, read_i32,
    read_path_mtu_discovery, read_u32,
};
use crate::net::{change_stack, with_stack};
use crate::syscall::errno::Errno;
use crate::time;
use ::net::interface::InterfaceIndex;
use ::net::socket::{Icmpv6Filter, SetOption, SocketKind};
use ::net::wire::ipv6::{HopLimit, TrafficClass};
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};
use linux_raw_sys::net::{
    IPV6_2292HOPLIMIT, IPV6_2292PKTINFO, IPV6_ADD_MEMBERSHIP, IPV6_ADDR_PREFERENCES,
    IPV6_AUTOFLOWLABEL, IPV6_CHECKSUM, IPV6_DONTFRAG, IPV6_DROP_MEMBERSHIP, IPV6_DSTOPTS,
    IPV6_FLOWINFO, IPV6_FLOWINFO_SEND, IPV6_HOPOPTS, IPV6_JOIN_ANYCAST, IPV6_LEAVE_ANYCAST,
    IPV6_MTU, IPV6_MTU_DISCOVER, IPV6_MULTICAST_ALL, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF,
    IPV6_MULTICAST_LOOP, IPV6_PATHMTU, IPV6_PKTINFO, IPV6_RECVDSTOPTS, IPV6_RECVERR,
    IPV6_RECVHOPLIMIT, IPV6_RECVHOPOPTS, IPV6_RECVPATHMTU, IPV6_RECVPKTINFO, IPV6_RECVRTHDR,
    IPV6_RECVTCLASS, IPV6_RTHDRDSTOPTS, IPV6_TCLASS, IPV6_UNICAST_HOPS, IPV6_UNICAST_IF,
    IPV6_V6ONLY, SO_BINDTODEVICE, SO_BINDTOIFINDEX, SO_ERROR, SO_RCVBUF, SO_RCVBUFFORCE,
    SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SO_SNDBUFFORCE, SO_TIMESTAMP, SO_TIMESTAMPNS,
    SOL_ICMPV6, SOL_IPV6, SOL_RAW, SOL_SOCKET, SOL_UDP,
};

/// UDP_NO_CHECK6_TX and UDP_NO_CHECK6_RX (linux/udp.h), which the crate lacks, too.
const UDP_NO_CHECK6_TX: u32 = 101;
const UDP_NO_CHECK6_RX: u32 = 102;
/// ICMPV6_FILTER (linux/icmpv6.h), which the crate with the other constants lacks.
const ICMPV6_FILTER: u32 = 1;
/// net.core.rmem_max and wmem_max: what a program may ask for.
const BUFFER_MAX: u32 = 212_992;
/// SOCK_MIN_RCVBUF and SOCK_MIN_SNDBUF of Linux.
const RECEIVE_BUFFER_MIN: usize = 2304;
const SEND_BUFFER_MIN: usize = 4608;
/// Where an ICMPv6 message has its checksum.
const CHECKSUM_OFFSET: u32 = 2;

pub(super) fn set(
    socket: &DatagramSocket,
    level: u32,
    name: u32,
    value: &[u8],
) -> Result<(), Errno> {
    if let Some(flag) = wanted(level, name) {
        let mut wanted = socket.wanted.get();
        let on = read_bool(value)?;
        wanted.set(flag, on);
        socket.wanted.set(wanted);
        if flag == Wanted::PATH_MTU {
            return apply(socket, SetOption::ReceivePathMtu(on));
        }
        if Wanted::HEADERS.contains(flag) {
            let any = wanted.intersects(Wanted::HEADERS);
            return apply(socket, SetOption::ReceiveHeaders(any));
        }
        return Ok(());
    }
    match level {
        SOL_SOCKET => set_socket(socket, name, value),
        SOL_IPV6 => set_ipv6(socket, name, value),
        SOL_ICMPV6 if name == ICMPV6_FILTER => set_filter(socket, value),
        SOL_UDP if socket.kind == SocketKind::Udp => {
            let on = read_bool(value)?;
            match name {
                UDP_NO_CHECK6_TX => apply(socket, SetOption::SendUnchecked(on)),
                UDP_NO_CHECK6_RX => apply(socket, SetOption::ReceiveUnchecked(on)),
                _ => Err(Errno::NOPROTOOPT),
            }
        }
        // The checksum of ICMPv6 is not for programs to place; asking for where it is, is fine.
        SOL_RAW if name == IPV6_CHECKSUM && socket.kind == SocketKind::Icmpv6Raw => {
            if read_u32(value)? == CHECKSUM_OFFSET { Ok(()) } else { Err(Errno::INVAL) }
        }
        _ => Err(Errno::NOPROTOOPT),
    }
}

/// The options that ask for a control message.
pub(in crate::net) fn wanted(level: u32, name: u32) -> Option<Wanted> {
    Some(match (level, name) {
        (SOL_IPV6, IPV6_RECVPKTINFO) => Wanted::PACKET_INFO,
        (SOL_IPV6, IPV6_RECVHOPLIMIT) => Wanted::HOP_LIMIT,
        (SOL_IPV6, IPV6_RECVTCLASS) => Wanted::TRAFFIC_CLASS,
        (SOL_IPV6, IPV6_RECVPATHMTU) => Wanted::PATH_MTU,
        (SOL_IPV6, IPV6_RECVHOPOPTS) => Wanted::HOP_BY_HOP,
        (SOL_IPV6, IPV6_RECVDSTOPTS) => Wanted::DESTINATION_OPTIONS,
        (SOL_IPV6, IPV6_RECVRTHDR) => Wanted::ROUTING,
        (SOL_IPV6, IPV6_FLOWINFO) => Wanted::FLOW_INFO,
        (SOL_IPV6, IPV6_2292PKTINFO) => Wanted::OLD_PACKET_INFO,
        (SOL_IPV6, IPV6_2292HOPLIMIT) => Wanted::OLD_HOP_LIMIT,
        (SOL_SOCKET, SO_TIMESTAMP) => Wanted::TIMESTAMP,
        (SOL_SOCKET, SO_TIMESTAMPNS) => Wanted::TIMESTAMP_NANOSECONDS,
        _ => return None,
    })
}

fn apply(socket: &DatagramSocket, option: SetOption) -> Result<(), Errno> {
    change_stack(|stack| stack.set_socket_option(socket.id, option)).map_err(errno::option)
}

/// Linux doubles what a program asks for, to account for its own overhead, and says so.
fn buffer_size(value: &[u8], minimum: usize) -> Result<usize, Errno> {
    let asked = read_u32(value)?.min(BUFFER_MAX);
    Ok((asked as usize * 2).max(minimum))
}

fn set_socket(socket: &DatagramSocket, name: u32, value: &[u8]) -> Result<(), Errno> {
    let option = match name {
        SO_REUSEADDR => SetOption::ReuseAddress(read_bool(value)?),
        SO_REUSEPORT => SetOption::ReusePort(read_bool(value)?),
        SO_RCVBUF | SO_RCVBUFFORCE => {
            SetOption::ReceiveBuffer(buffer_size(value, RECEIVE_BUFFER_MIN)?)
        }
        SO_SNDBUF | SO_SNDBUFFORCE => SetOption::SendBuffer(buffer_size(value, SEND_BUFFER_MIN)?),
        SO_BINDTODEVICE => {
            let name = value.split(|byte| *byte == 0).next().unwrap_or_default();
            let device = if name.is_empty() {
                None
            } else {
                let found = with_stack(|stack| interface_by_name(stack, name));
                Some(found.ok_or(Errno::NODEV)?)
            };
            SetOption::Device(device)
        }
        SO_BINDTOIFINDEX => SetOption::Device(InterfaceIndex::new(read_u32(value)?)),
        _ => return Err(Errno::NOPROTOOPT),
    };
    apply(socket, option)
}

fn set_ipv6(socket: &DatagramSocket, name: u32, value: &[u8]) -> Result<(), Errno> {
    let option = match name {
        IPV6_UNICAST_HOPS => {
            let hops = octet(read_i32(value)?)?;
            if hops == Some(0) {
                return Err(Errno::INVAL);
            }
            SetOption::UnicastHops(hops.map(HopLimit))
        }
        IPV6_MULTICAST_HOPS => SetOption::MulticastHops(octet(read_i32(value)?)?.map(HopLimit)),
        IPV6_MULTICAST_IF => SetOption::MulticastInterface(InterfaceIndex::new(read_u32(value)?)),
        IPV6_MULTICAST_LOOP => match read_u32(value)? {
            loops @ (0 | 1) => SetOption::MulticastLoop(loops == 1),
            _ => return Err(Errno::INVAL),
        },
        IPV6_MULTICAST_ALL => SetOption::MulticastAll(read_bool(value)?),
        IPV6_V6ONLY => SetOption::OnlyV6(read_bool(value)?),
        IPV6_TCLASS => SetOption::TrafficClass(octet(read_i32(value)?)?.map(TrafficClass)),
        IPV6_RECVERR => SetOption::ReceiveErrors(read_bool(value)?),
        IPV6_DONTFRAG => SetOption::DontFragment(read_bool(value)?),
        IPV6_MTU_DISCOVER => SetOption::PathMtuDiscovery(read_path_mtu_discovery(value)?),
        IPV6_MTU => {
            let size = u16::try_from(read_u32(value)?).map_err(|_| Errno::INVAL)?;
            SetOption::FragmentSize((size != 0).then_some(size))
        }
        // In network byte order, as Linux has it.
        IPV6_UNICAST_IF => {
            SetOption::UnicastInterface(InterfaceIndex::new(u32::from_be(read_u32(value)?)))
        }
        IPV6_AUTOFLOWLABEL => SetOption::AutoFlowLabel(read_bool(value)?),
        IPV6_ADDR_PREFERENCES => match read_address_preferences(value)? {
            Some(preference) => SetOption::SourcePreference(preference),
            None => return Ok(()),
        },
        IPV6_PKTINFO => {
            let (source, interface) = parse_packet_info(value)?;
            let mut sticky = socket.sticky.borrow_mut();
            (sticky.source, sticky.interface) = (source, interface);
            return Ok(());
        }
        IPV6_HOPOPTS | IPV6_DSTOPTS | IPV6_RTHDRDSTOPTS => return set_header(socket, name, value),
        IPV6_FLOWINFO_SEND => {
            socket.sticky.borrow_mut().sends_flow_label = read_bool(value)?;
            return Ok(());
        }
        IPV6_ADD_MEMBERSHIP | IPV6_DROP_MEMBERSHIP => return membership(socket, name, value),
        IPV6_JOIN_ANYCAST | IPV6_LEAVE_ANYCAST => return anycast(socket, name, value),
        name if source_filter::is_one(name) => return source_filter::set(socket, name, value),
        // At this level Linux refuses it for ICMPv6 sockets.
        IPV6_CHECKSUM => return Err(Errno::INVAL),
        _ => return Err(Errno::NOPROTOOPT),
    };
    apply(socket, option)
}

/// An options header for everything that is sent; no octets take it back. Its length is a multiple
/// of eight, as Linux demands.
fn set_header(socket: &DatagramSocket, name: u32, value: &[u8]) -> Result<(), Errno> {
    if !value.is_empty() && (!value.len().is_multiple_of(8) || options_header(value).is_err()) {
        return Err(Errno::INVAL);
    }
    let mut sticky = socket.sticky.borrow_mut();
    match name {
        IPV6_HOPOPTS => sticky.hop_by_hop = value.to_vec(),
        IPV6_DSTOPTS => sticky.destination = value.to_vec(),
        _ => sticky.routing_destination = value.to_vec(),
    }
    Ok(())
}

/// `ipv6_mreq`: a group and the interface to hear it on.
fn membership(socket: &DatagramSocket, name: u32, value: &[u8]) -> Result<(), Errno> {
    let group = super::address(value)?;
    let number = value.get(16..).ok_or(Errno::INVAL).and_then(read_u32)?;
    let interface = InterfaceIndex::new(number);
    change_stack(|stack| {
        if name == IPV6_ADD_MEMBERSHIP {
            stack.join_group(socket.id, group, interface, time::now())
        } else {
            stack.leave_group(socket.id, group, interface, time::now())
        }
    })
    .map_err(errno::membership)
}

/// `ipv6_mreq`, nothing more: an anycast address and the interface that is to have it.
fn anycast(socket: &DatagramSocket, name: u32, value: &[u8]) -> Result<(), Errno> {
    let value: &[u8; 20] = value.try_into().map_err(|_| Errno::INVAL)?;
    let address = super::address(value)?;
    let interface = value.get(16..).ok_or(Errno::INVAL).and_then(read_u32)?;
    let interface = InterfaceIndex::new(interface);
    change_stack(|stack| {
        if name == IPV6_JOIN_ANYCAST {
            stack.join_anycast(socket.id, address, interface, time::now())
        } else {
            stack.leave_anycast(socket.id, address, interface, time::now())
        }
    })
    .map_err(errno::anycast)
}

/// `icmp6_filter`: eight words, a set bit blocks.
fn set_filter(socket: &DatagramSocket, value: &[u8]) -> Result<(), Errno> {
    let mut filter = Icmpv6Filter::PASS_ALL;
    for (word, bytes) in filter.0.iter_mut().zip(value.chunks_exact(4)) {
        *word = read_u32(bytes)?;
    }
    apply(socket, SetOption::Icmpv6Filter(filter))
}

pub(super) fn get(socket: &DatagramSocket, level: u32, name: u32) -> Result<Vec<u8>, Errno> {
    if let Some(flag) = wanted(level, name) {
        return Ok(emit_bool(socket.wanted.get().contains(flag)));
    }
    match level {
        SOL_SOCKET => get_socket(socket, name),
        SOL_IPV6 => get_ipv6(socket, name),
        SOL_ICMPV6 if name == ICMPV6_FILTER && socket.kind == SocketKind::Icmpv6Raw => {
            let filter = with_stack(|stack| stack.icmpv6_filter(socket.id)).ok_or(Errno::BADF)?;
            Ok(filter.0.iter().flat_map(|word| word.to_ne_bytes()).collect())
        }
        SOL_RAW if name == IPV6_CHECKSUM && socket.kind == SocketKind::Icmpv6Raw => {
            Ok(emit_u32(CHECKSUM_OFFSET))
        }
        SOL_UDP if socket.kind == SocketKind::Udp => {
            let options =
                with_stack(|stack| stack.socket_options(socket.id).copied()).ok_or(Errno::BADF)?;
            match name {
                UDP_NO_CHECK6_TX => Ok(emit_bool(options.send_unchecked)),
                UDP_NO_CHECK6_RX => Ok(emit_bool(options.receive_unchecked)),
                _ => Err(Errno::NOPROTOOPT),
            }
        }
        _ => Err(Errno::NOPROTOOPT),
    }
}

fn get_socket(socket: &DatagramSocket, name: u32) -> Result<Vec<u8>, Errno> {
    let options =
        with_stack(|stack| stack.socket_options(socket.id).copied()).ok_or(Errno::BADF)?;
    Ok(match name {
        SO_REUSEADDR => emit_bool(options.reuse_address),
        SO_REUSEPORT => emit_bool(options.reuse_port),
        SO_RCVBUF => emit_u32(u32::try_from(options.receive_buffer).unwrap_or(u32::MAX)),
        SO_SNDBUF => emit_u32(u32::try_from(options.send_buffer).unwrap_or(u32::MAX)),
        SO_BINDTODEVICE => with_stack(|stack| {
            let interface = options.device.and_then(|device| stack.interface(device));
            interface.map_or(Vec::new(), |interface| interface.name().bytes().chain([0]).collect())
        }),
        SO_BINDTOIFINDEX => emit_u32(options.device.map_or(0, InterfaceIndex::get)),
        SO_ERROR => {
            let error = change_stack(|stack| stack.take_socket_error(socket.id));
            emit_u32(error.map_or(0, |error| u32::from(errno::socket(error).raw())))
        }
        _ => return Err(Errno::NOPROTOOPT),
    })
}

fn get_ipv6(socket: &DatagramSocket, name: u32) -> Result<Vec<u8>, Errno> {
    let options =
        with_stack(|stack| stack.socket_options(socket.id).copied()).ok_or(Errno::BADF)?;
    let hops = options.unicast_hops.unwrap_or(HopLimit::DEFAULT);
    Ok(match name {
        IPV6_UNICAST_HOPS => emit_u32(u32::from(hops.0)),
        IPV6_MULTICAST_HOPS => emit_u32(u32::from(options.multicast_hops.0)),
        IPV6_MULTICAST_IF => emit_u32(options.multicast_interface.map_or(0, InterfaceIndex::get)),
        IPV6_MULTICAST_LOOP => emit_bool(options.multicast_loop),
        IPV6_MULTICAST_ALL => emit_bool(options.multicast_all),
        IPV6_V6ONLY => emit_bool(options.only_v6),
        IPV6_TCLASS => emit_u32(u32::from(options.traffic_class.0)),
        IPV6_RECVERR => emit_bool(options.receive_errors),
        IPV6_DONTFRAG => emit_bool(options.dont_fragment),
        IPV6_MTU_DISCOVER => emit_u32(options.path_mtu_discovery.number().into()),
        IPV6_UNICAST_IF => {
            emit_u32(options.unicast_interface.map_or(0, InterfaceIndex::get).to_be())
        }
        IPV6_AUTOFLOWLABEL => emit_bool(options.auto_flow_label),
        IPV6_ADDR_PREFERENCES => emit_address_preferences(options.source_preference),
        IPV6_HOPOPTS => socket.sticky.borrow().hop_by_hop.clone(),
        IPV6_DSTOPTS => socket.sticky.borrow().destination.clone(),
        IPV6_RTHDRDSTOPTS => socket.sticky.borrow().routing_destination.clone(),
        IPV6_FLOWINFO_SEND => emit_bool(socket.sticky.borrow().sends_flow_label),
        IPV6_MTU => {
            let mtu = with_stack(|stack| stack.path_mtu(socket.id, time::now()));
            emit_u32(mtu.ok_or(Errno::NOTCONN)?.into())
        }
        IPV6_PATHMTU => {
            let mtu = with_stack(|stack| stack.path_mtu(socket.id, time::now()));
            let anywhere = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0);
            mtu_info(anywhere, mtu.ok_or(Errno::NOTCONN)?)
        }
        _ => return Err(Errno::NOPROTOOPT),
    })
}
