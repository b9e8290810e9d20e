//! The status a program ends with.

use linux_raw_sys::general::__NR_exit_group;

use crate::output;
use crate::syscall::syscall;

/// What the parent process sees: 0 is success, 1 to 255 say what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitCode(pub u8);

impl ExitCode {
    /// Everything worked.
    pub const SUCCESS: Self = Self(0);
    /// Something failed.
    pub const FAILURE: Self = Self(1);

    /// [`Self::SUCCESS`] for true.
    #[must_use]
    pub const fn from_success(success: bool) -> Self {
        if success { Self::SUCCESS } else { Self::FAILURE }
    }
}

/// Writes what standard output still holds and ends the process.
///
/// When that write fails the status is 1 at least: output that never arrived is not a success.
pub fn exit(code: ExitCode) -> ! {
    let code = if output::finish() || code.0 != 0 { code } else { ExitCode::FAILURE };
    exit_now(code)
}

/// Ends the process and throws away what standard output still holds: for a child after a fork,
/// whose buffer is a copy of its parent's.
pub fn exit_now(code: ExitCode) -> ! {
    loop {
        // SAFETY: ending the process touches no memory. It does not return; the loop only says so.
        let _ = unsafe { syscall(__NR_exit_group, [usize::from(code.0), 0, 0, 0, 0, 0]) };
    }
}
