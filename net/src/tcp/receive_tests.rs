//! Reassembly against a model that remembers every octet, and the window's rules.

use super::receive::ReceiveSide;
use super::store::{Piece, Store};
use crate::buffer::{BufferPool, PacketBuffer};
use crate::test_host::{HeapBuffer, HeapPool};
use crate::wire::tcp::SackBlock;
use crate::wire::tcp_sequence::SequenceNumber;
use proptest::prelude::*;

const FIRST: SequenceNumber = SequenceNumber(u32::MAX - 1000);
const LIMIT: u32 = 4000;

fn side() -> (ReceiveSide, Store<HeapBuffer>) {
    let mut side = ReceiveSide::new(LIMIT, false, 0);
    side.begin(FIRST);
    assert_eq!(u32::from(side.window_field(1000, false, u32::MAX)), LIMIT);
    (side, Store::new())
}

fn piece(offset: u32, data: &[u8]) -> Piece<HeapBuffer> {
    let mut buffer = HeapPool { left: 1 }.allocate(0).unwrap();
    buffer.append(data.len()).unwrap().copy_from_slice(data);
    Piece::new(FIRST + offset, Some(buffer))
}

fn read(side: &mut ReceiveSide, store: &mut Store<HeapBuffer>, length: usize) -> Vec<u8> {
    let mut data = Vec::new();
    let append = |run: &[u8]| {
        data.extend(run);
        Ok::<_, ()>(())
    };
    side.read(store, length, false, append).unwrap();
    data
}

proptest! {
    /// Segments of one stream in any order, overlapping in any way, the later copies of an octet
    /// with other contents: what is read is the first copy of each.
    /// Rows: TCP-DSN, SHLD-31
    #[test]
    fn the_first_copy_of_each_octet_is_read(
        segments in proptest::collection::vec((0u32..3500, 0u32..700, any::<u8>()), 1..60),
    ) {
        let (mut side, mut store) = side();
        let mut model: Vec<Option<u8>> = vec![None; LIMIT as usize];
        for (offset, len, value) in segments {
            let end = (offset + len).min(LIMIT);
            let data = vec![value; (end - offset) as usize];
            if !side.is_acceptable(FIRST + offset, FIRST + end) {
                continue;
            }
            let kept = side.nxt;
            let taken = side.take(&mut store, piece(offset, &data), false);
            prop_assert_eq!(taken.advanced, side.nxt != kept);
            // What the model has first, stays. What was dropped behind a longer run is not in
            // the blocks, so the model learns from those what was kept.
            let mut kept = vec![false; LIMIT as usize];
            kept[..side.nxt.offset_from(FIRST) as usize].fill(true);
            for block in side.all_blocks(&store) {
                let range = block.left.offset_from(FIRST)..block.right.offset_from(FIRST);
                kept[range.start as usize..range.end as usize].fill(true);
            }
            for at in offset..end {
                let octet = &mut model[at as usize];
                if octet.is_none() && kept[at as usize] {
                    *octet = Some(value);
                }
            }
            for (octet, kept) in model.iter().zip(&kept) {
                prop_assert_eq!(octet.is_some(), *kept);
            }
        }
        let expected: Vec<u8> = model.iter().map_while(|octet| *octet).collect();
        prop_assert_eq!(side.readable() as usize, expected.len());
        prop_assert_eq!(read(&mut side, &mut store, LIMIT as usize), expected);
        side.clear(&mut store);
        prop_assert_eq!(store.used(), 0);
    }

    /// A stream in segments that come in any order, some twice, is read as it was written.
    /// Rows: SHLD-31, TCP-DSN, TCP-WRAP
    #[test]
    fn any_order_gives_the_stream(
        cuts in proptest::collection::btree_set(1usize..3000, 0..25),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 100),
    ) {
        let stream: Vec<u8> = (0..3000u32).map(|n| (n % 251) as u8).collect();
        let mut edges: Vec<usize> = [0, 1500].into_iter().chain(cuts).collect();
        edges.sort_unstable();
        edges.dedup();
        edges.push(3000);
        let segments: Vec<_> = edges.windows(2).map(|edge| (edge[0], edge[1])).collect();
        let (mut side, mut store) = side();
        let rest = segments.iter().copied();
        let mixed: Vec<_> = order.iter().map(|at| *at.get(&segments)).chain(rest).collect();
        for (start, end) in mixed {
            let data = &stream[start..end];
            if side.is_acceptable(FIRST + start as u32, FIRST + end as u32) {
                let last = end == 3000;
                let taken = side.take(&mut store, piece(start as u32, data), last);
                prop_assert!(!taken.refused);
            }
        }
        prop_assert!(side.finished && !side.has_holes());
        prop_assert_eq!(side.nxt, FIRST + 3001);
        prop_assert_eq!(read(&mut side, &mut store, 5000), stream);
        prop_assert_eq!(store.used(), 0);
    }
}

