//! Addresses that age (RFC 4862, Section 5.5.3 (e) and 5.5.4).

use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::{PrefixInformation, RouterAdvertisement, packet};
use crate::lab::seconds;
use crate::pattern::{echo_reply, echo_request};
use crate::station::{PREFIX, TN2, TR1, eui64};
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case("3.2.2", "Address Lifetime Expiry", &["SLA-7"], expiry),
    case("3.2.3", "Multiple Prefixes and Network Renumbering", &["SLA-8", "SLA-6"], renumbering),
    case("3.2.5.A", "Prefix Lifetime greater than Remaining Lifetime", &["SLA-4"], greater),
    case("3.2.5.B", "Prefix Lifetime greater than 2 hours", &["SLA-4"], above_two_hours),
    case("3.2.5.C", "Prefix Lifetime less than the Remaining Lifetime", &["SLA-4"], less),
    case("3.2.5.D", "Prefix Lifetime less than 2 hours", &["SLA-4"], below_two_hours),
    case("SLA-6", "Deprecated addresses", &["SLA-6", "SEL-2"], deprecated),
];

const NEW: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x99, 0, 0, 0, 0, 0);

fn advertise(lab: &mut Lab, prefix: Ipv6Addr, valid: u32, preferred: u32) {
    let information = PrefixInformation { valid, preferred, prefix, ..Default::default() };
    lab.advertise(
        TR1,
        RouterAdvertisement { lifetime: 9000, ..Default::default() },
        Some(information),
    );
}

/// Whether the device answers at an address.
#[track_caller]
fn answers(lab: &mut Lab, address: Ipv6Addr) -> bool {
    lab.forget();
    lab.send(TR1, packet(TN2.global, address).echo_request(1, 1, b"x"));
    !lab.collect(seconds(1), echo_reply().from(address)).is_empty()
}

/// The device answers for `lifetime` seconds from now, and not afterwards.
#[track_caller]
fn lasts(lab: &mut Lab, lifetime: u64) {
    lab.wait(seconds(lifetime - 15));
    let before = answers(lab, lab.dut_global);
    lab.check(before, "it is there shortly before its time");
    lab.wait(seconds(30));
    let after = answers(lab, lab.dut_global);
    lab.check(!after, "it is gone shortly after its time");
}

fn expiry(lab: &mut Lab) {
    lab.start_with(TR1);
    advertise(lab, PREFIX, 40, 20);
    lab.wait(seconds(4));
    let at_once = answers(lab, lab.dut_global);
    lab.check(at_once, "it is there");
    lasts(lab, 36);
}

fn renumbering(lab: &mut Lab) {
    lab.start_with(TR1);
    advertise(lab, PREFIX, 60, 30);
    advertise(lab, NEW, 600, 600);
    lab.wait(seconds(4));
    let (old, new) = (lab.dut_global, eui64(NEW, lab.mac));
    let both = answers(lab, old) && answers(lab, new);
    lab.check(both, "both are there");
    lab.wait(seconds(30));
    let still = answers(lab, old);
    lab.check(still, "the old one is deprecated, but accepts");
    lab.act(Action::Ping { destination: TN2.global, size: 8 });
    lab.expect(echo_request().from(new));
    lab.wait(seconds(40));
    let (old_there, new_there) = (answers(lab, old), answers(lab, new));
    lab.check(!old_there && new_there, "only the new one is left");
}

fn greater(lab: &mut Lab) {
    lab.start_with(TR1);
    advertise(lab, PREFIX, 60, 60);
    lab.wait(seconds(30));
    advertise(lab, PREFIX, 90, 90);
    lasts(lab, 90);
}

fn above_two_hours(lab: &mut Lab) {
    lab.start_with(TR1);
    advertise(lab, PREFIX, 20_000, 20_000);
    lab.wait(seconds(5));
    advertise(lab, PREFIX, 7500, 7500);
    lasts(lab, 7500);
}

fn less(lab: &mut Lab) {
    lab.start_with(TR1);
    // Less than two hours remain: what is advertised with less has no effect.
    advertise(lab, PREFIX, 6000, 6000);
    lab.wait(seconds(5));
    advertise(lab, PREFIX, 10, 10);
    lasts(lab, 5995);
}

fn below_two_hours(lab: &mut Lab) {
    lab.start_with(TR1);
    // More than two hours remain: two hours are left.
    advertise(lab, PREFIX, 20_000, 20_000);
    lab.wait(seconds(5));
    advertise(lab, PREFIX, 10, 10);
    lasts(lab, 7200);
}

fn deprecated(lab: &mut Lab) {
    lab.start_with(TR1);
    advertise(lab, PREFIX, 600, 0);
    lab.settle(seconds(4));
    // Deprecated, but the only one of its scope.
    lab.act(Action::Ping { destination: TN2.global, size: 8 });
    lab.expect(echo_request().from(lab.dut_global));
    advertise(lab, NEW, 600, 600);
    lab.settle(seconds(4));
    lab.act(Action::Ping { destination: TN2.global, size: 8 });
    lab.expect(echo_request().from(eui64(NEW, lab.mac)));
    let accepts = answers(lab, lab.dut_global);
    lab.check(accepts, "the deprecated one still accepts");
}
