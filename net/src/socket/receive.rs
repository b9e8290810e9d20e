//! Receive queues: from the network into a socket's buffer, from there to the user.

use super::extension::{HeaderKind, headers_of};
use super::{Readiness, ReceiveError, ShutdownError, Socket, SocketError, SocketId};
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::DropReason;
use crate::fragment_input::total_len;
use crate::interface::InterfaceIndex;
use crate::ipv6_output::Path;
use crate::limits;
use crate::list::{Arena, List};
use crate::random::Random;
use crate::reassembly::Tail;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::ipv6::{FlowLabel, HopLimit, TrafficClass};
use core::net::{Ipv6Addr, SocketAddrV6};

/// What is charged for a datagram besides its octets: the block it lies in is mostly overhead for
/// small ones. Linux charges about as much.
const DATAGRAM_OVERHEAD: usize = 768;

/// What is known of a received datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReceiveMeta {
    /// Who sent it; with a scope id if the address needs one, the port 0 for ICMPv6.
    pub source: SocketAddrV6,
    /// The address it was sent to.
    pub destination: Ipv6Addr,
    /// The interface it came in by.
    pub interface: InterfaceIndex,
    /// The hop limit it arrived with.
    pub hop_limit: HopLimit,
    /// Its traffic class.
    pub traffic_class: TrafficClass,
    /// Its flow label.
    pub flow_label: FlowLabel,
    /// When it arrived.
    pub arrived: Instant,
    /// It had no checksum; only sockets that take such datagrams get it (RFC 6936).
    pub unchecked: bool,
}

/// A datagram in a socket's buffer: the windows are what the user gets.
#[derive(Debug)]
pub(crate) struct Received<B> {
    pub(crate) meta: ReceiveMeta,
    pub(crate) packet: B,
    /// Its IPv6 and extension headers, if its socket wants to see them.
    pub(crate) headers: Option<B>,
    /// What came of it in further fragments, in [`super::table::Memory::tails`].
    pub(crate) tail: List,
    /// Octets of all together.
    pub(crate) len: usize,
}

/// The payload of a received datagram, where it lies: in one piece, or in as many as it had
/// fragments.
pub struct Payload<'a, B> {
    first: &'a [u8],
    headers: &'a [u8],
    tail: &'a List,
    tails: &'a Arena<B, { limits::RECEIVE_TAILS }>,
    len: usize,
}

impl<'a, B: PacketBuffer> Payload<'a, B> {
    /// Octets of all pieces.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no octet.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The extension headers that came with it, each from its next header field to its end; none
    /// unless the socket was to keep them ([`super::SetOption::ReceiveHeaders`]).
    pub fn headers(&self) -> impl Iterator<Item = (HeaderKind, &'a [u8])> + use<'a, B> {
        headers_of(self.headers)
    }

    /// The pieces, from the beginning to the end.
    pub fn slices(&self) -> impl Iterator<Item = &'a [u8]> + use<'a, B> {
        core::iter::once(self.first).chain(self.tails.iter(self.tail).map(PacketBuffer::data))
    }
}

/// Who reported an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorOrigin {
    /// An ICMPv6 message.
    Icmpv6 {
        /// Its type.
        message_type: u8,
        /// Its code.
        code: u8,
    },
    /// This node, without a message.
    Local,
}

/// What is known of an error in a socket's error queue (IPV6_RECVERR).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErrorMeta {
    /// Which error.
    pub error: SocketError,
    /// Who reported it.
    pub origin: ErrorOrigin,
    /// The MTU for Packet Too Big, the pointer for Parameter Problem, else 0.
    pub info: u32,
    /// The node that reported it.
    pub offender: SocketAddrV6,
    /// Where the datagram in question was sent.
    pub destination: SocketAddrV6,
    /// The interface the report came in by.
    pub interface: InterfaceIndex,
    /// The hop limit of the report.
    pub hop_limit: HopLimit,
}

/// An error in a socket's error queue; the window is what is left of the datagram's payload.
#[derive(Debug)]
pub(crate) struct QueuedError<B> {
    pub(crate) meta: ErrorMeta,
    pub(crate) packet: Option<B>,
}

