//! A packet of every kind, from the file that `tests/userland-net.sh` also gives to tcpdump.

use alloc::string::String;
use alloc::vec::Vec;

use super::filter::view::View;
use super::link::{self, LinkType};
use super::pcap::{FILE_HEADER, FileHeader, PACKET_HEADER};
use super::style::{Context, Style};

const FILE: &[u8] = include_bytes!("../../../../tests/data/packets.pcap");

/// The packets: what was captured, and the length on the wire.
pub(super) fn packets() -> Vec<(&'static [u8], usize)> {
    let header = FileHeader::parse(FILE).unwrap();
    assert_eq!(header.link, LinkType::Ethernet);
    let mut rest = &FILE[FILE_HEADER..];
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let packet = header.packet(rest).unwrap();
        let (octets, after) = rest[PACKET_HEADER..].split_at(packet.captured);
        packets.push((octets, packet.length));
        rest = after;
    }
    packets
}

fn lines(style: Style) -> Vec<String> {
    let mut context = Context { style, ..Context::default() };
    let print = |(octets, length): (&[u8], usize)| {
        let mut line = String::new();
        link::print(&mut line, octets, length, LinkType::Ethernet, &mut context);
        line
    };
    packets().into_iter().map(print).collect()
}

/// As tcpdump 4.99.3 prints them.
#[test]
fn well_known_lines() {
    let plain = lines(Style::default());
    for line in [
        "IP6 fe80::5054:ff:fe12:3457 > ff02::2: ICMP6, router solicitation, length 16",
        "IP6 fe80::2 > ff02::1: ICMP6, router advertisement, length 88",
        "IP6 fe80::5054:ff:fe12:3457 > ff02::1:ff00:2: ICMP6, neighbor solicitation, \
         who has fec0::2, length 32",
        "IP6 fec0::2 > fec0::5054:ff:fe12:3457: ICMP6, destination unreachable, \
         unreachable port, fec0::2 udp port 9, length 61",
        "IP6 fec0::5054:ff:fe12:3457.40000 > fec0::2.80: Flags [S], seq 1000, win 65535, \
         options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0",
        "IP6 fec0::2.4040 > fec0::5054:ff:fe12:3457.40000: Flags [.], ack 5, win 512, \
         options [nop,nop,sack 2 {99:199}{299:399}], length 0",
        "IP6 fec0::5054:ff:fe12:3457 > fec0::2: frag (1448|5)",
        "IP6 fe80::5054:ff:fe12:3457 > ff02::16: HBH ICMP6, multicast listener report v2, \
         2 group record(s), length 48",
    ] {
        assert!(plain.iter().any(|found| found == line), "{line}");
    }
    let verbose = lines(Style { verbosity: 1, ..Style::default() });
    for line in [
        "IP6 (hlim 1, next-header Options (0) payload length: 56) fe80::5054:ff:fe12:3457 > \
         ff02::16: HBH (rtalert: 0x0000) (padn) [icmp6 sum ok] ICMP6, multicast listener report v2, \
         2 group record(s) [gaddr ff02::1:ff12:3457 to_ex, 0 source(s)] [gaddr ff02::2 to_ex, \
         0 source(s)]",
        "IP6 (hlim 255, next-header UDP (17) payload length: 13) \
         fec0::5054:ff:fe12:3457.4000 > fec0::2.9: [bad udp cksum 0x2a18 -> 0x2b18!] UDP, length 5",
        "IP6 (hlim 255, next-header ICMPv6 (58) payload length: 88) fe80::2 > ff02::1: \
         [icmp6 sum ok] ICMP6, router advertisement, length 88\
         \n\thop limit 64, Flags [none], pref medium, router lifetime 1800s, reachable time 0ms, \
         retrans timer 0ms\
         \n\t  destination link-address option (2), length 8 (1): 52:56:0a:00:02:02\
         \n\t  mtu option (5), length 8 (1):  1500\
         \n\t  prefix info option (3), length 32 (4): fec0::/64, Flags [onlink, auto], \
         valid time 86400s, pref. time 14400s\
         \n\t  rdnss option (25), length 24 (3):  lifetime 1800s, addr: fec0::3",
    ] {
        assert!(verbose.iter().any(|found| found == line), "{line}");
    }
}

/// Every packet cut off everywhere, and with every octet changed, in every style.
#[test]
fn nothing_panics() {
    let mut context = Context::default();
    let mut line = String::new();
    for (verbosity, link_header) in [(0, true), (2, false)] {
        context.style = Style { verbosity, link_header, ..Style::default() };
        for (octets, length) in packets() {
            let octets = octets.get(..120).unwrap_or(octets);
            for cut in 0..octets.len() {
                for length in [length, cut] {
                    line.clear();
                    let kept = &octets[..cut];
                    link::print(&mut line, kept, length, LinkType::Ethernet, &mut context);
                }
                let mut changed = Vec::from(octets);
                for value in [0, 0x3c, 0xff] {
                    changed[cut] = value;
                    line.clear();
                    link::print(&mut line, &changed, length, LinkType::Ethernet, &mut context);
                    let view = View::new(&changed, length, LinkType::Ethernet);
                    assert!(view.protocols.len() <= changed.len());
                }
            }
        }
    }
}
