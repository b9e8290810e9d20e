//! Receiving without end: the channel goes from one transfer to the next by itself.

use crate::model::bench::pattern;
use crate::model::device::Way;
use crate::model::memory::{Buffer, Memory};
use crate::model::{Bench, Device, Fault, Flavor};
use embassy_futures::select::{Either, select};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;
use usb_core::buffer::DmaBuffer;
use usb_core::host::{Clock, HostController, TransferError};
use usb_core::intake::{Intake, SETTLE_AFTER, one_by_one};
use usb_core::pipe::Speed;
use usb_dwc2::Pipe;

const US: fn(u64) -> Duration = Duration::from_micros;
const WINDOW: usize = 2048;

/// Polls a future once.
async fn poll_once<T>(mut future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Takes so many transfers, and then has no buffers any more.
struct Frames {
    memory: Memory,
    wanted: usize,
    /// Buffers in use at most.
    most: usize,
    asked: Cell<usize>,
    used: Cell<usize>,
    announced: Cell<usize>,
    got: RefCell<Vec<Vec<u8>>>,
    /// How many of them were there when it last had to settle.
    settled: Cell<usize>,
}

impl Drop for Frames {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.settled.get(), self.got.borrow().len(), "a burst was not settled");
        }
    }
}

impl Frames {
    fn new(bench: &Bench, wanted: usize) -> Self {
        Self {
            memory: bench.memory.clone(),
            wanted,
            most: usize::MAX,
            asked: Cell::new(0),
            used: Cell::new(0),
            announced: Cell::new(0),
            got: RefCell::new(Vec::new()),
            settled: Cell::new(0),
        }
    }
}

impl Intake for Frames {
    type Buffer = Buffer;

    fn buffer(&self, ahead: usize) -> Option<Buffer> {
        assert!(ahead <= self.used.get());
        if self.asked.get() == self.wanted || self.used.get() == self.most {
            return None;
        }
        self.asked.set(self.asked.get() + 1);
        self.used.set(self.used.get() + 1);
        Some(self.memory.buffer(WINDOW))
    }

    fn ended(&self, buffer: &Buffer, length: usize) {
        assert_eq!(buffer.bytes().len(), WINDOW);
        assert!(length <= WINDOW);
        self.announced.set(self.announced.get() + 1);
    }

    fn arrived(&self, buffer: Buffer, length: usize) {
        self.used.set(self.used.get() - 1);
        let (data, rest) = buffer.bytes().split_at(length);
        assert!(rest.iter().all(|byte| *byte == 0xa5), "bytes beyond what arrived");
        self.got.borrow_mut().push(data.to_vec());
        assert!(self.got.borrow().len() <= self.announced.get());
        assert!(self.got.borrow().len() - self.settled.get() <= SETTLE_AFTER as usize);
    }

    fn settle(&self) {
        let settled = self.settled.replace(self.got.borrow().len());
        assert!(settled < self.settled.get(), "nothing came since");
    }
}

fn adapter(speed: Speed, mps: usize) -> (Bench, usize, Pipe<'static>) {
    let device = Device::new(speed, 64).endpoint(2, Way::In, mps, false);
    let (bench, id) = Bench::with(Flavor::Hardware, device);
    let pipe = bench.pipe(bench.config(id, 2, Way::In));
    (bench, id, pipe)
}

/// Frames of odd and even packet counts, whole packets and empty ones among them.
fn frames(count: usize) -> Vec<Vec<u8>> {
    let lengths = [60, 64, 1514, 512, 65, 1024, 1513, 128, 2000, 1];
    (0..count).map(|n| pattern(lengths[n % lengths.len()] + n % 3)).collect()
}

fn send(bench: &Bench, id: usize, frames: &[Vec<u8>]) {
    let device = &mut *bench.model.device(id);
    frames.iter().for_each(|frame| device.at(2, Way::In).send(frame));
}

#[test]
fn frames_come_in_order_and_the_toggle_goes_on() {
    for (speed, mps) in [(Speed::Full, 64), (Speed::High, 512), (Speed::Full, 16)] {
        let (bench, id, pipe) = adapter(speed, mps);
        let sent = frames(50);
        send(&bench, id, &sent);
        let intake = Frames::new(&bench, sent.len());
        let error = bench.run(bench.driver.receive(&pipe, &intake));
        assert_eq!(error, TransferError::NoResources, "the end of the buffers");
        assert_eq!(*intake.got.borrow(), sent);
        // One more by the plain way: the toggle is where it should be.
        send(&bench, id, &[pattern(100)]);
        assert_eq!(bench.run(bench.bulk_in(&pipe, WINDOW, None)).unwrap(), pattern(100));
        let statistics = bench.driver.statistics();
        assert_eq!((statistics.toggle_errors, statistics.transfers), (0, 51));
        assert_eq!(statistics.programs, 51);
        bench.check_clean();
    }
}

