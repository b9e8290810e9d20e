//! Loss detection by time: RACK (RFC 8985, Section 6). A segment is lost when one that was sent
//! sufficiently later has arrived.

use super::micros::Micros;
use super::send::SendSide;
use super::store::{Arrived, Marks, Piece, Store};
use crate::buffer::PacketBuffer;
use crate::time::Instant;
use crate::wire::tcp_sequence::SequenceNumber;
use core::num::NonZeroU32;

/// Recoveries after which the window for reordering shrinks again (Section 6.2, step 4).
const PERSIST: u8 = 16;
/// Segments sacked that mean a loss as long as no reordering was seen (DupThresh).
const DUPLICATES: u32 = 3;

/// The variables of Section 5.2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rack {
    newest: Option<Newest>,
    /// RACK.fack: the highest number that arrived.
    highest: SequenceNumber,
    /// How often segments overtook each other: RACK.reordering_seen is that it is not 0.
    reorderings: u32,
    /// RACK.dsack_round, while `persist` is not 0.
    round: SequenceNumber,
    /// RACK.reo_wnd_mult, in quarters of the shortest round-trip time.
    multiplier: u8,
    /// RACK.reo_wnd_persist.
    persist: u8,
}

/// The latest transmission that arrived.
#[derive(Clone, Copy, Debug)]
struct Newest {
    /// RACK.xmit_ts.
    sent_at: Instant,
    /// RACK.end_seq.
    end: SequenceNumber,
    /// RACK.rtt in microseconds, at least one.
    rtt: NonZeroU32,
}

/// What is known of the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathRtt {
    pub(crate) shortest: Option<Micros>,
    pub(crate) smoothed: Option<Micros>,
}

/// What a look at the scoreboard found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Detected {
    /// Something was marked lost.
    pub(crate) lost: bool,
    /// When to look again, if nothing arrives before.
    pub(crate) again_at: Option<Instant>,
}

/// Whether a transmission came after another one; the end decides between those of one instant.
fn sent_after(a: (Instant, SequenceNumber), b: (Instant, SequenceNumber)) -> bool {
    a.0 > b.0 || a.0 == b.0 && a.1.is_after(b.1)
}

impl Rack {
    /// Of a connection whose numbers begin here.
    pub(crate) const fn new(iss: SequenceNumber) -> Self {
        Self { newest: None, highest: iss, reorderings: 0, round: iss, multiplier: 1, persist: 0 }
    }

    pub(crate) const fn reorderings(&self) -> u32 {
        self.reorderings
    }

    /// A piece arrived for the first time (Section 6.2, steps 1 to 3).
    #[inline]
    pub(crate) fn on_delivered(&mut self, piece: &Arrived, path: PathRtt, now: Instant) {
        let rtt = Micros::between(piece.sent_at, now);
        let retransmitted = piece.marks.contains(Marks::RETRANSMITTED);
        let end = piece.end;
        if end.is_before(self.highest) {
            self.reorderings = self.reorderings.wrapping_add(u32::from(!retransmitted));
        } else {
            self.highest = end;
        }
        // It is probably the original that arrived, which was sent earlier than the last one.
        if retransmitted && path.shortest.is_some_and(|shortest| rtt < shortest) {
            return;
        }
        let sent = (piece.sent_at, end);
        if self.newest.is_none_or(|newest| sent_after(sent, (newest.sent_at, newest.end))) {
            let rtt = NonZeroU32::new(rtt.get()).unwrap_or(NonZeroU32::MIN);
            self.newest = Some(Newest { sent_at: piece.sent_at, end, rtt });
        }
    }

    /// The window for reordering adapts to duplicates reported by the other side (step 4).
    pub(crate) fn on_duplicate(&mut self, una: SequenceNumber, nxt: SequenceNumber) {
        if self.persist > 0 && una.is_before(self.round) {
            return;
        }
        self.round = nxt;
        self.multiplier = (self.multiplier + 1).min(64);
        self.persist = PERSIST;
    }

    /// A recovery proved to be for nothing: segments overtake each other.
    pub(crate) const fn on_spurious(&mut self) {
        self.reorderings = self.reorderings.wrapping_add(1);
    }

    /// A recovery is over.
    pub(crate) const fn on_recovered(&mut self) {
        self.persist = self.persist.saturating_sub(1);
        if self.persist == 0 {
            self.multiplier = 1;
        }
    }

    fn reordering_window(&self, send: &SendSide, path: PathRtt, recovering: bool) -> Micros {
        if self.reorderings == 0 && (recovering || send.sacked_pieces >= DUPLICATES) {
            return Micros::ZERO;
        }
        let (Some(shortest), Some(smoothed)) = (path.shortest, path.smoothed) else {
            return Micros::ZERO;
        };
        Micros::new(shortest.times(self.multiplier.into()).get() / 4).min(smoothed)
    }

    /// Marks what is lost (step 5); `lost` sees each such piece.
    pub(crate) fn detect<B: PacketBuffer>(
        &self,
        send: &mut SendSide,
        store: &mut Store<B>,
        path: PathRtt,
        recovering: bool,
        now: Instant,
        mut lost: impl FnMut(&Piece<B>),
    ) -> Detected {
        let mut detected = Detected::default();
        let Some(newest) = self.newest else { return detected };
        let window = self.reordering_window(send, path, recovering);
        let rtt = Micros::new(newest.rtt.get());
        let mut at = send.front();
        while let Some(place) = at.filter(|&at| Some(at) != send.unsent()) {
            at = store.next(place);
            let Some(piece) = store.get(place) else { break };
            let marks = piece.marks & (Marks::SACKED | Marks::LOST | Marks::IN_FLIGHT_AGAIN);
            if marks.contains(Marks::SACKED) || marks == Marks::LOST {
                continue;
            }
            if !sent_after((newest.sent_at, newest.end), (piece.sent_at, piece.end())) {
                continue;
            }
            let deadline = piece.sent_at + rtt + window;
            if deadline <= now {
                if let Some(piece) = send.mark_lost(store, place) {
                    lost(piece);
                }
                detected.lost = true;
            } else {
                detected.again_at = Some(detected.again_at.map_or(deadline, |at| at.max(deadline)));
            }
        }
        detected
    }
}
