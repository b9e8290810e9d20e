//! DMA memory: blocks that the CPU maps without a cache and the USB controller reaches directly.
//!
//! A block is a packet buffer of the network stack and a transfer buffer of the host controller
//! at once, so a frame moves between the wire and a socket without being copied. Because the
//! memory is not cached there is no cache maintenance to forget.
//!
//! A block belongs to whoever holds the [`DmaBuffer`]; while hardware uses it, that is the
//! controller's driver. Dropped, it returns to its pool.

use crate::sync::IrqCell;
use alloc::vec::Vec;
use core::ptr::NonNull;
use net::buffer::{BufferPool, PAYLOAD_CAPACITY, PAYLOAD_OFFSET, PacketBuffer};
use usb_core::buffer::{BusAddress, DmaBuffer as UsbBuffer};

/// Bytes in a block: a page, so the largest control transfer of an enumeration (4096 bytes) fits,
/// and a frame with every header and a whole receive window fit easily.
pub const BLOCK_SIZE: usize = 4096;

/// Where the window of a fresh receive buffer starts: room in front for what a class driver or
/// the stack wants to prepend to a received frame; a multiple of 64 bytes.
pub const RECEIVE_OFFSET: usize = 64;

const _: () = assert!(PAYLOAD_OFFSET + PAYLOAD_CAPACITY <= BLOCK_SIZE);
const _: () = assert!(RECEIVE_OFFSET + 2048 <= BLOCK_SIZE);

/// One pool: a region of memory and the list of its free blocks.
struct Pool {
    start: NonNull<u8>,
    bus_start: u32,
    capacity: usize,
    state: IrqCell<PoolState>,
}

struct PoolState {
    free: Vec<u32>,
    /// Lowest number of free blocks seen.
    low_water: usize,
    /// Count of requests that found the pool empty.
    exhausted: u64,
}

/// A handle on the pool; cheap to copy.
#[derive(Clone, Copy)]
pub struct DmaPool(&'static Pool);

// SAFETY: the pool's only mutable state is in an `IrqCell`; the region itself is reached through
// the blocks, each of which has one owner.
unsafe impl Sync for Pool {}
// SAFETY: as for `Sync`.
unsafe impl Send for Pool {}

impl DmaPool {
    /// A pool over a region, cut into blocks of [`BLOCK_SIZE`].
    ///
    /// # Safety
    ///
    /// 1. `capacity * BLOCK_SIZE` bytes from `start` are valid memory, used by nobody else, for
    ///    ever, and aligned to 64 bytes.
    /// 2. What the CPU writes there is seen by DMA and the reverse; `bus_start` is where the DMA
    ///    master finds the region.
    pub unsafe fn new(start: NonNull<u8>, bus_start: BusAddress, capacity: usize) -> Self {
        let free = (0..capacity as u32).rev().collect();
        Self(alloc::boxed::Box::leak(alloc::boxed::Box::new(Pool {
            start,
            bus_start: bus_start.0,
            capacity,
            state: IrqCell::new(PoolState { free, low_water: capacity, exhausted: 0 }),
        })))
    }

    /// Count of blocks.
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// Count of free blocks.
    pub fn available(&self) -> usize {
        self.0.state.with(|state| state.free.len())
    }

    /// Lowest count of free blocks since boot.
    pub fn low_water(&self) -> usize {
        self.0.state.with(|state| state.low_water)
    }

    /// Count of requests that found no free block.
    pub fn exhausted(&self) -> u64 {
        self.0.state.with(|state| state.exhausted)
    }

    /// An empty buffer whose window starts `headroom` bytes into the block, or `None` when no
    /// block is free or the block is not that long.
    pub fn take(&self, headroom: usize) -> Option<DmaBuffer> {
        if headroom > BLOCK_SIZE {
            return None;
        }
        let index = self.0.state.with(|state| {
            let index = state.free.pop();
            if index.is_none() {
                state.exhausted += 1;
            }
            state.low_water = state.low_water.min(state.free.len());
            index
        })?;
        Some(DmaBuffer { pool: self.0, index, start: headroom as u16, end: headroom as u16 })
    }

    /// A buffer with a window of `length` bytes (contents unspecified) that starts at
    /// [`RECEIVE_OFFSET`]: for receiving by DMA.
    pub fn take_for_receive(&self, length: usize) -> Option<DmaBuffer> {
        let mut buffer = self.take(RECEIVE_OFFSET)?;
        buffer.set_len(length).then_some(buffer)
    }
}

impl BufferPool for DmaPool {
    type Buffer = DmaBuffer;

    fn allocate(&mut self, headroom: usize) -> Option<DmaBuffer> {
        self.take(headroom)
    }
}

/// A block of DMA memory with a window; see [`PacketBuffer`] and [`usb_core::buffer::DmaBuffer`].
pub struct DmaBuffer {
    pool: &'static Pool,
    index: u32,
    /// First byte of the window.
    start: u16,
    /// First byte behind the window. `start <= end <= BLOCK_SIZE`.
    end: u16,
}

impl DmaBuffer {
    fn block(&self) -> &[u8] {
        // SAFETY: the block is inside of the pool's region, `self` is its only owner, and any
        // bytes are valid.
        unsafe { core::slice::from_raw_parts(self.block_start(), BLOCK_SIZE) }
    }

    fn block_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `block`; `&mut self` makes the reference the only one.
        unsafe { core::slice::from_raw_parts_mut(self.block_start(), BLOCK_SIZE) }
    }

    fn block_start(&self) -> *mut u8 {
        // SAFETY: `index` is below the pool's capacity, so the result is inside of its region.
        unsafe { self.pool.start.as_ptr().add(self.index as usize * BLOCK_SIZE) }
    }

    /// What the hardware gets.
    #[cfg(target_os = "none")]
    fn given(&self, bus: BusAddress) -> super::dma_check::Given {
        let bus_start = u64::from(self.pool.bus_start);
        super::dma_check::Given {
            address: self.block_start() as u64 + u64::from(self.start),
            length: self.window().len() as u64,
            bus: u64::from(bus.0),
            pool: self.pool.start.as_ptr() as u64,
            pool_bus: bus_start..bus_start + (self.pool.capacity * BLOCK_SIZE) as u64,
        }
    }

    fn window(&self) -> core::ops::Range<usize> {
        usize::from(self.start)..usize::from(self.end)
    }
}

