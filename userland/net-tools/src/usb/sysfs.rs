//! The devices as `/sys/bus/usb/devices` shows them (Documentation/ABI/stable/sysfs-bus-usb).
//!
//! `usb1` is the root hub of bus 1, `1-1.3` the device at port 3 of the one at port 1, `1-1.3:1.0`
//! its interface 0 in configuration 1.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rt::bstr::ByteSlice;
use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;

use super::descriptor::{Descriptor, Descriptors, kind};

/// Where the devices are.
pub const ROOT: &str = "/sys/bus/usb/devices";

/// An interface of a device's active configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// bInterfaceNumber
    pub number: u8,
    /// bInterfaceClass
    pub class: u8,
    /// Who drives it.
    pub driver: Option<String>,
}

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The name of its directory.
    pub name: String,
    /// The number of its bus.
    pub bus: u32,
    /// Its number on the bus.
    pub number: u32,
    /// Mbit/s, as text.
    pub speed: String,
    /// What it calls its maker.
    pub manufacturer: String,
    /// What it calls itself.
    pub product: String,
    /// Its serial number.
    pub serial: String,
    /// bConfigurationValue of the active configuration.
    pub configuration: Option<u8>,
    /// How many ports it has, when it is a hub.
    pub ports: u32,
    /// Who drives it as a whole; for a root hub, its host controller.
    pub driver: Option<String>,
    /// The device descriptor and all configurations.
    pub descriptors: Vec<u8>,
    /// Its interfaces in the active configuration.
    pub interfaces: Vec<Interface>,
}

impl Device {
    fn device_descriptor(&self) -> Option<Descriptor<'_>> {
        Descriptors::new(&self.descriptors)
            .next()?
            .ok()
            .filter(|descriptor| descriptor.kind() == kind::DEVICE && descriptor.is_complete())
    }

    /// idVendor and idProduct.
    #[must_use]
    pub fn identity(&self) -> Option<(u16, u16)> {
        self.device_descriptor().map(|descriptor| (descriptor.word(8), descriptor.word(10)))
    }

    /// Whether it is the hub in the host controller.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.name.starts_with("usb")
    }

    /// The name of the device it is plugged into; `None` for a root hub.
    #[must_use]
    pub fn parent(&self) -> Option<String> {
        match self.name.rsplit_once('.') {
            Some((parent, _)) => Some(parent.into()),
            None => self.name.split_once('-').map(|(bus, _)| format!("usb{bus}")),
        }
    }

    /// The number of the port it is plugged into.
    #[must_use]
    pub fn port(&self) -> u32 {
        let port = self.name.rsplit(['.', '-']).next().unwrap_or_default();
        port.parse().unwrap_or(0)
    }
}

/// The content of an attribute without the newline; empty when it is not there.
fn attribute(directory: &str, name: &str) -> String {
    let content = rt::input::read_file(format!("{ROOT}/{directory}/{name}")).unwrap_or_default();
    // A device may call itself anything; what a terminal would obey is not printed.
    content.to_str_lossy().trim_end_matches('\n').replace(|letter: char| letter.is_control(), "?")
}

fn hexadecimal(text: &str) -> Option<u8> {
    u8::from_str_radix(text.trim(), 16).ok()
}

/// The last component of where a link leads.
fn link_target(path: &str) -> Option<String> {
    let target = rustix::fs::readlink(path, Vec::new()).ok()?;
    let target = target.to_string_lossy();
    target.rsplit('/').next().map(ToString::to_string).filter(|name| !name.is_empty())
}

fn read_interface(name: &str) -> Option<Interface> {
    Some(Interface {
        number: hexadecimal(&attribute(name, "bInterfaceNumber"))?,
        class: hexadecimal(&attribute(name, "bInterfaceClass"))?,
        driver: link_target(&format!("{ROOT}/{name}/driver")),
    })
}

/// Reads a device; `None` when it is gone meanwhile.
fn read_device(name: &str, names: &[String]) -> Option<Device> {
    // Of a root hub the controller is the parent; a kernel without that level names it directly.
    let controller = || link_target(&format!("{ROOT}/{name}/../driver"));
    let own = || link_target(&format!("{ROOT}/{name}/driver"));
    let is_root = name.starts_with("usb");
    // The interfaces of root hub usb1 are those of 1-0.
    let prefix = match name.strip_prefix("usb") {
        Some(bus) => format!("{bus}-0:"),
        None => format!("{name}:"),
    };
    let mut interfaces: Vec<Interface> = names
        .iter()
        .filter(|other| other.starts_with(&prefix))
        .filter_map(|other| read_interface(other))
        .collect();
    interfaces.sort_by_key(|interface| interface.number);
    Some(Device {
        name: name.into(),
        bus: attribute(name, "busnum").parse().ok()?,
        number: attribute(name, "devnum").parse().ok()?,
        speed: attribute(name, "speed"),
        manufacturer: attribute(name, "manufacturer"),
        product: attribute(name, "product"),
        serial: attribute(name, "serial"),
        configuration: attribute(name, "bConfigurationValue").parse().ok(),
        ports: attribute(name, "maxchild").parse().unwrap_or(0),
        driver: if is_root { controller().or_else(own) } else { own() },
        descriptors: rt::input::read_file(format!("{ROOT}/{name}/descriptors")).unwrap_or_default(),
        interfaces,
    })
}

