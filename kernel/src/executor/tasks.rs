//! The table of tasks and the ready queue.

use super::BoxedFuture;
use crate::sync::IrqCell;
use crate::time::Duration;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::future::Future;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};

/// Names a task; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TaskId {
    slot: usize,
    serial: u64,
}

/// What a task has used so far.
#[derive(Clone, Copy, Debug)]
pub struct TaskStatistics {
    /// Given to [`spawn`](super::spawn).
    pub name: &'static str,
    /// How often it was resumed.
    pub polls: u64,
    /// Time it ran, interrupt handlers included.
    pub run_time: Duration,
}

/// The part of a task that wakers, possibly in interrupt handlers, can reach.
struct Handle {
    id: TaskId,
    /// Set while the task is on the ready queue; stays set after the task has ended.
    queued: AtomicBool,
    #[cfg(not(target_os = "none"))]
    thread: std::thread::ThreadId,
}

impl Wake for Handle {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        #[cfg(not(target_os = "none"))]
        assert_eq!(self.thread, std::thread::current().id(), "host tasks stay in their thread");
        if !self.queued.swap(true, Ordering::AcqRel) {
            with_ready(|ready| ready.push_back(self.id));
        }
    }
}

#[cfg(target_os = "none")]
static READY: IrqCell<VecDeque<TaskId>> = IrqCell::new(VecDeque::new());

#[cfg(target_os = "none")]
fn with_ready<R>(f: impl FnOnce(&mut VecDeque<TaskId>) -> R) -> R {
    READY.with(f)
}

#[cfg(not(target_os = "none"))]
std::thread_local!(static READY: IrqCell<VecDeque<TaskId>> =
    const { IrqCell::new(VecDeque::new()) });

#[cfg(not(target_os = "none"))]
fn with_ready<R>(f: impl FnOnce(&mut VecDeque<TaskId>) -> R) -> R {
    READY.with(|ready| ready.with(f))
}

/// Entries of the ready queue.
#[cfg(target_os = "none")]
pub(super) fn ready_count() -> usize {
    with_ready(|ready| ready.len())
}

/// Name of the task being polled, for the panic handler.
static RUNNING: IrqCell<Option<&'static str>> = IrqCell::new(None);

pub(super) fn running_name() -> Option<&'static str> {
    RUNNING.try_with(|name| *name).flatten()
}

struct Task {
    handle: Arc<Handle>,
    waker: Waker,
    name: &'static str,
    /// Taken out while the task runs.
    future: Option<BoxedFuture>,
    polls: u64,
    run_time: Duration,
}

/// All tasks.
pub(super) struct Tasks {
    slots: Vec<Option<Task>>,
    free: Vec<usize>,
    next_serial: u64,
}

/// A task on its way through a poll.
pub(super) struct Running {
    id: TaskId,
    future: BoxedFuture,
    waker: Waker,
}

impl Running {
    pub(super) fn poll(&mut self) -> Poll<()> {
        self.future.as_mut().poll(&mut Context::from_waker(&self.waker))
    }
}

impl Tasks {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), next_serial: 0 }
    }

    pub(super) fn insert(
        &mut self,
        name: &'static str,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let id = TaskId { slot, serial: self.next_serial };
        self.next_serial += 1;
        let handle = Arc::new(Handle {
            id,
            queued: AtomicBool::new(false),
            #[cfg(not(target_os = "none"))]
            thread: std::thread::current().id(),
        });
        let waker = Waker::from(Arc::clone(&handle));
        // Room for every task at once, so that a wake-up in an interrupt handler allocates nothing.
        let tasks = self.slots.len();
        with_ready(|ready| ready.reserve((2 * tasks).saturating_sub(ready.len())));
        handle.wake_by_ref();
        self.slots[slot] = Some(Task {
            handle,
            waker,
            name,
            future: Some(Box::pin(future)),
            polls: 0,
            run_time: Duration::ZERO,
        });
        id
    }

    fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.slots.get_mut(id.slot)?.as_mut().filter(|task| task.handle.id == id)
    }

    /// The next task to poll, its future taken out.
    pub(super) fn take_ready(&mut self) -> Option<Running> {
        loop {
            let id = with_ready(VecDeque::pop_front)?;
            // Entries of tasks that have ended meanwhile lead nowhere.
            let Some(task) = self.get_mut(id) else { continue };
            task.handle.queued.store(false, Ordering::Release);
            task.polls += 1;
            let waker = task.waker.clone();
            let name = task.name;
            let Some(future) = task.future.take() else { continue };
            RUNNING.with(|running| *running = Some(name));
            return Some(Running { id, future, waker });
        }
    }

    /// Takes a task back after its poll. Returns its future when it has ended.
    pub(super) fn put_back(
        &mut self,
        running: Running,
        poll: Poll<()>,
        used: Duration,
    ) -> Option<BoxedFuture> {
        RUNNING.with(|name| *name = None);
        let Running { id, future, .. } = running;
        let task = self.get_mut(id)?;
        task.run_time += used;
        if poll.is_pending() {
            task.future = Some(future);
            return None;
        }
        task.handle.queued.store(true, Ordering::Release);
        self.slots[id.slot] = None;
        self.free.push(id.slot);
        Some(future)
    }

    pub(super) fn statistics(&self) -> Vec<TaskStatistics> {
        self.slots
            .iter()
            .flatten()
            .map(|task| TaskStatistics {
                name: task.name,
                polls: task.polls,
                run_time: task.run_time,
            })
            .collect()
    }
}