impl Drop for DmaBuffer {
    fn drop(&mut self) {
        // The list was made with room for every block, so this never allocates.
        self.pool.state.with(|state| state.free.push(self.index));
    }
}

impl core::fmt::Debug for DmaBuffer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "DmaBuffer {{ block {}, window {:?} }}", self.index, self.window())
    }
}

impl UsbBuffer for DmaBuffer {
    fn bus_address(&self) -> BusAddress {
        let offset = self.index as usize * BLOCK_SIZE + usize::from(self.start);
        let bus = BusAddress(self.pool.bus_start + offset as u32);
        #[cfg(target_os = "none")]
        if super::dma_check::is_enabled() {
            super::dma_check::check_given(&self.given(bus));
        }
        bus
    }

    fn bytes(&self) -> &[u8] {
        self.data()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.data_mut()
    }

    fn set_len(&mut self, len: usize) -> bool {
        let fits = len <= BLOCK_SIZE - usize::from(self.start);
        if fits {
            self.end = self.start + len as u16;
        }
        fits
    }
}

impl PacketBuffer for DmaBuffer {
    fn data(&self) -> &[u8] {
        &self.block()[self.window()]
    }

    fn data_mut(&mut self) -> &mut [u8] {
        let window = self.window();
        &mut self.block_mut()[window]
    }

    fn headroom(&self) -> usize {
        usize::from(self.start)
    }

    fn tailroom(&self) -> usize {
        BLOCK_SIZE - usize::from(self.end)
    }

    fn prepend(&mut self, n: usize) -> Option<&mut [u8]> {
        if n > self.headroom() {
            return None;
        }
        self.start -= n as u16;
        Some(&mut self.data_mut()[..n])
    }

    fn append(&mut self, n: usize) -> Option<&mut [u8]> {
        if n > self.tailroom() {
            return None;
        }
        let old = PacketBuffer::len(self);
        self.end += n as u16;
        Some(&mut self.data_mut()[old..])
    }

