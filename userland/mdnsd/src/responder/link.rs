//! A link: how far the name is its own there, what was said when, what is still to be said.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};
use core::time::Duration;

use resolver::record::{Data, Record};
use resolver::{Instant, Name, Rtype, name};

use crate::limit::Bucket;
use crate::message::{HOST_TTL, Own, Question, Received};

/// Probes, and the time between them (RFC 6762 section 8.1).
const PROBES: u8 = 3;
const PROBE_GAP: Duration = Duration::from_millis(250);
/// Announcements, and the time between them (section 8.3).
const ANNOUNCEMENTS: u8 = 2;
const ANNOUNCEMENT_GAP: Duration = Duration::from_secs(1);
/// A record is not multicast again sooner (section 6), unless it defends the name.
const LEAST_GAP: Duration = Duration::from_secs(1);
const LEAST_GAP_DEFENDING: Duration = Duration::from_millis(250);
/// Answers that wait at most.
const MOST_WAITING: usize = 16;
/// Unicast answers: a burst, then one in so long. Nobody uses this host to flood another.
pub(super) const REPLIES: u32 = 30;
const REPLY_PERIOD: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Somebody else may have the name.
    Probing { sent: u8, next: Instant },
    /// Others are told.
    Announcing { sent: u8, next: Instant },
    /// The name is this host's.
    Settled,
}

/// An answer that waits.
#[derive(Clone, Debug)]
struct Waiting {
    due: Instant,
    answers: Vec<Own>,
    additional: Vec<Own>,
    /// From there more answers that are known already may come.
    asked_by: Option<SocketAddrV6>,
}

/// What is due on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Probe,
    Announcement,
    Answer(Vec<Own>, Vec<Own>),
}

/// The link.
#[derive(Debug)]
pub(super) struct Link {
    /// In order.
    pub(super) addresses: Vec<Ipv6Addr>,
    pub(super) replies: Bucket,
    phase: Phase,
    /// When records were multicast last.
    said: BTreeMap<Own, Instant>,
    waiting: Vec<Waiting>,
}

/// Whether `own` is among records that whoever asks knows well enough: for half their time at least
/// (section 7.1).
pub(super) fn is_known(host: &Name, own: Own, known: &[Record]) -> bool {
    known.iter().any(|record| record.ttl >= HOST_TTL / 2 && is_own(host, own, record))
}

/// Whether `record` says the same as `own`.
fn is_own(host: &Name, own: Own, record: &Record) -> bool {
    match (own, &record.data) {
        (Own::Address(address), Data::Aaaa(theirs)) => record.owner == *host && *theirs == address,
        (Own::Name(address), Data::Ptr(theirs)) => {
            theirs == host && name::address_of(&record.owner) == Some(address)
        }
        (Own::OnlyAddresses, Data::Nsec(kinds)) => record.owner == *host && *kinds == [Rtype::AAAA],
        (Own::OnlyName(address), Data::Nsec(kinds)) => {
            *kinds == [Rtype::PTR] && name::address_of(&record.owner) == Some(address)
        }
        _ => false,
    }
}

impl Link {
    pub(super) const fn new(addresses: Vec<Ipv6Addr>, probe: Instant) -> Self {
        Self {
            addresses,
            replies: Bucket::new(REPLIES, REPLY_PERIOD),
            phase: Phase::Probing { sent: 0, next: probe },
            said: BTreeMap::new(),
            waiting: Vec::new(),
        }
    }

    pub(super) const fn is_probing(&self) -> bool {
        matches!(self.phase, Phase::Probing { .. })
    }

    /// Whether the name is this host's here.
    pub(super) const fn has_name(&self) -> bool {
        !self.is_probing()
    }

    /// Begins to probe at `next`; what was said before does not hold any more.
    pub(super) fn probe_from(&mut self, next: Instant) {
        self.phase = Phase::Probing { sent: 0, next };
        self.forget();
    }

    pub(super) fn forget(&mut self) {
        self.said.clear();
        self.waiting.clear();
    }

    pub(super) fn set_addresses(&mut self, addresses: Vec<Ipv6Addr>, now: Instant) {
        self.addresses = addresses;
        self.forget();
        // The name is proven; the new addresses are only told (section 8.4).
        if self.has_name() {
            self.phase = Phase::Announcing { sent: 0, next: now };
        }
    }

    /// Whether an address is of this link as far as this host can tell.
    pub(super) fn is_near(&self, address: Ipv6Addr) -> bool {
        let prefix = |address: &Ipv6Addr| address.to_bits() >> 64;
        address.is_unicast_link_local()
            || self.addresses.iter().any(|own| prefix(own) == prefix(&address))
    }

