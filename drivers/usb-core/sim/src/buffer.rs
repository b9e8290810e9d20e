//! Buffers from a pool of limited size.

use net::buffer::PacketBuffer;
use std::cell::Cell;
use std::rc::Rc;
use usb_core::buffer::{BusAddress, DmaBuffer};

/// Bytes in a block: as in the kernel.
const BLOCK: usize = 4096;

/// A pool; clones share it.
#[derive(Clone)]
pub struct Pool {
    free: Rc<Cell<usize>>,
}

impl Pool {
    /// A pool of `blocks` buffers.
    #[must_use]
    pub fn new(blocks: usize) -> Self {
        Self { free: Rc::new(Cell::new(blocks)) }
    }

    /// Buffers that are not in use.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.get()
    }

    /// A buffer with an empty window at `headroom`.
    #[must_use]
    pub fn allocate(&self, headroom: usize) -> Option<SimBuffer> {
        self.free.set(self.free.get().checked_sub(1)?);
        // Stale contents, as a real pool has.
        let block = vec![0xee; BLOCK].into_boxed_slice();
        Some(SimBuffer { block, start: headroom, end: headroom, pool: self.clone() })
    }
}

/// A buffer.
pub struct SimBuffer {
    block: Box<[u8]>,
    start: usize,
    end: usize,
    pool: Pool,
}

impl Drop for SimBuffer {
    fn drop(&mut self) {
        self.pool.free.set(self.pool.free.get() + 1);
    }
}

impl DmaBuffer for SimBuffer {
    fn bus_address(&self) -> BusAddress {
        BusAddress(self.start as u32)
    }

    fn bytes(&self) -> &[u8] {
        &self.block[self.start..self.end]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.block[self.start..self.end]
    }

    fn set_len(&mut self, len: usize) -> bool {
        let fits = self.start + len <= BLOCK;
        if fits {
            self.end = self.start + len;
        }
        fits
    }
}

impl PacketBuffer for SimBuffer {
    fn data(&self) -> &[u8] {
        self.bytes()
    }

    fn data_mut(&mut self) -> &mut [u8] {
        self.bytes_mut()
    }

    fn headroom(&self) -> usize {
        self.start
    }

    fn tailroom(&self) -> usize {
        BLOCK - self.end
    }

    fn prepend(&mut self, n: usize) -> Option<&mut [u8]> {
        self.start = self.start.checked_sub(n)?;
        Some(&mut self.block[self.start..self.start + n])
    }

    fn append(&mut self, n: usize) -> Option<&mut [u8]> {
        let start = self.end;
        if n > BLOCK - start {
            return None;
        }
        self.end += n;
        Some(&mut self.block[start..start + n])
    }

    fn trim_front(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
    }

    fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.start + len);
    }
}
