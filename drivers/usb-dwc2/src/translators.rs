//! The transaction translators of high-speed hubs: who uses one, and what was left in it.
//!
//! A translator has a few non-periodic buffers (USB 2.0 section 11.17), and the hubs in use can be
//! trusted with one transaction at a time only. So a translator is locked for each packet. A packet
//! whose result was never collected (its transfer failed, ran out of time or was dropped) keeps a
//! buffer in use; the next one to lock the translator is told, and clears it first.

use crate::waiting::{Waiters, until};
use core::cell::RefCell;
use core::task::Poll;
use core::time::Duration;
use heapless::Vec;
use usb_core::host::{Clock, SetupPacket};
use usb_core::pipe::{DeviceAddress, PortNumber, TransactionTranslator};

/// Translators remembered at a time. Each serves at least one device, of which the bus has sixteen.
const MAX_TRANSLATORS: usize = 16;
/// Packets remembered to have been left in one: translators have no more buffers.
const MAX_LEFT: usize = 4;

/// Which translator: the hub, and its port where each port has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Key {
    hub: DeviceAddress,
    port: PortNumber,
}

impl From<TransactionTranslator> for Key {
    fn from(translator: TransactionTranslator) -> Self {
        Self { hub: translator.hub, port: translator.request_port() }
    }
}

/// The requests that free what unfinished packets left.
type Left = Vec<SetupPacket, MAX_LEFT>;

#[derive(Clone, Debug)]
struct Entry {
    key: Key,
    taken: bool,
    left: Left,
}

/// The translators in use, or with something left in them.
pub(crate) struct Translators {
    entries: RefCell<Vec<Entry, MAX_TRANSLATORS>>,
    waiters: Waiters,
}

impl Translators {
    pub(crate) const fn new() -> Self {
        Self { entries: RefCell::new(Vec::new()), waiters: Waiters::new() }
    }

    /// Takes a translator; `None` while another packet has it.
    fn try_lock(&self, translator: TransactionTranslator) -> Option<TranslatorLock<'_>> {
        let key = Key::from(translator);
        let mut entries = self.entries.borrow_mut();
        if let Some(entry) = entries.iter_mut().find(|entry| entry.key == key) {
            if core::mem::replace(&mut entry.taken, true) {
                return None;
            }
            let left = core::mem::take(&mut entry.left);
            return Some(TranslatorLock { table: self, key, left, unfinished: None });
        }
        if entries.is_full() {
            // One that nobody uses: what was left in it goes unnoticed, if its hub is there at all.
            let idle = entries.iter().position(|entry| !entry.taken)?;
            entries.swap_remove(idle);
        }
        // There is room now.
        let _ = entries.push(Entry { key, taken: true, left: Left::new() });
        Some(TranslatorLock { table: self, key, left: Left::new(), unfinished: None })
    }

    /// Takes a translator, waiting for it; `None` when the deadline passes first.
    pub(crate) async fn lock<C: Clock>(
        &self,
        clock: &C,
        translator: TransactionTranslator,
        deadline: Option<Duration>,
    ) -> Option<TranslatorLock<'_>> {
        until(clock, deadline, |context| {
            self.waiters.register(context.waker());
            self.try_lock(translator).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Forgets what was left anywhere: every hub has been reset.
    pub(crate) fn forget(&self) {
        let mut entries = self.entries.borrow_mut();
        entries.retain(|entry| entry.taken);
        for entry in entries.iter_mut() {
            entry.left.clear();
        }
    }
}

/// A translator, until this is dropped.
pub(crate) struct TranslatorLock<'l> {
    table: &'l Translators,
    key: Key,
    left: Left,
    unfinished: Option<SetupPacket>,
}

impl TranslatorLock<'_> {
    /// The request that frees something an earlier packet left.
    pub(crate) fn left(&self) -> Option<SetupPacket> {
        self.left.last().copied()
    }

    /// What `clear` frees is free, or is taken up again.
    pub(crate) fn forget(&mut self, clear: SetupPacket) {
        self.left.retain(|left| *left != clear);
    }

    /// From here on the translator may hold a packet, which `clear` would free.
    pub(crate) fn begin(&mut self, clear: SetupPacket) {
        self.unfinished = Some(clear);
    }

    /// The translator has given its result, or has never taken the packet.
    pub(crate) fn finish(&mut self) {
        self.unfinished = None;
    }
}

