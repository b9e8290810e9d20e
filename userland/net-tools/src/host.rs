//! From what people call a host to an address and back: literals with zones (RFC 4007 section 11),
//! and names, which the crate `resolver` finds in `/etc/hosts`, on the link or in the DNS.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use resolver::{Error, Resolver};

use crate::interface;

/// Addresses whose names are remembered at once, also that they have none.
const MOST_NAMES: usize = 64;

/// The address of a host that is to be tried first, with port 0.
pub fn resolve(text: &str) -> Result<SocketAddrV6, Error> {
    resolve_all(text)?.first().copied().ok_or(Error::NoAddress)
}

/// All addresses of a host in the order in which they are to be tried, with port 0: at least one.
/// After `%` stands the interface of link-local ones.
pub fn resolve_all(text: &str) -> Result<Vec<SocketAddrV6>, Error> {
    resolve_with(&mut Resolver::of_the_system(), text)
}

/// [`resolve_all`] with a resolver that the program has already.
pub fn resolve_with(resolver: &mut Resolver, text: &str) -> Result<Vec<SocketAddrV6>, Error> {
    let (host, zone) = match text.split_once('%') {
        Some((host, zone)) => {
            let index = interface::index_of(zone).or_else(|| zone.parse().ok());
            (host, index.ok_or(Error::Unknown)?)
        }
        None => (text, 0),
    };
    resolver.addresses(host, zone)
}

/// Finds names of addresses for a program that shows many: each address is asked about once.
#[derive(Debug, Default)]
pub struct Names {
    /// Made when it is needed for the first time.
    resolver: Option<Resolver>,
    known: VecDeque<(Ipv6Addr, Option<String>)>,
}

impl Names {
    /// The name of an address, if it has one. A signal ends the search; then nothing is remembered.
    pub fn name_of(&mut self, address: Ipv6Addr) -> Option<String> {
        if let Some((_, name)) = self.known.iter().find(|(other, _)| *other == address) {
            return name.clone();
        }
        let resolver = self.resolver.get_or_insert_with(Resolver::of_the_system);
        let found = resolver.name_of(address);
        if found == Err(Error::Interrupted) {
            return None;
        }
        if self.known.len() == MOST_NAMES {
            self.known.pop_front();
        }
        let name = found.ok();
        self.known.push_back((address, name.clone()));
        name
    }

    /// An address with its name before it, if it has one: `host.lab (2001:db8::1)`.
    pub fn describe(&mut self, address: &SocketAddrV6) -> String {
        let text = with_zone(address);
        match self.name_of(*address.ip()) {
            Some(name) => format!("{name} ({text})"),
            None => text,
        }
    }
}

/// The address with its zone: `fe80::2%usb0`.
#[must_use]
pub fn with_zone(address: &SocketAddrV6) -> String {
    match address.scope_id() {
        0 => address.ip().to_string(),
        scope => format!("{}%{}", address.ip(), interface::name_of(scope)),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::{Error, Names, resolve};

    /// Rows: ADR-12
    #[test]
    fn literals_and_zones() {
        assert_eq!(resolve("::1").unwrap().ip().to_string(), "::1");
        let zoned = resolve("fe80::2%lo").unwrap();
        assert_eq!((zoned.ip().to_string().as_str(), zoned.scope_id()), ("fe80::2", 1));
        assert_eq!(resolve("fe80::2%7").unwrap().scope_id(), 7);
        for (text, error) in [
            ("fe80::2%no-such-if", Error::Unknown),
            ("", Error::Unknown),
            ("not a name", Error::Unknown),
            ("1.2.3.4", Error::NotIpv6),
        ] {
            assert_eq!(resolve(text), Err(error), "{text}");
        }
    }

    #[test]
    fn names_are_looked_for_once() {
        let mut names = Names::default();
        for _ in 0..2 {
            assert_eq!(names.name_of("ff02::1".parse().unwrap()), None);
        }
        assert_eq!(names.known.len(), 1);
        for number in 1..200u128 {
            // Multicast addresses have no names, so nobody is asked.
            names.name_of(core::net::Ipv6Addr::from_bits(0xff02 << 112 | number));
        }
        assert_eq!(names.known.len(), super::MOST_NAMES);
    }
}
