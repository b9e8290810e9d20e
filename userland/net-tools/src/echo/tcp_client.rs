//! The side of `tcp-echo` that asks: over one connection or many at once, on each a message after
//! the other.
//!
//! A message may be longer than all buffers on the way, so it is received while it is being sent.
//! Neither direction is kept: what is sent is made of a [`Pattern`], what comes is compared with it.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddrV6;

use rt::strerror;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::{set_tcp_nodelay, socket_error};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::process::Signal;

use super::options::Ask;
use super::pattern::Pattern;
use crate::clock::{now, timespec};
use crate::host;
use crate::interrupt;
use crate::ping::statistics::Statistics;
use crate::ping::text::round_trip;
use crate::socket::failure::Failure;
use crate::socket::stream;

/// The most that is sent or received at once, bytes.
const PIECE: usize = 64 * 1024;
/// How many events are taken at once.
const EVENTS: usize = 64;

/// A message under way. Counts are bytes, times microseconds.
#[derive(Clone, Copy, Debug)]
struct Message {
    /// Its number on its connection, from 1.
    number: u64,
    /// Its number in the statistics.
    sequence: u16,
    started: u64,
    sent: u64,
    received: u64,
}

/// What a connection does.
#[derive(Clone, Copy, Debug)]
enum State {
    /// It is being made.
    Connecting,
    /// It waits for the time of its next message, which has this number.
    Pausing(u64),
    /// A message is under way.
    Busy(Message),
    /// It is over.
    Over,
}

/// A connection.
#[derive(Debug)]
struct Line {
    /// `None` when it is over.
    socket: Option<OwnedFd>,
    pattern: Pattern,
    state: State,
    /// When it next has to be looked at: to send, or to give it up.
    timer: u64,
    /// Whether epoll tells of room to send; it always tells of what comes.
    wants_room: bool,
}

/// Why a connection is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// A call failed.
    Failed(Failure),
    /// The service closed the connection before all had come back.
    Closed,
    /// Nothing went on for too long.
    Stalled,
    /// What came back is not what was sent: where in the sequence, what came, what was sent.
    Changed(u64, u8, u8),
    /// More came back than was sent.
    TooMuch,
}

impl core::fmt::Display for Trouble {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Failed(failure) => write!(f, "{failure}"),
            Self::Closed => f.write_str("closed before all came back"),
            Self::Stalled => f.write_str("gave up waiting"),
            Self::Changed(place, came, sent) => {
                write!(f, "not what was sent: byte {place} is {came:#04x}, was {sent:#04x}")
            }
            Self::TooMuch => f.write_str("more came back than was sent"),
        }
    }
}

impl Line {
    /// Sends what there is room for; returns how much that was.
    fn send(&mut self, size: u64, buffer: &mut [u8]) -> Result<u64, Trouble> {
        let (State::Busy(message), Some(socket)) = (&mut self.state, &self.socket) else {
            return Ok(0);
        };
        let before = message.sent;
        while message.sent < size {
            let length = (size - message.sent).min(PIECE as u64) as usize;
            let piece = buffer.get_mut(..length).unwrap_or_default();
            self.pattern.fill((message.number - 1) * size + message.sent, piece);
            match send(socket, piece, SendFlags::NOSIGNAL) {
                Ok(sent) => message.sent += sent as u64,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Trouble::Failed(Failure::of("send")(errno))),
            }
        }
        Ok(message.sent - before)
    }

    /// Receives once and compares; returns how much came.
    fn receive(&mut self, size: u64, buffer: &mut [u8]) -> Result<u64, Trouble> {
        let Some(socket) = &self.socket else { return Ok(0) };
        let length = match recv(socket, &mut *buffer, RecvFlags::empty()) {
            Ok((0, _)) => return Err(Trouble::Closed),
            Ok((length, _)) => length,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(0),
            Err(errno) => return Err(Trouble::Failed(Failure::of("recv")(errno))),
        };
        let State::Busy(message) = &mut self.state else { return Err(Trouble::TooMuch) };
        let place = (message.number - 1) * size + message.received;
        let answer = buffer.get(..length).unwrap_or_default();
        if let Some((at, sent)) = self.pattern.first_difference(place, answer) {
            let came = answer.get(at).copied().unwrap_or_default();
            return Err(Trouble::Changed(place + at as u64, came, sent));
        }
        message.received += length as u64;
        if message.received > message.sent { Err(Trouble::TooMuch) } else { Ok(length as u64) }
    }
}

