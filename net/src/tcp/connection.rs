//! A connection: the variables of RFC 9293, Section 3.3.1, and what other documents add.
//!
//! What happens to it is in other files: segments that arrive in `arrival` and
//! `acknowledgment`, timers in `timeout`, what it sends in `output`. None of it knows of packets,
//! addresses or sockets.

use super::TcpError;
use super::congestion::{Congestion, Models, Window};
use super::counts::{Business, BusyTime, TcpCounts};
use super::delivery_rate::DeliveryRate;
use super::ecn::EcnState;
use super::micros::Micros;
use super::millis::Millis;
use super::pacing::Pacing;
use super::packed_options::PackedOptions;
use super::rack::{PathRtt, Rack};
use super::receive::ReceiveSide;
use super::recovery::{Phase, Undo};
use super::rtt::RttEstimator;
use super::seconds::Seconds;
use super::send::SendSide;
use super::state::TcpState;
use super::store::Store;
use super::timers::{Purpose, Timers};
use super::urgent::Urgent;
use crate::buffer::{BufferPool, PAYLOAD_CAPACITY, PacketBuffer};
use crate::counters::TcpCounters;
use crate::interface::MINIMUM_MTU;
use crate::limits;
use crate::time::{Duration, Instant};
use crate::wire::ipv6::Ipv6Header;
use crate::wire::tcp::{TcpHeader, TcpOptions};
use crate::wire::tcp_sequence::SequenceNumber;
use core::cell::Cell;

/// RFC 9293, Section 3.7.1: what a SYN without the option means.
pub(crate) const DEFAULT_MSS: u16 = 1220;
/// A smaller one is not believed: a segment would be mostly headers.
const SMALLEST_MSS: u16 = 64;
/// Octets of the timestamps option, padded.
const TIMESTAMPS_LEN: u32 = 12;
/// Segments that are acknowledged at once before acknowledgments are delayed: a sender in slow
/// start needs them.
const QUICK_ACKS: u8 = 16;

/// What a connection works with.
pub(crate) struct Context<'a, P: BufferPool> {
    pub(crate) pool: &'a mut P,
    pub(crate) store: &'a mut Store<P::Buffer>,
    pub(crate) models: &'a mut Models,
    pub(crate) counters: &'a mut TcpCounters,
    pub(crate) now: Instant,
}

/// When to acknowledge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledging {
    /// At once.
    pub(crate) now: bool,
    /// Octets that arrived since the last acknowledgment.
    pub(crate) octets: u32,
    /// Acknowledgments left that are not delayed.
    pub(crate) quick: u8,
    /// The longest segment that arrived: what "every second full-sized segment" means.
    pub(crate) full: u16,
    /// Last.ACK.sent (RFC 7323, Section 4.3).
    pub(crate) last: SequenceNumber,
}

/// Timestamps, once they are agreed on (RFC 7323).
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimestampState {
    /// TS.Recent.
    pub(crate) recent: u32,
    /// When it arrived.
    pub(crate) recent_at: Seconds,
}

/// A tail loss probe that was sent (RFC 8985, Section 7.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct TailProbe {
    /// TLP.end_seq.
    pub(crate) end: SequenceNumber,
    /// TLP.is_retrans.
    pub(crate) retransmission: bool,
}

/// What is to be sent although nothing asks for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Forced {
    Nothing,
    /// Data in spite of Nagle's algorithm and a window that is open a little.
    Data,
    /// The next segment, or the last one again, in spite of the congestion window.
    TailProbe,
    /// A segment that must be answered: a window or keep-alive probe.
    Probe,
}

