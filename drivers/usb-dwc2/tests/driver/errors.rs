//! Transfers that meet errors (USB 2.0 sections 8.6 and 10.2.6).

use crate::model::bench::{SECOND, pattern};
use crate::model::device::Way;
use crate::model::{Bench, Device, Fault, Flavor};
use std::time::Duration;
use usb_core::host::{Clock, HostController, Recovery, SetupPacket, TransferError};
use usb_core::pipe::Speed;

fn adapter() -> (Bench, usize) {
    let device = Device::new(Speed::Full, 64)
        .endpoint(1, Way::In, 16, true)
        .endpoint(2, Way::In, 64, false)
        .endpoint(2, Way::Out, 64, false);
    Bench::with(Flavor::Hardware, device)
}

#[test]
fn stall_of_a_bulk_endpoint_and_its_clearing() {
    let (bench, id) = adapter();
    let control = bench.control_pipe(id);
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    bench.model.device(id).at(2, Way::In).send(b"a");
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)).unwrap(), b"a");
    bench.model.device(id).at(2, Way::In).halted = true;
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)), Err(TransferError::Stall));
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)), Err(TransferError::Stall));
    let clear = SetupPacket { request_type: 2, request: 1, value: 0, index: 0x82, length: 0 };
    bench.run(bench.driver.control(&control, clear, &mut [], SECOND)).unwrap();
    bench.driver.reset_toggle(&pipe);
    bench.model.device(id).at(2, Way::In).send(b"b");
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)).unwrap(), b"b");
    assert_eq!(bench.driver.statistics().stalls, 2);
}

#[test]
fn stall_of_control_stages_does_not_last() {
    let (bench, id) = adapter();
    let pipe = bench.control_pipe(id);
    let unknown_in = SetupPacket { request_type: 0xc1, request: 77, value: 0, index: 0, length: 8 };
    let unknown_out =
        SetupPacket { request_type: 0x41, request: 77, value: 0, index: 0, length: 8 };
    for setup in [unknown_in, unknown_out] {
        let result = bench.run(bench.driver.control(&pipe, setup, &mut [0; 8], SECOND));
        assert_eq!(result, Err(TransferError::Stall));
        assert!(bench.run(bench.read_memory(&pipe, 8)).is_ok());
    }
    bench.check_clean();
}

#[test]
fn two_errors_are_forgiven_three_are_not() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    let data = pattern(200);
    bench.model.device(id).at(2, Way::In).send(&data);
    bench.model.device(id).fault(2, Way::In, &[Fault::Lost; 2]);
    assert_eq!(bench.run(bench.bulk_in(&pipe, 2048, None)).unwrap(), data);
    bench.model.device(id).fault(2, Way::In, &[Fault::Lost; 3]);
    bench.model.device(id).at(2, Way::In).send(&data);
    assert_eq!(bench.run(bench.bulk_in(&pipe, 2048, None)), Err(TransferError::Transaction));
    // What was queued is still there, with the right toggle.
    assert_eq!(bench.run(bench.bulk_in(&pipe, 2048, None)).unwrap(), data);
    let statistics = bench.driver.statistics();
    assert_eq!((statistics.transaction_errors, statistics.transfers_failed), (5, 1));
}

#[test]
fn errors_in_the_middle_resume_where_the_device_stopped() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::Out));
    let data = pattern(1514);
    // The handshake of a packet that the device took is lost: it comes again with the same PID
    // and is dropped there.
    bench.model.device(id).fault(2, Way::Out, &[Fault::HandshakeLost, Fault::Lost]);
    assert_eq!(bench.run(bench.bulk_out(&pipe, &data, true)), Ok(1514));
    let device = &mut *bench.model.device(id);
    assert_eq!(device.at(2, Way::Out).all_received(), data);
    assert_eq!(device.at(2, Way::Out).repeated, 1);
}

