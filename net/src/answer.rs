//! What is asked of a host most often, echo requests and Neighbor Solicitations, answered in the
//! packet that asked: it turns around where it lies.
//!
//! Only plain questions are answered here, those without a doubt about them. All others, and
//! those that teach the neighbor cache something, are given back and take the long way through
//! [`crate::wire::icmpv6::Icmpv6Message`], whose answers are the same.

use crate::address::AddressExt;
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::counters::DropReason;
use crate::interface::InterfaceIndex;
use crate::ipv6_input::Received;
use crate::ipv6_output::{Path, place};
use crate::ipv6_transmit::send_ready;
use crate::ndp::ndp_outgoing;
use crate::netif::{FRAME_ALIGNMENT, FRAME_HEADROOM, MacAddress};
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::unicast::InterfaceAddress;
use crate::wire::checksum;
use crate::wire::ethernet::EthernetHeader;
use crate::wire::icmpv6::{self, Icmpv6Type};
use crate::wire::ipv6::{HopLimit, Ipv6Header};
use crate::wire::ndp::{PlainAdvertisement, PlainSolicitation};
use core::net::Ipv6Addr;

/// Type and code of an echo request, as the word that the checksum sees.
const REQUEST: u16 = (Icmpv6Type::ECHO_REQUEST.0 as u16) << 8;
/// The same of an echo reply.
const REPLY: u16 = (Icmpv6Type::ECHO_REPLY.0 as u16) << 8;

