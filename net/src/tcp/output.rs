//! What a connection sends next (RFC 9293, Sections 3.7.4, 3.8.6.2.1 and 3.10.7; RFC 5681).

use super::congestion::{Idle, Models};
use super::connection::{Connection, Context, Forced};
use super::recovery::{Phase, TimeoutCheck};
use super::state::TcpState;
use super::store::{Marks, Place, Store};
use super::timers::{DELAYED_ACK, OVERRIDE, Purpose, RETRY};
use crate::buffer::{BufferPool, PacketBuffer};
use crate::time::Instant;
use crate::wire::tcp::{SackBlocks, TcpFlags, TcpHeader, TcpOptions, Timestamps};
use crate::wire::tcp_sequence::SequenceNumber;

/// A segment to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Emission {
    /// The piece with its data and control bits; none for a bare acknowledgment.
    pub(crate) place: Option<Place>,
    pub(crate) sequence: SequenceNumber,
    pub(crate) syn: bool,
    pub(super) fin: bool,
    pub(super) push: bool,
    pub(crate) data_len: u32,
    /// It was sent before.
    pub(crate) again: bool,
    /// Octets a second at which it is paced.
    rate: Option<u32>,
}

/// Why new data is not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Held {
    /// The congestion window is full.
    Congestion,
    /// The other side's window is full, or open too little to be worth it.
    Window,
    /// A short segment waits for the acknowledgment of another one.
    Nagle,
    /// The user will write more.
    Cork,
}

