//! Faults of programs: pages that are fetched, and mistakes that become signals.

use super::address_space::{Attempt, FaultReason};
use super::kill;
use super::object::Process;
use super::signal::{Cause, Disposition, Sent, Signal};
use super::table;
use crate::arch::aarch64::syndrome::Syndrome;
use crate::arch::aarch64::{FaultKind, UserFault};
use crate::syscall::errno::Errno;
use alloc::string::String;
use linux_raw_sys::general::{
    BUS_ADRALN, BUS_ADRERR, FPE_FLTINV, ILL_ILLOPC, SEGV_ACCERR, SEGV_MAPERR, TRAP_BRKPT,
};

/// Fetches the page at `address` for a copy on behalf of the process that runs: `EFAULT` when the
/// program itself may not do that.
pub fn fetch_page(address: u64, attempt: Attempt) -> Result<(), Errno> {
    let process = table::current().ok_or(Errno::FAULT)?;
    let memory = process.address_space().map_err(|_| Errno::FAULT)?;
    match memory.resolve(address, attempt) {
        Ok(()) => Ok(()),
        Err(FaultReason::OutOfMemory) => {
            kill_for_memory(&process);
            Err(Errno::FAULT)
        }
        Err(FaultReason::Unmapped | FaultReason::Denied) => Err(Errno::FAULT),
    }
}

fn shown_name(process: &Process) -> String {
    String::from_utf8_lossy(&process.program().name).into_owned()
}

/// Without memory for its pages a program cannot go on, and says so.
fn kill_for_memory(process: &Process) {
    log::error!("{}[{}]: killed: out of memory", shown_name(process), process.pid());
    process.signals().borrow_mut().force(Sent { signal: Signal::KILL, cause: Cause::Kernel });
}

/// Handles what a program did: fetches a page, or sends the signal.
pub(super) fn handle(process: &Process, fault: &UserFault) {
    let attempt = match fault.kind {
        FaultKind::Unmapped(access) | FaultKind::Permission(access) => Some(access.into()),
        _ => None,
    };
    if let Some(attempt) = attempt
        && let Some(memory) = process.memory()
    {
        match memory.resolve(fault.address, attempt) {
            Ok(()) => return,
            Err(FaultReason::OutOfMemory) => return kill_for_memory(process),
            Err(FaultReason::Unmapped) => {
                return signal(process, fault, Signal::SEGV, SEGV_MAPERR);
            }
            Err(FaultReason::Denied) => return signal(process, fault, Signal::SEGV, SEGV_ACCERR),
        }
    }
    let (which, code) = match fault.kind {
        FaultKind::Unmapped(_) => (Signal::SEGV, SEGV_MAPERR),
        FaultKind::Permission(_) => (Signal::SEGV, SEGV_ACCERR),
        FaultKind::Alignment => (Signal::BUS, BUS_ADRALN),
        FaultKind::Bus => (Signal::BUS, BUS_ADRERR),
        FaultKind::IllegalInstruction => (Signal::ILL, ILL_ILLOPC),
        FaultKind::Breakpoint => (Signal::TRAP, TRAP_BRKPT),
        FaultKind::FloatingPoint => (Signal::FPE, FPE_FLTINV),
    };
    signal(process, fault, which, code);
}

/// Names the fault in a line of the log if it ends the process.
fn signal(process: &Process, fault: &UserFault, signal: Signal, code: u32) {
    let action = process.signals().borrow().action(signal);
    if !matches!(action.disposition(), Disposition::Handler(_)) {
        let what = match signal {
            Signal::SEGV => "segmentation fault",
            Signal::BUS => "bus error",
            Signal::ILL => "illegal instruction",
            Signal::TRAP => "breakpoint trap",
            _ => "floating point exception",
        };
        log::error!(
            "{}[{}]: {what} at {:#x} (pc {:#x}): {}",
            shown_name(process),
            process.pid(),
            fault.address,
            fault.pc,
            Syndrome(fault.esr),
        );
    }
    let cause = Cause::Fault { code: code as i32, address: fault.address };
    kill::force(process, Sent { signal, cause });
}

impl From<crate::arch::aarch64::Access> for Attempt {
    fn from(access: crate::arch::aarch64::Access) -> Self {
        use crate::arch::aarch64::Access;
        match access {
            Access::Read => Self::Read,
            Access::Write => Self::Write,
            Access::Execute => Self::Execute,
        }
    }
}
