//! The watchdog of the power manager: resets the board unless it is fed in time.

use super::pm::{PASSWORD, PM, RSTC, WDOG};
use crate::time::Duration;
use core::sync::atomic::{AtomicU32, Ordering};
use tock_registers::interfaces::{Readable, Writeable};

/// Ticks of the watchdog in a second.
const TICKS_PER_SECOND: u64 = 65536;

/// The counter has 20 bits: just under 16 seconds.
const MAX_TICKS: u64 = (1 << 20) - 1;

/// From what value it counts down when fed; 0 while it is off.
static TICKS: AtomicU32 = AtomicU32::new(0);

/// Starts it: the board is reset after `patience` without [`feed()`]. Returns how long that is, as
/// it can't be more than 15 seconds, nor less than one.
pub(crate) fn start(patience: Duration) -> Duration {
    let seconds = patience.as_secs().clamp(1, MAX_TICKS / TICKS_PER_SECOND);
    TICKS.store((seconds * TICKS_PER_SECOND) as u32, Ordering::Relaxed);
    feed();
    Duration::from_secs(seconds)
}

/// Whether it counts.
pub(crate) fn is_running() -> bool {
    TICKS.load(Ordering::Relaxed) != 0
}

/// Lets it start counting anew, if it is running.
pub(crate) fn feed() {
    let ticks = TICKS.load(Ordering::Relaxed);
    if ticks != 0 {
        PM.wdog.write(WDOG::PASSWORD.val(PASSWORD) + WDOG::TIME.val(ticks));
        configure(RSTC::WRCFG::FullReset);
    }
}

/// Stops it.
pub(crate) fn stop() {
    if TICKS.swap(0, Ordering::Relaxed) != 0 {
        configure(RSTC::WRCFG::Nothing);
    }
}

/// Sets what happens when it runs out; the other fields stay as the firmware has them.
fn configure(what: tock_registers::fields::FieldValue<u32, RSTC::Register>) {
    let kept = PM.rstc.extract();
    let mut value = kept;
    value.modify(RSTC::PASSWORD.val(PASSWORD) + what);
    PM.rstc.set(value.get());
}
