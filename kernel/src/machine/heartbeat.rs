//! Signs of life: the activity LED, and the watchdog, which resets the board when they end.
//!
//! One task does both. It runs as long as the executor polls tasks and the timer wakes them, which
//! is what "alive" means here.

use super::signal::{Fault, Network, Signal};
use crate::board::{firmware, interrupt, led, power, watchdog};
use crate::net::with_stack;
use crate::time::{self, Duration, Instant};
use crate::{boot_arguments, executor};
use core::sync::atomic::{AtomicBool, Ordering};

/// How long the kernel may be silent before the board is reset, unless the boot argument `watchdog=`
/// says otherwise.
const PATIENCE: Duration = Duration::from_secs(15);

/// The first program runs.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// Starts them. Boot argument `watchdog=SECONDS`; 0 leaves the watchdog off.
pub(crate) fn start() {
    start_watchdog();
    if led::exists() || watchdog::is_running() {
        executor::spawn("heartbeat", run());
    }
}

/// From now on the LED tells of the network.
pub(crate) fn programs_run() {
    RUNNING.store(true, Ordering::Relaxed);
}

fn start_watchdog() {
    let patience = match boot_arguments::get("watchdog").map(str::parse) {
        None => PATIENCE,
        Some(Ok(seconds)) => Duration::from_secs(seconds),
        Some(Err(_)) => {
            log::warn!("boot argument watchdog: not a number of seconds");
            PATIENCE
        }
    };
    // An emulator's watchdog does not count: it resets at once.
    if patience.is_zero() || firmware::is_emulated() {
        return;
    }
    let patience = watchdog::start(patience);
    log::info!(target: "kernel", "watchdog: resets the board after {} s of silence", patience.as_secs());
}

async fn run() {
    loop {
        for (step, millis) in signal().pattern().iter().enumerate() {
            led::set(step % 2 == 0);
            watchdog::feed();
            time::sleep(Duration::from_millis(u64::from(*millis))).await;
        }
    }
}

fn signal() -> Signal {
    if !RUNNING.load(Ordering::Relaxed) {
        return Signal::Booting;
    }
    let network = with_stack(|stack| {
        let mut network = Network::NoAdapter;
        for adapter in stack.interfaces().filter(|i| !i.is_loopback() && i.is_running()) {
            let mut addresses = adapter.addresses();
            if addresses.any(|info| !info.address.is_unicast_link_local()) {
                return Network::Global;
            }
            network = Network::LinkLocal;
        }
        network
    });
    Signal::Running(network)
}

/// Shows a panic until `end`, then restarts; for ever without one. Interrupts are masked for good,
/// and whatever the kernel was doing stays undone, so only registers are used here.
pub(crate) fn show_panic(fault: Fault, end: Option<Instant>) -> ! {
    let is_over = || end.is_some_and(|end| time::now() >= end);
    if end.is_none() && !led::exists() {
        watchdog::stop();
        crate::arch::aarch64::cpu::halt();
    }
    loop {
        for (step, millis) in Signal::Panic(fault).pattern().iter().enumerate() {
            led::set(step % 2 == 0);
            watchdog::feed();
            let step_end = time::now() + Duration::from_millis(u64::from(*millis));
            interrupt::sleep_masked(end.map_or(step_end, |end| end.min(step_end)));
            if is_over() {
                power::restart();
            }
        }
    }
}
