//! Neighbors that come and go (RFC 4861, Section 7) and routers that do (Section 6.3.5).

use net::config::Config;
use net::neighbor::NeighborState;
use net::netif::MacAddress;
use net::socket::{SetOption, SocketError};
use net::time::{Duration, Instant};
use net::wire::icmpv6::Icmpv6Message;
use net::wire::ndp::NeighborAdvertisement;
use net::wire::ndp_option::{NdpOption, NdpOptions, RouterPreference};
use simulation::host::{ECHO_PORT, Host};
use simulation::impairment::Impairment;
use simulation::network::{Handle, Network};
use simulation::packet::{Envelope, link_local};
use simulation::probe::Probe;
use simulation::router::{Advertisement, Router, prefix};
use simulation::seed::for_each_seed;
use std::net::Ipv6Addr;

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x52, 0x54, 0, 0x12, 0x34, last])
}

const FAR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);

fn add_host(network: &mut Network, last: u8) -> Handle<Host> {
    let random = network.fork_random();
    network.add(Host::new(mac(last), Config::default(), random))
}

/// Two hosts with their link-local addresses.
fn pair(seed: u64) -> (Network, [Handle<Host>; 2], [Ipv6Addr; 2]) {
    let mut network = Network::new(seed);
    let hosts = [2, 3].map(|last| add_host(&mut network, last));
    network.run_for(Duration::from_secs(5));
    (network, hosts, [2, 3].map(|last| link_local(mac(last))))
}

fn ping(network: &mut Network, host: Handle<Host>, to: Ipv6Addr, sequence: u16) -> bool {
    let now = network.now();
    network[host].ping(to, sequence, now);
    network.run_for(Duration::from_secs(1));
    network[host].replies().contains(&(to, sequence))
}

fn neighbor(network: &Network, host: Handle<Host>, address: Ipv6Addr) -> Option<NeighborState> {
    let mut neighbors = network[host].stack.neighbors();
    neighbors.find(|neighbor| neighbor.address == address).map(|neighbor| neighbor.state)
}

/// The Neighbor Solicitations for `target` that `probe` has heard: when, and whether they were
/// sent to it alone.
fn solicitations(probe: &Probe, target: Ipv6Addr) -> Vec<(Instant, bool)> {
    probe.messages(|packet, message| match message {
        Icmpv6Message::NeighborSolicitation(message) if message.target == target => {
            (!packet.ipv6.source.is_unspecified()).then(|| !packet.ipv6.destination.is_multicast())
        }
        _ => None,
    })
}

/// A neighbor's answer to a solicitation from `asker`.
fn advertisement(
    (own_mac, own): (MacAddress, Ipv6Addr),
    asker: (MacAddress, Ipv6Addr),
    solicited: bool,
) -> Vec<u8> {
    let options = [NdpOption::TargetLinkLayerAddress(own_mac)];
    let message = Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
        router: false,
        solicited,
        overrides: true,
        target: own,
        options: NdpOptions::new(&options),
    });
    Envelope::unicast((own_mac, own), asker).icmpv6(&message)
}

#[test]
fn nobody_there() {
    // ND-14: three tries, one RetransTimer apart, then the sender hears of it.
    for_each_seed(50, |seed| {
        let mut network = Network::new(seed);
        let host = add_host(&mut network, 2);
        let probe = network.add(Probe::new(mac(9)));
        network.run_for(Duration::from_secs(5));
        let nobody = link_local(mac(0x55));
        let start = network.now();
        let socket = network[host].ping_socket();
        network[host].stack.set_socket_option(socket, SetOption::ReceiveErrors(true)).unwrap();
        assert!(network[host].ping(nobody, 1, start));
        network.run_for(Duration::from_secs(10));
        let asked = solicitations(&network[probe], nobody);
        assert_eq!(asked.len(), 3, "{asked:?}");
        for (number, (at, unicast)) in asked.iter().enumerate() {
            let after = at.saturating_since(start);
            let expected = Duration::from_secs(number as u64);
            assert!(!unicast && after.abs_diff(expected) < Duration::from_millis(5), "{asked:?}");
        }
        network[host].replies();
        assert_eq!(network[host].errors, [(socket, SocketError::HostUnreachable)]);
    });
}

