//! Directories: getdents64(2), mkdir(2), unlink(2), rename(2), chdir(2).

use super::arguments::Arguments;
use super::errno::Errno;
use super::files::{locate, start};
use super::user_memory::{UserSlice, UserWriter};
use crate::fs::file::OpenFile;
use crate::fs::node::{Entry, NewNode};
use crate::fs::path::{LastLink, Location, Parent};
use crate::fs::stat::Kind;
use crate::process::Process;
use alloc::rc::Rc;
use alloc::vec::Vec;
use linux_raw_sys::general::{
    AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, RENAME_NOREPLACE, S_IFMT, S_IFREG,
};

/// Offset of `d_name` in `struct linux_dirent64`.
const NAME_OFFSET: usize = 19;

fn dirent(entry: &Entry) -> Vec<u8> {
    let length = (NAME_OFFSET + entry.name.len() + 1).next_multiple_of(8);
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(entry.inode.to_le_bytes());
    bytes.extend(entry.cookie.to_le_bytes());
    bytes.extend((length as u16).to_le_bytes());
    bytes.push(entry.kind.directory_type());
    bytes.extend_from_slice(&entry.name);
    bytes.resize(length, 0);
    bytes
}

fn directory(file: &OpenFile) -> Result<&Rc<Location>, Errno> {
    let location = file.location().ok_or(Errno::NOTDIR)?;
    let is_directory = location.node().stat().kind == Kind::Directory;
    if is_directory { Ok(location) } else { Err(Errno::NOTDIR) }
}

/// getdents64(2): the position is the cookie of the last entry given. `EINVAL` when there is no
/// room for one.
pub(super) fn getdents64(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    let location = directory(&file)?;
    let slices = [UserSlice::new(arguments.long(1), u64::from(arguments.unsigned(2)))];
    let mut writer = UserWriter::new(&slices);
    let inode = |location: &Location| location.node().stat().inode;
    let dots = [(1, &b"."[..], inode(location)), (2, b"..", inode(&location.parent()))];
    let dots = dots.map(|(cookie, name, inode)| Entry {
        cookie,
        name: name.to_vec(),
        inode,
        kind: Kind::Directory,
    });
    let entries = location.node().entries()?;
    let mut total = 0;
    for entry in dots.iter().chain(&entries).filter(|entry| entry.cookie > file.position()) {
        let bytes = dirent(entry);
        if bytes.len() > writer.remaining() {
            if total == 0 {
                return Err(Errno::INVAL);
            }
            break;
        }
        total += writer.copy(&bytes)?;
        file.set_position(entry.cookie);
    }
    Ok(total)
}

fn parent(process: &Process, fd: i32, path: &[u8]) -> Result<Parent, Errno> {
    let start = start(process, fd, path)?;
    process.files().namespace.walk_parent(&start, path)
}

