//! DHCP Unique Identifiers (RFC 8415 section 11) and identifiers of associations (section 12).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// DUID-LL (section 11.4) and the hardware type of Ethernet.
const LINK_LAYER: [u8; 4] = [0, 3, 0, 1];
/// DUID-UUID (section 11.5).
const UUID: [u8; 2] = [0, 4];
/// A DUID has a type of 2 octets and at most 128 more (section 11.1).
const LONGEST: usize = 130;

/// Who a client or server is: octets that others only compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duid(Vec<u8>);

impl Duid {
    /// Takes the octets of a DUID; `None` when it is shorter or longer than one can be.
    #[must_use]
    pub fn new(octets: &[u8]) -> Option<Self> {
        (3..=LONGEST).contains(&octets.len()).then(|| Self(octets.to_vec()))
    }

    /// A DUID-LL: the same at every start of the machine, without a file that keeps it.
    #[must_use]
    pub fn from_ethernet(address: [u8; 6]) -> Self {
        Self([&LINK_LAYER[..], &address].concat())
    }

    /// A DUID-UUID, for a machine whose interface has no Ethernet address.
    #[must_use]
    pub fn from_uuid(uuid: [u8; 16]) -> Self {
        Self([&UUID[..], &uuid].concat())
    }

    /// Reads what [`fmt::Display`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let octets: Option<Vec<u8>> = text
            .split(':')
            .map(|pair| {
                let digits = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
                u8::from_str_radix(pair, 16).ok().filter(|_| digits)
            })
            .collect();
        Self::new(&octets?)
    }

    /// Its octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// `00:03:00:01:52:54:00:12:34:57`
impl fmt::Display for Duid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<String> = self.0.iter().map(|octet| alloc::format!("{octet:02x}")).collect();
        f.write_str(&pairs.join(":"))
    }
}

/// The identifier of an interface's association: the same at every start, another one for each
/// interface, also for those that share a link-layer address (FNV-1a, 32 bits).
#[must_use]
pub fn iaid(name: &str, link_address: &[u8]) -> u32 {
    link_address
        .iter()
        .chain(name.as_bytes())
        .fold(0x811c_9dc5, |hash, octet| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::{Duid, iaid};

    /// Rows: DH6-5
    #[test]
    fn identifiers() {
        let address = [0x52, 0x54, 0, 0x12, 0x34, 0x57];
        let duid = Duid::from_ethernet(address);
        assert_eq!(duid.to_string(), "00:03:00:01:52:54:00:12:34:57");
        assert_eq!(Duid::parse(&duid.to_string()), Some(duid));
        assert_eq!(Duid::from_uuid([7; 16]).octets().len(), 18);
        for text in ["", "00", "00:03", "0:03:01:02", "00:03:xx:01", "00:03:+1:01"] {
            assert_eq!(Duid::parse(text), None, "{text}");
        }
        assert_eq!(Duid::new(&[1; 131]), None);
        assert_eq!(iaid("usb0", &address), iaid("usb0", &address));
        assert_ne!(iaid("usb0", &address), iaid("usb0.5", &address));
        assert_ne!(iaid("usb0", &address), iaid("usb0", &[2; 6]));
    }
}
