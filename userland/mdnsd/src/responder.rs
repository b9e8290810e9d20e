//! The responder in virtual time: what came in, what is to go out, and when.
//!
//! A link is taken into use in three steps. The name is *probed*: asked for three times, in case it
//! belongs to somebody (RFC 6762 section 8.1). Then it is *announced* twice (section 8.3). From then
//! on questions are answered. Whoever has the name already keeps it: this host takes the next one,
//! on all links.

mod link;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};
use core::time::Duration;

use link::Link;
use resolver::record::{Data, Record};
use resolver::{Instant, Name, Rtype};

use crate::message::{Audience, HOST_TTL, Own, Received};
use crate::title::Title;

/// The port of multicast DNS.
const PORT: u16 = resolver::multicast::PORT;
/// Links at most.
const MOST_LINKS: usize = 16;
/// Addresses of a link at most: what fits into one message with their names.
const MOST_ADDRESSES: usize = 16;
/// Messages that wait to be sent at most.
const MOST_OUTGOING: usize = 64;
/// After so many conflicts within [`CONFLICT_SPAN`] the next probes wait (section 8.1).
const MOST_CONFLICTS: usize = 15;
const CONFLICT_SPAN: Duration = Duration::from_secs(10);
const CONFLICT_PAUSE: Duration = Duration::from_secs(5);
/// The first probe waits a random time up to this, so that hosts that are switched on together don't
/// speak together (section 8.1).
const FIRST_PROBE: Duration = Duration::from_millis(250);
/// How long the loser of a simultaneous probe waits (section 8.2).
const LOST_PAUSE: Duration = Duration::from_secs(1);

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// By which interface.
    pub link: u32,
    /// To whom; to the group when it is nobody in particular.
    pub to: Option<SocketAddrV6>,
    /// The message.
    pub message: Vec<u8>,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Messages that could not be read, or came from where they must not.
    pub ignored: u64,
    /// Times the name had to be given up.
    pub conflicts: u64,
    /// Messages that were not sent because too many waited.
    pub dropped: u64,
    /// Answers that were held back by the limits of rate.
    pub limited: u64,
}

/// The responder.
#[derive(Debug)]
pub struct Responder {
    title: Title,
    links: BTreeMap<u32, Link>,
    outgoing: VecDeque<Outgoing>,
    conflicts: VecDeque<Instant>,
    random: Random,
    statistics: Statistics,
}

/// Spreads things in time; nothing depends on nobody guessing it.
#[derive(Clone, Copy, Debug)]
struct Random(u64);

impl Random {
    /// A time from `least` to `most`.
    fn between(&mut self, least: Duration, most: Duration) -> Duration {
        // xorshift64 (Marsaglia 2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let span = most.saturating_sub(least).as_millis() as u64;
        least + Duration::from_millis(self.0 % (span + 1))
    }
}

impl Responder {
    /// A responder without links. `seed` makes hosts differ.
    #[must_use]
    pub fn new(title: Title, seed: u64) -> Self {
        Self {
            title,
            links: BTreeMap::new(),
            outgoing: VecDeque::new(),
            conflicts: VecDeque::new(),
            random: Random(seed | 1),
            statistics: Statistics::default(),
        }
    }

    /// What the host is called now; others may still object while it is probed.
    #[must_use]
    pub const fn name(&self) -> &Name {
        self.title.name()
    }

