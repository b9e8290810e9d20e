//! Which device addresses are in use.

use super::ROOT_HUB_ADDRESS;
use crate::pipe::DeviceAddress;
use core::cell::Cell;

/// Hands out addresses 2 to 127, round robin so that a late answer of a device that is gone does
/// not meet a new one. 1 is the root hub's number in listings, as on Linux.
pub(super) struct AddressPool {
    /// Bit n: address n is taken.
    taken: Cell<u128>,
    next: Cell<u8>,
}

impl AddressPool {
    const FIRST: u8 = ROOT_HUB_ADDRESS.get() + 1;

    pub(super) const fn new() -> Self {
        Self { taken: Cell::new(0), next: Cell::new(Self::FIRST) }
    }

    pub(super) fn allocate(&self) -> Option<DeviceAddress> {
        let taken = self.taken.get();
        let start = self.next.get();
        let free =
            (start..128).chain(Self::FIRST..start).find(|address| taken & (1 << address) == 0)?;
        self.taken.set(taken | 1 << free);
        self.next.set(if free == 127 { Self::FIRST } else { free + 1 });
        DeviceAddress::new(free)
    }

    pub(super) fn free(&self, address: DeviceAddress) {
        self.taken.set(self.taken.get() & !(1 << address.get()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_once_and_then_none() {
        let pool = AddressPool::new();
        for expected in 2..128 {
            assert_eq!(pool.allocate().map(DeviceAddress::get), Some(expected));
        }
        assert_eq!(pool.allocate(), None);
        pool.free(DeviceAddress::new(77).expect("a valid address"));
        assert_eq!(pool.allocate().map(DeviceAddress::get), Some(77));
        assert_eq!(pool.allocate(), None);
    }

    #[test]
    fn a_freed_address_rests() {
        let pool = AddressPool::new();
        let first = pool.allocate().expect("a free address");
        pool.free(first);
        assert_ne!(pool.allocate(), Some(first));
    }
}
