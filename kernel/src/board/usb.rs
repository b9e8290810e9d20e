//! The DWC2 USB controller: where its registers are, and its power.

use super::firmware::{self, Device, PowerError};
use super::registers::Mmio;
use crate::arch::aarch64::cpu;
use usb_dwc2::registers::mmio::{MmioRegisters, RegisterBlock};

// SAFETY: the address of the BCM2837's USB controller.
static DWC2: Mmio<RegisterBlock> = unsafe { Mmio::new(0x3f98_0000) };

/// The register block, for the driver. Its power must be on.
pub fn registers() -> MmioRegisters<'static> {
    MmioRegisters::new(DWC2.registers(), cpu::barrier)
}

/// Switches the controller's power on and waits until it is steady.
pub fn power_on() -> Result<(), PowerError> {
    firmware::power_on(Device::Usb)
}

/// Switches the controller's power off: the last resort when it hangs.
pub fn power_off() -> Result<(), PowerError> {
    firmware::power_off(Device::Usb)
}
