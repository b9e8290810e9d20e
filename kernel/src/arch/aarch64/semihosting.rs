//! Semihosting: ending QEMU with an exit status of our choice.
//!
//! Only used when the boot argument `semihosting=1` says that QEMU was started with it: without,
//! HLT is an undefined instruction.

use core::arch::asm;

/// SYS_EXIT of the semihosting specification.
const SYS_EXIT: u64 = 0x18;
/// ADP_Stopped_ApplicationExit.
const APPLICATION_EXIT: u64 = 0x2_0026;

/// Ends QEMU with `status`. Returns when nobody listens.
pub(crate) fn exit(status: u8) {
    let block = [APPLICATION_EXIT, u64::from(status)];
    // SAFETY: HLT #0xF000 asks the debugger, here QEMU, for a service; the block outlives it.
    unsafe {
        asm!("hlt #0xf000", inout("x0") SYS_EXIT => _, in("x1") block.as_ptr(), options(nostack));
    }
}
