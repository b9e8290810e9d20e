//! The state machine alone: order, overlaps, time, capacity.

use super::*;
use crate::buffer::BufferPool;
use crate::ipv6_input::Received;
use crate::test_host::{HeapBuffer, HeapPool, USB0};
use crate::wire::ipv6::{FlowLabel, HopLimit, NextHeader, TrafficClass};
use std::vec::Vec;

fn key(source: u16, identification: u32) -> Key {
    let address = |last| Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last);
    Key { interface: USB0, source: address(source), destination: address(1), identification }
}

fn headers() -> Headers {
    let received = Received {
        interface: USB0,
        link_multicast: false,
        looped: false,
        source: Ipv6Addr::UNSPECIFIED,
        destination: Ipv6Addr::UNSPECIFIED,
        hop_limit: HopLimit::MAX,
        traffic_class: TrafficClass::default(),
        flow_label: FlowLabel::NONE,
        fragment: true,
        router_alert: false,
        upper_offset: 4,
    };
    Headers { received, next_header: NextHeader::UDP, named_at: 0 }
}

fn at(secs: u64) -> Instant {
    Instant::from_secs(secs)
}

/// A fragment whose data are the octets of `range`, behind four octets of header.
fn put(
    reassembly: &mut Reassembly<HeapBuffer>,
    key: Key,
    range: core::ops::Range<u16>,
    more: bool,
    now: Instant,
) -> Outcome<HeapBuffer> {
    let mut buffer = HeapPool { left: 1 }.allocate(0).unwrap();
    let data: Vec<u8> = range.clone().map(|octet| octet as u8).collect();
    buffer.append(4).unwrap();
    buffer.append(data.len()).unwrap().copy_from_slice(&data);
    let fragment = Fragment {
        key,
        offset: range.start,
        data_offset: 4,
        more,
        congestion: false,
        headers: (range.start == 0).then(headers),
    };
    while reassembly.make_room(&key).is_some() {}
    reassembly.insert(&fragment, buffer, now)
}

fn data(outcome: Outcome<HeapBuffer>) -> Option<Vec<u8>> {
    let Outcome::Complete { first, tail, .. } = outcome else { return None };
    let mut all = first.data()[4..].to_vec();
    for piece in &tail {
        all.extend(piece.data());
    }
    Some(all)
}

/// FRG-5: any order.
#[test]
fn every_order_of_arrival() {
    let pieces = [(0..16, true), (16..24, true), (24..48, true), (48..51, false)];
    for order in 0..256 {
        let order: Vec<usize> = (0..4).map(|shift| order >> (2 * shift) & 3).collect();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if sorted != [0, 1, 2, 3] {
            continue;
        }
        let mut reassembly = Reassembly::new();
        for (number, &index) in order.iter().enumerate() {
            let (range, more) = pieces[index].clone();
            let outcome = put(&mut reassembly, key(2, 7), range, more, at(0));
            if number < 3 {
                assert!(matches!(outcome, Outcome::Waiting), "{order:?}");
            } else {
                assert_eq!(data(outcome), Some((0..51).collect()), "{order:?}");
            }
        }
        assert_eq!(reassembly.next_deadline(), Instant::FAR_FUTURE);
    }
}

/// FRG-3: fragments of other packets do not mix.
#[test]
fn packets_are_told_apart() {
    let mut reassembly = Reassembly::new();
    let other = Key { destination: Ipv6Addr::LOCALHOST, ..key(2, 7) };
    let keys = [key(2, 7), key(3, 7), key(2, 8), other];
    for key in keys {
        assert!(matches!(put(&mut reassembly, key, 0..8, true, at(0)), Outcome::Waiting));
    }
    for key in keys {
        assert_eq!(data(put(&mut reassembly, key, 8..9, false, at(0))), Some((0..9).collect()));
    }
}

/// FRG-11, FRG-12: an overlap ruins the packet and what still comes of it; the same fragment
/// again does not.
#[test]
fn overlaps_and_duplicates() {
    for (range, more) in [
        (0..8, true),    // other data would be an overlap, see below
        (0..24, true),   // around all
        (12..20, true),  // the tail of one
        (8..12, true),   // inside
        (16..32, true),  // the head of the last
        (40..48, true),  // behind the end
        (24..40, false), // another end
        (24..32, true),  // the end, but more
    ] {
        let mut reassembly = Reassembly::new();
        put(&mut reassembly, key(2, 7), 8..16, true, at(0));
        put(&mut reassembly, key(2, 7), 24..32, false, at(0));
        let outcome = put(&mut reassembly, key(2, 7), range.clone(), more, at(0));
        if range == (0..8) {
            assert!(matches!(outcome, Outcome::Waiting));
            continue;
        }
        assert!(matches!(outcome, Outcome::Ruin(Ruin::Overlap, 2)), "{range:?}");
        for (range, more) in [(0..8, true), (8..16, true), (16..24, true), (24..32, false)] {
            let outcome = put(&mut reassembly, key(2, 7), range, more, at(1));
            assert!(matches!(outcome, Outcome::Ruined));
        }
        let lost = reassembly.expire(at(60)).unwrap();
        assert!(lost.fragments == 0 && lost.first.is_none());
    }
    let mut reassembly = Reassembly::new();
    for _ in 0..3 {
        put(&mut reassembly, key(2, 7), 8..16, false, at(0));
    }
    assert!(matches!(put(&mut reassembly, key(2, 7), 8..16, false, at(0)), Outcome::Duplicate));
    // The same place with other octets is no duplicate.
    let mut buffer = HeapPool { left: 1 }.allocate(0).unwrap();
    buffer.append(12).unwrap().fill(0xee);
    let forged = Fragment {
        key: key(2, 7),
        offset: 8,
        data_offset: 4,
        more: false,
        congestion: false,
        headers: None,
    };
    let outcome = reassembly.insert(&forged, buffer, at(0));
    assert!(matches!(outcome, Outcome::Ruin(Ruin::Overlap, 1)));
}

