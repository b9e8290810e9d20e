//! The short way of a UDP datagram that is sent as the last one of its socket to the same
//! destination was: its plan is remembered, the neighbor is there and the interface has room.
//!
//! Whatever is different takes the long way in [`super::send`], before anything has happened. A
//! property test compares the two.

use super::plan::{Plan, plan_place};
use super::{SendError, SocketId};
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::ipv6_transmit::send_framed;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::checksum::Checksum;
use crate::wire::udp::UdpHeader;
use core::net::SocketAddrV6;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Sends a datagram the short way; `None` if it has to take the long one.
    #[inline]
    pub(super) fn send_as_before<E>(
        &mut self,
        id: SocketId,
        to: Option<SocketAddrV6>,
        length: usize,
        fill: &mut impl FnMut(&mut [u8]) -> Result<(), E>,
        now: Instant,
    ) -> Option<Result<(), SendError<E>>> {
        let question = self.plan_question(id, to);
        let plan = self.plans.find(plan_place(id, to), &question)?;
        let socket = self.sockets.get(id)?;
        let changed = socket.pending_error.is_some() || socket.send_shut_down;
        let destination = (plan.hop.interface, plan.outgoing.destination);
        if changed
            || plan.unchecked
            || length > plan.longest
            || plan.hop.local
            || self.destinations.path_mtu(destination, now).is_some()
        {
            return None;
        }
        let station = self.neighbors.ready((plan.hop.interface, plan.hop.next_hop), now)?;
        let interface = self.interfaces.get(plan.hop.interface)?;
        if interface.vlan.is_some()
            || interface.transmit.len() >= plan.outgoing.urgency.transmit_limit()
        {
            return None;
        }
        let mut packet = self.pool.allocate(PAYLOAD_OFFSET)?;
        let payload = packet.append(length)?;
        if let Err(error) = fill(payload) {
            return Some(Err(SendError::Fill(error)));
        }
        let mut sum = Checksum::new();
        sum.add(payload);
        let ports = (plan.local_port, plan.remote_port);
        let header = UdpHeader::with_sum(ports, length, plan.common, sum);
        let (Some(header), Some(room)) = (header, packet.prepend(UdpHeader::LEN)) else {
            return Some(Err(SendError::TooBig(usize::from(u16::MAX) - UdpHeader::LEN)));
        };
        header.emit(room);
        self.counters.udp.out_datagrams += 1;
        let Plan { outgoing, hop, .. } = plan;
        let sent = send_framed(&mut self.interfaces, outgoing, hop.interface, station, packet);
        if let Err(packet) = sent {
            let (outgoing, hop) = (*outgoing, *hop);
            self.send_packet(&outgoing, &hop, packet, now);
        }
        Some(Ok(()))
    }
}
