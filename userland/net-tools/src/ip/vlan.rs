//! Links of type `vlan`: what `ip link add … type vlan` takes, and how `ip -d link` shows it.
//!
//! IFLA_INFO_DATA of kind `vlan`: IFLA_VLAN_ attributes (linux/if_link.h, linux/if_vlan.h).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use linux_raw_sys::netlink::{
    IFLA_VLAN_EGRESS_QOS, IFLA_VLAN_FLAGS, IFLA_VLAN_ID, IFLA_VLAN_INGRESS_QOS, IFLA_VLAN_PROTOCOL,
    IFLA_VLAN_QOS_MAPPING,
};

use super::arguments::{Words, matches, number};
use super::failure::Failure;
use crate::netlink::{Attribute, Attributes, Request, field};

/// The type's name.
pub const KIND: &str = "vlan";

/// What `ip link help vlan` prints.
pub const USAGE: &str = "\
Usage: ... vlan id VLANID
		[ protocol VLANPROTO ]
		[ reorder_hdr { on | off } ]
		[ gvrp { on | off } ]
		[ mvrp { on | off } ]
		[ loose_binding { on | off } ]
		[ bridge_binding { on | off } ]
		[ ingress-qos-map QOS-MAP ]
		[ egress-qos-map QOS-MAP ]

VLANID := 0-4095
VLANPROTO: [ 802.1Q | 802.1ad ]
QOS-MAP := [ QOS-MAP ] QOS-MAPPING
QOS-MAPPING := FROM:TO
";

/// The flags of linux/if_vlan.h, by option and as they are shown.
const FLAGS: [(u32, &str, &str); 5] = [
    (0x1, "reorder_hdr", "REORDER_HDR"),
    (0x2, "gvrp", "GVRP"),
    (0x8, "mvrp", "MVRP"),
    (0x4, "loose_binding", "LOOSE_BINDING"),
    (0x10, "bridge_binding", "BRIDGE_BINDING"),
];

/// The kinds of tags: EtherType and name.
const PROTOCOLS: [(u16, &str); 2] = [(0x8100, "802.1Q"), (0x88a8, "802.1ad")];

/// A map of priorities: from, to.
type Map = Vec<(u32, u32)>;

/// What a command or a message says of a VLAN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vlan {
    /// The EtherType of its tags.
    pub protocol: Option<u16>,
    /// Its number.
    pub id: Option<u16>,
    /// VLAN_FLAG_ bits, and which of them are meant.
    pub flags: Option<(u32, u32)>,
    /// From the priority in a tag to the packet's.
    pub ingress: Option<Map>,
    /// From a packet's priority to that in the tag.
    pub egress: Option<Map>,
}

impl Vlan {
    /// Reads the options up to the end of the line.
    pub fn read(words: &mut Words<'_>) -> Result<Self, Failure> {
        let mut vlan = Self::default();
        while let Some(word) = words.next() {
            if matches(word, "protocol") {
                vlan.protocol = Some(protocol(words.value()?)?);
            } else if matches(word, "id") {
                let text = words.value()?;
                let id = number(text).and_then(|id| u16::try_from(id).ok());
                vlan.id = Some(id.ok_or_else(|| Failure::invalid(text, "id is invalid"))?);
            } else if let Some((bit, name, _)) =
                FLAGS.into_iter().find(|(_, name, _)| matches(word, name))
            {
                let (flags, mask) = vlan.flags.unwrap_or_default();
                let set = if switch(name, words.value()?)? { bit } else { 0 };
                vlan.flags = Some((flags & !bit | set, mask | bit));
            } else if matches(word, "ingress-qos-map") {
                vlan.ingress = Some(read_map(words)?);
            } else if matches(word, "egress-qos-map") {
                vlan.egress = Some(read_map(words)?);
            } else if matches(word, "help") {
                return Err(Failure::other(USAGE.trim_end()));
            } else {
                let unknown = format!("vlan: unknown command \"{word}\"?\n");
                return Err(Failure::other(unknown + USAGE.trim_end()));
            }
        }
        Ok(vlan)
    }

