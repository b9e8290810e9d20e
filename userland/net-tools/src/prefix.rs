//! Addresses as people write them: IP addresses, prefixes, link-layer addresses.

use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

/// An IP address with a prefix length: `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The address.
    pub address: IpAddr,
    /// How many of its leading bits count.
    pub length: u8,
    /// Whether the length was written; without it all bits count.
    pub explicit: bool,
}

/// How many bits an address of this family has.
#[must_use]
pub const fn address_bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl Prefix {
    /// Reads `ADDRESS` or `ADDRESS/LENGTH`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = address_bits(address);
        let Some(length) = length else {
            return Some(Self { address, length: bits, explicit: false });
        };
        let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let length = length.parse().ok().filter(|length| digits && *length <= bits)?;
        Some(Self { address, length, explicit: true })
    }

    /// Whether the first `length` bits of `address` are those of this prefix.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |ours: &[u8], theirs: &[u8]| {
            let (whole, bits) = (usize::from(self.length / 8), self.length % 8);
            let mask = !(0xff_u16 >> bits) as u8;
            ours.get(..whole) == theirs.get(..whole)
                && match (ours.get(whole), theirs.get(whole)) {
                    (Some(ours), Some(theirs)) => (ours ^ theirs) & mask == 0,
                    _ => true,
                }
        };
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => same(&ours.octets(), &theirs.octets()),
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => same(&ours.octets(), &theirs.octets()),
            _ => false,
        }
    }
}

/// The bytes of an address.
#[must_use]
pub fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// A link-layer address: prints as `02:00:00:00:00:01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkAddress<'a>(pub &'a [u8]);

impl fmt::Display for LinkAddress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if index == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// Reads the bytes of a link-layer address, one or two hexadecimal digits each, between colons.
#[must_use]
pub fn parse_link_address(text: &str) -> Option<Vec<u8>> {
    let bytes: Option<Vec<u8>> = text
        .split(':')
        .map(|part| {
            let digits =
                (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
            u8::from_str_radix(part, 16).ok().filter(|_| digits)
        })
        .collect();
    bytes.filter(|bytes| bytes.len() <= 32)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::{LinkAddress, Prefix, parse_link_address};

    #[test]
    fn prefixes() {
        let prefix = Prefix::parse("2001:db8::5/33").unwrap();
        assert_eq!((prefix.length, prefix.explicit), (33, true));
        assert_eq!(
            Prefix::parse("::1").map(|prefix| (prefix.length, prefix.explicit)),
            Some((128, false))
        );
        assert_eq!(Prefix::parse("192.0.2.0/24").map(|prefix| prefix.length), Some(24));
        for text in
            ["", "x", "::1/129", "::1/", "::1/-1", "::1/+1", "1.2.3.4/33", "::1/1/1", "1::2::3"]
        {
            assert_eq!(Prefix::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn membership() {
        for (prefix, address, expected) in [
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8:8000::/33", "2001:db8:8001::", true),
            ("2001:db8:8000::/33", "2001:db8:7001::", false),
            ("::/0", "ff02::1", true),
            ("::1", "::1", true),
            ("::1", "::2", false),
            ("0.0.0.0/0", "::1", false),
            ("10.0.0.0/8", "10.9.9.9", true),
        ] {
            let contains = Prefix::parse(prefix).unwrap().contains(address.parse().unwrap());
            assert_eq!(contains, expected, "{address} in {prefix}");
        }
    }

    #[test]
    fn link_addresses() {
        let bytes = parse_link_address("2:0:0a:FF:00:1").unwrap();
        assert_eq!(bytes, [2, 0, 10, 255, 0, 1]);
        assert_eq!(LinkAddress(&bytes).to_string(), "02:00:0a:ff:00:01");
        for text in ["", "1:", "1:xx", "123:4", "+1:2"] {
            assert_eq!(parse_link_address(text), None, "{text:?}");
        }
    }
}
