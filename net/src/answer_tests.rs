use super::*;
use crate::test_host::{
    Host, LINK_LOCAL, MAC, Peer, ROUTER, Seen, USB0, address_at_once, icmpv6_packet, ip,
    ipv6_packet,
};
use crate::time::Duration;
use crate::wire::ethernet::EtherType;
use crate::wire::icmpv6::{Echo, Icmpv6Message};
use crate::wire::ipv6::NextHeader;
use crate::wire::ndp::{NeighborAdvertisement, NeighborSolicitation};
use crate::wire::ndp_option::{NdpOption, NdpOptions};
use proptest::prelude::*;

const OWN: &str = "2001:db8::2";
const ASKER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 7]),
    address: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7),
};

fn add_address(host: &mut Host) {
    let address = address_at_once(ip(OWN));
    host.stack.add_address(USB0, &address, false, host.now).unwrap();
}

/// A host with an address, which knows the asker.
fn host() -> Host {
    let mut host = Host::up(1);
    add_address(&mut host);
    host.packet(ASKER, &solicitation(ASKER.mac, &[]));
    host.run(Duration::from_secs(1));
    host
}

/// A question for the address of the host; with another option it is not a plain one.
fn solicitation(mac: MacAddress, more: &[NdpOption<'_>]) -> Vec<u8> {
    let options: Vec<_> =
        [NdpOption::SourceLinkLayerAddress(mac)].into_iter().chain(more.iter().copied()).collect();
    let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
        target: ip(OWN),
        options: NdpOptions::new(&options),
    });
    icmpv6_packet(ASKER.address, ip(OWN).solicited_node(), &message)
}

fn echo_request(destination: Ipv6Addr, data: &[u8]) -> Vec<u8> {
    let echo = Echo { identifier: 5, sequence: 6, data };
    icmpv6_packet(ASKER.address, destination, &Icmpv6Message::EchoRequest(echo))
}

/// The same packet with an options header that says nothing in front of the message.
fn with_options(packet: &[u8]) -> Vec<u8> {
    let (header, payload) = Ipv6Header::parse(packet).unwrap();
    let mut longer = vec![header.next_header.0, 0, 1, 4, 0, 0, 0, 0];
    longer.extend(payload);
    ipv6_packet(header.source, header.destination, NextHeader::DESTINATION_OPTIONS, &longer)
}

/// Lets a packet arrive in a buffer with so much headroom and gives the answers.
fn ask(host: &mut Host, packet: &[u8], headroom: usize) -> Vec<Seen> {
    let (header, _) = Ipv6Header::parse(packet).unwrap();
    let destination = if header.destination.is_multicast() {
        crate::wire::ethernet::multicast_mac(header.destination)
    } else {
        MAC
    };
    let mut frame = crate::test_host::HeapPool { left: 1 }.allocate(headroom).unwrap();
    EthernetHeader { destination, source: ASKER.mac, ethertype: EtherType::IPV6 }
        .emit(frame.append(EthernetHeader::LEN).unwrap());
    frame.append(packet.len()).unwrap().copy_from_slice(packet);
    host.stack.input(USB0, frame, host.now);
    host.sent()
}

/// Where received frames begin: at once, where an answer could be sent from, and not quite there.
const HEADROOMS: [usize; 4] = [0, 64, 66, 108];

/// Rows: ICMP-2, ICMP-16, ND-4
#[test]
fn the_short_way_answers_as_the_long_one() {
    let mut host = host();
    for (plain, other) in [
        (solicitation(ASKER.mac, &[]), solicitation(ASKER.mac, &[NdpOption::Nonce(&[1; 6])])),
        (echo_request(ip(OWN), b"hello"), with_options(&echo_request(ip(OWN), b"hello"))),
    ] {
        let [expected] = &ask(&mut host, &other, 0)[..] else { panic!("one answer") };
        for headroom in HEADROOMS {
            let counters = host.stack.node_counters();
            let [answer] = &ask(&mut host, &plain, headroom)[..] else { panic!("one answer") };
            assert_eq!(answer, expected, "{headroom}");
            let after = host.stack.node_counters();
            assert_eq!(after.ipv6.out_requests, counters.ipv6.out_requests + 1);
            assert_eq!(after.ipv6.out_transmits, counters.ipv6.out_transmits + 1);
            assert_eq!(after.ipv6.in_delivers, counters.ipv6.in_delivers + 1);
            assert_eq!(after.icmpv6.out_messages(), counters.icmpv6.out_messages() + 1);
            assert_eq!(
                after.ipv6.out_octets,
                counters.ipv6.out_octets + answer.packet.len() as u64
            );
        }
    }
}

