//! What becomes of TCP connections in the end: processes die, nobody reads, queues are full.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::time::Duration;

use linux_raw_sys::net::{SOL_TCP, TCP_CONGESTION, TCP_INFO};
use net_tools::socket::option;
use rt::rustix::fd::OwnedFd;
use rt::rustix::process::{Pid, Signal};
use rt::signal::{Action, set_action};
use rustix::event::PollFlags;
use rustix::io::{DupFlags, Errno, dup3, read, write};
use rustix::net::sockopt::{set_socket_linger, socket_error};
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept, connect, recv, send};

use super::stream::{listener, pair, receive_exactly, stream, wait};
use super::waiting::{PATIENCE, now, pause, since, until};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    // Rows: API-22
    Test { name: "TCP connections: a process that dies says FIN", run: death },
    // Rows: API-22, MAY-1, SHLD-3
    Test { name: "TCP connections: one that dies with unread data resets", run: death_unread },
    Test { name: "TCP connections: writing to nobody is SIGPIPE", run: broken_pipe },
    Test { name: "TCP connections: MSG_NOSIGNAL is EPIPE alone", run: no_signal },
    // Rows: TCP-BKL
    Test { name: "TCP connections: a full backlog keeps others waiting", run: backlog },
    // Rows: API-16
    Test { name: "TCP connections: SO_LINGER waits for the other side", run: linger_at_close },
    // Rows: API-16
    Test { name: "TCP connections: SO_LINGER waits when dup3 closes", run: linger_at_dup3 },
    Test { name: "TCP connections: a listener has no bytes to count", run: uncounted },
    // Rows: API-21
    Test { name: "TCP connections: MSG_PEEK, MSG_TRUNC, MSG_WAITALL", run: receive_flags },
    Test { name: "TCP connections: MSG_MORE waits for the rest", run: more },
    // Rows: API-16
    Test { name: "TCP connections: TCP_INFO and TCP_CONGESTION", run: info },
];

/// Runs `child` in another process, which ends as it says.
pub(super) fn in_child(child: impl FnOnce() -> Result<(), Errno>) -> Result<Pid, String> {
    match because("fork", rt::process::fork())? {
        rt::process::Fork::Parent(pid) => Ok(pid),
        rt::process::Fork::Child => rt::exit::exit_now(rt::ExitCode(u8::from(child().is_err()))),
    }
}

/// Waits for a process of [`in_child`].
pub(super) fn ended_well(child: Pid) -> Outcome {
    let status = because("wait", rt::process::wait(child))?;
    check!(status.exit_status() == Some(0), "the other process ended with {status:?}");
    Ok(())
}

/// A connection to another process, which runs `child` with its end and dies.
fn with_child(child: impl FnOnce(&OwnedFd) -> Result<(), Errno>) -> Result<(OwnedFd, Pid), String> {
    let (listener, address) = listener()?;
    let socket = stream(SocketFlags::empty())?;
    let pid = in_child(|| {
        connect(&socket, &address)?;
        child(&socket)
    })?;
    drop(socket);
    Ok((because("accept", accept(&listener))?, pid))
}

fn death() -> Outcome {
    let (fd, child) = with_child(|socket| write(socket, b"last words").map(drop))?;
    check!(receive_exactly(&fd, 10)? == b"last words", "other words");
    check!(because("read", read(&fd, &mut [0; 4]))? == 0, "no end of the stream");
    ended_well(child)
}

fn death_unread() -> Outcome {
    // The child waits until there is something, and dies without reading it.
    let (fd, child) = with_child(|socket| recv(socket, &mut [0; 4], RecvFlags::PEEK).map(drop))?;
    because("send", send(&fd, b"unread", SendFlags::NOSIGNAL))?;
    let result = read(&fd, &mut [0; 4]);
    check!(result == Err(Errno::CONNRESET), "read: {result:?}");
    ended_well(child)
}

fn broken_pipe() -> Outcome {
    let (client, server) = pair()?;
    drop(server);
    let child = in_child(|| {
        set_action(Signal::PIPE, Action::Default)?;
        // The first write is answered with a reset; one of those that follow finds that out.
        loop {
            write(&client, b"hello?")?;
        }
    })?;
    let status = because("wait", rt::process::wait(child))?;
    let signal = status.terminating_signal();
    check!(signal == Some(Signal::PIPE.as_raw()), "it ended with {status:?}");
    Ok(())
}

fn no_signal() -> Outcome {
    let (client, server) = pair()?;
    drop(server);
    let error = until(|| match send(&client, b"hello?", SendFlags::NOSIGNAL) {
        Ok(_) => Err(String::from("the other side is gone, and data is still taken")),
        Err(error) => Ok(error),
    })?;
    check!(error == Errno::PIPE || error == Errno::CONNRESET, "send: {error:?}");
    let again = send(&client, b"again", SendFlags::NOSIGNAL);
    check!(again == Err(Errno::PIPE), "send again: {again:?}");
    Ok(())
}

fn backlog() -> Outcome {
    const CLIENTS: usize = 8;
    // It may keep four.
    let (listener, address) = listener()?;
    let mut clients = vec![];
    for _ in 0..CLIENTS {
        let client = stream(SocketFlags::NONBLOCK)?;
        let result = connect(&client, &address);
        check!(result == Ok(()) || result == Err(Errno::INPROGRESS), "connect: {result:?}");
        clients.push(client);
    }
    // As soon as there is room, the others come in, too.
    for number in 0..CLIENTS {
        wait(&listener, PollFlags::IN)
            .map_err(|problem| format!("connection {number}: {problem}"))?;
        drop(because("accept", accept(&listener))?);
    }
    for client in &clients {
        wait(client, PollFlags::IN)?;
        let error = because("SO_ERROR", socket_error(client))?;
        check!(error == Ok(()), "a connection failed: {error:?}");
    }
    Ok(())
}

