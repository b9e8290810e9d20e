//! Domain names in DNS encoding, as the DNS search list option carries them (RFC 8106, Section
//! 5.2, and RFC 1035, Section 3.1). Compression is not allowed there and not known here.

use super::cursor::Reader;
use super::{ParseError, Result};
use core::fmt;

/// Octets of the longest name (RFC 1035, Section 2.3.4).
const MAX_NAME: usize = 255;
/// Octets of the longest label.
const MAX_LABEL: u8 = 63;

/// A name of at least one label.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DomainName<'a>(&'a [u8]);

impl<'a> DomainName<'a> {
    /// Its labels, from the most specific one on. They may hold any octets.
    pub fn labels(self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.0);
        core::iter::from_fn(move || match reader.u8() {
            Ok(len @ 1..) => reader.take(len.into()).ok(),
            _ => None,
        })
    }
}

impl fmt::Display for DomainName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            for &octet in label {
                match octet {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(octet))?,
                    0x21..=0x7e => write!(f, "{}", char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DomainName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A name that owns its octets.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OwnedName(heapless::Vec<u8, MAX_NAME>);

impl OwnedName {
    /// The name.
    pub fn as_name(&self) -> DomainName<'_> {
        DomainName(&self.0)
    }
}

impl From<DomainName<'_>> for OwnedName {
    fn from(name: DomainName<'_>) -> Self {
        // A parsed name is never longer than there is room.
        Self(name.0.iter().copied().take(MAX_NAME).collect())
    }
}

/// One name or more, then zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SearchList<'a>(&'a [u8]);

impl<'a> SearchList<'a> {
    /// Checks that `bytes` are well-formed names, at least one, followed by zeros.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut rest = bytes;
        while let Some((_, after)) = split(rest)? {
            rest = after;
        }
        if rest.len() == bytes.len() {
            return Err(ParseError::BadLength);
        }
        Ok(Self(bytes))
    }

    /// The octets on the wire, without what pads the option.
    pub(super) const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The names in order.
    pub fn names(self) -> impl Iterator<Item = DomainName<'a>> + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (name, after) = split(rest).ok()??;
            rest = after;
            Some(name)
        })
    }
}

/// The first name of `bytes` and what follows it; `None` when only padding is left.
fn split(bytes: &[u8]) -> Result<Option<(DomainName<'_>, &[u8])>> {
    if bytes.iter().all(|&octet| octet == 0) {
        return Ok(None);
    }
    let mut reader = Reader::new(bytes);
    let mut name_len = 1;
    loop {
        match reader.u8()? {
            0 => break,
            len @ 1..=MAX_LABEL => name_len += 1 + reader.take(len.into())?.len(),
            _ => return Err(ParseError::BadValue),
        }
    }
    if name_len == 1 || name_len > MAX_NAME {
        return Err(ParseError::BadLength);
    }
    let mut reader = Reader::new(bytes);
    Ok(Some((DomainName(reader.take(name_len)?), reader.rest())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names() {
        let list = SearchList::parse(b"\x03lab\x07example\0\x05a.\\\x00~\0\0\0\0").unwrap();
        let names: Vec<_> = list.names().map(|name| name.to_string()).collect();
        assert_eq!(names, ["lab.example", "a\\.\\\\\\000~"]);
        let labels: Vec<_> = list.names().next().unwrap().labels().collect();
        assert_eq!(labels, [&b"lab"[..], b"example"]);
    }

    #[test]
    fn no_names() {
        let long = [&[63; 64 * 4][..], &[0]].concat();
        for (bytes, error) in [
            (&[][..], ParseError::BadLength),
            (&[0, 0], ParseError::BadLength),
            (&[1], ParseError::Truncated),
            (&[1, b'a'], ParseError::Truncated),
            (&[2, b'a', 0], ParseError::Truncated),
            (&[0xc0, 0, 0], ParseError::BadValue),
            (&[64, 0, 0], ParseError::BadValue),
            (&[1, b'a', 0, 0, 1], ParseError::BadLength),
            (&long, ParseError::BadLength),
        ] {
            assert_eq!(SearchList::parse(bytes), Err(error), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_octets(bytes in proptest::collection::vec(0u8..70, 0..300)) {
            if let Ok(list) = SearchList::parse(&bytes) {
                prop_assert!(list.names().count() > 0);
                for name in list.names() {
                    let len: usize = name.labels().map(|label| label.len() + 1).sum();
                    prop_assert!(len + 1 == name.0.len() && len < 255);
                }
            }
        }
    }
}
