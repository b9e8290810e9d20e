//! A node that runs smoltcp: answers echo requests, echoes datagrams on port 7, and can send
//! both.

use crate::audit::Identity;
use crate::foreign_stack::ForeignStack;
use crate::network::Node;
use net::netif::MacAddress;
use net::time::Instant;
use net::wire::icmpv6::{Echo, Icmpv6Message};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::{icmp, udp};
use smoltcp::wire::{IpAddress, IpEndpoint};
use std::net::{Ipv6Addr, SocketAddrV6};

/// The port on which it echoes datagrams.
pub const ECHO_PORT: u16 = 7;
/// The port from which it sends.
pub const CLIENT_PORT: u16 = 4000;
/// The identifier of its echo requests.
const IDENTIFIER: u16 = 0x5a5a;

/// The node.
pub struct Foreign {
    /// Sequence number and data of the echo replies that it got.
    pub replies: Vec<(u16, Vec<u8>)>,
    /// Sender and data of the datagrams that [`CLIENT_PORT`] got.
    pub datagrams: Vec<(SocketAddrV6, Vec<u8>)>,
    address: Ipv6Addr,
    stack: ForeignStack,
    ping: SocketHandle,
    echo: SocketHandle,
    client: SocketHandle,
}

impl Foreign {
    /// A node with these addresses, each on a subnet of 64 bits.
    ///
    /// # Panics
    /// When there are more addresses than smoltcp takes, or none.
    pub fn new(mac: MacAddress, addresses: &[Ipv6Addr], seed: u64) -> Self {
        let mut stack = ForeignStack::new(mac, addresses, seed);
        let mut ping = icmp::Socket::new(
            icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 8], vec![0; 8192]),
            icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 8], vec![0; 8192]),
        );
        ping.bind(icmp::Endpoint::Ident(IDENTIFIER)).expect("the identifier is free");
        Self {
            replies: Vec::new(),
            datagrams: Vec::new(),
            address: *addresses.first().expect("a node has an address"),
            ping: stack.sockets.add(ping),
            echo: stack.sockets.add(udp_socket(ECHO_PORT)),
            client: stack.sockets.add(udp_socket(CLIENT_PORT)),
            stack,
        }
    }

    /// Sends an echo request.
    ///
    /// # Panics
    /// When smoltcp's queue is full.
    pub fn ping(&mut self, destination: Ipv6Addr, sequence: u16, data: &[u8]) {
        let echo = Echo { identifier: IDENTIFIER, sequence, data };
        let message = Icmpv6Message::EchoRequest(echo);
        let mut octets = vec![0; message.len()];
        message.emit(self.address, destination, &mut octets);
        let socket = self.stack.sockets.get_mut::<icmp::Socket<'_>>(self.ping);
        socket.send_slice(&octets, IpAddress::Ipv6(destination)).expect("the queue has room");
        self.stack.due = true;
    }

    /// Sends a datagram from [`CLIENT_PORT`].
    ///
    /// # Panics
    /// When smoltcp's queue is full.
    pub fn send(&mut self, destination: (Ipv6Addr, u16), data: &[u8]) {
        let endpoint = IpEndpoint::new(IpAddress::Ipv6(destination.0), destination.1);
        let socket = self.stack.sockets.get_mut::<udp::Socket<'_>>(self.client);
        socket.send_slice(data, endpoint).expect("the queue has room");
        self.stack.due = true;
    }

    fn poll(&mut self, now: Instant) {
        self.stack.poll(now);
        let ping = self.stack.sockets.get_mut::<icmp::Socket<'_>>(self.ping);
        while let Ok((octets, _)) = ping.recv() {
            if let Ok(Icmpv6Message::EchoReply(echo)) = Icmpv6Message::parse(octets) {
                self.replies.push((echo.sequence, echo.data.to_vec()));
            }
        }
        let client = self.stack.sockets.get_mut::<udp::Socket<'_>>(self.client);
        while let Ok((data, from)) = client.recv() {
            let IpAddress::Ipv6(address) = from.endpoint.addr;
            let sender = SocketAddrV6::new(address, from.endpoint.port, 0, 0);
            self.datagrams.push((sender, data.to_vec()));
        }
        let echo = self.stack.sockets.get_mut::<udp::Socket<'_>>(self.echo);
        while let Ok((data, from)) = echo.recv() {
            if from.endpoint.port < 1024 {
                continue; // two echo services would never end
            }
            let data = data.to_vec();
            // A full queue loses the echo, as it would lose any datagram.
            let _lost = echo.send_slice(&data, from.endpoint);
            self.stack.due = true;
        }
    }
}

fn udp_socket(port: u16) -> udp::Socket<'static> {
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 8192]);
    let mut socket = udp::Socket::new(buffer(), buffer());
    socket.bind(port).expect("the port is free");
    socket
}

impl Node for Foreign {
    fn receive(&mut self, frame: &[u8], now: Instant) {
        self.stack.receive(frame);
        self.poll(now);
    }

    fn transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        self.stack.transmit()
    }

    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        self.stack.deadline(now)
    }

    fn wake(&mut self, now: Instant) {
        self.poll(now);
    }

    fn set_link(&mut self, _up: bool, _now: Instant) {}

    fn identity(&self) -> Option<Identity> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;
    use crate::packet::link_local;
    use crate::router::{Advertisement, Router};
    use net::time::Duration;

    #[test]
    fn reaches_the_router_and_each_other() {
        let mut network = Network::new(0);
        let macs = [1, 2].map(|n| MacAddress([2, 0, 0, 0, 0, n]));
        let [a, b] = macs.map(|mac| network.add(Foreign::new(mac, &[link_local(mac)], 1)));
        let mac = MacAddress([2, 0, 0, 0, 0, 9]);
        let random = network.fork_random();
        let router = network.add(Router::new(mac, Advertisement::default(), None, random));
        let router_address = network[router].address;
        network[a].ping(router_address, 1, b"router");
        network[a].ping(link_local(macs[1]), 2, b"peer");
        network[b].send((link_local(macs[0]), ECHO_PORT), b"datagram");
        network.run_for(Duration::from_secs(3));
        network[a].replies.sort();
        assert_eq!(network[a].replies, [(1, b"router".to_vec()), (2, b"peer".to_vec())]);
        let from = SocketAddrV6::new(link_local(macs[0]), ECHO_PORT, 0, 0);
        assert_eq!(network[b].datagrams, [(from, b"datagram".to_vec())]);
    }
}
