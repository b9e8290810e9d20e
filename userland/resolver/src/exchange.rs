//! One question put to several name servers: who is asked when, over what, and which answer counts.
//!
//! It does no input or output: the caller asks for the next [`Step`], carries it out, and tells what
//! happened. Each time a server is asked, the question has a new number, and the caller uses a new
//! socket with a port of the kernel's choosing (RFC 5452).
//!
//! The servers are asked in their order, the next one as soon as the one before has refused or been
//! silent for a second; what comes late still counts. After the last one the round is waited for to
//! its end before the next begins. A server that has failed for good is not asked again.

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddrV6;
use core::time::Duration;

use domain::base::iana::OptRcode;
use rustix::io::Errno;

use crate::Instant;
use crate::configuration::Configuration;
use crate::message::{self, Query, Question, Response};

/// How long a server may be silent before the next one is asked beside it.
const OVERLAP: Duration = Duration::from_secs(1);

/// What carries a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP.
    Datagram,
    /// TCP.
    Stream,
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is nobody to ask.
    NoServer,
    /// All were silent.
    Silence,
    /// They could not be reached.
    Unreachable(Errno),
    /// They could not, or would not.
    Refused(OptRcode),
    /// What they said makes no sense.
    Malformed,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Step<'a> {
    /// Put a question to a server with a socket of its own. An earlier one to the same server is
    /// not needed any more.
    Ask(Ask<'a>),
    /// Wait for responses until then.
    Wait(Instant),
    /// It is over.
    Done(Result<Response, Failure>),
}

/// A question to a server.
#[derive(Debug)]
pub struct Ask<'a> {
    /// Which one; events of its socket have the same number.
    pub server: usize,
    /// Its address.
    pub address: SocketAddrV6,
    /// What carries the question.
    pub transport: Transport,
    /// The question.
    pub message: &'a [u8],
}

#[derive(Debug)]
struct Server {
    address: SocketAddrV6,
    /// What it was asked last, and over what.
    query: Option<(Transport, Query)>,
    /// It is to be asked again at once, over this.
    again: Option<Transport>,
    /// It does not know EDNS.
    plain: bool,
    /// It is no use asking it again.
    failure: Option<Failure>,
}

/// A question under way.
#[derive(Debug)]
pub struct Exchange {
    question: Question,
    servers: Vec<Server>,
    timeout: Duration,
    /// How often the servers are to be asked in all.
    turns: usize,
    /// How often that has happened.
    turn: usize,
    transport: Transport,
    /// When the next turn is due.
    next: Option<Instant>,
    /// How long the last one to be asked may take.
    end: Instant,
    outcome: Option<Result<Response, Failure>>,
    /// Who gave it.
    answered: Option<usize>,
    /// Messages that were no responses to the question.
    foreign: u32,
}

impl Exchange {
    /// Begins to ask; the server `first` comes first.
    #[must_use]
    pub fn new(question: Question, configuration: &Configuration, first: usize) -> Self {
        let mut addresses = configuration.servers.clone();
        let count = addresses.len();
        addresses.rotate_left(first.checked_rem(count).unwrap_or(0));
        let server =
            |address| Server { address, query: None, again: None, plain: false, failure: None };
        Self {
            question,
            servers: addresses.into_iter().map(server).collect(),
            timeout: configuration.timeout,
            turns: count * usize::from(configuration.attempts),
            turn: 0,
            transport: if configuration.stream { Transport::Stream } else { Transport::Datagram },
            next: None,
            end: Instant::ZERO,
            outcome: (count == 0).then_some(Err(Failure::NoServer)),
            answered: None,
            foreign: 0,
        }
    }

    /// Messages that came and were no responses to the question.
    #[must_use]
    pub const fn foreign(&self) -> u32 {
        self.foreign
    }

    /// The number of the server whose response was taken.
    #[must_use]
    pub const fn answered(&self) -> Option<usize> {
        self.answered
    }

