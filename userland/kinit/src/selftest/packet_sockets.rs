//! Packet sockets: what they capture of this machine's own packets, and what filters leave of it.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::net::SO_ATTACH_FILTER;
use net_tools::ping::echo::{ECHO_REPLY, ECHO_REQUEST, Probe};
use net_tools::socket::option::{SOCKET, set};
use rt::rustix::fd::{AsFd, OwnedFd};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, recv, socket_with};

use super::datagram::{self, SOON, bound_udp, receive_any, send, udp};
use super::network::Network;
use super::waiting::{PATIENCE, is_ready};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "packet sockets: a datagram over lo is seen twice", run: loopback },
    Test { name: "packet sockets: echo request and reply on the adapter", run: own_ping },
    Test { name: "packet sockets: a filter keeps other packets away", run: filtered },
    Test { name: "packet sockets: a filter that is no program is refused", run: no_filter },
    Test { name: "packet sockets: without a protocol nothing comes", run: nothing },
];

/// ETH_P_ALL and ETH_P_IPV6, in network byte order.
const ALL: u32 = (3u16).to_be() as u32;
const ETHERNET: usize = 14;
const IPV6: usize = 40;
/// Where UDP's payload begins in a frame.
const UDP_PAYLOAD: usize = ETHERNET + IPV6 + 8;

/// A filter instruction: code, both jumps, value.
type Instruction = (u16, u8, u8, u32);

/// Takes IPv6 packets whose octet at `offset` of the frame is `value`.
const fn octet_is(offset: u32, value: u32) -> [Instruction; 6] {
    [
        (0x28, 0, 0, 12),
        (0x15, 0, 3, 0x86dd),
        (0x30, 0, 0, offset),
        (0x15, 0, 1, value),
        (0x06, 0, 0, 0x4_0000),
        (0x06, 0, 0, 0),
    ]
}

/// Where an IPv6 header has the number of what follows.
const NEXT_HEADER: u32 = ETHERNET as u32 + 6;
const UDP: u32 = 17;
const ICMPV6: u32 = 58;

fn capture(protocol: u32) -> Result<OwnedFd, String> {
    let protocol = core::num::NonZeroU32::new(protocol).map(Protocol::from_raw);
    let flags = SocketFlags::CLOEXEC;
    because("socket", socket_with(AddressFamily::PACKET, SocketType::RAW, flags, protocol))
}

fn attach(fd: &OwnedFd, program: &[Instruction]) -> Result<(), Errno> {
    let bytes: Vec<u8> = program
        .iter()
        .flat_map(|(code, yes, no, value)| {
            let mut bytes = code.to_ne_bytes().to_vec();
            bytes.extend([*yes, *no]);
            bytes.extend(value.to_ne_bytes());
            bytes
        })
        .collect();
    // `struct sock_fprog`: a count and, aligned, a pointer.
    let mut value = vec![0; 16];
    for (place, byte) in value.iter_mut().zip((program.len() as u16).to_ne_bytes()) {
        *place = byte;
    }
    for (place, byte) in value.iter_mut().skip(8).zip((bytes.as_ptr() as u64).to_ne_bytes()) {
        *place = byte;
    }
    set(fd, SOCKET, SO_ATTACH_FILTER, &value)
}

/// The next frame that `is_meant`.
fn next_frame(fd: &OwnedFd, is_meant: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>, String> {
    loop {
        let ready = is_ready(fd.as_fd(), PollFlags::IN, PATIENCE)?;
        check!(ready, "the frame was not captured");
        let mut buffer = vec![0; 2048];
        let (length, _) = because("recv", recv(fd, &mut buffer, RecvFlags::empty()))?;
        buffer.truncate(length);
        if is_meant(&buffer) {
            return Ok(buffer);
        }
    }
}

fn nothing_waits(fd: &OwnedFd) -> Outcome {
    check!(!is_ready(fd.as_fd(), PollFlags::IN, SOON)?, "another frame was captured");
    Ok(())
}

/// Sends itself a datagram over `lo`.
fn talk_to_self(payload: &[u8]) -> Outcome {
    let (server, to) = bound_udp(Ipv6Addr::LOCALHOST, 0)?;
    send(&udp()?, payload, to)?;
    check!(receive_any(&server)?.data == payload, "another datagram");
    Ok(())
}

fn loopback() -> Outcome {
    const PAYLOAD: &[u8] = b"seen on lo";
    let fd = capture(ALL)?;
    talk_to_self(PAYLOAD)?;
    // Once as it leaves, once as it comes, both with an Ethernet header of zeros.
    for direction in ["out", "in"] {
        let frame = next_frame(&fd, |frame| frame.get(UDP_PAYLOAD..) == Some(PAYLOAD))?;
        let header = frame.get(..ETHERNET).unwrap_or_default();
        check!(
            header == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x86, 0xdd],
            "{direction}: {header:x?}"
        );
        let octet = |at: usize| frame.get(at).copied();
        check!(octet(ETHERNET) == Some(0x60), "{direction}: {:x?}", octet(ETHERNET));
        check!(octet(ETHERNET + 6) == Some(UDP as u8), "{direction}: {frame:x?}");
    }
    Ok(())
}

fn own_ping() -> Outcome {
    let place = Network::open()?.user_network()?;
    let fd = capture(ALL)?;
    because("SO_ATTACH_FILTER", attach(&fd, &octet_is(NEXT_HEADER, ICMPV6)))?;
    let pinger = datagram::echo()?;
    let mut probe = Probe::new(56, 0, None);
    let request = probe.stamped(77, 0).to_vec();
    let data = request.get(8..).unwrap_or_default();
    datagram::send(&pinger, &request, SocketAddrV6::new(place.router(), 0, 0, 0))?;
    receive_any(&pinger)?;
    for kind in [ECHO_REQUEST, ECHO_REPLY] {
        let frame = next_frame(&fd, |frame| {
            frame.get(ETHERNET + IPV6) == Some(&kind)
                && frame.get(ETHERNET + IPV6 + 8..).is_some_and(|rest| rest.starts_with(data))
        })?;
        let stations = frame.get(..12).unwrap_or_default();
        check!(stations.iter().any(|octet| *octet != 0), "type {kind}: {stations:x?}");
    }
    Ok(())
}

fn filtered() -> Outcome {
    let (mine, other) = (b"Mine", b"Other");
    let fd = capture(ALL)?;
    because("SO_ATTACH_FILTER", attach(&fd, &octet_is(UDP_PAYLOAD as u32, b'M'.into())))?;
    talk_to_self(other)?;
    talk_to_self(mine)?;
    for _ in 0..2 {
        let frame = next_frame(&fd, |_| true)?;
        check!(frame.get(UDP_PAYLOAD..) == Some(&mine[..]), "{frame:x?}");
    }
    nothing_waits(&fd)
}

fn no_filter() -> Outcome {
    let fd = capture(ALL)?;
    for (what, program) in [
        ("nothing", &[][..]),
        ("no end", &[(0x00, 0, 0, 1)]),
        ("a jump out of it", &[(0x05, 0, 0, 9), (0x06, 0, 0, 0)]),
        ("a division by zero", &[(0x34, 0, 0, 0), (0x06, 0, 0, 0)]),
    ] {
        let result = attach(&fd, program);
        check!(result == Err(Errno::INVAL), "{what}: {result:?}");
    }
    Ok(())
}

fn nothing() -> Outcome {
    let fd = capture(0)?;
    talk_to_self(b"unseen")?;
    nothing_waits(&fd)
}