/// Microframes for which the endpoint of a busy device waits for a late task, in 200 frames.
fn idle_microframes(late: Duration, plain: bool) -> (u128, u64) {
    let (bench, id, pipe) = adapter(Speed::High, 512);
    let sent: Vec<_> = (0..200).map(|_| pattern(1514)).collect();
    send(&bench, id, &sent);
    let intake = Frames::new(&bench, sent.len());
    bench.late.set(late);
    bench.model.state().pauses.clear();
    if plain {
        bench.run(one_by_one(bench.driver, &pipe, &intake));
    } else {
        bench.run(bench.driver.receive(&pipe, &intake));
    }
    assert_eq!(*intake.got.borrow(), sent);
    let idle: Duration = bench.model.peek().pauses.iter().sum();
    (idle.as_micros() / 125, bench.driver.statistics().receive_pauses)
}

#[test]
fn the_endpoint_does_not_wait_for_a_task_that_comes_in_time_for_one_buffer() {
    // A frame takes 30 us here, three lie ready.
    assert_eq!(idle_microframes(US(0), false), (0, 0));
    assert_eq!(idle_microframes(US(80), false), (0, 0));
    // A transfer at a time the bus is idle for as long as the task takes, each time.
    assert_eq!(idle_microframes(US(80), true).0, 199 * 80 / 125);
    // A task that comes too late for three buffers costs a pause for four frames.
    let (idle, pauses) = idle_microframes(US(250), false);
    assert!((40..60).contains(&pauses), "{pauses} pauses");
    assert!(idle < 50 * 250 / 125, "{idle} microframes");
}

#[test]
fn the_work_of_an_interrupt_is_bounded() {
    let (bench, id, pipe) = adapter(Speed::High, 512);
    let sent = frames(40);
    send(&bench, id, &sent);
    let intake = Frames::new(&bench, sent.len());
    bench.interrupt_accesses.set(0);
    bench.run(bench.driver.receive(&pipe, &intake));
    // GINTSTS, GINTMSK, HAINT; HCINT twice, HCTSIZ twice, HCDMA, HCCHAR.
    assert_eq!(bench.interrupt_accesses.get(), 9);
}

#[test]
fn whatever_a_transaction_meets_no_frame_is_lost_or_doubled() {
    use Fault::{HaltWithoutCause, HandshakeLost, Lost, Nak, NakAndHalt};
    for fault in [Lost, HandshakeLost, HaltWithoutCause, Nak, NakAndHalt] {
        for late in [0, 20, 200] {
            let (bench, id, pipe) = adapter(Speed::High, 512);
            println!("{fault:?}, tasks {late} us late");
            bench.late.set(US(late));
            let sent = frames(30);
            send(&bench, id, &sent);
            let intake = Frames::new(&bench, sent.len());
            // Again and again, in the first packet of a transfer and in later ones, but not so fast
            // that the same packet meets three.
            let again = if matches!(fault, Nak | NakAndHalt) { 300 } else { 37 };
            let storm = async {
                for n in 0.. {
                    bench.clock.sleep(US(again + n % 5 + 3 * late)).await;
                    let device = &mut *bench.model.device(id);
                    if device.next_fault(2, Way::In).is_none() {
                        device.fault(2, Way::In, &[fault]);
                    }
                }
            };
            let ended = bench.run(select(bench.driver.receive(&pipe, &intake), storm));
            assert!(matches!(ended, Either::First(TransferError::NoResources)), "{fault:?}");
            assert_eq!(*intake.got.borrow(), sent, "{fault:?} {late}");
            bench.check_clean();
        }
    }
}

