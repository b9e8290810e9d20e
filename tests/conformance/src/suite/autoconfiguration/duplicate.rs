//! Duplicate Address Detection (RFC 4862, Section 5.4; RFC 7527; RFC 7217, Section 6).

use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::{Frame, PrefixInformation, RouterAdvertisement, packet};
use crate::lab::seconds;
use crate::pattern::{
    anything, duplicate_address_probe, listener_report, neighbor_advertisement, reaction,
    router_solicitation,
};
use crate::seen::Seen;
use crate::station::{ALL_NODES, Mac, TN1, TR1, solicited_node};
use net::config::{Config, IdentifierMethod, InterfaceSettings};
use net::time::Duration;
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case(
        "3.1.1",
        "Address Autoconfiguration and DAD",
        &["DAD-1", "DAD-2", "DAD-3", "DAD-8", "SLA-1"],
        detection,
    ),
    case("3.1.2", "Receiving DAD NS and NA", &["DAD-5", "DAD-7", "DAD-9"], receiving),
    case("3.1.3", "Validation of DAD Neighbor Solicitations", &["DAD-5", "ND-1"], solicitations),
    case("3.1.4", "Validation of DAD Neighbor Advertisements", &["DAD-7", "ND-2"], advertisements),
    case(
        "3.1.5",
        "Receiving Neighbor Solicitations for Address Resolution",
        &["DAD-6"],
        resolution,
    ),
    case("3.2.7", "Conflict of an opaque identifier", &["DAD-10", "IID-2"], opaque)
        .with(opaque_identifiers),
    case("IID-4", "An identifier that always conflicts", &["IID-4"], always)
        .with(opaque_identifiers),
    case("DAD-1", "Every address is tested", &["DAD-1"], every_address),
    case("DAD-1.0", "Detection switched off", &["DAD-1"], switched_off).with(without_detection),
    case("DAD-4", "A random delay before the first packet", &["DAD-4"], random_delay),
    case("DAD-11", "Packets to a tentative address", &["DAD-11"], tentative),
    case("DAD-12", "A probe that comes back", &["DAD-12"], looped),
    case("DAD-13", "Optimistic detection", &["DAD-13"], optimistic).with(optimistic_detection),
];

fn opaque_identifiers() -> Config {
    let interface = InterfaceSettings {
        identifiers: IdentifierMethod::StableOpaque,
        ..InterfaceSettings::DEFAULT
    };
    Config { interface, ..Config::DEFAULT }
}

fn without_detection() -> Config {
    let interface = InterfaceSettings {
        duplicate_address_detection_transmits: 0,
        ..InterfaceSettings::DEFAULT
    };
    Config { interface, ..Config::DEFAULT }
}

fn optimistic_detection() -> Config {
    let interface = InterfaceSettings { optimistic: true, ..InterfaceSettings::DEFAULT };
    Config { interface, ..Config::DEFAULT }
}

fn detection(lab: &mut Lab) {
    let start = lab.now();
    lab.act(Action::SetLink(true));
    // RFC 4862, Section 5.4.2: the group is joined, and reported, before the probe.
    lab.expect(listener_report(4, solicited_node(lab.dut)));
    let probe = lab.expect(duplicate_address_probe(lab.dut).hop_limit(255));
    let latest = seconds(1) + lab.slack();
    lab.check(probe.at.saturating_since(start) <= latest, "MAX_RTR_SOLICITATION_DELAY is 1 s");
    let others = lab.collect(seconds(3), duplicate_address_probe(lab.dut));
    lab.check(others.is_empty(), "DupAddrDetectTransmits is one");
    let solicitation =
        packet(TN1.link_local, solicited_node(lab.dut)).neighbor_solicitation(lab.dut);
    lab.send(TN1, solicitation.source_link_layer(TN1.mac));
    lab.expect(neighbor_advertisement(lab.dut, "SO").target_link_layer(lab.mac));
}

/// Starts, answers the probe with `frame`, and tells whether the device gives the address up.
#[track_caller]
fn is_refused(lab: &mut Lab, frame: &Frame) -> bool {
    lab.replace();
    lab.act(Action::SetLink(true));
    lab.expect(duplicate_address_probe(lab.dut));
    lab.send(TN1, frame);
    lab.wait(seconds(3));
    lab.forget();
    let solicitation =
        packet(TN1.link_local, solicited_node(lab.dut)).neighbor_solicitation(lab.dut);
    lab.send(TN1, solicitation.source_link_layer(TN1.mac));
    lab.collect(seconds(2), neighbor_advertisement(lab.dut, "SO")).is_empty()
}

fn probe_for(target: Ipv6Addr) -> Frame {
    packet(Ipv6Addr::UNSPECIFIED, solicited_node(target)).neighbor_solicitation(target)
}

