//! `lsusb -t`: which device is plugged into which.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::names;
use super::sysfs::{Device, Interface, ROOT};

/// How far a level is indented beyond the one above.
const STEP: usize = 4;

/// The tree of all buses; `verbose` adds lines with the identity and the place of each device.
// Writing to a string does not fail.
#[must_use]
pub fn text(devices: &[Device], verbose: bool) -> String {
    let mut text = String::new();
    for root in devices.iter().filter(|device| device.is_root()) {
        let _ = writeln!(
            text,
            "/:  Bus {:03}.Port 001: Dev {:03}, Class=root_hub, Driver={}/{}p, {}M",
            root.bus,
            root.number,
            root.driver.as_deref().unwrap_or("[none]"),
            root.ports,
            root.speed
        );
        if verbose {
            write_identity(&mut text, root, STEP);
        }
        write_children(&mut text, devices, root, verbose, STEP);
    }
    text
}

fn write_children(
    text: &mut String,
    devices: &[Device],
    parent: &Device,
    verbose: bool,
    indent: usize,
) {
    let is_child = |device: &&Device| {
        device.bus == parent.bus && device.parent().as_deref() == Some(parent.name.as_str())
    };
    let mut children: Vec<&Device> = devices.iter().filter(is_child).collect();
    children.sort_by_key(|device| device.port());
    for device in children {
        // A device without a configuration has no interfaces, and one line nevertheless.
        if device.interfaces.is_empty() {
            write_line(text, device, None, indent);
        }
        for interface in &device.interfaces {
            write_line(text, device, Some(interface), indent);
            if verbose {
                write_identity(text, device, indent + STEP);
            }
        }
        if verbose && device.interfaces.is_empty() {
            write_identity(text, device, indent + STEP);
        }
        write_children(text, devices, device, verbose, indent + STEP);
    }
}

fn write_line(text: &mut String, device: &Device, interface: Option<&Interface>, indent: usize) {
    let _ = write!(text, "{:indent$}|__ Port {:03}: Dev {:03}, ", "", device.port(), device.number);
    if let Some(interface) = interface {
        let class = match names::class(interface.class) {
            "" => "[unknown]",
            name => name,
        };
        let driver = interface.driver.as_deref().unwrap_or("[none]");
        let _ = write!(text, "If {}, Class={class}, Driver={driver}", interface.number);
        if device.ports != 0 {
            let _ = write!(text, "/{}p", device.ports);
        }
        text.push_str(", ");
    }
    let _ = writeln!(text, "{}M", device.speed);
}

fn write_identity(text: &mut String, device: &Device, indent: usize) {
    let (vendor, product) = device.identity().unwrap_or_default();
    let _ = writeln!(
        text,
        "{:indent$}ID {vendor:04x}:{product:04x} {} {}",
        "", device.manufacturer, device.product
    );
    let _ = writeln!(
        text,
        "{:indent$}{ROOT}/{}  /dev/bus/usb/{:03}/{:03}",
        "", device.name, device.bus, device.number
    );
}

#[cfg(test)]
mod tests {
    use super::super::sysfs::Device;
    use super::super::sysfs::examples::{adapter, hub, root};
    use super::text;

    #[test]
    fn a_hub_and_an_adapter() {
        let stranger = Device {
            name: "1-1.2".into(),
            bus: 1,
            number: 4,
            speed: "1.5".into(),
            ..Device::default()
        };
        let devices = [root(), hub(), stranger, adapter()];
        assert_eq!(
            text(&devices, false),
            "/:  Bus 001.Port 001: Dev 001, Class=root_hub, Driver=dwc2/1p, 480M\n\
             \x20   |__ Port 001: Dev 002, If 0, Class=Hub, Driver=hub/8p, 12M\n\
             \x20       |__ Port 001: Dev 003, If 0, Class=Communications, Driver=cdc_ether, 12M\n\
             \x20       |__ Port 001: Dev 003, If 1, Class=CDC Data, Driver=cdc_ether, 12M\n\
             \x20       |__ Port 002: Dev 004, 1.5M\n"
        );
    }

    #[test]
    fn with_identities() {
        let devices = [root(), hub()];
        assert_eq!(
            text(&devices, true),
            "/:  Bus 001.Port 001: Dev 001, Class=root_hub, Driver=dwc2/1p, 480M\n\
             \x20   ID 0000:0000  \n\
             \x20   /sys/bus/usb/devices/usb1  /dev/bus/usb/001/001\n\
             \x20   |__ Port 001: Dev 002, If 0, Class=Hub, Driver=hub/8p, 12M\n\
             \x20       ID 0409:55aa QEMU QEMU USB Hub\n\
             \x20       /sys/bus/usb/devices/1-1  /dev/bus/usb/001/002\n"
        );
    }
}