#[test]
fn a_dead_neighbor_is_found_out() {
    for_each_seed(100, |seed| {
        let mut network = Network::new(seed);
        let host = add_host(&mut network, 2);
        let probe = network.add(Probe::new(mac(9)));
        network.run_for(Duration::from_secs(5));
        let (me, peer) = ((mac(2), link_local(mac(2))), (mac(9), link_local(mac(9))));

        // It resolves and is there for a while.
        let now = network.now();
        network[host].ping(peer.1, 1, now);
        network.run_for(Duration::from_millis(10));
        network[probe].send(advertisement(peer, me, true));
        network.run_for(Duration::from_millis(10));
        assert_eq!(neighbor(&network, host, peer.1), Some(NeighborState::Reachable));

        // Then it dies. Reachable time is 15 to 45 s (RFC 4861, Section 6.3.2).
        network.run_for(Duration::from_secs(46));
        assert_eq!(neighbor(&network, host, peer.1), Some(NeighborState::Stale));
        network[probe].heard.clear();
        let start = network.now();
        network[host].ping(peer.1, 2, start);
        network.run_for(Duration::from_secs(1));
        assert_eq!(neighbor(&network, host, peer.1), Some(NeighborState::Delay));
        network.run_for(Duration::from_secs(10));
        let asked = solicitations(&network[probe], peer.1);
        let seconds: Vec<_> =
            asked.iter().map(|(at, _)| at.saturating_since(start).as_millis() / 100).collect();
        assert_eq!(seconds, [50, 60, 70, 80], "after 5 s, 1 s apart");
        let unicast: Vec<_> = asked.iter().map(|(_, unicast)| *unicast).collect();
        assert_eq!(unicast, [true, true, true, false], "the neighbor, then everybody");
        assert_eq!(neighbor(&network, host, peer.1), Some(NeighborState::Unreachable));

        // Back with other hardware, under the same address: found with the next packet, which is
        // lost.
        network.run_for(Duration::from_secs(5));
        let back = (mac(0x99), peer.1);
        let now = network.now();
        network[probe].heard.clear();
        network[host].ping(peer.1, 3, now);
        network.run_for(Duration::from_millis(10));
        assert_eq!(solicitations(&network[probe], peer.1).len(), 1);
        network[probe].send(advertisement(back, me, true));
        network.run_for(Duration::from_millis(10));
        let now = network.now();
        network[host].ping(peer.1, 4, now);
        network.run_for(Duration::from_millis(10));
        let sent = network[probe].heard.iter().any(|(_, frame)| frame[..6] == mac(0x99).0);
        assert!(sent, "packets go to the new station");
    });
}

#[test]
fn unsolicited_advertisements_prove_nothing() {
    // NUD-7: a stream of them does not keep the host from asking.
    let mut network = Network::new(5);
    let host = add_host(&mut network, 2);
    let probe = network.add(Probe::new(mac(9)));
    network.run_for(Duration::from_secs(5));
    let (me, peer) = ((mac(2), link_local(mac(2))), (mac(9), link_local(mac(9))));
    let now = network.now();
    network[host].ping(peer.1, 1, now);
    network.run_for(Duration::from_millis(10));
    network[probe].send(advertisement(peer, me, true));
    network.run_for(Duration::from_secs(46));
    network[probe].heard.clear();
    for sequence in 2..12 {
        let now = network.now();
        network[host].ping(peer.1, sequence, now);
        network[probe].send(advertisement(peer, me, false));
        network.run_for(Duration::from_secs(1));
    }
    assert!(solicitations(&network[probe], peer.1).iter().any(|(_, unicast)| *unicast));
}

#[test]
fn talking_keeps_a_living_neighbor() {
    for_each_seed(30, |seed| {
        let (mut network, [a, _], [_, to]) = pair(seed);
        for sequence in 0..180 {
            assert!(ping(&mut network, a, to, sequence), "{sequence}");
        }
    });
}

