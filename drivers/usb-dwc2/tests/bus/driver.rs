//! The class driver of the echo devices. It says on record what it sent and got.

use crate::model::core::ModelRegisters;
use crate::model::echo;
use crate::model::memory::{Buffer, Memory, ModelBoard};
use crate::model::random::Random;
use crate::model::time::VirtualClock;
use embassy_futures::select::{Either, select, select3};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::pending;
use std::time::Duration;
use usb_core::buffer::DmaBuffer;
use usb_core::class::{ClassDrivers, DriverEnd, Platform, Selection};
use usb_core::descriptor::{DescriptorSet, EndpointKind};
use usb_core::device::{Device, DevicePipe};
use usb_core::host::{Clock, TransferError};
use usb_core::intake::Intake;
use usb_core::pipe::{Direction, Speed};
use usb_dwc2::Dwc2;

pub type Controller<'i> = Dwc2<'i, ModelRegisters, VirtualClock, ModelBoard>;

pub struct TestPlatform<'i> {
    pub controller: Controller<'i>,
    pub clock: VirtualClock,
    pub memory: Memory,
}

impl<'i> Platform for TestPlatform<'i> {
    type Host = Controller<'i>;
    type Clock = VirtualClock;

    fn host(&self) -> &Controller<'i> {
        &self.controller
    }

    fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    fn allocate(&self) -> Option<Buffer> {
        self.memory.take(2048)
    }
}

/// A frame that came back.
#[derive(Clone, Debug)]
pub struct Received {
    pub frame: Vec<u8>,
    /// Nothing went wrong on the endpoint since the one before.
    pub clean: bool,
}

/// What happened with the device of one number, over all its lives.
#[derive(Default)]
pub struct Record {
    /// Frames made so far.
    pub made: u32,
    /// Frames that the controller said the device has taken.
    pub taken: Vec<Vec<u8>>,
    pub received: Vec<Received>,
    /// The last count from the interrupt endpoint.
    pub count: u32,
    /// When the last frame came back.
    pub last: Duration,
}

pub struct EchoDriver {
    pub random: RefCell<Random>,
    pub records: RefCell<BTreeMap<u16, Record>>,
    /// Errors that transfers ended with.
    pub errors: Cell<u32>,
}

/// Frames under way at most.
const WINDOW: usize = 4;
/// Errors in a row after which a device is given up.
const MAX_ERRORS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(5);

/// What the three loops of one device share.
struct Run<'d, 'b, 'i> {
    driver: &'d EchoDriver,
    device: &'d Device<'b, TestPlatform<'i>>,
    number: u16,
    /// Frames sent and not come back.
    under_way: Cell<usize>,
    /// One of the loops has given up.
    failed: Cell<bool>,
}

impl<'i> ClassDrivers<TestPlatform<'i>> for EchoDriver {
    fn select(&self, descriptors: &DescriptorSet) -> Option<Selection> {
        let configuration = descriptors.configurations().next()?;
        let class = configuration.interfaces().next()?.class;
        ([class.class, class.subclass] == echo::CLASS)
            .then(|| Selection { configuration: configuration.value(), driver: "echo" })
    }

    async fn run(&self, device: &Device<'_, TestPlatform<'i>>) -> DriverEnd {
        let Some((input, output, count, number)) = endpoints(device) else {
            return DriverEnd::Restart;
        };
        let run =
            Run { driver: self, device, number, under_way: Cell::new(0), failed: Cell::new(false) };
        let loops = select3(run.send(output), run.receive(input), run.count(count));
        match select(device.until_gone(), loops).await {
            Either::First(()) => DriverEnd::Done,
            Either::Second(_) => DriverEnd::Restart,
        }
    }
}

/// IN, OUT and count pipes, and the device's number.
fn endpoints(
    device: &Device<'_, TestPlatform<'_>>,
) -> Option<(DevicePipe, DevicePipe, Option<DevicePipe>, u16)> {
    let descriptors = device.descriptors()?;
    let number = descriptors.device().product;
    let configuration = descriptors.configuration(device.configuration())?;
    let interface = configuration.interface(0, 0)?;
    let kind =
        if device.speed() == Speed::Low { EndpointKind::Interrupt } else { EndpointKind::Bulk };
    let open = |kind, direction| device.open_pipe(&interface.endpoint(kind, direction)?).ok();
    let count = match kind {
        EndpointKind::Bulk => Some(open(EndpointKind::Interrupt, Direction::In)?),
        _ => None,
    };
    Some((open(kind, Direction::In)?, open(kind, Direction::Out)?, count, number))
}