fn linger_at_close() -> Outcome {
    linger(|client| {
        drop(client);
        Ok(())
    })
}

fn linger_at_dup3() -> Outcome {
    let other = stream(SocketFlags::empty())?;
    linger(|mut client| dup3(&other, &mut client, DupFlags::CLOEXEC))
}

fn uncounted() -> Outcome {
    let (listener, _) = listener()?;
    let count = rustix::io::ioctl_fionread(&listener);
    check!(count == Err(Errno::INVAL), "FIONREAD: {count:?}");
    Ok(())
}

/// Closes a connection in this way, of which much is still on its way.
fn linger(close: impl FnOnce(OwnedFd) -> Result<(), Errno>) -> Outcome {
    const REST: Duration = Duration::from_millis(200);
    let (listener, address) = listener()?;
    let start = now();
    let child = in_child(|| {
        let server = accept(&listener)?;
        pause(REST);
        let mut buffer = [0; 4096];
        while read(&server, &mut buffer)? > 0 {}
        Ok(())
    })?;
    let client = stream(SocketFlags::empty())?;
    because("connect", connect(&client, &address))?;
    // More than the other side's window takes: the rest waits here until the other side reads.
    let block = vec![7; 16 << 10];
    let full = loop {
        match send(&client, &block, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    check!(full == Errno::AGAIN, "send: {full:?}");
    because("SO_LINGER", set_socket_linger(&client, Some(PATIENCE)))?;
    because("close", close(client))?;
    let waited = since(start);
    check!(waited >= REST, "close returned after {} ms", waited.as_millis());
    ended_well(child)
}

fn receive_flags() -> Outcome {
    let (client, server) = pair()?;
    because("send", send(&client, b"abcdef", SendFlags::empty()))?;
    let mut buffer = [0; 6];
    wait(&server, PollFlags::IN)?;
    let take = |buffer: &mut [u8], flags| because("recv", recv(&server, buffer, flags));
    let all = RecvFlags::PEEK | RecvFlags::WAITALL;
    check!(take(&mut buffer, all)?.0 == 6 && &buffer == b"abcdef", "peeked {buffer:?}");
    // tcp(7): with MSG_TRUNC the data is thrown away.
    buffer = [b'.'; 6];
    let (_, thrown) = take(&mut buffer[..2], RecvFlags::TRUNC)?;
    check!(thrown == 2 && &buffer == b"......", "{thrown} thrown away, {buffer:?}");
    let child = in_child(|| {
        pause(Duration::from_millis(50));
        send(&client, b"gh", SendFlags::empty()).map(drop)
    })?;
    let count = take(&mut buffer, RecvFlags::WAITALL)?.0;
    check!(count == 6 && &buffer == b"cdefgh", "{count} octets: {buffer:?}");
    let none = recv(&server, &mut buffer, RecvFlags::DONTWAIT).map(|(count, _)| count);
    check!(none == Err(Errno::AGAIN), "MSG_DONTWAIT: {none:?}");
    ended_well(child)
}

fn more() -> Outcome {
    let (client, server) = pair()?;
    because("send", send(&client, b"head ", SendFlags::MORE))?;
    because("send", send(&client, b"and tail", SendFlags::empty()))?;
    wait(&server, PollFlags::IN)?;
    let mut buffer = [0; 32];
    // Both came in one segment, so both are there at once.
    let (count, _) = because("recv", recv(&server, &mut buffer, RecvFlags::empty()))?;
    check!(buffer.get(..count) == Some(b"head and tail"), "{:?}", buffer.get(..count));
    Ok(())
}

fn info() -> Outcome {
    let (client, server) = pair()?;
    because("send", send(&client, &[7; 1000], SendFlags::empty()))?;
    receive_exactly(&server, 1000)?;
    let mut info = [0; 104];
    let length = because("TCP_INFO", option::get(&client, SOL_TCP, TCP_INFO, &mut info))?;
    check!(length == 104, "{length} octets in 104");
    let mut state = [0];
    let length = because("TCP_INFO", option::get(&client, SOL_TCP, TCP_INFO, &mut state))?;
    check!((length, state) == (1, [1]), "{length} octets in 1: {state:?}");
    let word = |at| net_tools::netlink::field::u32_at(&info, at).unwrap_or(0);
    check!(info.first() == Some(&1), "state {:?}, not ESTABLISHED", info.first());
    let (mss, mtu, rtt) = (word(16), word(60), word(68));
    check!(mss > 536 && mss < mtu, "MSS {mss}, path MTU {mtu}");
    check!(rtt > 0 && rtt < 60_000_000, "round-trip time {rtt} us");
    let mut name = [0; 16];
    because("TCP_CONGESTION", option::get(&client, SOL_TCP, TCP_CONGESTION, &mut name))?;
    check!(name.starts_with(b"cubic\0"), "{name:?}");
    because("TCP_CONGESTION", option::set(&client, SOL_TCP, TCP_CONGESTION, b"reno"))?;
    because("TCP_CONGESTION", option::get(&client, SOL_TCP, TCP_CONGESTION, &mut name))?;
    check!(name.starts_with(b"reno\0"), "{name:?}");
    let unknown = option::set(&client, SOL_TCP, TCP_CONGESTION, b"nosuch");
    check!(unknown == Err(Errno::NOENT), "an unknown algorithm: {unknown:?}");
    Ok(())
}
