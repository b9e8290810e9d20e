//! The echo service over TCP (RFC 862): what a client sends goes back to it.
//!
//! One process serves all clients, and waits in epoll(7) alone. A client whose data can't go back at
//! once keeps what is left, at most [`PIECE`] bytes, and is not read again until that has gone: who
//! sends without receiving holds up itself only. A client that is idle has no buffer.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use rt::strerror;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_keepalive;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::process::Signal;

use super::options::Serve;
use crate::clock::timespec;
use crate::host::{self, with_zone};
use crate::interrupt;
use crate::socket::failure::Failure;
use crate::socket::stream;

/// The most that is received at once, bytes.
const PIECE: usize = 64 * 1024;
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;
/// How many events are taken at once.
const EVENTS: usize = 64;
/// Stands for the listener among the clients' numbers.
const LISTENER: u64 = u64::MAX;

/// A connection.
struct Client {
    socket: OwnedFd,
    /// For messages: `::1 port 4711`.
    name: String,
    /// What is still to be sent back, and how much of it has been.
    rest: Vec<u8>,
    sent: usize,
    /// Count of bytes sent back.
    returned: u64,
}

/// What becomes of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It is read when something comes.
    Receive,
    /// It first has to take what is its own.
    Send,
    /// It has sent all, and got it back.
    Ended,
}

impl Client {
    /// Moves what can be moved now.
    fn serve(&mut self, buffer: &mut [u8]) -> Result<Next, Errno> {
        if self.sent < self.rest.len() {
            let rest = self.rest.get(self.sent..).unwrap_or_default();
            self.sent += attempt(send(&self.socket, rest, SendFlags::NOSIGNAL))?.unwrap_or(0);
            if self.sent < self.rest.len() {
                return Ok(Next::Send);
            }
            self.returned += self.rest.len() as u64;
            self.rest = Vec::new();
            self.sent = 0;
        }
        let received = recv(&self.socket, &mut *buffer, RecvFlags::empty());
        let Some(length) = attempt(received.map(|(length, _)| length))? else {
            return Ok(Next::Receive);
        };
        if length == 0 {
            return Ok(Next::Ended);
        }
        let data = buffer.get(..length).unwrap_or_default();
        let sent = attempt(send(&self.socket, data, SendFlags::NOSIGNAL))?.unwrap_or(0);
        match data.get(sent..) {
            Some(rest) if !rest.is_empty() => {
                self.returned += sent as u64;
                self.rest = rest.to_vec();
                Ok(Next::Send)
            }
            _ => {
                self.returned += length as u64;
                Ok(Next::Receive)
            }
        }
    }
}

/// `None` for a call that would have to wait.
fn attempt(result: Result<usize, Errno>) -> Result<Option<usize>, Errno> {
    match result {
        Ok(length) => Ok(Some(length)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// The service.
struct Server<'a> {
    options: &'a Serve,
    epoll: OwnedFd,
    listener: OwnedFd,
    /// Whether the listener is watched: not while there is no room for another client.
    accepts: bool,
    clients: BTreeMap<u64, Client>,
    /// Count of connections so far.
    connections: u64,
    /// Count of bytes sent back on connections that are over.
    returned: u64,
    /// Count of connections that broke.
    broken: u64,
}

fn events_of(next: Next) -> EventFlags {
    if next == Next::Send { EventFlags::OUT } else { EventFlags::IN }
}

impl Server<'_> {
    fn watch_listener(&mut self) -> Result<(), Failure> {
        let data = EventData::new_u64(LISTENER);
        epoll::add(&self.epoll, &self.listener, data, EventFlags::IN)
            .map_err(Failure::of("epoll_ctl"))?;
        self.accepts = true;
        Ok(())
    }

    /// Takes all connections that wait.
    fn accept(&mut self) -> Result<(), Failure> {
        loop {
            let (socket, peer) = match stream::accept(&self.listener) {
                Ok(accepted) => accepted,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                // They wait until a client leaves.
                Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
                    if !self.clients.is_empty() =>
                {
                    rt::warn!("accept: {}", strerror(errno));
                    self.accepts = false;
                    return epoll::delete(&self.epoll, &self.listener)
                        .map_err(Failure::of("epoll_ctl"));
                }
                Err(errno) => return Err(Failure::of("accept")(errno)),
            };
            // A client that vanished without a word is found out some time.
            let _ = set_socket_keepalive(&socket, true);
            let name = peer.map(|peer| format!("{} port {}", with_zone(&peer), peer.port()));
            let name = name.unwrap_or_default();
            let data = EventData::new_u64(self.connections);
            if let Err(errno) = epoll::add(&self.epoll, &socket, data, EventFlags::IN) {
                rt::warn!("{name}: {}", strerror(errno));
                continue;
            }
            if !self.options.quiet {
                rt::println!("connection from {name}");
                rt::output::flush();
            }
            let client = Client { socket, name, rest: Vec::new(), sent: 0, returned: 0 };
            self.clients.insert(self.connections, client);
            self.connections += 1;
        }
    }

    fn serve(&mut self, number: u64, buffer: &mut [u8]) -> Result<(), Failure> {
        let Some(client) = self.clients.get_mut(&number) else { return Ok(()) };
        let before = if client.rest.is_empty() { Next::Receive } else { Next::Send };
        match client.serve(buffer) {
            Ok(Next::Ended) => self.leave(number, None),
            Ok(next) if next == before => Ok(()),
            Ok(next) => {
                let data = EventData::new_u64(number);
                match epoll::modify(&self.epoll, &client.socket, data, events_of(next)) {
                    Ok(()) => Ok(()),
                    Err(errno) => self.leave(number, Some(errno)),
                }
            }
            Err(errno) => self.leave(number, Some(errno)),
        }
    }

    /// Closes a client's connection, which also takes it from the epoll set.
    fn leave(&mut self, number: u64, error: Option<Errno>) -> Result<(), Failure> {
        let Some(client) = self.clients.remove(&number) else { return Ok(()) };
        let returned = client.returned + client.sent as u64;
        self.returned += returned;
        self.broken += u64::from(error.is_some());
        if !self.options.quiet {
            match error {
                None => rt::println!("{}: {returned} bytes returned", client.name),
                Some(errno) => rt::println!(
                    "{}: {returned} bytes returned, then: {}",
                    client.name,
                    strerror(errno)
                ),
            }
            rt::output::flush();
        }
        drop(client);
        if self.accepts { Ok(()) } else { self.watch_listener() }
    }

    fn run(&mut self) -> Result<(), Failure> {
        let mut buffer = vec![0; PIECE];
        let mut events = Vec::with_capacity(EVENTS);
        let timeout = timespec(interrupt::LONGEST_WAIT);
        while !interrupt::came() {
            events.clear();
            let room = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.epoll, room, Some(&timeout)) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(Failure::of("epoll_wait")(errno)),
            }
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    number => self.serve(number, &mut buffer)?,
                }
            }
        }
        Ok(())
    }
}

