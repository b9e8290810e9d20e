//! When what has arrived is acknowledged.

use super::*;

/// Rows: MUST-40, SHLD-18, SHLD-19
#[test]
fn an_acknowledgment_waits_for_a_second_segment_but_not_long() {
    let mut host = host();
    let mut peer = open(&mut host);
    // A connection acknowledges at once while the other side's window is still small.
    for _ in 0..40 {
        peer.send(&mut host, "A", &[7; 1220]);
        read(&mut host, peer.id, 5000).unwrap();
    }
    sent(&mut host);
    host.run(Duration::from_millis(500));
    peer.send(&mut host, "A", &[7; 1220]);
    assert!(sent(&mut host).is_empty());
    let late: Vec<_> = host.run(Duration::from_millis(499)).iter().filter_map(as_tcp).collect();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].0.acknowledgment, peer.seq);
    // At least every second full segment.
    for _ in 0..10 {
        peer.send(&mut host, "A", &[7; 1220]);
        peer.send(&mut host, "A", &[7; 1220]);
        let (header, _) = sent(&mut host).pop().expect("an acknowledgment for two");
        assert_eq!(header.acknowledgment, peer.seq);
    }
}

/// A connection whose first, quick acknowledgments are over, with nothing unread.
fn settled(host: &mut Host) -> Conversation {
    let mut peer = open(host);
    for _ in 0..40 {
        peer.send(host, "A", &[7; 1220]);
        read(host, peer.id, 5000).unwrap();
    }
    host.run(Duration::from_secs(1));
    peer
}

#[test]
fn a_burst_is_acknowledged_once_when_it_is_over() {
    let mut host = host();
    let mut peer = settled(&mut host);
    for length in [2, 3, 8] {
        host.burst(|host| {
            for _ in 0..length {
                peer.send(host, "A", &[7; 1220]);
            }
            assert!(sent(host).is_empty());
        });
        let (header, data) = sent_one(&mut host);
        assert_eq!((header.acknowledgment, data.len()), (peer.seq, 0));
    }
    // One segment alone waits for another, as ever.
    host.burst(|host| peer.send(host, "A", &[7; 1220]));
    assert!(sent(&mut host).is_empty());
    peer.send(&mut host, "A", &[7; 1220]);
    assert_eq!(sent_one(&mut host).0.acknowledgment, peer.seq);
}

#[test]
fn the_first_segments_are_acknowledged_one_by_one_in_a_burst_too() {
    let mut host = host();
    let mut peer = open(&mut host);
    host.burst(|host| {
        for _ in 0..3 {
            peer.send(host, "A", &[7; 1220]);
            assert_eq!(sent_one(host).0.acknowledgment, peer.seq);
        }
    });
    assert!(sent(&mut host).is_empty());
}

#[test]
fn a_hole_in_a_burst_is_told_at_once() {
    let mut host = host();
    let mut peer = settled(&mut host);
    host.burst(|host| {
        peer.send(host, "A", &[7; 1220]);
        peer.send(host, "A", &[7; 1220]);
        let hole = peer.seq;
        peer.seq += 1220;
        for _ in 0..2 {
            peer.send(host, "A", &[7; 1220]);
            assert_eq!(sent_one(host).0.acknowledgment, hole);
        }
    });
    assert!(sent(&mut host).is_empty());
}

/// Rows: MUST-40
#[test]
fn a_burst_of_which_nobody_tells_the_end_is_acknowledged_like_a_segment_alone() {
    let mut host = host();
    let mut peer = settled(&mut host);
    host.in_burst = true;
    for _ in 0..4 {
        peer.send(&mut host, "A", &[7; 1220]);
    }
    assert!(sent(&mut host).is_empty());
    let late: Vec<_> = host.run(Duration::from_millis(499)).iter().filter_map(as_tcp).collect();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].0.acknowledgment, peer.seq);
}

/// Rows: MUST-58, MUST-59, MAY-13, SHLD-31
#[test]
fn a_hole_is_told_at_once_and_filling_it_acknowledges_all() {
    let mut host = host();
    let mut peer = open(&mut host);
    let hole = peer;
    peer.seq += 100;
    for _ in 0..3 {
        peer.send(&mut host, "A", &[7; 100]);
        let (header, data) = sent_one(&mut host);
        assert_eq!((header.acknowledgment, data.len()), (hole.seq, 0));
    }
    assert_eq!(read(&mut host, peer.id, 1), Err(TcpReceiveError::WouldBlock));
    let fill = hole.segment("A");
    arrive(&mut host, fill, &[7; 100]);
    let (header, _) = sent_one(&mut host);
    assert_eq!(header.acknowledgment, peer.seq);
    assert_eq!(read(&mut host, peer.id, 999).unwrap().len(), 400);
}

