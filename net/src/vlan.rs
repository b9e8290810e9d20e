//! Virtual LANs (IEEE 802.1Q): several links on one cable, told apart by a tag in each frame.
//!
//! Each is an interface of its own, on top of the one that has the cable: with its own addresses,
//! neighbors, groups and routers. Only the ends of a frame's way are shared:
//!
//! ```text
//!   usb0 ── admit_frame ─┬─ no tag, or a priority tag ─► ipv6_input as usb0
//!                        └─ tag 5: untag ─► admit_frame as usb0.5 ─► ipv6_input as usb0.5
//!   usb0.5 ─ transmit_frame ─ Traffic::queue: tag ─► the queue of usb0 ─► driver
//! ```
//!
//! So the driver sees tagged frames of one interface and knows of no VLAN. All priority code points
//! are 0 on the way out and ignored on the way in; the DSCP of a packet is left alone.

use crate::buffer::PacketBuffer;
use crate::counters::DropReason;
use crate::interface::InterfaceIndex;
use crate::interface_table::Traffic;
use crate::tap::{Tap, Tapped};
use crate::wire::ethernet::{EtherType, EthernetHeader};
use crate::wire::vlan::{VlanId, VlanTag};

/// Which virtual LAN an interface is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Vlan {
    /// The interface whose cable it shares.
    pub parent: InterfaceIndex,
    /// Which one on that cable.
    pub id: VlanId,
}

/// Octets of the two addresses of a frame, behind which the tag is.
const ADDRESSES: usize = 12;

/// Takes the tag out of a frame that has one: the addresses move to the type behind it.
pub(crate) fn untag(frame: &mut impl PacketBuffer) -> Result<VlanTag, DropReason> {
    let behind = frame.data().get(EthernetHeader::LEN..).ok_or(DropReason::FrameTooShort)?;
    let (tag, _) = VlanTag::parse(behind).map_err(|_| DropReason::FrameTooShort)?;
    if tag.id == VlanId::RESERVED {
        return Err(DropReason::FrameVlanReserved);
    }
    if matches!(tag.ethertype, EtherType::VLAN | EtherType::SERVICE_VLAN) {
        return Err(DropReason::FrameVlanStacked);
    }
    frame.data_mut().copy_within(..ADDRESSES, VlanTag::LEN);
    frame.trim_front(VlanTag::LEN);
    Ok(tag)
}

/// Puts a tag of priority 0 into a frame; false without room for it.
pub(crate) fn tag(frame: &mut impl PacketBuffer, id: VlanId) -> bool {
    if frame.prepend(VlanTag::LEN).is_none() {
        return false;
    }
    let data = frame.data_mut();
    data.copy_within(VlanTag::LEN..VlanTag::LEN + ADDRESSES, 0);
    // The frame's own type stays where it is, behind the tag: a tag is a type and what belongs to it.
    let [type_high, type_low] = EtherType::VLAN.0.to_be_bytes();
    let [id_high, id_low] = id.get().to_be_bytes();
    data[ADDRESSES..ADDRESSES + VlanTag::LEN]
        .copy_from_slice(&[type_high, type_low, id_high, id_low]);
    true
}

impl<B: PacketBuffer> Traffic<'_, B> {
    /// Queues a finished frame for the driver; a VLAN's is tagged and shown to the tap.
    #[inline]
    pub(crate) fn queue(&mut self, frame: B, tap: Option<Tap>) -> Result<(), DropReason> {
        let frame = match self.vlan {
            None => frame,
            Some(id) => self.leave(frame, id, tap)?,
        };
        self.transmit.push_back(frame).map_err(|_| DropReason::TransmitQueueFull)
    }

    /// The last that a VLAN's interface sees of a frame. Drivers count those of other interfaces.
    fn leave(&mut self, mut frame: B, id: VlanId, tap: Option<Tap>) -> Result<B, DropReason> {
        let link = &mut self.counters.link;
        link.transmit_frames += 1;
        link.transmit_octets += frame.len() as u64;
        if let (Some(tap), Some(mac)) = (tap, self.mac) {
            let interface = self.index;
            tap(Tapped::Vlan { interface, mac, outgoing: true, frame: frame.data() });
        }
        if tag(&mut frame, id) { Ok(frame) } else { Err(DropReason::NoBuffer) }
    }
}

#[cfg(test)]
mod tests;
