//! Our stack as a [`Host`].

use crate::block::{Block, Pool};
use crate::host::{Host, Setup, address_of, mac_of};
use crate::random::Seeded;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::net::{Ipv6Addr, SocketAddrV6};
use net::config::{Config, InterfaceSettings};
use net::interface::{InterfaceConfig, InterfaceIndex, InterfaceKind};
use net::manage::NewAddress;
use net::netif::LinkState;
use net::socket::{SendOptions, SocketId, SocketKind};
use net::stack::Stack;
use net::tcp::{CongestionAlgorithm, TcpId};
use net::time::Instant;
use net::wire::ipv6::NextHeader;

/// A host that runs it.
pub struct Ours {
    stack: Box<Stack<Pool, Seeded>>,
    index: InterfaceIndex,
    listeners: Vec<(u16, TcpId)>,
    buffer: Option<u32>,
    congestion: CongestionAlgorithm,
}

fn any(port: u16) -> SocketAddrV6 {
    SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0)
}

/// Writes `data` run by run.
fn from(data: &[u8]) -> impl FnMut(&mut [u8]) -> Result<(), Infallible> + '_ {
    let mut rest = data;
    move |room| {
        let (first, later) = rest.split_at(room.len());
        room.copy_from_slice(first);
        rest = later;
        Ok(())
    }
}

impl Ours {
    fn open(&mut self, now: Instant) -> TcpId {
        let id = self.stack.tcp_open().expect("there is room for sockets");
        let (buffer, congestion) = (self.buffer, self.congestion);
        let change = |options: &mut net::tcp::TcpSocketOptions| {
            options.receive_buffer = buffer;
            options.send_buffer = buffer;
            options.congestion = congestion;
        };
        self.stack.change_tcp_options(id, change, now).expect("the options are sane");
        id
    }
}

impl Host for Ours {
    const NAME: &'static str = "ours";
    type Stream = TcpId;
    type Datagrams = SocketId;

    fn new(setup: &Setup) -> Self {
        let interface = InterfaceSettings {
            accept_router_advertisements: true,
            duplicate_address_detection_transmits: 0,
            ..InterfaceSettings::DEFAULT
        };
        let config = Config { interface, ..Config::DEFAULT };
        let random = Seeded::new(setup.seed);
        let mut stack = Box::new(Stack::new(config, setup.pool.clone(), random));
        let now = Instant::ZERO;
        let kind = InterfaceKind::Ethernet { mac: mac_of(setup.station) };
        for (name, kind) in [("lo", InterfaceKind::Loopback), ("eth0", kind)] {
            let index = stack
                .add_interface(&InterfaceConfig { name, kind, mtu: 1500 })
                .expect("there is room for interfaces");
            stack.set_admin_up(index, true, now).expect("it was just added");
        }
        let index = stack.interface_by_name("eth0").expect("it was just added");
        stack.set_link(index, LinkState::Up { speed: None }, now).expect("it was just added");
        let address = NewAddress {
            address: address_of(setup.station),
            prefix_length: 64,
            preferred_lifetime: u32::MAX,
            valid_lifetime: u32::MAX,
            no_duplicate_detection: true,
            no_prefix_route: false,
        };
        stack.add_address(index, &address, false, now).expect("there is room for addresses");
        Self {
            stack,
            index,
            listeners: Vec::new(),
            buffer: setup.buffer.and_then(|octets| u32::try_from(octets).ok()),
            congestion: setup.congestion,
        }
    }

    fn receive(&mut self, frame: Block, now: Instant) {
        self.stack.input(self.index, frame, now);
    }

    fn poll(&mut self, now: Instant) {
        if self.stack.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.stack.poll(now);
        }
        while self.stack.poll_event().is_some() {}
    }

    fn transmit(&mut self) -> Option<Block> {
        self.stack.poll_transmit(self.index)
    }

    fn deadline(&mut self, _now: Instant) -> Option<Instant> {
        self.stack.next_deadline()
    }

    fn listen(&mut self, port: u16, _count: usize) {
        let id = self.open(Instant::ZERO);
        self.stack.tcp_bind(id, any(port)).expect("the port is free");
        self.stack.tcp_listen(id, 100).expect("it is bound");
        self.listeners.push((port, id));
    }

    fn accept(&mut self, port: u16) -> Option<TcpId> {
        let &(_, listener) = self.listeners.iter().find(|(listening, _)| *listening == port)?;
        self.stack.tcp_accept(listener).ok().map(|(id, _)| id)
    }

    fn connect(&mut self, (address, port): (Ipv6Addr, u16), now: Instant) -> TcpId {
        let id = self.open(now);
        let to = SocketAddrV6::new(address, port, 0, 0);
        self.stack.tcp_connect(id, to, now).expect("there is a route");
        id
    }

    fn is_open(&mut self, stream: TcpId) -> bool {
        self.stack.tcp_readiness(stream).is_some_and(|ready| ready.writable && !ready.hang_up)
    }

    fn write(&mut self, stream: TcpId, data: &[u8], now: Instant) -> usize {
        self.stack.tcp_send(stream, data.len(), from(data), now).unwrap_or(0)
    }

    fn read(&mut self, stream: TcpId, data: &mut [u8], now: Instant) -> usize {
        let length = data.len();
        let mut rest = data;
        let read = |run: &[u8]| {
            let (room, later) = core::mem::take(&mut rest).split_at_mut(run.len());
            room.copy_from_slice(run);
            rest = later;
            Ok::<_, Infallible>(())
        };
        self.stack.tcp_receive(stream, length, false, read, now).unwrap_or(0)
    }

    fn close(&mut self, stream: TcpId, now: Instant) {
        self.stack.tcp_close(stream, now);
    }

    fn is_finished(&mut self, stream: TcpId) -> bool {
        self.stack.tcp_readiness(stream).is_none_or(|ready| ready.receive_shut_down)
    }

    fn bind(&mut self, port: u16) -> SocketId {
        let id = self.stack.open_socket(SocketKind::Udp).expect("there is room for sockets");
        self.stack.bind(id, any(port)).expect("the port is free");
        id
    }

    fn send_to(
        &mut self,
        socket: SocketId,
        (address, port): (Ipv6Addr, u16),
        data: &[u8],
        now: Instant,
    ) -> bool {
        let to = SocketAddrV6::new(address, port, 0, 0);
        let options = SendOptions::default();
        self.stack.send(socket, Some(to), data.len(), from(data), &options, now).is_ok()
    }

    fn receive_from(
        &mut self,
        socket: SocketId,
        data: &mut [u8],
    ) -> Option<(usize, (Ipv6Addr, u16))> {
        self.stack
            .receive(socket, false, |meta, payload| {
                let mut count = 0;
                for run in payload.slices() {
                    data[count..count + run.len()].copy_from_slice(run);
                    count += run.len();
                }
                (count, (*meta.source.ip(), meta.source.port()))
            })
            .ok()
    }

    fn verify(source: Ipv6Addr, destination: Ipv6Addr, datagram: &[u8]) -> bool {
        net::wire::checksum::verify(source, destination, NextHeader::UDP, datagram)
    }
}
