//! Redirects (RFC 4861, Section 8).

use super::state::{OTHER, State, bring, expect_state};
use crate::Lab;
use crate::case::{Case, case};
use crate::frame::{Frame, PrefixInformation, RouterAdvertisement, packet};
use crate::lab::seconds;
use crate::pattern::{echo_reply, multicast_solicitation};
use crate::station::{ALL_NODES, Mac, TN1, TN2, TR1, TR2, TR3};
use net::config::{Config, InterfaceSettings};
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case("2.3.1", "Redirected On-link: Valid", &["RED-2", "NH-4"], on_link),
    case("2.3.2", "Redirected On-link: Suspicious", &["RED-5"], on_link_suspicious),
    case("2.3.3", "Redirected On-link: Invalid", &["RED-1", "ND-21"], on_link_invalid),
    case("2.3.4", "Redirected to Alternate Router: Valid", &["RED-3"], alternate),
    case("2.3.5", "Redirected to Alternate Router: Suspicious", &["RED-5"], alternate_suspicious),
    case("2.3.6", "Redirected to Alternate Router: Invalid", &["RED-1"], alternate_invalid),
    case("2.3.7", "Redirected Twice", &["RED-7"], twice),
    case("2.3.8", "Invalid Option", &["RED-6"], invalid_option),
    case("2.3.9", "No Destination Cache Entry", &["RED-8"], no_destination),
    case("2.3.10", "Neighbor Cache Updated", &["RED-4"], neighbor_cache),
    case("2.3.15", "Invalid Redirect does not Update Neighbor Cache", &["RED-1"], no_update),
    case("RED-9", "Redirects switched off", &["RED-9"], switched_off).with(without_redirects),
    case("RED-10", "A target that does not answer", &["RED-10"], dead_target),
];

fn without_redirects() -> Config {
    let interface = InterfaceSettings { accept_redirects: false, ..InterfaceSettings::DEFAULT };
    Config { interface, ..Config::DEFAULT }
}

/// Two routers, of which TR1 is used.
fn setup(lab: &mut Lab) {
    lab.reset();
    lab.start_with(TR1);
    lab.answer_for(TR2);
    let preferred = RouterAdvertisement { flags: 1 << 3, ..RouterAdvertisement::default() };
    lab.advertise(TR1, preferred, Some(PrefixInformation::default()));
    lab.settle(seconds(4));
    ask(lab);
    lab.expect(echo_reply().to(TN2.global).to_mac(TR1.mac));
}

fn ask(lab: &mut Lab) {
    lab.send(TR1, packet(TN2.global, lab.dut_global).echo_request(1, 1, b"x"));
}

fn redirect(lab: &Lab, target: Ipv6Addr) -> Frame {
    packet(TR1.link_local, lab.dut_global).redirect(target, TN2.global)
}

/// What the device sends to TN2, which a Redirected Header quotes.
fn invoking(lab: &Lab) -> Vec<u8> {
    packet(lab.dut_global, TN2.global).echo_reply(1, 1, b"x").packet()
}

/// The four good ones: with and without the target's address and the header.
fn four(lab: &Lab, target: Ipv6Addr, mac: Mac) -> [Frame; 4] {
    let bare = redirect(lab, target);
    [
        bare.clone(),
        bare.clone().target_link_layer(mac),
        bare.clone().redirected_header(&invoking(lab)),
        bare.target_link_layer(mac).redirected_header(&invoking(lab)),
    ]
}

/// The nine bad ones.
fn nine(lab: &Lab, target: Ipv6Addr, mac: Mac) -> [Frame; 9] {
    let good = || redirect(lab, target).target_link_layer(mac);
    let from = |source| packet(source, lab.dut_global).redirect(target, TN2.global);
    [
        from(TR1.global).target_link_layer(mac),
        // Not the first hop for that destination.
        from(TR3.link_local).target_link_layer(mac),
        good().hop_limit(254),
        good().code(1),
        good().wrong_checksum(),
        packet(TR1.link_local, lab.dut_global).redirect(target, ALL_NODES).target_link_layer(mac),
        redirect(lab, ALL_NODES).target_link_layer(mac),
        good().shortened_to(32),
        good().option_of_length_zero(),
    ]
}

/// The device sends to TN2 directly: it resolves it, or knows its station already.
#[track_caller]
fn goes_directly(lab: &mut Lab, knows: bool) {
    lab.forget();
    ask(lab);
    if knows {
        lab.expect(echo_reply().to(TN2.global).to_mac(TN1.mac));
    } else {
        lab.expect(multicast_solicitation(TN2.global));
    }
}

#[track_caller]
fn goes_by(lab: &mut Lab, mac: Mac) {
    lab.forget();
    ask(lab);
    lab.expect(echo_reply().to(TN2.global).to_mac(mac));
}

fn on_link(lab: &mut Lab) {
    for part in 0..4 {
        setup(lab);
        let frame = four(lab, TN2.global, TN1.mac)[part].clone();
        lab.send(TR1, frame);
        goes_directly(lab, part % 2 == 1);
    }
}

