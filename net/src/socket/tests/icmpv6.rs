//! ICMPv6 sockets, and ICMPv6 errors that reach sockets.

use super::*;
use crate::wire::icmpv6::Icmpv6Type;

/// UDP-6, API-20: errors reach the socket that is connected.
/// Rows: ICMP-13, ICMP-14
#[test]
fn errors_reach_connected_sockets() {
    let mut host = host();
    let to = address("2001:db8::9", 99);
    let id = connected(&mut host, to);
    let unconnected = udp(&mut host);
    let unreachable = |invoking: &[u8], host: &mut Host| {
        let code = DestinationUnreachableCode::PortUnreachable;
        let message = Icmpv6Message::DestinationUnreachable { code, invoking };
        host.message(PEER, OWN, &message);
    };
    send(&mut host, unconnected, Some(to), b"x").unwrap();
    let packet = host.sent().remove(0).packet;
    unreachable(&packet, &mut host);
    assert!(!host.stack.readiness(unconnected).unwrap().error);
    send(&mut host, id, None, b"x").unwrap();
    let packet = host.sent().remove(0).packet;
    host.events();
    unreachable(&packet, &mut host);
    assert_eq!(host.events(), [Event::Socket(id)]);
    assert!(host.stack.readiness(id).unwrap().error);
    let refused = SocketError::ConnectionRefused;
    assert_eq!(send(&mut host, id, None, b"x"), Err(SendError::Pending(refused)));
    assert_eq!(send(&mut host, id, None, b"x"), Ok(()), "once");
    let packet = host.sent().remove(0).packet;
    unreachable(&packet, &mut host);
    assert_eq!(receive(&mut host, id), Err(ReceiveError::Pending(refused)));
    unreachable(&packet, &mut host);
    assert_eq!(host.stack.take_socket_error(id), Some(refused));
    // Soft errors are not for a socket that did not ask for them.
    let exceeded =
        Icmpv6Message::TimeExceeded { code: TimeExceededCode::HopLimit, invoking: &packet };
    host.message(PEER, OWN, &exceeded);
    assert_eq!(host.stack.take_socket_error(id), None);
    // An error about nothing of ours.
    let drops = host.drops(DropReason::Icmpv6ErrorUnmatched);
    unreachable(&datagram((OWN, 1), ("2001:db8::9", 2), b"x"), &mut host);
    unreachable(&datagram(("2001:db8::9", 1), (OWN, 2), b"x"), &mut host);
    unreachable(&packet[..30], &mut host);
    assert_eq!(host.drops(DropReason::Icmpv6ErrorUnmatched), drops + 3);
}

/// IPV6_RECVERR: every error in detail.
/// Rows: ICMP-13
#[test]
fn the_error_queue() {
    let mut host = host();
    let id = udp(&mut host);
    host.stack.set_socket_option(id, SetOption::ReceiveErrors(true)).unwrap();
    send(&mut host, id, Some(address("2001:db8::9", 99)), b"payload").unwrap();
    let packet = host.sent().remove(0).packet;
    let exceeded =
        Icmpv6Message::TimeExceeded { code: TimeExceededCode::HopLimit, invoking: &packet };
    host.message(Peer { address: ip("2001:db8::5"), ..PEER }, OWN, &exceeded);
    let (meta, payload) =
        host.stack.receive_error(id, |meta, payload| (*meta, payload.to_vec())).unwrap();
    assert_eq!(payload, b"payload");
    assert_eq!(meta.error, SocketError::HostUnreachable);
    assert_eq!(meta.origin, ErrorOrigin::Icmpv6 { message_type: 3, code: 0 });
    assert_eq!(meta.offender, address("2001:db8::5", 0));
    assert_eq!(meta.destination, address("2001:db8::9", 99));
    assert_eq!(host.stack.receive_error(id, |meta, _| *meta), Err(ReceiveError::WouldBlock));
    assert_eq!(host.stack.take_socket_error(id), None, "told already");
    // Too big for the link: told by the call, the MTU by the queue.
    let to = address("2001:db8::9", 99);
    host.stack.set_socket_option(id, SetOption::DontFragment(true)).unwrap();
    assert_eq!(send(&mut host, id, Some(to), &[0; 1500]), Err(SendError::TooBig(1452)));
    assert!(host.stack.readiness(id).unwrap().error);
    assert_eq!(host.stack.take_socket_error(id), None);
    let meta = host.stack.receive_error(id, |meta, _| *meta).unwrap();
    assert_eq!((meta.origin, meta.info, meta.destination), (ErrorOrigin::Local, 1500, to));
}

