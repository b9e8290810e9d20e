//! RTM_*LINK: interfaces.

use super::message::{Attributes, Builder, Header, read_u32};
use super::request::{Dump, Refusal};
use super::{link_ipv6, vlan};
use crate::net::proc::traffic;
use crate::net::{self, KernelStack, port};
use crate::syscall::errno::Errno;
use crate::time;
use ::net::interface::{Interface, InterfaceError, InterfaceIndex, InterfaceKind};
use ::net::limits;
use ::net::manage::VlanConfig;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use linux_raw_sys::if_arp::{ARPHRD_ETHER, ARPHRD_LOOPBACK};
use linux_raw_sys::net::{
    AF_INET6, AF_UNSPEC, IF_OPER_DOWN, IF_OPER_LOWERLAYERDOWN, IF_OPER_UNKNOWN, IF_OPER_UP,
    net_device_flags,
};
use linux_raw_sys::netlink::{
    IFLA_ADDRESS, IFLA_BROADCAST, IFLA_CARRIER, IFLA_GROUP, IFLA_IFNAME, IFLA_INFO_DATA,
    IFLA_LINKINFO, IFLA_LINKMODE, IFLA_MAX_MTU, IFLA_MIN_MTU, IFLA_MTU, IFLA_NUM_RX_QUEUES,
    IFLA_NUM_TX_QUEUES, IFLA_OPERSTATE, IFLA_PROMISCUITY, IFLA_QDISC, IFLA_STATS, IFLA_STATS64,
    IFLA_TXQLEN, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, RTM_DELLINK, RTM_NEWLINK,
};

/// Length of `ifinfomsg`.
const BODY_LENGTH: usize = 16;
/// How many counters `rtnl_link_stats` and its 64-bit twin have.
const STATISTICS: usize = 24;

/// All interfaces.
pub(super) fn dump(payload: &[u8], header: Header) -> Dump {
    let family = family(payload);
    net::with_stack(|stack| {
        stack.interfaces().map(|interface| emit(interface, family, header)).collect()
    })
}

/// One interface, by index or IFLA_IFNAME.
pub(super) fn get(payload: &[u8], header: Header) -> Result<Vec<u8>, Errno> {
    net::with_stack(|stack| {
        let interface = find(stack, payload)?;
        Ok(emit(interface, family(payload), header))
    })
}

/// RTM_NEWLINK: changes the interface that is meant or, with NLM_F_CREATE, adds a VLAN.
pub(super) fn add(payload: &[u8], flags: u32) -> Result<(), Refusal> {
    let number = read_u32(payload, 4).ok_or(Errno::INVAL)?;
    match net::with_stack(|stack| find(stack, payload).map(|_| ())) {
        Ok(()) if flags & NLM_F_EXCL != 0 => Err(Errno::EXIST.into()),
        Ok(()) if flags & NLM_F_REPLACE != 0 => Err(Errno::OPNOTSUPP.into()),
        Ok(()) => Ok(change(payload)?),
        Err(error) if flags & NLM_F_CREATE == 0 => Err(error.into()),
        Err(_) if number != 0 => {
            Err(Refusal::new(Errno::OPNOTSUPP, "The number of a link cannot be chosen"))
        }
        Err(_) => create(payload),
    }
}

fn create(payload: &[u8]) -> Result<(), Refusal> {
    let attributes = Attributes::after(payload, BODY_LENGTH);
    refuse_fixed(&attributes)?;
    let vlan = vlan::parse(&attributes)?;
    let name = attributes.get_string(IFLA_IFNAME as u32).map(core::str::from_utf8).transpose();
    let name = name.map_err(|_| Errno::INVAL)?;
    let mtu = attributes.get_u32(IFLA_MTU as u32).map(u16::try_from).transpose();
    let mtu = mtu.map_err(|_| Errno::INVAL)?;
    let up = read_up(payload)?;
    net::change_stack(|stack| {
        let free = || {
            let name = (0..limits::INTERFACES).map(|number| format!("vlan{number}"));
            name.into_iter().find(|name| stack.interface_by_name(name).is_none())
        };
        let name = name.map(String::from).or_else(free).unwrap_or_default();
        let config = VlanConfig { name: &name, vlan, mtu };
        let index = stack.add_vlan(&config).map_err(vlan::refusal)?;
        if up == Some(true)
            && let Err(error) = stack.set_admin_up(index, true, time::now())
        {
            // It can only fail when the interface is not there.
            let _ = stack.remove_interface(index, time::now());
            return Err(vlan::refusal(error));
        }
        Ok(())
    })
}

/// What the hardware fixes is `EOPNOTSUPP`.
fn refuse_fixed(attributes: &Attributes<'_>) -> Result<(), Errno> {
    let fixed = [IFLA_ADDRESS, IFLA_TXQLEN, IFLA_BROADCAST, IFLA_GROUP];
    let asked = fixed.iter().any(|kind| attributes.get(*kind as u32).is_some());
    if asked { Err(Errno::OPNOTSUPP) } else { Ok(()) }
}

