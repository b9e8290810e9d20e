//! The UDP client: sends numbered datagrams and gets the server's report, or has the server send.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use rt::strerror;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::io::{Errno, read, write};
use rustix::net::{SocketType, connect};

use super::datagrams::{Losses, add};
use super::group::{Intervals, sleep};
use super::header::{ServerReport, Stamp};
use super::options::Options;
use super::report::{self, Subject, heading, transfer};
use super::sender::{Next, Sender};
use super::socket::{buffer_size, failed, local_address, open, resolve};
use super::tcp_client::test;
use crate::clock::{SECOND, now, wall};
use crate::interrupt;

/// How long to wait for the server's report before the last datagram is sent again, microseconds.
const ANSWER_WAIT: u64 = 250_000;
/// How often the last datagram is sent.
const LAST_TRIES: u32 = 10;
/// How long to wait for the first datagram before the server is asked again, microseconds.
const ASK_WAIT: u64 = SECOND;
/// How often it is asked.
const ASK_TRIES: u32 = 5;
/// After such a pause no more datagrams are expected, microseconds.
const SILENCE: u64 = 5 * SECOND;

/// What a stream does.
#[derive(Debug)]
enum State {
    Sending,
    /// All was sent; the last datagram so many times, next at this time.
    Ending(u32, u64),
    /// The server was asked so many times to send, again at this time.
    Asking(u32, u64),
    /// The last datagram came at this time.
    Receiving(u64),
    Finished,
}

#[derive(Debug)]
struct Stream {
    number: usize,
    socket: OwnedFd,
    sender: Sender,
    losses: Losses,
    state: State,
    /// When it began and ended, microseconds of the monotonic clock.
    started: u64,
    ended: u64,
    answer: Option<ServerReport>,
}

impl Stream {
    /// The wait until it has something to do; 0 when it did something now.
    fn step(&mut self, now: u64) -> Result<u64, Errno> {
        match self.state {
            State::Sending => match self.sender.next(now) {
                Next::Wait(wait) => Ok(wait),
                Next::Send(length) => {
                    match write(&self.socket, self.sender.datagram(length)) {
                        // No room now: the time that passes is made up for.
                        Err(Errno::AGAIN | Errno::NOBUFS) => return Ok(1000),
                        // The error of an earlier datagram: nobody listens, at least not yet.
                        Ok(_) | Err(Errno::CONNREFUSED | Errno::INTR) => {}
                        Err(errno) => return Err(errno),
                    }
                    self.sender.sent(length, now);
                    Ok(0)
                }
                Next::Over => {
                    self.ended = now;
                    self.state = State::Ending(0, now);
                    Ok(0)
                }
            },
            State::Ending(tries, at) | State::Asking(tries, at) if now < at => {
                let _ = tries;
                Ok(at - now)
            }
            State::Ending(LAST_TRIES.., _) => {
                rt::warn!("[{:3}] no report from the server after {LAST_TRIES} tries", self.number);
                self.state = State::Finished;
                Ok(0)
            }
            State::Ending(tries, _) => {
                let length = self.sender.last();
                let _ = write(&self.socket, self.sender.datagram(length));
                self.state = State::Ending(tries + 1, now + ANSWER_WAIT);
                Ok(ANSWER_WAIT)
            }
            State::Asking(ASK_TRIES.., _) => Err(Errno::TIMEDOUT),
            State::Asking(tries, _) => {
                if let Next::Send(length) = self.sender.next(now) {
                    let _ = write(&self.socket, self.sender.datagram(length));
                }
                self.state = State::Asking(tries + 1, now + ASK_WAIT);
                Ok(ASK_WAIT)
            }
            State::Receiving(last) if now >= last + SILENCE => {
                rt::warn!("[{:3}] the last datagram did not come", self.number);
                self.ended = last;
                self.state = State::Finished;
                Ok(0)
            }
            State::Receiving(last) => Ok(last + SILENCE - now),
            State::Finished => Ok(u64::MAX),
        }
    }

