//! Buffers and ports of stream sockets: how much fits, how long a writer waits, who may share.

use alloc::string::String;
use alloc::vec;
use core::net::{Ipv6Addr, SocketAddrV6};
use core::time::Duration;

use linux_raw_sys::net::{SO_KEEPALIVE, SO_RCVBUF, SO_REUSEPORT, SO_SNDBUF};
use net_tools::socket::option::{SOCKET, get_i32, set_i32};
use rt::rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{SendFlags, SocketFlags, accept, bind, connect, getsockname, listen, send};

use super::stream::{listener, pair, receive_exactly, stream};
use super::waiting::{now, since};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    // Rows: API-16
    Test { name: "stream buffers: SO_SNDBUF and SO_RCVBUF bound what is under way", run: bounded },
    // Rows: API-16
    Test { name: "stream buffers: SO_SNDTIMEO ends a write", run: send_timeout },
    // Rows: API-16
    Test { name: "stream buffers: SO_REUSEPORT shares a port", run: shared_port },
    Test { name: "stream buffers: SO_KEEPALIVE is kept", run: keep_alive },
];

/// Writes until there is no room, without waiting; how much that was.
fn fill(fd: &OwnedFd) -> Result<usize, String> {
    let block = vec![7; 1 << 10];
    let mut sent = 0;
    loop {
        match send(fd, &block, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(count) => sent += count,
            Err(Errno::AGAIN) => return Ok(sent),
            Err(error) => return because("send", Err(error)),
        }
    }
}

fn bounded() -> Outcome {
    const SIZE: i32 = 8 << 10;
    let (listener, address) = listener()?;
    let client = stream(SocketFlags::empty())?;
    for (fd, name) in [(&listener, SO_RCVBUF), (&client, SO_SNDBUF)] {
        because("setsockopt", set_i32(fd, SOCKET, name, SIZE))?;
        // Linux doubles what is asked for, and says so.
        let size = because("getsockopt", get_i32(fd, SOCKET, name))?;
        check!(size == 2 * SIZE, "option {name} is {size}, not twice {SIZE}");
    }
    because("connect", connect(&client, &address))?;
    let server = because("accept", accept(&listener))?;
    let sent = fill(&client)?;
    // Both buffers are full, and neither grows any more.
    let most = 2 * 2 * SIZE as usize;
    check!(sent >= SIZE as usize && sent <= most, "{sent} octets are under way, of {most}");
    receive_exactly(&server, sent)?;
    Ok(())
}

fn send_timeout() -> Outcome {
    const LIMIT: Duration = Duration::from_millis(60);
    let (client, server) = pair()?;
    because("SO_SNDTIMEO", set_socket_timeout(&client, Timeout::Send, Some(LIMIT)))?;
    let sent = fill(&client)?;
    let start = now();
    let result = send(&client, &[1; 100], SendFlags::NOSIGNAL);
    check!(result == Err(Errno::AGAIN), "send: {result:?}");
    let waited = since(start);
    check!(waited >= LIMIT, "it ended after {} ms", waited.as_millis());
    receive_exactly(&server, sent)?;
    Ok(())
}

fn shared_port() -> Outcome {
    let first = stream(SocketFlags::empty())?;
    because("SO_REUSEPORT", set_i32(&first, SOCKET, SO_REUSEPORT, 1))?;
    because("bind", bind(&first, &SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0, 0, 0)))?;
    because("listen", listen(&first, 4))?;
    let address = because("getsockname", getsockname(&first))?;
    let address = because("getsockname", SocketAddrV6::try_from(address))?;
    let other = stream(SocketFlags::empty())?;
    let refused = bind(&other, &address);
    check!(refused == Err(Errno::ADDRINUSE), "without the option: {refused:?}");
    because("SO_REUSEPORT", set_i32(&other, SOCKET, SO_REUSEPORT, 1))?;
    because("bind", bind(&other, &address))?;
    because("listen", listen(&other, 4))?;
    // Whoever is left gets those who call.
    drop(first);
    let client = stream(SocketFlags::empty())?;
    because("connect", connect(&client, &address))?;
    because("accept", accept(&other)).map(drop)
}

fn keep_alive() -> Outcome {
    let (client, server) = pair()?;
    for (fd, value) in [(&client, 1), (&server, 0)] {
        because("SO_KEEPALIVE", set_i32(fd, SOCKET, SO_KEEPALIVE, value))?;
        let found = because("SO_KEEPALIVE", get_i32(fd, SOCKET, SO_KEEPALIVE))?;
        check!(found == value, "SO_KEEPALIVE is {found}, not {value}");
    }
    Ok(())
}
