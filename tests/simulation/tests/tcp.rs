//! TCP connections between two of our stacks, over links of every quality: what is read is what
//! was written, whoever closes first and how, and nothing is left behind.

use net::config::Config;
use net::netif::MacAddress;
use net::tcp::{TcpError, TcpId, TcpState};
use net::time::{Duration, Instant};
use simulation::host::Host;
use simulation::impairment::Impairment;
use simulation::network::{Handle, Network};
use simulation::packet::link_local;
use simulation::random::Seeded;
use simulation::seed::for_each_seed;
use simulation::tcp_program::{Ending, Program};
use simulation::tcp_scenario::{
    End, Pair, Weather, assert_clean, connect, impairment, listen, middlebox, run, vary_options,
};

const PORT: u16 = 8080;

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x52, 0x54, 0, 0x12, 0x34, last])
}

fn host(network: &mut Network, last: u8, random: &mut Seeded) -> Handle<Host> {
    let mtu = if random.chance(300) { 1280 + random.index(221) as u16 } else { 1500 };
    let own = network.fork_random();
    network.add(Host::with_mtu(mac(last), Config::default(), own, mtu))
}

/// Lets some hosts be short of buffers, so that they lose what they want to send and to receive.
fn make_buffers_scarce(network: &Network, hosts: [Handle<Host>; 2], random: &mut Seeded) {
    for host in hosts {
        if random.chance(150) {
            network[host].pool.refuse(random.index(100) as u32, random.fork());
        }
    }
}

/// Two hosts, and a connection between them that the first one opened; `None` when it did not
/// open, which a bad link excuses.
struct Lab {
    network: Network,
    random: Seeded,
    hosts: [Handle<Host>; 2],
    weather: Weather,
    ends: Option<[TcpId; 2]>,
}

fn lab(seed: u64, worst_loss: usize) -> Lab {
    let mut network = Network::new(seed);
    let mut random = network.fork_random();
    let hosts = [host(&mut network, 1, &mut random), host(&mut network, 2, &mut random)];
    network.run_for(Duration::from_secs(3));
    let listener = listen(&mut network, hosts[1], PORT, 4);
    let now = network.now();
    let stack = &mut network[hosts[1]].stack;
    let options = |options: &mut _| vary_options(&mut random, options);
    stack.change_tcp_options(listener, options, now).expect("the options make sense");
    let boxes = middlebox(&mut random);
    network.set_middlebox(boxes);
    let bad = impairment(&mut random, worst_loss);
    // Most handshakes are not disturbed, so that there is something to look at.
    let early = random.chance(300);
    if early {
        network.impair(bad);
    }
    let to = (link_local(mac(2)), PORT);
    let client = connect(&mut network, hosts[0], to, |options| vary_options(&mut random, options));
    let mut server = None;
    network.run_until_true(Duration::from_secs(250), |network| {
        server = network[hosts[1]].stack.tcp_accept(listener).ok().map(|(id, _)| id);
        server.is_some() || network[hosts[0]].stack.tcp_state(client) == Some(TcpState::Closed)
    });
    assert!(server.is_some() || early, "seed {seed}: a connection on a good link");
    network.impair(bad);
    make_buffers_scarce(&network, hosts, &mut random);
    if server.is_none() {
        let now = network.now();
        network[hosts[0]].stack.tcp_close(client, now);
    }
    let now = network.now();
    let weather = Weather::new(random.fork(), boxes, now);
    let ends = server.map(|server| [client, server]);
    Lab { network, random, hosts, weather, ends }
}

