//! A host on a trunk: what the tags in frames do, and what follows from what.

use super::*;
use crate::buffer::BufferPool;
use crate::config::Config;
use crate::counters::TableFull;
use crate::event::Event;
use crate::interface::{InterfaceConfig, InterfaceError, InterfaceKind};
use crate::limits;
use crate::manage::VlanConfig;
use crate::netif::{LinkState, MacAddress};
use crate::raw_frame::FrameError;
use crate::socket::{SendError, SendOptions, SocketKind};
use crate::test_host::{
    HeapPool, Host, LINK_LOCAL, MAC, ROUTER, USB0, icmpv6_packet, ip, ipv6_packet, tcp_packet,
};
use crate::time::Duration;
use crate::wire::ethernet::multicast_mac;
use crate::wire::icmpv6::{Echo, Icmpv6Message};
use crate::wire::ipv6::{Ipv6Header, NextHeader, TrafficClass};
use crate::wire::tcp::{TcpFlags, TcpHeader, TcpOptions};
use crate::wire::tcp_sequence::SequenceNumber;
use core::net::SocketAddrV6;
use proptest::prelude::*;
use std::cell::RefCell;
use std::vec::Vec;

const FIVE: u16 = 5;
const UP: LinkState = LinkState::Up { speed: None };

fn id(number: u16) -> VlanId {
    VlanId::new(number).unwrap()
}

fn add(host: &mut Host, name: &str, number: u16) -> Result<InterfaceIndex, InterfaceError> {
    let vlan = Vlan { parent: USB0, id: id(number) };
    host.stack.add_vlan(&VlanConfig { name, vlan, mtu: None })
}

/// A host with `usb0` and, up on it, VLAN 5; it has nothing to say any more.
fn trunk(seed: u64) -> (Host, InterfaceIndex) {
    let mut host = Host::up(seed);
    let five = add(&mut host, "usb0.5", FIVE).unwrap();
    host.stack.set_admin_up(five, true, host.now).unwrap();
    frames(&mut host, 10);
    (host, five)
}

/// An Ethernet frame with these tags in front of its type.
fn frame(
    destination: MacAddress,
    tags: &[(u16, u16)],
    ethertype: EtherType,
    rest: &[u8],
) -> Vec<u8> {
    let mut frame = vec![0; EthernetHeader::LEN];
    EthernetHeader { destination, source: ROUTER.mac, ethertype }.emit(&mut frame);
    for (kind, control) in tags.iter().rev() {
        let tag = [kind.to_be_bytes(), control.to_be_bytes()].concat();
        frame.splice(ADDRESSES..ADDRESSES, tag);
    }
    frame.extend(rest);
    frame
}

fn receive(host: &mut Host, frame: &[u8]) {
    let mut buffer = HeapPool { left: 1 }.allocate(0).unwrap();
    buffer.append(frame.len()).unwrap().copy_from_slice(frame);
    host.stack.input(USB0, buffer, host.now);
}

/// What is sent in the next seconds: the number in the tag, and the frame without it.
fn frames(host: &mut Host, seconds: u64) -> Vec<(Option<u16>, Vec<u8>)> {
    let end = host.now + Duration::from_secs(seconds);
    let mut sent = Vec::new();
    loop {
        while let Some(mut frame) = host.stack.poll_transmit(USB0) {
            assert!(frame.headroom() >= 64 && frame.headroom() % 4 == 0);
            let (header, _) = EthernetHeader::parse(frame.data()).unwrap();
            assert_eq!(header.source, MAC);
            let tag = (header.ethertype == EtherType::VLAN).then(|| untag(&mut frame).unwrap());
            assert!(tag.is_none_or(|tag| tag.priority == 0 && !tag.drop_eligible));
            sent.push((tag.map(|tag| tag.id.get()), frame.data().to_vec()));
        }
        match host.stack.next_deadline() {
            Some(next) if next <= end => host.now = host.now.max(next),
            _ => break,
        }
        host.stack.poll(host.now);
    }
    host.now = end;
    sent
}

