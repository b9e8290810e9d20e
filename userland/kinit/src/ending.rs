//! The end of the machine, as `poweroff` and `reboot` ask for it: programs are told first, so that
//! they can say good-bye to the network (RFC 6762 section 10.1), and have a while for that, no more.

use core::sync::atomic::{AtomicI32, Ordering};
use core::time::Duration;

use rt::process::send_signal;
use rt::rustix::fs::sync;
use rt::rustix::io::Errno;
use rt::rustix::process::{Signal, WaitOptions, wait};
use rt::rustix::system::{RebootCommand, reboot};
use rt::rustix::time::Timespec;
use rt::signal::{Action, Mask, block, poll, set_action, set_mask};
use rt::strerror;

use crate::daemons::Daemons;
use crate::shell::{now, sleep};

/// The signals that ask, as with other small first processes.
const POWER_OFF: Signal = Signal::USR2;
const RESTART: Signal = Signal::TERM;

/// How long the programs in the background have for their good-byes.
const GOOD_BYE: Duration = Duration::from_secs(2);
/// How long what remains has to be gone.
const LAST: Duration = Duration::from_secs(1);
/// What was sent last leaves meanwhile.
const DRAIN: Duration = Duration::from_millis(50);

/// The number of the signal that came, 0 before.
static WANTED: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_request(number: i32) {
    WANTED.store(number, Ordering::Relaxed);
}

/// A child's end: waking up is all it has to do.
extern "C" fn on_child(_: i32) {}

/// Requests and ends of children, which this process notices where it sleeps and nowhere else.
#[derive(Clone, Copy)]
pub(crate) struct Requests {
    /// What was blocked before, and is while it sleeps.
    asleep: Mask,
}

impl Requests {
    /// Takes note of them from now on.
    pub(crate) fn note() -> Self {
        let note = || {
            let all = [POWER_OFF, RESTART, Signal::CHILD];
            let bits = all.iter().fold(0, |bits, signal| bits | Mask::of(*signal).0);
            let asleep = block(Mask(bits))?;
            set_action(POWER_OFF, Action::Handle(on_request))?;
            set_action(RESTART, Action::Handle(on_request))?;
            set_action(Signal::CHILD, Action::Handle(on_child))?;
            Ok::<_, Errno>(Mask(asleep.0 & !bits))
        };
        let asleep = note().unwrap_or_else(|error| {
            rt::warn!("signals: {}", strerror(error));
            Mask(0)
        });
        Self { asleep }
    }

    /// In a new process: what it has blocked is what this one had.
    pub(crate) fn restore(self) {
        let _ = set_mask(self.asleep);
    }

    /// Sleeps until there is something to notice, or the time is over.
    pub(crate) fn sleep(self, limit: Option<Duration>) {
        let limit = limit.map(|limit| Timespec {
            tv_sec: limit.as_secs() as i64,
            tv_nsec: i64::from(limit.subsec_nanos()),
        });
        // It ends with EINTR, or with nothing.
        let _ = poll(&mut [], limit.as_ref(), self.asleep);
    }
}

/// What is asked for.
pub(crate) fn wanted() -> Option<RebootCommand> {
    match WANTED.load(Ordering::Relaxed) {
        0 => None,
        number if number == POWER_OFF.as_raw() => Some(RebootCommand::PowerOff),
        _ => Some(RebootCommand::Restart),
    }
}

/// Ends everything, and the machine. Returns only when that fails.
pub(crate) fn end(command: RebootCommand, requests: Requests, daemons: &mut Daemons) {
    tell_all(Signal::TERM);
    reap(requests, GOOD_BYE, |child| {
        if let Some(child) = child {
            daemons.forget(child);
        }
        daemons.are_gone()
    });
    tell_all(Signal::KILL);
    reap(requests, LAST, |_| false);
    sleep(DRAIN);
    sync();
    if let Err(error) = reboot(command) {
        rt::warn!("{}", strerror(error));
    }
    WANTED.store(0, Ordering::Relaxed);
}

/// A signal for all but this process; it is no mistake that there is nobody.
fn tell_all(signal: Signal) {
    let _ = send_signal(-1, signal.as_raw());
}

/// Waits for children until `is_over` of those that ended, there are no more, or the time is over.
fn reap(
    requests: Requests,
    limit: Duration,
    mut is_over: impl FnMut(Option<rt::rustix::process::Pid>) -> bool,
) {
    let deadline = now() + limit;
    let mut over = is_over(None);
    while !over {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((child, _))) => over = is_over(Some(child)),
            Ok(None) => {
                let left = deadline.saturating_sub(now());
                over = left.is_zero();
                requests.sleep(Some(left));
            }
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