    fn trim_front(&mut self, n: usize) {
        self.start += n.min(PacketBuffer::len(self)) as u16;
    }

    fn truncate(&mut self, len: usize) {
        self.end = self.start + len.min(PacketBuffer::len(self)) as u16;
    }

    fn len(&self) -> usize {
        usize::from(self.end - self.start)
    }
}

/// The kernel's pool, made at boot.
#[cfg(target_os = "none")]
static POOL: spin::Once<DmaPool> = spin::Once::new();

/// Sets the kernel's pool, once.
#[cfg(target_os = "none")]
pub(super) fn set_pool(pool: DmaPool) {
    POOL.call_once(|| pool);
}

/// The text of `/sys/kernel/dma`: how the pool fares. The file is ours, not Linux's.
#[cfg(target_os = "none")]
pub(crate) fn report(text: &mut alloc::string::String) {
    use core::fmt::Write;
    let pool = pool();
    for (name, value) in [
        ("blocks", pool.capacity() as u64),
        ("free", pool.available() as u64),
        ("low_water", pool.low_water() as u64),
        ("exhausted", pool.exhausted()),
        ("checks", super::dma_check::checks()),
    ] {
        let _ = writeln!(text, "{name:<20} {value}");
    }
}

/// The kernel's pool.
#[cfg(target_os = "none")]
pub fn pool() -> DmaPool {
    *POOL.get().expect("the DMA pool is made before anything uses it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(blocks: usize) -> DmaPool {
        let memory = vec![0u8; blocks * BLOCK_SIZE + 64].leak();
        let offset = memory.as_ptr().align_offset(64);
        let start = NonNull::from(&mut memory[offset]);
        // SAFETY: the memory was leaked for this pool alone, and no hardware is involved.
        unsafe { DmaPool::new(start, BusAddress(0xc100_0000), blocks) }
    }

    #[test]
    fn blocks_come_back_when_dropped() {
        let pool = pool(2);
        let first = pool.take(0).expect("two are free");
        let second = pool.take(0).expect("one is free");
        assert!(pool.take(0).is_none());
        assert_eq!((pool.available(), pool.low_water(), pool.exhausted()), (0, 0, 1));
        assert_ne!(first.bus_address(), second.bus_address());
        drop(first);
        assert_eq!(pool.available(), 1);
        drop(second);
        assert_eq!(pool.available(), 2);
    }

    #[test]
    fn the_window_grows_and_shrinks_at_both_ends() {
        let mut buffer = pool(1).take(PAYLOAD_OFFSET).expect("one is free");
        assert!(PacketBuffer::is_empty(&buffer));
        buffer.append(4).expect("there is room").copy_from_slice(b"load");
        buffer.prepend(3).expect("there is room").copy_from_slice(b"pay");
        assert_eq!(buffer.data(), b"payload");
        assert_eq!(buffer.headroom(), PAYLOAD_OFFSET - 3);
        assert_eq!(buffer.bus_address(), BusAddress(0xc100_0000 + PAYLOAD_OFFSET as u32 - 3));
        buffer.trim_front(3);
        buffer.truncate(2);
        assert_eq!(buffer.data(), b"lo");
        assert!(buffer.prepend(PAYLOAD_OFFSET + 1).is_none());
        assert!(buffer.append(BLOCK_SIZE).is_none());
        buffer.trim_front(100);
        assert!(PacketBuffer::is_empty(&buffer));
    }

    #[test]
    fn a_receive_window_is_aligned_and_limited_by_the_block() {
        let pool = pool(1);
        let mut buffer = pool.take_for_receive(2048).expect("one is free");
        assert_eq!(buffer.bus_address().0 % 64, 0);
        assert_eq!(buffer.bytes().len(), 2048);
        assert!(buffer.set_len(BLOCK_SIZE - RECEIVE_OFFSET));
        assert!(!buffer.set_len(BLOCK_SIZE - RECEIVE_OFFSET + 1));
        assert_eq!(buffer.bytes().len(), BLOCK_SIZE - RECEIVE_OFFSET);
        drop(buffer);
        assert!(pool.take_for_receive(BLOCK_SIZE).is_none());
        assert_eq!(pool.available(), 1);
    }
}
