//! The loop: a socket on the port of multicast DNS, the kernel's announcements, the clock.

use alloc::format;
use alloc::string::{String, ToString};
use core::net::{Ipv6Addr, SocketAddrV6};
use core::time::Duration;

use linux_raw_sys::net::{IPV6_PKTINFO, IPV6_RECVPKTINFO, MSG_DONTWAIT};
use linux_raw_sys::netlink::rtnetlink_groups;
use net_tools::clock::{now as microseconds, timespec};
use net_tools::interrupt;
use net_tools::netlink::{RouteSocket, field};
use net_tools::socket::failure::Failure;
use net_tools::socket::message::receive;
use net_tools::socket::option::{IPV6, set_i32};
use resolver::Instant;
use resolver::multicast::{GROUP, PORT};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::{
    set_ipv6_add_membership, set_ipv6_drop_membership, set_ipv6_multicast_hops,
    set_ipv6_unicast_hops, set_ipv6_v6only, set_socket_reuseaddr, set_socket_reuseport,
};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, bind, sendto, socket_with};
use rustix::process::Signal;
use rustix::rand::{GetRandomFlags, getrandom};
use rustix::system::uname;

use crate::links::{self, Links};
use crate::responder::{Outgoing, Responder};
use crate::title::Title;

/// The hop limit of all messages (RFC 6762 section 11).
const HOPS: u8 = 255;
/// The longest message (section 17), and one octet more.
const BUFFER: usize = 9000;
/// How often to look whether the host is called otherwise.
const LOOK: Duration = Duration::from_secs(10);
/// Messages that are taken at once before anything is sent.
const BATCH: usize = 64;

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// A name other than the host's.
    pub name: Option<String>,
    /// Say what the name is.
    pub verbose: bool,
}

fn now() -> Instant {
    Duration::from_micros(microseconds())
}

/// Opens the socket; other programs may use the port, too (section 15.1).
fn open() -> Result<OwnedFd, Failure> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET6, SocketType::DGRAM, flags, None)
        .map_err(Failure::of("socket"))?;
    let option = Failure::of("setsockopt");
    set_ipv6_v6only(&socket, true).map_err(&option)?;
    set_socket_reuseaddr(&socket, true).map_err(&option)?;
    set_socket_reuseport(&socket, true).map_err(&option)?;
    set_ipv6_multicast_hops(&socket, HOPS.into()).map_err(&option)?;
    set_ipv6_unicast_hops(&socket, Some(HOPS)).map_err(&option)?;
    set_i32(&socket, IPV6, IPV6_RECVPKTINFO, 1).map_err(&option)?;
    let any = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, PORT, 0, 0);
    bind(&socket, &any).map_err(Failure::of("bind"))?;
    Ok(socket)
}

fn seed() -> u64 {
    let mut octets = [0; 8];
    // Without it hosts differ by their clocks.
    let drawn = getrandom(&mut octets, GetRandomFlags::NONBLOCK).is_ok();
    if drawn { u64::from_ne_bytes(octets) } else { microseconds() }
}

/// What the host is called.
fn title(options: &Options) -> Option<Title> {
    match &options.name {
        Some(name) => Title::new(name),
        None => Title::new(&uname().nodename().to_string_lossy()),
    }
}

struct Daemon<'a> {
    options: &'a Options,
    socket: OwnedFd,
    /// Hears that something has changed.
    announcements: RouteSocket,
    /// Asks what it is.
    requests: RouteSocket,
    responder: Responder,
    title: Title,
    links: Links,
    told: Option<String>,
}

/// Runs until a signal comes; says good-bye then.
pub fn run(options: &Options) -> Result<(), String> {
    interrupt::note(&[Signal::TERM, Signal::INT, Signal::HUP])
        .map_err(|errno| format!("sigaction: {}", rt::strerror(errno)))?;
    let title = title(options).ok_or("this host has no name that others could use")?;
    let bit = |group: rtnetlink_groups| 1 << (group as u32 - 1);
    let groups = bit(rtnetlink_groups::RTNLGRP_LINK) | bit(rtnetlink_groups::RTNLGRP_IPV6_IFADDR);
    let netlink = |error| format!("{error}");
    let mut daemon = Daemon {
        options,
        socket: open().map_err(|failure| failure.to_string())?,
        announcements: RouteSocket::open(groups).map_err(netlink)?,
        requests: RouteSocket::open(0).map_err(netlink)?,
        responder: Responder::new(title.clone(), seed()),
        title,
        links: Links::new(),
        told: None,
    };
    daemon.look_at_links().map_err(netlink)?;
    while !interrupt::came() {
        daemon.round().map_err(|failure| failure.to_string())?;
    }
    daemon.responder.say_good_bye();
    daemon.send_all();
    Ok(())
}

