//! Paths that change, or lose what they should not.

use super::*;

/// Lengths of the data that the peer gets if everything over `most` octets of packet is lost.
fn carried(host: &mut Host, peer: &mut Conversation, most: usize, time: Duration) -> Vec<usize> {
    let mut lens = Vec::new();
    let end = host.now + time;
    while host.now < end {
        for seen in host.run(Duration::from_millis(10)) {
            let Some((header, data)) = as_tcp(&seen).filter(|_| seen.packet.len() <= most) else {
                continue;
            };
            if header.sequence == peer.ack && !data.is_empty() {
                lens.push(data.len());
                peer.ack += data.len() as u32;
                peer.send(host, "A", &[]);
            }
        }
    }
    lens
}

/// Rows: PMT-14
#[test]
fn a_black_hole_for_long_packets_is_found() {
    let mut host = host();
    let id = connect(&mut host);
    let (syn, _) = sent_one(&mut host);
    let mut peer = Conversation { id, port: syn.source_port, seq: IRS, ack: syn.sequence + 1 };
    let mut answer = peer.segment("SA");
    answer.options.maximum_segment_size = Some(1440);
    arrive(&mut host, answer, &[]);
    peer.seq += 1;
    write(&mut host, id, &[7; 5000]).unwrap();
    let lens = carried(&mut host, &mut peer, 1280, Duration::from_secs(20));
    assert_eq!(lens.iter().sum::<usize>(), 5000);
    assert!(lens.iter().all(|len| *len <= 1220), "{lens:?}");
    assert_eq!(host.stack.tcp_path_mtu(id), Some(1280));
    assert_eq!(host.stack.node_counters().tcp.black_holes, 1);
}

#[test]
fn short_segments_that_get_lost_blame_nothing_on_their_length() {
    let mut host = host();
    let mut peer = open(&mut host);
    write(&mut host, peer.id, &[7; 1000]).unwrap();
    assert!(carried(&mut host, &mut peer, 0, Duration::from_secs(20)).is_empty());
    assert_eq!(host.stack.tcp_path_mtu(peer.id), Some(1500));
    assert_eq!(host.stack.node_counters().tcp.black_holes, 0);
}
