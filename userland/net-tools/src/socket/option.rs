//! Socket options by level and number, for those that `rustix` has no function for.

use core::mem::size_of;
use core::ptr;

use linux_raw_sys::general::__NR_setsockopt;
use linux_raw_sys::net::{SOL_ICMPV6, SOL_IPV6, SOL_NETLINK, SOL_RAW, SOL_SOCKET};
use rt::syscall::syscall;
use rustix::fd::{AsFd, AsRawFd};
use rustix::io::Errno;

/// Options of every socket.
pub const SOCKET: u32 = SOL_SOCKET;
/// IPv6 options.
pub const IPV6: u32 = SOL_IPV6;
/// ICMPv6 options.
pub const ICMPV6: u32 = SOL_ICMPV6;
/// Options of raw sockets.
pub const RAW: u32 = SOL_RAW;
/// Options of netlink sockets.
pub const NETLINK: u32 = SOL_NETLINK;

/// setsockopt(2) with any value.
pub fn set(fd: impl AsFd, level: u32, name: u32, value: &[u8]) -> Result<(), Errno> {
    let arguments = [
        fd.as_fd().as_raw_fd() as usize,
        level as usize,
        name as usize,
        value.as_ptr() as usize,
        value.len(),
        0,
    ];
    // SAFETY: the kernel only reads `value`, which lives through the call.
    unsafe { syscall(__NR_setsockopt, arguments) }.map(|_| ())
}

/// setsockopt(2) with an `int`.
pub fn set_i32(fd: impl AsFd, level: u32, name: u32, value: i32) -> Result<(), Errno> {
    set(fd, level, name, &value.to_ne_bytes())
}

/// getsockopt(2) with an `int`.
pub fn get_i32(fd: impl AsFd, level: u32, name: u32) -> Result<i32, Errno> {
    let mut value = 0i32;
    let mut length = size_of::<i32>() as u32;
    let arguments = [
        fd.as_fd().as_raw_fd() as usize,
        level as usize,
        name as usize,
        ptr::from_mut(&mut value) as usize,
        ptr::from_mut(&mut length) as usize,
        0,
    ];
    // SAFETY: the kernel writes at most `length` bytes to `value`, and the length it wrote.
    unsafe { syscall(linux_raw_sys::general::__NR_getsockopt, arguments) }.map(|_| value)
}

/// getsockopt(2) into a buffer; returns how much of it the kernel filled.
pub fn get(fd: impl AsFd, level: u32, name: u32, value: &mut [u8]) -> Result<usize, Errno> {
    let mut length = value.len() as u32;
    let arguments = [
        fd.as_fd().as_raw_fd() as usize,
        level as usize,
        name as usize,
        value.as_mut_ptr() as usize,
        ptr::from_mut(&mut length) as usize,
        0,
    ];
    // SAFETY: the kernel writes at most `length` bytes to `value`, which has as many, and the
    // length it wrote.
    unsafe { syscall(linux_raw_sys::general::__NR_getsockopt, arguments) }?;
    Ok((length as usize).min(value.len()))
}
