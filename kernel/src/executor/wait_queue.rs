//! Where tasks wait for something that an interrupt handler or another task announces.

use crate::sync::IrqCell;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

/// A queue of waiting tasks. Waking is allowed everywhere, interrupt handlers included.
///
/// A wake-up says "look again", not "it is there": whoever waits checks its condition itself.
/// [`wait_until`](Self::wait_until) does it in the order that loses no wake-up.
pub struct WaitQueue(IrqCell<Waiters>);

struct Waiters {
    /// Counts the calls of `wake_all`, so that a future knows whether there was one since it was
    /// made.
    wakes: u64,
    next_ticket: u64,
    waiting: Vec<(Ticket, Waker)>,
}

/// Says who registered, so that it can be taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ticket {
    /// [`WaitQueue::register`]: a task, found again by its waker.
    Task,
    /// A [`Wait`].
    Future(u64),
}

impl WaitQueue {
    /// An empty queue.
    pub const fn new() -> Self {
        Self(IrqCell::new(Waiters { wakes: 0, next_ticket: 0, waiting: Vec::new() }))
    }

    /// Wakes every task that waits now.
    pub fn wake_all(&self) {
        self.0.with(|waiters| {
            waiters.wakes += 1;
            for (_, waker) in waiters.waiting.drain(..) {
                waker.wake();
            }
        });
    }

    /// How often [`wake_all`](Self::wake_all) was called: who remembers the number sees whether
    /// something may have changed since.
    pub fn wakes(&self) -> u64 {
        self.0.with(|waiters| waiters.wakes)
    }

    /// Has the task behind `context` woken by the next [`wake_all`](Self::wake_all).
    ///
    /// Register first and check the condition afterwards, or a wake-up in between is lost.
    /// Registering a task twice does nothing.
    pub fn register(&self, context: &Context<'_>) {
        self.0.with(|waiters| {
            // The executor's wakers differ in their data, so the function tables, of which the
            // compiler may make several, need no look (as `will_wake` would have).
            let registered = |(ticket, waker): &(Ticket, Waker)| {
                *ticket == Ticket::Task && waker.data() == context.waker().data()
            };
            if !waiters.waiting.iter().any(registered) {
                waiters.waiting.push((Ticket::Task, context.waker().clone()));
            }
        });
    }

    /// Waits for the next [`wake_all`](Self::wake_all) after this call (not after the first poll).
    pub fn wait(&self) -> Wait<'_> {
        Wait { queue: self, seen: self.0.with(|waiters| waiters.wakes), ticket: None }
    }

    /// Waits until `check` returns something. No wake-up between a check and the wait is lost.
    pub async fn wait_until<T>(&self, mut check: impl FnMut() -> Option<T>) -> T {
        loop {
            let wait = self.wait();
            if let Some(found) = check() {
                return found;
            }
            wait.await;
        }
    }
}

impl Default for WaitQueue {
    fn default() -> Self {
        Self::new()
    }
}

/// The future of [`WaitQueue::wait`]. Dropped early, it leaves nothing behind in the queue.
pub struct Wait<'a> {
    queue: &'a WaitQueue,
    seen: u64,
    ticket: Option<u64>,
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (queue, seen, ticket) = (self.queue, self.seen, self.ticket);
        queue.0.with(|waiters| {
            if waiters.wakes != seen {
                self.ticket = None;
                return Poll::Ready(());
            }
            let mine = |(other, _): &&mut (Ticket, Waker)| {
                ticket.is_some_and(|number| *other == Ticket::Future(number))
            };
            if let Some((_, waker)) = waiters.waiting.iter_mut().find(mine) {
                waker.clone_from(context.waker());
            } else {
                let number = waiters.next_ticket;
                waiters.next_ticket += 1;
                waiters.waiting.push((Ticket::Future(number), context.waker().clone()));
                self.ticket = Some(number);
            }
            Poll::Pending
        })
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.ticket.take() {
            self.queue.0.with(|waiters| {
                waiters.waiting.retain(|(ticket, _)| *ticket != Ticket::Future(number));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor;
    use alloc::rc::Rc;
    use core::cell::Cell;

    #[test]
    fn a_wake_up_between_check_and_wait_is_not_lost() {
        let queue = WaitQueue::new();
        let wait = queue.wait();
        queue.wake_all();
        assert_eq!(executor::poll_once(wait), Poll::Ready(()));
    }

    #[test]
    fn a_dropped_future_leaves_no_waker() {
        let queue = WaitQueue::new();
        {
            let mut first = core::pin::pin!(queue.wait());
            let mut second = core::pin::pin!(queue.wait());
            let mut context = Context::from_waker(Waker::noop());
            assert!(first.as_mut().poll(&mut context).is_pending());
            assert!(first.as_mut().poll(&mut context).is_pending());
            assert!(second.as_mut().poll(&mut context).is_pending());
            assert_eq!(queue.0.with(|waiters| waiters.waiting.len()), 2);
        }
        assert_eq!(queue.0.with(|waiters| waiters.waiting.len()), 0);
    }

    #[test]
    fn registering_a_task_twice_keeps_one_waker() {
        let queue = WaitQueue::new();
        let context = Context::from_waker(Waker::noop());
        queue.register(&context);
        queue.register(&context);
        assert_eq!(queue.0.with(|waiters| waiters.waiting.len()), 1);
    }

    #[test]
    fn wait_until_looks_again_after_each_wake_up() {
        let queue: &'static WaitQueue = alloc::boxed::Box::leak(Box::new(WaitQueue::new()));
        let (level, seen) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (task_level, task_seen) = (Rc::clone(&level), Rc::clone(&seen));
        executor::spawn("waits", async move {
            let found =
                queue.wait_until(|| (task_level.get() >= 2).then(|| task_level.get())).await;
            task_seen.set(found);
        });
        for step in 1..=3 {
            executor::run_until_idle();
            assert_eq!(seen.get(), 0);
            level.set(step);
            if step == 2 {
                break;
            }
            queue.wake_all();
        }
        queue.wake_all();
        executor::run_until_idle();
        assert_eq!(seen.get(), 2);
    }
}