fn on_link_suspicious(lab: &mut Lab) {
    setup(lab);
    let frame = redirect(lab, TN2.global).option(7, &[0; 6]).target_link_layer(TN1.mac);
    lab.send(TR1, frame);
    goes_directly(lab, true);
    setup(lab);
    let frame = redirect(lab, TN2.global).target_link_layer(TN1.mac).with_octet(4, 0xff);
    lab.send(TR1, frame);
    goes_directly(lab, true);
}

fn on_link_invalid(lab: &mut Lab) {
    for part in 0..9 {
        setup(lab);
        let frame = nine(lab, TN2.global, TN1.mac)[part].clone();
        lab.send(TR1, frame);
        goes_by(lab, TR1.mac);
    }
}

fn alternate(lab: &mut Lab) {
    for part in 0..4 {
        setup(lab);
        let frame = four(lab, TR2.link_local, TR2.mac)[part].clone();
        lab.send(TR1, frame);
        goes_by(lab, TR2.mac);
    }
}

fn alternate_suspicious(lab: &mut Lab) {
    setup(lab);
    let frame = redirect(lab, TR2.link_local).option(7, &[0; 6]).target_link_layer(TR2.mac);
    lab.send(TR1, frame);
    goes_by(lab, TR2.mac);
    setup(lab);
    let frame = redirect(lab, TR2.link_local).target_link_layer(TR2.mac).with_octet(7, 0xff);
    lab.send(TR1, frame);
    goes_by(lab, TR2.mac);
}

fn alternate_invalid(lab: &mut Lab) {
    for part in 0..9 {
        setup(lab);
        let frame = nine(lab, TR2.link_local, TR2.mac)[part].clone();
        lab.send(TR1, frame);
        goes_by(lab, TR1.mac);
    }
}

fn twice(lab: &mut Lab) {
    setup(lab);
    lab.answer_for(TR3);
    let first = redirect(lab, TR2.link_local).target_link_layer(TR2.mac);
    lab.send(TR1, first);
    goes_by(lab, TR2.mac);
    // TR1 is not the first hop any more.
    let again = redirect(lab, TR3.link_local).target_link_layer(TR3.mac);
    lab.send(TR1, again);
    goes_by(lab, TR2.mac);
    let second = packet(TR2.link_local, lab.dut_global)
        .redirect(TR3.link_local, TN2.global)
        .target_link_layer(TR3.mac);
    lab.send(TR2, second);
    goes_by(lab, TR3.mac);
}

fn invalid_option(lab: &mut Lab) {
    setup(lab);
    let with: [fn(Frame) -> Frame; 3] = [
        |frame| frame.mtu(1280),
        |frame| frame.prefix(PrefixInformation { on_link: true, ..Default::default() }),
        |frame| frame.source_link_layer(OTHER),
    ];
    for add in with {
        setup(lab);
        let frame = add(redirect(lab, TR2.link_local).target_link_layer(TR2.mac));
        lab.send(TR1, frame);
        goes_by(lab, TR2.mac);
    }
    lab.send(TR1, packet(TN2.global, lab.dut_global).echo_request(1, 1, &[0; 1452]));
    let reply = lab.expect(echo_reply());
    lab.check(reply.packet().len() == 1500, "the MTU option has no effect");
}

fn no_destination(lab: &mut Lab) {
    setup(lab);
    // Nothing was ever sent there.
    let destination = crate::station::TN4.global;
    let frame = packet(TR1.link_local, lab.dut_global)
        .redirect(TR2.link_local, destination)
        .target_link_layer(TR2.mac);
    lab.send(TR1, frame);
    lab.forget();
    lab.send(TR1, packet(destination, lab.dut_global).echo_request(1, 1, b"x"));
    lab.expect(echo_reply().to(destination).to_mac(TR2.mac));
}

fn neighbor_cache(lab: &mut Lab) {
    for state in [State::None, State::Incomplete, State::Reachable, State::Stale, State::Probe] {
        for mac in [TN1.mac, OTHER] {
            setup(lab);
            bring(lab, TN1, state);
            // TN1 is a router, says TR1.
            let frame = redirect(lab, TN1.link_local).target_link_layer(mac);
            lab.send(TR1, frame);
            let unknown = matches!(state, State::None | State::Incomplete);
            let expected = if unknown || mac == OTHER { State::Stale } else { state };
            expect_state(lab, TN1, expected, mac);
        }
    }
}

fn no_update(lab: &mut Lab) {
    for part in 0..9 {
        setup(lab);
        bring(lab, TN1, State::Stale);
        let frame = nine(lab, TN1.link_local, OTHER)[part].clone();
        lab.send(TR1, frame);
        expect_state(lab, TN1, State::Stale, TN1.mac);
    }
}

fn switched_off(lab: &mut Lab) {
    setup(lab);
    let frame = redirect(lab, TR2.link_local).target_link_layer(TR2.mac);
    lab.send(TR1, frame);
    goes_by(lab, TR1.mac);
}

fn dead_target(lab: &mut Lab) {
    setup(lab);
    lab.no_answer_for(TR2);
    let frame = redirect(lab, TR2.link_local).target_link_layer(TR2.mac);
    lab.send(TR1, frame);
    for _ in 0..30 {
        ask(lab);
        lab.wait(seconds(2));
    }
    goes_by(lab, TR1.mac);
}
