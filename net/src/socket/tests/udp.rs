//! UDP sockets: bind, connect, send, receive, options.

use super::*;
use crate::expiry::Expiry;
use crate::neighbor::{NeighborInfo, NeighborState};
use crate::route::{Route, RouteAction, RouteProtocol};
use crate::wire::ndp::NeighborSolicitation;
use crate::wire::ndp_option::{NdpOption, NdpOptions, RouterPreference};

/// Rows: UDP-12, UDP-1, UDP-7
#[test]
fn to_a_neighbor_and_back() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    send(&mut host, id, Some(address("2001:db8::9", 99)), b"hello").unwrap();
    let sent = host.sent();
    let (header, payload) = as_udp(&sent[0]);
    assert_eq!((header.source_port, header.destination_port, payload), (7, 99, &b"hello"[..]));
    assert_eq!((sent[0].header.source, sent[0].mac), (ip(OWN), PEER.mac));
    assert_eq!(sent[0].header.hop_limit, HopLimit::DEFAULT);
    assert_ne!(sent[0].header.flow_label.get(), 0);
    assert!(!host.stack.readiness(id).unwrap().readable);
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), b"hi"));
    assert_eq!(host.events(), [Event::Socket(id)]);
    assert!(host.stack.readiness(id).unwrap().readable);
    assert_eq!(host.stack.next_receive_len(id), 2);
    let peek = host.stack.receive(id, true, |_, payload| octets(payload));
    assert_eq!(peek.unwrap(), b"hi");
    let (meta, data) = receive(&mut host, id).unwrap();
    assert_eq!(data, b"hi");
    assert_eq!(meta.source, address("2001:db8::9", 99));
    assert_eq!((meta.destination, meta.interface, meta.hop_limit), (ip(OWN), USB0, HopLimit::MAX));
    assert_eq!(receive(&mut host, id), Err(ReceiveError::WouldBlock));
    // UDP-12: nothing is something.
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), b""));
    assert_eq!(receive(&mut host, id).unwrap().1, b"");
}

/// UDP-2, UDP-4.
/// Rows: UDP-2, UDP-4
#[test]
fn broken_datagrams() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    let good = datagram(("2001:db8::9", 99), (OWN, 7), b"hi");
    let with = |offset: usize, bytes: [u8; 2]| {
        let mut packet = good.clone();
        packet[offset..offset + 2].copy_from_slice(&bytes);
        packet
    };
    for (packet, reason) in [
        (with(46, [0, 0]), DropReason::UdpZeroChecksum),
        (with(46, [0x12, 0x34]), DropReason::UdpChecksum),
        (with(44, [0, 7]), DropReason::UdpMalformed),
        (with(44, [0, 11]), DropReason::UdpMalformed),
    ] {
        host.packet(PEER, &packet);
        assert_eq!(host.drops(reason), 1 + u64::from(packet[45] == 11), "{reason}");
        assert_eq!(receive(&mut host, id), Err(ReceiveError::WouldBlock));
    }
    assert_eq!(host.stack.node_counters().udp.in_errors, 4);
    // A UDP length shorter than the packet counts.
    let mut longer = good.clone();
    longer.extend(b"tail");
    longer[5] += 4;
    host.packet(PEER, &longer);
    assert_eq!(receive(&mut host, id).unwrap().1, b"hi");
}

