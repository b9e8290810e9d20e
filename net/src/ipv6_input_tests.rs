//! Packets in, answers and counters out: the header, the extension headers, echo and errors.

use crate::address::AddressExt;
use crate::counters::DropReason;
use crate::netif::MacAddress;
use crate::test_host::{
    Host, LINK_LOCAL, MAC, Peer, Seen, USB0, address_at_once, icmpv6_packet, ip, ipv6_packet,
};
use crate::time::Duration;
use crate::wire::checksum::Checksum;
use crate::wire::ethernet::multicast_mac;
use crate::wire::icmpv6::{Echo, Icmpv6Message, Icmpv6Type, ParameterProblemCode, fill_checksum};
use crate::wire::ipv6::{HopLimit, NextHeader};
use crate::wire::udp::UdpHeader;
use core::net::Ipv6Addr;

const PEER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 9]),
    address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9),
};

/// A host that knows the peer's link-layer address.
fn host() -> Host {
    let mut host = Host::up(1);
    host.stack.set_neighbor(USB0, PEER.address, PEER.mac, true, true, host.now).unwrap();
    // Nothing may disturb the traces.
    host.run(Duration::from_secs(1));
    host
}

const ECHO: Echo<'_> = Echo { identifier: 0x1234, sequence: 5, data: b"odd" };

fn request(source: &str, destination: &str) -> Vec<u8> {
    icmpv6_packet(ip(source), ip(destination), &Icmpv6Message::EchoRequest(ECHO))
}

/// An echo request behind `headers`, the first of which has type `first`.
fn behind(first: u8, headers: &[u8]) -> Vec<u8> {
    behind_to(first, headers, LINK_LOCAL)
}

fn behind_to(first: u8, headers: &[u8], destination: &str) -> Vec<u8> {
    let echo = request("fe80::9", destination);
    let mut payload = headers.to_vec();
    payload.extend(&echo[40..]);
    ipv6_packet(PEER.address, ip(destination), NextHeader(first), &payload)
}

fn is_reply(seen: &[Seen]) -> bool {
    seen.len() == 1
        && seen[0].icmpv6() == Some(Icmpv6Message::EchoReply(ECHO))
        && seen[0].header.next_header == NextHeader::ICMPV6
}

/// QOS-7: the host still answers a good packet.
fn assert_alive(host: &mut Host) {
    host.packet(PEER, &request("fe80::9", LINK_LOCAL));
    assert!(is_reply(&host.sent()));
}

/// What this host knows and is, apart from its counters.
fn state(host: &Host) -> String {
    let neighbors: Vec<_> =
        host.stack.neighbors().map(|it| (it.address, it.mac, it.state, it.is_router)).collect();
    let interface = host.stack.interface(USB0).unwrap();
    let (addresses, groups): (Vec<_>, Vec<_>) =
        (interface.addresses().collect(), interface.groups().collect());
    let routes: Vec<_> = host.stack.routes().collect();
    format!("{neighbors:?} {addresses:?} {groups:?} {routes:?} {:?}", interface.variables())
}

/// QOS-7: no answer, no change, one more of its reason, and a good packet is still answered.
fn assert_silent(host: &mut Host, packet: &[u8], reason: DropReason) {
    let (before, all) = (host.drops(reason), host.all_drops());
    let was = state(host);
    host.packet(PEER, packet);
    assert_eq!(state(host), was, "{reason}");
    assert_eq!(host.drops(reason), before + 1, "{reason}");
    assert_eq!(host.all_drops(), all + 1, "{reason}: counted once");
    assert_eq!(host.sent(), [], "{reason}");
    assert_alive(host);
}

/// A Parameter Problem about exactly this packet comes back.
fn assert_problem(host: &mut Host, packet: &[u8], code: ParameterProblemCode, pointer: u32) {
    host.packet(PEER, packet);
    let sent = host.sent();
    assert_eq!(sent.len(), 1, "{code:?} {pointer}");
    let expected = Icmpv6Message::ParameterProblem { code, pointer, invoking: packet };
    assert_eq!(sent[0].icmpv6(), Some(expected));
    assert_eq!((sent[0].header.destination, sent[0].mac), (PEER.address, PEER.mac));
    assert_alive(host);
}

