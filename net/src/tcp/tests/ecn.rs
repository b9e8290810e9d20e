//! ECN on the wire (RFC 3168, Section 6.1).

use super::*;
use crate::wire::ipv6::Ecn;

const BOTH: TcpFlags = TcpFlags::ECE.union(TcpFlags::CWR);

fn host_in(mode: EcnMode) -> Host {
    let mut config = Config::default();
    config.tcp.ecn = mode;
    host_with(config)
}

/// What the host has sent: header, octets of data, and the packet's ECN field.
fn sent_marked(host: &mut Host) -> Vec<(TcpHeader, usize, Ecn)> {
    let seen = host.sent();
    seen.iter()
        .filter_map(|seen| {
            let (header, data) = as_tcp(seen)?;
            Some((header, data.len(), seen.header.traffic_class.ecn()))
        })
        .collect()
}

/// A segment arrives in a packet that the network has marked.
fn arrive_marked(host: &mut Host, header: TcpHeader, data: &[u8]) {
    let mut packet = tcp_packet((PEER.address, ip(OWN)), &header, data);
    packet[1] |= (Ecn::CongestionExperienced as u8) << 4;
    host.packet(PEER, &packet);
}

/// The host connects and the peer agrees on ECN.
fn open_with_ecn(host: &mut Host) -> Conversation {
    let id = connect(host);
    let [(syn, 0, Ecn::NotCapable)] = sent_marked(host)[..] else { panic!("one SYN, unmarked") };
    assert_eq!(syn.flags, TcpFlags::SYN | BOTH);
    let ack = syn.sequence + 1;
    let mut peer = Conversation { id, port: syn.source_port, seq: IRS, ack };
    let mut answer = peer.segment("SA");
    answer.flags |= TcpFlags::ECE;
    arrive(host, answer, &[]);
    peer.seq += 1;
    assert_eq!(sent_one(host).0.flags, TcpFlags::ACK);
    assert!(host.stack.tcp_info(id, host.now).unwrap().ecn);
    peer
}

/// Sections 6.1.4 and 6.1.5: data is ECN-capable, acknowledgments and retransmissions are not.
/// Rows: TCP-ECN, SHLD-8
#[test]
fn only_new_data_is_capable() {
    let mut host = host_in(EcnMode::Request);
    let mut peer = open_with_ecn(&mut host);
    write(&mut host, peer.id, b"data").unwrap();
    let [(_, 4, Ecn::Capable0)] = sent_marked(&mut host)[..] else { panic!("data, capable") };
    peer.send(&mut host, "A", b"question");
    let [(ack, 0, Ecn::NotCapable)] = sent_marked(&mut host)[..] else { panic!("an answer") };
    assert_eq!(ack.flags, TcpFlags::ACK);
    let again = host.run(Duration::from_millis(500));
    let again: Vec<_> = again.iter().filter(|seen| as_tcp(seen).is_some()).collect();
    assert!(!again.is_empty());
    for seen in again {
        assert_eq!(seen.header.traffic_class.ecn(), Ecn::NotCapable);
    }
}

/// Whatever the user sets IPV6_TCLASS to: the ECN field is TCP's.
/// Rows: IP-17
#[test]
fn the_ecn_field_is_not_the_users() {
    let mut host = host_in(EcnMode::Request);
    let peer = open_with_ecn(&mut host);
    set(&mut host, peer.id, |options| options.traffic_class.0 = 0b1011_1011);
    write(&mut host, peer.id, b"data").unwrap();
    let seen = host.sent();
    assert_eq!(seen[0].header.traffic_class.0, 0b1011_1010);
    arrive(&mut host, peer.segment("AF"), &[]);
    let seen = host.sent();
    assert_eq!(seen[0].header.traffic_class.0, 0b1011_1000);
}

/// Section 6.1.1.1: a path that loses SYNs with ECN gets one without.
#[test]
fn a_lost_syn_is_sent_again_without_ecn() {
    let mut host = host_in(EcnMode::Request);
    let id = connect(&mut host);
    assert_eq!(sent_one(&mut host).0.flags, TcpFlags::SYN | BOTH);
    let again = host.run(Duration::from_millis(1500));
    let (syn, _) = again.iter().find_map(as_tcp).unwrap();
    assert_eq!(syn.flags, TcpFlags::SYN);
    let peer = Conversation { id, port: syn.source_port, seq: IRS, ack: syn.sequence + 1 };
    let mut answer = peer.segment("SA");
    answer.flags |= TcpFlags::ECE;
    arrive(&mut host, answer, &[]);
    assert!(!host.stack.tcp_info(id, host.now).unwrap().ecn);
}

