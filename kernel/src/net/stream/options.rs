//! Socket options of stream sockets: numbers and bytes to the stack's typed options.

use super::{StreamSocket, info, shared_errno};
use crate::net::option::{
    emit_address_preferences, emit_bool, emit_u32, read_address_preferences, read_bool, read_i32,
    read_path_mtu_discovery, read_u32,
};
use crate::net::{change_stack, datagram, with_stack};
use crate::syscall::errno::Errno;
use crate::time::{self, Duration};
use ::net::interface::InterfaceIndex;
use ::net::tcp::{CongestionAlgorithm, TcpInfo, TcpSocketOptions, TcpState};
use ::net::wire::ipv6::{HopLimit, TrafficClass};
use alloc::vec::Vec;
use linux_raw_sys::net::{
    IPV6_ADDR_PREFERENCES, IPV6_AUTOFLOWLABEL, IPV6_MTU, IPV6_MTU_DISCOVER, IPV6_RECVERR,
    IPV6_TCLASS, IPV6_UNICAST_HOPS, IPV6_UNICAST_IF, IPV6_V6ONLY, SO_ACCEPTCONN, SO_BINDTODEVICE,
    SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_RCVBUF, SO_RCVLOWAT, SO_REUSEADDR, SO_REUSEPORT,
    SO_SNDBUF, SOL_IPV6, SOL_SOCKET, SOL_TCP, TCP_CONGESTION, TCP_CORK, TCP_INFO, TCP_KEEPCNT,
    TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_MAXSEG, TCP_NODELAY, TCP_QUICKACK, TCP_SYNCNT,
    TCP_USER_TIMEOUT,
};

/// What a program may ask for with SO_RCVBUF and SO_SNDBUF (net.core.rmem_max).
const BUFFER_MAX: u32 = 212_992;
/// TCP_CA_NAME_MAX.
const CONGESTION_NAME_LENGTH: usize = 16;
/// What the buffers are shown as before they have been set or have grown (net.ipv4.tcp_rmem).
const RECEIVE_DEFAULT: u32 = 131_072;
const SEND_DEFAULT: u32 = 16_384;
/// How many SYNs fit into the time that the stack takes when nobody has said anything.
pub(in crate::net) const SYN_RETRIES: u8 = 6;

/// How much may wait in each direction, as SO_RCVBUF and SO_SNDBUF show it.
pub(in crate::net) fn buffer_sizes(
    options: &TcpSocketOptions,
    info: Option<&TcpInfo>,
) -> (u32, u32) {
    let receive = options.receive_buffer.or(info.map(|info| info.receive_buffer));
    (receive.unwrap_or(RECEIVE_DEFAULT), options.send_buffer.unwrap_or(SEND_DEFAULT))
}

pub(super) fn set(socket: &StreamSocket, level: u32, name: u32, value: &[u8]) -> Result<(), Errno> {
    match level {
        SOL_SOCKET => set_socket(socket, name, value),
        SOL_IPV6 => set_ipv6(socket, name, value),
        SOL_TCP => set_tcp(socket, name, value),
        _ => Err(Errno::NOPROTOOPT),
    }
}

fn change(socket: &StreamSocket, change: impl FnOnce(&mut TcpSocketOptions)) -> Result<(), Errno> {
    change_stack(|stack| stack.change_tcp_options(socket.id, change, time::now()))
        .map_err(shared_errno::option)
}

fn set_socket(socket: &StreamSocket, name: u32, value: &[u8]) -> Result<(), Errno> {
    match name {
        SO_REUSEADDR => {
            let on = read_bool(value)?;
            change(socket, |options| options.reuse_address = on)
        }
        SO_REUSEPORT => {
            let on = read_bool(value)?;
            change(socket, |options| options.reuse_port = on)
        }
        SO_KEEPALIVE => {
            let on = read_bool(value)?;
            change(socket, |options| options.keep_alive = on)
        }
        // Linux doubles what is asked for, and says so.
        SO_RCVBUF => {
            let octets = read_u32(value)?.min(BUFFER_MAX) * 2;
            change(socket, |options| options.receive_buffer = Some(octets))
        }
        SO_SNDBUF => {
            let octets = read_u32(value)?.min(BUFFER_MAX) * 2;
            change(socket, |options| options.send_buffer = Some(octets))
        }
        SO_RCVLOWAT => {
            // Whatever is no sensible number of octets means one, or as many as possible.
            let octets = read_i32(value)?;
            let octets = u32::try_from(octets).unwrap_or(i32::MAX.cast_unsigned());
            change(socket, |options| options.receive_low_water = octets)
        }
        SO_LINGER => {
            // `struct linger`: on or off, and seconds.
            let seconds = value.get(4..).ok_or(Errno::INVAL).and_then(read_u32)?;
            let time = Duration::from_secs(u64::from(seconds));
            socket.linger.set(read_bool(value)?.then_some(time));
            Ok(())
        }
        SO_BINDTODEVICE => {
            let name = value.split(|byte| *byte == 0).next().unwrap_or_default();
            let device = if name.is_empty() {
                None
            } else {
                let found = with_stack(|stack| datagram::interface_by_name(stack, name));
                Some(found.ok_or(Errno::NODEV)?)
            };
            change(socket, |options| options.device = device)
        }
        _ => Err(Errno::NOPROTOOPT),
    }
}

