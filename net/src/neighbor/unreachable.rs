//! The state UNREACHABLE of a neighbor that stopped to answer (RFC 7048, Section 3).
//!
//! Its link-layer address is kept and packets go on to it: an outage of a link that ends by itself
//! costs nobody a connection. Meanwhile everybody is asked for the neighbor, which may have another
//! link-layer address now, at growing distances and only as long as there are packets for it. A
//! next hop that answers is preferred to it, and a Redirect to it is not followed.
//!
//! What ends the state: an advertisement as an answer, a message of the neighbor with another
//! link-layer address, or progress of an upper layer. A message with the known one proves only one
//! direction, so it is a reason to ask again at once.
//!
//! Senders are to hear that nobody answers, but not too soon, or a connection would be refused to
//! a neighbor that has just come back. So for as long as address resolution takes packets go out
//! in silence; after that each packet of a program goes out *and* brings the program "address
//! unreachable", as if it had waited for a resolution that failed. A connection attempt ends by
//! that with EHOSTUNREACH at its second SYN; one that is established notes it and goes on.

use super::{FAILED_TIME, MAX_MULTICAST_SOLICIT, Timers};
use crate::netif::MacAddress;
use crate::time::{Duration, Instant};

/// BACKOFF_MULTIPLE (RFC 7048, Section 4).
const BACKOFF_MULTIPLE: u32 = 3;
/// MAX_RETRANS_TIMER (RFC 7048, Section 4).
const MAX_RETRANS_TIMER: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Unreachable {
    /// Where packets go on to.
    pub(super) mac: MacAddress,
    /// Solicitations sent to everybody in a row.
    pub(super) sent: u8,
    /// Not before this may the next one be sent: RetransTimer after the last.
    soonest: Instant,
    /// Since when packets have been sent without rest.
    since: Instant,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The next solicitation is sent when `due`, if it is `wanted` by then.
    Asking { wanted: bool, due: Instant },
    /// There are no packets for it. It is forgotten at the end.
    Resting { until: Instant },
}

/// What is to be done when the timer fires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tick {
    /// Send a solicitation to everybody.
    Ask,
    /// Nothing.
    Rest,
    /// Remove the entry, unless it has to be remembered.
    Forget,
}

impl Unreachable {
    /// The last probe was not answered, and everybody is asked now. `random` makes hosts that lost
    /// the same neighbor ask at different times.
    pub(super) fn new(mac: MacAddress, timers: Timers, random: u64, now: Instant) -> Self {
        let phase = Phase::Resting { until: now };
        let mut new = Self { mac, sent: 0, soonest: now, since: now, phase };
        new.ask(timers, random, now);
        new
    }

    pub(super) const fn deadline(self) -> Instant {
        match self.phase {
            Phase::Asking { due, .. } => due,
            Phase::Resting { until } => until,
        }
    }

    fn ask(&mut self, timers: Timers, random: u64, now: Instant) {
        self.sent = self.sent.saturating_add(1);
        self.soonest = now + timers.retrans_timer;
        let due = now + backoff(self.sent, timers.retrans_timer, random);
        self.phase = Phase::Asking { wanted: false, due };
    }

    /// A packet goes to it. Since when there have been such packets without rest.
    pub(super) fn on_packet(&mut self, now: Instant) -> Instant {
        match &mut self.phase {
            Phase::Asking { wanted, .. } => *wanted = true,
            Phase::Resting { .. } => {
                self.since = now;
                self.phase = Phase::Asking { wanted: true, due: now.max(self.soonest) };
            }
        }
        self.since
    }

    /// A message came from it, with the link-layer address that is known.
    pub(super) fn on_sign_of_life(&mut self, now: Instant) {
        self.on_packet(now);
        self.sent = 0;
        self.phase = Phase::Asking { wanted: true, due: now.max(self.soonest) };
    }

    /// Whether packets avoid it, so that only a question once in a while finds it again: true if
    /// one is to be asked now.
    pub(super) fn ask_again(&mut self, timers: Timers, now: Instant) -> bool {
        let due = now >= self.soonest + FAILED_TIME;
        if due {
            self.soonest = now + timers.retrans_timer;
        }
        due
    }

    /// The deadline has come; `used` is when a packet went to it last.
    pub(super) fn on_timer(
        &mut self,
        used: Instant,
        timers: Timers,
        random: u64,
        now: Instant,
    ) -> Tick {
        match self.phase {
            Phase::Asking { wanted: true, .. } => {
                self.ask(timers, random, now);
                Tick::Ask
            }
            Phase::Asking { wanted: false, .. } => {
                self.phase = Phase::Resting { until: used + FAILED_TIME };
                Tick::Rest
            }
            Phase::Resting { .. } => {
                self.phase = Phase::Resting { until: now + FAILED_TIME };
                Tick::Forget
            }
        }
    }
}

/// The time from solicitation number `sent` to the next one: RetransTimer times a power of three,
/// times a random factor from 0.5 to 1.5 (RFC 7048, Section 4; RFC 4861, Section 10), and one
/// minute at most.
fn backoff(sent: u8, retrans_timer: Duration, random: u64) -> Duration {
    let factor = BACKOFF_MULTIPLE.saturating_pow(sent.into());
    let time = retrans_timer.saturating_mul(factor).min(MAX_RETRANS_TIMER);
    let jittered = time * (500 + (random % 1001) as u32) / 1000;
    jittered.min(MAX_RETRANS_TIMER).max(retrans_timer)
}

/// For how long packets to a neighbor in this state go out before their senders hear of it: as
/// long as address resolution takes.
pub(crate) fn patience(timers: Timers) -> Duration {
    timers.retrans_timer * u32::from(MAX_MULTICAST_SOLICIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_is_bounded_on_both_sides() {
        let second = Duration::from_secs(1);
        let [low, middle, high] =
            [0, 500, 1000].map(|random| move |sent| backoff(sent, second, random));
        assert_eq!([1, 2, 3].map(middle), [3, 9, 27].map(Duration::from_secs));
        assert_eq!([1, 2, 3].map(low), [1500, 4500, 13_500].map(Duration::from_millis));
        assert_eq!([1, 2, 3].map(high), [4500, 13_500, 40_500].map(Duration::from_millis));
        for sent in 4..=u8::MAX {
            assert_eq!(
                (low(sent), middle(sent), high(sent)),
                (30 * second, 60 * second, 60 * second)
            );
        }
        let hour = Duration::from_secs(3600);
        assert_eq!(backoff(9, hour, 0), hour, "never below RetransTimer");
    }
}
