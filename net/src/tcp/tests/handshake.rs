//! What the two sides agree on when a connection opens, and how long it is tried.

use super::*;
use crate::wire::ipv6::{HopLimit, TrafficClass};

/// The peer answers a connect with these options; the window of the answer is [`WINDOW`].
fn open_with(host: &mut Host, options: TcpOptions) -> (Conversation, TcpHeader) {
    let id = connect(host);
    let (syn, _) = sent_one(host);
    let mut peer = Conversation { id, port: syn.source_port, seq: IRS, ack: syn.sequence + 1 };
    let mut answer = TcpHeader { options, ..peer.segment("SA") };
    if let (Some(theirs), Some(ours)) = (&mut answer.options.timestamps, syn.options.timestamps) {
        theirs.echo_reply = ours.value;
    }
    arrive(host, answer, &[]);
    peer.seq += 1;
    assert_eq!(sent_one(host).0.flags, TcpFlags::ACK);
    (peer, syn)
}

fn mss(size: u16) -> TcpOptions {
    TcpOptions { maximum_segment_size: Some(size), ..TcpOptions::NONE }
}

fn stamps(value: u32) -> Timestamps {
    Timestamps { value, echo_reply: 0 }
}

/// Rows: MUST-14, MUST-67, SHLD-5, TCP-WS, TCP-TS, TCP-SACK-R
/// SO_REUSEPORT: each listener gets its part of the connections.
#[test]
fn listeners_that_share_a_port_share_its_connections() {
    let mut host = host();
    let mut share = || {
        let id = host.stack.tcp_open().unwrap();
        set(&mut host, id, |options| options.reuse_port = true);
        host.stack.tcp_bind(id, to(Ipv6Addr::UNSPECIFIED, PORT)).unwrap();
        host.stack.tcp_listen(id, 64).unwrap();
        id
    };
    let ids = [share(), share(), share()];
    let mut parts = [0; 3];
    for port in 1000..1060 {
        let from = |header| TcpHeader { source_port: port, ..header };
        arrive(&mut host, from(segment("S", IRS, SequenceNumber(0))), &[]);
        let (answer, _) = sent_one(&mut host);
        arrive(&mut host, from(segment("A", IRS + 1, answer.sequence + 1)), &[]);
        let accepted = ids.map(|id| host.stack.tcp_accept(id).is_ok());
        assert_eq!(accepted.iter().filter(|&&accepted| accepted).count(), 1, "port {port}");
        for (part, accepted) in parts.iter_mut().zip(accepted) {
            *part += u32::from(accepted);
        }
        host.events();
    }
    assert!(parts.iter().all(|part| (8..=36).contains(part)), "{parts:?}");
}

#[test]
fn a_syn_offers_everything() {
    let mut host = host();
    connect(&mut host);
    let options = sent_one(&mut host).0.options;
    // What fits the interface behind the two headers without options.
    assert_eq!(options.maximum_segment_size, Some(1440));
    assert!(options.window_scale.is_some_and(|shift| shift <= 14));
    assert!(options.sack_permitted);
    assert!(options.timestamps.is_some_and(|stamps| stamps.echo_reply == 0));
}

/// Rows: MUST-15, MUST-65
#[test]
fn without_a_word_from_the_other_side_segments_have_1220_octets() {
    let mut host = host();
    let peer = open(&mut host);
    write(&mut host, peer.id, &[7; 5000]).unwrap();
    let sent = sent(&mut host);
    let lens: Vec<_> = sent.iter().map(|(_, data)| data.len()).collect();
    assert_eq!(lens[..4], [1220; 4]);
    assert!(sent.iter().all(|(header, _)| header.options.is_empty()), "agreed on nothing");
}

