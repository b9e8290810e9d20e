//! A stretch of data on a pipe as channel programs, with the retries of USB 2.0 section 8.6 and
//! 10.2.6. Splits have their own machine in [`crate::split`].

use crate::channels::Lease;
use crate::controller::{Board, Core, Dwc2};
use crate::frames::MICROFRAME;
use crate::outcome::{Outcome, Strikes};
use crate::pipes::{PipeState, Toggle};
use crate::program::{Halted, Program, Token, shape};
use crate::registers::Registers;
use crate::waiting::{earlier, until};
use core::time::Duration;
use usb_core::host::{Clock, TransferError};
use usb_core::pipe::{Direction, PipeConfig, Speed, TransactionTranslator, TransferType};

/// Pause after a bulk or control NAK that halted the channel. The core normally asks again by
/// itself; when it gives the channel back it must not become a busy loop.
const NAK_PAUSE: Duration = Duration::from_micros(125);

/// Repetitions that are nobody's error (frame overruns, toggle mismatches) stop here.
const MANY: u32 = 16;

/// A stretch of data in one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) direction: Direction,
    /// Bytes to move; for IN the room in the buffer.
    pub(crate) length: usize,
    /// SETUP instead of OUT.
    pub(crate) setup: bool,
}

impl Stretch {
    pub(crate) fn token(&self, toggle: Toggle) -> Token {
        match self.direction {
            _ if self.setup => Token::Setup,
            Direction::In => Token::In(toggle),
            Direction::Out => Token::Out(toggle),
        }
    }
}

/// Time between two polls of an interrupt endpoint.
pub(crate) fn period(config: &PipeConfig) -> Duration {
    let unit = if config.speed == Speed::High { MICROFRAME } else { Duration::from_millis(1) };
    unit * u32::from(config.interval.max(1))
}

impl<R: Registers, C: Clock, A: Board> Dwc2<'_, R, C, A> {
    /// Counts how a transfer ended.
    pub(crate) fn count_failure(&self, error: TransferError) {
        match error {
            TransferError::Stall => self.count(|s| s.stalls += 1),
            TransferError::Babble => self.count(|s| s.babbles += 1),
            TransferError::Controller => self.count(|s| s.dma_faults += 1),
            _ => {}
        }
    }
}

impl<R: Registers, C: Clock, A: Board> Lease<'_, '_, R, C, A> {
    /// Moves a stretch of data from or to the start of the lease's buffer; returns how many bytes
    /// moved. `state`'s toggle and PING flag are used and kept up, and for a pipe with a toggle of
    /// its own written back after every program.
    pub(crate) async fn transfer(
        &mut self,
        state: &mut PipeState,
        stretch: Stretch,
        deadline: Option<Duration>,
    ) -> Result<usize, TransferError> {
        let result = match self.translator(&state.config) {
            Some(translator) => self.transfer_split(state, stretch, translator, deadline).await,
            None => self.transfer_direct(state, stretch, deadline).await,
        };
        if let Err(error) = result {
            self.host.count_failure(error);
        }
        result
    }

    /// The translator to go through. There are none when the root port itself is not at high
    /// speed: then the whole bus runs at the device's speed.
    fn translator(&self, config: &PipeConfig) -> Option<TransactionTranslator> {
        config
            .translator
            .filter(|_| self.host.root_speed.get() == Speed::High && config.speed != Speed::High)
    }

    /// Notes the toggle for the pipe's next transfer, however this one may end.
    pub(crate) fn keep(&self, state: &mut PipeState, halted: Halted, stretch: Stretch) {
        if stretch.setup {
            return;
        }
        state.toggle = halted.next;
        if state.config.transfer_type != TransferType::Control {
            let PipeState { toggle, ping, .. } = *state;
            self.host.pipes.update(self.pipe, |pipe| {
                pipe.toggle = toggle;
                pipe.ping = ping;
            });
        }
    }

    /// Without split: everything but full- and low-speed devices behind a high-speed hub.
    pub(crate) async fn transfer_direct(
        &mut self,
        state: &mut PipeState,
        stretch: Stretch,
        deadline: Option<Duration>,
    ) -> Result<usize, TransferError> {
        self.transfer_from(state, stretch, None, deadline).await
    }

