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
use crate::wire::ethernet::{EtherType, EthernetHeader};

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// A frame was received.
    pub fn input(&mut self, index: InterfaceIndex, frame: P::Buffer, now: Instant) {
        if let Err(reason) = self.frame_input(index, frame, now) {
            self.count_drop(Some(index), reason);
        }
        self.finish(now);
    }

    fn frame_input(
        &mut self,
        index: InterfaceIndex,
        mut frame: P::Buffer,
        now: Instant,
    ) -> Result<(), DropReason> {
        let traffic = self.interfaces.traffic(index).ok_or(DropReason::InterfaceDown)?;
        let link = &mut traffic.counters.link;
        link.receive_frames += 1;
        link.receive_octets += frame.len() as u64;
        let mac = traffic.mac.filter(|_| traffic.admin_up).ok_or(DropReason::InterfaceDown)?;
        let (header, payload) =
            EthernetHeader::parse(frame.data()).map_err(|_| DropReason::FrameTooShort)?;
        let link_multicast = header.destination.is_multicast();
        if !link_multicast && header.destination != mac {
            return Err(DropReason::FrameForeignDestination);
        }
        link.receive_multicast += u64::from(link_multicast);
        match header.ethertype {
            EtherType::IPV6 => {}
            EtherType::VLAN => return Err(DropReason::FrameVlanTag),
            _ => return Err(DropReason::FrameNotIpv6),
        }
        if payload.len() > usize::from(traffic.device_mtu).max(MINIMUM_PAYLOAD) {
            return Err(DropReason::FrameTooLong);
        }
        if traffic.disabled {
            return Err(DropReason::Ipv6Disabled);
        }
        frame.trim_front(EthernetHeader::LEN);
        self.ipv6_input(Arrival { interface: index, link_multicast, looped: false }, frame, now);
        Ok(())
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
        let Some(Traffic { mac: Some(source), transmit, counters, .. }) = traffic else {
            return self.drop_transmit(index, DropReason::TransmitInterfaceDown);
        };
        if transmit.len() >= urgency.transmit_limit() {
            return self.drop_transmit(index, DropReason::TransmitQueueFull);
        }
        let Some(room) = packet.prepend(EthernetHeader::LEN) else {
            return self.drop_transmit(index, DropReason::NoBuffer);
        };
        EthernetHeader { destination, source, ethertype: EtherType::IPV6 }.emit(room);
        counters.ipv6.out_transmits += 1;
        if transmit.push_back(packet).is_err() {
            self.drop_transmit(index, DropReason::TransmitQueueFull);
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