    /// What happened so far.
    #[must_use]
    pub const fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Whether all links have been probed without objection.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.links.values().all(Link::has_name)
    }

    /// The host is called otherwise now: the old name is taken back, the new one probed.
    pub fn rename(&mut self, title: Title, now: Instant) {
        self.say_good_bye();
        self.title = title;
        self.probe_all(Duration::ZERO, now);
    }

    /// These are the addresses of a link now; none when it is not to be used any more.
    pub fn set_addresses(&mut self, index: u32, mut addresses: Vec<Ipv6Addr>, now: Instant) {
        addresses.sort_unstable();
        addresses.dedup();
        addresses.truncate(MOST_ADDRESSES);
        let Some(link) = self.links.get_mut(&index) else {
            if !addresses.is_empty() && self.links.len() < MOST_LINKS {
                let wait = self.random.between(Duration::ZERO, FIRST_PROBE);
                self.links.insert(index, Link::new(addresses, now + wait));
            }
            return;
        };
        if link.addresses == addresses {
            return;
        }
        let gone: Vec<Own> = (link.addresses.iter())
            .filter(|address| !addresses.contains(address))
            .flat_map(|address| [Own::Address(*address), Own::Name(*address)])
            .collect();
        let is_known = link.has_name();
        let empty = addresses.is_empty();
        link.set_addresses(addresses, now);
        if empty {
            // Without an address nothing can be sent there.
            self.links.remove(&index);
        } else if is_known && !gone.is_empty() {
            self.multicast(index, &gone, 0, now);
        }
    }

    /// The links in use.
    pub fn links(&self) -> impl Iterator<Item = u32> {
        self.links.keys().copied()
    }

    /// A message has come by interface `index`, sent to the group or (not `to_group`) to this host
    /// alone.
    pub fn received(
        &mut self,
        index: u32,
        from: SocketAddrV6,
        to_group: bool,
        bytes: &[u8],
        now: Instant,
    ) {
        let own = self.links.values().any(|link| link.addresses.contains(from.ip()));
        let Some(link) = self.links.get(&index) else { return };
        // What is not from this link is nobody's business here (section 11); the group's scope is
        // the link.
        let near = to_group || link.is_near(*from.ip());
        // This host hears its own messages, also by another link when both are one.
        let echo = own && from.port() == PORT;
        let message = Received::parse(bytes).filter(|_| near);
        let Some(message) = message else {
            self.statistics.ignored += 1;
            return;
        };
        if echo {
            return;
        }
        if !message.response {
            if self.loses_to(index, &message) {
                if let Some(link) = self.links.get_mut(&index) {
                    link.probe_from(now + LOST_PAUSE);
                }
                return;
            }
            self.answer(index, from, &message, now);
        } else if from.port() == PORT {
            self.heed(index, &message, now);
        } else {
            self.statistics.ignored += 1;
        }
    }

    /// Whether somebody else is probing for the same name now, and has the stronger claim: the
    /// records that come later in order (section 8.2).
    fn loses_to(&self, index: u32, message: &Received) -> bool {
        let Some(link) = self.links.get(&index).filter(|link| link.is_probing()) else {
            return false;
        };
        let claim = |record: &Record| match &record.data {
            Data::A(address) => (Rtype::A.to_int(), address.octets().to_vec()),
            Data::Aaaa(address) => (Rtype::AAAA.to_int(), address.octets().to_vec()),
            Data::Other(kind, octets) => (kind.to_int(), octets.clone()),
            other => (other.kind().to_int(), Vec::new()),
        };
        let about_us = message.authority.iter().filter(|record| record.owner == *self.name());
        let mut theirs: Vec<(u16, Vec<u8>)> = about_us.map(claim).collect();
        theirs.sort_unstable();
        let own = |address: &Ipv6Addr| (Rtype::AAAA.to_int(), address.octets().to_vec());
        let ours: Vec<(u16, Vec<u8>)> = link.addresses.iter().map(own).collect();
        theirs > ours
    }

    /// Answers the questions in a message that are about this host.
    fn answer(&mut self, index: u32, from: SocketAddrV6, message: &Received, now: Instant) {
        let Some(link) = self.links.get_mut(&index) else { return };
        // More answers that are known already come from the same place; or all of them have.
        link.hear_known(self.title.name(), from, message, now);
        let mut answers = Vec::new();
        let mut additional = Vec::new();
        let mut answered = Vec::new();
        for question in &message.questions {
            if let Some((own, also)) = link.answers_to(self.title.name(), question) {
                answers.extend(own);
                additional.extend(also);
                answered.push(question.clone());
            }
        }
        answers.sort_unstable();
        answers.dedup();
        answers.retain(|own| !link::is_known(self.title.name(), *own, &message.answers));
        additional.retain(|own| !answers.contains(own));
        additional.dedup();
        if answers.is_empty() {
            return;
        }
        if from.port() != PORT {
            let audience = Audience::Legacy { id: message.id, questions: answered };
            self.unicast(index, from, &answers, &additional, &audience, now);
            return;
        }
        let probed = !message.authority.is_empty();
        let recently = answers.iter().all(|own| link.said_within(*own, now, HOST_TTL / 4));
        if answered.iter().all(|question| question.unicast) && recently {
            self.unicast(index, from, &answers, &additional, &Audience::Responders, now);
            return;
        }
        let before = answers.len();
        link.keep_rate(&mut answers, probed, now);
        self.statistics.limited += (before - answers.len()) as u64;
        if message.more_follows {
            let wait = self.random.between(Duration::from_millis(400), Duration::from_millis(500));
            link.answer_later(answers, additional, Some(from), now + wait);
        } else if answered.len() < message.questions.len() {
            // Others have something to say, too (section 6).
            let wait = self.random.between(Duration::from_millis(20), Duration::from_millis(120));
            link.answer_later(answers, additional, None, now + wait);
        } else {
            self.multicast_with(index, &answers, &additional, HOST_TTL, now);
        }
    }

    /// Looks in a response for what others say of this host's name (sections 8.1 and 9), or take
    /// back or shorten (section 6.6).
    fn heed(&mut self, index: u32, message: &Received, now: Instant) {
        let Some(link) = self.links.get_mut(&index) else { return };
        let mut conflict = false;
        let mut weakened = Vec::new();
        for record in message.answers.iter().chain(&message.additional) {
            if let Some(own) = link.own(self.title.name(), record) {
                if record.ttl < HOST_TTL / 2 {
                    weakened.push(own);
                }
                continue;
            }
            let same_kind = record.data.kind() == Rtype::AAAA;
            conflict |= record.owner == *self.title.name()
                && (same_kind || link.is_probing())
                // To take back what is not ours is nobody's claim.
                && record.ttl != 0;
        }
        if !conflict {
            if !weakened.is_empty() && link.has_name() {
                link.answer_later(weakened, Vec::new(), None, now);
            }
            return;
        }
        if link.is_probing() {
            self.statistics.conflicts += 1;
            self.title.give_way();
            let pause = self.pause_after_conflict(now);
            self.probe_all(pause, now);
        } else {
            // Perhaps the other one does not know of us: the probes will tell (section 9).
            link.probe_from(now);
        }
    }

    fn pause_after_conflict(&mut self, now: Instant) -> Duration {
        self.conflicts.push_back(now);
        if self.conflicts.len() > MOST_CONFLICTS {
            self.conflicts.pop_front();
        }
        let many = self.conflicts.len() == MOST_CONFLICTS
            && self
                .conflicts
                .front()
                .is_some_and(|first| now.saturating_sub(*first) < CONFLICT_SPAN);
        if many { CONFLICT_PAUSE } else { Duration::ZERO }
    }

    /// Probes for the name on all links.
    fn probe_all(&mut self, pause: Duration, now: Instant) {
        for link in self.links.values_mut() {
            let wait = self.random.between(Duration::ZERO, FIRST_PROBE);
            link.probe_from(now + pause + wait);
        }
    }

    /// Takes back all that was announced: the host goes (section 10.1). The messages wait for
    /// [`Responder::poll`].
    pub fn say_good_bye(&mut self) {
        for (index, link) in &mut self.links {
            if !link.has_name() {
                continue;
            }
            let all = link.all();
            let message =
                crate::message::response(self.title.name(), &all, &[], 0, &Audience::Responders);
            link.forget();
            let outgoing = message.map(|message| Outgoing { link: *index, to: None, message });
            push(&mut self.outgoing, &mut self.statistics, outgoing);
        }
    }

    fn multicast(&mut self, index: u32, answers: &[Own], ttl: u32, now: Instant) {
        self.multicast_with(index, answers, &[], ttl, now);
    }

    fn multicast_with(
        &mut self,
        index: u32,
        answers: &[Own],
        additional: &[Own],
        ttl: u32,
        now: Instant,
    ) {
        let Some(link) = self.links.get_mut(&index) else { return };
        if answers.is_empty() {
            return;
        }
        if ttl > 0 {
            link.say(answers, now);
        }
        let audience = Audience::Responders;
        let message =
            crate::message::response(self.title.name(), answers, additional, ttl, &audience);
        let outgoing = message.map(|message| Outgoing { link: index, to: None, message });
        push(&mut self.outgoing, &mut self.statistics, outgoing);
    }

    fn unicast(
        &mut self,
        index: u32,
        to: SocketAddrV6,
        answers: &[Own],
        additional: &[Own],
        audience: &Audience,
        now: Instant,
    ) {
        let Some(link) = self.links.get_mut(&index) else { return };
        if !link.replies.take(now) {
            self.statistics.limited += 1;
            return;
        }
        let message =
            crate::message::response(self.title.name(), answers, additional, HOST_TTL, audience);
        let outgoing = message.map(|message| Outgoing { link: index, to: Some(to), message });
        push(&mut self.outgoing, &mut self.statistics, outgoing);
    }

    /// The next message to be sent now.
    pub fn poll(&mut self, now: Instant) -> Option<Outgoing> {
        if let Some(outgoing) = self.outgoing.pop_front() {
            return Some(outgoing);
        }
        let indices: Vec<u32> = self.links.keys().copied().collect();
        for index in indices {
            let Some(link) = self.links.get_mut(&index) else { continue };
            match link.due(now) {
                Some(link::Due::Probe) => {
                    let probe = crate::message::probe(self.title.name(), &link.addresses);
                    let outgoing = probe.map(|message| Outgoing { link: index, to: None, message });
                    push(&mut self.outgoing, &mut self.statistics, outgoing);
                }
                Some(link::Due::Announcement) => {
                    let all = link.all();
                    self.multicast_with(index, &all, &[Own::OnlyAddresses], HOST_TTL, now);
                }
                Some(link::Due::Answer(mut answers, additional)) => {
                    link.keep_rate(&mut answers, false, now);
                    self.multicast_with(index, &answers, &additional, HOST_TTL, now);
                }
                None => {}
            }
        }
        self.outgoing.pop_front()
    }

    /// When [`Responder::poll`] will have something to send next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if !self.outgoing.is_empty() {
            return Some(Instant::ZERO);
        }
        self.links.values().filter_map(Link::deadline).min()
    }
}

fn push(outgoing: &mut VecDeque<Outgoing>, statistics: &mut Statistics, message: Option<Outgoing>) {
    let Some(message) = message else { return };
    if outgoing.len() < MOST_OUTGOING {
        outgoing.push_back(message);
    } else {
        statistics.dropped += 1;
    }
}

#[cfg(test)]
mod tests;
