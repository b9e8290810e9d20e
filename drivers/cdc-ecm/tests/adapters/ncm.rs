//! CDC-NCM adapters, from plugging in to pulling out.

use crate::bench::{BUFFERS, Bench, frame};
use cdc_ecm::{Error, Preference};
use net::netif::{LinkDrop, LinkState, MacAddress};
use std::time::Duration;
use usb_core::host::TransferError;
use usb_core::pipe::Speed;
use usb_sim::{EthernetDevice, Options, ncm, ncm_configuration};

const SECOND: Duration = Duration::from_secs(1);

fn device(quirks: ncm::Quirks) -> EthernetDevice {
    let device = vec![18, 1, 0, 2, 2, 0, 0, 64, 0x25, 0x05, 0xa1, 0xa4, 0, 1, 1, 2, 10, 1];
    let ethernet = EthernetDevice::with_descriptors(device, vec![ncm_configuration()]);
    ethernet.state.borrow_mut().quirks.ntb = quirks;
    ethernet
}

fn with(quirks: ncm::Quirks) -> Bench {
    Bench::up(&device(quirks), Options::new(Speed::High), Preference::default())
}

fn plain() -> Bench {
    with(ncm::Quirks::default())
}

/// Frames of lengths that meet every boundary.
fn frames() -> Vec<Vec<u8>> {
    let lengths = (60..1515).step_by(13).chain([467, 484, 512, 979, 996, 1024, 1491, 1508, 1514]);
    lengths.map(|length| frame(length as u8, length)).collect()
}

fn exchange(bench: &mut Bench, frames: &[Vec<u8>]) {
    for some in frames.chunks(5) {
        for frame in some {
            bench.network_sends(frame);
            bench.stack_sends(frame);
        }
        bench.executor.run_for(Duration::from_millis(20));
    }
    bench.expect_received(frames);
    bench.expect_sent(frames);
    assert_eq!(*bench.port().drops.borrow(), []);
    assert_eq!(bench.counters().malformed, 0);
    assert_eq!(bench.counters().sequence_gaps, 0);
}

#[test]
fn the_device_is_asked_for_blocks_of_one_buffer() {
    let bench = plain();
    let mac = MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x57]);
    assert_eq!(*bench.bus.drivers().identity.borrow(), [(mac, 1500, "cdc-ncm")]);
    assert_eq!(bench.ethernet.state.borrow().filter, Some(0x0e));
    assert_eq!(bench.ethernet.state.borrow().ntb.input_size, Some(2048));
    // Everything is settled in setting 0, which carries nothing.
    let requests: Vec<_> = bench
        .world
        .requests(bench.device)
        .iter()
        .filter(|setup| setup.request_type & 0x7f != 0 && setup.request != 6)
        .map(|setup| (setup.request_type, setup.request, setup.value))
        .collect();
    let expected = [
        (0x01, 11, 0),
        (0xa1, 0x80, 0),
        (0x21, 0x84, 0),
        (0x21, 0x86, 0),
        (0x21, 0x43, 0x0e),
        (0x01, 11, 1),
    ];
    assert_eq!(requests, expected);
    bench.finish();
}

#[test]
fn frames_of_every_length_both_ways() {
    let mut bench = plain();
    exchange(&mut bench, &frames());
    // One that is alone is sent in its own buffer, several small ones go together.
    assert!(bench.counters().blocks > 0);
    bench.finish();
}

#[test]
fn every_layout_that_a_device_may_ask_for() {
    for (divisor, remainder, alignment) in
        [(4, 0, 4), (4, 1, 4), (8, 6, 16), (64, 0, 64), (512, 14, 4), (1024, 30, 32), (3, 9, 0)]
    {
        let mut bench =
            with(ncm::Quirks { divisor, remainder, alignment, ..ncm::Quirks::default() });
        if divisor == 3 {
            // Values that make no sense: the standard's least ones are taken.
            let mut state = bench.ethernet.state.borrow_mut();
            (state.quirks.ntb.divisor, state.quirks.ntb.remainder) = (4, 0);
            state.quirks.ntb.alignment = 4;
        }
        exchange(&mut bench, &frames());
        bench.finish();
    }
}

#[test]
fn tables_may_be_last_and_lengths_missing() {
    for (table_last, no_block_length) in [(true, false), (false, true), (true, true)] {
        let quirks = ncm::Quirks { table_last, no_block_length, ..ncm::Quirks::default() };
        let mut bench = with(quirks);
        exchange(&mut bench, &frames());
        bench.finish();
    }
}

