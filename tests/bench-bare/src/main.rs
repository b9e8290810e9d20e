//! The pieces of work of the benchmark on a machine with nothing else: QEMU's `virt`, whose cycle
//! counter counts instructions under `-icount shift=0`. The numbers are the same each time.
//!
//! Built with the flags and the copying functions of the kernel. Each line of output is the number
//! of a piece in [`Piece::ALL`] and the instructions for a hundred units, ours and smoltcp's.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use bench::host::Host;
use bench::ours::Ours;
use bench::smoltcp_host::Smoltcp;
use bench::work::{Piece, measured};
use core::arch::{asm, global_asm};
use core::panic::PanicInfo;
use linked_list_allocator::LockedHeap;

global_asm!(include_str!("boot.s"));
#[cfg(not(feature = "compiler-memcpy"))]
global_asm!(include_str!("../../../kernel/src/arch/aarch64/memory_functions.s"));

#[global_allocator]
static HEAP: LockedHeap = LockedHeap::empty();

unsafe extern "C" {
    static mut heap_start: u8;
    static heap_end: u8;
}

/// Calls of the semihosting specification.
const SYS_WRITE0: u64 = 0x04;
const SYS_EXIT: u64 = 0x18;
const APPLICATION_EXIT: u64 = 0x2_0026;

fn semihosting(call: u64, argument: *const u8) {
    // SAFETY: HLT #0xF000 asks QEMU for a service; what the argument points to outlives it.
    unsafe {
        asm!("hlt #0xf000", inout("x0") call => _, in("x1") argument, options(nostack));
    }
}

fn print(text: &str) {
    let text = format!("{text}\n\0");
    semihosting(SYS_WRITE0, text.as_ptr());
}

fn exit(status: u64) -> ! {
    let block = [APPLICATION_EXIT, status];
    loop {
        semihosting(SYS_EXIT, block.as_ptr().cast());
    }
}

/// Instructions executed so far.
fn instructions() -> u64 {
    let count;
    // SAFETY: reads a counter.
    unsafe { asm!("isb", "mrs {}, pmccntr_el0", out(reg) count, options(nostack)) };
    count
}

/// Whether the tables of the usual size have room for it, and a minute is enough.
const fn fits(piece: Piece) -> bool {
    !matches!(piece, Piece::Message(200..) | Piece::DatagramReceive(_))
}

/// Instructions for a hundred units.
fn count<H: Host + 'static>(piece: Piece) -> u64 {
    let mut work = piece.make::<H>();
    for _ in 0..2 {
        work.prepare();
        work.run();
    }
    work.prepare();
    let before = instructions();
    let units = measured(&mut *work);
    (instructions() - before) * 100 / u64::from(units)
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    // SAFETY: the linker script leaves this memory to nobody else, and this runs once.
    unsafe {
        let start = &raw mut heap_start;
        HEAP.lock().init(start, (&raw const heap_end).offset_from_unsigned(start));
    }
    for (number, piece) in Piece::ALL.into_iter().enumerate().filter(|(_, piece)| fits(*piece)) {
        print(&format!("{number} {} {}", count::<Ours>(piece), count::<Smoltcp>(piece)));
    }
    exit(0)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    print(&format!("panic: {info}"));
    exit(1)
}
