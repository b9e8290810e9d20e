//! Running a program at EL0.

use super::syndrome::{Syndrome, class};
use super::{cpu, timer};
use crate::executor;
use crate::memory::UserAddress;
use core::mem::offset_of;

/// The vector registers and their control registers.
#[derive(Clone, Debug, Default)]
#[repr(C, align(16))]
pub struct VectorState {
    /// V0 to V31.
    pub v: [u128; 32],
    /// FPCR.
    pub fpcr: u64,
    /// FPSR.
    pub fpsr: u64,
}

/// The registers of a program while it doesn't run.
#[derive(Clone, Debug)]
#[repr(C, align(16))]
pub struct UserContext {
    /// X0 to X30.
    pub x: [u64; 31],
    /// The stack pointer.
    pub sp: u64,
    /// The next instruction.
    pub pc: u64,
    /// PSTATE as in SPSR_EL1; only the condition flags N, Z, C and V are the program's to choose.
    pub pstate: u64,
    /// TPIDR_EL0, the thread pointer.
    pub tpidr: u64,
    /// The vector registers.
    pub vector: VectorState,
}

// What vectors.s relies on.
const _: () = {
    assert!(offset_of!(UserContext, sp) == 248);
    assert!(offset_of!(UserContext, pc) == 256);
    assert!(offset_of!(UserContext, pstate) == 264);
    assert!(offset_of!(UserContext, tpidr) == 272);
    assert!(offset_of!(UserContext, vector) == 288);
    assert!(offset_of!(UserContext, vector) + offset_of!(VectorState, fpcr) == 800);
    assert!(offset_of!(UserContext, vector) + offset_of!(VectorState, fpsr) == 808);
};

/// N, Z, C and V.
const PSTATE_FLAGS: u64 = 0xf000_0000;

impl UserContext {
    /// The registers at a program's first instruction: all zero but PC and SP.
    pub fn new(entry: UserAddress, sp: UserAddress) -> Self {
        Self {
            x: [0; 31],
            sp: sp.get(),
            pc: entry.get(),
            pstate: 0,
            tpidr: 0,
            vector: VectorState::default(),
        }
    }
}

/// Why a program stopped running.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserExit {
    /// `svc #0`: a system call, its number in X8, its arguments in X0 to X5. PC is behind it.
    SystemCall,
    /// An interrupt, already handled; perhaps the end of the time slice. Others may want the core:
    /// give way ([`executor::yield_now`]), which also begins a new slice. Without it the program
    /// gets no further once its slice is over.
    Interrupt,
    /// The program did something it may not.
    Fault(UserFault),
}

/// What a program did wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserFault {
    /// The kind, from which the signal follows.
    pub kind: FaultKind,
    /// ESR_EL1, for the report; [`Syndrome`] puts it into words.
    pub esr: u64,
    /// The address it is about, from FAR_EL1; for other kinds the instruction.
    pub address: u64,
    /// The instruction.
    pub pc: u64,
}

/// Kinds of faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// Nothing is mapped there (SIGSEGV, SEGV_MAPERR).
    Unmapped(Access),
    /// The page does not allow this access (SIGSEGV, SEGV_ACCERR).
    Permission(Access),
    /// A misaligned PC, SP, exclusive or atomic (SIGBUS).
    Alignment,
    /// Memory did not answer (SIGBUS).
    Bus,
    /// Undefined instruction, or one that is not for EL0 (SIGILL).
    IllegalInstruction,
    /// BRK, or a debug exception (SIGTRAP).
    Breakpoint,
    /// A trapped floating-point exception (SIGFPE).
    FloatingPoint,
}

/// What the program tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An instruction fetch.
    Execute,
}

unsafe extern "C" {
    fn enter_user_context(context: *mut UserContext) -> u64;
}

/// Runs the program on the active tables until something happens. An interrupt is handled before
/// this returns; the end of the time slice of the running task is one.
pub fn enter_user(context: &mut UserContext) -> UserExit {
    context.pstate &= PSTATE_FLAGS;
    let slice_end = executor::slice_start() + timer::TIME_SLICE;
    let deadline = slice_end.min(executor::next_deadline());
    let mask = cpu::mask_interrupts();
    timer::wake_at(deadline);
    // SAFETY:
    // 1. `context` is valid and exclusively borrowed; its layout is what the code expects.
    // 2. The program runs at EL0 with `pstate` limited to the flags, so it can't reach kernel
    //    memory or registers, and every way out of it leads back here.
    // 3. The vector registers hold no kernel state: the kernel is compiled without them.
    let vector = unsafe { enter_user_context(context) };
    let exit = match vector {
        0 => synchronous(context),
        1 => {
            crate::board::interrupt::dispatch();
            UserExit::Interrupt
        }
        other => crate::panic::from_user(context, other),
    };
    cpu::restore_interrupts(mask);
    exit
}

/// Reads what happened before anything else can: interrupts are still masked.
fn synchronous(context: &UserContext) -> UserExit {
    use aarch64_cpu::registers::{ESR_EL1, FAR_EL1, Readable};
    let syndrome = Syndrome(ESR_EL1.get());
    let access = match syndrome.class() {
        class::SVC => return UserExit::SystemCall,
        class::INSTRUCTION_ABORT_LOWER => Access::Execute,
        _ if syndrome.is_write() => Access::Write,
        _ => Access::Read,
    };
    let kind = match syndrome.class() {
        class::INSTRUCTION_ABORT_LOWER | class::DATA_ABORT_LOWER => match syndrome.fault_status() {
            0x00..=0x07 => FaultKind::Unmapped(access),
            0x08..=0x0f => FaultKind::Permission(access),
            0x21 => FaultKind::Alignment,
            _ => FaultKind::Bus,
        },
        class::PC_ALIGNMENT | class::SP_ALIGNMENT => FaultKind::Alignment,
        class::FLOATING_POINT => FaultKind::FloatingPoint,
        class::BRK | class::BREAKPOINT_LOWER | class::STEP_LOWER | class::WATCHPOINT_LOWER => {
            FaultKind::Breakpoint
        }
        _ => FaultKind::IllegalInstruction,
    };
    let address = if syndrome.has_address() { FAR_EL1.get() } else { context.pc };
    UserExit::Fault(UserFault { kind, esr: syndrome.0, address, pc: context.pc })
}
