//! Finding the Ethernet function in descriptors, good and careless ones.

use cdc_ecm::{Preference, Protocol, probe};
use proptest::collection::vec;
use proptest::prelude::*;
use usb_core::descriptor::{DescriptorSet, DeviceDescriptor};
use usb_sim::{qemu_configurations, rtl8153_configurations};

fn set(configurations: &[Vec<u8>]) -> DescriptorSet {
    let device = DeviceDescriptor::parse(&[18, 1, 0, 2, 0, 0, 0, 64, 1, 0, 2, 0, 0, 0, 0, 0, 0, 2])
        .expect("a good descriptor");
    let mut set = DescriptorSet::new(device);
    for configuration in configurations {
        assert!(set.push_configuration(configuration));
    }
    set
}

/// An ECM configuration with other descriptors behind the control interface.
fn ecm(functional: &[u8], data_interface: u8) -> Vec<u8> {
    let mut bytes = vec![9, 2, 0, 0, 2, 1, 0, 0xc0, 0, 9, 4, 0, 0, 1, 2, 6, 0, 0];
    bytes.extend(functional);
    bytes.extend([7, 5, 0x81, 3, 16, 0, 8]);
    bytes.extend([9, 4, data_interface, 0, 0, 10, 0, 0, 0]);
    bytes.extend([9, 4, data_interface, 1, 2, 10, 0, 0, 0]);
    bytes.extend([7, 5, 0x82, 2, 64, 0, 0, 7, 5, 3, 2, 64, 0, 0]);
    bytes[2] = bytes.len() as u8;
    bytes
}

#[test]
fn the_emulated_adapter_by_preference() {
    let set = set(&qemu_configurations());
    let found = probe(&set, Preference::first(Protocol::Ecm)).expect("an ECM function");
    assert_eq!((found.protocol, found.configuration), (Protocol::Ecm, 1));
    assert_eq!((found.control_interface, found.data_interface), (0, 1));
    assert_eq!((found.data_alternate, found.has_alternates), (1, true));
    assert_eq!(found.ethernet.map(|e| (e.mac_string, e.max_segment_size)), Some((3, 1514)));
    assert_eq!(found.notification.map(|e| e.address.to_byte()), Some(0x81));
    let found = probe(&set, Preference::first(Protocol::Rndis)).expect("an RNDIS function");
    assert_eq!((found.protocol, found.configuration), (Protocol::Rndis, 2));
    assert_eq!((found.data_alternate, found.has_alternates), (0, false));
    assert_eq!(found.ethernet, None);
}

#[test]
fn what_is_not_preferred_is_taken_when_it_is_all_there_is() {
    let [rndis, ecm] = qemu_configurations();
    let only = |configuration: Vec<u8>, preference| {
        probe(&set(&[configuration]), preference).map(|found| found.protocol)
    };
    assert_eq!(only(rndis, Preference::first(Protocol::Ecm)), Some(Protocol::Rndis));
    assert_eq!(only(ecm, Preference::first(Protocol::Rndis)), Some(Protocol::Ecm));
}

#[test]
fn the_vendors_own_configuration_is_passed_over() {
    let configurations = rtl8153_configurations();
    let found =
        probe(&set(&configurations), Preference::first(Protocol::Ecm)).expect("an ECM function");
    assert_eq!(found.configuration, 2);
    assert_eq!(found.bulk_in.max_packet_size(), 512);
    assert_eq!(probe(&set(&configurations[..1]), Preference::first(Protocol::Ecm)), None);
}

#[test]
fn careless_unions() {
    let cases: [(&[u8], u8); 6] = [
        (&[5, 0x24, 6, 0, 1], 1),
        // The wrong way round, missing, cut off, naming itself, naming nobody.
        (&[5, 0x24, 6, 1, 0], 1),
        (&[], 1),
        (&[4, 0x24, 6, 0], 1),
        (&[5, 0x24, 6, 0, 0], 1),
        (&[5, 0x24, 6, 0, 9], 1),
    ];
    for (functional, data) in cases {
        let found = probe(&set(&[ecm(functional, data)]), Preference::first(Protocol::Ecm));
        assert_eq!(found.map(|found| found.data_interface), Some(data), "{functional:?}");
    }
    // One that is right where the neighborhood would be wrong.
    let found = probe(&set(&[ecm(&[5, 0x24, 6, 0, 4], 4)]), Preference::first(Protocol::Ecm));
    assert_eq!(found.map(|found| found.data_interface), Some(4));
    // And one where there is nothing to be found.
    assert_eq!(probe(&set(&[ecm(&[], 4)]), Preference::first(Protocol::Ecm)), None);
}

#[test]
fn phones_and_their_rndis() {
    for class in [[0xe0, 1, 3], [0xef, 4, 1], [0xef, 1, 1], [2, 2, 0xff]] {
        let [a, b, c] = class;
        let mut bytes = vec![9, 2, 0, 0, 2, 1, 0, 0x80, 0xfa];
        bytes.extend([8, 11, 0, 2, a, b, c, 0]);
        bytes.extend([9, 4, 0, 0, 1, a, b, c, 0, 7, 5, 0x82, 3, 8, 0, 9]);
        bytes.extend([9, 4, 1, 0, 2, 10, 0, 0, 0]);
        bytes.extend([7, 5, 0x81, 2, 0, 2, 0, 7, 5, 1, 2, 0, 2, 0]);
        bytes[2] = bytes.len() as u8;
        let found = probe(&set(&[bytes]), Preference::first(Protocol::Ecm));
        assert_eq!(found.map(|found| found.protocol), Some(Protocol::Rndis), "{class:?}");
    }
}

proptest! {
    #[test]
    fn anything(configurations in vec(vec(any::<u8>(), 9..200), 0..4)) {
        let configurations: Vec<_> = configurations
            .into_iter()
            .map(|mut bytes| {
                let length = bytes.len() as u8;
                bytes[..4].copy_from_slice(&[9, 2, length, 0]);
                bytes
            })
            .collect();
        let _ = probe(&set(&configurations), Preference::first(Protocol::Ecm));
    }

    #[test]
    fn damaged(which in 0..4_usize, at in 0..80_usize, value in any::<u8>()) {
        let [a, b] = qemu_configurations();
        let [c, d] = rtl8153_configurations();
        let mut bytes = [a, b, c, d][which].clone();
        let at = 4 + at % (bytes.len() - 4);
        bytes[at] = value;
        if let Some(found) = probe(&set(&[bytes]), Preference::first(Protocol::Ecm)) {
            // Whatever is found can be opened.
            prop_assert!(found.bulk_in.max_packet_size() > 0);
            prop_assert!(found.bulk_out.max_packet_size() > 0);
            // Apart, but in protocols whose function is a single interface.
            prop_assert!(
                found.control_interface != found.data_interface
                    || found.protocol == Protocol::Eem
                    || found.data_alternate != 0
            );
        }
    }
}