/// Those of them that are ICMPv6 of one type.
fn of_type(sent: &[(Option<u16>, Vec<u8>)], kind: u8) -> Vec<Option<u16>> {
    let is_it = |frame: &[u8]| {
        let (header, payload) = Ipv6Header::parse(&frame[EthernetHeader::LEN..]).unwrap();
        match header.next_header {
            NextHeader::ICMPV6 => payload[0] == kind,
            // The Router Alert of MLD.
            NextHeader::HOP_BY_HOP => payload[8] == kind,
            _ => false,
        }
    };
    sent.iter().filter(|(_, frame)| is_it(frame)).map(|(id, _)| *id).collect()
}

fn echo(destination: &str, data: &[u8]) -> Vec<u8> {
    let request = Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 1, data });
    icmpv6_packet(ROUTER.address, ip(destination), &request)
}

const ECHO_REPLY: u8 = 129;
const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOR_SOLICITATION: u8 = 135;
const REPORT: u8 = 143;

fn tagged(control: u16) -> [(u16, u16); 1] {
    [(EtherType::VLAN.0, control)]
}

/// Rows: LNK-11
#[test]
fn a_vlan_has_its_own_address_groups_and_test_for_duplicates() {
    let mut host = Host::up(1);
    let five = add(&mut host, "usb0.5", FIVE).unwrap();
    let is_tagged = |(id, _): &(Option<u16>, Vec<u8>)| id.is_some();
    assert!(!frames(&mut host, 3).iter().any(is_tagged), "it is down");
    host.stack.set_admin_up(five, true, host.now).unwrap();
    let sent = frames(&mut host, 30);
    for kind in [NEIGHBOR_SOLICITATION, REPORT, ROUTER_SOLICITATION] {
        assert!(of_type(&sent, kind).contains(&Some(FIVE)), "type {kind}");
    }
    let vlan = host.stack.interface(five).unwrap();
    assert_eq!((vlan.mac(), vlan.mtu(), vlan.link()), (Some(MAC), 1500, UP));
    assert_eq!(vlan.vlan(), Some(Vlan { parent: USB0, id: id(FIVE) }));
    assert!(host.stack.is_own_address(ip(LINK_LOCAL), Some(five)));
    assert!(host.stack.is_own_address(ip(LINK_LOCAL), Some(USB0)));
}

/// Rows: LNK-11
#[test]
fn answers_leave_with_the_tag_that_the_question_had() {
    let (mut host, five) = trunk(2);
    host.stack.set_neighbor(USB0, ROUTER.address, ROUTER.mac, true, false, host.now).unwrap();
    host.stack.set_neighbor(five, ROUTER.address, ROUTER.mac, true, false, host.now).unwrap();
    for (tags, answer) in [
        (&[][..], None),
        (&tagged(FIVE), Some(FIVE)),
        // Priority and drop eligibility say nothing of where it belongs.
        (&tagged(0xf000 | FIVE), Some(FIVE)),
        // A priority tag alone is no VLAN.
        (&tagged(0xe000), None),
    ] {
        receive(&mut host, &frame(MAC, tags, EtherType::IPV6, &echo(LINK_LOCAL, b"who")));
        let sent = frames(&mut host, 1);
        assert_eq!(of_type(&sent, ECHO_REPLY), [answer], "{tags:?}");
    }
    let counters = host.stack.interface(five).unwrap().counters();
    assert_eq!((counters.link.receive_frames, counters.ipv6.in_receives), (2, 2));
}

