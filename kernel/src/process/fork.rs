//! Making processes: clone(2) in its forms of fork and vfork.

use super::alarm::Alarm;
use super::object::{Family, Files, Process, ProcessTimes, RunState};
use super::signal::Signal;
use super::{run, table};
use crate::arch::aarch64::UserContext;
use crate::executor::WaitQueue;
use crate::syscall::errno::Errno;
use crate::time;
use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};

/// What a child shares with its parent, and how it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of clone(2)")]
pub struct ForkOptions {
    /// `CLONE_VM`: the memory itself, not a copy.
    pub share_memory: bool,
    /// `CLONE_FILES`: the descriptors.
    pub share_descriptors: bool,
    /// `CLONE_FS`: working directory and umask.
    pub share_directory: bool,
    /// `CLONE_PARENT`: its parent is the caller's.
    pub sibling: bool,
    /// The signal that tells of its end.
    pub exit_signal: Option<Signal>,
    /// `CLONE_SETTLS`: the thread pointer.
    pub thread_pointer: Option<u64>,
    /// Where its stack is; `None`: where the parent's is.
    pub stack: Option<u64>,
    /// `CLONE_CHILD_CLEARTID`: where to put 0 at its end.
    pub clear_child_tid: u64,
}

/// Makes a child that goes on where the parent is, with 0 as the result of its call. It runs once
/// [`launch`] is called. `EAGAIN`: too many processes; `ENOMEM`: no memory for a copy.
pub fn prepare(
    parent: &Process,
    context: &UserContext,
    options: &ForkOptions,
) -> Result<(Rc<Process>, Box<UserContext>), Errno> {
    let memory = parent.address_space()?;
    let pid = table::next_pid()?;
    let memory =
        if options.share_memory { memory } else { Rc::new(memory.fork().ok_or(Errno::NOMEM)?) };
    let descriptors = if options.share_descriptors {
        parent.descriptors()
    } else {
        Rc::new(RefCell::new(parent.descriptors().borrow().clone()))
    };
    let files = if options.share_directory {
        parent.files.clone()
    } else {
        Rc::new(Files {
            namespace: parent.files.namespace.clone(),
            directory: RefCell::new(parent.files.directory.borrow().clone()),
            umask: parent.files.umask.clone(),
        })
    };
    let family = parent.family();
    let parent_pid = if options.sibling { family.parent } else { parent.pid() };
    let child = Rc::new(Process {
        pid,
        family: Cell::new(Family { parent: parent_pid, ..family }),
        memory: RefCell::new(Some(memory)),
        descriptors: RefCell::new(descriptors),
        files,
        program: RefCell::new(parent.program().clone()),
        signals: RefCell::new(parent.signals.borrow().for_child()),
        signaled: WaitQueue::new(),
        state: Cell::new(RunState::Active),
        unreported: Cell::new(None),
        children_changed: WaitQueue::new(),
        memory_left: Rc::new(WaitQueue::new()),
        shares_memory: Cell::new(options.share_memory),
        exit_signal: options.exit_signal,
        clear_child_tid: Cell::new(options.clear_child_tid),
        alarm: Alarm::default(),
        times: Cell::new(ProcessTimes::default()),
        started: time::now(),
        has_executed: Cell::new(false),
    });
    let mut context = Box::new(context.clone());
    context.x[0] = 0;
    if let Some(stack) = options.stack {
        context.sp = stack;
    }
    if let Some(pointer) = options.thread_pointer {
        context.tpidr = pointer;
    }
    Ok((child, context))
}

/// Lets a prepared child run.
pub fn launch(child: Rc<Process>, context: Box<UserContext>) {
    table::insert(child.clone());
    run::start(child, context);
}

/// vfork(2): waits until the child executes a program or ends. Signals other than those that kill
/// wait, as on Linux.
pub async fn wait_for_memory(parent: &Process, child: &Process) {
    let left = child.memory_left.clone();
    let gone = left.wait_until(|| (!child.shares_memory.get()).then_some(()));
    let mut gone = core::pin::pin!(gone);
    core::future::poll_fn(|context| {
        use core::future::Future as _;
        use core::task::Poll;
        if gone.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        parent.signaled.register(context);
        let signals = parent.signals.borrow();
        if signals.pending().contains(Signal::KILL) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