    /// Takes one datagram; false when there is none.
    fn receive(&mut self, buffer: &mut [u8], now: u64) -> Result<bool, Errno> {
        let count = match read(&self.socket, &mut *buffer) {
            Ok(count) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(false),
            // Nobody listens there any more: nothing will come.
            Err(Errno::CONNREFUSED) if !matches!(self.state, State::Ending(..)) => {
                return Err(Errno::CONNREFUSED);
            }
            Err(Errno::CONNREFUSED) => return Ok(true),
            Err(errno) => return Err(errno),
        };
        let datagram = buffer.get(..count).unwrap_or_default();
        match self.state {
            State::Ending(..) => {
                if let Some(answer) = ServerReport::parse(datagram) {
                    self.answer = Some(answer);
                    self.state = State::Finished;
                }
            }
            State::Asking(..) | State::Receiving(_) => {
                let Some(stamp) = Stamp::parse(datagram) else { return Ok(true) };
                if matches!(self.state, State::Asking(..)) {
                    self.started = now;
                }
                self.losses.received(&stamp, count, wall());
                self.state = State::Receiving(now);
                if stamp.last {
                    self.ended = now;
                    self.state = State::Finished;
                }
            }
            State::Sending | State::Finished => {}
        }
        Ok(true)
    }

    const fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    fn stop(&mut self, now: u64) {
        match self.state {
            State::Sending => self.sender.stop(now),
            State::Ending(..) | State::Finished => {}
            State::Asking(..) | State::Receiving(_) => {
                self.ended = now;
                self.state = State::Finished;
            }
        }
    }
}

/// All streams and their reports.
struct Client<'a> {
    options: &'a Options,
    streams: Vec<Stream>,
    intervals: Intervals,
    headed: bool,
}

impl Client<'_> {
    fn head(&mut self) {
        if !self.headed {
            self.headed = true;
            report::print(heading(self.options.reverse));
        }
    }

    fn report_intervals(&mut self) {
        let format = self.options.format;
        while let Some((from, to)) = self.intervals.take(now()) {
            self.head();
            let mut sum = ServerReport::default();
            let mut count = 0;
            for stream in &mut self.streams {
                if self.options.reverse {
                    if matches!(stream.state, State::Receiving(_)) {
                        let report = stream.losses.interval(to - from);
                        let subject = Subject::Reversed(stream.number);
                        report::print(&report::datagrams(subject, from, to, &report, format));
                        add(&mut sum, &report);
                        count += 1;
                    }
                } else if matches!(stream.state, State::Sending) {
                    let bytes = stream.sender.bytes - stream.sender.reported;
                    stream.sender.reported = stream.sender.bytes;
                    let subject = Subject::Stream(stream.number);
                    report::print(&transfer(subject, from, to, bytes, format));
                    sum.bytes += bytes;
                    count += 1;
                }
            }
            if count > 1 && self.options.reverse {
                report::print(&report::datagrams_sum(from, to, &sum, format));
            } else if count > 1 {
                report::print(&transfer(Subject::Sum, from, to, sum.bytes, format));
            }
        }
    }

    /// The last lines.
    fn report(&mut self) {
        self.head();
        let format = self.options.format;
        let mut sum = ServerReport::default();
        let mut count = 0;
        for stream in &self.streams {
            let span = stream.ended.saturating_sub(stream.started);
            if self.options.reverse {
                let report = stream.losses.report(span);
                let subject = Subject::Reversed(stream.number);
                report::print(&report::datagrams(subject, 0, span, &report, format));
                add(&mut sum, &report);
            } else {
                let subject = Subject::Stream(stream.number);
                report::print(&transfer(subject, 0, span, stream.sender.bytes, format));
                report::print(&format!(
                    "{} Sent {} datagrams",
                    subject.text(),
                    stream.sender.count()
                ));
                sum.bytes += stream.sender.bytes;
                sum.duration = sum.duration.max(span);
                count += stream.sender.count();
            }
        }
        if self.streams.len() > 1 {
            if self.options.reverse {
                report::print(&report::datagrams_sum(0, sum.duration, &sum, format));
            } else {
                report::print(&transfer(Subject::Sum, 0, sum.duration, sum.bytes, format));
                report::print(&format!("{} Sent {count} datagrams", Subject::Sum.text()));
            }
        }
        for stream in &self.streams {
            let Some(answer) = &stream.answer else { continue };
            let subject = Subject::Stream(stream.number);
            report::print(&format!("{} Server Report:", subject.text()));
            report::print(heading(true));
            report::print(&report::datagrams(subject, 0, answer.duration, answer, format));
        }
    }
}

