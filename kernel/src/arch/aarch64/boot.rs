//! The first Rust code.

use super::{cpu, exception, timer};
use crate::{board, boot_arguments, logging, memory, random, time};
use core::arch::global_asm;

global_asm!(include_str!("boot.s"));

/// Called by boot.s on the boot stack, with its temporary tables; `firmware` is what the firmware
/// passed in X0.
#[unsafe(no_mangle)]
extern "C" fn kernel_start(firmware: u64) -> ! {
    // SAFETY: this is the first thing that runs, once.
    unsafe { memory::initialize_early() };
    exception::initialize();
    timer::initialize();
    board::initialize_early();
    logging::initialize();
    // SAFETY: the tables are active, the mailbox works, nothing has been allocated yet.
    unsafe { memory::initialize(firmware) };
    board::firmware::read_command_line();
    logging::set_levels(boot_arguments::get("log"));
    time::initialize_realtime();
    board::initialize();
    random::initialize();
    cpu::unmask_interrupts();
    crate::start::start()
}
