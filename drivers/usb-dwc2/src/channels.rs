//! Who has which host channel, and channels whose transfer was abandoned.
//!
//! A channel belongs to a [`Lease`] while a transfer runs. A lease that is dropped while its
//! channel is still at work (the future was dropped, or the device went away) parks the channel
//! together with its buffer: both come back when the channel has halted, never before, because
//! until then the hardware may write into the buffer.

use crate::controller::{Board, Core, Dwc2};
use crate::pipes::PipeIndex;
use crate::program::{Program, Started};
use crate::registers::bits::{HCCHAR, HCINT};
use crate::registers::{ChannelNumber, MAX_CHANNELS, Register, Registers};
use crate::ring::DEPTH;
use crate::waiting::{earlier, until};
use core::cell::{Cell, RefCell};
use core::task::Poll;
use core::time::Duration;
use heapless::Deque;
use usb_core::host::{Clock, TransferError};

/// A channel ends within this after being told to halt, or by itself if it is a periodic one.
pub(crate) const HALT_PATIENCE: Duration = Duration::from_millis(5);
/// How often parked channels are looked at while someone waits for one.
const PARKED_LOOK: Duration = Duration::from_millis(1);

/// What a channel is wanted for; decides how many must stay free for others, so that a hub can be
/// served however many receivers are armed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    /// A request to a hub on behalf of a transfer that has a channel already.
    Translator,
    Control,
    Interrupt,
    BulkOut,
    BulkIn,
}

impl Use {
    /// Channels to leave to more urgent uses, of `total`.
    fn leaves(self, total: usize) -> usize {
        let wanted = match self {
            Self::Translator => 0,
            Self::Control => 1,
            Self::Interrupt | Self::BulkOut => 2,
            Self::BulkIn => 3,
        };
        wanted.min(total.saturating_sub(1) / 2)
    }
}

/// A channel that nobody waits for any more but that has not halted.
struct Parked<B> {
    pipe: PipeIndex,
    started: Started,
    /// Kept away from everyone until the hardware has let go of it, whichever of them it works on.
    buffers: Behind<B>,
    /// It has been told to halt.
    told: bool,
    /// When to do the next thing about it.
    deadline: Duration,
}

enum Slot<B> {
    /// The core does not have this channel.
    Absent,
    Free,
    Leased,
    Parked(Parked<B>),
}

/// The owners of all channels.
pub(crate) struct ChannelTable<B> {
    slots: RefCell<[Slot<B>; MAX_CHANNELS]>,
    /// For each channel, what its HCINT holds while it is idle.
    pub(crate) leftovers: [Cell<Leftover>; MAX_CHANNELS],
}

/// What the last program of an idle channel has left in HCINT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leftover {
    /// XFERCOMPL and CHHLTD at most.
    Completion,
    /// Anything.
    Unknown,
}

impl<B> ChannelTable<B> {
    pub(crate) fn new() -> Self {
        Self {
            slots: RefCell::new([const { Slot::Absent }; MAX_CHANNELS]),
            leftovers: [const { Cell::new(Leftover::Unknown) }; MAX_CHANNELS],
        }
    }

    /// Makes the first `count` channels available.
    pub(crate) fn open(&self, count: usize) {
        for slot in self.slots.borrow_mut().iter_mut().take(count) {
            if matches!(slot, Slot::Absent) {
                *slot = Slot::Free;
            }
        }
    }

    /// Takes a free channel.
    fn take(&self, wanted: Use) -> Option<ChannelNumber> {
        let mut slots = self.slots.borrow_mut();
        let total = slots.iter().filter(|slot| !matches!(slot, Slot::Absent)).count();
        let free = slots.iter().filter(|slot| matches!(slot, Slot::Free)).count();
        if free <= wanted.leaves(total) {
            return None;
        }
        let index = slots.iter().position(|slot| matches!(slot, Slot::Free))?;
        slots[index] = Slot::Leased;
        ChannelNumber::new(index)
    }

    fn set(&self, channel: ChannelNumber, slot: Slot<B>) {
        // The old value is dropped outside the borrow: a buffer's drop is the kernel's code.
        let old = core::mem::replace(&mut self.slots.borrow_mut()[channel.index()], slot);
        drop(old);
    }

    fn any_parked(&self) -> bool {
        self.slots.borrow().iter().any(|slot| matches!(slot, Slot::Parked(_)))
    }