/// Rows: ICMP-6, ICMP-15
#[test]
fn errors_of_any_kind_about_packets_of_any_kind() {
    let mut host = host();
    let id = udp(&mut host);
    host.stack.set_socket_option(id, SetOption::ReceiveErrors(true)).unwrap();
    send(&mut host, id, Some(address("2001:db8::9", 99)), b"payload").unwrap();
    let packet = host.sent().remove(0).packet;
    // An error of the future, and one about the packet behind other headers.
    let unknown = [&[0; 4], &packet[..]].concat();
    let mut behind = packet.clone();
    let destination_options = [behind[6], 0, 1, 4, 0, 0, 0, 0];
    behind.splice(40..40, destination_options);
    (behind[5], behind[6]) = (behind[5] + 8, 60);
    for (message, origin) in [
        (
            Icmpv6Message::Unknown { kind: Icmpv6Type(100), code: 7, body: &unknown },
            ErrorOrigin::Icmpv6 { message_type: 100, code: 7 },
        ),
        (
            Icmpv6Message::TimeExceeded { code: TimeExceededCode::HopLimit, invoking: &behind },
            ErrorOrigin::Icmpv6 { message_type: 3, code: 0 },
        ),
    ] {
        host.message(PEER, OWN, &message);
        let meta = host.stack.receive_error(id, |meta, _| *meta).unwrap();
        assert_eq!((meta.origin, meta.destination), (origin, address("2001:db8::9", 99)));
    }
}

/// ICMP-17: ping sockets.
#[test]
fn echo_sockets() {
    let mut host = host();
    let id = host.stack.open_socket(SocketKind::Icmpv6Echo).unwrap();
    let to = Some(address("2001:db8::9", 0));
    assert_eq!(send(&mut host, id, to, &[128, 0, 0, 0]), Err(SendError::Invalid));
    assert_eq!(send(&mut host, id, to, &[135; 24]), Err(SendError::NotEchoRequest));
    send(&mut host, id, to, &echo_request(0xdead, 1)).unwrap();
    let identifier = host.stack.local_address(id).unwrap().port();
    let sent = host.sent();
    let echo = Echo { identifier, sequence: 1, data: b"data" };
    assert_eq!(sent[0].icmpv6(), Some(Icmpv6Message::EchoRequest(echo)));
    host.message(PEER, OWN, &Icmpv6Message::EchoReply(echo));
    let (meta, data) = receive(&mut host, id).unwrap();
    assert_eq!((meta.source, data.len(), data[0]), (address("2001:db8::9", 0), 12, 129));
    // Another identifier is for another socket.
    let other = Echo { identifier: identifier ^ 1, ..echo };
    host.message(PEER, OWN, &Icmpv6Message::EchoReply(other));
    assert_eq!(host.drops(DropReason::Icmpv6EchoReplyUnexpected), 1);
    assert_eq!(receive(&mut host, id), Err(ReceiveError::WouldBlock));
    let second = host.stack.open_socket(SocketKind::Icmpv6Echo).unwrap();
    assert_eq!(host.stack.bind(second, address("::", identifier)), Err(BindError::AddressInUse));
    host.stack.bind(second, address(OWN, 7)).unwrap();
    // To this node.
    send(&mut host, id, Some(address("::1", 0)), &echo_request(0, 2)).unwrap();
    assert_eq!(receive(&mut host, id).unwrap().1[0], 129);
    // A link-local group needs its zone, and its members answer from their own addresses.
    assert_eq!(
        send(&mut host, id, Some(address("ff02::1", 0)), &echo_request(0, 3)),
        Err(SendError::Invalid)
    );
    let all = host.stack.open_socket(SocketKind::Icmpv6Echo).unwrap();
    host.stack.connect(all, scoped("ff02::1", 0), host.now).unwrap();
    send(&mut host, all, None, &echo_request(0, 3)).unwrap();
    let identifier = host.stack.local_address(all).unwrap().port();
    assert_eq!(host.sent()[0].header.destination, ip("ff02::1"));
    let reply = Icmpv6Message::EchoReply(Echo { identifier, ..echo });
    host.message(Peer { address: ip("fe80::9"), ..PEER }, LINK_LOCAL, &reply);
    let heard: Vec<_> = core::iter::from_fn(|| receive(&mut host, all).ok()).collect();
    assert!(heard.iter().any(|(meta, _)| meta.source == scoped("fe80::9", 0)));
}

