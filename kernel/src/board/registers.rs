//! A register block at an address.

use crate::memory::layout;
use core::marker::PhantomData;
use core::ops::Deref;

/// A block of device registers, mapped for ever.
pub(super) struct Mmio<T> {
    address: u64,
    registers: PhantomData<T>,
}

// SAFETY: one core runs the kernel, and each access to a register is one volatile load or store.
unsafe impl<T> Sync for Mmio<T> {}

impl<T: 'static> Mmio<T> {
    /// The block at a physical address.
    ///
    /// # Safety
    ///
    /// A block of type `T` is there, within one of [`DEVICE_RANGES`](super::DEVICE_RANGES).
    pub(super) const unsafe fn new(physical: u64) -> Self {
        Self { address: physical + layout::DEVICE_OFFSET, registers: PhantomData }
    }

    /// The block, for as long as the kernel runs.
    pub(super) fn registers(&self) -> &'static T {
        // SAFETY: `new`'s caller promised that the block is there; the device ranges are mapped
        // before anything uses a device, and never unmapped. `T` consists of register cells.
        unsafe { &*(self.address as *const T) }
    }
}

impl<T: 'static> Deref for Mmio<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.registers()
    }
}
