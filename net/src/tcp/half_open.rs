//! Connections of a listener in SYN-RECEIVED: small entries, so that a flood of SYNs takes little
//! memory and no connection (RFC 4987, Section 3.4).

use super::connection::{Connection, Opening};
use super::deadline_heap::DeadlineHeap;
use super::isn::FourTuple;
use super::option::TcpSocketOptions;
use super::segment::Segment;
use super::state::TcpState;
use crate::hash::{Chains, HashKey};
use crate::interface::InterfaceIndex;
use crate::limits;
use crate::time::{Duration, Instant};
use crate::wire::tcp::{SackBlocks, TcpOptions, Timestamps};
use crate::wire::tcp_sequence::SequenceNumber;
use heapless::Vec;

/// How often a SYN-ACK is sent again: as often as Linux does (`tcp_synack_retries`).
const RETRIES: u8 = 5;

/// An entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HalfOpen {
    pub(crate) tuple: FourTuple,
    /// The zone of addresses that need one.
    pub(crate) zone: Option<InterfaceIndex>,
    /// The slot of the listener and its generation.
    pub(crate) listener: (u16, u32),
    pub(crate) iss: SequenceNumber,
    pub(crate) irs: SequenceNumber,
    pub(crate) timestamp_offset: u32,
    /// The window that the SYN-ACK advertised.
    pub(crate) window: u16,
    pub(crate) path_mtu: u16,
    /// What the SYN offered.
    peer_mss: Option<u16>,
    window_scale: Option<u8>,
    sack: bool,
    timestamp: Option<u32>,
    sent_at: Instant,
    sent: u8,
}

/// What is needed for a new entry besides the SYN.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) tuple: FourTuple,
    pub(crate) zone: Option<InterfaceIndex>,
    pub(crate) listener: (u16, u32),
    pub(crate) opening: Opening,
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
    pub(crate) fn new(origin: &Origin, segment: &Segment) -> Self {
        let Origin { tuple, zone, listener, opening, window } = *origin;
        Self {
            tuple,
            zone,
            listener,
            iss: opening.iss,
            irs: segment.sequence,
            timestamp_offset: opening.timestamp_offset,
            window,
            path_mtu: opening.path_mtu,
            peer_mss: segment.options.maximum_segment_size,
            window_scale: segment.options.window_scale,
            sack: segment.options.sack_permitted,
            timestamp: segment.options.timestamps.map(|stamps| stamps.value),
            sent_at: Instant::ZERO,
            sent: 0,
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
        let old = match (self.timestamp, segment.options.timestamps) {
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

    /// The options of the SYN-ACK: what the SYN offered and this side wants.
    pub(crate) fn answer_options(&self, mss: u16, shift: u8, now: Instant) -> TcpOptions {
        TcpOptions {
            maximum_segment_size: Some(mss),
            window_scale: self.window_scale.map(|_| shift),
            sack_permitted: self.sack,
            timestamps: self.stamps(now),
            sack: SackBlocks::new(),
        }
    }

    /// The timestamps of a segment sent now, if they were offered.
    pub(crate) fn stamps(&self, now: Instant) -> Option<Timestamps> {
        self.timestamp.map(|recent| Timestamps {
            value: (now.as_millis() as u32).wrapping_add(self.timestamp_offset),
            echo_reply: recent,
        })
    }

    /// The connection that comes of it when `segment` acknowledges the SYN-ACK.
    pub(crate) fn establish(
        &self,
        options: &TcpSocketOptions,
        segment: &Segment,
        now: Instant,
    ) -> Connection {
        // The SYN is acknowledged already.
        let opening = Opening {
            iss: self.iss + 1,
            timestamp_offset: self.timestamp_offset,
            path_mtu: self.path_mtu,
        };
        let mut connection = Connection::new(&opening, options, now);
        connection.state = TcpState::SynReceived;
        connection.receive.begin(self.irs + 1);
        connection.receive.set_advertised(self.window.into());
        connection.acknowledging.last = self.irs + 1;
        let theirs = TcpOptions {
            maximum_segment_size: self.peer_mss,
            window_scale: self.window_scale,
            sack_permitted: self.sack,
            timestamps: self.timestamp.map(|value| Timestamps { value, echo_reply: 0 }),
            sack: SackBlocks::new(),
        };
        connection.agree(&theirs, now);
        if self.sent == 1 {
            connection.rtt.sample(now.saturating_since(self.sent_at));
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
    slots: Vec<Option<HalfOpen>, { limits::TCP_HALF_OPEN }>,
    chains: Chains<{ limits::TCP_HALF_OPEN }>,
    deadlines: DeadlineHeap<{ limits::TCP_HALF_OPEN }>,
    len: usize,
    pub(crate) key: HashKey,
}

impl HalfOpenTable {
    pub(crate) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            chains: Chains::new(),
            deadlines: DeadlineHeap::new(),
            len: 0,
            key: HashKey::UNSET,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Adds an entry; `None` when there is no room.
    pub(crate) fn insert(&mut self, entry: HalfOpen) -> Option<usize> {
        let free = self.slots.iter().position(Option::is_none);
        let slot = if let Some(slot) = free {
            slot
        } else {
            self.slots.push(None).ok()?;
            self.slots.len() - 1
        };
        self.chains.insert(self.key.hash(&entry.tuple), slot);
        *self.slots.get_mut(slot)? = Some(entry);
        self.len += 1;
        Some(slot)
    }

    pub(crate) fn find(&self, tuple: &FourTuple, from: InterfaceIndex) -> Option<usize> {
        self.chains.iter(self.key.hash(tuple)).find(|&slot| {
            self.get(slot).is_some_and(|entry| {
                entry.tuple == *tuple && entry.zone.is_none_or(|zone| zone == from)
            })
        })
    }

    pub(crate) fn get(&self, slot: usize) -> Option<&HalfOpen> {
        self.slots.get(slot)?.as_ref()
    }

    pub(crate) fn remove(&mut self, slot: usize) -> Option<HalfOpen> {
        let entry = self.slots.get_mut(slot)?.take()?;
        self.chains.remove(self.key.hash(&entry.tuple), slot);
        self.deadlines.set(slot, Instant::FAR_FUTURE);
        self.len -= 1;
        Some(entry)
    }

    /// Removes the entries of a listener that is closed.
    pub(crate) fn forget_listener(&mut self, listener: (u16, u32)) {
        for slot in 0..self.slots.len() {
            if self.get(slot).is_some_and(|entry| entry.listener == listener) {
                self.remove(slot);
            }
        }
    }

    /// A SYN-ACK was sent: the next one after the timeout, doubled each time.
    pub(crate) fn on_sent(&mut self, slot: usize, now: Instant) {
        let Some(Some(entry)) = self.slots.get_mut(slot) else { return };
        entry.sent = entry.sent.saturating_add(1);
        entry.sent_at = now;
        let timeout = super::rtt::INITIAL_RTO * (1 << (entry.sent - 1).min(RETRIES));
        self.deadlines.set(slot, now + timeout.min(Duration::from_secs(60)));
    }

    /// The entries, each with when its SYN-ACK is sent again.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HalfOpen, Option<Instant>)> {
        let entries = self.slots.iter().enumerate();
        entries.filter_map(|(slot, entry)| Some((entry.as_ref()?, self.deadlines.get(slot))))
    }

    pub(crate) fn next_deadline(&self) -> Instant {
        self.deadlines.first().map_or(Instant::FAR_FUTURE, |(at, _)| at)
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