/// Whether a driver can send a frame from where this received packet lies: then an answer that is
/// not longer needs no other buffer.
#[inline]
fn can_turn<B: PacketBuffer>(packet: &B) -> bool {
    let begin = packet.headroom().checked_sub(EthernetHeader::LEN);
    begin.is_some_and(|begin| begin >= FRAME_HEADROOM && begin.is_multiple_of(FRAME_ALIGNMENT))
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Answers an echo request that came whole, without extension headers, and whose answer goes
    /// in one packet (RFC 4443, Section 4.2). Gives others back.
    #[inline(never)]
    pub(crate) fn answer_echo(
        &mut self,
        received: &Received,
        mut packet: P::Buffer,
        now: Instant,
    ) -> Option<P::Buffer> {
        let request = packet.data().get(Ipv6Header::LEN..).unwrap_or(&[]);
        let plain = request.first_chunk() == Some(&REQUEST.to_be_bytes());
        if !plain || request.len() < icmpv6::HEADER_LEN {
            return Some(packet);
        }
        let question = (self.epoch(), received.interface, received.source, received.destination);
        let place = place(received.source);
        if let Some((_, hop)) = self.replies.find(place, &question)
            && self.destinations.path_mtu((hop.interface, received.source), now).is_none()
        {
            if packet.len() > usize::from(hop.mtu) {
                return Some(packet);
            }
            let interface = hop.interface;
            if self.turn_echo(interface, &mut packet) {
                self.send_known_reply(received, place, packet, now);
            }
            return None;
        }
        // A reply from anycast has another source, and so another checksum.
        if !received.source.is_assignable()
            || received.destination.is_multicast()
            || self.anycast.has(received.interface, received.destination)
        {
            return Some(packet);
        }
        let (outgoing, hop) = self.plan_reply(received, now)?;
        if !hop.local && self.lasts(&hop) {
            self.replies.put(place, question, (outgoing, hop));
        }
        if packet.len() > usize::from(hop.mtu) {
            return Some(packet);
        }
        if self.turn_echo(hop.interface, &mut packet) {
            self.send_packet(&outgoing, &hop, packet, now);
        }
        None
    }

    /// Makes a reply of an echo request, and counts it; false when it is lost.
    #[inline]
    fn turn_echo(&mut self, out: InterfaceIndex, packet: &mut P::Buffer) -> bool {
        if !self.turn(out, packet) {
            return false;
        }
        if let ([kind_and_code, sum, ..], _) = packet.data_mut().as_chunks_mut() {
            // The addresses change places, which the sum does not see.
            *sum = checksum::update(u16::from_be_bytes(*sum), REQUEST, REPLY).to_be_bytes();
            *kind_and_code = REPLY.to_be_bytes();
        }
        self.count_icmpv6_out(out, Icmpv6Type::ECHO_REPLY.0);
        true
    }

    /// Sends a reply as the memo says in this place, if that is still possible.
    #[inline]
    fn send_known_reply(
        &mut self,
        received: &Received,
        place: usize,
        mut answer: P::Buffer,
        now: Instant,
    ) {
        let Self { replies, neighbors, interfaces, .. } = self;
        if let Some((outgoing, hop)) = replies.at(place) {
            match send_ready(neighbors, interfaces, outgoing, hop, answer, now) {
                Ok(()) => return,
                Err(packet) => answer = packet,
            }
        }
        // The neighbor has to be asked for, or the router has failed since.
        if let Some((outgoing, hop)) = self.plan_reply(received, now) {
            self.send_packet(&outgoing, &hop, answer, now);
        }
    }

    /// Answers a solicitation with nothing but a source link-layer address, which is known, for an
    /// address that is ours and was tested (RFC 4861, Section 7.2.4). Gives others back.
    #[inline(never)]
    pub(crate) fn answer_solicitation(
        &mut self,
        received: &Received,
        mut packet: P::Buffer,
        now: Instant,
    ) -> Option<P::Buffer> {
        let index = received.interface;
        let asker = received.source;
        let asked = packet.data().get(Ipv6Header::LEN..).and_then(PlainSolicitation::parse);
        let Some(asked) = asked else { return Some(packet) };
        let doubtful = received.hop_limit != HopLimit::MAX
            || asker.is_unspecified()
            || asked.target.is_multicast()
            || !self.neighbors.knows((index, asker), asked.source);
        let Some((mac, mtu)) = self.speaks_for(index, asked.target).filter(|_| !doubtful) else {
            return Some(packet);
        };
        if !self.turn(index, &mut packet) {
            return None;
        }
        let message = PlainAdvertisement { target: asked.target, mac };
        if let Some(room) = packet.data_mut().first_chunk_mut() {
            message.emit(asker, room);
        }
        self.count_icmpv6_out(index, Icmpv6Type::NEIGHBOR_ADVERTISEMENT.0);
        let hop = Path { interface: index, next_hop: asker, mtu, local: false, avoided: None };
        self.send_packet(&ndp_outgoing(asked.target, asker), &hop, packet, now);
        None
    }

    /// The link-layer address to tell for an address of ours, and the link's MTU; `None` without
    /// either, or while it is not known to be unique.
    fn speaks_for(&self, index: InterfaceIndex, target: Ipv6Addr) -> Option<(MacAddress, u16)> {
        let interface = self.interface(index)?;
        let entry = interface.addresses.get(target)?;
        InterfaceAddress::is_unique(entry).then_some((interface.mac()?, interface.mtu()))
    }

    /// Leaves of a packet its message, in a buffer that its answer can be sent from: the same one
    /// if possible. False, with the loss counted, if there is none.
    #[inline]
    fn turn(&mut self, out: InterfaceIndex, packet: &mut P::Buffer) -> bool {
        if !can_turn(packet) {
            return self.copy_message(out, packet);
        }
        packet.trim_front(Ipv6Header::LEN);
        true
    }

    fn copy_message(&mut self, out: InterfaceIndex, packet: &mut P::Buffer) -> bool {
        let message = packet.data().get(Ipv6Header::LEN..).unwrap_or(&[]);
        let mut copy = self.pool.allocate(PAYLOAD_OFFSET);
        let room = copy.as_mut().and_then(|copy| copy.append(message.len()));
        if let Some(room) = room {
            room.copy_from_slice(message);
        } else {
            copy = None;
        }
        let Some(copy) = copy else {
            if let Some(counters) = self.interface_counters(out) {
                counters.icmpv6.out_errors += 1;
            }
            self.count_drop(Some(out), DropReason::NoBuffer);
            return false;
        };
        *packet = copy;
        true
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
