//! What is on the link, address resolution, and the probes of reachability (RFC 4861,
//! Sections 5.2, 7.2.2 and 7.3).

use super::state::{State, bring};
use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::{PrefixInformation, RouterAdvertisement, packet};
use crate::lab::seconds;
use crate::pattern::{
    echo_reply, echo_request, multicast_solicitation, neighbor_solicitation, reaction,
    unicast_solicitation,
};
use crate::seen::Seen;
use crate::station::{Station, TN1, TN2, TN3, TR1, TR2};
use net::time::Duration;
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case("2.1.1", "On-link Determination", &["NH-1", "NH-4", "NH-8"], on_link),
    case("2.1.2.A", "Resolution Wait Queue: single", &["ND-15"], queue),
    case("2.1.2.B", "Resolution Wait Queue: two", &["ND-15"], two_queues),
    case("2.1.3", "Prefix Information, On-link Flag", &["NH-3", "NH-5", "NH-7"], on_link_flag),
    case("2.1.4", "Host Prefix List", &["NH-6", "RD-11"], prefix_list),
    case("2.1.5", "NS Origination, Address Resolution", &["ND-14", "ND-16"], origination),
    case("2.1.5.RT", "NS Origination, Retrans Timer", &["NUD-9", "RD-8"], retrans_timer),
    case("2.1.6", "NS Origination, Reachability Confirmation", &["NUD-1", "NUD-3"], confirmation),
    case("NH-2", "No router and no prefix", &["NH-2", "NH-12"], no_route),
    case("NH-9", "Choice of a default router", &["NH-9", "NUD-4"], second_router),
    case("NH-10", "Router preference", &["NH-10", "RD-18"], preference),
    case("NH-11", "Route information", &["NH-11", "RD-18"], route_information),
    case("NH-14", "First hop by source prefix", &["NH-14", "NH-16"], first_hop),
    case("NH-18", "A router is gone", &["NH-18", "RD-15"], router_withdrawn),
    case("ND-16", "Solicitations are limited", &["ND-16"], limited),
    case("NUD-2", "Reachable time", &["NUD-2"], reachable_time),
    case("NUD-4", "A router that is gone comes back", &["NUD-4", "ND-16"], comes_back),
    case("NUD-5", "A neighbor that stopped to answer", &["NUD-5", "ND-16"], unreachable),
    case("NUD-7", "What does not confirm", &["NUD-7"], no_confirmation),
    case("NUD-11", "A flood of neighbors", &["NUD-11"], flood),
];

/// An Echo Request to the device's global address, for whose reply the device needs a next hop.
fn ask_global(lab: &mut Lab, via: Station, source: Ipv6Addr) {
    lab.send(via, packet(source, lab.dut_global).echo_request(1, 1, b"x"));
}

fn on_link(lab: &mut Lab) {
    lab.common_setup();
    lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x"));
    lab.expect(multicast_solicitation(TN1.link_local));
    ask_global(lab, TN1, TN1.global);
    lab.expect(multicast_solicitation(TN1.global));
    // Not covered by the prefix: to the router, which is known.
    ask_global(lab, TN1, TN2.global);
    lab.expect(echo_reply().to(TN2.global).to_mac(TR1.mac));
}

fn requests(lab: &mut Lab, station: Station, count: u16) {
    for sequence in 0..count {
        let data = [sequence as u8; 8];
        lab.send(station, packet(station.link_local, lab.dut).echo_request(1, sequence, &data));
    }
}

fn advertise_itself(lab: &mut Lab, station: Station) {
    let advertisement = packet(station.link_local, lab.dut)
        .neighbor_advertisement(station.link_local, "SO")
        .target_link_layer(station.mac);
    lab.send(station, advertisement);
}

fn queue(lab: &mut Lab) {
    lab.start();
    requests(lab, TN1, 3);
    lab.expect(multicast_solicitation(TN1.link_local));
    lab.never(Duration::from_millis(500), echo_reply());
    advertise_itself(lab, TN1);
    lab.expect(echo_reply().data(&[2; 8]));
}

fn two_queues(lab: &mut Lab) {
    lab.start();
    requests(lab, TN1, 3);
    requests(lab, TN3, 4);
    lab.expect(multicast_solicitation(TN1.link_local));
    lab.expect(multicast_solicitation(TN3.link_local));
    advertise_itself(lab, TN3);
    lab.expect(echo_reply().to(TN3.link_local).data(&[3; 8]));
    advertise_itself(lab, TN1);
    lab.expect(echo_reply().to(TN1.link_local).data(&[2; 8]));
}

