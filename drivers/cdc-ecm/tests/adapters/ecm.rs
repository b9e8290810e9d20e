//! CDC-ECM adapters, from plugging in to pulling out.

use crate::bench::{BUFFERS, Bench, frame};
use cdc_ecm::{Error, Preference, Protocol};
use net::netif::{LinkDrop, LinkState, MacAddress, ReceiveFilter};
use std::time::Duration;
use usb_core::host::TransferError;
use usb_core::pipe::Speed;
use usb_sim::{EthernetDevice, Options};

const SECOND: Duration = Duration::from_secs(1);

fn qemu() -> Bench {
    Bench::up(&EthernetDevice::qemu(), Options::new(Speed::Full), Preference::first(Protocol::Ecm))
}

#[test]
fn the_emulated_adapter_comes_up_in_its_second_configuration() {
    let bench = qemu();
    assert_eq!(bench.world.address_and_configuration(bench.device).1, 1);
    let mac = MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x57]);
    assert_eq!(*bench.bus.drivers().identity.borrow(), [(mac, 1500, "cdc-ecm")]);
    // Multicast must pass, or Neighbor Discovery would not work.
    assert_eq!(bench.ethernet.state.borrow().filter, Some(0x0e));
    // The data interface is set to 0 and then to 1, which alone has endpoints.
    let settings: Vec<_> = bench
        .world
        .requests(bench.device)
        .iter()
        .filter(|setup| (setup.request_type, setup.request) == (1, 11))
        .map(|setup| (setup.index, setup.value))
        .collect();
    assert_eq!(settings, [(1, 0), (1, 1)]);
    assert_eq!(*bench.port().links.borrow(), [LinkState::Up { speed: None }]);
    bench.finish();
}

#[test]
fn a_high_speed_adapter_with_a_vendor_configuration_first() {
    let mut bench = Bench::up(
        &EthernetDevice::rtl8153(),
        Options::new(Speed::High),
        Preference::first(Protocol::Ecm),
    );
    assert_eq!(bench.world.address_and_configuration(bench.device).1, 2);
    let frames: Vec<_> = [60, 511, 512, 513, 1024, 1514]
        .into_iter()
        .zip(0..)
        .map(|(length, number)| frame(number, length))
        .collect();
    for frame in &frames {
        bench.network_sends(frame);
        bench.stack_sends(frame);
    }
    bench.expect_received(&frames);
    bench.expect_sent(&frames);
    bench.finish();
}

#[test]
fn frames_of_every_length_both_ways() {
    let mut bench = qemu();
    let frames: Vec<_> = (60..1515)
        .step_by(7)
        .chain([64, 128, 1472, 1514])
        .map(|length| frame(length as u8, length))
        .collect();
    for some in frames.chunks(8) {
        for frame in some {
            bench.network_sends(frame);
            bench.stack_sends(frame);
        }
        bench.executor.run_for(Duration::from_millis(20));
    }
    bench.expect_received(&frames);
    bench.expect_sent(&frames);
    assert_eq!(bench.counters().received, frames.len() as u64);
    assert_eq!(bench.counters().sent, frames.len() as u64);
    assert_eq!(*bench.port().drops.borrow(), []);
    bench.finish();
}

#[test]
fn short_frames_are_padded_with_zeros() {
    let mut bench = qemu();
    let short = frame(1, 42);
    bench.stack_sends(&short);
    let mut padded = short;
    padded.resize(60, 0);
    bench.expect_sent(&[padded]);
    bench.finish();
}

#[test]
fn frames_that_no_link_carries_are_dropped_and_counted() {
    let mut bench = qemu();
    bench.network_sends(&frame(1, 13));
    bench.network_sends(&frame(2, 1519));
    bench.network_sends(&frame(3, 2048));
    bench.ethernet.send_raw(&bench.world, Vec::new());
    let good = frame(4, 1518);
    bench.network_sends(&good);
    bench.expect_received(&[good]);
    assert_eq!(
        *bench.port().drops.borrow(),
        [LinkDrop::ReceiveTooShort, LinkDrop::ReceiveTooLong, LinkDrop::ReceiveTooLong],
    );
    assert_eq!(bench.counters().empty_transfers, 2);
    // Nor are such frames sent.
    bench.stack_sends(&frame(5, 1519));
    bench.executor.run_for(SECOND);
    assert_eq!(bench.counters().oversize, 1);
    assert_eq!(bench.port().drops.borrow().last(), Some(&LinkDrop::TransmitError));
    bench.finish();
}