#[test]
fn a_packet_sent_twice_is_dropped_once() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    // The device has not seen our last acknowledgement: it repeats the packet with its old PID.
    {
        let device = &mut *bench.model.device(id);
        let endpoint = device.at(2, Way::In);
        endpoint.queue.push_back(b"old".to_vec());
        endpoint.queue.push_back(b"new".to_vec());
        endpoint.data1 = true;
    }
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)).unwrap(), b"new");
    assert_eq!(bench.driver.statistics().toggle_errors, 1);
}

#[test]
fn halts_without_a_cause_are_retried() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    bench.model.device(id).at(2, Way::In).send(b"x");
    bench.model.device(id).fault(2, Way::In, &[Fault::HaltWithoutCause; 2]);
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)).unwrap(), b"x");
    bench.model.device(id).fault(2, Way::In, &[Fault::HaltWithoutCause; 3]);
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)), Err(TransferError::Transaction));
    assert_eq!(bench.driver.statistics().halts_without_cause, 5);
}

#[test]
fn a_bulk_nak_that_halts_the_channel_is_retried_without_limit() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::Out));
    bench.model.device(id).fault(2, Way::Out, &[Fault::NakAndHalt; 50]);
    assert_eq!(bench.run(bench.bulk_out(&pipe, b"patience", false)), Ok(8));
    assert_eq!(bench.model.device(id).at(2, Way::Out).all_received(), b"patience");
    assert_eq!(bench.driver.statistics().naks, 50);
}

#[test]
fn babble_ends_a_transfer() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    bench.model.device(id).fault(2, Way::In, &[Fault::Babble]);
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)), Err(TransferError::Babble));
    bench.check_clean();
}

#[test]
fn a_dma_fault_halts_the_channel_and_ends_the_transfer() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    bench.model.device(id).fault(2, Way::In, &[Fault::Dma]);
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)), Err(TransferError::Controller));
    assert_eq!(bench.driver.statistics().dma_faults, 1);
    bench.check_clean();
    bench.model.device(id).at(2, Way::In).send(b"fine");
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, None)).unwrap(), b"fine");
}

#[test]
fn a_device_that_says_nothing_times_out_and_its_channel_is_taken_back() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    let timeout = Some(Duration::from_millis(100));
    // NAK without end, then a channel that hangs.
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, timeout)), Err(TransferError::Timeout));
    bench.model.device(id).fault(2, Way::In, &[Fault::Hang]);
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, timeout)), Err(TransferError::Timeout));
    assert_eq!(bench.driver.statistics().timeouts, 2);
    bench.check_clean();
    assert!(bench.model.peek().channels.iter().all(|channel| channel.hcchar >> 31 == 0));
    bench.model.device(id).at(2, Way::In).send(b"back");
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, timeout)).unwrap(), b"back");
}

#[test]
fn a_control_request_that_is_never_answered_times_out() {
    let (bench, id) = adapter();
    let pipe = bench.control_pipe(id);
    bench.model.device(id).fault(0, Way::In, &[Fault::Hang]);
    assert_eq!(bench.run(bench.read_memory(&pipe, 8)), Err(TransferError::Timeout));
    assert!(bench.run(bench.read_memory(&pipe, 8)).is_ok());
    bench.check_clean();
}

#[test]
fn nobody_at_the_address() {
    let (bench, id) = adapter();
    let mut config = bench.config(id, 0, Way::Out);
    config.device = usb_core::pipe::DeviceAddress::new(99).unwrap();
    let pipe = bench.pipe(config);
    assert_eq!(bench.run(bench.read_memory(&pipe, 8)), Err(TransferError::Transaction));
}

