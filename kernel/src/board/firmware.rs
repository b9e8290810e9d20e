//! What the firmware knows and does: property tags of the mailbox.

use super::mailbox;
pub use super::mailbox::MailboxError;
use crate::boot_arguments;
use core::ops::Range;

// Tag numbers, as the firmware's documentation has them.
const GET_FIRMWARE_REVISION: u32 = 0x0000_0001;
const GET_BOARD_REVISION: u32 = 0x0001_0002;
const GET_BOARD_MAC_ADDRESS: u32 = 0x0001_0003;
const GET_BOARD_SERIAL: u32 = 0x0001_0004;
const GET_ARM_MEMORY: u32 = 0x0001_0005;
const SET_POWER_STATE: u32 = 0x0002_8001;
const GET_CLOCK_RATE: u32 = 0x0003_0002;
const GET_MAX_CLOCK_RATE: u32 = 0x0003_0004;
const GET_TEMPERATURE: u32 = 0x0003_0006;
const GET_THROTTLED: u32 = 0x0003_0046;
const SET_CLOCK_STATE: u32 = 0x0003_8001;
const SET_CLOCK_RATE: u32 = 0x0003_8002;
const SET_GPIO_STATE: u32 = 0x0003_8041;
const GET_COMMAND_LINE: u32 = 0x0005_0001;

/// RAM when the firmware doesn't say: less than the smallest board with the largest GPU part has.
const DEFAULT_MEMORY: Range<u64> = 0..256 << 20;

/// Clocks that the firmware can name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// The PL011's.
    Uart = 2,
    /// The ARM cores'.
    Arm = 3,
    /// The VideoCore's, which the mini-UART uses.
    Core = 4,
}

/// Devices whose power the firmware switches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Device {
    /// The DWC2 USB controller.
    Usb = 3,
}

/// Why power could not be switched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PowerError {
    /// The firmware knows no such device.
    NoSuchDevice,
    /// It is still off.
    StillOff,
    /// The call failed.
    Mailbox(MailboxError),
}

/// Revision of the firmware, its build time.
pub fn revision() -> Result<u32, MailboxError> {
    word(GET_FIRMWARE_REVISION)
}

/// Whether the firmware is an emulator's: a real one's revision is its build time in seconds since
/// 1970, QEMU's a number of some days.
pub fn is_emulated() -> bool {
    const FIRST_BOARD: u32 = 1_330_000_000;
    revision().is_ok_and(|revision| revision < FIRST_BOARD)
}

/// Revision code of the board.
pub fn board_revision() -> Result<u32, MailboxError> {
    word(GET_BOARD_REVISION)
}

/// Serial number of the board.
pub fn board_serial() -> Result<u64, MailboxError> {
    let mut value = [0; 2];
    mailbox::call(GET_BOARD_SERIAL, &mut value)?;
    Ok(u64::from(value[0]) | (u64::from(value[1]) << 32))
}

/// Ethernet address made from the serial number; not that of any USB adapter.
pub fn board_mac_address() -> Result<[u8; 6], MailboxError> {
    let mut value = [0; 2];
    mailbox::call(GET_BOARD_MAC_ADDRESS, &mut value)?;
    let mut address = [0; 6];
    address[..4].copy_from_slice(&value[0].to_le_bytes());
    address[4..].copy_from_slice(&value[1].to_le_bytes()[..2]);
    Ok(address)
}

/// The RAM that belongs to the ARM cores (the GPU has the rest).
pub(crate) fn arm_memory() -> Range<u64> {
    let mut value = [0; 2];
    match mailbox::call(GET_ARM_MEMORY, &mut value) {
        Ok(8..) => {
            let start = u64::from(value[0]);
            // The window of the peripherals ends RAM, whatever the firmware says.
            let end = (start + u64::from(value[1])).min(super::DEVICE_RANGES[0].start);
            start..end
        }
        other => {
            log::warn!("the firmware does not tell the memory size ({other:?}): using 256 MiB");
            DEFAULT_MEMORY
        }
    }
}

