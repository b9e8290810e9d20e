//! Link layers: Ethernet with VLAN tags, the cooked header of captures on all interfaces, none.
//!
//! The numbers are those of pcap-linktype(7).

use alloc::string::String;
use core::fmt::Write;

use super::octets::{Octets, Truncated};
use super::style::Context;
use super::{hex, ipv6};
use crate::interface;

/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
/// EtherTypes of VLAN tags (IEEE 802.1Q, 802.1ad).
pub const VLAN: [u16; 2] = [0x8100, 0x88a8];
/// How many tags are looked through.
const MOST_TAGS: usize = 4;
/// EtherTypes begin here; what is less is a length.
const LEAST_ETHERTYPE: u16 = 0x0600;

/// What packets of a capture begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// An Ethernet header.
    Ethernet,
    /// The IP header.
    Raw,
    /// The header of LINKTYPE_LINUX_SLL2: 20 octets with the interface and the direction.
    Cooked,
}

/// Where the network layer of a packet begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its EtherType.
    pub kind: u16,
    /// The length of the link-layer header.
    pub offset: usize,
}

impl LinkType {
    /// The type of a number in a file.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Ethernet,
            // LINKTYPE_RAW and what some systems call the same, LINKTYPE_IPV6.
            101 | 12 | 229 => Self::Raw,
            276 => Self::Cooked,
            _ => return None,
        })
    }

    /// Its number in a file.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Ethernet => 1,
            Self::Raw => 101,
            Self::Cooked => 276,
        }
    }

    /// What tcpdump says about it.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Ethernet => "EN10MB (Ethernet)",
            Self::Raw => "RAW (Raw IP)",
            Self::Cooked => "LINUX_SLL2 (Linux cooked v2)",
        }
    }

    /// The length of the header itself.
    #[must_use]
    pub const fn header(self) -> usize {
        match self {
            Self::Ethernet => 14,
            Self::Raw => 0,
            Self::Cooked => 20,
        }
    }

    /// Finds the network layer, behind VLAN tags.
    pub fn network(self, packet: &[u8]) -> Result<Network, Truncated> {
        let octets = Octets::new(packet, "ether");
        let mut offset = self.header();
        let mut kind = match self {
            Self::Ethernet => octets.u16(12)?,
            Self::Cooked => octets.u16(0)?,
            Self::Raw => IPV6,
        };
        for _ in 0..MOST_TAGS {
            if !VLAN.contains(&kind) {
                break;
            }
            kind = octets.u16(offset + 2)?;
            offset += 4;
        }
        Ok(Network { kind, offset })
    }
}

/// The name of an EtherType.
const fn ethertype(kind: u16) -> &'static str {
    match kind {
        0x0800 => "IPv4",
        0x0806 => "ARP",
        0x86dd => "IPv6",
        0x8100 => "802.1Q",
        0x88a8 => "802.1Q-QinQ",
        0x88cc => "LLDP",
        _ => "Unknown",
    }
}

fn print_mac(out: &mut String, octets: &[u8]) {
    for (index, octet) in octets.iter().enumerate() {
        let colon = if index == 0 { "" } else { ":" };
        let _ = write!(out, "{colon}{octet:02x}");
    }
}

/// The direction of a cooked header.
const fn direction(kind: u8) -> &'static str {
    match kind {
        0 => "In",
        1 => "B",
        2 => "M",
        3 => "P",
        4 => "Out",
        _ => "?",
    }
}

/// Prints a packet of so many octets on the wire, of which `packet` was captured.
pub fn print(
    out: &mut String,
    packet: &[u8],
    length: usize,
    link: LinkType,
    context: &mut Context,
) {
    if let Err(Truncated(protocol)) = print_link(out, packet, length, link, context) {
        let _ = write!(out, " [|{protocol}]");
    }
}

fn print_link(
    out: &mut String,
    packet: &[u8],
    length: usize,
    link: LinkType,
    context: &mut Context,
) -> Result<(), Truncated> {
    let octets = Octets::new(packet, "ether");
    octets.slice(0, link.header())?;
    let Network { kind, offset } = link.network(packet)?;
    let detailed = context.style.link_header;
    match link {
        LinkType::Ethernet if detailed || (kind != IPV6 && !is_known(kind)) => {
            print_mac(out, octets.slice(6, 6)?);
            out.push_str(" > ");
            print_mac(out, octets.slice(0, 6)?);
            let outer = octets.u16(12)?;
            if outer < LEAST_ETHERTYPE {
                let _ = write!(out, ", 802.3, length {outer}: ");
            } else {
                let name = ethertype(outer);
                let _ = write!(out, ", ethertype {name} (0x{outer:04x}), length {length}: ");
            }
        }
        LinkType::Cooked => {
            let name = interface::name_of(octets.u32(4)?);
            let _ = write!(out, "{name:<5} {:<3} ", direction(octets.u8(10)?));
            if detailed {
                let address = octets.slice(12, usize::from(octets.u8(11)?).min(8))?;
                out.push_str("ifindex ");
                let _ = write!(out, "{} ", octets.u32(4)?);
                print_mac(out, address);
                let outer = octets.u16(0)?;
                let name = ethertype(outer);
                let _ = write!(out, " ethertype {name} (0x{outer:04x}), length {length}: ");
            }
        }
        _ => {}
    }
    for tag in (link.header()..offset).step_by(4) {
        let (control, inner) = (octets.u16(tag)?, octets.u16(tag + 2)?);
        if detailed {
            let (vlan, priority) = (control & 0xfff, control >> 13);
            let drop = if control & 0x1000 == 0 { "" } else { ", DEI" };
            let name = ethertype(inner);
            let _ =
                write!(out, "vlan {vlan}, p {priority}{drop}, ethertype {name} (0x{inner:04x}), ");
        }
    }
    let (data, left) = (octets.rest(offset), length.saturating_sub(offset));
    match kind {
        IPV6 => ipv6::print(out, data, left, context),
        0x0800 | 0x0806 => {
            // Another network layer, which this system has not.
            let name = if kind == 0x0806 { "ARP" } else { "IP" };
            let _ = write!(out, "{name}, length {left}");
            Ok(())
        }
        _ => {
            if !context.style.dumped {
                hex::with_characters(out, "\n\t", data);
            }
            Ok(())
        }
    }
}

const fn is_known(kind: u16) -> bool {
    matches!(kind, 0x0800 | 0x0806)
}

#[cfg(test)]
mod tests {
    use super::{LinkType, Network};
    use crate::tcpdump::octets::Truncated;

    #[test]
    fn network_layer() {
        let mut frame = [0u8; 60];
        frame[12..14].copy_from_slice(&[0x86, 0xdd]);
        let plain = Network { kind: 0x86dd, offset: 14 };
        assert_eq!(LinkType::Ethernet.network(&frame), Ok(plain));
        frame[12..18].copy_from_slice(&[0x81, 0, 0, 5, 0x86, 0xdd]);
        assert_eq!(LinkType::Ethernet.network(&frame), Ok(Network { offset: 18, ..plain }));
        assert_eq!(LinkType::Ethernet.network(&frame[..17]), Err(Truncated("ether")));
        assert_eq!(LinkType::Raw.network(&[]), Ok(Network { offset: 0, ..plain }));
    }
}
