//! The UDP server: counts what clients send and answers the last datagram with its report, or sends
//! to those that want it the other way round.
//!
//! One socket serves all: a stream is whatever comes from one address and port.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::net::{IPV6_PKTINFO, IPV6_RECVPKTINFO, MSG_DONTWAIT};
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::SocketType;

use super::datagrams::{Losses, add};
use super::group::{Intervals, sleep};
use super::header::{DATAGRAM, Opening, ServerReport, Stamp, Test};
use super::options::Options;
use super::report::{self, Subject, heading, transfer};
use super::sender::{Next, Sender};
use super::socket::{buffer_size, failed, open};
use crate::clock::{SECOND, now, wall};
use crate::interrupt;
use crate::interrupt::LONGEST_WAIT;
use crate::socket::message::{ControlMessage, Received, receive, send};
use crate::socket::option::{IPV6, set_i32};

/// After such a pause a stream is over, microseconds.
const SILENCE: u64 = 10 * SECOND;
/// How long the last datagram is answered again, microseconds.
const LINGER: u64 = 3 * SECOND;
/// How often, and how far apart (microseconds), the last datagram is sent to a client that receives.
const LAST_TRIES: u32 = 5;
const LAST_GAP: u64 = 20_000;
/// How many streams there may be at a time; datagrams from others are dropped.
const MOST_STREAMS: usize = 256;
/// The longest datagram that a client can ask for.
const LONGEST: usize = 65_527;

/// What a stream does.
#[derive(Debug)]
enum State {
    /// It counts. The last datagram came at this time.
    Receiving(u64),
    /// It sends.
    Sending(Sender),
    /// All was sent: the last datagram so many times, next at this time.
    Ending(Sender, u32, u64),
    /// It is over, and answers the last datagram with this until this time.
    Lingering(ServerReport, u64),
    Finished,
}

#[derive(Debug)]
struct Stream {
    number: usize,
    peer: SocketAddrV6,
    /// The data of IPV6_PKTINFO that sends from the address which the client knows.
    from: Vec<u8>,
    losses: Losses,
    state: State,
    /// When the first datagram came, microseconds of the monotonic clock.
    started: u64,
    ended: u64,
}

impl Stream {
    const fn is_running(&self) -> bool {
        matches!(self.state, State::Receiving(_) | State::Sending(_) | State::Ending(..))
    }
}

/// The streams of a client.
#[derive(Debug)]
struct Client {
    address: Ipv6Addr,
    intervals: Intervals,
    streams: Vec<Stream>,
    /// The heading that was printed last: with losses or without.
    headed: Option<bool>,
    /// The sum was printed.
    summed: bool,
}

impl Client {
    fn head(&mut self, with_losses: bool) {
        if self.headed != Some(with_losses) {
            self.headed = Some(with_losses);
            report::print(heading(with_losses));
        }
    }

    fn report_intervals(&mut self, options: &Options) {
        while let Some((from, to)) = self.intervals.take(now()) {
            let mut sum = ServerReport::default();
            let mut count = 0;
            for index in 0..self.streams.len() {
                let Some(stream) = self.streams.get_mut(index) else { break };
                if !matches!(stream.state, State::Receiving(_)) {
                    continue;
                }
                let report = stream.losses.interval(to - from);
                let subject = Subject::Stream(stream.number);
                self.head(true);
                report::print(&report::datagrams(subject, from, to, &report, options.format));
                add(&mut sum, &report);
                count += 1;
            }
            if count > 1 {
                report::print(&report::datagrams_sum(from, to, &sum, options.format));
            }
        }
    }

    /// A stream is over: its last line, and the sum after the last one.
    fn report_end(&mut self, index: usize, options: &Options) {
        let format = options.format;
        let Some(stream) = self.streams.get(index) else { return };
        let subject = Subject::Stream(stream.number);
        let span = stream.ended.saturating_sub(stream.started);
        if let State::Ending(sender, ..) = &stream.state {
            let line = transfer(subject, 0, span, sender.bytes, format);
            let sent = format!("{} Sent {} datagrams", subject.text(), sender.count());
            self.head(false);
            report::print(&line);
            report::print(&sent);
        } else {
            let report = stream.losses.report(span);
            self.head(true);
            report::print(&report::datagrams(subject, 0, span, &report, format));
        }
    }

    fn report_sum(&mut self, options: &Options) {
        let received: Vec<ServerReport> = (self.streams.iter())
            .filter_map(|stream| match &stream.state {
                State::Lingering(report, _) => Some(*report),
                _ => None,
            })
            .collect();
        if self.summed || received.len() < 2 || self.streams.iter().any(Stream::is_running) {
            return;
        }
        self.summed = true;
        let mut sum = ServerReport::default();
        for report in &received {
            add(&mut sum, report);
        }
        report::print(&report::datagrams_sum(0, sum.duration, &sum, options.format));
    }
}