#[test]
fn blocks_larger_than_a_buffer_are_put_together() {
    for (in_max_size, table_last) in [(4096, true), (16384, false), (32768, true)] {
        let refuses_input_size = true;
        let quirks =
            ncm::Quirks { in_max_size, table_last, refuses_input_size, ..Default::default() };
        let mut bench = with(quirks);
        assert_eq!(bench.ethernet.state.borrow().ntb.input_size, None);
        let frames: Vec<_> =
            (0..100).map(|number| frame(number, 60 + usize::from(number) * 14)).collect();
        for some in frames.chunks(30) {
            for frame in some {
                bench.network_sends(frame);
            }
            bench.executor.run_for(Duration::from_millis(20));
        }
        bench.expect_received(&frames);
        assert!(bench.counters().blocks < 100);
        assert!(bench.counters().copied > 50);
        assert_eq!(*bench.port().drops.borrow(), []);
        bench.finish();
    }
}

#[test]
fn blocks_of_the_largest_size_are_ended_by_nothing() {
    // 12 KiB and 16 KiB take several buffers, the last one only in part; 1536 and 1500 bytes are
    // less than the standard has.
    for (in_max_size, refuses_input_size) in
        [(16384, false), (16384, true), (12288, true), (32768, true), (1536, true), (1600, true)]
    {
        for no_block_length in [false, true] {
            let quirks = ncm::Quirks {
                in_max_size,
                refuses_input_size,
                no_block_length,
                fills_up: true,
                ..ncm::Quirks::default()
            };
            let mut bench = with(quirks);
            let frames: Vec<_> =
                (0..80).map(|number| frame(number, 60 + usize::from(number) * 17)).collect();
            for some in frames.chunks(30) {
                for frame in some {
                    bench.network_sends(frame);
                }
                bench.executor.run_for(Duration::from_millis(20));
            }
            bench.expect_received(&frames);
            assert_eq!(*bench.port().drops.borrow(), []);
            bench.finish();
        }
    }
}

#[test]
fn a_small_device_gets_and_sends_small_blocks() {
    let quirks = ncm::Quirks {
        in_max_size: 2048,
        out_max_size: 1600,
        max_datagrams: 2,
        ..ncm::Quirks::default()
    };
    let mut bench = with(quirks);
    assert_eq!(bench.ethernet.state.borrow().ntb.input_size, None);
    exchange(&mut bench, &frames());
    bench.finish();
    // Below what IPv6 needs there is no interface, and no endless restarting either.
    let small = ncm::Quirks { out_max_size: 1300, ..ncm::Quirks::default() };
    let none = ncm::Quirks { in_max_size: 0, ..ncm::Quirks::default() };
    for (quirks, size) in [(small, 1300 - 28 - 14), (none, 0)] {
        let options = Options::new(Speed::High);
        let mut bench = Bench::new(&device(quirks), options, Preference::default());
        bench.world.attach_root(bench.device);
        bench.executor.run_for(SECOND * 30);
        assert_eq!(*bench.bus.drivers().ends.borrow(), [Error::TransferSize(size)]);
    }
}

#[test]
fn small_frames_that_wait_share_a_block() {
    let mut bench = plain();
    let frames: Vec<_> = (0..24).map(|number| frame(number, 74)).collect();
    for frame in &frames {
        bench.stack_sends(frame);
    }
    bench.expect_sent(&frames);
    // The first may have gone alone, before the others were there.
    assert!(bench.ethernet.state.borrow().transfers <= 3);
    assert!(bench.counters().gathered >= 20);
    bench.finish();
}

#[test]
fn large_frames_between_small_ones_keep_their_place() {
    let mut bench = plain();
    let frames: Vec<_> =
        (0..60).map(|n| frame(n, if n % 3 == 1 { 1514 } else { 60 + usize::from(n) })).collect();
    for frame in &frames {
        bench.stack_sends(frame);
    }
    bench.expect_sent(&frames);
    assert_eq!(bench.counters().sent, 60);
    bench.finish();
}

