//! Random transfers, faults and cancellations by seed. Whatever happens, every byte that the
//! driver says has moved must have moved, once and in order, and nothing may stay behind.

use crate::model::bench::pattern;
use crate::model::device::Way;
use crate::model::hub::{ENABLE, Hub, POWER};
use crate::model::random::Random;
use crate::model::{Bench, Device, Fault, Flavor};
use std::time::Duration;
use usb_core::host::{Clock, HostController};
use usb_core::pipe::Speed;

/// Faults that a transfer may survive, or not.
const FAULTS: [Fault; 7] = [
    Fault::Lost,
    Fault::HandshakeLost,
    Fault::Nak,
    Fault::NakAndHalt,
    Fault::HaltWithoutCause,
    Fault::Hang,
    Fault::Babble,
];

fn device(speed: Speed, mps: usize) -> Device {
    Device::new(speed, 64).endpoint(1, Way::In, mps, false).endpoint(2, Way::Out, mps, false)
}

/// The device under test: on the root port, or through a translator.
fn bench(random: &mut Random) -> (Bench, usize) {
    match random.below(4) {
        0 => {
            let (bench, id) = Bench::with(Flavor::Hardware, device(Speed::High, 512));
            bench.model.device(id).at(2, Way::Out).nyet = random.one_in(2);
            (bench, id)
        }
        1 => {
            let (bench, id) = Bench::with(Flavor::Hardware, device(Speed::Full, 64));
            (bench, id)
        }
        2 => {
            let (bench, id) = Bench::with(Flavor::Qemu, device(Speed::Full, 64));
            (bench, id)
        }
        _ => {
            let mut hub = Device::new(Speed::High, 64);
            hub.hub = Some(Hub::new(1));
            let (bench, hub) = Bench::with(Flavor::Hardware, hub);
            let mut pipe = bench.control_pipe(hub);
            bench.run(bench.set_address(&mut pipe, hub, 1));
            core::mem::forget(pipe);
            let id = bench.model.add(device(Speed::Full, 64));
            {
                let mut state = bench.model.state();
                state.devices[hub].hub.as_mut().unwrap().ports[0].status = POWER;
                state.plug_hub(hub, 1, id);
                state.devices[hub].hub.as_mut().unwrap().ports[0].status |= ENABLE;
                let now = state.now();
                state.devices[id].reset(now);
            }
            (bench, id)
        }
    }
}

fn trial(seed: u64) {
    let mut random = Random(seed);
    let (bench, id) = bench(&mut random);
    let qemu = bench.driver.quirks().is_qemu();
    bench.sleep(Duration::from_millis(10));
    let bulk_in = bench.pipe(bench.config(id, 1, Way::In));
    let bulk_out = bench.pipe(bench.config(id, 2, Way::Out));
    let control = bench.control_pipe(id);
    for step in 0..30 {
        let length = match random.below(3) {
            0 => 1 + random.below(100),
            1 => 1 + random.below(2000),
            _ => 64 * (1 + random.below(20)),
        };
        let data = pattern(length);
        let way = if random.one_in(2) { Way::In } else { Way::Out };
        let endpoint = if way == Way::In { 1 } else { 2 };
        if random.one_in(3) && !qemu {
            for _ in 0..=random.below(3) {
                let fault = FAULTS[random.below(FAULTS.len())];
                bench.model.device(id).fault(endpoint, way, &[fault]);
            }
        }
        let patience = if random.one_in(3) {
            Duration::from_micros(random.below(3000) as u64)
        } else {
            Duration::from_secs(20)
        };
        let cut = bench.clock.sleep(patience);
        let context = format!("seed {seed} step {step}: {way:?} {length} bytes, {patience:?}");
        match way {
            Way::In => {
                bench.model.device(id).at(1, Way::In).send(&data);
                let timeout = Some(Duration::from_millis(500));
                let transfer = bench.bulk_in(&bulk_in, 2048, timeout);
                let result = bench.run(embassy_futures::select::select(transfer, cut));
                if let embassy_futures::select::Either::First(Ok(got)) = result {
                    assert_eq!(got, data, "{context}");
                }
            }
            Way::Out => {
                let already = bench.model.device(id).at(2, Way::Out).all_received().len();
                let transfer = bench.bulk_out(&bulk_out, &data, true);
                let result = bench.run(embassy_futures::select::select(transfer, cut));
                bench.run(bench.driver.quiesce());
                let got = bench.model.device(id).at(2, Way::Out).all_received()[already..].to_vec();
                // Packets beyond what the driver knows of: their handshakes were lost.
                assert!(data.starts_with(&got), "{context}: {} bytes arrived", got.len());
                if let embassy_futures::select::Either::First(Ok(moved)) = result {
                    assert_eq!((moved, got.len()), (length, length), "{context}");
                }
            }
        }
        // A class driver would clear the halt; both sides start over.
        bench.run(bench.driver.quiesce());
        {
            let device = &mut *bench.model.device(id);
            device.faults.clear();
        }
        // Through the translator, which so lets go of what was given up.
        assert!(bench.run(bench.read_memory(&control, 1)).is_ok(), "{context}");
        {
            let device = &mut *bench.model.device(id);
            device.at(1, Way::In).queue.clear();
            device.at(1, Way::In).data1 = false;
            device.at(2, Way::Out).data1 = false;
        }
        bench.driver.reset_toggle(&bulk_in);
        bench.driver.reset_toggle(&bulk_out);
        if random.one_in(4) {
            let read = bench.run(bench.read_memory(&control, 100));
            assert_eq!(read.map(|data| data.len()), Ok(100), "{context}");
        }
        bench.check_clean();
    }
    assert_eq!(bench.driver.statistics().core_resets, 0, "seed {seed}");
}

#[test]
fn nothing_is_lost_doubled_or_left_behind() {
    for seed in 0..400 {
        trial(seed);
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut random = Random(seed);
        let (bench, id) = bench(&mut random);
        bench.sleep(Duration::from_millis(10));
        let pipe = bench.control_pipe(id);
        let result = bench.run(bench.read_memory(&pipe, 100)).unwrap();
        (result, bench.clock.now(), bench.model.peek().accesses)
    };
    for seed in 0..8 {
        assert_eq!(run(seed), run(seed));
    }
}
