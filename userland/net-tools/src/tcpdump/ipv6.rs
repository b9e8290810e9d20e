//! The IPv6 header and what follows it (RFC 8200).

use alloc::string::String;
use core::fmt::Write;

use super::extension::{self, Walked};
use super::octets::{Ends, Octets, Truncated};
use super::style::Context;
use super::{icmpv6, tcp, udp};

/// The length of the header.
pub const HEADER: usize = 40;
/// The number of IPv6 in a Next Header field.
const NUMBER: u8 = 41;
/// How deep packets in packets are printed.
const DEEPEST: usize = 8;

/// What a transport protocol's printer needs to know of the headers before it.
#[derive(Clone, Copy, Debug)]
pub struct Transport {
    /// The addresses of the header.
    pub ends: Ends,
    /// The addresses that the checksum covers; `None` when it cannot be checked.
    pub checked: Option<Ends>,
    /// It is a part of a packet.
    pub fragment: bool,
    /// The addresses have been printed already, before extension headers.
    pub printed: bool,
}

impl Transport {
    /// `a.1 > b.2: `, without the addresses when those have been printed, without the ports when
    /// there are none.
    pub fn print_ends(&self, out: &mut String, ports: Option<(u16, u16)>) {
        let Ends { source, destination } = self.ends;
        let _ = match (self.printed, ports) {
            (false, Some((from, to))) => write!(out, "{source}.{from} > {destination}.{to}: "),
            (true, Some((from, to))) => write!(out, "{from} > {to}: "),
            (false, None) => write!(out, "{source} > {destination}: "),
            (true, None) => Ok(()),
        };
    }
}

/// The names of next headers that tcpdump prints with `-v`.
const fn name(next_header: u8) -> &'static str {
    match next_header {
        0 => "Options",
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPv4",
        6 => "TCP",
        17 => "UDP",
        41 => "IPv6",
        43 => "Routing",
        44 => "Fragment",
        46 => "RSVP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "ICMPv6",
        89 => "OSPF",
        103 => "PIM",
        132 => "SCTP",
        _ => "unknown",
    }
}

/// Prints a packet of so many octets on the wire, of which `data` was captured.
pub fn print(
    out: &mut String,
    data: &[u8],
    length: usize,
    context: &mut Context,
) -> Result<(), Truncated> {
    print_inner(out, data, length, context, 0)
}

fn print_inner(
    out: &mut String,
    data: &[u8],
    length: usize,
    context: &mut Context,
    depth: usize,
) -> Result<(), Truncated> {
    let octets = Octets::new(data, "ip6");
    octets.slice(0, HEADER)?;
    if !context.style.link_header {
        out.push_str("IP6 ");
    }
    let first = octets.u32(0)?;
    if first >> 28 != 6 {
        let _ = write!(out, "version error: {} != 6", first >> 28);
        return Ok(());
    }
    let payload = usize::from(octets.u16(4)?);
    let (next_header, hop_limit) = (octets.u8(6)?, octets.u8(7)?);
    let ends = Ends { source: octets.address(8)?, destination: octets.address(24)? };
    let length = if payload == 0 { length } else { length.min(HEADER + payload) };
    if payload != 0 && HEADER + payload > length {
        let _ = write!(out, "truncated-ip6 - {} bytes missing!", HEADER + payload - length);
    }
    if context.style.verbosity > 0 {
        out.push('(');
        let (class, label) = (first >> 20 & 0xff, first & 0xf_ffff);
        if class != 0 {
            let _ = write!(out, "class 0x{class:02x}, ");
        }
        if label != 0 {
            let _ = write!(out, "flowlabel 0x{label:05x}, ");
        }
        let name = name(next_header);
        let _ = write!(
            out,
            "hlim {hop_limit}, next-header {name} ({next_header}) payload length: {payload}) "
        );
    }
    // Padding of the link is no part of the packet.
    let data = data.get(..length).unwrap_or(data);
    let transport = Transport { ends, checked: Some(ends), fragment: false, printed: false };
    print_payload(out, data, length, next_header, transport, context, depth)
}

/// Goes through extension headers to what they are for.
fn print_payload(
    out: &mut String,
    data: &[u8],
    length: usize,
    mut next_header: u8,
    mut transport: Transport,
    context: &mut Context,
    depth: usize,
) -> Result<(), Truncated> {
    let mut at = HEADER;
    loop {
        let rest = data.get(at..).unwrap_or_default();
        let left = length.saturating_sub(at);
        if !transport.printed && next_header != tcp::NUMBER && next_header != udp::NUMBER {
            transport.print_ends(out, None);
            transport.printed = true;
        }
        match next_header {
            tcp::NUMBER => return tcp::print(out, rest, left, &transport, context),
            udp::NUMBER => return udp::print(out, rest, left, &transport, context),
            icmpv6::NUMBER => return icmpv6::print(out, rest, left, &transport, context),
            NUMBER if depth < DEEPEST => {
                return print_inner(out, rest, left, context, depth + 1);
            }
            extension::NONE => {
                out.push_str("no next header");
                return Ok(());
            }
            extension::ESP => return extension::print_esp(out, rest, left),
            _ => {}
        }
        match extension::print(out, rest, left, next_header, &mut transport, context)? {
            Walked::On { next, octets } => {
                next_header = next;
                at += octets;
            }
            Walked::End => return Ok(()),
            Walked::Unknown => {
                let _ = write!(out, " ip-proto-{next_header} {left}");
                return Ok(());
            }
        }
    }
}
