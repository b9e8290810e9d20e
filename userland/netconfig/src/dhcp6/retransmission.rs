//! When a message is sent again (RFC 8415 section 15).

use net_tools::clock::SECOND;

use super::Random;

/// How a message is repeated. Times are microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// IRT: the initial retransmission time.
    pub initial: u64,
    /// MRT: the longest one; 0 is no limit.
    pub longest: u64,
    /// MRC: how often it is sent; 0 is no limit.
    pub count: u32,
    /// The longest delay before the first one.
    pub delay: u64,
    /// The first retransmission time is longer than IRT, not about as long (section 18.2.1).
    pub first_is_longer: bool,
}

/// Section 7.6.
impl Parameters {
    /// SOL_MAX_DELAY, SOL_TIMEOUT, SOL_MAX_RT.
    pub const SOLICIT: Self = Self {
        initial: SECOND,
        longest: 3600 * SECOND,
        count: 0,
        delay: SECOND,
        first_is_longer: true,
    };
    /// REQ_TIMEOUT, REQ_MAX_RT, REQ_MAX_RC.
    pub const REQUEST: Self = Self::plain(SECOND, 30 * SECOND, 10);
    /// CNF_MAX_DELAY, CNF_TIMEOUT, CNF_MAX_RT; CNF_MAX_RD is the client's business.
    pub const CONFIRM: Self = Self { delay: SECOND, ..Self::plain(SECOND, 4 * SECOND, 0) };
    /// REN_TIMEOUT, REN_MAX_RT.
    pub const RENEW: Self = Self::plain(10 * SECOND, 600 * SECOND, 0);
    /// REB_TIMEOUT, REB_MAX_RT.
    pub const REBIND: Self = Self::plain(10 * SECOND, 600 * SECOND, 0);
    /// REL_TIMEOUT, REL_MAX_RC.
    pub const RELEASE: Self = Self::plain(SECOND, 0, 4);
    /// DEC_TIMEOUT, DEC_MAX_RC.
    pub const DECLINE: Self = Self::plain(SECOND, 0, 4);
    /// INF_MAX_DELAY, INF_TIMEOUT, INF_MAX_RT.
    pub const INFORMATION: Self = Self { delay: SECOND, ..Self::plain(SECOND, 3600 * SECOND, 0) };

    const fn plain(initial: u64, longest: u64, count: u32) -> Self {
        Self { initial, longest, count, delay: 0, first_is_longer: false }
    }
}

/// The clock of one message.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    parameters: Parameters,
    /// When it is to be sent next.
    next: u64,
    /// When it was sent first.
    first: Option<u64>,
    /// RT: the time from the last one to the next.
    time: u64,
    sent: u32,
}

impl Timer {
    /// A message that begins now, after its random delay.
    #[must_use]
    pub fn start(parameters: Parameters, now: u64, random: &mut impl Random) -> Self {
        let delay = fraction(parameters.delay, random);
        Self { parameters, next: now.saturating_add(delay), first: None, time: 0, sent: 0 }
    }

    /// When something is due.
    #[must_use]
    pub const fn deadline(&self) -> u64 {
        self.next
    }

    /// Whether the message has been sent as often as it may be, and its last answer is overdue.
    #[must_use]
    pub const fn is_exhausted(&self, now: u64) -> bool {
        self.parameters.count != 0 && self.sent >= self.parameters.count && now >= self.next
    }

    /// How often it has been sent.
    #[must_use]
    pub const fn sent(&self) -> u32 {
        self.sent
    }

    /// The message is sent now; returns the elapsed time in hundredths of a second for its option
    /// (section 21.9).
    pub fn send(&mut self, now: u64, random: &mut impl Random) -> u16 {
        let Parameters { initial, longest, first_is_longer, .. } = self.parameters;
        let first = *self.first.get_or_insert(now);
        self.time = if self.sent == 0 && first_is_longer {
            // RAND is greater than 0.
            initial + 1 + fraction(initial / 10, random)
        } else if self.sent == 0 {
            randomized(initial, initial, random)
        } else {
            randomized(self.time.saturating_mul(2), self.time, random)
        };
        if longest != 0 && self.time > longest {
            self.time = randomized(longest, longest, random);
        }
        self.sent = self.sent.saturating_add(1);
        self.next = now.saturating_add(self.time);
        u16::try_from(now.saturating_sub(first) / (SECOND / 100)).unwrap_or(u16::MAX)
    }

