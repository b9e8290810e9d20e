//! `ip link`: show and set.

use alloc::format;
use alloc::vec::Vec;
use core::mem::{offset_of, size_of};

use linux_raw_sys::net::net_device_flags as flag;
use linux_raw_sys::netlink::{
    IFLA_ADDRESS, IFLA_BROADCAST, IFLA_IFNAME, IFLA_MTU, IFLA_TXQLEN, RTM_DELLINK, RTM_NEWLINK,
    ifinfomsg,
};

use super::arguments::{Family, Words, matches};
use super::failure::Failure;
use super::interfaces::{Interfaces, read_links};
use super::link;
use super::session::Session;
use super::style::Style;
use crate::netlink::{Request, field};
use crate::prefix::parse_link_address;

/// What `ip link help` prints.
pub const USAGE: &str = "\
Usage: ip link set { DEVICE | dev DEVICE }
			[ { up | down } ]
		[ arp { on | off } ]
		[ multicast { on | off } ]
		[ allmulticast { on | off } ]
		[ promisc { on | off } ]
		[ txqueuelen PACKETS ]
		[ name NEWNAME ]
		[ address LLADDR ]
		[ broadcast LLADDR ]
		[ mtu MTU ]

	ip link delete { DEVICE | dev DEVICE }

	ip link show [ DEVICE ] [up]
";

/// The longest name of an interface: IFNAMSIZ with the NUL.
const NAME_LIMIT: usize = linux_raw_sys::net::IFNAMSIZ as usize - 1;

/// Runs `ip link …`.
pub fn run(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let Some(word) = words.next() else { return show(session, words) };
    match word {
        _ if matches(word, "set") => set(session, words),
        _ if matches(word, "show") || matches(word, "lst") || matches(word, "list") => {
            show(session, words)
        }
        _ if matches(word, "delete") => delete(session, words),
        _ if matches(word, "help") => Err(Failure::usage(USAGE.trim_end())),
        _ => Err(Failure::command("link", word)),
    }
}

/// `ip link show`.
pub fn show(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let mut device = None;
    let mut up = false;
    while let Some(word) = words.next() {
        match word {
            "up" => up = true,
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
        if index.is_some_and(|index| index != link.index) || (up && link.flags & link::UP == 0) {
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
                    return Err(Failure::invalid(name, "\"name\" not a valid ifname\n"));
                }
                change.name = Some(name);
            }
            "address" => change.address = Some(link_address(words)?),
            "broadcast" | "brd" => change.broadcast = Some(link_address(words)?),
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
    request
}

fn index_of(session: &mut Session, device: Option<&str>) -> Result<u32, Failure> {
    let device = device
        .ok_or_else(|| Failure::usage("Not enough information: \"dev\" argument is required."))?;
    session.interfaces()?.index(device).ok_or_else(|| Failure::no_device(device))
}

fn set(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let change = parse_change(&mut words)?;
    let index = index_of(session, change.device)?;
    Ok(session.socket.change(request(&change, index, RTM_NEWLINK as u32))?)
}

fn delete(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let change = parse_change(&mut words)?;
    let index = index_of(session, change.device)?;
    Ok(session.socket.change(request(&Change::default(), index, RTM_DELLINK as u32))?)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use linux_raw_sys::netlink::{IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, RTM_NEWLINK};

    use super::{Change, Failure, Words, parse_change, request};

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
    fn refusals() {
        for (line, message) in [
            ("lo mtu x", "Error: argument \"x\" is wrong: Invalid \"mtu\" value\n"),
            ("lo usb0", "Error: either \"dev\" is duplicate, or \"usb0\" is a garbage."),
            ("lo mtu 1 mtu 2", "Error: duplicate \"mtu\": \"2\" is the second value."),
            (
                "lo promisc maybe",
                "Error: argument of \"promisc\" must be one of \"on\" or \"off\", not \"maybe\"",
            ),
            ("lo name a/b", "Error: argument \"a/b\" is wrong: \"name\" not a valid ifname\n"),
            ("lo name", "Command line is not complete. Try option \"help\""),
        ] {
            let failure = refusal(line);
            assert_eq!((failure.message.as_str(), failure.status), (message, 255), "{line}");
        }
        assert_eq!(refusal("lo address 1:zz").status, 1);
    }
}
