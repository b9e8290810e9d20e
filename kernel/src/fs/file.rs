//! Open files: what one can do with an object behind a descriptor, and the open file description.
//!
//! A [`File`] never blocks: a call that would have to wait answers `EAGAIN`, and its
//! [`WaitQueue`] is woken when trying again may help. Waiting is done in one place, the system call
//! layer. Position and status flags belong to the [`OpenFile`], which `dup` and `fork` share.
//!
//! This file does not know paths (`path`) or descriptor tables (`descriptor`).

use super::path::Location;
use super::stat::Stat;
use crate::executor::WaitQueue;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserWriter};
use alloc::boxed::Box;
use alloc::rc::Rc;
use bitflags::bitflags;
use core::any::Any;
use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use linux_raw_sys::general::{
    O_ACCMODE, O_APPEND, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, POLLERR, POLLHUP, POLLIN,
    POLLNVAL, POLLOUT, POLLPRI, POLLRDHUP, POLLRDNORM, POLLWRNORM,
};

bitflags! {
    /// What poll(2) reports.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Readiness: u16 {
        /// Reading would not block.
        const IN = (POLLIN | POLLRDNORM) as u16;
        /// There is urgent data.
        const PRIORITY = POLLPRI as u16;
        /// Writing would not block.
        const OUT = (POLLOUT | POLLWRNORM) as u16;
        /// There is an error to fetch, or the reader of a pipe is gone.
        const ERROR = POLLERR as u16;
        /// The other side is gone.
        const HANG_UP = POLLHUP as u16;
        /// The descriptor is not open.
        const INVALID = POLLNVAL as u16;
        /// The other side will send no more.
        const READ_HANG_UP = POLLRDHUP as u16;
    }
}

impl Readiness {
    /// The conditions that are reported whether asked for or not.
    pub const ALWAYS: Self = Self::ERROR.union(Self::HANG_UP).union(Self::INVALID);
}

/// The argument of an ioctl(2): a pointer or a number, as the request has it.
pub type IoctlArgument = u64;

/// How long a call waits, and what it answers then: a terminal with `VTIME` 0 bytes, a socket with
/// `SO_RCVTIMEO` an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeLimit {
    /// The time.
    pub after: Duration,
    /// The answer.
    pub result: Result<usize, Errno>,
}

/// An object behind a descriptor.
pub trait File: 'static {
    /// Takes bytes from a stream. 0 is its end; `EAGAIN`: none yet.
    fn try_read(&self, _to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        Err(Errno::INVAL)
    }

    /// Puts bytes into a stream and says how many it took. `EAGAIN`: no room yet.
    fn try_write(&self, _from: &mut UserReader<'_>) -> Result<usize, Errno> {
        Err(Errno::INVAL)
    }

    /// Takes bytes from `position` on. `ESPIPE` for streams.
    fn read_at(&self, _position: u64, _to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        Err(Errno::SPIPE)
    }

    /// Puts bytes at `position`. `ESPIPE` for streams.
    fn write_at(&self, _position: u64, _from: &mut UserReader<'_>) -> Result<usize, Errno> {
        Err(Errno::SPIPE)
    }

    /// The size when the object has positions; `None` for a stream.
    fn size(&self) -> Option<u64> {
        None
    }

    /// Cuts or extends the contents.
    fn truncate(&self, _size: u64) -> Result<(), Errno> {
        Err(Errno::INVAL)
    }

    /// What would not block now.
    fn readiness(&self) -> Readiness {
        Readiness::IN | Readiness::OUT
    }

    /// Woken whenever the readiness may have changed. `None`: it never changes.
    fn wait_queue(&self) -> Option<&WaitQueue> {
        None
    }

    /// How long a blocking read waits. `None`: for ever.
    fn read_limit(&self) -> Option<TimeLimit> {
        None
    }

    /// How long a blocking write waits. `None`: for ever.
    fn write_limit(&self) -> Option<TimeLimit> {
        None
    }

    /// A request that only this kind of object knows.
    fn ioctl(&self, _request: u32, _argument: IoctlArgument) -> Result<usize, Errno> {
        Err(Errno::NOTTY)
    }

    /// Attributes of an object that has no path; an object opened by path has its node's.
    fn stat(&self) -> Result<Stat, Errno>;

    /// The object itself, so that calls for one kind (sockets) find it.
    fn as_any(&self) -> &dyn Any;
}

/// Which of reading and writing a description was opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// `read` is allowed.
    pub read: bool,
    /// `write` is allowed.
    pub write: bool,
}

impl Access {
    /// `O_RDONLY`.
    pub const READ: Self = Self { read: true, write: false };
    /// `O_WRONLY`.
    pub const WRITE: Self = Self { read: false, write: true };
    /// `O_RDWR`.
    pub const BOTH: Self = Self { read: true, write: true };

    /// From the flags of open(2); `EINVAL` for the fourth combination, which means nothing here.
    pub const fn from_flags(flags: u32) -> Result<Self, Errno> {
        match flags & O_ACCMODE {
            O_RDONLY => Ok(Self::READ),
            O_WRONLY => Ok(Self::WRITE),
            O_RDWR => Ok(Self::BOTH),
            _ => Err(Errno::INVAL),
        }
    }

    const fn flags(self) -> u32 {
        match (self.read, self.write) {
            (true, true) => O_RDWR,
            (false, true) => O_WRONLY,
            _ => O_RDONLY,
        }
    }
}

