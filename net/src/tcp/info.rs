//! What a stream socket tells about itself: addresses, state, TCP_INFO, the lists under `/proc`.

use super::TcpId;
use super::congestion::CongestionAlgorithm;
use super::connection::Owner;
use super::recovery::Phase;
use super::state::TcpState;
use super::table::{Body, TcpSocket};
use crate::buffer::BufferPool;
use crate::interface::InterfaceIndex;
use crate::random::Random;
use crate::socket::Endpoint;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use core::net::SocketAddrV6;

/// What TCP_INFO shows of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpInfo {
    /// Its state.
    pub state: TcpState,
    /// The algorithm that governs its window.
    pub congestion: CongestionAlgorithm,
    /// Smoothed round-trip time, if measured.
    pub rtt: Option<Duration>,
    /// Variation of the round-trip time.
    pub rtt_variance: Option<Duration>,
    /// The shortest round-trip time measured.
    pub shortest_rtt: Option<Duration>,
    /// Retransmission timeout.
    pub rto: Duration,
    /// How often the timeout was doubled since the other side answered.
    pub backoff: u8,
    /// Octets of data in a full segment sent.
    pub send_mss: u32,
    /// The largest segment the other side takes, as it said.
    pub peer_mss: u16,
    /// The path MTU.
    pub path_mtu: u16,
    /// Congestion window in octets.
    pub congestion_window: u32,
    /// Slow start threshold in octets.
    pub slow_start_threshold: u32,
    /// The window that the other side advertises, in octets.
    pub send_window: u32,
    /// The window that this side advertises, in octets.
    pub receive_window: u32,
    /// Shifts of the two windows.
    pub window_shifts: (u8, u8),
    /// Octets sent and not acknowledged.
    pub in_flight: u32,
    /// Of these, those that the other side has behind a hole.
    pub sacked: u32,
    /// Of these, those that are taken to be lost.
    pub lost: u32,
    /// Octets queued and not yet sent.
    pub unsent: u32,
    /// Octets that can be read.
    pub unread: u32,
    /// Count of segments sent again.
    pub retransmissions: u32,
    /// Timestamps are used.
    pub timestamps: bool,
    /// Selective acknowledgments are used.
    pub sack: bool,
    /// It repairs losses: fast recovery, or after a timeout.
    pub recovering: bool,
    /// Segments have overtaken each other.
    pub reordering_seen: bool,
    /// Time since data was sent.
    pub last_sent: Duration,
    /// Time since anything was received.
    pub last_received: Duration,
}

/// A stream socket, or what is left of one, as a list shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpSummary {
    /// Its number; none if no user has it.
    pub id: Option<TcpId>,
    /// Its state.
    pub state: TcpState,
    /// Its local address and port.
    pub local: SocketAddrV6,
    /// The other side's.
    pub remote: Option<SocketAddrV6>,
    /// Octets queued to be sent or acknowledged; the backlog of a listener.
    pub send_queue: u32,
    /// Octets that can be read; connections that can be accepted of a listener.
    pub receive_queue: u32,
}

fn socket_address(endpoint: Endpoint) -> SocketAddrV6 {
    let scope_id = endpoint.zone.map_or(0, InterfaceIndex::get);
    SocketAddrV6::new(endpoint.address, endpoint.port, 0, scope_id)
}

