//! What both stacks can do.

use crate::block::{Block, Pool};
use core::net::Ipv6Addr;
use net::netif::MacAddress;
use net::tcp::CongestionAlgorithm;
use net::time::Instant;

/// How a host is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Which of the hosts on the link it is, from 1.
    pub station: u8,
    /// What its random numbers come from.
    pub seed: u64,
    /// Where frames live.
    pub pool: Pool,
    /// Octets of each buffer of a connection; `None` is what the stack does by itself.
    pub buffer: Option<usize>,
    /// For the stack that has a choice.
    pub congestion: CongestionAlgorithm,
}

impl Setup {
    /// A host with buffers of `buffer` octets.
    pub fn new(station: u8, pool: &Pool, buffer: Option<usize>) -> Self {
        let congestion = CongestionAlgorithm::default();
        Self { station, seed: station.into(), pool: pool.clone(), buffer, congestion }
    }
}

/// The Ethernet address of a station.
pub const fn mac_of(station: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0, station])
}

/// The IPv6 address of a station.
pub const fn address_of(station: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, station as u16)
}

/// Its link-local address (RFC 4291, Appendix A).
pub const fn link_local_of(station: u8) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x00ff, 0xfe00, station as u16)
}

/// A host with one Ethernet interface and an address on a subnet of 64 bits.
///
/// Frames and time go in, frames and the next deadline come out. [`Self::poll`] is called after
/// any other call, before frames are fetched.
pub trait Host {
    /// The stack's name.
    const NAME: &'static str;
    /// A TCP connection.
    type Stream: Copy;
    /// A UDP socket.
    type Datagrams: Copy;

    /// A host whose interface is up and whose address is in use.
    fn new(setup: &Setup) -> Self;

    /// A frame has arrived.
    fn receive(&mut self, frame: Block, now: Instant);

    /// Does what is due.
    fn poll(&mut self, now: Instant);

    /// The next frame to send.
    fn transmit(&mut self) -> Option<Block>;

    /// When [`Self::poll`] is wanted.
    fn deadline(&mut self, now: Instant) -> Option<Instant>;

    /// Waits for `count` connections to a port, all at once or one after the other.
    fn listen(&mut self, port: u16, count: usize);

    /// A connection to that port that is open.
    fn accept(&mut self, port: u16) -> Option<Self::Stream>;

    /// Begins to open a connection.
    fn connect(&mut self, to: (Ipv6Addr, u16), now: Instant) -> Self::Stream;

    /// Whether data can be sent.
    fn is_open(&mut self, stream: Self::Stream) -> bool;

    /// Sends as much as is taken.
    fn write(&mut self, stream: Self::Stream, data: &[u8], now: Instant) -> usize;

    /// Reads what fits; 0 when there is nothing.
    fn read(&mut self, stream: Self::Stream, data: &mut [u8], now: Instant) -> usize;

    /// Closes a connection, of which nothing more is wanted.
    fn close(&mut self, stream: Self::Stream, now: Instant);

    /// Whether the other side has closed.
    fn is_finished(&mut self, stream: Self::Stream) -> bool;

    /// Opens a UDP socket on a port.
    fn bind(&mut self, port: u16) -> Self::Datagrams;

    /// Sends a datagram; false when it is not taken.
    fn send_to(
        &mut self,
        socket: Self::Datagrams,
        to: (Ipv6Addr, u16),
        data: &[u8],
        now: Instant,
    ) -> bool;

    /// Takes a datagram: its length and its sender.
    fn receive_from(
        &mut self,
        socket: Self::Datagrams,
        data: &mut [u8],
    ) -> Option<(usize, (Ipv6Addr, u16))>;

    /// Whether a UDP datagram, header included, has a right checksum.
    fn verify(source: Ipv6Addr, destination: Ipv6Addr, datagram: &[u8]) -> bool;
}
