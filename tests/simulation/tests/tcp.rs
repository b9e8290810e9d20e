//! TCP connections between two of our stacks, and between ours and smoltcp, over links of every
//! quality: what is read is what was written, whoever closes first, and nothing is left behind.

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
use simulation::tcp_foreign::TcpForeign;
use simulation::tcp_stream::{HostStream, Program, Stream};
use std::net::{Ipv6Addr, SocketAddrV6};

const PORT: u16 = 8080;

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x52, 0x54, 0, 0x12, 0x34, last])
}

fn host(network: &mut Network, last: u8) -> Handle<Host> {
    let random = network.fork_random();
    network.add(Host::new(mac(last), Config::default(), random))
}

/// A link as bad as the seed says.
fn impairment(random: &mut Seeded, worst_loss: usize) -> Impairment {
    let mut some = |most| if random.chance(400) { 0 } else { random.index(most + 1) as u32 };
    let (loss, duplication, corruption) = (some(worst_loss), some(200), some(20));
    let shortest = Duration::from_micros(10 + random.index(20_000) as u64);
    let spread = if random.chance(500) { 0 } else { random.index(40_000) as u64 };
    Impairment {
        loss,
        duplication,
        corruption,
        shortest_delay: shortest,
        longest_delay: shortest + Duration::from_micros(spread),
    }
}

fn listen(network: &mut Network, at: Handle<Host>) -> TcpId {
    let stack = &mut network[at].stack;
    let listener = stack.tcp_open().expect("there is room");
    let any = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, PORT, 0, 0);
    stack.tcp_bind(listener, any).expect("the port is free");
    stack.tcp_listen(listener, 4).expect("nobody listens");
    listener
}

fn connect(network: &mut Network, from: Handle<Host>, to: Ipv6Addr) -> TcpId {
    let now = network.now();
    let host = &mut network[from];
    let id = host.stack.tcp_open().expect("there is room");
    let to = host.socket_address(to, PORT);
    host.stack.tcp_connect(id, to, now).expect("there is a route");
    id
}

/// Nothing is left of any connection after a while.
fn assert_clean(network: &mut Network, hosts: &[(Handle<Host>, usize)], seed: u64) {
    network.impair(Impairment::NONE);
    network.heal();
    network.run_for(Duration::from_mins(10));
    for &(host, listeners) in hosts {
        let stack = &network[host].stack;
        let left: Vec<_> = stack.tcp_sockets().collect();
        assert_eq!(left.len(), listeners, "seed {seed}: {left:?}");
        assert_eq!((stack.tcp_pieces(), stack.tcp_entries()), (0, (0, 0)), "seed {seed}");
        assert_eq!(network[host].pool.used(), 0, "seed {seed}: buffers leak");
    }
}

/// Cuts the two off from each other now and then.
struct BlackOuts {
    random: Seeded,
    next: Instant,
    dark: bool,
    left: usize,
}

impl BlackOuts {
    fn new(mut random: Seeded, now: Instant) -> Self {
        let left = if random.chance(300) { 1 + random.index(3) } else { 0 };
        let next = now + Duration::from_millis(random.index(3000) as u64);
        Self { random, next, dark: false, left }
    }

    fn run(&mut self, network: &mut Network, port: usize) {
        if self.left == 0 || network.now() < self.next {
            return;
        }
        if self.dark {
            network.heal();
            self.left -= 1;
        } else {
            network.partition(&[port]);
        }
        self.dark = !self.dark;
        self.next = network.now() + Duration::from_millis(self.random.index(6000) as u64);
    }
}

/// Lets two ends do their work until both are done.
fn transfer(
    network: &mut Network,
    programs: &mut [Program; 2],
    black_outs: &mut BlackOuts,
    port: usize,
    mut run: impl FnMut(&mut Network, &mut [Program; 2]),
) -> bool {
    let end = network.now() + Duration::from_mins(50);
    while network.now() < end {
        // No longer than until a program or the link changes its mind.
        let now = network.now();
        let mut slice = Duration::from_millis(500);
        let wishes = [programs[0].wakes_at(), programs[1].wakes_at(), black_outs.next];
        for at in wishes.into_iter().filter(|&at| at > now) {
            slice = slice.min(at.saturating_since(now));
        }
        let done = network.run_until_true(slice, |network| {
            run(network, programs);
            programs.iter().all(Program::is_done)
        });
        if done {
            return true;
        }
        black_outs.run(network, port);
    }
    false
}

#[test]
fn two_of_ours() {
    for_each_seed(300, |seed| {
        let mut network = Network::new(seed);
        let (a, b) = (host(&mut network, 1), host(&mut network, 2));
        network.run_for(Duration::from_secs(3));
        let mut random = network.fork_random();
        let listener = listen(&mut network, b);
        let client = connect(&mut network, a, link_local(mac(2)));
        let mut server = None;
        network.run_until_true(Duration::from_secs(5), |network| {
            server = network[b].stack.tcp_accept(listener).ok().map(|(id, _)| id);
            server.is_some()
        });
        let server = server.expect("a connection on a good link");
        let bad = impairment(&mut random, 300);
        network.impair(bad);
        let now = network.now();
        // Some fill the buffers many times over.
        let most = *random.pick(&[2000, 60_000, 60_000, 400_000]);
        let mut programs =
            [true, false].map(|may_wait| Program::new(&mut random, most, may_wait, now));
        let mut black_outs = BlackOuts::new(random.fork(), now);
        let done = transfer(
            &mut network,
            &mut programs,
            &mut black_outs,
            a.port(),
            |network, programs| {
                let now = network.now();
                programs[0].run(&mut HostStream { host: &mut network[a], id: client }, now);
                programs[1].run(&mut HostStream { host: &mut network[b], id: server }, now);
            },
        );
        let [ours, theirs] = &programs;
        assert!(done, "seed {seed}, {bad:?}: {} and {} octets", ours.got.len(), theirs.got.len());
        for (from, to) in [(ours, theirs), (theirs, ours)] {
            // The one who is done first may be gone before its last acknowledgment arrives; what
            // it read is all the same.
            assert!(!to.failed, "seed {seed}");
            assert!(from.data == to.got, "seed {seed}");
        }
        assert_clean(&mut network, &[(a, 0), (b, 1)], seed);
    });
}

