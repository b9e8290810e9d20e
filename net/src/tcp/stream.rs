//! Sending, receiving, shutting down, closing (RFC 9293, Sections 3.10.2 to 3.10.5).

use super::TcpId;
use super::connection::{Connection, Owner};
use super::error::{TcpError, TcpReceiveError, TcpSendError};
use super::micros::Micros;
use super::state::TcpState;
use super::store::Store;
use super::table::{Body, NIL, TcpSocket};
use super::timers::RETRY;
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::counters::DropReason;
use crate::random::Random;
use crate::socket::{ErrorMeta, ReceiveError, ShutdownError};
use crate::stack::Stack;
use crate::time::Instant;

/// Segments that are queued before the first of them is sent: few enough that what the program has
/// written is still in the cache when it goes into packets, 8 of 1440 octets and as many packets.
const AT_ONCE: usize = 8;

/// What poll(2) asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpReadiness {
    /// As much data as SO_RCVLOWAT asks for, the end of the stream, an error or a connection to
    /// accept is there.
    pub readable: bool,
    /// Data can be sent, or the attempt tells at once why not.
    pub writable: bool,
    /// An error is pending.
    pub error: bool,
    /// Urgent data waits or is on its way: POLLPRI.
    pub urgent: bool,
    /// The other side sends no more, or receiving was shut down: POLLRDHUP.
    pub receive_shut_down: bool,
    /// Both directions are over: POLLHUP.
    pub hang_up: bool,
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Sends up to `length` octets. `fill` is called with one run of memory after the other and
    /// writes the next octets there. Gives how many were taken, at least one unless `length` is 0;
    /// what `fill` refuses after the first run is not taken.
    pub fn tcp_send<E>(
        &mut self,
        id: TcpId,
        length: usize,
        fill: impl FnMut(&mut [u8]) -> Result<(), E>,
        now: Instant,
    ) -> Result<usize, TcpSendError<E>> {
        self.tcp_send_octets(id, length, false, fill, now)
    }

    /// As [`Self::tcp_send`], but more is going to follow (MSG_MORE): what does not fill a segment
    /// waits for it, for 200 ms at most.
    pub fn tcp_send_more<E>(
        &mut self,
        id: TcpId,
        length: usize,
        fill: impl FnMut(&mut [u8]) -> Result<(), E>,
        now: Instant,
    ) -> Result<usize, TcpSendError<E>> {
        self.tcp_send_octets(id, length, true, fill, now)
    }

    fn tcp_send_octets<E>(
        &mut self,
        id: TcpId,
        length: usize,
        more_follows: bool,
        mut fill: impl FnMut(&mut [u8]) -> Result<(), E>,
        now: Instant,
    ) -> Result<usize, TcpSendError<E>> {
        let (connection, _) = self.tcp.user_connection(id).ok_or(TcpSendError::Closed)?;
        let connection = connection.ok_or(TcpSendError::NotConnected)?;
        if let Some(error) = connection.error.take() {
            return Err(TcpSendError::Pending(error));
        }
        match connection.state {
            TcpState::SynSent | TcpState::SynReceived => {
                connection.waits_to_send.set(true);
                return Err(TcpSendError::WouldBlock);
            }
            state if !state.can_send() => return Err(TcpSendError::ShutDown),
            _ => {}
        }
        if length == 0 {
            return Ok(0);
        }
        let mut count = 0;
        while let Some((connection, store)) = self.tcp.connection_and_store(id.slot.into()) {
            let part = (length - count).min(AT_ONCE * connection.window.mss as usize);
            let queued = queue(connection, store, &mut self.pool, part, &mut fill, now);
            if let Ok(octets) = queued {
                count += octets;
            }
            let goes_on = queued.as_ref().is_ok_and(|&octets| octets == part) && count < length;
            connection.more_follows = more_follows || goes_on;
            self.tcp_flush(id.slot.into(), now);
            match queued {
                Ok(_) if goes_on => {}
                Err(error) if count == 0 => {
                    self.finish(now);
                    return Err(error);
                }
                Ok(_) | Err(_) => break,
            }
        }
        self.finish(now);
        Ok(count)
    }

    /// Gives up to `length` octets to `read`, in one run after the other, and forgets them unless
    /// `peek`. Gives how many were read; 0 is the end of the stream. Data that arrived before an
    /// error comes before it.
    pub fn tcp_receive<E>(
        &mut self,
        id: TcpId,
        length: usize,
        peek: bool,
        read: impl FnMut(&[u8]) -> Result<(), E>,
        now: Instant,
    ) -> Result<usize, TcpReceiveError<E>> {
        let found = self.tcp.user_connection(id).ok_or(TcpReceiveError::Closed)?;
        let (Some(connection), store) = found else { return Err(TcpReceiveError::NotConnected) };
        if connection.receive.readable() == 0 {
            if let Some(error) = connection.error.take() {
                return Err(TcpReceiveError::Pending(error));
            }
            let over = connection.receive.finished
                || connection.receive_shut_down
                || connection.state == TcpState::Closed;
            return if over || length == 0 { Ok(0) } else { Err(TcpReceiveError::WouldBlock) };
        }
        let length = connection.up_to_mark(length);
        let count =
            connection.receive.read(store, length, peek, read).map_err(TcpReceiveError::Read)?;
        if !peek && connection.state != TcpState::Closed {
            let measured = connection.receive.sizing.rtt().or(connection.rtt.smoothed());
            let rtt = measured.unwrap_or(Micros::from_millis(100));
            connection.receive.grow(count as u32, rtt, now);
            let mss = connection.window.mss;
            let receive = &connection.receive;
            if !receive.finished && receive.wants_update(mss, || receive.room(store, mss)) {
                connection.acknowledging.now = true;
                self.tcp_flush(id.slot.into(), now);
                self.finish(now);
            }
        }
        Ok(count)
    }

    /// Shuts directions of a connection down. What is queued is sent, then a FIN. A listener whose
    /// receiving is shut down stops listening, as on Linux.
    pub fn tcp_shutdown(
        &mut self,
        id: TcpId,
        receive: bool,
        send: bool,
        now: Instant,
    ) -> Result<(), ShutdownError> {
        let socket = self.tcp.get(id).ok_or(ShutdownError::Closed)?;
        if socket.listener().is_some() {
            if receive {
                self.tcp_stop_listening(id, now);
                self.tcp_notify(id.slot.into());
            }
            return Ok(());
        }
        let Some((connection, store)) = self.tcp.connection_and_store(id.slot.into()) else {
            return Err(ShutdownError::NotConnected);
        };
        if matches!(connection.state, TcpState::Closed | TcpState::SynSent) {
            return Err(ShutdownError::NotConnected);
        }
        connection.receive_shut_down |= receive;
        if send && !connection.finish_sending(store) {
            // Without memory for a FIN there is still a reset.
            connection.error = Some(TcpError::ConnectionReset);
            self.tcp_send_reset(id.slot.into(), now);
            self.tcp.retire(id.slot.into());
        }
        self.tcp_flush(id.slot.into(), now);
        self.tcp_notify(id.slot.into());
        self.finish(now);
        Ok(())
    }

    /// Closes a socket; its number means nothing any more. A connection goes on until what is
    /// queued has arrived, unless something was not read: then it is reset, so that the other side
    /// knows (RFC 9293, Section 3.6.1).
    pub fn tcp_close(&mut self, id: TcpId, now: Instant) {
        let Some(socket) = self.tcp.get(id) else { return };
        match &socket.body {
            Body::Idle(_) => self.tcp.free(id.slot.into()),
            Body::Listener(_) => {
                self.tcp_stop_listening(id, now);
                self.tcp.free(id.slot.into());
            }
            Body::Connection(connection) => {
                let unread = connection.receive.readable() > 0;
                match connection.state {
                    TcpState::Closed | TcpState::SynSent => self.tcp.free(id.slot.into()),
                    _ if unread => {
                        self.counters.tcp.aborts_on_close += 1;
                        self.tcp_abort(id, now);
                    }
                    _ => self.tcp_orphan(id, now),
                }
            }
        }
        self.finish(now);
    }

    /// The user has gone; the connection ends in order.
    fn tcp_orphan(&mut self, id: TcpId, now: Instant) {
        let Some((connection, store)) = self.tcp.connection_and_store(id.slot.into()) else {
            return;
        };
        connection.owner = Owner::Nobody;
        connection.stalled_since = None;
        connection.receive_shut_down = true;
        if connection.waits_for_fin() {
            connection.timers.silence = now + super::timers::FIN_WAIT_2;
        }
        if connection.finish_sending(store) {
            self.tcp_flush(id.slot.into(), now);
        } else {
            // Without memory for a FIN there is still a reset.
            self.tcp_send_reset(id.slot.into(), now);
            self.tcp.free(id.slot.into());
        }
    }

    /// Ends a connection with a reset and closes the socket: close with SO_LINGER of zero.
    pub fn tcp_abort(&mut self, id: TcpId, now: Instant) {
        let Some(socket) = self.tcp.get(id) else { return };
        if let Some(connection) = socket.connection()
            && !matches!(connection.state, TcpState::Closed | TcpState::SynSent)
        {
            self.tcp_send_reset(id.slot.into(), now);
        }
        self.tcp_stop_listening(id, now);
        self.tcp.free(id.slot.into());
        self.finish(now);
    }

    /// Ends listening: what waits to be accepted is reset, what is half open forgotten.
    pub(super) fn tcp_stop_listening(&mut self, id: TcpId, now: Instant) {
        let Some(socket) = self.tcp.get_mut(id) else { return };
        let Some(listener) = socket.listener() else { return };
        let mut slot = listener.head;
        socket.body = Body::Idle(listener.options);
        self.tcp.unfile_listener(id.slot.into());
        self.tcp.half_open.forget_listener((id.slot, id.generation));
        while slot != NIL {
            let next = self.tcp.at(slot.into()).map_or(NIL, |waiting| waiting.next);
            let open = self
                .tcp
                .at(slot.into())
                .and_then(TcpSocket::connection)
                .is_some_and(|connection| connection.state != TcpState::Closed);
            if open {
                self.tcp_send_reset(slot.into(), now);
                self.count_drop(None, DropReason::TcpAfterClose);
            }
            self.tcp.free(slot.into());
            slot = next;
        }
    }

    /// What poll(2) says about a socket; `None` when it is closed.
    pub fn tcp_readiness(&self, id: TcpId) -> Option<TcpReadiness> {
        let socket = self.tcp.get(id)?;
        let connection = match &socket.body {
            // Linux: a socket that was never connected has hung up, and takes data to refuse it.
            Body::Idle(_) => {
                return Some(TcpReadiness {
                    writable: true,
                    hang_up: true,
                    error: !socket.errors.is_empty(),
                    ..TcpReadiness::default()
                });
            }
            Body::Listener(listener) => {
                return Some(TcpReadiness {
                    readable: listener.len > 0,
                    ..TcpReadiness::default()
                });
            }
            Body::Connection(connection) => connection,
        };
        let closed = connection.state == TcpState::Closed;
        let connecting = matches!(connection.state, TcpState::SynSent | TcpState::SynReceived);
        let receive_shut_down =
            connection.receive.finished || connection.receive_shut_down || closed;
        let send_shut_down = !connection.state.can_send() && !connecting;
        Some(TcpReadiness {
            readable: connection.is_readable() || receive_shut_down,
            writable: !connecting && (send_shut_down || connection.look_for_room(&self.tcp.store)),
            error: connection.error.is_some() || !socket.errors.is_empty(),
            urgent: connection.is_urgent(),
            receive_shut_down,
            hang_up: closed || receive_shut_down && send_shut_down,
        })
    }

    /// Gives the oldest error of the error queue to `read` and removes it (MSG_ERRQUEUE), with
    /// what the report quotes of the segment, from its TCP header on; see
    /// [`super::TcpSocketOptions::receive_errors`].
    pub fn tcp_receive_error<T>(
        &mut self,
        id: TcpId,
        read: impl FnOnce(&ErrorMeta, &[u8]) -> T,
    ) -> Result<T, ReceiveError> {
        self.tcp.get(id).ok_or(ReceiveError::Closed)?;
        let queued = self.tcp.pop_error(id).ok_or(ReceiveError::WouldBlock)?;
        Ok(read(&queued.meta, queued.packet.as_ref().map_or(&[], |packet| packet.data())))
    }

    /// The pending error, which is none afterwards (SO_ERROR).
    pub fn tcp_take_error(&mut self, id: TcpId) -> Option<TcpError> {
        self.tcp.get_mut(id)?.connection_mut()?.error.take()
    }

    /// A connection that failed to open leaves a socket that can try again (connect to
    /// AF_UNSPEC, or connect after an error).
    pub fn tcp_disconnect(&mut self, id: TcpId, now: Instant) {
        let Some(socket) = self.tcp.get(id) else { return };
        let (local, bound, options) =
            (socket.local, socket.address_bound, *socket.packed_options());
        let Some(connection) = socket.connection() else { return };
        if !matches!(connection.state, TcpState::Closed | TcpState::SynSent) {
            self.tcp_send_reset(id.slot.into(), now);
        }
        self.tcp.retire(id.slot.into());
        if let Some((connection, store, models)) = self.tcp.connection_and_memory(id.slot.into()) {
            connection.discard(store);
            connection.congestion.release(models);
        }
        self.ways.forget(id.slot.into());
        if let Some(socket) = self.tcp.get_mut(id) {
            let fresh = TcpSocket::new(Body::Idle(options));
            // What queues know of it stays.
            let before = core::mem::replace(socket, fresh);
            (socket.notified, socket.pending) = (before.notified, before.pending);
            socket.errors = before.errors;
            if bound {
                (socket.local, socket.address_bound) = (local, true);
            } else {
                self.tcp.give_port_back(id.slot.into());
            }
        }
        self.finish(now);
    }
}

