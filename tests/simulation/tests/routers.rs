//! What routers tell besides prefixes: parameters of the link, routes, better first hops
//! (RFC 4861, Sections 6.3.4 and 8; RFC 4191).

use net::config::Config;
use net::netif::MacAddress;
use net::socket::SetOption;
use net::time::Duration;
use net::wire::icmpv6::Icmpv6Message;
use net::wire::ipv6::HopLimit;
use net::wire::ndp::Redirect;
use net::wire::ndp_option::{Lifetime, NdpOption, NdpOptions, RouteInformation, RouterPreference};
use simulation::host::Host;
use simulation::network::{Handle, Network};
use simulation::packet::{Envelope, Packet, link_local};
use simulation::router::{Advertisement, Router, prefix};
use simulation::seed::for_each_seed;
use std::net::Ipv6Addr;

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x52, 0x54, 0, 0x12, 0x34, last])
}

const FAR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);

fn base() -> Advertisement {
    Advertisement {
        prefixes: vec![prefix("2001:db8:1::/64", 86_400, 86_400)],
        ..Advertisement::default()
    }
}

fn add_router(network: &mut Network, last: u8, said: Advertisement) -> Handle<Router> {
    let random = network.fork_random();
    network.add(Router::new(mac(last), said, None, random))
}

/// A host and a router that says this.
fn lab(seed: u64, said: Advertisement) -> (Network, Handle<Host>, Handle<Router>) {
    let mut network = Network::new(seed);
    let router = add_router(&mut network, 1, said);
    let random = network.fork_random();
    let host = network.add(Host::new(mac(2), Config::default(), random));
    network.run_for(Duration::from_secs(10));
    (network, host, router)
}

fn ping(network: &mut Network, host: Handle<Host>, to: Ipv6Addr, sequence: u16) -> bool {
    let now = network.now();
    network[host].ping(to, sequence, now);
    network.run_for(Duration::from_secs(1));
    network[host].replies().contains(&(to, sequence))
}

#[test]
fn the_mtu_is_taken_if_it_makes_sense() {
    for (mtu, expected) in [(1280, 1280), (1400, 1400), (1500, 1500), (1279, 1500), (9000, 1500)] {
        let said = Advertisement { mtu: Some(mtu), ..base() };
        let (mut network, host, _) = lab(1, said);
        assert_eq!(network[host].interface().mtu(), expected, "advertised {mtu}");
        let socket = network[host].open_udp(0);
        let whole = SetOption::DontFragment(true);
        network[host].stack.set_socket_option(socket, whole).unwrap();
        let now = network.now();
        let most = usize::from(expected) - 48;
        assert!(network[host].send(socket, (FAR, 9), &vec![0; most], now));
        assert!(!network[host].send(socket, (FAR, 9), &vec![0; most + 1], now));
    }
}

#[test]
fn the_hop_limit_is_taken() {
    let said = Advertisement { hop_limit: Some(HopLimit(17)), ..base() };
    let (mut network, host, router) = lab(1, said);
    let last_hop_limit = |network: &mut Network, sequence| {
        let frames = network.sent();
        assert!(ping(network, host, FAR, sequence));
        let later = network.capture().frames().skip(frames as usize);
        let packet = later.filter_map(Packet::parse).find(|packet| packet.ipv6.destination == FAR);
        packet.expect("an echo request").ipv6.hop_limit.0
    };
    assert_eq!(last_hop_limit(&mut network, 1), 17);
    // RD-7: "unspecified" changes nothing.
    network[router].advertisement.hop_limit = None;
    network[router].advertise();
    network.run_for(Duration::from_secs(1));
    assert_eq!(last_hop_limit(&mut network, 2), 17);
}

#[test]
fn a_route_takes_its_destinations_alone() {
    for_each_seed(50, |seed| {
        let (mut network, host, first) = lab(seed, base());
        let near: Ipv6Addr = "2001:db8:7::1".parse().unwrap();
        let said = Advertisement {
            preference: RouterPreference::Low,
            routes: vec![RouteInformation {
                prefix: "2001:db8:7::/48".parse().unwrap(),
                preference: RouterPreference::Medium,
                lifetime: Lifetime::from_secs(600),
            }],
            ..base()
        };
        let second = add_router(&mut network, 4, said);
        network[second].advertise();
        network.run_for(Duration::from_secs(1));
        assert!(ping(&mut network, host, near, 1) && ping(&mut network, host, FAR, 2));
        assert_eq!(network[second].forwarded.len(), 1);
        assert_eq!(network[second].forwarded[0].1, near);
        assert_eq!(network[first].forwarded[0].1, FAR);
        // It runs out.
        network.run_for(Duration::from_mins(10));
        ping(&mut network, host, near, 3);
        assert_eq!(network[second].forwarded.len(), 1);
        assert_eq!(network[first].forwarded.last().unwrap().1, near);
    });
}

