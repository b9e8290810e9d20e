//! Path MTU Discovery: RFC 8201, in the order of the IPv6 Ready Core tests' section 4.

use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::icmpv6::kind;
use crate::frame::{PrefixInformation, RouterAdvertisement, packet};
use crate::lab::seconds;
use crate::pattern::{echo_reply, echo_request, fragment};
use crate::seen::Seen;
use crate::station::{ALL_NODES, TN1, TN2, TN4, TR1};
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case("4.1.1", "Confirm Ping", &["LNK-1", "PMT-1"], confirm),
    case("4.1.2", "Stored PMTU", &["PMT-2", "PMT-8"], stored),
    case("4.1.3", "Non-zero ICMPv6 Code", &["PMT-5"], nonzero_code),
    case("4.1.4", "Reduce PMTU On-link", &["PMT-9"], on_link),
    case("4.1.5", "Reduce PMTU Off-link", &["PMT-2"], off_link),
    case("4.1.6", "Receiving MTU Below IPv6 Minimum Link MTU", &["PMT-3", "FRG-14"], below_minimum),
    case("4.1.7", "Increase Estimate", &["PMT-4"], increase),
    case("4.1.8", "Router Advertisement with MTU Option", &["PMT-11", "RD-9"], advertised),
    case("4.1.10", "Multicast Destination", &["PMT-10"], multicast),
    case("PMT-6", "Quoting what was never sent", &["PMT-6"], never_sent),
    case("PMT-16", "Flood of Packet Too Big", &["PMT-16"], flood),
    case("4.1.9", "Checking For Increase in PMTU", &["PMT-7"], ageing),
];

/// An Echo Request of `size` octets in all from behind the router.
fn request(lab: &mut Lab, source: Ipv6Addr, size: usize) {
    let data = vec![0x5a; size - 48];
    lab.send(TR1, packet(source, lab.dut_global).echo_request(1, 1, &data));
}

/// What the device sends to `destination` as long as an answer may take: the sizes of its packets.
fn sizes(lab: &mut Lab, destination: Ipv6Addr) -> Vec<usize> {
    let seen = lab.collect(
        seconds(2),
        crate::pattern::anything()
            .and("carries the reply", |seen| {
                seen.icmpv6() == Some(129) || seen.fragment().is_some()
            })
            .to(destination),
    );
    seen.iter().map(|seen| seen.packet().len()).collect()
}

/// Tells the device that a packet of its was too big.
fn too_big(lab: &mut Lab, code: u8, mtu: u32, reply: &Seen) {
    let frame =
        packet(TR1.global, lab.dut_global).error(kind::PACKET_TOO_BIG, code, mtu, reply.packet());
    lab.send(TR1, frame);
}

/// A reply of 1500 octets, and the news that it was too big for `mtu`.
fn reduce(lab: &mut Lab, source: Ipv6Addr, mtu: u32) {
    request(lab, source, 1500);
    let reply = lab.expect(echo_reply().to(source));
    too_big(lab, 0, mtu, &reply);
}

#[track_caller]
fn fits(lab: &mut Lab, source: Ipv6Addr, mtu: usize) {
    request(lab, source, 1500);
    let sizes = sizes(lab, source);
    lab.check(sizes.len() > 1 && sizes.iter().all(|&size| size <= mtu), &format!("{sizes:?}"));
}

#[track_caller]
fn is_whole(lab: &mut Lab, source: Ipv6Addr) {
    request(lab, source, 1500);
    let sizes = sizes(lab, source);
    lab.check(sizes == [1500], &format!("{sizes:?}"));
}

fn confirm(lab: &mut Lab) {
    lab.start_with(TN1);
    for size in [64, 1280, 1500] {
        let data = vec![0x5a; size - 48];
        lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, &data));
        let reply = lab.expect(echo_reply().data(&data));
        lab.check(reply.packet().len() == size, "it is answered whole");
    }
}

fn stored(lab: &mut Lab) {
    lab.common_setup();
    reduce(lab, TN2.global, 1400);
    reduce(lab, TN4.global, 1280);
    fits(lab, TN2.global, 1400);
    fits(lab, TN4.global, 1280);
    request(lab, TN2.global, 1400);
    let sizes = sizes(lab, TN2.global);
    lab.check(sizes == [1400], "one estimate does not touch the other");
}

fn nonzero_code(lab: &mut Lab) {
    lab.common_setup();
    request(lab, TN2.global, 1500);
    let reply = lab.expect(echo_reply().to(TN2.global));
    too_big(lab, 0xff, 1280, &reply);
    fits(lab, TN2.global, 1280);
}

