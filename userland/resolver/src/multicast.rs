//! One question put to the hosts on the link (RFC 6762 section 5.1): from a port of its own, so
//! that whoever knows the answer sends it back here alone (section 6.7).
//!
//! It does no input or output: see [`crate::exchange`].

use core::net::{Ipv6Addr, SocketAddrV6};
use core::time::Duration;

use domain::base::iana::OptRcode;

use crate::Instant;
use crate::answer::{Answer, Outcome, collect};
use crate::interfaces::Link;
use crate::message::{self, Query, Question};
use crate::record::{Data, Record};

/// The port (RFC 6762 section 3).
pub const PORT: u16 = 5353;
/// The group of all who answer.
pub const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// When the question goes out, counted from the first time: the gaps grow, as section 5.2 asks of
/// those who go on asking.
const TIMES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3)];
/// When it is given up.
const END: Duration = Duration::from_secs(4);

/// How long it is remembered that nobody has answered.
const SILENCE: Duration = Duration::from_secs(10);

/// What is to be done next.
#[derive(Debug)]
pub enum Step<'a> {
    /// Send this message to [`GROUP`] on every link.
    Send(&'a [u8]),
    /// Wait for responses until then.
    Wait(Instant),
    /// It is over: nobody knows the name when nobody has answered.
    Done(Answer),
}

/// A question under way.
#[derive(Debug)]
pub struct Multicast {
    question: Question,
    query: Query,
    begun: Option<Instant>,
    sent: usize,
    found: Option<Answer>,
}

impl Multicast {
    /// Begins to ask, with a number nobody can guess.
    #[must_use]
    pub fn new(question: Question, id: u16) -> Self {
        let mut query = message::query(&question, id, &[], false);
        // Nobody on the link asks on behalf of others (section 18.6).
        if let Some(flags) = query.bytes.get_mut(2) {
            *flags &= !1;
        }
        Self { question, query, begun: None, sent: 0, found: None }
    }

    /// What is to be done now.
    pub fn step(&mut self, now: Instant) -> Step<'_> {
        let begun = *self.begun.get_or_insert(now);
        if let Some(found) = &self.found {
            return Step::Done(found.clone());
        }
        match TIMES.get(self.sent) {
            Some(time) if now >= begun + *time => {
                self.sent += 1;
                Step::Send(&self.query.bytes)
            }
            Some(time) => Step::Wait(begun + *time),
            None if now < begun + END => Step::Wait(begun + END),
            None => Step::Done(Answer { lifetime: SILENCE, ..Answer::nothing(Outcome::NoName) }),
        }
    }

    /// A message has come from `from` on `link`. Only one that a host on the link has sent from the
    /// right port counts (section 11).
    pub fn received(&mut self, link: &Link, from: SocketAddrV6, bytes: &[u8]) {
        if !link.is_near(*from.ip()) || from.port() != PORT || self.found.is_some() {
            return;
        }
        self.found = self.read(bytes).map(|answer| Answer { link: link.index, ..answer });
    }

    fn read(&self, bytes: &[u8]) -> Option<Answer> {
        let response = message::response(&self.query, &self.question, bytes)?;
        if response.code != OptRcode::NOERROR {
            return None;
        }
        let mut answer = Answer::read(&response.message, response.code, &self.question).ok()?;
        match answer.outcome {
            Outcome::Records(_) => {}
            // That there is none of the type is said by naming the types there are (section 6.1).
            _ if self.is_denied(bytes) => answer.outcome = Outcome::NoData,
            _ => return None,
        }
        Some(answer)
    }

    fn is_denied(&self, bytes: &[u8]) -> bool {
        let denies = |record: &Record| match &record.data {
            Data::Nsec(kinds) => {
                record.owner == self.question.name && !kinds.contains(&self.question.kind)
            }
            _ => false,
        };
        let Ok(message) = domain::base::Message::from_slice(bytes) else { return false };
        [message.answer(), message.additional()]
            .into_iter()
            .flatten()
            .filter_map(|section| collect(section).ok())
            .any(|records| records.iter().any(denies))
    }
}

#[cfg(test)]
mod tests;
