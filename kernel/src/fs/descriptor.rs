//! The table from descriptors to open files.

use super::file::OpenFile;
use crate::syscall::errno::Errno;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// Descriptors that one process can have (`RLIMIT_NOFILE`).
pub const DESCRIPTORS_MAX: usize = 256;

/// An entry of the table.
#[derive(Clone)]
pub struct Descriptor {
    /// What it stands for.
    pub file: Rc<OpenFile>,
    /// `FD_CLOEXEC`: execve(2) closes it.
    pub close_on_exec: bool,
}

/// The descriptors of a process.
#[derive(Clone, Default)]
pub struct DescriptorTable {
    slots: Vec<Option<Descriptor>>,
}

impl DescriptorTable {
    /// A table without open descriptors.
    pub const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    fn index(fd: i32) -> Result<usize, Errno> {
        usize::try_from(fd).ok().filter(|&index| index < DESCRIPTORS_MAX).ok_or(Errno::BADF)
    }

    /// The entry `fd`; `EBADF` when it is not open.
    pub fn entry(&self, fd: i32) -> Result<&Descriptor, Errno> {
        self.slots.get(Self::index(fd)?).and_then(Option::as_ref).ok_or(Errno::BADF)
    }

    /// The file behind `fd`; `EBADF` when it is not open.
    pub fn get(&self, fd: i32) -> Result<Rc<OpenFile>, Errno> {
        self.entry(fd).map(|entry| entry.file.clone())
    }

    /// Sets or clears `FD_CLOEXEC`.
    pub fn set_close_on_exec(&mut self, fd: i32, close_on_exec: bool) -> Result<(), Errno> {
        let slot = self.slots.get_mut(Self::index(fd)?).and_then(Option::as_mut);
        slot.ok_or(Errno::BADF)?.close_on_exec = close_on_exec;
        Ok(())
    }

    /// The lowest free descriptor; `EMFILE` when there is none.
    pub fn insert(&mut self, file: Rc<OpenFile>, close_on_exec: bool) -> Result<i32, Errno> {
        self.insert_from(0, file, close_on_exec)
    }

    /// The lowest free descriptor that is not below `lowest` (`F_DUPFD`): `EINVAL` when `lowest`
    /// is no descriptor, `EMFILE` when all are taken.
    pub fn insert_from(
        &mut self,
        lowest: i32,
        file: Rc<OpenFile>,
        close_on_exec: bool,
    ) -> Result<i32, Errno> {
        let lowest = Self::index(lowest).map_err(|_| Errno::INVAL)?;
        let free = (lowest..DESCRIPTORS_MAX)
            .find(|&index| self.slots.get(index).is_none_or(Option::is_none))
            .ok_or(Errno::MFILE)?;
        self.put(free, Descriptor { file, close_on_exec });
        Ok(free as i32)
    }

    /// Puts `file` at `fd` (`dup3`) and returns what was there; `EBADF` when `fd` is out of range.
    pub fn replace(
        &mut self,
        fd: i32,
        file: Rc<OpenFile>,
        close_on_exec: bool,
    ) -> Result<Option<Descriptor>, Errno> {
        let index = Self::index(fd)?;
        Ok(self.put(index, Descriptor { file, close_on_exec }))
    }

    fn put(&mut self, index: usize, descriptor: Descriptor) -> Option<Descriptor> {
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        self.slots.get_mut(index).and_then(|slot| slot.replace(descriptor))
    }

    /// Closes `fd` and returns what it stood for; the file closes when nobody else has it.
    pub fn remove(&mut self, fd: i32) -> Result<Descriptor, Errno> {
        let slot = self.slots.get_mut(Self::index(fd)?).ok_or(Errno::BADF)?;
        slot.take().ok_or(Errno::BADF)
    }

    /// Takes out everything that does not survive execve(2).
    pub fn take_close_on_exec(&mut self) -> Vec<Descriptor> {
        self.slots
            .iter_mut()
            .filter(|slot| slot.as_ref().is_some_and(|entry| entry.close_on_exec))
            .filter_map(Option::take)
            .collect()
    }

    /// The open descriptors, lowest first.
    pub fn open(&self) -> impl Iterator<Item = (i32, &Descriptor)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(fd, slot)| slot.as_ref().map(|entry| (fd as i32, entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::pipe;

    fn file() -> Rc<OpenFile> {
        pipe::new(crate::fs::file::Status::empty()).0
    }

    #[test]
    fn the_lowest_free_descriptor_is_given() {
        let mut table = DescriptorTable::new();
        assert_eq!(table.insert(file(), false), Ok(0));
        assert_eq!(table.insert(file(), true), Ok(1));
        assert_eq!(table.insert_from(10, file(), false), Ok(10));
        assert!(table.remove(0).is_ok());
        assert_eq!(table.insert(file(), false), Ok(0));
        assert_eq!(table.open().map(|(fd, _)| fd).collect::<Vec<_>>(), [0, 1, 10]);
    }

    #[test]
    fn the_table_is_bounded() {
        let mut table = DescriptorTable::new();
        let file = file();
        for fd in 0..DESCRIPTORS_MAX {
            assert_eq!(table.insert(file.clone(), false), Ok(fd as i32));
        }
        assert_eq!(table.insert(file.clone(), false), Err(Errno::MFILE));
        assert_eq!(table.insert_from(256, file.clone(), false), Err(Errno::INVAL));
        assert!(matches!(table.replace(256, file, false), Err(Errno::BADF)));
    }

    #[test]
    fn closed_and_absurd_descriptors_are_bad() {
        let mut table = DescriptorTable::new();
        for fd in [-1, 0, 255, 256, i32::MAX, i32::MIN] {
            assert!(matches!(table.get(fd), Err(Errno::BADF)));
            assert!(matches!(table.remove(fd), Err(Errno::BADF)));
            assert_eq!(table.set_close_on_exec(fd, true), Err(Errno::BADF));
        }
    }

    #[test]
    fn close_on_exec_takes_only_the_marked() {
        let mut table = DescriptorTable::new();
        for close in [false, true, false, true] {
            assert!(table.insert(file(), close).is_ok());
        }
        assert_eq!(table.set_close_on_exec(1, false), Ok(()));
        assert_eq!(table.take_close_on_exec().len(), 1);
        assert_eq!(table.open().map(|(fd, _)| fd).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
