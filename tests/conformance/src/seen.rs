//! What the device under test has sent, taken apart.

use crate::frame::{checksum, next_header};
use crate::station::Mac;
use net::time::Instant;
use std::fmt::{self, Write};
use std::net::Ipv6Addr;

/// An option of a Neighbor Discovery message: its type and what follows its length.
pub type NdOption = (u8, Vec<u8>);

/// A fragment header (RFC 8200, Section 4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fragment {
    /// Offset in octets.
    pub offset: u16,
    /// More fragments follow.
    pub more: bool,
    /// Identification.
    pub identification: u32,
}

/// A Multicast Address Record: type, group, count of sources.
pub type ListenerRecord = (u8, Ipv6Addr, usize);

/// A frame from the device under test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// When it was sent.
    pub at: Instant,
    /// The whole frame.
    pub frame: Vec<u8>,
    /// Destination station.
    pub to_mac: Mac,
    /// Source station.
    pub from_mac: Mac,
    /// What an 802.1Q tag says, if there is one: the number of the VLAN, and in the upper four bits
    /// the priority.
    pub vlan: Option<u16>,
    /// Traffic Class.
    pub traffic_class: u8,
    /// Flow Label.
    pub flow_label: u32,
    /// Hop Limit.
    pub hop_limit: u8,
    /// Source Address.
    pub source: Ipv6Addr,
    /// Destination Address.
    pub destination: Ipv6Addr,
    /// Extension headers: their number and their octets.
    pub headers: Vec<(u8, Vec<u8>)>,
    /// What is behind them.
    pub protocol: u8,
    /// Its octets.
    pub payload: Vec<u8>,
}

fn address(octets: &[u8]) -> Option<Ipv6Addr> {
    octets.get(..16)?.try_into().ok().map(|octets: [u8; 16]| octets.into())
}