impl Connection {
    /// The next segment, if any may be sent now. After sending it, call [`Self::on_sent`], and
    /// again this.
    pub(crate) fn next_output<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
    ) -> Option<Emission> {
        if self.state == TcpState::Closed {
            return None;
        }
        if self.send.has_lost()
            && let Some(emission) = self.retransmission(context)
        {
            return Some(emission);
        }
        if let Some(emission) = self.new_data(context) {
            return Some(emission);
        }
        if self.forced == Forced::TailProbe
            && let Some(emission) = self.tail_loss_probe(context)
        {
            return Some(emission);
        }
        self.bare()
    }

    /// Whether [`Self::next_output`] could give anything.
    #[inline]
    pub(crate) const fn may_send(&self) -> bool {
        self.acknowledging.now
            || self.send.has_unsent()
            || self.send.lost() > 0
            || !matches!(self.forced, Forced::Nothing)
    }

    /// Whether there is nothing to send but an acknowledgment that may wait for the rest of a burst.
    /// If it does, and the end of the burst is never told, the timer of delayed acknowledgments sends
    /// it.
    #[inline]
    pub(super) fn acknowledges_later(&mut self, now: Instant) -> bool {
        let Self { acknowledging, send, forced, receive, .. } = self;
        let waits = acknowledging.quick == 0
            && !self.options.quick_ack()
            && !receive.has_holes()
            && !send.has_unsent()
            && send.lost() == 0
            && matches!(forced, Forced::Nothing);
        if waits && self.timers.delayed_ack == Instant::FAR_FUTURE {
            self.timers.delayed_ack = now + DELAYED_ACK;
        }
        waits
    }

    #[inline]
    fn emission<B: PacketBuffer>(
        &self,
        store: &Store<B>,
        at: Place,
        again: bool,
        rate: Option<u32>,
    ) -> Option<Emission> {
        let piece = store.get(at)?;
        let data_len = piece.data_len();
        let end = piece.sequence + data_len + u32::from(piece.syn) + u32::from(piece.fin);
        let more_follows = self.more_follows && self.forced == Forced::Nothing;
        Some(Emission {
            place: Some(at),
            sequence: piece.sequence,
            syn: piece.syn,
            fin: piece.fin,
            // RFC 9293, Section 3.9.1.2: on the last segment there is.
            push: data_len > 0 && end == self.send.end && !more_follows,
            data_len,
            again,
            rate,
        })
    }

    /// What is lost comes first, as far as the congestion window allows.
    fn retransmission<P: BufferPool>(&mut self, context: &mut Context<'_, P>) -> Option<Emission> {
        // F-RTO, step 2b: new data first, to see whether the old one had arrived.
        if matches!(self.phase, Phase::Loss { check: TimeoutCheck::NewData, .. }) {
            return None;
        }
        let at = self.send.next_lost(context.store)?;
        let len = context.store.get(at)?.len();
        let pipe = self.pipe();
        if pipe > 0 && pipe + len.min(self.window.mss) > self.window.cwnd {
            return None;
        }
        let rate = self.pacing_rate(context.models);
        if self.is_paced(rate, context.now) {
            return None;
        }
        self.fit(context, at, self.window.mss).then_some(())?;
        self.emission(context.store, at, true, rate)
    }

    /// Whether pacing holds the next segment back; then a timer is set.
    #[inline]
    fn is_paced(&mut self, rate: Option<u32>, now: Instant) -> bool {
        let Some(rate) = rate else { return false };
        match self.pacing.check(rate, self.window.mss, now) {
            Ok(()) => false,
            Err(again) => {
                self.timers.pacing = again;
                true
            }
        }
    }

    /// Makes a piece short enough for one segment; false when there is no memory for that.
    fn fit<P: BufferPool>(&mut self, context: &mut Context<'_, P>, at: Place, most: u32) -> bool {
        let fits = context.store.get(at).is_none_or(|piece| piece.data_len() <= most);
        if fits || self.send.split(context.store, context.pool, at, most) {
            return true;
        }
        self.timers.retry = self.timers.retry.min(context.now + RETRY);
        false
    }

    #[inline]
    fn new_data<P: BufferPool>(&mut self, context: &mut Context<'_, P>) -> Option<Emission> {
        let at = self.send.unsent()?;
        let emission = self.emission(context.store, at, false, None)?;
        let syn = emission.syn;
        // Until the handshake is over there is just the SYN.
        if !syn && matches!(self.state, TcpState::SynSent | TcpState::SynReceived) {
            return None;
        }
        match self.room_for(&emission) {
            Ok(most) => {
                let rate = self.pacing_rate(context.models);
                if self.forced == Forced::Nothing && self.is_paced(rate, context.now) {
                    return None;
                }
                let fits = emission.data_len <= most;
                if !fits && !self.fit(context, at, most) {
                    return None;
                }
                if !syn && self.send.flight() == 0 {
                    self.restart_after_idle(context.models, context.now);
                }
                if fits {
                    Some(Emission { rate, ..emission })
                } else {
                    self.emission(context.store, at, false, rate)
                }
            }
            Err(held) => {
                self.cwnd_limited |= held == Held::Congestion;
                self.wait(held, context.now);
                None
            }
        }
    }

    /// How many octets of the next piece may be sent now.
    #[inline]
    fn room_for(&self, piece: &Emission) -> Result<u32, Held> {
        if piece.syn {
            return Ok(0);
        }
        let (mss, pipe) = (self.window.mss, self.pipe());
        let probe = self.forced == Forced::TailProbe;
        let data_len = piece.data_len;
        let mut len = data_len.min(mss);
        if pipe > 0 && pipe + len.max(1) > self.window.cwnd && !probe {
            return Err(Held::Congestion);
        }
        let usable = self.send.usable_window();
        if len.max(1) > usable {
            // RFC 9293, Section 3.8.6.2.1: a part is worth sending if it is half of the largest
            // window, or after a while.
            let worth = usable >= (self.send.max_window / 2).max(1) || self.forced == Forced::Data;
            if usable == 0 || !worth {
                return Err(Held::Window);
            }
            len = usable;
        }
        let last = piece.sequence + data_len == self.send.end;
        if len < mss && len == data_len && last && !piece.fin && self.forced == Forced::Nothing {
            if self.options.cork() || self.more_follows {
                return Err(Held::Cork);
            }
            // RFC 9293, Section 3.7.4, as Minshall put it: only another short segment holds it.
            if !self.options.no_delay() && self.send.small_end.is_after(self.send.una) {
                return Err(Held::Nagle);
            }
        }
        Ok(len)
    }

    /// Sees to it that what is held back is looked at again.
    fn wait(&mut self, held: Held, now: Instant) {
        if self.send.flight() > 0 || self.timers.retransmit.is_some() {
            return;
        }
        self.timers.retransmit = match held {
            Held::Window => Some((now + self.rtt.rto(), Purpose::Persist)),
            Held::Cork => Some((now + OVERRIDE, Purpose::Override)),
            // Nothing in flight holds these.
            Held::Congestion | Held::Nagle => None,
        };
    }

    /// Data follows a pause (RFC 5681, Section 4.1).
    #[inline]
    fn restart_after_idle(&mut self, models: &mut Models, now: Instant) {
        let pause = self.last_sent.passed(now);
        let idle = Idle { pause, timeout: self.rtt.rto(), now };
        let limited = self.delivery.is_limited();
        self.congestion.on_idle_restart(models, &mut self.window, limited, idle);
    }

    /// There is nothing more to send now. If more could be sent, rates measured until all of this
    /// has arrived are those of the user, not of the network.
    #[inline]
    pub(crate) fn note_idle(&mut self) {
        let pipe = self.pipe();
        if !self.send.has_unsent() && pipe < self.window.cwnd && !self.send.has_lost() {
            self.delivery.mark_limited(pipe);
        }
    }

    /// The last segment again, when there is nothing new (RFC 8985, Section 7.3).
    fn tail_loss_probe<P: BufferPool>(&mut self, context: &Context<'_, P>) -> Option<Emission> {
        let store = &*context.store;
        if self.forced != Forced::TailProbe || self.send.flight() == 0 {
            return None;
        }
        let at = self.send.last_sent(store)?;
        // The path may have become narrower; then the timeout repairs.
        let fits = store.get(at)?.data_len() <= self.window.mss;
        self.emission(store, at, true, self.pacing_rate(context.models)).filter(|_| fits)
    }

    /// A segment without data: an acknowledgment, or a probe. A probe has a number that was
    /// acknowledged, so that it must be answered whatever the other side's window is.
    #[inline]
    fn bare(&self) -> Option<Emission> {
        let probe = self.forced == Forced::Probe;
        if !probe && !self.acknowledging.now || self.state == TcpState::SynSent {
            return None;
        }
        let sequence = if probe { self.send.una - 1 } else { self.send.nxt };
        Some(Emission {
            place: None,
            sequence,
            syn: false,
            fin: false,
            push: false,
            data_len: 0,
            again: false,
            rate: None,
        })
    }

    /// The header of a segment. The ports, the checksum and the maximum segment size of a SYN are
    /// for the caller to fill in.
    pub(crate) fn header<B: PacketBuffer>(
        &mut self,
        store: &Store<B>,
        emission: &Emission,
        now: Instant,
    ) -> TcpHeader {
        let first = self.state == TcpState::SynSent;
        let mut flags = TcpFlags::empty();
        flags.set(TcpFlags::SYN, emission.syn);
        flags.set(TcpFlags::FIN, emission.fin);
        flags.set(TcpFlags::PSH, emission.push);
        flags.set(TcpFlags::ACK, !first);
        let urgent = self.urgent.pointer(emission.sequence, self.send.una);
        flags.set(TcpFlags::URG, urgent.is_some());
        if first {
            flags |= self.ecn.syn_flags(self.syn_lost);
        } else if !emission.syn {
            flags |= self.ecn.flags(emission.data_len > 0 && !emission.again);
        }
        let mss = self.window.mss;
        let room = self.receive.room(store, mss);
        let window = self.receive.window_field(mss, emission.syn, room);
        TcpHeader {
            source_port: 0,
            destination_port: 0,
            sequence: emission.sequence,
            acknowledgment: if first { SequenceNumber(0) } else { self.receive.nxt },
            flags,
            window,
            checksum: 0,
            urgent_pointer: urgent.unwrap_or(0),
            options: self.header_options(store, emission, now),
        }
    }

    fn header_options<B: PacketBuffer>(
        &mut self,
        store: &Store<B>,
        emission: &Emission,
        now: Instant,
    ) -> TcpOptions {
        // The first SYN offers everything; an answer has what was offered.
        let first = self.state == TcpState::SynSent;
        let recent = self.timestamps.map_or(0, |stamps| stamps.recent);
        let timestamps = (first || self.timestamps.is_some())
            .then(|| Timestamps { value: self.timestamp(now), echo_reply: recent });
        if emission.syn {
            let scaled = first || self.receive.window_shift > 0 || self.send.window_shift > 0;
            return TcpOptions {
                maximum_segment_size: None,
                window_scale: scaled.then_some(self.receive.window_shift),
                sack_permitted: first || self.sack,
                timestamps,
                sack: SackBlocks::new(),
            };
        }
        let mut options = TcpOptions { timestamps, ..TcpOptions::NONE };
        if self.sack && self.receive.has_sack() {
            let most = if timestamps.is_some() {
                SackBlocks::MAX_WITH_TIMESTAMPS
            } else {
                SackBlocks::MAX
            };
            // Blocks take what the data leaves of the segment.
            let left = self.segment_limit().saturating_sub(emission.data_len) as usize;
            let room = most.min(left.saturating_sub(4) / 8);
            options.sack = self.receive.sack_blocks(store, room);
        }
        options
    }

    /// The segment was sent.
    #[inline]
    pub(crate) fn on_sent<P: BufferPool>(
        &mut self,
        context: &mut Context<'_, P>,
        emission: &Emission,
    ) {
        let now = context.now;
        context.counters.out_segments += 1;
        self.counts.on_sent(emission.data_len, emission.again);
        self.acknowledging.last = self.receive.nxt;
        if self.state != TcpState::SynSent {
            self.acknowledging.now = false;
            self.acknowledging.octets = 0;
            self.acknowledging.quick = self.acknowledging.quick.saturating_sub(1);
            self.timers.delayed_ack = Instant::FAR_FUTURE;
        }
        let Some(at) = emission.place else {
            if self.forced == Forced::Probe {
                self.forced = Forced::Nothing;
            }
            return;
        };
        let len = emission.data_len + u32::from(emission.syn) + u32::from(emission.fin);
        let lost = emission.again
            && context.store.get(at).is_some_and(|piece| piece.marks.contains(Marks::LOST));
        let snapshot = self.delivery.on_sent(len, self.send.pipe(), now);
        self.send.on_sent(context.store, at, snapshot, now);
        self.last_sent = now.into();
        if let Some(rate) = emission.rate {
            self.pacing.on_sent(len, rate, self.window.mss, now);
        }
        if let Phase::Recovery { rate, .. } = &mut self.phase {
            rate.on_sent(len);
        }
        if emission.again {
            let timestamp = self.timestamp(now);
            if let Some(undo) = self.undo.as_mut().filter(|_| lost) {
                undo.on_retransmission(len, timestamp);
            }
            context.counters.retransmitted_segments += 1;
        } else if emission.data_len > 0 && emission.data_len < self.window.mss {
            self.send.small_end = self.send.nxt;
        }
        let was = core::mem::replace(&mut self.forced, Forced::Nothing);
        if was == Forced::TailProbe && !lost {
            self.tail_probe = Some(super::connection::TailProbe {
                end: self.send.nxt,
                retransmission: emission.again,
            });
            context.counters.loss_probes += 1;
            self.timers.retransmit = Some((now + self.rtt.rto(), Purpose::Retransmit));
            return;
        }
        match self.timers.retransmit {
            // A segment alone had to wait for a delayed acknowledgment; two need not.
            Some((at, Purpose::Retransmit)) if !emission.again => {
                let probe = self.probe_timeout().map(|after| now + after).filter(|to| *to < at);
                if let Some(to) = probe {
                    self.timers.retransmit = Some((to, Purpose::TailLossProbe));
                }
            }
            Some((_, Purpose::Retransmit | Purpose::Reordering)) => {}
            Some((_, Purpose::TailLossProbe | Purpose::Persist | Purpose::Override)) | None => {
                self.arm_retransmit(now);
            }
        }
    }
}
