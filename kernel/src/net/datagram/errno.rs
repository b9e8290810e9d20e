//! The stack's errors as errno: the one place where they meet.

use crate::syscall::errno::Errno;
use ::net::NoRoute;
use ::net::anycast::AnycastError;
use ::net::socket::{
    BindError, ConnectError, MembershipError, OptionError, ReceiveError, SendError, ShutdownError,
    SocketError,
};

pub(super) fn socket(error: SocketError) -> Errno {
    match error {
        SocketError::ConnectionRefused => Errno::CONNREFUSED,
        SocketError::Prohibited => Errno::ACCES,
        SocketError::NetworkUnreachable => Errno::NETUNREACH,
        SocketError::HostUnreachable => Errno::HOSTUNREACH,
        SocketError::MessageTooBig => Errno::MSGSIZE,
        SocketError::Protocol => Errno::PROTO,
        SocketError::NetworkDown => Errno::NETDOWN,
        SocketError::Aborted => Errno::CONNABORTED,
    }
}

pub(in crate::net) fn bind(error: BindError) -> Errno {
    match error {
        BindError::Closed => Errno::BADF,
        BindError::AlreadyBound | BindError::ScopeRequired => Errno::INVAL,
        BindError::NoInterface => Errno::NODEV,
        BindError::AddressNotAvailable => Errno::ADDRNOTAVAIL,
        BindError::AddressInUse => Errno::ADDRINUSE,
    }
}

pub(super) fn connect(error: ConnectError) -> Errno {
    match error {
        ConnectError::Closed => Errno::BADF,
        ConnectError::ScopeRequired | ConnectError::Blackhole => Errno::INVAL,
        ConnectError::Mapped | ConnectError::NetworkUnreachable => Errno::NETUNREACH,
        ConnectError::HostUnreachable => Errno::HOSTUNREACH,
        ConnectError::Prohibited => Errno::ACCES,
        ConnectError::NoSourceAddress => Errno::ADDRNOTAVAIL,
        ConnectError::NoPort => Errno::AGAIN,
    }
}

/// The errno of a destination without a way there, as connect(2) gives it.
pub(in crate::net) fn no_route(error: NoRoute) -> Errno {
    match error {
        NoRoute::NoMatch | NoRoute::InterfaceDown => Errno::NETUNREACH,
        NoRoute::Unreachable => Errno::HOSTUNREACH,
        NoRoute::Prohibited => Errno::ACCES,
        NoRoute::Blackhole => Errno::INVAL,
    }
}

pub(super) fn anycast(error: AnycastError) -> Errno {
    match error {
        AnycastError::Closed => Errno::BADF,
        AnycastError::BadAddress => Errno::INVAL,
        AnycastError::NoInterface => Errno::NODEV,
        AnycastError::NotOnLink => Errno::ADDRNOTAVAIL,
        AnycastError::NotMember => Errno::NOENT,
        AnycastError::TableFull => Errno::NOMEM,
    }
}

pub(super) fn send(error: SendError<Errno>) -> Errno {
    match error {
        SendError::Closed => Errno::BADF,
        SendError::Pending(error) => socket(error),
        SendError::ShutDown => Errno::PIPE,
        SendError::DestinationRequired => Errno::DESTADDRREQ,
        SendError::Invalid | SendError::BadSource | SendError::NotEchoRequest => Errno::INVAL,
        SendError::NoInterface => Errno::NODEV,
        SendError::NetworkUnreachable => Errno::NETUNREACH,
        SendError::HostUnreachable => Errno::HOSTUNREACH,
        SendError::Prohibited => Errno::ACCES,
        SendError::InterfaceDown => Errno::NETDOWN,
        SendError::NoSourceAddress => Errno::ADDRNOTAVAIL,
        SendError::TooBig(_) => Errno::MSGSIZE,
        SendError::WouldBlock | SendError::NoPort => Errno::AGAIN,
        SendError::Fill(error) => error,
    }
}

/// `None` for the end that shutdown(2) makes: no error but nothing to read.
pub(super) fn receive(error: ReceiveError) -> Option<Errno> {
    match error {
        ReceiveError::Closed => Some(Errno::BADF),
        ReceiveError::WouldBlock => Some(Errno::AGAIN),
        ReceiveError::Pending(error) => Some(socket(error)),
        ReceiveError::ShutDown => None,
    }
}

pub(in crate::net) fn option(error: OptionError) -> Errno {
    match error {
        OptionError::Closed => Errno::BADF,
        OptionError::Invalid => Errno::INVAL,
        OptionError::NoInterface => Errno::NODEV,
        OptionError::NoUnicastInterface => Errno::ADDRNOTAVAIL,
        OptionError::NotSupported => Errno::NOPROTOOPT,
    }
}

pub(super) fn membership(error: MembershipError) -> Errno {
    match error {
        MembershipError::Closed => Errno::BADF,
        MembershipError::NotMulticast
        | MembershipError::WrongMode
        | MembershipError::SourceSpecific => Errno::INVAL,
        MembershipError::NoInterface => Errno::NODEV,
        MembershipError::AlreadyMember => Errno::ADDRINUSE,
        MembershipError::NotMember | MembershipError::NoSource => Errno::ADDRNOTAVAIL,
        MembershipError::TableFull => Errno::NOBUFS,
    }
}

pub(in crate::net) fn shutdown(error: ShutdownError) -> Errno {
    match error {
        ShutdownError::Closed => Errno::BADF,
        ShutdownError::NotConnected => Errno::NOTCONN,
    }
}
