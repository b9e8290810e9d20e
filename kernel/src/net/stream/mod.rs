//! Stream sockets of AF_INET6: TCP (tcp(7)).
//!
//! The stack has the connections; here are the numbers and structures of the system calls.

mod errno;
mod info;
mod options;

pub(in crate::net) use info::{emit as info, emit_idle as idle_info};
pub(in crate::net) use options::{SYN_RETRIES, buffer_sizes};

use super::datagram::{Wanted, errno as shared_errno, error_message};
use super::option::Kind;
use super::socket::{Incoming, MessageFlags, Outgoing, Socket, SocketBase};
use super::{KernelStack, change_stack, socket_address, with_stack};
use crate::fs::file::Readiness;
use crate::sync::TaskCell;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserWriter};
use crate::time::{self, Duration};
use ::net::tcp::{TcpConnectError, TcpId, TcpState};
use alloc::collections::BTreeMap;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::cell::Cell;
use linux_raw_sys::net::{
    AF_INET6, IPPROTO_IP, IPPROTO_TCP, SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_STREAM,
};

/// All stream sockets that programs have, so that the stack's events find whom to wake.
static SOCKETS: TaskCell<BTreeMap<TcpId, Weak<StreamSocket>>> = TaskCell::new(BTreeMap::new());

/// Wakes whoever waits for a socket.
pub(super) fn wake(id: TcpId) {
    let socket = SOCKETS.with(|sockets| sockets.get(&id).and_then(Weak::upgrade));
    if let Some(socket) = socket {
        socket.base.wait_queue().wake_all();
    }
}

/// The number by which a socket is known outside, while a program has it.
pub(super) fn inode(id: TcpId) -> Option<u64> {
    let socket = SOCKETS.with(|sockets| sockets.get(&id).and_then(Weak::upgrade))?;
    Some(socket.base.inode().get())
}

/// A TCP socket.
pub(in crate::net) struct StreamSocket {
    base: SocketBase,
    id: TcpId,
    /// A connection that was begun has been reported as made, or none was begun.
    reported: Cell<bool>,
    /// SO_LINGER, when it is on.
    linger: Cell<Option<Duration>>,
    /// IPV6_RECVPKTINFO and the like. As on Linux they can be set and read, but nothing comes of
    /// them: a stream has no messages to which control messages could belong.
    wanted: Cell<Wanted>,
}

impl StreamSocket {
    /// socket(2): `EPROTONOSUPPORT` for another protocol than TCP.
    pub(in crate::net) fn create(protocol: u32) -> Result<Rc<dyn Socket>, Errno> {
        const ANY: u32 = IPPROTO_IP as u32;
        const TCP: u32 = IPPROTO_TCP as u32;
        if !matches!(protocol, ANY | TCP) {
            return Err(Errno::PROTONOSUPPORT);
        }
        let id = change_stack(KernelStack::tcp_open).map_err(|_| Errno::NFILE)?;
        Ok(Self::new(id))
    }

    fn new(id: TcpId) -> Rc<Self> {
        let socket = Rc::new(Self {
            base: SocketBase::fresh(),
            id,
            reported: Cell::new(true),
            linger: Cell::new(None),
            wanted: Cell::new(Wanted::empty()),
        });
        SOCKETS.with(|sockets| sockets.insert(id, Rc::downgrade(&socket)));
        socket
    }

    /// The oldest error of the error queue, with what it quotes of the segment.
    fn receive_error(&self, to: &mut UserWriter<'_>) -> Result<Incoming, Errno> {
        change_stack(|stack| {
            stack.tcp_receive_error(self.id, |meta, quoted| error_message(meta, quoted, to))
        })
        .map_err(|_| Errno::AGAIN)?
    }

    /// tcp(7): a listener has no bytes that could be counted.
    fn check_not_listening(&self) -> Result<(), Errno> {
        if self.state() == TcpState::Listen { Err(Errno::INVAL) } else { Ok(()) }
    }

    fn state(&self) -> TcpState {
        with_stack(|stack| stack.tcp_state(self.id)).unwrap_or(TcpState::Closed)
    }

    /// The error of a connection, after which the socket is as if it had never tried.
    fn take_failure(&self) -> Option<Errno> {
        change_stack(|stack| {
            let error = stack.tcp_take_error(self.id)?;
            if stack.tcp_state(self.id) == Some(TcpState::Closed) {
                stack.tcp_disconnect(self.id, time::now());
            }
            Some(errno::connection(error))
        })
    }
}

impl Drop for StreamSocket {
    fn drop(&mut self) {
        SOCKETS.with(|sockets| sockets.remove(&self.id));
        let abort = self.linger.get() == Some(Duration::ZERO);
        change_stack(|stack| {
            if abort {
                stack.tcp_abort(self.id, time::now());
            } else {
                // What is queued goes on in the background.
                stack.tcp_close(self.id, time::now());
            }
        });
    }
}

impl Socket for StreamSocket {
    fn base(&self) -> &SocketBase {
        &self.base
    }

    fn kind(&self) -> Kind {
        Kind { family: AF_INET6, protocol: IPPROTO_TCP as u32, kind: SOCK_STREAM }
    }

    fn bind(&self, address: &[u8]) -> Result<(), Errno> {
        let address = socket_address::parse(address)?;
        change_stack(|stack| stack.tcp_bind(self.id, address)).map_err(shared_errno::bind)
    }

