//! Round-trip time and retransmission timeout (RFC 6298).
//!
//! Two values differ from the RFC and are Linux's: the timeout is never below the smoothed
//! round-trip time plus 200 ms (instead of one second in all), and it grows up to 120 s.

use super::micros::Micros;
use core::num::NonZeroU32;

/// RFC 6298, Section 2.1: the timeout before the first measurement.
pub(crate) const INITIAL_RTO: Micros = Micros::from_secs(1);
/// RFC 6298, Section 5.7: the timeout for data when the SYN was lost.
const RTO_AFTER_LOST_SYN: Micros = Micros::from_secs(3);
/// What the timeout is at least above the smoothed round-trip time.
const MIN_VARIANCE: u32 = 200_000;
/// RFC 6298, Section 2.5: the longest timeout, at least 60 s.
pub(crate) const MAX_RTO: Micros = Micros::from_secs(120);

/// Estimates, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RttEstimator {
    smoothed: Option<Smoothed>,
    /// The shortest ever measured.
    shortest: u32,
    backoff: u8,
    /// The timeout is still unmeasured after the SYN was lost.
    syn_lost: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Smoothed {
    /// SRTT. It is an average of measurements, none of which is 0.
    rtt: NonZeroU32,
    /// RTTVAR.
    variance: u32,
}

impl Smoothed {
    /// The first measurement (Section 2.2).
    const fn first(rtt: NonZeroU32) -> Self {
        Self { rtt, variance: rtt.get() / 2 }
    }

    /// A later one (Section 2.3).
    fn next(self, measured: NonZeroU32) -> Self {
        let (smoothed, measured) = (self.rtt.get(), measured.get());
        let variance = self.variance - self.variance / 4 + smoothed.abs_diff(measured) / 4;
        let rtt = NonZeroU32::new(smoothed - smoothed / 8 + measured / 8);
        Self { rtt: rtt.unwrap_or(NonZeroU32::MIN), variance }
    }
}

impl RttEstimator {
    pub(crate) const fn new() -> Self {
        Self { smoothed: None, shortest: u32::MAX, backoff: 0, syn_lost: false }
    }

    /// Takes in a measurement (Section 2). Whoever calls keeps Karn's rule: none from a segment
    /// that was sent twice.
    #[inline]
    pub(crate) fn sample(&mut self, rtt: Micros) {
        let rtt = NonZeroU32::new(rtt.get().min(1 << 30)).unwrap_or(NonZeroU32::MIN);
        self.smoothed = Some(match self.smoothed {
            None => Smoothed::first(rtt),
            Some(smoothed) => smoothed.next(rtt),
        });
        self.shortest = self.shortest.min(rtt.get());
        self.backoff = 0;
    }

    /// SRTT.
    #[inline]
    pub(crate) fn smoothed(&self) -> Option<Micros> {
        self.smoothed.map(|smoothed| Micros::new(smoothed.rtt.get()))
    }

    /// RTTVAR.
    pub(crate) fn variance(&self) -> Option<Micros> {
        self.smoothed.map(|smoothed| Micros::new(smoothed.variance))
    }

    /// The shortest time measured.
    #[inline]
    pub(crate) fn shortest(&self) -> Option<Micros> {
        self.smoothed.map(|_| Micros::new(self.shortest))
    }

    /// The timeout, with the backoff of Section 5.5.
    #[inline]
    pub(crate) fn rto(&self) -> Micros {
        let base = match self.smoothed {
            None if self.syn_lost => RTO_AFTER_LOST_SYN,
            None => INITIAL_RTO,
            Some(Smoothed { rtt, variance }) => {
                Micros::new(rtt.get().saturating_add(variance.saturating_mul(4).max(MIN_VARIANCE)))
            }
        };
        base.times(1 << self.backoff.min(16)).min(MAX_RTO)
    }

    /// Doubles the timeout.
    pub(crate) const fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }

    /// The SYN was lost and nothing is measured yet.
    pub(crate) const fn begin_after_loss(&mut self) {
        self.syn_lost = true;
    }

    /// Ends the doubling: the other side is there.
    pub(crate) const fn forget_backoff(&mut self) {
        self.backoff = 0;
    }

    /// How often the timeout was doubled.
    pub(crate) const fn backoff(&self) -> u8 {
        self.backoff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u32) -> Micros {
        Micros::from_millis(millis)
    }

    /// Rows: TCP-RTO
    #[test]
    fn formulas_of_the_rfc() {
        let mut rtt = RttEstimator::new();
        assert_eq!((rtt.rto(), rtt.smoothed()), (ms(1000), None));
        rtt.begin_after_loss();
        assert_eq!(rtt.rto(), ms(3000));
        rtt.sample(ms(400));
        assert_eq!((rtt.smoothed(), rtt.variance()), (Some(ms(400)), Some(ms(200))));
        assert_eq!(rtt.rto(), ms(1200));
        rtt.sample(ms(800));
        assert_eq!((rtt.smoothed(), rtt.variance()), (Some(ms(450)), Some(ms(250))));
        assert_eq!((rtt.rto(), rtt.shortest()), (ms(1450), Some(ms(400))));
    }

    /// Rows: TCP-RTO, MUST-19
    #[test]
    fn limits_and_backoff() {
        let mut rtt = RttEstimator::new();
        for _ in 0..100 {
            rtt.sample(Micros::new(10));
        }
        assert!(rtt.rto() >= ms(200) && rtt.rto() < ms(201));
        rtt.back_off();
        assert!(rtt.rto() >= ms(400) && rtt.rto() < ms(402));
        for _ in 0..300 {
            rtt.back_off();
        }
        assert_eq!(rtt.rto(), MAX_RTO);
        rtt.forget_backoff();
        assert!(rtt.rto() < ms(201));
        rtt.sample(Micros::new(u32::MAX));
        assert_eq!(rtt.rto(), MAX_RTO);
    }
}
