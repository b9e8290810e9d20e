//! Frames in and out of an Ethernet interface (RFC 2464, RFC 6085).

use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::DropReason;
use crate::interface::InterfaceIndex;
use crate::interface_table::Traffic;
use crate::ipv6_input::Arrival;
use crate::ipv6_output::Urgency;
use crate::limits;
use crate::neighbor::Sender;
use crate::netif::MacAddress;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::vlan;
use crate::wire::ethernet::{EtherType, EthernetHeader};
use crate::wire::vlan::VlanId;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// A frame was received.
    pub fn input(&mut self, index: InterfaceIndex, frame: P::Buffer, now: Instant) {
        self.packet_input(index, false, frame, now);
        self.finish(now);
    }

    /// A frame of a burst was received: [`Self::settle`] follows when the driver has no more at
    /// hand, and acknowledgments of data that came in order wait for that.
    ///
    /// So a burst has one acknowledgment, where frame by frame each second segment would have had one.
    /// RFC 5681, Section 4.2, says SHOULD there, for the sake of the sender's clock; what is received
    /// in one go clocks nothing, and receivers that join segments before TCP sees them do the same.
    pub fn input_in_burst(&mut self, index: InterfaceIndex, frame: P::Buffer, now: Instant) {
        self.tcp.in_burst = true;
        self.packet_input(index, false, frame, now);
        // What the node says to itself belongs to no burst.
        self.tcp.in_burst = false;
        self.finish(now);
    }

    /// The burst is over: sends what waited for that.
    pub fn settle(&mut self, now: Instant) {
        if core::mem::take(&mut self.tcp.burst_pending) {
            self.tcp.pending_due = true;
            self.tcp_flush_pending(now);
            self.finish(now);
        }
    }

    /// A frame of an interface, which for a VLAN is without its tag; or a packet from this node to
    /// itself, which is in no frame. One way in for both: a call more on the way of every packet
    /// would move its buffer once more.
    pub(crate) fn packet_input(
        &mut self,
        index: InterfaceIndex,
        looped: bool,
        mut packet: P::Buffer,
        now: Instant,
    ) {
        let (link_header, link_multicast) = if looped {
            (0, false)
        } else {
            match self.admit_frame(index, &mut packet) {
                Ok(Admitted::Packet { link_multicast }) => (EthernetHeader::LEN, link_multicast),
                Ok(Admitted::Vlan(vlan)) => return self.vlan_input(vlan, packet, now),
                Err(reason) => return self.count_drop(Some(index), reason),
            }
        };
        let arrival = Arrival { interface: index, link_multicast, looped };
        self.ipv6_input(arrival, link_header, packet, now);
    }

    /// A frame of a VLAN, without its tag. There are no VLANs in VLANs, so this happens once.
    #[inline(never)]
    fn vlan_input(&mut self, vlan: InterfaceIndex, frame: P::Buffer, now: Instant) {
        self.tap_vlan(vlan, &frame);
        self.packet_input(vlan, false, frame, now);
    }

    #[inline]
    fn admit_frame(
        &mut self,
        index: InterfaceIndex,
        frame: &mut P::Buffer,
    ) -> Result<Admitted, DropReason> {
        let reception = self.interfaces.reception(index).ok_or(DropReason::InterfaceDown)?;
        let link = &mut reception.counters.link;
        link.receive_frames += 1;
        link.receive_octets += frame.len() as u64;
        let mac = reception.mac.ok_or(DropReason::InterfaceDown)?;
        let (device_mtu, disabled) = (reception.device_mtu, reception.disabled);
        let (mut header, payload) =
            EthernetHeader::parse(frame.data()).map_err(|_| DropReason::FrameTooShort)?;
        let mut payload_length = payload.len();
        let link_multicast = header.destination.is_multicast();
        link.receive_multicast += u64::from(link_multicast);
        if header.ethertype == EtherType::VLAN {
            let tag = vlan::untag(frame)?;
            if tag.id != VlanId::PRIORITY_ONLY {
                let found = self.interfaces.find_vlan(index, tag.id);
                return found.map(Admitted::Vlan).ok_or(DropReason::FrameVlanUnknown);
            }
            header.ethertype = tag.ethertype;
            payload_length = frame.len() - EthernetHeader::LEN;
        }
        if !link_multicast && header.destination != mac {
            return Err(DropReason::FrameForeignDestination);
        }
        match header.ethertype {
            EtherType::IPV6 => {}
            EtherType::SERVICE_VLAN => return Err(DropReason::FrameVlanStacked),
            _ => return Err(DropReason::FrameNotIpv6),
        }
        if payload_length > usize::from(device_mtu).max(MINIMUM_PAYLOAD) {
            return Err(DropReason::FrameTooLong);
        }
        if disabled {
            return Err(DropReason::Ipv6Disabled);
        }
        Ok(Admitted::Packet { link_multicast })
    }

    /// Puts a packet into an Ethernet frame and queues it for the driver.
    pub(crate) fn transmit_frame(
        &mut self,
        index: InterfaceIndex,
        destination: MacAddress,
        mut packet: P::Buffer,
        urgency: Urgency,
    ) {
        let traffic = self.interfaces.traffic(index).filter(Traffic::is_running);
        let Some((mut traffic, source)) =
            traffic.and_then(|found| found.mac.map(|mac| (found, mac)))
        else {
            return self.drop_transmit(index, DropReason::TransmitInterfaceDown);
        };
        if traffic.transmit.len() >= urgency.transmit_limit() {
            return self.drop_transmit(index, DropReason::TransmitQueueFull);
        }
        let Some(room) = packet.prepend(EthernetHeader::LEN) else {
            return self.drop_transmit(index, DropReason::NoBuffer);
        };
        EthernetHeader { destination, source, ethertype: EtherType::IPV6 }.emit(room);
        traffic.counters.ipv6.out_transmits += 1;
        if let Err(reason) = traffic.queue(packet, self.tap) {
            self.drop_transmit(index, reason);
        }
    }

    /// Counts a packet that could not be sent.
    pub(crate) fn drop_transmit(&mut self, index: InterfaceIndex, reason: DropReason) {
        match self.interface_counters(index) {
            Some(counters) => counters.ipv6.out_discards += 1,
            None => self.counters.ipv6.out_discards += 1,
        }
        self.count_drop(Some(index), reason);
    }
}

/// What a frame is that may come in.
enum Admitted {
    /// An IPv6 packet behind its Ethernet header.
    Packet { link_multicast: bool },
    /// A frame of this VLAN's interface.
    Vlan(InterfaceIndex),
}

/// Padding can make a frame's payload this long whatever the MTU.
const MINIMUM_PAYLOAD: usize = 46;

impl Urgency {
    /// For whom the neighbor cache resolves the next hop.
    pub(crate) const fn sender(self) -> Sender {
        match self {
            Self::User => Sender::Program,
            Self::Control => Sender::Answer,
        }
    }

    /// How full an interface's queue may be for a packet to be queued.
    pub(crate) const fn transmit_limit(self) -> usize {
        match self {
            Self::User => limits::TRANSMIT_QUEUE - limits::TRANSMIT_RESERVE,
            Self::Control => limits::TRANSMIT_QUEUE,
        }
    }
}
