//! Requests and answers, octet by octet.

use super::super::message::Messages;
use super::*;
use crate::net::change_stack;
use crate::time;
use ::net::tcp::TcpState;
use core::net::{Ipv6Addr, SocketAddrV6};
use linux_raw_sys::netlink::{NLM_F_DUMP, NLM_F_REQUEST};

/// A request for all states of a protocol, with all attributes.
fn request(protocol: u8, states: u32) -> Vec<u8> {
    let mut payload = alloc::vec![10, protocol, 0xff, 0];
    payload.extend(states.to_ne_bytes());
    payload.resize(request::LENGTH - 8, 0);
    payload.extend([0xff; 8]);
    payload
}

fn message(payload: &[u8]) -> Message<'_> {
    let flags = (NLM_F_REQUEST | NLM_F_DUMP) as u16;
    Message { header: Header { kind: BY_FAMILY, flags, sequence: 1, port: 0 }, payload }
}

const HEADER: Header = Header { kind: BY_FAMILY, flags: 2, sequence: 1, port: 9 };

/// What a dump says of the sockets at a port: the payloads.
fn at_port(dump: &Dump, port: u16) -> Vec<Vec<u8>> {
    let payloads = dump.iter().flat_map(|bytes| Messages::new(bytes)).map(|one| one.payload);
    payloads.filter(|payload| payload[4..6] == port.to_be_bytes()).map(<[u8]>::to_vec).collect()
}

#[test]
fn a_listener_is_listed_with_its_attributes() {
    const PORT: u16 = 4711;
    let id = change_stack(|stack| {
        let id = stack.tcp_open().unwrap();
        stack.tcp_bind(id, SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, PORT, 0, 0)).unwrap();
        stack.tcp_listen(id, 5).unwrap();
        id
    });
    let listening = request(6, 1 << 10);
    let dump_all = dump(&message(&listening), HEADER).unwrap();
    let [payload] = &at_port(&dump_all, PORT)[..] else { panic!("{dump_all:?}") };
    // Family, state, timer; queues: nothing waits, five may.
    assert_eq!(payload[..4], [10, 10, 0, 0]);
    assert_eq!((payload[56], payload[60]), (0, 5));
    let attributes = super::super::message::Attributes::after(payload, 72);
    let lengths: Vec<(u16, usize)> =
        attributes.clone().map(|(kind, value)| (kind, value.len())).collect();
    assert_eq!(lengths, [(8, 1), (6, 1), (11, 1), (1, 16), (7, 36), (2, 240), (4, 6)]);
    assert_eq!(attributes.get(4), Some(&b"cubic\0"[..]));
    let others = dump(&message(&request(6, 1 << 1)), HEADER).unwrap();
    assert!(at_port(&others, PORT).is_empty(), "it is not ESTABLISHED");

    let mut exact = request(6, 0);
    exact[8..10].copy_from_slice(&PORT.to_be_bytes());
    let found = single(&message(&exact), HEADER).unwrap().unwrap();
    assert_eq!(at_port(&alloc::vec![found], PORT).len(), 1);
    exact[9] ^= 1;
    assert_eq!(single(&message(&exact), HEADER), Err(Errno::NOENT));

    exact[9] ^= 1;
    let header = Header { kind: DESTROY, flags: NLM_F_REQUEST as u16, sequence: 1, port: 0 };
    let end = Message { header, payload: &exact };
    assert_eq!(single(&end, HEADER), Ok(None));
    assert_eq!(change_stack(|stack| stack.tcp_state(id)), Some(TcpState::Closed));
    assert_eq!(single(&end, HEADER), Err(Errno::NOENT));
    assert_eq!(dump(&end, HEADER), Err(Errno::INVAL));
    change_stack(|stack| stack.tcp_close(id, time::now()));
}

#[test]
fn datagram_sockets_are_listed_when_they_have_a_port() {
    const PORT: u16 = 4712;
    let (bound, raw) = change_stack(|stack| {
        let bound = stack.open_socket(::net::socket::SocketKind::Udp).unwrap();
        stack.bind(bound, SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, PORT, 0, 0)).unwrap();
        (bound, stack.open_socket(::net::socket::SocketKind::Icmpv6Raw).unwrap())
    });
    let listed = dump(&message(&request(17, u32::MAX)), HEADER).unwrap();
    let [payload] = &at_port(&listed, PORT)[..] else { panic!("{listed:?}") };
    assert_eq!(payload[1], 7, "as CLOSE");
    assert!(at_port(&listed, 0).is_empty());
    let raws = dump(&message(&request(255, u32::MAX)), HEADER).unwrap();
    assert!(!at_port(&raws, 58).is_empty(), "the port is the protocol");
    change_stack(|stack| {
        stack.close_socket(bound, time::now());
        stack.close_socket(raw, time::now());
    });
}

#[test]
fn what_is_not_here_is_refused_as_on_linux() {
    let unknown = request(132, u32::MAX);
    assert_eq!(dump(&message(&unknown), HEADER), Err(Errno::NOENT));
    let short = &request(6, u32::MAX)[..55];
    assert_eq!(dump(&message(short), HEADER), Err(Errno::INVAL));
    assert_eq!(dump(&message(&[]), HEADER), Err(Errno::INVAL));
    assert_eq!(dump(&message(&[1, 0, 0, 0]), HEADER), Err(Errno::NOENT), "AF_UNIX");
    assert_eq!(dump(&message(&[2, 6, 0, 0]), HEADER), Ok(Dump::new()), "AF_INET");
}
