//! Waiting for each other on one single-threaded executor: conditions, signals and a lock.
//!
//! Everything that shares a bus runs on one executor thread (see [`crate::host::HostController`]),
//! so cells do where atomics would otherwise be needed. All waits are cancel-safe: a dropped
//! future leaves nothing behind but, at worst, a spurious wake-up.

use core::cell::{Cell, RefCell, RefMut};
use core::future::poll_fn;
use core::ops::{Deref, DerefMut};
use core::task::{Context, Poll, Waker};
use heapless::Vec;

/// Tasks that can wait for one thing without being woken more often than needed.
const WAITERS: usize = 4;

/// The wakers of the tasks that wait for one thing.
struct Waiters(RefCell<Vec<Waker, WAITERS>>);

impl Waiters {
    const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Remembers the task. When more tasks wait than there is room for, an earlier one is woken:
    /// it polls again and comes back, so a wake-up can be superfluous but never lost.
    fn register(&self, cx: &Context<'_>) {
        let mut waiters = self.0.borrow_mut();
        if waiters.iter().any(|waiter| waiter.will_wake(cx.waker())) {
            return;
        }
        if waiters.is_full() {
            waiters.remove(0).wake();
        }
        // There is room: one was just removed.
        let _ = waiters.push(cx.waker().clone());
    }

    fn wake(&self) {
        // Taken out first: a waker may run arbitrary code of the executor.
        let waiters = core::mem::take(&mut *self.0.borrow_mut());
        for waiter in waiters {
            waiter.wake();
        }
    }
}

/// Tells that something kept elsewhere, in cells, has changed.
pub(crate) struct Changed(Waiters);

impl Changed {
    pub(crate) const fn new() -> Self {
        Self(Waiters::new())
    }

    /// Makes everybody look again.
    pub(crate) fn notify(&self) {
        self.0.wake();
    }

    /// Returns once `condition` holds; it is looked at now and after each change.
    pub(crate) async fn wait_until(&self, condition: impl Fn() -> bool) {
        poll_fn(|cx| {
            if condition() {
                return Poll::Ready(());
            }
            self.0.register(cx);
            Poll::Pending
        })
        .await;
    }
}

/// An event for one waiter; several raised before it looks count as one.
pub(crate) struct Signal {
    raised: Cell<bool>,
    changed: Changed,
}

impl Signal {
    pub(crate) const fn new() -> Self {
        Self { raised: Cell::new(false), changed: Changed::new() }
    }

    pub(crate) fn raise(&self) {
        self.raised.set(true);
        self.changed.notify();
    }

    /// Returns after the next event, at once when there was one since the last wait.
    pub(crate) async fn wait(&self) {
        self.changed.wait_until(|| self.raised.replace(false)).await;
    }
}

/// A lock that a task may hold while it waits for something else.
pub(crate) struct Lock<T> {
    value: RefCell<T>,
    waiters: Waiters,
}

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { value: RefCell::new(value), waiters: Waiters::new() }
    }

    /// Waits until nobody else holds the lock.
    pub(crate) async fn lock(&self) -> Guard<'_, T> {
        poll_fn(|cx| {
            if let Ok(value) = self.value.try_borrow_mut() {
                return Poll::Ready(Guard { value: Some(value), lock: self });
            }
            self.waiters.register(cx);
            Poll::Pending
        })
        .await
    }
}

/// Holds a [`Lock`].
pub(crate) struct Guard<'a, T> {
    /// Present until the guard is dropped.
    value: Option<RefMut<'a, T>>,
    lock: &'a Lock<T>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_deref().expect("a guard holds its value until it is dropped")
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_deref_mut().expect("a guard holds its value until it is dropped")
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        self.lock.waiters.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::future::Future;
    use core::pin::pin;

    fn poll<F: Future>(future: core::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_signal_counts_once() {
        let signal = Signal::new();
        signal.raise();
        signal.raise();
        assert!(poll(pin!(signal.wait())).is_ready());
        assert!(poll(pin!(signal.wait())).is_pending());
    }

    #[test]
    fn a_condition_is_looked_at_again_after_a_change() {
        let (value, changed) = (Cell::new(0), Changed::new());
        let mut wait = pin!(changed.wait_until(|| value.get() == 2));
        assert!(poll(wait.as_mut()).is_pending());
        value.set(2);
        changed.notify();
        assert!(poll(wait).is_ready());
    }

    #[test]
    fn a_lock_excludes_and_is_released_on_drop() {
        let lock = Lock::new(1);
        let Poll::Ready(mut guard) = poll(pin!(lock.lock())) else { panic!("free lock") };
        let mut second = pin!(lock.lock());
        assert!(poll(second.as_mut()).is_pending());
        *guard += 1;
        drop(guard);
        let Poll::Ready(guard) = poll(second) else { panic!("released lock") };
        assert_eq!(*guard, 2);
    }
}
