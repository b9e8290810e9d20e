//! Multicast Listener Discovery (RFC 2710, RFC 3810).

use alloc::string::String;
use core::fmt::Write;

use super::octets::{Octets, Truncated};

/// The length of a message of the first version.
const VERSION1: usize = 24;
/// The length of a query of the second version without sources.
const QUERY2: usize = 28;

/// Prints what follows the name of a message.
pub fn print(
    out: &mut String,
    octets: &Octets<'_>,
    length: usize,
    verbosity: u8,
) -> Result<(), Truncated> {
    match octets.u8(0)? {
        143 => print_report(out, octets, verbosity),
        130 if length >= QUERY2 => print_query(out, octets, verbosity),
        _ if length < VERSION1 => Err(Truncated("icmp6")),
        _ => {
            let (delay, address) = (octets.u16(4)?, octets.address(8)?);
            // There is nothing between the name and this in tcpdump either.
            let _ = write!(out, "max resp delay: {delay} addr: {address}");
            Ok(())
        }
    }
}

/// How many sources there are; with `-vv`, which.
fn print_sources(
    out: &mut String,
    octets: &Octets<'_>,
    begin: usize,
    count: u16,
    verbosity: u8,
) -> Result<(), Truncated> {
    if verbosity <= 1 {
        let _ = write!(out, ", {count} source(s)");
        return Ok(());
    }
    out.push_str(" {");
    for index in 0..usize::from(count) {
        let _ = write!(out, " {}", octets.address(begin + index * 16)?);
    }
    out.push_str(" }");
    Ok(())
}

/// RFC 3810 section 5.1.3: milliseconds, as a floating-point number from 32768 on.
const fn response_delay(code: u16) -> u32 {
    if code < 0x8000 {
        return code as u32;
    }
    let (mantissa, exponent) = (code & 0xfff | 0x1000, code >> 12 & 7);
    (mantissa as u32) << (exponent + 3)
}

/// RFC 3810 section 5.1.9: seconds, likewise from 128 on.
const fn query_interval(code: u8) -> u32 {
    if code < 0x80 {
        return code as u32;
    }
    let (mantissa, exponent) = (code & 0xf | 0x10, code >> 4 & 7);
    (mantissa as u32) << (exponent + 3)
}

fn print_query(out: &mut String, octets: &Octets<'_>, verbosity: u8) -> Result<(), Truncated> {
    out.push_str(" v2");
    if verbosity > 0 {
        let _ = write!(out, " [max resp delay={}]", response_delay(octets.u16(4)?));
    }
    let _ = write!(out, " [gaddr {}", octets.address(8)?);
    if verbosity > 0 {
        let (bits, interval) = (octets.u8(24)?, octets.u8(25)?);
        if bits & 8 != 0 {
            out.push_str(" sflag");
        }
        if bits & 7 != 0 {
            let _ = write!(out, " robustness={}", bits & 7);
        }
        let _ = write!(out, " qqi={}", query_interval(interval));
    }
    let count = octets.u16(26)?;
    if count > 0 {
        print_sources(out, octets, QUERY2, count, verbosity)?;
    }
    out.push(']');
    Ok(())
}

fn print_report(out: &mut String, octets: &Octets<'_>, verbosity: u8) -> Result<(), Truncated> {
    let count = octets.u16(6)?;
    let _ = write!(out, ", {count} group record(s)");
    if verbosity == 0 {
        return Ok(());
    }
    let mut at = 8;
    for _ in 0..count {
        let (kind, auxiliary, sources) = (octets.u8(at)?, octets.u8(at + 1)?, octets.u16(at + 2)?);
        let _ = write!(out, " [gaddr {}", octets.address(at + 4)?);
        let _ = match kind {
            1 => write!(out, " is_in"),
            2 => write!(out, " is_ex"),
            3 => write!(out, " to_in"),
            4 => write!(out, " to_ex"),
            5 => write!(out, " allow"),
            6 => write!(out, " block"),
            _ => write!(out, "  [v2-report-#{kind}]"),
        };
        print_sources(out, octets, at + 20, sources, verbosity)?;
        out.push(']');
        at += 20 + usize::from(sources) * 16 + usize::from(auxiliary) * 4;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{query_interval, response_delay};

    #[test]
    fn floating_point() {
        assert_eq!(response_delay(10_000), 10_000);
        assert_eq!(response_delay(0x8000), 32_768);
        assert_eq!(response_delay(0x9000), 65_536);
        assert_eq!(response_delay(0xffff), 0x1fff << 10);
        assert_eq!(query_interval(125), 125);
        assert_eq!(query_interval(0x80), 128);
        assert_eq!(query_interval(0xff), 31 << 10);
    }
}
