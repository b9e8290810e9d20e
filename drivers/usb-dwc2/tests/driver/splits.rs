//! Full- and low-speed devices behind a high-speed hub (USB 2.0 section 11.17).

use crate::model::bench::pattern;
use crate::model::device::Way;
use crate::model::hub::{ENABLE, Hub, POWER};
use crate::model::{Bench, Device, Fault, Flavor};
use std::time::Duration;
use usb_core::host::{HostController, TransferError};
use usb_core::pipe::{Direction, Speed};

/// A high-speed hub at address 1 with a device at address 2 on port 3.
fn behind_a_hub(speed: Speed, mps0: usize, mps: usize) -> (Bench, usize, usize) {
    let mut hub = Device::new(Speed::High, 64).endpoint(1, Way::In, 1, true);
    hub.hub = Some(Hub::new(4));
    let (bench, hub) = Bench::with(Flavor::Hardware, hub);
    let mut hub_pipe = bench.control_pipe(hub);
    bench.run(bench.set_address(&mut hub_pipe, hub, 1));
    // The control pipe of a hub stays open as long as the hub is there.
    core::mem::forget(hub_pipe);
    let id = add(&bench, hub, 3, 2, speed, mps0, mps);
    (bench, hub, id)
}

fn add(
    bench: &Bench,
    hub: usize,
    port: usize,
    address: u8,
    speed: Speed,
    mps0: usize,
    mps: usize,
) -> usize {
    let device = Device::new(speed, mps0)
        .endpoint(1, Way::In, 8, true)
        .endpoint(2, Way::In, mps, false)
        .endpoint(2, Way::Out, mps, false)
        .endpoint(3, Way::Out, 8, true);
    let id = bench.model.add(device);
    {
        let mut state = bench.model.state();
        state.devices[hub].hub.as_mut().unwrap().ports[port - 1].status = POWER;
        state.plug_hub(hub, port, id);
        state.devices[hub].hub.as_mut().unwrap().ports[port - 1].status |= ENABLE;
        let now = state.now();
        state.devices[id].reset(now);
    }
    bench.sleep(Duration::from_millis(10));
    let mut pipe = bench.control_pipe(id);
    bench.run(bench.set_address(&mut pipe, id, address));
    id
}

#[test]
fn control_bulk_and_interrupt_through_a_translator() {
    for (speed, mps0, mps) in [(Speed::Full, 64, 64), (Speed::Full, 8, 32), (Speed::Low, 8, 8)] {
        let (bench, _, id) = behind_a_hub(speed, mps0, mps);
        let control = bench.control_pipe(id);
        let data = pattern(200);
        assert_eq!(bench.run(bench.write_memory(&control, &data)), Ok(200));
        assert_eq!(bench.run(bench.read_memory(&control, 200)).unwrap(), data);

        let bulk_in = bench.pipe(bench.config(id, 2, Way::In));
        let bulk_out = bench.pipe(bench.config(id, 2, Way::Out));
        for length in [1, 8, 64, 65, 128, 300] {
            let data = pattern(length);
            bench.model.device(id).at(2, Way::In).send(&data);
            assert_eq!(bench.run(bench.bulk_in(&bulk_in, 2048, None)).unwrap(), data);
            bench.model.device(id).at(2, Way::Out).received.clear();
            assert_eq!(bench.run(bench.bulk_out(&bulk_out, &data, true)), Ok(length));
            assert_eq!(bench.model.device(id).at(2, Way::Out).all_received(), data);
        }

        let interrupt = bench.pipe(bench.config(id, 1, Way::In));
        assert_eq!(bench.run(bench.bulk_in(&interrupt, 8, None)), Err(TransferError::Nak));
        bench.model.device(id).at(1, Way::In).send(b"event");
        assert_eq!(bench.run(bench.bulk_in(&interrupt, 8, None)).unwrap(), b"event");

        let statistics = bench.driver.statistics();
        assert_eq!(statistics.toggle_errors, 0);
        assert!(statistics.split_nyets > 0, "the model needs 400 microseconds a packet");
        bench.check_clean();
    }
}

