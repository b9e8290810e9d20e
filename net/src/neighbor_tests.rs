//! The cache alone: states by timing, the tables of RFC 4861, capacity.

use super::*;
use NeighborState as S;

const TIMERS: Timers =
    Timers { reachable_time: Duration::from_secs(30), retrans_timer: Duration::from_secs(1) };
const USB0: InterfaceIndex = InterfaceIndex::from_slot(1);
const A: MacAddress = MacAddress([2, 0, 0, 0, 0, 0xa]);
const B: MacAddress = MacAddress([2, 0, 0, 0, 0, 0xb]);
const SOURCE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x99);

fn key(number: u16) -> Key {
    (USB0, Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number))
}

fn cache() -> NeighborCache<u32> {
    NeighborCache::new()
}

fn at(secs: u64) -> Instant {
    Instant::from_secs(1000 + secs)
}

fn poll(cache: &mut NeighborCache<u32>, now: Instant) -> Vec<Due, 16> {
    core::iter::from_fn(|| cache.poll(now, |_| TIMERS, |_| false)).collect()
}

fn state(cache: &NeighborCache<u32>, number: u16) -> Option<NeighborState> {
    cache.get(key(number)).map(|info| info.state)
}

fn send(cache: &mut NeighborCache<u32>, number: u16, packet: u32, now: Instant) -> Output<u32> {
    cache.output(key(number), packet, (SOURCE, Sender::Program), now)
}

/// A cache with neighbor 1 at `A` in the given state at time 0.
fn in_state(wanted: NeighborState) -> NeighborCache<u32> {
    let mut cache = cache();
    let long_ago = Instant::from_secs(900);
    match wanted {
        S::Incomplete => {
            send(&mut cache, 1, 7, at(0));
            poll(&mut cache, at(0));
        }
        S::Reachable => {
            cache.set(key(1), A, false, at(0)).unwrap();
            cache.confirm(key(1), TIMERS, at(0));
        }
        S::Stale => {
            cache.set(key(1), A, false, long_ago).unwrap();
        }
        S::Delay | S::Probe => {
            cache.set(key(1), A, false, long_ago).unwrap();
            let back = if wanted == S::Probe { 5 } else { 0 };
            send(&mut cache, 1, 7, at(0) - Duration::from_secs(back));
            poll(&mut cache, at(0));
        }
        S::Unreachable => {
            cache.set(key(1), A, false, long_ago).unwrap();
            send(&mut cache, 1, 7, at(0) - Duration::from_secs(8));
            for second in (0..=3).rev() {
                poll(&mut cache, at(0) - Duration::from_secs(second));
            }
        }
        S::Permanent => {
            cache.set(key(1), A, true, at(0)).unwrap();
        }
        S::Failed => {
            send(&mut cache, 1, 7, at(0) - Duration::from_secs(3));
            for second in (0..=3).rev() {
                poll(&mut cache, at(0) - Duration::from_secs(second));
            }
        }
    }
    assert_eq!(state(&cache, 1), Some(wanted));
    cache
}

/// ND-14, ND-16: three solicitations a second apart, then failure.
#[test]
fn resolution_gives_up_after_three() {
    let mut cache = cache();
    assert!(matches!(send(&mut cache, 1, 7, at(0)), Output::Queued(None)));
    assert_eq!(cache.next_deadline(), at(0));
    for second in 0..3 {
        assert_eq!(poll(&mut cache, at(second))[..], [Due::Resolve(key(1))]);
        assert_eq!(poll(&mut cache, at(second))[..], []);
        // More packets do not ask more often.
        send(&mut cache, 1, 8, at(second));
        assert_eq!(poll(&mut cache, at(second))[..], []);
        assert_eq!(cache.next_deadline(), at(second + 1));
    }
    assert_eq!(poll(&mut cache, at(3))[..], [Due::Failed(key(1))]);
    let mut queue = cache.take_queue(key(1));
    let packets: Vec<u32, 16> = core::iter::from_fn(|| cache.pop(&mut queue)).collect();
    assert_eq!(packets[..], [7, 8, 8, 8]);
    assert!(cache.has_failed(key(1)));
    // Traffic begins anew.
    send(&mut cache, 1, 9, at(10));
    assert_eq!(poll(&mut cache, at(10))[..], [Due::Resolve(key(1))]);
    assert!(!cache.has_failed(key(1)));
}

