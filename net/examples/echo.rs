//! Two hosts on a cable, and an echo over TCP between them: all that a program needs to run the
//! stack by itself.
//!
//! `cargo run -p net --example echo` prints the frames as they pass. Time is virtual, so two seconds
//! of Neighbor Discovery take none, and every run gives the same frames.
//!
//! What is here once more than needed in a real system: the cable. A driver calls
//! [`Stack::input`] with what it received and [`Stack::poll_transmit`] for what it is to send
//! (in the kernel both are behind the trait `net::netif::Port`).

use net::buffer::{BufferPool, PAYLOAD_CAPACITY, PAYLOAD_OFFSET, PacketBuffer};
use net::config::Config;
use net::event::Event;
use net::interface::{InterfaceConfig, InterfaceIndex, InterfaceKind};
use net::netif::{LinkState, MacAddress};
use net::random::Random;
use net::stack::Stack;
use net::tcp::{TcpId, TcpReceiveError, TcpSendError};
use net::time::Instant;
use net::unicast::AddressState;
use std::convert::Infallible;
use std::error::Error;
use std::net::{Ipv6Addr, SocketAddrV6};

/// Where the server listens (RFC 862).
const ECHO_PORT: u16 = 7;

/// Packet memory: here the heap, in a kernel blocks that a device reaches by DMA.
struct Heap;

/// A block of it, and which part holds data.
struct Block {
    octets: Vec<u8>,
    start: usize,
    end: usize,
}

impl BufferPool for Heap {
    type Buffer = Block;

    fn allocate(&mut self, headroom: usize) -> Option<Block> {
        let octets = vec![0; PAYLOAD_OFFSET + PAYLOAD_CAPACITY];
        (headroom <= octets.len()).then_some(Block { octets, start: headroom, end: headroom })
    }
}

impl PacketBuffer for Block {
    fn data(&self) -> &[u8] {
        &self.octets[self.start..self.end]
    }

    fn data_mut(&mut self) -> &mut [u8] {
        &mut self.octets[self.start..self.end]
    }

    fn headroom(&self) -> usize {
        self.start
    }

    fn tailroom(&self) -> usize {
        self.octets.len() - self.end
    }

    fn prepend(&mut self, n: usize) -> Option<&mut [u8]> {
        self.start = self.start.checked_sub(n)?;
        Some(&mut self.octets[self.start..self.start + n])
    }

    fn append(&mut self, n: usize) -> Option<&mut [u8]> {
        let start = self.end;
        self.end = Some(start + n).filter(|end| *end <= self.octets.len())?;
        Some(&mut self.octets[start..self.end])
    }

    fn trim_front(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
    }

    fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.start + len);
    }
}

/// A generator that anybody can predict, so that runs repeat. A real host needs a strong one.
struct Predictable(u64);

impl Random for Predictable {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

/// A host: the stack and its one interface.
struct Host {
    name: &'static str,
    stack: Box<Stack<Heap, Predictable>>,
    interface: InterfaceIndex,
}

impl Host {
    /// A host that is plugged in and switched on.
    fn new(name: &'static str, mac: MacAddress) -> Result<Self, Box<dyn Error>> {
        let random = Predictable(u64::from(mac.0[5]));
        let mut stack = Box::new(Stack::new(Config::DEFAULT, Heap, random));
        let kind = InterfaceKind::Ethernet { mac };
        let interface = stack.add_interface(&InterfaceConfig { name: "eth0", kind, mtu: 1500 })?;
        let now = Instant::ZERO;
        stack.set_admin_up(interface, true, now)?;
        let carrier = LinkState::Up { speed: Some(1000) };
        stack.set_link(interface, carrier, now)?;
        Ok(Self { name, stack, interface })
    }

