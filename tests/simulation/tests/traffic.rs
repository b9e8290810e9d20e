//! Data between our stacks: what arrives is what was sent, whatever the link does.

use net::address::ALL_NODES;
use net::config::Config;
use net::netif::MacAddress;
use net::socket::{SetOption, SocketError};
use net::time::Duration;
use net::wire::ipv6::NextHeader;
use simulation::host::{ECHO_PORT, Host};
use simulation::impairment::Impairment;
use simulation::network::{Handle, Network};
use simulation::packet::{Envelope, link_local};
use simulation::probe::Probe;
use simulation::seed::for_each_seed;
use std::net::Ipv6Addr;

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x52, 0x54, 0, 0x12, 0x34, last])
}

fn pair(seed: u64) -> (Network, [Handle<Host>; 2], [Ipv6Addr; 2]) {
    let mut network = Network::new(seed);
    let hosts = [2, 3].map(|last| {
        let random = network.fork_random();
        network.add(Host::new(mac(last), Config::default(), random))
    });
    network.run_for(Duration::from_secs(5));
    (network, hosts, [2, 3].map(|last| link_local(mac(last))))
}

/// Rows: UDP-12
#[test]
fn datagrams_of_all_lengths_go_there_and_back() {
    for_each_seed(20, |seed| {
        let (mut network, [a, _], [_, to]) = pair(seed);
        let socket = network[a].open_udp(0);
        let most = 1500 - 40 - 8;
        let longest = 65_535 - 8;
        for length in [0, 1, 2, 3, 63, 64, 1000, most - 1, most, most + 1, 4000, 20_000, longest] {
            let data: Vec<u8> = (0..length).map(|octet| (octet * 7 + length) as u8).collect();
            let now = network.now();
            assert!(network[a].send(socket, (to, ECHO_PORT), &data, now));
            network.run_for(Duration::from_millis(50));
            let taken = network[a].take(socket);
            assert_eq!(taken.len(), 1, "length {length}");
            assert_eq!(*taken[0].0.ip(), to);
            assert_eq!((taken[0].0.port(), &taken[0].1), (ECHO_PORT, &data));
        }
        let now = network.now();
        assert!(!network[a].send(socket, (to, ECHO_PORT), &vec![0; longest + 1], now));
        let whole = SetOption::DontFragment(true);
        network[a].stack.set_socket_option(socket, whole).unwrap();
        assert!(!network[a].send(socket, (to, ECHO_PORT), &vec![0; most + 1], now));
    });
}

#[test]
fn fragments_on_a_bad_link() {
    // What is lost, doubled, late or out of order is either whole in the end or not there at all.
    for_each_seed(50, |seed| {
        let (mut network, [a, b], [_, to]) = pair(seed);
        let socket = network[a].open_udp(0);
        let now = network.now();
        assert!(network[a].ping(to, 1, now));
        network.run_for(Duration::from_millis(10));
        network.impair(Impairment { corruption: 50, ..Impairment::BAD });
        let mut arrived = 0;
        for number in 0..30u8 {
            let data: Vec<u8> = (0..5000).map(|octet| (octet % 241) as u8 ^ number).collect();
            let now = network.now();
            network[a].send(socket, (to, ECHO_PORT), &data, now);
            network.run_for(Duration::from_millis(500));
            for (_, taken) in network[a].take(socket) {
                assert_eq!(taken.len(), 5000);
                let number = taken[0];
                assert!(
                    taken.iter().enumerate().all(|(at, &octet)| octet == (at % 241) as u8 ^ number)
                );
                arrived += 1;
            }
        }
        assert!(arrived > 0);
        network.run_for(Duration::from_mins(5));
        network[a].take(socket);
        network[a].replies();
        assert_eq!((network[a].pool.used(), network[b].pool.used()), (0, 0));
    });
}

#[test]
fn a_flood_of_fragments_leaves_others_alone() {
    // FRG-18: first fragments from a hundred made-up senders, between those of a good packet.
    for_each_seed(5, |seed| {
        let (mut network, [a, _], [to_a, to]) = pair(seed);
        let probe = network.add(Probe::new(mac(9)));
        let socket = network[a].open_udp(0);
        let mut answered = 0;
        for round in 0..50u16 {
            let now = network.now();
            assert!(network[a].send(socket, (to, ECHO_PORT), &[7; 8000], now));
            for number in 0..100 {
                let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0xbad, 0, number, round);
                let envelope = Envelope::unicast((mac(9), source), (mac(2), to_a));
                let mut fragment = vec![17, 0, 0, 1, 0, 0, 0, number as u8];
                fragment.extend([0; 512]);
                network[probe].send(envelope.raw(NextHeader::FRAGMENT, &fragment));
                network.run_for(Duration::from_micros(20));
            }
            network.run_for(Duration::from_millis(10));
            answered += network[a].take(socket).len();
        }
        assert_eq!(answered, 50);
        network.run_for(Duration::from_mins(2));
        assert_eq!(network[a].pool.used(), 0);
    });
}

