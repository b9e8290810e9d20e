//! Clocks, sleeping, the interval timer: clock_gettime(2), clock_nanosleep(2), setitimer(2).

use super::arguments::Arguments;
use super::errno::Errno;
use super::user_memory::{UserPtr, plain};
use crate::fs::proc::system::since_boot;
use crate::process::Process;
use crate::time::{self, Duration, Instant};
use linux_raw_sys::general::{
    CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_RAW,
    CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI,
    CLOCK_THREAD_CPUTIME_ID, ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, TIMER_ABSTIME,
};

/// `struct timespec`: seconds and nanoseconds. `struct timeval` is the same with microseconds.
pub(super) type Timespec = [i64; 2];
/// `struct itimerval`: the interval, then the time that is left.
type IntervalTimer = [i64; 4];

plain!(Timespec, IntervalTimer);

const NANOSECONDS: i64 = 1_000_000_000;
const MICROSECONDS: i64 = 1_000_000;
/// Resolution of the clocks: the counter runs at 19.2 MHz or more, and Linux says 1 ns as well.
const RESOLUTION: Timespec = [0, 1];

/// `EINVAL` for negative seconds and nanoseconds out of range.
pub(super) fn duration_from([seconds, nanoseconds]: Timespec) -> Result<Duration, Errno> {
    if !(0..NANOSECONDS).contains(&nanoseconds) {
        return Err(Errno::INVAL);
    }
    let seconds = u64::try_from(seconds).map_err(|_| Errno::INVAL)?;
    Ok(Duration::new(seconds, nanoseconds as u32))
}

/// A duration as the structure.
pub(super) fn timespec_from(duration: Duration) -> Timespec {
    [i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), i64::from(duration.subsec_nanos())]
}

/// A duration in seconds and microseconds.
pub(super) fn timeval_from(duration: Duration) -> Timespec {
    [i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), i64::from(duration.subsec_micros())]
}

/// An optional time limit that begins now: `None` waits for ever.
pub(super) fn deadline(limit: UserPtr<Timespec>) -> Result<Option<Instant>, Errno> {
    let Some(limit) = limit.present() else { return Ok(None) };
    Ok(Some(time::now() + duration_from(limit.read()?)?))
}

fn read_clock(process: &Process, clock: u32) -> Result<Duration, Errno> {
    Ok(match clock {
        CLOCK_REALTIME | CLOCK_REALTIME_COARSE | CLOCK_TAI => time::realtime(),
        CLOCK_MONOTONIC | CLOCK_MONOTONIC_RAW | CLOCK_MONOTONIC_COARSE | CLOCK_BOOTTIME => {
            since_boot()
        }
        CLOCK_PROCESS_CPUTIME_ID | CLOCK_THREAD_CPUTIME_ID => {
            let times = process.times();
            times.user + times.system
        }
        _ => return Err(Errno::INVAL),
    })
}

pub(super) fn clock_gettime(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let now = read_clock(process, arguments.unsigned(0))?;
    arguments.pointer(1).write(&timespec_from(now))?;
    Ok(0)
}

pub(super) fn clock_settime(arguments: Arguments) -> Result<usize, Errno> {
    if arguments.unsigned(0) != CLOCK_REALTIME {
        return Err(Errno::INVAL);
    }
    time::set_realtime(duration_from(arguments.pointer::<Timespec>(1).read()?)?);
    Ok(0)
}

pub(super) fn clock_getres(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    read_clock(process, arguments.unsigned(0))?;
    if let Some(to) = arguments.pointer::<Timespec>(1).present() {
        to.write(&RESOLUTION)?;
    }
    Ok(0)
}

pub(super) fn gettimeofday(arguments: Arguments) -> Result<usize, Errno> {
    if let Some(to) = arguments.pointer::<Timespec>(0).present() {
        to.write(&timeval_from(time::realtime()))?;
    }
    if let Some(zone) = arguments.pointer::<[i32; 2]>(1).present() {
        zone.write(&[0, 0])?;
    }
    Ok(0)
}

pub(super) fn settimeofday(arguments: Arguments) -> Result<usize, Errno> {
    if let Some(from) = arguments.pointer::<Timespec>(0).present() {
        time::set_realtime(duration_from_timeval(from.read()?)?);
    }
    Ok(0)
}

fn duration_from_timeval([seconds, microseconds]: Timespec) -> Result<Duration, Errno> {
    if !(0..MICROSECONDS).contains(&microseconds) {
        return Err(Errno::INVAL);
    }
    duration_from([seconds, microseconds * 1000])
}

/// Sleeps until `deadline`. A signal ends it with `EINTR`, and `remaining` is then told how long
/// it would have been.
async fn sleep_until(
    process: &Process,
    deadline: Instant,
    remaining: Option<UserPtr<Timespec>>,
) -> Result<usize, Errno> {
    match process.interruptible(time::sleep_until(deadline)).await {
        Ok(()) => Ok(0),
        Err(error) => {
            if let Some(remaining) = remaining {
                let left = deadline.saturating_since(time::now());
                remaining.write(&timespec_from(left))?;
            }
            Err(error.never_restart())
        }
    }
}

pub(super) async fn nanosleep(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let duration = duration_from(arguments.pointer::<Timespec>(0).read()?)?;
    sleep_until(process, time::now() + duration, arguments.pointer(1).present()).await
}

/// clock_nanosleep(2). The clock of day is not followed when somebody sets it meanwhile.
pub(super) async fn clock_nanosleep(
    process: &Process,
    arguments: Arguments,
) -> Result<usize, Errno> {
    let (clock, flags) = (arguments.unsigned(0), arguments.unsigned(1));
    let duration = duration_from(arguments.pointer::<Timespec>(2).read()?)?;
    if matches!(clock, CLOCK_PROCESS_CPUTIME_ID | CLOCK_THREAD_CPUTIME_ID) {
        return Err(Errno::OPNOTSUPP);
    }
    let now = read_clock(process, clock)?;
    if flags & TIMER_ABSTIME != 0 {
        return sleep_until(process, time::now() + duration.saturating_sub(now), None).await;
    }
    sleep_until(process, time::now() + duration, arguments.pointer(3).present()).await
}

/// The timers of processor time are always off.
fn is_other_timer(which: u32) -> Result<bool, Errno> {
    match which {
        ITIMER_REAL => Ok(false),
        ITIMER_VIRTUAL | ITIMER_PROF => Ok(true),
        _ => Err(Errno::INVAL),
    }
}

fn interval_timer((left, interval): (Duration, Duration)) -> IntervalTimer {
    let ([a, b], [c, d]) = (timeval_from(interval), timeval_from(left));
    [a, b, c, d]
}

pub(super) fn getitimer(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let other = is_other_timer(arguments.unsigned(0))?;
    let value = if other { [0; 4] } else { interval_timer(process.alarm().get()) };
    arguments.pointer(1).write(&value)?;
    Ok(0)
}

pub(super) fn setitimer(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let new = match arguments.pointer::<IntervalTimer>(1).present() {
        Some(new) => new.read()?,
        None => [0; 4],
    };
    let interval = duration_from_timeval([new[0], new[1]])?;
    let first = duration_from_timeval([new[2], new[3]])?;
    let old = if is_other_timer(arguments.unsigned(0))? {
        if first > Duration::ZERO {
            return Err(Errno::INVAL);
        }
        [0; 4]
    } else {
        let first = (first > Duration::ZERO).then_some(first);
        interval_timer(process.alarm().set(first, interval))
    };
    if let Some(to) = arguments.pointer::<IntervalTimer>(2).present() {
        to.write(&old)?;
    }
    Ok(0)
}
