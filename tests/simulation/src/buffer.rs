//! Packet buffers on the heap, as many at a time as the pool has blocks.

use crate::random::Seeded;
use net::buffer::{BufferPool, PAYLOAD_CAPACITY, PAYLOAD_OFFSET, PacketBuffer};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Octets of a block.
const BLOCK: usize = PAYLOAD_OFFSET + PAYLOAD_CAPACITY;

/// A pool that knows how many of its blocks are in use.
#[derive(Clone, Debug)]
pub struct HeapPool {
    capacity: usize,
    used: Rc<Cell<usize>>,
    refusals: Rc<RefCell<(u32, Seeded)>>,
}

impl HeapPool {
    /// A pool of `capacity` blocks.
    pub fn new(capacity: usize) -> Self {
        let refusals = Rc::new(RefCell::new((0, Seeded::new(0))));
        Self { capacity, used: Rc::new(Cell::new(0)), refusals }
    }

    /// From now on, finds no block for `per_mille` of 1000 requests, as if others had them all.
    pub fn refuse(&self, per_mille: u32, random: Seeded) {
        *self.refusals.borrow_mut() = (per_mille, random);
    }

    fn refuses(&self) -> bool {
        let (per_mille, random) = &mut *self.refusals.borrow_mut();
        *per_mille > 0 && random.chance(*per_mille)
    }

    /// Blocks in use.
    pub fn used(&self) -> usize {
        self.used.get()
    }
}

impl BufferPool for HeapPool {
    type Buffer = HeapBuffer;

    fn allocate(&mut self, headroom: usize) -> Option<HeapBuffer> {
        if headroom > BLOCK || self.used.get() >= self.capacity || self.refuses() {
            return None;
        }
        self.used.set(self.used.get() + 1);
        // Old contents are what a real block would have; zeros would hide a forgotten field.
        let block = vec![0xa5; BLOCK].into_boxed_slice();
        Some(HeapBuffer { block, start: headroom, end: headroom, used: Rc::clone(&self.used) })
    }
}

/// One block.
#[derive(Debug)]
pub struct HeapBuffer {
    block: Box<[u8]>,
    start: usize,
    end: usize,
    used: Rc<Cell<usize>>,
}

impl Drop for HeapBuffer {
    fn drop(&mut self) {
        self.used.set(self.used.get() - 1);
    }
}

impl PacketBuffer for HeapBuffer {
    fn data(&self) -> &[u8] {
        &self.block[self.start..self.end]
    }

    fn data_mut(&mut self) -> &mut [u8] {
        &mut self.block[self.start..self.end]
    }

    fn headroom(&self) -> usize {
        self.start
    }

    fn tailroom(&self) -> usize {
        self.block.len() - self.end
    }

    fn prepend(&mut self, n: usize) -> Option<&mut [u8]> {
        self.start = self.start.checked_sub(n)?;
        Some(&mut self.block[self.start..self.start + n])
    }

    fn append(&mut self, n: usize) -> Option<&mut [u8]> {
        if n > self.tailroom() {
            return None;
        }
        self.end += n;
        Some(&mut self.block[self.end - n..self.end])
    }

    fn trim_front(&mut self, n: usize) {
        self.start += n.min(self.end - self.start);
    }

    fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.start.saturating_add(len));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_moves_within_the_block() {
        let mut pool = HeapPool::new(2);
        let mut buffer = pool.allocate(10).unwrap();
        buffer.append(3).unwrap().copy_from_slice(b"abc");
        buffer.prepend(2).unwrap().copy_from_slice(b"<<");
        assert_eq!(buffer.data(), b"<<abc");
        assert_eq!((buffer.headroom(), buffer.tailroom()), (8, BLOCK - 13));
        assert!(buffer.prepend(9).is_none() && buffer.append(BLOCK).is_none());
        buffer.trim_front(3);
        buffer.truncate(1);
        assert_eq!(buffer.data(), b"b");
        buffer.trim_front(100);
        assert!(buffer.is_empty());
    }

    #[test]
    fn blocks_come_back() {
        let mut pool = HeapPool::new(2);
        let (a, b) = (pool.allocate(0), pool.allocate(BLOCK));
        assert!(a.is_some() && b.is_some() && pool.allocate(0).is_none());
        drop(a);
        assert_eq!(pool.used(), 1);
        assert!(pool.allocate(BLOCK + 1).is_none() && pool.allocate(0).is_some());
        pool.refuse(1000, Seeded::new(1));
        assert!(pool.allocate(0).is_none());
    }
}
