//! Sizes, buffers and tables: what happens at their ends.

use super::*;

/// Rows: PRT-1, PRT-2
#[test]
fn ephemeral_ports_are_not_sequential() {
    let mut host = host();
    let ports: Vec<u16> = (0..32)
        .map(|_| {
            let id = bound(&mut host, address("::", 0));
            host.stack.local_address(id).unwrap().port()
        })
        .collect();
    let steps = ports.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) == 1).count();
    assert!(steps <= 1, "{ports:?}");
    let mut distinct = ports.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 32);
}

/// UDP-13 without fragments (IPV6_DONTFRAG): what fits, and what does not.
#[test]
fn sizes() {
    let mut host = host();
    let id = udp(&mut host);
    let to = Some(address("2001:db8::9", 9));
    host.stack.set_socket_option(id, SetOption::DontFragment(true)).unwrap();
    send(&mut host, id, to, &[1; 1452]).unwrap();
    assert_eq!(host.sent()[0].packet.len(), 1500);
    assert_eq!(send(&mut host, id, to, &[1; 1453]), Err(SendError::TooBig(1452)));
    assert_eq!(host.drops(DropReason::TooBig), 1);
    // PMT-2 to -4, -7: a Packet Too Big about a datagram of ours counts for its destination.
    send(&mut host, id, to, &[1; 1452]).unwrap();
    let invoking = host.sent().remove(0).packet;
    let too_big = |mtu| Icmpv6Message::PacketTooBig { mtu, invoking: &invoking };
    for (mtu, expected) in [(1279, 1500), (1400, 1400), (1450, 1400), (1280, 1280), (9000, 1280)] {
        host.message(PEER, OWN, &too_big(mtu));
        let route = host.stack.route_to(PEER.address, None, host.now).unwrap();
        assert_eq!(route.mtu, expected, "{mtu}");
    }
    assert_eq!(send(&mut host, id, to, &[1; 1300]), Err(SendError::TooBig(1232)));
    assert_eq!(host.stack.route_to(ip("2001:db8::8"), None, host.now).unwrap().mtu, 1500);
    host.run(Duration::from_secs(601));
    send(&mut host, id, to, &[1; 1452]).unwrap();
    // PMT-6: about a packet that no socket of ours sent.
    let mut forged = invoking.clone();
    forged[40] ^= 1;
    host.sent();
    host.message(PEER, OWN, &Icmpv6Message::PacketTooBig { mtu: 1300, invoking: &forged });
    assert_eq!(host.stack.route_to(PEER.address, None, host.now).unwrap().mtu, 1500);
}

/// UDP-11, QOS-8: a socket that is not read drops the newest, and the others do not suffer.
/// Rows: API-23
#[test]
fn receive_buffers_are_bounded() {
    let mut host = host();
    let (slow, other) = (bound(&mut host, address("::", 7)), bound(&mut host, address("::", 8)));
    host.stack.set_socket_option(slow, SetOption::ReceiveBuffer(2304)).unwrap();
    for number in 0..10 {
        host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), &[number; 1000]));
    }
    assert_eq!(host.drops(DropReason::SocketBufferFull), 8);
    assert_eq!(host.stack.node_counters().udp.receive_buffer_errors, 8);
    assert_eq!(receive(&mut host, slow).unwrap().1, [0; 1000]);
    // Room again.
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), b"new"));
    assert_eq!(receive(&mut host, slow).unwrap().1, [1; 1000]);
    assert_eq!(receive(&mut host, slow).unwrap().1, b"new");
    // However big the buffer, half of the memory is for others.
    host.stack.set_socket_option(slow, SetOption::ReceiveBuffer(1 << 30)).unwrap();
    for _ in 0..2 * crate::limits::RECEIVE_PACKETS {
        host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 7), b"x"));
    }
    let mut kept = 0;
    for _ in 0..10 {
        host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 8), b"y"));
        kept += usize::from(receive(&mut host, other).is_ok());
    }
    assert_eq!(kept, 10);
    while receive(&mut host, slow).is_ok() {
        kept += 1;
    }
    assert_eq!(kept - 10, crate::limits::RECEIVE_PACKETS / 2);
    assert!(host.drops(DropReason::SocketMemoryFull) > 0);
    // Closing drops, and counts, what was not read.
    host.packet(PEER, &datagram(("2001:db8::9", 99), (OWN, 8), b"y"));
    host.stack.close_socket(other, host.now);
    assert_eq!(host.drops(DropReason::SocketClosed), 1);
}

/// A program that sends faster than the link: it waits, and is told when it may go on, and the
/// stack's own packets still find room.
/// Rows: QOS-8
#[test]
fn back_pressure() {
    let mut host = host();
    let id = udp(&mut host);
    let to = Some(address("2001:db8::9", 99));
    let mut sent = 0;
    while send(&mut host, id, to, b"x") == Ok(()) {
        sent += 1;
    }
    assert_eq!(sent, crate::limits::TRANSMIT_QUEUE - crate::limits::TRANSMIT_RESERVE);
    assert_eq!(send(&mut host, id, to, b"x"), Err(SendError::WouldBlock));
    assert!(!host.stack.readiness(id).unwrap().writable);
    host.message(
        PEER,
        OWN,
        &Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 1, data: b"" }),
    );
    host.events();
    for _ in 0..sent {
        host.stack.poll_transmit(USB0).unwrap();
    }
    assert_eq!(host.events(), [Event::Socket(id)]);
    assert!(host.stack.readiness(id).unwrap().writable);
    assert_eq!(host.sent()[0].icmpv6_type(), 129);
    send(&mut host, id, to, b"x").unwrap();
    // No buffer: tried again a little later.
    host.stack.pool.left = 0;
    assert_eq!(send(&mut host, id, to, b"x"), Err(SendError::WouldBlock));
    assert_eq!(host.drops(DropReason::NoBuffer), 1);
    host.events();
    host.run(Duration::from_millis(10));
    assert_eq!(host.events(), [Event::Socket(id)]);
}

/// SLA-12: the address under a socket goes away.
#[test]
fn a_socket_outlives_its_address() {
    let mut host = host();
    let id = bound(&mut host, address(OWN, 7));
    host.events();
    host.stack.remove_address(USB0, ip(OWN), None, host.now).unwrap();
    assert!(host.events().contains(&Event::Socket(id)));
    assert_eq!(receive(&mut host, id), Err(ReceiveError::Pending(SocketError::NetworkDown)));
    let to = Some(scoped("fe80::9", 9));
    assert_eq!(send(&mut host, id, to, b"x"), Err(SendError::NoSourceAddress));
}

/// Rows: API-23
#[test]
fn a_full_table_of_sockets() {
    let mut host = host();
    for _ in 0..crate::limits::SOCKETS {
        udp(&mut host);
    }
    assert_eq!(host.stack.open_socket(SocketKind::Udp), Err(OpenError));
    assert_eq!(host.stack.sockets().count(), crate::limits::SOCKETS);
    let first = host.stack.sockets().next().unwrap().id;
    host.stack.close_socket(first, host.now);
    udp(&mut host);
}
