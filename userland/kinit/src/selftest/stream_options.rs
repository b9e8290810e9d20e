//! Options of stream sockets: what they say, and what they do.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};
use core::ptr;
use core::time::Duration;

use linux_raw_sys::general::__NR_ioctl;
use linux_raw_sys::ioctl::TIOCOUTQ;
use linux_raw_sys::net::{
    AF_INET6, IPPROTO_TCP, IPV6_MTU, IPV6_MTU_DISCOVER, IPV6_RECVERR, IPV6_TCLASS, IPV6_UNICAST_IF,
    IPV6_V6ONLY, MSG_ERRQUEUE, SO_ACCEPTCONN, SO_DOMAIN, SO_PROTOCOL, SO_TYPE, SOCK_STREAM,
    SOL_TCP, TCP_CORK, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_MAXSEG, TCP_NODELAY,
    TCP_QUICKACK, TCP_USER_TIMEOUT,
};
use net_tools::socket::error_queue::QueuedError;
use net_tools::socket::option::{IPV6, SOCKET, get_i32, set_i32};
use rt::rustix::fd::{AsRawFd, OwnedFd};
use rt::syscall::syscall;
use rustix::event::PollFlags;
use rustix::io::{Errno, IoSlice, IoSliceMut, dup, fcntl_getfd, readv, writev};
use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_error};
use rustix::net::{
    RecvFlags, SendFlags, SocketFlags, accept, accept_with, connect, getpeername, getsockname,
    recv, send,
};

use super::datagram::{bound_udp, try_receive, udp};
use super::network::Network;
use super::stream::{listener, pair, receive_exactly, stream, wait};
use super::waiting::{now, since, until};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    // Rows: API-16
    Test { name: "stream options: what kind of socket it is", run: kind },
    // Rows: API-16
    Test { name: "stream options: numbers are kept, and have limits", run: numbers },
    Test { name: "stream options: TCP_CORK sends what was written together", run: cork },
    Test { name: "stream options: TCP_MAXSEG holds for the connection", run: segment_size },
    // Rows: API-16
    Test { name: "stream options: SO_RCVTIMEO ends a read", run: receive_timeout },
    Test { name: "stream options: SIOCOUTQ counts what the other side lacks", run: unread },
    Test { name: "stream options: an IPv4-mapped destination is unreachable", run: mapped },
    Test { name: "stream options: IPV6_MTU and IPV6_MTU_DISCOVER", run: path_mtu },
    Test { name: "stream options: IPV6_UNICAST_IF chooses the interface", run: interface },
    Test { name: "stream options: IPV6_RECVERR tells who refused", run: errors },
    Test { name: "stream options: accept4's flags", run: accepted_flags },
    Test { name: "stream options: readv, writev, dup", run: vectors },
];

const HERE: Ipv6Addr = Ipv6Addr::LOCALHOST;

fn expect(fd: &OwnedFd, level: u32, name: u32, expected: i32) -> Outcome {
    let value = because("getsockopt", get_i32(fd, level, name))?;
    check!(value == expected, "option {name} of level {level} is {value}, not {expected}");
    Ok(())
}

fn kind() -> Outcome {
    let (listener, address) = listener()?;
    let client = stream(SocketFlags::empty())?;
    because("connect", connect(&client, &address))?;
    for (fd, listens) in [(&listener, 1), (&client, 0)] {
        expect(fd, SOCKET, SO_DOMAIN, AF_INET6 as i32)?;
        expect(fd, SOCKET, SO_TYPE, SOCK_STREAM as i32)?;
        expect(fd, SOCKET, SO_PROTOCOL, IPPROTO_TCP as i32)?;
        expect(fd, SOCKET, SO_ACCEPTCONN, listens)?;
    }
    Ok(())
}

fn numbers() -> Outcome {
    let fd = stream(SocketFlags::empty())?;
    for (level, name, value) in [
        (SOL_TCP, TCP_NODELAY, 1),
        (SOL_TCP, TCP_QUICKACK, 0),
        (SOL_TCP, TCP_KEEPIDLE, 7),
        (SOL_TCP, TCP_KEEPINTVL, 3),
        (SOL_TCP, TCP_KEEPCNT, 5),
        (SOL_TCP, TCP_USER_TIMEOUT, 4500),
        (IPV6, IPV6_TCLASS, 0x20),
        (IPV6, IPV6_V6ONLY, 1),
    ] {
        because("setsockopt", set_i32(&fd, level, name, value))?;
        expect(&fd, level, name, value)?;
    }
    for (level, name, value) in [
        (SOL_TCP, TCP_KEEPIDLE, 0),
        (SOL_TCP, TCP_KEEPINTVL, 40_000),
        (SOL_TCP, TCP_KEEPCNT, 0),
        (SOL_TCP, TCP_MAXSEG, 1),
        (IPV6, IPV6_TCLASS, 256),
    ] {
        let refused = set_i32(&fd, level, name, value);
        check!(refused == Err(Errno::INVAL), "option {name} of {value}: {refused:?}");
    }
    let unknown = set_i32(&fd, SOL_TCP, 9999, 1);
    check!(unknown == Err(Errno::NOPROTOOPT), "an option that is none: {unknown:?}");
    Ok(())
}

