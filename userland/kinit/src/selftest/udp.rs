//! UDP sockets on this machine: datagrams and their senders, binding, connecting, errors, waiting.

use alloc::string::String;
use core::net::{Ipv6Addr, SocketAddrV6};
use core::time::Duration;

use linux_raw_sys::net::{MSG_PEEK, MSG_TRUNC};
use net_tools::socket::error_queue::QueuedError;
use net_tools::socket::option::{IPV6, set_i32};
use rt::ExitCode;
use rt::process::{Fork, fork, wait};
use rt::rustix::fd::AsFd;
use rustix::event::PollFlags;
use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread, read, write};
use rustix::net::sockopt::{
    Timeout, set_socket_reuseaddr, set_socket_timeout, socket_error, socket_timeout,
};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketType, bind, connect, connect_unspec,
    getpeername, recv, recvfrom, send, sendto, shutdown, socket,
};

use super::datagram::{
    SOON, bound_udp, local_address, receive_any, receive_none, try_receive, udp,
};
use super::network::Network;
use super::waiting::{PATIENCE, is_ready, now, pause, since};
use super::{Outcome, Test, because, check, datagram};

pub(super) const TESTS: &[Test] = &[
    // Rows: API-1, API-2
    Test { name: "sockets: datagrams go both ways over ::1", run: both_ways },
    // Rows: UDP-12
    Test { name: "sockets: datagrams keep their borders, empty ones too", run: borders },
    // Rows: API-21
    Test { name: "sockets: MSG_PEEK, MSG_TRUNC and FIONREAD", run: peek_and_truncate },
    Test { name: "sockets: a connected one hears its peer only", run: connected },
    // Rows: ICMP-13
    Test { name: "sockets: port unreachable is ECONNREFUSED", run: refused },
    // Rows: ICMP-13
    Test { name: "sockets: the error queue tells who refused", run: error_queue },
    // Rows: API-15
    Test { name: "sockets: a port is bound once, or by all with SO_REUSEADDR", run: in_use },
    Test { name: "sockets: only addresses of this node can be bound", run: foreign_address },
    // Rows: API-16
    Test { name: "sockets: SO_RCVTIMEO ends a wait", run: receive_timeout },
    // Rows: API-17
    Test { name: "sockets: non-blocking ones do not wait", run: non_blocking },
    // Rows: API-17
    Test { name: "sockets: ppoll sees a datagram arrive from another process", run: polling },
    // Rows: API-17
    Test { name: "sockets: a sleeping recvfrom is woken", run: blocking_receive },
    Test { name: "sockets: shutdown ends receiving and sending", run: shut_down },
    Test { name: "sockets: what cannot be is refused", run: impossible },
];

const HERE: Ipv6Addr = Ipv6Addr::LOCALHOST;

/// A port of ::1 that nobody is bound to: it was free a moment ago.
fn free_port() -> Result<SocketAddrV6, String> {
    bound_udp(HERE, 0).map(|(_, address)| address)
}

fn both_ways() -> Outcome {
    let (server, server_address) = bound_udp(HERE, 0)?;
    let (client, client_address) = bound_udp(HERE, 0)?;
    check!(server_address.port() != client_address.port(), "the same port twice");
    datagram::send(&client, b"question", server_address)?;
    let question = receive_any(&server)?;
    check!(question.data == b"question", "{:?}", question.data);
    check!(question.from()? == client_address, "from {} not {client_address}", question.from()?);
    datagram::send(&server, b"answer", question.from()?)?;
    let answer = receive_any(&client)?;
    check!(answer.data == b"answer", "{:?}", answer.data);
    check!(answer.from()? == server_address, "from {} not {server_address}", answer.from()?);
    Ok(())
}

fn borders() -> Outcome {
    let (server, address) = bound_udp(HERE, 0)?;
    let client = udp()?;
    for size in [1, 0, 1200, 3] {
        let data = alloc::vec![size as u8; size];
        datagram::send(&client, &data, address)?;
    }
    for size in [1, 0, 1200, 3] {
        let datagram = receive_any(&server)?;
        let is_right = datagram.data.iter().all(|&byte| byte == size as u8);
        check!(datagram.data.len() == size && is_right, "{size} bytes: {:?}", datagram.data);
    }
    receive_none(&server)
}