/// Queues data as long as there is room.
#[inline]
fn queue<P: BufferPool, E>(
    connection: &mut Connection,
    store: &mut Store<P::Buffer>,
    pool: &mut P,
    length: usize,
    fill: &mut impl FnMut(&mut [u8]) -> Result<(), E>,
    now: Instant,
) -> Result<usize, TcpSendError<E>> {
    let mut count = 0;
    while count < length {
        let room = connection.send_room(store) as usize;
        let wanted = (length - count).min(room);
        let mss = connection.window.mss;
        let taken = if wanted == 0 {
            Ok(None)
        } else {
            match connection.send.extend(store, mss, wanted, fill) {
                Ok(0) => queue_buffer(connection, store, pool, wanted, fill),
                Ok(added) => Ok(Some(added)),
                Err(error) => Err(error),
            }
        };
        match taken {
            Ok(Some(added)) => count += added,
            Ok(None) => {
                connection.waits_to_send.set(true);
                // Nothing tells when memory that others hold is free.
                if connection.send.data < connection.send_limit() {
                    connection.timers.retry = connection.timers.retry.min(now + RETRY);
                }
                break;
            }
            Err(error) if count == 0 => return Err(TcpSendError::Fill(error)),
            Err(_) => break,
        }
    }
    if count == 0 { Err(TcpSendError::WouldBlock) } else { Ok(count) }
}

/// Queues data that does not fit behind what is queued. `None` without memory.
#[inline]
fn queue_buffer<P: BufferPool, E>(
    connection: &mut Connection,
    store: &mut Store<P::Buffer>,
    pool: &mut P,
    wanted: usize,
    fill: &mut impl FnMut(&mut [u8]) -> Result<(), E>,
) -> Result<Option<usize>, E> {
    let Some(mut buffer) = pool.allocate(PAYLOAD_OFFSET) else { return Ok(None) };
    let count = wanted.min(connection.window.mss as usize).min(buffer.tailroom());
    let Some(room) = buffer.append(count) else { return Ok(None) };
    fill(room)?;
    Ok(connection.send.push_data(store, buffer).then_some(count))
}
