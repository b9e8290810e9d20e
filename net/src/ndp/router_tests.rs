//! Advertisements in, timers and addresses out.

use crate::address::Prefix;
use crate::config::{Config, IdentifierMethod, InterfaceSettings};
use crate::counters::{DropReason, TableFull};
use crate::event::Event;
use crate::interface::RouterFlags;
use crate::limits;
use crate::route::Route;
use crate::test_host::{Host, LINK_LOCAL, MAC, Peer, ROUTER, Seen, USB0, icmpv6_packet, ip};
use crate::time::Duration;
use crate::unicast::{AddressInfo, AddressState};
use crate::wire::address_list::AddressList;
use crate::wire::dns_name::SearchList;
use crate::wire::icmpv6::Icmpv6Message;
use crate::wire::ipv6::HopLimit;
use crate::wire::mld::{MulticastRecords, RecordType};
use crate::wire::ndp::{NeighborAdvertisement, NeighborSolicitation, RouterAdvertisement};
use crate::wire::ndp_option::{
    Lifetime, NdpOption, NdpOptionType, NdpOptions, PrefixInformation, RouteInformation,
    RouterPreference,
};
use core::net::Ipv6Addr;

const GLOBAL: &str = "2001:db8:1:0:5054:ff:fe12:3457";

fn advertisement<'a>(lifetime: u64, options: &'a [NdpOption<'a>]) -> RouterAdvertisement<'a> {
    RouterAdvertisement {
        hop_limit: None,
        managed: false,
        other: false,
        preference: RouterPreference::Medium,
        router_lifetime: Duration::from_secs(lifetime),
        reachable_time: None,
        retrans_timer: None,
        options: NdpOptions::new(options),
    }
}

fn prefix(text: &str, valid: u32, preferred: u32) -> PrefixInformation {
    PrefixInformation {
        prefix: text.parse().unwrap(),
        on_link: true,
        autonomous: true,
        valid_lifetime: Lifetime::from_secs(valid),
        preferred_lifetime: Lifetime::from_secs(preferred),
    }
}

fn advertise(host: &mut Host, peer: Peer, lifetime: u64, options: &[NdpOption<'_>]) {
    let message = Icmpv6Message::RouterAdvertisement(advertisement(lifetime, options));
    host.message(peer, "ff02::1", &message);
}

fn advertise_prefix(host: &mut Host, information: PrefixInformation) {
    advertise(host, ROUTER, 1800, &[NdpOption::PrefixInformation(information)]);
}

fn address(host: &Host, text: &str) -> Option<AddressInfo> {
    let interface = host.stack.interface(USB0).unwrap();
    interface.addresses().find(|info| info.address == ip(text))
}

fn routes(host: &Host) -> Vec<Route> {
    host.stack.routes().filter(|route| route.interface == USB0).copied().collect()
}

fn has_route(host: &Host, prefix: &str, via: Option<Ipv6Addr>) -> bool {
    let prefix: Prefix = prefix.parse().unwrap();
    routes(host).iter().any(|route| route.prefix == prefix && route.gateway() == via)
}

fn of_type(seen: &[Seen], message_type: u8) -> Vec<&Seen> {
    seen.iter().filter(|seen| seen.icmpv6_type() == message_type).collect()
}

/// DAD-1 to -4, DAD-8, SLA-1, MLD-2, MLD-6, RD-1, RD-2, LNK-2, LNK-3.
#[test]
fn from_the_cable_to_the_solicitation() {
    for seed in 0..20 {
        let mut host = Host::new(seed, Config::default());
        host.plug_in();
        let start = host.now;
        let seen = host.run(Duration::from_secs(12));
        let group = ip("ff02::1:ff12:3457");
        // The report comes before the probe, both within the first second.
        let kinds: Vec<u8> = seen.iter().map(Seen::icmpv6_type).collect();
        assert_eq!(kinds[..2], [143, 135], "{kinds:?}");
        assert!(seen[1].at <= start + Duration::from_secs(1));
        let report = &seen[0];
        assert_eq!(report.header.source, Ipv6Addr::UNSPECIFIED);
        assert_eq!((report.header.destination, report.header.hop_limit.0), (ip("ff02::16"), 1));
        // Hop-by-hop header: ICMPv6 follows, Router Alert with value 0, PadN.
        assert_eq!(report.packet[40..48], [58, 0, 5, 2, 0, 0, 1, 0]);
        let Some(Icmpv6Message::MulticastListenerReportV2(records)) = report.icmpv6() else {
            panic!("no report");
        };
        assert_records(records, &[(RecordType::ChangeToExclude, group)]);
        let probe = &seen[1];
        assert_eq!(probe.header.source, Ipv6Addr::UNSPECIFIED);
        assert_eq!((probe.header.destination, probe.header.hop_limit), (group, HopLimit::MAX));
        let Some(Icmpv6Message::NeighborSolicitation(solicitation)) = probe.icmpv6() else {
            panic!("no probe");
        };
        assert_eq!(solicitation.target, ip(LINK_LOCAL));
        assert_eq!(solicitation.options.source_link_layer_address(), None);
        // Assigned one second later; then the group is reported again and routers are asked.
        let assigned = probe.at + Duration::from_secs(1);
        let solicitations = of_type(&seen, 133);
        assert_eq!(solicitations[0].at, assigned);
        assert_eq!(solicitations[0].header.source, ip(LINK_LOCAL));
        assert_eq!(solicitations[0].header.destination, ip("ff02::2"));
        let Some(Icmpv6Message::RouterSolicitation(message)) = solicitations[0].icmpv6() else {
            panic!("no solicitation");
        };
        assert_eq!(message.options.source_link_layer_address(), Some(MAC));
        let gap = solicitations[1].at.saturating_since(solicitations[0].at).as_millis();
        assert!((3600..=4400).contains(&gap), "{gap}");
        let reports = of_type(&seen, 143);
        assert!(
            reports
                .iter()
                .any(|report| report.at >= assigned && report.header.source == ip(LINK_LOCAL))
        );
        // Only the one probe, and nothing else.
        assert_eq!(of_type(&seen, 135).len(), 1);
        assert_eq!(reports.len() + solicitations.len() + 1, seen.len());
    }
}

fn assert_records(records: MulticastRecords<'_>, expected: &[(RecordType, Ipv6Addr)]) {
    let records: Vec<_> = records.iter().map(|record| (record.kind, record.group)).collect();
    assert_eq!(records, expected);
}

/// SLA-3, RD-6, RD-11, RD-3 and the lifetimes of all.
#[test]
fn one_advertisement_makes_all() {
    let mut host = Host::up(1);
    advertise_prefix(&mut host, prefix("2001:db8:1::/64", 86_400, 14_400));
    assert_eq!(address(&host, GLOBAL).unwrap().state, AddressState::Tentative);
    let seen = host.run(Duration::from_secs(60));
    assert_eq!(of_type(&seen, 133).len(), 0, "no more solicitations");
    assert_eq!(of_type(&seen, 135).len(), 1, "one probe");
    let info = address(&host, GLOBAL).unwrap();
    assert_eq!((info.state, info.prefix_length), (AddressState::Preferred, 64));
    assert_eq!(info.valid.remaining_secs(host.now), 86_400 - 60);
    assert_eq!(info.preferred.remaining_secs(host.now), 14_400 - 60);
    assert!(has_route(&host, "2001:db8:1::/64", None));
    assert!(has_route(&host, "::/0", Some(ROUTER.address)));
    // The router goes first, then the preferred lifetime, then the address.
    host.run(Duration::from_secs(1800));
    assert!(!has_route(&host, "::/0", Some(ROUTER.address)));
    assert!(has_route(&host, "2001:db8:1::/64", None));
    host.run(Duration::from_secs(14_400));
    assert_eq!(address(&host, GLOBAL).unwrap().state, AddressState::Deprecated);
    host.run(Duration::from_secs(86_400));
    assert_eq!(address(&host, GLOBAL), None);
    assert!(!has_route(&host, "2001:db8:1::/64", None));
    assert!(!host.stack.is_own_address(ip(GLOBAL), None));
}

/// RD-6: lifetime 0 removes at once; RD-2: such an advertisement does not end the asking.
#[test]
fn a_router_withdraws() {
    let mut host = Host::up(2);
    advertise(&mut host, ROUTER, 0, &[]);
    assert!(!of_type(&host.run(Duration::from_secs(30)), 133).is_empty());
    advertise(&mut host, ROUTER, 1800, &[]);
    assert!(has_route(&host, "::/0", Some(ROUTER.address)));
    assert!(of_type(&host.run(Duration::from_secs(30)), 133).is_empty());
    advertise(&mut host, ROUTER, 0, &[]);
    assert!(!has_route(&host, "::/0", Some(ROUTER.address)));
}

/// RD-5: each defect alone leaves no trace but its counter.
#[test]
fn invalid_advertisements_change_nothing() {
    let mut host = Host::up(3);
    let options = [NdpOption::PrefixInformation(prefix("2001:db8:1::/64", 600, 600))];
    let message = Icmpv6Message::RouterAdvertisement(advertisement(1800, &options));
    let good = icmpv6_packet(ROUTER.address, ip("ff02::1"), &message);
    let global = icmpv6_packet(ip("2001:db8::1"), ip("ff02::1"), &message);
    let with = |offset: usize, value: u8| {
        let mut packet = good.clone();
        packet[offset] = value;
        let segment = &mut packet[40..];
        crate::wire::icmpv6::fill_checksum(ROUTER.address, ip("ff02::1"), segment);
        packet
    };
    let mut bad_checksum = good.clone();
    bad_checksum[43] ^= 1;
    let mut short = good[..40 + 15].to_vec();
    short[5] = 15;
    crate::wire::icmpv6::fill_checksum(ROUTER.address, ip("ff02::1"), &mut short[40..]);
    for (packet, reason) in [
        (global, DropReason::NdSource),
        (with(7, 254), DropReason::NdHopLimit),
        (with(41, 1), DropReason::NdCode),
        (with(40 + 17, 0), DropReason::NdMalformed),
        (with(40 + 17, 9), DropReason::NdMalformed),
        (bad_checksum, DropReason::Icmpv6Checksum),
        (short, DropReason::NdMalformed),
    ] {
        let before = host.drops(reason);
        host.packet(ROUTER, &packet);
        assert_eq!(host.drops(reason), before + 1, "{reason}");
        assert_eq!(address(&host, GLOBAL), None, "{reason}");
        assert_eq!(routes(&host).len(), 1, "{reason}: only the link-local one");
    }
    host.packet(ROUTER, &good);
    assert!(address(&host, GLOBAL).is_some());
}

/// SLA-2, SLA-11, RD-12, NH-3, NH-5: which options make addresses, which prefixes.
#[test]
fn rules_of_prefix_information() {
    let mut host = Host::up(4);
    let plain = |text: &str| prefix(text, 600, 300);
    let options = [
        plain("2001:db8:1::/64"),
        PrefixInformation { autonomous: false, ..plain("2001:db8:2::/64") },
        PrefixInformation { on_link: false, ..plain("2001:db8:3::/64") },
        prefix("2001:db8:4::/64", 300, 600),
        plain("2001:db8:5::/96"),
        plain("2001:db8:6::/48"),
        plain("fe80::/64"),
        prefix("2001:db8:7::/64", 0, 0),
        plain("fec0::/64"),
    ]
    .map(NdpOption::PrefixInformation);
    advertise(&mut host, ROUTER, 1800, &options);
    let mut addresses: Vec<Ipv6Addr> = host
        .stack
        .interface(USB0)
        .unwrap()
        .addresses()
        .map(|info| info.address)
        .filter(|address| *address != ip(LINK_LOCAL))
        .collect();
    addresses.sort_unstable();
    let expected = ["2001:db8:1::", "2001:db8:3::", "fec0::"].map(|start| {
        Ipv6Addr::from_bits(ip(start).to_bits() | ip("::5054:ff:fe12:3457").to_bits())
    });
    assert_eq!(addresses, expected);
    for (text, on_link) in [
        ("2001:db8:1::/64", true),
        ("2001:db8:2::/64", true),
        ("2001:db8:3::/64", false),
        ("2001:db8:4::/64", true),
        ("2001:db8:5::/96", true),
        ("2001:db8:6::/48", true),
        ("2001:db8:7::/64", false),
        ("fec0::/64", true),
    ] {
        assert_eq!(has_route(&host, text, None), on_link, "{text}");
    }
    // L=0 says nothing about what is there.
    let silent = PrefixInformation { on_link: false, ..plain("2001:db8:1::/64") };
    advertise_prefix(&mut host, silent);
    assert!(has_route(&host, "2001:db8:1::/64", None));
    // Lifetime zero does.
    advertise_prefix(&mut host, prefix("2001:db8:2::/64", 0, 0));
    assert!(!has_route(&host, "2001:db8:2::/64", None));
}

/// RD-7, RD-8, RD-9, NUD-9.
#[test]
fn host_variables() {
    let mut host = Host::up(5);
    let variables = |host: &Host| *host.stack.interface(USB0).unwrap().variables();
    let message = RouterAdvertisement {
        hop_limit: Some(HopLimit(17)),
        reachable_time: Some(Duration::from_secs(40)),
        retrans_timer: Some(Duration::from_secs(5)),
        ..advertisement(1800, &[])
    };
    host.message(ROUTER, "ff02::1", &Icmpv6Message::RouterAdvertisement(message));
    let set = variables(&host);
    assert_eq!(set.hop_limit, HopLimit(17));
    assert_eq!(set.retrans_timer, Duration::from_secs(5));
    let drawn = set.reachable_time.as_millis();
    assert!((20_000..=60_000).contains(&drawn), "{drawn}");
    advertise(&mut host, ROUTER, 1800, &[]);
    assert_eq!(variables(&host), set, "unspecified fields change nothing");
    for (mtu, expected) in [(1280, 1280), (1400, 1400), (1279, 1400), (9000, 1400), (1500, 1500)] {
        advertise(&mut host, ROUTER, 1800, &[NdpOption::Mtu(mtu)]);
        assert_eq!(host.stack.interface(USB0).unwrap().mtu(), expected, "{mtu}");
    }
    // Reachable time is drawn anew every few hours.
    host.run(Duration::from_secs(3 * 3600));
    assert_ne!(variables(&host).reachable_time, set.reachable_time);
}

/// NH-10, NH-11: preferences and more specific routes.
#[test]
fn preferences_and_routes() {
    let mut host = Host::up(6);
    let other = Peer { mac: MAC_2, address: ip("fe80::2") };
    advertise(&mut host, ROUTER, 1800, &[]);
    let high =
        RouterAdvertisement { preference: RouterPreference::High, ..advertisement(1800, &[]) };
    host.message(other, "ff02::1", &Icmpv6Message::RouterAdvertisement(high));
    let gateway = |host: &Host, to: &str| {
        host.stack.route_to(ip(to), None, host.now).ok().and_then(|route| route.gateway)
    };
    assert_eq!(gateway(&host, "2001:db8:9::1"), Some(other.address));
    let information = RouteInformation {
        prefix: "2001:db8:9::/48".parse().unwrap(),
        preference: RouterPreference::Medium,
        lifetime: Lifetime::from_secs(100),
    };
    advertise(&mut host, ROUTER, 1800, &[NdpOption::RouteInformation(information)]);
    assert_eq!(gateway(&host, "2001:db8:9::1"), Some(ROUTER.address));
    assert_eq!(gateway(&host, "2001:db8:8::1"), Some(other.address));
    host.run(Duration::from_secs(101));
    assert_eq!(gateway(&host, "2001:db8:9::1"), Some(other.address));
}

const MAC_2: crate::netif::MacAddress = crate::netif::MacAddress([2, 0, 0, 0, 0, 2]);

/// RD-20: a flood of advertisements fills its own share and nothing else.
#[test]
fn rogue_advertisements_are_contained() {
    let mut host = Host::up(7);
    advertise_prefix(&mut host, prefix("2001:db8:1::/64", 600, 600));
    host.run(Duration::from_secs(5));
    for number in 0..1000u16 {
        let rogue = Peer {
            mac: crate::netif::MacAddress([2, 0, 0, 1, (number >> 8) as u8, number as u8]),
            address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, number),
        };
        let text = format!("2001:db8:f{number:03x}::/64");
        let route = RouteInformation {
            prefix: format!("2001:db9:{number:x}::/48").parse().unwrap(),
            preference: RouterPreference::Medium,
            lifetime: Lifetime::from_secs(100),
        };
        let options = [
            NdpOption::SourceLinkLayerAddress(rogue.mac),
            NdpOption::PrefixInformation(prefix(&text, 600, 600)),
            NdpOption::RouteInformation(route),
        ];
        advertise(&mut host, rogue, 1800, &options);
    }
    let routes = routes(&host);
    let count = |which: fn(&Route) -> bool| routes.iter().filter(|route| which(route)).count();
    assert_eq!(count(Route::is_default), limits::DEFAULT_ROUTERS);
    assert_eq!(
        count(|route| route.advertised && route.gateway().is_none()),
        limits::ADVERTISED_PREFIXES
    );
    assert_eq!(
        count(|route| !route.is_default() && route.gateway().is_some()),
        limits::ADVERTISED_ROUTES
    );
    assert!(has_route(&host, "::/0", Some(ROUTER.address)));
    assert!(has_route(&host, "2001:db8:1::/64", None));
    assert!(host.stack.is_own_address(ip(GLOBAL), None));
    let full = |table| host.stack.table_full(table);
    assert_eq!(full(TableFull::DefaultRouters), 1000 - (limits::DEFAULT_ROUTERS as u64 - 1));
    assert_eq!(full(TableFull::Prefixes), 1000 - (limits::ADVERTISED_PREFIXES as u64 - 1));
    assert_eq!(full(TableFull::AdvertisedRoutes), 1000 - limits::ADVERTISED_ROUTES as u64);
    assert_eq!(full(TableFull::Addresses), 1000 - (limits::AUTOCONFIGURED_ADDRESSES as u64 - 1));
}

/// DAD-5, DAD-7, DAD-9, DAD-14: somebody has the hardware address.
#[test]
fn a_duplicate_link_local_address_ends_ipv6_on_the_interface() {
    let thief = Peer { mac: MAC_2, address: Ipv6Addr::UNSPECIFIED };
    for by_advertisement in [false, true] {
        let mut host = Host::new(8, Config::default());
        host.plug_in();
        let seen = host.run(Duration::from_secs(1));
        assert_eq!(of_type(&seen, 135).len(), 1);
        conflict(&mut host, thief, LINK_LOCAL, by_advertisement);
        assert_eq!(address(&host, LINK_LOCAL).unwrap().state, AddressState::Duplicated);
        assert!(host.stack.interface(USB0).unwrap().ipv6_disabled().is_some());
        host.sent();
        assert_eq!(host.run(Duration::from_secs(3600)), [], "silence");
        assert!(host.events().iter().any(|event| matches!(
            event,
            crate::event::Event::DuplicateAddress { interface: USB0, address }
                if *address == ip(LINK_LOCAL)
        )));
        // Down and up again is a new start.
        host.stack.set_admin_up(USB0, false, host.now).unwrap();
        host.plug_in();
        host.run(Duration::from_secs(3));
        assert!(host.stack.is_own_address(ip(LINK_LOCAL), Some(USB0)));
    }
}

fn conflict(host: &mut Host, thief: Peer, target: &str, by_advertisement: bool) {
    let group = crate::address::AddressExt::solicited_node(&ip(target)).to_string();
    if by_advertisement {
        let message = Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
            router: false,
            solicited: false,
            overrides: true,
            target: ip(target),
            options: NdpOptions::new(&[NdpOption::TargetLinkLayerAddress(MAC_2)]),
        });
        host.message(Peer { address: ip(target), ..thief }, "ff02::1", &message);
    } else {
        let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
            target: ip(target),
            options: NdpOptions::new(&[NdpOption::Nonce(&[1, 2, 3, 4, 5, 6])]),
        });
        host.message(thief, &group, &message);
    }
}

