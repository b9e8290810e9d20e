//! Signals: kill(2), rt_sigaction(2), rt_sigprocmask(2), rt_sigsuspend(2), sigaltstack(2).

use super::arguments::Arguments;
use super::errno::Errno;
use super::time::{Timespec, deadline};
use super::user_memory::{UserPtr, UserSlice, plain};
use crate::process::Process;
use crate::process::deliver::{ALTERNATE_STACK_MIN, replace_mask_for_call};
use crate::process::kill::{self, Target};
use crate::process::signal::{Action, AlternateStack, Cause, Sent, Signal, SignalSet};
use crate::process::signal_frame::{signal_info, stack_t};
use crate::process::table;
use crate::time;
use linux_raw_sys::general::{SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK, SS_DISABLE, SS_ONSTACK};

/// `stack_t`: address, flags (32 bits and a gap), size.
type StackT = [u64; 3];

plain!(StackT);

/// Bytes of a signal set, which every call that takes one must say.
const SET_SIZE: u64 = 8;

fn check_set_size(size: u64) -> Result<(), Errno> {
    if size == SET_SIZE { Ok(()) } else { Err(Errno::INVAL) }
}

/// A signal number or, as 0, none.
fn signal_or_none(number: i32) -> Result<Option<Signal>, Errno> {
    match number {
        0 => Ok(None),
        number => Signal::new(number).map(Some).ok_or(Errno::INVAL),
    }
}

pub(super) fn kill(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let signal = signal_or_none(arguments.int(1))?;
    let target = Target::new(arguments.int(0), process).ok_or(Errno::SRCH)?;
    kill::kill(process, target, signal)?;
    Ok(0)
}

/// tgkill(2) and tkill(2): every process is its only thread.
pub(super) fn kill_thread(
    process: &Process,
    group: Option<i32>,
    thread: i32,
    number: i32,
) -> Result<usize, Errno> {
    if thread <= 0 || group.is_some_and(|group| group <= 0) {
        return Err(Errno::INVAL);
    }
    let signal = signal_or_none(number)?;
    let target = table::find(thread).ok_or(Errno::SRCH)?;
    if group.is_some_and(|group| group != thread) {
        return Err(Errno::SRCH);
    }
    if let Some(signal) = signal {
        kill::send(&target, Sent { signal, cause: Cause::Thread { sender: process.pid() } });
    }
    Ok(0)
}

pub(super) fn rt_sigaction(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    check_set_size(arguments.long(3))?;
    let signal = Signal::new(arguments.int(0)).ok_or(Errno::INVAL)?;
    let new = match arguments.pointer::<Action>(1).present() {
        Some(_) if SignalSet::UNBLOCKABLE.contains(signal) => return Err(Errno::INVAL),
        Some(new) => Some(new.read()?),
        None => None,
    };
    let old = process.signals().borrow().action(signal);
    if let Some(new) = new {
        process.signals().borrow_mut().set_action(signal, new);
    }
    if let Some(to) = arguments.pointer(2).present() {
        to.write(&old)?;
    }
    Ok(0)
}

pub(super) fn rt_sigprocmask(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    check_set_size(arguments.long(3))?;
    let old = process.signals().borrow().blocked;
    if let Some(set) = arguments.pointer::<u64>(1).present() {
        let set = SignalSet(set.read()?);
        let new = match arguments.unsigned(0) {
            SIG_BLOCK => old.union(set),
            SIG_UNBLOCK => old.without(set),
            SIG_SETMASK => set,
            _ => return Err(Errno::INVAL),
        };
        process.signals().borrow_mut().set_blocked(new);
    }
    if let Some(to) = arguments.pointer::<u64>(2).present() {
        to.write(&old.0)?;
    }
    Ok(0)
}

pub(super) fn rt_sigpending(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    if arguments.long(1) > SET_SIZE {
        return Err(Errno::INVAL);
    }
    let signals = process.signals().borrow();
    let pending = signals.pending().0 & signals.blocked.0;
    drop(signals);
    arguments.pointer(0).write(&pending)?;
    Ok(0)
}

/// rt_sigsuspend(2): waits for a handler; it always ends with `EINTR`.
pub(super) async fn rt_sigsuspend(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    check_set_size(arguments.long(1))?;
    let mask = SignalSet(arguments.pointer::<u64>(0).read()?);
    replace_mask_for_call(process, mask);
    process.interruptible(core::future::pending::<usize>()).await.map_err(Errno::never_restart)
}

/// rt_sigtimedwait(2): takes a signal of the set out, blocked or not.
pub(super) async fn rt_sigtimedwait(
    process: &Process,
    arguments: Arguments,
) -> Result<usize, Errno> {
    check_set_size(arguments.long(3))?;
    let wanted = SignalSet(arguments.pointer::<u64>(0).read()?).without(SignalSet::UNBLOCKABLE);
    let deadline = deadline(arguments.pointer::<Timespec>(2))?;
    let sent = wait_for_signal(process, wanted, deadline).await?;
    if arguments.long(1) != 0 {
        UserSlice::new(arguments.long(1), 128).write(&signal_info(&sent))?;
    }
    Ok(usize::from(sent.signal.number()))
}

async fn wait_for_signal(
    process: &Process,
    wanted: SignalSet,
    deadline: Option<time::Instant>,
) -> Result<Sent, Errno> {
    if let Some(sent) = process.signals().borrow_mut().take_of(wanted) {
        return Ok(sent);
    }
    // What is waited for counts as unblocked meanwhile, so that its arrival is noticed.
    let blocked = process.signals().borrow().blocked;
    process.signals().borrow_mut().set_blocked(blocked.without(wanted));
    let ended = process.interruptible_until(deadline, core::future::pending::<()>()).await;
    let mut signals = process.signals().borrow_mut();
    signals.set_blocked(blocked);
    match (signals.take_of(wanted), ended) {
        (Some(sent), _) => Ok(sent),
        (None, Ok(_)) => Err(Errno::AGAIN),
        (None, Err(error)) => Err(error.never_restart()),
    }
}

/// sigaltstack(2): `stack_pointer` tells whether the program is on it now.
pub(super) fn sigaltstack(
    process: &Process,
    arguments: Arguments,
    stack_pointer: u64,
) -> Result<usize, Errno> {
    let old = process.signals().borrow().alternate_stack;
    let on_it = old.is_some_and(|stack| stack.contains(stack_pointer));
    let new = arguments.pointer::<StackT>(0).present().map(UserPtr::read).transpose()?;
    if let Some(to) = arguments.pointer::<StackT>(1).present() {
        let mut words = stack_t(old);
        if on_it {
            words[1] |= u64::from(SS_ONSTACK);
        }
        to.write(&words)?;
    }
    if let Some([start, flags, size]) = new {
        if on_it {
            return Err(Errno::PERM);
        }
        let stack = match flags as u32 {
            SS_DISABLE => None,
            0 | SS_ONSTACK if size < ALTERNATE_STACK_MIN => return Err(Errno::NOMEM),
            0 | SS_ONSTACK => Some(AlternateStack { start, size }),
            _ => return Err(Errno::INVAL),
        };
        process.signals().borrow_mut().alternate_stack = stack;
    }
    Ok(0)
}
