//! A socket on which one question goes to one server.

use alloc::vec::Vec;
use core::net::SocketAddrV6;

use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use rustix::net::{RecvFlags, SendFlags, SocketType, connect, recv, send};

use super::open;
use crate::exchange::{Ask, Exchange, Failure, Transport};
use crate::frame::{Reader, frame};

/// Why there is no socket.
pub(super) enum Refusal {
    /// This host has none left.
    Here(Errno),
    /// The server can't be reached.
    There(Errno),
}

/// The socket; it is connected, so the kernel takes packets from the server only.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) server: usize,
    address: SocketAddrV6,
    socket: OwnedFd,
    transport: Transport,
    /// What is still to be sent of a stream.
    unsent: Vec<u8>,
    reader: Reader,
}

impl Connection {
    /// Opens a socket and begins to ask.
    pub(super) fn open(ask: &Ask<'_>) -> Result<Self, Refusal> {
        let kind = match ask.transport {
            Transport::Datagram => SocketType::DGRAM,
            Transport::Stream => SocketType::STREAM,
        };
        let mut connection = Self {
            server: ask.server,
            address: ask.address,
            socket: open(kind).map_err(Refusal::Here)?,
            transport: ask.transport,
            unsent: Vec::new(),
            reader: Reader::default(),
        };
        match connect(&connection.socket, &ask.address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(errno) => return Err(Refusal::There(errno)),
        }
        match ask.transport {
            Transport::Datagram => {
                let sent = send(&connection.socket, ask.message, SendFlags::NOSIGNAL);
                sent.map_err(Refusal::There)?;
            }
            Transport::Stream => connection.unsent = frame(ask.message).unwrap_or_default(),
        }
        Ok(connection)
    }

    /// What to wait for.
    pub(super) fn wanted(&self) -> PollFd<'_> {
        let flags = if self.unsent.is_empty() { PollFlags::IN } else { PollFlags::OUT };
        PollFd::new(&self.socket, flags)
    }

    /// Does what can be done without waiting; false when the socket is of no more use.
    pub(super) fn advance(&mut self, exchange: &mut Exchange, buffer: &mut [u8]) -> bool {
        match self.step(exchange, buffer) {
            Ok(more) => more,
            Err(Errno::AGAIN | Errno::INTR) => true,
            Err(errno) => {
                exchange.failed(self.server, Failure::Unreachable(errno));
                false
            }
        }
    }

    fn step(&mut self, exchange: &mut Exchange, buffer: &mut [u8]) -> Result<bool, Errno> {
        if !self.unsent.is_empty() {
            socket_error(&self.socket)??;
            let sent = send(&self.socket, &self.unsent, SendFlags::NOSIGNAL)?;
            self.unsent.drain(..sent.min(self.unsent.len()));
            return Ok(true);
        }
        let (_, length) = recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT)?;
        let bytes = buffer.get(..length).unwrap_or_default();
        match self.transport {
            Transport::Datagram => {
                exchange.received(self.server, self.transport, self.address, bytes);
                Ok(true)
            }
            // The end came before the message.
            Transport::Stream if bytes.is_empty() => Err(Errno::CONNRESET),
            Transport::Stream => {
                let Some(message) = self.reader.take(bytes) else { return Ok(true) };
                exchange.received(self.server, self.transport, self.address, message);
                Ok(false)
            }
        }
    }
}
