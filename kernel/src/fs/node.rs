//! What a path leads to: files and directories as a file system keeps them.
//!
//! Each file system implements [`Node`] for its files, directories and links. What it does not
//! implement answers as Linux does for that kind. Nothing here waits: all file systems are in
//! memory.

use super::file::{Access, File, OpenFile};
use super::stat::{FileSystemStatus, Kind, Stat, Times};
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::UserWriter;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::any::Any;

/// The longest name in a directory.
pub const NAME_MAX: usize = 255;

/// One entry as getdents64(2) shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place: larger than those before it, unchanged while it exists, at least
    /// [`FIRST_COOKIE`].
    pub cookie: u64,
    /// Its name.
    pub name: Vec<u8>,
    /// Number of the file it leads to.
    pub inode: u64,
    /// What it leads to.
    pub kind: Kind,
}

/// The smallest cookie of an entry; those below belong to `.` and `..`.
pub const FIRST_COOKIE: u64 = 3;

/// What a directory is to make.
#[derive(Clone, Debug)]
pub enum NewNode<'a> {
    /// An empty regular file with these permissions.
    Regular(u32),
    /// An empty directory with these permissions.
    Directory(u32),
    /// A symbolic link to this path.
    SymbolicLink(&'a [u8]),
}

/// A file, directory or link.
pub trait Node: 'static {
    /// Its attributes.
    fn stat(&self) -> Stat;

    /// The file system it is on.
    fn file_system(&self) -> FileSystemStatus;

    /// Makes an open file of it.
    fn open(self: Rc<Self>, access: Access) -> Result<Box<dyn File>, Errno>;

    /// The target of a symbolic link; `EINVAL` when it is none.
    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        Err(Errno::INVAL)
    }

    /// For a link of `/proc/PID/fd`: the open file that it stands for.
    fn magic_target(&self) -> Option<Result<Rc<OpenFile>, Errno>> {
        None
    }

    /// Contents that can neither change nor move, so that a program can be mapped from them.
    fn fixed_contents(&self) -> Option<&'static [u8]> {
        None
    }

    /// Reads contents in the kernel, for loading programs.
    fn read_at(&self, _position: u64, _to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        Err(Errno::INVAL)
    }

    /// The entry `name` of a directory.
    fn lookup(&self, _name: &[u8]) -> Result<Rc<dyn Node>, Errno> {
        Err(Errno::NOTDIR)
    }

    /// All entries but `.` and `..`, by rising cookie.
    fn entries(&self) -> Result<Vec<Entry>, Errno> {
        Err(Errno::NOTDIR)
    }

    /// Adds an entry with a new file; `EEXIST` when the name is taken.
    fn create(&self, _name: &[u8], _new: NewNode<'_>) -> Result<Rc<dyn Node>, Errno> {
        Err(Errno::ROFS)
    }

    /// Adds an entry for a file of the same file system.
    fn link(&self, _name: &[u8], _node: &Rc<dyn Node>) -> Result<(), Errno> {
        Err(Errno::ROFS)
    }

    /// Removes an entry: `directory` says which kind is expected (`rmdir` or `unlink`).
    fn remove(&self, _name: &[u8], _directory: bool) -> Result<(), Errno> {
        Err(Errno::ROFS)
    }

    /// Moves the entry `name` to directory `to` as `new_name`. A file in the way is replaced
    /// unless `keep`, with which it is `EEXIST`.
    fn rename(
        &self,
        _name: &[u8],
        _to: &Rc<dyn Node>,
        _new_name: &[u8],
        _keep: bool,
    ) -> Result<(), Errno> {
        Err(Errno::ROFS)
    }

    /// Cuts or extends the contents.
    fn truncate(&self, _size: u64) -> Result<(), Errno> {
        Err(Errno::INVAL)
    }

    /// Changes the permission bits.
    fn set_permissions(&self, _permissions: u32) -> Result<(), Errno> {
        Err(Errno::ROFS)
    }

    /// Changes the times.
    fn set_times(&self, _times: Times) -> Result<(), Errno> {
        Err(Errno::ROFS)
    }

    /// The node itself, so that a file system recognizes its own.
    fn as_any(&self) -> &dyn Any;
}
