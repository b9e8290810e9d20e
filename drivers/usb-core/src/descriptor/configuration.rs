//! Configurations with their interfaces, alternate settings, associations and class-specific
//! descriptors (USB 2.0 sections 9.6.3 and 9.6.5, Interface Association Descriptor ECN).

use super::{
    Class, DescriptorError, EndpointDescriptor, Endpoints, RawDescriptor, RawDescriptors, fixed,
    kind,
};
use crate::pipe::Direction;

/// The nine bytes at the head of a configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConfigurationHeader {
    /// wTotalLength: bytes of everything that belongs to the configuration, as the device claims.
    pub total_length: u16,
    /// bNumInterfaces, as the device claims.
    pub interfaces: u8,
    /// bConfigurationValue: the argument of SET_CONFIGURATION.
    pub value: u8,
    /// iConfiguration, 0 for none.
    pub string: u8,
    /// bmAttributes: bit 6 self-powered, bit 5 remote wake-up.
    pub attributes: u8,
    /// bMaxPower in units of 2 mA.
    pub max_power: u8,
}

impl ConfigurationHeader {
    /// Its length in bytes.
    pub const LENGTH: usize = 9;

    /// Reads the header.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptorError> {
        let d: &[u8; Self::LENGTH] = fixed(bytes, kind::CONFIGURATION)?;
        Ok(Self {
            total_length: u16::from_le_bytes([d[2], d[3]]),
            interfaces: d[4],
            value: d[5],
            string: d[6],
            attributes: d[7],
            max_power: d[8],
        })
    }

    /// The header as it goes over the wire.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let Self { total_length, interfaces, value, string, attributes, max_power } = *self;
        let [low, high] = total_length.to_le_bytes();
        [
            Self::LENGTH as u8,
            kind::CONFIGURATION,
            low,
            high,
            interfaces,
            value,
            string,
            attributes,
            max_power,
        ]
    }
}

/// One configuration with all that belongs to it, as far as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Configuration<'a> {
    header: ConfigurationHeader,
    /// Everything behind the header.
    body: &'a [u8],
}

impl<'a> Configuration<'a> {
    /// Reads a configuration; `bytes` may end early (then what is there counts) or go on behind
    /// wTotalLength (then the rest is ignored).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DescriptorError> {
        let header = ConfigurationHeader::parse(bytes)?;
        let end = usize::from(header.total_length).min(bytes.len());
        // bLength may exceed 9: what it covers is the header's own.
        let start = bytes.first().map_or(0, |length| usize::from(*length));
        Ok(Self { header, body: bytes.get(start..end).unwrap_or(&[]) })
    }

    /// The head.
    pub const fn header(&self) -> &ConfigurationHeader {
        &self.header
    }

    /// bConfigurationValue.
    pub const fn value(&self) -> u8 {
        self.header.value
    }

    /// Every descriptor behind the header, in order.
    pub const fn descriptors(&self) -> RawDescriptors<'a> {
        RawDescriptors::new(self.body)
    }

    /// Every interface setting, in order: alternate settings come as separate items.
    pub const fn interfaces(&self) -> Interfaces<'a> {
        Interfaces { rest: self.body }
    }

    /// The setting `alternate` of interface `number`.
    pub fn interface(&self, number: u8, alternate: u8) -> Option<Interface<'a>> {
        self.interfaces().find(|i| i.number == number && i.alternate == alternate)
    }

    /// Every setting of interface `number`.
    pub fn alternates(&self, number: u8) -> impl Iterator<Item = Interface<'a>> + use<'a> {
        self.interfaces().filter(move |i| i.number == number)
    }

    /// The interface associations.
    pub fn associations(&self) -> impl Iterator<Item = InterfaceAssociation> + use<'a> {
        self.descriptors().filter_map(|raw| InterfaceAssociation::parse(raw.bytes()).ok())
    }

    /// Class-specific descriptors of interface `number`. Some devices put them behind the
    /// configuration descriptor or behind an endpoint: those in front of the first interface are
    /// counted to each interface.
    pub fn class_descriptors(
        &self,
        number: u8,
    ) -> impl Iterator<Item = RawDescriptor<'a>> + use<'a> {
        let mut current = None;
        self.descriptors().filter(move |raw| {
            if raw.kind() == kind::INTERFACE {
                current = raw.bytes().get(2).copied();
            }
            raw.kind() == kind::CLASS_INTERFACE && current.is_none_or(|now| now == number)
        })
    }
}

/// One setting of one interface.
#[derive(Clone, Copy, Debug)]
pub struct Interface<'a> {
    /// bInterfaceNumber.
    pub number: u8,
    /// bAlternateSetting.
    pub alternate: u8,
    /// bNumEndpoints, as the device claims.
    pub endpoint_count: u8,
    /// Class codes.
    pub class: Class,
    /// iInterface, 0 for none.
    pub string: u8,
    /// What follows, up to the next interface.
    body: &'a [u8],
}

impl<'a> Interface<'a> {
    /// Length of the interface descriptor itself.
    pub const LENGTH: usize = 9;