/// What is sent has the right checksum, which `as_tcp` looks at; what comes with a wrong one is
/// nothing.
/// Rows: MUST-2, MUST-3
#[test]
fn a_segment_with_a_wrong_checksum_never_came() {
    use crate::counters::DropReason;
    let mut host = host();
    let mut peer = open(&mut host);
    let header = peer.segment("A");
    let mut packet = tcp_packet((PEER.address, ip(OWN)), &header, b"data");
    *packet.last_mut().unwrap() ^= 1;
    host.packet(PEER, &packet);
    assert_eq!(host.drops(DropReason::TcpChecksum), 1);
    assert_eq!(read(&mut host, peer.id, 9), Err(TcpReceiveError::WouldBlock));
    assert!(host.run(Duration::from_secs(1)).iter().all(|seen| as_tcp(seen).is_none()));
    peer.send(&mut host, "A", b"data");
    assert_eq!(read(&mut host, peer.id, 9).unwrap(), b"data");
}

/// With a closed window of its own a connection still hears acknowledgments, urgent data and
/// resets.
/// Rows: MUST-66
#[test]
fn a_full_receiver_still_listens() {
    let mut host = host();
    let mut peer = open(&mut host);
    let mut window = u32::from(peer.segment("A").window);
    while window > 0 {
        peer.send(&mut host, "A", &vec![7; window.min(1220) as usize]);
        host.run(Duration::from_millis(300));
        window = host.stack.tcp_info(peer.id, host.now).unwrap().receive_window;
    }
    write(&mut host, peer.id, b"hello").unwrap();
    assert_eq!(sent_one(&mut host).0.window, 0);
    peer.ack += 5;
    peer.send(&mut host, "A", &[]);
    assert_eq!(host.stack.tcp_unacknowledged(peer.id), 0);
    peer.send(&mut host, "RA", &[]);
    assert!(host.stack.tcp_take_error(peer.id).is_some());
}

/// RFC 9293, Section 3.5.3: what a reset has to say is for people.
/// Rows: SHLD-2, MUST-12
#[test]
fn a_reset_may_carry_words() {
    let mut host = host();
    let mut peer = open(&mut host);
    peer.send(&mut host, "RA", b"out of memory");
    assert_eq!(host.stack.tcp_take_error(peer.id), Some(TcpError::ConnectionReset));
    assert!(sent(&mut host).is_empty());
}

/// The other side never sends its FIN: an orphan is forgotten, a program waits as long as it likes.
/// Rows: TCP-FW2
#[test]
fn an_orphan_does_not_wait_for_ever() {
    for orphan in [true, false] {
        let mut host = host();
        let mut peer = open(&mut host);
        if orphan {
            host.stack.tcp_close(peer.id, host.now);
        } else {
            host.stack.tcp_shutdown(peer.id, false, true, host.now).unwrap();
        }
        let (fin, _) = sent_one(&mut host);
        assert!(fin.flags.contains(TcpFlags::FIN));
        peer.ack += 1;
        peer.send(&mut host, "A", &[]);
        host.run(Duration::from_secs(300));
        let left = host.stack.tcp_sockets().count() + host.stack.tcp_entries().0;
        assert_eq!(left, usize::from(!orphan));
    }
}

/// RFC 7661, Section 4.3: acknowledgments of what does not fill the congestion window do not open it.
#[test]
fn a_window_that_is_not_used_does_not_grow() {
    let mut host = host();
    let mut peer = open(&mut host);
    let id = peer.id;
    let window = |host: &Host| host.stack.tcp_info(id, host.now).unwrap().congestion_window;
    let before = window(&host);
    for _ in 0..20 {
        assert_eq!(write(&mut host, id, &[7; 100]), Ok(100));
        assert_eq!(sent(&mut host).len(), 1);
        peer.ack += 100;
        peer.send(&mut host, "A", &[]);
    }
    assert!(window(&host) <= before, "{} of {before}", window(&host));
    // One that is used does.
    write(&mut host, id, &vec![7; 40_000]).unwrap();
    sent(&mut host);
    peer.ack += 2440;
    peer.send(&mut host, "A", &[]);
    assert!(window(&host) > before, "{} of {before}", window(&host));
}
