//! A flood of SYNs.

use super::*;
use crate::config::TcpSettings;
use crate::counters::DropReason;
use crate::limits::TCP_HALF_OPEN;

/// A SYN of the peer's `port`, with all options.
fn syn(port: u16) -> TcpHeader {
    let options = TcpOptions {
        maximum_segment_size: Some(1440),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 1000, echo_reply: 0 }),
        ..TcpOptions::NONE
    };
    TcpHeader { source_port: port, options, ..segment("S", IRS, SequenceNumber(0)) }
}

/// So many SYNs that one more finds no room.
fn flood(host: &mut Host) {
    for port in 0..TCP_HALF_OPEN as u16 {
        arrive(host, syn(10_000 + port), &[]);
        assert!(sent_one(host).0.flags.contains(TcpFlags::SYN | TcpFlags::ACK));
    }
    assert_eq!(host.stack.tcp_entries(), (0, TCP_HALF_OPEN));
    assert_eq!(counts(host), (0, 0, 0));
}

/// Cookies sent, received and failed.
fn counts(host: &Host) -> (u64, u64, u64) {
    let tcp = host.stack.node_counters().tcp;
    (tcp.syn_cookies_sent, tcp.syn_cookies_received, tcp.syn_cookies_failed)
}

/// The acknowledgment of a SYN-ACK.
fn answer(syn: &TcpHeader, syn_ack: &TcpHeader) -> TcpHeader {
    let timestamps = syn_ack
        .options
        .timestamps
        .map(|stamps| Timestamps { value: 1010, echo_reply: stamps.value });
    TcpHeader {
        source_port: syn.source_port,
        window: 500,
        options: TcpOptions { timestamps, ..TcpOptions::NONE },
        ..segment("A", syn.sequence + 1, syn_ack.sequence + 1)
    }
}

/// Rows: TCP-SYNC
#[test]
fn connections_come_in_during_a_flood_with_all_that_was_offered() {
    let mut host = host();
    let listener = listen(&mut host, 5);
    flood(&mut host);
    let syn = syn(PEER_PORT);
    arrive(&mut host, syn, &[]);
    let (syn_ack, _) = sent_one(&mut host);
    assert_eq!(syn_ack.flags, TcpFlags::SYN | TcpFlags::ACK);
    assert_eq!(syn_ack.acknowledgment, IRS + 1);
    assert_eq!((counts(&host), host.stack.tcp_entries()), ((1, 0, 0), (0, TCP_HALF_OPEN)));
    assert!(host.stack.tcp_readiness(listener).is_some_and(|ready| !ready.readable));
    // It comes back with the first data.
    let answer = answer(&syn, &syn_ack);
    arrive(&mut host, answer, b"hello");
    assert_eq!(counts(&host), (1, 1, 0));
    let (id, remote) = host.stack.tcp_accept(listener).unwrap();
    assert_eq!(remote, to(PEER.address, PEER_PORT));
    assert_eq!(read(&mut host, id, 9).unwrap(), b"hello");
    let info = host.stack.tcp_info(id, host.now).unwrap();
    assert_eq!((info.peer_mss, info.sack, info.timestamps), (1440, true, true));
    assert_eq!(info.window_shifts.unwrap().0, 7);
    assert_eq!(info.send_window, 500 << 7);
    // Its own timestamps go on from the one that was changed.
    let (ack, _) = sent_one(&mut host);
    let stamps = |header: &TcpHeader| header.options.timestamps.unwrap();
    let later = stamps(&ack).value.wrapping_sub(stamps(&syn_ack).value);
    assert!(later < 64, "{later}");
    assert_eq!(stamps(&ack).echo_reply, 1010);
}

#[test]
fn ecn_is_agreed_on_during_a_flood_if_there_are_timestamps() {
    for (stamps, mode, agreed) in [
        (true, EcnMode::Accept, true),
        (false, EcnMode::Accept, false),
        (true, EcnMode::Off, false),
    ] {
        let tcp = TcpSettings { ecn: mode, ..TcpSettings::default() };
        let mut host = host_with(Config { tcp, ..Config::default() });
        let listener = listen(&mut host, 5);
        flood(&mut host);
        let mut syn = syn(PEER_PORT);
        syn.flags |= TcpFlags::ECE | TcpFlags::CWR;
        if !stamps {
            syn.options.timestamps = None;
        }
        arrive(&mut host, syn, &[]);
        let (syn_ack, _) = sent_one(&mut host);
        assert_eq!(counts(&host).0, 1);
        assert_eq!(syn_ack.flags.contains(TcpFlags::ECE), agreed);
        let answer = answer(&syn, &syn_ack);
        arrive(&mut host, answer, &[]);
        let (id, _) = host.stack.tcp_accept(listener).unwrap();
        assert_eq!(host.stack.tcp_info(id, host.now).unwrap().ecn, agreed);
    }
}

