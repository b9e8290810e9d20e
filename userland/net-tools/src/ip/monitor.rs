//! `ip monitor`: prints what changes as the kernel announces it.

use alloc::string::ToString;

use linux_raw_sys::netlink::{
    RTM_DELADDR, RTM_DELLINK, RTM_DELNEIGH, RTM_DELROUTE, RTM_NEWADDR, RTM_NEWLINK,
    RTM_NEWNDUSEROPT, RTM_NEWNEIGH, RTM_NEWROUTE, rtnetlink_groups as group,
};

use super::address::Address;
use super::arguments::{Family, Words, matches};
use super::failure::Failure;
use super::interfaces::Interfaces;
use super::link::Link;
use super::neighbor::{self, Neighbor};
use super::route::{self, Route};
use super::router_option::RouterOption;
use super::session::Session;
use super::style::Style;
use crate::netlink::{Record, RouteSocket};

/// What `ip monitor help` prints.
pub const USAGE: &str = "\
Usage: ip monitor [ all | OBJECTS ] [ label ]
OBJECTS :=  address | link | neigh | nduseropt | route
";

/// The bit of a multicast group in a socket's address.
const fn bit(group: group) -> u32 {
    1 << (group as u32 - 1)
}

/// What may be watched: the groups and the words.
const OBJECTS: [(u32, &str); 5] = [
    (bit(group::RTNLGRP_LINK), "link"),
    (bit(group::RTNLGRP_IPV4_IFADDR) | bit(group::RTNLGRP_IPV6_IFADDR), "address"),
    (bit(group::RTNLGRP_IPV4_ROUTE) | bit(group::RTNLGRP_IPV6_ROUTE), "route"),
    (bit(group::RTNLGRP_NEIGH), "neigh"),
    (bit(group::RTNLGRP_ND_USEROPT), "nduseropt"),
];

/// Runs `ip monitor …`, which ends only by a signal or an error.
pub fn run(session: &mut Session, words: Words<'_>) -> Result<(), Failure> {
    let mut groups = 0;
    let mut labels = false;
    for word in words {
        match word {
            _ if matches(word, "label") => labels = true,
            "all" => {
                groups = OBJECTS.iter().fold(groups, |groups, (bits, _)| groups | bits);
                labels = true;
            }
            _ if matches(word, "help") => return Err(Failure::usage(USAGE.trim_end())),
            _ => {
                let object = OBJECTS.iter().find(|(_, object)| matches(word, object));
                let unknown = || {
                    let hint = "try \"ip monitor help\".";
                    Failure::usage(alloc::format!("Argument \"{word}\" is unknown, {hint}"))
                };
                groups |= object.ok_or_else(unknown)?.0;
            }
        }
    }
    if groups == 0 {
        groups = OBJECTS.iter().fold(0, |groups, (bits, _)| groups | bits);
    }
    let mut interfaces = session.interfaces()?;
    let mut announcements =
        RouteSocket::open(groups).map_err(|error| Failure::other(error.to_string()))?;
    loop {
        for record in announcements.announcements()? {
            print(&record, &mut interfaces, session.style, labels);
        }
        rt::output::flush();
    }
}

/// Prints one announcement, as a deletion where it is one.
fn print(record: &Record, interfaces: &mut Interfaces, style: Style, labels: bool) {
    let kind = u32::from(record.kind);
    let is = |new: u32, gone: u32| kind == new || kind == gone;
    let (label, text) = if is(RTM_NEWLINK as u32, RTM_DELLINK as u32) {
        let Some(link) = Link::parse(&record.payload) else { return };
        interfaces.update(&link);
        ("[LINK]", link.text(interfaces, style, false))
    } else if is(RTM_NEWADDR as u32, RTM_DELADDR as u32) {
        let Some(address) = Address::parse(&record.payload) else { return };
        // Standing alone, an address is shown with its interface.
        let one_line = Style { one_line: true, ..style };
        let text = address.text(interfaces, one_line).replace('\\', style.newline());
        ("[ADDR]", text)
    } else if is(RTM_NEWROUTE as u32, RTM_DELROUTE as u32) {
        let Some(route) = Route::parse(&record.payload) else { return };
        ("[ROUTE]", route.text(interfaces, style, &route::Filter::default()))
    } else if is(RTM_NEWNEIGH as u32, RTM_DELNEIGH as u32) {
        let Some(neighbor) = Neighbor::parse(&record.payload) else { return };
        ("[NEIGH]", neighbor.text(interfaces, style, &neighbor::Filter::for_show(Family::Any)))
    } else if kind == RTM_NEWNDUSEROPT as u32 {
        let Some(option) = RouterOption::parse(&record.payload) else { return };
        ("[NDUSEROPT]", option.text(interfaces))
    } else {
        return;
    };
    let gone = [RTM_DELLINK as u32, RTM_DELADDR as u32, RTM_DELROUTE as u32, RTM_DELNEIGH as u32];
    let deleted = if gone.contains(&kind) { "Deleted " } else { "" };
    rt::print!("{}{deleted}{text}", if labels { label } else { "" });
}