struct Server<'a> {
    options: &'a Options,
    socket: OwnedFd,
    clients: Vec<Client>,
    accepted: usize,
}

impl Server<'_> {
    fn is_closing(&self) -> bool {
        self.options.streams.is_some_and(|most| self.accepted >= most)
    }

    /// Handles a datagram.
    fn take(&mut self, datagram: &mut [u8], received: &Received, peer: SocketAddrV6) {
        let Some(stamp) = Stamp::parse(datagram) else { return };
        let found = self.clients.iter().enumerate().find_map(|(at, client)| {
            let stream = client.streams.iter().position(|stream| stream.peer == peer)?;
            Some((at, stream))
        });
        let (at, index) = match found {
            Some(found) => found,
            None => match self.begin(datagram, received, peer, stamp) {
                Some(found) => found,
                None => return,
            },
        };
        let Some(client) = self.clients.get_mut(at) else { return };
        let Some(stream) = client.streams.get_mut(index) else { return };
        let now = now();
        match &mut stream.state {
            State::Receiving(last) => {
                *last = now;
                stream.losses.received(&stamp, datagram.len(), wall());
                if stamp.last {
                    stream.ended = now;
                    let report = stream.losses.report(now - stream.started);
                    stream.state = State::Lingering(report, now + LINGER);
                    Self::answer(&self.socket, stream, &report, datagram);
                    client.report_end(index, self.options);
                    client.report_sum(self.options);
                }
            }
            State::Lingering(report, _) => {
                let report = *report;
                if stamp.last {
                    Self::answer(&self.socket, stream, &report, datagram);
                }
            }
            State::Sending(_) | State::Ending(..) | State::Finished => {}
        }
    }

    /// Sends a client's last datagram back with the report in it.
    fn answer(socket: &OwnedFd, stream: &Stream, report: &ServerReport, datagram: &mut [u8]) {
        if report.write(datagram) {
            // When it does not leave or arrive, the client sends its last datagram again.
            let _ = transmit(socket, stream, datagram);
        }
    }

    /// A datagram from someone new; where the stream stands.
    fn begin(
        &mut self,
        datagram: &[u8],
        received: &Received,
        peer: SocketAddrV6,
        stamp: Stamp,
    ) -> Option<(usize, usize)> {
        let streams: usize = self.clients.iter().map(|client| client.streams.len()).sum();
        // The end of what is over already begins nothing.
        if stamp.last || self.is_closing() || streams >= MOST_STREAMS {
            return None;
        }
        let test = match Opening::parse(datagram.get(DATAGRAM..)?, true) {
            Opening::Test { test, .. } => Some(test),
            Opening::Traffic | Opening::Needs(_) => None,
            Opening::Unsupported(test) => {
                rt::warn!("a client wants a {test} test, which is not done");
                None
            }
        };
        let reverse = test.filter(|test| test.reverse);
        self.accepted += 1;
        let now = now();
        let from = received.control().find(IPV6, IPV6_PKTINFO).unwrap_or_default();
        let stream = Stream {
            number: self.accepted,
            peer,
            from: from.into(),
            losses: Losses::default(),
            state: match reverse {
                Some(test) => State::Sending(sender(&test, self.options, now)),
                None => State::Receiving(now),
            },
            started: now,
            ended: now,
        };
        let octets = from.first_chunk::<16>().copied().unwrap_or_default();
        let local = SocketAddrV6::new(octets.into(), self.options.port, 0, peer.scope_id());
        let line = report::connected(stream.number, &local, &peer, reverse.is_some(), None);
        report::print(&line);
        let address = *peer.ip();
        let known = self.clients.iter().position(|client| {
            client.address == address && client.streams.iter().any(Stream::is_running)
        });
        let at = known.unwrap_or_else(|| {
            self.clients.push(Client {
                address,
                intervals: Intervals::new(now, self.options.interval),
                streams: Vec::new(),
                headed: None,
                summed: false,
            });
            self.clients.len() - 1
        });
        let client = self.clients.get_mut(at)?;
        client.streams.push(stream);
        Some((at, client.streams.len() - 1))
    }

    /// Sends what is due, ends what is silent; how long there is nothing to do.
    fn work(&mut self) -> u64 {
        let mut wait = LONGEST_WAIT;
        for client in &mut self.clients {
            for index in 0..client.streams.len() {
                let Some(stream) = client.streams.get_mut(index) else { break };
                let was_running = stream.is_running();
                let was_sending = matches!(stream.state, State::Sending(_));
                wait = wait.min(step(&self.socket, stream, now()));
                if was_sending && matches!(stream.state, State::Ending(..)) {
                    client.report_end(index, self.options);
                } else if was_running && matches!(stream.state, State::Lingering(..)) {
                    client.report_end(index, self.options);
                    client.report_sum(self.options);
                }
            }
            client.report_intervals(self.options);
            if client.streams.iter().any(Stream::is_running) {
                wait = wait.min(client.intervals.wait(now()));
            }
            let over = |stream: &Stream| matches!(stream.state, State::Finished);
            if client.streams.iter().all(over) {
                client.streams.clear();
            }
        }
        self.clients.retain(|client| !client.streams.is_empty());
        wait
    }
}

