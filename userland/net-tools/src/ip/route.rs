//! What a message about a route says, and how iproute2 prints it.
//!
//! RTM_NEWROUTE: `struct rtmsg` and RTA_ attributes (rtnetlink(7)).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::mem::{offset_of, size_of};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use linux_raw_sys::net::AF_INET;
use linux_raw_sys::netlink::{
    RTAX_ADVMSS, RTAX_CWND, RTAX_HOPLIMIT, RTAX_INITCWND, RTAX_INITRWND, RTAX_LOCK, RTAX_MTU,
    RTAX_QUICKACK, RTAX_REORDERING, RTAX_RTO_MIN, RTAX_RTT, RTAX_RTTVAR, RTAX_SSTHRESH,
    RTAX_WINDOW, RTM_F_CLONED, RTN_UNICAST, RTNH_F_DEAD, RTNH_F_LINKDOWN, RTNH_F_OFFLOAD,
    RTNH_F_ONLINK, RTNH_F_PERVASIVE, RTPROT_BOOT, rt_class_t, rt_scope_t, rta_cacheinfo,
    rtattr_type_t as rta, rtmsg, rtnexthop,
};

use super::arguments::is_host;
use super::interfaces::Interfaces;
use super::names::{PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES, name};
use super::style::Style;
use crate::netlink::{Attribute, Attributes, field};
use crate::prefix::Prefix;

/// The number of the main routing table.
pub const MAIN: u32 = rt_class_t::RT_TABLE_MAIN as u32;

/// Hundredths of a second: the unit of times in `rta_cacheinfo`.
const TICKS_PER_SECOND: i32 = 100;

/// The metrics of a route by their RTAX numbers, in order.
const METRICS: [(u32, &str); 13] = [
    (RTAX_MTU as u32, "mtu"),
    (RTAX_WINDOW as u32, "window"),
    (RTAX_RTT as u32, "rtt"),
    (RTAX_RTTVAR as u32, "rttvar"),
    (RTAX_SSTHRESH as u32, "ssthresh"),
    (RTAX_CWND as u32, "cwnd"),
    (RTAX_ADVMSS as u32, "advmss"),
    (RTAX_REORDERING as u32, "reordering"),
    (RTAX_HOPLIMIT as u32, "hoplimit"),
    (RTAX_INITCWND as u32, "initcwnd"),
    (RTAX_RTO_MIN as u32, "rto_min"),
    (RTAX_INITRWND as u32, "initrwnd"),
    (RTAX_QUICKACK as u32, "quickack"),
];

/// The flags of a next hop by name.
const FLAGS: [(u32, &str); 5] = [
    (RTNH_F_DEAD, "dead"),
    (RTNH_F_ONLINK, "onlink"),
    (RTNH_F_PERVASIVE, "pervasive"),
    (RTNH_F_OFFLOAD, "offload"),
    (RTNH_F_LINKDOWN, "linkdown"),
];

/// One of several next hops.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NextHop {
    gateway: Option<IpAddr>,
    interface: u32,
    weight: u32,
    flags: u32,
}

/// `struct rta_cacheinfo`, as far as it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Usage {
    users: u32,
    last_use: u32,
    expires: i32,
    error: u32,
    used: u32,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `AF_` number.
    pub family: u8,
    /// Where it leads; length 0 is the default route.
    pub destination: Prefix,
    /// Only for packets from there.
    source: Option<Prefix>,
    /// The next router.
    pub gateway: Option<IpAddr>,
    /// The interface that packets leave by.
    pub interface: Option<u32>,
    /// The number of its table.
    pub table: u32,
    /// RTPROT number: who made it.
    pub protocol: u8,
    /// RT_SCOPE number.
    pub scope: u8,
    /// RTN number.
    pub kind: u8,
    /// `RTNH_F_` and `RTM_F_` bits.
    pub flags: u32,
    /// The address that packets of ours are sent from.
    preferred_source: Option<IpAddr>,
    /// Lower is better.
    pub priority: Option<u32>,
    usage: Option<Usage>,
    /// RTAX numbers with their values and whether they are fixed.
    metrics: Vec<(u32, u32, bool)>,
    input: Option<u32>,
    preference: Option<u8>,
    next_hops: Vec<NextHop>,
}