/// Rows: TCP-SACK-R, TCP-DSACK
#[test]
fn the_run_that_grew_last_is_told_first() {
    let block = |left, right| SackBlock { left: FIRST + left, right: FIRST + right };
    let (mut side, mut store) = side();
    for offset in [100, 300, 500, 700, 900] {
        side.take(&mut store, piece(offset, &[1; 100]), false);
    }
    side.take(&mut store, piece(400, &[1; 50]), false);
    let told = side.sack_blocks(&store, 3);
    assert_eq!(told.as_slice(), [block(300, 450), block(900, 1000), block(700, 800)]);
    // A duplicate comes before all, once (RFC 2883).
    side.take(&mut store, piece(700, &[2; 100]), false);
    let told = side.sack_blocks(&store, 3);
    assert_eq!(told.as_slice()[0], block(700, 800));
    assert!(!side.sack_blocks(&store, 3).as_slice().contains(&SackBlock::default()));
    assert_eq!(side.sack_blocks(&store, 1).as_slice().len(), 1);
    assert!(side.sack_blocks(&store, 0).as_slice().is_empty());
    side.clear(&mut store);
}

/// Rows: MUST-39, MUST-34, SHLD-14, SHLD-15, SHLD-16, SHLD-17
#[test]
fn the_edge_never_moves_back_and_forward_in_steps() {
    let (mut side, mut store) = side();
    side.take(&mut store, piece(0, &[1; 1500]), false);
    side.take(&mut store, piece(1500, &[1; 1500]), false);
    assert_eq!(side.window_field(1000, false, u32::MAX), 1000);
    // Less than a segment is not worth telling (RFC 9293, Section 3.8.6.2.2).
    read(&mut side, &mut store, 999);
    assert_eq!(side.window_field(1000, false, u32::MAX), 1000);
    assert!(!side.wants_update(1000, || u32::MAX));
    read(&mut side, &mut store, 1);
    assert!(side.wants_update(1000, || u32::MAX));
    assert_eq!(side.window_field(1000, false, u32::MAX), 2000);
    side.limit = 100;
    assert_eq!(side.window_field(1000, false, u32::MAX), 2000);
    side.clear(&mut store);
}

/// Rounding up by the scale must not add up: a sender of single octets could fill all memory.
/// Rows: TCP-WS, REC-1
#[test]
fn single_octets_fill_the_buffer_and_no_more() {
    let mut side = ReceiveSide::new(LIMIT, false, 3);
    let mut store = Store::new();
    side.begin(FIRST);
    let mut window = u32::from(side.window_field(1000, false, u32::MAX)) << 3;
    assert_eq!(window, LIMIT);
    while window > 0 {
        let offset = side.nxt.offset_from(FIRST) as u32;
        assert!(offset <= LIMIT + LIMIT / 4, "{window}");
        let before = side.nxt + window;
        side.take(&mut store, piece(offset, &[1]), false);
        window = u32::from(side.window_field(1000, false, u32::MAX)) << 3;
        // What was withdrawn is less than the scale can tell.
        assert!(before.offset_from(side.nxt + window) < 8);
    }
    side.clear(&mut store);
}

#[test]
fn what_two_pieces_cover_leaves_nothing() {
    let (mut side, mut store) = side();
    // Long enough not to be copied together.
    side.take(&mut store, piece(100, &[1; 600]), false);
    side.take(&mut store, piece(700, &[1; 600]), false);
    let taken = side.take(&mut store, piece(400, &[2; 600]), false);
    assert!(taken.duplicate);
    assert_eq!((side.pieces(), store.used()), (2, 2));
    side.clear(&mut store);
}

