//! Control transfers: SETUP, optional data, status (USB 2.0 section 8.5.3).

use crate::channels::{Lease, Use};
use crate::controller::{BufferAllocator, Dwc2};
use crate::pipes::{PipeIndex, PipeState, Toggle};
use crate::registers::Registers;
use crate::transfer::Stretch;
use core::time::Duration;
use usb_core::buffer::DmaBuffer;
use usb_core::host::{Clock, SetupPacket, TransferError};
use usb_core::pipe::{Direction, PipeConfig, TransactionTranslator, TransferType};

/// Data stages go through the bounce buffer in pieces of at most this many bytes.
const PIECE: usize = 1024;
/// The bounce buffer is never smaller: a status stage asks for a whole packet, which is 64 bytes
/// at most on a control endpoint (USB 2.0 section 5.5.3).
const SMALLEST: usize = 64;

/// bmRequestType and bRequest of CLEAR_TT_BUFFER (USB 2.0 section 11.24.2.3): class, other.
const CLEAR_TT_BUFFER: (u8, u8) = (0x23, 8);
/// A hub answers within this, or the translator is left as it is.
const CLEAR_PATIENCE: Duration = Duration::from_millis(500);

impl<R: Registers, C: Clock, A: BufferAllocator> Dwc2<'_, R, C, A> {
    /// A control transfer on an open pipe; see [`usb_core::host::HostController::control`].
    pub(crate) async fn control_transfer(
        &self,
        pipe: PipeIndex,
        setup: SetupPacket,
        data: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, TransferError> {
        let (result, stale) = self.control_stages(pipe, setup, data, timeout).await;
        if let Some(translator) = stale
            && let Some(state) = self.pipes.get(pipe)
        {
            self.clear_translator(translator, &state.config, Direction::Out).await;
        }
        result
    }

    /// The three stages. Also says whether a translator needs clearing.
    async fn control_stages(
        &self,
        pipe: PipeIndex,
        setup: SetupPacket,
        data: &mut [u8],
        timeout: Duration,
    ) -> (Result<usize, TransferError>, Option<TransactionTranslator>) {
        let length = usize::from(setup.length);
        let Some(state) = self.pipes.get(pipe) else {
            return (Err(TransferError::Invalid), None);
        };
        let packet_size = usize::from(state.config.max_packet_size);
        if state.config.transfer_type != TransferType::Control
            || length > data.len()
            || !(1..=SMALLEST).contains(&packet_size)
        {
            return (Err(TransferError::Invalid), None);
        }
        let piece = PIECE / packet_size * packet_size;
        let bounce = length.min(piece).next_multiple_of(packet_size).max(SMALLEST);
        let Some(buffer) = self.buffers.allocate(bounce) else {
            return (Err(TransferError::NoResources), None);
        };
        let deadline = self.clock.now() + timeout;
        let mut lease = match self.lease(pipe, Use::Control, buffer, Some(deadline)).await {
            Ok(lease) => lease,
            Err((_, error)) => return (Err(error), None),
        };
        // Read again: the address may have changed while we waited.
        let Some(mut state) = self.pipes.get(pipe) else {
            return (Err(TransferError::Invalid), None);
        };
        let stages = Stages { setup, piece, deadline };
        let result = lease.control_stages(&mut state, &stages, data).await;
        let stale = lease.stale_translator.take();
        // The bounce buffer is given up with the lease, or parked until the hardware is done.
        drop(lease.finish().await);
        if result.is_ok() {
            self.count(|s| s.transfers += 1);
            // A request was carried out: its effects may show on other pipes.
            self.pausing.wake_all();
        }
        (result, stale)
    }

    /// Tells a hub to forget a transaction that failed half-way (USB 2.0 section 11.17.5).
    pub(crate) async fn clear_translator(
        &self,
        translator: TransactionTranslator,
        config: &PipeConfig,
        direction: Direction,
    ) {
        let Some(pipe) = self.pipes.control_pipe_of(translator.hub) else { return };
        // Interrupt endpoints are served as control endpoints, and that is what the translator
        // knows them as.
        let kind = match config.transfer_type {
            TransferType::Bulk => 2,
            TransferType::Control | TransferType::Interrupt => 0,
        };
        let value = u16::from(config.endpoint.get())
            | u16::from(config.device.get()) << 4
            | kind << 11
            | u16::from(direction == Direction::In) << 15;
        let setup = SetupPacket {
            request_type: CLEAR_TT_BUFFER.0,
            request: CLEAR_TT_BUFFER.1,
            value,
            // The hub is driven with its single-translator setting, where this must be 1.
            index: 1,
            length: 0,
        };
        self.count(|s| s.translator_clears += 1);
        let (result, _) = self.control_stages(pipe, setup, &mut [], CLEAR_PATIENCE).await;
        if let Err(error) = result {
            log::debug!("DWC2: CLEAR_TT_BUFFER to hub {}: {error:?}", translator.hub);
        }
    }
}

/// What all stages of one control transfer share.
struct Stages {
    setup: SetupPacket,
    /// Most bytes of data in the bounce buffer.
    piece: usize,
    deadline: Duration,
}

impl<R: Registers, C: Clock, A: BufferAllocator> Lease<'_, '_, R, C, A> {
    async fn control_stages(
        &mut self,
        state: &mut PipeState,
        stages: &Stages,
        data: &mut [u8],
    ) -> Result<usize, TransferError> {
        let &Stages { setup, piece, deadline } = stages;
        let deadline = Some(deadline);
        state.ping = false;

        let packet = setup.to_bytes();
        self.bounce(packet.len())?.copy_from_slice(&packet);
        let stretch = Stretch { direction: Direction::Out, length: packet.len(), setup: true };
        self.transfer(state, stretch, deadline).await?;

        let length = usize::from(setup.length);
        let direction = if setup.is_in() { Direction::In } else { Direction::Out };
        let mut moved = 0;
        state.toggle = Toggle::Data1;
        while moved < length {
            let wanted = (length - moved).min(piece);
            let stretch = Stretch { direction, length: wanted, setup: false };
            let part = data.get_mut(moved..moved + wanted).ok_or(TransferError::Invalid)?;
            if direction == Direction::Out {
                self.bounce(wanted)?.copy_from_slice(part);
            }
            let done = self.transfer(state, stretch, deadline).await?.min(wanted);
            if direction == Direction::In {
                let (to, from) = (part.get_mut(..done), self.bounce(done)?);
                to.ok_or(TransferError::Invalid)?.copy_from_slice(from);
            }
            moved += done;
            if done < wanted {
                break;
            }
        }

        // The status stage goes the other way, or IN when there was no data; always DATA1.
        let direction = if length > 0 && setup.is_in() { Direction::Out } else { Direction::In };
        state.toggle = Toggle::Data1;
        state.ping = false;
        let stretch = Stretch { direction, length: 0, setup: false };
        self.transfer(state, stretch, deadline).await?;
        Ok(moved)
    }

    /// The first bytes of the bounce buffer.
    fn bounce(&mut self, length: usize) -> Result<&mut [u8], TransferError> {
        let bytes = self.buffer.as_mut().ok_or(TransferError::Invalid)?.bytes_mut();
        bytes.get_mut(..length).ok_or(TransferError::Invalid)
    }
}
