//! The routing table, which is also the prefix list and the default router list of RFC 4861
//! (Section 5.1) and the table of a type C host (RFC 4191, Section 3).
//!
//! On-link prefixes are routes without a gateway; a prefix is on-link for no other reason
//! (RFC 5942, Section 4). How advertisements change the table is in `ndp`.

use crate::address::Prefix;
use crate::expiry::Expiry;
use crate::interface::InterfaceIndex;
use crate::limits;
use crate::time::Instant;
use crate::wire::ndp_option::RouterPreference;
use core::cmp::{Ordering, Reverse};
use core::fmt;
use core::net::Ipv6Addr;
use heapless::Vec;

/// Who made a route: RTPROT_* of rtnetlink.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RouteProtocol {
    /// The stack, for its own addresses and for advertised on-link prefixes.
    Kernel,
    /// A Router Advertisement: default routes and more-specific routes.
    RouterAdvertisement,
    /// The user. The number is the RTPROT_* value that the user gave (3 is "boot", 4 "static").
    User(u8),
}

/// What happens to packets on a route.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RouteAction {
    /// The destination is a neighbor.
    OnLink,
    /// The packet goes to this router.
    Via(Ipv6Addr),
    /// Sending fails with "no route".
    Unreachable,
    /// Sending fails with "prohibited".
    Prohibit,
    /// Sending fails silently on the wire, with "invalid" for the sender, as on Linux.
    Blackhole,
}

/// A route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// The destinations.
    pub prefix: Prefix,
    /// The interface to use.
    pub interface: InterfaceIndex,
    /// What happens.
    pub action: RouteAction,
    /// Among routes to the same prefix, the lowest wins.
    pub metric: u32,
    /// Who made it.
    pub protocol: RouteProtocol,
    /// How good its router is.
    pub preference: RouterPreference,
    /// When it disappears.
    pub expires: Expiry,
    /// Whether a Router Advertisement made it, so that another one can take it back.
    pub advertised: bool,
}

impl Route {
    /// The metric of connected prefixes, as on Linux.
    pub const METRIC_CONNECTED: u32 = 256;
    /// The metric of other routes unless the user says otherwise, as on Linux.
    pub const METRIC_DEFAULT: u32 = 1024;

    /// The router, if there is one.
    pub const fn gateway(&self) -> Option<Ipv6Addr> {
        match self.action {
            RouteAction::Via(gateway) => Some(gateway),
            _ => None,
        }
    }

    /// Whether it leads everywhere.
    pub const fn is_default(&self) -> bool {
        self.prefix.length() == 0
    }

    /// Where it stands in the table, and so in what users are shown: by prefix, the default last.
    const fn order(&self) -> (bool, Prefix, u32) {
        (self.is_default(), self.prefix, self.metric)
    }

    /// Whether both are the same route, whatever their lifetime and preference.
    fn same(&self, other: &Self) -> bool {
        self.prefix == other.prefix
            && self.interface == other.interface
            && self.action == other.action
            && self.metric == other.metric
    }
}

/// Which routes a request to delete means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouteSelector {
    /// Exactly this prefix.
    pub prefix: Prefix,
    /// Only through this interface.
    pub interface: Option<InterfaceIndex>,
    /// Only through this router.
    pub gateway: Option<Ipv6Addr>,
    /// Only with this metric.
    pub metric: Option<u32>,
    /// Only made by these.
    pub protocol: Option<RouteProtocol>,
}

impl RouteSelector {
    /// All routes to `prefix`.
    pub const fn prefix(prefix: Prefix) -> Self {
        Self { prefix, interface: None, gateway: None, metric: None, protocol: None }
    }

    fn matches(&self, route: &Route) -> bool {
        let Self { prefix, interface, gateway, metric, protocol } = *self;
        route.prefix == prefix
            && interface.is_none_or(|interface| route.interface == interface)
            && gateway.is_none_or(|gateway| route.gateway() == Some(gateway))
            && metric.is_none_or(|metric| route.metric == metric)
            && protocol.is_none_or(|protocol| route.protocol == protocol)
    }
}

