//! The socket that `ping6` sends and receives on.
//!
//! A ping socket (SOCK_DGRAM, IPPROTO_ICMPV6) first: the kernel gives it an identifier and only its
//! own replies. A raw socket where there is none. Errors come through the error queue
//! (IPV6_RECVERR); a kernel without one gets a raw socket that hears the error messages themselves.

use alloc::format;
use alloc::string::String;
use core::net::{Ipv6Addr, SocketAddrV6};

use linux_raw_sys::net::{
    IPV6_2292HOPLIMIT, IPV6_CHECKSUM, IPV6_HOPLIMIT, IPV6_MTU_DISCOVER, IPV6_MULTICAST_HOPS,
    IPV6_MULTICAST_LOOP, IPV6_RECVERR, IPV6_RECVHOPLIMIT, IPV6_TCLASS, IPV6_UNICAST_HOPS,
    MSG_DONTWAIT, MSG_ERRQUEUE, SO_BINDTODEVICE, SO_RCVBUF, SO_SNDBUF,
};
use rt::strerror;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, bind, connect, getsockname, ipproto, sendto,
    socket_with,
};

use super::echo::{ECHO_REPLY, ECHO_REQUEST, Echo, ErrorReport};
use super::options::Options;
use crate::netlink::field;
use crate::socket::error_queue::QueuedError;
use crate::socket::message::receive;
use crate::socket::option::{ICMPV6, IPV6, RAW, SOCKET, set, set_i32};

/// `ICMP6_FILTER` (RFC 3542 section 3.2): 256 bits, 1 blocks the type.
const ICMP6_FILTER: u32 = 1;

/// How the socket learns of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errors {
    /// By its error queue.
    Queue,
    /// By hearing the messages.
    Messages,
    /// By the result of the next call only.
    Results,
}

/// What arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A reply, of which this many bytes are in the buffer.
    Reply {
        /// Its length, bytes.
        length: usize,
        /// Who sent it.
        from: SocketAddrV6,
        /// Its hop limit.
        hop_limit: Option<i32>,
    },
    /// A report about a request of ours.
    Report {
        /// Who reports.
        from: SocketAddrV6,
        /// The request's sequence number.
        sequence: u16,
        /// ICMPv6 type, code and MTU or pointer.
        error: (u8, u8, u32),
    },
    /// This host could not send a request: error number and MTU.
    Local(Errno, u32),
    /// Something that is not ours.
    Foreign,
}

/// The socket.
#[derive(Debug)]
pub struct Endpoint {
    fd: OwnedFd,
    /// The identifier of our requests, where it is ours to choose.
    identifier: Option<u16>,
    errors: Errors,
    destination: SocketAddrV6,
}

/// A message and the exit status 2.
type Failure = String;

fn failed(what: &str) -> impl Fn(Errno) -> Failure {
    move |errno| format!("{what}: {}", strerror(errno))
}

fn open(kind: SocketType) -> Result<OwnedFd, Errno> {
    socket_with(AddressFamily::INET6, kind, SocketFlags::CLOEXEC, Some(ipproto::ICMPV6))
}

fn bind_to_device(fd: &OwnedFd, name: &str) -> Result<(), Failure> {
    let mut text = alloc::vec::Vec::from(name.as_bytes());
    text.push(0);
    set(fd, SOCKET, SO_BINDTODEVICE, &text).map_err(failed(&format!("SO_BINDTODEVICE {name}")))
}

impl Endpoint {
    /// Opens a socket for requests to `destination`; `device` is the interface they must leave by,
    /// `source` the address they must come from.
    pub fn open(
        options: &Options,
        destination: SocketAddrV6,
        device: Option<&str>,
        source: Option<SocketAddrV6>,
    ) -> Result<Self, Failure> {
        let (fd, raw, errors) = Self::best_socket()?;
        let identifier = raw.then(|| rustix::process::getpid().as_raw_pid() as u16);
        let endpoint = Self { fd, identifier, errors, destination };
        if raw {
            endpoint.set_up_raw()?;
        }
        endpoint.set_options(options)?;
        match device {
            Some(device) => bind_to_device(&endpoint.fd, device)?,
            None if destination.ip().is_unicast_link_local() && destination.scope_id() == 0 => {
                // In iputils' words.
                rt::warn!(
                    "Warning: IPv6 link-local address on ICMP datagram socket may require \
                     ifname or scope-id => use: address%<ifname|scope-id>"
                );
            }
            None => {}
        }
        if let Some(source) = source {
            bind(&endpoint.fd, &source).map_err(failed("bind icmp socket"))?;
        }
        Ok(endpoint)
    }

