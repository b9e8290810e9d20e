//! The run of `ping6`: when to send, what to do with what arrives, when to stop.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddrV6;
use core::sync::atomic::{AtomicBool, Ordering};

use rt::signal::{Action, set_action};
use rt::strerror;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::Signal;
use rustix::time::{ClockId, clock_gettime};

use super::echo::{Echo, HEADER, Probe};
use super::endpoint::{Arrival, Endpoint};
use super::options::Options;
use super::statistics::Statistics;
use super::text::{Reply, icmpv6};
use crate::host;

/// The user wants to stop.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The user wants to know how it goes.
static STATUS_WANTED: AtomicBool = AtomicBool::new(false);

extern "C" fn on_interrupt(_: i32) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

extern "C" fn on_quit(_: i32) {
    STATUS_WANTED.store(true, Ordering::Relaxed);
}

/// A flood without answers is 100 requests a second: a request every 10 ms.
const LEAST_INTERVAL: u64 = 10_000;
/// The longest sleep, so that a signal that came just before it is noticed soon.
const LONGEST_WAIT: u64 = 500_000;
/// The shortest interval that `-A` chooses for those who are not root.
const LEAST_USER_INTERVAL: u64 = 2_000;

/// Microseconds of a clock.
fn clock(id: ClockId) -> u64 {
    let time = clock_gettime(id);
    (time.tv_sec as u64).wrapping_mul(1_000_000).wrapping_add(time.tv_nsec as u64 / 1000)
}

fn now() -> u64 {
    clock(ClockId::Monotonic)
}

/// A run.
#[derive(Debug)]
pub struct Session<'a> {
    options: &'a Options,
    endpoint: &'a Endpoint,
    destination: SocketAddrV6,
    names: Names,
    probe: Probe,
    statistics: Statistics,
    buffer: Vec<u8>,
    root: bool,
    /// All times are microseconds of the monotonic clock.
    started: u64,
    /// When the last request was sent.
    last_sent: u64,
    /// When the next one may be sent.
    next_send: u64,
    /// Between requests; changes with `-A`.
    interval: u64,
    /// When waiting for the last replies ends; set once all requests are sent.
    linger_until: Option<u64>,
}

impl<'a> Session<'a> {
    /// A run with this socket.
    #[must_use]
    pub fn new(
        options: &'a Options,
        endpoint: &'a Endpoint,
        destination: SocketAddrV6,
        names: Names,
    ) -> Self {
        let identifier = endpoint.identifier().unwrap_or(0);
        let started = now();
        Self {
            options,
            endpoint,
            destination,
            names,
            probe: Probe::new(options.size, identifier, options.pattern.as_deref()),
            statistics: Statistics::default(),
            // Room for more than was asked, so that a reply that is too long is seen as such.
            buffer: vec![0; options.size + HEADER + 4096],
            root: rustix::process::getuid().is_root(),
            started,
            last_sent: started,
            next_send: started,
            interval: u64::from(options.interval) * 1000,
            linger_until: None,
        }
    }

    /// Sends and receives until all is done; prints the statistics; returns the exit status.
    pub fn run(mut self) -> u8 {
        for (signal, action) in
            [(Signal::INT, Action::Handle(on_interrupt)), (Signal::QUIT, Action::Handle(on_quit))]
        {
            // Without a handler the signal ends the program, which is no worse than no statistics.
            let _ = set_action(signal, action);
        }
        let deadline = self.options.deadline.map(|time| self.started + u64::from(time) * 1_000_000);
        while !self.is_finished(deadline) {
            if STATUS_WANTED.swap(false, Ordering::Relaxed) {
                rt::output::flush();
                rt::eprintln!("{}", self.statistics.snapshot());
            }
            let mut wait = self.send_what_is_due();
            if let Some(deadline) = deadline {
                wait = wait.min(deadline.saturating_sub(now()));
            }
            self.receive_for(wait);
        }
        self.finish()
    }

    fn all_sent(&self) -> bool {
        // With a deadline it is the replies that are counted.
        let transmitted = self.statistics.transmitted;
        self.options.count.is_some_and(|count| transmitted >= count)
            && self.options.deadline.is_none()
    }

    fn is_finished(&self, deadline: Option<u64>) -> bool {
        let Statistics { received, errors, .. } = self.statistics;
        INTERRUPTED.load(Ordering::Relaxed)
            || self.options.count.is_some_and(|count| received + errors >= count)
            || (deadline.is_some() && errors != 0)
            || deadline.is_some_and(|deadline| now() >= deadline)
            || self.linger_until.is_some_and(|end| now() >= end)
    }

