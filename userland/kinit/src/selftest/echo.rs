//! Echo Request and Reply (RFC 4443 section 4): to this node, over the link, to another address of
//! the advertised prefix. The data must come back unchanged.

use alloc::format;
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::net::{IPV6_HOPLIMIT, IPV6_RECVHOPLIMIT};
use net_tools::netlink::field;
use net_tools::ping::echo::{ECHO_REPLY, ECHO_REQUEST, Echo, Probe};
use net_tools::socket::option::{IPV6, set_i32};
use rustix::io::Errno;
use rustix::net::{SendFlags, sendto};

use super::datagram::{self, receive_where};
use super::network::{Network, UserNetwork};
use super::waiting::now;
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "echo: ::1 answers", run: loopback },
    Test { name: "echo: our own address answers", run: own_address },
    Test { name: "echo: the router answers at its link-local address", run: link_local },
    Test { name: "echo: the router answers at an address of the prefix", run: global },
    Test { name: "echo: requests made by hand are answered, too", run: raw },
    Test { name: "echo: what is no request cannot be sent", run: not_a_request },
];

/// Sizes of data: nothing, too small for a time stamp, even and odd, one that makes a frame of a
/// multiple of 64 bytes, the most that fits into the MTU of Ethernet.
const SIZES: [usize; 7] = [0, 1, 56, 66, 511, 1000, 1452];

/// The hop limit of hosts that say nothing else.
const DEFAULT_HOP_LIMIT: u32 = 64;

/// Pings with all sizes of data; the replies must have a hop limit that `is_right`.
fn ping(to: SocketAddrV6, is_right: impl Fn(u32) -> bool) -> Outcome {
    let fd = datagram::echo()?;
    because("IPV6_RECVHOPLIMIT", set_i32(&fd, IPV6, IPV6_RECVHOPLIMIT, 1))?;
    for (sequence, size) in (1..).zip(SIZES) {
        let mut probe = Probe::new(size, 0, None);
        let request = probe.stamped(sequence, now().as_micros() as u64).to_vec();
        datagram::send(&fd, &request, to)?;
        let reply = receive_where(&fd, &format!("reply to {size} bytes"), |datagram| {
            Echo::parse(&datagram.data).is_some_and(|echo| echo.sequence == sequence)
        })?;
        let echo = Echo::parse(&reply.data).ok_or("not an echo")?;
        check!(echo.kind == ECHO_REPLY, "{size} bytes: type {}", echo.kind);
        check!(
            Some(echo.data) == request.get(8..),
            "{size} bytes: {:?} came back as {:?}",
            request.get(8..),
            echo.data
        );
        let from = reply.from()?;
        check!(
            (from.ip(), from.scope_id()) == (to.ip(), to.scope_id()),
            "{size} bytes: {from} answers for {to}"
        );
        let limit = reply.with.control().find(IPV6, IPV6_HOPLIMIT);
        let limit = limit.and_then(|data| field::u32_at(data, 0));
        check!(limit.is_some_and(&is_right), "{size} bytes: hop limit {limit:?}");
    }
    Ok(())
}

/// Any hop limit with which a packet can arrive from a neighbor.
fn arrives(limit: u32) -> bool {
    (1..=255).contains(&limit)
}

fn loopback() -> Outcome {
    let here = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0, 0, 0);
    ping(here, |limit| limit == DEFAULT_HOP_LIMIT)
}

fn own_address() -> Outcome {
    let place = Network::open()?.user_network()?;
    ping(SocketAddrV6::new(place.own, 0, 0, 0), |limit| limit == DEFAULT_HOP_LIMIT)
}

fn link_local() -> Outcome {
    let index = Network::open()?.adapter()?.index;
    ping(SocketAddrV6::new(UserNetwork::router_link_local(), 0, 0, index), arrives)
}

fn global() -> Outcome {
    let place = Network::open()?.user_network()?;
    ping(SocketAddrV6::new(place.router(), 0, 0, 0), arrives)
}

fn raw() -> Outcome {
    const IDENTIFIER: u16 = 0x5e1f;
    let place = Network::open()?.user_network()?;
    for to in [Ipv6Addr::LOCALHOST, place.router()] {
        let fd = datagram::raw_icmpv6(ECHO_REPLY)?;
        let mut probe = Probe::new(32, IDENTIFIER, Some(b"raw"));
        let request = probe.stamped(7, 0).to_vec();
        datagram::send(&fd, &request, SocketAddrV6::new(to, 0, 0, 0))?;
        let reply = receive_where(&fd, "reply", |datagram| {
            Echo::parse(&datagram.data).is_some_and(|echo| echo.identifier == IDENTIFIER)
        })?;
        let echo = Echo::parse(&reply.data).ok_or("not an echo")?;
        check!(
            echo.kind == ECHO_REPLY && echo.sequence == 7 && Some(echo.data) == request.get(8..),
            "{to}: {echo:?}"
        );
    }
    Ok(())
}

fn not_a_request() -> Outcome {
    let fd = datagram::echo()?;
    let here = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0, 0, 0);
    for (message, what) in [
        (&[ECHO_REPLY, 0, 0, 0, 0, 0, 0, 1][..], "a reply"),
        (&[ECHO_REQUEST, 0, 0, 0], "a short message"),
    ] {
        let sent = sendto(&fd, message, SendFlags::empty(), &here);
        check!(sent == Err(Errno::INVAL), "sending {what}: {sent:?}");
    }
    Ok(())
}
