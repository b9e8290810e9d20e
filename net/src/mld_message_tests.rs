//! Queries in, reports out.

use crate::counters::DropReason;
use crate::netif::MacAddress;
use crate::test_host::{Host, LINK_LOCAL, Peer, Seen, USB0, ip, ipv6_packet};
use crate::time::{Duration, Instant};
use crate::wire::address_list::AddressList;
use crate::wire::icmpv6::Icmpv6Message;
use crate::wire::ipv6::NextHeader;
use crate::wire::mld::{MulticastListenerQuery, QueryV2, RecordType};
use core::net::Ipv6Addr;

const QUERIER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 1]),
    address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
};
const GROUP: &str = "ff05::99";

fn query(group: &str, version2: bool, code: u16) -> MulticastListenerQuery<'static> {
    MulticastListenerQuery {
        maximum_response_code: code,
        group: ip(group),
        v2: version2.then_some(QueryV2 {
            suppress_router_processing: false,
            robustness: 2,
            interval_code: 125,
            sources: AddressList::EMPTY,
        }),
    }
}

/// An MLD message as it should be: hop limit 1, Router Alert.
pub(crate) fn packet(source: Ipv6Addr, destination: &str, message: &Icmpv6Message<'_>) -> Vec<u8> {
    let mut segment = vec![0; message.len()];
    message.emit(source, ip(destination), &mut segment);
    let mut payload = vec![58, 0, 5, 2, 0, 0, 1, 0];
    payload.extend(segment);
    let mut packet = ipv6_packet(source, ip(destination), NextHeader::HOP_BY_HOP, &payload);
    packet[7] = 1;
    packet
}

/// A host whose socket joined a group some time ago.
fn host() -> Host {
    let mut host = Host::up(1);
    let id = host.stack.open_socket(crate::socket::SocketKind::Udp).unwrap();
    host.stack.join_group(id, ip(GROUP), Some(USB0), host.now).unwrap();
    host.run(Duration::from_secs(20));
    host
}

/// The records of the reports in a trace, with their times.
fn records(seen: &[Seen]) -> Vec<(Instant, RecordType, Ipv6Addr)> {
    let mut records = Vec::new();
    for seen in seen {
        if let Some(Icmpv6Message::MulticastListenerReportV2(report)) = seen.icmpv6() {
            assert_eq!(seen.header.destination, ip("ff02::16"));
            assert_eq!((seen.header.source, seen.header.hop_limit.0), (ip(LINK_LOCAL), 1));
            records.extend(report.iter().map(|record| (seen.at, record.kind, record.group)));
        }
    }
    records
}

/// MLD-9, MLD-10, MLD-11, MLD-12.
#[test]
fn queries_are_answered_in_time() {
    let mut host = host();
    let start = host.now;
    let general = Icmpv6Message::MulticastListenerQuery(query("::", true, 10_000));
    host.packet(QUERIER, &packet(QUERIER.address, "ff02::1", &general));
    let answered = records(&host.run(Duration::from_secs(11)));
    let at = answered[0].0;
    assert!(at <= start + Duration::from_secs(10));
    let mut groups: Vec<_> = answered.iter().map(|&(_, _, group)| group).collect();
    groups.sort_unstable();
    assert_eq!(groups, [ip("ff02::1:ff12:3457"), ip(GROUP)]);
    assert!(
        answered.iter().all(|&(time, kind, _)| (time, kind) == (at, RecordType::ModeIsExclude))
    );
    // About one group, sent to us alone.
    let specific = Icmpv6Message::MulticastListenerQuery(query(GROUP, true, 1000));
    host.packet(QUERIER, &packet(QUERIER.address, LINK_LOCAL, &specific));
    let answered = records(&host.run(Duration::from_secs(2)));
    assert_eq!(answered.len(), 1);
    assert_eq!((answered[0].1, answered[0].2), (RecordType::ModeIsExclude, ip(GROUP)));
    // About a group that is not ours.
    let foreign = Icmpv6Message::MulticastListenerQuery(query("ff05::1", true, 1000));
    host.packet(QUERIER, &packet(QUERIER.address, LINK_LOCAL, &foreign));
    assert_eq!(records(&host.run(Duration::from_secs(2))), []);
}

/// MLD-7: one defect at a time.
#[test]
fn invalid_queries() {
    let mut host = host();
    let message = Icmpv6Message::MulticastListenerQuery(query("::", true, 100));
    let good = packet(QUERIER.address, "ff02::1", &message);
    let mut far = good.clone();
    far[7] = 2;
    // Without Router Alert: padding instead.
    let mut no_alert = good.clone();
    no_alert[42..48].copy_from_slice(&[1, 4, 0, 0, 0, 0]);
    let global = packet(ip("2001:db8::1"), "ff02::1", &message);
    for bad in [far, no_alert, global] {
        host.packet(QUERIER, &bad);
        assert_eq!(records(&host.run(Duration::from_secs(1))), []);
    }
    assert_eq!(host.drops(DropReason::MldInvalid), 3);
    // Neither version 1 (24 octets) nor 2 (28 or more).
    let length = Icmpv6Message::Unknown {
        kind: crate::wire::icmpv6::Icmpv6Type::MULTICAST_LISTENER_QUERY,
        code: 0,
        body: &[0; 22],
    };
    host.packet(QUERIER, &packet(QUERIER.address, "ff02::1", &length));
    assert_eq!(host.drops(DropReason::MldInvalid), 4);
    host.packet(QUERIER, &good);
    assert!(!records(&host.run(Duration::from_secs(1))).is_empty());
    // Reports are for routers.
    let done = Icmpv6Message::MulticastListenerDone(ip(GROUP));
    host.packet(QUERIER, &packet(QUERIER.address, LINK_LOCAL, &done));
    assert_eq!(host.drops(DropReason::MldNotForHosts), 1);
}

/// MLD-13, MLD-14.
#[test]
fn version_1() {
    let mut host = host();
    let message = Icmpv6Message::MulticastListenerQuery(query("::", false, 1000));
    host.packet(QUERIER, &packet(QUERIER.address, "ff02::1", &message));
    let mut seen = host.run(Duration::from_secs(2));
    seen.retain(|seen| seen.icmpv6_type() != 133);
    assert_eq!(seen.len(), 2);
    for report in &seen {
        let Some(Icmpv6Message::MulticastListenerReport(group)) = report.icmpv6() else {
            panic!("no report of version 1");
        };
        assert_eq!(report.header.destination, group);
    }
    // Somebody else reports our group first.
    let specific = Icmpv6Message::MulticastListenerQuery(query(GROUP, false, 1000));
    host.packet(QUERIER, &packet(QUERIER.address, GROUP, &specific));
    let other = Icmpv6Message::MulticastListenerReport(ip(GROUP));
    host.packet(QUERIER, &packet(ip("fe80::77"), GROUP, &other));
    let mut seen = host.run(Duration::from_secs(2));
    seen.retain(|seen| seen.icmpv6_type() != 133);
    assert_eq!(seen, []);
    // Back to version 2.
    host.run(Duration::from_secs(260));
    let id = host.stack.open_socket(crate::socket::SocketKind::Udp).unwrap();
    host.stack.join_group(id, ip("ff05::5"), Some(USB0), host.now).unwrap();
    let reported = records(&host.sent());
    assert_eq!(reported, [(host.now, RecordType::ChangeToExclude, ip("ff05::5"))]);
}
