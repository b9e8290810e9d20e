//! Router Solicitations and Advertisements (RFC 4861, Section 6; RFC 7559).

use super::state::{OTHER, State, bring, expect_state};
use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::{Frame, PrefixInformation, RouterAdvertisement, packet};
use crate::lab::seconds;
use crate::pattern::{
    anything, echo_reply, multicast_solicitation, neighbor_solicitation, router_solicitation,
};
use crate::station::{ALL_NODES, ALL_ROUTERS, Mac, Station, TN1, TN2, TR1, TR2, TR3};
use net::time::Duration;
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case("2.2.1", "Router Solicitations", &["RD-1", "RD-2"], solicitations),
    case("2.2.2", "Router Solicitations, Solicited Router Advertisement", &["RD-3"], solicited),
    case("2.2.3", "Host Ignores Router Solicitations", &["RD-4"], ignored),
    case("2.2.11", "Default Router Switch", &["NH-9"], switch),
    case("2.2.12", "RA Processing, Validity", &["RD-5", "ND-21"], validity),
    case("2.2.13", "RA Processing, Cur Hop Limit", &["RD-7", "IP-8"], hop_limit),
    case("2.2.14", "RA Processing, Router Lifetime", &["RD-6"], lifetime),
    case("2.2.15", "RA Processing, Reachable Time", &["RD-8"], reachable_time),
    case("2.2.16", "RA Processing, Neighbor Cache", &["RD-10"], neighbor_cache),
    case("2.2.17", "RA Processing, IsRouter flag", &["RD-10"], router_flag),
    case("2.2.18", "Next-hop Determination", &["NH-2"], next_hop),
    case("2.2.19", "RA Processing, On-link determination", &["RD-12"], on_link),
    case("RD-2", "No router for two hours", &["RD-2"], no_router),
    case("RD-13", "Advertisements add up", &["RD-13", "RD-15"], add_up),
    case("RD-17", "Unknown flags", &["RD-17", "ND-3"], unknown_flags),
    case("RD-19", "What only routers send", &["RD-19"], not_a_router),
    case("RD-20", "A flood of routers", &["RD-20"], flood),
];

/// A good advertisement of TR1.
fn good() -> Frame {
    packet(TR1.link_local, ALL_NODES).router_advertisement(RouterAdvertisement::default())
}

fn solicitations(lab: &mut Lab) {
    lab.act(Action::SetLink(true));
    let start = lab.now();
    let seen = lab.collect(seconds(20), router_solicitation().to(ALL_ROUTERS).hop_limit(255));
    lab.check(seen.len() >= 3, "RTR_SOLICITATION_INTERVAL is four seconds");
    for solicitation in &seen {
        let has_address = solicitation.option(1).is_some();
        let from_nobody = solicitation.source.is_unspecified();
        lab.check(has_address != from_nobody, "the link-layer address goes with a source");
        let right = from_nobody || solicitation.source == lab.dut;
        lab.check(right, "the source is the link-local address");
    }
    let first = seen[0].at.saturating_since(start);
    // One second at most of its own, behind Duplicate Address Detection.
    lab.check(first <= seconds(4), "the first one comes soon");
    for pair in seen.windows(2) {
        let gap = pair[1].at.saturating_since(pair[0].at);
        lab.check(gap >= Duration::from_millis(3500), &format!("they are {gap:?} apart"));
    }
}

fn solicited(lab: &mut Lab) {
    for frame in [good(), good().source_link_layer(TR1.mac)] {
        lab.act(Action::SetLink(false));
        lab.act(Action::SetLink(true));
        lab.expect_within(seconds(5), router_solicitation());
        lab.send(TR1, frame);
        lab.forget();
        lab.never(seconds(30), router_solicitation());
    }
    let router = RouterAdvertisement::default();
    let bad = [
        packet(TR1.global, ALL_NODES).router_advertisement(router),
        good().hop_limit(254),
        good().wrong_checksum(),
        good().code(1),
    ];
    for frame in bad {
        lab.act(Action::SetLink(false));
        lab.act(Action::SetLink(true));
        lab.expect_within(seconds(5), router_solicitation());
        lab.send(TR1, frame);
        lab.expect_within(seconds(10), router_solicitation());
    }
}

