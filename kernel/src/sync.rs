//! Shared state on one core: cells that only one closure at a time can reach.
//!
//! One core runs the whole kernel. Tasks never preempt each other (they are futures on one
//! executor), so between tasks the only danger is re-entry from the same call stack. Interrupt
//! handlers do preempt tasks, so what they share with tasks is reached with interrupts masked.
//!
//! A closure can't await, so nothing stays borrowed across an `.await`.
//!
//! On the host, where tests run in many threads, both cells are locks that know their owner.

use core::cell::UnsafeCell;

/// State shared by tasks, never by interrupt handlers.
pub struct TaskCell<T> {
    guard: Guard,
    value: UnsafeCell<T>,
}

// SAFETY:
// 1. `with` is the only way to the value, and `Guard` lets one closure in at a time.
// 2. In the kernel there is one thread of execution (one core; interrupt handlers don't use this
//    type), so that a value that is not `Send` never meets another thread. On the host only tests
//    run, and `Guard` is a lock there.
unsafe impl<T> Sync for TaskCell<T> {}

impl<T> TaskCell<T> {
    /// A cell that holds `value`.
    pub const fn new(value: T) -> Self {
        Self { guard: Guard::new(), value: UnsafeCell::new(value) }
    }

    /// Runs `f` on the value.
    ///
    /// # Panics
    ///
    /// When it is called again from within `f`: that is a bug in the kernel.
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let _entered = self.guard.enter();
        // SAFETY: `_entered` exists once per cell, so no other reference to the value does.
        f(unsafe { &mut *self.value.get() })
    }

    /// Like [`with`](Self::with), but gives up when the value is in use further up the call stack.
    /// For what a panic needs.
    pub fn try_with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        let _entered = self.guard.try_enter()?;
        // SAFETY: `_entered` exists once per cell, so no other reference to the value does.
        Some(f(unsafe { &mut *self.value.get() }))
    }
}

/// State shared by tasks and interrupt handlers; interrupts are masked while it is in use, so
/// closures must be short.
pub struct IrqCell<T> {
    guard: Guard,
    value: UnsafeCell<T>,
}

// SAFETY: as for `TaskCell`; interrupt handlers can't run while the closure does.
unsafe impl<T> Sync for IrqCell<T> {}

impl<T> IrqCell<T> {
    /// A cell that holds `value`.
    pub const fn new(value: T) -> Self {
        Self { guard: Guard::new(), value: UnsafeCell::new(value) }
    }

    /// Runs `f` on the value with interrupts masked.
    ///
    /// # Panics
    ///
    /// When it is called again from within `f`: that is a bug in the kernel.
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        without_interrupts(|| {
            let _entered = self.guard.enter();
            // SAFETY: `_entered` exists once per cell, so no other reference to the value does.
            f(unsafe { &mut *self.value.get() })
        })
    }

    /// Like [`with`](Self::with), but gives up when the value is in use further up the call stack.
    /// For the panic handler, which may have been entered from anywhere.
    pub fn try_with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        without_interrupts(|| {
            let _entered = self.guard.try_enter()?;
            // SAFETY: `_entered` exists once per cell, so no other reference to the value does.
            Some(f(unsafe { &mut *self.value.get() }))
        })
    }
}

/// Runs `f` with interrupts masked, then restores the mask as it was.
pub fn without_interrupts<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_os = "none")]
    {
        let mask = crate::arch::aarch64::cpu::mask_interrupts();
        let result = f();
        crate::arch::aarch64::cpu::restore_interrupts(mask);
        result
    }
    #[cfg(not(target_os = "none"))]
    f()
}

#[cfg(target_os = "none")]
use bare::Guard;
#[cfg(not(target_os = "none"))]
use host::Guard;

/// The guard on one core: a flag.
#[cfg(target_os = "none")]
mod bare {
    use core::cell::Cell;

    pub(super) struct Guard(Cell<bool>);

    pub(super) struct Entered<'a>(&'a Guard);

    impl Guard {
        pub(super) const fn new() -> Self {
            Self(Cell::new(false))
        }

        #[track_caller]
        pub(super) fn enter(&self) -> Entered<'_> {
            self.try_enter().expect("a cell was entered again from within its own closure")
        }

        pub(super) fn try_enter(&self) -> Option<Entered<'_>> {
            (!self.0.replace(true)).then_some(Entered(self))
        }
    }

    impl Drop for Entered<'_> {
        fn drop(&mut self) {
            self.0.0.set(false);
        }
    }
}

/// The guard on the host: a spinning lock that knows its owner, to find re-entry.
#[cfg(not(target_os = "none"))]
mod host {
    use core::sync::atomic::{AtomicUsize, Ordering};

    pub(super) struct Guard(AtomicUsize);

    pub(super) struct Entered<'a>(&'a Guard);

    fn this_thread() -> usize {
        std::thread_local!(static MARK: u8 = const { 0 });
        MARK.with(|mark| core::ptr::from_ref(mark) as usize)
    }

    impl Guard {
        pub(super) const fn new() -> Self {
            Self(AtomicUsize::new(0))
        }

        #[track_caller]
        pub(super) fn enter(&self) -> Entered<'_> {
            self.try_enter().expect("a cell was entered again from within its own closure")
        }

        pub(super) fn try_enter(&self) -> Option<Entered<'_>> {
            let this = this_thread();
            loop {
                match self.0.compare_exchange(0, this, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return Some(Entered(self)),
                    Err(owner) if owner == this => return None,
                    Err(_) => std::thread::yield_now(),
                }
            }
        }
    }

    impl Drop for Entered<'_> {
        fn drop(&mut self) {
            self.0.0.store(0, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_gives_its_value_to_one_closure_after_the_other() {
        static CELL: TaskCell<u32> = TaskCell::new(1);
        CELL.with(|value| *value += 1);
        assert_eq!(CELL.with(|value| *value), 2);
    }

    #[test]
    fn entering_twice_is_noticed() {
        let cell = IrqCell::new(());
        assert!(cell.with(|()| cell.try_with(|()| ())).is_none());
        assert!(cell.try_with(|()| ()).is_some());
        let result = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
            cell.with(|()| cell.with(|()| ()));
        }));
        assert!(result.is_err());
    }
}
