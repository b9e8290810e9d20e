//! TCP sockets over the loopback interface, both ends in this machine.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use rt::rustix::fd::{AsFd, OwnedFd};
use rt::rustix::process::Pid;
use rustix::event::PollFlags;
use rustix::io::{Errno, read, write};
use rustix::net::sockopt::{set_socket_linger, socket_error};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, accept, bind, connect,
    getpeername, getsockname, listen, recv, send, shutdown, socket_with,
};

use super::waiting::{PATIENCE, is_ready};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "TCP sockets: a megabyte goes there and comes back", run: echo_a_megabyte },
    Test { name: "TCP sockets: nobody listens: ECONNREFUSED", run: refused },
    // Rows: API-18
    Test { name: "TCP sockets: a half-closed connection still carries data", run: half_close },
    // Rows: API-19
    Test { name: "TCP sockets: connecting without waiting", run: without_waiting },
    // Rows: API-16
    Test { name: "TCP sockets: SO_LINGER of zero resets", run: reset },
    // Rows: API-19
    Test { name: "TCP sockets: calls in the wrong state", run: wrong_state },
];

/// A TCP socket.
pub(super) fn stream(flags: SocketFlags) -> Result<OwnedFd, String> {
    let flags = flags | SocketFlags::CLOEXEC;
    because("socket", socket_with(AddressFamily::INET6, SocketType::STREAM, flags, None))
}

/// A socket that listens at a free port of `::1`, and its address.
pub(super) fn listener() -> Result<(OwnedFd, SocketAddrV6), String> {
    let fd = stream(SocketFlags::empty())?;
    because("bind", bind(&fd, &SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0, 0, 0)))?;
    because("listen", listen(&fd, 4))?;
    let address = because("getsockname", getsockname(&fd))?;
    let address = because("getsockname", SocketAddrV6::try_from(address))?;
    Ok((fd, address))
}

/// Both ends of a connection.
pub(super) fn pair() -> Result<(OwnedFd, OwnedFd), String> {
    let (listener, address) = listener()?;
    let client = stream(SocketFlags::empty())?;
    because("connect", connect(&client, &address))?;
    let server = because("accept", accept(&listener))?;
    Ok((client, server))
}

/// Waits until the socket is ready.
pub(super) fn wait(fd: &OwnedFd, what: PollFlags) -> Outcome {
    let ready = is_ready(fd.as_fd(), what, PATIENCE)?;
    check!(ready, "the socket never became ready for {what:?}");
    Ok(())
}

/// Sends all of `data` from another process, which then ends.
fn send_in_child(fd: &OwnedFd, data: &[u8]) -> Result<Pid, String> {
    match because("fork", rt::process::fork())? {
        rt::process::Fork::Parent(child) => Ok(child),
        rt::process::Fork::Child => {
            let mut rest = data;
            while !rest.is_empty() {
                match write(fd, rest) {
                    Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                    Err(_) => rt::exit::exit_now(rt::ExitCode(1)),
                }
            }
            rt::exit::exit_now(rt::ExitCode(0))
        }
    }
}

/// Reads as much, and no end of the stream before it.
pub(super) fn receive_exactly(fd: &OwnedFd, length: usize) -> Result<Vec<u8>, String> {
    let mut data = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = data.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let count = because("read", read(fd, rest))?;
        check!(count > 0, "the stream ended after {filled} of {length} bytes");
        filled += count;
    }
    Ok(data)
}

fn echo_a_megabyte() -> Outcome {
    let (client, server) = pair()?;
    let mut data = vec![0; 1 << 20];
    because(
        "getrandom",
        rustix::rand::getrandom(&mut data[..256], rustix::rand::GetRandomFlags::empty()),
    )?;
    for index in 256..data.len() {
        data[index] = data[index - 256].wrapping_add(index as u8);
    }
    for (from, to) in [(&client, &server), (&server, &client)] {
        let child = send_in_child(from, &data)?;
        let received = receive_exactly(to, data.len())?;
        let status = because("wait", rt::process::wait(child))?;
        check!(status.exit_status() == Some(0), "the sender ended with {status:?}");
        check!(received == data, "what arrived is not what was sent");
    }
    drop(client);
    let mut byte = [0];
    check!(because("read", read(&server, &mut byte))? == 0, "no end of the stream");
    Ok(())
}