fn advertise(lab: &mut Lab, prefix: PrefixInformation) {
    lab.advertise(TR1, RouterAdvertisement::default(), Some(prefix));
}

fn on_link_flag(lab: &mut Lab) {
    lab.start_with(TR1);
    let prefix = PrefixInformation { on_link: false, ..PrefixInformation::default() };
    advertise(lab, prefix);
    lab.wait(seconds(5));
    lab.forget();
    ask_global(lab, TN1, TN1.global);
    lab.expect(echo_reply().to(TN1.global).to_mac(TR1.mac));
    advertise(lab, PrefixInformation { on_link: true, ..prefix });
    ask_global(lab, TN1, TN1.global);
    lab.expect(multicast_solicitation(TN1.global));
    lab.wait(seconds(5));
    // L clear says nothing; it takes nothing back.
    advertise(lab, prefix);
    lab.forget();
    ask_global(lab, TN1, TN1.global);
    lab.expect(multicast_solicitation(TN1.global));
}

fn prefix_list(lab: &mut Lab) {
    lab.start_with(TR1);
    let short = PrefixInformation { valid: 20, preferred: 20, ..PrefixInformation::default() };
    // An address of its own that does not go with the prefix.
    lab.act(Action::AddAddress(lab.dut_global));
    advertise(lab, PrefixInformation { autonomous: false, ..short });
    lab.wait(seconds(10));
    advertise(lab, PrefixInformation { autonomous: false, ..short });
    lab.wait(seconds(15));
    lab.forget();
    ask_global(lab, TN1, TN1.global);
    lab.expect(multicast_solicitation(TN1.global));
}

fn origination(lab: &mut Lab) {
    lab.common_setup();
    for (source, destination) in [(TN1.link_local, lab.dut), (TN1.global, lab.dut_global)] {
        lab.send(TN1, packet(source, destination).echo_request(1, 1, b"x"));
        let probes = lab.collect(
            seconds(10),
            multicast_solicitation(source).from(destination).source_link_layer(lab.mac),
        );
        lab.check(probes.len() == 3, "MAX_MULTICAST_SOLICIT is three");
        spaced(lab, &probes, seconds(1));
    }
}

/// One after the other, no closer than `time`; where time is real, a frame may be late, and the next
/// one is nearer to it by that.
#[track_caller]
fn spaced(lab: &Lab, probes: &[Seen], time: Duration) {
    let late = lab.slack().min(Duration::from_millis(200));
    let apart = probes.windows(2).all(|pair| {
        let gap = pair[1].at.saturating_since(pair[0].at);
        gap + late >= time && gap <= time + Duration::from_millis(500) + lab.slack()
    });
    lab.check(apart, &format!("solicitations are {} ms apart", time.as_millis()));
}

fn retrans_timer(lab: &mut Lab) {
    lab.common_setup();
    let slow = RouterAdvertisement { retrans_timer: 5000, ..RouterAdvertisement::default() };
    lab.advertise(TR1, slow, None);
    lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x"));
    let probes = lab.collect(seconds(30), multicast_solicitation(TN1.link_local));
    lab.check(probes.len() == 3, "MAX_MULTICAST_SOLICIT is three");
    spaced(lab, &probes, seconds(5));
}

fn confirmation(lab: &mut Lab) {
    lab.common_setup();
    let pairs = [
        (TN1.link_local, lab.dut),
        (TN1.global, lab.dut_global),
        (TN1.link_local, lab.dut_global),
        (TN1.global, lab.dut),
    ];
    for (index, (source, destination)) in pairs.into_iter().enumerate() {
        lab.answer_for(TN1);
        lab.send(TN1, packet(source, destination).echo_request(1, index as u16, b"x"));
        lab.expect(echo_reply().from(destination).to(source));
        lab.no_answer_for(TN1);
        // Long enough for every REACHABLE_TIME.
        lab.wait(seconds(60));
        lab.forget();
        lab.send(TN1, packet(source, destination).echo_request(2, index as u16, b"y"));
        let reply = lab.expect(echo_reply().to(source).to_mac(TN1.mac));
        let probes = lab.collect(seconds(9), unicast_solicitation(TN1, source));
        lab.check(probes.len() == 3, "MAX_UNICAST_SOLICIT is three");
        let delay = probes[0].at.saturating_since(reply.at);
        lab.check(delay >= seconds(5) && delay < seconds(6), "DELAY_FIRST_PROBE_TIME is 5 s");
        spaced(lab, &probes, seconds(1));
    }
}

