//! Sets the memory up at boot: the kernel's mappings, the heap, the DMA pool, the frames.

use super::{PAGE_SIZE, dma, frame, heap, layout, plan};
use crate::arch::aarch64::cache;
use crate::arch::aarch64::mmu::{self, Purpose};
use crate::board::{self, firmware};
use crate::boot_arguments;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use heapless::Vec;
use usb_core::buffer::BusAddress;

/// Blocks in the DMA pool: 16 MiB.
const DMA_BLOCKS: usize = 4096;

/// The longest device tree that is accepted.
const MAX_DEVICE_TREE: u64 = 2 << 20;

static RAM_SIZE: AtomicU64 = AtomicU64::new(0);

/// RAM that belongs to the ARM cores, in bytes.
pub(super) fn ram_size() -> usize {
    RAM_SIZE.load(Ordering::Relaxed) as usize
}

/// Maps the image with its final rights, and the devices.
///
/// # Safety
///
/// Called once, on the tables of boot.s.
pub(crate) unsafe fn initialize_early() {
    let mut image = Vec::<(Range<u64>, Purpose), 8>::new();
    for stack in layout::stacks() {
        push(&mut image, (stack, Purpose::Data));
    }
    push(&mut image, (layout::text(), Purpose::Text));
    push(&mut image, (layout::constants(), Purpose::Constants));
    push(&mut image, (layout::data(), Purpose::Data));
    push(&mut image, (layout::mailbox(), Purpose::Dma));
    for (range, purpose) in image {
        // SAFETY: these are fresh tables; each part of the image appears once, as what it is.
        unsafe { mmu::map(range.start, layout::physical_range(&range), purpose) };
    }
    for devices in board::DEVICE_RANGES {
        // SAFETY: these ranges are device registers and nothing else.
        unsafe { mmu::map(devices.start + layout::DEVICE_OFFSET, devices, Purpose::Devices) };
    }
    // SAFETY: everything this code uses was just mapped.
    unsafe { mmu::activate() };
    // The old tables mapped this page cacheable.
    cache::clean_and_invalidate(layout::mailbox().start as *const u8, PAGE_SIZE);
}

fn push<T, const N: usize>(list: &mut Vec<T, N>, item: T) {
    assert!(list.push(item).is_ok(), "a fixed list at boot is too short");
}

/// Finds out how much RAM there is, reads the boot arguments, and makes heap, DMA pool and frame
/// allocator. `firmware` is what the firmware passed in X0.
///
/// # Safety
///
/// Called once, after [`initialize_early`], when the mailbox works.
pub(crate) unsafe fn initialize(x0: u64) {
    let ram = firmware::arm_memory();
    RAM_SIZE.store(ram.end - ram.start, Ordering::Relaxed);
    let mut reserved = Vec::<Range<u64>, { plan::MAX_RANGES }>::new();
    push(&mut reserved, 0..layout::LOW_MEMORY_END);
    push(&mut reserved, layout::image_physical());

    // SAFETY: called once, and the ranges it maps are outside of the image.
    let found = unsafe { find_firmware_data(x0, &ram) };
    if let Some((address, bytes)) = found {
        push(&mut reserved, address..address + bytes.len() as u64);
        for range in boot_arguments::read(bytes) {
            // Reservations are for RAM that is in use; more of them than fit can't be honored.
            push(&mut reserved, range);
        }
    }

    let plan = match plan::divide(ram, &reserved, (DMA_BLOCKS * dma::BLOCK_SIZE) as u64) {
        Ok(plan) => plan,
        Err(error) => panic!("cannot divide the memory: {error:?}"),
    };
    for range in plan.frames.iter().chain([&plan.heap]) {
        // SAFETY: the plan's ranges are RAM, outside of the image, the reserved ranges and the DMA
        // pool, and overlap nothing.
        unsafe { mmu::map(layout::linear_address(range.start), range.clone(), Purpose::Data) };
    }
    // SAFETY: as above; the pool has no other mapping.
    unsafe { mmu::map(layout::DMA_START, plan.dma.clone(), Purpose::Dma) };

    let heap_start = layout::linear_address(plan.heap.start) as *mut u8;
    // SAFETY: just mapped, and the plan gives it to nobody else.
    unsafe { heap::initialize(heap_start, (plan.heap.end - plan.heap.start) as usize) };

    // The tables of boot.s mapped some of it cacheable.
    let pool_size = (plan.dma.end - plan.dma.start) as usize;
    cache::clean_and_invalidate(layout::DMA_START as *const u8, pool_size);
    let pool_start = NonNull::new(layout::DMA_START as *mut u8).expect("not null");
    let bus_start = BusAddress(board::bus_address(plan.dma.start));
    // SAFETY: just mapped non-cacheable, so CPU and DMA see the same; the plan gives it to nobody
    // else; blocks are pages, so they are aligned.
    dma::set_pool(unsafe { dma::DmaPool::new(pool_start, bus_start, DMA_BLOCKS) });

    for range in plan.frames {
        // SAFETY: just mapped, whole pages, used by nobody else.
        unsafe { frame::donate(range) };
    }
}

/// Where the firmware's description of the machine is, if X0 leads to one: a device tree, or the
/// ATAG list that QEMU leaves at 0x100 when it was given no device tree.
///
/// # Safety
///
/// Called once; `ram` is RAM.
unsafe fn find_firmware_data(x0: u64, ram: &Range<u64>) -> Option<(u64, &'static [u8])> {
    const PAGE: u64 = PAGE_SIZE as u64;
    let map = |range: Range<u64>| {
        // SAFETY: the range is RAM outside of the image, reserved and never written from now on,
        // and each page is mapped once.
        unsafe { mmu::map(range.start + layout::FIRMWARE_OFFSET, range, Purpose::Constants) };
    };
    let bytes = |start: u64, length: u64| {
        // SAFETY: mapped by `map`, reserved from now on, any bytes are valid.
        unsafe {
            core::slice::from_raw_parts(
                (start + layout::FIRMWARE_OFFSET) as *const u8,
                length as usize,
            )
        }
    };
    if x0 == 0 || !x0.is_multiple_of(4) {
        return None;
    }
    let first_page = x0 / PAGE * PAGE;
    let image = layout::image_physical();
    if first_page < ram.start || first_page + 2 * PAGE > ram.end || image.contains(&first_page) {
        return None;
    }
    // Two pages hold a device tree's header wherever in the first it starts, and an ATAG list.
    map(first_page..first_page + 2 * PAGE);
    let header = bytes(x0, first_page + 2 * PAGE - x0);
    let length = match boot_arguments::device_tree_size(header) {
        Some(size) => u64::from(size),
        None => return Some((x0, header)),
    };
    let end = (x0 + length).next_multiple_of(PAGE);
    if length > MAX_DEVICE_TREE || end > ram.end || (first_page < image.end && end > image.start) {
        return None;
    }
    if end > first_page + 2 * PAGE {
        map(first_page + 2 * PAGE..end);
    }
    Some((x0, bytes(x0, length)))
}