    /// A server has said how long the longest time is (SOL_MAX_RT, INF_MAX_RT).
    pub fn set_longest(&mut self, longest: u64) {
        self.parameters.longest = longest;
    }

    /// The next one goes out no earlier than this.
    pub fn postpone(&mut self, until: u64) {
        self.next = self.next.max(until);
    }
}

/// Up to `most`.
fn fraction(most: u64, random: &mut impl Random) -> u64 {
    most.saturating_mul(u64::from(random.next())) / u64::from(u32::MAX)
}

/// `base + RAND * part`, where RAND is between -0.1 and 0.1.
fn randomized(base: u64, part: u64, random: &mut impl Random) -> u64 {
    (base - part / 10).saturating_add(fraction(part / 5, random))
}

#[cfg(test)]
mod tests {
    use net_tools::clock::SECOND;

    use super::{Parameters, Timer};
    use crate::dhcp6::test_random::Seeded;

    fn near(time: u64, expected: u64, tolerance: u64) -> bool {
        time.abs_diff(expected) <= tolerance
    }

    /// Rows: DH6-12
    #[test]
    fn solicitations_double_up_to_their_limit() {
        for seed in 1..200 {
            let mut random = Seeded(seed);
            let mut timer = Timer::start(Parameters::SOLICIT, 0, &mut random);
            assert!(timer.deadline() <= SECOND, "SOL_MAX_DELAY");
            let mut now = timer.deadline();
            let mut last = 0;
            for sent in 0..20 {
                timer.send(now, &mut random);
                let time = timer.deadline() - now;
                if sent == 0 {
                    assert!(time > SECOND && time <= SECOND + SECOND / 10 + 1, "{time}");
                } else if last * 2 < 3000 * SECOND {
                    assert!(near(time, last * 2, last / 10), "{last} then {time}");
                }
                assert!(time <= 3600 * SECOND * 11 / 10);
                last = time;
                now = timer.deadline();
            }
            assert!(near(last, 3600 * SECOND, 360 * SECOND), "{last}");
            assert!(!timer.is_exhausted(u64::MAX));
        }
    }

    /// Rows: DH6-12
    #[test]
    fn requests_end() {
        let mut random = Seeded(5);
        let mut timer = Timer::start(Parameters::REQUEST, 100, &mut random);
        assert_eq!(timer.deadline(), 100, "no delay");
        let mut now = 100;
        let mut elapsed = 0;
        for _ in 0..10 {
            assert!(!timer.is_exhausted(now));
            elapsed = timer.send(now, &mut random);
            now = timer.deadline();
        }
        assert!(timer.is_exhausted(now) && !timer.is_exhausted(now - 1));
        // 1 + 2 + 4 + 8 + 16 + 30 + 30 + 30 + 30 seconds, a tenth more or less.
        assert!((13_000..17_000).contains(&elapsed), "{elapsed}");
    }

    /// Rows: DH6-12
    #[test]
    fn the_first_message_has_no_elapsed_time() {
        let mut random = Seeded(5);
        let mut timer = Timer::start(Parameters::RENEW, 7 * SECOND, &mut random);
        assert_eq!(timer.send(7 * SECOND, &mut random), 0);
        assert_eq!(timer.send(9 * SECOND, &mut random), 200);
        assert_eq!(timer.send(9000 * SECOND, &mut random), u16::MAX);
    }

    #[test]
    fn a_server_sets_the_limit() {
        let mut random = Seeded(5);
        let mut timer = Timer::start(Parameters::SOLICIT, 0, &mut random);
        timer.set_longest(60 * SECOND);
        let mut now = 0;
        for _ in 0..12 {
            timer.send(now, &mut random);
            assert!(timer.deadline() - now <= 66 * SECOND);
            now = timer.deadline();
        }
    }
}
