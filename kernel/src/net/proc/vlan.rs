//! `/proc/net/vlan`: `config`, the list of VLANs, and a file for each.

use super::{Buffer, LinkTraffic, traffic, write_lines};
use crate::fs::generated::Generated;
use crate::fs::stat::Kind;
use crate::net::{KernelStack, with_stack};
use ::net::interface::Interface;
use ::net::vlan::Vlan;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

/// The list's name in the directory.
const CONFIG: &str = "config";

/// The source of the directory.
pub(in crate::net) fn files(path: &str) -> Option<Generated> {
    with_stack(|stack| {
        let text = match path {
            "" => {
                let names = vlans(stack).map(|(interface, _)| interface.name());
                let names = [CONFIG].into_iter().chain(names);
                let names: Vec<_> = names.map(|name| (name.to_string(), Kind::Regular)).collect();
                return Some(Generated::Directory(names));
            }
            CONFIG => config(stack),
            name => {
                let mut found = vlans(stack).filter(|(interface, _)| interface.name() == name);
                let (interface, vlan) = found.next()?;
                describe(stack, interface, vlan)
            }
        };
        Some(Generated::File(Box::new(move || text.clone().into_bytes())))
    })
}

fn vlans(stack: &KernelStack) -> impl Iterator<Item = (&Interface<Buffer>, Vlan)> {
    stack.interfaces().filter_map(|interface| Some((interface, interface.vlan()?)))
}

/// The name of the interface below.
fn parent(stack: &KernelStack, vlan: Vlan) -> &str {
    stack.interface(vlan.parent).map_or("?", Interface::name)
}

fn config(stack: &KernelStack) -> String {
    // How names are made is a setting of Linux's old interface; this is what it begins with.
    let head = "VLAN Dev name\t | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\n";
    let line = |(interface, vlan): (&Interface<Buffer>, Vlan)| {
        let (name, id) = (interface.name(), vlan.id.get());
        format!("{name:<15}| {id}  | {}\n", parent(stack, vlan))
    };
    head.to_string() + &vlans(stack).map(line).collect::<String>()
}

fn describe(stack: &KernelStack, interface: &Interface<Buffer>, vlan: Vlan) -> String {
    let LinkTraffic { receive, transmit, multicast } = traffic(interface);
    // IFF_802_1Q_VLAN is the one private flag of Linux's that has a meaning here.
    let (name, id) = (interface.name(), vlan.id.get());
    let mut text = String::new();
    let head = format!("{name}  VID: {id}\t REORDER_HDR: 1  dev->priv_flags: 1");
    write_lines(&mut text, |text| writeln!(text, "{head}"));
    for (what, value, end) in [
        ("total frames received", receive.packets, ""),
        ("total bytes received", receive.bytes, ""),
        ("Broadcast/Multicast Rcvd", multicast, "\n"),
        ("total frames transmitted", transmit.packets, ""),
        ("total bytes transmitted", transmit.bytes, ""),
    ] {
        write_lines(&mut text, |text| writeln!(text, "{what:>30} {value:>12}{end}"));
    }
    write_lines(&mut text, |text| writeln!(text, "Device: {}", parent(stack, vlan)));
    text.push_str("INGRESS priority mappings: 0:0  1:0  2:0  3:0  4:0  5:0  6:0 7:0\n");
    text.push_str(" EGRESS priority mappings: \n");
    text
}
