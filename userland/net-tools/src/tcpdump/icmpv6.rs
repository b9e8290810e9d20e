//! ICMPv6 (RFC 4443): errors with what they quote, echo; the rest is in [`neighbor`] and
//! [`listener`].

use alloc::string::String;
use core::fmt::Write;

use super::ipv6::Transport;
use super::octets::{Octets, Truncated, checksum, corrected};
use super::style::Context;
use super::{extension, hex, ipv6, listener, neighbor, tcp, udp};

/// The number of ICMPv6 in a Next Header field.
pub const NUMBER: u8 = 58;

/// What a type is called; `None` for those that nobody here can read.
const fn name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "destination unreachable",
        2 => "packet too big",
        3 => "time exceeded in-transit",
        4 => "parameter problem",
        128 => "echo request",
        129 => "echo reply",
        130 => "multicast listener query",
        131 => "multicast listener report",
        132 => "multicast listener done",
        133 => "router solicitation",
        134 => "router advertisement",
        135 => "neighbor solicitation",
        136 => "neighbor advertisement",
        137 => "redirect",
        143 => "multicast listener report v2",
        _ => return None,
    })
}

/// Prints a message of so many octets on the wire.
pub fn print(
    out: &mut String,
    data: &[u8],
    length: usize,
    transport: &Transport,
    context: &Context,
) -> Result<(), Truncated> {
    let octets = Octets::new(data, "icmp6");
    let kind = octets.u8(0)?;
    let verbosity = context.style.verbosity;
    if verbosity > 0
        && !transport.fragment
        && let (Some(ends), Ok(bytes)) = (transport.checked, octets.slice(0, length))
    {
        let found = octets.u16(2)?;
        match checksum(&ends, NUMBER, bytes) {
            0 => out.push_str("[icmp6 sum ok] "),
            sum => {
                let right = corrected(found, sum);
                let _ = write!(out, "[bad icmp6 cksum 0x{found:04x} -> 0x{right:04x}!] ");
            }
        }
    }
    out.push_str("ICMP6, ");
    let Some(name) = name(kind) else {
        let _ = write!(out, "unknown icmp6 type ({kind}), length {length}");
        hex::plain(out, "\n\t", data);
        return Ok(());
    };
    out.push_str(name);
    if verbosity > 0 && (133..=137).contains(&kind) {
        let _ = write!(out, ", length {length}");
    }
    let code = octets.u8(1);
    match kind {
        1 => {
            if !print_unreachable(out, &octets, code?)? {
                hex::plain(out, "\n\t", data);
                return Ok(());
            }
        }
        2 => {
            let _ = write!(out, ", mtu {}", octets.u32(4)?);
        }
        3 => match code? {
            0 => {
                let _ = write!(out, " for {}", quoted_destination(&octets)?);
            }
            1 => out.push_str(" (reassembly)"),
            code => {
                let _ = write!(out, ", unknown code ({code})");
            }
        },
        4 => {
            let what = match code? {
                0 => "erroneous",
                1 => "next header",
                2 => "option",
                3 => "incomplete header chain",
                code => {
                    let _ = write!(out, ", code-#{code}");
                    ""
                }
            };
            if !what.is_empty() {
                let _ = write!(out, ", {what} - octet {}", octets.u32(4)?);
            }
        }
        128 | 129 => {
            let _ = write!(out, ", id {}, seq {}", octets.u16(4)?, octets.u16(6)?);
        }
        130..=132 | 143 => listener::print(out, &octets, length, verbosity)?,
        _ => neighbor::print(out, &octets, verbosity)?,
    }
    if verbosity == 0 {
        let _ = write!(out, ", length {length}");
    }
    Ok(())
}

/// Where the packet should have gone that an error quotes.
fn quoted_destination(octets: &Octets<'_>) -> Result<core::net::Ipv6Addr, Truncated> {
    octets.address(8 + 24)
}

/// Destination Unreachable (RFC 4443 section 3.1); false for a code that has no name.
fn print_unreachable(out: &mut String, octets: &Octets<'_>, code: u8) -> Result<bool, Truncated> {
    out.push_str(", ");
    out.push_str(match code {
        0 => "unreachable route",
        // The space is tcpdump's.
        1 => " unreachable prohibited",
        2 => "beyond scope",
        3 => "unreachable address",
        4 => "unreachable port",
        _ => {
            let _ = write!(out, "unknown unreach code ({code})");
            return Ok(false);
        }
    });
    match code {
        2 => {
            let destination = quoted_destination(octets)?;
            let source = octets.address(8 + 8)?;
            let _ = write!(out, " {destination}, source address {source}");
        }
        4 => {
            let destination = quoted_destination(octets)?;
            let (protocol, port) = quoted_port(octets)?;
            let _ = match protocol {
                tcp::NUMBER => write!(out, ", {destination} tcp port {port}"),
                udp::NUMBER => write!(out, ", {destination} udp port {port}"),
                _ => write!(out, ", {destination} protocol {protocol} port {port}"),
            };
        }
        _ => {
            let _ = write!(out, " {}", quoted_destination(octets)?);
        }
    }
    Ok(true)
}

/// The transport protocol and the destination port of the packet that an error quotes.
fn quoted_port(octets: &Octets<'_>) -> Result<(u8, u16), Truncated> {
    let mut protocol = octets.u8(8 + 6)?;
    let mut at = 8 + ipv6::HEADER;
    loop {
        let length = match protocol {
            extension::HOP_BY_HOP | extension::DESTINATION | extension::ROUTING => {
                (usize::from(octets.u8(at + 1)?) + 1) * 8
            }
            extension::FRAGMENT => 8,
            _ => return Ok((protocol, octets.u16(at + 2)?)),
        };
        protocol = octets.u8(at)?;
        at += length;
    }
}