/// All devices, by bus and number.
pub fn devices() -> Result<Vec<Device>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(ROOT, flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::new(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    let is_device =
        |name: &&String| !name.contains(':') && (name.starts_with("usb") || name.contains('-'));
    let mut devices: Vec<Device> =
        names.iter().filter(is_device).filter_map(|name| read_device(name, &names)).collect();
    devices.sort_by_key(|device| (device.bus, device.number));
    Ok(devices)
}

/// The devices of QEMU, for tests.
#[cfg(test)]
pub mod examples {
    use alloc::vec::Vec;

    use super::{Device, Interface};

    /// Descriptors of the network adapter `usb-net`: RNDIS in configuration 2, ECM in 1.
    const ADAPTER: [&[u8]; 20] = [
        &[18, 1, 0x00, 2, 2, 0, 0, 64, 0x25, 5, 0xa2, 0xa4, 0, 0, 1, 2, 10, 2],
        &[9, 2, 67, 0, 2, 2, 7, 0xc0, 25],
        &[9, 4, 0, 0, 1, 2, 2, 0xff, 5],
        &[5, 0x24, 0, 0x10, 1],
        &[5, 0x24, 1, 0, 1],
        &[4, 0x24, 2, 0],
        &[5, 0x24, 6, 0, 1],
        &[7, 5, 0x81, 3, 16, 0, 32],
        &[9, 4, 1, 0, 2, 10, 0, 0, 4],
        &[7, 5, 0x82, 2, 64, 0, 0],
        &[7, 5, 0x02, 2, 64, 0, 0],
        &[9, 2, 80, 0, 2, 1, 6, 0xc0, 25],
        &[9, 4, 0, 0, 1, 2, 6, 0, 5],
        &[5, 0x24, 0, 0x10, 1],
        &[5, 0x24, 6, 0, 1],
        &[13, 0x24, 15, 3, 0, 0, 0, 0, 0xea, 5, 0, 0, 0],
        &[7, 5, 0x81, 3, 16, 0, 32],
        &[9, 4, 1, 0, 0, 10, 0, 0, 0],
        &[9, 4, 1, 1, 2, 10, 0, 0, 4],
        &[7, 5, 0x82, 2, 64, 0, 0, 7, 5, 0x02, 2, 64, 0, 0],
    ];

    /// The network adapter at port 1 of the hub at port 1.
    pub fn adapter() -> Device {
        let interface =
            |number, class| Interface { number, class, driver: Some("cdc_ether".into()) };
        Device {
            name: "1-1.1".into(),
            bus: 1,
            number: 3,
            speed: "12".into(),
            manufacturer: "QEMU".into(),
            product: "RNDIS/QEMU USB Network Device".into(),
            serial: "1-1.1".into(),
            configuration: Some(1),
            driver: Some("usb".into()),
            descriptors: ADAPTER.concat(),
            interfaces: Vec::from([interface(0, 2), interface(1, 10)]),
            ..Device::default()
        }
    }

    /// The hub at port 1.
    pub fn hub() -> Device {
        let descriptors = [
            &[18, 1, 0x10, 1, 9, 0, 0, 8, 9, 4, 0xaa, 0x55, 1, 1, 1, 2, 3, 1][..],
            &[9, 2, 25, 0, 1, 1, 0, 0xe0, 0],
            &[9, 4, 0, 0, 1, 9, 0, 0, 0],
            &[7, 5, 0x81, 3, 2, 0, 255],
        ];
        Device {
            name: "1-1".into(),
            bus: 1,
            number: 2,
            speed: "12".into(),
            manufacturer: "QEMU".into(),
            product: "QEMU USB Hub".into(),
            serial: "314159-1".into(),
            configuration: Some(1),
            ports: 8,
            driver: Some("usb".into()),
            descriptors: descriptors.concat(),
            interfaces: Vec::from([Interface { number: 0, class: 9, driver: Some("hub".into()) }]),
        }
    }

    /// The root hub.
    pub fn root() -> Device {
        Device {
            name: "usb1".into(),
            bus: 1,
            number: 1,
            speed: "480".into(),
            ports: 1,
            driver: Some("dwc2".into()),
            ..Device::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Device;
    use super::examples::{adapter, hub, root};

    #[test]
    fn places() {
        for (device, parent, port) in
            [(adapter(), Some("1-1"), 1), (hub(), Some("usb1"), 1), (root(), None, 0)]
        {
            assert_eq!(device.parent().as_deref(), parent);
            assert_eq!(device.port(), port);
        }
        let deep = Device { name: "2-1.4.3".into(), ..Device::default() };
        assert_eq!((deep.parent().as_deref(), deep.port()), (Some("2-1.4"), 3));
    }

    #[test]
    fn identities() {
        assert_eq!(adapter().identity(), Some((0x0525, 0xa4a2)));
        assert_eq!(hub().identity(), Some((0x0409, 0x55aa)));
        assert_eq!(root().identity(), None);
    }
}
