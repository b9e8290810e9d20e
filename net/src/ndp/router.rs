//! Router Advertisements (RFC 4861, Section 6.3.4): host variables, default routers, prefixes and
//! routes (RFC 4191). Addresses from prefixes are made in [`crate::slaac`].

use crate::address::{AddressExt, LINK_LOCAL, Prefix};
use crate::buffer::BufferPool;
use crate::counters::{DropReason, TableFull};
use crate::event::Event;
use crate::expiry::Expiry;
use crate::interface::{InterfaceIndex, MINIMUM_MTU, RouterFlags};
use crate::ipv6_input::Received;
use crate::limits;
use crate::random::Random;
use crate::route::{Put, Route, RouteAction, RouteProtocol};
use crate::router_dns::RouterDns;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::wire::ndp::RouterAdvertisement;
use crate::wire::ndp_option::{
    Lifetime, NdpOption, PrefixInformation, RouteInformation, RouterPreference,
};
use core::net::Ipv6Addr;

/// No router means more than this: AdvReachableTime is an hour at most (RFC 4861, Section 6.2.1).
const MAX_REACHABLE_TIME: Duration = Duration::from_secs(3600);
/// Shorter intervals between retransmissions would only flood the link.
const MIN_RETRANS_TIMER: Duration = Duration::from_millis(100);
/// Longer ones would make resolution useless.
const MAX_RETRANS_TIMER: Duration = Duration::from_secs(60);

impl<P: BufferPool, R: Random> Stack<P, R> {
    pub(super) fn router_advertisement_input(
        &mut self,
        received: &Received,
        advertisement: &RouterAdvertisement<'_>,
        now: Instant,
    ) -> Result<(), DropReason> {
        let index = received.interface;
        let router = received.source;
        // RFC 4861, Section 6.1.2.
        if !router.is_unicast_link_local() {
            return Err(DropReason::NdSource);
        }
        let interface = self.interface(index).ok_or(DropReason::InterfaceDown)?;
        if !interface.settings.accept_router_advertisements
            || interface.is_loopback()
            || interface.addresses.get(router).is_some()
        {
            return Err(DropReason::NdAdvertisementIgnored);
        }
        self.adopt_variables(index, advertisement, now);
        let key = (index, router);
        match advertisement.options.source_link_layer_address().filter(|mac| mac.is_station()) {
            Some(mac) => self.learn_link_layer_address(key, mac, true, now),
            None => self.neighbors.set_router(key),
        }
        self.adopt_default_router(index, router, advertisement, now);
        for option in advertisement.options.iter().flatten() {
            match option {
                NdpOption::Mtu(mtu) => self.adopt_mtu(index, mtu),
                NdpOption::PrefixInformation(information) => {
                    self.note_router_prefix(index, router, &information, now);
                    if information.on_link {
                        self.adopt_prefix(index, &information, now);
                    }
                    self.slaac_input(received, &information, now);
                }
                NdpOption::RouteInformation(information) => {
                    self.adopt_route(index, router, &information, now);
                }
                NdpOption::RecursiveDnsServer { lifetime, servers } => {
                    for server in servers.iter() {
                        self.adopt_dns(index, |dns| {
                            let usable = server.is_assignable() && !server.is_loopback();
                            !usable || dns.adopt_server(server, router, lifetime, now)
                        });
                    }
                }
                NdpOption::DnsSearchList { lifetime, domains } => {
                    for domain in domains.names() {
                        self.adopt_dns(index, |dns| {
                            dns.adopt_domain(domain, router, lifetime, now)
                        });
                    }
                }
                _ => {}
            }
        }
        self.keep_router_options(index, router, advertisement.options);
        Ok(())
    }

    /// Whatever its flags say, the router knows the prefix (RFC 8028, Section 2.1).
    fn note_router_prefix(
        &mut self,
        index: InterfaceIndex,
        router: Ipv6Addr,
        information: &PrefixInformation,
        now: Instant,
    ) {
        let prefix = information.prefix;
        if LINK_LOCAL.covers(prefix) || prefix.address().is_multicast() {
            return;
        }
        let expires = Expiry::from_secs(information.valid_lifetime.as_secs(), now);
        let Some(interface) = self.interfaces.get_to_renew(index) else { return };
        if interface.router_prefixes.renew(router, prefix, expires, now) {
            return;
        }
        let Some(interface) = self.interface_mut(index) else { return };
        if !interface.router_prefixes.adopt(router, prefix, expires, now) {
            self.counters.tables.count(TableFull::RouterPrefixes);
        }
    }

