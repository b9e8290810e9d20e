//! UDP (RFC 768, RFC 8200 section 8.1).

use alloc::string::String;
use core::fmt::Write;

use super::ipv6::Transport;
use super::octets::{Octets, Truncated, checksum, corrected};
use super::style::Context;

/// The number of UDP in a Next Header field.
pub const NUMBER: u8 = 17;
/// The length of the header.
const HEADER: usize = 8;

/// Prints a datagram of so many octets on the wire.
pub fn print(
    out: &mut String,
    data: &[u8],
    length: usize,
    transport: &Transport,
    context: &Context,
) -> Result<(), Truncated> {
    let octets = Octets::new(data, "udp");
    let Ok((from, to)) = octets.u16(0).and_then(|from| Ok((from, octets.u16(2)?))) else {
        transport.print_ends(out, None);
        return Err(Truncated("udp"));
    };
    transport.print_ends(out, Some((from, to)));
    let size = usize::from(octets.u16(4)?);
    if size < HEADER {
        let _ = write!(out, "truncated-udplength {size}");
        return Ok(());
    }
    let found = octets.u16(6)?;
    if context.style.verbosity > 0
        && !context.style.quiet
        && !transport.fragment
        && let (Some(ends), Ok(bytes)) = (transport.checked, octets.slice(0, size))
    {
        let sum = checksum(&ends, NUMBER, bytes);
        if sum == 0 && found != 0 {
            out.push_str("[udp sum ok] ");
        } else {
            let right = corrected(found, sum);
            let _ = write!(out, "[bad udp cksum 0x{found:04x} -> 0x{right:04x}!] ");
        }
    }
    let (payload, room) = (size - HEADER, length.saturating_sub(HEADER));
    if payload > room && !transport.fragment {
        let _ = write!(out, "UDP, bad length {payload} > {room}");
    } else {
        let _ = write!(out, "UDP, length {payload}");
    }
    Ok(())
}
