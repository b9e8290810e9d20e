//! Reading and writing: read(2), readv(2), pread(2), sendfile(2), lseek(2) and their like.

use super::arguments::Arguments;
use super::blocking;
use super::errno::Errno;
use super::user_memory::{UserPtr, UserReader, UserSlice, UserWriter};
use crate::fs::file::OpenFile;
use crate::fs::stat::Kind;
use crate::process::Process;
use linux_raw_sys::general::{SEEK_CUR, SEEK_END, SEEK_SET};

/// sendfile(2) moves this much at a time.
const STEP: usize = 16 * 1024;
/// And no more than this in one call: a program may ask for nearly 2^63 bytes.
const SENDFILE_MAX: u64 = 256 * 1024;

pub(super) async fn read(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    let slices = [arguments.slice(1)];
    blocking::read(process, &file, &mut UserWriter::new(&slices)).await
}

pub(super) async fn write(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    let slices = [arguments.slice(1)];
    blocking::write(process, &file, &mut UserReader::new(&slices)).await
}

pub(super) async fn readv(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    let slices = UserSlice::read_vector(arguments.long(1), arguments.long(2))?;
    blocking::read(process, &file, &mut UserWriter::new(&slices)).await
}

pub(super) async fn writev(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    let slices = UserSlice::read_vector(arguments.long(1), arguments.long(2))?;
    blocking::write(process, &file, &mut UserReader::new(&slices)).await
}

fn position(offset: i64) -> Result<u64, Errno> {
    u64::try_from(offset).map_err(|_| Errno::INVAL)
}

pub(super) fn pread64(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    let slices = [arguments.slice(1)];
    file.read_at(position(arguments.offset(3))?, &mut UserWriter::new(&slices))
}

pub(super) fn pwrite64(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    let slices = [arguments.slice(1)];
    file.write_at(position(arguments.offset(3))?, &mut UserReader::new(&slices))
}

/// preadv(2): the position is in one register here; the one for its upper half is unused.
pub(super) fn preadv(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    let slices = UserSlice::read_vector(arguments.long(1), arguments.long(2))?;
    file.read_at(position(arguments.offset(3))?, &mut UserWriter::new(&slices))
}

pub(super) fn pwritev(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    let slices = UserSlice::read_vector(arguments.long(1), arguments.long(2))?;
    file.write_at(position(arguments.offset(3))?, &mut UserReader::new(&slices))
}

/// lseek(2): `ESPIPE` for what has no positions.
pub(super) fn lseek(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    let (offset, whence) = (arguments.offset(1), arguments.unsigned(2));
    let size = match file.file().size() {
        Some(size) => size,
        // The position of a directory is the place of an entry.
        None if file.stat()?.kind == Kind::Directory => 0,
        // As on Linux, what stands for "nothing" can be sought.
        None if file.file().read_at(0, &mut UserWriter::new(&[])) == Ok(0) => 0,
        None => return Err(Errno::SPIPE),
    };
    let base = match whence {
        SEEK_SET => 0,
        SEEK_CUR => file.position() as i64,
        SEEK_END => size as i64,
        _ => return Err(Errno::INVAL),
    };
    let target = base.checked_add(offset).ok_or(Errno::OVERFLOW)?;
    file.set_position(position(target)?);
    Ok(target as usize)
}

/// sendfile(2): from a file with positions to anything that can be written.
pub(super) async fn sendfile(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (out, input) = (process.file(arguments.int(0))?, process.file(arguments.int(1))?);
    let offset = arguments.pointer::<i64>(2).present();
    if !input.access().read || !out.access().write {
        return Err(Errno::BADF);
    }
    if input.file().size().is_none() {
        return Err(Errno::INVAL);
    }
    let start = match offset {
        Some(offset) => position(offset.read()?)?,
        None => input.position(),
    };
    let count = arguments.long(3).min(SENDFILE_MAX);
    let total = copy(process, &out, &input, start, count).await?;
    finish(&input, offset, start + total as u64)?;
    Ok(total)
}

fn finish(input: &OpenFile, offset: Option<UserPtr<i64>>, end: u64) -> Result<(), Errno> {
    if let Some(offset) = offset {
        return offset.write(&(end as i64));
    }
    input.set_position(end);
    Ok(())
}

async fn copy(
    process: &Process,
    out: &OpenFile,
    input: &OpenFile,
    start: u64,
    count: u64,
) -> Result<usize, Errno> {
    let mut total = 0;
    let mut buffer = alloc::vec![0; STEP.min(count as usize)];
    while (total as u64) < count {
        let room = buffer.len().min((count - total as u64) as usize);
        let at = start + total as u64;
        let read = input.read_at(at, &mut UserWriter::from_bytes(&mut buffer[..room]))?;
        if read == 0 {
            break;
        }
        let mut from = UserReader::from_bytes(&buffer[..read]);
        match blocking::write(process, out, &mut from).await {
            Ok(written) => total += written,
            Err(error) if total == 0 => return Err(error),
            Err(_) => break,
        }
        if from.remaining() > 0 {
            break;
        }
    }
    Ok(total)
}
