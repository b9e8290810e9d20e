//! What a packet socket receives of the frames that pass by.

use super::address::PacketType;
use super::tap::{Direction, describe};
use super::*;
use alloc::vec;

const OWN: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const PEER: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);
const NOW: Duration = Duration::new(1_700_000_000, 123_456_789);

fn frame(destination: MacAddress, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; EthernetHeader::LEN];
    let ethertype = EtherType(ethertype);
    EthernetHeader { destination, source: PEER, ethertype }.emit(&mut frame);
    frame.extend(payload);
    frame
}

fn pass(socket: &PacketSocket, direction: Direction, frame: &[u8]) {
    socket.capture(&describe(InterfaceIndex::LOOPBACK, direction, frame).unwrap(), NOW);
}

fn receive(
    socket: &PacketSocket,
    room: usize,
    flags: MessageFlags,
) -> Result<(Incoming, Vec<u8>), Errno> {
    let mut data = vec![0; room];
    let mut to = UserWriter::from_bytes(&mut data);
    let incoming = socket.try_receive(&mut to, flags)?;
    let left = to.remaining();
    data.truncate(room - left);
    Ok((incoming, data))
}

/// Protocol and packet type of a received address.
fn whose(incoming: &Incoming) -> (u16, u8) {
    let address = &incoming.address;
    (u16::from_be_bytes([address[2], address[3]]), address[10])
}

#[test]
fn frames_are_sorted_by_direction_and_destination() {
    let socket = PacketSocket::new(true, ALL_PROTOCOLS);
    let group = MacAddress([0x33, 0x33, 0, 0, 0, 1]);
    for (direction, destination, expected) in [
        (Direction::In(OWN), OWN, PacketType::Host),
        (Direction::In(OWN), MacAddress::BROADCAST, PacketType::Broadcast),
        (Direction::In(OWN), group, PacketType::Multicast),
        (Direction::In(OWN), PEER, PacketType::OtherHost),
        (Direction::Out, PEER, PacketType::Outgoing),
    ] {
        let sent = frame(destination, 0x86dd, b"packet");
        pass(&socket, direction, &sent);
        assert_eq!(socket.readiness(), Readiness::IN | Readiness::OUT);
        let (incoming, data) = receive(&socket, 100, MessageFlags::empty()).unwrap();
        assert_eq!((whose(&incoming), data), ((0x86dd, expected as u8), sent));
        assert_eq!(incoming.address[12..18], PEER.0);
    }
    assert_eq!(receive(&socket, 9, MessageFlags::empty()).unwrap_err(), Errno::AGAIN);
    // A length is no EtherType.
    pass(&socket, Direction::In(OWN), &frame(OWN, 60, b"802.3"));
    assert_eq!(whose(&receive(&socket, 9, MessageFlags::empty()).unwrap().0), (4, 0));
}

#[test]
fn a_protocol_sees_only_what_comes() {
    let socket = PacketSocket::new(false, 0x86dd);
    pass(&socket, Direction::Out, &frame(PEER, 0x86dd, b"out"));
    pass(&socket, Direction::In(OWN), &frame(OWN, 0x0806, b"arp"));
    pass(&socket, Direction::In(OWN), &frame(OWN, 0x86dd, b"in"));
    let (_, data) = receive(&socket, 100, MessageFlags::empty()).unwrap();
    assert_eq!(data, b"in", "SOCK_DGRAM has no Ethernet header");
    assert!(receive(&socket, 100, MessageFlags::empty()).is_err());
    let none = PacketSocket::new(true, 0);
    pass(&none, Direction::In(OWN), &frame(OWN, 0x86dd, b"in"));
    assert!(receive(&none, 100, MessageFlags::empty()).is_err());
}

#[test]
fn a_binding_keeps_other_interfaces_away() {
    let socket = PacketSocket::new(true, ALL_PROTOCOLS);
    socket.interface.set(InterfaceIndex::new(2));
    let sent = frame(OWN, 0x86dd, b"");
    pass(&socket, Direction::In(OWN), &sent);
    assert!(receive(&socket, 100, MessageFlags::empty()).is_err());
    socket.interface.set(Some(InterfaceIndex::LOOPBACK));
    pass(&socket, Direction::In(OWN), &sent);
    assert!(receive(&socket, 100, MessageFlags::empty()).is_ok());
    socket.ignores_outgoing.set(true);
    pass(&socket, Direction::Out, &sent);
    assert!(receive(&socket, 100, MessageFlags::empty()).is_err());
}

#[test]
fn short_buffers_and_filters_cut() {
    let socket = PacketSocket::new(true, ALL_PROTOCOLS);
    let sent = frame(OWN, 0x86dd, &[7; 86]);
    pass(&socket, Direction::In(OWN), &sent);
    let peek = MessageFlags::PEEK | MessageFlags::TRUNCATED;
    let (incoming, data) = receive(&socket, 20, peek).unwrap();
    assert_eq!((incoming.length, incoming.flags, data.len()), (100, 0x20, 20));
    assert_eq!(receive(&socket, 20, MessageFlags::empty()).unwrap().0.length, 20);
    // `return 30` keeps 30 octets, and the auxiliary data tells the whole length.
    socket.filter.replace(Filter::parse(&[6, 0, 0, 0, 30, 0, 0, 0]));
    socket.wanted.set(Wanted::AUXILIARY | Wanted::TIMESTAMP);
    pass(&socket, Direction::In(OWN), &sent);
    let (incoming, data) = receive(&socket, 200, MessageFlags::empty()).unwrap();
    assert_eq!((incoming.length, incoming.flags, &data[..]), (30, 0, &sent[..30]));
    let control: Vec<_> = control::parse(&incoming.control).collect::<Result<_, _>>().unwrap();
    let [time, auxiliary] = control[..] else { panic!("{control:?}") };
    assert_eq!((time.level, time.kind, time.data.len()), (SOL_SOCKET, SO_TIMESTAMP, 16));
    assert_eq!(time.data[8..], 123_456u64.to_ne_bytes());
    assert_eq!((auxiliary.kind, auxiliary.data.len()), (PACKET_AUXDATA, 20));
    assert_eq!((auxiliary.data[4], auxiliary.data[8], auxiliary.data[14]), (100, 30, 14));
    assert_eq!(socket.last_time(), Some(NOW));
    // `return 0` keeps nothing.
    socket.filter.replace(Filter::parse(&[6, 0, 0, 0, 0, 0, 0, 0]));
    pass(&socket, Direction::In(OWN), &sent);
    assert!(receive(&socket, 200, MessageFlags::empty()).is_err());
    let statistics = options::get(&socket, SOL_PACKET, 6).unwrap();
    assert_eq!(statistics, [2, 0, 0, 0, 0, 0, 0, 0], "what a filter refuses is not counted");
}

#[test]
fn a_full_queue_counts_what_it_drops() {
    let socket = PacketSocket::new(true, ALL_PROTOCOLS);
    options::set(&socket, SOL_SOCKET, 8, &0u32.to_ne_bytes()).unwrap();
    for _ in 0..100 {
        pass(&socket, Direction::In(OWN), &frame(OWN, 0x86dd, &[0; 1000]));
    }
    let statistics = options::get(&socket, SOL_PACKET, 6).unwrap();
    let (packets, drops) = (statistics[0], statistics[4]);
    assert_eq!((packets, drops), (100, 98));
    assert_eq!(options::get(&socket, SOL_PACKET, 6).unwrap(), [0; 8]);
}
