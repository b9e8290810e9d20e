//! The generic timer (ARM DDI 0487, chapter D11): the clock and the one interrupt of the core.
//!
//! The virtual counter is the clock. The compare register is set lazily: an interrupt that comes
//! earlier than needed does no harm (whoever woke up looks at the clock), so an earlier deadline
//! that is already set stays.

use crate::time::{Duration, Instant};
use aarch64_cpu::registers::{
    CNTFRQ_EL0, CNTKCTL_EL1, CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, Readable, Writeable,
};
use core::sync::atomic::{AtomicU64, Ordering};

/// How long a program runs before others get their turn.
pub const TIME_SLICE: Duration = Duration::from_millis(10);

/// Nanoseconds per tick in units of 2^-32.
static NANOS_PER_TICK: AtomicU64 = AtomicU64::new(0);
/// Ticks per nanosecond in units of 2^-32.
static TICKS_PER_NANO: AtomicU64 = AtomicU64::new(0);
/// The deadline that is armed, in nanoseconds; `u64::MAX` when the timer is off.
static ARMED: AtomicU64 = AtomicU64::new(u64::MAX);

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Reads the counter's frequency (never assumed: 19.2 MHz on boards, 62.5 MHz in QEMU), opens the
/// counter to programs and turns the timer off.
pub(crate) fn initialize() {
    let frequency = u128::from(CNTFRQ_EL0.get());
    assert!(frequency != 0, "CNTFRQ_EL0 is zero: the firmware set no timer frequency");
    NANOS_PER_TICK.store(((NANOS_PER_SECOND << 32) / frequency) as u64, Ordering::Relaxed);
    TICKS_PER_NANO.store(((frequency << 32) / NANOS_PER_SECOND) as u64, Ordering::Relaxed);
    CNTKCTL_EL1.write(CNTKCTL_EL1::EL0VCTEN::SET);
    disarm();
}

/// Ticks per second.
pub fn frequency() -> u64 {
    CNTFRQ_EL0.get()
}

/// The clock: time since the counter started.
pub(crate) fn now() -> Instant {
    let nanos = scale(counter(), NANOS_PER_TICK.load(Ordering::Relaxed));
    Instant::from_nanos(nanos)
}

fn counter() -> u64 {
    // Without the barrier the counter may be read before earlier instructions are done.
    aarch64_cpu::asm::barrier::isb(aarch64_cpu::asm::barrier::SY);
    CNTVCT_EL0.get()
}

fn scale(value: u64, factor: u64) -> u64 {
    u64::try_from((u128::from(value) * u128::from(factor)) >> 32).unwrap_or(u64::MAX)
}

/// Makes the timer interrupt at `deadline` or earlier.
pub(crate) fn wake_at(deadline: Instant) {
    if ARMED.load(Ordering::Relaxed) <= deadline.as_nanos() {
        return;
    }
    let counter = counter();
    let now = Instant::from_nanos(scale(counter, NANOS_PER_TICK.load(Ordering::Relaxed)));
    let remaining = deadline.saturating_since(now).as_nanos() as u64;
    // Rounded up, so that the clock has reached the deadline when the interrupt comes.
    let ticks = counter
        .saturating_add(scale(remaining, TICKS_PER_NANO.load(Ordering::Relaxed)))
        .saturating_add(2);
    CNTV_CVAL_EL0.set(ticks);
    CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::SET);
    ARMED.store(deadline.as_nanos(), Ordering::Relaxed);
}

/// The interrupt handler: turns the timer off. Whoever waits for a time looks at the clock.
pub(crate) fn disarm() {
    CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::CLEAR);
    ARMED.store(u64::MAX, Ordering::Relaxed);
}
