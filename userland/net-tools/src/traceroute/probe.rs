//! Probes and what comes back of them.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::net::{
    IPV6_MULTICAST_HOPS, IPV6_RECVERR, IPV6_TCLASS, IPV6_UNICAST_HOPS, MSG_DONTWAIT, MSG_ERRQUEUE,
    SO_BINDTODEVICE,
};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, bind, getsockname, sendto, socket_with,
};

use super::options::{HEADERS, Method, Options};
use super::session::Failure;
use super::text::Verdict;
use crate::clock::now;
use crate::ping::echo::{Echo, Probe};
use crate::ping::endpoint::{Arrival, Endpoint};
use crate::ping::options::Options as PingOptions;
use crate::socket::error_queue::QueuedError;
use crate::socket::message::receive;
use crate::socket::option::{IPV6, SOCKET, set, set_i32};

/// How often a probe is tried when an earlier one's error comes back instead.
const TRIES: u32 = 4;

/// What came back: the number of the probe, who sent it, what it says.
pub type Reply = (u16, Ipv6Addr, Verdict);

/// A socket for probes.
#[derive(Debug)]
pub enum Prober {
    /// UDP datagrams: the destination's port is the first one plus the probe's number.
    Udp {
        /// The socket.
        socket: OwnedFd,
        /// Where the probe with number 0 goes.
        destination: SocketAddrV6,
        /// What a probe carries.
        payload: Vec<u8>,
    },
    /// Echo requests: the sequence number is the probe's number.
    Echo {
        /// The socket.
        endpoint: Endpoint,
        /// The request.
        request: Probe,
        /// Where replies are received.
        buffer: Vec<u8>,
    },
}

impl Prober {
    /// Opens the socket for probes to `destination` from `source`.
    pub fn open(
        options: &Options,
        destination: SocketAddrV6,
        source: SocketAddrV6,
    ) -> Result<Self, Failure> {
        let data = options.length.saturating_sub(HEADERS);
        let device = options.interface.as_deref();
        let prober = match options.method {
            Method::Udp(port) => {
                let flags = SocketFlags::CLOEXEC;
                let socket = socket_with(AddressFamily::INET6, SocketType::DGRAM, flags, None)
                    .map_err(Failure::of("socket"))?;
                set_i32(&socket, IPV6, IPV6_RECVERR, 1).map_err(Failure::of("IPV6_RECVERR"))?;
                if let Some(device) = device {
                    let mut name = Vec::from(device.as_bytes());
                    name.push(0);
                    set(&socket, SOCKET, SO_BINDTODEVICE, &name).map_err(Failure::of(device))?;
                }
                bind(&socket, &source).map_err(Failure::of("bind"))?;
                let mut destination = destination;
                destination.set_port(port);
                Self::Udp { socket, destination, payload: vec![0; data] }
            }
            Method::Echo => {
                let ping = PingOptions { size: data, ..PingOptions::default() };
                let endpoint =
                    Endpoint::open(&ping, destination, device, Some(source)).map_err(Failure)?;
                let request = Probe::new(data, endpoint.identifier().unwrap_or(0), None);
                Self::Echo { endpoint, request, buffer: vec![0; 65536] }
            }
        };
        if let Some(class) = options.traffic_class {
            prober.set_option(IPV6_TCLASS, class.into()).map_err(Failure::of("IPV6_TCLASS"))?;
        }
        Ok(prober)
    }

    /// The socket.
    #[must_use]
    pub const fn fd(&self) -> &OwnedFd {
        match self {
            Self::Udp { socket, .. } => socket,
            Self::Echo { endpoint, .. } => endpoint.fd(),
        }
    }

    /// The port that datagrams come from.
    #[must_use]
    pub fn source_port(&self) -> Option<u16> {
        let Self::Udp { socket, .. } = self else { return None };
        SocketAddrV6::try_from(getsockname(socket).ok()?).ok().map(|address| address.port())
    }

