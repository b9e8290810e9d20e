//! Neighbor Solicitations and Advertisements (RFC 4861, Section 7), and what the neighbor cache's
//! timers ask for.

use super::Occasion;
use crate::address::{ALL_NODES, AddressExt};
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::{DropReason, TableFull};
use crate::event::Event;
use crate::interface::InterfaceIndex;
use crate::ipv6_input::Received;
use crate::ipv6_output::Urgency;
use crate::list::List;
use crate::neighbor::{Advertised, Due, Key, Outcome, Sender};
use crate::netif::MacAddress;
use crate::random::Random;
use crate::stack::{Stack, timers_of};
use crate::time::Instant;
use crate::unicast::{InterfaceAddress, State};
use crate::wire::icmpv6::Icmpv6Message;
use crate::wire::ndp::{NeighborAdvertisement, NeighborSolicitation};
use crate::wire::ndp_option::{NdpOption, NdpOptions};
use core::net::Ipv6Addr;

/// The nonce of a solicitation (RFC 3971, Section 5.3.2), if it has one.
fn nonce<'a>(options: &NdpOptions<'a>) -> Option<&'a [u8]> {
    options.iter().flatten().find_map(|option| match option {
        NdpOption::Nonce(nonce) => Some(nonce),
        _ => None,
    })
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    pub(super) fn neighbor_solicitation_input(
        &mut self,
        received: &Received,
        solicitation: &NeighborSolicitation<'_>,
        now: Instant,
    ) -> Result<(), DropReason> {
        let index = received.interface;
        let target = solicitation.target;
        let asked_by = solicitation.options.source_link_layer_address();
        // RFC 4861, Section 7.1.1.
        if target.is_multicast() {
            return Err(DropReason::NdTarget);
        }
        if received.source.is_unspecified() {
            if !received.destination.is_solicited_node() {
                return Err(DropReason::NdDestination);
            }
            if asked_by.is_some() {
                return Err(DropReason::NdSource);
            }
        }
        let interface = self.interface(index).ok_or(DropReason::InterfaceDown)?;
        let Some(entry) = interface.addresses.get(target) else {
            if !self.anycast.has(index, target) {
                return Err(DropReason::NdForeignTarget);
            }
            let destination = if received.source.is_unspecified() {
                ALL_NODES
            } else {
                self.learn_from_solicitation(received, asked_by, now);
                received.source
            };
            self.on_anycast_solicitation(index, target, destination, now);
            return Ok(());
        };
        match &entry.state {
            State::Tentative(_) | State::Optimistic(_) if received.source.is_unspecified() => {
                // RFC 7527, Section 4.2: our own probe, sent back by the link.
                let addresses = self.interface_mut(index).map(|found| &mut found.addresses);
                let entry = addresses.and_then(|addresses| addresses.get_mut(target));
                let nonce = nonce(&solicitation.options);
                if entry.and_then(InterfaceAddress::dad_mut).is_some_and(|dad| dad.is_own(nonce)) {
                    return Err(DropReason::NdOwnNonce);
                }
                // RFC 4862, Section 5.4.3: another node tests the same address.
                self.on_duplicate_address(index, target, now);
                return Ok(());
            }
            // RFC 4862, Section 5.4.3: somebody resolves an address that is not ours yet.
            State::Tentative(_) => return Err(DropReason::NdTentativeTarget),
            State::Duplicated => return Err(DropReason::NdForeignTarget),
            State::Preferred | State::Deprecated | State::Optimistic(_) => {}
        }
        if received.source.is_unspecified() {
            // Somebody tests an address that is ours: defend it (RFC 4861, Section 7.2.4).
            self.send_advertisement(index, target, ALL_NODES, Occasion::Defense, now);
            return Ok(());
        }
        self.learn_from_solicitation(received, asked_by, now);
        self.send_advertisement(index, target, received.source, Occasion::Answer, now);
        Ok(())
    }

    /// Who asks tells its link-layer address (RFC 4861, Section 7.2.3).
    fn learn_from_solicitation(
        &mut self,
        received: &Received,
        asked_by: Option<MacAddress>,
        now: Instant,
    ) {
        if let Some(mac) = asked_by.filter(|mac| mac.is_station()) {
            self.learn_link_layer_address((received.interface, received.source), mac, false, now);
        }
    }

    /// Sends a Neighbor Advertisement about an address of ours, from that address.
    pub(crate) fn send_advertisement(
        &mut self,
        index: InterfaceIndex,
        target: Ipv6Addr,
        destination: Ipv6Addr,
        occasion: Occasion,
        now: Instant,
    ) {
        let Some(interface) = self.interface(index) else { return };
        let Some(mac) = interface.mac() else { return };
        // RFC 4429, Section 3.2: an optimistic address must not displace what others know.
        let unique = interface.addresses.get(target).is_some_and(InterfaceAddress::is_unique);
        let options = [NdpOption::TargetLinkLayerAddress(mac)];
        let message = Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
            router: false,
            solicited: occasion == Occasion::Answer,
            overrides: unique && occasion != Occasion::News,
            target,
            options: NdpOptions::new(&options),
        });
        self.send_ndp(index, target, destination, &message, now);
    }

    pub(super) fn neighbor_advertisement_input(
        &mut self,
        received: &Received,
        advertisement: &NeighborAdvertisement<'_>,
        now: Instant,
    ) -> Result<(), DropReason> {
        let index = received.interface;
        let target = advertisement.target;
        // RFC 4861, Section 7.1.2.
        if target.is_multicast() {
            return Err(DropReason::NdTarget);
        }
        if received.destination.is_multicast() && advertisement.solicited {
            return Err(DropReason::NdDestination);
        }
        let interface = self.interface(index).ok_or(DropReason::InterfaceDown)?;
        match interface.addresses.get(target).map(|entry| &entry.state) {
            // RFC 4862, Section 5.4.4: somebody has the address.
            Some(State::Tentative(_) | State::Optimistic(_)) => {
                self.on_duplicate_address(index, target, now);
                return Ok(());
            }
            // The address is ours and was tested: nothing says whose fault this is.
            Some(_) => return Err(DropReason::NdConflict),
            None => {}
        }
        let mac = advertisement.options.target_link_layer_address();
        let advertised = Advertised {
            mac: mac.filter(|mac| mac.is_station()),
            router: advertisement.router,
            solicited: advertisement.solicited,
            override_: advertisement.overrides,
        };
        let key = (index, target);
        let timers = self.timers(index);
        let outcome = self
            .neighbors
            .on_advertisement(key, advertised, timers, now)
            .ok_or(DropReason::NdUnknownNeighbor)?;
        self.apply(key, outcome, now);
        if outcome.no_router {
            self.lose_router(index, target);
        }
        Ok(())
    }

    /// A neighbor told its link-layer address.
    pub(crate) fn learn_link_layer_address(
        &mut self,
        key: Key,
        mac: MacAddress,
        router: bool,
        now: Instant,
    ) {
        match self.neighbors.on_link_layer_address(key, mac, router, now) {
            Some(outcome) => self.apply(key, outcome, now),
            None => self.counters.tables.count(TableFull::Neighbors),
        }
        self.count_evicted_neighbors();
    }

    /// Does what a change of a neighbor's entry asks for.
    pub(crate) fn apply(&mut self, key: Key, outcome: Outcome, now: Instant) {
        if outcome.release {
            while let Some((packet, mac)) = self.neighbors.release(key, now) {
                self.transmit_frame(key.0, mac, packet, Urgency::User);
            }
        }
        if outcome.changed {
            self.emit_neighbor(key);
        }
    }

    fn emit_neighbor(&mut self, key: Key) {
        if let Some(info) = self.neighbors.get(key) {
            trace!("neighbor on {=u32}: {} is {}", info.interface.get(), info.address, info.state);
            self.emit(Event::NeighborChanged(info));
        }
    }

    fn count_evicted_neighbors(&mut self) {
        for _ in 0..self.neighbors.take_evicted() {
            self.counters.tables.count(TableFull::NeighborsEvicted);
        }
    }

    /// Makes room for a neighbor that may have to be resolved.
    pub(crate) fn make_neighbor_room(&mut self, key: Key, sender: Sender, now: Instant) {
        let queue = self.neighbors.make_room(key, sender, now);
        self.drop_queue(key.0, queue, DropReason::NeighborCacheFull);
        self.count_evicted_neighbors();
    }

    /// Drops packets that waited for a neighbor.
    pub(crate) fn drop_queue(
        &mut self,
        index: InterfaceIndex,
        mut queue: List,
        reason: DropReason,
    ) {
        while self.neighbors.pop(&mut queue).is_some() {
            self.drop_transmit(index, reason);
        }
    }

    /// An upper layer knows that the next hop to a destination is reachable
    /// (RFC 4861, Section 7.3.1).
    pub(crate) fn confirm_neighbor(
        &mut self,
        index: InterfaceIndex,
        next_hop: Ipv6Addr,
        now: Instant,
    ) {
        let timers = self.timers(index);
        self.neighbors.confirm((index, next_hop), timers, now);
    }

    /// Does what the timers of the neighbor cache ask for.
    pub(crate) fn poll_neighbors(&mut self, now: Instant) {
        loop {
            let interfaces = &self.interfaces;
            let routes = &self.routes;
            let due = self.neighbors.poll(
                now,
                |index| timers_of(interfaces, index),
                |(index, address)| routes.has_gateway(index, address),
            );
            let Some(due) = due else { return };
            match due {
                Due::Resolve(key) => {
                    self.send_solicitation(key, key.1.solicited_node(), None, now);
                }
                Due::Probe(key, mac) => {
                    self.send_solicitation(key, key.1, Some(mac), now);
                }
                Due::Failed(key) => self.on_neighbor_failure(key, now),
                Due::Unreachable(key) => {
                    self.on_neighbor_failure(key, now);
                    self.send_solicitation(key, key.1.solicited_node(), None, now);
                }
                Due::Unanswered(key) => {
                    // Routers that do not answer take turns.
                    if self.routes.has_gateway(key.0, key.1) {
                        self.routes.rotate();
                    }
                    self.send_solicitation(key, key.1.solicited_node(), None, now);
                }
                Due::Changed(key) => self.emit_neighbor(key),
                Due::Forgotten(info) => self.emit(Event::NeighborRemoved(info)),
            }
        }
    }

    /// Asks for a neighbor: everybody in its solicited-node group, or itself
    /// (RFC 4861, Section 7.2.2).
    fn send_solicitation(
        &mut self,
        key: Key,
        destination: Ipv6Addr,
        neighbor: Option<MacAddress>,
        now: Instant,
    ) {
        let (index, target) = key;
        let Some(interface) = self.interface(index) else { return };
        let Some(mac) = interface.mac() else { return };
        // Section 7.2.2: the source of the packet that prompted this, if it is an address of the
        // interface; it is what the neighbor will need next.
        let is_unique =
            |source| interface.addresses.get(source).is_some_and(InterfaceAddress::is_unique);
        let prompted = self.neighbors.prompted_by(key).filter(|&source| is_unique(source));
        let hop = crate::ipv6_output::Path {
            interface: index,
            next_hop: target,
            mtu: interface.mtu(),
            local: false,
            avoided: None,
        };
        // An optimistic address must not be the source (RFC 4429, Section 3.2): another one asks
        // for it.
        let source = prompted
            .or_else(|| self.select_source(target, &hop).filter(|&s| is_unique(s)))
            .or_else(|| interface.addresses.link_local());
        let Some(source) = source else {
            return self.count_drop(Some(index), DropReason::NoSourceAddress);
        };
        let options = [NdpOption::SourceLinkLayerAddress(mac)];
        let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
            target,
            options: NdpOptions::new(&options),
        });
        match neighbor {
            None => self.send_ndp(index, source, destination, &message, now),
            Some(neighbor) => {
                self.send_ndp_to_station(index, source, destination, neighbor, &message);
            }
        }
    }

    /// A packet from `source` avoids a router that is known to be unreachable
    /// (RFC 4191, Section 3.5).
    pub(crate) fn on_avoided_router(&mut self, router: Key, source: Ipv6Addr, now: Instant) {
        let timers = self.timers(router.0);
        if self.neighbors.ask_again(router, source, timers, now) {
            self.send_solicitation(router, router.1.solicited_node(), None, now);
        }
    }

    /// A neighbor does not answer: packets that wait for it fail, and what went by way of it goes
    /// another way if there is one (RFC 4861, Sections 7.2.2 and 7.3.3).
    fn on_neighbor_failure(&mut self, key: Key, now: Instant) {
        let (index, address) = key;
        let mut queue = self.neighbors.take_queue(key);
        while let Some(packet) = self.neighbors.pop(&mut queue) {
            self.drop_transmit(index, DropReason::NeighborUnreachable);
            self.fail_packet(index, packet.data(), now);
        }
        self.destinations
            .forget_next_hops(|interface, _, next_hop| (interface, next_hop) == (index, address));
        if self.routes.has_gateway(index, address) {
            self.routes.rotate();
        }
        self.emit_neighbor(key);
    }
}

#[cfg(test)]
#[path = "neighbor_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "unreachable_tests.rs"]
mod unreachable_tests;
