//! Attributes: the type-length-value pieces after the fixed part of a message (`struct rtattr`,
//! netlink(7)).
//!
//! An attribute is a 4-byte header (length with the header, type) and a value, padded to a multiple
//! of 4. Two bits of the type are flags. Reading stops at the first one whose length is impossible.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use linux_raw_sys::netlink::NLA_TYPE_MASK;

use super::field;

/// The length of an attribute's header.
pub const HEADER: usize = 4;

/// Rounds up to the multiple of 4 at which the next attribute or message begins.
#[must_use]
pub const fn align(length: usize) -> usize {
    (length + 3) & !3
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// What it says: an `IFLA_`, `IFA_`, `RTA_` or `NDA_` number, without the flag bits.
    pub kind: u16,
    /// What comes after the header, without padding.
    pub value: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// The value as an 8-bit number.
    #[must_use]
    pub fn u8(self) -> Option<u8> {
        field::u8_at(self.value, 0)
    }

    /// The value as a 32-bit number.
    #[must_use]
    pub fn u32(self) -> Option<u32> {
        field::u32_at(self.value, 0)
    }

    /// The value as a string, up to the NUL; `None` when it is not UTF-8.
    #[must_use]
    pub fn text(self) -> Option<&'a str> {
        let end = self.value.iter().position(|&byte| byte == 0).unwrap_or(self.value.len());
        core::str::from_utf8(self.value.get(..end)?).ok()
    }

    /// The value as an address: 4 bytes are IPv4, 16 are IPv6.
    #[must_use]
    pub fn address(self) -> Option<IpAddr> {
        if let Ok(bytes) = <[u8; 4]>::try_from(self.value) {
            return Some(IpAddr::V4(Ipv4Addr::from(bytes)));
        }
        <[u8; 16]>::try_from(self.value).ok().map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)))
    }

    /// The attributes inside the value.
    #[must_use]
    pub fn nested(self) -> Attributes<'a> {
        Attributes::new(self.value)
    }
}

/// Goes through the attributes of a message.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// The attributes in `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The attributes after the fixed part of `size` bytes, which itself is padded.
    #[must_use]
    pub fn after(payload: &'a [u8], size: usize) -> Self {
        Self::new(payload.get(align(size)..).unwrap_or_default())
    }

    /// The first attribute of this kind.
    #[must_use]
    pub fn find(&self, kind: u32) -> Option<Attribute<'a>> {
        Iterator::find(&mut self.clone(), |attribute| u32::from(attribute.kind) == kind)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let length = usize::from(field::u16_at(self.rest, 0)?);
        let kind = field::u16_at(self.rest, 2)? & NLA_TYPE_MASK as u16;
        let Some(value) = self.rest.get(HEADER..length) else {
            self.rest = &[];
            return None;
        };
        self.rest = self.rest.get(align(length)..).unwrap_or_default();
        Some(Attribute { kind, value })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::net::{IpAddr, Ipv6Addr};

    use super::{Attribute, Attributes};

    /// Length, type, value, padding.
    fn encoded(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((4 + value.len() as u16).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0xee);
        bytes
    }

    #[test]
    fn walk() {
        let mut bytes = encoded(3, b"lo\0");
        bytes.extend(encoded(4, &65536u32.to_ne_bytes()));
        bytes.extend(encoded(0x801a, &encoded(1, &[9])));
        bytes.extend(encoded(7, &Ipv6Addr::LOCALHOST.octets()));
        let attributes = Attributes::new(&bytes);
        let kinds: Vec<u16> = attributes.clone().map(|attribute| attribute.kind).collect();
        assert_eq!(kinds, [3, 4, 26, 7], "the flag bits are not part of the type");
        assert_eq!(attributes.find(3).and_then(Attribute::text), Some("lo"));
        assert_eq!(attributes.find(4).and_then(Attribute::u32), Some(65536));
        let inner = attributes.find(26).unwrap().nested().find(1);
        assert_eq!(inner.and_then(Attribute::u8), Some(9));
        let address = attributes.find(7).and_then(Attribute::address);
        assert_eq!(address, Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert_eq!(attributes.find(5), None);
    }

    #[test]
    fn impossible_lengths_end_the_walk() {
        let good = encoded(1, &[1, 2, 3, 4]);
        for bad in [&[0, 0, 9, 0][..], &[3, 0, 9, 0], &[9, 0, 9, 0, 1], &[255, 255, 1, 0], &[4]] {
            let bytes = [good.as_slice(), bad].concat();
            assert_eq!(Attributes::new(&bytes).count(), 1, "{bad:?}");
        }
        // The last one need not be padded.
        let bytes = [good.as_slice(), &5u16.to_ne_bytes(), &2u16.to_ne_bytes(), &[7]].concat();
        assert_eq!(Attributes::new(&bytes).find(2).unwrap().value, [7]);
        assert_eq!(Attributes::new(&[]).next(), None);
        assert_eq!(Attributes::after(&bytes, 100).next(), None);
    }

    #[test]
    fn values_of_the_wrong_size() {
        let attribute = |value| Attribute { kind: 1, value };
        assert_eq!(attribute(&[1, 2, 3]).u32(), None);
        assert_eq!(attribute(&[]).u8(), None);
        assert_eq!(attribute(&[1, 2, 3]).address(), None);
        assert_eq!(attribute(b"eth0").text(), Some("eth0"), "a NUL may be missing");
        assert_eq!(attribute(&[0xff, 0]).text(), None);
    }
}
