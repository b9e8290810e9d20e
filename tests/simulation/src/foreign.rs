//! A node that runs smoltcp: answers echo requests, echoes datagrams on port 7, and can send
//! both.

use crate::audit::Identity;
use crate::network::Node;
use net::netif::MacAddress;
use net::time::Instant;
use net::wire::icmpv6::{Echo, Icmpv6Message};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{icmp, udp};
use smoltcp::time::Instant as SmoltcpInstant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint};
use std::collections::VecDeque;
use std::net::{Ipv6Addr, SocketAddrV6};

/// The port on which it echoes datagrams.
pub const ECHO_PORT: u16 = 7;
/// The port from which it sends.
pub const CLIENT_PORT: u16 = 4000;
/// The identifier of its echo requests.
const IDENTIFIER: u16 = 0x5a5a;
/// Octets that a frame holds.
const FRAME: usize = 1514;

/// The node.
pub struct Foreign {
    /// Sequence number and data of the echo replies that it got.
    pub replies: Vec<(u16, Vec<u8>)>,
    /// Sender and data of the datagrams that [`CLIENT_PORT`] got.
    pub datagrams: Vec<(SocketAddrV6, Vec<u8>)>,
    address: Ipv6Addr,
    queues: Queues,
    interface: Interface,
    sockets: SocketSet<'static>,
    ping: SocketHandle,
    echo: SocketHandle,
    client: SocketHandle,
    due: bool,
}

impl Foreign {
    /// A node with these addresses, each on a subnet of 64 bits.
    ///
    /// # Panics
    /// When there are more addresses than smoltcp takes, or none.
    pub fn new(mac: MacAddress, addresses: &[Ipv6Addr], seed: u64) -> Self {
        let mut queues = Queues::default();
        let mut config = Config::new(EthernetAddress(mac.0).into());
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut queues, SmoltcpInstant::ZERO);
        interface.update_ip_addrs(|list| {
            for address in addresses {
                list.push(IpCidr::new(IpAddress::Ipv6(*address), 64)).expect("there is room");
            }
        });
        let mut sockets = SocketSet::new(Vec::new());
        let mut ping = icmp::Socket::new(
            icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 8], vec![0; 8192]),
            icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 8], vec![0; 8192]),
        );
        ping.bind(icmp::Endpoint::Ident(IDENTIFIER)).expect("the identifier is free");
        Self {
            replies: Vec::new(),
            datagrams: Vec::new(),
            address: *addresses.first().expect("a node has an address"),
            queues,
            interface,
            ping: sockets.add(ping),
            echo: sockets.add(udp_socket(ECHO_PORT)),
            client: sockets.add(udp_socket(CLIENT_PORT)),
            sockets,
            due: true,
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
        let socket = self.sockets.get_mut::<icmp::Socket<'_>>(self.ping);
        socket.send_slice(&octets, IpAddress::Ipv6(destination)).expect("the queue has room");
        self.due = true;
    }

    /// Sends a datagram from [`CLIENT_PORT`].
    ///
    /// # Panics
    /// When smoltcp's queue is full.
    pub fn send(&mut self, destination: (Ipv6Addr, u16), data: &[u8]) {
        let endpoint = IpEndpoint::new(IpAddress::Ipv6(destination.0), destination.1);
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.client);
        socket.send_slice(data, endpoint).expect("the queue has room");
        self.due = true;
    }

    fn poll(&mut self, now: Instant) {
        self.due = false;
        self.interface.poll(time(now), &mut self.queues, &mut self.sockets);
        let ping = self.sockets.get_mut::<icmp::Socket<'_>>(self.ping);
        while let Ok((octets, _)) = ping.recv() {
            if let Ok(Icmpv6Message::EchoReply(echo)) = Icmpv6Message::parse(octets) {
                self.replies.push((echo.sequence, echo.data.to_vec()));
            }
        }
        let client = self.sockets.get_mut::<udp::Socket<'_>>(self.client);
        while let Ok((data, from)) = client.recv() {
            let IpAddress::Ipv6(address) = from.endpoint.addr;
            let sender = SocketAddrV6::new(address, from.endpoint.port, 0, 0);
            self.datagrams.push((sender, data.to_vec()));
        }
        let echo = self.sockets.get_mut::<udp::Socket<'_>>(self.echo);
        while let Ok((data, from)) = echo.recv() {
            if from.endpoint.port < 1024 {
                continue; // two echo services would never end
            }
            let data = data.to_vec();
            // A full queue loses the echo, as it would lose any datagram.
            let _lost = echo.send_slice(&data, from.endpoint);
            self.due = true;
        }
    }
}

fn udp_socket(port: u16) -> udp::Socket<'static> {
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 8192]);
    let mut socket = udp::Socket::new(buffer(), buffer());
    socket.bind(port).expect("the port is free");
    socket
}

fn time(now: Instant) -> SmoltcpInstant {
    SmoltcpInstant::from_micros((now.as_nanos() / 1000) as i64)
}

impl Node for Foreign {
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
