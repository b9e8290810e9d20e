//! Futures that are dropped in the middle.

use crate::model::device::Way;
use crate::model::{Bench, Device, Fault, Flavor};
use std::time::Duration;
use usb_core::host::{Clock, HostController};
use usb_core::pipe::Speed;

fn adapter() -> (Bench, usize) {
    let device = Device::new(Speed::Full, 64)
        .endpoint(1, Way::In, 16, true)
        .endpoint(2, Way::In, 64, false)
        .endpoint(2, Way::Out, 64, false);
    Bench::with(Flavor::Hardware, device)
}

/// Runs a future for a while and drops it.
fn give_up<T>(bench: &Bench, after: Duration, future: impl Future<Output = T>) {
    let ended = bench.run(embassy_futures::select::select(bench.clock.sleep(after), future));
    assert!(matches!(ended, embassy_futures::select::Either::First(())), "it ended by itself");
}

#[test]
fn the_buffer_is_kept_until_the_channel_has_halted() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    // The model panics when a buffer is freed that a channel works on.
    give_up(&bench, Duration::from_millis(5), bench.bulk_in(&pipe, 2048, None));
    assert_eq!(bench.memory.live(), 1, "still the hardware's");
    bench.sleep(Duration::from_millis(1));
    bench.run(bench.driver.close_pipe(pipe));
    bench.check_clean();
    assert_eq!(bench.driver.statistics().cancelled, 1);
}

#[test]
fn the_pipe_is_usable_afterwards_with_the_right_toggle() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    for round in 0..5_u8 {
        // One full packet arrives and is acknowledged; then the transfer is given up.
        bench.model.device(id).at(2, Way::In).queue.push_back(vec![round; 64]);
        give_up(&bench, Duration::from_millis(5), bench.bulk_in(&pipe, 2048, None));
        // Until the channel has halted it may still take what comes.
        bench.sleep(Duration::from_millis(1));
        bench.model.device(id).at(2, Way::In).send(&[round, 1, 2]);
        assert_eq!(bench.run(bench.bulk_in(&pipe, 2048, None)).unwrap(), [round, 1, 2]);
    }
    assert_eq!(bench.driver.statistics().toggle_errors, 0);
    bench.check_clean();
}

#[test]
fn many_given_up_at_once_do_not_exhaust_anything() {
    let (bench, id) = adapter();
    let control = bench.control_pipe(id);
    for _ in 0..20 {
        let pipe = bench.pipe(bench.config(id, 2, Way::In));
        give_up(&bench, Duration::from_micros(300), bench.bulk_in(&pipe, 64, None));
        drop(pipe);
        bench.model.device(id).fault(0, Way::In, &[Fault::Hang]);
        give_up(&bench, Duration::from_micros(300), bench.read_memory(&control, 8));
    }
    assert!(bench.run(bench.read_memory(&control, 8)).is_ok());
    bench.check_clean();
}

#[test]
fn a_periodic_channel_is_left_to_end_by_itself() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 1, Way::In));
    bench.sleep(Duration::from_micros(100));
    give_up(&bench, Duration::from_micros(50), bench.bulk_in(&pipe, 16, None));
    let disabled = |bench: &Bench| {
        bench.model.peek().channels.iter().any(|channel| channel.hcchar & 1 << 30 != 0)
    };
    assert!(!disabled(&bench), "a periodic channel was told to halt");
    bench.model.device(id).at(1, Way::In).send(b"first");
    bench.sleep(Duration::from_millis(2));
    // The transaction took place after all; what it brought is gone, the toggle has moved.
    bench.model.device(id).at(1, Way::In).send(b"second");
    assert_eq!(bench.run(bench.bulk_in(&pipe, 16, None)).unwrap(), b"second");
    bench.check_clean();
}

#[test]
fn an_abandoned_channel_that_never_halts_is_cured_by_the_next_port_reset() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    bench.model.state().halts_work = false;
    give_up(&bench, Duration::from_millis(5), bench.bulk_in(&pipe, 2048, None));
    bench.sleep(Duration::from_millis(50));
    assert_eq!(bench.memory.live(), 1);
    bench.run(bench.driver.root_port_changed());
    assert_eq!(bench.run(bench.driver.reset_root_port()), Ok(Speed::Full));
    assert_eq!(bench.driver.statistics().core_resets, 1);
    bench.check_clean();
}

#[test]
fn quiesce_waits_for_abandoned_channels() {
    let (bench, id) = adapter();
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    give_up(&bench, Duration::from_millis(5), bench.bulk_in(&pipe, 2048, None));
    bench.run(bench.driver.quiesce());
    bench.check_clean();
}