    /// Sends the requests that are due; returns how long to wait for the next one.
    fn send_what_is_due(&mut self) -> u64 {
        let preload = u64::from(self.options.preload);
        loop {
            let time = now();
            if self.all_sent() {
                // A reply takes no longer than twice the longest so far; before the first one
                // nobody knows.
                let linger = match self.statistics.received {
                    0 => self.options.linger,
                    _ => (2 * self.statistics.longest).max(self.interval),
                };
                let end = *self.linger_until.get_or_insert(time + linger);
                return end.saturating_sub(time);
            }
            let first = self.statistics.transmitted == 0;
            if self.interval == 0 {
                // Each reply lets a request go.
                let waited = time - self.last_sent;
                let full = self.statistics.in_flight() >= preload;
                if !first && full && waited < LEAST_INTERVAL {
                    return LEAST_INTERVAL - waited;
                }
            } else if time < self.next_send {
                return self.next_send - time;
            }
            match self.send_one(time) {
                Ok(()) => {
                    // What was missed is made up for, but no more than the preload; the preload
                    // itself goes at once.
                    let slack = self.interval.saturating_mul(preload.saturating_sub(1));
                    let due = if first { time.saturating_sub(slack) } else { self.next_send };
                    self.next_send = due.max(time.saturating_sub(slack)) + self.interval;
                }
                Err(pause) => self.next_send = time + pause,
            }
            if self.interval == 0 && self.statistics.in_flight() >= preload {
                return LEAST_INTERVAL;
            }
            if INTERRUPTED.load(Ordering::Relaxed) {
                return 0;
            }
        }
    }

    /// Sends one request; when there is no room for it now, says after what time to try again.
    fn send_one(&mut self, time: u64) -> Result<(), u64> {
        let sent = self.statistics.transmitted as u16;
        if self.options.outstanding
            && self.statistics.transmitted > 0
            && !self.statistics.is_answered(sent)
        {
            self.print_timestamp();
            rt::println!("no answer yet for icmp_seq={sent}");
            rt::output::flush();
        }
        let sequence = self.statistics.next_sequence();
        let result = self.endpoint.send(self.probe.stamped(sequence, time));
        match result {
            Ok(()) => {
                self.count_sent(time);
                if self.options.flood && !self.options.quiet {
                    rt::output::write(b".");
                    rt::output::flush();
                }
            }
            Err(Errno::INTR) => return Err(0),
            // No room in a queue, ours or the device's: it empties.
            Err(Errno::AGAIN) => return Err(LEAST_INTERVAL),
            Err(Errno::NOBUFS | Errno::NOMEM) => {
                return Err((self.interval / 2).clamp(LEAST_INTERVAL, LONGEST_WAIT));
            }
            Err(errno) => {
                self.count_sent(time);
                // The queue may know more than the number says.
                if !self.take_errors() {
                    if errno == Errno::MSGSIZE {
                        self.statistics.errors += 1;
                    }
                    self.local_error(format_args!("sendmsg: {}", strerror(errno)));
                }
            }
        }
        Ok(())
    }

    fn count_sent(&mut self, time: u64) {
        if self.statistics.transmitted == 0 {
            self.started = time;
        }
        self.last_sent = time;
        self.statistics.sent();
    }

    fn local_error(&self, text: core::fmt::Arguments<'_>) {
        if self.options.quiet {
            return;
        }
        if self.options.flood {
            rt::output::write(b"E");
            rt::output::flush();
        } else {
            rt::warn!("{text}");
        }
    }

    /// Waits up to `wait` for messages and handles all that are there.
    fn receive_for(&mut self, wait: u64) {
        let wait = wait.min(LONGEST_WAIT);
        let mut wanted = [PollFd::new(self.endpoint.fd(), PollFlags::IN)];
        let timeout =
            Timespec { tv_sec: (wait / 1_000_000) as i64, tv_nsec: (wait % 1_000_000 * 1000) as _ };
        match poll(&mut wanted, Some(&timeout)) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if wanted[0].revents().contains(PollFlags::ERR) {
            self.take_errors();
        }
        loop {
            let mut buffer = core::mem::take(&mut self.buffer);
            let arrival = self.endpoint.receive(&mut buffer);
            let time = now();
            let handled = match arrival {
                Ok(arrival) => {
                    self.handle(&arrival, &buffer, time);
                    true
                }
                Err(Errno::AGAIN | Errno::INTR) => false,
                // An error that came back to the socket is told by its next call.
                Err(errno) => {
                    if !self.take_errors() {
                        self.statistics.errors += 1;
                        self.local_error(format_args!("recvmsg: {}", strerror(errno)));
                    }
                    false
                }
            };
            self.buffer = buffer;
            // Go on to sending between replies; the rest waits in the socket.
            if !handled || self.statistics.in_flight() == 0 {
                return;
            }
        }
    }

