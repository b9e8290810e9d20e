//! The end of the cable at a TAP interface (Documentation/networking/tuntap.rst of Linux).

use rustix::ioctl::{Setter, ioctl, opcode};
use std::ffi::c_int;
use std::fs::File;
use std::io;

/// TUNSETIFF.
const SET_INTERFACE: rustix::ioctl::Opcode = opcode::write::<c_int>(b'T', 202);
/// IFF_TAP and IFF_NO_PI: Ethernet frames, with nothing in front of them.
const FLAGS: u16 = 0x0002 | 0x1000;
/// IFNAMSIZ.
const NAME_LENGTH: usize = 16;

/// `struct ifreq`.
#[repr(C)]
struct Request {
    name: [u8; NAME_LENGTH],
    flags: u16,
    rest: [u8; 22],
}

/// Opens the TAP interface of this name in the thread's network namespace; one that is not there is
/// made, and goes when the file is closed. Each read and each write is a frame.
pub(crate) fn open(name: &str) -> io::Result<File> {
    let tap = File::options().read(true).write(true).open("/dev/net/tun")?;
    let mut request = Request { name: [0; NAME_LENGTH], flags: FLAGS, rest: [0; 22] };
    // One octet is for the NUL.
    let room = request.name[..NAME_LENGTH - 1].get_mut(..name.len());
    room.ok_or(io::ErrorKind::InvalidInput)?.copy_from_slice(name.as_bytes());
    // SAFETY: TUNSETIFF reads a `struct ifreq`, which `Request` is laid out as, and writes the
    // interface's name back into it at most; it keeps no pointer.
    unsafe { ioctl(&tap, Setter::<SET_INTERFACE, Request>::new(request)) }?;
    Ok(tap)
}
