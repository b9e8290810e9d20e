//! What was lost is sent again before the retransmission timer runs out.

use super::*;
use crate::wire::tcp::{SackBlock, SackBlocks, Timestamps};

const SEGMENT: u32 = 1220;

/// Acknowledges up to a number, with a block behind a hole.
fn acknowledge(
    host: &mut Host,
    peer: &Conversation,
    ack: SequenceNumber,
    block: Option<SackBlock>,
) {
    let mut header = TcpHeader { acknowledgment: ack, ..peer.segment("A") };
    let mut sack = SackBlocks::new();
    if let Some(block) = block {
        sack.push(block).unwrap();
    }
    header.options.sack = sack;
    arrive(host, header, &[]);
}

fn numbers(sent: &[(TcpHeader, Vec<u8>)]) -> Vec<SequenceNumber> {
    sent.iter().map(|(header, _)| header.sequence).collect()
}

/// Ten segments are in flight and more data waits; the first one's number. Round trips take 100 ms.
fn ten_in_flight(host: &mut Host, sack: bool) -> (Conversation, SequenceNumber) {
    let id = connect(host);
    let (syn, _) = sent_one(host);
    host.run(Duration::from_millis(100));
    let mut peer = Conversation { id, port: syn.source_port, seq: IRS, ack: syn.sequence + 1 };
    let mut answer = peer.segment("SA");
    answer.options.sack_permitted = sack;
    arrive(host, answer, &[]);
    peer.seq += 1;
    sent(host);
    write(host, id, &vec![7; 30_000]).unwrap();
    let first = sent(host);
    assert_eq!(first.len(), 10);
    let number = first[0].0.sequence;
    (peer, number)
}

/// Without SACK: RFC 3042 for two duplicates, RFC 5681 and 6582 from the third one on.
/// Rows: TCP-LT, TCP-FR, TCP-NR
#[test]
fn three_duplicates_and_partial_acknowledgments() {
    let mut host = host();
    let (peer, first) = ten_in_flight(&mut host, false);
    host.run(Duration::from_millis(100));
    for number in 0..2 {
        acknowledge(&mut host, &peer, first, None);
        // One new segment for each that has left.
        assert_eq!(numbers(&sent(&mut host)), [first + (10 + number) * SEGMENT]);
    }
    acknowledge(&mut host, &peer, first, None);
    assert_eq!(numbers(&sent(&mut host))[0], first);
    // The first was lost, and the sixth.
    host.run(Duration::from_millis(100));
    acknowledge(&mut host, &peer, first + 5 * SEGMENT, None);
    assert_eq!(numbers(&sent(&mut host))[0], first + 5 * SEGMENT);
    let counters = host.stack.node_counters().tcp;
    assert_eq!(counters.retransmitted_segments, 2);
}

/// RFC 8985, Section 6: what left later has arrived, and the time for being overtaken is over.
/// Rows: TCP-RACK, TCP-SACK-S
#[test]
fn what_was_overtaken_for_too_long_is_lost() {
    let mut host = host();
    let (peer, first) = ten_in_flight(&mut host, true);
    host.run(Duration::from_millis(100));
    let block = SackBlock { left: first + SEGMENT, right: first + 2 * SEGMENT };
    acknowledge(&mut host, &peer, first, Some(block));
    assert!(!numbers(&sent(&mut host)).contains(&first), "it may only be late");
    let again: Vec<_> = host.run(Duration::from_millis(60)).iter().filter_map(as_tcp).collect();
    assert!(numbers(&again).contains(&first), "{again:?}");
    // Only the hole, not what the other side has.
    assert!(!numbers(&again).contains(&(first + SEGMENT)));
}

/// RFC 8985, Section 7: the end was lost, nothing comes behind it, and a probe asks.
/// Rows: TCP-TLP
#[test]
fn a_lost_tail_is_probed() {
    let mut host = host();
    let id = connect(&mut host);
    let (syn, _) = sent_one(&mut host);
    host.run(Duration::from_millis(20));
    let mut peer = Conversation { id, port: syn.source_port, seq: IRS, ack: syn.sequence + 1 };
    let mut answer = peer.segment("SA");
    answer.options.sack_permitted = true;
    arrive(&mut host, answer, &[]);
    peer.seq += 1;
    sent(&mut host);
    write(&mut host, id, &[7; 3 * SEGMENT as usize]).unwrap();
    let first = sent(&mut host)[0].0.sequence;
    let mut probes = Vec::new();
    for _ in 0..15 {
        probes.extend(host.run(Duration::from_millis(10)).iter().filter_map(as_tcp));
    }
    // Within two round trips and some, before the timeout of at least 200 ms: the last segment, once.
    assert_eq!(numbers(&probes), [first + 2 * SEGMENT]);
}