    /// The best socket there is, whether it is a raw one, and how it learns of errors.
    fn best_socket() -> Result<(OwnedFd, bool, Errors), Failure> {
        let wants_queue = |fd: &OwnedFd| set_i32(fd, IPV6, IPV6_RECVERR, 1).is_ok();
        let datagram = open(SocketType::DGRAM);
        if let Ok(fd) = datagram {
            if wants_queue(&fd) {
                return Ok((fd, false, Errors::Queue));
            }
            return Ok(match open(SocketType::RAW) {
                Ok(raw) => (raw, true, Errors::Messages),
                Err(_) => (fd, false, Errors::Results),
            });
        }
        let fd = open(SocketType::RAW).map_err(|errno| {
            let name = rt::program_name();
            let socket = format!("socktype: SOCK_RAW\n{name}: socket: {}", strerror(errno));
            match errno {
                Errno::PERM | Errno::ACCESS => {
                    format!("{socket}\n{name}: => missing cap_net_raw+p capability or setuid?")
                }
                _ => socket,
            }
        })?;
        let errors = if wants_queue(&fd) { Errors::Queue } else { Errors::Messages };
        Ok((fd, true, errors))
    }

    fn set_up_raw(&self) -> Result<(), Failure> {
        let mut words = [u32::MAX; 8];
        let mut pass = |kind: u8| {
            if let Some(word) = words.get_mut(usize::from(kind / 32)) {
                *word &= !(1 << (kind % 32));
            }
        };
        pass(ECHO_REPLY);
        if self.errors == Errors::Messages {
            (1..=4).for_each(pass);
        }
        let filter: alloc::vec::Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
        set(&self.fd, ICMPV6, ICMP6_FILTER, &filter).map_err(failed("setsockopt(ICMP6_FILTER)"))?;
        // RFC 3542 section 3.1: the kernel does that for ICMPv6 anyway, and some say so by an error.
        let _ = set_i32(&self.fd, RAW, IPV6_CHECKSUM, 2);
        Ok(())
    }

    fn set_options(&self, options: &Options) -> Result<(), Failure> {
        let set = |name, value| set_i32(&self.fd, IPV6, name, value);
        if let Some(mode) = options.path_mtu_discovery {
            set(IPV6_MTU_DISCOVER, mode).map_err(failed("IPV6_MTU_DISCOVER"))?;
        }
        if options.no_loop {
            set(IPV6_MULTICAST_LOOP, 0).map_err(failed("can't disable multicast loopback"))?;
        }
        if let Some(limit) = options.hop_limit {
            set(IPV6_MULTICAST_HOPS, limit.into())
                .map_err(failed("can't set multicast hop limit"))?;
            set(IPV6_UNICAST_HOPS, limit.into()).map_err(failed("can't set unicast hop limit"))?;
        }
        if let Some(class) = options.traffic_class {
            set(IPV6_TCLASS, class.into()).map_err(failed("setsockopt(IPV6_TCLASS)"))?;
        }
        set(IPV6_RECVHOPLIMIT, 1)
            .or_else(|_| set(IPV6_2292HOPLIMIT, 1))
            .map_err(failed("can't receive hop limit"))?;
        // What the kernel needs for a packet is more than its bytes; how much more is a guess that
        // only matters when many are under way. A refusal leaves the default.
        let packet = options.size + 8;
        let memory = packet + packet.div_ceil(512) * 280;
        let send_buffer = options.send_buffer.map_or(memory, |size| size as usize);
        let _ = set_i32(&self.fd, SOCKET, SO_SNDBUF, clamp(send_buffer));
        let receive_buffer = memory.saturating_mul(options.preload as usize).max(65536);
        let _ = set_i32(&self.fd, SOCKET, SO_RCVBUF, clamp(receive_buffer));
        Ok(())
    }