/// DAD-12: our own probe comes back.
#[test]
fn a_looped_probe_is_no_duplicate() {
    let mut host = Host::new(9, Config::default());
    host.plug_in();
    let start = host.now;
    let mut looped = 0;
    while !host.stack.is_own_address(ip(LINK_LOCAL), Some(USB0)) {
        let seen = host.run(Duration::from_millis(100));
        for probe in of_type(&seen, 135) {
            if looped == 0 {
                host.frame(probe.mac, MAC, &probe.packet);
                looped += 1;
            }
        }
        assert!(host.now < start + Duration::from_secs(10));
    }
    assert_eq!(host.drops(DropReason::NdOwnNonce), 1);
    // One probe, then three more since the link loops.
    assert!(host.now >= start + Duration::from_secs(4));
}

/// DAD-6, ND-6, DAD-11: before the address is ours.
#[test]
fn a_tentative_address_is_not_answered_for() {
    let mut host = Host::new(10, Config::default());
    host.plug_in();
    let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
        target: ip(LINK_LOCAL),
        options: NdpOptions::new(&[]),
    });
    host.message(ROUTER, "ff02::1:ff12:3457", &message);
    assert_eq!(host.drops(DropReason::NdTentativeTarget), 1);
    host.message(ROUTER, LINK_LOCAL, &message);
    assert_eq!(host.drops(DropReason::Ipv6Tentative), 1);
    let seen = host.run(Duration::from_secs(3));
    assert!(of_type(&seen, 136).is_empty());
    assert!(host.stack.is_own_address(ip(LINK_LOCAL), Some(USB0)));
}

