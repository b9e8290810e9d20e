//! The BCM2837 and the boards with it (Raspberry Pi Zero 2 W, 3B, 3A+; QEMU's raspi3b, raspi3ap).
//!
//! Registers are called what the databooks call them: "BCM2835 ARM Peripherals" (which holds for
//! the BCM2837 with a different base), "Quad-A7 control" (QA7_rev3.4) for the block at 0x4000_0000,
//! and ARM DDI 0183 for the PL011.

pub mod console;
pub mod firmware;
mod gpio;
mod hardware_random;
pub mod interrupt;
pub mod led;
mod mailbox;
pub mod mini_uart;
mod pl011;
mod pm;
pub mod power;
mod registers;
pub mod usb;
pub mod watchdog;

pub(crate) use hardware_random::entropy_word;

use core::ops::Range;

/// Peripherals and local control, as the ARM cores see them.
pub(crate) const DEVICE_RANGES: [Range<u64>; 2] =
    [0x3f00_0000..0x4000_0000, 0x4000_0000..0x4000_1000];

/// Where DMA masters find RAM, bypassing the GPU's cache.
const BUS_ALIAS: u64 = 0xc000_0000;

/// Bus address of physical memory.
pub(crate) fn bus_address(physical: u64) -> u32 {
    (physical | BUS_ALIAS) as u32
}

/// What must work before memory is set up: the console and the LED, for panics, and the mailbox.
pub(crate) fn initialize_early() {
    interrupt::initialize();
    console::initialize();
    led::initialize();
}

/// The rest.
pub(crate) fn initialize() {
    interrupt::register(interrupt::Source::VirtualTimer, crate::arch::aarch64::timer::disarm);
    console::enable_receiving();
    mini_uart::initialize();
    hardware_random::initialize();
}
