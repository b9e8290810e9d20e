//! What can go wrong with a socket call. The kernel maps these to errno in one place; the errno
//! that Linux gives is said at each.

use core::fmt;

/// An error that the network reported (API-20 of the requirements; the mapping is Linux's).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SocketError {
    /// Nobody listens at the port: ECONNREFUSED.
    ConnectionRefused,
    /// Forbidden by a filter or policy on the way: EACCES.
    Prohibited,
    /// No route on the way: ENETUNREACH.
    NetworkUnreachable,
    /// The host does not answer, or the hop limit ran out: EHOSTUNREACH.
    HostUnreachable,
    /// Too big for the path: EMSGSIZE.
    MessageTooBig,
    /// The other side did not understand a header: EPROTO.
    Protocol,
    /// The socket's local address is no longer valid here, or the interface it was bound to is
    /// gone: ENETDOWN.
    NetworkDown,
    /// Ended from outside, see [`crate::stack::Stack::destroy_socket`]: ECONNABORTED.
    Aborted,
}

/// A socket cannot be made: ENFILE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenError;

/// Why bind failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BindError {
    /// No such socket: EBADF.
    Closed,
    /// Bound already: EINVAL.
    AlreadyBound,
    /// A link-local address without a zone, or with one that contradicts the device the socket is
    /// bound to: EINVAL.
    ScopeRequired,
    /// No such interface: ENODEV.
    NoInterface,
    /// Not an address of ours, or not usable (tentative, duplicate): EADDRNOTAVAIL.
    AddressNotAvailable,
    /// Another socket has the port, or all ports are taken: EADDRINUSE.
    AddressInUse,
}

/// Why connect failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectError {
    /// No such socket: EBADF.
    Closed,
    /// A link-local address without a zone, or with a contradicting one: EINVAL.
    ScopeRequired,
    /// An IPv4-mapped address: ENETUNREACH.
    Mapped,
    /// No route: ENETUNREACH.
    NetworkUnreachable,
    /// A route that says "unreachable": EHOSTUNREACH.
    HostUnreachable,
    /// A route that forbids it: EACCES.
    Prohibited,
    /// A route that swallows it: EINVAL.
    Blackhole,
    /// No source address for that destination: EADDRNOTAVAIL.
    NoSourceAddress,
    /// No free local port: EAGAIN.
    NoPort,
}

/// Why a datagram was not sent. `E` is the error of the closure that writes the payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendError<E = core::convert::Infallible> {
    /// No such socket: EBADF.
    Closed,
    /// An error that arrived earlier, now reported: its own errno.
    Pending(SocketError),
    /// Sending was shut down: EPIPE.
    ShutDown,
    /// No destination given, and not connected: EDESTADDRREQ.
    DestinationRequired,
    /// A destination that cannot be one (port 0, link-local without a zone), or
    /// options that contradict each other or the socket: EINVAL.
    Invalid,
    /// The source address asked for is not ours: EINVAL (as Linux for IPV6_PKTINFO).
    BadSource,
    /// The interface asked for does not exist: ENODEV.
    NoInterface,
    /// No route, or an IPv4-mapped destination: ENETUNREACH.
    NetworkUnreachable,
    /// A route that says "unreachable": EHOSTUNREACH.
    HostUnreachable,
    /// A route that forbids it: EACCES.
    Prohibited,
    /// The interface is down: ENETDOWN.
    InterfaceDown,
    /// No source address for that destination: EADDRNOTAVAIL.
    NoSourceAddress,
    /// Longer than the path allows; the number is the longest payload possible: EMSGSIZE.
    TooBig(usize),
    /// What an echo socket may not send: anything but an echo request: EINVAL.
    NotEchoRequest,
    /// No room for now: EAGAIN, or wait until [`super::Readiness::writable`].
    WouldBlock,
    /// No free port to send from: EAGAIN.
    NoPort,
    /// The payload could not be written.
    Fill(E),
}

/// Why nothing was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReceiveError {
    /// No such socket: EBADF.
    Closed,
    /// Nothing there: EAGAIN, or wait until [`super::Readiness::readable`].
    WouldBlock,
    /// An error that arrived earlier, now reported: its own errno.
    Pending(SocketError),
    /// Receiving was shut down: 0 octets.
    ShutDown,
}

