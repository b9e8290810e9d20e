//! Reading files: whole, or line by line.

use alloc::vec::Vec;

use bstr::BStr;
use rustix::buffer::spare_capacity;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// How much is asked for in one read.
const BLOCK: usize = 16 * 1024;

/// Standard input.
#[must_use]
pub fn stdin() -> BorrowedFd<'static> {
    // SAFETY: if descriptor 0 is closed, reading it fails with EBADF, which callers report.
    unsafe { rustix::stdio::stdin() }
}

/// Opens a file for reading.
pub fn open(path: impl AsRef<[u8]>) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path.as_ref(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Reads once more when a signal came in between.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    rustix::io::retry_on_intr(|| rustix::io::read(fd, &mut *buffer))
}

/// Reads to the end.
pub fn read_all(fd: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    let mut content = Vec::new();
    loop {
        content.reserve(BLOCK);
        let read =
            rustix::io::retry_on_intr(|| rustix::io::read(fd, spare_capacity(&mut content)))?;
        if read == 0 {
            return Ok(content);
        }
    }
}

/// The content of a file.
pub fn read_file(path: impl AsRef<[u8]>) -> Result<Vec<u8>, Errno> {
    read_all(open(path)?.as_fd())
}

/// An input of a program that reads the files it is given, or standard input for `-`.
#[derive(Debug)]
pub enum Input {
    /// Descriptor 0, which stays open.
    Stdin,
    /// A file of its own.
    File(OwnedFd),
}

impl Input {
    /// Opens `path`; `-` is standard input.
    pub fn open(path: &BStr) -> Result<Self, Errno> {
        if path == "-" { Ok(Self::Stdin) } else { open(path).map(Self::File) }
    }
}

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Stdin => stdin(),
            Self::File(file) => file.as_fd(),
        }
    }
}

/// Lines of a descriptor.
#[derive(Debug)]
pub struct Lines<'fd> {
    fd: BorrowedFd<'fd>,
    buffer: Vec<u8>,
    /// Where the line to be returned next begins in `buffer`.
    start: usize,
    /// How far `buffer` has been searched for a newline.
    searched: usize,
    ended: bool,
}

impl<'fd> Lines<'fd> {
    /// Reads `fd` in blocks: it reads ahead of the line it returns.
    #[must_use]
    pub fn new(fd: BorrowedFd<'fd>) -> Self {
        Self { fd, buffer: Vec::new(), start: 0, searched: 0, ended: false }
    }

    /// The next line with its newline; the last one may have none. `None` at the end.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, Errno> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(at) = unsearched.iter().position(|&byte| byte == b'\n') {
                return Ok(Some(self.take(self.searched + at + 1)));
            }
            self.searched = self.buffer.len();
            if self.ended {
                let rest = self.start < self.buffer.len();
                return Ok(if rest { Some(self.take(self.buffer.len())) } else { None });
            }
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
            self.buffer.reserve(BLOCK);
            let (fd, buffer) = (self.fd, &mut self.buffer);
            let read = rustix::io::retry_on_intr(|| rustix::io::read(fd, spare_capacity(buffer)))?;
            self.ended = read == 0;
        }
    }

    /// The bytes up to `end`, which are then done with.
    fn take(&mut self, end: usize) -> &[u8] {
        let start = core::mem::replace(&mut self.start, end);
        self.searched = end;
        self.buffer.get(start..end).unwrap_or_default()
    }
}