fn no_route(lab: &mut Lab) {
    lab.start();
    lab.act(Action::AddAddress(lab.dut_global));
    lab.wait(seconds(3));
    lab.forget();
    lab.act(Action::Ping { destination: TN2.global, size: 8 });
    lab.never(seconds(5), neighbor_solicitation(TN2.global));
}

fn two_routers(lab: &mut Lab, first: RouterAdvertisement, second: RouterAdvertisement) {
    lab.start_with(TR1);
    lab.answer_for(TR2);
    lab.advertise(TR1, first, Some(PrefixInformation::default()));
    lab.advertise(TR2, second, Some(PrefixInformation::default()));
    lab.settle(seconds(4));
}

/// The router that a packet for beyond the link goes to.
#[track_caller]
fn router_for(lab: &mut Lab, destination: Ipv6Addr) -> Station {
    ask_global(lab, TN1, destination);
    let reply = lab.expect(echo_reply().to(destination));
    let router = [TR1, TR2].into_iter().find(|router| router.mac == reply.to_mac);
    lab.check(router.is_some(), "it goes to a router");
    router.unwrap_or(TR1)
}

fn second_router(lab: &mut Lab) {
    two_routers(lab, RouterAdvertisement::default(), RouterAdvertisement::default());
    let first = router_for(lab, TN2.global);
    let second = if first == TR1 { TR2 } else { TR1 };
    lab.no_answer_for(first);
    // It is found out with traffic: DELAY, PROBE, and then the other one.
    for _ in 0..20 {
        ask_global(lab, TN1, TN2.global);
        lab.wait(seconds(3));
    }
    lab.forget();
    let now = router_for(lab, TN2.global);
    lab.check(now == second, "traffic goes by the other router");
}

fn preference(lab: &mut Lab) {
    let with =
        |bits: u8| RouterAdvertisement { flags: bits << 3, ..RouterAdvertisement::default() };
    // 01 is high, 11 low, 00 medium; 10 is reserved and counts as medium.
    two_routers(lab, with(0b11), with(0b01));
    let router = router_for(lab, TN2.global);
    lab.check(router == TR2, "the high one is used");
    lab.advertise(TR1, with(0b01), None);
    lab.advertise(TR2, with(0b10), None);
    let router = router_for(lab, TN2.global);
    lab.check(router == TR1, "the preference of the last advertisement counts");
}

fn first_hop(lab: &mut Lab) {
    let high = RouterAdvertisement { flags: 0b01 << 3, ..RouterAdvertisement::default() };
    lab.start_with(TR1);
    lab.answer_for(TR2);
    lab.advertise(TR1, RouterAdvertisement::default(), Some(PrefixInformation::default()));
    lab.advertise(TR2, high, None);
    lab.settle(seconds(4));
    let router = router_for(lab, TN2.global);
    lab.check(router == TR1, "the router that knows the source's prefix is used");
    lab.advertise(TR2, high, Some(PrefixInformation::default()));
    let router = router_for(lab, TN2.global);
    lab.check(router == TR2, "of two that know it, the better one");
}

fn route_information(lab: &mut Lab) {
    two_routers(
        lab,
        RouterAdvertisement::default(),
        RouterAdvertisement { lifetime: 0, ..Default::default() },
    );
    let router = router_for(lab, TN2.global);
    lab.check(router == TR1, "without a route, by the default router");
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0);
    let route = |lifetime| {
        packet(TR2.link_local, crate::station::ALL_NODES)
            .router_advertisement(RouterAdvertisement { lifetime: 0, ..Default::default() })
            .source_link_layer(TR2.mac)
            .route_information(prefix, 48, 0, lifetime)
    };
    lab.send(TR2, route(100));
    let router = router_for(lab, TN2.global);
    lab.check(router == TR2, "the more specific route counts");
    let router = router_for(lab, Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 1));
    lab.check(router == TR1, "and nothing else is moved");
    lab.send(TR2, route(0));
    let router = router_for(lab, TN2.global);
    lab.check(router == TR1, "with lifetime 0 it is gone");
}

fn router_withdrawn(lab: &mut Lab) {
    two_routers(lab, RouterAdvertisement::default(), RouterAdvertisement::default());
    let first = router_for(lab, TN2.global);
    lab.advertise(first, RouterAdvertisement { lifetime: 0, ..Default::default() }, None);
    let second = router_for(lab, TN2.global);
    lab.check(second != first, "the other router is used at once");
    lab.advertise(second, RouterAdvertisement { lifetime: 0, ..Default::default() }, None);
    lab.forget();
    ask_global(lab, TN1, TN2.global);
    lab.never(seconds(3), echo_reply());
}

