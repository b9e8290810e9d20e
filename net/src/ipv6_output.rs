//! IPv6 output: next-hop determination (RFC 4861, Section 5.2) and source selection.
//!
//! Every transport sends through [`Stack::send_packet`], with a [`Path`] from [`Stack::route`].

use crate::address::{AddressExt, Scope};
use crate::address_selection::{Candidate, SourcePreference, SourceRules, select_source};
use crate::buffer::BufferPool;
use crate::config::TemporaryAddresses;
use crate::counters::DropReason;
use crate::expiry::Expiry;
use crate::hash::HashKey;
use crate::interface::{Interface, InterfaceIndex};
use crate::memo::Memo;
use crate::random::Random;
use crate::route::{Choice, Route, RouteAction, RouteProtocol};
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::ipv6::{FlowLabel, HopLimit, NextHeader, TrafficClass};
use crate::wire::ndp_option::RouterPreference;
use core::fmt;
use core::net::Ipv6Addr;

/// Where a packet goes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Path {
    /// The interface it leaves by; for packets to this node, the one that owns the address.
    pub(crate) interface: InterfaceIndex,
    /// The neighbor or group that gets it.
    pub(crate) next_hop: Ipv6Addr,
    /// The longest packet possible, in octets.
    pub(crate) mtu: u16,
    /// It does not leave the node.
    pub(crate) local: bool,
    /// The router that would get it if it were not known to be unreachable.
    pub(crate) avoided: Option<(InterfaceIndex, Ipv6Addr)>,
}

/// Why there is no way to a destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoRoute {
    /// No route matches: ENETUNREACH.
    NoMatch,
    /// A route says that it is unreachable: EHOSTUNREACH.
    Unreachable,
    /// A route forbids it: EACCES.
    Prohibited,
    /// A route swallows it: EINVAL.
    Blackhole,
    /// The interface demanded is down: ENETDOWN.
    InterfaceDown,
}

impl fmt::Display for NoRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoMatch => "no route matches",
            Self::Unreachable => "unreachable by a route",
            Self::Prohibited => "prohibited by a route",
            Self::Blackhole => "swallowed by a route",
            Self::InterfaceDown => "interface is down",
        })
    }
}

impl core::error::Error for NoRoute {}

/// Who wants to send: the stack's own traffic has places reserved in the queues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Urgency {
    /// A program.
    User,
    /// The stack itself: Neighbor Discovery, MLD, ICMPv6.
    Control,
}

/// The header of a packet to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    pub(crate) next_header: NextHeader,
    pub(crate) hop_limit: HopLimit,
    pub(crate) traffic_class: TrafficClass,
    pub(crate) flow_label: FlowLabel,
    pub(crate) urgency: Urgency,
    /// A multicast packet also goes to this node, if it is in the group.
    pub(crate) multicast_loop: bool,
}

/// Paths by source, destination and demanded interface, each with what [`Stack::epoch`] said.
pub(crate) type PathMemo =
    Memo<(u32, Option<Ipv6Addr>, Ipv6Addr, Option<InterfaceIndex>), Path, 16>;
/// Source addresses likewise, by destination, interface, next hop and preference.
pub(crate) type SourceMemo =
    Memo<(u32, Ipv6Addr, InterfaceIndex, Ipv6Addr, Option<SourcePreference>), Option<Ipv6Addr>, 16>;
/// How replies to a packet's source go, by what [`Stack::epoch`] said, the interface it came in by,
/// its source and its destination.
pub(crate) type ReplyMemo = Memo<(u32, InterfaceIndex, Ipv6Addr, Ipv6Addr), (Outgoing, Path), 16>;
/// Flow labels by both ends and protocol.
pub(crate) type LabelMemo = Memo<((Ipv6Addr, u16), (Ipv6Addr, u16), NextHeader), FlowLabel, 16>;

/// A place in a memo: hosts of one subnet, and ports of one host, differ in their last octet. It is
/// taken as in [`AddressExt::is_group`].
#[inline]
pub(crate) fn place(address: Ipv6Addr) -> usize {
    usize::from(address.to_bits() as u8)
}

