//! Processes: clone(2), execve(2), wait4(2), waitid(2), futex(2).

use super::arguments::Arguments;
use super::errno::Errno;
use super::files::start;
use super::resources::rusage_of;
use super::time::{Timespec, deadline, duration_from};
use super::user_memory::{UserPtr, UserString};
use crate::arch::aarch64::UserContext;
use crate::process::execute::{self, Request};
use crate::process::fork::{self, ForkOptions};
use crate::process::initial_stack::{STRING_MAX, STRINGS_MAX};
use crate::process::signal::{Cause, Sent, Signal};
use crate::process::signal_frame::signal_info;
use crate::process::status::Change;
use crate::process::wait::{self, WaitOptions, Wanted};
use crate::process::{Process, futex};
use crate::time::{self, Instant};
use alloc::rc::Rc;
use alloc::vec::Vec;
use linux_raw_sys::general::{
    AT_FDCWD, CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, CLONE_DETACHED, CLONE_FILES, CLONE_FS,
    CLONE_PARENT, CLONE_PARENT_SETTID, CLONE_SETTLS, CLONE_SYSVSEM, CLONE_UNTRACED, CLONE_VFORK,
    CLONE_VM, FUTEX_CLOCK_REALTIME, FUTEX_CMD_MASK, FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAKE,
    FUTEX_WAKE_BITSET, P_ALL, P_PID, WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WUNTRACED,
};

/// The id type of waitid(2) for process groups, which the ABI crate lacks.
const P_PGID: u32 = 2;
/// Low bits of clone(2)'s flags: the signal at the end (`CSIGNAL`).
const EXIT_SIGNAL: u32 = 0xff;
/// Flags that are understood. Threads (`CLONE_THREAD`, `CLONE_SIGHAND`) are not.
const CLONE_FLAGS: u32 = EXIT_SIGNAL
    | CLONE_VM
    | CLONE_VFORK
    | CLONE_FS
    | CLONE_FILES
    | CLONE_PARENT
    | CLONE_SETTLS
    | CLONE_PARENT_SETTID
    | CLONE_CHILD_CLEARTID
    | CLONE_CHILD_SETTID
    | CLONE_SYSVSEM
    | CLONE_DETACHED
    | CLONE_UNTRACED;

/// clone(2) with aarch64's order of arguments: flags, stack, parent tid, TLS, child tid.
pub(super) async fn clone(
    process: &Rc<Process>,
    context: &UserContext,
    arguments: Arguments,
) -> Result<usize, Errno> {
    let flags = arguments.unsigned(0);
    if flags & !CLONE_FLAGS != 0 {
        return Err(Errno::INVAL);
    }
    let has = |flag: u32| flags & flag != 0;
    let (stack, child_tid) = (arguments.long(1), arguments.long(4));
    let options = ForkOptions {
        share_memory: has(CLONE_VM),
        share_descriptors: has(CLONE_FILES),
        share_directory: has(CLONE_FS),
        sibling: has(CLONE_PARENT),
        exit_signal: Signal::new((flags & EXIT_SIGNAL) as i32),
        thread_pointer: has(CLONE_SETTLS).then(|| arguments.long(3)),
        stack: (stack != 0).then_some(stack),
        clear_child_tid: if has(CLONE_CHILD_CLEARTID) { child_tid } else { 0 },
    };
    let (child, child_context) = fork::prepare(process, context, &options)?;
    let pid = child.pid();
    if has(CLONE_PARENT_SETTID) {
        arguments.pointer::<i32>(2).write(&pid)?;
    }
    if has(CLONE_CHILD_SETTID) {
        write_in_child(process, &child, child_tid, pid);
    }
    fork::launch(child.clone(), child_context);
    if has(CLONE_VFORK) {
        fork::wait_for_memory(process, &child).await;
    }
    Ok(pid as usize)
}

/// The child's memory may be a copy, which is reached by making it the active one for a moment. A
/// bad pointer is the child's loss, as on Linux.
fn write_in_child(process: &Process, child: &Process, address: u64, pid: i32) {
    let (Some(ours), Some(theirs)) = (process.memory(), child.memory()) else { return };
    if theirs.resolve_range(address, 4, crate::process::address_space::Attempt::Write).is_ok() {
        theirs.activate();
        let _ = UserPtr::<i32>::new(address).write(&pid);
        ours.activate();
    }
}

/// An array of strings that ends with a null pointer. `E2BIG` beyond what fits on the stack.
fn strings(address: u64) -> Result<Vec<Vec<u8>>, Errno> {
    let mut strings = Vec::new();
    if address == 0 {
        return Ok(strings);
    }
    let mut total = 0;
    let pointers = UserPtr::<u64>::new(address);
    loop {
        let pointer = pointers.element(strings.len()).read()?;
        if pointer == 0 {
            return Ok(strings);
        }
        let string = UserString(pointer).read(STRING_MAX, Errno::TOOBIG)?;
        total += string.len() + 1 + size_of::<u64>();
        if total > STRINGS_MAX {
            return Err(Errno::TOOBIG);
        }
        strings.push(string);
    }
}