    /// The link-local address that the host has given itself, as soon as nobody objected.
    fn address(&self) -> Option<Ipv6Addr> {
        let mut addresses = self.stack.interface(self.interface)?.addresses();
        addresses.find(|info| info.state == AddressState::Preferred).map(|info| info.address)
    }
}

/// Carries what the hosts have sent, and what they answer, until there is nothing more.
fn carry([left, right]: &mut [Host; 2], now: Instant) {
    while cross(left, right, now) | cross(right, left, now) {}
}

/// Takes the frames of one host to the other; whether there were any.
fn cross(from: &mut Host, to: &mut Host, now: Instant) -> bool {
    let mut any = false;
    while let Some(frame) = from.stack.poll_transmit(from.interface) {
        let micros = now.as_nanos() / 1000;
        println!("{micros:>8} µs  {} sends {} octets", from.name, frame.len());
        // The frame crosses by being handed over; hardware would copy it.
        to.stack.input(to.interface, frame, now);
        any = true;
    }
    any
}

/// Sleeps until one of the hosts has something to do.
fn sleep(hosts: &mut [Host; 2], now: Instant) -> Option<Instant> {
    let next = hosts.iter().filter_map(|host| host.stack.next_deadline()).min()?.max(now);
    for host in hosts.iter_mut() {
        host.stack.poll(next);
    }
    carry(hosts, next);
    Some(next)
}

/// Puts octets into a connection: how many were taken, 0 when there is no room now.
fn write(host: &mut Host, id: TcpId, octets: &[u8], now: Instant) -> Result<usize, Box<dyn Error>> {
    let mut rest = octets;
    // The stack offers the memory of its packets, piece by piece: the one copy on the way out.
    let fill = |space: &mut [u8]| {
        let (piece, behind) = rest.split_at(space.len());
        space.copy_from_slice(piece);
        rest = behind;
        Ok::<_, Infallible>(())
    };
    match host.stack.tcp_send(id, octets.len(), fill, now) {
        Ok(count) => Ok(count),
        Err(TcpSendError::WouldBlock) => Ok(0),
        Err(error) => Err(format!("{} can't send: {error:?}", host.name).into()),
    }
}

/// Takes what has come: `None` at the end of the stream, nothing when nothing is there yet.
fn read(host: &mut Host, id: TcpId, now: Instant) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
    let mut octets = Vec::new();
    let take = |piece: &[u8]| {
        octets.extend_from_slice(piece);
        Ok::<_, Infallible>(())
    };
    match host.stack.tcp_receive(id, 4096, false, take, now) {
        Ok(0) => Ok(None),
        Ok(_) | Err(TcpReceiveError::WouldBlock) => Ok(Some(octets)),
        Err(error) => Err(format!("{} can't receive: {error:?}", host.name).into()),
    }
}

/// Sends `message` from one host to the other and gives what comes back.
fn echo(message: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut hosts = [
        Host::new("client", MacAddress([2, 0, 0, 0, 0, 1]))?,
        Host::new("server", MacAddress([2, 0, 0, 0, 0, 2]))?,
    ];
    let mut now = Instant::ZERO;

    // Duplicate Address Detection takes its time.
    while hosts.iter().any(|host| host.address().is_none()) {
        now = sleep(&mut hosts, now).ok_or("no address, and nothing to wait for")?;
    }
    let server_address = hosts[1].address().ok_or("the address has gone")?;

    let listener = hosts[1].stack.tcp_open()?;
    let any = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, ECHO_PORT, 0, 0);
    hosts[1].stack.tcp_bind(listener, any)?;
    hosts[1].stack.tcp_listen(listener, 1)?;

    // A link-local address is one only together with its interface.
    let zone = hosts[0].interface.get();
    let server = SocketAddrV6::new(server_address, ECHO_PORT, 0, zone);
    let client = hosts[0].stack.tcp_open()?;
    hosts[0].stack.tcp_connect(client, server, now)?;

    let (mut connection, mut sent, mut returned) = (None, 0, Vec::new());
    let mut to_echo = Vec::new();
    loop {
        carry(&mut hosts, now);

        // Events say which sockets to look at; with two of them one can just look.
        for host in &mut hosts {
            while let Some(event) = host.stack.poll_event() {
                if let Event::DuplicateAddress { address, .. } = event {
                    return Err(format!("{}: {address} is taken", host.name).into());
                }
            }
        }

        let [client_host, server_host] = &mut hosts;
        if connection.is_none() {
            connection = server_host.stack.tcp_accept(listener).ok().map(|(id, _)| id);
        }
        if let Some(id) = connection {
            to_echo.extend(read(server_host, id, now)?.unwrap_or_default());
            let count = write(server_host, id, &to_echo, now)?;
            to_echo.drain(..count);
        }
        let open = client_host.stack.tcp_readiness(client).is_some_and(|state| state.writable);
        if open {
            sent += write(client_host, client, &message[sent..], now)?;
            returned.extend(read(client_host, client, now)?.ok_or("the server hung up")?);
        }
        if returned.len() == message.len() {
            client_host.stack.tcp_close(client, now);
            carry(&mut hosts, now);
            return Ok(returned);
        }
        if !hosts.iter().any(|host| host.stack.has_transmit(host.interface)) {
            now = sleep(&mut hosts, now).ok_or("nothing returns, and nothing to wait for")?;
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let message = b"Hello over TCP over IPv6 over nothing at all.";
    let returned = echo(message)?;
    println!("returned: {}", String::from_utf8_lossy(&returned));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_comes_back() {
        let message: Vec<u8> = (0..100_000_u32).map(|number| (number % 251) as u8).collect();
        assert_eq!(echo(&message).expect("the echo works"), message);
    }
}
