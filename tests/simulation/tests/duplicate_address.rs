//! Two nodes, one address (RFC 4862, Section 5.4; RFC 7527).

use net::address::{ALL_NODES, AddressExt};
use net::config::Config;
use net::event::Event;
use net::interface::Ipv6Disabled;
use net::netif::MacAddress;
use net::time::Duration;
use net::unicast::AddressState;
use net::wire::icmpv6::Icmpv6Message;
use net::wire::ndp::{NeighborAdvertisement, NeighborSolicitation};
use net::wire::ndp_option::{NdpOption, NdpOptions};
use simulation::host::Host;
use simulation::impairment::Impairment;
use simulation::network::{Handle, Network};
use simulation::packet::{Envelope, Packet, dad_probe, link_local};
use simulation::probe::Probe;
use simulation::seed::for_each_seed;
use std::net::Ipv6Addr;

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x52, 0x54, 0, 0x12, 0x34, last])
}

const SHARED: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x77);

fn add_host(network: &mut Network, last: u8) -> Handle<Host> {
    let random = network.fork_random();
    network.add(Host::new(mac(last), Config::default(), random))
}

fn is_assigned(host: &Host, address: Ipv6Addr) -> bool {
    matches!(host.state(address), Some(AddressState::Preferred | AddressState::Deprecated))
}

fn was_told(host: &Host, duplicate: Ipv6Addr) -> bool {
    host.events.iter().any(|(_, event)| {
        matches!(event, Event::DuplicateAddress { address, .. } if *address == duplicate)
    })
}

#[test]
fn of_two_hosts_one_at_most_gets_the_address() {
    for_each_seed(300, |seed| {
        let mut network = Network::new(seed);
        let mut random = network.fork_random();
        let hosts = [2, 3].map(|last| add_host(&mut network, last));
        network.run_for(Duration::from_secs(5));
        for host in hosts {
            let now = network.now();
            network[host].add_address(SHARED, 64, now);
            // Sometimes both test at the same time, sometimes one after the other.
            network.run_for(random.time(Duration::ZERO, Duration::from_secs(4)));
        }
        network.run_for(Duration::from_secs(5));
        let owners = hosts.iter().filter(|&&host| is_assigned(&network[host], SHARED)).count();
        assert!(owners <= 1, "{owners} hosts have it");
        for host in hosts {
            let node = &network[host];
            let duplicated = node.state(SHARED) == Some(AddressState::Duplicated);
            assert!(duplicated != is_assigned(node, SHARED), "{:?}", node.state(SHARED));
            assert_eq!(was_told(node, SHARED), duplicated);
            // The rest of the interface goes on.
            assert!(is_assigned(node, link_local(node.mac)));
        }
    });
}

#[test]
fn who_has_it_keeps_it_on_a_bad_link() {
    for_each_seed(200, |seed| {
        let mut network = Network::new(seed);
        let hosts = [2, 3].map(|last| add_host(&mut network, last));
        let now = network.now();
        network[hosts[0]].add_address(SHARED, 64, now);
        network.run_for(Duration::from_secs(5));
        network.impair(Impairment { loss: 0, ..Impairment::BAD });
        let now = network.now();
        network[hosts[1]].add_address(SHARED, 64, now);
        network.run_for(Duration::from_secs(10));
        assert!(is_assigned(&network[hosts[0]], SHARED));
        assert_eq!(network[hosts[1]].state(SHARED), Some(AddressState::Duplicated));
    });
}

/// A host that is testing its link-local address, and a probe that has just heard the test.
fn testing(seed: u64) -> (Network, Handle<Host>, Handle<Probe>) {
    let mut network = Network::new(seed);
    let probe = network.add(Probe::new(mac(9)));
    let host = add_host(&mut network, 2);
    let target = link_local(mac(2));
    let heard = network.run_until_true(Duration::from_secs(5), |network| {
        !network[probe]
            .messages(|packet, message| match message {
                Icmpv6Message::NeighborSolicitation(solicitation) => {
                    (solicitation.target == target && packet.ipv6.source.is_unspecified())
                        .then_some(())
                }
                _ => None,
            })
            .is_empty()
    });
    assert!(heard, "no test of {target}");
    assert_eq!(network[host].state(target), Some(AddressState::Tentative));
    (network, host, probe)
}

