//! smoltcp as a [`Host`].

use crate::block::{Block, Pool};
use crate::host::{Host, Setup, address_of, link_local_of, mac_of};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use net::buffer::{BufferPool, PacketBuffer};
use net::time::{Duration, Instant};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant as SmoltcpInstant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint, UdpPacket};

/// Octets that a frame holds.
const FRAME: usize = 1514;
/// Octets of a connection's buffers when the benchmark does not say: what a program that knows
/// nothing of the path would have to give, twice the product of 100 Mbit/s and 20 ms.
const BUFFER: usize = 512 * 1024;
#[cfg(feature = "std")]
const CONGESTION: tcp::CongestionControl = tcp::CongestionControl::Cubic;
#[cfg(not(feature = "std"))]
const CONGESTION: tcp::CongestionControl = tcp::CongestionControl::Reno;
/// Octets of a UDP socket's buffers.
const DATAGRAMS: usize = 4096;

/// How soon it is polled again when it says "now" right after a poll.
const SPIN: Duration = Duration::from_micros(100);

/// A host that runs it.
pub struct Smoltcp {
    wire: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    /// Sockets that wait for a connection, and the port.
    listening: Vec<(u16, SocketHandle)>,
    /// Sockets that were closed; they serve again when they are done.
    closing: Vec<SocketHandle>,
    buffer: usize,
    next_port: u16,
    due: bool,
}

fn time(now: Instant) -> SmoltcpInstant {
    SmoltcpInstant::from_micros((now.as_nanos() / 1000) as i64)
}

impl Smoltcp {
    /// A socket that is not in use.
    fn socket(&mut self) -> SocketHandle {
        let sockets = &self.sockets;
        let free = self
            .closing
            .iter()
            .position(|&handle| !sockets.get::<tcp::Socket<'_>>(handle).is_open());
        if let Some(position) = free {
            return self.closing.swap_remove(position);
        }
        let buffer = || tcp::SocketBuffer::new(vec![0; self.buffer]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_congestion_control(CONGESTION);
        self.sockets.add(socket)
    }

    fn listen_once(&mut self, port: u16) {
        let handle = self.socket();
        self.tcp(handle).listen(port).expect("the socket is closed");
        self.listening.push((port, handle));
    }

    fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }
}

impl Host for Smoltcp {
    const NAME: &'static str = "smoltcp";
    type Stream = SocketHandle;
    type Datagrams = SocketHandle;

    fn new(setup: &Setup) -> Self {
        let pool = setup.pool.clone();
        let mut wire = Wire { pool, received: VecDeque::new(), sent: VecDeque::new() };
        let mut config = Config::new(EthernetAddress(mac_of(setup.station).0).into());
        config.random_seed = setup.seed;
        config.slaac = true;
        let mut interface = Interface::new(config, &mut wire, SmoltcpInstant::ZERO);
        interface.update_ip_addrs(|list| {
            for address in [address_of(setup.station), link_local_of(setup.station)] {
                list.push(IpCidr::new(IpAddress::Ipv6(address), 64)).expect("there is room");
            }
        });
        Self {
            wire,
            interface,
            sockets: SocketSet::new(Vec::new()),
            listening: Vec::new(),
            closing: Vec::new(),
            buffer: setup.buffer.unwrap_or(BUFFER),
            next_port: 49_152,
            due: true,
        }
    }

    fn receive(&mut self, frame: Block, _now: Instant) {
        self.wire.received.push_back(frame);
        self.due = true;
    }

    fn poll(&mut self, now: Instant) {
        self.due = false;
        self.interface.poll(time(now), &mut self.wire, &mut self.sockets);
    }

    fn transmit(&mut self) -> Option<Block> {
        self.wire.sent.pop_front()
    }

    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        if self.due {
            return Some(now);
        }
        let at = self.interface.poll_at(time(now), &self.sockets)?;
        let micros = u64::try_from(at.total_micros()).unwrap_or(0);
        let at = Instant::from_nanos(micros * 1000);
        // It has just been polled. When a window holds data back, it wants to be polled without
        // a break all the same.
        Some(if at <= now { now + SPIN } else { at })
    }