fn word(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

fn long(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

fn mac(octets: &[u8]) -> Option<Mac> {
    octets.get(..6)?.try_into().ok().map(Mac)
}

impl Seen {
    /// Takes a frame apart. The error says what is wrong with it: no implementation may send it.
    pub fn parse(frame: &[u8], at: Instant) -> Result<Self, String> {
        let short = || format!("frame of {} octets is too short", frame.len());
        let (to_mac, from_mac) =
            (mac(frame).ok_or_else(short)?, frame.get(6..).and_then(mac).ok_or_else(short)?);
        let (mut vlan, mut start) = (None, 14);
        if word(frame, 12) == Some(0x8100) {
            (vlan, start) = (word(frame, 14), 18);
        }
        if word(frame, start - 2) != Some(0x86dd) {
            return Err(format!("EtherType is not IPv6: {:02x?}", &frame[12..start]));
        }
        let packet = frame.get(start..).filter(|packet| packet.len() >= 40).ok_or_else(short)?;
        let first = long(packet, 0).ok_or_else(short)?;
        if first >> 28 != 6 {
            return Err(format!("version is {}", first >> 28));
        }
        let length = usize::from(word(packet, 4).unwrap_or(0));
        let payload = packet.get(40..40 + length).ok_or("payload length exceeds the frame")?;
        let source = address(&packet[8..]).ok_or_else(short)?;
        let destination = address(&packet[24..]).ok_or_else(short)?;
        if source.is_multicast() {
            return Err(format!("source {source} is multicast"));
        }
        if to_mac == Mac([0xff; 6]) {
            return Err("sent to the broadcast station".into());
        }
        if destination.is_multicast() && to_mac != Mac::of_group(destination) {
            return Err(format!("{destination} is sent to {to_mac:?}"));
        }
        let (mut protocol, mut rest, mut headers) = (packet[6], payload, Vec::new());
        let mut is_part = false;
        while matches!(
            protocol,
            next_header::HOP_BY_HOP
                | next_header::ROUTING
                | next_header::FRAGMENT
                | next_header::DESTINATION
        ) && !is_part
        {
            let units = rest.get(1).map_or(0, |&units| usize::from(units));
            let size = if protocol == next_header::FRAGMENT { 8 } else { 8 + 8 * units };
            let header = rest.get(..size).ok_or("an extension header exceeds the packet")?;
            is_part = protocol == next_header::FRAGMENT && word(header, 2).unwrap_or(0) >> 3 != 0;
            headers.push((protocol, header.to_vec()));
            (protocol, rest) = (header[0], &rest[size..]);
        }
        let seen = Self {
            at,
            frame: frame.to_vec(),
            to_mac,
            from_mac,
            vlan,
            traffic_class: (first >> 20) as u8,
            flow_label: first & 0xf_ffff,
            hop_limit: packet[7],
            source,
            destination,
            headers,
            protocol,
            payload: rest.to_vec(),
        };
        seen.check_sum()?;
        Ok(seen)
    }

    fn check_sum(&self) -> Result<(), String> {
        let summed =
            matches!(self.protocol, next_header::ICMPV6 | next_header::UDP | next_header::TCP);
        if !summed || self.fragment().is_some() {
            return Ok(());
        }
        match checksum(self.source, self.destination, self.protocol, &self.payload) {
            0 => Ok(()),
            _ => Err("the checksum is wrong".into()),
        }
    }

    /// The packet in the frame, from the version field on.
    pub fn packet(&self) -> &[u8] {
        let start = if self.vlan.is_some() { 18 } else { 14 };
        let length = usize::from(word(&self.frame, start + 4).unwrap_or(0));
        &self.frame[start..start + 40 + length]
    }

    /// Its Fragment header.
    pub fn fragment(&self) -> Option<Fragment> {
        let (_, header) = self.headers.iter().find(|(kind, _)| *kind == next_header::FRAGMENT)?;
        let field = word(header, 2)?;
        Some(Fragment {
            offset: field & !7,
            more: field & 1 != 0,
            identification: long(header, 4)?,
        })
    }

    /// The ICMPv6 type, if it is a whole ICMPv6 message.
    pub fn icmpv6(&self) -> Option<u8> {
        let whole = self.protocol == next_header::ICMPV6 && self.fragment().is_none();
        self.payload.first().copied().filter(|_| whole)
    }

    /// The ICMPv6 code.
    pub fn code(&self) -> Option<u8> {
        self.payload.get(1).copied()
    }

    /// The four octets behind the checksum: MTU, pointer, identifier and sequence number.
    pub fn icmpv6_word(&self) -> Option<u32> {
        long(&self.payload, 4)
    }

    /// The packet that an error message quotes.
    pub fn quoted(&self) -> &[u8] {
        self.payload.get(8..).unwrap_or_default()
    }

    /// The data of an Echo Request or Echo Reply.
    pub fn echo_data(&self) -> &[u8] {
        self.quoted()
    }

    /// The Target Address of a Neighbor Discovery message.
    pub fn target(&self) -> Option<Ipv6Addr> {
        self.payload.get(8..).and_then(address)
    }

    /// The letters of the flags of a Neighbor Advertisement: of "RSO" those that are set.
    pub fn advertisement_flags(&self) -> String {
        let flags = self.payload.get(4).copied().unwrap_or(0);
        [('R', 0x80), ('S', 0x40), ('O', 0x20)]
            .into_iter()
            .filter_map(|(letter, bit)| (flags & bit != 0).then_some(letter))
            .collect()
    }

    /// The options of a Neighbor Discovery message.
    pub fn options(&self) -> Vec<NdOption> {
        let start = match self.icmpv6() {
            Some(133) => 8,
            Some(134) => 16,
            Some(135 | 136) => 24,
            Some(137) => 40,
            _ => return Vec::new(),
        };
        let mut rest = self.payload.get(start..).unwrap_or_default();
        let mut options = Vec::new();
        while let [kind, units, ..] = *rest {
            let size = usize::from(units) * 8;
            let Some(body) = rest.get(2..size) else { break };
            options.push((kind, body.to_vec()));
            rest = &rest[size..];
        }
        options
    }

    /// The first option of a kind.
    pub fn option(&self, kind: u8) -> Option<Vec<u8>> {
        self.options().into_iter().find(|(found, _)| *found == kind).map(|(_, body)| body)
    }

    /// Source and destination port of UDP or TCP.
    pub fn ports(&self) -> Option<(u16, u16)> {
        Some((word(&self.payload, 0)?, word(&self.payload, 2)?))
    }

    /// The data of a UDP datagram.
    pub fn udp_data(&self) -> &[u8] {
        self.payload.get(8..).unwrap_or_default()
    }

    /// The records of a Multicast Listener Report of version 2.
    pub fn listener_records(&self) -> Vec<ListenerRecord> {
        let count = word(&self.payload, 6).unwrap_or(0);
        let mut rest = self.payload.get(8..).unwrap_or_default();
        let mut records = Vec::new();
        for _ in 0..count {
            let (Some(group), Some(sources)) = (rest.get(4..).and_then(address), word(rest, 2))
            else {
                break;
            };
            records.push((rest[0], group, usize::from(sources)));
            let size = 20 + 16 * usize::from(sources) + 4 * usize::from(rest[1]);
            rest = rest.get(size..).unwrap_or_default();
        }
        records
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.at.as_millis();
        write!(f, "{}.{:03} ", millis / 1000, millis % 1000)?;
        write!(f, "{} > {} hop limit {}", self.source, self.destination, self.hop_limit)?;
        let mut text = String::new();
        for (kind, _) in &self.headers {
            write!(text, ", header {kind}")?;
        }
        if let Some(fragment) = self.fragment() {
            write!(text, " at {}{}", fragment.offset, if fragment.more { "+" } else { "" })?;
        }
        match self.icmpv6() {
            Some(kind) => write!(text, ", ICMPv6 type {kind} code {}", self.payload[1])?,
            None => write!(text, ", protocol {}", self.protocol)?,
        }
        if matches!(self.icmpv6(), Some(135..=137)) {
            write!(text, " target {}", self.target().unwrap_or(Ipv6Addr::UNSPECIFIED))?;
        }
        write!(f, "{text}, {} octets", self.packet().len())
    }
}