/// ICMP-11: a neighbor that is not there.
#[test]
fn echo_to_a_silent_neighbor() {
    let mut host = host();
    let id = host.stack.open_socket(SocketKind::Icmpv6Echo).unwrap();
    host.stack.set_socket_option(id, SetOption::ReceiveErrors(true)).unwrap();
    let raw = host.stack.open_socket(SocketKind::Icmpv6Raw).unwrap();
    send(&mut host, id, Some(address("2001:db8::77", 0)), &echo_request(0, 1)).unwrap();
    let start = host.now;
    while !host.stack.readiness(id).unwrap().error {
        host.run(Duration::from_millis(100));
    }
    assert_eq!(host.now.saturating_since(start).as_secs(), 3);
    let (meta, payload) =
        host.stack.receive_error(id, |meta, payload| (*meta, payload.to_vec())).unwrap();
    assert_eq!(meta.error, SocketError::HostUnreachable);
    assert_eq!(meta.origin, ErrorOrigin::Icmpv6 { message_type: 1, code: 3 });
    assert_eq!(meta.offender, address(OWN, 0));
    assert_eq!(payload[0], 128);
    // A raw socket gets the message itself.
    assert_eq!(receive(&mut host, raw).unwrap().1[..2], [1, 3]);
}

/// API-10: raw sockets, their filter and checksum.
#[test]
fn raw_sockets() {
    let mut host = host();
    let (all, replies) = (
        host.stack.open_socket(SocketKind::Icmpv6Raw).unwrap(),
        host.stack.open_socket(SocketKind::Icmpv6Raw).unwrap(),
    );
    let mut words = [u32::MAX; 8];
    words[4] = 0xffff_fffd;
    let filter = Icmpv6Filter(words);
    host.stack.set_socket_option(replies, SetOption::Icmpv6Filter(filter)).unwrap();
    assert_eq!(host.stack.icmpv6_filter(replies), Some(filter));
    let datagram_socket = udp(&mut host);
    assert_eq!(
        host.stack.set_socket_option(datagram_socket, SetOption::Icmpv6Filter(filter)),
        Err(OptionError::NotSupported)
    );
    host.stack.bind(all, address("::", 77)).unwrap();
    assert_eq!(host.stack.local_address(all).unwrap().port(), 0, "raw sockets have no port");
    let request = echo_request(5, 6);
    send(&mut host, all, Some(address("2001:db8::9", 0)), &request).unwrap();
    let echo = Echo { identifier: 5, sequence: 6, data: b"data" };
    assert_eq!(host.sent()[0].icmpv6(), Some(Icmpv6Message::EchoRequest(echo)));
    host.message(PEER, OWN, &Icmpv6Message::EchoReply(echo));
    host.message(PEER, OWN, &Icmpv6Message::EchoRequest(echo));
    assert_eq!(receive(&mut host, all).unwrap().1[0], 129);
    assert_eq!(receive(&mut host, all).unwrap().1[0], 128);
    assert_eq!(receive(&mut host, replies).unwrap().1[0], 129);
    assert_eq!(receive(&mut host, replies), Err(ReceiveError::WouldBlock));
    assert_eq!(host.sent()[0].icmpv6_type(), 129, "the stack answers all the same");
    // A broken message is not shown.
    let mut packet = icmpv6_packet(PEER.address, ip(OWN), &Icmpv6Message::EchoReply(echo));
    packet[42] ^= 1;
    host.packet(PEER, &packet);
    assert_eq!(receive(&mut host, all), Err(ReceiveError::WouldBlock));
    assert_eq!(send(&mut host, all, Some(address("::1", 0)), &[128]), Err(SendError::Invalid));
}
