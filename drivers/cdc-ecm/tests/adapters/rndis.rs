//! RNDIS adapters, from plugging in to pulling out.

use crate::bench::{Bench, frame};
use cdc_ecm::{Error, Preference, Protocol};
use net::netif::{LinkDrop, LinkState, MacAddress};
use std::time::Duration;
use usb_core::pipe::Speed;
use usb_sim::{EthernetDevice, Options, Quirks};

const SECOND: Duration = Duration::from_secs(1);

fn with(quirks: Quirks) -> Bench {
    let ethernet = EthernetDevice::qemu();
    ethernet.state.borrow_mut().quirks = quirks;
    Bench::up(&ethernet, Options::new(Speed::Full), Preference::first(Protocol::Rndis))
}

fn plain() -> Bench {
    with(Quirks::default())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A message with a frame in it.
fn message(frame: &[u8]) -> Vec<u8> {
    let mut bytes = cdc_ecm::data_header(frame.len(), 0).to_vec();
    bytes.extend(frame);
    bytes
}

#[test]
fn the_emulated_adapter_comes_up_in_its_first_configuration() {
    let bench = plain();
    assert_eq!(bench.world.address_and_configuration(bench.device).1, 2);
    let mac = MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x57]);
    assert_eq!(*bench.bus.drivers().identity.borrow(), [(mac, 1500, "rndis")]);
    assert_eq!(bench.ethernet.state.borrow().filter, Some(0x0d));
    assert_eq!(*bench.port().links.borrow(), [LinkState::Up { speed: Some(100) }]);
    bench.finish();
}

#[test]
fn frames_of_every_length_both_ways() {
    for no_zero_length_packet in [false, true] {
        let mut bench = with(Quirks { no_zero_length_packet, ..Quirks::default() });
        let frames: Vec<_> =
            (60..1515).step_by(7).chain([84, 148, 1492]).map(|l| frame(l as u8, l)).collect();
        for frame in &frames {
            bench.network_sends(frame);
            bench.stack_sends(frame);
            bench.executor.run_for(Duration::from_millis(2));
        }
        bench.expect_received(&frames);
        bench.expect_sent(&frames);
        assert_eq!(*bench.port().drops.borrow(), []);
        bench.finish();
    }
}

#[test]
fn messages_that_share_transfers_and_straddle_them() {
    let mut bench = with(Quirks { batches: true, ..Quirks::default() });
    let frames: Vec<_> =
        (0..120).map(|number| frame(number, 60 + usize::from(number) * 11)).collect();
    for some in frames.chunks(12) {
        for frame in some {
            bench.network_sends(frame);
        }
        bench.executor.run_for(Duration::from_millis(10));
    }
    bench.expect_received(&frames);
    assert!(bench.counters().copied > 0);
    assert!(bench.counters().straddling > 0);
    assert_eq!(*bench.port().drops.borrow(), []);
    bench.finish();
}

#[test]
fn answers_may_be_late() {
    let bench = with(Quirks { late_answers: 5, ..Quirks::default() });
    assert!(bench.counters().late_answers >= 4);
    bench.finish();
}

#[test]
fn a_small_transfer_size_makes_a_small_mtu() {
    let bench = with(Quirks { max_transfer_size: 1400, ..Quirks::default() });
    assert_eq!(bench.bus.drivers().identity.borrow()[0].1, 1400 - 44 - 14);
    bench.finish();
    // Below what IPv6 needs there is no interface, and no endless restarting either.
    let ethernet = EthernetDevice::qemu();
    ethernet.state.borrow_mut().quirks.max_transfer_size = 1000;
    let mut bench =
        Bench::new(&ethernet, Options::new(Speed::Full), Preference::first(Protocol::Rndis));
    bench.world.attach_root(bench.device);
    bench.executor.run_for(SECOND * 30);
    assert_eq!(*bench.bus.drivers().ends.borrow(), [Error::TransferSize(1000 - 44 - 14)]);
}

#[test]
fn an_address_of_no_station_is_replaced() {
    let bench = with(Quirks { mac: [1, 0, 0, 0, 0, 0], ..Quirks::default() });
    assert_eq!(bench.bus.drivers().identity.borrow()[0].0, MacAddress([0xfe, 1, 2, 3, 4, 5]));
    bench.finish();
}

