//! How `poweroff` and `reboot` end the system: by the first process, in order, or at once.

use rt::options::{Item, Opt, Tool};
use rt::process::send_signal;
use rt::rustix::fs::sync;
use rt::rustix::process::Signal;
use rt::rustix::system::{RebootCommand, reboot};
use rt::rustix::thread::nanosleep;
use rt::rustix::time::Timespec;
use rt::signal::{Action, set_action};
use rt::{Arguments, ExitCode, strerror};

/// Longer than the first process gives the others.
const PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// What both programs offer.
pub static OPTIONS: [Opt; 1] =
    [Opt::flag('f', "force", "do it at once, without telling any program")];

/// Ends the system as the arguments say: has the first process do it, told by `signal`, or, if that
/// does not or must not, the kernel by `command`. Returns when even that failed.
pub fn end(
    tool: &'static Tool,
    arguments: Arguments,
    signal: Signal,
    command: RebootCommand,
) -> ExitCode {
    let mut force = false;
    for item in tool.parse(arguments) {
        match item {
            Item::Operand(operand) => tool.extra_operand(operand),
            Item::Option(..) | Item::Long(..) => force = true,
        }
    }
    if !force {
        ask(signal);
    }
    sync();
    // It returns only when it failed.
    match reboot(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => rt::fail!(1, "{}", strerror(error)),
    }
}

/// Asks the first process by a signal: USR2 turns the machine off, TERM starts it again. Returns
/// when it has not done so, being another program or stuck.
fn ask(signal: Signal) {
    // What the first process tells all programs is not for this one.
    for signal in [Signal::TERM, Signal::HUP] {
        let _ = set_action(signal, Action::Ignore);
    }
    if send_signal(1, signal.as_raw()).is_ok() {
        let _ = nanosleep(&PATIENCE);
    }
}