/// A frame that says which it is, and whose.
fn frame(number: u16, sequence: u32, length: usize) -> Vec<u8> {
    let mut frame = sequence.to_le_bytes().to_vec();
    frame.extend(number.to_le_bytes());
    frame.extend((0..length).map(|n| (n as u32 * 7 + sequence * 13) as u8));
    frame
}

/// Whether it is as it was made.
fn check(frame_got: &[u8], number: u16) -> u32 {
    let sequence = frame_got.first_chunk().expect("a whole frame");
    let sequence = u32::from_le_bytes(*sequence);
    let whole = frame(number, sequence, frame_got.len() - 6);
    assert_eq!(frame_got, whole, "device {number}: a frame that nobody sent");
    sequence
}

/// Takes frames that come back, several transfers at once.
struct FrameIntake<'r, 'd, 'b, 'i> {
    run: &'r Run<'d, 'b, 'i>,
    /// Nothing went wrong since the frame before.
    clean: Cell<bool>,
}

impl Intake for FrameIntake<'_, '_, '_, '_> {
    type Buffer = Buffer;

    fn buffer(&self, _: usize) -> Option<Buffer> {
        self.run.device.platform().allocate()
    }

    fn ended(&self, _: &Buffer, _: usize) {}

    fn arrived(&self, buffer: Buffer, length: usize) {
        if length > 0 {
            let clean = self.clean.replace(true);
            self.run.came_back(buffer.bytes()[..length].to_vec(), clean);
        }
    }

    fn settle(&self) {}
}

