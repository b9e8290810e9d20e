//! A run of IPv6 addresses inside a message: DNS servers, multicast sources.

use super::cursor::Writer;
use super::{ParseError, Result};
use core::net::Ipv6Addr;

/// Addresses, borrowed from a packet or from a slice of values.
#[derive(Clone, Copy, Debug)]
pub struct AddressList<'a>(Repr<'a>);

#[derive(Clone, Copy, Debug)]
enum Repr<'a> {
    Wire(&'a [[u8; 16]]),
    Values(&'a [Ipv6Addr]),
}

impl<'a> AddressList<'a> {
    /// No addresses.
    pub const EMPTY: Self = Self::new(&[]);

    /// Addresses to be sent.
    pub const fn new(addresses: &'a [Ipv6Addr]) -> Self {
        Self(Repr::Values(addresses))
    }

    /// The addresses that fill `bytes` exactly; else [`ParseError::BadLength`].
    pub const fn parse(bytes: &'a [u8]) -> Result<Self> {
        match bytes.as_chunks() {
            (addresses, []) => Ok(Self(Repr::Wire(addresses))),
            _ => Err(ParseError::BadLength),
        }
    }

    /// How many there are.
    pub const fn len(self) -> usize {
        match self.0 {
            Repr::Wire(addresses) => addresses.len(),
            Repr::Values(addresses) => addresses.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The addresses in order.
    pub fn iter(self) -> impl Iterator<Item = Ipv6Addr> + Clone + use<'a> {
        let (wire, values) = match self.0 {
            Repr::Wire(addresses) => (addresses, &[][..]),
            Repr::Values(addresses) => (&[][..], addresses),
        };
        wire.iter().copied().map(Ipv6Addr::from).chain(values.iter().copied())
    }

    /// Whether `address` is among them.
    pub fn contains(self, address: Ipv6Addr) -> bool {
        self.iter().any(|other| other == address)
    }

    pub(super) fn put(self, writer: Writer<'_>) -> Writer<'_> {
        self.iter().fold(writer, Writer::address)
    }
}

impl PartialEq for AddressList<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for AddressList<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_wire_and_from_values() {
        let mut bytes = [0; 32];
        bytes[15] = 1;
        bytes[16] = 0xff;
        let values = [Ipv6Addr::LOCALHOST, Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)];
        let (wire, list) = (AddressList::parse(&bytes).unwrap(), AddressList::new(&values));
        assert_eq!(wire, list);
        assert_eq!((wire.len(), list.len()), (2, 2));
        assert!(wire.contains(values[1]) && !list.contains(Ipv6Addr::UNSPECIFIED));
        let mut out = [0; 32];
        wire.put(Writer::new(&mut out));
        assert_eq!(out, bytes);
        assert!(AddressList::parse(&[]).unwrap().is_empty());
        for len in (1..32).filter(|len| len % 16 != 0) {
            assert_eq!(AddressList::parse(&bytes[..len]), Err(ParseError::BadLength));
        }
    }
}
