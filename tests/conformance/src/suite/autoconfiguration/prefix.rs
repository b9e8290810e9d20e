//! Prefixes that make addresses (RFC 4862, Section 5.5).

use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::{PrefixInformation, RouterAdvertisement, packet};
use crate::lab::seconds;
use crate::pattern::{duplicate_address_probe, echo_reply};
use crate::station::{ALL_NODES, TN1, TN2, TR1, eui64};
use net::config::{Config, InterfaceSettings};
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case("3.2.1", "Global Address Autoconfiguration and DAD", &["SLA-3", "DAD-1"], formed),
    case(
        "3.2.4",
        "Prefix Information Option Processing",
        &["SLA-2", "SLA-5", "SLA-11"],
        processing,
    ),
    case("SLA-9", "Autoconfiguration switched off", &["SLA-9"], switched_off)
        .with(without_addresses),
    case("ADR-2", "Many addresses", &["ADR-2", "SLA-11"], many),
    case("ADR-13", "Unique local addresses", &["ADR-13"], unique_local),
    case("SEL-7", "The address that was asked answers", &["SEL-7", "SEL-1"], answers),
];

fn without_addresses() -> Config {
    let interface = InterfaceSettings { autoconfiguration: false, ..InterfaceSettings::DEFAULT };
    Config { interface, ..Config::DEFAULT }
}

fn prefix(text: &str) -> Ipv6Addr {
    text.parse().expect("a prefix of this file")
}

fn advertise(lab: &mut Lab, information: PrefixInformation) {
    lab.advertise(TR1, RouterAdvertisement::default(), Some(information));
}

/// Whether the device makes an address of the prefix.
#[track_caller]
fn makes_address(lab: &mut Lab, information: PrefixInformation) -> bool {
    lab.forget();
    let address = eui64(information.prefix, lab.mac);
    advertise(lab, information);
    !lab.collect(seconds(3), duplicate_address_probe(address)).is_empty()
}

fn formed(lab: &mut Lab) {
    lab.start_with(TR1);
    for text in ["2001:db8:1::", "8000::", "fec0::"] {
        let information = PrefixInformation { prefix: prefix(text), ..Default::default() };
        let made = makes_address(lab, information);
        lab.check(made, text);
        let address = eui64(information.prefix, lab.mac);
        lab.answer_for(TN1);
        let neighbor = eui64(information.prefix, TN1.mac);
        lab.send(TN1, packet(neighbor, address).echo_request(1, 1, b"x"));
        lab.expect(crate::pattern::multicast_solicitation(neighbor));
    }
}

