//! Frames and heap for programs and their files, as long as the kernel keeps enough for itself.

use super::page_cache;
use crate::memory::frame::{self, Frame};

/// Frames that programs leave to the kernel: page tables must be there for those who are left when
/// programs have used up everything else.
const RESERVED: usize = 1024;

/// Bytes of the heap that programs leave to the kernel.
const RESERVED_HEAP: usize = 8 << 20;

/// Whether the kernel's heap has room for `bytes` on behalf of a program. What programs can make
/// grow asks first: the heap itself has no way to say no.
pub fn heap_has_room(bytes: usize) -> bool {
    #[cfg(target_os = "none")]
    {
        let heap = crate::memory::heap::statistics();
        heap.total.saturating_sub(heap.used) > bytes.saturating_add(RESERVED_HEAP)
    }
    // On the host there is as much as the host has.
    #[cfg(not(target_os = "none"))]
    {
        bytes < usize::MAX - RESERVED_HEAP
    }
}

/// A frame full of zeros; `None` when there is none to spare.
pub fn allocate() -> Option<Frame> {
    // The maps that lead to the frame take heap, too.
    let enough = || frame::statistics().free > RESERVED && heap_has_room(0);
    if !enough() {
        page_cache::shrink();
    }
    enough().then(Frame::allocate).flatten()
}
