//! `ip link`: show, add, set and delete.

use alloc::format;
use alloc::vec::Vec;
use core::mem::{offset_of, size_of};

use linux_raw_sys::net::net_device_flags as flag;
use linux_raw_sys::netlink::{
    IFLA_ADDRESS, IFLA_BROADCAST, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINK,
    IFLA_LINKINFO, IFLA_MTU, IFLA_TXQLEN, NLM_F_CREATE, NLM_F_EXCL, RTM_DELLINK, RTM_NEWLINK,
    ifinfomsg,
};

use super::arguments::{Family, Words, matches};
use super::failure::Failure;
use super::interfaces::{Interfaces, read_links};
use super::link;
use super::session::Session;
use super::style::Style;
use super::vlan::{self, Vlan};
use crate::netlink::{Request, field};
use crate::prefix::parse_link_address;

/// What `ip link help` prints.
pub const USAGE: &str = "\
Usage: ip link add [link DEV] [ name ] NAME
		    [ txqueuelen PACKETS ]
		    [ address LLADDR ]
		    [ broadcast LLADDR ]
		    [ mtu MTU ]
		    type TYPE [ ARGS ]

	ip link delete { DEVICE | dev DEVICE } [ type TYPE ]

	ip link set { DEVICE | dev DEVICE }
			[ { up | down } ]
			[ type TYPE ARGS ]
		[ arp { on | off } ]
		[ multicast { on | off } ]
		[ allmulticast { on | off } ]
		[ promisc { on | off } ]
		[ txqueuelen PACKETS ]
		[ name NEWNAME ]
		[ address LLADDR ]
		[ broadcast LLADDR ]
		[ mtu MTU ]

	ip link show [ DEVICE ] [up] [type TYPE]

	ip link help [ TYPE ]

TYPE := { vlan }
";

/// The longest name of an interface: IFNAMSIZ with the NUL.
const NAME_LIMIT: usize = linux_raw_sys::net::IFNAMSIZ as usize - 1;

/// Runs `ip link …`.
pub fn run(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let Some(word) = words.next() else { return show(session, words) };
    match word {
        _ if matches(word, "add") => add(session, words),
        _ if matches(word, "set") => set(session, words),
        _ if matches(word, "show") || matches(word, "lst") || matches(word, "list") => {
            show(session, words)
        }
        _ if matches(word, "delete") => delete(session, words),
        _ if matches(word, "help") => match words.next() {
            Some(vlan::KIND) => {
                rt::print!("{}", vlan::USAGE);
                Ok(())
            }
            _ => Err(Failure::usage(USAGE.trim_end())),
        },
        _ => Err(Failure::command("link", word)),
    }
}

/// `ip link show`.
pub fn show(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let mut device = None;
    let mut up = false;
    let mut kind = None;
    while let Some(word) = words.next() {
        match word {
            "up" => up = true,
            _ if matches(word, "type") => kind = Some(words.value()?),
            _ if matches(word, "help") => return Err(Failure::usage(USAGE.trim_end())),
            _ => {
                let name = if word == "dev" { words.value()? } else { word };
                if device.is_some() {
                    return Err(Failure::garbage("dev", name));
                }
                device = Some(name);
            }
        }
    }
    let links = read_links(&mut session.socket, 0).map_err(|error| Failure::dump(&error))?;
    let interfaces = Interfaces::from_links(&links);
    let index = match device {
        Some(name) => {
            let unknown = || Failure::other(format!("Device \"{name}\" does not exist."));
            Some(interfaces.index(name).ok_or_else(unknown)?)
        }
        None => None,
    };
    // Links have no other family than their own.
    let style = Style { family: Family::Link, ..session.style };
    for link in links {
        let other = index.is_some_and(|index| index != link.index)
            || kind.is_some_and(|kind| link.driver.as_deref() != Some(kind));
        if other || (up && link.flags & link::UP == 0) {
            continue;
        }
        if style.brief {
            rt::print!("{}", link.brief(&interfaces, true));
        } else {
            rt::print!("{}", link.text(&interfaces, style, true));
        }
    }
    Ok(())
}