fn cork() -> Outcome {
    let (client, server) = pair()?;
    because("TCP_CORK", set_i32(&client, SOL_TCP, TCP_CORK, 1))?;
    for word in [b"head".as_slice(), b", body", b", tail"] {
        because("send", send(&client, word, SendFlags::empty()))?;
    }
    because("TCP_CORK", set_i32(&client, SOL_TCP, TCP_CORK, 0))?;
    wait(&server, PollFlags::IN)?;
    let mut buffer = [0; 32];
    let (count, _) = because("recv", recv(&server, &mut buffer, RecvFlags::empty()))?;
    check!(buffer.get(..count) == Some(b"head, body, tail"), "{:?}", buffer.get(..count));
    Ok(())
}

fn segment_size() -> Outcome {
    const SIZE: i32 = 700;
    let (listener, address) = listener()?;
    let client = stream(SocketFlags::empty())?;
    because("TCP_MAXSEG", set_i32(&client, SOL_TCP, TCP_MAXSEG, SIZE))?;
    because("connect", connect(&client, &address))?;
    let server = because("accept", accept(&listener))?;
    for fd in [&client, &server] {
        let size = because("TCP_MAXSEG", get_i32(fd, SOL_TCP, TCP_MAXSEG))?;
        // Timestamps take twelve octets of it.
        check!(size == SIZE || size == SIZE - 12, "segments of {size} octets");
    }
    Ok(())
}

fn receive_timeout() -> Outcome {
    const LIMIT: Duration = Duration::from_millis(60);
    let (_client, server) = pair()?;
    because("SO_RCVTIMEO", set_socket_timeout(&server, Timeout::Recv, Some(LIMIT)))?;
    let start = now();
    let result = recv(&server, &mut [0; 4], RecvFlags::empty()).map(|(count, _)| count);
    check!(result == Err(Errno::AGAIN), "recv: {result:?}");
    let waited = since(start);
    check!(waited >= LIMIT, "it ended after {} ms", waited.as_millis());
    Ok(())
}

/// SIOCOUTQ, which has the number of TIOCOUTQ.
fn queued(fd: &OwnedFd) -> Result<i32, String> {
    let mut count = 0i32;
    let pointer = ptr::from_mut(&mut count) as usize;
    let arguments = [fd.as_raw_fd() as usize, TIOCOUTQ as usize, pointer, 0, 0, 0];
    // SAFETY: the kernel writes an `int` to `count`, which lives through the call.
    because("SIOCOUTQ", unsafe { syscall(__NR_ioctl, arguments) })?;
    Ok(count)
}

fn unread() -> Outcome {
    let (client, server) = pair()?;
    check!(queued(&client)? == 0, "nothing was written");
    let block = vec![7; 16 << 10];
    let mut sent = 0;
    // Until the other side's window and the own buffer are full.
    let full = loop {
        match send(&client, &block, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
    };
    check!(full == Errno::AGAIN, "send: {full:?}");
    let waiting = queued(&client)?;
    check!(waiting > 0 && waiting as usize <= sent, "{waiting} of {sent} octets");
    receive_exactly(&server, sent)?;
    until(|| match queued(&client)? {
        0 => Ok(()),
        waiting => Err(format!("{waiting} octets are still queued")),
    })
}

fn mapped() -> Outcome {
    let address = SocketAddrV6::new(core::net::Ipv4Addr::LOCALHOST.to_ipv6_mapped(), 7, 0, 0);
    let result = connect(&stream(SocketFlags::empty())?, &address);
    check!(result == Err(Errno::NETUNREACH), "connect: {result:?}");
    Ok(())
}

fn path_mtu() -> Outcome {
    let fd = stream(SocketFlags::empty())?;
    let none = get_i32(&fd, IPV6, IPV6_MTU);
    check!(none == Err(Errno::NOTCONN), "the MTU of no path: {none:?}");
    let (client, _server) = pair()?;
    let mtu = because("IPV6_MTU", get_i32(&client, IPV6, IPV6_MTU))?;
    let size = because("TCP_MAXSEG", get_i32(&client, SOL_TCP, TCP_MAXSEG))?;
    check!(mtu >= 1280 && size > 0 && size <= mtu - 60, "MTU {mtu}, segments of {size}");
    // IPV6_PMTUDISC_DONT, WANT, DO, PROBE.
    for value in 0..4 {
        because("IPV6_MTU_DISCOVER", set_i32(&fd, IPV6, IPV6_MTU_DISCOVER, value))?;
        expect(&fd, IPV6, IPV6_MTU_DISCOVER, value)?;
    }
    let beyond = set_i32(&fd, IPV6, IPV6_MTU_DISCOVER, 99);
    check!(beyond == Err(Errno::INVAL), "IPV6_MTU_DISCOVER of 99: {beyond:?}");
    Ok(())
}

fn interface() -> Outcome {
    let place = Network::open()?.user_network()?;
    let fd = udp()?;
    expect(&fd, IPV6, IPV6_UNICAST_IF, 0)?;
    // An index in network byte order (ipv6(7)).
    let index = (place.index as i32).to_be();
    because("IPV6_UNICAST_IF", set_i32(&fd, IPV6, IPV6_UNICAST_IF, index))?;
    expect(&fd, IPV6, IPV6_UNICAST_IF, index)?;
    // Of a link-local address only the interface says where it is.
    let router = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2), 9, 0, 0);
    let sent = rustix::net::sendto(&fd, b"x", SendFlags::empty(), &router);
    check!(sent == Ok(1), "to a link-local address: {sent:?}");
    Ok(())
}

