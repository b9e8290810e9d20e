//! What a message about an address says, and how iproute2 prints it.
//!
//! RTM_NEWADDR: `struct ifaddrmsg` and IFA_ attributes (rtnetlink(7)).

use alloc::string::String;
use core::fmt::Write;
use core::mem::{offset_of, size_of};
use core::net::IpAddr;

use linux_raw_sys::netlink::{
    IFA_ADDRESS, IFA_BROADCAST, IFA_CACHEINFO, IFA_F_DADFAILED, IFA_F_DEPRECATED,
    IFA_F_HOMEADDRESS, IFA_F_MANAGETEMPADDR, IFA_F_MCAUTOJOIN, IFA_F_NODAD, IFA_F_NOPREFIXROUTE,
    IFA_F_OPTIMISTIC, IFA_F_PERMANENT, IFA_F_SECONDARY, IFA_F_STABLE_PRIVACY, IFA_F_TENTATIVE,
    IFA_FLAGS, IFA_LABEL, IFA_LOCAL, IFA_PROTO, IFA_RT_PRIORITY, ifa_cacheinfo, ifaddrmsg,
};

use super::arguments::Family;
use super::interfaces::Interfaces;
use super::names::{ADDRESS_PROTOCOLS, SCOPES, name};
use super::style::Style;
use crate::netlink::{Attribute, Attributes, field};
use crate::prefix::Prefix;

/// A lifetime without end.
pub const FOREVER: u32 = u32::MAX;

/// The flags by name in the order in which `ip` prints them. PERMANENT shows by its absence, as
/// `dynamic`.
pub const FLAGS: [(u32, &str); 12] = [
    (IFA_F_SECONDARY, "secondary"),
    (IFA_F_NODAD, "nodad"),
    (IFA_F_OPTIMISTIC, "optimistic"),
    (IFA_F_DADFAILED, "dadfailed"),
    (IFA_F_HOMEADDRESS, "home"),
    (IFA_F_DEPRECATED, "deprecated"),
    (IFA_F_TENTATIVE, "tentative"),
    (IFA_F_PERMANENT, "permanent"),
    (IFA_F_MANAGETEMPADDR, "mngtmpaddr"),
    (IFA_F_NOPREFIXROUTE, "noprefixroute"),
    (IFA_F_MCAUTOJOIN, "autojoin"),
    (IFA_F_STABLE_PRIVACY, "stable-privacy"),
];

/// How long an address may be used, seconds; [`FOREVER`] has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// RFC 4862 valid lifetime.
    pub valid: u32,
    /// RFC 4862 preferred lifetime.
    pub preferred: u32,
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The interface that has it.
    pub index: u32,
    /// The address itself.
    pub local: IpAddr,
    /// The prefix length.
    pub prefix_length: u8,
    /// `RT_SCOPE_` number.
    pub scope: u8,
    /// `IFA_F_` bits.
    pub flags: u32,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// The IPv4 broadcast address.
    pub broadcast: Option<IpAddr>,
    label: Option<String>,
    metric: Option<u32>,
    protocol: Option<u8>,
    lifetimes: Option<Lifetimes>,
}

