//! Who a process is: numbers, groups, sessions, users, its name (prctl(2)).

use super::arguments::Arguments;
use super::errno::Errno;
use super::user_memory::UserSlice;
use crate::fs::file::OpenFile;
use crate::process::{Process, group, table};
use crate::tty;
use alloc::rc::Rc;
use linux_raw_sys::general::O_NOCTTY;
use linux_raw_sys::prctl::{
    PR_GET_AUXV, PR_GET_DUMPABLE, PR_GET_NAME, PR_GET_NO_NEW_PRIVS, PR_SET_DUMPABLE, PR_SET_NAME,
    PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG,
};

/// Bytes of a name with its NUL (`TASK_COMM_LEN`).
const NAME_SIZE: u64 = 16;

/// Gives a group id to a process; 0 stands for the caller.
fn find(process: &Process, pid: i32) -> Result<Rc<Process>, Errno> {
    let pid = if pid == 0 { process.pid() } else { pid };
    table::find(pid).ok_or(Errno::SRCH)
}

pub(super) fn setpgid(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    group::set_group(process, arguments.int(0), arguments.int(1))?;
    Ok(0)
}

pub(super) fn getpgid(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    Ok(find(process, arguments.int(0))?.family().group as usize)
}

pub(super) fn getsid(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    Ok(find(process, arguments.int(0))?.family().session as usize)
}

pub(super) fn setsid(process: &Process) -> Result<usize, Errno> {
    Ok(group::new_session(process)? as usize)
}

/// A session leader that opens a terminal which nobody controls makes it its own.
pub(super) fn note_terminal(process: &Process, file: &OpenFile, flags: u32) {
    let family = process.family();
    let leads = family.session == process.pid();
    if leads && flags & O_NOCTTY == 0 && tty::terminal::is_terminal(file.file()) {
        tty::CONSOLE.opened_by(family.session, family.group);
    }
}

/// setuid(2), setgid(2) and their like: there is user 0 and nobody else.
pub(super) fn set_identity(ids: &[u32]) -> Result<usize, Errno> {
    if ids.iter().all(|&id| id == 0 || id == u32::MAX) { Ok(0) } else { Err(Errno::INVAL) }
}

/// getresuid(2): three zeros.
pub(super) fn get_identities(arguments: Arguments) -> Result<usize, Errno> {
    for index in 0..3 {
        arguments.pointer::<u32>(index).write(&0)?;
    }
    Ok(0)
}

pub(super) fn prctl(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let argument = arguments.long(1);
    match arguments.unsigned(0) {
        PR_SET_NAME => {
            // Up to 16 bytes, fewer when a NUL comes first; read byte by byte: the string may
            // end right before an unmapped page.
            let mut name = alloc::vec::Vec::new();
            for index in 0..NAME_SIZE {
                let byte = super::user_memory::UserPtr::<u8>::new(argument + index).read()?;
                if byte == 0 {
                    break;
                }
                name.push(byte);
            }
            process.set_name(&name);
            Ok(0)
        }
        PR_GET_NAME => {
            let mut name = process.program().name.clone();
            name.resize(NAME_SIZE as usize, 0);
            UserSlice::new(argument, NAME_SIZE).write(&name)?;
            Ok(0)
        }
        PR_GET_AUXV => {
            if arguments.long(3) != 0 || arguments.long(4) != 0 {
                return Err(Errno::INVAL);
            }
            let auxiliary = process.program().auxiliary.clone();
            arguments.slice(1).write(&auxiliary)?;
            Ok(auxiliary.len())
        }
        PR_GET_DUMPABLE | PR_GET_NO_NEW_PRIVS => Ok(0),
        // Nothing here dumps, gains privileges or names its memory.
        PR_SET_DUMPABLE | PR_SET_NO_NEW_PRIVS if argument <= 1 => Ok(0),
        PR_SET_PDEATHSIG if argument == 0 => Ok(0),
        _ => Err(Errno::INVAL),
    }
}