/// Whether an interface is to go up or down, from flags and the mask of those that count. Flags
/// without a mask mean all of them; neither means no change.
fn read_up(payload: &[u8]) -> Result<Option<bool>, Errno> {
    let flags = read_u32(payload, 8).ok_or(Errno::INVAL)?;
    let mask = read_u32(payload, 12).ok_or(Errno::INVAL)?;
    let up = net_device_flags::IFF_UP as u32;
    let told = mask & up != 0 || (mask == 0 && flags != 0);
    Ok(told.then_some(flags & up != 0))
}

/// RTM_NEWLINK and RTM_SETLINK on an interface that exists: up, down, MTU, name.
pub(super) fn change(payload: &[u8]) -> Result<(), Errno> {
    let up = read_up(payload)?;
    let attributes = Attributes::after(payload, BODY_LENGTH);
    refuse_fixed(&attributes)?;
    let info = attributes.get(IFLA_LINKINFO as u32).map(Attributes::within);
    if info.is_some_and(|info| info.get(IFLA_INFO_DATA as u32).is_some()) {
        // What kind of interface it is stays.
        return Err(Errno::OPNOTSUPP);
    }
    let mtu = attributes.get_u32(IFLA_MTU as u32);
    // With an index a name is the new one; without, it says which interface is meant.
    let by_index = read_u32(payload, 4).is_some_and(|index| index != 0);
    let name = attributes.get_string(IFLA_IFNAME as u32).filter(|_| by_index);
    net::change_stack(|stack| {
        let index = find(stack, payload)?.index();
        if let Some(mtu) = mtu {
            let mtu = u16::try_from(mtu).map_err(|_| Errno::INVAL)?;
            stack.set_mtu(index, mtu, time::now()).map_err(errno)?;
        }
        if let Some(name) = name {
            let name = core::str::from_utf8(name).map_err(|_| Errno::INVAL)?;
            stack.rename_interface(index, name).map_err(errno)?;
        }
        if let Some(up) = up {
            stack.set_admin_up(index, up, time::now()).map_err(errno)?;
        }
        Ok(())
    })
}

/// RTM_DELLINK: a VLAN goes; what the hardware makes is there as long as that.
pub(super) fn delete(payload: &[u8]) -> Result<(), Errno> {
    let (index, vlan) = net::with_stack(|stack| {
        find(stack, payload).map(|interface| (interface.index(), interface.vlan()))
    })?;
    vlan.ok_or(Errno::OPNOTSUPP)?;
    port::remove(index).map_err(errno)
}

/// The message that tells of an interface's disappearance.
pub(super) fn emit_removed(index: InterfaceIndex, name: &str, header: Header) -> Vec<u8> {
    let header = Header { kind: RTM_DELLINK as u16, ..header };
    let body = body(AF_UNSPEC as u8, ARPHRD_ETHER, index, 0);
    let mut builder = Builder::new(header).body(&body);
    builder.attribute_string(IFLA_IFNAME as u32, name);
    builder.finish()
}

/// What a refusal of the stack is called.
pub(in crate::net) const fn errno(error: InterfaceError) -> Errno {
    match error {
        InterfaceError::NotFound => Errno::NODEV,
        InterfaceError::NameTaken | InterfaceError::VlanTaken => Errno::EXIST,
        InterfaceError::BadName | InterfaceError::BadMtu => Errno::INVAL,
        InterfaceError::BadMacAddress => Errno::ADDRNOTAVAIL,
        InterfaceError::TableFull => Errno::NOBUFS,
        InterfaceError::ParentDown => Errno::NETDOWN,
        InterfaceError::MtuBeyondParent => Errno::RANGE,
        InterfaceError::NoVlans => Errno::OPNOTSUPP,
        InterfaceError::TooManyVlans => Errno::NOSPC,
    }
}

/// The family in the request: AF_INET6 asks for the IPv6 side of the interfaces. An old-style
/// request has `rtgenmsg`, whose only byte it is too.
fn family(payload: &[u8]) -> u8 {
    payload
        .first()
        .copied()
        .filter(|family| u32::from(*family) == AF_INET6)
        .unwrap_or(AF_UNSPEC as u8)
}

fn find<'a>(stack: &'a KernelStack, payload: &[u8]) -> Result<&'a Interface<net::Buffer>, Errno> {
    let name = Attributes::after(payload, BODY_LENGTH).get_string(IFLA_IFNAME as u32);
    let number = read_u32(payload, 4).ok_or(Errno::INVAL)?;
    let found = match (InterfaceIndex::new(number), name) {
        (Some(index), _) => stack.interface(index),
        (None, Some(name)) => {
            stack.interfaces().find(|interface| interface.name().as_bytes() == name)
        }
        (None, None) => return Err(Errno::INVAL),
    };
    found.ok_or(Errno::NODEV)
}

fn body(family: u8, hardware: u32, index: InterfaceIndex, flags: u32) -> [u8; BODY_LENGTH] {
    let mut body = [0; BODY_LENGTH];
    body[0] = family;
    body[2..4].copy_from_slice(&(hardware as u16).to_ne_bytes());
    body[4..8].copy_from_slice(&index.get().to_ne_bytes());
    body[8..12].copy_from_slice(&flags.to_ne_bytes());
    body
}

