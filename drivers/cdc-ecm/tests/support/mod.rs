//! A stack's end of an interface that only counts.

use net::buffer::PacketBuffer;
use net::netif::{LinkDrop, LinkState, Port};
use std::cell::Cell;
use std::task::{Context, Poll};
use usb_sim::{Pool, SimBuffer};

pub(crate) struct Quiet {
    pub(crate) pool: Pool,
    /// Count of losses.
    pub(crate) lost: Cell<u32>,
}

impl Quiet {
    /// With a pool of `buffers`.
    pub(crate) fn new(buffers: usize) -> Self {
        Self { pool: Pool::new(buffers), lost: Cell::new(0) }
    }

    /// A buffer with those bytes, as a transfer leaves it.
    pub(crate) fn filled(&self, bytes: &[u8]) -> SimBuffer {
        let mut buffer = self.pool.allocate(0).expect("a buffer");
        buffer.append(bytes.len()).expect("room for a transfer").copy_from_slice(bytes);
        buffer
    }
}

impl Port for Quiet {
    type Buffer = SimBuffer;

    fn allocate(&self) -> Option<SimBuffer> {
        self.pool.allocate(0)
    }

    fn receive(&self, _: SimBuffer) {}

    fn settle(&self) {}

    fn poll_transmit(&self, _: &mut Context<'_>) -> Poll<SimBuffer> {
        Poll::Pending
    }

    fn set_link(&self, _: LinkState) {}

    fn count(&self, _: LinkDrop) {
        self.lost.set(self.lost.get() + 1);
    }
}
