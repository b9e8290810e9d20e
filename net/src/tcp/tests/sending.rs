//! When data is sent: Nagle's rule, silly windows, closed ones, and those that shrink.

use super::*;

fn lens(sent: &[(TcpHeader, Vec<u8>)]) -> Vec<usize> {
    sent.iter().map(|(_, data)| data.len()).collect()
}

/// The peer acknowledges all, with this window.
fn acknowledge(host: &mut Host, peer: &Conversation, window: u16) {
    let header = TcpHeader { window, ..peer.segment("A") };
    arrive(host, header, &[]);
}

/// Rows: MUST-17, SHLD-7
#[test]
fn a_short_segment_waits_for_the_acknowledgment_of_the_one_before() {
    let mut host = host();
    let mut peer = open(&mut host);
    write(&mut host, peer.id, b"a").unwrap();
    assert_eq!(lens(&sent(&mut host)), [1]);
    write(&mut host, peer.id, b"b").unwrap();
    write(&mut host, peer.id, b"c").unwrap();
    assert!(sent(&mut host).is_empty());
    peer.ack += 1;
    acknowledge(&mut host, &peer, WINDOW);
    assert_eq!(lens(&sent(&mut host)), [2]);
    set(&mut host, peer.id, |options| options.no_delay = true);
    write(&mut host, peer.id, b"d").unwrap();
    assert_eq!(lens(&sent(&mut host)), [1]);
}

/// Rows: MUST-60, MUST-61, SHLD-27, MAY-15
#[test]
fn the_last_segment_of_what_was_written_is_pushed() {
    let mut host = host();
    let peer = open(&mut host);
    set(&mut host, peer.id, |options| options.no_delay = true);
    write(&mut host, peer.id, &[7; 3000]).unwrap();
    let sent = sent(&mut host);
    let pushed: Vec<_> =
        sent.iter().map(|(header, _)| header.flags.contains(TcpFlags::PSH)).collect();
    assert_eq!(pushed, [false, false, true]);
}

/// Rows: MUST-38
#[test]
fn a_silly_window_is_not_filled_before_the_override_timeout() {
    let mut host = host();
    let peer = open(&mut host);
    acknowledge(&mut host, &peer, 500);
    write(&mut host, peer.id, &[7; 3000]).unwrap();
    assert!(sent(&mut host).is_empty());
    assert!(host.run(Duration::from_millis(99)).iter().all(|seen| as_tcp(seen).is_none()));
    let late: Vec<_> = host.run(Duration::from_millis(901)).iter().filter_map(as_tcp).collect();
    assert_eq!(lens(&late)[0], 500);
}

/// The other side takes back what it promised: what was sent counts as sent, and is sent again
/// until it arrives.
/// Rows: MUST-34, SHLD-15, SHLD-16, SHLD-17, MAY-7
#[test]
fn a_window_that_shrinks_is_survived() {
    let mut host = host();
    let mut peer = open(&mut host);
    write(&mut host, peer.id, &[7; 9000]).unwrap();
    assert_eq!(lens(&sent(&mut host)).iter().sum::<usize>(), 9000);
    peer.ack += 1220;
    acknowledge(&mut host, &peer, 100);
    let again: Vec<_> = host.run(Duration::from_secs(5)).iter().filter_map(as_tcp).collect();
    assert!(!again.is_empty());
    assert!(again.iter().all(|(header, _)| header.sequence.is_at_or_before(peer.ack + 1220)));
    assert_eq!(host.stack.tcp_state(peer.id), Some(TcpState::Established));
    peer.ack += 9000 - 1220;
    acknowledge(&mut host, &peer, WINDOW);
    assert_eq!(host.stack.tcp_unacknowledged(peer.id), 0);
}

