//! Connections of a listener in SYN-RECEIVED: small entries, so that a flood of SYNs takes little
//! memory and no connection (RFC 4987, Section 3.4).

use super::connection::{Connection, DEFAULT_MSS, Opening};
use super::deadline_heap::DeadlineHeap;
use super::ecn::EcnState;
use super::isn::{FourTuple, HashedTuple};
use super::micros::Micros;
use super::packed_options::PackedOptions;
use super::segment::Segment;
use super::state::TcpState;
use super::zone::Zone;
use crate::hash::Chains;
use crate::interface::InterfaceIndex;
use crate::limits;
use crate::slots::Slots;
use crate::time::Instant;
use crate::wire::tcp::{SackBlocks, TcpOptions, Timestamps};
use crate::wire::tcp_sequence::SequenceNumber;
use bitflags::bitflags;

/// How often a SYN-ACK is sent again: as often as Linux does (`tcp_synack_retries`).
const RETRIES: u8 = 5;

bitflags! {
    /// What the SYN offered besides its numbers.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    struct Offered: u8 {
        const SACK = 1 << 0;
        const TIMESTAMPS = 1 << 1;
        const WINDOW_SCALE = 1 << 2;
        /// ECN, and the SYN-ACK says yes.
        const ECN = 1 << 3;
    }
}

/// An entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HalfOpen {
    pub(crate) tuple: FourTuple,
    /// The window that the SYN-ACK advertised.
    pub(crate) window: u16,
    /// The generation and the slot of the listener.
    generation: u32,
    slot: u16,
    peer_mss: u16,
    pub(crate) iss: SequenceNumber,
    pub(crate) irs: SequenceNumber,
    /// The value of the SYN's timestamp, if it had one.
    timestamp: u32,
    /// When the SYN-ACK was sent, in milliseconds. It wraps, but what was sent just once was sent
    /// no more than a second ago.
    sent_at: u16,
    pub(crate) zone: Zone,
    offered: Offered,
    /// The window scale that the SYN offered.
    shift: u8,
    /// How often the SYN-ACK was sent.
    sent: u8,
}

/// What is needed for a new entry besides the SYN.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) tuple: FourTuple,
    pub(crate) zone: Option<InterfaceIndex>,
    /// The slot of the listener and its generation.
    pub(crate) listener: (u16, u32),
    pub(crate) iss: SequenceNumber,
    pub(crate) window: u16,
}

/// What to do about a segment for an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Nothing.
    Drop,
    /// The entry goes.
    Remove,
    /// Send the SYN-ACK again.
    Answer,
    /// It acknowledges what was never sent.
    Reset,
    /// An acknowledgment in answer to something that looks wrong (RFC 5961).
    Challenge,
    /// The handshake is over.
    Establish,
}

impl HalfOpen {
    pub(crate) fn new(origin: &Origin, irs: SequenceNumber, options: &TcpOptions) -> Self {
        let Origin { tuple, zone, listener: (slot, generation), iss, window } = *origin;
        let mut offered = Offered::empty();
        offered.set(Offered::SACK, options.sack_permitted);
        offered.set(Offered::TIMESTAMPS, options.timestamps.is_some());
        offered.set(Offered::WINDOW_SCALE, options.window_scale.is_some());
        Self {
            tuple,
            window,
            generation,
            slot,
            peer_mss: options.maximum_segment_size.unwrap_or(DEFAULT_MSS),
            iss,
            irs,
            timestamp: options.timestamps.map_or(0, |stamps| stamps.value),
            sent_at: 0,
            zone: zone.into(),
            offered,
            shift: options.window_scale.unwrap_or(0),
            sent: 0,
        }
    }

    /// The slot of the listener and its generation.
    pub(crate) const fn listener(&self) -> (u16, u32) {
        (self.slot, self.generation)
    }

    /// The SYN asked for ECN, and the SYN-ACK says yes.
    pub(crate) fn agree_on_ecn(&mut self) {
        self.offered.insert(Offered::ECN);
    }