    /// Counts what finds no room in the list of DNS servers or that of search domains.
    fn adopt_dns(&mut self, index: InterfaceIndex, adopt: impl FnOnce(&mut RouterDns) -> bool) {
        let Some(interface) = self.interface_mut(index) else { return };
        if !adopt(&mut interface.dns) {
            self.counters.tables.count(TableFull::Dns);
        }
    }

    /// Unspecified fields change nothing (RFC 4861, Section 6.3.4).
    fn adopt_variables(
        &mut self,
        index: InterfaceIndex,
        advertisement: &RouterAdvertisement<'_>,
        now: Instant,
    ) {
        let Some(interface) = self.interface(index) else { return };
        let mut variables = interface.variables;
        let flags = RouterFlags {
            advertised: true,
            managed: advertisement.managed,
            other: advertisement.other,
            ..variables.router_flags
        };
        let news = core::mem::replace(&mut variables.router_flags, flags) != flags;
        if let Some(hop_limit) = advertisement.hop_limit {
            variables.hop_limit = hop_limit;
        }
        if let Some(retrans_timer) = advertisement.retrans_timer {
            variables.retrans_timer = retrans_timer.clamp(MIN_RETRANS_TIMER, MAX_RETRANS_TIMER);
        }
        let mut new_base = false;
        if let Some(reachable_time) = advertisement.reachable_time {
            let base = reachable_time.min(MAX_REACHABLE_TIME);
            // A new base means a new draw, an old one does not.
            new_base = core::mem::replace(&mut variables.base_reachable_time, base) != base;
        }
        // Mostly they say the same as before.
        if variables != interface.variables
            && let Some(interface) = self.interface_mut(index)
        {
            interface.variables = variables;
        }
        if new_base {
            self.draw_reachable_time(index, now);
        }
        if news {
            self.emit(Event::RouterFlagsChanged(index));
        }
    }

    /// LinkMTU (RFC 4861, Section 6.3.4): between the minimum and what the device carries.
    fn adopt_mtu(&mut self, index: InterfaceIndex, mtu: u32) {
        let Some(interface) = self.interface(index) else { return };
        let Ok(mtu) = u16::try_from(mtu) else { return };
        if mtu < MINIMUM_MTU
            || mtu > interface.device_mtu
            || interface.variables.advertised_mtu == Some(mtu)
        {
            return;
        }
        let Some(interface) = self.interface_mut(index) else { return };
        let before = interface.mtu();
        interface.variables.advertised_mtu = Some(mtu);
        if interface.mtu() != before {
            self.emit(Event::LinkChanged(index));
        }
    }

    /// The default router list (RFC 4861, Section 6.3.4), with preferences (RFC 4191).
    fn adopt_default_router(
        &mut self,
        index: InterfaceIndex,
        router: Ipv6Addr,
        advertisement: &RouterAdvertisement<'_>,
        now: Instant,
    ) {
        let lifetime = advertisement.router_lifetime;
        let route = Route {
            prefix: Prefix::ALL,
            interface: index,
            action: RouteAction::Via(router),
            metric: Route::METRIC_DEFAULT,
            protocol: RouteProtocol::RouterAdvertisement,
            preference: advertisement.preference,
            expires: Expiry::At(now + lifetime),
            advertised: true,
        };
        if lifetime.is_zero() {
            // Section 6.3.5: remove at once; destinations choose again.
            self.withdraw_route(&route);
            self.forget_router(index, router);
            return;
        }
        if self.put_advertised(route, limits::DEFAULT_ROUTERS, TableFull::DefaultRouters) {
            // RFC 7559, Section 2: until an advertisement with a lifetime arrives.
            if let Some(interface) = self.interfaces.get_to_renew(index) {
                interface.solicitation.stop();
            }
        }
    }

    /// The prefix list (RFC 4861, Section 6.3.4): on-link, whatever the prefix length. That the
    /// flag is not set says nothing, so there is no way to take one back but lifetime zero.
    fn adopt_prefix(
        &mut self,
        index: InterfaceIndex,
        information: &PrefixInformation,
        now: Instant,
    ) {
        let prefix = information.prefix;
        if LINK_LOCAL.covers(prefix) || prefix.address().is_multicast() {
            return;
        }
        let route = Route {
            prefix,
            interface: index,
            action: RouteAction::OnLink,
            metric: Route::METRIC_CONNECTED,
            protocol: RouteProtocol::Kernel,
            preference: RouterPreference::Medium,
            expires: Expiry::from_secs(information.valid_lifetime.as_secs(), now),
            advertised: true,
        };
        if information.valid_lifetime == Lifetime::ZERO {
            self.withdraw_route(&route);
            return;
        }
        // The same prefix by a manual address does not end.
        let permanent = self.routes.iter().any(|other| {
            other.prefix == prefix
                && other.interface == index
                && other.action == RouteAction::OnLink
                && !other.advertised
        });
        if !permanent {
            self.put_advertised(route, limits::ADVERTISED_PREFIXES, TableFull::Prefixes);
        }
    }

