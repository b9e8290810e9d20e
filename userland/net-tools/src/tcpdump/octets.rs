//! Fields of packets: numbers in network byte order at places that may lie beyond what was captured.

use core::net::Ipv6Addr;

/// A packet ends, or was cut off by the snapshot length, before a field of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated(pub &'static str);

/// What was captured of a protocol's data unit.
#[derive(Clone, Copy, Debug)]
pub struct Octets<'a> {
    bytes: &'a [u8],
    protocol: &'static str,
}

impl<'a> Octets<'a> {
    /// The data unit of a protocol, whose name [`Truncated`] tells.
    #[must_use]
    pub const fn new(bytes: &'a [u8], protocol: &'static str) -> Self {
        Self { bytes, protocol }
    }

    /// All that was captured.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn array<const N: usize>(&self, offset: usize) -> Result<[u8; N], Truncated> {
        let octets = self.bytes.get(offset..).and_then(|rest| rest.first_chunk().copied());
        octets.ok_or(Truncated(self.protocol))
    }

    /// The octet at `offset`.
    pub fn u8(&self, offset: usize) -> Result<u8, Truncated> {
        self.array::<1>(offset).map(|[octet]| octet)
    }

    /// The 16-bit number at `offset`.
    pub fn u16(&self, offset: usize) -> Result<u16, Truncated> {
        self.array(offset).map(u16::from_be_bytes)
    }

    /// The 32-bit number at `offset`.
    pub fn u32(&self, offset: usize) -> Result<u32, Truncated> {
        self.array(offset).map(u32::from_be_bytes)
    }

    /// The address at `offset`.
    pub fn address(&self, offset: usize) -> Result<Ipv6Addr, Truncated> {
        self.array::<16>(offset).map(Ipv6Addr::from)
    }

    /// So many octets at `offset`.
    pub fn slice(&self, offset: usize, length: usize) -> Result<&'a [u8], Truncated> {
        self.bytes.get(offset..).and_then(|rest| rest.get(..length)).ok_or(Truncated(self.protocol))
    }

    /// What comes from `offset` on; nothing beyond the end.
    #[must_use]
    pub fn rest(&self, offset: usize) -> &'a [u8] {
        self.bytes.get(offset..).unwrap_or_default()
    }
}

/// The ends of a packet, which the checksums of RFC 8200 section 8.1 cover.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Its source address.
    pub source: Ipv6Addr,
    /// Its final destination.
    pub destination: Ipv6Addr,
}

/// The checksum over the pseudo-header and `bytes`: 0 when the one in them is right.
#[must_use]
pub fn checksum(ends: &Ends, next_header: u8, bytes: &[u8]) -> u16 {
    let mut sum = bytes.len() as u64 + u64::from(next_header);
    let (source, destination) = (ends.source.octets(), ends.destination.octets());
    for part in [&source[..], &destination[..], bytes] {
        for pair in part.chunks(2) {
            let high = pair.first().copied().unwrap_or(0);
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u64::from(u16::from_be_bytes([high, low]));
        }
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// What a checksum field should be that is `found` when [`checksum`] over everything is `sum`
/// (RFC 1624).
#[must_use]
pub const fn corrected(found: u16, sum: u16) -> u16 {
    let total = found as u32 + sum as u32;
    let folded = (total & 0xffff) + (total >> 16);
    folded as u16
}

#[cfg(test)]
mod tests {
    use super::{Ends, Octets, Truncated, checksum, corrected};

    #[test]
    fn bounds() {
        let octets = Octets::new(&[1, 2, 3, 4, 5], "test");
        assert_eq!(octets.u32(1), Ok(0x0203_0405));
        assert_eq!(octets.u32(2), Err(Truncated("test")));
        assert_eq!(octets.u16(usize::MAX), Err(Truncated("test")));
        assert_eq!(octets.slice(3, usize::MAX), Err(Truncated("test")));
        assert_eq!(octets.slice(3, 2), Ok(&[4, 5][..]));
        assert!(octets.rest(9).is_empty());
    }

    #[test]
    fn checksums() {
        // A router solicitation of QEMU's guest: its checksum is 0x71b3.
        let ends = Ends {
            source: "fe80::5054:ff:fe12:3457".parse().unwrap(),
            destination: "ff02::2".parse().unwrap(),
        };
        let mut message = [0x85, 0, 0x71, 0xb3, 0, 0, 0, 0, 1, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x57];
        assert_eq!(checksum(&ends, 58, &message), 0);
        message[2] = 0x61;
        let sum = checksum(&ends, 58, &message);
        assert_ne!(sum, 0);
        assert_eq!(corrected(0x61b3, sum), 0x71b3);
    }
}
