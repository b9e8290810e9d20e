//! The numbers by which sockets are known outside: in fstat(2), as `socket:[N]` under
//! `/proc/PID/fd`, in `/proc/net` and in sock_diag(7).

use crate::sync::TaskCell;

/// A socket's number; no two sockets have the same while the kernel runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inode(u64);

impl Inode {
    /// The next number.
    pub fn fresh() -> Self {
        static NEXT: TaskCell<u64> = TaskCell::new(1);
        NEXT.with(|next| {
            *next += 1;
            Self(*next)
        })
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}