#[test]
fn naks_and_errors_do_not_move_the_data() {
    let (bench, _, id) = behind_a_hub(Speed::Full, 64, 64);
    let bulk_out = bench.pipe(bench.config(id, 2, Way::Out));
    let data = pattern(200);
    // The core's DMA pointer has moved by the time the device says NAK.
    bench.model.device(id).fault(
        2,
        Way::Out,
        &[Fault::Nak, Fault::Nak, Fault::Lost, Fault::HandshakeLost, Fault::HaltWithoutCause],
    );
    assert_eq!(bench.run(bench.bulk_out(&bulk_out, &data, false)), Err(TransferError::Transaction));
    bench.model.device(id).at(2, Way::Out).received.clear();
    bench.driver.reset_toggle(&bulk_out);
    bench.model.device(id).at(2, Way::Out).data1 = false;
    bench.model.device(id).fault(2, Way::Out, &[Fault::Nak, Fault::Lost, Fault::HaltWithoutCause]);
    assert_eq!(bench.run(bench.bulk_out(&bulk_out, &data, false)), Ok(200));
    assert_eq!(bench.model.device(id).at(2, Way::Out).all_received(), data);
}

#[test]
fn a_result_that_never_comes_is_asked_for_again_from_the_start() {
    let (bench, _, id) = behind_a_hub(Speed::Full, 64, 64);
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    bench.model.device(id).fault(2, Way::In, &[Fault::TranslatorForgets; 2]);
    bench.model.device(id).at(2, Way::In).send(b"found");
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)).unwrap(), b"found");
    assert_eq!(bench.driver.statistics().split_restarts, 2);
}

#[test]
fn after_a_failure_the_translator_is_cleared() {
    let (bench, hub, id) = behind_a_hub(Speed::Full, 64, 64);
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    bench.model.device(id).at(2, Way::In).send(b"x");
    bench.model.device(id).fault(2, Way::In, &[Fault::HaltWithoutCause; 3]);
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)), Err(TransferError::Transaction));
    // Endpoint 2, device 2, bulk, IN; the single translator.
    let clears = bench.model.device(hub).hub.as_ref().unwrap().clears.clone();
    assert_eq!(clears, [(0x8000 | 2 << 11 | 2 << 4 | 2, 1)]);
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)).unwrap(), b"x");
}

#[test]
fn two_devices_share_one_translator() {
    let (bench, hub, first) = behind_a_hub(Speed::Full, 64, 64);
    let second = add(&bench, hub, 1, 3, Speed::Low, 8, 8);
    let pipes = [first, second]
        .map(|id| (bench.pipe(bench.config(id, 2, Way::In)), bench.control_pipe(id)));
    let work = |index: usize, id: usize| {
        let (bench, pipes) = (&bench, &pipes);
        async move {
            let (bulk, control) = &pipes[index];
            for length in [30, 60, 90] {
                let data = pattern(length);
                bench.model.device(id).at(2, Way::In).send(&data);
                assert_eq!(bench.bulk_in(bulk, 512, None).await.unwrap(), data);
                assert_eq!(bench.read_memory(control, 40).await.unwrap().len(), 40);
            }
        }
    };
    bench.run(embassy_futures::join::join(work(0, first), work(1, second)));
    // Serialized by us, so the translator never had to refuse.
    assert_eq!(bench.driver.statistics().naks, 0);
}

#[test]
fn an_idle_device_is_not_a_storm_of_interrupts() {
    let (bench, _, id) = behind_a_hub(Speed::Full, 64, 64);
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    let before = bench.model.peek().interrupts;
    let timeout = Some(Duration::from_secs(1));
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, timeout)), Err(TransferError::Timeout));
    let interrupts = bench.model.peek().interrupts - before;
    assert!(interrupts < 3000, "{interrupts} interrupts a second");
}

#[test]
fn stall_and_refusal() {
    let (bench, _, id) = behind_a_hub(Speed::Full, 64, 64);
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    bench.model.device(id).at(2, Way::In).halted = true;
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)), Err(TransferError::Stall));
    // Interrupt OUT would need microframe timing.
    let mut config = bench.config(id, 3, Way::Out);
    config.direction = Direction::Out;
    let pipe = bench.pipe(config);
    assert_eq!(bench.run(bench.bulk_out(&pipe, b"no", false)), Err(TransferError::Invalid));
}
