//! Addresses that a server has given, and for how long (RFC 8415 sections 14.2 and 18.2.10.1).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::Ipv6Addr;

use net_tools::clock::SECOND;

use super::duid::Duid;
use super::option::{IaNa, MOST_ADDRESSES};

/// A point in time, microseconds; `None` is never.
pub type Moment = Option<u64>;

/// The moment after a lifetime; all ones has no end (RFC 8415 section 7.7).
const fn after(now: u64, seconds: u32) -> Moment {
    if seconds == u32::MAX { None } else { Some(now.saturating_add(seconds as u64 * SECOND)) }
}

/// Seconds left until a moment, as lifetimes are written.
#[must_use]
pub const fn left(until: Moment, now: u64) -> u32 {
    match until {
        None => u32::MAX,
        Some(until) => {
            let seconds = until.saturating_sub(now).div_ceil(SECOND);
            if seconds < u32::MAX as u64 { seconds as u32 } else { u32::MAX - 1 }
        }
    }
}

/// Whether a moment has come.
const fn is_over(moment: Moment, now: u64) -> bool {
    matches!(moment, Some(moment) if moment <= now)
}

/// The earlier of two moments.
const fn earlier(one: Moment, other: Moment) -> Moment {
    match (one, other) {
        (Some(one), Some(other)) => Some(if one < other { one } else { other }),
        (None, moment) | (moment, None) => moment,
    }
}

/// An address for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeasedAddress {
    /// The address.
    pub address: Ipv6Addr,
    /// Until then it is preferred.
    pub preferred: Moment,
    /// Until then it may be used.
    pub valid: Moment,
}

/// What a server has given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which one.
    pub server: Duid,
    /// When the server is asked to prolong it.
    pub renew: Moment,
    /// When any server is asked to.
    pub rebind: Moment,
    /// The addresses, at most [`MOST_ADDRESSES`].
    pub addresses: Vec<LeasedAddress>,
}

impl Lease {
    /// What a Reply gives at first; `None` when that is nothing.
    #[must_use]
    pub fn new(server: Duid, ia: &IaNa, now: u64) -> Option<Self> {
        let mut lease = Self { server, renew: None, rebind: None, addresses: Vec::new() };
        lease.update(ia, now);
        (!lease.addresses.is_empty()).then_some(lease)
    }

    /// What a Reply changes: addresses that it names get their new lifetimes or, with 0, go; others
    /// stay as they are.
    pub fn update(&mut self, ia: &IaNa, now: u64) {
        for given in &ia.addresses {
            self.addresses.retain(|address| address.address != given.address);
            if given.valid > 0 && self.addresses.len() < MOST_ADDRESSES {
                self.addresses.push(LeasedAddress {
                    address: given.address,
                    preferred: after(now, given.preferred),
                    valid: after(now, given.valid),
                });
            }
        }
        // Where the server leaves it to the client (section 21.4), half and four fifths of the
        // shortest preferred lifetime.
        let given = ia.addresses.iter().filter(|given| given.valid > 0);
        let shortest = given.map(|given| given.preferred).min().unwrap_or(u32::MAX);
        let part = |fifths: u64, tenths: u64| match shortest {
            u32::MAX => u32::MAX,
            shortest => (u64::from(shortest) * fifths / tenths) as u32,
        };
        let t2 = if ia.t2 == 0 { part(8, 10).max(ia.t1) } else { ia.t2 };
        let t1 = if ia.t1 == 0 { part(5, 10).min(t2) } else { ia.t1 };
        self.renew = after(now, t1);
        self.rebind = after(now, t2);
    }

    /// Takes addresses away whose time is over; returns whether there were any.
    pub fn expire(&mut self, now: u64) -> bool {
        let before = self.addresses.len();
        self.addresses.retain(|address| !is_over(address.valid, now));
        self.addresses.len() != before
    }

    /// When the next address goes.
    #[must_use]
    pub fn next_expiry(&self) -> Moment {
        self.addresses.iter().fold(None, |least, address| earlier(least, address.valid))
    }

    /// Whether it is time to renew.
    #[must_use]
    pub const fn is_renewal_due(&self, now: u64) -> bool {
        is_over(self.renew, now)
    }

    /// Whether it is time to rebind.
    #[must_use]
    pub const fn is_rebinding_due(&self, now: u64) -> bool {
        is_over(self.rebind, now)
    }

    /// The lease as text, for a file that lasts as long as the monotonic clock: until the machine
    /// is switched off.
    #[must_use]
    pub fn text(&self) -> String {
        let moment = |moment: Moment| moment.map_or("never".into(), |time| format!("{time}"));
        let mut text = format!("server {}\n", self.server);
        // Writing to a string does not fail.
        let _ = writeln!(text, "renew {}\nrebind {}", moment(self.renew), moment(self.rebind));
        for address in &self.addresses {
            let (preferred, valid) = (moment(address.preferred), moment(address.valid));
            let _ = writeln!(text, "address {} {preferred} {valid}", address.address);
        }
        text
    }

