//! Waiting for children: wait4(2), waitid(2).

use super::object::{Process, RunState};
use super::signal::{Cause, Sent, Signal};
use super::status::Change;
use super::{kill, table};
use crate::syscall::errno::Errno;
use alloc::rc::Rc;

/// Which children are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Any.
    Any,
    /// This one.
    Process(i32),
    /// Those of this group.
    Group(i32),
}

/// Which changes are meant, and whether to wait for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of wait4(2)")]
pub struct WaitOptions {
    /// Children that have ended.
    pub ended: bool,
    /// Children that a signal has stopped.
    pub stopped: bool,
    /// Children that go on.
    pub continued: bool,
    /// Do not wait.
    pub no_hang: bool,
    /// Look only: the change can be waited for again.
    pub keep: bool,
}

/// Tells the parent of a change: SIGCHLD, and whoever waits.
pub(super) fn report(process: &Process, change: Change) {
    let Some(parent) = table::find(process.family().parent) else { return };
    let is_end = matches!(change, Change::Ended(_));
    if !is_end {
        process.unreported.set(Some(change));
    }
    let signal = if is_end { process.exit_signal } else { Some(Signal::CHLD) };
    let wanted = is_end || parent.signals.borrow().reports_stops();
    if let Some(signal) = signal
        && wanted
    {
        let (code, status) = change.child_code();
        let cause = Cause::Child { code, pid: process.pid(), status };
        kill::send(&parent, Sent { signal, cause });
    }
    parent.children_changed.wake_all();
}

fn change_of(child: &Process, options: WaitOptions) -> Option<Change> {
    if let RunState::Zombie(status) = child.state.get() {
        return options.ended.then_some(Change::Ended(status));
    }
    let change = child.unreported.get()?;
    let wanted = match change {
        Change::Stopped(_) => options.stopped,
        Change::Continued => options.continued,
        Change::Ended(_) => false,
    };
    wanted.then_some(change)
}

/// A child and what became of it, or that there is none of that kind (`ECHILD`).
fn look(
    parent: &Process,
    wanted: Wanted,
    options: WaitOptions,
) -> Option<Result<(Rc<Process>, Change), Errno>> {
    let mut any = false;
    for child in table::all() {
        let family = child.family();
        let matches = match wanted {
            Wanted::Any => true,
            Wanted::Process(pid) => child.pid() == pid,
            Wanted::Group(group) => family.group == group,
        };
        if family.parent != parent.pid() || !matches {
            continue;
        }
        any = true;
        if let Some(change) = change_of(&child, options) {
            return Some(Ok((child, change)));
        }
    }
    if any { None } else { Some(Err(Errno::CHILD)) }
}

/// Waits for a child. `None` with `no_hang` when none has changed.
pub async fn wait(
    parent: &Process,
    wanted: Wanted,
    options: WaitOptions,
) -> Result<Option<(Rc<Process>, Change)>, Errno> {
    let found = if options.no_hang {
        match look(parent, wanted, options) {
            Some(found) => found?,
            None => return Ok(None),
        }
    } else {
        let changed = parent.children_changed.wait_until(|| look(parent, wanted, options));
        parent.interruptible(changed).await??
    };
    let (child, change) = found;
    if !options.keep {
        match change {
            Change::Ended(_) => reap(parent, &child),
            Change::Stopped(_) | Change::Continued => child.unreported.set(None),
        }
    }
    Ok(Some((child, change)))
}

/// Takes an ended child out of the table and adds up its times.
pub(super) fn reap(parent: &Process, child: &Process) {
    let theirs = child.times();
    parent.charge(|times| {
        times.children_user += theirs.user + theirs.children_user;
        times.children_system += theirs.system + theirs.children_system;
    });
    table::remove(child.pid());
}