/// Who keeps the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    /// A program has it.
    User,
    /// It waits to be accepted from the listener in this slot.
    Listener(u16),
    /// Its user has closed it; it goes when it is done.
    Nobody,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) state: TcpState,
    pub(crate) owner: Owner,
    pub(crate) send: SendSide,
    pub(crate) receive: ReceiveSide,
    pub(crate) rtt: RttEstimator,
    pub(crate) window: Window,
    pub(crate) congestion: Congestion,
    pub(crate) phase: Phase,
    /// What the last recovery changed.
    pub(crate) undo: Option<Undo>,
    pub(crate) delivery: DeliveryRate,
    pub(crate) pacing: Pacing,
    pub(crate) ecn: EcnState,
    pub(crate) rack: Rack,
    pub(crate) timers: Timers,
    pub(crate) acknowledging: Acknowledging,
    pub(crate) timestamps: Option<TimestampState>,
    /// Added to the clock for timestamps (RFC 7323, Section 7.1: unknown to others).
    pub(crate) timestamp_offset: u32,
    pub(crate) sack: bool,
    /// SendMSS (RFC 9293, Section 3.7.1).
    pub(crate) peer_mss: u16,
    pub(crate) path_mtu: u16,
    /// Longer packets than every path carries get lost.
    pub(crate) black_hole: bool,
    pub(crate) urgent: Urgent,
    pub(crate) duplicate_acks: u16,
    pub(crate) tail_probe: Option<TailProbe>,
    pub(crate) forced: Forced,
    /// The congestion window held data back.
    pub(crate) cwnd_limited: bool,
    /// Since when the other side does not answer.
    pub(crate) stalled_since: Option<Millis>,
    pub(crate) last_received: Millis,
    pub(crate) last_data_received: Millis,
    pub(crate) last_sent: Millis,
    pub(crate) last_challenge: Option<Millis>,
    pub(crate) keep_alive_probes: u8,
    pub(crate) syn_lost: bool,
    /// The next segment proves that the neighbor is reachable (RFC 4861, Section 7.3.1).
    pub(crate) progress: bool,
    /// The user will not read any more.
    pub(crate) receive_shut_down: bool,
    /// The user said that more follows what was written last (MSG_MORE).
    pub(crate) more_follows: bool,
    /// The user was told that there is no room, by a write or by poll(2), and waits until there is.
    /// Looking is enough to wait: the room may have shrunk with the congestion window since the
    /// user was told of it.
    pub(crate) waits_to_send: Cell<bool>,
    pub(crate) soft_error: Option<TcpError>,
    pub(crate) error: Option<TcpError>,
    pub(crate) options: PackedOptions,
    pub(crate) counts: TcpCounts,
    pub(crate) busy: BusyTime,
}

/// What a connection begins with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) iss: SequenceNumber,
    pub(crate) timestamp_offset: u32,
    pub(crate) path_mtu: u16,
}

/// The shift for a receive buffer that may grow to `limit` (RFC 7323, Section 2.2).
pub(crate) fn window_shift(options: &PackedOptions) -> u8 {
    let most = options.receive_buffer().unwrap_or(limits::TCP_RECEIVE_BUFFER_MAX);
    (0..TcpOptions::MAX_WINDOW_SCALE)
        .find(|&shift| u16::try_from(most.div_ceil(1 << shift)).is_ok())
        .unwrap_or(TcpOptions::MAX_WINDOW_SCALE)
}

/// The size that a SYN advertises: what fits a packet of `mtu` octets (RFC 6691).
/// `asked` is TCP_MAXSEG.
pub(crate) fn advertised_mss(mtu: u16, asked: Option<u16>) -> u16 {
    let headers = (Ipv6Header::LEN + TcpHeader::MIN_LEN) as u16;
    let fits = mtu.saturating_sub(headers).min(PAYLOAD_CAPACITY as u16);
    asked.map_or(fits, |asked| asked.min(fits)).max(SMALLEST_MSS)
}

impl Connection {
    /// A connection without a peer's numbers, in CLOSED.
    pub(crate) fn new(opening: &Opening, options: &PackedOptions, now: Instant) -> Self {
        let limit = options.receive_buffer().unwrap_or(limits::TCP_RECEIVE_BUFFER);
        let automatic = options.receive_buffer().is_none();
        let mut connection = Self {
            state: TcpState::Closed,
            owner: Owner::User,
            send: SendSide::new(opening.iss),
            receive: ReceiveSide::new(limit, automatic, window_shift(options)),
            rtt: RttEstimator::new(),
            window: Window::initial(DEFAULT_MSS.into(), false),
            congestion: Congestion::new(),
            phase: Phase::Open,
            undo: None,
            delivery: DeliveryRate::new(),
            pacing: Pacing::new(0),
            ecn: EcnState::off(),
            rack: Rack::new(opening.iss),
            timers: Timers::new(),
            acknowledging: Acknowledging {
                now: false,
                octets: 0,
                quick: QUICK_ACKS,
                full: 0,
                last: SequenceNumber(0),
            },
            timestamps: None,
            timestamp_offset: opening.timestamp_offset,
            sack: false,
            peer_mss: DEFAULT_MSS,
            path_mtu: opening.path_mtu,
            black_hole: false,
            urgent: Urgent::NONE,
            duplicate_acks: 0,
            tail_probe: None,
            forced: Forced::Nothing,
            cwnd_limited: false,
            stalled_since: Some(now.into()),
            last_received: now.into(),
            last_data_received: now.into(),
            last_sent: now.into(),
            last_challenge: None,
            keep_alive_probes: 0,
            syn_lost: false,
            progress: false,
            receive_shut_down: false,
            more_follows: false,
            waits_to_send: Cell::new(false),
            soft_error: None,
            error: None,
            options: *options,
            counts: TcpCounts::default(),
            busy: BusyTime::new(),
        };
        connection.window.mss = connection.segment_limit();
        connection
    }