    /// The identifier of the requests, where this program chose it.
    #[must_use]
    pub const fn identifier(&self) -> Option<u16> {
        self.identifier
    }

    /// The socket.
    #[must_use]
    pub const fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Sends a request.
    pub fn send(&self, packet: &[u8]) -> Result<(), Errno> {
        sendto(&self.fd, packet, SendFlags::empty(), &self.destination).map(|_| ())
    }

    /// Whether `identifier` marks a message of ours; a ping socket gets no other.
    fn is_ours(&self, identifier: u16) -> bool {
        self.identifier.is_none_or(|ours| ours == identifier)
    }

    /// Receives one message if one is there.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Arrival, Errno> {
        let received = receive(&self.fd, buffer, MSG_DONTWAIT)?;
        let message = buffer.get(..received.length).unwrap_or_default();
        let from = received.from.unwrap_or(self.destination);
        if let Some(echo) = Echo::parse(message) {
            if echo.kind != ECHO_REPLY || !self.is_ours(echo.identifier) {
                return Ok(Arrival::Foreign);
            }
            let control = received.control();
            let limit = control
                .find(IPV6, IPV6_HOPLIMIT)
                .or_else(|| control.find(IPV6, IPV6_2292HOPLIMIT))
                .and_then(|data| field::u32_at(data, 0));
            let hop_limit = limit.map(|limit| limit as i32);
            return Ok(Arrival::Reply { length: received.length, from, hop_limit });
        }
        match ErrorReport::parse(message) {
            Some(report) if self.asked(report.destination, &report.request) => {
                let error = (report.kind, report.code, report.info);
                Ok(Arrival::Report { from, sequence: report.request.sequence, error })
            }
            _ => Ok(Arrival::Foreign),
        }
    }

    fn asked(&self, destination: [u8; 16], request: &Echo<'_>) -> bool {
        Ipv6Addr::from(destination) == *self.destination.ip() && self.is_ours(request.identifier)
    }

    /// Takes one error from the error queue if one is there.
    pub fn receive_error(&self) -> Result<Arrival, Errno> {
        if self.errors != Errors::Queue {
            return Err(Errno::AGAIN);
        }
        let mut request = [0; 8];
        let received = receive(&self.fd, &mut request, MSG_ERRQUEUE | MSG_DONTWAIT)?;
        let queued = received.control().find(IPV6, IPV6_RECVERR).and_then(QueuedError::parse);
        Ok(match queued {
            Some(QueuedError::Local { errno, info }) => {
                Arrival::Local(Errno::from_raw_os_error(errno as i32), info)
            }
            Some(QueuedError::Icmpv6 { reporter, kind, code, info }) => {
                let echo = request.get(..received.length).and_then(Echo::parse);
                let destination = received.from.map(|address| address.ip().octets());
                match (echo, destination) {
                    (Some(echo), Some(destination))
                        if echo.kind == ECHO_REQUEST && self.asked(destination, &echo) =>
                    {
                        Arrival::Report {
                            from: reporter.unwrap_or(self.destination),
                            sequence: echo.sequence,
                            error: (kind, code, info),
                        }
                    }
                    _ => Arrival::Foreign,
                }
            }
            None => Arrival::Foreign,
        })
    }
}

/// A size as the kernel takes it.
fn clamp(size: usize) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}

/// The address that packets to `destination` are sent from, which also tells that there is a way
/// there. The port is one that nobody listens on; nothing is sent.
pub fn source_for(
    destination: SocketAddrV6,
    device: Option<&str>,
) -> Result<SocketAddrV6, Failure> {
    let probe = socket_with(AddressFamily::INET6, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(failed("socket"))?;
    if let Some(device) = device {
        bind_to_device(&probe, device)?;
    }
    let mut address = destination;
    address.set_port(1025);
    connect(&probe, &address).map_err(failed("connect"))?;
    let local = getsockname(&probe).map_err(failed("getsockname"))?;
    let mut local = SocketAddrV6::try_from(local).map_err(failed("getsockname"))?;
    local.set_port(0);
    Ok(local)
}
