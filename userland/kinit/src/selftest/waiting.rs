//! Waiting with a limit: no test may take for ever, and none sleeps where it can look.

use alloc::format;
use alloc::string::String;
use core::ptr;
use core::time::Duration;

use linux_raw_sys::general::{__NR_setitimer, ITIMER_REAL, itimerval, timeval};
use rt::ExitCode;
use rt::rustix::fd::BorrowedFd;
use rt::rustix::io::Errno;
use rt::rustix::process::Signal;
use rt::rustix::time::{ClockId, Timespec, clock_gettime};
use rustix::event::{PollFd, PollFlags, poll};

use super::because;

/// How long a test waits for something that takes no time on a machine with nothing else to do.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How long a test may take altogether before the run is given up. It ends a test that waits in
/// the kernel for something that never comes.
const LIMIT: Duration = Duration::from_secs(100);

/// How long to wait between two looks.
const STEP: Duration = Duration::from_millis(5);

/// Time since the system was started.
pub(super) fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Time since then.
pub(super) fn since(start: Duration) -> Duration {
    now().saturating_sub(start)
}

/// A duration as system calls take it.
pub(super) fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: duration.as_secs() as i64, tv_nsec: i64::from(duration.subsec_nanos()) }
}

/// Sleeps; a signal may end it early.
pub(super) fn pause(duration: Duration) {
    let _ = rustix::thread::nanosleep(&timespec(duration));
}

/// Looks again and again until the look succeeds; when patience runs out, fails with what the last
/// look found instead.
pub(super) fn until<T>(mut look: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let deadline = now() + PATIENCE;
    loop {
        match look() {
            Err(problem) if now() >= deadline => {
                return Err(format!("{problem}\nstill so after {} s", PATIENCE.as_secs()));
            }
            Err(_) => pause(STEP),
            found => return found,
        }
    }
}

/// Waits until one of `events` is there; false when that takes longer than `limit`.
pub(super) fn is_ready(
    fd: BorrowedFd<'_>,
    events: PollFlags,
    limit: Duration,
) -> Result<bool, String> {
    let mut fds = [PollFd::from_borrowed_fd(fd, events)];
    loop {
        match poll(&mut fds, Some(&timespec(limit))) {
            Err(Errno::INTR) => {}
            result => return because("ppoll", result).map(|ready| ready > 0),
        }
    }
}

/// Ends everything when the test that begins now is still running after [`LIMIT`].
pub(super) fn begin_limit() -> Result<(), Errno> {
    extern "C" fn give_up(_signal: i32) {
        let text = b"Bail out! The test after the last one above does not end.\n";
        // Nobody is left to tell of a failure.
        let _ = rt::rustix::io::write(rt::output::stdout(), text);
        rt::exit::exit_now(ExitCode::FAILURE)
    }
    rt::signal::set_action(Signal::ALARM, rt::signal::Action::Handle(give_up))?;
    let once = timeval { tv_sec: 0, tv_usec: 0 };
    let limit = timeval { tv_sec: LIMIT.as_secs() as _, tv_usec: 0 };
    let timer = itimerval { it_interval: once, it_value: limit };
    let arguments =
        [ITIMER_REAL as usize, ptr::from_ref(&timer) as usize, ptr::null::<u8>() as usize, 0, 0, 0];
    // SAFETY: the kernel only reads `timer`, which lives through the call, and gives nothing back.
    unsafe { rt::syscall::syscall(__NR_setitimer, arguments) }.map(|_| ())
}
