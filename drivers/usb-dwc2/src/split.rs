//! Split transactions: a full- or low-speed device behind a high-speed hub (USB 2.0 sections 8.4.2,
//! 11.14 and 11.17).
//!
//! The hub's transaction translator takes one packet with a start-split, talks to the device, and
//! gives the answer to a complete-split. A translator has two kinds of buffers, and so there are two
//! ways ([`Way`]):
//!
//! - *non-periodic*, for control and bulk endpoints, here. The translator keeps the answer until it
//!   is asked for, so that nothing depends on hitting a microframe.
//! - *periodic*, for interrupt endpoints, in [`crate::periodic_split`]. The answer is there for a few
//!   microframes only.
//!
//! Interrupt IN endpoints begin with the non-periodic way, as control endpoints. That is outside the
//! letter of USB 2.0, but several production drivers do it, and an answer of the device can't get
//! lost because the processor was late for a microframe. A translator that does not work like that
//! fails; then the endpoint goes over to the periodic way. Interrupt OUT endpoints use the periodic
//! way from the start: as control endpoints they are known not to work with some devices, and an OUT
//! whose answer was missed is repeated without harm.

use crate::channels::Lease;
use crate::controller::Board;
use crate::frames::MICROFRAME;
use crate::outcome::{Outcome, Strikes};
use crate::pipes::PipeState;
use crate::program::{Halted, Program, SplitPhase};
use crate::registers::Registers;
use crate::transfer::{Stretch, period};
use crate::translators::TranslatorLock;
use core::time::Duration;
use usb_core::host::{Clock, SetupPacket, TransferError};
use usb_core::pipe::{Direction, PipeConfig, TransactionTranslator, TransferType};

/// From a start-split to its first complete-split.
const BETWEEN: Duration = MICROFRAME.saturating_mul(2);
/// Complete-splits before the translator is taken to have lost the transaction. The slowest one,
/// eight bytes at low speed, is over within a frame of eight microframes.
const COMPLETES: u32 = 10;
/// Pause after a device's NAK: long enough not to be a storm of interrupts (each NAK halts the
/// channel), short enough for devices with small buffers.
const NAK_PAUSE: Duration = MICROFRAME.saturating_mul(2);
/// The same for a device that has had nothing for a while.
const IDLE_NAK_PAUSE: Duration = Duration::from_millis(1);
/// NAKs after which a device counts as idle.
const IDLE_NAKS: u32 = 8;
/// Start-splits of one packet before giving up on the translator.
const RESTARTS: u32 = 8;

/// Which of the translator's buffers an interrupt endpoint uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// Those of control and bulk endpoints.
    NonPeriodic,
    /// Those of interrupt endpoints.
    Periodic,
}

impl Way {
    /// The one that an endpoint begins with.
    pub(crate) const fn first(config: &PipeConfig) -> Self {
        match (config.transfer_type, config.direction) {
            (TransferType::Interrupt, Direction::Out) => Self::Periodic,
            _ => Self::NonPeriodic,
        }
    }
}

/// What one packet's split transaction came to.
pub(crate) enum Packet {
    /// It moved.
    Moved(Halted),
    /// The device had nothing, or no room; or the translator had none.
    Nak,
    /// Data that the device believes to have arrived may be lost.
    Lost,
}

/// One packet of a stretch on its way through a translator.
#[derive(Clone, Copy)]
pub(crate) struct SplitPacket {
    pub(crate) translator: TransactionTranslator,
    pub(crate) stretch: Stretch,
    /// Where in the lease's buffer the packet begins.
    pub(crate) offset: usize,
    /// Bytes to send, or that are still wanted.
    pub(crate) length: usize,
    pub(crate) deadline: Option<Duration>,
}

impl SplitPacket {
    /// Every start-split begins at the packet's first byte: after a NAK the core's own pointer has
    /// moved on.
    pub(crate) fn program(&self, state: &PipeState, phase: SplitPhase) -> Program {
        Program {
            token: self.stretch.token(state.toggle),
            offset: self.offset,
            bytes: match (self.stretch.direction, phase) {
                (Direction::In, _) => u32::from(state.config.max_packet_size),
                (Direction::Out, SplitPhase::Start) => self.length as u32,
                (Direction::Out, SplitPhase::Complete) => 0,
            },
            packets: 1,
            ping: false,
            split: Some((self.translator, phase)),
            way: state.way,
        }
    }

    /// What a complete-split that brought the packet says of it.
    pub(crate) fn moved(&self, halted: Halted) -> Packet {
        let moved = match self.stretch.direction {
            Direction::In => halted.moved,
            Direction::Out => self.length as u32,
        };
        Packet::Moved(Halted { moved, ..halted })
    }

