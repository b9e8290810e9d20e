//! Extension headers and flow labels by the socket API (RFC 3542 sections 7 to 9, RFC 3493 section
//! 3.3), and anycast addresses, as Linux has them.

use alloc::format;
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::net::{
    IPV6_DSTOPTS, IPV6_FLOWINFO, IPV6_FLOWINFO_SEND, IPV6_HOPOPTS, IPV6_JOIN_ANYCAST,
    IPV6_LEAVE_ANYCAST, IPV6_RECVDSTOPTS, IPV6_RECVHOPOPTS,
};
use net_tools::netlink::field;
use net_tools::socket::message::{self, ControlMessage};
use net_tools::socket::option::{IPV6, set, set_i32};
use rustix::io::Errno;

use super::datagram::{Datagram, bound_udp, receive_any, receive_none, send, udp};
use super::network::{ADAPTER, Network};
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    // Rows: API-11
    Test { name: "sockets: hop-by-hop and destination options, sent and seen", run: options },
    // Rows: API-11
    Test { name: "sockets: options headers that are none are refused", run: refused_options },
    Test { name: "sockets: IPV6_FLOWINFO of what arrives, chosen by who sends", run: flow_labels },
    // Rows: ND-17
    Test { name: "sockets: IPV6_JOIN_ANYCAST gives this node an address", run: anycast },
];

/// An option that is skipped where it is unknown (type 0x1e) with four octets, as a header with
/// room for the next header's type.
const HEADER: [u8; 8] = [0, 0, 0x1e, 4, 1, 2, 3, 4];

/// What is told of an options header, but for the type of the next one.
fn told(datagram: &Datagram, kind: u32) -> Option<&[u8]> {
    datagram.with.control().find(IPV6, kind)?.get(1..)
}

fn options() -> Outcome {
    let (server, to) = bound_udp(Ipv6Addr::LOCALHOST, 0)?;
    for option in [IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS] {
        because("setsockopt", set_i32(&server, IPV6, option, 1))?;
    }
    let client = udp()?;
    let kinds = [IPV6_HOPOPTS, IPV6_DSTOPTS];
    for kind in kinds {
        // For one datagram, and then for all: for those that bring a header of their own, too, unless it
        // is of the same kind (RFC 3542 section 6).
        let control = ControlMessage { level: IPV6, kind, data: &HEADER };
        because("sendmsg", message::send(&client, b"once", &to, &control))?;
        let datagram = receive_any(&server)?;
        for (other, for_all) in [(IPV6_HOPOPTS, kind == IPV6_DSTOPTS), (IPV6_DSTOPTS, false)] {
            let expected = (kind == other || for_all).then_some(&HEADER[1..]);
            let seen = told(&datagram, other);
            check!(seen == expected, "option {kind}: {other} is {seen:?}");
        }
        because("setsockopt", set(&client, IPV6, kind, &HEADER))?;
    }
    send(&client, b"always", to)?;
    let datagram = receive_any(&server)?;
    check!(datagram.data == b"always", "{:?}", datagram.data);
    for kind in kinds {
        let seen = told(&datagram, kind);
        check!(seen == Some(&HEADER[1..]), "{kind} is {seen:?}");
        because("setsockopt", set(&client, IPV6, kind, &[]))?;
    }
    send(&client, b"no more", to)?;
    let datagram = receive_any(&server)?;
    check!(datagram.with.control().next().is_none(), "options that were taken back");
    Ok(())
}

fn refused_options() -> Outcome {
    let client = udp()?;
    // Not a multiple of eight, and shorter than it says.
    for value in [&HEADER[..7], &[0, 1, 1, 4, 0, 0, 0, 0]] {
        for kind in [IPV6_HOPOPTS, IPV6_DSTOPTS] {
            let result = set(&client, IPV6, kind, value);
            check!(result == Err(Errno::INVAL), "option {kind}, {value:?}: {result:?}");
        }
    }
    let to = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 9, 0, 0);
    let control = ControlMessage { level: IPV6, kind: IPV6_HOPOPTS, data: &[0, 1, 1, 4] };
    let result = message::send(&client, b"x", &to, &control);
    check!(result == Err(Errno::INVAL), "sendmsg: {result:?}");
    Ok(())
}

fn flow_labels() -> Outcome {
    let (server, to) = bound_udp(Ipv6Addr::LOCALHOST, 0)?;
    because("IPV6_FLOWINFO", set_i32(&server, IPV6, IPV6_FLOWINFO, 1))?;
    let client = udp()?;
    let label = || {
        let datagram = receive_any(&server)?;
        let data: Option<[u8; 4]> =
            datagram.with.control().find(IPV6, IPV6_FLOWINFO).and_then(|data| data.try_into().ok());
        Ok::<_, alloc::string::String>(data.map(u32::from_be_bytes))
    };
    let chosen = SocketAddrV6::new(*to.ip(), to.port(), 0x5_4321, 0);
    because("IPV6_FLOWINFO_SEND", set_i32(&client, IPV6, IPV6_FLOWINFO_SEND, 1))?;
    send(&client, b"chosen", chosen)?;
    let seen = label()?;
    check!(seen == Some(0x5_4321), "{seen:x?}");
    because("IPV6_FLOWINFO_SEND", set_i32(&client, IPV6, IPV6_FLOWINFO_SEND, 0))?;
    send(&client, b"not heard", chosen)?;
    let seen = label()?;
    check!(seen != Some(0x5_4321), "the label is used although nobody wants that");
    Ok(())
}

/// Whether `/proc/net/anycast6` shows an address.
fn is_shown(address: Ipv6Addr) -> Result<bool, alloc::string::String> {
    let text = because("/proc/net/anycast6", rt::input::read_file("/proc/net/anycast6"))?;
    let shown = format!("{:032x}", address.to_bits());
    Ok(core::str::from_utf8(&text).is_ok_and(|text| {
        text.lines().any(|line| line.contains(ADAPTER) && line.contains(shown.as_str()))
    }))
}

fn anycast() -> Outcome {
    let place = Network::open()?.user_network()?;
    let address = place.host(0x00a1_7ca5);
    let mut request = [0; 20];
    field::put(&mut request, 0, &address.octets());
    field::put(&mut request, 16, &place.index.to_ne_bytes());
    let (server, bound) = bound_udp(Ipv6Addr::UNSPECIFIED, 0)?;
    let left = set(&server, IPV6, IPV6_LEAVE_ANYCAST, &request);
    check!(left == Err(Errno::NOENT), "leaving before joining: {left:?}");
    let mut own = request;
    field::put(&mut own, 0, &place.own.octets());
    let joined = set(&server, IPV6, IPV6_JOIN_ANYCAST, &own);
    check!(joined == Err(Errno::INVAL), "joining a unicast address: {joined:?}");
    because("IPV6_JOIN_ANYCAST", set(&server, IPV6, IPV6_JOIN_ANYCAST, &request))?;
    check!(is_shown(address)?, "/proc/net/anycast6 does not show it");
    let client = udp()?;
    let to = SocketAddrV6::new(address, bound.port(), 0, 0);
    send(&client, b"anybody?", to)?;
    let datagram = receive_any(&server)?;
    let from = datagram.from()?;
    check!(datagram.data == b"anybody?" && *from.ip() != address, "from {from}");
    because("IPV6_LEAVE_ANYCAST", set(&server, IPV6, IPV6_LEAVE_ANYCAST, &request))?;
    check!(!is_shown(address)?, "/proc/net/anycast6 still shows it");
    // Nobody has it now: what is sent there is looked for in vain.
    send(&client, b"anybody?", to)?;
    receive_none(&server)
}
