//! Interfaces whose adapters are to hand over all frames, not only those for this host, because
//! somebody watches (PACKET_MR_PROMISC, packet(7)). Who watches a VLAN watches the interface below.

use super::{port, with_stack};
use crate::executor::WaitQueue;
use crate::sync::TaskCell;
use ::net::interface::InterfaceIndex;
#[cfg(any(target_os = "none", test))]
use ::net::netif::ReceiveFilter;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::Cell;

/// Woken when an interface is watched first or by nobody any more.
pub(super) static CHANGED: WaitQueue = WaitQueue::new();

/// The interfaces that are watched, and by how many.
static WATCHED: TaskCell<Vec<(InterfaceIndex, Rc<Cell<u32>>)>> = TaskCell::new(Vec::new());

/// One who watches an interface, as long as the value is there.
pub(super) struct Watch {
    interface: InterfaceIndex,
    /// The same of the interface below a VLAN.
    _below: Option<Box<Self>>,
    /// How many do. It belongs to the interface that was there when this began, not to another one
    /// that came to have its number.
    count: Rc<Cell<u32>>,
}

impl Watch {
    /// Begins to watch.
    pub(super) fn new(interface: InterfaceIndex) -> Self {
        let count = WATCHED.with(|watched| {
            if let Some((_, count)) = watched.iter().find(|(index, _)| *index == interface) {
                return count.clone();
            }
            let count = Rc::new(Cell::new(0));
            watched.push((interface, count.clone()));
            count
        });
        count.set(count.get() + 1);
        if count.get() == 1 {
            log::info!("{}: entered promiscuous mode", port::name(interface));
            CHANGED.wake_all();
        }
        let parent = with_stack(|stack| stack.interface(interface)?.vlan().map(|vlan| vlan.parent));
        let below = parent.map(|parent| Box::new(Self::new(parent)));
        Self { interface, _below: below, count }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.count.set(self.count.get().saturating_sub(1));
        if self.count.get() > 0 {
            return;
        }
        let left = WATCHED.with(|watched| {
            let before = watched.len();
            watched.retain(|(_, count)| !Rc::ptr_eq(count, &self.count));
            watched.len() < before
        });
        if left {
            log::info!("{}: left promiscuous mode", port::name(self.interface));
            CHANGED.wake_all();
        }
    }
}

/// How many watch an interface (IFLA_PROMISCUITY).
pub(super) fn count(interface: InterfaceIndex) -> u32 {
    WATCHED.with(|watched| {
        let found = watched.iter().find(|(index, _)| *index == interface);
        found.map_or(0, |(_, count)| count.get())
    })
}

/// What the adapter of an interface is to hand over.
#[cfg(any(target_os = "none", test))]
pub(super) fn filter(interface: InterfaceIndex) -> ReceiveFilter {
    if count(interface) > 0 { ReceiveFilter::All } else { ReceiveFilter::Own }
}

/// An interface is gone; who watched it watches nothing.
pub(super) fn forget(interface: InterfaceIndex) {
    WATCHED.with(|watched| watched.retain(|(index, _)| *index != interface));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_who_goes_ends_it() {
        let usb0 = InterfaceIndex::new(77).expect("not 0");
        assert_eq!(filter(usb0), ReceiveFilter::Own);
        let (first, second) = (Watch::new(usb0), Watch::new(usb0));
        assert_eq!((count(usb0), filter(usb0)), (2, ReceiveFilter::All));
        drop(first);
        assert_eq!(filter(usb0), ReceiveFilter::All);
        drop(second);
        assert_eq!((count(usb0), filter(usb0)), (0, ReceiveFilter::Own));
    }

    #[test]
    fn another_interface_of_the_same_number_is_not_watched() {
        let usb0 = InterfaceIndex::new(78).expect("not 0");
        let old = Watch::new(usb0);
        forget(usb0);
        assert_eq!(filter(usb0), ReceiveFilter::Own);
        let new = Watch::new(usb0);
        drop(old);
        assert_eq!(count(usb0), 1);
        drop(new);
        assert_eq!(count(usb0), 0);
    }
}
