//! Two hosts of one kind with nothing between them.

use crate::block::{Block, Pool};
use crate::host::{Host, Setup, address_of};
use net::buffer::{BufferPool, PacketBuffer};
use net::netif::FRAME_HEADROOM;
use net::time::{Duration, Instant};

/// The port that the hosts get to know each other by.
const GREETING_PORT: u16 = 9;

/// Hosts A and B.
pub(super) struct Pair<H> {
    pub(super) a: H,
    pub(super) b: H,
    pub(super) now: Instant,
    pool: Pool,
}

impl<H: Host> Pair<H> {
    /// Two hosts that know each other's Ethernet address.
    pub(super) fn new(buffer: Option<usize>) -> Self {
        let pool = Pool::default();
        let [a, b] = [1, 2].map(|station| H::new(&Setup::new(station, &pool, buffer)));
        let mut pair = Self { a, b, now: Instant::from_secs(10), pool };
        pair.settle();
        let [a, b] = [pair.a.bind(GREETING_PORT), pair.b.bind(GREETING_PORT)];
        let mut data = [0; 8];
        // A lost datagram is the price of an unknown neighbor in some stacks.
        for _ in 0..3 {
            let to = (address_of(2), GREETING_PORT);
            pair.a.send_to(a, to, b"hello", pair.now);
            pair.settle();
            let to = (address_of(1), GREETING_PORT);
            pair.b.send_to(b, to, b"hello", pair.now);
            pair.settle();
            pair.pass(Duration::from_secs(2));
        }
        let greeted = pair.a.receive_from(a, &mut data).is_some()
            && pair.b.receive_from(b, &mut data).is_some();
        assert!(greeted, "the hosts do not reach each other");
        while pair.a.receive_from(a, &mut data).is_some() {}
        while pair.b.receive_from(b, &mut data).is_some() {}
        pair
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.settle();
    }

    /// Carries frames until there are none.
    pub(super) fn settle(&mut self) {
        loop {
            self.a.poll(self.now);
            let there = carry(&mut self.a, &mut self.b, self.now);
            self.b.poll(self.now);
            let back = carry(&mut self.b, &mut self.a, self.now);
            if !there && !back {
                return;
            }
        }
    }

    /// A block with these octets, as a network adapter fills one.
    pub(super) fn frame(&mut self, octets: &[u8]) -> Block {
        let mut frame = self.pool.allocate(FRAME_HEADROOM).expect("the pool has no end");
        frame.append(octets.len()).expect("a frame fits").copy_from_slice(octets);
        frame
    }
}

/// Moves all frames; false when there was none.
fn carry<H: Host>(from: &mut H, to: &mut H, now: Instant) -> bool {
    let mut any = false;
    while let Some(frame) = from.transmit() {
        to.receive(frame, now);
        any = true;
    }
    any
}
