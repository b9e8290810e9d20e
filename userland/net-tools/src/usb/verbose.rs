//! `lsusb -v`: every descriptor of a device, field by field.

use alloc::string::String;
use core::fmt::Write;

use super::cdc;
use super::descriptor::{Descriptor, Descriptors, kind};
use super::names;
use super::sysfs::Device;

/// The class of communication devices and of their data interfaces.
const COMMUNICATIONS: u8 = 2;
const CDC_DATA: u8 = 10;

/// Bytes in hexadecimal, a space before each.
#[must_use]
pub fn bytes(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string does not fail, here and below.
        let _ = write!(text, " {byte:02x}");
    }
    text
}

/// Binary-coded decimal: `2.00`.
fn decimal_version(version: u16) -> String {
    alloc::format!("{:2x}.{:02x}", version >> 8, version & 0xff)
}

/// Everything about a device.
#[must_use]
pub fn text(device: &Device) -> String {
    let mut text = String::new();
    let speed = match device.speed.as_str() {
        "1.5" => "Low Speed (1Mbps)",
        "12" => "Full Speed (12Mbps)",
        "480" => "High Speed (480Mbps)",
        "5000" => "SuperSpeed (5Gbps)",
        "10000" => "SuperSpeed+ (10Gbps)",
        "20000" => "SuperSpeed++ (20Gbps)",
        _ => "Unknown",
    };
    let _ = writeln!(text, "Negotiated speed: {speed}");
    // What class-specific descriptors mean depends on the interface they stand in.
    let mut interface_class = 0;
    let mut usb_version = 0;
    for descriptor in Descriptors::new(&device.descriptors) {
        let descriptor = match descriptor {
            Ok(descriptor) => descriptor,
            Err(bad) => {
                let _ = writeln!(text, "  ** Bad bLength {} ({} left)", bad.length, bad.left);
                break;
            }
        };
        match descriptor.kind() {
            _ if !descriptor.is_complete() => {
                let _ = writeln!(text, "  ** TOO SHORT: {}", bytes(descriptor.0));
            }
            kind::DEVICE => {
                usb_version = descriptor.word(2);
                write_device(&mut text, &descriptor, device);
            }
            kind::CONFIGURATION => {
                interface_class = 0;
                write_configuration(&mut text, &descriptor, device, usb_version);
            }
            kind::INTERFACE => {
                interface_class = descriptor.byte(5);
                write_interface(&mut text, &descriptor);
            }
            kind::ENDPOINT => write_endpoint(&mut text, &descriptor),
            kind::INTERFACE_ASSOCIATION => write_association(&mut text, &descriptor),
            kind::CS_INTERFACE if matches!(interface_class, COMMUNICATIONS | CDC_DATA) => {
                text.push_str(&cdc::text(&descriptor));
            }
            _ => {
                let _ = writeln!(text, "      ** UNRECOGNIZED: {}", bytes(descriptor.0));
            }
        }
    }
    text
}

fn write_device(text: &mut String, descriptor: &Descriptor<'_>, device: &Device) {
    let byte = |offset| descriptor.byte(offset);
    let (class, subclass, protocol) = (byte(4), byte(5), byte(6));
    let _ = writeln!(
        text,
        "Device Descriptor:\n\
         \x20 bLength             {:5}\n\
         \x20 bDescriptorType     {:5}\n\
         \x20 bcdUSB              {}\n\
         \x20 bDeviceClass        {class:5} {}\n\
         \x20 bDeviceSubClass     {subclass:5} {}\n\
         \x20 bDeviceProtocol     {protocol:5} {}\n\
         \x20 bMaxPacketSize0     {:5}\n\
         \x20 idVendor           0x{:04x} {}\n\
         \x20 idProduct          0x{:04x} {}\n\
         \x20 bcdDevice           {}\n\
         \x20 iManufacturer       {:5} {}\n\
         \x20 iProduct            {:5} {}\n\
         \x20 iSerial             {:5} {}\n\
         \x20 bNumConfigurations  {:5}",
        byte(0),
        byte(1),
        decimal_version(descriptor.word(2)),
        names::class(class),
        names::subclass(class, subclass),
        names::protocol(class, subclass, protocol),
        byte(7),
        descriptor.word(8),
        device.manufacturer,
        descriptor.word(10),
        device.product,
        decimal_version(descriptor.word(12)),
        byte(14),
        device.manufacturer,
        byte(15),
        device.product,
        byte(16),
        device.serial,
        byte(17),
    );
}

