//! Options that show on the wire or in what poll(2) says.

use super::*;
use crate::socket::{OptionError, PathMtuDiscovery};

fn write_more(host: &mut Host, id: TcpId, data: &[u8]) -> usize {
    let mut rest = data;
    let fill = |room: &mut [u8]| {
        let (now, later) = rest.split_at(room.len());
        room.copy_from_slice(now);
        rest = later;
        Ok::<_, ()>(())
    };
    host.stack.tcp_send_more(id, data.len(), fill, host.now).unwrap()
}

/// Rows: MUST-60, MUST-61, SHLD-27, SHLD-28, MAY-14, MAY-15, MAY-16, MAY-17
#[test]
fn more_follows() {
    let mut host = host();
    let mut peer = open(&mut host);
    set(&mut host, peer.id, |options| options.no_delay = true);
    assert_eq!(write_more(&mut host, peer.id, b"GET "), 4);
    assert_eq!(sent(&mut host), []);
    write(&mut host, peer.id, b"/\n").unwrap();
    assert_eq!(sent_one(&mut host).1, b"GET /\n");
    peer.ack += 6;
    peer.send(&mut host, "A", &[]);
    // Full segments do not wait.
    write_more(&mut host, peer.id, &[7; 1300]);
    assert_eq!(sent_one(&mut host).1.len(), 1220);
    peer.ack += 1220;
    peer.send(&mut host, "A", &[]);
    // The rest waits a while.
    host.run(Duration::from_millis(150));
    assert_eq!(host.stack.tcp_unsent(peer.id), 80);
    let seen = host.run(Duration::from_millis(60));
    assert_eq!(as_tcp(&seen[0]).unwrap().1.len(), 80);
    // The end of the stream does not wait.
    peer.ack += 80;
    peer.send(&mut host, "A", &[]);
    write_more(&mut host, peer.id, b"bye");
    assert_eq!(sent(&mut host), []);
    host.stack.tcp_shutdown(peer.id, false, true, host.now).unwrap();
    let (header, data) = sent_one(&mut host);
    assert!(header.flags.contains(TcpFlags::FIN) && data == b"bye");
}

#[test]
fn readable_is_what_the_low_water_mark_says() {
    let mut host = host();
    let mut peer = open(&mut host);
    let id = peer.id;
    set(&mut host, id, |options| options.receive_low_water = 10);
    let readable = |host: &Host| host.stack.tcp_readiness(id).unwrap().readable;
    peer.send(&mut host, "A", b"nine octs");
    assert!(!readable(&host));
    peer.send(&mut host, "A", b"!");
    assert!(readable(&host));
    assert_eq!(read(&mut host, peer.id, 5).unwrap(), b"nine ");
    assert!(!readable(&host));
    // The end is always worth reading.
    peer.send(&mut host, "FA", &[]);
    assert!(readable(&host));
}

#[test]
fn a_low_water_mark_beyond_the_window_does_not_wait_for_ever() {
    let mut host = host();
    let mut peer = open(&mut host);
    set(&mut host, peer.id, |options| {
        options.receive_low_water = 1_000_000;
        options.receive_buffer = Some(2304);
    });
    let id = peer.id;
    let mut count = 0;
    while !host.stack.tcp_readiness(id).unwrap().readable {
        peer.send(&mut host, "A", &[7; 1000]);
        count += 1;
        assert!(count < 100, "never readable");
    }
}

#[test]
fn the_flow_label_can_be_none() {
    let mut host = host();
    let peer = open(&mut host);
    let label = |host: &mut Host| {
        write(host, peer.id, b"x").unwrap();
        let seen = host.sent().remove(0);
        host.run(Duration::from_millis(1));
        seen.header.flow_label
    };
    set(&mut host, peer.id, |options| options.no_delay = true);
    assert_ne!(label(&mut host), FlowLabel::NONE);
    set(&mut host, peer.id, |options| options.auto_flow_label = false);
    assert_eq!(label(&mut host), FlowLabel::NONE);
}

/// Rows: PMT-12, SHLD-5, SHLD-6, MAY-3
#[test]
fn the_path_mtu_is_told_and_can_be_ignored() {
    let mut host = host();
    let peer = open(&mut host);
    let mtu = |host: &Host| host.stack.tcp_path_mtu(peer.id);
    write(&mut host, peer.id, &[7; 1220]).unwrap();
    assert_eq!(mtu(&host), Some(1500));
    let data = host.sent().remove(0);
    complain(&mut host, &data, |invoking| Icmpv6Message::PacketTooBig { mtu: 1280, invoking });
    assert_eq!(mtu(&host), Some(1280));
    set(&mut host, peer.id, |options| options.path_mtu_discovery = PathMtuDiscovery::Interface);
    assert_eq!(mtu(&host), Some(1500));
    let idle = host.stack.tcp_open().unwrap();
    assert_eq!(host.stack.tcp_path_mtu(idle), None);
}

#[test]
fn the_interface_can_be_chosen() {
    let mut host = host();
    let id = host.stack.tcp_open().unwrap();
    let now = host.now;
    let none = InterfaceIndex::from_slot(4);
    let result = host.stack.change_tcp_options(id, |set| set.unicast_interface = Some(none), now);
    assert_eq!(result, Err(OptionError::NoUnicastInterface));
    // A link-local address needs an interface, which this is as good as any to give.
    set(&mut host, id, |options| options.unicast_interface = Some(USB0));
    let link_local = to(ip("fe80::9"), PEER_PORT);
    host.stack.tcp_connect(id, link_local, host.now).unwrap();
    assert_eq!(host.stack.tcp_remote_address(id).unwrap().scope_id(), USB0.get());
}

#[test]
fn an_attempt_to_connect_takes_as_many_syns_as_wanted() {
    for (retries, seconds) in [(1, 3), (2, 7), (5, 63)] {
        let mut host = host();
        let id = host.stack.tcp_open().unwrap();
        set(&mut host, id, |options| options.syn_retries = Some(retries));
        host.stack.tcp_connect(id, to(PEER.address, PEER_PORT), host.now).unwrap();
        let mut count = sent(&mut host).len();
        count += host.run(Duration::from_secs(200)).iter().filter_map(as_tcp).count();
        assert_eq!(count, 1 + usize::from(retries));
        assert_eq!(host.stack.tcp_take_error(id), Some(TcpError::TimedOut));
        let mut other = self::host();
        let id = other.stack.tcp_open().unwrap();
        set(&mut other, id, |options| options.syn_retries = Some(retries));
        other.stack.tcp_connect(id, to(PEER.address, PEER_PORT), other.now).unwrap();
        other.run(Duration::from_secs(seconds - 1));
        assert_eq!(other.stack.tcp_state(id), Some(TcpState::SynSent));
        other.run(Duration::from_secs(2));
        assert_eq!(other.stack.tcp_state(id), Some(TcpState::Closed));
    }
}
