//! The stream sockets as a list shows them: `/proc/net/tcp6`, `ss`.

use super::TcpId;
use super::connection::{Connection, Owner};
use super::info::{socket_address, state_of};
use super::isn::FourTuple;
use super::state::TcpState;
use super::table::{Body, TcpSocket};
use super::timers::Purpose;
use crate::buffer::BufferPool;
use crate::interface::InterfaceIndex;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use core::net::SocketAddrV6;

/// What a timer of a connection is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpTimer {
    /// Something is sent again, or looked at again.
    Retransmit,
    /// The other side is asked whether it is still there.
    KeepAlive,
    /// TIME-WAIT ends.
    TimeWait,
    /// The other side's window is probed, or what was held back is sent.
    Probe,
}

impl TcpTimer {
    /// The number that Linux has for it (`/proc/net/tcp6`, `idiag_timer`); none is 0.
    pub const fn number(self) -> u8 {
        match self {
            Self::Retransmit => 1,
            Self::KeepAlive => 2,
            Self::TimeWait => 3,
            Self::Probe => 4,
        }
    }
}

/// A stream socket, or what is left of one.
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
    /// SO_BINDTODEVICE.
    pub device: Option<InterfaceIndex>,
    /// Octets queued to be sent or acknowledged; the backlog of a listener.
    pub send_queue: u32,
    /// Octets that can be read; connections that can be accepted of a listener.
    pub receive_queue: u32,
    /// What it waits for, and until when.
    pub timer: Option<(TcpTimer, Instant)>,
    /// How often the last segment was sent again since the other side answered.
    pub retransmits: u8,
    /// Window and keep-alive probes since the other side answered.
    pub probes: u8,
    /// Retransmission timeout.
    pub rto: Duration,
    /// Congestion window, in segments.
    pub congestion_window: u32,
    /// Slow start threshold in segments; none if the connection never lost anything.
    pub slow_start_threshold: Option<u32>,
}

impl TcpSummary {
    fn new(state: TcpState, tuple: FourTuple, zone: Option<InterfaceIndex>) -> Self {
        let scope_id = zone.map_or(0, InterfaceIndex::get);
        let address = |(ip, port)| SocketAddrV6::new(ip, port, 0, scope_id);
        Self {
            id: None,
            state,
            local: address(tuple.local),
            remote: Some(address(tuple.remote)),
            device: None,
            send_queue: 0,
            receive_queue: 0,
            timer: None,
            retransmits: 0,
            probes: 0,
            rto: super::rtt::INITIAL_RTO.into(),
            congestion_window: 10,
            slow_start_threshold: None,
        }
    }

    fn of_socket(id: TcpId, socket: &TcpSocket) -> Self {
        let tuple = FourTuple {
            local: (socket.local.address, socket.local.port),
            remote: (core::net::Ipv6Addr::UNSPECIFIED, 0),
        };
        let mut summary = Self {
            id: Some(id),
            local: socket_address(socket.local),
            remote: socket.remote.map(socket_address),
            device: socket.packed_options().device(),
            ..Self::new(state_of(socket), tuple, None)
        };
        match &socket.body {
            Body::Idle(_) => {}
            Body::Listener(listener) => {
                summary.send_queue = listener.backlog.into();
                summary.receive_queue = listener.len.into();
            }
            Body::Connection(connection) => summary.take_in(connection),
        }
        summary
    }

    fn take_in(&mut self, connection: &Connection) {
        if connection.owner != Owner::User {
            self.id = None;
        }
        self.send_queue = connection.send.data;
        self.receive_queue = connection.receive.readable();
        self.timer = connection.timer();
        (self.retransmits, self.probes) = (connection.retransmits(), connection.probes());
        self.rto = connection.rtt.rto().into();
        let mss = connection.window.mss.max(1);
        self.congestion_window = connection.window.cwnd / mss;
        self.slow_start_threshold =
            connection.window.is_reduced().then_some(connection.window.ssthresh / mss);
    }
}

impl Connection {
    /// The timer that Linux would show.
    fn timer(&self) -> Option<(TcpTimer, Instant)> {
        if let Some((at, purpose)) = self.timers.retransmit {
            let timer = match purpose {
                Purpose::Retransmit | Purpose::TailLossProbe | Purpose::Reordering => {
                    TcpTimer::Retransmit
                }
                Purpose::Persist | Purpose::Override => TcpTimer::Probe,
            };
            return Some((timer, at));
        }
        let timer = if self.waits_for_fin() { TcpTimer::TimeWait } else { TcpTimer::KeepAlive };
        let at = self.timers.silence;
        (at != Instant::FAR_FUTURE).then_some((timer, at))
    }

    fn probes_window(&self) -> bool {
        matches!(self.timers.retransmit, Some((_, Purpose::Persist)))
    }

    /// How often the last segment was sent again without an answer.
    pub(crate) fn retransmits(&self) -> u8 {
        if self.probes_window() { 0 } else { self.rtt.backoff() }
    }

    /// Probes without an answer.
    pub(crate) fn probes(&self) -> u8 {
        if self.probes_window() { self.rtt.backoff() } else { self.keep_alive_probes }
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// All stream sockets, half-open connections and those in TIME-WAIT.
    pub fn tcp_sockets(&self) -> impl Iterator<Item = TcpSummary> + '_ {
        let sockets = self.tcp.iter().map(|(id, socket)| TcpSummary::of_socket(id, socket));
        let half_open = self.tcp.half_open.iter().map(|(entry, due)| TcpSummary {
            timer: due.map(|at| (TcpTimer::Retransmit, at)),
            retransmits: entry.retransmits(),
            ..TcpSummary::new(TcpState::SynReceived, entry.tuple, entry.zone.index())
        });
        let waiting = self.tcp.time_wait.iter().map(|(entry, due)| TcpSummary {
            timer: due.map(|at| (TcpTimer::TimeWait, at)),
            ..TcpSummary::new(TcpState::TimeWait, entry.tuple, entry.zone.index())
        });
        sockets.chain(half_open).chain(waiting)
    }
}
