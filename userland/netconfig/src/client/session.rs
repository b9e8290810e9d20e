//! A run of `dhcp6c`: the client without I/O gets a socket, a clock and an interface.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr, SocketAddrV6};

use linux_raw_sys::net::MSG_DONTWAIT;
use linux_raw_sys::netlink::rtnetlink_groups::{RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK};
use linux_raw_sys::netlink::{IFA_F_DADFAILED, RTM_DELLINK, RTM_NEWADDR, RTM_NEWLINK};
use net_tools::clock::now;
use net_tools::ip::address::Address;
use net_tools::ip::link::{Link, RUNNING};
use net_tools::netlink::{Error, Record, RouteSocket};
use net_tools::socket::message::receive;
use rt::process::{Fork, fork, send_signal};
use rt::strerror;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, bind, sendto, socket_with};

use super::interface::Interface;
use super::options::{Options, Task};
use crate::dhcp6::client::{Client, Event, Identity, Purpose};
use crate::dhcp6::duid::{Duid, iaid};
use crate::dhcp6::information::Information;
use crate::dhcp6::lease::{Lease, LeasedAddress};
use crate::dhcp6::{CLIENT_PORT, Random, SERVER_PORT, SERVERS};
use crate::files;
use crate::servers::text::{Server, Text};
use crate::signals::Signals;

/// Where the identifier is kept; a machine without a disk has the same one anyway, for it is made
/// of the interface's address.
const DUID_FILE: &str = "/etc/dhcp6c.duid";
/// The longest message: what one UDP datagram holds.
const LONGEST: usize = 65535;
/// How long `-r` waits for the running client to end, in tenths of a second.
const PATIENCE: u32 = 50;

/// Random numbers of the kernel's.
#[derive(Debug)]
struct Kernel;

impl Random for Kernel {
    fn next(&mut self) -> u32 {
        let mut octets = [0; 4];
        // It has enough of them before programs run; the clock is no worse than giving up.
        match rustix::rand::getrandom(&mut octets, rustix::rand::GetRandomFlags::empty()) {
            Ok(4) => u32::from_ne_bytes(octets),
            _ => now() as u32,
        }
    }
}

/// A run.
#[derive(Debug)]
pub struct Session {
    interface: Interface,
    announcements: RouteSocket,
    signals: Signals,
    client: Client<Kernel>,
    /// Bound to the interface's link-local address, once it has one.
    socket: Option<OwnedFd>,
    /// What the interface has been given.
    applied: Vec<LeasedAddress>,
    told: Information,
    releasing: bool,
    foreground: bool,
}

impl Session {
    /// Prepares a run: one client for each interface.
    pub fn open(options: &Options) -> Result<Self, String> {
        let interface = Interface::find(&options.interface)?;
        let name = &interface.name;
        let pid_file = files::of_client(name, "pid");
        let releasing = options.task == Task::Release;
        if let Some(pid) = files::running(&pid_file, "dhcp6c") {
            if !releasing {
                return Err(format!("{name}: dhcp6c runs already as process {pid}"));
            }
            end_other(pid, &pid_file)?;
        }
        let lease = files::read(&files::of_client(name, "lease"));
        let lease = lease.and_then(|text| Lease::parse(&text));
        let identity = Identity {
            duid: own_duid(&interface.link_address),
            iaid: iaid(name, &interface.link_address),
        };
        let purpose = match options.task {
            Task::Addresses { rapid } => Purpose::Address { rapid },
            Task::Information => Purpose::Information,
            Task::Release => Purpose::Address { rapid: false },
        };
        let mut client = Client::new(identity, purpose, Kernel);
        let mut applied = Vec::new();
        if let Some(lease) = lease.filter(|_| purpose != Purpose::Information) {
            if releasing {
                applied.clone_from(&lease.addresses);
            }
            client.resume(lease, now());
        } else if releasing {
            return Err(format!("{name}: there is nothing to give back"));
        } else {
            client.begin(now());
        }
        if releasing {
            client.release(now());
        }
        if !options.foreground && !releasing {
            detach()?;
        }
        let signals = Signals::note().map_err(|errno| strerror(errno).to_string())?;
        let pid = rustix::process::getpid().as_raw_pid();
        files::replace(&pid_file, &format!("{pid}\n"))
            .map_err(|errno| format!("{pid_file}: {}", strerror(errno)))?;
        let group = |group: u32| 1 << (group - 1);
        let groups = group(RTNLGRP_LINK as u32) | group(RTNLGRP_IPV6_IFADDR as u32);
        let announcements = RouteSocket::open(groups).map_err(|error| error.to_string())?;
        let foreground = options.foreground || releasing;
        Ok(Self {
            interface,
            announcements,
            signals,
            client,
            socket: None,
            applied,
            told: Information::default(),
            releasing,
            foreground,
        })
    }

