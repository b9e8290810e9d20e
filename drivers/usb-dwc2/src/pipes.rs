//! Open pipes: their configuration, data toggle and PING state (USB 2.0 sections 8.5.1, 8.6).

use crate::interrupts::Interrupts;
use crate::split::Way;
use core::cell::Cell;
use core::sync::atomic::Ordering;
use usb_core::pipe::PipeConfig;

/// Pipes that can be open at once: sixteen devices with a control and three other pipes each.
pub(crate) const MAX_PIPES: usize = 64;

/// The PID of the next data packet of a pipe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Toggle {
    Data0,
    Data1,
}

impl Toggle {
    /// After `packets` acknowledged packets.
    pub(crate) fn after(self, packets: u32) -> Self {
        if packets.is_multiple_of(2) {
            self
        } else {
            match self {
                Self::Data0 => Self::Data1,
                Self::Data1 => Self::Data0,
            }
        }
    }
}

/// A pipe as the driver keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PipeState {
    pub(crate) config: PipeConfig,
    pub(crate) toggle: Toggle,
    /// The last high-speed OUT was answered NYET: ask with PING before the next.
    pub(crate) ping: bool,
    /// Which of a translator's buffers serve the pipe, if it is an interrupt pipe.
    pub(crate) way: Way,
    /// An answer of the device, perhaps with data, got lost between it and us: its next packet with
    /// the wrong toggle is not an old one.
    pub(crate) doubtful: bool,
    /// A transfer is under way, or its channel has not halted yet.
    pub(crate) busy: bool,
}

/// Index of an open pipe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PipeIndex(usize);

/// An open pipe, as its user holds it. Dropping it closes it; what is still in flight is halted
/// first.
pub struct Pipe<'a> {
    pub(crate) index: PipeIndex,
    interrupts: &'a Interrupts,
}

impl Drop for Pipe<'_> {
    fn drop(&mut self) {
        self.interrupts.released_pipes[self.index.0].store(true, Ordering::Relaxed);
    }
}

/// All open pipes.
pub(crate) struct PipeTable {
    slots: [Cell<Option<PipeState>>; MAX_PIPES],
}

impl PipeTable {
    pub(crate) const fn new() -> Self {
        Self { slots: [const { Cell::new(None) }; MAX_PIPES] }
    }

    /// Opens a pipe; `None` when the table is full.
    pub(crate) fn open<'a>(
        &self,
        interrupts: &'a Interrupts,
        config: PipeConfig,
    ) -> Option<Pipe<'a>> {
        self.sweep(interrupts);
        let index = self.slots.iter().position(|slot| slot.get().is_none())?;
        self.slots[index].set(Some(PipeState {
            config,
            toggle: Toggle::Data0,
            ping: false,
            way: Way::first(&config),
            doubtful: false,
            busy: false,
        }));
        Some(Pipe { index: PipeIndex(index), interrupts })
    }

    /// Frees the slots of dropped pipes on which nothing is in flight any more.
    fn sweep(&self, interrupts: &Interrupts) {
        for (slot, released) in self.slots.iter().zip(&interrupts.released_pipes) {
            if slot.get().is_none_or(|pipe| !pipe.busy) && released.swap(false, Ordering::Relaxed) {
                slot.set(None);
            }
        }
    }

    /// The pipe's state. `None` only for a pipe that its user has closed.
    pub(crate) fn get(&self, index: PipeIndex) -> Option<PipeState> {
        self.slots[index.0].get()
    }

    /// Changes the pipe's state.
    pub(crate) fn update(&self, index: PipeIndex, change: impl FnOnce(&mut PipeState)) {
        let slot = &self.slots[index.0];
        if let Some(mut state) = slot.get() {
            change(&mut state);
            slot.set(Some(state));
        }
    }

    /// The control pipe of a device, if it is open.
    pub(crate) fn control_pipe_of(
        &self,
        device: usb_core::pipe::DeviceAddress,
    ) -> Option<PipeIndex> {
        self.slots
            .iter()
            .position(|slot| {
                slot.get().is_some_and(|pipe| {
                    pipe.config.device == device
                        && pipe.config.transfer_type == usb_core::pipe::TransferType::Control
                })
            })
            .map(PipeIndex)
    }
}
