//! Descriptors: what a device says of itself (USB 2.0 chapter 9.5 and 9.6).
//!
//! A device is input like any other: every length it claims is checked against what arrived, a
//! field that makes no sense is an error or ends the walk, and nothing panics. The walk through a
//! configuration copies nothing: [`Configuration`], [`Interface`] and the iterators borrow the
//! bytes as they came.

mod configuration;
mod device;
mod endpoint;
mod hub;
mod set;
mod string;

pub use configuration::{
    Configuration, ConfigurationHeader, Interface, InterfaceAssociation, Interfaces,
};
pub use device::{Class, DeviceDescriptor, UsbVersion};
pub use endpoint::{EndpointAddress, EndpointDescriptor, EndpointKind, Endpoints};
pub use hub::{HubCharacteristics, HubDescriptor, OverCurrentMode, PowerSwitching};
pub use set::{DescriptorSet, MAX_CONFIGURATION_BYTES};
pub use string::{DeviceString, MAX_STRING_BYTES, language_ids, parse_string};

use core::fmt;

/// bDescriptorType values (USB 2.0 table 9-5, section 11.23.2, IAD ECN, CDC 1.2 table 12).
pub mod kind {
    /// Device descriptor.
    pub const DEVICE: u8 = 1;
    /// Configuration descriptor.
    pub const CONFIGURATION: u8 = 2;
    /// String descriptor.
    pub const STRING: u8 = 3;
    /// Interface descriptor.
    pub const INTERFACE: u8 = 4;
    /// Endpoint descriptor.
    pub const ENDPOINT: u8 = 5;
    /// Interface association descriptor.
    pub const INTERFACE_ASSOCIATION: u8 = 11;
    /// Class-specific descriptor of an interface.
    pub const CLASS_INTERFACE: u8 = 0x24;
    /// Hub descriptor.
    pub const HUB: u8 = 0x29;
}

/// Why bytes are no valid descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DescriptorError {
    /// Fewer bytes than the descriptor needs.
    Truncated,
    /// bLength is below what this descriptor type has.
    Length(u8),
    /// bDescriptorType is another one; the value found.
    Kind(u8),
    /// bMaxPacketSize0 is not 8, 16, 32 or 64.
    MaxPacketSize(u8),
    /// An endpoint with number 0, a reserved bit or a packet size of 0.
    Endpoint(u8),
    /// A string that is no UTF-16 or has half a character.
    String,
}

impl fmt::Display for DescriptorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("descriptor is cut off"),
            Self::Length(length) => write!(f, "descriptor with impossible length {length}"),
            Self::Kind(kind) => write!(f, "unexpected descriptor type {kind:#04x}"),
            Self::MaxPacketSize(size) => write!(f, "impossible EP0 packet size {size}"),
            Self::Endpoint(address) => write!(f, "impossible endpoint {address:#04x}"),
            Self::String => f.write_str("string is no UTF-16"),
        }
    }
}

/// One descriptor as it came: bLength, bDescriptorType and the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawDescriptor<'a>(&'a [u8]);

impl<'a> RawDescriptor<'a> {
    /// bDescriptorType.
    pub fn kind(self) -> u8 {
        self.0.get(1).copied().unwrap_or(0)
    }

    /// All bytes, bLength of them.
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// bDescriptorSubtype, which class-specific descriptors have as third byte.
    pub fn subtype(self) -> Option<u8> {
        self.0.get(2).copied()
    }
}

/// Walks a run of descriptors by bLength; ends where a length is below 2 or runs over the end.
#[derive(Clone, Debug)]
pub struct RawDescriptors<'a>(&'a [u8]);

impl<'a> RawDescriptors<'a> {
    /// The descriptors in `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What has not been walked, which is empty at the end of a well-formed run.
    pub const fn remaining(&self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Iterator for RawDescriptors<'a> {
    type Item = RawDescriptor<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(*self.0.first()?);
        if length < 2 {
            return None;
        }
        let (descriptor, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(RawDescriptor(descriptor))
    }
}

/// Checks bLength and bDescriptorType, and returns the first `N` bytes.
fn fixed<const N: usize>(bytes: &[u8], kind: u8) -> Result<&[u8; N], DescriptorError> {
    let found: &[u8; N] = bytes.first_chunk().ok_or(DescriptorError::Truncated)?;
    if found[1] != kind {
        return Err(DescriptorError::Kind(found[1]));
    }
    if usize::from(found[0]) < N {
        return Err(DescriptorError::Length(found[0]));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_stops_at_impossible_lengths() {
        let mut walk = RawDescriptors::new(&[2, 1, 3, 4, 5, 0, 9]);
        assert_eq!(walk.next().map(RawDescriptor::kind), Some(1));
        let second = walk.next().expect("a second descriptor");
        assert_eq!((second.kind(), second.subtype()), (4, Some(5)));
        assert_eq!(walk.next(), None);
        assert_eq!(walk.remaining(), [0, 9]);
        assert_eq!(RawDescriptors::new(&[1, 1]).next(), None);
        assert_eq!(RawDescriptors::new(&[9, 4, 0]).next(), None);
        assert_eq!(RawDescriptors::new(&[]).next(), None);
    }
}