fn ignored(lab: &mut Lab) {
    lab.start();
    for destination in [ALL_ROUTERS, ALL_NODES, lab.dut] {
        let frame =
            packet(TN1.link_local, destination).router_solicitation().source_link_layer(TN1.mac);
        lab.send(TN1, frame);
        lab.silence();
    }
    expect_state(lab, TN1, State::None, TN1.mac);
}

fn ask(lab: &mut Lab) {
    lab.send(TN1, packet(TN2.global, lab.dut_global).echo_request(1, 1, b"x"));
}

fn switch(lab: &mut Lab) {
    lab.start_with(TR1);
    lab.answer_for(TR2);
    lab.advertise(
        TR1,
        RouterAdvertisement { flags: 1 << 3, ..Default::default() },
        Some(PrefixInformation::default()),
    );
    lab.advertise(TR2, RouterAdvertisement::default(), None);
    lab.settle(seconds(4));
    ask(lab);
    lab.expect(echo_reply().to_mac(TR1.mac));
    lab.no_answer_for(TR1);
    for _ in 0..30 {
        ask(lab);
        lab.wait(seconds(2));
    }
    lab.forget();
    ask(lab);
    lab.expect(echo_reply().to_mac(TR2.mac));
}

fn validity(lab: &mut Lab) {
    let router = RouterAdvertisement { hop_limit: 15, ..RouterAdvertisement::default() };
    let good = || packet(TR1.link_local, ALL_NODES).router_advertisement(router);
    let bad = [
        packet(TR1.global, ALL_NODES).router_advertisement(router),
        good().hop_limit(2),
        good().wrong_checksum(),
        good().code(1),
        good().shortened_to(14),
        good().option_of_length_zero(),
    ];
    lab.start_with(TN1);
    for frame in bad {
        lab.send(TR1, frame);
        let reply = lab.ping(TN1, TN1.link_local, lab.dut);
        lab.check(reply.hop_limit == 64, "the advertisement has no effect");
    }
    lab.send(TR1, good());
    let reply = lab.ping(TN1, TN1.link_local, lab.dut);
    lab.check(reply.hop_limit == 15, "a good one has");
}

fn hop_limit(lab: &mut Lab) {
    lab.start_with(TN1);
    for (advertised, used) in [(0, 64), (15, 15), (0, 15)] {
        let router = RouterAdvertisement { hop_limit: advertised, ..Default::default() };
        lab.advertise(TR1, router, None);
        let reply = lab.ping(TN1, TN1.link_local, lab.dut);
        lab.check(reply.hop_limit == used, "zero says nothing");
    }
}

fn short_lived(lab: &mut Lab) {
    let router = RouterAdvertisement { lifetime: 20, ..RouterAdvertisement::default() };
    lab.start_with(TR1);
    lab.advertise(TR1, router, Some(PrefixInformation::default()));
    lab.settle(seconds(4));
}

fn lifetime(lab: &mut Lab) {
    short_lived(lab);
    // Refreshed, it lasts longer.
    lab.wait(seconds(10));
    lab.advertise(TR1, RouterAdvertisement { lifetime: 20, ..Default::default() }, None);
    lab.wait(seconds(15));
    lab.forget();
    ask(lab);
    lab.expect(echo_reply().to_mac(TR1.mac));
    // Not refreshed, it runs out.
    lab.wait(seconds(8));
    lab.forget();
    ask(lab);
    lab.never(seconds(3), echo_reply());
    // Zero ends it at once.
    lab.reset();
    short_lived(lab);
    lab.advertise(TR1, RouterAdvertisement { lifetime: 0, ..Default::default() }, None);
    ask(lab);
    lab.never(seconds(3), echo_reply());
}

