//! A node that runs smoltcp and has one TCP connection: it connects, or waits for somebody who
//! does.

use crate::audit::Identity;
use crate::network::Node;
use crate::tcp_stream::{Read, Stream};
use net::netif::MacAddress;
use net::time::Instant;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::Instant as SmoltcpInstant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use std::collections::VecDeque;
use std::net::Ipv6Addr;

/// Octets that a frame holds.
const FRAME: usize = 1514;

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
    queues: Queues,
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    due: bool,
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
        let mut queues = Queues::default();
        let mut config = Config::new(EthernetAddress(mac.0).into());
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut queues, SmoltcpInstant::ZERO);
        interface.update_ip_addrs(|list| {
            list.push(IpCidr::new(IpAddress::Ipv6(address), 64)).expect("there is room");
        });
        let mut sockets = SocketSet::new(Vec::new());
        let buffer = |len| tcp::SocketBuffer::new(vec![0; len]);
        TICKS.set(0);
        let (receive, send) = (buffer(options.receive_buffer), buffer(options.send_buffer));
        let mut socket = tcp::Socket::new(receive, send);
        socket.set_nagle_enabled(options.nagle);
        socket.set_ack_delay(options.delayed_ack.then(|| smoltcp::time::Duration::from_millis(10)));
        // Any clock will do (RFC 7323, Section 4.1); this one counts segments.
        socket.set_tsval_generator(options.timestamps.then_some(tick));
        let socket = sockets.add(socket);
        Self { queues, interface, sockets, socket, due: true }
    }

    /// Waits for a connection.
    ///
    /// # Panics
    /// When it has one.
    pub fn listen(&mut self, port: u16) {
        self.socket().listen(port).expect("the socket is closed");
        self.due = true;
    }

    /// Begins to connect.
    ///
    /// # Panics
    /// When it has a connection.
    pub fn connect(&mut self, to: (Ipv6Addr, u16), from: u16) {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.socket);
        let remote = (IpAddress::Ipv6(to.0), to.1);
        socket.connect(self.interface.context(), remote, from).expect("the socket is closed");
        self.due = true;
    }

    /// The state of its socket.
    pub fn state(&mut self) -> tcp::State {
        self.socket().state()
    }

    fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.socket)
    }

    fn poll(&mut self, now: Instant) {
        self.due = false;
        self.interface.poll(time(now), &mut self.queues, &mut self.sockets);
    }
}

impl Stream for TcpForeign {
    fn is_open(&mut self, _now: Instant) -> bool {
        self.socket().may_send()
    }

    fn try_write(&mut self, data: &[u8], _now: Instant) -> Option<usize> {
        let count = self.socket().send_slice(data).ok()?;
        self.due |= count > 0;
        Some(count)
    }

    fn read(&mut self, most: usize, _now: Instant) -> Read {
        let mut data = vec![0; most];
        match self.socket().recv_slice(&mut data) {
            Ok(0) if self.socket().may_recv() => Read::Nothing,
            Ok(0) | Err(tcp::RecvError::Finished) => Read::End,
            Ok(count) => {
                self.due = true;
                data.truncate(count);
                Read::Data(data)
            }
            Err(tcp::RecvError::InvalidState) => Read::Reset,
        }
    }

    fn finish(&mut self, _now: Instant) {
        self.socket().close();
        self.due = true;
    }

    fn shut_receiving_down(&mut self, _now: Instant) {
        // It has no such call; its program just does not read.
    }

    fn abort(&mut self, _now: Instant) {
        self.socket().abort();
        self.due = true;
    }

    fn close(&mut self, _now: Instant) {
        // It does not know of sockets without a user: one that is not over is reset.
        if self.socket().can_recv() || self.socket().may_recv() || self.socket().may_send() {
            self.socket().abort();
        }
        self.due = true;
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

fn time(now: Instant) -> SmoltcpInstant {
    SmoltcpInstant::from_micros((now.as_nanos() / 1000) as i64)
}

impl Node for TcpForeign {
    fn receive(&mut self, frame: &[u8], now: Instant) {
        self.queues.received.push_back(frame.to_vec());
        self.poll(now);
    }

    fn transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        self.queues.sent.pop_front()
    }

    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        if self.due {
            return Some(now);
        }
        let at = self.interface.poll_at(time(now), &self.sockets)?;
        // Rounded up: polled too early, smoltcp has nothing to do yet.
        let micros = u64::try_from(at.total_micros()).unwrap_or(0);
        Some(Instant::from_nanos(micros * 1000).max(now))
    }

    fn wake(&mut self, now: Instant) {
        self.poll(now);
    }

    fn set_link(&mut self, _up: bool, _now: Instant) {}

    fn identity(&self) -> Option<Identity> {
        None
    }
}

/// The wire as smoltcp sees it.
#[derive(Default)]
struct Queues {
    received: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

struct Received(Vec<u8>);
struct Sending<'a>(&'a mut VecDeque<Vec<u8>>);

impl Device for Queues {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _now: SmoltcpInstant) -> Option<(Received, Sending<'_>)> {
        let frame = self.received.pop_front()?;
        Some((Received(frame), Sending(&mut self.sent)))
    }

    fn transmit(&mut self, _now: SmoltcpInstant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}
