//! The kernel's own translation tables (TTBR1).
//!
//! All of them come from one static array in the image, so no allocator is needed to build them.
//! They are never changed but by adding entries, and never freed.

use super::page_table::{Attributes, BLOCK_SIZE, Descriptor, ENTRIES, Table, index};
use crate::memory::layout;
use crate::memory::{PAGE_SIZE, PhysicalAddress};
use crate::sync::TaskCell;
use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{TTBR0_EL1, Writeable};
use core::arch::asm;
use core::ops::Range;

/// What a part of the kernel's address space is for, from which its attributes follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// Code: read-only, executable at EL1.
    Text,
    /// Constants: read-only.
    Constants,
    /// Data, stacks, the linear map: read-write.
    Data,
    /// Memory shared with DMA masters: read-write, not cached.
    Dma,
    /// Device registers.
    Devices,
}

impl Purpose {
    const fn attributes(self) -> Attributes {
        match self {
            Self::Text => Attributes::KERNEL_TEXT,
            Self::Constants => Attributes::KERNEL_CONSTANTS,
            Self::Data => Attributes::KERNEL_DATA,
            Self::Dma => Attributes::DMA,
            Self::Devices => Attributes::DEVICES,
        }
    }
}

/// Tables for the image (one of level 2, one of level 3 for each 2 MiB, at most 32), the linear
/// map, the devices and the DMA memory (one of level 2 each and the odd ends in level 3).
const TABLE_COUNT: usize = 64;

struct KernelTables {
    tables: [Table; TABLE_COUNT],
    used: usize,
}

static TABLES: TaskCell<KernelTables> =
    TaskCell::new(KernelTables { tables: [Table::EMPTY; TABLE_COUNT], used: 1 });

/// What TTBR0 points at while no program's tables are active: nothing is mapped.
static EMPTY: Table = Table::EMPTY;

impl KernelTables {
    /// Index of the table that entry `entry` of table `parent` leads to, made if there is none.
    fn child(&mut self, parent: usize, entry: usize) -> usize {
        let descriptor = self.tables[parent].0[entry];
        if descriptor.is_table() {
            let offset = descriptor.address().get() - self.physical(0).get();
            return (offset as usize) / PAGE_SIZE;
        }
        assert!(!descriptor.is_valid(), "the kernel maps an address twice");
        let child = self.used;
        assert!(child < TABLE_COUNT, "the kernel's translation tables are used up");
        self.used += 1;
        self.tables[parent].0[entry] = Descriptor::table(self.physical(child));
        child
    }

    fn physical(&self, table: usize) -> PhysicalAddress {
        layout::image_to_physical((&raw const self.tables[table]).cast())
    }

    fn map(&mut self, start: u64, physical: Range<u64>, attributes: Attributes) {
        let page = PAGE_SIZE as u64;
        assert!((start | physical.start | physical.end).is_multiple_of(page), "not whole pages");
        let mut virtual_address = start;
        let mut address = physical.start;
        while address < physical.end {
            let level2 = self.child(0, index(virtual_address, 1));
            let entry2 = index(virtual_address, 2);
            let whole_block = (virtual_address | address).is_multiple_of(BLOCK_SIZE)
                && physical.end - address >= BLOCK_SIZE;
            let (table, entry, attributes, size) = if whole_block {
                (level2, entry2, attributes, BLOCK_SIZE)
            } else {
                let level3 = self.child(level2, entry2);
                let attributes = attributes | Attributes::TABLE_OR_PAGE;
                (level3, index(virtual_address, 3), attributes, page)
            };
            let slot = &mut self.tables[table].0[entry];
            assert!(!slot.is_valid(), "the kernel maps an address twice");
            *slot = Descriptor::new(PhysicalAddress::new(address), attributes);
            virtual_address += size;
            address += size;
        }
    }
}

const _: () = assert!(ENTRIES * size_of::<Descriptor>() == PAGE_SIZE);

/// Maps a range of physical memory at `start`. May be called before and after [`activate`].
///
/// # Safety
///
/// Nothing was mapped at these addresses, and the purpose fits what is there: no writable alias of
/// code, no two aliases of memory with different cache attributes, devices as devices.
pub(crate) unsafe fn map(start: u64, physical: Range<u64>, purpose: Purpose) {
    TABLES.with(|tables| tables.map(start, physical, purpose.attributes()));
    // The walker must see the entries before the first access; entries that were invalid are in
    // no TLB.
    barrier::dsb(barrier::ISHST);
    barrier::isb(barrier::SY);
}

/// Changes from the tables of boot.s to these, and takes the lower half away.
///
/// # Safety
///
/// Text, constants, data and stack of the kernel are mapped where they run now.
pub(crate) unsafe fn activate() {
    let table = TABLES.with(|tables| tables.physical(0));
    let empty = layout::image_to_physical((&raw const EMPTY).cast());
    let entry: *const () = change_kernel_tables as *const ();
    let physical = layout::image_to_physical(entry.cast()).get();
    // SAFETY: the tables of boot.s map the function at its physical address, too, through TTBR0,
    // and nothing else has been put there yet.
    let change: unsafe extern "C" fn(u64, u64) = unsafe { core::mem::transmute(physical) };
    // SAFETY: passed on to the caller: the new tables map what runs now.
    unsafe { change(table.get(), empty.get()) };
    deactivate_user();
    // SAFETY: dropping translations from the TLB costs time only.
    unsafe { asm!("tlbi vmalle1", "dsb nsh", "isb", options(nostack)) };
}

unsafe extern "C" {
    fn change_kernel_tables(to: u64, empty: u64);
}

/// Makes the lower half empty, with ASID 0, which no program has.
pub(super) fn deactivate_user() {
    TTBR0_EL1.set(layout::image_to_physical((&raw const EMPTY).cast()).get());
    barrier::isb(barrier::SY);
}
