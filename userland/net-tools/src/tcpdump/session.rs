//! The run of `tcpdump`: packets from a source, through the filter, to lines or to a file.

use alloc::format;
use alloc::string::String;

use rt::strerror;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;

use super::filter::Expression;
use super::filter::view::View;
use super::hex;
use super::link::{self, LinkType};
use super::options::Options;
use super::pcap::{file_header, record};
use super::source::{Arrival, File, Live, Packet};
use super::style::Context;
use super::timestamp::Clock;
use crate::interrupt;

/// How many packets are collected for a file before they are written, octets.
const CAPACITY: usize = 64 * 1024;

/// A file that is written.
#[derive(Debug)]
struct Output {
    /// `None` is standard output.
    file: Option<OwnedFd>,
    buffer: alloc::vec::Vec<u8>,
}

impl Output {
    fn create(path: &str, link: LinkType, snapshot: usize) -> Result<Self, String> {
        let file = match path {
            "-" => None,
            path => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
                let file = rustix::fs::open(path, flags, Mode::from_raw_mode(0o644));
                Some(file.map_err(|errno| format!("{path}: {}", strerror(errno)))?)
            }
        };
        Ok(Self { file, buffer: file_header(link, snapshot as u32).into() })
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match &self.file {
            Some(file) => file.as_fd(),
            None => rt::output::stdout(),
        }
    }

    fn flush(&mut self) -> Result<(), String> {
        let outcome = rt::output::write_all(self.fd(), &self.buffer);
        self.buffer.clear();
        outcome.map_err(|errno| format!("unable to write output: {}", strerror(errno)))
    }

    fn write(&mut self, packet: &Packet, now: bool) -> Result<(), String> {
        self.buffer.extend(record(packet.time, &packet.octets, packet.length));
        if now || self.buffer.len() >= CAPACITY { self.flush() } else { Ok(()) }
    }
}

/// A run.
struct Session<'a> {
    options: &'a Options,
    filter: Option<Expression>,
    link: LinkType,
    clock: Clock,
    context: Context,
    output: Option<Output>,
    /// Count of packets that the filter wanted.
    wanted: u64,
}

impl<'a> Session<'a> {
    fn new(
        options: &'a Options,
        filter: Option<Expression>,
        link: LinkType,
        snapshot: usize,
    ) -> Result<Self, String> {
        let output = match &options.write {
            Some(path) => Some(Output::create(path, link, snapshot)?),
            None => None,
        };
        Ok(Self {
            options,
            filter,
            link,
            clock: Clock::new(options.stamps),
            context: Context { style: options.style, ..Context::default() },
            output,
            wanted: 0,
        })
    }

    fn is_done(&self) -> bool {
        interrupt::came() || self.options.count.is_some_and(|count| self.wanted >= count)
    }

    /// Whether lines are to be seen at once.
    fn flush(&mut self) -> Result<(), String> {
        if let Some(output) = &mut self.output {
            return output.flush();
        }
        rt::output::flush();
        Ok(())
    }

    fn handle(&mut self, packet: &Packet) -> Result<(), String> {
        if let Some(filter) = &self.filter {
            let view = View::new(&packet.octets, packet.length, self.link);
            if !filter.matches(&view) {
                return Ok(());
            }
        }
        self.wanted += 1;
        if let Some(output) = &mut self.output {
            return output.write(packet, self.options.unbuffered);
        }
        rt::println!("{}", self.line(packet));
        if self.options.unbuffered {
            rt::output::flush();
        }
        Ok(())
    }

    fn line(&mut self, packet: &Packet) -> String {
        let mut line = self.clock.stamp(packet.time);
        link::print(&mut line, &packet.octets, packet.length, self.link, &mut self.context);
        let hex = self.options.hex;
        if hex.wanted {
            let begin = if hex.link_header { 0 } else { self.link.header() };
            let octets = packet.octets.get(begin..).unwrap_or_default();
            if hex.characters {
                hex::with_characters(&mut line, "\n\t", octets);
            } else {
                hex::plain(&mut line, "\n\t", octets);
            }
        }
        line
    }
}

/// Shows the packets of a file.
pub fn read(options: &Options, path: &str, filter: Option<Expression>) -> Result<(), String> {
    let mut file = File::open(path)?;
    let link = file.header.link;
    rt::eprintln!(
        "reading from file {path}, link-type {}, snapshot length {}",
        link.description(),
        file.header.snapshot
    );
    let mut session = Session::new(options, filter, link, file.header.snapshot as usize)?;
    while !session.is_done() {
        match file.packet() {
            Ok(Some(packet)) => session.handle(&packet)?,
            Ok(None) => break,
            Err(message) => {
                session.flush()?;
                return Err(message);
            }
        }
    }
    session.flush()
}

/// Shows the packets of an interface until a signal comes, or as many as `-c` says.
pub fn capture(options: &Options, name: &str, filter: Option<Expression>) -> Result<(), String> {
    let mut live = Live::open(name, options.snapshot, options.promiscuous)?;
    if let Some(filter) = &filter {
        live.filter(filter);
    }
    interrupt::note(&[Signal::INT, Signal::TERM])
        .map_err(|errno| format!("sigaction: {}", strerror(errno)))?;
    let mut session = Session::new(options, filter, live.link, options.snapshot)?;
    if options.write.is_none() && options.style.verbosity == 0 {
        rt::warn!("verbose output suppressed, use -v[v]... for full protocol decode");
    }
    rt::eprintln!(
        "listening on {name}, link-type {}, snapshot length {} bytes",
        live.link.description(),
        options.snapshot
    );
    let failed = |errno| format!("{name}: {}", strerror(errno));
    let mut outcome = Ok(());
    while outcome.is_ok() && !session.is_done() {
        outcome = match live.arrival() {
            Ok(Arrival::Packet(packet)) => session.handle(&packet),
            Ok(Arrival::None) => Ok(()),
            // Who waits for packets has seen those that came.
            Ok(Arrival::Idle) => session.flush().and_then(|()| live.wait().map_err(failed)),
            Err(errno) => Err(failed(errno)),
        };
    }
    let flushed = session.flush();
    rt::eprintln!("{}", captured("captured", session.wanted));
    if let Ok((passed, dropped)) = live.statistics() {
        rt::eprintln!("{}", captured("received by filter", passed.into()));
        rt::eprintln!("{}", captured("dropped by kernel", dropped.into()));
    }
    outcome.and(flushed)
}

/// `1 packet captured`, `2 packets captured`.
fn captured(what: &str, count: u64) -> String {
    format!("{count} packet{} {what}", if count == 1 { "" } else { "s" })
}
