//! Split transactions of interrupt endpoints (USB 2.0 sections 11.18 and 11.20).
//!
//! The translator works like a pipeline: what a start-split brings in microframe Y goes over the
//! slower bus in Y+1 or later, and the answer is there for complete-splits in Y+2 and the microframes
//! after it, then it is gone. So microframes matter here, and every program is given the one in which
//! it has to run: HCCHAR.ODDFRM names its parity, and the channel is enabled in the microframe before.
//!
//! ```text
//! microframe     0      1      2      3      4      5      6      7
//!            |  SS  |      |  CS  |  CS  |  CS  |  CS  |      |      |    early start
//!            |      |      |      |  SS  |      |  CS  |  CS  |  CS  |    the latest one
//! ```
//!
//! A start-split in microframe 0 to 3 leaves room for all complete-splits in the same frame.
//! A processor that was late asks in the next microframe that it can still reach, as it does after an
//! error. When all are missed the packet starts over, with a strike: the translator has thrown the
//! answer away. With an IN the device may have sent data, which it does not send again. Its next
//! packet then has the wrong toggle, and tells; that, and another answer lost before, is an error.

use crate::channels::Lease;
use crate::controller::Board;
use crate::frames::{FrameNumber, MICROFRAME};
use crate::outcome::{Outcome, Strikes};
use crate::pipes::PipeState;
use crate::program::SplitPhase;
use crate::registers::Registers;
use crate::split::{Packet, SplitPacket};
use core::time::Duration;
use usb_core::host::{Clock, TransferError};
use usb_core::pipe::Direction;

/// The last microframe of a frame in which a start-split is to run.
const LAST_START: u16 = 3;
/// From a start-split to its first and to its last complete-split.
const FIRST_COMPLETE: u16 = 2;
const LAST_COMPLETE: u16 = 5;
/// Start-splits that missed their microframe before the packet is given up.
const MISSED: u32 = 16;

/// How the complete-splits of one start-split ended.
enum Completed {
    Done(Packet),
    /// An old packet came once more: start over.
    Old,
    /// Nobody has the answer: start over.
    Lost,
}

impl<R: Registers, C: Clock, A: Board> Lease<'_, '_, R, C, A> {
    /// One packet by way of the translator's periodic buffers.
    pub(crate) async fn periodic_packet(
        &mut self,
        state: &mut PipeState,
        packet: &SplitPacket,
    ) -> Result<Packet, TransferError> {
        let host = self.host;
        let mut strikes = Strikes::default();
        let mut lost = false;
        for _ in 0..MISSED {
            // Nothing can be left behind: these buffers are emptied each frame.
            let _lock = self.lock_translator(state, packet).await?;
            let start = self.reach_start(packet.deadline).await?;
            let program = packet.program(state, SplitPhase::Start);
            let halted = self.run(&state.config, &program, packet.deadline).await?;
            match halted.outcome {
                Outcome::Ack | Outcome::Complete { .. } => {
                    match self.complete(state, packet, start, &mut strikes).await? {
                        Completed::Done(packet) => return Ok(packet),
                        Completed::Old => {}
                        Completed::Lost => {
                            if packet.stretch.direction == Direction::In
                                && self.set_doubtful(state, true)
                            {
                                if lost {
                                    // Twice in a row is not by chance.
                                    self.change_way(state);
                                }
                                return Ok(Packet::Lost);
                            }
                            lost = true;
                        }
                    }
                    host.count(|s| s.split_restarts += 1);
                }
                // The microframe was over before the channel was served.
                Outcome::FrameOverrun => host.count(|s| s.frame_overruns += 1),
                other => self.split_error(other, &mut strikes)?,
            }
        }
        host.count(|s| s.transfers_failed += 1);
        Err(TransferError::Transaction)
    }

    /// The microframe in which a program that is started now runs.
    fn next_microframe(&self) -> Result<FrameNumber, TransferError> {
        let host = self.host;
        if !host.interrupts.port_is_up() {
            host.count(|s| s.disconnected += 1);
            return Err(TransferError::Disconnected);
        }
        Ok(FrameNumber::now(&host.registers).after(1))
    }

    /// Waits until a start-split may run in the next microframe, and returns that one.
    async fn reach_start(&self, deadline: Option<Duration>) -> Result<FrameNumber, TransferError> {
        loop {
            let next = self.next_microframe()?;
            if next.place() <= LAST_START {
                return Ok(next);
            }
            self.wait(MICROFRAME * u32::from(8 - next.place()), deadline).await?;
        }
    }

    /// Asks for the answer to the start-split that ran in microframe `start`.
    async fn complete(
        &mut self,
        state: &PipeState,
        packet: &SplitPacket,
        start: FrameNumber,
        strikes: &mut Strikes,
    ) -> Result<Completed, TransferError> {
        let host = self.host;
        // An answer may come in parts (MDATA).
        let (mut arrived, mut wanted) = (0, FIRST_COMPLETE);
        loop {
            let next = self.next_microframe()?;
            let early = start.after(wanted).since(next);
            if early > 0 {
                self.wait(MICROFRAME * u32::from(early.unsigned_abs()), packet.deadline).await?;
                continue;
            }
            let late = next.since(start);
            if late > LAST_COMPLETE as i16 {
                // Only errors of the device or the bus are its own; but too many of either are the
                // end.
                host.count(|s| s.split_answers_missed += 1);
                return if strikes.strike() {
                    host.count(|s| s.transfers_failed += 1);
                    Err(TransferError::Transaction)
                } else {
                    Ok(Completed::Lost)
                };
            }
            let mut program = packet.program(state, SplitPhase::Complete);
            if packet.stretch.direction == Direction::In {
                program.offset += arrived;
                program.bytes -= arrived as u32;
            }
            let mut halted = self.run(&state.config, &program, packet.deadline).await?;
            match halted.outcome {
                Outcome::Complete { .. } => {
                    halted.moved += arrived as u32;
                    return Ok(Completed::Done(packet.moved(halted)));
                }
                Outcome::Ack if packet.stretch.direction == Direction::Out => {
                    return Ok(Completed::Done(packet.moved(halted)));
                }
                Outcome::Ack => {
                    arrived += halted.moved as usize;
                    // The rest must begin at a whole word, or the DMA master can't put it there.
                    if arrived >= usize::from(state.config.max_packet_size) || arrived % 4 != 0 {
                        return Ok(Completed::Lost);
                    }
                }
                Outcome::Nak => return Ok(Completed::Done(Packet::Nak)),
                Outcome::Nyet => host.count(|s| s.split_nyets += 1),
                Outcome::FrameOverrun => host.count(|s| s.frame_overruns += 1),
                Outcome::ToggleError => {
                    // The translator has acknowledged it.
                    host.count(|s| s.toggle_errors += 1);
                    return Ok(if state.doubtful {
                        Completed::Done(Packet::Lost)
                    } else {
                        Completed::Old
                    });
                }
                other => self.split_error(other, strikes)?,
            }
            // In the next microframe, not before.
            wanted = (late + 1) as u16;
        }
    }
}