fn advertisement_for(target: Ipv6Addr) -> Frame {
    packet(target, ALL_NODES).neighbor_advertisement(target, "O").target_link_layer(TN1.mac)
}

fn receiving(lab: &mut Lab) {
    let other = TN1.link_local;
    for frame in [probe_for(other), advertisement_for(other)] {
        let refused = is_refused(lab, &frame);
        lab.check(!refused, "another target has no effect");
    }
    for frame in [probe_for(lab.dut), advertisement_for(lab.dut)] {
        let refused = is_refused(lab, &frame);
        lab.check(refused, "the address is a duplicate");
        // An address of the hardware that is taken means that IP must not be used at all.
        lab.never(seconds(20), router_solicitation());
        lab.send(TN1, packet(TN1.link_local, ALL_NODES).echo_request(1, 1, b"x"));
        lab.never(seconds(3), reaction());
    }
}

fn solicitations(lab: &mut Lab) {
    let good = probe_for(lab.dut);
    let bad = [
        good.clone().shortened_to(20),
        good.clone().hop_limit(254),
        packet(Ipv6Addr::UNSPECIFIED, lab.dut).neighbor_solicitation(lab.dut),
        packet(Ipv6Addr::UNSPECIFIED, ALL_NODES).neighbor_solicitation(lab.dut),
        good.clone().code(1),
        good.clone().wrong_checksum(),
        packet(Ipv6Addr::UNSPECIFIED, solicited_node(lab.dut))
            .neighbor_solicitation(solicited_node(lab.dut)),
        good.clone().source_link_layer(TN1.mac),
    ];
    for frame in &bad {
        let refused = is_refused(lab, frame);
        lab.check(!refused, "an invalid solicitation has no effect");
    }
    for frame in [good.clone().with_octet(4, 0xff), good.target_link_layer(TN1.mac)] {
        let refused = is_refused(lab, &frame);
        lab.check(refused, "what is reserved or meant for others does not matter");
    }
}

fn advertisements(lab: &mut Lab) {
    let good = advertisement_for(lab.dut);
    let bad = [
        good.clone().shortened_to(16),
        good.clone().hop_limit(254),
        good.clone().code(1),
        good.clone().wrong_checksum(),
        packet(lab.dut, ALL_NODES).neighbor_advertisement(lab.dut, "SO"),
        packet(lab.dut, ALL_NODES).neighbor_advertisement(solicited_node(lab.dut), "O"),
        good.clone().option_of_length_zero(),
    ];
    for frame in &bad {
        let refused = is_refused(lab, frame);
        lab.check(!refused, "an invalid advertisement has no effect");
    }
    for frame in [good.clone().with_octet(7, 0xff), good.source_link_layer(TN1.mac)] {
        let refused = is_refused(lab, &frame);
        lab.check(refused, "what is reserved or meant for others does not matter");
    }
}

fn resolution(lab: &mut Lab) {
    for destination in [solicited_node(lab.dut), lab.dut] {
        let frame = packet(TN1.link_local, destination)
            .neighbor_solicitation(lab.dut)
            .source_link_layer(TN1.mac);
        let refused = is_refused(lab, &frame);
        lab.check(!refused, "address resolution is no conflict");
    }
}

/// Probes for link-local addresses.
fn link_local_probes(lab: &mut Lab, duration: Duration) -> Vec<Seen> {
    let probe = anything().and("is a probe", |seen| {
        seen.icmpv6() == Some(135)
            && seen.source.is_unspecified()
            && seen.target().is_some_and(|target| target.is_unicast_link_local())
    });
    lab.collect(duration, probe)
}

fn opaque(lab: &mut Lab) {
    lab.act(Action::SetLink(true));
    let first = link_local_probes(lab, seconds(2)).first().and_then(Seen::target);
    let first = first.unwrap_or(Ipv6Addr::UNSPECIFIED);
    lab.check(first != lab.dut && !first.is_unspecified(), "the identifier tells no hardware");
    lab.act(Action::SetLink(false));
    lab.act(Action::SetLink(true));
    // The same address as ever, until it is refused.
    let again = lab.expect(duplicate_address_probe(first));
    lab.send(TN1, advertisement_for(first));
    let next = link_local_probes(lab, seconds(4)).first().cloned();
    lab.check(next.is_some(), "another identifier is tried");
    if let Some(next) = next {
        lab.check(next.target() != Some(first), "and it is another one");
        lab.check(next.at.saturating_since(again.at) >= seconds(1), "IDGEN_DELAY is one second");
    }
}

