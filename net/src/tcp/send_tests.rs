//! The send queue and its scoreboard against a model that remembers every octet.

use super::sack;
use super::send::SendSide;
use super::store::Store;
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::test_host::{HeapBuffer, HeapPool};
use crate::time::Instant;
use crate::wire::tcp::SackBlock;
use crate::wire::tcp_sequence::SequenceNumber;
use proptest::prelude::*;

const ISS: SequenceNumber = SequenceNumber(u32::MAX - 2000);

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    Send,
    Acknowledge(u32),
    /// From and length, in octets behind SND.UNA.
    Sack(u32, u32),
    LoseAll,
    Retransmit,
    Split(usize, u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1usize..300).prop_map(Step::Write),
        Just(Step::Send),
        Just(Step::Send),
        (0u32..500).prop_map(Step::Acknowledge),
        (0u32..800, 1u32..400).prop_map(|(from, len)| Step::Sack(from, len)),
        Just(Step::LoseAll),
        Just(Step::Retransmit),
        (0usize..8, 1u32..100).prop_map(|(piece, len)| Step::Split(piece, len)),
    ]
}

/// Which octet has this number.
fn offset(number: SequenceNumber) -> usize {
    number.offset_from(ISS) as usize
}

struct Model {
    send: SendSide,
    store: Store<HeapBuffer>,
    pool: HeapPool,
    written: Vec<u8>,
    /// Of each octet: whether a block covered it.
    covered: Vec<bool>,
}

impl Model {
    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Write(len) => {
                let mut buffer = self.pool.allocate(PAYLOAD_OFFSET).unwrap();
                for octet in buffer.append(len).unwrap() {
                    *octet = (self.written.len() * 7 % 251) as u8;
                    self.written.push(*octet);
                    self.covered.push(false);
                }
                assert!(self.send.push_data(&mut self.store, buffer));
            }
            Step::Send => {
                if let Some(at) = self.send.unsent() {
                    self.send.on_sent(&mut self.store, at, Default::default(), Instant::ZERO);
                }
            }
            Step::Acknowledge(len) => {
                let ack = self.send.una + len.min(self.send.flight());
                let taken = self.send.acknowledge(&mut self.store, ack, |_| {});
                assert_eq!(taken.numbers, len.min(taken.numbers));
                assert_eq!(self.send.una, ack);
            }
            Step::Sack(from, len) => {
                let left = self.send.una + 1 + from;
                let block = SackBlock { left, right: left + len };
                if block.right.is_at_or_before(self.send.nxt) {
                    let range = offset(left)..offset(block.right);
                    self.covered[range].fill(true);
                }
                let una = self.send.una;
                let before = self.send.sacked();
                let taken = sack::take_in(&mut self.send, &mut self.store, &[block], una, |_| {});
                assert_eq!(self.send.sacked(), before + taken.newly);
            }
            Step::LoseAll => {
                self.send.mark_all_lost(&mut self.store, |_| {});
                // Nothing that was sacked counts any more.
                self.covered.fill(false);
                assert_eq!(self.send.pipe(), 0);
            }
            Step::Retransmit => {
                let pipe = self.send.pipe();
                if let Some(at) = self.send.next_lost(&self.store) {
                    let len = self.store.get(at).unwrap().len();
                    self.send.on_sent(&mut self.store, at, Default::default(), Instant::ZERO);
                    assert_eq!(self.send.pipe(), pipe + len);
                }
            }
            Step::Split(number, len) => {
                let place = self.store.places(self.send.front()).nth(number);
                if let Some(at) = place {
                    self.send.split(&mut self.store, &mut self.pool, at, len);
                }
            }
        }
        self.check();
    }

    fn check(&self) {
        self.send.check(&self.store);
        for at in self.store.places(self.send.front()) {
            let piece = self.store.get(at).unwrap();
            let range = offset(piece.sequence)..offset(piece.end());
            assert_eq!(piece.data(), &self.written[range.clone()], "the data is what was written");
            if piece.marks.contains(super::store::Marks::SACKED) {
                assert!(self.covered[range].iter().all(|&covered| covered));
            }
        }
    }
}

