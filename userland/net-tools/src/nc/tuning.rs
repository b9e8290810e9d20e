//! How `nc` sets its sockets up: `-I`, `-O`, `-T` and `-M` of OpenBSD's.

use alloc::format;
use alloc::string::String;

use linux_raw_sys::net::{
    IPV6_MULTICAST_HOPS, IPV6_TCLASS, IPV6_UNICAST_HOPS, SO_RCVBUF, SO_SNDBUF,
};
use rustix::fd::AsFd;

use crate::socket::failure::Failure;
use crate::socket::option::{IPV6, SOCKET, set_i32};

/// The largest buffer: what a window can grow to (RFC 7323).
const LARGEST_BUFFER: u64 = 65_536 << 14;

/// What is set; what is not stays as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// Octets of the receive buffer.
    pub receive_buffer: Option<u32>,
    /// Octets of the send buffer.
    pub send_buffer: Option<u32>,
    /// The traffic class.
    pub traffic_class: Option<u8>,
    /// The hop limit.
    pub hop_limit: Option<u8>,
}

impl Tuning {
    /// Takes an option, if it is one of these; whether it was.
    pub fn take(&mut self, letter: char, value: &str) -> Result<bool, String> {
        match letter {
            'I' => self.receive_buffer = Some(buffer(value, "TCP receive window")?),
            'O' => self.send_buffer = Some(buffer(value, "TCP send window")?),
            'T' => {
                let class = traffic_class(value);
                let class = class.ok_or_else(|| format!("illegal tos value {value}"))?;
                self.traffic_class = Some(class);
            }
            'M' => {
                let hops = bounded(value, 255).map_err(|why| format!("ttl is {why}: {value}"))?;
                self.hop_limit = Some(hops as u8);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Sets a socket up, before it connects or listens.
    pub fn apply(&self, socket: impl AsFd) -> Result<(), Failure> {
        let socket = socket.as_fd();
        let number = |value: Option<u8>| value.map(i32::from);
        let octets = |value: Option<u32>| value.map(|value| value as i32);
        for (level, name, value) in [
            (SOCKET, SO_RCVBUF, octets(self.receive_buffer)),
            (SOCKET, SO_SNDBUF, octets(self.send_buffer)),
            (IPV6, IPV6_TCLASS, number(self.traffic_class)),
            (IPV6, IPV6_UNICAST_HOPS, number(self.hop_limit)),
        ] {
            if let Some(value) = value {
                set_i32(socket, level, name, value).map_err(Failure::of("setsockopt"))?;
            }
        }
        if let Some(hops) = self.hop_limit {
            // Which a TCP socket does not have.
            let _ = set_i32(socket, IPV6, IPV6_MULTICAST_HOPS, hops.into());
        }
        Ok(())
    }
}

/// A number from 1 to `most`, or what is wrong with it.
fn bounded(text: &str, most: u64) -> Result<u64, &'static str> {
    match rt::number::decimal(text.as_bytes()) {
        None => Err("invalid"),
        Some(0) => Err("too small"),
        Some(number) if number > most => Err("too large"),
        Some(number) => Ok(number),
    }
}

fn buffer(text: &str, what: &str) -> Result<u32, String> {
    let size = bounded(text, LARGEST_BUFFER).map_err(|why| format!("{what} {why}: {text}"))?;
    Ok(size as u32)
}

/// A traffic class by its name (RFC 2474, RFC 2597, RFC 3246; and those of RFC 1349), or as a
/// number, `0x` for a hexadecimal one.
fn traffic_class(text: &str) -> Option<u8> {
    let named = match text {
        "lowdelay" => 0x10,
        "throughput" => 0x08,
        "reliability" => 0x04,
        "critical" => 0xa0,
        "inetcontrol" => 0xc0,
        "netcontrol" => 0xe0,
        "ef" => 46 << 2,
        _ => return per_hop_behavior(text).or_else(|| number(text)),
    };
    Some(named)
}

/// `cs0` to `cs7`, `af11` to `af43`.
fn per_hop_behavior(text: &str) -> Option<u8> {
    let digit = |octet: u8, range: core::ops::RangeInclusive<u8>| {
        let digit = octet.wrapping_sub(b'0');
        range.contains(&digit).then_some(digit)
    };
    match text.as_bytes() {
        [b'c', b's', class] => Some(digit(*class, 0..=7)? << 5),
        [b'a', b'f', class, drop] => {
            Some((digit(*class, 1..=4)? << 3 | digit(*drop, 1..=3)? << 1) << 2)
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<u8> {
    match text.strip_prefix("0x") {
        Some(digits) if !digits.starts_with('+') => u8::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => rt::number::decimal(text.as_bytes()).and_then(|number| number.try_into().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Tuning, traffic_class};

    #[test]
    fn classes() {
        for (text, class) in [
            ("lowdelay", Some(0x10)),
            ("cs0", Some(0)),
            ("cs1", Some(0x20)),
            ("cs7", Some(0xe0)),
            ("af11", Some(0x28)),
            ("af23", Some(0x58)),
            ("af41", Some(0x88)),
            ("ef", Some(0xb8)),
            ("0x10", Some(16)),
            ("255", Some(255)),
            ("cs8", None),
            ("af51", None),
            ("af14", None),
            ("0x100", None),
            ("0x+1", None),
            ("256", None),
            ("", None),
        ] {
            assert_eq!(traffic_class(text), class, "{text}");
        }
    }

    #[test]
    fn values_are_checked_as_in_the_original() {
        for (letter, value, message) in [
            ('I', "0", "TCP receive window too small: 0"),
            ('O', "x", "TCP send window invalid: x"),
            ('O', "1073741825", "TCP send window too large: 1073741825"),
            ('T', "fast", "illegal tos value fast"),
            ('M', "256", "ttl is too large: 256"),
        ] {
            assert_eq!(Tuning::default().take(letter, value), Err(message.into()));
        }
        let mut tuning = Tuning::default();
        assert_eq!(tuning.take('I', "4096"), Ok(true));
        assert_eq!(tuning.take('z', ""), Ok(false));
        assert_eq!(tuning.receive_buffer, Some(4096));
    }

    #[test]
    fn a_socket_takes_them() {
        use crate::socket::option::{IPV6, get_i32};
        use linux_raw_sys::net::{IPV6_TCLASS, IPV6_UNICAST_HOPS};
        let Ok(socket) = crate::socket::stream::socket() else { return };
        let tuning = Tuning { traffic_class: Some(0xb8), hop_limit: Some(9), ..Tuning::default() };
        assert_eq!(tuning.apply(&socket), Ok(()));
        assert_eq!(get_i32(&socket, IPV6, IPV6_TCLASS), Ok(0xb8));
        assert_eq!(get_i32(&socket, IPV6, IPV6_UNICAST_HOPS), Ok(9));
    }
}
