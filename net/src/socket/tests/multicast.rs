//! Group memberships.

use super::*;
use crate::socket::{FilterMode, SourceChange};
use crate::wire::address_list::AddressList;
use crate::wire::mld::{MulticastListenerQuery, MulticastRecord, QueryV2, RecordType};

/// UDP-9, API-3, API-4: groups.
#[test]
fn multicast() {
    let mut host = host();
    let (a, b, c) = (udp(&mut host), udp(&mut host), udp(&mut host));
    for id in [a, b, c] {
        host.stack.set_socket_option(id, SetOption::ReuseAddress(true)).unwrap();
        host.stack.bind(id, address("::", 7)).unwrap();
    }
    host.stack.set_socket_option(c, SetOption::MulticastAll(false)).unwrap();
    let group = ip("ff05::99");
    assert_eq!(
        host.stack.join_group(a, ip("fe80::1"), Some(USB0), host.now),
        Err(MembershipError::NotMulticast)
    );
    assert_eq!(
        host.stack.join_group(a, group, InterfaceIndex::new(9), host.now),
        Err(MembershipError::NoInterface)
    );
    assert_eq!(
        host.stack.leave_group(a, group, Some(USB0), host.now),
        Err(MembershipError::NotMember)
    );
    host.stack.join_group(a, group, Some(USB0), host.now).unwrap();
    assert_eq!(
        host.stack.join_group(a, group, Some(USB0), host.now),
        Err(MembershipError::AlreadyMember)
    );
    assert_eq!(host.sent()[0].icmpv6_type(), 143, "reported at once");
    host.packet(PEER, &datagram(("2001:db8::9", 99), ("ff05::99", 7), b"all"));
    for (id, gets) in [(a, true), (b, true), (c, false)] {
        assert_eq!(receive(&mut host, id).is_ok(), gets);
    }
    host.stack.join_group(c, group, Some(USB0), host.now).unwrap();
    host.packet(PEER, &datagram(("2001:db8::9", 99), ("ff05::99", 7), b"all"));
    for id in [a, b, c] {
        assert_eq!(receive(&mut host, id).unwrap().1, b"all");
    }
    // Sending: hop limit 1, and our own sockets hear it unless they do not want to.
    host.run(Duration::from_secs(2));
    let to = Some(address("ff05::99", 7));
    send(&mut host, a, to, b"me").unwrap();
    let sent = host.sent();
    assert_eq!((sent.len(), sent[0].header.hop_limit), (1, HopLimit::ONE));
    assert_eq!(sent[0].header.source, ip(OWN));
    let (meta, data) = receive(&mut host, b).unwrap();
    assert_eq!((meta.interface, data), (USB0, b"me".to_vec()));
    host.stack.set_socket_option(a, SetOption::MulticastLoop(false)).unwrap();
    receive(&mut host, a).unwrap();
    receive(&mut host, c).unwrap();
    send(&mut host, a, to, b"me").unwrap();
    assert_eq!(receive(&mut host, b), Err(ReceiveError::WouldBlock));
    // Leaving, by close as well.
    host.stack.leave_group(a, group, None, host.now).unwrap();
    assert!(host.stack.interface(USB0).unwrap().groups().any(|(found, _)| found == group));
    host.stack.close_socket(c, host.now);
    assert!(!host.stack.interface(USB0).unwrap().groups().any(|(found, _)| found == group));
    assert!(
        !host
            .stack
            .interface(USB0)
            .unwrap()
            .groups()
            .any(|(found, _)| found == group.solicited_node())
    );
}

#[test]
fn a_full_table_of_memberships() {
    let mut host = host();
    let ids: Vec<SocketId> = (0..4).map(|_| udp(&mut host)).collect();
    let mut joined = 0;
    // The groups of an interface are fewer than the memberships of all sockets.
    for number in 0..crate::limits::GROUPS as u16 {
        let group = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 1, number);
        for &id in &ids {
            match host.stack.join_group(id, group, Some(USB0), host.now) {
                Ok(()) => joined += 1,
                Err(error) => assert_eq!(error, MembershipError::TableFull),
            }
        }
    }
    assert_eq!(joined, crate::limits::MEMBERSHIPS);
    for id in ids {
        host.stack.close_socket(id, host.now);
    }
    host.run(Duration::from_secs(3));
    let own = [ip("ff01::1"), ip("ff02::1"), ip("ff02::1:ff12:3457"), ip("ff02::1:ff00:1")];
    let interface = host.stack.interface(USB0).unwrap();
    assert!(interface.groups().all(|(group, users)| own.contains(&group) && users == 1));
}

