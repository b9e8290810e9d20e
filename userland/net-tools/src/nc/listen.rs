//! The side of `nc` that is called.

use alloc::format;
use alloc::string::String;
use core::net::SocketAddrV6;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, connect, recvfrom};

use super::options::{Options, Place};
use super::relay::Medium;
use super::session::{bind_to, datagram_socket, datagrams, local_address, transfer};
use crate::host::with_zone;
use crate::socket::failure::Failure;
use crate::socket::stream;

/// Connections that wait while one is being served (`-k`).
const BACKLOG: i32 = 16;

/// Serves one caller, or with `-k` one after the other; returns whether nothing broke.
pub fn run(options: &Options, place: &Place) -> Result<bool, String> {
    let address = local_address(place.address.as_deref(), place.port, options)?;
    let shown = format!("{} {}", with_zone(&address), address.port());
    let failed = |failure: Failure| format!("{shown}: {failure}");
    if !options.udp {
        let listener = stream::listener(&address, BACKLOG).map_err(failed)?;
        options.tuning.apply(&listener).map_err(failed)?;
        if options.verbose {
            rt::eprintln!("Listening on {shown}");
        }
        return serve_connections(&listener, options, place.keep).map_err(failed);
    }
    let socket = datagram_socket().map_err(failed)?;
    options.tuning.apply(&socket).map_err(failed)?;
    bind_to(&socket, &address).map_err(failed)?;
    if options.verbose {
        rt::eprintln!("Bound on {shown}");
    }
    if place.keep {
        // From everybody; there is nobody in particular to send the input to.
        let medium = Medium::Datagrams { most: 0 };
        return Ok(transfer(&socket, medium, false, options));
    }
    let peer = first_sender(&socket).map_err(failed)?;
    connect(&socket, &peer).map_err(Failure::of("connect")).map_err(failed)?;
    received_from(Some(peer), options);
    Ok(transfer(&socket, datagrams(&socket), true, options))
}

fn serve_connections(listener: &OwnedFd, options: &Options, keep: bool) -> Result<bool, Failure> {
    loop {
        wait_for_input(listener)?;
        let (connection, peer) = match stream::accept(listener) {
            Ok(accepted) => accepted,
            // The caller has hung up meanwhile.
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => continue,
            Err(errno) => return Err(Failure::of("accept")(errno)),
        };
        received_from(peer, options);
        let unbroken = transfer(&connection, Medium::Stream { listening: true }, true, options);
        if !keep {
            return Ok(unbroken);
        }
    }
}

fn received_from(peer: Option<SocketAddrV6>, options: &Options) {
    if let (true, Some(peer)) = (options.verbose, peer) {
        rt::eprintln!("Connection received on {} {}", with_zone(&peer), peer.port());
    }
}

fn wait_for_input(socket: &OwnedFd) -> Result<(), Failure> {
    let mut wanted = [PollFd::new(socket, PollFlags::IN)];
    rustix::io::retry_on_intr(|| poll(&mut wanted, None)).map(|_| ()).map_err(Failure::of("poll"))
}

/// Who sends the first datagram, which stays where it is.
fn first_sender(socket: &OwnedFd) -> Result<SocketAddrV6, Failure> {
    loop {
        wait_for_input(socket)?;
        let mut room = [0; 1];
        match recvfrom(socket, &mut room, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, _, Some(sender))) => {
                if let Some(sender) = stream::ipv6(sender) {
                    return Ok(sender);
                }
            }
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => return Err(Failure::of("recvfrom")(errno)),
        }
    }
}