/// Rows: MUST-16, TCP-TS
#[test]
fn options_take_from_the_segment_size() {
    let mut host = host();
    let options = TcpOptions { timestamps: Some(stamps(1)), ..mss(1000) };
    let (peer, syn) = open_with(&mut host, options);
    write(&mut host, peer.id, &[7; 3000]).unwrap();
    let sent = sent(&mut host);
    assert_eq!(sent[0].1.len(), 988);
    for (header, _) in &sent {
        let stamps = header.options.timestamps.expect("agreed on, so on every segment");
        assert_eq!(stamps.echo_reply, 1);
        assert!(stamps.value.wrapping_sub(syn.options.timestamps.unwrap().value) < 1 << 31);
    }
}

/// Rows: TCP-MSSMIN
#[test]
fn a_tiny_segment_size_is_not_believed() {
    for size in [0, 1, 47] {
        let mut host = host();
        let (peer, _) = open_with(&mut host, mss(size));
        write(&mut host, peer.id, &[7; 1000]).unwrap();
        assert!(sent(&mut host)[0].1.len() >= 48, "{size}");
    }
}

/// The window of a SYN is as it says, all others are shifted; neither is without both options.
/// Rows: TCP-WS
#[test]
fn windows_are_scaled_if_both_sides_say_so() {
    for (theirs, scaled) in [(None, false), (Some(2), true)] {
        let mut host = host();
        let options = TcpOptions { window_scale: theirs, ..mss(1440) };
        let (mut peer, syn) = open_with(&mut host, options);
        let ours = syn.options.window_scale.unwrap();
        // A window of 2000 now, or of 8000.
        let header = TcpHeader { window: 2000, ..peer.segment("A") };
        arrive(&mut host, header, &[]);
        write(&mut host, peer.id, &vec![7; 20_000]).unwrap();
        let octets: usize = sent(&mut host).iter().map(|(_, data)| data.len()).sum();
        let window = if scaled { 8000 } else { 2000 };
        assert!(octets <= window && octets + 1440 > window, "{octets} of {window}");
        peer.ack += octets as u32;
        let info = host.stack.tcp_info(peer.id, host.now).unwrap();
        assert_eq!(info.window_shifts, scaled.then_some((2, ours)));
    }
}

/// More than 14 counts as 14 (RFC 7323, Section 2.3).
/// Rows: TCP-WS
#[test]
fn a_shift_too_far_is_the_farthest() {
    let mut host = host();
    let options = TcpOptions { window_scale: Some(200), ..mss(1440) };
    let (peer, _) = open_with(&mut host, options);
    let info = host.stack.tcp_info(peer.id, host.now).unwrap();
    assert_eq!(info.window_shifts.unwrap().0, 14);
}

/// Rows: TCP-PAWS
#[test]
fn segments_from_the_past_are_dropped_and_answered() {
    let mut host = host();
    let options = TcpOptions { timestamps: Some(stamps(1000)), ..mss(1440) };
    let (mut peer, syn) = open_with(&mut host, options);
    let echo = syn.options.timestamps.unwrap().value;
    let at = |peer: &Conversation, flags: &str, value: u32| {
        let stamps = Some(Timestamps { value, echo_reply: echo });
        let options = TcpOptions { timestamps: stamps, ..TcpOptions::NONE };
        TcpHeader { options, ..peer.segment(flags) }
    };
    let newer = at(&peer, "A", 1010);
    arrive(&mut host, newer, b"new");
    peer.seq += 3;
    assert_eq!(read(&mut host, peer.id, 99).unwrap(), b"new");
    let older = at(&peer, "A", 1009);
    host.run(Duration::from_secs(1));
    arrive(&mut host, older, b"old");
    assert_eq!(read(&mut host, peer.id, 99), Err(TcpReceiveError::WouldBlock));
    let (answer, _) = sent_one(&mut host);
    assert_eq!(answer.acknowledgment, peer.seq);
    // A reset counts whatever its time.
    let reset = at(&peer, "RA", 1);
    arrive(&mut host, reset, &[]);
    assert_eq!(host.stack.tcp_take_error(peer.id), Some(TcpError::ConnectionReset));
}