/// A run.
struct Session<'a> {
    options: &'a Ask,
    peer: String,
    epoll: OwnedFd,
    lines: Vec<Line>,
    /// The lines by their timers.
    timers: BTreeSet<(u64, usize)>,
    statistics: Statistics,
    /// Count of bytes that came back as they were sent.
    returned: u64,
    /// Count of connections that could not be made.
    unmade: usize,
    started: u64,
    last_sent: u64,
    buffer: Vec<u8>,
}

impl Session<'_> {
    fn set_timer(&mut self, index: usize, time: Option<u64>) {
        let Some(line) = self.lines.get_mut(index) else { return };
        self.timers.remove(&(line.timer, index));
        if let Some(time) = time {
            line.timer = time;
            self.timers.insert((time, index));
        }
    }

    fn open(&mut self, to: &SocketAddrV6, seed: u64) -> Result<(), Failure> {
        for index in 0..self.options.connections {
            let socket = stream::socket()?;
            // Messages go out when they are ready: what is measured is their round trip.
            let _ = set_tcp_nodelay(&socket, true);
            let outcome = stream::begin_to_connect(&socket, to);
            let data = EventData::new_u64(index as u64);
            epoll::add(&self.epoll, &socket, data, EventFlags::IN | EventFlags::OUT)
                .map_err(Failure::of("epoll_ctl"))?;
            self.lines.push(Line {
                socket: Some(socket),
                pattern: Pattern::new(seed, index as u64),
                state: State::Connecting,
                timer: 0,
                wants_room: true,
            });
            self.set_timer(index, Some(now().saturating_add(self.options.wait)));
            if let Err(errno) = outcome {
                self.not_connected(index, errno);
            }
        }
        Ok(())
    }

    fn not_connected(&mut self, index: usize, errno: Errno) {
        self.unmade += 1;
        rt::warn!(
            "connect to {} port {} failed: {}",
            self.peer,
            self.options.port,
            strerror(errno)
        );
        self.close(index);
    }

    fn close(&mut self, index: usize) {
        self.set_timer(index, None);
        if let Some(line) = self.lines.get_mut(index) {
            line.socket = None;
            line.state = State::Over;
        }
    }

    fn give_up(&mut self, index: usize, trouble: Trouble) {
        // A connection that breaks between messages has lost none, but does not go on.
        self.statistics.errors += 1;
        let which =
            if self.options.connections > 1 { format!("conn={index}: ") } else { String::new() };
        rt::warn!("{}: {which}{trouble}", self.peer);
        self.close(index);
    }

    fn begin(&mut self, index: usize, number: u64) {
        let sequence = self.statistics.next_sequence();
        self.statistics.sent();
        let started = now();
        self.last_sent = started;
        if let Some(line) = self.lines.get_mut(index) {
            let message = Message { number, sequence, started, sent: 0, received: 0 };
            line.state = State::Busy(message);
        }
        self.go_on(index, true, false);
    }

    /// Sends and receives what can be; then sets the timer and what epoll tells.
    fn go_on(&mut self, index: usize, may_send: bool, may_receive: bool) {
        let size = self.options.size;
        let Some(line) = self.lines.get_mut(index) else { return };
        let mut moved = Ok(0);
        if may_send {
            moved = line.send(size, &mut self.buffer);
        }
        if let (Ok(sent), true) = (moved, may_receive) {
            moved = line.receive(size, &mut self.buffer).map(|received| sent + received);
        }
        let moved = match moved {
            Ok(moved) => moved,
            Err(trouble) => return self.give_up(index, trouble),
        };
        if let State::Busy(message) = line.state {
            if message.received == size {
                return self.answered(index, message);
            }
            if moved > 0 {
                self.set_timer(index, Some(now().saturating_add(self.options.wait)));
            }
        }
        self.watch(index);
    }

    /// Asks epoll for what the line waits for.
    fn watch(&mut self, index: usize) {
        let Some(line) = self.lines.get_mut(index) else { return };
        let size = self.options.size;
        let wants_room = matches!(line.state, State::Busy(message) if message.sent < size);
        let Some(socket) = line.socket.as_ref().filter(|_| wants_room != line.wants_room) else {
            return;
        };
        line.wants_room = wants_room;
        let events = if wants_room { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        let data = EventData::new_u64(index as u64);
        if let Err(errno) = epoll::modify(&self.epoll, socket, data, events) {
            self.give_up(index, Trouble::Failed(Failure::of("epoll_ctl")(errno)));
        }
    }

    fn answered(&mut self, index: usize, message: Message) {
        let time = now();
        let elapsed = time.saturating_sub(message.started);
        self.statistics.reply(message.sequence, Some(elapsed));
        let size = self.options.size;
        self.returned += size;
        if !self.options.quiet {
            let (peer, number) = (&self.peer, message.number);
            let which =
                if self.options.connections > 1 { format!("conn={index} ") } else { String::new() };
            let elapsed = round_trip(elapsed, false);
            rt::println!("{size} bytes from {peer}: {which}seq={number} time={elapsed} ms");
            rt::output::flush();
        }
        if message.number >= self.options.count {
            return self.close(index);
        }
        if let Some(line) = self.lines.get_mut(index) {
            line.state = State::Pausing(message.number + 1);
        }
        let due = message.started.saturating_add(self.options.interval);
        self.set_timer(index, Some(due.max(time)));
        self.watch(index);
    }

    fn ready(&mut self, index: usize, events: EventFlags) {
        let Some(line) = self.lines.get(index) else { return };
        match (line.state, &line.socket) {
            (State::Connecting, Some(socket)) => match socket_error(socket).and_then(|all| all) {
                Ok(()) => self.begin(index, 1),
                Err(errno) => self.not_connected(index, errno),
            },
            (State::Over, _) | (_, None) => {}
            _ => {
                let gone = EventFlags::ERR | EventFlags::HUP;
                let may_send = events.contains(EventFlags::OUT);
                self.go_on(index, may_send, events.intersects(EventFlags::IN | gone));
            }
        }
    }

    fn expire(&mut self, index: usize) {
        match self.lines.get(index).map(|line| line.state) {
            Some(State::Connecting) => self.not_connected(index, Errno::TIMEDOUT),
            Some(State::Pausing(number)) => self.begin(index, number),
            Some(State::Busy(_)) => self.give_up(index, Trouble::Stalled),
            Some(State::Over) | None => self.set_timer(index, None),
        }
    }

    /// Goes on until all connections are over.
    fn run(&mut self) -> Result<(), Failure> {
        let mut events = Vec::with_capacity(EVENTS);
        while !interrupt::came() {
            let time = now();
            // What is due now; what becomes due meanwhile has its turn after the events.
            let due = self.timers.range(..=(time, usize::MAX)).map(|(_, index)| *index);
            for index in due.collect::<Vec<_>>() {
                self.expire(index);
            }
            let Some((next, _)) = self.timers.first() else { return Ok(()) };
            let wait = next.saturating_sub(now()).min(interrupt::LONGEST_WAIT);
            events.clear();
            let room = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.epoll, room, Some(&timespec(wait))) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(Failure::of("epoll_wait")(errno)),
            }
            for event in &events {
                self.ready(event.data.u64() as usize, event.flags);
            }
        }
        Ok(())
    }
}

