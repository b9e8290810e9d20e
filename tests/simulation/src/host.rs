//! A node that runs our stack: one Ethernet interface, an echo service on UDP port 7, and the few
//! calls that scenarios make.

use crate::audit::Identity;
use crate::buffer::{HeapBuffer, HeapPool};
use crate::network::Node;
use crate::random::Seeded;
use crate::tcp_invariants::Invariants;
use crate::tcp_watch::TcpWatch;
use net::address::Prefix;
use net::buffer::{BufferPool, PacketBuffer};
use net::config::Config;
use net::event::Event;
use net::interface::{Interface, InterfaceConfig, InterfaceIndex, InterfaceKind};
use net::manage::NewAddress;
use net::netif::{LinkState, MacAddress};
use net::random::Random;
use net::socket::{
    Payload, ReceiveError, ReceiveMeta, SendOptions, SocketError, SocketId, SocketKind,
};
use net::stack::Stack;
use net::time::Instant;
use net::unicast::{AddressInfo, AddressState};
use net::wire::icmpv6::{Echo, Icmpv6Message};
use std::net::{Ipv6Addr, SocketAddrV6};

/// The port on which it echoes datagrams.
pub const ECHO_PORT: u16 = 7;
/// Packet buffers of a host, as many as the kernel has: all tables full hold fewer, so that there
/// is always one for what arrives.
const BUFFERS: usize = 4096;

impl Random for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.draw().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// The stack as the simulation builds it.
pub type HostStack = Stack<HeapPool, Seeded>;

/// The node.
pub struct Host {
    /// The stack.
    pub stack: Box<HostStack>,
    /// Its interface.
    pub index: InterfaceIndex,
    /// The interface's station.
    pub mac: MacAddress,
    /// Where its packets live.
    pub pool: HeapPool,
    /// What the stack told, socket events aside.
    pub events: Vec<(Instant, Event)>,
    /// Errors that its sockets reported.
    pub errors: Vec<(SocketId, SocketError)>,
    /// Frames that found no free buffer on arrival.
    pub overruns: u64,
    mtu: u16,
    ping: SocketId,
    echo: SocketId,
    /// None where segments are forged: it takes all that arrives for the other side's.
    watch: Option<TcpWatch>,
    invariants: Invariants,
}

impl Host {
    /// A host whose interface is up as soon as it is plugged in.
    pub fn new(mac: MacAddress, config: Config, random: Seeded) -> Self {
        Self::with_mtu(mac, config, random, 1500)
    }

