//! Extension headers (RFC 8200 section 4, RFC 4302, RFC 4303).

use alloc::string::String;
use core::fmt::Write;

use super::ipv6::Transport;
use super::octets::{Octets, Truncated};
use super::style::Context;

/// Hop-by-Hop Options.
pub const HOP_BY_HOP: u8 = 0;
/// Routing.
pub const ROUTING: u8 = 43;
/// Fragment.
pub const FRAGMENT: u8 = 44;
/// Encapsulating Security Payload.
pub const ESP: u8 = 50;
/// Authentication.
pub const AUTHENTICATION: u8 = 51;
/// Nothing follows.
pub const NONE: u8 = 59;
/// Destination Options.
pub const DESTINATION: u8 = 60;

/// Where a header leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walked {
    /// To the next one, so many octets on.
    On {
        /// What it is.
        next: u8,
        /// The length of the header.
        octets: usize,
    },
    /// To something that cannot be read: the rest of a fragmented packet.
    End,
    /// It was no extension header.
    Unknown,
}

/// Prints a header; `left` octets of the packet are on the wire from it on.
pub fn print(
    out: &mut String,
    data: &[u8],
    left: usize,
    header: u8,
    transport: &mut Transport,
    context: &Context,
) -> Result<Walked, Truncated> {
    let verbose = context.style.verbosity > 0;
    match header {
        HOP_BY_HOP => print_options(out, &Octets::new(data, "hbhopt"), "HBH", verbose),
        DESTINATION => print_options(out, &Octets::new(data, "dstopt"), "DSTOPT", verbose),
        FRAGMENT => print_fragment(out, &Octets::new(data, "frag"), left, transport, verbose),
        ROUTING => print_routing(out, &Octets::new(data, "srcrt"), transport, verbose),
        AUTHENTICATION => print_authentication(out, &Octets::new(data, "AH"), verbose),
        _ => Ok(Walked::Unknown),
    }
}

fn print_options(
    out: &mut String,
    octets: &Octets<'_>,
    name: &str,
    verbose: bool,
) -> Result<Walked, Truncated> {
    let next = octets.u8(0)?;
    let length = (usize::from(octets.u8(1)?) + 1) * 8;
    octets.slice(0, length)?;
    let _ = write!(out, "{name} ");
    if !verbose {
        return Ok(Walked::On { next, octets: length });
    }
    let mut at = 2;
    while at < length {
        let kind = octets.u8(at)?;
        if kind == 0 {
            out.push_str("(pad1)");
            at += 1;
            continue;
        }
        if at + 1 >= length {
            out.push_str("(invalid len)");
            break;
        }
        let size = usize::from(octets.u8(at + 1)?);
        if at + 2 + size > length {
            out.push_str("(invalid len)");
            break;
        }
        let _ = match (kind, size) {
            (1, _) => write!(out, "(padn)"),
            (5, 2) => write!(out, "(rtalert: 0x{:04x}) ", octets.u16(at + 2)?),
            (0xc2, 4) => write!(out, "(jumbo: {}) ", octets.u32(at + 2)?),
            _ => write!(out, "(opt_type 0x{kind:02x}: len={size})"),
        };
        at += 2 + size;
    }
    out.push(' ');
    Ok(Walked::On { next, octets: length })
}

fn print_fragment(
    out: &mut String,
    octets: &Octets<'_>,
    left: usize,
    transport: &mut Transport,
    verbose: bool,
) -> Result<Walked, Truncated> {
    const HEADER: usize = 8;
    let next = octets.u8(0)?;
    let (place, identification) = (octets.u16(2)?, octets.u32(4)?);
    let offset = place & 0xfff8;
    out.push_str("frag (");
    if verbose {
        let _ = write!(out, "0x{identification:08x}:");
    }
    let _ = write!(out, "{offset}|{})", left.saturating_sub(HEADER));
    // An atomic fragment (RFC 6946) is a whole packet.
    if place & 0xfff9 != 0 {
        transport.fragment = true;
        transport.checked = None;
    }
    if offset != 0 {
        return Ok(Walked::End);
    }
    out.push(' ');
    Ok(Walked::On { next, octets: HEADER })
}

fn print_routing(
    out: &mut String,
    octets: &Octets<'_>,
    transport: &mut Transport,
    verbose: bool,
) -> Result<Walked, Truncated> {
    let (next, units) = (octets.u8(0)?, octets.u8(1)?);
    let (kind, left) = (octets.u8(2)?, octets.u8(3)?);
    let length = (usize::from(units) + 1) * 8;
    octets.slice(0, length)?;
    let deprecated = if kind == 0 { " [Deprecated]" } else { "" };
    let _ = write!(out, "RT6 (len={units}, type={kind}{deprecated}, segleft={left}");
    let count = (length - 8) / 16;
    match kind {
        0 => {
            if verbose {
                let _ = write!(out, ", rsv=0x{:x}", octets.u32(4)?);
            }
        }
        4 => {
            let _ = write!(out, ", last-entry={}", octets.u8(4)?);
            if verbose {
                let _ = write!(out, ", flags=0x{:x}", octets.u8(5)?);
            }
            let _ = write!(out, ", tag={:x}", octets.u16(6)?);
        }
        _ => {
            out.push_str(") ");
            transport.checked = None;
            return Ok(Walked::On { next, octets: length });
        }
    }
    for index in 0..count {
        let address = octets.address(8 + index * 16)?;
        let _ = write!(out, ", [{index}]{address}");
        // The checksum covers the final destination: the last one in the list of RFC 2460, the
        // first one of RFC 8754.
        let last = if kind == 0 { index + 1 == count } else { index == 0 };
        if let (true, true, Some(checked)) = (left > 0, last, &mut transport.checked) {
            checked.destination = address;
        }
    }
    out.push_str(") ");
    Ok(Walked::On { next, octets: length })
}

fn print_authentication(
    out: &mut String,
    octets: &Octets<'_>,
    verbose: bool,
) -> Result<Walked, Truncated> {
    let (next, units) = (octets.u8(0)?, octets.u8(1)?);
    let length = (usize::from(units) + 2) * 4;
    let (index, sequence) = (octets.u32(4)?, octets.u32(8)?);
    out.push_str("AH(");
    if verbose {
        let _ = write!(out, "length={units}({length}-bytes),");
    }
    let _ = write!(out, "spi=0x{index:08x},seq=0x{sequence:x},icv=0x");
    for octet in octets.slice(12, length.saturating_sub(12))? {
        let _ = write!(out, "{octet:02x}");
    }
    out.push_str("): ");
    Ok(Walked::On { next, octets: length })
}

/// Prints an encrypted payload.
pub fn print_esp(out: &mut String, data: &[u8], left: usize) -> Result<(), Truncated> {
    let octets = Octets::new(data, "ESP");
    let (index, sequence) = (octets.u32(0)?, octets.u32(4)?);
    let _ = write!(out, "ESP(spi=0x{index:08x},seq=0x{sequence:x}), length {left}");
    Ok(())
}