#[test]
fn losses_and_reordering_of_discovery_heal() {
    for_each_seed(300, |seed| {
        let (mut network, [a, b], [to_a, to_b]) = pair(seed);
        network.impair(Impairment { loss: 300, ..Impairment::BAD });
        let mut replies = 0;
        for sequence in 0..60 {
            replies += usize::from(ping(&mut network, a, to_b, sequence));
            replies += usize::from(ping(&mut network, b, to_a, sequence));
        }
        // Half of the exchanges lose one of their two frames; resolution takes a few more.
        assert!(replies > 20, "{replies} of 120");
        network.impair(Impairment::NONE);
        network.run_for(Duration::from_secs(5));
        for sequence in 100..105 {
            // The first may find the entry in the middle of failing.
            let (forth, back) =
                (ping(&mut network, a, to_b, sequence), ping(&mut network, b, to_a, sequence));
            assert!(forth && back || sequence == 100, "{sequence}");
        }
    });
}

#[test]
fn a_partition_ends() {
    for_each_seed(100, |seed| {
        let (mut network, [a, b], [_, to]) = pair(seed);
        assert!(ping(&mut network, a, to, 1));
        network.partition(&[b.port()]);
        for sequence in 2..20 {
            assert!(!ping(&mut network, a, to, sequence));
        }
        network.heal();
        network.run_for(Duration::from_secs(5));
        ping(&mut network, a, to, 20);
        assert!(ping(&mut network, a, to, 21));
    });
}

fn advertises(lifetime: Duration, preference: RouterPreference) -> Advertisement {
    Advertisement {
        lifetime,
        preference,
        prefixes: vec![prefix("2001:db8:1::/64", 86_400, 86_400)],
        ..Advertisement::default()
    }
}

/// A host with two routers, the first of which it prefers.
fn two_routers(seed: u64, lifetime: Duration) -> (Network, Handle<Host>, [Handle<Router>; 2]) {
    let mut network = Network::new(seed);
    let host = add_host(&mut network, 2);
    let routers =
        [(1, RouterPreference::High), (4, RouterPreference::Medium)].map(|(last, preference)| {
            let random = network.fork_random();
            let said = advertises(lifetime, preference);
            network.add(Router::new(mac(last), said, None, random))
        });
    network.run_for(Duration::from_secs(10));
    assert!(ping(&mut network, host, FAR, 1));
    assert_eq!(network[routers[0]].forwarded.len(), 1);
    assert_eq!(network[routers[1]].forwarded.len(), 0);
    (network, host, routers)
}

#[test]
fn a_dead_router_is_left_for_another() {
    for_each_seed(100, |seed| {
        let (mut network, host, routers) = two_routers(seed, Duration::from_mins(30));
        network[routers[0]].alive = false;
        // Reachable for up to 45 s more, 5 s of delay, 3 s of probes.
        let mut sequence = 2;
        let moved = network.now() + Duration::from_mins(1);
        while !ping(&mut network, host, FAR, sequence) {
            assert!(network.now() < moved, "still with the dead router");
            sequence += 1;
        }
        assert_ne!(network[routers[1]].forwarded.len(), 0);
        // Traffic stays with the router that works; the preferred one is asked for once a minute
        // (RFC 4191, Section 3.5), and only as long as there is traffic that would go there.
        let probe = network.add(Probe::new(mac(9)));
        let started = network.now();
        let answered = (100..280).filter(|&n| ping(&mut network, host, FAR, n)).count();
        assert_eq!(answered, 180);
        let asked = solicitations(&network[probe], link_local(mac(1)));
        assert!((2..=3).contains(&asked.len()), "{started:?} {asked:?}");
        let minute = Duration::from_mins(1);
        assert!(asked.windows(2).all(|pair| pair[1].0 >= pair[0].0 + minute), "{asked:?}");
        network.run_for(Duration::from_mins(5));
        assert_eq!(solicitations(&network[probe], link_local(mac(1))).len(), asked.len());
        // It lives again: with the next probe it is found and preferred.
        network[routers[0]].alive = true;
        let before = network[routers[0]].forwarded.len();
        let back = (300..365).any(|sequence| {
            assert!(ping(&mut network, host, FAR, sequence));
            network[routers[0]].forwarded.len() > before
        });
        assert!(back);
    });
}

