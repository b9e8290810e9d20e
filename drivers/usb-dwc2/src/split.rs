//! Split transactions: a full- or low-speed device behind a high-speed hub (USB 2.0 sections
//! 8.4.2, 11.14 and 11.17, the non-periodic kind).
//!
//! The hub's transaction translator takes one packet with a start-split, talks to the device, and
//! gives the answer to a complete-split. It keeps the answer until it is asked for, so nothing
//! here depends on hitting a microframe. Interrupt IN endpoints go the same way; interrupt OUT
//! does not exist here (see [`crate::program`]).

use crate::channels::Lease;
use crate::controller::BufferAllocator;
use crate::frames::MICROFRAME;
use crate::outcome::{Outcome, Strikes};
use crate::pipes::PipeState;
use crate::program::{Halted, Program, SplitPhase, Token};
use crate::registers::Registers;
use crate::transfer::Stretch;
use core::time::Duration;
use usb_core::host::{Clock, TransferError};
use usb_core::pipe::{Direction, TransactionTranslator, TransferType};

/// From a start-split to its first complete-split.
const BETWEEN: Duration = MICROFRAME.saturating_mul(2);
/// Complete-splits before the translator is taken to have lost the transaction. The slowest one,
/// 64 bytes at low speed's eight per packet, is over within a frame of eight.
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

/// What one packet's split transaction came to.
enum Packet {
    /// It moved.
    Moved(Halted),
    /// The device had nothing, or no room.
    Nak,
}

impl<R: Registers, C: Clock, A: BufferAllocator> Lease<'_, '_, R, C, A> {
    /// Moves a stretch packet by packet through a translator.
    pub(crate) async fn transfer_split(
        &mut self,
        state: &mut PipeState,
        stretch: Stretch,
        translator: TransactionTranslator,
        deadline: Option<Duration>,
    ) -> Result<usize, TransferError> {
        let config = state.config;
        if config.transfer_type == TransferType::Interrupt && stretch.direction == Direction::Out {
            return Err(TransferError::Invalid);
        }
        let packet_size = usize::from(config.max_packet_size.max(1));
        let mut offset = 0;
        let mut naks = 0_u32;
        loop {
            let length = (stretch.length - offset).min(packet_size);
            match self.split_packet(state, stretch, translator, offset, length, deadline).await? {
                Packet::Moved(halted) => {
                    naks = 0;
                    self.keep(state, halted, stretch);
                    let moved = (halted.moved as usize).min(length);
                    offset += moved;
                    let short = stretch.direction == Direction::In && moved < packet_size;
                    if short || offset >= stretch.length {
                        return Ok(offset);
                    }
                }
                Packet::Nak => {
                    self.host.count(|s| s.naks += 1);
                    if config.transfer_type == TransferType::Interrupt {
                        return if offset > 0 { Ok(offset) } else { Err(TransferError::Nak) };
                    }
                    naks = naks.saturating_add(1);
                    let pause = if naks < IDLE_NAKS { NAK_PAUSE } else { IDLE_NAK_PAUSE };
                    self.wait(pause, deadline).await?;
                }
            }
        }
    }

    /// One packet: start-split, complete-splits, and over again as often as the rules allow.
    async fn split_packet(
        &mut self,
        state: &PipeState,
        stretch: Stretch,
        translator: TransactionTranslator,
        offset: usize,
        length: usize,
        deadline: Option<Duration>,
    ) -> Result<Packet, TransferError> {
        let host = self.host;
        let config = state.config;
        let token = match stretch.direction {
            _ if stretch.setup => Token::Setup,
            Direction::In => Token::In(state.toggle),
            Direction::Out => Token::Out(state.toggle),
        };
        let program = |phase| Program {
            token,
            // Every start-split begins at the packet's first byte: after a NAK the core's own
            // pointer has moved on.
            offset,
            bytes: match (stretch.direction, phase) {
                (Direction::In, _) => u32::from(config.max_packet_size),
                (Direction::Out, SplitPhase::Start) => length as u32,
                (Direction::Out, SplitPhase::Complete) => 0,
            },
            packets: 1,
            ping: false,
            split: Some((translator, phase)),
        };
        let mut strikes = Strikes::default();
        for _ in 0..RESTARTS {
            let lock = host.translators.lock(&host.clock, translator.hub, deadline).await;
            let Some(_lock) = lock else {
                host.count(|s| s.timeouts += 1);
                return Err(TransferError::Timeout);
            };
            let halted = self.run(&config, &program(SplitPhase::Start), deadline).await?;
            match halted.outcome {
                Outcome::Ack | Outcome::Complete { .. } => {}
                // The translator's buffers are full.
                Outcome::Nak | Outcome::Nyet => return Ok(Packet::Nak),
                other => {
                    self.split_error(other, &mut strikes)?;
                    continue;
                }
            }
            self.wait(BETWEEN, deadline).await?;
            let mut completes = 0;
            loop {
                let halted = self.run(&config, &program(SplitPhase::Complete), deadline).await?;
                match halted.outcome {
                    Outcome::Complete { .. } | Outcome::Ack => {
                        let moved = match stretch.direction {
                            Direction::In => halted.moved,
                            Direction::Out => length as u32,
                        };
                        return Ok(Packet::Moved(Halted { moved, ..halted }));
                    }
                    Outcome::Nak => return Ok(Packet::Nak),
                    Outcome::Nyet => {
                        host.count(|s| s.split_nyets += 1);
                        completes += 1;
                        if completes >= COMPLETES {
                            break;
                        }
                        self.wait(MICROFRAME, deadline).await?;
                    }
                    other => {
                        if let Err(error) = self.split_error(other, &mut strikes) {
                            if error == TransferError::Transaction {
                                self.stale_translator = Some(translator);
                            }
                            return Err(error);
                        }
                    }
                }
            }
            host.count(|s| s.split_restarts += 1);
        }
        host.count(|s| s.transfers_failed += 1);
        self.stale_translator = Some(translator);
        Err(TransferError::Transaction)
    }

    /// Outcomes that are the same for both halves: an error, or a strike.
    fn split_error(&self, outcome: Outcome, strikes: &mut Strikes) -> Result<(), TransferError> {
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
    async fn wait(
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
