//! NETLINK_SOCK_DIAG: sockets as `ss` asks for them (sock_diag(7)).
//!
//! A request names a family; AF_INET6 also a protocol and states. Without NLM_F_DUMP it asks for
//! the one socket that its addresses name, or asks that it be ended.

mod bytecode;
mod internet;
mod packet;
mod request;
#[cfg(test)]
mod tests;

use super::message::{Header, Message};
use super::request::Dump;
use crate::syscall::errno::Errno;
use alloc::vec::Vec;
use linux_raw_sys::net::{AF_INET, AF_INET6, AF_PACKET};
use request::InternetRequest;

/// SOCK_DIAG_BY_FAMILY (linux/sock_diag.h), which the crate with the other constants lacks.
pub(super) const BY_FAMILY: u16 = 20;

/// SOCK_DESTROY, likewise.
const DESTROY: u16 = 21;

/// Every socket that a request is about.
pub(super) fn dump(message: &Message<'_>, header: Header) -> Result<Dump, Errno> {
    match family(message)? {
        _ if message.header.kind != BY_FAMILY => Err(Errno::INVAL),
        AF_INET6 => internet::dump(&InternetRequest::parse(message.payload)?, header),
        // There is no IPv4, so none of its sockets.
        AF_INET => Ok(Dump::new()),
        AF_PACKET => packet::dump(message.payload, header),
        _ => Err(Errno::NOENT),
    }
}

/// The one socket that a request names: what there is to tell of it, or nothing when it was to
/// be ended (`ss -K`).
pub(super) fn single(message: &Message<'_>, header: Header) -> Result<Option<Vec<u8>>, Errno> {
    let family = family(message)?;
    if message.header.kind == DESTROY {
        return match family {
            AF_INET6 => internet::destroy(&InternetRequest::parse(message.payload)?).map(|()| None),
            AF_PACKET => Err(Errno::OPNOTSUPP),
            _ => Err(Errno::NOENT),
        };
    }
    get(family, message, header).map(Some)
}

fn get(family: u32, message: &Message<'_>, header: Header) -> Result<Vec<u8>, Errno> {
    match family {
        AF_INET6 => internet::get(&InternetRequest::parse(message.payload)?, header),
        // Only lists are made of these.
        AF_PACKET => Err(Errno::OPNOTSUPP),
        _ => Err(Errno::NOENT),
    }
}

fn family(message: &Message<'_>) -> Result<u32, Errno> {
    if !matches!(message.header.kind, BY_FAMILY | DESTROY) {
        return Err(Errno::INVAL);
    }
    message.payload.first().copied().map(u32::from).ok_or(Errno::INVAL)
}