    /// Reads the attributes of a message; `None` without a number.
    #[must_use]
    pub fn parse(attributes: &Attributes<'_>) -> Option<Self> {
        let short = |kind| attributes.find(kind).and_then(|found| field::u16_at(found.value, 0));
        let flags =
            |found: Attribute<'_>| field::u32_at(found.value, 0).zip(field::u32_at(found.value, 4));
        let map = |kind| attributes.find(kind).map(|found| parse_map(found.nested()));
        Some(Self {
            protocol: short(IFLA_VLAN_PROTOCOL as u32).map(u16::from_be),
            id: Some(short(IFLA_VLAN_ID as u32)?),
            flags: attributes.find(IFLA_VLAN_FLAGS as u32).and_then(flags),
            ingress: map(IFLA_VLAN_INGRESS_QOS as u32),
            egress: map(IFLA_VLAN_EGRESS_QOS as u32),
        })
    }

    /// Adds the attributes to a request.
    pub fn append(&self, request: &mut Request) {
        if let Some(protocol) = self.protocol {
            request.attribute(IFLA_VLAN_PROTOCOL as u32, &protocol.to_be_bytes());
        }
        if let Some(id) = self.id {
            request.attribute(IFLA_VLAN_ID as u32, &id.to_ne_bytes());
        }
        let maps = [(IFLA_VLAN_INGRESS_QOS, &self.ingress), (IFLA_VLAN_EGRESS_QOS, &self.egress)];
        for (kind, map) in maps {
            let Some(map) = map else { continue };
            request.nested(kind as u32, |request| {
                for (from, to) in map {
                    request.attribute(IFLA_VLAN_QOS_MAPPING as u32, &pair(*from, *to));
                }
            });
        }
        if let Some((flags, mask)) = self.flags {
            request.attribute(IFLA_VLAN_FLAGS as u32, &pair(flags, mask));
        }
    }

    /// What `ip -d link` shows behind the name of the type; maps begin new lines.
    #[must_use]
    pub fn text(&self, newline: &str) -> String {
        let mut text = String::new();
        let known = PROTOCOLS.into_iter().find(|(number, _)| Some(*number) == self.protocol);
        // Writing to a string does not fail.
        let _ = match (known, self.protocol) {
            (Some((_, name)), _) => write!(text, "protocol {name} "),
            (None, Some(number)) => write!(text, "protocol [{number}] "),
            (None, None) => write!(text, "protocol 802.1q "),
        };
        if let Some(id) = self.id {
            let _ = write!(text, "id {id} ");
        }
        if let Some((flags, _)) = self.flags {
            let _ = write!(text, "<{}> ", flag_names(flags));
        }
        for (name, map) in [("ingress-qos-map", &self.ingress), ("egress-qos-map", &self.egress)] {
            let Some(map) = map else { continue };
            let _ = write!(text, "{newline}      {name} {{ ");
            for (from, to) in map {
                let _ = write!(text, "{from}:{to} ");
            }
            text.push_str("} ");
        }
        text
    }
}

/// Two numbers, as `ifla_vlan_flags` and `ifla_vlan_qos_mapping` have them.
fn pair(first: u32, second: u32) -> Vec<u8> {
    [first, second].map(u32::to_ne_bytes).concat()
}

fn flag_names(flags: u32) -> String {
    let mut rest = flags;
    let mut words: Vec<String> = Vec::new();
    for (bit, _, name) in FLAGS {
        if rest & bit != 0 {
            rest &= !bit;
            words.push(name.to_string());
        }
    }
    if rest != 0 {
        words.push(format!("{rest:x}"));
    }
    words.join(",")
}

fn protocol(text: &str) -> Result<u16, Failure> {
    let named = PROTOCOLS.into_iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
    let found = match named {
        Some((number, _)) => Some(number),
        None => number(text).and_then(|number| u16::try_from(number).ok()),
    };
    found.ok_or_else(|| Failure::invalid(text, "protocol is invalid"))
}

/// `on` or `off`, refused in other words than those of other commands.
fn switch(name: &str, text: &str) -> Result<bool, Failure> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(Failure::other(format!(
            "Error: argument of \"{name}\" must be \"on\" or \"off\", not \"{text}\""
        ))),
    }
}

