//! Pipes: pipe(7).
//!
//! 64 KiB are kept; when there are very many pipes, one page. A write of up to `PIPE_BUF` bytes goes in whole or not at all, so that lines
//! of several writers do not mix.

use super::file::{Access, File, OpenFile, Readiness, Status};
use super::stat::{DeviceNumber, Kind, Stat};
use crate::executor::WaitQueue;
use crate::process::frames;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserWriter};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::any::Any;
use core::cell::{Cell, RefCell};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use linux_raw_sys::general::PIPE_BUF;

/// Bytes that a pipe keeps.
pub const CAPACITY: usize = 65536;
/// Pipes that there can be before further ones keep less, so that pipes cannot fill the kernel's
/// heap (Linux: `pipe-user-pages-soft`).
const FULL_SIZED: usize = 256;
/// Largest write that is never split.
const ATOMIC: usize = PIPE_BUF as usize;
/// The most that one step copies, on the stack.
const STEP: usize = 512;
/// The most that one step of splice(2) puts in.
const PUT_STEP: usize = 16 * 1024;

static NEXT_INODE: AtomicU64 = AtomicU64::new(1);
/// Pipes that there are.
static PIPES: AtomicUsize = AtomicUsize::new(0);

struct Pipe {
    inode: u64,
    capacity: usize,
    bytes: RefCell<VecDeque<u8>>,
    reader_open: Cell<bool>,
    writer_open: Cell<bool>,
    changed: WaitQueue,
}

impl Pipe {
    fn room(&self) -> usize {
        self.capacity - self.bytes.borrow().len()
    }

    /// `ENOMEM` when so many further bytes would need memory that there is not.
    fn check_memory(&self, count: usize) -> Result<(), Errno> {
        let bytes = self.bytes.borrow();
        let grows = bytes.capacity() - bytes.len() < count;
        if grows && !frames::heap_has_room(2 * bytes.capacity() + count) {
            return Err(Errno::NOMEM);
        }
        Ok(())
    }

