//! Full- and low-speed devices behind a high-speed hub (USB 2.0 section 11.17).

use crate::model::bench::pattern;
use crate::model::device::Way;
use crate::model::hub::{ENABLE, Hub, POWER};
use crate::model::{Bench, Device, Fault, Flavor};
use std::time::Duration;
use usb_core::host::{Clock, HostController, TransferError};
use usb_core::pipe::Speed;

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
    let clears = |bench: &Bench| bench.model.device(hub).hub.as_ref().unwrap().clears.clone();
    assert_eq!(clears(&bench), []);
    // The next packet of another endpoint finds the rest of this one there. Endpoint 2, device 2,
    // bulk, IN; the single translator.
    let control = bench.control_pipe(id);
    bench.run(bench.read_memory(&control, 8)).unwrap();
    assert_eq!(clears(&bench), [(0x8000 | 2 << 11 | 2 << 4 | 2, 1)]);
    assert_eq!(bench.driver.statistics().translator_clears, 1);
}

#[test]
fn an_answer_whose_transfer_was_dropped_belongs_to_the_next_one() {
    let (bench, hub, id) = behind_a_hub(Speed::Full, 64, 64);
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    // In the translator, with the answer not fetched.
    let cut = bench.clock.sleep(Duration::from_micros(150));
    let transfer = bench.bulk_in(&pipe, 64, None);
    let result = bench.run(embassy_futures::select::select(transfer, cut));
    assert!(matches!(result, embassy_futures::select::Either::Second(())));
    bench.model.device(id).at(2, Way::In).send(b"z");
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)).unwrap(), b"z");
    assert_eq!(bench.model.device(hub).hub.as_ref().unwrap().clears.len(), 0);
    assert_eq!(bench.driver.statistics().toggle_errors, 0);
}

#[test]
fn what_a_dropped_out_left_in_the_translator_is_cleared() {
    let (bench, hub, id) = behind_a_hub(Speed::Full, 64, 64);
    let pipe = bench.pipe(bench.config(id, 2, Way::Out));
    // In the translator, which was not asked what became of it.
    let cut = bench.clock.sleep(Duration::from_micros(150));
    let transfer = bench.bulk_out(&pipe, b"dropped", false);
    let result = bench.run(embassy_futures::select::select(transfer, cut));
    assert!(matches!(result, embassy_futures::select::Either::Second(())));
    assert_eq!(bench.run(bench.bulk_out(&pipe, b"sent", false)), Ok(4));
    assert_eq!(bench.model.device(hub).hub.as_ref().unwrap().clears.len(), 1);
    assert_eq!(bench.model.device(id).at(2, Way::Out).all_received(), b"sent");
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
fn stall_ends_a_transfer() {
    let (bench, _, id) = behind_a_hub(Speed::Full, 64, 64);
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    bench.model.device(id).at(2, Way::In).halted = true;
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)), Err(TransferError::Stall));
}

/// An interrupt pipe and what it is polled with.
fn poll(bench: &Bench, pipe: &usb_dwc2::Pipe<'static>) -> Result<Vec<u8>, TransferError> {
    bench.run(bench.bulk_in(pipe, 8, None))
}

#[test]
fn interrupt_out_meets_its_microframes() {
    for speed in [Speed::Full, Speed::Low] {
        let (bench, _, id) = behind_a_hub(speed, 8, 8);
        let pipe = bench.pipe(bench.config(id, 3, Way::Out));
        // At every phase of a frame.
        for step in 0..40_u64 {
            bench.sleep(Duration::from_micros(31 + step));
            assert_eq!(bench.run(bench.bulk_out(&pipe, &[step as u8; 5], false)), Ok(5));
        }
        // Three packets; the device has no room for the first at once.
        bench.model.device(id).fault(3, Way::Out, &[Fault::Nak; 3]);
        let before = bench.clock.now();
        assert_eq!(bench.run(bench.bulk_out(&pipe, &pattern(20), false)), Ok(20));
        // It is asked again after its interval of 8 ms, not before.
        assert!(bench.clock.now() - before > Duration::from_millis(24));
        let received = bench.model.device(id).at(3, Way::Out).received.clone();
        let expected = (0..40).map(|step| vec![step; 5]);
        let expected: Vec<_> = expected.chain(pattern(20).chunks(8).map(<[u8]>::to_vec)).collect();
        assert_eq!(received, expected);
        let statistics = bench.driver.statistics();
        assert_eq!((statistics.split_answers_missed, statistics.frame_overruns), (0, 0));
        bench.check_clean();
    }
}

