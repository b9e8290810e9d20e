//! The echo service: every datagram goes back to where it came from, from the address it was sent
//! to (IPV6_PKTINFO, RFC 3542 section 4), so that a client which listens to that address alone hears
//! it.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::net::{IPV6_PKTINFO, IPV6_RECVPKTINFO};
use rt::strerror;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, bind, sendto, socket_with};
use rustix::process::Signal;

use super::options::Serve;
use crate::host::{self, with_zone};
use crate::interrupt;
use crate::socket::message::{ControlMessage, Received, receive, send};
use crate::socket::option::{IPV6, set_i32};

/// What the service has done.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    /// Count of datagrams received.
    received: u64,
    /// Count of datagrams sent back.
    returned: u64,
    /// Count of datagrams that could not be sent back.
    failed: u64,
}

/// Sends a datagram back.
fn answer(
    socket: &OwnedFd,
    data: &[u8],
    received: &Received,
    to: &SocketAddrV6,
) -> Result<(), Errno> {
    // Of a multicast datagram the destination is no address to answer from.
    let information = received.control().find(IPV6, IPV6_PKTINFO).filter(|data| {
        data.first_chunk::<16>().is_some_and(|octets| !Ipv6Addr::from(*octets).is_multicast())
    });
    match information {
        Some(data_of_packet) => {
            let message = ControlMessage { level: IPV6, kind: IPV6_PKTINFO, data: data_of_packet };
            send(socket, data, to, &message).map(|_| ())
        }
        None => sendto(socket, data, SendFlags::empty(), to).map(|_| ()),
    }
}

/// Serves until a signal ends it.
pub fn run(options: &Serve) -> Result<u8, String> {
    let mut address = match &options.address {
        Some(host) => host::resolve(host).map_err(|error| format!("{host}: {error}"))?,
        None => SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0),
    };
    address.set_port(options.port);
    let failed = |what: &'static str| move |errno| format!("{what}: {}", strerror(errno));
    let socket = socket_with(AddressFamily::INET6, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(failed("socket"))?;
    // Without it the kernel chooses the address to answer from.
    let _ = set_i32(&socket, IPV6, IPV6_RECVPKTINFO, 1);
    bind(&socket, &address).map_err(failed("bind"))?;
    interrupt::note(&[Signal::INT, Signal::TERM]).map_err(failed("sigaction"))?;
    rt::println!("listening on {} port {}", with_zone(&address), options.port);
    rt::output::flush();
    let mut counters = Counters::default();
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let mut last_client = None;
    while !interrupt::came() {
        let received = match receive(&socket, &mut buffer, 0) {
            Ok(received) => received,
            // Errors of earlier answers come back here (ICMPv6 errors of clients that went away).
            Err(Errno::INTR | Errno::CONNREFUSED | Errno::HOSTUNREACH | Errno::NETUNREACH) => {
                continue;
            }
            Err(errno) => return Err(failed("recvmsg")(errno)),
        };
        counters.received += 1;
        let Some(client) = received.from else { continue };
        if !options.quiet && last_client != Some(client) {
            rt::println!("datagrams from {} port {}", with_zone(&client), client.port());
            rt::output::flush();
            last_client = Some(client);
        }
        let data = buffer.get(..received.length).unwrap_or_default();
        match answer(&socket, data, &received, &client) {
            Ok(()) => counters.returned += 1,
            Err(errno) => {
                counters.failed += 1;
                if !options.quiet {
                    rt::warn!(
                        "to {} port {}: {}",
                        with_zone(&client),
                        client.port(),
                        strerror(errno)
                    );
                }
            }
        }
    }
    rt::println!(
        "\n{} datagrams received, {} returned, {} failed",
        counters.received,
        counters.returned,
        counters.failed
    );
    Ok(0)
}
