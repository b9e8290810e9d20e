//! The hardware random number generator of the BCM2835.

use super::registers::Mmio;
use tock_registers::interfaces::{ReadWriteable, Readable, Writeable};
use tock_registers::registers::{ReadOnly, ReadWrite};
use tock_registers::{register_bitfields, register_structs};

register_bitfields! {
    u32,
    /// Control.
    RNG_CTRL [
        /// On.
        RBGEN OFFSET(0) NUMBITS(1) []
    ],
    /// Status.
    RNG_STATUS [
        /// Count of numbers that are dropped after the start.
        WARMUP OFFSET(0) NUMBITS(20) [],
        /// Count of words that can be read.
        WORDS OFFSET(24) NUMBITS(8) []
    ]
}

register_structs! {
    /// The registers.
    RngRegisters {
        /// Control.
        (0x0 => ctrl: ReadWrite<u32, RNG_CTRL::Register>),
        /// Status.
        (0x4 => status: ReadWrite<u32, RNG_STATUS::Register>),
        /// The next word.
        (0x8 => data: ReadOnly<u32>),
        (0xc => @END),
    }
}

// SAFETY: the address of the BCM2837's generator.
static RNG: Mmio<RngRegisters> = unsafe { Mmio::new(0x3f10_4000) };

/// The first numbers are less random.
const WARMUP_COUNT: u32 = 0x4_0000;

/// Starts the generator, if the firmware hasn't.
pub(super) fn initialize() {
    if !RNG.ctrl.is_set(RNG_CTRL::RBGEN) {
        RNG.status.write(RNG_STATUS::WARMUP.val(WARMUP_COUNT));
        RNG.ctrl.modify(RNG_CTRL::RBGEN::SET);
    }
}

/// A random word, if one is ready.
pub(crate) fn entropy_word() -> Option<u32> {
    (RNG.status.read(RNG_STATUS::WORDS) != 0).then(|| RNG.data.get())
}
