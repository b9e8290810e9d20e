//! Finding the Ethernet function of a device, in whichever configuration it is.
//!
//! Adapters often have several configurations: a vendor's own first, class-conforming ones behind
//! it, in no dependable order. So all are looked at. Descriptors in the field are careless; where
//! a union descriptor is missing, swapped or points nowhere, the neighborhood decides.

use crate::functional::{EthernetDescriptor, UnionDescriptor};
use usb_core::descriptor::{
    Class, Configuration, DescriptorSet, EndpointDescriptor, EndpointKind, Interface,
};
use usb_core::pipe::Direction;

/// CDC data interface class (CDC 1.2 table 6).
const CLASS_CDC_DATA: u8 = 0x0a;

/// Which protocol an adapter is spoken to in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    /// CDC Ethernet Control Model.
    Ecm,
    /// Remote NDIS.
    Rndis,
}

impl Protocol {
    /// The name that people use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecm => "cdc-ecm",
            Self::Rndis => "rndis",
        }
    }

    fn matches(self, class: Class) -> bool {
        let Class { class, subclass, protocol } = class;
        match self {
            Self::Ecm => (class, subclass) == (0x02, 0x06),
            Self::Rndis => matches!(
                (class, subclass, protocol),
                (0x02, 0x02, 0xff) | (0xe0, 0x01, 0x03) | (0xef, 0x04 | 0x01, 0x01)
            ),
        }
    }
}

/// Which protocol is taken when a device speaks both.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Preference {
    /// ECM, else RNDIS.
    #[default]
    EcmFirst,
    /// RNDIS, else ECM.
    RndisFirst,
}

impl Preference {
    /// From the boot argument's value, `ecm` or `rndis`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "ecm" => Some(Self::EcmFirst),
            "rndis" => Some(Self::RndisFirst),
            _ => None,
        }
    }

    const fn order(self) -> [Protocol; 2] {
        match self {
            Self::EcmFirst => [Protocol::Ecm, Protocol::Rndis],
            Self::RndisFirst => [Protocol::Rndis, Protocol::Ecm],
        }
    }
}

/// An Ethernet function and all that is needed to bring it up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match {
    /// How to speak to it.
    pub protocol: Protocol,
    /// bConfigurationValue of the configuration it is in.
    pub configuration: u8,
    /// The control interface.
    pub control_interface: u8,
    /// The data interface.
    pub data_interface: u8,
    /// The alternate setting of the data interface that has the endpoints.
    pub data_alternate: u8,
    /// Whether the data interface has more than one setting.
    pub has_alternates: bool,
    /// Frames from the device.
    pub bulk_in: EndpointDescriptor,
    /// Frames to the device.
    pub bulk_out: EndpointDescriptor,
    /// Notifications.
    pub notification: Option<EndpointDescriptor>,
    /// The Ethernet functional descriptor; RNDIS has none.
    pub ethernet: Option<EthernetDescriptor>,
}

/// Looks for an Ethernet function in all configurations.
pub fn probe(descriptors: &DescriptorSet, preference: Preference) -> Option<Match> {
    preference.order().into_iter().find_map(|protocol| {
        descriptors.configurations().find_map(|configuration| {
            configuration
                .interfaces()
                .filter(|interface| protocol.matches(interface.class))
                .find_map(|control| function(&configuration, &control, protocol))
        })
    })
}

/// The function that `control` is the control interface of.
fn function(
    configuration: &Configuration<'_>,
    control: &Interface<'_>,
    protocol: Protocol,
) -> Option<Match> {
    let class_descriptors = || configuration.class_descriptors(control.number);
    let union = class_descriptors().find_map(UnionDescriptor::parse);
    let named = union.map(|union| {
        // Some devices have the two the wrong way round.
        if union.control == control.number { union.subordinate } else { union.control }
    });
    let associated = configuration
        .associations()
        .find(|association| association.first == control.number && association.count >= 2)
        .map(|association| association.first.wrapping_add(1));
    let next = Some(control.number.wrapping_add(1));
    let (data, bulk_in, bulk_out) = [named, associated, next]
        .into_iter()
        .flatten()
        .filter(|number| *number != control.number)
        .find_map(|number| data_setting(configuration, number))?;
    Some(Match {
        protocol,
        configuration: configuration.value(),
        control_interface: control.number,
        data_interface: data.number,
        data_alternate: data.alternate,
        has_alternates: configuration.alternates(data.number).count() > 1,
        bulk_in,
        bulk_out,
        notification: control.endpoint(EndpointKind::Interrupt, Direction::In),
        ethernet: class_descriptors().find_map(EthernetDescriptor::parse),
    })
}

/// The first setting of interface `number` that has a bulk endpoint each way.
fn data_setting<'a>(
    configuration: &Configuration<'a>,
    number: u8,
) -> Option<(Interface<'a>, EndpointDescriptor, EndpointDescriptor)> {
    configuration
        .alternates(number)
        .filter(|setting| setting.class.class == CLASS_CDC_DATA)
        .find_map(|setting| {
            let bulk_in = setting.endpoint(EndpointKind::Bulk, Direction::In)?;
            let bulk_out = setting.endpoint(EndpointKind::Bulk, Direction::Out)?;
            Some((setting, bulk_in, bulk_out))
        })
}
