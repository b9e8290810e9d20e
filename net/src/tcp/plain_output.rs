//! The way out of nearly every segment: its headers are those of the one before but for a few
//! fields, and its neighbor is there. What it says is exactly what [`Connection::header`] would
//! say, which `connection_properties` compares.

use super::connection::Connection;
use super::output::Emission;
use super::store::Store;
use super::transmit::WayQuestion;
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::DropReason;
use crate::ipv6_output::{Path, Urgency};
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::tcp::Timestamps;
use crate::wire::tcp_plain::PlainHeader;

impl Connection {
    /// The header of a segment without control bits other than ACK and PSH and without options
    /// other than timestamps; `None` when it needs more than that, or ECN is in use.
    #[inline]
    pub(super) fn plain_header<B: PacketBuffer>(
        &mut self,
        store: &Store<B>,
        emission: &Emission,
        now: Instant,
    ) -> Option<PlainHeader> {
        let special = !self.state.is_synchronized()
            || emission.syn
            || emission.fin
            || self.ecn.is_on()
            || !self.urgent.is_quiet()
            || self.sack && self.receive.has_sack();
        if special {
            return None;
        }
        let mss = self.window.mss;
        let room = self.receive.room(store, mss);
        let stamps = |recent| Timestamps { value: self.timestamp(now), echo_reply: recent };
        let timestamps = self.timestamps.map(|state| stamps(state.recent));
        Some(PlainHeader {
            sequence: emission.sequence,
            acknowledgment: self.receive.nxt,
            push: emission.push,
            window: self.receive.window_field(mss, false, room),
            timestamps,
        })
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Sends a segment that has its headers, or counts it as lost if there was no room for them.
    pub(super) fn tcp_send_plain(
        &mut self,
        way: &WayQuestion,
        hop: &Path,
        packet: Option<P::Buffer>,
        progress: bool,
        now: Instant,
    ) {
        let index = hop.interface;
        let Some(packet) = packet else { return self.drop_transmit(index, DropReason::NoBuffer) };
        // RFC 4861, Section 7.3.1: the other side got something or sent something new.
        if progress && !hop.local {
            self.confirm_neighbor(index, hop.next_hop, now);
        }
        if let Some(counters) = self.interface_counters(index) {
            counters.ipv6.out_requests += 1;
            counters.ipv6.out_octets += packet.len() as u64;
        }
        if !hop.local
            && hop.avoided.is_none()
            && let Some(mac) = self.neighbors.ready((index, hop.next_hop), now)
        {
            return self.transmit_frame(index, mac, packet, Urgency::User);
        }
        if let Some(way) = self.ways.find(way.1.slot.into(), way) {
            let outgoing = way.envelope.outgoing;
            self.send_finished(&outgoing, hop, packet, now);
        }
    }
}
