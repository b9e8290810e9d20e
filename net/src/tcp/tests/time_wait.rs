//! Connections that this side closed first.

use super::*;

fn stamped(header: TcpHeader, value: u32) -> TcpHeader {
    let timestamps = Some(Timestamps { value, echo_reply: 0 });
    TcpHeader { options: TcpOptions { timestamps, ..TcpOptions::NONE }, ..header }
}

/// The peer's connection to a listener, closed by this side; its last timestamp is 1000.
fn waiting(host: &mut Host, stamps: bool) -> (TcpId, Conversation) {
    let listener = listen(host, 5);
    let with = |header| if stamps { stamped(header, 1000) } else { header };
    arrive(host, with(segment("S", IRS, SequenceNumber(0))), &[]);
    let ack = sent_one(host).0.sequence + 1;
    arrive(host, with(segment("A", IRS + 1, ack)), &[]);
    let (id, _) = host.stack.tcp_accept(listener).unwrap();
    host.stack.tcp_close(id, host.now);
    assert!(sent_one(host).0.flags.contains(TcpFlags::FIN));
    arrive(host, with(segment("FA", IRS + 1, ack + 1)), &[]);
    assert_eq!(sent_one(host).0.flags, TcpFlags::ACK);
    assert_eq!(host.stack.tcp_entries(), (1, 0));
    (listener, Conversation { id, port: PORT, seq: IRS + 2, ack: ack + 1 })
}

/// Rows: MAY-2, SHLD-4, TCP-TW
#[test]
fn a_new_syn_opens_the_connection_again() {
    for (stamps, offset, value, opens) in [
        (false, 0, 0, false),
        (false, 1, 0, true),
        (true, 0, 1000, false),
        (true, 1, 1000, true),
        (true, 0, 1001, true),
        (true, 100, 999, false),
    ] {
        let mut host = host();
        let (listener, peer) = waiting(&mut host, stamps);
        let mut syn = segment("S", peer.seq + offset, SequenceNumber(0));
        if stamps {
            syn = stamped(syn, value);
        }
        arrive(&mut host, syn, &[]);
        let (answer, _) = sent_one(&mut host);
        if opens {
            assert_eq!(answer.flags, TcpFlags::SYN | TcpFlags::ACK, "{stamps} {offset} {value}");
            assert!(answer.sequence.is_after(peer.ack + 65_535));
            assert_eq!(host.stack.tcp_entries(), (0, 1));
        } else {
            assert_eq!(answer.flags, TcpFlags::ACK);
            assert_eq!((answer.sequence, answer.acknowledgment), (peer.ack, peer.seq));
            assert_eq!(host.stack.tcp_entries(), (1, 0));
        }
        // Where nobody listens any more, nothing opens.
        let mut host = self::host();
        let (_, peer) = waiting(&mut host, stamps);
        host.stack.tcp_close(listener, host.now);
        let mut syn = segment("S", peer.seq + 1, SequenceNumber(0));
        if stamps {
            syn = stamped(syn, 2000);
        }
        arrive(&mut host, syn, &[]);
        assert_eq!(sent_one(&mut host).0.flags, TcpFlags::ACK);
        assert_eq!(host.stack.tcp_entries(), (1, 0));
    }
}

/// Rows: TCP-TW, MUST-13
#[test]
fn a_reset_does_not_end_it_and_a_fin_begins_it_anew() {
    let mut host = host();
    let (_, peer) = waiting(&mut host, false);
    for ack in [peer.ack, peer.ack + 1] {
        arrive(&mut host, segment("R", peer.seq, ack), &[]);
        arrive(&mut host, segment("RA", peer.seq, ack), &[]);
    }
    assert_eq!((sent(&mut host).len(), host.stack.tcp_entries()), (0, (1, 0)));
    host.run(Duration::from_secs(50));
    arrive(&mut host, segment("FA", peer.seq - 1, peer.ack), &[]);
    assert_eq!(sent_one(&mut host).0.acknowledgment, peer.seq);
    host.run(Duration::from_secs(59));
    assert_eq!(host.stack.tcp_entries(), (1, 0));
    host.run(Duration::from_secs(2));
    assert_eq!(host.stack.tcp_entries(), (0, 0));
}

#[test]
fn answers_are_rare() {
    let mut host = host();
    let (_, peer) = waiting(&mut host, false);
    for _ in 0..10 {
        arrive(&mut host, segment("A", peer.seq + 5, peer.ack), b"x");
    }
    assert_eq!(sent(&mut host).len(), 1);
    host.run(Duration::from_millis(100));
    arrive(&mut host, segment("A", peer.seq + 5, peer.ack), b"x");
    assert_eq!(sent(&mut host).len(), 1);
}

/// This side opens the same connection again.
/// Rows: PRT-3
#[test]
fn a_bound_port_can_be_used_again_after_a_second() {
    let mut host = host();
    let local = to(Ipv6Addr::UNSPECIFIED, 5000);
    let open = |host: &mut Host| {
        let id = host.stack.tcp_open().unwrap();
        set(host, id, |options| options.reuse_address = true);
        host.stack.tcp_bind(id, local).unwrap();
        (id, host.stack.tcp_connect(id, to(PEER.address, PEER_PORT), host.now))
    };
    let (id, result) = open(&mut host);
    result.unwrap();
    let (syn, _) = sent_one(&mut host);
    let mut peer = Conversation { id, port: 5000, seq: IRS, ack: syn.sequence + 1 };
    arrive(&mut host, stamped(peer.segment("SA"), 1), &[]);
    host.stack.tcp_close(id, host.now);
    (peer.seq, peer.ack) = (peer.seq + 1, peer.ack + 1);
    arrive(&mut host, stamped(peer.segment("FA"), 2), &[]);
    assert_eq!(host.stack.tcp_entries(), (1, 0));
    sent(&mut host);
    assert_eq!(open(&mut host).1, Err(TcpConnectError::NoPort));
    host.run(Duration::from_secs(1));
    assert_eq!(open(&mut host).1, Ok(()));
    let (again, _) = sent_one(&mut host);
    assert_eq!((again.flags, again.source_port), (TcpFlags::SYN, 5000));
    assert!(again.sequence.is_after(peer.ack + 65_535));
    assert_eq!(host.stack.tcp_entries(), (0, 0));
}
