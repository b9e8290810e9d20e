//! What a frame must look like, in the words of a test description.

use crate::frame::next_header;
use crate::seen::Seen;
use crate::station::{Mac, Station, solicited_node};
use std::net::Ipv6Addr;

type Check = Box<dyn Fn(&Seen) -> bool>;

/// A description of frames.
pub struct Pattern {
    name: String,
    /// What makes it the kind of frame that is meant.
    kind: Check,
    /// What must be true of it, each with its words.
    checks: Vec<(String, Check)>,
}

fn pattern(name: impl Into<String>, kind: impl Fn(&Seen) -> bool + 'static) -> Pattern {
    Pattern { name: name.into(), kind: Box::new(kind), checks: Vec::new() }
}

fn icmpv6(name: &str, kind: u8) -> Pattern {
    pattern(name, move |seen| seen.icmpv6() == Some(kind))
}

/// Any frame.
pub fn anything() -> Pattern {
    pattern("frame", |_| true)
}

/// Any frame but the multicast listener reports and router solicitations that a host sends of
/// itself.
pub fn reaction() -> Pattern {
    pattern("reaction", |seen| !matches!(seen.icmpv6(), Some(131..=133 | 143)))
}

/// An Echo Reply.
pub fn echo_reply() -> Pattern {
    icmpv6("Echo Reply", 129)
}

/// An Echo Request.
pub fn echo_request() -> Pattern {
    icmpv6("Echo Request", 128)
}

/// A Router Solicitation.
pub fn router_solicitation() -> Pattern {
    icmpv6("Router Solicitation", 133)
}

/// A Neighbor Solicitation for `target`.
pub fn neighbor_solicitation(target: Ipv6Addr) -> Pattern {
    icmpv6("Neighbor Solicitation", 135)
        .and(format!("is for {target}"), move |seen| seen.target() == Some(target))
}

/// A Neighbor Solicitation that resolves: multicast.
pub fn multicast_solicitation(target: Ipv6Addr) -> Pattern {
    neighbor_solicitation(target).to(solicited_node(target)).hop_limit(255)
}

/// A Neighbor Solicitation that probes: unicast.
pub fn unicast_solicitation(station: Station, target: Ipv6Addr) -> Pattern {
    neighbor_solicitation(target).to(target).to_mac(station.mac).hop_limit(255)
}

/// A Neighbor Advertisement for `target` with just these flags of "RSO".
pub fn neighbor_advertisement(target: Ipv6Addr, flags: &'static str) -> Pattern {
    icmpv6("Neighbor Advertisement", 136)
        .and(format!("is for {target}"), move |seen| seen.target() == Some(target))
        .and(format!("has flags {flags}"), move |seen| seen.advertisement_flags() == flags)
        .hop_limit(255)
}

/// The answer to a unicast solicitation, which may do without the link-layer address and is not
/// overriding then (RFC 4861, Section 7.2.4).
pub fn answer_to_unicast(target: Ipv6Addr) -> Pattern {
    icmpv6("Neighbor Advertisement", 136)
        .and(format!("is for {target}"), move |seen| seen.target() == Some(target))
        .and("is solicited, and overrides with an address alone", |seen| {
            seen.advertisement_flags() == if seen.option(2).is_some() { "SO" } else { "S" }
        })
        .hop_limit(255)
}

/// A probe of Duplicate Address Detection for `target` (RFC 4862, Section 5.4.2).
pub fn duplicate_address_probe(target: Ipv6Addr) -> Pattern {
    multicast_solicitation(target)
        .from(Ipv6Addr::UNSPECIFIED)
        .and("has no source link-layer address", |seen| seen.option(1).is_none())
}

/// A Destination Unreachable message.
pub fn destination_unreachable(code: u8) -> Pattern {
    icmpv6("Destination Unreachable", 1).code(code).quotes()
}

/// A Packet Too Big message.
pub fn packet_too_big() -> Pattern {
    icmpv6("Packet Too Big", 2).quotes()
}

/// A Time Exceeded message.
pub fn time_exceeded(code: u8) -> Pattern {
    icmpv6("Time Exceeded", 3).code(code).quotes()
}

/// A Parameter Problem message with this code and pointer.
pub fn parameter_problem(code: u8, pointer: u32) -> Pattern {
    icmpv6("Parameter Problem", 4)
        .code(code)
        .and(format!("points to octet {pointer}"), move |seen| seen.icmpv6_word() == Some(pointer))
        .quotes()
}

/// Any ICMPv6 error message.
pub fn error_message() -> Pattern {
    pattern("ICMPv6 error", |seen| seen.icmpv6().is_some_and(|kind| kind < 128))
}

/// A Multicast Listener Report of version 2 about `group`, its record being of type `kind`.
pub fn listener_report(kind: u8, group: Ipv6Addr) -> Pattern {
    pattern(format!("MLDv2 report of {group}, record type {kind},"), move |seen| {
        seen.icmpv6() == Some(143)
            && seen
                .listener_records()
                .iter()
                .any(|(found, about, _)| (*found, *about) == (kind, group))
    })
    .of_listener()
}

/// A Multicast Listener Report of version 1.
pub fn listener_report_v1(group: Ipv6Addr) -> Pattern {
    icmpv6("MLDv1 report", 131).target(group).to(group).of_listener()
}

/// A Multicast Listener Done message.
pub fn listener_done(group: Ipv6Addr) -> Pattern {
    icmpv6("Done", 132).target(group).to(crate::station::ALL_ROUTERS).of_listener()
}

