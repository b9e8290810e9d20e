//! The host controller of the simulated bus.

use crate::buffer::{Pool, SimBuffer};
use crate::executor::SimClock;
use crate::world::{Absent, Answer, DeviceId, Kind, World};
use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use usb_core::buffer::DmaBuffer;
use usb_core::class::Platform;
use usb_core::host::{Clock, HostController, Recovery, RootPortState, SetupPacket, TransferError};
use usb_core::pipe::{Direction, PipeConfig, Speed, TransferType};

/// Time a control or bulk transfer takes at least.
const TRANSFER_TIME: Duration = Duration::from_micros(200);
/// Time a reset of the root port takes.
const ROOT_RESET: Duration = Duration::from_millis(60);

/// A host controller with one root port.
#[derive(Clone)]
pub struct SimHost(World);

/// An open pipe.
pub struct SimPipe {
    config: PipeConfig,
    toggle: Cell<bool>,
    busy: Cell<bool>,
    world: World,
}

impl Drop for SimPipe {
    fn drop(&mut self) {
        self.world.state.borrow_mut().open_pipes -= 1;
    }
}

/// Notes a transfer in flight for as long as it lives.
struct InFlight<'a> {
    pipe: &'a SimPipe,
    device: Option<DeviceId>,
}

impl<'a> InFlight<'a> {
    fn begin(pipe: &'a SimPipe) -> Result<Self, TransferError> {
        if pipe.busy.replace(true) {
            return Err(TransferError::NoResources);
        }
        let mut state = pipe.world.state.borrow_mut();
        let device = state.find(pipe.config.device);
        if let Some(device) = device {
            state.in_flight.push(device);
        }
        Ok(Self { pipe, device })
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.pipe.busy.set(false);
        let mut state = self.pipe.world.state.borrow_mut();
        if let Some(device) = self.device
            && let Some(at) = state.in_flight.iter().position(|id| *id == device)
        {
            state.in_flight.swap_remove(at);
        }
    }
}

impl SimHost {
    /// The controller of a world.
    #[must_use]
    pub fn new(world: &World) -> Self {
        Self(world.clone())
    }

    /// Waits for any change of the world, `until` at most.
    async fn change(&self, until: Option<Duration>) {
        let mut first = true;
        let changed = poll_fn(|cx| {
            if std::mem::take(&mut first) {
                self.0.state.borrow_mut().wakers.push(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        });
        match until {
            None => changed.await,
            Some(until) => {
                let sleep = self.0.clock.sleep(until.saturating_sub(self.0.clock.now()));
                let mut changed = std::pin::pin!(changed);
                let mut sleep = std::pin::pin!(sleep);
                poll_fn(|cx| {
                    let first = changed.as_mut().poll(cx).is_ready();
                    if first || sleep.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(());
                    }
                    Poll::Pending
                })
                .await;
            }
        }
    }

    /// The device at the end of a pipe, after the pipe's particulars were checked.
    fn partner(&self, config: &PipeConfig) -> Option<DeviceId> {
        let mut state = self.0.state.borrow_mut();
        let now = self.0.clock.now();
        state.tick(now);
        let id = state.find(config.device)?;
        let speed = state.devices[id.0].options.speed;
        let translator = state.translator(id);
        if (speed, translator) != (config.speed, config.translator) {
            state.violation(format!(
                "{id:?} is {speed:?} {translator:?}, pipe says {:?} {:?}",
                config.speed, config.translator
            ));
        }
        Some(id)
    }

    async fn absent(&self, timeout: Option<Duration>) -> TransferError {
        let absent = self.0.state.borrow().absent;
        match (absent, timeout) {
            (Absent::Silent, None) => std::future::pending().await,
            (Absent::Silent, Some(timeout)) => {
                self.0.clock.sleep(timeout).await;
                TransferError::Timeout
            }
            (Absent::Garbled, _) => {
                self.0.clock.sleep(TRANSFER_TIME).await;
                TransferError::Transaction
            }
        }
    }
}

fn failure(answer: &Answer) -> Option<TransferError> {
    match answer {
        Answer::Stall => Some(TransferError::Stall),
        Answer::Garbled => Some(TransferError::Transaction),
        Answer::Data(_) | Answer::Nak | Answer::Silence => None,
    }
}

/// What the simulated bus runs on.
pub struct SimPlatform {
    /// The controller.
    pub host: SimHost,
    /// The clock.
    pub clock: SimClock,
    /// The buffers.
    pub pool: Pool,
}

impl Platform for SimPlatform {
    type Host = SimHost;
    type Clock = SimClock;