/// Serves until a signal ends it.
pub fn run(options: &Serve) -> Result<u8, String> {
    let mut address = match &options.address {
        Some(host) => host::resolve(host).map_err(|error| format!("{host}: {error}"))?,
        None => SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0),
    };
    address.set_port(options.port);
    let failed = |failure: Failure| format!("{failure}");
    let listener = stream::listener(&address, BACKLOG).map_err(failed)?;
    interrupt::note(&[Signal::INT, Signal::TERM])
        .map_err(Failure::of("sigaction"))
        .map_err(failed)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
        .map_err(Failure::of("epoll_create1"))
        .map_err(failed)?;
    let mut server = Server {
        options,
        epoll,
        listener,
        accepts: false,
        clients: BTreeMap::new(),
        connections: 0,
        returned: 0,
        broken: 0,
    };
    server.watch_listener().map_err(failed)?;
    rt::println!("listening on {} port {}", with_zone(&address), options.port);
    rt::output::flush();
    server.run().map_err(failed)?;
    let open = server.clients.values().map(|client| client.returned + client.sent as u64);
    let returned = server.returned + open.sum::<u64>();
    let Server { connections, broken, .. } = server;
    rt::println!("\n{connections} connections, {returned} bytes returned, {broken} broken");
    Ok(0)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;

    use rustix::fd::OwnedFd;
    use rustix::io::Errno;
    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, recv, send,
        shutdown, socketpair,
    };

    use super::{Client, Next, PIECE};

    /// A client as the server has it, and the client's own end.
    fn client() -> (Client, OwnedFd) {
        let (near, far) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::NONBLOCK, None)
                .unwrap();
        let (name, rest) = (String::new(), Vec::new());
        (Client { socket: near, name, rest, sent: 0, returned: 0 }, far)
    }

    #[test]
    fn what_comes_goes_back() {
        let (mut client, far) = client();
        let mut buffer = vec![0; PIECE];
        assert_eq!(client.serve(&mut buffer), Ok(Next::Receive));
        send(&far, b"hello", SendFlags::empty()).unwrap();
        shutdown(&far, Shutdown::Write).unwrap();
        assert_eq!(client.serve(&mut buffer), Ok(Next::Receive));
        assert_eq!(client.serve(&mut buffer), Ok(Next::Ended));
        assert_eq!(client.returned, 5);
        let mut answer = [0; 9];
        assert_eq!(recv(&far, &mut answer, RecvFlags::empty()).unwrap().0, 5);
        assert_eq!(&answer[..5], b"hello");
    }

    #[test]
    fn a_client_that_does_not_receive_is_not_read() {
        let (mut client, far) = client();
        let mut buffer = vec![0; PIECE];
        let data: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        let mut sent = 0;
        // Until both sockets are full and the server holds what it has read.
        loop {
            let next = client.serve(&mut buffer).unwrap();
            let more = data.iter().cycle().skip(sent % data.len()).take(1000).copied();
            let more: Vec<u8> = more.collect();
            match send(&far, &more, SendFlags::NOSIGNAL) {
                Ok(length) => sent += length,
                Err(Errno::AGAIN) if next == Next::Send => break,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(!client.rest.is_empty() && client.rest.len() <= PIECE);
        // Once it receives, all comes back, in order.
        let mut received = Vec::new();
        while received.len() < sent {
            client.serve(&mut buffer).unwrap();
            let mut part = vec![0; PIECE];
            if let Ok((length, _)) = recv(&far, part.as_mut_slice(), RecvFlags::empty()) {
                received.extend_from_slice(&part[..length]);
            }
        }
        let expected: Vec<u8> = data.iter().cycle().take(sent).copied().collect();
        assert!(received == expected);
        assert_eq!(client.serve(&mut buffer), Ok(Next::Receive));
        assert!(client.rest.is_empty());
    }
}
