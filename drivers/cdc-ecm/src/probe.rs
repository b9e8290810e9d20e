//! Finding the Ethernet function of a device, in whichever configuration it is.
//!
//! Adapters often have several configurations: a vendor's own first, class-conforming ones behind
//! it, in no dependable order. So all are looked at. Descriptors in the field are careless; where
//! a union descriptor is missing, swapped or points nowhere, the neighborhood decides.

use crate::functional::{EthernetDescriptor, NcmDescriptor, UnionDescriptor};
use crate::protocol::{Preference, Protocol};
use smsc_lan::Model;
use usb_core::descriptor::{
    Configuration, DescriptorSet, EndpointDescriptor, EndpointKind, Interface,
};
use usb_core::pipe::Direction;

/// CDC data interface class (CDC 1.2 table 6).
const CLASS_CDC_DATA: u8 = 0x0a;

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
    /// The Ethernet functional descriptor; RNDIS and EEM have none.
    pub ethernet: Option<EthernetDescriptor>,
    /// The NCM functional descriptor.
    pub ncm: Option<NcmDescriptor>,
}

/// Looks for an Ethernet function in all configurations.
pub fn probe(descriptors: &DescriptorSet, preference: Preference) -> Option<Match> {
    candidates(descriptors, preference).next()
}

/// The first function of each protocol that the device speaks, the preferred one in front. A
/// vendor's protocol comes last: it is for devices that speak nothing else.
pub fn candidates(
    descriptors: &DescriptorSet,
    preference: Preference,
) -> impl Iterator<Item = Match> {
    let of_vendor = core::iter::once_with(|| of_vendor(descriptors)).flatten();
    let of_class = preference.order().filter_map(|protocol| {
        descriptors.configurations().find_map(|configuration| {
            configuration
                .interfaces()
                .filter(|interface| protocol.matches(interface.class))
                .find_map(|control| function(&configuration, &control, protocol))
        })
    });
    of_class.chain(of_vendor)
}

/// The function of a chip that is known by its number: the first interface with a bulk endpoint
/// each way.
fn of_vendor(descriptors: &DescriptorSet) -> Option<Match> {
    let device = descriptors.device();
    let model = Model::of(device.vendor, device.product)?;
    descriptors.configurations().find_map(|configuration| {
        configuration
            .interfaces()
            .find_map(|interface| single(&configuration, &interface, Protocol::Smsc(model)))
    })
}

/// The function that `control` is the control interface of.
fn function(
    configuration: &Configuration<'_>,
    control: &Interface<'_>,
    protocol: Protocol,
) -> Option<Match> {
    if protocol == Protocol::Eem {
        return single(configuration, control, protocol);
    }
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
        .find_map(|number| data_setting(configuration, number))
        .or_else(|| combined_setting(configuration, control, union?))?;
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
        ncm: class_descriptors().find_map(NcmDescriptor::parse),
    })
}

/// A function that is a single interface: EEM, and the vendors'.
fn single(
    configuration: &Configuration<'_>,
    interface: &Interface<'_>,
    protocol: Protocol,
) -> Option<Match> {
    Some(Match {
        protocol,
        configuration: configuration.value(),
        control_interface: interface.number,
        data_interface: interface.number,
        data_alternate: interface.alternate,
        has_alternates: configuration.alternates(interface.number).count() > 1,
        bulk_in: interface.endpoint(EndpointKind::Bulk, Direction::In)?,
        bulk_out: interface.endpoint(EndpointKind::Bulk, Direction::Out)?,
        notification: interface.endpoint(EndpointKind::Interrupt, Direction::In),
        ethernet: None,
        ncm: None,
    })
}

/// The setting of a control interface that is the data interface as well: its union descriptor
/// names it twice, and only a later setting has the bulk endpoints (Huawei's NCM routers).
fn combined_setting<'a>(
    configuration: &Configuration<'a>,
    control: &Interface<'_>,
    union: UnionDescriptor,
) -> Option<(Interface<'a>, EndpointDescriptor, EndpointDescriptor)> {
    if (union.control, union.subordinate) != (control.number, control.number) {
        return None;
    }
    configuration
        .alternates(control.number)
        .filter(|setting| setting.alternate != 0)
        .find_map(|setting| with_bulk_endpoints(setting))
}

/// The first setting of interface `number` that has a bulk endpoint each way.
fn data_setting<'a>(
    configuration: &Configuration<'a>,
    number: u8,
) -> Option<(Interface<'a>, EndpointDescriptor, EndpointDescriptor)> {
    configuration
        .alternates(number)
        .filter(|setting| setting.class.class == CLASS_CDC_DATA)
        .find_map(|setting| with_bulk_endpoints(setting))
}

/// A setting and its bulk endpoints, if it has one each way.
fn with_bulk_endpoints(
    setting: Interface<'_>,
) -> Option<(Interface<'_>, EndpointDescriptor, EndpointDescriptor)> {
    let bulk_in = setting.endpoint(EndpointKind::Bulk, Direction::In)?;
    let bulk_out = setting.endpoint(EndpointKind::Bulk, Direction::Out)?;
    Some((setting, bulk_in, bulk_out))
}
