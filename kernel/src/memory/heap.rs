//! The kernel heap: a kept allocator over one region of the linear map.

use crate::sync::IrqCell;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};
use talc::base::Talc;
use talc::base::binning::DefaultBinning;
use talc::source::Manual;

struct Heap {
    allocator: Talc<Manual, DefaultBinning>,
    statistics: HeapStatistics,
}

/// Sizes in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeapStatistics {
    /// The region.
    pub total: usize,
    /// What is allocated, as asked for.
    pub used: usize,
    /// The most that was ever allocated.
    pub peak: usize,
}

// Interrupts are masked during a call, because handlers may drop wakers, which free memory.
struct KernelHeap(IrqCell<Heap>);

#[global_allocator]
static HEAP: KernelHeap = KernelHeap(IrqCell::new(Heap {
    allocator: Talc::new(Manual),
    statistics: HeapStatistics { total: 0, used: 0, peak: 0 },
}));

// SAFETY: all calls go to one allocator, one at a time; the region was claimed for it alone.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.with(|heap| {
            // SAFETY: the caller passes a layout whose size is not zero.
            let block = unsafe { heap.allocator.allocate(layout) };
            if block.is_some() {
                heap.statistics.grow(layout.size());
            }
            block.map_or(null_mut(), NonNull::as_ptr)
        })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.0.with(|heap| {
            heap.statistics.used -= layout.size();
            // SAFETY: the caller passes what `alloc` returned for this layout.
            unsafe { heap.allocator.deallocate(pointer, layout) };
        });
    }
}

impl HeapStatistics {
    fn grow(&mut self, size: usize) {
        self.used += size;
        self.peak = self.peak.max(self.used);
    }
}

/// Gives the heap its region.
///
/// # Safety
///
/// The region is mapped memory, used by nobody else from now on.
pub(super) unsafe fn initialize(start: *mut u8, size: usize) {
    HEAP.0.with(|heap| {
        // SAFETY: passed on to the caller.
        let claimed = unsafe { heap.allocator.claim(start, size) };
        assert!(claimed.is_some(), "the heap's region is too small");
        heap.statistics.total = size;
    });
}

/// How the heap is used.
pub fn statistics() -> HeapStatistics {
    HEAP.0.with(|heap| heap.statistics)
}
