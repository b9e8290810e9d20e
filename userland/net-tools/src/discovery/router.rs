//! The question of `rdisc6`: what do the routers of this link advertise (RFC 4861 sections 4.1 and
//! 4.2, RFC 4191, RFC 8106)?

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::Ipv6Addr;

use super::Question;
use super::neighbor::{link_address_text, options, source_option};
use crate::tcpdump::octets::{Octets, Truncated};

const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
/// The length of an advertisement without options.
const LENGTH: usize = 16;

/// Looks for routers.
#[derive(Clone, Copy, Debug)]
pub struct Routers {
    /// Whom to ask.
    pub destination: Ipv6Addr,
}

impl Question for Routers {
    fn destination(&self) -> Ipv6Addr {
        self.destination
    }

    fn solicitation(&self, link_address: Option<&[u8]>) -> Vec<u8> {
        let mut message = Vec::from([ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0]);
        message.extend(source_option(link_address));
        message
    }

    fn answer(&self) -> u8 {
        ROUTER_ADVERTISEMENT
    }

    fn describe(&self, message: &[u8], quiet: bool) -> Option<String> {
        let octets = Octets::new(message, "icmp6");
        if octets.u8(0) != Ok(ROUTER_ADVERTISEMENT) || octets.u8(1) != Ok(0) {
            return None;
        }
        let mut text = String::new();
        if quiet {
            // RFC 4861 section 6.1.2: one that is too short is none.
            octets.slice(0, LENGTH).ok()?;
        } else {
            header(&mut text, &octets).ok()?;
        }
        for (kind, option) in options(octets.rest(LENGTH)) {
            let option = Octets::new(option, "icmp6");
            // What an option lacks is not printed; the next one may be whole.
            let _ = describe_option(&mut text, kind, &option, quiet);
        }
        Some(text)
    }
}

const fn yes(bits: u8, bit: u8) -> &'static str {
    if bits & bit != 0 { "Yes" } else { "No" }
}

/// RFC 4191 section 2.1.
const fn preference(bits: u8) -> &'static str {
    match bits >> 3 & 3 {
        0 => "medium",
        1 => "high",
        2 => "invalid",
        _ => "low",
    }
}

/// A time of 32 bits; all ones is for ever.
fn lifetime(seconds: u32) -> String {
    if seconds == u32::MAX {
        "    infinite (0xffffffff)".into()
    } else {
        alloc::format!("{seconds:12} ({seconds:#010x}) seconds")
    }
}

/// A time in milliseconds that the router may leave open.
fn milliseconds(time: u32) -> String {
    if time == 0 {
        " unspecified (0x00000000)".into()
    } else {
        alloc::format!("{time:12} ({time:#010x}) milliseconds")
    }
}

fn header(text: &mut String, octets: &Octets<'_>) -> Result<(), Truncated> {
    let (hop_limit, bits) = (octets.u8(4)?, octets.u8(5)?);
    let (lifetime, reachable, retransmit) = (octets.u16(6)?, octets.u32(8)?, octets.u32(12)?);
    // Writing to a string does not fail, here and below.
    let _ = match hop_limit {
        0 => writeln!(text, "\nHop limit                 :    undefined (      0x00)"),
        _ => {
            writeln!(text, "\nHop limit                 : {hop_limit:12} (      {hop_limit:#04x})")
        }
    };
    let _ = writeln!(text, "Stateful address conf.    : {:>12}", yes(bits, 0x80));
    let _ = writeln!(text, "Stateful other conf.      : {:>12}", yes(bits, 0x40));
    let _ = writeln!(text, "Mobile home agent         : {:>12}", yes(bits, 0x20));
    let _ = writeln!(text, "Router preference         : {:>12}", preference(bits));
    let _ = writeln!(text, "Neighbor discovery proxy  : {:>12}", yes(bits, 0x04));
    let _ = writeln!(text, "Router lifetime           : {lifetime:12} ({lifetime:#010x}) seconds");
    let _ = writeln!(text, "Reachable time            : {}", milliseconds(reachable));
    let _ = writeln!(text, "Retransmit time           : {}", milliseconds(retransmit));
    Ok(())
}

fn describe_option(
    text: &mut String,
    kind: u8,
    option: &Octets<'_>,
    quiet: bool,
) -> Result<(), Truncated> {
    if quiet {
        if kind == 3 {
            let _ = writeln!(text, "{}/{}", option.address(16)?, option.u8(2)?);
        }
        return Ok(());
    }
    match kind {
        1 => {
            if let Some(address) = link_address_text(option.bytes()) {
                let _ = writeln!(text, " Source link-layer address: {address}");
            }
        }
        3 => {
            let (length, bits) = (option.u8(2)?, option.u8(3)?);
            let (valid, preferred) = (option.u32(4)?, option.u32(8)?);
            let prefix = option.address(16)?;
            let _ = writeln!(text, " Prefix                   : {prefix}/{length}");
            let _ = writeln!(text, "  On-link                 : {:>12}", yes(bits, 0x80));
            let _ = writeln!(text, "  Autonomous address conf.: {:>12}", yes(bits, 0x40));
            let _ = writeln!(text, "  Valid time              : {}", lifetime(valid));
            let _ = writeln!(text, "  Pref. time              : {}", lifetime(preferred));
        }
        5 => {
            let mtu = option.u32(4)?;
            let valid = if mtu >= 1280 { "valid" } else { "invalid" };
            let _ = writeln!(text, " MTU                      : {mtu:12} bytes ({valid})");
        }
        24 => {
            let (length, bits, time) = (option.u8(2)?, option.u8(3)?, option.u32(4)?);
            let mut prefix = [0; 16];
            for (place, octet) in prefix.iter_mut().zip(option.rest(8)) {
                *place = *octet;
            }
            let prefix = Ipv6Addr::from(prefix);
            let _ = writeln!(text, " Route                    : {prefix}/{length}");
            let _ = writeln!(text, "  Route preference        : {:>12}", preference(bits));
            let _ = writeln!(text, "  Route lifetime          : {}", lifetime(time));
        }
        25 => {
            let time = option.u32(4)?;
            for index in 0..option.rest(8).len() / 16 {
                let server = option.address(8 + index * 16)?;
                let _ = writeln!(text, " Recursive DNS server     : {server}");
            }
            let _ = writeln!(text, "  DNS servers lifetime    : {}", lifetime(time));
        }
        31 => {
            let time = option.u32(4)?;
            let names = names(option.rest(8)).join(" ");
            let _ = writeln!(text, " DNS search list          : {names} ");
            let _ = writeln!(text, "  DNS search list lifetime: {}", lifetime(time));
        }
        _ => {}
    }
    Ok(())
}

