//! The process itself: what belongs to it, and how the rest of the kernel reaches that.

use super::address_space::AddressSpace;
use super::alarm::Alarm;
use super::signal::{Cause, Sent, Signal, SignalState};
use super::status::{Change, ExitStatus};
use crate::executor::WaitQueue;
use crate::fs::descriptor::DescriptorTable;
use crate::fs::file::OpenFile;
use crate::fs::path::{LastLink, Location, Namespace};
use crate::syscall::errno::Errno;
use crate::time::{self, Duration, Instant};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, Ref, RefCell};
use core::future::Future;
use core::pin::pin;
use core::task::Poll;

/// The name that a process shows in `ps`: up to 15 bytes (`TASK_COMM_LEN`).
const NAME_MAX: usize = 15;

/// Whether a process runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunState {
    /// It runs, or waits for something.
    Active,
    /// A signal has stopped it.
    Stopped(Signal),
    /// It has ended; its parent has not asked yet.
    Zombie(ExitStatus),
}

/// Where a process looks for files. Shared with children made with `CLONE_FS`.
pub struct Files {
    /// The mounted file systems.
    pub namespace: Rc<Namespace>,
    /// The working directory.
    pub directory: RefCell<Rc<Location>>,
    /// Permissions that new files do not get.
    pub umask: Cell<u32>,
}

/// What a process executes.
#[derive(Clone, Default)]
pub struct Program {
    /// Its name in `ps`.
    pub name: Vec<u8>,
    /// Path of the executable.
    pub path: Vec<u8>,
    /// The arguments, each with its NUL.
    pub command_line: Vec<u8>,
    /// The auxiliary vector.
    pub auxiliary: Vec<u8>,
}

impl Program {
    /// Sets the name, cut to what fits.
    pub fn set_name(&mut self, name: &[u8]) {
        self.name = name.get(..NAME_MAX).unwrap_or(name).to_vec();
    }
}

/// Time that a process and its waited-for children took.
#[derive(Clone, Copy, Default, Debug)]
pub struct ProcessTimes {
    /// At EL0.
    pub user: Duration,
    /// In the kernel on its behalf.
    pub system: Duration,
    /// At EL0, by children that were waited for.
    pub children_user: Duration,
    /// In the kernel, for children that were waited for.
    pub children_system: Duration,
}

/// A process's place among the others.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The parent.
    pub parent: i32,
    /// The process group.
    pub group: i32,
    /// The session.
    pub session: i32,
}

/// A process.
pub struct Process {
    pub(super) pid: i32,
    pub(super) family: Cell<Family>,
    pub(super) memory: RefCell<Option<Rc<AddressSpace>>>,
    pub(super) descriptors: RefCell<Rc<RefCell<DescriptorTable>>>,
    pub(super) files: Rc<Files>,
    pub(super) program: RefCell<Program>,
    pub(super) signals: RefCell<SignalState>,
    /// Woken when a signal must be looked at, and when a stopped process goes on.
    pub(super) signaled: WaitQueue,
    pub(super) state: Cell<RunState>,
    /// A stop or continuation that the parent has not been told of.
    pub(super) unreported: Cell<Option<Change>>,
    /// Woken when a child changes its state.
    pub(super) children_changed: WaitQueue,
    /// Woken when the process has left memory that it shares with a parent that waits (vfork).
    pub(super) memory_left: Rc<WaitQueue>,
    pub(super) shares_memory: Cell<bool>,
    /// The signal that tells the parent of the end; none for 0.
    pub(super) exit_signal: Option<Signal>,
    /// Where to put 0 at the end (`CLONE_CHILD_CLEARTID`, set_tid_address(2)).
    pub(super) clear_child_tid: Cell<u64>,
    pub(super) alarm: Alarm,
    pub(super) times: Cell<ProcessTimes>,
    pub(super) started: Instant,
    /// Whether it has executed a program since it was forked (setpgid(2) asks).
    pub(super) has_executed: Cell<bool>,
}

impl Process {
    /// Its number.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Its place among the others.
    pub fn family(&self) -> Family {
        self.family.get()
    }

    /// Whether it has ended.
    pub fn is_zombie(&self) -> bool {
        matches!(self.state.get(), RunState::Zombie(_))
    }

