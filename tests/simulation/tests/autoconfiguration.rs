//! From power-on to addresses, and what becomes of them (RFC 4861, Section 6; RFC 4862,
//! Section 5.5).

use net::config::Config;
use net::netif::MacAddress;
use net::time::{Duration, Instant};
use net::unicast::AddressState;
use net::wire::icmpv6::Icmpv6Message;
use net::wire::ndp_option::Lifetime;
use simulation::host::Host;
use simulation::impairment::Impairment;
use simulation::network::{Handle, Network};
use simulation::packet::{Packet, link_local};
use simulation::probe::Probe;
use simulation::router::{Advertisement, Router, prefix};
use simulation::seed::for_each_seed;
use std::net::Ipv6Addr;

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x52, 0x54, 0, 0x12, 0x34, last])
}

/// Somebody beyond the router.
const FAR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);
const HOUR: u32 = 3600;

fn add_host(network: &mut Network, last: u8) -> Handle<Host> {
    let random = network.fork_random();
    network.add(Host::new(mac(last), Config::default(), random))
}

fn add_router(network: &mut Network, last: u8, advertisement: Advertisement) -> Handle<Router> {
    let random = network.fork_random();
    network.add(Router::new(mac(last), advertisement, None, random))
}

fn two_prefixes() -> Advertisement {
    Advertisement {
        prefixes: vec![
            prefix("2001:db8:1::/64", 24 * HOUR, 4 * HOUR),
            prefix("2001:db8:2::/64", 24 * HOUR, 4 * HOUR),
        ],
        ..Advertisement::default()
    }
}

/// The one address in a prefix.
fn only(host: &Host, prefix: &str) -> Ipv6Addr {
    match host.assigned(prefix)[..] {
        [address] => address,
        ref other => panic!("{other:?} in {prefix}"),
    }
}

#[test]
fn two_prefixes_make_two_addresses_and_a_way_out() {
    for_each_seed(200, |seed| {
        let mut network = Network::new(seed);
        let router = add_router(&mut network, 1, two_prefixes());
        let hosts = [2, 3].map(|last| add_host(&mut network, last));
        let probe = network.add(Probe::new(mac(9)));
        network.run_for(Duration::from_secs(10));
        assert!((1..=2).contains(&network[router].solicitations));
        for (host, last) in hosts.into_iter().zip([2, 3]) {
            let node = &network[host];
            let eui64 = link_local(mac(last));
            assert_eq!(only(node, "fe80::/64"), eui64);
            for subnet in ["2001:db8:1::/64", "2001:db8:2::/64"] {
                let address = only(node, subnet);
                assert_eq!(node.state(address), Some(AddressState::Preferred));
                assert_eq!(address.to_bits() as u64, eui64.to_bits() as u64);
            }
        }
        for (sequence, host) in hosts.into_iter().enumerate() {
            let now = network.now();
            assert!(network[host].ping(FAR, sequence as u16, now));
            network.run_for(Duration::from_secs(2));
            assert_eq!(network[host].replies(), [(FAR, sequence as u16)]);
        }
        probes_come_before_use(&network[probe]);
    });
}

/// That nobody used an address before testing it, and that groups were joined before
/// (RFC 4862, Section 5.4.2).
fn probes_come_before_use(probe: &Probe) {
    use net::address::AddressExt;
    let mut tested = Vec::new();
    let mut joined = Vec::new();
    for (_, frame) in &probe.heard {
        let packet = Packet::parse(frame).expect("everybody sends IPv6");
        let source = packet.ipv6.source;
        if packet.ethernet.source == mac(1) {
            continue; // the router has no need to
        }
        match packet.icmpv6() {
            Some(Icmpv6Message::MulticastListenerReportV2(records)) => {
                joined.extend(records.iter().map(|record| (packet.ethernet.source, record.group)));
            }
            Some(Icmpv6Message::NeighborSolicitation(message)) if source.is_unspecified() => {
                let group = message.target.solicited_node();
                assert!(joined.contains(&(packet.ethernet.source, group)), "{}", message.target);
                tested.push(message.target);
            }
            _ => assert!(tested.contains(&source), "{source} was used without a test"),
        }
        if !source.is_unspecified() {
            assert!(tested.contains(&source), "{source} was used without a test");
        }
    }
    assert!(tested.len() >= 6, "{tested:?}");
}

