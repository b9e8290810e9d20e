//! Our stack and smoltcp on one switch.

use net::config::Config;
use net::netif::MacAddress;
use net::time::Duration;
use simulation::foreign::{self, Foreign};
use simulation::host::{ECHO_PORT, Host};
use simulation::impairment::Impairment;
use simulation::network::{Handle, Network};
use simulation::packet::link_local;
use simulation::seed::for_each_seed;
use std::net::Ipv6Addr;

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x52, 0x54, 0, 0x12, 0x34, last])
}

const OURS: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x5054, 0xff, 0xfe12, 0x3402);

fn pair(seed: u64) -> (Network, Handle<Host>, Handle<Foreign>, Ipv6Addr) {
    assert_eq!(OURS, link_local(mac(2)));
    let mut network = Network::new(seed);
    let random = network.fork_random();
    let ours = network.add(Host::new(mac(2), Config::default(), random));
    let address = link_local(mac(3));
    let theirs = network.add(Foreign::new(mac(3), &[address], seed));
    network.run_for(Duration::from_secs(5));
    (network, ours, theirs, address)
}

#[test]
fn echo_both_ways() {
    for_each_seed(50, |seed| {
        let (mut network, ours, theirs, address) = pair(seed);
        // The first packet asks for the neighbor; which side asks first changes with the seed.
        for sequence in 0..10 {
            let now = network.now();
            if seed % 2 == 0 {
                assert!(network[ours].ping(address, sequence, now));
            }
            network[theirs].ping(OURS, sequence, &[sequence as u8; 300]);
            network.run_for(Duration::from_secs(2));
            if seed % 2 == 1 {
                let now = network.now();
                assert!(network[ours].ping(address, sequence, now));
                network.run_for(Duration::from_secs(2));
            }
            assert_eq!(network[ours].replies(), [(address, sequence)]);
        }
        let expected: Vec<_> = (0..10u16).map(|n| (n, vec![n as u8; 300])).collect();
        assert_eq!(network[theirs].replies, expected);
    });
}

#[test]
fn datagrams_both_ways() {
    for_each_seed(50, |seed| {
        let (mut network, ours, theirs, address) = pair(seed);
        let socket = network[ours].open_udp(0);
        for length in [0, 1, 7, 512, 1452] {
            let data = vec![length as u8; length];
            let now = network.now();
            assert!(network[ours].send(socket, (address, foreign::ECHO_PORT), &data, now));
            network[theirs].send((OURS, ECHO_PORT), &data);
            network.run_for(Duration::from_secs(2));
            let taken = network[ours].take(socket);
            assert_eq!(taken.len(), 1, "length {length}");
            assert_eq!((*taken[0].0.ip(), &taken[0].1), (address, &data));
            let (from, echoed) = network[theirs].datagrams.pop().expect("an echo");
            assert_eq!((*from.ip(), from.port(), echoed), (OURS, ECHO_PORT, data));
        }
    });
}

#[test]
fn on_a_bad_link() {
    for_each_seed(50, |seed| {
        let (mut network, ours, theirs, address) = pair(seed);
        network.impair(Impairment { corruption: 50, ..Impairment::BAD });
        let mut replies = 0;
        for sequence in 0..60 {
            let now = network.now();
            network[ours].ping(address, sequence, now);
            network[theirs].ping(OURS, sequence, b"?");
            network.run_for(Duration::from_secs(1));
            replies += network[ours].replies().len();
        }
        assert!(replies > 25, "{replies} replies to us");
        let to_them = network[theirs].replies.len();
        assert!(to_them > 25, "{to_them} replies to them");
    });
}
