//! Virtual time: it moves only when everything waits.

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
struct Inner {
    now: Cell<Duration>,
    timers: RefCell<BTreeMap<(Duration, u64), Waker>>,
    count: Cell<u64>,
}

#[derive(Clone, Default)]
pub struct VirtualClock(Rc<Inner>);

impl VirtualClock {
    pub fn next_timer(&self) -> Option<Duration> {
        self.0.timers.borrow().keys().next().map(|(at, _)| *at)
    }

    /// Moves on and wakes what is due.
    pub fn advance(&self, to: Duration) {
        assert!(to >= self.0.now.get(), "time runs backwards");
        self.0.now.set(to);
        loop {
            let due = {
                let mut timers = self.0.timers.borrow_mut();
                match timers.keys().next() {
                    Some(key) if key.0 <= to => {
                        let key = *key;
                        timers.remove(&key)
                    }
                    _ => None,
                }
            };
            match due {
                Some(waker) => waker.wake(),
                None => return,
            }
        }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.0.now.get()
    }

    async fn sleep(&self, duration: Duration) {
        Sleep { clock: self.clone(), at: self.now() + duration, key: None }.await;
    }
}

struct Sleep {
    clock: VirtualClock,
    at: Duration,
    key: Option<(Duration, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let inner = self.clock.0.clone();
        if let Some(key) = self.key.take() {
            inner.timers.borrow_mut().remove(&key);
        }
        if inner.now.get() >= self.at {
            return Poll::Ready(());
        }
        inner.count.set(inner.count.get() + 1);
        let key = (self.at, inner.count.get());
        inner.timers.borrow_mut().insert(key, context.waker().clone());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.clock.0.timers.borrow_mut().remove(&key);
        }
    }
}

/// A task has something to do.
pub struct Flag(pub AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task<'a> {
    future: Pin<Box<dyn Future<Output = ()> + 'a>>,
    flag: Arc<Flag>,
    waker: Waker,
}

/// Tasks, polled in their order.
#[derive(Default)]
pub struct Tasks<'a>(Vec<Option<Task<'a>>>);

impl<'a> Tasks<'a> {
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'a) {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(flag.clone());
        self.0.push(Some(Task { future: Box::pin(future), flag, waker }));
    }

    /// Polls each task that has something to do, once; returns whether there was one.
    pub fn poll(&mut self) -> bool {
        let mut any = false;
        for place in &mut self.0 {
            let Some(task) = place else { continue };
            if !task.flag.0.swap(false, Ordering::Relaxed) {
                continue;
            }
            any = true;
            if task.future.as_mut().poll(&mut Context::from_waker(&task.waker)).is_ready() {
                *place = None;
            }
        }
        any
    }
}
