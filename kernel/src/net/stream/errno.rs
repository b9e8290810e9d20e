//! The errors of stream sockets as errno.

use crate::syscall::errno::Errno;
use ::net::tcp::{
    TcpAcceptError, TcpConnectError, TcpError, TcpListenError, TcpReceiveError, TcpSendError,
};

pub(super) fn connection(error: TcpError) -> Errno {
    match error {
        TcpError::ConnectionRefused => Errno::CONNREFUSED,
        TcpError::ConnectionReset => Errno::CONNRESET,
        TcpError::BrokenPipe => Errno::PIPE,
        TcpError::TimedOut => Errno::TIMEDOUT,
        TcpError::Prohibited => Errno::ACCES,
        TcpError::NetworkUnreachable => Errno::NETUNREACH,
        TcpError::HostUnreachable => Errno::HOSTUNREACH,
        TcpError::Protocol => Errno::PROTO,
        TcpError::Aborted => Errno::CONNABORTED,
    }
}

pub(super) fn listen(error: TcpListenError) -> Errno {
    match error {
        TcpListenError::Closed => Errno::BADF,
        TcpListenError::Connected => Errno::INVAL,
        TcpListenError::AddressInUse => Errno::ADDRINUSE,
    }
}

pub(super) fn accept(error: TcpAcceptError) -> Errno {
    match error {
        TcpAcceptError::Closed => Errno::BADF,
        TcpAcceptError::NotListening => Errno::INVAL,
        TcpAcceptError::WouldBlock => Errno::AGAIN,
    }
}

pub(super) fn connect(error: TcpConnectError) -> Errno {
    match error {
        TcpConnectError::Closed => Errno::BADF,
        TcpConnectError::InProgress => Errno::ALREADY,
        TcpConnectError::Connected | TcpConnectError::Listening => Errno::ISCONN,
        TcpConnectError::ScopeRequired | TcpConnectError::Blackhole => Errno::INVAL,
        TcpConnectError::NotUnicast | TcpConnectError::NetworkUnreachable => Errno::NETUNREACH,
        TcpConnectError::HostUnreachable => Errno::HOSTUNREACH,
        TcpConnectError::Prohibited => Errno::ACCES,
        TcpConnectError::NoSourceAddress | TcpConnectError::NoPort => Errno::ADDRNOTAVAIL,
        TcpConnectError::NoMemory => Errno::NOBUFS,
    }
}

pub(super) fn send(error: TcpSendError<Errno>) -> Errno {
    match error {
        TcpSendError::Closed => Errno::BADF,
        TcpSendError::NotConnected | TcpSendError::ShutDown => Errno::PIPE,
        TcpSendError::Pending(error) => connection(error),
        TcpSendError::WouldBlock => Errno::AGAIN,
        TcpSendError::Fill(error) => error,
    }
}

pub(super) fn receive(error: TcpReceiveError<Errno>) -> Errno {
    match error {
        TcpReceiveError::Closed => Errno::BADF,
        TcpReceiveError::NotConnected => Errno::NOTCONN,
        TcpReceiveError::Pending(error) => connection(error),
        TcpReceiveError::WouldBlock => Errno::AGAIN,
        TcpReceiveError::Read(error) => error,
    }
}
