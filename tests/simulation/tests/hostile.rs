//! Frames that nobody should send: no panic, no rule of [`simulation::audit`] broken, nothing
//! that disappears uncounted, and good traffic goes on.
//!
//! `FRAMES=n` sends another number of them per seed, `SEEDS=n` takes more seeds.

use net::config::Config;
use net::netif::MacAddress;
use net::time::Duration;
use net::wire::icmpv6::{DestinationUnreachableCode, Echo, Icmpv6Message};
use net::wire::mld::{MulticastListenerQuery, QueryV2};
use net::wire::ndp::{NeighborAdvertisement, NeighborSolicitation, Redirect};
use net::wire::ndp_option::{NdpOption, NdpOptions};
use simulation::host::{ECHO_PORT, Host};
use simulation::mutation::mutate;
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
const HOST: MacAddress = mac(2);
const PEER: MacAddress = mac(3);

struct Lab {
    network: Network,
    host: Handle<Host>,
    router: Handle<Router>,
    probe: Handle<Probe>,
    corpus: Vec<Vec<u8>>,
}

/// A host in the middle of its life, and frames that it would take.
fn lab(seed: u64) -> Lab {
    let mut network = Network::new(seed);
    let advertisement = Advertisement {
        prefixes: vec![prefix("2001:db8:1::/64", 86_400, 86_400)],
        mtu: Some(1400),
        ..Advertisement::default()
    };
    let random = network.fork_random();
    let router = network.add(Router::new(mac(1), advertisement, None, random));
    let random = network.fork_random();
    let host = network.add(Host::new(HOST, Config::default(), random));
    let random = network.fork_random();
    let peer = network.add(Host::new(PEER, Config::default(), random));
    let probe = network.add(Probe::new(mac(9)));
    network.run_for(Duration::from_secs(10));
    let socket = network[host].open_udp(4000);
    let peer_socket = network[peer].open_udp(4000);
    for sequence in 0..3 {
        let now = network.now();
        network[host].ping(FAR, sequence, now);
        network[peer].ping(link_local(HOST), sequence, now);
        network[host].send(socket, (link_local(PEER), ECHO_PORT), b"datagram", now);
        network[host].send(socket, (link_local(PEER), 4711), b"no such port", now);
        network[peer].send(peer_socket, (link_local(HOST), ECHO_PORT), b"datagram", now);
        network.run_for(Duration::from_secs(1));
    }
    let mut corpus: Vec<_> = network.take_capture().frames().map(<[u8]>::to_vec).collect();
    // What others sent to it or to all; its own frames would be somebody else's business.
    corpus.retain(|frame| frame[..6] == HOST.0 || frame[0] & 1 == 1 && frame[6..12] != HOST.0);
    corpus.extend(handmade(&network, router));
    Lab { network, host, router, probe, corpus }
}

/// What the traffic of a quiet link does not have.
fn handmade(network: &Network, router: Handle<Router>) -> Vec<Vec<u8>> {
    let me = link_local(HOST);
    let peer = link_local(PEER);
    let from_router = Envelope::unicast((mac(1), network[router].address), (HOST, me));
    let from_peer = Envelope::unicast((PEER, peer), (HOST, me));
    let own = Envelope::unicast((HOST, me), (PEER, peer)).udp(4000, 4711, b"quoted");
    let invoking = &own[14..];
    let mac_option =
        [NdpOption::TargetLinkLayerAddress(PEER), NdpOption::RedirectedHeader(invoking)];
    let source = [NdpOption::SourceLinkLayerAddress(PEER), NdpOption::Nonce(&[7; 6])];
    let query = |v2| {
        Icmpv6Message::MulticastListenerQuery(MulticastListenerQuery {
            maximum_response_code: 1000,
            group: Ipv6Addr::UNSPECIFIED,
            v2,
        })
    };
    let sources = [peer];
    let v2 = QueryV2 {
        suppress_router_processing: false,
        robustness: 2,
        interval_code: 125,
        sources: net::wire::address_list::AddressList::new(&sources),
    };
    vec![
        from_router.icmpv6(&Icmpv6Message::Redirect(Redirect {
            target: peer,
            destination: FAR,
            options: NdpOptions::new(&mac_option),
        })),
        from_peer.icmpv6(&Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
            target: me,
            options: NdpOptions::new(&source),
        })),
        from_peer.icmpv6(&Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
            router: true,
            solicited: true,
            overrides: true,
            target: peer,
            options: NdpOptions::new(&mac_option[..1]),
        })),
        from_peer.icmpv6(&Icmpv6Message::DestinationUnreachable {
            code: DestinationUnreachableCode::PortUnreachable,
            invoking,
        }),
        from_router.icmpv6(&Icmpv6Message::PacketTooBig { mtu: 1280, invoking }),
        from_router.mld(&query(None)),
        from_router.mld(&query(Some(v2))),
        from_peer.raw(
            net::wire::ipv6::NextHeader::DESTINATION_OPTIONS,
            &[58, 0, 1, 4, 0, 0, 0, 0, 128, 0, 0, 0, 0, 1, 0, 1],
        ),
        from_peer.raw(
            net::wire::ipv6::NextHeader::FRAGMENT,
            &[58, 0, 0, 0, 0, 0, 0, 9, 128, 0, 0, 0, 0, 1, 0, 1],
        ),
        // The first and the last fragment of a packet.
        from_peer.raw(
            net::wire::ipv6::NextHeader::FRAGMENT,
            &[58, 0, 0, 1, 0, 0, 0, 8, 128, 0, 0, 0, 0, 1, 0, 1],
        ),
        from_peer.raw(
            net::wire::ipv6::NextHeader::FRAGMENT,
            &[58, 0, 0, 8, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8],
        ),
        from_peer.raw(
            net::wire::ipv6::NextHeader::ROUTING,
            &[58, 0, 4, 1, 0, 0, 0, 0, 128, 0, 0, 0, 0, 1, 0, 1],
        ),
        from_peer.icmpv6(&Icmpv6Message::EchoRequest(Echo {
            identifier: 1,
            sequence: 1,
            data: &[0; 1400],
        })),
    ]
}