fn defense(target: Ipv6Addr) -> Vec<u8> {
    let options = [NdpOption::TargetLinkLayerAddress(mac(9))];
    let message = Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
        router: false,
        solicited: false,
        overrides: true,
        target,
        options: NdpOptions::new(&options),
    });
    Envelope::multicast(mac(9), target, ALL_NODES).icmpv6(&message)
}

#[test]
fn a_duplicate_of_the_hardware_address_silences_the_interface() {
    let target = link_local(mac(2));
    for_each_seed(50, |seed| {
        for frame in [defense(target), dad_probe(mac(9), target)] {
            let (mut network, host, probe) = testing(seed);
            network[probe].send(frame);
            network.run_for(Duration::from_secs(1));
            let node = &network[host];
            assert_eq!(node.state(target), Some(AddressState::Duplicated));
            assert_eq!(node.interface().ipv6_disabled(), Some(Ipv6Disabled::DuplicateAddress));
            assert!(was_told(node, target));
            let heard = network[probe].heard.len();
            network.run_for(Duration::from_mins(10));
            assert_eq!(network[probe].heard.len(), heard, "it still talks");
        }
    });
}

#[test]
fn what_is_no_conflict() {
    let target = link_local(mac(2));
    let other = link_local(mac(9));
    // From somebody with an address: wants to talk to the owner, whoever that will be.
    let options = [NdpOption::SourceLinkLayerAddress(mac(9))];
    let options = NdpOptions::new(&options);
    let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation { target, options });
    let resolution = Envelope::multicast(mac(9), other, target.solicited_node()).icmpv6(&message);
    // Another address in the same group: differs in the upper bits.
    let neighbor = Ipv6Addr::from_bits(target.to_bits() ^ 1 << 40);
    assert_eq!(neighbor.solicited_node(), target.solicited_node());
    // Forwarded by somebody: not from this link.
    let mut forwarded = defense(target);
    forwarded[14 + 7] = 254;
    for_each_seed(20, |seed| {
        for frame in [resolution.clone(), dad_probe(mac(9), neighbor), forwarded.clone()] {
            let (mut network, host, probe) = testing(seed);
            let heard = network[probe].heard.len();
            network[probe].send(frame);
            network.run_for(Duration::from_millis(100));
            let answers = network[probe].heard[heard..]
                .iter()
                .filter_map(|(_, frame)| Packet::parse(frame))
                .filter(|packet| {
                    matches!(packet.icmpv6(), Some(Icmpv6Message::NeighborAdvertisement(_)))
                });
            assert_eq!(answers.count(), 0, "a tentative address is not answered for");
            network.run_for(Duration::from_secs(3));
            assert!(is_assigned(&network[host], target));
        }
    });
}

#[test]
fn a_link_that_sends_frames_back_is_no_other_node() {
    let target = link_local(mac(2));
    for_each_seed(50, |seed| {
        let (mut network, host, probe) = testing(seed);
        let loop_until = network.now() + Duration::from_secs(2);
        let mut sent_back = 0;
        while network.now() < loop_until {
            let heard = network[probe].heard.len();
            for index in sent_back..heard {
                let frame = network[probe].heard[index].1.clone();
                network[probe].send(frame);
            }
            sent_back = heard;
            network.run_for(Duration::from_millis(10));
        }
        network.run_for(Duration::from_secs(10));
        assert!(is_assigned(&network[host], target), "{:?}", network[host].state(target));
    });
}

#[test]
fn the_owner_defends_itself() {
    // ND-5: to all nodes, not as an answer.
    let (mut network, host, probe) = testing(1);
    let target = link_local(mac(2));
    network.run_for(Duration::from_secs(5));
    assert!(is_assigned(&network[host], target));
    let heard = network[probe].heard.len();
    network[probe].send(dad_probe(mac(9), target));
    network.run_for(Duration::from_secs(1));
    let (_, frame) = &network[probe].heard[heard];
    let packet = Packet::parse(frame).unwrap();
    let Some(Icmpv6Message::NeighborAdvertisement(message)) = packet.icmpv6() else {
        panic!("{packet:?}");
    };
    assert_eq!((message.target, message.solicited, message.overrides), (target, false, true));
    assert_eq!(message.options.target_link_layer_address(), Some(mac(2)));
    assert_eq!((packet.ipv6.source, packet.ipv6.destination), (target, ALL_NODES));
}