    /// Handles what is in the error queue; false when nothing is.
    fn take_errors(&mut self) -> bool {
        let mut any = false;
        while let Ok(arrival) = self.endpoint.receive_error() {
            any = true;
            self.handle(&arrival, &[], now());
        }
        any
    }

    fn handle(&mut self, arrival: &Arrival, buffer: &[u8], time: u64) {
        match arrival {
            Arrival::Foreign => {}
            Arrival::Local(errno, info) => {
                self.statistics.errors += 1;
                if *errno == Errno::MSGSIZE {
                    self.local_error(format_args!("local error: message too long, mtu: {info}"));
                } else {
                    self.local_error(format_args!("local error: {}", strerror(*errno)));
                }
            }
            Arrival::Report { from, sequence, error } => self.report(from, *sequence, *error),
            Arrival::Reply { length, from, hop_limit } => {
                let message = buffer.get(..*length).unwrap_or_default();
                if let Some(echo) = Echo::parse(message) {
                    self.reply(echo, *length, from, *hop_limit, time);
                }
            }
        }
    }

    fn report(&mut self, from: &SocketAddrV6, sequence: u16, (kind, code, info): (u8, u8, u32)) {
        self.statistics.errors += 1;
        self.statistics.acknowledge(sequence);
        if self.options.quiet {
            return;
        }
        if self.options.flood {
            rt::output::write(b"\x08E");
        } else {
            self.print_timestamp();
            let from = self.names.text(from);
            rt::println!("From {from} icmp_seq={sequence} {}", icmpv6(kind, code, info));
        }
        rt::output::flush();
    }

    fn reply(
        &mut self,
        echo: Echo<'_>,
        length: usize,
        from: &SocketAddrV6,
        hop_limit: Option<i32>,
        time: u64,
    ) {
        let sent_at = if self.probe.is_timed() { echo.sent_at() } else { None };
        // A reply from before it was sent has a time that is none.
        let round_trip = sent_at.and_then(|sent_at| time.checked_sub(sent_at));
        let duplicate = self.statistics.reply(echo.sequence, round_trip);
        if self.options.adaptive {
            let least = if self.root { 0 } else { LEAST_USER_INTERVAL };
            // In whole milliseconds, as fast as replies come.
            let average = self.statistics.moving_average();
            self.interval = ((average + 500) / 1000 * 1000).max(least);
            self.next_send = self.next_send.min(self.last_sent + self.interval);
        }
        if self.options.quiet {
            return;
        }
        if self.options.flood {
            rt::output::write(b"\x08 \x08");
            if self.options.audible {
                rt::output::write(b"\x07");
            }
            rt::output::flush();
            return;
        }
        let to = self.destination.ip();
        let multicast = to.is_multicast();
        // RFC 4291 section 2.6.1: an anycast address is answered by whoever is near.
        let anycast = to.segments()[4..] == [0; 4];
        let from_text = self.names.text(from);
        let reply = Reply {
            from: &from_text,
            echo,
            length,
            hop_limit,
            identifier: self.endpoint.identifier().filter(|_| self.options.verbose),
            time: round_trip,
            precise: self.options.precise,
            truncated: length < self.options.size + HEADER,
            duplicate: duplicate && (!multicast || self.options.verbose),
            other_source: !multicast && !anycast && from.ip() != to,
        };
        self.print_timestamp();
        rt::print!("{}", reply.text(self.probe.pattern()));
        if self.options.audible {
            rt::output::write(b"\x07");
        }
        rt::println!();
        rt::output::flush();
    }

    fn print_timestamp(&self) {
        if self.options.timestamps {
            let time = clock(ClockId::Realtime);
            rt::print!("[{}.{:06}] ", time / 1_000_000, time % 1_000_000);
        }
    }

    fn finish(self) -> u8 {
        let elapsed = self.last_sent - self.started;
        let paced = self.interval == 0 || self.options.flood || self.options.adaptive;
        let title = format!("{} ping", self.options.destination);
        let summary = self.statistics.summary(&title, "packet", elapsed, paced);
        rt::print!("\n{summary}");
        let Statistics { received, .. } = self.statistics;
        let too_few = self.options.deadline.is_some()
            && self.options.count.is_some_and(|count| received < count);
        u8::from(received == 0 || too_few)
    }
}

/// What addresses are called.
#[derive(Debug)]
pub struct Names {
    numeric: bool,
    names: host::Names,
}

impl Names {
    /// Numbers only, or names too.
    #[must_use]
    pub fn new(numeric: bool) -> Self {
        Self { numeric, names: host::Names::default() }
    }

    /// An address, with its name before it unless only numbers are wanted.
    pub fn text(&mut self, address: &SocketAddrV6) -> String {
        if self.numeric { host::with_zone(address) } else { self.names.describe(address) }
    }
}