#[test]
fn errors_of_periodic_splits_are_repeated_and_give_up_after_three() {
    let (bench, _, id) = behind_a_hub(Speed::Full, 64, 64);
    let pipe = bench.pipe(bench.config(id, 3, Way::Out));
    // The second one is lost on the way back: the device drops the repetition by its toggle.
    for fault in [Fault::Lost, Fault::HandshakeLost, Fault::HaltWithoutCause] {
        bench.model.device(id).fault(3, Way::Out, &[fault; 2]);
        assert_eq!(bench.run(bench.bulk_out(&pipe, b"once", false)), Ok(4), "{fault:?}");
        bench.model.device(id).fault(3, Way::Out, &[fault; 3]);
        let result = bench.run(bench.bulk_out(&pipe, b"lost", false));
        assert_eq!(result, Err(TransferError::Transaction), "{fault:?}");
        bench.driver.reset_toggle(&pipe);
        bench.model.device(id).at(3, Way::Out).data1 = false;
    }
    let received = bench.model.device(id).at(3, Way::Out).all_received();
    assert_eq!(received, b"onceoncelostoncelost");
    bench.model.device(id).at(3, Way::Out).halted = true;
    assert_eq!(bench.run(bench.bulk_out(&pipe, b"x", false)), Err(TransferError::Stall));
}

#[test]
fn a_translator_that_insists_on_the_standard_gets_periodic_splits() {
    for splits_answers in [false, true] {
        let (bench, hub, id) = behind_a_hub(Speed::Full, 64, 64);
        bench.model.device(hub).hub.as_mut().unwrap().strict = true;
        bench.model.device(hub).hub.as_mut().unwrap().splits_answers = splits_answers;
        let pipe = bench.pipe(bench.config(id, 1, Way::In));
        assert_eq!(poll(&bench, &pipe), Err(TransferError::Nak));
        assert_eq!(bench.driver.statistics().split_ways_changed, 1);
        for n in 0..20_u8 {
            bench.sleep(Duration::from_micros(37 * u64::from(n)));
            bench.model.device(id).at(1, Way::In).send(&[n; 3]);
            bench.model.device(id).at(1, Way::In).send(&[n; 7]);
            assert_eq!(poll(&bench, &pipe).unwrap(), [n; 3]);
            assert_eq!(poll(&bench, &pipe).unwrap(), [n; 7]);
            let eight = [n, 1, 2, 3, 4, 5, 6, 7];
            // The empty packet is not part of it: eight bytes fill the window.
            bench.model.device(id).at(1, Way::In).queue.push_back(eight.to_vec());
            assert_eq!(poll(&bench, &pipe).unwrap(), eight);
            assert_eq!(poll(&bench, &pipe), Err(TransferError::Nak));
        }
        let statistics = bench.driver.statistics();
        assert_eq!((statistics.toggle_errors, statistics.split_ways_changed), (0, 1));
        bench.check_clean();
    }
}

/// A device behind a translator that wants periodic splits, and the pipe to its interrupt IN endpoint.
fn behind_a_strict_hub() -> (Bench, usize, usize, usb_dwc2::Pipe<'static>) {
    let (bench, hub, id) = behind_a_hub(Speed::Full, 64, 64);
    bench.model.device(hub).hub.as_mut().unwrap().strict = true;
    let pipe = bench.pipe(bench.config(id, 1, Way::In));
    assert_eq!(poll(&bench, &pipe), Err(TransferError::Nak));
    bench.model.device(id).at(1, Way::In).send(b"first");
    assert_eq!(poll(&bench, &pipe).unwrap(), b"first");
    (bench, hub, id, pipe)
}

#[test]
fn an_answer_is_asked_for_again_after_an_error() {
    for fault in [Fault::HandshakeLost, Fault::HaltWithoutCause] {
        let (bench, _, id, pipe) = behind_a_strict_hub();
        for n in 0..10 {
            bench.model.device(id).at(1, Way::In).send(&[n; 4]);
            bench.model.device(id).fault(1, Way::In, &[fault]);
            assert_eq!(poll(&bench, &pipe).unwrap(), [n; 4], "{fault:?}");
        }
        let statistics = bench.driver.statistics();
        assert_eq!((statistics.toggle_errors, statistics.split_data_lost), (0, 0));
    }
}

