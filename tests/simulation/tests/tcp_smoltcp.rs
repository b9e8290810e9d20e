//! TCP connections between our stack and smoltcp, which opens or is called, on links of every
//! quality and with every ending.

use net::config::Config;
use net::netif::MacAddress;
use net::tcp::TcpState;
use net::time::{Duration, Instant};
use simulation::host::Host;
use simulation::impairment::Impairment;
use simulation::middlebox::Middlebox;
use simulation::network::Network;
use simulation::packet::link_local;
use simulation::random::Seeded;
use simulation::seed::for_each_seed;
use simulation::tcp_foreign::{ForeignOptions, TcpForeign};
use simulation::tcp_program::{Ending, Program};
use simulation::tcp_scenario::{
    End, Pair, Weather, assert_clean, connect, impairment, listen, middlebox, run, vary_options,
};
use simulation::tcp_stream::Stream;

const PORT: u16 = 8080;
const OURS: MacAddress = MacAddress([0x52, 0x54, 0, 0x12, 0x34, 1]);
const THEIRS: MacAddress = MacAddress([0x52, 0x54, 0, 0x12, 0x34, 2]);

fn scenario(
    seed: u64,
    ours_connects: bool,
    endings: impl Fn(&mut Seeded, bool, Instant) -> Ending,
) {
    let mut network = Network::new(seed);
    let own = network.fork_random();
    let ours = network.add(Host::new(OURS, Config::default(), own));
    let mut random = network.fork_random();
    let options = ForeignOptions {
        receive_buffer: *random.pick(&[700, 4000, 32 * 1024, 200_000]),
        send_buffer: *random.pick(&[700, 4000, 32 * 1024]),
        nagle: random.chance(500),
        delayed_ack: random.chance(500),
        timestamps: random.chance(500),
    };
    let theirs = network.add(TcpForeign::with_options(THEIRS, link_local(THEIRS), seed, options));
    network.run_for(Duration::from_secs(3));
    // smoltcp takes no Packet Too Big, so the path is as wide as the link.
    let boxes = middlebox(&mut random);
    network.set_middlebox(boxes);
    let mut listeners = 0;
    let id = if ours_connects {
        network[theirs].listen(PORT);
        let to = (link_local(THEIRS), PORT);
        let id = connect(&mut network, ours, to, |options| vary_options(&mut random, options));
        network.run_for(Duration::from_secs(3));
        id
    } else {
        let at = listen(&mut network, ours, PORT, 4);
        listeners = 1;
        let now = network.now();
        network[ours]
            .stack
            .change_tcp_options(at, |options| vary_options(&mut random, options), now)
            .expect("the options make sense");
        network[theirs].connect((link_local(OURS), PORT), 50_000 + (seed % 10_000) as u16);
        network.run_for(Duration::from_secs(3));
        network[ours].stack.tcp_accept(at).expect("a connection on a good link").0
    };
    assert_eq!(network[ours].stack.tcp_state(id), Some(TcpState::Established), "seed {seed}");
    let bad = impairment(&mut random, 150);
    network.impair(bad);
    let now = network.now();
    let mut programs = [true, false].map(|may_wait| {
        let ending = endings(&mut random, may_wait, now);
        Program::new(&mut random, 40_000, ending, now)
    });
    programs[1].hurry();
    let mut weather = Weather::on_one_path(random.fork(), now);
    let mut pairs = [Pair { ends: [End::Host(ours, id), End::Foreign(theirs)], programs }];
    let done = run(&mut network, &mut pairs, &mut weather, ours.port());
    let [mine, other] = &pairs[0].programs;
    let endings = (mine.ending, other.ending);
    assert!(done, "seed {seed}, {endings:?}: {} and {} octets", mine.got.len(), other.got.len());
    assert_eq!(pairs[0].judge(), Ok(()), "seed {seed}, {endings:?}");
    network.impair(Impairment::NONE);
    network.set_middlebox(Middlebox::default());
    network.heal();
    let gone = network.run_until_true(Duration::from_mins(20), |network| {
        let now = network.now();
        network[theirs].is_gone(now)
    });
    assert!(gone, "seed {seed}, {endings:?}: {:?}", network[theirs].state());
    assert_clean(&mut network, &[(ours, listeners)], seed);
}

fn orderly(random: &mut Seeded, may_wait: bool, _now: Instant) -> Ending {
    Ending::orderly(random, may_wait)
}

#[test]
fn ours_connects() {
    for_each_seed(250, |seed| scenario(seed, true, orderly));
}

#[test]
fn smoltcp_connects() {
    for_each_seed(250, |seed| scenario(seed, false, orderly));
}

#[test]
fn ours_connects_and_ends_anyhow() {
    for_each_seed(150, |seed| scenario(seed, true, Ending::any));
}

#[test]
fn smoltcp_connects_and_ends_anyhow() {
    for_each_seed(150, |seed| scenario(seed, false, Ending::any));
}