/// Why an option was not set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OptionError {
    /// No such socket: EBADF.
    Closed,
    /// Not while the socket is bound or connected, or not this value: EINVAL.
    Invalid,
    /// No such interface: ENODEV.
    NoInterface,
    /// No such interface for unicast (IPV6_UNICAST_IF): EADDRNOTAVAIL, as on Linux.
    NoUnicastInterface,
    /// Not an option of this kind of socket: ENOPROTOOPT.
    NotSupported,
}

/// Why a group was not joined or left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MembershipError {
    /// No such socket: EBADF.
    Closed,
    /// Not a multicast address: EINVAL.
    NotMulticast,
    /// No such interface, or none that can multicast: ENODEV.
    NoInterface,
    /// Joined already: EADDRINUSE.
    AlreadyMember,
    /// Not joined: EADDRNOTAVAIL.
    NotMember,
    /// A source that is in the filter already, or is not, or is none: EADDRNOTAVAIL.
    NoSource,
    /// The change is for memberships of the other mode: EINVAL.
    WrongMode,
    /// The group can be joined source by source only (RFC 4604, Section 2.1): EINVAL.
    SourceSpecific,
    /// Too many groups or sources: ENOBUFS.
    TableFull,
}

/// Why shutdown failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShutdownError {
    /// No such socket: EBADF.
    Closed,
    /// Not connected: ENOTCONN.
    NotConnected,
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
    SocketError {
        Self::ConnectionRefused => "connection refused",
        Self::Prohibited => "communication prohibited",
        Self::NetworkUnreachable => "network unreachable",
        Self::HostUnreachable => "host unreachable",
        Self::MessageTooBig => "message too big",
        Self::Protocol => "protocol error",
        Self::NetworkDown => "network down",
        Self::Aborted => "connection aborted",
    }
    OpenError {
        _ => "too many sockets",
    }
    BindError {
        Self::Closed => "socket is closed",
        Self::AlreadyBound => "socket is bound already",
        Self::ScopeRequired => "address needs a scope",
        Self::NoInterface => "no such interface",
        Self::AddressNotAvailable => "address is not available",
        Self::AddressInUse => "address is in use",
    }
    ConnectError {
        Self::Closed => "socket is closed",
        Self::ScopeRequired => "address needs a scope",
        Self::Mapped => "IPv4 is not supported",
        Self::NetworkUnreachable => "network unreachable",
        Self::HostUnreachable => "unreachable by a route",
        Self::Prohibited => "prohibited by a route",
        Self::Blackhole => "swallowed by a route",
        Self::NoSourceAddress => "no source address",
        Self::NoPort => "no free port",
    }
    SendError {
        Self::Closed => "socket is closed",
        Self::Pending(_) => "an earlier error is pending",
        Self::ShutDown => "sending was shut down",
        Self::DestinationRequired => "destination required",
        Self::Invalid => "invalid destination or options",
        Self::BadSource => "source is not an address of ours",
        Self::NoInterface => "no such interface",
        Self::NetworkUnreachable => "network unreachable",
        Self::HostUnreachable => "unreachable by a route",
        Self::Prohibited => "prohibited by a route",
        Self::InterfaceDown => "interface is down",
        Self::NoSourceAddress => "no source address",
        Self::TooBig(_) => "too big for the path",
        Self::NotEchoRequest => "not an echo request",
        Self::WouldBlock => "no room for now",
        Self::NoPort => "no free port",
        Self::Fill(_) => "payload could not be written",
    }
    ReceiveError {
        Self::Closed => "socket is closed",
        Self::WouldBlock => "nothing received",
        Self::Pending(_) => "an earlier error is pending",
        Self::ShutDown => "receiving was shut down",
    }
    OptionError {
        Self::Closed => "socket is closed",
        Self::Invalid => "invalid value",
        Self::NoInterface => "no such interface",
        Self::NoUnicastInterface => "no such interface for unicast",
        Self::NotSupported => "no such option",
    }
    MembershipError {
        Self::Closed => "socket is closed",
        Self::NotMulticast => "not a multicast address",
        Self::NoInterface => "no such interface",
        Self::AlreadyMember => "already a member",
        Self::NotMember => "not a member",
        Self::NoSource => "no such source",
        Self::WrongMode => "the membership has the other mode",
        Self::SourceSpecific => "a source-specific group needs sources",
        Self::TableFull => "too many groups or sources",
    }
    ShutdownError {
        Self::Closed => "socket is closed",
        Self::NotConnected => "not connected",
    }
}