#[test]
fn a_frame_longer_than_the_window_is_dropped_as_a_whole() {
    let mut bench = qemu();
    // It comes as a full window and a rest.
    bench.ethernet.send_raw(&bench.world, frame(1, 2048));
    bench.ethernet.send_raw(&bench.world, frame(2, 2048));
    bench.ethernet.send_raw(&bench.world, frame(3, 100));
    let good = frame(4, 100);
    bench.network_sends(&good);
    bench.expect_received(&[good]);
    assert_eq!(bench.counters().too_long, 1);
    bench.finish();
}

#[test]
fn an_exhausted_pool_is_waited_for() {
    let mut bench = qemu();
    bench.port().keep.set(true);
    let frames: Vec<_> = (0..BUFFERS as u8 + 8).map(|number| frame(number, 100)).collect();
    for frame in &frames {
        bench.network_sends(frame);
    }
    bench.executor.run_for(SECOND);
    assert_eq!(bench.pool.free(), 0);
    let received = bench.port().received.borrow().len();
    assert!(received < frames.len());
    assert_eq!(*bench.port().drops.borrow(), [LinkDrop::ReceiveNoBuffer]);
    bench.port().keep.set(false);
    bench.port().kept.borrow_mut().clear();
    bench.expect_received(&frames);
    assert_eq!(bench.counters().no_buffer, 1);
    bench.finish();
}

#[test]
fn a_receive_transfer_is_always_armed() {
    let mut bench = qemu();
    bench.executor.run_for(SECOND);
    assert!(bench.world.in_flight() >= 1);
    bench.network_sends(&frame(1, 100));
    bench.expect_received(&[frame(1, 100)]);
    assert!(bench.world.in_flight() >= 1);
    bench.finish();
}

#[test]
fn the_link_follows_the_notifications() {
    let mut bench = qemu();
    let say = |bench: &mut Bench, what: &[u8]| {
        bench.ethernet.notify(what);
        bench.executor.run_for(SECOND);
    };
    say(&mut bench, &[0xa1, 0, 0, 0, 0, 0, 0, 0]);
    say(&mut bench, &[0xa1, 0, 0, 0, 0, 0, 0, 0]);
    say(&mut bench, &[0xa1, 0, 1, 0, 1, 0, 0, 0]);
    let speed = [0xa1, 0x2a, 0, 0, 0, 0, 8, 0, 0x00, 0xe1, 0xf5, 0x05, 0x00, 0xe1, 0xf5, 0x05];
    say(&mut bench, &speed);
    say(&mut bench, &speed);
    let up = |speed| LinkState::Up { speed };
    assert_eq!(*bench.port().links.borrow(), [up(None), LinkState::Down, up(None), up(Some(100))]);
    assert_eq!(bench.counters().notifications, 5);
    bench.finish();
}

#[test]
fn an_address_of_no_station_is_replaced() {
    for text in ["", "000000000000", "010000000000", "hello, world"] {
        let ethernet = EthernetDevice::qemu();
        ethernet.state.borrow_mut().quirks.mac_text = text.into();
        let bench =
            Bench::up(&ethernet, Options::new(Speed::Full), Preference::first(Protocol::Ecm));
        let (mac, ..) = bench.bus.drivers().identity.borrow()[0];
        assert_eq!(mac, MacAddress([0xfe, 1, 2, 3, 4, 5]));
        bench.finish();
    }
}

#[test]
fn a_device_without_packet_filter_works() {
    let ethernet = EthernetDevice::qemu();
    ethernet.state.borrow_mut().quirks.no_packet_filter = true;
    let mut bench =
        Bench::up(&ethernet, Options::new(Speed::Full), Preference::first(Protocol::Ecm));
    bench.network_sends(&frame(1, 60));
    bench.expect_received(&[frame(1, 60)]);
    bench.finish();
}

