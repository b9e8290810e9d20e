//! Interfaces by name and number, for programs that need no more of them (netdevice(7)).

use alloc::format;
use alloc::string::String;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netdevice::{index_to_name, name_to_index};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// A socket on which to ask.
fn handle() -> Result<OwnedFd, Errno> {
    socket_with(AddressFamily::INET6, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
}

/// The index of the interface of that name.
#[must_use]
pub fn index_of(name: &str) -> Option<u32> {
    name_to_index(handle().ok()?, name).ok()
}

/// The name of an interface; its number when it has none (any more).
#[must_use]
pub fn name_of(index: u32) -> String {
    let name = handle().and_then(|socket| index_to_name(socket, index));
    name.unwrap_or_else(|_| format!("{index}"))
}