/// The records of the reports in a trace: kind, group, sources.
fn records(seen: &[Seen]) -> Vec<(RecordType, Ipv6Addr, Vec<Ipv6Addr>)> {
    let mut records = Vec::new();
    for seen in seen {
        if let Some(Icmpv6Message::MulticastListenerReportV2(report)) = seen.icmpv6() {
            let record = |record: MulticastRecord<'_>| {
                (record.kind, record.group, record.sources.iter().collect())
            };
            records.extend(report.iter().map(record));
        }
    }
    records
}

const SSM: &str = "ff35::1234";

fn source(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number)
}

/// A change of a socket's membership of a group at the only interface.
fn change(
    host: &mut Host,
    id: SocketId,
    group: &str,
    what: (SourceChange, Ipv6Addr),
) -> Result<(), MembershipError> {
    host.stack.change_source(id, ip(group), Some(USB0), what, host.now)
}

/// Rows: MLD-15, MLD-16, API-13
#[test]
fn sources_come_and_go() {
    use RecordType as Kind;
    use SourceChange::{Block, Join, Leave, Unblock};
    let mut host = host();
    let (a, b) = (bound(&mut host, address("::", 7)), udp(&mut host));
    let reported = |host: &mut Host, expected: (Kind, &[u16])| {
        let seen = records(&host.sent());
        let sources: Vec<_> = expected.1.iter().copied().map(source).collect();
        assert_eq!(seen, [(expected.0, ip(SSM), sources)]);
        host.run(Duration::from_secs(2));
    };
    host.run(Duration::from_secs(3));
    change(&mut host, a, SSM, (Join, source(1))).unwrap();
    reported(&mut host, (Kind::AllowNewSources, &[1]));
    change(&mut host, a, SSM, (Join, source(2))).unwrap();
    reported(&mut host, (Kind::AllowNewSources, &[2]));
    // Somebody else wants one of them: no news.
    change(&mut host, b, SSM, (Join, source(2))).unwrap();
    assert_eq!(records(&host.sent()), []);
    // Only what is wanted arrives, although others get what they did not join.
    for (number, arrives) in [(1, true), (2, true), (3, false)] {
        let from = source(number).to_string();
        host.packet(PEER, &datagram((&from, 99), (SSM, 7), b"x"));
        assert_eq!(receive(&mut host, a).is_ok(), arrives, "{number}");
    }
    change(&mut host, a, SSM, (Leave, source(2))).unwrap();
    assert_eq!(records(&host.sent()), []);
    change(&mut host, a, SSM, (Leave, source(1))).unwrap();
    reported(&mut host, (Kind::BlockOldSources, &[1]));
    host.stack.close_socket(b, host.now);
    reported(&mut host, (Kind::BlockOldSources, &[2]));
    assert!(!host.stack.interface(USB0).unwrap().groups().any(|(group, _)| group == ip(SSM)));

    // What cannot be.
    let refused = |host: &mut Host, what, error| {
        assert_eq!(change(host, a, SSM, what), Err(error));
    };
    refused(&mut host, (Leave, source(1)), MembershipError::NotMember);
    refused(&mut host, (Block, source(1)), MembershipError::WrongMode);
    refused(&mut host, (Unblock, source(1)), MembershipError::WrongMode);
    refused(&mut host, (Join, ip("ff02::1")), MembershipError::NoSource);
    change(&mut host, a, SSM, (Join, source(1))).unwrap();
    refused(&mut host, (Join, source(1)), MembershipError::NoSource);
    refused(&mut host, (Leave, source(9)), MembershipError::NoSource);
    refused(&mut host, (Block, source(9)), MembershipError::WrongMode);
}

/// Rows: MLD-15, MLD-16, API-13
#[test]
fn blocked_sources_are_not_heard() {
    use RecordType as Kind;
    use SourceChange::{Block, Unblock};
    let group = "ff05::99";
    let mut host = host();
    let a = bound(&mut host, address("::", 7));
    host.stack.join_group(a, ip(group), Some(USB0), host.now).unwrap();
    host.run(Duration::from_secs(3));
    change(&mut host, a, group, (Block, source(1))).unwrap();
    assert_eq!(records(&host.sent()), [(Kind::BlockOldSources, ip(group), vec![source(1)])]);
    host.run(Duration::from_secs(3));
    for (number, arrives) in [(1, false), (2, true)] {
        let from = source(number).to_string();
        host.packet(PEER, &datagram((&from, 99), (group, 7), b"x"));
        assert_eq!(receive(&mut host, a).is_ok(), arrives, "{number}");
    }
    // Another socket wants that very source, so nothing is blocked on the link any more.
    let b = udp(&mut host);
    change(&mut host, b, group, (SourceChange::Join, source(1))).unwrap();
    assert_eq!(records(&host.sent()), [(Kind::AllowNewSources, ip(group), vec![source(1)])]);
    host.run(Duration::from_secs(3));
    host.stack.close_socket(b, host.now);
    host.run(Duration::from_secs(3));
    change(&mut host, a, group, (Unblock, source(1))).unwrap();
    assert_eq!(records(&host.sent()), [(Kind::AllowNewSources, ip(group), vec![source(1)])]);
    host.run(Duration::from_secs(3));
    host.stack.leave_group(a, ip(group), None, host.now).unwrap();
    assert_eq!(records(&host.sent()), [(Kind::ChangeToInclude, ip(group), vec![])]);
}