#[test]
fn too_many_pieces() {
    let mut reassembly = Reassembly::new();
    for number in 0..limits::FRAGMENTS_OF_PACKET as u16 {
        let at_offset = number * 8..number * 8 + 8;
        assert!(matches!(
            put(&mut reassembly, key(2, 7), at_offset, true, at(0)),
            Outcome::Waiting
        ));
    }
    assert!(matches!(
        put(&mut reassembly, key(2, 7), 8000..8008, true, at(0)),
        Outcome::Ruin(Ruin::TooMany, limits::FRAGMENTS_OF_PACKET)
    ));
}

/// FRG-6: sixty seconds from the first to arrive.
#[test]
fn time_runs_from_the_first_fragment() {
    let mut reassembly = Reassembly::new();
    put(&mut reassembly, key(2, 7), 8..16, true, at(100));
    put(&mut reassembly, key(2, 7), 0..8, true, at(150));
    assert_eq!(reassembly.next_deadline(), at(160));
    assert!(reassembly.expire(at(159)).is_none());
    let lost = reassembly.expire(at(160)).unwrap();
    assert_eq!(lost.fragments, 2);
    assert_eq!(lost.first.unwrap().1.data().len(), 12, "with its headers");
    assert!(reassembly.expire(at(160)).is_none());
}

/// FRG-18: a flood of fragments from many sources; packets of others come through meanwhile.
#[test]
fn a_flood_leaves_others_alone() {
    let mut reassembly = Reassembly::new();
    for round in 0..50u32 {
        let good = key(2, 1_000_000 + round);
        for number in 0..6u16 {
            for flood in 0..5 {
                let source = 100 + (round * 30 + u32::from(number) * 5 + flood) as u16 % 100;
                let forged = key(source, round * 100 + u32::from(number) * 10 + flood);
                put(&mut reassembly, forged, 0..8, true, at(0));
            }
            let range = number * 8..number * 8 + 8;
            let outcome = put(&mut reassembly, good, range, number < 5, at(0));
            assert_eq!(matches!(outcome, Outcome::Complete { .. }), number == 5, "{round}");
        }
    }
    assert!(reassembly.packets.len() <= limits::REASSEMBLIES);
}

/// One source cannot take everything.
#[test]
fn a_source_has_its_share() {
    let mut reassembly = Reassembly::new();
    put(&mut reassembly, key(2, 7), 0..8, true, at(0));
    for identification in 0..1000 {
        put(&mut reassembly, key(3, identification), 0..8, true, at(0));
    }
    assert_eq!(reassembly.packets.len(), 1 + limits::REASSEMBLIES_OF_SOURCE);
    let mut reassembly = Reassembly::new();
    put(&mut reassembly, key(2, 7), 0..8, true, at(0));
    for identification in 0..8 {
        for number in 0..60 {
            put(&mut reassembly, key(3, identification), number * 8..number * 8 + 8, true, at(0));
        }
    }
    let held: usize = reassembly.packets.iter().map(|packet| packet.pieces.len()).sum();
    assert!(held <= limits::FRAGMENTS_OF_SOURCE + 1, "{held}");
    assert_eq!(data(put(&mut reassembly, key(2, 7), 8..9, false, at(0))), Some((0..9).collect()));
}

/// Rows: FRG-18
#[test]
fn what_is_given_up_first() {
    let mut reassembly = Reassembly::new();
    let (begun, single, ruined) = (key(2, 1), key(3, 1), key(4, 1));
    put(&mut reassembly, begun, 0..8, true, at(0));
    put(&mut reassembly, begun, 8..16, true, at(0));
    put(&mut reassembly, single, 0..8, true, at(0));
    put(&mut reassembly, ruined, 0..8, true, at(0));
    put(&mut reassembly, ruined, 4..12, true, at(0));
    let mut source = 100;
    while reassembly.packets.len() < limits::REASSEMBLIES {
        put(&mut reassembly, key(source, 1), 0..8, true, at(0));
        source += 1;
    }
    // What never will be complete goes first, though it is the youngest of the three, then what came
    // alone, and what is put together never.
    let expected = [[true, true, false], [true, false, false], [true, false, false]];
    for there in expected {
        put(&mut reassembly, key(source, 1), 0..8, true, at(0));
        source += 1;
        let kept = [begun, single, ruined]
            .map(|key| reassembly.packets.iter().any(|packet| packet.key == key));
        assert_eq!(kept, there);
    }
    for source in source..source + 2 * limits::REASSEMBLIES as u16 {
        put(&mut reassembly, key(source, 1), 0..8, true, at(0));
    }
    let whole = put(&mut reassembly, begun, 16..20, false, at(0));
    assert_eq!(data(whole), Some((0..20).collect()));
}