bitflags! {
    /// Status flags: those of fcntl(2) `F_SETFL` that mean something here.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Status: u32 {
        /// Every write goes to the end.
        const APPEND = O_APPEND;
        /// Nothing waits.
        const NON_BLOCKING = O_NONBLOCK;
    }
}

/// An open file description: an object, the rights to it, its position and status flags.
pub struct OpenFile {
    file: Box<dyn File>,
    location: Option<Rc<Location>>,
    access: Access,
    status: Cell<Status>,
    position: Cell<u64>,
    _share: Share,
}

/// Open files that there can be in all (`fs.file-max`).
pub const FILES_MAX: usize = 8192;

/// Open files that there are.
static FILES: AtomicUsize = AtomicUsize::new(0);

/// How many files are open in all.
pub fn open_files() -> usize {
    FILES.load(Ordering::Relaxed)
}

/// One open file's share of what there can be in all.
struct Share;

impl Share {
    /// `ENFILE`: no more are left.
    fn take() -> Result<Self, Errno> {
        let count = FILES.fetch_add(1, Ordering::Relaxed);
        // Dropped, it gives back what was counted.
        let share = Self;
        if count < FILES_MAX { Ok(share) } else { Err(Errno::NFILE) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        FILES.fetch_sub(1, Ordering::Relaxed);
    }
}

impl OpenFile {
    /// A description of an object without a path: a pipe's end, a socket. `ENFILE` when there are
    /// too many in all.
    pub fn new(file: Box<dyn File>, access: Access, status: Status) -> Result<Rc<Self>, Errno> {
        Self::with_location(None, file, access, status)
    }

    /// A description of what was opened at `location`; `ENFILE` as above.
    pub fn at(
        location: Rc<Location>,
        file: Box<dyn File>,
        access: Access,
        status: Status,
    ) -> Result<Rc<Self>, Errno> {
        Self::with_location(Some(location), file, access, status)
    }

    /// `ENFILE` when another one would be too many.
    pub fn check_room() -> Result<(), Errno> {
        Share::take().map(drop)
    }

    fn with_location(
        location: Option<Rc<Location>>,
        file: Box<dyn File>,
        access: Access,
        status: Status,
    ) -> Result<Rc<Self>, Errno> {
        let (status, position) = (Cell::new(status), Cell::new(0));
        Ok(Rc::new(Self { file, location, access, status, position, _share: Share::take()? }))
    }

    /// The object.
    pub fn file(&self) -> &dyn File {
        &*self.file
    }

    /// The object, when it is a `T`.
    pub fn downcast<T: 'static>(&self) -> Option<&T> {
        self.file.as_any().downcast_ref()
    }

    /// Where it was opened, when it was opened by path.
    pub fn location(&self) -> Option<&Rc<Location>> {
        self.location.as_ref()
    }

    /// The rights.
    pub fn access(&self) -> Access {
        self.access
    }

    /// The status flags.
    pub fn status(&self) -> Status {
        self.status.get()
    }

    /// Changes the status flags (`F_SETFL`, `FIONBIO`).
    pub fn set_status(&self, status: Status) {
        self.status.set(status);
    }

    /// Whether `O_NONBLOCK` is set.
    pub fn non_blocking(&self) -> bool {
        self.status().contains(Status::NON_BLOCKING)
    }

    /// The flags as `F_GETFL` gives them.
    pub fn flags(&self) -> u32 {
        self.access.flags() | self.status().bits()
    }

    /// Attributes.
    pub fn stat(&self) -> Result<Stat, Errno> {
        match &self.location {
            Some(location) => Ok(location.node().stat()),
            None => self.file.stat(),
        }
    }

    /// Reads at the position and moves it; `EBADF` when not open for reading.
    pub fn try_read(&self, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        if !self.access.read {
            return Err(Errno::BADF);
        }
        if self.file.size().is_none() {
            return self.file.try_read(to);
        }
        let count = self.file.read_at(self.position.get(), to)?;
        self.position.set(self.position.get().saturating_add(count as u64));
        Ok(count)
    }

    /// Writes at the position (with `O_APPEND` at the end) and moves it; `EBADF` when not open for
    /// writing.
    pub fn try_write(&self, from: &mut UserReader<'_>) -> Result<usize, Errno> {
        if !self.access.write {
            return Err(Errno::BADF);
        }
        let Some(size) = self.file.size() else { return self.file.try_write(from) };
        let append = self.status().contains(Status::APPEND);
        let position = if append { size } else { self.position.get() };
        let count = self.file.write_at(position, from)?;
        self.position.set(position.saturating_add(count as u64));
        Ok(count)
    }

    /// pread(2): reads at `position` and leaves the description's own alone.
    pub fn read_at(&self, position: u64, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        if !self.access.read {
            return Err(Errno::BADF);
        }
        self.file.read_at(position, to)
    }

    /// pwrite(2): writes at `position` and leaves the description's own alone. As on Linux,
    /// `O_APPEND` sends it to the end all the same.
    pub fn write_at(&self, position: u64, from: &mut UserReader<'_>) -> Result<usize, Errno> {
        if !self.access.write {
            return Err(Errno::BADF);
        }
        let append = self.status().contains(Status::APPEND);
        let position = if append { self.file.size().unwrap_or(position) } else { position };
        self.file.write_at(position, from)
    }

    /// The position: for a directory the cookie of the last entry read.
    pub fn position(&self) -> u64 {
        self.position.get()
    }

    /// Moves the position.
    pub fn set_position(&self, position: u64) {
        self.position.set(position);
    }
}
