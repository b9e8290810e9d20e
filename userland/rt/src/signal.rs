//! Signals: what a program does with them.
//!
//! Handlers run between any two instructions: they set an atomic flag and return; they print
//! nothing and allocate nothing.

use core::mem::size_of;
use core::ptr;

use linux_raw_sys::general::{
    __NR_ppoll, __NR_rt_sigaction, __NR_rt_sigprocmask, SA_RESTART, SIG_BLOCK, SIG_SETMASK,
};
use rustix::event::{PollFd, Timespec};
use rustix::io::Errno;
use rustix::process::Signal;

use crate::syscall::syscall;

/// The names without `SIG`, by number; 0 stands for no signal.
pub const NAMES: [&str; 32] = [
    "EXIT", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV",
    "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU",
    "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "POLL", "PWR", "SYS",
];

/// What a shell prints about a program that a signal ended, by number.
pub const TEXTS: [&str; 32] = [
    "",
    "Hangup",
    "Interrupt",
    "Quit",
    "Illegal instruction",
    "Trace/breakpoint trap",
    "Aborted",
    "Bus error",
    "Floating point exception",
    "Killed",
    "User defined signal 1",
    "Segmentation fault",
    "User defined signal 2",
    "Broken pipe",
    "Alarm clock",
    "Terminated",
    "Stack fault",
    "Child exited",
    "Continued",
    "Stopped (signal)",
    "Stopped",
    "Stopped (tty input)",
    "Stopped (tty output)",
    "Urgent I/O condition",
    "CPU time limit exceeded",
    "File size limit exceeded",
    "Virtual timer expired",
    "Profiling timer expired",
    "Window changed",
    "I/O possible",
    "Power failure",
    "Bad system call",
];

/// The number of a signal by name (`TERM`, `SIGTERM`, `term`) or number.
#[must_use]
pub fn number(text: &[u8]) -> Option<i32> {
    if let Some(number) = crate::number::decimal(text) {
        return (number <= 64).then_some(number as i32);
    }
    let prefixed = text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"SIG"));
    let name = if prefixed { text.get(3..)? } else { text };
    let also = [("IOT", 6), ("CLD", 17), ("IO", 29)];
    (NAMES.iter().zip(0..).map(|(name, number)| (*name, number)))
        .chain(also)
        .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
        .map(|(_, number)| number)
}

/// What happens when a signal arrives.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// What the signal does by default.
    Default,
    /// Nothing.
    Ignore,
    /// The function runs with the signal's number, and a sleeping system call ends with EINTR.
    Handle(extern "C" fn(i32)),
    /// The function runs with the signal's number, and a sleeping system call goes on (as far as
    /// `signal(7)` has it restartable).
    HandleRestart(extern "C" fn(i32)),
}

/// The kernel's `struct sigaction`; aarch64 and x86_64 have the same.
#[repr(C)]
struct KernelAction {
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: u64,
}

/// `SA_RESTORER`: the member of that name is used. The aarch64 headers leave it out, but its
/// kernel honors it, as musl relies on.
const SA_RESTORER: usize = 0x0400_0000;

#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    ".pushsection .text.rt_restore_signal, \"ax\"",
    ".weak __rt_restore_signal",
    ".type __rt_restore_signal, %function",
    "__rt_restore_signal:",
    "mov x8, #139",
    "svc #0",
    ".popsection",
);
#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".pushsection .text.rt_restore_signal, \"ax\"",
    ".weak __rt_restore_signal",
    ".type __rt_restore_signal, @function",
    "__rt_restore_signal:",
    "mov eax, 15",
    "syscall",
    ".popsection",
);

unsafe extern "C" {
    /// Where a handler returns to: it makes the `rt_sigreturn` call.
    fn __rt_restore_signal();
}

/// Decides what `signal` does from now on.
///
/// EINVAL for KILL and STOP.
pub fn set_action(signal: Signal, action: Action) -> Result<(), Errno> {
    let (handler, flags) = match action {
        Action::Default => (0, 0),
        Action::Ignore => (1, 0),
        Action::Handle(function) => (function as usize, 0),
        Action::HandleRestart(function) => (function as usize, SA_RESTART as usize),
    };
    let new = KernelAction {
        handler,
        flags: flags | SA_RESTORER,
        restorer: __rt_restore_signal as *const () as usize,
        mask: 0,
    };
    let arguments = [signal.as_raw() as usize, &raw const new as usize, 0, size_of::<u64>(), 0, 0];
    // SAFETY: the structure is the kernel's and lives through the call; a handler is a function
    // of the right type; the restorer is the code that the kernel expects there.
    unsafe { syscall(__NR_rt_sigaction, arguments) }.map(|_| ())
}

/// Whether `signal` is ignored now: a shell must leave it so.
#[must_use]
pub fn is_ignored(signal: Signal) -> bool {
    let mut old = KernelAction { handler: 0, flags: 0, restorer: 0, mask: 0 };
    let arguments = [signal.as_raw() as usize, 0, &raw mut old as usize, size_of::<u64>(), 0, 0];
    // SAFETY: the structure is the kernel's and lives through the call.
    unsafe { syscall(__NR_rt_sigaction, arguments) }.is_ok() && old.handler == 1
}

/// A set of blocked signals: signal n is bit n - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask(pub u64);

impl Mask {
    /// The set of one signal.
    #[must_use]
    pub fn of(signal: Signal) -> Self {
        Self(1 << (signal.as_raw() - 1))
    }
}

fn change_mask(how: u32, mask: Option<Mask>) -> Result<Mask, Errno> {
    let new = mask.map(|mask| mask.0);
    let mut old = 0u64;
    let pointer = new.as_ref().map_or(ptr::null(), ptr::from_ref);
    let arguments = [how as usize, pointer as usize, &raw mut old as usize, size_of::<u64>(), 0, 0];
    // SAFETY: both sets live through the call.
    unsafe { syscall(__NR_rt_sigprocmask, arguments) }?;
    Ok(Mask(old))
}

/// Blocks the signals in `mask`; returns what was blocked before.
pub fn block(mask: Mask) -> Result<Mask, Errno> {
    change_mask(SIG_BLOCK, Some(mask))
}

/// Blocks exactly the signals in `mask`; returns what was blocked before.
pub fn set_mask(mask: Mask) -> Result<Mask, Errno> {
    change_mask(SIG_SETMASK, Some(mask))
}

/// ppoll(2): waits for descriptors with exactly the signals in `mask` blocked meanwhile. A program
/// that blocks its signals at all other times misses none between looking at their flags and
/// falling asleep: one that came earlier ends the call at once with EINTR.
pub fn poll(
    wanted: &mut [PollFd<'_>],
    timeout: Option<&Timespec>,
    mask: Mask,
) -> Result<usize, Errno> {
    // The kernel writes the time that is left.
    let mut timeout = timeout.copied();
    let time = timeout.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
    let arguments = [
        wanted.as_mut_ptr() as usize,
        wanted.len(),
        time as usize,
        &raw const mask.0 as usize,
        size_of::<u64>(),
        0,
    ];
    // SAFETY: `PollFd` is the kernel's `struct pollfd`, of which there are as many as is said; the
    // time and the set live through the call.
    unsafe { syscall(__NR_ppoll, arguments) }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn names_and_numbers() {
        for (text, expected) in [
            ("TERM", Some(15)),
            ("SIGKILL", Some(9)),
            ("int", Some(2)),
            ("0", Some(0)),
            ("64", Some(64)),
            ("65", None),
            ("NONE", None),
            ("", None),
        ] {
            assert_eq!(number(text.as_bytes()), expected, "{text:?}");
        }
    }
}
