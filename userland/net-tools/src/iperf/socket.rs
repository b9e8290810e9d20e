//! Sockets of the test: opened, bound, sized.

use alloc::format;
use alloc::string::String;
use core::mem::{offset_of, size_of};
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::net::{
    IPPROTO_TCP, IPV6_V6ONLY, SO_RCVBUF, SO_REUSEADDR, SO_SNDBUF, TCP_INFO, TCP_NODELAY, tcp_info,
};
use rt::strerror;
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};

use super::options::Options;
use super::report::Path;
use crate::host;
use crate::netlink::field;
use crate::socket::option::{IPV6, SOCKET, get, get_i32, set_i32};

/// An error of a call, as text.
pub fn failed(what: &'static str) -> impl Fn(Errno) -> String {
    move |errno| format!("{what} failed: {}", strerror(errno))
}

/// The address of a host, with the port.
pub fn resolve(host: &str, port: u16) -> Result<SocketAddrV6, String> {
    let mut address = host::resolve(host).map_err(|error| format!("{host}: {error}"))?;
    address.set_port(port);
    Ok(address)
}

/// A socket as the options want it, bound for a server or where `-B` says.
pub fn open(options: &Options, kind: SocketType, server: bool) -> Result<OwnedFd, String> {
    let socket = socket_with(AddressFamily::INET6, kind, SocketFlags::CLOEXEC, None)
        .map_err(failed("socket"))?;
    if server {
        set_i32(&socket, SOCKET, SO_REUSEADDR, 1).map_err(failed("setsockopt SO_REUSEADDR"))?;
        // Where there is IPv4 too, it is none of our business.
        let _ = set_i32(&socket, IPV6, IPV6_V6ONLY, 1);
    }
    if let Some(window) = options.window {
        for name in [SO_SNDBUF, SO_RCVBUF] {
            set_i32(&socket, SOCKET, name, window as i32).map_err(failed("setsockopt"))?;
        }
    }
    if options.no_delay {
        set_i32(&socket, IPPROTO_TCP as u32, TCP_NODELAY, 1)
            .map_err(failed("setsockopt TCP_NODELAY"))?;
    }
    let port = if server { options.port } else { 0 };
    let local = match &options.bind {
        Some(host) => resolve(host, port)?,
        None => SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0),
    };
    if server || options.bind.is_some() {
        bind(&socket, &local).map_err(failed("bind"))?;
    }
    Ok(socket)
}

/// The size of a buffer: of what arrives, or of what is sent.
#[must_use]
pub fn buffer_size(socket: impl AsFd, receive: bool) -> usize {
    let name = if receive { SO_RCVBUF } else { SO_SNDBUF };
    get_i32(socket, SOCKET, name).unwrap_or(0).max(0) as usize
}

/// The local address.
pub fn local_address(socket: impl AsFd) -> Result<SocketAddrV6, String> {
    let address = getsockname(socket).map_err(failed("getsockname"))?;
    SocketAddrV6::try_from(address).map_err(failed("getsockname"))
}

/// What TCP_INFO says of the path; `None` where the kernel does not say.
#[must_use]
pub fn path(socket: impl AsFd) -> Option<Path> {
    let mut info = [0; size_of::<tcp_info>()];
    let length = get(socket, IPPROTO_TCP as u32, TCP_INFO, &mut info).ok()?;
    let info = info.get(..length)?;
    let segment = field::u32_at(info, offset_of!(tcp_info, tcpi_snd_mss))?;
    let window = field::u32_at(info, offset_of!(tcp_info, tcpi_snd_cwnd))?;
    Some(Path {
        window: (u64::from(window) * u64::from(segment) / 1024) as u32,
        segment,
        round_trip: field::u32_at(info, offset_of!(tcp_info, tcpi_rtt))?,
    })
}