#[test]
fn a_failure_is_forgotten_after_a_minute() {
    let mut cache = in_state(S::Failed);
    assert_eq!(poll(&mut cache, at(59))[..], []);
    assert!(matches!(poll(&mut cache, at(60))[..], [Due::Forgotten(_)]));
    assert_eq!(cache.len(), 0);
    assert_eq!(cache.next_deadline(), Instant::FAR_FUTURE);
}

/// ND-15: the newest packet replaces the oldest, neighbors have queues of their own.
#[test]
fn queues_overflow_from_the_front() {
    let mut cache = cache();
    send(&mut cache, 2, 99, at(0));
    for packet in 0..limits::NEIGHBOR_QUEUE as u32 {
        assert!(matches!(send(&mut cache, 1, packet, at(0)), Output::Queued(None)));
    }
    assert!(matches!(send(&mut cache, 1, 1000, at(0)), Output::Queued(Some(0))));
    let solicited = Advertised { mac: Some(A), router: false, solicited: true, override_: true };
    let outcome = cache.on_advertisement(key(1), solicited, TIMERS, at(1)).unwrap();
    assert!(outcome.release && outcome.changed);
    let packets: std::vec::Vec<u32> =
        core::iter::from_fn(|| cache.release(key(1), at(1))).map(|(packet, _)| packet).collect();
    let last = limits::NEIGHBOR_QUEUE as u32;
    assert_eq!(packets, (1..last).chain([1000]).collect::<std::vec::Vec<_>>());
    assert_eq!(cache.release(key(2), at(1)), None, "still unresolved");
}

/// NUD-1, NUD-3: STALE, DELAY for five seconds, three probes, UNREACHABLE.
#[test]
fn unreachability_by_timing() {
    let mut cache = in_state(S::Reachable);
    assert_eq!(cache.next_deadline(), at(30));
    assert!(matches!(send(&mut cache, 1, 1, at(29)), Output::Transmit(1, A)));
    assert_eq!(poll(&mut cache, at(30))[..], [Due::Changed(key(1))]);
    assert_eq!(state(&cache, 1), Some(S::Stale));
    assert_eq!(poll(&mut cache, at(5000))[..], [], "stale entries are left alone");
    assert!(matches!(send(&mut cache, 1, 2, at(5000)), Output::Transmit(2, A)));
    assert_eq!(state(&cache, 1), Some(S::Delay));
    assert_eq!(cache.next_deadline(), at(5005));
    for second in 5005..5008 {
        assert_eq!(poll(&mut cache, at(second))[..], [Due::Probe(key(1), A)]);
        // Packets go on to the known address meanwhile.
        assert!(matches!(send(&mut cache, 1, 3, at(second)), Output::Transmit(3, A)));
    }
    assert_eq!(poll(&mut cache, at(5008))[..], [Due::Unreachable(key(1))]);
    let output = send(&mut cache, 1, 4, at(5009));
    assert!(matches!(output, Output::TransmitUnanswered(4, A, since) if since == at(5008)));
}

/// NUD-6: an upper layer knows better.
#[test]
fn confirmation_by_an_upper_layer() {
    for from in [S::Stale, S::Delay, S::Probe, S::Unreachable, S::Reachable] {
        let mut cache = in_state(from);
        cache.confirm(key(1), TIMERS, at(1));
        assert_eq!(state(&cache, 1), Some(S::Reachable));
        assert_eq!(poll(&mut cache, at(30))[..], []);
        assert_eq!(poll(&mut cache, at(31))[..], [Due::Changed(key(1))]);
    }
    for from in [S::Incomplete, S::Failed, S::Permanent] {
        let mut cache = in_state(from);
        cache.confirm(key(1), TIMERS, at(0));
        assert_eq!(state(&cache, 1), Some(from));
    }
}