#[test]
fn bind_rules() {
    let mut host = host();
    let first = bound(&mut host, address("::", 7));
    assert_eq!(host.stack.bind(first, address("::", 8)), Err(BindError::AlreadyBound));
    let second = udp(&mut host);
    assert_eq!(host.stack.bind(second, address(OWN, 7)), Err(BindError::AddressInUse));
    assert_eq!(
        host.stack.bind(second, address("2001:db8::77", 8)),
        Err(BindError::AddressNotAvailable)
    );
    assert_eq!(host.stack.bind(second, address(LINK_LOCAL, 8)), Err(BindError::ScopeRequired));
    let nowhere = SocketAddrV6::new(ip(LINK_LOCAL), 8, 0, 99);
    assert_eq!(host.stack.bind(second, nowhere), Err(BindError::NoInterface));
    let elsewhere = SocketAddrV6::new(ip(LINK_LOCAL), 8, 0, 1);
    assert_eq!(host.stack.bind(second, elsewhere), Err(BindError::AddressNotAvailable));
    host.stack.bind(second, scoped(LINK_LOCAL, 8)).unwrap();
    assert_eq!(host.stack.local_address(second), Some(scoped(LINK_LOCAL, 8)));
    // Two addresses, one port.
    bound(&mut host, address(OWN, 9));
    bound(&mut host, address("::1", 9));
    // Both must agree to share.
    let (third, fourth) = (udp(&mut host), udp(&mut host));
    host.stack.set_socket_option(third, SetOption::ReuseAddress(true)).unwrap();
    host.stack.bind(third, address("::", 10)).unwrap();
    assert_eq!(host.stack.bind(fourth, address("::", 10)), Err(BindError::AddressInUse));
    host.stack.set_socket_option(fourth, SetOption::ReuseAddress(true)).unwrap();
    host.stack.bind(fourth, address("::", 10)).unwrap();
    // A multicast address is fine, and so is port 0.
    bound(&mut host, address("ff05::1", 11));
    let fifth = bound(&mut host, address("::", 0));
    let port = host.stack.local_address(fifth).unwrap().port();
    assert!((32_768..=60_999).contains(&port));
    // Closing frees the port.
    host.stack.close_socket(first, host.now);
    bound(&mut host, address("::", 7));
    assert_eq!(host.stack.bind(first, address("::", 1)), Err(BindError::Closed));
}

#[test]
fn connect_and_disconnect() {
    let mut host = host();
    let id = udp(&mut host);
    assert_eq!(send(&mut host, id, None, b"x"), Err(SendError::DestinationRequired));
    assert_eq!(
        host.stack.connect(id, address("fe80::9", 9), host.now),
        Err(ConnectError::ScopeRequired)
    );
    assert_eq!(
        host.stack.connect(id, address("2600::1", 9), host.now),
        Err(ConnectError::NetworkUnreachable)
    );
    host.stack.connect(id, address("2001:db8::9", 99), host.now).unwrap();
    assert_eq!(host.stack.remote_address(id), Some(address("2001:db8::9", 99)));
    let local = host.stack.local_address(id).unwrap();
    assert_eq!(*local.ip(), ip(OWN));
    // Only the peer is heard.
    let port = local.port();
    host.packet(PEER, &datagram(("2001:db8::9", 98), (OWN, port), b"no"));
    host.packet(PEER, &datagram(("2001:db8::8", 99), (OWN, port), b"no"));
    assert_eq!(host.drops(DropReason::UdpNoPort), 2);
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, port), b"yes"));
    assert_eq!(receive(&mut host, id).unwrap().1, b"yes");
    send(&mut host, id, None, b"x").unwrap();
    // Dissolved: the port was never asked for, so it is gone as well.
    host.stack.disconnect(id).unwrap();
    assert_eq!(host.stack.remote_address(id), None);
    assert_eq!(host.stack.local_address(id), Some(address("::", 0)));
    // The unspecified address is this node.
    host.stack.connect(id, address("::", 5), host.now).unwrap();
    assert_eq!(host.stack.remote_address(id), Some(address("::1", 5)));
}

/// UDP-10: connected before bound before wildcard.
#[test]
fn the_most_specific_socket_wins() {
    let mut host = host();
    let ids = [udp(&mut host), udp(&mut host), udp(&mut host)];
    for id in ids {
        host.stack.set_socket_option(id, SetOption::ReuseAddress(true)).unwrap();
    }
    host.stack.bind(ids[0], address("::", 7)).unwrap();
    host.stack.bind(ids[1], address(OWN, 7)).unwrap();
    host.stack.bind(ids[2], address("::", 7)).unwrap();
    host.stack.connect(ids[2], address("2001:db8::9", 99), host.now).unwrap();
    for (from, to, expected) in [
        (("2001:db8::9", 99), OWN, ids[2]),
        (("2001:db8::9", 98), OWN, ids[1]),
        (("fe80::9", 99), LINK_LOCAL, ids[0]),
    ] {
        host.packet(PEER, &datagram(from, (to, 7), b"x"));
        for id in ids {
            assert_eq!(receive(&mut host, id).is_ok(), id == expected, "{from:?} {to}");
        }
    }
}

