//! What a message about a link says, and how iproute2 prints it.
//!
//! RTM_NEWLINK: `struct ifinfomsg` and IFLA_ attributes (rtnetlink(7)).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;
use core::mem::{offset_of, size_of};
use core::net::{Ipv4Addr, Ipv6Addr};

use linux_raw_sys::if_arp::{ARPHRD_SIT, ARPHRD_TUNNEL, ARPHRD_TUNNEL6};
use linux_raw_sys::net::{AF_INET6, net_device_flags as flag};
use linux_raw_sys::netlink::{
    IFLA_ADDRESS, IFLA_AF_SPEC, IFLA_ALLMULTI, IFLA_BROADCAST, IFLA_CARRIER_CHANGES,
    IFLA_GRO_MAX_SIZE, IFLA_GROUP, IFLA_GSO_MAX_SEGS, IFLA_GSO_MAX_SIZE, IFLA_IFALIAS, IFLA_IFNAME,
    IFLA_INET6_ADDR_GEN_MODE, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINK, IFLA_LINK_NETNSID,
    IFLA_LINKINFO, IFLA_LINKMODE, IFLA_MASTER, IFLA_MAX_MTU, IFLA_MIN_MTU, IFLA_MTU,
    IFLA_NUM_RX_QUEUES, IFLA_NUM_TX_QUEUES, IFLA_OPERSTATE, IFLA_PARENT_DEV_BUS_NAME,
    IFLA_PARENT_DEV_NAME, IFLA_PERM_ADDRESS, IFLA_PROMISCUITY, IFLA_QDISC, IFLA_STATS,
    IFLA_STATS64, IFLA_TSO_MAX_SEGS, IFLA_TSO_MAX_SIZE, IFLA_TXQLEN, ifinfomsg,
};

use super::arguments::Family;
use super::interfaces::Interfaces;
use super::names::{LINK_TYPES, name};
use super::statistics::Statistics;
use super::style::Style;
use super::vlan::{self, Vlan};
use crate::netlink::{Attribute, Attributes, field};
use crate::prefix::LinkAddress;

/// `IFF_UP`: the interface is switched on.
pub const UP: u32 = flag::IFF_UP as u32;
/// `IFF_LOOPBACK`.
pub const LOOPBACK: u32 = flag::IFF_LOOPBACK as u32;
/// `IFF_RUNNING`: it is on and has a carrier.
pub const RUNNING: u32 = flag::IFF_RUNNING as u32;

/// The flags by name in the order in which `ip` prints them. RUNNING is not among them: only its
/// absence shows, as NO-CARRIER.
const FLAGS: [(u32, &str); 18] = [
    (LOOPBACK, "LOOPBACK"),
    (flag::IFF_BROADCAST as u32, "BROADCAST"),
    (flag::IFF_POINTOPOINT as u32, "POINTOPOINT"),
    (flag::IFF_MULTICAST as u32, "MULTICAST"),
    (flag::IFF_NOARP as u32, "NOARP"),
    (flag::IFF_ALLMULTI as u32, "ALLMULTI"),
    (flag::IFF_PROMISC as u32, "PROMISC"),
    (flag::IFF_MASTER as u32, "MASTER"),
    (flag::IFF_SLAVE as u32, "SLAVE"),
    (flag::IFF_DEBUG as u32, "DEBUG"),
    (flag::IFF_DYNAMIC as u32, "DYNAMIC"),
    (flag::IFF_AUTOMEDIA as u32, "AUTOMEDIA"),
    (flag::IFF_PORTSEL as u32, "PORTSEL"),
    (flag::IFF_NOTRAILERS as u32, "NOTRAILERS"),
    (UP, "UP"),
    (flag::IFF_LOWER_UP as u32, "LOWER_UP"),
    (flag::IFF_DORMANT as u32, "DORMANT"),
    (flag::IFF_ECHO as u32, "ECHO"),
];

/// RFC 2863 operational states by number.
const OPERATIONAL_STATES: [&str; 7] =
    ["UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"];