/// What kind of link: the type's name, and what is said of a VLAN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind<'a> {
    /// The name (IFLA_INFO_KIND).
    pub name: &'a str,
    /// The options behind it, if there are any.
    pub vlan: Option<Vlan>,
}

/// What is to become of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change<'a> {
    /// Which one.
    pub device: Option<&'a str>,
    /// The `IFF_` bits to change.
    pub mask: u32,
    /// What they become.
    pub flags: u32,
    /// Its maximum transmission unit.
    pub mtu: Option<u32>,
    /// The length of its transmit queue.
    pub queue_length: Option<u32>,
    /// Its new name.
    pub name: Option<&'a str>,
    /// Its link-layer address.
    pub address: Option<Vec<u8>>,
    /// Its broadcast address.
    pub broadcast: Option<Vec<u8>>,
    /// The link below a new one.
    pub link: Option<&'a str>,
    /// Its type.
    pub kind: Option<Kind<'a>>,
}

impl Change<'_> {
    /// Sets or clears a flag.
    pub fn flag(&mut self, bit: flag, on: bool) {
        let bit = bit as u32;
        self.mask |= bit;
        self.flags = if on { self.flags | bit } else { self.flags & !bit };
    }
}

fn link_address(words: &mut Words<'_>) -> Result<Vec<u8>, Failure> {
    let text = words.value()?;
    parse_link_address(text).ok_or_else(|| Failure::other(format!("\"{text}\" is invalid lladdr.")))
}

fn parse_kind<'a>(words: &mut Words<'a>) -> Result<Kind<'a>, Failure> {
    let name = words.value()?;
    let vlan = match words.peek() {
        None => None,
        Some(_) if name == vlan::KIND => Some(Vlan::read(words)?),
        Some(word) => {
            let hint = "Try \"ip link help\".";
            return Err(Failure::other(format!(
                "Garbage instead of arguments \"{word} ...\". {hint}"
            )));
        }
    };
    Ok(Kind { name, vlan })
}

fn parse_change<'a>(words: &mut Words<'a>) -> Result<Change<'a>, Failure> {
    let mut change = Change::default();
    while let Some(word) = words.next() {
        match word {
            "up" => change.flag(flag::IFF_UP, true),
            "down" => change.flag(flag::IFF_UP, false),
            "arp" => {
                let on = words.switch("arp")?;
                change.flag(flag::IFF_NOARP, !on);
            }
            "multicast" => {
                let on = words.switch("multicast")?;
                change.flag(flag::IFF_MULTICAST, on);
            }
            "allmulticast" => {
                let on = words.switch("allmulticast")?;
                change.flag(flag::IFF_ALLMULTI, on);
            }
            "promisc" => {
                let on = words.switch("promisc")?;
                change.flag(flag::IFF_PROMISC, on);
            }
            "mtu" => {
                if change.mtu.is_some() {
                    return Err(Failure::duplicate("mtu", words.value()?));
                }
                change.mtu = Some(words.number("mtu")?);
            }
            "txqueuelen" | "qlen" | "txqlen" => {
                change.queue_length = Some(words.number("txqueuelen")?);
            }
            "name" => {
                let name = words.value()?;
                let bad = name.is_empty()
                    || name.len() > NAME_LIMIT
                    || name.contains(|letter: char| letter == '/' || letter.is_whitespace());
                if bad {
                    return Err(Failure::invalid(name, "\"name\" not a valid ifname"));
                }
                change.name = Some(name);
            }
            "address" => change.address = Some(link_address(words)?),
            "broadcast" | "brd" => change.broadcast = Some(link_address(words)?),
            "link" => change.link = Some(words.value()?),
            // What follows is the type's.
            _ if matches(word, "type") => {
                change.kind = Some(parse_kind(words)?);
                break;
            }
            _ if matches(word, "help") => return Err(Failure::usage(USAGE.trim_end())),
            _ => {
                let name = if word == "dev" { words.value()? } else { word };
                if change.device.is_some() {
                    return Err(Failure::garbage("dev", name));
                }
                change.device = Some(name);
            }
        }
    }
    Ok(change)
}