    /// A host on a link of this MTU.
    ///
    /// # Panics
    /// When the stack refuses an interface or a socket.
    pub fn with_mtu(mac: MacAddress, config: Config, random: Seeded, mtu: u16) -> Self {
        let pool = HeapPool::new(BUFFERS);
        let mut stack = Box::new(Stack::new(config, pool.clone(), random));
        let now = Instant::ZERO;
        let loopback = InterfaceConfig { name: "lo", kind: InterfaceKind::Loopback, mtu: 1500 };
        let lo = stack.add_interface(&loopback).expect("there is room for lo");
        stack.set_admin_up(lo, true, now).expect("lo exists");
        let kind = InterfaceKind::Ethernet { mac };
        let ethernet = InterfaceConfig { name: "eth0", kind, mtu };
        let index = stack.add_interface(&ethernet).expect("there is room for eth0");
        stack.set_admin_up(index, true, now).expect("eth0 exists");
        let ping = stack.open_socket(SocketKind::Icmpv6Echo).expect("there is room for sockets");
        let echo = stack.open_socket(SocketKind::Udp).expect("there is room for sockets");
        let any = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, ECHO_PORT, 0, 0);
        stack.bind(echo, any).expect("the echo port is free");
        Self {
            stack,
            index,
            mac,
            pool,
            events: Vec::new(),
            errors: Vec::new(),
            overruns: 0,
            mtu,
            ping,
            echo,
            watch: Some(TcpWatch::default()),
            invariants: Invariants::default(),
        }
    }

    /// The interface's state.
    ///
    /// # Panics
    /// When a test has removed the interface.
    pub fn interface(&self) -> &Interface<HeapBuffer> {
        self.stack.interface(self.index).expect("eth0 exists")
    }

    /// What the stack knows of one of its addresses.
    pub fn address(&self, address: Ipv6Addr) -> Option<AddressInfo> {
        self.interface().addresses().find(|info| info.address == address)
    }

    /// The state of one of its addresses.
    pub fn state(&self, address: Ipv6Addr) -> Option<AddressState> {
        self.address(address).map(|info| info.state)
    }

    /// Its addresses in a prefix that are its own beyond doubt.
    ///
    /// # Panics
    /// When `prefix` is no prefix.
    pub fn assigned(&self, prefix: &str) -> Vec<Ipv6Addr> {
        let prefix: Prefix = prefix.parse().expect("a prefix is written address/length");
        self.interface()
            .addresses()
            .filter(|info| prefix.contains(info.address))
            .filter(|info| matches!(info.state, AddressState::Preferred | AddressState::Deprecated))
            .map(|info| info.address)
            .collect()
    }

    /// A socket address, with the zone that it needs here.
    pub fn socket_address(&self, address: Ipv6Addr, port: u16) -> SocketAddrV6 {
        use net::address::AddressExt;
        let zone = if address.needs_zone() { self.index.get() } else { 0 };
        SocketAddrV6::new(address, port, 0, zone)
    }

    /// Adds an address as a user would, with an infinite lifetime.
    ///
    /// # Panics
    /// When the stack refuses it.
    pub fn add_address(&mut self, address: Ipv6Addr, prefix_length: u8, now: Instant) {
        let new = NewAddress {
            address,
            prefix_length,
            preferred_lifetime: u32::MAX,
            valid_lifetime: u32::MAX,
            no_duplicate_detection: false,
            no_prefix_route: false,
        };
        self.stack.add_address(self.index, &new, false, now).expect("an address can be added");
    }

    /// Sends an echo request; false when the stack refuses it.
    pub fn ping(&mut self, destination: Ipv6Addr, sequence: u16, now: Instant) -> bool {
        self.ping_with(destination, sequence, &sequence.to_be_bytes(), now)
    }

    /// Sends an echo request with this data; false when the stack refuses it.
    pub fn ping_with(
        &mut self,
        destination: Ipv6Addr,
        sequence: u16,
        data: &[u8],
        now: Instant,
    ) -> bool {
        let message = Icmpv6Message::EchoRequest(Echo { identifier: 0, sequence, data });
        let mut octets = vec![0; message.len()];
        message.emit(Ipv6Addr::UNSPECIFIED, destination, &mut octets);
        let to = self.socket_address(destination, 0);
        self.send_octets(self.ping, to, &octets, now)
    }

    /// Echo replies to [`Self::ping`] that have come: sender and sequence number.
    pub fn replies(&mut self) -> Vec<(Ipv6Addr, u16)> {
        let parse = |(from, octets): (SocketAddrV6, Vec<u8>)| match Icmpv6Message::parse(&octets) {
            Ok(Icmpv6Message::EchoReply(echo)) if echo.data == echo.sequence.to_be_bytes() => {
                Some((*from.ip(), echo.sequence))
            }
            // Somebody's invention.
            _ => None,
        };
        self.take(self.ping).into_iter().filter_map(parse).collect()
    }

    /// The socket that pings, for errors.
    pub const fn ping_socket(&self) -> SocketId {
        self.ping
    }

    /// Joins a multicast group on the interface, or leaves it, on behalf of the socket that pings.
    ///
    /// # Panics
    /// When the stack refuses it.
    pub fn set_membership(&mut self, group: Ipv6Addr, join: bool, now: Instant) {
        let (socket, index) = (self.ping, Some(self.index));
        let result = if join {
            self.stack.join_group(socket, group, index, now)
        } else {
            self.stack.leave_group(socket, group, index, now)
        };
        result.expect("a group can be joined and left");
    }

    /// Opens a UDP socket on this port, or on any for 0.
    ///
    /// # Panics
    /// When that is refused.
    pub fn open_udp(&mut self, port: u16) -> SocketId {
        let socket = self.stack.open_socket(SocketKind::Udp).expect("there is room for sockets");
        let any = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0);
        self.stack.bind(socket, any).expect("the port is free");
        socket
    }

    /// Sends a datagram; false when the stack refuses it.
    pub fn send(
        &mut self,
        socket: SocketId,
        (address, port): (Ipv6Addr, u16),
        data: &[u8],
        now: Instant,
    ) -> bool {
        let to = self.socket_address(address, port);
        self.send_octets(socket, to, data, now)
    }

    fn send_octets(
        &mut self,
        socket: SocketId,
        to: SocketAddrV6,
        octets: &[u8],
        now: Instant,
    ) -> bool {
        let mut rest = octets;
        let fill = |space: &mut [u8]| {
            let (piece, behind) = rest.split_at(space.len());
            space.copy_from_slice(piece);
            rest = behind;
            Ok::<_, core::convert::Infallible>(())
        };
        let options = SendOptions::default();
        self.stack.send(socket, Some(to), octets.len(), fill, &options, now).is_ok()
    }

    /// All datagrams that a socket has received, with their senders.
    pub fn take(&mut self, socket: SocketId) -> Vec<(SocketAddrV6, Vec<u8>)> {
        let mut taken = Vec::new();
        loop {
            let read = |meta: &ReceiveMeta, payload: &Payload<'_, HeapBuffer>| {
                (meta.source, payload.slices().collect::<Vec<_>>().concat())
            };
            match self.stack.receive(socket, false, read) {
                Ok(datagram) => taken.push(datagram),
                Err(ReceiveError::Pending(error)) => self.errors.push((socket, error)),
                Err(_) => return taken,
            }
        }
    }

    /// From now on, others send in the other sides' names, so what this host sends is not compared
    /// with what has arrived any more.
    pub fn expect_forgery(&mut self) {
        self.watch = None;
    }

    /// Checks what must be true of TCP at any time.
    ///
    /// # Panics
    /// When it is not.
    pub fn check_tcp(&mut self, now: Instant) {
        if let Err(violation) = self.invariants.check(&self.stack, now) {
            panic!("{:?} at {now:?}: {violation}", self.mac);
        }
    }

    /// Serves the echo port and fetches events.
    fn serve(&mut self, now: Instant) {
        for (from, data) in self.take(self.echo) {
            if from.port() < 1024 {
                continue; // two echo services would never end
            }
            self.send_octets(self.echo, from, &data, now);
        }
        // No program here configures anything.
        while self.stack.poll_router_option().is_some() {}
        while let Some(event) = self.stack.poll_event() {
            if !matches!(event, Event::Socket(_)) {
                self.events.push((now, event));
            }
        }
    }
}

