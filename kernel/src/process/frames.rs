//! Frames for programs and their files, as long as the kernel keeps enough for itself.

use super::page_cache;
use crate::memory::frame::{self, Frame};

/// Frames that programs leave to the kernel: page tables must be there for those who are left when
/// programs have used up everything else.
const RESERVED: usize = 1024;

/// A frame full of zeros; `None` when there is none to spare.
pub fn allocate() -> Option<Frame> {
    let enough = || frame::statistics().free > RESERVED;
    if !enough() {
        page_cache::shrink();
    }
    enough().then(Frame::allocate).flatten()
}
