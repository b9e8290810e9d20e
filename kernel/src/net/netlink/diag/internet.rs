//! Sockets of AF_INET6: TCP, UDP and raw ones, as `struct inet_diag_msg` and attributes.

use super::request::{Attribute, InternetRequest, SOCKET_ID_LENGTH, cookie};
use crate::net::netlink::message::{Builder, Header};
use crate::net::netlink::request::Dump;
use crate::net::{KernelStack, change_stack, datagram, stream, with_stack};
use crate::syscall::errno::Errno;
use crate::time::{self, Instant};
use ::net::interface::InterfaceIndex;
use ::net::socket::{SocketInfo, SocketKind};
use ::net::tcp::{TcpState, TcpSummary};
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};
use linux_raw_sys::net::{AF_INET6, IPPROTO_ICMPV6, IPPROTO_RAW, IPPROTO_TCP, IPPROTO_UDP};

const TCP: u8 = IPPROTO_TCP as u8;
const UDP: u8 = IPPROTO_UDP as u8;
const RAW: u8 = IPPROTO_RAW as u8;

/// No address and no port.
const NOWHERE: SocketAddrV6 = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0);

// RCV_SHUTDOWN and SEND_SHUTDOWN of Linux.
const RECEIVE_SHUT_DOWN: u8 = 1;
const SEND_SHUT_DOWN: u8 = 2;

/// What every protocol's sockets have.
struct Common {
    state: u8,
    local: SocketAddrV6,
    remote: SocketAddrV6,
    device: u32,
    /// Kind of timer, how often it ran, and milliseconds until it does.
    timer: (u8, u8, u32),
    receive_queue: u32,
    send_queue: u32,
    inode: u64,
}

impl Common {
    fn of_stream(summary: &TcpSummary, now: Instant) -> Self {
        let (timer, expires) = summary.timer.map_or((0, 0), |(timer, at)| {
            let left = at.saturating_since(now).as_millis();
            (timer.number(), u32::try_from(left).unwrap_or(u32::MAX))
        });
        let runs = if summary.retransmits > 0 { summary.retransmits } else { summary.probes };
        Self {
            state: summary.state.number(),
            local: summary.local,
            remote: summary.remote.unwrap_or(NOWHERE),
            device: scope(summary.device, summary.local, summary.remote),
            timer: (timer, runs, expires),
            receive_queue: summary.receive_queue,
            send_queue: summary.send_queue,
            inode: summary.id.and_then(stream::inode).unwrap_or(0),
        }
    }

    fn of_datagram(info: &SocketInfo, device: Option<InterfaceIndex>) -> Self {
        let state = if info.remote.is_some() { TcpState::Established } else { TcpState::Closed };
        let mut local = info.local;
        if info.kind == SocketKind::Icmpv6Raw {
            // The port of a raw socket is its protocol.
            local.set_port(IPPROTO_ICMPV6 as u16);
        }
        Self {
            state: state.number(),
            local,
            remote: info.remote.unwrap_or(NOWHERE),
            device: scope(device, info.local, info.remote),
            timer: (0, 0, 0),
            receive_queue: u32::try_from(info.received_octets).unwrap_or(u32::MAX),
            send_queue: 0,
            inode: datagram::inode(info.id).unwrap_or(0),
        }
    }

    fn is_selected_by(&self, request: &InternetRequest) -> bool {
        request.selects(self.state, self.local, self.remote, self.device)
    }

    /// Whether the request names this socket: both ends, or the local one of a listener.
    fn is_named_by(&self, request: &InternetRequest) -> bool {
        let same = |a: SocketAddrV6, b: SocketAddrV6| a.port() == b.port() && a.ip() == b.ip();
        let local = same(self.local, request.local)
            || self.local.ip().is_unspecified() && self.local.port() == request.local.port();
        let remote = self.remote.port() == 0 || same(self.remote, request.remote);
        local && remote && request.has_cookie(self.inode)
    }

    /// `inet_diag_msg`.
    fn begin(&self, header: Header) -> Builder {
        let mut body = Vec::with_capacity(24 + SOCKET_ID_LENGTH);
        let (timer, runs, expires) = self.timer;
        body.extend_from_slice(&[AF_INET6 as u8, self.state, timer, runs]);
        body.extend_from_slice(&self.local.port().to_be_bytes());
        body.extend_from_slice(&self.remote.port().to_be_bytes());
        body.extend_from_slice(&self.local.ip().octets());
        body.extend_from_slice(&self.remote.ip().octets());
        body.extend_from_slice(&self.device.to_ne_bytes());
        let [low, high] = cookie(self.inode);
        // Everybody is user 0.
        for word in [low, high, expires, self.receive_queue, self.send_queue, 0, self.inode as u32]
        {
            body.extend_from_slice(&word.to_ne_bytes());
        }
        Builder::new(header).body(&body)
    }
}

