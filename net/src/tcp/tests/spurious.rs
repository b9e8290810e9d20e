//! Timeouts that came too early (RFC 5682), without timestamps to tell.

use super::*;

const SEGMENT: u32 = 1220;

/// Ten segments are on their way, more data waits, and the timer has run out: what went out again,
/// and the number of the first segment.
fn time_out(host: &mut Host) -> (Conversation, SequenceNumber) {
    let peer = open(host);
    write(host, peer.id, &vec![7; 30_000]).unwrap();
    let first = sent(host);
    assert_eq!(first.len(), 10);
    let again: Vec<_> = host.run(Duration::from_millis(250)).iter().filter_map(as_tcp).collect();
    assert_eq!(again.len(), 1, "{again:?}");
    assert_eq!(again[0].0.sequence, first[0].0.sequence);
    (peer, first[0].0.sequence)
}

fn acknowledge(host: &mut Host, peer: &Conversation, number: SequenceNumber) -> Vec<TcpHeader> {
    arrive(host, TcpHeader { acknowledgment: number, ..peer.segment("A") }, &[]);
    sent(host).into_iter().map(|(header, _)| header).collect()
}

/// Rows: TCP-FRTO
#[test]
fn the_originals_arrive_after_all() {
    let mut host = host();
    let (peer, first) = time_out(&mut host);
    let window = |host: &Host| host.stack.tcp_info(peer.id, host.now).unwrap().congestion_window;
    assert_eq!(window(&host), SEGMENT);
    // Step 2b: new data instead of what counts as lost.
    let new = acknowledge(&mut host, &peer, first + SEGMENT);
    let expected = [first + 10 * SEGMENT, first + 11 * SEGMENT];
    assert_eq!(new.iter().map(|header| header.sequence).collect::<Vec<_>>(), expected);
    // Step 3b: what was not sent again has arrived.
    for header in acknowledge(&mut host, &peer, first + 2 * SEGMENT) {
        assert!(header.sequence.is_at_or_after(first + 12 * SEGMENT), "{header:?}");
    }
    assert!(window(&host) >= 10 * SEGMENT);
    let counters = host.stack.node_counters().tcp;
    assert_eq!((counters.spurious_timeouts, counters.retransmitted_segments), (1, 1));
}

/// Rows: TCP-FRTO
#[test]
fn the_originals_were_lost() {
    let mut host = host();
    let (peer, first) = time_out(&mut host);
    let new = acknowledge(&mut host, &peer, first + SEGMENT);
    assert_eq!(new.len(), 2);
    // Step 3a: the new data shows a hole, and what is lost is sent again.
    let again = acknowledge(&mut host, &peer, first + SEGMENT);
    let more = acknowledge(&mut host, &peer, first + SEGMENT);
    let again: Vec<_> = again.iter().chain(&more).map(|header| header.sequence).collect();
    assert!(again.contains(&(first + SEGMENT)), "{again:?}");
    assert_eq!(host.stack.node_counters().tcp.spurious_timeouts, 0);
}

/// Step 2a: a duplicate acknowledgment first.
/// Rows: TCP-FRTO
#[test]
fn a_duplicate_tells_nothing() {
    let mut host = host();
    let (peer, first) = time_out(&mut host);
    acknowledge(&mut host, &peer, first);
    let again = acknowledge(&mut host, &peer, first + SEGMENT);
    assert_eq!(again[0].sequence, first + SEGMENT);
    assert_eq!(host.stack.node_counters().tcp.spurious_timeouts, 0);
}