/// Which of the sockets has got something, for each of many senders.
fn who_hears(host: &mut Host, ids: &[SocketId]) -> Vec<SocketId> {
    let hears = |port| {
        host.packet(PEER, &datagram(("2001:db8::9", port), (OWN, 7), b"x"));
        let hearing: Vec<_> = ids.iter().copied().filter(|&id| receive(host, id).is_ok()).collect();
        assert_eq!(hearing.len(), 1, "port {port}");
        hearing[0]
    };
    (1000..1200).map(hears).collect()
}

/// SO_REUSEPORT: each gets its part of the senders, and keeps it whoever else comes or goes.
#[test]
fn sockets_that_share_a_port_share_its_senders() {
    let mut host = host();
    let mut share = || {
        let id = udp(&mut host);
        host.stack.set_socket_option(id, SetOption::ReusePort(true)).unwrap();
        host.stack.bind(id, address("::", 7)).unwrap();
        id
    };
    let ids = [share(), share(), share(), share()];
    let before = who_hears(&mut host, &ids);
    for id in ids {
        let part = before.iter().filter(|&&hearing| hearing == id).count();
        assert!((25..=75).contains(&part), "{part} of 200");
    }
    assert_eq!(who_hears(&mut host, &ids), before);
    host.stack.close_socket(ids[3], host.now);
    let after = who_hears(&mut host, &ids[..3]);
    assert!(before.iter().zip(&after).all(|(was, is)| was == is || *was == ids[3]));
}

/// API-3, API-8, SEL-4: options of the socket and of the datagram.
/// Rows: UDP-7, UDP-8
#[test]
fn options_of_a_datagram() {
    let mut host = host();
    let id = udp(&mut host);
    let to = Some(address("2001:db8::9", 99));
    host.stack.set_socket_option(id, SetOption::UnicastHops(Some(HopLimit(9)))).unwrap();
    let class = TrafficClass(0x28);
    host.stack.set_socket_option(id, SetOption::TrafficClass(Some(class))).unwrap();
    send(&mut host, id, to, b"x").unwrap();
    let options = SendOptions {
        source: Some(ip(OWN)),
        interface: Some(USB0),
        hop_limit: Some(HopLimit(3)),
        traffic_class: Some(TrafficClass(4)),
        flow_label: Some(FlowLabel::from_low_bits(0x12345)),
        ..SendOptions::default()
    };
    send_with(&mut host, id, to, b"x", &options).unwrap();
    let sent = host.sent();
    assert_eq!((sent[0].header.hop_limit, sent[0].header.traffic_class), (HopLimit(9), class));
    assert_eq!(
        (sent[1].header.hop_limit, sent[1].header.traffic_class),
        (HopLimit(3), TrafficClass(4))
    );
    assert_eq!(sent[1].header.flow_label.get(), 0x12345);
    for (options, error) in [
        (SendOptions { source: Some(ip("2001:db8::77")), ..options }, SendError::BadSource),
        (SendOptions { interface: InterfaceIndex::new(99), ..options }, SendError::NoInterface),
    ] {
        assert_eq!(send_with(&mut host, id, to, b"x", &options), Err(error));
    }
    // A device and another interface contradict each other.
    host.stack.set_socket_option(id, SetOption::Device(Some(LO))).unwrap();
    assert_eq!(send_with(&mut host, id, to, b"x", &options), Err(SendError::Invalid));
}

