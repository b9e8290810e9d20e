//! Devices that people have: which configuration and protocol they are driven in, or why not.

use crate::bench::{Bench, frame};
use crate::listing::{self, Listing};
use cdc_ecm::{Error, Preference, Protocol, probe, unsupported};
use std::time::Duration;
use usb_core::descriptor::{DescriptorSet, DeviceDescriptor};
use usb_core::pipe::Speed;
use usb_sim::{EthernetDevice, Options};

fn set(listing: &Listing) -> DescriptorSet {
    let device = DeviceDescriptor::parse(&listing.device).expect("a good descriptor");
    assert_eq!(usize::from(device.configurations), listing.configurations.len());
    let mut set = DescriptorSet::new(device);
    for configuration in &listing.configurations {
        assert!(set.push_configuration(configuration), "{}", listing.name);
    }
    set
}

/// What is chosen: protocol, configuration, control and data interface, setting, endpoints.
struct Expected {
    protocol: Protocol,
    configuration: u8,
    interfaces: [u8; 2],
    alternate: u8,
    endpoints: [u8; 3],
}

fn supported() -> Vec<(Listing, Expected)> {
    let usual = |protocol, configuration| Expected {
        protocol,
        configuration,
        interfaces: [0, 1],
        alternate: 1,
        endpoints: [0x81, 0x02, 0x83],
    };
    let asix = Expected { endpoints: [0x82, 0x03, 0x81], ..usual(Protocol::Ncm, 2) };
    let huawei =
        Expected { interfaces: [2, 2], endpoints: [0x84, 0x03, 0x83], ..usual(Protocol::Ncm, 1) };
    let rndis = |endpoints| Expected { alternate: 0, endpoints, ..usual(Protocol::Rndis, 1) };
    vec![
        (listing::rtl8152(), usual(Protocol::Ecm, 2)),
        (listing::rtl8153(), usual(Protocol::Ecm, 2)),
        (listing::rtl8156(), usual(Protocol::Ncm, 2)),
        (listing::trendnet(), usual(Protocol::Ncm, 2)),
        (listing::ax88179a(), asix),
        (listing::huawei_e5331(), huawei),
        (listing::uz801(), rndis([0x81, 0x01, 0x82])),
        (listing::moto_g_play(), rndis([0x8e, 0x0f, 0x81])),
        (listing::motorola_rndis(), rndis([0x82, 0x01, 0x81])),
        (listing::beaglebone(), rndis([0x81, 0x01, 0x82])),
    ]
}

#[test]
fn lengths_are_those_of_the_listings() {
    let lengths =
        |listing: &Listing| -> Vec<usize> { listing.configurations.iter().map(Vec::len).collect() };
    assert_eq!(lengths(&listing::rtl8152()), [0x27, 0x50]);
    assert_eq!(lengths(&listing::rtl8153()), [0x27, 0x50]);
    // Less the six bytes of each companion.
    assert_eq!(lengths(&listing::rtl8156()), [0x39 - 18, 0x68 - 18, 0x62 - 18]);
    assert_eq!(lengths(&listing::ax88179()), [57 - 18]);
    assert_eq!(lengths(&listing::ax88179a())[0], 0x46 - 24);
    assert_eq!(lengths(&listing::huawei_e5331()), [149]);
    assert_eq!(lengths(&listing::uz801()), [0xaa]);
    assert_eq!(lengths(&listing::motorola_rndis()), [62]);
    assert_eq!(lengths(&listing::beaglebone()), [164]);
    assert_eq!(lengths(&listing::dm9601()), [39]);
}

#[test]
fn the_right_function_is_found() {
    for (listing, expected) in supported() {
        let name = listing.name;
        let found = probe(&set(&listing), Preference::default()).expect(name);
        assert_eq!(
            (found.protocol, found.configuration),
            (expected.protocol, expected.configuration),
            "{name}"
        );
        let interfaces = [found.control_interface, found.data_interface];
        assert_eq!(interfaces, expected.interfaces, "{name}");
        assert_eq!(found.data_alternate, expected.alternate, "{name}");
        let notification = found.notification.expect("an interrupt endpoint");
        let endpoints = [found.bulk_in, found.bulk_out, notification]
            .map(|endpoint| endpoint.address.to_byte());
        assert_eq!(endpoints, expected.endpoints, "{name}");
    }
}

#[test]
fn another_protocol_is_taken_when_it_is_asked_for() {
    for listing in [listing::rtl8156(), listing::ax88179a()] {
        let found = probe(&set(&listing), Preference::first(Protocol::Ecm)).expect("ECM, too");
        assert_eq!((found.protocol, found.configuration), (Protocol::Ecm, 3));
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (listing, chip) in [
        (listing::ax88179(), "ASIX AX88179"),
        (listing::dm9601(), "Davicom DM9601 or CoreChip SR9700"),
    ] {
        let set = set(&listing);
        assert_eq!(probe(&set, Preference::default()), None, "{}", listing.name);
        let device = set.device();
        assert_eq!(unsupported::name(device.vendor, device.product), Some(chip));
    }
}

#[test]
fn each_comes_up_and_moves_frames() {
    for (listing, expected) in supported() {
        let name = listing.name;
        let ethernet = EthernetDevice::with_descriptors(listing.device, listing.configurations);
        let mut bench = Bench::up(&ethernet, Options::new(Speed::High), Preference::default());
        let (_, configuration) = bench.world.address_and_configuration(bench.device);
        assert_eq!(configuration, expected.configuration, "{name}");
        let (.., protocol) = bench.bus.drivers().identity.borrow()[0];
        assert_eq!(protocol, expected.protocol.name(), "{name}");
        let frames: Vec<_> = [60, 512, 1514].map(|length| frame(7, length)).to_vec();
        for frame in &frames {
            bench.network_sends(frame);
            bench.stack_sends(frame);
        }
        bench.expect_received(&frames);
        bench.expect_sent(&frames);
        bench.executor.run_for(Duration::from_secs(1));
        assert_eq!(*bench.bus.drivers().ends.borrow(), [], "{name}");
        bench.finish();
    }
}

#[test]
fn a_protocol_that_does_not_work_gives_way_to_the_next() {
    let listing = listing::rtl8156();
    let ethernet = EthernetDevice::with_descriptors(listing.device, listing.configurations);
    ethernet.state.borrow_mut().quirks.ntb.short_parameters = true;
    let mut bench = Bench::up(&ethernet, Options::new(Speed::High), Preference::default());
    assert_eq!(*bench.bus.drivers().ends.borrow(), [Error::NtbParameters]);
    // From the second configuration to the third.
    assert_eq!(bench.world.address_and_configuration(bench.device).1, 3);
    let (.., protocol) = bench.bus.drivers().identity.borrow()[0];
    assert_eq!(protocol, "cdc-ecm");
    bench.network_sends(&frame(1, 100));
    bench.expect_received(&[frame(1, 100)]);
    // And so again when it is plugged in anew, without another try.
    bench.world.detach(bench.device);
    bench.executor.run_for(Duration::from_secs(3));
    bench.world.attach_root(bench.device);
    bench.until("it is up again", |b| b.bus.drivers().identity.borrow().len() == 2);
    assert_eq!(bench.bus.drivers().ends.borrow()[1..], [Error::Disconnected]);
    bench.finish();
}
