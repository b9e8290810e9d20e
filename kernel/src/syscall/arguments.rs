//! The arguments of a system call: six registers.
//!
//! The upper half of a register that carries a 32-bit argument is undefined: such arguments are
//! cut to size before anything looks at them.

use super::errno::Errno;
use super::user_memory::{Plain, UserPtr, UserSlice, UserString};
use alloc::vec::Vec;

/// X0 to X5.
#[derive(Clone, Copy)]
pub(super) struct Arguments(pub(super) [u64; 6]);

impl Arguments {
    /// An `int`.
    pub(super) fn int(&self, index: usize) -> i32 {
        self.0[index] as i32
    }

    /// An `unsigned int`, `mode_t`, `socklen_t`.
    pub(super) fn unsigned(&self, index: usize) -> u32 {
        self.0[index] as u32
    }

    /// An `unsigned long`, `size_t`, or an address.
    pub(super) fn long(&self, index: usize) -> u64 {
        self.0[index]
    }

    /// A `loff_t`.
    pub(super) fn offset(&self, index: usize) -> i64 {
        self.0[index] as i64
    }

    /// A pointer to a structure.
    pub(super) fn pointer<T: Plain>(&self, index: usize) -> UserPtr<T> {
        UserPtr::new(self.0[index])
    }

    /// A pointer to bytes with their number in the next argument.
    pub(super) fn slice(&self, index: usize) -> UserSlice {
        UserSlice::new(self.0[index], self.0[index + 1])
    }

    /// A path.
    pub(super) fn path(&self, index: usize) -> Result<Vec<u8>, Errno> {
        UserString(self.0[index]).read_path()
    }
}