fn create(process: &Process, fd: i32, path: &[u8], new: NewNode<'_>) -> Result<usize, Errno> {
    let parent = parent(process, fd, path)?;
    let name = parent.entry_name(Errno::EXIST)?;
    // What is there already is the better answer than a file system that takes nothing.
    match process.files().namespace.child(&parent.directory, name) {
        Ok(_) => return Err(Errno::EXIST),
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    if parent.directory_wanted && !matches!(new, NewNode::Directory(_)) {
        return Err(Errno::NOENT);
    }
    parent.directory.node().create(name, new)?;
    Ok(0)
}

pub(super) fn mkdirat(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let path = arguments.path(1)?;
    let permissions = arguments.unsigned(2) & 0o1777 & !process.files().umask.get();
    create(process, arguments.int(0), &path, NewNode::Directory(permissions))
}

pub(super) fn symlinkat(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (target, path) = (arguments.path(0)?, arguments.path(2)?);
    if target.is_empty() {
        return Err(Errno::NOENT);
    }
    create(process, arguments.int(1), &path, NewNode::SymbolicLink(&target))
}

/// mknod(2) makes regular files only; devices are where their drivers put them.
pub(super) fn mknodat(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let path = arguments.path(1)?;
    let mode = arguments.unsigned(2);
    if !matches!(mode & S_IFMT, 0 | S_IFREG) {
        return Err(Errno::PERM);
    }
    let permissions = mode & 0o7777 & !process.files().umask.get();
    create(process, arguments.int(0), &path, NewNode::Regular(permissions))
}

pub(super) fn linkat(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (old, new) = (arguments.path(1)?, arguments.path(3)?);
    let flags = arguments.unsigned(4);
    let last_link = if flags & AT_SYMLINK_FOLLOW != 0 { LastLink::Follow } else { LastLink::Keep };
    let from = process.walk(&start(process, arguments.int(0), &old)?, &old, last_link)?;
    let parent = parent(process, arguments.int(2), &new)?;
    let name = parent.entry_name(Errno::EXIST)?;
    parent.directory.node().link(name, from.node())?;
    Ok(0)
}

pub(super) fn unlinkat(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let path = arguments.path(1)?;
    let flags = arguments.unsigned(2);
    if flags & !AT_REMOVEDIR != 0 {
        return Err(Errno::INVAL);
    }
    let directory = flags & AT_REMOVEDIR != 0;
    let parent = parent(process, arguments.int(0), &path)?;
    let name = match parent.name.as_slice() {
        b"." if directory => return Err(Errno::INVAL),
        b".." if directory => return Err(Errno::NOTEMPTY),
        _ => parent.entry_name(if directory { Errno::BUSY } else { Errno::ISDIR })?,
    };
    let node = parent.directory.node().lookup(name)?;
    if process.files().namespace.is_mount_point(&*node) {
        return Err(Errno::BUSY);
    }
    if parent.directory_wanted && node.stat().kind != Kind::Directory {
        return Err(Errno::NOTDIR);
    }
    parent.directory.node().remove(name, directory)?;
    Ok(0)
}

pub(super) fn renameat2(
    process: &Process,
    arguments: Arguments,
    flags: u32,
) -> Result<usize, Errno> {
    if flags & !RENAME_NOREPLACE != 0 {
        return Err(Errno::INVAL);
    }
    let (old, new) = (arguments.path(1)?, arguments.path(3)?);
    let from = parent(process, arguments.int(0), &old)?;
    let to = parent(process, arguments.int(2), &new)?;
    let (old_name, new_name) = (from.entry_name(Errno::BUSY)?, to.entry_name(Errno::BUSY)?);
    let node = from.directory.node().lookup(old_name)?;
    if process.files().namespace.is_mount_point(&*node) {
        return Err(Errno::BUSY);
    }
    let wanted = from.directory_wanted || to.directory_wanted;
    if wanted && node.stat().kind != Kind::Directory {
        return Err(Errno::NOTDIR);
    }
    // Directories of different file systems, or one that cannot be changed.
    let (source, target) = (from.directory.node(), to.directory.node());
    if source.stat().device != target.stat().device {
        return Err(Errno::XDEV);
    }
    source.rename(old_name, target, new_name, flags & RENAME_NOREPLACE != 0)?;
    Ok(0)
}

/// getcwd(2): the length with its NUL. `ENOENT` once the directory has been removed.
pub(super) fn getcwd(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let location = process.files().directory.borrow().clone();
    if location.node().stat().links == 0 {
        return Err(Errno::NOENT);
    }
    let mut path = location.path();
    path.push(0);
    let slice = arguments.slice(0);
    if slice.length < path.len() {
        return Err(Errno::RANGE);
    }
    slice.write(&path)
}

fn enter(process: &Process, location: Rc<Location>) -> Result<usize, Errno> {
    if location.node().stat().kind != Kind::Directory {
        return Err(Errno::NOTDIR);
    }
    let old = process.files().directory.replace(location);
    drop(old);
    Ok(0)
}

pub(super) fn chdir(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let path = arguments.path(0)?;
    enter(process, locate(process, AT_FDCWD, &path, 0)?)
}

pub(super) fn fchdir(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    enter(process, directory(&file)?.clone())
}
