//! What `ip` asks and is answered, on a stack with an interface that no hardware stands behind.

use super::message::{Attributes, Builder, Header, Messages, read_u16, read_u32};
use super::{NetlinkSocket, SOCKETS, Socket};
use crate::net::change_stack;
use crate::net::socket::{MessageFlags, Outgoing};
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserWriter};
use crate::time;
use ::net::interface::{InterfaceConfig, InterfaceIndex, InterfaceKind};
use ::net::netif::{LinkState, MacAddress};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use linux_raw_sys::net::{AF_INET6, AF_UNSPEC};
use linux_raw_sys::netlink::rtattr_type_t::{RTA_DST, RTA_GATEWAY, RTA_OIF, RTA_PRIORITY};
use linux_raw_sys::netlink::{
    IFA_ADDRESS, IFA_FLAGS, IFA_LOCAL, IFLA_ADDRESS, IFLA_AF_SPEC, IFLA_IFNAME, IFLA_INET6_FLAGS,
    IFLA_MTU, IFLA_PROTINFO, NDA_DST, NDA_LLADDR, NETLINK_ROUTE, NLM_F_ACK, NLM_F_CREATE,
    NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NUD_PERMANENT, RTM_DELADDR, RTM_DELNEIGH,
    RTM_DELROUTE, RTM_GETADDR, RTM_GETLINK, RTM_GETNEIGH, RTM_GETROUTE, RTM_NEWADDR, RTM_NEWLINK,
    RTM_NEWNEIGH, RTM_NEWROUTE, RTMGRP_IPV6_IFADDR,
};
mod vlan;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The stack is one for the whole kernel: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

const ADD: u32 = NLM_F_REQUEST | NLM_F_ACK | NLM_F_EXCL | NLM_F_CREATE;
const CHANGE: u32 = NLM_F_REQUEST | NLM_F_ACK;
const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 5);
const NEIGHBOR: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// An interface that is up, and a socket to ask about it. Dropping it removes the interface.
struct Fixture {
    index: InterfaceIndex,
    socket: Rc<NetlinkSocket>,
    _turn: MutexGuard<'static, ()>,
}

impl Fixture {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let index = change_stack(|stack| {
            if stack.interfaces().next().is_none() {
                let lo = InterfaceConfig { name: "lo", kind: InterfaceKind::Loopback, mtu: 1500 };
                stack.add_interface(&lo).unwrap();
            }
            let kind = InterfaceKind::Ethernet { mac: MacAddress(MAC) };
            let config = InterfaceConfig { name: "test0", kind, mtu: 1500 };
            let index = stack.add_interface(&config).unwrap();
            stack.set_admin_up(index, true, time::now()).unwrap();
            stack.set_link(index, LinkState::Up { speed: None }, time::now()).unwrap();
            index
        });
        Self { index, socket: NetlinkSocket::new(77, NETLINK_ROUTE).unwrap(), _turn: turn }
    }

    /// Sends a request and returns the datagrams of the answer.
    fn ask(&self, kind: u32, flags: u32, body: &[u8], attributes: &[(u32, &[u8])]) -> Vec<Vec<u8>> {
        let header = Header { kind: kind as u16, flags: flags as u16, sequence: 9, port: 0 };
        let mut builder = Builder::new(header).body(body);
        for (kind, value) in attributes {
            builder.attribute(*kind, value);
        }
        let request = builder.finish();
        let sent = self.socket.try_send(
            &mut UserReader::from_bytes(&request),
            Outgoing::default(),
            MessageFlags::empty(),
        );
        assert_eq!(sent, Ok(request.len()));
        let mut datagrams = Vec::new();
        loop {
            let mut bytes = [0; 8192];
            let received = self
                .socket
                .try_receive(&mut UserWriter::from_bytes(&mut bytes), MessageFlags::empty());
            match received {
                Ok(incoming) => datagrams.push(bytes[..incoming.length].to_vec()),
                Err(error) => {
                    assert_eq!(error, Errno::AGAIN);
                    return datagrams;
                }
            }
        }
    }

    /// The error number of the only answer; 0 is success.
    fn errno(&self, kind: u32, flags: u32, body: &[u8], attributes: &[(u32, &[u8])]) -> i32 {
        let datagrams = self.ask(kind, flags, body, attributes);
        assert_eq!(datagrams.len(), 1);
        let message = Messages::new(&datagrams[0]).next().unwrap();
        -read_u32(message.payload, 0).unwrap().cast_signed()
    }

    /// All messages of a dump but the last, which must be the end.
    fn dump(&self, kind: u32) -> Vec<Vec<u8>> {
        let mut body = [0; 16];
        body[0] = AF_INET6 as u8;
        let datagrams = self.ask(kind, NLM_F_REQUEST | NLM_F_DUMP, &body, &[]);
        let (end, datagrams) = datagrams.split_last().unwrap();
        assert_eq!(end.len(), 20);
        let messages = datagrams.iter().flat_map(|datagram| Messages::new(datagram));
        messages.map(|message| message.payload.to_vec()).collect()
    }

    fn address_body(&self) -> [u8; 8] {
        let [a, b, c, d] = self.index.get().to_ne_bytes();
        [AF_INET6 as u8, 64, 0, 0, a, b, c, d]
    }

    fn neighbor_body(&self) -> [u8; 12] {
        let mut body = [0; 12];
        body[0] = AF_INET6 as u8;
        body[4..8].copy_from_slice(&self.index.get().to_ne_bytes());
        body[8..10].copy_from_slice(&(NUD_PERMANENT as u16).to_ne_bytes());
        body
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = change_stack(|stack| stack.remove_interface(self.index, time::now()));
        SOCKETS.with(Vec::clear);
    }
}

