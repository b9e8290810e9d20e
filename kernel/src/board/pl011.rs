//! PL011, the first UART: the console (ARM DDI 0183).
//!
//! On the boards the header pins 8 and 10 (GPIO14 and 15) are the mini-UART's by default, and the
//! PL011 is the Bluetooth chip's: this takes it over. QEMU's `-serial` 0 is a PL011 that needs
//! nothing of this.

use super::registers::Mmio;
use super::{firmware, gpio};
use crate::time::{self, Duration};
use tock_registers::interfaces::{ReadWriteable, Readable, Writeable};
use tock_registers::registers::{ReadOnly, ReadWrite, WriteOnly};
use tock_registers::{register_bitfields, register_structs};

register_bitfields! {
    u32,
    /// Flags.
    UARTFR [
        /// Still sending.
        BUSY OFFSET(3) NUMBITS(1) [],
        /// Nothing was received.
        RXFE OFFSET(4) NUMBITS(1) [],
        /// No room for another byte.
        TXFF OFFSET(5) NUMBITS(1) []
    ],
    /// Line control.
    UARTLCR_H [
        /// FIFOs on.
        FEN OFFSET(4) NUMBITS(1) [],
        /// Word length.
        WLEN OFFSET(5) NUMBITS(2) [EightBits = 3]
    ],
    /// Control.
    UARTCR [
        /// On.
        UARTEN OFFSET(0) NUMBITS(1) [],
        /// Transmitter on.
        TXE OFFSET(8) NUMBITS(1) [],
        /// Receiver on.
        RXE OFFSET(9) NUMBITS(1) []
    ],
    /// FIFO levels that interrupt.
    UARTIFLS [
        /// Transmit FIFO falls to.
        TXIFLSEL OFFSET(0) NUMBITS(3) [OneEighth = 0],
        /// Receive FIFO reaches.
        RXIFLSEL OFFSET(3) NUMBITS(3) [OneEighth = 0]
    ],
    /// Interrupts; the same bits in IMSC, MIS and ICR.
    UARTINT [
        /// The receive FIFO has reached its level.
        RX OFFSET(4) NUMBITS(1) [],
        /// The transmit FIFO has fallen to its level.
        TX OFFSET(5) NUMBITS(1) [],
        /// Something was received, and then nothing for 32 bit times.
        RT OFFSET(6) NUMBITS(1) [],
        /// A byte came while the receive FIFO was full.
        OE OFFSET(10) NUMBITS(1) []
    ]
}

register_structs! {
    /// The registers.
    Pl011Registers {
        /// Data; bits 8 to 11 of a received word are errors.
        (0x00 => uartdr: ReadWrite<u32>),
        (0x04 => _reserved0),
        /// Flags.
        (0x18 => uartfr: ReadOnly<u32, UARTFR::Register>),
        (0x1c => _reserved1),
        /// Divisor, integer part.
        (0x24 => uartibrd: ReadWrite<u32>),
        /// Divisor, fraction in 64ths.
        (0x28 => uartfbrd: ReadWrite<u32>),
        /// Line control; writing it makes the divisors count.
        (0x2c => uartlcr_h: ReadWrite<u32, UARTLCR_H::Register>),
        /// Control.
        (0x30 => uartcr: ReadWrite<u32, UARTCR::Register>),
        /// FIFO levels.
        (0x34 => uartifls: ReadWrite<u32, UARTIFLS::Register>),
        /// Interrupt mask: 1 lets through.
        (0x38 => uartimsc: ReadWrite<u32, UARTINT::Register>),
        (0x3c => _reserved2),
        /// Interrupts after the mask.
        (0x40 => uartmis: ReadOnly<u32, UARTINT::Register>),
        /// Write 1 to clear.
        (0x44 => uarticr: WriteOnly<u32, UARTINT::Register>),
        (0x48 => @END),
    }
}

// SAFETY: the address of the BCM2837's PL011.
static UART: Mmio<Pl011Registers> = unsafe { Mmio::new(0x3f20_1000) };

/// Bits a second.
const BAUD_RATE: u32 = 115_200;