fn always(lab: &mut Lab) {
    lab.act(Action::SetLink(true));
    let mut refused = Vec::new();
    let deadline = lab.now() + seconds(60);
    while lab.now() < deadline {
        for probe in link_local_probes(lab, Duration::from_millis(100)) {
            let target = probe.target().unwrap_or(Ipv6Addr::UNSPECIFIED);
            refused.push(target);
            lab.send(TN1, advertisement_for(target));
        }
    }
    // IDGEN_RETRIES is three: four addresses, and no more.
    lab.check((2..=4).contains(&refused.len()), &format!("{refused:?}"));
    lab.check(!refused.contains(&lab.dut), "there is no way back to the hardware's identifier");
}

fn every_address(lab: &mut Lab) {
    lab.start();
    lab.act(Action::AddAddress(Ipv6Addr::new(0x2001, 0xdb8, 5, 0, 0, 0, 0, 0x55)));
    lab.expect(duplicate_address_probe(Ipv6Addr::new(0x2001, 0xdb8, 5, 0, 0, 0, 0, 0x55)));
    let prefix = Some(PrefixInformation::default());
    lab.advertise(TR1, RouterAdvertisement::default(), prefix);
    lab.expect(duplicate_address_probe(lab.dut_global));
}

fn switched_off(lab: &mut Lab) {
    lab.act(Action::SetLink(true));
    lab.wait(seconds(2));
    lab.never(seconds(1), duplicate_address_probe(lab.dut));
    lab.answer_for(TN1);
    lab.ping(TN1, TN1.link_local, lab.dut);
}

fn random_delay(lab: &mut Lab) {
    let mut delays = Vec::new();
    for _ in 0..20 {
        lab.act(Action::SetLink(false));
        lab.forget();
        let start = lab.now();
        lab.act(Action::SetLink(true));
        let probe = lab.expect(duplicate_address_probe(lab.dut));
        delays.push(probe.at.saturating_since(start));
    }
    lab.check(delays.iter().all(|&delay| delay <= seconds(1)), "no longer than a second");
    let (least, most) = (delays.iter().min().copied(), delays.iter().max().copied());
    let spread = most.unwrap_or_default().saturating_sub(least.unwrap_or_default());
    lab.check(spread > Duration::from_millis(200), "and not always the same");
}

fn tentative(lab: &mut Lab) {
    lab.act(Action::SetLink(true));
    lab.expect(duplicate_address_probe(lab.dut));
    lab.send(TN1, packet(TN1.link_local, lab.dut).echo_request(1, 1, b"x"));
    lab.never(Duration::from_millis(900), crate::pattern::echo_reply());
}

fn looped(lab: &mut Lab) {
    lab.act(Action::SetLink(true));
    let probe = lab.expect(duplicate_address_probe(lab.dut));
    let nonce = probe.option(14);
    lab.check(nonce.as_ref().is_some_and(|nonce| nonce.len() >= 6), "a probe has a nonce");
    // A switch sends it back as it was.
    let back = packet(Ipv6Addr::UNSPECIFIED, solicited_node(lab.dut))
        .neighbor_solicitation(lab.dut)
        .option(14, &nonce.unwrap_or_default())
        .from_mac(lab.mac);
    lab.send(TN1, back);
    lab.wait(seconds(6));
    lab.forget();
    lab.answer_for(TN1);
    lab.ping(TN1, TN1.link_local, lab.dut);
    // Another nonce is another node.
    let foreign = probe_for(lab.dut).nonce([1, 2, 3, 4, 5, 6]);
    let refused = is_refused(lab, &foreign);
    lab.check(refused, "a probe with another nonce is a conflict");
}

fn optimistic(lab: &mut Lab) {
    lab.act(Action::SetLink(true));
    lab.expect(duplicate_address_probe(lab.dut));
    // In use at once, but without claims on anybody's cache.
    let solicitation = packet(TN1.link_local, solicited_node(lab.dut))
        .neighbor_solicitation(lab.dut)
        .source_link_layer(TN1.mac);
    lab.send(TN1, &solicitation);
    lab.expect_within(Duration::from_millis(100), neighbor_advertisement(lab.dut, "S"));
    let seen = lab.collect(Duration::from_millis(500), anything());
    for frame in seen {
        let claims = frame.source == lab.dut && frame.option(1).is_some();
        lab.check(!claims, "an optimistic address does not give its link-layer address");
    }
    lab.wait(seconds(3));
    lab.forget();
    lab.send(TN1, solicitation);
    lab.expect(neighbor_advertisement(lab.dut, "SO"));
    // A conflict still counts.
    let mac = Mac([2, 0, 0, 0, 0, 0x55]);
    let conflict =
        packet(lab.dut, ALL_NODES).neighbor_advertisement(lab.dut, "O").target_link_layer(mac);
    let refused = is_refused(lab, &conflict);
    lab.check(refused, "a duplicate is given up");
}
