//! Sockets, the clock and the files of this host.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netdevice::name_to_index;
use rustix::net::sockopt::set_ipv6_multicast_hops;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrAny, SocketFlags, SocketType, connect,
    getsockname, recvfrom, sendto, socket_with,
};
use rustix::rand::{GetRandomFlags, getrandom};
use rustix::time::{ClockId, clock_gettime};

use crate::Instant;
use crate::answer::Answer;
use crate::exchange::{self, Exchange, Failure};
use crate::interfaces::{self, Link, assigned};
use crate::message::Response;
use crate::multicast::{self, Multicast};
use crate::transport::Transport;

mod connection;

use connection::Connection;

/// The longest UDP message that is taken: what is advertised, and more for servers that send more.
const BUFFER: usize = 4096;
/// Links that are asked at once.
const MOST_LINKS: usize = 16;

/// This host.
#[derive(Debug, Default)]
pub struct System;

impl System {
    /// This host.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

/// The number of an interface by its name.
#[must_use]
pub fn zone_index(name: &str) -> Option<u32> {
    name_to_index(datagram_socket().ok()?, name).ok()
}

fn datagram_socket() -> Result<OwnedFd, Errno> {
    open(SocketType::DGRAM)
}

fn open(kind: SocketType) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::INET6, kind, flags, None)
}

fn ipv6(address: Option<SocketAddrAny>) -> Option<SocketAddrV6> {
    SocketAddrV6::try_from(address?).ok()
}

/// Fills a buffer with octets nobody can guess.
fn draw(buffer: &mut [u8]) {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        // Only a signal can come in between; nothing else can go wrong with a buffer of ours.
        done += getrandom(rest, GetRandomFlags::empty()).unwrap_or(0);
    }
}

/// Waits for any of `wanted`; EINTR when a signal came.
fn wait(wanted: &mut [PollFd<'_>], until: Instant, now: Instant) -> Result<(), Errno> {
    let left = until.saturating_sub(now);
    let timeout = Timespec {
        tv_sec: left.as_secs().min(i64::MAX as u64) as i64,
        tv_nsec: i64::from(left.subsec_nanos()),
    };
    poll(wanted, Some(&timeout)).map(|_| ())
}

/// The list of the addresses that this host has now.
fn addresses() -> String {
    let text = rt::input::read_file(interfaces::FILE).unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

impl Transport for System {
    fn now(&self) -> Instant {
        let time = clock_gettime(ClockId::Monotonic);
        Instant::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    fn run(&mut self, exchange: &mut Exchange) -> Result<Result<Response, Failure>, Errno> {
        let mut connections: Vec<Connection> = Vec::new();
        let mut buffer = alloc::vec![0; BUFFER];
        loop {
            let now = self.now();
            match exchange.step(now, &mut draw) {
                exchange::Step::Done(outcome) => return Ok(outcome),
                exchange::Step::Ask(ask) => {
                    let server = ask.server;
                    connections.retain(|connection| connection.server != server);
                    match Connection::open(&ask) {
                        Ok(connection) => connections.push(connection),
                        Err(connection::Refusal::Here(errno)) => return Err(errno),
                        Err(connection::Refusal::There(errno)) => {
                            exchange.failed(server, Failure::Unreachable(errno));
                        }
                    }
                }
                exchange::Step::Wait(until) => {
                    let mut wanted: Vec<PollFd<'_>> =
                        connections.iter().map(Connection::wanted).collect();
                    wait(&mut wanted, until, now)?;
                    let ready: Vec<bool> =
                        wanted.iter().map(|fd| !fd.revents().is_empty()).collect();
                    drop(wanted);
                    let mut ready = ready.into_iter();
                    connections.retain_mut(|connection| {
                        let is_ready = ready.next().unwrap_or(false);
                        !is_ready || connection.advance(exchange, &mut buffer)
                    });
                }
            }
        }
    }

    fn run_multicast(&mut self, question: &mut Multicast) -> Result<Answer, Errno> {
        let mut links = interfaces::links(&addresses());
        links.truncate(MOST_LINKS);
        let sockets: Result<Vec<(Link, OwnedFd)>, Errno> =
            links.into_iter().map(|link| Ok((link, datagram_socket()?))).collect();
        let sockets = sockets?;
        let mut buffer = alloc::vec![0; BUFFER];
        loop {
            let now = self.now();
            match question.step(now) {
                multicast::Step::Done(answer) => return Ok(answer),
                multicast::Step::Send(message) => {
                    for (link, socket) in &sockets {
                        let group =
                            SocketAddrV6::new(multicast::GROUP, multicast::PORT, 0, link.index);
                        // RFC 6762 section 11. A link that takes nothing does not answer either.
                        let _ = set_ipv6_multicast_hops(socket, 255);
                        let _ = sendto(socket, message, SendFlags::empty(), &group);
                    }
                }
                multicast::Step::Wait(until) => {
                    let mut wanted: Vec<PollFd<'_>> =
                        sockets.iter().map(|(_, fd)| PollFd::new(fd, PollFlags::IN)).collect();
                    wait(&mut wanted, until, now)?;
                    for (link, socket) in &sockets {
                        let received = recvfrom(socket, &mut buffer[..], RecvFlags::DONTWAIT);
                        let Ok((_, length, from)) = received else { continue };
                        if let Some(from) = ipv6(from) {
                            let message = buffer.get(..length).unwrap_or_default();
                            question.received(link, from, message);
                        }
                    }
                }
            }
        }
    }

    fn number(&mut self) -> u16 {
        let mut octets = [0; 2];
        draw(&mut octets);
        u16::from_ne_bytes(octets)
    }

    fn source_for(&mut self, destination: &SocketAddrV6) -> Option<Ipv6Addr> {
        let socket = datagram_socket().ok()?;
        // Connecting sends nothing; which port does not matter.
        let mut to = *destination;
        to.set_port(crate::name::PORT);
        connect(&socket, &to).ok()?;
        ipv6(getsockname(&socket).ok()).map(|address| *address.ip())
    }

    fn is_deprecated(&mut self, address: Ipv6Addr) -> bool {
        assigned(&addresses()).any(|one| one.address == address && one.is_deprecated())
    }
}