/// IID-1, IID-2, DAD-10, IID-4: another identifier after a conflict, three times.
/// Rows: IID-3
#[test]
fn stable_opaque_identifiers() {
    let config = |secret: u8| Config {
        interface: InterfaceSettings {
            identifiers: IdentifierMethod::StableOpaque,
            ..InterfaceSettings::default()
        },
        stable_secret: Some([secret; 16]),
        ..Config::default()
    };
    let addresses = |secret: u8, seed: u64| {
        let mut host = Host::new(seed, config(secret));
        host.plug_in();
        host.run(Duration::from_secs(3));
        advertise_prefix(&mut host, prefix("2001:db8:1::/64", 600, 600));
        advertise_prefix(&mut host, prefix("2001:db8:2::/64", 600, 600));
        host.run(Duration::from_secs(3));
        let interface = host.stack.interface(USB0).unwrap();
        interface.addresses().map(|info| info.address).collect::<Vec<_>>()
    };
    let first = addresses(1, 11);
    assert_eq!(first, addresses(1, 12), "the same after a restart");
    assert_ne!(first, addresses(2, 11));
    let mut identifiers: Vec<u64> = first.iter().map(|address| address.to_bits() as u64).collect();
    identifiers.sort_unstable();
    identifiers.dedup();
    assert_eq!(identifiers.len(), 3, "another one for each prefix");

    let mut host = Host::new(13, config(1));
    host.plug_in();
    let thief = Peer { mac: MAC_2, address: Ipv6Addr::UNSPECIFIED };
    let mut tried = Vec::new();
    for _ in 0..100 {
        for probe in of_type(&host.run(Duration::from_millis(100)), 135) {
            let Some(Icmpv6Message::NeighborSolicitation(solicitation)) = probe.icmpv6() else {
                continue;
            };
            tried.push(solicitation.target);
            conflict(&mut host, thief, &solicitation.target.to_string(), false);
        }
    }
    assert_eq!(tried.len(), 4);
    let mut distinct = tried.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 4);
    let states: Vec<_> =
        host.stack.interface(USB0).unwrap().addresses().map(|info| info.state).collect();
    assert_eq!(states, [AddressState::Duplicated]);
}

