//! The test bench: model, driver, and an executor in virtual time.

use super::core::{Flavor, Model, ModelRegisters};
use super::device::{Device, DeviceId, Way};
use super::memory::{Buffer, Memory, ModelBoard};
use super::time::{Flag, VirtualClock};
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use usb_core::host::{Clock, HostController, SetupPacket, TransferError};
use usb_core::pipe::{
    DeviceAddress, Direction, EndpointNumber, PipeConfig, Speed, TransactionTranslator,
    TransferType,
};
use usb_dwc2::{Dwc2, Interrupts, Pipe};

pub type Driver = Dwc2<'static, ModelRegisters, VirtualClock, ModelBoard>;

pub const SECOND: Duration = Duration::from_secs(1);

pub struct Bench {
    pub model: Model,
    pub memory: Memory,
    pub clock: VirtualClock,
    pub driver: &'static Driver,
    interrupts: &'static Interrupts,
    /// How long a task waits for its turn after it was woken.
    pub late: Cell<Duration>,
    /// The most register accesses of one interrupt.
    pub interrupt_accesses: Cell<u64>,
}

impl Bench {
    pub fn new(flavor: Flavor) -> Self {
        let clock = VirtualClock::default();
        let memory = Memory::new();
        let model = Model::new(flavor, clock.clone(), memory.clone());
        let interrupts = Box::leak(Box::new(Interrupts::new()));
        let driver = Box::leak(Box::new(Dwc2::new(
            ModelRegisters(model.clone()),
            interrupts,
            clock.clone(),
            ModelBoard { memory: memory.clone(), model: model.clone() },
        )));
        let (late, interrupt_accesses) = (Cell::new(Duration::ZERO), Cell::new(0));
        Self { model, memory, clock, driver, interrupts, late, interrupt_accesses }
    }

    /// A bench whose controller is started, with a device on the root port that has been reset.
    pub fn with(flavor: Flavor, device: Device) -> (Self, DeviceId) {
        let bench = Self::new(flavor);
        let id = bench.model.add(device);
        bench.model.state().plug_root(id);
        bench.run(async {
            bench.driver.start().await.expect("the core starts");
            bench.driver.reset_root_port().await.expect("the port resets");
        });
        (bench, id)
    }