    /// Its memory; `None` once it has ended.
    pub fn memory(&self) -> Option<Rc<AddressSpace>> {
        self.memory.borrow().clone()
    }

    /// Its memory, for a system call, which only a living process makes.
    pub fn address_space(&self) -> Result<Rc<AddressSpace>, Errno> {
        self.memory().ok_or(Errno::SRCH)
    }

    /// Its descriptors.
    pub fn descriptors(&self) -> Rc<RefCell<DescriptorTable>> {
        self.descriptors.borrow().clone()
    }

    /// The file behind `fd`; `EBADF` when it is not open.
    pub fn file(&self, fd: i32) -> Result<Rc<OpenFile>, Errno> {
        self.descriptors.borrow().borrow().get(fd)
    }

    /// Puts a file at the lowest free descriptor; `EMFILE` when there is none.
    pub fn insert_file(&self, file: Rc<OpenFile>, close_on_exec: bool) -> Result<i32, Errno> {
        self.descriptors.borrow().borrow_mut().insert(file, close_on_exec)
    }

    /// Whether another file could be opened: `EMFILE` when the process, `ENFILE` when all
    /// together have too many.
    pub fn check_file_room(&self) -> Result<(), Errno> {
        self.descriptors.borrow().borrow().check_room()?;
        OpenFile::check_room()
    }

    /// Where it looks for files.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Where `path` leads; `directory` is where a relative one begins.
    pub fn walk(
        &self,
        directory: &Rc<Location>,
        path: &[u8],
        last_link: LastLink,
    ) -> Result<Rc<Location>, Errno> {
        self.files.namespace.walk(directory, path, last_link)
    }

    /// What it executes.
    pub fn program(&self) -> Ref<'_, Program> {
        self.program.borrow()
    }

    /// Changes its name (`PR_SET_NAME`).
    pub fn set_name(&self, name: &[u8]) {
        self.program.borrow_mut().set_name(name);
    }

    /// Its signals.
    pub fn signals(&self) -> &RefCell<SignalState> {
        &self.signals
    }

    /// Where to put 0 at its end.
    pub fn set_clear_child_tid(&self, address: u64) {
        self.clear_child_tid.set(address);
    }

    /// Its `ITIMER_REAL`.
    pub fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// The time that it took so far.
    pub fn times(&self) -> ProcessTimes {
        self.times.get()
    }

    /// When it began.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Waits for `future`, but no longer than until a signal must be looked at: then
    /// `ERESTARTSYS`, with which a system call simply ends. Calls that never restart turn it into
    /// `EINTR` ([`Errno::never_restart`]).
    pub async fn interruptible<T>(&self, future: impl Future<Output = T>) -> Result<T, Errno> {
        let mut future = pin!(future);
        core::future::poll_fn(|context| {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(value));
            }
            self.signaled.register(context);
            if self.signals.borrow().is_interrupted() {
                return Poll::Ready(Err(Errno::RESTARTSYS));
            }
            Poll::Pending
        })
        .await
    }

    /// Like [`Process::interruptible`], but also ends at `deadline`, with `None`.
    pub async fn interruptible_until<T>(
        &self,
        deadline: Option<Instant>,
        future: impl Future<Output = T>,
    ) -> Result<Option<T>, Errno> {
        let Some(deadline) = deadline else { return self.interruptible(future).await.map(Some) };
        let mut sleep = pin!(time::sleep_until(deadline));
        let mut future = pin!(future);
        self.interruptible(core::future::poll_fn(|context| {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Poll::Ready(Some(value));
            }
            sleep.as_mut().poll(context).map(|()| None)
        }))
        .await
    }

    /// Sends the process a signal from the kernel.
    pub fn raise(&self, signal: Signal) {
        super::kill::send(self, Sent { signal, cause: Cause::Kernel });
    }

    /// Sends SIGPIPE: a write found nobody at the other end.
    pub fn raise_broken_pipe(&self) {
        self.raise(Signal::PIPE);
    }

    /// Adds to the time that it took.
    pub(super) fn charge(&self, change: impl FnOnce(&mut ProcessTimes)) {
        let mut times = self.times.get();
        change(&mut times);
        self.times.set(times);
    }
}
