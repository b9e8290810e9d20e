//! Ending: power off, restart, or leave the emulator with a status. A restart is what the watchdog
//! does when it runs out at once.

use super::console;
use super::pm::{PASSWORD, PM, RSTC, WDOG};
use crate::arch::aarch64::{cpu, semihosting};
use crate::boot_arguments;
use tock_registers::interfaces::{Readable, Writeable};

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
