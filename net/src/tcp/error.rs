//! Errors of the calls for stream sockets. The errno each one becomes is in its documentation.

use core::fmt;

/// Why a connection failed, or what the network said about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TcpError {
    /// Nobody listens there: ECONNREFUSED.
    ConnectionRefused,
    /// The other side reset the connection: ECONNRESET.
    ConnectionReset,
    /// The other side reset the connection after it had sent all that it had: EPIPE.
    BrokenPipe,
    /// The other side does not answer: ETIMEDOUT.
    TimedOut,
    /// Forbidden by a filter or policy on the way: EACCES.
    Prohibited,
    /// No route on the way: ENETUNREACH.
    NetworkUnreachable,
    /// The host does not answer, or the hop limit ran out: EHOSTUNREACH.
    HostUnreachable,
    /// The other side did not understand a header: EPROTO.
    Protocol,
    /// Ended from outside, see [`crate::stack::Stack::tcp_destroy`]: ECONNABORTED.
    Aborted,
}

/// A stream socket cannot be made: ENFILE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpOpenError;

/// Why listen failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpListenError {
    /// No such socket: EBADF.
    Closed,
    /// It is connected: EINVAL.
    Connected,
    /// Another socket listens there, or all ports are taken: EADDRINUSE.
    AddressInUse,
}

/// Why connect failed at once. What comes later is told by [`super::TcpError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpConnectError {
    /// No such socket: EBADF.
    Closed,
    /// It is connecting: EALREADY.
    InProgress,
    /// It is connected: EISCONN.
    Connected,
    /// It listens: EISCONN.
    Listening,
    /// A link-local address without a zone, or with a contradicting one: EINVAL.
    ScopeRequired,
    /// A multicast address (RFC 9293, Section 3.9.1.1), or IPv4-mapped: ENETUNREACH.
    NotUnicast,
    /// No route: ENETUNREACH.
    NetworkUnreachable,
    /// A route that says so: EHOSTUNREACH.
    HostUnreachable,
    /// A route that forbids it: EACCES.
    Prohibited,
    /// A route that swallows it: EINVAL.
    Blackhole,
    /// No source address for that destination: EADDRNOTAVAIL.
    NoSourceAddress,
    /// No free local port, or the connection exists: EADDRNOTAVAIL.
    NoPort,
    /// No memory for the SYN: ENOBUFS.
    NoMemory,
}

/// Why there is no connection to accept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpAcceptError {
    /// No such socket: EBADF.
    Closed,
    /// It does not listen: EINVAL.
    NotListening,
    /// None there: EAGAIN, or wait until [`super::TcpReadiness::readable`].
    WouldBlock,
}

/// Why nothing was sent. `E` is the error of the closure that writes the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpSendError<E = core::convert::Infallible> {
    /// No such socket: EBADF.
    Closed,
    /// Never connected: EPIPE, as on Linux.
    NotConnected,
    /// The connection failed, now reported: its own errno.
    Pending(TcpError),
    /// Sending was shut down, or the connection has ended: EPIPE and SIGPIPE.
    ShutDown,
    /// No room for now: EAGAIN, or wait until [`super::TcpReadiness::writable`].
    WouldBlock,
    /// The data could not be written.
    Fill(E),
}

/// Why nothing was received. `E` is the error of the closure that reads the data. The end of the
/// stream is no error but 0 octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpReceiveError<E = core::convert::Infallible> {
    /// No such socket: EBADF.
    Closed,
    /// Never connected: ENOTCONN.
    NotConnected,
    /// The connection failed, now reported: its own errno.
    Pending(TcpError),
    /// Nothing there: EAGAIN, or wait until [`super::TcpReadiness::readable`].
    WouldBlock,
    /// The data could not be read.
    Read(E),
}

macro_rules! error_text {
    ($($type:ty { $($pattern:pat => $text:literal,)* })*) => {
        $(
            impl fmt::Display for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(match self { $($pattern => $text,)* })
                }
            }

            impl core::error::Error for $type {}
        )*
    };
}

error_text! {
    TcpError {
        Self::ConnectionRefused => "connection refused",
        Self::ConnectionReset => "connection reset by peer",
        Self::BrokenPipe => "broken pipe",
        Self::TimedOut => "connection timed out",
        Self::Prohibited => "communication prohibited",
        Self::NetworkUnreachable => "network unreachable",
        Self::HostUnreachable => "host unreachable",
        Self::Protocol => "protocol error",
        Self::Aborted => "connection aborted",
    }
    TcpOpenError {
        _ => "too many sockets",
    }
    TcpListenError {
        Self::Closed => "socket is closed",
        Self::Connected => "socket is connected",
        Self::AddressInUse => "address is in use",
    }
    TcpConnectError {
        Self::Closed => "socket is closed",
        Self::InProgress => "connection in progress",
        Self::Connected => "socket is connected",
        Self::Listening => "socket listens",
        Self::ScopeRequired => "address needs a scope",
        Self::NotUnicast => "not a unicast IPv6 address",
        Self::NetworkUnreachable => "network unreachable",
        Self::HostUnreachable => "host unreachable",
        Self::Prohibited => "prohibited by a route",
        Self::Blackhole => "swallowed by a route",
        Self::NoSourceAddress => "no source address",
        Self::NoPort => "no free port",
        Self::NoMemory => "no memory",
    }
    TcpAcceptError {
        Self::Closed => "socket is closed",
        Self::NotListening => "socket does not listen",
        Self::WouldBlock => "no connection waits",
    }
    TcpSendError {
        Self::Closed => "socket is closed",
        Self::NotConnected => "not connected",
        Self::Pending(_) => "the connection failed",
        Self::ShutDown => "sending was shut down",
        Self::WouldBlock => "no room for now",
        Self::Fill(_) => "data could not be written",
    }
    TcpReceiveError {
        Self::Closed => "socket is closed",
        Self::NotConnected => "not connected",
        Self::Pending(_) => "the connection failed",
        Self::WouldBlock => "nothing received",
        Self::Read(_) => "data could not be read",
    }
}
