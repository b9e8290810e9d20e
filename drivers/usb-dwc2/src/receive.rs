//! Receiving without end: a bulk IN channel that always has a program, see [`crate::ring`].

use crate::channels::{Lease, Use};
use crate::controller::{Board, CHANNEL_CAUSES, Core, Dwc2};
use crate::host::check;
use crate::outcome::Outcome;
use crate::pipes::{Pipe, PipeState};
use crate::program::{Halted, Program, shape};
use crate::registers::Registers;
use crate::registers::bits::{HCINT, HCTSIZ};
use crate::ring::{DEPTH, Ended};
use crate::split::Way;
use crate::transfer::Stretch;
use core::future::poll_fn;
use core::task::Poll;
use embassy_futures::yield_now;
use heapless::Deque;
use usb_core::buffer::DmaBuffer;
use usb_core::host::{Clock, TransferError};
use usb_core::intake::{Intake, one_by_one};
use usb_core::pipe::{Direction, PipeConfig, Speed, TransferType};

/// Rounds in a row with something to do, after which other tasks get their turn.
const BURST: u32 = 8;

/// Bytes that a window may have at most, so that a transfer is one program.
const MOST_BYTES: u32 = 4096;

/// What has ended and waits to be handed over.
type Arrived<B> = Deque<(B, usize), DEPTH>;

impl<'a, R: Registers, C: Clock, A: Board> Dwc2<'a, R, C, A> {
    /// [`usb_core::host::HostController::receive`].
    pub(crate) async fn receive_bulk(
        &self,
        pipe: &Pipe<'a>,
        intake: &impl Intake<Buffer = A::Buffer>,
    ) -> TransferError {
        let Some(state) = self.pipes.get(pipe.index) else { return TransferError::Invalid };
        if !self.can_go_on_alone(&state.config) {
            return one_by_one(self, pipe, intake).await;
        }
        let Some(buffer) = intake.buffer(0) else { return TransferError::NoResources };
        if let Err(error) = check_window(&state.config, &buffer) {
            return error;
        }
        let mut lease = match self.lease(pipe.index, Use::BulkIn, buffer, None).await {
            Ok(lease) => lease,
            Err((_, error)) => return error,
        };
        let Some(mut state) = self.pipes.get(pipe.index) else { return TransferError::Invalid };
        let error = lease.receive(&mut state, intake).await;
        lease.stop().await;
        error
    }

    /// Whether a channel on this endpoint can go from one transfer to the next by itself: HCTSIZ has
    /// the PID to go on with, and a packet is not two programs as in a split.
    fn can_go_on_alone(&self, config: &PipeConfig) -> bool {
        let translated = config.translator.is_some()
            && config.speed != Speed::High
            && self.root_speed.get() == Speed::High;
        let Core { quirks, limits } = self.core.get();
        config.transfer_type == TransferType::Bulk
            && quirks.keeps_pid()
            && !translated
            && limits.program_bytes(config.max_packet_size) >= MOST_BYTES
    }
}

impl<R: Registers, C: Clock, A: Board> Lease<'_, '_, R, C, A> {
    /// Transfers into the lease's buffers and those of `intake`, until one fails or there are no
    /// buffers.
    async fn receive(
        &mut self,
        state: &mut PipeState,
        intake: &impl Intake<Buffer = A::Buffer>,
    ) -> TransferError {
        let host = self.host;
        let mut arrived = Arrived::new();
        let mut burst = 0;
        // Count of programs whose end was seen.
        let mut taken = self.begin_ring(state);
        loop {
            if let Err(error) = self.refill(state, intake) {
                hand_over(&mut arrived, intake);
                return error;
            }
            self.go_on(state, taken);
            burst = if arrived.is_empty() { 0 } else { burst + 1 };
            hand_over(&mut arrived, intake);
            if self.buffer.is_none() {
                return TransferError::NoResources;
            }
            if burst >= BURST {
                burst = 0;
                yield_now().await;
            }
            if let Err(error) = self.ring_ended(taken).await {
                return error;
            }
            while host.interrupts.ring(self.channel).ended() != taken {
                let ended = host.interrupts.ring(self.channel).result(taken);
                taken = taken.wrapping_add(1);
                host.count(|s| s.programs += 1);
                let Some(buffer) = &self.buffer else { return TransferError::Invalid };
                let window = buffer.bytes().len();
                let stretch = Stretch { direction: Direction::In, length: window, setup: false };
                let halted = halted(ended);
                let went_on = matches!(halted.outcome, Outcome::Complete { .. });
                let length = if went_on {
                    self.keep(state, halted, stretch);
                    halted.moved as usize
                } else {
                    // The handler has started nothing behind it, so the rest of this transfer is one
                    // like any other; it may take until the device has something again.
                    host.interrupts.ring(self.channel).close();
                    self.started = None;
                    hand_over(&mut arrived, intake);
                    match self.transfer_from(state, stretch, Some(halted), None).await {
                        Ok(length) => length,
                        Err(error) => {
                            host.count_failure(error);
                            return error;
                        }
                    }
                };
                host.count(|s| s.transfers += 1);
                let Some(buffer) = self.buffer.take() else { return TransferError::Invalid };
                self.buffer = self.behind.pop_front();
                intake.ended(&buffer, length);
                // There is room: no more are in hand than have a place in the ring.
                let _ = arrived.push_back((buffer, length));
                if !went_on {
                    taken = self.begin_ring(state);
                }
            }
        }
    }