pub(super) fn execve(process: &Process, arguments: Arguments) -> Result<UserContext, Errno> {
    let path = arguments.path(0)?;
    let request = Request {
        arguments: strings(arguments.long(1))?,
        environment: strings(arguments.long(2))?,
        path,
    };
    let start = start(process, AT_FDCWD, &request.path)?;
    execute::execute(process, &start, request)
}

/// `__WNOTHREAD`, `__WALL` and `__WCLONE`: all children are alike here.
const KINDS: u32 = 0xe000_0000;

pub(super) async fn wait4(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let flags = arguments.unsigned(2);
    if flags & !(WNOHANG | WUNTRACED | WCONTINUED | KINDS) != 0 {
        return Err(Errno::INVAL);
    }
    let wanted = match arguments.int(0) {
        -1 => Wanted::Any,
        0 => Wanted::Group(process.family().group),
        pid @ 1.. => Wanted::Process(pid),
        group => Wanted::Group(group.checked_neg().ok_or(Errno::SRCH)?),
    };
    let options = WaitOptions {
        ended: true,
        stopped: flags & WUNTRACED != 0,
        continued: flags & WCONTINUED != 0,
        no_hang: flags & WNOHANG != 0,
        keep: false,
    };
    let Some((child, change)) = wait::wait(process, wanted, options).await? else { return Ok(0) };
    if let Some(to) = arguments.pointer::<i32>(1).present() {
        to.write(&change.wait_status())?;
    }
    if let Some(to) = arguments.pointer(3).present() {
        to.write(&rusage_of(&child))?;
    }
    Ok(child.pid() as usize)
}

pub(super) async fn waitid(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (kind, id, flags) = (arguments.unsigned(0), arguments.int(1), arguments.unsigned(3));
    let changes = WEXITED | WUNTRACED | WCONTINUED;
    if flags & !(changes | WNOHANG | WNOWAIT) != 0 || flags & changes == 0 {
        return Err(Errno::INVAL);
    }
    let wanted = match kind {
        P_ALL => Wanted::Any,
        P_PID if id > 0 => Wanted::Process(id),
        P_PGID if id > 0 => Wanted::Group(id),
        P_PGID if id == 0 => Wanted::Group(process.family().group),
        _ => return Err(Errno::INVAL),
    };
    let options = WaitOptions {
        ended: flags & WEXITED != 0,
        stopped: flags & WUNTRACED != 0,
        continued: flags & WCONTINUED != 0,
        no_hang: flags & WNOHANG != 0,
        keep: flags & WNOWAIT != 0,
    };
    let found = wait::wait(process, wanted, options).await?;
    if arguments.long(2) != 0 {
        let info = found.as_ref().map_or([0; 128], |(child, change)| child_info(child, *change));
        super::user_memory::UserSlice::new(arguments.long(2), 128).write(&info)?;
    }
    if let (Some((child, _)), Some(to)) = (found, arguments.pointer(4).present()) {
        to.write(&rusage_of(&child))?;
    }
    Ok(0)
}

fn child_info(child: &Process, change: Change) -> [u8; 128] {
    let (code, status) = change.child_code();
    let cause = Cause::Child { code, pid: child.pid(), status };
    signal_info(&Sent { signal: Signal::CHLD, cause })
}

pub(super) async fn futex(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (address, operation, value) =
        (arguments.long(0), arguments.unsigned(1), arguments.unsigned(2));
    let limit = arguments.pointer::<Timespec>(3);
    match operation & FUTEX_CMD_MASK as u32 {
        FUTEX_WAIT => futex::wait(process, address, value, deadline(limit)?).await,
        FUTEX_WAIT_BITSET => {
            let until = absolute_deadline(limit, operation & FUTEX_CLOCK_REALTIME != 0)?;
            futex::wait(process, address, value, until).await
        }
        FUTEX_WAKE | FUTEX_WAKE_BITSET => {
            if !address.is_multiple_of(4) {
                return Err(Errno::INVAL);
            }
            Ok(futex::wake(&process.address_space()?, address, value))
        }
        _ => Err(Errno::NOSYS),
    }
}

/// `FUTEX_WAIT_BITSET` says when, not how long.
fn absolute_deadline(at: UserPtr<Timespec>, realtime: bool) -> Result<Option<Instant>, Errno> {
    let Some(at) = at.present() else { return Ok(None) };
    let at = duration_from(at.read()?)?;
    if realtime {
        return Ok(Some(time::now() + at.saturating_sub(time::realtime())));
    }
    Ok(Some(Instant::ZERO + at))
}
