//! Routes that the user sees, adds and removes.

use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::event::Event;
use crate::random::Random;
use crate::route::{Route, RouteAction, RouteError, RouteSelector};
use crate::stack::Stack;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// All routes: what Linux has in its main table. Its local table is not here: every address
    /// of an interface is local, and multicast leaves by the interface asked for.
    pub fn routes(&self) -> impl Iterator<Item = &Route> + '_ {
        self.routes.iter()
    }

    /// Adds a route; with `replace` one to the same prefix with the same metric goes first.
    pub fn add_route(&mut self, route: Route, replace: bool) -> Result<(), RouteError> {
        let interface = self.interface(route.interface).ok_or(RouteError::NoInterface)?;
        if !interface.is_admin_up() {
            return Err(RouteError::InterfaceDown);
        }
        if route.prefix.address().is_multicast() {
            return Err(RouteError::BadPrefix);
        }
        if let RouteAction::Via(gateway) = route.action {
            let neighbor = gateway.is_unicast_link_local()
                || self
                    .lookup_route(None, gateway, Some(route.interface))
                    .is_some_and(|found| found.route.action == RouteAction::OnLink);
            if !gateway.is_assignable()
                || self.is_own_address(gateway, Some(route.interface))
                || !neighbor
            {
                return Err(RouteError::GatewayUnreachable);
            }
        }
        if replace {
            let same = |other: &Route| other.prefix == route.prefix && other.metric == route.metric;
            while let Some(old) = self.routes.remove_one(same) {
                self.emit(Event::RouteRemoved(old));
            }
        } else if self.routes.contains(&route) {
            return Err(RouteError::Exists);
        }
        if self.put_route(route) { Ok(()) } else { Err(RouteError::TableFull) }
    }

    /// Removes the route that the selector means, the one with the lowest metric of several.
    pub fn remove_route(&mut self, selector: &RouteSelector) -> Result<Route, RouteError> {
        let route = self.routes.remove_selected(selector).ok_or(RouteError::NotFound)?;
        if let Some(gateway) = route.gateway() {
            self.destinations.forget_next_hops(|interface, _, next_hop| {
                (interface, next_hop) == (route.interface, gateway)
            });
        }
        self.emit(Event::RouteRemoved(route));
        Ok(route)
    }

    /// Removes all routes for which `which` holds.
    pub fn remove_routes(&mut self, which: impl Fn(&Route) -> bool) {
        while let Some(route) = self.routes.remove_one(&which) {
            self.emit(Event::RouteRemoved(route));
        }
    }
}
