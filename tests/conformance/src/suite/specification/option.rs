//! Options of the Hop-by-Hop and the Destination Options header (RFC 8200, Section 4.2).

use crate::Lab;
use crate::case::{Case, case};
use crate::frame::{Frame, PAD1, PADN, packet};
use crate::lab::seconds;
use crate::pattern::{echo_reply, parameter_problem};
use crate::station::{ALL_NODES, TN1};
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case("1.2.5", "Option Processing Order", &["EH-3"], order),
    case("1.2.6", "Options Processing, Hop-by-Hop Options Header", OPTION_ROWS, hop_by_hop),
    case("1.2.8", "Options Processing, Destination Options Header", OPTION_ROWS, destination),
];

const OPTION_ROWS: &[&str] = &["EH-4", "EH-5", "EH-6", "EH-7", "EH-8"];

/// Options that nobody knows; the two highest bits say what to do about that. The first is of a type
/// for experiments (RFC 4727): 7, which goes with the others, is CALIPSO by now (RFC 5570).
const SKIP: &[u8] = &[0x1e, 4, 0, 0, 0, 0];
const DISCARD: &[u8] = &[0x47, 4, 0, 0, 0, 0];
const REPORT: &[u8] = &[0x87, 4, 0, 0, 0, 0];
const REPORT_UNICAST: &[u8] = &[0xc7, 4, 0, 0, 0, 0];

/// Behind the IPv6 header, the next header and the length.
const FIRST_OPTION: u32 = 42;
const SECOND_OPTION: u32 = 48;

fn order(lab: &mut Lab) {
    lab.start_with(TN1);
    let request = |options: &[&[u8]]| {
        packet(TN1.link_local, lab.dut).destination_options(options).echo_request(1, 1, b"x")
    };
    let frames = [
        (request(&[SKIP, DISCARD, REPORT]), None),
        (request(&[SKIP, REPORT, DISCARD]), Some(SECOND_OPTION)),
        (request(&[SKIP, REPORT_UNICAST, REPORT]), Some(SECOND_OPTION)),
    ];
    for (frame, pointer) in frames {
        lab.send(TN1, frame);
        match pointer {
            Some(pointer) => {
                lab.expect(parameter_problem(2, pointer).to(TN1.link_local));
            }
            None => lab.silence(),
        }
        lab.wait(seconds(1));
    }
}

/// The eight parts of a test of one kind of header.
fn eight_parts(lab: &mut Lab, header: fn(Frame, &[&[u8]]) -> Frame) {
    lab.start_with(TN1);
    let request = |to: Ipv6Addr, option: &[u8]| {
        header(packet(TN1.link_local, to), &[option]).echo_request(1, 1, b"x")
    };
    for known in [PAD1, PADN, SKIP] {
        lab.send(TN1, request(lab.dut, known));
        lab.expect(echo_reply().data(b"x"));
    }
    lab.send(TN1, request(lab.dut, DISCARD));
    lab.silence();
    for reported in [REPORT, REPORT_UNICAST] {
        let frame = request(lab.dut, reported);
        let sent = frame.packet();
        lab.send(TN1, frame);
        lab.expect(parameter_problem(2, FIRST_OPTION).to(TN1.link_local).about(&sent));
        lab.wait(seconds(1));
    }
    lab.send(TN1, request(ALL_NODES, REPORT));
    lab.expect(parameter_problem(2, FIRST_OPTION).from(lab.dut).to(TN1.link_local));
    lab.send(TN1, request(ALL_NODES, REPORT_UNICAST));
    lab.silence();
}

fn hop_by_hop(lab: &mut Lab) {
    eight_parts(lab, Frame::hop_by_hop);
}

fn destination(lab: &mut Lab) {
    eight_parts(lab, Frame::destination_options);
}
