//! The system calls that move messages: sendto(2), sendmsg(2), recvfrom(2), recvmsg(2) and their
//! plural forms.

use super::{Wait, find, read_address, write_address};
use crate::net::socket::{Incoming, MessageFlags, Outgoing};
use crate::process::Process;
use crate::syscall::arguments::Arguments;
use crate::syscall::errno::Errno;
use crate::syscall::time::deadline;
use crate::syscall::user_memory::{UserPtr, UserReader, UserSlice, UserWriter};
use crate::time::{self, Duration};

/// `struct msghdr` (recvmsg(2)).
#[derive(Clone, Copy)]
#[repr(C)]
struct MessageHeader {
    name: u64,
    name_length: u32,
    padding_1: u32,
    vector: u64,
    vector_length: u64,
    control: u64,
    control_length: u64,
    flags: u32,
    padding_2: u32,
}

/// `struct mmsghdr` (recvmmsg(2)).
#[derive(Clone, Copy)]
#[repr(C)]
struct CountedMessageHeader {
    header: MessageHeader,
    length: u32,
    padding: u32,
}

crate::syscall::user_memory::plain!(MessageHeader, CountedMessageHeader);

/// Where the length of an element of an array of `mmsghdr` lies.
const LENGTH_OFFSET: u64 = size_of::<MessageHeader>() as u64;
/// The most control data taken in one message (net.core.optmem_max).
const CONTROL_LIMIT: u64 = 20_480;
/// UIO_MAXIOV, the most messages in one call.
const MESSAGES_MAX: u32 = 1024;
/// MSG_WAITFORONE (linux/socket.h, which is not part of the user headers).
const MSG_WAITFORONE: u32 = 0x1_0000;

/// sendto(2); send(2) is this without an address.
pub(in crate::syscall) async fn sendto(
    process: &Process,
    fd: i32,
    buffer: UserSlice,
    flags: u32,
    address: u64,
    length: u32,
) -> Result<usize, Errno> {
    let address = if address == 0 { None } else { Some(read_address(address, length)?) };
    let outgoing = Outgoing { address: address.as_deref(), control: &[] };
    send(process, fd, &[buffer], outgoing, flags).await
}

/// sendmsg(2).
pub(in crate::syscall) async fn sendmsg(
    process: &Process,
    fd: i32,
    message: u64,
    flags: u32,
) -> Result<usize, Errno> {
    let header = UserPtr::<MessageHeader>::new(message).read()?;
    let vector = UserSlice::read_vector(header.vector, header.vector_length)?;
    let address = if header.name == 0 || header.name_length == 0 {
        None
    } else {
        Some(read_address(header.name, header.name_length)?)
    };
    if header.control_length > CONTROL_LIMIT {
        return Err(Errno::NOBUFS);
    }
    let control = if header.control == 0 { 0 } else { header.control_length };
    let control = UserSlice::new(header.control, control).read()?;
    let outgoing = Outgoing { address: address.as_deref(), control: &control };
    send(process, fd, &vector, outgoing, flags).await
}