fn refused() -> Outcome {
    let (listener, address) = listener()?;
    drop(listener);
    let client = stream(SocketFlags::empty())?;
    let result = connect(&client, &address);
    check!(result == Err(Errno::CONNREFUSED), "connect: {result:?}");
    let error = because("SO_ERROR", socket_error(&client))?;
    check!(error == Ok(()), "it was told already, and now again: {error:?}");
    Ok(())
}

fn half_close() -> Outcome {
    let (client, server) = pair()?;
    because("send", send(&client, b"last words", SendFlags::empty()))?;
    because("shutdown", shutdown(&client, Shutdown::Write))?;
    let data = receive_exactly(&server, 10)?;
    check!(data == b"last words", "{data:?}");
    let mut byte = [0];
    check!(because("read", read(&server, &mut byte))? == 0, "no end of the stream");
    because("send", send(&server, b"answer", SendFlags::empty()))?;
    check!(receive_exactly(&client, 6)? == b"answer", "the other direction is closed, too");
    let result = send(&client, b"more", SendFlags::NOSIGNAL);
    check!(result == Err(Errno::PIPE), "send after shutdown: {result:?}");
    Ok(())
}

fn without_waiting() -> Outcome {
    let (listener, address) = listener()?;
    let client = stream(SocketFlags::NONBLOCK)?;
    let result = connect(&client, &address);
    check!(result == Err(Errno::INPROGRESS) || result == Ok(()), "connect: {result:?}");
    wait(&client, PollFlags::OUT)?;
    check!(because("SO_ERROR", socket_error(&client))? == Ok(()), "an error is pending");
    wait(&listener, PollFlags::IN)?;
    let server = because("accept", accept(&listener))?;
    let mut buffer = [0; 8];
    let result = recv(&client, &mut buffer, RecvFlags::empty()).map(|(count, _)| count);
    check!(result == Err(Errno::AGAIN), "nothing was sent: {result:?}");
    because("send", send(&server, b"abc", SendFlags::empty()))?;
    wait(&client, PollFlags::IN)?;
    let peeked = because("recv", recv(&client, &mut buffer, RecvFlags::PEEK))?.0;
    let taken = because("recv", recv(&client, &mut buffer, RecvFlags::empty()))?.0;
    check!((peeked, taken) == (3, 3), "peeked {peeked}, then took {taken}");
    check!(buffer.starts_with(b"abc"), "{buffer:?}");
    let peer = because("getpeername", getpeername(&client))?;
    check!(peer == Some(address.into()), "the peer is {peer:?}");
    Ok(())
}

fn reset() -> Outcome {
    let (client, server) = pair()?;
    because("SO_LINGER", set_socket_linger(&client, Some(core::time::Duration::ZERO)))?;
    drop(client);
    wait(&server, PollFlags::IN)?;
    let result = read(&server, &mut [0; 4]);
    check!(result == Err(Errno::CONNRESET), "read: {result:?}");
    Ok(())
}

fn wrong_state() -> Outcome {
    let fd = stream(SocketFlags::empty())?;
    let results = [
        ("accept", accept(&fd).map(drop), Errno::INVAL),
        ("read", read(&fd, &mut [0; 4]).map(drop), Errno::NOTCONN),
        ("send", send(&fd, b"x", SendFlags::NOSIGNAL).map(drop), Errno::PIPE),
        ("shutdown", shutdown(&fd, Shutdown::Both), Errno::NOTCONN),
        ("getpeername", getpeername(&fd).map(drop), Errno::NOTCONN),
    ];
    for (call, result, expected) in results {
        check!(result == Err(expected), "{call}: {}", format!("{result:?}, not {expected:?}"));
    }
    let (listener, address) = listener()?;
    let other = stream(SocketFlags::empty())?;
    let result = bind(&other, &address);
    check!(result == Err(Errno::ADDRINUSE), "bind to a taken port: {result:?}");
    let result = connect(&listener, &address);
    check!(result == Err(Errno::ISCONN), "connect of a listener: {result:?}");
    Ok(())
}