#[test]
fn a_bad_link_only_delays_it() {
    for_each_seed(200, |seed| {
        let mut network = Network::new(seed);
        network.impair(Impairment { loss: 300, ..Impairment::BAD });
        let random = network.fork_random();
        let interval = Some(Duration::from_secs(30));
        network.add(Router::new(mac(1), two_prefixes(), interval, random));
        let host = add_host(&mut network, 2);
        let done = network.run_until_true(Duration::from_mins(20), |network| {
            ["2001:db8:1::/64", "2001:db8:2::/64"]
                .iter()
                .all(|subnet| network[host].assigned(subnet).len() == 1)
        });
        assert!(done, "still waiting at {:?}", network.now());
        let answered = (0..50).any(|sequence| {
            let now = network.now();
            network[host].ping(FAR, sequence, now);
            network.run_for(Duration::from_secs(2));
            !network[host].replies().is_empty()
        });
        assert!(answered);
    });
}

#[test]
fn solicitations_back_off_until_somebody_answers() {
    for_each_seed(50, |seed| {
        let mut network = Network::new(seed);
        let host = add_host(&mut network, 2);
        let probe = network.add(Probe::new(mac(9)));
        network.run_for(Duration::from_hours(2));
        let times: Vec<Instant> = network[probe]
            .messages(|_, message| {
                matches!(message, Icmpv6Message::RouterSolicitation(_)).then_some(())
            })
            .into_iter()
            .map(|(at, ())| at)
            .collect();
        // RFC 7559, Section 2: 4 s, then doubled with 10 % of randomness, up to 1 h.
        let gaps: Vec<_> =
            times.windows(2).map(|pair| pair[1].saturating_since(pair[0]).as_secs_f64()).collect();
        assert!((9..=13).contains(&times.len()), "{gaps:?}");
        assert!((3.6..=4.4).contains(&gaps[0]), "{gaps:?}");
        for pair in gaps.windows(2) {
            let capped = pair[1] >= 3600.0 * 0.9 && pair[1] <= 3600.0 * 1.1;
            assert!(capped || (1.8..=2.2).contains(&(pair[1] / pair[0])), "{gaps:?}");
        }
        // A router that comes late ends it.
        let router = add_router(&mut network, 1, two_prefixes());
        network[router].advertise();
        network.run_for(Duration::from_secs(5));
        only(&network[host], "2001:db8:1::/64");
        let heard = network[router].solicitations;
        network.run_for(Duration::from_hours(2));
        assert_eq!(network[router].solicitations, heard);
    });
}

#[test]
fn lifetimes_run_out() {
    for_each_seed(100, |seed| {
        let mut network = Network::new(seed);
        let mut advertisement = two_prefixes();
        advertisement.prefixes[0] = prefix("2001:db8:1::/64", 120, 60);
        let router = add_router(&mut network, 1, advertisement);
        let host = add_host(&mut network, 2);
        network.run_for(Duration::from_secs(10));
        let short = only(&network[host], "2001:db8:1::/64");
        let long = only(&network[host], "2001:db8:2::/64");

        network.run_for(Duration::from_mins(1));
        assert_eq!(network[host].state(short), Some(AddressState::Deprecated));
        assert_eq!(network[host].state(long), Some(AddressState::Preferred));
        // New communication avoids it, but it is still answered for.
        let now = network.now();
        assert!(network[host].ping(FAR, 1, now));
        network.run_for(Duration::from_secs(1));
        assert_eq!(network[router].forwarded.last(), Some(&(long, FAR)));
        assert!(answers(&mut network, router, host, short));

        network.run_for(Duration::from_mins(1));
        assert_eq!(network[host].state(short), None);
        assert!(!answers(&mut network, router, host, short));
        assert!(answers(&mut network, router, host, long));
        // Its prefix is no longer on the link: a neighbor in it is reached through the router.
        network[router].advertisement.prefixes.remove(0);
        let gone = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x99);
        let now = network.now();
        assert!(network[host].ping(gone, 2, now));
        network.run_for(Duration::from_secs(5));
        assert_eq!(network[router].forwarded.last(), Some(&(long, gone)));
    });
}

/// Whether the host answers an echo request that the router passes on to it.
fn answers(
    network: &mut Network,
    router: Handle<Router>,
    host: Handle<Host>,
    address: Ipv6Addr,
) -> bool {
    use net::wire::icmpv6::Echo;
    use simulation::packet::Envelope;
    let (from, to) = (network[router].mac, network[host].mac);
    let echo = Icmpv6Message::EchoRequest(Echo { identifier: 7, sequence: 7, data: b"?" });
    let before = network[router].forwarded_from(address);
    network[router].send(Envelope::unicast((from, FAR), (to, address)).icmpv6(&echo));
    network.run_for(Duration::from_secs(5));
    network[router].forwarded_from(address) > before
}

