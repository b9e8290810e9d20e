//! Packet memory: blocks that come back to their pool.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use net::buffer::{BufferPool, PAYLOAD_CAPACITY, PAYLOAD_OFFSET, PacketBuffer};

/// Octets of a block.
const BLOCK: usize = PAYLOAD_OFFSET + PAYLOAD_CAPACITY;

type Memory = Box<[u8; BLOCK]>;

/// A pool that makes blocks as they are needed and keeps those that come back.
#[derive(Clone, Debug, Default)]
pub struct Pool(Rc<RefCell<Vec<Memory>>>);

impl BufferPool for Pool {
    type Buffer = Block;

    fn allocate(&mut self, headroom: usize) -> Option<Block> {
        let kept = self.0.borrow_mut().pop();
        let memory = kept.unwrap_or_else(|| Box::new([0; BLOCK]));
        let window = Window::new(headroom, headroom);
        Some(Block { memory: Some(memory), window, home: self.clone() })
    }
}

/// One block: a handle as small as that of the kernel's DMA memory, as both stacks move it.
#[derive(Debug)]
pub struct Block {
    /// There until it goes home.
    memory: Option<Memory>,
    window: Window,
    home: Pool,
}

/// Where the window begins and ends. It is one word, which is written as a whole: reading more than
/// was written last stalls a processor, and a block that has got a header is moved next.
#[derive(Clone, Copy, Debug)]
struct Window(u64);

impl Window {
    #[inline]
    const fn new(start: usize, end: usize) -> Self {
        Self(start as u64 | (end as u64) << 32)
    }

    #[inline]
    const fn start(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }

    #[inline]
    const fn end(self) -> usize {
        (self.0 >> 32) as usize
    }

    #[inline]
    const fn len(self) -> usize {
        self.end() - self.start()
    }
}

impl Block {
    #[inline]
    fn octets(&self, from: usize, to: usize) -> &[u8] {
        self.memory.as_ref().map_or(&[], |memory| &memory[from..to])
    }

    #[inline]
    fn octets_mut(&mut self, from: usize, to: usize) -> &mut [u8] {
        self.memory.as_mut().map_or(&mut [], |memory| &mut memory[from..to])
    }
}

impl Drop for Block {
    #[inline]
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            self.home.0.borrow_mut().push(memory);
        }
    }
}

impl PacketBuffer for Block {
    #[inline]
    fn data(&self) -> &[u8] {
        self.octets(self.window.start(), self.window.end())
    }

    #[inline]
    fn data_mut(&mut self) -> &mut [u8] {
        self.octets_mut(self.window.start(), self.window.end())
    }

    #[inline]
    fn headroom(&self) -> usize {
        self.window.start()
    }

    #[inline]
    fn tailroom(&self) -> usize {
        BLOCK - self.window.end()
    }

    #[inline]
    fn prepend(&mut self, n: usize) -> Option<&mut [u8]> {
        let start = self.window.start().checked_sub(n)?;
        self.window = Window::new(start, self.window.end());
        Some(self.octets_mut(start, start + n))
    }

    #[inline]
    fn append(&mut self, n: usize) -> Option<&mut [u8]> {
        if n > self.tailroom() {
            return None;
        }
        let end = self.window.end();
        self.window = Window::new(self.window.start(), end + n);
        Some(self.octets_mut(end, end + n))
    }

    #[inline]
    fn trim_front(&mut self, n: usize) {
        let Window(window) = self.window;
        self.window = Window(window + n.min(self.window.len()) as u64);
    }

    #[inline]
    fn truncate(&mut self, len: usize) {
        let start = self.window.start();
        self.window = Window::new(start, start + len.min(self.window.len()));
    }

    #[inline]
    fn len(&self) -> usize {
        self.window.len()
    }
}
