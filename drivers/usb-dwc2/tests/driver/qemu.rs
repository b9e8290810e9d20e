//! The same driver on QEMU's model, whose abort is a failed test.

use crate::model::bench::{SECOND, pattern};
use crate::model::device::Way;
use crate::model::{Bench, Device, Flavor};
use std::time::Duration;
use usb_core::host::{Clock, HostController, RootPortState, SetupPacket, TransferError};
use usb_core::pipe::Speed;

fn adapter() -> (Bench, usize) {
    let device = Device::new(Speed::Full, 64)
        .endpoint(1, Way::In, 16, true)
        .endpoint(2, Way::In, 64, false)
        .endpoint(2, Way::Out, 64, false);
    let (bench, id) = Bench::with(Flavor::Qemu, device);
    let mut pipe = bench.control_pipe(id);
    bench.run(bench.set_address(&mut pipe, id, 1));
    (bench, id)
}

#[test]
fn all_kinds_of_transfers() {
    let (bench, id) = adapter();
    let control = bench.control_pipe(id);
    let bulk_in = bench.pipe(bench.config(id, 2, Way::In));
    let bulk_out = bench.pipe(bench.config(id, 2, Way::Out));
    for length in [1, 8, 63, 64, 65, 127, 1000, 1513, 1514, 1536, 1537, 2000] {
        let data = pattern(length);
        assert_eq!(bench.run(bench.write_memory(&control, &data)), Ok(length));
        assert_eq!(bench.run(bench.read_memory(&control, length)).unwrap(), data);
        bench.model.device(id).at(2, Way::In).send(&data);
        assert_eq!(bench.run(bench.bulk_in(&bulk_in, 2048, None)).unwrap(), data);
        if length % 64 == 0 && length != 1536 {
            // The end of the frame comes as a stray empty transfer, see `Quirks`.
            assert_eq!(bench.run(bench.bulk_in(&bulk_in, 2048, None)).unwrap(), b"");
        }
        bench.model.device(id).at(2, Way::Out).received.clear();
        assert_eq!(bench.run(bench.bulk_out(&bulk_out, &data, true)), Ok(length));
        let device = &mut *bench.model.device(id);
        assert_eq!(device.at(2, Way::Out).all_received(), data);
        // One program for the frame, and one for the empty packet where it is due.
        let programs = 1 + usize::from(length % 64 == 0);
        assert_eq!(device.at(2, Way::Out).received.len(), programs);
    }
    let interrupt = bench.pipe(bench.config(id, 1, Way::In));
    assert_eq!(bench.run(bench.bulk_in(&interrupt, 16, None)), Err(TransferError::Nak));
    bench.model.device(id).at(1, Way::In).send(b"link");
    assert_eq!(bench.run(bench.bulk_in(&interrupt, 16, None)).unwrap(), b"link");
    bench.check_clean();
}

#[test]
fn frames_go_through_without_interrupts_and_with_few_accesses() {
    let (bench, id) = adapter();
    let bulk_in = bench.pipe(bench.config(id, 2, Way::In));
    let bulk_out = bench.pipe(bench.config(id, 2, Way::Out));
    let frame = pattern(1514);
    let (interrupts, accesses) = {
        let state = bench.model.peek();
        (state.interrupts, state.accesses)
    };
    for _ in 0..100 {
        bench.model.device(id).at(2, Way::In).send(&frame);
        assert_eq!(bench.run(bench.bulk_in(&bulk_in, 2048, None)).unwrap(), frame);
        assert_eq!(bench.run(bench.bulk_out(&bulk_out, &frame, true)), Ok(1514));
    }
    let state = bench.model.peek();
    assert_eq!(state.interrupts, interrupts);
    // HCTSIZ, HCDMA and HCCHAR are written, HCTSIZ is read.
    let each = (state.accesses - accesses) as f64 / 200.0;
    assert!(each < 4.1, "{each} register accesses for a frame");
}

