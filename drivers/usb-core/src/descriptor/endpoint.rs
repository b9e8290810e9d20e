//! Endpoint descriptors (USB 2.0 section 9.6.6).

use super::{DescriptorError, RawDescriptors, fixed, kind};
use crate::pipe::{Direction, EndpointNumber, Speed, TransferType};
use core::fmt;

/// bEndpointAddress: number and direction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EndpointAddress {
    /// The number, 1 to 15.
    pub number: EndpointNumber,
    /// The direction.
    pub direction: Direction,
}

impl EndpointAddress {
    /// From the byte, unless the number is 0. The reserved bits 6:4 are ignored.
    pub fn from_byte(byte: u8) -> Option<Self> {
        let number = EndpointNumber::new(byte & 0x0f)?;
        if number == EndpointNumber::ZERO {
            return None;
        }
        let direction = if byte & 0x80 == 0 { Direction::Out } else { Direction::In };
        Some(Self { number, direction })
    }

    /// As in bEndpointAddress and in wIndex of a request to the endpoint.
    pub const fn to_byte(self) -> u8 {
        match self.direction {
            Direction::Out => self.number.get(),
            Direction::In => self.number.get() | 0x80,
        }
    }
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}", self.to_byte())
    }
}

/// Bits 1:0 of bmAttributes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EndpointKind {
    /// A further control endpoint.
    Control,
    /// Isochronous, which this stack does not serve.
    Isochronous,
    /// Bulk.
    Bulk,
    /// Interrupt.
    Interrupt,
}

/// An endpoint descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndpointDescriptor {
    /// bEndpointAddress.
    pub address: EndpointAddress,
    /// bmAttributes.
    pub attributes: u8,
    /// wMaxPacketSize as it came: bits 10:0 size, 12:11 further transactions a microframe.
    pub max_packet_size_field: u16,
    /// bInterval.
    pub interval: u8,
}

impl EndpointDescriptor {
    /// Its length in bytes; audio devices append two.
    pub const LENGTH: usize = 7;

    /// Reads one descriptor.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptorError> {
        let d: &[u8; Self::LENGTH] = fixed(bytes, kind::ENDPOINT)?;
        let address = EndpointAddress::from_byte(d[2]).ok_or(DescriptorError::Endpoint(d[2]))?;
        Ok(Self {
            address,
            attributes: d[3],
            max_packet_size_field: u16::from_le_bytes([d[4], d[5]]),
            interval: d[6],
        })
    }

    /// The transfer type.
    pub const fn kind(&self) -> EndpointKind {
        match self.attributes & 3 {
            0 => EndpointKind::Control,
            1 => EndpointKind::Isochronous,
            2 => EndpointKind::Bulk,
            _ => EndpointKind::Interrupt,
        }
    }

    /// The transfer type as a pipe has it; isochronous has none.
    pub const fn transfer_type(&self) -> Option<TransferType> {
        match self.kind() {
            EndpointKind::Control => Some(TransferType::Control),
            EndpointKind::Isochronous => None,
            EndpointKind::Bulk => Some(TransferType::Bulk),
            EndpointKind::Interrupt => Some(TransferType::Interrupt),
        }
    }

    /// Bytes a packet carries at most.
    pub const fn max_packet_size(&self) -> u16 {
        self.max_packet_size_field & 0x7ff
    }

    /// Bytes a packet carries at most at this speed; an error with the claimed size where the
    /// standard allows no such endpoint (USB 2.0 sections 5.7.3 and 5.8.3: size zero, a bulk
    /// endpoint at low speed).
    ///
    /// A device that claims more than its speed has, because it describes itself as if it ran at
    /// another one, gets the largest size there is.
    pub const fn packet_size_at(&self, speed: Speed) -> Result<u16, u16> {
        let claimed = self.max_packet_size();
        let most = match (self.kind(), speed) {
            (EndpointKind::Bulk, Speed::High) => 512,
            (EndpointKind::Interrupt | EndpointKind::Isochronous, Speed::High) => 1024,
            (EndpointKind::Isochronous, Speed::Full) => 1023,
            (EndpointKind::Control, Speed::High | Speed::Full)
            | (EndpointKind::Bulk | EndpointKind::Interrupt, Speed::Full) => 64,
            (EndpointKind::Control | EndpointKind::Interrupt, Speed::Low) => 8,
            (EndpointKind::Bulk | EndpointKind::Isochronous, Speed::Low) => return Err(claimed),
        };
        match claimed {
            0 => Err(0),
            _ if claimed > most => Ok(most),
            _ => Ok(claimed),
        }
    }

    /// Polling interval of an interrupt endpoint in microframes at high speed (2^(bInterval-1),
    /// bInterval 1 to 16) and in milliseconds otherwise (USB 2.0 table 9-13). A value out of range
    /// becomes the nearest one in range. 0 for other endpoints.
    pub fn interval_units(&self, speed: Speed) -> u16 {
        match (self.kind(), speed) {
            (EndpointKind::Interrupt, Speed::High) => 1 << (self.interval.clamp(1, 16) - 1),
            (EndpointKind::Interrupt, _) => u16::from(self.interval.max(1)),
            _ => 0,
        }
    }
}