    /// Takes in the options of the other side's SYN. What both sides must want is on only if both
    /// do (RFC 7323, Sections 1.3 and 2.5).
    pub(crate) fn agree(&mut self, theirs: &TcpOptions, now: Instant) {
        self.peer_mss = theirs.maximum_segment_size.unwrap_or(DEFAULT_MSS).max(SMALLEST_MSS);
        match theirs.window_scale {
            Some(shift) => self.send.window_shift = shift,
            None => self.receive.window_shift = 0,
        }
        self.timestamps = theirs
            .timestamps
            .map(|stamps| TimestampState { recent: stamps.value, recent_at: now.into() });
        self.sack = theirs.sack_permitted;
    }

    /// Data octets of a full segment: Eff.snd.MSS (RFC 9293, Section 3.7.1).
    pub(crate) fn segment_limit(&self) -> u32 {
        let headers = (Ipv6Header::LEN + TcpHeader::MIN_LEN) as u16;
        let path = self.path_mtu.saturating_sub(headers);
        let asked = self.options.maximum_segment().unwrap_or(u16::MAX).max(SMALLEST_MSS);
        let mss = u32::from(self.peer_mss.min(path).min(asked)).min(PAYLOAD_CAPACITY as u32);
        let stamps = if self.timestamps.is_some() { TIMESTAMPS_LEN } else { 0 };
        mss.saturating_sub(stamps).max(1)
    }

    /// The path carries packets of this size.
    pub(crate) fn set_path_mtu(&mut self, mtu: u16) {
        self.path_mtu = if self.black_hole { mtu.min(MINIMUM_MTU) } else { mtu };
        self.window.mss = self.segment_limit();
        // Segments may have become longer than the window.
        self.window.cwnd = self.window.cwnd.max(self.window.mss);
    }

    /// The handshake is over.
    pub(crate) fn establish(&mut self, now: Instant) {
        self.state = TcpState::Established;
        self.window = Window::initial(self.segment_limit(), self.syn_lost);
        self.pacing = Pacing::new(self.window.cwnd);
        self.stalled_since = None;
        self.last_received = now.into();
        // RFC 6298, Section 5.7: the SYN was retransmitted, so begin with three seconds unless
        // something is measured.
        self.rtt.forget_backoff();
        if self.syn_lost {
            self.rtt.begin_after_loss();
        }
        self.arm_keep_alive(now);
    }

    /// The clock of timestamps: milliseconds (RFC 7323, Section 5.4).
    #[inline]
    pub(crate) const fn timestamp(&self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_add(self.timestamp_offset)
    }

    #[inline]
    pub(crate) fn path_rtt(&self) -> PathRtt {
        PathRtt { shortest: self.rtt.shortest(), smoothed: self.rtt.smoothed() }
    }

    /// What is in the network; without SACK each duplicate acknowledgment means that one segment
    /// has left it.
    #[inline]
    pub(crate) fn pipe(&self) -> u32 {
        // After a timeout everything but what went out again counts as lost, so duplicates are
        // answers to what is not counted.
        let counted = !self.sack && !matches!(self.phase, Phase::Loss { .. });
        let gone = if counted { u32::from(self.duplicate_acks) * self.window.mss } else { 0 };
        self.send.pipe().saturating_sub(gone)
    }

    /// Octets a second that may be sent; `None` is whatever the window allows.
    #[inline]
    pub(crate) fn pacing_rate(&self, models: &Models) -> Option<u32> {
        self.congestion.pacing_rate(models, &self.window, self.rtt.smoothed())
    }

    /// Sets the retransmission timer anew, if anything is in flight: a probe if that comes
    /// earlier (RFC 8985, Section 7.2), else RFC 6298, Section 5.
    #[inline]
    pub(crate) fn arm_retransmit(&mut self, now: Instant) {
        if self.send.flight() == 0 {
            self.timers.retransmit = None;
            return;
        }
        let timeout = now + self.rtt.rto();
        let probe = self.probe_timeout().map(|after| now + after).filter(|at| *at < timeout);
        self.timers.retransmit = Some(match probe {
            Some(at) => (at, Purpose::TailLossProbe),
            None => (timeout, Purpose::Retransmit),
        });
    }

    /// PTO (RFC 8985, Section 7.2), if a probe is allowed now.
    #[inline]
    pub(super) fn probe_timeout(&self) -> Option<Micros> {
        let allowed = self.sack
            && self.state.is_synchronized()
            && self.phase == Phase::Open
            && self.tail_probe.is_none()
            && self.send.sacked() == 0;
        let smoothed = self.rtt.smoothed().filter(|_| allowed)?;
        let alone = self.send.flight() <= self.window.mss;
        let delay = if alone { super::timers::WORST_DELAYED_ACK } else { Micros::ZERO };
        Some((smoothed.times(2) + delay).max(Micros::from_millis(2)))
    }