impl Drop for TranslatorLock<'_> {
    fn drop(&mut self) {
        let mut entries = self.table.entries.borrow_mut();
        if let Some(at) = entries.iter().position(|entry| entry.key == self.key) {
            let mut left = core::mem::take(&mut self.left);
            if let Some(unfinished) = self.unfinished
                && !left.contains(&unfinished)
            {
                if left.is_full() {
                    // Was told to be freed in vain, and longest ago.
                    left.remove(0);
                }
                // There is room now.
                let _ = left.push(unfinished);
            }
            if left.is_empty() {
                entries.swap_remove(at);
            } else {
                entries[at].taken = false;
                entries[at].left = left;
            }
        }
        drop(entries);
        self.table.waiters.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translator(hub: u8, port: u8, multi: bool) -> TransactionTranslator {
        let (hub, port) = (DeviceAddress::new(hub), PortNumber::new(port));
        TransactionTranslator { hub: hub.unwrap(), port: port.unwrap(), multi }
    }

    fn clear(value: u16) -> SetupPacket {
        SetupPacket { request_type: 0x23, request: 8, value, index: 1, length: 0 }
    }

    #[test]
    fn one_at_a_time_and_hubs_apart() {
        let table = Translators::new();
        let held = table.try_lock(translator(127, 1, false)).unwrap();
        assert!(table.try_lock(translator(127, 2, false)).is_none());
        assert!(table.try_lock(translator(0, 1, false)).is_some());
        drop(held);
        assert!(table.try_lock(translator(127, 2, false)).is_some());
    }

    #[test]
    fn ports_with_their_own_translators_do_not_wait_for_each_other() {
        let table = Translators::new();
        let _first = table.try_lock(translator(5, 1, true)).unwrap();
        assert!(table.try_lock(translator(5, 2, true)).is_some());
        assert!(table.try_lock(translator(5, 1, true)).is_none());
    }

    #[test]
    fn what_is_left_is_told_to_the_next_one_only() {
        let table = Translators::new();
        let place = translator(3, 2, false);
        table.try_lock(place).unwrap().begin(clear(7));
        let mut next = table.try_lock(place).unwrap();
        assert_eq!(next.left(), Some(clear(7)));
        next.forget(clear(7));
        next.begin(clear(8));
        next.finish();
        drop(next);
        assert_eq!(table.try_lock(place).unwrap().left(), None);
        // Not cleared yet: it stays, and is not told twice.
        table.try_lock(place).unwrap().begin(clear(9));
        drop(table.try_lock(place).unwrap());
        table.try_lock(place).unwrap().begin(clear(9));
        let mut next = table.try_lock(place).unwrap();
        assert_eq!(next.left(), Some(clear(9)));
        next.forget(clear(9));
        assert_eq!(next.left(), None);
        drop(next);
        // The oldest ones are dropped when there are too many.
        for value in 0..6 {
            table.try_lock(place).unwrap().begin(clear(value));
        }
        let mut next = table.try_lock(place).unwrap();
        for value in [5, 4, 3, 2] {
            assert_eq!(next.left(), Some(clear(value)));
            next.forget(clear(value));
        }
        assert_eq!(next.left(), None);
        drop(next);
        table.try_lock(place).unwrap().begin(clear(1));
        table.forget();
        assert_eq!(table.try_lock(place).unwrap().left(), None);
    }

    #[test]
    fn a_full_table_forgets_what_nobody_uses() {
        let table = Translators::new();
        for hub in 1..=16 {
            table.try_lock(translator(hub, 1, false)).unwrap().begin(clear(u16::from(hub)));
        }
        let held: std::vec::Vec<_> =
            (20..36).map(|hub| table.try_lock(translator(hub, 1, false)).unwrap()).collect();
        // All in use: this one has to wait.
        assert!(table.try_lock(translator(40, 1, false)).is_none());
        drop(held);
        assert!(table.try_lock(translator(40, 1, false)).is_some());
    }
}
