//! `/proc/net`: interfaces, addresses, groups, sockets and counters, as Linux prints them.
//!
//! Sockets are in [`sockets`], counters of the protocols in [`counters`], what `/proc/sys/net` has in
//! [`settings`], VLANs in [`vlan`].
//!
//! Three are ours: `drops`, every way a packet can disappear and every table that can be full, by name,
//! `neighbor_cache`, how full that is, and `router_dns`, the name servers and search domains that
//! routers advertise.

mod counters;
mod interface_settings;
mod settings;
mod sockets;
pub(super) mod vlan;

use super::{Buffer, KernelStack, packet, with_stack};
use crate::fs::generated::Generated;
use crate::fs::{self, stat::Kind};
use crate::time;
use ::net::address::{AddressExt, Scope};
use ::net::anycast::AnycastInfo;
use ::net::expiry::Expiry;
use ::net::interface::{Interface, InterfaceKind};
use ::net::limits;
use ::net::neighbor::NeighborState;
use ::net::unicast::{AddressInfo, AddressOrigin, AddressState};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{Display, Write};
use core::net::Ipv6Addr;
use linux_raw_sys::netlink::{
    IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_OPTIMISTIC, IFA_F_PERMANENT, IFA_F_TEMPORARY,
    IFA_F_TENTATIVE,
};

/// Makes the files known to `/proc`.
pub(super) fn register() {
    fs::proc::register("net/dev", devices);
    fs::proc::register("net/if_inet6", addresses);
    fs::proc::register("net/snmp6", counters::snmp6);
    fs::proc::register("net/snmp", counters::snmp);
    fs::proc::register("net/netstat", counters::netstat);
    fs::proc::register("net/sockstat", counters::sockstat);
    fs::proc::register("net/sockstat6", counters::sockstat6);
    fs::proc::register("net/tcp6", sockets::tcp6);
    fs::proc::register("net/udp6", sockets::udp6);
    fs::proc::register("net/raw6", sockets::raw6);
    fs::proc::register("net/icmp6", sockets::icmp6);
    fs::proc::register("net/igmp6", groups);
    fs::proc::register("net/anycast6", anycast);
    fs::proc::register("net/packet", packet::list);
    fs::proc::register("net/drops", drops);
    fs::proc::register("net/neighbor_cache", neighbor_cache);
    fs::proc::register("net/router_dns", router_dns);
    settings::register();
    interface_settings::register();
    fs::proc::register_source("net/dev_snmp6", interface_counters);
    fs::proc::register_source("net/vlan", vlan::files);
}

/// Frame counters as `ip -s link` and `/proc/net/dev` sort them.
pub(super) struct Traffic {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) errors: u64,
    pub(super) dropped: u64,
}

/// Counters of an interface in both directions.
pub(super) struct LinkTraffic {
    pub(super) receive: Traffic,
    pub(super) transmit: Traffic,
    pub(super) multicast: u64,
}

/// Sorts an interface's counters: what is wrong with a frame is an error, what there was no room
/// or use for was dropped.
pub(super) fn traffic(interface: &Interface<Buffer>) -> LinkTraffic {
    let counters = interface.counters();
    let link = &counters.link;
    LinkTraffic {
        receive: Traffic {
            packets: link.receive_frames,
            bytes: link.receive_octets,
            errors: link.receive_lost() - link.receive_no_buffer,
            dropped: link.receive_no_buffer + counters.ipv6.in_discards,
        },
        transmit: Traffic {
            packets: link.transmit_frames,
            bytes: link.transmit_octets,
            errors: link.transmit_errors,
            dropped: counters.ipv6.out_discards,
        },
        multicast: link.receive_multicast,
    }
}

fn write_lines(text: &mut String, mut line: impl FnMut(&mut String) -> core::fmt::Result) {
    // Writing to a String can't fail.
    let _ = line(text);
}

fn devices(text: &mut String) {
    text.push_str(
        "Inter-|   Receive                                                |  Transmit\n \
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs \
         drop fifo colls carrier compressed\n",
    );
    with_stack(|stack| {
        for interface in stack.interfaces() {
            let LinkTraffic { receive, transmit, multicast } = traffic(interface);
            write_lines(text, |text| {
                writeln!(
                    text,
                    "{:>6}: {:>7} {:>7} {:>4} {:>4} {:>4} {:>5} {:>10} {:>9} {:>8} {:>7} {:>4} \
                     {:>4} {:>4} {:>5} {:>7} {:>10}",
                    interface.name(),
                    receive.bytes,
                    receive.packets,
                    receive.errors,
                    receive.dropped,
                    0,
                    0,
                    0,
                    multicast,
                    transmit.bytes,
                    transmit.packets,
                    transmit.errors,
                    transmit.dropped,
                    0,
                    0,
                    0,
                    0,
                )
            });
        }
    });
}

/// 32 hexadecimal digits.
fn hex(address: Ipv6Addr) -> String {
    format!("{:032x}", u128::from(address))
}

/// The scope byte of if_inet6 (IPV6_ADDR_LOOPBACK and its like in Linux).
fn scope(address: &AddressInfo) -> u8 {
    match address.address.scope() {
        _ if address.address.is_loopback() => 0x10,
        Scope::LINK_LOCAL => 0x20,
        Scope::SITE_LOCAL => 0x40,
        _ => 0,
    }
}

