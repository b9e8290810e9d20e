//! Descriptors by number: what a shell does with redirections.
//!
//! Everything else owns its descriptors through `rustix::fd::OwnedFd`.

use linux_raw_sys::general::{__NR_close, __NR_dup3, __NR_fcntl, F_DUPFD_CLOEXEC, O_CLOEXEC};
use rustix::fd::{IntoRawFd, OwnedFd};
use rustix::io::Errno;

use crate::syscall::syscall;

/// Makes descriptor `to` mean what `from` means; whatever `to` was is closed. It stays open across
/// `execve` unless `close_on_exec`.
pub fn duplicate_to(from: i32, to: i32, close_on_exec: bool) -> Result<(), Errno> {
    let flags = if close_on_exec { O_CLOEXEC as usize } else { 0 };
    // SAFETY: descriptors are not memory; a shell answers for the numbers it redirects.
    unsafe { syscall(__NR_dup3, [from as usize, to as usize, flags, 0, 0, 0]) }.map(|_| ())
}

/// Duplicates `fd` to a free number of at least `least`, closed by `execve`.
pub fn duplicate_above(fd: i32, least: i32) -> Result<i32, Errno> {
    let arguments = [fd as usize, F_DUPFD_CLOEXEC as usize, least as usize, 0, 0, 0];
    // SAFETY: as above.
    unsafe { syscall(__NR_fcntl, arguments) }.map(|new| new as i32)
}

/// Closes a descriptor. One that is not open is no matter.
pub fn close(fd: i32) {
    // SAFETY: as above; the only error left (EBADF) says that it is closed.
    let _ = unsafe { syscall(__NR_close, [fd as usize, 0, 0, 0, 0, 0]) };
}

/// Moves a descriptor to the number `to`, where programs started from here find it.
pub fn place(fd: OwnedFd, to: i32) -> Result<(), Errno> {
    let from = fd.into_raw_fd();
    if from == to {
        // It has the right number already, but must survive `execve`.
        let copy = duplicate_above(from, 10)?;
        let result = duplicate_to(copy, to, false);
        close(copy);
        return result;
    }
    let result = duplicate_to(from, to, false);
    close(from);
    result
}
