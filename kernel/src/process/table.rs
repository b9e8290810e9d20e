//! All processes, by number, and the one that runs.

use super::object::Process;
use super::{INIT, PROCESSES_MAX};
use crate::sync::TaskCell;
use crate::syscall::errno::Errno;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// Numbers start again below this (`pid_max`).
const PID_MAX: i32 = 32768;

struct Table {
    processes: BTreeMap<i32, Rc<Process>>,
    last_pid: i32,
    /// Processes that there ever were, for sysinfo(2) and `/proc/stat`.
    created: u64,
}

static TABLE: TaskCell<Table> =
    TaskCell::new(Table { processes: BTreeMap::new(), last_pid: 0, created: 0 });

/// The process whose future is being polled.
static CURRENT: TaskCell<Option<Rc<Process>>> = TaskCell::new(None);

/// The process that runs, if one does: system calls and faults are its.
pub fn current() -> Option<Rc<Process>> {
    CURRENT.with(|current| current.clone())
}

/// Sets the process that runs.
pub(super) fn set_current(process: Option<Rc<Process>>) {
    let old = CURRENT.with(|current| core::mem::replace(current, process));
    // Dropping the last reference to a process may do anything, so not within the cell.
    drop(old);
}

/// A number that no process, group or session has; `EAGAIN` when there are too many processes.
pub(super) fn next_pid() -> Result<i32, Errno> {
    TABLE.with(|table| {
        if table.processes.len() >= PROCESSES_MAX {
            return Err(Errno::AGAIN);
        }
        loop {
            table.last_pid = if table.last_pid + 1 < PID_MAX { table.last_pid + 1 } else { 2 };
            let pid = table.last_pid;
            let taken = table.processes.values().any(|process| {
                let family = process.family();
                process.pid() == pid || family.group == pid || family.session == pid
            });
            if !taken {
                return Ok(pid);
            }
        }
    })
}

/// Adds a process.
pub(super) fn insert(process: Rc<Process>) {
    TABLE.with(|table| {
        table.created += 1;
        table.processes.insert(process.pid(), process);
    });
}

/// Takes a process out that has been waited for.
pub(super) fn remove(pid: i32) {
    let removed = TABLE.with(|table| table.processes.remove(&pid));
    drop(removed);
}

/// A process by number; zombies are found too.
pub fn find(pid: i32) -> Option<Rc<Process>> {
    TABLE.with(|table| table.processes.get(&pid).cloned())
}

/// All processes, by number.
pub fn all() -> Vec<Rc<Process>> {
    TABLE.with(|table| table.processes.values().cloned().collect())
}

/// The first process.
pub fn init() -> Option<Rc<Process>> {
    find(INIT)
}

/// How many processes there are, how many there ever were, and the newest one's number.
pub fn statistics() -> (usize, u64, i32) {
    TABLE.with(|table| (table.processes.len(), table.created, table.last_pid))
}