fn write_configuration(
    text: &mut String,
    descriptor: &Descriptor<'_>,
    device: &Device,
    usb_version: u16,
) {
    let byte = |offset| descriptor.byte(offset);
    let attributes = byte(7);
    // Which one is in use is no part of the descriptor, but what one looks for.
    let active = if device.configuration == Some(byte(5)) { "(active)" } else { "" };
    let _ = writeln!(
        text,
        "  Configuration Descriptor:\n\
         \x20   bLength             {:5}\n\
         \x20   bDescriptorType     {:5}\n\
         \x20   wTotalLength       0x{:04x}\n\
         \x20   bNumInterfaces      {:5}\n\
         \x20   bConfigurationValue {:5} {active}\n\
         \x20   iConfiguration      {:5} \n\
         \x20   bmAttributes         0x{attributes:02x}",
        byte(0),
        byte(1),
        descriptor.word(2),
        byte(4),
        byte(5),
        byte(6),
    );
    if attributes & 0x80 == 0 {
        text.push_str("      (Missing must-be-set bit!)\n");
    }
    text.push_str(if attributes & 0x40 == 0 {
        "      (Bus Powered)\n"
    } else {
        "      Self Powered\n"
    });
    if attributes & 0x20 != 0 {
        text.push_str("      Remote Wakeup\n");
    }
    if attributes & 0x10 != 0 {
        text.push_str("      Battery Powered\n");
    }
    // USB 3.2 section 9.6.3: the unit is 8 mA for SuperSpeed devices.
    let unit = if usb_version >= 0x0300 { 8 } else { 2 };
    let _ = writeln!(text, "    MaxPower            {:5}mA", u16::from(byte(8)) * unit);
}

fn write_interface(text: &mut String, descriptor: &Descriptor<'_>) {
    let byte = |offset| descriptor.byte(offset);
    let (class, subclass, protocol) = (byte(5), byte(6), byte(7));
    let _ = writeln!(
        text,
        "    Interface Descriptor:\n\
         \x20     bLength             {:5}\n\
         \x20     bDescriptorType     {:5}\n\
         \x20     bInterfaceNumber    {:5}\n\
         \x20     bAlternateSetting   {:5}\n\
         \x20     bNumEndpoints       {:5}\n\
         \x20     bInterfaceClass     {class:5} {}\n\
         \x20     bInterfaceSubClass  {subclass:5} {}\n\
         \x20     bInterfaceProtocol  {protocol:5} {}\n\
         \x20     iInterface          {:5} ",
        byte(0),
        byte(1),
        byte(2),
        byte(3),
        byte(4),
        names::class(class),
        names::subclass(class, subclass),
        names::protocol(class, subclass, protocol),
        byte(8),
    );
}

fn write_association(text: &mut String, descriptor: &Descriptor<'_>) {
    let byte = |offset| descriptor.byte(offset);
    let (class, subclass, protocol) = (byte(4), byte(5), byte(6));
    let _ = writeln!(
        text,
        "    Interface Association:\n\
         \x20     bLength             {:5}\n\
         \x20     bDescriptorType     {:5}\n\
         \x20     bFirstInterface     {:5}\n\
         \x20     bInterfaceCount     {:5}\n\
         \x20     bFunctionClass      {class:5} {}\n\
         \x20     bFunctionSubClass   {subclass:5} {}\n\
         \x20     bFunctionProtocol   {protocol:5} {}\n\
         \x20     iFunction           {:5} ",
        byte(0),
        byte(1),
        byte(2),
        byte(3),
        names::class(class),
        names::subclass(class, subclass),
        names::protocol(class, subclass, protocol),
        byte(7),
    );
}