/// The IFF_ flags of an interface.
pub(in crate::net) fn flags(interface: &Interface<net::Buffer>) -> u32 {
    let mut flags = if interface.is_loopback() {
        net_device_flags::IFF_LOOPBACK as u32
    } else {
        net_device_flags::IFF_BROADCAST as u32 | net_device_flags::IFF_MULTICAST as u32
    };
    if interface.is_admin_up() {
        flags |= net_device_flags::IFF_UP as u32;
        if interface.has_carrier() {
            flags |= net_device_flags::IFF_RUNNING as u32 | net_device_flags::IFF_LOWER_UP as u32;
        }
    }
    flags
}

/// ARPHRD_ of an interface.
pub(in crate::net) fn hardware(interface: &Interface<net::Buffer>) -> u32 {
    match interface.kind() {
        InterfaceKind::Loopback => ARPHRD_LOOPBACK,
        InterfaceKind::Ethernet { .. } => ARPHRD_ETHER,
    }
}

/// The message that describes an interface.
pub(super) fn emit(interface: &Interface<net::Buffer>, family: u8, header: Header) -> Vec<u8> {
    let header = Header { kind: RTM_NEWLINK as u16, ..header };
    let body = body(family, hardware(interface), interface.index(), flags(interface));
    let mut builder = Builder::new(header).body(&body);
    builder.attribute_string(IFLA_IFNAME as u32, interface.name());
    builder.attribute_u32(IFLA_TXQLEN as u32, net::TRANSMIT_QUEUE_LENGTH);
    builder.attribute_u8(IFLA_OPERSTATE as u32, operational_state(interface));
    builder.attribute_u8(IFLA_LINKMODE as u32, 0);
    builder.attribute_u32(IFLA_MTU as u32, u32::from(interface.device_mtu()));
    builder.attribute_u32(IFLA_MIN_MTU as u32, u32::from(::net::interface::MINIMUM_MTU));
    builder.attribute_u32(IFLA_MAX_MTU as u32, u32::from(u16::MAX));
    builder.attribute_u32(IFLA_GROUP as u32, 0);
    builder.attribute_u32(IFLA_PROMISCUITY as u32, net::promiscuous::count(interface.index()));
    builder.attribute_u32(IFLA_NUM_TX_QUEUES as u32, 1);
    builder.attribute_u32(IFLA_NUM_RX_QUEUES as u32, 1);
    builder.attribute_u8(IFLA_CARRIER as u32, u8::from(interface.has_carrier()));
    let queues = !interface.is_loopback() && interface.vlan().is_none();
    let discipline = if queues { "pfifo_fast" } else { "noqueue" };
    builder.attribute_string(IFLA_QDISC as u32, discipline);
    let (mac, broadcast) = match interface.kind() {
        InterfaceKind::Loopback => ([0; 6], [0; 6]),
        InterfaceKind::Ethernet { mac } => (mac.0, [0xff; 6]),
    };
    builder.attribute(IFLA_ADDRESS as u32, &mac);
    builder.attribute(IFLA_BROADCAST as u32, &broadcast);
    if let Some(vlan) = interface.vlan() {
        vlan::append(&mut builder, vlan);
    }
    let statistics = statistics(interface);
    let wide: Vec<u8> = statistics.iter().flat_map(|value| value.to_ne_bytes()).collect();
    builder.attribute(IFLA_STATS64 as u32, &wide);
    // The 32-bit counters wrap, as on Linux.
    let narrow: Vec<u8> =
        statistics.iter().flat_map(|value| (*value as u32).to_ne_bytes()).collect();
    builder.attribute(IFLA_STATS as u32, &narrow);
    if u32::from(family) == AF_INET6 {
        link_ipv6::append_own(&mut builder, interface);
    } else {
        link_ipv6::append_as_one_family(&mut builder, interface);
    }
    builder.finish()
}

/// RFC 2863's state: the loopback interface has none, as on Linux.
fn operational_state(interface: &Interface<net::Buffer>) -> u8 {
    let state = if interface.is_loopback() {
        IF_OPER_UNKNOWN
    } else if interface.is_admin_up() && interface.has_carrier() {
        IF_OPER_UP
    } else if interface.is_admin_up() && interface.vlan().is_some() {
        IF_OPER_LOWERLAYERDOWN
    } else {
        IF_OPER_DOWN
    };
    state as u8
}

/// `rtnl_link_stats64`, the 24 counters that all versions have, in its order.
fn statistics(interface: &Interface<net::Buffer>) -> [u64; STATISTICS] {
    let counters = traffic(interface);
    let mut values = [0; STATISTICS];
    values[..9].copy_from_slice(&[
        counters.receive.packets,
        counters.transmit.packets,
        counters.receive.bytes,
        counters.transmit.bytes,
        counters.receive.errors,
        counters.transmit.errors,
        counters.receive.dropped,
        counters.transmit.dropped,
        counters.multicast,
    ]);
    values
}
