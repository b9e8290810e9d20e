//! A single-threaded executor whose time is a number.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use usb_core::host::Clock;

#[derive(Default)]
struct Time {
    now: Cell<Duration>,
    /// By when and order of registration.
    timers: RefCell<BTreeMap<(Duration, u64), Waker>>,
    next: Cell<u64>,
}

/// The virtual clock.
#[derive(Clone, Default)]
pub struct SimClock(Rc<Time>);

impl Clock for SimClock {
    fn now(&self) -> Duration {
        self.0.now.get()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now() + duration;
        std::future::poll_fn(|cx| {
            if self.now() >= until {
                return Poll::Ready(());
            }
            let key = (until, self.0.next.replace(self.0.next.get() + 1));
            self.0.timers.borrow_mut().insert(key, cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task<'a> {
    future: Pin<Box<dyn Future<Output = ()> + 'a>>,
    flag: Arc<Flag>,
}

/// Runs tasks in virtual time: when none has anything to do, time jumps to the next timer.
#[derive(Default)]
pub struct Executor<'a> {
    tasks: Vec<Option<Task<'a>>>,
    clock: SimClock,
    polls: u64,
}

impl<'a> Executor<'a> {
    /// Polls without any progress of time that are taken for a livelock.
    const LIVELOCK: u64 = 1_000_000;

    /// An executor on this clock.
    #[must_use]
    pub fn new(clock: &SimClock) -> Self {
        Self { tasks: Vec::new(), clock: clock.clone(), polls: 0 }
    }

    /// Adds a task.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'a) {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        self.tasks.push(Some(Task { future: Box::pin(future), flag }));
    }

    /// Polls until nobody has anything to do at this time.
    ///
    /// # Panics
    /// When the tasks keep each other busy without end.
    pub fn settle(&mut self) {
        let start = self.polls;
        loop {
            let mut idle = true;
            for place in &mut self.tasks {
                let Some(task) = place else { continue };
                if !task.flag.0.swap(false, Ordering::Relaxed) {
                    continue;
                }
                idle = false;
                self.polls += 1;
                let waker = Waker::from(task.flag.clone());
                if task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                    *place = None;
                }
            }
            if idle {
                return;
            }
            assert!(self.polls - start < Self::LIVELOCK, "tasks run without end");
        }
    }

    /// Runs until `done`, for `limit` at most; returns whether it was done.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut() -> bool) -> bool {
        let end = self.clock.now() + limit;
        loop {
            self.settle();
            if done() {
                return true;
            }
            let next = self.clock.0.timers.borrow().keys().next().map(|key| key.0);
            let Some(next) = next.filter(|next| *next <= end) else {
                self.clock.0.now.set(end);
                return false;
            };
            self.clock.0.now.set(next.max(self.clock.now()));
            loop {
                let mut timers = self.clock.0.timers.borrow_mut();
                let Some(entry) = timers.first_entry().filter(|e| e.key().0 <= next) else { break };
                let waker = entry.remove();
                drop(timers);
                waker.wake();
            }
        }
    }

    /// Runs for a time.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(duration, || false);
        self.settle();
    }
}
