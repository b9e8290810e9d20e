//! SYN cookies (RFC 4987, Section 3.6): when there is no room for one more half-open connection,
//! the SYN-ACK itself carries what has to be remembered, and the other side brings it back.
//!
//! The initial sequence number is, from its highest bit on: whether the minute in which it was
//! made is odd, the other side's MSS as one of eight, and 28 bits of a keyed hash of these, the
//! connection and the other side's number. What was offered in options, and ECN, fit there no
//! more. If timestamps were offered too, they go into the lowest bits of the own timestamp, as on
//! Linux; otherwise the connection does without.

use super::isn::FourTuple;
use crate::hash::HashKey;
use crate::time::{Duration, Instant};
use crate::wire::tcp::TcpOptions;
use crate::wire::tcp_sequence::SequenceNumber;

/// A cookie is good in the period in which it was made and in the next one.
const PERIOD: u64 = 60;
/// How long acknowledgments that belong to nothing are looked at after a cookie was sent.
const VALID: Duration = Duration::from_secs(2 * PERIOD);
/// The other side's MSS is rounded down to one of these: RFC 9293's least, the default, tunnels,
/// Ethernet, jumbo frames.
const SIZES: [u16; 8] = [64, 536, 1220, 1360, 1420, 1440, 4036, 8940];
const HASH_BITS: u32 = 28;

/// Bits of a timestamp that tell what was offered.
const STAMP_BITS: u32 = 6;
const STAMP_MASK: u32 = (1 << STAMP_BITS) - 1;
/// A window scale of this means that none was offered.
const NO_SCALE: u32 = 15;
const SACK: u32 = 1 << 4;
const ECN: u32 = 1 << 5;

/// Where cookies come from.
pub(crate) struct SynCookies {
    pub(crate) key: HashKey,
    /// When the last one was sent.
    last: Option<Instant>,
}

fn period(now: Instant) -> u64 {
    now.as_millis() / 1000 / PERIOD
}

impl SynCookies {
    pub(crate) const fn new() -> Self {
        Self { key: HashKey::UNSET, last: None }
    }

    fn cookie(&self, tuple: &FourTuple, irs: SequenceNumber, period: u64, size: u32) -> u32 {
        let hash = self.key.hash(&(tuple, irs.0, period, size)) as u32;
        let odd = (period & 1) as u32;
        odd << 31 | size << HASH_BITS | hash & ((1 << HASH_BITS) - 1)
    }

    /// The initial sequence number that answers a SYN with the number `irs`.
    pub(crate) fn make(
        &mut self,
        tuple: &FourTuple,
        irs: SequenceNumber,
        mss: u16,
        now: Instant,
    ) -> SequenceNumber {
        self.last = Some(now);
        let size = SIZES.iter().rposition(|size| *size <= mss).unwrap_or(0) as u32;
        SequenceNumber(self.cookie(tuple, irs, period(now), size))
    }

    /// Whether one was sent so lately that its answer may come.
    pub(crate) fn expected(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now.saturating_since(last) < VALID)
    }

    /// The MSS in a cookie that comes back; `None` if this is none, or it is too old.
    pub(crate) fn check(
        &self,
        tuple: &FourTuple,
        irs: SequenceNumber,
        cookie: SequenceNumber,
        now: Instant,
    ) -> Option<u16> {
        let size = cookie.0 >> HASH_BITS & 7;
        let current = period(now);
        let made = [Some(current), current.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|period| self.cookie(tuple, irs, period, size) == cookie.0);
        SIZES.get(size as usize).copied().filter(|_| made)
    }
}

/// The timestamp to send instead of `clock`: not later, and with what the SYN offered, and whether
/// both sides agree on ECN, in its lowest bits.
pub(crate) fn stamp(clock: u32, offered: &TcpOptions, ecn: bool) -> u32 {
    let scale = offered.window_scale.map_or(NO_SCALE, |shift| u32::from(shift).min(NO_SCALE - 1));
    let sack = if offered.sack_permitted { SACK } else { 0 };
    let ecn = if ecn { ECN } else { 0 };
    let stamp = clock & !STAMP_MASK | scale | sack | ecn;
    // Timestamps must not go back when the connection is open.
    if (stamp.wrapping_sub(clock) as i32) > 0 { stamp.wrapping_sub(1 << STAMP_BITS) } else { stamp }
}