    /// Reads what [`Lease::text`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let moment = |word: &str| match word {
            "never" => Some(None),
            number => number.parse().ok().map(Some),
        };
        let (mut server, mut renew, mut rebind) = (None, None, None);
        let mut addresses = Vec::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match *words.as_slice() {
                ["server", duid] => server = Some(Duid::parse(duid)?),
                ["renew", time] => renew = moment(time)?,
                ["rebind", time] => rebind = moment(time)?,
                ["address", address, preferred, valid] if addresses.len() < MOST_ADDRESSES => {
                    addresses.push(LeasedAddress {
                        address: address.parse().ok()?,
                        preferred: moment(preferred)?,
                        valid: moment(valid)?,
                    });
                }
                _ => return None,
            }
        }
        (!addresses.is_empty()).then_some(Self { server: server?, renew, rebind, addresses })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use net_tools::clock::SECOND;

    use super::{Duid, Lease, left};
    use crate::dhcp6::option::{IaAddress, IaNa, Status};

    const NOW: u64 = 1000 * SECOND;

    fn given(t1: u32, t2: u32, addresses: &[(u16, u32, u32)]) -> IaNa {
        let addresses = addresses.iter().map(|&(last, preferred, valid)| IaAddress {
            address: core::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last),
            preferred,
            valid,
        });
        IaNa { t1, t2, status: Status::Success, addresses: addresses.collect() }
    }

    fn server() -> Duid {
        Duid::from_ethernet([2; 6])
    }

    fn seconds(moment: super::Moment) -> Option<u64> {
        moment.map(|moment| (moment - NOW) / SECOND)
    }

    /// Rows: DH6-6
    #[test]
    fn times() {
        for (t1, t2, renew, rebind) in [
            (100, 200, Some(100), Some(200)),
            (0, 0, Some(50), Some(80)),
            (0, 30, Some(30), Some(30)),
            (0, 90, Some(50), Some(90)),
            (90, 0, Some(90), Some(90)),
            (u32::MAX, u32::MAX, None, None),
        ] {
            let ia = given(t1, t2, &[(1, 100, 200), (2, 150, 200), (3, 0, 0)]);
            let lease = Lease::new(server(), &ia, NOW).unwrap();
            assert_eq!((seconds(lease.renew), seconds(lease.rebind)), (renew, rebind), "{t1} {t2}");
            assert_eq!(lease.addresses.len(), 2);
        }
        let forever = given(0, 0, &[(1, u32::MAX, u32::MAX)]);
        let mut lease = Lease::new(server(), &forever, NOW).unwrap();
        assert_eq!((lease.renew, lease.rebind, lease.next_expiry()), (None, None, None));
        assert!(!lease.expire(u64::MAX) && !lease.is_renewal_due(u64::MAX));
        assert_eq!(Lease::new(server(), &given(0, 0, &[(1, 0, 0)]), NOW), None);
    }

    /// Rows: DH6-6
    #[test]
    fn addresses_come_and_go() {
        let mut lease =
            Lease::new(server(), &given(0, 0, &[(1, 100, 200), (2, 100, 300)]), NOW).unwrap();
        lease.update(&given(0, 0, &[(1, 0, 0), (3, 10, 20)]), NOW + SECOND);
        let last: Vec<u16> = lease.addresses.iter().map(|a| a.address.segments()[7]).collect();
        assert_eq!(last, [2, 3]);
        assert_eq!(seconds(lease.next_expiry()), Some(21));
        assert!(lease.expire(NOW + 21 * SECOND));
        assert_eq!(lease.addresses.len(), 1);
        assert_eq!(left(lease.next_expiry(), NOW + 21 * SECOND), 279);
        assert_eq!((left(None, 5), left(Some(1), 5), left(Some(6), 5)), (u32::MAX, 0, 1));
    }

    #[test]
    fn text() {
        let mut lease =
            Lease::new(server(), &given(0, 0, &[(1, 100, 200), (2, 100, 300)]), NOW).unwrap();
        lease.addresses[1].valid = None;
        assert_eq!(Lease::parse(&lease.text()), Some(lease.clone()));
        for text in ["", "server 00:03:00:01:02\n", "address ::1 never never\n"] {
            assert_eq!(Lease::parse(text), None, "{text}");
        }
        assert_eq!(Lease::parse(&lease.text().replace("never", "soon")), None);
        assert_eq!(Lease::parse(&(lease.text() + "more\n")), None);
    }
}