    fn set_option(&self, name: u32, value: i32) -> Result<(), Errno> {
        set_i32(self.fd().as_fd(), IPV6, name, value)
    }

    /// From now on probes end after so many hops.
    pub fn set_hop_limit(&self, limit: u8) -> Result<(), Errno> {
        self.set_option(IPV6_UNICAST_HOPS, limit.into())?;
        self.set_option(IPV6_MULTICAST_HOPS, limit.into())
    }

    /// Sends a probe. What comes back of earlier ones meanwhile goes to `early`.
    pub fn send(&mut self, number: u16, early: &mut Vec<Reply>) -> Result<(), Errno> {
        let mut result = Ok(());
        for _ in 0..TRIES {
            result = match self {
                Self::Udp { socket, destination, payload } => {
                    let mut to = *destination;
                    to.set_port(destination.port().wrapping_add(number));
                    sendto(socket, payload, SendFlags::empty(), &to).map(|_| ())
                }
                Self::Echo { endpoint, request, .. } => {
                    endpoint.send(request.stamped(number, now()))
                }
            };
            if result.is_ok() {
                return Ok(());
            }
            // The error may be that of an earlier probe; the queue knows.
            let before = early.len();
            self.take(early);
            if early.len() == before {
                break;
            }
        }
        result
    }

    /// Takes all that is there.
    pub fn take(&mut self, replies: &mut Vec<Reply>) {
        match self {
            Self::Udp { socket, destination, .. } => {
                while let Ok(reply) = take_error(socket, destination) {
                    replies.extend(reply);
                }
                // Somebody may listen at a port and answer.
                let mut buffer = [0; 16];
                while let Ok(received) = receive(&*socket, &mut buffer, MSG_DONTWAIT) {
                    let Some(from) = received.from.filter(|from| from.ip() == destination.ip())
                    else {
                        continue;
                    };
                    let number = from.port().wrapping_sub(destination.port());
                    replies.push((number, *from.ip(), Verdict::Arrived));
                }
            }
            Self::Echo { endpoint, buffer, .. } => {
                while let Ok(arrival) = endpoint.receive_error() {
                    replies.extend(report(&arrival));
                }
                while let Ok(arrival) = endpoint.receive(buffer) {
                    replies.extend(match arrival {
                        Arrival::Reply { length, from, .. } => buffer
                            .get(..length)
                            .and_then(Echo::parse)
                            .map(|echo| (echo.sequence, *from.ip(), Verdict::Arrived)),
                        other => report(&other),
                    });
                }
            }
        }
    }
}

fn report(arrival: &Arrival) -> Option<Reply> {
    match arrival {
        Arrival::Report { from, sequence, error: (kind, code, info) } => {
            Some((*sequence, *from.ip(), Verdict::of(*kind, *code, *info)))
        }
        _ => None,
    }
}

/// Takes an error of a datagram: the address it was sent to comes with it. `None` is an error of
/// this host, which the system call told already.
fn take_error(socket: &OwnedFd, first: &SocketAddrV6) -> Result<Option<Reply>, Errno> {
    let received = receive(socket, &mut [0; 8], MSG_ERRQUEUE | MSG_DONTWAIT)?;
    let error = received.control().find(IPV6, IPV6_RECVERR).and_then(QueuedError::parse);
    let (Some(QueuedError::Icmpv6 { reporter, kind, code, info }), Some(to)) =
        (error, received.from)
    else {
        return Ok(None);
    };
    let reporter = reporter.map_or(*first.ip(), |reporter| *reporter.ip());
    let number = to.port().wrapping_sub(first.port());
    Ok(Some((number, reporter, Verdict::of(kind, code, info))))
}

/// Where packets to `destination` are sent from.
pub fn source(destination: SocketAddrV6, device: Option<&str>) -> Result<SocketAddrV6, String> {
    crate::ping::endpoint::source_for(destination, device)
}
