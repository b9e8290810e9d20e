//! Copying bytes and files.

use alloc::vec;

use rt::output::write_all;
use rt::rustix::fd::{AsFd, BorrowedFd};
use rt::rustix::fs::{Mode, OFlags, Stat, Timespec, Timestamps, fchmod, futimens, open};
use rt::rustix::io::Errno;

/// How much is copied at a time.
const BLOCK: usize = 64 * 1024;

/// Which side of a copy an error came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyError {
    /// Reading the source.
    Read(Errno),
    /// Writing the destination.
    Write(Errno),
}

/// Copies everything from one descriptor to another.
pub fn all(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), CopyError> {
    let mut buffer = vec![0; BLOCK];
    loop {
        let count = rt::input::read(from, &mut buffer).map_err(CopyError::Read)?;
        if count == 0 {
            return Ok(());
        }
        write_all(to, buffer.get(..count).unwrap_or_default()).map_err(CopyError::Write)?;
    }
}

/// Copies the content of a regular file to a path, which is created with the source's permissions
/// or overwritten. With `preserve` the permissions and times become those of the source.
pub fn file(
    from: BorrowedFd<'_>,
    status: &Stat,
    to: &[u8],
    preserve: bool,
) -> Result<(), CopyError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(status.st_mode & 0o7777);
    let target = open(to, flags, mode).map_err(CopyError::Write)?;
    all(from, target.as_fd())?;
    if preserve {
        fchmod(&target, mode).map_err(CopyError::Write)?;
        futimens(&target, &times(status)).map_err(CopyError::Write)?;
    }
    Ok(())
}

/// The times of access and change in a file's status.
#[must_use]
pub fn times(status: &Stat) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: status.st_atime,
            tv_nsec: i64::try_from(status.st_atime_nsec).unwrap_or(0),
        },
        last_modification: Timespec {
            tv_sec: status.st_mtime,
            tv_nsec: i64::try_from(status.st_mtime_nsec).unwrap_or(0),
        },
    }
}
