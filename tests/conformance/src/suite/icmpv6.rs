//! ICMPv6: RFC 4443, in the order of the IPv6 Ready Core tests' section 5.

use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::icmpv6::kind;
use crate::frame::{Frame, next_header, packet};
use crate::lab::seconds;
use crate::pattern::{
    destination_unreachable, echo_reply, echo_request, error_message, parameter_problem,
};
use crate::station::{ALL_NODES, ALL_ROUTERS, TN1, TN2, TR1};
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case("5.1.1", "Transmitting Echo Requests", &["ICMP-17", "ICMP-16"], transmitting),
    case("5.1.2.A", "Replying to Echo Requests: link-local", &["ICMP-2", "ICMP-4"], link_local),
    case("5.1.2.B", "Replying to Echo Requests: global", &["ICMP-2"], global),
    case("5.1.2.C", "Replying to Echo Requests: all nodes", &["ICMP-3"], all_nodes),
    case("5.1.2.D", "Replying to Echo Requests: all routers", &["ICMP-3"], all_routers),
    case("5.1.2.E", "Replying to Echo Requests: unspecified and loopback", &["IP-5"], nobody),
    case(
        "5.1.3",
        "Destination Unreachable Message Generation",
        &["ICMP-10", "ICMP-7"],
        unreachable,
    ),
    case("5.1.6", "Erroneous Header Field", &["FRG-8"], erroneous_field),
    case("5.1.7", "Unrecognized Next Header", &["IP-11"], unrecognized_header),
    case("5.1.8", "Unknown Informational Message Type", &["ICMP-5", "ICMP-18"], unknown_type),
    case("5.1.9", "Error Condition With ICMPv6 Error Message", &["ICMP-8"], error_about_error),
    case("5.1.10", "Error Condition With Multicast Destination", &["ICMP-8"], to_multicast),
    case("5.1.11", "Error Condition With Unspecified Source", &["ICMP-8"], from_unspecified),
    case("5.1.12", "Error Condition With Multicast Source", &["ICMP-8"], from_multicast),
    case("ICMP-1", "Checksums are verified", &["ICMP-1"], checksum),
    case("ICMP-7", "An error quotes no more than fits", &["ICMP-7"], long_quote),
    case("ICMP-8", "Group at the link layer", &["ICMP-8"], link_layer_group),
    case("ICMP-9", "Errors are limited", &["ICMP-9"], limited),
    case("ICMP-19", "Extended errors", &["ICMP-19"], extended),
];

fn transmitting(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.act(Action::Ping { destination: TN1.link_local, size: 32 });
    let sent = echo_request().from(lab.dut).to(TN1.link_local).hop_limit(64);
    // What is in them is up to the program.
    lab.expect(sent.and("carries 32 octets", |seen| seen.echo_data().len() == 32));
}

fn link_local(lab: &mut Lab) {
    lab.start_with(TN1);
    for size in [0, 1, 56, 1400, 1452] {
        let data: Vec<u8> = (0..size).map(|index| index as u8).collect();
        lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(0x1234, 0xabcd, &data));
        let identified = echo_reply()
            .and("has identifier and sequence", |seen| seen.icmpv6_word() == Some(0x1234_abcd));
        lab.expect(identified.from(lab.dut).to(TN1.link_local).code(0).data(&data));
    }
}

fn global(lab: &mut Lab) {
    lab.common_setup();
    lab.answer_for(TN1);
    lab.ping(TN1, TN1.global, lab.dut_global);
    // From beyond the router, which is then the next hop of the reply.
    lab.send(TR1, packet(TN2.global, lab.dut_global).echo_request(1, 1, b"x"));
    lab.expect(echo_reply().from(lab.dut_global).to(TN2.global).to_mac(TR1.mac));
}

fn all_nodes(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, packet(TN1.link_local, ALL_NODES).echo_request(1, 1, b"x"));
    lab.expect(echo_reply().from(lab.dut).to(TN1.link_local));
}

fn all_routers(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, packet(TN1.link_local, ALL_ROUTERS).echo_request(1, 1, b"x"));
    lab.silence();
}

fn nobody(lab: &mut Lab) {
    lab.start_with(TN1);
    for destination in [Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST] {
        lab.send(TN1, packet(TN1.link_local, destination).echo_request(1, 1, b"x"));
        lab.silence();
    }
}

fn unreachable(lab: &mut Lab) {
    lab.common_setup();
    lab.answer_for(TN1);
    for (source, destination) in [(TN1.link_local, lab.dut), (TN1.global, lab.dut_global)] {
        let frame = packet(source, destination).udp(5000, 9001, b"nobody listens");
        let sent = frame.packet();
        lab.send(TN1, frame);
        lab.expect(destination_unreachable(4).from(destination).to(source).about(&sent));
    }
}

fn erroneous_field(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, packet(TN1.link_local, lab.dut).fragment(0, true, 1).echo_request(1, 1, b"odd"));
    lab.expect(parameter_problem(0, 4).from(lab.dut).to(TN1.link_local));
}

fn unrecognized_header(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, packet(TN1.link_local, lab.dut).upper(252, &[0; 8]));
    lab.expect(parameter_problem(1, 6).from(lab.dut).to(TN1.link_local));
}

