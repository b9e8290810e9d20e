//! Group memberships.

use super::*;

/// UDP-9, API-3, API-4: groups.
#[test]
fn multicast() {
    let mut host = host();
    let (a, b, c) = (udp(&mut host), udp(&mut host), udp(&mut host));
    for id in [a, b, c] {
        host.stack.set_socket_option(id, SetOption::ReuseAddress(true)).unwrap();
        host.stack.bind(id, address("::", 7)).unwrap();
    }
    host.stack.set_socket_option(c, SetOption::MulticastAll(false)).unwrap();
    let group = ip("ff05::99");
    assert_eq!(
        host.stack.join_group(a, ip("fe80::1"), Some(USB0), host.now),
        Err(MembershipError::NotMulticast)
    );
    assert_eq!(
        host.stack.join_group(a, group, InterfaceIndex::new(9), host.now),
        Err(MembershipError::NoInterface)
    );
    assert_eq!(
        host.stack.leave_group(a, group, Some(USB0), host.now),
        Err(MembershipError::NotMember)
    );
    host.stack.join_group(a, group, Some(USB0), host.now).unwrap();
    assert_eq!(
        host.stack.join_group(a, group, Some(USB0), host.now),
        Err(MembershipError::AlreadyMember)
    );
    assert_eq!(host.sent()[0].icmpv6_type(), 143, "reported at once");
    host.packet(PEER, &datagram(("2001:db8::9", 99), ("ff05::99", 7), b"all"));
    for (id, gets) in [(a, true), (b, true), (c, false)] {
        assert_eq!(receive(&mut host, id).is_ok(), gets);
    }
    host.stack.join_group(c, group, Some(USB0), host.now).unwrap();
    host.packet(PEER, &datagram(("2001:db8::9", 99), ("ff05::99", 7), b"all"));
    for id in [a, b, c] {
        assert_eq!(receive(&mut host, id).unwrap().1, b"all");
    }
    // Sending: hop limit 1, and our own sockets hear it unless they do not want to.
    host.run(Duration::from_secs(2));
    let to = Some(address("ff05::99", 7));
    send(&mut host, a, to, b"me").unwrap();
    let sent = host.sent();
    assert_eq!((sent.len(), sent[0].header.hop_limit), (1, HopLimit::ONE));
    assert_eq!(sent[0].header.source, ip(OWN));
    let (meta, data) = receive(&mut host, b).unwrap();
    assert_eq!((meta.interface, data), (USB0, b"me".to_vec()));
    host.stack.set_socket_option(a, SetOption::MulticastLoop(false)).unwrap();
    receive(&mut host, a).unwrap();
    receive(&mut host, c).unwrap();
    send(&mut host, a, to, b"me").unwrap();
    assert_eq!(receive(&mut host, b), Err(ReceiveError::WouldBlock));
    // Leaving, by close as well.
    host.stack.leave_group(a, group, None, host.now).unwrap();
    assert!(host.stack.interface(USB0).unwrap().groups().any(|(found, _)| found == group));
    host.stack.close_socket(c, host.now);
    assert!(!host.stack.interface(USB0).unwrap().groups().any(|(found, _)| found == group));
    assert!(
        !host
            .stack
            .interface(USB0)
            .unwrap()
            .groups()
            .any(|(found, _)| found == group.solicited_node())
    );
}

#[test]
fn a_full_table_of_memberships() {
    let mut host = host();
    let ids: Vec<SocketId> = (0..4).map(|_| udp(&mut host)).collect();
    let mut joined = 0;
    // The groups of an interface are fewer than the memberships of all sockets.
    for number in 0..crate::limits::GROUPS as u16 {
        let group = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 1, number);
        for &id in &ids {
            match host.stack.join_group(id, group, Some(USB0), host.now) {
                Ok(()) => joined += 1,
                Err(error) => assert_eq!(error, MembershipError::TableFull),
            }
        }
    }
    assert_eq!(joined, crate::limits::MEMBERSHIPS);
    for id in ids {
        host.stack.close_socket(id, host.now);
    }
    host.run(Duration::from_secs(3));
    let own = [ip("ff01::1"), ip("ff02::1"), ip("ff02::1:ff12:3457"), ip("ff02::1:ff00:1")];
    let interface = host.stack.interface(USB0).unwrap();
    assert!(interface.groups().all(|(group, users)| own.contains(&group) && users == 1));
}