impl Daemon<'_> {
    /// Sends what is due, waits, takes what has come.
    fn round(&mut self) -> Result<(), Failure> {
        self.send_all();
        self.tell();
        let wait = self.responder.deadline().map_or(LOOK, |at| at.saturating_sub(now()));
        let timeout = timespec(wait.min(LOOK).as_micros() as u64 + 1);
        let mut wanted = [
            PollFd::new(&self.socket, PollFlags::IN),
            PollFd::new(&self.announcements, PollFlags::IN),
        ];
        match poll(&mut wanted, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Failure::of("poll")(errno)),
        }
        let [messages, changes] = wanted.map(|fd| !fd.revents().is_empty());
        if changes {
            // What it says does not matter, nor that it is too much for the socket.
            let _ = self.announcements.announcements();
            // If the kernel can't say now, it can after the next change.
            let _ = self.look_at_links();
        }
        if messages {
            self.take_messages();
        }
        self.look_at_name();
        Ok(())
    }

    fn send_all(&mut self) {
        while let Some(outgoing) = self.responder.poll(now()) {
            self.send(&outgoing);
        }
    }

    fn send(&self, outgoing: &Outgoing) {
        let to = match outgoing.to {
            Some(to) => to,
            None => SocketAddrV6::new(GROUP, PORT, 0, outgoing.link),
        };
        // What can't be sent is lost, as on the way: others ask again.
        let _ = sendto(&self.socket, &outgoing.message, SendFlags::empty(), &to);
    }

    fn take_messages(&mut self) {
        let mut buffer = alloc::vec![0; BUFFER];
        for _ in 0..BATCH {
            let received = match receive(&self.socket, &mut buffer, MSG_DONTWAIT) {
                Ok(received) => received,
                // An error of an earlier message (port unreachable) is no reason to stop.
                Err(Errno::AGAIN) => return,
                Err(_) => continue,
            };
            let control = received.control();
            let Some(info) = control.find(IPV6, IPV6_PKTINFO) else { continue };
            // `struct in6_pktinfo`: address, then interface.
            let to: Option<[u8; 16]> = info.first_chunk().copied();
            let (Some(to), Some(link)) = (to, field::u32_at(info, 16)) else { continue };
            let (Some(from), false) = (received.from, received.truncated) else { continue };
            let to_group = Ipv6Addr::from(to) == GROUP;
            let message = buffer.get(..received.length).unwrap_or_default();
            self.responder.received(link, from, to_group, message, now());
        }
    }

    /// Joins and leaves the group, and tells the responder what has changed.
    fn look_at_links(&mut self) -> Result<(), net_tools::netlink::socket::Error> {
        let links = links::ask(&mut self.requests)?;
        for index in self.links.keys().filter(|index| !links.contains_key(index)) {
            // The interface may be gone, and the membership with it.
            let _ = set_ipv6_drop_membership(&self.socket, &GROUP, *index);
            self.responder.set_addresses(*index, alloc::vec::Vec::new(), now());
        }
        for (index, addresses) in &links {
            // A member already: EADDRINUSE. One that came back in the meantime is none.
            let _ = set_ipv6_add_membership(&self.socket, &GROUP, *index);
            self.responder.set_addresses(*index, addresses.clone(), now());
        }
        self.links = links;
        Ok(())
    }

    fn look_at_name(&mut self) {
        if let Some(title) = title(self.options).filter(|title| *title != self.title) {
            self.title = title.clone();
            self.responder.rename(title, now());
        }
    }

    /// Says on standard error what the name is once nobody has objected.
    fn tell(&mut self) {
        if !self.options.verbose || !self.responder.is_settled() {
            return;
        }
        let name = self.responder.name().to_string();
        if self.responder.links().next().is_some() && self.told.as_ref() != Some(&name) {
            rt::eprintln!("mdnsd: this host is {name}");
            self.told = Some(name);
        }
    }
}