impl Run<'_, '_, '_> {
    fn clock(&self) -> &VirtualClock {
        &self.device.platform().clock
    }

    fn record<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        change(self.driver.records.borrow_mut().entry(self.number).or_default())
    }

    fn random<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.driver.random.borrow_mut())
    }

    /// After an error: both sides start over. Returns false when that is of no use any more.
    async fn mend(&self, pipe: DevicePipe, error: TransferError, errors: &mut u32) -> bool {
        self.driver.errors.set(self.driver.errors.get() + 1);
        *errors += 1;
        if self.failed.get()
            || *errors > MAX_ERRORS
            || error == TransferError::Disconnected
            || self.device.clear_halt(pipe).await.is_err()
        {
            self.failed.set(true);
            return false;
        }
        self.clock().sleep(PAUSE).await;
        !self.failed.get()
    }

    async fn send(&self, pipe: DevicePipe) {
        let mut errors = 0;
        let mut patience = 0;
        while !self.failed.get() {
            if self.under_way.get() >= WINDOW && patience < 20 {
                patience += 1;
                self.clock().sleep(PAUSE).await;
                continue;
            }
            if patience >= 20 {
                // They will not come any more.
                self.under_way.set(0);
            }
            patience = 0;
            let Some(mut buffer) = self.device.platform().allocate() else {
                self.clock().sleep(PAUSE).await;
                continue;
            };
            let most = if pipe.max_packet_size() == 8 { 2 } else { 1500 };
            // Often a whole number of packets.
            let length = self.random(|random| match random.below(3) {
                0 if most > 2 => 64 * (1 + random.below(20)) - 6,
                _ => random.below(most),
            });
            let sequence = self.record(|record| {
                record.made += 1;
                record.made
            });
            let frame = frame(self.number, sequence, length);
            assert!(buffer.set_len(frame.len()));
            buffer.bytes_mut().copy_from_slice(&frame);
            let timeout = Duration::from_millis(500);
            let (buffer, result) = self.device.transfer_out(pipe, buffer, true, timeout).await;
            drop(buffer);
            match result {
                Ok(length) => {
                    assert_eq!(length, frame.len());
                    errors = 0;
                    self.under_way.set(self.under_way.get() + 1);
                    self.record(|record| record.taken.push(frame));
                }
                // An interrupt endpoint without room: at the next poll.
                Err(TransferError::Nak) => self.clock().sleep(PAUSE).await,
                Err(error) => {
                    if !self.mend(pipe, error, &mut errors).await {
                        return;
                    }
                }
            }
            if self.random(|random| random.one_in(4)) {
                let pause = self.random(|random| random.below(30_000));
                self.clock().sleep(Duration::from_micros(pause as u64)).await;
            }
        }
    }

    /// The frames of a bulk endpoint, as many transfers at once as the controller takes; until an
    /// error, or until the driver loses patience.
    async fn receive_many(&self, pipe: DevicePipe) -> TransferError {
        let intake = FrameIntake { run: self, clean: Cell::new(false) };
        let patience = async {
            if !self.random(|random| random.one_in(4)) {
                pending::<()>().await;
            }
            let time = self.random(|random| random.below(200_000)) as u64;
            self.clock().sleep(Duration::from_micros(time)).await;
        };
        match select(self.device.receive(pipe, &intake), patience).await {
            Either::First(error) => error,
            Either::Second(()) => {
                // The channel halts in its own time, and until then moves packets.
                self.clock().sleep(PAUSE).await;
                TransferError::Timeout
            }
        }
    }

    /// A frame has come back; `clean` says that nothing went wrong since the one before.
    fn came_back(&self, frame: Vec<u8>, clean: bool) {
        check(&frame, self.number);
        self.under_way.set(self.under_way.get().saturating_sub(1));
        let now = self.clock().now();
        self.record(|record| {
            record.last = now;
            record.received.push(Received { frame, clean });
        });
    }

    async fn receive(&self, pipe: DevicePipe) {
        let mut errors = 0;
        let many = pipe.max_packet_size() != 8 && self.random(|random| random.one_in(2));
        while many && !self.failed.get() {
            let before = self.record(|record| record.received.len());
            let error = self.receive_many(pipe).await;
            if error == TransferError::NoResources {
                self.clock().sleep(PAUSE).await;
                continue;
            }
            let progress = self.record(|record| record.received.len()) != before;
            if progress || error == TransferError::Timeout {
                errors = 0;
            }
            if !self.mend(pipe, error, &mut errors).await {
                return;
            }
        }
        let mut clean = false;
        let interrupt = pipe.max_packet_size() == 8;
        while !self.failed.get() {
            let Some(mut buffer) = self.device.platform().allocate() else {
                self.clock().sleep(PAUSE).await;
                continue;
            };
            let window = if interrupt { 8 } else { 2048 };
            assert!(buffer.set_len(window));
            // Mostly for ever; now and then a driver loses patience.
            let timeout = self
                .random(|random| random.one_in(10))
                .then(|| Duration::from_micros(self.random(|random| random.below(200_000)) as u64));
            let (buffer, result) = self.device.transfer_in(pipe, buffer, timeout).await;
            match result {
                Ok(0) => {}
                Ok(length) => {
                    let frame = buffer.bytes()[..length].to_vec();
                    errors = 0;
                    self.came_back(frame, clean);
                    clean = true;
                }
                Err(TransferError::Nak) => self.clock().sleep(PAUSE).await,
                Err(error) => {
                    clean = false;
                    // Nothing came in time: no reason to give up.
                    if error == TransferError::Timeout {
                        errors = 0;
                    }
                    drop(buffer);
                    if !self.mend(pipe, error, &mut errors).await {
                        return;
                    }
                }
            }
        }
    }

    async fn count(&self, pipe: Option<DevicePipe>) {
        let Some(pipe) = pipe else { return pending().await };
        let mut errors = 0;
        while !self.failed.get() {
            let Some(mut buffer) = self.device.platform().allocate() else {
                self.clock().sleep(PAUSE).await;
                continue;
            };
            assert!(buffer.set_len(pipe.max_packet_size()));
            let timeout = Some(Duration::from_millis(200));
            let (buffer, result) = self.device.transfer_in(pipe, buffer, timeout).await;
            match result {
                Ok(4) => {
                    errors = 0;
                    let count = u32::from_le_bytes(buffer.bytes()[..4].try_into().unwrap());
                    self.record(|record| {
                        assert!(count > record.count, "{count} after {}", record.count);
                        record.count = count;
                    });
                }
                Ok(length) => panic!("a count of {length} bytes"),
                Err(TransferError::Nak) => {
                    drop(buffer);
                    self.clock().sleep(pipe.interval().max(Duration::from_millis(8))).await;
                }
                Err(error) => {
                    drop(buffer);
                    if !self.mend(pipe, error, &mut errors).await {
                        return;
                    }
                }
            }
        }
    }
}
