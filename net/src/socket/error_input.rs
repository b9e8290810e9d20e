//! Received ICMPv6 errors find the socket whose packet they quote
//! (RFC 4443, Sections 2.4(d) and 3; the mapping to errors is Linux's).

use super::receive::scoped;
use super::{ErrorMeta, ErrorOrigin, SocketError, SocketId, SocketKind};
use crate::buffer::BufferPool;
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::stack::Stack;
use crate::wire::icmpv6::{DestinationUnreachableCode, Icmpv6Message, Icmpv6Type};
use crate::wire::ipv6::NextHeader;
use crate::wire::udp::UdpHeader;
use core::net::Ipv6Addr;

/// The packet that an error quotes: one that this node sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted<'a> {
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    pub(crate) next_header: NextHeader,
    /// What is there of its transport header and payload.
    pub(crate) segment: &'a [u8],
}

/// What an ICMPv6 error means to a program: the error, whether it ends the conversation (only
/// then it is reported without IPV6_RECVERR), and the number that goes with it.
pub(crate) fn meaning(message: &Icmpv6Message<'_>) -> Option<(SocketError, bool, u32)> {
    Some(match *message {
        Icmpv6Message::DestinationUnreachable { code, .. } => match code {
            DestinationUnreachableCode::NoRoute => (SocketError::NetworkUnreachable, false, 0),
            DestinationUnreachableCode::Prohibited
            | DestinationUnreachableCode::SourceFailedPolicy
            | DestinationUnreachableCode::RejectRoute => (SocketError::Prohibited, true, 0),
            DestinationUnreachableCode::BeyondScope
            | DestinationUnreachableCode::AddressUnreachable => {
                (SocketError::HostUnreachable, false, 0)
            }
            DestinationUnreachableCode::PortUnreachable => {
                (SocketError::ConnectionRefused, true, 0)
            }
            DestinationUnreachableCode::Unknown(_) => (SocketError::Protocol, true, 0),
        },
        Icmpv6Message::PacketTooBig { mtu, .. } => (SocketError::MessageTooBig, true, mtu),
        Icmpv6Message::TimeExceeded { .. } => (SocketError::HostUnreachable, false, 0),
        Icmpv6Message::ParameterProblem { pointer, .. } => (SocketError::Protocol, true, pointer),
        Icmpv6Message::Unknown { .. } => (SocketError::Protocol, false, 0),
        _ => return None,
    })
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// An ICMPv6 error about a packet of a datagram socket. False when no socket sent it.
    pub(crate) fn socket_error_input(
        &mut self,
        received: &Received,
        message: &Icmpv6Message<'_>,
        quoted: &Quoted<'_>,
    ) -> bool {
        let (kind, local_port, remote_port, payload) = match quoted.next_header {
            NextHeader::UDP => {
                let Ok((header, payload)) = UdpHeader::parse_quoted(quoted.segment) else {
                    return false;
                };
                (SocketKind::Udp, header.source_port, header.destination_port, payload)
            }
            NextHeader::ICMPV6 => {
                let &[message_type, _, _, _, high, low, ..] = quoted.segment else { return false };
                if Icmpv6Type(message_type) != Icmpv6Type::ECHO_REQUEST {
                    return false;
                }
                let identifier = u16::from_be_bytes([high, low]);
                (SocketKind::Icmpv6Echo, identifier, 0, quoted.segment)
            }
            _ => return false,
        };
        let Some(id) = self.find_sender(kind, local_port, remote_port, received, quoted) else {
            return false;
        };
        let Some((error, hard, info)) = meaning(message) else { return true };
        let Some(socket) = self.sockets.get(id) else { return true };
        let reported = socket.options.receive_errors || hard && socket.remote.is_some();
        if reported {
            let meta = ErrorMeta {
                error,
                origin: ErrorOrigin::Icmpv6 {
                    message_type: message.kind().0,
                    code: message.code(),
                },
                info,
                offender: scoped(received.source, 0, received.interface),
                destination: scoped(quoted.destination, remote_port, received.interface),
                interface: received.interface,
                hop_limit: received.hop_limit,
            };
            self.deliver_error(id, meta, payload);
        }
        true
    }

    /// The socket that sent a packet with these ports: a connected one before others.
    fn find_sender(
        &self,
        kind: SocketKind,
        local_port: u16,
        remote_port: u16,
        received: &Received,
        quoted: &Quoted<'_>,
    ) -> Option<SocketId> {
        let mut best = None;
        for (id, socket) in self.sockets.at_port(kind, local_port) {
            let local = socket.local.address.is_unspecified()
                || socket.local.address == quoted.source
                || socket.local.address.is_multicast();
            let device = socket.device().is_none_or(|device| device == received.interface);
            let connected = match socket.remote {
                Some(remote) => {
                    remote.address == quoted.destination
                        && (kind != SocketKind::Udp || remote.port == remote_port)
                }
                None => false,
            };
            if connected && local {
                return Some(id);
            }
            if socket.remote.is_none() && local && device && best.is_none() {
                best = Some(id);
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_mean_what_they_mean_on_linux() {
        use DestinationUnreachableCode as Code;
        let unreachable = |code| {
            let message = Icmpv6Message::DestinationUnreachable { code, invoking: &[] };
            meaning(&message).map(|(error, hard, _)| (error, hard))
        };
        for (code, expected) in [
            (Code::NoRoute, (SocketError::NetworkUnreachable, false)),
            (Code::Prohibited, (SocketError::Prohibited, true)),
            (Code::BeyondScope, (SocketError::HostUnreachable, false)),
            (Code::AddressUnreachable, (SocketError::HostUnreachable, false)),
            (Code::PortUnreachable, (SocketError::ConnectionRefused, true)),
            (Code::SourceFailedPolicy, (SocketError::Prohibited, true)),
            (Code::RejectRoute, (SocketError::Prohibited, true)),
            (Code::Unknown(99), (SocketError::Protocol, true)),
        ] {
            assert_eq!(unreachable(code), Some(expected), "{code:?}");
        }
        let too_big = Icmpv6Message::PacketTooBig { mtu: 1300, invoking: &[] };
        assert_eq!(meaning(&too_big), Some((SocketError::MessageTooBig, true, 1300)));
    }
}
