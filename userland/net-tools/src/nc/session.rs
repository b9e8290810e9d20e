//! What both sides of `nc` have in common: local addresses, and a transfer over a socket.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use resolver::Error;
use rustix::fd::{AsFd, OwnedFd};
use rustix::net::sockopt::{ipv6_mtu, set_socket_reuseaddr};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};

use super::options::Options;
use super::relay::{Ends, Medium, run};
use crate::host;
use crate::socket::failure::Failure;

/// Headers of IPv6 and UDP before the data of a datagram.
const HEADERS: u32 = 40 + 8;
/// What reaches every host without fragments (RFC 8200 section 5).
const LEAST_DATAGRAM: u32 = 1280 - HEADERS;
/// The longest datagram made of the input, as in OpenBSD's.
const MOST_DATAGRAM: u32 = 16 * 1024;

/// The addresses of `host` with a port, the best first; a name only where names are welcome.
pub fn resolve(host: &str, port: u16, options: &Options) -> Result<Vec<SocketAddrV6>, String> {
    let failed = |error| format!("{host}: {error}");
    let literal = host.split('%').next().unwrap_or_default();
    if options.numeric && literal.parse::<core::net::IpAddr>().is_err() {
        return Err(failed(Error::Unknown));
    }
    let mut addresses = host::resolve_all(host).map_err(failed)?;
    for address in &mut addresses {
        address.set_port(port);
    }
    Ok(addresses)
}

/// The local address from an optional host and port.
pub fn local_address(
    host: Option<&str>,
    port: u16,
    options: &Options,
) -> Result<SocketAddrV6, String> {
    let any = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0);
    let Some(host) = host else { return Ok(any) };
    Ok(resolve(host, port, options)?.first().copied().unwrap_or(any))
}

/// A non-blocking UDP socket.
pub fn datagram_socket() -> Result<OwnedFd, Failure> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::INET6, SocketType::DGRAM, flags, None).map_err(Failure::of("socket"))
}

/// Gives a socket its local address; a port in TIME-WAIT is no hindrance.
pub fn bind_to(socket: &OwnedFd, address: &SocketAddrV6) -> Result<(), Failure> {
    set_socket_reuseaddr(socket, true).map_err(Failure::of("setsockopt"))?;
    bind(socket, address).map_err(Failure::of("bind"))
}

/// Datagrams over a connected socket: as long as its path takes them whole.
pub fn datagrams(socket: &OwnedFd) -> Medium {
    let room = ipv6_mtu(socket).map_or(LEAST_DATAGRAM, |mtu| mtu.saturating_sub(HEADERS));
    Medium::Datagrams { most: room.clamp(LEAST_DATAGRAM, MOST_DATAGRAM) as usize }
}

/// Transfers between standard input and output and the socket; reports what breaks and returns
/// whether nothing did. Without `speaking` standard input is left alone.
pub fn transfer(socket: &OwnedFd, medium: Medium, speaking: bool, options: &Options) -> bool {
    let ends = Ends {
        input: (speaking && !options.transfer.deaf).then(rt::input::stdin),
        output: rt::output::stdout(),
        socket: socket.as_fd(),
    };
    match run(ends, medium, options.transfer) {
        Ok(()) => true,
        Err(failure) => {
            rt::warn!("{failure}");
            false
        }
    }
}
