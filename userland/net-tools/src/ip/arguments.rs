//! The words of a command line, and iproute2's way of reading them: most words may be shortened.

use alloc::format;
use alloc::string::String;
use core::net::IpAddr;

use super::failure::Failure;
use crate::prefix::{Prefix, address_bits};

/// The address family asked for by `-4`, `-6`, `-0` or `-family`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// None in particular.
    #[default]
    Any,
    /// IPv4, of which this kernel has nothing, but Linux has.
    Inet,
    /// IPv6.
    Inet6,
    /// The link layer.
    Link,
}

impl Family {
    /// Its `AF_` number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Any => 0,
            Self::Inet => linux_raw_sys::net::AF_INET as u8,
            Self::Inet6 => linux_raw_sys::net::AF_INET6 as u8,
            Self::Link => linux_raw_sys::net::AF_PACKET as u8,
        }
    }

    /// The family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Inet,
            IpAddr::V6(_) => Self::Inet6,
        }
    }

    /// Whether an address of family `number` (`AF_`) is wanted.
    #[must_use]
    pub const fn wants(self, number: u8) -> bool {
        matches!(self, Self::Any) || self.number() == number
    }

    /// The word in messages about addresses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Inet6 => "inet6",
            Self::Link => "link",
            Self::Any => "any valid",
        }
    }
}

/// Whether `word` is a beginning of `full`, as iproute2 lets commands be shortened.
#[must_use]
pub fn matches(word: &str, full: &str) -> bool {
    !word.is_empty() && full.starts_with(word)
}

/// The words still to be read.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    rest: &'a [String],
}

impl<'a> Words<'a> {
    /// Reads these words.
    #[must_use]
    pub const fn new(words: &'a [String]) -> Self {
        Self { rest: words }
    }

    /// The next word, left where it is.
    #[must_use]
    pub fn peek(&self) -> Option<&'a str> {
        self.rest.first().map(String::as_str)
    }

    /// Whether there is none left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The word that must follow.
    pub fn value(&mut self) -> Result<&'a str, Failure> {
        self.next().ok_or_else(Failure::incomplete)
    }

    /// The number that must follow, for `what`.
    pub fn number(&mut self, what: &str) -> Result<u32, Failure> {
        let value = self.value()?;
        number(value).ok_or_else(|| Failure::invalid(value, &format!("Invalid \"{what}\" value\n")))
    }

    /// `on` or `off`, for `what`.
    pub fn switch(&mut self, what: &str) -> Result<bool, Failure> {
        match self.value()? {
            "on" => Ok(true),
            "off" => Ok(false),
            other => Err(Failure::usage(format!(
                "Error: argument of \"{what}\" must be one of \"on\" or \"off\", not \"{other}\""
            ))),
        }
    }

    /// The prefix that must follow.
    pub fn prefix(&mut self, family: Family) -> Result<Prefix, Failure> {
        prefix(self.value()?, family)
    }

    /// The address that must follow.
    pub fn address(&mut self, family: Family) -> Result<IpAddr, Failure> {
        address(self.value()?, family)
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }
}

/// Reads a number, decimal or hexadecimal after `0x`.
#[must_use]
pub fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let clean = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    u32::from_str_radix(digits, radix).ok().filter(|_| clean)
}

/// Reads a prefix of `family`; `default`, `any` and `all` are the empty one.
pub fn prefix(text: &str, family: Family) -> Result<Prefix, Failure> {
    if matches!(text, "default" | "any" | "all") {
        let address = match family {
            Family::Inet => IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED),
            _ => IpAddr::V6(core::net::Ipv6Addr::UNSPECIFIED),
        };
        return Ok(Prefix { address, length: 0, explicit: true });
    }
    Prefix::parse(text)
        .filter(|prefix| family.wants(Family::of(prefix.address).number()))
        .ok_or_else(|| {
            Failure::other(format!(
                "Error: {} prefix is expected rather than \"{text}\".",
                family.word()
            ))
        })
}

/// Reads an address of `family`.
pub fn address(text: &str, family: Family) -> Result<IpAddr, Failure> {
    text.parse().ok().filter(|address| family.wants(Family::of(*address).number())).ok_or_else(
        || {
            Failure::other(format!(
                "Error: {} address is expected rather than \"{text}\".",
                family.word()
            ))
        },
    )
}

/// Whether a prefix is that of a single address.
#[must_use]
pub const fn is_host(prefix: &Prefix) -> bool {
    prefix.length == address_bits(prefix.address)
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use super::{Family, Words, address, matches, number, prefix};

    #[test]
    fn short_words() {
        assert!(matches("a", "address") && matches("address", "address"));
        assert!(!matches("", "address") && !matches("addresses", "address"));
    }

    #[test]
    fn numbers() {
        assert_eq!(number("10"), Some(10));
        assert_eq!(number("0x1f"), Some(31));
        for text in ["", "0x", "-1", "+1", "x", "4294967296", "1 "] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong() {
        let words: Vec<String> = ["mtu", "x"].map(String::from).into();
        let mut words = Words::new(&words);
        assert_eq!(words.next(), Some("mtu"));
        let failure = words.number("mtu").unwrap_err();
        assert_eq!(failure.message, "Error: argument \"x\" is wrong: Invalid \"mtu\" value\n");
        assert_eq!(failure.status, 255);
        let failure = words.value().unwrap_err();
        assert_eq!(failure.message, "Command line is not complete. Try option \"help\"");
    }

    #[test]
    fn addresses_of_a_family() {
        assert_eq!(prefix("default", Family::Any).unwrap().length, 0);
        let message = |family| prefix("zz", family).unwrap_err().message;
        assert_eq!(message(Family::Any), "Error: any valid prefix is expected rather than \"zz\".");
        assert_eq!(message(Family::Inet6), "Error: inet6 prefix is expected rather than \"zz\".");
        assert!(prefix("10.0.0.0/8", Family::Inet6).is_err());
        assert_eq!(address("::1", Family::Inet6).unwrap().to_string(), "::1");
        assert_eq!(address("::1", Family::Inet).unwrap_err().status, 1);
    }
}
