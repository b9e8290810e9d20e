//! What a socket is to the system calls: a file that can also be bound, connected and given
//! messages with addresses and control data.
//!
//! As with every file nothing here waits: what would have to answers `EAGAIN`, and the file's wait
//! queue is woken when another try may help.

use crate::executor::WaitQueue;
use crate::fs::file::{File, IoctlArgument, Readiness, TimeLimit};
use crate::fs::stat::{DeviceNumber, Kind as FileKind, Stat};
use crate::net::inode::Inode;
use crate::net::ioctl;
use crate::net::option::Kind;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserWriter};
use alloc::rc::Rc;
use alloc::vec::Vec;
use bitflags::bitflags;
use core::any::Any;
use core::cell::Cell;
use core::time::Duration;
use linux_raw_sys::net::{
    MSG_CONFIRM, MSG_CTRUNC, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_MORE, MSG_NOSIGNAL, MSG_PEEK,
    MSG_TRUNC, MSG_WAITALL,
};

bitflags! {
    /// The flags of send(2) and recv(2) that mean something here; others are ignored, as Linux
    /// does with most.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct MessageFlags: u32 {
        /// Leave the data in the queue.
        const PEEK = MSG_PEEK;
        /// In: return the datagram's true length. Out: the datagram was cut.
        const TRUNCATED = MSG_TRUNC;
        /// Out: control data was cut.
        const CONTROL_TRUNCATED = MSG_CTRUNC;
        /// Do not wait, whatever `O_NONBLOCK` says.
        const DONT_WAIT = MSG_DONTWAIT;
        /// Wait until the whole buffer is full (streams).
        const WAIT_ALL = MSG_WAITALL;
        /// Take from the error queue.
        const ERROR_QUEUE = MSG_ERRQUEUE;
        /// The last answer proves that the neighbor is reachable.
        const CONFIRM = MSG_CONFIRM;
        /// No SIGPIPE.
        const NO_SIGNAL = MSG_NOSIGNAL;
        /// More is going to follow: what does not fill a segment waits (streams).
        const MORE = MSG_MORE;
    }
}

/// Where a message is to go, beside its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outgoing<'a> {
    /// Destination, a `sockaddr`; `None` for the connected peer.
    pub address: Option<&'a [u8]>,
    /// Control messages.
    pub control: &'a [u8],
}

/// What came with a message.
#[derive(Clone, Debug, Default)]
pub struct Incoming {
    /// What the call returns: bytes copied, or with MSG_TRUNC the true length of a datagram.
    pub length: usize,
    /// Its sender, a `sockaddr`; empty when there is none to tell.
    pub address: Vec<u8>,
    /// Control messages.
    pub control: Vec<u8>,
    /// MSG_TRUNC and the like, for `msg_flags`.
    pub flags: u32,
}

/// What every socket has, whatever its kind.
pub struct SocketBase {
    inode: Inode,
    timeouts: Cell<Timeouts>,
    wait_queue: WaitQueue,
}

impl SocketBase {
    /// That of a new socket.
    pub fn fresh() -> Self {
        Self {
            inode: Inode::fresh(),
            timeouts: Cell::new(Timeouts::default()),
            wait_queue: WaitQueue::new(),
        }
    }

    /// The number by which the socket is known outside.
    pub fn inode(&self) -> Inode {
        self.inode
    }

    /// How long its calls wait.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts.get()
    }

    /// Changes how long its calls wait.
    pub fn set_timeouts(&self, timeouts: Timeouts) {
        self.timeouts.set(timeouts);
    }

    /// Woken when the readiness may have changed.
    pub fn wait_queue(&self) -> &WaitQueue {
        &self.wait_queue
    }
}

