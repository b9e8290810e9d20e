//! When to send Router Solicitations (RFC 4861, Section 6.3.7, with the endless back-off of
//! RFC 7559).

use crate::random::Random;
use crate::time::{Duration, Instant};

/// MAX_RTR_SOLICITATION_DELAY (RFC 4861, Section 10).
const MAX_DELAY: Duration = Duration::from_secs(1);
/// RTR_SOLICITATION_INTERVAL (RFC 4861, Section 10), the IRT of RFC 7559.
const INITIAL_INTERVAL: Duration = Duration::from_secs(4);
/// MRT (RFC 7559, Section 2).
const MAX_INTERVAL: Duration = Duration::from_secs(3600);

/// Whether an interface is asking for routers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum RouterSolicitation {
    /// Not asking: there is a router, or the interface is down.
    #[default]
    Idle,
    /// The first solicitation has not been sent.
    Delayed {
        /// When to send it.
        due: Instant,
    },
    /// Sent, and no router answered so far.
    Waiting {
        /// When to send the next one.
        due: Instant,
        /// RT: how long we wait for the answer to the last one.
        interval: Duration,
    },
}

impl RouterSolicitation {
    /// Begins to ask: the first solicitation comes after a random delay, so that hosts that start
    /// together do not ask together. `delayed` says that the interface did such a delay already,
    /// before its first Duplicate Address Detection: then once is enough.
    pub(crate) fn start(&mut self, now: Instant, delayed: bool, random: &mut impl Random) {
        let delay = if delayed { Duration::ZERO } else { random.up_to(MAX_DELAY) };
        *self = Self::Delayed { due: now + delay };
    }

    /// Stops asking.
    pub(crate) fn stop(&mut self) {
        *self = Self::Idle;
    }

    pub(crate) const fn deadline(self) -> Instant {
        match self {
            Self::Idle => Instant::FAR_FUTURE,
            Self::Delayed { due } | Self::Waiting { due, .. } => due,
        }
    }

    /// Whether a solicitation is to be sent now; the next one is scheduled.
    pub(crate) fn poll(&mut self, now: Instant, random: &mut impl Random) -> bool {
        if now < self.deadline() {
            return false;
        }
        // RFC 8415, Section 15: RT = 2 * RTprev + RAND * RTprev, RAND from -0.1 to +0.1.
        let interval = match *self {
            Self::Idle => return false,
            Self::Delayed { .. } => jitter(INITIAL_INTERVAL, 1, random),
            Self::Waiting { interval, .. } => {
                let next = jitter(interval, 2, random);
                if next > MAX_INTERVAL { jitter(MAX_INTERVAL, 1, random) } else { next }
            }
        };
        *self = Self::Waiting { due: now + interval, interval };
        true
    }
}

/// `factor` times `base`, give or take a tenth of `base`.
fn jitter(base: Duration, factor: u32, random: &mut impl Random) -> Duration {
    (base * factor + random.up_to(base / 5)).saturating_sub(base / 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::test::TestRandom;

    #[test]
    fn first_within_a_second_then_doubling_up_to_an_hour() {
        for seed in 0..50 {
            let mut random = TestRandom(seed);
            let mut solicitation = RouterSolicitation::default();
            assert_eq!(solicitation.deadline(), Instant::FAR_FUTURE);
            let start = Instant::from_secs(100);
            solicitation.start(start, false, &mut random);
            let mut now = solicitation.deadline();
            assert!(now <= start + Duration::from_secs(1));
            assert!(solicitation.poll(now, &mut random));
            assert!(!solicitation.poll(now, &mut random));
            let mut last = Duration::ZERO;
            for round in 0..20 {
                let next = solicitation.deadline();
                let gap = next.saturating_since(now);
                match round {
                    0 => assert!((3600..=4400).contains(&gap.as_millis()), "{gap:?}"),
                    _ if last < Duration::from_secs(1600) => {
                        assert!(gap >= last * 19 / 10 && gap <= last * 21 / 10, "{gap:?}");
                    }
                    _ => assert!(gap <= MAX_INTERVAL * 11 / 10, "{gap:?}"),
                }
                last = gap;
                now = next;
                assert!(solicitation.poll(now, &mut random));
            }
            assert!(last >= MAX_INTERVAL * 9 / 10, "it never ends");
            solicitation.stop();
            assert!(!solicitation.poll(Instant::from_secs(1_000_000), &mut random));
        }
    }
}