/// ICMP-2 to -4, IP-2, IP-7, IP-9, IP-13, ICMP-16, IP-8.
#[test]
fn echo() {
    let mut host = host();
    for len in 0..64 {
        let data = vec![7; len];
        let echo = Echo { data: &data, ..ECHO };
        host.message(PEER, LINK_LOCAL, &Icmpv6Message::EchoRequest(echo));
        let sent = host.sent();
        assert_eq!(sent[0].icmpv6(), Some(Icmpv6Message::EchoReply(echo)));
        assert_eq!(sent[0].header.source, ip(LINK_LOCAL));
        assert_eq!(sent[0].header.hop_limit, HopLimit::DEFAULT);
    }
    // LNK-1: the longest.
    let data = vec![7; 1452];
    let echo = Echo { data: &data, ..ECHO };
    host.message(PEER, LINK_LOCAL, &Icmpv6Message::EchoRequest(echo));
    assert_eq!(host.sent()[0].packet.len(), 1500);
    // Traffic class, flow label and hop limit 0 do not matter.
    let mut packet = request("fe80::9", LINK_LOCAL);
    packet[..4].copy_from_slice(&[0x62, 0x03, 0x45, 0x67]);
    packet[7] = 0;
    host.packet(PEER, &packet);
    assert!(is_reply(&host.sent()));
    // All nodes are answered from a unicast address; routers' groups are not ours.
    host.packet(PEER, &request("fe80::9", "ff02::1"));
    let sent = host.sent();
    assert!(is_reply(&sent));
    assert_eq!(sent[0].header.source, ip(LINK_LOCAL));
    assert_silent(&mut host, &request("fe80::9", "ff02::2"), DropReason::Ipv6NotMember);
}

/// IP-1, IP-3 to IP-6, ADR-7, ADR-8, LNK-5 to LNK-7, IP-10, IP-14.
/// Rows: QOS-7
#[test]
fn headers_that_are_dropped() {
    let mut host = host();
    for version in (0..16).filter(|&version| version != 6) {
        let mut packet = request("fe80::9", LINK_LOCAL);
        packet[0] = version << 4;
        let drops = host.drops(DropReason::Ipv6BadVersion);
        host.frame(MAC, PEER.mac, &packet);
        assert_eq!(host.drops(DropReason::Ipv6BadVersion), drops + 1);
        assert_eq!(host.sent(), []);
    }
    for (source, destination, reason) in [
        ("ff02::1", LINK_LOCAL, DropReason::Ipv6SourceMulticast),
        ("::", LINK_LOCAL, DropReason::Icmpv6EchoSource),
        ("::1", LINK_LOCAL, DropReason::Ipv6Loopback),
        ("fe80::9", "::1", DropReason::Ipv6Loopback),
        ("fe80::9", "::", DropReason::Ipv6DestinationUnspecified),
        ("fe80::9", "2001:db8::99", DropReason::Ipv6NotForUs),
        ("::ffff:192.0.2.1", LINK_LOCAL, DropReason::Ipv6Mapped),
        ("fe80::9", "ff00::1", DropReason::Ipv6MulticastScope),
        ("fe80::9", "ff01::1", DropReason::Ipv6MulticastScope),
        ("fe80::9", "ff0f::1", DropReason::Ipv6NotMember),
    ] {
        assert_silent(&mut host, &request(source, destination), reason);
    }
    // Padding is cut off, and a packet shorter than it says is dropped.
    let mut padded = request("fe80::9", LINK_LOCAL);
    padded.resize(60, 0xee);
    host.packet(PEER, &padded);
    assert!(is_reply(&host.sent()));
    let packet = request("fe80::9", LINK_LOCAL);
    assert_silent(&mut host, &packet[..packet.len() - 1], DropReason::Ipv6Truncated);
    let mut bad = packet.clone();
    bad[42] ^= 1;
    assert_silent(&mut host, &bad, DropReason::Icmpv6Checksum);
    assert_silent(&mut host, &behind(59, &[]), DropReason::Ipv6NoNextHeader);
    // Other stations' frames.
    let drops = host.drops(DropReason::FrameForeignDestination);
    host.frame(MacAddress([2, 0, 0, 0, 0, 77]), PEER.mac, &packet);
    assert_eq!(host.drops(DropReason::FrameForeignDestination), drops + 1);
    assert_eq!(host.sent(), []);
    // LNK-4: an IPv6 group in a unicast frame.
    host.frame(MAC, PEER.mac, &request("fe80::9", "ff02::1"));
    assert!(is_reply(&host.sent()));
    let snmp = host.stack.node_counters().ipv6;
    assert_eq!(snmp.in_truncated_packets, 1);
    assert_eq!(snmp.in_header_errors, 15);
}