    fn connect(&self, address: &[u8]) -> Result<(), Errno> {
        let Some(peer) = socket_address::parse_peer(address)? else {
            change_stack(|stack| stack.tcp_disconnect(self.id, time::now()));
            self.reported.set(true);
            return Ok(());
        };
        if let Some(error) = self.take_failure() {
            self.reported.set(true);
            return Err(error);
        }
        match change_stack(|stack| stack.tcp_connect(self.id, peer, time::now())) {
            Ok(()) => {
                self.reported.set(false);
                Err(Errno::INPROGRESS)
            }
            // As on Linux, success is told once to whoever did not wait for it.
            Err(TcpConnectError::Connected) if !self.reported.replace(true) => Ok(()),
            Err(error) => Err(errno::connect(error)),
        }
    }

    fn try_finish_connect(&self) -> Result<(), Errno> {
        if let Some(error) = self.take_failure() {
            self.reported.set(true);
            return Err(error);
        }
        match self.state() {
            TcpState::SynSent | TcpState::SynReceived => Err(Errno::AGAIN),
            _ => {
                self.reported.set(true);
                Ok(())
            }
        }
    }

    fn local_address(&self) -> Result<Vec<u8>, Errno> {
        let address = with_stack(|stack| stack.tcp_local_address(self.id)).ok_or(Errno::BADF)?;
        Ok(socket_address::emit(address))
    }

    fn peer_address(&self) -> Result<Vec<u8>, Errno> {
        let unconnected = matches!(
            self.state(),
            TcpState::Closed | TcpState::Listen | TcpState::SynSent | TcpState::SynReceived
        );
        let address = with_stack(|stack| stack.tcp_remote_address(self.id));
        let address = address.filter(|_| !unconnected).ok_or(Errno::NOTCONN)?;
        Ok(socket_address::emit(address))
    }

    fn listen(&self, backlog: i32) -> Result<(), Errno> {
        // A negative one is the largest.
        let backlog = usize::try_from(backlog).unwrap_or(usize::MAX);
        change_stack(|stack| stack.tcp_listen(self.id, backlog)).map_err(errno::listen)
    }

    fn try_accept(&self) -> Result<(Rc<dyn Socket>, Vec<u8>), Errno> {
        let (id, peer) = change_stack(|stack| stack.tcp_accept(self.id)).map_err(errno::accept)?;
        Ok((Self::new(id), socket_address::emit(peer)))
    }

    fn shutdown(&self, how: u32) -> Result<(), Errno> {
        let (receive, send) = match how {
            SHUT_RD => (true, false),
            SHUT_WR => (false, true),
            SHUT_RDWR => (true, true),
            _ => return Err(Errno::INVAL),
        };
        change_stack(|stack| stack.tcp_shutdown(self.id, receive, send, time::now()))
            .map_err(shared_errno::shutdown)
    }

    fn try_send(
        &self,
        from: &mut UserReader<'_>,
        _message: Outgoing<'_>,
        flags: MessageFlags,
    ) -> Result<usize, Errno> {
        let length = from.remaining();
        let fill = |run: &mut [u8]| from.copy(run).map(|_| ());
        let now = time::now();
        change_stack(|stack| {
            if flags.contains(MessageFlags::MORE) {
                stack.tcp_send_more(self.id, length, fill, now)
            } else {
                stack.tcp_send(self.id, length, fill, now)
            }
        })
        .map_err(errno::send)
    }

    fn try_receive(&self, to: &mut UserWriter<'_>, flags: MessageFlags) -> Result<Incoming, Errno> {
        if flags.contains(MessageFlags::ERROR_QUEUE) {
            return self.receive_error(to);
        }
        let length = to.remaining();
        let peek = flags.contains(MessageFlags::PEEK);
        // tcp(7): with MSG_TRUNC the data is thrown away.
        let discard = flags.contains(MessageFlags::TRUNCATED);
        let read = |run: &[u8]| if discard { Ok(()) } else { to.copy(run).map(|_| ()) };
        let count =
            change_stack(|stack| stack.tcp_receive(self.id, length, peek, read, time::now()))
                .map_err(errno::receive)?;
        Ok(Incoming { length: count, ..Incoming::default() })
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<(), Errno> {
        options::set(self, level, name, value)
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>, Errno> {
        options::get(self, level, name)
    }

    fn readiness(&self) -> Readiness {
        let state = with_stack(|stack| stack.tcp_readiness(self.id)).unwrap_or_default();
        let mut readiness = Readiness::empty();
        readiness.set(Readiness::IN, state.readable);
        readiness.set(Readiness::OUT, state.writable);
        readiness.set(Readiness::ERROR, state.error);
        readiness.set(Readiness::READ_HANG_UP, state.receive_shut_down);
        readiness.set(Readiness::HANG_UP, state.hang_up);
        readiness
    }

    fn readable_bytes(&self) -> Result<usize, Errno> {
        self.check_not_listening()?;
        Ok(with_stack(|stack| stack.tcp_unread(self.id)) as usize)
    }

    fn unacknowledged_bytes(&self) -> Result<usize, Errno> {
        self.check_not_listening()?;
        Ok(with_stack(|stack| stack.tcp_unacknowledged(self.id)) as usize)
    }

    fn unsent_bytes(&self) -> Result<usize, Errno> {
        self.check_not_listening()?;
        Ok(with_stack(|stack| stack.tcp_unsent(self.id)) as usize)
    }

    fn begin_close(&self) -> Option<Duration> {
        let limit = self.linger.get().filter(|limit| !limit.is_zero())?;
        // What nobody has read makes closing a reset, for which there is nothing to wait.
        if self.readable_bytes() != Ok(0) || self.unacknowledged_bytes() == Ok(0) {
            return None;
        }
        self.shutdown(SHUT_WR).ok()?;
        Some(limit)
    }
}
