//! A node that runs smoltcp and has one TCP connection: it connects, or waits for somebody who
//! does.

use crate::audit::Identity;
use crate::foreign_stack::ForeignStack;
use crate::network::Node;
use crate::tcp_stream::{Read, Stream};
use net::netif::MacAddress;
use net::time::Instant;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;
use smoltcp::wire::IpAddress;
use std::net::Ipv6Addr;

/// What its socket is set to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ForeignOptions {
    /// Octets of its receive buffer.
    pub receive_buffer: usize,
    /// Octets of its send buffer.
    pub send_buffer: usize,
    /// Short segments wait for acknowledgments.
    pub nagle: bool,
    /// Acknowledgments wait for more data.
    pub delayed_ack: bool,
    /// It offers timestamps.
    pub timestamps: bool,
}

impl Default for ForeignOptions {
    fn default() -> Self {
        let buffer = 32 * 1024;
        Self {
            receive_buffer: buffer,
            send_buffer: buffer,
            nagle: true,
            delayed_ack: true,
            timestamps: false,
        }
    }
}

/// The node.
pub struct TcpForeign {
    stack: ForeignStack,
    socket: SocketHandle,
}

impl TcpForeign {
    /// A node with this address, on a subnet of 64 bits.
    ///
    /// # Panics
    /// When smoltcp takes no address.
    pub fn new(mac: MacAddress, address: Ipv6Addr, seed: u64) -> Self {
        Self::with_options(mac, address, seed, ForeignOptions::default())
    }

    /// The same, with other options.
    ///
    /// # Panics
    /// When smoltcp takes no address.
    pub fn with_options(
        mac: MacAddress,
        address: Ipv6Addr,
        seed: u64,
        options: ForeignOptions,
    ) -> Self {
        let mut stack = ForeignStack::new(mac, &[address], seed);
        let buffer = |len| tcp::SocketBuffer::new(vec![0; len]);
        TICKS.set(0);
        let (receive, send) = (buffer(options.receive_buffer), buffer(options.send_buffer));
        let mut socket = tcp::Socket::new(receive, send);
        socket.set_nagle_enabled(options.nagle);
        socket.set_ack_delay(options.delayed_ack.then(|| smoltcp::time::Duration::from_millis(10)));
        // Any clock will do (RFC 7323, Section 4.1); this one counts segments.
        socket.set_tsval_generator(options.timestamps.then_some(tick));
        let socket = stack.sockets.add(socket);
        Self { stack, socket }
    }

    /// Waits for a connection.
    ///
    /// # Panics
    /// When it has one.
    pub fn listen(&mut self, port: u16) {
        self.socket().listen(port).expect("the socket is closed");
        self.stack.due = true;
    }

    /// Begins to connect.
    ///
    /// # Panics
    /// When it has a connection.
    pub fn connect(&mut self, to: (Ipv6Addr, u16), from: u16) {
        let ForeignStack { interface, sockets, .. } = &mut self.stack;
        let socket = sockets.get_mut::<tcp::Socket<'_>>(self.socket);
        let remote = (IpAddress::Ipv6(to.0), to.1);
        socket.connect(interface.context(), remote, from).expect("the socket is closed");
        self.stack.due = true;
    }

    /// The state of its socket.
    pub fn state(&mut self) -> tcp::State {
        self.socket().state()
    }

    fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.stack.sockets.get_mut(self.socket)
    }
}

impl Stream for TcpForeign {
    fn is_open(&mut self, _now: Instant) -> bool {
        self.socket().may_send()
    }

    fn try_write(&mut self, data: &[u8], _now: Instant) -> Option<usize> {
        let count = self.socket().send_slice(data).ok()?;
        self.stack.due |= count > 0;
        Some(count)
    }

    fn read(&mut self, most: usize, _now: Instant) -> Read {
        let mut data = vec![0; most];
        match self.socket().recv_slice(&mut data) {
            Ok(0) if self.socket().may_recv() => Read::Nothing,
            Ok(0) | Err(tcp::RecvError::Finished) => Read::End,
            Ok(count) => {
                self.stack.due = true;
                data.truncate(count);
                Read::Data(data)
            }
            Err(tcp::RecvError::InvalidState) => Read::Reset,
        }
    }

    fn finish(&mut self, _now: Instant) {
        self.socket().close();
        self.stack.due = true;
    }

    fn shut_receiving_down(&mut self, _now: Instant) {
        // It has no such call; its program just does not read.
    }

    fn abort(&mut self, _now: Instant) {
        self.socket().abort();
        self.stack.due = true;
    }

    fn close(&mut self, _now: Instant) {
        // It does not know of sockets without a user: one that is not over is reset.
        if self.socket().can_recv() || self.socket().may_recv() || self.socket().may_send() {
            self.socket().abort();
        }
        self.stack.due = true;
    }

    fn is_gone(&mut self, _now: Instant) -> bool {
        matches!(self.socket().state(), tcp::State::Closed | tcp::State::TimeWait)
    }
}

std::thread_local! {
    static TICKS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

fn tick() -> u32 {
    TICKS.set(TICKS.get().wrapping_add(1));
    TICKS.get()
}

impl Node for TcpForeign {
    fn receive(&mut self, frame: &[u8], now: Instant) {
        self.stack.receive(frame);
        self.stack.poll(now);
    }

    fn transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        self.stack.transmit()
    }

    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        self.stack.deadline(now)
    }

    fn wake(&mut self, now: Instant) {
        self.stack.poll(now);
    }

    fn set_link(&mut self, _up: bool, _now: Instant) {}

    fn identity(&self) -> Option<Identity> {
        None
    }
}
