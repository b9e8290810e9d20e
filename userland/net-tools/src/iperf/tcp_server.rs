//! The TCP server: receives what clients send, sends to those that want it the other way round.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{SocketFlags, SocketType, acceptfrom_with, listen};

use super::flow::{Buffers, Flow};
use super::group::{Group, sleep};
use super::options::Options;
use super::report;
use super::socket::{buffer_size, failed, local_address, open, path};
use super::units::Format;
use crate::clock::now;
use crate::interrupt::{self, LONGEST_WAIT};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;

/// Who the streams are from.
struct Client {
    address: Ipv6Addr,
    group: Group,
    /// Both ends of the streams by number: local, peer.
    ends: Vec<(usize, SocketAddrV6, SocketAddrV6)>,
}

/// A server.
struct Server<'a> {
    options: &'a Options,
    socket: OwnedFd,
    clients: Vec<Client>,
    /// Count of streams accepted.
    accepted: usize,
}

impl Server<'_> {
    /// Whether no more streams are taken.
    fn is_closing(&self) -> bool {
        self.options.streams.is_some_and(|most| self.accepted >= most)
    }

    /// Takes the connections that wait.
    fn accept(&mut self) -> Result<(), String> {
        while !self.is_closing() {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let (socket, peer) = match acceptfrom_with(&self.socket, flags) {
                Ok((socket, Some(peer))) => (socket, peer),
                Ok((_, None)) | Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(Errno::AGAIN) => break,
                Err(errno) => return Err(failed("accept")(errno)),
            };
            let peer = SocketAddrV6::try_from(peer).map_err(failed("accept"))?;
            let local = local_address(&socket)?;
            self.accepted += 1;
            let flow = Flow::serve(self.accepted, socket);
            let address = *peer.ip();
            let known = self.clients.iter_mut().find(|client| client.address == address);
            let ends = (self.accepted, local, peer);
            if let Some(client) = known {
                client.group.flows.push(flow);
                client.ends.push(ends);
            } else {
                let mut group = Group::new(self.options, now());
                group.flows.push(flow);
                self.clients.push(Client { address, group, ends: [ends].into() });
            }
        }
        Ok(())
    }

    /// A step of every stream; whether there is more to do, and how long there is not.
    fn round(&mut self, buffers: &mut Buffers) -> (bool, u64) {
        let mut busy = false;
        let mut wait = LONGEST_WAIT;
        for Client { group, ends, .. } in &mut self.clients {
            let round = group.round(buffers, |flow, test| {
                let ends = ends.iter().find(|(number, ..)| *number == flow.number);
                if let Some((number, local, peer)) = ends {
                    let path = path(&flow.socket);
                    report::print(&report::connected(*number, local, peer, test.reverse, path));
                }
            });
            busy |= round.busy;
            wait = wait.min(round.wait);
        }
        self.clients.retain(|client| !client.group.is_finished());
        (busy, wait)
    }
}

/// Serves until a signal comes, or until as many streams as `-P` says are over.
pub fn run(options: &Options) -> Result<(), String> {
    let socket = open(options, SocketType::STREAM, true)?;
    rustix::io::ioctl_fionbio(&socket, true).map_err(failed("ioctl"))?;
    listen(&socket, BACKLOG).map_err(failed("listen"))?;
    let mut lines = Vec::from([format!("Server listening on TCP port {}", options.port)]);
    lines.extend(options.bind.iter().map(|host| format!("Binding to local address {host}")));
    if options.enhanced {
        let octets = |count: usize| super::units::bytes(count as u64, Format::Bits);
        let (all, bin) = (octets(options.length), octets(options.length / 8));
        lines.push(format!("Read buffer size: {all} (Dist bin width={bin})"));
    }
    let size = buffer_size(&socket, true);
    lines.push(report::buffer_size("TCP window size", size, options.window));
    report::preamble(&lines);
    let mut server = Server { options, socket, clients: Vec::new(), accepted: 0 };
    let mut buffers = Buffers::new(options.length);
    while !interrupt::came() {
        if server.is_closing() && server.clients.is_empty() {
            break;
        }
        let (busy, wait) = server.round(&mut buffers);
        let mut list = Vec::new();
        if !server.is_closing() {
            list.push(PollFd::new(&server.socket, PollFlags::IN));
        }
        if !busy {
            for client in &server.clients {
                client.group.wanted(&mut list);
            }
        }
        sleep(&mut list, if busy { 0 } else { wait }).map_err(failed("poll"))?;
        let ready = list.first().is_some_and(|entry| entry.revents().contains(PollFlags::IN));
        drop(list);
        if ready && !server.is_closing() {
            server.accept()?;
        }
    }
    for client in &mut server.clients {
        client.group.abandon();
    }
    Ok(())
}
