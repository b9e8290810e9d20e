//! How `poweroff` and `reboot` have the first process end everything in order.

use rt::process::send_signal;
use rt::rustix::process::Signal;
use rt::rustix::thread::nanosleep;
use rt::rustix::time::Timespec;
use rt::signal::{Action, set_action};

/// Longer than the first process gives the others.
const PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// Asks the first process by a signal: USR2 turns the machine off, TERM starts it again. Returns
/// when it has not done so, being another program or stuck.
pub fn ask(signal: Signal) {
    // What the first process tells all programs is not for this one.
    for signal in [Signal::TERM, Signal::HUP] {
        let _ = set_action(signal, Action::Ignore);
    }
    if send_signal(1, signal.as_raw()).is_ok() {
        let _ = nanosleep(&PATIENCE);
    }
}