#[test]
fn an_address_comes_and_goes() {
    let fixture = Fixture::new();
    let body = fixture.address_body();
    let octets = ADDRESS.octets();
    let attributes: &[(u32, &[u8])] = &[(IFA_LOCAL as u32, &octets), (IFA_ADDRESS as u32, &octets)];
    assert_eq!(fixture.errno(RTM_NEWADDR as u32, ADD, &body, attributes), 0);
    assert_eq!(fixture.errno(RTM_NEWADDR as u32, ADD, &body, attributes), 17, "EEXIST");

    let is_it = |payload: &&Vec<u8>| {
        Attributes::after(payload, 8).get(IFA_ADDRESS as u32) == Some(&octets[..])
    };
    let dump = fixture.dump(RTM_GETADDR as u32);
    let found = dump.iter().find(is_it).expect("the address in the dump");
    assert_eq!(found[1], 64, "the prefix length");
    let flags = Attributes::after(found, 8).get_u32(IFA_FLAGS as u32);
    assert_eq!(flags, Some(0xc0), "tentative and permanent");

    let wrong_length = [body[0], 65, 0, 0, body[4], body[5], body[6], body[7]];
    let gone = 99; // EADDRNOTAVAIL
    assert_eq!(fixture.errno(RTM_DELADDR as u32, CHANGE, &wrong_length, attributes), gone);
    assert_eq!(fixture.errno(RTM_DELADDR as u32, CHANGE, &body, attributes), 0);
    assert_eq!(fixture.errno(RTM_DELADDR as u32, CHANGE, &body, attributes), gone);
    assert!(!fixture.dump(RTM_GETADDR as u32).iter().any(|payload| is_it(&payload)));
}

#[test]
fn bad_requests_are_told_what_is_wrong() {
    let fixture = Fixture::new();
    let octets = ADDRESS.octets();
    let attributes: &[(u32, &[u8])] = &[(IFA_LOCAL as u32, &octets)];
    let mut body = fixture.address_body();
    assert_eq!(fixture.errno(RTM_NEWADDR as u32, ADD, &body, &[]), 22, "EINVAL without address");
    assert_eq!(fixture.errno(RTM_NEWADDR as u32, ADD, &body[..3], attributes), 22, "EINVAL, short");
    let short: &[(u32, &[u8])] = &[(IFA_LOCAL as u32, &octets[..15])];
    assert_eq!(fixture.errno(RTM_NEWADDR as u32, ADD, &body, short), 22, "EINVAL, 15 octets");
    body[1] = 129;
    assert_eq!(fixture.errno(RTM_NEWADDR as u32, ADD, &body, attributes), 22, "EINVAL, /129");
    body[0] = 2;
    assert_eq!(fixture.errno(RTM_NEWADDR as u32, ADD, &body, attributes), 97, "EAFNOSUPPORT");
    let mut body = fixture.address_body();
    body[4] = 200;
    assert_eq!(fixture.errno(RTM_NEWADDR as u32, ADD, &body, attributes), 19, "ENODEV");
}