/// IP-18, ADR-5: an address of another interface is not for packets from this one.
#[test]
fn strong_host() {
    let mut host = host();
    let eth1 = host
        .stack
        .add_interface(&crate::interface::InterfaceConfig {
            name: "usb1",
            kind: crate::interface::InterfaceKind::Ethernet {
                mac: MacAddress([2, 0, 0, 0, 0, 0x55]),
            },
            mtu: 1500,
        })
        .unwrap();
    host.stack.set_admin_up(eth1, true, host.now).unwrap();
    let address = address_at_once(ip("2001:db8::55"));
    host.stack.add_address(eth1, &address, false, host.now).unwrap();
    let packet = request("fe80::9", "2001:db8::55");
    assert_silent(&mut host, &packet, DropReason::Ipv6OtherInterface);
}

/// IP-11, EH-2.
#[test]
fn unknown_next_headers() {
    let mut host = host();
    let code = ParameterProblemCode::UnrecognizedNextHeader;
    for next_header in (143..=252).chain([50, 51, 0xff]) {
        // Faster than the rate limit would make this another test.
        host.run(Duration::from_millis(20));
        assert_problem(&mut host, &behind(next_header, &[]), code, 6);
        host.run(Duration::from_millis(20));
        let options = [next_header, 0, 1, 4, 0, 0, 0, 0];
        assert_problem(&mut host, &behind(60, &options), code, 40);
    }
    // Hop-by-hop options anywhere but in front.
    let options = [0, 0, 1, 4, 0, 0, 0, 0, 58, 0, 1, 4, 0, 0, 0, 0];
    assert_problem(&mut host, &behind(60, &options), code, 40);
    assert_problem(&mut host, &behind(0, &options), code, 40);
}

/// EH-1, EH-3 to EH-8, EH-10, EH-14, FRG-13: what passes.
#[test]
fn extension_headers_that_pass() {
    let mut host = host();
    let pad = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    let pad1 = |next: u8| [next, 0, 0, 0, 0, 0, 0, 0];
    let skip = |next: u8| [next, 0, 0x3e, 4, 1, 2, 3, 4];
    let routing = |next: u8| [next, 0, 33, 0, 0, 0, 0, 0];
    let atomic = |next: u8| [next, 0, 0, 0, 0, 0, 0, 9];
    for (first, headers) in [
        (60, pad(58).to_vec()),
        (60, pad1(58).to_vec()),
        (60, skip(58).to_vec()),
        (0, pad(58).to_vec()),
        (0, pad1(58).to_vec()),
        (0, skip(58).to_vec()),
        (0, [0x3a, 0, 5, 2, 0, 0, 1, 0].to_vec()),
        (43, routing(58).to_vec()),
        (44, atomic(58).to_vec()),
        (0, [pad(60), pad(43), routing(60), pad(58)].concat()),
        (60, [pad(44), atomic(60), pad(60), skip(58)].concat()),
    ] {
        host.packet(PEER, &behind(first, &headers));
        assert!(is_reply(&host.sent()), "{first} {headers:?}");
    }
}

