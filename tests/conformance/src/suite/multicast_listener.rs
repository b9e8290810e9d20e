//! Multicast Listener Discovery (RFC 3810, RFC 2710).

use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::{Frame, packet};
use crate::lab::seconds;
use crate::pattern::{Pattern, anything, listener_done, listener_report, listener_report_v1};
use crate::seen::Seen;
use crate::station::{ALL_NODES, TN1, TR1, solicited_node};
use net::time::Duration;
use std::net::Ipv6Addr;

pub(super) const CASES: &[Case] = &[
    case("MLD-2", "The form of reports", &["MLD-1", "MLD-2", "EH-18"], form),
    case("MLD-3", "A group is joined", &["MLD-3", "ADR-1", "ADR-3"], joined),
    case("MLD-4", "A group is left", &["MLD-4"], left),
    case("MLD-5", "Joined and left at once", &["MLD-5"], merged),
    case("MLD-6", "Reports before there is an address", &["MLD-6"], before_address),
    case("MLD-7", "Invalid queries", &["MLD-7"], invalid),
    case("MLD-8", "A query by unicast", &["MLD-8"], unicast),
    case("MLD-9", "A general query", &["MLD-9", "MLD-12"], general),
    case("MLD-10", "A query for a group", &["MLD-10"], specific),
    case("MLD-11", "The floating form of a response code", &["MLD-11"], floating),
    case("MLD-13", "An old querier", &["MLD-13", "MLD-14"], version_1),
    case("MLD-17", "More groups than fit a report", &["MLD-17"], many),
];

const GROUP: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x1234);
/// All MLDv2-capable routers.
const REPORTS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

/// What is at once where a device's programs and time are real, on a machine that has much to do.
const AT_ONCE: Duration = Duration::from_secs(1);

const IS_EXCLUDE: u8 = 2;
const TO_INCLUDE: u8 = 3;
const TO_EXCLUDE: u8 = 4;

fn join(lab: &mut Lab) {
    lab.act(Action::Membership { group: GROUP, join: true });
}

fn leave(lab: &mut Lab) {
    lab.act(Action::Membership { group: GROUP, join: false });
}

/// A general query.
fn general_query(code: u16) -> Frame {
    packet(TR1.link_local, ALL_NODES).listener_query_v2(Ipv6Addr::UNSPECIFIED, code, &[])
}

/// A report that says that the group is listened to.
fn listening() -> Pattern {
    listener_report(IS_EXCLUDE, GROUP)
}

fn form(lab: &mut Lab) {
    lab.start();
    join(lab);
    lab.expect(listener_report(TO_EXCLUDE, GROUP).to(REPORTS).from(lab.dut));
}

fn joined(lab: &mut Lab) {
    lab.start();
    let start = lab.now();
    join(lab);
    let reports = lab.collect(seconds(5), listener_report(TO_EXCLUDE, GROUP));
    lab.check(reports.len() == 2, "the robustness variable is two");
    let first = reports[0].at.saturating_since(start);
    lab.check(first <= lab.slack().min(AT_ONCE), "the first one comes at once");
    let second = reports[1].at.saturating_since(start);
    lab.check(second <= seconds(1) + lab.slack(), "the second one within a second");
    lab.send(TN1, packet(TN1.link_local, GROUP).echo_request(1, 1, b"x"));
    lab.expect(crate::pattern::multicast_solicitation(TN1.link_local));
}

fn left(lab: &mut Lab) {
    lab.start_with(TN1);
    join(lab);
    lab.wait(seconds(5));
    lab.forget();
    leave(lab);
    let reports = lab.collect(seconds(5), listener_report(TO_INCLUDE, GROUP));
    lab.check(reports.len() == 2, "the robustness variable is two");
    lab.send(TN1, packet(TN1.link_local, GROUP).echo_request(1, 1, b"x"));
    lab.silence();
}

fn merged(lab: &mut Lab) {
    lab.start();
    join(lab);
    leave(lab);
    let reports = lab.collect(seconds(5), anything());
    let about_group =
        |seen: &Seen| seen.listener_records().into_iter().rfind(|(_, group, _)| *group == GROUP);
    let last = reports.iter().filter_map(about_group).next_back();
    lab.check(
        last.is_some_and(|(kind, ..)| kind == TO_INCLUDE),
        "the last word is that it is left",
    );
}

fn before_address(lab: &mut Lab) {
    lab.act(Action::SetLink(true));
    let first = lab.expect(listener_report(TO_EXCLUDE, solicited_node(lab.dut)));
    lab.check(first.source.is_unspecified(), "there is no address yet");
    // Again when there is one: routers may ignore those from nobody (RFC 3590, Section 4).
    lab.expect_within(
        seconds(5),
        anything().and("is a report", |seen| seen.icmpv6() == Some(143)).from(lab.dut).and(
            "is about the group",
            {
                let group = solicited_node(lab.dut);
                move |seen: &Seen| seen.listener_records().iter().any(|record| record.1 == group)
            },
        ),
    );
}