/// Pairs, as many as there are.
fn read_map(words: &mut Words<'_>) -> Result<Map, Failure> {
    let mut map = Map::new();
    if words.is_empty() {
        return Err(Failure::incomplete());
    }
    while let Some((from, to)) = words.peek().and_then(|word| word.split_once(':')) {
        let (Some(from), Some(to)) = (number(from), number(to)) else { break };
        map.push((from, to));
        words.next();
    }
    Ok(map)
}

fn parse_map(attributes: Attributes<'_>) -> Map {
    attributes
        .filter(|found| u32::from(found.kind) == IFLA_VLAN_QOS_MAPPING as u32)
        .filter_map(|found| field::u32_at(found.value, 0).zip(field::u32_at(found.value, 4)))
        .collect()
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::{Failure, USAGE, Vlan, Words};
    use crate::netlink::Request;

    fn read(line: &str) -> Result<Vlan, Failure> {
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        Vlan::read(&mut Words::new(&words))
    }

    #[test]
    fn options() {
        let five = Vlan { id: Some(5), ..Vlan::default() };
        for (line, expected) in [
            ("", Vlan::default()),
            ("id 5", five.clone()),
            ("i 0x5", five.clone()),
            ("id 5 protocol 802.1Q", Vlan { protocol: Some(0x8100), ..five.clone() }),
            ("proto 802.1AD id 5", Vlan { protocol: Some(0x88a8), ..five.clone() }),
            ("id 5 reorder_hdr off", Vlan { flags: Some((0, 1)), ..five.clone() }),
            (
                "id 5 gvrp on loose_binding on gvrp off",
                Vlan { flags: Some((4, 6)), ..five.clone() },
            ),
            (
                "egress-qos-map 0:1 2:3 id 5 ingress-qos-map 7:0",
                Vlan { egress: Some(vec![(0, 1), (2, 3)]), ingress: Some(vec![(7, 0)]), ..five },
            ),
        ] {
            assert_eq!(read(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn refusals() {
        let invalid = |value: &str, what: &str| {
            format!("Error: argument \"{value}\" is wrong: {what} is invalid")
        };
        let usage = USAGE.trim_end();
        for (line, message, status) in [
            ("id", "Command line is not complete. Try option \"help\"".into(), 255),
            ("id x", invalid("x", "id"), 255),
            ("id 65536", invalid("65536", "id"), 255),
            ("protocol foo", invalid("foo", "protocol"), 255),
            (
                "mvrp maybe",
                "Error: argument of \"mvrp\" must be \"on\" or \"off\", not \"maybe\"".into(),
                1,
            ),
            ("help", usage.into(), 1),
            ("id 5 mtu 1400", format!("vlan: unknown command \"mtu\"?\n{usage}"), 1),
            ("egress-qos-map 1", format!("vlan: unknown command \"1\"?\n{usage}"), 1),
        ] {
            assert_eq!(read(line), Err(Failure { status, message }), "{line}");
        }
    }

    #[test]
    fn what_is_asked_is_read_back() {
        let line = "id 5 protocol 802.1Q reorder_hdr on egress-qos-map 0:1 2:3 ingress-qos-map 7:0";
        let vlan = read(line).unwrap();
        let mut request = Request::new(16, 0, &[]);
        vlan.append(&mut request);
        assert_eq!(Vlan::parse(&request.attributes(0)), Some(vlan.clone()));
        assert_eq!(
            vlan.text("\n"),
            "protocol 802.1Q id 5 <REORDER_HDR> \n      ingress-qos-map { 7:0 } \
             \n      egress-qos-map { 0:1 2:3 } "
        );
        let few = Vlan { id: Some(9), flags: Some((0x23, u32::MAX)), ..Vlan::default() };
        assert_eq!(few.text("\n"), "protocol 802.1q id 9 <REORDER_HDR,GVRP,20> ");
        assert_eq!(Vlan::parse(&Request::new(16, 0, &[]).attributes(0)), None);
    }
}
