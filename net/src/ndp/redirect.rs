//! Redirects (RFC 4861, Section 8).

use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::counters::{DropReason, TableFull};
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::ipv6::Ipv6Header;
use crate::wire::ndp::Redirect;
use crate::wire::ndp_option::NdpOption;

impl<P: BufferPool, R: Random> Stack<P, R> {
    pub(super) fn redirect_input(
        &mut self,
        received: &Received,
        redirect: &Redirect<'_>,
        now: Instant,
    ) -> Result<(), DropReason> {
        let index = received.interface;
        let &Redirect { target, destination, .. } = redirect;
        // RFC 4861, Section 8.1.
        if !received.source.is_unicast_link_local() {
            return Err(DropReason::NdSource);
        }
        if !destination.is_assignable() || destination.is_loopback() {
            return Err(DropReason::NdDestination);
        }
        if target != destination && !target.is_unicast_link_local() {
            return Err(DropReason::NdTarget);
        }
        let interface = self.interface(index).ok_or(DropReason::InterfaceDown)?;
        if !interface.settings.accept_redirects || interface.addresses.get(target).is_some() {
            return Err(DropReason::NdRedirectIgnored);
        }
        // It must come from the current first hop for that destination, which may depend on the
        // source of the packet that it quotes (RFC 8028, Section 3.4).
        let quoted = redirect.options.iter().flatten().find_map(|option| match option {
            NdpOption::RedirectedHeader(packet) => Ipv6Header::parse_quoted(packet).ok(),
            _ => None,
        });
        let quoted = quoted.map(|(header, _)| header.source);
        let source = quoted.filter(|&source| self.is_own_address(source, Some(index)));
        let hop = self
            .route_from(source, destination, Some(index), now)
            .map_err(|_| DropReason::NdRedirectIgnored)?;
        if hop.next_hop != received.source || hop.interface != index || hop.local {
            return Err(DropReason::NdRedirectIgnored);
        }
        let choice = self.lookup_route(source, destination, Some(index));
        let instead_of = choice.and_then(|choice| choice.route.gateway());
        let instead_of = instead_of.ok_or(DropReason::NdRedirectIgnored)?;
        // Section 8.3: the target is the destination itself, which is a neighbor then, or another
        // router.
        let router = target != destination;
        let mac = redirect.options.target_link_layer_address().filter(|mac| mac.is_station());
        if let Some(mac) = mac {
            self.learn_link_layer_address((index, target), mac, router, now);
        } else if router {
            self.neighbors.set_router((index, target));
        }
        if self.destinations.redirect((index, destination), (instead_of, target), now) {
            self.counters.tables.count(TableFull::Destinations);
        }
        Ok(())
    }
}