/// EH-4 to EH-7: the four actions, in both headers, to us and to a group.
/// Rows: EH-13, QOS-7
#[test]
fn unknown_options() {
    let mut host = host();
    let code = ParameterProblemCode::UnrecognizedOption;
    for first in [0, 60] {
        let options = |kind: u8| [58, 0, kind, 4, 1, 2, 3, 4];
        assert_silent(&mut host, &behind(first, &options(0x5e)), DropReason::OptionUnknown);
        assert_problem(&mut host, &behind(first, &options(0x9e)), code, 42);
        assert_problem(&mut host, &behind(first, &options(0xde)), code, 42);
        let to_group = |kind| behind_to(first, &options(kind), "ff02::1");
        assert_silent(&mut host, &to_group(0x5e), DropReason::OptionUnknown);
        assert_problem(&mut host, &to_group(0x9e), code, 42);
        assert_silent(&mut host, &to_group(0xde), DropReason::OptionUnknown);
        // The first one that discards decides.
        let two = [58, 1, 0x1e, 0, 0x9e, 0, 0x5e, 0, 1, 6, 0, 0, 0, 0, 0, 0];
        assert_problem(&mut host, &behind(first, &two), code, 44);
        let two = [58, 1, 0x1e, 0, 0x5e, 0, 0x9e, 0, 1, 6, 0, 0, 0, 0, 0, 0];
        assert_silent(&mut host, &behind(first, &two), DropReason::OptionUnknown);
    }
    // EH-13: more than eight to be skipped.
    let mut many = vec![58, 2];
    many.extend([0x1e, 0].repeat(9));
    many.extend([1, 2, 0, 0]);
    assert_silent(&mut host, &behind(60, &many), DropReason::OptionTooMany);
}

/// EH-9, EH-11, EH-12, EH-17.
/// Rows: QOS-7
#[test]
fn extension_headers_that_do_not_pass() {
    let mut host = host();
    let erroneous = ParameterProblemCode::ErroneousField;
    for routing_type in [33, 0, 2, 3, 4] {
        let header = [58, 0, routing_type, 1, 0, 0, 0, 0];
        assert_problem(&mut host, &behind(43, &header), erroneous, 42);
    }
    // An option that runs past its header; a header that runs past the packet.
    let past = [58, 0, 1, 5, 0, 0, 0, 0];
    assert_problem(&mut host, &behind(60, &past), erroneous, 41);
    let long = [58, 200, 1, 4, 0, 0, 0, 0];
    assert_silent(&mut host, &behind(60, &long), DropReason::ExtensionMalformed);
    let chain: Vec<u8> = [60, 0, 1, 4, 0, 0, 0, 0].repeat(20);
    assert_silent(&mut host, &behind(60, &chain), DropReason::ExtensionTooMany);
}

/// Rows: ICMP-5, ICMP-18, QOS-7
#[test]
fn unknown_messages() {
    let mut host = host();
    for (kind, reason) in [
        (254, DropReason::Icmpv6UnknownType),
        (139, DropReason::Icmpv6UnknownType),
        (100, DropReason::Icmpv6ErrorUnmatched),
    ] {
        let message = Icmpv6Message::Unknown { kind: Icmpv6Type(kind), code: 0, body: &[0; 8] };
        let packet = icmpv6_packet(PEER.address, ip(LINK_LOCAL), &message);
        assert_silent(&mut host, &packet, reason);
    }
}

fn datagram(source: &str, destination: &str, len: usize) -> Vec<u8> {
    let payload = vec![1; len];
    let mut sum = Checksum::new();
    sum.add(&payload);
    let header = UdpHeader::new((ip(source), 1000), (ip(destination), 9), len, sum).unwrap();
    let mut segment = vec![0; UdpHeader::LEN];
    header.emit(&mut segment);
    segment.extend(payload);
    ipv6_packet(ip(source), ip(destination), NextHeader::UDP, &segment)
}

/// ICMP-7, ICMP-10: a closed port is told, with as much of the packet as 1280 octets hold.
/// Rows: UDP-5
#[test]
fn closed_ports() {
    let mut host = host();
    for (len, expected) in [(0, 40 + 8 + 48), (100, 40 + 8 + 148), (1400, 1280)] {
        let packet = datagram("fe80::9", LINK_LOCAL, len);
        host.packet(PEER, &packet);
        let sent = host.sent();
        assert_eq!((sent.len(), sent[0].packet.len()), (1, expected));
        let Some(Icmpv6Message::DestinationUnreachable { code, invoking }) = sent[0].icmpv6()
        else {
            panic!("no error");
        };
        assert_eq!(u8::from(code), 4);
        assert_eq!(invoking, &packet[..expected - 48]);
    }
    assert_eq!(host.stack.node_counters().udp.no_ports, 3);
}

