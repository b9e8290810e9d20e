//! The watchdog's rules: how long it waits, what is written to have it wait anew, when it counts at
//! all. `board::watchdog` has the registers.
//!
//! It is fed by the heartbeat task alone, and after a panic by the loop that shows the panic until
//! the restart. So it runs out when the executor polls no more tasks, when the timer wakes none, and
//! when the kernel hangs with interrupts masked.

use super::signal::LONGEST_STEP;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

/// Ticks of the watchdog in a second, each 15.26 µs.
const TICKS_PER_SECOND: u64 = 1 << 16;
/// The counter has 20 bits: just under 16 seconds.
const MAX_TICKS: u64 = (1 << 20) - 1;
/// The longest patience in seconds.
const MOST: u64 = MAX_TICKS / TICKS_PER_SECOND;
/// The shortest patience in seconds: it is fed once for each step of the LED, and a late one must not
/// be taken for the end.
const LEAST: u64 = 2 * (LONGEST_STEP as u64).div_ceil(1000);

/// What every write to a register of the power manager has in its top byte, or it is ignored.
const PASSWORD: u32 = 0x5a << 24;
/// WRCFG of RSTC: what happens when the watchdog runs out.
const WRCFG: u32 = 3 << 4;
/// WRCFG: the whole board is reset. 0 is nothing.
const FULL_RESET: u32 = 2 << 4;

/// The registers of the power manager that it needs.
pub trait Registers {
    /// Writes WDOG: the ticks that are left.
    fn set_wdog(&self, value: u32);

    /// Reads RSTC.
    fn rstc(&self) -> u32;

    /// Writes RSTC.
    fn set_rstc(&self, value: u32);
}

/// The watchdog. It may be fed from any place, a panic included: there is nothing to lock.
pub struct Watchdog {
    /// From what value it counts down when fed; 0 while it is off.
    ticks: AtomicU32,
}

impl Default for Watchdog {
    fn default() -> Self {
        Self::new()
    }
}

impl Watchdog {
    /// One that is off.
    pub const fn new() -> Self {
        Self { ticks: AtomicU32::new(0) }
    }

    /// Starts it: the board is reset after `patience` without [`Watchdog::feed`]. Returns how long
    /// that is: whole seconds, 4 to 15.
    pub fn start(&self, registers: &impl Registers, patience: Duration) -> Duration {
        let seconds = patience.as_secs().clamp(LEAST, MOST);
        self.ticks.store((seconds * TICKS_PER_SECOND) as u32, Ordering::Relaxed);
        self.feed(registers);
        Duration::from_secs(seconds)
    }

    /// Whether it counts.
    pub fn is_running(&self) -> bool {
        self.ticks.load(Ordering::Relaxed) != 0
    }

    /// Lets it start counting anew, if it is running.
    pub fn feed(&self, registers: &impl Registers) {
        let ticks = self.ticks.load(Ordering::Relaxed);
        if ticks != 0 {
            registers.set_wdog(PASSWORD | ticks);
            configure(registers, FULL_RESET);
        }
    }

    /// Stops it.
    pub fn stop(&self, registers: &impl Registers) {
        if self.ticks.swap(0, Ordering::Relaxed) != 0 {
            configure(registers, 0);
        }
    }
}

/// Sets what happens when it runs out; the other fields stay as the firmware has them.
fn configure(registers: &impl Registers, what: u32) {
    let kept = registers.rstc() & !(0xff << 24 | WRCFG);
    registers.set_rstc(PASSWORD | kept | what);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::signal::{Network, Signal};
    use core::cell::Cell;

    /// What the firmware has in RSTC beside WRCFG.
    const OTHERS: u32 = 0x102;

    /// The power manager in virtual time.
    struct PowerManager {
        rstc: Cell<u32>,
        left: Cell<u64>,
        resets: Cell<u32>,
    }

    impl PowerManager {
        fn new() -> Self {
            Self { rstc: Cell::new(OTHERS), left: Cell::new(0), resets: Cell::new(0) }
        }

        /// Time passes.
        fn pass(&self, time: Duration) {
            let ticks = time.as_micros() as u64 * TICKS_PER_SECOND / 1_000_000;
            let before = self.left.get();
            self.left.set(before.saturating_sub(ticks));
            if self.rstc.get() & WRCFG == FULL_RESET && before > 0 && self.left.get() == 0 {
                self.resets.set(self.resets.get() + 1);
            }
        }
    }

    impl Registers for PowerManager {
        fn set_wdog(&self, value: u32) {
            if value >> 24 == 0x5a {
                // What does not fit into the field is cut off.
                self.left.set(u64::from(value & 0xf_ffff));
            }
        }

        fn rstc(&self) -> u32 {
            self.rstc.get()
        }

        fn set_rstc(&self, value: u32) {
            if value >> 24 == 0x5a {
                self.rstc.set(value & 0x00ff_ffff);
            }
        }
    }

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn it_resets_a_board_that_says_nothing_for_as_long_as_asked_and_no_sooner() {
        for seconds in 0..100 {
            let (manager, watchdog) = (PowerManager::new(), Watchdog::new());
            let patience = watchdog.start(&manager, Duration::from_secs(seconds));
            assert_eq!(patience.as_secs(), seconds.clamp(4, 15));
            manager.pass(patience.checked_sub(MILLISECOND).unwrap());
            assert_eq!(manager.resets.get(), 0, "{seconds}");
            manager.pass(2 * MILLISECOND);
            assert_eq!(manager.resets.get(), 1, "{seconds}");
        }
    }

    #[test]
    fn the_heartbeat_feeds_it_in_time_and_when_the_heart_stops_it_runs_out() {
        let (manager, watchdog) = (PowerManager::new(), Watchdog::new());
        let patience = watchdog.start(&manager, Duration::from_secs(1));
        for _ in 0..100 {
            for step in Signal::Running(Network::NoAdapter).pattern() {
                watchdog.feed(&manager);
                // Woken late by as much again, which is a lot.
                manager.pass(2 * Duration::from_millis(u64::from(*step)));
            }
        }
        assert_eq!(manager.resets.get(), 0);
        manager.pass(patience);
        assert_eq!(manager.resets.get(), 1);
    }

    #[test]
    fn one_that_is_off_stays_off_whoever_feeds_it() {
        let (manager, watchdog) = (PowerManager::new(), Watchdog::new());
        watchdog.feed(&manager);
        assert_eq!((manager.rstc.get(), manager.left.get()), (OTHERS, 0));
        watchdog.start(&manager, Duration::from_secs(15));
        assert!(watchdog.is_running());
        watchdog.stop(&manager);
        assert!(!watchdog.is_running());
        watchdog.feed(&manager);
        manager.pass(Duration::from_secs(100));
        assert_eq!(manager.resets.get(), 0);
    }

    #[test]
    fn what_else_is_in_rstc_stays() {
        let (manager, watchdog) = (PowerManager::new(), Watchdog::new());
        watchdog.start(&manager, Duration::from_secs(15));
        assert_eq!(manager.rstc.get(), OTHERS | FULL_RESET);
        watchdog.stop(&manager);
        assert_eq!(manager.rstc.get(), OTHERS);
    }
}