/// ND-7, v6LC.2.1.8 to 12: what a solicitation's address does in each state.
#[test]
fn solicitations_by_state() {
    for (from, mac, expected_state, expected_mac, changed) in [
        (S::Incomplete, A, S::Stale, A, true),
        (S::Failed, A, S::Stale, A, true),
        (S::Reachable, A, S::Reachable, A, false),
        (S::Reachable, B, S::Stale, B, true),
        (S::Stale, A, S::Stale, A, false),
        (S::Stale, B, S::Stale, B, true),
        (S::Delay, A, S::Delay, A, false),
        (S::Delay, B, S::Stale, B, true),
        (S::Probe, A, S::Probe, A, false),
        (S::Probe, B, S::Stale, B, true),
        (S::Unreachable, A, S::Unreachable, A, false),
        (S::Unreachable, B, S::Stale, B, true),
        (S::Permanent, B, S::Permanent, A, false),
    ] {
        let mut cache = in_state(from);
        let outcome = cache.on_link_layer_address(key(1), mac, false, at(0)).unwrap();
        let info = cache.get(key(1)).unwrap();
        assert_eq!((info.state, info.mac), (expected_state, Some(expected_mac)), "{from:?} {mac}");
        assert_eq!(outcome.changed, changed, "{from:?} {mac}");
        assert_eq!(outcome.release, from == S::Incomplete || from == S::Failed);
    }
    let mut cache = cache();
    assert!(cache.on_link_layer_address(key(1), A, false, at(0)).unwrap().changed);
    assert_eq!(state(&cache, 1), Some(S::Stale));
}

/// ND-7, ND-13, v6LC.2.1.13: a solicitation does not make a router a host.
#[test]
fn a_router_stays_one_until_it_says_otherwise() {
    let mut cache = in_state(S::Reachable);
    cache.on_link_layer_address(key(1), A, true, at(0));
    cache.on_link_layer_address(key(1), B, false, at(0));
    assert!(cache.get(key(1)).unwrap().is_router);
    for (solicited, override_) in [(true, true), (false, false), (false, true), (true, false)] {
        for mac in [None, Some(B)] {
            cache.set_router(key(1));
            let advertised = Advertised { mac, router: false, solicited, override_ };
            let outcome = cache.on_advertisement(key(1), advertised, TIMERS, at(0)).unwrap();
            assert!(outcome.no_router && !cache.get(key(1)).unwrap().is_router);
            let again = cache.on_advertisement(key(1), advertised, TIMERS, at(0)).unwrap();
            assert!(!again.no_router);
        }
    }
}

/// ND-9, ND-10, ND-11, ND-12, v6LC.2.1.16 to 20: S and O, address same, other or absent.
#[test]
fn advertisements_by_state() {
    let known = [S::Reachable, S::Stale, S::Delay, S::Probe, S::Unreachable];
    for from in [S::Incomplete, S::Failed, S::Permanent].into_iter().chain(known) {
        for (solicited, override_, mac) in [false, true].into_iter().flat_map(|solicited| {
            [false, true].into_iter().flat_map(move |override_| {
                [None, Some(A), Some(B)].into_iter().map(move |mac| (solicited, override_, mac))
            })
        }) {
            let mut cache = in_state(from);
            let before = cache.get(key(1)).unwrap();
            let advertised = Advertised { mac, router: false, solicited, override_ };
            cache.on_advertisement(key(1), advertised, TIMERS, at(0)).unwrap();
            let after = cache.get(key(1)).unwrap();
            let expected = match (from, mac) {
                (S::Permanent, _) | (S::Incomplete | S::Failed, None) => (from, before.mac),
                (S::Incomplete | S::Failed, Some(_)) if solicited => (S::Reachable, mac),
                (S::Incomplete | S::Failed, Some(_)) => (S::Stale, mac),
                // Another address without override: doubt a reachable neighbor, else nothing.
                (S::Reachable, Some(B)) if !override_ => (S::Stale, Some(A)),
                (_, Some(B)) if !override_ => (from, Some(A)),
                (_, _) if solicited => (S::Reachable, mac.or(Some(A))),
                (_, Some(B)) => (S::Stale, Some(B)),
                (_, _) => (from, Some(A)),
            };
            assert_eq!(
                (after.state, after.mac),
                expected,
                "{from:?} S={solicited} O={override_} {mac:?}"
            );
        }
    }
    let mut cache = cache();
    let advertised = Advertised { mac: Some(A), router: false, solicited: true, override_: true };
    assert_eq!(cache.on_advertisement(key(1), advertised, TIMERS, at(0)), None);
    assert_eq!(cache.len(), 0, "nobody asked");
}

