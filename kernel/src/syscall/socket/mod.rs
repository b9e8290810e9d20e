//! The socket system calls. What a socket does is in `net`; here arguments become what it takes.

mod message;

pub(super) use message::{recvfrom, recvmmsg, recvmsg, sendmmsg, sendmsg, sendto};

use super::errno::Errno;
use super::user_memory::{UserPtr, UserSlice};
use crate::fs::file::{Access, OpenFile, Status};
use crate::net::socket::{MessageFlags, Socket, SocketFile};
use crate::process::Process;
use crate::{net, time};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::time::Duration;
use linux_raw_sys::general::{O_CLOEXEC, O_NONBLOCK};

/// The low bits of the type argument; the rest are flags.
const TYPE_MASK: u32 = 0xf;
/// The flags have the values of open(2)'s (include/linux/net.h).
const SOCK_NONBLOCK: u32 = O_NONBLOCK;
const SOCK_CLOEXEC: u32 = O_CLOEXEC;
/// No socket address is longer (`sockaddr_storage`).
const ADDRESS_LIMIT: usize = 128;
/// The longest option value taken: a filter with 64 multicast sources has 8336 octets.
const OPTION_LIMIT: usize = 9 * 1024;

/// socket(2).
pub(super) fn socket(
    process: &Process,
    family: u32,
    kind: u32,
    protocol: u32,
) -> Result<usize, Errno> {
    if kind & !(TYPE_MASK | SOCK_NONBLOCK | SOCK_CLOEXEC) != 0 {
        return Err(Errno::INVAL);
    }
    let socket =
        net::create_socket(process.pid().cast_unsigned(), family, kind & TYPE_MASK, protocol)?;
    install(process, socket, kind)
}

fn install(process: &Process, socket: Rc<dyn Socket>, flags: u32) -> Result<usize, Errno> {
    let mut status = Status::empty();
    status.set(Status::NON_BLOCKING, flags & SOCK_NONBLOCK != 0);
    let file = OpenFile::new(Box::new(SocketFile::new(socket)), Access::BOTH, status)?;
    let fd = process.insert_file(file, flags & SOCK_CLOEXEC != 0)?;
    Ok(fd as usize)
}

/// socketpair(2): only AF_UNIX has pairs, and AF_UNIX sockets carry no data here.
pub(super) fn socketpair(family: u32) -> Result<usize, Errno> {
    Err(if net::knows_family(family) { Errno::OPNOTSUPP } else { Errno::AFNOSUPPORT })
}

/// The open file and the socket behind a descriptor; `ENOTSOCK` for another kind of file.
fn find(process: &Process, fd: i32) -> Result<(Rc<OpenFile>, Rc<dyn Socket>), Errno> {
    let file = process.file(fd)?;
    let socket = file.downcast::<SocketFile>().ok_or(Errno::NOTSOCK)?.socket().clone();
    Ok((file, socket))
}

/// Copies a socket address in; `EINVAL` for a length that none has.
fn read_address(address: u64, length: u32) -> Result<Vec<u8>, Errno> {
    if length as usize > ADDRESS_LIMIT {
        return Err(Errno::INVAL);
    }
    UserSlice::new(address, u64::from(length)).read()
}

/// Copies a socket address out as far as there is room, and its true length.
fn write_address(bytes: &[u8], address: u64, length: UserPtr<u32>) -> Result<(), Errno> {
    let room = length.read()?;
    if room > i32::MAX as u32 {
        return Err(Errno::INVAL);
    }
    UserSlice::new(address, u64::from(room)).write(bytes)?;
    length.write(&(bytes.len() as u32))
}

/// bind(2).
pub(super) fn bind(process: &Process, fd: i32, address: u64, length: u32) -> Result<usize, Errno> {
    let (_, socket) = find(process, fd)?;
    socket.bind(&read_address(address, length)?)?;
    Ok(0)
}

/// Waits at the last close of a socket, as long as SO_LINGER says.
pub(super) async fn linger(process: &Process, file: &Rc<OpenFile>) {
    if Rc::strong_count(file) > 1 {
        return;
    }
    let Some(socket) = file.downcast::<SocketFile>().map(SocketFile::socket) else { return };
    if let Some(limit) = socket.begin_close() {
        let wait = Wait { non_blocking: false, timeout: Some(limit) };
        let arrived = || match socket.unacknowledged_bytes()? {
            0 => Ok(()),
            _ => Err(Errno::AGAIN),
        };
        // However the wait ends, the socket closes.
        let _ = wait.until_done(process, &**socket, arrived).await;
    }
}

/// connect(2). A signal ends the wait with `EINTR`; the connection is made all the same.
pub(super) async fn connect(
    process: &Process,
    fd: i32,
    address: u64,
    length: u32,
) -> Result<usize, Errno> {
    let (file, socket) = find(process, fd)?;
    let begun = socket.connect(&read_address(address, length)?);
    if begun == Err(Errno::INPROGRESS) && !file.non_blocking() {
        let wait = Wait { non_blocking: false, timeout: socket.base().timeouts().send };
        wait.until_done(process, &*socket, || socket.try_finish_connect())
            .await
            .map_err(Errno::never_restart)?;
        return Ok(0);
    }
    begun.map(|()| 0)
}

