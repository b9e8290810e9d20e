//! The packet sockets as lists show them: `/proc/net/packet`, sock_diag(7).

use super::{PacketSocket, SOCKETS};
use crate::net::socket::Socket;
use ::net::interface::InterfaceIndex;
use alloc::rc::{Rc, Weak};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use linux_raw_sys::net::{SOCK_DGRAM, SOCK_RAW};

/// What a list shows of a packet socket.
pub(in crate::net) struct Description {
    /// SOCK_RAW or SOCK_DGRAM.
    pub(in crate::net) kind: u32,
    /// The EtherType of what it receives.
    pub(in crate::net) protocol: u16,
    /// The interface that it is bound to; 0: none.
    pub(in crate::net) interface: u32,
    /// Octets charged for what waits in it.
    pub(in crate::net) queued: u32,
    /// How much may wait.
    pub(in crate::net) limit: u32,
    /// Packets dropped since its statistics were read.
    pub(in crate::net) drops: u32,
    /// Its number.
    pub(in crate::net) inode: u64,
}

impl Description {
    fn of(socket: &PacketSocket) -> Self {
        let octets = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let queue = socket.queue.borrow();
        Self {
            kind: if socket.raw { SOCK_RAW } else { SOCK_DGRAM },
            protocol: socket.protocol.get(),
            interface: socket.interface.get().map_or(0, InterfaceIndex::get),
            queued: octets(queue.octets()),
            limit: octets(queue.limit()),
            drops: queue.statistics().drops,
            inode: socket.base().inode().get(),
        }
    }
}

/// All packet sockets.
pub(in crate::net) fn describe_all() -> Vec<Description> {
    let sockets: Vec<Rc<PacketSocket>> =
        SOCKETS.with(|sockets| sockets.iter().filter_map(Weak::upgrade).collect());
    sockets.iter().map(|socket| Description::of(socket)).collect()
}

/// Writes `/proc/net/packet`.
pub(in crate::net) fn list(text: &mut String) {
    text.push_str("sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
    for socket in describe_all() {
        // Pointers are hidden, as Linux hides them; everybody here is user 0. Writing to a String
        // can't fail.
        let _ = writeln!(
            text,
            "{:016} {:<6} {:<4} {:04x}   {:<5} {:1} {:<6} {:<6} {:<6}",
            0,
            3, // As many references as Linux has to a socket that receives.
            socket.kind,
            socket.protocol,
            socket.interface,
            u8::from(socket.protocol != 0),
            socket.queued,
            0,
            socket.inode,
        );
    }
}