/// Microseconds between datagrams, with two digits after the point.
fn gap(length: usize, rate: u64) -> String {
    let hundredths = length as u128 * 8 * 100_000_000 / u128::from(rate.max(1));
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Sends or receives, reports.
pub fn run(options: &Options, host: &str) -> Result<(), String> {
    let server = resolve(host, options.port)?;
    let test = test(options);
    let mut sockets = Vec::new();
    for number in 1..=options.streams.unwrap_or(1) {
        let socket = open(options, SocketType::DGRAM, false)?;
        connect(&socket, &server).map_err(failed("udp connect"))?;
        if number == 1 {
            let (length, rate) = (options.length, test.rate);
            let size = buffer_size(&socket, options.reverse);
            report::preamble(&[
                format!("Client connecting to {host}, UDP port {}", options.port),
                format!("Sending {length} byte datagrams, IPG target: {} us", gap(length, rate)),
                report::buffer_size("UDP buffer size", size, options.window),
            ]);
        }
        let local = local_address(&socket)?;
        report::print(&report::connected(number, &local, &server, options.reverse, None));
        rustix::io::ioctl_fionbio(&socket, true).map_err(failed("ioctl"))?;
        sockets.push(socket);
    }
    let started = now();
    let streams = sockets.into_iter().enumerate().map(|(index, socket)| Stream {
        number: index + 1,
        socket,
        sender: Sender::new(&test, options.length, options.amount, started),
        losses: Losses::default(),
        state: if options.reverse { State::Asking(0, started) } else { State::Sending },
        started,
        ended: started,
        answer: None,
    });
    let intervals = Intervals::new(started, options.interval);
    let mut client = Client { options, streams: streams.collect(), intervals, headed: false };
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let mut failure = None;
    let mut stopping = false;
    while !client.streams.iter().all(Stream::is_finished) {
        if interrupt::came() && !stopping {
            stopping = true;
            client.streams.iter_mut().for_each(|stream| stream.stop(now()));
        }
        let mut wait = client.intervals.wait(now());
        for stream in client.streams.iter_mut().filter(|stream| !stream.is_finished()) {
            let outcome = stream.step(now()).and_then(|pause| {
                // A burst, after which others have their turn.
                let mut more = true;
                for _ in 0..64 {
                    more = stream.receive(&mut buffer, now())?;
                    if !more || stream.is_finished() {
                        break;
                    }
                }
                Ok(if more { 0 } else { pause })
            });
            match outcome {
                Ok(pause) => wait = wait.min(pause),
                Err(errno) => {
                    failure = Some(format!("[{:3}] {}", stream.number, strerror(errno)));
                    stream.ended = now();
                    stream.state = State::Finished;
                }
            }
        }
        client.report_intervals();
        if wait > 0 && !client.streams.iter().all(Stream::is_finished) {
            let mut list: Vec<PollFd<'_>> = (client.streams.iter())
                .filter(|stream| !stream.is_finished())
                .map(|stream| PollFd::new(&stream.socket, PollFlags::IN))
                .collect();
            sleep(&mut list, wait).map_err(failed("poll"))?;
        }
    }
    client.report();
    failure.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::gap;

    #[test]
    fn gaps() {
        assert_eq!(gap(1450, 10 << 20), "1106.26");
        assert_eq!(gap(1450, 1 << 20), "11062.62");
    }
}
