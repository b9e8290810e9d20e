//! NETLINK_SOCK_DIAG and `/proc/net`: the sockets of this machine as `ss` and `netstat` see them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::netlink::{NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR};
use net_tools::netlink::{Attributes, Messages, Request, field};
use net_tools::ss::diag::{DiagSocket, Protocol};
use rt::rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::event::PollFlags;
use rustix::io::{Errno, read};
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, connect, getsockname,
    listen, recv, sendto, socket_with,
};

use super::datagram::bound_udp;
use super::waiting::{PATIENCE, is_ready};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "sock_diag: a listener, and both ends of a connection", run: streams },
    Test { name: "sock_diag: a UDP socket, and which process has it", run: datagrams },
    Test { name: "sock_diag: SOCK_DESTROY tells both ends", run: destroyed },
    Test { name: "sock_diag: unknown protocols are refused", run: unknown },
    Test { name: "/proc/net/tcp6: a listener", run: proc_file },
];

/// SOCK_DIAG_BY_FAMILY.
const BY_FAMILY: u32 = 20;
const TCP: u8 = 6;
const UDP: u8 = 17;
// States as Linux numbers them.
const ESTABLISHED: u8 = 1;
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;
// Attributes.
const INFO: u16 = 2;
const CONGESTION: u16 = 4;
/// Length of the fixed part of an answer.
const FIXED: usize = 72;

/// A socket as an answer describes it.
struct Described {
    state: u8,
    ports: (u16, u16),
    inode: u32,
    attributes: Vec<(u16, Vec<u8>)>,
}

impl Described {
    fn parse(payload: &[u8]) -> Option<Self> {
        let port = |at| field::u16_at(payload, at).map(u16::from_be);
        let attributes = Attributes::after(payload, FIXED);
        Some(Self {
            state: field::u8_at(payload, 1)?,
            ports: (port(4)?, port(6)?),
            inode: field::u32_at(payload, 68)?,
            attributes: attributes.map(|one| (one.kind, one.value.to_vec())).collect(),
        })
    }

    fn attribute(&self, kind: u16) -> Option<&[u8]> {
        let found = self.attributes.iter().find(|(other, _)| *other == kind);
        found.map(|(_, value)| value.as_slice())
    }
}

/// Asks for all sockets of a protocol. The error of the kernel is positive.
fn dump(protocol: u8) -> Result<Result<Vec<Described>, i32>, String> {
    let fd = because(
        "socket",
        socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(netlink::SOCK_DIAG),
        ),
    )?;
    // Family, protocol, all attributes, all states, no addresses.
    let mut request = vec![10, protocol, 0xff, 0, 0xff, 0xff, 0xff, 0xff];
    request.resize(48, 0);
    request.extend([0xff; 8]);
    let request = Request::new(BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, &request).finish(1);
    let kernel = SocketAddrNetlink::new(0, 0);
    because("sendto", sendto(&fd, &request, SendFlags::empty(), &kernel))?;
    let mut found = Vec::new();
    loop {
        let mut buffer = vec![0; 32 << 10];
        let (length, _) = because("recv", recv(&fd, &mut buffer, RecvFlags::empty()))?;
        for message in Messages::new(buffer.get(..length).unwrap_or_default()) {
            let message = message.map_err(|_| "a malformed message")?;
            match u32::from(message.kind) {
                NLMSG_DONE => return Ok(Ok(found)),
                NLMSG_ERROR => {
                    let code = field::u32_at(message.payload, 0).unwrap_or(0).cast_signed();
                    return Ok(Err(code.wrapping_neg()));
                }
                _ => found.push(Described::parse(message.payload).ok_or("a short message")?),
            }
        }
    }
}

fn all(protocol: u8) -> Result<Vec<Described>, String> {
    dump(protocol)?.map_err(|code| format!("refused with error {code}"))
}

fn listener() -> Result<(OwnedFd, SocketAddrV6), String> {
    let flags = SocketFlags::CLOEXEC;
    let fd = because("socket", socket_with(AddressFamily::INET6, SocketType::STREAM, flags, None))?;
    because("bind", bind(&fd, &SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0, 0, 0)))?;
    because("listen", listen(&fd, 4))?;
    let address = because("getsockname", getsockname(&fd))?;
    Ok((fd, because("getsockname", SocketAddrV6::try_from(address))?))
}