    /// As [`Lease::transfer_direct`]; `first` says how the first program ended, if it has been run
    /// already.
    pub(crate) async fn transfer_from(
        &mut self,
        state: &mut PipeState,
        stretch: Stretch,
        mut first: Option<Halted>,
        deadline: Option<Duration>,
    ) -> Result<usize, TransferError> {
        let host = self.host;
        let Core { quirks, limits } = host.core.get();
        let config = state.config;
        let most = limits.program_bytes(config.max_packet_size) as usize;
        let can_ping = config.speed == Speed::High
            && stretch.direction == Direction::Out
            && !stretch.setup
            && config.transfer_type != TransferType::Interrupt;
        let mut strikes = Strikes::default();
        let mut repeated = 0;
        let mut offset = 0;
        // Since when the device has had nothing; the clock is not read for one that has something.
        let mut idle_since = None;
        loop {
            let length = (stretch.length - offset).min(most) as u32;
            let (bytes, packets) = shape(stretch.direction, length, config.max_packet_size);
            let program = Program {
                token: stretch.token(state.toggle),
                offset,
                bytes,
                packets,
                ping: can_ping && state.ping,
                split: None,
                way: state.way,
            };
            let halted = match first.take() {
                Some(halted) => halted,
                None => self.run(&config, &program, deadline).await?,
            };
            let moved = halted.moved.min(length) as usize;
            offset += moved;
            if moved > 0 {
                strikes.forgive();
                repeated = 0;
            }
            match halted.outcome {
                Outcome::Complete { nyet } => {
                    state.ping = can_ping && nyet;
                    self.keep(state, halted, stretch);
                    // IN: less than asked for means that a short packet came.
                    let short = stretch.direction == Direction::In && halted.moved < bytes;
                    if short || offset >= stretch.length {
                        return Ok(offset);
                    }
                    continue;
                }
                Outcome::Nak if config.transfer_type == TransferType::Interrupt => {
                    host.count(|s| s.naks += 1);
                    self.keep(state, halted, stretch);
                    if stretch.direction == Direction::In {
                        return if offset > 0 { Ok(offset) } else { Err(TransferError::Nak) };
                    }
                    // A packet must come again as it was: perhaps the device has it, and what was
                    // lost is its answer. Another packet with the same toggle would be dropped.
                    self.wait(period(&config), deadline).await?;
                }
                Outcome::Nak | Outcome::Nyet | Outcome::Ack => {
                    host.count(|s| s.naks += 1);
                    strikes.forgive();
                    state.ping = can_ping;
                    self.keep(state, halted, stretch);
                    // Only the model ends like this after data.
                    if offset > 0 && stretch.direction == Direction::In && quirks.ends_at_once() {
                        return Ok(offset);
                    }
                    if self.pause(&mut idle_since, deadline).await? {
                        idle_since = None;
                    }
                }
                Outcome::Stall => {
                    self.keep(state, halted, stretch);
                    return Err(TransferError::Stall);
                }
                Outcome::TransactionError { answered } => {
                    host.count(|s| s.transaction_errors += 1);
                    state.ping = can_ping;
                    self.keep(state, halted, stretch);
                    if answered {
                        strikes.forgive();
                    }
                    if strikes.strike() {
                        host.count(|s| s.transfers_failed += 1);
                        return Err(TransferError::Transaction);
                    }
                }
                Outcome::NoCause => {
                    host.count(|s| s.halts_without_cause += 1);
                    self.keep(state, halted, stretch);
                    if strikes.strike() {
                        host.count(|s| s.transfers_failed += 1);
                        return Err(TransferError::Transaction);
                    }
                }
                Outcome::FrameOverrun => {
                    host.count(|s| s.frame_overruns += 1);
                    self.keep(state, halted, stretch);
                    repeated += 1;
                }
                Outcome::ToggleError => {
                    host.count(|s| s.toggle_errors += 1);
                    self.keep(state, halted, stretch);
                    repeated += 1;
                }
                Outcome::Babble => {
                    // The hardware may disable the port next; its interrupt tells.
                    self.keep(state, halted, stretch);
                    return Err(TransferError::Babble);
                }
                Outcome::DmaFault => return Err(TransferError::Controller),
            }
            if repeated >= MANY {
                host.count(|s| s.transfers_failed += 1);
                return Err(TransferError::Transaction);
            }
            // A program that failed after the last byte had been acknowledged has nothing left to
            // do, unless a zero-length packet is still owed.
            if offset >= stretch.length && stretch.length > 0 {
                return Ok(offset);
            }
        }
    }

    /// Waits before a device that answered NAK is asked again; it has had nothing since
    /// `idle_since`, or since now. Returns whether there was a sign that it may have something now.
    async fn pause(
        &self,
        idle_since: &mut Option<Duration>,
        deadline: Option<Duration>,
    ) -> Result<bool, TransferError> {
        let host = self.host;
        let round = host.pausing.round();
        let now = host.clock.now();
        let quirks = host.core.get().quirks;
        let idle = now.saturating_sub(*idle_since.get_or_insert(now));
        let pause = quirks.nak_pause(idle).unwrap_or(NAK_PAUSE);
        let sign = until(&host.clock, earlier(Some(now + pause), deadline), |context| {
            host.pausing.poll_since(round, context)
        })
        .await;
        if deadline.is_some_and(|deadline| host.clock.now() >= deadline) {
            host.count(|s| s.timeouts += 1);
            return Err(TransferError::Timeout);
        }
        Ok(sign.is_some())
    }
}
