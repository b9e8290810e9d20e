//! Stream sockets against a peer that the tests play: packets in, packets and events out.

mod acknowledging;
mod cookies;
mod destroy;
mod ecn;
mod errors;
mod handshake;
mod info;
mod loopback;
mod no_connection;
mod options;
mod path;
mod recovery;
mod sending;
mod sizes;
mod spurious;
mod tables;
mod time_wait;
mod urgent;

use super::*;
use crate::config::Config;
use crate::interface::InterfaceIndex;
use crate::netif::MacAddress;
use crate::test_host::{Host, Peer, Seen, USB0, address_at_once, icmpv6_packet, ip, tcp_packet};
use crate::time::Duration;
use crate::wire::checksum;
use crate::wire::icmpv6::{DestinationUnreachableCode, Icmpv6Message, TimeExceededCode};
use crate::wire::ipv6::{FlowLabel, Ipv6Header, NextHeader};
use crate::wire::tcp::{TcpFlags, TcpHeader, TcpOptions, Timestamps};
use crate::wire::tcp_sequence::SequenceNumber;
use core::net::{Ipv6Addr, SocketAddrV6};

const PEER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 9]),
    address: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9),
};
const OWN: &str = "2001:db8::1";
const PEER_PORT: u16 = 4000;
const PORT: u16 = 80;
/// Close to the wrap, so that every comparison crosses it.
const IRS: SequenceNumber = SequenceNumber(u32::MAX - 4);
const WINDOW: u16 = 60_000;

/// A host with a global address, whose neighbor is known.
fn host_with(config: Config) -> Host {
    let mut host = Host::new(1, config);
    host.plug_in();
    let new = address_at_once(ip(OWN));
    host.stack.add_address(USB0, &new, false, host.now).unwrap();
    host.stack.set_neighbor(USB0, PEER.address, PEER.mac, true, false, host.now).unwrap();
    host.run(Duration::from_secs(5));
    host.events();
    host
}

fn host() -> Host {
    host_with(Config::default())
}

fn to(address: Ipv6Addr, port: u16) -> SocketAddrV6 {
    SocketAddrV6::new(address, port, 0, 0)
}

fn listen(host: &mut Host, backlog: usize) -> TcpId {
    let id = host.stack.tcp_open().unwrap();
    host.stack.tcp_bind(id, to(Ipv6Addr::UNSPECIFIED, PORT)).unwrap();
    host.stack.tcp_listen(id, backlog).unwrap();
    id
}

fn connect(host: &mut Host) -> TcpId {
    let id = host.stack.tcp_open().unwrap();
    host.stack.tcp_connect(id, to(PEER.address, PEER_PORT), host.now).unwrap();
    id
}

fn set(host: &mut Host, id: TcpId, change: impl FnOnce(&mut TcpSocketOptions)) {
    let now = host.now;
    host.stack.change_tcp_options(id, change, now).unwrap();
}

/// A segment of the peer: `S`, `A`, `F`, `R`, `P` and `U` are its control bits.
fn segment(flags: &str, sequence: SequenceNumber, ack: SequenceNumber) -> TcpHeader {
    let mut bits = TcpFlags::empty();
    bits.set(TcpFlags::SYN, flags.contains('S'));
    bits.set(TcpFlags::ACK, flags.contains('A'));
    bits.set(TcpFlags::FIN, flags.contains('F'));
    bits.set(TcpFlags::RST, flags.contains('R'));
    bits.set(TcpFlags::PSH, flags.contains('P'));
    bits.set(TcpFlags::URG, flags.contains('U'));
    TcpHeader {
        source_port: PEER_PORT,
        destination_port: PORT,
        sequence,
        acknowledgment: ack,
        flags: bits,
        window: WINDOW,
        checksum: 0,
        urgent_pointer: 0,
        options: TcpOptions::NONE,
    }
}

/// A segment of the peer arrives.
fn arrive(host: &mut Host, header: TcpHeader, data: &[u8]) {
    host.packet(PEER, &tcp_packet((PEER.address, ip(OWN)), &header, data));
}

/// A segment that was seen, after checking its checksum.
fn as_tcp(seen: &Seen) -> Option<(TcpHeader, Vec<u8>)> {
    let (header, bytes) = Ipv6Header::parse(&seen.packet).unwrap();
    if header.next_header != NextHeader::TCP {
        return None;
    }
    assert!(checksum::verify(header.source, header.destination, NextHeader::TCP, bytes));
    let (header, data) = TcpHeader::parse(bytes).unwrap();
    Some((header, data.to_vec()))
}

/// The segments that the host has sent by now.
fn sent(host: &mut Host) -> Vec<(TcpHeader, Vec<u8>)> {
    host.sent().iter().filter_map(as_tcp).collect()
}

/// The only segment that the host has sent by now.
fn sent_one(host: &mut Host) -> (TcpHeader, Vec<u8>) {
    let mut sent = sent(host);
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.remove(0)
}

/// Where a connection stands from the peer's point of view.
#[derive(Clone, Copy)]
struct Conversation {
    id: TcpId,
    /// The host's port.
    port: u16,
    /// The next number that the peer sends.
    seq: SequenceNumber,
    /// The next number that the peer expects.
    ack: SequenceNumber,
}

impl Conversation {
    fn segment(&self, flags: &str) -> TcpHeader {
        TcpHeader { destination_port: self.port, ..segment(flags, self.seq, self.ack) }
    }

    /// The peer sends a segment that is next in turn.
    fn send(&mut self, host: &mut Host, flags: &str, data: &[u8]) {
        let header = self.segment(flags);
        arrive(host, header, data);
        self.seq += data.len() as u32 + u32::from(flags.contains('F'));
    }
}

/// The peer answers a connect without any option.
fn open(host: &mut Host) -> Conversation {
    let id = connect(host);
    let (syn, _) = sent_one(host);
    assert_eq!(syn.flags, TcpFlags::SYN);
    let ack = syn.sequence + 1;
    let mut peer = Conversation { id, port: syn.source_port, seq: IRS, ack };
    let answer = peer.segment("SA");
    arrive(host, answer, &[]);
    peer.seq += 1;
    assert_eq!(sent_one(host).0.flags, TcpFlags::ACK);
    assert_eq!(host.stack.tcp_state(id), Some(TcpState::Established));
    host.events();
    peer
}

/// The user writes.
fn write(host: &mut Host, id: TcpId, data: &[u8]) -> Result<usize, TcpSendError> {
    let mut rest = data;
    let fill = |room: &mut [u8]| {
        let (now, later) = rest.split_at(room.len());
        room.copy_from_slice(now);
        rest = later;
        Ok(())
    };
    host.stack.tcp_send(id, data.len(), fill, host.now)
}

/// The user reads.
fn read(host: &mut Host, id: TcpId, length: usize) -> Result<Vec<u8>, TcpReceiveError> {
    let mut data = Vec::new();
    let append = |run: &[u8]| {
        data.extend(run);
        Ok(())
    };
    host.stack.tcp_receive(id, length, false, append, host.now)?;
    Ok(data)
}

/// An ICMPv6 error about the packet with this segment of the host arrives.
fn complain(host: &mut Host, about: &Seen, error: impl Fn(&[u8]) -> Icmpv6Message<'_>) {
    let message = error(&about.packet);
    host.packet(PEER, &icmpv6_packet(PEER.address, ip(OWN), &message));
}
