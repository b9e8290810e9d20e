//! Neighbor Solicitations that arrive (RFC 4861, Sections 7.1.1, 7.2.3 and 7.2.4).

use super::state::{OTHER, State, ask, bring, expect_state, solicit, start_in};
use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::{Frame, packet};
use crate::lab::seconds;
use crate::pattern::{answer_to_unicast, multicast_solicitation, neighbor_advertisement};
use crate::station::{ALL_NODES, Mac, TN1, TN2, TR1, solicited_node};
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case("2.1.7", "Invalid NS Handling", &["ND-1", "ND-21"], invalid),
    case("2.1.8", "NS Processing, No NCE", &["ND-4", "ND-7", "ND-8"], no_entry),
    case("2.1.9", "NS Processing, NCE State INCOMPLETE", &["ND-7"], incomplete),
    case("2.1.10", "NS Processing, NCE State REACHABLE", &["ND-7"], reachable),
    case("2.1.11", "NS Processing, NCE State STALE", &["ND-7"], stale),
    case("2.1.12", "NS Processing, NCE State PROBE", &["ND-7"], probe),
    case("2.1.13", "NS Processing, IsRouterFlag", &["ND-7"], router_flag),
    case("ND-3", "Reserved fields and unknown options", &["ND-3"], unknown_parts),
    case("ND-5", "An address is defended", &["ND-5"], defended),
    case("ND-6", "Silent for a tentative target", &["ND-6", "DAD-6", "DAD-11"], tentative),
    case("ND-22", "Another target in the same group", &["ND-22"], colliding),
];

/// A Neighbor Solicitation for the device's address by multicast.
fn good(lab: &Lab) -> Frame {
    packet(TN1.link_local, solicited_node(lab.dut)).neighbor_solicitation(lab.dut)
}

fn invalid(lab: &mut Lab) {
    lab.start();
    let from_nobody = |to| packet(Ipv6Addr::UNSPECIFIED, to).neighbor_solicitation(lab.dut);
    let group = solicited_node(lab.dut);
    let bad = [
        packet(TN1.link_local, group).neighbor_solicitation(group).source_link_layer(TN1.mac),
        from_nobody(ALL_NODES),
        from_nobody(lab.dut),
        from_nobody(group).source_link_layer(TN1.mac),
        good(lab).source_link_layer(TN1.mac).hop_limit(254),
        good(lab).source_link_layer(TN1.mac).wrong_checksum(),
        good(lab).source_link_layer(TN1.mac).code(1),
        good(lab).shortened_to(23),
        good(lab).source_link_layer(TN1.mac).option_of_length_zero(),
        // An option that goes on behind the message.
        good(lab).source_link_layer(TN1.mac).shortened_to(30),
    ];
    for frame in bad {
        lab.send(TN1, frame);
        lab.silence();
    }
    expect_state(lab, TN1, State::None, TN1.mac);
}

fn no_entry(lab: &mut Lab) {
    lab.start();
    // By unicast, and by multicast: it is answered, and is STALE then.
    for destination in [lab.dut, solicited_node(lab.dut)] {
        lab.reset();
        lab.start();
        let frame = packet(TN1.link_local, destination)
            .neighbor_solicitation(lab.dut)
            .source_link_layer(TN1.mac);
        lab.send(TN1, frame);
        let answer = if destination == lab.dut {
            answer_to_unicast(lab.dut)
        } else {
            neighbor_advertisement(lab.dut, "SO").target_link_layer(lab.mac)
        };
        lab.expect(answer.from(lab.dut).to(TN1.link_local).to_mac(TN1.mac));
        expect_state(lab, TN1, State::Stale, TN1.mac);
    }
    // Without its address: it has to be resolved before it can be answered.
    lab.reset();
    lab.start();
    lab.send(TN1, packet(TN1.link_local, lab.dut).neighbor_solicitation(lab.dut));
    lab.expect(multicast_solicitation(TN1.link_local));
    let answer = packet(TN1.link_local, lab.dut)
        .neighbor_advertisement(TN1.link_local, "SO")
        .target_link_layer(TN1.mac);
    lab.send(TN1, answer);
    lab.expect(answer_to_unicast(lab.dut).to(TN1.link_local).to_mac(TN1.mac));
}

