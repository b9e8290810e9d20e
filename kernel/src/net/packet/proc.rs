//! `/proc/net/packet`: the packet sockets.

use super::{PacketSocket, SOCKETS};
use crate::net::socket::Socket;
use ::net::interface::InterfaceIndex;
use alloc::rc::{Rc, Weak};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use linux_raw_sys::net::{SOCK_DGRAM, SOCK_RAW};

/// Writes the file.
pub(in crate::net) fn list(text: &mut String) {
    text.push_str("sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
    let sockets: Vec<Rc<PacketSocket>> =
        SOCKETS.with(|sockets| sockets.iter().filter_map(Weak::upgrade).collect());
    for socket in sockets {
        let kind = if socket.raw { SOCK_RAW } else { SOCK_DGRAM };
        // Pointers are hidden, as Linux hides them; everybody here is user 0. Writing to a String
        // can't fail.
        let _ = writeln!(
            text,
            "{:016} {:<6} {:<4} {:04x}   {:<5} {:1} {:<6} {:<6} {:<6}",
            0,
            Rc::strong_count(&socket) - 1,
            kind,
            socket.protocol.get(),
            socket.interface.get().map_or(0, InterfaceIndex::get),
            u8::from(socket.protocol.get() != 0),
            socket.queue.borrow().octets(),
            0,
            socket.inode().get(),
        );
    }
}