/// RFC 6298, Section 5, and RFC 5681: one segment, twice the time.
/// Rows: MUST-19, TCP-RTO, TCP-CC0
#[test]
fn silence_doubles_the_timeout_and_leaves_one_segment() {
    let mut host = host();
    let (peer, first) = ten_in_flight(&mut host, false);
    let mut times = Vec::new();
    for seen in host.run(Duration::from_secs(60)) {
        if let Some((header, _)) = as_tcp(&seen) {
            assert_eq!(header.sequence, first);
            times.push(seen.at);
        }
    }
    let pauses: Vec<_> =
        times.windows(2).map(|pair| pair[1].saturating_since(pair[0]).as_millis()).collect();
    assert!(pauses.len() >= 4);
    for pair in pauses.windows(2) {
        assert!((2 * pair[0] - 5..=2 * pair[0] + 5).contains(&pair[1]), "{pauses:?}");
    }
    let info = host.stack.tcp_info(peer.id, host.now).unwrap();
    assert_eq!(info.congestion_window, SEGMENT);
}

/// Two recoveries on each other's heels: what the first one sent again behind its end is
/// acknowledged during the second one, with a timestamp from before that. It was lost all the
/// same, and nothing is undone (RFC 3522, Section 3.2, of the segment's own retransmission).
#[test]
fn a_retransmission_of_an_earlier_recovery_undoes_nothing() {
    let mut host = host();
    let id = connect(&mut host);
    let (syn, _) = sent_one(&mut host);
    host.run(Duration::from_millis(100));
    let mut peer = Conversation { id, port: syn.source_port, seq: IRS, ack: syn.sequence + 1 };
    let stamp = |header: &TcpHeader| header.options.timestamps.expect("they were agreed on").value;
    let stamped = |mut header: TcpHeader, echo_reply: u32| {
        header.options.sack_permitted = header.flags.contains(TcpFlags::SYN);
        header.options.timestamps = Some(Timestamps { value: 1, echo_reply });
        header
    };
    arrive(&mut host, stamped(peer.segment("SA"), stamp(&syn)), &[]);
    peer.seq += 1;
    sent(&mut host);
    write(&mut host, id, &vec![7; 40_000]).unwrap();
    let flight = sent(&mut host);
    let (first, len) = (flight[0].0.sequence, flight[0].1.len() as u32);
    let at = |number: u32| first + number * len;
    // Up to a segment, with a run of later ones; what goes out within a time.
    let acknowledge = |host: &mut Host, number: u32, run: [u32; 2], echo: u32, millis: u64| {
        let header = TcpHeader { acknowledgment: at(number), ..peer.segment("A") };
        let mut header = stamped(header, echo);
        let [left, right] = run.map(at);
        header.options.sack.push(SackBlock { left, right }).unwrap();
        arrive(host, header, &[]);
        let mut out = sent(host);
        out.extend(host.run(Duration::from_millis(millis)).iter().filter_map(as_tcp));
        out
    };
    let of = |sent: &[(TcpHeader, Vec<u8>)], number: u32| {
        let found = sent.iter().find(|(header, _)| header.sequence == at(number));
        stamp(&found.unwrap_or_else(|| panic!("segment {number} in {sent:?}")).0)
    };
    assert_eq!(flight.len(), 10);
    host.run(Duration::from_millis(100));
    let original = stamp(&flight[0].0);
    // The first and the tenth are lost. The recovery goes on to there, and new segments leave.
    let out = acknowledge(&mut host, 0, [1, 9], original, 100);
    let again = of(&out, 0);
    let tenth = of(&acknowledge(&mut host, 9, [10, 11], again, 2), 9);
    // The twelfth is lost too, which lies behind that end.
    let twelfth = of(&acknowledge(&mut host, 9, [12, 13], again, 98), 11);
    assert_eq!(host.stack.node_counters().tcp.fast_recoveries, 1);
    // And the fourteenth, overtaken by what was sent again.
    let out = acknowledge(&mut host, 11, [12, 13], tenth, 2);
    assert!(of(&out, 13).wrapping_sub(twelfth) as i32 > 0);
    let counters = host.stack.node_counters().tcp;
    assert_eq!((counters.fast_recoveries, counters.full_undos), (2, 0));
    acknowledge(&mut host, 13, [14, 15], twelfth, 0);
    let counters = host.stack.node_counters().tcp;
    assert_eq!((counters.fast_recoveries, counters.full_undos), (2, 0));
}
