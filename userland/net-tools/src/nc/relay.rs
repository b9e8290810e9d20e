//! A transfer: standard input to a socket, the socket to standard output, both at once.
//!
//! All waiting is in one ppoll(2). The socket is non-blocking. Standard input and output belong to
//! others as well (the shell, the rest of a pipeline) and stay as they are, so they are only touched
//! when poll says that they are ready, and a pipe gets no more at once than it surely takes.

use core::cmp::min;

use linux_raw_sys::general::PIPE_BUF;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::BorrowedFd;
use rustix::fs::{FileType, fstat};
use rustix::io::{Errno, read, write};
use rustix::net::sockopt::socket_error;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use rustix::process::getpgrp;
use rustix::termios::{isatty, tcgetpgrp};

use super::flow::{CAPACITY, Flow};
use super::options::Transfer;
use crate::clock::{now, timespec};
use crate::socket::failure::Failure;

/// How often a job in the background looks whether it has come to the foreground, microseconds.
const BACKGROUND_WAIT: u64 = 1_000_000;

/// What a transfer runs between.
#[derive(Clone, Copy, Debug)]
pub struct Ends<'a> {
    /// What goes to the socket; nothing does when there is none.
    pub input: Option<BorrowedFd<'a>>,
    /// Where it goes that comes from the socket.
    pub output: BorrowedFd<'a>,
    /// The socket, non-blocking.
    pub socket: BorrowedFd<'a>,
}

/// What the socket is to the transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A connection, which ends.
    Stream {
        /// This side was called: all ends when the caller has said all.
        listening: bool,
    },
    /// Datagrams, which have no end; a longer input than `most` bytes becomes several.
    Datagrams {
        /// The length of a datagram, at most.
        most: usize,
    },
}

/// How standard output takes data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    /// Always.
    File,
    /// `PIPE_BUF` bytes when poll says so.
    Pipe,
    /// When poll says so.
    Other,
}

impl Sink {
    fn of(output: BorrowedFd<'_>) -> Self {
        match fstat(output).map(|status| FileType::from_raw_mode(status.st_mode)) {
            Ok(FileType::RegularFile) => Self::File,
            Ok(FileType::Fifo) => Self::Pipe,
            _ => Self::Other,
        }
    }

    fn most(self) -> usize {
        if self == Self::Pipe { PIPE_BUF as usize } else { CAPACITY }
    }
}

/// What is ready.
#[derive(Clone, Copy, Debug)]
struct Ready {
    input: PollFlags,
    output: PollFlags,
    socket: PollFlags,
}

const GONE: PollFlags = PollFlags::ERR.union(PollFlags::HUP).union(PollFlags::NVAL);
const READABLE: PollFlags = PollFlags::IN.union(GONE);
const WRITABLE: PollFlags = PollFlags::OUT.union(GONE);

/// A transfer that runs. Times are microseconds of the monotonic clock.
struct Relay<'a> {
    ends: Ends<'a>,
    medium: Medium,
    transfer: Transfer,
    /// From standard input to the socket.
    outgoing: Flow,
    /// From the socket to standard output.
    incoming: Flow,
    sink: Sink,
    input_is_terminal: bool,
    /// The sending half has been closed.
    shut: bool,
    /// How often something was received.
    received: u64,
    last_activity: u64,
    /// When the whole input had been sent.
    input_sent: Option<u64>,
    /// When the next line may be sent.
    next_line: u64,
    /// The first thing that went wrong.
    failure: Option<Failure>,
}