fn unknown_type(lab: &mut Lab) {
    lab.start_with(TN1);
    // 139 is a Node Information Query (RFC 4620), which is not answered either.
    for kind in [254, 200, 139] {
        lab.send(TN1, packet(TN1.link_local, lab.dut).icmpv6(kind, 0, &[0; 16]));
        lab.silence();
    }
}

/// Errors about errors that are wrong themselves: behind an option that asks for one.
fn error_about_error(lab: &mut Lab) {
    lab.start_with(TN1);
    let invoking = packet(lab.dut, TN1.link_local).echo_request(1, 1, b"x").packet();
    let bad_option: &[u8] = &[0x87, 4, 0, 0, 0, 0];
    let errors = [
        (kind::DESTINATION_UNREACHABLE, 0),
        (kind::DESTINATION_UNREACHABLE, 3),
        (kind::TIME_EXCEEDED, 0),
        (kind::TIME_EXCEEDED, 1),
        (kind::PACKET_TOO_BIG, 0),
        (kind::PARAMETER_PROBLEM, 0),
        // Of a type that nobody knows.
        (100, 0),
    ];
    for (kind, code) in errors {
        let frame = packet(TN1.link_local, lab.dut)
            .destination_options(&[bad_option])
            .error(kind, code, 0, &invoking);
        lab.send(TN1, frame);
        lab.silence();
    }
}

/// Packets that ask for an error each: a closed port, an option, a routing type.
fn offenders(source: Ipv6Addr, destination: Ipv6Addr) -> [Frame; 3] {
    [
        packet(source, destination).udp(5000, 9001, b"nobody listens"),
        packet(source, destination)
            .destination_options(&[&[0xc7, 4, 0, 0, 0, 0]])
            .echo_request(1, 1, b"x"),
        packet(source, destination).routing(33, 1).echo_request(1, 1, b"x"),
    ]
}

fn to_multicast(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send_all(TN1, offenders(TN1.link_local, ALL_NODES));
    lab.silence();
    let first = packet(TN1.link_local, ALL_NODES).echo_request(1, 1, &[0; 100]).fragments(0, 80, 1);
    lab.send(TN1, &first[0]);
    lab.never(seconds(70), error_message());
}

fn from_unspecified(lab: &mut Lab) {
    never_about(lab, Ipv6Addr::UNSPECIFIED);
}

fn from_multicast(lab: &mut Lab) {
    never_about(lab, ALL_NODES);
}

fn never_about(lab: &mut Lab, source: Ipv6Addr) {
    lab.start_with(TN1);
    lab.send_all(TN1, offenders(source, lab.dut));
    lab.silence();
    let first = packet(source, lab.dut).echo_request(1, 1, &[0; 100]).fragments(0, 80, 1);
    lab.send(TN1, &first[0]);
    lab.never(seconds(70), error_message());
    lab.still_answers(TN1);
}

fn checksum(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x").wrong_checksum());
    lab.silence();
    lab.still_answers(TN1);
}

fn long_quote(lab: &mut Lab) {
    lab.start_with(TN1);
    let frame = packet(TN1.link_local, lab.dut).udp(5000, 9001, &[0x5a; 1452]);
    let sent = frame.packet();
    lab.send(TN1, frame);
    let error = lab.expect(destination_unreachable(4).about(&sent));
    lab.check(error.packet().len() == 1280, "it fills 1280 octets");
}

fn link_layer_group(lab: &mut Lab) {
    lab.start_with(TN1);
    let group = crate::station::Mac::of_group(ALL_NODES);
    for frame in offenders(TN1.link_local, lab.dut) {
        lab.send(TN1, frame.to_mac(group));
    }
    lab.silence();
}

fn limited(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.still_answers(TN1);
    let frame = packet(TN1.link_local, lab.dut).udp(5000, 9001, b"nobody listens");
    for _ in 0..1000 {
        lab.send(TN1, &frame);
    }
    let errors = lab.collect(seconds(1), error_message());
    lab.check(!errors.is_empty(), "the first ones are answered");
    lab.check(errors.len() < 200, "a thousand in an instant are not");
    lab.wait(seconds(5));
    lab.forget();
    lab.send(TN1, frame);
    lab.expect(error_message());
}

fn extended(lab: &mut Lab) {
    lab.start_with(TN1);
    let invoking = packet(lab.dut, TN1.link_local).echo_request(1, 1, &[0; 128]).packet();
    // RFC 4884: the length attribute and an extension structure, both senseless.
    for length in [0x01_u32, 0x7f, 0xff] {
        let frame =
            packet(TN1.link_local, lab.dut).error(kind::TIME_EXCEEDED, 0, length << 24, &invoking);
        lab.send(TN1, frame);
        let bare = packet(TN1.link_local, lab.dut).icmpv6(kind::TIME_EXCEEDED, 0, &[0xff, 0, 0, 0]);
        lab.send(TN1, bare);
    }
    lab.silence();
    lab.send(TN1, packet(TN1.link_local, lab.dut).upper(next_header::ICMPV6, &[]));
    lab.silence();
    lab.still_answers(TN1);
}