    /// All records that are announced.
    pub(super) fn all(&self) -> Vec<Own> {
        let addresses = self.addresses.iter().map(|address| Own::Address(*address));
        addresses.chain(self.addresses.iter().map(|address| Own::Name(*address))).collect()
    }

    /// The record of ours that says the same as `record`.
    pub(super) fn own(&self, host: &Name, record: &Record) -> Option<Own> {
        let denials = self.addresses.iter().map(|address| Own::OnlyName(*address));
        let all = self.all().into_iter().chain([Own::OnlyAddresses]).chain(denials);
        all.into_iter().find(|own| is_own(host, *own, record))
    }

    /// Answers to a question and what goes with them; `None` when it is not about this host, or the
    /// name is not its own yet.
    pub(super) fn answers_to(
        &self,
        host: &Name,
        question: &Question,
    ) -> Option<(Vec<Own>, Vec<Own>)> {
        if self.is_probing() {
            return None;
        }
        if question.name == *host {
            let addresses =
                || self.addresses.iter().map(|address| Own::Address(*address)).collect();
            return Some(match question.kind {
                Rtype::AAAA | Rtype::ANY => (addresses(), vec![Own::OnlyAddresses]),
                // Who asks for something else will want to know that there are addresses.
                _ => (vec![Own::OnlyAddresses], addresses()),
            });
        }
        let address = name::address_of(&question.name)?;
        self.addresses.contains(&address).then(|| match question.kind {
            Rtype::PTR | Rtype::ANY => (vec![Own::Name(address)], Vec::new()),
            _ => (vec![Own::OnlyName(address)], Vec::new()),
        })
    }

    /// Whether a record was multicast in the last `seconds`.
    pub(super) fn said_within(&self, own: Own, now: Instant, seconds: u32) -> bool {
        let span = Duration::from_secs(seconds.into());
        self.said.get(&own).is_some_and(|at| now.saturating_sub(*at) < span)
    }

    /// Leaves out what was multicast just now.
    pub(super) fn keep_rate(&self, answers: &mut Vec<Own>, defending: bool, now: Instant) {
        let gap = if defending { LEAST_GAP_DEFENDING } else { LEAST_GAP };
        answers.retain(|own| self.said.get(own).is_none_or(|at| now.saturating_sub(*at) >= gap));
    }

    /// Records are multicast now.
    pub(super) fn say(&mut self, answers: &[Own], now: Instant) {
        for own in answers {
            self.said.insert(*own, now);
        }
    }

    /// Answers when the time has come; together with what waits already.
    pub(super) fn answer_later(
        &mut self,
        answers: Vec<Own>,
        additional: Vec<Own>,
        asked_by: Option<SocketAddrV6>,
        due: Instant,
    ) {
        if answers.is_empty() || self.waiting.len() >= MOST_WAITING {
            return;
        }
        self.waiting.push(Waiting { due, answers, additional, asked_by });
    }

    /// Takes from the waiting answers what their asker turns out to know (section 7.2); while more
    /// follows, the answer waits on.
    pub(super) fn hear_known(
        &mut self,
        host: &Name,
        from: SocketAddrV6,
        message: &Received,
        now: Instant,
    ) {
        for waiting in &mut self.waiting {
            if waiting.asked_by == Some(from) {
                waiting.answers.retain(|own| !is_known(host, *own, &message.answers));
                if message.more_follows {
                    waiting.due = waiting.due.max(now + Duration::from_millis(400));
                }
            }
        }
        self.waiting.retain(|waiting| !waiting.answers.is_empty());
    }

    /// What is due now. It is taken as done.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        match &mut self.phase {
            Phase::Probing { sent, next } if now >= *next => {
                if *sent < PROBES {
                    *sent += 1;
                    *next = now + PROBE_GAP;
                    return Some(Due::Probe);
                }
                // Nobody has objected.
                self.phase = Phase::Announcing { sent: 1, next: now + ANNOUNCEMENT_GAP };
                return Some(Due::Announcement);
            }
            Phase::Announcing { sent, next } if now >= *next => {
                *sent += 1;
                *next = now + ANNOUNCEMENT_GAP;
                if *sent >= ANNOUNCEMENTS {
                    self.phase = Phase::Settled;
                }
                return Some(Due::Announcement);
            }
            _ => {}
        }
        let at = self.waiting.iter().position(|waiting| now >= waiting.due)?;
        let waiting = self.waiting.swap_remove(at);
        Some(Due::Answer(waiting.answers, waiting.additional))
    }

    /// When something is due next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Probing { next, .. } | Phase::Announcing { next, .. } => Some(next),
            Phase::Settled => None,
        };
        self.waiting.iter().map(|waiting| waiting.due).chain(phase).min()
    }
}
