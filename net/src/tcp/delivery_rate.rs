//! How fast the network delivers (draft-ietf-ccwg-bbr, Section "Delivery Rate Samples", formerly
//! draft-cheng-iccrg-delivery-rate-estimation): octets delivered over the time from the sending,
//! or the acknowledging, of the data before them.

use super::micros::{Micros, MicrosTime};
use super::store::{Arrived, Marks, Piece};
use crate::buffer::PacketBuffer;
use crate::time::Instant;

/// What a piece remembers from its sending: 20 octets. Counts of octets wrap around.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct SendSnapshot {
    /// P.delivered: C.delivered then.
    delivered: u32,
    /// P.send_time - P.delivered_time.
    since_delivered: Micros,
    /// P.send_time - P.first_send_time.
    since_first_sent: Micros,
    /// P.tx_in_flight: octets in flight then, these included.
    in_flight: u32,
    /// P.lost: C.lost then.
    lost: u32,
}

/// The variables of a connection (C).
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeliveryRate {
    /// C.delivered: octets delivered so far.
    delivered: u32,
    /// C.lost: octets that were taken to be lost so far.
    lost: u32,
    /// C.delivered_time.
    delivered_at: MicrosTime,
    /// C.first_send_time.
    first_sent_at: MicrosTime,
    /// C.lost when the last sample was taken.
    lost_before: u32,
    /// The last rate measured, 0 before the first.
    latest: u32,
    /// C.app_limited: when so much is delivered, what was sent while there was too little to send
    /// has left the network; while `limited`.
    limited_until: u32,
    limited: bool,
    /// The last rate was measured while there was too little to send.
    latest_limited: bool,
}

/// What one acknowledgment delivers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    octets: u32,
    /// The piece sent last.
    newest: Option<Arrived>,
}

/// A rate sample (RS): what one acknowledgment tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct RateSample {
    /// RS.delivery_rate in octets a second; 0 if it says nothing reliable.
    pub(crate) rate: u32,
    /// RS.delivered: octets delivered while it was measured.
    pub(crate) delivered: u32,
    /// RS.prior_delivered: C.delivered when the newest piece delivered was sent.
    pub(crate) prior_delivered: u32,
    /// C.delivered.
    pub(crate) total: u32,
    /// RS.newly_acked: octets that this acknowledgment delivered.
    pub(crate) newly: u32,
    /// Octets that were taken to be lost since the acknowledgment before.
    pub(crate) newly_lost: u32,
    /// RS.tx_in_flight: octets in flight when the newest piece was sent, it included.
    pub(crate) in_flight_then: u32,
    /// RS.lost: octets taken to be lost since the newest piece was sent.
    pub(crate) lost: u32,
    /// RS.is_app_limited: there was too little to send to measure the network.
    pub(crate) limited: bool,
    /// RS.rtt: of the newest piece, if it was sent once.
    pub(crate) rtt: Option<Micros>,
}

/// A piece that is taken to be lost (P of HandleLostPacket).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LostPiece {
    pub(crate) len: u32,
    /// P.tx_in_flight.
    pub(crate) in_flight_then: u32,
    /// C.lost - P.lost.
    pub(crate) lost_since: u32,
    /// P.is_app_limited.
    pub(crate) limited: bool,
    /// C.delivered.
    pub(crate) total: u32,
}

impl SendSnapshot {
    /// Of a piece that was never sent.
    pub(crate) const NONE: Self = Self {
        delivered: 0,
        since_delivered: Micros::ZERO,
        since_first_sent: Micros::ZERO,
        in_flight: 0,
        lost: 0,
    };
}

impl Delivery {
    /// Nothing.
    pub(crate) const NONE: Self = Self { octets: 0, newest: None };

    /// UpdateRateSample: a piece arrived for the first time.
    #[inline]
    pub(crate) fn add(&mut self, piece: &Arrived) {
        self.octets += piece.len;
        let newer = self.newest.is_none_or(|newest| {
            piece.sent_at > newest.sent_at
                || piece.sent_at == newest.sent_at && piece.end.is_after(newest.end)
        });
        if newer {
            self.newest = Some(*piece);
        }
    }

    /// So many octets arrived for the first time, of which whole pieces were added.
    #[inline]
    pub(crate) const fn set_octets(&mut self, octets: u32) {
        self.octets = octets;
    }
}

/// Whether a wrapping count has reached another one.
pub(crate) const fn reached(count: u32, mark: u32) -> bool {
    count.wrapping_sub(mark) as i32 >= 0
}