/// A UDP datagram to this port.
pub fn udp(port: u16) -> Pattern {
    pattern(format!("UDP datagram to port {port}"), move |seen| {
        seen.protocol == next_header::UDP && seen.ports().is_some_and(|(_, to)| to == port)
    })
}

/// A TCP segment from this port with just these flags.
pub fn tcp(port: u16, flags: &'static str) -> Pattern {
    pattern(format!("TCP segment from port {port}"), move |seen| {
        seen.protocol == next_header::TCP && seen.ports().is_some_and(|(from, _)| from == port)
    })
    .and(format!("has flags {flags}"), move |seen| {
        let bits = seen.payload.get(13).copied().unwrap_or(0);
        let set = "FSRPAUEC".char_indices().filter(|(bit, _)| bits & 1 << bit != 0);
        let set: String = set.map(|(_, letter)| letter).collect();
        set.replace('P', "") == flags
    })
}

/// A fragment of something.
pub fn fragment() -> Pattern {
    pattern("fragment", |seen| seen.fragment().is_some())
}

impl Pattern {
    /// Adds a condition with its words.
    #[must_use]
    pub fn and(
        mut self,
        words: impl Into<String>,
        check: impl Fn(&Seen) -> bool + 'static,
    ) -> Self {
        self.checks.push((words.into(), Box::new(check)));
        self
    }

    /// From this address.
    #[must_use]
    pub fn from(self, source: Ipv6Addr) -> Self {
        self.and(format!("is from {source}"), move |seen| seen.source == source)
    }

    /// To this address.
    #[must_use]
    pub fn to(self, destination: Ipv6Addr) -> Self {
        self.and(format!("is to {destination}"), move |seen| seen.destination == destination)
    }

    /// To this station.
    #[must_use]
    pub fn to_mac(self, mac: Mac) -> Self {
        self.and(format!("is to station {:02x?}", mac.0), move |seen| seen.to_mac == mac)
    }

    /// With this hop limit.
    #[must_use]
    pub fn hop_limit(self, hops: u8) -> Self {
        self.and(format!("has hop limit {hops}"), move |seen| seen.hop_limit == hops)
    }

    /// With this code.
    #[must_use]
    pub fn code(self, code: u8) -> Self {
        self.and(format!("has code {code}"), move |seen| seen.code() == Some(code))
    }

    /// With this target, or group.
    #[must_use]
    pub fn target(self, target: Ipv6Addr) -> Self {
        self.and(format!("is about {target}"), move |seen| seen.target() == Some(target))
    }

    /// With an option of this kind and body.
    #[must_use]
    pub fn option(self, kind: u8, body: &[u8]) -> Self {
        let body = body.to_vec();
        self.and(format!("has option {kind} {body:02x?}"), move |seen| {
            seen.option(kind).is_some_and(|found| found.starts_with(&body))
        })
    }

    /// Without an option of this kind.
    #[must_use]
    pub fn without_option(self, kind: u8) -> Self {
        self.and(format!("has no option {kind}"), move |seen| seen.option(kind).is_none())
    }

    /// With this Source Link-Layer Address.
    #[must_use]
    pub fn source_link_layer(self, mac: Mac) -> Self {
        self.option(1, &mac.0)
    }

    /// With this Target Link-Layer Address.
    #[must_use]
    pub fn target_link_layer(self, mac: Mac) -> Self {
        self.option(2, &mac.0)
    }

    /// With this data in an Echo message.
    #[must_use]
    pub fn data(self, data: &[u8]) -> Self {
        let data = data.to_vec();
        self.and(format!("carries {} octets of the right data", data.len()), move |seen| {
            seen.echo_data() == data
        })
    }

    /// Quotes something, and is no longer than 1280 octets for it (RFC 4443, Section 2.4).
    fn quotes(self) -> Self {
        self.and("quotes a packet", |seen| seen.quoted().len() >= 40)
            .and("fits 1280 octets", |seen| seen.packet().len() <= 1280)
    }

    /// Quotes this packet, or the beginning of it that fits.
    #[must_use]
    pub fn about(self, packet: &[u8]) -> Self {
        let expected = packet[..packet.len().min(1280 - 48)].to_vec();
        self.and("quotes as much of the packet as fits", move |seen| seen.quoted() == expected)
    }

    /// What is true of every listener message (RFC 3810, Section 5).
    fn of_listener(self) -> Self {
        self.hop_limit(1)
            .and("has a Router Alert", |seen| {
                seen.headers.iter().any(|(kind, octets)| {
                    *kind == next_header::HOP_BY_HOP
                        && octets.windows(4).any(|at| at == [5, 2, 0, 0])
                })
            })
            .and("is from a link-local address or ::", |seen| {
                seen.source.is_unspecified() || seen.source.is_unicast_link_local()
            })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a frame is of the kind that is meant, and of all its conditions those that it
    /// fails; none means it matches.
    pub fn failures(&self, seen: &Seen) -> Option<Vec<&str>> {
        (self.kind)(seen).then(|| {
            let failed = self.checks.iter().filter(|(_, check)| !check(seen));
            failed.map(|(words, _)| words.as_str()).collect()
        })
    }

    /// Whether a frame matches.
    pub fn matches(&self, seen: &Seen) -> bool {
        self.failures(seen).is_some_and(|failures| failures.is_empty())
    }
}