fn peek_and_truncate() -> Outcome {
    let (server, address) = bound_udp(HERE, 0)?;
    datagram::send(&udp()?, b"0123456789", address)?;
    check!(is_ready(server.as_fd(), PollFlags::IN, PATIENCE)?, "nothing arrives");
    let waiting = because("FIONREAD", ioctl_fionread(&server))?;
    check!(waiting == 10, "FIONREAD says {waiting}");
    for _ in 0..2 {
        let peeked = because("recvmsg", try_receive(&server, MSG_PEEK))?;
        let data = peeked.map(|datagram| datagram.data);
        check!(data.as_deref() == Some(b"0123456789"), "peeked at {data:?}");
    }
    let mut small = [0; 4];
    let peek = RecvFlags::PEEK | RecvFlags::TRUNC;
    let (_, length, _) = because("recvfrom", recvfrom(&server, &mut small[..], peek))?;
    check!(length == 10 && &small == b"0123", "MSG_TRUNC: {length}, {small:?}");
    let with = because("recvmsg", net_tools::socket::message::receive(&server, &mut small, 0))?;
    check!(with.length == 4 && with.truncated, "{with:?}");
    // The rest of a datagram is gone.
    let rest = because("recvmsg", try_receive(&server, MSG_TRUNC))?;
    check!(rest.is_none(), "the rest is still there");
    Ok(())
}

fn connected() -> Outcome {
    // A port that was asked for by number outlives the connection.
    let (one, one_address) = (udp()?, free_port()?);
    because("bind", bind(&one, &one_address))?;
    let (two, two_address) = bound_udp(HERE, 0)?;
    let (stranger, _) = bound_udp(HERE, 0)?;
    let unconnected = getpeername(&one);
    check!(unconnected == Err(Errno::NOTCONN), "a peer before connect: {unconnected:?}");
    because("connect", connect(&one, &two_address))?;
    let peer = because("getpeername", getpeername(&one))?;
    let peer = peer.and_then(|peer| SocketAddrV6::try_from(peer).ok());
    check!(peer == Some(two_address), "the peer is {peer:?}");
    datagram::send(&stranger, b"not for you", one_address)?;
    receive_none(&one)?;
    // To a connected socket the pair of read and write is enough.
    because("write", write(&one, b"hello"))?;
    let heard = receive_any(&two)?;
    check!(heard.data == b"hello" && heard.from()? == one_address, "{:?}", heard.data);
    datagram::send(&two, b"hello yourself", one_address)?;
    let mut buffer = [0; 32];
    check!(is_ready(one.as_fd(), PollFlags::IN, PATIENCE)?, "no answer");
    let length = because("read", read(&one, &mut buffer))?;
    check!(buffer.get(..length) == Some(b"hello yourself"), "{:?}", buffer.get(..length));
    because("connect", connect_unspec(&one))?;
    datagram::send(&stranger, b"now", one_address)?;
    let heard = receive_any(&one)?;
    check!(heard.data == b"now", "after the connection: {:?}", heard.data);
    Ok(())
}

fn refused() -> Outcome {
    let nobody = free_port()?;
    let fd = udp()?;
    because("connect", connect(&fd, &nobody))?;
    because("send", send(&fd, b"x", SendFlags::empty()))?;
    check!(is_ready(fd.as_fd(), PollFlags::IN, PATIENCE)?, "no error arrives");
    let result = recv(&fd, &mut [0; 8][..], RecvFlags::DONTWAIT).map(|(_, length)| length);
    check!(result == Err(Errno::CONNREFUSED), "recv: {result:?}");
    // An error is told once.
    let result = recv(&fd, &mut [0; 8][..], RecvFlags::DONTWAIT).map(|(_, length)| length);
    check!(result == Err(Errno::AGAIN), "recv again: {result:?}");
    because("send", send(&fd, b"x", SendFlags::empty()))?;
    check!(is_ready(fd.as_fd(), PollFlags::IN, PATIENCE)?, "no second error arrives");
    let error = because("SO_ERROR", socket_error(&fd))?;
    check!(error == Err(Errno::CONNREFUSED), "SO_ERROR: {error:?}");
    // Whoever is not connected does not hear of it.
    let fd = udp()?;
    datagram::send(&fd, b"x", nobody)?;
    receive_none(&fd)
}

