//! UDP.

use super::Work;
use super::pair::Pair;
use crate::block::Block;
use crate::frame::Ends;
use crate::host::{Host, address_of};
use alloc::vec;
use alloc::vec::Vec;

const PORT: u16 = 7;
const CLIENT: u16 = 4000;
/// Datagrams of a run.
const COUNT: u32 = 64;
/// Octets of the longest.
const ROOM: usize = 1500;

fn request(length: usize) -> Vec<u8> {
    let ends = Ends { source: (1, address_of(1)), destination: (2, address_of(2)) };
    ends.udp(CLIENT, PORT, &vec![0x55; length])
}

/// From one program to the other.
pub(super) struct Datagram<H: Host> {
    pair: Pair<H>,
    sockets: [H::Datagrams; 2],
    data: Vec<u8>,
}

impl<H: Host> Datagram<H> {
    pub(super) fn new(length: usize) -> Self {
        let mut pair = Pair::<H>::new(None);
        let sockets = [pair.a.bind(CLIENT), pair.b.bind(PORT)];
        Self { pair, sockets, data: vec![0x55; length] }
    }
}

impl<H: Host> Work for Datagram<H> {
    fn run(&mut self) -> u32 {
        let Self { pair, sockets: [from, to], data } = self;
        let mut room = [0; ROOM];
        for _ in 0..COUNT {
            let sent = pair.a.send_to(*from, (address_of(2), PORT), data, pair.now);
            pair.settle();
            let received = pair.b.receive_from(*to, &mut room);
            assert!(sent && received == Some((data.len(), (address_of(1), CLIENT))));
        }
        COUNT
    }
}

/// A request in, its octets out.
pub(super) struct Echo<H: Host> {
    pair: Pair<H>,
    socket: H::Datagrams,
    request: Vec<u8>,
    frames: Vec<Block>,
}

impl<H: Host> Echo<H> {
    pub(super) fn new(length: usize) -> Self {
        let mut pair = Pair::<H>::new(None);
        let socket = pair.b.bind(PORT);
        Self { pair, socket, request: request(length), frames: Vec::new() }
    }
}

impl<H: Host> Work for Echo<H> {
    fn prepare(&mut self) {
        let Self { pair, request, frames, .. } = self;
        frames.extend((0..COUNT).map(|_| pair.frame(request)));
    }

    fn run(&mut self) -> u32 {
        let Self { pair, socket, frames, .. } = self;
        let mut room = [0; ROOM];
        let (host, now) = (&mut pair.b, pair.now);
        for frame in frames.drain(..) {
            host.receive(frame, now);
            host.poll(now);
            let (length, from) = host.receive_from(*socket, &mut room).expect("it was received");
            assert!(host.send_to(*socket, from, &room[..length], now));
            host.poll(now);
            assert!(host.transmit().is_some() && host.transmit().is_none());
        }
        COUNT
    }
}

/// Taken in beside many sockets.
pub(super) struct Receive<H: Host> {
    pair: Pair<H>,
    socket: H::Datagrams,
    request: Vec<u8>,
    frames: Vec<Block>,
}

impl<H: Host> Receive<H> {
    /// The ports of the others.
    const OTHERS: u16 = 10_000;

    pub(super) fn new(others: usize) -> Self {
        let mut pair = Pair::<H>::new(None);
        for port in (Self::OTHERS..).take(others) {
            pair.b.bind(port);
        }
        let socket = pair.b.bind(PORT);
        Self { pair, socket, request: request(64), frames: Vec::new() }
    }
}

impl<H: Host> Work for Receive<H> {
    fn prepare(&mut self) {
        let Self { pair, request, frames, .. } = self;
        frames.extend((0..COUNT).map(|_| pair.frame(request)));
    }

    fn run(&mut self) -> u32 {
        let Self { pair, socket, frames, .. } = self;
        let mut room = [0; ROOM];
        let (host, now) = (&mut pair.b, pair.now);
        for frame in frames.drain(..) {
            host.receive(frame, now);
            host.poll(now);
            let received = host.receive_from(*socket, &mut room);
            assert_eq!(received, Some((64, (address_of(1), CLIENT))));
        }
        COUNT
    }
}