/// Solicits, by unicast or multicast, with this link-layer address.
fn solicit_with(lab: &mut Lab, multicast: bool, mac: Option<Mac>) {
    if multicast {
        solicit(lab, TN1, mac);
        return;
    }
    let frame = packet(TN1.link_local, lab.dut).neighbor_solicitation(lab.dut);
    match mac {
        Some(mac) => lab.send(TN1, frame.source_link_layer(mac)),
        None => lab.send(TN1, frame),
    }
}

fn incomplete(lab: &mut Lab) {
    for multicast in [false, true] {
        lab.reset();
        start_in(lab, State::Incomplete);
        solicit_with(lab, multicast, Some(TN1.mac));
        lab.expect(if multicast {
            neighbor_advertisement(lab.dut, "SO")
        } else {
            answer_to_unicast(lab.dut)
        });
        expect_state(lab, TN1, State::Stale, TN1.mac);
    }
    lab.reset();
    start_in(lab, State::Incomplete);
    solicit_with(lab, false, None);
    expect_state(lab, TN1, State::Incomplete, TN1.mac);
}

/// The four solicitations by unicast and multicast with the same and another address: what was
/// known stays as it is, what is new is STALE.
#[track_caller]
fn four(lab: &mut Lab, state: State) {
    for multicast in [false, true] {
        for mac in [TN1.mac, OTHER] {
            lab.reset();
            start_in(lab, state);
            solicit_with(lab, multicast, Some(mac));
            let expected = if mac == TN1.mac { state } else { State::Stale };
            expect_state(lab, TN1, expected, mac);
        }
    }
}

fn reachable(lab: &mut Lab) {
    four(lab, State::Reachable);
}

fn stale(lab: &mut Lab) {
    four(lab, State::Stale);
}

fn probe(lab: &mut Lab) {
    four(lab, State::Probe);
}

fn router_flag(lab: &mut Lab) {
    lab.common_setup();
    for mac in [Some(TR1.mac), None] {
        solicit(lab, TR1, mac);
        lab.expect(neighbor_advertisement(lab.dut, "SO"));
        lab.send(TR1, packet(TN2.global, lab.dut_global).echo_request(1, 1, b"x"));
        lab.expect(crate::pattern::echo_reply().to(TN2.global).to_mac(TR1.mac));
    }
}

fn unknown_parts(lab: &mut Lab) {
    lab.start();
    let frame = good(lab)
        .option(253, &[0xff; 6])
        .source_link_layer(TN1.mac)
        .option(253, &[0xff; 14])
        .with_octet(4, 0xff)
        .with_octet(7, 0xff);
    lab.send(TN1, frame);
    lab.expect(neighbor_advertisement(lab.dut, "SO").to_mac(TN1.mac));
}

fn defended(lab: &mut Lab) {
    lab.start();
    let probe =
        packet(Ipv6Addr::UNSPECIFIED, solicited_node(lab.dut)).neighbor_solicitation(lab.dut);
    lab.send(TN1, probe);
    lab.expect(
        neighbor_advertisement(lab.dut, "O").from(lab.dut).to(ALL_NODES).target_link_layer(lab.mac),
    );
}

fn tentative(lab: &mut Lab) {
    lab.act(Action::SetLink(true));
    lab.expect(crate::pattern::duplicate_address_probe(lab.dut));
    solicit(lab, TN1, Some(TN1.mac));
    lab.never(seconds(0), neighbor_advertisement(lab.dut, "SO"));
    ask(lab, TN1);
    lab.never(seconds(0), crate::pattern::echo_reply());
    lab.settle(seconds(4));
    bring(lab, TN1, State::Reachable);
}

fn colliding(lab: &mut Lab) {
    lab.start();
    let mut octets = lab.dut.octets();
    octets[8] ^= 0x55;
    let other = Ipv6Addr::from(octets);
    let frame = packet(TN1.link_local, solicited_node(lab.dut))
        .neighbor_solicitation(other)
        .source_link_layer(TN1.mac);
    lab.send(TN1, frame);
    lab.silence();
}
