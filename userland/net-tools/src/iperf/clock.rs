//! Times of the measurement: microseconds of the monotonic clock.

use rustix::event::Timespec;
use rustix::time::{ClockId, clock_gettime};

/// Microseconds in a second.
pub const SECOND: u64 = 1_000_000;

fn read(id: ClockId) -> u64 {
    let time = clock_gettime(id);
    (time.tv_sec as u64).wrapping_mul(SECOND).wrapping_add(time.tv_nsec as u64 / 1000)
}

/// Now, on the clock that nobody sets.
#[must_use]
pub fn now() -> u64 {
    read(ClockId::Monotonic)
}

/// Now, since 1970: what datagrams carry.
#[must_use]
pub fn wall() -> u64 {
    read(ClockId::Realtime)
}

/// A span for poll(2).
#[must_use]
pub fn timespec(microseconds: u64) -> Timespec {
    Timespec {
        tv_sec: (microseconds / SECOND) as i64,
        tv_nsec: (microseconds % SECOND * 1000) as _,
    }
}
