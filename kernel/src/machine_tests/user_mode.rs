//! Programs of a few instructions at EL0.

use super::{Outcome, check};
use crate::arch::aarch64::timer::TIME_SLICE;
use crate::arch::aarch64::user_access::{copy_in, copy_out};
use crate::arch::aarch64::user_mode::Access;
use crate::arch::aarch64::{
    FaultKind, UserContext, UserExit, UserTable, enter_user, synchronize_instructions,
};
use crate::executor;
use crate::memory::frame::Frame;
use crate::memory::{Permissions, UserAddress, frame};
use crate::time;
use alloc::string::String;

const CODE: u64 = 0x1_0000;
const DATA: u64 = 0x2_0000;
const PAGE: u64 = 4096;

const READ: Permissions = Permissions { read: true, write: false, execute: false };
const READ_WRITE: Permissions = Permissions { read: true, write: true, execute: false };
const READ_EXECUTE: Permissions = Permissions { read: true, write: false, execute: true };

const SVC: u32 = 0xd400_0001;
const BRANCH_TO_SELF: u32 = 0x1400_0000;

/// An address space with a page of code and one of data.
struct Program {
    table: UserTable,
    code: Frame,
    data: Frame,
    context: UserContext,
}

fn user(address: u64) -> UserAddress {
    UserAddress::new(address).unwrap_or(UserAddress::NULL)
}

impl Program {
    fn new(instructions: &[u32]) -> Result<Self, String> {
        let mut program = Self {
            table: UserTable::new().ok_or("no table")?,
            code: Frame::allocate().ok_or("no frame")?,
            data: Frame::allocate().ok_or("no frame")?,
            context: UserContext::new(user(CODE), user(DATA + PAGE)),
        };
        for (bytes, word) in program.code.bytes_mut().chunks_exact_mut(4).zip(instructions) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        synchronize_instructions(program.code.bytes());
        let (code, data) = (program.code.physical(), program.data.physical());
        program.table.map(user(CODE), code, READ_EXECUTE).map_err(|_| "no memory")?;
        program.table.map(user(DATA), data, READ_WRITE).map_err(|_| "no memory")?;
        program.table.activate();
        Ok(program)
    }

    /// Runs until something other than an interrupt happens.
    async fn run(&mut self) -> UserExit {
        loop {
            self.table.activate();
            let exit = enter_user(&mut self.context);
            if exit != UserExit::Interrupt {
                return exit;
            }
            executor::yield_now().await;
        }
    }
}

/// Swaps two pairs of registers and says so; everything else must stay.
pub(super) async fn registers_survive() -> Outcome {
    let mut program = Program::new(&[
        0xaa01_03e9, // mov x9, x1
        0xaa1d_03e1, // mov x1, x29
        0xaa09_03fd, // mov x29, x9
        0x4ea0_1c1f, // mov v31.16b, v0.16b
        SVC,
    ])?;
    for (number, register) in program.context.x.iter_mut().enumerate() {
        *register = 0x0101_0101_0101_0101 * number as u64;
    }
    for (number, register) in program.context.vector.v.iter_mut().enumerate() {
        *register = u128::MAX / 255 * (number as u128 + 100);
    }
    program.context.vector.fpcr = 0x0040_0000;
    program.context.vector.fpsr = 0x0800_0001;
    program.context.tpidr = 0x1234_5678_9abc;
    program.context.pstate = 0xa000_0000;
    let mut expected = program.context.clone();
    expected.x.swap(1, 29);
    expected.x[9] = 0x0101_0101_0101_0101;
    expected.vector.v[31] = expected.vector.v[0];
    let exit = program.run().await;
    check!(exit == UserExit::SystemCall, "{exit:?}");
    let actual = &program.context;
    check!(actual.x == expected.x, "X registers: {:x?}", actual.x);
    check!(actual.vector.v == expected.vector.v, "V registers: {:x?}", actual.vector.v);
    check!(actual.vector.fpcr == expected.vector.fpcr, "FPCR {:#x}", actual.vector.fpcr);
    check!(actual.vector.fpsr == expected.vector.fpsr, "FPSR {:#x}", actual.vector.fpsr);
    check!(actual.sp == expected.sp, "SP {:#x}", actual.sp);
    check!(actual.tpidr == expected.tpidr, "TPIDR {:#x}", actual.tpidr);
    check!(actual.pstate == expected.pstate, "PSTATE {:#x}", actual.pstate);
    check!(actual.pc == CODE + 20, "PC {:#x}", actual.pc);
    Ok(())
}