/// Rows: ICMP-12
#[test]
fn unreachable_need_not_be_told() {
    let mut host = host();
    let mut config = host.stack.config().clone();
    config.icmpv6.destination_unreachable = false;
    host.stack.configure(config);
    host.packet(PEER, &datagram("fe80::9", LINK_LOCAL, 9));
    assert_eq!(host.sent(), []);
    // Other errors are sent all the same.
    let option = [58, 0, 0x9e, 4, 1, 2, 3, 4];
    assert_problem(&mut host, &behind(60, &option), ParameterProblemCode::UnrecognizedOption, 42);
}

/// ICMP-8: what is never answered with an error.
/// Rows: QOS-7
#[test]
fn errors_that_are_not_sent() {
    let mut host = host();
    assert_silent(&mut host, &datagram("fe80::9", "ff02::1", 5), DropReason::UdpNoPort);
    // In a link-layer multicast.
    let packet = datagram("fe80::9", LINK_LOCAL, 5);
    host.frame(multicast_mac(ip("ff02::1")), PEER.mac, &packet);
    assert_eq!(host.sent(), []);
    // From nobody in particular.
    assert_silent(&mut host, &datagram("::", LINK_LOCAL, 5), DropReason::Ipv6SourceUnspecified);
    assert_silent(&mut host, &datagram("ff02::9", LINK_LOCAL, 5), DropReason::Ipv6SourceMulticast);
    // In answer to errors, even flawed ones: an unknown option in front of each kind.
    for kind in [1, 2, 3, 4, 127, 137] {
        let mut message = vec![kind, 9, 0, 0, 0, 0, 0, 0];
        fill_checksum(PEER.address, ip(LINK_LOCAL), &mut message);
        let mut payload = vec![58, 0, 0x9e, 4, 1, 2, 3, 4];
        payload.extend(message);
        let packet = ipv6_packet(PEER.address, ip(LINK_LOCAL), NextHeader(60), &payload);
        assert_silent(&mut host, &packet, DropReason::OptionUnknown);
    }
}

/// ICMP-9: a burst is answered, then there is a rate.
#[test]
fn errors_are_limited() {
    let mut host = host();
    let packet = datagram("fe80::9", LINK_LOCAL, 5);
    let mut answered = 0;
    for _ in 0..1000 {
        host.packet(PEER, &packet);
        answered += host.sent().len();
    }
    assert_eq!(answered, 50);
    assert_eq!(host.drops(DropReason::ErrorRateLimited), 950);
    assert_eq!(host.stack.node_counters().icmpv6.out_rate_limit_host, 950);
    host.run(Duration::from_millis(100));
    for _ in 0..1000 {
        host.packet(PEER, &packet);
        answered += host.sent().len();
    }
    assert_eq!(answered, 60);
}

/// RFC 4291, Section 2.8, ADR-1, ADR-3: groups of addresses come and go with their last user.
#[test]
fn solicited_node_groups() {
    let mut host = host();
    let groups = |host: &Host| {
        let mut groups: Vec<_> = host.stack.interface(USB0).unwrap().groups().collect();
        groups.sort_unstable();
        groups
    };
    let base = [(ip("ff01::1"), 1), (ip("ff02::1"), 1), (ip("ff02::1:ff12:3457"), 1)];
    assert_eq!(groups(&host), base);
    for prefix in ["2001:db8::", "2001:db8:1::"] {
        let address = crate::manage::NewAddress {
            address: Ipv6Addr::from_bits(ip(prefix).to_bits() | ip("::1:3457").to_bits()),
            prefix_length: 64,
            preferred_lifetime: u32::MAX,
            valid_lifetime: u32::MAX,
            no_duplicate_detection: false,
            no_prefix_route: false,
        };
        host.stack.add_address(USB0, &address, false, host.now).unwrap();
    }
    let group = ip("2001:db8::1:3457").solicited_node();
    assert!(groups(&host).contains(&(group, 2)));
    host.stack.remove_address(USB0, ip("2001:db8::1:3457"), None, host.now).unwrap();
    assert!(groups(&host).contains(&(group, 1)));
    host.stack.remove_address(USB0, ip("2001:db8:1::1:3457"), None, host.now).unwrap();
    assert_eq!(groups(&host), base);
}
