//! The fields of the IPv6 header (RFC 8200, Section 3).

use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::{RouterAdvertisement, next_header, packet};
use crate::lab::seconds;
use crate::pattern::{
    duplicate_address_probe, echo_reply, listener_report, multicast_solicitation,
    parameter_problem, router_solicitation, udp,
};
use crate::station::{ALL_NODES, Mac, TN1, TN2, TN3, TR1, solicited_node};
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case("1.1.1", "Version Field", &["IP-1"], version),
    case("1.1.2", "Traffic Class Non-Zero", &["IP-2"], traffic_class),
    case("1.1.4", "Flow Label Non-Zero", &["IP-13"], flow_label),
    case("1.1.5", "Payload Length", &["IP-9"], payload_length),
    case("1.1.6", "No Next Header after IPv6 Header", &["IP-10"], no_next_header),
    case("1.1.7.A", "Unrecognized Next Header", &["IP-11"], unrecognized_next_header),
    case("1.1.7.B", "Unexpected Next Header", &["IP-11"], unexpected_next_header),
    case("1.1.8", "Hop Limit Zero", &["IP-7"], hop_limit_zero),
    case("IP-3", "Multicast source", &["IP-3"], multicast_source),
    case("IP-4", "Unspecified source", &["IP-4"], unspecified_source),
    case("IP-5", "Loopback address on the link", &["IP-5"], loopback),
    case("IP-6", "Packet for another node", &["IP-6"], foreign_destination),
    case("IP-8", "Default hop limit", &["IP-8"], default_hop_limit),
    case("IP-12", "Flow labels of the device", &["IP-12"], own_flow_labels),
    case("IP-14", "Jumbo payload", &["IP-14"], jumbo_payload),
    case("LNK-1", "EtherType and default MTU", &["LNK-1"], full_size_frame),
    case("LNK-2", "Station of a multicast address", &["LNK-2", "LNK-3"], multicast_station),
    case("LNK-4", "Multicast packet in a unicast frame", &["LNK-4"], multicast_in_unicast),
    case("LNK-5", "Padding of a frame", &["LNK-5"], padding),
    case("LNK-6", "Frame shorter than its packet", &["LNK-6"], short_frame),
    case("LNK-7", "Frame for another station", &["LNK-7"], foreign_station),
    case("LNK-8", "Group as a neighbor's station", &["LNK-8"], group_as_station),
    case("LNK-10", "Link down and up", &["LNK-10"], link_toggled),
    case("ADR-7", "IPv4-mapped addresses", &["ADR-7"], v4_mapped),
    case("ADR-8", "Reserved multicast scopes", &["ADR-8"], reserved_scopes),
];

fn version(lab: &mut Lab) {
    lab.start_with(TN1);
    for version in [0, 4, 5, 7, 15] {
        lab.send(TN1, packet(TN1.link_local, lab.dut).version(version).echo_request(1, 1, b"x"));
        lab.silence();
    }
    lab.still_answers(TN1);
}

fn traffic_class(lab: &mut Lab) {
    lab.start_with(TN1);
    let request = packet(TN1.link_local, lab.dut).traffic_class(32).echo_request(1, 1, b"x");
    lab.send(TN1, request);
    lab.expect(echo_reply().and("has traffic class 0", |seen| seen.traffic_class == 0));
}

fn flow_label(lab: &mut Lab) {
    lab.start_with(TN1);
    let request = packet(TN1.link_local, lab.dut).flow_label(0x34567).echo_request(1, 1, b"x");
    lab.send(TN1, request);
    lab.expect(echo_reply().data(b"x"));
}

fn payload_length(lab: &mut Lab) {
    lab.start_with(TN1);
    for length in [0x33, 0x32] {
        let data = vec![0xc3; length - 8];
        lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, &data));
        lab.expect(echo_reply().data(&data));
    }
}

fn no_next_header(lab: &mut Lab) {
    lab.start_with(TN1);
    let request = packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x");
    lab.send(TN1, request.next_header(next_header::NONE));
    lab.silence();
    lab.still_answers(TN1);
}

fn unrecognized_next_header(lab: &mut Lab) {
    lab.start_with(TN1);
    for number in 143..=252 {
        let frame = packet(TN1.link_local, lab.dut).upper(number, &[0; 8]);
        let sent = frame.packet();
        lab.send(TN1, frame);
        // The Next Header field of the IPv6 header is its seventh octet.
        lab.expect(parameter_problem(1, 6).to(TN1.link_local).about(&sent));
        lab.ping(TN1, TN1.link_local, lab.dut);
        // The limit of errors fills up again.
        lab.wait(crate::lab::seconds(1));
    }
}

