//! Packet memory: blocks that come back to their pool.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use net::buffer::{BufferPool, PAYLOAD_CAPACITY, PAYLOAD_OFFSET, PacketBuffer};

/// Octets of a block.
const BLOCK: usize = PAYLOAD_OFFSET + PAYLOAD_CAPACITY;

/// A pool that makes blocks as they are needed and keeps those that come back.
#[derive(Clone, Debug, Default)]
pub struct Pool(Rc<RefCell<Vec<Box<[u8]>>>>);

impl BufferPool for Pool {
    type Buffer = Block;

    fn allocate(&mut self, headroom: usize) -> Option<Block> {
        let kept = self.0.borrow_mut().pop();
        let memory = kept.unwrap_or_else(|| vec![0; BLOCK].into_boxed_slice());
        Some(Block { memory, start: headroom, end: headroom, home: self.clone() })
    }
}

/// One block.
#[derive(Debug)]
pub struct Block {
    memory: Box<[u8]>,
    start: usize,
    end: usize,
    home: Pool,
}

impl Drop for Block {
    fn drop(&mut self) {
        self.home.0.borrow_mut().push(core::mem::take(&mut self.memory));
    }
}

impl PacketBuffer for Block {
    fn data(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    fn data_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.end]
    }

    fn headroom(&self) -> usize {
        self.start
    }

    fn tailroom(&self) -> usize {
        self.memory.len() - self.end
    }

    fn prepend(&mut self, n: usize) -> Option<&mut [u8]> {
        self.start = self.start.checked_sub(n)?;
        Some(&mut self.memory[self.start..self.start + n])
    }

    fn append(&mut self, n: usize) -> Option<&mut [u8]> {
        if n > self.tailroom() {
            return None;
        }
        self.end += n;
        Some(&mut self.memory[self.end - n..self.end])
    }

    fn trim_front(&mut self, n: usize) {
        self.start += n.min(self.end - self.start);
    }

    fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.start.saturating_add(len));
    }
}