/// Runs a program with an ending of `endings` at either end.
fn transfer(seed: u64, lab: Lab, endings: impl Fn(&mut Seeded, bool, Instant) -> Ending) {
    let Lab { mut network, mut random, hosts: [a, b], mut weather, ends } = lab;
    if let Some([client, server]) = ends {
        let now = network.now();
        // Some fill the buffers many times over.
        let most = *random.pick(&[2000, 20_000, 60_000, 60_000, 300_000]);
        let programs = [true, false].map(|may_wait| {
            let ending = endings(&mut random, may_wait, now);
            Program::new(&mut random, most, ending, now)
        });
        let ends = [End::Host(a, client), End::Host(b, server)];
        let mut pairs = [Pair { ends, programs }];
        let done = run(&mut network, &mut pairs, &mut weather, a.port());
        let [Pair { programs: [ours, theirs], .. }] = &pairs;
        let (x, y) = (ours.got.len(), theirs.got.len());
        assert!(
            done,
            "seed {seed}: no end after {x} of {} and {y} of {} octets",
            theirs.data.len(),
            ours.data.len()
        );
        if let Err(wrong) = pairs[0].judge() {
            let [ours, theirs] = &pairs[0].programs;
            panic!("seed {seed}, {:?} and {:?}: {wrong}", ours.ending, theirs.ending);
        }
    }
    assert_clean(&mut network, &[(a, 0), (b, 1)], seed);
}

/// Rows: QOS-9, TCP-DSN, MUST-35, MUST-36, MUST-37, SHLD-29, SHLD-30, MAY-8
#[test]
fn everything_arrives() {
    for_each_seed(700, |seed| {
        transfer(seed, lab(seed, 300), |random, may_wait, _| Ending::orderly(random, may_wait));
    });
}

#[test]
fn connections_end_in_every_way() {
    for_each_seed(700, |seed| transfer(seed, lab(seed, 300), Ending::any));
}

/// Both close at the same instant, so that both go through CLOSING when the link is good.
/// Rows: STATES
#[test]
fn both_close_at_once() {
    let closing = std::cell::Cell::new(0);
    for_each_seed(60, |seed| {
        let Lab { mut network, mut random, hosts: [a, b], ends, .. } = lab(seed, 200);
        let Some([client, server]) = ends else { return };
        if random.chance(400) {
            network.impair(Impairment::NONE);
        }
        let now = network.now();
        for (host, id) in [(a, client), (b, server)] {
            network[host].stack.tcp_shutdown(id, false, true, now).expect("it is open");
        }
        network.run_until_true(Duration::from_mins(15), |network| {
            let states =
                [(a, client), (b, server)].map(|(host, id)| network[host].stack.tcp_state(id));
            closing.set(closing.get() + u32::from(states.contains(&Some(TcpState::Closing))));
            states == [Some(TcpState::Closed); 2]
        });
        let now = network.now();
        for (host, id) in [(a, client), (b, server)] {
            assert_eq!(network[host].stack.tcp_state(id), Some(TcpState::Closed), "seed {seed}");
            network[host].stack.tcp_close(id, now);
        }
        assert_clean(&mut network, &[(a, 0), (b, 1)], seed);
    });
    assert!(closing.get() > 0 || std::env::var_os("SEED").is_some());
}

/// Rows: MUST-22
#[test]
fn handshakes_on_bad_links() {
    let total = std::cell::Cell::new(0);
    for_each_seed(100, |seed| {
        let mut network = Network::new(seed);
        let mut random = network.fork_random();
        let (a, b) = (host(&mut network, 1, &mut random), host(&mut network, 2, &mut random));
        network.run_for(Duration::from_secs(3));
        let listener = listen(&mut network, b, PORT, 4);
        network.impair(impairment(&mut random, 300));
        make_buffers_scarce(&network, [a, b], &mut random);
        let mut connected = 0;
        for _ in 0..4 {
            let client = connect(&mut network, a, (link_local(mac(2)), PORT), |_| {});
            let settled = network.run_until_true(Duration::from_secs(200), |network| {
                network[a].stack.tcp_state(client) != Some(TcpState::SynSent)
            });
            assert!(settled, "seed {seed}");
            let now = network.now();
            match network[a].stack.tcp_take_error(client) {
                // The neighbor did not answer in time, or no SYN came through.
                Some(TcpError::HostUnreachable | TcpError::TimedOut) => {}
                None => connected += 1,
                Some(error) => panic!("seed {seed}: {error}"),
            }
            network[a].stack.tcp_close(client, now);
        }
        network.impair(Impairment::NONE);
        network.run_for(Duration::from_secs(200));
        let now = network.now();
        let mut accepted = 0;
        while let Ok((server, _)) = network[b].stack.tcp_accept(listener) {
            network[b].stack.tcp_close(server, now);
            accepted += 1;
        }
        assert!(accepted <= connected, "seed {seed}");
        total.set(total.get() + accepted);
        assert_clean(&mut network, &[(a, 0), (b, 1)], seed);
    });
    assert!(total.get() > 0, "some connections open in spite of it all");
}

