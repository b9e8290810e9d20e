//! The user's wish to stop: a signal that a program takes note of, to end in good order.

use core::sync::atomic::{AtomicBool, Ordering};

use rt::signal::{Action, set_action};
use rustix::io::Errno;
use rustix::process::Signal;

/// How long a program sleeps at most before it looks again, microseconds: a signal that comes just
/// before the sleep does not end it.
pub const LONGEST_WAIT: u64 = 500_000;

/// A signal came.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn on_signal(_: i32) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// From now on these signals are noted; a system call that sleeps ends with EINTR.
pub fn note(signals: &[Signal]) -> Result<(), Errno> {
    signals.iter().try_for_each(|signal| set_action(*signal, Action::Handle(on_signal)))
}

/// Whether one of them came.
#[must_use]
pub fn came() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