#[test]
fn a_router_that_withdraws_is_left_at_once() {
    for_each_seed(50, |seed| {
        let (mut network, host, routers) = two_routers(seed, Duration::from_mins(30));
        network[routers[0]].advertisement.lifetime = Duration::ZERO;
        network[routers[0]].advertise();
        network.run_for(Duration::from_millis(10));
        assert!(ping(&mut network, host, FAR, 2));
        assert_eq!(network[routers[0]].forwarded.len(), 1);
        network[routers[1]].advertisement.lifetime = Duration::ZERO;
        network[routers[1]].advertise();
        network.run_for(Duration::from_millis(10));
        let now = network.now();
        assert!(!network[host].ping(FAR, 3, now), "there is no way out");
    });
}

#[test]
fn a_router_that_says_nothing_more_runs_out() {
    for_each_seed(50, |seed| {
        let (mut network, host, _) = two_routers(seed, Duration::from_mins(1));
        network.run_for(Duration::from_secs(40));
        assert!(ping(&mut network, host, FAR, 2));
        network.run_for(Duration::from_secs(20));
        let now = network.now();
        assert!(!network[host].ping(FAR, 3, now), "there is no way out");
        // What is on the link is still reached.
        let [_, router] = [1, 4].map(|last| link_local(mac(last)));
        assert!(ping(&mut network, host, router, 4));
    });
}

#[test]
fn a_flood_of_neighbors_leaves_a_conversation_alone() {
    // NUD-11: echo requests from thousands of made-up neighbors.
    for_each_seed(5, |seed| {
        let (mut network, [a, _], [to_a, to_b]) = pair(seed);
        let probe = network.add(Probe::new(mac(9)));
        assert!(ping(&mut network, a, to_b, 0));
        let socket = network[a].open_udp(0);
        let echo = net::wire::icmpv6::Echo { identifier: 1, sequence: 1, data: b"flood" };
        let mut answered = 0;
        for round in 0..100u8 {
            for number in 0..100 {
                let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0xbad, 0, round.into(), number);
                let envelope = Envelope::unicast((mac(9), source), (mac(2), to_a));
                network[probe].send(envelope.icmpv6(&Icmpv6Message::EchoRequest(echo)));
            }
            let now = network.now();
            assert!(network[a].send(socket, (to_b, ECHO_PORT), &[round; 64], now));
            network.run_for(Duration::from_millis(100));
            answered += network[a].take(socket).len();
        }
        assert_eq!(answered, 100);
        let limit = net::limits::NEIGHBORS;
        assert!(network[a].stack.neighbor_count() <= limit);
    });
}

#[test]
fn a_flood_of_neighbors_does_not_keep_new_ones_out() {
    // RFC 6583, Section 7.1: the answers to made-up neighbors wait in vain; what a program sends
    // to a neighbor that is not in the cache goes out all the same.
    for_each_seed(5, |seed| {
        let mut network = Network::new(seed);
        let a = add_host(&mut network, 2);
        let others: Vec<_> = (20..26).map(|last| add_host(&mut network, last)).collect();
        let probe = network.add(Probe::new(mac(9)));
        network.run_for(Duration::from_secs(10));
        let to_a = link_local(mac(2));
        let socket = network[a].open_udp(0);
        let echo = net::wire::icmpv6::Echo { identifier: 1, sequence: 1, data: b"flood" };
        let mut answered = 0;
        for round in 0..others.len() as u8 {
            let now = network.now();
            let to = link_local(mac(20 + round));
            assert!(network[a].send(socket, (to, ECHO_PORT), &[round; 64], now));
            for number in 0..250u16 {
                let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0xbad, 0, round.into(), number);
                let envelope = Envelope::unicast((mac(9), source), (mac(2), to_a));
                for _ in 0..2 {
                    network[probe].send(envelope.icmpv6(&Icmpv6Message::EchoRequest(echo)));
                }
            }
            network.run_for(Duration::from_millis(100));
            answered += network[a].take(socket).len();
        }
        assert_eq!(answered, others.len());
    });
}
