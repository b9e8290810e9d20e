use alloc::string::String;
use alloc::vec::Vec;

use super::parse;
use crate::tcpdump::filter::view::View;
use crate::tcpdump::link::LinkType;

fn view(from: &str, to: &str, ports: Option<(u8, u16, u16)>, protocols: &[u8]) -> View<'static> {
    View {
        length: 100,
        ethernet: Some(([2, 0, 0, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 1])),
        vlan: None,
        kind: Some(0x86dd),
        source: from.parse().ok(),
        destination: to.parse().ok(),
        protocols: protocols.into(),
        transport: ports.map(|(transport, ..)| transport),
        source_port: ports.map(|(_, port, _)| port),
        destination_port: ports.map(|(.., port)| port),
        ..View::default()
    }
}

#[test]
fn matching() {
    let packet = view("fe80::1", "2001:db8::2", Some((6, 40000, 80)), &[6]);
    for (text, expected) in [
        ("", true),
        ("tcp", true),
        ("udp", false),
        ("ip6", true),
        ("ip6 proto 6", true),
        ("host fe80::1", true),
        ("fe80::1", true),
        ("src fe80::1", true),
        ("dst host fe80::1", false),
        ("src or dst fe80::1", true),
        ("src and dst fe80::1", false),
        ("ip6 host 2001:db8::2", true),
        ("net 2001:db8::/32", true),
        ("src net 2001:db8::/32", false),
        ("port 80", true),
        ("tcp dst port 80", true),
        ("udp port 80", false),
        ("src port 80", false),
        ("port 443 or 80", true),
        ("port 443 or 22", false),
        ("portrange 70-90", true),
        ("tcp src portrange 1-1024", false),
        ("not port 80", false),
        ("! port 22", true),
        ("not not tcp", true),
        ("tcp and (port 22 or port 80)", true),
        ("(udp) or(icmp6)", false),
        // Equal rank, from left to right.
        ("tcp or tcp and udp", false),
        ("ether host 02:00:00:00:00:01", true),
        ("ether dst 33:33:0:0:0:1", true),
        ("ether src 33:33:0:0:0:1", false),
        ("ether proto 0x86dd", true),
        ("ether proto \\ip6", true),
        ("multicast", true),
        ("ip6 multicast", false),
        ("vlan", false),
        ("greater 100 and less 100", true),
        ("greater 101", false),
        ("arp or ip", false),
    ] {
        let found = parse(text).unwrap().is_none_or(|expression| expression.matches(&packet));
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn refusals() {
    for text in [
        "and",
        "host",
        "host and",
        "tcp and",
        "(tcp",
        "tcp)",
        "port 65536",
        "port x",
        "portrange 1-x",
        "icmp6 port 1",
        "ether port 1",
        "ether",
        "ether host 1:2",
        "net 2001:db8::1/32",
        "net fe80::/129",
        "tcp fe80::1",
        "tcp host fe80::1",
        "vlan 4096",
        "host no.such.host",
        "greater x",
        "proto 256",
        "tcp tcp",
        "port 0x+1",
        "tcp[",
        "tcp[13",
        "tcp[13]",
        "tcp[13] & 2",
        "tcp[13] =",
        "tcp[13] & = 2",
        "tcp[13] & (2 != 0",
        "tcp[x] = 0",
        "tcp[70000] = 0",
        "tcp[0:3] = 0",
        "tcp[0:4] = 0x100000000",
        "tcp[0] = foo",
        "tcp[0] ! 1",
        "host[0] = 1",
        "[0] = 1",
        "= 1",
    ] {
        assert!(parse(text).is_err(), "{text}: {:?}", parse(text));
    }
    let deep: String = core::iter::repeat_n('(', 10_000).collect();
    assert!(parse(&deep).is_err());
    let deep: String = core::iter::repeat_n("not ", 10_000).collect();
    assert!(parse(&deep).is_err());
}

#[test]
fn views() {
    // Hop-by-Hop Options before ICMPv6; the rest of a fragmented datagram.
    let mut packet = Vec::from([0x60, 0, 0, 0, 0, 16, 0, 1]);
    packet.extend([0; 32]);
    packet.extend([58, 0, 5, 2, 0, 0, 1, 0]);
    let view = View::new(&packet, 56, LinkType::Raw);
    assert_eq!(view.protocols, [0, 58]);
    packet[6] = 44;
    packet[40..44].copy_from_slice(&[17, 0, 0, 8]);
    let view = View::new(&packet, 56, LinkType::Raw);
    assert_eq!((view.protocols.as_slice(), view.transport), (&[44, 17][..], None));
    packet[40..44].copy_from_slice(&[17, 0, 0, 1]);
    packet.extend([0, 7, 0, 9]);
    let view = View::new(&packet, 56, LinkType::Raw);
    assert_eq!(view.transport, Some(17));
    assert_eq!((view.source_port, view.destination_port), (Some(7), Some(9)));
    // However short it is.
    for length in 0..packet.len() {
        for link in [LinkType::Raw, LinkType::Ethernet, LinkType::Cooked] {
            assert!(View::new(&packet[..length], 56, link).protocols.len() < 3);
        }
    }
}

/// Octets of headers, behind an extension header too.
#[test]
fn fields() {
    let mut packet = Vec::from([0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x86, 0xdd]);
    packet.extend([0x60, 0, 0, 0, 0, 28, 0, 1]);
    packet.extend([0; 32]);
    packet.extend([6, 0, 5, 2, 0, 0, 1, 0]);
    packet.extend([0x9c, 0x40, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 0x12, 0xff, 0xff, 0, 0, 0, 0]);
    let view = View::new(&packet, packet.len(), LinkType::Ethernet);
    for (text, expected) in [
        ("ip6[6] == 0", true),
        ("ip6[6]=0", true),
        ("ip6 [7] < 2", true),
        ("ip6[4:2] = 28", true),
        ("ip6[40] != 6", false),
        ("ether[0] & 1 != 0", true),
        ("ether[12:2] = 0x86dd and tcp", true),
        ("tcp[13] = 0x12", true),
        ("tcp[tcpflags] & tcp-syn != 0", true),
        ("tcp[tcpflags]&(tcp-syn|tcp-ack)==(tcp-syn|tcp-ack)", true),
        ("tcp[tcpflags] & (tcp-fin | tcp-rst) != 0", false),
        ("not tcp[tcpflags] & tcp-fin != 0", true),
        ("tcp[4:4] >= 0x01020304 && tcp[4:4] <= 0x01020304", true),
        ("tcp[ 2 : 2 ] > 80", false),
        ("tcp[2:2] > 79 and port 80", true),
        // What is not there does not match, nor differ.
        ("tcp[20] != 1", false),
        ("udp[0] != 1", false),
        ("icmp6[icmp6type] = icmp6-echo", false),
    ] {
        let found = parse(text).unwrap().is_none_or(|expression| expression.matches(&view));
        assert_eq!(found, expected, "{text}");
    }
    let raw = View::new(packet.get(14..).unwrap(), packet.len() - 14, LinkType::Raw);
    for (text, expected) in [("ether[0] = 0x33", false), ("tcp[13] = 18", true)] {
        assert_eq!(parse(text).unwrap().unwrap().matches(&raw), expected, "{text}");
    }
}