#[test]
fn an_answer_where_the_question_lay_takes_no_buffer() {
    let mut host = host();
    ask(&mut host, &echo_request(ip(OWN), b"first"), 64);
    host.stack.pool.left = 0;
    for packet in [solicitation(ASKER.mac, &[]), echo_request(ip(OWN), b"again")] {
        assert_eq!(ask(&mut host, &packet, 64).len(), 1);
        let drops = host.drops(DropReason::NoBuffer);
        assert_eq!(ask(&mut host, &packet, 0).len(), 0);
        assert_eq!(host.drops(DropReason::NoBuffer), drops + 1);
    }
}

/// Rows: ND-4, ND-7
#[test]
fn a_new_link_layer_address_is_learned_all_the_same() {
    let mut host = host();
    let other = MacAddress([2, 0, 0, 0, 0, 8]);
    let [answer] = &ask(&mut host, &solicitation(other, &[]), 64)[..] else { panic!("one answer") };
    assert_eq!(answer.mac, other);
    // What is known now has the short way.
    let [again] = &ask(&mut host, &solicitation(other, &[]), 64)[..] else { panic!("one answer") };
    assert_eq!((again.mac, &again.packet), (other, &answer.packet));
}

#[test]
fn what_is_not_plain_is_refused_for_its_reason() {
    let mut host = host();
    let plain = solicitation(ASKER.mac, &[]);
    let forwarded = {
        let mut packet = plain.clone();
        packet[7] = 254;
        packet
    };
    let foreign = {
        let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
            target: ip("2001:db8::77"),
            options: NdpOptions::new(&[NdpOption::SourceLinkLayerAddress(ASKER.mac)]),
        });
        icmpv6_packet(ASKER.address, ip(OWN).solicited_node(), &message)
    };
    let broken = {
        let mut packet = plain.clone();
        packet[60] ^= 1;
        packet
    };
    for (packet, reason) in [
        (forwarded, DropReason::NdHopLimit),
        (foreign, DropReason::NdForeignTarget),
        (broken, DropReason::Icmpv6Checksum),
    ] {
        let drops = host.drops(reason);
        assert_eq!(ask(&mut host, &packet, 64), []);
        assert_eq!(host.drops(reason), drops + 1, "{reason:?}");
    }
}

/// Rows: ICMP-2
#[test]
fn a_known_reply_is_planned_anew_when_things_change() {
    let mut host = host();
    let request = echo_request(ip(OWN), b"ping");
    assert_eq!(ask(&mut host, &request, 64)[0].mac, ASKER.mac);
    // The asker moves to another link-layer address.
    let moved = MacAddress([2, 0, 0, 0, 0, 9]);
    ask(&mut host, &solicitation(moved, &[]), 64);
    assert_eq!(ask(&mut host, &request, 64)[0].mac, moved);
    // It becomes unknown: the reply waits for its address.
    host.stack.remove_neighbor(USB0, ASKER.address).unwrap();
    let asked = ask(&mut host, &request, 64);
    assert_eq!(asked[0].icmpv6_type(), Icmpv6Type::NEIGHBOR_SOLICITATION.0);
    let message = Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
        router: false,
        solicited: true,
        overrides: true,
        target: ASKER.address,
        options: NdpOptions::new(&[NdpOption::TargetLinkLayerAddress(ASKER.mac)]),
    });
    host.message(ASKER, &asked[0].header.source.to_string(), &message);
    let seen = host.sent();
    assert_eq!((seen[0].mac, seen[0].icmpv6_type()), (ASKER.mac, Icmpv6Type::ECHO_REPLY.0));
    // A path too narrow for the answer: in fragments.
    host.stack.destinations.set_path_mtu((USB0, ASKER.address), 1280, host.now);
    let long = echo_request(ip(OWN), &[7; 1400]);
    assert_eq!(ask(&mut host, &long, 64).len(), 2);
    assert_eq!(ask(&mut host, &request, 64).len(), 1);
    // No address any more, no answer.
    host.stack.remove_address(USB0, ip(OWN), None, host.now).unwrap();
    host.run(Duration::from_secs(5));
    assert_eq!(ask(&mut host, &request, 64), []);
    assert_eq!(host.drops(DropReason::Ipv6NotForUs), 1);
}

#[test]
fn echoes_by_the_link_local_router() {
    let mut host = Host::up(2);
    let echo = Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 1, data: &[9; 40] });
    host.message(ROUTER, LINK_LOCAL, &echo);
    // It has to be asked for first.
    assert_eq!(host.sent()[0].icmpv6_type(), Icmpv6Type::NEIGHBOR_SOLICITATION.0);
}

proptest! {
    /// Whatever is asked for, and however long: the reply is the request with another type.
    #[test]
    fn any_echo_comes_back(data in proptest::collection::vec(any::<u8>(), 0..1452)) {
        let mut host = host();
        for headroom in HEADROOMS {
            let answers = ask(&mut host, &echo_request(ip(OWN), &data), headroom);
            let expected = Echo { identifier: 5, sequence: 6, data: &data };
            prop_assert_eq!(answers.len(), 1);
            prop_assert_eq!(answers[0].icmpv6(), Some(Icmpv6Message::EchoReply(expected)));
        }
    }
}
