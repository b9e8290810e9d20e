//! The executor: every process and driver task is a future that it polls.
//!
//! A waker puts its task on the ready queue; interrupt handlers do so too. When no task is ready
//! and no timer is due, the core waits for an interrupt. Tasks run to their next `.await`: nothing
//! preempts them but interrupt handlers.

mod tasks;
mod timers;
mod wait_queue;

pub use tasks::{TaskId, TaskStatistics};
pub use timers::{Elapsed, Sleep, sleep, sleep_until, timeout};
pub use wait_queue::{Wait, WaitQueue};

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

#[cfg(target_os = "none")]
use crate::sync::TaskCell;
use crate::time::{self, Duration, Instant};
use alloc::vec::Vec;

/// A deadline nearer than this is waited for awake: to arm the timer, sleep and be woken takes as
/// long in an emulator, where whoever waits for a device asks this often.
#[cfg(target_os = "none")]
const TOO_NEAR_TO_SLEEP: Duration = Duration::from_micros(50);

/// While such a deadline is waited for: looks for a ready task between two looks at the clock, and
/// turns of an empty loop between two looks for a task. All together are about a microsecond. In an
/// emulator a look at the clock takes the lock under which devices get on.
#[cfg(target_os = "none")]
const LOOKS_FOR_TASKS: u32 = 16;
#[cfg(target_os = "none")]
const TURNS_BETWEEN_LOOKS: u32 = 25;

/// What the executor owns beside the ready queue.
struct State {
    tasks: tasks::Tasks,
    timers: timers::Timers,
    /// When the task that runs now was resumed.
    resumed: Instant,
    idle: Duration,
}

impl State {
    const fn new() -> Self {
        Self {
            tasks: tasks::Tasks::new(),
            timers: timers::Timers::new(),
            resumed: Instant::ZERO,
            idle: Duration::ZERO,
        }
    }
}

#[cfg(target_os = "none")]
static STATE: TaskCell<State> = TaskCell::new(State::new());

#[cfg(target_os = "none")]
fn with_state<R>(f: impl FnOnce(&mut State) -> R) -> R {
    STATE.with(f)
}

// On the host each thread has an executor of its own, because tests run beside each other. It is
// never dropped: the destructors of unfinished tasks would want to reach it.
#[cfg(not(target_os = "none"))]
std::thread_local!(static STATE: core::mem::ManuallyDrop<core::cell::RefCell<State>> =
    const { core::mem::ManuallyDrop::new(core::cell::RefCell::new(State::new())) });

#[cfg(not(target_os = "none"))]
fn with_state<R>(f: impl FnOnce(&mut State) -> R) -> R {
    STATE.with(|state| f(&mut state.borrow_mut()))
}

/// Starts a task. It is polled for the first time after the present task has given way.
/// `name` shows up in panics and statistics.
pub fn spawn(name: &'static str, future: impl Future<Output = ()> + 'static) -> TaskId {
    with_state(|state| state.tasks.insert(name, future))
}

/// Gives way to the other ready tasks once.
pub fn yield_now() -> impl Future<Output = ()> {
    let mut yielded = false;
    core::future::poll_fn(move |context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Polls a future once, without a waker: for something that may be ready already.
pub fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = core::pin::pin!(future);
    future.as_mut().poll(&mut Context::from_waker(core::task::Waker::noop()))
}

/// When the running task was resumed: its time slice counts from here.
pub fn slice_start() -> Instant {
    with_state(|state| state.resumed)
}

/// The next point at which a timer expires.
pub fn next_deadline() -> Instant {
    with_state(|state| state.timers.next_deadline())
}

/// Time spent waiting for interrupts since boot.
pub fn idle_time() -> Duration {
    with_state(|state| state.idle)
}

/// What each live task has used so far.
pub fn statistics() -> Vec<TaskStatistics> {
    with_state(|state| state.tasks.statistics())
}

/// Name of the task that runs now, if the executor's state is reachable (a panic may ask).
pub fn running_task() -> Option<&'static str> {
    tasks::running_name()
}

/// Wakes the tasks whose timers have run out, then polls the first ready task. `now` is the time.
/// Returns the time after the poll, or `None` when no task is ready.
fn step(now: Instant) -> Option<Instant> {
    let ready = with_state(|state| {
        state.timers.expire(now);
        state.resumed = now;
        state.tasks.take_ready()
    });
    let mut running = ready?;
    let poll = running.poll();
    let after = time::now();
    let used = after.saturating_since(now);
    // A finished future is dropped outside of the state: its destructors may spawn or wake.
    let finished = with_state(|state| state.tasks.put_back(running, poll, used));
    drop(finished);
    Some(after)
}