/// NUD-11: spoofed neighbors recycle each other, known ones and routers stay.
#[test]
fn a_full_cache_keeps_what_is_in_use() {
    let mut cache = cache();
    cache.on_link_layer_address(key(1), A, true, at(0));
    for number in 2..10 {
        cache.set(key(number), A, false, at(0)).unwrap();
        cache.confirm(key(number), TIMERS, at(0));
    }
    cache.set(key(10), A, true, at(0)).unwrap();
    for number in 1000..3000 {
        cache.on_link_layer_address(key(number), B, false, at(number.into())).unwrap();
    }
    assert_eq!(cache.len(), limits::NEIGHBORS);
    for number in 1..=10 {
        assert!(cache.get(key(number)).is_some(), "{number}");
    }
    assert_eq!(cache.take_evicted(), 2000 + 10 - limits::NEIGHBORS as u64);
    assert!(cache.get(key(2999)).is_some() && cache.get(key(1000)).is_none());
}

#[test]
fn a_cache_full_of_routers_refuses() {
    let mut cache = cache();
    for number in 0..limits::NEIGHBORS as u16 {
        cache.on_link_layer_address(key(number), A, true, at(0)).unwrap();
    }
    assert_eq!(cache.on_link_layer_address(key(9999), A, false, at(0)), None);
    assert!(matches!(send(&mut cache, 9999, 5, at(0)), Output::Full(5)));
    assert_eq!(cache.set(key(9999), A, true, at(0)), Err(NeighborError::TableFull));
}

/// A sweep through a prefix: those being resolved make room for each other.
#[test]
fn resolutions_have_their_share() {
    let mut cache = cache();
    cache.set(key(1), A, false, at(0)).unwrap();
    for number in 1000..2000 {
        let mut dropped = cache.make_room(key(number), Sender::Program, at(0));
        while cache.pop(&mut dropped).is_some() {}
        assert!(matches!(
            send(&mut cache, number, 1, at(0) + Duration::from_millis(number.into())),
            Output::Queued(None)
        ));
    }
    let resolving = cache.iter().filter(|info| info.state == S::Incomplete).count();
    assert_eq!(resolving, limits::NEIGHBORS_INCOMPLETE);
    assert_eq!(state(&cache, 1), Some(S::Stale));
    assert_eq!(state(&cache, 1999), Some(S::Incomplete));
    assert_eq!(state(&cache, 1000), None);
}

/// What this node does for one sender after another: room, then the packet.
fn send_for(cache: &mut NeighborCache<u32>, number: u16, sender: Sender) -> Output<u32> {
    let mut dropped = cache.make_room(key(number), sender, at(0));
    while cache.pop(&mut dropped).is_some() {}
    cache.output(key(number), 1, (SOURCE, sender), at(0))
}

fn resolving(cache: &NeighborCache<u32>) -> usize {
    cache.iter().filter(|info| info.state == S::Incomplete).count()
}

/// RFC 6583, Section 7.1: answers to made-up neighbors take nothing from programs, neither
/// entries nor places for packets, and a program finds room in spite of them.
#[test]
fn answers_never_push_out_what_programs_resolve() {
    let mut cache = cache();
    for number in 1..=10 {
        assert!(matches!(send_for(&mut cache, number, Sender::Program), Output::Queued(None)));
    }
    for number in 1000..2000 {
        for _ in 0..3 {
            send_for(&mut cache, number, Sender::Answer);
        }
    }
    assert_eq!(resolving(&cache), 10 + limits::NEIGHBORS_INCOMPLETE_ANSWERS);
    assert!(cache.packets.available() >= limits::NEIGHBOR_PACKETS_RESERVE);
    for number in 1..=20 {
        assert!(matches!(send_for(&mut cache, number, Sender::Program), Output::Queued(None)));
    }
    assert_eq!(resolving(&cache), 20 + limits::NEIGHBORS_INCOMPLETE_ANSWERS);
    // An answer to a neighbor that a program resolves changes nothing about that.
    send_for(&mut cache, 5, Sender::Answer);
    for number in 2000..3000 {
        send_for(&mut cache, number, Sender::Answer);
    }
    assert!((1..=20).all(|number| state(&cache, number) == Some(S::Incomplete)));
    // What began as an answer and is then wanted by a program is kept as well.
    assert!(matches!(send_for(&mut cache, 2999, Sender::Program), Output::Queued(None)));
    for number in 3000..4000 {
        send_for(&mut cache, number, Sender::Answer);
    }
    assert_eq!(state(&cache, 2999), Some(S::Incomplete));
}

