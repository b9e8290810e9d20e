//! splice(2): from a pipe to anything that can be written, or from anything to a pipe, without
//! the program's memory in between.

use super::arguments::Arguments;
use super::blocking;
use super::errno::Errno;
use super::user_memory::{UserPtr, UserReader, UserWriter};
use crate::fs::file::{OpenFile, Status};
use crate::fs::pipe::{ReadEnd, WriteEnd};
use crate::process::Process;
use core::cell::Cell;
use linux_raw_sys::general::{SPLICE_F_GIFT, SPLICE_F_MORE, SPLICE_F_MOVE, SPLICE_F_NONBLOCK};

/// One call moves no more: a program may ask for nearly 2^63 bytes.
const SPLICE_MAX: u64 = 256 * 1024;

/// One side of the transfer.
struct Side<'a> {
    file: &'a OpenFile,
    /// Where the program keeps the position, when it does not mean the file's own.
    offset: Option<UserPtr<i64>>,
    position: Cell<u64>,
    /// SPLICE_F_NONBLOCK, which is about pipes; O_NONBLOCK is the file's own affair.
    non_blocking: bool,
}

impl<'a> Side<'a> {
    /// `ESPIPE` for a position in a pipe, `EINVAL` for one in another stream.
    fn new(file: &'a OpenFile, offset: UserPtr<i64>, flags: u32) -> Result<Self, Errno> {
        let is_pipe = file.downcast::<ReadEnd>().is_some() || file.downcast::<WriteEnd>().is_some();
        let offset = offset.present();
        let mut position = 0;
        if let Some(offset) = offset {
            if is_pipe {
                return Err(Errno::SPIPE);
            }
            if file.file().size().is_none() {
                return Err(Errno::INVAL);
            }
            position = u64::try_from(offset.read()?).map_err(|_| Errno::INVAL)?;
        }
        let non_blocking = is_pipe && flags & SPLICE_F_NONBLOCK != 0;
        Ok(Self { file, offset, position: Cell::new(position), non_blocking })
    }

    fn try_read(&self, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        if self.offset.is_none() {
            return self.file.try_read(to);
        }
        let count = self.file.read_at(self.position.get(), to)?;
        self.position.set(self.position.get() + count as u64);
        Ok(count)
    }

    fn try_write(&self, from: &mut UserReader<'_>) -> Result<usize, Errno> {
        if self.offset.is_none() {
            return self.file.try_write(from);
        }
        let count = self.file.write_at(self.position.get(), from)?;
        self.position.set(self.position.get() + count as u64);
        Ok(count)
    }

    /// Waits for this side until the answer is not `EAGAIN`, as long as a read or write would.
    async fn wait(
        &self,
        process: &Process,
        mut attempt: impl FnMut() -> Result<usize, Errno>,
    ) -> Result<usize, Errno> {
        if self.non_blocking {
            return attempt();
        }
        let file = self.file.file();
        let limit = if self.file.access().write { file.write_limit() } else { file.read_limit() };
        blocking::within(process, self.file, limit, attempt).await
    }

    /// Tells the program how far it came.
    fn finish(&self) -> Result<(), Errno> {
        self.offset.map_or(Ok(()), |offset| offset.write(&(self.position.get() as i64)))
    }
}

pub(super) async fn splice(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    const KNOWN: u32 = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;
    let flags = arguments.unsigned(5);
    if flags & !KNOWN != 0 {
        return Err(Errno::INVAL);
    }
    let count = arguments.long(4).min(SPLICE_MAX) as usize;
    if count == 0 {
        return Ok(0);
    }
    let (input, output) = (process.file(arguments.int(0))?, process.file(arguments.int(2))?);
    if !input.access().read || !output.access().write {
        return Err(Errno::BADF);
    }
    let from = Side::new(&input, arguments.pointer(1), flags)?;
    let to = Side::new(&output, arguments.pointer(3), flags)?;
    let total = match (input.downcast::<ReadEnd>(), output.downcast::<WriteEnd>()) {
        (Some(source), Some(sink)) if sink.is_of(source) => return Err(Errno::INVAL),
        (Some(_), None) if output.status().contains(Status::APPEND) => return Err(Errno::INVAL),
        (Some(source), _) => from_pipe(process, source, &from, &to, count).await,
        (None, Some(sink)) => to_pipe(process, sink, &from, &to, count).await,
        (None, None) => return Err(Errno::INVAL),
    };
    match total {
        Ok(total) => {
            from.finish()?;
            to.finish()?;
            Ok(total)
        }
        Err(Errno::PIPE) => {
            process.raise_broken_pipe();
            Err(Errno::PIPE)
        }
        Err(error) => Err(error),
    }
}

/// Moves what is in the pipe, waiting only for its first byte and for room on the other side.
async fn from_pipe(
    process: &Process,
    source: &ReadEnd,
    from: &Side<'_>,
    to: &Side<'_>,
    count: usize,
) -> Result<usize, Errno> {
    in_steps(count, async |moved| {
        let waiting = match moved {
            0 => from.wait(process, || source.waiting()).await?,
            _ => source.waiting()?,
        };
        if waiting == 0 {
            return Ok(0);
        }
        let pass =
            || source.take(count - moved, |bytes| to.try_write(&mut UserReader::from_bytes(bytes)));
        to.wait(process, pass).await
    })
    .await
}

/// Waits for room in the pipe, and moves what there is.
async fn to_pipe(
    process: &Process,
    sink: &WriteEnd,
    from: &Side<'_>,
    to: &Side<'_>,
    count: usize,
) -> Result<usize, Errno> {
    in_steps(count, async |moved| {
        let pass = || sink.put(count - moved, |room| from.try_read(room));
        if moved > 0 {
            return pass();
        }
        to.wait(process, || sink.room()).await?;
        from.wait(process, pass).await
    })
    .await
}

/// Repeats `step`, which is told how many bytes have moved, until `count` have or there are no more.
/// An error counts only when nothing has moved before.
async fn in_steps(
    count: usize,
    step: impl AsyncFn(usize) -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    let mut total = 0;
    while total < count {
        match step(total).await {
            Ok(0) => break,
            Ok(moved) => total += moved,
            Err(error) if total == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(total)
}
