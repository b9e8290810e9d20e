//! Transfers that go well.

use crate::model::bench::{SECOND, pattern};
use crate::model::device::Way;
use crate::model::{Bench, Device, Flavor};
use std::time::Duration;
use usb_core::host::{Clock, HostController, TransferError};
use usb_core::pipe::Speed;

fn adapter(speed: Speed, mps: usize) -> (Bench, usize) {
    let device = Device::new(speed, 64)
        .endpoint(1, Way::In, 16, true)
        .endpoint(2, Way::In, mps, false)
        .endpoint(2, Way::Out, mps, false);
    Bench::with(Flavor::Hardware, device)
}

#[test]
fn control_transfers_of_every_length_and_packet_size() {
    for mps0 in [8, 16, 32, 64] {
        let (bench, id) = Bench::with(Flavor::Hardware, Device::new(Speed::Full, mps0));
        let mut pipe = bench.control_pipe(id);
        bench.run(bench.set_address(&mut pipe, id, 5));
        for length in [1, 7, 8, 9, 63, 64, 65, 255, 1023, 1024, 1025, 4096] {
            let data = pattern(length);
            assert_eq!(bench.run(bench.write_memory(&pipe, &data)), Ok(length));
            assert_eq!(bench.run(bench.read_memory(&pipe, length)).unwrap(), data);
        }
        // No data stage: SET_CONFIGURATION.
        let setup = usb_core::host::SetupPacket {
            request_type: 0,
            request: 9,
            value: 1,
            index: 0,
            length: 0,
        };
        assert_eq!(bench.run(bench.driver.control(&pipe, setup, &mut [], SECOND)), Ok(0));
        assert_eq!(bench.model.device(id).configured, 1);
        bench.check_clean();
    }
}

#[test]
fn a_device_that_has_less_ends_the_data_stage() {
    let (bench, id) = Bench::with(Flavor::Hardware, Device::new(Speed::Full, 8));
    let pipe = bench.control_pipe(id);
    // 18 bytes of descriptor where 255 were asked for; and 16 of 255, which ends with an empty
    // packet.
    for length in [18, 16] {
        bench.model.device(id).device_descriptor = pattern(length);
        let setup = usb_core::host::SetupPacket {
            request_type: 0x80,
            request: 6,
            value: 0x100,
            index: 0,
            length: 255,
        };
        let mut data = [0; 255];
        let moved = bench.run(bench.driver.control(&pipe, setup, &mut data, SECOND));
        assert_eq!(moved, Ok(length));
        assert_eq!(data[..length], pattern(length));
    }
}

#[test]
fn bulk_both_ways_keeps_the_toggles() {
    for (speed, mps) in [(Speed::Full, 64), (Speed::High, 512)] {
        let (bench, id) = adapter(speed, mps);
        let bulk_in = bench.pipe(bench.config(id, 2, Way::In));
        let bulk_out = bench.pipe(bench.config(id, 2, Way::Out));
        let mut sent = Vec::new();
        // Odd and even packet counts, so that a toggle left behind would show.
        for length in [60, 64, 65, 128, 512, 513, 1024, 1514, 1536, 2000, 60] {
            let data = pattern(length);
            bench.model.device(id).at(2, Way::In).send(&data);
            assert_eq!(bench.run(bench.bulk_in(&bulk_in, 2048, None)).unwrap(), data);
            assert_eq!(bench.run(bench.bulk_out(&bulk_out, &data, true)), Ok(length));
            sent.extend(data);
            let device = &mut *bench.model.device(id);
            let out = device.at(2, Way::Out);
            assert_eq!(out.repeated, 0);
            assert_eq!(out.all_received(), sent);
            // The device sees the end of every transfer.
            assert!(out.received.last().unwrap().len() < mps);
        }
        let statistics = bench.driver.statistics();
        assert_eq!(statistics.toggle_errors, 0);
        assert_eq!(statistics.transfers, 22);
        bench.check_clean();
    }
}

#[test]
fn without_a_zero_length_packet_a_full_packet_is_the_last() {
    let (bench, id) = adapter(Speed::Full, 64);
    let pipe = bench.pipe(bench.config(id, 2, Way::Out));
    assert_eq!(bench.run(bench.bulk_out(&pipe, &[7; 128], false)), Ok(128));
    assert_eq!(bench.run(bench.bulk_out(&pipe, &[8; 64], true)), Ok(64));
    let lengths: Vec<_> =
        bench.model.device(id).at(2, Way::Out).received.iter().map(Vec::len).collect();
    assert_eq!(lengths, [64, 64, 64, 0]);
    // An empty transfer is one empty packet.
    assert_eq!(bench.run(bench.bulk_out(&pipe, &[], false)), Ok(0));
    assert_eq!(bench.model.device(id).at(2, Way::Out).received.len(), 5);
}

#[test]
fn transfers_beyond_the_counters_are_cut_at_packets() {
    // 4096 bytes in packets of 8 are 512, one more than a program may have.
    let (bench, id) = adapter(Speed::Full, 8);
    let bulk_in = bench.pipe(bench.config(id, 2, Way::In));
    let bulk_out = bench.pipe(bench.config(id, 2, Way::Out));
    let data = pattern(4096);
    assert_eq!(bench.run(bench.bulk_out(&bulk_out, &data, false)), Ok(4096));
    assert_eq!(bench.model.device(id).at(2, Way::Out).all_received(), data);
    bench.model.device(id).at(2, Way::In).send(&data);
    assert_eq!(bench.run(bench.bulk_in(&bulk_in, 4096, None)).unwrap(), data);
}