/// Rows: API-5
#[test]
fn destinations_that_are_none() {
    let mut host = host();
    let id = udp(&mut host);
    for (to, error) in [
        (address("2001:db8::9", 0), SendError::Invalid),
        (address("::ffff:192.0.2.1", 9), SendError::NetworkUnreachable),
        (address("fe80::9", 9), SendError::Invalid),
        (address("2600::1", 9), SendError::NetworkUnreachable),
    ] {
        assert_eq!(send(&mut host, id, Some(to), b"x"), Err(error), "{to}");
    }
    assert_eq!(host.drops(DropReason::NoRoute), 1);
    assert_eq!(host.stack.node_counters().ipv6.out_no_routes, 1);
    // Routes that refuse, each in its own way.
    for (action, sent, connected) in [
        (RouteAction::Unreachable, SendError::HostUnreachable, ConnectError::HostUnreachable),
        (RouteAction::Prohibit, SendError::Prohibited, ConnectError::Prohibited),
        (RouteAction::Blackhole, SendError::Invalid, ConnectError::Blackhole),
    ] {
        let refusal = Route {
            prefix: "2600::/16".parse().unwrap(),
            interface: InterfaceIndex::LOOPBACK,
            action,
            metric: Route::METRIC_DEFAULT,
            protocol: RouteProtocol::User(4),
            preference: RouterPreference::Medium,
            expires: Expiry::Never,
            advertised: false,
        };
        host.stack.add_route(refusal, true).unwrap();
        let to = address("2600::1", 9);
        assert_eq!(send(&mut host, id, Some(to), b"x"), Err(sent));
        assert_eq!(host.stack.connect(id, to, host.now), Err(connected));
    }
    let to = Some(address("2001:db8::9", 9));
    let result = host.stack.send(id, to, 5, |_| Err("fault"), &SendOptions::default(), host.now);
    assert_eq!(result, Err(SendError::Fill("fault")));
    assert_eq!(host.sent(), []);
}

/// IP-5: this node talks to itself, by ::1 and by its other addresses.
#[test]
fn to_itself() {
    let mut host = host();
    let server = bound(&mut host, address("::", 7));
    for (to, source, interface) in [
        (address("::1", 7), "::1", LO),
        (address(OWN, 7), OWN, USB0),
        (scoped(LINK_LOCAL, 7), LINK_LOCAL, USB0),
    ] {
        let client = udp(&mut host);
        send(&mut host, client, Some(to), b"ping").unwrap();
        let (meta, data) = receive(&mut host, server).unwrap();
        assert_eq!(data, b"ping");
        assert_eq!((*meta.source.ip(), meta.interface), (ip(source), interface));
        send(&mut host, server, Some(meta.source), b"pong").unwrap();
        assert_eq!(receive(&mut host, client).unwrap().1, b"pong");
    }
    assert_eq!(host.sent(), [], "nothing leaves the node");
    // A closed port refuses at once.
    let id = connected(&mut host, address("::1", 99));
    send(&mut host, id, None, b"x").unwrap();
    assert_eq!(receive(&mut host, id), Err(ReceiveError::Pending(SocketError::ConnectionRefused)));
    let lo = host.stack.interface(LO).unwrap().counters().link;
    assert_eq!(lo.transmit_frames, lo.receive_frames);
    assert_eq!(lo.transmit_frames, 8);
}

#[test]
fn shutting_down() {
    let mut host = host();
    let id = udp(&mut host);
    assert_eq!(host.stack.shutdown(id, true, true), Err(ShutdownError::NotConnected));
    host.stack.connect(id, address("2001:db8::9", 99), host.now).unwrap();
    host.stack.shutdown(id, false, true).unwrap();
    assert_eq!(send(&mut host, id, None, b"x"), Err(SendError::ShutDown));
    let port = host.stack.local_address(id).unwrap().port();
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, port), b"x"));
    host.stack.shutdown(id, true, false).unwrap();
    assert!(host.stack.readiness(id).unwrap().readable);
    assert!(receive(&mut host, id).is_ok(), "what is there can be read");
    assert_eq!(receive(&mut host, id), Err(ReceiveError::ShutDown));
}

/// ADR-4: the same peer on two links.
#[test]
fn zones() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    host.stack.set_socket_option(id, SetOption::Device(Some(LO))).unwrap();
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), b"x"));
    assert_eq!(receive(&mut host, id), Err(ReceiveError::WouldBlock));
    host.stack.set_socket_option(id, SetOption::Device(Some(USB0))).unwrap();
    host.packet(PEER, &datagram(("fe80::9", 99), (LINK_LOCAL, 7), b"x"));
    assert_eq!(receive(&mut host, id).unwrap().0.source, scoped("fe80::9", 99));
    // The device is zone enough.
    send(&mut host, id, Some(address("fe80::9", 99)), b"x").unwrap();
    let wrong = SocketAddrV6::new(ip("fe80::9"), 9, 0, LO.get());
    assert_eq!(send(&mut host, id, Some(wrong), b"x"), Err(SendError::Invalid));
    assert_eq!(
        host.stack.set_socket_option(id, SetOption::Device(InterfaceIndex::new(9))),
        Err(OptionError::NoInterface)
    );
}

