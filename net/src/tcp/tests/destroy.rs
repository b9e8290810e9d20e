//! Connections that are ended from outside.

use super::*;
use crate::event::Event;

fn only(host: &Host, state: TcpState) -> TcpSummary {
    let mut found = host.stack.tcp_sockets().filter(|summary| summary.state == state);
    let summary = found.next().unwrap();
    assert!(found.next().is_none());
    summary
}

fn destroy(host: &mut Host, summary: &TcpSummary) -> bool {
    let now = host.now;
    host.stack.tcp_destroy(summary, now)
}

#[test]
fn both_sides_of_a_connection_are_told() {
    let mut host = host();
    let peer = open(&mut host);
    let summary = only(&host, TcpState::Established);
    assert!(destroy(&mut host, &summary));
    assert!(sent_one(&mut host).0.flags.contains(TcpFlags::RST));
    assert_eq!(host.events(), [Event::Tcp(peer.id)]);
    assert_eq!(host.stack.tcp_take_error(peer.id), Some(TcpError::Aborted));
    assert_eq!(host.stack.tcp_state(peer.id), Some(TcpState::Closed));
    assert!(!destroy(&mut host, &summary), "it is over");
    assert_eq!(host.stack.counters.tcp.established_resets, 1);
}

#[test]
fn an_attempt_ends_silently_for_the_other_side() {
    let mut host = host();
    let id = connect(&mut host);
    assert_eq!(sent_one(&mut host).0.flags, TcpFlags::SYN);
    let summary = only(&host, TcpState::SynSent);
    assert!(destroy(&mut host, &summary));
    assert_eq!(sent(&mut host), []);
    assert_eq!(host.stack.tcp_take_error(id), Some(TcpError::Aborted));
}

#[test]
fn a_connection_that_nobody_owns_is_freed() {
    let mut host = host();
    let peer = open(&mut host);
    let now = host.now;
    host.stack.tcp_close(peer.id, now);
    host.sent();
    let summary = only(&host, TcpState::FinWait1);
    assert_eq!(summary.id, None);
    assert!(destroy(&mut host, &summary));
    assert!(sent_one(&mut host).0.flags.contains(TcpFlags::RST));
    assert!(!host.stack.tcp_sockets().any(|other| other.state == TcpState::FinWait1));
}

#[test]
fn half_open_ones_and_listeners_are_forgotten() {
    let mut host = host();
    let listener = listen(&mut host, 4);
    arrive(&mut host, segment("S", IRS, SequenceNumber(0)), b"");
    host.sent();
    let summary = only(&host, TcpState::SynReceived);
    assert!(destroy(&mut host, &summary));
    assert_eq!(sent(&mut host), []);
    assert!(!host.stack.tcp_sockets().any(|other| other.state == TcpState::SynReceived));

    let summary = only(&host, TcpState::Listen);
    assert!(destroy(&mut host, &summary));
    assert_eq!(host.events(), [Event::Tcp(listener)]);
    assert!(matches!(host.stack.tcp_accept(listener), Err(TcpAcceptError::NotListening)));
    assert!(!destroy(&mut host, &summary));
}