/// A table full of neighbors in use and of answers in resolution: programs get the places of the
/// latter, answers get nothing.
#[test]
fn a_program_takes_the_place_of_an_answer_in_a_full_table() {
    let mut cache = cache();
    for number in 1000..1000 + limits::NEIGHBORS_INCOMPLETE_ANSWERS as u16 {
        send_for(&mut cache, number, Sender::Answer);
    }
    for number in 0..(limits::NEIGHBORS - limits::NEIGHBORS_INCOMPLETE_ANSWERS) as u16 {
        cache.set(key(number), A, true, at(0)).unwrap();
    }
    assert!(matches!(send_for(&mut cache, 5000, Sender::Program), Output::Queued(None)));
    assert_eq!(cache.len(), limits::NEIGHBORS);
    assert_eq!(state(&cache, 5000), Some(S::Incomplete));
    assert_eq!(resolving(&cache), limits::NEIGHBORS_INCOMPLETE_ANSWERS);
    assert!(matches!(send_for(&mut cache, 5001, Sender::Answer), Output::Full(1)));
}

/// RFC 4191, Section 3.5: a router that failed is asked again once per minute, if traffic wants
/// it, and its failure is not forgotten meanwhile.
/// Rows: NH-13
#[test]
fn a_failed_router_is_asked_again_once_per_minute() {
    let mut cache = in_state(S::Failed);
    let poll = |cache: &mut NeighborCache<u32>, now| -> Vec<Due, 16> {
        core::iter::from_fn(|| cache.poll(now, |_| TIMERS, |_| true)).collect()
    };
    let ask_again =
        |cache: &mut NeighborCache<u32>, now| cache.ask_again(key(1), SOURCE, TIMERS, now);
    assert!(!ask_again(&mut cache, at(59)));
    for minute in 1..4 {
        assert_eq!(poll(&mut cache, at(60 * minute))[..], []);
        assert!(ask_again(&mut cache, at(60 * minute)));
        assert!(!ask_again(&mut cache, at(60 * minute + 59)));
        assert!(cache.has_failed(key(1)), "still avoided");
    }
    let answer = Advertised { mac: Some(A), router: true, solicited: true, override_: true };
    cache.on_advertisement(key(1), answer, TIMERS, at(240)).unwrap();
    assert!(!cache.has_failed(key(1)) && !ask_again(&mut cache, at(999)));
    // One that stopped to answer is remembered and asked likewise, RetransTimer and a minute apart.
    let mut cache = in_state(S::Unreachable);
    for minute in 0..4 {
        let now = at(61 * (minute + 1));
        poll(&mut cache, now);
        poll(&mut cache, now);
        assert_eq!(state(&cache, 1), Some(S::Unreachable));
        assert!(!ask_again(&mut cache, now - Duration::from_secs(1)));
        assert!(ask_again(&mut cache, now));
    }
}

#[test]
fn removing_gives_the_waiting_packets_back() {
    let mut cache = in_state(S::Incomplete);
    let (info, mut queue) = cache.remove_one(|info| info.address == key(1).1).unwrap();
    assert_eq!(info.state, S::Incomplete);
    assert_eq!(cache.pop(&mut queue), Some(7));
    assert_eq!(cache.len(), 0);
    assert!(cache.remove_one(|_| true).is_none());
    assert_eq!(poll(&mut cache, at(100))[..], []);
}