impl Node for Host {
    fn receive(&mut self, frame: &[u8], now: Instant) {
        let buffer = self.pool.allocate(0).and_then(|mut buffer| {
            buffer.append(frame.len())?.copy_from_slice(frame);
            Some(buffer)
        });
        match buffer {
            Some(buffer) => {
                if let Some(watch) = &mut self.watch {
                    watch.received(frame);
                }
                self.stack.input(self.index, buffer, now);
            }
            None => self.overruns += 1,
        }
        self.serve(now);
        self.check_tcp(now);
    }

    fn transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let frame = self.stack.poll_transmit(self.index)?.data().to_vec();
        if let Some(watch) = &mut self.watch
            && let Err(rule) = watch.sent(&frame)
        {
            panic!("{:?} at {now:?} breaks a rule, {rule}, with {frame:02x?}", self.mac);
        }
        Some(frame)
    }

    fn deadline(&mut self, _now: Instant) -> Option<Instant> {
        self.stack.next_deadline()
    }

    fn wake(&mut self, now: Instant) {
        self.stack.poll(now);
        self.serve(now);
        self.check_tcp(now);
    }

    fn set_link(&mut self, up: bool, now: Instant) {
        let state = if up { LinkState::Up { speed: None } } else { LinkState::Down };
        self.stack.set_link(self.index, state, now).expect("eth0 exists");
        self.serve(now);
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity { mac: self.mac, mtu: self.mtu.into() })
    }
}