#[test]
fn a_route_comes_and_goes() {
    let fixture = Fixture::new();
    let body = [AF_INET6 as u8, 32, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    let network = Ipv6Addr::new(0x2001, 0xdb9, 0, 0, 0, 0, 0, 0).octets();
    let (gateway, index) = (NEIGHBOR.octets(), fixture.index.get().to_ne_bytes());
    let attributes: &[(u32, &[u8])] =
        &[(RTA_DST as u32, &network), (RTA_GATEWAY as u32, &gateway), (RTA_OIF as u32, &index)];
    assert_eq!(fixture.errno(RTM_NEWROUTE as u32, ADD, &body, attributes), 0);
    assert_eq!(fixture.errno(RTM_NEWROUTE as u32, ADD, &body, attributes), 17, "EEXIST");

    let dump = fixture.dump(RTM_GETROUTE as u32);
    let attributes_of = |payload: &Vec<u8>| {
        let attributes = Attributes::after(payload, 12);
        (
            attributes.get(RTA_DST as u32).map(<[u8]>::to_vec),
            attributes.get(RTA_GATEWAY as u32).map(<[u8]>::to_vec),
            attributes.get_u32(RTA_PRIORITY as u32),
        )
    };
    let expected = (Some(network.to_vec()), Some(gateway.to_vec()), Some(1024));
    let found = dump.iter().find(|payload| attributes_of(payload) == expected);
    assert_eq!(found.expect("the route in the dump")[1], 32);

    let off_link = Ipv6Addr::new(0x2001, 0xdba, 0, 0, 0, 0, 0, 1).octets();
    let unreachable: &[(u32, &[u8])] =
        &[(RTA_DST as u32, &network), (RTA_GATEWAY as u32, &off_link), (RTA_OIF as u32, &index)];
    assert_eq!(fixture.errno(RTM_NEWROUTE as u32, ADD, &body, unreachable), 113, "EHOSTUNREACH");
    assert_eq!(fixture.errno(RTM_DELROUTE as u32, CHANGE, &body, attributes), 0);
    assert_eq!(fixture.errno(RTM_DELROUTE as u32, CHANGE, &body, attributes), 3, "ESRCH");
}

#[test]
fn a_neighbor_comes_changes_and_goes() {
    let fixture = Fixture::new();
    let body = fixture.neighbor_body();
    let octets = NEIGHBOR.octets();
    let (one, two) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let request = |flags, mac: &[u8; 6]| {
        let attributes: &[(u32, &[u8])] = &[(NDA_DST as u32, &octets), (NDA_LLADDR as u32, mac)];
        fixture.errno(RTM_NEWNEIGH as u32, flags, &body, attributes)
    };
    assert_eq!(request(ADD, &one), 0);
    assert_eq!(request(ADD, &one), 17, "EEXIST");
    assert_eq!(request(CHANGE | NLM_F_CREATE | NLM_F_REPLACE, &two), 0);

    let dump = fixture.dump(RTM_GETNEIGH as u32);
    let found = dump
        .iter()
        .find(|payload| Attributes::after(payload, 12).get(NDA_DST as u32) == Some(&octets[..]))
        .expect("the neighbor in the dump");
    assert_eq!(Attributes::after(found, 12).get(NDA_LLADDR as u32), Some(&two[..]));
    assert_eq!(read_u16(found, 8).map(u32::from), Some(NUD_PERMANENT));

    let only: &[(u32, &[u8])] = &[(NDA_DST as u32, &octets)];
    assert_eq!(fixture.errno(RTM_DELNEIGH as u32, CHANGE, &body, only), 0);
    assert_eq!(fixture.errno(RTM_DELNEIGH as u32, CHANGE, &body, only), 2, "ENOENT");
}

#[test]
fn a_link_changes_what_it_is_told_and_nothing_else() {
    let fixture = Fixture::new();
    let mut body = [0; 16];
    body[4..8].copy_from_slice(&fixture.index.get().to_ne_bytes());
    let set = |body: &[u8], attributes: &[(u32, &[u8])]| {
        fixture.errno(RTM_NEWLINK as u32, CHANGE, body, attributes)
    };
    let state = || {
        let dump = fixture.dump(RTM_GETLINK as u32);
        let index = fixture.index.get();
        let found = dump.iter().find(|payload| read_u32(payload, 4) == Some(index)).unwrap();
        let attributes = Attributes::after(found, 16);
        let name = attributes.get(IFLA_IFNAME as u32).unwrap().to_vec();
        (read_u32(found, 8).unwrap() & 1, attributes.get_u32(IFLA_MTU as u32), name)
    };
    let name = |text: &[u8]| text.to_vec();
    assert_eq!(state(), (1, Some(1500), name(b"test0\0")));
    assert_eq!(set(&body, &[(IFLA_MTU as u32, &1280u32.to_ne_bytes())]), 0);
    assert_eq!(set(&body, &[(IFLA_IFNAME as u32, b"other0\0")]), 0);
    assert_eq!(state(), (1, Some(1280), name(b"other0\0")), "and it is still up");
    assert_eq!(set(&body, &[(IFLA_MTU as u32, &1279u32.to_ne_bytes())]), 22, "EINVAL");
    assert_eq!(set(&body, &[(IFLA_ADDRESS as u32, &MAC)]), 95, "EOPNOTSUPP");
    body[12] = 1;
    assert_eq!(set(&body, &[]), 0);
    assert_eq!(state().0, 0, "down: the mask says so, the flags are clear");
}

#[test]
fn subscribers_hear_of_changes() {
    let fixture = Fixture::new();
    let listener = NetlinkSocket::new(78, NETLINK_ROUTE).unwrap();
    listener.bind(&super::emit_address(0, RTMGRP_IPV6_IFADDR)).unwrap();
    let octets = ADDRESS.octets();
    let attributes: &[(u32, &[u8])] = &[(IFA_LOCAL as u32, &octets)];
    assert_eq!(fixture.errno(RTM_NEWADDR as u32, ADD, &fixture.address_body(), attributes), 0);
    let mut bytes = [0; 4096];
    let received =
        listener.try_receive(&mut UserWriter::from_bytes(&mut bytes), MessageFlags::empty());
    let length = received.expect("a notification").length;
    let message = Messages::new(&bytes[..length]).next().unwrap();
    assert_eq!(message.header.kind, RTM_NEWADDR as u16);
    let address = Attributes::after(message.payload, 8).get(IFA_ADDRESS as u32);
    assert_eq!(address, Some(&octets[..]));
}

/// Rows: RD-14
#[test]
fn the_ipv6_side_of_an_interface() {
    let fixture = Fixture::new();
    let own = |payload: &Vec<u8>| {
        let attributes = Attributes::after(payload, 16);
        let name = attributes.get(IFLA_IFNAME as u32).is_some_and(|name| name == b"test0\0");
        name.then(|| attributes.get(IFLA_PROTINFO as u32).map(<[u8]>::to_vec)).flatten()
    };
    let protocol = fixture.dump(RTM_GETLINK as u32).iter().find_map(own).unwrap();
    let flags = Attributes::after(&protocol, 0).get_u32(IFLA_INET6_FLAGS as u32).unwrap();
    // IPv6 runs, and no router said anything.
    assert_eq!(flags & 0x8000_00e0, 0x8000_0000, "{flags:#x}");
    // A message of all families has it a level deeper.
    let message = super::notify::describe(fixture.index, AF_UNSPEC).unwrap();
    let message = Messages::new(&message).next().unwrap();
    let families = Attributes::after(message.payload, 16).get(IFLA_AF_SPEC as u32).unwrap();
    let inner = Attributes::after(families, 0).get(AF_INET6).unwrap();
    assert_eq!(Attributes::after(inner, 0).get_u32(IFLA_INET6_FLAGS as u32), Some(flags));
}
