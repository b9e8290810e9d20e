//! ICMPv6 errors about segments (RFC 9293, Section 3.9.2.2; RFC 5461; RFC 5927).
//!
//! An error counts only if it quotes a number that is in flight. A connection that is open
//! remembers it for the case that it fails; one that is being opened fails at once, as on Linux.

use super::TcpError;
use super::connection::Context;
use super::isn::FourTuple;
use super::state::TcpState;
use super::table::Found;
use crate::buffer::BufferPool;
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::socket::{ErrorMeta, ErrorOrigin, QueuedError, Quoted, SocketError, scoped};
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::icmpv6::Icmpv6Message;
use crate::wire::tcp::TcpHeader;

/// What an error is called on a stream socket.
const fn named(error: SocketError) -> Option<TcpError> {
    Some(match error {
        SocketError::ConnectionRefused => TcpError::ConnectionRefused,
        SocketError::Prohibited => TcpError::Prohibited,
        SocketError::NetworkUnreachable => TcpError::NetworkUnreachable,
        SocketError::HostUnreachable => TcpError::HostUnreachable,
        SocketError::Protocol => TcpError::Protocol,
        SocketError::MessageTooBig | SocketError::NetworkDown | SocketError::Aborted => {
            return None;
        }
    })
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// An ICMPv6 error about a segment. False when no connection has that segment in flight.
    pub(crate) fn tcp_error_input(
        &mut self,
        received: &Received,
        message: &Icmpv6Message<'_>,
        quoted: &Quoted<'_>,
        now: Instant,
    ) -> bool {
        let Ok((local_port, remote_port, sequence)) = TcpHeader::parse_quoted(quoted.segment)
        else {
            return false;
        };
        let tuple = FourTuple {
            local: (quoted.source, local_port),
            remote: (quoted.destination, remote_port),
        };
        let slot = match self.tcp.find(&tuple, received.interface) {
            Some(Found::Connection(slot)) => slot,
            Some(Found::HalfOpen(slot)) => {
                // A SYN-ACK is sent again until its time is over, whatever is said about it.
                return self.tcp.half_open.get(slot).is_some_and(|entry| entry.iss == sequence);
            }
            Some(Found::TimeWait(_)) | None => return false,
        };
        let Self { tcp, pool, counters, .. } = self;
        let Some((connection, store, models)) = tcp.connection_and_memory(slot) else {
            return false;
        };
        let in_flight =
            sequence.is_at_or_after(connection.send.una) && sequence.is_before(connection.send.nxt);
        if !in_flight {
            return false;
        }
        if let Icmpv6Message::PacketTooBig { mtu, .. } = *message {
            let mut context = Context { pool, store, models, counters: &mut counters.tcp, now };
            connection.on_packet_too_big(&mut context, mtu);
            return true;
        }
        let Some((meaning, _, info)) = crate::socket::error_meaning(message) else { return true };
        let Some(error) = named(meaning) else { return true };
        let wanted = connection.options.receive_errors();
        if matches!(connection.state, TcpState::SynSent | TcpState::SynReceived) {
            connection.fail(store, error);
            self.counters.tcp.attempt_fails += 1;
            self.tcp.retire(slot);
            if wanted {
                let kind = message.kind().0;
                let origin = ErrorOrigin::Icmpv6 { message_type: kind, code: message.code() };
                let meta = ErrorMeta {
                    error: meaning,
                    origin,
                    info,
                    offender: scoped(received.source, 0, received.interface),
                    destination: scoped(quoted.destination, remote_port, received.interface),
                    interface: received.interface,
                    hop_limit: received.hop_limit,
                };
                let packet = self.copy_of(quoted.segment);
                self.tcp.queue_error(slot, QueuedError { meta, packet });
            }
            self.tcp_notify(slot);
        } else if wanted {
            // The connection goes on; the next call tells.
            connection.error = Some(error);
            self.tcp_notify(slot);
        } else {
            connection.soft_error = Some(error);
        }
        true
    }

    /// The MTU of a path is known by now: what was too big goes out again.
    pub(crate) fn tcp_path_mtu_changed(
        &mut self,
        received: &Received,
        quoted: &Quoted<'_>,
        now: Instant,
    ) {
        let Ok((local_port, remote_port, _)) = TcpHeader::parse_quoted(quoted.segment) else {
            return;
        };
        let tuple = FourTuple {
            local: (quoted.source, local_port),
            remote: (quoted.destination, remote_port),
        };
        if let Some(slot) = self.tcp.find_connection(&tuple, received.interface) {
            self.tcp_flush(slot, now);
        }
    }
}

impl super::connection::Connection {
    /// What is in flight and does not fit through the path is lost, but not by congestion
    /// (RFC 8201, Section 5.4).
    fn on_packet_too_big<P: BufferPool>(&mut self, context: &mut Context<'_, P>, mtu: u32) {
        let Ok(mtu) = u16::try_from(mtu) else { return };
        if mtu < crate::interface::MINIMUM_MTU || mtu >= self.path_mtu {
            return;
        }
        self.set_path_mtu(mtu);
        let most = self.segment_limit();
        let mut at = self.send.front();
        while let Some(place) = at.filter(|&at| Some(at) != self.send.unsent()) {
            at = context.store.next(place);
            if context.store.get(place).is_some_and(|piece| piece.data_len() > most) {
                let _not_by_congestion = self.send.mark_lost(context.store, place);
            }
        }
    }
}