/// RFC 9293, Section 3.5, Figure 7: both send a SYN before they hear of the other's.
/// Rows: MUST-10
#[test]
fn both_open_at_once() {
    let simultaneous = std::cell::Cell::new(0);
    for_each_seed(150, |seed| {
        let mut network = Network::new(seed);
        let mut random = network.fork_random();
        let hosts = [host(&mut network, 1, &mut random), host(&mut network, 2, &mut random)];
        network.run_for(Duration::from_secs(3));
        // The neighbors know each other, so that the SYNs cross.
        for (host, other) in [(hosts[0], 2), (hosts[1], 1)] {
            let now = network.now();
            network[host].ping(link_local(mac(other)), 1, now);
        }
        network.run_for(Duration::from_secs(1));
        let boxes = middlebox(&mut random);
        network.set_middlebox(boxes);
        network.impair(impairment(&mut random, 200));
        make_buffers_scarce(&network, hosts, &mut random);
        let now = network.now();
        let ends = [(hosts[0], 2), (hosts[1], 1)].map(|(host, other)| {
            let port = |last: u8| 7000 + u16::from(last);
            let node = &mut network[host];
            let id = node.stack.tcp_open().expect("there is room");
            node.stack
                .change_tcp_options(id, |options| vary_options(&mut random, options), now)
                .expect("the options make sense");
            let local = node.socket_address(link_local(mac(3 - other)), port(3 - other));
            node.stack.tcp_bind(id, local).expect("the port is free");
            let remote = node.socket_address(link_local(mac(other)), port(other));
            node.stack.tcp_connect(id, remote, now).expect("there is a route");
            (host, id)
        });
        let states = |network: &Network| ends.map(|(host, id)| network[host].stack.tcp_state(id));
        let mut crossed = false;
        network.run_until_true(Duration::from_mins(5), |network| {
            let now_at = states(network);
            crossed |= now_at.contains(&Some(TcpState::SynReceived));
            !now_at
                .iter()
                .any(|state| matches!(state, Some(TcpState::SynSent | TcpState::SynReceived)))
        });
        simultaneous.set(simultaneous.get() + u32::from(crossed));
        let now = network.now();
        if states(&network) == [Some(TcpState::Established); 2] {
            let programs = [true, false].map(|may_wait| {
                let ending = Ending::orderly(&mut random, may_wait);
                Program::new(&mut random, 30_000, ending, now)
            });
            let ends = ends.map(|(host, id)| End::Host(host, id));
            let mut pairs = [Pair { ends, programs }];
            let mut weather = Weather::new(random.fork(), boxes, now);
            assert!(run(&mut network, &mut pairs, &mut weather, hosts[0].port()), "seed {seed}");
            assert_eq!(pairs[0].judge(), Ok(()), "seed {seed}");
        } else {
            for (host, id) in ends {
                network[host].stack.tcp_abort(id, now);
            }
            network.run_for(Duration::from_secs(400));
        }
        for host in hosts {
            network[host].replies();
        }
        assert_clean(&mut network, &[(hosts[0], 0), (hosts[1], 0)], seed);
    });
    assert!(simultaneous.get() > 0 || std::env::var_os("SEED").is_some());
}