/// One kind of socket.
pub trait Socket: 'static {
    /// What it has in common with all others.
    fn base(&self) -> &SocketBase;

    /// What socket(2) was asked for.
    fn kind(&self) -> Kind;

    /// bind(2) to a `sockaddr`.
    fn bind(&self, address: &[u8]) -> Result<(), Errno>;

    /// connect(2) to a `sockaddr`; its `AF_UNSPEC` dissolves an association. `EINPROGRESS`: it
    /// takes a while, see [`try_finish_connect`](Self::try_finish_connect).
    fn connect(&self, address: &[u8]) -> Result<(), Errno>;

    /// How a connect(2) in progress has ended; `EAGAIN`: not yet.
    fn try_finish_connect(&self) -> Result<(), Errno> {
        Ok(())
    }

    /// Whether it carries a stream: a blocking send goes on until everything is taken.
    fn is_stream(&self) -> bool {
        false
    }

    /// getsockname(2).
    fn local_address(&self) -> Result<Vec<u8>, Errno>;

    /// getpeername(2).
    fn peer_address(&self) -> Result<Vec<u8>, Errno>;

    /// listen(2).
    fn listen(&self, _backlog: i32) -> Result<(), Errno> {
        Err(Errno::OPNOTSUPP)
    }

    /// accept(2): the new socket and its peer. `EAGAIN`: none yet.
    fn try_accept(&self) -> Result<(Rc<dyn Socket>, Vec<u8>), Errno> {
        Err(Errno::OPNOTSUPP)
    }

    /// shutdown(2), `how` as the program gave it.
    fn shutdown(&self, how: u32) -> Result<(), Errno>;

    /// Sends one message; `EAGAIN` when there is no room now.
    fn try_send(
        &self,
        from: &mut UserReader<'_>,
        message: Outgoing<'_>,
        flags: MessageFlags,
    ) -> Result<usize, Errno>;

    /// Takes one message; `EAGAIN` when there is none.
    fn try_receive(&self, to: &mut UserWriter<'_>, flags: MessageFlags) -> Result<Incoming, Errno>;

    /// Sets an option that this kind of socket has; `ENOPROTOOPT` for another, which
    /// [`option::set`](super::option::set) then looks for among those that all have.
    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<(), Errno>;

    /// The whole value of an option that this kind of socket has; `ENOPROTOOPT` for another, see
    /// [`option::get`](super::option::get).
    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>, Errno>;

    /// The value of an option whose buffer says what is asked; `ENOPROTOOPT` for another, see
    /// [`option::has_question`](super::option::has_question).
    fn answer(&self, _level: u32, _name: u32, _question: &[u8]) -> Result<Vec<u8>, Errno> {
        Err(Errno::NOPROTOOPT)
    }

    /// What poll(2) reports.
    fn readiness(&self) -> Readiness;

    /// FIONREAD: bytes that the next receive can take; `EINVAL` for a socket that never has any.
    fn readable_bytes(&self) -> Result<usize, Errno> {
        Ok(0)
    }

    /// SIOCOUTQ: bytes that the other side does not have for certain; `EINVAL` as above.
    fn unacknowledged_bytes(&self) -> Result<usize, Errno> {
        Ok(0)
    }

    /// SIOCOUTQNSD: bytes that were never sent; `EINVAL` as above.
    fn unsent_bytes(&self) -> Result<usize, Errno> {
        Ok(0)
    }

    /// How long close(2) waits for what was sent to arrive, as SO_LINGER asks for. Asked once,
    /// when the last descriptor is closed: sending is over then.
    fn begin_close(&self) -> Option<Duration> {
        None
    }

    /// SIOCGSTAMP: the time of day when what was received last came.
    fn last_time(&self) -> Option<Duration> {
        None
    }
}

/// How long a blocking call waits; `None` is for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// SO_RCVTIMEO.
    pub receive: Option<Duration>,
    /// SO_SNDTIMEO.
    pub send: Option<Duration>,
}

/// The device number that fstat(2) tells of sockets.
const SOCKET_FILE_SYSTEM: DeviceNumber = DeviceNumber::new(0, 8);

/// A socket as a file.
pub struct SocketFile {
    socket: Rc<dyn Socket>,
}

impl SocketFile {
    /// Wraps a socket.
    pub fn new(socket: Rc<dyn Socket>) -> Self {
        Self { socket }
    }

    /// The socket.
    pub fn socket(&self) -> &Rc<dyn Socket> {
        &self.socket
    }
}

impl File for SocketFile {
    fn try_read(&self, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        self.socket.try_receive(to, MessageFlags::empty()).map(|incoming| incoming.length)
    }

    fn try_write(&self, from: &mut UserReader<'_>) -> Result<usize, Errno> {
        self.socket.try_send(from, Outgoing::default(), MessageFlags::empty())
    }

    fn readiness(&self) -> Readiness {
        self.socket.readiness()
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(self.socket.base().wait_queue())
    }

    fn read_limit(&self) -> Option<TimeLimit> {
        let after = self.socket.base().timeouts().receive?;
        Some(TimeLimit { after, result: Err(Errno::AGAIN) })
    }

    fn write_limit(&self) -> Option<TimeLimit> {
        let after = self.socket.base().timeouts().send?;
        Some(TimeLimit { after, result: Err(Errno::AGAIN) })
    }

    fn ioctl(&self, request: u32, argument: IoctlArgument) -> Result<usize, Errno> {
        ioctl::socket(&*self.socket, request, argument)
    }

    fn stat(&self) -> Result<Stat, Errno> {
        Ok(Stat::new(SOCKET_FILE_SYSTEM, self.socket.base().inode().get(), FileKind::Socket, 0o777))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