fn error_queue() -> Outcome {
    use linux_raw_sys::net::{IPV6_RECVERR, MSG_ERRQUEUE};
    let nobody = free_port()?;
    let fd = udp()?;
    because("IPV6_RECVERR", set_i32(&fd, IPV6, IPV6_RECVERR, 1))?;
    datagram::send(&fd, b"returned to sender", nobody)?;
    check!(is_ready(fd.as_fd(), PollFlags::ERR, PATIENCE)?, "no error arrives");
    let returned = because("recvmsg", try_receive(&fd, MSG_ERRQUEUE))?;
    let returned = returned.ok_or("the error queue is empty")?;
    check!(returned.data == b"returned to sender", "{:?}", returned.data);
    check!(returned.from()? == nobody, "it was for {}", returned.from()?);
    let error = returned.with.control().find(IPV6, IPV6_RECVERR).and_then(QueuedError::parse);
    let is_right = matches!(
        error,
        Some(QueuedError::Icmpv6 { kind: 1, code: 4, reporter: Some(reporter), .. })
            if *reporter.ip() == HERE
    );
    check!(is_right, "{error:?}");
    Ok(())
}

fn in_use() -> Outcome {
    let (first, address) = bound_udp(HERE, 0)?;
    let second = udp()?;
    let bound = bind(&second, &address);
    check!(bound == Err(Errno::ADDRINUSE), "the same address: {bound:?}");
    let any = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, address.port(), 0, 0);
    let bound = bind(&second, &any);
    check!(bound == Err(Errno::ADDRINUSE), "all addresses: {bound:?}");
    because("SO_REUSEADDR", set_socket_reuseaddr(&second, true))?;
    let bound = bind(&second, &address);
    check!(bound == Err(Errno::ADDRINUSE), "only one of both shares: {bound:?}");
    because("SO_REUSEADDR", set_socket_reuseaddr(&first, true))?;
    because("bind with SO_REUSEADDR", bind(&second, &address))?;
    let again = bind(&second, &SocketAddrV6::new(HERE, 0, 0, 0));
    check!(again == Err(Errno::INVAL), "bound twice: {again:?}");
    drop((first, second));
    because("bind after close", bind(&udp()?, &address))
}

fn foreign_address() -> Outcome {
    let documentation = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    let bound = bind(&udp()?, &SocketAddrV6::new(documentation, 0, 0, 0));
    check!(bound == Err(Errno::ADDRNOTAVAIL), "somebody else's address: {bound:?}");
    let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let bound = bind(&udp()?, &SocketAddrV6::new(link_local, 0, 0, 0));
    check!(bound == Err(Errno::INVAL), "link-local without a scope: {bound:?}");
    let place = Network::open()?.user_network()?;
    let (fd, _) = bound_udp(place.own, 0)?;
    let local = local_address(&fd)?;
    check!(*local.ip() == place.own && local.port() != 0, "bound to {local}");
    Ok(())
}

fn receive_timeout() -> Outcome {
    let limit = Duration::from_millis(100);
    let (fd, _) = bound_udp(HERE, 0)?;
    because("SO_RCVTIMEO", set_socket_timeout(&fd, Timeout::Recv, Some(limit)))?;
    let read_back = because("SO_RCVTIMEO", socket_timeout(&fd, Timeout::Recv))?;
    check!(read_back == Some(limit), "read back as {read_back:?}");
    let start = now();
    let result = recv(&fd, &mut [0; 8][..], RecvFlags::empty()).map(|(_, length)| length);
    let elapsed = since(start);
    check!(result == Err(Errno::AGAIN), "recv: {result:?}");
    check!(elapsed >= limit && elapsed < PATIENCE, "it took {elapsed:?}");
    Ok(())
}

fn non_blocking() -> Outcome {
    let (fd, address) = bound_udp(HERE, 0)?;
    let once = recv(&fd, &mut [0; 8][..], RecvFlags::DONTWAIT).map(|(_, length)| length);
    check!(once == Err(Errno::AGAIN), "MSG_DONTWAIT: {once:?}");
    because("FIONBIO", ioctl_fionbio(&fd, true))?;
    let result = recv(&fd, &mut [0; 8][..], RecvFlags::empty()).map(|(_, length)| length);
    check!(result == Err(Errno::AGAIN), "O_NONBLOCK: {result:?}");
    datagram::send(&udp()?, b"x", address)?;
    check!(receive_any(&fd)?.data == b"x", "another datagram");
    Ok(())
}

