//! The way out of nearly every segment: its headers are those of the one before but for a few
//! fields, and its neighbor is there. What it says is exactly what [`Connection::header`] would
//! say, which `connection_properties` compares.

use super::connection::Connection;
use super::output::Emission;
use super::store::Store;
use super::transmit::{Envelope, WayQuestion};
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::DropReason;
use crate::ipv6_transmit::send_headed;
use crate::random::Random;
use crate::stack::{Stack, timers_of};
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
        question: &WayQuestion,
        packet: Option<P::Buffer>,
        progress: bool,
        now: Instant,
    ) {
        let Self { ways, neighbors, interfaces, .. } = self;
        let Some(way) = ways.find(question.1.slot.into(), question) else { return };
        let Envelope { outgoing, hop, .. } = &way.envelope;
        let index = hop.interface;
        let Some(packet) = packet else { return self.drop_transmit(index, DropReason::NoBuffer) };
        // RFC 4861, Section 7.3.1: the other side got something or sent something new.
        if progress && !hop.local {
            neighbors.confirm((index, hop.next_hop), timers_of(interfaces, index), now);
        }
        if let Err(packet) = send_headed(neighbors, interfaces, outgoing, hop, packet, now) {
            let Envelope { outgoing, hop, .. } = way.envelope;
            self.send_headed_unready(&outgoing, &hop, packet, now);
        }
    }
}