impl Address {
    /// Reads the message; `None` when it is too short or has no address.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let attributes = Attributes::after(payload, size_of::<ifaddrmsg>());
        let address = |kind| attributes.find(kind).and_then(Attribute::address);
        let low_flags = field::u8_at(payload, offset_of!(ifaddrmsg, ifa_flags))?;
        let end = address(IFA_ADDRESS as u32);
        let local = address(IFA_LOCAL as u32).or(end)?;
        let lifetimes = attributes.find(IFA_CACHEINFO as u32).and_then(|attribute| {
            let field = |offset| field::u32_at(attribute.value, offset);
            Some(Lifetimes {
                valid: field(offset_of!(ifa_cacheinfo, ifa_valid))?,
                preferred: field(offset_of!(ifa_cacheinfo, ifa_prefered))?,
            })
        });
        Some(Self {
            index: field::u32_at(payload, offset_of!(ifaddrmsg, ifa_index))?,
            local,
            prefix_length: field::u8_at(payload, offset_of!(ifaddrmsg, ifa_prefixlen))?,
            scope: field::u8_at(payload, offset_of!(ifaddrmsg, ifa_scope))?,
            flags: attributes
                .find(IFA_FLAGS as u32)
                .and_then(Attribute::u32)
                .unwrap_or(low_flags.into()),
            peer: end.filter(|end| *end != local),
            broadcast: address(IFA_BROADCAST as u32),
            label: attributes.find(IFA_LABEL as u32).and_then(Attribute::text).map(String::from),
            metric: attributes.find(IFA_RT_PRIORITY as u32).and_then(Attribute::u32),
            protocol: attributes.find(IFA_PROTO as u32).and_then(Attribute::u8),
            lifetimes,
        })
    }

    /// What `-br` prints of it.
    #[must_use]
    pub fn brief(&self) -> String {
        let mut text = String::new();
        self.write_prefix(&mut text);
        text
    }

    fn write_prefix(&self, text: &mut String) {
        // Writing to a string does not fail, here and below.
        let _ = write!(text, "{}", self.local);
        if let Some(peer) = self.peer {
            let _ = write!(text, " peer {peer}");
        }
        let _ = write!(text, "/{} ", self.prefix_length);
        if let Some(metric) = self.metric {
            let _ = write!(text, "metric {metric} ");
        }
    }

    /// What `ip address` prints of it.
    #[must_use]
    pub fn text(&self, interfaces: &Interfaces, style: Style) -> String {
        let mut text = String::new();
        if style.one_line {
            let _ = write!(text, "{}: {}", self.index, interfaces.name(self.index));
        }
        let _ = write!(text, "    {} ", Family::of(self.local).word());
        self.write_prefix(&mut text);
        if let Some(broadcast) = self.broadcast {
            let _ = write!(text, "brd {broadcast} ");
        }
        let _ = write!(text, "scope {} ", name(SCOPES, self.scope.into()));
        self.write_flags(&mut text);
        if let Some(protocol) = self.protocol.filter(|protocol| style.details && *protocol != 0) {
            let _ = write!(text, "proto {} ", name(ADDRESS_PROTOCOLS, protocol.into()));
        }
        if let Some(label) = &self.label {
            text.push_str(label);
        }
        if let Some(lifetimes) = self.lifetimes {
            let _ = write!(text, "{}       valid_lft ", style.newline());
            let _ = match lifetimes.valid {
                FOREVER => write!(text, "forever"),
                seconds => write!(text, "{seconds}sec"),
            };
            text.push_str(" preferred_lft ");
            // Of a deprecated address the rest may be below 0.
            let _ = match lifetimes.preferred {
                FOREVER => write!(text, "forever"),
                seconds if self.flags & IFA_F_DEPRECATED != 0 => {
                    write!(text, "{}sec", seconds as i32)
                }
                seconds => write!(text, "{seconds}sec"),
            };
        }
        text.push('\n');
        text
    }

    fn write_flags(&self, text: &mut String) {
        let mut rest = self.flags;
        for (bit, word) in FLAGS {
            let set = self.flags & bit != 0;
            rest &= !bit;
            let word = match bit {
                IFA_F_PERMANENT if set => continue,
                IFA_F_PERMANENT => "dynamic",
                _ if !set => continue,
                IFA_F_SECONDARY if self.local.is_ipv6() => "temporary",
                _ => word,
            };
            let _ = write!(text, "{word} ");
        }
        if rest != 0 {
            let _ = write!(text, "flags {rest:02x} ");
        }
    }
}

/// Which addresses are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this family.
    pub family: Family,
    /// Of this interface.
    pub index: Option<u32>,
    /// Of this scope.
    pub scope: Option<u8>,
    /// Within this prefix.
    pub prefix: Option<Prefix>,
    /// With these flags among those of `flag_mask`.
    pub flags: u32,
    /// The flags that matter.
    pub flag_mask: u32,
}

impl Filter {
    /// Whether `address` is meant.
    #[must_use]
    pub fn accepts(&self, address: &Address) -> bool {
        self.family.wants(Family::of(address.local).number())
            && self.index.is_none_or(|index| index == address.index)
            && self.scope.is_none_or(|scope| scope == address.scope)
            && (self.flags ^ address.flags) & self.flag_mask == 0
            && self.prefix.is_none_or(|prefix| prefix.contains(address.local))
    }