/// Rows: MUST-66
#[test]
fn nothing_comes_after_the_fin_or_beyond_the_window() {
    let (mut side, mut store) = side();
    side.take(&mut store, piece(10, &[1; 10]), true);
    assert!(!side.finished);
    side.take(&mut store, piece(0, &[2; 30]), false);
    assert!(side.finished);
    assert_eq!(side.nxt, FIRST + 21);
    let expected: Vec<u8> = [vec![2; 10], vec![1; 10]].concat();
    assert_eq!(read(&mut side, &mut store, 100), expected);

    let (mut side, mut store) = self::side();
    side.take(&mut store, piece(3990, &[1; 20]), true);
    side.take(&mut store, piece(0, &[2; 1900]), false);
    side.take(&mut store, piece(1900, &[2; 1900]), false);
    side.take(&mut store, piece(3800, &[2; 190]), false);
    assert_eq!((side.readable(), side.finished), (LIMIT, false));
    assert_eq!(side.window_field(1000, false, u32::MAX), 0);
    assert!(side.is_acceptable(FIRST + LIMIT, FIRST + LIMIT));
    assert!(!side.is_acceptable(FIRST + LIMIT + 1, FIRST + LIMIT + 2));
    side.clear(&mut store);
}

#[test]
fn data_in_order_takes_the_memory_of_data_behind_holes() {
    let (mut side, mut store) = side();
    let mut others = super::store::Queue::new();
    while store.available() > 6 {
        store.push_back(&mut others, Piece::new(FIRST, None)).unwrap();
    }
    // Half of what is left.
    for (number, refused) in (0..5).zip([false, false, false, true, true]) {
        let taken = side.take(&mut store, piece(600 + 600 * number, &[1; 590]), false);
        assert_eq!(taken.refused, refused, "{number}");
    }
    while store.available() > 0 {
        store.push_back(&mut others, Piece::new(FIRST, None)).unwrap();
    }
    let taken = side.take(&mut store, piece(0, &[1; 600]), false);
    assert!(taken.advanced && !taken.refused);
    // The last run behind a hole had to go; what the first filled is read.
    assert_eq!(side.readable(), 1190);
    store.clear(&mut others);
    side.clear(&mut store);
    assert_eq!(store.used(), 0);
}

#[test]
fn the_window_stays_where_memory_ends() {
    let (mut side, mut store) = side();
    assert_eq!(side.room(&store, 1000), crate::limits::TCP_PIECES as u32 / 2 * 1000);
    let mut others = super::store::Queue::new();
    while store.available() > 3 {
        store.push_back(&mut others, Piece::new(FIRST, None)).unwrap();
    }
    // Half of what is left; a little to whoever has nothing.
    assert_eq!(side.room(&store, 1000), 2000);
    side.take(&mut store, piece(0, &[1; 1500]), false);
    assert_eq!(side.room(&store, 1000), 1000);
    // What was promised stays promised.
    assert_eq!(side.window_field(1000, false, 1000), 2500);
    read(&mut side, &mut store, 1500);
    assert!(!side.wants_update(1000, || 2500));
    assert_eq!(side.window_field(1000, false, 2500), 2500);
    assert_eq!(side.window_field(1000, false, u32::MAX), 4000);
    store.clear(&mut others);
    side.clear(&mut store);
}

#[test]
fn the_last_memory_is_for_those_who_hold_little() {
    let mut store = Store::new();
    let mut hoarder = ReceiveSide::new(1 << 21, false, 7);
    hoarder.begin(FIRST);
    hoarder.window_field(1000, false, u32::MAX);
    let mut offset = 0;
    while !hoarder.take(&mut store, piece(offset, &[1; 600]), false).refused {
        offset += 600;
    }
    assert_eq!(store.available(), crate::limits::TCP_RECEIVE_SCARCE);
    let (mut side, _) = side();
    assert!(side.take(&mut store, piece(0, &[1; 600]), false).advanced);
    hoarder.clear(&mut store);
    side.clear(&mut store);
    assert_eq!(store.used(), 0);
}

#[test]
fn short_segments_behind_a_hole_share_a_buffer() {
    let (mut side, mut store) = side();
    for offset in 100..200 {
        side.take(&mut store, piece(offset, &[offset as u8]), false);
    }
    assert_eq!((store.used(), side.all_blocks(&store).len()), (1, 1));
    side.take(&mut store, piece(0, &[9; 100]), false);
    let expected: Vec<u8> = [vec![9; 100], (100..200).collect()].concat();
    assert_eq!(read(&mut side, &mut store, 500), expected);
    assert_eq!(store.used(), 0);
}