/// Why a route cannot be added or deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RouteError {
    /// The same route is there already.
    Exists,
    /// No route matches.
    NotFound,
    /// No such interface.
    NoInterface,
    /// The interface is down.
    InterfaceDown,
    /// The gateway is not a neighbor's unicast address: multicast, unspecified, our own, or not
    /// on-link.
    GatewayUnreachable,
    /// A multicast prefix cannot be routed by the user.
    BadPrefix,
    /// The table is full.
    TableFull,
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exists => "route exists",
            Self::NotFound => "no such route",
            Self::NoInterface => "no such interface",
            Self::InterfaceDown => "interface is down",
            Self::GatewayUnreachable => "gateway is not a neighbor",
            Self::BadPrefix => "bad prefix",
            Self::TableFull => "too many routes",
        })
    }
}

impl core::error::Error for RouteError {}

/// What [`RouteTable::lookup`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    /// The best route.
    pub(crate) route: Route,
    /// The router that would be used if it were not known to be unreachable.
    pub(crate) avoided: Option<(InterfaceIndex, Ipv6Addr)>,
}

/// What [`RouteTable::put`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Put {
    Added,
    Changed,
    Unchanged,
    Full,
}

/// All routes.
#[derive(Debug)]
pub(crate) struct RouteTable {
    /// In order.
    routes: Vec<Route, { limits::ROUTES }>,
    /// Not later than the first expiry.
    next_expiry: Instant,
    /// Counts uses of the rule that unreachable routers are tried in turn.
    rotor: u32,
    /// Counts changes.
    changes: u32,
}

impl RouteTable {
    pub(crate) const fn new() -> Self {
        Self { routes: Vec::new(), next_expiry: Instant::FAR_FUTURE, rotor: 0, changes: 0 }
    }

    /// Another number whenever a route was added, changed or removed.
    pub(crate) const fn changes(&self) -> u32 {
        self.changes
    }