/// As long as probes are answered, the connection stays; they come more and more seldom.
/// Rows: MUST-35, MUST-36, MUST-37, SHLD-29, SHLD-30, MAY-8
#[test]
fn a_closed_window_is_asked_for_ever() {
    let mut host = host();
    let peer = open(&mut host);
    acknowledge(&mut host, &peer, 0);
    write(&mut host, peer.id, &[7; 3000]).unwrap();
    assert!(sent(&mut host).is_empty());
    let begin = host.now;
    let mut times = Vec::new();
    while host.now < begin + Duration::from_secs(3 * 3600) {
        for seen in host.run(Duration::from_millis(100)) {
            if as_tcp(&seen).is_some() {
                times.push(seen.at);
                acknowledge(&mut host, &peer, 0);
            }
        }
    }
    assert_eq!(host.stack.tcp_state(peer.id), Some(TcpState::Established));
    let pauses: Vec<_> =
        times.windows(2).map(|pair| pair[1].saturating_since(pair[0]).as_millis()).collect();
    // The first one after the retransmission timeout, which is at least 0.2 s and at most 1 s here.
    assert!((200..=1100).contains(&times[0].saturating_since(begin).as_millis()), "{:?}", times[0]);
    assert!(pauses[1] > pauses[0] && pauses[2] > pauses[1], "{pauses:?}");
    let last = pauses.last().unwrap();
    assert!((60_000..=130_000).contains(last), "{last}");
    // It opens: all goes out.
    acknowledge(&mut host, &peer, WINDOW);
    assert_eq!(lens(&sent(&mut host)).iter().sum::<usize>(), 3000);
}

/// The path becomes narrower: what is in flight is cut and sent again at once, and that was not
/// congestion.
/// Rows: PMT-12, SHLD-6
#[test]
fn a_narrower_path_is_answered_at_once() {
    let mut host = host();
    let id = connect(&mut host);
    let (syn, _) = sent_one(&mut host);
    let mut peer = Conversation { id, port: syn.source_port, seq: IRS, ack: syn.sequence + 1 };
    let mut answer = peer.segment("SA");
    answer.options.maximum_segment_size = Some(1440);
    arrive(&mut host, answer, &[]);
    peer.seq += 1;
    host.sent();
    write(&mut host, id, &[7; 4 * 1440]).unwrap();
    let first: Vec<_> = host.sent().into_iter().filter(|seen| as_tcp(seen).is_some()).collect();
    assert_eq!(first.len(), 4);
    let segments = |host: &Host| {
        let info = host.stack.tcp_info(id, host.now).unwrap();
        info.congestion_window / info.send_mss
    };
    let before = segments(&host);
    complain(&mut host, &first[0], |invoking| Icmpv6Message::PacketTooBig { mtu: 1280, invoking });
    let again = sent(&mut host);
    assert_eq!(again[0].0.sequence, peer.ack);
    assert_eq!(lens(&again)[0], 1220);
    assert!(segments(&host) >= before, "not congestion");
    assert_eq!(host.stack.tcp_path_mtu(id), Some(1280));
}

/// The room may shrink after the user was told of it, as it does with the congestion window. Who
/// looks then and finds none is told again.
#[test]
fn who_looks_and_finds_no_room_is_told_of_it_later() {
    let mut host = host();
    let mut peer = open(&mut host);
    let acknowledge = |host: &mut Host, peer: &Conversation, octets: u32| {
        sent(host);
        let header = TcpHeader { acknowledgment: peer.ack + octets, ..peer.segment("A") };
        arrive(host, header, &[]);
        sent(host);
        host.events() == [crate::event::Event::Tcp(peer.id)]
    };
    set(&mut host, peer.id, |options| options.send_buffer = Some(8000));
    assert_eq!(write(&mut host, peer.id, &[7; 9000]), Ok(8000));
    host.events();
    assert!(acknowledge(&mut host, &peer, 6000), "there is room");
    set(&mut host, peer.id, |options| options.send_buffer = Some(2304));
    assert!(!host.stack.tcp_readiness(peer.id).unwrap().writable);
    assert!(acknowledge(&mut host, &peer, 8000), "there is room again");
    assert!(host.stack.tcp_readiness(peer.id).unwrap().writable);
    peer.ack += 8000;
    // Who does not wait is told nothing.
    assert_eq!(write(&mut host, peer.id, &[7; 100]), Ok(100));
    assert!(!acknowledge(&mut host, &peer, 100));
}
