//! A TCP stream of a test: what it does next, how much it has carried.

use alloc::vec::Vec;

use rustix::event::PollFlags;
use rustix::fd::OwnedFd;
use rustix::io::{Errno, read, write};
use rustix::net::{Shutdown, shutdown};

use super::enhanced::{Calls, Progress};
use super::header::{self, Amount, Opening, Test};
use super::pace::Pace;

/// What a stream is doing.
#[derive(Debug)]
enum State {
    /// A server waits for the client's header: what there is of it.
    Opening(Vec<u8>),
    /// It sends.
    Sending {
        /// A header that goes before the traffic: what is left of it.
        header: Vec<u8>,
        /// When to stop.
        limit: Limit,
        pace: Option<Pace>,
        /// Octets a write.
        length: usize,
    },
    /// Everything was sent; the peer has not closed yet.
    Draining,
    /// It receives.
    Receiving {
        /// The client's header or the server's acknowledgment: what is left to be sent first.
        reply: Vec<u8>,
    },
    /// Both sides have closed, or it failed.
    Finished,
}

/// When to stop sending.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// At this time, microseconds of the monotonic clock.
    At(u64),
    /// After so many octets more.
    Bytes(u64),
}

impl Limit {
    /// The limit of an amount for who starts now.
    #[must_use]
    pub const fn new(amount: Amount, now: u64) -> Self {
        match amount {
            Amount::Time(time) => Self::At(now.saturating_add(time)),
            Amount::Bytes(bytes) => Self::Bytes(bytes),
        }
    }

    /// How many octets of `length` may go now.
    #[must_use]
    pub const fn allows(self, length: usize, now: u64) -> usize {
        match self {
            Self::At(end) if now >= end => 0,
            Self::Bytes(left) if left < length as u64 => left as usize,
            Self::At(_) | Self::Bytes(_) => length,
        }
    }
}

/// What [`Flow::step`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There may be more to do at once.
    More,
    /// The socket has to be ready first.
    Blocked,
    /// Nothing to do for so long, microseconds.
    Wait(u64),
    /// A server has read a header: the test has begun.
    Begun(Test),
    /// It is over.
    Finished,
}

/// Buffers that all streams share.
#[derive(Debug)]
pub struct Buffers {
    /// What is sent, as long as the longest write.
    pub pattern: Vec<u8>,
    /// Where what arrives goes.
    pub scratch: Vec<u8>,
}

/// The longest write that a client's header can ask a server for.
const LONGEST_WRITE: usize = 1 << 20;

impl Buffers {
    /// Buffers for writes and reads of this length.
    #[must_use]
    pub fn new(length: usize) -> Self {
        let pattern = b"0123456789".iter().copied().cycle().take(length).collect();
        Self { pattern, scratch: alloc::vec![0; length] }
    }

    fn grow(&mut self, length: usize) {
        if self.pattern.len() < length {
            *self = Self::new(length);
        }
    }
}

/// A stream.
#[derive(Debug)]
pub struct Flow {
    /// Its number in the lines.
    pub number: usize,
    /// Lines about it are those of a client that receives.
    pub reversed: bool,
    /// Its socket, which does not block.
    pub socket: OwnedFd,
    /// Octets carried, without the header and the acknowledgment.
    pub bytes: u64,
    /// Octets carried when the last report was made.
    pub reported: u64,
    /// It sends, rather than receives.
    pub sends: bool,
    /// Its calls.
    pub calls: Calls,
    /// Those when the last report was made.
    pub reported_calls: Calls,
    /// What TCP said of it last.
    pub progress: Progress,
    /// When it was over, microseconds of the monotonic clock.
    pub finished: Option<u64>,
    state: State,
}

impl Flow {
    fn new(number: usize, reversed: bool, socket: OwnedFd, state: State) -> Self {
        Self {
            number,
            reversed,
            socket,
            bytes: 0,
            reported: 0,
            sends: matches!(state, State::Sending { .. }),
            calls: Calls::default(),
            reported_calls: Calls::default(),
            progress: Progress::default(),
            finished: None,
            state,
        }
    }

    /// A stream of a client that sends.
    #[must_use]
    pub fn send(
        number: usize,
        socket: OwnedFd,
        test: &Test,
        length: usize,
        limit: Limit,
        pace: Option<Pace>,
    ) -> Self {
        let header = test.encode(false).into();
        Self::new(number, false, socket, State::Sending { header, limit, pace, length })
    }

    /// A stream of a client that receives.
    #[must_use]
    pub fn receive(number: usize, socket: OwnedFd, test: &Test) -> Self {
        let reply = test.encode(false).into();
        Self::new(number, true, socket, State::Receiving { reply })
    }

    /// A stream of a server.
    #[must_use]
    pub fn serve(number: usize, socket: OwnedFd) -> Self {
        Self::new(number, false, socket, State::Opening(Vec::new()))
    }

    /// What has to be ready before the next step.
    #[must_use]
    pub fn wants(&self) -> PollFlags {
        match &self.state {
            State::Sending { .. } => PollFlags::OUT,
            State::Receiving { reply } if !reply.is_empty() => PollFlags::OUT,
            State::Finished => PollFlags::empty(),
            _ => PollFlags::IN,
        }
    }