/// How much a route among equals is liked for a destination: random, but the same each time, so
/// that destinations are spread over routers (RFC 4311, Section 3).
pub(crate) fn route_share(key: &HashKey, destination: Ipv6Addr, route: &Route) -> u64 {
    key.hash(&(destination, route.interface, route.gateway()))
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The first hop to `destination`, by way of `interface` if one is demanded. A destination
    /// that needs a zone needs the interface, except that multicast has a default.
    pub(crate) fn route(
        &self,
        destination: Ipv6Addr,
        interface: Option<InterfaceIndex>,
        now: Instant,
    ) -> Result<Path, NoRoute> {
        self.route_from(None, destination, interface, now)
    }

    /// The same for packets whose source address is decided: of several routers, one that
    /// advertised a prefix of it is preferred (RFC 8028, Section 3.2).
    pub(crate) fn route_from(
        &self,
        source: Option<Ipv6Addr>,
        destination: Ipv6Addr,
        interface: Option<InterfaceIndex>,
        now: Instant,
    ) -> Result<Path, NoRoute> {
        if destination.is_multicast() {
            return self.route_multicast(destination, interface, now);
        }
        let question = (self.epoch(), source, destination, interface);
        let place = place(destination) + usize::from(source.is_some());
        if let Some(path) = self.paths.get(place, &question)
            && let Some(mtu) = self.revisit(&path, destination, now)
        {
            return Ok(Path { mtu, ..path });
        }
        let path = self.find_route(source, destination, interface, now)?;
        if self.lasts(&path) {
            self.paths.put(place, question, path);
        }
        Ok(path)
    }

    /// Whether a path is to be remembered: neither detours nor narrow paths are for long.
    pub(crate) fn lasts(&self, path: &Path) -> bool {
        path.avoided.is_none() && path.mtu == self.link_mtu(path)
    }

    /// The longest packet possible now on a path that was found at this [`Self::epoch`]; `None`
    /// when its router has failed since. A path that was found while its router was there stays
    /// the best one.
    #[inline]
    pub(crate) fn revisit(&self, path: &Path, destination: Ipv6Addr, now: Instant) -> Option<u16> {
        if path.next_hop != destination
            && self.neighbors.has_failed((path.interface, path.next_hop))
        {
            return None;
        }
        if path.local || self.destinations.is_empty() {
            return Some(path.mtu);
        }
        let narrow = self.destinations.path_mtu((path.interface, destination), now);
        Some(narrow.map_or(path.mtu, |mtu| mtu.min(path.mtu)))
    }

    /// Another number whenever an answer of [`Self::route`] or [`Self::select_source`] could be
    /// another one, except that routers fail and path MTUs come and go.
    #[inline]
    pub(crate) const fn epoch(&self) -> u32 {
        let changes = self.interfaces.changes().wrapping_add(self.routes.changes());
        changes.wrapping_add(self.destinations.changes()).wrapping_add(self.policies.changes())
    }

    fn find_route(
        &self,
        source: Option<Ipv6Addr>,
        destination: Ipv6Addr,
        interface: Option<InterfaceIndex>,
        now: Instant,
    ) -> Result<Path, NoRoute> {
        let own = self.owner_of(destination, interface);
        if let Some(owner) = own.or_else(|| self.anycast.interface_of(destination, interface)) {
            let mtu = self.interface(InterfaceIndex::LOOPBACK).map_or(u16::MAX, Interface::mtu);
            return Ok(Path {
                interface: owner,
                next_hop: destination,
                mtu,
                local: true,
                avoided: None,
            });
        }
        // RFC 4291, Section 2.5.3: ::1 never leaves the node.
        if destination.is_loopback() {
            return Err(NoRoute::NoMatch);
        }
        if destination.is_unicast_link_local() {
            let index = interface.ok_or(NoRoute::NoMatch)?;
            return self.hop(index, destination, destination, now);
        }
        let Choice { route, avoided } =
            self.lookup_route(source, destination, interface).ok_or_else(|| {
                let down = interface.and_then(|index| self.interface(index)).is_some_and(is_down);
                if down { NoRoute::InterfaceDown } else { NoRoute::NoMatch }
            })?;
        let next_hop = match route.action {
            RouteAction::OnLink => destination,
            RouteAction::Via(gateway) => gateway,
            RouteAction::Unreachable => return Err(NoRoute::Unreachable),
            RouteAction::Prohibit => return Err(NoRoute::Prohibited),
            RouteAction::Blackhole => return Err(NoRoute::Blackhole),
        };
        // RFC 4861, Section 8.3: a Redirect from that router overrides it.
        let redirected = self
            .destinations
            .next_hop((route.interface, destination), next_hop)
            .filter(|&to| !self.neighbors.is_unreachable((route.interface, to)));
        let next_hop = redirected.unwrap_or(next_hop);
        let hop = self.hop(route.interface, next_hop, destination, now)?;
        Ok(Path { avoided, ..hop })
    }

    /// The best entry of the routing table.
    pub(crate) fn lookup_route(
        &self,
        source: Option<Ipv6Addr>,
        destination: Ipv6Addr,
        interface: Option<InterfaceIndex>,
    ) -> Option<Choice> {
        self.routes.lookup(
            destination,
            |index| {
                interface.is_none_or(|demanded| demanded == index)
                    && self.interface(index).is_some_and(|found| !is_down(found))
            },
            |index, router| !self.neighbors.has_failed((index, router)),
            |index, router| source.is_some_and(|source| self.advertises(index, router, source)),
            |route| route_share(&self.flow_key, destination, route),
        )
    }

    /// The way of a packet whose source address was chosen for this first hop. If the router there
    /// does not know the prefix of the source, perhaps another one does (RFC 8028, Section 3.2).
    pub(crate) fn reconsider(
        &self,
        hop: Path,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        interface: Option<InterfaceIndex>,
        now: Instant,
    ) -> Path {
        let settled = hop.local
            || hop.next_hop == destination
            || self.advertises(hop.interface, hop.next_hop, source);
        if settled {
            return hop;
        }
        self.route_from(Some(source), destination, interface, now).unwrap_or(hop)
    }

    /// Whether a router advertises a prefix of this address.
    fn advertises(&self, index: InterfaceIndex, router: Ipv6Addr, address: Ipv6Addr) -> bool {
        self.interface(index).is_some_and(|found| found.router_prefixes.has(router, address))
    }

    fn hop(
        &self,
        index: InterfaceIndex,
        next_hop: Ipv6Addr,
        destination: Ipv6Addr,
        now: Instant,
    ) -> Result<Path, NoRoute> {
        let interface = self.interface(index).ok_or(NoRoute::NoMatch)?;
        if is_down(interface) {
            return Err(NoRoute::InterfaceDown);
        }
        let link = interface.mtu();
        let path = self.destinations.path_mtu((index, destination), now);
        let mtu = path.map_or(link, |path| path.min(link));
        Ok(Path { interface: index, next_hop, mtu, local: false, avoided: None })
    }

    fn route_multicast(
        &self,
        group: Ipv6Addr,
        interface: Option<InterfaceIndex>,
        now: Instant,
    ) -> Result<Path, NoRoute> {
        let index = match interface {
            Some(index) => index,
            None => self.default_multicast_interface().ok_or(NoRoute::NoMatch)?,
        };
        let found = self.interface(index).ok_or(NoRoute::NoMatch)?;
        if is_down(found) {
            return Err(NoRoute::InterfaceDown);
        }
        let local = found.is_loopback() || group.scope() <= Scope::INTERFACE_LOCAL;
        // RFC 8201, Section 5.2: the smallest that any branch of the tree has reported.
        let link = found.mtu();
        let path = self.destinations.path_mtu((index, group), now);
        let mtu = path.map_or(link, |path| path.min(link));
        Ok(Path { interface: index, next_hop: group, mtu, local, avoided: None })
    }

    /// The interface for multicast without one: the first that is up, `lo` last.
    pub(crate) fn default_multicast_interface(&self) -> Option<InterfaceIndex> {
        let up = || self.interfaces().filter(|interface| !is_down(interface));
        up().find(|interface| !interface.is_loopback())
            .or_else(|| up().next())
            .map(|interface| interface.index)
    }

    /// The source address for a packet to `destination` (RFC 6724, Section 5): of the addresses of
    /// the outgoing interface, since the answer must come back there.
    pub(crate) fn select_source(&self, destination: Ipv6Addr, hop: &Path) -> Option<Ipv6Addr> {
        self.select_source_by(None, destination, hop)
    }

    /// The same for a socket that has preferences (RFC 5014); without, the interface's settings
    /// say what rule 7 prefers.
    pub(crate) fn select_source_by(
        &self,
        preference: Option<SourcePreference>,
        destination: Ipv6Addr,
        hop: &Path,
    ) -> Option<Ipv6Addr> {
        let unicast = !destination.is_multicast() && !self.anycast.has(hop.interface, destination);
        if hop.local && unicast {
            return Some(destination);
        }
        let question = (self.epoch(), destination, hop.interface, hop.next_hop, preference);
        if let Some(source) = self.sources.get(place(destination), &question) {
            return source;
        }
        let interface = self.interface(hop.interface)?;
        let candidates =
            interface.addresses.iter().filter(|entry| entry.is_assigned()).map(|entry| Candidate {
                address: entry.address,
                prefix_length: entry.prefix_length,
                deprecated: entry.is_second_choice(),
                of_next_hop: interface.router_prefixes.has(hop.next_hop, entry.address),
                temporary: entry.temporary.is_some(),
            });
        let preference = preference.unwrap_or(match interface.settings.temporary {
            TemporaryAddresses::Preferred => SourcePreference::Temporary,
            TemporaryAddresses::Off | TemporaryAddresses::Available => SourcePreference::Public,
        });
        let rules =
            SourceRules { policies: &self.policies, interface: Some(hop.interface), preference };
        let source = select_source(destination, &rules, candidates);
        self.sources.put(place(destination), question, source);
        source
    }

    /// The source address that packets to `destination` would have, the interface and router
    /// they would leave by, and the route that says so: what `ip route get` shows and destination
    /// ordering needs.
    pub fn route_to(
        &self,
        destination: Ipv6Addr,
        interface: Option<InterfaceIndex>,
        now: Instant,
    ) -> Result<RouteTo, NoRoute> {
        let hop = self.route(destination, interface, now)?;
        let source = self.select_source(destination, &hop);
        let hop =
            source.map_or(hop, |source| self.reconsider(hop, source, destination, interface, now));
        let connected = |table, metric| RouteTo {
            interface: hop.interface,
            gateway: (hop.next_hop != destination).then_some(hop.next_hop),
            source,
            mtu: hop.mtu,
            local: hop.local,
            table,
            metric,
            protocol: RouteProtocol::Kernel,
            preference: RouterPreference::Medium,
            expires: Expiry::Never,
        };
        if destination.is_multicast() {
            return Ok(connected(Table::Local, Route::METRIC_CONNECTED));
        }
        if hop.local {
            return Ok(connected(Table::Local, 0));
        }
        let found = self.lookup_route(source, destination, Some(hop.interface));
        // What is link-local needs no entry of the table.
        let Some(Choice { route, .. }) = found else {
            return Ok(connected(Table::Main, Route::METRIC_CONNECTED));
        };
        let Route { metric, protocol, preference, expires, .. } = route;
        Ok(RouteTo { metric, protocol, preference, expires, ..connected(Table::Main, metric) })
    }

    pub(crate) fn default_hop_limit(&self, index: InterfaceIndex) -> HopLimit {
        self.interface(index).map_or(HopLimit::DEFAULT, |found| found.variables.hop_limit)
    }

    /// The flow label of a conversation (RFC 6437, Section 3): a keyed hash, never zero.
    pub(crate) fn flow_label(
        &self,
        source: (Ipv6Addr, u16),
        destination: (Ipv6Addr, u16),
        protocol: NextHeader,
    ) -> FlowLabel {
        let question = (source, destination, protocol);
        let place = usize::from(source.1 ^ destination.1);
        if let Some(label) = self.labels.get(place, &question) {
            return label;
        }
        let hash = self.flow_key.hash(&question);
        let label = FlowLabel::from_low_bits(hash as u32);
        let label = if label == FlowLabel::NONE { FlowLabel::from_low_bits(1) } else { label };
        self.labels.put(place, question, label);
        label
    }

    /// Whether so many packets would find room on their way out now.
    pub(crate) fn has_room(&self, hop: &Path, urgency: Urgency, count: usize) -> bool {
        if hop.local {
            return self.local.len() + count <= crate::limits::LOCAL_QUEUE / 2;
        }
        let queued = self.interfaces.queued(hop.interface);
        queued.is_none_or(|queued| queued + count <= urgency.transmit_limit())
    }

    /// Counts a packet for which there is no route.
    pub(crate) fn count_no_route(&mut self, index: Option<InterfaceIndex>, error: NoRoute) {
        let counters = match index.and_then(|index| self.interface_counters(index)) {
            Some(counters) => &mut counters.ipv6,
            None => &mut self.counters.ipv6,
        };
        let reason = match error {
            NoRoute::InterfaceDown => {
                counters.out_discards += 1;
                DropReason::TransmitInterfaceDown
            }
            NoRoute::NoMatch | NoRoute::Unreachable | NoRoute::Prohibited | NoRoute::Blackhole => {
                counters.out_no_routes += 1;
                DropReason::NoRoute
            }
        };
        self.count_drop(index, reason);
    }

    /// Counts a packet that would have to be fragmented.
    pub(crate) fn count_fragmentation_failure(&mut self, index: InterfaceIndex) {
        if let Some(counters) = self.interface_counters(index) {
            counters.ipv6.fragmentation_failures += 1;
        }
        self.count_drop(Some(index), DropReason::TooBig);
    }
}

/// Where packets to a destination go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouteTo {
    /// The interface they leave by.
    pub interface: InterfaceIndex,
    /// The router, if the destination is not a neighbor.
    pub gateway: Option<Ipv6Addr>,
    /// The source address they have unless the sender chooses another one.
    pub source: Option<Ipv6Addr>,
    /// The path MTU, in octets.
    pub mtu: u16,
    /// The destination is this node.
    pub local: bool,
    /// Where the route that leads there would be on Linux.
    pub table: Table,
    /// That route's metric.
    pub metric: u32,
    /// Who made that route.
    pub protocol: RouteProtocol,
    /// How good its router is.
    pub preference: RouterPreference,
    /// When it disappears.
    pub expires: Expiry,
}

/// The routing tables that Linux has by default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    /// Addresses of this node, and groups.
    Local,
    /// Everything else.
    Main,
}

fn is_down<B>(interface: &Interface<B>) -> bool {
    !interface.is_running()
}
