//! The DNS options of Router Advertisements (RFC 8106 sections 5.1 and 5.2).

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv6Addr;

use crate::dhcp6::option::domain_names;

/// The type of the RDNSS option.
const RDNSS: u8 = 25;
/// The type of the DNSSL option.
const DNSSL: u8 = 31;
/// How many servers or domains of one option are looked at.
const MOST: usize = 8;

/// What an option says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advertised {
    /// Name servers and their lifetime, seconds; all ones has no end, 0 takes them away.
    Servers(Vec<Ipv6Addr>, u32),
    /// Search domains and their lifetime.
    Domains(Vec<String>, u32),
}

impl Advertised {
    /// Reads an option: type, length in units of 8 octets, two reserved, the lifetime, the list.
    #[must_use]
    pub fn parse(option: &[u8]) -> Option<Self> {
        let (header, list) = option.split_first_chunk::<8>()?;
        let [kind, _, _, _, lifetime @ ..] = *header;
        let lifetime = u32::from_be_bytes(lifetime);
        match kind {
            RDNSS => {
                let servers = list.as_chunks().0.iter().map(|octets: &[u8; 16]| (*octets).into());
                let possible =
                    |server: &Ipv6Addr| !server.is_unspecified() && !server.is_multicast();
                Some(Self::Servers(servers.filter(possible).take(MOST).collect(), lifetime))
            }
            DNSSL => Some(Self::Domains(domain_names(list, MOST), lifetime)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Advertised, MOST};

    /// Rows: RD-16
    #[test]
    fn options() {
        let mut option = Vec::from([25, 5, 0, 0, 0, 0, 2, 0x58]);
        option.extend("fec0::3".parse::<core::net::Ipv6Addr>().unwrap().octets());
        option.extend([0; 16]);
        let server = "fec0::3".parse().unwrap();
        assert_eq!(Advertised::parse(&option), Some(Advertised::Servers([server].into(), 600)));
        for _ in 0..20 {
            option.extend([1; 16]);
        }
        let Some(Advertised::Servers(servers, _)) = Advertised::parse(&option) else { panic!() };
        assert_eq!(servers.len(), MOST);
        let mut option = Vec::from([31, 2, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        option.extend(b"\x03lab\0\0\0\0");
        let domains = Advertised::Domains(["lab".into()].into(), u32::MAX);
        assert_eq!(Advertised::parse(&option), Some(domains));
        option[0] = 3;
        assert_eq!(Advertised::parse(&option), None);
        assert_eq!(Advertised::parse(&[25, 1, 0, 0, 0, 0, 0]), None);
    }
}