#[test]
fn a_waiting_bulk_in_costs_no_interrupts() {
    let (bench, id) = adapter(Speed::High, 512);
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    let before = bench.model.peek().interrupts;
    let later = async {
        bench.clock.sleep(Duration::from_secs(2)).await;
        bench.model.device(id).at(2, Way::In).send(b"at last");
    };
    let (data, ()) =
        bench.run(embassy_futures::join::join(bench.bulk_in(&pipe, 2048, None), later));
    assert_eq!(data.unwrap(), b"at last");
    assert_eq!(bench.model.peek().interrupts - before, 1);
    assert_eq!(bench.driver.statistics().naks, 0);
}

#[test]
fn an_interrupt_endpoint_is_asked_once() {
    for speed in [Speed::Full, Speed::High] {
        let (bench, id) = adapter(speed, 64);
        let pipe = bench.pipe(bench.config(id, 1, Way::In));
        for round in 0..5 {
            // At any phase of the frame: the parity must be right for the next one.
            bench.sleep(Duration::from_micros(330 * round));
            assert_eq!(bench.run(bench.bulk_in(&pipe, 16, None)), Err(TransferError::Nak));
            bench.model.device(id).at(1, Way::In).send(&[round as u8; 8]);
            assert_eq!(bench.run(bench.bulk_in(&pipe, 16, None)).unwrap(), [round as u8; 8]);
        }
        let statistics = bench.driver.statistics();
        assert_eq!(statistics.frame_overruns, 0);
        assert_eq!(statistics.toggle_errors, 0);
        assert_eq!(statistics.naks, 5);
        assert_eq!(bench.model.device(id).at(1, Way::In).transactions, 10);
    }
}

#[test]
fn a_second_transfer_on_a_pipe_waits_for_the_first() {
    let (bench, id) = adapter(Speed::Full, 64);
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    let feed = async {
        for data in [b"one", b"two"] {
            bench.clock.sleep(Duration::from_millis(10)).await;
            bench.model.device(id).at(2, Way::In).send(data);
        }
    };
    let (first, second, ()) = bench.run(embassy_futures::join::join3(
        bench.bulk_in(&pipe, 64, None),
        bench.bulk_in(&pipe, 64, None),
        feed,
    ));
    assert_eq!((first.unwrap(), second.unwrap()), (b"one".to_vec(), b"two".to_vec()));
}

#[test]
fn armed_receivers_leave_channels_for_control() {
    let mut device = Device::new(Speed::Full, 64);
    for number in 1..=8 {
        device = device.endpoint(number, Way::In, 64, false);
    }
    let (bench, id) = Bench::with(Flavor::Hardware, device);
    let control = bench.control_pipe(id);
    let pipes: Vec<_> = (1..=8).map(|n| bench.pipe(bench.config(id, n, Way::In))).collect();
    let mut receivers: Vec<_> = pipes
        .iter()
        .map(|pipe| Box::pin(bench.bulk_in(pipe, 64, Some(Duration::from_secs(5)))))
        .collect();
    let all = core::future::poll_fn(|context| {
        for receiver in &mut receivers {
            assert!(receiver.as_mut().poll(context).is_pending());
        }
        core::task::Poll::<()>::Pending
    });
    let work = async {
        for _ in 0..10 {
            bench.read_memory(&control, 64).await.unwrap();
            bench.clock.sleep(Duration::from_millis(1)).await;
        }
    };
    bench.run(embassy_futures::select::select(all, work));
    assert!(bench.driver.statistics().channel_waits >= 3);
    // All of them get their turn.
    for number in 1..=8 {
        bench.model.device(id).at(number, Way::In).send(&[number; 3]);
    }
    let mut receivers = receivers.into_iter();
    for number in 1..=8 {
        let data = bench.run(receivers.next().unwrap());
        assert_eq!(data.unwrap(), [number; 3]);
    }
    drop(receivers);
    bench.check_clean();
}

#[test]
fn windows_that_the_hardware_can_not_be_given_are_refused() {
    let (bench, id) = adapter(Speed::Full, 64);
    let bulk_in = bench.pipe(bench.config(id, 2, Way::In));
    let bulk_out = bench.pipe(bench.config(id, 2, Way::Out));
    let control = bench.control_pipe(id);
    assert_eq!(bench.run(bench.bulk_in(&bulk_in, 100, None)), Err(TransferError::Invalid));
    assert_eq!(bench.run(bench.bulk_in(&bulk_in, 0, None)), Err(TransferError::Invalid));
    assert_eq!(bench.run(bench.bulk_in(&bulk_out, 64, None)), Err(TransferError::Invalid));
    assert_eq!(bench.run(bench.bulk_out(&bulk_in, &[0], false)), Err(TransferError::Invalid));
    assert_eq!(bench.run(bench.bulk_in(&control, 64, None)), Err(TransferError::Invalid));
    assert_eq!(bench.run(bench.read_memory(&bulk_in, 8)), Err(TransferError::Invalid));
}

#[test]
fn pipes_run_out_and_come_back_when_dropped() {
    let (bench, id) = adapter(Speed::Full, 64);
    let config = bench.config(id, 2, Way::In);
    let mut pipes = Vec::new();
    let full = loop {
        match bench.driver.open_pipe(config) {
            Ok(pipe) => pipes.push(pipe),
            Err(error) => break error,
        }
    };
    assert_eq!(full, TransferError::NoResources);
    assert_eq!(pipes.len(), 64);
    pipes.pop();
    assert!(bench.driver.open_pipe(config).is_ok());
}