fn unexpected_next_header(lab: &mut Lab) {
    lab.start_with(TN1);
    // A Hop-by-Hop Options header may be but the first one.
    let frame = packet(TN1.link_local, lab.dut)
        .hop_by_hop(&[])
        .extension(next_header::HOP_BY_HOP, &[0, 0, 1, 4, 0, 0, 0, 0])
        .echo_request(1, 1, b"x");
    lab.send(TN1, frame);
    lab.expect(parameter_problem(1, 40).to(TN1.link_local));
    lab.still_answers(TN1);
}

fn hop_limit_zero(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, packet(TN1.link_local, lab.dut).hop_limit(0).echo_request(1, 1, b"x"));
    lab.expect(echo_reply().and("has a hop limit above 0", |seen| seen.hop_limit > 0));
    lab.send(TN1, packet(TN1.link_local, ALL_NODES).hop_limit(0).echo_request(1, 1, b"x"));
    lab.expect(echo_reply().from(lab.dut));
}

fn multicast_source(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, packet(ALL_NODES, lab.dut).echo_request(1, 1, b"x"));
    lab.silence();
    lab.send(TN1, packet(ALL_NODES, lab.dut).udp(5000, 9, b"to a closed port"));
    lab.silence();
    lab.still_answers(TN1);
}

fn unspecified_source(lab: &mut Lab) {
    lab.start_with(TN1);
    for destination in [lab.dut, ALL_NODES] {
        lab.send(TN1, packet(Ipv6Addr::UNSPECIFIED, destination).echo_request(1, 1, b"x"));
        lab.silence();
        lab.send(TN1, packet(Ipv6Addr::UNSPECIFIED, destination).udp(5000, 9, b"x"));
        lab.silence();
    }
    lab.still_answers(TN1);
}

fn loopback(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, packet(TN1.link_local, Ipv6Addr::LOCALHOST).echo_request(1, 1, b"x"));
    lab.silence();
    lab.send(TN1, packet(Ipv6Addr::LOCALHOST, lab.dut).echo_request(1, 1, b"x"));
    lab.silence();
    lab.still_answers(TN1);
}

fn foreign_destination(lab: &mut Lab) {
    lab.start_with(TN1);
    for destination in [TN3.link_local, TN2.global] {
        lab.send(TN1, packet(TN1.link_local, destination).echo_request(1, 1, b"x").to_mac(lab.mac));
        lab.silence();
    }
    lab.still_answers(TN1);
}

fn default_hop_limit(lab: &mut Lab) {
    lab.start_with(TN1);
    let reply = lab.ping(TN1, TN1.link_local, lab.dut);
    lab.check(reply.hop_limit == 64, "without a router the hop limit is 64");
    lab.advertise(
        TR1,
        RouterAdvertisement { hop_limit: 99, ..RouterAdvertisement::default() },
        None,
    );
    lab.wait(seconds(1));
    let reply = lab.ping(TN1, TN1.link_local, lab.dut);
    lab.check(reply.hop_limit == 99, "the advertised hop limit is used");
}

fn own_flow_labels(lab: &mut Lab) {
    lab.common_setup();
    let mut labels = Vec::new();
    for port in [80, 81, 82] {
        lab.act(Action::Connect { destination: TN2.global, port });
        let to_port =
            move |seen: &crate::seen::Seen| seen.ports().is_some_and(|(_, to)| to == port);
        let syns = lab.collect(
            seconds(8),
            crate::pattern::anything()
                .and("is TCP", |seen| seen.protocol == next_header::TCP)
                .and("is to the port", to_port),
        );
        lab.check(syns.len() >= 3, "a SYN without an answer is sent again");
        lab.check(syns.iter().all(|syn| syn.flow_label == syns[0].flow_label), "one label a flow");
        labels.push(syns[0].flow_label);
    }
    lab.check(labels.iter().all(|&label| label != 0), "the label is not zero");
    let steps = [labels[1].wrapping_sub(labels[0]), labels[2].wrapping_sub(labels[1])];
    lab.check(steps[0] != 0 && steps[0] != steps[1], "labels are not in sequence");
}

