//! RTM_*ROUTE: the routing table.

use super::message::{Attributes, Builder, Header};
use super::request::{Dump, is_about_ipv6};
use crate::net::datagram::errno::no_route;
use crate::net::{self, KernelStack};
use crate::syscall::errno::Errno;
use crate::time::{self, Instant};
use ::net::Table;
use ::net::address::Prefix;
use ::net::expiry::Expiry;
use ::net::interface::InterfaceIndex;
use ::net::route::{Route, RouteAction, RouteError, RouteProtocol, RouteSelector};
use ::net::wire::ndp_option::RouterPreference;
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use linux_raw_sys::net::AF_INET6;
use linux_raw_sys::netlink::rtattr_type_t::{
    RTA_CACHEINFO, RTA_DST, RTA_EXPIRES, RTA_GATEWAY, RTA_METRICS, RTA_OIF, RTA_PREF, RTA_PREFSRC,
    RTA_PRIORITY, RTA_TABLE,
};
use linux_raw_sys::netlink::{
    NLM_F_EXCL, NLM_F_REPLACE, RTAX_HOPLIMIT, RTAX_MTU, RTM_DELROUTE, RTM_NEWROUTE, RTN_BLACKHOLE,
    RTN_LOCAL, RTN_MULTICAST, RTN_PROHIBIT, RTN_UNICAST, RTN_UNREACHABLE, RTN_UNSPEC,
    RTPROT_KERNEL, RTPROT_RA, RTPROT_UNSPEC, rt_class_t, rt_scope_t,
};

/// Length of `rtmsg`.
const BODY_LENGTH: usize = 12;
const LOCAL: u8 = rt_class_t::RT_TABLE_LOCAL as u8;
const MAIN: u8 = rt_class_t::RT_TABLE_MAIN as u8;
/// ICMPV6_ROUTER_PREF_ values (RFC 4191 section 2.1).
const PREFERENCE_MEDIUM: u8 = 0;
const PREFERENCE_HIGH: u8 = 1;
const PREFERENCE_LOW: u8 = 3;

/// All routes.
pub(super) fn dump(payload: &[u8], header: Header) -> Dump {
    if !is_about_ipv6(payload) {
        return Dump::new();
    }
    let now = time::now();
    net::with_stack(|stack| {
        stack.routes().map(|route| emit(route, hop_limit(stack, route), now, header)).collect()
    })
}

/// `ip route get`: the way to one destination.
pub(super) fn get(payload: &[u8], header: Header) -> Result<Vec<u8>, Errno> {
    check_family(payload)?;
    let attributes = Attributes::after(payload, BODY_LENGTH);
    let destination = attributes.get(RTA_DST as u32).and_then(super::read_address);
    let destination = destination.ok_or(Errno::INVAL)?;
    let interface = attributes.get_u32(RTA_OIF as u32).and_then(InterfaceIndex::new);
    let now = time::now();
    let path = net::with_stack(|stack| stack.route_to(destination, interface, now));
    let path = path.map_err(no_route)?;
    let kind = match path.table {
        _ if destination.is_multicast() => RTN_MULTICAST,
        Table::Local => RTN_LOCAL,
        Table::Main => RTN_UNICAST,
    };
    let table = match path.table {
        Table::Local => LOCAL,
        Table::Main => MAIN,
    };
    let header = Header { kind: RTM_NEWROUTE as u16, ..header };
    let mut builder = Builder::new(header)
        .body(&[AF_INET6 as u8, 128, 0, 0, table, protocol_number(path.protocol), 0, kind as u8])
        .body(&[0; 4]);
    builder.attribute_u32(RTA_TABLE as u32, u32::from(table));
    builder.attribute(RTA_DST as u32, &destination.octets());
    builder.attribute_u32(RTA_OIF as u32, path.interface.get());
    if let Some(source) = path.source {
        builder.attribute(RTA_PREFSRC as u32, &source.octets());
    }
    if let Some(gateway) = path.gateway {
        builder.attribute(RTA_GATEWAY as u32, &gateway.octets());
    }
    builder.nested(RTA_METRICS as u32, |metrics| {
        metrics.attribute_u32(RTAX_MTU as u32, u32::from(path.mtu));
    });
    builder.attribute_u32(RTA_PRIORITY as u32, path.metric);
    builder.attribute(RTA_CACHEINFO as u32, &cache_info(path.expires, now, 0));
    builder.attribute_u8(RTA_PREF as u32, preference_number(path.preference));
    Ok(builder.finish())
}