#[test]
fn handshakes_on_bad_links() {
    let total = std::cell::Cell::new(0);
    for_each_seed(100, |seed| {
        let mut network = Network::new(seed);
        let (a, b) = (host(&mut network, 1), host(&mut network, 2));
        network.run_for(Duration::from_secs(3));
        let mut random = network.fork_random();
        let listener = listen(&mut network, b);
        network.impair(impairment(&mut random, 300));
        let mut connected = 0;
        for _ in 0..4 {
            let client = connect(&mut network, a, link_local(mac(2)));
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

#[test]
fn aborts_reach_the_other_side() {
    for_each_seed(60, |seed| {
        let mut network = Network::new(seed);
        let (a, b) = (host(&mut network, 1), host(&mut network, 2));
        network.run_for(Duration::from_secs(3));
        let mut random = network.fork_random();
        let listener = listen(&mut network, b);
        let client = connect(&mut network, a, link_local(mac(2)));
        network.run_for(Duration::from_secs(1));
        let (server, _) = network[b].stack.tcp_accept(listener).expect("a connection");
        let mut bad = impairment(&mut random, 0);
        bad.corruption = 0;
        network.impair(bad);
        let now = network.now();
        let mut programs =
            [true, false].map(|may_wait| Program::new(&mut random, 200_000, may_wait, now));
        let abort_at = now + Duration::from_millis(random.index(100) as u64);
        let mut aborted = false;
        network.run_until_true(Duration::from_secs(200), |network| {
            let now = network.now();
            programs[1].run(&mut HostStream { host: &mut network[b], id: server }, now);
            if now < abort_at {
                programs[0].run(&mut HostStream { host: &mut network[a], id: client }, now);
            } else if !aborted {
                network[a].stack.tcp_abort(client, now);
                aborted = true;
            }
            programs[1].is_done() && now >= abort_at
        });
        let now = network.now();
        network[a].stack.tcp_abort(client, now);
        let [sender, receiver] = &programs;
        assert!(sender.data.starts_with(&receiver.got), "seed {seed}");
        network[b].stack.tcp_close(server, now);
        assert_clean(&mut network, &[(a, 0), (b, 1)], seed);
    });
}

/// Ours and smoltcp; ours connects or accepts.
fn with_smoltcp(seed: u64, ours_connects: bool) {
    let mut network = Network::new(seed);
    let ours = host(&mut network, 1);
    let address = link_local(mac(2));
    let theirs = network.add(TcpForeign::new(mac(2), address, seed));
    network.run_for(Duration::from_secs(3));
    let mut random = network.fork_random();
    let mut listener = None;
    let id = if ours_connects {
        network[theirs].listen(PORT);
        let id = connect(&mut network, ours, address);
        network.run_for(Duration::from_secs(3));
        id
    } else {
        let at = listen(&mut network, ours);
        listener = Some(at);
        network[theirs].connect((link_local(mac(1)), PORT), 50_000 + seed as u16);
        network.run_for(Duration::from_secs(3));
        network[ours].stack.tcp_accept(at).expect("a connection on a good link").0
    };
    assert_eq!(network[ours].stack.tcp_state(id), Some(TcpState::Established), "seed {seed}");
    let bad = impairment(&mut random, 150);
    network.impair(bad);
    let now = network.now();
    let mut programs =
        [true, false].map(|may_wait| Program::new(&mut random, 40_000, may_wait, now));
    let mut black_outs = BlackOuts::new(random.fork(), now);
    let done =
        transfer(&mut network, &mut programs, &mut black_outs, ours.port(), |network, programs| {
            let now = network.now();
            programs[0].run(&mut HostStream { host: &mut network[ours], id }, now);
            let stream: &mut TcpForeign = &mut network[theirs];
            programs[1].run(stream, now);
        });
    let [mine, other] = &programs;
    assert!(done, "seed {seed}, {bad:?}: {} and {} octets", mine.got.len(), other.got.len());
    assert!(mine.data == other.got && other.data == mine.got, "seed {seed}");
    network.impair(Impairment::NONE);
    network.heal();
    let gone = network.run_until_true(Duration::from_secs(400), |network| {
        let now = network.now();
        network[theirs].is_gone(now)
    });
    assert!(gone, "seed {seed}: {:?}", network[theirs].state());
    assert_clean(&mut network, &[(ours, usize::from(listener.is_some()))], seed);
}

#[test]
fn ours_connects_to_smoltcp() {
    for_each_seed(100, |seed| with_smoltcp(seed, true));
}

#[test]
fn smoltcp_connects_to_ours() {
    for_each_seed(100, |seed| with_smoltcp(seed, false));
}