    /// What is to be done now. `random` fills a buffer with octets nobody can guess.
    pub fn step(&mut self, now: Instant, random: &mut dyn FnMut(&mut [u8])) -> Step<'_> {
        if let Some(outcome) = self.outcome.clone() {
            return Step::Done(outcome);
        }
        let again = self.servers.iter().position(|server| server.again.is_some());
        let server = match again {
            Some(server) => Some(server),
            None if self.is_due(now) => self.next_turn(now),
            None => None,
        };
        let Some(number) = server else {
            // Nothing is left to try: what is under way has until the end.
            let until = self.next.unwrap_or(self.end);
            let hopeless = self.next.is_none() && (now >= self.end || !self.is_waiting());
            if hopeless || self.servers.iter().all(|server| server.failure.is_some()) {
                let outcome = Err(self.worst());
                self.outcome = Some(outcome.clone());
                return Step::Done(outcome);
            }
            return Step::Wait(until);
        };
        self.end = self.end.max(now.saturating_add(self.timeout));
        let Some(server) = self.servers.get_mut(number) else {
            return Step::Done(Err(Failure::NoServer));
        };
        let transport = server.again.take().unwrap_or(self.transport);
        let mut octets = vec![0; 2 + message::letter_octets(&self.question.name)];
        random(&mut octets);
        let (id, letters) = octets.split_at(2);
        let id = u16::from_be_bytes(id.try_into().unwrap_or_default());
        let query = message::query(&self.question, id, letters, !server.plain);
        let (transport, query) = server.query.insert((transport, query));
        Step::Ask(Ask {
            server: number,
            address: server.address,
            transport: *transport,
            message: &query.bytes,
        })
    }

    /// Whether the next server's turn has come: by the clock, or because all before it are out.
    fn is_due(&self, now: Instant) -> bool {
        match self.next {
            Some(next) => now >= next || !self.is_waiting(),
            None => self.turn == 0,
        }
    }

    /// Whether a response may still come.
    fn is_waiting(&self) -> bool {
        self.servers.iter().any(|server| server.query.is_some() && server.failure.is_none())
    }

    /// Takes the next turn of a server that is worth it and sets the time of the one after.
    fn next_turn(&mut self, now: Instant) -> Option<usize> {
        let count = self.servers.len();
        while self.turn < self.turns {
            let number = self.turn.checked_rem(count)?;
            self.turn += 1;
            let last_of_round = number + 1 == count;
            let busy = |server: &Server| {
                server.failure.is_some()
                    || matches!(server.query, Some((Transport::Stream, _)) if self.turn > count)
            };
            if self.servers.get(number).is_none_or(busy) {
                continue;
            }
            let overlap = OVERLAP.min(self.timeout / count as u32);
            let pause = if last_of_round {
                self.timeout.saturating_sub(overlap * (count as u32 - 1))
            } else {
                overlap
            };
            self.next = (self.turn < self.turns).then(|| now.saturating_add(pause));
            return Some(number);
        }
        self.next = None;
        None
    }

    /// What is told when nobody has answered: the most telling of what went wrong.
    fn worst(&self) -> Failure {
        let failures = self.servers.iter().filter_map(|server| server.failure);
        let rank = |failure: &Failure| match failure {
            Failure::Refused(_) => 3,
            Failure::Malformed => 2,
            Failure::Unreachable(_) => 1,
            Failure::Silence | Failure::NoServer => 0,
        };
        let all = self.servers.iter().all(|server| server.failure.is_some());
        let told = failures.max_by_key(rank);
        told.filter(|failure| all || rank(failure) > 1).unwrap_or(Failure::Silence)
    }

    /// A message has come from a server. `from` is who sent it; what did not come from where the
    /// question went is not looked at.
    pub fn received(
        &mut self,
        number: usize,
        transport: Transport,
        from: SocketAddrV6,
        bytes: &[u8],
    ) {
        let Some(server) = self.servers.get_mut(number) else { return };
        let asked = server.query.as_ref().filter(|(over, _)| *over == transport);
        let same = from.ip() == server.address.ip() && from.port() == server.address.port();
        let response = asked.filter(|_| same).and_then(|(_, query)| {
            message::response(query, &self.question, bytes).map(|response| (query, response))
        });
        let Some((query, response)) = response else {
            self.foreign = self.foreign.saturating_add(1);
            // A stream has nobody else in it.
            if transport == Transport::Stream && asked.is_some() {
                self.failed(number, Failure::Malformed);
            }
            return;
        };
        // Only the server itself can be at the other end of a stream (RFC 5966).
        if transport == Transport::Datagram && (response.truncated || !response.exact) {
            server.again = Some(Transport::Stream);
            return;
        }
        match response.code {
            OptRcode::NOERROR | OptRcode::NXDOMAIN if !is_lame(&response) => {
                self.answered = Some(number);
                self.outcome = Some(Ok(response));
            }
            OptRcode::FORMERR | OptRcode::NOTIMP | OptRcode::BADVERS if query.extended => {
                server.plain = true;
                server.again = Some(transport);
            }
            code => self.failed(number, Failure::Refused(code)),
        }
    }

    /// A server can't be asked.
    pub fn failed(&mut self, number: usize, failure: Failure) {
        if let Some(server) = self.servers.get_mut(number) {
            server.failure = Some(failure);
            server.query = None;
            server.again = None;
        }
    }
}

/// Whether a response says only that others may know: from a server that neither is responsible nor
/// asks on behalf of others.
fn is_lame(response: &Response) -> bool {
    let header = response.message.header();
    let nothing = response.message.header_counts().ancount() == 0;
    response.code == OptRcode::NOERROR && nothing && !header.aa() && !header.ra()
}

#[cfg(test)]
mod tests;