/// Asks as often as was said, prints what came of it.
pub fn run(options: &Ask) -> Result<u8, String> {
    let host = &options.host;
    let mut to = host::resolve(host).map_err(|error| format!("{host}: {error}"))?;
    to.set_port(options.port);
    let failed = |failure: Failure| format!("{failure}");
    interrupt::note(&[Signal::INT]).map_err(Failure::of("sigaction")).map_err(failed)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
        .map_err(Failure::of("epoll_create1"))
        .map_err(failed)?;
    let peer = host::with_zone(&to);
    rt::println!("TCP-ECHO {host}({peer}) port {}: {} data bytes", options.port, options.size);
    rt::output::flush();
    let started = now();
    let mut session = Session {
        options,
        peer,
        epoll,
        lines: Vec::with_capacity(options.connections),
        timers: BTreeSet::new(),
        statistics: Statistics::default(),
        returned: 0,
        unmade: 0,
        started,
        last_sent: started,
        buffer: vec![0; PIECE],
    };
    session.open(&to, options.seed.unwrap_or_else(now)).map_err(failed)?;
    session.run().map_err(failed)?;
    let Session { statistics, returned, unmade, started, last_sent, .. } = session;
    if unmade == options.connections {
        return Ok(2);
    }
    let elapsed = last_sent - started;
    let title = format!("{host} tcp-echo");
    rt::print!("\n{}", statistics.summary(&title, "message", elapsed, options.interval == 0));
    rt::println!("{returned} bytes came back as they were sent");
    let complete = statistics.received == statistics.transmitted && statistics.errors == 0;
    Ok(u8::from(!complete || unmade != 0))
}
