//! The core itself: interrupt mask, waiting, barriers.

use core::arch::asm;

/// The interrupt mask as it was.
#[derive(Clone, Copy)]
pub struct InterruptMask(u64);

/// Masks IRQs and returns the mask as it was.
pub fn mask_interrupts() -> InterruptMask {
    let daif: u64;
    // SAFETY: changes the interrupt mask only. Not `nomem`, so that the compiler moves no memory
    // access across.
    unsafe { asm!("mrs {}, daif", "msr daifset, #2", out(reg) daif, options(nostack)) };
    InterruptMask(daif)
}

/// Puts the mask back: lets IRQs in again, if it did. That one bit is all that
/// [`mask_interrupts`] changes; to write the whole register costs an emulator more.
pub fn restore_interrupts(mask: InterruptMask) {
    /// DAIF.I.
    const IRQS_MASKED: u64 = 1 << 7;
    if mask.0 & IRQS_MASKED == 0 {
        // SAFETY: they were let in when the mask was taken.
        unsafe { asm!("msr daifclr, #2", options(nostack)) };
    }
}

/// Lets IRQs and SErrors in. The kernel does this once, when their handlers are in place.
pub fn unmask_interrupts() {
    // SAFETY: changes the interrupt mask only.
    unsafe { asm!("msr daifclr, #6", options(nostack)) };
}

/// Masks everything, for the panic handler.
pub fn mask_everything() {
    // SAFETY: changes the interrupt mask only.
    unsafe { asm!("msr daifset, #0xf", options(nostack)) };
}

/// Sleeps until an interrupt is pending, masked or not.
pub fn wait_for_interrupt() {
    // SAFETY: has no effect but time. The barrier completes what was written to devices.
    unsafe { asm!("dsb sy", "wfi", options(nostack)) };
}

/// Sleeps for ever.
pub fn halt() -> ! {
    mask_everything();
    loop {
        wait_for_interrupt();
    }
}

/// Full system barrier: everything before is complete before anything after begins, for devices
/// and DMA masters, too.
pub fn barrier() {
    // SAFETY: a barrier has no other effect.
    unsafe { asm!("dsb sy", options(nostack)) };
}

/// Orders what comes before and after, for accesses to different devices, without waiting for their
/// completion.
pub fn order_devices() {
    // SAFETY: a barrier has no other effect.
    unsafe { asm!("dmb sy", options(nostack)) };
}

/// Which core and revision this is (MIDR_EL1).
pub fn midr() -> u64 {
    use aarch64_cpu::registers::{MIDR_EL1, Readable};
    MIDR_EL1.get()
}
