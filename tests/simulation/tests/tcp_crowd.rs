//! Many connections at once between few hosts, which compete for places, buffers and the link:
//! each gets through, and nothing is left behind.

use net::config::Config;
use net::netif::MacAddress;
use net::tcp::{TcpId, TcpState};
use net::time::Duration;
use simulation::host::Host;
use simulation::network::{Handle, Network};
use simulation::packet::link_local;
use simulation::seed::for_each_seed;
use simulation::tcp_program::{Ending, Program};
use simulation::tcp_scenario::{
    End, Pair, Weather, assert_clean, connect, impairment, listen, middlebox, run, vary_options,
};
use std::collections::BTreeMap;

const PORT: u16 = 8080;

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x52, 0x54, 0, 0x12, 0x34, last])
}

fn scenario(seed: u64, orderly: bool) {
    let mut network = Network::new(seed);
    let mut random = network.fork_random();
    let hosts: Vec<Handle<Host>> = (1..=3)
        .map(|last| {
            let own = network.fork_random();
            network.add(Host::new(mac(last), Config::default(), own))
        })
        .collect();
    network.run_for(Duration::from_secs(3));
    let server = hosts[0];
    let listener = listen(&mut network, server, PORT, 128);
    network.set_middlebox(middlebox(&mut random));
    let count = 5 + random.index(60);
    let clients: Vec<(Handle<Host>, TcpId)> = (0..count)
        .map(|number| {
            let host = hosts[1 + number % 2];
            let to = (link_local(mac(1)), PORT);
            (host, connect(&mut network, host, to, |options| vary_options(&mut random, options)))
        })
        .collect();
    let mut servers = BTreeMap::new();
    let all = network.run_until_true(Duration::from_secs(20), |network| {
        while let Ok((id, from)) = network[server].stack.tcp_accept(listener) {
            servers.insert((*from.ip(), from.port()), id);
        }
        servers.len() == count
    });
    assert!(all, "seed {seed}: {} of {count} connections on a good link", servers.len());
    network.impair(impairment(&mut random, 100));
    let now = network.now();
    let mut pairs: Vec<Pair> = clients
        .iter()
        .map(|&(host, id)| {
            assert_eq!(network[host].stack.tcp_state(id), Some(TcpState::Established));
            let local = network[host].stack.tcp_local_address(id).expect("it is open");
            let other = servers[&(*local.ip(), local.port())];
            let most = *random.pick(&[500, 5000, 40_000]);
            let programs = [true, false].map(|may_wait| {
                let ending = if orderly {
                    Ending::orderly(&mut random, may_wait)
                } else {
                    Ending::any(&mut random, may_wait, now)
                };
                Program::new(&mut random, most, ending, now)
            });
            Pair { ends: [End::Host(host, id), End::Host(server, other)], programs }
        })
        .collect();
    let mut weather = Weather::on_one_path(random.fork(), now);
    let done = run(&mut network, &mut pairs, &mut weather, server.port());
    let left = pairs.iter().filter(|pair| !pair.is_done()).count();
    assert!(done, "seed {seed}: {left} of {count} connections do not end");
    for pair in &pairs {
        let [a, b] = &pair.programs;
        assert_eq!(pair.judge(), Ok(()), "seed {seed}, {:?} and {:?}", a.ending, b.ending);
    }
    assert_clean(&mut network, &[(server, 1), (hosts[1], 0), (hosts[2], 0)], seed);
}

#[test]
fn everything_arrives() {
    for_each_seed(30, |seed| scenario(seed, true));
}

#[test]
fn connections_end_in_every_way() {
    for_each_seed(30, |seed| scenario(seed, false));
}
