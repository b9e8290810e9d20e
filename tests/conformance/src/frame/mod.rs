//! Frames to send, written the way a test description has them:
//!
//! ```
//! # use conformance::{frame::packet, station::{TN1, ALL_NODES}};
//! # let dut = TN1.link_local;
//! let request = packet(TN1.link_local, dut).destination_options(&[&[0x1e, 2, 0, 0]]).echo_request(1, 1, b"data");
//! ```
//!
//! Whatever is not said is what the RFCs want: lengths, next headers, checksums. Everything can
//! be said, so that it is wrong.

mod extension;
pub mod icmpv6;
mod multicast_listener;
mod neighbor_discovery;
mod transport;

pub use extension::{PAD1, PADN};
pub use multicast_listener::Record;
pub use neighbor_discovery::{PrefixInformation, RouterAdvertisement};

use crate::station::Mac;
use std::net::Ipv6Addr;

/// Next header numbers (IANA).
pub mod next_header {
    /// Hop-by-Hop Options header.
    pub const HOP_BY_HOP: u8 = 0;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// Routing header.
    pub const ROUTING: u8 = 43;
    /// Fragment header.
    pub const FRAGMENT: u8 = 44;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// Nothing follows.
    pub const NONE: u8 = 59;
    /// Destination Options header.
    pub const DESTINATION: u8 = 60;
}

/// Where a checksum is in the upper layer, and whether it is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sum {
    /// There is none, or it has been written already.
    None,
    /// At this offset, right.
    Right(usize),
    /// At this offset, and wrong.
    Wrong(usize),
}

/// A frame to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    to_mac: Option<Mac>,
    from_mac: Option<Mac>,
    vlan: Option<u16>,
    version: u8,
    traffic_class: u8,
    flow_label: u32,
    payload_length: Option<u16>,
    first_next_header: Option<u8>,
    hop_limit: u8,
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    /// Extension headers: their number, and their octets; the first octet is filled in.
    headers: Vec<(u8, Vec<u8>)>,
    /// What is behind them: its number and its octets.
    upper: (u8, Vec<u8>),
    sum: Sum,
    cut: usize,
    padding: usize,
}

/// A packet with hop limit 64 and nothing in it.
pub const fn packet(source: Ipv6Addr, destination: Ipv6Addr) -> Frame {
    Frame {
        to_mac: None,
        from_mac: None,
        vlan: None,
        version: 6,
        traffic_class: 0,
        flow_label: 0,
        payload_length: None,
        first_next_header: None,
        hop_limit: 64,
        source,
        destination,
        headers: Vec::new(),
        upper: (next_header::NONE, Vec::new()),
        sum: Sum::None,
        cut: 0,
        padding: 0,
    }
}

impl Frame {
    /// Sends it to this station instead of where its destination lives.
    #[must_use]
    pub const fn to_mac(mut self, mac: Mac) -> Self {
        self.to_mac = Some(mac);
        self
    }

    /// Claims to come from this station.
    #[must_use]
    pub const fn from_mac(mut self, mac: Mac) -> Self {
        self.from_mac = Some(mac);
        self
    }

    /// Puts an 802.1Q tag in front: the number of a VLAN, and priority and drop eligibility in the
    /// upper four bits.
    #[must_use]
    pub const fn vlan(mut self, number: u16) -> Self {
        self.vlan = Some(number);
        self
    }

    /// The version field.
    #[must_use]
    pub const fn version(mut self, version: u8) -> Self {
        self.version = version;
        self
    }

    /// The traffic class.
    #[must_use]
    pub const fn traffic_class(mut self, class: u8) -> Self {
        self.traffic_class = class;
        self
    }

    /// The flow label.
    #[must_use]
    pub const fn flow_label(mut self, label: u32) -> Self {
        self.flow_label = label;
        self
    }

    /// The hop limit.
    #[must_use]
    pub const fn hop_limit(mut self, hops: u8) -> Self {
        self.hop_limit = hops;
        self
    }

    /// A payload length that need not be true.
    #[must_use]
    pub const fn payload_length(mut self, length: u16) -> Self {
        self.payload_length = Some(length);
        self
    }

    /// A next header in the IPv6 header that need not be true.
    #[must_use]
    pub const fn next_header(mut self, number: u8) -> Self {
        self.first_next_header = Some(number);
        self
    }

    /// The checksum of the upper layer is wrong.
    #[must_use]
    pub const fn wrong_checksum(mut self) -> Self {
        if let Sum::Right(at) = self.sum {
            self.sum = Sum::Wrong(at);
        }
        self
    }