/// A request of this kind (`RTM_`) about the link with `index`.
#[must_use]
pub fn request(change: &Change<'_>, index: u32, kind: u32) -> Request {
    let mut fixed = [0; size_of::<ifinfomsg>()];
    field::put(&mut fixed, offset_of!(ifinfomsg, ifi_index), &index.to_ne_bytes());
    field::put(&mut fixed, offset_of!(ifinfomsg, ifi_flags), &change.flags.to_ne_bytes());
    field::put(&mut fixed, offset_of!(ifinfomsg, ifi_change), &change.mask.to_ne_bytes());
    let mut request = Request::new(kind, 0, &fixed);
    if let Some(mtu) = change.mtu {
        request.u32(IFLA_MTU as u32, mtu);
    }
    if let Some(length) = change.queue_length {
        request.u32(IFLA_TXQLEN as u32, length);
    }
    if let Some(name) = change.name {
        request.text(IFLA_IFNAME as u32, name);
    }
    if let Some(address) = &change.address {
        request.attribute(IFLA_ADDRESS as u32, address);
    }
    if let Some(broadcast) = &change.broadcast {
        request.attribute(IFLA_BROADCAST as u32, broadcast);
    }
    if let Some(kind) = &change.kind {
        request.nested(IFLA_LINKINFO as u32, |request| {
            // Without the closing NUL, as iproute2 sends it.
            request.attribute(IFLA_INFO_KIND as u32, kind.name.as_bytes());
            if let Some(vlan) = &kind.vlan {
                request.nested(IFLA_INFO_DATA as u32, |request| vlan.append(request));
            }
        });
    }
    request
}

fn index_of(session: &mut Session, device: Option<&str>) -> Result<u32, Failure> {
    let device = device
        .ok_or_else(|| Failure::usage("Not enough information: \"dev\" argument is required."))?;
    session.interfaces()?.index(device).ok_or_else(|| Failure::no_device(device))
}

fn add(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let mut change = parse_change(&mut words)?;
    if change.kind.is_none() {
        return Err(Failure::other("Not enough information: \"type\" argument is required"));
    }
    if change.name.is_some() && change.device.is_some() {
        let both = "both \"name\" and \"dev\" cannot be used when creating devices.";
        return Err(Failure::usage(both));
    }
    change.name = change.name.or(change.device);
    let below = match change.link {
        Some(name) => {
            let index = session.interfaces()?.index(name);
            Some(index.ok_or_else(|| Failure::no_device(name))?)
        }
        None => None,
    };
    let mut request = request(&change, 0, RTM_NEWLINK as u32);
    request.add_flags(NLM_F_CREATE | NLM_F_EXCL);
    if let Some(index) = below {
        request.u32(IFLA_LINK as u32, index);
    }
    Ok(session.socket.change(request)?)
}

fn set(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let change = parse_change(&mut words)?;
    let index = index_of(session, change.device)?;
    Ok(session.socket.change(request(&change, index, RTM_NEWLINK as u32))?)
}