/// Rows: MUST-43, MUST-44, MUST-45, MUST-46
#[test]
fn the_local_address_is_chosen_and_kept_and_groups_have_no_streams() {
    let mut host = host();
    let peer = open(&mut host);
    let local = host.stack.tcp_local_address(peer.id).unwrap();
    assert_eq!(*local.ip(), ip(OWN));
    let new = address_at_once(ip("2001:db8::8"));
    host.stack.add_address(USB0, &new, false, host.now).unwrap();
    write(&mut host, peer.id, b"x").unwrap();
    let seen = host.sent();
    assert!(seen.iter().filter(|seen| as_tcp(seen).is_some()).all(|s| s.header.source == ip(OWN)));

    let id = host.stack.tcp_open().unwrap();
    for group in ["ff02::1", "ff0e::1"] {
        let refused = host.stack.tcp_connect(id, to(ip(group), PEER_PORT), host.now);
        assert!(refused.is_err(), "{group}");
    }
    assert!(sent(&mut host).is_empty());
}

/// Rows: MUST-48, SHLD-21, SHLD-22, SHLD-23, MAY-9, MUST-49
#[test]
fn traffic_class_and_hop_limit_are_the_users() {
    let mut host = host();
    let peer = open(&mut host);
    set(&mut host, peer.id, |options| {
        options.no_delay = true;
        options.traffic_class = TrafficClass(0xb8);
        options.unicast_hops = Some(HopLimit(9));
    });
    write(&mut host, peer.id, b"x").unwrap();
    let seen = host.sent().remove(0);
    assert_eq!((seen.header.traffic_class.0, seen.header.hop_limit), (0xb8, HopLimit(9)));
    set(&mut host, peer.id, |options| options.traffic_class = TrafficClass(0x28));
    write(&mut host, peer.id, b"y").unwrap();
    assert_eq!(host.sent().remove(0).header.traffic_class.0, 0x28);
}

/// Rows: MUST-22, MUST-23, MUST-19, TCP-IW
#[test]
fn a_connection_is_tried_for_three_minutes_ever_more_seldom() {
    let mut host = host();
    let id = connect(&mut host);
    let mut times = vec![host.now];
    assert_eq!(sent(&mut host).len(), 1);
    let seen = host.run(Duration::from_secs(179));
    times.extend(seen.iter().filter(|seen| as_tcp(seen).is_some()).map(|seen| seen.at));
    assert!(times.len() > 4, "{times:?}");
    let pauses: Vec<_> =
        times.windows(2).map(|pair| pair[1].saturating_since(pair[0]).as_millis()).collect();
    assert!((900..=1100).contains(&pauses[0]), "{pauses:?}");
    assert!(pauses.windows(2).all(|pair| pair[1] >= 2 * pair[0] - 10), "{pauses:?}");
    assert_eq!(host.stack.tcp_state(id), Some(TcpState::SynSent));
    host.run(Duration::from_secs(200));
    assert_eq!(host.stack.tcp_take_error(id), Some(TcpError::TimedOut));
}

/// A lost SYN speaks of a crowded path: one segment to begin with (RFC 5681, Section 3.1).
/// Rows: TCP-IW
#[test]
fn after_a_lost_syn_the_first_window_is_one_segment() {
    for lost in [false, true] {
        let mut host = host();
        let id = connect(&mut host);
        let (syn, _) = sent_one(&mut host);
        if lost {
            let again = host.run(Duration::from_millis(1500));
            assert_eq!(again.iter().filter(|seen| as_tcp(seen).is_some()).count(), 1);
        }
        let mut peer = Conversation { id, port: syn.source_port, seq: IRS, ack: syn.sequence + 1 };
        let answer = TcpHeader { options: mss(1440), ..peer.segment("SA") };
        arrive(&mut host, answer, &[]);
        peer.seq += 1;
        sent(&mut host);
        write(&mut host, id, &vec![7; 30_000]).unwrap();
        assert_eq!(sent(&mut host).len(), if lost { 1 } else { 10 });
    }
}