    /// Goes on until the user, or the release, ends it.
    pub fn run(mut self) -> Result<(), String> {
        let result = self.serve();
        files::remove(&files::of_client(&self.interface.name, "conf"));
        files::tell_daemon();
        files::remove(&files::of_client(&self.interface.name, "pid"));
        result
    }

    fn serve(&mut self) -> Result<(), String> {
        let mut buffer = vec![0; LONGEST];
        loop {
            // A link without carrier, or a tentative address, can't be used yet.
            if self.socket.is_none() {
                self.socket = self.open_socket()?;
            }
            if self.socket.is_some() {
                while let Some(datagram) = self.client.poll(now()) {
                    self.send(&datagram);
                }
            }
            self.apply();
            self.tell();
            if self.signals.stop() || (self.releasing && self.client.is_idle()) {
                return Ok(());
            }
            let deadline = self.socket.as_ref().and_then(|_| self.client.deadline());
            let wait = deadline.map(|deadline| deadline.saturating_sub(now()));
            let mut wanted = vec![PollFd::new(&self.announcements, PollFlags::IN)];
            wanted.extend(self.socket.as_ref().map(|socket| PollFd::new(socket, PollFlags::IN)));
            self.signals.wait(&mut wanted, wait).map_err(|errno| strerror(errno).to_string())?;
            let ready: Vec<bool> = wanted.iter().map(|fd| !fd.revents().is_empty()).collect();
            if ready.first() == Some(&true) && !self.hear()? {
                return Err(format!("{} is gone", self.interface.name));
            }
            if ready.get(1) == Some(&true) {
                self.receive(&mut buffer);
            }
        }
    }

    /// A socket for the interface's link-local address (RFC 8415 section 18.1), if it has one.
    fn open_socket(&mut self) -> Result<Option<OwnedFd>, String> {
        let Some(source) = self.interface.link_local() else { return Ok(None) };
        let flags = SocketFlags::CLOEXEC;
        let open = || -> Result<OwnedFd, Errno> {
            let socket = socket_with(AddressFamily::INET6, SocketType::DGRAM, flags, None)?;
            bind(&socket, &SocketAddrV6::new(source, CLIENT_PORT, 0, self.interface.index))?;
            Ok(socket)
        };
        match open() {
            Ok(socket) => Ok(Some(socket)),
            // It has just been taken away.
            Err(Errno::ADDRNOTAVAIL | Errno::NODEV) => Ok(None),
            Err(errno) => Err(format!("port {CLIENT_PORT}: {}", strerror(errno))),
        }
    }