#[test]
fn failed_transfers_are_got_over() {
    for no_clear_halt in [true, false] {
        for error in [TransferError::Stall, TransferError::Transaction, TransferError::Babble] {
            let ethernet = EthernetDevice::qemu();
            ethernet.state.borrow_mut().quirks.no_clear_halt = no_clear_halt;
            let mut bench =
                Bench::up(&ethernet, Options::new(Speed::Full), Preference::first(Protocol::Ecm));
            // An odd number of packets each way, so that a toggle that is not reset shows.
            bench.network_sends(&frame(0, 60));
            bench.stack_sends(&frame(0, 60));
            bench.executor.run_for(SECOND);
            bench.world.fail_transfers(bench.device, &[error; 3]);
            bench.stack_sends(&frame(1, 60));
            bench.executor.run_for(SECOND * 2);
            bench.network_sends(&frame(2, 60));
            bench.stack_sends(&frame(3, 60));
            bench.executor.run_for(SECOND);
            assert_eq!(bench.port().received.borrow().last(), Some(&frame(2, 60)));
            assert_eq!(bench.ethernet.state.borrow().from_host.last(), Some(&frame(3, 60)));
            assert_eq!(*bench.bus.drivers().ends.borrow(), []);
            bench.finish();
        }
    }
}

#[test]
fn a_device_that_takes_no_frames_is_started_anew() {
    let mut bench = qemu();
    bench.ethernet.state.borrow_mut().quirks.deaf_out = true;
    for number in 0..3 {
        bench.stack_sends(&frame(number, 60));
    }
    bench.executor.run_for(SECOND * 20);
    let ends = bench.bus.drivers().ends.borrow().clone();
    assert!(matches!(ends[..], [Error::Transfer(_, TransferError::Timeout), ..]), "{ends:?}");
    assert_eq!(bench.counters().transmit_errors, 3);
    bench.ethernet.state.borrow_mut().quirks.deaf_out = false;
    bench.executor.run_for(SECOND * 20);
    bench.stack_sends(&frame(9, 60));
    bench.expect_sent(&[frame(9, 60)]);
    assert!(bench.world.resets(bench.device) >= 2);
    bench.finish();
}

#[test]
fn gone_and_back_again_in_the_middle_of_traffic() {
    let mut bench = qemu();
    for round in 0..20_u8 {
        for number in 0..4 {
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
    assert_eq!(bench.bus.drivers().ends.borrow().len(), 20);
    bench.network_sends(&frame(99, 99));
    bench
        .until("the frame is there", |b| b.port().received.borrow().last() == Some(&frame(99, 99)));
    bench.finish();
}

#[test]
fn a_flood_does_not_starve_the_rest() {
    let mut bench = qemu();
    for number in 0..=255 {
        bench.network_sends(&frame(number, 1000));
    }
    bench.stack_sends(&frame(0, 60));
    bench.expect_sent(&[frame(0, 60)]);
    bench.until("all are received", |b| b.port().received.borrow().len() == 256);
    bench.finish();
}

/// NCM devices have the same request, and RNDIS devices an object of their own for it.
#[test]
fn all_frames_come_while_somebody_wants_them() {
    for (preference, own, all) in [
        (Preference::first(Protocol::Ecm), 0x0e, 0x0f),
        (Preference::first(Protocol::Rndis), 0x0d, 0x2d),
    ] {
        let mut bench = Bench::up(&EthernetDevice::qemu(), Options::new(Speed::Full), preference);
        let filter = |bench: &Bench| bench.ethernet.state.borrow().filter;
        assert_eq!(filter(&bench), Some(own));
        bench.stack_wants(ReceiveFilter::All);
        bench.until("all frames pass", |bench| filter(bench) == Some(all));
        let sent = frame(1, 100);
        bench.network_sends(&sent);
        bench.expect_received(&[sent]);
        bench.stack_wants(ReceiveFilter::Own);
        bench.until("only its own pass", |bench| filter(bench) == Some(own));
        bench.finish();
    }
}
