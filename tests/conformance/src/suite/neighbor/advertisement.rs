//! Neighbor Advertisements that arrive (RFC 4861, Sections 7.1.2 and 7.2.5).

use super::state::{OTHER, State, expect_state, start_in};
use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::{Frame, packet};
use crate::lab::seconds;
use crate::pattern::{echo_reply, echo_request};
use crate::station::{ALL_NODES, Mac, TN1, TN2, TN3, TR1};
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case("2.1.15", "Invalid NA Handling", &["ND-2", "ND-21"], invalid),
    case("2.1.16", "NA Processing, No NCE", &["ND-9"], no_entry),
    case("2.1.17", "NA Processing, NCE State INCOMPLETE", &["ND-10"], incomplete),
    case("2.1.18", "NA Processing, NCE State REACHABLE", &["ND-11", "ND-23"], reachable),
    case("2.1.19", "NA Processing, NCE State STALE", &["ND-11", "ND-12"], stale),
    case("2.1.20", "NA Processing, NCE State PROBE", &["ND-11", "ND-12"], probe),
    case("2.1.21", "NA Processing, R-bit Change", &["ND-13", "NH-18"], router_flag),
    case("ND-20", "The target counts, not the source", &["ND-20"], target_counts),
];

/// An advertisement of TN1's link-local address.
fn advertisement(to: Ipv6Addr, flags: &str, mac: Option<Mac>) -> Frame {
    let frame = packet(TN1.link_local, to).neighbor_advertisement(TN1.link_local, flags);
    match mac {
        Some(mac) => frame.target_link_layer(mac),
        None => frame,
    }
}

fn invalid(lab: &mut Lab) {
    start_in(lab, State::Incomplete);
    let good = |lab: &Lab| advertisement(lab.dut, "SO", Some(TN1.mac));
    let bad = [
        advertisement(ALL_NODES, "SO", Some(TN1.mac)),
        good(lab).hop_limit(254),
        good(lab).wrong_checksum(),
        good(lab).code(1),
        good(lab).shortened_to(16),
        packet(TN1.link_local, lab.dut)
            .neighbor_advertisement(ALL_NODES, "SO")
            .target_link_layer(TN1.mac),
        good(lab).option_of_length_zero(),
    ];
    for frame in bad {
        lab.act(Action::Ping { destination: TN1.link_local, size: 8 });
        lab.send(TN1, frame);
        lab.never(seconds(0), echo_request());
    }
    lab.act(Action::Ping { destination: TN1.link_local, size: 8 });
    let frame = good(lab);
    lab.send(TN1, frame);
    lab.expect(echo_request().to_mac(TN1.mac));
}

fn no_entry(lab: &mut Lab) {
    for flags in ["SO", "S", "O", ""] {
        lab.reset();
        lab.start();
        lab.send(TN1, advertisement(lab.dut, flags, Some(TN1.mac)));
        expect_state(lab, TN1, State::None, TN1.mac);
    }
}

fn incomplete(lab: &mut Lab) {
    for (flags, expected) in
        [("SO", State::Reachable), ("S", State::Reachable), ("O", State::Stale), ("", State::Stale)]
    {
        lab.reset();
        start_in(lab, State::Incomplete);
        lab.send(TN1, advertisement(lab.dut, flags, Some(TN1.mac)));
        lab.expect(echo_request().to_mac(TN1.mac));
        // What waited has been sent, which brings STALE to DELAY; let that be over.
        if expected == State::Reachable {
            expect_state(lab, TN1, State::Reachable, TN1.mac);
        } else {
            let station = TN1;
            lab.expect_within(
                seconds(7),
                crate::pattern::unicast_solicitation(station, station.link_local),
            );
        }
    }
    lab.reset();
    start_in(lab, State::Incomplete);
    lab.send(TN1, advertisement(lab.dut, "SO", None));
    expect_state(lab, TN1, State::Incomplete, TN1.mac);
}

/// What becomes of an entry in `state` (RFC 4861, Appendix C).
fn next(state: State, flags: &str, mac: Option<Mac>) -> (State, Mac) {
    let (solicited, overriding) = (flags.contains('S'), flags.contains('O'));
    let differs = mac == Some(OTHER);
    match (differs, overriding) {
        (true, false) if state == State::Reachable => (State::Stale, TN1.mac),
        (true, false) => (state, TN1.mac),
        _ if solicited => (State::Reachable, mac.unwrap_or(TN1.mac)),
        (true, true) => (State::Stale, OTHER),
        _ => (state, TN1.mac),
    }
}

/// The eighteen advertisements: by unicast with S and O, without, with the same and with another
/// address; by multicast, which has no S.
#[track_caller]
fn eighteen(lab: &mut Lab, state: State) {
    let unicast = ["SO", "S", "O", ""].map(|flags| (true, flags));
    let multicast = ["O", ""].map(|flags| (false, flags));
    for (by_unicast, flags) in unicast.into_iter().chain(multicast) {
        for mac in [None, Some(TN1.mac), Some(OTHER)] {
            lab.reset();
            start_in(lab, state);
            let to = if by_unicast { lab.dut } else { ALL_NODES };
            lab.send(TN1, advertisement(to, flags, mac));
            let (expected, address) = next(state, flags, mac);
            expect_state(lab, TN1, expected, address);
        }
    }
}

fn reachable(lab: &mut Lab) {
    eighteen(lab, State::Reachable);
}

fn stale(lab: &mut Lab) {
    eighteen(lab, State::Stale);
}

fn probe(lab: &mut Lab) {
    eighteen(lab, State::Probe);
}

fn router_flag(lab: &mut Lab) {
    for flags in ["SO", "", "S", "O"] {
        for mac in [None, Some(TR1.mac)] {
            lab.reset();
            lab.common_setup();
            lab.send(TR1, packet(TN2.global, lab.dut_global).echo_request(1, 1, b"x"));
            lab.expect(echo_reply().to_mac(TR1.mac));
            let frame =
                packet(TR1.link_local, lab.dut).neighbor_advertisement(TR1.link_local, flags);
            match mac {
                Some(mac) => lab.send(TR1, frame.target_link_layer(mac)),
                None => lab.send(TR1, frame),
            }
            // It is a host now, and there is no other router.
            lab.send(TR1, packet(TN2.global, lab.dut_global).echo_request(2, 2, b"y"));
            lab.never(seconds(3), echo_reply());
        }
    }
}

fn target_counts(lab: &mut Lab) {
    start_in(lab, State::Incomplete);
    let frame = packet(TN3.link_local, lab.dut)
        .neighbor_advertisement(TN1.link_local, "SO")
        .target_link_layer(TN1.mac);
    lab.send(TN3, frame);
    lab.expect(echo_request().to(TN1.link_local).to_mac(TN1.mac));
    expect_state(lab, TN3, State::None, TN3.mac);
}
