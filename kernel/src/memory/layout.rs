//! Where things are in the kernel's half of the address space, and what the linker put where.

use super::PhysicalAddress;
use core::ops::Range;

/// Virtual minus physical address in the linear map of RAM.
const LINEAR_OFFSET: u64 = 0xffff_ff80_0000_0000;

/// Virtual minus physical address of device registers.
pub(crate) const DEVICE_OFFSET: u64 = 0xffff_ff81_0000_0000;

/// Virtual address of the DMA pool.
pub(super) const DMA_START: u64 = 0xffff_ff82_0000_0000;

/// Virtual minus physical address of what the firmware left for us to read (device tree, ATAGs).
pub(super) const FIRMWARE_OFFSET: u64 = 0xffff_ff83_0000_0000;

/// Virtual minus physical address of the kernel image; the linker script says the same.
const IMAGE_OFFSET: u64 = 0xffff_ffff_8000_0000;

/// Physical addresses below this are not given to anyone: stubs, spin tables, sometimes the
/// device tree.
pub(super) const LOW_MEMORY_END: u64 = 0x8_0000;

// Set by the linker script; only their addresses mean something.
unsafe extern "C" {
    static image_start: u8;
    static text_end: u8;
    static constants_end: u8;
    static bss_end: u8;
    static mailbox_page: u8;
    static stack_bottom: u8;
    static stack_top: u8;
    static emergency_stack_bottom: u8;
    static emergency_stack_top: u8;
    static image_end: u8;
    static symbols_start: u8;
    static symbols_end: u8;
}

macro_rules! address_of {
    ($symbol:ident) => {
        (&raw const $symbol) as u64
    };
}

/// Code.
pub(crate) fn text() -> Range<u64> {
    address_of!(image_start)..address_of!(text_end)
}

/// Constants, symbols, initramfs.
pub(super) fn constants() -> Range<u64> {
    address_of!(text_end)..address_of!(constants_end)
}

/// Data and BSS.
pub(super) fn data() -> Range<u64> {
    address_of!(constants_end)..address_of!(bss_end)
}

/// The page through which the mailbox's property calls go.
pub(crate) fn mailbox() -> Range<u64> {
    let start = address_of!(mailbox_page);
    start..start + super::PAGE_SIZE as u64
}

/// The kernel's stack, and the one on which exceptions at EL1 are handled.
pub(crate) fn stacks() -> [Range<u64>; 2] {
    [
        address_of!(stack_bottom)..address_of!(stack_top),
        address_of!(emergency_stack_bottom)..address_of!(emergency_stack_top),
    ]
}

/// Whether an access to `address` is an overflow of a stack: it is in the page below.
pub(crate) fn is_stack_guard(address: u64) -> bool {
    let guard = |stack: &Range<u64>| stack.start - super::PAGE_SIZE as u64..stack.start;
    stacks().iter().any(|stack| guard(stack).contains(&address))
}

/// The section that tools/image fills with symbol names.
pub(crate) fn symbols() -> Range<u64> {
    address_of!(symbols_start)..address_of!(symbols_end)
}

/// The whole image in physical memory.
pub(super) fn image_physical() -> Range<u64> {
    address_of!(image_start) - IMAGE_OFFSET..address_of!(image_end) - IMAGE_OFFSET
}

/// Bytes in the image.
pub(super) fn image_size() -> usize {
    (address_of!(image_end) - address_of!(image_start)) as usize
}

/// Physical address of something in the kernel image.
pub(crate) fn image_to_physical(pointer: *const u8) -> PhysicalAddress {
    debug_assert!(pointer as u64 >= IMAGE_OFFSET, "not in the image");
    PhysicalAddress::new(pointer as u64 - IMAGE_OFFSET)
}

/// Physical range of a range in the kernel image.
pub(super) fn physical_range(range: &Range<u64>) -> Range<u64> {
    range.start - IMAGE_OFFSET..range.end - IMAGE_OFFSET
}

/// Virtual address of RAM in the linear map.
pub(super) fn linear_address(physical: u64) -> u64 {
    physical + LINEAR_OFFSET
}

/// Pointer to RAM in the linear map.
pub(crate) fn linear(physical: PhysicalAddress) -> *mut u8 {
    linear_address(physical.get()) as *mut u8
}

/// Physical address of a pointer into the linear map.
pub(super) fn linear_to_physical(pointer: *const u8) -> PhysicalAddress {
    PhysicalAddress::new(pointer as u64 - LINEAR_OFFSET)
}
