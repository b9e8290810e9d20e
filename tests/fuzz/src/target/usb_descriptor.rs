//! Descriptors: what a device says of itself, read the way enumeration and drivers read it.

use super::Verdict;
use usb_core::descriptor::{
    Configuration, DescriptorSet, DeviceDescriptor, HubDescriptor, language_ids, parse_string,
};

/// A device of one configuration.
const DEVICE: [u8; 18] = [18, 1, 0, 2, 2, 0, 0, 64, 0x25, 0x05, 0xa2, 0xa4, 0, 3, 1, 2, 3, 1];

/// An Ethernet adapter of CDC: control and data interface, functional descriptors, an alternate
/// setting with both bulk endpoints.
const ADAPTER: &[u8] = &[
    9, 2, 80, 0, 2, 1, 0, 0xc0, 50, //
    8, 11, 0, 2, 2, 6, 0, 0, //
    9, 4, 0, 0, 1, 2, 6, 0, 0, //
    5, 0x24, 0, 0x10, 1, 5, 0x24, 6, 0, 1, 13, 0x24, 15, 3, 0, 0, 0, 0, 0xea, 5, 0, 0, 0, //
    7, 5, 0x81, 3, 16, 0, 9, //
    9, 4, 1, 0, 0, 10, 0, 0, 0, 9, 4, 1, 1, 2, 10, 0, 0, 0, //
    7, 5, 0x82, 2, 0, 2, 0, 7, 5, 2, 2, 0, 2, 0,
];

pub(super) fn corpus() -> Vec<Vec<u8>> {
    let mut adapter = ADAPTER.to_vec();
    let length = adapter.len() as u16;
    adapter[2..4].copy_from_slice(&length.to_le_bytes());
    vec![[&DEVICE[..], &adapter].concat(), [&DEVICE[..], &adapter, &adapter].concat()]
}

/// What is found lies within what was sent.
fn walk(configuration: &Configuration<'_>, limit: usize) {
    let mut settings = 0;
    for interface in configuration.interfaces() {
        settings += 1;
        assert!(interface.endpoints().count() <= limit, "more endpoints than octets");
        assert!(interface.descriptors().count() <= limit, "more descriptors than octets");
        let found = configuration.interface(interface.number, interface.alternate);
        assert!(found.is_some(), "an interface that is there is found");
        assert!(configuration.class_descriptors(interface.number).count() <= limit);
    }
    assert!(settings <= limit, "more interfaces than octets");
    assert!(configuration.associations().count() <= limit);
}

/// No panic; nothing endless; a set gives back what was put into it.
pub(super) fn run(octets: &[u8]) -> Verdict {
    let _ = HubDescriptor::parse(octets).is_ok();
    let _ = language_ids(octets).map(Iterator::count).is_ok();
    let _ = parse_string::<32>(octets).is_ok();
    let Ok(device) = DeviceDescriptor::parse(octets) else { return Verdict::Refused };
    let mut set = DescriptorSet::new(device);
    let mut rest = octets.get(DEVICE.len()..).unwrap_or_default();
    let mut pushed = 0;
    while let Ok(configuration) = Configuration::parse(rest) {
        walk(&configuration, rest.len());
        let total = rest.get(2..4).map_or(0, |octets| u16::from_le_bytes([octets[0], octets[1]]));
        let length = usize::from(total).clamp(9, rest.len());
        if !set.push_configuration(&rest[..length]) {
            break;
        }
        pushed += 1;
        rest = &rest[length..];
    }
    for configuration in set.configurations() {
        walk(&configuration, octets.len());
    }
    assert!(set.configurations().count() <= pushed);
    Verdict::taken_if(pushed > 0)
}
