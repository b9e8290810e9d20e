//! resolv.conf(5): name servers and the search list, as text.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv6Addr;

/// How many name servers, and how many domains, resolvers use.
pub const MOST: usize = 8;

/// A name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its address.
    pub address: Ipv6Addr,
    /// The name of the interface of a link-local one.
    pub zone: Option<String>,
}

/// What such a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Name servers, the best first.
    pub servers: Vec<Server>,
    /// Search domains.
    pub domains: Vec<String>,
}

impl Text {
    /// Reads the lines that [`fmt::Display`] writes; others mean nothing here.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let word = words.next().unwrap_or_default();
                    let (address, zone) = match word.split_once('%') {
                        Some((address, zone)) => (address, Some(zone.to_string())),
                        None => (word, None),
                    };
                    found
                        .servers
                        .extend(address.parse().ok().map(|address| Server { address, zone }));
                }
                Some("search") => found.domains = words.map(ToString::to_string).collect(),
                _ => {}
            }
        }
        found
    }

    /// Adds what is not there yet, as long as there is room.
    pub fn merge(&mut self, other: &Self) {
        for server in &other.servers {
            if self.servers.len() < MOST && !self.servers.contains(server) {
                self.servers.push(server.clone());
            }
        }
        for domain in &other.domains {
            let known = |known: &String| known.eq_ignore_ascii_case(domain);
            if self.domains.len() < MOST && !self.domains.iter().any(known) {
                self.domains.push(domain.clone());
            }
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.domains.is_empty() {
            writeln!(f, "search {}", self.domains.join(" "))?;
        }
        for Server { address, zone } in &self.servers {
            match zone {
                Some(zone) => writeln!(f, "nameserver {address}%{zone}")?,
                None => writeln!(f, "nameserver {address}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::{MOST, Text};

    #[test]
    fn text() {
        let text = "search lab example.com\nnameserver fe80::1%usb0\nnameserver ::2\n";
        let parsed = Text::parse(text);
        assert_eq!(parsed.to_string(), text);
        let other = "# a remark\noptions ndots:2\nnameserver 1.2.3.4\nnameserver\nsearch\n";
        assert_eq!(Text::parse(other), Text::default());
        let mut all = Text::default();
        all.merge(&parsed);
        all.merge(&parsed);
        all.merge(&Text::parse("search LAB x\nnameserver ::2\nnameserver ::3\n"));
        let expected = "search lab example.com x\nnameserver fe80::1%usb0\nnameserver \
                        ::2\nnameserver ::3\n";
        assert_eq!(all.to_string(), expected);
        for number in 0..100 {
            all.merge(&Text::parse(&alloc::format!("nameserver ::9:{number}\nsearch n{number}\n")));
        }
        assert_eq!((all.servers.len(), all.domains.len()), (MOST, MOST));
    }
}