    /// Frees all parked channels, after a core reset.
    pub(crate) fn release_all_parked(&self, mut freed: impl FnMut(PipeIndex)) {
        for channel in ChannelNumber::all(MAX_CHANNELS) {
            let parked = {
                let mut slots = self.slots.borrow_mut();
                let slot = &mut slots[channel.index()];
                if !matches!(slot, Slot::Parked(_)) {
                    continue;
                }
                core::mem::replace(slot, Slot::Free)
            };
            if let Slot::Parked(Parked { pipe, .. }) = parked {
                freed(pipe);
            }
        }
    }
}

/// Buffers of transfers that are to follow.
pub(crate) type Behind<B> = Deque<B, DEPTH>;

/// A transfer's hold on a pipe and a channel.
pub(crate) struct Lease<'h, 'a, R: Registers, C: Clock, A: Board> {
    pub(crate) host: &'h Dwc2<'a, R, C, A>,
    pub(crate) pipe: PipeIndex,
    pub(crate) channel: ChannelNumber,
    /// The buffer that the channel works on.
    pub(crate) buffer: Option<A::Buffer>,
    /// The buffers behind it in the channel's ring.
    pub(crate) behind: Behind<A::Buffer>,
    /// The program that has been started and not been seen to halt.
    pub(crate) started: Option<Started>,
    /// The program that the channel's registers still hold, because it moved nothing.
    pub(crate) unmoved: Option<Program>,
}

impl<'a, R: Registers, C: Clock, A: Board> Dwc2<'a, R, C, A> {
    /// Takes the pipe and a channel, waiting for both until `deadline`. The lease keeps `buffer`;
    /// without success it comes back.
    pub(crate) async fn lease<'h>(
        &'h self,
        pipe: PipeIndex,
        wanted: Use,
        buffer: A::Buffer,
        deadline: Option<Duration>,
    ) -> Result<Lease<'h, 'a, R, C, A>, (A::Buffer, TransferError)> {
        let mut waited = false;
        loop {
            let round = self.waiters.round();
            self.reclaim();
            if !self.interrupts.port_is_up() {
                self.count(|s| s.disconnected += 1);
                return Err((buffer, TransferError::Disconnected));
            }
            let Some(state) = self.pipes.get(pipe) else {
                return Err((buffer, TransferError::Invalid));
            };
            if !state.busy
                && let Some(channel) = self.channels.take(wanted)
            {
                self.pipes.update(pipe, |state| state.busy = true);
                return Ok(Lease {
                    host: self,
                    pipe,
                    channel,
                    buffer: Some(buffer),
                    behind: Behind::new(),
                    started: None,
                    unmoved: None,
                });
            }
            if !waited {
                waited = true;
                self.count(|s| s.channel_waits += 1);
            }
            if deadline.is_some_and(|deadline| self.clock.now() >= deadline) {
                self.count(|s| s.timeouts += 1);
                return Err((buffer, TransferError::NoResources));
            }
            let look = self.channels.any_parked().then(|| self.clock.now() + PARKED_LOOK);
            until(&self.clock, earlier(deadline, look), |context| {
                self.waiters.poll_since(round, context)
            })
            .await;
        }
    }

    /// Takes back parked channels that have halted by now, and pushes those that have not.
    pub(crate) fn reclaim(&self) {
        if !self.channels.any_parked() {
            return;
        }
        let now = self.clock.now();
        for channel in ChannelNumber::all(MAX_CHANNELS) {
            let finished = {
                let mut slots = self.channels.slots.borrow_mut();
                let slot = &mut slots[channel.index()];
                let Slot::Parked(parked) = slot else { continue };
                if !self.has_halted(channel) {
                    self.push_parked(channel, parked, now);
                    continue;
                }
                core::mem::replace(slot, Slot::Leased)
            };
            if let Slot::Parked(Parked { pipe, started, buffers, .. }) = finished {
                self.settle(channel, pipe, started);
                drop(buffers);
                self.channels.set(channel, Slot::Free);
                self.pipes.update(pipe, |state| state.busy = false);
                self.waiters.wake_all();
            }
        }
    }

    /// Does the next thing about a parked channel that has not halted in time.
    fn push_parked(&self, channel: ChannelNumber, parked: &mut Parked<A::Buffer>, now: Duration) {
        if now < parked.deadline || self.reset_due.get() || self.resetting.get() {
            return;
        }
        if parked.told {
            self.count(|s| s.halts_failed += 1);
            log::warn!("DWC2: channel {channel} does not halt");
            // The bus task resets the core when it next resets the port.
            self.reset_due.set(true);
            self.interrupts.port_lost();
            self.interrupts.report_port_change();
        } else {
            self.tell_to_halt(channel);
            parked.told = true;
            parked.deadline = now + HALT_PATIENCE;
        }
    }

    /// Waits until no channel is parked, or the patience for halts is exhausted.
    pub(crate) async fn drain_parked(&self) {
        let give_up = self.clock.now() + 3 * HALT_PATIENCE;
        loop {
            self.reclaim();
            if !self.channels.any_parked() || self.clock.now() >= give_up {
                return;
            }
            self.clock.sleep(PARKED_LOOK).await;
        }
    }

    /// Whether the channel does nothing any more. Looks at the hardware, because the interrupt
    /// may be masked or still to come.
    pub(crate) fn has_halted(&self, channel: ChannelNumber) -> bool {
        // While the core is reset or without power its registers are left alone; afterwards no
        // channel is enabled.
        if self.resetting.get() {
            return false;
        }
        HCINT::CHHLTD.is_set(self.interrupts.channel(channel))
            || HCINT::CHHLTD.is_set(self.registers.read(Register::Hcint(channel)))
            || !HCCHAR::CHENA.is_set(self.registers.read(Register::Hcchar(channel)))
    }

    /// Asks the channel to halt (databook: halting a channel).
    pub(crate) fn tell_to_halt(&self, channel: ChannelNumber) {
        if self.resetting.get() {
            return;
        }
        let value = self.registers.read(Register::Hcchar(channel));
        if HCCHAR::CHENA.is_set(value) {
            let halt = HCCHAR::CHENA::SET + HCCHAR::CHDIS::SET;
            self.registers.write(Register::Hcchar(channel), halt.modify(value));
        }
    }
}