#[test]
fn a_waiting_receiver_is_found_quickly_after_traffic_and_rarely_asks_when_idle() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    let asked_within = |time: Duration| {
        let transactions = || bench.model.device(id).at(2, Way::In).transactions;
        let before = transactions();
        assert_eq!(bench.run(bench.bulk_in(&pipe, 2048, Some(time))), Err(TransferError::Timeout));
        transactions() - before
    };
    // Often, as long as this may be a conversation, and then rarely.
    let conversation = asked_within(Duration::from_secs(3));
    assert!((25_000..35_000).contains(&conversation), "asked {conversation} times at first");
    let idle = asked_within(Duration::from_secs(10)) - conversation;
    assert!((3_000..4_000).contains(&idle), "asked {idle} times in seven idle seconds");

    // A frame that answers one of ours is found within a fraction of a millisecond, even when the
    // link was idle before.
    let out = bench.pipe(bench.config(id, 2, Way::Out));
    let answer = async {
        bench.clock.sleep(Duration::from_secs(2)).await;
        bench.bulk_out(&out, b"echo request", false).await.unwrap();
        bench.clock.sleep(Duration::from_micros(300)).await;
        bench.model.device(id).at(2, Way::In).send(b"echo reply");
        bench.clock.now()
    };
    let receive = async {
        let data = bench.bulk_in(&pipe, 2048, None).await.unwrap();
        assert_eq!(data, b"echo reply");
        bench.clock.now()
    };
    let (answered, received) = bench.run(embassy_futures::join::join(answer, receive));
    assert!(received - answered <= Duration::from_micros(100), "{:?}", received - answered);
}

#[test]
fn unplugging_at_any_moment_does_not_abort() {
    for microseconds in (0..6_000).step_by(97) {
        let (bench, id) = adapter();
        let bulk_in = bench.pipe(bench.config(id, 2, Way::In));
        let bulk_out = bench.pipe(bench.config(id, 2, Way::Out));
        let control = bench.control_pipe(id);
        let receive = async {
            loop {
                match bench.bulk_in(&bulk_in, 2048, None).await {
                    Ok(_) => {}
                    Err(error) => break error,
                }
            }
        };
        let send = async {
            loop {
                if let Err(error) = bench.bulk_out(&bulk_out, &pattern(1514), true).await {
                    break error;
                }
                let _ = bench.read_memory(&control, 100).await;
                bench.clock.sleep(Duration::from_micros(250)).await;
            }
        };
        let unplug = async {
            for _ in 0..3 {
                bench.model.device(id).at(2, Way::In).send(&pattern(128));
                bench.clock.sleep(Duration::from_micros(microseconds / 3)).await;
            }
            bench.model.state().unplug_root();
        };
        let (received, sent, ()) = bench.run(embassy_futures::join::join3(receive, send, unplug));
        assert_eq!((received, sent), (TransferError::Disconnected, TransferError::Disconnected));
        assert_eq!(bench.driver.root_port(), RootPortState::Empty);
        bench.check_clean();
    }
}

#[test]
fn a_device_that_is_gone_is_an_error_and_not_silence() {
    // Behind a hub there is no port interrupt: the address just falls silent.
    let (bench, id) = adapter();
    let bulk_in = bench.pipe(bench.config(id, 2, Way::In));
    let control = bench.control_pipe(id);
    let vanish = async {
        bench.clock.sleep(Duration::from_millis(100)).await;
        bench.model.device(id).alive = false;
    };
    let (result, ()) =
        bench.run(embassy_futures::join::join(bench.bulk_in(&bulk_in, 2048, None), vanish));
    assert_eq!(result, Err(TransferError::Transaction));
    assert_eq!(bench.run(bench.read_memory(&control, 8)), Err(TransferError::Transaction));
    bench.check_clean();
}

#[test]
fn dropped_transfers_leave_nothing_pending() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    for step in 0..50 {
        let sleep = bench.clock.sleep(Duration::from_micros(step * 37));
        let receive = bench.bulk_in(&pipe, 2048, None);
        bench.run(embassy_futures::select::select(sleep, receive));
        bench.check_clean();
    }
    bench.run(bench.driver.quiesce());
    // A port reset of our own, which takes the address away.
    assert_eq!(bench.run(bench.driver.reset_root_port()), Ok(Speed::Full));
    bench.sleep(Duration::from_millis(10));
}

#[test]
fn stalls_arrive_as_stalls() {
    let (bench, id) = adapter();
    let control = bench.control_pipe(id);
    let setup = SetupPacket { request_type: 0xc1, request: 77, value: 0, index: 0, length: 8 };
    let result = bench.run(bench.driver.control(&control, setup, &mut [0; 8], SECOND));
    assert_eq!(result, Err(TransferError::Stall));
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    bench.model.device(id).at(2, Way::In).halted = true;
    assert_eq!(bench.run(bench.bulk_in(&pipe, 2048, None)), Err(TransferError::Stall));
}