    /// Takes the word for a flag, with `-` before it for its absence; false for other words.
    pub fn flag_word(&mut self, word: &str) -> bool {
        let (wanted, word) = match word.strip_prefix('-') {
            Some(word) => (false, word),
            None => (true, word),
        };
        let (wanted, bit) = match word {
            "dynamic" if wanted => (false, IFA_F_PERMANENT),
            "primary" if wanted => (false, IFA_F_SECONDARY),
            "temporary" => (wanted, IFA_F_SECONDARY),
            _ => match FLAGS.iter().find(|(_, known)| *known == word) {
                Some((bit, _)) => (wanted, *bit),
                None => return false,
            },
        };
        self.flag_mask |= bit;
        self.flags = if wanted { self.flags | bit } else { self.flags & !bit };
        true
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use linux_raw_sys::netlink::{
        IFA_ADDRESS, IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS, IFA_LABEL, IFA_LOCAL, IFA_PROTO,
        RTM_NEWADDR,
    };

    use super::{Address, FOREVER, Filter};
    use crate::ip::interfaces::Interfaces;
    use crate::ip::link::Link;
    use crate::ip::style::Style;
    use crate::netlink::Request;
    use crate::prefix::octets;

    fn message(address: &str, length: u8, scope: u8, flags: u32, lifetimes: [u32; 2]) -> Request {
        let address = address.parse().unwrap();
        let mut fixed = Vec::from([10, length, flags as u8, scope]);
        fixed.extend(2u32.to_ne_bytes());
        let cache: Vec<u8> =
            [lifetimes[1], lifetimes[0], 5, 6].into_iter().flat_map(u32::to_ne_bytes).collect();
        let mut message = Request::new(RTM_NEWADDR as u32, 0, &fixed);
        message
            .attribute(IFA_ADDRESS as u32, &octets(address))
            .attribute(IFA_CACHEINFO as u32, &cache)
            .u32(IFA_FLAGS as u32, flags)
            .u8(IFA_PROTO as u32, 2);
        message
    }

    fn text(message: &Request, style: Style) -> alloc::string::String {
        let interfaces =
            Interfaces::from_links(&[Link { index: 2, name: "usb0".into(), ..Link::default() }]);
        Address::parse(message.payload()).unwrap().text(&interfaces, style)
    }

    #[test]
    fn as_iproute2_prints_them() {
        let plain = Style::default();
        assert_eq!(
            text(&message("fe80::1", 64, 253, 0x80, [FOREVER; 2]), plain),
            "    inet6 fe80::1/64 scope link \n       valid_lft forever preferred_lft forever\n"
        );
        assert_eq!(
            text(&message("fec0::5054:ff:fe12:3456", 64, 200, 0x900, [86399, 14399]), plain),
            "    inet6 fec0::5054:ff:fe12:3456/64 scope site dynamic mngtmpaddr stable-privacy \n       \
             valid_lft 86399sec preferred_lft 14399sec\n"
        );
        assert_eq!(
            text(&message("2001:db8::1", 64, 0, 0x61, [9, -3_i32 as u32]), plain),
            "    inet6 2001:db8::1/64 scope global temporary deprecated tentative dynamic \n       \
             valid_lft 9sec preferred_lft -3sec\n"
        );
        let one_line = Style { one_line: true, ..plain };
        assert_eq!(
            text(&message("::1", 128, 254, 0x80, [FOREVER; 2]), one_line),
            "2: usb0    inet6 ::1/128 scope host \\       valid_lft forever preferred_lft forever\n"
        );
        let details = Style { details: true, ..plain };
        let told = text(&message("fe80::1", 64, 253, 0x80, [FOREVER; 2]), details);
        assert!(told.starts_with("    inet6 fe80::1/64 scope link proto kernel_ra \n"), "{told}");
    }

    #[test]
    fn what_linux_has_for_ipv4() {
        let mut message = Request::new(RTM_NEWADDR as u32, 0, &[2, 24, 0x80, 0, 2, 0, 0, 0]);
        message
            .attribute(IFA_ADDRESS as u32, &[192, 0, 2, 2])
            .attribute(IFA_LOCAL as u32, &[192, 0, 2, 2])
            .attribute(IFA_BROADCAST as u32, &[192, 0, 2, 255])
            .text(IFA_LABEL as u32, "usb0");
        assert_eq!(
            text(&message, Style::default()),
            "    inet 192.0.2.2/24 brd 192.0.2.255 scope global usb0\n"
        );
    }

    #[test]
    fn peers_and_short_messages() {
        let mut fixed = Vec::from([10, 128, 0, 0]);
        fixed.extend(2u32.to_ne_bytes());
        let mut message = Request::new(RTM_NEWADDR as u32, 0, &fixed);
        assert_eq!(Address::parse(message.payload()), None, "no address");
        message
            .attribute(IFA_LOCAL as u32, &octets("fe80::1".parse().unwrap()))
            .attribute(IFA_ADDRESS as u32, &octets("fe80::2".parse().unwrap()));
        let address = Address::parse(message.payload()).unwrap();
        assert_eq!(address.brief(), "fe80::1 peer fe80::2/128 ");
        assert_eq!(Address::parse(&message.payload()[..7]), None);
    }

    #[test]
    fn filters() {
        let parse = |message: Request| Address::parse(message.payload()).unwrap();
        let tentative = parse(message("2001:db8::5", 64, 0, 0x40, [100, 50]));
        let link_local = parse(message("fe80::1", 64, 253, 0x80, [FOREVER; 2]));
        for (words, expected) in [
            ("", [true, true]),
            ("tentative", [true, false]),
            ("-tentative", [false, true]),
            ("dynamic", [true, false]),
            ("permanent", [false, true]),
            ("dadfailed", [false, false]),
            ("primary -deprecated", [true, true]),
        ] {
            let mut filter = Filter::default();
            for word in words.split_whitespace() {
                assert!(filter.flag_word(word), "{word}");
            }
            let accepted = [filter.accepts(&tentative), filter.accepts(&link_local)];
            assert_eq!(accepted, expected, "{words}");
        }
        assert!(!Filter::default().flag_word("usb0"));
        assert!(!Filter::default().flag_word("-dynamic"));
        let scope = Filter { scope: Some(253), ..Filter::default() };
        assert!(scope.accepts(&link_local) && !scope.accepts(&tentative));
        let prefix = crate::prefix::Prefix::parse("2001:db8::/32");
        let prefix = Filter { prefix, ..Filter::default() };
        assert!(prefix.accepts(&tentative) && !prefix.accepts(&link_local));
        assert_eq!(tentative.local.to_string(), "2001:db8::5");
    }
}