fn jumbo_payload(lab: &mut Lab) {
    lab.start_with(TN1);
    let jumbo = packet(TN1.link_local, lab.dut)
        .hop_by_hop(&[&[0xc2, 4, 0, 1, 0, 0]])
        .payload_length(0)
        .udp(5000, 7, b"x");
    lab.send(TN1, jumbo);
    lab.never(seconds(2), udp(5000));
    lab.still_answers(TN1);
}

fn full_size_frame(lab: &mut Lab) {
    lab.start_with(TN1);
    let data = vec![0x5a; 1452];
    lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, &data));
    let reply = lab.expect(echo_reply().data(&data));
    lab.check(reply.packet().len() == 1500 && reply.fragment().is_none(), "one packet of 1500");
}

fn multicast_station(lab: &mut Lab) {
    lab.start();
    lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x"));
    // Every frame's station is checked against its multicast address where frames are parsed.
    let group = solicited_node(TN1.link_local);
    lab.expect(
        multicast_solicitation(TN1.link_local)
            .to_mac(Mac::of_group(group))
            .source_link_layer(lab.mac)
            .and("its option has one unit of eight octets", |seen| seen.payload.len() == 32),
    );
}

fn multicast_in_unicast(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, packet(TN1.link_local, ALL_NODES).echo_request(1, 1, b"x").to_mac(lab.mac));
    lab.expect(echo_reply().from(lab.dut));
}

fn padding(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, packet(TN1.link_local, lab.dut).udp(5000, 7, b"abc").padded(30));
    lab.expect(udp(5000).and("echoes three octets", |seen| seen.udp_data() == b"abc"));
}

fn short_frame(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, b"twelve bytes").cut(1));
    lab.silence();
    lab.still_answers(TN1);
}

fn foreign_station(lab: &mut Lab) {
    lab.start_with(TN1);
    let request = packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x");
    lab.send(TN1, request.to_mac(TN3.mac));
    lab.silence();
    lab.still_answers(TN1);
}

fn group_as_station(lab: &mut Lab) {
    lab.start();
    for mac in [Mac([0x33, 0x33, 0, 0, 0, 1]), Mac([0xff; 6]), Mac([0; 6])] {
        let solicitation = packet(TN1.link_local, solicited_node(lab.dut))
            .neighbor_solicitation(lab.dut)
            .source_link_layer(mac);
        lab.send(TN1, solicitation);
        let answers = lab.collect(seconds(5), crate::pattern::anything());
        let to_it =
            answers.iter().any(|seen| seen.to_mac == mac && !seen.destination.is_multicast());
        lab.check(!to_it, "nothing is sent to a group as if it were a neighbor");
    }
    lab.still_answers(TN1);
}

fn link_toggled(lab: &mut Lab) {
    lab.common_setup();
    lab.act(Action::SetLink(false));
    lab.wait(seconds(2));
    lab.forget();
    lab.act(Action::SetLink(true));
    lab.expect(listener_report(4, solicited_node(lab.dut)));
    lab.expect(duplicate_address_probe(lab.dut));
    lab.expect_within(seconds(5), router_solicitation());
    lab.forget();
    // What was known of the link before is no longer taken for granted.
    lab.no_answer_for(TR1);
    lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x"));
    lab.expect(multicast_solicitation(TN1.link_local));
}

fn v4_mapped(lab: &mut Lab) {
    lab.common_setup();
    let mapped = Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x0a00, 1);
    lab.send(TR1, packet(mapped, lab.dut_global).echo_request(1, 1, b"x"));
    lab.silence();
    lab.send(TR1, packet(TR1.link_local, mapped).echo_request(1, 1, b"x").to_mac(lab.mac));
    lab.silence();
    lab.act(Action::Ping { destination: mapped, size: 8 });
    lab.silence();
}

fn reserved_scopes(lab: &mut Lab) {
    lab.start_with(TN1);
    let scope_zero = Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 1);
    lab.send(TN1, packet(TN1.link_local, scope_zero).echo_request(1, 1, b"x"));
    lab.silence();
    lab.act(Action::Ping { destination: scope_zero, size: 8 });
    lab.silence();
    let group = Ipv6Addr::new(0xff0f, 0, 0, 0, 0, 0, 0, 0x1234);
    lab.act(Action::Membership { group, join: true });
    lab.send(TN1, packet(TN1.link_local, group).echo_request(1, 1, b"x"));
    lab.expect(echo_reply().from(lab.dut));
}