fn on_link(lab: &mut Lab) {
    lab.common_setup();
    lab.answer_for(TN1);
    for (source, destination) in [(TN1.link_local, lab.dut), (TN1.global, lab.dut_global)] {
        let data = vec![0x5a; 1452];
        lab.send(TN1, packet(source, destination).echo_request(1, 1, &data));
        let reply = lab.expect(echo_reply().to(source));
        let error = packet(TR1.link_local, destination).error(
            kind::PACKET_TOO_BIG,
            0,
            1280,
            reply.packet(),
        );
        lab.send(TR1, error);
        lab.send(TN1, packet(source, destination).echo_request(1, 1, &data));
        let sizes = sizes(lab, source);
        lab.check(sizes.len() > 1 && sizes.iter().all(|&size| size <= 1280), &format!("{sizes:?}"));
    }
}

fn off_link(lab: &mut Lab) {
    lab.common_setup();
    reduce(lab, TN2.global, 1400);
    request(lab, TN2.global, 1500);
    let first = lab.expect(fragment().to(TN2.global));
    lab.check(first.packet().len() <= 1400, "the estimate is 1400");
    too_big(lab, 0, 1280, &first);
    lab.forget();
    fits(lab, TN2.global, 1280);
}

fn below_minimum(lab: &mut Lab) {
    for mtu in [56, 1279] {
        lab.common_setup();
        request(lab, TN2.global, 1280);
        let reply = lab.expect(echo_reply().to(TN2.global));
        too_big(lab, 0, mtu, &reply);
        request(lab, TN2.global, 1280);
        let reply = lab.expect(echo_reply().to(TN2.global));
        lab.check(reply.packet().len() == 1280, "the estimate does not go below 1280");
        lab.check(reply.headers.is_empty(), "and there is no atomic fragment");
    }
}

fn increase(lab: &mut Lab) {
    lab.common_setup();
    reduce(lab, TN2.global, 1280);
    for mtu in [1500, 0x1fff_ffff] {
        request(lab, TN2.global, 1500);
        let first = lab.expect(fragment().to(TN2.global));
        too_big(lab, 0, mtu, &first);
        lab.forget();
        fits(lab, TN2.global, 1280);
    }
}

fn advertised(lab: &mut Lab) {
    lab.common_setup();
    let frame = packet(TR1.link_local, ALL_NODES)
        .router_advertisement(RouterAdvertisement::default())
        .source_link_layer(TR1.mac)
        .prefix(PrefixInformation::default())
        .mtu(1280);
    lab.send(TR1, frame);
    fits(lab, TN2.global, 1280);
    // Below the least, and above what Ethernet has: ignored.
    for mtu in [1279, 9000] {
        let frame = packet(TR1.link_local, ALL_NODES)
            .router_advertisement(RouterAdvertisement::default())
            .mtu(mtu);
        lab.send(TR1, frame);
        fits(lab, TN2.global, 1280);
    }
}

fn ageing(lab: &mut Lab) {
    lab.common_setup();
    reduce(lab, TN2.global, 1304);
    lab.wait(seconds(290));
    fits(lab, TN2.global, 1304);
    // RFC 8201, Section 4: after ten minutes, not before five, a larger one may be tried.
    lab.advertise(TR1, RouterAdvertisement::default(), Some(PrefixInformation::default()));
    lab.wait(seconds(400));
    is_whole(lab, TN2.global);
    lab.act(Action::Ping { destination: TN2.global, size: 1452 });
    lab.expect(echo_request().to(TN2.global));
}

/// Several routers report; the smallest counts for the group.
fn multicast(lab: &mut Lab) {
    lab.common_setup();
    let group = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x1234);
    for mtu in [1450, 1300, 1400] {
        lab.act(Action::Ping { destination: group, size: 1452 });
        let sent = lab.expect(crate::pattern::anything().to(group));
        too_big(lab, 0, mtu, &sent);
        lab.forget();
    }
    lab.act(Action::Ping { destination: group, size: 1452 });
    let pieces = lab.collect(seconds(1), fragment().to(group));
    let sizes: Vec<_> = pieces.iter().map(|piece| piece.packet().len()).collect();
    lab.check(sizes.len() > 1 && sizes.iter().all(|&size| size <= 1300), &format!("{sizes:?}"));
}

fn never_sent(lab: &mut Lab) {
    lab.common_setup();
    // The quoted packet says it comes from another node.
    let foreign = packet(TN1.global, TN2.global).echo_request(1, 1, &[0; 1452]).packet();
    let error = packet(TR1.global, lab.dut_global).error(kind::PACKET_TOO_BIG, 0, 1280, &foreign);
    lab.send(TR1, error);
    is_whole(lab, TN2.global);
}

fn flood(lab: &mut Lab) {
    lab.common_setup();
    reduce(lab, TN2.global, 1280);
    for host in 0..5000_u16 {
        let destination = Ipv6Addr::new(0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, host);
        let invented = packet(lab.dut_global, destination).echo_request(1, 1, &[0; 1452]).packet();
        let error =
            packet(TR1.global, lab.dut_global).error(kind::PACKET_TOO_BIG, 0, 1280, &invented);
        lab.send(TR1, error);
    }
    lab.forget();
    request(lab, TN4.global, 1500);
    lab.expect(crate::pattern::anything().to(TN4.global));
}
