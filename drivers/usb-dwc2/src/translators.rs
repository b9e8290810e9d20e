//! One split transaction at a time on each transaction translator.
//!
//! A translator has a pair of non-periodic buffers (USB 2.0 section 11.17), and the hubs in use
//! can be trusted with one transaction at a time only. A hub with a translator for each port is
//! treated like the others: at full-speed rates nothing is lost by it.

use crate::waiting::{Waiters, until};
use core::cell::Cell;
use core::task::Poll;
use core::time::Duration;
use usb_core::host::Clock;
use usb_core::pipe::DeviceAddress;

/// Which hubs' translators are in use: a bit an address.
pub(crate) struct TranslatorLocks {
    taken: Cell<u128>,
    waiters: Waiters,
}

impl TranslatorLocks {
    pub(crate) const fn new() -> Self {
        Self { taken: Cell::new(0), waiters: Waiters::new() }
    }

    /// Takes the hub's translator; `None` while another transaction has it.
    fn try_lock(&self, hub: DeviceAddress) -> Option<TranslatorLock<'_>> {
        let bit = 1_u128 << hub.get();
        if self.taken.get() & bit != 0 {
            return None;
        }
        self.taken.set(self.taken.get() | bit);
        Some(TranslatorLock { locks: self, bit })
    }

    /// Takes the hub's translator, waiting for it; `None` when the deadline passes first.
    pub(crate) async fn lock<C: Clock>(
        &self,
        clock: &C,
        hub: DeviceAddress,
        deadline: Option<Duration>,
    ) -> Option<TranslatorLock<'_>> {
        until(clock, deadline, |context| {
            self.waiters.register(context.waker());
            self.try_lock(hub).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The translator is ours until this is dropped.
pub(crate) struct TranslatorLock<'l> {
    locks: &'l TranslatorLocks,
    bit: u128,
}

impl Drop for TranslatorLock<'_> {
    fn drop(&mut self) {
        self.locks.taken.set(self.locks.taken.get() & !self.bit);
        self.locks.waiters.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_hubs_apart() {
        let locks = TranslatorLocks::new();
        let hub = |n| DeviceAddress::new(n).unwrap();
        let held = locks.try_lock(hub(127)).unwrap();
        assert!(locks.try_lock(hub(127)).is_none());
        assert!(locks.try_lock(hub(0)).is_some());
        drop(held);
        assert!(locks.try_lock(hub(127)).is_some());
    }
}