proptest! {
    /// Rows: TCP-SACK-S
    #[test]
    fn the_scoreboard_agrees_with_a_model(steps in proptest::collection::vec(step(), 0..80)) {
        let mut model = Model {
            send: SendSide::new(ISS),
            store: Store::new(),
            pool: HeapPool { left: usize::MAX },
            written: Vec::new(),
            covered: Vec::new(),
        };
        for step in &steps {
            model.apply(step);
        }
        model.send.clear(&mut model.store);
        prop_assert_eq!(model.store.used(), 0);
    }
}

fn queue(pieces: u32) -> (SendSide, Store<HeapBuffer>) {
    let (mut send, mut store) = (SendSide::new(ISS), Store::new());
    for _ in 0..pieces {
        let mut buffer = HeapPool { left: 1 }.allocate(0).unwrap();
        buffer.append(100).unwrap();
        assert!(send.push_data(&mut store, buffer));
        let at = send.unsent().unwrap();
        send.on_sent(&mut store, at, Default::default(), Instant::ZERO);
    }
    (send, store)
}

/// Rows: TCP-DSACK
#[test]
fn duplicates_are_told_from_data_behind_holes() {
    let block = |left, right| SackBlock { left: ISS + left, right: ISS + right };
    for (blocks, newly, duplicate) in [
        (&[block(200, 300)][..], 100, false),
        // Below the cumulative acknowledgment.
        (&[block(0, 100), block(200, 300)], 100, true),
        // Inside of the second one.
        (&[block(250, 300), block(200, 400)], 200, true),
        // Not what was sent.
        (&[block(200, 700)], 0, false),
        (&[block(300, 200)], 0, false),
        // A part of a segment is not the segment.
        (&[block(250, 400)], 100, false),
    ] {
        let (mut send, mut store) = queue(5);
        send.acknowledge(&mut store, ISS + 100, |_| {});
        let taken = sack::take_in(&mut send, &mut store, blocks, ISS + 100, |_| {});
        assert_eq!((taken.newly, taken.duplicate.is_some()), (newly, duplicate), "{blocks:?}");
        send.check(&store);
    }
}

#[test]
fn a_fin_rides_on_unsent_data() {
    let (mut send, mut store) = (SendSide::new(ISS), Store::new());
    let mut buffer = HeapPool { left: 1 }.allocate(0).unwrap();
    buffer.append(10).unwrap();
    send.push_data(&mut store, buffer);
    assert!(send.push_fin(&mut store) && send.push_fin(&mut store));
    assert_eq!((send.pieces(), send.end), (1, ISS + 11));
    let at = send.unsent().unwrap();
    assert!(store.get(at).unwrap().fin);
    send.on_sent(&mut store, at, Default::default(), Instant::ZERO);
    send.acknowledge(&mut store, ISS + 10, |_| {});
    send.check(&store);
    assert_eq!((send.flight(), send.data), (1, 0));
    send.acknowledge(&mut store, ISS + 11, |_| {});
    assert!(send.is_empty() && store.used() == 0);
}

/// Rows: MUST-1
#[test]
fn a_new_acknowledgment_brings_its_window() {
    let (mut send, mut store) = queue(3);
    send.first_window(SequenceNumber(500), ISS, 1000);
    // From a number that the other side had passed: the edge does not move on.
    assert!(send.update_window(SequenceNumber(100), ISS + 100, 900));
    send.acknowledge(&mut store, ISS + 100, |_| {});
    assert_eq!(send.usable_window(), 700);
    // An old one changes nothing.
    assert!(!send.update_window(SequenceNumber(50), ISS + 100, 5000));
    assert!(!send.update_window(SequenceNumber(100), ISS + 50, 5000));
    // Not even with a later number, as when a retransmission brought the acknowledgment first.
    assert!(!send.update_window(SequenceNumber(800), ISS + 50, 5000));
    assert!(send.update_window(SequenceNumber(100), ISS + 100, 5000));
    send.clear(&mut store);
}
