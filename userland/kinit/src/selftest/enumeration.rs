//! USB: the adapter is found, has an address and a driver, and its descriptors make sense.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use net_tools::usb::descriptor::{Descriptor, Descriptors, kind};
use net_tools::usb::sysfs::{Device, ROOT, devices};

use super::network::Network;
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "enumeration: the network adapter is on the bus and has a driver", run: adapter },
    Test { name: "enumeration: every device hangs on a hub with a driver", run: tree },
    Test { name: "enumeration: device addresses are valid and unique", run: addresses },
    Test { name: "enumeration: the descriptors of all devices parse", run: descriptors },
    Test { name: "enumeration: the active configuration is one the device has", run: active },
    Test { name: "enumeration: the bus counts what happened, and no failure", run: statistics },
];

/// Drivers of network adapters. The last two are of chips with an interface of their vendor's class.
const DRIVERS: [&str; 6] = ["cdc-ncm", "cdc-ecm", "cdc-eem", "rndis", "smsc95xx", "lan78xx"];
/// bDeviceClass of hubs (USB 2.0 section 11.23.1).
const HUB: u8 = 9;
/// The highest address of a device (USB 2.0 section 9.4.6).
const HIGHEST_ADDRESS: u32 = 127;

/// All devices, once the adapter's driver works.
fn settled_bus() -> Result<Vec<Device>, String> {
    Network::open()?.adapter()?;
    because("/sys/bus/usb/devices", devices())
}

fn adapter() -> Outcome {
    let all = settled_bus()?;
    let driver = |device: &Device| {
        let mut drivers = device.interfaces.iter().map(|interface| interface.driver.as_deref());
        drivers
            .find_map(|driver| driver.filter(|driver| DRIVERS.contains(driver)).map(String::from))
    };
    let found = all.iter().find_map(|device| Some((device, driver(device)?)));
    let (adapter, driver) = found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|device| device.name.as_str()).collect();
        format!("no network adapter with a driver among {names:?}")
    })?;
    for interface in &adapter.interfaces {
        check!(
            interface.driver.as_deref() == Some(driver.as_str()),
            "an interface of class {} of {} has driver {:?}, not {driver}",
            interface.class,
            adapter.name,
            interface.driver
        );
    }
    check!(!adapter.is_root(), "the root hub {} says it is the adapter", adapter.name);
    let speeds = ["1.5", "12", "480"];
    check!(speeds.contains(&adapter.speed.as_str()), "speed {:?}", adapter.speed);
    Ok(())
}

fn tree() -> Outcome {
    let all = settled_bus()?;
    check!(all.iter().filter(|device| device.is_root()).count() == 1, "one bus has one root hub");
    for device in &all {
        let name = &device.name;
        let Some(parent) = device.parent() else { continue };
        let Some(parent) = all.iter().find(|other| other.name == parent) else {
            return Err(format!("{name} hangs on {parent}, which is not there"));
        };
        check!(
            (1..=parent.ports).contains(&device.port()),
            "{name} is at port {} of {}, which has {}",
            device.port(),
            parent.name,
            parent.ports
        );
        let class = Descriptors::new(&parent.descriptors).next().and_then(Result::ok);
        let class = class.map(|descriptor| descriptor.byte(4));
        check!(class == Some(HUB), "{name} hangs on {} of class {class:?}", parent.name);
        check!(
            parent.driver.as_deref() == Some("hub") || parent.is_root() && parent.driver.is_some(),
            "the hub {} has driver {:?}",
            parent.name,
            parent.driver
        );
    }
    Ok(())
}

fn addresses() -> Outcome {
    let all = settled_bus()?;
    for (place, device) in all.iter().enumerate() {
        check!(
            (1..=HIGHEST_ADDRESS).contains(&device.number),
            "{} has address {}",
            device.name,
            device.number
        );
        let twin = all.iter().skip(place + 1).find(|other| other.number == device.number);
        if let Some(twin) = twin {
            return Err(format!("{} and {} share an address", device.name, twin.name));
        }
    }
    Ok(())
}

/// The descriptors of a device, each complete.
fn whole_descriptors(device: &Device) -> Result<Vec<Descriptor<'_>>, String> {
    let all: Result<Vec<_>, _> = Descriptors::new(&device.descriptors).collect();
    let all = all.map_err(|bad| format!("{}: {bad:?}", device.name))?;
    match all.iter().find(|descriptor| !descriptor.is_complete()) {
        Some(short) => Err(format!("{}: {short:?} is too short", device.name)),
        None => Ok(all),
    }
}

