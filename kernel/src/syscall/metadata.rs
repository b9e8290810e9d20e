//! What files are: stat(2), statfs(2), chmod(2), utimensat(2).

use super::arguments::Arguments;
use super::errno::Errno;
use super::files::locate;
use super::time::{Timespec, duration_from};
use super::user_memory::{UserPtr, plain};
use crate::fs::node::{NAME_MAX, Node};
use crate::fs::stat::{FileSystemStatus, Kind, Stat, Times};
use crate::memory::PAGE_SIZE;
use crate::process::Process;
use crate::time::{self, Duration};
use alloc::rc::Rc;
use linux_raw_sys::general::{
    AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW, MS_RDONLY, UTIME_NOW,
    UTIME_OMIT, stat,
};

/// `struct statfs`: fifteen words, all of 64 bits here.
type StatFs = [u64; 15];

plain!(stat, StatFs);

fn encode(found: &Stat) -> stat {
    let Stat { device, inode, kind, permissions, links, special, size, allocated, times } = *found;
    let seconds = |time: Duration| (time.as_secs() as i64, u64::from(time.subsec_nanos()));
    let (st_atime, st_atime_nsec) = seconds(times.accessed);
    let (st_mtime, st_mtime_nsec) = seconds(times.modified);
    let (st_ctime, st_ctime_nsec) = seconds(times.changed);
    stat {
        st_dev: device.0,
        st_ino: inode,
        st_mode: kind.mode() | permissions,
        st_nlink: links,
        st_uid: 0,
        st_gid: 0,
        st_rdev: special.0,
        __pad1: 0,
        st_size: size as i64,
        st_blksize: PAGE_SIZE as i32,
        __pad2: 0,
        st_blocks: allocated.div_ceil(512) as i64,
        st_atime,
        st_atime_nsec,
        st_mtime,
        st_mtime_nsec,
        st_ctime,
        st_ctime_nsec,
        __unused4: 0,
        __unused5: 0,
    }
}

pub(super) fn fstat(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let found = process.file(arguments.int(0))?.stat()?;
    arguments.pointer(1).write(&encode(&found))?;
    Ok(0)
}

/// newfstatat(2): also serves as fstat(2), with an empty path.
pub(super) fn newfstatat(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let path = arguments.path(1)?;
    let (fd, flags) = (arguments.int(0), arguments.unsigned(3));
    if flags & !(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0 {
        return Err(Errno::INVAL);
    }
    let found = if path.is_empty() && flags & AT_EMPTY_PATH != 0 && fd != AT_FDCWD {
        process.file(fd)?.stat()?
    } else {
        let node = locate(process, fd, &path, flags)?.node().clone();
        let follow = flags & AT_SYMLINK_NOFOLLOW == 0;
        // A link to an open file without a path stands for that file.
        match node.magic_target().filter(|_| follow) {
            Some(target) => target?.stat()?,
            None => node.stat(),
        }
    };
    arguments.pointer(2).write(&encode(&found))?;
    Ok(0)
}

fn write_statfs(status: &FileSystemStatus, to: UserPtr<StatFs>) -> Result<usize, Errno> {
    let FileSystemStatus { magic, total, free, files, read_only } = *status;
    let block = PAGE_SIZE as u64;
    // statvfs(3) has ST_RDONLY, the same number.
    let flags = if read_only { u64::from(MS_RDONLY) } else { 0 };
    let (total, free) = (total / block, free / block);
    let mut words = [0; 15];
    words[..11].copy_from_slice(&[
        magic,
        block,
        total,
        free,
        free,
        files,
        0,
        0,
        NAME_MAX as u64,
        block,
        flags,
    ]);
    to.write(&words)?;
    Ok(0)
}

pub(super) fn statfs(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let path = arguments.path(0)?;
    let location = locate(process, AT_FDCWD, &path, 0)?;
    write_statfs(&location.node().file_system(), arguments.pointer(1))
}

pub(super) fn fstatfs(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    let location = file.location().ok_or(Errno::NOSYS)?;
    write_statfs(&location.node().file_system(), arguments.pointer(1))
}

fn node_of(process: &Process, fd: i32) -> Result<Rc<dyn Node>, Errno> {
    let file = process.file(fd)?;
    // Pipes and sockets keep no attributes that could be changed.
    Ok(file.location().ok_or(Errno::INVAL)?.node().clone())
}

pub(super) fn fchmod(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    node_of(process, arguments.int(0))?.set_permissions(arguments.unsigned(1) & 0o7777)?;
    Ok(0)
}

pub(super) fn fchmodat(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let path = arguments.path(1)?;
    let location = locate(process, arguments.int(0), &path, 0)?;
    location.node().set_permissions(arguments.unsigned(2) & 0o7777)?;
    Ok(0)
}

/// chown(2): there is one user; giving a file to it changes nothing, to another is refused.
fn change_owner(node: &dyn Node, user: u32, group: u32) -> Result<usize, Errno> {
    if node.file_system().read_only {
        return Err(Errno::ROFS);
    }
    let known = |id: u32| id == 0 || id == u32::MAX;
    if known(user) && known(group) { Ok(0) } else { Err(Errno::INVAL) }
}

pub(super) fn fchown(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let node = node_of(process, arguments.int(0))?;
    change_owner(&*node, arguments.unsigned(1), arguments.unsigned(2))
}

pub(super) fn fchownat(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let path = arguments.path(1)?;
    let flags = arguments.unsigned(4);
    let location = locate(process, arguments.int(0), &path, flags)?;
    change_owner(&**location.node(), arguments.unsigned(2), arguments.unsigned(3))
}

/// utimensat(2): without times it is now, without a path the descriptor is meant.
pub(super) fn utimensat(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (fd, flags) = (arguments.int(0), arguments.unsigned(3));
    let node = if arguments.long(1) == 0 {
        node_of(process, fd)?
    } else {
        locate(process, fd, &arguments.path(1)?, flags)?.node().clone()
    };
    let now = time::realtime();
    let mut times = Times { changed: now, ..node.stat().times };
    let given = arguments.pointer::<Timespec>(2);
    let (accessed, modified) = match given.present() {
        Some(given) => (given.read()?, given.element(1).read()?),
        None => ([0, i64::from(UTIME_NOW)], [0, i64::from(UTIME_NOW)]),
    };
    for (field, [seconds, nanoseconds]) in
        [(&mut times.accessed, accessed), (&mut times.modified, modified)]
    {
        if nanoseconds == i64::from(UTIME_NOW) {
            *field = now;
        } else if nanoseconds != i64::from(UTIME_OMIT) {
            *field = duration_from([seconds, nanoseconds])?;
        }
    }
    if node.stat().kind == Kind::Character {
        return Ok(0);
    }
    node.set_times(times)?;
    Ok(0)
}