/// Rows: MLD-15, API-13
#[test]
fn whole_filters_change_the_mode() {
    use RecordType as Kind;
    let group = "ff05::99";
    let mut host = host();
    let id = udp(&mut host);
    host.run(Duration::from_secs(3));
    let set = |host: &mut Host, mode, sources: &[u16]| {
        let sources: Vec<_> = sources.iter().copied().map(source).collect();
        let filter = (mode, &sources[..]);
        let result = host.stack.set_source_filter(id, ip(group), Some(USB0), filter, host.now);
        let seen = records(&host.sent());
        host.run(Duration::from_secs(3));
        result.map(|()| seen)
    };
    let list = |numbers: &[u16]| numbers.iter().copied().map(source).collect::<Vec<_>>();
    let seen = set(&mut host, FilterMode::Exclude, &[1, 2]).unwrap();
    assert_eq!(seen, [(Kind::ChangeToExclude, ip(group), list(&[1, 2]))]);
    let seen = set(&mut host, FilterMode::Include, &[2, 3]).unwrap();
    assert_eq!(seen, [(Kind::ChangeToInclude, ip(group), list(&[2, 3]))]);
    let (mode, sources) = host.stack.source_filter(id, ip(group), Some(USB0)).unwrap();
    assert_eq!((mode, sources.collect::<Vec<_>>()), (FilterMode::Include, list(&[2, 3])));
    let seen = set(&mut host, FilterMode::Exclude, &[]).unwrap();
    assert_eq!(seen, [(Kind::ChangeToExclude, ip(group), vec![])]);
    set(&mut host, FilterMode::Include, &[]).unwrap();
    assert!(host.stack.source_filter(id, ip(group), Some(USB0)).is_err());
    let many: Vec<u16> = (0..200).collect();
    assert_eq!(set(&mut host, FilterMode::Include, &many), Err(MembershipError::TableFull));
}

/// Rows: MLD-19
#[test]
fn a_source_specific_group_needs_sources() {
    let mut host = host();
    let id = udp(&mut host);
    let now = host.now;
    let refused = Err(MembershipError::SourceSpecific);
    assert_eq!(host.stack.join_group(id, ip(SSM), Some(USB0), now), refused);
    let filter = (FilterMode::Exclude, &[source(1)][..]);
    assert_eq!(host.stack.set_source_filter(id, ip(SSM), Some(USB0), filter, now), refused);
    // With a prefix in it, it is another kind of group (RFC 3306).
    assert_eq!(host.stack.join_group(id, ip("ff35:40:2001:db8::1"), Some(USB0), now), Ok(()));
}

/// A query about sources is answered with those of them that somebody wants, one about the group
/// with its list.
/// Rows: MLD-10
#[test]
fn queries_about_sources() {
    use RecordType as Kind;
    let mut host = host();
    let id = udp(&mut host);
    for number in [1, 2] {
        change(&mut host, id, SSM, (SourceChange::Join, source(number))).unwrap();
    }
    let other = "ff05::99";
    host.stack.join_group(id, ip(other), Some(USB0), host.now).unwrap();
    change(&mut host, id, other, (SourceChange::Block, source(1))).unwrap();
    host.run(Duration::from_secs(5));
    let list = |numbers: &[u16]| numbers.iter().copied().map(source).collect::<Vec<_>>();
    for (group, asked, answer) in [
        (SSM, &[2, 3][..], Some((Kind::ModeIsInclude, &[2][..]))),
        (SSM, &[3], None),
        (SSM, &[], Some((Kind::ModeIsInclude, &[1, 2]))),
        (other, &[1, 3], Some((Kind::ModeIsInclude, &[3]))),
        (other, &[1], None),
        (other, &[], Some((Kind::ModeIsExclude, &[1]))),
    ] {
        let sources = list(asked);
        let query = MulticastListenerQuery {
            maximum_response_code: 1000,
            group: ip(group),
            v2: Some(QueryV2 {
                suppress_router_processing: false,
                robustness: 2,
                interval_code: 125,
                sources: AddressList::new(&sources),
            }),
        };
        let message = Icmpv6Message::MulticastListenerQuery(query);
        let packet = crate::mld_message::test_packet(ip("fe80::9"), group, &message);
        host.packet(PEER, &packet);
        let seen = records(&host.run(Duration::from_secs(3)));
        let expected: Vec<_> =
            answer.iter().map(|(kind, sources)| (*kind, ip(group), list(sources))).collect();
        assert_eq!(seen, expected, "{group} {asked:?}");
    }
}