fn next_hops(mut bytes: &[u8]) -> Vec<NextHop> {
    let mut hops = Vec::new();
    loop {
        let hop = || {
            let length = field::u16_at(bytes, offset_of!(rtnexthop, rtnh_len))?;
            let whole = bytes.get(..usize::from(length))?;
            let attributes = Attributes::after(whole, size_of::<rtnexthop>());
            Some(NextHop {
                gateway: attributes.find(rta::RTA_GATEWAY as u32).and_then(Attribute::address),
                interface: field::u32_at(whole, offset_of!(rtnexthop, rtnh_ifindex))?,
                weight: u32::from(field::u8_at(whole, offset_of!(rtnexthop, rtnh_hops))?) + 1,
                flags: field::u8_at(whole, offset_of!(rtnexthop, rtnh_flags))?.into(),
            })
            .map(|hop| (hop, usize::from(length).next_multiple_of(4)))
        };
        let Some((hop, length)) = hop() else { return hops };
        hops.push(hop);
        bytes = bytes.get(length..).unwrap_or_default();
    }
}

impl Route {
    /// Reads the message; `None` when its fixed part is too short.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let attributes = Attributes::after(payload, size_of::<rtmsg>());
        let byte = |offset| field::u8_at(payload, offset);
        let number = |kind: rta| attributes.find(kind as u32).and_then(Attribute::u32);
        let address = |kind: rta| attributes.find(kind as u32).and_then(Attribute::address);
        let family = byte(offset_of!(rtmsg, rtm_family))?;
        let nowhere = if u32::from(family) == AF_INET {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        } else {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED)
        };
        let source_length = byte(offset_of!(rtmsg, rtm_src_len))?;
        let source = address(rta::RTA_SRC);
        let usage = attributes.find(rta::RTA_CACHEINFO as u32).and_then(|attribute| {
            let field = |offset| field::u32_at(attribute.value, offset);
            Some(Usage {
                users: field(offset_of!(rta_cacheinfo, rta_clntref))?,
                last_use: field(offset_of!(rta_cacheinfo, rta_lastuse))?,
                expires: field(offset_of!(rta_cacheinfo, rta_expires))? as i32,
                error: field(offset_of!(rta_cacheinfo, rta_error))?,
                used: field(offset_of!(rta_cacheinfo, rta_used))?,
            })
        });
        let metrics = attributes.find(rta::RTA_METRICS as u32).map_or_else(Vec::new, |metrics| {
            let metrics = metrics.nested();
            let locks = metrics.find(RTAX_LOCK as u32).and_then(Attribute::u32).unwrap_or(0);
            let metric = |&(kind, _): &(u32, &str)| {
                let value = metrics.find(kind).and_then(Attribute::u32)?;
                Some((kind, value, locks & (1 << kind) != 0))
            };
            METRICS.iter().filter_map(metric).collect()
        });
        Some(Self {
            family,
            destination: Prefix {
                address: address(rta::RTA_DST).unwrap_or(nowhere),
                length: byte(offset_of!(rtmsg, rtm_dst_len))?,
                explicit: true,
            },
            source: (source.is_some() || source_length != 0).then(|| Prefix {
                address: source.unwrap_or(nowhere),
                length: source_length,
                explicit: true,
            }),
            gateway: address(rta::RTA_GATEWAY),
            interface: number(rta::RTA_OIF),
            table: number(rta::RTA_TABLE)
                .or_else(|| byte(offset_of!(rtmsg, rtm_table)).map(u32::from))?,
            protocol: byte(offset_of!(rtmsg, rtm_protocol))?,
            scope: byte(offset_of!(rtmsg, rtm_scope))?,
            kind: byte(offset_of!(rtmsg, rtm_type))?,
            flags: field::u32_at(payload, offset_of!(rtmsg, rtm_flags))?,
            preferred_source: address(rta::RTA_PREFSRC),
            priority: number(rta::RTA_PRIORITY),
            usage,
            metrics,
            input: number(rta::RTA_IIF),
            preference: attributes.find(rta::RTA_PREF as u32).and_then(Attribute::u8),
            next_hops: attributes
                .find(rta::RTA_MULTIPATH as u32)
                .map_or_else(Vec::new, |hops| next_hops(hops.value)),
        })
    }

    /// What `ip route` prints of it; what `filter` fixes is left out, as everybody knows it.
    #[must_use]
    pub fn text(&self, interfaces: &Interfaces, style: Style, filter: &Filter) -> String {
        let mut text = String::new();
        self.write(&mut text, interfaces, style, filter);
        text.push('\n');
        text
    }

    // Writing to a string does not fail.
    fn write(&self, text: &mut String, interfaces: &Interfaces, style: Style, filter: &Filter) {
        let details = style.details;
        if u32::from(self.kind) != RTN_UNICAST as u32 || details {
            let _ = write!(text, "{} ", name(ROUTE_TYPES, self.kind.into()));
        }
        if self.destination.length == 0 {
            text.push_str("default ");
        } else {
            write_prefix(text, &self.destination);
        }
        if let Some(source) = &self.source {
            text.push_str("from ");
            write_prefix(text, source);
        }
        if let Some(gateway) = self.gateway.filter(|_| filter.gateway.is_none()) {
            let _ = write!(text, "via {gateway} ");
        }
        if let Some(interface) = self.interface.filter(|_| filter.interface.is_none()) {
            let _ = write!(text, "dev {} ", interfaces.name(interface));
        }
        if self.table != 0 && (self.table != MAIN || details) && filter.table.is_none() {
            let _ = write!(text, "table {} ", name(TABLES, self.table));
        }
        if self.flags & RTM_F_CLONED == 0 {
            if (u32::from(self.protocol) != RTPROT_BOOT || details) && filter.protocol.is_none() {
                let _ = write!(text, "proto {} ", name(PROTOCOLS, self.protocol.into()));
            }
            let global = self.scope == rt_scope_t::RT_SCOPE_UNIVERSE as u8;
            if (!global || details) && filter.scope.is_none() {
                let _ = write!(text, "scope {} ", name(SCOPES, self.scope.into()));
            }
        }
        if let Some(source) = self.preferred_source {
            let _ = write!(text, "src {source} ");
        }
        if let Some(priority) = self.priority.filter(|_| filter.priority.is_none()) {
            let _ = write!(text, "metric {priority} ");
        }
        write_flags(text, self.flags);
        if let Some(usage) = &self.usage {
            usage.write(text, style);
        }
        self.write_metrics(text);
        if let Some(input) = self.input {
            let _ = write!(text, "iif {} ", interfaces.name(input));
        }
        // RFC 4191 section 2.1: two bits, 3 is -1.
        let _ = match self.preference {
            None => Ok(()),
            Some(0) => write!(text, "pref medium"),
            Some(1) => write!(text, "pref high"),
            Some(3) => write!(text, "pref low"),
            Some(other) => write!(text, "{other}"),
        };
        for hop in &self.next_hops {
            let _ = write!(text, "{}\tnexthop ", style.newline());
            if let Some(gateway) = hop.gateway {
                let _ = write!(text, "via {gateway} ");
            }
            let _ = write!(text, "dev {} weight {} ", interfaces.name(hop.interface), hop.weight);
            write_flags(text, hop.flags);
        }
    }

    fn write_metrics(&self, text: &mut String) {
        for &(kind, value, locked) in &self.metrics {
            // A hop limit of -1 is no hop limit.
            if kind == RTAX_HOPLIMIT as u32 && value == u32::MAX {
                continue;
            }
            let word =
                METRICS.iter().find(|(known, _)| *known == kind).map_or("", |(_, word)| word);
            let lock = if locked { "lock " } else { "" };
            let _ = write!(text, "{word} {lock}");
            // Round-trip times are kept in eighths, their variation in quarters of a millisecond.
            let milliseconds = match kind {
                _ if kind == RTAX_RTT as u32 => Some(value / 8),
                _ if kind == RTAX_RTTVAR as u32 => Some(value / 4),
                _ if kind == RTAX_RTO_MIN as u32 => Some(value),
                _ => None,
            };
            let _ = match milliseconds {
                None => write!(text, "{value} "),
                Some(time) if time >= 1000 => {
                    let fraction = alloc::format!("{:03}", time % 1000);
                    let fraction = fraction.trim_end_matches('0');
                    let point = if fraction.is_empty() { "" } else { "." };
                    write!(text, "{}{point}{fraction}s ", time / 1000)
                }
                Some(time) => write!(text, "{time}ms "),
            };
        }
    }
}