/// LNK-10: what was learned on a link is forgotten with it, and learned anew.
#[test]
fn the_cable_is_pulled_and_plugged() {
    let mut host = Host::up(14);
    let link_layer = [NdpOption::SourceLinkLayerAddress(ROUTER.mac)];
    advertise(&mut host, ROUTER, 1800, &link_layer);
    advertise_prefix(&mut host, prefix("2001:db8:1::/64", 600, 600));
    host.run(Duration::from_secs(3));
    assert_eq!(host.stack.neighbor_count(), 1);
    host.stack.set_link(USB0, crate::netif::LinkState::Down, host.now).unwrap();
    assert_eq!(host.stack.neighbor_count(), 0);
    assert!(!has_route(&host, "::/0", Some(ROUTER.address)));
    assert_eq!(host.run(Duration::from_secs(10)), []);
    host.plug_in();
    let seen = host.run(Duration::from_secs(5));
    let probed = of_type(&seen, 135);
    assert_eq!(probed.len(), 2, "both addresses are tested again");
    assert!(!of_type(&seen, 133).is_empty());
    assert!(!of_type(&seen, 143).is_empty());
    assert!(host.stack.is_own_address(ip(GLOBAL), None));
}

/// LNK-9.
/// Rows: LNK-9
#[test]
fn a_link_that_is_too_small_is_silent() {
    let mut host = Host::new(15, Config::default());
    host.stack.remove_interface(USB0, host.now).unwrap();
    let config = crate::interface::InterfaceConfig {
        name: "usb0",
        kind: crate::interface::InterfaceKind::Ethernet { mac: MAC },
        mtu: 1000,
    };
    assert_eq!(host.stack.add_interface(&config), Ok(USB0), "the number is used again");
    host.plug_in();
    assert_eq!(host.run(Duration::from_secs(100)), []);
}