/// The endpoints of one interface setting, in their order; malformed ones are passed over.
#[derive(Clone, Debug)]
pub struct Endpoints<'a>(RawDescriptors<'a>);

impl<'a> Endpoints<'a> {
    pub(super) const fn new(descriptors: RawDescriptors<'a>) -> Self {
        Self(descriptors)
    }
}

impl Iterator for Endpoints<'_> {
    type Item = EndpointDescriptor;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find_map(|raw| EndpointDescriptor::parse(raw.bytes()).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(bytes: [u8; 7]) -> EndpointDescriptor {
        EndpointDescriptor::parse(&bytes).expect("a good descriptor")
    }

    #[test]
    fn fields_are_split() {
        let bulk = endpoint([7, 5, 0x82, 2, 0x00, 0x02, 0]);
        assert_eq!(bulk.address.to_byte(), 0x82);
        assert_eq!(bulk.kind(), EndpointKind::Bulk);
        assert_eq!(bulk.max_packet_size(), 512);
        assert_eq!(bulk.interval_units(Speed::High), 0);
        let high_bandwidth = endpoint([7, 5, 0x81, 3, 0x00, 0x0c, 4]);
        assert_eq!(high_bandwidth.max_packet_size(), 1024);
    }

    #[test]
    fn intervals_follow_the_speed() {
        let interrupt = |interval| endpoint([7, 5, 0x81, 3, 8, 0, interval]);
        assert_eq!(interrupt(12).interval_units(Speed::High), 2048);
        assert_eq!(interrupt(255).interval_units(Speed::High), 32768);
        assert_eq!(interrupt(0).interval_units(Speed::High), 1);
        assert_eq!(interrupt(32).interval_units(Speed::Full), 32);
        assert_eq!(interrupt(0).interval_units(Speed::Low), 1);
    }

    #[test]
    fn packet_sizes_fit_the_speed() {
        let size = |kind, bytes: u16, speed| {
            let [low, high] = bytes.to_le_bytes();
            endpoint([7, 5, 0x81, kind, low, high, 1]).packet_size_at(speed)
        };
        assert_eq!(size(2, 512, Speed::High), Ok(512));
        assert_eq!(size(2, 512, Speed::Full), Ok(64));
        assert_eq!(size(2, 32, Speed::Full), Ok(32));
        assert_eq!(size(2, 1024, Speed::High), Ok(512));
        assert_eq!(size(2, 8, Speed::Low), Err(8));
        assert_eq!(size(3, 64, Speed::Low), Ok(8));
        assert_eq!(size(3, 0x0c00, Speed::High), Ok(1024));
        assert_eq!(size(3, 1024, Speed::Full), Ok(64));
        assert_eq!(size(1, 1024, Speed::Full), Ok(1023));
        assert_eq!(size(0, 512, Speed::High), Ok(64));
        for speed in [Speed::Low, Speed::Full, Speed::High] {
            assert_eq!(size(3, 0, speed), Err(0));
        }
    }

    #[test]
    fn endpoint_zero_is_no_endpoint() {
        assert_eq!(
            EndpointDescriptor::parse(&[7, 5, 0x80, 2, 64, 0, 0]),
            Err(DescriptorError::Endpoint(0x80))
        );
    }
}
