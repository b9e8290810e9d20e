//! GPIO: what pins are connected to (BCM2835 ARM Peripherals, chapter 6).

use super::registers::Mmio;
use crate::time::{self, Duration};
use tock_registers::interfaces::{Readable, Writeable};
use tock_registers::register_structs;
use tock_registers::registers::{ReadWrite, WriteOnly};

register_structs! {
    /// The registers for pin functions and pulls.
    GpioRegisters {
        /// Function select, three bits a pin, ten pins a register.
        (0x00 => gpfsel: [ReadWrite<u32>; 6]),
        (0x18 => _reserved0),
        /// Writing 1 makes an output high.
        (0x1c => gpset: [WriteOnly<u32>; 2]),
        (0x24 => _reserved1),
        /// Writing 1 makes an output low.
        (0x28 => gpclr: [WriteOnly<u32>; 2]),
        (0x30 => _reserved2),
        /// Pull-up/down enable: what the next clock applies.
        (0x94 => gppud: ReadWrite<u32>),
        /// Pull-up/down clock: which pins take it over.
        (0x98 => gppudclk: [ReadWrite<u32>; 2]),
        (0xa0 => @END),
    }
}

// SAFETY: the address of the BCM2837's GPIO block.
static GPIO: Mmio<GpioRegisters> = unsafe { Mmio::new(0x3f20_0000) };

/// What a pin is connected to (values of GPFSEL).
#[derive(Clone, Copy)]
pub(super) enum Function {
    /// Input.
    Input = 0,
    /// Output.
    Output = 1,
    /// Alternative function 0.
    Alternate0 = 4,
}

/// Pull resistor (values of GPPUD).
#[derive(Clone, Copy)]
pub(super) enum Pull {
    /// None.
    Off = 0,
    /// Up.
    Up = 2,
}

/// Connects a pin (0 to 53).
pub(super) fn set_function(pin: usize, function: Function) {
    let Some(register) = GPIO.gpfsel.get(pin / 10) else { return };
    let shift = (pin % 10) * 3;
    register.set((register.get() & !(7 << shift)) | ((function as u32) << shift));
}

/// Makes an output high or low.
pub(super) fn set_level(pin: usize, high: bool) {
    let registers = if high { &GPIO.gpset } else { &GPIO.gpclr };
    let Some(register) = registers.get(pin / 32) else { return };
    register.set(1 << (pin % 32));
}

/// Sets the pull resistor of a pin, by the sequence of the databook: value, 150 cycles of set-up
/// time, clock, 150 cycles of hold time, both off.
pub(super) fn set_pull(pin: usize, pull: Pull) {
    const SETUP_TIME: Duration = Duration::from_micros(5);
    let Some(clock) = GPIO.gppudclk.get(pin / 32) else { return };
    GPIO.gppud.set(pull as u32);
    time::spin(SETUP_TIME);
    clock.set(1 << (pin % 32));
    time::spin(SETUP_TIME);
    GPIO.gppud.set(0);
    clock.set(0);
}