#[test]
fn nobody_shortens_a_lifetime_to_less_than_two_hours() {
    // RFC 4862, Section 5.5.3(e): what keeps a forged advertisement from taking addresses away.
    let mut network = Network::new(0);
    let router = add_router(&mut network, 1, two_prefixes());
    let host = add_host(&mut network, 2);
    network.run_for(Duration::from_secs(10));
    let address = only(&network[host], "2001:db8:1::/64");
    let lifetimes = |network: &Network| {
        let info = network[host].address(address).expect("it is still there");
        let now = network.now();
        (info.valid.remaining_secs(now), info.preferred.remaining_secs(now))
    };
    let advertise = |network: &mut Network, valid: u32, preferred: u32| {
        let said = &mut network[router].advertisement.prefixes[0];
        said.valid_lifetime = Lifetime::from_secs(valid);
        said.preferred_lifetime = Lifetime::from_secs(preferred);
        network[router].advertise();
        network.run_for(Duration::from_secs(1));
        lifetimes(network)
    };
    let near = |value: u32, expected: u32| value.abs_diff(expected) <= 2;

    let (valid, preferred) = advertise(&mut network, 0, 0);
    assert!(near(valid, 2 * HOUR) && preferred == 0, "{valid} {preferred}");
    let (valid, preferred) = advertise(&mut network, HOUR, HOUR);
    assert!(near(valid, 2 * HOUR) && near(preferred, HOUR), "{valid} {preferred}");
    let (valid, _) = advertise(&mut network, 3 * HOUR, HOUR);
    assert!(near(valid, 3 * HOUR), "{valid}");
    let (valid, preferred) = advertise(&mut network, u32::MAX, u32::MAX);
    assert_eq!((valid, preferred), (u32::MAX, u32::MAX));
    network.run_for(Duration::from_hours(24 * 365));
    assert_eq!(network[host].state(address), Some(AddressState::Preferred));
}

#[test]
fn advertisements_add_up_over_routers() {
    // RD-13, RD-15: one router's silence about a prefix takes nothing away from another's.
    let mut network = Network::new(3);
    let one = Advertisement {
        prefixes: vec![prefix("2001:db8:1::/64", HOUR, HOUR)],
        ..Advertisement::default()
    };
    let two = Advertisement {
        prefixes: vec![prefix("2001:db8:2::/64", HOUR, HOUR)],
        ..Advertisement::default()
    };
    let first = add_router(&mut network, 1, one);
    add_router(&mut network, 4, two);
    let host = add_host(&mut network, 2);
    network.run_for(Duration::from_secs(10));
    only(&network[host], "2001:db8:1::/64");
    only(&network[host], "2001:db8:2::/64");
    network[first].advertisement.prefixes.clear();
    network[first].advertise();
    network.run_for(Duration::from_secs(5));
    only(&network[host], "2001:db8:1::/64");
}

#[test]
fn prefixes_that_make_no_address() {
    let mut network = Network::new(4);
    let mut not_autonomous = prefix("2001:db8:1::/64", HOUR, HOUR);
    not_autonomous.autonomous = false;
    let advertisement = Advertisement {
        prefixes: vec![
            not_autonomous,
            prefix("2001:db8:2::/96", HOUR, HOUR),
            prefix("fe80::/64", HOUR, HOUR),
            prefix("2001:db8:3::/64", HOUR, HOUR + 1),
            prefix("2001:db8:4::/64", 0, 0),
            prefix("2001:db8:5::/64", HOUR, HOUR),
        ],
        ..Advertisement::default()
    };
    add_router(&mut network, 1, advertisement);
    let host = add_host(&mut network, 2);
    network.run_for(Duration::from_secs(10));
    let addresses: Vec<_> =
        network[host].interface().addresses().map(|info| info.address).collect();
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    only(&network[host], "fe80::/64");
    only(&network[host], "2001:db8:5::/64");
}

#[test]
fn a_pulled_cable_starts_it_again() {
    for_each_seed(50, |seed| {
        let mut network = Network::new(seed);
        let router = add_router(&mut network, 1, two_prefixes());
        let host = add_host(&mut network, 2);
        let probe = network.add(Probe::new(mac(9)));
        network.run_for(Duration::from_secs(10));
        network.set_plugged(host, false);
        network.run_for(Duration::from_secs(10));
        let heard = network[probe].heard.len();
        let solicitations = network[router].solicitations;
        network.set_plugged(host, true);
        network.run_for(Duration::from_secs(10));
        assert!(network[router].solicitations > solicitations);
        // The link-local address and both others are tested again: it may be another link.
        let tests = network[probe].heard[heard..]
            .iter()
            .filter_map(|(_, frame)| Packet::parse(frame))
            .filter(|packet| packet.ipv6.source.is_unspecified())
            .filter(|packet| {
                matches!(packet.icmpv6(), Some(Icmpv6Message::NeighborSolicitation(_)))
            })
            .count();
        assert!(tests >= 3, "{tests}");
        only(&network[host], "2001:db8:1::/64");
        let now = network.now();
        assert!(network[host].ping(FAR, 1, now));
        network.run_for(Duration::from_secs(2));
        assert_eq!(network[host].replies(), [(FAR, 1)]);
    });
}
