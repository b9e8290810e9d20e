//! Opening and changing files by path: open(2), truncate(2), readlink(2), access(2).

use super::arguments::Arguments;
use super::errno::Errno;
use crate::fs::open::{OpenFlags, open};
use crate::fs::path::{LastLink, Location};
use crate::process::Process;
use alloc::rc::Rc;
use linux_raw_sys::general::{
    AT_EACCESS, AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, R_OK, W_OK, X_OK,
};

/// Where a relative path begins: the directory that argument `index` names, or the working
/// directory. The path decides whether it matters.
pub(super) fn start(process: &Process, fd: i32, path: &[u8]) -> Result<Rc<Location>, Errno> {
    if fd == AT_FDCWD || path.first() == Some(&b'/') {
        return Ok(process.files().directory.borrow().clone());
    }
    process.file(fd)?.location().cloned().ok_or(Errno::NOTDIR)
}

/// The file that a descriptor, a path and `AT_…` flags name together.
pub(super) fn locate(
    process: &Process,
    fd: i32,
    path: &[u8],
    flags: u32,
) -> Result<Rc<Location>, Errno> {
    let start = start(process, fd, path)?;
    if path.is_empty() && flags & AT_EMPTY_PATH != 0 {
        return Ok(start);
    }
    let keep = flags & AT_SYMLINK_NOFOLLOW != 0;
    let last_link = if keep { LastLink::Keep } else { LastLink::Follow };
    process.walk(&start, path, last_link)
}

pub(super) fn openat(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let path = arguments.path(1)?;
    let (flags, mode) = (arguments.unsigned(2), arguments.unsigned(3));
    let files = process.files();
    let start = start(process, arguments.int(0), &path)?;
    let permissions = mode & 0o7777 & !files.umask.get();
    let file = open(&files.namespace, &start, &path, OpenFlags(flags), permissions)?;
    super::identity::note_terminal(process, &file, flags);
    Ok(process.insert_file(file, flags & O_CLOEXEC != 0)? as usize)
}

pub(super) fn truncate(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let path = arguments.path(0)?;
    let size = u64::try_from(arguments.offset(1)).map_err(|_| Errno::INVAL)?;
    locate(process, linux_raw_sys::general::AT_FDCWD, &path, 0)?.node().truncate(size)?;
    Ok(0)
}

/// ftruncate(2): `EINVAL` unless it is a file that can be written.
pub(super) fn ftruncate(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    let size = u64::try_from(arguments.offset(1)).map_err(|_| Errno::INVAL)?;
    if !file.access().write {
        return Err(Errno::INVAL);
    }
    file.file().truncate(size)?;
    Ok(0)
}

pub(super) fn readlinkat(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let path = arguments.path(1)?;
    let room = arguments.int(3);
    if room <= 0 {
        return Err(Errno::INVAL);
    }
    let flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
    let target = locate(process, arguments.int(0), &path, flags)?.node().read_link()?;
    super::user_memory::UserSlice::new(arguments.long(2), room as u64).write(&target)
}

/// faccessat(2) and faccessat2(2): everybody is user 0, who may read and write everything that can
/// be written at all, and execute what somebody may execute.
pub(super) fn faccessat(
    process: &Process,
    arguments: Arguments,
    flags: u32,
) -> Result<usize, Errno> {
    let path = arguments.path(1)?;
    let mode = arguments.unsigned(2);
    if mode & !(R_OK | W_OK | X_OK) != 0
        || flags & !(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0
    {
        return Err(Errno::INVAL);
    }
    let location = locate(process, arguments.int(0), &path, flags)?;
    let stat = location.node().stat();
    if mode & X_OK != 0 && stat.permissions & 0o111 == 0 {
        return Err(Errno::ACCES);
    }
    if mode & W_OK != 0 && location.node().file_system().read_only {
        use crate::fs::stat::Kind;
        // Devices can be written on a file system that cannot be changed.
        if matches!(stat.kind, Kind::Regular | Kind::Directory) {
            return Err(Errno::ROFS);
        }
    }
    Ok(0)
}
