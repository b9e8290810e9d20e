//! Neighbor Discovery (RFC 4861, RFC 4191, RFC 8106).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::Ipv6Addr;

use super::hex;
use super::octets::{Octets, Truncated};

/// Prints what follows the name of a message; options with `-v`.
pub fn print(out: &mut String, octets: &Octets<'_>, verbosity: u8) -> Result<(), Truncated> {
    let verbose = verbosity > 0;
    let options = match octets.u8(0)? {
        133 => 8,
        134 => {
            if verbose {
                print_advertisement(out, octets)?;
            }
            16
        }
        135 => {
            let _ = write!(out, ", who has {}", octets.address(8)?);
            24
        }
        136 => {
            let _ = write!(out, ", tgt is {}", octets.address(8)?);
            if verbose {
                let names = [(0x80, "router"), (0x40, "solicited"), (0x20, "override")];
                let _ = write!(out, ", Flags [{}]", flags(octets.u8(4)?, &names));
            }
            24
        }
        _ => {
            let (target, destination) = (octets.address(8)?, octets.address(24)?);
            let _ = write!(out, ", {destination} to {target}");
            40
        }
    };
    if verbose { print_options(out, octets, options, verbosity > 1) } else { Ok(()) }
}

/// The names of bits, `none` for none.
fn flags(bits: u8, names: &[(u8, &str)]) -> String {
    let set: Vec<&str> =
        names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    if set.is_empty() { "none".into() } else { set.join(", ") }
}

/// RFC 4191 section 2.1.
const fn preference(bits: u8) -> &'static str {
    match bits >> 3 & 3 {
        0 => "medium",
        1 => "high",
        2 => "reserved",
        _ => "low",
    }
}

fn print_advertisement(out: &mut String, octets: &Octets<'_>) -> Result<(), Truncated> {
    let bits = octets.u8(5)?;
    let names = [(0x80, "managed"), (0x40, "other stateful"), (0x20, "home agent")];
    let (hop_limit, lifetime) = (octets.u8(4)?, octets.u16(6)?);
    let (reachable, retransmission) = (octets.u32(8)?, octets.u32(12)?);
    let _ = write!(
        out,
        "\n\thop limit {hop_limit}, Flags [{}], pref {}, router lifetime {lifetime}s, \
         reachable time {reachable}ms, retrans timer {retransmission}ms",
        flags(bits, &names),
        preference(bits)
    );
    Ok(())
}

/// A lifetime of 32 bits: all ones is for ever.
fn lifetime(seconds: u32) -> String {
    if seconds == u32::MAX { "infinity".into() } else { alloc::format!("{seconds}s") }
}

const fn option_name(kind: u8) -> &'static str {
    match kind {
        1 => "source link-address",
        2 => "destination link-address",
        3 => "prefix info",
        4 => "redirected header",
        5 => "mtu",
        7 => "advertisement interval",
        24 => "route info",
        25 => "rdnss",
        31 => "dnssl",
        _ => "unknown",
    }
}

fn print_options(
    out: &mut String,
    octets: &Octets<'_>,
    begin: usize,
    with_data: bool,
) -> Result<(), Truncated> {
    let mut at = begin;
    while !octets.rest(at).is_empty() {
        let (kind, units) = (octets.u8(at)?, octets.u8(at + 1)?);
        let length = usize::from(units) * 8;
        if length == 0 {
            return Err(Truncated("icmp6"));
        }
        let option = Octets::new(octets.slice(at, length)?, "icmp6");
        let _ =
            write!(out, "\n\t  {} option ({kind}), length {length} ({units}): ", option_name(kind));
        print_option(out, kind, &option)?;
        if with_data {
            hex::plain(out, "\n\t    ", option.rest(2));
        }
        at += length;
    }
    Ok(())
}

fn print_option(out: &mut String, kind: u8, option: &Octets<'_>) -> Result<(), Truncated> {
    match kind {
        1 | 2 => {
            for (index, octet) in option.rest(2).iter().enumerate() {
                let colon = if index == 0 { "" } else { ":" };
                let _ = write!(out, "{colon}{octet:02x}");
            }
        }
        3 => {
            let names = [(0x80, "onlink"), (0x40, "auto"), (0x20, "router")];
            let _ = write!(
                out,
                "{}/{}, Flags [{}], valid time {}, pref. time {}",
                option.address(16)?,
                option.u8(2)?,
                flags(option.u8(3)?, &names),
                lifetime(option.u32(4)?),
                lifetime(option.u32(8)?)
            );
        }
        4 => hex::plain(out, "\n\t    ", option.rest(8)),
        5 => {
            let _ = write!(out, " {}", option.u32(4)?);
        }
        7 => {
            let _ = write!(out, " {}ms", option.u32(4)?);
        }
        24 => {
            let mut prefix = [0; 16];
            for (place, octet) in prefix.iter_mut().zip(option.rest(8)) {
                *place = *octet;
            }
            let _ = write!(
                out,
                " {}/{}, pref={}, lifetime={}",
                Ipv6Addr::from(prefix),
                option.u8(2)?,
                preference(option.u8(3)?),
                lifetime(option.u32(4)?)
            );
        }
        25 => {
            let _ = write!(out, " lifetime {}s,", option.u32(4)?);
            for index in 0..option.rest(8).len() / 16 {
                let _ = write!(out, " addr: {}", option.address(8 + index * 16)?);
            }
        }
        31 => {
            let _ = write!(out, " lifetime {}s, domain(s):", option.u32(4)?);
            print_names(out, option.rest(8));
        }
        _ => hex::plain(out, "\n\t  ", option.rest(2)),
    }
    Ok(())
}

/// Names of RFC 1035 section 3.1, without compression; zeros fill up the option.
fn print_names(out: &mut String, mut bytes: &[u8]) {
    let mut begun = false;
    while let Some((&length, rest)) = bytes.split_first() {
        if length == 0 {
            begun = false;
            bytes = rest;
            continue;
        }
        if !begun {
            out.push(' ');
            begun = true;
        }
        let Some((label, rest)) = rest.split_at_checked(usize::from(length)) else {
            out.push_str("[|dnssl]");
            return;
        };
        for octet in label {
            let printable = octet.is_ascii_graphic();
            out.push(if printable { char::from(*octet) } else { '?' });
        }
        out.push('.');
        bytes = rest;
    }
}