#[test]
fn a_channel_that_never_halts_leads_to_a_core_reset() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    bench.model.device(id).fault(2, Way::In, &[Fault::Hang]);
    bench.model.state().halts_work = false;
    let timeout = Some(Duration::from_millis(100));
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, timeout)), Err(TransferError::Timeout));
    let statistics = bench.driver.statistics();
    assert_eq!((statistics.halts_failed, statistics.core_resets), (1, 1));
    bench.check_clean();
    // Everything on the port is to be enumerated anew.
    assert_eq!(bench.run(bench.read_memory(&pipe, 8)), Err(TransferError::Invalid));
    bench.run(bench.driver.root_port_changed());
    assert_eq!(bench.run(bench.driver.reset_root_port()), Ok(Speed::Full));
    bench.driver.reset_toggle(&pipe);
    bench.model.device(id).at(2, Way::In).send(b"again");
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, timeout)).unwrap(), b"again");
}

#[test]
fn a_core_whose_reset_does_not_end_either_is_switched_off_and_on() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    bench.model.device(id).fault(2, Way::In, &[Fault::Hang]);
    bench.model.state().halts_work = false;
    bench.model.state().reset_stuck = true;
    let timeout = Some(Duration::from_millis(100));
    // Another one is armed all the while: it ends, and touches nothing while there is no power.
    let armed = bench.pipe(bench.config(id, 1, Way::In));
    let (first, second) =
        bench.run(embassy_futures::join::join(bench.bulk_in(&pipe, 64, timeout), async {
            bench.clock.sleep(Duration::from_millis(102)).await;
            bench.bulk_in(&armed, 16, Some(Duration::from_secs(5))).await
        }));
    assert_eq!(first, Err(TransferError::Timeout));
    assert_ne!(second.map(|_| ()), Ok(()));
    let statistics = bench.driver.statistics();
    assert_eq!((statistics.core_resets, statistics.power_cycles), (1, 1));
    bench.check_clean();
    bench.run(bench.driver.root_port_changed());
    assert_eq!(bench.run(bench.driver.reset_root_port()), Ok(Speed::Full));
    bench.model.device(id).at(2, Way::In).send(b"again");
    bench.driver.reset_toggle(&pipe);
    assert_eq!(bench.run(bench.bulk_in(&pipe, 64, timeout)).unwrap(), b"again");
}

#[test]
fn a_controller_that_can_not_be_brought_back_says_so_and_is_tried_again() {
    let (bench, id) = adapter();
    let pipe = bench.control_pipe(id);
    bench.model.state().reset_stuck = true;
    bench.model.state().power_works = false;
    for recovery in [Recovery::Reset, Recovery::Power] {
        assert_eq!(bench.run(bench.driver.recover(recovery)), Err(TransferError::Controller));
    }
    assert!(bench.run(bench.read_memory(&pipe, 8)).is_err());
    assert_eq!(bench.run(bench.driver.reset_root_port()), Err(TransferError::Controller));
    bench.model.state().power_works = true;
    assert_eq!(bench.run(bench.driver.recover(Recovery::Power)), Ok(()));
    assert_eq!(bench.run(bench.driver.reset_root_port()), Ok(Speed::Full));
    assert!(bench.run(bench.read_memory(&pipe, 8)).is_ok());
    // Without need, too.
    for recovery in [Recovery::Reset, Recovery::Power] {
        assert_eq!(bench.run(bench.driver.recover(recovery)), Ok(()));
        assert_eq!(bench.run(bench.driver.reset_root_port()), Ok(Speed::Full));
        assert!(bench.run(bench.read_memory(&pipe, 8)).is_ok());
    }
    bench.check_clean();
}

#[test]
fn without_memory_a_control_transfer_fails_and_nothing_else_happens() {
    let (bench, id) = adapter();
    let pipe = bench.control_pipe(id);
    let hoard: Vec<_> = std::iter::from_fn(|| bench.memory.take(8)).collect();
    assert_eq!(bench.run(bench.read_memory(&pipe, 8)), Err(TransferError::NoResources));
    drop(hoard);
    assert!(bench.run(bench.read_memory(&pipe, 8)).is_ok());
}
