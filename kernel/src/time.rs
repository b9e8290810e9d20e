//! The clocks: time since boot, and the time of day.

pub use crate::executor::{Elapsed, sleep, sleep_until, timeout};
pub use net::time::{Duration, Instant};

use crate::sync::TaskCell;

/// Time of day when the clock since boot stood at zero. The board has no battery-backed clock, so
/// it starts at the epoch, as Linux does there, unless the boot argument `clock=` tells it.
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

/// Takes the time of day from the boot argument `clock=SECONDS[.FRACTION]`: when the machine was
/// turned on, since 1970, as who boots it in an emulator knows it.
pub fn initialize_realtime() {
    let Some(text) = crate::boot_arguments::get("clock") else { return };
    match seconds(text) {
        Some(at_boot) => REALTIME_AT_BOOT.with(|time| *time = at_boot),
        None => log::warn!("clock={text} is no number of seconds: it is 1970"),
    }
}

/// A number of seconds, with up to nine decimals.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    // More would not fit the 64-bit nanoseconds that clocks are compared in.
    let whole = u64::from(whole.parse::<u32>().ok()?);
    let scale = 10_u32.pow(9 - fraction.len() as u32);
    Some(Duration::new(whole, fraction.parse::<u32>().ok()? * scale))
}

/// Busy-waits, for the few microseconds that hardware asks for. Anything longer sleeps.
#[cfg(target_os = "none")]
pub fn spin(duration: Duration) {
    let end = now() + duration;
    while now() < end {
        core::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_with_decimals() {
        assert_eq!(seconds("1795730000"), Some(Duration::from_secs(1_795_730_000)));
        assert_eq!(seconds("7.05"), Some(Duration::from_millis(7050)));
        assert_eq!(seconds("7.123456789"), Some(Duration::new(7, 123_456_789)));
        assert_eq!(
            seconds("4294967295.999999999"),
            Some(Duration::new(u32::MAX.into(), 999_999_999))
        );
        for wrong in ["", ".", "1.", ".5", "-1", "+1", "1.+5", "1e3", "4294967296", "1.1234567890"]
        {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
