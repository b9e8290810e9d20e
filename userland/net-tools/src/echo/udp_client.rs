//! The side of `udp-echo` that asks.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddrV6;

use linux_raw_sys::net::{IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT};
use rt::strerror;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};
use rustix::process::Signal;

use super::datagram::{Answer, check, fill};
use super::options::Ask;
use crate::clock::{now, timespec};
use crate::host;
use crate::interrupt;
use crate::ping::statistics::Statistics;
use crate::ping::text::round_trip;
use crate::socket::option::{IPV6, set_i32};

/// A run.
struct Session<'a> {
    options: &'a Ask,
    socket: OwnedFd,
    peer: String,
    seed: u64,
    size: usize,
    statistics: Statistics,
    /// Count of answers that were not what was sent.
    changed: u64,
    datagram: Vec<u8>,
    buffer: Vec<u8>,
}

impl Session<'_> {
    fn send(&mut self) {
        let number = self.statistics.transmitted + 1;
        self.statistics.next_sequence();
        fill(&mut self.datagram, self.seed, number, now(), self.size);
        self.statistics.sent();
        // The error of an earlier datagram is told by the next call: the datagram itself was not
        // sent then, and is lost as well.
        if let Err(errno) = send(&self.socket, &self.datagram, SendFlags::empty()) {
            self.failed("send", errno);
        }
    }

    fn failed(&mut self, what: &str, errno: Errno) {
        self.statistics.errors += 1;
        if !self.options.quiet {
            rt::warn!("{what}: {}", strerror(errno));
        }
    }

    /// Takes one answer; false when none is there.
    fn receive(&mut self) -> bool {
        let received = recv(&self.socket, self.buffer.as_mut_slice(), RecvFlags::DONTWAIT);
        let length = match received {
            Ok((length, _)) => length,
            Err(Errno::AGAIN | Errno::INTR) => return false,
            Err(errno) => {
                self.failed("recv", errno);
                return true;
            }
        };
        let time = now();
        let answer = self.buffer.get(..length).unwrap_or_default();
        let line = match check(answer, self.seed, self.statistics.transmitted, self.size) {
            Answer::Changed => {
                self.changed += 1;
                format!("{length} bytes from {}: not what was sent", self.peer)
            }
            Answer::Same(number, sent_at) => {
                let elapsed = time.checked_sub(sent_at);
                let duplicate = self.statistics.reply(number as u16, elapsed);
                let elapsed = round_trip(elapsed.unwrap_or(0), false);
                let remark = if duplicate { " (DUP!)" } else { "" };
                let peer = &self.peer;
                format!("{length} bytes from {peer}: seq={number} time={elapsed} ms{remark}")
            }
        };
        if !self.options.quiet {
            rt::println!("{line}");
            rt::output::flush();
        }
        true
    }

    fn wait(&self, time: u64) {
        let timeout = timespec(time.min(interrupt::LONGEST_WAIT));
        let mut wanted = [PollFd::new(&self.socket, PollFlags::IN)];
        // Whatever it says, the next call finds out what is there.
        let _ = poll(&mut wanted, Some(&timeout));
    }

    fn is_answered(&self) -> bool {
        self.statistics.received + self.statistics.errors + self.changed
            >= self.statistics.transmitted
    }

    /// Sends and receives; returns the time from the first datagram to the last.
    fn run(&mut self) -> u64 {
        let started = now();
        let mut last_sent = started;
        let Ask { count, interval, wait, .. } = *self.options;
        while !interrupt::came() {
            let time = now();
            let all_sent = self.statistics.transmitted >= count;
            let due = if self.statistics.transmitted == 0 {
                time
            } else if all_sent || interval == 0 {
                if self.is_answered() {
                    if all_sent {
                        break;
                    }
                    time
                } else {
                    last_sent + wait
                }
            } else {
                started + interval.saturating_mul(self.statistics.transmitted)
            };
            if time >= due {
                if all_sent {
                    break;
                }
                last_sent = time;
                self.send();
                continue;
            }
            self.wait(due - time);
            while self.receive() {}
        }
        last_sent - started
    }
}

/// Asks as often as was said, prints what came of it.
pub fn run(options: &Ask) -> Result<u8, String> {
    let host = &options.host;
    let mut to: SocketAddrV6 = host::resolve(host).map_err(|error| format!("{host}: {error}"))?;
    to.set_port(options.port);
    let failed = |what: &'static str| move |errno| format!("{what}: {}", strerror(errno));
    let socket = socket_with(AddressFamily::INET6, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(failed("socket"))?;
    // Large datagrams are to be fragmented here rather than refused. Where that is not to be had,
    // they are refused.
    let _ = set_i32(&socket, IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT as i32);
    connect(&socket, &to).map_err(failed("connect"))?;
    interrupt::note(&[Signal::INT]).map_err(failed("sigaction"))?;
    let peer = host::with_zone(&to);
    rt::println!("UDP-ECHO {host}({peer}) port {}: {} data bytes", options.port, options.size);
    rt::output::flush();
    // The command line has a limit that fits.
    let size = options.size as usize;
    let mut session = Session {
        options,
        socket,
        peer,
        seed: options.seed.unwrap_or_else(now),
        size,
        statistics: Statistics::default(),
        changed: 0,
        datagram: Vec::with_capacity(size),
        // One more byte shows an answer that is longer than the question.
        buffer: vec![0; size + 1],
    };
    let elapsed = session.run();
    let Session { statistics, changed, .. } = session;
    let summary =
        statistics.summary(&format!("{host} udp-echo"), "packet", elapsed, options.interval == 0);
    rt::print!("\n{summary}");
    if changed != 0 {
        rt::println!("{changed} answers were not what was sent");
    }
    Ok(u8::from(changed != 0 || statistics.received < statistics.transmitted))
}
