//! Urgent data.

use super::*;

/// Rows: MUST-30, MUST-31, MUST-32, MUST-33, MUST-62, SHLD-13
#[test]
fn it_is_read_in_line_and_reading_stops_before_it() {
    let mut host = host();
    let mut peer = open(&mut host);
    let id = peer.id;
    let urgent = |host: &Host| host.stack.tcp_readiness(id).unwrap().urgent;
    // It is announced before it is there.
    let mut header = peer.segment("UA");
    header.urgent_pointer = 6;
    arrive(&mut host, header, b"ab");
    assert!(urgent(&host) && host.events() == [crate::event::Event::Tcp(peer.id)]);
    assert!(!host.stack.tcp_at_mark(peer.id));
    peer.seq += 2;
    peer.send(&mut host, "A", b"cde!fg");
    assert_eq!(read(&mut host, peer.id, 99).unwrap(), b"abcde");
    assert!(host.stack.tcp_at_mark(peer.id));
    assert_eq!(read(&mut host, peer.id, 99).unwrap(), b"!fg");
    let readiness = host.stack.tcp_readiness(peer.id).unwrap();
    assert!(!readiness.urgent && !host.stack.tcp_at_mark(peer.id));
}

#[test]
fn pointers_at_nothing_are_nothing() {
    let mut host = host();
    let mut peer = open(&mut host);
    for pointer in [0, 1, 4, u16::MAX] {
        let mut header = peer.segment("UA");
        header.urgent_pointer = pointer;
        arrive(&mut host, header, b"data");
        peer.seq += 4;
        let mut data = Vec::new();
        while data.len() < 4 {
            data.extend(read(&mut host, peer.id, 99).unwrap());
        }
        assert_eq!(data, b"data");
        let urgent = host.stack.tcp_readiness(peer.id).unwrap().urgent;
        assert_eq!(urgent, pointer == u16::MAX);
    }
    peer.send(&mut host, "FA", &[]);
    assert_eq!(read(&mut host, peer.id, 99).unwrap(), b"");
}

/// Rows: MUST-30, MUST-62
#[test]
fn it_is_sent_with_a_pointer_behind_its_last_octet() {
    let mut host = host();
    let mut peer = open(&mut host);
    let fill = |room: &mut [u8]| {
        room.fill(7);
        Ok::<_, ()>(())
    };
    assert_eq!(host.stack.tcp_send_urgent(peer.id, 1230, fill, host.now), Ok(1230));
    let sent = sent(&mut host);
    let pointers: Vec<_> =
        sent.iter().map(|(header, data)| (header.urgent(), data.len())).collect();
    assert_eq!(pointers, [(Some(1230), 1220), (Some(10), 10)]);
    peer.ack += 1230;
    peer.send(&mut host, "A", &[]);
    write(&mut host, peer.id, b"more").unwrap();
    assert_eq!(sent_one(&mut host).0.urgent(), None);
}
