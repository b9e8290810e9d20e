//! What a stream socket tells about itself: addresses, state, TCP_INFO.

use super::TcpId;
use super::congestion::{CongestionAlgorithm, Models};
use super::connection::{Connection, advertised_mss};
use super::counts::TcpCounts;
use super::recovery::Phase;
use super::state::TcpState;
use super::store::{Marks, Store};
use super::table::{Body, TcpSocket};
use super::timers::DELAYED_ACK;
use crate::buffer::{BufferPool, PacketBuffer};
use crate::interface::InterfaceIndex;
use crate::random::Random;
use crate::socket::Endpoint;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use core::net::SocketAddrV6;

/// How a connection repairs losses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpRecovery {
    /// Nothing is missing.
    Open,
    /// The other side has data behind a hole, which may still be filled by itself.
    Disorder,
    /// Fast recovery.
    Recovery,
    /// Slow start after a timeout.
    Loss,
}

impl TcpRecovery {
    /// The number that Linux has for it (`tcpi_ca_state`).
    pub const fn number(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Disorder => 1,
            Self::Recovery => 3,
            Self::Loss => 4,
        }
    }
}

/// Sent segments that the other side has not acknowledged, and what is known of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpOutstanding {
    /// All of them.
    pub sent: u32,
    /// Those that the other side has behind a hole.
    pub sacked: u32,
    /// Those that are taken to be lost.
    pub lost: u32,
    /// Those that were sent again and are on their way.
    pub retransmitted: u32,
}

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
    /// How long an acknowledgment is delayed.
    pub ack_delay: Duration,
    /// How often the timeout was doubled since the other side answered.
    pub backoff: u8,
    /// How often the last segment was sent again since the other side answered.
    pub retransmits: u8,
    /// Window and keep-alive probes since the other side answered.
    pub probes: u8,
    /// Octets of data in a full segment sent.
    pub send_mss: u32,
    /// Octets of data in the longest segment received.
    pub receive_mss: u32,
    /// The largest segment the other side takes, as it said.
    pub peer_mss: u16,
    /// The largest segment that this side takes, as it said or would say.
    pub advertised_mss: u16,
    /// The path MTU.
    pub path_mtu: u16,
    /// Congestion window in octets.
    pub congestion_window: u32,
    /// Octets a second that pacing lets go, if anything is measured.
    pub pacing_rate: Option<u32>,
    /// Octets a second that the network delivered when it was last measured.
    pub delivery_rate: Option<u32>,
    /// That measurement was limited by what the user wrote.
    pub delivery_rate_limited: bool,
    /// Slow start threshold in octets; none if the connection never lost anything.
    pub slow_start_threshold: Option<u32>,
    /// The window that the other side advertises, in octets.
    pub send_window: u32,
    /// The window that this side advertises, in octets.
    pub receive_window: u32,
    /// Shifts of the two windows, if they are scaled.
    pub window_shifts: Option<(u8, u8)>,
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
    /// Octets that may wait to be read.
    pub receive_buffer: u32,
    /// Octets that the user has read in the last round trip.
    pub receive_space: u32,
    /// The round-trip time as this side sees it as a receiver, if data has come in.
    pub receive_rtt: Option<Duration>,
    /// Segments that are not acknowledged.
    pub outstanding: TcpOutstanding,
    /// The counts.
    pub counts: TcpCounts,
    /// How long there was something to send.
    pub busy: Duration,
    /// Of this, how long the other side's window held it up.
    pub window_limited: Duration,
    /// Of this, how long the own buffer held the user up.
    pub buffer_limited: Duration,
    /// Timestamps are used.
    pub timestamps: bool,
    /// Selective acknowledgments are used.
    pub sack: bool,
    /// ECN is used (RFC 3168).
    pub ecn: bool,
    /// How it repairs losses now.
    pub recovery: TcpRecovery,
    /// How often segments have overtaken each other.
    pub reorderings: u32,
    /// Time since data was sent.
    pub last_data_sent: Duration,
    /// Time since data was received.
    pub last_data_received: Duration,
    /// Time since anything was received.
    pub last_received: Duration,
}

pub(super) fn socket_address(endpoint: Endpoint) -> SocketAddrV6 {
    let scope_id = endpoint.zone.map_or(0, InterfaceIndex::get);
    SocketAddrV6::new(endpoint.address, endpoint.port, 0, scope_id)
}

