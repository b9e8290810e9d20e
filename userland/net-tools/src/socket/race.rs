//! A TCP connection to a host with several addresses: they are tried in their order, the next one
//! beside the one before as soon as that has been silent for a moment (RFC 8305 section 5).

use alloc::vec::Vec;
use core::net::SocketAddrV6;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;

use super::failure::Failure;
use super::stream::begin_to_connect;
use crate::clock::{SECOND, now, timespec};

/// How long an address has before the next one is tried beside it, microseconds (section 8).
const HEAD_START: u64 = SECOND / 4;

/// A connected socket and its other end, or which address failed last and why.
type Outcome = Result<(OwnedFd, SocketAddrV6), (SocketAddrV6, Errno)>;

/// Connects to the first of `addresses` that answers within `limit` microseconds (ETIMEDOUT when
/// none does). `open` makes a non-blocking socket; that it fails is the outer error.
pub fn connect(
    addresses: &[SocketAddrV6],
    limit: Option<u64>,
    mut open: impl FnMut() -> Result<OwnedFd, Failure>,
) -> Result<Outcome, Failure> {
    let deadline = limit.map(|limit| now().saturating_add(limit));
    let mut waiting: Vec<(OwnedFd, SocketAddrV6)> = Vec::new();
    let mut rest = addresses.iter();
    let mut failed = (SocketAddrV6::new(core::net::Ipv6Addr::UNSPECIFIED, 0, 0, 0), Errno::INVAL);
    // When the next address has its turn.
    let mut next = now();
    loop {
        if now() >= next || waiting.is_empty() {
            if let Some(address) = rest.next() {
                let socket = open()?;
                match begin_to_connect(&socket, address) {
                    Ok(true) => return Ok(Ok((socket, *address))),
                    Ok(false) => {
                        waiting.push((socket, *address));
                        next = now().saturating_add(HEAD_START);
                    }
                    Err(errno) => {
                        failed = (*address, errno);
                        continue;
                    }
                }
            } else if waiting.is_empty() {
                return Ok(Err(failed));
            } else {
                next = u64::MAX;
            }
        }
        let until = deadline.unwrap_or(u64::MAX).min(next);
        let timeout = (until != u64::MAX).then(|| timespec(until.saturating_sub(now())));
        let mut wanted: Vec<PollFd<'_>> =
            waiting.iter().map(|(socket, _)| PollFd::new(socket, PollFlags::OUT)).collect();
        match poll(&mut wanted, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Failure::of("poll")(errno)),
        }
        let ready = wanted.iter().position(|fd| !fd.revents().is_empty());
        drop(wanted);
        if let Some(at) = ready {
            let (socket, address) = waiting.remove(at);
            match socket_error(&socket).and_then(|error| error) {
                Ok(()) => return Ok(Ok((socket, address))),
                Err(errno) => failed = (address, errno),
            }
            // Its turn has come early.
            next = now();
        } else if let Some((_, address)) = waiting.first()
            && deadline.is_some_and(|deadline| now() >= deadline)
        {
            return Ok(Err((*address, Errno::TIMEDOUT)));
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::net::{Ipv6Addr, SocketAddrV6};

    use rustix::fd::OwnedFd;
    use rustix::io::Errno;
    use rustix::net::getsockname;

    use super::super::stream::{begin_to_connect, listener, socket};
    use super::connect;
    use crate::clock::SECOND;

    /// A listener on a port of its own.
    fn listening(backlog: i32) -> (OwnedFd, SocketAddrV6) {
        let any = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0, 0, 0);
        let socket = listener(&any, backlog).unwrap();
        let address = SocketAddrV6::try_from(getsockname(&socket).unwrap()).unwrap();
        (socket, address)
    }

    /// A port where nobody listens.
    fn refusing() -> SocketAddrV6 {
        listening(1).1
    }

    /// A port that leaves callers waiting: its queue is full. What keeps it so must live on.
    fn silent() -> (SocketAddrV6, Vec<OwnedFd>) {
        let (queue, address) = listening(0);
        let mut held = Vec::from([queue]);
        for _ in 0..3 {
            let caller = socket().unwrap();
            let _ = begin_to_connect(&caller, &address);
            held.push(caller);
        }
        (address, held)
    }

    /// Rows: DNS-3
    #[test]
    fn the_next_one_follows_a_refusal_or_silence() {
        let (_open, good) = listening(1);
        let outcome = connect(&[refusing(), good], None, socket).unwrap();
        assert_eq!(outcome.unwrap().1, good);
        let (quiet, _held) = silent();
        let outcome = connect(&[quiet, good], Some(60 * SECOND), socket).unwrap();
        assert_eq!(outcome.unwrap().1, good);
    }

    #[test]
    fn nobody_answers() {
        let refusing = refusing();
        let outcome = connect(&[refusing], None, socket).unwrap();
        assert_eq!(outcome.unwrap_err(), (refusing, Errno::CONNREFUSED));
        let (quiet, _held) = silent();
        let outcome = connect(&[refusing, quiet], Some(SECOND / 10), socket).unwrap();
        assert_eq!(outcome.unwrap_err(), (quiet, Errno::TIMEDOUT));
    }
}