/// Rows: LNK-11
#[test]
fn frames_of_no_interface_are_dropped_and_counted() {
    let (mut host, five) = trunk(3);
    let packet = echo(LINK_LOCAL, b"?");
    let (vlan, service) = (EtherType::VLAN.0, EtherType::SERVICE_VLAN.0);
    for (tags, reason) in [
        (&[(vlan, 6)][..], DropReason::FrameVlanUnknown),
        (&[(vlan, 0xffe)], DropReason::FrameVlanUnknown),
        (&[(vlan, 0xfff)], DropReason::FrameVlanReserved),
        (&[(vlan, FIVE), (vlan, FIVE)], DropReason::FrameVlanStacked),
        (&[(vlan, 0), (vlan, FIVE)], DropReason::FrameVlanStacked),
        (&[(vlan, FIVE), (service, FIVE)], DropReason::FrameVlanStacked),
        (&[(service, FIVE)], DropReason::FrameVlanStacked),
        (&[(service, FIVE), (vlan, FIVE)], DropReason::FrameVlanStacked),
    ] {
        let before = (host.drops(reason), host.all_drops());
        receive(&mut host, &frame(MAC, tags, EtherType::IPV6, &packet));
        assert_eq!(
            (host.drops(reason), host.all_drops()),
            (before.0 + 1, before.1 + 1),
            "{tags:?}"
        );
    }
    for length in EthernetHeader::LEN..EthernetHeader::LEN + VlanTag::LEN {
        let before = host.drops(DropReason::FrameTooShort);
        let whole = frame(MAC, &tagged(FIVE), EtherType::IPV6, &packet);
        receive(&mut host, &whole[..length]);
        assert_eq!(host.drops(DropReason::FrameTooShort), before + 1, "{length}");
    }
    // In the VLAN the rules of every interface hold, and it counts.
    let other = MacAddress([2, 0, 0, 0, 0, 77]);
    for (to, kind, reason) in [
        (other, EtherType::IPV6, DropReason::FrameForeignDestination),
        (MAC, EtherType::ARP, DropReason::FrameNotIpv6),
    ] {
        receive(&mut host, &frame(to, &tagged(FIVE), kind, &packet));
        assert_eq!(host.stack.interface(five).unwrap().counters().drops.get(reason), 1);
    }
    host.stack.set_admin_up(five, false, host.now).unwrap();
    receive(&mut host, &frame(MAC, &tagged(FIVE), EtherType::IPV6, &packet));
    assert_eq!(host.drops(DropReason::InterfaceDown), 1);
    assert_eq!(of_type(&frames(&mut host, 1), ECHO_REPLY), []);
}

/// The tag does not count against the MTU, in either direction.
///
/// Rows: LNK-11
#[test]
fn a_tagged_packet_may_be_as_long_as_another() {
    let (mut host, five) = trunk(4);
    host.stack.set_neighbor(five, ROUTER.address, ROUTER.mac, true, false, host.now).unwrap();
    let data = vec![7; 1500 - Ipv6Header::LEN - 8];
    receive(&mut host, &frame(MAC, &tagged(FIVE), EtherType::IPV6, &echo(LINK_LOCAL, &data)));
    let sent = frames(&mut host, 1);
    assert_eq!(of_type(&sent, ECHO_REPLY), [Some(FIVE)]);
    assert_eq!(sent[0].1.len(), EthernetHeader::LEN + 1500);
    let long = vec![7; data.len() + 1];
    receive(&mut host, &frame(MAC, &tagged(FIVE), EtherType::IPV6, &echo(LINK_LOCAL, &long)));
    assert_eq!(host.drops(DropReason::FrameTooLong), 1);
    assert_eq!(of_type(&frames(&mut host, 1), ECHO_REPLY), []);
}

#[test]
fn the_traffic_class_is_left_alone() {
    let (mut host, five) = trunk(5);
    host.stack.set_neighbor(five, ROUTER.address, ROUTER.mac, true, false, host.now).unwrap();
    let socket = host.stack.open_socket(SocketKind::Udp).unwrap();
    let to = SocketAddrV6::new(ROUTER.address, 9, 0, five.get());
    let options = SendOptions { traffic_class: Some(TrafficClass(0xb8)), ..Default::default() };
    let write = |room: &mut [u8]| {
        room.fill(0);
        Ok::<(), ()>(())
    };
    host.stack.send(socket, Some(to), 4, write, &options, host.now).unwrap();
    let sent = frames(&mut host, 1);
    let (header, _) = Ipv6Header::parse(&sent[0].1[EthernetHeader::LEN..]).unwrap();
    assert_eq!((sent[0].0, header.traffic_class), (Some(FIVE), TrafficClass(0xb8)));
}

