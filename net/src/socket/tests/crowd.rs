//! What a packet costs does not depend on how many others there are.

use super::*;
use core::net::Ipv6Addr;
use std::time::{Duration as RealTime, Instant as RealInstant};

/// A host with a socket at port 7 that talks to the peer.
fn talking() -> (Host, SocketId) {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    (host, id)
}

/// Fills the tables of sockets, listeners, neighbors (with timers) and routes.
fn fill(host: &mut Host) {
    let mut port = 1000;
    while let Ok(id) = host.stack.open_socket(SocketKind::Udp) {
        host.stack.bind(id, address("::", port)).unwrap();
        port += 1;
    }
    let mut listeners = 0;
    while let Ok(id) = host.stack.tcp_open() {
        host.stack.tcp_bind(id, address("::", port)).unwrap();
        host.stack.tcp_listen(id, 1).unwrap();
        (port, listeners) = (port + 1, listeners + 1);
    }
    assert!(listeners >= 100 && host.stack.sockets().count() >= 100);
    let mut number = 0;
    while host.stack.neighbor_count() < crate::limits::NEIGHBORS {
        let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 7, number);
        host.stack.set_neighbor(USB0, address, PEER.mac, false, false, host.now).unwrap();
        host.stack.confirm_neighbor(USB0, address, host.now);
        number += 1;
    }
}

/// One packet each way, `TURNS` times.
fn turn(host: &mut Host, id: SocketId, packet: &[u8]) -> RealTime {
    const TURNS: usize = 32;
    let start = RealInstant::now();
    for _ in 0..TURNS {
        host.packet(PEER, packet);
        receive(host, id).unwrap();
        send(host, id, Some(address("2001:db8::9", 99)), b"answer").unwrap();
        while host.stack.poll_transmit(USB0).is_some() {}
        while host.stack.poll_event().is_some() {}
        host.stack.poll(host.now);
    }
    start.elapsed()
}

/// By the clock, since nothing else tells what work is; but compared on the same machine, turn by
/// turn, and the fastest of many turns each, so that how fast that is and what else runs there
/// hardly matters.
/// Rows: QOS-2
#[test]
fn a_crowd_costs_nothing() {
    let (mut lonely, lonely_id) = talking();
    let (mut crowded, crowded_id) = talking();
    fill(&mut crowded);
    let packet = datagram(("2001:db8::9", 99), (OWN, 7), b"question");
    let mut best = [RealTime::MAX; 2];
    for round in 0..2000 {
        best[0] = best[0].min(turn(&mut lonely, lonely_id, &packet));
        best[1] = best[1].min(turn(&mut crowded, crowded_id, &packet));
        if round >= 200 && best[1] < best[0] * 5 / 4 {
            break;
        }
    }
    assert!(best[1] < best[0] * 2, "alone {:?}, in a crowd {:?}", best[0], best[1]);
}
