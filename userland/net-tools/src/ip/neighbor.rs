//! What a message about a neighbor says, and how iproute2 prints it.
//!
//! RTM_NEWNEIGH: `struct ndmsg` and NDA_ attributes (rtnetlink(7)). The states are those of
//! RFC 4861 section 7.3.2, and Linux's NOARP, PERMANENT and FAILED.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::mem::{offset_of, size_of};
use core::net::IpAddr;

use linux_raw_sys::netlink::{
    NDA_CACHEINFO, NDA_DST, NDA_LLADDR, NDA_PROBES, NDA_PROTOCOL, NTF_EXT_LEARNED, NTF_PROXY,
    NTF_ROUTER, NUD_DELAY, NUD_FAILED, NUD_INCOMPLETE, NUD_NOARP, NUD_NONE, NUD_PERMANENT,
    NUD_PROBE, NUD_REACHABLE, NUD_STALE, nda_cacheinfo, ndmsg,
};

use super::arguments::Family;
use super::interfaces::Interfaces;
use super::names::{PROTOCOLS, name};
use super::style::Style;
use crate::netlink::{Attribute, Attributes, field};
use crate::prefix::{LinkAddress, Prefix};

/// Hundredths of a second: the unit of times in `nda_cacheinfo`.
const TICKS_PER_SECOND: u32 = 100;

/// States by their command-line names, in the order in which `ip` prints them.
pub const STATES: [(u32, &str); 9] = [
    (NUD_INCOMPLETE, "incomplete"),
    (NUD_REACHABLE, "reachable"),
    (NUD_STALE, "stale"),
    (NUD_DELAY, "delay"),
    (NUD_PROBE, "probe"),
    (NUD_FAILED, "failed"),
    (NUD_NOARP, "noarp"),
    (NUD_PERMANENT, "permanent"),
    (NUD_NONE, "none"),
];

/// The bit of a filter that stands for entries in no state.
const WITHOUT_STATE: u32 = 0x100;

/// When an entry was used, hundredths of a second ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Usage {
    confirmed: u32,
    used: u32,
    updated: u32,
    references: u32,
}

/// An entry of the neighbor cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// `AF_` number.
    pub family: u8,
    /// The interface.
    pub index: u32,
    /// `NUD_` bits.
    pub state: u16,
    /// `NTF_` bits.
    pub flags: u8,
    /// Its IP address.
    pub address: Option<IpAddr>,
    /// Its link-layer address.
    pub link_address: Option<Vec<u8>>,
    probes: Option<u32>,
    protocol: Option<u8>,
    usage: Option<Usage>,
}