/// The interface of a socket: the one it is bound to, or the zone of its addresses.
fn scope(device: Option<InterfaceIndex>, local: SocketAddrV6, remote: Option<SocketAddrV6>) -> u32 {
    let zones = [local.scope_id(), remote.map_or(0, |remote| remote.scope_id())];
    let zone = zones.into_iter().find(|zone| *zone != 0);
    device.map(InterfaceIndex::get).or(zone).unwrap_or(0)
}

/// Memory of a socket: what waits and may wait on each side, and what was dropped.
struct Memory {
    received: u32,
    receive_limit: u32,
    sent: u32,
    send_limit: u32,
    drops: u32,
}

impl Memory {
    fn emit(&self, request: &InternetRequest, builder: &mut Builder) {
        if request.wants(Attribute::Memory) {
            // `inet_diag_meminfo`: allocated to receive, queued to send, set aside, allocated to
            // send.
            let words = [self.received, self.sent, 0, self.sent];
            builder.attribute(Attribute::Memory as u32, &words.map(u32::to_ne_bytes).concat());
        }
        if request.wants(Attribute::SocketMemory) {
            let words = self.socket_memory();
            let bytes = words.map(u32::to_ne_bytes).concat();
            builder.attribute(Attribute::SocketMemory as u32, &bytes);
        }
    }

    /// SK_MEMINFO_*: as `inet_diag_meminfo`, with the limits, and options, backlog and drops.
    fn socket_memory(&self) -> [u32; 9] {
        [
            self.received,
            self.receive_limit,
            self.sent,
            self.send_limit,
            0,
            self.sent,
            0,
            0,
            self.drops,
        ]
    }
}

/// Whether a list of stream sockets has it: one that is neither open nor bound is no use to
/// anybody.
fn is_listed(summary: &TcpSummary) -> bool {
    summary.state != TcpState::Closed
}

fn emit_stream(
    stack: &KernelStack,
    request: &InternetRequest,
    summary: &TcpSummary,
    common: &Common,
    header: Header,
    now: Instant,
) -> Vec<u8> {
    let mut builder = common.begin(header);
    let Some(id) = summary.id else {
        // Half-open connections and those that nobody owns have nothing more.
        return builder.finish();
    };
    let info = stack.tcp_info(id, now);
    let options = stack.tcp_options(id).unwrap_or_default();
    let ready = stack.tcp_readiness(id).unwrap_or_default();
    let over = matches!(
        summary.state,
        TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::Closing
            | TcpState::LastAck
            | TcpState::Closed
    );
    let shutdown = if ready.receive_shut_down { RECEIVE_SHUT_DOWN } else { 0 }
        | if over { SEND_SHUT_DOWN } else { 0 };
    builder.attribute_u8(Attribute::Shutdown as u32, shutdown);
    if request.wants(Attribute::TrafficClass) {
        builder.attribute_u8(Attribute::TrafficClass as u32, options.traffic_class.0);
    }
    if summary.state == TcpState::Listen {
        builder.attribute_u8(Attribute::OnlyV6 as u32, options.only_v6.into());
    }
    let (receive_limit, send_limit) = stream::buffer_sizes(&options, info.as_ref());
    let listens = summary.state == TcpState::Listen;
    let queued = |octets| if listens { 0 } else { octets };
    let memory = Memory {
        received: queued(summary.receive_queue),
        receive_limit,
        sent: queued(summary.send_queue),
        send_limit,
        drops: 0,
    };
    memory.emit(request, &mut builder);
    if request.wants(Attribute::Info) {
        let bytes = if let Some(info) = &info {
            stream::info(info)
        } else {
            let (waiting, backlog) = (summary.receive_queue, summary.send_queue);
            stream::idle_info(summary.state, waiting, backlog)
        };
        builder.attribute(Attribute::Info as u32, &bytes);
    }
    if request.wants(Attribute::Congestion) {
        let algorithm = info.map_or(options.congestion, |info| info.congestion);
        builder.attribute_string(Attribute::Congestion as u32, algorithm.name());
    }
    builder.finish()
}