    /// Asks TCP how it gets on.
    pub fn look(&mut self) {
        // A connection that is over tells nothing.
        if let Some(progress) = Progress::of(&self.socket).filter(|found| found.window > 0) {
            self.progress = progress;
            self.calls.retransmissions = progress.retransmissions.into();
        }
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    /// It is over, whatever it was doing.
    pub fn finish(&mut self, now: u64) {
        if !self.is_finished() {
            self.state = State::Finished;
            self.finished = Some(now);
        }
    }

    /// Stops sending; one that receives is over at once.
    pub fn stop(&mut self, now: u64) {
        match &mut self.state {
            State::Sending { limit, .. } => *limit = Limit::At(now),
            _ => self.finish(now),
        }
    }

    /// Does one read or write.
    pub fn step(&mut self, buffers: &mut Buffers, now: u64) -> Result<Step, Errno> {
        let outcome = match &mut self.state {
            State::Opening(_) => self.open(buffers, now),
            State::Sending { .. } => self.send_some(buffers, now),
            State::Receiving { reply } if !reply.is_empty() => match write(&self.socket, reply) {
                Ok(count) => {
                    reply.drain(..count.min(reply.len()));
                    Ok(Step::More)
                }
                Err(errno) => Err(errno),
            },
            State::Draining | State::Receiving { .. } => self.receive_some(buffers, now),
            State::Finished => Ok(Step::Finished),
        };
        match outcome {
            Err(Errno::AGAIN) => Ok(Step::Blocked),
            Err(Errno::INTR) => Ok(Step::More),
            Err(errno) => {
                self.calls.errors += u64::from(self.sends);
                Err(errno)
            }
            done => done,
        }
    }

    fn send_some(&mut self, buffers: &mut Buffers, now: u64) -> Result<Step, Errno> {
        let State::Sending { header, limit, pace, length } = &mut self.state else {
            return Ok(Step::More);
        };
        if !header.is_empty() {
            let count = write(&self.socket, header)?;
            header.drain(..count.min(header.len()));
            return Ok(Step::More);
        }
        let allowed = limit.allows(*length, now);
        if allowed == 0 {
            self.look();
            // The peer sees the end and closes, which tells that everything arrived.
            match shutdown(&self.socket, Shutdown::Write) {
                Ok(()) => self.state = State::Draining,
                Err(_) => self.finish(now),
            }
            return Ok(Step::More);
        }
        if let Some(wait) = pace.map(|pace| pace.wait(now)).filter(|wait| *wait != 0) {
            let end = if let Limit::At(end) = limit { end.saturating_sub(now) } else { wait };
            return Ok(Step::Wait(wait.min(end)));
        }
        let count = write(&self.socket, buffers.pattern.get(..allowed).unwrap_or_default())?;
        self.bytes += count as u64;
        self.calls.writes += 1;
        if let Limit::Bytes(left) = limit {
            *left = left.saturating_sub(count as u64);
        }
        if let Some(pace) = pace {
            pace.sent(count, now);
        }
        // What did not take everything has no room now.
        Ok(if count < allowed { Step::Blocked } else { Step::More })
    }

    fn receive_some(&mut self, buffers: &mut Buffers, now: u64) -> Result<Step, Errno> {
        let count = read(&self.socket, buffers.scratch.as_mut_slice())?;
        if count == 0 {
            self.finish(now);
            return Ok(Step::Finished);
        }
        // While draining it is the server's acknowledgment that comes.
        if matches!(self.state, State::Receiving { .. }) {
            self.bytes += count as u64;
            self.calls.read(count, buffers.scratch.len());
        }
        Ok(if count < buffers.scratch.len() { Step::Blocked } else { Step::More })
    }

    /// Reads the client's header, and no more than that.
    fn open(&mut self, buffers: &mut Buffers, now: u64) -> Result<Step, Errno> {
        let State::Opening(have) = &mut self.state else { return Ok(Step::More) };
        let needed = match Opening::parse(have, false) {
            Opening::Needs(needed) => needed,
            Opening::Traffic => {
                self.bytes += have.len() as u64;
                self.state = State::Receiving { reply: Vec::new() };
                return Ok(Step::More);
            }
            Opening::Unsupported(test) => {
                rt::warn!("[{:3}] the client wants a {test} test, which is not done", self.number);
                self.finish(now);
                return Ok(Step::Finished);
            }
            Opening::Test { test, wants_acknowledgment, .. } => {
                self.begin(&test, wants_acknowledgment, buffers, now);
                return Ok(Step::Begun(test));
            }
        };
        let mut buffer = [0; header::LONGEST];
        let missing = needed.saturating_sub(have.len()).min(buffer.len());
        let count = read(&self.socket, buffer.get_mut(..missing).unwrap_or_default())?;
        if count == 0 {
            self.bytes += have.len() as u64;
            self.finish(now);
            return Ok(Step::Finished);
        }
        have.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(Step::More)
    }

    fn begin(&mut self, test: &Test, acknowledge: bool, buffers: &mut Buffers, now: u64) {
        self.state = if test.reverse {
            let length = match test.length as usize {
                0 => buffers.pattern.len(),
                length => length.min(LONGEST_WRITE),
            };
            buffers.grow(length);
            let limit = Limit::new(test.amount, now);
            self.sends = true;
            State::Sending { header: Vec::new(), limit, pace: Pace::new(test.rate, now), length }
        } else {
            let reply = if acknowledge { header::acknowledgment().into() } else { Vec::new() };
            State::Receiving { reply }
        };
    }
}