/// What an echo of such a timestamp brings back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Remembered {
    pub(crate) window_scale: Option<u8>,
    pub(crate) sack_permitted: bool,
    /// Both sides agree on ECN.
    pub(crate) ecn: bool,
}

impl Remembered {
    pub(crate) fn from_echo(echo: u32) -> Self {
        let scale = echo & NO_SCALE;
        Self {
            window_scale: (scale != NO_SCALE).then_some(scale as u8),
            sack_permitted: echo & SACK != 0,
            ecn: echo & ECN != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv6Addr;

    const IRS: SequenceNumber = SequenceNumber(77);

    fn tuple(port: u16) -> FourTuple {
        FourTuple { local: (Ipv6Addr::LOCALHOST, 80), remote: (Ipv6Addr::LOCALHOST, port) }
    }

    fn cookies() -> SynCookies {
        SynCookies { key: HashKey::new([7; 16]), last: None }
    }

    #[test]
    fn cookies_bring_the_mss_back() {
        let mut cookies = cookies();
        let now = Instant::from_secs(1000);
        assert!(!cookies.expected(now));
        for (mss, known) in
            [(0, 64), (64, 64), (1219, 536), (1220, 1220), (1440, 1440), (u16::MAX, 8940)]
        {
            let cookie = cookies.make(&tuple(1), IRS, mss, now);
            assert_eq!(cookies.check(&tuple(1), IRS, cookie, now), Some(known));
        }
        assert!(cookies.expected(now + Duration::from_secs(119)));
        assert!(!cookies.expected(now + Duration::from_secs(120)));
    }

    #[test]
    fn they_are_good_for_one_connection_and_not_for_long() {
        let mut cookies = cookies();
        let now = Instant::from_secs(600);
        let cookie = cookies.make(&tuple(1), IRS, 1440, now);
        for (port, irs, cookie, secs, good) in [
            (1, IRS, cookie, 600, true),
            (1, IRS, cookie, 719, true),
            (1, IRS, cookie, 720, false),
            (1, IRS, cookie, 780, false),
            (2, IRS, cookie, 600, false),
            (1, IRS + 1, cookie, 600, false),
            (1, IRS, cookie + 1, 600, false),
            (1, IRS, cookie - 1, 600, false),
            // Another MSS, another minute.
            (1, IRS, SequenceNumber(cookie.0 ^ 1 << HASH_BITS), 600, false),
            (1, IRS, SequenceNumber(cookie.0 ^ 1 << 31), 600, false),
        ] {
            let checked = cookies.check(&tuple(port), irs, cookie, Instant::from_secs(secs));
            assert_eq!(checked.is_some(), good, "{port} {irs:?} {cookie:?} {secs}");
        }
        // The first minute of all.
        let cookie = cookies.make(&tuple(1), IRS, 1440, Instant::ZERO);
        assert!(cookies.check(&tuple(1), IRS, cookie, Instant::ZERO).is_some());
    }

    #[test]
    fn options_travel_in_the_timestamp() {
        for clock in [0, 1, 62, 63, 64, 1_000_000, u32::MAX] {
            for window_scale in [None, Some(0), Some(7), Some(14)] {
                for (sack_permitted, ecn) in
                    [(false, false), (false, true), (true, false), (true, true)]
                {
                    let options = TcpOptions { window_scale, sack_permitted, ..TcpOptions::NONE };
                    let stamp = stamp(clock, &options, ecn);
                    let expected = Remembered { window_scale, sack_permitted, ecn };
                    assert_eq!(Remembered::from_echo(stamp), expected);
                    assert!(clock.wrapping_sub(stamp) < 1 << STAMP_BITS, "{clock} {stamp}");
                }
            }
        }
    }
}