fn errors() -> Outcome {
    let (server, closed) = bound_udp(HERE, 0)?;
    drop(server);
    let fd = udp()?;
    because("IPV6_RECVERR", set_i32(&fd, IPV6, IPV6_RECVERR, 1))?;
    super::datagram::send(&fd, b"anybody?", closed)?;
    wait(&fd, PollFlags::ERR)?;
    let refused = because("recvmsg", try_receive(&fd, MSG_ERRQUEUE))?.ok_or("no error queued")?;
    check!(refused.data == b"anybody?", "of {:?}", refused.data);
    check!(refused.from()? == closed, "to {:?}", refused.with.from);
    let data = refused.with.control().find(IPV6, IPV6_RECVERR).ok_or("no IPV6_RECVERR")?;
    // Destination Unreachable, port unreachable (RFC 4443, Section 3.1), by this machine.
    let told = QueuedError::parse(data);
    let by_us = matches!(
        told,
        Some(QueuedError::Icmpv6 { reporter: Some(reporter), kind: 1, code: 4, .. })
            if *reporter.ip() == HERE
    );
    check!(by_us, "{told:?}");
    let none = because("recvmsg", try_receive(&fd, MSG_ERRQUEUE))?;
    check!(none.is_none(), "the same error twice");
    let error = because("SO_ERROR", socket_error(&fd))?;
    check!(error == Ok(()) || error == Err(Errno::CONNREFUSED), "SO_ERROR: {error:?}");
    Ok(())
}

fn accepted_flags() -> Outcome {
    let (listener, address) = listener()?;
    let client = stream(SocketFlags::empty())?;
    because("connect", connect(&client, &address))?;
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let server = because("accept4", accept_with(&listener, flags))?;
    let flags = because("F_GETFD", fcntl_getfd(&server))?;
    check!(flags.contains(rustix::io::FdFlags::CLOEXEC), "{flags:?}");
    let empty = rustix::io::read(&server, &mut [0; 4]);
    check!(empty == Err(Errno::AGAIN), "read: {empty:?}");
    let ours = SocketAddrV6::try_from(because("getsockname", getsockname(&server))?).ok();
    let peer = because("getpeername", getpeername(&client))?;
    let theirs = peer.and_then(|peer| SocketAddrV6::try_from(peer).ok());
    check!(ours == theirs && ours == Some(address), "{ours:?} and {theirs:?}");
    Ok(())
}

fn vectors() -> Outcome {
    let (client, server) = pair()?;
    let parts: Vec<_> = [b"one ".as_slice(), b"", b"two ", b"three"].map(IoSlice::new).into();
    let count = because("writev", writev(&client, &parts))?;
    check!(count == 13, "{count} octets");
    let other = because("dup", dup(&server))?;
    drop(server);
    wait(&other, PollFlags::IN)?;
    let (mut first, mut second) = ([0; 4], [0; 32]);
    let mut rooms = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    let count = because("readv", readv(&other, &mut rooms))?;
    check!(count == 13 && &first == b"one ", "{count} octets, {first:?}");
    check!(second.starts_with(b"two three\0"), "{second:?}");
    // The duplicate is the same connection, and its end ends it.
    drop(other);
    check!(receive_exactly(&client, 1).is_err(), "the connection goes on");
    Ok(())
}
