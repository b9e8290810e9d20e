//! Waiting: for something or a deadline, and for something that another task gives up.

use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use usb_core::host::Clock;

/// Polls until it is ready, or until `deadline` (on `clock`) has passed: then `None`.
///
/// `poll` must register the waker before it looks. No timer is set up when it is ready at once,
/// which is the common case of a fast transfer.
pub(crate) async fn until<C: Clock, T>(
    clock: &C,
    deadline: Option<Duration>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    let first = poll_fn(|context| match poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await;
    if first.is_some() {
        return first;
    }
    let Some(deadline) = deadline else {
        return Some(poll_fn(poll).await);
    };
    let mut sleep = pin!(clock.sleep(deadline.saturating_sub(clock.now())));
    poll_fn(|context| {
        if let Poll::Ready(value) = poll(context) {
            return Poll::Ready(Some(value));
        }
        sleep.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// The earlier of two deadlines, of which either may not exist.
pub(crate) fn earlier(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Tasks that wait for something that another task gives up or brings about.
pub(crate) struct Waiters {
    wakers: RefCell<heapless::Vec<Waker, 32>>,
    /// Count of [`Waiters::wake_all`], modulo 2^32: tells a wake-up from a first look.
    round: Cell<u32>,
}

impl Waiters {
    pub(crate) const fn new() -> Self {
        Self { wakers: RefCell::new(heapless::Vec::new()), round: Cell::new(0) }
    }

    /// The round, to be taken before looking at what is waited for.
    pub(crate) fn round(&self) -> u32 {
        self.round.get()
    }

    /// Ready when [`Waiters::wake_all`] was called since `round` was taken.
    pub(crate) fn poll_since(&self, round: u32, context: &Context<'_>) -> Poll<()> {
        if self.round.get() != round {
            return Poll::Ready(());
        }
        self.register(context.waker());
        Poll::Pending
    }

    /// Notes the task. A task that gave up waiting is not taken out; when the list is full,
    /// everyone is woken and who still waits registers again, so that nobody is forgotten.
    pub(crate) fn register(&self, waker: &Waker) {
        let known = self.wakers.borrow().iter().any(|known| known.will_wake(waker));
        if known {
            return;
        }
        if self.wakers.borrow().is_full() {
            self.wake();
        }
        // There is room now: the list has just been emptied, or was not full.
        let _ = self.wakers.borrow_mut().push(waker.clone());
    }

    fn wake(&self) {
        let wakers = core::mem::take(&mut *self.wakers.borrow_mut());
        for waker in wakers {
            waker.wake();
        }
    }

    /// Wakes everyone; who still can't have what it wants registers again.
    pub(crate) fn wake_all(&self) {
        self.round.set(self.round.get().wrapping_add(1));
        self.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_full_list_forgets_nobody() {
        let waiters = Waiters::new();
        let counts: std::vec::Vec<_> =
            (0..33).map(|_| Arc::new(Count(AtomicU32::new(0)))).collect();
        let round = waiters.round();
        for count in &counts {
            let waker = Waker::from(count.clone());
            let context = Context::from_waker(&waker);
            // Twice: a task is in the list once.
            assert!(waiters.poll_since(round, &context).is_pending());
            assert!(waiters.poll_since(round, &context).is_pending());
        }
        let woken = || counts.iter().filter(|count| count.0.load(Ordering::Relaxed) == 1).count();
        assert_eq!(woken(), 32, "the full list was woken to make room");
        waiters.wake_all();
        assert_eq!(woken(), 33);
        assert!(waiters.poll_since(round, &Context::from_waker(Waker::noop())).is_ready());
    }
}