impl Usage {
    fn write(&self, text: &mut String, style: Style) {
        if self.expires != 0 {
            let _ = write!(text, "expires {}sec ", self.expires / TICKS_PER_SECOND);
        }
        if self.error != 0 {
            let _ = write!(text, "error {} ", self.error);
        }
        if style.statistics > 0 {
            if self.users != 0 {
                let _ = write!(text, "users {} ", self.users);
            }
            if self.used != 0 {
                let _ = write!(text, "used {} ", self.used);
            }
            if self.last_use != 0 {
                let _ = write!(text, "age {}sec ", self.last_use / TICKS_PER_SECOND as u32);
            }
        }
    }
}

fn write_prefix(text: &mut String, prefix: &Prefix) {
    let _ = if is_host(prefix) {
        write!(text, "{} ", prefix.address)
    } else {
        write!(text, "{}/{} ", prefix.address, prefix.length)
    };
}

fn write_flags(text: &mut String, flags: u32) {
    for (bit, word) in FLAGS {
        if flags & bit != 0 {
            let _ = write!(text, "{word} ");
        }
    }
}

/// How the destination of a route compares with a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It lies within the prefix.
    Root(Prefix),
    /// It contains the prefix.
    Match(Prefix),
    /// It is the prefix.
    Exact(Prefix),
}

