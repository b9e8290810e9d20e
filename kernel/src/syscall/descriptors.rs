//! Descriptors: close(2), dup(2), fcntl(2), pipe(2), ioctl(2).

use super::arguments::Arguments;
use super::errno::Errno;
use super::socket;
use super::user_memory::UserPtr;
use crate::fs::file::Status;
use crate::fs::pipe;
use crate::process::Process;
use linux_raw_sys::general::{
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_GETLK, F_GETOWN, F_GETPIPE_SZ, F_SETFD, F_SETFL,
    F_SETLK, F_SETLKW, F_SETOWN, F_UNLCK, FD_CLOEXEC, O_CLOEXEC, O_NONBLOCK,
};
use linux_raw_sys::ioctl::{FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX};

/// close(2). The last descriptor of a socket with SO_LINGER waits, until what was sent has arrived,
/// the time is up or a signal comes; the descriptor is gone in any case.
pub(super) async fn close(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let removed = process.descriptors().borrow_mut().remove(arguments.int(0))?;
    socket::linger(process, &removed.file).await;
    // The file may close here, which may wake and signal others: the table is free again.
    drop(removed);
    Ok(0)
}

/// close_range(2), without `CLOSE_RANGE_UNSHARE`. Sockets linger as with close(2).
pub(super) async fn close_range(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    /// From linux/close_range.h, which the ABI crate does not carry.
    const CLOSE_RANGE_CLOEXEC: u32 = 1 << 2;
    let (first, last, flags) =
        (arguments.unsigned(0), arguments.unsigned(1), arguments.unsigned(2));
    if first > last || flags & !CLOSE_RANGE_CLOEXEC != 0 {
        return Err(Errno::INVAL);
    }
    let table = process.descriptors();
    let open: alloc::vec::Vec<i32> = table
        .borrow()
        .open()
        .map(|(fd, _)| fd)
        .filter(|&fd| (first..=last).contains(&(fd as u32)))
        .collect();
    for fd in open {
        if flags & CLOSE_RANGE_CLOEXEC != 0 {
            table.borrow_mut().set_close_on_exec(fd, true)?;
        } else {
            // It may be gone meanwhile, when a process shares the table.
            let removed = table.borrow_mut().remove(fd);
            if let Ok(removed) = &removed {
                socket::linger(process, &removed.file).await;
            }
            drop(removed);
        }
    }
    Ok(0)
}

pub(super) fn dup(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let file = process.file(arguments.int(0))?;
    Ok(process.insert_file(file, false)? as usize)
}

/// dup3(2): `EINVAL` when both are the same. A socket that was at the new descriptor lingers as
/// with close(2).
pub(super) async fn dup3(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (old, new, flags) = (arguments.int(0), arguments.int(1), arguments.unsigned(2));
    if flags & !O_CLOEXEC != 0 || old == new {
        return Err(Errno::INVAL);
    }
    let file = process.file(old)?;
    let close_on_exec = flags & O_CLOEXEC != 0;
    let replaced = process.descriptors().borrow_mut().replace(new, file, close_on_exec)?;
    if let Some(replaced) = &replaced {
        socket::linger(process, &replaced.file).await;
    }
    drop(replaced);
    Ok(new as usize)
}

pub(super) fn fcntl(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (fd, command, argument) = (arguments.int(0), arguments.unsigned(1), arguments.unsigned(2));
    let table = process.descriptors();
    let file = process.file(fd)?;
    let result = match command {
        F_DUPFD | F_DUPFD_CLOEXEC => {
            let close_on_exec = command == F_DUPFD_CLOEXEC;
            table.borrow_mut().insert_from(argument as i32, file, close_on_exec)? as usize
        }
        F_GETFD => {
            let close_on_exec = table.borrow().entry(fd)?.close_on_exec;
            if close_on_exec { FD_CLOEXEC as usize } else { 0 }
        }
        F_SETFD => {
            table.borrow_mut().set_close_on_exec(fd, argument & FD_CLOEXEC != 0)?;
            0
        }
        F_GETFL => file.flags() as usize,
        F_SETFL => {
            file.set_status(Status::from_bits_truncate(argument));
            0
        }
        F_GETLK => {
            UserPtr::<u16>::new(arguments.long(2)).write(&(F_UNLCK as u16))?;
            0
        }
        // Locks are advisory and never contended here, and nobody is signaled on input.
        F_SETLK | F_SETLKW | F_GETOWN | F_SETOWN => 0,
        F_GETPIPE_SZ => pipe::CAPACITY,
        _ => return Err(Errno::INVAL),
    };
    Ok(result)
}

pub(super) fn pipe2(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let flags = arguments.unsigned(1);
    if flags & !(O_CLOEXEC | O_NONBLOCK) != 0 {
        return Err(Errno::INVAL);
    }
    let (reader, writer) = pipe::new(Status::from_bits_truncate(flags))?;
    let close_on_exec = flags & O_CLOEXEC != 0;
    let first = process.insert_file(reader, close_on_exec)?;
    let undo = |fd| drop(process.descriptors().borrow_mut().remove(fd));
    let second = process.insert_file(writer, close_on_exec).inspect_err(|_| undo(first))?;
    arguments.pointer::<[i32; 2]>(0).write(&[first, second]).inspect_err(|_| {
        undo(first);
        undo(second);
    })?;
    Ok(0)
}

/// ioctl(2): what concerns every descriptor here, the rest by the file itself.
pub(super) fn ioctl(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (fd, request, argument) = (arguments.int(0), arguments.unsigned(1), arguments.long(2));
    let file = process.file(fd)?;
    match request {
        FIOCLEX | FIONCLEX => {
            let table = process.descriptors();
            table.borrow_mut().set_close_on_exec(fd, request == FIOCLEX)?;
            Ok(0)
        }
        FIONBIO => {
            let on = UserPtr::<i32>::new(argument).read()? != 0;
            let mut status = file.status();
            status.set(Status::NON_BLOCKING, on);
            file.set_status(status);
            Ok(0)
        }
        FIOASYNC => Ok(0),
        _ => file.file().ioctl(request, argument),
    }
}