    /// A more specific route (RFC 4191, Section 2.3). A default route by this option is one like
    /// any other.
    fn adopt_route(
        &mut self,
        index: InterfaceIndex,
        router: Ipv6Addr,
        information: &RouteInformation,
        now: Instant,
    ) {
        if LINK_LOCAL.covers(information.prefix) || information.prefix.address().is_multicast() {
            return;
        }
        let route = Route {
            prefix: information.prefix,
            interface: index,
            action: RouteAction::Via(router),
            metric: Route::METRIC_DEFAULT,
            protocol: RouteProtocol::RouterAdvertisement,
            preference: information.preference,
            expires: Expiry::from_secs(information.lifetime.as_secs(), now),
            advertised: true,
        };
        if information.lifetime == Lifetime::ZERO {
            self.withdraw_route(&route);
        } else if route.is_default() {
            self.put_advertised(route, limits::DEFAULT_ROUTERS, TableFull::DefaultRouters);
        } else {
            self.put_advertised(route, limits::ADVERTISED_ROUTES, TableFull::AdvertisedRoutes);
        }
    }

    /// Adds or refreshes an advertised route. A flood of advertisements cannot push out what is
    /// there (RFC 6104): when there are `limit` of its kind, new ones are refused.
    fn put_advertised(&mut self, route: Route, limit: usize, full: TableFull) -> bool {
        let alike = |other: &Route| {
            other.interface == route.interface
                && other.advertised
                && other.is_default() == route.is_default()
                && other.gateway().is_some() == route.gateway().is_some()
        };
        match self.routes.renew(route) {
            Some(Put::Unchanged) => return true,
            Some(_) => {
                self.emit(Event::RouteChanged(route));
                return true;
            }
            None => {}
        }
        if self.routes.iter().filter(|other| alike(other)).count() >= limit {
            self.counters.tables.count(full);
            return false;
        }
        self.put_route(route)
    }

    /// Puts a route into the table; false when that is full.
    pub(crate) fn put_route(&mut self, route: Route) -> bool {
        match self.routes.put(route) {
            Put::Added => {
                // A new on-link prefix makes routers unnecessary for its destinations
                // (RFC 4861, Section 5.2).
                let Route { prefix, interface, .. } = route;
                self.destinations
                    .forget_next_hops(|at, to, _| at == interface && prefix.contains(to));
                self.emit(Event::RouteChanged(route));
                true
            }
            Put::Changed => {
                self.emit(Event::RouteChanged(route));
                true
            }
            Put::Unchanged => true,
            Put::Full => {
                self.counters.tables.count(TableFull::Routes);
                false
            }
        }
    }

    /// Removes an advertised route, if it is there.
    fn withdraw_route(&mut self, route: &Route) {
        let removed = self.routes.remove_one(|other| {
            other.prefix == route.prefix
                && other.interface == route.interface
                && other.action == route.action
                && other.advertised
        });
        if let Some(removed) = removed {
            self.emit(Event::RouteRemoved(removed));
        }
    }

    /// A router says that it is none any more (RFC 4861, Sections 6.3.5 and 7.2.5).
    pub(super) fn lose_router(&mut self, index: InterfaceIndex, router: Ipv6Addr) {
        while let Some(route) = self.routes.remove_one(|route| {
            route.interface == index && route.gateway() == Some(router) && route.advertised
        }) {
            self.emit(Event::RouteRemoved(route));
        }
        if let Some(interface) = self.interface_mut(index) {
            interface.router_prefixes.forget(router);
        }
        self.forget_router(index, router);
    }

    /// Destinations that a Redirect sent to a router choose again.
    fn forget_router(&mut self, index: InterfaceIndex, router: Ipv6Addr) {
        self.destinations
            .forget_next_hops(|interface, _, next_hop| (interface, next_hop) == (index, router));
    }

    /// Removes routes whose lifetime is over.
    pub(crate) fn poll_routes(&mut self, now: Instant) {
        while let Some(route) = self.routes.expire(now) {
            if let Some(router) = route.gateway() {
                self.forget_router(route.interface, router);
            }
            self.emit(Event::RouteRemoved(route));
        }
    }
}

#[cfg(test)]
#[path = "router_tests.rs"]
mod tests;