    /// Polls a future to its end; time moves when nothing else does.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(flag.clone());
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        let registers = ModelRegisters(self.model.clone());
        let mut quiet = 0;
        let mut turn = None;
        loop {
            while self.model.peek().interrupt_line() {
                self.model.state().interrupts += 1;
                let before = self.model.peek().accesses;
                self.interrupts.handle(&registers);
                let accesses = self.model.peek().accesses - before;
                self.interrupt_accesses.set(self.interrupt_accesses.get().max(accesses));
                quiet += 1;
                assert!(quiet < 1000, "an interrupt that is never acknowledged");
            }
            if flag.0.load(Ordering::SeqCst) && turn.is_none() {
                turn = Some(self.clock.now() + self.late.get());
            }
            if turn.is_some_and(|turn| turn <= self.clock.now()) {
                turn = None;
                flag.0.store(false, Ordering::SeqCst);
                if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                    return value;
                }
                quiet += 1;
                assert!(quiet < 100_000, "a task that never waits");
                continue;
            }
            let next = [self.clock.next_timer(), self.model.peek().next_event(), turn];
            let next = next.into_iter().flatten().min().expect("everything waits for ever");
            assert!(next < Duration::from_secs(600), "nothing has happened for ten minutes");
            if next > self.clock.now() {
                quiet = 0;
            }
            self.clock.advance(next.max(self.clock.now()));
            self.model.state().run_events();
        }
    }

    pub fn sleep(&self, duration: Duration) {
        self.run(self.clock.sleep(duration));
    }

    pub fn pipe(&self, config: PipeConfig) -> Pipe<'static> {
        self.driver.open_pipe(config).expect("a pipe")
    }

    pub fn control_pipe(&self, device: DeviceId) -> Pipe<'static> {
        self.pipe(self.config(device, 0, Way::Out))
    }

    /// The configuration for an endpoint of a device, as the USB core would make it.
    pub fn config(&self, id: DeviceId, number: u8, way: Way) -> PipeConfig {
        let state = self.model.peek();
        let device = &state.devices[id];
        let endpoint = device.endpoints.get(&(number, way));
        let mut translator = None;
        let mut place = device.parent;
        if device.speed != Speed::High {
            while let Some((hub, port)) = place {
                if state.devices[hub].speed == Speed::High {
                    translator = Some(TransactionTranslator {
                        hub: DeviceAddress::new(state.devices[hub].address).unwrap(),
                        port: usb_core::pipe::PortNumber::new(port as u8).unwrap(),
                        multi: state.devices[hub].hub.as_ref().unwrap().alternate == 1,
                    });
                    break;
                }
                place = state.devices[hub].parent;
            }
        }
        PipeConfig {
            device: DeviceAddress::new(device.address).unwrap(),
            speed: device.speed,
            translator,
            endpoint: EndpointNumber::new(number).unwrap(),
            direction: if way == Way::In { Direction::In } else { Direction::Out },
            transfer_type: match endpoint {
                None => TransferType::Control,
                Some(endpoint) if endpoint.interrupt => TransferType::Interrupt,
                Some(_) => TransferType::Bulk,
            },
            max_packet_size: endpoint.map_or(device.mps0, |endpoint| endpoint.mps) as u16,
            interval: if endpoint.is_some_and(|endpoint| endpoint.interrupt) { 8 } else { 0 },
        }
    }

    pub async fn set_address(&self, pipe: &mut Pipe<'static>, id: DeviceId, address: u8) {
        self.driver.quiesce().await;
        let setup = SetupPacket {
            request_type: 0,
            request: 5,
            value: u16::from(address),
            index: 0,
            length: 0,
        };
        self.driver.control(pipe, setup, &mut [], SECOND).await.expect("SET_ADDRESS");
        self.clock.sleep(Duration::from_millis(2)).await;
        let config = self.config(id, 0, Way::Out);
        assert_eq!(config.device.get(), address);
        self.driver.update_control_pipe(pipe, config).await;
    }

    pub async fn write_memory(
        &self,
        pipe: &Pipe<'static>,
        data: &[u8],
    ) -> Result<usize, TransferError> {
        let setup = SetupPacket {
            request_type: 0x40,
            request: 1,
            value: 0,
            index: 0,
            length: data.len() as u16,
        };
        self.driver.control(pipe, setup, &mut data.to_vec(), SECOND).await
    }

    pub async fn read_memory(
        &self,
        pipe: &Pipe<'static>,
        length: usize,
    ) -> Result<Vec<u8>, TransferError> {
        let setup = SetupPacket {
            request_type: 0xc0,
            request: 1,
            value: 0,
            index: 0,
            length: length as u16,
        };
        let mut data = vec![0; length];
        let read = self.driver.control(pipe, setup, &mut data, SECOND).await?;
        data.truncate(read);
        Ok(data)
    }

    pub async fn bulk_in(
        &self,
        pipe: &Pipe<'static>,
        length: usize,
        timeout: Option<Duration>,
    ) -> Result<Vec<u8>, TransferError> {
        use usb_core::buffer::DmaBuffer;
        let buffer = self.memory.buffer(length);
        let (buffer, result) = self.driver.transfer_in(pipe, buffer, timeout).await;
        assert_eq!(buffer.bytes().len(), length, "the window keeps its length");
        result.map(|moved| {
            let (data, rest) = buffer.bytes().split_at(moved);
            assert!(rest.iter().all(|byte| *byte == 0xa5), "bytes beyond what arrived");
            data.to_vec()
        })
    }

    pub async fn bulk_out(
        &self,
        pipe: &Pipe<'static>,
        data: &[u8],
        zero_length_packet: bool,
    ) -> Result<usize, TransferError> {
        let buffer: Buffer = self.memory.filled(data);
        let (_, result) = self.driver.transfer_out(pipe, buffer, zero_length_packet, SECOND).await;
        result
    }

    /// Nothing is in flight and nothing has leaked.
    pub fn check_clean(&self) {
        assert_eq!(self.memory.live(), 0, "buffers are still held");
    }
}

/// `length` bytes that differ from each other and from what memory holds.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251) as u8).collect()
}
