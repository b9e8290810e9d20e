//! The short way of a UDP datagram that is sent as the last one of its socket to the same
//! destination was: its plan is remembered, the neighbor is there and the interface has room.
//!
//! Whatever is different takes the long way in [`super::send`], before anything has happened. A
//! property test compares the two.

use super::plan::{Plan, plan_place};
use super::{SendError, SocketId};
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::ipv6_transmit::FRAME_HEADERS;
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
        const HEADERS: usize = FRAME_HEADERS + UdpHeader::LEN;
        let epoch = self.plan_epoch();
        let Self { plans, sockets, destinations, neighbors, interfaces, pool, counters, .. } = self;
        let plan = plans.find_by(plan_place(id, to), |(then, socket, destination)| {
            (*then, *socket) == (epoch, id) && *destination == to
        })?;
        let Plan { outgoing, hop, .. } = plan;
        let socket = sockets.get(id)?;
        let changed = socket.pending_error.is_some() || socket.send_shut_down;
        if changed
            || plan.unchecked
            || length > plan.longest
            || hop.local
            || destinations.path_mtu((hop.interface, outgoing.destination), now).is_some()
        {
            return None;
        }
        let station = neighbors.ready((hop.interface, hop.next_hop), now)?;
        let mut cable = interfaces.cable(hop.interface, outgoing.urgency.transmit_limit())?;
        // All headers and the payload at once: the frame lies where it would step by step.
        let mut packet = pool.allocate(PAYLOAD_OFFSET - HEADERS);
        let room = packet.as_mut()?.append(HEADERS + length)?;
        let (headers, payload) = room.split_first_chunk_mut()?;
        let headers: &mut [u8; HEADERS] = headers;
        let (front, room) = headers.split_first_chunk_mut()?;
        if let Err(error) = fill(payload) {
            return Some(Err(SendError::Fill(error)));
        }
        let mut sum = Checksum::new();
        sum.add(payload);
        let ports = (plan.local_port, plan.remote_port);
        let header = UdpHeader::with_sum(ports, length, plan.common, sum);
        let Some(header) = header else {
            return Some(Err(SendError::TooBig(usize::from(u16::MAX) - UdpHeader::LEN)));
        };
        header.emit(room);
        cable.head(outgoing, station, (UdpHeader::LEN + length, false), front);
        counters.udp.out_datagrams += 1;
        // There is room, as was just seen.
        let _queued = cable.transmit.push_back(packet?);
        Some(Ok(()))
    }
}
