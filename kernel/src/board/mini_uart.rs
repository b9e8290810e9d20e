//! The mini-UART (BCM2835 ARM Peripherals, 2.2): the second port, for output of traces.
//!
//! It is a byte sink. In QEMU it is the second `-serial`. On the boards its pins on the header are
//! the console's, so nothing is connected to it there.

use super::firmware;
use super::registers::Mmio;
use tock_registers::interfaces::{ReadWriteable, Readable, Writeable};
use tock_registers::registers::{ReadOnly, ReadWrite};
use tock_registers::{register_bitfields, register_structs};

register_bitfields! {
    u32,
    /// Which of the three auxiliary devices are on.
    AUX_ENABLES [
        /// The mini-UART.
        MINI_UART OFFSET(0) NUMBITS(1) []
    ],
    /// Line control.
    AUX_MU_LCR_REG [
        /// 8 bits: both bits must be set, contrary to what the databook says.
        DATA_SIZE OFFSET(0) NUMBITS(2) [EightBits = 3]
    ],
    /// Line status.
    AUX_MU_LSR_REG [
        /// There is room for a byte.
        TRANSMITTER_EMPTY OFFSET(5) NUMBITS(1) []
    ],
    /// Control.
    AUX_MU_CNTL_REG [
        /// Transmitter on.
        TRANSMITTER_ENABLE OFFSET(1) NUMBITS(1) []
    ]
}

register_structs! {
    /// The auxiliary block, as far as the mini-UART goes.
    AuxRegisters {
        (0x00 => _reserved0),
        /// Devices that are on.
        (0x04 => aux_enables: ReadWrite<u32, AUX_ENABLES::Register>),
        (0x08 => _reserved1),
        /// Data.
        (0x40 => aux_mu_io_reg: ReadWrite<u32>),
        /// Interrupts that are on.
        (0x44 => aux_mu_ier_reg: ReadWrite<u32>),
        /// Writing 1 to bits 1 and 2 empties the FIFOs.
        (0x48 => aux_mu_iir_reg: ReadWrite<u32>),
        /// Line control.
        (0x4c => aux_mu_lcr_reg: ReadWrite<u32, AUX_MU_LCR_REG::Register>),
        (0x50 => _reserved2),
        /// Line status.
        (0x54 => aux_mu_lsr_reg: ReadOnly<u32, AUX_MU_LSR_REG::Register>),
        (0x58 => _reserved3),
        /// Control.
        (0x60 => aux_mu_cntl_reg: ReadWrite<u32, AUX_MU_CNTL_REG::Register>),
        (0x64 => _reserved4),
        /// Divisor: core clock / (8 * rate) - 1.
        (0x68 => aux_mu_baud_reg: ReadWrite<u32>),
        (0x6c => @END),
    }
}

// SAFETY: the address of the BCM2837's auxiliary block.
static AUX: Mmio<AuxRegisters> = unsafe { Mmio::new(0x3f21_5000) };

/// Bits a second.
const BAUD_RATE: u32 = 115_200;

/// The core clock that `enable_uart=1` fixes, should the firmware not answer.
const DEFAULT_CLOCK: u32 = 250_000_000;

/// Turns the transmitter on.
pub(super) fn initialize() {
    let clock = firmware::clock_rate(firmware::Clock::Core).unwrap_or(DEFAULT_CLOCK);
    AUX.aux_enables.modify(AUX_ENABLES::MINI_UART::SET);
    AUX.aux_mu_cntl_reg.set(0);
    AUX.aux_mu_ier_reg.set(0);
    AUX.aux_mu_iir_reg.set(6);
    AUX.aux_mu_lcr_reg.write(AUX_MU_LCR_REG::DATA_SIZE::EightBits);
    AUX.aux_mu_baud_reg.set((clock / (8 * BAUD_RATE)).saturating_sub(1).min(0xffff));
    AUX.aux_mu_cntl_reg.write(AUX_MU_CNTL_REG::TRANSMITTER_ENABLE::SET);
}

/// Writes as many of `bytes` as there is room for, and returns how many.
pub fn try_write(bytes: &[u8]) -> usize {
    let mut written = 0;
    for byte in bytes {
        if !AUX.aux_mu_lsr_reg.is_set(AUX_MU_LSR_REG::TRANSMITTER_EMPTY) {
            break;
        }
        AUX.aux_mu_io_reg.set(u32::from(*byte));
        written += 1;
    }
    written
}

/// Writes all of `bytes`, waiting for the UART where it must: 87 µs a byte on hardware.
pub fn write(bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        rest = &rest[try_write(rest)..];
    }
}
