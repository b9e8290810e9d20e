//! Duplicate Address Detection (RFC 4862, Section 5.4) with nonces (RFC 7527).
//!
//! This is the timing of one address's test; sending the probes and what follows from the outcome
//! is in `duplicate`.

use crate::limits;
use crate::random::Random;
use crate::time::{Duration, Instant};
use heapless::Vec;

/// A nonce of a probe: the six octets that fill the option (RFC 3971, Section 5.3.2).
pub(crate) type Nonce = [u8; 6];

/// More probes after a link sent one of ours back: MAX_MULTICAST_SOLICIT (RFC 7527, Section 4.1).
const PROBES_AFTER_LOOP: u8 = 3;

/// The test of one tentative address.
#[derive(Clone, Debug)]
pub(crate) struct Dad {
    /// Probes still to be sent.
    remaining: u8,
    /// When to send the next one, or when the test is passed.
    due: Instant,
    /// Nonces of the last probes.
    nonces: Vec<Nonce, { limits::NONCES }>,
    /// One of our probes came back since the last one was sent.
    looped: bool,
}

/// What to do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Send a probe with this nonce.
    Probe(Nonce),
    /// Nobody else uses the address: assign it.
    Assign,
}

impl Dad {
    /// A test of `transmits` probes, the first after `delay`.
    pub(crate) fn start(now: Instant, delay: Duration, transmits: u8) -> Self {
        Self { remaining: transmits, due: now + delay, nonces: Vec::new(), looped: false }
    }

    /// The link is down: nothing happens until the test is started again.
    pub(crate) const fn suspend(&mut self) {
        self.due = Instant::FAR_FUTURE;
    }

    pub(crate) const fn deadline(&self) -> Instant {
        self.due
    }

    /// What is due, if anything. `retrans_timer` is the interface's RetransTimer.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        retrans_timer: Duration,
        random: &mut impl Random,
    ) -> Option<Action> {
        if now < self.due {
            return None;
        }
        if self.remaining == 0 {
            if !core::mem::take(&mut self.looped) {
                return Some(Action::Assign);
            }
            // RFC 7527, Section 4.1: a looped link hides the others' answers, so go on asking.
            self.remaining = PROBES_AFTER_LOOP;
        }
        self.remaining -= 1;
        self.due = now + retrans_timer;
        let mut nonce = [0; 6];
        random.fill(&mut nonce);
        if self.nonces.is_full() {
            self.nonces.remove(0);
        }
        let _fits = self.nonces.push(nonce);
        Some(Action::Probe(nonce))
    }

    /// Whether a received probe is one of ours, sent back by the link. If so it is no sign of a
    /// duplicate, but the test takes longer.
    pub(crate) fn is_own(&mut self, nonce: Option<&[u8]>) -> bool {
        let own = nonce.is_some_and(|nonce| self.nonces.iter().any(|ours| ours == nonce));
        self.looped |= own;
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::test::TestRandom;

    const RETRANS: Duration = Duration::from_secs(1);

    #[test]
    fn one_probe_then_assigned() {
        let mut random = TestRandom(1);
        let start = Instant::from_secs(5);
        let mut dad = Dad::start(start, Duration::from_millis(300), 1);
        assert_eq!(dad.deadline(), Instant::from_millis(5300));
        assert_eq!(dad.poll(start, RETRANS, &mut random), None);
        let Some(Action::Probe(_)) = dad.poll(Instant::from_millis(5300), RETRANS, &mut random)
        else {
            panic!("no probe");
        };
        assert_eq!(dad.poll(Instant::from_millis(6299), RETRANS, &mut random), None);
        assert_eq!(
            dad.poll(Instant::from_millis(6300), RETRANS, &mut random),
            Some(Action::Assign)
        );
    }

    #[test]
    fn no_transmits_means_no_test() {
        let mut dad = Dad::start(Instant::ZERO, Duration::ZERO, 0);
        assert_eq!(dad.poll(Instant::ZERO, RETRANS, &mut TestRandom(1)), Some(Action::Assign));
    }

    #[test]
    fn a_looped_probe_prolongs_the_test_and_each_probe_has_its_nonce() {
        let mut random = TestRandom(2);
        let mut now = Instant::ZERO;
        let mut dad = Dad::start(now, Duration::ZERO, 1);
        let mut nonces = Vec::<Nonce, 8>::new();
        loop {
            match dad.poll(now, RETRANS, &mut random) {
                Some(Action::Probe(nonce)) => {
                    assert!(!nonces.contains(&nonce));
                    nonces.push(nonce).unwrap();
                    assert!(dad.nonces.contains(&nonce));
                    if nonces.len() == 1 {
                        assert!(dad.is_own(Some(&nonce)));
                    }
                }
                Some(Action::Assign) => break,
                None => now = dad.deadline(),
            }
        }
        assert_eq!(nonces.len(), 4);
        assert_eq!(now, Instant::from_secs(4));
        assert!(!dad.is_own(Some(&[0; 6])));
        assert!(!dad.is_own(None));
    }
}