/// Which routes are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this table.
    pub table: Option<u32>,
    /// Copies for a destination that the kernel made, instead of routes.
    pub cloned: bool,
    /// Made by this one.
    pub protocol: Option<u8>,
    /// Of this scope.
    pub scope: Option<u8>,
    /// Of this type.
    pub kind: Option<u8>,
    /// Leaving by this interface.
    pub interface: Option<u32>,
    /// Over this router.
    pub gateway: Option<IpAddr>,
    /// With this metric.
    pub priority: Option<u32>,
    /// To there.
    pub destination: Option<Match>,
}

impl Filter {
    /// Whether `route` is meant.
    #[must_use]
    pub fn accepts(&self, route: &Route) -> bool {
        let same = |wanted: Option<u8>, is| wanted.is_none_or(|wanted| wanted == is);
        let on_interface = |wanted| {
            route.interface == Some(wanted)
                || route.next_hops.iter().any(|hop| hop.interface == wanted)
        };
        let to = &route.destination;
        self.cloned == (route.flags & RTM_F_CLONED != 0)
            && self.table.is_none_or(|table| table == route.table)
            && same(self.protocol, route.protocol)
            && same(self.scope, route.scope)
            && same(self.kind, route.kind)
            && self.interface.is_none_or(on_interface)
            && self.gateway.is_none_or(|gateway| route.gateway == Some(gateway))
            && self.priority.is_none_or(|priority| route.priority.unwrap_or(0) == priority)
            && match self.destination {
                None => true,
                Some(Match::Root(prefix)) => {
                    prefix.length <= to.length && prefix.contains(to.address)
                }
                Some(Match::Match(prefix)) => {
                    to.length <= prefix.length && to.contains(prefix.address)
                }
                Some(Match::Exact(prefix)) => {
                    to.length == prefix.length && prefix.contains(to.address)
                }
            }
    }
}

#[cfg(test)]
mod tests;
