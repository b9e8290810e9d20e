//! The shell on the console: started, waited for, started again.

use core::time::Duration;

use rt::descriptor;
use rt::process::{Fork, Vector, execute, fork};
use rt::rustix::fs::{Mode, OFlags, open};
use rt::rustix::io::{Errno, fcntl_getfd};
use rt::rustix::process::{Pid, WaitOptions, ioctl_tiocsctty, setsid, wait};
use rt::rustix::thread::{NanosleepRelativeResult, nanosleep};
use rt::rustix::time::Timespec;
use rt::{ExitCode, strerror};

use crate::daemons::Daemons;
use crate::ending::{self, Requests};

/// What programs find in their environment.
pub(crate) const ENVIRONMENT: [&str; 4] = ["PATH=/bin", "HOME=/", "TERM=vt100", "PS1=$ "];

/// A shell that ends sooner than this after its start is started again only after a pause, so that
/// one that cannot run at all does not keep the machine busy.
const SHORT_LIFE: Duration = Duration::from_secs(1);

/// Makes sure that descriptors 0, 1 and 2 lead somewhere: to the console.
pub(crate) fn open_console() {
    for (fd, borrowed) in
        [(0, rt::input::stdin()), (1, rt::output::stdout()), (2, rt::output::stderr())]
    {
        if fcntl_getfd(borrowed) == Err(Errno::BADF) {
            // Without a console there is nobody to tell.
            let _ = open("/dev/console", OFlags::RDWR, Mode::empty())
                .and_then(|console| descriptor::place(console, fd));
        }
    }
}

/// Starts `/bin/sh` again and again; returns only when no process can be made at all.
pub(crate) fn keep_running(mut daemons: Daemons, requests: Requests) -> ExitCode {
    loop {
        let started = now();
        let shell = match start(requests) {
            Ok(shell) => shell,
            Err(error) => {
                rt::warn!("cannot start the shell: {}", strerror(error));
                sleep(SHORT_LIFE);
                continue;
            }
        };
        wait_for(shell, &mut daemons, requests);
        if now().saturating_sub(started) < SHORT_LIFE {
            sleep(SHORT_LIFE);
        }
    }
}

fn start(requests: Requests) -> Result<Pid, Errno> {
    match fork()? {
        Fork::Parent(pid) => Ok(pid),
        Fork::Child => {
            requests.restore();
            // The shell leads a session of its own, so that ^C reaches what it runs and not this
            // process. A kernel without sessions has nothing to separate.
            let _ = setsid();
            // The console becomes its controlling terminal: that is what keys signal through.
            if let Err(error) = ioctl_tiocsctty(rt::input::stdin()) {
                rt::warn!("no control over the console: {}", strerror(error));
            }
            let error = Vector::new(["sh"]).and_then(|arguments| {
                let environment = Vector::new(ENVIRONMENT)?;
                Ok(execute(c"/bin/sh", &arguments, &environment))
            });
            let error = error.unwrap_or_else(|error| error);
            rt::warn!("/bin/sh: {}", strerror(error));
            rt::exit::exit_now(ExitCode(127))
        }
    }
}

/// Waits for `shell`, and on the way for whatever else ends. Ends the machine when that is wanted.
fn wait_for(shell: Pid, daemons: &mut Daemons, requests: Requests) {
    loop {
        if let Some(command) = ending::wanted() {
            ending::end(command, requests, daemons);
        }
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, _))) if pid == shell => return,
            Ok(Some((pid, _))) => daemons.ended(pid),
            Ok(None) => requests.sleep(None),
            Err(Errno::INTR) => {}
            // There is no child any more: somebody else has waited for the shell.
            Err(_) => return,
        }
    }
}

/// Time since the system was started.
pub(crate) fn now() -> Duration {
    let time = rt::rustix::time::clock_gettime(rt::rustix::time::ClockId::Monotonic);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Sleeps for that long.
pub(crate) fn sleep(duration: Duration) {
    let mut left =
        Timespec { tv_sec: duration.as_secs() as i64, tv_nsec: i64::from(duration.subsec_nanos()) };
    while let NanosleepRelativeResult::Interrupted(remaining) = nanosleep(&left) {
        left = remaining;
    }
}
