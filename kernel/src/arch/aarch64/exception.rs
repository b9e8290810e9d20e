//! What happens at an exception taken to EL1.

use super::syndrome::{Syndrome, class};
use super::{cpu, user_access};
use crate::board;
use core::arch::global_asm;
use core::mem::offset_of;

global_asm!(include_str!("vectors.s"));

unsafe extern "C" {
    static exception_vectors: [u8; 0x800];
}

/// The registers at an exception that came from EL1 itself.
#[repr(C)]
pub struct ExceptionFrame {
    /// X0 to X30.
    pub x: [u64; 31],
    /// The stack pointer.
    pub sp: u64,
    /// ELR_EL1: the instruction that caused it.
    pub elr: u64,
    /// SPSR_EL1: the processor state.
    pub spsr: u64,
    /// ESR_EL1: what it was.
    pub esr: u64,
    /// FAR_EL1: the address it is about.
    pub far: u64,
}

const _: () = {
    assert!(size_of::<ExceptionFrame>() == 288);
    assert!(offset_of!(ExceptionFrame, sp) == 248);
    assert!(offset_of!(ExceptionFrame, elr) == 256);
    assert!(offset_of!(ExceptionFrame, esr) == 272);
};

/// Points the core at the vectors.
pub(crate) fn initialize() {
    use aarch64_cpu::registers::{CPACR_EL1, VBAR_EL1, Writeable};
    VBAR_EL1.set((&raw const exception_vectors) as u64);
    // Programs may use the vector registers; the kernel touches them only to save and restore.
    CPACR_EL1.write(CPACR_EL1::FPEN::TrapNothing);
    aarch64_cpu::asm::barrier::isb(aarch64_cpu::asm::barrier::SY);
}

/// An interrupt while the kernel ran.
#[unsafe(no_mangle)]
extern "C" fn interrupt_taken() {
    board::interrupt::dispatch();
}

/// Any other exception while the kernel ran: a user access that failed, or a bug.
#[unsafe(no_mangle)]
extern "C" fn exception_taken(frame: &mut ExceptionFrame, vector: u64) {
    let syndrome = Syndrome(frame.esr);
    if vector == 4
        && syndrome.class() == class::DATA_ABORT
        && let Some(resume) = user_access::recover(frame.elr, frame.far)
    {
        frame.x[1] = frame.far;
        frame.elr = resume;
        return;
    }
    cpu::mask_everything();
    crate::panic::exception(frame, vector)
}