#[test]
fn the_device_indicates_and_asks() {
    let mut bench = plain();
    let say = |bench: &mut Bench, what: &[u32]| {
        bench.ethernet.state.borrow_mut().responses.push_back(words(what));
        bench.ethernet.notify(&[0xa1, 1, 0, 0, 0, 0, 0, 0]);
        bench.executor.run_for(SECOND);
    };
    say(&mut bench, &[7, 20, 0x4001_000c, 0, 0]);
    say(&mut bench, &[8, 12, 77]);
    say(&mut bench, &[7, 20, 0x4001_000b, 0, 0]);
    say(&mut bench, &[7, 20, 0x1234_5678, 0, 0]);
    assert_eq!(
        *bench.port().links.borrow(),
        [LinkState::Up { speed: Some(100) }, LinkState::Down, LinkState::Up { speed: None }]
    );
    assert_eq!(bench.ethernet.state.borrow().keepalive_answers, 1);
    bench.finish();
}

#[test]
fn the_device_is_asked_and_found_dead() {
    let mut bench = plain();
    bench.executor.run_for(SECOND * 21);
    assert_eq!(bench.ethernet.state.borrow().keepalives, 4);
    assert_eq!(bench.counters().keepalives, 4);
    bench.ethernet.state.borrow_mut().mute = true;
    bench.executor.run_for(SECOND * 20);
    assert_eq!(bench.counters().keepalive_failures, 3);
    assert_eq!(*bench.bus.drivers().ends.borrow(), [Error::NoAnswer]);
    bench.ethernet.state.borrow_mut().mute = false;
    bench.until("it is up again", |b| {
        matches!(b.port().links.borrow().last(), Some(LinkState::Up { .. }))
    });
    bench.finish();
}

#[test]
fn nonsense_on_the_data_path_is_dropped_and_counted() {
    let mut bench = plain();
    let good = frame(1, 100);
    // Too short for a header, a length below it, one beyond the transfer, a frame outside.
    let mut outside = message(&good);
    outside[8..12].copy_from_slice(&words(&[200]));
    for nonsense in [
        vec![1; 20],
        words(&[1, 4, 36, 0]),
        words(&[1, 4000, 36, 60]),
        outside,
        words(&[0x7777, 3, 0, 0]),
    ] {
        bench.ethernet.send_raw(&bench.world, nonsense);
        bench.ethernet.send_raw(&bench.world, message(&good));
    }
    bench.expect_received(&vec![good.clone(); 5]);
    assert_eq!(bench.counters().malformed, 5);
    assert_eq!(*bench.port().drops.borrow(), [LinkDrop::ReceiveMalformed; 5]);
    // Control messages among the frames, and padding behind them, are no nonsense.
    let mut mixed = words(&[7, 20, 0x4001_000b, 0, 0]);
    mixed.extend(message(&good));
    mixed.push(0);
    bench.ethernet.send_raw(&bench.world, mixed);
    bench.expect_received(&vec![good; 6]);
    assert_eq!(bench.counters().malformed, 5);
    assert_eq!(bench.counters().other_messages, 1);
    bench.finish();
}

#[test]
fn a_message_larger_than_any_buffer_is_dropped() {
    let mut bench = plain();
    // It claims 6000 bytes and fills window after window.
    let mut large = message(&frame(1, 5956));
    large.truncate(2048);
    bench.ethernet.send_raw(&bench.world, large);
    bench.ethernet.send_raw(&bench.world, vec![0x55; 2048]);
    bench.ethernet.send_raw(&bench.world, vec![0x55; 1904]);
    let good = frame(2, 90);
    bench.network_sends(&good);
    bench.expect_received(&[good]);
    assert_eq!(bench.counters().malformed, 1);
    bench.finish();
}

#[test]
fn gone_at_any_moment_of_the_start() {
    for step in 0..60 {
        let mut bench = Bench::new(
            &EthernetDevice::qemu(),
            Options::new(Speed::Full),
            Preference::first(Protocol::Rndis),
        );
        bench.world.attach_root(bench.device);
        let world = bench.world.clone();
        let device = bench.device;
        bench.executor.run_until(SECOND * 5, || world.requests(device).len() >= step);
        bench.world.detach(device);
        bench.executor.run_for(SECOND * 5);
        assert_eq!(bench.world.open_pipes(), 0);
        assert_eq!(bench.pool.free(), crate::bench::BUFFERS);
        bench.world.attach_root(device);
        bench.until("the link is up", |b| {
            matches!(b.port().links.borrow().last(), Some(LinkState::Up { .. }))
        });
        bench.finish();
    }
}