pub(super) async fn faults() -> Outcome {
    const LOAD: u32 = 0xf940_0020; // ldr x0, [x1]
    const STORE: u32 = 0xf900_0020; // str x0, [x1]
    const BRANCH: u32 = 0xd61f_0020; // br x1
    const LOAD_EXCLUSIVE: u32 = 0xc85f_7c20; // ldxr x0, [x1]
    let kernel = crate::memory::layout::text().start;
    let unmapped = 0x5000;
    let cases = [
        (LOAD, kernel, FaultKind::Permission(Access::Read)),
        (STORE, kernel, FaultKind::Permission(Access::Write)),
        (BRANCH, kernel, FaultKind::Permission(Access::Execute)),
        (LOAD, unmapped, FaultKind::Unmapped(Access::Read)),
        (STORE, unmapped, FaultKind::Unmapped(Access::Write)),
        (BRANCH, unmapped, FaultKind::Unmapped(Access::Execute)),
        (LOAD, 1 << 40, FaultKind::Unmapped(Access::Read)),
        (STORE, CODE, FaultKind::Permission(Access::Write)),
        (BRANCH, DATA, FaultKind::Permission(Access::Execute)),
        (BRANCH, CODE + 2, FaultKind::Alignment),
        (LOAD_EXCLUSIVE, DATA + 1, FaultKind::Alignment),
    ];
    for (instruction, address, kind) in cases {
        let mut program = Program::new(&[instruction, SVC])?;
        program.context.x[1] = address;
        let exit = program.run().await;
        let UserExit::Fault(fault) = exit else {
            return Err(alloc::format!("{instruction:#x} of {address:#x}: {exit:?}"));
        };
        check!(fault.kind == kind, "{instruction:#x} of {address:#x}: {fault:x?}");
        check!(fault.address == address, "{instruction:#x} of {address:#x}: {fault:x?}");
    }
    let instructions = [
        (0x0000_0000, FaultKind::IllegalInstruction), // udf
        (0xd538_0000, FaultKind::IllegalInstruction), // mrs x0, midr_el1
        (0xd518_1000, FaultKind::IllegalInstruction), // msr sctlr_el1, x0
        (0xd503_4fdf, FaultKind::IllegalInstruction), // msr daifset, #15
        (0xd420_0000, FaultKind::Breakpoint),         // brk #0
    ];
    for (instruction, kind) in instructions {
        let mut program = Program::new(&[instruction, SVC])?;
        let exit = program.run().await;
        let right =
            matches!(exit, UserExit::Fault(fault) if fault.kind == kind && fault.pc == CODE);
        check!(right, "{instruction:#x}: {exit:x?}");
    }
    // What programs do use.
    for instruction in [
        0xd53b_0020, // mrs x0, ctr_el0
        0xd53b_00e0, // mrs x0, dczid_el0
        0xd53b_e040, // mrs x0, cntvct_el0
        0xd53b_d040, // mrs x0, tpidr_el0
        0xd50b_7421, // dc zva, x1
        0xd50b_7b21, // dc cvau, x1
        0xd503_205f, // wfe
    ] {
        let mut program = Program::new(&[instruction, SVC])?;
        program.context.x[1] = DATA;
        let exit = program.run().await;
        check!(exit == UserExit::SystemCall, "{instruction:#x}: {exit:x?}");
    }
    Ok(())
}

pub(super) async fn time_slice() -> Outcome {
    let mut program = Program::new(&[BRANCH_TO_SELF])?;
    executor::yield_now().await;
    let start = executor::slice_start();
    // A timer set for an earlier slice may end this one early: the second turn goes to its end.
    for _ in 0..2 {
        let exit = enter_user(&mut program.context);
        check!(exit == UserExit::Interrupt, "{exit:?}");
    }
    let ran = time::now().saturating_since(start);
    check!(ran >= TIME_SLICE, "the slice was {ran:?}");
    check!(program.context.pc == CODE, "PC {:#x}", program.context.pc);
    Ok(())
}