/// Frames that were taken in, fragments that may still wait for others included, and those that
/// were counted as lost.
fn outcomes(host: &Host) -> (u64, u64) {
    let counters = host.stack.node_counters();
    (counters.ipv6.in_delivers + counters.ipv6.reassembly_requests, counters.drops.total())
}

/// Rows: QOS-1
#[test]
fn mutated_frames() {
    let frames: u32 = std::env::var("FRAMES")
        .map_or(20_000, |frames| frames.parse().expect("FRAMES is a number"));
    for_each_seed(4, |seed| {
        let Lab { mut network, host, router, probe, corpus } = lab(seed);
        let mut random = network.fork_random();
        for number in 1..=frames {
            if number % 10_000 == 0 {
                network.take_capture(); // only the last ones explain a failure
            }
            let frame = mutate(&corpus, &mut random);
            let before = outcomes(&network[host]);
            network.inject(host, &frame);
            let after = outcomes(&network[host]);
            assert!(
                after.0 > before.0 || after.1 > before.1,
                "disappeared uncounted: {frame:02x?}"
            );
            if random.chance(20) {
                // What it sends is audited on the way.
                network.run_for(random.time(Duration::ZERO, Duration::from_secs(3)));
                network[probe].heard.clear();
                network[router].forwarded.clear();
                read_all(&mut network[host]);
            }
        }
        let counters = network[host].stack.node_counters();
        let reasons: Vec<_> = counters.drops.iter().filter(|(_, count)| *count > 0).collect();
        let delivered = counters.ipv6.in_delivers;
        assert!(reasons.len() > 20 && delivered > u64::from(frames / 20), "too tame: {reasons:?}");
        assert!(network[host].stack.neighbor_count() <= net::limits::NEIGHBORS);
        survives(&mut network, host);
    });
}

/// Empties the buffers of all sockets.
fn read_all(host: &mut Host) {
    let sockets: Vec<_> = host.stack.sockets().map(|socket| socket.id).collect();
    for socket in sockets {
        host.take(socket);
    }
    host.errors.clear();
    host.events.clear();
}

/// Whether good traffic still gets through once the bad has stopped: mutants may have redirected,
/// renumbered or silenced the host, as anybody on the link can, but not broken it.
fn survives(network: &mut Network, host: Handle<Host>) {
    network.set_plugged(host, false);
    network.run_for(Duration::from_secs(1));
    network.set_plugged(host, true);
    network.run_for(Duration::from_secs(10));
    let answered = (0..20).any(|sequence| {
        let now = network.now();
        network[host].ping(link_local(mac(1)), sequence, now);
        network.run_for(Duration::from_secs(3));
        !network[host].replies().is_empty()
    });
    assert!(answered, "{:?}", network[host].interface().ipv6_disabled());
    // What still waits does so in sockets that nobody reads.
    network.run_for(Duration::from_mins(5));
    read_all(&mut network[host]);
    assert_eq!(network[host].pool.used(), 0, "buffers are lost");
}

/// Rows: QOS-1
#[test]
fn random_octets() {
    for_each_seed(4, |seed| {
        let Lab { mut network, host, .. } = lab(seed);
        let mut random = network.fork_random();
        for _ in 0..10_000 {
            let frame: Vec<u8> = (0..random.index(120)).map(|_| random.draw() as u8).collect();
            let before = outcomes(&network[host]);
            network.inject(host, &frame);
            assert_eq!(outcomes(&network[host]), (before.0, before.1 + 1));
        }
        survives(&mut network, host);
    });
}
