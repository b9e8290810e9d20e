//! The IPv6 side of an interface in RTM_NEWLINK: what it is configured to do, and what its routers
//! said that concerns programs (the M and O flags, for a DHCPv6 client).

use super::message::Builder;
use super::{hundredths, timestamp};
use crate::net::Buffer;
use crate::time::Instant;
use ::net::config::IdentifierMethod;
use ::net::interface::Interface;
use alloc::vec::Vec;
use linux_raw_sys::net::AF_INET6;
use linux_raw_sys::netlink::{
    IFLA_AF_SPEC, IFLA_INET6_ADDR_GEN_MODE, IFLA_INET6_CACHEINFO, IFLA_INET6_FLAGS,
    IFLA_INET6_RA_MTU, IFLA_PROTINFO, in6_addr_gen_mode,
};

// The flags in IFLA_INET6_FLAGS; Linux's headers for programs do not name them.
/// A Router Solicitation was sent.
const IF_RS_SENT: u32 = 0x10;
/// A Router Advertisement came.
const IF_RA_RCVD: u32 = 0x20;
/// The last advertisement's M: addresses by DHCPv6.
const IF_RA_MANAGED: u32 = 0x40;
/// Its O: other configuration by DHCPv6.
const IF_RA_OTHERCONF: u32 = 0x80;
/// IPv6 runs.
const IF_READY: u32 = 0x8000_0000;

/// Appends the attributes where a message of family AF_INET6 has them.
pub(super) fn append_own(builder: &mut Builder, interface: &Interface<Buffer>) {
    builder.nested(IFLA_PROTINFO as u32, |builder| append(builder, interface));
}

/// Appends them where a message of all families has them.
pub(super) fn append_as_one_family(builder: &mut Builder, interface: &Interface<Buffer>) {
    builder.nested(IFLA_AF_SPEC as u32, |builder| {
        builder.nested(AF_INET6, |builder| append(builder, interface));
    });
}

fn append(builder: &mut Builder, interface: &Interface<Buffer>) {
    let variables = interface.variables();
    builder.attribute_u32(IFLA_INET6_FLAGS as u32, flags(interface));
    // `ifla_cacheinfo`: the longest packet put together, when the configuration last changed
    // (which nobody counts here), and the two timers in milliseconds.
    let milliseconds = |time: core::time::Duration| hundredths(time).saturating_mul(10);
    let cache_info = [
        u32::from(u16::MAX),
        timestamp(Instant::ZERO),
        milliseconds(variables.reachable_time),
        milliseconds(variables.retrans_timer),
    ];
    let cache_info: Vec<u8> = cache_info.iter().flat_map(|value| value.to_ne_bytes()).collect();
    builder.attribute(IFLA_INET6_CACHEINFO as u32, &cache_info);
    let settings = interface.settings();
    let mode = match settings.identifiers {
        _ if !settings.link_local_address => in6_addr_gen_mode::IN6_ADDR_GEN_MODE_NONE,
        IdentifierMethod::Eui64 => in6_addr_gen_mode::IN6_ADDR_GEN_MODE_EUI64,
        IdentifierMethod::StableOpaque => in6_addr_gen_mode::IN6_ADDR_GEN_MODE_STABLE_PRIVACY,
    };
    builder.attribute_u8(IFLA_INET6_ADDR_GEN_MODE as u32, mode as u8);
    if let Some(mtu) = variables.advertised_mtu {
        builder.attribute_u32(IFLA_INET6_RA_MTU as u32, u32::from(mtu));
    }
}

fn flags(interface: &Interface<Buffer>) -> u32 {
    let told = interface.variables().router_flags;
    let flag = |condition, flag| if condition { flag } else { 0 };
    flag(told.solicited, IF_RS_SENT)
        | flag(told.advertised, IF_RA_RCVD)
        | flag(told.managed, IF_RA_MANAGED)
        | flag(told.other, IF_RA_OTHERCONF)
        | flag(interface.is_running(), IF_READY)
}
