//! Pacing: segments leave no faster than a rate allows, in short bursts.
//!
//! There is one point in time for a connection: when the next segment may leave. Time that was
//! not used counts up to one burst, and a sender that has to wait does so until a whole burst may
//! leave. So a timer runs out once in a burst, not once in a segment, and not at all while
//! acknowledgments come often enough.

use crate::time::{Duration, Instant};

const NANOS: u64 = 1_000_000_000;
/// The shortest time that a burst is worth.
const BURST: Duration = Duration::from_millis(1);
/// The longest burst in octets.
const MOST: u32 = 64 * 1024;

/// The octets of a burst at `rate` octets a second (C.send_quantum of draft-ietf-ccwg-bbr): what
/// 1 ms carries, two segments at least.
#[inline]
pub(crate) fn quantum(rate: u32, mss: u32) -> u32 {
    (rate / (NANOS as u32 / BURST.as_nanos() as u32)).min(MOST).max(2 * mss)
}

/// How many nanoseconds `octets` take.
#[inline]
fn time_of(octets: u32, rate: u32) -> u64 {
    u64::from(octets) * NANOS / u64::from(rate.max(1))
}

/// When the next segment may leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacing {
    release: Instant,
    /// Octets that leave unpaced: the initial window, as on Linux.
    free: u32,
}

impl Pacing {
    /// For a connection whose first `free` octets are not paced.
    pub(crate) const fn new(free: u32) -> Self {
        Self { release: Instant::ZERO, free }
    }

    /// Whether a segment may leave now; if not, when to try again.
    #[inline]
    pub(crate) fn check(&self, rate: u32, mss: u32, now: Instant) -> Result<(), Instant> {
        if self.free > 0 || self.release <= now {
            return Ok(());
        }
        let wait = time_of(quantum(rate, mss).saturating_sub(mss), rate);
        Err(Instant::from_nanos(self.release.as_nanos().saturating_add(wait)))
    }

    /// A segment of `octets` left.
    #[inline]
    pub(crate) fn on_sent(&mut self, octets: u32, rate: u32, mss: u32, now: Instant) {
        self.free = self.free.saturating_sub(octets);
        let earliest = now.as_nanos().saturating_sub(time_of(quantum(rate, mss), rate));
        let begin = self.release.as_nanos().max(earliest);
        self.release = Instant::from_nanos(begin.saturating_add(time_of(octets, rate)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1000;

    /// Sends whenever it may, waits when it must: octets and timers after `time`.
    fn run(rate: u32, time: Duration) -> (u32, u32, u32) {
        let mut pacing = Pacing::new(0);
        let mut now = Instant::from_secs(1);
        let end = now + time;
        let (mut octets, mut timers, mut longest) = (0, 0, 0);
        while now < end {
            let mut burst = 0;
            let again = loop {
                match pacing.check(rate, MSS, now) {
                    Ok(()) => {
                        pacing.on_sent(MSS, rate, MSS, now);
                        burst += MSS;
                    }
                    Err(again) => break again,
                }
            };
            assert!(again > now);
            octets += burst;
            longest = longest.max(burst);
            timers += 1;
            now = again;
        }
        (octets, timers, longest)
    }

    /// Rows: TCP-PACE
    #[test]
    fn the_rate_is_kept_with_a_timer_for_each_burst() {
        for rate in [10_000, 1_000_000, 12_500_000, 125_000_000, 2_000_000_000] {
            let seconds = if rate < 1_000_000 { 20 } else { 2 };
            let (octets, timers, longest) = run(rate, Duration::from_secs(seconds));
            let expected = u64::from(rate) * seconds;
            let burst = u64::from(quantum(rate, MSS)) + 2 * u64::from(MSS);
            assert!(u64::from(octets) >= expected - burst, "{rate}: {octets}");
            assert!(u64::from(octets) <= expected + 2 * burst, "{rate}: {octets}");
            assert!(u64::from(longest) <= burst, "{rate}: {longest}");
            // A burst is 1 ms worth, or 64 KiB, or two segments.
            let bursts = expected / u64::from(quantum(rate, MSS));
            assert!(u64::from(timers) <= bursts + bursts / 4 + 2, "{rate}: {timers} timers");
        }
    }

    #[test]
    fn the_initial_window_is_free_and_silence_earns_one_burst() {
        let rate = 1_000_000;
        let now = Instant::from_secs(5);
        let mut pacing = Pacing::new(10 * MSS);
        for _ in 0..10 {
            assert_eq!(pacing.check(rate, MSS, now), Ok(()));
            pacing.on_sent(MSS, rate, MSS, now);
        }
        assert!(pacing.check(rate, MSS, now).is_err());
        let later = now + Duration::from_secs(60);
        let mut burst = 0;
        while pacing.check(rate, MSS, later).is_ok() {
            pacing.on_sent(MSS, rate, MSS, later);
            burst += 1;
        }
        assert!((2..=3).contains(&burst), "{burst}");
    }
}