/// The firmware's default for the UART clock, should it not answer.
const DEFAULT_CLOCK: u32 = 48_000_000;

/// Longest wait for the transmitter: a full FIFO of 32 bytes takes 3 ms.
const DRAIN_TIME: Duration = Duration::from_millis(10);

/// Sets pins, rate and format: 115200 baud, 8N1, FIFOs on.
pub(super) fn initialize() {
    // Away from the Bluetooth chip first, so that the PL011 never has two receivers.
    for pin in [32, 33] {
        gpio::set_function(pin, gpio::Function::Input);
    }
    for (pin, pull) in [(14, gpio::Pull::Off), (15, gpio::Pull::Up)] {
        gpio::set_function(pin, gpio::Function::Alternate0);
        gpio::set_pull(pin, pull);
    }
    // Without its clock the UART would never have room again. The firmware has it on already, unless
    // a device tree gave the PL011 to nobody; if it does not answer, there is nothing else to try.
    let _ = firmware::enable_clock(firmware::Clock::Uart);
    let clock = firmware::clock_rate(firmware::Clock::Uart).unwrap_or(DEFAULT_CLOCK);
    let divisor = divisor_64ths(clock);

    // What the firmware has sent must go out before the UART may be disabled (3.3.8), and only
    // while it is disabled may rate and format change.
    let give_up = time::now() + DRAIN_TIME;
    while UART.uartfr.is_set(UARTFR::BUSY) && time::now() < give_up {}
    UART.uartcr.set(0);
    UART.uartimsc.set(0);
    UART.uarticr.set(0x7ff);
    UART.uartibrd.set(divisor / 64);
    UART.uartfbrd.set(divisor % 64);
    UART.uartlcr_h.write(UARTLCR_H::WLEN::EightBits + UARTLCR_H::FEN::SET);
    UART.uartifls.write(UARTIFLS::TXIFLSEL::OneEighth + UARTIFLS::RXIFLSEL::OneEighth);
    UART.uartcr.write(UARTCR::UARTEN::SET + UARTCR::TXE::SET + UARTCR::RXE::SET);
}

/// Clock over 16 times the rate, in 64ths, rounded.
const fn divisor_64ths(clock: u32) -> u32 {
    let divisor = (clock as u64 * 4 + BAUD_RATE as u64 / 2) / BAUD_RATE as u64;
    if divisor < 64 { 64 } else { divisor as u32 }
}

// 48 MHz: 26 and 3/64.
const _: () = assert!(divisor_64ths(48_000_000) == 26 * 64 + 3);

/// Sends a byte if there is room.
pub(super) fn try_send(byte: u8) -> bool {
    let room = !UART.uartfr.is_set(UARTFR::TXFF);
    if room {
        UART.uartdr.set(u32::from(byte));
    }
    room
}

/// A received byte, if there is one; bytes with framing or parity errors are given as they are.
pub(super) fn try_receive() -> Option<u8> {
    (!UART.uartfr.is_set(UARTFR::RXFE)).then(|| UART.uartdr.get() as u8)
}

/// Interrupts, or not, when something was received.
pub(super) fn set_receive_interrupt(on: bool) {
    let on = u32::from(on);
    UART.uartimsc.modify(UARTINT::RX.val(on) + UARTINT::RT.val(on) + UARTINT::OE::SET);
}

/// Interrupts, or not, when there is room to send.
pub(super) fn set_transmit_interrupt(on: bool) {
    UART.uartimsc.modify(UARTINT::TX.val(u32::from(on)));
}

/// Why the UART interrupted; makes it stop.
pub(super) struct Pending {
    /// Bytes were lost.
    pub(super) overrun: bool,
}

/// Acknowledges the interrupt.
pub(super) fn acknowledge() -> Pending {
    let pending = UART.uartmis.extract();
    UART.uarticr.set(pending.get());
    Pending { overrun: pending.is_set(UARTINT::OE) }
}

/// Waits until everything is on the wire, but not for ever.
pub(super) fn drain() {
    let give_up = time::now() + DRAIN_TIME;
    while UART.uartfr.is_set(UARTFR::BUSY) && time::now() < give_up {}
}
