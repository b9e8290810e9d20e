//! The time that programs measure with.

use rustix::event::Timespec;
use rustix::time::{ClockId, clock_gettime};

/// Microseconds in a second.
pub const SECOND: u64 = 1_000_000;

fn read(id: ClockId) -> u64 {
    let time = clock_gettime(id);
    (time.tv_sec as u64).wrapping_mul(SECOND).wrapping_add(time.tv_nsec as u64 / 1000)
}

/// Microseconds of the monotonic clock.
#[must_use]
pub fn now() -> u64 {
    read(ClockId::Monotonic)
}

/// Microseconds since 1970.
#[must_use]
pub fn wall() -> u64 {
    read(ClockId::Realtime)
}

/// A time in microseconds as system calls take it.
#[must_use]
pub fn timespec(microseconds: u64) -> Timespec {
    Timespec {
        tv_sec: (microseconds / 1_000_000) as i64,
        tv_nsec: (microseconds % 1_000_000 * 1000) as _,
    }
}

#[cfg(test)]
mod tests {
    use super::timespec;

    #[test]
    fn microseconds_become_seconds_and_nanoseconds() {
        let time = timespec(3_000_007);
        assert_eq!((time.tv_sec, time.tv_nsec), (3, 7000));
    }
}
