//! The fields of the IPv6 header (RFC 8200, Section 3).

use crate::Lab;
use crate::case::{Case, case};
use crate::frame::{next_header, packet};
use crate::pattern::{echo_reply, parameter_problem};
use crate::station::{ALL_NODES, TN1};

pub(super) const CASES: &[Case] = &[
    case("1.1.1", "Version Field", &["IP-1"], version).on_the_wire(),
    case("1.1.2", "Traffic Class Non-Zero", &["IP-2"], traffic_class).on_the_wire(),
    case("1.1.4", "Flow Label Non-Zero", &["IP-13"], flow_label).on_the_wire(),
    case("1.1.5", "Payload Length", &["IP-9"], payload_length).on_the_wire(),
    case("1.1.6", "No Next Header after IPv6 Header", &["IP-10"], no_next_header).on_the_wire(),
    case("1.1.7.A", "Unrecognized Next Header", &["IP-11"], unrecognized_next_header),
    case("1.1.7.B", "Unexpected Next Header", &["IP-11"], unexpected_next_header),
    case("1.1.8", "Hop Limit Zero", &["IP-7"], hop_limit_zero).on_the_wire(),
];

fn version(lab: &mut Lab) {
    lab.start();
    lab.answer_for(TN1);
    for version in [0, 4, 5, 7, 15] {
        lab.send(TN1, packet(TN1.link_local, lab.dut).version(version).echo_request(1, 1, b"x"));
        lab.silence();
    }
    lab.still_answers(TN1);
}

fn traffic_class(lab: &mut Lab) {
    lab.start();
    lab.answer_for(TN1);
    let request = packet(TN1.link_local, lab.dut).traffic_class(32).echo_request(1, 1, b"x");
    lab.send(TN1, request);
    lab.expect(echo_reply().and("has traffic class 0", |seen| seen.traffic_class == 0));
}

fn flow_label(lab: &mut Lab) {
    lab.start();
    lab.answer_for(TN1);
    let request = packet(TN1.link_local, lab.dut).flow_label(0x34567).echo_request(1, 1, b"x");
    lab.send(TN1, request);
    lab.expect(echo_reply().data(b"x"));
}

fn payload_length(lab: &mut Lab) {
    lab.start();
    lab.answer_for(TN1);
    for length in [0x33, 0x32] {
        let data = vec![0xc3; length - 8];
        lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, &data));
        lab.expect(echo_reply().data(&data));
    }
}

fn no_next_header(lab: &mut Lab) {
    lab.start();
    lab.answer_for(TN1);
    let request = packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x");
    lab.send(TN1, request.next_header(next_header::NONE));
    lab.silence();
    lab.still_answers(TN1);
}

fn unrecognized_next_header(lab: &mut Lab) {
    lab.start();
    lab.answer_for(TN1);
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
    lab.start();
    lab.answer_for(TN1);
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
    lab.start();
    lab.answer_for(TN1);
    lab.send(TN1, packet(TN1.link_local, lab.dut).hop_limit(0).echo_request(1, 1, b"x"));
    lab.expect(echo_reply().and("has a hop limit above 0", |seen| seen.hop_limit > 0));
    lab.send(TN1, packet(TN1.link_local, ALL_NODES).hop_limit(0).echo_request(1, 1, b"x"));
    lab.expect(echo_reply().from(lab.dut));
}
