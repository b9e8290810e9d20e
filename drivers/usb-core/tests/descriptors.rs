//! No bytes that a device could send make the parsers fail in any other way than by an error.

use proptest::collection::vec;
use proptest::prelude::*;
use usb_core::descriptor::{
    Configuration, ConfigurationHeader, DescriptorSet, DeviceDescriptor, EndpointDescriptor,
    HubDescriptor, InterfaceAssociation, RawDescriptors, kind, language_ids, parse_string,
};

fn device() -> DeviceDescriptor {
    DeviceDescriptor::parse(&[18, 1, 0, 2, 0, 0, 0, 64, 1, 0, 2, 0, 0, 0, 0, 0, 0, 2])
        .expect("a good descriptor")
}

/// Bytes that look like descriptors more often than chance would have it.
fn descriptors() -> impl Strategy<Value = Vec<u8>> {
    let known = prop_oneof![
        Just(kind::CONFIGURATION),
        Just(kind::INTERFACE),
        Just(kind::ENDPOINT),
        Just(kind::INTERFACE_ASSOCIATION),
        Just(kind::CLASS_INTERFACE),
        any::<u8>(),
    ];
    let one = (known, vec(any::<u8>(), 0..20), -2_i8..=2).prop_map(|(kind, body, error)| {
        let mut bytes = vec![(body.len() as u8 + 2).saturating_add_signed(error), kind];
        bytes.extend(body);
        bytes
    });
    vec(one, 0..12).prop_map(|all| all.concat())
}

fn walk(configuration: &Configuration<'_>, limit: usize) {
    let mut settings = 0;
    for interface in configuration.interfaces() {
        settings += 1;
        assert!(interface.endpoints().count() <= limit);
        assert!(interface.descriptors().count() <= limit);
        assert!(configuration.alternates(interface.number).count() >= 1);
        assert!(configuration.interface(interface.number, interface.alternate).is_some());
        assert!(configuration.class_descriptors(interface.number).count() <= limit);
    }
    assert!(settings <= limit);
    assert!(configuration.associations().count() <= limit);
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in vec(any::<u8>(), 0..300)) {
        let _ = DeviceDescriptor::parse(&bytes);
        let _ = DeviceDescriptor::parse_max_packet_size_0(&bytes);
        let _ = EndpointDescriptor::parse(&bytes);
        let _ = HubDescriptor::parse(&bytes);
        let _ = InterfaceAssociation::parse(&bytes);
        let _ = language_ids(&bytes).map(Iterator::count);
        let _ = parse_string::<16>(&bytes);
        if let Ok(configuration) = Configuration::parse(&bytes) {
            walk(&configuration, bytes.len());
        }
    }

    #[test]
    fn descriptor_like_bytes(body in descriptors(), total in any::<u16>()) {
        let mut bytes = vec![9, kind::CONFIGURATION];
        bytes.extend(total.to_le_bytes());
        bytes.extend([1, 1, 0, 0, 0]);
        bytes.extend(body);
        let configuration = Configuration::parse(&bytes).expect("the header is good");
        walk(&configuration, bytes.len());
    }

    #[test]
    fn a_walk_covers_its_bytes(bytes in vec(any::<u8>(), 0..300)) {
        let mut walk = RawDescriptors::new(&bytes);
        let covered: usize = walk.by_ref().map(|raw| raw.bytes().len()).sum();
        prop_assert_eq!(covered + walk.remaining().len(), bytes.len());
    }

    #[test]
    fn device_descriptors_round_trip(mut bytes in any::<[u8; 18]>(), size in 0..4_u8) {
        bytes[0] = 18;
        bytes[1] = kind::DEVICE;
        bytes[7] = 8_u8 << size;
        let device = DeviceDescriptor::parse(&bytes).expect("a good descriptor");
        prop_assert_eq!(device.to_bytes(), bytes);
    }

    #[test]
    fn configuration_headers_round_trip(mut bytes in any::<[u8; 9]>()) {
        bytes[0] = 9;
        bytes[1] = kind::CONFIGURATION;
        let header = ConfigurationHeader::parse(&bytes).expect("a good header");
        prop_assert_eq!(header.to_bytes(), bytes);
    }

    #[test]
    fn strings_come_back(text in "[a-zA-Z0-9 äöü€😀]{0,20}") {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut bytes = vec![units.len() as u8 + 2, kind::STRING];
        bytes.extend(units);
        let parsed = parse_string::<128>(&bytes).expect("good UTF-16");
        prop_assert_eq!(parsed.as_str(), text.as_str());
    }

    #[test]
    fn sets_never_lose_their_place(configurations in vec(vec(any::<u8>(), 0..400), 0..6)) {
        let mut set = DescriptorSet::new(device());
        let mut kept = 0;
        for mut bytes in configurations {
            // Half of them begin like a configuration.
            if bytes.len() % 2 == 0 && bytes.len() > 1 {
                bytes[..2].copy_from_slice(&[9, kind::CONFIGURATION]);
            }
            kept += usize::from(set.push_configuration(&bytes));
            prop_assert_eq!(set.configurations().count(), kept);
        }
        for configuration in set.configurations() {
            walk(&configuration, 2048);
        }
    }
}