#[test]
fn blocks_that_make_no_sense_are_dropped_and_counted() {
    let mut bench = plain();
    let good = frame(1, 100);
    let mut cut = b"NCMH".to_vec();
    cut.extend([12, 0, 0, 0, 200, 0, 12, 0]);
    let mut endless = cut.clone();
    endless[8..10].copy_from_slice(&[0xff, 0xff]);
    endless.resize(2048, 0);
    for nonsense in [vec![vec![1; 20]], vec![cut], vec![endless.clone(), endless, vec![0; 100]]] {
        for transfer in nonsense {
            bench.ethernet.send_raw(&bench.world, transfer);
        }
        bench.network_sends(&good);
    }
    bench.expect_received(&vec![good.clone(); 3]);
    assert_eq!(bench.counters().malformed, 3);
    assert_eq!(*bench.port().drops.borrow(), [LinkDrop::ReceiveMalformed; 3]);
    // A lost block is noticed.
    bench.ethernet.state.borrow_mut().ntb.sequence += 5;
    bench.network_sends(&good);
    bench.expect_received(&vec![good; 4]);
    assert_eq!(bench.counters().sequence_gaps, 1);
    bench.finish();
}

#[test]
fn a_device_without_parameters_is_given_up_after_a_while() {
    let quirks = ncm::Quirks { short_parameters: true, ..ncm::Quirks::default() };
    let mut bench = Bench::new(&device(quirks), Options::new(Speed::High), Preference::default());
    bench.world.attach_root(bench.device);
    bench.executor.run_for(SECOND * 300);
    let ends = bench.bus.drivers().ends.borrow().clone();
    assert!(ends.len() > 1 && ends.iter().all(|end| *end == Error::NtbParameters), "{ends:?}");
    assert!(ends.len() < 10);
}

#[test]
fn speed_and_link_come_in_either_order() {
    let mut bench = plain();
    let say = |bench: &mut Bench, what: &[u8]| {
        bench.ethernet.notify(what);
        bench.executor.run_for(SECOND);
    };
    let gigabit = [0xa1, 0x2a, 0, 0, 0, 0, 8, 0, 0x00, 0xca, 0x9a, 0x3b, 0x00, 0xca, 0x9a, 0x3b];
    say(&mut bench, &[0xa1, 0, 0, 0, 0, 0, 0, 0]);
    // NCM 1.0 section 7.1: the speed first, then the news that there is a link.
    say(&mut bench, &gigabit);
    say(&mut bench, &[0xa1, 0, 1, 0, 0, 0, 0, 0]);
    let up = |speed| LinkState::Up { speed };
    assert_eq!(*bench.port().links.borrow(), [up(None), LinkState::Down, up(Some(1000))]);
    bench.finish();
}

#[test]
fn a_failed_block_loses_its_frames_only_once() {
    let mut bench = plain();
    bench.stack_sends(&frame(0, 60));
    bench.executor.run_for(SECOND);
    bench.world.fail_transfers(bench.device, &[TransferError::Transaction; 3]);
    for number in 1..4 {
        bench.stack_sends(&frame(number, 60));
    }
    bench.executor.run_for(SECOND * 2);
    bench.stack_sends(&frame(9, 60));
    bench.executor.run_for(SECOND);
    let sent = bench.ethernet.state.borrow().from_host.len() as u64;
    assert_eq!(sent + bench.counters().transmit_errors, 5);
    assert_eq!(bench.counters().sent, sent);
    bench.finish();
}

#[test]
fn gone_and_back_again_in_the_middle_of_traffic() {
    let mut bench = plain();
    for round in 0..20_u8 {
        for number in 0..6 {
            bench.network_sends(&frame(number, 60 + usize::from(round)));
            bench.stack_sends(&frame(number, 60));
        }
        bench.executor.run_for(Duration::from_micros(u64::from(round) * 130));
        bench.world.detach(bench.device);
        bench.executor.run_for(SECOND * 3);
        assert_eq!(bench.world.open_pipes(), 0);
        assert_eq!(bench.pool.free(), BUFFERS);
        assert_eq!(bench.bus.drivers().ends.borrow().last(), Some(&Error::Disconnected));
        let links = bench.port().links.borrow().len();
        bench.world.attach_root(bench.device);
        bench.until("the link is up again", |b| b.port().links.borrow().len() > links);
    }
    bench.network_sends(&frame(99, 99));
    bench
        .until("the frame is there", |b| b.port().received.borrow().last() == Some(&frame(99, 99)));
    bench.finish();
}
