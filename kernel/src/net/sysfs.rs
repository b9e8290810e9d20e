//! `/sys/class/net`: a directory for each interface, with Linux's attributes and formats.

use super::netlink::link::{flags, hardware};
use super::proc::{LinkTraffic, traffic};
use super::{Buffer, TRANSMIT_QUEUE_LENGTH, with_stack};
use crate::fs::generated::Generated;
use crate::fs::{self, stat::Kind};
use ::net::interface::Interface;
use ::net::netif::LinkState;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Directory of the counters within an interface's.
const STATISTICS: &str = "statistics";

/// Makes the directory known to `/sys`.
pub(super) fn register() {
    fs::sys::register("class/net", interfaces);
}

/// Attributes by name.
type Attributes = Vec<(&'static str, String)>;

/// The attributes of an interface. `speed` is in Mbit/s; -1 stands for one that is not known, as
/// on Linux. Loopback has none.
fn attributes(interface: &Interface<Buffer>) -> Attributes {
    let mac = interface.mac().unwrap_or_default();
    let broadcast = if interface.is_loopback() { "00" } else { "ff" };
    let state = match (interface.is_loopback(), interface.is_admin_up(), interface.has_carrier()) {
        (true, ..) => "unknown",
        (false, true, true) => "up",
        (false, true, false) if interface.vlan().is_some() => "lowerlayerdown",
        _ => "down",
    };
    let below = interface.vlan().map_or(interface.index(), |vlan| vlan.parent);
    let mut list = alloc::vec![
        ("addr_len", mac.0.len().to_string()),
        ("address", mac.to_string()),
        ("broadcast", [broadcast; 6].join(":")),
        ("carrier", u8::from(interface.has_carrier()).to_string()),
        ("carrier_changes", interface.counters().link.carrier_changes.to_string()),
        ("flags", format!("{:#x}", flags(interface) & 0xffff)),
        ("ifindex", interface.index().to_string()),
        ("iflink", below.to_string()),
        ("mtu", interface.device_mtu().to_string()),
        ("operstate", state.to_string()),
        ("tx_queue_len", TRANSMIT_QUEUE_LENGTH.to_string()),
        ("type", hardware(interface).to_string()),
    ];
    if !interface.is_loopback() {
        let speed = match interface.link() {
            LinkState::Up { speed: Some(speed) } => speed.to_string(),
            LinkState::Up { speed: None } | LinkState::Down => "-1".to_string(),
        };
        list.push(("speed", speed));
    }
    list
}

/// The counters of an interface, as `ip -s link` sorts them.
fn statistics(interface: &Interface<Buffer>) -> Attributes {
    let LinkTraffic { receive, transmit, multicast } = traffic(interface);
    [
        ("multicast", multicast),
        ("rx_bytes", receive.bytes),
        ("rx_dropped", receive.dropped),
        ("rx_errors", receive.errors),
        ("rx_packets", receive.packets),
        ("tx_bytes", transmit.bytes),
        ("tx_dropped", transmit.dropped),
        ("tx_errors", transmit.errors),
        ("tx_packets", transmit.packets),
    ]
    .map(|(name, value)| (name, value.to_string()))
    .to_vec()
}

/// The source of `/sys/class/net`.
fn interfaces(path: &str) -> Option<Generated> {
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    with_stack(|stack| {
        if name.is_empty() {
            let names = stack.interfaces().map(|found| (found.name().to_string(), Kind::Directory));
            return Some(Generated::Directory(names.collect()));
        }
        let interface = stack.interfaces().find(|interface| interface.name() == name)?;
        if rest.is_empty() {
            let mut entries = entries(attributes(interface));
            entries.push((STATISTICS.to_string(), Kind::Directory));
            return Some(Generated::Directory(entries));
        }
        if rest == STATISTICS {
            return Some(Generated::Directory(entries(statistics(interface))));
        }
        match rest.strip_prefix(STATISTICS).and_then(|rest| rest.strip_prefix('/')) {
            Some(counter) => file(statistics(interface), counter),
            None => file(attributes(interface), rest),
        }
    })
}

fn entries(attributes: Attributes) -> Vec<(String, Kind)> {
    attributes.into_iter().map(|(name, _)| (name.to_string(), Kind::Regular)).collect()
}

fn file(attributes: Attributes, name: &str) -> Option<Generated> {
    let (_, text) = attributes.into_iter().find(|(other, _)| *other == name)?;
    Some(Generated::File(Box::new(move || format!("{text}\n").into_bytes())))
}
