//! Calls in, packets and errors out. What Linux does in each situation is the expectation.

mod copies;
mod crowd;
mod destroy;
mod extension;
mod icmpv6;
mod limits;
mod multicast;
mod path_mtu;
mod send_as_before;
mod udp;

use super::*;
use crate::address::AddressExt;
use crate::config::Config;
use crate::counters::DropReason;
use crate::event::Event;
use crate::interface::InterfaceIndex;
use crate::netif::MacAddress;
use crate::test_host::{
    HeapBuffer, Host, LINK_LOCAL, Peer, Seen, USB0, address_at_once, icmpv6_packet, ip, ipv6_packet,
};
use crate::time::Duration;
use crate::wire::checksum::{self, Checksum};
use crate::wire::icmpv6::{DestinationUnreachableCode, Echo, Icmpv6Message, TimeExceededCode};
use crate::wire::ipv6::{FlowLabel, HopLimit, Ipv6Header, NextHeader, TrafficClass};
use crate::wire::udp::UdpHeader;
use core::net::SocketAddrV6;

const PEER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 9]),
    address: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9),
};
const OWN: &str = "2001:db8::1";
const LO: InterfaceIndex = InterfaceIndex::LOOPBACK;

fn address(text: &str, port: u16) -> SocketAddrV6 {
    SocketAddrV6::new(ip(text), port, 0, 0)
}

fn scoped(text: &str, port: u16) -> SocketAddrV6 {
    SocketAddrV6::new(ip(text), port, 0, USB0.get())
}

/// A host with a global address, whose neighbor is known.
fn host() -> Host {
    let mut host = Host::up(1);
    let new = address_at_once(ip(OWN));
    host.stack.add_address(USB0, &new, false, host.now).unwrap();
    host.stack.set_neighbor(USB0, PEER.address, PEER.mac, true, false, host.now).unwrap();
    host.run(Duration::from_secs(2));
    host.events();
    host
}

fn udp(host: &mut Host) -> SocketId {
    host.stack.open_socket(SocketKind::Udp).unwrap()
}

fn bound(host: &mut Host, to: SocketAddrV6) -> SocketId {
    let id = udp(host);
    host.stack.bind(id, to).unwrap();
    id
}

fn connected(host: &mut Host, to: SocketAddrV6) -> SocketId {
    let id = udp(host);
    host.stack.connect(id, to, host.now).unwrap();
    id
}

fn send_with(
    host: &mut Host,
    id: SocketId,
    to: Option<SocketAddrV6>,
    payload: &[u8],
    options: &SendOptions<'_>,
) -> Result<(), SendError<()>> {
    let mut rest = payload;
    let fill = |room: &mut [u8]| {
        let (piece, behind) = rest.split_at(room.len());
        room.copy_from_slice(piece);
        rest = behind;
        Ok(())
    };
    host.stack.send(id, to, payload.len(), fill, options, host.now)
}

fn send(
    host: &mut Host,
    id: SocketId,
    to: Option<SocketAddrV6>,
    payload: &[u8],
) -> Result<(), SendError<()>> {
    send_with(host, id, to, payload, &SendOptions::default())
}

fn receive(host: &mut Host, id: SocketId) -> Result<(ReceiveMeta, Vec<u8>), ReceiveError> {
    host.stack.receive(id, false, |meta, payload| (*meta, octets(payload)))
}

fn octets(payload: &Payload<'_, HeapBuffer>) -> Vec<u8> {
    let octets = payload.slices().collect::<Vec<_>>().concat();
    assert_eq!((octets.len(), octets.is_empty()), (payload.len(), payload.is_empty()));
    octets
}

fn datagram(from: (&str, u16), to: (&str, u16), payload: &[u8]) -> Vec<u8> {
    let mut sum = Checksum::new();
    sum.add(payload);
    let (source, destination) = (ip(from.0), ip(to.0));
    let header = UdpHeader::new((source, from.1), (destination, to.1), payload.len(), sum).unwrap();
    let mut segment = vec![0; UdpHeader::LEN];
    header.emit(&mut segment);
    segment.extend(payload);
    ipv6_packet(source, destination, NextHeader::UDP, &segment)
}

/// The datagram that was seen, after checking its checksum.
fn as_udp(seen: &Seen) -> (UdpHeader, &[u8]) {
    let (header, segment) = Ipv6Header::parse(&seen.packet).unwrap();
    assert_eq!(header.next_header, NextHeader::UDP);
    assert!(checksum::verify(header.source, header.destination, NextHeader::UDP, segment));
    UdpHeader::parse(segment).unwrap()
}

fn echo_request(identifier: u16, sequence: u16) -> Vec<u8> {
    let echo = Echo { identifier, sequence, data: b"data" };
    let message = Icmpv6Message::EchoRequest(echo);
    let mut bytes = vec![0; message.len()];
    message.emit(ip("::"), ip("::"), &mut bytes);
    bytes
}