fn limited(lab: &mut Lab) {
    lab.start();
    for index in 0..50 {
        lab.act(Action::Ping { destination: TN1.link_local, size: index });
    }
    let probes = lab.collect(seconds(5), multicast_solicitation(TN1.link_local));
    lab.check(probes.len() == 3, "a neighbor is solicited once in a second");
}

fn reachable_time(lab: &mut Lab) {
    lab.common_setup();
    let base = RouterAdvertisement { reachable_time: 10_000, ..RouterAdvertisement::default() };
    lab.advertise(TR1, base, None);
    bring(lab, TN1, State::Reachable);
    let start = lab.now();
    // The entry is used all the time; it lasts 0.5 to 1.5 times the base.
    loop {
        lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x"));
        lab.expect(echo_reply());
        let probes = lab.collect(Duration::from_millis(500), neighbor_solicitation(TN1.link_local));
        let after = lab.now().saturating_since(start);
        if !probes.is_empty() {
            lab.check(after >= seconds(10) && after <= seconds(22), &format!("after {after:?}"));
            break;
        }
        lab.check(after < seconds(30), "it is probed at last");
    }
}

fn comes_back(lab: &mut Lab) {
    lab.common_setup();
    lab.no_answer_for(TR1);
    lab.wait(seconds(60));
    lab.forget();
    let mut solicitations = Vec::new();
    for _ in 0..200 {
        ask_global(lab, TN1, TN2.global);
        solicitations.extend(lab.collect(seconds(1), neighbor_solicitation(TR1.link_local)));
    }
    lab.check(
        solicitations.len() >= 4,
        "the only router is looked for as long as there is traffic",
    );
    lab.check(solicitations.len() <= 200, "and not more often than once a second");
    lab.answer_for(TR1);
    for _ in 0..70 {
        ask_global(lab, TN1, TN2.global);
        lab.wait(seconds(1));
    }
    lab.forget();
    ask_global(lab, TN1, TN2.global);
    lab.expect(echo_reply().to_mac(TR1.mac));
}

fn unreachable(lab: &mut Lab) {
    lab.start();
    bring(lab, TN1, State::Probe);
    let mut solicitations = Vec::new();
    for sequence in 0..120 {
        lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, sequence, b"x"));
        lab.expect(echo_reply().to_mac(TN1.mac));
        solicitations.extend(lab.collect(seconds(1), multicast_solicitation(TN1.link_local)));
    }
    let gaps = solicitations
        .windows(2)
        .map(|pair| pair[1].at.saturating_since(pair[0].at).as_secs_f32())
        .collect::<Vec<_>>();
    let steps = [3.0, 9.0, 27.0];
    let grow = gaps.iter().zip(steps).all(|(gap, step)| (0.5..=1.6).contains(&(gap / step)));
    lab.check(gaps.len() >= 3 && grow, &format!("a backoff of three: {gaps:?}"));
    lab.check(gaps.iter().all(|gap| *gap <= 61.0), "a minute at most");
    // No traffic, no questions.
    lab.wait(seconds(61));
    lab.forget();
    lab.never(seconds(200), neighbor_solicitation(TN1.link_local));
}

fn no_confirmation(lab: &mut Lab) {
    lab.start();
    bring(lab, TN1, State::Stale);
    lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x"));
    lab.expect(echo_reply());
    // Unsolicited advertisements all the while.
    for _ in 0..5 {
        let unsolicited = packet(TN1.link_local, crate::station::ALL_NODES)
            .neighbor_advertisement(TN1.link_local, "")
            .target_link_layer(TN1.mac);
        lab.send(TN1, unsolicited);
        lab.wait(seconds(1));
    }
    lab.expect(unicast_solicitation(TN1, TN1.link_local));
}

fn flood(lab: &mut Lab) {
    lab.common_setup();
    bring(lab, TN1, State::Reachable);
    for host in 0..10_000_u16 {
        let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0xbad, 0, 0, host);
        lab.send(TN3, packet(source, lab.dut).echo_request(1, host, b"x"));
    }
    lab.forget();
    ask_global(lab, TN1, TN2.global);
    lab.expect(echo_reply().to(TN2.global).to_mac(TR1.mac));
    lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x"));
    lab.expect(echo_reply().to(TN1.link_local).to_mac(TN1.mac));
    lab.wait(seconds(30));
    lab.forget();
    lab.act(Action::Ping { destination: TN3.link_local, size: 8 });
    lab.expect(multicast_solicitation(TN3.link_local));
    advertise_itself(lab, TN3);
    lab.expect(echo_request().to(TN3.link_local));
    lab.never(Duration::ZERO, reaction());
}