/// Rate of a clock in Hz, if the firmware knows it.
pub fn clock_rate(clock: Clock) -> Option<u32> {
    let mut value = [clock as u32, 0];
    mailbox::call(GET_CLOCK_RATE, &mut value).ok()?;
    (value[1] != 0).then_some(value[1])
}

/// Turns a clock on.
pub(super) fn enable_clock(clock: Clock) -> Result<(), MailboxError> {
    const ON: u32 = 1 << 0;
    mailbox::call(SET_CLOCK_STATE, &mut [clock as u32, ON]).map(|_| ())
}

/// The highest rate of a clock in Hz, if the firmware knows it.
pub fn max_clock_rate(clock: Clock) -> Option<u32> {
    let mut value = [clock as u32, 0];
    mailbox::call(GET_MAX_CLOCK_RATE, &mut value).ok()?;
    (value[1] != 0).then_some(value[1])
}

/// Sets the rate of a clock in Hz; the firmware lowers it by itself when the chip is hot or the
/// supply weak. With the cores' clock go the others that belong to a fast or a slow state.
pub(crate) fn set_clock_rate(clock: Clock, rate: u32) -> Result<(), MailboxError> {
    const SKIP_TURBO: u32 = 0;
    mailbox::call(SET_CLOCK_RATE, &mut [clock as u32, rate, SKIP_TURBO]).map(|_| ())
}

/// Sets a line of the GPIO expander that some boards have beside the BCM2837.
pub(super) fn set_expander_line(line: u8, high: bool) -> Result<(), MailboxError> {
    const FIRST_LINE: u32 = 128;
    mailbox::call(SET_GPIO_STATE, &mut [FIRST_LINE + u32::from(line), u32::from(high)]).map(|_| ())
}

/// Temperature of the chip in thousandths of a degree Celsius.
pub fn temperature() -> Result<u32, MailboxError> {
    let mut value = [0; 2];
    mailbox::call(GET_TEMPERATURE, &mut value)?;
    Ok(value[1])
}

/// Throttling flags: bit 0 under-voltage now, bit 16 under-voltage since boot (an unsteady supply
/// shows first on USB).
pub fn throttled() -> Result<u32, MailboxError> {
    word(GET_THROTTLED)
}

/// Switches a device on and waits until its power is steady.
pub fn power_on(device: Device) -> Result<(), PowerError> {
    const ON: u32 = 1 << 0;
    const WAIT: u32 = 1 << 1;
    const ABSENT: u32 = 1 << 1;
    set_power(device, ON | WAIT).and_then(|state| match state {
        _ if state & ABSENT != 0 && state & ON == 0 => Err(PowerError::NoSuchDevice),
        _ if state & ON == 0 => Err(PowerError::StillOff),
        _ => Ok(()),
    })
}

/// Switches a device off.
pub fn power_off(device: Device) -> Result<(), PowerError> {
    set_power(device, 1 << 1).map(|_| ())
}

fn set_power(device: Device, state: u32) -> Result<u32, PowerError> {
    let mut value = [device as u32, state];
    mailbox::call(SET_POWER_STATE, &mut value).map_err(PowerError::Mailbox)?;
    Ok(value[1])
}

/// Asks for the command line of config.txt and cmdline.txt, and sets it as boot arguments unless
/// there are some already.
pub(crate) fn read_command_line() {
    let mut words = [0u32; boot_arguments::MAX_LENGTH / 4];
    let Ok(length) = mailbox::call(GET_COMMAND_LINE, &mut words) else { return };
    let mut bytes = [0u8; boot_arguments::MAX_LENGTH];
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    boot_arguments::set(&bytes[..length.min(bytes.len())]);
}

fn word(tag: u32) -> Result<u32, MailboxError> {
    let mut value = [0];
    mailbox::call(tag, &mut value)?;
    Ok(value[0])
}
