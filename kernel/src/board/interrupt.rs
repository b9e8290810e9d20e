//! The two interrupt controllers: the local one of the cores, and the BCM2835's behind it.
//!
//! All interrupts go to core 0, the only one that runs. Of the legacy controller only the two
//! pending banks are read, never the summary in "basic pending": some lines, USB and the PL011
//! among them, show up there as shortcuts and then do not set the summary bits.

use super::registers::Mmio;
use crate::arch::aarch64::{cpu, timer};
use crate::sync::IrqCell;
use crate::time::{self, Instant};
use core::sync::atomic::{AtomicU64, Ordering};
use tock_registers::interfaces::{Readable, Writeable};
use tock_registers::registers::{ReadOnly, ReadWrite};
use tock_registers::{register_bitfields, register_structs};

register_bitfields! {
    u32,
    /// GPU interrupt routing (QA7 4.5).
    GPU_INTERRUPTS_ROUTING [
        /// Which core gets IRQs of the legacy controller.
        IRQ OFFSET(0) NUMBITS(2) [],
        /// Which core gets its FIQ.
        FIQ OFFSET(2) NUMBITS(2) []
    ],
    /// Timer interrupt control of a core (QA7 4.6).
    CORE_TIMERS_INTERRUPT_CONTROL [
        /// nCNTVIRQ: the virtual timer, as IRQ.
        CNTVIRQ OFFSET(3) NUMBITS(1) []
    ],
    /// Interrupt source of a core (QA7 4.10).
    CORE_IRQ_SOURCE [
        /// The virtual timer.
        CNTVIRQ OFFSET(3) NUMBITS(1) [],
        /// The legacy controller.
        GPU OFFSET(8) NUMBITS(1) []
    ]
}

register_structs! {
    /// The legacy controller (BCM2835 ARM Peripherals, 7.5).
    LegacyController {
        /// A summary; unused.
        (0x00 => irq_basic_pending: ReadOnly<u32>),
        /// Lines 0 to 31 that are enabled and active.
        (0x04 => irq_pending_1: ReadOnly<u32>),
        /// Lines 32 to 63.
        (0x08 => irq_pending_2: ReadOnly<u32>),
        /// The one line that may be an FIQ.
        (0x0c => fiq_control: ReadWrite<u32>),
        /// Write 1 to enable lines 0 to 31.
        (0x10 => enable_irqs_1: ReadWrite<u32>),
        /// Write 1 to enable lines 32 to 63.
        (0x14 => enable_irqs_2: ReadWrite<u32>),
        /// Write 1 to enable the ARM's own lines.
        (0x18 => enable_basic_irqs: ReadWrite<u32>),
        /// Write 1 to disable lines 0 to 31.
        (0x1c => disable_irqs_1: ReadWrite<u32>),
        /// Write 1 to disable lines 32 to 63.
        (0x20 => disable_irqs_2: ReadWrite<u32>),
        /// Write 1 to disable the ARM's own lines.
        (0x24 => disable_basic_irqs: ReadWrite<u32>),
        (0x28 => @END),
    }
}

register_structs! {
    /// The local controller (QA7 chapter 4), core 0's part.
    LocalController {
        (0x00 => _reserved0),
        /// Where the legacy controller's interrupts go.
        (0x0c => gpu_interrupts_routing: ReadWrite<u32, GPU_INTERRUPTS_ROUTING::Register>),
        (0x10 => _reserved1),
        /// Which of core 0's timers interrupt.
        (0x40 => core0_timers_control: ReadWrite<u32, CORE_TIMERS_INTERRUPT_CONTROL::Register>),
        (0x44 => _reserved2),
        /// Why core 0 has an IRQ.
        (0x60 => core0_irq_source: ReadOnly<u32, CORE_IRQ_SOURCE::Register>),
        (0x64 => @END),
    }
}

// SAFETY: the addresses of the BCM2837's controllers.
static LEGACY: Mmio<LegacyController> = unsafe { Mmio::new(0x3f00_b200) };
// SAFETY: as above.
static LOCAL: Mmio<LocalController> = unsafe { Mmio::new(0x4000_0000) };

/// What can interrupt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The core's virtual timer.
    VirtualTimer,
    /// The DWC2 USB controller, line 9.
    Usb,
    /// The mini-UART (and the two SPI masters beside it), line 29.
    Aux,
    /// The PL011, line 57.
    Pl011,
}