#[test]
fn vlans_that_cannot_be() {
    let mut host = Host::new(6, Config::default());
    let lo = InterfaceIndex::LOOPBACK;
    let nowhere = InterfaceIndex::new(99).unwrap();
    let five = add(&mut host, "usb0.5", FIVE).unwrap();
    for (name, parent, number, mtu, error) in [
        ("a", lo, 6, None, InterfaceError::NoVlans),
        ("a", five, 6, None, InterfaceError::NoVlans),
        ("a", nowhere, 6, None, InterfaceError::NotFound),
        ("a", USB0, FIVE, None, InterfaceError::VlanTaken),
        ("usb0.5", USB0, 6, None, InterfaceError::NameTaken),
        ("a b", USB0, 6, None, InterfaceError::BadName),
        ("a", USB0, 6, Some(1501), InterfaceError::MtuBeyondParent),
        ("a", USB0, 6, Some(39), InterfaceError::BadMtu),
    ] {
        let config = VlanConfig { name, vlan: Vlan { parent, id: id(number) }, mtu };
        assert_eq!(host.stack.add_vlan(&config), Err(error));
    }
    for number in 1..limits::VLANS as u16 {
        add(&mut host, &format!("vlan{number}"), 100 + number).unwrap();
    }
    assert_eq!(add(&mut host, "one-too-many", 4094), Err(InterfaceError::TooManyVlans));
    assert_eq!(host.stack.table_full(TableFull::Vlans), 1);
    // There is room for adapters nevertheless.
    let mac = MacAddress([2, 0, 0, 0, 0, 5]);
    let another =
        InterfaceConfig { name: "usb1", kind: InterfaceKind::Ethernet { mac }, mtu: 1500 };
    host.stack.add_interface(&another).unwrap();
}

/// The same number on two cables is two VLANs.
#[test]
fn numbers_are_those_of_a_cable() {
    let (mut host, _) = trunk(7);
    let mac = MacAddress([2, 0, 0, 0, 0, 5]);
    let another =
        InterfaceConfig { name: "usb1", kind: InterfaceKind::Ethernet { mac }, mtu: 1400 };
    let usb1 = host.stack.add_interface(&another).unwrap();
    let vlan = Vlan { parent: usb1, id: id(FIVE) };
    let other = host.stack.add_vlan(&VlanConfig { name: "usb1.5", vlan, mtu: None }).unwrap();
    let found = host.stack.interface(other).unwrap();
    assert_eq!((found.mac(), found.device_mtu(), found.link()), (Some(mac), 1400, LinkState::Down));
    assert_eq!((host.stack.vlans(USB0).len(), &host.stack.vlans(usb1)[..]), (1, &[other][..]));
}

#[test]
fn a_vlan_follows_the_interface_below() {
    let (mut host, five) = trunk(8);
    let state = |host: &Host| {
        let vlan = host.stack.interface(five).unwrap();
        (vlan.is_admin_up(), vlan.has_carrier(), vlan.is_running())
    };
    assert_eq!(state(&host), (true, true, true));
    host.stack.set_link(USB0, LinkState::Down, host.now).unwrap();
    assert_eq!(state(&host), (true, false, false));
    host.stack.set_link(USB0, UP, host.now).unwrap();
    assert_eq!(state(&host), (true, true, true));

    host.stack.set_admin_up(USB0, false, host.now).unwrap();
    assert_eq!(state(&host), (false, true, false));
    assert_eq!(host.stack.interface(five).unwrap().addresses().count(), 0);
    let refused = host.stack.set_admin_up(five, true, host.now);
    assert_eq!(refused, Err(InterfaceError::ParentDown));
    host.stack.set_admin_up(USB0, true, host.now).unwrap();
    assert_eq!(state(&host), (true, true, true));

    assert_eq!(host.stack.set_mtu(five, 1501, host.now), Err(InterfaceError::MtuBeyondParent));
    host.stack.set_mtu(five, 1400, host.now).unwrap();
    host.stack.set_mtu(USB0, 1450, host.now).unwrap();
    let mtu = |host: &Host| host.stack.interface(five).unwrap().device_mtu();
    assert_eq!(mtu(&host), 1400);
    host.stack.set_mtu(USB0, 1300, host.now).unwrap();
    assert_eq!(mtu(&host), 1300);

    host.events();
    host.stack.remove_interface(USB0, host.now).unwrap();
    let gone: Vec<_> = host
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::LinkRemoved { index, name } => Some((index, name.to_string())),
            _ => None,
        })
        .collect();
    assert_eq!(gone, [(five, "usb0.5".to_string()), (USB0, "usb0".to_string())]);
    assert_eq!(host.stack.interfaces().count(), 1);
}