/// Names of RFC 1035 section 3.1, without compression; zeros fill up the option. What is no
/// printable character becomes `?`, so that no name controls the terminal.
fn names(mut bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    while let Some((&length, rest)) = bytes.split_first() {
        let Some((label, rest)) = rest.split_at_checked(usize::from(length)) else { break };
        bytes = rest;
        if length == 0 {
            if !name.is_empty() {
                names.push(core::mem::take(&mut name));
            }
            continue;
        }
        if !name.is_empty() {
            name.push('.');
        }
        let shown = |octet: &u8| if octet.is_ascii_graphic() { char::from(*octet) } else { '?' };
        name.extend(label.iter().map(shown));
    }
    names
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::net::Ipv6Addr;

    use super::{Question, Routers, names};

    const ROUTERS: Routers = Routers { destination: Ipv6Addr::UNSPECIFIED };

    /// What radvd sent, and what the ndisc6 package's rdisc6 1.0.5 said of it.
    fn advertisement() -> Vec<u8> {
        let mut message = Vec::from([134, 0, 0, 0, 64, 0xc8, 0x07, 0x08]);
        message.extend([0, 0, 0x75, 0x30, 0, 0, 0, 0]);
        message.extend([3, 4, 64, 0xc0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x1c, 0x20, 0, 0, 0, 0]);
        message.extend("2001:db8:1::".parse::<Ipv6Addr>().unwrap().octets());
        message.extend([24, 2, 48, 0x18, 0, 0, 0, 99, 0x20, 1, 0xd, 0xb8, 0, 7, 0, 0]);
        message.extend([25, 3, 0, 0, 0, 0, 2, 0x58]);
        message.extend("2001:db8:1::1".parse::<Ipv6Addr>().unwrap().octets());
        message
            .extend([31, 3, 0, 0, 0, 0, 2, 0x58, 3, b'l', b'a', b'b', 4, b't', b'e', b's', b't']);
        message.extend([0, 1, b'x', 0, 0, 0, 0]);
        message.extend([5, 1, 0, 0, 0, 0, 5, 0xdc]);
        message.extend([1, 1, 0x3a, 0x51, 0x23, 0x28, 0x22, 0x1f]);
        message
    }

    const TEXT: &str = "
Hop limit                 :           64 (      0x40)
Stateful address conf.    :          Yes
Stateful other conf.      :          Yes
Mobile home agent         :           No
Router preference         :         high
Neighbor discovery proxy  :           No
Router lifetime           :         1800 (0x00000708) seconds
Reachable time            :        30000 (0x00007530) milliseconds
Retransmit time           :  unspecified (0x00000000)
 Prefix                   : 2001:db8:1::/64
  On-link                 :          Yes
  Autonomous address conf.:          Yes
  Valid time              :     infinite (0xffffffff)
  Pref. time              :         7200 (0x00001c20) seconds
 Route                    : 2001:db8:7::/48
  Route preference        :          low
  Route lifetime          :           99 (0x00000063) seconds
 Recursive DNS server     : 2001:db8:1::1
  DNS servers lifetime    :          600 (0x00000258) seconds
 DNS search list          : lab.test x 
  DNS search list lifetime:          600 (0x00000258) seconds
 MTU                      :         1500 bytes (valid)
 Source link-layer address: 3A:51:23:28:22:1F
";

    #[test]
    fn everything() {
        let message = advertisement();
        assert_eq!(ROUTERS.describe(&message, false).unwrap(), TEXT);
        assert_eq!(ROUTERS.describe(&message, true).unwrap(), "2001:db8:1::/64\n");
    }

    #[test]
    fn broken_messages() {
        let message = advertisement();
        for end in 0..16 {
            assert_eq!(ROUTERS.describe(&message[..end], false), None, "{end}");
            assert_eq!(ROUTERS.describe(&message[..end], true), None, "{end}");
        }
        for end in 16..message.len() {
            let text = ROUTERS.describe(&message[..end], false).unwrap();
            assert!(text.len() < TEXT.len(), "{end}: the last option is cut off");
        }
        // No option can stop the program by its length.
        for length in 0..=255 {
            let mut message = message.clone();
            message[17] = length;
            assert!(ROUTERS.describe(&message, false).is_some());
        }
        assert_eq!(names(b"\x02\x1b[\0\x09x"), ["?["]);
    }

    #[test]
    fn the_question() {
        assert_eq!(ROUTERS.solicitation(None), [133, 0, 0, 0, 0, 0, 0, 0]);
        let message = ROUTERS.solicitation(Some(&[2, 0, 0, 0, 0, 1]));
        assert_eq!(message[8..], [1, 1, 2, 0, 0, 0, 0, 1]);
    }
}