    /// Whether both sides agree on ECN.
    pub(crate) const fn ecn(&self) -> bool {
        self.offered.contains(Offered::ECN)
    }

    /// The other side's MSS.
    pub(crate) const fn peer_mss(&self) -> u16 {
        self.peer_mss
    }

    fn window_scale(&self) -> Option<u8> {
        self.offered.contains(Offered::WINDOW_SCALE).then_some(self.shift)
    }

    /// TS.Recent, if timestamps were offered.
    fn recent(&self) -> Option<u32> {
        self.offered.contains(Offered::TIMESTAMPS).then_some(self.timestamp)
    }

    /// What the SYN offered.
    pub(crate) fn offered(&self) -> TcpOptions {
        TcpOptions {
            maximum_segment_size: Some(self.peer_mss),
            window_scale: self.window_scale(),
            sack_permitted: self.offered.contains(Offered::SACK),
            timestamps: self.recent().map(|value| Timestamps { value, echo_reply: 0 }),
            sack: SackBlocks::new(),
        }
    }

    /// How often the SYN-ACK was sent again.
    pub(crate) const fn retransmits(&self) -> u8 {
        self.sent.saturating_sub(1)
    }

    /// SYN-RECEIVED of RFC 9293, Section 3.10.7.4.
    pub(crate) fn on_segment(&self, segment: &Segment) -> Verdict {
        let nxt = self.irs + 1;
        if segment.syn && !segment.rst && segment.ack.is_none() && segment.sequence == self.irs {
            return Verdict::Answer;
        }
        let end = segment.end();
        let edge = nxt + u32::from(self.window);
        let acceptable = end.is_at_or_after(nxt) && segment.sequence.is_at_or_before(edge);
        let old = match (self.recent(), segment.options.timestamps) {
            (Some(recent), Some(stamps)) => (stamps.value.wrapping_sub(recent) as i32) < 0,
            _ => false,
        };
        match segment {
            Segment { rst: true, sequence, .. } => match acceptable {
                _ if *sequence == nxt => Verdict::Remove,
                true => Verdict::Challenge,
                false => Verdict::Drop,
            },
            _ if !acceptable || old => Verdict::Challenge,
            Segment { syn: true, .. } => Verdict::Challenge,
            Segment { ack: Some(ack), .. } if *ack == self.iss + 1 => Verdict::Establish,
            Segment { ack: Some(_), .. } => Verdict::Reset,
            Segment { ack: None, .. } => Verdict::Drop,
        }
    }

    /// The options of the SYN-ACK: what the SYN offered and this side wants. `clock` is the own
    /// timestamp.
    pub(crate) fn answer_options(&self, mss: u16, shift: u8, clock: u32) -> TcpOptions {
        let offered = self.offered();
        TcpOptions {
            maximum_segment_size: Some(mss),
            window_scale: offered.window_scale.map(|_| shift),
            timestamps: self.stamps(clock),
            ..offered
        }
    }

    /// The window field of an acknowledgment: what the SYN-ACK advertised, in units of `shift` if
    /// windows are scaled, which they are in all segments but SYNs (RFC 7323, Section 2.2).
    pub(crate) fn window_field(&self, shift: u8) -> u16 {
        self.window.div_ceil(1 << self.window_scale().map_or(0, |_| shift))
    }

    /// The timestamps of a segment sent now, if they were offered.
    pub(crate) fn stamps(&self, clock: u32) -> Option<Timestamps> {
        self.recent().map(|recent| Timestamps { value: clock, echo_reply: recent })
    }