impl DeliveryRate {
    pub(crate) const fn new() -> Self {
        Self {
            delivered: 0,
            lost: 0,
            delivered_at: MicrosTime::ZERO,
            first_sent_at: MicrosTime::ZERO,
            lost_before: 0,
            latest: 0,
            limited_until: 0,
            limited: false,
            latest_limited: false,
        }
    }

    /// The last rate measured in octets a second, and whether there was too little to send.
    pub(crate) fn latest(&self) -> Option<(u32, bool)> {
        (self.latest > 0).then_some((self.latest, self.latest_limited))
    }

    /// C.delivered.
    pub(crate) const fn delivered(&self) -> u32 {
        self.delivered
    }

    /// Whether there was too little to send lately.
    pub(crate) const fn is_limited(&self) -> bool {
        self.limited
    }

    /// OnPacketSent: a piece of `len` octets goes out while `in_flight` are on their way. Gives
    /// what the piece has to remember, and whether it is sent in a limited phase.
    #[inline]
    pub(crate) fn on_sent(
        &mut self,
        len: u32,
        in_flight: u32,
        now: Instant,
    ) -> (SendSnapshot, bool) {
        let now = MicrosTime::from(now);
        if in_flight == 0 {
            (self.first_sent_at, self.delivered_at) = (now, now);
        }
        let snapshot = SendSnapshot {
            delivered: self.delivered,
            since_delivered: self.delivered_at.until(now),
            since_first_sent: self.first_sent_at.until(now),
            in_flight: in_flight + len,
            lost: self.lost,
        };
        (snapshot, self.is_limited())
    }

    /// A piece is taken to be lost.
    pub(crate) fn on_lost<B: PacketBuffer>(&mut self, piece: &Piece<B>) -> LostPiece {
        let len = piece.len();
        self.lost = self.lost.wrapping_add(len);
        LostPiece {
            len,
            in_flight_then: piece.snapshot.in_flight,
            lost_since: self.lost.wrapping_sub(piece.snapshot.lost),
            limited: piece.marks.contains(Marks::LIMITED),
            total: self.delivered,
        }
    }

    /// MarkConnectionAppLimited: nothing more is to be sent now, although more could be, with
    /// `in_flight` octets on their way.
    pub(crate) fn mark_limited(&mut self, in_flight: u32) {
        (self.limited, self.limited_until) = (true, self.delivered.wrapping_add(in_flight));
    }

    /// An acknowledgment delivered this; before losses are looked for.
    #[inline]
    pub(crate) fn on_delivered(&mut self, delivery: &Delivery, now: Instant) {
        if delivery.octets > 0 {
            self.delivered = self.delivered.wrapping_add(delivery.octets);
            self.delivered_at = now.into();
        }
    }