impl Source {
    /// The line of the legacy controller.
    const fn line(self) -> Option<usize> {
        match self {
            Self::VirtualTimer => None,
            Self::Usb => Some(9),
            Self::Aux => Some(29),
            Self::Pl011 => Some(57),
        }
    }
}

/// Handlers by line; the timer's is last.
static HANDLERS: IrqCell<Handlers> = IrqCell::new([None; LINES + 1]);
type Handlers = [Option<fn()>; LINES + 1];
const LINES: usize = 64;

/// Count of interrupts taken.
static TAKEN: AtomicU64 = AtomicU64::new(0);
/// Count of interrupts from lines without a handler; each was turned off.
static UNHANDLED: AtomicU64 = AtomicU64::new(0);

/// Count of interrupts taken since boot, and of those that had no handler.
pub fn statistics() -> (u64, u64) {
    (TAKEN.load(Ordering::Relaxed), UNHANDLED.load(Ordering::Relaxed))
}

/// Turns off whatever the firmware had turned on.
pub(super) fn initialize() {
    LEGACY.disable_irqs_1.set(!0);
    LEGACY.disable_irqs_2.set(!0);
    LEGACY.disable_basic_irqs.set(!0);
    LEGACY.fiq_control.set(0);
    LOCAL
        .gpu_interrupts_routing
        .write(GPU_INTERRUPTS_ROUTING::IRQ.val(0) + GPU_INTERRUPTS_ROUTING::FIQ.val(0));
    LOCAL.core0_timers_control.set(0);
}

/// Sets the handler of an interrupt and enables it.
///
/// The handler runs with interrupts masked, in the middle of any task: it makes the device stop
/// asking, remembers why, and wakes whoever waits.
pub fn register(source: Source, handler: fn()) {
    let slot = source.line().unwrap_or(LINES);
    HANDLERS.with(|handlers| handlers[slot] = Some(handler));
    match source.line() {
        None => LOCAL.core0_timers_control.write(CORE_TIMERS_INTERRUPT_CONTROL::CNTVIRQ::SET),
        Some(line @ 0..32) => LEGACY.enable_irqs_1.set(1 << line),
        Some(line) => LEGACY.enable_irqs_2.set(1 << (line - 32)),
    }
}

/// Sleeps until `end` with interrupts masked for good, for the panic handler: the timer's pending
/// interrupt ends the sleep without being taken.
pub(crate) fn sleep_masked(end: Instant) {
    LOCAL.core0_timers_control.write(CORE_TIMERS_INTERRUPT_CONTROL::CNTVIRQ::SET);
    while time::now() < end {
        timer::disarm();
        timer::wake_at(end);
        cpu::wait_for_interrupt();
    }
}

/// Calls the handlers of everything that is pending. Interrupts are masked.
pub(crate) fn dispatch() {
    // What was interrupted may have been in the middle of another peripheral, and accesses to
    // different ones are not ordered by themselves (BCM2835 ARM Peripherals, 1.3).
    cpu::order_devices();
    TAKEN.fetch_add(1, Ordering::Relaxed);
    let source = LOCAL.core0_irq_source.extract();
    if source.is_set(CORE_IRQ_SOURCE::CNTVIRQ) {
        handle(LINES);
    }
    if source.is_set(CORE_IRQ_SOURCE::GPU) {
        let pending =
            u64::from(LEGACY.irq_pending_1.get()) | (u64::from(LEGACY.irq_pending_2.get()) << 32);
        let mut rest = pending;
        while rest != 0 {
            handle(rest.trailing_zeros() as usize);
            rest &= rest - 1;
        }
    }
    cpu::order_devices();
}

fn handle(slot: usize) {
    let handler = HANDLERS.with(|handlers| handlers.get(slot).copied().flatten());
    if let Some(handler) = handler {
        handler();
        return;
    }
    // A level that nobody takes away would interrupt for ever.
    UNHANDLED.fetch_add(1, Ordering::Relaxed);
    match slot {
        0..32 => LEGACY.disable_irqs_1.set(1 << slot),
        32..LINES => LEGACY.disable_irqs_2.set(1 << (slot - 32)),
        _ => LOCAL.core0_timers_control.set(0),
    }
    log::warn!("interrupt {slot} has no handler; turned off");
}