#[test]
fn a_transfer_that_fails_ends_it_after_what_came_before() {
    for (fault, error) in [
        (Fault::Babble, TransferError::Babble),
        (Fault::Dma, TransferError::Controller),
        (Fault::Lost, TransferError::Transaction),
    ] {
        let (bench, id, pipe) = adapter(Speed::High, 512);
        let sent: Vec<_> = (0..6).map(|n| pattern(100 + n)).collect();
        send(&bench, id, &sent[..3]);
        let intake = Frames::new(&bench, 20);
        let later = async {
            bench.clock.sleep(Duration::from_millis(1)).await;
            bench.model.device(id).fault(2, Way::In, &[fault; 3]);
            send(&bench, id, &sent[3..]);
            std::future::pending::<()>().await;
        };
        let ended = bench.run(select(bench.driver.receive(&pipe, &intake), later));
        assert!(matches!(ended, Either::First(got) if got == error), "{fault:?}");
        assert_eq!(*intake.got.borrow(), sent[..3]);
        bench.check_clean();
        // What the device did not send is still there.
        bench.model.device(id).faults.clear();
        let intake = Frames::new(&bench, 3);
        bench.run(bench.driver.receive(&pipe, &intake));
        assert_eq!(*intake.got.borrow(), sent[3..]);
    }
}

#[test]
fn what_came_before_an_error_does_not_wait_for_the_transfer_that_met_it() {
    let (bench, id, pipe) = adapter(Speed::High, 512);
    let sent: Vec<_> = (0..2).map(|n| pattern(100 + n)).collect();
    send(&bench, id, &sent);
    let intake = Frames::new(&bench, 20);
    bench.run(async {
        let mut receive = pin!(bench.driver.receive(&pipe, &intake));
        assert!(poll_once(receive.as_mut()).await.is_none());
        // Both frames come and the third transfer fails before the task has its turn again.
        bench.clock.sleep(US(45)).await;
        bench.model.device(id).fault(2, Way::In, &[Fault::Lost]);
        bench.clock.sleep(US(500)).await;
        assert_eq!(bench.model.peek().channels[0].hcchar >> 31, 0, "the channel has stopped");
        assert!(poll_once(receive.as_mut()).await.is_none());
        assert_eq!(*intake.got.borrow(), sent);
        assert_eq!(bench.driver.statistics().transaction_errors, 1);
    });
}

#[test]
fn a_halted_endpoint_ends_it() {
    let (bench, id, pipe) = adapter(Speed::High, 512);
    bench.model.device(id).at(2, Way::In).halted = true;
    let intake = Frames::new(&bench, 20);
    assert_eq!(bench.run(bench.driver.receive(&pipe, &intake)), TransferError::Stall);
    assert_eq!(bench.driver.statistics().stalls, 1);
    bench.check_clean();
}

#[test]
fn two_buffers_are_enough() {
    let (bench, id, pipe) = adapter(Speed::High, 512);
    let sent = frames(30);
    send(&bench, id, &sent);
    let mut intake = Frames::new(&bench, sent.len());
    intake.most = 2;
    bench.run(bench.driver.receive(&pipe, &intake));
    assert_eq!(*intake.got.borrow(), sent);
    let mut none = Frames::new(&bench, 1);
    none.most = 0;
    assert_eq!(bench.run(bench.driver.receive(&pipe, &none)), TransferError::NoResources);
}

#[test]
fn pulled_out_or_dropped_at_any_moment_it_lets_go_of_its_buffers() {
    for after in 0..120 {
        let (bench, id, pipe) = adapter(Speed::High, 512);
        send(&bench, id, &frames(30));
        let intake = Frames::new(&bench, 100);
        let pulled = after % 2 == 0;
        let ended = bench.run(async {
            let end = async {
                bench.clock.sleep(US(after * 7)).await;
                if pulled {
                    bench.model.state().unplug_root();
                    std::future::pending::<()>().await;
                }
            };
            select(bench.driver.receive(&pipe, &intake), end).await
        });
        match ended {
            Either::First(error) => {
                assert_eq!((error, pulled), (TransferError::Disconnected, true))
            }
            Either::Second(()) => assert!(!pulled),
        }
        bench.run(bench.driver.close_pipe(pipe));
        bench.check_clean();
    }
}

#[test]
fn after_a_future_was_dropped_the_toggle_is_that_of_the_device() {
    for after in 0..60 {
        let (bench, id, pipe) = adapter(Speed::High, 512);
        send(&bench, id, &frames(8));
        let intake = Frames::new(&bench, 100);
        bench.run(async {
            let receive = bench.driver.receive(&pipe, &intake);
            select(receive, bench.clock.sleep(US(after * 11))).await
        });
        bench.sleep(Duration::from_millis(20));
        send(&bench, id, &[vec![0x77; 3]]);
        let rest = Frames::new(&bench, 100);
        bench.run(async {
            let receive = bench.driver.receive(&pipe, &rest);
            select(receive, bench.clock.sleep(Duration::from_millis(50))).await
        });
        assert_eq!(rest.got.borrow().last(), Some(&vec![0x77; 3]));
        assert_eq!(bench.driver.statistics().toggle_errors, 0);
    }
}