/// A link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The interface index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// The ARPHRD number of what it is.
    pub kind: u16,
    /// `IFF_` bits.
    pub flags: u32,
    /// Maximum transmission unit, bytes.
    pub mtu: Option<u32>,
    /// Its own link-layer address.
    pub address: Option<Vec<u8>>,
    /// The broadcast address, or that of the peer of a point-to-point link.
    pub broadcast: Option<Vec<u8>>,
    /// The address that the device came with.
    pub permanent: Option<Vec<u8>>,
    /// The transmit queue's length, packets.
    pub queue_length: Option<u32>,
    /// RFC 2863 operational state.
    pub operational: Option<u8>,
    /// The counters.
    pub statistics: Option<Statistics>,
    /// The name of the queueing discipline.
    pub(crate) discipline: Option<String>,
    pub(crate) mode: Option<u8>,
    pub(crate) group: Option<u32>,
    pub(crate) master: Option<u32>,
    /// The link it depends on: 0 is none.
    pub(crate) lower: Option<u32>,
    pub(crate) lower_namespace: Option<u32>,
    pub(crate) alias: Option<String>,
    pub(crate) driver: Option<String>,
    pub(crate) vlan: Option<Vlan>,
    pub(crate) address_mode: Option<u8>,
    pub(crate) parent_bus: Option<String>,
    pub(crate) parent: Option<String>,
    /// Numbers that only `-d` shows, with the word before each, before and after the driver's line.
    pub(crate) details: Vec<(&'static str, u32)>,
    pub(crate) more_details: Vec<(&'static str, u32)>,
}

impl Link {
    /// Reads the message; `None` when its fixed part is too short or there is no name.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let attributes = Attributes::after(payload, size_of::<ifinfomsg>());
        let number = |kind| attributes.find(kind).and_then(Attribute::u32);
        let byte = |kind| attributes.find(kind).and_then(Attribute::u8);
        let text = |kind| attributes.find(kind).and_then(Attribute::text).map(String::from);
        let bytes = |kind| attributes.find(kind).map(|attribute| attribute.value.to_vec());
        let numbers = |table: &[(u32, &'static str)]| {
            table.iter().filter_map(|&(kind, word)| Some((word, number(kind)?))).collect()
        };
        let address_mode = || {
            let families = attributes.find(IFLA_AF_SPEC as u32)?.nested();
            families.find(AF_INET6)?.nested().find(IFLA_INET6_ADDR_GEN_MODE as u32)?.u8()
        };
        let info = attributes.find(IFLA_LINKINFO as u32).map(Attribute::nested);
        let driver = info.as_ref().and_then(|info| info.find(IFLA_INFO_KIND as u32)?.text());
        let vlan = || {
            let data = info.as_ref()?.find(IFLA_INFO_DATA as u32)?;
            driver.filter(|kind| *kind == vlan::KIND).and_then(|_| Vlan::parse(&data.nested()))
        };
        let statistics = || {
            let changes = number(IFLA_CARRIER_CHANGES as u32);
            if let Some(wide) = attributes.find(IFLA_STATS64 as u32) {
                return Some(Statistics::from_wide(wide.value, changes));
            }
            Some(Statistics::from_narrow(attributes.find(IFLA_STATS as u32)?.value, changes))
        };
        Some(Self {
            index: field::u32_at(payload, offset_of!(ifinfomsg, ifi_index))?,
            name: text(IFLA_IFNAME as u32)?,
            kind: field::u16_at(payload, offset_of!(ifinfomsg, ifi_type))?,
            flags: field::u32_at(payload, offset_of!(ifinfomsg, ifi_flags))?,
            mtu: number(IFLA_MTU as u32),
            address: bytes(IFLA_ADDRESS as u32),
            broadcast: bytes(IFLA_BROADCAST as u32),
            permanent: bytes(IFLA_PERM_ADDRESS as u32),
            queue_length: number(IFLA_TXQLEN as u32),
            operational: byte(IFLA_OPERSTATE as u32),
            statistics: statistics(),
            discipline: text(IFLA_QDISC as u32),
            mode: byte(IFLA_LINKMODE as u32),
            group: number(IFLA_GROUP as u32),
            master: number(IFLA_MASTER as u32),
            lower: number(IFLA_LINK as u32),
            lower_namespace: number(IFLA_LINK_NETNSID as u32),
            alias: text(IFLA_IFALIAS as u32),
            driver: driver.map(String::from),
            vlan: vlan(),
            address_mode: address_mode(),
            parent_bus: text(IFLA_PARENT_DEV_BUS_NAME as u32),
            parent: text(IFLA_PARENT_DEV_NAME as u32),
            details: numbers(&[
                (IFLA_PROMISCUITY as u32, " promiscuity"),
                (IFLA_ALLMULTI as u32, " allmulti"),
                (IFLA_MIN_MTU as u32, "minmtu"),
                (IFLA_MAX_MTU as u32, "maxmtu"),
            ]),
            more_details: numbers(&[
                (IFLA_NUM_TX_QUEUES as u32, "numtxqueues"),
                (IFLA_NUM_RX_QUEUES as u32, "numrxqueues"),
                (IFLA_GSO_MAX_SIZE as u32, "gso_max_size"),
                (IFLA_GSO_MAX_SEGS as u32, "gso_max_segs"),
                (IFLA_TSO_MAX_SIZE as u32, "tso_max_size"),
                (IFLA_TSO_MAX_SEGS as u32, "tso_max_segs"),
                (IFLA_GRO_MAX_SIZE as u32, "gro_max_size"),
            ]),
        })
    }

    /// The name with the link it depends on, as in `veth0@if5`, and whether that one is down.
    fn name_and_lower(&self, interfaces: &Interfaces) -> (String, bool) {
        let mut text = self.name.clone();
        let mut down = false;
        // Writing to a string does not fail, here and below.
        let _ = match (self.lower, self.lower_namespace) {
            (None, _) => Ok(()),
            (Some(0), _) => write!(text, "@NONE"),
            (Some(lower), Some(_)) => write!(text, "@if{lower}"),
            (Some(lower), None) => {
                down = interfaces.flags(lower).is_some_and(|flags| flags & UP == 0);
                write!(text, "@{}", interfaces.name(lower))
            }
        };
        (text, down)
    }

    fn state(&self) -> Option<String> {
        let state = self.operational?;
        Some(match OPERATIONAL_STATES.get(usize::from(state)) {
            Some(name) => (*name).to_string(),
            None => alloc::format!("{state:#x}"),
        })
    }

    fn link_address(&self, bytes: &[u8]) -> String {
        match (u32::from(self.kind), bytes.len()) {
            (ARPHRD_TUNNEL | ARPHRD_SIT, 4) => {
                <[u8; 4]>::try_from(bytes).map(|octets| Ipv4Addr::from(octets).to_string())
            }
            (ARPHRD_TUNNEL6, 16) => {
                <[u8; 16]>::try_from(bytes).map(|octets| Ipv6Addr::from(octets).to_string())
            }
            _ => Ok(LinkAddress(bytes).to_string()),
        }
        .unwrap_or_default()
    }

    /// The line of `-br`: with the address and the flags for `ip link`, for `ip address` only up
    /// to the state, without a newline.
    #[must_use]
    pub fn brief(&self, interfaces: &Interfaces, whole: bool) -> String {
        let (title, lower_down) = self.name_and_lower(interfaces);
        let mut text = String::new();
        let _ = write!(text, "{title:<16} ");
        if let Some(state) = self.state() {
            let _ = write!(text, "{state:<14} ");
        }
        if whole {
            if let Some(address) = &self.address {
                let _ = write!(text, "{} ", self.link_address(address));
            }
            let _ = writeln!(text, "{}", flags_text(self.flags, lower_down));
        }
        text
    }

    /// What `ip link` prints, and `ip address` above the addresses (`for_link` false).
    #[must_use]
    pub fn text(&self, interfaces: &Interfaces, style: Style, for_link: bool) -> String {
        let mut text = String::new();
        self.write(&mut text, interfaces, style, for_link);
        text
    }

    fn write(&self, text: &mut String, interfaces: &Interfaces, style: Style, for_link: bool) {
        let newline = style.newline();
        let (title, lower_down) = self.name_and_lower(interfaces);
        let _ = write!(text, "{}: {title}: {}", self.index, flags_text(self.flags, lower_down));
        if let Some(mtu) = self.mtu {
            let _ = write!(text, "mtu {mtu} ");
        }
        if let Some(discipline) = &self.discipline {
            let _ = write!(text, "qdisc {discipline} ");
        }
        if let Some(master) = self.master {
            let _ = write!(text, "master {} ", interfaces.name(master));
        }
        if let Some(state) = self.state() {
            let _ = write!(text, "state {state} ");
        }
        if let Some(mode) = self.mode.filter(|_| for_link) {
            let _ = match mode {
                0 => write!(text, "mode DEFAULT "),
                1 => write!(text, "mode DORMANT "),
                other => write!(text, "mode {other} "),
            };
        }
        if let Some(group) = self.group {
            let _ = match group {
                0 => write!(text, "group default "),
                other => write!(text, "group {other} "),
            };
        }
        if let Some(length) = self.queue_length.filter(|length| *length != 0) {
            let _ = write!(text, "qlen {length}");
        }
        if matches!(style.family, Family::Any | Family::Link) || style.details {
            let kind = match name(LINK_TYPES, self.kind.into()) {
                alloc::borrow::Cow::Borrowed(name) => String::from(name),
                alloc::borrow::Cow::Owned(number) => alloc::format!("[{number}]"),
            };
            let _ = write!(text, "{newline}    link/{kind} ");
            if let Some(address) = &self.address {
                text.push_str(&self.link_address(address));
            }
            if let Some(broadcast) = &self.broadcast {
                let pair = self.flags & flag::IFF_POINTOPOINT as u32 != 0;
                let word = if pair { "peer" } else { "brd" };
                let _ = write!(text, " {word} {}", self.link_address(broadcast));
            }
            if let Some(permanent) = &self.permanent
                && self.address.as_ref() != Some(permanent)
            {
                let _ = write!(text, " permaddr {}", self.link_address(permanent));
            }
        }
        if let Some(namespace) = self.lower_namespace {
            let _ = match namespace as i32 {
                id @ 0.. => write!(text, " link-netnsid {id}"),
                _ => write!(text, " link-netnsid unknown"),
            };
        }
        if style.details {
            self.write_details(text, newline, for_link);
        }
        if let Some(alias) = self.alias.as_ref().filter(|_| for_link || style.details) {
            let _ = write!(text, "{newline}    alias {alias}");
        }
        if let Some(statistics) =
            self.statistics.as_ref().filter(|_| for_link && style.statistics > 0)
        {
            text.push_str(newline);
            statistics.write(text, style);
        }
        text.push('\n');
    }

    /// What `-d` adds.
    fn write_details(&self, text: &mut String, newline: &str, for_link: bool) {
        // iproute2 counts on the first of them being there and leaves the space to it.
        if self.details.first().is_none_or(|(word, _)| !word.starts_with(' ')) {
            text.push(' ');
        }
        for (word, value) in &self.details {
            let _ = write!(text, "{word} {value} ");
        }
        if let Some(driver) = &self.driver {
            let _ = write!(text, "{newline}    {driver} ");
        }
        if let Some(vlan) = &self.vlan {
            text.push_str(&vlan.text(newline));
        }
        if let Some(mode) = self.address_mode.filter(|_| for_link) {
            let _ = match mode {
                0 => write!(text, "addrgenmode eui64 "),
                1 => write!(text, "addrgenmode none "),
                2 => write!(text, "addrgenmode stable_secret "),
                3 => write!(text, "addrgenmode random "),
                other => write!(text, "addrgenmode {other:#x} "),
            };
        }
        for (word, value) in &self.more_details {
            let _ = write!(text, "{word} {value} ");
        }
        for (word, value) in [("parentbus", &self.parent_bus), ("parentdev", &self.parent)] {
            if let Some(value) = value {
                let _ = write!(text, "{word} {value} ");
            }
        }
    }
}

/// `<BROADCAST,UP> `, unknown bits in hexadecimal.
fn flags_text(flags: u32, lower_down: bool) -> String {
    let mut words: Vec<String> = Vec::new();
    if flags & UP != 0 && flags & RUNNING == 0 {
        words.push("NO-CARRIER".into());
    }
    let mut rest = flags & !RUNNING;
    for (bit, word) in FLAGS {
        if rest & bit != 0 {
            rest &= !bit;
            words.push(word.into());
        }
    }
    if rest != 0 {
        words.push(alloc::format!("{rest:x}"));
    }
    if lower_down {
        words.push("M-DOWN".into());
    }
    alloc::format!("<{}> ", words.join(","))
}

#[cfg(test)]
mod tests;
