//! The interval timer of a process: setitimer(2) with `ITIMER_REAL`.
//!
//! The process's own future drives it: it is polled together with the program, also while that
//! waits or is stopped.

use super::object::Process;
use super::signal::Signal;
use crate::executor::Sleep;
use crate::time::{self, Duration, Instant};
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::task::Context;

/// The timer of one process.
#[derive(Default)]
pub struct Alarm {
    deadline: Cell<Option<Instant>>,
    interval: Cell<Duration>,
    sleep: RefCell<Option<Sleep>>,
}

impl Alarm {
    /// Sets when it runs out and after how long again; `None` and zero for never. Returns how
    /// long it would have taken and its interval.
    pub fn set(&self, first: Option<Duration>, interval: Duration) -> (Duration, Duration) {
        let old = self.get();
        self.interval.set(interval);
        let deadline = first.map(|first| time::now() + first);
        self.deadline.set(deadline);
        self.sleep.replace(deadline.map(time::sleep_until));
        old
    }

    /// How long it will take, zero when it is off, and its interval.
    pub fn get(&self) -> (Duration, Duration) {
        let left = self.deadline.get().map_or(Duration::ZERO, |deadline| {
            // A timer that is on never reads as off.
            deadline.saturating_since(time::now()).max(Duration::from_micros(1))
        });
        (left, self.interval.get())
    }

    /// Sends SIGALRM if it has run out, and has the task behind `context` polled when it will.
    pub(super) fn poll(&self, process: &Process, context: &mut Context<'_>) {
        if !self.poll_sleep(context) {
            return;
        }
        let interval = self.interval.get();
        // Periods that went by unseen are one signal.
        let again = self.deadline.get().filter(|_| interval > Duration::ZERO);
        let next = again.map(|deadline| (deadline + interval).max(time::now()));
        self.deadline.set(next);
        self.sleep.replace(next.map(time::sleep_until));
        process.raise(Signal::ALRM);
        if self.poll_sleep(context) {
            // It is over already: the task is polled again, but others come first.
            self.sleep.replace(next.map(time::sleep_until));
            context.waker().wake_by_ref();
        }
    }

    fn poll_sleep(&self, context: &mut Context<'_>) -> bool {
        match &mut *self.sleep.borrow_mut() {
            Some(sleep) => Pin::new(sleep).poll(context).is_ready(),
            None => false,
        }
    }
}