    /// Whether nobody uses the connection, and only the other side's FIN is missing. It is not
    /// waited for any longer than the timer for silence says.
    pub(crate) fn waits_for_fin(&self) -> bool {
        self.state == TcpState::FinWait2 && self.owner == Owner::Nobody
    }

    pub(crate) fn arm_keep_alive(&mut self, now: Instant) {
        if self.waits_for_fin() {
            return;
        }
        let on = self.options.keep_alive()
            && matches!(self.state, TcpState::Established | TcpState::CloseWait);
        self.timers.silence = if !on {
            Instant::FAR_FUTURE
        } else if self.keep_alive_probes == 0 {
            now - self.last_received.until(now) + self.options.keep_idle()
        } else {
            now + self.options.keep_interval()
        };
    }

    /// Octets that may wait to be acknowledged or sent.
    #[inline]
    pub(crate) fn send_limit(&self) -> u32 {
        self.options.send_buffer().unwrap_or_else(|| {
            (2 * self.window.cwnd).clamp(limits::TCP_SEND_BUFFER, limits::TCP_SEND_BUFFER_MAX)
        })
    }

    /// Octets that the user may write now.
    #[inline]
    pub(crate) fn send_room<B: PacketBuffer>(&self, store: &Store<B>) -> u32 {
        // Nobody takes more than half of what the others leave, and receiving comes first.
        let free = store.available().saturating_sub(limits::TCP_RECEIVE_RESERVE);
        if self.send.pieces() >= free {
            0
        } else {
            self.send_limit().saturating_sub(self.send.data)
        }
    }

    /// Whether as much can be read as the user wants at least, or as much as will come before
    /// something is read.
    pub(crate) fn is_readable(&self) -> bool {
        let readable = self.receive.readable();
        let closed = self.receive.advertised() < u32::from(self.acknowledging.full.max(1));
        readable > 0 && (readable >= self.options.receive_low_water() || closed)
    }

    /// What the connection waits for now.
    #[inline]
    pub(crate) fn business(&self) -> Business {
        if self.send.is_empty() {
            Business::Idle
        } else if self.send.has_unsent() && self.send.usable_window() < self.window.mss {
            Business::Window
        } else if self.waits_to_send.get() && !self.send.has_unsent() {
            Business::Buffer
        } else {
            Business::Network
        }
    }

    /// Whether it is worth telling the user that there is room.
    #[inline]
    pub(crate) fn is_writable<B: PacketBuffer>(&self, store: &Store<B>) -> bool {
        self.send_room(store) > self.send_limit() / 3
    }

    /// Whether somebody who waits for room to write should be told now, once.
    #[inline]
    pub(crate) fn take_writable<B: PacketBuffer>(&mut self, store: &Store<B>) -> bool {
        let told = self.waits_to_send.get() && self.is_writable(store);
        if told {
            self.waits_to_send.set(false);
        }
        told
    }

    /// What the user is told who asks whether there is room; who is told no waits for it.
    pub(crate) fn look_for_room<B: PacketBuffer>(&self, store: &Store<B>) -> bool {
        let writable = self.is_writable(store);
        if !writable {
            self.waits_to_send.set(true);
        }
        writable
    }

    /// The connection is gone; what it held is freed. Data that can be read stays.
    pub(crate) fn close<B: PacketBuffer>(&mut self, store: &mut Store<B>) {
        self.state = TcpState::Closed;
        self.send.clear(store);
        self.timers = Timers::new();
        self.forced = Forced::Nothing;
        self.acknowledging.now = false;
    }

    /// The connection has failed. As on Linux, what arrived before can still be read.
    pub(crate) fn fail<B: PacketBuffer>(&mut self, store: &mut Store<B>, error: TcpError) {
        self.close(store);
        self.error = Some(error);
    }

    /// Frees everything.
    pub(crate) fn discard<B: PacketBuffer>(&mut self, store: &mut Store<B>) {
        self.close(store);
        self.receive.clear(store);
    }

    /// The user will send no more: a FIN follows the data. False without memory for it.
    pub(crate) fn finish_sending<B: PacketBuffer>(&mut self, store: &mut Store<B>) -> bool {
        let next = match self.state {
            TcpState::SynReceived | TcpState::Established => TcpState::FinWait1,
            TcpState::CloseWait => TcpState::LastAck,
            _ => return true,
        };
        let queued = self.send.push_fin(store);
        if queued {
            self.state = next;
        }
        queued
    }

    /// Whether an acknowledgment that nothing new asks for may be sent now: rarely enough, each
    /// connection by itself (RFC 5961, Section 7, without a count that others could watch).
    pub(crate) fn may_challenge(&mut self, now: Instant) -> bool {
        const INTERVAL: Duration = Duration::from_millis(500);
        if self.last_challenge.is_some_and(|last| last.until(now) < INTERVAL) {
            return false;
        }
        self.last_challenge = Some(now.into());
        true
    }
}
