//! The way of a packet whose path is known: the headers, and off to the neighbor, the group or back
//! to this node. Finding the path is in [`crate::ipv6_output`].

use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::{DropReason, Ipv6Counters};
use crate::interface::InterfaceIndex;
use crate::interface_table::{Cable, InterfaceTable};
use crate::ipv6_output::{Outgoing, Path};
use crate::neighbor::{NeighborCache, Output, Sender};
use crate::netif::MacAddress;
use crate::random::Random;
use crate::stack::{LocalPacket, Stack};
use crate::time::Instant;
use crate::wire::ethernet::{EtherType, EthernetHeader, multicast_mac};
use crate::wire::ipv6::{Ipv6Header, NextHeader};

impl Outgoing {
    /// The header in front of `length` octets.
    #[inline]
    pub(crate) const fn header(&self, length: usize) -> Ipv6Header {
        Ipv6Header {
            traffic_class: self.traffic_class,
            flow_label: self.flow_label,
            payload_length: length as u16,
            next_header: self.next_header,
            hop_limit: self.hop_limit,
            source: self.source,
            destination: self.destination,
        }
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Sends a packet whose window is the transport segment, checksum and all. What is lost on
    /// the way is counted.
    pub(crate) fn send_packet(
        &mut self,
        outgoing: &Outgoing,
        hop: &Path,
        packet: P::Buffer,
        now: Instant,
    ) {
        let Self { neighbors, interfaces, .. } = self;
        if let Err(packet) = send_ready(neighbors, interfaces, outgoing, hop, packet, now) {
            self.send_unready(outgoing, hop, packet, now);
        }
    }

    /// The same for a packet that [`send_ready`] gave back.
    pub(crate) fn send_unready(
        &mut self,
        outgoing: &Outgoing,
        hop: &Path,
        packet: P::Buffer,
        now: Instant,
    ) {
        let Some(packet) = self.put_header(outgoing, hop.interface, packet) else { return };
        self.send_finished(outgoing, hop, packet, now);
    }

    /// Sends a packet that has its IPv6 header and is counted.
    pub(crate) fn send_finished(
        &mut self,
        outgoing: &Outgoing,
        hop: &Path,
        packet: P::Buffer,
        now: Instant,
    ) {
        if outgoing.destination.is_multicast() {
            return self.send_multicast(outgoing, hop, packet);
        }
        if hop.local {
            return self.send_local(hop.interface, packet);
        }
        if hop.avoided.is_none()
            && let Some(mac) = self.neighbors.ready((hop.interface, hop.next_hop), now)
        {
            return self.transmit_frame(hop.interface, mac, packet, outgoing.urgency);
        }
        self.send_to_neighbor(outgoing, hop, packet, now);
    }

    /// The same for a packet that has its IPv6 header and that [`send_headed`] gave back.
    pub(crate) fn send_headed_unready(
        &mut self,
        outgoing: &Outgoing,
        hop: &Path,
        packet: P::Buffer,
        now: Instant,
    ) {
        if let Some(counters) = self.interface_counters(hop.interface) {
            note_headed(hop.interface, &mut counters.ipv6, outgoing, packet.len());
        }
        self.send_finished(outgoing, hop, packet, now);
    }

    /// Sends a packet whose window is the transport segment to a station.
    pub(crate) fn send_to_station(
        &mut self,
        outgoing: &Outgoing,
        index: InterfaceIndex,
        station: MacAddress,
        packet: P::Buffer,
    ) {
        let sent = send_framed(&mut self.interfaces, outgoing, index, station, packet);
        // What is in the way is found, and counted, step by step.
        if let Err(packet) = sent
            && let Some(packet) = self.put_header(outgoing, index, packet)
        {
            self.transmit_frame(index, station, packet, outgoing.urgency);
        }
    }

    /// Sends a packet to a neighbor that may have to be resolved first, or is only the second
    /// choice.
    fn send_to_neighbor(
        &mut self,
        outgoing: &Outgoing,
        hop: &Path,
        packet: P::Buffer,
        now: Instant,
    ) {
        if let Some(router) = hop.avoided {
            self.on_avoided_router(router, outgoing.source, now);
        }
        let neighbor = (hop.interface, hop.next_hop);
        let sender = outgoing.urgency.sender();
        self.make_neighbor_room(neighbor, sender, now);
        match self.neighbors.output(neighbor, packet, (outgoing.source, sender), now) {
            Output::Transmit(packet, mac) => {
                self.transmit_frame(hop.interface, mac, packet, outgoing.urgency);
            }
            Output::TransmitUnanswered(packet, mac, since) => {
                let patience = crate::neighbor::patience(self.timers(hop.interface));
                if sender == Sender::Program && now >= since + patience {
                    self.fail_packet(hop.interface, packet.data(), now);
                }
                self.transmit_frame(hop.interface, mac, packet, outgoing.urgency);
                self.poll_neighbors(now);
            }
            Output::Queued(oldest) => {
                if oldest.is_some() {
                    self.drop_transmit(hop.interface, DropReason::NeighborQueueFull);
                }
                if self.detour(outgoing, hop) {
                    return;
                }
                // Ask at once, not at the next poll.
                self.poll_neighbors(now);
            }
            Output::Full(_packet) => {
                self.drop_transmit(hop.interface, DropReason::NeighborCacheFull);
            }
        }
    }

    /// Puts the IPv6 header in front of a transport segment and counts the packet.
    pub(crate) fn put_header(
        &mut self,
        outgoing: &Outgoing,
        index: InterfaceIndex,
        mut packet: P::Buffer,
    ) -> Option<P::Buffer> {
        let header = outgoing.header(packet.len());
        let fragment = is_fragment(header.next_header, &packet);
        let Some(room) = packet.prepend(Ipv6Header::LEN) else {
            self.drop_transmit(index, DropReason::NoBuffer);
            return None;
        };
        header.emit(room);
        trace_out(index, &header, packet.len());
        if let Some(counters) = self.interface_counters(index) {
            count_sent(&mut counters.ipv6, &header, fragment, packet.len());
        }
        Some(packet)
    }

    fn send_multicast(&mut self, outgoing: &Outgoing, hop: &Path, packet: P::Buffer) {
        if hop.local {
            return self.send_local(hop.interface, packet);
        }
        let member = self
            .interface(hop.interface)
            .is_some_and(|interface| interface.listener.is_member(outgoing.destination));
        if outgoing.multicast_loop && member {
            match self.copy_of(packet.data()) {
                Some(copy) => self.queue_local(hop.interface, copy),
                None => self.count_drop(Some(hop.interface), DropReason::NoBuffer),
            }
        }
        let mac = multicast_mac(outgoing.destination);
        self.transmit_frame(hop.interface, mac, packet, outgoing.urgency);
    }

    /// Sends a packet from this node to itself.
    pub(crate) fn send_local(&mut self, interface: InterfaceIndex, packet: P::Buffer) {
        self.tap_local(&packet);
        self.queue_local(interface, packet);
    }

    /// Puts a packet into the queue of those that come back to this node.
    fn queue_local(&mut self, interface: InterfaceIndex, packet: P::Buffer) {
        let len = packet.len() as u64;
        if self.local.push_back(LocalPacket { interface, packet }).is_err() {
            return self.drop_transmit(interface, DropReason::LocalQueueFull);
        }
        if let Some(counters) = self.interface_counters(InterfaceIndex::LOOPBACK) {
            counters.ipv6.out_transmits += 1;
            let link = &mut counters.link;
            link.transmit_frames += 1;
            link.transmit_octets += len;
            link.receive_frames += 1;
            link.receive_octets += len;
        }
    }
}

/// Sends a packet whose window is the transport segment as nearly all are sent: to a neighbor that
/// is there, by an interface that has room. Gives others back as they were.
///
/// It is told what it needs of the stack, so that plans need not be copied out of their memo.
#[inline]
pub(crate) fn send_ready<B: PacketBuffer>(
    neighbors: &mut NeighborCache<B>,
    interfaces: &mut InterfaceTable<B>,
    outgoing: &Outgoing,
    hop: &Path,
    packet: B,
    now: Instant,
) -> Result<(), B> {
    if outgoing.destination.is_multicast() || hop.local || hop.avoided.is_some() {
        return Err(packet);
    }
    let Some(mac) = neighbors.ready((hop.interface, hop.next_hop), now) else {
        return Err(packet);
    };
    send_framed(interfaces, outgoing, hop.interface, mac, packet)
}

/// Puts both headers in front of a transport segment at once and queues it for the driver. Gives it
/// back as it was if the interface or the buffer has no room.
#[inline]
pub(crate) fn send_framed<B: PacketBuffer>(
    interfaces: &mut InterfaceTable<B>,
    outgoing: &Outgoing,
    index: InterfaceIndex,
    station: MacAddress,
    mut packet: B,
) -> Result<(), B> {
    let length = packet.len();
    let fragment = is_fragment(outgoing.next_header, &packet);
    let limit = outgoing.urgency.transmit_limit();
    let Some(mut cable) = interfaces.cable(index, limit) else { return Err(packet) };
    let Some(Ok(room)) = packet.prepend(FRAME_HEADERS).map(TryInto::try_into) else {
        return Err(packet);
    };
    cable.head(outgoing, station, (length, fragment), room);
    cable.transmit.push_back(packet)
}

/// [`send_ready`] for a packet that has its IPv6 header, which is that of `outgoing`.
#[inline]
pub(crate) fn send_headed<B: PacketBuffer>(
    neighbors: &mut NeighborCache<B>,
    interfaces: &mut InterfaceTable<B>,
    outgoing: &Outgoing,
    hop: &Path,
    mut packet: B,
    now: Instant,
) -> Result<(), B> {
    if hop.local || hop.avoided.is_some() {
        return Err(packet);
    }
    let Some(destination) = neighbors.ready((hop.interface, hop.next_hop), now) else {
        return Err(packet);
    };
    let limit = outgoing.urgency.transmit_limit();
    let Some(cable) = interfaces.cable(hop.interface, limit) else { return Err(packet) };
    let length = packet.len();
    let Some(room) = packet.prepend(EthernetHeader::LEN) else { return Err(packet) };
    cable.frame_header(destination).emit(room);
    let Cable { transmit, counters, .. } = cable;
    note_headed(hop.interface, &mut counters.ipv6, outgoing, length);
    counters.ipv6.out_transmits += 1;
    transmit.push_back(packet)
}

/// Octets of what every frame begins with: Ethernet and IPv6 header.
pub(crate) const FRAME_HEADERS: usize = EthernetHeader::LEN + Ipv6Header::LEN;

impl<B> Cable<'_, B> {
    /// Writes what is in front of `length` octets to a station, which may be a fragment, and counts
    /// the packet as sent.
    #[inline]
    pub(crate) fn head(
        &mut self,
        outgoing: &Outgoing,
        station: MacAddress,
        (length, fragment): (usize, bool),
        room: &mut [u8; FRAME_HEADERS],
    ) {
        let header = outgoing.header(length);
        let (frame_header, packet_header) = room.split_at_mut(EthernetHeader::LEN);
        self.frame_header(station).emit(frame_header);
        header.emit(packet_header);
        trace_out(self.index, &header, Ipv6Header::LEN + length);
        count_sent(&mut self.counters.ipv6, &header, fragment, Ipv6Header::LEN + length);
        self.counters.ipv6.out_transmits += 1;
    }