    /// Gives the ring all buffers of the lease; returns its count of programs that have ended, none.
    fn begin_ring(&mut self, state: &PipeState) -> u32 {
        let config = &state.config;
        let program = program(state, 0, 0);
        let (characteristics, _) = self.host.characteristics(config, &program);
        let ring = self.host.interrupts.ring(self.channel);
        ring.open(characteristics);
        for buffer in self.buffer.iter().chain(&self.behind) {
            ring.give(size(config, buffer), buffer.bus_address().0);
        }
        ring.ended()
    }

    /// Takes buffers for as many transfers as the ring has room for.
    fn refill(
        &mut self,
        state: &PipeState,
        intake: &impl Intake<Buffer = A::Buffer>,
    ) -> Result<(), TransferError> {
        let ring = self.host.interrupts.ring(self.channel);
        loop {
            let ahead = usize::from(self.buffer.is_some()) + self.behind.len();
            if ahead == DEPTH {
                return Ok(());
            }
            let Some(buffer) = intake.buffer(ahead) else { return Ok(()) };
            check_window(&state.config, &buffer)?;
            ring.give(size(&state.config, &buffer), buffer.bus_address().0);
            if self.buffer.is_none() {
                self.buffer = Some(buffer);
            } else {
                // There is room, as was just counted.
                let _ = self.behind.push_back(buffer);
            }
        }
    }

    /// Starts the channel if it has come to its end, and everything it did was seen.
    fn go_on(&mut self, state: &PipeState, taken: u32) {
        let host = self.host;
        let ring = host.interrupts.ring(self.channel);
        if ring.is_running() || ring.ended() != taken || ring.given() == taken {
            return;
        }
        if !host.interrupts.port_is_up() {
            return;
        }
        if taken != 0 {
            host.count(|s| s.receive_pauses += 1);
        }
        let Some(buffer) = &self.buffer else { return };
        let (bytes, packets) =
            shape(Direction::In, buffer.bytes().len() as u32, state.config.max_packet_size);
        let program = program(state, bytes, packets);
        self.started = Some(host.prepare_ring(self.channel, &state.config, &program));
        ring.start(&host.registers, self.channel, self.started.map_or(0, |started| started.size));
    }

    /// Waits until more than `taken` programs have ended.
    async fn ring_ended(&self, taken: u32) -> Result<(), TransferError> {
        let host = self.host;
        let ring = host.interrupts.ring(self.channel);
        poll_fn(|context| {
            host.interrupts.register_channel_waker(self.channel, context.waker());
            if ring.ended() != taken {
                return Poll::Ready(Ok(()));
            }
            let bits = host.interrupts.channel(self.channel);
            if HCINT::AHBERR.is_set(bits & CHANNEL_CAUSES) {
                // A DMA fault need not halt the channel.
                log::error!("DWC2: DMA fault on channel {}", self.channel);
                host.count_failure(TransferError::Controller);
                return Poll::Ready(Err(TransferError::Controller));
            }
            if !host.interrupts.port_is_up() {
                host.count(|s| s.disconnected += 1);
                return Poll::Ready(Err(TransferError::Disconnected));
            }
            Poll::Pending
        })
        .await
    }
}

/// Whether a transfer can fill the window, with one program.
fn check_window(config: &PipeConfig, buffer: &impl DmaBuffer) -> Result<(), TransferError> {
    if buffer.bytes().len() > MOST_BYTES as usize {
        return Err(TransferError::Invalid);
    }
    check(config, Direction::In, buffer)
}

fn hand_over<B: DmaBuffer>(arrived: &mut Arrived<B>, intake: &impl Intake<Buffer = B>) {
    if arrived.is_empty() {
        return;
    }
    while let Some((buffer, length)) = arrived.pop_front() {
        intake.arrived(buffer, length);
    }
    intake.settle();
}

/// An IN program from the start of a buffer.
fn program(state: &PipeState, bytes: u32, packets: u32) -> Program {
    let stretch = Stretch { direction: Direction::In, length: bytes as usize, setup: false };
    Program {
        token: stretch.token(state.toggle),
        offset: 0,
        bytes,
        packets,
        ping: false,
        split: None,
        way: Way::Periodic,
    }
}

/// HCTSIZ for a transfer that fills the window, without the PID.
fn size(config: &PipeConfig, buffer: &impl DmaBuffer) -> u32 {
    let length = buffer.bytes().len() as u32;
    let (bytes, packets) = shape(Direction::In, length, config.max_packet_size);
    (HCTSIZ::XFERSIZE.val(bytes) + HCTSIZ::PKTCNT.val(packets)).value
}

/// How a program of the ring ended, as [`Lease::transfer_from`] has it.
fn halted(ended: Ended) -> Halted {
    let Ended { size, bits, left } = ended;
    Halted::of_in(size, left, bits)
}
