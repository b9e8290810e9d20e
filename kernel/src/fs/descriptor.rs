//! The table from descriptors to open files.

use super::file::OpenFile;
use crate::syscall::errno::Errno;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// The highest that RLIMIT_NOFILE can be set to (`fs.nr_open`).
pub const DESCRIPTORS_MAX: usize = 4096;

/// How many descriptors a process can have (RLIMIT_NOFILE): each new one is below this number.
/// Those that are open already stay when it is lowered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DescriptorLimit {
    /// What holds.
    pub soft: usize,
    /// What `soft` can be raised to; never above [`DESCRIPTORS_MAX`].
    pub hard: usize,
}

impl DescriptorLimit {
    /// What the first process begins with, as on Linux.
    pub const DEFAULT: Self = Self { soft: 1024, hard: DESCRIPTORS_MAX };
}

/// An entry of the table.
#[derive(Clone)]
pub struct Descriptor {
    /// What it stands for.
    pub file: Rc<OpenFile>,
    /// `FD_CLOEXEC`: execve(2) closes it.
    pub close_on_exec: bool,
}

/// The descriptors of a process.
#[derive(Clone)]
pub struct DescriptorTable {
    slots: Vec<Option<Descriptor>>,
    limit: DescriptorLimit,
    /// No descriptor below is free.
    lowest_free: usize,
}

impl DescriptorTable {
    /// A table without open descriptors.
    pub const fn new(limit: DescriptorLimit) -> Self {
        Self { slots: Vec::new(), limit, lowest_free: 0 }
    }

    /// RLIMIT_NOFILE.
    pub fn limit(&self) -> DescriptorLimit {
        self.limit
    }

    /// Changes RLIMIT_NOFILE.
    pub fn set_limit(&mut self, limit: DescriptorLimit) {
        self.limit = limit;
    }

    fn index(fd: i32) -> Result<usize, Errno> {
        usize::try_from(fd).map_err(|_| Errno::BADF)
    }

    /// The place of a descriptor that is to be opened; `None` when the limit forbids it.
    fn place(&self, fd: i32) -> Option<usize> {
        Self::index(fd).ok().filter(|&index| index < self.limit.soft)
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
        let lowest = self.place(lowest).ok_or(Errno::INVAL)?;
        let free = self.free_from(lowest.max(self.lowest_free))?;
        self.put(free, Descriptor { file, close_on_exec });
        if lowest <= self.lowest_free {
            self.lowest_free = free + 1;
        }
        Ok(free as i32)
    }

    fn free_from(&self, lowest: usize) -> Result<usize, Errno> {
        (lowest..self.limit.soft)
            .find(|&index| self.slots.get(index).is_none_or(Option::is_none))
            .ok_or(Errno::MFILE)
    }

    /// `EMFILE` when another descriptor would be too many.
    pub fn check_room(&self) -> Result<(), Errno> {
        self.free_from(self.lowest_free).map(|_| ())
    }

    /// Puts `file` at `fd` (`dup3`) and returns what was there; `EBADF` when `fd` is out of range.
    pub fn replace(
        &mut self,
        fd: i32,
        file: Rc<OpenFile>,
        close_on_exec: bool,
    ) -> Result<Option<Descriptor>, Errno> {
        let index = self.place(fd).ok_or(Errno::BADF)?;
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
        let index = Self::index(fd)?;
        let removed = self.slots.get_mut(index).and_then(Option::take).ok_or(Errno::BADF)?;
        self.lowest_free = self.lowest_free.min(index);
        Ok(removed)
    }

    /// Takes out everything that does not survive execve(2).
    pub fn take_close_on_exec(&mut self) -> Vec<Descriptor> {
        self.lowest_free = 0;
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

    const LIMIT: DescriptorLimit = DescriptorLimit { soft: 256, hard: 1000 };

    fn file() -> Rc<OpenFile> {
        pipe::new(crate::fs::file::Status::empty()).expect("few files are open").0
    }

    #[test]
    fn the_lowest_free_descriptor_is_given() {
        let mut table = DescriptorTable::new(LIMIT);
        assert_eq!(table.insert(file(), false), Ok(0));
        assert_eq!(table.insert(file(), true), Ok(1));
        assert_eq!(table.insert_from(10, file(), false), Ok(10));
        assert!(table.remove(0).is_ok());
        assert_eq!(table.insert(file(), false), Ok(0));
        assert_eq!(table.open().map(|(fd, _)| fd).collect::<Vec<_>>(), [0, 1, 10]);
        assert!(matches!(table.replace(2, file(), true), Ok(None)));
        assert_eq!(table.insert(file(), false), Ok(3));
        assert_eq!(table.take_close_on_exec().len(), 2);
        assert_eq!([1, 2, 4].map(|_| table.insert(file(), false)), [Ok(1), Ok(2), Ok(4)]);
    }

    #[test]
    fn the_table_is_bounded() {
        let mut table = DescriptorTable::new(LIMIT);
        let file = file();
        for fd in 0..LIMIT.soft {
            assert_eq!(table.insert(file.clone(), false), Ok(fd as i32));
        }
        assert_eq!(table.insert(file.clone(), false), Err(Errno::MFILE));
        assert_eq!(table.insert_from(256, file.clone(), false), Err(Errno::INVAL));
        assert!(matches!(table.replace(256, file.clone(), false), Err(Errno::BADF)));

        // What is open stays so when the limit is lowered.
        table.set_limit(DescriptorLimit { soft: 10, hard: 10 });
        assert!(table.get(255).is_ok());
        assert!(table.remove(100).is_ok() && table.remove(7).is_ok());
        assert_eq!(table.insert(file.clone(), false), Ok(7));
        assert_eq!(table.insert(file, false), Err(Errno::MFILE));
    }

    #[test]
    fn closed_and_absurd_descriptors_are_bad() {
        let mut table = DescriptorTable::new(LIMIT);
        for fd in [-1, 0, 255, 256, i32::MAX, i32::MIN] {
            assert!(matches!(table.get(fd), Err(Errno::BADF)));
            assert!(matches!(table.remove(fd), Err(Errno::BADF)));
            assert_eq!(table.set_close_on_exec(fd, true), Err(Errno::BADF));
        }
    }

    #[test]
    fn close_on_exec_takes_only_the_marked() {
        let mut table = DescriptorTable::new(LIMIT);
        for close in [false, true, false, true] {
            assert!(table.insert(file(), close).is_ok());
        }
        assert_eq!(table.set_close_on_exec(1, false), Ok(()));
        assert_eq!(table.take_close_on_exec().len(), 1);
        assert_eq!(table.open().map(|(fd, _)| fd).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