    fn listen(&mut self, port: u16, count: usize) {
        for _ in 0..count {
            self.listen_once(port);
        }
    }

    fn accept(&mut self, port: u16) -> Option<SocketHandle> {
        let sockets = &self.sockets;
        let position = self.listening.iter().position(|&(listening, handle)| {
            listening == port && sockets.get::<tcp::Socket<'_>>(handle).may_send()
        })?;
        let (_, handle) = self.listening.swap_remove(position);
        self.listen_once(port);
        Some(handle)
    }

    fn connect(&mut self, (address, port): (Ipv6Addr, u16), _now: Instant) -> SocketHandle {
        let handle = self.socket();
        let from = self.next_port;
        self.next_port = self.next_port.checked_add(1).unwrap_or(49_152);
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(handle);
        socket
            .connect(self.interface.context(), (IpAddress::Ipv6(address), port), from)
            .expect("the socket is closed");
        self.due = true;
        handle
    }

    fn is_open(&mut self, stream: SocketHandle) -> bool {
        self.tcp(stream).may_send()
    }

    fn write(&mut self, stream: SocketHandle, data: &[u8], _now: Instant) -> usize {
        let count = self.tcp(stream).send_slice(data).unwrap_or(0);
        self.due |= count > 0;
        count
    }

    fn read(&mut self, stream: SocketHandle, data: &mut [u8], _now: Instant) -> usize {
        let count = self.tcp(stream).recv_slice(data).unwrap_or(0);
        self.due |= count > 0;
        count
    }

    fn close(&mut self, stream: SocketHandle, _now: Instant) {
        self.due = true;
        self.tcp(stream).close();
        self.closing.push(stream);
    }

    fn is_finished(&mut self, stream: SocketHandle) -> bool {
        !self.tcp(stream).may_recv()
    }

    fn bind(&mut self, port: u16) -> SocketHandle {
        let buffer =
            || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; DATAGRAMS]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(port).expect("the port is free");
        self.sockets.add(socket)
    }

    fn send_to(
        &mut self,
        socket: SocketHandle,
        (address, port): (Ipv6Addr, u16),
        data: &[u8],
        _now: Instant,
    ) -> bool {
        self.due = true;
        let to = IpEndpoint::new(IpAddress::Ipv6(address), port);
        self.sockets.get_mut::<udp::Socket<'_>>(socket).send_slice(data, to).is_ok()
    }

    fn receive_from(
        &mut self,
        socket: SocketHandle,
        data: &mut [u8],
    ) -> Option<(usize, (Ipv6Addr, u16))> {
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(socket);
        let (count, from) = socket.recv_slice(data).ok()?;
        let IpAddress::Ipv6(address) = from.endpoint.addr;
        Some((count, (address, from.endpoint.port)))
    }

    fn verify(source: Ipv6Addr, destination: Ipv6Addr, datagram: &[u8]) -> bool {
        let addresses = (IpAddress::Ipv6(source), IpAddress::Ipv6(destination));
        UdpPacket::new_unchecked(datagram).verify_checksum(&addresses.0, &addresses.1)
    }
}

/// The wire as smoltcp sees it.
struct Wire {
    pool: Pool,
    received: VecDeque<Block>,
    sent: VecDeque<Block>,
}

struct Received(Block);
struct Sending<'a> {
    pool: &'a mut Pool,
    sent: &'a mut VecDeque<Block>,
}

impl Device for Wire {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _now: SmoltcpInstant) -> Option<(Received, Sending<'_>)> {
        let frame = self.received.pop_front()?;
        Some((Received(frame), Sending { pool: &mut self.pool, sent: &mut self.sent }))
    }

    fn transmit(&mut self, _now: SmoltcpInstant) -> Option<Sending<'_>> {
        Some(Sending { pool: &mut self.pool, sent: &mut self.sent })
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
        f(self.0.data())
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = self.pool.allocate(0).expect("the pool has no end");
        let result = f(frame.append(len).expect("a frame fits a block"));
        self.sent.push_back(frame);
        result
    }
}
