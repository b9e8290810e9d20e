//! Cache maintenance: making written code executable.

use core::arch::asm;

/// Makes instructions written through `bytes` visible to instruction fetches, at whatever virtual
/// address these fetch them: the data cache is cleaned to the point of unification by line, the
/// instruction cache (which the Cortex-A53 indexes virtually) is invalidated as a whole.
pub fn synchronize_instructions(bytes: &[u8]) {
    let line = data_line_size();
    let start = bytes.as_ptr() as usize;
    let mut address = start & !(line - 1);
    while address < start + bytes.len() {
        // SAFETY: cleaning a line of mapped memory changes nothing the program can see.
        unsafe { asm!("dc cvau, {}", in(reg) address, options(nostack)) };
        address += line;
    }
    // SAFETY: barriers and an invalidation of the instruction cache, which only costs time.
    unsafe { asm!("dsb nsh", "ic iallu", "dsb nsh", "isb", options(nostack)) };
}

/// Writes a range back to memory and drops it from the cache, before it is mapped non-cacheable.
pub(crate) fn clean_and_invalidate(start: *const u8, length: usize) {
    let line = data_line_size();
    let mut address = start as usize & !(line - 1);
    while address < start as usize + length {
        // SAFETY: writing back and dropping a line of mapped memory loses nothing.
        unsafe { asm!("dc civac, {}", in(reg) address, options(nostack)) };
        address += line;
    }
    super::cpu::barrier();
}

/// CTR_EL0.DminLine is the logarithm of the smallest data cache line in words.
fn data_line_size() -> usize {
    let ctr: u64;
    // SAFETY: reads an identification register.
    unsafe { asm!("mrs {}, ctr_el0", out(reg) ctr, options(nomem, nostack)) };
    4 << ((ctr >> 16) & 0xf)
}