fn processing(lab: &mut Lab) {
    lab.start_with(TR1);
    let with = |number: u16| PrefixInformation {
        prefix: Ipv6Addr::new(0x2001, 0xdb8, 0x10, number, 0, 0, 0, 0),
        ..PrefixInformation::default()
    };
    let bad = [
        ("A is clear", PrefixInformation { autonomous: false, ..with(1) }),
        ("the link-local prefix", PrefixInformation { prefix: prefix("fe80::"), ..with(2) }),
        ("preferred above valid", PrefixInformation { preferred: 100, valid: 50, ..with(3) }),
        ("longer than an address", PrefixInformation { length: 129, ..with(4) }),
        ("shorter than 64", PrefixInformation { length: 63, ..with(5) }),
        ("between 64 and 128", PrefixInformation { length: 100, ..with(6) }),
        ("valid for no time", PrefixInformation { valid: 0, preferred: 0, ..with(7) }),
    ];
    for (words, information) in bad {
        let link_local = information.prefix.is_unicast_link_local();
        let made = makes_address(lab, information);
        lab.check(!made || link_local, words);
    }
    let frame = packet(TR1.link_local, ALL_NODES)
        .router_advertisement(RouterAdvertisement::default())
        .prefix(with(8))
        .hop_limit(254);
    lab.send(TR1, frame);
    lab.never(seconds(3), duplicate_address_probe(eui64(with(8).prefix, lab.mac)));
    // Several in one advertisement, the good ones behind a bad one.
    let frame = packet(TR1.link_local, ALL_NODES)
        .router_advertisement(RouterAdvertisement::default())
        .prefix(PrefixInformation { valid: 1, preferred: 2, ..with(9) })
        .prefix(with(10))
        .prefix(PrefixInformation { valid: u32::MAX, preferred: u32::MAX, ..with(11) });
    lab.send(TR1, frame);
    lab.wait(seconds(3));
    lab.forget();
    for (number, there) in [(9, false), (10, true), (11, true)] {
        let address = eui64(with(number).prefix, lab.mac);
        lab.send(TR1, packet(TN2.global, address).echo_request(1, 1, b"x"));
        let replies = lab.collect(seconds(2), echo_reply().from(address));
        lab.check(replies.is_empty() != there, &format!("{address}"));
    }
    // An infinite lifetime does not end.
    let finite = eui64(with(10).prefix, lab.mac);
    let infinite = eui64(with(11).prefix, lab.mac);
    for _ in 0..40 {
        lab.wait(seconds(86_400));
        lab.advertise(TR1, RouterAdvertisement::default(), None);
    }
    lab.forget();
    lab.send(TR1, packet(TN2.global, infinite).echo_request(1, 1, b"x"));
    lab.expect(echo_reply().from(infinite));
    lab.send(TR1, packet(TN2.global, finite).echo_request(1, 1, b"x"));
    lab.never(seconds(2), echo_reply());
}

fn switched_off(lab: &mut Lab) {
    lab.start_with(TR1);
    let made = makes_address(lab, PrefixInformation::default());
    lab.check(!made, "no address is made");
}

fn many(lab: &mut Lab) {
    lab.start_with(TR1);
    for number in 0..8_u16 {
        let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0x20, number, 0, 0, 0, 0);
        let made = makes_address(lab, PrefixInformation { prefix, ..Default::default() });
        lab.check(made, "one more address");
    }
    lab.forget();
    for number in 0..8_u16 {
        let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0x20, number, 0, 0, 0, 0);
        let address = eui64(prefix, lab.mac);
        lab.send(TR1, packet(TN2.global, address).echo_request(1, 1, b"x"));
        lab.expect(echo_reply().from(address));
    }
}

fn unique_local(lab: &mut Lab) {
    lab.start_with(TR1);
    let local = PrefixInformation { prefix: prefix("fd00:1::"), ..PrefixInformation::default() };
    advertise(lab, local);
    advertise(lab, PrefixInformation::default());
    lab.settle(seconds(4));
    for (destination, source) in
        [(prefix("fd00:2::9"), eui64(local.prefix, lab.mac)), (TN2.global, lab.dut_global)]
    {
        lab.act(Action::Ping { destination, size: 8 });
        lab.expect(crate::pattern::echo_request().to(destination).from(source));
    }
}

fn answers(lab: &mut Lab) {
    lab.start_with(TR1);
    let second = PrefixInformation { prefix: prefix("2001:db8:77::"), ..Default::default() };
    advertise(lab, PrefixInformation::default());
    advertise(lab, second);
    lab.settle(seconds(4));
    for address in [lab.dut_global, eui64(second.prefix, lab.mac)] {
        lab.send(TR1, packet(TN2.global, address).echo_request(1, 1, b"x"));
        lab.expect(echo_reply().from(address).to(TN2.global));
        lab.send(TR1, packet(TN2.global, address).udp(5000, 9001, b"x"));
        lab.expect(crate::pattern::destination_unreachable(4).from(address));
        lab.send(TR1, packet(TN2.global, address).tcp((5000, 9001), 1, 0, "S", b""));
        lab.expect(crate::pattern::tcp(9001, "RA").from(address).to(TN2.global));
    }
}
