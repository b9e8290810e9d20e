//! Memory: addresses with their kind in the type, physical frames, the heap and DMA memory.
//!
//! ```text
//! 0xffff_ff80_0000_0000  linear map of RAM, read-write           (layout::LINEAR)
//! 0xffff_ff81_0000_0000  devices, at their physical address      (layout::DEVICES)
//! 0xffff_ff82_0000_0000  DMA memory, not cached                  (layout::DMA)
//! 0xffff_ffff_8008_0000  the kernel: text, constants, data, stacks (layout::IMAGE)
//! ```
//!
//! The kernel image and the DMA memory are left out of the linear map, so that no page has a
//! writable alias of code or a cached alias of DMA memory.

pub mod address;
pub mod dma;
#[cfg(any(target_os = "none", test))]
mod dma_check;
pub mod frame;
#[cfg(target_os = "none")]
pub mod heap;
#[cfg(target_os = "none")]
pub mod layout;
#[cfg(any(target_os = "none", test))]
mod plan;
#[cfg(target_os = "none")]
mod setup;

pub use address::{PAGE_SIZE, PhysicalAddress, UserAddress};
#[cfg(target_os = "none")]
pub(crate) use dma_check::enable as enable_dma_check;
#[cfg(target_os = "none")]
pub(crate) use setup::{initialize, initialize_early};

/// What a page table entry lets EL0 do. Every combination but "writable and not readable" exists
/// in the hardware; writable implies readable there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Permissions {
    /// Loads.
    pub read: bool,
    /// Stores.
    pub write: bool,
    /// Instruction fetches.
    pub execute: bool,
}

/// How the memory is used, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MemoryStatistics {
    /// RAM that belongs to the ARM cores.
    pub total: usize,
    /// Page frames that nobody holds.
    pub free: usize,
    /// The kernel image: code, constants, initramfs, data, stacks.
    pub image: usize,
    /// Size of the kernel heap.
    pub heap_total: usize,
    /// Heap memory in use.
    pub heap_used: usize,
    /// Size of the DMA pool.
    pub dma_total: usize,
    /// DMA blocks in use.
    pub dma_used: usize,
}

/// How the memory is used now.
#[cfg(target_os = "none")]
pub fn statistics() -> MemoryStatistics {
    let frames = frame::statistics();
    let heap = heap::statistics();
    let pool = dma::pool();
    MemoryStatistics {
        total: setup::ram_size(),
        free: frames.free * PAGE_SIZE,
        image: layout::image_size(),
        heap_total: heap.total,
        heap_used: heap.used,
        dma_total: pool.capacity() * dma::BLOCK_SIZE,
        dma_used: (pool.capacity() - pool.available()) * dma::BLOCK_SIZE,
    }
}
