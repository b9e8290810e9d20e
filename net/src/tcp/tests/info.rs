//! What a connection tells about itself.

use super::*;

#[test]
fn every_octet_and_segment_is_counted() {
    let mut host = host();
    let mut peer = open(&mut host);
    assert_eq!(write(&mut host, peer.id, &[7; 3000]), Ok(3000));
    let lens: Vec<_> = sent(&mut host).iter().map(|(_, data)| data.len()).collect();
    assert_eq!(lens, [1220, 1220, 560]);
    let info = host.stack.tcp_info(peer.id, host.now).unwrap();
    assert_eq!((info.in_flight, info.unsent, info.outstanding.sent), (3000, 0, 3));
    assert_eq!((info.counts.octets_sent, info.counts.octets_acknowledged), (3000, 0));
    // SYN, acknowledgment, data.
    assert_eq!((info.counts.segments_sent, info.counts.data_segments_sent), (5, 3));
    assert_eq!((info.send_mss, info.advertised_mss, info.path_mtu), (1220, 1440, 1500));
    // Nothing comes back: the first segment goes out again.
    host.run(Duration::from_millis(300));
    let info = host.stack.tcp_info(peer.id, host.now).unwrap();
    assert_eq!(info.counts.segments_retransmitted, 1);
    assert_eq!((info.counts.octets_sent, info.counts.octets_retransmitted), (4220, 1220));
    assert_eq!((info.outstanding.lost, info.outstanding.retransmitted), (3, 1));
    assert_eq!((info.retransmits, info.recovery), (1, TcpRecovery::Loss));
    assert!(info.slow_start_threshold.is_some());
    assert_eq!(info.busy, Duration::from_millis(300));
    peer.ack += 3000;
    peer.send(&mut host, "A", b"answer");
    let early = TcpHeader { sequence: peer.seq + 5, ..peer.segment("A") };
    arrive(&mut host, early, b"early");
    host.run(Duration::from_secs(5));
    let info = host.stack.tcp_info(peer.id, host.now).unwrap();
    assert_eq!((info.counts.octets_acknowledged, info.counts.octets_received), (3000, 6));
    // SYN-ACK, two with data.
    assert_eq!((info.counts.segments_received, info.counts.data_segments_received), (3, 2));
    assert_eq!((info.counts.segments_out_of_order, info.counts.delivered), (1, 3));
    assert_eq!((info.unread, info.receive_mss), (6, 6));
    assert_eq!(info.last_data_received, Duration::from_secs(5));
    assert_eq!(info.busy, Duration::from_millis(300));
    assert_eq!(info.recovery, TcpRecovery::Open);
}

#[test]
fn who_holds_the_sender_up() {
    let mut host = host();
    let peer = open(&mut host);
    // The other side's window is full.
    let narrow = TcpHeader { window: 100, ..peer.segment("A") };
    arrive(&mut host, narrow, &[]);
    write(&mut host, peer.id, &[7; 500]).unwrap();
    host.run(Duration::from_millis(500));
    let info = host.stack.tcp_info(peer.id, host.now).unwrap();
    assert_eq!((info.window_limited, info.buffer_limited), (info.busy, Duration::ZERO));
    assert_eq!(info.busy, Duration::from_millis(500));

    // The own buffer is full.
    let mut host = self::host();
    let peer = open(&mut host);
    set(&mut host, peer.id, |options| options.send_buffer = Some(4000));
    while write(&mut host, peer.id, &[7; 4000]).is_ok() {}
    host.run(Duration::from_millis(300));
    let info = host.stack.tcp_info(peer.id, host.now).unwrap();
    assert_eq!((info.window_limited, info.buffer_limited), (Duration::ZERO, info.busy));
    assert_eq!(info.busy, Duration::from_millis(300));
}

#[test]
fn the_list_shows_timers() {
    let mut host = host();
    let listener = listen(&mut host, 5);
    let find = |host: &Host, state| {
        host.stack.tcp_sockets().find(|found| found.state == state).unwrap_or_else(|| {
            panic!("{state}: {:?}", host.stack.tcp_sockets().collect::<Vec<_>>())
        })
    };
    let row = find(&host, TcpState::Listen);
    assert_eq!((row.id, row.send_queue, row.receive_queue), (Some(listener), 5, 0));
    assert_eq!(row.timer, None);
    // Half open.
    let syn = segment("S", IRS, SequenceNumber(0));
    arrive(&mut host, syn, &[]);
    let row = find(&host, TcpState::SynReceived);
    assert_eq!(row.timer, Some((TcpTimer::Retransmit, host.now + Duration::from_secs(1))));
    assert_eq!((row.id, row.retransmits), (None, 0));
    host.run(Duration::from_secs(1));
    assert_eq!(find(&host, TcpState::SynReceived).retransmits, 1);
    // Open, and idle.
    let mut peer = open(&mut host);
    assert_eq!(find(&host, TcpState::Established).timer, None);
    set(&mut host, peer.id, |options| options.keep_alive = true);
    let row = find(&host, TcpState::Established);
    assert_eq!(row.timer.unwrap().0, TcpTimer::KeepAlive);
    assert_eq!((row.id, row.congestion_window), (Some(peer.id), 10));
    assert_eq!(row.slow_start_threshold, None);
    write(&mut host, peer.id, b"hello").unwrap();
    let row = find(&host, TcpState::Established);
    assert_eq!((row.timer.unwrap().0, row.send_queue), (TcpTimer::Retransmit, 5));
    // The window closes.
    peer.ack += 5;
    let closed = TcpHeader { window: 0, ..peer.segment("A") };
    arrive(&mut host, closed, &[]);
    write(&mut host, peer.id, b"hello").unwrap();
    assert_eq!(find(&host, TcpState::Established).timer.unwrap().0, TcpTimer::Probe);
    assert_eq!(host.stack.tcp_unsent(peer.id), 5);
    host.run(Duration::from_secs(2));
    assert!(find(&host, TcpState::Established).probes > 0);
    assert_eq!(find(&host, TcpState::Established).retransmits, 0);
}