impl<R: Registers, C: Clock, A: Board> Lease<'_, '_, R, C, A> {
    /// Makes sure that the hardware does nothing for this lease any more; resets the core if
    /// there is no other way.
    pub(crate) async fn stop(&mut self) {
        let host = self.host;
        host.interrupts.ring(self.channel).close();
        let Some(started) = self.started else { return };
        if !started.ends_by_itself || !self.wait_halted().await {
            host.tell_to_halt(self.channel);
            if !self.wait_halted().await {
                host.count(|s| s.halts_failed += 1);
                log::warn!("DWC2: channel {} does not halt", self.channel);
                host.reset().await;
                self.started = None;
                return;
            }
        }
        host.settle(self.channel, self.pipe, started);
        self.started = None;
    }

    async fn wait_halted(&self) -> bool {
        let host = self.host;
        let give_up = host.clock.now() + HALT_PATIENCE;
        while !host.has_halted(self.channel) {
            if host.clock.now() >= give_up && !host.resetting.get() {
                return false;
            }
            let look = host.clock.now() + PARKED_LOOK;
            until(&host.clock, Some(look), |context| {
                host.interrupts.register_channel_waker(self.channel, context.waker());
                if host.has_halted(self.channel) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        true
    }

    /// Ends the lease and hands the buffer back, once the hardware has let go of it.
    pub(crate) async fn finish(mut self) -> A::Buffer {
        self.stop().await;
        self.buffer.take().expect("a lease has its buffer until it ends")
    }
}

impl<R: Registers, C: Clock, A: Board> Drop for Lease<'_, '_, R, C, A> {
    fn drop(&mut self) {
        let host = self.host;
        let Core { quirks, .. } = host.core.get();
        host.interrupts.ring(self.channel).close();
        if let Some(started) = self.started {
            host.count(|s| s.cancelled += 1);
            let idle = |channel| {
                // The model starts nothing when nobody has the address; then HCTSIZ is untouched.
                quirks.ends_at_once()
                    && host.registers.read(Register::Hctsiz(channel)) == started.size
            };
            let told = !started.ends_by_itself || idle(self.channel);
            if told {
                host.tell_to_halt(self.channel);
            }
            if !host.has_halted(self.channel) {
                let mut buffers = core::mem::take(&mut self.behind);
                if let Some(buffer) = self.buffer.take() {
                    // The ring has no more places than this has.
                    let _ = buffers.push_front(buffer);
                }
                let parked = Parked {
                    pipe: self.pipe,
                    started,
                    buffers,
                    told,
                    deadline: host.clock.now() + HALT_PATIENCE,
                };
                host.channels.set(self.channel, Slot::Parked(parked));
                host.waiters.wake_all();
                return;
            }
            host.settle(self.channel, self.pipe, started);
        }
        host.channels.set(self.channel, Slot::Free);
        host.pipes.update(self.pipe, |state| state.busy = false);
        host.waiters.wake_all();
    }
}
