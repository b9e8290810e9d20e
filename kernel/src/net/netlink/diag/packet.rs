//! Packet sockets: `struct packet_diag_req` and `packet_diag_msg` (linux/packet_diag.h).

use super::request::cookie;
use crate::net::netlink::message::{Builder, Header, read_u32};
use crate::net::netlink::request::Dump;
use crate::net::packet::{self, Description};
use crate::syscall::errno::Errno;
use linux_raw_sys::net::AF_PACKET;

/// Length of `packet_diag_req`.
const REQUEST_LENGTH: usize = 20;
/// What may be asked for.
const SHOW_INFO: u32 = 1;
const SHOW_MEMORY: u32 = 1 << 4;
/// Attributes.
const INFO: u32 = 0;
const USER: u32 = 5;
const MEMORY: u32 = 6;

/// All packet sockets.
pub(super) fn dump(payload: &[u8], header: Header) -> Result<Dump, Errno> {
    if payload.len() < REQUEST_LENGTH {
        return Err(Errno::INVAL);
    }
    let show = read_u32(payload, 8).ok_or(Errno::INVAL)?;
    Ok(packet::describe_all().iter().map(|socket| emit(socket, show, header)).collect())
}

fn emit(socket: &Description, show: u32, header: Header) -> alloc::vec::Vec<u8> {
    let protocol = socket.protocol.to_ne_bytes();
    let mut builder = Builder::new(header)
        .body(&[AF_PACKET as u8, socket.kind as u8])
        .body(&protocol)
        .body(&(socket.inode as u32).to_ne_bytes())
        .body(&cookie(socket.inode).map(u32::to_ne_bytes).concat());
    if show & SHOW_INFO != 0 {
        // Interface, version, reserve, copy threshold, timestamp source, flags.
        let words = [socket.interface, 0, 0, 0, 0, 0];
        builder.attribute(INFO, &words.map(u32::to_ne_bytes).concat());
        builder.attribute_u32(USER, 0);
    }
    if show & SHOW_MEMORY != 0 {
        let words = [socket.queued, socket.limit, 0, 0, 0, 0, 0, 0, socket.drops];
        builder.attribute(MEMORY, &words.map(u32::to_ne_bytes).concat());
    }
    builder.finish()
}