    fn stat(&self) -> Stat {
        Stat::new(DeviceNumber::new(0, 13), self.inode, Kind::Fifo, 0o600)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        PIPES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The end that is read.
pub struct ReadEnd(Rc<Pipe>);
/// The end that is written.
pub struct WriteEnd(Rc<Pipe>);

/// The part of splice(2) that is about a pipe.
impl ReadEnd {
    /// How many bytes wait; 0 is the end of the stream, `EAGAIN`: none yet.
    pub fn waiting(&self) -> Result<usize, Errno> {
        match self.0.bytes.borrow().len() {
            0 if self.0.writer_open.get() => Err(Errno::AGAIN),
            count => Ok(count),
        }
    }

    /// Shows `take` some of the bytes in front, at most `most`, and removes as many as it took. It
    /// must not come back to this pipe.
    pub fn take(
        &self,
        most: usize,
        take: impl FnOnce(&[u8]) -> Result<usize, Errno>,
    ) -> Result<usize, Errno> {
        let taken = {
            let bytes = self.0.bytes.borrow();
            let (front, _) = bytes.as_slices();
            match front.get(..most).unwrap_or(front) {
                [] => return Ok(0),
                front => take(front)?,
            }
        };
        let mut bytes = self.0.bytes.borrow_mut();
        let taken = taken.min(bytes.len());
        bytes.drain(..taken);
        self.0.changed.wake_all();
        Ok(taken)
    }
}

/// The part of splice(2) that is about a pipe.
impl WriteEnd {
    /// Whether it is an end of the same pipe.
    pub fn is_of(&self, other: &ReadEnd) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// How many bytes there is room for; `EAGAIN`: none now, `EPIPE`: nobody reads.
    pub fn room(&self) -> Result<usize, Errno> {
        if !self.0.reader_open.get() {
            return Err(Errno::PIPE);
        }
        match self.0.room() {
            0 => Err(Errno::AGAIN),
            room => Ok(room),
        }
    }

    /// Has `give` give bytes, at most `most` and no more than there is room for. It must not come
    /// back to this pipe.
    pub fn put(
        &self,
        most: usize,
        give: impl FnOnce(&mut UserWriter<'_>) -> Result<usize, Errno>,
    ) -> Result<usize, Errno> {
        let most = self.room()?.min(most).min(PUT_STEP);
        self.0.check_memory(most)?;
        let mut step = alloc::vec![0; most];
        let count = give(&mut UserWriter::from_bytes(&mut step))?;
        self.0.bytes.borrow_mut().extend(step.get(..count).unwrap_or(&step));
        self.0.changed.wake_all();
        Ok(count)
    }
}

/// A new pipe: its read end and its write end. `ENFILE` when too many files are open.
pub fn new(status: Status) -> Result<(Rc<OpenFile>, Rc<OpenFile>), Errno> {
    let others = PIPES.fetch_add(1, Ordering::Relaxed);
    let pipe = Rc::new(Pipe {
        capacity: if others < FULL_SIZED { CAPACITY } else { ATOMIC },
        inode: NEXT_INODE.fetch_add(1, Ordering::Relaxed),
        bytes: RefCell::new(VecDeque::new()),
        reader_open: Cell::new(true),
        writer_open: Cell::new(true),
        changed: WaitQueue::new(),
    });
    let reader = OpenFile::new(Box::new(ReadEnd(pipe.clone())), Access::READ, status)?;
    let writer = OpenFile::new(Box::new(WriteEnd(pipe)), Access::WRITE, status)?;
    Ok((reader, writer))
}

impl File for ReadEnd {
    fn try_read(&self, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        if to.remaining() == 0 {
            return Ok(0);
        }
        let mut bytes = self.0.bytes.borrow_mut();
        if bytes.is_empty() {
            return if self.0.writer_open.get() { Err(Errno::AGAIN) } else { Ok(0) };
        }
        let mut done = 0;
        while to.remaining() > 0 && !bytes.is_empty() {
            let (front, _) = bytes.as_slices();
            match to.copy(front) {
                Ok(count) => {
                    bytes.drain(..count);
                    done += count;
                }
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        self.0.changed.wake_all();
        Ok(done)
    }

    fn readiness(&self) -> Readiness {
        let mut ready = Readiness::empty();
        ready.set(Readiness::IN, !self.0.bytes.borrow().is_empty());
        ready.set(Readiness::HANG_UP, !self.0.writer_open.get());
        ready
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.0.changed)
    }

    fn ioctl(&self, request: u32, argument: u64) -> Result<usize, Errno> {
        super::ioctl::bytes_available(request, argument, self.0.bytes.borrow().len())
    }

    fn stat(&self) -> Result<Stat, Errno> {
        Ok(self.0.stat())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for ReadEnd {
    fn drop(&mut self) {
        self.0.reader_open.set(false);
        self.0.changed.wake_all();
    }
}

impl File for WriteEnd {
    fn try_write(&self, from: &mut UserReader<'_>) -> Result<usize, Errno> {
        let wanted = from.remaining();
        if wanted == 0 {
            return Ok(0);
        }
        if !self.0.reader_open.get() {
            return Err(Errno::PIPE);
        }
        let room = self.0.room();
        if room == 0 || (wanted <= ATOMIC && room < wanted) {
            return Err(Errno::AGAIN);
        }
        let mut left = wanted.min(room);
        let mut done = 0;
        let mut step = [0; STEP];
        while left > 0 {
            // The bytes are taken before the pipe is borrowed: fetching a page may do anything.
            match from.copy(&mut step[..left.min(STEP)]) {
                Ok(count) => {
                    if let Err(error) = self.0.check_memory(count) {
                        return if done > 0 { Ok(done) } else { Err(error) };
                    }
                    self.0.bytes.borrow_mut().extend(&step[..count]);
                    (left, done) = (left - count, done + count);
                }
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        self.0.changed.wake_all();
        Ok(done)
    }

    fn readiness(&self) -> Readiness {
        let mut ready = Readiness::empty();
        let reader_gone = !self.0.reader_open.get();
        ready.set(Readiness::OUT, reader_gone || self.0.room() >= ATOMIC);
        ready.set(Readiness::ERROR, reader_gone);
        ready
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.0.changed)
    }

    fn ioctl(&self, request: u32, argument: u64) -> Result<usize, Errno> {
        super::ioctl::bytes_available(request, argument, self.0.bytes.borrow().len())
    }

    fn stat(&self) -> Result<Stat, Errno> {
        Ok(self.0.stat())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for WriteEnd {
    fn drop(&mut self) {
        self.0.writer_open.set(false);
        self.0.changed.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn write(end: &OpenFile, bytes: &[u8]) -> Result<usize, Errno> {
        end.try_write(&mut UserReader::from_bytes(bytes))
    }

    fn read(end: &OpenFile, count: usize) -> Result<vec::Vec<u8>, Errno> {
        let mut bytes = vec![0; count];
        let count = end.try_read(&mut UserWriter::from_bytes(&mut bytes))?;
        bytes.truncate(count);
        Ok(bytes)
    }

    #[test]
    fn bytes_pass_in_order_and_the_end_is_seen() {
        let (reader, writer) = new(Status::empty()).expect("few files are open");
        assert_eq!(read(&reader, 4), Err(Errno::AGAIN));
        assert_eq!(reader.file().readiness(), Readiness::empty());
        assert_eq!(write(&writer, b"hello"), Ok(5));
        assert_eq!(reader.file().readiness(), Readiness::IN);
        assert_eq!(read(&reader, 4), Ok(b"hell".to_vec()));
        drop(writer);
        assert_eq!(reader.file().readiness(), Readiness::IN | Readiness::HANG_UP);
        assert_eq!(read(&reader, 4), Ok(b"o".to_vec()));
        assert_eq!(read(&reader, 4), Ok(vec![]));
        assert_eq!(reader.file().readiness(), Readiness::HANG_UP);
    }

    #[test]
    fn without_a_reader_writing_fails() {
        let (reader, writer) = new(Status::empty()).expect("few files are open");
        drop(reader);
        assert_eq!(write(&writer, b"x"), Err(Errno::PIPE));
        assert_eq!(writer.file().readiness(), Readiness::OUT | Readiness::ERROR);
        assert_eq!(write(&writer, b""), Ok(0));
    }

    #[test]
    fn small_writes_are_whole_large_ones_are_cut() {
        let (reader, writer) = new(Status::empty()).expect("few files are open");
        assert_eq!(write(&writer, &vec![1; CAPACITY - 100]), Ok(CAPACITY - 100));
        assert_eq!(write(&writer, &[2; 101]), Err(Errno::AGAIN));
        assert_eq!(writer.file().readiness(), Readiness::empty());
        assert_eq!(write(&writer, &[3; ATOMIC + 1]), Ok(100));
        assert_eq!(write(&writer, b"x"), Err(Errno::AGAIN));
        assert_eq!(read(&reader, CAPACITY).map(|bytes| bytes.len()), Ok(CAPACITY));
        assert_eq!(writer.file().readiness(), Readiness::OUT);
    }

    #[test]
    fn bytes_are_spliced_in_order() {
        let (reader, writer) = new(Status::empty()).expect("few files are open");
        let source = reader.downcast::<ReadEnd>().expect("the end that is read");
        let sink = writer.downcast::<WriteEnd>().expect("the end that is written");
        assert!(sink.is_of(source));
        assert_eq!(source.waiting(), Err(Errno::AGAIN));
        assert_eq!(sink.put(5, |room| room.copy(b"hello")), Ok(5));
        assert_eq!(sink.put(100, |_| Err(Errno::AGAIN)), Err(Errno::AGAIN));
        // Only what was taken is gone.
        assert_eq!(source.take(4, |bytes| Ok(bytes.len() - 1)), Ok(3));
        assert_eq!(source.take(100, |_| Err(Errno::AGAIN)), Err(Errno::AGAIN));
        assert_eq!(read(&reader, 10), Ok(b"lo".to_vec()));

        while let Ok(room) = sink.room() {
            let put = sink.put(usize::MAX, |to| to.zero(room));
            assert!(put.is_ok_and(|count| (1..=room).contains(&count)));
        }
        assert_eq!(source.waiting(), Ok(CAPACITY));
        drop(writer);
        assert_eq!(source.take(CAPACITY, |bytes| Ok(bytes.len())).map(|n| n > 0), Ok(true));
        while source.take(CAPACITY, |bytes| Ok(bytes.len())) != Ok(0) {}
        assert_eq!(source.waiting(), Ok(0));
    }

    #[test]
    fn the_ends_go_one_way() {
        let (reader, writer) = new(Status::empty()).expect("few files are open");
        assert_eq!(write(&reader, b"x"), Err(Errno::BADF));
        assert_eq!(read(&writer, 1), Err(Errno::BADF));
        assert_eq!(reader.read_at(0, &mut UserWriter::from_bytes(&mut [0])), Err(Errno::SPIPE));
    }
}
