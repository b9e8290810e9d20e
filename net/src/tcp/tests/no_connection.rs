//! CLOSED and LISTEN: every kind of segment without a connection (RFC 9293, Sections 3.10.7.1 and
//! 3.10.7.2).

use super::*;

const ACK: SequenceNumber = SequenceNumber(12_345);

/// What is sent, and how many half-open connections there are: an answer as flags, number and
/// acknowledgment.
type Outcome = (Option<(TcpFlags, u32, u32)>, usize);

fn outcome(host: &mut Host, header: TcpHeader, data: &[u8]) -> Outcome {
    arrive(host, header, data);
    let mut sent = sent(host);
    assert!(sent.len() < 2);
    let answer = sent.pop().map(|(header, data)| {
        assert!(data.is_empty());
        (header.flags, header.sequence.0, header.acknowledgment.0)
    });
    (answer, host.stack.tcp_entries().1)
}

/// Rows: STATES
#[test]
fn every_kind_of_segment() {
    let reset_all = |end: SequenceNumber| Some((TcpFlags::RST | TcpFlags::ACK, 0, end.0));
    let reset_ack = Some((TcpFlags::RST, ACK.0, 0));
    // Flags and data; what CLOSED answers; what LISTEN answers, which may open a connection.
    for (flags, data, closed, listen, opens) in [
        ("R", &b""[..], None, None, false),
        ("RA", b"", None, None, false),
        ("RA", b"why", None, None, false),
        ("S", b"", reset_all(IRS + 1), None, true),
        ("S", b"data", reset_all(IRS + 5), None, true),
        ("SF", b"", reset_all(IRS + 2), None, true),
        ("SA", b"", reset_ack, reset_ack, false),
        ("A", b"", reset_ack, reset_ack, false),
        ("A", b"data", reset_ack, reset_ack, false),
        ("FA", b"", reset_ack, reset_ack, false),
        ("UA", b"data", reset_ack, reset_ack, false),
        ("", b"", reset_all(IRS), None, false),
        ("", b"data", reset_all(IRS + 4), None, false),
        ("F", b"", reset_all(IRS + 1), None, false),
        ("U", b"data", reset_all(IRS + 4), None, false),
    ] {
        let header = segment(flags, IRS, ACK);
        assert_eq!(outcome(&mut host(), header, data), (closed, 0), "CLOSED: {flags}");
        let mut host = host();
        let listener = super::listen(&mut host, 5);
        let (answer, half_open) = outcome(&mut host, header, data);
        if opens {
            let (flags, _, acknowledgment) = answer.unwrap();
            assert_eq!(flags, TcpFlags::SYN | TcpFlags::ACK);
            // Data and FIN with the SYN come again.
            assert_eq!((acknowledgment, half_open), ((IRS + 1).0, 1));
        } else {
            assert_eq!((answer, half_open), (listen, 0), "LISTEN: {flags}");
        }
        assert_eq!(host.stack.tcp_state(listener), Some(TcpState::Listen));
    }
}

/// A connection is between two, and neither is a group or nobody (Section 3.9.2.3).
/// Rows: MUST-57, MUST-63
#[test]
fn segments_between_others_than_two_nodes_disappear() {
    use crate::counters::DropReason;
    let mut host = host();
    let _listener = listen(&mut host, 5);
    let syn = segment("S", IRS, SequenceNumber(0));
    for (source, destination) in [("::", OWN), ("ff02::1", OWN), ("2001:db8::9", "ff02::1")] {
        let packet = tcp_packet((ip(source), ip(destination)), &syn, &[]);
        host.packet(PEER, &packet);
    }
    assert_eq!((sent(&mut host), host.stack.tcp_entries()), (vec![], (0, 0)));
    assert!(host.drops(DropReason::TcpAddress) > 0);
}