/// A value of 0 to 255, or -1 for the default.
fn octet(value: &[u8]) -> Result<Option<u8>, Errno> {
    match read_i32(value)? {
        -1 => Ok(None),
        number => u8::try_from(number).map(Some).map_err(|_| Errno::INVAL),
    }
}

fn set_ipv6(socket: &StreamSocket, name: u32, value: &[u8]) -> Result<(), Errno> {
    if let Some(flag) = datagram::wanted(SOL_IPV6, name) {
        let mut wanted = socket.wanted.get();
        wanted.set(flag, read_bool(value)?);
        socket.wanted.set(wanted);
        return Ok(());
    }
    match name {
        IPV6_V6ONLY => {
            let on = read_bool(value)?;
            let port = with_stack(|stack| stack.tcp_local_address(socket.id));
            if port.is_some_and(|local| local.port() != 0) {
                return Err(Errno::INVAL);
            }
            change(socket, |options| options.only_v6 = on)
        }
        IPV6_UNICAST_HOPS => {
            let hops = octet(value)?;
            if hops == Some(0) {
                return Err(Errno::INVAL);
            }
            change(socket, |options| options.unicast_hops = hops.map(HopLimit))
        }
        IPV6_TCLASS => {
            let class = octet(value)?.map(TrafficClass).unwrap_or_default();
            change(socket, |options| options.traffic_class = class)
        }
        IPV6_RECVERR => {
            let on = read_bool(value)?;
            change(socket, |options| options.receive_errors = on)
        }
        IPV6_AUTOFLOWLABEL => {
            let on = read_bool(value)?;
            change(socket, |options| options.auto_flow_label = on)
        }
        IPV6_ADDR_PREFERENCES => {
            let Some(preference) = read_address_preferences(value)? else { return Ok(()) };
            change(socket, |options| options.source_preference = preference)
        }
        IPV6_MTU_DISCOVER => {
            let discovery = read_path_mtu_discovery(value)?;
            change(socket, |options| options.path_mtu_discovery = discovery)
        }
        IPV6_UNICAST_IF => {
            // In network byte order, as Linux has it.
            let interface = InterfaceIndex::new(u32::from_be(read_u32(value)?));
            change(socket, |options| options.unicast_interface = interface)
        }
        _ => Err(Errno::NOPROTOOPT),
    }
}

fn set_tcp(socket: &StreamSocket, name: u32, value: &[u8]) -> Result<(), Errno> {
    if name == TCP_CONGESTION {
        // A name, with or without its NUL.
        let name = value.split(|byte| *byte == 0).next().unwrap_or_default();
        let name = core::str::from_utf8(name).map_err(|_| Errno::NOENT)?;
        let algorithm = CongestionAlgorithm::from_name(name).ok_or(Errno::NOENT)?;
        return change(socket, |options| options.congestion = algorithm);
    }
    let number = read_u32(value)?;
    let seconds = Duration::from_secs(u64::from(number));
    match name {
        TCP_NODELAY => change(socket, |options| options.no_delay = number != 0),
        TCP_CORK => change(socket, |options| options.cork = number != 0),
        TCP_QUICKACK => change(socket, |options| options.quick_ack = number != 0),
        TCP_KEEPIDLE => change(socket, |options| options.keep_idle = seconds),
        TCP_KEEPINTVL => change(socket, |options| options.keep_interval = seconds),
        TCP_KEEPCNT => {
            let count = u8::try_from(number).map_err(|_| Errno::INVAL)?;
            change(socket, |options| options.keep_count = count)
        }
        TCP_SYNCNT => {
            let count = u8::try_from(number).map_err(|_| Errno::INVAL)?;
            change(socket, |options| options.syn_retries = Some(count))
        }
        TCP_MAXSEG => {
            let size = u16::try_from(number).map_err(|_| Errno::INVAL)?;
            change(socket, |options| options.maximum_segment = (size != 0).then_some(size))
        }
        TCP_USER_TIMEOUT => {
            let timeout = Duration::from_millis(u64::from(number));
            change(socket, |options| options.user_timeout = (number != 0).then_some(timeout))
        }
        _ => Err(Errno::NOPROTOOPT),
    }
}