/// A child that sends a datagram a little later; returns how it ended once `body` has run.
fn with_sender(to: SocketAddrV6, body: impl FnOnce() -> Outcome) -> Outcome {
    let child = match because("fork", fork())? {
        Fork::Child => {
            pause(SOON);
            let sent = udp().and_then(|fd| datagram::send(&fd, b"from the child", to));
            rt::exit::exit_now(ExitCode::from_success(sent.is_ok()))
        }
        Fork::Parent(child) => child,
    };
    let outcome = body();
    let status = because("wait4", wait(child))?;
    check!(status.exit_status() == Some(0), "the sender: {status:?}");
    outcome
}

fn polling() -> Outcome {
    let (fd, address) = bound_udp(HERE, 0)?;
    check!(!is_ready(fd.as_fd(), PollFlags::IN, Duration::ZERO)?, "ready with nothing to read");
    check!(is_ready(fd.as_fd(), PollFlags::OUT, Duration::ZERO)?, "no room to send");
    with_sender(address, || {
        check!(is_ready(fd.as_fd(), PollFlags::IN, PATIENCE)?, "ppoll sees nothing");
        let datagram = receive_any(&fd)?;
        check!(datagram.data == b"from the child", "{:?}", datagram.data);
        Ok(())
    })
}

fn blocking_receive() -> Outcome {
    let (fd, address) = bound_udp(HERE, 0)?;
    because("SO_RCVTIMEO", set_socket_timeout(&fd, Timeout::Recv, Some(PATIENCE)))?;
    with_sender(address, || {
        let mut buffer = [0; 32];
        let received = recv(&fd, &mut buffer[..], RecvFlags::empty());
        let (_, length) = because("recv", received)?;
        check!(buffer.get(..length) == Some(b"from the child"), "{:?}", buffer.get(..length));
        Ok(())
    })
}

fn shut_down() -> Outcome {
    let (fd, address) = bound_udp(HERE, 0)?;
    let unconnected = shutdown(&fd, Shutdown::Both);
    check!(unconnected == Err(Errno::NOTCONN), "without a peer: {unconnected:?}");
    because("connect", connect(&fd, &address))?;
    because("shutdown", shutdown(&fd, Shutdown::Both))?;
    let result = recv(&fd, &mut [0; 8][..], RecvFlags::empty()).map(|(_, length)| length);
    check!(result == Ok(0), "recv: {result:?}");
    let result = send(&fd, b"x", SendFlags::NOSIGNAL);
    check!(result == Err(Errno::PIPE), "send: {result:?}");
    Ok(())
}

fn impossible() -> Outcome {
    let kind = socket(AddressFamily::APPLETALK, SocketType::DGRAM, None).err();
    check!(kind == Some(Errno::AFNOSUPPORT), "an AppleTalk socket: {kind:?}");
    let fd = udp()?;
    let sent = send(&fd, b"x", SendFlags::empty());
    check!(sent == Err(Errno::DESTADDRREQ), "without a destination: {sent:?}");
    let huge = alloc::vec![0; 70_000];
    let sent = sendto(&fd, &huge, SendFlags::empty(), &SocketAddrV6::new(HERE, 9, 0, 0));
    check!(sent == Err(Errno::MSGSIZE), "70000 bytes: {sent:?}");
    let link_local = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2), 9, 0, 0);
    let sent = sendto(&fd, b"x", SendFlags::empty(), &link_local);
    check!(sent == Err(Errno::INVAL), "link-local without a scope: {sent:?}");
    let name = local_address(&fd)?;
    check!(name.ip().is_unspecified(), "never bound, but at {name}");
    let pipe = because("pipe2", rt::rustix::pipe::pipe_with(rt::rustix::pipe::PipeFlags::empty()))?;
    let sent = send(&pipe.1, b"x", SendFlags::empty());
    check!(sent == Err(Errno::NOTSOCK), "sending into a pipe: {sent:?}");
    Ok(())
}