fn invalid(lab: &mut Lab) {
    lab.start();
    join(lab);
    lab.wait(seconds(5));
    lab.forget();
    let query = || general_query(1000);
    let bare = packet(TR1.link_local, ALL_NODES).hop_limit(1);
    let mut body = vec![0x03, 0xe8, 0, 0];
    body.extend([0; 16]);
    let bad = [
        packet(TR1.global, ALL_NODES).listener_query_v2(Ipv6Addr::UNSPECIFIED, 1000, &[]),
        query().hop_limit(2),
        query().wrong_checksum(),
        // No Router Alert.
        bare.icmpv6(130, 0, &body),
        query().shortened_to(26),
        query().shortened_to(20),
    ];
    for frame in bad {
        lab.send(TR1, frame);
        lab.never(
            seconds(3),
            anything().and("is a report", |seen| matches!(seen.icmpv6(), Some(131 | 143))),
        );
    }
    lab.send(TR1, query());
    lab.expect(listening());
}

fn unicast(lab: &mut Lab) {
    lab.start();
    join(lab);
    lab.wait(seconds(5));
    lab.forget();
    let query = packet(TR1.link_local, lab.dut).listener_query_v2(Ipv6Addr::UNSPECIFIED, 1000, &[]);
    lab.send(TR1, query);
    lab.expect(listening());
}

fn general(lab: &mut Lab) {
    lab.start();
    join(lab);
    lab.wait(seconds(5));
    let mut delays = Vec::new();
    for _ in 0..20 {
        lab.forget();
        let start = lab.now();
        lab.send(TR1, general_query(10_000));
        let reports = lab.collect(seconds(11), listening());
        lab.check(reports.len() == 1, "one report for a query");
        let groups: Vec<_> = reports[0].listener_records().iter().map(|record| record.1).collect();
        lab.check(groups.contains(&solicited_node(lab.dut)), "all groups are in it");
        let silent = groups.iter().all(|group| *group != ALL_NODES && group.octets()[1] & 15 > 1);
        lab.check(silent, "but not all nodes, and none that stays on the node");
        delays.push(reports[0].at.saturating_since(start));
    }
    lab.check(delays.iter().all(|&delay| delay <= seconds(10)), "in time");
    let most = delays.iter().max().copied().unwrap_or_default();
    let least = delays.iter().min().copied().unwrap_or_default();
    lab.check(most.saturating_sub(least) > seconds(3), "spread over the time");
}

fn specific(lab: &mut Lab) {
    lab.start();
    join(lab);
    lab.wait(seconds(5));
    lab.forget();
    lab.send(TR1, packet(TR1.link_local, GROUP).listener_query_v2(GROUP, 1000, &[]));
    let report = lab.expect(listening());
    lab.check(report.listener_records().len() == 1, "about the group alone");
    let other = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x9999);
    lab.send(TR1, packet(TR1.link_local, other).listener_query_v2(other, 1000, &[]));
    lab.never(seconds(3), listener_report(IS_EXCLUDE, other));
}

fn floating(lab: &mut Lab) {
    lab.start();
    join(lab);
    lab.wait(seconds(5));
    let mut longest = Duration::ZERO;
    for _ in 0..10 {
        lab.forget();
        let start = lab.now();
        // Exponent 1, mantissa 0x234: (0x234 | 0x1000) << 4 milliseconds, that is 74.6 s.
        lab.send(TR1, general_query(0x8000 | 1 << 12 | 0x234));
        let report = lab.expect_within(seconds(150), listening());
        longest = longest.max(report.at.saturating_since(start));
    }
    lab.check(longest <= seconds(148), &format!("{longest:?}"));
    lab.check(longest > seconds(37), "it is not taken for a number of milliseconds");
}

fn version_1(lab: &mut Lab) {
    lab.start();
    join(lab);
    lab.wait(seconds(5));
    lab.forget();
    let query = packet(TR1.link_local, ALL_NODES).listener_query_v1(Ipv6Addr::UNSPECIFIED, 1000);
    lab.send(TR1, &query);
    lab.expect(listener_report_v1(GROUP));
    lab.wait(seconds(2));
    lab.forget();
    // Another listener's report makes one's own needless.
    lab.send(TR1, query);
    lab.send(TN1, packet(TN1.link_local, GROUP).listener_report_v1(GROUP));
    lab.never(seconds(3), listener_report_v1(GROUP));
    let second = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x4321);
    lab.act(Action::Membership { group: second, join: true });
    lab.expect(listener_report_v1(second));
    lab.wait(seconds(15));
    lab.forget();
    lab.act(Action::Membership { group: second, join: false });
    lab.expect(listener_done(second));
    // Robustness 2 times 125 s and 10 s later, version 2 is spoken again.
    lab.wait(seconds(280));
    lab.forget();
    lab.act(Action::Membership { group: second, join: true });
    lab.expect(listener_report(TO_EXCLUDE, second));
}

fn many(lab: &mut Lab) {
    lab.start();
    for number in 0..24_u16 {
        let group = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 1, number);
        lab.act(Action::Membership { group, join: true });
    }
    lab.wait(seconds(5));
    lab.forget();
    lab.send(TR1, general_query(1000));
    let reports = lab.collect(seconds(3), anything());
    let mut groups: Vec<_> = reports
        .iter()
        .filter(|seen| seen.icmpv6() == Some(143))
        .flat_map(Seen::listener_records)
        .map(|record| record.1)
        .collect();
    groups.sort_unstable();
    groups.dedup();
    let ours = groups.iter().filter(|group| group.segments()[6] == 1).count();
    lab.check(ours == 24, "every group is reported");
    lab.check(reports.iter().all(|seen| seen.packet().len() <= 1500), "within the MTU");
}