pub(super) fn get(socket: &StreamSocket, level: u32, name: u32) -> Result<Vec<u8>, Errno> {
    if let Some(flag) = datagram::wanted(level, name).filter(|_| level == SOL_IPV6) {
        return Ok(emit_bool(socket.wanted.get().contains(flag)));
    }
    let options = with_stack(|stack| stack.tcp_options(socket.id)).ok_or(Errno::BADF)?;
    match level {
        SOL_SOCKET => get_socket(socket, &options, name),
        SOL_IPV6 => Ok(match name {
            IPV6_V6ONLY => emit_bool(options.only_v6),
            IPV6_UNICAST_HOPS => {
                emit_u32(u32::from(options.unicast_hops.unwrap_or(HopLimit::DEFAULT).0))
            }
            IPV6_TCLASS => emit_u32(u32::from(options.traffic_class.0)),
            IPV6_RECVERR => emit_bool(options.receive_errors),
            IPV6_AUTOFLOWLABEL => emit_bool(options.auto_flow_label),
            IPV6_ADDR_PREFERENCES => emit_address_preferences(options.source_preference),
            IPV6_MTU_DISCOVER => emit_u32(options.path_mtu_discovery.number().into()),
            IPV6_UNICAST_IF => {
                emit_u32(options.unicast_interface.map_or(0, InterfaceIndex::get).to_be())
            }
            IPV6_MTU => {
                let mtu = with_stack(|stack| stack.tcp_path_mtu(socket.id));
                emit_u32(mtu.ok_or(Errno::NOTCONN)?.into())
            }
            _ => return Err(Errno::NOPROTOOPT),
        }),
        SOL_TCP => get_tcp(socket, &options, name),
        _ => Err(Errno::NOPROTOOPT),
    }
}

fn get_socket(
    socket: &StreamSocket,
    options: &TcpSocketOptions,
    name: u32,
) -> Result<Vec<u8>, Errno> {
    Ok(match name {
        SO_REUSEADDR => emit_bool(options.reuse_address),
        SO_REUSEPORT => emit_bool(options.reuse_port),
        SO_KEEPALIVE => emit_bool(options.keep_alive),
        SO_RCVBUF => emit_u32(options.receive_buffer.unwrap_or(RECEIVE_DEFAULT)),
        SO_SNDBUF => emit_u32(options.send_buffer.unwrap_or(SEND_DEFAULT)),
        SO_LINGER => {
            let linger = socket.linger.get();
            let seconds =
                linger.map_or(0, |time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
            [emit_bool(linger.is_some()), emit_u32(seconds)].concat()
        }
        SO_ERROR => {
            let error = socket.take_failure();
            emit_u32(error.map_or(0, |error| u32::from(error.raw())))
        }
        SO_RCVLOWAT => emit_u32(options.receive_low_water),
        SO_ACCEPTCONN => emit_bool(socket.state() == TcpState::Listen),
        SO_BINDTODEVICE => with_stack(|stack| {
            let interface =
                options.device.and_then(|device: InterfaceIndex| stack.interface(device));
            interface.map_or(Vec::new(), |interface| interface.name().bytes().chain([0]).collect())
        }),
        _ => return Err(Errno::NOPROTOOPT),
    })
}

fn get_tcp(socket: &StreamSocket, options: &TcpSocketOptions, name: u32) -> Result<Vec<u8>, Errno> {
    let seconds = |time: Duration| emit_u32(u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
    Ok(match name {
        TCP_NODELAY => emit_bool(options.no_delay),
        TCP_CORK => emit_bool(options.cork),
        TCP_QUICKACK => emit_bool(options.quick_ack),
        TCP_KEEPIDLE => seconds(options.keep_idle),
        TCP_KEEPINTVL => seconds(options.keep_interval),
        TCP_KEEPCNT => emit_u32(u32::from(options.keep_count)),
        TCP_SYNCNT => emit_u32(options.syn_retries.unwrap_or(SYN_RETRIES).into()),
        TCP_MAXSEG => {
            let info = with_stack(|stack| stack.tcp_info(socket.id, time::now()));
            emit_u32(info.map_or(536, |info| info.send_mss))
        }
        TCP_CONGESTION => {
            // Padded with zeros to the length of the longest name (TCP_CA_NAME_MAX).
            let mut name = options.congestion.name().as_bytes().to_vec();
            name.resize(CONGESTION_NAME_LENGTH, 0);
            name
        }
        TCP_INFO => with_stack(|stack| {
            if let Some(info) = stack.tcp_info(socket.id, time::now()) {
                return info::emit(&info);
            }
            let state = stack.tcp_state(socket.id).unwrap_or(TcpState::Closed);
            let listed = stack.tcp_sockets().find(|summary| summary.id == Some(socket.id));
            let (waiting, backlog) =
                listed.map_or((0, 0), |summary| (summary.receive_queue, summary.send_queue));
            info::emit_idle(state, waiting, backlog)
        }),
        TCP_USER_TIMEOUT => {
            let millis = options.user_timeout.unwrap_or_default().as_millis();
            emit_u32(u32::try_from(millis).unwrap_or(u32::MAX))
        }
        _ => return Err(Errno::NOPROTOOPT),
    })
}