    /// The endpoints, in order.
    pub const fn endpoints(&self) -> Endpoints<'a> {
        Endpoints::new(RawDescriptors::new(self.body))
    }

    /// The first endpoint of a kind and direction.
    pub fn endpoint(
        &self,
        kind: super::EndpointKind,
        direction: Direction,
    ) -> Option<EndpointDescriptor> {
        self.endpoints().find(|endpoint| {
            endpoint.kind() == kind
                && endpoint.address.direction == direction
                && endpoint.max_packet_size() != 0
        })
    }

    /// Every descriptor that follows the interface descriptor.
    pub const fn descriptors(&self) -> RawDescriptors<'a> {
        RawDescriptors::new(self.body)
    }
}

/// Iterates over interface settings.
#[derive(Clone, Debug)]
pub struct Interfaces<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Interfaces<'a> {
    type Item = Interface<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut walk = RawDescriptors::new(self.rest);
        let d: &[u8; Interface::LENGTH] =
            walk.find_map(|raw| fixed(raw.bytes(), kind::INTERFACE).ok())?;
        let body = walk.remaining();
        let mut next = walk.clone();
        let mut end = body.len();
        loop {
            let here = next.remaining();
            match next.next() {
                Some(raw) if raw.kind() == kind::INTERFACE => {
                    end = body.len() - here.len();
                    break;
                }
                Some(_) => {}
                None => break,
            }
        }
        let (body, rest) = body.split_at_checked(end)?;
        self.rest = rest;
        Some(Interface {
            number: d[2],
            alternate: d[3],
            endpoint_count: d[4],
            class: Class::new(d[5], d[6], d[7]),
            string: d[8],
            body,
        })
    }
}

/// Interfaces that form one function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InterfaceAssociation {
    /// bFirstInterface.
    pub first: u8,
    /// bInterfaceCount.
    pub count: u8,
    /// Class codes of the function.
    pub class: Class,
    /// iFunction, 0 for none.
    pub string: u8,
}

impl InterfaceAssociation {
    /// Its length in bytes.
    pub const LENGTH: usize = 8;

    /// Reads one descriptor.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptorError> {
        let d: &[u8; Self::LENGTH] = fixed(bytes, kind::INTERFACE_ASSOCIATION)?;
        Ok(Self { first: d[2], count: d[3], class: Class::new(d[4], d[5], d[6]), string: d[7] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::EndpointKind;
    use super::*;

    /// The second configuration of QEMU's `usb-net`: CDC-ECM.
    const ECM: [u8; 80] = [
        9, 2, 80, 0, 2, 1, 7, 0xc0, 0x32, // configuration
        9, 4, 0, 0, 1, 2, 6, 0, 5, // interface 0, ECM
        5, 0x24, 0, 0x10, 1, // header
        5, 0x24, 6, 0, 1, // union
        13, 0x24, 0xf, 3, 0, 0, 0, 0, 0xea, 5, 0, 0, 0, // Ethernet
        7, 5, 0x81, 3, 16, 0, 32, // notifications
        9, 4, 1, 0, 0, 10, 0, 0, 0, // interface 1, alternate 0
        9, 4, 1, 1, 2, 10, 0, 0, 4, // interface 1, alternate 1
        7, 5, 0x82, 2, 64, 0, 0, 7, 5, 2, 2, 64, 0, 0, // bulk in and out
    ];

    #[test]
    fn interfaces_own_what_follows_them() {
        let configuration = Configuration::parse(&ECM).expect("a good configuration");
        let found: heapless::Vec<_, 4> = configuration
            .interfaces()
            .map(|i| (i.number, i.alternate, i.endpoints().count()))
            .collect();
        assert_eq!(found[..], [(0, 0, 1), (1, 0, 0), (1, 1, 2)]);
        let data = configuration.interface(1, 1).expect("the data setting");
        let bulk_in = data.endpoint(EndpointKind::Bulk, Direction::In).expect("bulk in");
        assert_eq!(bulk_in.address.to_byte(), 0x82);
        assert_eq!(configuration.class_descriptors(0).count(), 3);
        assert_eq!(configuration.class_descriptors(1).count(), 0);
        assert_eq!(configuration.alternates(1).count(), 2);
    }

    #[test]
    fn a_cut_configuration_gives_what_is_there() {
        for length in ConfigurationHeader::LENGTH..ECM.len() {
            let configuration = Configuration::parse(&ECM[..length]).expect("the header is there");
            assert!(configuration.interfaces().count() <= 3);
        }
        assert_eq!(
            Configuration::parse(&ECM[..8]).map(|_| ()).err(),
            Some(DescriptorError::Truncated)
        );
    }

    #[test]
    fn the_header_round_trips() {
        let header = ConfigurationHeader::parse(&ECM).expect("a good header");
        assert_eq!(header.to_bytes(), ECM[..9]);
    }

    #[test]
    fn associations_are_found() {
        let bytes = [9, 2, 17, 0, 2, 1, 0, 0, 0, 8, 11, 0, 2, 0xe0, 1, 3, 0];
        let configuration = Configuration::parse(&bytes).expect("a good configuration");
        let association = configuration.associations().next().expect("an association");
        assert_eq!((association.first, association.count), (0, 2));
        assert_eq!(association.class, Class::new(0xe0, 1, 3));
    }
}