#[test]
fn data_lost_in_a_translator_is_an_error() {
    let (bench, hub, id, pipe) = behind_a_strict_hub();
    bench.model.device(id).at(1, Way::In).send(b"lost");
    let forget = async {
        // The device has sent it; nobody has fetched it.
        while !bench.model.device(id).at(1, Way::In).queue.is_empty() {
            bench.clock.sleep(Duration::from_micros(5)).await;
        }
        bench.model.device(hub).hub.as_mut().unwrap().forget();
    };
    let (result, ()) =
        bench.run(embassy_futures::join::join(bench.bulk_in(&pipe, 8, None), forget));
    assert_eq!(result, Err(TransferError::Nak));
    assert_eq!(bench.driver.statistics().split_answers_missed, 1);
    bench.model.device(id).at(1, Way::In).send(b"after");
    assert_eq!(poll(&bench, &pipe), Err(TransferError::Transaction));
    assert_eq!(bench.driver.statistics().split_data_lost, 1);
    bench.driver.reset_toggle(&pipe);
    bench.model.device(id).at(1, Way::In).data1 = false;
    bench.model.device(id).at(1, Way::In).send(b"again");
    assert_eq!(poll(&bench, &pipe).unwrap(), b"again");

    // Where no answer was lost it is an old packet, whose acknowledgement the device did not hear.
    bench.model.device(id).at(1, Way::In).data1 = false;
    bench.model.device(id).at(1, Way::In).send(b"again");
    bench.model.device(id).at(1, Way::In).send(b"next");
    assert_eq!(poll(&bench, &pipe).unwrap(), b"next");
    assert_eq!(bench.driver.statistics().split_data_lost, 1);
    bench.check_clean();
}

#[test]
fn a_translator_that_forgets_every_answer_is_served_the_other_way() {
    let (bench, _, id, pipe) = behind_a_strict_hub();
    bench.model.device(id).at(1, Way::In).send(b"lost");
    bench.model.device(id).fault(1, Way::In, &[Fault::TranslatorForgets; 2]);
    assert_eq!(poll(&bench, &pipe), Err(TransferError::Transaction));
    let statistics = bench.driver.statistics();
    assert_eq!((statistics.split_answers_missed, statistics.split_ways_changed), (2, 2));
    // This one does not serve it so, and is served as before.
    bench.driver.reset_toggle(&pipe);
    bench.model.device(id).at(1, Way::In).data1 = false;
    assert_eq!(poll(&bench, &pipe).unwrap(), b"lost");
    assert_eq!(bench.driver.statistics().split_ways_changed, 3);
}

#[test]
fn a_start_split_that_slips_is_asked_for_later() {
    let (bench, _, id) = behind_a_hub(Speed::Full, 64, 64);
    let pipe = bench.pipe(bench.config(id, 3, Way::Out));
    for step in 0..10 {
        bench.model.state().slips = 1;
        assert_eq!(bench.run(bench.bulk_out(&pipe, &[step; 4], false)), Ok(4));
    }
    let received = bench.model.device(id).at(3, Way::Out).received.clone();
    assert_eq!(received, (0..10).map(|step| vec![step; 4]).collect::<Vec<_>>());
}

#[test]
fn microframe_numbers_wrap_under_way() {
    let (bench, _, id) = behind_a_hub(Speed::Full, 64, 64);
    let pipe = bench.pipe(bench.config(id, 3, Way::Out));
    let now = bench.model.peek().frame();
    bench.model.state().first_frame += 0x4000 - now - 40;
    for step in 0..20 {
        assert_eq!(bench.run(bench.bulk_out(&pipe, &[step; 4], false)), Ok(4));
    }
    assert!(bench.model.peek().frame() > 0x4000);
    assert_eq!(bench.driver.statistics().split_answers_missed, 0);
}

#[test]
fn each_port_of_a_multi_translator_hub_goes_its_own_way() {
    let (bench, hub, first) = behind_a_hub(Speed::Full, 64, 64);
    bench.model.device(hub).hub.as_mut().unwrap().alternate = 1;
    let second = add(&bench, hub, 1, 3, Speed::Full, 64, 64);
    let (slow, quick) =
        (bench.pipe(bench.config(first, 2, Way::In)), bench.pipe(bench.config(second, 2, Way::In)));
    // The first device's translator never answers; the second's is another one.
    bench.model.device(first).fault(2, Way::In, &[Fault::TranslatorForgets; 100]);
    bench.model.device(first).at(2, Way::In).send(b"slow");
    let data = pattern(300);
    bench.model.device(second).at(2, Way::In).send(&data);
    let both = embassy_futures::join::join(bench.bulk_in(&slow, 64, None), async {
        let data = bench.bulk_in(&quick, 512, None).await;
        (data, bench.clock.now())
    });
    let before = bench.clock.now();
    let (failed, (received, at)) = bench.run(both);
    assert_eq!(failed, Err(TransferError::Transaction));
    assert_eq!(received.unwrap(), data);
    // Five packets of half a millisecond: nobody waited for the other.
    assert!(at - before < Duration::from_millis(5), "{:?}", at - before);
    // And the request to clear the first one names its port.
    bench.model.device(first).faults.clear();
    let control = bench.control_pipe(first);
    bench.run(bench.read_memory(&control, 8)).unwrap();
    let clears = bench.model.device(hub).hub.as_ref().unwrap().clears.clone();
    assert_eq!(clears, [(0x8000 | 2 << 11 | 2 << 4 | 2, 3)]);
}