pub(super) fn access_rights() -> Outcome {
    let mut program = Program::new(&[SVC])?;
    let text: [u8; 100] = core::array::from_fn(|index| index as u8);
    for length in 0..text.len() {
        for offset in [0, 1, 7, 4096 - length as u64] {
            copy_out(user(DATA + offset), &text[..length]).map_err(|error| {
                alloc::format!("copy_out of {length} bytes at {offset}: {error:?}")
            })?;
            let mut back = [0; 100];
            copy_in(&mut back[..length], user(DATA + offset)).map_err(|error| {
                alloc::format!("copy_in of {length} bytes at {offset}: {error:?}")
            })?;
            check!(back[..length] == text[..length], "{length} bytes at {offset} differ");
        }
    }
    let mut bytes = [0; 64];
    let beyond = copy_out(user(DATA + PAGE - 20), &text[..40]).map_err(|error| error.address);
    check!(beyond == Err(DATA + PAGE), "beyond the page: {beyond:?}");
    let unmapped = copy_in(&mut bytes, user(0x5000)).map_err(|error| error.address);
    check!(unmapped == Err(0x5000), "unmapped: {unmapped:?}");
    let code = copy_out(user(CODE), &text).map_err(|error| error.address);
    check!(code == Err(CODE), "read-only: {code:?}");
    check!(copy_in(&mut bytes, user(CODE)).is_ok(), "code can be read");
    let end = copy_in(&mut bytes, user(UserAddress::END - 8)).map_err(|error| error.remaining);
    check!(end == Err(56), "across the end of the lower half: {end:?}");
    program.table.protect(user(DATA), READ);
    check!(copy_out(user(DATA), &text).is_err(), "read-only data was written");
    check!(copy_in(&mut bytes, user(DATA)).is_ok(), "read-only data can't be read");
    program.table.protect(user(DATA), Permissions::default());
    check!(copy_in(&mut bytes, user(DATA)).is_err(), "data without rights was read");
    program.table.protect(user(DATA), READ_WRITE);
    check!(copy_out(user(DATA), &text).is_ok(), "data is not writable again");
    program.table.unmap(user(DATA));
    check!(copy_in(&mut bytes, user(DATA)).is_err(), "an unmapped page was read");
    Ok(())
}

pub(super) fn separate_spaces() -> Outcome {
    let mut first = Program::new(&[SVC])?;
    copy_out(user(DATA), b"first").map_err(|error| alloc::format!("{error:?}"))?;
    let second = Program::new(&[SVC])?;
    copy_out(user(DATA), b"other").map_err(|error| alloc::format!("{error:?}"))?;
    let read = || {
        let mut bytes = [0; 5];
        copy_in(&mut bytes, user(DATA)).map(|()| bytes)
    };
    for _ in 0..3 {
        first.table.activate();
        check!(read() == Ok(*b"first"), "the first sees {:?}", read());
        second.table.activate();
        check!(read() == Ok(*b"other"), "the second sees {:?}", read());
    }
    // Another frame at the same address is seen at once.
    first.table.activate();
    let replaced = first.table.map(user(DATA), second.data.physical(), READ);
    check!(replaced.is_ok() && read() == Ok(*b"other"), "a replaced page shows {:?}", read());
    drop(first);
    check!(read().is_err(), "a dropped table is still in use");
    Ok(())
}

pub(super) fn tables_come_back() -> Outcome {
    drop(Program::new(&[SVC])?);
    let before = (frame::statistics(), crate::memory::heap::statistics().used);
    // More than there are ASIDs.
    for _ in 0..70_000 {
        UserTable::new().ok_or("tables or ASIDs are used up")?;
    }
    for _ in 0..100 {
        drop(Program::new(&[SVC])?);
    }
    let after = (frame::statistics(), crate::memory::heap::statistics().used);
    check!(before == after, "before {before:?}, after {after:?}");
    Ok(())
}
