//! The tables of what is no connection yet or no more, against models that are plain maps.

use crate::hash::HashKey;
use crate::interface::InterfaceIndex;
use crate::tcp::half_open::{HalfOpen, HalfOpenTable, Origin};
use crate::tcp::isn::{FourTuple, HashedTuple};
use crate::tcp::time_wait::{TimeWait, TimeWaitTable};
use crate::time::{Duration, Instant};
use crate::wire::tcp::TcpOptions;
use crate::wire::tcp_sequence::SequenceNumber;
use core::net::Ipv6Addr;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

const LO: InterfaceIndex = InterfaceIndex::LOOPBACK;

/// A connection from one of a few ports.
fn tuple(port: u16) -> FourTuple {
    FourTuple { local: (Ipv6Addr::LOCALHOST, 80), remote: (Ipv6Addr::LOCALHOST, port) }
}

fn hashed(port: u16) -> HashedTuple {
    HashedTuple::new(&HashKey::new([7; 16]), tuple(port))
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert(u16),
    Remove(u16),
    /// A listener goes, or an entry's time begins anew.
    Change(u16),
    /// Milliseconds.
    Wait(u64),
}

fn steps(longest_wait: u64) -> impl Strategy<Value = Vec<Step>> {
    let port = 0_u16..60;
    let step = prop_oneof![
        4 => port.clone().prop_map(Step::Insert),
        1 => port.clone().prop_map(Step::Remove),
        1 => port.prop_map(Step::Change),
        2 => (0..longest_wait).prop_map(Step::Wait),
    ];
    vec(step, 0..200)
}

/// What a half-open entry is in the model: when its SYN-ACK is sent again, and how often it was.
type Waiting = (Instant, u32);

/// Every port belongs to one of three listeners.
fn listener(port: u16) -> (u16, u32) {
    (port % 3, 7)
}

fn check_half_open(table: &HalfOpenTable, model: &BTreeMap<u16, Waiting>) {
    assert_eq!(table.len(), model.len());
    for port in 0..60 {
        let found = table.find(&hashed(port), LO).and_then(|slot| table.get(slot));
        assert_eq!(found.map(|entry| entry.tuple), model.get(&port).map(|_| tuple(port)));
    }
    let listed: BTreeMap<u16, Waiting> = table
        .iter()
        .map(|(entry, at)| {
            let sent = u32::from(entry.retransmits()) + 1;
            (entry.tuple.remote.1, (at.expect("each has a deadline"), sent))
        })
        .collect();
    assert_eq!(&listed, model);
    let first = model.values().map(|(at, _)| *at).min();
    assert_eq!(table.next_deadline(), first.unwrap_or(Instant::FAR_FUTURE));
}

proptest! {
    #[test]
    fn half_open_connections(steps in steps(40_000)) {
        let mut table = HalfOpenTable::new();
        let mut model: BTreeMap<u16, Waiting> = BTreeMap::new();
        let (mut now, mut ended, mut expected_ends) = (Instant::ZERO, 0, 0);
        for step in steps {
            match step {
                Step::Insert(port) if !model.contains_key(&port) => {
                    let origin = Origin {
                        tuple: tuple(port),
                        zone: None,
                        listener: listener(port),
                        iss: SequenceNumber(1),
                        window: 1000,
                    };
                    let entry = HalfOpen::new(&origin, SequenceNumber(9), &TcpOptions::NONE);
                    let slot = table.insert(hashed(port).hash, entry).unwrap();
                    table.on_sent(slot, now);
                    model.insert(port, (now + Duration::from_secs(1), 1));
                }
                Step::Insert(_) => {}
                Step::Remove(port) => {
                    if let Some(slot) = table.find(&hashed(port), LO) {
                        assert!(table.remove(slot).is_some());
                        assert!(table.remove(slot).is_none());
                    }
                    model.remove(&port);
                }
                Step::Change(port) => {
                    table.forget_listener(listener(port));
                    model.retain(|other, _| listener(*other) != listener(port));
                }
                Step::Wait(millis) => {
                    now += Duration::from_millis(millis);
                    while let Some(slot) = table.poll(now, &mut ended) {
                        table.on_sent(slot, now);
                    }
                    model.retain(|_, (at, sent)| {
                        if *at > now {
                            return true;
                        }
                        // The SYN-ACK and five more, each after twice the time, a minute at most.
                        let goes_on = *sent < 6;
                        *sent += 1;
                        *at = now + Duration::from_secs((1 << (*sent - 1)).min(60));
                        expected_ends += u64::from(!goes_on);
                        goes_on
                    });
                }
            }
            check_half_open(&table, &model);
            assert_eq!(ended, expected_ends);
        }
    }

    #[test]
    fn connections_in_time_wait(steps in steps(20_000)) {
        let mut table = TimeWaitTable::new();
        let mut model: BTreeMap<u16, Instant> = BTreeMap::new();
        let mut now = Instant::ZERO;
        let time_wait = Duration::from_secs(60);
        for step in steps {
            match step {
                Step::Insert(port) if !model.contains_key(&port) => {
                    let numbers = (SequenceNumber(1), SequenceNumber(2));
                    let entry = TimeWait::new((tuple(port), None), numbers, None, now);
                    let hash = hashed(port).hash;
                    assert!(!table.insert(hash, entry, now), "there is room");
                    model.insert(port, now + time_wait);
                }
                Step::Insert(_) => {}
                Step::Remove(port) => {
                    if let Some(slot) = table.find(&hashed(port), LO) {
                        assert!(table.remove(slot).is_some());
                    }
                    model.remove(&port);
                }
                Step::Change(port) => {
                    if let Some(slot) = table.find(&hashed(port), LO) {
                        table.restart(slot, now);
                        assert_eq!(table.age(slot, now), Duration::ZERO);
                    }
                    model.entry(port).and_modify(|at| *at = now + time_wait);
                }
                Step::Wait(millis) => {
                    now += Duration::from_millis(millis);
                    table.poll(now);
                    model.retain(|_, at| *at > now);
                }
            }
            assert_eq!(table.len(), model.len());
            for port in 0..60 {
                let found = table.find(&hashed(port), LO);
                assert_eq!(found.is_some(), model.contains_key(&port));
                if let Some(slot) = found {
                    let begun = now.saturating_since(Instant::ZERO) + time_wait;
                    let end = model[&port].saturating_since(Instant::ZERO);
                    assert_eq!(table.age(slot, now), begun.saturating_sub(end));
                }
            }
            let listed: BTreeMap<u16, Instant> = table
                .iter()
                .map(|(entry, at)| (entry.tuple.remote.1, at.expect("each has a deadline")))
                .collect();
            assert_eq!(&listed, &model);
            let first = model.values().min().copied();
            assert_eq!(table.next_deadline(), first.unwrap_or(Instant::FAR_FUTURE));
        }
    }
}