    /// Takes octets away from the end; lengths and checksum fit what is left.
    #[must_use]
    pub fn shortened_to(mut self, upper_octets: usize) -> Self {
        self.upper.1.truncate(upper_octets);
        self
    }

    /// Takes octets away from the end of the frame, whatever the lengths say.
    #[must_use]
    pub const fn cut(mut self, octets: usize) -> Self {
        self.cut = octets;
        self
    }

    /// Pads the frame with octets that do not belong to the packet.
    #[must_use]
    pub const fn padded(mut self, octets: usize) -> Self {
        self.padding = octets;
        self
    }

    /// Changes one octet of the upper layer before its checksum is computed.
    #[must_use]
    pub fn with_octet(mut self, offset: usize, value: u8) -> Self {
        if let Some(octet) = self.upper.1.get_mut(offset) {
            *octet = value;
        }
        self
    }

    /// These octets behind the extension headers.
    #[must_use]
    pub fn upper(mut self, number: u8, octets: &[u8]) -> Self {
        self.upper = (number, octets.to_vec());
        self.sum = Sum::None;
        self
    }

    fn checksummed(mut self, number: u8, octets: Vec<u8>, at: usize) -> Self {
        self.upper = (number, octets);
        self.sum = Sum::Right(at);
        self
    }

    fn header(mut self, number: u8, octets: Vec<u8>) -> Self {
        self.headers.push((number, octets));
        self
    }

    /// What is behind the IPv6 header, and the number of its first header.
    fn payload(&self) -> (u8, Vec<u8>) {
        let mut upper = self.upper.1.clone();
        if let Sum::Right(at) | Sum::Wrong(at) = self.sum
            && upper.len() >= at + 2
        {
            upper[at..at + 2].fill(0);
            let mut sum = checksum(self.source, self.destination, self.upper.0, &upper);
            if self.upper.0 == next_header::UDP && sum == 0 {
                sum = 0xffff;
            }
            if self.sum == Sum::Wrong(at) {
                sum ^= 0x1234;
            }
            upper[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        let mut number = self.upper.0;
        let mut payload = upper;
        for (kind, octets) in self.headers.iter().rev() {
            let mut header = octets.clone();
            header[0] = number;
            header.extend(payload);
            (number, payload) = (*kind, header);
        }
        (number, payload)
    }

    /// The packet, from the version field on.
    pub fn packet(&self) -> Vec<u8> {
        let (number, payload) = self.payload();
        let length = self.payload_length.unwrap_or(payload.len() as u16);
        let word = u32::from(self.version) << 28
            | u32::from(self.traffic_class) << 20
            | self.flow_label & 0xf_ffff;
        let mut packet = word.to_be_bytes().to_vec();
        packet.extend(length.to_be_bytes());
        packet.extend([self.first_next_header.unwrap_or(number), self.hop_limit]);
        packet.extend(self.source.octets());
        packet.extend(self.destination.octets());
        packet.extend(payload);
        packet
    }

    /// The frame from `sender` to `receiver`, where nothing else was said.
    pub fn octets(&self, sender: Mac, receiver: Mac) -> Vec<u8> {
        let natural = if self.destination.is_multicast() {
            Mac::of_group(self.destination)
        } else {
            receiver
        };
        let mut frame = self.to_mac.unwrap_or(natural).0.to_vec();
        frame.extend(self.from_mac.unwrap_or(sender).0);
        if let Some(number) = self.vlan {
            frame.extend(0x8100_u16.to_be_bytes());
            frame.extend(number.to_be_bytes());
        }
        frame.extend(0x86dd_u16.to_be_bytes());
        frame.extend(self.packet());
        frame.truncate(frame.len().saturating_sub(self.cut));
        frame.resize(frame.len() + self.padding, 0xa5);
        frame
    }
}

/// The checksum of an upper layer whose own field is zero (RFC 8200, Section 8.1).
pub fn checksum(source: Ipv6Addr, destination: Ipv6Addr, number: u8, upper: &[u8]) -> u16 {
    let mut pseudo = source.octets().to_vec();
    pseudo.extend(destination.octets());
    pseudo.extend((upper.len() as u32).to_be_bytes());
    pseudo.extend([0, 0, 0, number]);
    pseudo.extend(upper);
    let sum: u32 = pseudo
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
        .fold(0, |sum, word| {
            let sum = sum + word;
            (sum & 0xffff) + (sum >> 16)
        });
    !(sum as u16)
}
