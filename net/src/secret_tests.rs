//! Every number that others see and must not guess comes from a secret of its own (RFC 6528;
//! RFC 6437, Section 6; RFC 7323, Section 7; RFC 7217): who learns one learns nothing of the others.

use super::*;
use crate::config::{IdentifierMethod, InterfaceSettings};
use crate::interface::{InterfaceConfig, InterfaceKind};
use crate::netif::{LinkState, MacAddress};
use crate::random::test::TestRandom;
use crate::socket::{SendOptions, SocketKind};
use crate::test_host::{HeapPool, MAC, USB0, address_at_once, ip};
use crate::time::Duration;
use crate::wire::ethernet::EthernetHeader;
use crate::wire::extension::{ExtensionHeader, HeaderChain};
use crate::wire::ipv6::{Ipv6Header, NextHeader};
use crate::wire::tcp::TcpHeader;
use core::net::SocketAddrV6;
use std::boxed::Box;
use std::vec::Vec;

/// A generator whose secret number `inverted`, of those that are drawn, is another one.
struct Inverting {
    random: TestRandom,
    drawn: usize,
    inverted: usize,
}

impl Random for Inverting {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.random.fill(bytes);
        if bytes.len() == 16 {
            if self.drawn == self.inverted {
                for byte in bytes.iter_mut() {
                    *byte = !*byte;
                }
            }
            self.drawn += 1;
        }
    }
}

/// What others see of a host, by its names.
type Seen = Vec<(&'static str, u128)>;

type TestStack = Stack<HeapPool, Inverting>;

fn sent(stack: &mut TestStack) -> Vec<(Ipv6Header, Vec<u8>)> {
    let mut packets = Vec::new();
    while let Some(frame) = stack.poll_transmit(USB0) {
        let (_, packet) = EthernetHeader::parse(crate::buffer::PacketBuffer::data(&frame)).unwrap();
        let (header, payload) = Ipv6Header::parse(packet).unwrap();
        packets.push((header, payload.to_vec()));
    }
    packets
}

fn syn(stack: &mut TestStack) -> TcpHeader {
    let packets = sent(stack);
    let (_, segment) = packets.iter().find(|(it, _)| it.next_header == NextHeader::TCP).unwrap();
    TcpHeader::parse(segment).unwrap().0
}

/// A host whose secret number `inverted` is another one: what is seen, how many secrets were
/// drawn.
fn observe(inverted: usize) -> (Seen, usize) {
    let random = Inverting { random: TestRandom(7), drawn: 0, inverted };
    let interface = InterfaceSettings {
        identifiers: IdentifierMethod::StableOpaque,
        ..InterfaceSettings::DEFAULT
    };
    let config = Config { interface, ..Config::DEFAULT };
    let mut stack = Box::new(Stack::new(config, HeapPool { left: usize::MAX }, random));
    let mut now = Instant::from_secs(100);
    for (name, kind) in
        [("lo", InterfaceKind::Loopback), ("usb0", InterfaceKind::Ethernet { mac: MAC })]
    {
        let index = stack.add_interface(&InterfaceConfig { name, kind, mtu: 1500 }).unwrap();
        stack.set_admin_up(index, true, now).unwrap();
    }
    stack.set_link(USB0, LinkState::Up { speed: None }, now).unwrap();
    let end = now + Duration::from_secs(10);
    let mut first = None;
    while let Some(next) = stack.next_deadline().filter(|next| *next <= end) {
        now = now.max(next);
        stack.poll(now);
        if !sent(&mut stack).is_empty() {
            first.get_or_insert(now);
        }
    }
    now = end;
    let own = stack.interface(USB0).unwrap().addresses().next().unwrap().address;
    let mut seen = vec![
        ("interface identifier", own.to_bits()),
        ("first message", first.unwrap().as_nanos().into()),
    ];

    let (mine, peer) = (ip("2001:db8::1"), ip("2001:db8::9"));
    let new = address_at_once(mine);
    stack.add_address(USB0, &new, false, now).unwrap();
    let mac = MacAddress([2, 0, 0, 0, 0, 9]);
    stack.set_neighbor(USB0, peer, mac, true, false, now).unwrap();
    let to = SocketAddrV6::new(peer, 80, 0, 0);

    let id = stack.tcp_open().unwrap();
    stack.tcp_bind(id, SocketAddrV6::new(mine, 4000, 0, 0)).unwrap();
    stack.tcp_connect(id, to, now).unwrap();
    let header = syn(&mut stack);
    seen.push(("initial sequence number", header.sequence.0.into()));
    seen.push(("timestamp", header.options.timestamps.unwrap().value.into()));
    let id = stack.tcp_open().unwrap();
    stack.tcp_connect(id, to, now).unwrap();
    seen.push(("port", syn(&mut stack).source_port.into()));

    let id = stack.open_socket(SocketKind::Udp).unwrap();
    stack.bind(id, SocketAddrV6::new(mine, 7, 0, 0)).unwrap();
    let fill = |room: &mut [u8]| -> core::result::Result<(), ()> {
        room.fill(0);
        Ok(())
    };
    stack.send(id, Some(to), 3000, fill, &SendOptions::default(), now).unwrap();
    let packets = sent(&mut stack);
    let (header, payload) = packets.last().unwrap();
    seen.push(("flow label", header.flow_label.get().into()));
    let item = HeaderChain::new(header, payload).next().unwrap().unwrap();
    let ExtensionHeader::Fragment(fragment) = item.header else { panic!("no fragment") };
    seen.push(("fragment identification", fragment.identification.into()));
    (seen, stack.random.drawn)
}

/// Rows: SEC-1
#[test]
fn every_number_has_a_secret_of_its_own() {
    let (ordinary, drawn) = observe(usize::MAX);
    assert!(drawn >= 8, "{drawn}");
    let mut depends: Vec<&str> = Vec::new();
    for inverted in 0..drawn {
        let (seen, _) = observe(inverted);
        let changed: Vec<_> = seen
            .iter()
            .zip(&ordinary)
            .filter(|(one, other)| one != other)
            .map(|((name, _), _)| *name)
            .collect();
        // Halves of one keyed hash: neither says anything about the other.
        let halves = ["initial sequence number", "timestamp"];
        assert!(changed.len() <= 1 || changed == halves, "secret {inverted} is behind {changed:?}");
        depends.extend(changed);
    }
    depends.sort_unstable();
    // The others are drawn anew each time and depend on no secret: when the first message is sent,
    // and what names fragments.
    let expected =
        ["flow label", "initial sequence number", "interface identifier", "port", "timestamp"];
    assert_eq!(depends, expected);
}
