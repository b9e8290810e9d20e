//! A directory, open: it can be listed and be a starting point, but not read.

use super::file::File;
use super::node::Node;
use super::stat::Stat;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::UserWriter;
use alloc::rc::Rc;
use core::any::Any;

/// An open directory.
pub struct DirectoryFile(pub Rc<dyn Node>);

impl File for DirectoryFile {
    fn try_read(&self, _to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        Err(Errno::ISDIR)
    }

    fn read_at(&self, _position: u64, _to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        Err(Errno::ISDIR)
    }

    fn stat(&self) -> Result<Stat, Errno> {
        Ok(self.0.stat())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