fn reachable_time(lab: &mut Lab) {
    lab.start();
    for (base, least, most) in [(10_000, 5, 22), (40_000, 20, 67)] {
        lab.reset();
        lab.start();
        let router = RouterAdvertisement { reachable_time: base, ..Default::default() };
        lab.advertise(TR1, router, None);
        bring(lab, TN1, State::Reachable);
        let start = lab.now();
        loop {
            lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x"));
            lab.expect(echo_reply());
            if !lab.collect(seconds(1), neighbor_solicitation(TN1.link_local)).is_empty() {
                break;
            }
            let after = lab.now().saturating_since(start);
            lab.check(after <= seconds(most), "it is probed in time");
        }
        let after = lab.now().saturating_since(start);
        lab.check(after >= seconds(least), "and not too early");
    }
}

fn advertise_with(lab: &mut Lab, mac: Option<Mac>) {
    let frame =
        packet(TN1.link_local, ALL_NODES).router_advertisement(RouterAdvertisement::default());
    match mac {
        Some(mac) => lab.send(TN1, frame.source_link_layer(mac)),
        None => lab.send(TN1, frame),
    }
}

/// RFC 4861, Section 6.3.4: an address that is new makes the entry STALE, the same or none changes
/// nothing.
fn neighbor_cache(lab: &mut Lab) {
    for state in [State::None, State::Incomplete, State::Reachable, State::Stale, State::Probe] {
        for mac in [None, Some(TN1.mac), Some(OTHER)] {
            lab.reset();
            lab.start();
            bring(lab, TN1, state);
            advertise_with(lab, mac);
            let unknown = matches!(state, State::None | State::Incomplete);
            match mac {
                Some(mac) if unknown || mac == OTHER => expect_state(lab, TN1, State::Stale, mac),
                _ => expect_state(lab, TN1, state, TN1.mac),
            }
        }
    }
}

fn router_flag(lab: &mut Lab) {
    for mac in [None, Some(TR1.mac), Some(OTHER)] {
        lab.reset();
        lab.common_setup();
        // It is no router, says an advertisement; then it advertises itself again.
        let host = packet(TR1.link_local, lab.dut).neighbor_advertisement(TR1.link_local, "SO");
        lab.send(TR1, host);
        ask(lab);
        lab.never(seconds(2), echo_reply());
        let frame = good();
        match mac {
            Some(mac) => lab.send(TR1, frame.source_link_layer(mac)),
            None => lab.send(TR1, frame),
        }
        ask(lab);
        lab.expect(echo_reply().to_mac(mac.unwrap_or(TR1.mac)));
    }
}

fn next_hop(lab: &mut Lab) {
    lab.start();
    let none = RouterAdvertisement { lifetime: 0, ..RouterAdvertisement::default() };
    lab.advertise(TR1, none, Some(PrefixInformation::default()));
    lab.settle(seconds(4));
    ask(lab);
    lab.never(seconds(3), anything().to(TN2.global));
    lab.never(seconds(0), neighbor_solicitation(TN2.global));
}

fn on_link(lab: &mut Lab) {
    lab.common_setup();
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0);
    let odd = PrefixInformation { prefix, length: 96, ..PrefixInformation::default() };
    lab.advertise(TR1, RouterAdvertisement::default(), Some(odd));
    lab.settle(seconds(4));
    let neighbor = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0x99);
    lab.send(TN1, packet(neighbor, lab.dut_global).echo_request(1, 1, b"x"));
    lab.expect(multicast_solicitation(neighbor).from(lab.dut_global));
}