/// Who sends what a client asked for.
fn sender(test: &Test, options: &Options, now: u64) -> Sender {
    let length = match test.length as usize {
        0 => options.length,
        length => length.clamp(DATAGRAM, LONGEST),
    };
    Sender::new(test, length, test.amount, now)
}

fn transmit(socket: &OwnedFd, stream: &Stream, datagram: &[u8]) -> Result<usize, Errno> {
    let from = ControlMessage { level: IPV6, kind: IPV6_PKTINFO, data: &stream.from };
    send(socket, datagram, &stream.peer, &from)
}

/// Goes on with a stream; returns how long it has nothing to do.
fn step(socket: &OwnedFd, stream: &mut Stream, now: u64) -> u64 {
    match core::mem::replace(&mut stream.state, State::Finished) {
        State::Receiving(last) if now >= last + SILENCE => {
            rt::warn!("[{:3}] the last datagram did not come", stream.number);
            stream.ended = last;
            let report = stream.losses.report(last - stream.started);
            stream.state = State::Lingering(report, now);
            0
        }
        State::Sending(mut sender) => match sender.next(now) {
            Next::Wait(wait) => {
                stream.state = State::Sending(sender);
                wait
            }
            Next::Send(length) => {
                let sent = transmit(socket, stream, sender.datagram(length));
                let wait = if let Err(Errno::AGAIN | Errno::NOBUFS) = sent {
                    // No room now: the time that passes is made up for.
                    1000
                } else {
                    sender.sent(length, now);
                    0
                };
                stream.state = State::Sending(sender);
                wait
            }
            Next::Over => {
                stream.ended = now;
                stream.state = State::Ending(sender, 0, now);
                0
            }
        },
        State::Ending(mut sender, tries, at) if tries < LAST_TRIES => {
            if now < at {
                stream.state = State::Ending(sender, tries, at);
                return at - now;
            }
            let length = sender.last();
            let _ = transmit(socket, stream, sender.datagram(length));
            stream.state = State::Ending(sender, tries + 1, now + LAST_GAP);
            LAST_GAP
        }
        State::Ending(..) | State::Finished => u64::MAX,
        State::Lingering(_, until) if now >= until => u64::MAX,
        other => {
            stream.state = other;
            LONGEST_WAIT
        }
    }
}

/// Serves until a signal comes, or until as many streams as `-P` says are over.
pub fn run(options: &Options) -> Result<(), String> {
    let socket = open(options, SocketType::DGRAM, true)?;
    set_i32(&socket, IPV6, IPV6_RECVPKTINFO, 1).map_err(failed("setsockopt"))?;
    rustix::io::ioctl_fionbio(&socket, true).map_err(failed("ioctl"))?;
    let mut lines = Vec::from([format!("Server listening on UDP port {}", options.port)]);
    lines.extend(options.bind.iter().map(|host| format!("Binding to local address {host}")));
    let size = buffer_size(&socket, true);
    lines.push(report::buffer_size("UDP buffer size", size, options.window));
    report::preamble(&lines);
    let mut server = Server { options, socket, clients: Vec::new(), accepted: 0 };
    let mut buffer = vec![0; usize::from(u16::MAX)];
    while !interrupt::came() {
        if server.is_closing() && server.clients.is_empty() {
            break;
        }
        let mut more = true;
        // A burst, after which others have their turn.
        for _ in 0..64 {
            let received = match receive(&server.socket, &mut buffer, MSG_DONTWAIT) {
                Ok(received) => received,
                Err(Errno::AGAIN | Errno::INTR) => {
                    more = false;
                    break;
                }
                // Errors of earlier answers come back here.
                Err(Errno::CONNREFUSED | Errno::HOSTUNREACH | Errno::NETUNREACH) => continue,
                Err(errno) => return Err(failed("recvmsg")(errno)),
            };
            if let (Some(peer), Some(datagram)) = (received.from, buffer.get_mut(..received.length))
            {
                server.take(datagram, &received, peer);
            }
        }
        let wait = server.work();
        if !more && wait > 0 {
            let mut list = [PollFd::new(&server.socket, PollFlags::IN)];
            sleep(&mut list, wait).map_err(failed("poll"))?;
        }
    }
    for client in &mut server.clients {
        for index in 0..client.streams.len() {
            let Some(stream) = client.streams.get_mut(index) else { break };
            if matches!(stream.state, State::Receiving(_)) {
                stream.ended = now();
                client.report_end(index, options);
            }
        }
    }
    Ok(())
}