/// Rows: RD-14, RD-16
#[test]
fn what_programs_are_told() {
    let mut host = Host::up(16);
    host.events();
    let flags = |host: &Host| host.stack.interface(USB0).unwrap().variables().router_flags;
    assert!(flags(&host).solicited && !flags(&host).advertised);
    let addresses = ["2001:db8::53", "fe80::53", "ff02::53", "::1", "2001:db8::54"].map(ip);
    let list = SearchList::parse(b"\x03lab\0").unwrap();
    let options = [
        NdpOption::RecursiveDnsServer {
            lifetime: Lifetime::from_secs(600),
            servers: AddressList::new(&addresses),
        },
        NdpOption::DnsSearchList { lifetime: Lifetime::from_secs(60), domains: list },
        NdpOption::Mtu(1400),
        NdpOption::Unknown { kind: NdpOptionType::PREF64, body: &[7; 14] },
    ];
    let message = RouterAdvertisement { other: true, ..advertisement(1800, &options) };
    let message = Icmpv6Message::RouterAdvertisement(message);
    for round in 0..2 {
        host.message(ROUTER, "ff02::1", &message);
        let news =
            host.events().iter().filter(|event| **event == Event::RouterFlagsChanged(USB0)).count();
        assert_eq!(news, usize::from(round == 0), "told once, and when it changes");
        let told: Vec<_> = core::iter::from_fn(|| host.stack.poll_router_option()).collect();
        // All of them, each time, and as they came.
        let kinds: Vec<u8> = told.iter().map(|option| option.octets()[0]).collect();
        assert_eq!(kinds, [25, 31, 38]);
        assert!(
            told.iter().all(|option| (option.interface, option.router) == (USB0, ROUTER.address))
        );
        assert_eq!(told[0].octets().len(), 8 + 16 * addresses.len());
        assert_eq!(told[1].octets(), [31, 2, 0, 0, 0, 0, 0, 60, 3, b'l', b'a', b'b', 0, 0, 0, 0]);
    }
    assert!(!flags(&host).managed && flags(&host).other && flags(&host).advertised);
    let interface = host.stack.interface(USB0).unwrap();
    let servers: Vec<_> = interface.dns_servers(host.now).map(|server| server.value).collect();
    assert_eq!(servers, [addresses[0], addresses[1], addresses[4]], "only what can be one");
    assert_eq!(interface.dns_domains(host.now).count(), 1);
    assert_eq!(interface.dns_domains(host.now + Duration::from_secs(60)).count(), 0);
    // All of it belongs to the link.
    host.stack.set_link(USB0, crate::netif::LinkState::Down, host.now).unwrap();
    assert_eq!(flags(&host), RouterFlags::default());
    assert_eq!(host.stack.interface(USB0).unwrap().dns_servers(host.now).count(), 0);
}