/// listen(2).
pub(super) fn listen(process: &Process, fd: i32, backlog: i32) -> Result<usize, Errno> {
    let (_, socket) = find(process, fd)?;
    socket.listen(backlog)?;
    Ok(0)
}

/// accept(2) and accept4(2).
pub(super) async fn accept4(
    process: &Process,
    fd: i32,
    address: u64,
    length: UserPtr<u32>,
    flags: u32,
) -> Result<usize, Errno> {
    if flags & !(SOCK_NONBLOCK | SOCK_CLOEXEC) != 0 {
        return Err(Errno::INVAL);
    }
    let (file, socket) = find(process, fd)?;
    let wait =
        Wait { non_blocking: file.non_blocking(), timeout: socket.base().timeouts().receive };
    let accept = || {
        // A connection that no descriptor is left for stays where it is.
        process.check_file_room()?;
        socket.try_accept()
    };
    let (accepted, peer) = wait.until_done(process, &*socket, accept).await?;
    if address != 0 {
        write_address(&peer, address, length)?;
    }
    install(process, accepted, flags)
}

/// shutdown(2).
pub(super) fn shutdown(process: &Process, fd: i32, how: u32) -> Result<usize, Errno> {
    let (_, socket) = find(process, fd)?;
    socket.shutdown(how)?;
    Ok(0)
}

/// getsockname(2).
pub(super) fn getsockname(
    process: &Process,
    fd: i32,
    address: u64,
    length: UserPtr<u32>,
) -> Result<usize, Errno> {
    let (_, socket) = find(process, fd)?;
    write_address(&socket.local_address()?, address, length)?;
    Ok(0)
}

/// getpeername(2).
pub(super) fn getpeername(
    process: &Process,
    fd: i32,
    address: u64,
    length: UserPtr<u32>,
) -> Result<usize, Errno> {
    let (_, socket) = find(process, fd)?;
    write_address(&socket.peer_address()?, address, length)?;
    Ok(0)
}

/// setsockopt(2).
pub(super) fn setsockopt(
    process: &Process,
    fd: i32,
    level: u32,
    name: u32,
    value: u64,
    length: u32,
) -> Result<usize, Errno> {
    let (_, socket) = find(process, fd)?;
    if length > i32::MAX as u32 {
        return Err(Errno::INVAL);
    }
    let value = UserSlice::new(value, u64::from(length).min(OPTION_LIMIT as u64)).read()?;
    net::option::set(&*socket, level, name, &value)?;
    Ok(0)
}

/// getsockopt(2).
pub(super) fn getsockopt(
    process: &Process,
    fd: i32,
    level: u32,
    name: u32,
    value: u64,
    length: UserPtr<u32>,
) -> Result<usize, Errno> {
    let (_, socket) = find(process, fd)?;
    let room = length.read()?;
    if room > i32::MAX as u32 {
        return Err(Errno::INVAL);
    }
    let bytes = if net::option::has_question(level, name) {
        let question = UserSlice::new(value, u64::from(room.min(net::option::QUESTION_LIMIT)));
        socket.answer(level, name, &question.read()?)?
    } else {
        net::option::get(&*socket, level, name)?
    };
    let copied = UserSlice::new(value, u64::from(room)).write(&bytes)?;
    length.write(&(copied as u32))?;
    Ok(0)
}

/// Whether and how long a call waits.
#[derive(Clone, Copy)]
struct Wait {
    non_blocking: bool,
    timeout: Option<Duration>,
}

impl Wait {
    /// For a message: MSG_DONTWAIT, O_NONBLOCK and the socket's timeout.
    fn new(file: &OpenFile, flags: MessageFlags, timeout: Option<Duration>) -> Self {
        let non_blocking = file.non_blocking() || flags.contains(MessageFlags::DONT_WAIT);
        Self { non_blocking, timeout }
    }

    /// Tries until the answer is not `EAGAIN`, the time is up (`EAGAIN`) or a signal comes.
    async fn until_done<T>(
        self,
        process: &Process,
        socket: &dyn Socket,
        mut attempt: impl FnMut() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let mut checked = || match attempt() {
            Err(Errno::AGAIN) => None,
            result => Some(result),
        };
        if self.non_blocking {
            return checked().unwrap_or(Err(Errno::AGAIN));
        }
        let done = socket.base().wait_queue().wait_until(checked);
        match self.timeout {
            None => process.interruptible(done).await?,
            // A call with a time limit is not restarted after a signal (signal(7)).
            Some(limit) => process
                .interruptible(time::timeout(limit, done))
                .await
                .map_err(Errno::never_restart)?
                .unwrap_or(Err(Errno::AGAIN)),
        }
    }
}
