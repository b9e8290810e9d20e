//! The device descriptor (USB 2.0 section 9.6.1).

use super::{DescriptorError, fixed, kind};
use core::fmt;

/// A binary-coded version, as in bcdUSB: 0x0210 is 2.10.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UsbVersion(pub u16);

impl fmt::Display for UsbVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:02x}", self.0 >> 8, self.0 & 0xff)
    }
}

/// Class, subclass and protocol of a device, an interface or a function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Class {
    /// bDeviceClass or bInterfaceClass.
    pub class: u8,
    /// bDeviceSubClass or bInterfaceSubClass.
    pub subclass: u8,
    /// bDeviceProtocol or bInterfaceProtocol.
    pub protocol: u8,
}

impl Class {
    /// The class code of hubs (USB 2.0 section 11.23.1).
    pub const HUB: u8 = 9;

    /// The three codes.
    pub const fn new(class: u8, subclass: u8, protocol: u8) -> Self {
        Self { class, subclass, protocol }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}/{:02x}/{:02x}", self.class, self.subclass, self.protocol)
    }
}

/// The device descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceDescriptor {
    /// bcdUSB: the USB release that the device keeps to.
    pub usb: UsbVersion,
    /// Class codes; all zero when each interface has its own.
    pub class: Class,
    /// bMaxPacketSize0: 8, 16, 32 or 64.
    pub max_packet_size_0: u8,
    /// idVendor.
    pub vendor: u16,
    /// idProduct.
    pub product: u16,
    /// bcdDevice: the device's own release.
    pub release: UsbVersion,
    /// iManufacturer, 0 for none.
    pub manufacturer_string: u8,
    /// iProduct, 0 for none.
    pub product_string: u8,
    /// iSerialNumber, 0 for none.
    pub serial_string: u8,
    /// bNumConfigurations.
    pub configurations: u8,
}

impl DeviceDescriptor {
    /// Its length in bytes.
    pub const LENGTH: usize = 18;

    /// Reads the descriptor from its 18 bytes; more may follow.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptorError> {
        let d: &[u8; Self::LENGTH] = fixed(bytes, kind::DEVICE)?;
        let word = |at: usize| u16::from_le_bytes([d[at], d[at + 1]]);
        Ok(Self {
            usb: UsbVersion(word(2)),
            class: Class::new(d[4], d[5], d[6]),
            max_packet_size_0: checked_packet_size(d[7])?,
            vendor: word(8),
            product: word(10),
            release: UsbVersion(word(12)),
            manufacturer_string: d[14],
            product_string: d[15],
            serial_string: d[16],
            configurations: d[17],
        })
    }

    /// bMaxPacketSize0 from the first 8 bytes, which is all that can be read before it is known
    /// (USB 2.0 section 5.5.3).
    pub fn parse_max_packet_size_0(bytes: &[u8]) -> Result<u8, DescriptorError> {
        let d: &[u8; 8] = bytes.first_chunk().ok_or(DescriptorError::Truncated)?;
        if d[1] != kind::DEVICE {
            return Err(DescriptorError::Kind(d[1]));
        }
        if usize::from(d[0]) < Self::LENGTH {
            return Err(DescriptorError::Length(d[0]));
        }
        checked_packet_size(d[7])
    }

    /// The descriptor as it goes over the wire.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let Self {
            usb,
            class: Class { class, subclass, protocol },
            max_packet_size_0,
            vendor,
            product,
            release,
            manufacturer_string,
            product_string,
            serial_string,
            configurations,
        } = *self;
        let [usb, vendor, product, release] =
            [usb.0, vendor, product, release.0].map(u16::to_le_bytes);
        [
            Self::LENGTH as u8,
            kind::DEVICE,
            usb[0],
            usb[1],
            class,
            subclass,
            protocol,
            max_packet_size_0,
            vendor[0],
            vendor[1],
            product[0],
            product[1],
            release[0],
            release[1],
            manufacturer_string,
            product_string,
            serial_string,
            configurations,
        ]
    }
}

fn checked_packet_size(size: u8) -> Result<u8, DescriptorError> {
    match size {
        8 | 16 | 32 | 64 => Ok(size),
        other => Err(DescriptorError::MaxPacketSize(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn the_emulated_adapter() {
        let bytes = [18, 1, 0x00, 0x02, 2, 0, 0, 64, 0x25, 0x05, 0xa2, 0xa4, 0, 0, 1, 2, 10, 2];
        let device = DeviceDescriptor::parse(&bytes).expect("a good descriptor");
        assert_eq!((device.vendor, device.product), (0x0525, 0xa4a2));
        assert_eq!(device.configurations, 2);
        assert_eq!(device.usb.to_string(), "2.00");
        assert_eq!(device.to_bytes(), bytes);
        assert_eq!(DeviceDescriptor::parse_max_packet_size_0(&bytes[..8]), Ok(64));
    }

    #[test]
    fn malformed_ones_are_refused() {
        let good = [18, 1, 0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let with = |at: usize, value: u8| {
            let mut bytes = good;
            bytes[at] = value;
            DeviceDescriptor::parse(&bytes)
        };
        assert_eq!(with(0, 17), Err(DescriptorError::Length(17)));
        assert_eq!(with(1, 2), Err(DescriptorError::Kind(2)));
        assert_eq!(with(7, 9), Err(DescriptorError::MaxPacketSize(9)));
        assert_eq!(DeviceDescriptor::parse(&good[..17]), Err(DescriptorError::Truncated));
    }
}
