//! Memory, timers and interrupts.

use super::{Outcome, check};
use crate::arch::aarch64::translation::{Translation, kernel_reads, kernel_writes, program_reads};
use crate::board::interrupt;
use crate::executor;
use crate::memory::frame::Frame;
use crate::memory::{PAGE_SIZE, dma, frame, heap, layout};
use crate::time::{self, Duration};
use alloc::boxed::Box;
use alloc::vec::Vec;
use usb_core::buffer::DmaBuffer as _;

/// That data can't be executed, AT can't tell; `crash=data` shows it.
pub(super) fn kernel_rights() -> Outcome {
    let page = PAGE_SIZE as u64;
    for (name, range) in [("text", layout::text()), ("constants", layout::symbols())] {
        for address in range.step_by(PAGE_SIZE) {
            check!(kernel_reads(address) != Translation::Fault, "{name} {address:#x} unreadable");
            check!(kernel_writes(address) == Translation::Fault, "{name} {address:#x} writable");
        }
    }
    for stack in layout::stacks() {
        check!(kernel_writes(stack.end - page) != Translation::Fault, "the stack is read-only");
    }
    let text = layout::image_to_physical(layout::text().start as *const u8);
    let alias = layout::linear(text) as u64;
    check!(kernel_reads(alias) == Translation::Fault, "the linear map has an alias of code");
    Ok(())
}

pub(super) fn stack_guards() -> Outcome {
    for stack in layout::stacks() {
        let guard = stack.start - 8;
        check!(kernel_reads(guard) == Translation::Fault, "{guard:#x} is mapped");
        check!(kernel_reads(stack.start) != Translation::Fault, "{:#x} is not", stack.start);
    }
    Ok(())
}

pub(super) fn kernel_is_private() -> Outcome {
    let heap = Box::new(0u64);
    let pool = dma::pool().take(0).ok_or("no DMA block")?;
    let interrupt_controller = 0x3f00_b200 + layout::DEVICE_OFFSET;
    for address in [
        layout::text().start,
        layout::symbols().start,
        layout::stacks()[0].start,
        core::ptr::from_ref(&*heap) as u64,
        pool.bytes().as_ptr() as u64,
        interrupt_controller,
    ] {
        check!(kernel_reads(address) != Translation::Fault, "{address:#x} is not mapped");
        check!(program_reads(address) == Translation::Fault, "EL0 can read {address:#x}");
    }
    Ok(())
}

pub(super) fn dma_memory() -> Outcome {
    let pool = dma::pool();
    let free = pool.available();
    let blocks: Vec<_> = (0..100).filter_map(|_| pool.take_for_receive(2048)).collect();
    check!(blocks.len() == 100, "only {} blocks", blocks.len());
    for block in &blocks {
        let address = block.bytes().as_ptr() as u64;
        let Translation::Leads { physical, attributes } = kernel_reads(address) else {
            return Err(alloc::format!("{address:#x} is not mapped"));
        };
        let bus = u64::from(block.bus_address().0);
        check!(bus == physical | 0xc000_0000, "{physical:#x} has the bus address {bus:#x}");
        check!(attributes == 0x44, "attributes {attributes:#x} are not Normal non-cacheable");
        check!(physical.is_multiple_of(64), "{physical:#x} is not aligned");
        let alias =
            kernel_reads(layout::linear(crate::memory::PhysicalAddress::new(physical)) as u64);
        check!(alias == Translation::Fault, "the linear map has a cached alias of {physical:#x}");
    }
    drop(blocks);
    check!(pool.available() == free, "{} of {free} blocks came back", pool.available());
    Ok(())
}

pub(super) fn mailbox_memory() -> Outcome {
    let address = layout::mailbox().start;
    let Translation::Leads { physical, attributes } = kernel_writes(address) else {
        return Err(alloc::format!("{address:#x} is not mapped"));
    };
    check!(attributes == 0x44, "attributes {attributes:#x} are not Normal non-cacheable");
    let alias = kernel_reads(layout::linear(crate::memory::PhysicalAddress::new(physical)) as u64);
    check!(alias == Translation::Fault, "the linear map has a cached alias of {physical:#x}");
    Ok(())
}

pub(super) fn frames() -> Outcome {
    let before = frame::statistics();
    let mut frames = Vec::new();
    for _ in 0..1000 {
        let mut frame = Frame::allocate().ok_or("no frame")?;
        check!(frame.bytes().iter().all(|byte| *byte == 0), "{:?} is not zero", frame.physical());
        frame.bytes_mut().fill(0xff);
        frames.push(frame);
    }
    let mut addresses: Vec<_> = frames.iter().map(Frame::physical).collect();
    addresses.sort_unstable();
    addresses.dedup();
    check!(addresses.len() == 1000, "{} distinct frames of 1000", addresses.len());
    check!(frame::statistics().free == before.free - 1000, "frames are counted wrong");
    drop(frames);
    check!(frame::statistics() == before, "frames are lost");
    Ok(())
}

pub(super) fn heap() -> Outcome {
    let before = heap::statistics().used;
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    for index in 0..500usize {
        blocks.push(alloc::vec![index as u8; index * 13 % 4000]);
        if index % 3 == 0 {
            blocks.swap_remove(index / 3);
        }
    }
    for block in &blocks {
        check!(block.windows(2).all(|pair| pair[0] == pair[1]), "blocks overlap");
    }
    drop(blocks);
    let after = heap::statistics().used;
    check!(after == before, "{before} bytes were in use, now {after}");
    Ok(())
}

pub(super) fn random_numbers() -> Outcome {
    let mut numbers: Vec<u64> = (0..1000).map(|_| crate::random::next_u64()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    check!(numbers.len() == 1000, "{} distinct numbers of 1000", numbers.len());
    let ones: u32 = numbers.iter().map(|number| number.count_ones()).sum();
    // 32 000 expected, standard deviation 126.
    check!((31_000..33_000).contains(&ones), "{ones} of 64000 bits are set");
    Ok(())
}

pub(super) async fn sleeping() -> Outcome {
    for millis in [0, 1, 2, 10, 30] {
        let asked = Duration::from_millis(millis);
        let start = time::now();
        time::sleep(asked).await;
        let slept = time::now().saturating_since(start);
        check!(slept >= asked, "slept {slept:?} instead of {asked:?}");
        check!(slept < asked + Duration::from_millis(500), "slept {slept:?} instead of {asked:?}");
    }
    let outcome = time::timeout(Duration::from_millis(5), core::future::pending::<()>()).await;
    check!(outcome == Err(time::Elapsed), "a timeout did not time out");
    Ok(())
}

pub(super) async fn interrupt_wakes() -> Outcome {
    let (before, _) = interrupt::statistics();
    let idle = executor::idle_time();
    time::sleep(Duration::from_millis(20)).await;
    let (after, unhandled) = interrupt::statistics();
    check!(after > before, "no interrupt was taken");
    check!(unhandled == 0, "{unhandled} interrupts had no handler");
    let waited = executor::idle_time().saturating_sub(idle);
    check!(waited >= Duration::from_millis(10), "only {waited:?} of 20 ms in WFI");
    Ok(())
}