    pub(crate) fn iter(&self) -> core::slice::Iter<'_, Route> {
        self.routes.iter()
    }

    /// Adds a route, or gives an equal one the new lifetime, preference and protocol.
    pub(crate) fn put(&mut self, route: Route) -> Put {
        if let Some(put) = self.renew(route) {
            return put;
        }
        self.next_expiry = self.next_expiry.min(route.expires.deadline());
        self.changes = self.changes.wrapping_add(1);
        let position = self
            .iter()
            .position(|other| other.order() > route.order())
            .unwrap_or(self.routes.len());
        match self.routes.insert(position, route) {
            Ok(()) => Put::Added,
            Err(_) => Put::Full,
        }
    }

    /// Whether an equal route is there.
    pub(crate) fn contains(&self, route: &Route) -> bool {
        self.iter().any(|other| other.same(route))
    }

    /// Gives an equal route, if it is there, the new lifetime, preference and protocol.
    pub(crate) fn renew(&mut self, route: Route) -> Option<Put> {
        let old = self.routes.iter_mut().find(|old| old.same(&route))?;
        self.next_expiry = self.next_expiry.min(route.expires.deadline());
        let changed = old.preference != route.preference || old.protocol != route.protocol;
        *old = route;
        if !changed {
            // No packet goes another way for that.
            return Some(Put::Unchanged);
        }
        self.changes = self.changes.wrapping_add(1);
        Some(Put::Changed)
    }

    /// Removes one route for which `which` holds. Call until `None` to remove all.
    pub(crate) fn remove_one(&mut self, mut which: impl FnMut(&Route) -> bool) -> Option<Route> {
        let position = self.iter().position(&mut which)?;
        self.changes = self.changes.wrapping_add(1);
        Some(self.routes.remove(position))
    }

    /// Removes one route that the selector means: the one with the lowest metric.
    pub(crate) fn remove_selected(&mut self, selector: &RouteSelector) -> Option<Route> {
        let (position, _) = self
            .iter()
            .enumerate()
            .filter(|(_, route)| selector.matches(route))
            .min_by_key(|(_, route)| route.metric)?;
        self.changes = self.changes.wrapping_add(1);
        Some(self.routes.remove(position))
    }

    /// Removes one route whose lifetime is over.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Route> {
        if now < self.next_expiry {
            return None;
        }
        let expired = self.remove_one(|route| route.expires.is_over(now));
        if expired.is_none() {
            self.next_expiry = self
                .iter()
                .map(|route| route.expires.deadline())
                .min()
                .unwrap_or(Instant::FAR_FUTURE);
        }
        expired
    }

    pub(crate) const fn next_deadline(&self) -> Instant {
        self.next_expiry
    }

    /// Whether there are routes by way of this router.
    pub(crate) fn has_gateway(&self, interface: InterfaceIndex, router: Ipv6Addr) -> bool {
        self.iter().any(|route| route.interface == interface && route.gateway() == Some(router))
    }

    /// The best route to `destination` (RFC 4861, Section 5.2, and RFC 4191, Section 3.2): first
    /// those whose router is not known to be unreachable, then the longest prefix, the lowest
    /// metric, those whose router `suits` the source address (RFC 8028, Section 3.2), the highest
    /// preference, and among equals the one that `share` likes most.
    ///
    /// When all routers in question are unreachable they take turns, so that each is probed
    /// (RFC 4861, Section 6.3.6).
    pub(crate) fn lookup(
        &self,
        destination: Ipv6Addr,
        usable: impl Fn(InterfaceIndex) -> bool,
        reachable: impl Fn(InterfaceIndex, Ipv6Addr) -> bool,
        suits: impl Fn(InterfaceIndex, Ipv6Addr) -> bool,
        share: impl Fn(&Route) -> u64,
    ) -> Option<Choice> {
        let is_reachable = |route: &Route| match route.action {
            RouteAction::Via(gateway) => reachable(route.interface, gateway),
            _ => true,
        };
        let candidates = || {
            self.iter()
                .filter(|route| route.prefix.contains(destination) && usable(route.interface))
        };
        // Nearly always one route is better than all others, and its router is there.
        let is_suitable =
            |route: &Route| route.gateway().is_some_and(|router| suits(route.interface, router));
        let wish = |route: &Route| {
            let Route { prefix, metric, preference, .. } = route;
            (prefix.length(), Reverse(*metric), is_suitable(route), *preference)
        };
        let mut single: Option<&Route> = None;
        let mut equals = 0;
        for route in candidates() {
            match single.map(|best| wish(route).cmp(&wish(best))) {
                Some(Ordering::Less) => {}
                Some(Ordering::Equal) => equals += 1,
                Some(Ordering::Greater) | None => (single, equals) = (Some(route), 1),
            }
        }
        let single = single?;
        if equals == 1 && is_reachable(single) {
            return Some(Choice { route: *single, avoided: None });
        }
        let rank = |route: &Route| (is_reachable(route), wish(route));
        let best = candidates().map(rank).max()?;
        let equal = || candidates().filter(|route| rank(route) == best);
        if best.0 {
            let wished = candidates().max_by_key(|route| (wish(route), share(route)))?;
            let avoided = wished.gateway().filter(|_| !is_reachable(wished));
            return Some(Choice {
                route: *equal().max_by_key(|route| share(route))?,
                avoided: avoided.map(|router| (wished.interface, router)),
            });
        }
        let (_, (longest, metric, ..)) = best;
        let turns = || {
            candidates()
                .filter(|route| route.prefix.length() == longest && Reverse(route.metric) == metric)
        };
        let count = turns().count().max(1);
        let route = *turns().nth(self.rotor as usize % count)?;
        Some(Choice { route, avoided: None })
    }

    /// Lets the next unreachable router have its turn.
    pub(crate) fn rotate(&mut self) {
        self.rotor = self.rotor.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USB0: InterfaceIndex = InterfaceIndex::from_slot(1);

    fn route(prefix: &str, via: Option<&str>) -> Route {
        Route {
            prefix: prefix.parse().unwrap(),
            interface: USB0,
            action: via.map_or(RouteAction::OnLink, |via| RouteAction::Via(via.parse().unwrap())),
            metric: if via.is_some() { 1024 } else { 256 },
            protocol: RouteProtocol::RouterAdvertisement,
            preference: RouterPreference::Medium,
            expires: Expiry::Never,
            advertised: true,
        }
    }

    fn table(routes: &[Route]) -> RouteTable {
        let mut table = RouteTable::new();
        for &route in routes {
            assert_eq!(table.put(route), Put::Added);
        }
        table
    }

    fn find(table: &RouteTable, destination: &str, dead: &[&str]) -> Option<Route> {
        choose(table, destination, dead).map(|choice| choice.route)
    }

    fn choose(table: &RouteTable, destination: &str, dead: &[&str]) -> Option<Choice> {
        let dead: Vec<Ipv6Addr, 8> = dead.iter().map(|text| text.parse().unwrap()).collect();
        table.lookup(
            destination.parse().unwrap(),
            |_| true,
            |_, router| !dead.contains(&router),
            |_, _| false,
            |_| 0,
        )
    }

    #[test]
    fn the_longest_prefix_wins() {
        let on_link = route("2001:db8:1::/64", None);
        let specific = route("2001:db8::/32", Some("fe80::2"));
        let default = route("::/0", Some("fe80::1"));
        let table = table(&[default, specific, on_link]);
        assert_eq!(find(&table, "2001:db8:1::7", &[]), Some(on_link));
        assert_eq!(find(&table, "2001:db8:2::7", &[]), Some(specific));
        assert_eq!(find(&table, "2001:dead::7", &[]), Some(default));
    }

    #[test]
    fn routes_are_in_order() {
        let default = route("::/0", Some("fe80::1"));
        let [a, b, c] = ["2001:db8:1::/64", "2001:db8:2::/64", "fe80::/64"].map(|p| route(p, None));
        let low = Route { metric: 1, ..b };
        let table = table(&[c, default, b, a, low]);
        assert!(table.iter().eq(&[a, low, b, c, default]));
    }

    #[test]
    fn no_route_is_not_on_link() {
        let table = table(&[route("2001:db8:1::/64", None)]);
        assert_eq!(find(&table, "2001:db8:2::1", &[]), None);
    }

    #[test]
    fn preference_and_reachability() {
        let low = Route { preference: RouterPreference::Low, ..route("::/0", Some("fe80::1")) };
        let high = Route { preference: RouterPreference::High, ..route("::/0", Some("fe80::2")) };
        let mut table = table(&[low, high]);
        assert_eq!(find(&table, "2001:db8::1", &[]), Some(high));
        let choice = choose(&table, "2001:db8::1", &["fe80::2"]).unwrap();
        assert_eq!(choice.route, low);
        assert_eq!(choice.avoided, Some((USB0, "fe80::2".parse().unwrap())));
        // That one is of no interest as long as a better one answers.
        assert_eq!(choose(&table, "2001:db8::1", &["fe80::1"]).unwrap().avoided, None);
        // Nobody reachable: they take turns.
        let all = ["fe80::1", "fe80::2"];
        let first = find(&table, "2001:db8::1", &all).unwrap();
        table.rotate();
        let second = find(&table, "2001:db8::1", &all).unwrap();
        assert_ne!(first, second);
        table.rotate();
        assert_eq!(find(&table, "2001:db8::1", &all), Some(first));
    }

    #[test]
    fn an_unreachable_specific_router_gives_way_to_the_default() {
        let specific = route("2001:db8::/32", Some("fe80::2"));
        let default = route("::/0", Some("fe80::1"));
        let table = table(&[specific, default]);
        assert_eq!(find(&table, "2001:db8::1", &["fe80::2"]), Some(default));
    }

    #[test]
    fn lower_metric_wins_before_preference() {
        let user = Route { metric: 100, ..route("::/0", Some("fe80::1")) };
        let high = Route { preference: RouterPreference::High, ..route("::/0", Some("fe80::2")) };
        assert_eq!(find(&table(&[high, user]), "2001:db8::1", &[]), Some(user));
    }

    #[test]
    fn routes_expire() {
        let soon = Expiry::At(Instant::from_secs(5));
        let later = Expiry::At(Instant::from_secs(9));
        let a = Route { expires: soon, ..route("::/0", Some("fe80::1")) };
        let b = Route { expires: later, ..route("2001:db8::/64", None) };
        let mut table = table(&[a, b]);
        assert_eq!(table.next_deadline(), Instant::from_secs(5));
        assert_eq!(table.expire(Instant::from_secs(4)), None);
        assert_eq!(table.expire(Instant::from_secs(5)), Some(a));
        assert_eq!(table.expire(Instant::from_secs(5)), None);
        assert_eq!(table.next_deadline(), Instant::from_secs(9));
        assert_eq!(table.put(Route { expires: Expiry::Never, ..b }), Put::Unchanged);
        assert_eq!(table.expire(Instant::from_secs(99)), None);
        assert_eq!(table.next_deadline(), Instant::FAR_FUTURE);
    }

    #[test]
    fn a_full_table_refuses_and_keeps_what_it_has() {
        let mut table = RouteTable::new();
        for number in 0..limits::ROUTES {
            assert_eq!(table.put(route(&format!("2001:db8:{number:x}::/48"), None)), Put::Added);
        }
        assert_eq!(table.put(route("::/0", Some("fe80::1"))), Put::Full);
        assert_eq!(table.put(route("2001:db8:1::/48", None)), Put::Unchanged);
        assert!(find(&table, "2001:db8:1::1", &[]).is_some());
    }
}