    /// The connection that comes of it when `segment` acknowledges the SYN-ACK.
    pub(crate) fn establish(
        &self,
        options: &PackedOptions,
        segment: &Segment,
        (path_mtu, timestamp_offset): (u16, u32),
        now: Instant,
    ) -> Connection {
        // The SYN is acknowledged already.
        let opening = Opening { iss: self.iss + 1, timestamp_offset, path_mtu };
        let mut connection = Connection::new(&opening, options, now);
        connection.state = TcpState::SynReceived;
        if self.ecn() {
            connection.ecn = EcnState::agreed(self.iss);
        }
        connection.receive.begin(self.irs + 1);
        connection.receive.set_advertised(self.window.into());
        connection.acknowledging.last = self.irs + 1;
        connection.agree(&self.offered(), now);
        if self.sent == 1 {
            let millis = (now.as_millis() as u16).wrapping_sub(self.sent_at);
            connection.rtt.sample(Micros::from_millis(millis.into()));
        }
        connection.syn_lost = self.sent > 1;
        connection.establish(now);
        connection.progress = true;
        let window = u32::from(segment.window) << connection.send.window_shift;
        connection.send.first_window(segment.sequence, self.iss + 1, window);
        connection
    }
}

/// All entries.
pub(crate) struct HalfOpenTable {
    entries: Slots<HalfOpen, { limits::TCP_HALF_OPEN }>,
    chains: Chains<{ limits::TCP_HALF_OPEN }>,
    deadlines: DeadlineHeap<{ limits::TCP_HALF_OPEN }>,
}

impl HalfOpenTable {
    pub(crate) const fn new() -> Self {
        Self { entries: Slots::new(), chains: Chains::new(), deadlines: DeadlineHeap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.is_full()
    }

    /// Adds an entry whose tuple has this hash; `None` when there is no room.
    pub(crate) fn insert(&mut self, hash: u64, entry: HalfOpen) -> Option<usize> {
        let slot = self.entries.insert(entry).ok()?;
        self.chains.insert(hash, slot);
        Some(slot)
    }

    pub(crate) fn find(&self, wanted: &HashedTuple, from: InterfaceIndex) -> Option<usize> {
        // Each entry has a deadline.
        self.deadlines.first()?;
        self.chains.iter(wanted.hash).find(|&slot| {
            self.get(slot)
                .is_some_and(|entry| entry.tuple == wanted.tuple && entry.zone.admits(from))
        })
    }

    pub(crate) fn get(&self, slot: usize) -> Option<&HalfOpen> {
        self.entries.get(slot)
    }

    pub(crate) fn remove(&mut self, slot: usize) -> Option<HalfOpen> {
        let entry = self.entries.remove(slot)?;
        self.chains.remove(slot);
        self.deadlines.set(slot, Instant::FAR_FUTURE);
        Some(entry)
    }

    /// Removes the entries of a listener that is closed.
    pub(crate) fn forget_listener(&mut self, listener: (u16, u32)) {
        for slot in 0..self.entries.end() {
            if self.get(slot).is_some_and(|entry| entry.listener() == listener) {
                self.remove(slot);
            }
        }
    }

    /// A SYN-ACK was sent: the next one after the timeout, doubled each time.
    pub(crate) fn on_sent(&mut self, slot: usize, now: Instant) {
        let Some(entry) = self.entries.get_mut(slot) else { return };
        entry.sent = entry.sent.saturating_add(1);
        entry.sent_at = now.as_millis() as u16;
        let timeout = super::rtt::INITIAL_RTO.times(1 << (entry.sent - 1).min(RETRIES));
        self.deadlines.set(slot, now + timeout.min(Micros::from_secs(60)));
    }

    /// The entries, each with when its SYN-ACK is sent again.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HalfOpen, Option<Instant>)> {
        self.entries.iter().map(move |(slot, entry)| (entry, self.deadlines.get(slot)))
    }

    #[inline]
    pub(crate) fn next_deadline(&self) -> Instant {
        self.deadlines.next()
    }

    /// An entry whose SYN-ACK is to be sent again. Those that were asked often enough go; `ended`
    /// counts them.
    pub(crate) fn poll(&mut self, now: Instant, ended: &mut u64) -> Option<usize> {
        while let Some((at, slot)) = self.deadlines.first()
            && at <= now
        {
            match self.get(slot) {
                Some(entry) if entry.sent <= RETRIES => return Some(slot),
                _ => {
                    self.remove(slot);
                    *ended += 1;
                }
            }
        }
        None
    }
}
