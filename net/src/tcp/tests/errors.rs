//! ICMPv6 errors about segments.

use super::*;
use crate::socket::{ErrorMeta, ErrorOrigin, ReceiveError, SocketError};

fn unreachable(code: DestinationUnreachableCode) -> impl Fn(&[u8]) -> Icmpv6Message<'_> {
    move |invoking| Icmpv6Message::DestinationUnreachable { code, invoking }
}

/// Rows: ICMP-13, MUST-54, SHLD-25, SHLD-26, MUST-55, MUST-56
#[test]
fn an_attempt_to_connect_fails_and_tells_why_in_detail() {
    for wanted in [false, true] {
        let mut host = host();
        let id = host.stack.tcp_open().unwrap();
        set(&mut host, id, |options| options.receive_errors = wanted);
        host.stack.tcp_connect(id, to(PEER.address, PEER_PORT), host.now).unwrap();
        let syn = host.sent().remove(0);
        complain(&mut host, &syn, unreachable(DestinationUnreachableCode::Prohibited));
        assert_eq!(host.events(), [crate::event::Event::Tcp(id)]);
        assert_eq!(host.stack.tcp_state(id), Some(TcpState::Closed));
        assert!(host.stack.tcp_readiness(id).unwrap().error);
        assert_eq!(host.stack.tcp_take_error(id), Some(TcpError::Prohibited));
        assert_eq!(host.stack.tcp_readiness(id).unwrap().error, wanted);
        if wanted {
            let take = |meta: &ErrorMeta, quoted: &[u8]| (*meta, quoted.to_vec());
            let (error, quoted) = host.stack.tcp_receive_error(id, take).unwrap();
            assert_eq!(error.error, SocketError::Prohibited);
            assert_eq!(error.origin, ErrorOrigin::Icmpv6 { message_type: 1, code: 1 });
            assert_eq!(error.destination, to(PEER.address, PEER_PORT));
            assert_eq!(*error.offender.ip(), PEER.address);
            // From the TCP header on, as on Linux.
            assert_eq!(quoted, syn.packet[Ipv6Header::LEN..]);
        }
        assert_eq!(host.stack.tcp_receive_error(id, |_, _| ()), Err(ReceiveError::WouldBlock));
        host.stack.tcp_close(id, host.now);
        assert_eq!(host.stack.tcp_receive_error(id, |_, _| ()), Err(ReceiveError::Closed));
    }
}

#[test]
fn what_is_queued_goes_with_the_socket_or_the_option() {
    for close in [false, true] {
        let mut host = host();
        for _ in 0..3 * crate::limits::TCP_ERRORS {
            let id = host.stack.tcp_open().unwrap();
            set(&mut host, id, |options| options.receive_errors = true);
            host.stack.tcp_connect(id, to(PEER.address, PEER_PORT), host.now).unwrap();
            let syn = host.sent().remove(0);
            complain(&mut host, &syn, unreachable(DestinationUnreachableCode::NoRoute));
            assert!(host.stack.tcp_take_error(id).is_some());
            assert!(host.stack.tcp_readiness(id).unwrap().error);
            if close {
                host.stack.tcp_close(id, host.now);
            } else {
                host.stack.tcp_disconnect(id, host.now);
                assert!(host.stack.tcp_readiness(id).unwrap().error);
                set(&mut host, id, |options| options.receive_errors = false);
                assert!(!host.stack.tcp_readiness(id).unwrap().error);
                host.stack.tcp_close(id, host.now);
            }
        }
    }
}

/// Rows: MUST-47, SHLD-20, MUST-54
#[test]
fn an_open_connection_goes_on() {
    for wanted in [false, true] {
        let mut host = host();
        let mut peer = open(&mut host);
        set(&mut host, peer.id, |options| options.receive_errors = wanted);
        write(&mut host, peer.id, b"hello").unwrap();
        let data = host.sent().remove(0);
        complain(&mut host, &data, |invoking| Icmpv6Message::TimeExceeded {
            code: TimeExceededCode::HopLimit,
            invoking,
        });
        let expected = wanted.then_some(TcpError::HostUnreachable);
        assert_eq!(host.stack.tcp_take_error(peer.id), expected);
        assert_eq!(host.stack.tcp_state(peer.id), Some(TcpState::Established));
        peer.ack += 5;
        peer.send(&mut host, "A", b"back");
        assert_eq!(read(&mut host, peer.id, 9).unwrap(), b"back");
    }
}

/// Rows: ICMP-14
#[test]
fn an_error_about_what_is_not_in_flight_is_nothing() {
    let mut host = host();
    let mut peer = open(&mut host);
    set(&mut host, peer.id, |options| options.receive_errors = true);
    write(&mut host, peer.id, b"hello").unwrap();
    let data = host.sent().remove(0);
    peer.ack += 5;
    peer.send(&mut host, "A", &[]);
    complain(&mut host, &data, unreachable(DestinationUnreachableCode::PortUnreachable));
    complain(&mut host, &data, |invoking| Icmpv6Message::PacketTooBig { mtu: 1280, invoking });
    assert_eq!(host.stack.tcp_take_error(peer.id), None);
    assert_eq!(host.stack.tcp_path_mtu(peer.id), Some(1500));
}
