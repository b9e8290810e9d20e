//! `struct sockaddr_in6` to [`SocketAddrV6`] and back (ipv6(7), RFC 3493 section 3.3).

use crate::syscall::errno::Errno;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};
use linux_raw_sys::net::{AF_INET6, AF_UNSPEC};

/// Length of `sockaddr_in6`.
pub const LENGTH: usize = 28;
/// Length of the structure before RFC 2553 added the scope id; Linux accepts it.
const LENGTH_WITHOUT_SCOPE: usize = 24;

/// Reads the address family; `EINVAL` for fewer than two bytes.
pub fn family(bytes: &[u8]) -> Result<u32, Errno> {
    let family = bytes.first_chunk().ok_or(Errno::INVAL)?;
    Ok(u32::from(u16::from_ne_bytes(*family)))
}

/// Reads a `sockaddr_in6`. `EINVAL` when it is too short, `EAFNOSUPPORT` for another family.
pub fn parse(bytes: &[u8]) -> Result<SocketAddrV6, Errno> {
    let family = family(bytes)?;
    if family != AF_INET6 {
        return Err(Errno::AFNOSUPPORT);
    }
    if bytes.len() < LENGTH_WITHOUT_SCOPE {
        return Err(Errno::INVAL);
    }
    let port = u16::from_be_bytes(field(bytes, 2)?);
    let flow = u32::from_be_bytes(field(bytes, 4)?);
    let address = Ipv6Addr::from(field::<16>(bytes, 8)?);
    let scope = field(bytes, LENGTH_WITHOUT_SCOPE).map_or(0, u32::from_ne_bytes);
    Ok(SocketAddrV6::new(address, port, flow, scope))
}

fn field<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], Errno> {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).copied().ok_or(Errno::INVAL)
}

/// Reads the argument of connect(2): `None` for `AF_UNSPEC`, which dissolves an association.
pub fn parse_peer(bytes: &[u8]) -> Result<Option<SocketAddrV6>, Errno> {
    if family(bytes)? == AF_UNSPEC { Ok(None) } else { parse(bytes).map(Some) }
}

/// The structure's bytes.
pub fn emit(address: SocketAddrV6) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.extend_from_slice(&(AF_INET6 as u16).to_ne_bytes());
    bytes.extend_from_slice(&address.port().to_be_bytes());
    bytes.extend_from_slice(&address.flowinfo().to_be_bytes());
    bytes.extend_from_slice(&address.ip().octets());
    bytes.extend_from_slice(&address.scope_id().to_ne_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: SocketAddrV6 =
        SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2), 53, 0x12345, 7);

    /// Rows: API-1
    #[test]
    fn what_is_emitted_is_parsed() {
        let bytes = emit(ADDRESS);
        assert_eq!(bytes.len(), LENGTH);
        assert_eq!(&bytes[2..4], &[0, 53]);
        assert_eq!(parse(&bytes), Ok(ADDRESS));
    }

    #[test]
    fn the_short_form_has_no_scope() {
        let parsed = parse(&emit(ADDRESS)[..LENGTH_WITHOUT_SCOPE]).unwrap();
        assert_eq!((parsed.port(), parsed.scope_id()), (53, 0));
        for length in 0..LENGTH_WITHOUT_SCOPE {
            assert_eq!(parse(&emit(ADDRESS)[..length]), Err(Errno::INVAL), "length {length}");
        }
    }

    #[test]
    fn only_connect_knows_the_unspecified_family() {
        let mut bytes = emit(ADDRESS);
        bytes[..2].copy_from_slice(&0u16.to_ne_bytes());
        assert_eq!(parse(&bytes), Err(Errno::AFNOSUPPORT));
        assert_eq!(parse_peer(&bytes), Ok(None));
        assert_eq!(parse_peer(&bytes[..1]), Err(Errno::INVAL));
    }
}