fn descriptors() -> Outcome {
    for device in settled_bus()? {
        let name = &device.name;
        let all = whole_descriptors(&device)?;
        let Some((first, rest)) = all.split_first() else {
            return Err(format!("{name} has no descriptors"));
        };
        check!(first.kind() == kind::DEVICE, "{name} begins with {first:?}");
        let configurations =
            rest.iter().filter(|descriptor| descriptor.kind() == kind::CONFIGURATION).count();
        check!(
            configurations == usize::from(first.byte(17)),
            "{name} announces {} configurations and has {configurations}",
            first.byte(17)
        );
        check_configurations(name, rest)?;
    }
    Ok(())
}

/// Checks wTotalLength, bNumInterfaces and bNumEndpoints against what is there.
fn check_configurations(name: &str, rest: &[Descriptor<'_>]) -> Outcome {
    let is_start = |descriptor: &Descriptor<'_>| descriptor.kind() == kind::CONFIGURATION;
    check!(rest.first().is_some_and(is_start), "{name} has something before its configurations");
    let starts = rest.iter().enumerate().filter(|(_, descriptor)| is_start(descriptor));
    for (start, header) in starts {
        let after = rest.get(start + 1..).unwrap_or_default();
        let end = after.iter().position(is_start).unwrap_or(after.len());
        let body = after.get(..end).unwrap_or_default();
        let length: usize =
            header.0.len() + body.iter().map(|descriptor| descriptor.0.len()).sum::<usize>();
        check!(
            length == usize::from(header.word(2)),
            "{name}: a configuration of {length} bytes says {}",
            header.word(2)
        );
        let mut numbers: Vec<u8> = Vec::new();
        let mut endpoints_left = 0;
        for descriptor in body {
            match descriptor.kind() {
                kind::INTERFACE => {
                    check!(endpoints_left == 0, "{name}: {endpoints_left} endpoints are missing");
                    endpoints_left = descriptor.byte(4);
                    if !numbers.contains(&descriptor.byte(2)) {
                        numbers.push(descriptor.byte(2));
                    }
                }
                kind::ENDPOINT => {
                    check!(endpoints_left > 0, "{name}: {descriptor:?} is one too many");
                    endpoints_left -= 1;
                    check!(descriptor.word(4) & 0x7ff > 0, "{name}: {descriptor:?} takes nothing");
                }
                _ => {}
            }
        }
        check!(endpoints_left == 0, "{name}: {endpoints_left} endpoints are missing");
        check!(
            numbers.len() == usize::from(header.byte(4)),
            "{name}: interfaces {numbers:?} of {}",
            header.byte(4)
        );
    }
    Ok(())
}

fn active() -> Outcome {
    for device in settled_bus()? {
        let name = &device.name;
        let Some(active) = device.configuration else {
            return Err(format!("{name} is not configured"));
        };
        let all = whole_descriptors(&device)?;
        let header = all.iter().find(|descriptor| {
            descriptor.kind() == kind::CONFIGURATION && descriptor.byte(5) == active
        });
        let header = header.ok_or_else(|| format!("{name} has no configuration {active}"))?;
        check!(
            device.interfaces.len() == usize::from(header.byte(4)),
            "{name} shows {} interfaces of {}",
            device.interfaces.len(),
            header.byte(4)
        );
    }
    Ok(())
}

/// A count of the bus or the host controller.
fn count(text: &str, name: &str) -> Result<u64, String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.trim().parse().ok())
        .ok_or_else(|| format!("no count of {name} in:\n{text}"))
}

fn statistics() -> Outcome {
    let devices = settled_bus()?.iter().filter(|device| !device.is_root()).count() as u64;
    let text = because("statistics", rt::input::read_file(format!("{ROOT}/usb1/statistics")))?;
    let text = String::from_utf8_lossy(&text);
    let attached = count(&text, "attached")?;
    let detached = count(&text, "detached")?;
    check!(
        attached.checked_sub(detached) == Some(devices),
        "{devices} devices, but {attached} attached and {detached} detached"
    );
    check!(count(&text, "transfers")? > 0, "no transfer has succeeded:\n{text}");
    let failures = [
        "devices_failed",
        "table_full",
        "drivers_cut_off",
        "dma_faults",
        "halts_failed",
        "core_resets",
    ];
    for name in failures {
        let happened = count(&text, name)?;
        check!(happened == 0, "{name}: {happened}");
    }
    Ok(())
}
