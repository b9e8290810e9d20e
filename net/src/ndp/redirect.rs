//! Redirects (RFC 4861, Section 8).

use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::counters::{DropReason, TableFull};
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::ndp::Redirect;

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
        // It must come from the current first hop for that destination.
        let hop =
            self.route(destination, Some(index), now).map_err(|_| DropReason::NdRedirectIgnored)?;
        if hop.next_hop != received.source || hop.interface != index || hop.local {
            return Err(DropReason::NdRedirectIgnored);
        }
        // Section 8.3: the target is the destination itself, which is a neighbor then, or another
        // router.
        let router = target != destination;
        let mac = redirect.options.target_link_layer_address().filter(|mac| mac.is_station());
        if let Some(mac) = mac {
            self.learn_link_layer_address((index, target), mac, router, now);
        } else if router {
            self.neighbors.set_router((index, target));
        }
        if self.destinations.redirect((index, destination), target, now) {
            self.counters.tables.count(TableFull::Destinations);
        }
        Ok(())
    }
}
