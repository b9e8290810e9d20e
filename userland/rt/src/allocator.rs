//! The heap: the `talc` allocator over the program break, over `mmap` where the break cannot grow.
//!
//! The break grows in one piece, which keeps the heap free of seams. Memory is not given back: the
//! programs are short-lived.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use linux_raw_sys::general::__NR_brk;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use talc::TalcLock;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

use crate::syscall::syscall;

/// The heap grows by multiples of this many bytes.
const GRANULE: usize = 64 * 1024;

/// Where the heap gets its memory from.
#[derive(Debug)]
pub struct Pages {
    /// The end of the heap area that ends at the program break.
    end: Option<NonNull<u8>>,
}

// SAFETY: the pointer says where memory ends; owning that memory is not tied to a thread.
unsafe impl Send for Pages {}

/// The type of the global allocator that [`crate::main!`] declares.
pub type Allocator = TalcLock<spin::Mutex<()>, Pages>;

/// An allocator that has nothing yet.
#[must_use]
pub const fn new() -> Allocator {
    TalcLock::new(Pages { end: None })
}

/// Sets the program break; the kernel answers with the break that is in force then.
///
/// # Safety
///
/// Nothing uses memory between a lower `address` and the old break; 0 only asks.
unsafe fn set_break(address: usize) -> Option<usize> {
    // SAFETY: the caller's promise.
    unsafe { syscall(__NR_brk, [address, 0, 0, 0, 0, 0]) }.ok()
}

/// Moves the program break up by at least `size` bytes and returns where the new memory begins.
fn grow_break(size: usize) -> Option<*mut u8> {
    // SAFETY: a query changes nothing.
    let start = unsafe { set_break(0) }?.checked_next_multiple_of(16)?;
    let wanted = start.checked_add(size)?;
    // SAFETY: the break only moves up, and nothing else in the process moves it.
    let reached = unsafe { set_break(wanted) }?;
    (reached >= wanted).then(|| ptr::with_exposed_provenance_mut(start))
}

// SAFETY: it touches no Rust allocator, only system calls.
unsafe impl Source for Pages {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        // Room for the block, its alignment and the allocator's own bookkeeping.
        let needed = layout.size().checked_add(layout.align()).ok_or(())?;
        let size = needed.checked_add(2 * GRANULE - 1).ok_or(())? / GRANULE * GRANULE;

        if let Some(base) = grow_break(size) {
            let end = base.wrapping_add(size);
            match talc.source.end.take() {
                Some(old_end) if old_end.as_ptr() == base => {
                    // SAFETY: the memory from the old end to the new break was just handed out by
                    // the kernel and belongs to nobody else.
                    talc.source.end = Some(unsafe { talc.extend(old_end, end) });
                }
                // SAFETY: the memory was just handed out by the kernel and belongs to nobody else.
                _ => talc.source.end = unsafe { talc.claim(base, size) },
            }
            return talc.source.end.map(|_| ()).ok_or(());
        }
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a new mapping at a place the kernel chooses overlaps nothing.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), size, protection, flags) };
        // SAFETY: the mapping is new and belongs to nobody else.
        unsafe { talc.claim(base.map_err(|_| ())?.cast(), size) }.map(|_| ()).ok_or(())
    }
}