fn delete(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let change = parse_change(&mut words)?;
    let index = index_of(session, change.device)?;
    let gone = Change { kind: change.kind, ..Change::default() };
    Ok(session.socket.change(request(&gone, index, RTM_DELLINK as u32))?)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use linux_raw_sys::netlink::{
        IFLA_ADDRESS, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINKINFO, IFLA_MTU,
        RTM_NEWLINK,
    };

    use super::{Change, Failure, Kind, Vlan, Words, parse_change, request};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    fn refusal(line: &str) -> Failure {
        parse_change(&mut Words::new(&words(line))).unwrap_err()
    }

    #[test]
    fn requests() {
        let line = words("usb0 down mtu 1280 promisc on name eth1 address 2:0:0:0:0:1");
        let change = parse_change(&mut Words::new(&line)).unwrap();
        assert_eq!(change.device, Some("usb0"));
        let request = request(&change, 3, RTM_NEWLINK as u32);
        let fixed = &request.payload()[..16];
        assert_eq!(fixed[4..8], 3u32.to_ne_bytes(), "index");
        assert_eq!(fixed[8..12], 0x100u32.to_ne_bytes(), "flags");
        assert_eq!(fixed[12..], 0x101u32.to_ne_bytes(), "change");
        let attributes = request.attributes(16);
        assert_eq!(attributes.find(IFLA_MTU as u32).unwrap().u32(), Some(1280));
        assert_eq!(attributes.find(IFLA_IFNAME as u32).unwrap().text(), Some("eth1"));
        assert_eq!(attributes.find(IFLA_ADDRESS as u32).unwrap().value, [2, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn the_device_may_be_named_anywhere() {
        for line in ["up dev usb0", "dev usb0 up", "usb0 up"] {
            let line = words(line);
            let change = parse_change(&mut Words::new(&line)).unwrap();
            let expected = Change { device: Some("usb0"), mask: 1, flags: 1, ..Change::default() };
            assert_eq!(change, expected, "{line:?}");
        }
    }

    #[test]
    fn a_link_of_a_type() {
        for line in [
            "link usb0 name usb0.5 mtu 1400 type vlan id 5",
            "usb0.5 link usb0 mtu 1400 type vlan id 5",
            "dev usb0.5 mtu 1400 link usb0 ty vlan i 5",
        ] {
            let line = words(line);
            let change = parse_change(&mut Words::new(&line)).unwrap();
            assert_eq!(change.name.or(change.device), Some("usb0.5"), "{line:?}");
            assert_eq!((change.link, change.mtu), (Some("usb0"), Some(1400)), "{line:?}");
            let vlan = Vlan { id: Some(5), ..Vlan::default() };
            assert_eq!(change.kind, Some(Kind { name: "vlan", vlan: Some(vlan.clone()) }));
            let request = request(&change, 0, RTM_NEWLINK as u32);
            let info = request.attributes(16).find(IFLA_LINKINFO as u32).unwrap().nested();
            assert_eq!(info.find(IFLA_INFO_KIND as u32).unwrap().value, b"vlan");
            let data = info.find(IFLA_INFO_DATA as u32).unwrap().nested();
            assert_eq!(Vlan::parse(&data), Some(vlan));
        }
        let line = words("usb0.5 type vlan");
        let change = parse_change(&mut Words::new(&line)).unwrap();
        assert_eq!(change.kind, Some(Kind { name: "vlan", vlan: None }));
    }

    #[test]
    fn refusals() {
        for (line, message) in [
            ("lo mtu x", "Error: argument \"x\" is wrong: Invalid \"mtu\" value\n"),
            ("lo usb0", "Error: either \"dev\" is duplicate, or \"usb0\" is a garbage."),
            ("lo mtu 1 mtu 2", "Error: duplicate \"mtu\": \"2\" is the second value."),
            (
                "lo promisc maybe",
                "Error: argument of \"promisc\" must be one of \"on\" or \"off\", not \"maybe\"",
            ),
            ("lo name a/b", "Error: argument \"a/b\" is wrong: \"name\" not a valid ifname"),
            ("lo name", "Command line is not complete. Try option \"help\""),
            ("lo type", "Command line is not complete. Try option \"help\""),
        ] {
            let failure = refusal(line);
            assert_eq!((failure.message.as_str(), failure.status), (message, 255), "{line}");
        }
        assert_eq!(refusal("lo address 1:zz").status, 1);
        let garbage = "Garbage instead of arguments \"id ...\". Try \"ip link help\".";
        assert_eq!(refusal("lo type foo id 5"), Failure::other(garbage));
    }
}