/// RTM_NEWROUTE.
pub(super) fn add(payload: &[u8], flags: u32) -> Result<(), Errno> {
    let request = Request::parse(payload)?;
    let now = time::now();
    net::change_stack(|stack| {
        let route = request.route(now, |gateway| {
            // A gateway that is no link-local address tells the interface by itself.
            stack.route_to(gateway, None, now).ok().map(|path| path.interface)
        })?;
        let replace = flags & NLM_F_REPLACE != 0 && flags & NLM_F_EXCL == 0;
        stack.add_route(route, replace).map_err(errno)
    })
}

/// RTM_DELROUTE.
pub(super) fn delete(payload: &[u8]) -> Result<(), Errno> {
    let request = Request::parse(payload)?;
    let selector = RouteSelector {
        interface: request.interface,
        gateway: request.gateway,
        metric: request.metric,
        protocol: request.protocol,
        ..RouteSelector::prefix(request.prefix)
    };
    net::change_stack(|stack| stack.remove_route(&selector).map(|_| ()).map_err(errno))
}

fn errno(error: RouteError) -> Errno {
    match error {
        RouteError::Exists => Errno::EXIST,
        RouteError::NotFound => Errno::SRCH,
        RouteError::NoInterface => Errno::NODEV,
        RouteError::InterfaceDown => Errno::NETDOWN,
        RouteError::GatewayUnreachable => Errno::HOSTUNREACH,
        RouteError::BadPrefix => Errno::INVAL,
        RouteError::TableFull => Errno::NOBUFS,
    }
}

fn check_family(payload: &[u8]) -> Result<(), Errno> {
    let family = payload.first().ok_or(Errno::INVAL)?;
    if u32::from(*family) == AF_INET6 { Ok(()) } else { Err(Errno::AFNOSUPPORT) }
}

struct Request {
    prefix: Prefix,
    /// RTN_ value.
    kind: u8,
    protocol: Option<RouteProtocol>,
    interface: Option<InterfaceIndex>,
    gateway: Option<Ipv6Addr>,
    metric: Option<u32>,
    preference: RouterPreference,
    expires: Option<u32>,
}

impl Request {
    fn parse(payload: &[u8]) -> Result<Self, Errno> {
        check_family(payload)?;
        let &[_, length, source_length, _, table, protocol, _, kind, ..] = payload else {
            return Err(Errno::INVAL);
        };
        if source_length != 0 {
            // Routes by source do not exist here.
            return Err(Errno::OPNOTSUPP);
        }
        let attributes = Attributes::after(payload, BODY_LENGTH);
        let table = attributes.get_u32(RTA_TABLE as u32).unwrap_or(u32::from(table));
        if table != 0 && table != u32::from(MAIN) {
            return Err(Errno::SRCH);
        }
        let address = match attributes.get(RTA_DST as u32) {
            Some(bytes) => super::read_address(bytes).ok_or(Errno::INVAL)?,
            None => Ipv6Addr::UNSPECIFIED,
        };
        let gateway = match attributes.get(RTA_GATEWAY as u32) {
            Some(bytes) => Some(super::read_address(bytes).ok_or(Errno::INVAL)?),
            None => None,
        };
        let interface = match attributes.get_u32(RTA_OIF as u32) {
            Some(number) => Some(InterfaceIndex::new(number).ok_or(Errno::NODEV)?),
            None => None,
        };
        Ok(Self {
            prefix: Prefix::new(address, length).ok_or(Errno::INVAL)?,
            kind,
            protocol: (u32::from(protocol) != RTPROT_UNSPEC).then(|| self::protocol(protocol)),
            interface,
            gateway,
            metric: attributes.get_u32(RTA_PRIORITY as u32).filter(|metric| *metric != 0),
            preference: match attributes.get(RTA_PREF as u32) {
                Some([PREFERENCE_HIGH]) => RouterPreference::High,
                Some([PREFERENCE_LOW]) => RouterPreference::Low,
                _ => RouterPreference::Medium,
            },
            expires: attributes.get_u32(RTA_EXPIRES as u32).filter(|seconds| *seconds != 0),
        })
    }

    fn route(
        &self,
        now: Instant,
        interface_of: impl FnOnce(Ipv6Addr) -> Option<InterfaceIndex>,
    ) -> Result<Route, Errno> {
        let kind = u32::from(self.kind);
        let action = match self.gateway {
            _ if kind == RTN_UNREACHABLE as u32 => RouteAction::Unreachable,
            _ if kind == RTN_PROHIBIT as u32 => RouteAction::Prohibit,
            _ if kind == RTN_BLACKHOLE as u32 => RouteAction::Blackhole,
            _ if kind != RTN_UNICAST as u32 && kind != RTN_UNSPEC as u32 => {
                return Err(Errno::OPNOTSUPP);
            }
            Some(gateway) => RouteAction::Via(gateway),
            None => RouteAction::OnLink,
        };
        let interface = match (self.interface, action) {
            (Some(interface), _) => interface,
            (None, RouteAction::Via(gateway)) => interface_of(gateway).ok_or(Errno::HOSTUNREACH)?,
            (None, RouteAction::OnLink) => return Err(Errno::NODEV),
            // What refuses packets needs no interface: Linux files it under lo.
            (None, _) => InterfaceIndex::LOOPBACK,
        };
        Ok(Route {
            prefix: self.prefix,
            interface,
            action,
            metric: self.metric.unwrap_or(Route::METRIC_DEFAULT),
            advertised: false,
            protocol: self.protocol.unwrap_or(RouteProtocol::User(RTPROT_UNSPEC as u8)),
            preference: self.preference,
            expires: self.expires.map_or(Expiry::Never, |seconds| Expiry::from_secs(seconds, now)),
        })
    }
}

