//! Physical page frames: the allocator and the type that owns one.
//!
//! A frame is zeroed when it is allocated, so no program reads what another left behind.

use super::{PAGE_SIZE, PhysicalAddress};
use core::ptr::NonNull;

/// One page of RAM, owned: freed when dropped.
pub struct Frame(NonNull<[u8; PAGE_SIZE]>);

impl Frame {
    /// A frame full of zeros, or `None` when the memory is used up.
    pub fn allocate() -> Option<Self> {
        let mut frame = Self(backend::take()?);
        frame.bytes_mut().fill(0);
        Some(frame)
    }

    /// Where it is on the physical bus.
    pub fn physical(&self) -> PhysicalAddress {
        backend::physical(self.0)
    }

    /// Its contents, as the kernel sees them in the linear map.
    pub fn bytes(&self) -> &[u8; PAGE_SIZE] {
        // SAFETY: the frame is this value's alone, mapped for as long as the kernel runs, and any
        // bytes are valid. A program that has the page mapped runs only while no kernel code does.
        unsafe { self.0.as_ref() }
    }

    /// Its contents, writable.
    pub fn bytes_mut(&mut self) -> &mut [u8; PAGE_SIZE] {
        // SAFETY: as in `bytes`; `&mut self` makes the reference the only one.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: the frame came from `take`, and nobody can name it any more.
        unsafe { backend::give_back(self.0) }
    }
}

/// Counts of frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameStatistics {
    /// Frames given to the allocator.
    pub total: usize,
    /// Frames that nobody holds.
    pub free: usize,
}

#[cfg(target_os = "none")]
pub(super) use backend::donate;
pub use backend::statistics;

/// Frames of the board's RAM.
#[cfg(target_os = "none")]
mod backend {
    use super::{FrameStatistics, NonNull, PAGE_SIZE, PhysicalAddress};
    use crate::memory::layout;
    use crate::sync::TaskCell;
    use bitmap_allocator::{BitAlloc, BitAlloc1M};
    use core::ops::Range;

    struct Frames {
        /// A set bit is a free frame; the index is the frame number. 1 Mi frames are 4 GiB, four
        /// times what a BCM2837 can have.
        free: BitAlloc1M,
        statistics: FrameStatistics,
    }

    static FRAMES: TaskCell<Frames> = TaskCell::new(Frames {
        free: BitAlloc1M::DEFAULT,
        statistics: FrameStatistics { total: 0, free: 0 },
    });

    /// Counts of frames.
    pub fn statistics() -> FrameStatistics {
        FRAMES.with(|frames| frames.statistics)
    }

    /// Hands a range of physical memory to the allocator.
    ///
    /// # Safety
    ///
    /// The range is whole pages of RAM, in the linear map, and used by nobody else from now on.
    pub(in crate::memory) unsafe fn donate(range: Range<u64>) {
        let numbers =
            (range.start / PAGE_SIZE as u64) as usize..(range.end / PAGE_SIZE as u64) as usize;
        FRAMES.with(|frames| {
            frames.statistics.total += numbers.len();
            frames.statistics.free += numbers.len();
            frames.free.insert(numbers);
        });
    }

    pub(super) fn take() -> Option<NonNull<[u8; PAGE_SIZE]>> {
        let number = FRAMES.with(|frames| {
            let number = frames.free.alloc()?;
            frames.statistics.free -= 1;
            Some(number)
        })?;
        let physical = PhysicalAddress::new(number as u64 * PAGE_SIZE as u64);
        NonNull::new(layout::linear(physical).cast())
    }

    pub(super) unsafe fn give_back(page: NonNull<[u8; PAGE_SIZE]>) {
        let number = physical(page).get() as usize / PAGE_SIZE;
        FRAMES.with(|frames| {
            assert!(frames.free.dealloc(number), "frame {number:#x} was freed twice");
            frames.statistics.free += 1;
        });
    }

    pub(super) fn physical(page: NonNull<[u8; PAGE_SIZE]>) -> PhysicalAddress {
        layout::linear_to_physical(page.as_ptr().cast())
    }
}

/// On the host a frame is a page of the test process; its address stands for the physical one.
#[cfg(not(target_os = "none"))]
mod backend {
    use super::{FrameStatistics, NonNull, PAGE_SIZE, PhysicalAddress};
    use alloc::alloc::{Layout, alloc, dealloc};

    const LAYOUT: Layout = match Layout::from_size_align(PAGE_SIZE, PAGE_SIZE) {
        Ok(layout) => layout,
        Err(_) => unreachable!(),
    };

    /// Counts of frames: as many as the host has.
    pub fn statistics() -> FrameStatistics {
        FrameStatistics { total: usize::MAX / PAGE_SIZE, free: usize::MAX / PAGE_SIZE }
    }

    pub(super) fn take() -> Option<NonNull<[u8; PAGE_SIZE]>> {
        // SAFETY: the layout's size is not zero.
        NonNull::new(unsafe { alloc(LAYOUT) }.cast())
    }

    pub(super) unsafe fn give_back(page: NonNull<[u8; PAGE_SIZE]>) {
        // SAFETY: the page came from `take`, which used the same layout.
        unsafe { dealloc(page.as_ptr().cast(), LAYOUT) }
    }

    pub(super) fn physical(page: NonNull<[u8; PAGE_SIZE]>) -> PhysicalAddress {
        PhysicalAddress::new(page.as_ptr() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_zero_and_page_aligned() {
        let mut frame = Frame::allocate().expect("the host has memory");
        assert_eq!(frame.physical().get() % PAGE_SIZE as u64, 0);
        assert!(frame.bytes().iter().all(|byte| *byte == 0));
        frame.bytes_mut()[7] = 1;
        assert_eq!(frame.bytes()[7], 1);
    }
}
