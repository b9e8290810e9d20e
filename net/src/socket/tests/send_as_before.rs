//! The short way of a datagram to where the last one went, beside the long way.

use super::*;
use crate::counters::NodeCounters;
use proptest::prelude::*;

/// What is sent for a datagram, and what was counted for it.
fn sent(host: &mut Host, id: SocketId, to: SocketAddrV6, data: &[u8]) -> (Vec<Seen>, [u64; 5]) {
    let before = host.stack.node_counters();
    send(host, id, Some(to), data).unwrap();
    let after = host.stack.node_counters();
    let counts = |counters: &NodeCounters| {
        let (ipv6, udp) = (&counters.ipv6, &counters.udp);
        [
            ipv6.out_requests,
            ipv6.out_octets,
            ipv6.out_transmits,
            udp.out_datagrams,
            counters.drops.total(),
        ]
    };
    let (before, after) = (counts(&before), counts(&after));
    (host.sent(), core::array::from_fn(|at| after[at] - before[at]))
}

proptest! {
    /// Rows: UDP-1, UDP-7
    #[test]
    fn both_ways_send_the_same(data in proptest::collection::vec(any::<u8>(), 0..1453)) {
        let mut host = host();
        let id = bound(&mut host, address("::", 7));
        let to = SocketAddrV6::new(PEER.address, 99, 0, 0);
        // The first one makes the plan.
        let long = sent(&mut host, id, to, &data);
        let short = sent(&mut host, id, to, &data);
        prop_assert_eq!(&long, &short);
        let (header, payload) = as_udp(&short.0[0]);
        prop_assert_eq!((header.source_port, header.destination_port), (7, 99));
        prop_assert_eq!(payload, data);
    }
}

#[test]
fn a_short_datagram_behind_one_in_fragments_is_whole() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    let to = SocketAddrV6::new(PEER.address, 99, 0, 0);
    assert_eq!(sent(&mut host, id, to, &[1; 3000]).0.len(), 3);
    for _ in 0..2 {
        let (seen, _) = sent(&mut host, id, to, b"short");
        assert_eq!(as_udp(&seen[0]).1, b"short");
    }
    assert_eq!(sent(&mut host, id, to, &[1; 3000]).0.len(), 3);
}

#[test]
fn what_changes_is_seen_by_the_next_datagram() {
    let mut host = host();
    let id = bound(&mut host, address("::", 7));
    let to = SocketAddrV6::new(PEER.address, 99, 0, 0);
    let next = |host: &mut Host| sent(host, id, to, b"x").0;
    assert_eq!(next(&mut host), next(&mut host));
    // A socket option.
    host.stack.set_socket_option(id, SetOption::UnicastHops(Some(HopLimit(3)))).unwrap();
    assert_eq!(next(&mut host)[0].header.hop_limit, HopLimit(3));
    assert_eq!(next(&mut host)[0].header.hop_limit, HopLimit(3));
    // The neighbor's link-layer address.
    let mac = MacAddress([2, 0, 0, 0, 0, 0x77]);
    host.stack.set_neighbor(USB0, PEER.address, mac, true, true, host.now).unwrap();
    assert_eq!(next(&mut host)[0].mac, mac);
    // No room: the socket waits, and nothing is written.
    let mut count = 0;
    while send(&mut host, id, Some(to), b"x").is_ok() {
        count += 1;
    }
    assert!(count > 50);
    let untouched =
        host.stack.send(id, Some(to), 1, |_| Err(()), &SendOptions::default(), host.now);
    assert_eq!(untouched, Err(SendError::WouldBlock));
    assert_eq!(host.sent().len(), count);
    host.events();
    // No buffer.
    host.stack.pool.left = 0;
    assert_eq!(send(&mut host, id, Some(to), b"x"), Err(SendError::WouldBlock));
    host.stack.pool.left = usize::MAX;
    // What the program cannot give is not sent.
    let unreadable =
        host.stack.send(id, Some(to), 1, |_| Err(()), &SendOptions::default(), host.now);
    assert_eq!(unreadable, Err(SendError::Fill(())));
    assert!(host.sent().is_empty());
    // The source address goes.
    host.stack.remove_address(USB0, ip(OWN), None, host.now).unwrap();
    host.run(Duration::from_secs(5));
    assert!(send(&mut host, id, Some(to), b"x").is_err());
    assert!(host.sent().is_empty());
}

#[test]
fn a_connected_socket_need_not_say_where() {
    let mut host = host();
    let to = SocketAddrV6::new(PEER.address, 99, 0, 0);
    let id = connected(&mut host, to);
    let next = |host: &mut Host| {
        send(host, id, None, b"x").unwrap();
        host.sent()
    };
    assert_eq!(next(&mut host), next(&mut host));
    host.stack.connect(id, SocketAddrV6::new(PEER.address, 77, 0, 0), host.now).unwrap();
    assert_eq!(as_udp(&next(&mut host)[0]).0.destination_port, 77);
    assert_eq!(as_udp(&next(&mut host)[0]).0.destination_port, 77);
}