#[test]
fn a_vlan_goes_alone() {
    let (mut host, five) = trunk(9);
    host.stack.remove_interface(five, host.now).unwrap();
    frames(&mut host, 1);
    receive(&mut host, &frame(MAC, &tagged(FIVE), EtherType::IPV6, &echo(LINK_LOCAL, b"?")));
    assert_eq!(host.drops(DropReason::FrameVlanUnknown), 1);
    assert!(frames(&mut host, 100).iter().all(|(id, _)| id.is_none()));
    assert!(host.stack.is_own_address(ip(LINK_LOCAL), Some(USB0)));
    assert_eq!(add(&mut host, "usb0.5", FIVE), Ok(five), "number and name are free");
}

/// Who sends by a VLAN waits for the queue of the interface below.
#[test]
fn the_queue_is_that_of_the_interface_below() {
    let (mut host, five) = trunk(10);
    host.stack.set_neighbor(five, ROUTER.address, ROUTER.mac, true, false, host.now).unwrap();
    let socket = host.stack.open_socket(SocketKind::Udp).unwrap();
    let to = SocketAddrV6::new(ROUTER.address, 9, 0, five.get());
    let options = SendOptions::default();
    let write = |room: &mut [u8]| {
        room.fill(0);
        Ok::<(), ()>(())
    };
    let mut sent = 0;
    let error = loop {
        match host.stack.send(socket, Some(to), 4, write, &options, host.now) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, SendError::WouldBlock);
    assert_eq!(sent, limits::TRANSMIT_QUEUE - limits::TRANSMIT_RESERVE);
    assert!(host.stack.has_transmit(USB0) && !host.stack.has_transmit(five));
    assert!(host.stack.poll_transmit(five).is_none());
    assert_eq!(frames(&mut host, 0).len(), sent);
    let link = host.stack.interface(five).unwrap().counters().link;
    assert!(link.transmit_frames >= sent as u64);
    assert!(host.stack.send(socket, Some(to), 4, write, &options, host.now).is_ok());
}

/// A frame with a segment of the router's for a connection by the link.
fn segment(header: &TcpHeader) -> Vec<u8> {
    let packet = tcp_packet((ROUTER.address, ip(LINK_LOCAL)), header, &[]);
    frame(MAC, &tagged(FIVE), EtherType::IPV6, &packet)
}

/// Every segment of a connection has the tag, however it is sent.
#[test]
fn streams_keep_to_their_vlan() {
    let (mut host, five) = trunk(12);
    host.stack.set_neighbor(five, ROUTER.address, ROUTER.mac, true, false, host.now).unwrap();
    let stream = host.stack.tcp_open().unwrap();
    let to = SocketAddrV6::new(ROUTER.address, 9, 0, five.get());
    host.stack.tcp_connect(stream, to, host.now).unwrap();
    let opened = frames(&mut host, 0);
    assert_eq!(opened[0].0, Some(FIVE));
    let (_, syn) = Ipv6Header::parse(&opened[0].1[EthernetHeader::LEN..]).unwrap();
    let (syn, _) = TcpHeader::parse(syn).unwrap();
    let answer = TcpHeader {
        source_port: syn.destination_port,
        destination_port: syn.source_port,
        sequence: SequenceNumber(7),
        acknowledgment: syn.sequence + 1,
        flags: TcpFlags::SYN | TcpFlags::ACK,
        window: 60_000,
        checksum: 0,
        urgent_pointer: 0,
        options: TcpOptions::NONE,
    };
    receive(&mut host, &segment(&answer));
    let mut acknowledged = answer.acknowledgment;
    let mut data = 0;
    for _ in 0..5 {
        let fill = |room: &mut [u8]| {
            room.fill(0);
            Ok::<(), ()>(())
        };
        host.stack.tcp_send(stream, 2000, fill, host.now).unwrap();
        for (tag, frame) in frames(&mut host, 0) {
            assert_eq!(tag, Some(FIVE));
            let (_, bytes) = Ipv6Header::parse(&frame[EthernetHeader::LEN..]).unwrap();
            data += TcpHeader::parse(bytes).unwrap().1.len();
        }
        acknowledged += 2000;
        let flags = TcpFlags::ACK;
        let sequence = answer.sequence + 1;
        receive(
            &mut host,
            &segment(&TcpHeader { sequence, acknowledgment: acknowledged, flags, ..answer }),
        );
    }
    assert!(data >= 8000, "{data} octets");
}