    /// The request that frees what this packet may leave in the translator.
    fn clear(&self, config: &PipeConfig) -> SetupPacket {
        let kind = match config.transfer_type {
            TransferType::Bulk => TransferType::Bulk,
            // An interrupt endpoint is known as what it is served as.
            TransferType::Control | TransferType::Interrupt => TransferType::Control,
        };
        let Self { translator, stretch: Stretch { direction, .. }, .. } = *self;
        SetupPacket::clear_tt_buffer(translator, config.device, config.endpoint, kind, direction)
    }
}

impl<R: Registers, C: Clock, A: Board> Lease<'_, '_, R, C, A> {
    /// Moves a stretch packet by packet through a translator.
    pub(crate) async fn transfer_split(
        &mut self,
        state: &mut PipeState,
        stretch: Stretch,
        translator: TransactionTranslator,
        deadline: Option<Duration>,
    ) -> Result<usize, TransferError> {
        let interrupt = state.config.transfer_type == TransferType::Interrupt;
        let packet_size = usize::from(state.config.max_packet_size.max(1));
        let mut offset = 0;
        let mut naks = 0_u32;
        let mut ways_tried = 0;
        loop {
            let length = (stretch.length - offset).min(packet_size);
            let packet = SplitPacket { translator, stretch, offset, length, deadline };
            let result = match state.way {
                Way::NonPeriodic => self.split_packet(state, &packet).await,
                Way::Periodic => self.periodic_packet(state, &packet).await,
            };
            match result {
                Ok(Packet::Moved(halted)) => {
                    naks = 0;
                    self.set_doubtful(state, false);
                    self.keep(state, halted, stretch);
                    let moved = (halted.moved as usize).min(length);
                    offset += moved;
                    let short = stretch.direction == Direction::In && moved < packet_size;
                    if short || offset >= stretch.length {
                        return Ok(offset);
                    }
                }
                Ok(Packet::Nak) => {
                    self.host.count(|s| s.naks += 1);
                    if interrupt && stretch.direction == Direction::In {
                        return if offset > 0 { Ok(offset) } else { Err(TransferError::Nak) };
                    }
                    naks = naks.saturating_add(1);
                    let pause = match naks {
                        _ if interrupt => period(&state.config),
                        ..IDLE_NAKS => NAK_PAUSE,
                        _ => IDLE_NAK_PAUSE,
                    };
                    self.wait(pause, deadline).await?;
                }
                Ok(Packet::Lost) => return Err(self.lost(state)),
                Err(TransferError::Transaction)
                    if interrupt && stretch.direction == Direction::In && ways_tried == 0 =>
                {
                    ways_tried += 1;
                    self.change_way(state);
                    // Whatever the first way still had is not fetched any more.
                    if self.set_doubtful(state, true) {
                        return Err(self.lost(state));
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Serves an interrupt IN endpoint by the translator's other buffers from now on. When the
    /// device is what fails, and not the translator, the next failure changes it back.
    pub(crate) fn change_way(&self, state: &mut PipeState) {
        let way = match state.way {
            Way::NonPeriodic => Way::Periodic,
            Way::Periodic => Way::NonPeriodic,
        };
        let PipeConfig { device, endpoint, .. } = state.config;
        log::info!(
            "DWC2: endpoint {} of device {device}: split transactions go the {way:?} way",
            endpoint.get()
        );
        state.way = way;
        self.host.pipes.update(self.pipe, |pipe| pipe.way = way);
        self.host.count(|s| s.split_ways_changed += 1);
    }

    /// Notes whether an answer may have been lost since the last packet that came; returns whether
    /// that was noted already.
    pub(crate) fn set_doubtful(&self, state: &mut PipeState, doubtful: bool) -> bool {
        self.host.pipes.update(self.pipe, |pipe| pipe.doubtful = doubtful);
        core::mem::replace(&mut state.doubtful, doubtful)
    }

    /// The end of a transfer because data may be lost: its user is told, and both sides start over.
    fn lost(&self, state: &mut PipeState) -> TransferError {
        self.set_doubtful(state, false);
        self.host.count(|s| s.split_data_lost += 1);
        TransferError::Transaction
    }

    /// Takes the translator, and frees what the packet before has left in it.
    pub(crate) async fn lock_translator<'t>(
        &self,
        state: &PipeState,
        packet: &SplitPacket,
    ) -> Result<TranslatorLock<'t>, TransferError>
    where
        Self: 't,
    {
        let host = self.host;
        let lock = host.translators.lock(&host.clock, packet.translator, packet.deadline).await;
        let Some(mut lock) = lock else {
            host.count(|s| s.timeouts += 1);
            return Err(TransferError::Timeout);
        };
        // An IN of the same endpoint is taken up where it was left: the device may have sent its packet,
        // and the translator acknowledged it.
        let same = |clear: &SetupPacket| {
            state.way == Way::NonPeriodic
                && packet.stretch.direction == Direction::In
                && *clear == packet.clear(&state.config)
        };
        // If this future is dropped meanwhile, or the hub does not do it, it is still to be done.
        while let Some(clear) = lock.left() {
            if !same(&clear) && !host.clear_translator(packet.translator.hub, clear).await {
                break;
            }
            lock.forget(clear);
        }
        Ok(lock)
    }

    /// One packet: start-split, complete-splits, and over again as often as the rules allow.
    async fn split_packet(
        &mut self,
        state: &PipeState,
        packet: &SplitPacket,
    ) -> Result<Packet, TransferError> {
        let host = self.host;
        let config = state.config;
        let deadline = packet.deadline;
        let mut strikes = Strikes::default();
        let mut lock = self.lock_translator(state, packet).await?;
        for _ in 0..RESTARTS {
            lock.begin(packet.clear(&config));
            let program = packet.program(state, SplitPhase::Start);
            let halted = self.run(&config, &program, deadline).await?;
            match halted.outcome {
                Outcome::Ack | Outcome::Complete { .. } => {}
                // The translator's buffers are full.
                Outcome::Nak | Outcome::Nyet => {
                    lock.finish();
                    return Ok(Packet::Nak);
                }
                other => {
                    self.split_error(other, &mut strikes)?;
                    continue;
                }
            }
            self.wait(BETWEEN, deadline).await?;
            let mut completes = 0;
            while completes < COMPLETES {
                let program = packet.program(state, SplitPhase::Complete);
                let halted = self.run(&config, &program, deadline).await?;
                match halted.outcome {
                    Outcome::Complete { .. } | Outcome::Ack => {
                        lock.finish();
                        return Ok(packet.moved(halted));
                    }
                    Outcome::Nak => {
                        lock.finish();
                        return Ok(Packet::Nak);
                    }
                    Outcome::Nyet => {
                        host.count(|s| s.split_nyets += 1);
                        completes += 1;
                        self.wait(MICROFRAME, deadline).await?;
                    }
                    Outcome::Stall => {
                        lock.finish();
                        return Err(TransferError::Stall);
                    }
                    Outcome::ToggleError if state.doubtful => {
                        host.count(|s| s.toggle_errors += 1);
                        lock.finish();
                        return Ok(Packet::Lost);
                    }
                    Outcome::ToggleError => {
                        // The device repeated an old packet and has been told that it arrived; so
                        // it goes on, and so do we.
                        host.count(|s| s.toggle_errors += 1);
                        lock.finish();
                        break;
                    }
                    // The translator repeats its answer.
                    other => self.split_error(other, &mut strikes)?,
                }
            }
            // A translator that still has the packet takes this start-split for a repetition.
            host.count(|s| s.split_restarts += 1);
        }
        host.count(|s| s.transfers_failed += 1);
        Err(TransferError::Transaction)
    }

    /// Outcomes that are the same for both halves: an error, or a strike.
    pub(crate) fn split_error(
        &self,
        outcome: Outcome,
        strikes: &mut Strikes,
    ) -> Result<(), TransferError> {
        let host = self.host;
        match outcome {
            Outcome::Stall => return Err(TransferError::Stall),
            Outcome::Babble => return Err(TransferError::Babble),
            Outcome::DmaFault => return Err(TransferError::Controller),
            Outcome::NoCause => host.count(|s| s.halts_without_cause += 1),
            Outcome::FrameOverrun => host.count(|s| s.frame_overruns += 1),
            Outcome::ToggleError => host.count(|s| s.toggle_errors += 1),
            _ => host.count(|s| s.transaction_errors += 1),
        }
        if strikes.strike() {
            host.count(|s| s.transfers_failed += 1);
            return Err(TransferError::Transaction);
        }
        Ok(())
    }

    /// Lets time pass.
    pub(crate) async fn wait(
        &self,
        duration: Duration,
        deadline: Option<Duration>,
    ) -> Result<(), TransferError> {
        let host = self.host;
        if deadline.is_some_and(|deadline| host.clock.now() + duration >= deadline) {
            host.count(|s| s.timeouts += 1);
            return Err(TransferError::Timeout);
        }
        host.clock.sleep(duration).await;
        Ok(())
    }
}