fn emit_datagram(
    stack: &KernelStack,
    request: &InternetRequest,
    info: &SocketInfo,
    common: &Common,
    header: Header,
) -> Vec<u8> {
    let mut builder = common.begin(header);
    let options = stack.socket_options(info.id).copied().unwrap_or_default();
    let ready = stack.readiness(info.id).unwrap_or_default();
    let shutdown = if ready.receive_shut_down { RECEIVE_SHUT_DOWN } else { 0 }
        | if ready.send_shut_down { SEND_SHUT_DOWN } else { 0 };
    builder.attribute_u8(Attribute::Shutdown as u32, shutdown);
    if request.wants(Attribute::TrafficClass) {
        builder.attribute_u8(Attribute::TrafficClass as u32, options.traffic_class.0);
    }
    builder.attribute_u8(Attribute::OnlyV6 as u32, options.only_v6.into());
    if info.kind == SocketKind::Icmpv6Raw {
        builder.attribute_u8(Attribute::Protocol as u32, IPPROTO_ICMPV6 as u8);
    }
    let limit = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX);
    let memory = Memory {
        received: common.receive_queue,
        receive_limit: limit(options.receive_buffer),
        sent: 0,
        send_limit: limit(options.send_buffer),
        drops: u32::try_from(info.drops).unwrap_or(u32::MAX),
    };
    memory.emit(request, &mut builder);
    builder.finish()
}

/// The kind of datagram sockets that a protocol number stands for; `ENOENT` for another.
fn datagram_kind(protocol: u8) -> Result<SocketKind, Errno> {
    match protocol {
        UDP => Ok(SocketKind::Udp),
        RAW => Ok(SocketKind::Icmpv6Raw),
        _ => Err(Errno::NOENT),
    }
}

fn datagrams(
    stack: &KernelStack,
    kind: SocketKind,
) -> impl Iterator<Item = (SocketInfo, Common)> + '_ {
    let sockets = stack.sockets().filter(move |info| info.kind == kind);
    sockets.map(|info| {
        let device = stack.socket_options(info.id).and_then(|options| options.device);
        (info, Common::of_datagram(&info, device))
    })
}

/// All sockets that the request selects.
pub(super) fn dump(request: &InternetRequest, header: Header) -> Result<Dump, Errno> {
    let now = time::now();
    with_stack(|stack| {
        if request.protocol == TCP {
            let listed = stack.tcp_sockets().filter(is_listed);
            let messages = listed.filter_map(|summary| {
                let common = Common::of_stream(&summary, now);
                common
                    .is_selected_by(request)
                    .then(|| emit_stream(stack, request, &summary, &common, header, now))
            });
            return Ok(messages.collect());
        }
        let kind = datagram_kind(request.protocol)?;
        let messages = datagrams(stack, kind).filter_map(|(info, common)| {
            let used = common.local.port() != 0;
            (used && common.is_selected_by(request))
                .then(|| emit_datagram(stack, request, &info, &common, header))
        });
        Ok(messages.collect())
    })
}

/// The stream socket that the request names; a connection comes before a listener.
fn find_stream(
    stack: &KernelStack,
    request: &InternetRequest,
    now: Instant,
) -> Result<(TcpSummary, Common), Errno> {
    let named = stack.tcp_sockets().filter(is_listed).filter_map(|summary| {
        let common = Common::of_stream(&summary, now);
        common.is_named_by(request).then_some((summary, common))
    });
    named.min_by_key(|(summary, _)| summary.remote.is_none()).ok_or(Errno::NOENT)
}

/// The datagram socket that the request names; a connected one comes before another.
fn find_datagram(
    stack: &KernelStack,
    request: &InternetRequest,
) -> Result<(SocketInfo, Common), Errno> {
    let kind = datagram_kind(request.protocol)?;
    let named = datagrams(stack, kind).filter(|(_, common)| common.is_named_by(request));
    named.min_by_key(|(info, _)| info.remote.is_none()).ok_or(Errno::NOENT)
}

/// The socket that the request names; `ENOENT`: none.
pub(super) fn get(request: &InternetRequest, header: Header) -> Result<Vec<u8>, Errno> {
    let now = time::now();
    with_stack(|stack| {
        if request.protocol == TCP {
            let (summary, common) = find_stream(stack, request, now)?;
            return Ok(emit_stream(stack, request, &summary, &common, header, now));
        }
        let (info, common) = find_datagram(stack, request)?;
        Ok(emit_datagram(stack, request, &info, &common, header))
    })
}

/// Ends the socket that the request names, with ECONNABORTED for its owner; `ENOENT`: none.
pub(super) fn destroy(request: &InternetRequest) -> Result<(), Errno> {
    let now = time::now();
    change_stack(|stack| {
        let found = if request.protocol == TCP {
            let (summary, _) = find_stream(stack, request, now)?;
            stack.tcp_destroy(&summary, now)
        } else {
            let (info, _) = find_datagram(stack, request)?;
            stack.destroy_socket(info.id)
        };
        if found { Ok(()) } else { Err(Errno::NOENT) }
    })
}
