//! Ending: power off, restart, or leave the emulator with a status (the PM block's watchdog).
//!
//! The power manager's registers are not in the public databook; what is known of them comes from
//! the firmware's behavior: each write carries a password, RSTC starts a reset when the watchdog
//! runs out, and RSTS keeps a partition number for the next boot, of which 63 means "halt".

use super::console;
use super::registers::Mmio;
use crate::arch::aarch64::{cpu, semihosting};
use crate::boot_arguments;
use tock_registers::interfaces::{Readable, Writeable};
use tock_registers::registers::ReadWrite;
use tock_registers::{register_bitfields, register_structs};

register_bitfields! {
    u32,
    /// Reset control.
    RSTC [
        /// Must be 0x5a in a write.
        PASSWORD OFFSET(24) NUMBITS(8) [],
        /// What happens when the watchdog runs out.
        WRCFG OFFSET(4) NUMBITS(2) [FullReset = 2]
    ],
    /// Watchdog.
    WDOG [
        /// Must be 0x5a in a write.
        PASSWORD OFFSET(24) NUMBITS(8) [],
        /// Remaining time in units of 1/65536 s.
        TIME OFFSET(0) NUMBITS(20) []
    ]
}

register_structs! {
    /// The power manager's registers that a reset needs.
    PmRegisters {
        (0x00 => _reserved0),
        /// Reset control.
        (0x1c => rstc: ReadWrite<u32, RSTC::Register>),
        /// Reset status; bits 0, 2, 4, 6, 8 and 10 are the boot partition.
        (0x20 => rsts: ReadWrite<u32>),
        /// Watchdog.
        (0x24 => wdog: ReadWrite<u32, WDOG::Register>),
        (0x28 => @END),
    }
}

// SAFETY: the address of the BCM2837's power manager.
static PM: Mmio<PmRegisters> = unsafe { Mmio::new(0x3f10_0000) };

const PASSWORD: u32 = 0x5a;
/// Partition 63 in the bits of RSTS: the firmware halts instead of booting.
const PARTITION_HALT: u32 = 0x555;

/// Ends in a state in which the board draws little power; ends QEMU with status 0.
pub fn power_off() -> ! {
    reset(PARTITION_HALT)
}

/// Boots again.
pub fn restart() -> ! {
    reset(0)
}

/// Ends with a status that whoever started QEMU can see, if the boot argument `semihosting=1`
/// says that it listens; otherwise powers off.
pub fn exit(status: u8) -> ! {
    flush();
    if boot_arguments::is_set("semihosting") {
        semihosting::exit(status);
    }
    power_off()
}

/// Waits until everything that was said is on the wires.
fn flush() {
    console::flush();
    #[cfg(feature = "trace")]
    crate::trace::flush();
}

fn reset(partition: u32) -> ! {
    cpu::mask_everything();
    flush();
    let keep = PM.rsts.get() & !(0xff00_0000 | PARTITION_HALT);
    PM.rsts.set((PASSWORD << 24) | keep | partition);
    PM.wdog.write(WDOG::PASSWORD.val(PASSWORD) + WDOG::TIME.val(10));
    PM.rstc.write(RSTC::PASSWORD.val(PASSWORD) + RSTC::WRCFG::FullReset);
    cpu::halt()
}
