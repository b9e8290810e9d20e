//! What is asked of a host most often, echo requests and Neighbor Solicitations, answered in the
//! packet that asked: it turns around where it lies, IPv6 header and all.
//!
//! Only plain questions are answered here, those without a doubt about them. All others, and
//! those that teach the neighbor cache something, are given back and take the long way through
//! [`crate::wire::icmpv6::Icmpv6Message`], whose answers are the same.

use crate::address::AddressExt;
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::counters::DropReason;
use crate::interface::InterfaceIndex;
use crate::ipv6_input::Received;
use crate::ipv6_output::{Outgoing, Path, place};
use crate::ipv6_transmit::send_headed;
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

/// Makes an echo reply of an echo request, both with their IPv6 headers.
#[inline]
fn turn_echo(packet: &mut [u8], outgoing: &Outgoing) {
    let Some((header, message)) = packet.split_first_chunk_mut::<{ Ipv6Header::LEN }>() else {
        return;
    };
    outgoing.header(message.len()).emit(header);
    if let ([kind_and_code, sum, ..], _) = message.as_chunks_mut() {
        // The addresses change places, which the sum does not see.
        *sum = checksum::update(u16::from_be_bytes(*sum), REQUEST, REPLY).to_be_bytes();
        *kind_and_code = REPLY.to_be_bytes();
    }
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
        let epoch = self.epoch();
        // Nearly all replies go as the one before, in one step.
        let Self { replies, destinations, neighbors, interfaces, .. } = self;
        let known = replies.find_by(place(received.source), |(then, interface, source, own)| {
            (*then, *interface) == (epoch, received.interface)
                && *source == received.source
                && *own == received.destination
        });
        if let Some((outgoing, hop)) = known
            && destinations.path_mtu((hop.interface, received.source), now).is_none()
            && packet.len() <= usize::from(hop.mtu)
            && can_turn(&packet)
        {
            turn_echo(packet.data_mut(), outgoing);
            if let Some(counters) = interfaces.counters(hop.interface) {
                counters.icmpv6.count_out(Icmpv6Type::ECHO_REPLY.0);
            }
            match send_headed(neighbors, interfaces, outgoing, hop, packet, now) {
                Ok(()) => return None,
                Err(reply) => packet = reply,
            }
            // The neighbor has to be asked for, or the router has failed since.
            if let Some((outgoing, hop)) = self.plan_reply(received, now) {
                self.send_turned(&outgoing, &hop, packet, now);
            }
            return None;
        }
        self.answer_echo_anew(received, packet, now)
    }

    /// The same for a reply whose way has to be found, or that needs another buffer.
    #[inline(never)]
    fn answer_echo_anew(
        &mut self,
        received: &Received,
        mut packet: P::Buffer,
        now: Instant,
    ) -> Option<P::Buffer> {
        // A reply from anycast has another source, and so another checksum.
        if !received.source.is_assignable()
            || received.destination.is_multicast()
            || self.anycast.has(received.interface, received.destination)
        {
            return Some(packet);
        }
        let (outgoing, hop) = self.plan_reply(received, now)?;
        if !hop.local && self.lasts(&hop) {
            let question =
                (self.epoch(), received.interface, received.source, received.destination);
            self.replies.put(place(received.source), question, (outgoing, hop));
        }
        if packet.len() > usize::from(hop.mtu) {
            return Some(packet);
        }
        if self.prepare_to_turn(hop.interface, &mut packet) {
            turn_echo(packet.data_mut(), &outgoing);
            self.count_icmpv6_out(hop.interface, Icmpv6Type::ECHO_REPLY.0);
            self.send_headed_unready(&outgoing, &hop, packet, now);
        }
        None
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
            || asked.target.is_group()
            || !self.neighbors.knows((index, asker), asked.source);
        let Some((mac, mtu)) = self.speaks_for(index, asked.target).filter(|_| !doubtful) else {
            return Some(packet);
        };
        if !self.prepare_to_turn(index, &mut packet) {
            return None;
        }
        let outgoing = ndp_outgoing(asked.target, asker);
        if let Some((header, message)) = packet.data_mut().split_first_chunk_mut()
            && let Some(room) = message.first_chunk_mut()
        {
            let header: &mut [u8; Ipv6Header::LEN] = header;
            outgoing.header(room.len()).emit(header);
            PlainAdvertisement { target: asked.target, mac }.emit(asker, room);
        }
        self.count_icmpv6_out(index, Icmpv6Type::NEIGHBOR_ADVERTISEMENT.0);
        let hop = Path { interface: index, next_hop: asker, mtu, local: false, avoided: None };
        let Self { neighbors, interfaces, .. } = self;
        if let Err(packet) = send_headed(neighbors, interfaces, &outgoing, &hop, packet, now) {
            self.send_headed_unready(&outgoing, &hop, packet, now);
        }
        None
    }

    /// The link-layer address to tell for an address of ours, and the link's MTU; `None` without
    /// either, or while it is not known to be unique.
    fn speaks_for(&self, index: InterfaceIndex, target: Ipv6Addr) -> Option<(MacAddress, u16)> {
        let interface = self.interface(index)?;
        let entry = interface.addresses.get(target)?;
        InterfaceAddress::is_unique(entry).then_some((interface.mac()?, interface.mtu()))
    }

    /// Sends a reply whose header turned out to be another than the one it has.
    #[inline(never)]
    fn send_turned(
        &mut self,
        outgoing: &Outgoing,
        hop: &Path,
        mut packet: P::Buffer,
        now: Instant,
    ) {
        if let Some((header, message)) = packet.data_mut().split_at_mut_checked(Ipv6Header::LEN) {
            outgoing.header(message.len()).emit(header);
        }
        self.send_headed_unready(outgoing, hop, packet, now);
    }

    /// Sees to it that an answer can be sent from where a packet lies, if need be in another
    /// buffer. False, with the loss counted, if there is none.
    #[inline]
    fn prepare_to_turn(&mut self, out: InterfaceIndex, packet: &mut P::Buffer) -> bool {
        can_turn(packet) || self.copy_to_turn(out, packet)
    }

    #[inline(never)]
    fn copy_to_turn(&mut self, out: InterfaceIndex, packet: &mut P::Buffer) -> bool {
        let octets = packet.data();
        let mut copy = self.pool.allocate(PAYLOAD_OFFSET - Ipv6Header::LEN);
        let room = copy.as_mut().and_then(|copy| copy.append(octets.len()));
        if let Some(room) = room {
            room.copy_from_slice(octets);
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
