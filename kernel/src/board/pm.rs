//! The power manager's registers for resets and the watchdog.
//!
//! They are not in the public databook; what is known of them comes from the firmware's behavior:
//! each write carries a password, RSTC starts a reset when the watchdog runs out, and RSTS keeps a
//! partition number for the next boot, of which 63 means "halt".

use super::registers::Mmio;
use tock_registers::registers::ReadWrite;
use tock_registers::{register_bitfields, register_structs};

register_bitfields! {
    u32,
    /// Reset control.
    pub(super) RSTC [
        /// Must be 0x5a in a write.
        PASSWORD OFFSET(24) NUMBITS(8) [],
        /// What happens when the watchdog runs out.
        WRCFG OFFSET(4) NUMBITS(2) [Nothing = 0, FullReset = 2]
    ],
    /// Watchdog.
    pub(super) WDOG [
        /// Must be 0x5a in a write.
        PASSWORD OFFSET(24) NUMBITS(8) [],
        /// Remaining time in units of 1/65536 s.
        TIME OFFSET(0) NUMBITS(20) []
    ]
}

register_structs! {
    /// The registers that a reset needs.
    pub(super) PmRegisters {
        (0x00 => _reserved0),
        /// Reset control.
        (0x1c => pub(super) rstc: ReadWrite<u32, RSTC::Register>),
        /// Reset status; bits 0, 2, 4, 6, 8 and 10 are the boot partition.
        (0x20 => pub(super) rsts: ReadWrite<u32>),
        /// Watchdog.
        (0x24 => pub(super) wdog: ReadWrite<u32, WDOG::Register>),
        (0x28 => @END),
    }
}

// SAFETY: the address of the BCM2837's power manager.
pub(super) static PM: Mmio<PmRegisters> = unsafe { Mmio::new(0x3f10_0000) };

/// What each write to a register must have in its top byte.
pub(super) const PASSWORD: u32 = 0x5a;
