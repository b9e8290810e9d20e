//! ESR_EL1 in words (ARM DDI 0487, D17.2.37).

use core::fmt;

/// An exception syndrome.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Syndrome(pub u64);

/// Exception classes (EC) that the kernel acts on.
pub mod class {
    /// SVC from AArch64.
    pub const SVC: u64 = 0x15;
    /// MSR, MRS or system instruction that is not allowed at EL0.
    pub const SYSTEM_REGISTER: u64 = 0x18;
    /// Instruction abort from EL0.
    pub const INSTRUCTION_ABORT_LOWER: u64 = 0x20;
    /// PC alignment fault.
    pub const PC_ALIGNMENT: u64 = 0x22;
    /// Data abort from EL0.
    pub const DATA_ABORT_LOWER: u64 = 0x24;
    /// Data abort from EL1.
    pub const DATA_ABORT: u64 = 0x25;
    /// SP alignment fault.
    pub const SP_ALIGNMENT: u64 = 0x26;
    /// Floating-point exception.
    pub const FLOATING_POINT: u64 = 0x2c;
    /// Hardware breakpoint from EL0.
    pub const BREAKPOINT_LOWER: u64 = 0x30;
    /// Software step from EL0.
    pub const STEP_LOWER: u64 = 0x32;
    /// Watchpoint from EL0.
    pub const WATCHPOINT_LOWER: u64 = 0x34;
    /// BRK instruction.
    pub const BRK: u64 = 0x3c;
}

impl Syndrome {
    /// Bits 31:26.
    pub const fn class(self) -> u64 {
        (self.0 >> 26) & 0x3f
    }

    /// Bits 24:0.
    pub const fn specific(self) -> u64 {
        self.0 & 0x1ff_ffff
    }

    /// Whether a data abort came from a store (WnR). Cache maintenance counts as a store.
    pub const fn is_write(self) -> bool {
        self.0 & (1 << 6) != 0
    }

    /// Fault status code of an abort.
    pub const fn fault_status(self) -> u64 {
        self.0 & 0x3f
    }

    /// Whether the exception says which address it is about in FAR_EL1.
    pub const fn has_address(self) -> bool {
        matches!(self.class(), 0x20..=0x22 | 0x24 | 0x25 | 0x34 | 0x35)
    }

    fn class_name(self) -> &'static str {
        match self.class() {
            0x00 => "unknown or undefined instruction",
            0x01 => "trapped WFI or WFE",
            0x07 => "floating-point access",
            0x0e => "illegal execution state",
            class::SVC => "system call",
            class::SYSTEM_REGISTER => "system register access",
            class::INSTRUCTION_ABORT_LOWER => "instruction abort at EL0",
            0x21 => "instruction abort",
            class::PC_ALIGNMENT => "PC alignment fault",
            class::DATA_ABORT_LOWER => "data abort at EL0",
            class::DATA_ABORT => "data abort",
            class::SP_ALIGNMENT => "SP alignment fault",
            class::FLOATING_POINT => "floating-point exception",
            0x2f => "SError interrupt",
            class::BREAKPOINT_LOWER | 0x31 => "breakpoint",
            class::STEP_LOWER | 0x33 => "software step",
            class::WATCHPOINT_LOWER | 0x35 => "watchpoint",
            class::BRK => "BRK instruction",
            _ => "exception of an unknown class",
        }
    }

    fn fault_name(self) -> &'static str {
        match self.fault_status() {
            0x00..=0x03 => "address size fault",
            0x04..=0x07 => "translation fault",
            0x08..=0x0b => "access flag fault",
            0x0c..=0x0f => "permission fault",
            0x10 => "synchronous external abort",
            0x14..=0x17 => "synchronous external abort on a table walk",
            0x18 => "synchronous parity or ECC error",
            0x21 => "alignment fault",
            0x30 => "TLB conflict",
            _ => "fault of an unknown kind",
        }
    }
}

impl fmt::Display for Syndrome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.class_name())?;
        match self.class() {
            0x20 | 0x21 => write!(f, ", {}", self.fault_name())?,
            0x24 | 0x25 => {
                let direction = if self.is_write() { "write" } else { "read" };
                write!(f, ", {direction}, {}", self.fault_name())?;
            }
            _ => {}
        }
        if matches!(self.fault_status(), 0x04..=0x0f) && matches!(self.class(), 0x20..=0x25) {
            write!(f, ", level {}", self.0 & 3)?;
        }
        Ok(())
    }
}