/// USB 2.0 table 9-13.
fn write_endpoint(text: &mut String, descriptor: &Descriptor<'_>) {
    let byte = |offset| descriptor.byte(offset);
    let (address, attributes, packet) = (byte(2), byte(3), descriptor.word(4));
    let pick = |names: [&'static str; 4], bits: u8| names[usize::from(bits & 3)];
    let _ = writeln!(
        text,
        "      Endpoint Descriptor:\n\
         \x20       bLength             {:5}\n\
         \x20       bDescriptorType     {:5}\n\
         \x20       bEndpointAddress     0x{address:02x}  EP {} {}\n\
         \x20       bmAttributes        {attributes:5}\n\
         \x20         Transfer Type            {}\n\
         \x20         Synch Type               {}\n\
         \x20         Usage Type               {}\n\
         \x20       wMaxPacketSize     0x{packet:04x}  {} {} bytes\n\
         \x20       bInterval           {:5}",
        byte(0),
        byte(1),
        address & 0x0f,
        if address & 0x80 == 0 { "OUT" } else { "IN" },
        pick(["Control", "Isochronous", "Bulk", "Interrupt"], attributes),
        pick(["None", "Asynchronous", "Adaptive", "Synchronous"], attributes >> 2),
        pick(["Data", "Feedback", "Implicit feedback Data", "(reserved)"], attributes >> 4),
        pick(["1x", "2x", "3x", "(??)"], (packet >> 11) as u8),
        packet & 0x7ff,
        byte(6),
    );
}

#[cfg(test)]
mod tests {
    use super::super::sysfs::examples::{adapter, hub};
    use super::text;

    #[test]
    fn the_network_adapter() {
        let text = text(&adapter());
        let expected = "Negotiated speed: Full Speed (12Mbps)
Device Descriptor:
  bLength                18
  bDescriptorType         1
  bcdUSB               2.00
  bDeviceClass            2 Communications
  bDeviceSubClass         0 \n  bDeviceProtocol         0 \n  bMaxPacketSize0        64
  idVendor           0x0525 QEMU
  idProduct          0xa4a2 RNDIS/QEMU USB Network Device
  bcdDevice            0.00
  iManufacturer           1 QEMU
  iProduct                2 RNDIS/QEMU USB Network Device
  iSerial                10 1-1.1
  bNumConfigurations      2
  Configuration Descriptor:
    bLength                 9
    bDescriptorType         2
    wTotalLength       0x0043
    bNumInterfaces          2
    bConfigurationValue     2 \n    iConfiguration          7 \n    bmAttributes         0xc0
      Self Powered
    MaxPower               50mA
";
        assert!(text.starts_with(expected), "{text}");
        for part in [
            "    bConfigurationValue     1 (active)\n",
            "      bInterfaceSubClass      6 Ethernet Networking\n",
            "      CDC Ethernet:\n        iMacAddress                      3 (??)\n",
            "      bAlternateSetting       1\n      bNumEndpoints           2\n",
            "        bEndpointAddress     0x81  EP 1 IN\n        bmAttributes            3\n          \
             Transfer Type            Interrupt\n",
            "        wMaxPacketSize     0x0040  1x 64 bytes\n",
        ] {
            assert!(text.contains(part), "{part:?} in\n{text}");
        }
        assert!(!text.contains("**"), "{text}");
    }

    #[test]
    fn a_hub() {
        let text = text(&hub());
        for part in [
            "  bDeviceClass            9 Hub\n  bDeviceSubClass         0 Unused\n  \
             bDeviceProtocol         0 Full speed (or root) hub\n",
            "      Self Powered\n      Remote Wakeup\n",
            "        bInterval             255\n",
        ] {
            assert!(text.contains(part), "{part:?} in\n{text}");
        }
    }

    #[test]
    fn broken_descriptors_are_shown_as_they_are() {
        let mut device = hub();
        device.descriptors = [3, 4, 1, 4, 0x77, 1, 2, 9, 2].into();
        let text = text(&device);
        assert!(text.ends_with(
            "  ** TOO SHORT:  03 04 01\n      ** UNRECOGNIZED:  04 77 01 02\n  ** Bad bLength 9 (2 left)\n"
        ), "{text}");
    }
}
