//! Neighbor Discovery messages in and out (RFC 4861): what is true of all five here, one kind in
//! each file below. State machines stand apart: [`crate::neighbor`], [`crate::dad`],
//! [`crate::router_solicitation`], [`crate::route`].

mod neighbor;
mod redirect;
mod router;

use crate::address::ALL_ROUTERS;
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::counters::DropReason;
use crate::event::Event;
use crate::interface::InterfaceIndex;
use crate::ipv6_input::Received;
use crate::ipv6_output::{Outgoing, Path, Urgency};
use crate::netif::MacAddress;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::wire::icmpv6::Icmpv6Message;
use crate::wire::ipv6::{FlowLabel, HopLimit, NextHeader, TrafficClass};
use crate::wire::ndp::RouterSolicitation;
use crate::wire::ndp_option::{NdpOption, NdpOptions};
use core::net::Ipv6Addr;

/// ReachableTime is drawn again at least this often (RFC 4861, Section 6.3.4: every few hours).
const REDRAW_INTERVAL: Duration = Duration::from_secs(2 * 3600);

/// Why a Neighbor Advertisement is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Occasion {
    /// Somebody asked.
    Answer,
    /// Somebody tests an address that is ours (RFC 4861, Section 7.2.4).
    Defense,
    /// Nobody asked (RFC 9131): it must not displace what others know.
    News,
}

/// The header of a Neighbor Discovery message.
pub(crate) const fn ndp_outgoing(source: Ipv6Addr, destination: Ipv6Addr) -> Outgoing {
    Outgoing {
        source,
        destination,
        next_header: NextHeader::ICMPV6,
        hop_limit: HopLimit::MAX,
        traffic_class: TrafficClass(0),
        flow_label: FlowLabel::NONE,
        urgency: Urgency::Control,
        multicast_loop: false,
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// A Neighbor Discovery message that parsed, so its options have lengths.
    pub(crate) fn ndp_input(
        &mut self,
        received: &Received,
        message: &Icmpv6Message<'_>,
        now: Instant,
    ) -> Result<(), DropReason> {
        // RFC 4861, Sections 6.1, 7.1, 8.1: 255 proves that no router forwarded it.
        if received.hop_limit != HopLimit::MAX {
            return Err(DropReason::NdHopLimit);
        }
        // RFC 6980, Section 5.
        if received.fragment {
            return Err(DropReason::NdFragment);
        }
        match message {
            // RFC 4861, Section 6.2.6: only routers process them.
            Icmpv6Message::RouterSolicitation(_) => Err(DropReason::NdRouterSolicitation),
            Icmpv6Message::RouterAdvertisement(advertisement) => {
                self.router_advertisement_input(received, advertisement, now)
            }
            Icmpv6Message::NeighborSolicitation(solicitation) => {
                self.neighbor_solicitation_input(received, solicitation, now)
            }
            Icmpv6Message::NeighborAdvertisement(advertisement) => {
                self.neighbor_advertisement_input(received, advertisement, now)
            }
            Icmpv6Message::Redirect(redirect) => self.redirect_input(received, redirect, now),
            _ => Ok(()),
        }
    }

    /// Sends a Neighbor Discovery message: hop limit 255. `hop.next_hop` is the destination or,
    /// for a unicast destination, a neighbor whose link-layer address may have to be asked for.
    pub(crate) fn send_ndp(
        &mut self,
        index: InterfaceIndex,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        message: &Icmpv6Message<'_>,
        now: Instant,
    ) {
        let Some(interface) = self.interface(index) else { return };
        let hop = Path {
            interface: index,
            next_hop: destination,
            mtu: interface.mtu(),
            local: interface.is_loopback(),
            avoided: None,
        };
        self.send_icmpv6(&ndp_outgoing(source, destination), &hop, message, now);
    }

    /// Sends a Neighbor Discovery message to a neighbor at a link-layer address that is known,
    /// past the neighbor cache whose question it is.
    fn send_ndp_to_station(
        &mut self,
        index: InterfaceIndex,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        station: MacAddress,
        message: &Icmpv6Message<'_>,
    ) {
        let mut packet = self.pool.allocate(PAYLOAD_OFFSET);
        let Some(room) = packet.as_mut().and_then(|packet| packet.append(message.len())) else {
            return self.count_drop(Some(index), DropReason::NoBuffer);
        };
        message.emit(source, destination, room);
        self.count_icmpv6_out(index, message.kind().0);
        let outgoing = ndp_outgoing(source, destination);
        if let Some(packet) = packet {
            self.send_to_station(&outgoing, index, station, packet);
        }
    }

    /// Sends a Router Solicitation if one is due.
    pub(crate) fn poll_router_solicitation(&mut self, index: InterfaceIndex, now: Instant) {
        let Some(interface) = self.interfaces.get_mut(index) else {
            return;
        };
        if !interface.solicitation.poll(now, &mut self.random) {
            return;
        }
        let Some(mac) = interface.mac() else { return };
        let news = !core::mem::replace(&mut interface.variables.router_flags.solicited, true);
        // RFC 4861, Section 4.1: an address of the interface, or `::` before there is one; then
        // without the option. Without it, too, from an optimistic address (RFC 4429, Section 3.2):
        // the answer to that comes at once, the one to `::` to all after a random delay.
        let unique = interface.addresses.link_local();
        let source = unique.or_else(|| interface.addresses.optimistic_link_local());
        let option = [NdpOption::SourceLinkLayerAddress(mac)];
        let options = if unique.is_some() { &option[..] } else { &[] };
        let message = Icmpv6Message::RouterSolicitation(RouterSolicitation {
            options: NdpOptions::new(options),
        });
        let source = source.unwrap_or(Ipv6Addr::UNSPECIFIED);
        self.send_ndp(index, source, ALL_ROUTERS, &message, now);
        if news {
            self.emit(Event::RouterFlagsChanged(index));
        }
    }

    /// Draws ReachableTime anew when it is time (RFC 4861, Section 6.3.4).
    pub(crate) fn poll_reachable_time(&mut self, index: InterfaceIndex, now: Instant) {
        if self.interface(index).is_some_and(|interface| now >= interface.redraw_reachable_time) {
            self.draw_reachable_time(index, now);
        }
    }

    /// ReachableTime is BaseReachableTime times a random factor from 0.5 to 1.5
    /// (RFC 4861, Section 6.3.2).
    pub(crate) fn draw_reachable_time(&mut self, index: InterfaceIndex, now: Instant) {
        let Some(interface) = self.interfaces.get_mut(index) else {
            return;
        };
        let base = interface.variables.base_reachable_time;
        interface.variables.reachable_time = self.random.between(base / 2, base * 3 / 2);
        interface.redraw_reachable_time = now + REDRAW_INTERVAL;
    }
}
