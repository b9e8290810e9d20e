//! RTM_*LINK: interfaces.

use super::link_ipv6;
use super::message::{Attributes, Builder, Header, read_u32};
use super::request::Dump;
use crate::net::proc::traffic;
use crate::net::{self, KernelStack};
use crate::syscall::errno::Errno;
use crate::time;
use ::net::interface::{Interface, InterfaceError, InterfaceIndex, InterfaceKind};
use alloc::vec::Vec;
use linux_raw_sys::if_arp::{ARPHRD_ETHER, ARPHRD_LOOPBACK};
use linux_raw_sys::net::{
    AF_INET6, AF_UNSPEC, IF_OPER_DOWN, IF_OPER_UNKNOWN, IF_OPER_UP, net_device_flags,
};
use linux_raw_sys::netlink::{
    IFLA_ADDRESS, IFLA_BROADCAST, IFLA_CARRIER, IFLA_GROUP, IFLA_IFNAME, IFLA_LINKMODE,
    IFLA_MAX_MTU, IFLA_MIN_MTU, IFLA_MTU, IFLA_NUM_RX_QUEUES, IFLA_NUM_TX_QUEUES, IFLA_OPERSTATE,
    IFLA_PROMISCUITY, IFLA_QDISC, IFLA_STATS, IFLA_STATS64, IFLA_TXQLEN, RTM_DELLINK, RTM_NEWLINK,
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

/// RTM_NEWLINK and RTM_SETLINK on an interface that exists: up, down, MTU, name. What the hardware
/// fixes is `EOPNOTSUPP`.
pub(super) fn change(payload: &[u8]) -> Result<(), Errno> {
    let flags = read_u32(payload, 8).ok_or(Errno::INVAL)?;
    let mask = read_u32(payload, 12).ok_or(Errno::INVAL)?;
    let attributes = Attributes::after(payload, BODY_LENGTH);
    let fixed = [IFLA_ADDRESS, IFLA_TXQLEN, IFLA_BROADCAST, IFLA_GROUP];
    if fixed.iter().any(|kind| attributes.get(*kind as u32).is_some()) {
        return Err(Errno::OPNOTSUPP);
    }
    let mtu = attributes.get_u32(IFLA_MTU as u32);
    // With an index a name is the new one; without, it says which interface is meant.
    let by_index = read_u32(payload, 4).is_some_and(|index| index != 0);
    let name = attributes.get(IFLA_IFNAME as u32).filter(|_| by_index);
    net::change_stack(|stack| {
        let index = find(stack, payload)?.index();
        if let Some(mtu) = mtu {
            let mtu = u16::try_from(mtu).map_err(|_| Errno::INVAL)?;
            stack.set_mtu(index, mtu, time::now()).map_err(errno)?;
        }
        if let Some(name) = name {
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            let name = core::str::from_utf8(name).map_err(|_| Errno::INVAL)?;
            stack.rename_interface(index, name).map_err(errno)?;
        }
        // Flags without a mask mean all of them; neither means no change.
        let up = net_device_flags::IFF_UP as u32;
        if mask & up != 0 || (mask == 0 && flags != 0) {
            stack.set_admin_up(index, flags & up != 0, time::now()).map_err(errno)?;
        }
        Ok(())
    })
}

/// RTM_DELLINK: there are only interfaces that the hardware makes.
pub(super) fn delete(payload: &[u8]) -> Result<(), Errno> {
    net::with_stack(|stack| find(stack, payload).map(|_| ()))?;
    Err(Errno::OPNOTSUPP)
}

/// The message that tells of an interface's disappearance.
pub(super) fn emit_removed(index: InterfaceIndex, header: Header) -> Vec<u8> {
    let header = Header { kind: RTM_DELLINK as u16, ..header };
    Builder::new(header).body(&body(AF_UNSPEC as u8, 0, index, 0)).finish()
}

fn errno(error: InterfaceError) -> Errno {
    match error {
        InterfaceError::NotFound => Errno::NODEV,
        InterfaceError::NameTaken => Errno::EXIST,
        InterfaceError::BadName | InterfaceError::BadMtu => Errno::INVAL,
        InterfaceError::BadMacAddress => Errno::ADDRNOTAVAIL,
        InterfaceError::TableFull => Errno::NOBUFS,
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
    let name = Attributes::after(payload, BODY_LENGTH).get(IFLA_IFNAME as u32);
    let number = read_u32(payload, 4).ok_or(Errno::INVAL)?;
    let found = match (InterfaceIndex::new(number), name) {
        (Some(index), _) => stack.interface(index),
        (None, Some(name)) => {
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
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
    let discipline = if interface.is_loopback() { "noqueue" } else { "pfifo_fast" };
    builder.attribute_string(IFLA_QDISC as u32, discipline);
    let (mac, broadcast) = match interface.kind() {
        InterfaceKind::Loopback => ([0; 6], [0; 6]),
        InterfaceKind::Ethernet { mac } => (mac.0, [0xff; 6]),
    };
    builder.attribute(IFLA_ADDRESS as u32, &mac);
    builder.attribute(IFLA_BROADCAST as u32, &broadcast);
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
