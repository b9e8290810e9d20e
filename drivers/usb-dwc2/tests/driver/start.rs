//! Power-up.

use crate::model::{Bench, Flavor};
use std::time::Duration;
use usb_core::host::{HostController, RootPortState};
use usb_dwc2::StartError;

#[test]
fn the_core_comes_up_within_the_databooks_times() {
    let bench = Bench::new(Flavor::Hardware);
    bench.run(bench.driver.start()).unwrap();
    let state = bench.model.peek();
    assert!(state.host_mode);
    assert!(state.core_resets >= 1);
    assert!(state.now() >= Duration::from_millis(25), "forcing host mode takes 25 ms");
    // Port power on, nothing attached, no change acknowledged that nobody saw.
    assert_eq!(state.hprt0, 1 << 12);
    // Port, channels, disconnect and OTG; not SOF, which would come 8000 times a second.
    assert_eq!(state.plain["GINTMSK"], 1 << 24 | 1 << 25 | 1 << 29 | 1 << 2);
    assert_eq!(state.haint_mask, 0xff);
    drop(state);
    assert_eq!(bench.driver.root_port(), RootPortState::Empty);
}

#[test]
fn qemus_model_is_recognized() {
    let bench = Bench::new(Flavor::Qemu);
    bench.run(bench.driver.start()).unwrap();
    assert!(bench.driver.quirks().is_qemu());
    let bench = Bench::new(Flavor::Hardware);
    bench.run(bench.driver.start()).unwrap();
    assert!(!bench.driver.quirks().is_qemu());
}

#[test]
fn channels_that_the_firmware_left_enabled_are_halted() {
    let bench = Bench::new(Flavor::Hardware);
    bench.model.state().channels[3].hcchar = 1 << 31;
    bench.run(bench.driver.start()).unwrap();
    assert_eq!(bench.model.peek().channels[3].hcchar >> 31, 0);
}

#[test]
fn a_reset_that_never_ends_is_ended_by_a_power_cycle() {
    let bench = Bench::new(Flavor::Hardware);
    bench.model.state().reset_stuck = true;
    bench.model.state().power_works = false;
    assert_eq!(bench.run(bench.driver.start()), Err(StartError::ResetStuck));
    assert!(bench.model.peek().now() < Duration::from_secs(1), "the wait is bounded");
    bench.model.state().power_works = true;
    bench.run(bench.driver.start()).unwrap();
    assert_eq!(bench.model.peek().power_cycles, 1);
    assert_eq!(bench.driver.statistics().power_cycles, 1);
}

#[test]
fn registers_are_dumped_without_side_effects() {
    let bench = Bench::new(Flavor::Hardware);
    bench.run(bench.driver.start()).unwrap();
    let mut text = String::new();
    bench.driver.dump(&mut text).unwrap();
    assert!(text.contains("GSNPSID   4f54280a"), "{text}");
    assert_eq!(text.lines().count(), 19 + 1 + 8 + 1);
}