fn protocol(number: u8) -> RouteProtocol {
    match u32::from(number) {
        RTPROT_KERNEL => RouteProtocol::Kernel,
        RTPROT_RA => RouteProtocol::RouterAdvertisement,
        _ => RouteProtocol::User(number),
    }
}

/// The hop limit that the router of an advertised route told, which is shown with the route.
pub(super) fn hop_limit(stack: &KernelStack, route: &Route) -> Option<u8> {
    let interface = stack.interface(route.interface)?;
    let advertised = route.protocol == RouteProtocol::RouterAdvertisement;
    advertised.then(|| interface.variables().hop_limit.0)
}

/// The message that describes a route.
pub(super) fn emit(route: &Route, hop_limit: Option<u8>, now: Instant, header: Header) -> Vec<u8> {
    describe(route, hop_limit, now, Header { kind: RTM_NEWROUTE as u16, ..header })
}

/// The message that tells of a route's disappearance.
pub(super) fn emit_removed(route: &Route, now: Instant, header: Header) -> Vec<u8> {
    describe(route, None, now, Header { kind: RTM_DELROUTE as u16, ..header })
}

fn describe(route: &Route, hop_limit: Option<u8>, now: Instant, header: Header) -> Vec<u8> {
    let protocol = protocol_number(route.protocol);
    let (kind, error) = match route.action {
        RouteAction::OnLink | RouteAction::Via(_) => (RTN_UNICAST, 0),
        RouteAction::Unreachable => (RTN_UNREACHABLE, Errno::HOSTUNREACH.raw()),
        RouteAction::Prohibit => (RTN_PROHIBIT, Errno::ACCES.raw()),
        RouteAction::Blackhole => (RTN_BLACKHOLE, Errno::INVAL.raw()),
    };
    let scope = rt_scope_t::RT_SCOPE_UNIVERSE as u8;
    let mut builder = Builder::new(header)
        .body(&[AF_INET6 as u8, route.prefix.length(), 0, 0, MAIN, protocol, scope, kind as u8])
        .body(&[0; 4]);
    builder.attribute_u32(RTA_TABLE as u32, u32::from(MAIN));
    if !route.is_default() {
        builder.attribute(RTA_DST as u32, &route.prefix.address().octets());
    }
    if let Some(hop_limit) = hop_limit {
        builder.nested(RTA_METRICS as u32, |metrics| {
            metrics.attribute_u32(RTAX_HOPLIMIT as u32, u32::from(hop_limit));
        });
    }
    builder.attribute_u32(RTA_PRIORITY as u32, route.metric);
    if let Some(gateway) = route.gateway() {
        builder.attribute(RTA_GATEWAY as u32, &gateway.octets());
    }
    builder.attribute_u32(RTA_OIF as u32, route.interface.get());
    builder.attribute(RTA_CACHEINFO as u32, &cache_info(route.expires, now, error));
    builder.attribute_u8(RTA_PREF as u32, preference_number(route.preference));
    builder.finish()
}

/// RTPROT_ value.
fn protocol_number(protocol: RouteProtocol) -> u8 {
    match protocol {
        RouteProtocol::Kernel => RTPROT_KERNEL as u8,
        RouteProtocol::RouterAdvertisement => RTPROT_RA as u8,
        RouteProtocol::User(number) => number,
    }
}

/// ICMPV6_ROUTER_PREF_ value.
fn preference_number(preference: RouterPreference) -> u8 {
    match preference {
        RouterPreference::Low => PREFERENCE_LOW,
        RouterPreference::Medium => PREFERENCE_MEDIUM,
        RouterPreference::High => PREFERENCE_HIGH,
    }
}

/// rta_cacheinfo: of its eight fields only expiry (hundredths) and error mean something.
fn cache_info(expires: Expiry, now: Instant, error: u16) -> Vec<u8> {
    let expires = expires.remaining(now).map_or(0, super::hundredths);
    let fields = [0, 0, expires, u32::from(error), 0, 0, 0, 0];
    fields.iter().flat_map(|value: &u32| value.to_ne_bytes()).collect()
}
