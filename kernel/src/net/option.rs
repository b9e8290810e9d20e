//! Socket options that every kind of socket has (socket(7)), and how values are read and written.
//!
//! Each kind of socket looks at its own options first and hands the rest to [`set_generic`] and
//! [`get_generic`].

use super::socket::TimeoutCells;
use crate::syscall::errno::Errno;
use ::net::socket::PathMtuDiscovery;
use alloc::vec::Vec;
use core::time::Duration;
use linux_raw_sys::net::{
    SO_ACCEPTCONN, SO_BROADCAST, SO_DEBUG, SO_DOMAIN, SO_DONTROUTE, SO_ERROR, SO_KEEPALIVE,
    SO_OOBINLINE, SO_PRIORITY, SO_PROTOCOL, SO_RCVBUF, SO_RCVLOWAT, SO_RCVTIMEO, SO_SNDBUF,
    SO_SNDTIMEO, SO_TYPE, SOL_SOCKET,
};

/// SO_SNDBUF and SO_RCVBUF of a datagram socket that nobody changed, as Linux has it.
pub const DEFAULT_BUFFER: u32 = 212_992;

/// What socket(2) was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// SO_DOMAIN.
    pub family: u32,
    /// SO_PROTOCOL.
    pub protocol: u32,
    /// SO_TYPE.
    pub kind: u32,
}

/// An `int` value; `EINVAL` for fewer than four bytes.
pub fn read_u32(value: &[u8]) -> Result<u32, Errno> {
    value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes)).ok_or(Errno::INVAL)
}

/// An `int` value.
pub fn read_i32(value: &[u8]) -> Result<i32, Errno> {
    read_u32(value).map(u32::cast_signed)
}

/// An `int` that means yes or no.
pub fn read_bool(value: &[u8]) -> Result<bool, Errno> {
    read_u32(value).map(|value| value != 0)
}

/// The value of IPV6_MTU_DISCOVER; `EINVAL` for a number that means nothing.
pub fn read_path_mtu_discovery(value: &[u8]) -> Result<PathMtuDiscovery, Errno> {
    let number = u8::try_from(read_u32(value)?).map_err(|_| Errno::INVAL)?;
    PathMtuDiscovery::from_number(number).ok_or(Errno::INVAL)
}

/// An `int` as getsockopt(2) returns it.
pub fn emit_u32(value: u32) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

/// Yes or no as an `int`.
pub fn emit_bool(value: bool) -> Vec<u8> {
    emit_u32(u32::from(value))
}

/// `struct timeval` of SO_RCVTIMEO: zero is for ever, negative is at once; `EDOM` for microseconds
/// that are none.
fn read_timeout(value: &[u8]) -> Result<Option<Duration>, Errno> {
    let field = |offset: usize| {
        let bytes = value.get(offset..).and_then(|rest| rest.first_chunk());
        bytes.map(|bytes| i64::from_ne_bytes(*bytes)).ok_or(Errno::INVAL)
    };
    let (seconds, micros) = (field(0)?, field(8)?);
    if !(0..1_000_000).contains(&micros) {
        return Err(Errno::DOM);
    }
    match u64::try_from(seconds) {
        Ok(0) if micros == 0 => Ok(None),
        Ok(seconds) => Ok(Some(Duration::new(seconds, micros.unsigned_abs() as u32 * 1000))),
        Err(_) => Ok(Some(Duration::ZERO)),
    }
}

fn emit_timeout(timeout: Option<Duration>) -> Vec<u8> {
    let timeout = timeout.unwrap_or_default();
    let mut bytes = timeout.as_secs().to_ne_bytes().to_vec();
    bytes.extend_from_slice(&u64::from(timeout.subsec_micros()).to_ne_bytes());
    bytes
}

/// Sets an option that needs no knowledge of the socket; `ENOPROTOOPT` for an unknown one.
pub fn set_generic(
    timeouts: &TimeoutCells,
    level: u32,
    name: u32,
    value: &[u8],
) -> Result<(), Errno> {
    if level != SOL_SOCKET {
        return Err(Errno::NOPROTOOPT);
    }
    match name {
        SO_RCVTIMEO => timeouts.set_receive(read_timeout(value)?),
        SO_SNDTIMEO => timeouts.set_send(read_timeout(value)?),
        // Nothing here sends broadcasts, routes by priority or keeps a queue that these would
        // change; programs set them by habit and Linux takes them from any socket.
        SO_BROADCAST | SO_DEBUG | SO_DONTROUTE | SO_KEEPALIVE | SO_OOBINLINE | SO_PRIORITY
        | SO_RCVLOWAT | SO_RCVBUF | SO_SNDBUF => {
            read_u32(value)?;
        }
        _ => return Err(Errno::NOPROTOOPT),
    }
    Ok(())
}

/// Reads an option that needs no knowledge of the socket; `ENOPROTOOPT` for an unknown one.
pub fn get_generic(
    timeouts: &TimeoutCells,
    kind: Kind,
    level: u32,
    name: u32,
) -> Result<Vec<u8>, Errno> {
    if level != SOL_SOCKET {
        return Err(Errno::NOPROTOOPT);
    }
    Ok(match name {
        SO_RCVTIMEO => emit_timeout(timeouts.get().receive),
        SO_SNDTIMEO => emit_timeout(timeouts.get().send),
        SO_TYPE => emit_u32(kind.kind),
        SO_DOMAIN => emit_u32(kind.family),
        SO_PROTOCOL => emit_u32(kind.protocol),
        SO_RCVBUF | SO_SNDBUF => emit_u32(DEFAULT_BUFFER),
        SO_RCVLOWAT => emit_u32(1),
        SO_BROADCAST | SO_DEBUG | SO_DONTROUTE | SO_KEEPALIVE | SO_OOBINLINE | SO_PRIORITY
        | SO_ERROR | SO_ACCEPTCONN => emit_u32(0),
        _ => return Err(Errno::NOPROTOOPT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeval(seconds: i64, micros: i64) -> Vec<u8> {
        [seconds.to_ne_bytes(), micros.to_ne_bytes()].concat()
    }

    #[test]
    fn timeouts_follow_socket_7() {
        assert_eq!(read_timeout(&timeval(0, 0)), Ok(None));
        assert_eq!(read_timeout(&timeval(1, 500_000)), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(read_timeout(&timeval(-1, 0)), Ok(Some(Duration::ZERO)));
        assert_eq!(read_timeout(&timeval(0, 1_000_000)), Err(Errno::DOM));
        assert_eq!(read_timeout(&timeval(0, 0)[..15]), Err(Errno::INVAL));
        assert_eq!(emit_timeout(Some(Duration::from_millis(1500))), timeval(1, 500_000));
    }

    #[test]
    fn an_unknown_option_is_refused() {
        let timeouts = TimeoutCells::default();
        let kind = Kind { family: 10, protocol: 17, kind: 2 };
        assert_eq!(set_generic(&timeouts, SOL_SOCKET, 9999, &[0; 4]), Err(Errno::NOPROTOOPT));
        assert_eq!(set_generic(&timeouts, 6, SO_TYPE, &[0; 4]), Err(Errno::NOPROTOOPT));
        assert_eq!(get_generic(&timeouts, kind, SOL_SOCKET, 9999), Err(Errno::NOPROTOOPT));
    }
}