fn no_router(lab: &mut Lab) {
    lab.act(Action::SetLink(true));
    let seen = lab.collect(seconds(7200), router_solicitation());
    lab.check(seen.len() >= 10, "solicitations do not end");
    lab.check(seen.len() < 30, "they become seldom");
    let gaps: Vec<_> =
        seen.windows(2).map(|pair| pair[1].at.saturating_since(pair[0].at)).collect();
    lab.check(gaps.iter().all(|&gap| gap <= seconds(3961)), "an hour apart at most, and a tenth");
    // A router that is none as a default does not end them.
    lab.advertise(TR1, RouterAdvertisement { lifetime: 0, ..Default::default() }, None);
    lab.expect_within(seconds(4000), router_solicitation());
    lab.advertise(TR1, RouterAdvertisement::default(), None);
    lab.forget();
    lab.never(seconds(500), router_solicitation());
}

fn add_up(lab: &mut Lab) {
    lab.start_with(TR1);
    let second = Ipv6Addr::new(0x2001, 0xdb8, 8, 0, 0, 0, 0, 0);
    lab.advertise(TR1, RouterAdvertisement::default(), Some(PrefixInformation::default()));
    let other = PrefixInformation { prefix: second, ..PrefixInformation::default() };
    lab.advertise(TR2, RouterAdvertisement { lifetime: 0, ..Default::default() }, Some(other));
    lab.advertise(TR1, RouterAdvertisement::default(), None);
    lab.settle(seconds(4));
    for prefix in [crate::station::PREFIX, second] {
        let address = crate::station::eui64(prefix, lab.mac);
        lab.send(TR1, packet(TN2.global, address).echo_request(1, 1, b"x"));
        lab.expect(echo_reply().from(address).to_mac(TR1.mac));
    }
}

fn unknown_flags(lab: &mut Lab) {
    lab.start_with(TN1);
    let router = RouterAdvertisement { hop_limit: 21, flags: 0x07, ..Default::default() };
    let frame = packet(TR1.link_local, ALL_NODES)
        .router_advertisement(router)
        // Flags Expansion (RFC 5175), and an option that nobody knows.
        .option(26, &[0xff; 6])
        .option(253, &[0xff; 14]);
    lab.send(TR1, frame);
    let reply = lab.ping(TN1, TN1.link_local, lab.dut);
    lab.check(reply.hop_limit == 21, "the rest is obeyed");
}

fn not_a_router(lab: &mut Lab) {
    lab.common_setup();
    lab.answer_for(TN1);
    for _ in 0..20 {
        lab.ping(TN1, TN1.link_local, lab.dut);
        // For somebody else: a router would forward or redirect it.
        let astray = packet(TN1.global, TN2.global).echo_request(1, 1, b"x").to_mac(lab.mac);
        lab.send(TN1, astray);
        let solicitation = packet(TN1.link_local, crate::station::solicited_node(lab.dut))
            .neighbor_solicitation(lab.dut)
            .source_link_layer(TN1.mac);
        lab.send(TN1, solicitation);
        let seen = lab.collect(seconds(30), anything());
        for frame in seen {
            lab.check(!matches!(frame.icmpv6(), Some(134 | 137)), "no host sends that");
            let is_advertisement = frame.icmpv6() == Some(136);
            let says_router = frame.advertisement_flags().contains('R');
            lab.check(!is_advertisement || !says_router, "no R flag in an advertisement");
        }
    }
}

fn flood(lab: &mut Lab) {
    lab.common_setup();
    ask(lab);
    lab.expect(echo_reply().to_mac(TR1.mac));
    for number in 0..1000_u16 {
        let rogue =
            Station { link_local: Ipv6Addr::new(0xfe80, 0, 0, 0, 0xbad, 0, 0, number), ..TR3 };
        let prefix = PrefixInformation {
            prefix: Ipv6Addr::new(0x2001, 0xdb8, 0xbad, number, 0, 0, 0, 0),
            ..PrefixInformation::default()
        };
        // Of low preference: a rogue router that says high is believed, as RFC 4191 has it.
        let what = RouterAdvertisement { flags: 3 << 3, ..RouterAdvertisement::default() };
        lab.advertise(rogue, what, Some(prefix));
    }
    lab.wait(seconds(10));
    lab.forget();
    ask(lab);
    lab.expect(echo_reply().from(lab.dut_global).to_mac(TR1.mac));
}
