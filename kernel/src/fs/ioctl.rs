//! The requests of ioctl(2) that several kinds of files answer alike.

use crate::syscall::errno::Errno;
use crate::syscall::user_memory::UserPtr;
use linux_raw_sys::ioctl::FIONREAD;

/// `FIONREAD`: how many bytes can be read now. Other requests are `ENOTTY`.
pub fn bytes_available(request: u32, argument: u64, available: usize) -> Result<usize, Errno> {
    if request != FIONREAD {
        return Err(Errno::NOTTY);
    }
    let available = i32::try_from(available).unwrap_or(i32::MAX);
    UserPtr::<i32>::new(argument).write(&available)?;
    Ok(0)
}