/// Transfers until both directions have ended, or one of the limits of `transfer` is reached.
pub fn run(ends: Ends<'_>, medium: Medium, transfer: Transfer) -> Result<(), Failure> {
    let mut relay = Relay {
        ends,
        medium,
        transfer,
        outgoing: Flow::default(),
        incoming: Flow::default(),
        sink: Sink::of(ends.output),
        input_is_terminal: ends.input.is_some_and(isatty),
        shut: false,
        received: 0,
        last_activity: now(),
        input_sent: None,
        next_line: 0,
        failure: None,
    };
    if ends.input.is_none() {
        relay.end_of_input();
    }
    while !relay.is_finished() {
        let ready = relay.wait()?;
        if relay.only_input_is_left() && !ready.input.intersects(READABLE) {
            break;
        }
        relay.receive(ready);
        relay.send(ready);
    }
    relay.failure.map_or(Ok(()), Err)
}

impl Relay<'_> {
    fn is_finished(&self) -> bool {
        let limit = self.transfer.receive_limit;
        let has_enough = limit.is_some_and(|limit| self.received >= limit);
        (self.outgoing.is_done() && self.incoming.is_done())
            || (has_enough && self.incoming.is_empty())
            || self.deadline().is_some_and(|deadline| now() >= deadline)
    }

    /// The caller has said all, and what it is to be told waits in standard input at most. What is
    /// there is still sent, but the called side does not wait for more.
    fn only_input_is_left(&self) -> bool {
        let called = self.medium == Medium::Stream { listening: true };
        called && self.incoming.is_done() && self.outgoing.is_empty()
    }

    /// When all ends, whatever is still to come.
    fn deadline(&self) -> Option<u64> {
        let idle = self.transfer.idle.map(|time| self.last_activity.saturating_add(time));
        let quit = self.input_sent.zip(self.transfer.quit_after);
        let quit = quit.map(|(sent, time)| sent.saturating_add(time));
        idle.into_iter().chain(quit).min()
    }

    /// A program in the background that reads the terminal would be stopped (SIGTTIN).
    fn may_read_input(&self) -> bool {
        !self.input_is_terminal
            || self.ends.input.is_some_and(|input| tcgetpgrp(input) == Ok(getpgrp()))
    }

    /// Sleeps until something can be done.
    fn wait(&self) -> Result<Ready, Failure> {
        let time = now();
        let mut timeout = self.deadline().map(|deadline| deadline.saturating_sub(time));
        let mut wake_within = |limit| timeout = Some(timeout.map_or(limit, |old| min(old, limit)));

        if self.only_input_is_left() {
            wake_within(0);
        }
        let mut input_events = None;
        if self.outgoing.takes_input() {
            if self.may_read_input() {
                input_events = Some(PollFlags::IN);
            } else {
                wake_within(BACKGROUND_WAIT);
            }
        }
        let has_output = self.incoming.has_output();
        let output_events = if has_output {
            Some(PollFlags::OUT)
        } else {
            // Without a wish poll still tells that the reader of a pipe is gone.
            (!self.incoming.sink_has_ended()).then_some(PollFlags::empty())
        };
        let mut socket_events = PollFlags::empty();
        if self.incoming.takes_input() {
            socket_events |= PollFlags::IN;
        }
        if self.outgoing.has_output() {
            if time < self.next_line {
                wake_within(self.next_line - time);
            } else {
                socket_events |= PollFlags::OUT;
            }
        }
        // With nothing to send and nothing more to come, a reset is still of interest. A connection
        // that has ended in both directions, though, would always be ready.
        let half_open = self.incoming.source_has_ended() && !self.outgoing.is_done();
        let socket_events = (!socket_events.is_empty() || half_open).then_some(socket_events);

        let ends = [
            (self.ends.input, input_events),
            (Some(self.ends.output), output_events),
            (Some(self.ends.socket), socket_events),
        ];
        let mut wanted: alloc::vec::Vec<PollFd<'_>> = (ends.iter())
            .filter_map(|(fd, events)| Some(PollFd::from_borrowed_fd((*fd)?, (*events)?)))
            .collect();
        let timeout = timeout.map(timespec);
        match poll(&mut wanted, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => wanted.clear(),
            Err(errno) => return Err(Failure::of("poll")(errno)),
        }
        let mut results = wanted.iter().map(PollFd::revents);
        let mut result = |was_asked: bool| {
            let events = if was_asked { results.next() } else { None };
            events.unwrap_or(PollFlags::empty())
        };
        Ok(Ready {
            input: result(input_events.is_some()),
            output: result(output_events.is_some()),
            socket: result(socket_events.is_some()),
        })
    }

    fn failed(&mut self, call: &'static str, errno: Errno) {
        self.failure.get_or_insert(Failure { call, errno });
    }

    /// From the socket to standard output.
    fn receive(&mut self, ready: Ready) {
        if self.incoming.takes_input() && ready.socket.intersects(READABLE) {
            let socket = self.ends.socket;
            let filled = self.incoming.fill(CAPACITY, |room| {
                recv(socket, room, RecvFlags::DONTWAIT).map(|(length, _)| length)
            });
            match filled {
                Ok(None) => {}
                Ok(Some(0)) if matches!(self.medium, Medium::Stream { .. }) => {
                    self.incoming.end_source();
                }
                Ok(Some(_)) => {
                    self.received += 1;
                    self.last_activity = now();
                }
                // Of a connection that broke, neither half is left; nor is there anybody to take
                // datagrams who refuses them.
                Err(errno) => {
                    self.failed("recv", errno);
                    self.incoming.end_source();
                    self.outgoing.end_sink();
                }
            }
        }
        let can_write = self.sink == Sink::File || ready.output.intersects(WRITABLE);
        if self.incoming.has_output() && can_write {
            let output = self.ends.output;
            match self.incoming.drain(self.sink.most(), false, |piece| write(output, piece)) {
                Ok(_) => self.last_activity = now(),
                Err(errno) => {
                    self.failed("write", errno);
                    self.incoming.end_sink();
                }
            }
        } else if ready.output.intersects(GONE) {
            self.incoming.end_sink();
        }
    }

    fn end_of_input(&mut self) {
        self.outgoing.end_source();
        self.close_half();
    }

    /// When the whole input has been sent, closes the sending half if that is wanted.
    fn close_half(&mut self) {
        if !self.outgoing.is_done() {
            return;
        }
        if self.ends.input.is_some() {
            self.input_sent.get_or_insert_with(now);
        }
        if self.transfer.half_close && !self.shut {
            self.shut = true;
            // It fails when the connection is gone, which receiving will tell.
            let _ = shutdown(self.ends.socket, Shutdown::Write);
        }
    }

    /// From standard input to the socket.
    fn send(&mut self, ready: Ready) {
        if let Some(input) = self.ends.input
            && self.outgoing.takes_input()
            && ready.input.intersects(READABLE)
        {
            let most = match self.medium {
                Medium::Stream { .. } => CAPACITY,
                Medium::Datagrams { most } => most,
            };
            match self.outgoing.fill(most, |room| read(input, room)) {
                Ok(None) => {}
                Ok(Some(0)) => self.end_of_input(),
                Ok(Some(_)) => self.last_activity = now(),
                Err(errno) => {
                    self.failed("read", errno);
                    self.end_of_input();
                }
            }
        }
        if self.outgoing.has_output() && now() >= self.next_line {
            let (socket, pause) = (self.ends.socket, self.transfer.pause);
            let sent = self.outgoing.drain(CAPACITY, pause.is_some(), |piece| {
                send(socket, piece, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
            });
            match sent {
                Ok(true) => {
                    self.last_activity = now();
                    self.next_line = now() + pause.unwrap_or(0);
                }
                Ok(false) => {}
                Err(errno) => {
                    self.failed("send", errno);
                    self.outgoing.end_sink();
                }
            }
            self.close_half();
        } else if self.incoming.source_has_ended() && ready.socket.intersects(GONE) {
            if let Ok(Err(errno)) = socket_error(self.ends.socket) {
                self.failed("send", errno);
            }
            self.outgoing.end_sink();
        }
    }
}

#[cfg(test)]
mod tests;