    fn send(&mut self, datagram: &[u8]) {
        let to = SocketAddrV6::new(SERVERS, SERVER_PORT, 0, self.interface.index);
        let Some(socket) = &self.socket else { return };
        // What could not be sent now is sent again like what was lost. When the address that the
        // socket is bound to is gone, another one may come.
        if let Err(Errno::ADDRNOTAVAIL | Errno::INVAL) =
            sendto(socket, datagram, SendFlags::empty(), &to)
        {
            self.socket = None;
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) {
        let Some(socket) = &self.socket else { return };
        while let Ok(received) = receive(socket, buffer, MSG_DONTWAIT) {
            let from_server = received.from.is_some_and(|from| from.port() == SERVER_PORT);
            if let Some(datagram) = buffer.get(..received.length)
                && from_server
                && !received.truncated
            {
                self.client.receive(datagram, now());
            }
        }
    }

    /// Takes what the kernel announces; returns false when the interface is gone.
    fn hear(&mut self) -> Result<bool, String> {
        let records = match self.announcements.announcements() {
            Ok(records) => records,
            // Some were lost: a look at the interface makes up for them.
            Err(Error::System(_, Errno::NOBUFS)) => {
                let found = Interface::find(&self.interface.name);
                return Ok(found.is_ok_and(|found| found.index == self.interface.index));
            }
            Err(error) => return Err(error.to_string()),
        };
        Ok(records.iter().all(|record| self.hear_record(record)))
    }

    fn hear_record(&mut self, record: &Record) -> bool {
        let kind = u32::from(record.kind);
        if kind == RTM_NEWADDR as u32 {
            let Some(address) = Address::parse(&record.payload) else { return true };
            let failed = address.flags & IFA_F_DADFAILED != 0;
            if let IpAddr::V6(local) = address.local
                && address.index == self.interface.index
                && failed
                && self.applied.iter().any(|leased| leased.address == local)
            {
                self.say(format_args!("{local} belongs to somebody else"));
                self.client.decline(local, now());
            }
        } else if kind == RTM_NEWLINK as u32 || kind == RTM_DELLINK as u32 {
            let Some(link) = Link::parse(&record.payload) else { return true };
            if link.index != self.interface.index {
                return true;
            }
            if kind == RTM_DELLINK as u32 {
                return false;
            }
            let running = link.flags & RUNNING != 0;
            if running && !self.interface.running {
                // It may be another link now.
                self.client.link_changed(now());
            }
            self.interface.running = running;
        }
        true
    }

    /// Gives the interface what the lease has, and takes from it what it has not any more.
    fn apply(&mut self) {
        let leased = self.client.lease().map(|lease| lease.addresses.clone()).unwrap_or_default();
        if leased == self.applied {
            return;
        }
        for old in core::mem::take(&mut self.applied) {
            if !leased.iter().any(|new| new.address == old.address)
                && let Err(error) = self.interface.remove(old.address)
            {
                self.say(format_args!("{}: {error}", old.address));
            }
        }
        let time = now();
        for new in &leased {
            if let Err(error) = self.interface.set(new, time) {
                self.say(format_args!("{}: {error}", new.address));
            }
        }
        self.applied = leased;
        let file = files::of_client(&self.interface.name, "lease");
        match self.client.lease() {
            Some(lease) => {
                if let Err(errno) = files::replace(&file, &lease.text()) {
                    self.say(format_args!("{file}: {}", strerror(errno)));
                }
            }
            None => files::remove(&file),
        }
    }

    /// Tells the user what happened, and the keeper of name servers what is new.
    fn tell(&mut self) {
        for event in self.client.take_events() {
            match event {
                Event::Sent(kind) => self.say(format_args!("sent {kind:?}")),
                Event::Bound => {
                    for leased in &self.applied {
                        self.say(format_args!("has {}", leased.address));
                    }
                }
                Event::Informed => self.say(format_args!("has information")),
                Event::Lost => self.say(format_args!("has no address any more")),
                Event::Refused(status) => self.say(format_args!("a server says {status:?}")),
                Event::Unanswered(kind) => self.say(format_args!("nobody answers {kind:?}")),
                Event::Released => self.say(format_args!("gave its addresses back")),
            }
        }
        let information = self.client.information();
        if *information == self.told {
            return;
        }
        self.told = information.clone();
        for server in &self.told.name_servers {
            self.say(format_args!("name server {server}"));
        }
        for domain in &self.told.domains {
            self.say(format_args!("search {domain}"));
        }
        for server in &self.told.time_servers {
            self.say(format_args!("time server {server}"));
        }
        let zone = |address: &Ipv6Addr| {
            address.is_unicast_link_local().then(|| self.interface.name.clone())
        };
        let servers = self.told.name_servers.iter();
        let text = Text {
            servers: servers.map(|&address| Server { address, zone: zone(&address) }).collect(),
            domains: self.told.domains.clone(),
        };
        let file = files::of_client(&self.interface.name, "conf");
        if let Err(errno) = files::replace(&file, &text.to_string()) {
            self.say(format_args!("{file}: {}", strerror(errno)));
        }
        files::tell_daemon();
    }

    fn say(&self, text: core::fmt::Arguments<'_>) {
        if self.foreground {
            rt::println!("{}: {text}", self.interface.name);
            rt::output::flush();
        }
    }
}

/// Who this machine is: what the file says, else what the interface's address makes of it.
fn own_duid(link_address: &[u8]) -> Duid {
    if let Some(duid) = files::read(DUID_FILE).and_then(|text| Duid::parse(text.trim())) {
        return duid;
    }
    let duid = if let Ok(address) = <[u8; 6]>::try_from(link_address)
        && address != [0; 6]
    {
        Duid::from_ethernet(address)
    } else {
        let mut words = core::iter::repeat_with(|| Kernel.next().to_ne_bytes()).flatten();
        Duid::from_uuid(core::array::from_fn(|_| words.next().unwrap_or(0)))
    };
    // Without the file the next run makes it anew, from the same address in all likelihood.
    let _ = files::replace(DUID_FILE, &format!("{duid}\n"));
    duid
}

/// Ends the client that serves the interface.
fn end_other(pid: i32, pid_file: &str) -> Result<(), String> {
    let failed = |errno| format!("process {pid}: {}", strerror(errno));
    send_signal(pid, rustix::process::Signal::TERM.as_raw()).map_err(failed)?;
    for _ in 0..PATIENCE {
        // The last thing that it does is to remove its file.
        if files::running(pid_file, "dhcp6c") != Some(pid) {
            return Ok(());
        }
        let pause = net_tools::clock::timespec(100_000);
        let _ = rustix::event::poll(&mut [], Some(&pause));
    }
    Err(format!("process {pid} does not end"))
}

/// Goes on in the background.
fn detach() -> Result<(), String> {
    match fork() {
        Ok(Fork::Parent(_)) => rt::exit::exit(rt::ExitCode::SUCCESS),
        Ok(Fork::Child) => {
            // A child is never the leader of a group already.
            let _ = rustix::process::setsid();
            Ok(())
        }
        Err(errno) => Err(format!("fork: {}", strerror(errno))),
    }
}
