//! What a host tells routers about the groups it listens to (RFC 3810, RFC 2710).

use net::address::{ALL_NODES, AddressExt};
use net::config::Config;
use net::netif::MacAddress;
use net::time::{Duration, Instant};
use net::wire::address_list::AddressList;
use net::wire::icmpv6::Icmpv6Message;
use net::wire::mld::{MulticastListenerQuery, QueryV2, RecordType};
use simulation::host::Host;
use simulation::network::{Handle, Network};
use simulation::packet::{Envelope, link_local};
use simulation::probe::Probe;
use simulation::seed::for_each_seed;
use std::net::Ipv6Addr;

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x52, 0x54, 0, 0x12, 0x34, last])
}

const GROUP: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x4711);

/// A host that has settled, and a querier that has heard nothing since.
fn lab(seed: u64) -> (Network, Handle<Host>, Handle<Probe>) {
    let mut network = Network::new(seed);
    let random = network.fork_random();
    let host = network.add(Host::new(mac(2), Config::default(), random));
    let querier = network.add(Probe::new(mac(9)));
    network.run_for(Duration::from_mins(1));
    network[querier].heard.clear();
    (network, host, querier)
}

/// The records that the querier has heard about groups, and when.
fn records(querier: &Probe) -> Vec<(Instant, RecordType, Ipv6Addr)> {
    querier
        .messages(|_, message| match message {
            Icmpv6Message::MulticastListenerReportV2(records) => {
                Some(records.iter().map(|record| (record.kind, record.group)).collect::<Vec<_>>())
            }
            _ => None,
        })
        .into_iter()
        .flat_map(|(at, list)| list.into_iter().map(move |(kind, group)| (at, kind, group)))
        .collect()
}

/// How many reports of any version the querier has heard.
fn reports(querier: &Probe) -> usize {
    let is_report = |message: &Icmpv6Message<'_>| {
        matches!(
            message,
            Icmpv6Message::MulticastListenerReport(_) | Icmpv6Message::MulticastListenerReportV2(_)
        )
    };
    querier.messages(|_, message| is_report(message).then_some(())).len()
}

fn query(code: u16, group: Ipv6Addr, version: u8) -> Vec<u8> {
    let v2 = QueryV2 {
        suppress_router_processing: false,
        robustness: 2,
        interval_code: 125,
        sources: AddressList::EMPTY,
    };
    let message = Icmpv6Message::MulticastListenerQuery(MulticastListenerQuery {
        maximum_response_code: code,
        group,
        v2: (version == 2).then_some(v2),
    });
    let destination = if group.is_unspecified() { ALL_NODES } else { group };
    Envelope::multicast(mac(9), link_local(mac(9)), destination).mld(&message)
}

#[test]
fn joining_and_leaving_are_told_twice() {
    for_each_seed(100, |seed| {
        let (mut network, host, querier) = lab(seed);
        let socket = network[host].open_udp(4711);
        let index = network[host].index;
        for kind in [RecordType::ChangeToExclude, RecordType::ChangeToInclude] {
            let start = network.now();
            if kind == RecordType::ChangeToExclude {
                network[host].stack.join_group(socket, GROUP, Some(index), start).unwrap();
            } else {
                network[host].stack.close_socket(socket, start);
            }
            network.run_for(Duration::from_secs(5));
            let told = records(&network[querier]);
            assert_eq!(told.len(), 2, "{told:?}");
            assert!(told.iter().all(|&(_, told, group)| (told, group) == (kind, GROUP)));
            // At once, and again within the unsolicited report interval (Section 9.11).
            assert!(told[0].0.saturating_since(start) < Duration::from_millis(5));
            assert!(told[1].0.saturating_since(start) <= Duration::from_millis(1005));
            network[querier].heard.clear();
        }
    });
}

#[test]
fn a_general_query_is_answered_once_within_its_time() {
    let mut delays = Vec::new();
    for seed in 0..100 {
        let (mut network, host, querier) = lab(seed);
        let start = network.now();
        network[querier].send(query(10_000, Ipv6Addr::UNSPECIFIED, 2));
        network.run_for(Duration::from_secs(20));
        let told = records(&network[querier]);
        let at = told[0].0;
        assert!(
            told.iter().all(|&(when, kind, _)| when == at && kind == RecordType::ModeIsExclude)
        );
        let groups: Vec<_> = told.iter().map(|&(_, _, group)| group).collect();
        assert!(groups.contains(&link_local(mac(2)).solicited_node()), "{groups:?}");
        // RFC 3810, Section 6: never about all nodes.
        assert!(!groups.contains(&ALL_NODES), "{groups:?}");
        assert!(network[host].interface().groups().count() >= groups.len());
        delays.push(at.saturating_since(start));
    }
    let (first, last) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(*last <= Duration::from_secs(10), "{last:?}");
    assert!(*first < Duration::from_secs(1) && *last > Duration::from_secs(9), "not spread");
}

#[test]
fn queries_that_do_not_count() {
    // MLD-7: from elsewhere, from too far away, without Router Alert, of no version's length.
    let good = query(1000, Ipv6Addr::UNSPECIFIED, 2);
    let message = |envelope: Envelope| {
        let all = MulticastListenerQuery {
            maximum_response_code: 1000,
            group: Ipv6Addr::UNSPECIFIED,
            v2: None,
        };
        let message = Icmpv6Message::MulticastListenerQuery(all);
        (envelope.mld(&message), envelope.icmpv6(&message))
    };
    let envelope = Envelope::multicast(mac(9), link_local(mac(9)), ALL_NODES);
    let global = Envelope { source: "2001:db8::9".parse().unwrap(), ..envelope };
    let (from_elsewhere, _) = message(global);
    let (_, without_alert) = message(envelope);
    let mut from_afar = good.clone();
    from_afar[14 + 7] = 2;
    let mut no_version = good.clone();
    no_version.truncate(good.len() - 2);
    simulation::mutation::repair(&mut no_version);
    for frame in [from_elsewhere, without_alert, from_afar, no_version] {
        let (mut network, _, querier) = lab(1);
        network[querier].send(frame.clone());
        network.run_for(Duration::from_secs(20));
        assert_eq!(reports(&network[querier]), 0, "{frame:02x?}");
    }
    let (mut network, _, querier) = lab(1);
    network[querier].send(good);
    network.run_for(Duration::from_secs(20));
    assert_ne!(reports(&network[querier]), 0);
}

#[test]
fn an_old_querier_gets_old_reports() {
    for_each_seed(50, |seed| {
        let (mut network, host, querier) = lab(seed);
        network[querier].send(query(1000, Ipv6Addr::UNSPECIFIED, 1));
        network.run_for(Duration::from_secs(5));
        let old = |probe: &Probe| {
            probe.messages(|packet, message| match message {
                Icmpv6Message::MulticastListenerReport(group) => {
                    assert_eq!(packet.ipv6.destination, *group);
                    Some(*group)
                }
                _ => None,
            })
        };
        let group = link_local(mac(2)).solicited_node();
        assert!(old(&network[querier]).iter().any(|&(_, told)| told == group));
        assert_eq!(records(&network[querier]), []);
        // Once the old querier has been silent for long, the new version is back (Section 9.12).
        network.run_for(Duration::from_mins(5));
        network[querier].heard.clear();
        let socket = network[host].open_udp(4711);
        let (index, now) = (network[host].index, network.now());
        network[host].stack.join_group(socket, GROUP, Some(index), now).unwrap();
        network.run_for(Duration::from_secs(2));
        assert_eq!(old(&network[querier]), []);
        assert_eq!(records(&network[querier]).len(), 2);
    });
}
