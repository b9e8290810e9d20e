//! The side of `nc` that calls.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddrV6;

use rt::strerror;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::options::{Options, Target};
use super::relay::Medium;
use super::session::{bind_to, datagram_socket, datagrams, local_address, resolve, transfer};
use crate::clock::{now, timespec};
use crate::host::with_zone;
use crate::socket::failure::Failure;
use crate::socket::{race, stream};

/// How many probes tell whether anybody takes datagrams: an answer in ICMPv6 may be lost, or held
/// back by a limit of rate.
const PROBES: usize = 3;
/// How long to wait for an answer to each, microseconds.
const PROBE_WAIT: u64 = 400_000;

/// Tries the ports one after the other; returns whether one was reached and no transfer broke.
pub fn run(options: &Options, target: &Target) -> Result<bool, String> {
    let mut to = resolve(&target.host, 0, options)?;
    let from = match (&target.source, target.source_port) {
        (None, None) => None,
        (host, port) => Some(local_address(host.as_deref(), port.unwrap_or(0), options)?),
    };
    let protocol = if options.udp { "udp" } else { "tcp" };
    let mut reached = false;
    let mut unbroken = true;
    for (index, port) in order(target).into_iter().enumerate() {
        if let Some(pause) = options.transfer.pause
            && index > 0
        {
            // A signal that cuts it short ends the program.
            let _ = rustix::thread::nanosleep(&timespec(pause));
        }
        for address in &mut to {
            address.set_port(port);
        }
        let (socket, address) = match reach(&to, from.as_ref(), options, target.scan)? {
            Ok(reached) => reached,
            Err((address, errno)) => {
                // A scan without -v says by its exit status alone what it found.
                if options.verbose || !target.scan {
                    let (address, reason) = (with_zone(&address), strerror(errno));
                    rt::warn!("connect to {address} port {port} ({protocol}) failed: {reason}");
                }
                continue;
            }
        };
        reached = true;
        if options.verbose {
            let (host, address) = (&target.host, with_zone(&address));
            let also = if *host == address { String::new() } else { format!(" ({address})") };
            rt::eprintln!("Connection to {host}{also} {port} port [{protocol}/*] succeeded!");
        }
        if !target.scan {
            let medium =
                if options.udp { datagrams(&socket) } else { Medium::Stream { listening: false } };
            unbroken &= transfer(&socket, medium, true, options);
        }
    }
    Ok(reached && unbroken)
}

/// The ports in the order in which they are tried.
fn order(target: &Target) -> Vec<u16> {
    let mut ports: Vec<u16> = target.ports.clone().collect();
    if target.shuffled {
        // Any order is as good as any other, so a generator of little quality will do.
        let mut random = now() | 1;
        for last in (1..ports.len()).rev() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            ports.swap(last, (random % (last as u64 + 1)) as usize);
        }
    }
    ports
}

fn open(options: &Options, from: Option<&SocketAddrV6>) -> Result<OwnedFd, Failure> {
    let socket = if options.udp { datagram_socket() } else { stream::socket() }?;
    options.tuning.apply(&socket)?;
    if let Some(from) = from {
        bind_to(&socket, from)?;
    }
    Ok(socket)
}

/// A socket that is connected to one of the addresses, or which address failed last and why.
type Reached = Result<(OwnedFd, SocketAddrV6), (SocketAddrV6, Errno)>;

/// Reaches a host by one of its addresses: the first that answers, in TCP; in UDP, where nothing
/// answers, the first one.
fn reach(
    to: &[SocketAddrV6],
    from: Option<&SocketAddrV6>,
    options: &Options,
    scan: bool,
) -> Result<Reached, String> {
    let failed = |failure: Failure| format!("{failure}");
    let Some(first) = to.first() else { return Err("no address".into()) };
    if !options.udp {
        return race::connect(to, options.transfer.idle, || open(options, from)).map_err(failed);
    }
    let socket = open(options, from).map_err(failed)?;
    let connected = stream::connect(&socket, first, options.transfer.idle);
    let outcome = if scan { connected.and_then(|()| probe(&socket)) } else { connected };
    Ok(match outcome {
        Ok(()) => Ok((socket, *first)),
        Err(errno) => Err((*first, errno)),
    })
}

/// Sends datagrams and waits for a refusal. Silence may mean that they were taken, or that they are
/// filtered.
fn probe(socket: &OwnedFd) -> Result<(), Errno> {
    let mut answer = [0; 1];
    for _ in 0..PROBES {
        send(socket, b"X", SendFlags::empty())?;
        let end = now() + PROBE_WAIT;
        loop {
            let left = end.saturating_sub(now());
            let mut wanted = [PollFd::new(socket, PollFlags::IN)];
            match poll(&mut wanted, Some(&timespec(left))) {
                Ok(0) => break,
                Ok(_) => return recv(socket, &mut answer, RecvFlags::DONTWAIT).map(|_| ()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Target, Vec, order};

    #[test]
    fn every_port_is_tried_once() {
        let target = Target {
            host: "::1".into(),
            ports: 10..=500,
            scan: true,
            shuffled: false,
            source: None,
            source_port: None,
        };
        let sorted: Vec<u16> = (10..=500).collect();
        assert_eq!(order(&target), sorted);
        let mut shuffled = order(&Target { shuffled: true, ..target });
        assert_ne!(shuffled, sorted);
        shuffled.sort_unstable();
        assert_eq!(shuffled, sorted);
    }
}
