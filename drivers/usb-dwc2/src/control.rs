//! Control transfers: SETUP, optional data, status (USB 2.0 section 8.5.3).

use crate::channels::{Lease, Use};
use crate::controller::{Board, Dwc2};
use crate::pipes::{PipeIndex, PipeState, Toggle};
use crate::registers::Registers;
use crate::transfer::Stretch;
use core::time::Duration;
use usb_core::buffer::DmaBuffer;
use usb_core::host::{Clock, SetupPacket, TransferError};
use usb_core::pipe::{DeviceAddress, Direction, TransferType};

/// Data stages go through the bounce buffer in pieces of at most this many bytes.
const PIECE: usize = 1024;
/// The bounce buffer is never smaller: a status stage asks for a whole packet, which is 64 bytes
/// at most on a control endpoint (USB 2.0 section 5.5.3).
const SMALLEST: usize = 64;

/// A hub answers within this, or the translator is left as it is.
const CLEAR_PATIENCE: Duration = Duration::from_millis(500);

impl<R: Registers, C: Clock, A: Board> Dwc2<'_, R, C, A> {
    /// A control transfer on an open pipe; see [`usb_core::host::HostController::control`].
    pub(crate) async fn control_transfer(
        &self,
        pipe: PipeIndex,
        setup: SetupPacket,
        data: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, TransferError> {
        let length = usize::from(setup.length);
        let Some(state) = self.pipes.get(pipe) else {
            return Err(TransferError::Invalid);
        };
        let packet_size = usize::from(state.config.max_packet_size);
        if state.config.transfer_type != TransferType::Control
            || length > data.len()
            || !(1..=SMALLEST).contains(&packet_size)
        {
            return Err(TransferError::Invalid);
        }
        let piece = PIECE / packet_size * packet_size;
        let bounce = length.min(piece).next_multiple_of(packet_size).max(SMALLEST);
        let Some(buffer) = self.board.allocate(bounce) else {
            return Err(TransferError::NoResources);
        };
        let deadline = self.clock.now() + timeout;
        let mut lease = match self.lease(pipe, Use::Control, buffer, Some(deadline)).await {
            Ok(lease) => lease,
            Err((_, error)) => return Err(error),
        };
        // Read again: the address may have changed while we waited.
        let Some(mut state) = self.pipes.get(pipe) else {
            return Err(TransferError::Invalid);
        };
        let stages = Stages { setup, piece, deadline };
        let result = lease.control_stages(&mut state, &stages, data).await;
        // The bounce buffer is given up with the lease, or parked until the hardware is done.
        drop(lease.finish().await);
        if result.is_ok() {
            self.count(|s| s.transfers += 1);
            // A request was carried out: its effects may show on other pipes.
            self.pausing.wake_all();
        }
        result
    }

    /// Has a hub carry out CLEAR_TT_BUFFER. That such a hub runs at high speed, and so needs no
    /// translator itself, is what ends the recursion.
    /// Returns whether it did, or is not there at all.
    pub(crate) async fn clear_translator(&self, hub: DeviceAddress, clear: SetupPacket) -> bool {
        let Some(pipe) = self.pipes.control_pipe_of(hub) else { return true };
        self.count(|s| s.translator_clears += 1);
        match self.request_without_data(pipe, clear).await {
            // A hub that does not know the request has no such buffers.
            Ok(()) | Err(TransferError::Stall) => true,
            Err(error) => {
                log::debug!("DWC2: CLEAR_TT_BUFFER to hub {hub}: {error:?}");
                false
            }
        }
    }

    /// A request without data stage to a device that is not behind a translator.
    async fn request_without_data(
        &self,
        pipe: PipeIndex,
        setup: SetupPacket,
    ) -> Result<(), TransferError> {
        let buffer = self.board.allocate(SMALLEST).ok_or(TransferError::NoResources)?;
        let deadline = Some(self.clock.now() + CLEAR_PATIENCE);
        let lease = self.lease(pipe, Use::Translator, buffer, deadline).await;
        let mut lease = lease.map_err(|(_, error)| error)?;
        let mut state = self.pipes.get(pipe).ok_or(TransferError::Invalid)?;
        let packet = setup.to_bytes();
        lease.bounce(packet.len())?.copy_from_slice(&packet);
        let stretch = Stretch { direction: Direction::Out, length: packet.len(), setup: true };
        lease.transfer_direct(&mut state, stretch, deadline).await?;
        state.toggle = Toggle::Data1;
        let stretch = Stretch { direction: Direction::In, length: 0, setup: false };
        lease.transfer_direct(&mut state, stretch, deadline).await?;
        drop(lease.finish().await);
        Ok(())
    }
}

/// What all stages of one control transfer share.
struct Stages {
    setup: SetupPacket,
    /// Most bytes of data in the bounce buffer.
    piece: usize,
    deadline: Duration,
}

impl<R: Registers, C: Clock, A: Board> Lease<'_, '_, R, C, A> {
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