fn streams() -> Outcome {
    let (fd, address) = listener()?;
    let flags = SocketFlags::CLOEXEC;
    let client =
        because("socket", socket_with(AddressFamily::INET6, SocketType::STREAM, flags, None))?;
    because("connect", connect(&client, &address))?;
    check!(is_ready(fd.as_fd(), PollFlags::IN, PATIENCE)?, "no connection to accept");
    let port = address.port();
    let found = all(TCP)?;
    let listening: Vec<&Described> =
        found.iter().filter(|one| one.state == LISTEN && one.ports == (port, 0)).collect();
    check!(listening.len() == 1, "{} listeners at port {port}", listening.len());
    let ends = found.iter().filter(|one| one.state == ESTABLISHED);
    let (to, from): (Vec<&Described>, Vec<&Described>) = ends
        .filter(|one| one.ports.0 == port || one.ports.1 == port)
        .partition(|one| one.ports.1 == port);
    check!((to.len(), from.len()) == (1, 1), "{} and {} ends", to.len(), from.len());
    let client_end = to.first().ok_or("no end")?;
    check!(client_end.inode != 0, "it has no inode");
    // Nobody has accepted the other one yet.
    check!(from.iter().all(|one| one.inode == 0), "the unaccepted end has an inode");
    let info = client_end.attribute(INFO).ok_or("no INET_DIAG_INFO")?;
    check!(info.first() == Some(&ESTABLISHED), "tcp_info begins with {:?}", info.first());
    let mss = field::u32_at(info, 16).unwrap_or(0);
    check!((536..=65_535).contains(&mss), "tcpi_snd_mss is {mss}");
    let window = field::u32_at(info, 80).unwrap_or(0);
    check!((1..=1000).contains(&window), "tcpi_snd_cwnd is {window}");
    let congestion = client_end.attribute(CONGESTION);
    check!(congestion.is_some_and(|name| name.ends_with(b"\0")), "{congestion:?}");
    Ok(())
}

fn destroyed() -> Outcome {
    let (client, server) = super::stream::pair()?;
    let address = because("getsockname", getsockname(&client))?;
    let address = because("getsockname", SocketAddrV6::try_from(address))?;
    let mut diagnosis = DiagSocket::open().map_err(|error| error.to_string())?;
    let found =
        diagnosis.dump(Protocol::Tcp, u32::MAX, false).map_err(|error| error.to_string())?;
    let own = found.iter().find(|socket| socket.local.port() == address.port());
    let own = own.ok_or("it is not listed")?;
    let ended = diagnosis.destroy(Protocol::Tcp, own).map_err(|error| error.to_string())?;
    check!(ended, "it was not ended");
    let here = read(&client, &mut [0; 4]);
    check!(here == Err(Errno::CONNABORTED), "its owner: {here:?}");
    let there = read(&server, &mut [0; 4]);
    check!(there == Err(Errno::CONNRESET), "the other end: {there:?}");
    let again = diagnosis.destroy(Protocol::Tcp, own).map_err(|error| error.to_string())?;
    check!(!again, "it was ended twice");
    Ok(())
}

fn datagrams() -> Outcome {
    let (fd, address) = bound_udp(Ipv6Addr::LOCALHOST, 0)?;
    let found = all(UDP)?;
    let own = found.iter().find(|one| one.ports.0 == address.port()).ok_or("it is not listed")?;
    check!(own.state == CLOSE, "state {}", own.state);
    let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let target = because("readlink", rustix::fs::readlink(link.as_str(), Vec::new()))?;
    let expected = format!("socket:[{}]", own.inode);
    check!(target.as_bytes() == expected.as_bytes(), "{target:?}, not {expected}");
    drop(fd);
    let left = all(UDP)?.iter().any(|one| one.ports.0 == address.port());
    check!(!left, "it is listed although it is closed");
    Ok(())
}

fn unknown() -> Outcome {
    const ENOENT: i32 = 2;
    let result = dump(132)?.map(|found| found.len());
    check!(result == Err(ENOENT), "SCTP: {result:?}");
    Ok(())
}

fn proc_file() -> Outcome {
    let (_fd, address) = listener()?;
    let text = because("/proc/net/tcp6", rt::input::read_file("/proc/net/tcp6"))?;
    let local = format!("00000000000000000000000001000000:{:04X}", address.port());
    let mut lines = text.split(|byte| *byte == b'\n');
    let heading = lines.next().unwrap_or_default();
    check!(heading.starts_with(b"  sl  local_address"), "{heading:?}");
    let line = lines.map(String::from_utf8_lossy).find(|line| line.contains(&local));
    let line = line.ok_or_else(|| format!("{local} is not there"))?;
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    check!(fields.get(3) == Some(&"0A"), "{line}");
    check!(fields.len() == 17, "{} columns: {line}", fields.len());
    Ok(())
}
