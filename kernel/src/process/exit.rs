//! The end of a process: exit_group(2).

use super::object::{Family, Process, RunState};
use super::signal::Signal;
use super::status::{Change, ExitStatus};
use super::{INIT, futex, group, table, wait};
use crate::board::power;
use crate::fs::descriptor::{DescriptorLimit, DescriptorTable};
use crate::syscall::user_memory::UserPtr;
use crate::tty;
use alloc::rc::Rc;
use core::cell::RefCell;

/// Ends the process: everything it has goes, its children go to the first process, and its parent
/// is told. Runs as that process.
pub(super) fn finish(process: &Process, status: ExitStatus) {
    if process.pid() == INIT {
        end_of_system(status);
    }
    clear_child_tid(process);
    close_files(process);
    leave_memory(process);
    // A timer must not run on.
    process.alarm.set(None, crate::time::Duration::ZERO);
    release_terminal(process);
    give_children_away(process);
    process.state.set(RunState::Zombie(status));

    let parent = table::find(process.family().parent);
    let unwanted = parent.as_ref().is_none_or(|parent| {
        let ignores =
            process.exit_signal == Some(Signal::CHLD) && parent.signals.borrow().reaps_children();
        ignores || parent.is_zombie()
    });
    wait::report(process, Change::Ended(status));
    if unwanted {
        match parent {
            Some(parent) => wait::reap(&parent, process),
            None => table::remove(process.pid()),
        }
    }
}

/// Without its first process the system has nothing to do: its status becomes the machine's.
fn end_of_system(status: ExitStatus) -> ! {
    let code = match status {
        ExitStatus::Exited(code) => {
            log::info!("the first process has exited with status {code}");
            code
        }
        ExitStatus::Killed(signal) => {
            log::error!("the first process was killed by signal {}", signal.number());
            128 + signal.number()
        }
    };
    power::exit(code)
}

/// `CLONE_CHILD_CLEARTID`: whoever shares the memory learns that this thread is gone.
fn clear_child_tid(process: &Process) {
    let address = process.clear_child_tid.take();
    if address != 0
        && let Ok(memory) = process.address_space()
        && UserPtr::<u32>::new(address).write(&0).is_ok()
    {
        futex::wake(&memory, address, 1);
    }
}

fn close_files(process: &Process) {
    let empty = Rc::new(RefCell::new(DescriptorTable::new(DescriptorLimit::DEFAULT)));
    let closed = process.descriptors.replace(empty);
    // Closing may wake and signal others: nothing is borrowed meanwhile.
    drop(closed);
}

/// Leaves the memory, at the end or for that of a new program, and lets a parent go on that waits
/// for it (vfork(2)).
pub(super) fn leave_memory(process: &Process) {
    let memory = process.memory.take();
    drop(memory);
    process.shares_memory.set(false);
    process.memory_left.wake_all();
}

/// The end of a session leader takes the terminal away from the session.
fn release_terminal(process: &Process) {
    let family = process.family();
    if family.session == process.pid()
        && let Some(foreground) = tty::CONSOLE.detach(family.session)
    {
        for member in group::members(foreground) {
            if member.pid() != process.pid() {
                member.raise(Signal::HUP);
                member.raise(Signal::CONT);
            }
        }
    }
}

fn give_children_away(process: &Process) {
    let Some(init) = table::init() else { return };
    let mut zombies = false;
    for child in table::all() {
        let family = child.family();
        if family.parent != process.pid() {
            continue;
        }
        child.family.set(Family { parent: INIT, ..family });
        if child.is_zombie() {
            if init.signals.borrow().reaps_children() {
                wait::reap(&init, &child);
            } else {
                zombies = true;
            }
        }
    }
    if zombies {
        init.raise(Signal::CHLD);
        init.children_changed.wake_all();
    }
}
