//! The clocks: time since boot, and the time of day.

pub use crate::executor::{Elapsed, sleep, sleep_until, timeout};
pub use net::time::{Duration, Instant};

use crate::sync::TaskCell;

/// Time of day when the clock since boot stood at zero. The board has no battery-backed clock, so
/// it starts at the epoch, as Linux does there.
static REALTIME_AT_BOOT: TaskCell<Duration> = TaskCell::new(Duration::ZERO);

/// Time since boot; never goes back.
#[cfg(target_os = "none")]
pub fn now() -> Instant {
    crate::arch::aarch64::timer::now()
}

#[cfg(not(target_os = "none"))]
std::thread_local!(static HOST_CLOCK: core::cell::Cell<Instant> =
    const { core::cell::Cell::new(Instant::from_secs(1)) });

/// Time since boot; never goes back. On the host a clock of this thread that only
/// [`advance`] moves.
#[cfg(not(target_os = "none"))]
pub fn now() -> Instant {
    HOST_CLOCK.get()
}

/// Moves the host's clock of this thread.
#[cfg(not(target_os = "none"))]
pub fn advance(duration: Duration) {
    HOST_CLOCK.set(HOST_CLOCK.get() + duration);
}

/// Time of day: since 1970-01-01 00:00:00 UTC, without leap seconds.
pub fn realtime() -> Duration {
    let since_boot = Duration::from_nanos(now().as_nanos());
    REALTIME_AT_BOOT.with(|at_boot| at_boot.saturating_add(since_boot))
}

/// Sets the time of day. A time before the boot would need a negative start: the start then stays
/// at the epoch.
pub fn set_realtime(realtime: Duration) {
    let since_boot = Duration::from_nanos(now().as_nanos());
    REALTIME_AT_BOOT.with(|at_boot| *at_boot = realtime.saturating_sub(since_boot));
}

/// Busy-waits, for the few microseconds that hardware asks for. Anything longer sleeps.
#[cfg(target_os = "none")]
pub fn spin(duration: Duration) {
    let end = now() + duration;
    while now() < end {
        core::hint::spin_loop();
    }
}