/// What each mode answers to a SYN with and without the question.
#[test]
fn the_answer_to_a_syn() {
    for (mode, asked, expected) in [
        (EcnMode::Off, BOTH, false),
        (EcnMode::Accept, BOTH, true),
        (EcnMode::Request, BOTH, true),
        (EcnMode::Accept, TcpFlags::empty(), false),
        (EcnMode::Accept, TcpFlags::ECE, false),
        (EcnMode::Accept, TcpFlags::CWR, false),
        // A peer with accurate ECN (RFC 9768) takes the plain one.
        (EcnMode::Accept, BOTH.union(TcpFlags::AE), true),
    ] {
        let mut host = host_in(mode);
        let listener = listen(&mut host, 4);
        let mut syn = segment("S", IRS, SequenceNumber(0));
        syn.flags |= asked;
        arrive(&mut host, syn, &[]);
        let [(answer, 0, Ecn::NotCapable)] = sent_marked(&mut host)[..] else { panic!("{mode:?}") };
        let expected_flags = if expected { TcpFlags::ECE } else { TcpFlags::empty() };
        assert_eq!(answer.flags, TcpFlags::SYN | TcpFlags::ACK | expected_flags, "{mode:?}");
        arrive(&mut host, segment("A", IRS + 1, answer.sequence + 1), &[]);
        let (id, _) = host.stack.tcp_accept(listener).unwrap();
        assert_eq!(host.stack.tcp_info(id, host.now).unwrap().ecn, expected, "{mode:?}");
    }
}

/// Section 6.1.3: the receiver echoes a mark, at once, until it hears CWR.
/// Rows: TCP-ECN
#[test]
fn marks_are_echoed() {
    let mut host = host_in(EcnMode::Request);
    let mut peer = open_with_ecn(&mut host);
    let header = peer.segment("A");
    arrive_marked(&mut host, header, b"marked");
    peer.seq += 6;
    assert_eq!(sent_one(&mut host).0.flags, TcpFlags::ACK | TcpFlags::ECE);
    write(&mut host, peer.id, b"data").unwrap();
    let (data, _) = sent_one(&mut host);
    assert!(data.flags.contains(TcpFlags::ECE));
    let mut answer = peer.segment("A");
    answer.flags |= TcpFlags::CWR;
    answer.acknowledgment = data.sequence + 4;
    arrive(&mut host, answer, b"slower");
    assert_eq!(sent_one(&mut host).0.flags, TcpFlags::ACK);
}

/// Section 6.1.2: one reduction in a round trip, told with CWR on new data.
/// Rows: TCP-ECN
#[test]
fn the_sender_slows_down_once_in_a_round_trip() {
    for algorithm in [CongestionAlgorithm::Cubic, CongestionAlgorithm::NewReno] {
        let mut host = host_in(EcnMode::Request);
        let peer = open_with_ecn(&mut host);
        set(&mut host, peer.id, |options| options.congestion = algorithm);
        let window = |host: &Host| host.stack.tcp_info(peer.id, host.now).unwrap();
        let before = window(&host).congestion_window;
        write(&mut host, peer.id, &vec![7; 60_000]).unwrap();
        let flight = sent_marked(&mut host);
        assert_eq!(flight.iter().map(|(_, len, _)| *len as u32).sum::<u32>(), before);
        assert!(flight.iter().all(|(header, ..)| !header.flags.contains(TcpFlags::CWR)));
        // Each acknowledgment echoes the mark of the first segment.
        let mut told = 0;
        for (header, len, _) in &flight {
            let mut echo = peer.segment("A");
            echo.flags |= TcpFlags::ECE;
            echo.acknowledgment = header.sequence + *len as u32;
            arrive(&mut host, echo, &[]);
            for (header, len, _) in sent_marked(&mut host) {
                assert!(len > 0);
                told += u32::from(header.flags.contains(TcpFlags::CWR));
            }
        }
        assert_eq!(told, 1, "{algorithm:?}");
        let after = window(&host);
        let share = if algorithm == CongestionAlgorithm::Cubic { 70 } else { 50 };
        let threshold = after.slow_start_threshold.unwrap();
        assert!(threshold.abs_diff(before * share / 100) <= 2, "{algorithm:?}: {threshold}");
        assert!(after.congestion_window < before, "{algorithm:?}");
        assert_eq!(host.stack.node_counters().tcp.retransmitted_segments, 0);
        assert!(host.stack.node_counters().tcp.marks_delivered >= flight.len() as u64);
        // The next round trip's echo is another one.
        let mut echo = peer.segment("A");
        echo.flags |= TcpFlags::ECE;
        let info = window(&host);
        let una = flight.last().map(|(header, len, _)| header.sequence + *len as u32).unwrap();
        echo.acknowledgment = una + info.in_flight;
        arrive(&mut host, echo, &[]);
        assert!(window(&host).slow_start_threshold.unwrap() < threshold, "{algorithm:?}");
    }
}

/// Without agreement, marks and flags mean nothing.
#[test]
fn nothing_happens_without_agreement() {
    let mut host = host_in(EcnMode::Accept);
    let mut peer = open(&mut host);
    let mut header = peer.segment("A");
    header.flags |= BOTH;
    let before = host.stack.tcp_info(peer.id, host.now).unwrap().congestion_window;
    arrive_marked(&mut host, header, b"marked");
    peer.seq += 6;
    assert_eq!(sent_one(&mut host).0.flags, TcpFlags::ACK);
    write(&mut host, peer.id, b"data").unwrap();
    let [(_, 4, Ecn::NotCapable)] = sent_marked(&mut host)[..] else { panic!("plain data") };
    let after = host.stack.tcp_info(peer.id, host.now).unwrap();
    assert_eq!((after.congestion_window, after.ecn), (before, false));
}
