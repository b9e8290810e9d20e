//! The part of RTM_*LINK that is about VLANs: IFLA_LINK, and IFLA_LINKINFO of kind `vlan`.

use super::link;
use super::message::{Attributes, Builder, read_u16, read_u32};
use super::request::Refusal;
use crate::syscall::errno::Errno;
use ::net::interface::{InterfaceError, InterfaceIndex};
use ::net::vlan::Vlan;
use ::net::wire::ethernet::EtherType;
use ::net::wire::vlan::VlanId;
use linux_raw_sys::netlink::{
    IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINK, IFLA_LINKINFO, IFLA_VLAN_EGRESS_QOS,
    IFLA_VLAN_FLAGS, IFLA_VLAN_ID, IFLA_VLAN_INGRESS_QOS, IFLA_VLAN_PROTOCOL,
};

/// The kind of interface, in IFLA_INFO_KIND.
const KIND: &str = "vlan";

// The flags in IFLA_VLAN_FLAGS (linux/if_vlan.h), which the crate with the other constants lacks.
/// VLAN_FLAG_REORDER_HDR: captured frames have no tag. They never have here.
const REORDER_HEADER: u32 = 0x1;
/// All that Linux knows: also GVRP, LOOSE_BINDING, MVRP and BRIDGE_BINDING.
const FLAGS: u32 = 0x1f;

/// Which VLAN a request for a new interface means. What is not possible here is `EOPNOTSUPP`: other
/// kinds of interfaces, other behavior, maps of priorities.
pub(super) fn parse(attributes: &Attributes<'_>) -> Result<Vlan, Refusal> {
    let other = Refusal::new(Errno::OPNOTSUPP, "Of the types of links only vlan can be added");
    let info = attributes.get(IFLA_LINKINFO as u32).map(Attributes::within).ok_or(other)?;
    if info.get_string(IFLA_INFO_KIND as u32) != Some(KIND.as_bytes()) {
        return Err(other);
    }
    let missing = Refusal::new(Errno::INVAL, "A VLAN needs its number (id)");
    let data = info.get(IFLA_INFO_DATA as u32).map(Attributes::within).ok_or(missing)?;
    if let Some(protocol) = data.get(IFLA_VLAN_PROTOCOL as u32)
        && read_u16(protocol, 0).map(u16::from_be) != Some(EtherType::VLAN.0)
    {
        return Err(Refusal::new(Errno::PROTONOSUPPORT, "Tags are of 802.1Q only"));
    }
    let id = data.get(IFLA_VLAN_ID as u32).and_then(|value| read_u16(value, 0)).ok_or(missing)?;
    let id = VlanId::new(id).ok_or(Refusal::new(Errno::RANGE, "A VLAN's number is 1 to 4094"))?;
    if let Some(value) = data.get(IFLA_VLAN_FLAGS as u32) {
        let (flags, mask) = read_u32(value, 0).zip(read_u32(value, 4)).ok_or(Errno::INVAL)?;
        if flags & mask & !FLAGS != 0 {
            return Err(Errno::INVAL.into());
        }
        if flags & mask != mask & REORDER_HEADER {
            let words = "Of a VLAN's flags only reorder_hdr is known, and always on";
            return Err(Refusal::new(Errno::OPNOTSUPP, words));
        }
    }
    let maps = [IFLA_VLAN_INGRESS_QOS, IFLA_VLAN_EGRESS_QOS];
    if maps.iter().any(|kind| data.get(*kind as u32).is_some()) {
        let words = "Priorities of VLANs are not mapped: they are 0";
        return Err(Refusal::new(Errno::OPNOTSUPP, words));
    }
    let nowhere = Refusal::new(Errno::INVAL, "A VLAN needs a link below it (link)");
    let parent = attributes.get_u32(IFLA_LINK as u32).ok_or(nowhere)?;
    let parent = InterfaceIndex::new(parent).ok_or(Errno::NODEV)?;
    Ok(Vlan { parent, id })
}

/// Why the stack refused to make one.
pub(super) const fn refusal(error: InterfaceError) -> Refusal {
    let words = match error {
        InterfaceError::NoVlans => "This link can carry no VLANs",
        InterfaceError::VlanTaken => "The link has that VLAN already",
        InterfaceError::TooManyVlans => "There are as many VLANs as there can be",
        // Linux: invalid here, and out of range for a change.
        InterfaceError::MtuBeyondParent => {
            return Refusal::new(Errno::INVAL, "The MTU is beyond that of the link below");
        }
        InterfaceError::ParentDown => "The link below is down",
        InterfaceError::NotFound
        | InterfaceError::NameTaken
        | InterfaceError::BadName
        | InterfaceError::BadMacAddress
        | InterfaceError::BadMtu
        | InterfaceError::TableFull => return Refusal::of(link::errno(error)),
    };
    Refusal::new(link::errno(error), words)
}

/// Appends what a message about an interface says of its VLAN.
pub(super) fn append(builder: &mut Builder, vlan: Vlan) {
    builder.attribute_u32(IFLA_LINK as u32, vlan.parent.get());
    builder.nested(IFLA_LINKINFO as u32, |builder| {
        builder.attribute_string(IFLA_INFO_KIND as u32, KIND);
        builder.nested(IFLA_INFO_DATA as u32, |builder| {
            // In network byte order, unlike the rest.
            builder.attribute(IFLA_VLAN_PROTOCOL as u32, &EtherType::VLAN.0.to_be_bytes());
            builder.attribute_u16(IFLA_VLAN_ID as u32, vlan.id.get());
            // `struct ifla_vlan_flags`: the flags, and which of them count.
            let flags = [REORDER_HEADER, u32::MAX].map(u32::to_ne_bytes).concat();
            builder.attribute(IFLA_VLAN_FLAGS as u32, &flags);
        });
    });
}
