//! `/sys/bus/usb/devices`: the tree as Linux shows it, for `lsusb`.
//!
//! Devices are `usb1` (the root hub), `1-1`, `1-1.3`; interfaces of the active configuration are
//! `1-1.3:1.0` (device, configuration, interface). Attributes have Linux's names and formats; they
//! are made when a file is read. `statistics` is ours: what an Ethernet adapter's driver counts.

use super::with_bus;
use crate::fs::generated::Generated;
use crate::fs::stat::Kind;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use cdc_ecm::Counters;
use usb_core::bus::{BUS_NUMBER, DeviceView, ROOT_HUB_ADDRESS, root_hub_descriptors};
use usb_core::descriptor::{Configuration, DescriptorSet, DeviceDescriptor, Interface};
use usb_core::pipe::Speed;

/// Directory name of the root hub.
const ROOT_HUB: &str = "usb1";

/// The root hub as a device with descriptors; `None` never, unless they were malformed.
fn root_hub() -> Option<DescriptorSet> {
    let bytes = root_hub_descriptors();
    let (device, configuration) = bytes.split_at_checked(DeviceDescriptor::LENGTH)?;
    let mut set = DescriptorSet::new(DeviceDescriptor::parse(device).ok()?);
    set.push_configuration(configuration).then_some(set)
}

/// What the attributes of a device or interface are made from.
struct Shown<'a> {
    name: String,
    path: String,
    address: u8,
    speed: Speed,
    descriptors: &'a DescriptorSet,
    configuration: Option<u8>,
    driver: Option<&'static str>,
    ports: u8,
    strings: [&'a str; 3],
    /// What the adapter's driver counts.
    counters: Option<Counters>,
}

impl<'a> Shown<'a> {
    fn of(view: &'a DeviceView<'_>) -> Self {
        let name = view.path.to_string();
        Self {
            path: name.split_once('-').map_or("", |(_, path)| path).to_string(),
            name,
            address: view.address.get(),
            speed: view.speed,
            descriptors: view.descriptors,
            configuration: view.selection.map(|selection| selection.configuration),
            driver: view.selection.map(|selection| selection.driver),
            ports: view.hub_ports,
            strings: [
                view.strings.manufacturer.as_str(),
                view.strings.product.as_str(),
                view.strings.serial.as_str(),
            ],
            counters: None,
        }
    }

    fn active(&self) -> Option<Configuration<'a>> {
        self.descriptors.configuration(self.configuration?)
    }

    /// Alternate setting 0 of each interface.
    fn interfaces(&self) -> impl Iterator<Item = Interface<'a>> {
        let interfaces = self.active().map(|active| active.interfaces());
        interfaces.into_iter().flatten().filter(|interface| interface.alternate == 0)
    }

    fn interface_name(&self, interface: &Interface<'_>) -> String {
        // Linux names the root hub's only interface after the bus, not the device.
        let device = if self.name == ROOT_HUB { "1-0" } else { self.name.as_str() };
        format!("{device}:{}.{}", self.configuration.unwrap_or(0), interface.number)
    }

    /// Attributes by name; the descriptors alone are not text.
    fn attributes(&self) -> Vec<(&'static str, String)> {
        let device = self.descriptors.device();
        let mut list = alloc::vec![
            ("busnum", BUS_NUMBER.to_string()),
            ("devnum", self.address.to_string()),
            ("devpath", self.path.clone()),
            ("speed", speed(self.speed).to_string()),
            ("version", format!("{:>5}", bcd(device.usb.0))),
            ("bDeviceClass", format!("{:02x}", device.class.class)),
            ("bDeviceSubClass", format!("{:02x}", device.class.subclass)),
            ("bDeviceProtocol", format!("{:02x}", device.class.protocol)),
            ("bMaxPacketSize0", device.max_packet_size_0.to_string()),
            ("idVendor", format!("{:04x}", device.vendor)),
            ("idProduct", format!("{:04x}", device.product)),
            ("bcdDevice", format!("{:04x}", device.release.0)),
            ("bNumConfigurations", device.configurations.to_string()),
            ("maxchild", self.ports.to_string()),
        ];
        if let Some(active) = self.active() {
            let header = active.header();
            list.push(("bConfigurationValue", header.value.to_string()));
            list.push(("bNumInterfaces", format!("{:>2}", header.interfaces)));
            list.push(("bmAttributes", format!("{:02x}", header.attributes)));
            list.push(("bMaxPower", format!("{}mA", u16::from(header.max_power) * 2)));
        }
        if let Some(counters) = self.counters {
            let lines: Vec<String> =
                counters.iter().map(|(name, value)| format!("{name:<20} {value}")).collect();
            list.push(("statistics", lines.join("\n")));
        }
        for (name, text) in ["manufacturer", "product", "serial"].into_iter().zip(self.strings) {
            if !text.is_empty() {
                list.push((name, text.to_string()));
            }
        }
        list
    }

    fn interface_attributes(interface: &Interface<'_>) -> Vec<(&'static str, String)> {
        alloc::vec![
            ("bInterfaceNumber", format!("{:02x}", interface.number)),
            ("bAlternateSetting", format!("{:>2}", interface.alternate)),
            ("bNumEndpoints", format!("{:02x}", interface.endpoint_count)),
            ("bInterfaceClass", format!("{:02x}", interface.class.class)),
            ("bInterfaceSubClass", format!("{:02x}", interface.class.subclass)),
            ("bInterfaceProtocol", format!("{:02x}", interface.class.protocol)),
        ]
    }
}