/// sendmmsg(2): says how many were sent; an error shows only when the first fails.
pub(in crate::syscall) async fn sendmmsg(
    process: &Process,
    fd: i32,
    messages: u64,
    count: u32,
    flags: u32,
) -> Result<usize, Errno> {
    let elements = UserPtr::<CountedMessageHeader>::new(messages);
    let mut done = 0;
    while done < count.min(MESSAGES_MAX) as usize {
        let element = elements.element(done).address();
        match sendmsg(process, fd, element, flags).await {
            Ok(sent) => UserPtr::new(element.wrapping_add(LENGTH_OFFSET)).write(&(sent as u32))?,
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
        done += 1;
    }
    Ok(done)
}

async fn send(
    process: &Process,
    fd: i32,
    vector: &[UserSlice],
    outgoing: Outgoing<'_>,
    flags: u32,
) -> Result<usize, Errno> {
    let (file, socket) = find(process, fd)?;
    let flags = MessageFlags::from_bits_truncate(flags);
    let wait = Wait::new(&file, flags, socket.base().timeouts().send);
    let mut from = UserReader::new(vector);
    let mut total = 0;
    loop {
        let attempt = || socket.try_send(&mut from, outgoing, flags);
        match wait.until_done(process, &*socket, attempt).await {
            Ok(count) => total += count,
            Err(_) if total > 0 => return Ok(total),
            Err(error) => {
                if error == Errno::PIPE && !flags.contains(MessageFlags::NO_SIGNAL) {
                    process.raise_broken_pipe();
                }
                return Err(error);
            }
        }
        // A datagram goes whole; a stream takes what it has room for.
        if !socket.is_stream() || from.remaining() == 0 {
            return Ok(total);
        }
    }
}

/// recvfrom(2); recv(2) is this without an address.
pub(in crate::syscall) async fn recvfrom(
    process: &Process,
    fd: i32,
    buffer: UserSlice,
    flags: u32,
    address: u64,
    length: UserPtr<u32>,
) -> Result<usize, Errno> {
    let incoming = receive(process, fd, &[buffer], flags, None).await?;
    if address != 0 {
        write_address(&incoming.address, address, length)?;
    }
    Ok(incoming.length)
}

/// recvmsg(2).
pub(in crate::syscall) async fn recvmsg(
    process: &Process,
    fd: i32,
    message: u64,
    flags: u32,
) -> Result<usize, Errno> {
    receive_message(process, fd, message, flags, None).await
}

/// recvmmsg(2): says how many came; an error shows only when there was none.
pub(in crate::syscall) async fn recvmmsg(
    process: &Process,
    arguments: Arguments,
) -> Result<usize, Errno> {
    let (fd, count) = (arguments.int(0), arguments.unsigned(2));
    let mut flags = arguments.unsigned(3);
    let deadline = deadline(arguments.pointer(4))?;
    let elements = arguments.pointer::<CountedMessageHeader>(1);
    let mut done = 0;
    while done < count.min(MESSAGES_MAX) as usize {
        let left = deadline.map(|deadline| deadline.saturating_since(time::now()));
        let element = elements.element(done).address();
        match receive_message(process, fd, element, flags, left).await {
            Ok(received) => {
                UserPtr::new(element.wrapping_add(LENGTH_OFFSET)).write(&(received as u32))?;
            }
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
        done += 1;
        if flags & MSG_WAITFORONE != 0 {
            flags |= MessageFlags::DONT_WAIT.bits();
        }
    }
    Ok(done)
}

async fn receive_message(
    process: &Process,
    fd: i32,
    message: u64,
    flags: u32,
    limit: Option<Duration>,
) -> Result<usize, Errno> {
    let pointer = UserPtr::<MessageHeader>::new(message);
    let mut header = pointer.read()?;
    let vector = UserSlice::read_vector(header.vector, header.vector_length)?;
    let incoming = receive(process, fd, &vector, flags, limit).await?;

    if header.name != 0 {
        UserSlice::new(header.name, u64::from(header.name_length)).write(&incoming.address)?;
        header.name_length = incoming.address.len() as u32;
    }
    header.flags = incoming.flags;
    let room = if header.control == 0 { 0 } else { header.control_length };
    let copied = UserSlice::new(header.control, room).write(&incoming.control)?;
    if copied < incoming.control.len() {
        header.flags |= MessageFlags::CONTROL_TRUNCATED.bits();
    }
    header.control_length = copied as u64;
    pointer.write(&header)?;
    Ok(incoming.length)
}

async fn receive(
    process: &Process,
    fd: i32,
    vector: &[UserSlice],
    flags: u32,
    limit: Option<Duration>,
) -> Result<Incoming, Errno> {
    let (file, socket) = find(process, fd)?;
    let flags = MessageFlags::from_bits_truncate(flags);
    let wait = Wait::new(&file, flags, limit.or(socket.base().timeouts().receive));
    let mut to = UserWriter::new(vector);
    let whole = socket.is_stream()
        && flags.contains(MessageFlags::WAIT_ALL)
        && !flags.contains(MessageFlags::PEEK);
    let mut received = Incoming::default();
    loop {
        let attempt = || socket.try_receive(&mut to, flags);
        match wait.until_done(process, &*socket, attempt).await {
            Ok(incoming) if incoming.length == 0 || !whole => {
                let length = received.length + incoming.length;
                return Ok(Incoming { length, ..incoming });
            }
            Ok(incoming) => received.length += incoming.length,
            Err(_) if received.length > 0 => return Ok(received),
            Err(error) => return Err(error),
        }
        if to.remaining() == 0 {
            return Ok(received);
        }
    }
}