impl Neighbor {
    /// Reads the message; `None` when its fixed part is too short.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let attributes = Attributes::after(payload, size_of::<ndmsg>());
        let usage = attributes.find(NDA_CACHEINFO as u32).and_then(|attribute| {
            let field = |offset| field::u32_at(attribute.value, offset);
            Some(Usage {
                confirmed: field(offset_of!(nda_cacheinfo, ndm_confirmed))?,
                used: field(offset_of!(nda_cacheinfo, ndm_used))?,
                updated: field(offset_of!(nda_cacheinfo, ndm_updated))?,
                references: field(offset_of!(nda_cacheinfo, ndm_refcnt))?,
            })
        });
        Some(Self {
            family: field::u8_at(payload, offset_of!(ndmsg, ndm_family))?,
            index: field::u32_at(payload, offset_of!(ndmsg, ndm_ifindex))?,
            state: field::u16_at(payload, offset_of!(ndmsg, ndm_state))?,
            flags: field::u8_at(payload, offset_of!(ndmsg, ndm_flags))?,
            address: attributes.find(NDA_DST as u32).and_then(Attribute::address),
            link_address: attributes.find(NDA_LLADDR as u32).map(|address| address.value.to_vec()),
            probes: attributes.find(NDA_PROBES as u32).and_then(Attribute::u32),
            protocol: attributes.find(NDA_PROTOCOL as u32).and_then(Attribute::u8),
            usage,
        })
    }

    /// What `ip neigh` prints of it; the interface is left out when the filter fixes it.
    // Writing to a string does not fail.
    #[must_use]
    pub fn text(&self, interfaces: &Interfaces, style: Style, filter: &Filter) -> String {
        let mut text = String::new();
        if style.brief {
            self.write_brief(&mut text, interfaces);
            return text;
        }
        if let Some(address) = self.address {
            let _ = write!(text, "{address} ");
        }
        if filter.index.is_none() && self.index != 0 {
            let _ = write!(text, "dev {} ", interfaces.name(self.index));
        }
        if let Some(address) = &self.link_address {
            let _ = write!(text, "lladdr {} ", LinkAddress(address));
        }
        let flags =
            [(NTF_ROUTER, "router"), (NTF_PROXY, "proxy"), (NTF_EXT_LEARNED, "extern_learn")];
        for (bit, word) in flags {
            if u32::from(self.flags) & bit != 0 {
                let _ = write!(text, "{word} ");
            }
        }
        if style.statistics > 0 {
            if let Some(usage) = &self.usage {
                if usage.references != 0 {
                    let _ = write!(text, " ref {}", usage.references);
                }
                let seconds = [usage.used, usage.confirmed, usage.updated]
                    .map(|time| time / TICKS_PER_SECOND);
                let _ = write!(text, " used {}/{}/{}", seconds[0], seconds[1], seconds[2]);
            }
            if let Some(probes) = self.probes {
                let _ = write!(text, "probes {probes} ");
            }
        }
        for (bit, word) in STATES {
            if u32::from(self.state) & bit != 0 {
                let _ = write!(text, "{} ", word.to_ascii_uppercase());
            }
        }
        if let Some(protocol) = self.protocol.filter(|protocol| *protocol != 0) {
            let _ = write!(text, "proto {} ", name(PROTOCOLS, protocol.into()));
        }
        text.push('\n');
        text
    }

    fn write_brief(&self, text: &mut String, interfaces: &Interfaces) {
        if let Some(address) = self.address {
            let address = alloc::format!("{address}");
            let _ = write!(text, "{address:<39} ");
        }
        if self.index != 0 {
            let _ = write!(text, "{:<16} ", interfaces.name(self.index));
        }
        if let Some(address) = &self.link_address {
            let _ = write!(text, "{}", LinkAddress(address));
        }
        text.push('\n');
    }
}

/// Which entries are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Of this family.
    pub family: Family,
    /// On this interface.
    pub index: Option<u32>,
    /// Within this prefix.
    pub prefix: Option<Prefix>,
    /// In one of these states.
    pub states: u32,
}

impl Filter {
    /// What `show` shows when nothing is said: all but addresses that need no resolution.
    #[must_use]
    pub const fn for_show(family: Family) -> Self {
        Self { family, index: None, prefix: None, states: 0xff & !NUD_NOARP }
    }

    /// What `flush` takes when nothing is said: nothing that somebody set by hand.
    #[must_use]
    pub const fn for_flush(family: Family) -> Self {
        Self { family, index: None, prefix: None, states: !(NUD_PERMANENT | NUD_NOARP) }
    }

    /// Adds a state to those that are meant.
    pub fn add_state(&mut self, state: u32) {
        self.states |= if state == NUD_NONE { WITHOUT_STATE } else { state };
    }

