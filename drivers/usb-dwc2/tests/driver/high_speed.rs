//! High speed: NYET and PING (USB 2.0 section 8.5.1).

use crate::model::bench::pattern;
use crate::model::device::Way;
use crate::model::{Bench, Device, Fault, Flavor};
use usb_core::pipe::Speed;

fn device() -> Device {
    Device::new(Speed::High, 64).endpoint(2, Way::Out, 512, false)
}

#[test]
fn after_nyet_the_next_transfer_begins_with_ping() {
    let (bench, id) = Bench::with(Flavor::Hardware, device());
    let pipe = bench.pipe(bench.config(id, 2, Way::Out));
    bench.model.device(id).at(2, Way::Out).nyet = true;
    let mut sent = Vec::new();
    // The model panics at an OUT without PING after NYET.
    for length in [100, 512, 1514, 2048] {
        let data = pattern(length);
        bench.model.device(id).at(2, Way::Out).ping_naks = 3;
        assert_eq!(bench.run(bench.bulk_out(&pipe, &data, true)), Ok(length));
        sent.extend(data);
    }
    let device = &mut *bench.model.device(id);
    let endpoint = device.at(2, Way::Out);
    assert_eq!(endpoint.all_received(), sent);
    assert!(endpoint.pings >= 3);
    assert_eq!(endpoint.repeated, 0);
}

#[test]
fn a_device_with_room_is_not_pinged() {
    let (bench, id) = Bench::with(Flavor::Hardware, device());
    let pipe = bench.pipe(bench.config(id, 2, Way::Out));
    for _ in 0..5 {
        assert_eq!(bench.run(bench.bulk_out(&pipe, &pattern(700), false)), Ok(700));
    }
    assert_eq!(bench.model.device(id).at(2, Way::Out).pings, 0);
}

#[test]
fn after_an_error_the_device_is_asked_first() {
    let (bench, id) = Bench::with(Flavor::Hardware, device());
    let pipe = bench.pipe(bench.config(id, 2, Way::Out));
    bench.model.device(id).fault(2, Way::Out, &[Fault::HandshakeLost]);
    let data = pattern(1514);
    assert_eq!(bench.run(bench.bulk_out(&pipe, &data, false)), Ok(1514));
    let device = &mut *bench.model.device(id);
    assert_eq!(device.at(2, Way::Out).all_received(), data);
    assert_eq!(device.at(2, Way::Out).pings, 1);
    assert_eq!(device.at(2, Way::Out).repeated, 1);
}

#[test]
fn control_out_takes_nyet_too() {
    let (bench, id) = Bench::with(Flavor::Hardware, device());
    let pipe = bench.control_pipe(id);
    let data = pattern(300);
    assert_eq!(bench.run(bench.write_memory(&pipe, &data)), Ok(300));
    assert_eq!(bench.run(bench.read_memory(&pipe, 300)).unwrap(), data);
}