#[test]
fn without_a_link() {
    let mut host = Host::new(3, Config::default());
    let id = udp(&mut host);
    assert_eq!(
        send(&mut host, id, Some(scoped("fe80::9", 9)), b"x"),
        Err(SendError::InterfaceDown)
    );
    assert_eq!(
        send(&mut host, id, Some(address("2001:db8::9", 9)), b"x"),
        Err(SendError::NetworkUnreachable)
    );
    send(&mut host, id, Some(address("::1", 9)), b"x").unwrap();
}

/// Rows: UDP-3
#[test]
fn without_checksum_for_who_wants_it() {
    let mut host = host();
    let unchecked = |port: u16, to: &str| {
        let mut packet = datagram(("2001:db8::9", 99), (to, port), b"hi");
        packet[46..48].fill(0);
        packet
    };
    let id = bound(&mut host, address("::", 7));
    let other = bound(&mut host, address("::", 8));
    for option in [SetOption::ReceiveUnchecked(true), SetOption::SendUnchecked(true)] {
        host.stack.set_socket_option(id, option).unwrap();
    }
    // The port that opted in, another one, none at all, and a group.
    for (port, to, silent) in
        [(7, OWN, false), (8, OWN, true), (9, OWN, true), (7, "ff02::1", false)]
    {
        let drops = host.drops(DropReason::UdpZeroChecksum);
        host.packet(PEER, &unchecked(port, to));
        assert_eq!(host.drops(DropReason::UdpZeroChecksum), drops + u64::from(silent), "{port}");
        assert_eq!(receive(&mut host, id).is_ok(), !silent);
        assert_eq!(host.sent(), [], "no error for what may be damaged");
    }
    assert_eq!(receive(&mut host, other), Err(ReceiveError::WouldBlock));
    // Others still send it, and a wrong one is wrong for all.
    let peer = Some(address("2001:db8::9", 99));
    for (socket, zero) in [(id, true), (other, false)] {
        for length in [5, 3000] {
            send(&mut host, socket, peer, &vec![1; length]).unwrap();
            let first = host.sent().remove(0);
            let at = if length == 5 { 46 } else { 54 };
            assert_eq!(first.packet[at..at + 2] == [0, 0], zero);
        }
    }
    let mut wrong = unchecked(7, OWN);
    wrong[47] = 1;
    host.packet(PEER, &wrong);
    assert_eq!(host.drops(DropReason::UdpChecksum), 1);
}

/// Rows: UDP-14
#[test]
fn a_datagram_that_wants_no_answer() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    host.packet(PEER, &datagram(("2001:db8::9", 0), (OWN, 7), b"hi"));
    let (meta, data) = receive(&mut host, id).unwrap();
    assert_eq!((meta.source.port(), data), (0, b"hi".to_vec()));
}

/// Rows: NUD-10
#[test]
fn a_program_confirms_that_its_peer_is_there() {
    let mut host = host();
    let neighbor = Peer { mac: MacAddress([2, 0, 0, 0, 0, 8]), address: ip("2001:db8::8") };
    let options = [NdpOption::SourceLinkLayerAddress(neighbor.mac)];
    let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
        target: ip(OWN),
        options: NdpOptions::new(&options),
    });
    host.message(neighbor, OWN, &message);
    let id = udp(&mut host);
    let mut state = |confirm| {
        let options = SendOptions { confirm, ..SendOptions::default() };
        let to = SocketAddrV6::new(neighbor.address, 99, 0, 0);
        send_with(&mut host, id, Some(to), b"x", &options).unwrap();
        let is_it = |info: &NeighborInfo| info.address == neighbor.address;
        host.stack.neighbors().find(is_it).unwrap().state
    };
    assert_eq!(state(false), NeighborState::Delay);
    assert_eq!(state(true), NeighborState::Reachable);
}
