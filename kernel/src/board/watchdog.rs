//! The watchdog of the power manager: resets the board unless it is fed in time.

use super::pm::PM;
use crate::machine::watchdog::{Registers, Watchdog};
use crate::time::Duration;
use tock_registers::interfaces::{Readable, Writeable};

static WATCHDOG: Watchdog = Watchdog::new();

struct PowerManager;

impl Registers for PowerManager {
    fn set_wdog(&self, value: u32) {
        PM.wdog.set(value);
    }

    fn rstc(&self) -> u32 {
        PM.rstc.get()
    }

    fn set_rstc(&self, value: u32) {
        PM.rstc.set(value);
    }
}

/// Starts it: the board is reset after `patience` without [`feed()`]. Returns how long that is, as
/// it can't be more than 15 seconds, nor less than four.
pub(crate) fn start(patience: Duration) -> Duration {
    WATCHDOG.start(&PowerManager, patience)
}

/// Whether it counts.
pub(crate) fn is_running() -> bool {
    WATCHDOG.is_running()
}

/// Lets it start counting anew, if it is running.
pub(crate) fn feed() {
    WATCHDOG.feed(&PowerManager);
}

/// Stops it.
pub(crate) fn stop() {
    WATCHDOG.stop(&PowerManager);
}