    /// GenerateRateSample, once losses were looked for. A time shorter than the shortest round
    /// trip measures nothing.
    #[inline]
    pub(crate) fn sample(
        &mut self,
        delivery: &Delivery,
        shortest: Option<Micros>,
        now: Instant,
    ) -> RateSample {
        self.limited &= reached(self.limited_until, self.delivered);
        let newly_lost =
            self.lost.wrapping_sub(core::mem::replace(&mut self.lost_before, self.lost));
        let mut sample = RateSample {
            total: self.delivered,
            newly: delivery.octets,
            newly_lost,
            ..RateSample::default()
        };
        let Some(newest) = delivery.newest else { return sample };
        let SendSnapshot { delivered, since_delivered, since_first_sent, in_flight, lost } =
            newest.snapshot;
        self.first_sent_at = newest.sent_at.into();
        let sent_to_now = self.first_sent_at.until(now.into());
        let interval = since_first_sent.max(since_delivered + sent_to_now);
        sample.prior_delivered = delivered;
        sample.delivered = self.delivered.wrapping_sub(delivered);
        sample.in_flight_then = in_flight;
        sample.lost = self.lost.wrapping_sub(lost);
        sample.limited = newest.marks.contains(Marks::LIMITED);
        let once = !newest.marks.contains(Marks::RETRANSMITTED);
        sample.rtt = once.then_some(sent_to_now);
        if interval > Micros::ZERO && shortest.is_none_or(|shortest| interval >= shortest) {
            let rate = u64::from(sample.delivered) * 1_000_000 / u64::from(interval.get());
            sample.rate = u32::try_from(rate).unwrap_or(u32::MAX);
            (self.latest, self.latest_limited) = (sample.rate, sample.limited);
        }
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::HeapBuffer;
    use crate::wire::tcp_sequence::SequenceNumber;

    const fn at(millis: u64) -> Instant {
        Instant::from_millis(1000 + millis)
    }

    /// Sends what takes one number; its sequence number is its turn.
    fn sent(rate: &mut DeliveryRate, turn: u32, in_flight: u32, now: Instant) -> Piece<HeapBuffer> {
        let mut piece = Piece::new(SequenceNumber(turn), None);
        piece.fin = true;
        let limited;
        (piece.snapshot, limited) = rate.on_sent(1, in_flight, now);
        piece.sent_at = now;
        piece.marks.set(Marks::LIMITED, limited);
        piece
    }

    /// These arrive with one acknowledgment; the shortest round trip takes so many milliseconds.
    fn arrive(
        rate: &mut DeliveryRate,
        pieces: &[Piece<HeapBuffer>],
        shortest: u32,
        now: Instant,
    ) -> RateSample {
        let mut delivery = Delivery::NONE;
        for piece in pieces {
            delivery.add(&piece.arrived());
        }
        rate.on_delivered(&delivery, now);
        rate.sample(&delivery, Some(Micros::from_millis(shortest)), now)
    }

    /// Section "ACK Rate" and "Send Rate": the slower of both counts.
    #[test]
    fn the_slower_of_sending_and_acknowledging_counts() {
        let mut rate = DeliveryRate::new();
        // Ten a millisecond apart, acknowledged at once after 20 ms: compressed acknowledgments.
        let pieces: Vec<_> = (0..10).map(|n| sent(&mut rate, n, n, at(n.into()))).collect();
        let sample = arrive(&mut rate, &pieces, 20, at(29));
        assert_eq!((sample.delivered, sample.newly, sample.in_flight_then), (10, 10, 10));
        assert_eq!(sample.rate, 10 * 1000 / 29);
        assert_eq!(sample.rtt, Some(Micros::from_millis(20)));
        // Ten in a burst, acknowledged a millisecond apart.
        let pieces: Vec<_> = (0..10).map(|n| sent(&mut rate, 10 + n, n, at(100))).collect();
        for (piece, later) in pieces.iter().zip(1..) {
            let sample = arrive(&mut rate, core::slice::from_ref(piece), 20, at(120 + later));
            assert_eq!(u64::from(sample.rate), later * 1000 / (20 + later));
        }
    }

    #[test]
    fn a_time_shorter_than_a_round_trip_measures_nothing() {
        let mut rate = DeliveryRate::new();
        let piece = sent(&mut rate, 0, 0, at(0));
        let sample = arrive(&mut rate, &[piece], 20, at(10));
        assert_eq!((sample.rate, sample.newly, rate.latest()), (0, 1, None));
        assert_eq!(arrive(&mut rate, &[], 20, at(11)).newly, 0);
    }

    #[test]
    fn losses_since_the_sending_are_counted() {
        let mut rate = DeliveryRate::new();
        let pieces: Vec<_> = (0..4).map(|n| sent(&mut rate, n, n, at(0))).collect();
        let lost = rate.on_lost(&pieces[0]);
        assert_eq!((lost.len, lost.lost_since, lost.in_flight_then), (1, 1, 1));
        let lost = rate.on_lost(&pieces[1]);
        assert_eq!((lost.lost_since, lost.in_flight_then), (2, 2));
        let late = sent(&mut rate, 4, 2, at(1));
        let sample = arrive(&mut rate, &pieces[3..], 0, at(20));
        assert_eq!((sample.lost, sample.newly_lost), (2, 2));
        let sample = arrive(&mut rate, &[late], 0, at(21));
        assert_eq!((sample.lost, sample.newly_lost), (0, 0));
    }

    /// What was sent while there was too little to send is marked, and what follows is not.
    #[test]
    fn limited_phases_end_when_they_are_acknowledged() {
        let mut rate = DeliveryRate::new();
        let first = sent(&mut rate, 0, 0, at(0));
        rate.mark_limited(1);
        let second = sent(&mut rate, 1, 1, at(1));
        assert!(!arrive(&mut rate, &[first], 0, at(20)).limited);
        assert!(rate.is_limited());
        assert!(arrive(&mut rate, &[second], 0, at(21)).limited);
        assert!(!rate.is_limited());
        let third = sent(&mut rate, 2, 0, at(30));
        assert!(!arrive(&mut rate, &[third], 0, at(50)).limited);
    }
}