/// An address with the scope id that it needs.
#[inline]
pub(crate) fn scoped(address: Ipv6Addr, port: u16, interface: InterfaceIndex) -> SocketAddrV6 {
    use crate::address::AddressExt;
    let scope_id = if address.needs_zone() { interface.get() } else { 0 };
    SocketAddrV6::new(address, port, 0, scope_id)
}

/// Octets charged to a socket for a datagram of `len` octets.
const fn charge(len: usize) -> usize {
    len + DATAGRAM_OVERHEAD
}

impl Socket {
    pub(super) const fn take_pending_error(&mut self) -> Option<SocketError> {
        self.pending_error.take()
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Gives the oldest received datagram to `read` and, unless `peek`, removes it. A pending
    /// error comes first.
    pub fn receive<T>(
        &mut self,
        id: SocketId,
        peek: bool,
        read: impl FnOnce(&ReceiveMeta, &Payload<'_, P::Buffer>) -> T,
    ) -> Result<T, ReceiveError> {
        let (socket, memory) = self.sockets.with_memory(id).ok_or(ReceiveError::Closed)?;
        if let Some(error) = socket.take_pending_error() {
            return Err(ReceiveError::Pending(error));
        }
        let Some(received) = memory.received.front(&socket.received) else {
            return Err(if socket.receive_shut_down {
                ReceiveError::ShutDown
            } else {
                ReceiveError::WouldBlock
            });
        };
        let payload = Payload {
            first: received.packet.data(),
            headers: received.headers.as_ref().map_or(&[], PacketBuffer::data),
            tail: &received.tail,
            tails: &memory.tails,
            len: received.len,
        };
        let charged = charge(received.len);
        let result = read(&received.meta, &payload);
        if !peek {
            socket.received_octets = socket.received_octets.saturating_sub(charged);
            memory.drop_received(&mut socket.received);
        }
        Ok(result)
    }

    /// Gives the oldest error of the error queue to `read` and removes it (MSG_ERRQUEUE), with
    /// what the report quotes of the datagram's payload.
    pub fn receive_error<T>(
        &mut self,
        id: SocketId,
        read: impl FnOnce(&ErrorMeta, &[u8]) -> T,
    ) -> Result<T, ReceiveError> {
        let (socket, memory) = self.sockets.with_memory(id).ok_or(ReceiveError::Closed)?;
        let queued = memory.errors.pop_front(&mut socket.errors).ok_or(ReceiveError::WouldBlock)?;
        // Linux: reading the queue clears the error that announced it, or announces the next;
        // errors of this node are announced by the call that failed.
        let announced = |meta: &ErrorMeta| meta.origin != ErrorOrigin::Local;
        let next = memory.errors.front(&socket.errors).map(|queued| queued.meta);
        if let Some(next) = next.filter(announced) {
            socket.pending_error = Some(next.error);
        } else if announced(&queued.meta) {
            socket.pending_error = None;
        }
        Ok(read(&queued.meta, queued.packet.as_ref().map_or(&[], |packet| packet.data())))
    }

    /// The pending error, which is none afterwards (SO_ERROR).
    pub fn take_socket_error(&mut self, id: SocketId) -> Option<SocketError> {
        self.sockets.get_mut(id)?.take_pending_error()
    }

    /// What poll(2) says about a socket; `None` when it is closed.
    pub fn readiness(&self, id: SocketId) -> Option<Readiness> {
        self.sockets.get(id).map(Socket::readiness)
    }

    /// Octets of the oldest received datagram, 0 without one (FIONREAD).
    pub fn next_receive_len(&self, id: SocketId) -> usize {
        self.sockets
            .get(id)
            .and_then(|socket| self.sockets.memory.received.front(&socket.received))
            .map_or(0, |received| received.len)
    }

    /// Shuts a connected socket's directions down.
    pub fn shutdown(
        &mut self,
        id: SocketId,
        receive: bool,
        send: bool,
    ) -> Result<(), ShutdownError> {
        let socket = self.sockets.get_mut(id).ok_or(ShutdownError::Closed)?;
        if socket.remote.is_none() {
            return Err(ShutdownError::NotConnected);
        }
        socket.receive_shut_down |= receive;
        socket.send_shut_down |= send;
        self.notify_socket(id);
        Ok(())
    }

    /// Puts a datagram into a socket's buffer, if it fits; false when it does not. `headers` is
    /// what [`Self::headers_for`] kept of it.
    pub(crate) fn deliver(
        &mut self,
        id: SocketId,
        meta: &ReceiveMeta,
        headers: Option<P::Buffer>,
        packet: P::Buffer,
        tail: &mut Tail<P::Buffer>,
    ) -> Result<(), DropReason> {
        let (socket, memory) = self.sockets.with_memory(id).ok_or(DropReason::SocketClosed)?;
        let refused = if socket.receive_shut_down {
            Some(DropReason::SocketClosed)
        } else if socket.received_octets >= socket.options.receive_buffer {
            // As on Linux, one datagram may exceed the limit, so that a small buffer holds one.
            Some(DropReason::SocketBufferFull)
        } else if socket.received.len() >= memory.received.available()
            || tail.len() > memory.tails.available()
        {
            // Nobody takes more than half of what the others leave.
            Some(DropReason::SocketMemoryFull)
        } else {
            None
        };
        if let Some(reason) = refused {
            socket.drops += 1;
            self.count_drop(Some(meta.interface), reason);
            return Err(reason);
        }
        let len = total_len(packet.data(), tail);
        let mut list = List::new();
        if !tail.is_empty() {
            for piece in tail.drain(..) {
                // There is room, as was just seen.
                let _kept = memory.tails.push_back(&mut list, piece);
            }
        }
        let received = Received { meta: *meta, packet, headers, tail: list, len };
        if let Err(mut refused) = memory.received.push_back(&mut socket.received, received) {
            memory.tails.clear(&mut refused.tail);
            socket.drops += 1;
            self.count_drop(Some(meta.interface), DropReason::SocketMemoryFull);
            return Err(DropReason::SocketMemoryFull);
        }
        socket.received_octets += charge(len);
        self.notify_socket(id);
        Ok(())
    }

    /// Notes an error for a socket; in detail if its user wants that.
    pub(crate) fn deliver_error(&mut self, id: SocketId, meta: ErrorMeta, payload: &[u8]) {
        let Some(wanted) = self.sockets.get(id).map(|socket| socket.options.receive_errors) else {
            return;
        };
        let packet = if wanted { self.copy_of(payload) } else { None };
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.pending_error = Some(meta.error);
        if wanted {
            self.queue_error(id, meta, packet);
        }
        self.notify_socket(id);
    }

    /// Keeps an error in a socket's error queue. A full queue loses the details.
    fn queue_error(&mut self, id: SocketId, meta: ErrorMeta, packet: Option<P::Buffer>) {
        if let Some((socket, memory)) = self.sockets.with_memory(id)
            && socket.errors.len() < memory.errors.available()
        {
            let _kept = memory.errors.push_back(&mut socket.errors, QueuedError { meta, packet });
        }
    }

    /// A datagram was too big to be sent: with IPV6_RECVERR, the MTU is in the error queue.
    pub(super) fn queue_too_big(&mut self, id: SocketId, destination: SocketAddrV6, path: &Path) {
        if !self.sockets.get(id).is_some_and(|socket| socket.options.receive_errors) {
            return;
        }
        let meta = ErrorMeta {
            error: SocketError::MessageTooBig,
            origin: ErrorOrigin::Local,
            info: path.mtu.into(),
            offender: SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0),
            destination,
            interface: path.interface,
            hop_limit: HopLimit(0),
        };
        self.queue_error(id, meta, None);
        self.notify_socket(id);
    }

    /// Puts a socket into the event queue, once.
    pub(crate) fn notify_socket(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.get_mut(id)
            && !core::mem::replace(&mut socket.notified, true)
        {
            self.events.push_socket(id);
        }
    }
}