pub(super) fn state_of(socket: &TcpSocket) -> TcpState {
    match &socket.body {
        Body::Idle(_) => TcpState::Closed,
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

    /// Octets of data that were never sent (SIOCOUTQNSD).
    pub fn tcp_unsent(&self, id: TcpId) -> u32 {
        self.tcp
            .get(id)
            .and_then(TcpSocket::connection)
            .map_or(0, |connection| connection.send.unsent_octets())
    }

    /// The longest packet that the path of a connection carries (IPV6_MTU); `None` for what is no
    /// connection.
    pub fn tcp_path_mtu(&self, id: TcpId) -> Option<u16> {
        let connection = self.tcp.get(id)?.connection()?;
        (connection.state != TcpState::Closed).then_some(connection.path_mtu)
    }

    /// What TCP_INFO shows; `None` for what is no connection.
    pub fn tcp_info(&self, id: TcpId, now: Instant) -> Option<TcpInfo> {
        let socket = self.tcp.get(id)?;
        let connection = socket.connection()?;
        let zone = socket.device();
        let hop = socket.remote.and_then(|remote| self.route(remote.address, zone, now).ok());
        let mtu = hop.map_or(connection.path_mtu, |hop| self.link_mtu(&hop));
        Some(connection.info((&self.tcp.store, &self.tcp.models), mtu, now))
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

impl Connection {
    fn recovery(&self) -> TcpRecovery {
        match self.phase {
            Phase::Recovery { .. } => TcpRecovery::Recovery,
            Phase::Loss { .. } => TcpRecovery::Loss,
            Phase::Open if self.send.sacked() > 0 || self.duplicate_acks > 0 => {
                TcpRecovery::Disorder
            }
            Phase::Open => TcpRecovery::Open,
        }
    }

    fn outstanding<B: PacketBuffer>(&self, store: &Store<B>) -> TcpOutstanding {
        let mut outstanding = TcpOutstanding::default();
        for piece in self.send.sent(store).filter_map(|at| store.get(at)) {
            let has = |mark| u32::from(piece.marks.contains(mark));
            outstanding.sent += 1;
            outstanding.sacked += has(Marks::SACKED);
            outstanding.lost += has(Marks::LOST);
            outstanding.retransmitted += has(Marks::IN_FLIGHT_AGAIN);
        }
        outstanding
    }

    fn info<B: PacketBuffer>(
        &self,
        (store, models): (&Store<B>, &Models),
        link_mtu: u16,
        now: Instant,
    ) -> TcpInfo {
        let send = &self.send;
        let shifts = (send.window_shift, self.receive.window_shift);
        let [busy, window_limited, buffer_limited] = self.busy.sums(now);
        TcpInfo {
            state: self.state,
            congestion: self.congestion.algorithm(),
            rtt: self.rtt.smoothed().map(Into::into),
            rtt_variance: self.rtt.variance().map(Into::into),
            shortest_rtt: self.rtt.shortest().map(Into::into),
            rto: self.rtt.rto().into(),
            ack_delay: DELAYED_ACK,
            backoff: self.rtt.backoff(),
            retransmits: self.retransmits(),
            probes: self.probes(),
            send_mss: self.window.mss,
            receive_mss: self.acknowledging.full.into(),
            peer_mss: self.peer_mss,
            advertised_mss: advertised_mss(link_mtu, self.options.maximum_segment()),
            path_mtu: self.path_mtu,
            congestion_window: self.window.cwnd,
            pacing_rate: self.pacing_rate(models),
            delivery_rate: self.delivery.latest().map(|(rate, _)| rate),
            delivery_rate_limited: self.delivery.latest().is_some_and(|(_, limited)| limited),
            slow_start_threshold: self.window.is_reduced().then_some(self.window.ssthresh),
            send_window: send.window,
            receive_window: self.receive.advertised(),
            window_shifts: (shifts != (0, 0)).then_some(shifts),
            in_flight: send.flight(),
            sacked: send.sacked(),
            lost: send.lost(),
            unsent: send.unsent_octets(),
            unread: self.receive.readable(),
            receive_buffer: self.receive.limit,
            receive_space: self.receive.sizing.space(),
            receive_rtt: self.receive.sizing.rtt().map(Into::into),
            outstanding: self.outstanding(store),
            counts: self.counts,
            busy,
            window_limited,
            buffer_limited,
            timestamps: self.timestamps.is_some(),
            sack: self.sack,
            ecn: self.ecn.is_on(),
            recovery: self.recovery(),
            reorderings: self.rack.reorderings(),
            last_data_sent: self.last_sent.until(now),
            last_data_received: self.last_data_received.until(now),
            last_received: self.last_received.until(now),
        }
    }
}
