//! The same seed gives the same octets at the same time; another seed does not (QOS-4).

use net::config::Config;
use net::netif::MacAddress;
use net::time::Duration;
use simulation::foreign::Foreign;
use simulation::host::Host;
use simulation::impairment::Impairment;
use simulation::network::Network;
use simulation::packet::link_local;
use simulation::router::{Advertisement, Router, prefix};
use simulation::seed::for_each_seed;

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x52, 0x54, 0, 0x12, 0x34, last])
}

/// Everything at once, and all that was on the wire.
fn run(seed: u64) -> Vec<u8> {
    let mut network = Network::new(seed);
    network.impair(Impairment { corruption: 50, ..Impairment::BAD });
    let advertisement = Advertisement {
        prefixes: vec![prefix("2001:db8:1::/64", 600, 300)],
        ..Advertisement::default()
    };
    let random = network.fork_random();
    network.add(Router::new(mac(1), advertisement, Some(Duration::from_secs(20)), random));
    let hosts = [2, 3, 4].map(|last| {
        let random = network.fork_random();
        network.add(Host::new(mac(last), Config::default(), random))
    });
    let foreign = network.add(Foreign::new(mac(5), &[link_local(mac(5))], seed));
    for sequence in 0..30 {
        for (host, peer) in hosts.into_iter().zip([3, 5, 2]) {
            let now = network.now();
            network[host].ping(link_local(mac(peer)), sequence, now);
        }
        network[foreign].ping(link_local(mac(2)), sequence, b"?");
        network.run_for(Duration::from_secs(2));
    }
    network.set_plugged(hosts[0], false);
    network.run_for(Duration::from_secs(5));
    network.set_plugged(hosts[0], true);
    network.run_for(Duration::from_mins(10));
    network.capture().as_bytes().to_vec()
}

/// Rows: QOS-5
#[test]
fn the_seed_decides_everything() {
    for_each_seed(10, |seed| {
        let once = run(seed);
        assert!(once == run(seed), "two runs of one seed differ");
        assert!(once != run(seed + 1), "two seeds give the same run");
        assert!(once.len() > 10_000);
    });
}
