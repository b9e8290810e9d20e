//! Timers: futures that complete at a point in time.

use super::with_state;
use crate::time::{self, Duration, Instant};
use alloc::collections::BTreeMap;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

/// Pending timers in the order in which they expire. The number keeps timers of the same instant
/// apart, in the order in which they were set.
pub(super) struct Timers {
    pending: BTreeMap<(Instant, u64), Waker>,
    next_number: u64,
}

impl Timers {
    pub(super) const fn new() -> Self {
        Self { pending: BTreeMap::new(), next_number: 0 }
    }

    fn set(&mut self, deadline: Instant, waker: Waker) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.pending.insert((deadline, number), waker);
        number
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.pending.first_key_value().map_or(Instant::FAR_FUTURE, |((deadline, _), _)| *deadline)
    }

    /// Wakes everyone whose time has come.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(first) = self.pending.first_entry() {
            if first.key().0 > now {
                return;
            }
            first.remove().wake();
        }
    }
}

/// The future of [`sleep`] and [`sleep_until`].
pub struct Sleep {
    deadline: Instant,
    number: Option<u64>,
}

/// Waits until `deadline`.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, number: None }
}

/// Waits for at least `duration`, counted from this call.
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(time::now() + duration)
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if time::now() >= self.deadline {
            return Poll::Ready(());
        }
        let (deadline, number) = (self.deadline, self.number);
        let number = with_state(|state| {
            if let Some(number) = number
                && let Some(waker) = state.timers.pending.get_mut(&(deadline, number))
            {
                waker.clone_from(context.waker());
                return number;
            }
            state.timers.set(deadline, context.waker().clone())
        });
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            with_state(|state| state.timers.pending.remove(&(self.deadline, number)));
        }
    }
}

/// The time allowed has passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elapsed;

/// `future`'s result, unless it takes longer than `duration`; then it is dropped.
pub async fn timeout<T>(duration: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut future = core::pin::pin!(future);
    let mut sleep = core::pin::pin!(sleep(duration));
    core::future::poll_fn(|context| {
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(value));
        }
        sleep.as_mut().poll(context).map(|()| Err(Elapsed))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::{block_on, run_until_idle, spawn};
    use alloc::rc::Rc;
    use alloc::vec::Vec;
    use core::cell::RefCell;

    #[test]
    fn sleepers_wake_in_the_order_of_their_deadlines() {
        let log = Rc::new(RefCell::new(Vec::new()));
        for millis in [30, 10, 20, 10] {
            let log = Rc::clone(&log);
            spawn("sleeper", async move {
                sleep(Duration::from_millis(millis)).await;
                log.borrow_mut().push((millis, time::now().as_millis()));
            });
        }
        let start = time::now().as_millis();
        block_on(sleep(Duration::from_millis(40)));
        let expected: Vec<_> =
            [10, 10, 20, 30].into_iter().map(|millis| (millis, start + millis)).collect();
        assert_eq!(*log.borrow(), expected);
    }

    #[test]
    fn a_timeout_ends_what_takes_too_long_and_leaves_no_timer() {
        let result = block_on(timeout(Duration::from_secs(1), core::future::pending::<()>()));
        assert_eq!(result, Err(Elapsed));
        let result = block_on(timeout(Duration::from_secs(1), async {
            sleep(Duration::from_millis(999)).await;
            7
        }));
        assert_eq!(result, Ok(7));
        run_until_idle();
        assert_eq!(crate::executor::next_deadline(), Instant::FAR_FUTURE);
    }

    #[test]
    fn a_deadline_in_the_past_is_ready_at_once() {
        assert_eq!(crate::executor::poll_once(sleep_until(Instant::ZERO)), Poll::Ready(()));
    }
}
