//! Process groups and sessions: setpgid(2), setsid(2), credentials(7).

use super::object::{Family, Process};
use super::table;
use crate::syscall::errno::Errno;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// The members of a group, zombies included.
pub fn members(group: i32) -> Vec<Rc<Process>> {
    let mut all = table::all();
    all.retain(|process| process.family().group == group);
    all
}

/// Whether a group has a living member in a session.
pub fn is_in_session(group: i32, session: i32) -> bool {
    members(group).iter().any(|member| member.family().session == session)
}

/// Whether nobody outside of the group but in its session looks after it: such a group is not
/// stopped by keys, for nobody could continue it.
pub fn is_orphaned(group: i32) -> bool {
    !members(group).iter().filter(|member| !member.is_zombie()).any(|member| {
        let family = member.family();
        table::find(family.parent).is_some_and(|parent| {
            let parent = parent.family();
            parent.group != group && parent.session == family.session
        })
    })
}

/// setpgid(2): 0 stands for the caller and for the process's own number.
pub fn set_group(caller: &Process, pid: i32, group: i32) -> Result<(), Errno> {
    if group < 0 || pid < 0 {
        return Err(Errno::INVAL);
    }
    let pid = if pid == 0 { caller.pid() } else { pid };
    let process = table::find(pid).filter(|process| !process.is_zombie()).ok_or(Errno::SRCH)?;
    let family = process.family();
    if pid != caller.pid() {
        if family.parent != caller.pid() {
            return Err(Errno::SRCH);
        }
        if family.session != caller.family().session {
            return Err(Errno::PERM);
        }
        if process.has_executed.get() {
            return Err(Errno::ACCES);
        }
    }
    let group = if group == 0 { pid } else { group };
    // A session leader stays where it is, and a group stays in its session.
    let allowed = family.session != pid && (group == pid || is_in_session(group, family.session));
    if !allowed {
        return Err(Errno::PERM);
    }
    process.family.set(Family { group, ..family });
    Ok(())
}

/// setsid(2): a new session with the caller as its leader, without a terminal. `EPERM` when the
/// caller leads a group.
pub fn new_session(caller: &Process) -> Result<i32, Errno> {
    let pid = caller.pid();
    if !members(pid).is_empty() {
        return Err(Errno::PERM);
    }
    let family = caller.family();
    caller.family.set(Family { group: pid, session: pid, ..family });
    Ok(pid)
}
