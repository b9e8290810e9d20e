//! Extension headers (RFC 8200, Section 4).

use crate::Lab;
use crate::case::{Case, case};
use crate::frame::{Frame, PADN, next_header, packet};
use crate::lab::seconds;
use crate::pattern::{anything, echo_reply, parameter_problem};
use crate::station::TN1;

pub(super) const CASES: &[Case] = &[
    case("1.2.1", "Next Header Zero", &["EH-2"], next_header_zero),
    case("1.2.2", "No Next Header after Extension Header", &["IP-10"], none_after_header),
    case("1.2.3.A", "Unrecognized Next Header in Extension Header", &["IP-11"], unrecognized),
    case("1.2.3.B", "Unexpected Next Header in Extension Header", &["EH-2"], unexpected),
    case("1.2.4", "Extension Header Processing Order", &["EH-1"], order),
    case("1.2.9", "Unrecognized Routing Type, End Node", &["EH-10", "EH-12"], routing_done),
    case(
        "1.2.10",
        "Unrecognized Routing Type, Intermediate Node",
        &["EH-11", "EH-12"],
        routing_not_done,
    ),
    case("EH-1", "Headers in any order and number", &["EH-1", "EH-14"], any_order),
    case("EH-9", "Malformed header length", &["EH-9"], malformed_length),
    case("EH-15", "AH and ESP without an association", &["EH-15"], ipsec),
    case("EH-17", "A packet full of headers", &["EH-17"], many_headers),
    case("IP-15", "Checksum behind a Routing header", &["IP-15", "IP-16"], checksum_behind_routing),
];

/// A packet from TN1.
fn from_tn1(lab: &Lab) -> Frame {
    packet(TN1.link_local, lab.dut)
}

fn next_header_zero(lab: &mut Lab) {
    lab.start_with(TN1);
    let frame = from_tn1(lab).destination_options(&[]).hop_by_hop(&[]).echo_request(1, 1, b"x");
    let sent = frame.packet();
    lab.send(TN1, frame);
    // The Next Header field of the first extension header.
    lab.expect(parameter_problem(1, 40).to(TN1.link_local).about(&sent));
}

fn none_after_header(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, from_tn1(lab).destination_options(&[]).upper(next_header::NONE, b"ignored"));
    lab.silence();
    lab.still_answers(TN1);
}

fn unrecognized(lab: &mut Lab) {
    lab.start_with(TN1);
    for number in 143..=252 {
        let frame = from_tn1(lab).destination_options(&[]).upper(number, &[0; 8]);
        let sent = frame.packet();
        lab.send(TN1, frame);
        lab.expect(parameter_problem(1, 40).to(TN1.link_local).about(&sent));
        lab.wait(seconds(1));
    }
}

fn unexpected(lab: &mut Lab) {
    lab.start_with(TN1);
    let frame = from_tn1(lab)
        .destination_options(&[])
        .fragment(0, false, 99)
        .hop_by_hop(&[])
        .echo_request(1, 1, b"x");
    lab.send(TN1, frame);
    // The Next Header field of the Fragment header.
    lab.expect(parameter_problem(1, 48).to(TN1.link_local));
}

/// The error in the header that comes first is the one that is reported.
fn order(lab: &mut Lab) {
    lab.start_with(TN1);
    let bad_option: &[u8] = &[0x87, 0];
    let base = || packet(TN1.link_local, lab.dut).hop_by_hop(&[]);
    let options_first =
        base().destination_options(&[bad_option]).fragment(0, true, 1).echo_request(1, 1, b"x");
    let fragment_first =
        base().fragment(0, true, 2).destination_options(&[bad_option]).echo_request(1, 1, b"five!");
    let both_good = base().destination_options(&[]).fragment(0, false, 3).echo_request(1, 1, b"x");
    // The option is at 40 + 8 + 2.
    lab.send(TN1, options_first);
    lab.expect(parameter_problem(2, 50));
    // The payload of a fragment with more to come is not a multiple of eight octets.
    lab.send(TN1, fragment_first);
    lab.expect(parameter_problem(0, 4));
    lab.send(TN1, both_good);
    lab.expect(echo_reply().data(b"x"));
}

fn routing_done(lab: &mut Lab) {
    lab.start_with(TN1);
    for kind in [33, 0] {
        lab.send(TN1, from_tn1(lab).routing(kind, 0).echo_request(1, 1, b"x"));
        let reply = lab.expect(echo_reply().data(b"x"));
        lab.check(reply.headers.is_empty(), "the reply has no Routing header");
    }
}

fn routing_not_done(lab: &mut Lab) {
    lab.start_with(TN1);
    for kind in [33, 0, 2, 3, 4] {
        let frame = from_tn1(lab).routing(kind, 1).echo_request(1, 1, b"x");
        let sent = frame.packet();
        lab.send(TN1, frame);
        // The Routing Type field is the third octet of its header.
        lab.expect(parameter_problem(0, 42).to(TN1.link_local).about(&sent));
        lab.wait(seconds(1));
    }
}

fn any_order(lab: &mut Lab) {
    lab.start_with(TN1);
    let frame = from_tn1(lab)
        .hop_by_hop(&[PADN])
        .destination_options(&[PADN])
        .fragment(0, false, 5)
        .destination_options(&[PADN])
        .routing(0, 0)
        .destination_options(&[PADN])
        .echo_request(1, 1, b"x");
    lab.send(TN1, frame);
    lab.expect(echo_reply().data(b"x"));
}

fn malformed_length(lab: &mut Lab) {
    lab.start_with(TN1);
    // It says 264 octets, and the packet ends before.
    let beyond = from_tn1(lab)
        .extension(next_header::DESTINATION, &[0, 32, 1, 4, 0, 0, 0, 0])
        .echo_request(1, 1, b"x");
    lab.send(TN1, beyond);
    lab.never(seconds(3), echo_reply());
    // An option that goes on behind its header.
    let option = from_tn1(lab)
        .extension(next_header::DESTINATION, &[0, 0, 1, 200, 0, 0, 0, 0])
        .echo_request(1, 1, b"x");
    lab.send(TN1, option);
    lab.never(seconds(3), echo_reply());
    lab.still_answers(TN1);
}

fn ipsec(lab: &mut Lab) {
    lab.start_with(TN1);
    for number in [50, 51] {
        lab.send(TN1, from_tn1(lab).upper(number, &[0; 24]));
        lab.never(seconds(2), anything().and("is an answer", |seen| seen.icmpv6() == Some(129)));
    }
    lab.still_answers(TN1);
}

fn many_headers(lab: &mut Lab) {
    lab.start_with(TN1);
    let empty = |frame: Frame| frame.destination_options(&[]);
    let full = (0..180).fold(from_tn1(lab), |frame, _| empty(frame)).echo_request(1, 1, b"");
    lab.send(TN1, full);
    // Answered or refused by a limit (RFC 8504, Section 5.3), but the device goes on.
    lab.wait(seconds(1));
    lab.forget();
    lab.still_answers(TN1);
}

fn checksum_behind_routing(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, from_tn1(lab).routing(0, 0).echo_request(1, 1, b"x").wrong_checksum());
    lab.silence();
    lab.send(TN1, from_tn1(lab).routing(0, 0).echo_request(1, 1, b"x"));
    let reply = lab.expect(echo_reply().data(b"x"));
    lab.check(reply.headers.is_empty(), "no Routing header is turned around");
}
