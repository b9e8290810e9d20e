//! Sending signals: to a process, to a group, to all. See kill(2).

use super::object::{Process, RunState};
use super::signal::{Cause, Outcome, Sent, Signal};
use super::status::Change;
use super::{INIT, group, table, wait};
use crate::syscall::errno::Errno;

/// Sends `process` a signal.
pub fn send(process: &Process, sent: Sent) {
    if process.is_zombie() {
        return;
    }
    let outcome = process.signals.borrow_mut().send(sent);
    let stopped = matches!(process.state.get(), RunState::Stopped(_));
    let killed = sent.signal == Signal::KILL && outcome == Outcome::Deliverable;
    if stopped && (sent.signal == Signal::CONT || killed) {
        process.state.set(RunState::Active);
        if sent.signal == Signal::CONT {
            wait::report(process, Change::Continued);
        }
        process.signaled.wake_all();
    }
    if outcome == Outcome::Deliverable {
        process.signaled.wake_all();
    }
}

/// Sends a signal for a fault of the program itself, which it cannot hold back.
pub fn force(process: &Process, sent: Sent) {
    process.signals.borrow_mut().force(sent);
    process.signaled.wake_all();
}

/// Whom kill(2) addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// One process.
    Process(i32),
    /// A process group.
    Group(i32),
    /// Every process but the first and the caller.
    All,
}

impl Target {
    /// What kill(2)'s first argument means.
    pub fn new(pid: i32, caller: &Process) -> Option<Self> {
        Some(match pid {
            -1 => Self::All,
            0 => Self::Group(caller.family().group),
            1.. => Self::Process(pid),
            _ => Self::Group(pid.checked_neg()?),
        })
    }
}

/// kill(2): `ESRCH` when there is nobody. Without a signal it only looks.
pub fn kill(caller: &Process, target: Target, signal: Option<Signal>) -> Result<(), Errno> {
    let cause = Cause::User { sender: caller.pid() };
    let mut found = false;
    let mut visit = |process: &Process| {
        found = true;
        if let Some(signal) = signal {
            send(process, Sent { signal, cause });
        }
    };
    match target {
        Target::Process(pid) => {
            if let Some(process) = table::find(pid) {
                visit(&process);
            }
        }
        Target::Group(group) => group::members(group).iter().for_each(|member| visit(member)),
        Target::All => table::all()
            .iter()
            .filter(|process| process.pid() != INIT && process.pid() != caller.pid())
            .for_each(|process| visit(process)),
    }
    if found { Ok(()) } else { Err(Errno::SRCH) }
}