    #[inline]
    const fn frame_header(&self, destination: MacAddress) -> EthernetHeader {
        EthernetHeader { destination, source: self.mac, ethertype: EtherType::IPV6 }
    }
}

/// Traces and counts a packet of `len` octets whose header is that of `outgoing`.
#[inline]
fn note_headed(index: InterfaceIndex, ipv6: &mut Ipv6Counters, outgoing: &Outgoing, len: usize) {
    let header = outgoing.header(len - Ipv6Header::LEN);
    trace_out(index, &header, len);
    // Neither a segment nor an answer has its header before it is cut into fragments.
    count_sent(ipv6, &header, false, len);
}

#[cfg_attr(not(feature = "defmt"), expect(unused_variables, reason = "nothing is traced"))]
#[inline]
fn trace_out(index: InterfaceIndex, header: &Ipv6Header, len: usize) {
    trace!(
        "ipv6 out on {=u32}: {} to {}, next header {=u8}, {=usize} octets",
        index.get(),
        header.source,
        header.destination,
        header.next_header.0,
        len
    );
}

/// Whether what follows the IPv6 header is a fragment, with hop-by-hop options in front or not.
#[inline]
fn is_fragment<B: PacketBuffer>(next_header: NextHeader, packet: &B) -> bool {
    match next_header {
        NextHeader::HOP_BY_HOP => packet.data().first() == Some(&NextHeader::FRAGMENT.0),
        next_header => next_header == NextHeader::FRAGMENT,
    }
}

/// Counts a packet of `len` octets that got its header.
#[inline]
fn count_sent(ipv6: &mut Ipv6Counters, header: &Ipv6Header, fragment: bool, len: usize) {
    // Packets in fragments are counted once, where they are fragmented.
    ipv6.out_requests += u64::from(!fragment);
    ipv6.out_octets += len as u64;
    if header.destination.is_multicast() {
        ipv6.out_multicast_packets += 1;
        ipv6.out_multicast_octets += len as u64;
    }
}
