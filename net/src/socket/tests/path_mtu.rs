//! Datagrams that are too long for the path, and where they leave.

use super::*;

fn set(host: &mut Host, id: SocketId, option: SetOption) {
    host.stack.set_socket_option(id, option).unwrap();
}

/// The peer's path carries 1300 octets, the link 1500.
fn narrow() -> (Host, SocketId) {
    let mut host = host();
    let id = connected(&mut host, SocketAddrV6::new(PEER.address, 9, 0, 0));
    send(&mut host, id, None, &[7; 1452]).unwrap();
    let packet = host.sent().remove(0).packet;
    let message = Icmpv6Message::PacketTooBig { mtu: 1300, invoking: &packet };
    host.packet(PEER, &icmpv6_packet(PEER.address, ip(OWN), &message));
    assert_eq!(host.stack.take_socket_error(id), Some(SocketError::MessageTooBig));
    (host, id)
}

/// Rows: PMT-13, PMT-15
#[test]
fn what_becomes_of_a_datagram_longer_than_path_or_link() {
    use PathMtuDiscovery as Discovery;
    let (mut host, id) = narrow();
    // 1252 octets fit the path, 1452 the link; the length of the packets, or what fits.
    for (discovery, mtu, over_path, over_link) in [
        (Discovery::Dont, 1300, Ok(vec![1296, 260]), Ok(vec![1296, 261])),
        (Discovery::Want, 1300, Ok(vec![1296, 260]), Ok(vec![1296, 261])),
        (Discovery::Do, 1300, Err(1252), Err(1252)),
        (Discovery::Probe, 1500, Ok(vec![1500]), Err(1452)),
        (Discovery::Interface, 1500, Ok(vec![1500]), Err(1452)),
        (Discovery::Omit, 1500, Ok(vec![1500]), Ok(vec![1496, 61])),
    ] {
        set(&mut host, id, SetOption::PathMtuDiscovery(discovery));
        assert_eq!(host.stack.path_mtu(id, host.now), Some(mtu));
        for (length, expected) in [(1252, Ok(vec![1300])), (1452, over_path), (1453, over_link)] {
            let result = send(&mut host, id, None, &vec![7; length]);
            let lens: Vec<_> = host.sent().iter().map(|seen| seen.packet.len()).collect();
            assert_eq!(result.map(|()| lens), expected.map_err(SendError::TooBig), "{discovery:?}");
        }
    }
}

/// Rows: API-9
#[test]
fn what_is_not_sent_is_reported_to_who_wants_that() {
    let (mut host, id) = narrow();
    for (wanted, dont_fragment, reported) in
        [(false, true, None), (true, false, None), (true, true, Some(1300))]
    {
        set(&mut host, id, SetOption::ReceivePathMtu(wanted));
        set(&mut host, id, SetOption::DontFragment(dont_fragment));
        let sent = send(&mut host, id, None, &[7; 1253]);
        assert_eq!(sent.is_err(), dont_fragment);
        assert_eq!(host.stack.readiness(id).unwrap().readable, reported.is_some());
        let report = host.stack.take_path_mtu_report(id);
        assert_eq!(report.map(|report| report.mtu), reported);
        let destination = SocketAddrV6::new(PEER.address, 0, 0, 0);
        assert!(report.is_none_or(|report| report.destination == destination));
        assert_eq!(host.stack.take_path_mtu_report(id), None);
    }
}

#[test]
fn fragments_can_be_kept_short() {
    let (mut host, id) = narrow();
    let refused = host.stack.set_socket_option(id, SetOption::FragmentSize(Some(1279)));
    assert_eq!(refused, Err(OptionError::Invalid));
    set(&mut host, id, SetOption::FragmentSize(Some(1280)));
    send(&mut host, id, None, &[7; 1252]).unwrap();
    assert_eq!(host.sent().len(), 2);
    set(&mut host, id, SetOption::FragmentSize(None));
    send(&mut host, id, None, &[7; 1252]).unwrap();
    assert_eq!(host.sent().len(), 1);
}

#[test]
fn who_is_not_connected_has_no_path() {
    let mut host = host();
    let id = udp(&mut host);
    assert_eq!(host.stack.path_mtu(id, host.now), None);
}

#[test]
fn unicast_leaves_where_it_should() {
    let mut host = host();
    let id = udp(&mut host);
    let none = InterfaceIndex::from_slot(4);
    let result = host.stack.set_socket_option(id, SetOption::UnicastInterface(Some(none)));
    assert_eq!(result, Err(OptionError::NoUnicastInterface));
    let zoneless = address("fe80::9", 9);
    assert_eq!(send(&mut host, id, Some(zoneless), b"x"), Err(SendError::Invalid));
    set(&mut host, id, SetOption::UnicastInterface(Some(USB0)));
    assert_eq!(send(&mut host, id, Some(zoneless), b"x"), Ok(()));
    // Not where to another interface was asked for, and not for a socket that is bound to one.
    set(&mut host, id, SetOption::UnicastInterface(None));
    set(&mut host, id, SetOption::Device(Some(USB0)));
    let result = host.stack.set_socket_option(id, SetOption::UnicastInterface(Some(LO)));
    assert_eq!(result, Err(OptionError::Invalid));
}

#[test]
fn the_flow_label_can_be_none() {
    let mut host = host();
    let id = connected(&mut host, SocketAddrV6::new(PEER.address, 9, 0, 0));
    for (on, none) in [(true, false), (false, true)] {
        set(&mut host, id, SetOption::AutoFlowLabel(on));
        send(&mut host, id, None, b"x").unwrap();
        assert_eq!(host.sent()[0].header.flow_label == FlowLabel::NONE, none);
    }
}