    fn host(&self) -> &SimHost {
        &self.host
    }

    fn clock(&self) -> &SimClock {
        &self.clock
    }

    fn allocate(&self) -> Option<SimBuffer> {
        self.pool.allocate(0)
    }
}

impl HostController for SimHost {
    type Buffer = SimBuffer;
    type Pipe = SimPipe;

    fn open_pipe(&self, config: PipeConfig) -> Result<SimPipe, TransferError> {
        self.0.state.borrow_mut().open_pipes += 1;
        let (toggle, busy) = (Cell::new(false), Cell::new(false));
        Ok(SimPipe { config, toggle, busy, world: self.0.clone() })
    }

    async fn close_pipe(&self, pipe: SimPipe) {
        if pipe.busy.get() {
            let text = format!("pipe closed while busy: {:?}", pipe.config);
            self.0.state.borrow_mut().violation(text);
        }
        self.0.clock.sleep(TRANSFER_TIME).await;
    }

    async fn update_control_pipe(&self, pipe: &mut SimPipe, config: PipeConfig) {
        pipe.config = config;
    }

    fn reset_toggle(&self, pipe: &SimPipe) {
        pipe.toggle.set(false);
    }

    async fn control(
        &self,
        pipe: &SimPipe,
        setup: SetupPacket,
        data: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, TransferError> {
        let _in_flight = InFlight::begin(pipe)?;
        self.0.clock.sleep(TRANSFER_TIME).await;
        let Some(id) = self.partner(&pipe.config) else {
            return Err(self.absent(Some(timeout)).await);
        };
        let fault = self.0.state.borrow_mut().devices[id.0].options.control_faults.pop_front();
        match fault {
            Some(TransferError::Timeout) => {
                self.0.clock.sleep(timeout).await;
                return Err(TransferError::Timeout);
            }
            Some(error) => return Err(error),
            None => {}
        }
        let length = usize::from(setup.length).min(data.len());
        let out = if setup.is_in() { &[][..] } else { &data[..length] };
        let answer = {
            let mut state = self.0.state.borrow_mut();
            let answer = state.request(id, setup, out, &self.0.clock);
            state.tick(self.0.clock.now());
            state.wake();
            answer
        };
        if let Some(error) = failure(&answer) {
            return Err(error);
        }
        let Answer::Data(bytes) = answer else {
            self.0.clock.sleep(timeout).await;
            return Err(TransferError::Timeout);
        };
        if !setup.is_in() {
            return Ok(length);
        }
        let sent = bytes.len().min(length);
        // What a wrong packet size does to a data stage.
        let (theirs, ours) = (
            self.0.state.borrow().devices[id.0].options.packet_sizes.0,
            usize::from(pipe.config.max_packet_size),
        );
        if theirs > ours && sent > ours {
            return Err(TransferError::Babble);
        }
        let received = if theirs < ours && sent >= theirs { theirs } else { sent };
        data[..received].copy_from_slice(&bytes[..received]);
        Ok(received)
    }

    async fn transfer_in(
        &self,
        pipe: &SimPipe,
        mut buffer: SimBuffer,
        timeout: Option<Duration>,
    ) -> (SimBuffer, Result<usize, TransferError>) {
        let _in_flight = match InFlight::begin(pipe) {
            Ok(in_flight) => in_flight,
            Err(error) => return (buffer, Err(error)),
        };
        let interrupt = pipe.config.transfer_type == TransferType::Interrupt;
        let room = buffer.bytes().len();
        let packet = usize::from(pipe.config.max_packet_size);
        if room == 0 || !room.is_multiple_of(packet) {
            let text = format!("IN window of {room} bytes for packets of {packet}");
            self.0.state.borrow_mut().violation(text);
        }
        let until = timeout.map(|timeout| self.0.clock.now() + timeout);
        let endpoint = pipe.config.endpoint.get();
        loop {
            let Some(id) = self.partner(&pipe.config) else {
                let left = until.map(|until| until.saturating_sub(self.0.clock.now()));
                return (buffer, Err(self.absent(left).await));
            };
            let answer = {
                let mut state = self.0.state.borrow_mut();
                let device = &mut state.devices[id.0];
                if let Some(error) = device.options.transfer_faults.pop_front() {
                    return (buffer, Err(error));
                }
                match &mut device.kind {
                    Kind::Hub(hub) => hub.changes(),
                    Kind::Function(model) => model.transfer_in(endpoint | 0x80, room),
                }
            };
            if let Some(error) = failure(&answer) {
                return (buffer, Err(error));
            }
            match answer {
                Answer::Data(bytes) if bytes.len() > room => {
                    return (buffer, Err(TransferError::Babble));
                }
                Answer::Data(bytes) => {
                    buffer.bytes_mut()[..bytes.len()].copy_from_slice(&bytes);
                    let short = bytes.len() < room;
                    let packets = bytes.len() / packet + usize::from(short);
                    let toggle = self.0.state.borrow_mut().toggle(
                        id,
                        endpoint,
                        Direction::In,
                        pipe.toggle.get(),
                        packets,
                    );
                    pipe.toggle.set(toggle);
                    return (buffer, Ok(bytes.len()));
                }
                _ if interrupt => return (buffer, Err(TransferError::Nak)),
                _ => {}
            }
            if until.is_some_and(|until| until <= self.0.clock.now()) {
                return (buffer, Err(TransferError::Timeout));
            }
            self.change(until).await;
        }
    }

    async fn transfer_out(
        &self,
        pipe: &SimPipe,
        buffer: SimBuffer,
        zero_length_packet: bool,
        timeout: Duration,
    ) -> (SimBuffer, Result<usize, TransferError>) {
        let _in_flight = match InFlight::begin(pipe) {
            Ok(in_flight) => in_flight,
            Err(error) => return (buffer, Err(error)),
        };
        self.0.clock.sleep(TRANSFER_TIME).await;
        let until = self.0.clock.now() + timeout;
        let endpoint = pipe.config.endpoint.get();
        let packet = usize::from(pipe.config.max_packet_size);
        if !buffer.bus_address().0.is_multiple_of(4) {
            let text = format!("OUT buffer at {:?}", buffer.bus_address());
            self.0.state.borrow_mut().violation(text);
        }
        loop {
            let Some(id) = self.partner(&pipe.config) else {
                return (buffer, Err(self.absent(Some(timeout)).await));
            };
            let length = buffer.bytes().len();
            let zero = zero_length_packet && length.is_multiple_of(packet);
            let answer = {
                let mut state = self.0.state.borrow_mut();
                let device = &mut state.devices[id.0];
                if let Some(error) = device.options.transfer_faults.pop_front() {
                    return (buffer, Err(error));
                }
                match &mut device.kind {
                    Kind::Hub(_) => Answer::Stall,
                    Kind::Function(model) => model.transfer_out(endpoint, buffer.bytes(), zero),
                }
            };
            if let Some(error) = failure(&answer) {
                return (buffer, Err(error));
            }
            if let Answer::Data(_) = answer {
                let packets = length.div_ceil(packet).max(1) + usize::from(zero && length != 0);
                let toggle = self.0.state.borrow_mut().toggle(
                    id,
                    endpoint,
                    Direction::Out,
                    pipe.toggle.get(),
                    packets,
                );
                pipe.toggle.set(toggle);
                return (buffer, Ok(length));
            }
            if until <= self.0.clock.now() {
                return (buffer, Err(TransferError::Timeout));
            }
            self.change(Some(until)).await;
        }
    }

    fn root_port(&self) -> RootPortState {
        let state = self.0.state.borrow();
        match (&state.root, state.root.device) {
            (root, _) if root.over_current => RootPortState::OverCurrent,
            (_, None) => RootPortState::Empty,
            (root, Some(device)) if root.enabled => {
                RootPortState::Enabled(state.devices[device.0].options.speed)
            }
            _ => RootPortState::Connected,
        }
    }

    async fn root_port_changed(&self) {
        while !std::mem::take(&mut self.0.state.borrow_mut().root_changed) {
            self.change(None).await;
        }
    }

    async fn reset_root_port(&self) -> Result<Speed, TransferError> {
        self.0.clock.sleep(ROOT_RESET).await;
        let mut state = self.0.state.borrow_mut();
        state.root_resets += 1;
        let device = state.root.device.ok_or(TransferError::Disconnected)?;
        state.reset(device, true);
        state.root.enabled = true;
        state.root_changed = true;
        state.wake();
        Ok(state.devices[device.0].options.speed)
    }

    async fn recover(&self, recovery: Recovery) -> Result<(), TransferError> {
        let mut state = self.0.state.borrow_mut();
        state.recoveries.push(recovery);
        state.root.enabled = false;
        state.root_changed = true;
        state.wake();
        Ok(())
    }

    async fn quiesce(&self) {}
}