/// Runs the tasks until none is ready. `now` is the time; returns the time then. It is read once
/// for each poll: in an emulator that is among the dearer instructions.
fn run_ready(mut now: Instant) -> Instant {
    while let Some(after) = step(now) {
        now = after;
    }
    now
}

/// Runs the tasks for ever.
#[cfg(target_os = "none")]
pub fn run() -> ! {
    use crate::arch::aarch64::{cpu, timer};
    let mut now = time::now();
    loop {
        let start = run_ready(now);
        // With interrupts masked, an interrupt between the check and WFI stays pending, and a
        // pending interrupt ends WFI: no wake-up is lost.
        let mask = cpu::mask_interrupts();
        let deadline = next_deadline();
        let idle = tasks::ready_count() == 0;
        let sleeps = deadline > start + TOO_NEAR_TO_SLEEP;
        if idle && sleeps {
            timer::wake_at(deadline);
            cpu::wait_for_interrupt();
        }
        cpu::restore_interrupts(mask);
        if idle && !sleeps {
            wait_awake();
        }
        now = time::now();
        with_state(|state| state.idle += now.saturating_since(start));
    }
}

/// Waits for a moment, or until an interrupt has made a task ready.
#[cfg(target_os = "none")]
fn wait_awake() {
    for _ in 0..LOOKS_FOR_TASKS {
        if tasks::ready_count() > 0 {
            return;
        }
        for _ in 0..TURNS_BETWEEN_LOOKS {
            core::hint::spin_loop();
        }
    }
}

/// Runs the tasks until none is ready (host tests; the clock stands still meanwhile).
#[cfg(not(target_os = "none"))]
pub fn run_until_idle() {
    run_ready(time::now());
}

/// Runs `future` as a task to its end, moving the host's clock from timer to timer.
///
/// # Panics
///
/// When it can't end because nothing will ever wake it.
#[cfg(not(target_os = "none"))]
pub fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
    use alloc::rc::Rc;
    let result = Rc::new(core::cell::RefCell::new(None));
    let slot = Rc::clone(&result);
    spawn("block_on", async move {
        let value = future.await;
        *slot.borrow_mut() = Some(value);
    });
    loop {
        run_until_idle();
        if let Some(value) = result.borrow_mut().take() {
            return value;
        }
        let next = next_deadline();
        assert!(next != Instant::FAR_FUTURE, "block_on: nothing will wake the future");
        time::advance(next.saturating_since(time::now()));
    }
}

type BoxedFuture = Pin<alloc::boxed::Box<dyn Future<Output = ()>>>;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::rc::Rc;
    use core::cell::RefCell;

    #[test]
    fn tasks_take_turns() {
        let log = Rc::new(RefCell::new(Vec::new()));
        for name in ["a", "b"] {
            let log = Rc::clone(&log);
            spawn(name, async move {
                for round in 0..2 {
                    log.borrow_mut().push((name, round));
                    yield_now().await;
                }
            });
        }
        run_until_idle();
        assert_eq!(*log.borrow(), [("a", 0), ("b", 0), ("a", 1), ("b", 1)]);
        assert!(statistics().is_empty());
    }

    #[test]
    fn a_task_can_start_tasks_and_end_before_them() {
        let count = Rc::new(RefCell::new(0));
        let inner = Rc::clone(&count);
        spawn("outer", async move {
            for _ in 0..100 {
                let inner = Rc::clone(&inner);
                spawn("inner", async move { *inner.borrow_mut() += 1 });
            }
        });
        run_until_idle();
        assert_eq!(*count.borrow(), 100);
    }

    #[test]
    fn a_stale_waker_does_not_wake_the_task_that_took_the_slot() {
        let kept = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&kept);
        spawn("first", async move {
            let waker = core::future::poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            *slot.borrow_mut() = Some(waker);
        });
        run_until_idle();
        let polls = Rc::new(RefCell::new(0));
        let counter = Rc::clone(&polls);
        spawn("second", async move {
            core::future::poll_fn::<(), _>(|_| {
                *counter.borrow_mut() += 1;
                Poll::Pending
            })
            .await;
        });
        run_until_idle();
        kept.borrow_mut().take().expect("the first task ran").wake();
        run_until_idle();
        assert_eq!(*polls.borrow(), 1);
    }

    #[test]
    fn statistics_name_the_tasks_that_live() {
        spawn("sleeper", async { sleep(Duration::from_secs(1)).await });
        run_until_idle();
        let all = statistics();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].name, all[0].polls), ("sleeper", 1));
    }
}