#[test]
fn corrupted_datagrams_never_arrive() {
    for_each_seed(200, |seed| {
        let (mut network, [a, _], [_, to]) = pair(seed);
        let mut random = network.fork_random();
        let socket = network[a].open_udp(0);
        // They know each other before it gets bad.
        let now = network.now();
        assert!(network[a].ping(to, 1, now));
        network.run_for(Duration::from_millis(10));
        network.impair(Impairment { corruption: 300, ..Impairment::BAD });
        let mut sent = Vec::new();
        let mut arrived = 0;
        for number in 0..200u32 {
            let mut data = number.to_be_bytes().to_vec();
            data.extend((0..random.index(200)).map(|_| random.index(256) as u8));
            let now = network.now();
            network[a].send(socket, (to, ECHO_PORT), &data, now);
            sent.push(data);
            network.run_for(Duration::from_millis(20));
            for (from, data) in network[a].take(socket) {
                let number = u32::from_be_bytes(*data.first_chunk().expect("four octets"));
                assert_eq!(sent[number as usize], data);
                assert_eq!((*from.ip(), from.port()), (to, ECHO_PORT));
                arrived += 1;
            }
        }
        assert!(arrived > 40, "{arrived} of 200");
    });
}

#[test]
fn nobody_at_the_port() {
    let (mut network, [a, _], [_, to]) = pair(1);
    let socket = network[a].open_udp(0);
    let to = network[a].socket_address(to, 4711);
    let now = network.now();
    network[a].stack.connect(socket, to, now).unwrap();
    assert!(network[a].send(socket, (*to.ip(), 4711), b"hello?", now));
    network.run_for(Duration::from_millis(10));
    assert!(network[a].take(socket).is_empty());
    assert_eq!(network[a].errors, [(socket, SocketError::ConnectionRefused)]);
}

#[test]
fn everybody_answers_a_ping_of_all_nodes() {
    let mut network = Network::new(1);
    let hosts = [2, 3, 4, 5].map(|last| {
        let random = network.fork_random();
        network.add(Host::new(mac(last), Config::default(), random))
    });
    network.run_for(Duration::from_secs(5));
    let now = network.now();
    assert!(network[hosts[0]].ping(ALL_NODES, 1, now));
    network.run_for(Duration::from_secs(2));
    let mut from: Vec<_> = network[hosts[0]].replies().into_iter().map(|(from, _)| from).collect();
    from.sort();
    let mut others = [3, 4, 5].map(|last| link_local(mac(last))).to_vec();
    others.sort();
    // The sender hears itself too if its multicast loops back.
    from.retain(|from| *from != link_local(mac(2)));
    assert_eq!(from, others);
}

#[test]
fn a_group_reaches_its_members_alone() {
    let group: Ipv6Addr = "ff02::4711".parse().unwrap();
    for_each_seed(20, |seed| {
        let mut network = Network::new(seed);
        let hosts = [2, 3, 4].map(|last| {
            let random = network.fork_random();
            network.add(Host::new(mac(last), Config::default(), random))
        });
        network.run_for(Duration::from_secs(5));
        let sockets = hosts.map(|host| network[host].open_udp(4711));
        for member in [1, 2] {
            let now = network.now();
            let node = &mut network[hosts[member]];
            let index = node.index;
            node.stack.join_group(sockets[member], group, Some(index), now).unwrap();
        }
        let say = |network: &mut Network, data: &[u8]| {
            let now = network.now();
            assert!(network[hosts[0]].send(sockets[0], (group, 4711), data, now));
            network.run_for(Duration::from_millis(10));
            [0, 1, 2].map(|number| network[hosts[number]].take(sockets[number]).len())
        };
        assert_eq!(say(&mut network, b"both"), [0, 1, 1]);
        let now = network.now();
        let node = &mut network[hosts[2]];
        let index = node.index;
        node.stack.leave_group(sockets[2], group, Some(index), now).unwrap();
        assert_eq!(say(&mut network, b"one"), [0, 1, 0]);
    });
}

#[test]
fn a_full_receive_buffer_drops_and_counts() {
    use net::counters::DropReason;
    let (mut network, [a, b], [_, to]) = pair(1);
    let (sender, receiver) = (network[a].open_udp(0), network[b].open_udp(4711));
    network[b].stack.set_socket_option(receiver, SetOption::ReceiveBuffer(4096)).unwrap();
    for _ in 0..100 {
        let now = network.now();
        network[a].send(sender, (to, 4711), &[0; 1000], now);
        network.run_for(Duration::from_millis(1));
    }
    let taken = network[b].take(receiver).len();
    let dropped = network[b].stack.node_counters().drops.get(DropReason::SocketBufferFull);
    assert!((1..50).contains(&taken), "{taken}");
    assert_eq!(taken as u64 + dropped, 100);
}

#[test]
fn every_buffer_comes_back() {
    for_each_seed(50, |seed| {
        let (mut network, [a, b], [_, to]) = pair(seed);
        network.impair(Impairment { corruption: 100, ..Impairment::BAD });
        let socket = network[a].open_udp(0);
        for number in 0..50 {
            let now = network.now();
            network[a].send(socket, (to, ECHO_PORT), &[number; 100], now);
            network[a].ping(to, number.into(), now);
            network.run_for(Duration::from_millis(10));
        }
        network.run_for(Duration::from_mins(5));
        network[a].take(socket);
        network[a].replies();
        assert_eq!((network[a].pool.used(), network[b].pool.used()), (0, 0));
    });
}