#[test]
fn without_timestamps_the_options_are_lost() {
    let mut host = host();
    let listener = listen(&mut host, 5);
    flood(&mut host);
    let mut syn = syn(PEER_PORT);
    syn.options.timestamps = None;
    arrive(&mut host, syn, &[]);
    let (syn_ack, _) = sent_one(&mut host);
    let answer = answer(&syn, &syn_ack);
    arrive(&mut host, answer, &[]);
    let (id, _) = host.stack.tcp_accept(listener).unwrap();
    let info = host.stack.tcp_info(id, host.now).unwrap();
    assert_eq!((info.peer_mss, info.sack, info.timestamps), (1440, false, false));
    assert_eq!((info.window_shifts, info.send_window), (None, 500));
}

#[test]
fn what_is_no_cookie_is_reset() {
    let mut host = host();
    let _listener = listen(&mut host, 5);
    let guess = segment("A", IRS + 1, SequenceNumber(12_345));
    // Nobody expects one.
    arrive(&mut host, guess, &[]);
    assert_eq!(sent_one(&mut host).0.flags, TcpFlags::RST);
    assert_eq!(counts(&host), (0, 0, 0));
    flood(&mut host);
    let syn = syn(PEER_PORT);
    arrive(&mut host, syn, &[]);
    let (syn_ack, _) = sent_one(&mut host);
    arrive(&mut host, guess, &[]);
    assert_eq!(sent_one(&mut host).0.flags, TcpFlags::RST);
    assert_eq!(counts(&host), (1, 0, 1));
    // Too late.
    host.run(Duration::from_secs(121));
    let late = answer(&syn, &syn_ack);
    arrive(&mut host, late, &[]);
    assert_eq!(sent_one(&mut host).0.flags, TcpFlags::RST);
    assert_eq!(host.stack.tcp_entries(), (0, 0));
    // There is room again, so there is no cookie.
    arrive(&mut host, syn, &[]);
    assert_eq!((counts(&host).0, host.stack.tcp_entries()), (1, (0, 1)));
}

/// Rows: TCP-SYNC, TCP-BKL
#[test]
fn a_cookie_waits_for_room_to_be_accepted() {
    let mut host = host();
    let listener = listen(&mut host, 0);
    flood(&mut host);
    let syns = [syn(1), syn(2)];
    let answers = syns.map(|syn| {
        arrive(&mut host, syn, &[]);
        answer(&syn, &sent_one(&mut host).0)
    });
    arrive(&mut host, answers[0], &[]);
    arrive(&mut host, answers[1], b"hello");
    // Neither a connection nor a reset.
    assert_eq!(sent(&mut host), []);
    assert_eq!(host.stack.node_counters().tcp.listen_overflows, 1);
    assert_eq!(host.stack.tcp_accept(listener).unwrap().1.port(), 1);
    assert_eq!(host.stack.tcp_accept(listener), Err(TcpAcceptError::WouldBlock));
    // The other side tries again.
    arrive(&mut host, answers[1], b"hello");
    let (id, remote) = host.stack.tcp_accept(listener).unwrap();
    assert_eq!((remote.port(), read(&mut host, id, 9).unwrap()), (2, b"hello".to_vec()));
}

#[test]
fn they_can_be_turned_off() {
    let tcp = TcpSettings { syn_cookies: false, ..TcpSettings::default() };
    let mut host = host_with(Config { tcp, ..Config::default() });
    let _listener = listen(&mut host, 5);
    flood(&mut host);
    arrive(&mut host, syn(PEER_PORT), &[]);
    assert_eq!((sent(&mut host).len(), counts(&host)), (0, (0, 0, 0)));
    assert_eq!(host.drops(DropReason::TcpHalfOpenFull), 1);
}