fn state_of(socket: &TcpSocket) -> TcpState {
    match &socket.body {
        Body::Idle => TcpState::Closed,
        Body::Listener(_) => TcpState::Listen,
        Body::Connection(connection) => connection.state,
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The local address and port; `None` when the socket is closed.
    pub fn tcp_local_address(&self, id: TcpId) -> Option<SocketAddrV6> {
        self.tcp.get(id).map(|socket| socket_address(socket.local))
    }

    /// The other side's address and port, if there is another side.
    pub fn tcp_remote_address(&self, id: TcpId) -> Option<SocketAddrV6> {
        self.tcp.get(id)?.remote.map(socket_address)
    }

    /// The state of a socket; `None` when it is closed.
    pub fn tcp_state(&self, id: TcpId) -> Option<TcpState> {
        self.tcp.get(id).map(state_of)
    }

    /// Octets that can be read (FIONREAD).
    pub fn tcp_unread(&self, id: TcpId) -> u32 {
        self.tcp
            .get(id)
            .and_then(TcpSocket::connection)
            .map_or(0, |connection| connection.receive.readable())
    }

    /// Octets of data that are not acknowledged, sent or not (SIOCOUTQ). Zero after shutting down
    /// sending means that everything but perhaps the FIN has arrived.
    pub fn tcp_unacknowledged(&self, id: TcpId) -> u32 {
        self.tcp
            .get(id)
            .and_then(TcpSocket::connection)
            .map_or(0, |connection| connection.send.data)
    }

    /// What TCP_INFO shows; `None` for what is no connection.
    pub fn tcp_info(&self, id: TcpId, now: Instant) -> Option<TcpInfo> {
        let connection = self.tcp.get(id)?.connection()?;
        let send = &connection.send;
        Some(TcpInfo {
            state: connection.state,
            congestion: connection.congestion.algorithm(),
            rtt: connection.rtt.smoothed(),
            rtt_variance: connection.rtt.variance(),
            shortest_rtt: connection.rtt.shortest(),
            rto: connection.rtt.rto(),
            backoff: connection.rtt.backoff(),
            send_mss: connection.window.mss,
            peer_mss: connection.peer_mss,
            path_mtu: connection.path_mtu,
            congestion_window: connection.window.cwnd,
            slow_start_threshold: connection.window.ssthresh,
            send_window: send.window,
            receive_window: connection.receive.advertised(),
            window_shifts: (send.window_shift, connection.receive.window_shift),
            in_flight: send.flight(),
            sacked: send.sacked(),
            lost: send.lost(),
            unsent: send.end.offset_from(send.nxt) as u32,
            unread: connection.receive.readable(),
            retransmissions: connection.retransmissions,
            timestamps: connection.timestamps.is_some(),
            sack: connection.sack,
            recovering: connection.phase != Phase::Open,
            reordering_seen: connection.rack.reordering_seen(),
            last_sent: now.saturating_since(connection.last_sent),
            last_received: now.saturating_since(connection.last_received),
        })
    }

    /// All stream sockets, half-open connections and those in TIME-WAIT: what `/proc/net/tcp6`
    /// shows.
    pub fn tcp_sockets(&self) -> impl Iterator<Item = TcpSummary> + '_ {
        let sockets = self.tcp.iter().map(|(id, socket)| {
            let owned = socket.connection().is_none_or(|found| found.owner == Owner::User);
            let (send_queue, receive_queue) = match &socket.body {
                Body::Idle => (0, 0),
                Body::Listener(listener) => (listener.backlog.into(), listener.len.into()),
                Body::Connection(connection) => {
                    (connection.send.data, connection.receive.readable())
                }
            };
            TcpSummary {
                id: owned.then_some(id),
                state: state_of(socket),
                local: socket_address(socket.local),
                remote: socket.remote.map(socket_address),
                send_queue,
                receive_queue,
            }
        });
        let rest = |state, tuple: super::isn::FourTuple, zone: Option<InterfaceIndex>| {
            let scope_id = zone.map_or(0, InterfaceIndex::get);
            let address = |(ip, port)| SocketAddrV6::new(ip, port, 0, scope_id);
            TcpSummary {
                id: None,
                state,
                local: address(tuple.local),
                remote: Some(address(tuple.remote)),
                send_queue: 0,
                receive_queue: 0,
            }
        };
        let half_open = self
            .tcp
            .half_open
            .iter()
            .map(move |entry| rest(TcpState::SynReceived, entry.tuple, entry.zone));
        let waiting = self
            .tcp
            .time_wait
            .iter()
            .map(move |entry| rest(TcpState::TimeWait, entry.tuple, entry.zone));
        sockets.chain(half_open).chain(waiting)
    }

    /// Pieces of stream data that all connections hold: each is one packet buffer at most.
    pub fn tcp_pieces(&self) -> usize {
        self.tcp.store.used()
    }

    /// Connections in TIME-WAIT and half-open ones.
    pub fn tcp_entries(&self) -> (usize, usize) {
        (self.tcp.time_wait.len(), self.tcp.half_open.len())
    }
}
