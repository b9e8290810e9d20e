//! What the terminal asks of processes: who calls, and whom its keys signal.

use super::signal::{Disposition, Signal};
use super::{group, table};

/// The process that makes a request of the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Its session.
    pub session: i32,
    /// Its group.
    pub group: i32,
    /// Whether it leads its session.
    pub leads_session: bool,
}

impl Caller {
    /// The process that runs, if one does.
    pub fn current() -> Option<Self> {
        let process = table::current()?;
        let family = process.family();
        Some(Self {
            session: family.session,
            group: family.group,
            leads_session: family.session == process.pid(),
        })
    }
}

/// Whether `signal` (SIGTTIN, SIGTTOU) stops the process that runs: not when it ignores or blocks
/// that, or nobody could continue it.
pub fn must_stop_for(caller: Caller, signal: Signal) -> bool {
    let Some(process) = table::current() else { return false };
    let signals = process.signals().borrow();
    let ignored = signals.action(signal).disposition() == Disposition::Ignore;
    !ignored && !signals.blocked.contains(signal) && !group::is_orphaned(caller.group)
}

/// Whether a group belongs to a session.
pub fn group_is_in_session(group: i32, session: i32) -> bool {
    group::is_in_session(group, session)
}

/// Sends a signal to a group.
pub fn signal_group(group: i32, signal: Signal) {
    for member in group::members(group) {
        member.raise(signal);
    }
}
