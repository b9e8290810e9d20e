//! What the interrupt handler leaves behind for the tasks.
//!
//! The handler decides nothing: it acknowledges, records the raw bits in atomics and wakes. The one
//! thing it starts is a program that a task left ready for it behind one that went well
//! (`ring`). What it does is bounded: for each channel that reports, two register reads and four
//! writes. It takes no lock and shares no cell with the tasks, so it can't deadlock with them
//! whatever it interrupts. One [`Interrupts`] is meant to live in a `static`, handed to the driver by
//! reference and used by the kernel's handler:
//!
//! ```text
//! static USB: Interrupts = Interrupts::new();
//! fn handler() { USB.handle(&registers()); }
//! ```

use crate::pipes::MAX_PIPES;
use crate::port::{PortAction, PortStatus};
use crate::registers::bits::{GINTSTS, HCINT};
use crate::registers::{ChannelNumber, MAX_CHANNELS, Register, Registers};
use crate::ring::Ring;
use atomic_waker::AtomicWaker;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::task::Waker;

/// HCINT bits since the channel was started, and who waits for them.
struct ChannelEvents {
    bits: AtomicU32,
    waker: AtomicWaker,
    /// What the handler may start by itself.
    ring: Ring,
}

/// State shared by the interrupt handler, the driver and its pipes.
pub struct Interrupts {
    channels: [ChannelEvents; MAX_CHANNELS],
    /// The root port's state may have changed.
    port_changed: AtomicBool,
    port_waker: AtomicWaker,
    /// The port has been enabled by a reset and has not been lost since.
    port_up: AtomicBool,
    /// Count of the root port's changes.
    port_changes: AtomicU32,
    /// Count of interrupts handled.
    handled: AtomicU32,
    /// Pipes whose handle has been dropped.
    pub(crate) released_pipes: [AtomicBool; MAX_PIPES],
}

impl Interrupts {
    /// Nothing has happened yet.
    pub const fn new() -> Self {
        Self {
            channels: [const {
                ChannelEvents {
                    bits: AtomicU32::new(0),
                    waker: AtomicWaker::new(),
                    ring: Ring::new(),
                }
            }; MAX_CHANNELS],
            port_changed: AtomicBool::new(false),
            port_waker: AtomicWaker::new(),
            port_up: AtomicBool::new(false),
            port_changes: AtomicU32::new(0),
            handled: AtomicU32::new(0),
            released_pipes: [const { AtomicBool::new(false) }; MAX_PIPES],
        }
    }

    /// Handles the controller's interrupt line; to be called with interrupts masked. Wakers are
    /// woken from here, so the executor's must be usable from interrupt context.
    pub fn handle(&self, registers: &impl Registers) {
        self.handled.fetch_add(1, Ordering::Relaxed);
        let pending = registers.read(Register::Gintsts) & registers.read(Register::Gintmsk);
        if GINTSTS::HCHINT.is_set(pending) {
            let channels = registers.read(Register::Haint);
            for channel in ChannelNumber::all(MAX_CHANNELS) {
                if channels & channel.bit() != 0 {
                    self.collect_channel(registers, channel);
                }
            }
        }
        if GINTSTS::DISCONNINT.is_set(pending) {
            registers.write(Register::Gintsts, GINTSTS::DISCONNINT.val(1).value);
            self.note_port(registers);
        }
        if GINTSTS::PRTINT.is_set(pending) {
            // PRTINT is the sum of HPRT0's change bits and falls when they are acknowledged.
            self.note_port(registers);
        }
        if GINTSTS::OTGINT.is_set(pending) {
            let causes = registers.read(Register::Gotgint);
            registers.write(Register::Gotgint, causes);
        }
    }

    /// Moves a channel's interrupt bits from the hardware into its event word and wakes the
    /// waiter.
    fn collect_channel(&self, registers: &impl Registers, channel: ChannelNumber) {
        let bits = registers.read(Register::Hcint(channel)) & HCINT::ALL.mask;
        registers.write(Register::Hcint(channel), bits);
        let events = &self.channels[channel.index()];
        let all = bits | events.bits.load(Ordering::Acquire);
        if !HCINT::CHHLTD.is_set(bits) || !events.ring.halted(registers, channel, all) {
            events.bits.fetch_or(bits, Ordering::AcqRel);
        }
        events.waker.wake();
    }

    /// Acknowledges the root port's changes and tells everyone concerned.
    fn note_port(&self, registers: &impl Registers) {
        let status = PortStatus::read(registers);
        let changes = status.changes();
        if changes.any() {
            PortAction::Acknowledge(changes).apply(registers);
        }
        // A connect change on a port that still reads as enabled means that the device was
        // exchanged faster than we looked: what we talked to is gone all the same.
        if !status.enabled() || !status.connected() || changes.connect() {
            self.port_lost();
        }
        self.port_changes.fetch_add(1, Ordering::AcqRel);
        self.report_port_change();
    }

    /// Count of the root port's changes, modulo 2^32: tells whether there was one, whoever took
    /// notice of it.
    pub(crate) fn port_changes(&self) -> u32 {
        self.port_changes.load(Ordering::Acquire)
    }

    /// Ends all waiting for devices: the port carries no traffic any more.
    pub(crate) fn port_lost(&self) {
        if self.port_up.swap(false, Ordering::AcqRel) {
            for channel in &self.channels {
                channel.waker.wake();
            }
        }
    }

    /// The port has been enabled.
    pub(crate) fn port_gained(&self) {
        self.port_up.store(true, Ordering::Release);
    }

    pub(crate) fn port_is_up(&self) -> bool {
        self.port_up.load(Ordering::Acquire)
    }

    /// Makes the next look at the port find a change.
    pub(crate) fn report_port_change(&self) {
        self.port_changed.store(true, Ordering::Release);
        self.port_waker.wake();
    }

    pub(crate) fn take_port_change(&self) -> bool {
        self.port_changed.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn register_port_waker(&self, waker: &Waker) {
        self.port_waker.register(waker);
    }

    /// Forgets what the channel has reported.
    pub(crate) fn clear_channel(&self, channel: ChannelNumber) {
        self.channels[channel.index()].bits.store(0, Ordering::Release);
    }

    /// What the channel has reported since it was cleared.
    pub(crate) fn channel(&self, channel: ChannelNumber) -> u32 {
        self.channels[channel.index()].bits.load(Ordering::Acquire)
    }

    /// The programs that the handler starts by itself on a channel.
    pub(crate) fn ring(&self, channel: ChannelNumber) -> &Ring {
        &self.channels[channel.index()].ring
    }

    pub(crate) fn register_channel_waker(&self, channel: ChannelNumber, waker: &Waker) {
        self.channels[channel.index()].waker.register(waker);
    }

    /// Count of interrupts handled, modulo 2^32.
    pub fn count(&self) -> u32 {
        self.handled.load(Ordering::Relaxed)
    }
}

impl Default for Interrupts {
    fn default() -> Self {
        Self::new()
    }
}
