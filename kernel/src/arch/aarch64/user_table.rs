//! A process's translation tables (TTBR0).

use super::mmu;
use super::page_table::{Attributes, Descriptor, ENTRIES, Table, index};
use crate::memory::frame::Frame;
use crate::memory::{Permissions, PhysicalAddress, UserAddress, layout};
use crate::sync::TaskCell;
use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{Readable, TTBR0_EL1, Writeable};
use alloc::vec::Vec;
use bitmap_allocator::{BitAlloc, BitAlloc64K};
use core::arch::asm;

/// No frame was left for a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

/// The translation tables of one address space. It owns its tables and its ASID; the pages that
/// it maps belong to whoever mapped them, and must outlive their mapping.
pub struct UserTable {
    root: Frame,
    /// Tables of levels 2 and 3, reached through the root; kept here to be freed.
    tables: Vec<Frame>,
    asid: Asid,
}

impl UserTable {
    /// An empty address space, or `None` without memory or ASIDs.
    pub fn new() -> Option<Self> {
        Some(Self { root: Frame::allocate()?, tables: Vec::new(), asid: Asid::allocate()? })
    }

    /// Maps the page that contains `page` to a frame; what was mapped there before is replaced.
    pub fn map(
        &mut self,
        page: UserAddress,
        frame: PhysicalAddress,
        permissions: Permissions,
    ) -> Result<(), OutOfMemory> {
        let new = Descriptor::new(frame, Attributes::user_page(permissions));
        let slot = self.slot_or_new(page)?;
        // SAFETY: the slot is in a table of this address space, exclusively borrowed.
        let old = unsafe { slot.read() };
        if old.is_valid() {
            // Break before make (ARM DDI 0487, D8.14.1): the address changes.
            // SAFETY: as above; the walker reads single, aligned words.
            unsafe { slot.write_volatile(Descriptor::INVALID) };
            self.forget(page);
        }
        // SAFETY: as above.
        unsafe { slot.write_volatile(new) };
        barrier::dsb(barrier::ISHST);
        barrier::isb(barrier::SY);
        Ok(())
    }

    /// Takes the page that contains `page` away, if it was there.
    pub fn unmap(&mut self, page: UserAddress) {
        let Some(slot) = self.slot(page) else { return };
        // SAFETY: the slot is in a table of this address space, exclusively borrowed.
        unsafe {
            if !slot.read().is_valid() {
                return;
            }
            slot.write_volatile(Descriptor::INVALID);
        }
        self.forget(page);
    }

    /// Changes what the program may do with the page that contains `page`, if it is mapped.
    pub fn protect(&mut self, page: UserAddress, permissions: Permissions) {
        let Some(slot) = self.slot(page) else { return };
        // SAFETY: the slot is in a table of this address space, exclusively borrowed.
        unsafe {
            let old = slot.read();
            if !old.is_valid() {
                return;
            }
            // Only rights change, so no break before make is needed.
            let attributes = Attributes::user_page(permissions);
            slot.write_volatile(Descriptor::new(old.address(), attributes));
        }
        self.forget(page);
    }

    /// Makes this the lower half that programs and user accesses see.
    pub fn activate(&self) {
        let value = self.register_value();
        if TTBR0_EL1.get() != value {
            TTBR0_EL1.set(value);
            barrier::isb(barrier::SY);
        }
    }

    fn register_value(&self) -> u64 {
        self.root.physical().get() | (u64::from(self.asid.0) << 48)
    }

    /// Drops a page's translation from the TLB, on this core only: no other core translates.
    fn forget(&self, page: UserAddress) {
        let operand = (u64::from(self.asid.0) << 48) | (page.get() >> 12);
        // SAFETY: dropping a translation from the TLB costs time only.
        unsafe {
            asm!("dsb nshst", "tlbi vae1, {}", "dsb nsh", "isb", in(reg) operand,
                options(nostack));
        }
    }

    /// The level 3 entry for `page`, if its tables exist.
    fn slot(&self, page: UserAddress) -> Option<*mut Descriptor> {
        let mut table = self.root.physical();
        for level in 1..3 {
            // SAFETY: `table` is the root or came from an entry that leads to a table.
            let descriptor = unsafe { entry(table, index(page.get(), level)).read() };
            if !descriptor.is_table() {
                return None;
            }
            table = descriptor.address();
        }
        Some(entry(table, index(page.get(), 3)))
    }

    /// The level 3 entry for `page`; tables that are missing are made.
    fn slot_or_new(&mut self, page: UserAddress) -> Result<*mut Descriptor, OutOfMemory> {
        let mut table = self.root.physical();
        for level in 1..3 {
            let slot = entry(table, index(page.get(), level));
            // SAFETY: `table` is the root or came from an entry that leads to a table.
            let descriptor = unsafe { slot.read() };
            table = if descriptor.is_table() {
                descriptor.address()
            } else {
                let frame = Frame::allocate().ok_or(OutOfMemory)?;
                let address = frame.physical();
                self.tables.push(frame);
                // The zeros of the new table must be visible to the walker before the link is.
                barrier::dsb(barrier::ISHST);
                // SAFETY: the slot is in a table of this address space, exclusively borrowed.
                unsafe { slot.write_volatile(Descriptor::table(address)) };
                address
            };
        }
        Ok(entry(table, index(page.get(), 3)))
    }
}

/// The place of an entry of the table at `table`, in the linear map.
fn entry(table: PhysicalAddress, index: usize) -> *mut Descriptor {
    debug_assert!(index < ENTRIES);
    let table: *mut Table = layout::linear(table).cast();
    table.cast::<Descriptor>().wrapping_add(index)
}

impl Drop for UserTable {
    fn drop(&mut self) {
        if TTBR0_EL1.get() == self.register_value() {
            mmu::deactivate_user();
        }
        let operand = u64::from(self.asid.0) << 48;
        // SAFETY: dropping translations from the TLB costs time only. It is done before the tables
        // and the ASID are used for something else.
        unsafe {
            asm!("dsb nshst", "tlbi aside1, {}", "dsb nsh", "isb", in(reg) operand,
                options(nostack));
        }
    }
}

/// An address space identifier: tells the programs' translations in the TLB apart. The Cortex-A53
/// has 16 bits of it.
struct Asid(u16);

static ASIDS: TaskCell<Option<BitAlloc64K>> = TaskCell::new(None);

impl Asid {
    fn allocate() -> Option<Self> {
        ASIDS.with(|asids| {
            let asids = asids.get_or_insert_with(|| {
                let mut fresh = BitAlloc64K::DEFAULT;
                // 0 belongs to the empty lower half.
                fresh.insert(1..BitAlloc64K::CAP);
                fresh
            });
            asids.alloc().map(|asid| Self(asid as u16))
        })
    }
}

impl Drop for Asid {
    fn drop(&mut self) {
        ASIDS.with(|asids| {
            if let Some(asids) = asids {
                asids.dealloc(usize::from(self.0));
            }
        });
    }
}