type Witnessed = (InterfaceIndex, bool, Vec<u8>);

std::thread_local!(static SEEN: RefCell<Vec<Witnessed>> = const { RefCell::new(Vec::new()) });

fn see(tapped: Tapped<'_>) {
    if let Tapped::Vlan { interface, mac, outgoing, frame } = tapped {
        assert_eq!(mac, MAC);
        SEEN.with_borrow_mut(|seen| seen.push((interface, outgoing, frame.to_vec())));
    }
}

#[test]
fn a_tap_sees_frames_without_their_tags() {
    let (mut host, five) = trunk(11);
    host.stack.set_neighbor(five, ROUTER.address, ROUTER.mac, true, false, host.now).unwrap();
    host.stack.set_tap(Some(see));
    let request = echo(LINK_LOCAL, b"seen");
    receive(&mut host, &frame(MAC, &tagged(FIVE), EtherType::IPV6, &request));
    receive(&mut host, &frame(MAC, &tagged(6), EtherType::IPV6, &request));
    let sent = frames(&mut host, 0);
    let seen = SEEN.take();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], (five, false, frame(MAC, &[], EtherType::IPV6, &request)));
    assert_eq!(seen[1], (five, true, sent[0].1.clone()));
}

/// A frame that a program wrote gets the VLAN's tag, or may bring one.
#[test]
fn written_frames() {
    let (mut host, five) = trunk(12);
    let group = multicast_mac(ip("ff02::1"));
    let packet = ipv6_packet(ip(LINK_LOCAL), ip("ff02::1"), NextHeader::NONE, &[0; 1460]);
    let mut plain = frame(group, &[], EtherType::IPV6, &packet);
    plain[6..ADDRESSES].copy_from_slice(&MAC.0);
    host.write_frame(five, &plain).unwrap();
    let mut own = frame(group, &tagged(9), EtherType::IPV6, &packet);
    own[6..ADDRESSES].copy_from_slice(&MAC.0);
    host.write_frame(USB0, &own).unwrap();
    assert_eq!(frames(&mut host, 0), [(Some(FIVE), plain.clone()), (Some(9), plain.clone())]);
    plain.push(0);
    own.push(0);
    for (index, frame) in [(USB0, &plain), (five, &plain), (USB0, &own)] {
        assert_eq!(host.write_frame(index, frame), Err(FrameError::TooLong));
    }
}

#[test]
fn no_room_for_a_tag() {
    let mut frame = HeapPool { left: 1 }.allocate(3).unwrap();
    frame.append(20).unwrap().fill(0);
    assert!(!tag(&mut frame, id(FIVE)));
    assert_eq!(frame.len(), 20);
}

proptest! {
    #[test]
    fn untag_inverts_tag(octets in proptest::collection::vec(any::<u8>(), 14..80), number in 1..4095u16) {
        let mut frame = HeapPool { left: 1 }.allocate(64).unwrap();
        frame.append(octets.len()).unwrap().copy_from_slice(&octets);
        prop_assert!(tag(&mut frame, id(number)));
        prop_assert_eq!(&frame.data()[12..16], [0x81, 0, (number >> 8) as u8, number as u8]);
        let stacked = matches!(octets[12..14], [0x81, 0] | [0x88, 0xa8]);
        match untag(&mut frame) {
            Ok(tag) => {
                prop_assert_eq!((tag.id, tag.priority), (id(number), 0));
                prop_assert_eq!(frame.data(), &octets[..]);
            }
            Err(reason) => prop_assert!(stacked && reason == DropReason::FrameVlanStacked),
        }
    }
}