/// Mbit/s, as Linux writes them.
const fn speed(speed: Speed) -> &'static str {
    match speed {
        Speed::Low => "1.5",
        Speed::Full => "12",
        Speed::High => "480",
    }
}

/// Binary-coded decimal with a point, such as 2.00.
fn bcd(value: u16) -> String {
    format!("{:x}.{:02x}", value >> 8, value & 0xff)
}

/// Shows the root hub and every device.
fn for_each(mut show: impl FnMut(&Shown<'_>)) {
    with_bus(|bus| {
        if let Some(descriptors) = root_hub() {
            show(&Shown {
                name: ROOT_HUB.to_string(),
                path: "0".to_string(),
                address: ROOT_HUB_ADDRESS.get(),
                speed: Speed::High,
                descriptors: &descriptors,
                configuration: Some(1),
                driver: Some("hub"),
                ports: 1,
                strings: ["", "DWC2 root hub", ""],
                counters: None,
            });
        }
        bus.for_each_device(|view| {
            let counters = bus.drivers().counters_at(view.path);
            show(&Shown { counters, ..Shown::of(view) });
        });
    });
}

/// The source of `/sys/bus/usb/devices`.
pub(super) fn devices(path: &str) -> Option<Generated> {
    let (name, attribute) = path.split_once('/').unwrap_or((path, ""));
    let mut found = None;
    let mut names = Vec::new();
    for_each(|device| {
        names.push((device.name.clone(), Kind::Directory));
        if device.name == name {
            let driver = device.driver.filter(|_| device.configuration.is_some());
            found = entry(device.attributes(), driver, attribute, device.descriptors.bytes());
        }
        for interface in device.interfaces() {
            let interface_name = device.interface_name(&interface);
            if interface_name == name {
                let attributes = Shown::interface_attributes(&interface);
                found = entry(attributes, device.driver, attribute, &[]);
            }
            names.push((interface_name, Kind::Directory));
        }
    });
    if path.is_empty() { Some(Generated::Directory(names)) } else { found }
}

/// The directory of attributes, or one of them.
fn entry(
    attributes: Vec<(&'static str, String)>,
    driver: Option<&'static str>,
    attribute: &str,
    descriptors: &[u8],
) -> Option<Generated> {
    if attribute.is_empty() {
        let mut entries: Vec<(String, Kind)> =
            attributes.into_iter().map(|(name, _)| (name.to_string(), Kind::Regular)).collect();
        if !descriptors.is_empty() {
            entries.push(("descriptors".to_string(), Kind::Regular));
        }
        if driver.is_some() {
            entries.push(("driver".to_string(), Kind::SymbolicLink));
        }
        return Some(Generated::Directory(entries));
    }
    match attribute {
        "descriptors" if !descriptors.is_empty() => {
            let bytes = descriptors.to_vec();
            Some(Generated::File(Box::new(move || bytes.clone())))
        }
        "driver" => driver.map(|driver| Generated::Link(format!("../../drivers/{driver}"))),
        _ => {
            let (_, text) = attributes.into_iter().find(|(name, _)| *name == attribute)?;
            Some(Generated::File(Box::new(move || format!("{text}\n").into_bytes())))
        }
    }
}
