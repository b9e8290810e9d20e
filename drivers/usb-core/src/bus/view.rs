//! What listings (`lsusb`, sysfs) are told of a device.

use super::path::DevicePath;
use super::slot::{DeviceStrings, Slot, SlotState, TransferCounters};
use super::{BUS_NUMBER, ROOT_HUB_ADDRESS};
use crate::class::Selection;
use crate::descriptor::DescriptorSet;
use crate::host::HostController;
use crate::pipe::{DeviceAddress, Speed};

/// A device as it is now.
#[derive(Clone, Copy, Debug)]
pub struct DeviceView<'a> {
    /// Where it sits; shown as Linux names it, `1-1.3`.
    pub path: DevicePath,
    /// The bus, always 1.
    pub bus: u8,
    /// Its address, which Linux calls the device number.
    pub address: DeviceAddress,
    /// Its speed.
    pub speed: Speed,
    /// Everything it says of itself, in bytes and parsed.
    pub descriptors: &'a DescriptorSet,
    /// Its texts.
    pub strings: &'a DeviceStrings,
    /// The configuration it is in and the driver that has it; `None` without a driver.
    pub selection: Option<Selection>,
    /// Ports, if it is a hub; else 0.
    pub hub_ports: u8,
    /// How its transfers failed.
    pub counters: TransferCounters,
}

/// Shows the device of a place, unless it is free or in the middle of enumeration.
pub(super) fn with<H: HostController, R>(
    slot: &Slot<H>,
    show: impl FnOnce(&DeviceView<'_>) -> R,
) -> Option<R> {
    if !matches!(slot.state.get(), SlotState::Ready | SlotState::Running) {
        return None;
    }
    let identity = slot.identity.get()?;
    let descriptors = slot.descriptors.borrow();
    let strings = slot.strings.borrow();
    Some(show(&DeviceView {
        path: identity.path,
        bus: BUS_NUMBER,
        address: identity.address,
        speed: identity.speed,
        descriptors: descriptors.as_ref()?,
        strings: &strings,
        selection: slot.selection.get(),
        hub_ports: slot.hub_ports.get(),
        counters: slot.counters.get(),
    }))
}

/// Descriptors of the root hub for listings: device, configuration, interface and endpoint. There
/// is no such device on the wire; Linux shows one as `usb1` with address 1 and these identifiers.
pub const fn root_hub_descriptors() -> [u8; 43] {
    const { assert!(ROOT_HUB_ADDRESS.get() == 1) };
    [
        // Device: USB 2.0, hub, single TT, EP0 of 64 bytes, 1d6b:0002, one configuration.
        18, 1, 0x00, 0x02, 9, 0, 1, 64, 0x6b, 0x1d, 0x02, 0x00, 0x00, 0x01, 0, 0, 0, 1,
        // Configuration 1, self-powered.
        9, 2, 25, 0, 1, 1, 0, 0xe0, 0, // Interface 0: hub.
        9, 4, 0, 0, 1, 9, 0, 0, 0, // Endpoint 1 IN, interrupt, 4 bytes, 2^11 microframes.
        7, 5, 0x81, 3, 4, 0, 12,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::{Configuration, DeviceDescriptor};

    #[test]
    fn the_root_hub_is_well_formed() {
        let bytes = root_hub_descriptors();
        let device = DeviceDescriptor::parse(&bytes).expect("a good device descriptor");
        assert_eq!((device.vendor, device.product), (0x1d6b, 2));
        let configuration = Configuration::parse(&bytes[18..]).expect("a good configuration");
        assert_eq!(usize::from(configuration.header().total_length), bytes.len() - 18);
        let interface = configuration.interface(0, 0).expect("an interface");
        assert_eq!(interface.endpoints().count(), 1);
    }
}