/// A redirect of [`FAR`] to the second router, as the station `from` with this address sends it.
fn redirect(from: (MacAddress, Ipv6Addr), target: Ipv6Addr, to: Ipv6Addr) -> Vec<u8> {
    let options = [NdpOption::TargetLinkLayerAddress(mac(4))];
    let message = Redirect { target, destination: FAR, options: NdpOptions::new(&options) };
    Envelope::unicast(from, (mac(2), to)).icmpv6(&Icmpv6Message::Redirect(message))
}

#[test]
fn a_redirect_is_obeyed_if_it_comes_from_the_first_hop() {
    for_each_seed(50, |seed| {
        let (mut network, host, first) = lab(seed, base());
        let silent = Advertisement { lifetime: Duration::ZERO, ..base() };
        let second = add_router(&mut network, 4, silent);
        assert!(ping(&mut network, host, FAR, 1));
        let me = network[host].assigned("2001:db8:1::/64")[0];
        let target = link_local(mac(4));
        let router = (mac(1), link_local(mac(1)));

        // From somebody else, to nowhere, from too far away: no effect.
        let forged = redirect((mac(9), link_local(mac(9))), target, me);
        let nowhere = redirect(router, "2001:db8:1::99".parse().unwrap(), me);
        let mut forwarded = redirect(router, target, me);
        forwarded[14 + 7] = 254;
        for (sequence, frame) in (2..).zip([forged, nowhere, forwarded]) {
            network[first].send(frame);
            network.run_for(Duration::from_millis(10));
            assert!(ping(&mut network, host, FAR, sequence));
            assert_eq!(network[second].forwarded.len(), 0, "{sequence}");
        }

        network[first].send(redirect(router, target, me));
        network.run_for(Duration::from_millis(10));
        let before = network[first].forwarded.len();
        assert!(ping(&mut network, host, FAR, 9));
        assert_eq!(network[second].forwarded.len(), 1);
        assert_eq!(network[first].forwarded.len(), before);
        // Other destinations stay where they were.
        let other: Ipv6Addr = "2001:db8:eeee::1".parse().unwrap();
        assert!(ping(&mut network, host, other, 10));
        assert_eq!(network[first].forwarded.last().unwrap().1, other);
    });
}

#[test]
fn a_flood_of_routers_leaves_the_first_ones_usable() {
    // RD-20: a thousand made-up routers with a prefix each.
    for_each_seed(5, |seed| {
        let (mut network, host, router) = lab(seed, base());
        let probe = network.add(simulation::probe::Probe::new(mac(9)));
        for number in 0..1000u16 {
            let [high, low] = number.to_be_bytes();
            let rogue = MacAddress([2, 0xba, 0xd0, 0, high, low]);
            let information = prefix(&format!("2001:db8:bad:{number:x}::/64"), 86_400, 86_400);
            let options = [
                NdpOption::SourceLinkLayerAddress(rogue),
                NdpOption::PrefixInformation(information),
            ];
            let said = net::wire::ndp::RouterAdvertisement {
                hop_limit: None,
                managed: false,
                other: false,
                preference: RouterPreference::Medium,
                router_lifetime: Duration::from_mins(30),
                reachable_time: None,
                retrans_timer: None,
                options: NdpOptions::new(&options),
            };
            let envelope = Envelope::multicast(rogue, link_local(rogue), net::address::ALL_NODES);
            network[probe].send(envelope.icmpv6(&Icmpv6Message::RouterAdvertisement(said)));
        }
        network.run_for(Duration::from_secs(10));
        let addresses = network[host].interface().addresses().count();
        assert!(addresses <= net::limits::ADDRESSES, "{addresses}");
        assert_eq!(network[host].assigned("2001:db8:1::/64").len(), 1);
        // The good router is one of those that are tried.
        let before = network[router].forwarded.len();
        for number in 0..200 {
            let to = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 1, number);
            ping(&mut network, host, to, number);
        }
        assert!(network[router].forwarded.len() > before);
        let refused = network[host].stack.node_counters().tables;
        assert!(refused.total() >= 900, "{}", refused.total());
    });
}