/// Rows: RD-20
#[test]
fn nobody_fetches_options() {
    let mut host = Host::up(17);
    host.events();
    let option = [NdpOption::Unknown { kind: NdpOptionType::PREF64, body: &[7; 14] }];
    for _ in 0..limits::ROUTER_OPTIONS + 3 {
        advertise(&mut host, ROUTER, 0, &option);
    }
    assert_eq!(host.stack.table_full(TableFull::Events), 3);
    assert_eq!(host.events().last(), Some(&Event::Lost));
    let told = core::iter::from_fn(|| host.stack.poll_router_option()).count();
    assert_eq!(told, limits::ROUTER_OPTIONS);
    assert!(!host.stack.has_event());
}

/// Rows: RD-21
#[test]
fn advertisements_that_say_nothing_new_cause_no_packets() {
    let mut host = Host::up(18);
    let information = prefix("2001:db8:1::/64", 9000, 9000);
    advertise_prefix(&mut host, information);
    host.run(Duration::from_secs(60));
    for _ in 0..100 {
        advertise_prefix(&mut host, information);
        assert_eq!(host.run(Duration::from_secs(10)), []);
    }
}

/// Rows: NH-17
#[test]
fn destinations_are_spread_over_equal_routers() {
    let mut host = Host::up(19);
    let other = Peer { mac: MAC_2, address: ip("fe80::2") };
    for router in [ROUTER, other] {
        advertise(&mut host, router, 1800, &[]);
    }
    let router_for = |host: &Host, number: u16| {
        let to = Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, number);
        host.stack.route_to(to, None, host.now).unwrap().gateway
    };
    let first: Vec<_> = (0..200).map(|number| router_for(&host, number)).collect();
    let by_one = first.iter().filter(|gateway| **gateway == Some(ROUTER.address)).count();
    assert!((60..=140).contains(&by_one), "{by_one}");
    host.run(Duration::from_secs(60));
    let again: Vec<_> = (0..200).map(|number| router_for(&host, number)).collect();
    assert_eq!(first, again, "each keeps its router");
}

/// QOS-4: determinism.
/// Rows: QOS-5
#[test]
fn the_same_seed_gives_the_same_octets() {
    let trace = |seed| {
        let mut host = Host::new(seed, Config::default());
        host.plug_in();
        let mut seen = host.run(Duration::from_secs(4));
        advertise_prefix(&mut host, prefix("2001:db8:1::/64", 600, 600));
        seen.extend(host.run(Duration::from_secs(100)));
        seen
    };
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}