    /// Whether `neighbor` is meant.
    #[must_use]
    pub fn accepts(&self, neighbor: &Neighbor) -> bool {
        let state = u32::from(neighbor.state);
        let exempt = u32::from(neighbor.flags) & (NTF_PROXY | NTF_EXT_LEARNED) != 0;
        let in_state = self.states & state != 0
            || exempt
            || (state == NUD_NONE && self.states & WITHOUT_STATE != 0);
        in_state
            && self.family.wants(neighbor.family)
            && self.index.is_none_or(|index| index == neighbor.index)
            && self.prefix.is_none_or(|prefix| {
                neighbor.address.is_some_and(|address| prefix.contains(address))
            })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use linux_raw_sys::netlink::{
        NDA_CACHEINFO, NDA_DST, NDA_LLADDR, NDA_PROBES, NUD_INCOMPLETE, NUD_PERMANENT, NUD_STALE,
        RTM_NEWNEIGH,
    };

    use super::{Family, Filter, Neighbor};
    use crate::ip::interfaces::Interfaces;
    use crate::ip::link::Link;
    use crate::ip::style::Style;
    use crate::netlink::Request;
    use crate::prefix::{Prefix, octets};

    fn neighbor(address: &str, state: u32, flags: u8, link: bool) -> Neighbor {
        let mut fixed = Vec::from([10, 0, 0, 0]);
        fixed.extend(2u32.to_ne_bytes());
        fixed.extend((state as u16).to_ne_bytes());
        fixed.extend([flags, 1]);
        let mut message = Request::new(RTM_NEWNEIGH as u32, 0, &fixed);
        let times: Vec<u8> = [250, 399, 100, 0].into_iter().flat_map(u32::to_ne_bytes).collect();
        message
            .attribute(NDA_DST as u32, &octets(address.parse().unwrap()))
            .attribute(NDA_CACHEINFO as u32, &times)
            .u32(NDA_PROBES as u32, 4);
        if link {
            message.attribute(NDA_LLADDR as u32, &[2, 0, 0, 0, 0, 9]);
        }
        for end in 0..11 {
            assert_eq!(Neighbor::parse(&message.payload()[..end]), None, "{end}");
        }
        Neighbor::parse(message.payload()).unwrap()
    }

    #[test]
    fn as_iproute2_prints_them() {
        let interfaces =
            Interfaces::from_links(&[Link { index: 2, name: "usb0".into(), ..Link::default() }]);
        let all = Filter::for_show(Family::Any);
        let plain = Style::default();
        let router = neighbor("fe80::2", NUD_STALE, 0x80, true);
        assert_eq!(
            router.text(&interfaces, plain, &all),
            "fe80::2 dev usb0 lladdr 02:00:00:00:00:09 router STALE \n"
        );
        let on_device = Filter { index: Some(2), ..all };
        let unknown = neighbor("2001:db8::9", NUD_INCOMPLETE, 0, false);
        assert_eq!(unknown.text(&interfaces, plain, &on_device), "2001:db8::9 INCOMPLETE \n");
        let statistics = Style { statistics: 1, ..plain };
        assert_eq!(
            router.text(&interfaces, statistics, &all),
            "fe80::2 dev usb0 lladdr 02:00:00:00:00:09 router  used 3/2/1probes 4 STALE \n"
        );
        let brief = Style { brief: true, ..plain };
        assert_eq!(
            router.text(&interfaces, brief, &all),
            "fe80::2                                 usb0             02:00:00:00:00:09\n"
        );
    }

    #[test]
    fn filters() {
        let stale = neighbor("fe80::2", NUD_STALE, 0, true);
        let permanent = neighbor("2001:db8::9", NUD_PERMANENT, 0, true);
        let none = neighbor("2001:db8::a", 0, 0, false);
        let accepted =
            |filter: Filter| [&stale, &permanent, &none].map(|neighbor| filter.accepts(neighbor));
        assert_eq!(accepted(Filter::for_show(Family::Inet6)), [true, true, false]);
        assert_eq!(accepted(Filter::for_show(Family::Inet)), [false; 3]);
        assert_eq!(accepted(Filter::for_flush(Family::Any)), [true, false, true]);
        let mut without = Filter { states: 0, ..Filter::for_show(Family::Any) };
        without.add_state(0);
        assert_eq!(accepted(without), [false, false, true]);
        let prefix = Prefix::parse("2001:db8::/64");
        assert_eq!(
            accepted(Filter { prefix, ..Filter::for_show(Family::Any) }),
            [false, true, false]
        );
        assert_eq!(
            accepted(Filter { index: Some(3), ..Filter::for_show(Family::Any) }),
            [false; 3]
        );
    }
}