fn address_flags(address: &AddressInfo) -> u32 {
    let permanent = if address.valid == Expiry::Never { IFA_F_PERMANENT } else { 0 };
    let temporary = if address.origin == AddressOrigin::Temporary { IFA_F_TEMPORARY } else { 0 };
    permanent
        | temporary
        | match address.state {
            AddressState::Tentative => IFA_F_TENTATIVE,
            AddressState::Optimistic => IFA_F_TENTATIVE | IFA_F_OPTIMISTIC,
            AddressState::Preferred => 0,
            AddressState::Deprecated => IFA_F_DEPRECATED,
            AddressState::Duplicated => IFA_F_TENTATIVE | IFA_F_DADFAILED,
        }
}

fn addresses(text: &mut String) {
    with_stack(|stack| {
        for interface in stack.interfaces() {
            for address in interface.addresses() {
                write_lines(text, |text| {
                    writeln!(
                        text,
                        "{} {:02x} {:02x} {:02x} {:02x} {:>8}",
                        hex(address.address),
                        interface.index().get(),
                        address.prefix_length,
                        scope(&address),
                        address_flags(&address),
                        interface.name(),
                    )
                });
            }
        }
    });
}

fn groups(text: &mut String) {
    with_stack(|stack| {
        for interface in stack.interfaces() {
            for (group, users) in interface.groups() {
                write_lines(text, |text| {
                    writeln!(
                        text,
                        "{:<4} {:<15} {} {:>5} {:08X} {}",
                        interface.index().get(),
                        interface.name(),
                        hex(group),
                        users,
                        0x4, // MAF_TIMER_RUNNING and others are not told; "last reporter" is.
                        0,
                    )
                });
            }
        }
    });
}

fn anycast(text: &mut String) {
    with_stack(|stack| {
        for AnycastInfo { interface, address, users } in stack.anycast_addresses() {
            let name = stack.interface(interface).map_or("", Interface::name);
            write_lines(text, |text| {
                writeln!(text, "{:<4} {name:<15} {} {users:>5}", interface.get(), hex(address))
            });
        }
    });
}

fn drops(text: &mut String) {
    let node = with_stack(KernelStack::node_counters);
    for (reason, count) in node.drops.iter() {
        counters::write(text, reason.name(), count);
    }
    for (table, count) in node.tables.iter() {
        counters::write(text, &format!("full: {}", table.name()), count);
    }
    with_stack(|stack| {
        for interface in stack.interfaces() {
            if matches!(interface.kind(), InterfaceKind::Ethernet { .. }) {
                for (name, value) in interface.counters().link.iter() {
                    counters::write(text, &format!("{}: {name}", interface.name()), value);
                }
            }
        }
    });
}

/// How full the neighbor cache is, and how many entries are in which state.
fn neighbor_cache(text: &mut String) {
    with_stack(|stack| {
        counters::write(text, "entries", stack.neighbor_count() as u64);
        counters::write(text, "limit", limits::NEIGHBORS as u64);
        for (name, state) in [
            ("INCOMPLETE", NeighborState::Incomplete),
            ("REACHABLE", NeighborState::Reachable),
            ("STALE", NeighborState::Stale),
            ("DELAY", NeighborState::Delay),
            ("PROBE", NeighborState::Probe),
            ("UNREACHABLE", NeighborState::Unreachable),
            ("FAILED", NeighborState::Failed),
            ("PERMANENT", NeighborState::Permanent),
        ] {
            let count = stack.neighbors().filter(|neighbor| neighbor.state == state).count();
            counters::write(text, name, count as u64);
        }
    });
}

/// What routers advertise about the DNS (RFC 8106), a line each: interface, `rdnss` or `dnssl`,
/// server or domain, router, seconds left or `forever`.
fn router_dns(text: &mut String) {
    let now = time::now();
    with_stack(|stack| {
        for interface in stack.interfaces() {
            let name = interface.name();
            let mut line = |kind: &str, value: &dyn Display, router: Ipv6Addr, expires: Expiry| {
                write_lines(text, |text| {
                    write!(text, "{name} {kind} {value} {router} ")?;
                    match expires.remaining(now) {
                        Some(left) => writeln!(text, "{}", left.as_secs()),
                        None => writeln!(text, "forever"),
                    }
                });
            };
            for server in interface.dns_servers(now) {
                line("rdnss", &server.value, server.router, server.expires);
            }
            for domain in interface.dns_domains(now) {
                line("dnssl", &domain.value.as_name(), domain.router, domain.expires);
            }
        }
    });
}

/// `/proc/net/dev_snmp6`: a file for each interface.
fn interface_counters(path: &str) -> Option<Generated> {
    with_stack(|stack| {
        if path.is_empty() {
            let name =
                |interface: &Interface<Buffer>| (interface.name().to_string(), Kind::Regular);
            return Some(Generated::Directory(stack.interfaces().map(name).collect()));
        }
        let interface = stack.interfaces().find(|interface| interface.name() == path)?;
        let counters = interface.counters();
        let mut text = String::new();
        counters::write(&mut text, "ifIndex", u64::from(interface.index().get()));
        for (name, value) in counters.ipv6.iter().chain(counters.icmpv6.iter()) {
            counters::write(&mut text, name, value);
        }
        for (reason, count) in counters.drops.iter().filter(|(_, count)| *count > 0) {
            counters::write(&mut text, &format!("Drop: {}", reason.name()), count);
        }
        Some(Generated::File(Box::new(move || text.clone().into_bytes())))
    })
}
