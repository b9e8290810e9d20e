//! Notifications: what the stack reports goes to the sockets that subscribed (`ip monitor`).

use super::message::Header;
use super::{Family, SOCKETS, address, link, neighbor, route, router_option};
use crate::{net, time};
use ::net::RouterOption;
use ::net::event::Event;
use ::net::interface::InterfaceIndex;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use linux_raw_sys::net::{AF_INET6, AF_UNSPEC};
use linux_raw_sys::netlink::rtnetlink_groups::{
    self, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_IFINFO, RTNLGRP_IPV6_ROUTE, RTNLGRP_LINK,
    RTNLGRP_ND_USEROPT, RTNLGRP_NEIGH,
};

/// A notification belongs to no request.
const HEADER: Header = Header { kind: 0, flags: 0, sequence: 0, port: 0 };

/// Tells the subscribers of a change.
pub(in crate::net) fn publish(event: &Event) {
    let now = time::now();
    let (group, message) = match event {
        Event::LinkChanged(index) => {
            publish_ipv6_side(*index);
            let Some(message) = describe(*index, AF_UNSPEC) else { return };
            (RTNLGRP_LINK, message)
        }
        Event::RouterFlagsChanged(index) => return publish_ipv6_side(*index),
        Event::LinkRemoved { index, name } => {
            (RTNLGRP_LINK, link::emit_removed(*index, name, HEADER))
        }
        Event::AddressChanged(info) => (RTNLGRP_IPV6_IFADDR, address::emit(info, now, HEADER)),
        Event::AddressRemoved(info) => {
            (RTNLGRP_IPV6_IFADDR, address::emit_removed(info, now, HEADER))
        }
        Event::RouteChanged(info) => {
            let hop_limit = net::with_stack(|stack| route::hop_limit(stack, info));
            (RTNLGRP_IPV6_ROUTE, route::emit(info, hop_limit, now, HEADER))
        }
        Event::RouteRemoved(info) => (RTNLGRP_IPV6_ROUTE, route::emit_removed(info, now, HEADER)),
        Event::NeighborChanged(info) => (RTNLGRP_NEIGH, neighbor::emit(info, now, HEADER)),
        Event::NeighborRemoved(info) => (RTNLGRP_NEIGH, neighbor::emit_removed(info, now, HEADER)),
        Event::Lost => {
            for socket in subscribers(u32::MAX) {
                socket.lose_notification();
            }
            return;
        }
        Event::Socket(_) | Event::Tcp(_) | Event::DuplicateAddress { .. } => return,
    };
    tell(group, &message);
}

/// Hands an option of a Router Advertisement to the subscribers.
pub(in crate::net) fn publish_router_option(option: &RouterOption<net::Buffer>) {
    tell(RTNLGRP_ND_USEROPT, &router_option::emit(option, HEADER));
}

/// Tells of the IPv6 side of an interface: whether IPv6 runs, and its routers' M and O flags.
fn publish_ipv6_side(index: InterfaceIndex) {
    if let Some(message) = describe(index, AF_INET6) {
        tell(RTNLGRP_IPV6_IFINFO, &message);
    }
}

/// The message about an interface, as this family sees it.
pub(super) fn describe(index: InterfaceIndex, family: u32) -> Option<Vec<u8>> {
    net::with_stack(|stack| {
        stack.interface(index).map(|interface| link::emit(interface, family as u8, HEADER))
    })
}

fn tell(group: rtnetlink_groups, message: &[u8]) {
    for socket in subscribers(bit(group)) {
        socket.notify(message);
    }
}

const fn bit(group: rtnetlink_groups) -> u32 {
    1 << (group as u32 - 1)
}

fn subscribers(groups: u32) -> Vec<Rc<super::NetlinkSocket>> {
    SOCKETS.with(|sockets| {
        let live = sockets.iter().filter_map(Weak::upgrade);
        live.filter(|socket| socket.family == Family::Route)
            .filter(|socket| socket.groups.get() & groups != 0)
            .collect()
    })
}
