//! Starting other programs and waiting for them.

use alloc::ffi::CString;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::ptr;
use core::time::Duration;

use bstr::{BStr, ByteSlice};
use linux_raw_sys::general::{
    __NR_clone, __NR_execve, __NR_getrusage, __NR_kill, __kernel_old_timeval, RUSAGE_CHILDREN,
    RUSAGE_SELF, SIGCHLD, rusage,
};
use rustix::fs::{Access, FileType};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus};

use crate::syscall::syscall;
use crate::{arguments, output, path};

/// Where programs are looked for when PATH is not set.
pub const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Which side of a fork this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// The new process.
    Child,
    /// The old one, with the id of the new one.
    Parent(Pid),
}

/// Makes a copy of this process. Output still in the buffer is written first, so that it is not
/// written twice.
pub fn fork() -> Result<Fork, Errno> {
    output::flush();
    // SAFETY: without CLONE_VM the child has a copy of the memory, and there is one thread, so
    // nothing in it is in the middle of a change.
    let child = unsafe { syscall(__NR_clone, [SIGCHLD as usize, 0, 0, 0, 0, 0]) }?;
    Ok(Pid::from_raw(child as i32).map_or(Fork::Child, Fork::Parent))
}

/// The strings of an argument or environment vector with the pointers `execve` wants.
#[derive(Debug)]
pub struct Vector {
    strings: Vec<CString>,
}

impl Vector {
    /// A vector of these strings; EINVAL if one contains a NUL.
    pub fn new<S: AsRef<[u8]>>(strings: impl IntoIterator<Item = S>) -> Result<Self, Errno> {
        let strings: Result<Vec<CString>, _> =
            strings.into_iter().map(|string| CString::new(string.as_ref())).collect();
        Ok(Self { strings: strings.map_err(|_| Errno::INVAL)? })
    }

    /// The environment of this process as it was at the start.
    pub fn environment() -> Result<Self, Errno> {
        Self::new(arguments::environment())
    }

    fn pointers(&self) -> Vec<*const u8> {
        self.strings.iter().map(|string| string.as_ptr().cast()).chain([ptr::null()]).collect()
    }
}

/// Replaces this program by another. It returns only when that failed.
pub fn execute(path: &CStr, arguments: &Vector, environment: &Vector) -> Errno {
    let (argument_pointers, environment_pointers) = (arguments.pointers(), environment.pointers());
    let call = [
        path.as_ptr() as usize,
        argument_pointers.as_ptr() as usize,
        environment_pointers.as_ptr() as usize,
        0,
        0,
        0,
    ];
    // SAFETY: all strings end with NUL, both lists with null, and they live through the call.
    match unsafe { syscall(__NR_execve, call) } {
        Ok(_) => Errno::NOEXEC,
        Err(error) => error,
    }
}

/// Finds the file a command name means: a name with a slash is a path, others are looked for in
/// the directories of `search_path`.
///
/// ENOENT when there is none, EACCES when there is one that may not be executed.
pub fn find(name: &BStr, search_path: &BStr) -> Result<CString, Errno> {
    if name.contains(&b'/') {
        return CString::new(name.as_bytes()).map_err(|_| Errno::NOENT);
    }
    let mut outcome = Errno::NOENT;
    if name.is_empty() {
        return Err(outcome);
    }
    for directory in search_path.split(|&byte| byte == b':') {
        // An empty entry is the current directory.
        let directory = if directory.is_empty() { b"." } else { directory };
        let candidate = path::join(directory.as_bstr(), name);
        let Ok(status) = rustix::fs::stat(candidate.as_bytes()) else { continue };
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            continue;
        }
        if rustix::fs::access(candidate.as_bytes(), Access::EXEC_OK).is_ok() {
            return CString::new(Vec::from(candidate)).map_err(|_| Errno::NOENT);
        }
        outcome = Errno::ACCESS;
    }
    Err(outcome)
}

/// PATH of the environment this process was started with.
#[must_use]
pub fn search_path() -> &'static BStr {
    arguments::variable("PATH").unwrap_or(BStr::new(DEFAULT_PATH))
}

/// [`find`]s a command and replaces this program by it, with the environment of this process.
/// Returns only when that failed.
pub fn execute_command<S: AsRef<[u8]>>(command: &[S]) -> Errno {
    let Some(name) = command.first() else { return Errno::NOENT };
    let run = || -> Result<Errno, Errno> {
        let file = find(name.as_ref().as_bstr(), search_path())?;
        Ok(execute(&file, &Vector::new(command)?, &Vector::environment()?))
    };
    run().unwrap_or_else(|error| error)
}

/// Waits for one child to end.
pub fn wait(child: Pid) -> Result<WaitStatus, Errno> {
    loop {
        match rustix::process::waitpid(Some(child), WaitOptions::empty()) {
            Ok(Some((_, status))) => return Ok(status),
            Ok(None) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Sends signal `number` to process `pid`; 0 sends nothing and only asks. A negative `pid` is a
/// process group, 0 the sender's own, -1 everything (`kill(2)`).
pub fn send_signal(pid: i32, number: i32) -> Result<(), Errno> {
    // SAFETY: the call touches no memory.
    unsafe { syscall(__NR_kill, [pid as usize, number as usize, 0, 0, 0, 0]) }.map(|_| ())
}

/// Time that processes have spent computing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In programs.
    pub user: Duration,
    /// In the kernel.
    pub system: Duration,
}

impl Usage {
    /// Of this process.
    #[must_use]
    pub fn own() -> Self {
        Self::of(RUSAGE_SELF as i32)
    }

    /// Of the children it has waited for.
    #[must_use]
    pub fn children() -> Self {
        Self::of(RUSAGE_CHILDREN)
    }

    fn of(who: i32) -> Self {
        let mut usage = MaybeUninit::<rusage>::zeroed();
        // SAFETY: the kernel fills in the structure, which lives through the call.
        let _ = unsafe {
            syscall(__NR_getrusage, [who as usize, usage.as_mut_ptr() as usize, 0, 0, 0, 0])
        };
        // SAFETY: it consists of integers, which are valid as zeros too.
        let usage = unsafe { usage.assume_init() };
        let duration = |time: __kernel_old_timeval| {
            Duration::new(time.tv_sec as u64, (time.tv_usec as u32).wrapping_mul(1000))
        };
        Self { user: duration(usage.ru_utime), system: duration(usage.ru_stime) }
    }
}

/// The exit status a shell shows: 128 + n for a process that signal n ended.
#[must_use]
pub fn shell_status(status: WaitStatus) -> u8 {
    let code = status
        .exit_status()
        .or_else(|| status.terminating_signal().map(|signal| 128 + signal))
        .or_else(|| status.stopping_signal().map(|signal| 128 + signal));
    code.unwrap_or(0) as u8
}
