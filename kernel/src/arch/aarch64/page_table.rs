//! Translation tables: 4 KiB granule, 39-bit addresses, levels 1 to 3 (ARM DDI 0487, D8.3).

use crate::memory::{PAGE_SIZE, Permissions, PhysicalAddress};
use bitflags::bitflags;

/// Entries in a table.
pub(super) const ENTRIES: usize = 512;

/// Bytes that an entry of level 2 maps as a block.
pub(super) const BLOCK_SIZE: u64 = 2 << 20;

bitflags! {
    /// The attributes in a descriptor of stage 1 (D8.3.1 and D8.3.2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) struct Attributes: u64 {
        /// The entry means something.
        const VALID = 1 << 0;
        /// A table (levels 1 and 2) or a page (level 3); without it a block.
        const TABLE_OR_PAGE = 1 << 1;
        /// MAIR index 1: Device-nGnRE.
        const DEVICE = 1 << 2;
        /// MAIR index 2: Normal, not cacheable.
        const NON_CACHEABLE = 2 << 2;
        /// AP\[1\]: EL0 may access it.
        const USER = 1 << 6;
        /// AP\[2\]: nobody may write.
        const READ_ONLY = 1 << 7;
        /// SH: inner shareable.
        const INNER_SHAREABLE = 3 << 8;
        /// The access flag; without it an access faults.
        const ACCESSED = 1 << 10;
        /// nG: the translation belongs to one ASID.
        const NOT_GLOBAL = 1 << 11;
        /// PXN: EL1 may not execute it.
        const PRIVILEGED_EXECUTE_NEVER = 1 << 53;
        /// UXN: EL0 may not execute it.
        const USER_EXECUTE_NEVER = 1 << 54;
    }
}

impl Attributes {
    const EXECUTE_NEVER: Self = Self::PRIVILEGED_EXECUTE_NEVER.union(Self::USER_EXECUTE_NEVER);
    const NORMAL: Self = Self::VALID.union(Self::ACCESSED).union(Self::INNER_SHAREABLE);

    /// Kernel text.
    pub(super) const KERNEL_TEXT: Self =
        Self::NORMAL.union(Self::READ_ONLY).union(Self::USER_EXECUTE_NEVER);
    /// Kernel constants.
    pub(super) const KERNEL_CONSTANTS: Self =
        Self::NORMAL.union(Self::READ_ONLY).union(Self::EXECUTE_NEVER);
    /// Kernel data and the linear map.
    pub(super) const KERNEL_DATA: Self = Self::NORMAL.union(Self::EXECUTE_NEVER);
    /// Memory shared with DMA masters.
    pub(super) const DMA: Self = Self::KERNEL_DATA.union(Self::NON_CACHEABLE);
    /// Device registers.
    pub(super) const DEVICES: Self =
        Self::VALID.union(Self::ACCESSED).union(Self::DEVICE).union(Self::EXECUTE_NEVER);

    /// A page of a program.
    pub(super) fn user_page(permissions: Permissions) -> Self {
        let mut attributes = Self::NORMAL
            | Self::TABLE_OR_PAGE
            | Self::NOT_GLOBAL
            | Self::PRIVILEGED_EXECUTE_NEVER
            | Self::READ_ONLY
            | Self::USER_EXECUTE_NEVER;
        // Without AP[1] EL0 has no access at all, but could still execute the page: execute-only
        // pages are made readable, as Linux does on cores without PAN.
        if permissions != Permissions::default() {
            attributes |= Self::USER;
        }
        if permissions.write {
            attributes -= Self::READ_ONLY;
        }
        if permissions.execute {
            attributes -= Self::USER_EXECUTE_NEVER;
        }
        attributes
    }
}

/// The output address of a descriptor.
const ADDRESS_MASK: u64 = 0x0000_ffff_ffff_f000;

/// One entry of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Descriptor(u64);

impl Descriptor {
    /// An entry that maps nothing.
    pub(super) const INVALID: Self = Self(0);

    /// An entry that leads to `address`.
    pub(super) const fn new(address: PhysicalAddress, attributes: Attributes) -> Self {
        Self((address.get() & ADDRESS_MASK) | attributes.bits())
    }

    /// An entry that leads to the table at `address`.
    pub(super) const fn table(address: PhysicalAddress) -> Self {
        Self::new(address, Attributes::VALID.union(Attributes::TABLE_OR_PAGE))
    }

    pub(super) const fn is_valid(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether it leads to a table (at levels 1 and 2).
    pub(super) const fn is_table(self) -> bool {
        self.0 & 3 == 3
    }

    pub(super) const fn address(self) -> PhysicalAddress {
        PhysicalAddress::new(self.0 & ADDRESS_MASK)
    }
}

/// A table of any level.
#[repr(C, align(4096))]
pub(super) struct Table(pub(super) [Descriptor; ENTRIES]);

const _: () = assert!(size_of::<Table>() == PAGE_SIZE);

impl Table {
    pub(super) const EMPTY: Self = Self([Descriptor::INVALID; ENTRIES]);
}

/// Index into the table of `level` (1, 2 or 3) for a virtual address.
pub(super) const fn index(address: u64, level: u32) -> usize {
    ((address >> (39 - 9 * level)) & 0x1ff) as usize
}
