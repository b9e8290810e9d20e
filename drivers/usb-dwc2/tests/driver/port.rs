//! The root port: attach, reset, speed, detach, over-current, babble.

use crate::model::device::Way;
use crate::model::{Bench, Device, Fault, Flavor};
use std::time::Duration;
use usb_core::host::{Clock, HostController, RootPortState, TransferError};
use usb_core::pipe::Speed;

fn started() -> Bench {
    let bench = Bench::new(Flavor::Hardware);
    bench.run(bench.driver.start()).unwrap();
    bench
}

#[test]
fn every_speed_is_found_and_gets_its_frame_interval() {
    for speed in [Speed::Low, Speed::Full, Speed::High] {
        let bench = started();
        let id = bench.model.add(Device::new(speed, 8));
        bench.run(bench.driver.root_port_changed());
        bench.model.state().plug_root(id);
        bench.run(bench.driver.root_port_changed());
        assert_eq!(bench.driver.root_port(), RootPortState::Connected);
        assert_eq!(bench.run(bench.driver.reset_root_port()), Ok(speed));
        assert_eq!(bench.driver.root_port(), RootPortState::Enabled(speed));
        // The model asserts the interval when the first channel is enabled.
        let pipe = bench.control_pipe(id);
        assert_eq!(bench.run(bench.read_memory(&pipe, 18)).unwrap().len(), 18);
    }
}

#[test]
fn a_bouncing_contact_is_waited_for() {
    let bench = started();
    let id = bench.model.add(Device::new(Speed::Full, 64));
    let plug = async {
        for _ in 0..3 {
            bench.model.state().plug_root(id);
            bench.clock.sleep(Duration::from_millis(40)).await;
            bench.model.state().unplug_root();
            bench.clock.sleep(Duration::from_millis(10)).await;
        }
        bench.model.state().plug_root(id);
    };
    // The model asserts 100 ms of stable connection before the reset.
    let (speed, ()) = bench.run(embassy_futures::join::join(bench.driver.reset_root_port(), plug));
    assert_eq!(speed, Ok(Speed::Full));
}

#[test]
fn resetting_an_empty_port_fails() {
    let bench = started();
    assert_eq!(bench.run(bench.driver.reset_root_port()), Err(TransferError::Disconnected));
}

#[test]
fn a_reset_that_is_dropped_ends_reset_signalling() {
    let bench = started();
    let id = bench.model.add(Device::new(Speed::Full, 64));
    bench.model.state().plug_root(id);
    let interrupted = bench.run(embassy_futures::select::select(
        bench.driver.reset_root_port(),
        bench.clock.sleep(Duration::from_millis(160)),
    ));
    assert!(matches!(interrupted, embassy_futures::select::Either::Second(())));
    assert_eq!(bench.model.peek().hprt0 & 1 << 8, 0);
}

#[test]
fn detach_ends_transfers_and_the_next_device_works() {
    let device = Device::new(Speed::Full, 64).endpoint(1, Way::In, 64, false);
    let (bench, first) = Bench::with(Flavor::Hardware, device);
    // As on hardware: channels of a dead port stay enabled and do not halt.
    bench.model.state().halts_work = false;
    let pipe = bench.pipe(bench.config(first, 1, Way::In));
    let unplug = async {
        bench.clock.sleep(Duration::from_millis(50)).await;
        bench.model.state().unplug_root();
    };
    let (result, ()) =
        bench.run(embassy_futures::join::join(bench.bulk_in(&pipe, 2048, None), unplug));
    assert_eq!(result, Err(TransferError::Disconnected));
    assert_eq!(bench.driver.root_port(), RootPortState::Empty);
    assert_eq!(bench.driver.statistics().core_resets, 1);
    bench.check_clean();
    bench.run(bench.driver.close_pipe(pipe));

    let second = bench.model.add(Device::new(Speed::High, 64));
    bench.model.state().plug_root(second);
    assert_eq!(bench.run(bench.driver.reset_root_port()), Ok(Speed::High));
    let pipe = bench.control_pipe(second);
    assert!(bench.run(bench.read_memory(&pipe, 64)).is_ok());
}

#[test]
fn transfers_after_detach_end_at_once() {
    let device = Device::new(Speed::Full, 64).endpoint(2, Way::Out, 64, false);
    let (bench, id) = Bench::with(Flavor::Hardware, device);
    let pipe = bench.pipe(bench.config(id, 2, Way::Out));
    let control = bench.control_pipe(id);
    bench.model.state().unplug_root();
    assert_eq!(bench.run(bench.bulk_out(&pipe, &[1; 10], false)), Err(TransferError::Disconnected));
    assert_eq!(bench.run(bench.read_memory(&control, 8)), Err(TransferError::Disconnected));
    bench.check_clean();
}

#[test]
fn a_port_disabled_by_babble_is_reported_and_comes_back() {
    let device = Device::new(Speed::Full, 64).endpoint(1, Way::In, 64, false);
    let (bench, id) = Bench::with(Flavor::Hardware, device);
    bench.run(bench.driver.root_port_changed());
    let pipe = bench.pipe(bench.config(id, 1, Way::In));
    bench.model.device(id).fault(1, Way::In, &[Fault::BabbleAndDisable]);
    bench.model.device(id).at(1, Way::In).send(b"x");
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)), Err(TransferError::Babble));
    bench.run(bench.driver.root_port_changed());
    assert_eq!(bench.driver.root_port(), RootPortState::Connected);
    assert_eq!(bench.driver.statistics().port_disables, 1);
    assert_eq!(bench.driver.statistics().babbles, 1);
    assert_eq!(bench.run(bench.driver.reset_root_port()), Ok(Speed::Full));
    bench.driver.reset_toggle(&pipe);
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)).unwrap(), b"x");
}

#[test]
fn over_current_switches_power_off_and_tries_again_later() {
    let (bench, _) = Bench::with(Flavor::Hardware, Device::new(Speed::Full, 64));
    bench.run(bench.driver.root_port_changed());
    bench.model.state().over_current(true);
    bench.run(bench.driver.root_port_changed());
    assert_eq!(bench.driver.root_port(), RootPortState::OverCurrent);
    assert_eq!(bench.model.peek().hprt0 & 1 << 12, 0, "power is off");
    assert_eq!(bench.driver.statistics().over_currents, 1);
    bench.model.state().over_current(false);
    bench.run(bench.driver.root_port_changed());
    assert_ne!(bench.model.peek().hprt0 & 1 << 12, 0, "power is on");
    assert_eq!(bench.driver.root_port(), RootPortState::Connected);
    assert_eq!(bench.run(bench.driver.reset_root_port()), Ok(Speed::Full));
}
