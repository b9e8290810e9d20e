//! TCP.

use super::Work;
use super::pair::Pair;
use crate::host::{Host, address_of};
use alloc::vec;
use alloc::vec::Vec;
use net::time::Duration;

const PORT: u16 = 5001;
/// How far time moves from one exchange to the next.
const STEP: Duration = Duration::from_micros(100);
/// Octets of the buffers of connections that carry messages.
const SMALL_BUFFER: usize = 4096;
/// Octets of a message.
const MESSAGE: usize = 64;

/// Opens a connection from A to B, whose port is listened at.
fn open<H: Host>(pair: &mut Pair<H>) -> [H::Stream; 2] {
    let from = pair.a.connect((address_of(2), PORT), pair.now);
    pair.settle();
    let to = pair.b.accept(PORT).expect("the connection is open");
    pair.pass(STEP);
    assert!(pair.a.is_open(from), "the connection is open");
    [from, to]
}

/// A message from A to B and one back.
fn exchange<H: Host>(pair: &mut Pair<H>, [from, to]: [H::Stream; 2]) {
    let mut data = [0; MESSAGE];
    let taken = pair.a.write(from, &[0x55; MESSAGE], pair.now);
    pair.settle();
    let read = pair.b.read(to, &mut data, pair.now);
    let answered = pair.b.write(to, &data, pair.now);
    pair.settle();
    let returned = pair.a.read(from, &mut data, pair.now);
    assert!(taken == MESSAGE && read == MESSAGE && answered == MESSAGE && returned == MESSAGE);
    pair.now += STEP;
}

/// A long transfer.
pub(super) struct Bulk<H: Host> {
    pair: Pair<H>,
    ends: [H::Stream; 2],
    data: Vec<u8>,
}

impl<H: Host> Bulk<H> {
    /// Segments of a run.
    const SEGMENTS: u32 = 512;
    /// Octets of a full segment without options.
    const SEGMENT: usize = 1440;

    pub(super) fn new(buffer: usize) -> Self {
        let mut pair = Pair::<H>::new(Some(buffer));
        pair.b.listen(PORT, 1);
        let ends = open(&mut pair);
        let mut work = Self { pair, ends, data: vec![0x55; buffer] };
        // The window opens.
        for _ in 0..4 {
            work.run();
        }
        work
    }
}

impl<H: Host> Work for Bulk<H> {
    fn run(&mut self) -> u32 {
        let Self { pair, ends: [from, to], data } = self;
        let length = Self::SEGMENTS as usize * Self::SEGMENT;
        let (mut written, mut read) = (0, 0);
        let mut idle = 0;
        while read < length {
            let most = data.len().min(length - written);
            if most > 0 {
                written += pair.a.write(*from, &data[..most], pair.now);
            }
            pair.pass(STEP);
            let count = pair.b.read(*to, data, pair.now);
            idle = if count == 0 { idle + 1 } else { 0 };
            assert!(idle < 10_000, "the transfer stands still");
            read += count;
        }
        Self::SEGMENTS
    }
}

/// Messages on one of many connections.
pub(super) struct Message<H: Host> {
    pair: Pair<H>,
    active: [H::Stream; 2],
}

impl<H: Host> Message<H> {
    const EXCHANGES: u32 = 64;
    /// Connections opened at once.
    const AT_ONCE: usize = 50;

    pub(super) fn new(others: usize) -> Self {
        let mut pair = Pair::<H>::new(Some(SMALL_BUFFER));
        pair.b.listen(PORT, Self::AT_ONCE.min(others.max(1)));
        let mut opened = 0;
        while opened < others {
            let count = Self::AT_ONCE.min(others - opened);
            for _ in 0..count {
                pair.a.connect((address_of(2), PORT), pair.now);
            }
            pair.settle();
            for _ in 0..count {
                pair.b.accept(PORT).expect("the connection is open");
            }
            pair.pass(STEP);
            opened += count;
        }
        let active = open(&mut pair);
        for _ in 0..32 {
            exchange(&mut pair, active);
        }
        // Delayed acknowledgments of the others are over.
        for _ in 0..10 {
            pair.pass(Duration::from_millis(100));
        }
        Self { pair, active }
    }
}

impl<H: Host> Work for Message<H> {
    fn run(&mut self) -> u32 {
        for _ in 0..Self::EXCHANGES {
            exchange(&mut self.pair, self.active);
        }
        2 * Self::EXCHANGES
    }
}

/// One connection after the other.
pub(super) struct Connection<H> {
    pair: Pair<H>,
}

impl<H: Host> Connection<H> {
    const CONNECTIONS: u32 = 32;

    pub(super) fn new() -> Self {
        let mut pair = Pair::<H>::new(Some(SMALL_BUFFER));
        pair.b.listen(PORT, 1);
        let mut work = Self { pair };
        for _ in 0..4 {
            work.run();
        }
        work
    }
}

impl<H: Host> Work for Connection<H> {
    fn run(&mut self) -> u32 {
        let pair = &mut self.pair;
        for _ in 0..Self::CONNECTIONS {
            let ends = open(pair);
            exchange(pair, ends);
            let [from, to] = ends;
            pair.a.close(from, pair.now);
            pair.settle();
            assert!(pair.b.is_finished(to), "the end of the stream has come");
            pair.b.close(to, pair.now);
            pair.pass(STEP);
        }
        Self::CONNECTIONS
    }
}
